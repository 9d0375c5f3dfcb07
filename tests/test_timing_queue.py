"""X-Request-Start: three dialects, told apart by the number, from those alone who are trusted to send it."""

import logging
from collections.abc import Callable
from typing import Any

import pytest

from asgi_middleware import TimingMiddleware
from asgi_middleware.timing.queueing import OLDEST, waited

from . import apps
from .asgi import drive, http, websocket
from .timed import Clock, Kept, recorded

NOW = 1_700_000_000.5  # seconds since 1970

VALUES: list[tuple[str, bytes, float | None]] = [
    ("nginx", b"t=1700000000.250", 0.25),
    ("nginx, without its sign", b"1700000000.250", 0.25),
    ("whole seconds", b"t=1700000000", 0.5),
    ("Heroku", b"1700000000250", 0.25),
    ("Heroku's, with a sign", b"t=1700000000250", 0.25),
    ("Apache", b"t=1700000000250000", 0.25),
    ("Apache's, without its sign", b"1700000000250000", 0.25),
    ("now", b"t=1700000000.500", 0.0),
    ("a clock ahead by a second", b"t=1700000001.500", 0.0),
    ("a clock ahead by ten minutes", b"t=1700000600.500", 0.0),
    ("a clock ahead by more", b"t=1700000600.600", None),
    ("ten minutes ago", b"t=1699999400.500", 600.0),
    ("more", b"t=1699999400.400", None),
    ("1970", b"t=0", None),
    ("a time in a far future", b"t=99999999999", None),
    ("nanoseconds", b"t=1700000000250000000", None),
    ("nothing", b"", None),
    ("a sign alone", b"t=", None),
    ("a negative time", b"t=-1700000000.250", None),
    ("a word", b"t=now", None),
    ("not a number", b"t=nan", None),
    ("infinity", b"t=inf", None),
    ("an exponent", b"t=1e9", None),
    ("a point alone", b"t=1700000000.", None),
    ("two points", b"t=1700000000.2.5", None),
    ("a sign in the point's place", b"t=1700000000+250", None),
    ("nine decimals", b"t=1700000000.250000000", 0.25),
    ("ten decimals", b"t=1700000000.2500000000", None),
    ("digits of another script", "t=\u0661\u0667\u0660\u0660".encode(), None),
    ("blanks inside", b"t= 1700000000.250", None),
    ("underscores", b"1_700_000_000", None),
    ("another letter", b"T=1700000000.250", None),
    ("two lines", b"t=1700000000.250, t=1700000000.250", None),
    ("too many digits", b"9" * 100_000, None),
    ("a line break", b"t=1700000000.250\n", None),
]


@pytest.mark.parametrize(("sentence", "value", "expected"), VALUES, ids=[row[0] for row in VALUES])
def test_a_value_is_so_many_seconds(sentence: str, value: bytes, expected: float | None) -> None:
    found = waited(value, NOW)
    assert found == (expected if expected is None else pytest.approx(expected, abs=1e-5))


def test_the_limit_is_ten_minutes() -> None:
    assert OLDEST == 600


@pytest.mark.parametrize("digits", range(1, 18))
def test_every_number_of_digits_has_one_unit(digits: int) -> None:
    """Whatever the number is, it is read in one way: at its own time it has waited for nothing."""
    unit = 1 if digits <= 11 else 1e-3 if digits <= 14 else 1e-6
    for number in (10 ** (digits - 1), 10**digits - 1):
        assert waited(b"%d" % number, number * unit) == 0.0


STARTED = ("x-request-start", "t=1700000000.250")
TRUST: list[tuple[str, Any, list[tuple[str, str]], float | None]] = [
    ("nobody, by default", False, [STARTED], None),
    ("everybody", True, [STARTED], 0.25),
    ("nothing was sent", True, [], None),
    ("another case", True, [("X-Request-Start", "t=1700000000.250")], 0.25),
    ("two lines that say the same", True, [STARTED, STARTED], None),
    ("two lines that differ", True, [("x-request-start", "t=1"), STARTED], None),
    ("whom a function trusts", lambda scope: scope["client"][0] == "127.0.0.1", [STARTED], 0.25),
    ("whom it does not", lambda scope: scope["client"][0] == "10.0.0.1", [STARTED], None),
]


@pytest.mark.parametrize(("sentence", "queue_time", "headers", "expected"), TRUST, ids=[row[0] for row in TRUST])
@pytest.mark.parametrize("make", [http, websocket])
def test_it_is_read_from_those_who_are_trusted(
    sentence: str, queue_time: Any, headers: list[tuple[str, str]], expected: float | None, make: Callable[..., Any]
) -> None:
    app = apps.text() if make is http else apps.accepts()
    record = recorded(app, make(headers=headers), queue_time=queue_time, wall_clock=Clock(NOW))
    assert record.queue == expected


def raising(scope: Any) -> bool:
    raise KeyError("secret")


BROKEN: list[tuple[str, Callable[[Any], Any]]] = [
    ("raised KeyError", raising),
    ("returned NoneType, not bool", lambda scope: None),
    ("returned str, not bool", lambda scope: "yes"),
]


@pytest.mark.parametrize(("said", "function"), BROKEN, ids=[row[0] for row in BROKEN])
def test_a_broken_function_trusts_nobody_and_is_reported_once(
    said: str, function: Callable[[Any], Any], caplog: pytest.LogCaptureFixture
) -> None:
    sink = Kept()
    app = TimingMiddleware(apps.text(), sinks=[sink], queue_time=function, wall_clock=Clock(NOW))
    for _ in range(3):
        assert drive(app, http(headers=[STARTED])).error is None
    assert [record.queue for record in sink.records] == [None] * 3
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.ERROR, f"timing: queue_time {said}; the queue time is left out. Reported once.")
    ]


def test_the_function_is_not_asked_where_nothing_was_sent() -> None:
    asked: list[Any] = []

    def trusts(scope: Any) -> bool:
        asked.append(scope)
        return True

    recorded(apps.text(), http(), queue_time=trusts)
    assert asked == []
