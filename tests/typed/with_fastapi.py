"""Every middleware in the positions that FastAPI offers."""

from collections.abc import Sequence

from fastapi import FastAPI
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
from asgi_middleware.auth import Bearer


def added_to_fastapi(bearer: Bearer) -> FastAPI:
    app = FastAPI(middleware=Stack(["request_id", ("cors", {"allow_origins": []})]))
    app.add_middleware(AuthMiddleware, backend=bearer, required=True, public=["/docs", "/openapi.json"])
    app.add_middleware(AuthenticationMiddleware, backend=bearer)
    app.add_middleware(BrotliMiddleware, quality=5)
    app.add_middleware(CORSMiddleware, allow_origins=["https://app.example.com"], allow_credentials=True)
    app.add_middleware(CompressionMiddleware, minimum_size=500)
    app.add_middleware(ErrorsMiddleware, debug=False)
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)
    app.add_middleware(LintMiddleware, mode="warn")
    app.add_middleware(RequestIDMiddleware, validator="uuid")
    app.add_middleware(SessionMiddleware, secret_key="key", same_site="none")
    app.add_middleware(TimingMiddleware, server_timing="all")
    app.add_middleware(Stack(["timing"]))
    return app


def around_fastapi(app: FastAPI, bearer: Bearer) -> Sequence[ASGIApp]:
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
