"""Requests that nobody ever finishes are ended by the garbage collector, which may run in the middle of anything."""

import gc
import threading
from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, core, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from asgi_middleware import TimingMiddleware
from asgi_middleware.timing import PrometheusSink

from . import apps
from .asgi import App, Pause, drive, http
from .serving import PATIENCE
from .timed import Trace


async def endless(scope: Any, receive: Any, send: Any) -> None:
    await send(apps.start())
    await Pause()


async def nothing(*_: Any) -> Any: ...


def abandon(app: App) -> None:
    """Begin a request, and leave it behind in a circle that only the collector finds."""
    call: Any = app(http(), nothing, nothing)
    call.send(None)
    circle: list[Any] = [call]
    circle.append(circle)


class Collects(Trace):
    """Lets the collector run when a sink asks whether the trace is sampled, and not before."""

    traceparent = None  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]  # as anything may be that stands in a scope

    @property
    def flags(self) -> int:  # type: ignore[override]  # likewise
        gc.collect()
        return 1


def scraped(registry: CollectorRegistry) -> dict[tuple[str, str], float]:
    """How many requests there were, and are under way, by the metric and the failure's outcome."""
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return {
        (sample.name, sample.labels.get("outcome", "")): sample.value
        for family in families
        for sample in family.samples
        if sample.name.endswith(("_seconds_count", "active_requests", "failures_total"))
    }


def in_time(function: Callable[[], Any]) -> Any:
    """What it gives; it runs in a thread, because a lock that waits for itself waits for ever."""
    given: list[Any] = []
    thread = threading.Thread(target=lambda: given.append(function()), daemon=True)
    thread.start()
    thread.join(PATIENCE)
    assert given, "it waits for itself"
    return given[0]


ENDED = {
    ("http_server_request_duration_seconds_count", ""): 2,
    ("http_server_active_requests", ""): 0,
    ("http_server_request_failures_total", "cancelled"): 1,
}


def test_one_that_is_collected_while_another_is_counted() -> None:
    registry = CollectorRegistry()
    app = TimingMiddleware(endless, sinks=[PrometheusSink(registry=registry)])
    counted = TimingMiddleware(apps.text(b"ok"), sinks=[PrometheusSink(registry=registry)])
    abandon(app)
    assert in_time(lambda: drive(counted, http(trace=Collects()))).error is None
    assert scraped(registry) == ENDED


def test_one_that_is_collected_while_the_numbers_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = CollectorRegistry()
    app = TimingMiddleware(endless, sinks=[PrometheusSink(registry=registry)])
    drive(TimingMiddleware(apps.text(b"ok"), sinks=[PrometheusSink(registry=registry)]))
    abandon(app)
    add = core.HistogramMetricFamily.add_metric

    def adds(self: Any, *args: Any) -> None:
        gc.collect()
        add(self, *args)

    monkeypatch.setattr(core.HistogramMetricFamily, "add_metric", adds)
    in_time(lambda: generate_latest(registry))
    assert scraped(registry) == ENDED
