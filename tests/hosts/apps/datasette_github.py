"""A plugin of Datasette that plays GitHub's part for datasette-auth-github. It is copied into a folder of plugins."""

import functools
import types
from typing import Any

import httpx  # type: ignore[import-not-found,unused-ignore]  # extra `hosts`
from datasette_auth_github import (  # type: ignore[import-not-found,import-untyped,unused-ignore]  # extra `hosts`
    views,
)

ADA = {"id": 1, "login": "ada", "name": "Ada", "email": "ada@example.com"}


def github(request: Any) -> Any:
    """What GitHub answers to the right code, and to the token that it gave for it."""
    if request.url.path == "/login/oauth/access_token":
        good = b"code=the-code" in request.content
        return httpx.Response(200, text="access_token=the-token" if good else "error=bad_verification_code")
    good = request.headers["authorization"] == "token the-token"
    return httpx.Response(200, json=ADA if good else {})


client = functools.partial(httpx.AsyncClient, transport=httpx.MockTransport(github))
views.httpx = types.SimpleNamespace(AsyncClient=client)
