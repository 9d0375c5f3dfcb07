"""`AuthMiddleware` in a Starlette application: its contract, its backends, its decorators."""

from typing import Any

import pytest
from starlette import authentication
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware as StarletteMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from asgi_middleware import AuthenticationMiddleware, AuthMiddleware
from asgi_middleware.auth import AuthError

from . import apps
from .asgi import drive, http, websocket
from .authenticating import (
    ADA,
    ANONYMOUS,
    BEARER,
    FORGED,
    GOOD,
    StarletteBasic,
    pair,
    shown_error,
)
from .tokens import (
    SIGNATURE,
    ask,
    claiming,
    outcome,
    refusal,
)

# --- Starlette's contract


class Refuses(authentication.AuthenticationBackend):
    async def authenticate(
        self, conn: HTTPConnection
    ) -> tuple[authentication.AuthCredentials, authentication.BaseUser] | None:
        raise authentication.AuthenticationError("raised: " + conn.url.path)


def describe(conn: HTTPConnection) -> JSONResponse:
    return JSONResponse(
        {"name": conn.user.display_name, "known": conn.user.is_authenticated, "scopes": conn.auth.scopes}
    )


async def home(request: Request) -> Response:
    return describe(request)


@authentication.requires("authenticated")
async def dashboard(request: Request) -> Response:
    return describe(request)


@authentication.requires(["authenticated", "admin"], status_code=404)
async def admin(request: Request) -> Response:
    return describe(request)


@authentication.requires("authenticated", redirect="home")
async def redirected(request: Request) -> Response:
    return describe(request)


@authentication.requires("read")
async def reading(request: Request) -> Response:
    return describe(request)


@authentication.requires("authenticated")
async def socket(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_json({"name": websocket.user.display_name, "scopes": websocket.auth.scopes})
    await websocket.close()


def application(cls: Any, backend: Any, **options: Any) -> Starlette:
    routes = [
        Route("/", home, name="home"),
        Route("/dashboard", dashboard),
        Route("/admin", admin),
        Route("/redirected", redirected),
        Route("/reading", reading),
        WebSocketRoute("/ws", socket),
    ]
    return Starlette(routes=routes, middleware=[Middleware(cls, backend=backend, **options)])


LINES: list[tuple[str, list[tuple[str, str]]]] = [
    ("nobody", []),
    ("ada", [("authorization", pair("ada", "x"))]),
    ("root", [("authorization", pair("root", "x"))]),
    ("a bad one", [("authorization", "Basic abc")]),
    ("another scheme", [("authorization", "Digest abc")]),
]


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
@pytest.mark.parametrize("path", ["/", "/dashboard", "/admin", "/redirected", "/reading", "/nowhere"])
@pytest.mark.parametrize("ours", [AuthMiddleware, AuthenticationMiddleware])
def test_a_starlette_app_answers_as_with_starlettes_own_middleware(ours: Any, path: str, loop: str) -> None:
    for options in ({}, {"on_error": shown_error}):
        for backend in (StarletteBasic(), Refuses()):
            for sentence, headers in LINES:
                answers = [
                    drive(
                        application(cls, backend, **options), http(path, headers=[("host", "a"), *headers]), loop=loop
                    )
                    for cls in (ours, StarletteMiddleware)
                ]
                mine, theirs = ((one.error, one.status, one.headers, one.body) for one in answers)
                assert (sentence, mine) == (sentence, theirs)


def test_a_starlette_error_is_a_400_with_its_text() -> None:
    exchange = drive(application(AuthMiddleware, Refuses()), http("/x"), loop="asyncio")
    assert outcome(exchange, []) == refusal(400, "raised: /x")


@pytest.mark.parametrize(("sentence", "headers"), LINES[:3], ids=[row[0] for row in LINES[:3]])
def test_a_starlette_websocket_sees_the_same_user(sentence: str, headers: list[tuple[str, str]]) -> None:
    mine, theirs = (
        drive(application(cls, StarletteBasic()), websocket("/ws", headers=headers), loop="asyncio").sent
        for cls in (AuthMiddleware, StarletteMiddleware)
    )
    assert mine == theirs
    assert mine[0]["type"] == ("websocket.close" if sentence == "nobody" else "websocket.accept")


READERS: list[tuple[str, str | None, int, Any]] = [
    ("nobody", None, 403, None),
    ("the scope in the token", GOOD, 200, {"name": "ada", "known": True, "scopes": ["authenticated", "read", "write"]}),
    ("another scope", claiming(scope="write reading").decode(), 403, None),
    ("no scope", claiming(scope="").decode(), 403, None),
]


@pytest.mark.parametrize(("sentence", "text", "status", "body"), READERS, ids=[row[0] for row in READERS])
def test_requires_reads_the_scopes_of_a_token(sentence: str, text: str | None, status: int, body: Any) -> None:
    headers = [] if text is None else [("authorization", f"Bearer {text}")]
    exchange = drive(application(AuthMiddleware, BEARER), http("/reading", headers=headers), loop="asyncio")
    assert exchange.status == status
    if body is not None:
        assert exchange.body == JSONResponse(body).body


def test_on_error_gets_our_errors_as_well() -> None:
    app, scopes = apps.remembers()
    seen: list[tuple[str, Exception]] = []

    def on_error(conn: HTTPConnection, error: Exception) -> Response:
        seen.append((conn.url.path, error))
        return shown_error(conn, error)

    middleware = AuthMiddleware(app, BEARER, on_error, required=True)
    exchanges = [
        drive(middleware, http("/x", headers=[("authorization", line)])) for line in (f"Bearer {FORGED}", "Digest x")
    ]
    texts = (SIGNATURE, "Not authenticated")
    assert [(one.status, one.body) for one in exchanges] == [
        (418, JSONResponse({"error": text, "path": "/x"}).body) for text in texts
    ]
    assert [one.header("x-from") for one in exchanges] == [["on_error"], ["on_error"]]
    assert [(path, type(error), str(error)) for path, error in seen] == [("/x", AuthError, text) for text in texts]
    assert scopes == []


def test_a_starlette_backend_beside_ours() -> None:
    backends = [StarletteBasic(), BEARER]
    answers = [ask(backends, *lines) for lines in ((), (pair("ada", "x"),), (f"Bearer {GOOD}",), ("Basic abc",))]
    assert [answers[0], *answers[2:]] == [ANONYMOUS, ADA, refusal(400, "Invalid basic auth credentials")]
    assert answers[1][2] == ["authenticated"]
