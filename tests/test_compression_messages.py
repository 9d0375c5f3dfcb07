"""`compression`: HEAD, and messages that are neither start nor body: nothing is lost, nothing waits too long."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from asgi_middleware import CompressionMiddleware

from .apps import RESPONSES, TEXT, body, remembers, sends, start, text
from .asgi import App, Message, drive, http, plain
from .compressing import (
    CLASSES,
    DEBUG,
    EVENT_STREAM,
    EVENTS,
    HINT,
    LENGTH,
    OFFERS,
    PATHSEND,
    PLAIN,
    PUSH,
    TRAILERS,
    UNKNOWN,
    WAYS,
    ZEROCOPY,
    Make,
    ask,
    bodies,
    ids,
    pace,
)

ENCODED_HEAD = [("content-encoding", "zstd"), ("content-type", "text/plain"), ("vary", "Accept-Encoding")]
VARIED_HEAD = [("content-type", "text/plain"), ("vary", "Accept-Encoding")]

HEAD: list[tuple[str, list[Message], list[tuple[str, str]], list[bytes]]] = [
    ("the length alone", [start(200, [PLAIN, LENGTH]), body(b"")], ENCODED_HEAD, [b""]),
    (
        "the length, and a message without a body",
        [start(200, [PLAIN, LENGTH]), {"type": "http.response.body"}],
        ENCODED_HEAD,
        [b""],
    ),
    ("the whole body", [start(200, [PLAIN]), body()], ENCODED_HEAD, [b""]),
    ("the body and its length", [start(200, [PLAIN, LENGTH]), body()], ENCODED_HEAD, [b""]),
    (
        "a stream",
        [start(200, [PLAIN]), body(TEXT, more=True), body(TEXT, more=True), body(b"")],
        ENCODED_HEAD,
        [b"", b"", b""],
    ),
    (
        "the whole body, and more is promised",
        [start(200, [PLAIN, LENGTH]), body(more=True), body(b"")],
        ENCODED_HEAD,
        [b"", b""],
    ),
    ("nothing that tells the size", [start(200, [PLAIN]), body(b"")], VARIED_HEAD, [b""]),
    ("a small body", [start(200, [PLAIN]), body(b"ok")], [("content-type", "text/plain")], [b"ok"]),
]


@pytest.mark.parametrize(("sentence", "messages", "headers", "pieces"), HEAD, ids=ids(HEAD))
def test_head(sentence: str, messages: list[Message], headers: list[tuple[str, str]], pieces: list[bytes]) -> None:
    exchange = ask(CompressionMiddleware(sends(*messages)), method="HEAD")
    assert exchange.headers == headers
    assert [message.get("body", b"") for message in exchange.sent[1:]] == pieces
    assert [message.get("more_body", False) for message in exchange.sent[1:]] == [
        message.get("more_body", False) for message in messages[1:]
    ]


@pytest.mark.parametrize(("make", "coding"), CLASSES)
@pytest.mark.parametrize(("sentence", "app", "expected"), RESPONSES, ids=ids(RESPONSES))
def test_head_differs_from_get_by_the_length_only(
    sentence: str, app: Callable[[], App], expected: bytes, make: Make, coding: str
) -> None:
    middleware = make(app())
    get, head = ask(middleware), ask(middleware, method="HEAD")
    if get.header("content-encoding"):
        assert head.headers == [pair for pair in get.headers if pair[0] != "content-length"]
        assert head.raw_body == b""
    elif get.raw_body or get.header("content-length"):
        assert head.sent == get.sent
    else:  # nothing tells HEAD how much GET would send
        assert [pair for pair in head.headers if pair != ("vary", "Accept-Encoding")] == [
            pair for pair in get.headers if pair != ("vary", "Accept-Encoding")
        ]
        assert head.sent[1:] == get.sent[1:]


def test_an_event_stream_answers_head_at_once_without_a_body() -> None:
    exchange, counts = pace(
        CompressionMiddleware, [start(200, EVENT_STREAM), body(EVENTS[0], more=True), body(b"")], method="HEAD"
    )
    assert counts == [1, 2, 3]
    assert exchange.headers == [
        ("content-encoding", "zstd"),
        ("content-type", "text/event-stream"),
        ("vary", "Accept-Encoding"),
    ]
    assert bodies(exchange) == [b"", b""]


@pytest.mark.parametrize("content_type", [b"text/plain", b"text/event-stream"])
@pytest.mark.parametrize("more", [True, False], ids=["as a stream", "in one message"])
def test_head_does_no_work_and_needs_no_thread_for_a_big_body(content_type: bytes, more: bool) -> None:
    rest = [body(b"")] if more else []
    app = sends(start(200, [(b"content-type", content_type)]), body(b"x" * 3_000_000, more=more), *rest)
    exchange = ask(CompressionMiddleware(app), method="HEAD")
    assert exchange.error is None
    assert exchange.raw_body == b""


# How many messages have come out after each one that went in; whether the answer is encoded.
PACES: list[tuple[str, list[Message], list[int], bool]] = [
    ("a start waits for its body", [start(200, [PLAIN]), body()], [0, 2], True),
    ("a start waits for its first piece", [start(200, [PLAIN]), body(more=True), body()], [0, 2, 3], True),
    (
        "a start waits for an empty piece, no longer",
        [start(200, [PLAIN]), body(b"", more=True), body()],
        [0, 2, 3],
        True,
    ),
    (
        "a start that is left alone does not wait",
        [start(200, [(b"content-type", b"image/png")]), body()],
        [1, 2],
        False,
    ),
    ("a 304 does not wait", [start(304, [(b"etag", b'"a"')]), body(b"")], [1, 2], False),
    ("a small length does not wait", [start(200, [PLAIN, (b"content-length", b"2")]), body(b"ok")], [1, 2], False),
    ("an early hint goes before the start", [HINT, HINT, start(200, [PLAIN]), body()], [1, 2, 2, 4], True),
    ("debug goes before the start", [DEBUG, start(200, [PLAIN]), body()], [1, 1, 3], True),
    ("push goes before the start", [PUSH, start(200, [PLAIN]), body()], [1, 1, 3], True),
    ("what nobody knows goes before the start", [UNKNOWN, start(200, [PLAIN]), body()], [1, 1, 3], True),
    ("an early hint releases the start", [start(200, [PLAIN]), HINT, body()], [0, 2, 3], False),
    ("push releases the start", [start(200, [PLAIN]), PUSH, body()], [0, 2, 3], False),
    ("debug releases the start", [start(200, [PLAIN]), DEBUG, body()], [0, 2, 3], False),
    ("what nobody knows releases the start", [start(200, [PLAIN]), UNKNOWN, body(), UNKNOWN], [0, 2, 3, 4], False),
    ("pathsend releases the start", [start(200, [PLAIN, LENGTH]), PATHSEND], [0, 2], False),
    ("zerocopysend releases the start", [start(200, [PLAIN, LENGTH]), ZEROCOPY, ZEROCOPY], [0, 2, 3], False),
    ("trailers release the start", [start(200, [PLAIN], trailers=True), TRAILERS], [0, 2], False),
    ("push in a stream", [start(200, [PLAIN]), body(more=True), PUSH, body(b"")], [0, 2, 3, 4], True),
    (
        "what nobody knows in a stream",
        [start(200, [PLAIN]), body(more=True), UNKNOWN, body(b""), UNKNOWN],
        [0, 2, 3, 4, 5],
        True,
    ),
    ("trailers after one shot", [start(200, [PLAIN], trailers=True), body(), TRAILERS], [0, 2, 3], True),
    (
        "two trailers after a stream",
        [start(200, [PLAIN], trailers=True), body(more=True), body(b""), TRAILERS, TRAILERS],
        [0, 2, 3, 4, 5],
        True,
    ),
]


@pytest.mark.parametrize(("make", "coding"), CLASSES)
@pytest.mark.parametrize(("sentence", "messages", "expected", "encoded"), PACES, ids=ids(PACES))
def test_nothing_is_lost_or_reordered_and_a_start_waits_for_one_message(
    sentence: str, messages: list[Message], expected: list[int], encoded: bool, make: Make, coding: str
) -> None:
    exchange, counts = pace(make, messages)
    assert exchange.error is None
    assert counts == expected
    assert [message["type"] for message in exchange.sent] == [message["type"] for message in messages]
    ours = ("http.response.start", "http.response.body")
    assert [found for found in exchange.objects if found["type"] not in ours] == [
        message for message in messages if message["type"] not in ours
    ]
    assert exchange.header("content-encoding") == ([coding] if encoded else [])
    if encoded:
        assert exchange.body == b"".join(message["body"] for message in messages if message["type"] == ours[1])
    else:
        assert exchange.sent[1:] == [plain(message) for message in messages[1:]]


RELEASED = [HINT, PUSH, DEBUG, PATHSEND, ZEROCOPY, UNKNOWN]


@pytest.mark.parametrize(("make", "coding"), CLASSES)
@pytest.mark.parametrize("message", RELEASED, ids=lambda message: message["type"])
def test_a_released_start_is_as_the_app_sent_it_with_vary(message: Message, make: Make, coding: str) -> None:
    headers = [PLAIN, LENGTH, (b"etag", b'"a"'), (b"accept-ranges", b"bytes")]
    exchange, _ = pace(make, [start(200, headers), message])
    assert exchange.sent == [plain(start(200, [*headers, (b"vary", b"Accept-Encoding")])), message]


@pytest.mark.parametrize(("make", "coding"), WAYS)
def test_an_event_stream_starts_at_once(make: Make, coding: str) -> None:
    messages = [start(200, EVENT_STREAM), body(EVENTS[0], more=True), PUSH, body(b"", more=True), body(EVENTS[1])]
    exchange, counts = pace(make, messages)
    assert counts == [1, 2, 3, 4, 5]
    assert exchange.headers == [
        ("content-encoding", coding),
        ("content-type", "text/event-stream"),
        ("vary", "Accept-Encoding"),
    ]
    assert exchange.body == EVENTS[0] + EVENTS[1]


def test_an_event_stream_from_a_file_is_not_called_encoded() -> None:
    # A file by pathsend has a length and bytes that we never see.
    headers = [*EVENT_STREAM, (b"content-length", b"5000")]
    exchange, _ = pace(CompressionMiddleware, [start(200, headers), PATHSEND])
    assert exchange.sent == [plain(start(200, [*headers, (b"vary", b"Accept-Encoding")])), PATHSEND]


@pytest.mark.parametrize(("make", "coding"), CLASSES)
def test_files_are_hidden_from_an_app_whose_answer_may_be_encoded(make: Make, coding: str) -> None:
    app, scopes = remembers()
    given = copy.deepcopy(OFFERS)
    exchange = ask(make(app), extensions=given)
    hidden = ("http.response.pathsend", "http.response.zerocopysend")
    kept = {name: value for name, value in OFFERS.items() if name not in hidden}
    assert scopes[0]["extensions"] == kept
    assert exchange.scope["extensions"] is given
    assert given == OFFERS


@pytest.mark.parametrize(("make", "coding"), CLASSES)
@pytest.mark.parametrize("accept", [None, "identity", "gzip;q=0"])
def test_files_are_offered_where_nothing_is_encoded(make: Make, coding: str, accept: str | None) -> None:
    app, scopes = remembers()
    exchange = ask(make(app), accept, extensions=dict(OFFERS))
    assert scopes[0] is exchange.scope
    assert scopes[0]["extensions"] == OFFERS


@pytest.mark.parametrize("extensions", [None, {}, {"tls": {}}], ids=["missing", "none", "another"])
def test_a_scope_without_either_travels_inwards_as_it_is(extensions: dict[str, Any] | None) -> None:
    app, scopes = remembers()
    exchange = ask(CompressionMiddleware(app), extensions=extensions)
    assert scopes[0] is exchange.scope


def test_extensions_of_none_are_no_extensions() -> None:
    scope = http(headers=[("accept-encoding", "gzip")])
    scope["extensions"] = None
    assert drive(CompressionMiddleware(text()), scope).body == TEXT
