"""How long a response took, in the Server-Timing header that every browser's network panel shows.

    from asgi_middleware import TimingMiddleware, measure

    app = TimingMiddleware(app)                        # Server-Timing: total;dur=12.3

    with measure("db", desc="orders"):                 # anywhere inside the request, sync or async
        rows = await fetch()

Stands inside the request ID and outside everything that it is to measure. `total` is the time from the request's
arrival here to the start of the response, on `time.perf_counter`. It never adds Timing-Allow-Origin: other origins
see nothing unless the application says so. The application's own Server-Timing lines stay; ours is a line of its own.

Names of spans tell how an application is built, so by default only `total` leaves the house.

Format: W3C Server Timing (https://www.w3.org/TR/server-timing/), on RFC 9110 tokens and quoted strings.
"""

import functools
import inspect
import logging
import math
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Literal, TypeVar

from . import _headers
from ._options import Options
from ._responder import Responder
from ._scope import extend
from ._types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["TimingMiddleware", "add", "measure"]

logger = logging.getLogger("asgi_middleware.timing")

# Beyond these a header helps nobody and some proxies refuse it.
_MOST_METRICS = 32
_LONGEST = 2048  # bytes of one Server-Timing value

_Function = TypeVar("_Function", bound=Callable[..., Any])

# name, description or None, milliseconds
_Span = tuple[str, str | None, float]
_spans: ContextVar[list[_Span] | None] = ContextVar("asgi_middleware.timing", default=None)


def add(name: str, milliseconds: float, desc: str | None = None) -> None:
    """Add a span measured elsewhere to the request under way; nothing happens outside of one.

    `name` is a token (RFC 9110, 5.6.2), `desc` any text. ValueError for another name, or a duration that is negative
    or not finite.
    """
    _check(name, desc)
    try:
        duration = float(milliseconds)
    except (TypeError, ValueError, OverflowError):
        duration = math.nan
    if not (math.isfinite(duration) and duration >= 0):
        raise ValueError(f"{type(milliseconds).__name__} that is no duration; give milliseconds, 0 or more")
    spans = _spans.get()
    if spans is not None and len(spans) < _MOST_METRICS:
        spans.append((name, desc, abs(duration)))


class measure:  # noqa: N801  # reads as the verb that it is, like contextlib's suppress
    """Measure a block, or a function, of the request under way: `with`, `async with`, or decorator.

    One object measures one block at a time; as a decorator it serves any number of calls. `name` is a token
    (RFC 9110, 5.6.2), `desc` any text. Outside of a request, and after the response has started, nothing comes of it.
    ValueError for a name that is not a token; TypeError for a generator function, which ends before its work does.
    """

    __slots__ = ("_began", "desc", "name")

    def __init__(self, name: str, desc: str | None = None) -> None:
        _check(name, desc)
        self.name = name
        self.desc = desc
        self._began = 0.0

    def __enter__(self) -> "measure":
        self._began = time.perf_counter()
        return self

    def __exit__(self, *exception: object) -> None:
        add(self.name, (time.perf_counter() - self._began) * 1000, self.desc)

    async def __aenter__(self) -> "measure":
        return self.__enter__()

    async def __aexit__(self, *exception: object) -> None:
        self.__exit__()

    def __call__(self, function: _Function) -> _Function:
        name, desc = self.name, self.desc
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(f"{function!r} is a generator; write `with measure(...)` inside of it")

        @functools.wraps(function)
        async def measured_async(*args: Any, **kwargs: Any) -> Any:
            with measure(name, desc):
                return await function(*args, **kwargs)

        @functools.wraps(function)
        def measured(*args: Any, **kwargs: Any) -> Any:
            with measure(name, desc):
                return function(*args, **kwargs)

        return measured_async if inspect.iscoroutinefunction(function) else measured  # type: ignore[return-value]  # pyright: ignore[reportReturnType]  # same signature, by functools.wraps


def _check(name: object, desc: object) -> None:
    if not (isinstance(name, str) and _headers.is_token(name)):
        raise ValueError(f"{name!r} is no token; use letters, digits, `-`, `_` and `.`, such as 'db.read'")
    if not (desc is None or isinstance(desc, str)):
        raise ValueError(f"the description of {name!r} is no text but {type(desc).__name__}")


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
        spans: list[_Span] = []
        responder.spans = spans
        outer = _spans.get()
        _spans.set(spans)
        if self._expose is not None:
            # a copy of ours, so that `expose` sees what the middlewares inside add to it
            responder.scope = scope = extend(scope)
        try:
            await self.app(scope, receive, responder.send)
        finally:
            _spans.set(outer)  # not reset(token): a coroutine may be closed in another context

    def _value(self, scope: Scope, milliseconds: float, spans: list[_Span] | None) -> bytes:
        """The value of the header. The clock may have gone back on a strange machine: then 0."""
        value = b"total;dur=%.2f" % max(milliseconds, 0.0)
        if not spans or not (self._level == "all" or self._exposes(scope)):
            return value
        for name, desc, took in spans[: _MOST_METRICS - 1]:
            described = "" if desc is None else f";desc={_headers.quoted(desc)}"
            metric = f", {name}{described};dur={took:.2f}".encode("ascii")
            if len(value) + len(metric) > _LONGEST:
                break
            value += metric
        return value

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
    spans: list[_Span] | None
    began: float

    def edit(self, start: Message) -> None:
        took = (self.middleware._clock() - self.began) * 1000
        value = self.middleware._value(self.scope, took, self.spans)
        start["headers"].append((b"server-timing", value))
