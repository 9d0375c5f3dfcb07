"""Starlette: `request.session` is scope["session"]."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from asgi_middleware import Stack

from .. import content


async def notes(request: Request) -> Response:
    return JSONResponse(content.NOTES)


async def stream(request: Request) -> Response:
    return StreamingResponse(content.chunks(), media_type="text/plain")


async def events(request: Request) -> Response:
    return StreamingResponse(content.events(request.query_params["key"]), media_type="text/event-stream")


async def release(request: Request) -> Response:
    content.release(request.query_params["key"])
    return PlainTextResponse("released")


async def visits(request: Request) -> Response:
    return JSONResponse(content.count(request.session))


async def echo(request: Request) -> Response:
    return PlainTextResponse(await request.body())


async def socket(connection: WebSocket) -> None:
    await connection.accept()
    async for text in connection.iter_text():
        await connection.send_text(text)


ROUTES = [
    Route("/json", notes),
    Route("/stream", stream),
    Route("/events", events),
    Route("/release", release),
    Route("/visits", visits),
    Route("/echo", echo, methods=["POST"]),
    WebSocketRoute("/ws", socket),
]


def native(stack: Stack) -> Starlette:
    """With the stack as its own list of middlewares."""
    return Starlette(routes=ROUTES, lifespan=content.lifespan, middleware=stack)


app = Starlette(routes=ROUTES, lifespan=content.lifespan)
