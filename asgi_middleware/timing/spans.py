"""Spans: what an application measures inside a request, with `measure` and `add`."""

import functools
import inspect
import math
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeVar

from .. import _headers

# Beyond these a header helps nobody and some proxies refuse it; and a WebSocket may measure for ever.
MOST_METRICS = 32

_Function = TypeVar("_Function", bound=Callable[..., Any])

# name, description or None, milliseconds
Noted = tuple[str, str | None, float]
# The list of the request under way; None where nobody will look at it.
collected: ContextVar[list[Noted] | None] = ContextVar("asgi_middleware.timing", default=None)


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
    _note(collected.get(), name, desc, abs(duration))


class measure:  # noqa: N801  # reads as the verb that it is, like contextlib's suppress
    """Measure a block, or a function, of the request under way: `with`, `async with`, or decorator.

    One object measures one block at a time; as a decorator it serves any number of calls. `name` is a token
    (RFC 9110, 5.6.2), `desc` any text. Outside of a request nothing comes of it; what ends after the response has
    started reaches the sinks, and not the header.
    ValueError for a name that is not a token; TypeError for a generator function, which ends before its work does.
    """

    __slots__ = ("_began", "_spans", "desc", "name")

    _began: float
    _spans: list[Noted] | None  # of the request in which the block has begun

    def __init__(self, name: str, desc: str | None = None) -> None:
        _check(name, desc)
        self.name = name
        self.desc = desc

    def __enter__(self) -> "measure":
        self._spans = collected.get()
        if self._spans is not None:
            self._began = time.perf_counter()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._spans is not None:
            _note(self._spans, self.name, self.desc, (time.perf_counter() - self._began) * 1000)

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
            spans = collected.get()
            if spans is None:
                return await function(*args, **kwargs)
            began = time.perf_counter()
            try:
                return await function(*args, **kwargs)
            finally:
                _note(spans, name, desc, (time.perf_counter() - began) * 1000)

        @functools.wraps(function)
        def measured(*args: Any, **kwargs: Any) -> Any:
            spans = collected.get()
            if spans is None:
                return function(*args, **kwargs)
            began = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                _note(spans, name, desc, (time.perf_counter() - began) * 1000)

        # of an object that can be called, that of its class says it
        awaited = any(map(inspect.iscoroutinefunction, (function, type(function).__call__)))
        return measured_async if awaited else measured  # type: ignore[return-value]  # pyright: ignore[reportReturnType]  # same signature, by functools.wraps


def _note(spans: list[Noted] | None, name: str, desc: str | None, milliseconds: float) -> None:
    if spans is not None and len(spans) < MOST_METRICS:
        spans.append((name, desc, milliseconds))


def _check(name: object, desc: object) -> None:
    if not (isinstance(name, str) and _headers.is_token(name)):
        raise ValueError(f"{name!r} is no token; use letters, digits, `-`, `_` and `.`, such as 'db.read'")
    if not (desc is None or isinstance(desc, str)):
        raise ValueError(f"the description of {name!r} is no text but {type(desc).__name__}")
