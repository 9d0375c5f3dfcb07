"""The record of a request: every field, by an injected clock."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from asgi_middleware import RequestIDMiddleware, TimingMiddleware, measure
from asgi_middleware.timing import Record, add
from asgi_middleware.timing.record import Span

from . import apps
from .asgi import App, Pause, drive, http, websocket
from .timed import Clock, Kept, Trace, recorded, timed

NOW = 1_700_000_000.0


def fields(record: Record) -> dict[str, Any]:
    """Everything but the scope."""
    made = ("scheme", "request_id", "trace_id", "sampled")
    return {name: getattr(record, name) for name in (*Record.__dataclass_fields__, *made) if name != "scope"}


def stepping(clock: Clock, *parts: tuple[float, dict[str, Any]], behind: float = 0.0) -> App:
    """Sends each part after so many seconds, and then works on in the background."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for seconds, message in parts:
            clock.now += seconds
            await send(message)
        clock.now += behind

    return app


BODY = (apps.start(201, [(b"content-type", b"text/plain")]), apps.body(b"one", more=True), apps.body(b"three"))


def test_the_whole_record_of_a_request() -> None:
    clock = Clock()
    app = stepping(clock, (0.5, BODY[0]), (0.25, BODY[1]), (1.0, BODY[2]), behind=8.0)
    scope = http("/items/7", method="POST", scheme="https", request_id="abc", trace=Trace(), route="/items/{id}")
    assert fields(recorded(app, scope, clock=clock)) == {
        "type": "http",
        "method": "POST",
        "scheme": "https",
        "route": "/items/{id}",
        "status": 201,
        "outcome": "ok",
        "error": None,
        "queue": None,
        "first_byte": 0.5,
        "last_byte": 1.75,
        "total": 9.75,
        "bytes_out": 8,
        "close_code": None,
        "request_id": "abc",
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "sampled": True,
        "spans": (),
        "started": NOW,
    }


def test_the_whole_record_of_a_websocket() -> None:
    clock = Clock()
    messages = [(0.5, {"type": "websocket.accept"}), (60.0, {"type": "websocket.send", "text": "a"})]
    app = stepping(clock, *messages, (30.0, {"type": "websocket.close", "code": 4000}), behind=1.0)
    assert fields(recorded(app, websocket("/live"), clock=clock)) == {
        "type": "websocket",
        "method": "GET",
        "scheme": "ws",
        "route": "unmatched",
        "status": 101,
        "outcome": "ok",
        "error": None,
        "queue": None,
        "first_byte": 0.5,
        "last_byte": 90.5,
        "total": 91.5,
        "bytes_out": 1,
        "close_code": 4000,
        "request_id": None,
        "trace_id": None,
        "sampled": False,
        "spans": (),
        "started": NOW,
    }


def test_the_whole_record_of_nothing() -> None:
    assert fields(recorded(apps.silent(), {"type": "http", "path": "/"})) == {
        "type": "http",
        "method": "_OTHER",
        "scheme": "http",
        "route": "unmatched",
        "status": None,
        "outcome": "error",
        "error": None,
        "queue": None,
        "first_byte": None,
        "last_byte": None,
        "total": 0.0,
        "bytes_out": 0,
        "close_code": None,
        "request_id": None,
        "trace_id": None,
        "sampled": False,
        "spans": (),
        "started": NOW,
    }


METHODS = ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"]


@pytest.mark.parametrize("method", [*METHODS, "get", "PURGE", ""])
def test_only_the_standard_methods_are_told_by_name(method: str) -> None:
    """RFC 9110, 9.1, and RFC 5789."""
    record = recorded(apps.silent(), http(method=method))
    assert record.method == (method if method in METHODS else "_OTHER")


# Time


def test_a_metric_takes_the_time_to_the_last_byte_never_what_is_done_behind_it() -> None:
    clock = Clock()
    record = recorded(stepping(clock, (0.5, BODY[0]), (0.5, BODY[2]), behind=200.0), clock=clock)
    assert (record.duration, record.total) == (1.0, 201.0)


def test_without_a_last_byte_it_takes_the_whole() -> None:
    clock = Clock()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        clock.now += 2.0
        raise KeyError

    record = recorded(app, clock=clock)
    assert (record.first_byte, record.last_byte, record.duration, record.total) == (None, None, 2.0, 2.0)


def test_a_last_byte_is_one_that_the_server_has_taken() -> None:
    """A client that reads slowly holds up `send`."""
    clock, sink = Clock(), Kept()

    async def receive() -> Any: ...

    async def send(message: Any) -> None:
        clock.now += 0.25 if message["type"] == "http.response.start" else 3.0

    call: Any = TimingMiddleware(apps.sends(BODY[0], BODY[2]), sinks=[sink], clock=clock)(http(), receive, send)
    with pytest.raises(StopIteration):
        call.send(None)
    assert (sink.record.first_byte, sink.record.last_byte, sink.record.total) == (0.0, 3.25, 3.25)


def test_the_first_byte_is_what_the_header_tells() -> None:
    clock, sink = Clock(), Kept()
    app = stepping(clock, (0.125, BODY[0]), (1.0, BODY[2]))
    exchange = drive(TimingMiddleware(app, sinks=[sink], clock=clock))
    assert exchange.header("server-timing") == ["total;dur=125.00"]
    assert sink.record.first_byte == 0.125


def test_a_clock_that_goes_back_gives_nothing_below_nothing() -> None:
    clock = Clock()
    record = recorded(stepping(clock, (-1.0, BODY[0]), (-1.0, BODY[2]), behind=-1.0), clock=clock)
    assert (record.first_byte, record.last_byte, record.total) == (0.0, 0.0, 0.0)


def test_the_start_is_by_the_wall_clock() -> None:
    assert recorded(apps.text(), wall_clock=Clock(12.5)).started == 12.5


# Bytes

LENGTH = (b"Content-Length", b"2880")


def file(**more: Any) -> dict[str, Any]:
    return {"type": "http.response.zerocopysend", "file": 3, **more}


PATH: dict[str, Any] = {"type": "http.response.pathsend", "path": "/srv/a"}
BYTES: list[tuple[str, list[dict[str, Any]], dict[str, Any], int | None]] = [
    ("a body", [apps.start(), apps.body(b"12345")], http(), 5),
    ("a body in parts", [apps.start(), apps.body(b"123", more=True), apps.body(b""), apps.body(b"45")], http(), 5),
    ("no body at all", [apps.start(204, []), {"type": "http.response.body"}], http(), 0),
    ("a bytearray", [apps.start(), apps.body(bytearray(b"123"))], http(), 3),
    ("a view of wider items", [apps.start(), apps.body(memoryview(bytes(8)).cast("I"))], http(), 8),
    ("the body of a HEAD", [apps.start(), apps.body(b"12345")], http(method="HEAD"), 0),
    ("a path whose length was told", [apps.start(headers=[LENGTH]), PATH], http(), 2880),
    ("a path whose length was not", [apps.start(), PATH], http(), None),
    ("a path with a length that is none", [apps.start(headers=[(b"content-length", b"-1")]), PATH], http(), None),
    (
        "a path with a length beyond all files",
        [apps.start(headers=[(b"content-length", b"9" * 5000)]), PATH],
        http(),
        None,
    ),
    ("a path for a HEAD", [apps.start(), PATH], http(method="HEAD"), 0),
    ("a file's part", [apps.start(), file(count=9)], http(), 9),
    ("a file to its end", [apps.start(), file()], http(), None),
    ("parts of both", [apps.start(), file(count=9, more_body=True), apps.body(b"1")], http(), 10),
    ("one part unknown", [apps.start(), file(more_body=True), apps.body(b"1")], http(), None),
    (
        "messages beside the body",
        [{"type": "http.response.debug", "info": {}}, apps.start(), apps.body(b"1")],
        http(),
        1,
    ),
    ("texts", [{"type": "websocket.accept"}, {"type": "websocket.send", "text": "\xe4b\u65e5"}], websocket(), 6),
    ("half a character", [{"type": "websocket.accept"}, {"type": "websocket.send", "text": "\ud800"}], websocket(), 3),
    ("data", [{"type": "websocket.accept"}, {"type": "websocket.send", "bytes": b"123"}], websocket(), 3),
    (
        "data beside no text",
        [{"type": "websocket.accept"}, {"type": "websocket.send", "bytes": b"123", "text": None}],
        websocket(),
        3,
    ),
    (
        "a denial",
        [
            {"type": "websocket.http.response.start", "status": 403, "headers": []},
            {"type": "websocket.http.response.body", "body": b"no"},
        ],
        websocket(),
        2,
    ),
]


@pytest.mark.parametrize(("sentence", "messages", "scope", "expected"), BYTES, ids=[row[0] for row in BYTES])
def test_bytes_that_go_out(
    sentence: str, messages: list[dict[str, Any]], scope: dict[str, Any], expected: int | None
) -> None:
    record = recorded(apps.sends(*messages), scope)
    assert (record.bytes_out, record.outcome) == (expected, "ok")


@pytest.mark.parametrize(("sentence", "make", "body"), apps.RESPONSES, ids=[row[0] for row in apps.RESPONSES])
def test_of_every_response_the_bytes_are_counted(sentence: str, make: Callable[[], App], body: bytes) -> None:
    record = recorded(make())
    assert (record.bytes_out, record.outcome) == (len(body), "ok")


# What others left in the scope


class Odd:
    """Stands where a trace should."""

    def __init__(self, trace_id: object, flags: object) -> None:
        self.trace_id = trace_id
        self.flags = flags


TRACES: list[tuple[str, dict[str, Any], tuple[str | None, str | None, bool]]] = [
    ("nothing", {}, (None, None, False)),
    ("an ID", {"request_id": "abc"}, ("abc", None, False)),
    ("a trace", {"trace": Trace()}, (None, Trace.trace_id, True)),
    ("one that is not sampled", {"trace": Odd("ab", 2)}, (None, "ab", False)),
    ("an ID that is none", {"request_id": 7}, (None, None, False)),
    ("a trace that is none", {"trace": "00-ab-cd-01"}, (None, None, False)),
    ("one without a text", {"trace": Odd(b"ab", "01")}, (None, None, False)),
]


@pytest.mark.parametrize(("sentence", "keys", "expected"), TRACES, ids=[row[0] for row in TRACES])
def test_the_ids_are_those_of_a_middleware_outside(
    sentence: str, keys: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    record = recorded(apps.text(), http(**keys))
    assert (record.request_id, record.trace_id, record.sampled) == expected


def test_ours_outside_is_seen() -> None:
    sink = Kept()
    app = RequestIDMiddleware(TimingMiddleware(apps.text(), sinks=[sink]))
    exchange = drive(app)
    assert [sink.record.request_id] == exchange.header("x-request-id")


def test_the_scope_is_as_it_arrived() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["path"] = "/rewritten"
        scope["headers"] = []
        await apps.text()(scope, receive, send)

    scope = http("/asked", headers=[("user-agent", "a"), ("accept", "b"), ("accept", "c")])
    record = recorded(app, scope)
    assert record.scope["path"] == "/asked"
    assert record.header(b"user-agent") == b"a"
    assert record.header(b"accept") == b"b, c"
    assert record.header(b"referer") is None


def test_headers_that_can_be_read_once_are_read_by_both() -> None:
    app, scopes = apps.remembers()
    record = recorded(app, http() | {"headers": iter([(b"user-agent", b"a")])})
    assert record.header(b"user-agent") == b"a"
    assert list(scopes[0]["headers"]) == [(b"user-agent", b"a")]


def test_the_servers_scope_is_not_changed() -> None:
    scope = http(headers=[("accept", "*/*")])
    before = copy.deepcopy(scope)
    recorded(apps.text(), scope)
    assert scope == before


# Spans


def test_spans_reach_the_record_also_after_the_start() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        add("before", 1000)
        await send(BODY[0])
        add("after", 250, "late")
        await send(BODY[2])
        with measure("behind"):
            pass

    record = recorded(app)
    assert record.spans[:2] == (Span("before", None, 1.0), Span("after", "late", 0.25))
    assert [span.name for span in record.spans] == ["before", "after", "behind"]


@pytest.mark.parametrize("level", ["total", "off"])
def test_a_sink_sees_spans_that_the_client_does_not(level: Any) -> None:
    sink = Kept()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        add("db", 1)
        await apps.text()(scope, receive, send)

    exchange = timed(app, server_timing=level, sinks=[sink])
    assert exchange.header("server-timing") == (["total;dur=0.00"] if level == "total" else [])
    assert sink.record.spans == (Span("db", None, 0.001),)


def test_a_socket_that_measures_for_ever_is_cut_at_32_spans() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        for _ in range(1000):
            add("message", 1)

    assert len(recorded(app, websocket()).spans) == 32


def test_requests_beside_each_other_keep_their_own() -> None:
    sink = Kept()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        add(scope["path"][1:], 1)
        await Pause()
        await send(apps.start(int(scope["path"][1:]), []))
        await Pause()
        await send(apps.body(b"x" * int(scope["path"][1:])))

    async def nothing(*_: Any) -> Any: ...

    wrapped = TimingMiddleware(app, sinks=[sink])
    calls = [wrapped(http(f"/{status}"), nothing, nothing).__await__() for status in (200, 201, 404)]
    while calls:
        for call in list(calls):
            try:
                call.send(None)
            except StopIteration:
                calls.remove(call)
    assert [(record.status, record.bytes_out) for record in sink.records] == [(200, 200), (201, 201), (404, 404)]
