"""Litestar: `request.scope` is the ASGI scope."""

from typing import Any

import litestar  # type: ignore[import-not-found,unused-ignore]  # extra `hosts`
from litestar.response import Stream  # type: ignore[import-not-found,unused-ignore]  # extra `hosts`

from asgi_middleware import Stack

from .. import content


async def notes() -> list[dict[str, Any]]:
    return content.NOTES


async def stream() -> Stream:
    return Stream(content.chunks(), media_type="text/plain")


async def events(key: str) -> Stream:
    return Stream(content.events(key), media_type="text/event-stream")


async def release(key: str) -> litestar.Response[bytes]:
    content.release(key)
    return litestar.Response(b"released", media_type="text/plain")


async def visits(request: litestar.Request[Any, Any, Any]) -> dict[str, int]:
    return content.count(request.scope["session"])


async def echo(request: litestar.Request[Any, Any, Any]) -> litestar.Response[bytes]:
    return litestar.Response(await request.body(), media_type="text/plain")


async def socket(socket: litestar.WebSocket[Any, Any, Any]) -> None:
    await socket.accept()
    async for text in socket.iter_data("text"):
        await socket.send_text(text)


# The decorators are called by hand, so that the functions keep their types where Litestar is not installed.
HANDLERS: Any = [
    litestar.get("/json")(notes),
    litestar.get("/stream")(stream),
    litestar.get("/events")(events),
    litestar.get("/release")(release),
    litestar.get("/visits")(visits),
    litestar.post("/echo", status_code=200)(echo),
    litestar.websocket("/ws")(socket),
]


def native(stack: Stack) -> Any:
    """With the stack as its own list of middlewares, which it puts around each route."""
    own: Any = stack
    return litestar.Litestar(HANDLERS, lifespan=[content.lifespan], openapi_config=None, middleware=own)


app: Any = litestar.Litestar(HANDLERS, lifespan=[content.lifespan], openapi_config=None)
