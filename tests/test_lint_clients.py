"""`LintMiddleware` in the tests of others: the manual's example, and what their clients are known to break."""

import asyncio
import contextlib
import textwrap
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocket

import asgi_middleware.lint
from asgi_middleware.lint import ASGIViolation, LintMiddleware

from . import apps
from .asgi import App

PATHS = ("/", "/stream", "/sub/x", "/nowhere", "/a%20b%2Fc?x=1", "/\N{LATIN SMALL LETTER A WITH DIAERESIS}")


async def home(request: Request) -> PlainTextResponse:
    return PlainTextResponse((await request.body()) or b"home")


async def crash(request: Request) -> PlainTextResponse:
    raise RuntimeError


async def stream(request: Request) -> StreamingResponse:
    return StreamingResponse(iter([b"one, ", b"two"]))


async def echo(socket: WebSocket) -> None:
    await socket.accept("chat")
    await socket.send_text(await socket.receive_text())
    await socket.close()


async def deny(socket: WebSocket) -> None:
    await socket.send_denial_response(PlainTextResponse("no", 403))


@contextlib.asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
    yield {"pool": object()}


def site() -> App:
    routes = [
        Route("/", home, methods=["GET", "POST"]),
        Route("/crash", crash),
        Route("/stream", stream),
        Mount("/sub", Starlette(routes=[Route("/x", home)])),
        WebSocketRoute("/ws", echo),
        WebSocketRoute("/deny", deny),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


def example() -> Any:
    """The test in the manual, which takes an `app` that stands beside it."""
    manual = asgi_middleware.lint.__doc__ or ""
    block = manual[manual.index("    from starlette") : manual.index("    app = LintMiddleware(app) ")]
    namespace: dict[str, Any] = {}
    exec(textwrap.dedent(block), namespace)  # noqa: S102  # it is our own manual
    return namespace


def test_the_example_of_the_manual() -> None:
    namespace = example()
    namespace["app"] = site()
    namespace["test_the_app_keeps_to_the_specification"]()


def test_the_example_fails_where_an_app_is_wrong() -> None:
    right, wrong = site(), apps.sends(apps.start(headers=[(b"X-A", b"1")]), apps.body())

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await (wrong if scope["type"] == "http" else right)(scope, receive, send)

    namespace = example()
    namespace["app"] = app
    with pytest.raises(AssertionError):
        namespace["test_the_app_keeps_to_the_specification"]()


def test_starlettes_client_gives_no_version() -> None:
    found: list[ASGIViolation] = []
    with TestClient(LintMiddleware(site(), mode=found.append), raise_server_exceptions=False) as client:
        for path in (*PATHS, "/crash"):
            client.get(path)
        client.head("/")
        assert client.post("/", content=b"posted").text == "posted"
        with client.websocket_connect("/ws", subprotocols=["chat"]) as socket:
            socket.send_text("hello")
            assert socket.receive_text() == "hello"
        with pytest.raises(WebSocketDenialResponse), client.websocket_connect("/deny"):
            pass
    assert {violation.rule for violation in found} == {"scope-version"}


def test_httpx_breaks_no_rule() -> None:
    found: list[ASGIViolation] = []

    async def asks() -> None:
        transport = httpx2.ASGITransport(LintMiddleware(site(), mode=found.append))
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
            for path in PATHS:
                await client.get(path)
            assert (await client.post("/", content=b"posted")).text == "posted"

    asyncio.run(asks())
    assert found == []
