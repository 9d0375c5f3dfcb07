"""`LintMiddleware` finds fault with anything, and fails on nothing: every key of every message and scope, garbled."""

from typing import Any

import pytest

from asgi_middleware import LintMiddleware

from . import apps
from .asgi import CONNECT, REQUEST, step
from .lint_rows import (
    ACCEPT,
    CLOSE,
    COMPLETE,
    DEBUG,
    DENIAL,
    DENIAL_BODY,
    END,
    GONE,
    HELLO,
    HINT,
    LIFESPAN,
    PUSH,
    SENT,
    STARTUP,
    after_accept,
    answers,
    broken_rules,
    file,
    full,
    path,
    receives,
    socket,
    start,
    trailers,
)

GARBAGE: list[Any] = [
    *(None, True, 5, 2**64, -1.5, float("nan"), "x", "\ud800", b"\xff", bytearray(b"x"), object(), int),
    *([], [5], ["a", "b"], [(b"a",)], [(b"content-length", b"9" * 5000)], [[b"a", None]], {}, {5: 5}, {"a": [{}]}),
    *(iter(()), {b"a"}, memoryview(b"x")),
]

SENT_HTTP = [
    {**start(trailers=True), "novel": 1},
    END,
    trailers(more_trailers=False),
    path(),
    file(offset=0, count=1, more_body=False),
    PUSH,
    HINT,
    DEBUG,
]
SENT_WEBSOCKET = [{**ACCEPT, "subprotocol": "chat", "headers": []}, {**SENT, "bytes": None}, CLOSE, DENIAL, DENIAL_BODY]
RECEIVED: list[Any] = [(REQUEST, full(), receives(2)), (CONNECT, socket(), after_accept(1))]


def garbled(whole: dict[str, Any]) -> list[dict[str, Any]]:
    """The same, each key in turn with each kind of garbage, and without it."""
    found = [{**whole, key: value} for key in whole for value in GARBAGE]
    return [*found, *({name: whole[name] for name in whole if name != key} for key in whole)]


@pytest.mark.parametrize("message", SENT_HTTP, ids=lambda message: str(message["type"]))
def test_what_is_sent_in_http(message: Any) -> None:
    for wrong in (*garbled(message), *GARBAGE):
        broken_rules(apps.sends(wrong), full())
        broken_rules(apps.sends(start(trailers=True), wrong, END, wrong), full())


@pytest.mark.parametrize("message", SENT_WEBSOCKET, ids=lambda message: str(message["type"]))
def test_what_is_sent_in_a_websocket(message: Any) -> None:
    for wrong in (*garbled(message), *GARBAGE):
        broken_rules(answers(wrong, wrong), socket())
        broken_rules(answers(ACCEPT, wrong), socket())
        broken_rules(answers(DENIAL, wrong), socket())


def test_what_is_sent_in_a_lifespan() -> None:
    for wrong in (*garbled({**COMPLETE, "message": "x"}), *GARBAGE):
        broken_rules(answers(wrong, wrong), LIFESPAN, [STARTUP])


@pytest.mark.parametrize("garbage", GARBAGE, ids=lambda garbage: type(garbage).__name__)
def test_what_is_received(garbage: Any) -> None:
    for scope in (full(), socket(), LIFESPAN):
        for message in (REQUEST, CONNECT, {**HELLO, "bytes": None}, {**GONE, "reason": ""}, STARTUP):
            for wrong in (*({**message, key: garbage} for key in message), garbage):
                broken_rules(receives(1), dict(scope), [wrong])
                broken_rules(receives(2), dict(scope), [message, wrong])


@pytest.mark.parametrize("key", [*full(), "subprotocols"])
def test_a_key_of_a_scope(key: str) -> None:
    for garbage in GARBAGE:
        broken_rules(answers(DEBUG, start(), END), full(**{key: garbage}))
        broken_rules(answers({**ACCEPT, "subprotocol": "chat"}, CLOSE), socket(**{key: garbage}))
        broken_rules(answers(DENIAL, DENIAL_BODY), socket(**{key: garbage}))
        broken_rules(answers(), {**LIFESPAN, key: garbage}, [STARTUP])
        broken_rules(answers(start(), END), full(extensions={"tls": {"client_cert_chain": garbage}, "a": garbage}))


@pytest.mark.parametrize("garbage", GARBAGE, ids=lambda garbage: type(garbage).__name__)
def test_a_scope_that_is_none(garbage: Any) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        """Has nothing to say to that."""

    found: list[str] = []
    step(LintMiddleware(app, mode=lambda violation: found.append(violation.rule))(garbage, app, app))  # type: ignore[arg-type]  # never called
    assert found[:1] == (["scope-type"] if garbage in ({}, {"a": [{}]}) else ["scope-dict"])
