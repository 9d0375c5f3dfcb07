"""Without a framework: `app` speaks ASGI itself, lifespan and WebSocket included."""

import json
from typing import Any
from urllib.parse import parse_qs

from .. import content


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
    elif scope["type"] == "websocket":
        await (_denial if scope["path"] == "/denied" else _socket)(receive, send)
    else:
        await _respond(scope, receive, send)


async def _lifespan(receive: Any, send: Any) -> None:
    for step, tell in (("startup", content.started), ("shutdown", content.ended)):
        assert (await receive())["type"] == f"lifespan.{step}"
        await tell()
        await send({"type": f"lifespan.{step}.complete"})


async def _socket(receive: Any, send: Any) -> None:
    assert (await receive())["type"] == "websocket.connect"
    # A header of the application's own tells a server that drops them from one that does not.
    await send({"type": "websocket.accept", "headers": [(b"x-accepted", b"raw")]})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


async def _denial(receive: Any, send: Any) -> None:
    """Refuses as the denial response extension says."""
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.http.response.start", "status": 403, "headers": []})
    await send({"type": "websocket.http.response.body", "body": b"denied"})


async def _respond(scope: Any, receive: Any, send: Any) -> None:
    key = parse_qs(scope["query_string"].decode()).get("key", [""])[0]
    match scope["path"]:
        case "/json":
            await _send(send, json.dumps(content.NOTES).encode(), b"application/json")
        case "/stream":
            await _stream(send, content.chunks(), b"text/plain")
        case "/events":
            await _stream(send, content.events(key), b"text/event-stream")
        case "/visits":
            await _send(send, json.dumps(content.count(scope["session"])).encode(), b"application/json")
        case "/echo":
            await _send(send, await _body(receive), b"text/plain")
        case "/release":
            content.release(key)
            await _send(send, b"released", b"text/plain")
        case _:
            await _send(send, b"nothing is here", b"text/plain", 404)


async def _body(receive: Any) -> bytes:
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def _send(send: Any, body: bytes, kind: bytes, status: int = 200) -> None:
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _stream(send: Any, parts: Any, kind: bytes) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
    async for part in parts:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body"})
