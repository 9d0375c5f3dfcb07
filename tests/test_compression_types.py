"""`compression`: which media types are compressed."""

from typing import Any

import pytest

from asgi_middleware import BrotliMiddleware, CompressionMiddleware, GZipMiddleware

from .apps import TEXT, body, sends, start, text
from .asgi import plain
from .compressing import Make, ask, ids

# What CompressionMiddleware makes of a type, and what the two others make of it.
TYPES: list[tuple[str | None, bool, bool]] = [
    ("text/plain", True, True),
    ("text/html; charset=utf-8", True, True),
    ("TEXT/HTML;charset=UTF-8", True, True),
    (" text/css ", True, True),
    ("text/x-unheard-of", True, True),
    ("application/json", True, True),
    ("Application/JSON ; charset=utf-8", True, True),
    ("application/problem+json", True, True),
    ("application/vnd.api+json; ext=x", True, True),
    ("application/atom+xml", True, True),
    ("application/xhtml+xml", True, True),
    ("application/xml", True, True),
    ("application/javascript", True, True),
    ("application/x-ndjson", True, True),
    ("application/manifest+json", True, True),
    ("application/wasm", True, True),
    ("application/ecmascript", True, True),
    ("application/graphql", True, True),
    ("application/jsonlines", True, True),
    ("application/ndjson", True, True),
    ("application/sql", True, True),
    ("application/toml", True, True),
    ("application/vnd.ms-fontobject", True, True),
    ("application/x-javascript", True, True),
    ("application/x-sh", True, True),
    ("application/x-yaml", True, True),
    ("application/yaml", True, True),
    ("font/otf", True, True),
    ("image/svg+xml", True, True),
    ("image/bmp", True, True),
    ("font/ttf", True, True),
    ("application/octet-stream", False, True),
    ("application/pdf", False, True),
    ("multipart/mixed; boundary=x", False, True),
    ("application/jsonx", False, True),
    ("application/x+jsonp", False, True),
    ("x-text/html", False, True),
    ("texture/html", False, True),
    ("json", False, True),
    ("", False, True),
    (None, False, True),
    ("image/png", False, False),
    ("IMAGE/JPEG", False, False),
    ("image/webp;x=y", False, False),
    ("audio/ogg", False, False),
    ("video/webm", False, False),
    ("font/woff", False, False),
    ("font/woff2", False, False),
    ("image/avif", False, False),
    ("image/gif", False, False),
    ("application/gzip", False, False),
    ("application/x-gzip", False, False),
    ("application/zip", False, False),
    ("application/grpc", False, False),
    ("application/grpc+json", True, False),
    ("application/grpc-web", False, True),
]


@pytest.mark.parametrize(("content_type", "ours", "theirs"), TYPES, ids=[repr(row[0]) for row in TYPES])
def test_types(content_type: str | None, ours: bool, theirs: bool) -> None:
    headers = [] if content_type is None else [(b"content-type", content_type.encode())]
    messages = [start(200, headers), body()]
    for make, coding, compressed in (
        (CompressionMiddleware, "zstd", ours),
        (GZipMiddleware, "gzip", theirs),
        (BrotliMiddleware, "br", theirs),
    ):
        middleware = make(sends(*messages))
        for _ in range(2):  # the second time from memory
            exchange = ask(middleware)
            if compressed:
                assert exchange.header("content-encoding") == [coding]
                assert exchange.body == TEXT
            else:
                assert exchange.sent == [plain(message) for message in messages]


OWN_TYPES: list[tuple[str, Make, str, bool]] = [
    ("listed", lambda app: CompressionMiddleware(app, content_types=["Application/PDF"]), "application/pdf", True),
    ("of a listed kind", lambda app: CompressionMiddleware(app, content_types=["model/*"]), "model/stl; a=b", True),
    ("not listed", lambda app: CompressionMiddleware(app, content_types=["model/*"]), "text/html", False),
    ("of a kind that begins alike", lambda app: CompressionMiddleware(app, content_types=["text/*"]), "texts/x", False),
    (
        "a suffix alone is not listed",
        lambda app: CompressionMiddleware(app, content_types=["text/*"]),
        "a/b+json",
        False,
    ),
    (
        "GZipMiddleware excludes",
        lambda app: GZipMiddleware(app, exclude_content_types=["text/HTML"]),
        "text/html",
        False,
    ),
    (
        "GZipMiddleware excludes a kind",
        lambda app: GZipMiddleware(app, exclude_content_types=("text/*",)),
        "text/x",
        False,
    ),
    ("and then no longer images", lambda app: GZipMiddleware(app, exclude_content_types=["text/*"]), "image/png", True),
    ("GZipMiddleware excludes nothing", lambda app: GZipMiddleware(app, exclude_content_types=()), "video/mp4", True),
    (
        "GZipMiddleware excludes grpc of all sorts",
        lambda app: GZipMiddleware(app, exclude_content_types=["application/grpc"]),
        "application/grpc+x",
        False,
    ),
]


@pytest.mark.parametrize(("sentence", "make", "content_type", "compressed"), OWN_TYPES, ids=ids(OWN_TYPES))
def test_lists_of_ones_own(sentence: str, make: Make, content_type: str, compressed: bool) -> None:
    exchange = ask(make(text(TEXT, [("content-type", content_type)])))
    assert len(exchange.header("content-encoding")) == compressed
    assert len(exchange.header("vary")) == compressed
    assert exchange.body == TEXT


def test_more_types_than_are_remembered_are_judged_alike() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start(200, [(b"content-type", scope["path"].encode())]))
        await send(body())

    middleware = CompressionMiddleware(app)
    for _ in range(2):
        for number in range(400):
            assert len(ask(middleware, path=f"text/{number}").header("content-encoding")) == 1
            assert ask(middleware, path=f"image/{number}").header("content-encoding") == []
