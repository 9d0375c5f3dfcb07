"""What the tests of `request_id` share: generators, functions that fail, one request and what came of it."""

import itertools
from collections.abc import Callable
from typing import Any

from asgi_middleware import RequestIDMiddleware

from . import apps
from .asgi import App, Exchange, drive, http


def numbered(prefix: str = "made") -> Callable[[], str]:
    """A generator option that gives made-1, made-2, ..."""
    count = itertools.count(1)
    return lambda: f"{prefix}-{next(count)}"


def always(value: Any) -> Callable[..., Any]:
    return lambda *_: value


def fails(error: BaseException) -> Callable[..., Any]:
    def function(*_: Any) -> Any:
        raise error

    return function


async def later(value: Any) -> Any:
    return value


def ask(sent: list[tuple[str, str]], **options: Any) -> tuple[Exchange, Any]:
    """One request with these headers, and the scope that the app was given. `made-1` is the ID that we generate."""
    app, scopes = apps.remembers()
    options.setdefault("generator", numbered())
    exchange = drive(RequestIDMiddleware(app, **options), http(headers=sent))
    assert exchange.error is None
    return exchange, scopes[0]


def answered(sent: str, **options: Any) -> str:
    """The ID that a request with this X-Request-ID ends up with, the same in all of the places."""
    exchange, scope = ask([("x-request-id", sent)], **options)
    (value,) = exchange.header("x-request-id")
    assert scope["request_id"] == value
    assert scope["headers"] == [(b"x-request-id", value.encode())]
    return value


def inside(function: Callable[[], Any]) -> App:
    """An app that calls this function, then answers."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        function()
        await apps.text(b"ok")(scope, receive, send)

    return app
