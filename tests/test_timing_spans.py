"""`measure` and `add`: what is measured, and which names, durations and descriptions are taken."""

import asyncio
import contextvars
import inspect
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from asgi_middleware import TimingMiddleware, measure
from asgi_middleware.timing import add
from asgi_middleware.timing import spans as module

from . import apps
from .asgi import drive, step
from .timed import TOKEN, Clock, Reader, calling, names, spans, timed

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
    assert sum(float(took or 0) for _, _, took in inner) <= float(outer[2] or 0) + 21 * 0.005


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


def test_an_object_whose_call_must_be_awaited_is_measured_to_its_end() -> None:
    noted: list[int] = []

    class Fetch:
        async def __call__(self, value: int) -> int:
            await asyncio.sleep(0)
            noted.append(len(module.collected.get() or ()))
            return value

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert await measure("fetch")(Fetch())(7) == 7
        noted.append(len(module.collected.get() or ()))
        await send(apps.start(headers=[]))

    wrapped = TimingMiddleware(app, server_timing="all")
    assert drive(wrapped, loop="asyncio").error is None
    assert noted == [0, 1]


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


def test_outside_of_a_request_no_clock_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor in one of which nobody sees the spans: there it costs a look at a context variable."""

    @measure("function")
    def function() -> int:
        return 7

    @measure("coroutine")
    async def coroutine() -> int:
        return 8

    async def work(scope: Any, receive: Any, send: Any) -> None:
        with measure("block"):
            assert (function(), await coroutine()) == (7, 8)

    monkeypatch.setattr(module, "time", None)
    contextvars.Context().run(step, work(None, None, None))  # nothing that another test has left is in it
    assert contextvars.Context().run(drive, TimingMiddleware(work)).error is None
    assert isinstance(drive(TimingMiddleware(work, server_timing="all")).error, AttributeError)


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
