"""`compression` as a whole: what passes untouched, how responses end, and that requests do not disturb each other.

The other files `test_compression_*.py` take one topic each, and what they share from `compressing.py`: negotiation,
exceptions (what is left alone), types, headers, bodies (one shot and streams), messages (HEAD and extensions),
threads, cancellation, properties (any response at random), construction, migration, peers (where other packages go
wrong) and users (what they asked for).
"""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from asgi_middleware import BrotliMiddleware, CompressionMiddleware, GZipMiddleware

from .apps import RESPONSES, TEXT, body, raises, sends, start, stream, text
from .asgi import App, Exchange, Message, drive, http, plain, websocket
from .compressing import (
    CLASSES,
    EVENT_STREAM,
    EVENTS,
    EVERY,
    LENGTH,
    OFFERS,
    PLAIN,
    TRAILERS,
    WAYS,
    Make,
    Pairs,
    ask,
    decoder,
    ids,
)


@pytest.mark.parametrize(("make", "coding"), CLASSES)
def test_a_scope_without_all_that_is_optional_is_served(make: Make, coding: str) -> None:
    exchange = drive(make(text()), {"type": "http", "headers": [(b"accept-encoding", EVERY.encode())]})
    assert exchange.header("content-encoding") == [coding]
    assert exchange.body == TEXT
    assert drive(make(text()), {"type": "http"}).body == TEXT


@pytest.mark.parametrize(("make", "coding"), CLASSES)
@pytest.mark.parametrize(
    "scope",
    [websocket(headers=[("accept-encoding", "gzip")]), {"type": "lifespan"}, {"type": "invented.later"}],
    ids=["websocket", "lifespan", "a type invented later"],
)
def test_other_scopes_pass_through_with_the_same_three_objects(make: Make, coding: str, scope: dict[str, Any]) -> None:
    seen: list[tuple[Any, Any, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope, receive, send))

    given: list[tuple[Any, Any, Any]] = []

    async def outside(scope: Any, receive: Any, send: Any) -> None:
        given.append((scope, receive, send))
        await make(app)(scope, receive, send)

    assert drive(outside, scope).error is None
    assert all(found is passed for found, passed in zip(seen[0], given[0], strict=True))


@pytest.mark.parametrize(("make", "coding"), CLASSES)
@pytest.mark.parametrize(
    "error", [RuntimeError("no"), OSError("gone"), KeyboardInterrupt()], ids=lambda error: type(error).__name__
)
def test_an_app_that_raises_while_its_start_is_held_has_sent_nothing(
    make: Make, coding: str, error: BaseException
) -> None:
    exchange = ask(make(raises(error, start(200, [PLAIN]))))
    assert exchange.error is error
    assert exchange.sent == []


@pytest.mark.parametrize(("make", "coding"), CLASSES)
def test_an_app_that_raises_in_a_stream_is_cut_off_there(make: Make, coding: str) -> None:
    error = RuntimeError("no")
    exchange = ask(make(raises(error, start(200, [PLAIN]), body(TEXT, more=True))))
    assert exchange.error is error
    assert len(exchange.sent) == 2
    assert decoder(coding)(exchange.raw_body) == TEXT


@pytest.mark.parametrize(("make", "coding"), CLASSES)
def test_an_error_handler_outside_can_still_answer(make: Make, coding: str) -> None:
    middleware = make(raises(RuntimeError("no"), start(200, [PLAIN])))
    answer = [start(500, [PLAIN]), body(b"sorry")]

    async def handler(scope: Any, receive: Any, send: Any) -> None:
        try:
            await middleware(scope, receive, send)
        except RuntimeError:
            await sends(*answer)(scope, receive, send)

    assert ask(handler).sent == [plain(message) for message in answer]


@pytest.mark.parametrize("accept", [EVERY, None])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(("make", "coding"), CLASSES)
def test_a_start_without_any_body_goes_out_at_the_end_and_varies(
    make: Make, coding: str, method: str, accept: str | None
) -> None:
    exchange = ask(make(sends(start(200, [PLAIN, LENGTH]))), accept, method=method)
    assert exchange.sent == [plain(start(200, [PLAIN, LENGTH, (b"vary", b"Accept-Encoding")]))]


@pytest.mark.parametrize(("make", "coding"), CLASSES)
def test_a_held_start_is_not_lost_when_the_app_returns(make: Make, coding: str) -> None:
    exchange = ask(make(sends(start(201, [PLAIN, (b"x-kept", b"1")]))))
    assert [message["type"] for message in exchange.sent] == ["http.response.start"]
    assert exchange.status == 201
    assert exchange.header("x-kept") == ["1"]


@pytest.mark.parametrize(("make", "coding"), CLASSES)
def test_an_app_that_says_nothing_is_given_no_words(make: Make, coding: str) -> None:
    exchange = ask(make(sends()))
    assert exchange.error is None
    assert exchange.sent == []


@pytest.mark.parametrize(("make", "coding"), CLASSES)
@pytest.mark.parametrize(("sentence", "app", "expected"), RESPONSES, ids=ids(RESPONSES))
def test_a_client_that_is_gone_is_heard_of_by_the_app(
    sentence: str, app: Callable[[], App], expected: bytes, make: Make, coding: str
) -> None:
    gone = OSError("gone")
    for accept in (EVERY, "identity"):
        scope = http(headers=[("accept-encoding", accept)])
        assert drive(make(app()), scope, send_fails=gone).error is gone


@pytest.mark.parametrize(("make", "coding"), CLASSES)
@pytest.mark.parametrize(("sentence", "app", "expected"), RESPONSES, ids=ids(RESPONSES))
def test_every_legal_shape_decodes_to_what_the_app_sent(
    sentence: str, app: Callable[[], App], expected: bytes, make: Make, coding: str
) -> None:
    middleware = make(app())
    for accept in (EVERY, "gzip", None, EVERY):
        exchange = ask(middleware, accept)
        assert exchange.error is None
        assert exchange.body == expected


CONSTANT: list[tuple[str, list[Message]]] = [
    ("one shot", [start(200, [PLAIN, LENGTH, (b"etag", b'"a"'), (b"vary", b"Cookie")]), body()]),
    ("a stream", [start(200, [PLAIN, (b"etag", b'"a"')]), body(more=True), body(b"")]),
    ("an event stream", [start(200, list(EVENT_STREAM)), body(EVENTS[0], more=True), body(EVENTS[1])]),
    ("opted out", [start(200, [PLAIN, (b"content-encoding", b"identity")]), body()]),
    ("304", [start(304, [(b"etag", b'"a"')]), body(b"")]),
    ("trailers", [start(200, [PLAIN, LENGTH], trailers=True), body(), TRAILERS]),
]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(("make", "coding"), CLASSES)
@pytest.mark.parametrize(("sentence", "messages"), CONSTANT, ids=ids(CONSTANT))
def test_constant_messages_serve_one_client_like_the_next(
    sentence: str, messages: list[Message], make: Make, coding: str, method: str
) -> None:
    before = copy.deepcopy(messages)
    middleware = make(sends(*messages))
    clients = [EVERY, None, "gzip", EVERY, None, "gzip"]
    answers = [ask(middleware, accept, method=method) for accept in clients]
    assert messages == before
    assert [answer.sent for answer in answers[:3]] == [answer.sent for answer in answers[3:]]
    assert answers[1].header("content-encoding") == []


def test_what_the_app_does_to_its_headers_after_the_start_has_no_effect() -> None:
    headers: Pairs = [PLAIN]
    first = start(200, headers)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(first)
        headers.append((b"x-late", b"1"))
        first["status"] = 500
        await send(body())

    exchange = ask(CompressionMiddleware(app))
    assert exchange.status == 200
    assert exchange.header("x-late") == []


@pytest.mark.parametrize(("make", "coding"), WAYS)
def test_two_streams_through_one_middleware_do_not_mix(make: Make, coding: str) -> None:
    inner: list[Exchange] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start(200, [PLAIN]))
        for number in range(5):
            if scope["path"] != "/inner":
                inner.append(ask(middleware, path="/inner"))
            await send(body(b"%s %d;" % (scope["path"].encode(), number), more=True))
        await send(body(TEXT))

    middleware = make(app)
    exchange = ask(middleware)
    expected = b"%s 0;%s 1;%s 2;%s 3;%s 4;" + TEXT.replace(b"%", b"%%")
    assert exchange.body == expected % ((b"/",) * 5)
    assert [found.body for found in inner] == [expected % ((b"/inner",) * 5)] * 5


def test_twice_in_one_chain_encodes_once() -> None:
    for app, expected in ((text(), TEXT), (stream(TEXT, b"end"), TEXT + b"end")):
        exchange = ask(GZipMiddleware(CompressionMiddleware(BrotliMiddleware(app))), extensions=dict(OFFERS))
        assert exchange.header("content-encoding") == ["br"]
        assert exchange.header("vary") == ["Accept-Encoding"]
        assert exchange.body == expected
