"""Sinks: who is told of each request once it is over.

    sink                     what it does with it                                              extra
    LogSink()                warns of slow ones; writes access lines                           none
    PrometheusSink()         counts and measures, for prometheus-client to show                prometheus
    OTelMetricsSink()        the same for OpenTelemetry, by its stable names                   otel

A sink of your own is an object with the method `ended(record)`, see `Sink`; with `began(...)` besides, see
`WatchingSink`, it can tell what is under way. They are called where requests end, also cancelled ones, in which
nothing can be awaited: so the methods are plain, and quick. What takes longer goes into a queue that somebody else
empties, as `logging.handlers.QueueHandler` does.

A request that nobody finishes is ended by the garbage collector, in whatever thread and in the middle of whatever that
was: let a lock of your own be a `threading.RLock`.

A sink that raises breaks no request, and keeps no other sink from being told. The first failure is logged at once
(logger `asgi_middleware.timing`, level ERROR), later ones once a minute with their number.
"""

import importlib
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from ..record import Record

if TYPE_CHECKING:
    from .log import LogSink
    from .otel import OTelMetricsSink
    from .prometheus import PrometheusSink

__all__ = ["LogSink", "OTelMetricsSink", "PrometheusSink", "Sink", "WatchingSink"]

# The modules of the sinks, each imported when its sink is asked for.
_MODULES = {"LogSink": "log", "OTelMetricsSink": "otel", "PrometheusSink": "prometheus"}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_MODULES[name]}", __name__), name)


@runtime_checkable
class Sink(Protocol):
    """What `TimingMiddleware` asks of a sink. It is called on the event loop, by any number of requests in turn."""

    def ended(self, record: Record) -> None:
        """One request or WebSocket is over. Called once for each, on whatever way it ended."""
        ...


@runtime_checkable
class WatchingSink(Sink, Protocol):
    """A sink that is also told when a request begins, for a gauge of those under way.

    Each `began` that did not raise is followed by one `ended`, whose record has the same type, method and scheme.
    """

    def began(self, kind: str, method: str, scheme: str) -> None:
        """One request or WebSocket has arrived; `kind` is the record's `type`, the others its fields of these names."""
        ...
