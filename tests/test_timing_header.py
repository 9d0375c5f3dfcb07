"""Server-Timing: who sees what, and that no value ever breaks the format, or its limits."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from asgi_middleware import AuthMiddleware, TimingMiddleware
from asgi_middleware.auth import User
from asgi_middleware.timing import add
from asgi_middleware.timing.spans import collected

from . import apps
from .asgi import drive, http, websocket
from .timed import TOTAL, Clock, Kept, Reader, Trace, calling, later, names, raising, spans, timed


@pytest.mark.parametrize(
    "value",
    [
        "",
        "total;",
        "total;dur",
        "total;dur=",
        "total;speed=1.00",
        "total;dur=1.00;dur=1.00",
        "total;dur=-1.00",
        "total;dur=nan",
        "total;dur=1.0,",
        "total;dur=1.00, ",
        "to tal;dur=1.00",
        'total;desc="a;dur=1.00',
        'total;desc="a\\";dur=1.00',
        'total;desc="a"b";dur=1.00',
        'total;desc="\xe9";dur=1.00',
        'total;desc="\t";dur=1.00',
        "total;desc=a b;dur=1.00",
    ],
)
def test_the_reader_itself_refuses(value: str) -> None:
    with pytest.raises(ValueError, match=r"missing|no token|no text|no duration"):
        Reader(value).metrics()


def test_the_reader_itself_reads() -> None:
    assert Reader('total;dur=0.25, db.read;desc="a \\"b\\" \\\\ c; d, e";dur=12.00').metrics() == [
        ("total", None, "0.25"),
        ("db.read", 'a "b" \\ c; d, e', "12.00"),
    ]
    assert Reader("miss, trace;desc=00-ab-01").metrics() == [("miss", None, None), ("trace", "00-ab-01", None)]


# Who sees spans

EXPOSED: list[tuple[str, dict[str, Any], list[str]]] = [
    ("total alone", {"server_timing": "total"}, ["total;dur=0.00"]),
    ("the default is total alone", {}, ["total;dur=0.00"]),
    ("all", {"server_timing": "all"}, ["total;dur=0.00, db;dur=1.50"]),
    ("off", {"server_timing": "off"}, []),
    ("expose says yes", {"expose": lambda _: True}, ["total;dur=0.00, db;dur=1.50"]),
    ("expose says no", {"expose": lambda _: False}, ["total;dur=0.00"]),
    ("expose says nothing", {"expose": lambda _: None}, ["total;dur=0.00"]),
    (
        "expose reads the scope",
        {"expose": lambda scope: scope["client"][0] == "127.0.0.1"},
        ["total;dur=0.00, db;dur=1.50"],
    ),
    (
        "expose cannot turn off all",
        {"server_timing": "all", "expose": lambda _: False},
        ["total;dur=0.00, db;dur=1.50"],
    ),
    ("expose cannot turn on off", {"server_timing": "off", "expose": lambda _: True}, []),
]


@pytest.mark.parametrize(("sentence", "options", "expected"), EXPOSED, ids=[row[0] for row in EXPOSED])
def test_spans_are_seen(sentence: str, options: dict[str, Any], expected: list[str]) -> None:
    assert timed(calling(lambda: add("db", 1.5)), **options).headers == [("server-timing", line) for line in expected]
    accepted = timed(calling(lambda: add("db", 1.5), apps.accepts()), websocket(), **options)
    assert accepted.headers == [("server-timing", line) for line in expected]
    denied = timed(calling(lambda: add("db", 1.5), apps.denies()), websocket(), **options)
    assert denied.header("server-timing") == expected


class Unsure:
    def __bool__(self) -> bool:
        raise OverflowError("neither yes nor no")


BROKEN: list[tuple[str, Callable[..., Any]]] = [
    ("raised KeyError", raising),
    ("returned Unsure, not bool", lambda _: Unsure()),
    ("raised TypeError", lambda: True),
]


@pytest.mark.parametrize(("sentence", "expose"), BROKEN, ids=[row[0] for row in BROKEN])
def test_a_broken_expose_shows_nothing_and_is_reported_once(
    sentence: str, expose: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    wrapped = TimingMiddleware(calling(lambda: add("db", 1)), expose=expose, clock=Clock())
    for _ in range(3):
        exchange = drive(wrapped)
        assert (exchange.headers, exchange.error) == ([TOTAL], None)
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("asgi_middleware.timing", "ERROR")
    assert record.getMessage() == f"timing: expose {sentence}; no spans are shown. Reported once."


@pytest.mark.filterwarnings("ignore:coroutine:RuntimeWarning")
def test_an_expose_that_must_be_awaited_shows_nothing() -> None:
    """A coroutine is true, whatever it would answer."""
    options: dict[str, Any] = {"expose": lambda _: later(False)}
    assert timed(calling(lambda: add("db", 1)), **options).headers == [TOTAL]


def is_developer(scope: Any) -> bool:
    user = scope.get("user")
    return user is not None and user.identity == "developer"


class KnowsEverybody:
    """A backend that signs everybody in."""

    async def identify(self, scope: Any) -> User:
        return User("developer", scheme="Custom")


@pytest.mark.parametrize("scope", [http(), websocket()], ids=["http", "websocket"])
def test_expose_can_ask_for_the_user_that_was_found_inside(scope: dict[str, Any]) -> None:
    before = copy.deepcopy(scope)
    app = calling(lambda: add("db", 1), apps.accepts() if scope["type"] == "websocket" else None)
    wrapped = TimingMiddleware(AuthMiddleware(app, KnowsEverybody()), expose=is_developer, clock=Clock())
    assert drive(wrapped, scope).headers == [("server-timing", "total;dur=0.00, db;dur=1.00")]
    assert scope == before


def test_an_expose_that_stops_the_process_is_not_held_up() -> None:
    def interrupted(_: Any) -> bool:
        raise KeyboardInterrupt

    exchange = drive(TimingMiddleware(calling(lambda: add("db", 1)), expose=interrupted))
    assert isinstance(exchange.error, KeyboardInterrupt)


# The trace

TRACED = f"trace;desc=00-{Trace.trace_id}-{Trace.span_id}-01"


class Told:
    """Stands where a trace should, and says something else."""

    def __init__(self, traceparent: object) -> None:
        self.traceparent = traceparent


TRACES: list[tuple[str, Any, dict[str, Any], list[str]]] = [
    ("with total", Trace(), {}, [f"total;dur=0.00, {TRACED}"]),
    ("before the spans", Trace(), {"server_timing": "all"}, [f"total;dur=0.00, {TRACED}, db;dur=1.50"]),
    ("where spans are exposed", Trace(), {"expose": lambda _: True}, [f"total;dur=0.00, {TRACED}, db;dur=1.50"]),
    ("off", Trace(), {"server_timing": "off"}, []),
    ("told to sinks as well", Trace(), {"sinks": [Kept()]}, [f"total;dur=0.00, {TRACED}"]),
    (
        "sinks and spans",
        Trace(),
        {"sinks": [Kept()], "server_timing": "all"},
        [f"total;dur=0.00, {TRACED}, db;dur=1.50"],
    ),
    ("none", None, {}, ["total;dur=0.00"]),
    ("a text", TRACED, {}, ["total;dur=0.00"]),
    ("nothing in it", Told(None), {}, ["total;dur=0.00"]),
    ("bytes", Told(Trace().traceparent.encode()), {}, ["total;dur=0.00"]),
    ("a header of its own", Told(Trace().traceparent + "\r\nset-cookie: a=b"), {}, ["total;dur=0.00"]),
    ("capitals", Told(Trace().traceparent.upper()), {}, ["total;dur=0.00"]),
    ("one that is too long", Told(Trace().traceparent + "0"), {}, ["total;dur=0.00"]),
]


@pytest.mark.parametrize(("sentence", "trace", "options", "expected"), TRACES, ids=[row[0] for row in TRACES])
@pytest.mark.parametrize("make", [http, websocket])
def test_the_trace_is_told(
    sentence: str, trace: Any, options: dict[str, Any], expected: list[str], make: Callable[..., Any]
) -> None:
    app = calling(lambda: add("db", 1.5), apps.accepts() if make is websocket else None)
    values = timed(app, make(trace=trace), **options).header("server-timing")
    assert values == expected
    for value in values:
        Reader(value).metrics()


def test_a_trace_takes_the_place_of_a_span_within_the_limits() -> None:
    def work() -> None:
        for number in range(100):
            add(f"s{number}", 1)

    (value,) = timed(calling(work), http(trace=Trace()), server_timing="all").header("server-timing")
    assert names(Reader(value).metrics()) == ["total", "trace", *(f"s{number}" for number in range(30))]
    (value,) = timed(calling(lambda: add("n" * 1960, 1)), http(trace=Trace()), server_timing="all").header(
        "server-timing"
    )
    assert names(Reader(value).metrics()) == ["total", "trace"]


# Limits


def fitting(metrics: list[str], longest: int = 2048, most: int = 32) -> str:
    """The limits, said another way: the longest beginning of the list that keeps both."""
    beginnings = [", ".join(metrics[:count]) for count in range(1, min(most, len(metrics)) + 1)]
    return [value for value in beginnings if len(value) <= longest][-1]


FLOODS: list[tuple[str, list[tuple[str, str | None]]]] = [
    ("31 spans", [(f"s{number}", None) for number in range(31)]),
    ("32 spans", [(f"s{number}", None) for number in range(32)]),
    ("10,000 spans", [(f"s{number}", None) for number in range(10_000)]),
    ("10,000 spans of one name", [("db", "again")] * 10_000),
    ("100 long descriptions", [("db", "d" * 200)] * 100),
    ("descriptions that double in length", [("db", '"' * 300)] * 10),
    ("a name of 2,020 characters", [("n" * 2020, None)]),
    ("a name of 2,021 characters", [("n" * 2021, None)]),
    ("a name of 2,022 characters", [("n" * 2022, None)]),
    ("a name of 2,023 characters", [("n" * 2023, None)]),
    ("a name of 2,024 characters", [("n" * 2024, None)]),
    ("a name of 2,025 characters", [("n" * 2025, None)]),
    ("a description of a million", [("a", None), ("b", "\\" * 1_000_000)]),
]


@pytest.mark.parametrize(("sentence", "flood"), FLOODS, ids=[row[0] for row in FLOODS])
def test_a_flood_is_cut_at_32_metrics_and_2048_bytes(sentence: str, flood: list[tuple[str, str | None]]) -> None:
    def work() -> None:
        for name, description in flood:
            add(name, 1, description)

    def written(name: str, description: str | None) -> str:
        if description is None:
            return f"{name};dur=1.00"
        escaped = "".join("\\" + character if character in '\\"' else character for character in description)
        return f'{name};desc="{escaped}";dur=1.00'

    exchange = timed(calling(work), server_timing="all")
    expected = fitting(["total;dur=0.00", *(written(*span) for span in flood)])
    assert exchange.headers == [("server-timing", expected)]
    assert len(expected) <= 2048
    assert len(Reader(expected).metrics()) <= 32


def test_one_byte_decides() -> None:
    """`total;dur=0.00` and `, ` and `;dur=1.00` are 25 of the 2,048."""
    assert names(spans(lambda: add("n" * 2023, 1))) == ["n" * 2023]
    assert spans(lambda: add("n" * 2024, 1)) == []


def test_a_socket_that_measures_for_ever_does_not_fill_the_memory() -> None:
    kept: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        for _ in range(1000):
            add("message", 1)
        kept.append(len(collected.get() or ()))

    timed(app, websocket(), server_timing="all")
    assert kept == [32]
