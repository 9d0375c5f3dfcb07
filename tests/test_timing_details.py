"""`timing`: what the other tables leave open."""

import calendar
import contextvars
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Counter

from asgi_middleware import ConfigError, MissingExtra, TimingMiddleware, measure
from asgi_middleware.timing import LogSink, OTelMetricsSink, PrometheusSink, add, spans
from asgi_middleware.timing.record import Span
from asgi_middleware.timing.server_timing import total
from asgi_middleware.timing.sinks import access

from . import apps
from .asgi import drive, http, websocket
from .timed import Clock, recorded

# Records


def test_a_scheme_is_one_of_four() -> None:
    app = apps.sends()
    schemes = ("http", "https", "ws", "wss", "HTTP", "ftp")
    told = ["http", "https", "ws", "wss", "_OTHER", "_OTHER"]
    assert [recorded(app, http(scheme=scheme)).scheme for scheme in schemes] == told
    assert [recorded(app, make(scheme=None)).scheme for make in (http, websocket)] == ["http", "ws"]


def test_what_a_record_is_shown_as_tells_nothing_that_a_client_has_sent() -> None:
    shown = repr(recorded(apps.text(), http("/items", headers=[("authorization", "secret")], query_string=b"secret")))
    assert "outcome='ok'" in shown
    assert "secret" not in shown


# Access lines

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@pytest.mark.parametrize(("number", "month"), list(enumerate(MONTHS, 1)))
def test_every_month_has_its_name(number: int, month: str) -> None:
    record = recorded(apps.text(b"ok"), wall_clock=Clock(calendar.timegm((2026, number, 9, 5, 6, 7))))
    line = f'127.0.0.1 - - [09/{month}/2026:05:06:07 +0000] "GET / HTTP/1.1" 200 2'
    assert access.common(record, query=False) == line


def test_a_field_of_a_kilobyte_is_whole_and_a_longer_one_is_cut() -> None:
    assert access.escaped(b"a" * 1024) == "a" * 1024
    assert access.escaped(b"a" * 1025) == "a" * 1024 + "..."


REFERERS = [
    ("https://user:secret@a.example/x@y", "https://a.example/x@y", ""),
    ("https://user@secret@a.example/", "https://a.example/", ""),
    ("https://a.example?x@y", "https://a.example", "?x@y"),
    ("https://a.example/#x//y@z", "https://a.example/", "#x//z"),
    ("//user@a.example/?x#y", "//a.example/", "?x#y"),
    ("/x@y", "/x@y", ""),
]


@pytest.mark.parametrize(("sent", "page", "rest"), REFERERS)
def test_of_a_referer_the_page_is_told_and_the_rest_where_queries_are(sent: str, page: str, rest: str) -> None:
    record = recorded(apps.text(b"ok"), http(headers=[("referer", sent)]))
    told = [access.combined(record, query=query).split('"')[3] for query in (False, True)]
    assert told == [page, page + rest]


# Spans


def test_every_kind_of_span_tells_how_long_it_took(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(spans, "time", SimpleNamespace(perf_counter=clock))

    def passes() -> None:
        clock.now += 1.5

    async def passes_later() -> None:
        clock.now += 1.25

    async def app(scope: Any, receive: Any, send: Any) -> None:
        with measure("block") as block:
            clock.now += 2.0
        async with block as again:
            clock.now += 1.75
        measure("function")(passes)()
        await measure("coroutine")(passes_later)()
        assert again is block

    took = [("block", 2.0), ("block", 1.75), ("function", 1.5), ("coroutine", 1.25)]
    assert recorded(app).spans == tuple(Span(name, None, seconds) for name, seconds in took)


def test_what_a_measured_function_is_given_and_gives_is_its_own_within_a_request_and_outside() -> None:
    @measure("function")
    def function(*args: Any, **kwargs: Any) -> Any:
        return args, kwargs

    @measure("coroutine")
    async def coroutine(*args: Any, **kwargs: Any) -> Any:
        return args, kwargs

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert function(1, two=2) == await coroutine(1, two=2) == ((1,), {"two": 2})

    assert contextvars.Context().run(drive, app).error is None
    record = recorded(app)
    assert ([span.name for span in record.spans], record.error) == (["function", "coroutine"], None)


# The trace in the header


DIGITS = "0123456789abcdef"
PARTS = ("00", DIGITS * 2, DIGITS, "01")


@pytest.mark.parametrize("part", range(4))
def test_each_part_of_a_traceparent_has_digits_of_sixteen_kinds(part: int) -> None:
    def is_told(digit: str, length: int) -> bool:
        parts: list[str] = list(PARTS)
        parts[part] = digit * length
        told = total(0.0, {"trace": SimpleNamespace(traceparent="-".join(parts))})
        assert told in (b"total;dur=0.00", b"total;dur=0.00, trace;desc=" + "-".join(parts).encode())
        return told != b"total;dur=0.00"

    length = len(PARTS[part])
    assert {chr(code) for code in range(256) if is_told(chr(code), length)} == set(DIGITS)
    assert [short for short in range(64) if is_told("1", short)] == [length]


@pytest.mark.parametrize("between", ["", " ", "_", "--", "--0", ","])
def test_between_the_parts_is_one_hyphen(between: str) -> None:
    for place in (2, 35, 52):
        whole = "-".join(PARTS)
        traceparent = whole[:place] + between + whole[place + 1 :]
        assert total(0.0, {"trace": SimpleNamespace(traceparent=traceparent)}) == b"total;dur=0.00"


# Whole texts


def registered() -> CollectorRegistry:
    registry = CollectorRegistry()
    Counter("http_server_request_failures", "Somebody else's.", registry=registry)
    return registry


def other_buckets() -> object:
    registry = CollectorRegistry()
    PrometheusSink(registry=registry)
    return PrometheusSink(registry=registry, buckets=[1])


def generating() -> Iterator[None]:
    yield


async def generating_later() -> AsyncIterator[None]:
    yield


WRONG: Any = 7
TEXTS: list[tuple[Callable[[], object], str]] = [
    (
        lambda: PrometheusSink(registry=WRONG, prefix="1"),
        (
            "PrometheusSink: 2 problems\n"
            "  - registry: 7: is no registry; pass a prometheus_client.CollectorRegistry\n"
            "  - prefix: '1': is not the beginning of a metric's name; "
            "use letters, digits and underscores, such as 'shop_'"
        ),
    ),
    (
        lambda: PrometheusSink(buckets=[]),
        "PrometheusSink: buckets: []: must be rising numbers of seconds; write for example [0.1, 1, 10]",
    ),
    (
        other_buckets,
        (
            "PrometheusSink: buckets: (1.0,): are others than those of the sink that was there first; "
            "use the same, or another prefix, or another registry"
        ),
    ),
    (
        lambda: PrometheusSink(registry=registered()),
        (
            "PrometheusSink: prefix: '': is the beginning of names that the registry has already; "
            "choose another one, or another registry"
        ),
    ),
    (
        lambda: OTelMetricsSink(meter_provider=WRONG),
        "OTelMetricsSink: meter_provider: 7: is no meter provider; pass an opentelemetry.metrics.MeterProvider",
    ),
    (
        lambda: TimingMiddleware(apps.silent(), sinks=WRONG),
        "TimingMiddleware: sinks: 7: must be a list of sinks; write [LogSink()]",
    ),
    (
        lambda: TimingMiddleware(apps.silent(), sinks=[WRONG, LogSink]),  # type: ignore[list-item]  # on purpose
        (
            "TimingMiddleware: 2 problems\n"
            "  - sinks: int: has no method ended(record); see asgi_middleware.timing.sinks.Sink\n"
            "  - sinks: LogSink: is a class, not a sink; write [LogSink()]"
        ),
    ),
    (lambda: LogSink(slow=0), "LogSink: slow: 0: must be a number of seconds above 0; write for example 5.0"),
    (lambda: measure("a b"), "'a b' is no token; use letters, digits, `-`, `_` and `.`, such as 'db.read'"),
    (lambda: measure(WRONG), "7 is no token; use letters, digits, `-`, `_` and `.`, such as 'db.read'"),
    (lambda: measure("a", WRONG), "the description of 'a' is no text but int"),
    (lambda: add("a", -1), "int that is no duration; give milliseconds, 0 or more"),
]


@pytest.mark.parametrize(("build", "text"), TEXTS, ids=[text[:60] for _, text in TEXTS])
def test_a_refusal_says_what_was_seen_and_what_to_do(build: Callable[[], object], text: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # its whole text is compared
        build()
    assert str(caught.value) == text


@pytest.mark.parametrize("function", [generating, generating_later])
def test_a_generator_is_refused_by_its_name(function: Any) -> None:
    with pytest.raises(TypeError) as caught:
        measure("a")(function)
    assert str(caught.value) == f"{function!r} is a generator; write `with measure(...)` inside of it"


@pytest.mark.parametrize(
    ("module", "sink", "text"),
    [
        (
            "opentelemetry",
            OTelMetricsSink,
            (
                "OTelMetricsSink: meter_provider: needs the package opentelemetry-api; "
                "install it: pip install 'asgi-middleware[otel]'"
            ),
        ),
        (
            "prometheus_client",
            PrometheusSink,
            (
                "PrometheusSink: registry: needs the package prometheus-client; "
                "install it: pip install 'asgi-middleware[prometheus]'"
            ),
        ),
    ],
)
def test_a_missing_package_is_named(module: str, sink: Any, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra) as caught:
        sink()
    assert str(caught.value) == text
    assert isinstance(caught.value, ConfigError)
