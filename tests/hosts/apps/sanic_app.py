"""Sanic: `request.transport.scope` is the ASGI scope. The headers of its responses are a generator."""

from collections.abc import AsyncIterator
from typing import Any

from sanic import Sanic  # type: ignore[import-not-found,unused-ignore]  # extra `hosts`
from sanic.response import json, raw, text  # type: ignore[import-not-found,unused-ignore]  # extra `hosts`

from .. import content


async def notes(request: Any) -> Any:
    return json(content.NOTES)


async def _send(request: Any, parts: AsyncIterator[bytes], kind: str) -> None:
    response = await request.respond(content_type=kind)
    async for part in parts:
        await response.send(part)
    await response.eof()


async def stream(request: Any) -> None:
    await _send(request, content.chunks(), "text/plain")


async def events(request: Any) -> None:
    await _send(request, content.events(request.args.get("key")), "text/event-stream")


async def release(request: Any) -> Any:
    content.release(request.args.get("key"))
    return text("released")


async def visits(request: Any) -> Any:
    return json(content.count(request.transport.scope["session"]))


async def echo(request: Any) -> Any:
    return raw(request.body, content_type="text/plain")


async def socket(request: Any, connection: Any) -> None:
    while (text := await connection.recv()) is not None:
        await connection.send(text)


app: Any = Sanic("hosts")
app.before_server_start(content.started)
app.after_server_stop(content.ended)
app.add_route(notes, "/json")
app.add_route(stream, "/stream")
app.add_route(events, "/events")
app.add_route(release, "/release")
app.add_route(visits, "/visits")
app.add_route(echo, "/echo", methods=["POST"])
app.add_websocket_route(socket, "/ws")
