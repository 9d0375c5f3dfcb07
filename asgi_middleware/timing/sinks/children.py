"""The numbers of several processes of one machine: prometheus-client's own metrics, which it keeps in shared files."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..record import Record
from . import buckets, metrics
from .metrics import LabelValues

if TYPE_CHECKING:
    from prometheus_client import Gauge, Histogram, Summary


class Children:
    """The metrics, with the children that were asked for: `labels()` costs as much as an observation."""

    def __init__(self, prefix: str, bounds: tuple[float, ...]) -> None:
        from prometheus_client import Counter, Gauge, Histogram, Summary

        def made(kind: Any, family: metrics.Family, **more: Any) -> Any:
            return kind(prefix + family.name, family.help, family.labels, registry=None, **more)

        self._durations = made(Histogram, metrics.DURATIONS, buckets=bounds)
        self._sizes = made(Summary, metrics.SIZES)
        self._requests = made(Gauge, metrics.REQUESTS, multiprocess_mode="livesum")
        self._failures = made(Counter, metrics.FAILURES)
        self._connections = made(Histogram, metrics.CONNECTIONS, buckets=buckets.CONNECTIONS)
        self._sockets = made(Gauge, metrics.SOCKETS, multiprocess_mode="livesum")
        self._children: dict[LabelValues, tuple[Histogram, Summary]] = {}
        self._known: dict[Any, set[LabelValues]] = {self._failures: set(), self._connections: set()}
        self._active: dict[str, Gauge] = {}

    def collectors(self) -> Iterable[Any]:
        return (
            self._durations,
            self._sizes,
            self._requests,
            self._failures,
            self._connections,
            self._sockets,
        )

    def began(self, kind: str, method: str) -> None:
        self._gauge(kind, method).inc()

    def ended(self, record: Record) -> None:
        self._gauge(record.type, record.method).dec()
        if record.type != "http":
            self._seldom(self._connections, metrics.connected(record)).observe(record.duration)
            return
        labels = metrics.served(record)
        duration, size = self._children.get(labels) or self._new(labels)
        duration.observe(record.duration)
        if record.bytes_out is not None:
            size.observe(record.bytes_out)
        if record.outcome != "ok":
            self._seldom(self._failures, metrics.failed(record)).inc()

    def _gauge(self, kind: str, method: str) -> "Gauge":
        if kind != "http":
            sockets: Gauge = self._sockets
            return sockets
        gauge = self._active.get(method)
        if gauge is None:
            gauge = self._active[method] = self._requests.labels(method)
        return gauge

    def _new(self, labels: LabelValues) -> "tuple[Histogram, Summary]":
        labels = metrics.bounded(labels, self._children)
        children = self._children[labels] = self._durations.labels(*labels), self._sizes.labels(*labels)
        return children

    def _seldom(self, metric: Any, labels: LabelValues) -> Any:
        """The child of a metric that is seldom told."""
        known = self._known[metric]
        labels = metrics.bounded(labels, known)
        known.add(labels)
        return metric.labels(*labels)
