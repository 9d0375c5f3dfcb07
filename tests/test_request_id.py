"""`request_id`: where the ID is in the request that the application sees."""

import contextvars
import copy
from collections.abc import Callable
from typing import Any

import pytest

from asgi_middleware import RequestIDMiddleware, get_request_id

from . import apps
from .asgi import drive, http
from .identified import ask, numbered

LINES: list[tuple[str, list[tuple[str, str]], str, list[tuple[bytes, bytes]]]] = [
    ("there is none", [("host", "a")], "made-1", [(b"host", b"a"), (b"x-request-id", b"made-1")]),
    (
        "a good one stays where and as it is",
        [("X-Request-Id", "good"), ("host", "a")],
        "good",
        [(b"X-Request-Id", b"good"), (b"host", b"a")],
    ),
    (
        "a bad one is replaced",
        [("X-Request-ID", "no good"), ("host", "a")],
        "made-1",
        [(b"host", b"a"), (b"x-request-id", b"made-1")],
    ),
    (
        "two that differ become one of ours",
        [("x-request-id", "a"), ("host", "a"), ("x-request-id", "b")],
        "made-1",
        [(b"host", b"a"), (b"x-request-id", b"made-1")],
    ),
    (
        "two that are equal, in two cases, become one of ours",
        [("X-REQUEST-ID", "a"), ("host", "a"), ("x-request-id", "a")],
        "made-1",
        [(b"host", b"a"), (b"x-request-id", b"made-1")],
    ),
    (
        "a good one and an empty one become one of ours",
        [("x-request-id", "a"), ("x-request-id", "")],
        "made-1",
        [(b"x-request-id", b"made-1")],
    ),
    (
        "a header of nearly the name is another header",
        [("x_request_id", "a"), ("x-request-id-", "b"), ("x-request-i", "c")],
        "made-1",
        [(b"x_request_id", b"a"), (b"x-request-id-", b"b"), (b"x-request-i", b"c"), (b"x-request-id", b"made-1")],
    ),
]


@pytest.mark.parametrize(("sentence", "sent", "value", "inner"), LINES, ids=[row[0] for row in LINES])
def test_the_inner_request_carries_one_id(
    sentence: str, sent: list[tuple[str, str]], value: str, inner: list[tuple[bytes, bytes]]
) -> None:
    exchange, scope = ask(sent)
    assert scope["headers"] == inner
    assert scope["request_id"] == value
    assert exchange.headers == [("content-type", "text/plain"), ("x-request-id", value)]


@pytest.mark.parametrize(("sentence", "sent", "value", "inner"), LINES, ids=[row[0] for row in LINES])
def test_behind_another_of_ours_the_answer_is_the_same(
    sentence: str, sent: list[tuple[str, str]], value: str, inner: list[tuple[bytes, bytes]]
) -> None:
    app, scopes = apps.remembers()
    wrapped = RequestIDMiddleware(app, generator=numbered())
    drive(RequestIDMiddleware(wrapped, header="x-outer", request_header=False), http(headers=sent))
    assert (scopes[0]["headers"], scopes[0]["request_id"]) == (inner, value)


HEADERS: list[tuple[str, Callable[[], Any], str, list[Any]]] = [
    ("none", lambda: None, "made-1", [(b"x-request-id", b"made-1")]),
    ("an empty list", list, "made-1", [(b"x-request-id", b"made-1")]),
    ("an empty tuple", tuple, "made-1", [(b"x-request-id", b"made-1")]),
    ("a tuple of lists", lambda: ([b"x-request-id", b"b c"],), "made-1", [(b"x-request-id", b"made-1")]),
    ("an iterator", lambda: iter([(b"x-request-id", b"good")]), "good", [(b"x-request-id", b"good")]),
    ("an iterator with a bad one", lambda: iter([(b"X-Request-ID", b"")]), "made-1", [(b"x-request-id", b"made-1")]),
]


@pytest.mark.parametrize(("sentence", "make", "value", "inner"), HEADERS, ids=[row[0] for row in HEADERS])
def test_request_headers_may_be(sentence: str, make: Callable[[], Any], value: str, inner: list[Any]) -> None:
    app, scopes = apps.remembers()
    scope = http()
    scope["headers"] = make()
    exchange = drive(RequestIDMiddleware(app, generator=numbered()), scope)
    assert exchange.headers == [("content-type", "text/plain"), ("x-request-id", value)]
    assert (scopes[0]["request_id"], scopes[0]["headers"]) == (value, inner)


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_a_scope_of_nothing_but_its_type_will_do(kind: str) -> None:
    app, scopes = apps.remembers()
    scope = {"type": kind}
    assert drive(RequestIDMiddleware(app, generator=numbered()), scope).error is None
    assert scope == {"type": kind}
    assert scopes == [{"type": kind, "request_id": "made-1", "headers": [(b"x-request-id", b"made-1")]}]


def test_the_given_scope_is_not_changed_even_where_it_has_a_request_id() -> None:
    app, scopes = apps.remembers()
    scope = http(headers=[("x-request-id", "a"), ("x-request-id", "b")], request_id="the server's")
    before = copy.deepcopy(scope)
    drive(RequestIDMiddleware(app, generator=numbered()), scope)
    assert scope == before
    assert scopes[0] == {**before, "request_id": "made-1", "headers": [(b"x-request-id", b"made-1")]}


def test_another_header_is_read_and_written_in_lower_case() -> None:
    exchange, scope = ask([("x-request-id", "not this"), ("X-CORRELATION-ID", "this")], header="X-Correlation-ID")
    assert exchange.headers == [("content-type", "text/plain"), ("x-correlation-id", "this")]
    assert scope["request_id"] == "this"
    assert scope["headers"] == [(b"x-request-id", b"not this"), (b"X-CORRELATION-ID", b"this")]


def test_without_request_header_the_app_gets_the_very_headers() -> None:
    app, scopes = apps.remembers()
    scope = http(headers=[("x-request-id", "no good")])
    drive(RequestIDMiddleware(app, generator=numbered(), request_header=False), scope)
    assert scopes[0]["headers"] is scope["headers"]
    assert scopes[0]["request_id"] == "made-1"


def test_without_response_header_the_app_gets_the_very_send() -> None:
    given: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        given.extend((receive, send))

    async def receive() -> Any: ...

    async def send(message: Any) -> None: ...

    coroutine = RequestIDMiddleware(app, response_header=False)(http(), receive, send)
    with pytest.raises(StopIteration):
        coroutine.send(None)
    assert given == [receive, send]
    exchange, _ = ask([("x-request-id", "good")], response_header=False)
    assert exchange.headers == [("content-type", "text/plain")]


@pytest.mark.parametrize("kind", ["lifespan", "invented.later"])
def test_other_scopes_have_no_id(kind: str) -> None:
    given: list[Any] = []

    async def app(*arguments: Any) -> None:
        given.extend((*arguments, get_request_id()))

    async def receive() -> Any: ...

    async def send(message: Any) -> None: ...

    scope = {"type": kind}
    coroutine = RequestIDMiddleware(app)(scope, receive, send)
    with pytest.raises(StopIteration):
        contextvars.Context().run(coroutine.send, None)
    assert given == [scope, receive, send, None]
    assert given[0] is scope
    assert scope == {"type": kind}
