"""An application for clients: it tells the headers that it was sent, or sends them on to somebody else."""

import json
from typing import Any
from urllib.parse import parse_qs


async def app(scope: Any, receive: Any, send: Any) -> None:
    """`/?to=URL&to=URL` redirects to the first of them, with the others; `/` answers with the request's headers."""
    if scope["type"] != "http":
        return
    onwards = parse_qs(scope["query_string"].decode()).get("to", [])
    headers = [(b"content-type", b"application/json")]
    if onwards:
        more = "".join(f"&to={url}" for url in onwards[1:])
        headers.append((b"location", f"{onwards[0]}{'?' + more[1:] if more else ''}".encode()))
    body = json.dumps([[name.decode(), value.decode("latin-1")] for name, value in scope["headers"]]).encode()
    await send({"type": "http.response.start", "status": 307 if onwards else 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
