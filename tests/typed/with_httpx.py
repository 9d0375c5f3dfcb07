"""Every middleware behind httpx's transport; that of its successor httpx2 is in `positions.py`."""

from collections.abc import Sequence

import httpx
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


def behind_httpx(app: ASGIApp, bearer: Bearer) -> Sequence[httpx.ASGITransport]:
    return [
        httpx.ASGITransport(AuthMiddleware(app, bearer)),
        httpx.ASGITransport(AuthenticationMiddleware(app, bearer)),
        httpx.ASGITransport(BrotliMiddleware(app)),
        httpx.ASGITransport(CORSMiddleware(app, allow_origins=[])),
        httpx.ASGITransport(CompressionMiddleware(app)),
        httpx.ASGITransport(ErrorsMiddleware(app)),
        httpx.ASGITransport(GZipMiddleware(app)),
        httpx.ASGITransport(LintMiddleware(app)),
        httpx.ASGITransport(RequestIDMiddleware(app)),
        httpx.ASGITransport(SessionMiddleware(app, "key")),
        httpx.ASGITransport(TimingMiddleware(app)),
        httpx.ASGITransport(Stack(["timing"])(app)),
    ]
