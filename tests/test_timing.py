"""`timing`: the exact header by an injected clock, who sees spans, and that no value ever breaks the format."""

import asyncio
import contextvars
import copy
import functools
import inspect
import string
import threading
from collections.abc import Awaitable, Callable, Generator
from fractions import Fraction
from typing import Any

import pytest

from asgi_middleware import AuthMiddleware, ConfigError, ErrorsMiddleware, TimingMiddleware, measure
from asgi_middleware.auth import User
from asgi_middleware.timing import add
from asgi_middleware.timing.spans import collected

from . import apps
from .asgi import App, Exchange, drive, http, websocket

# A second reader of the format, by the grammar of W3C Server Timing on RFC 9110

Metric = tuple[str, str | None, str]  # name, description, duration as written

TOKEN = frozenset(string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~")  # RFC 9110, 5.6.2


class Reader:
    """Reads one Server-Timing value letter by letter; ValueError for whatever the grammar does not allow."""

    def __init__(self, value: str) -> None:
        self.rest = value

    def take(self, expected: str) -> None:
        if not self.rest.startswith(expected):
            raise ValueError(f"{expected!r} is missing before {self.rest!r}")
        self.rest = self.rest[len(expected) :]

    def token(self) -> str:
        length = 0
        while length < len(self.rest) and self.rest[length] in TOKEN:
            length += 1
        if not length:
            raise ValueError(f"no token at {self.rest!r}")
        token, self.rest = self.rest[:length], self.rest[length:]
        return token

    def quoted(self) -> str:
        """quoted-string (RFC 9110, 5.6.4), visible ASCII and space only."""
        self.take('"')
        text = ""
        while not self.rest.startswith('"'):
            if self.rest.startswith("\\"):
                self.take("\\")
            if not self.rest or not " " <= self.rest[0] <= "~":
                raise ValueError(f"no text at {self.rest!r}")
            text += self.rest[0]
            self.rest = self.rest[1:]
        self.take('"')
        return text

    def metric(self) -> Metric:
        name, description = self.token(), None
        self.take(";")
        if self.rest.startswith("desc="):
            self.take("desc=")
            description = self.quoted()
            self.take(";")
        self.take("dur=")
        duration = self.token()
        whole, point, decimals = duration.partition(".")
        if not (whole.isdigit() and point and len(decimals) == 2 and decimals.isdigit()):
            raise ValueError(f"{duration!r} is no duration in milliseconds")
        return name, description, duration

    def metrics(self) -> list[Metric]:
        found = [self.metric()]
        while self.rest:
            self.take(", ")
            found.append(self.metric())
        return found


@pytest.mark.parametrize(
    "value",
    [
        "",
        "total",
        "total;dur=",
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


class Clock:
    """Seconds, moved by hand."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Pause:
    """Suspends once, wherever it is awaited."""

    def __await__(self) -> Generator[None, None, None]:
        yield


async def later(value: Any) -> Any:
    return value


def calling(function: Callable[[], Any], then: App | None = None) -> App:
    """An app that calls this function, then answers."""
    answer = then or apps.sends(apps.start(headers=[]), apps.body(b"ok"))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        function()
        await answer(scope, receive, send)

    return app


def timed(app: App, scope: dict[str, Any] | None = None, **options: Any) -> Exchange:
    """One request by a clock that stands still, so that total is 0."""
    options.setdefault("clock", Clock())
    exchange = drive(TimingMiddleware(app, **options), scope)
    assert exchange.error is None
    return exchange


def spans(function: Callable[[], Any]) -> list[Metric]:
    """What this function, called in a request, put into the header, behind total; read by the reader."""
    (value,) = timed(calling(function), server_timing="all").header("server-timing")
    assert len(value.encode()) <= 2048
    total, *others = Reader(value).metrics()
    assert total == ("total", None, "0.00")
    assert 1 + len(others) <= 32
    return others


def names(metrics: list[Metric]) -> list[str]:
    return [name for name, _, _ in metrics]


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


TOTAL = ("server-timing", "total;dur=0.00")

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


def raising(_: Any) -> bool:
    raise KeyError("user")


BROKEN: list[tuple[str, Callable[..., Any]]] = [
    ("raised KeyError", raising),
    ("returned Unsure", lambda _: Unsure()),
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


# Measuring


def test_add_writes_spans_in_their_order_with_two_decimals() -> None:
    def work() -> None:
        add("b", 0)
        add("a", 1)
        add("a", 1.005, "again")
        add("c", 1234.5678, desc="")
        add("total", 5)

    exchange = timed(calling(work), server_timing="all")
    assert exchange.headers == [
        (
            "server-timing",
            'total;dur=0.00, b;dur=0.00, a;dur=1.00, a;desc="again";dur=1.00, c;desc="";dur=1234.57, total;dur=5.00',
        )
    ]


def test_measure_works_as_with_async_with_and_decorator() -> None:
    @measure("function")
    def function() -> None: ...

    @measure("coroutine", desc="awaited")
    async def coroutine() -> None: ...

    class Service:
        @measure("method")
        def method(self) -> None: ...

        @staticmethod
        @measure("static")
        async def static() -> None: ...

    async def app(scope: Any, receive: Any, send: Any) -> None:
        with measure("block", desc="of code"):
            pass
        async with measure("async.block"):
            pass
        function()
        await coroutine()
        Service().method()
        await Service.static()
        with measure("outer"), measure("inner"):
            pass
        await send(apps.start(headers=[]))

    (value,) = timed(app, server_timing="all").header("server-timing")
    assert [(name, description) for name, description, _ in Reader(value).metrics()] == [
        ("total", None),
        ("block", "of code"),
        ("async.block", None),
        ("function", None),
        ("coroutine", "awaited"),
        ("method", None),
        ("static", None),
        ("inner", None),
        ("outer", None),
    ]


def test_an_inner_span_is_not_longer_than_the_outer_one() -> None:
    def work() -> None:
        with measure("outer"):
            for _ in range(20):
                with measure("inner"):
                    sum(range(200))

    *inner, outer = spans(work)
    assert names([*inner, outer]) == ["inner"] * 20 + ["outer"]
    # each of the twenty is rounded by at most half of a hundredth
    assert sum(float(took) for _, _, took in inner) <= float(outer[2]) + 21 * 0.005


@pytest.mark.parametrize("kind", ["with", "async with", "function", "coroutine"])
def test_a_block_that_raises_is_measured_and_raises(kind: str) -> None:
    error = KeyError("mine")

    @measure("work")
    def function() -> None:
        raise error

    @measure("work")
    async def coroutine() -> None:
        raise error

    async def work() -> None:
        if kind == "with":
            with measure("work"):
                raise error
        if kind == "async with":
            async with measure("work"):
                raise error
        if kind == "function":
            function()
        await coroutine()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        with pytest.raises(KeyError) as caught:
            await work()
        assert caught.value is error
        await send(apps.start(headers=[]))

    (value,) = timed(app, server_timing="all").header("server-timing")
    assert names(Reader(value).metrics()) == ["total", "work"]


def test_a_decorated_function_keeps_its_signature_and_results() -> None:
    def function(a: int, /, b: str = "b", *rest: int, c: bool, **others: float) -> tuple[Any, ...]:
        """Its words."""
        return a, b, rest, c, others

    async def coroutine(a: int, *, b: str = "b") -> tuple[Any, ...]:
        """Others."""
        return a, b

    measured, measured_async = measure("a")(function), measure("b")(coroutine)
    for wrapped, original in ((measured, function), (measured_async, coroutine)):
        assert inspect.signature(wrapped) == inspect.signature(original)
        assert (wrapped.__name__, wrapped.__doc__) == (original.__name__, original.__doc__)
        assert (wrapped.__module__, wrapped.__annotations__) == (original.__module__, original.__annotations__)
        assert inspect.iscoroutinefunction(wrapped) is inspect.iscoroutinefunction(original)
    assert measured(1, "2", 3, c=True, d=4.0) == (1, "2", (3,), True, {"d": 4.0})
    assert asyncio.run(measured_async(1, b="2")) == (1, "2")


def test_outside_of_a_request_nothing_comes_of_it() -> None:
    @measure("function")
    def function() -> int:
        return 7

    def outside() -> int:
        add("a", 1)
        with measure("b"):
            return function()

    assert contextvars.Context().run(outside) == 7
    assert spans(lambda: None) == []


def test_after_the_start_nothing_comes_of_it() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        add("before", 1)
        await send(apps.start(headers=[]))
        add("after", 1)
        await send(apps.body(b"ok"))
        with measure("later"):
            pass

    wrapped = TimingMiddleware(app, server_timing="all", clock=Clock())
    expected = ("server-timing", "total;dur=0.00, before;dur=1.00")
    assert [drive(wrapped).headers for _ in range(3)] == [[expected]] * 3


# Names

NAMES_REFUSED = ["", " ", "db read", "db:read", "db/read", "db;dur=0", 'a"b"', "a,b", "a=b", "a\r\nb", "a\n", "é", "\0"]


@pytest.mark.parametrize("name", NAMES_REFUSED)
def test_a_name_that_is_no_token_is_refused_everywhere(name: str) -> None:
    attempts: list[Callable[[], Any]] = [lambda: add(name, 1), lambda: measure(name), lambda: measure(name, desc="a")]
    for attempt in attempts:
        with pytest.raises(ValueError, match=r"is no token; use letters, digits, .* such as 'db\.read'"):
            attempt()


def test_exactly_the_characters_of_a_token_are_names() -> None:
    def accepted(character: str) -> bool:
        try:
            measure(f"a{character}b")
        except ValueError:
            return False
        return True

    characters = [chr(number) for number in (*range(0x180), 0x2028, 0xD800, 0xFF21, 0x1F600)]
    assert {character for character in characters if accepted(character)} == TOKEN


def test_every_character_of_a_token_is_read_back() -> None:
    name = "".join(sorted(TOKEN))
    assert spans(lambda: add(name, 1)) == [(name, None, "1.00")]


# Durations

REFUSED: list[tuple[str, Any]] = [
    ("minus one", -1),
    ("a little less than nothing", -1e-300),
    ("not a number", float("nan")),
    ("infinity", float("inf")),
    ("minus infinity", float("-inf")),
    ("a whole number beyond every float", 10**400),
    ("minus such a number", -(10**400)),
]


@pytest.mark.parametrize(("sentence", "duration"), REFUSED, ids=[row[0] for row in REFUSED])
def test_a_duration_that_is_none_is_refused(sentence: str, duration: Any) -> None:
    with pytest.raises(ValueError, match="is no duration; give milliseconds, 0 or more"):
        add("a", duration)


ACCEPTED: list[tuple[str, Any, str]] = [
    ("zero", 0, "0.00"),
    ("a whole number", 12, "12.00"),
    ("almost nothing", 5e-324, "0.00"),
    ("rounded up", 0.995001, "1.00"),
    ("yes", True, "1.00"),
    ("a large whole number", 10**20, "100000000000000000000.00"),
    ("a fraction", Fraction(1, 3), "0.33"),
    ("the largest float", 1.7976931348623157e308, f"{1.7976931348623157e308:.2f}"),
]


@pytest.mark.parametrize(("sentence", "duration", "written"), ACCEPTED, ids=[row[0] for row in ACCEPTED])
def test_a_duration_that_is_accepted_can_be_read_back(sentence: str, duration: Any, written: str) -> None:
    assert spans(lambda: add("a", duration)) == [("a", None, written)]


# Descriptions

DESCRIPTIONS: list[tuple[str, str, str]] = [
    ("empty", "", ""),
    ("words", "all orders of a day", "all orders of a day"),
    ("spaces around it", "  a  ", "  a  "),
    ("quotes", 'a "b" c', 'a "b" c'),
    ("only a quote", '"', '"'),
    ("a backslash", "a\\b", "a\\b"),
    ("a backslash at the end", "a\\", "a\\"),
    ("an escaped quote", '\\"', '\\"'),
    ("a semicolon", 'a;dur=0;desc="b"', 'a;dur=0;desc="b"'),
    ("a comma", "a, evil;dur=1", "a, evil;dur=1"),
    ("an end and another metric", '", evil;dur=1, b;desc="', '", evil;dur=1, b;desc="'),
    ("a line break", "a\r\nset-cookie: b=c", "a??set-cookie: b=c"),
    ("a tab", "a\tb", "a?b"),
    ("nothing", "a\0b", "a?b"),
    ("an escape", "\x1b[31m", "?[31m"),
    ("a delete", "a\x7fb", "a?b"),
    ("Latin-1", "caf\xe9\xa0", "caf??"),
    ("beyond Latin-1", "\u65e5\u672c\U0001f600", "???"),
    ("line separators", "a\x85\u2028\u2029b", "a???b"),
    ("half a character", "a\ud800b", "a?b"),
]


@pytest.mark.parametrize(("sentence", "text", "read"), DESCRIPTIONS, ids=[row[0] for row in DESCRIPTIONS])
def test_a_description_cannot_break_out(sentence: str, text: str, read: str) -> None:
    def work() -> None:
        add("a", 1, text)
        add("b", 2, desc=text)
        with measure("c", text):
            pass

    *added, measured = spans(work)
    assert added == [("a", read, "1.00"), ("b", read, "2.00")]
    assert measured[:2] == ("c", read)


def test_every_character_of_a_description_is_read_back_or_a_question_mark() -> None:
    for first in range(0, 0x200, 0x40):
        text = "".join(map(chr, range(first, first + 0x40)))
        expected = "".join(character if " " <= character <= "~" else "?" for character in text)
        assert spans(lambda text=text: add("a", 1, text)) == [("a", expected, "1.00")]  # type: ignore[misc]  # bound at once


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


# Requests beside each other


class Turns:
    """Calls stepped one await at a time, each in a context of its own, as an event loop gives every task one."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.sent: dict[str, list[Any]] = {}
        self.calls: dict[str, tuple[contextvars.Context, Any]] = {}

    def begin(self, name: str) -> None:
        async def receive() -> Any: ...

        async def send(message: Any) -> None:
            self.sent.setdefault(name, []).extend(message.get("headers", ()))

        call = self.app(http("/" + name), receive, send)
        self.calls[name] = (contextvars.copy_context(), call)

    def step(self, name: str) -> bool:
        """Whether it goes on."""
        context, call = self.calls[name]
        try:
            context.run(call.send, None)
        except StopIteration:
            return False
        return True


@pytest.mark.parametrize("order", ["abababab", "aabbabab", "abbbbaaa", "baababab", "aaaabbbb"])
def test_interleaved_requests_do_not_see_each_other(order: str) -> None:
    clock = Clock()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        name = scope["path"][1:]
        add(name, 1)
        await Pause()
        async with measure(name + ".block"):
            await Pause()
        add(name, 2)
        await Pause()
        await send(apps.start(headers=[]))

    turns = Turns(TimingMiddleware(app, server_timing="all", clock=clock))
    began: dict[str, float] = {}
    ended: dict[str, float] = {}
    for name in "ab":
        turns.begin(name)
    for name in order:
        began.setdefault(name, clock.now)
        ended[name] = clock.now
        turns.step(name)
        clock.now += 1
    for name in "ab":
        ((_, value),) = turns.sent[name]
        metrics = Reader(value.decode()).metrics()
        assert names(metrics) == ["total", name, name + ".block", name]
        assert metrics[0] == ("total", None, f"{(ended[name] - began[name]) * 1000:.2f}")
        assert (metrics[1], metrics[3]) == ((name, None, "1.00"), (name, None, "2.00"))


def serve_at_once(wrapped: App, paths: list[str]) -> list[list[Metric]]:
    """Serve these requests at once under asyncio; what each one's header says behind total."""

    async def one(path: str) -> list[Metric]:
        sent: list[Any] = []

        async def receive() -> Any: ...

        async def send(message: Any) -> None:
            sent.append(message)

        await wrapped(http(path), receive, send)
        ((_, value),) = sent[0]["headers"]
        return Reader(value.decode()).metrics()[1:]

    async def main() -> list[list[Metric]]:
        return await asyncio.gather(*map(one, paths))

    return asyncio.run(main())


def test_requests_at_once_do_not_see_each_other() -> None:
    @measure("shared")
    async def shared() -> None:
        await asyncio.sleep(0)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        name = scope["path"][1:]
        for number in range(3):
            add(name, number)
            await shared()
        await asyncio.gather(asyncio.to_thread(add, name, 7), asyncio.create_task(child(name)))
        await send(apps.start(headers=[]))

    async def child(name: str) -> None:
        await asyncio.sleep(0)
        add(name, 8)

    paths = [f"/request-{number}" for number in range(20)]
    given = serve_at_once(TimingMiddleware(app, server_timing="all"), paths)
    for path, metrics in zip(paths, given, strict=True):
        own = sorted(metric for metric in metrics if metric[0] != "shared")
        assert own == [(path[1:], None, took) for took in ("0.00", "1.00", "2.00", "7.00", "8.00")]
        assert names(metrics).count("shared") == 3
        assert len(metrics) == 8


def test_requests_in_a_row_in_one_context_do_not_see_each_other() -> None:
    number = 0

    def work() -> None:
        nonlocal number
        number += 1
        add(f"request-{number}", 1)

    def serve() -> list[list[tuple[str, str]]]:
        wrapped = TimingMiddleware(calling(work), server_timing="all", clock=Clock())
        found = []
        for _ in range(3):
            found.append(drive(wrapped).headers)
            add("between", 1)
        return found

    assert contextvars.Context().run(serve) == [
        [("server-timing", f"total;dur=0.00, request-{number};dur=1.00")] for number in (1, 2, 3)
    ]


@pytest.mark.parametrize("error", [None, KeyError("inner")], ids=["that returns", "that raises"])
def test_a_nested_call_keeps_its_spans_to_itself(error: BaseException | None) -> None:
    exchanges: list[Exchange] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        add("inner", 1)
        await send(apps.start(headers=[]))
        if error is not None:
            raise error

    def work() -> None:
        add("before", 1)
        exchanges.append(drive(TimingMiddleware(inner, server_timing="all", clock=Clock())))
        add("after", 1)

    assert names(spans(work)) == ["before", "after"]
    assert exchanges[0].headers == [("server-timing", "total;dur=0.00, inner;dur=1.00")]
    assert exchanges[0].error is error


def test_twice_in_one_chain_gives_two_lines_and_the_inner_one_the_spans() -> None:
    wrapped = TimingMiddleware(calling(lambda: add("db", 1)), server_timing="all", clock=Clock())
    exchange = timed(wrapped, server_timing="all")
    assert exchange.headers == [("server-timing", "total;dur=0.00"), ("server-timing", "total;dur=0.00, db;dur=1.00")]


def test_threads_of_one_request_write_into_its_header() -> None:
    def work() -> None:
        context = contextvars.copy_context()
        threads = [threading.Thread(target=functools.partial(flood, context.copy())) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def flood(context: contextvars.Context) -> None:
        for _ in range(500):
            context.run(add, "thread", 1)

    assert spans(work) == [("thread", None, "1.00")] * 31


def test_a_background_task_of_a_request_that_is_over_writes_into_no_other() -> None:
    contexts: list[contextvars.Context] = []

    def work() -> None:
        for context in contexts:
            context.run(add, "late", 1)
        contexts.append(contextvars.copy_context())
        add("own", 1)

    assert [spans(work) for _ in range(3)] == [[("own", None, "1.00")]] * 3


@pytest.mark.parametrize("level", ["total", "all", "off"])
def test_a_request_that_its_loop_abandons_ends_quietly(level: Any) -> None:
    """As when a loop is closed: the coroutine is closed in another context than the one it ran in."""
    ended: list[type[BaseException]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await Pause()
        except BaseException as error:
            ended.append(type(error))
            raise

    turns = Turns(TimingMiddleware(app, server_timing=level))
    turns.begin("a")
    assert turns.step("a")
    contextvars.Context().run(turns.calls["a"][1].close)
    assert ended == [GeneratorExit]


def test_cancellation_travels_on_and_leaves_nothing_behind() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        add("lost", 1)
        await asyncio.Event().wait()

    async def main() -> Awaitable[Any]:
        async def nothing(*_: Any) -> Any: ...

        task = asyncio.ensure_future(TimingMiddleware(app, server_timing="all")(http(), nothing, nothing))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        return task

    assert asyncio.run(main()).cancelled()  # type: ignore[attr-defined]  # a task
    assert spans(lambda: None) == []


# Configuration

WRONG: list[tuple[str, dict[str, Any], list[tuple[str, str]]]] = [
    ("an app that cannot be called", {"app": "app"}, [("app", "pass a callable(scope, receive, send)")]),
    ("another level", {"server_timing": "spans"}, [("server_timing", "use one of 'total', 'all', 'off'")]),
    ("a level as bool", {"server_timing": True}, [("server_timing", "use one of 'total', 'all', 'off'")]),
    ("no level", {"server_timing": None}, [("server_timing", "use one of 'total', 'all', 'off'")]),
    ("expose as bool", {"expose": True}, [("expose", "pass a callable, or leave the option out")]),
    ("expose as addresses", {"expose": ["127.0.0.1"]}, [("expose", "pass a callable, or leave the option out")]),
    ("a time for a clock", {"clock": 0.0}, [("clock", "pass a callable, or leave the option out")]),
    ("no clock", {"clock": None}, [("clock", "pass a callable, or leave the option out")]),
    (
        "everything at once",
        {"app": None, "server_timing": "ALL", "expose": "developers", "clock": 1},
        [
            ("app", "pass a callable(scope, receive, send)"),
            ("server_timing", "use one of 'total', 'all', 'off'"),
            ("expose", "pass a callable, or leave the option out"),
            ("clock", "pass a callable, or leave the option out"),
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
