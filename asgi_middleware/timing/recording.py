"""From a request to its record, and from that to the sinks."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from .._hooks import Fault, report
from .._scope import header
from .._types import Receive, Scope, Send
from . import queueing
from .record import METHODS, OTHER, Record, Span
from .route import UNMATCHED, Routes
from .sinks import Sink
from .spans import Noted
from .watching import Watch

_INTERVAL = 60  # seconds between two reports of one failing sink
# A record is made without `__init__`: a call with all of its fields costs several times as much as setting them.
_blank = object.__new__


class _Told:
    """A sink, and what became of telling it."""

    __slots__ = ("_reported", "_swallowed", "began", "ended")

    def __init__(self, sink: Sink) -> None:
        self.ended = sink.ended
        self.began: Callable[[str, str, str], None] | None = getattr(sink, "began", None)
        self._swallowed = 0
        self._reported: float | None = None

    def failed(self, error: Exception, now: float) -> None:
        """Report the first failure, and then at the most one a minute, with the number of those since the last."""
        self._swallowed += 1
        if self._reported is None or now - self._reported >= _INTERVAL:
            self._reported = now
            swallowed, self._swallowed = self._swallowed, 0
            sink = type(getattr(self.ended, "__self__", self.ended)).__name__
            kind = type(error).__name__
            report("timing", "the sink %s raised %s; %d failures since the last report.", sink, kind, swallowed)


class Recorder:
    """What all requests of one middleware share: its sinks, and what their records need.

    `value(seconds, scope, spans)` gives the value of Server-Timing; None where there is to be none.
    """

    def __init__(
        self,
        sinks: Iterable[Sink],
        *,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
        queue_time: bool | Callable[[Scope], bool],
        route: Callable[[Scope], str | None] | None,
        value: Callable[[float, Scope, list[Noted]], bytes] | None,
    ) -> None:
        self.clock = clock
        self.value = value
        self._wall_clock = wall_clock
        self._queue_time = queue_time
        self._routes = Routes()
        self._label = self._routes.label if route is None else partial(_said, route, self._routes)
        self._unreadable = Fault("timing", "the route in the scope", otherwise="it is `unmatched`")
        self._sinks = [_Told(sink) for sink in sinks]
        self._watching = [(told, told.began) for told in self._sinks if told.began is not None]

    def watch(self, scope: Scope, receive: Receive, send: Send, spans: list[Noted]) -> Watch:
        """Begin a record. The headers of `scope`, the one that goes inwards, must be readable more than once."""
        record = _blank(Record)
        record.type = kind = scope["type"]
        record.method = METHODS.get(scope.get("method"), OTHER) if kind == "http" else "GET"
        record.status = record.close_code = record.first_byte = record.last_byte = record.error = record.queue = None
        record.bytes_out = 0
        record.scope = dict(scope)  # what is read of it later may be rewritten by then
        record.started = self._wall_clock()
        if self._queue_time is not False:
            record.queue = self._waited(scope, record.started)
        watch = Watch(send)
        watch.recorder = self
        watch.record = record
        watch.scope = scope
        watch.from_client = receive
        watch.spans = spans
        watch.complete = watch.trailing = watch.gone = watch.disconnected = False
        watch.headers = watch.deaf = ()
        for told, began in self._watching:
            try:
                began(kind, record.method, record.scheme)
            except Exception as error:  # noqa: BLE001  # a sink never breaks a request
                told.failed(error, self.clock())
                watch.deaf = (*watch.deaf, told)
        watch.began = self.clock()
        return watch

    def _waited(self, scope: Scope, now: float) -> float | None:
        value = header(scope, b"x-request-start")
        if value is None or (callable(self._queue_time) and not self._queue_time(scope)):
            return None
        return queueing.waited(value, now)

    def end(self, watch: Watch, error: BaseException | None) -> None:
        """Finish the record, and tell the sinks."""
        now = self.clock()
        record = watch.record
        took = now - watch.began
        record.total = took if took > 0 else 0.0
        if watch.complete and error is None:
            record.outcome = "ok"
        else:
            record.outcome = watch.outcome(error)
            if error is not None:
                record.error = f"{type(error).__module__}.{type(error).__qualname__}"
        if record.method == "HEAD":
            record.bytes_out = 0  # servers drop the body
        try:
            record.route = self._label(watch.scope, record.scope)
        except Exception as failure:  # noqa: BLE001  # what others left in a scope may do anything when it is looked at
            record.route = UNMATCHED
            self._unreadable.raised(failure)
        noted = watch.spans
        record.spans = tuple([Span(name, desc, took / 1000) for name, desc, took in noted]) if noted else ()
        deaf = watch.deaf
        for told in self._sinks:
            if not deaf or told not in deaf:
                try:
                    told.ended(record)
                except Exception as failure:  # noqa: BLE001  # as above
                    told.failed(failure, now)


def _said(route: Callable[[Scope], str | None], routes: Routes, scope: Scope, arrived: Mapping[str, Any]) -> str:
    """The label that the application's function gives."""
    return routes.bounded(route(scope))
