"""Sessions of WebSockets, of scopes that have none, and changes that come too late."""

import logging
from collections.abc import Callable
from typing import Any

import pytest

from .apps import accepts, denies, sends, silent, start
from .asgi import App, Message, drive, http, websocket
from .baking import (
    DELETED,
    KEPT,
    VARY,
    Mapping,
    Use,
    add,
    baked,
    cookies,
    nothing,
    saved,
    using,
    wrap,
    writing_before,
)

# --- WebSockets ---------------------------------------------------------------------------------------------------


SOCKETS: list[tuple[str, Callable[[], App], Use, list[tuple[str, str]]]] = [
    ("an accept after a write", accepts, add, saved({"b": [], "a": 1})),
    ("an accept after a read", accepts, len, [VARY]),
    ("an accept after nothing", accepts, nothing, []),
    ("an accept after a change inside", accepts, lambda s: s["b"].append(1), saved({"b": [1]})),
    ("an accept after a clear", accepts, lambda s: s.clear(), DELETED),
    (
        "an accept with headers of its own",
        lambda: accepts(headers=((b"x-own", b"1"),), subprotocol="chat"),
        add,
        [*saved({"b": [], "a": 1}), ("x-own", "1")],
    ),
    ("a denial after a write", denies, add, sorted([*saved({"b": [], "a": 1}), ("content-type", "text/plain")])),
    ("a denial after a read", denies, len, [("content-type", "text/plain"), VARY]),
    ("a denial after nothing", denies, nothing, [("content-type", "text/plain")]),
]


@pytest.mark.parametrize(("sentence", "make", "use", "headers"), SOCKETS, ids=[row[0] for row in SOCKETS])
def test_websocket(sentence: str, make: Callable[[], App], use: Use, headers: list[tuple[str, str]]) -> None:
    exchange = drive(wrap(writing_before(make(), use)), websocket(headers=cookies(baked({"b": []}))))
    assert exchange.error is None
    assert exchange.headers == headers


def test_a_secure_websocket_gets_a_secure_cookie() -> None:
    exchange = drive(wrap(writing_before(accepts(subprotocol="chat"), add)), websocket(scheme="wss"))
    assert exchange.sent == [
        {
            "type": "websocket.accept",
            "subprotocol": "chat",
            "headers": [
                (b"vary", b"Cookie"),
                (b"cache-control", b"no-store"),
                (b"set-cookie", f"session={baked({'a': 1})}{KEPT}; secure".encode()),
            ],
        }
    ]


def test_a_websocket_closed_before_it_is_accepted_gets_what_the_app_sent() -> None:
    close = {"type": "websocket.close", "code": 1000, "reason": "no"}
    exchange = drive(wrap(writing_before(sends(close), add)), websocket())
    assert (exchange.error, exchange.sent) == (None, [close])


def test_a_websocket_messages_are_passed_on() -> None:
    messages = [{"type": "websocket.connect"}, {"type": "websocket.receive", "text": "hi"}]
    exchange = drive(wrap(accepts()), websocket(headers=cookies(baked({"a": 1}))), messages)
    assert exchange.sent == [{"type": "websocket.accept"}, {"type": "websocket.send", "text": "hi"}]


@pytest.mark.parametrize("kind", ["lifespan", "webtransport", "http2.later"])
def test_other_scopes_pass_through_untouched(kind: str) -> None:
    seen: list[Any] = []

    async def app(*arguments: Any) -> None:
        seen.extend(arguments)

    async def receive() -> Message:
        raise AssertionError("nothing is received")

    async def send(message: Message) -> None:
        raise AssertionError("nothing is sent")

    scope = {"type": kind}
    with pytest.raises(StopIteration):
        wrap(app)(scope, receive, send).send(None)
    assert [one is other for one, other in zip(seen, (scope, receive, send), strict=True)] == [True] * 3
    assert scope == {"type": kind}


# --- Changes that come too late -----------------------------------------------------------------------------------

OPENINGS: list[tuple[str, Message, Callable[..., Mapping]]] = [
    ("a response", start(headers=[]), http),
    ("an accept", {"type": "websocket.accept"}, websocket),
    ("a denial", {"type": "websocket.http.response.start", "status": 403, "headers": []}, websocket),
]

LATE: list[tuple[str, Use, Use, bool]] = [
    ("a write", nothing, add, True),
    ("a second write", add, lambda s: s.update(c=1), True),
    ("a clear", nothing, lambda s: s.clear(), True),
    ("what has no JSON form, in a list", lambda s: s.update(a=[]), lambda s: s["a"].append(object()), True),
    ("mark_modified", nothing, lambda s: s.mark_modified(), True),
    ("a change inside", lambda s: s["b"], lambda s: s["b"].append(1), True),
    ("a change inside what was written", lambda s: s.update(c=[]), lambda s: s["c"].append(1), True),
    ("a change inside a tuple that was written", lambda s: s.update(c=([],)), lambda s: s["c"][0].append(1), True),
    ("a change inside what was not read before", nothing, lambda s: s["b"].append(1), True),
    ("a read", add, len, False),
    ("a pop of a missing key", add, lambda s: s.pop("missing", None), False),
    ("nothing", add, nothing, False),
    ("nothing after a deletion", lambda s: s.destroy(), nothing, False),
    ("a write after a deletion", lambda s: s.destroy(), add, True),
    ("nothing at all", nothing, nothing, False),
]


@pytest.mark.parametrize(("opening", "message", "scope"), OPENINGS, ids=[row[0] for row in OPENINGS])
@pytest.mark.parametrize(("sentence", "before", "after", "logged"), LATE, ids=[row[0] for row in LATE])
def test_a_change_after_the_start_is_logged_and_never_raised(
    sentence: str,
    before: Use,
    after: Use,
    logged: bool,
    opening: str,
    message: Message,
    scope: Callable[..., Mapping],
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        before(scope["session"])
        await send(message)
        after(scope["session"])

    value = baked({"b": []})
    middleware = wrap(app)
    exchange = drive(middleware, scope(headers=cookies(value)))
    assert (exchange.error, len(exchange.sent)) == (None, 1)
    warned = [(record.name, record.levelno) for record in caplog.records]
    assert warned == ([("asgi_middleware.sessions", logging.WARNING)] if logged else [])
    lost = "the session was changed after the response had started; the change is lost"
    assert [record.getMessage() for record in caplog.records] == [lost] * logged
    assert value not in caplog.text


def test_an_exception_of_the_app_travels_on_and_leaves_nothing_behind() -> None:
    error = RuntimeError("mine")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        add(scope["session"])
        raise error

    middleware = wrap(app)
    exchange = drive(middleware)
    assert (exchange.error, exchange.sent) == (error, [])


def test_a_client_that_has_gone_is_the_apps_to_see() -> None:
    gone = OSError("gone")
    assert drive(wrap(using(add)), send_fails=gone).error is gone


def test_an_app_that_never_answers_is_no_error() -> None:
    exchange = drive(wrap(writing_before(silent(), add)))
    assert (exchange.error, exchange.sent) == (None, [])
