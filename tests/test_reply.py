"""`_reply`: one small complete response, and how each server lets a WebSocket be refused."""

from typing import Any

import pytest

from asgi_middleware._reply import can_deny, reply

from .asgi import CONNECT, drive, http, websocket

TEXT = (b"content-type", b"text/plain; charset=utf-8")
NO = {"status": 403, "body": b"no"}


def answer(prefix: str, *headers: tuple[bytes, bytes], status: int = 403, body: bytes = b"no") -> list[Any]:
    return [
        {"type": f"{prefix}http.response.start", "status": status, "headers": list(headers)},
        {"type": f"{prefix}http.response.body", "body": body},
    ]


GONE = {"type": "websocket.disconnect", "code": 1006}
CLOSED = [{"type": "websocket.close", "code": 1008}]

# Which scope, what the server gives, what is asked for, and all that is sent.
REPLIES: list[tuple[str, dict[str, Any], list[Any], dict[str, Any], list[Any]]] = [
    ("plain text", http(), [], NO, answer("", TEXT, (b"content-length", b"2"))),
    (
        "another type, and more headers",
        http(),
        [],
        {"status": 200, "body": b"{}!", "content_type": b"application/json", "headers": [(b"vary", b"Origin")]},
        answer(
            "",
            (b"content-type", b"application/json"),
            (b"content-length", b"3"),
            (b"vary", b"Origin"),
            status=200,
            body=b"{}!",
        ),
    ),
    ("HEAD: the headers of GET", http(method="HEAD"), [], NO, answer("", TEXT, (b"content-length", b"2"), body=b"")),
    ("a request without a method", http(method=None), [], NO, answer("", TEXT, (b"content-length", b"2"))),
    ("a denial", websocket(), [CONNECT], NO, answer("websocket.", TEXT, (b"content-length", b"2"))),
    ("a close, where no denial is offered", websocket(extensions={"tls": {}}), [CONNECT], NO, CLOSED),
    ("a close, where there are no extensions", websocket(extensions=None), [CONNECT], NO, CLOSED),
    ("nobody to tell", websocket(), [GONE], NO, []),
]


@pytest.mark.parametrize(
    ("sentence", "scope", "messages", "asked", "expected"), REPLIES, ids=[row[0] for row in REPLIES]
)
def test_reply(
    sentence: str, scope: dict[str, Any], messages: list[Any], asked: dict[str, Any], expected: list[Any]
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await reply(scope, receive, send, **asked)

    exchange = drive(app, scope, messages)
    assert (exchange.error, exchange.sent, exchange.received) == (None, expected, len(messages))


def test_a_list_of_extensions_of_none_offers_nothing() -> None:
    assert not can_deny({"type": "websocket", "extensions": None})
