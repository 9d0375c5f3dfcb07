"""What the servers are pointed at for auth: a token among the subprotocols, and a login in a session.

/login logs the caller in. A WebSocket is told who it is, then whatever it was offered.
"""

import json
from typing import Any

from asgi_middleware import AuthMiddleware, SessionMiddleware
from asgi_middleware.auth import JWT, Bearer, HMACKey, SessionUser, login
from tests.tokens import AUDIENCE, ISSUER, SECRET


async def inner(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        told = [scope["user"].identity, scope["subprotocols"], [str(value) for _, value in scope["headers"]]]
        await send({"type": "websocket.send", "text": json.dumps(told)})
        await send({"type": "websocket.close"})
    elif scope["type"] == "http":
        if scope["path"] == "/login":
            login(scope, "user-1")
        page = b"<!doctype html><title>auth</title>"
        headers = [(b"content-type", b"text/html"), (b"content-length", b"%d" % len(page))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": page})


verifier = JWT(HMACKey(SECRET), issuer=ISSUER, audience=AUDIENCE)
backends = [Bearer(verifier, subprotocol="bearer"), SessionUser()]
app = SessionMiddleware(
    AuthMiddleware(inner, backends, required=True, public=["/login", "/ready"]), "k" * 32, same_site="lax"
)
