"""`request_id`: the ID is on every response, once."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from asgi_middleware import CORSMiddleware, ErrorsMiddleware, RequestIDMiddleware

from . import apps
from .asgi import App, drive, http, websocket
from .identified import numbered


@pytest.mark.parametrize(("sentence", "make", "body"), apps.RESPONSES, ids=[row[0] for row in apps.RESPONSES])
def test_every_response_has_the_id_once_and_is_otherwise_as_it_was(
    sentence: str, make: Callable[[], App], body: bytes
) -> None:
    bare = drive(make())
    exchange = drive(RequestIDMiddleware(make()), http(headers=[("x-request-id", "good")]))
    assert exchange.headers == sorted([*bare.headers, ("x-request-id", "good")])
    assert {**exchange.start, "headers": None} == {**bare.start, "headers": None}
    assert exchange.sent[1:] == bare.sent[1:]
    assert (exchange.body, exchange.error) == (body, None)


MADE = ("x-request-id", "made-1")

RARER: list[tuple[str, App, dict[str, Any], int | None, list[tuple[str, str]]]] = [
    ("not found", apps.sends(apps.start(404, []), apps.body(b"")), http(), 404, [MADE]),
    (
        "not allowed",
        apps.sends(apps.start(405, [(b"allow", b"GET")]), apps.body(b"")),
        http(),
        405,
        [("allow", "GET"), MADE],
    ),
    (
        "HEAD",
        apps.sends(apps.start(200, [(b"content-length", b"9")]), apps.body(b"")),
        http(method="HEAD"),
        200,
        [("content-length", "9"), MADE],
    ),
    (
        "its own header",
        apps.text(b"", [("x-request-id", "its own")]),
        http(),
        200,
        [("content-length", "0"), ("x-request-id", "its own")],
    ),
    (
        "its own header in mixed case",
        apps.text(b"", [("X-Request-Id", "its own")]),
        http(),
        200,
        [("content-length", "0"), ("x-request-id", "its own")],
    ),
    (
        "its own header, empty",
        apps.text(b"", [("x-request-id", "")]),
        http(),
        200,
        [("content-length", "0"), ("x-request-id", "")],
    ),
    (
        "its own header, twice",
        apps.text(b"", [("x-request-id", "a"), ("X-Request-ID", "b")]),
        http(),
        200,
        [("content-length", "0"), ("x-request-id", "a"), ("x-request-id", "b")],
    ),
    ("a WebSocket accepted", apps.accepts(), websocket(), None, [MADE]),
    ("one accepted with headers", apps.accepts(headers=[(b"a", b"b")]), websocket(), None, [("a", "b"), MADE]),
    ("one accepted with a tuple", apps.accepts(headers=([b"a", b"b"],)), websocket(), None, [("a", "b"), MADE]),
    (
        "one accepted with a header of its own",
        apps.accepts(headers=[(b"X-Request-ID", b"its own")], subprotocol="chat"),
        websocket(),
        None,
        [("x-request-id", "its own")],
    ),
    ("one denied", apps.denies(), websocket(), 403, [("content-type", "text/plain"), MADE]),
]


@pytest.mark.parametrize(("sentence", "app", "scope", "status", "headers"), RARER, ids=[row[0] for row in RARER])
def test_rarer_responses_have_it_too(
    sentence: str, app: App, scope: dict[str, Any], status: int, headers: list[tuple[str, str]]
) -> None:
    bare = drive(app, {**scope, "request_id": "made-1"})
    exchange = drive(RequestIDMiddleware(app, generator=numbered()), scope)
    assert exchange.headers == sorted(headers)
    assert exchange.start.get("status") == status
    assert {**exchange.start, "headers": None} == {**bare.start, "headers": None}
    assert (exchange.sent[1:], repr(exchange.error)) == (bare.sent[1:], repr(bare.error))


PREFLIGHT = [("origin", "https://a.example"), ("access-control-request-method", "GET")]


@pytest.mark.parametrize(
    ("sentence", "app", "scope", "status"),
    [
        (
            "a preflight",
            CORSMiddleware(apps.silent(), allow_origins=["https://a.example"]),
            http(method="OPTIONS", headers=PREFLIGHT),
            200,
        ),
        ("a crash", ErrorsMiddleware(apps.raises(KeyError())), http(), 500),
        ("a crash of a WebSocket", ErrorsMiddleware(apps.raises(KeyError())), websocket(), 500),
    ],
    ids=["a preflight", "a crash", "a crash of a WebSocket"],
)
def test_what_others_of_ours_answer_inside_has_it_too(
    sentence: str, app: App, scope: dict[str, Any], status: int
) -> None:
    bare = drive(app, {**scope, "request_id": "made-1"})
    exchange = drive(RequestIDMiddleware(app, generator=numbered()), scope)
    assert exchange.status == status
    assert exchange.headers == sorted([*bare.headers, MADE])
    assert exchange.sent[1:] == bare.sent[1:]


def test_messages_without_headers_of_the_response_are_the_very_objects() -> None:
    messages: list[dict[str, Any]] = [
        {"type": "http.response.push", "path": "/a", "headers": [(b"x-request-id", b"b")]},
        {"type": "http.response.early_hint", "links": [b"</a>"]},
        {"type": "http.response.debug", "info": {}},
        apps.body(b"ok", more=True),
        {"type": "http.response.trailers", "headers": [(b"a", b"b")], "more_trailers": False},
        {"type": "invented.later"},
    ]
    start = apps.start(trailers=True)
    exchange = drive(RequestIDMiddleware(apps.sends(*messages[:3], start, *messages[3:]), generator=numbered()))
    others = exchange.objects[:3] + exchange.objects[4:]
    assert all(one is other for one, other in zip(others, messages, strict=True))
    assert exchange.sent[3] == {
        **start,
        "headers": [(b"content-type", b"text/plain"), (b"x-request-id", b"made-1")],
    }


def test_a_close_before_accept_passes_as_it_is() -> None:
    close = {"type": "websocket.close", "code": 1008}
    exchange = drive(RequestIDMiddleware(apps.sends(close)), websocket())
    assert exchange.objects == [close]
    assert exchange.objects[0] is close


@pytest.mark.parametrize(
    ("sentence", "message"),
    [
        ("a start", apps.start(headers=[(b"a", b"b")])),
        ("a start without headers", {"type": "http.response.start", "status": 200}),
        ("an accept", {"type": "websocket.accept", "headers": [(b"a", b"b")]}),
        ("an accept without headers", {"type": "websocket.accept"}),
        ("a denial", {"type": "websocket.http.response.start", "status": 403, "headers": [(b"a", b"b")]}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_constant_messages_collect_no_ids(sentence: str, message: dict[str, Any]) -> None:
    before = copy.deepcopy(message)
    wrapped = RequestIDMiddleware(apps.sends(message), generator=numbered())
    scope = http() if message["type"].startswith("http") else websocket()
    given = [drive(wrapped, copy.deepcopy(scope)).header("x-request-id") for _ in range(3)]
    assert given == [["made-1"], ["made-2"], ["made-3"]]
    assert message == before


def test_twice_in_one_chain_is_once_in_the_response() -> None:
    app, scopes = apps.remembers()
    outer, inner = numbered("outer"), numbered("inner")
    wrapped = RequestIDMiddleware(RequestIDMiddleware(app, generator=inner), generator=outer)
    assert drive(wrapped).header("x-request-id") == ["outer-1"]
    assert scopes[0]["request_id"] == "outer-1"
    assert scopes[0]["headers"] == [(b"x-request-id", b"outer-1")]


def test_of_two_that_disagree_the_inner_one_answers() -> None:
    app, scopes = apps.remembers()
    outer, inner = numbered("outer"), numbered("inner")
    wrapped = RequestIDMiddleware(RequestIDMiddleware(app, generator=inner, trust=False), generator=outer)
    assert drive(wrapped).header("x-request-id") == ["inner-1"]
    assert scopes[0]["request_id"] == "inner-1"
    assert scopes[0]["headers"] == [(b"x-request-id", b"inner-1")]


def test_an_exception_of_send_travels_on() -> None:
    gone = OSError("gone")
    assert drive(RequestIDMiddleware(apps.text(b"ok")), send_fails=gone).error is gone
