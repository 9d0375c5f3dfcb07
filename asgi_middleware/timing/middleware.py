"""TimingMiddleware, and what it does to the start of a response."""

import time
from collections.abc import Callable, Collection, Sequence
from typing import Any, Literal

from .._hooks import Hook
from .._options import Options, shown
from .._responder import Responder
from .._scope import extend, readable
from .._types import ASGIApp, Message, Receive, Scope, Send
from .recording import Recorder
from .server_timing import total, with_spans
from .sinks import Sink
from .spans import Noted, collected


class TimingMiddleware:
    """Adds Server-Timing to every response, also to errors, preflights, `websocket.accept` and denial responses; and
    tells sinks of each request once it is over.

    - `server_timing`: `"total"`: the time to the response start, and the trace, where a middleware outside left one
      in `scope["trace"]`; `"all"`: the spans of `measure` and `add` too; `"off"`: no header.
    - `expose(scope) -> bool`: who else sees the spans under `"total"` (say, signed-in developers). One that raises
      exposes nothing and is logged once.
    - `queue_time`: whether X-Request-Start is read into the records: True, where a proxy in front sets it on every
      request; or `queue_time(scope) -> bool`, who may say so. Anybody else's is ignored.
    - `route(scope) -> str | None`: the label of the route, in place of what the router left; None for unmatched. It
      is asked once the application has returned, and must not make the path itself a label.
    - `sinks`: who is told of each request; see `asgi_middleware.timing.sinks`.
    - `clock`: seconds, never going back. `wall_clock`: seconds since 1970.

    Raises ConfigError with every problem.
    """

    middleware_kind = "timing"

    def __init__(
        self,
        app: ASGIApp,
        *,
        server_timing: Literal["total", "all", "off"] = "total",
        expose: Callable[[Scope], bool] | None = None,
        queue_time: bool | Callable[[Scope], bool] = False,
        route: Callable[[Scope], str | None] | None = None,
        sinks: Sequence[Sink] = (),
        clock: Callable[[], float] = time.perf_counter,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        options = Options("TimingMiddleware")
        options.app(app)
        options.choice("server_timing", server_timing, ("total", "all", "off"))
        options.function("expose", expose, plain=True)
        if callable(queue_time):
            options.function("queue_time", queue_time, plain=True)
        else:
            options.boolean("queue_time", queue_time)
        options.function("route", route, plain=True)
        checked = _checked_sinks(options, sinks)
        options.function("clock", clock, optional=False, plain=True)
        options.function("wall_clock", wall_clock, optional=False, plain=True)
        options.raise_problems()
        self.app = app
        self._clock = clock
        self._level = server_timing
        self._expose = _hook("expose", expose, bool, otherwise="no spans are shown")
        self._recorder = None
        if checked:
            plain = total if server_timing == "total" and expose is None else self._value
            if callable(queue_time):
                left_out = "the queue time is left out"
                queue_time = Hook("timing", "queue_time", queue_time, (bool,), otherwise=left_out)
            self._recorder = Recorder(
                checked,
                clock=clock,
                wall_clock=wall_clock,
                queue_time=queue_time,
                route=_hook("route", route, str, type(None), otherwise="the route is `unmatched`"),
                value=None if server_timing == "off" else plain,
            )
        told = server_timing == "all" or (server_timing == "total" and expose is not None)
        self._collects = told or self._recorder is not None
        self._idle = server_timing == "off" and self._recorder is None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or self._idle:
            await self.app(scope, receive, send)
            return
        if not self._collects:
            responder = _Total(send)
            responder.scope = scope
            responder.clock = self._clock
            responder.began = self._clock()
            await self.app(scope, receive, responder.send)
            return
        if self._expose is not None:
            # a copy of ours, so that `expose` sees what the middlewares inside add to it
            scope = extend(scope, {})
        spans: list[Noted] = []
        outer = collected.get()
        collected.set(spans)
        try:
            recorder = self._recorder
            if recorder is None:
                await self.app(scope, receive, _Spans(send, self, scope, spans).send)
                return
            scope = readable(scope)
            watch = recorder.watch(scope, receive, send, spans)
            try:
                await self.app(scope, watch.receive, watch.send)
            except BaseException as error:
                recorder.end(watch, error)
                raise
            recorder.end(watch, None)
        finally:
            if collected.get() is spans:  # one that is given up is closed in whatever request that happens to be
                collected.set(outer)

    def _value(self, seconds: float, scope: Scope, spans: list[Noted]) -> bytes:
        """The value of the header, where it may have spans."""
        value = total(seconds, scope)
        if spans and (self._level == "all" or (self._expose is not None and self._expose(scope))):
            value = with_spans(value, spans)
        return value


class _Total(Responder):
    """Takes the time when the response starts. The only one on the path of the default configuration."""

    __slots__ = ("began", "clock", "scope")

    scope: Scope
    clock: Callable[[], float]
    began: float

    def edit(self, start: Message) -> None:
        start["headers"].append((b"server-timing", total(self.clock() - self.began, self.scope)))


class _Spans(Responder):
    """The same, with spans."""

    __slots__ = ("_began", "_middleware", "_scope", "_spans")

    def __init__(self, send: Send, middleware: TimingMiddleware, scope: Scope, spans: list[Noted]) -> None:
        super().__init__(send)
        self._middleware = middleware
        self._scope = scope
        self._spans = spans
        self._began = middleware._clock()

    def edit(self, start: Message) -> None:
        took = self._middleware._clock() - self._began
        start["headers"].append((b"server-timing", self._middleware._value(took, self._scope, self._spans)))


def _hook(option: str, function: Callable[[Scope], Any] | None, *kinds: type, otherwise: str) -> Hook | None:
    return None if function is None else Hook("timing", option, function, kinds, otherwise=otherwise)


def _checked_sinks(options: Options, sinks: Any) -> tuple[Sink, ...]:
    """The sinks, if they can be told."""
    if isinstance(sinks, (str, bytes, dict)) or not isinstance(sinks, Collection):
        options.problem("sinks", shown(sinks), "must be a list of sinks", "write [LogSink()]")
        return ()
    for sink in sinks:
        if isinstance(sink, type):
            options.problem("sinks", sink.__name__, "is a class, not a sink", f"write [{sink.__name__}()]")
        elif not callable(getattr(sink, "ended", None)):
            seen = type(sink).__name__
            options.problem("sinks", seen, "has no method ended(record)", "see asgi_middleware.timing.sinks.Sink")
        else:
            options.function("sinks", sink.ended, plain=True)
            options.function("sinks", getattr(sink, "began", None), plain=True)
    return tuple(sinks)
