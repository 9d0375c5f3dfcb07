"""TimingMiddleware, and what it does to the start of a response."""

import logging
import time
from collections.abc import Callable
from typing import Any, Literal

from .._options import Options
from .._responder import Responder
from .._scope import extend
from .._types import ASGIApp, Message, Receive, Scope, Send
from . import server_timing
from .spans import Span, collected

logger = logging.getLogger("asgi_middleware.timing")


class TimingMiddleware:
    """Adds Server-Timing to every response, also to errors, preflights, `websocket.accept` and denial responses.

    - `server_timing`: `"total"`: the time to the response start; `"all"`: the spans of `measure` and `add` too;
      `"off"`: no header.
    - `expose(scope) -> bool`: who else sees the spans under `"total"` (say, signed-in developers). One that raises
      exposes nothing and is logged once.
    - `clock`: seconds, never going back.

    Raises ConfigError with every problem.
    """

    middleware_kind = "timing"

    def __init__(
        self,
        app: ASGIApp,
        *,
        server_timing: Literal["total", "all", "off"] = "total",
        expose: Callable[[Scope], bool] | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        options = Options("TimingMiddleware")
        options.app(app)
        options.choice("server_timing", server_timing, ("total", "all", "off"))
        options.function("expose", expose, plain=True)
        options.function("clock", clock, optional=False)
        options.raise_problems()
        self.app = app
        self._clock = clock
        self._level = server_timing
        self._expose = expose
        self._collects = server_timing == "all" or (server_timing == "total" and expose is not None)
        self._reported = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or self._level == "off":
            await self.app(scope, receive, send)
            return
        responder = _Responder(send)
        responder.middleware = self
        responder.scope = scope
        responder.spans = None
        responder.began = self._clock()
        if not self._collects:
            await self.app(scope, receive, responder.send)
            return
        spans: list[Span] = []
        responder.spans = spans
        outer = collected.get()
        collected.set(spans)
        if self._expose is not None:
            # a copy of ours, so that `expose` sees what the middlewares inside add to it
            responder.scope = scope = extend(scope)
        try:
            await self.app(scope, receive, responder.send)
        finally:
            collected.set(outer)  # not reset(token): a coroutine may be closed in another context

    def _value(self, scope: Scope, milliseconds: float, spans: list[Span] | None) -> bytes:
        value = server_timing.total(milliseconds)
        if not spans or not (self._level == "all" or self._exposes(scope)):
            return value
        return server_timing.with_spans(value, spans)

    def _exposes(self, scope: Scope) -> bool:
        try:
            answer: Any = self._expose is not None and self._expose(scope)
        except Exception as error:  # noqa: BLE001  # a broken hook exposes nothing, and never breaks the request
            answer = error
        if isinstance(answer, bool):
            return answer
        if not self._reported:
            self._reported = True
            what = "raised" if isinstance(answer, Exception) else "returned"
            logger.error("timing: expose %s %s; no spans are shown. Reported once.", what, type(answer).__name__)
        return False


class _Responder(Responder):
    """Takes the time when the response starts."""

    __slots__ = ("began", "middleware", "scope", "spans")

    middleware: TimingMiddleware
    scope: Scope
    spans: list[Span] | None
    began: float

    def edit(self, start: Message) -> None:
        took = (self.middleware._clock() - self.began) * 1000
        value = self.middleware._value(self.scope, took, self.spans)
        start["headers"].append((b"server-timing", value))
