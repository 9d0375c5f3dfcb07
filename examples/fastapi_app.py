"""In a FastAPI project: the middleware says who it is, and dependencies ask it.

    uvicorn examples.fastapi_app:app

A key is printed at the start; `curl -H "X-API-Key: ..." localhost:8000/reports` reads with it. A deployment keeps the
digests of its keys alone, and its users come from a provider: `Bearer(JWT(OIDC(...), audience=...))`.
"""

import logging
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Request

from asgi_middleware import AuthMiddleware
from asgi_middleware.auth import APIKeys

key, digest = APIKeys.new(prefix="demo")
logging.getLogger("uvicorn").info("the key of this run: %s", key)


def signed_in(request: Request) -> Any:
    """The user; 401 for nobody."""
    if not request.user.is_authenticated:
        raise HTTPException(401, headers={"WWW-Authenticate": "APIKey"})
    return request.user


SignedIn = Annotated[Any, Depends(signed_in)]


class Scopes:
    """A dependency: 403 for those who lack one of the scopes."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def __call__(self, request: Request, user: SignedIn) -> None:
        if not set(self.names) <= set(request.auth.scopes):
            raise HTTPException(403)


app = FastAPI()
app.add_middleware(AuthMiddleware, backend=APIKeys({digest: {"identity": "reporter", "scopes": ["read"]}}))


@app.get("/reports")
async def reports(user: SignedIn) -> dict[str, str]:
    return {"reports of": user.display_name}


@app.post("/reports", dependencies=[Depends(Scopes("write"))])
async def add_report() -> dict[str, str]:
    return {"added": "one"}
