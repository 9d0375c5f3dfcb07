"""`timing`: the exact header by an injected clock, on every response, and that nothing else is changed."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from asgi_middleware import ConfigError, ErrorsMiddleware, TimingMiddleware
from asgi_middleware.timing import add

from . import apps
from .asgi import App, drive, http, websocket
from .timed import TOTAL, Clock, calling, later, timed

# Total

MOVES: list[tuple[str, float, str]] = [
    ("no time at all", 0.0, "total;dur=0.00"),
    ("an eighth of a second", 0.125, "total;dur=125.00"),
    ("one and a half milliseconds", 0.0015, "total;dur=1.50"),
    ("less than can be shown", 0.000001, "total;dur=0.00"),
    ("a day", 86400.0, "total;dur=86400000.00"),
    ("the clock goes back", -5.0, "total;dur=0.00"),
    ("the clock goes back a little", -0.000001, "total;dur=0.00"),
]


@pytest.mark.parametrize(("sentence", "seconds", "expected"), MOVES, ids=[row[0] for row in MOVES])
@pytest.mark.parametrize("level", ["total", "all"])
def test_total_is_the_time_to_the_start(sentence: str, seconds: float, expected: str, level: Any) -> None:
    clock = Clock()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        clock.now += seconds
        await send(apps.start(headers=[]))
        clock.now += 7
        await send(apps.body(b"ok"))
        clock.now += 7

    assert drive(TimingMiddleware(app, server_timing=level, clock=clock)).headers == [("server-timing", expected)]


@pytest.mark.parametrize(("sentence", "make", "body"), apps.RESPONSES, ids=[row[0] for row in apps.RESPONSES])
@pytest.mark.parametrize("level", ["total", "all"])
def test_every_response_has_one_line_more_and_is_otherwise_as_it_was(
    sentence: str, make: Callable[[], App], body: bytes, level: Any
) -> None:
    bare = drive(make())
    exchange = timed(make(), server_timing=level)
    assert exchange.headers == sorted([*bare.headers, ("server-timing", "total;dur=0.00")])
    assert {**exchange.start, "headers": None} == {**bare.start, "headers": None}
    assert (exchange.sent[1:], exchange.body) == (bare.sent[1:], body)


ODD: list[tuple[str, App, dict[str, Any], list[tuple[str, str]]]] = [
    (
        "its own line",
        apps.sends(apps.start(headers=[(b"Server-Timing", b"miss, db;dur=53")])),
        http(),
        [("server-timing", "miss, db;dur=53"), TOTAL],
    ),
    (
        "its own two lines",
        apps.sends(apps.start(headers=[(b"server-timing", b"a"), (b"server-timing", b"b")])),
        http(),
        [("server-timing", "a"), ("server-timing", "b"), TOTAL],
    ),
    (
        "its own permission for other origins",
        apps.sends(apps.start(headers=[(b"timing-allow-origin", b"*")])),
        http(),
        [TOTAL, ("timing-allow-origin", "*")],
    ),
    ("a request across origins", apps.sends(apps.start(headers=[])), http(headers=[("origin", "https://a")]), [TOTAL]),
    ("a preflight", apps.sends(apps.start(headers=[])), http(method="OPTIONS"), [TOTAL]),
    ("a WebSocket accepted", apps.accepts(), websocket(), [TOTAL]),
    ("one accepted with headers", apps.accepts(headers=[(b"a", b"b")]), websocket(), [("a", "b"), TOTAL]),
    (
        "one accepted with a line of its own",
        apps.accepts(headers=([b"Server-Timing", b"a"],), subprotocol="chat"),
        websocket(),
        [("server-timing", "a"), TOTAL],
    ),
    ("one denied", apps.denies(), websocket(), [("content-type", "text/plain"), TOTAL]),
]


@pytest.mark.parametrize(("sentence", "app", "scope", "headers"), ODD, ids=[row[0] for row in ODD])
@pytest.mark.parametrize("level", ["total", "all"])
def test_headers_beside_the_one_of_ours(
    sentence: str, app: App, scope: dict[str, Any], headers: list[tuple[str, str]], level: Any
) -> None:
    bare = drive(app, scope)
    exchange = timed(app, scope, server_timing=level)
    assert exchange.headers == sorted(headers)
    assert {**exchange.start, "headers": None} == {**bare.start, "headers": None}
    assert exchange.sent[1:] == bare.sent[1:]


def test_a_crash_that_is_answered_inside_is_timed_too() -> None:
    exchange = drive(TimingMiddleware(ErrorsMiddleware(apps.raises(KeyError())), clock=Clock()))
    assert (exchange.status, exchange.header("server-timing")) == (500, ["total;dur=0.00"])
    assert isinstance(exchange.error, KeyError)


@pytest.mark.parametrize("level", ["total", "all", "off"])
@pytest.mark.parametrize("before", [(), (apps.start(),)], ids=["before the start", "after the start"])
def test_exceptions_travel_on_and_send_nothing_more(level: Any, before: Any) -> None:
    error = KeyError("mine")
    exchange = drive(TimingMiddleware(apps.raises(error, *before), server_timing=level))
    assert exchange.error is error
    assert len(exchange.sent) == len(before)
    gone = OSError("gone")
    assert drive(TimingMiddleware(apps.text(b"ok"), server_timing=level), send_fails=gone).error is gone


def test_messages_without_headers_of_the_response_are_the_very_objects() -> None:
    messages: list[dict[str, Any]] = [
        {"type": "http.response.push", "path": "/a", "headers": []},
        {"type": "http.response.early_hint", "links": [b"</a>"]},
        apps.body(b"ok", more=True),
        {"type": "http.response.trailers", "headers": [(b"server-timing", b"late;dur=1")]},
        {"type": "invented.later"},
    ]
    exchange = timed(apps.sends(*messages[:2], apps.start(headers=[], trailers=True), *messages[2:]))
    others = exchange.objects[:2] + exchange.objects[3:]
    assert all(one is other for one, other in zip(others, messages, strict=True))
    assert exchange.sent[2] == apps.start(headers=[(b"server-timing", b"total;dur=0.00")], trailers=True)


@pytest.mark.parametrize("kind", ["http.response.start", "websocket.accept", "websocket.http.response.start"])
@pytest.mark.parametrize("headers", [{"headers": [(b"a", b"b")]}, {}], ids=["with headers", "without headers"])
def test_constant_messages_collect_no_lines(kind: str, headers: dict[str, Any]) -> None:
    message = {"type": kind, **headers}
    before = copy.deepcopy(message)
    wrapped = TimingMiddleware(apps.sends(message), clock=Clock())
    scope = http() if kind.startswith("http") else websocket()
    assert [drive(wrapped, scope).header("server-timing") for _ in range(3)] == [["total;dur=0.00"]] * 3
    assert message == before


def test_off_hands_on_the_very_objects() -> None:
    assert passed_on(http(), server_timing="off")
    assert timed(calling(lambda: add("db", 1)), server_timing="off").headers == []


@pytest.mark.parametrize("kind", ["lifespan", "invented.later"])
@pytest.mark.parametrize("level", ["total", "all", "off"])
def test_other_scopes_pass_through(kind: str, level: Any) -> None:
    assert passed_on({"type": kind}, server_timing=level)


def passed_on(scope: dict[str, Any], **options: Any) -> bool:
    given: list[Any] = []

    async def app(*arguments: Any) -> None:
        given.extend(arguments)

    async def receive() -> Any: ...

    async def send(message: Any) -> None: ...

    with pytest.raises(StopIteration):
        TimingMiddleware(app, **options)(scope, receive, send).send(None)
    return given[0] is scope and given[1] is receive and given[2] is send


# Configuration

CLOCKS = ("clock", "wall_clock")
WRONG: list[tuple[str, dict[str, Any], list[tuple[str, str]]]] = [
    ("an app that cannot be called", {"app": "app"}, [("app", "pass a callable(scope, receive, send)")]),
    ("another level", {"server_timing": "spans"}, [("server_timing", "use one of 'total', 'all', 'off'")]),
    ("a level as bool", {"server_timing": True}, [("server_timing", "use one of 'total', 'all', 'off'")]),
    ("no level", {"server_timing": None}, [("server_timing", "use one of 'total', 'all', 'off'")]),
    ("expose as bool", {"expose": True}, [("expose", "pass a callable, or leave the option out")]),
    ("expose as addresses", {"expose": ["127.0.0.1"]}, [("expose", "pass a callable, or leave the option out")]),
    ("a time for a clock", {"clock": 0.0}, [("clock", "pass a callable, or leave the option out")]),
    ("a wall clock's time", {"wall_clock": 0.0}, [("wall_clock", "pass a callable, or leave the option out")]),
    ("an async clock", {"clock": later, "wall_clock": later}, [(name, "pass a plain function") for name in CLOCKS]),
    ("a queue time as text", {"queue_time": "yes"}, [("queue_time", "use one of False, True")]),
    ("whom to trust, asynchronously", {"queue_time": later}, [("queue_time", "pass a plain function")]),
    ("a route as text", {"route": "/items"}, [("route", "pass a callable, or leave the option out")]),
    ("a route asynchronously", {"route": later}, [("route", "pass a plain function")]),
    ("no clock", {"clock": None}, [("clock", "pass a callable, or leave the option out")]),
    (
        "everything at once",
        {
            "app": None,
            "server_timing": "ALL",
            "expose": "developers",
            "queue_time": 1,
            "route": 1,
            "sinks": "log",
            "clock": 1,
            "wall_clock": 1,
        },
        [
            ("app", "pass a callable(scope, receive, send)"),
            ("server_timing", "use one of 'total', 'all', 'off'"),
            ("expose", "pass a callable, or leave the option out"),
            ("queue_time", "use one of False, True"),
            ("route", "pass a callable, or leave the option out"),
            ("sinks", "write [LogSink()]"),
            ("clock", "pass a callable, or leave the option out"),
            ("wall_clock", "pass a callable, or leave the option out"),
        ],
    ),
]


@pytest.mark.parametrize(("sentence", "options", "expected"), WRONG, ids=[row[0] for row in WRONG])
def test_a_wrong_configuration_is_refused_with_its_remedies(
    sentence: str, options: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    with pytest.raises(ConfigError) as caught:
        TimingMiddleware(**{"app": apps.silent(), **options})
    error = caught.value
    assert error.owner == "TimingMiddleware"
    assert [(problem.option, problem.remedy) for problem in error.problems] == expected
    assert all(str(problem) in str(error) for problem in error.problems)
