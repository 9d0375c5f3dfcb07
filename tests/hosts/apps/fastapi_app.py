"""FastAPI: `request.session` is scope["session"]; what a lifespan yields is in `request.state`."""

from typing import Any

import fastapi  # type: ignore[import-not-found,unused-ignore]  # extra `hosts`
from fastapi.responses import (  # type: ignore[import-not-found,unused-ignore]  # extra `hosts`
    JSONResponse,
    PlainTextResponse,
    StreamingResponse,
)

from asgi_middleware import Stack

from .. import content


async def notes() -> Any:
    return content.NOTES


async def stream() -> Any:
    return StreamingResponse(content.chunks(), media_type="text/plain")


async def events(key: str) -> Any:
    return StreamingResponse(content.events(key), media_type="text/event-stream")


async def release(key: str) -> Any:
    content.release(key)
    return PlainTextResponse("released")


async def visits(request: fastapi.Request) -> Any:
    return JSONResponse(content.count(request.session))


async def echo(request: fastapi.Request) -> Any:
    return PlainTextResponse(await request.body())


async def socket(connection: fastapi.WebSocket) -> None:
    await connection.accept()
    async for text in connection.iter_text():
        await connection.send_text(text)


def native(stack: Stack) -> Any:
    """With the middlewares added one by one: each is put around those that are there, so the outermost is the last."""
    for entry in reversed(stack):
        cls, args, kwargs = entry
        app.add_middleware(cls, *args, **kwargs)
    return app


app: Any = fastapi.FastAPI(lifespan=content.lifespan)
app.add_api_route("/json", notes)
app.add_api_route("/stream", stream)
app.add_api_route("/events", events)
app.add_api_route("/release", release)
app.add_api_route("/visits", visits)
app.add_api_route("/echo", echo, methods=["POST"])
app.add_api_websocket_route("/ws", socket)
