"""`AuthMiddleware` and WebSockets."""

from typing import Any

import pytest

from asgi_middleware import AuthMiddleware
from asgi_middleware.auth import Basic

from . import apps
from .asgi import Message, drive, websocket
from .authenticating import (
    BASIC,
    BEARER,
    CLOSED,
    CONNECT,
    FORGED,
    GOOD,
    NOBODY,
    Claims,
    denied,
    never,
    shown_error,
)
from .tokens import (
    EXPIRED,
    NOW,
    SIGNATURE,
    bad_token,
    claiming,
    refusal,
)

# --- WebSockets

SOCKETS: list[tuple[str, list[tuple[str, str]], dict[str, Any], list[Message], list[Message]]] = [
    ("nobody, denied", [], {}, [CONNECT], denied(NOBODY)),
    ("nobody, no extension", [], {"extensions": {}}, [CONNECT], CLOSED),
    ("nobody, no extensions at all", [], {"extensions": None}, [CONNECT], CLOSED),
    ("nobody, and gone already", [], {}, [{"type": "websocket.disconnect", "code": 1006}], []),
    ("nobody, and gone already, no extension", [], {"extensions": {}}, [{"type": "websocket.disconnect"}], []),
    (
        "a bad token, denied",
        [("authorization", f"Bearer {FORGED}")],
        {},
        [CONNECT],
        denied(bad_token(SIGNATURE)),
    ),
    (
        "an expired token, denied",
        [("authorization", f"Bearer {claiming(exp=NOW - 60).decode()}")],
        {},
        [CONNECT],
        denied(bad_token(EXPIRED)),
    ),
    (
        "a bad token, no extension",
        [("authorization", f"Bearer {FORGED}")],
        {"extensions": {"tls": {}}},
        [CONNECT],
        CLOSED,
    ),
    (
        "a token in the subprotocol, which nobody asked for",
        [("sec-websocket-protocol", f"bearer, {GOOD}")],
        {"subprotocols": ["bearer", GOOD]},
        [CONNECT],
        denied(NOBODY),
    ),
    (
        "a good token",
        [("authorization", f"Bearer {GOOD}")],
        {},
        [CONNECT, {"type": "websocket.receive", "text": "hi"}],
        [{"type": "websocket.accept"}, {"type": "websocket.send", "text": "hi"}],
    ),
]


@pytest.mark.parametrize(
    ("sentence", "headers", "changes", "messages", "sent"), SOCKETS, ids=[row[0] for row in SOCKETS]
)
def test_a_websocket(
    sentence: str,
    headers: list[tuple[str, str]],
    changes: dict[str, Any],
    messages: list[Message],
    sent: list[Message],
) -> None:
    scope = websocket("/", headers=headers, **changes)
    exchange = drive(AuthMiddleware(apps.accepts(), BEARER, required=True), scope, messages)
    assert (exchange.error, exchange.sent) == (None, sent)


def test_several_challenges_of_a_denial_are_one_line() -> None:
    """A name that stands twice in a denial response ends a worker of Granian 2.8.7."""
    exchange = drive(AuthMiddleware(apps.accepts(), [BEARER, Basic(check=never)], required=True), websocket())
    assert exchange.sent == denied(refusal(401, "Not authenticated", f"Bearer, {BASIC}"))
    silent = Claims(None)
    silent.scheme = None  # type: ignore[assignment]  # a backend without a scheme
    assert drive(AuthMiddleware(apps.accepts(), silent, required=True), websocket()).header("www-authenticate") == []


def test_on_error_answers_a_websocket_where_denial_is_offered() -> None:
    middleware = AuthMiddleware(apps.accepts(), BEARER, shown_error, required=True)
    exchange = drive(middleware, websocket("/x"))
    assert (exchange.error, exchange.status, exchange.header("x-from")) == (None, 418, ["on_error"])
    assert [message["type"] for message in exchange.sent] == [
        "websocket.http.response.start",
        "websocket.http.response.body",
    ]
    assert drive(middleware, websocket("/x", extensions={})).sent == CLOSED
