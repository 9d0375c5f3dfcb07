"""In a Starlette project: the classes in its own list, its own backends and decorators unchanged.

    uvicorn examples.starlette_app:app

Starlette answers crashes outside of its list of middlewares. Wrap the application itself, as here with the request ID,
in what must be on those responses too.
"""

import os
import secrets

from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser, requires
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from asgi_middleware import AuthenticationMiddleware, RequestIDMiddleware, SessionMiddleware


class SessionBackend(AuthenticationBackend):
    """Starlette's kind of backend: whoever is in the session is signed in."""

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, SimpleUser] | None:
        name = conn.session.get("user")
        return None if name is None else (AuthCredentials(["authenticated"]), SimpleUser(name))


async def login(request: Request) -> JSONResponse:
    request.session["user"] = request.path_params["name"]
    return JSONResponse({"signed in": request.session["user"]})


@requires("authenticated", status_code=401)
async def secret(request: Request) -> JSONResponse:
    return JSONResponse({"secret of": request.user.display_name})


starlette_app = Starlette(
    routes=[Route("/login/{name}", login, methods=["POST"]), Route("/secret", secret)],
    middleware=[
        # A key of its own for each start is enough to try; a deployment sets SESSION_KEY.
        Middleware(SessionMiddleware, secret_key=os.environ.get("SESSION_KEY") or secrets.token_urlsafe(32)),
        Middleware(AuthenticationMiddleware, backend=SessionBackend()),
    ],
)
app = RequestIDMiddleware(starlette_app)
