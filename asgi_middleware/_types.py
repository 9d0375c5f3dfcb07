"""The ASGI vocabulary, typed as loosely as its edge is.

Scopes and messages are `Any` at the boundary: of the precise spellings tried, each one is refused by some host
(`MutableMapping` by Django's handler and asgiref, `dict[str, Any]` by Starlette), while this one checks in all of
them and still catches a `str` handed to one of our bytes helpers.
"""

import inspect
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Protocol, TypeAlias, TypeVar

Scope: TypeAlias = Any
Message: TypeAlias = Any
Receive: TypeAlias = Callable[[], Awaitable[Any]]
Send: TypeAlias = Callable[[Any], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]


class Application(Protocol):
    """An application as it is given away: also to adapters that ask for a coroutine, such as Mangum."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...


Header: TypeAlias = tuple[bytes, bytes]

# The messages that carry response headers: on HTTP, on an accepted WebSocket, and on a refused one.
STARTS = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})


class Strings(Protocol):
    """A collection of strings that is no string itself: `str.__contains__` takes no `object`, so a checker sees it."""

    def __contains__(self, value: object, /) -> bool: ...
    def __iter__(self) -> Iterator[str]: ...
    def __len__(self) -> int: ...


_Function = TypeVar("_Function", bound=Callable[..., Any])


def returns_awaitable(function: _Function) -> _Function:
    """Mark a plain function that returns the awaitable of another one as what it is: something to await.

    Without the mark asgiref's `async_to_sync` warns when it is handed one of our `send` methods. Python 3.11 knows
    only asyncio's older mark.
    """
    if sys.version_info >= (3, 12):
        return inspect.markcoroutinefunction(function)
    from asyncio import coroutines

    function._is_coroutine = coroutines._is_coroutine  # type: ignore[attr-defined]  # pyright: ignore[reportFunctionMemberAccess, reportAttributeAccessIssue]  # asyncio publishes no setter for its mark
    return function
