"""`Bearer(..., subprotocol="bearer")`: the token of a WebSocket among its subprotocols, and nowhere afterwards."""

from typing import Any

import pytest

from asgi_middleware import AuthMiddleware, ConfigError, Stack
from asgi_middleware.auth import Bearer, User

from . import apps
from .asgi import Exchange, drive, http, websocket
from .authenticating import CLOSED, FORGED, GOOD, NOBODY, Claims, denied, pair
from .tokens import BAD_REQUEST, ISSUER, SECRET, SIGNATURE, Outcome, bad_token, claiming, refusal, verifier

BEARER = Bearer(verifier(), subprotocol="bearer")
SEVERAL = refusal(
    400,
    "The token's subprotocol was offered more than once",
    'Bearer error="invalid_request", error_description="The token\'s subprotocol was offered more than once"',
)
TWO = refusal(
    400,
    "Two bearer tokens were sent",
    'Bearer error="invalid_request", error_description="Two bearer tokens were sent"',
)


def offering(*names: str, headers: tuple[tuple[str, str], ...] = (), **changes: Any) -> dict[str, Any]:
    """The scope of a handshake that offers these subprotocols, as servers give it."""
    lines = [("sec-websocket-protocol", ", ".join(names))] if names else []
    return websocket(headers=[*headers, *lines], subprotocols=list(names), **changes)


def shake(scope: dict[str, Any], accept: dict[str, Any] | None = None, backend: Any = BEARER) -> tuple[Exchange, Any]:
    """What came of a handshake, and the scope that the application saw, if it did."""
    seen: list[Any] = []
    accepts = apps.accepts(**(accept or {}))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)
        await accepts(scope, receive, send)

    exchange = drive(AuthMiddleware(app, backend, required=True), scope)
    assert exchange.error is None
    return exchange, seen[0] if seen else None


ACCEPTED: list[tuple[str, tuple[str, ...], dict[str, Any], list[str], str | None]] = [
    ("the token alone", ("bearer", GOOD), {}, [], "bearer"),
    ("the application's own after it", ("bearer", GOOD, "chat"), {}, ["chat"], "bearer"),
    ("the application's own before it", ("chat", "bearer", GOOD), {}, ["chat"], "bearer"),
    ("around it", ("a", "bearer", GOOD, "b"), {}, ["a", "b"], "bearer"),
    ("one is selected", ("bearer", GOOD, "chat"), {"subprotocol": "chat"}, ["chat"], "chat"),
    ("None is selected", ("bearer", GOOD, "chat"), {"subprotocol": None}, ["chat"], "bearer"),
    ("an empty text is selected", ("bearer", GOOD), {"subprotocol": ""}, [], "bearer"),
    ("the marker itself is selected", ("bearer", GOOD), {"subprotocol": "bearer"}, [], "bearer"),
]


@pytest.mark.parametrize(
    ("sentence", "names", "accept", "left", "selected"), ACCEPTED, ids=[row[0] for row in ACCEPTED]
)
def test_a_token_among_the_subprotocols(
    sentence: str, names: tuple[str, ...], accept: dict[str, Any], left: list[str], selected: str | None
) -> None:
    scope = offering(*names, headers=(("host", "a"),))
    exchange, seen = shake(scope, accept)
    assert exchange.sent == [{"type": "websocket.accept", "headers": [], "subprotocol": selected}]
    assert seen["user"].identity == "ada"
    assert seen["subprotocols"] == left
    lines = [(b"sec-websocket-protocol", ", ".join(left).encode())] if left else []
    assert seen["headers"] == [(b"host", b"a"), *lines]
    assert GOOD not in repr({**seen, "user": None}), "the token is nowhere in the application's scope"
    assert GOOD not in repr(exchange.sent)
    assert scope == offering(*names, headers=(("host", "a"),)), "the server's scope is its own"


@pytest.mark.parametrize(
    "offered", [("bearer", GOOD, "chat"), iter(["bearer", GOOD, "chat"])], ids=["tuple", "iterator"]
)
def test_every_legal_form_of_the_offer(offered: Any) -> None:
    exchange, seen = shake({**offering("bearer", GOOD, "chat"), "subprotocols": offered})
    assert (exchange.sent[0]["subprotocol"], seen["subprotocols"]) == ("bearer", ["chat"])
    assert seen["headers"] == [(b"sec-websocket-protocol", b"chat")]


def test_what_no_header_could_have_carried_is_told_as_far_as_one_can() -> None:
    seen = shake(websocket(subprotocols=["é", "bearer", GOOD, "\u2028"]))[1]
    assert (seen["subprotocols"], seen["headers"]) == (["é", "\u2028"], [(b"sec-websocket-protocol", b"\xe9, ?")])


def test_a_token_needs_no_headers_beside_it() -> None:
    bare = offering("bearer", GOOD, "chat")
    del bare["headers"]
    for scope in (bare, {**bare, "headers": None}):
        assert shake(scope)[1]["headers"] == [(b"sec-websocket-protocol", b"chat")]


def test_an_offer_that_is_absent_or_none() -> None:
    absent = offering(headers=(("authorization", f"Bearer {GOOD}"),))
    del absent["subprotocols"]
    for scope in (absent, {**absent, "subprotocols": None}):
        exchange, seen = shake(scope)
        assert (exchange.sent, seen["user"].identity) == ([{"type": "websocket.accept"}], "ada")


REFUSED: list[tuple[str, tuple[str, ...], Outcome]] = [
    ("nothing is offered", (), NOBODY),
    ("something else is offered", ("chat",), NOBODY),
    ("the marker in another case", ("Bearer", GOOD), NOBODY),
    ("the token without the marker", (GOOD,), NOBODY),
    ("the token in one with the marker", (f"bearer.{GOOD}",), NOBODY),
    ("the marker alone", ("bearer",), BAD_REQUEST),
    ("the marker at the end", ("chat", "bearer"), BAD_REQUEST),
    ("a forged token", ("bearer", FORGED), bad_token(SIGNATURE)),
    ("no token", ("bearer", "chat"), bad_token("The token is malformed")),
    ("what cannot be a token", ("bearer", "a b"), BAD_REQUEST),
    ("what is not even Latin", ("bearer", "\u2028"), BAD_REQUEST),
    ("two tokens", ("bearer", GOOD, "bearer", GOOD), SEVERAL),
    ("a good one and a marker", ("bearer", GOOD, "bearer"), SEVERAL),
    ("two markers", ("bearer", "bearer"), bad_token("The token is malformed")),
]


@pytest.mark.parametrize(("sentence", "names", "answer"), REFUSED, ids=[row[0] for row in REFUSED])
def test_a_handshake_is_refused(sentence: str, names: tuple[str, ...], answer: Outcome) -> None:
    scope = websocket(subprotocols=list(names), headers=[("sec-websocket-protocol", "sent")])
    exchange, seen = shake(scope)
    assert (exchange.sent, seen) == (denied(answer), None)
    scope = websocket(subprotocols=list(names), headers=[("sec-websocket-protocol", "sent")], extensions={})
    assert shake(scope)[0].sent == CLOSED


def test_two_tokens_in_two_places_are_refused() -> None:
    headers = (("authorization", f"Bearer {GOOD}"),)
    assert shake(offering("bearer", GOOD, headers=headers))[0].sent == denied(TWO)


def test_the_header_still_counts_and_the_subprotocols_are_then_left_alone() -> None:
    scope = offering("chat", headers=(("authorization", f"Bearer {GOOD}"),))
    exchange, seen = shake(scope)
    assert exchange.sent == [{"type": "websocket.accept"}]
    assert (seen["subprotocols"], seen["headers"]) == (["chat"], scope["headers"])


def test_another_scheme_beside_it_does_not_matter() -> None:
    """A browser that has a password for the site sends it along unasked."""
    assert shake(offering("bearer", GOOD, headers=(("authorization", pair("ada", "x")),)))[1]["user"].identity == "ada"


def test_a_request_that_is_no_websocket_has_no_subprotocols() -> None:
    scope = {**http(headers=[("sec-websocket-protocol", f"bearer, {GOOD}")]), "subprotocols": ["bearer", GOOD]}
    app, scopes = apps.remembers()
    drive(AuthMiddleware(app, BEARER), scope)
    assert (scopes[0]["user"].is_authenticated, scopes[0]["subprotocols"]) == (False, ["bearer", GOOD])


def test_a_token_is_hidden_although_another_backend_has_identified_the_user() -> None:
    backends = [Claims(User("eve", scheme="Custom")), BEARER]
    for names in (("bearer", FORGED, "chat"), ("bearer", "bearer", "chat"), ("bearer", "x", "chat", "bearer", "y")):
        exchange, seen = shake(offering(*names), backend=backends)
        assert seen["user"].identity == "eve"
        assert seen["subprotocols"] == ["chat"]
        assert exchange.sent[0]["subprotocol"] == "bearer"


def test_the_application_may_refuse_the_handshake_itself() -> None:
    exchange = drive(AuthMiddleware(apps.denies(), BEARER), offering("bearer", GOOD))
    assert (exchange.status, exchange.header("sec-websocket-protocol")) == (403, [])
    assert "subprotocol" not in exchange.start


def test_constant_messages_are_not_changed() -> None:
    message: dict[str, Any] = {"type": "websocket.accept"}
    exchange = drive(AuthMiddleware(apps.sends(message), BEARER), offering("bearer", GOOD))
    assert (message, exchange.sent[0]["subprotocol"]) == ({"type": "websocket.accept"}, "bearer")


def test_the_marker_may_have_another_name() -> None:
    backend = Bearer(verifier(), subprotocol="access_token")
    assert shake(offering("access_token", GOOD), backend=backend)[0].sent[0]["subprotocol"] == "access_token"
    assert shake(offering("bearer", GOOD), backend=backend)[0].status == 401


@pytest.mark.parametrize("marker", ["", "a b", "a,b", "é", True, 5, ["bearer"]])
def test_a_marker_that_browsers_would_not_offer_is_refused(marker: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        Bearer(verifier(), subprotocol=marker)
    assert [(one.option, one.remedy) for one in caught.value.problems] == [("subprotocol", "write 'bearer'")]


def test_it_can_be_asked_for_in_a_config_list() -> None:
    options: dict[str, Any] = {"use": "bearer", "issuer": ISSUER, "audience": "api", "secret": SECRET.decode()}
    stack = Stack([("auth", {"backend": {**options, "subprotocol": "bearer"}})])
    good = claiming(exp=4_000_000_000).decode()
    exchange = drive(stack(apps.accepts()), offering("bearer", good))
    assert exchange.sent[0]["subprotocol"] == "bearer"
    with pytest.raises(ConfigError) as caught:
        Stack([("auth", {"backend": {**options, "secret": "x", "subprotocol": "a b"}})])
    assert [one.option for one in caught.value.problems] == [
        "entry 1 (auth): backend.secret",
        "entry 1 (auth): backend.subprotocol",
    ]
