"""BlackSheep: `request.scope` is the ASGI scope."""

from collections.abc import AsyncIterator, Callable
from typing import Any

from blacksheep import (  # type: ignore[import-not-found,unused-ignore]  # extra `hosts`
    Application,
    Content,
    Request,
    Response,
    StreamedContent,
    WebSocket,
)
from blacksheep.server.responses import json, text  # type: ignore[import-not-found,unused-ignore]  # extra `hosts`
from blacksheep.server.websocket import (  # type: ignore[import-not-found,unused-ignore]  # extra `hosts`
    WebSocketDisconnectError,
)

from .. import content


async def notes() -> Any:
    return json(content.NOTES)


def streamed(kind: bytes, parts: Callable[[], AsyncIterator[bytes]]) -> Any:
    async def provide() -> AsyncIterator[bytes]:  # it asks for a function that is written with `yield`
        async for part in parts():
            yield part

    return Response(200, content=StreamedContent(kind, provide))


async def stream() -> Any:
    return streamed(b"text/plain", content.chunks)


async def events(key: str) -> Any:
    return streamed(b"text/event-stream", lambda: content.events(key))


async def release(key: str) -> Any:
    content.release(key)
    return text("released")


async def visits(request: Request) -> Any:
    scope: Any = request.scope
    return json(content.count(scope["session"]))


async def echo(request: Request) -> Any:
    return Response(200, content=Content(b"text/plain", await request.read() or b""))


async def socket(connection: WebSocket) -> None:
    await connection.accept()
    try:
        while True:
            await connection.send_text(await connection.receive_text())
    except WebSocketDisconnectError:
        pass


app: Any = Application()
app.on_start += content.started
app.on_stop += content.ended
app.router.add_get("/json", notes)
app.router.add_get("/stream", stream)
app.router.add_get("/events", events)
app.router.add_get("/release", release)
app.router.add_get("/visits", visits)
app.router.add_post("/echo", echo)
app.router.add_ws("/ws", socket)
