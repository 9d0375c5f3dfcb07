"""Sinks: what they are told and when, that a failing one breaks nothing, and how config lists name them."""

import logging
from pathlib import Path
from typing import Any

import pytest

from asgi_middleware import ConfigError, Stack, TimingMiddleware
from asgi_middleware.timing import LogSink, OTelMetricsSink, PrometheusSink, Record, add
from asgi_middleware.timing import sinks as module
from asgi_middleware.timing.sinks import Sink, WatchingSink

from . import apps
from .asgi import drive, http, websocket
from .timed import TOTAL, Clock, Kept


class Ends:
    """A sink without a gauge."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def ended(self, record: Record) -> None:
        self.records.append(record)


class Failing:
    """Raises when it is told what `fails` names."""

    def __init__(self, *fails: str) -> None:
        self.fails = set(fails)
        self.told: list[str] = []

    def began(self, kind: str, method: str, scheme: str) -> None:
        self._told("began")

    def ended(self, record: Record) -> None:
        self._told("ended")

    def _told(self, what: str) -> None:
        self.told.append(what)
        if what in self.fails:
            raise ConnectionError("secret")


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "asgi_middleware.timing"]


def test_each_sink_gets_the_same_record() -> None:
    first, second = Ends(), Kept()
    drive(TimingMiddleware(apps.text(), sinks=[first, second]))
    assert first.records[0] is second.record


def test_ours_are_sinks() -> None:
    assert isinstance(LogSink(), Sink)
    assert not isinstance(LogSink(), WatchingSink)
    assert isinstance(PrometheusSink(prefix="test_ours_"), WatchingSink)
    assert isinstance(OTelMetricsSink(), WatchingSink)


def test_only_http_and_websockets_are_told() -> None:
    sink = Kept()
    app = TimingMiddleware(apps.silent(), sinks=[sink])
    for scope in ({"type": "lifespan"}, {"type": "invented.later"}):
        assert drive(app, scope).error is None
    assert (sink.begun, sink.records) == ([], [])
    drive(app, websocket())
    assert [record.type for record in sink.records] == ["websocket"]


# Sinks that fail


@pytest.mark.parametrize("fails", [("began",), ("ended",), ("began", "ended")])
def test_a_failing_sink_breaks_no_request_and_keeps_no_other_from_being_told(fails: tuple[str, ...]) -> None:
    before, after = Kept(), Kept()
    exchange = drive(TimingMiddleware(apps.text(b"ok"), sinks=[before, Failing(*fails), after], clock=Clock()))
    assert (exchange.error, exchange.status, exchange.body) == (None, 200, b"ok")
    assert TOTAL in exchange.headers
    assert [(kept.under_way, kept.record.outcome) for kept in (before, after)] == [(0, "ok"), (0, "ok")]


@pytest.mark.parametrize("fails", [("began",), ("ended",), ("began", "ended")])
def test_the_exception_of_the_application_travels_on_past_it(fails: tuple[str, ...]) -> None:
    error = KeyError("mine")
    assert drive(TimingMiddleware(apps.raises(error), sinks=[Failing(*fails)])).error is error


def test_a_sink_that_was_not_told_of_a_beginning_is_not_told_of_its_end() -> None:
    """So a gauge that could not be raised is not lowered."""
    sink = Failing("began")
    app = TimingMiddleware(apps.text(), sinks=[sink])
    drive(app)
    sink.fails.clear()
    drive(app)
    assert sink.told == ["began", "began", "ended"]


def test_a_sink_that_stops_the_process_is_not_held_up() -> None:
    class Stopping:
        def ended(self, record: Record) -> None:
            raise KeyboardInterrupt

    assert isinstance(drive(TimingMiddleware(apps.text(), sinks=[Stopping()])).error, KeyboardInterrupt)


def test_it_is_reported_at_once_and_then_once_a_minute_with_the_number(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    app = TimingMiddleware(apps.text(), sinks=[Failing("ended")], clock=clock)

    def requests(number: int) -> list[str]:
        caplog.clear()
        for _ in range(number):
            drive(app)
        return messages(caplog)

    def report(number: int) -> list[str]:
        return [f"timing: the sink Failing raised ConnectionError; {number} failures since the last report."]

    assert requests(100) == report(1)
    clock.now += 59.9
    assert requests(10) == []
    clock.now += 0.1
    assert requests(1) == report(110)
    assert requests(5) == []
    clock.now += 3600
    assert requests(1) == report(6)
    assert all(record.levelno == logging.ERROR for record in caplog.records)


class Down(logging.Handler):
    """A handler whose own service is down."""

    def emit(self, record: logging.LogRecord) -> None:
        raise ConnectionError("no log server")


@pytest.mark.parametrize("options", [{}, {"route": lambda scope: 7}, {"expose": lambda scope: 7}])
def test_a_log_that_fails_as_well_breaks_no_request(options: dict[str, Any]) -> None:
    """An access line that cannot be written, and then nobody can be told of that."""
    logger, handler, after = logging.getLogger("asgi_middleware"), Down(), Kept()
    app = apps.sends(apps.start(), apps.body(b"ok"))
    error = KeyError("mine")

    async def measures(scope: Any, receive: Any, send: Any) -> None:
        add("db", 1)
        await app(scope, receive, send)
        raise error

    sinks: list[Any] = [LogSink(access="json"), Failing("began", "ended"), after]
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        exchange = drive(TimingMiddleware(measures, sinks=sinks, **options))
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    assert (exchange.error, exchange.status, exchange.body) == (error, 200, b"ok")
    assert (after.under_way, after.record.outcome) == (0, "error")


def test_each_failing_sink_is_reported_by_itself(caplog: pytest.LogCaptureFixture) -> None:
    class Other(Failing):
        pass

    drive(TimingMiddleware(apps.text(), sinks=[Failing("began"), Other("ended"), Failing("ended")]))
    assert [message.split()[3] for message in messages(caplog)] == ["Failing", "Other", "Failing"]


# Names


def test_a_sink_is_imported_when_it_is_asked_for() -> None:
    assert module.LogSink is LogSink
    with pytest.raises(AttributeError, match="has no attribute 'StatsdSink'"):
        module.StatsdSink  # noqa: B018  # the access is the test
    with pytest.raises(AttributeError, match="has no attribute 'StatsdSink'"):
        __import__("asgi_middleware.timing").timing.StatsdSink  # noqa: B018  # as above


# Config lists

LIST = """
[[middleware]]
use = "timing"
server_timing = "off"
queue_time = true
sinks = [
    { use = "log", slow = 0.5, access = "json" },
    { use = "prometheus", prefix = "test_config_", buckets = [0.1, 1, 10] },
    { use = "otel" },
]
"""


def test_a_config_list_names_them(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "stack.toml"
    file.write_text(LIST)
    caplog.set_level(logging.INFO, logger="asgi_middleware.access")
    exchange = drive(Stack.from_file(file)(apps.text()))
    assert exchange.header("server-timing") == []
    (line,) = [record.getMessage() for record in caplog.records if record.name == "asgi_middleware.access"]
    assert line.startswith('{"time": ')


def test_a_config_list_can_be_built_twice_in_one_process(tmp_path: Path) -> None:
    """A check, and then the run; or two applications: their metrics are the same ones."""
    file = tmp_path / "stack.toml"
    file.write_text(LIST)
    for _ in range(2):
        assert drive(Stack.from_file(file)(apps.text())).error is None


WRONG: list[tuple[str, Any, list[tuple[str, str]]]] = [
    ("another name", [{"use": "statsd"}], [("entry 1 (timing): sinks[1].use", "known: log, otel, prometheus")]),
    (
        "another option",
        [{"use": "log", "slowness": 1}],
        [("entry 1 (timing): sinks[1].slowness", "did you mean 'slow'?")],
    ),
    ("a value", [{"use": "log", "slow": 0}], [("entry 1 (timing): sinks[1].slow", "write for example 5.0")]),
]


@pytest.mark.parametrize(("sentence", "given", "expected"), WRONG, ids=[row[0] for row in WRONG])
def test_a_wrong_one_is_refused_by_its_place(sentence: str, given: Any, expected: list[tuple[str, str]]) -> None:
    with pytest.raises(ConfigError) as caught:
        Stack([{"use": "timing", "sinks": given}])
    found = [(problem.option, problem.remedy) for problem in caught.value.problems]
    assert [(option, remedy.removesuffix(" (or 'package.module:Name')")) for option, remedy in found] == expected


# Construction


class Async:
    async def ended(self, record: Record) -> None: ...


class AsyncGauge(Ends):
    async def began(self, kind: str, method: str, scheme: str) -> None: ...


REFUSED: list[tuple[str, Any, str, str]] = [
    ("one without a list", LogSink(), "must be a list of sinks", "write [LogSink()]"),
    ("a name", "log", "must be a list of sinks", "write [LogSink()]"),
    ("a mapping", {"use": "log"}, "must be a list of sinks", "write [LogSink()]"),
    ("nothing", None, "must be a list of sinks", "write [LogSink()]"),
    ("a class", [LogSink], "is a class, not a sink", "write [LogSink()]"),
    ("what is no sink", [7], "has no method ended(record)", "see asgi_middleware.timing.sinks.Sink"),
    ("one that must be awaited", [Async()], "must answer at once", "pass a plain function"),
    ("one that must be awaited at first", [AsyncGauge()], "must answer at once", "pass a plain function"),
]


@pytest.mark.parametrize(("sentence", "given", "rule", "remedy"), REFUSED, ids=[row[0] for row in REFUSED])
def test_what_cannot_be_told_is_refused(sentence: str, given: Any, rule: str, remedy: str) -> None:
    with pytest.raises(ConfigError) as caught:
        TimingMiddleware(apps.silent(), sinks=given)
    assert [(p.option, p.rule, p.remedy) for p in caught.value.problems] == [("sinks", rule, remedy)]


def test_no_sinks_are_as_if_there_were_none() -> None:
    app, scopes = apps.remembers()
    scope = http()
    drive(TimingMiddleware(app, server_timing="off", sinks=[], queue_time=True), scope)
    assert scopes[0] is scope
