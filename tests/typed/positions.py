"""Every middleware in the positions that Starlette, client transports and uvicorn offer.

Every function is one position and names every middleware; `tests/test_typed.py` sees to both.
"""

from collections.abc import Sequence

import httpx2
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from asgi_middleware import (
    AuthenticationMiddleware,
    AuthMiddleware,
    BrotliMiddleware,
    CompressionMiddleware,
    CORSMiddleware,
    ErrorsMiddleware,
    GZipMiddleware,
    LintMiddleware,
    RequestIDMiddleware,
    SessionMiddleware,
    Stack,
    TimingMiddleware,
)
from asgi_middleware.auth import Basic, Bearer


def in_starlettes_list(bearer: Bearer, basic: Basic) -> Sequence[Starlette]:
    """`Middleware(...)` checks the options against the signature, so those of every class are given here."""
    return [
        Starlette(middleware=Stack(["request_id", ("cors", {"allow_origins": []})])),
        Starlette(
            middleware=[
                Middleware(RequestIDMiddleware, header="X-Request-ID", trust=False, validator="uuid"),
                Middleware(TimingMiddleware, server_timing="all", expose=lambda scope: "user" in scope),
                Middleware(CORSMiddleware, allow_origins=["https://app.example.com"], websocket="check"),
                Middleware(CORSMiddleware, ["https://app.example.com"], ["GET", "PUT"], ["Authorization"], True),
                Middleware(ErrorsMiddleware, debug=True, reraise=False),
                Middleware(CompressionMiddleware, codings=["br", "gzip"], levels={"br": 5}, minimum_size=0),
                Middleware(GZipMiddleware, minimum_size=1000, compresslevel=5),
                Middleware(BrotliMiddleware, quality=5, mode="text", excluded_handlers=["^/admin"]),
                Middleware(SessionMiddleware, secret_key="key", same_site="strict", https_only=True, max_age=None),
                Middleware(AuthMiddleware, backend=[bearer, basic], required=True, public=["/", "/docs/*"]),
                Middleware(AuthenticationMiddleware, backend=bearer),
                Middleware(LintMiddleware, mode="warn"),
                Middleware(Stack(["timing"])),
            ]
        ),
    ]


def added_to_starlette(app: Starlette, bearer: Bearer) -> None:
    app.add_middleware(AuthMiddleware, bearer, required=True)
    app.add_middleware(AuthenticationMiddleware, backend=bearer)
    app.add_middleware(BrotliMiddleware, quality=5)
    app.add_middleware(CORSMiddleware, allow_origins=["https://app.example.com"], allow_credentials=True)
    app.add_middleware(CompressionMiddleware, content_types=["text/*"])
    app.add_middleware(ErrorsMiddleware, debug=False)
    app.add_middleware(GZipMiddleware, 1000)
    app.add_middleware(LintMiddleware, mode="raise")
    app.add_middleware(RequestIDMiddleware, generator=lambda: "fixed")
    app.add_middleware(SessionMiddleware, "key", session_cookie="id")
    app.add_middleware(TimingMiddleware, server_timing="off")
    app.add_middleware(Stack(["timing"]))


def around_starlette(app: Starlette, bearer: Bearer) -> Sequence[ASGIApp]:
    """Each is again an application as Starlette spells it, so it can be mounted, too."""
    return [
        AuthMiddleware(app, bearer),
        AuthenticationMiddleware(app, bearer),
        BrotliMiddleware(app),
        CORSMiddleware(app, allow_origins=[]),
        CompressionMiddleware(app),
        ErrorsMiddleware(app),
        GZipMiddleware(app),
        LintMiddleware(app),
        RequestIDMiddleware(app),
        SessionMiddleware(app, "key"),
        TimingMiddleware(app),
        Stack(["timing"])(app),
    ]


def nested(app: ASGIApp, bearer: Bearer) -> ASGIApp:
    """Each around another of ours, in both kinds of order: what one is, the next takes."""
    inner = LintMiddleware(AuthMiddleware(AuthenticationMiddleware(app, bearer), [bearer]))
    inner_again = GZipMiddleware(BrotliMiddleware(CompressionMiddleware(SessionMiddleware(inner, "key"))))
    outer = RequestIDMiddleware(TimingMiddleware(CORSMiddleware(ErrorsMiddleware(inner_again), allow_origins=[])))
    return LintMiddleware(Stack(["timing"])(outer))


def behind_client_transports(app: ASGIApp, bearer: Bearer) -> Sequence[httpx2.ASGITransport | TestClient]:
    return [
        httpx2.ASGITransport(AuthMiddleware(app, bearer)),
        httpx2.ASGITransport(AuthenticationMiddleware(app, bearer)),
        httpx2.ASGITransport(BrotliMiddleware(app)),
        httpx2.ASGITransport(CORSMiddleware(app, allow_origins=[])),
        httpx2.ASGITransport(CompressionMiddleware(app)),
        httpx2.ASGITransport(ErrorsMiddleware(app)),
        httpx2.ASGITransport(GZipMiddleware(app)),
        httpx2.ASGITransport(LintMiddleware(app)),
        httpx2.ASGITransport(RequestIDMiddleware(app)),
        httpx2.ASGITransport(SessionMiddleware(app, "key")),
        httpx2.ASGITransport(TimingMiddleware(app)),
        httpx2.ASGITransport(Stack(["timing"])(app)),
        TestClient(AuthMiddleware(app, bearer)),
        TestClient(AuthenticationMiddleware(app, bearer)),
        TestClient(BrotliMiddleware(app)),
        TestClient(CORSMiddleware(app, allow_origins=[])),
        TestClient(CompressionMiddleware(app)),
        TestClient(ErrorsMiddleware(app)),
        TestClient(GZipMiddleware(app)),
        TestClient(LintMiddleware(app)),
        TestClient(RequestIDMiddleware(app)),
        TestClient(SessionMiddleware(app, "key")),
        TestClient(TimingMiddleware(app)),
        TestClient(Stack(["timing"])(app)),
    ]


def served_by_uvicorn(app: ASGIApp, bearer: Bearer) -> Sequence[uvicorn.Config]:
    uvicorn.run(RequestIDMiddleware(app), host="127.0.0.1", port=0)
    return [
        uvicorn.Config(AuthMiddleware(app, bearer)),
        uvicorn.Config(AuthenticationMiddleware(app, bearer)),
        uvicorn.Config(BrotliMiddleware(app)),
        uvicorn.Config(CORSMiddleware(app, allow_origins=[])),
        uvicorn.Config(CompressionMiddleware(app)),
        uvicorn.Config(ErrorsMiddleware(app)),
        uvicorn.Config(GZipMiddleware(app)),
        uvicorn.Config(LintMiddleware(app)),
        uvicorn.Config(RequestIDMiddleware(app)),
        uvicorn.Config(SessionMiddleware(app, "key")),
        uvicorn.Config(TimingMiddleware(app)),
        uvicorn.Config(Stack(["timing"])(app)),
    ]
