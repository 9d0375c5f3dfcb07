"""What the Prometheus sink tells: names, help, labels, and the few values that a label may have."""

from collections.abc import Collection
from typing import NamedTuple

from ..record import OTHER, Record

LabelValues = tuple[str, str, str]
MOST = 5000  # combinations of labels of one metric
_OTHERS = (OTHER, OTHER, OTHER)
_STATUSES: dict[int | None, str] = {None: "none", **{status: str(status) for status in range(100, 600)}}


class Family(NamedTuple):
    """A metric: its name without a prefix, its help, its labels."""

    name: str
    help: str
    labels: tuple[str, ...]


DURATIONS = Family(
    "http_server_request_duration_seconds",
    "Seconds from the arrival of a request to the last byte of its response.",
    ("method", "route", "status"),
)
SIZES = Family("http_server_response_body_size_bytes", "Bytes of response bodies.", ("method", "route", "status"))
REQUESTS = Family("http_server_active_requests", "Requests under way.", ("method",))
FAILURES = Family(
    "http_server_request_failures", "Requests that did not end well.", ("method", "route", "outcome")
)  # prometheus-client adds the `_total`
CONNECTIONS = Family(
    "websocket_server_connection_duration_seconds",
    "Seconds from the arrival of a WebSocket to its end.",
    ("route", "status", "code"),
)
SOCKETS = Family("websocket_server_active_connections", "WebSockets under way.", ())


def bounded(labels: LabelValues, known: Collection[LabelValues]) -> LabelValues:
    """These labels of one metric, or `_OTHER` throughout, if they are new and `known` is full."""
    return labels if labels in known or len(known) < MOST else _OTHERS


def served(record: Record) -> LabelValues:
    """The labels of a request that is over."""
    return record.method, record.route, _STATUSES.get(record.status, OTHER)


def failed(record: Record) -> LabelValues:
    """The labels of a request that did not end well."""
    return record.method, record.route, record.outcome


def connected(record: Record) -> LabelValues:
    """The labels of a WebSocket that is over."""
    return record.route, _STATUSES.get(record.status, OTHER), _code(record.close_code)


def _code(code: int | None) -> str:
    """A close code (RFC 6455, 7.4.2): those of libraries and of applications are an open range."""
    if code is None:
        return "none"
    if 1000 <= code <= 1015:
        return str(code)
    return f"{code // 1000}xxx" if 3000 <= code <= 4999 else OTHER
