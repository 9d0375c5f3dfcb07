"""`compression`: the two classes with the signatures of other packages, where they differ from ours."""

import inspect
from typing import Any

import pytest
from starlette.middleware.gzip import GZipMiddleware as StarletteGZipMiddleware

from asgi_middleware import BrotliMiddleware, GZipMiddleware

from .apps import TEXT, body, start, stream, text
from .asgi import drive, http, plain
from .compressing import EVENT_STREAM, EVENTS, Make, ask, ids, needs_a_thread, pace

EXCLUDED_HANDLERS: list[tuple[str, list[str], str, bool]] = [
    ("a path in which the pattern is found", ["admin"], "/x/admin/y", True),
    ("a path that begins otherwise", ["^/admin"], "/x/admin", False),
    ("the second pattern", ["^/a$", r"\d+"], "/user/12", True),
    ("none of them", ["^/a$", r"\d+"], "/user", False),
    ("no patterns", [], "/", False),
]


@pytest.mark.parametrize(("sentence", "patterns", "path", "alone"), EXCLUDED_HANDLERS, ids=ids(EXCLUDED_HANDLERS))
def test_brotli_middleware_leaves_excluded_handlers_alone(
    sentence: str, patterns: list[str], path: str, alone: bool
) -> None:
    exchange = ask(BrotliMiddleware(text(), excluded_handlers=patterns), path=path)
    assert exchange.header("content-encoding") == ([] if alone else ["br"])
    assert exchange.header("vary") == ([] if alone else ["Accept-Encoding"])
    assert exchange.body == TEXT


BROTLI: list[tuple[str, dict[str, Any]]] = [
    ("every mode: generic", {"mode": "generic"}),
    ("every mode: font", {"mode": "font"}),
    ("the smallest window", {"lgwin": 10}),
    ("the largest window and block", {"lgwin": 24, "lgblock": 24}),
    ("the smallest block", {"lgblock": 16}),
    ("the lowest quality", {"quality": 0, "lgwin": 10, "lgblock": 24}),
    ("the highest quality", {"quality": 11}),
]


@pytest.mark.parametrize(("sentence", "options"), BROTLI, ids=ids(BROTLI))
def test_brotli_middleware_takes_all_that_its_options_allow(sentence: str, options: dict[str, Any]) -> None:
    for app, expected in ((text(), TEXT), (stream(TEXT, b"end"), TEXT + b"end")):
        exchange = drive(BrotliMiddleware(app, **options), http(headers=[("accept-encoding", "br")]), loop="asyncio")
        assert exchange.header("content-encoding") == ["br"]
        assert exchange.body == expected


@pytest.mark.parametrize("make", [GZipMiddleware, BrotliMiddleware])
def test_the_compatible_classes_leave_event_streams_alone_and_start_them_at_once(make: Make) -> None:
    messages = [start(200, EVENT_STREAM), body(EVENTS[0], more=True), body(EVENTS[1])]
    exchange, counts = pace(make, messages)
    assert counts == [1, 2, 3]
    assert exchange.sent == [plain(message) for message in messages]


@pytest.mark.parametrize("size", [500, 4096])
def test_gzip_middleware_goes_to_a_thread_from_its_size_on(size: int) -> None:
    for length, expected in ((size - 1, False), (size, True)):
        app = text(b"x" * length)
        assert needs_a_thread(GZipMiddleware(app, minimum_size=0, thread_minimum_size=size)) is expected


def test_a_thread_size_of_one_still_finishes_a_stream() -> None:
    app = stream(b"one", b"two")
    exchange = drive(
        GZipMiddleware(app, thread_minimum_size=1), http(headers=[("accept-encoding", "gzip")]), loop="asyncio"
    )
    assert exchange.error is None
    assert exchange.body == b"onetwo"


def test_gzip_middleware_takes_starlettes_arguments() -> None:
    ours, theirs = (inspect.signature(found).parameters.values() for found in (GZipMiddleware, StarletteGZipMiddleware))
    assert [(found.name, found.kind) for found in ours] == [(found.name, found.kind) for found in theirs]
    exchange = ask(GZipMiddleware(text(), 100, 9, 1 << 20, exclude_content_types=("image/png",)))
    assert exchange.body == TEXT


def test_brotli_middleware_takes_the_arguments_of_the_other_package() -> None:
    names = ["app", "quality", "mode", "lgwin", "lgblock", "minimum_size", "gzip_fallback", "excluded_handlers"]
    found = inspect.signature(BrotliMiddleware).parameters
    assert list(found) == names
    assert ask(BrotliMiddleware(text(), 5, "generic", 20, 18, 100, False, ["^/x"])).body == TEXT
