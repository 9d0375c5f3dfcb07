"""`errors`: what becomes of a WebSocket whose application crashes."""

from collections.abc import Iterable
from typing import Any

import pytest

from asgi_middleware import ErrorsMiddleware

from .apps import accepts, denies, raises
from .asgi import App, drive, websocket
from .crashing import HEADING, HTML, JSON, PAGE, PROBLEM, answer, crash, crashed


def socket_app(error: Exception, *, reads: int, before: Iterable[dict[str, Any]] = ()) -> App:
    """Receives so often, sends these messages, raises."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(reads):
            await receive()
        for message in before:
            await send(message)
        raise error

    return app


NO_DENIAL: dict[str, Any] = {"extensions": {}}
DENIED = answer(JSON, PROBLEM, prefix="websocket.")
CLOSED = [{"type": "websocket.close", "code": 1011}]
ACCEPTED: dict[str, Any] = {"type": "websocket.accept"}
SAID: dict[str, Any] = {"type": "websocket.send", "text": "hello"}
# A sentence, what the scope changes, how often the app receives, what it sends, reraise, what the client gets,
# how often the server is asked.
SOCKETS: list[tuple[str, dict[str, Any], int, list[dict[str, Any]], bool, list[dict[str, Any]], int]] = [
    ("a crash before the handshake was read", {}, 0, [], True, DENIED, 1),
    ("a crash after it was read", {}, 1, [], True, DENIED, 1),
    ("a crash that ends here", {}, 1, [], False, DENIED, 1),
    ("no denial: the server closes", NO_DENIAL, 1, [], True, [], 1),
    ("no denial, and it ends here: close", NO_DENIAL, 1, [], False, CLOSED, 1),
    ("no denial, ends here, handshake not read", NO_DENIAL, 0, [], False, CLOSED, 1),
    ("no extensions at all", {"extensions": None}, 0, [], False, CLOSED, 1),
    ("after accept", {}, 1, [ACCEPTED], True, [ACCEPTED], 1),
    ("after accept and a message", {}, 1, [ACCEPTED, SAID], True, [ACCEPTED, SAID], 1),
    ("after accept, no denial", NO_DENIAL, 1, [ACCEPTED], True, [ACCEPTED], 1),
    ("after accept and a close", {}, 1, [ACCEPTED, *CLOSED], True, [ACCEPTED, *CLOSED], 1),
    ("after a whole denial", {}, 1, DENIED, True, DENIED, 1),
    ("after a close", {}, 1, CLOSED, True, CLOSED, 1),
    ("after a denial began", {}, 1, DENIED[:1], True, DENIED[:1], 1),
]


@pytest.mark.parametrize(
    ("sentence", "changes", "reads", "before", "reraise", "expected", "received"),
    SOCKETS,
    ids=[row[0] for row in SOCKETS],
)
def test_a_crash_of_a_websocket(
    sentence: str,
    changes: dict[str, Any],
    reads: int,
    before: list[dict[str, Any]],
    reraise: bool,
    expected: list[dict[str, Any]],
    received: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    error = crash()
    exchange = crashed(websocket(**changes), socket_app(error, reads=reads, before=before), reraise=reraise)
    assert exchange.sent == expected
    assert exchange.received == received
    assert exchange.error is (error if reraise else None)
    assert [record.exc_info[1] for record in caplog.records if record.exc_info] == ([] if reraise else [error])


def test_after_accept_a_crash_travels_on_even_without_reraise(caplog: pytest.LogCaptureFixture) -> None:
    error = crash()
    exchange = crashed(websocket(), socket_app(error, reads=1, before=[ACCEPTED]), reraise=False)
    assert (exchange.error, exchange.sent, caplog.records) == (error, [ACCEPTED], [])


def test_a_denial_takes_the_form_and_the_id_of_an_answer() -> None:
    scope = websocket(headers=[("accept", "text/html")]) | {"request_id": "7f3c-1"}
    page = PAGE.format(HEADING + "<p>Request ID: <code>7f3c-1</code></p>")
    assert crashed(scope).sent == answer(HTML, page, prefix="websocket.")


@pytest.mark.parametrize("changes", [{}, NO_DENIAL], ids=["denial", "close"])
@pytest.mark.parametrize("reraise", [True, False])
def test_nothing_is_sent_to_a_websocket_client_that_went_before_the_handshake(
    changes: dict[str, Any], reraise: bool
) -> None:
    error = crash()
    exchange = drive(ErrorsMiddleware(raises(error), reraise=reraise), websocket(**changes), [])
    assert (exchange.sent, exchange.error) == ([], error if reraise else None)


@pytest.mark.parametrize("changes", [{}, NO_DENIAL], ids=["denial", "close"])
@pytest.mark.parametrize("reraise", [True, False])
def test_nothing_is_sent_to_a_websocket_client_that_went_before_it_was_accepted(
    changes: dict[str, Any], reraise: bool
) -> None:
    """ASGI, `websocket.disconnect`: the application has been told that there is nobody to close or deny."""
    error = crash()
    exchange = crashed(websocket(**changes), socket_app(error, reads=2), reraise=reraise)
    assert (exchange.sent, exchange.error) == ([], error if reraise else None)


def test_a_websocket_that_does_not_crash_is_left_alone() -> None:
    said = {"type": "websocket.receive", "text": "hello"}
    messages: list[dict[str, Any]] = [{"type": "websocket.connect"}, said]
    exchange = drive(ErrorsMiddleware(accepts(subprotocol="chat")), websocket(), messages)
    assert exchange.sent == [
        {"type": "websocket.accept", "subprotocol": "chat"},
        {"type": "websocket.send", "text": "hello"},
    ]
    assert drive(ErrorsMiddleware(denies()), websocket()).sent == drive(denies(), websocket()).sent
