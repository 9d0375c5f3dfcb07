"""The numbers of one process, kept here and shown to prometheus-client when it asks, as one of its custom collectors.

Its own metrics take six locks and 300 bytecodes for each request, several times what the whole middleware takes
besides. Here it is one lock and a few additions; the text that is scraped is the same.

The garbage collector ends requests that nobody finishes, wherever it happens to run: also in here, in the thread that
holds the lock. So a thread may take it again, nothing is iterated over that a request adds to, and no number is changed
by more than one step.
"""

import re
import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from threading import RLock
from typing import TYPE_CHECKING, Any

from ..record import Record
from . import buckets, metrics
from .metrics import LabelValues

if TYPE_CHECKING:
    from prometheus_client import Metric

_TRACE_ID = re.compile(r"[0-9a-f]{32}")


class _Series:
    """A histogram of seconds, and a sum of bytes, for one combination of labels."""

    __slots__ = ("counts", "exemplars", "seconds", "size", "sized")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.counts = [0] * (len(bounds) + 1)  # the last is for what is above all bounds
        self.seconds = 0.0
        self.size = self.sized = 0
        self.exemplars: dict[int, tuple[str, float, float]] = {}  # of a bucket: trace, seconds, and when it was

    def buckets(self, bounds: tuple[float, ...]) -> Iterator[tuple[Any, ...]]:
        """The upper bound of each bucket, how many there were up to it, and its exemplar, if it has one."""
        from prometheus_client.core import Exemplar

        total = 0
        for number, (bound, count) in enumerate(zip((*bounds, "+Inf"), self.counts, strict=True)):
            total += count
            if number in self.exemplars:
                trace_id, seconds, when = self.exemplars[number]
                yield str(bound), total, Exemplar({"trace_id": trace_id}, seconds, when)
            else:
                yield str(bound), total


class Tally:
    """Counts, and is a collector."""

    def __init__(self, prefix: str, bounds: tuple[float, ...]) -> None:
        self._prefix = prefix
        self._bounds = bounds
        self._lock = RLock()
        self._requests: dict[LabelValues, _Series] = {}
        self._sockets: dict[LabelValues, _Series] = {}
        self._failures: dict[LabelValues, int] = {}
        self._active: dict[str, int] = {}
        self._open = 0

    def collectors(self) -> Iterable[Any]:
        return (self,)

    def began(self, kind: str, method: str) -> None:
        with self._lock:
            if kind == "http":
                self._active.setdefault(method, 0)
                self._active[method] += 1
            else:
                self._open += 1

    def ended(self, record: Record) -> None:
        seconds = record.duration
        with self._lock:
            if record.type != "http":
                self._open -= 1
                series = _series(self._sockets, metrics.connected(record), buckets.CONNECTIONS)
                series.counts[bisect_left(buckets.CONNECTIONS, seconds)] += 1
                series.seconds += seconds
                return
            self._active[record.method] -= 1
            labels = metrics.served(record)
            series = self._requests.get(labels) or _series(self._requests, labels, self._bounds)
            bucket = bisect_left(self._bounds, seconds)
            series.counts[bucket] += 1
            series.seconds += seconds
            if record.bytes_out is not None:
                series.size += record.bytes_out
                series.sized += 1
            if record.outcome != "ok":
                labels = metrics.bounded(metrics.failed(record), self._failures)
                self._failures.setdefault(labels, 0)
                self._failures[labels] += 1
            if "trace" in record.scope:
                self._traced(series, bucket, record)

    def _traced(self, series: _Series, bucket: int, record: Record) -> None:
        trace_id = record.trace_id
        if record.sampled and trace_id is not None and _TRACE_ID.fullmatch(trace_id):
            series.exemplars[bucket] = (trace_id, record.duration, time.time())

    def describe(self) -> Iterable["Metric"]:
        """What is here, by name, for the registry: without any numbers."""
        return self._families().values()

    def collect(self) -> Iterable["Metric"]:
        """The numbers of now."""
        families: dict[str, Any] = self._families()
        with self._lock:
            for labels, series in self._requests.copy().items():
                families["durations"].add_metric(labels, [*series.buckets(self._bounds)], series.seconds)
                families["sizes"].add_metric(labels, series.sized, series.size)
            for labels, series in self._sockets.copy().items():
                families["connections"].add_metric(labels, [*series.buckets(buckets.CONNECTIONS)], series.seconds)
            for labels, count in self._failures.copy().items():
                families["failures"].add_metric(labels, count)
            for method, count in self._active.copy().items():
                families["requests"].add_metric((method,), count)
            families["sockets"].add_metric((), self._open)
        return families.values()

    def _families(self) -> dict[str, "Metric"]:
        from prometheus_client import core

        def made(kind: Any, family: metrics.Family) -> Any:
            return kind(self._prefix + family.name, family.help, labels=family.labels)

        return {
            "durations": made(core.HistogramMetricFamily, metrics.DURATIONS),
            "sizes": made(core.SummaryMetricFamily, metrics.SIZES),
            "requests": made(core.GaugeMetricFamily, metrics.REQUESTS),
            "failures": made(core.CounterMetricFamily, metrics.FAILURES),
            "connections": made(core.HistogramMetricFamily, metrics.CONNECTIONS),
            "sockets": made(core.GaugeMetricFamily, metrics.SOCKETS),
        }


def _series(known: dict[LabelValues, _Series], labels: LabelValues, bounds: tuple[float, ...]) -> _Series:
    """The series of these labels; one for all, once there are too many."""
    labels = metrics.bounded(labels, known)
    if labels not in known:
        known.setdefault(labels, _Series(bounds))
    return known[labels]
