"""OTelMetricsSink: the same for OpenTelemetry, by the stable names of its conventions. Needs the extra `otel`.

    app = TimingMiddleware(app, sinks=[OTelMetricsSink()])

It needs the API alone; which SDK, which exporter and where to, is the application's own business. No span is made.

    instrument                              unit            what it is
    http.server.request.duration            s               histogram: to the last byte
    http.server.active_requests             {request}       up-down counter
    http.server.response.body.size          By              histogram: as it is handed out of here
    websocket.server.connection.duration    s               histogram; a name of our own, as there is no convention
    websocket.server.active_connections     {connection}    up-down counter; likewise

Attributes: http.request.method, url.scheme; and of what is over http.route, where one was matched,
http.response.status_code, network.protocol.version, and error.type: the status from 500 on, otherwise the class of the
exception, otherwise `cancelled` or `aborted`. No value is a client's word.

Source: Semantic conventions for HTTP metrics 1.27, https://opentelemetry.io/docs/specs/semconv/http/http-metrics/
"""

import inspect
from typing import TYPE_CHECKING, Any

from ..._options import Options, shown
from ...exceptions import MissingExtra
from ..record import OTHER, Record
from ..route import UNMATCHED, Labels
from . import buckets

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider

_VERSIONS = frozenset({"1.0", "1.1", "2", "3"})
_MOST_ERRORS = 100  # classes of exceptions that are told by name


class OTelMetricsSink:
    """Tells OpenTelemetry's metrics API.

    - `meter_provider`: the global one, if None.

    Raises ConfigError with every problem, and MissingExtra.
    """

    def __init__(self, *, meter_provider: "MeterProvider | None" = None) -> None:
        try:
            from opentelemetry import metrics
        except ImportError:
            raise MissingExtra("OTelMetricsSink", "meter_provider", "otel", "opentelemetry-api") from None
        options = Options("OTelMetricsSink")
        if meter_provider is not None and not callable(getattr(meter_provider, "get_meter", None)):
            rule, remedy = "is no meter provider", "pass an opentelemetry.metrics.MeterProvider"
            options.problem("meter_provider", shown(meter_provider), rule, remedy)
        options.raise_problems()
        provider = metrics.get_meter_provider() if meter_provider is None else meter_provider
        meter = provider.get_meter("asgi_middleware.timing")
        what = "Seconds from the arrival of a request to the last byte of its response."
        self._durations = _histogram(meter, "http.server.request.duration", "s", what, buckets.REQUESTS)
        self._requests = meter.create_up_down_counter("http.server.active_requests", "{request}", "Requests under way.")
        self._sizes = meter.create_histogram("http.server.response.body.size", "By", "Bytes of response bodies.")
        what = "Seconds from the arrival of a WebSocket to its end."
        self._connections = _histogram(meter, "websocket.server.connection.duration", "s", what, buckets.CONNECTIONS)
        what = "WebSockets under way."
        self._sockets = meter.create_up_down_counter("websocket.server.active_connections", "{connection}", what)
        self._errors = Labels(_MOST_ERRORS)

    def began(self, kind: str, method: str, scheme: str) -> None:
        active = self._requests if kind == "http" else self._sockets
        active.add(1, {"http.request.method": method, "url.scheme": scheme})

    def ended(self, record: Record) -> None:
        attributes: dict[str, Any] = {"http.request.method": record.method, "url.scheme": record.scheme}
        if record.type == "http":
            self._requests.add(-1, attributes)
            attributes = self._described(attributes, record)
            self._durations.record(record.duration, attributes)
            if record.bytes_out is not None:
                self._sizes.record(record.bytes_out, attributes)
        else:
            self._sockets.add(-1, attributes)
            self._connections.record(record.duration, self._described(attributes, record))

    def _described(self, attributes: dict[str, Any], record: Record) -> dict[str, Any]:
        described = dict(attributes)
        if record.route not in (UNMATCHED, OTHER):
            described["http.route"] = record.route
        status = record.status
        if status is not None and 100 <= status <= 599:
            described["http.response.status_code"] = int(status)
        version = record.scope.get("http_version")
        if version in _VERSIONS:
            described["network.protocol.version"] = version
        if status is not None and 500 <= status <= 599:
            described["error.type"] = str(int(status))
        elif record.outcome == "error":
            described["error.type"] = OTHER if record.error is None else self._errors(record.error)
        elif record.outcome != "ok":
            described["error.type"] = record.outcome
        return described


def _histogram(meter: Any, name: str, unit: str, what: str, bounds: tuple[float, ...]) -> Any:
    """A histogram with advised buckets, which the API knows from 1.30 on."""
    if "explicit_bucket_boundaries_advisory" not in inspect.signature(meter.create_histogram).parameters:
        return meter.create_histogram(name, unit, what)
    return meter.create_histogram(name, unit, what, explicit_bucket_boundaries_advisory=bounds)
