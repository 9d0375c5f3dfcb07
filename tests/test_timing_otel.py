"""OTelMetricsSink: what OpenTelemetry's SDK has in the end, by its own reader."""

import sys
from typing import Any

import pytest
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from asgi_middleware import ConfigError, MissingExtra, TimingMiddleware
from asgi_middleware.timing import OTelMetricsSink
from asgi_middleware.timing.sinks import buckets

from . import apps
from .asgi import App, drive, http, websocket
from .timed import Clock

# A metric's unit, and its points: attributes, and the number or, of a histogram, count and sum.
Told = dict[str, tuple[str, list[tuple[dict[str, Any], Any]]]]


class Read:
    """A provider of its own, and what it was told."""

    def __init__(self) -> None:
        self._reader = InMemoryMetricReader()
        self.provider = MeterProvider([self._reader])
        self.sink = OTelMetricsSink(meter_provider=self.provider)

    def metrics(self) -> dict[str, Any]:
        data = self._reader.get_metrics_data()
        found = (
            [
                metric
                for resource in data.resource_metrics
                for scope in resource.scope_metrics
                for metric in scope.metrics
            ]
            if data
            else []
        )
        return {metric.name: metric for metric in found}

    def told(self) -> Told:
        return {
            name: (
                metric.unit,
                [
                    (dict(point.attributes), (point.count, point.sum) if hasattr(point, "count") else point.value)
                    for point in metric.data.data_points
                ],
            )
            for name, metric in self.metrics().items()
        }

    def attributes(self, app: App, scope: dict[str, Any] | None = None, **driven: Any) -> dict[str, Any]:
        """Those of the only duration."""
        drive(TimingMiddleware(app, sinks=[self.sink], clock=Clock()), scope, **driven)
        ((attributes, _),) = self.told()["http.server.request.duration"][1]
        return attributes


def taking(clock: Clock, seconds: float) -> App:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        clock.now += seconds
        await send(apps.start())
        await send(apps.body(b"ok"))
        clock.now += 100  # in the background

    return app


def test_everything_that_is_told_of_a_request() -> None:
    read, clock = Read(), Clock()
    for seconds in (0.5, 0.25):
        scope = http("/items/7", route="/items/{id}", scheme="https")
        drive(TimingMiddleware(taking(clock, seconds), sinks=[read.sink], clock=clock), scope)
    begun = {"http.request.method": "GET", "url.scheme": "https"}
    ended = {
        **begun,
        "http.route": "/items/{id}",
        "http.response.status_code": 200,
        "network.protocol.version": "1.1",
    }
    assert read.told() == {
        "http.server.active_requests": ("{request}", [(begun, 0)]),
        "http.server.request.duration": ("s", [(ended, (2, 0.75))]),
        "http.server.response.body.size": ("By", [(ended, (2, 4))]),
    }


def test_everything_that_is_told_of_a_websocket() -> None:
    read, clock = Read(), Clock()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        clock.now += 60
        await send({"type": "websocket.close"})

    drive(TimingMiddleware(app, sinks=[read.sink], clock=clock), websocket(route="/live"))
    begun = {"http.request.method": "GET", "url.scheme": "ws"}
    ended = {
        **begun,
        "http.route": "/live",
        "http.response.status_code": 101,
        "network.protocol.version": "1.1",
    }
    assert read.told() == {
        "websocket.server.active_connections": ("{connection}", [(begun, 0)]),
        "websocket.server.connection.duration": ("s", [(ended, (1, 60.0))]),
    }


def test_the_buckets_are_those_that_the_conventions_advise() -> None:
    read = Read()
    drive(TimingMiddleware(apps.text(), sinks=[read.sink]))
    drive(TimingMiddleware(apps.accepts(), sinks=[read.sink]), websocket())
    found = {
        name: tuple(metric.data.data_points[0].explicit_bounds)
        for name, metric in read.metrics().items()
        if name.endswith(".duration")
    }
    assert found == {
        "http.server.request.duration": buckets.REQUESTS,
        "websocket.server.connection.duration": buckets.CONNECTIONS,
    }


def test_what_is_under_way_is_told() -> None:
    read = Read()
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(read.told())
        raise KeyError

    drive(TimingMiddleware(app, sinks=[read.sink]))
    drive(TimingMiddleware(app, sinks=[read.sink]), websocket())
    names = ("http.server.active_requests", "websocket.server.active_connections")
    assert [point for told in seen for name in names if name in told for _, point in told[name][1]] == [1, 0, 1]
    assert [read.told()[name][1][0][1] for name in names] == [0, 0]


BEGUN = {"http.request.method": "GET", "url.scheme": "http"}
VERSION = {"network.protocol.version": "1.1"}
FAILED: list[tuple[str, App, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    (
        "a status from 500 on",
        apps.sends(apps.start(503), apps.body()),
        http(),
        {},
        {"error.type": "503", "http.response.status_code": 503},
    ),
    ("below it", apps.sends(apps.start(404), apps.body()), http(), {}, {"http.response.status_code": 404}),
    ("a crash", apps.raises(KeyError()), http(), {}, {"error.type": "builtins.KeyError"}),
    (
        "a crash after the start",
        apps.raises(KeyError(), apps.start()),
        http(),
        {},
        {"error.type": "builtins.KeyError", "http.response.status_code": 200},
    ),
    ("nothing is sent", apps.silent(), http(), {}, {"error.type": "_OTHER"}),
    ("cancelled", apps.raises(KeyboardInterrupt()), http(), {}, {"error.type": "cancelled"}),
    (
        "aborted",
        apps.text(),
        http(),
        {"send_fails": OSError()},
        {"error.type": "aborted", "http.response.status_code": 200},
    ),
    ("a status that is none", apps.sends(apps.start(999), apps.body()), http(), {}, {}),
]


@pytest.mark.parametrize(("sentence", "app", "scope", "driven", "more"), FAILED, ids=[row[0] for row in FAILED])
def test_what_failed_says_how(
    sentence: str, app: App, scope: dict[str, Any], driven: dict[str, Any], more: dict[str, Any]
) -> None:
    assert Read().attributes(app, scope, **driven) == {**BEGUN, **VERSION, **more}


def test_words_of_the_client_are_no_attributes() -> None:
    scope = http("/secret", method="BREW", scheme="gopher", http_version="9", headers=[("host", "evil.example")])
    assert Read().attributes(apps.text(), scope) == {
        "http.request.method": "_OTHER",
        "url.scheme": "_OTHER",
        "http.response.status_code": 200,
    }


def test_a_hundred_classes_of_exceptions_are_told_by_name() -> None:
    read = Read()
    for number in range(200):
        error = type(f"Error{number}", (Exception,), {})()
        drive(TimingMiddleware(apps.raises(error), sinks=[read.sink]))
    points = read.told()["http.server.request.duration"][1]
    names = [attributes["error.type"] for attributes, _ in points]
    assert len(names) == 101
    assert names[-1] == "_OTHER"
    assert points[-1][1][0] == 100


def test_the_provider_is_the_global_one_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    read = Read()
    monkeypatch.setattr(metrics, "get_meter_provider", lambda: read.provider)
    drive(TimingMiddleware(apps.text(), sinks=[OTelMetricsSink()]))
    assert "http.server.request.duration" in read.told()


def test_without_an_sdk_nothing_comes_of_it() -> None:
    assert drive(TimingMiddleware(apps.text(), sinks=[OTelMetricsSink()])).error is None


def test_an_older_api_that_takes_no_advice_is_given_none() -> None:
    told: list[tuple[Any, ...]] = []

    class Instrument:
        def add(self, *arguments: Any) -> None: ...

        record = add

    class Older:
        """opentelemetry-api before 1.30."""

        def get_meter(self, name: str) -> "Older":
            return self

        def create_histogram(self, name: str, unit: str = "", description: str = "") -> Instrument:
            told.append((name, unit))
            return Instrument()

        def create_up_down_counter(self, name: str, unit: str = "", description: str = "") -> Instrument:
            return Instrument()

    provider: Any = Older()
    assert drive(TimingMiddleware(apps.text(), sinks=[OTelMetricsSink(meter_provider=provider)])).error is None
    assert ("http.server.request.duration", "s") in told


def test_a_wrong_provider_is_refused() -> None:
    wrong: Any = "console"
    with pytest.raises(ConfigError) as caught:
        OTelMetricsSink(meter_provider=wrong)
    (problem,) = caught.value.problems
    assert (problem.option, problem.remedy) == ("meter_provider", "pass an opentelemetry.metrics.MeterProvider")


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(MissingExtra, match=r"pip install 'asgi-middleware\[otel\]'"):
        OTelMetricsSink()
