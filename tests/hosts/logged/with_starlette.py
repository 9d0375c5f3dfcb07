"""Starlette's half of the application: what a request can do, each with lines or an answer that tell its ID."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from starlette.applications import Starlette
from starlette.background import BackgroundTasks
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from .inside import Crash, chunks, say, seen

logger = logging.getLogger("site")

_held: dict[str, asyncio.Event] = {}
_tasks: set[asyncio.Task[None]] = set()


class Handled(Exception):
    """One that the application has a handler for."""


async def plain(request: Request) -> Response:
    length = len(await request.body())
    say(request.scope, "inside")
    return JSONResponse({**seen(request.scope), "length": length})


async def stream(request: Request) -> Response:
    return StreamingResponse(chunks(request.scope))


async def crash(request: Request) -> Response:
    raise Crash(request.scope["token"])


async def handled(request: Request) -> Response:
    raise Handled(request.scope["token"])


async def background(request: Request) -> Response:
    async def task() -> None:
        say(request.scope, "background")

    tasks = BackgroundTasks()
    tasks.add_task(task)
    tasks.add_task(say, request.scope, "background-thread")
    return PlainTextResponse("", background=tasks)


def _holding(scope: Any) -> Any:
    """What waits until it is released, and then says so."""
    _held[scope["token"]] = asyncio.Event()

    async def wait() -> None:
        await _held[scope["token"]].wait()
        say(scope, "released")

    return wait


async def held(request: Request) -> Response:
    """Its response is complete, but the request is not over."""
    tasks = BackgroundTasks()
    tasks.add_task(_holding(request.scope))
    return PlainTextResponse("", background=tasks)


async def later(request: Request) -> Response:
    """The request is over, but a task of it is not."""
    task = asyncio.create_task(_holding(request.scope)())
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
    return PlainTextResponse("")


async def release(request: Request) -> Response:
    _held.pop(f"tok-{request.path_params['number']}").set()
    return PlainTextResponse("")


async def elsewhere(request: Request) -> Response:
    async def task() -> None:
        say(request.scope, "task")

    await asyncio.create_task(task())
    await run_in_threadpool(say, request.scope, "thread")
    await asyncio.to_thread(say, request.scope, "asyncio-thread")
    return PlainTextResponse("")


async def nested(request: Request) -> Response:
    """Asks the same application, in this process and this task."""
    token = f"{request.scope['token']}n"
    policy = request.path_params["policy"]
    transport = httpx2.ASGITransport(app=request.scope["again"])
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        reply = await client.get(f"/{policy}/{token}/plain", headers={"X-Request-ID": token})
    say(request.scope, "after-nested")
    return JSONResponse({**seen(request.scope), "nested": [reply.headers.get_list("x-request-id"), reply.json()]})


async def bind(request: Request) -> Response:
    """Answers what structlog knew of its context before this request bound its own."""
    import structlog  # type: ignore[import-not-found,unused-ignore]  # in no extra of its own

    known = structlog.contextvars.get_contextvars()
    structlog.contextvars.bind_contextvars(user=request.scope["token"])
    return JSONResponse({**seen(request.scope), "bound": known})


async def socket(connection: WebSocket) -> None:
    await connection.accept()
    say(connection.scope, "socket")
    await connection.send_json(seen(connection.scope))
    await connection.close()


async def denied(connection: WebSocket) -> None:
    say(connection.scope, "denied")
    if "websocket.http.response" in connection.scope.get("extensions", {}):
        await connection.send_denial_response(PlainTextResponse("", 403))
    else:
        await connection.close()


async def breaks(connection: WebSocket) -> None:
    await connection.accept()
    raise Crash(connection.scope["token"])


async def raw_crash(scope: Any, receive: Any, send: Any) -> None:
    raise Crash(scope["token"])


async def raw_silence(scope: Any, receive: Any, send: Any) -> None:
    """Returns without an answer."""


async def on_crash(request: Request, error: Exception) -> Response:
    say(request.scope, "handler")
    return JSONResponse(seen(request.scope), 500)


async def on_handled(request: Request, error: Exception) -> Response:
    say(request.scope, "handler")
    return JSONResponse(seen(request.scope), 400)


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    logger.info("startup")
    yield
    logger.info("shutdown")


_routed = Starlette(
    routes=[
        Route("/plain", plain, methods=["GET", "POST"]),
        Route("/stream", stream),
        Route("/crash", crash),
        Route("/handled", handled),
        Route("/background", background),
        Route("/held", held),
        Route("/later", later),
        Route("/release/{number}", release),
        Route("/elsewhere", elsewhere),
        Route("/nested/{policy}", nested),
        Route("/bind", bind),
        WebSocketRoute("/ws", socket),
        WebSocketRoute("/ws/denied", denied),
        WebSocketRoute("/ws/crash", breaks),
    ],
    exception_handlers={Exception: on_crash, Handled: on_handled},
    lifespan=lifespan,
)
_RAW = {"/raw/crash": raw_crash, "/raw/silence": raw_silence}


async def starlette(scope: Any, receive: Any, send: Any) -> None:
    """Starlette, but for what only an application without a framework does."""
    await _RAW.get(scope.get("path", ""), _routed)(scope, receive, send)
