"""In a Litestar project: the stack around the application, whose `request.session` and `request.user` it fills.

    uvicorn examples.litestar_app:app

Litestar reads both from the scope, as the stack leaves them there, so its guards work unchanged. Its own list,
`Litestar(middleware=stack)`, takes the same stack, but stands around each route: a 404 is not seen from there.
"""

import os
import secrets
from typing import Any

from litestar import Litestar, Request, get, post
from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException
from litestar.handlers import BaseRouteHandler

from asgi_middleware import Stack
from asgi_middleware.auth import SessionUser, login


def signed_in(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
    """A guard: 401 for nobody."""
    if not connection.user.is_authenticated:
        raise NotAuthorizedException


@post("/login/{name:str}")
async def sign_in(request: Request[Any, Any, Any], name: str) -> dict[str, str]:
    """Where a password, or an identity provider, would say who it is."""
    login(request.scope, name)
    return {"signed in": name}


@get("/notes", guards=[signed_in])
async def notes(request: Request[Any, Any, Any]) -> dict[str, Any]:
    request.session["read"] = request.session.get("read", 0) + 1
    return {"of": request.user.identity, "read": request.session["read"], "notes": ["bread", "coffee"] * 100}


stack = Stack(
    [
        "request_id",
        ("cors", {"allow_origins": ["https://app.example.com"], "allow_credentials": True}),
        "compression",
        # A key of its own for each start is enough to try; a deployment sets SESSION_KEY.
        ("sessions", {"secret_key": os.environ.get("SESSION_KEY") or secrets.token_urlsafe(32)}),
        ("auth", {"backend": SessionUser()}),
    ]
)
app = stack(Litestar([sign_in, notes]))
