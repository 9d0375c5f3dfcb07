"""`errors` to the letter: paths and bounds that no other test tells from their neighbours."""

import json
from typing import Any

import pytest

from asgi_middleware import ErrorsMiddleware, RequestIDMiddleware

from .apps import raises, start
from .asgi import App, drive, http, websocket
from .crashing import HTML, JSON, PROBLEM, TEXT, answer, crash, crashed
from .test_errors_debug import LOCAL, by_hand
from .test_errors_websockets import ACCEPTED, CLOSED

ACCEPT: list[tuple[str, str, str]] = [
    ("any application rather than HTML", "text/html;q=0.5, application/*;q=0.9", JSON),
    ("HTML rather than any application", "text/html;q=0.9, application/*;q=0.5", HTML),
    ("plain text rather than any application", "text/plain;q=0.9, application/*;q=0.5", TEXT),
]


@pytest.mark.parametrize(("sentence", "accept", "form"), ACCEPT, ids=[row[0] for row in ACCEPT])
def test_any_application_has_its_weight(sentence: str, accept: str, form: str) -> None:
    assert crashed(http(headers=[("accept", accept)])).header("content-type") == [form]


def test_http_is_given_the_very_receive() -> None:
    given: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        given.append(receive)

    async def receive() -> Any:
        raise AssertionError("nobody reads")

    async def outer(scope: Any, _: Any, send: Any) -> None:
        await ErrorsMiddleware(app)(scope, receive, send)

    assert drive(outer).error is None
    assert [one is receive for one in given] == [True]


def shown(scope: dict[str, Any]) -> str:
    told: str = json.loads(crashed(scope, debug=True).raw_body)["traceback"]
    return told


def test_a_traceback_is_shown_without_headers_as_with_them() -> None:
    scope: dict[str, Any] = {"type": "http", "client": LOCAL}
    for told in (shown(scope), shown({**scope, "headers": None}), shown({**scope, "headers": []})):
        lines = told.splitlines()
        assert (lines[0], lines[1].split('"')[0]) == ("Traceback (most recent call last):", "  File ")
        assert lines[-1].startswith("ValueError: ")
        assert [line for line in lines[1:-1] if not line.startswith("  ")] == []


def test_what_cannot_be_shown_is_told_by_its_names() -> None:
    """A SyntaxError made by hand, with a line that is no number: `traceback` itself raises TypeError."""
    error = by_hand("f", "n", "t", "o")
    exchange = crashed(http(), raises(error), debug=True)
    told = "SyntaxError, whose traceback cannot be shown (TypeError)"
    assert (exchange.status, json.loads(exchange.raw_body)) == (500, {**json.loads(PROBLEM), "traceback": told})


# --- where another of ours stands inside, which hands it the start alone to edit ------------------------------------

# A sentence, the scope, what the application sends before it crashes, what the client gets.
BEFORE: list[tuple[str, dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]] = [
    ("nothing", http(), [], answer(JSON, PROBLEM)),
    ("the start", http(), [start(headers=[])], [start(headers=[(b"x-request-id", b"1")])]),
    ("an accept", websocket(), [ACCEPTED], [{**ACCEPTED, "headers": [(b"x-request-id", b"1")]}]),
    ("a close", websocket(), CLOSED, CLOSED),
]


@pytest.mark.parametrize(("sentence", "scope", "before", "expected"), BEFORE, ids=[row[0] for row in BEFORE])
def test_it_sees_what_passes_another_of_ours_inside(
    sentence: str, scope: dict[str, Any], before: list[dict[str, Any]], expected: list[dict[str, Any]]
) -> None:
    error = crash()
    inner: App = RequestIDMiddleware(raises(error, *before), generator=lambda: "1")
    exchange = drive(ErrorsMiddleware(inner), scope)
    assert (exchange.sent, exchange.error) == (expected, error)


def test_a_client_that_has_gone_is_told_through_another_of_ours() -> None:
    gone = ConnectionResetError()
    hint = {"type": "http.response.early_hint", "links": []}
    exchange = drive(ErrorsMiddleware(RequestIDMiddleware(raises(crash(), hint))), http(), send_fails=gone)
    assert (exchange.sent, exchange.error) == ([], gone)


def test_a_client_that_came_back_is_not_answered_for_one_that_has_gone() -> None:
    """The OSError of a `send` is no crash, also where the next `send` would succeed."""
    gone = ConnectionResetError()
    sent: list[Any] = []
    hint = {"type": "http.response.early_hint", "links": []}

    async def outer(scope: Any, receive: Any, send: Any) -> None:
        async def fails_once(message: Any) -> None:
            sent.append(message)
            if message is hint:
                raise gone

        await ErrorsMiddleware(RequestIDMiddleware(raises(crash(), hint)))(scope, receive, fails_once)

    assert drive(outer).error is gone
    assert sent == [hint]
