"""`request_id`: which IDs are believed, where the ID is found, and what the context variable holds when."""

import asyncio
import contextvars
import copy
import itertools
import logging
import os
import string
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest

from asgi_middleware import ConfigError, CORSMiddleware, ErrorsMiddleware, RequestIDMiddleware, get_request_id
from asgi_middleware.request_id import RequestIDFilter
from asgi_middleware.request_id.generators import Entropy

from . import apps
from .asgi import App, Exchange, drive, http, websocket

FORK = hasattr(os, "fork")


def numbered(prefix: str = "made") -> Callable[[], str]:
    """A generator option that gives made-1, made-2, ..."""
    count = itertools.count(1)
    return lambda: f"{prefix}-{next(count)}"


def always(value: Any) -> Callable[..., Any]:
    return lambda *_: value


def fails(error: BaseException) -> Callable[..., Any]:
    def function(*_: Any) -> Any:
        raise error

    return function


async def later(value: Any) -> Any:
    return value


class Pause:
    """Suspends once, wherever it is awaited."""

    def __await__(self) -> Generator[None, None, None]:
        yield


def ask(sent: list[tuple[str, str]], **options: Any) -> tuple[Exchange, Any]:
    """One request with these headers, and the scope that the app was given. `made-1` is the ID that we generate."""
    app, scopes = apps.remembers()
    options.setdefault("generator", numbered())
    exchange = drive(RequestIDMiddleware(app, **options), http(headers=sent))
    assert exchange.error is None
    return exchange, scopes[0]


def answered(sent: str, **options: Any) -> str:
    """The ID that a request with this X-Request-ID ends up with, the same in all of the places."""
    exchange, scope = ask([("x-request-id", sent)], **options)
    (value,) = exchange.header("x-request-id")
    assert scope["request_id"] == value
    assert scope["headers"] == [(b"x-request-id", value.encode())]
    return value


def inside(function: Callable[[], Any]) -> App:
    """An app that calls this function, then answers."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        function()
        await apps.text(b"ok")(scope, receive, send)

    return app


# Values

SAFE = set(string.ascii_letters + string.digits + "._~-+/=:@")


@pytest.mark.parametrize(
    ("sentence", "before", "after"),
    [("alone", "", ""), ("first", "", "bc"), ("in the middle", "ab", "cd"), ("last", "ab", "")],
    ids=["alone", "first", "in the middle", "last"],
)
def test_a_byte_is_believed_if_and_only_if_it_is_safe(sentence: str, before: str, after: str) -> None:
    values = {chr(byte): before + chr(byte) + after for byte in range(256)}
    assert {byte: answered(value) for byte, value in values.items()} == {
        byte: value if byte in SAFE else "made-1" for byte, value in values.items()
    }


UUID = "0123cdef-89AB-4def-8123-456789abcdef"
BARE = UUID.replace("-", "")

VALUES: list[tuple[str, str, dict[str, Any], str]] = [
    ("nothing in it", "", {}, "made-1"),
    ("one character", "a", {}, "a"),
    ("128 characters", "a" * 128, {}, "a" * 128),
    ("129 characters", "a" * 129, {}, "made-1"),
    ("20,000 characters", "a" * 20_000, {}, "made-1"),
    ("a UUID behind 20,000 hyphens", "-" * 20_000 + BARE, {}, "made-1"),
    ("two values joined by a comma", "a,b", {}, "made-1"),
    ("two values joined by a comma and a space", "a, a", {}, "made-1"),
    ("space around it", " a ", {}, "made-1"),
    ("a line break and a header", "a\r\nset-cookie: b=c", {}, "made-1"),
    ("a UUID in braces", "{" + UUID + "}", {}, "made-1"),
    ("an ID by nginx", BARE.lower(), {}, BARE.lower()),
    ("a ray by Cloudflare", "8f2c1d9e0a3b4c5d-FRA", {}, "8f2c1d9e0a3b4c5d-FRA"),
    ("an ID by Apache", "Yk8@+/AAEAAAF3hY=", {}, "Yk8@+/AAEAAAF3hY="),
    ("an ID by Amazon", "Root=1-67891233-abcdef012345678912345678", {}, "Root=1-67891233-abcdef012345678912345678"),
    ("another client, trust off", "a", {"trust": False}, "made-1"),
    ("trust says yes", "a", {"trust": always(True)}, "a"),
    ("trust says no", "a", {"trust": always(False)}, "made-1"),
    ("trust says yes to what is not safe", "a b", {"trust": always(True)}, "made-1"),
    ("the validator says yes", "a", {"validator": always(True)}, "a"),
    ("the validator says no", "a", {"validator": always(False)}, "made-1"),
    ("the validator says yes to what is not safe", "a b", {"validator": always(True)}, "made-1"),
    ("the validator says yes to what is too long", "a" * 129, {"validator": always(True)}, "made-1"),
    ("the validator says yes, trust says no", "a", {"validator": always(True), "trust": always(False)}, "made-1"),
    ("uuid: 36 characters", UUID, {"validator": "uuid"}, UUID),
    ("uuid: 32 digits", BARE, {"validator": "uuid"}, BARE),
    ("uuid: any version", "0" * 32, {"validator": "uuid"}, "0" * 32),
    ("uuid: 31 digits", BARE[1:], {"validator": "uuid"}, "made-1"),
    ("uuid: 33 digits", BARE + "0", {"validator": "uuid"}, "made-1"),
    ("uuid: no hexadecimal digit", "g" + BARE[1:], {"validator": "uuid"}, "made-1"),
    ("uuid: one hyphen of four", "0123cdef-89AB4def8123456789abcdef", {"validator": "uuid"}, "made-1"),
    ("uuid: three hyphens of four", "0123cdef-89AB-4def-8123456789abcdef", {"validator": "uuid"}, "made-1"),
    ("uuid: hyphens in other places", "0123-cdef89AB-4def-8123-456789abcdef", {"validator": "uuid"}, "made-1"),
    ("uuid: a name", "urn:uuid:" + UUID, {"validator": "uuid"}, "made-1"),
    ("uuid: only hyphens", "-" * 36, {"validator": "uuid"}, "made-1"),
    ("uuid: a safe ID of another kind", "a", {"validator": "uuid"}, "made-1"),
]


@pytest.mark.parametrize(("sentence", "sent", "options", "expected"), VALUES, ids=[row[0] for row in VALUES])
def test_an_id_is_believed_or_replaced(sentence: str, sent: str, options: dict[str, Any], expected: str) -> None:
    assert answered(sent, **options) == expected


LINES: list[tuple[str, list[tuple[str, str]], str, list[tuple[bytes, bytes]]]] = [
    ("there is none", [("host", "a")], "made-1", [(b"host", b"a"), (b"x-request-id", b"made-1")]),
    (
        "a good one stays where and as it is",
        [("X-Request-Id", "good"), ("host", "a")],
        "good",
        [(b"X-Request-Id", b"good"), (b"host", b"a")],
    ),
    (
        "a bad one is replaced",
        [("X-Request-ID", "no good"), ("host", "a")],
        "made-1",
        [(b"host", b"a"), (b"x-request-id", b"made-1")],
    ),
    (
        "two that differ become one of ours",
        [("x-request-id", "a"), ("host", "a"), ("x-request-id", "b")],
        "made-1",
        [(b"host", b"a"), (b"x-request-id", b"made-1")],
    ),
    (
        "two that are equal, in two cases, become one of ours",
        [("X-REQUEST-ID", "a"), ("host", "a"), ("x-request-id", "a")],
        "made-1",
        [(b"host", b"a"), (b"x-request-id", b"made-1")],
    ),
    (
        "a good one and an empty one become one of ours",
        [("x-request-id", "a"), ("x-request-id", "")],
        "made-1",
        [(b"x-request-id", b"made-1")],
    ),
    (
        "a header of nearly the name is another header",
        [("x_request_id", "a"), ("x-request-id-", "b"), ("x-request-i", "c")],
        "made-1",
        [(b"x_request_id", b"a"), (b"x-request-id-", b"b"), (b"x-request-i", b"c"), (b"x-request-id", b"made-1")],
    ),
]


@pytest.mark.parametrize(("sentence", "sent", "value", "inner"), LINES, ids=[row[0] for row in LINES])
def test_the_inner_request_carries_one_id(
    sentence: str, sent: list[tuple[str, str]], value: str, inner: list[tuple[bytes, bytes]]
) -> None:
    exchange, scope = ask(sent)
    assert scope["headers"] == inner
    assert scope["request_id"] == value
    assert exchange.headers == [("content-type", "text/plain"), ("x-request-id", value)]


@pytest.mark.parametrize(("sentence", "sent", "value", "inner"), LINES, ids=[row[0] for row in LINES])
def test_behind_another_of_ours_the_answer_is_the_same(
    sentence: str, sent: list[tuple[str, str]], value: str, inner: list[tuple[bytes, bytes]]
) -> None:
    app, scopes = apps.remembers()
    wrapped = RequestIDMiddleware(app, generator=numbered())
    drive(RequestIDMiddleware(wrapped, header="x-outer", request_header=False), http(headers=sent))
    assert (scopes[0]["headers"], scopes[0]["request_id"]) == (inner, value)


HEADERS: list[tuple[str, Callable[[], Any], str, list[Any]]] = [
    ("none", lambda: None, "made-1", [(b"x-request-id", b"made-1")]),
    ("an empty list", list, "made-1", [(b"x-request-id", b"made-1")]),
    ("an empty tuple", tuple, "made-1", [(b"x-request-id", b"made-1")]),
    ("a tuple of lists", lambda: ([b"x-request-id", b"b c"],), "made-1", [(b"x-request-id", b"made-1")]),
    ("an iterator", lambda: iter([(b"x-request-id", b"good")]), "good", [(b"x-request-id", b"good")]),
    ("an iterator with a bad one", lambda: iter([(b"X-Request-ID", b"")]), "made-1", [(b"x-request-id", b"made-1")]),
]


@pytest.mark.parametrize(("sentence", "make", "value", "inner"), HEADERS, ids=[row[0] for row in HEADERS])
def test_request_headers_may_be(sentence: str, make: Callable[[], Any], value: str, inner: list[Any]) -> None:
    app, scopes = apps.remembers()
    scope = http()
    scope["headers"] = make()
    exchange = drive(RequestIDMiddleware(app, generator=numbered()), scope)
    assert exchange.headers == [("content-type", "text/plain"), ("x-request-id", value)]
    assert (scopes[0]["request_id"], scopes[0]["headers"]) == (value, inner)


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_a_scope_of_nothing_but_its_type_will_do(kind: str) -> None:
    app, scopes = apps.remembers()
    scope = {"type": kind}
    assert drive(RequestIDMiddleware(app, generator=numbered()), scope).error is None
    assert scope == {"type": kind}
    assert scopes == [{"type": kind, "request_id": "made-1", "headers": [(b"x-request-id", b"made-1")]}]


def test_the_given_scope_is_not_changed_even_where_it_has_a_request_id() -> None:
    app, scopes = apps.remembers()
    scope = http(headers=[("x-request-id", "a"), ("x-request-id", "b")], request_id="the server's")
    before = copy.deepcopy(scope)
    drive(RequestIDMiddleware(app, generator=numbered()), scope)
    assert scope == before
    assert scopes[0] == {**before, "request_id": "made-1", "headers": [(b"x-request-id", b"made-1")]}


def test_another_header_is_read_and_written_in_lower_case() -> None:
    exchange, scope = ask([("x-request-id", "not this"), ("X-CORRELATION-ID", "this")], header="X-Correlation-ID")
    assert exchange.headers == [("content-type", "text/plain"), ("x-correlation-id", "this")]
    assert scope["request_id"] == "this"
    assert scope["headers"] == [(b"x-request-id", b"not this"), (b"X-CORRELATION-ID", b"this")]


def test_without_request_header_the_app_gets_the_very_headers() -> None:
    app, scopes = apps.remembers()
    scope = http(headers=[("x-request-id", "no good")])
    drive(RequestIDMiddleware(app, generator=numbered(), request_header=False), scope)
    assert scopes[0]["headers"] is scope["headers"]
    assert scopes[0]["request_id"] == "made-1"


def test_without_response_header_the_app_gets_the_very_send() -> None:
    given: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        given.extend((receive, send))

    async def receive() -> Any: ...

    async def send(message: Any) -> None: ...

    coroutine = RequestIDMiddleware(app, response_header=False)(http(), receive, send)
    with pytest.raises(StopIteration):
        coroutine.send(None)
    assert given == [receive, send]
    exchange, _ = ask([("x-request-id", "good")], response_header=False)
    assert exchange.headers == [("content-type", "text/plain")]


@pytest.mark.parametrize("kind", ["lifespan", "invented.later"])
def test_other_scopes_have_no_id(kind: str) -> None:
    given: list[Any] = []

    async def app(*arguments: Any) -> None:
        given.extend((*arguments, get_request_id()))

    async def receive() -> Any: ...

    async def send(message: Any) -> None: ...

    scope = {"type": kind}
    coroutine = RequestIDMiddleware(app)(scope, receive, send)
    with pytest.raises(StopIteration):
        contextvars.Context().run(coroutine.send, None)
    assert given == [scope, receive, send, None]
    assert given[0] is scope
    assert scope == {"type": kind}


# Functions that are given to it


class Unsure:
    def __bool__(self) -> bool:
        raise OverflowError("neither yes nor no")


UNUSABLE: list[tuple[str, dict[str, Any]]] = [
    ("a trust that raises", {"trust": fails(KeyError("client"))}),
    ("a validator that raises", {"validator": fails(ValueError("no"))}),
    ("a trust whose answer is neither", {"trust": always(Unsure())}),
    ("a validator whose answer is neither", {"validator": always(Unsure())}),
    ("a trust that ends an iteration", {"trust": fails(StopIteration())}),
    ("a validator that asserts", {"validator": fails(AssertionError())}),
    ("a trust that takes no argument", {"trust": lambda: True}),
    ("a validator that takes two arguments", {"validator": lambda one, two: True}),
    ("a generator that raises", {"trust": False, "generator": fails(RuntimeError("no entropy"))}),
    ("a generator that has come to its end", {"trust": False, "generator": iter(()).__next__}),
    ("a generator that wants an argument", {"trust": False, "generator": lambda one: "a"}),
    ("a generator of None", {"trust": False, "generator": always(None)}),
    ("a generator of bytes", {"trust": False, "generator": always(b"abc")}),
    ("a generator of numbers", {"trust": False, "generator": always(7)}),
    ("a generator of UUID objects", {"trust": False, "generator": uuid.uuid4}),
    ("a generator of nothing", {"trust": False, "generator": always("")}),
    ("a generator of 129 characters", {"trust": False, "generator": always("a" * 129)}),
    ("a generator of a space", {"trust": False, "generator": always("a b")}),
    ("a generator of a second header", {"trust": False, "generator": always("a\r\nset-cookie: b=c")}),
    ("a generator of a last line break", {"trust": False, "generator": always("a\n")}),
    ("a generator of Latin-1", {"trust": False, "generator": always("\xe9")}),
    ("a generator of beyond Latin-1", {"trust": False, "generator": always("\u0101")}),
    ("a generator of full-width digits", {"trust": False, "generator": always("\uff11\uff12")}),
    ("a generator of half a character", {"trust": False, "generator": always("\ud800")}),
]


@pytest.mark.parametrize(("sentence", "options"), UNUSABLE, ids=[row[0] for row in UNUSABLE])
def test_it_falls_back_and_reports_once(
    sentence: str, options: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    app, scopes = apps.remembers()
    wrapped = RequestIDMiddleware(app, **options)
    sent = "A-value-of-the-client"
    for _ in range(3):
        exchange = drive(wrapped, http(headers=[("x-request-id", sent)]))
        assert exchange.error is None
        value = uuid.UUID(scopes[-1]["request_id"])
        assert (value.version, value.variant) == (4, uuid.RFC_4122)
        assert exchange.headers == [("content-type", "text/plain"), ("x-request-id", value.hex)]
    assert len({scope["request_id"] for scope in scopes}) == 3
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("asgi_middleware.request_id", "ERROR")
    (option,) = options.keys() - ({"trust"} if "generator" in options else set())
    assert record.getMessage().startswith(f"request_id: {option} ")
    assert record.getMessage().endswith("the ID is a generated one. Reported once.")
    assert sent not in caplog.text


def test_each_broken_function_is_reported_for_itself(caplog: pytest.LogCaptureFixture) -> None:
    wrapped = RequestIDMiddleware(
        apps.text(b"ok"), validator=always(True), trust=fails(KeyError()), generator=always(None)
    )
    for _ in range(3):
        drive(wrapped, http(headers=[("x-request-id", "a")]))
    assert [record.getMessage().split()[1] for record in caplog.records] == ["trust", "generator"]


def test_one_instance_does_not_silence_another(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        drive(RequestIDMiddleware(apps.text(b"ok"), generator=always(None)))
    assert len(caplog.records) == 2


@pytest.mark.parametrize("option", ["trust", "validator"])
@pytest.mark.filterwarnings("ignore:coroutine:RuntimeWarning")
def test_an_answer_that_must_be_awaited_opens_nothing(option: str, caplog: pytest.LogCaptureFixture) -> None:
    """A coroutine is true, whatever it would answer."""
    assert answered("a", **{option: lambda _: later(False)}) == "made-1"
    assert [record.getMessage().split()[1] for record in caplog.records] == [option]


def test_what_was_rejected_is_in_no_log_not_even_as_the_text_of_an_exception(caplog: pytest.LogCaptureFixture) -> None:
    assert answered("secret-value", validator=lambda value: int(value) > 0) == "made-1"
    assert len(caplog.records) == 1
    assert "secret-value" not in caplog.text


def test_a_report_of_nonsense_shows_no_traceback_of_something_else(caplog: pytest.LogCaptureFixture) -> None:
    wrapped = RequestIDMiddleware(apps.text(b"ok"), generator=always(None))
    try:
        raise KeyError("of something else")
    except KeyError:
        drive(wrapped)
    (record,) = caplog.records
    assert not record.exc_info


def test_invalid_ids_are_not_logged_at_all(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(1)
    for sent in ("", "a b", "a\r\nb", "a" * 129, "\x1b[31m", "a,b"):
        assert answered(sent) == "made-1"
        assert answered(sent, validator="uuid") == "made-1"
    assert answered("a", trust=False) == "made-1"
    assert caplog.records == []


def test_the_validator_sees_safe_text_only_and_trust_the_scope() -> None:
    asked: list[Any] = []

    def validator(value: str) -> bool:
        asked.append(value)
        return True

    def trust(scope: Any) -> bool:
        asked.append(scope["client"][0])
        return True

    values = ["good", "", "a b", "\xe9", "a" * 129, "also.good"]
    given = [answered(sent, validator=validator, trust=trust) for sent in values]
    assert asked == ["good", "127.0.0.1", "also.good", "127.0.0.1"]
    assert given == ["good", "made-1", "made-1", "made-1", "made-1", "also.good"]


@pytest.mark.parametrize("option", ["trust", "validator", "generator"])
def test_what_stops_a_process_is_not_held_up(option: str) -> None:
    options: dict[str, Any] = {option: fails(KeyboardInterrupt())}
    wrapped = RequestIDMiddleware(apps.text(b"ok"), **options)
    sent = [] if option == "generator" else [("x-request-id", "a")]
    assert isinstance(drive(wrapped, http(headers=sent)).error, KeyboardInterrupt)


# Responses


@pytest.mark.parametrize(("sentence", "make", "body"), apps.RESPONSES, ids=[row[0] for row in apps.RESPONSES])
def test_every_response_has_the_id_once_and_is_otherwise_as_it_was(
    sentence: str, make: Callable[[], App], body: bytes
) -> None:
    bare = drive(make())
    exchange = drive(RequestIDMiddleware(make()), http(headers=[("x-request-id", "good")]))
    assert exchange.headers == sorted([*bare.headers, ("x-request-id", "good")])
    assert {**exchange.start, "headers": None} == {**bare.start, "headers": None}
    assert exchange.sent[1:] == bare.sent[1:]
    assert (exchange.body, exchange.error) == (body, None)


MADE = ("x-request-id", "made-1")

RARER: list[tuple[str, App, dict[str, Any], int | None, list[tuple[str, str]]]] = [
    ("not found", apps.sends(apps.start(404, []), apps.body(b"")), http(), 404, [MADE]),
    (
        "not allowed",
        apps.sends(apps.start(405, [(b"allow", b"GET")]), apps.body(b"")),
        http(),
        405,
        [("allow", "GET"), MADE],
    ),
    (
        "HEAD",
        apps.sends(apps.start(200, [(b"content-length", b"9")]), apps.body(b"")),
        http(method="HEAD"),
        200,
        [("content-length", "9"), MADE],
    ),
    (
        "its own header",
        apps.text(b"", [("x-request-id", "its own")]),
        http(),
        200,
        [("content-length", "0"), ("x-request-id", "its own")],
    ),
    (
        "its own header in mixed case",
        apps.text(b"", [("X-Request-Id", "its own")]),
        http(),
        200,
        [("content-length", "0"), ("x-request-id", "its own")],
    ),
    (
        "its own header, empty",
        apps.text(b"", [("x-request-id", "")]),
        http(),
        200,
        [("content-length", "0"), ("x-request-id", "")],
    ),
    (
        "its own header, twice",
        apps.text(b"", [("x-request-id", "a"), ("X-Request-ID", "b")]),
        http(),
        200,
        [("content-length", "0"), ("x-request-id", "a"), ("x-request-id", "b")],
    ),
    ("a WebSocket accepted", apps.accepts(), websocket(), None, [MADE]),
    ("one accepted with headers", apps.accepts(headers=[(b"a", b"b")]), websocket(), None, [("a", "b"), MADE]),
    ("one accepted with a tuple", apps.accepts(headers=([b"a", b"b"],)), websocket(), None, [("a", "b"), MADE]),
    (
        "one accepted with a header of its own",
        apps.accepts(headers=[(b"X-Request-ID", b"its own")], subprotocol="chat"),
        websocket(),
        None,
        [("x-request-id", "its own")],
    ),
    ("one denied", apps.denies(), websocket(), 403, [("content-type", "text/plain"), MADE]),
]


@pytest.mark.parametrize(("sentence", "app", "scope", "status", "headers"), RARER, ids=[row[0] for row in RARER])
def test_rarer_responses_have_it_too(
    sentence: str, app: App, scope: dict[str, Any], status: int, headers: list[tuple[str, str]]
) -> None:
    bare = drive(app, {**scope, "request_id": "made-1"})
    exchange = drive(RequestIDMiddleware(app, generator=numbered()), scope)
    assert exchange.headers == sorted(headers)
    assert exchange.start.get("status") == status
    assert {**exchange.start, "headers": None} == {**bare.start, "headers": None}
    assert (exchange.sent[1:], repr(exchange.error)) == (bare.sent[1:], repr(bare.error))


PREFLIGHT = [("origin", "https://a.example"), ("access-control-request-method", "GET")]


@pytest.mark.parametrize(
    ("sentence", "app", "scope", "status"),
    [
        (
            "a preflight",
            CORSMiddleware(apps.silent(), allow_origins=["https://a.example"]),
            http(method="OPTIONS", headers=PREFLIGHT),
            200,
        ),
        ("a crash", ErrorsMiddleware(apps.raises(KeyError())), http(), 500),
        ("a crash of a WebSocket", ErrorsMiddleware(apps.raises(KeyError())), websocket(), 500),
    ],
    ids=["a preflight", "a crash", "a crash of a WebSocket"],
)
def test_what_others_of_ours_answer_inside_has_it_too(
    sentence: str, app: App, scope: dict[str, Any], status: int
) -> None:
    bare = drive(app, {**scope, "request_id": "made-1"})
    exchange = drive(RequestIDMiddleware(app, generator=numbered()), scope)
    assert exchange.status == status
    assert exchange.headers == sorted([*bare.headers, MADE])
    assert exchange.sent[1:] == bare.sent[1:]


def test_messages_without_headers_of_the_response_are_the_very_objects() -> None:
    messages: list[dict[str, Any]] = [
        {"type": "http.response.push", "path": "/a", "headers": [(b"x-request-id", b"b")]},
        {"type": "http.response.early_hint", "links": [b"</a>"]},
        {"type": "http.response.debug", "info": {}},
        apps.body(b"ok", more=True),
        {"type": "http.response.trailers", "headers": [(b"a", b"b")], "more_trailers": False},
        {"type": "invented.later"},
    ]
    start = apps.start(trailers=True)
    exchange = drive(RequestIDMiddleware(apps.sends(*messages[:3], start, *messages[3:]), generator=numbered()))
    others = exchange.objects[:3] + exchange.objects[4:]
    assert all(one is other for one, other in zip(others, messages, strict=True))
    assert exchange.sent[3] == {
        **start,
        "headers": [(b"content-type", b"text/plain"), (b"x-request-id", b"made-1")],
    }


def test_a_close_before_accept_passes_as_it_is() -> None:
    close = {"type": "websocket.close", "code": 1008}
    exchange = drive(RequestIDMiddleware(apps.sends(close)), websocket())
    assert exchange.objects == [close]
    assert exchange.objects[0] is close


@pytest.mark.parametrize(
    ("sentence", "message"),
    [
        ("a start", apps.start(headers=[(b"a", b"b")])),
        ("a start without headers", {"type": "http.response.start", "status": 200}),
        ("an accept", {"type": "websocket.accept", "headers": [(b"a", b"b")]}),
        ("an accept without headers", {"type": "websocket.accept"}),
        ("a denial", {"type": "websocket.http.response.start", "status": 403, "headers": [(b"a", b"b")]}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_constant_messages_collect_no_ids(sentence: str, message: dict[str, Any]) -> None:
    before = copy.deepcopy(message)
    wrapped = RequestIDMiddleware(apps.sends(message), generator=numbered())
    scope = http() if message["type"].startswith("http") else websocket()
    given = [drive(wrapped, copy.deepcopy(scope)).header("x-request-id") for _ in range(3)]
    assert given == [["made-1"], ["made-2"], ["made-3"]]
    assert message == before


def test_twice_in_one_chain_is_once_in_the_response() -> None:
    app, scopes = apps.remembers()
    outer, inner = numbered("outer"), numbered("inner")
    wrapped = RequestIDMiddleware(RequestIDMiddleware(app, generator=inner), generator=outer)
    assert drive(wrapped).header("x-request-id") == ["outer-1"]
    assert scopes[0]["request_id"] == "outer-1"
    assert scopes[0]["headers"] == [(b"x-request-id", b"outer-1")]


def test_of_two_that_disagree_the_inner_one_answers() -> None:
    app, scopes = apps.remembers()
    outer, inner = numbered("outer"), numbered("inner")
    wrapped = RequestIDMiddleware(RequestIDMiddleware(app, generator=inner, trust=False), generator=outer)
    assert drive(wrapped).header("x-request-id") == ["inner-1"]
    assert scopes[0]["request_id"] == "inner-1"
    assert scopes[0]["headers"] == [(b"x-request-id", b"inner-1")]


def test_an_exception_of_send_travels_on() -> None:
    gone = OSError("gone")
    assert drive(RequestIDMiddleware(apps.text(b"ok")), send_fails=gone).error is gone


# The context


def observed(scenario: Callable[[list[str | None]], None]) -> list[str | None]:
    """What a scenario noted, run in a context of its own."""
    notes: list[str | None] = []
    contextvars.Context().run(scenario, notes)
    return notes


def noted(notes: list[str | None], name: str, then: App | None = None) -> App:
    """An app with the ID `name`: notes the ID, calls `then` in its place, notes the ID again."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        notes.append(get_request_id())
        if then is not None:
            await then(scope, receive, send)
            notes.append(get_request_id())

    return RequestIDMiddleware(app, generator=always(name), trust=False)


def caught(then: App) -> App:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await then(scope, receive, send)
        except KeyError:
            await apps.text(b"ok")(scope, receive, send)

    return app


def nested(notes: list[str | None], then: App) -> App:
    """`outer` calls an app in its own process, with a scope and a client of that app's own."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        drive(then)
        await apps.text(b"ok")(scope, receive, send)

    return noted(notes, "outer", app)


def one_call(notes: list[str | None]) -> None:
    notes.append(get_request_id())
    drive(noted(notes, "mine"))
    notes.append(get_request_id())


def one_call_that_raises(notes: list[str | None]) -> None:
    drive(noted(notes, "mine", apps.raises(KeyError())))
    notes.append(get_request_id())


def one_call_that_is_cancelled(notes: list[str | None]) -> None:
    drive(noted(notes, "mine", apps.raises(asyncio.CancelledError())))
    notes.append(get_request_id())


def two_calls(notes: list[str | None]) -> None:
    for name in ("first", "second"):
        drive(noted(notes, name))
        notes.append(get_request_id())


def a_call_after_one_that_raised(notes: list[str | None]) -> None:
    drive(noted(notes, "first", apps.raises(KeyError())))
    drive(noted(notes, "second"))
    notes.append(get_request_id())


def a_nested_call(notes: list[str | None]) -> None:
    drive(nested(notes, noted(notes, "inner")))
    notes.append(get_request_id())


def two_levels_of_nesting(notes: list[str | None]) -> None:
    drive(nested(notes, noted(notes, "inner", noted(notes, "innermost"))))
    notes.append(get_request_id())


def a_nested_call_that_raises(notes: list[str | None]) -> None:
    inner = caught(noted(notes, "inner", apps.raises(KeyError())))
    drive(nested(notes, inner))


def the_end_of_a_call_after_a_nested_one_that_raised(notes: list[str | None]) -> None:
    inner = caught(noted([], "inner", apps.raises(KeyError())))
    drive(nested([], inner))
    notes.append(get_request_id())


def the_error_of_a_call_after_a_nested_one_that_raised(notes: list[str | None]) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        drive(noted([], "inner", apps.raises(KeyError())))
        raise ValueError

    drive(noted([], "outer", app))
    notes.append(get_request_id())


def a_call_by_a_task_that_outlived_its_request(notes: list[str | None]) -> None:
    contexts: list[contextvars.Context] = []
    drive(noted(notes, "first", inside(lambda: contexts.append(contextvars.copy_context()))))
    contexts[0].run(drive, noted(notes, "second"))
    notes.append(contexts[0].run(get_request_id))
    notes.append(get_request_id())


def a_call_by_a_task_of_a_request_under_way(notes: list[str | None]) -> None:
    def task() -> None:
        context = contextvars.copy_context()
        context.run(drive, noted(notes, "second"))
        notes.append(context.run(get_request_id))

    drive(noted(notes, "first", inside(task)))


def another_scope(notes: list[str | None]) -> None:
    drive(noted([], "mine"))
    drive(noted(notes, "lifespan's"), {"type": "lifespan"})
    notes.append(get_request_id())


CONTEXT: list[tuple[str, Callable[[list[str | None]], None], list[str | None]]] = [
    ("none before, ours during, ours after", one_call, [None, "mine", "mine"]),
    ("an exception leaves ours", one_call_that_raises, ["mine", "mine"]),
    ("cancellation leaves ours", one_call_that_is_cancelled, ["mine", "mine"]),
    ("calls in a row leave each its own", two_calls, ["first", "first", "second", "second"]),
    ("what an exception left does not come back", a_call_after_one_that_raised, ["first", "second", "second"]),
    ("a nested call gives back the outer ID", a_nested_call, ["outer", "inner", "outer", "outer"]),
    (
        "every level gives back the one around it",
        two_levels_of_nesting,
        ["outer", "inner", "innermost", "inner", "outer", "outer"],
    ),
    ("a nested call that raises leaves its own", a_nested_call_that_raises, ["outer", "inner", "inner"]),
    (
        "a nested call that raised is forgotten when the outer one returns",
        the_end_of_a_call_after_a_nested_one_that_raised,
        ["outer"],
    ),
    (
        "a nested call that raised is forgotten when the outer one raises",
        the_error_of_a_call_after_a_nested_one_that_raised,
        ["outer"],
    ),
    (
        "an outer ID that is over is not put back",
        a_call_by_a_task_that_outlived_its_request,
        ["first", "first", "second", "second", "first"],
    ),
    (
        "an outer ID under way is put back in a task",
        a_call_by_a_task_of_a_request_under_way,
        ["first", "second", "first", "first"],
    ),
    ("a lifespan changes nothing", another_scope, ["mine", "mine"]),
]


@pytest.mark.parametrize(("sentence", "scenario", "expected"), CONTEXT, ids=[row[0] for row in CONTEXT])
def test_the_context_variable(
    sentence: str, scenario: Callable[[list[str | None]], None], expected: list[str | None]
) -> None:
    assert observed(scenario) == expected


def test_a_nested_call_does_not_change_the_outer_response() -> None:
    exchanges: list[Exchange] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        exchanges.append(drive(RequestIDMiddleware(apps.text(b"ok"), generator=always("inner"))))
        await apps.text(b"ok")(scope, receive, send)

    outer = drive(RequestIDMiddleware(app, generator=always("outer")))
    assert exchanges[0].header("x-request-id") == ["inner"]
    assert outer.header("x-request-id") == ["outer"]


def test_a_request_that_its_loop_abandons_ends_quietly() -> None:
    """As when a loop is closed: the coroutine is closed in another context than the one it ran in."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await Pause()

    async def nothing(*_: Any) -> Any: ...

    context = contextvars.Context()
    coroutine = RequestIDMiddleware(app, generator=always("mine"))(http(), nothing, nothing)
    context.run(coroutine.send, None)
    contextvars.Context().run(coroutine.close)
    assert context.run(get_request_id) == "mine"


def test_responses_of_requests_that_share_a_context_are_not_mixed_up() -> None:
    """Interleaved step by step; the variable is the last one's then, so the response must not ask it."""
    sent: dict[str, list[Any]] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await Pause()
        await send(apps.start(headers=[]))
        await Pause()

    wrapped = RequestIDMiddleware(app)

    def begin(name: str) -> Any:
        async def send(message: Any) -> None:
            sent[name] = message["headers"]

        async def receive() -> Any: ...

        return wrapped(http(headers=[("x-request-id", name)]), receive, send)

    calls: list[Any] = [begin(name) for name in ("a", "b", "c")]
    for _ in range(2):
        for call in calls:
            call.send(None)
    for call in calls:
        with pytest.raises(StopIteration):
            call.send(None)
    assert sent == {name: [(b"x-request-id", name.encode())] for name in ("a", "b", "c")}


# Tasks and threads


def under_asyncio(wrapped: App, names: list[str]) -> list[list[str]]:
    """Serve these requests at once; the ID of each response."""

    async def one(name: str) -> list[str]:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any: ...

        await wrapped(http(headers=[("x-request-id", name)]), receive, send)
        return [value.decode() for _, value in sent[0]["headers"]]

    async def main() -> list[list[str]]:
        return await asyncio.gather(*(one(name) for name in names))

    return asyncio.run(main())


NAMES = [f"request-{number}" for number in range(20)]


def test_requests_at_once_each_see_their_own_id() -> None:
    seen: list[tuple[str, str | None]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(3):
            await asyncio.sleep(0)
            seen.append((scope["request_id"], get_request_id()))
        await send(apps.start(headers=[]))

    assert under_asyncio(RequestIDMiddleware(app), NAMES) == [[name] for name in NAMES]
    assert sorted(seen) == sorted((name, name) for name in NAMES for _ in range(3))


def test_threads_of_a_request_see_its_id() -> None:
    seen: list[tuple[str, str | None, str | None]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        import anyio.to_thread

        seen.append(
            (
                scope["request_id"],
                await asyncio.to_thread(get_request_id),
                await anyio.to_thread.run_sync(get_request_id),
            )
        )
        await send(apps.start(headers=[]))

    assert under_asyncio(RequestIDMiddleware(app), NAMES[:4]) == [[name] for name in NAMES[:4]]
    assert sorted(seen) == [(name, name, name) for name in NAMES[:4]]


def test_a_background_task_keeps_the_id_when_its_request_is_over() -> None:
    seen: list[tuple[str, str | None]] = []

    async def main() -> None:
        tasks: list[asyncio.Task[None]] = []
        over = asyncio.Event()

        async def background(expected: str) -> None:
            await over.wait()
            seen.append((expected, get_request_id()))

        async def app(scope: Any, receive: Any, send: Any) -> None:
            tasks.append(asyncio.create_task(background(scope["request_id"])))

        async def nothing(*_: Any) -> Any: ...

        wrapped = RequestIDMiddleware(app)
        for name in ("a", "b"):  # in one context, as pipelined requests are
            await wrapped(http(headers=[("x-request-id", name)]), nothing, nothing)
        over.set()
        await asyncio.gather(*tasks)

    asyncio.run(main())
    assert seen == [("a", "a"), ("b", "b")]


# Logging


class Lines(logging.Handler):
    """Keeps the lines that it would write."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.setFormatter(logging.Formatter("%(request_id)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def lines() -> Iterator[Lines]:
    handler = Lines()
    logger = logging.getLogger("tests.request_id")
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)


def test_every_line_of_a_request_carries_its_id(lines: Lines) -> None:
    lines.addFilter(RequestIDFilter())
    logger = logging.getLogger("tests.request_id")
    wrapped = RequestIDMiddleware(inside(lambda: logger.info("inside")), generator=numbered())
    broken = RequestIDMiddleware(apps.raises(KeyError()), generator=always("broken"))

    def serve() -> None:
        logger.debug("before")
        drive(wrapped)
        logger.info("access")
        drive(wrapped)
        logger.info("access")
        drive(broken)
        logger.error("error")

    contextvars.Context().run(serve)
    assert lines.lines == [
        "- before",
        "made-1 inside",
        "made-1 access",
        "made-2 inside",
        "made-2 access",
        "broken error",
    ]


def test_the_filter_has_a_default_for_outside_and_drops_nothing(lines: Lines) -> None:
    lines.addFilter(RequestIDFilter(default="none"))
    logger = logging.getLogger("tests.request_id")
    for level in (logging.DEBUG, logging.INFO, logging.ERROR, 1000):
        contextvars.Context().run(logger.log, level, "%d", level)
    assert lines.lines == ["none 10", "none 20", "none 40", "none 1000"]


# Generated IDs


def generated(count: int) -> list[str]:
    """IDs as requests get them."""
    app, scopes = apps.remembers()
    wrapped = RequestIDMiddleware(app)
    for _ in range(count):
        drive(wrapped)
    return [scope["request_id"] for scope in scopes]


def test_generated_ids_are_version_4_uuids_in_hex_and_differ() -> None:
    values = generated(600)  # beyond two buffers
    parsed = [uuid.UUID(value) for value in values]
    assert {(one.version, one.variant) for one in parsed} == {(4, uuid.RFC_4122)}
    assert [one.hex for one in parsed] == values
    assert len(set(values)) == 600


@pytest.mark.parametrize(
    ("sentence", "byte", "expected"),
    [
        ("zeros", b"\x00", "00000000000040008000000000000000"),
        ("ones", b"\xff", "ffffffffffff4fffbfffffffffffffff"),
        ("in turns", b"\xa5", "a5a5a5a5a5a545a5a5a5a5a5a5a5a5a5"),
    ],
    ids=["zeros", "ones", "in turns"],
)
def test_only_version_and_variant_are_fixed(sentence: str, byte: bytes, expected: str) -> None:
    entropy = Entropy(lambda count: byte * count)
    assert [entropy() for _ in range(300)] == [expected] * 300


def test_every_byte_of_entropy_is_used_once() -> None:
    """Against a second implementation: the standard library's, one ID at a time."""
    asked: list[bytes] = []

    def random(count: int) -> bytes:
        asked.append(
            b"".join(number.to_bytes(2, "big") for number in range(len(asked) * 5000, len(asked) * 5000 + count // 2))
        )
        return asked[-1]

    entropy = Entropy(random)
    values = [entropy() for _ in range(512)]
    pool = b"".join(asked)
    assert len(pool) == 512 * 16
    assert sorted(values) == sorted(
        uuid.UUID(bytes=pool[start : start + 16], version=4).hex for start in range(0, len(pool), 16)
    )


def test_eight_threads_never_get_the_same_id() -> None:
    entropy = Entropy()
    given: list[list[str]] = [[] for _ in range(8)]
    ready = threading.Barrier(8)

    def take(mine: list[str]) -> None:
        ready.wait()
        mine.extend(entropy() for _ in range(20_000))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=take, args=(mine,)) for mine in given]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    values = set[str]().union(*given)
    assert len(values) == 8 * 20_000
    assert {(value[12], value[16] in "89ab", len(value)) for value in values} == {("4", True, 32)}


# In a process of its own: forking one that runs tests, and perhaps threads, is asking for trouble.
FORKING = """
import os
from asgi_middleware.request_id import RequestIDMiddleware

async def nothing(*_):
    pass

def take(count):
    values = []
    async def app(scope, receive, send):
        values.append(scope["request_id"])
    wrapped = RequestIDMiddleware(app)
    for _ in range(count):
        try:
            wrapped({"type": "http"}, nothing, nothing).send(None)
        except StopIteration:
            pass
    return values

def child():
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        os.write(writer, "".join(take(300)).encode())
        os._exit(0)
    os.close(writer)
    with open(reader) as pipe:
        text = pipe.read()
    os.waitpid(process, 0)
    return [text[start : start + 32] for start in range(0, len(text), 32)]

taken = take(1)  # so that a buffer is there to inherit
print("\\n".join([*taken, *child(), *child(), *take(300)]))
"""


@pytest.mark.skipif(not FORK, reason="this system does not fork")
def test_forked_workers_never_give_the_same_id() -> None:
    done = subprocess.run([sys.executable, "-W", "error", "-c", FORKING], capture_output=True, text=True, check=True)
    values = done.stdout.split()
    assert len(values) == 901
    assert len(set(values)) == 901


# Configuration

WRONG: list[tuple[str, dict[str, Any], list[tuple[str, str]]]] = [
    ("an app that cannot be called", {"app": None}, [("app", "pass a callable(scope, receive, send)")]),
    ("a header with a space", {"header": "X Request ID"}, [("header", "such as 'X-Request-ID'")]),
    ("an empty header", {"header": ""}, [("header", "such as 'X-Request-ID'")]),
    ("a header beyond ASCII", {"header": "X-Réquest"}, [("header", "such as 'X-Request-ID'")]),
    ("a header with a line break", {"header": "X-Request-ID\n"}, [("header", "such as 'X-Request-ID'")]),
    ("a header in bytes", {"header": b"X-Request-ID"}, [("header", "such as 'X-Request-ID'")]),
    ("trust as a string", {"trust": "proxy"}, [("trust", "use one of False, True")]),
    ("trust as a number", {"trust": 1}, [("trust", "use one of False, True")]),
    ("trust as None", {"trust": None}, [("trust", "use one of False, True")]),
    ("a validator of another name", {"validator": "uuid4"}, [("validator", "use one of 'safe', 'uuid'")]),
    ("no validator", {"validator": None}, [("validator", "use one of 'safe', 'uuid'")]),
    ("a generator of another name", {"generator": "ulid"}, [("generator", "use one of 'uuid4'")]),
    ("no generator", {"generator": None}, [("generator", "use one of 'uuid4'")]),
    ("a string for yes", {"response_header": "yes"}, [("response_header", "use one of False, True")]),
    ("a number for no", {"request_header": 0}, [("request_header", "use one of False, True")]),
    (
        "everything at once",
        {
            "app": "app",
            "header": "a:b",
            "trust": [],
            "validator": 1,
            "generator": 2,
            "response_header": None,
            "request_header": "",
        },
        [
            ("app", "pass a callable(scope, receive, send)"),
            ("header", "such as 'X-Request-ID'"),
            ("trust", "use one of False, True"),
            ("validator", "use one of 'safe', 'uuid'"),
            ("generator", "use one of 'uuid4'"),
            ("response_header", "use one of False, True"),
            ("request_header", "use one of False, True"),
        ],
    ),
]


@pytest.mark.parametrize(("sentence", "options", "expected"), WRONG, ids=[row[0] for row in WRONG])
def test_a_wrong_configuration_is_refused_with_its_remedies(
    sentence: str, options: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    with pytest.raises(ConfigError) as caught_error:
        RequestIDMiddleware(**{"app": apps.silent(), **options})
    error = caught_error.value
    assert error.owner == "RequestIDMiddleware"
    assert [problem.option for problem in error.problems] == [option for option, _ in expected]
    for problem, (_, remedy) in zip(error.problems, expected, strict=True):
        assert problem.remedy.endswith(remedy)
        assert str(problem) in str(error)
