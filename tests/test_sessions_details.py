"""`sessions` to the letter: what no other test tells from its neighbours."""

import functools
import inspect
import secrets
import time
from collections.abc import Callable
from typing import Any

import pytest

from asgi_middleware.exceptions import ConfigError
from asgi_middleware.sessions import Session, SessionMiddleware, content
from asgi_middleware.sessions.stores.memory import MemoryStore
from asgi_middleware.sessions.stores.sqlite import SQLiteStore

from .apps import start
from .asgi import drive, http
from .baking import KEPT, NO_STORE, NOW, VARY, baked, cookies, saved, signed, visit, wrap


def test_what_takes_the_place_of_a_deletion_that_was_not_sent_is_sent() -> None:
    """Even if it is what came: nobody knows what the client has heard."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"].clear()
        with pytest.raises(OSError, match="not sent"):
            await send(start(headers=[]))
        scope["session"]["a"] = 1
        await send(start(headers=[]))

    middleware = wrap(app)

    async def losing_the_first(scope: Any, receive: Any, send: Any) -> None:
        lost = [OSError("not sent")]

        async def send_later(message: Any) -> None:
            if lost:
                raise lost.pop()
            await send(message)

        await middleware(scope, receive, send_later)

    exchange = drive(losing_the_first, http(headers=cookies(baked({"a": 1}))))
    assert (exchange.error, exchange.headers) == (None, saved({"a": 1}))


def test_what_has_no_json_form_is_told_with_its_place_and_the_reason() -> None:
    exchange = visit(lambda session: session.update(a=[{1}]))
    assert repr(exchange.error) == (
        "TypeError(\"session['a'][0] cannot be kept in a session: "
        'TypeError: Object of type set is not JSON serializable")'
    )


def test_what_is_too_deep_to_be_compared_is_sent_again_in_a_new_term(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As it came: it was only read, and nothing is lost."""

    def too_deep(value: object) -> str:
        raise RecursionError

    monkeypatch.setattr(content, "_encode", too_deep)
    exchange = visit(lambda session: session.get("a"), signed(b'{"a":[]}', now=NOW - 200_000), rolling=True)
    again = signed(b'{"a":[]}\n%d' % (NOW - 200_000))
    assert (exchange.error, exchange.headers) == (None, [NO_STORE, ("set-cookie", f"session={again}{KEPT}"), VARY])
    assert caplog.messages == []


def test_the_defaults() -> None:
    parameters = inspect.signature(SessionMiddleware).parameters
    assert {name: each.default for name, each in parameters.items() if each.default is not each.empty} == {
        "session_cookie": "session",
        "max_age": 1_209_600,
        "path": "/",
        "same_site": "lax",
        "https_only": "auto",
        "domain": None,
        "partitioned": False,
        "store": None,
        "encrypt": False,
        "rolling": False,
        "absolute_timeout": None,
        "on_store_error": "raise",
        "store_timeout": 5.0,
        "validate": None,
        "accept_starlette": False,
        "scope_key": "session",
        "clock": time.time,
        "token_bytes": secrets.token_bytes,
    }
    assert SessionMiddleware.middleware_kind == "sessions"
    assert inspect.signature(MemoryStore).parameters["most"].default == 10_000


async def later() -> float:
    return 0.0


@pytest.mark.parametrize("make", [MemoryStore, functools.partial(SQLiteStore, "sessions.db")], ids=["memory", "sqlite"])
def test_the_clock_of_a_store_answers_at_once(make: Callable[..., object]) -> None:
    with pytest.raises(ConfigError, match="clock: an async function: must answer at once; pass a plain function"):
        make(clock=later)


def save_alone(session: Session) -> None:
    session.save().send(None)


REFUSED: list[tuple[str, Callable[[Any], object], str]] = [
    (
        "an empty subject",
        lambda session: setattr(session, "subject", ""),
        'TypeError("a session\'s subject is text that is not empty, or None")',
    ),
    (
        "an expiry of nothing",
        lambda session: session.set_expiry(0),
        'ValueError("a session\'s expiry is a whole number of seconds, one or more, or None")',
    ),
    ("a key that is not there", lambda session: session["b"], "KeyError('b')"),
    (
        "one that was made alone, saved",
        save_alone,
        "RuntimeError('this session was made on its own, so there is nowhere to save it')",
    ),
]


@pytest.mark.parametrize(("sentence", "use", "told"), REFUSED, ids=[row[0] for row in REFUSED])
def test_what_a_session_refuses(sentence: str, use: Callable[[Any], object], told: str) -> None:
    with pytest.raises((TypeError, ValueError, KeyError, RuntimeError)) as caught:
        use(Session(a=1))
    assert repr(caught.value) == told


@pytest.mark.parametrize("store", [None, "memory:"])
def test_what_it_refuses_once_the_response_has_started(store: str | None) -> None:
    told: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start(headers=[]))
        session = scope["session"]
        with pytest.raises(RuntimeError) as caught:
            session.regenerate()
        told.append(str(caught.value))
        session["a"] = 1
        with pytest.raises(RuntimeError) as caught:
            await session.save()
        told.append(str(caught.value))

    assert drive(wrap(app, store=store)).error is None
    assert told == [
        "a session is regenerated before the response starts: its new ID travels with it",
        "the response has started, so the session's cookie cannot reach the client"
        if store is None
        else "the response has started, so the cookie of a new session cannot reach the client",
    ]
