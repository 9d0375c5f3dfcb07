"""`cors`: the headers of actual responses, whole."""

import copy
from typing import Any

import pytest

from asgi_middleware import CORSMiddleware

from .apps import body, remembers, sends, start
from .asgi import drive, plain
from .browser_model import ACAC, ACAO, ACEH, EVIL, A, Pairs, get, preflight
from .test_cors import ANY, CREDENTIALS, EXPOSING, LISTED, NAMED, OWN, REALLY_ANY, Options, long_origin, whole

# A sentence, the options, the request's Origin, the app's headers, the client's.
ACTUAL: list[tuple[str, Options, str | None, Pairs, Pairs]] = [
    ("an allowed origin is named", LISTED, A, [], NAMED),
    ("a refused origin learns nothing", LISTED, EVIL, [], [("vary", "Origin")]),
    ("no origin varies as well", LISTED, None, [], [("vary", "Origin")]),
    ("an empty list varies as well", {"allow_origins": []}, A, [], [("vary", "Origin")]),
    ("credentials are told to an allowed origin", CREDENTIALS, A, [], [(ACAC, "true"), *NAMED]),
    ("credentials are not told to a refused one", CREDENTIALS, EVIL, [], [("vary", "Origin")]),
    ("credentials are not told without an origin", CREDENTIALS, None, [], [("vary", "Origin")]),
    (
        "exposed headers are told to an allowed origin",
        EXPOSING,
        A,
        [],
        [(ACAO, A), (ACEH, "X-A, X-B"), ("vary", "Origin")],
    ),
    ("exposed headers are not told to a refused one", EXPOSING, EVIL, [], [("vary", "Origin")]),
    ("any origin is a constant", ANY, A, [], [(ACAO, "*")]),
    ("any origin is a constant for another", ANY, EVIL, [], [(ACAO, "*")]),
    ("any origin is a constant without one", ANY, None, [], [(ACAO, "*")]),
    ("any origin is a constant for null", ANY, "null", [], [(ACAO, "*")]),
    ("any origin never reflects a long one", ANY, long_origin(5000), [], [(ACAO, "*")]),
    ("any origin leaves the app's Vary alone", ANY, A, [("vary", "Cookie")], [(ACAO, "*"), ("vary", "Cookie")]),
    ("any origin leaves the app's own Origin in Vary", ANY, A, [("vary", "Origin")], [(ACAO, "*"), ("vary", "Origin")]),
    (
        "any origin leaves what the app exposes, where we expose nothing",
        ANY,
        EVIL,
        [(ACEH, "X-Own")],
        [(ACAO, "*"), (ACEH, "X-Own")],
    ),
    (
        "any origin replaces what the app exposes",
        {**ANY, "expose_headers": ["X-A"]},
        None,
        OWN,
        [(ACAO, "*"), (ACEH, "X-A")],
    ),
    ("any origin may expose", {**ANY, "expose_headers": ["*"]}, A, [], [(ACAO, "*"), (ACEH, "*")]),
    ("any origin with credentials is named", REALLY_ANY, EVIL, [], [(ACAC, "true"), (ACAO, EVIL), ("vary", "Origin")]),
    ("any origin with credentials varies without one", REALLY_ANY, None, [], [("vary", "Origin")]),
    ("an open regex names the origin", {"allow_origin_regex": ".*"}, EVIL, [], [(ACAO, EVIL), ("vary", "Origin")]),
    (
        "an open regex with credentials, as asked for, names the origin",
        {
            "allow_origin_regex": ".*",
            "allow_credentials": True,
            "dangerously_allow_any_origin_with_credentials": True,
        },
        EVIL,
        [],
        [(ACAC, "true"), (ACAO, EVIL), ("vary", "Origin")],
    ),
    ("any origin with credentials is not null", REALLY_ANY, "null", OWN, [("vary", "Origin")]),
    (
        "null is named where it is allowed",
        {**CREDENTIALS, "dangerously_allow_null_origin": True},
        "null",
        [],
        [(ACAC, "true"), (ACAO, "null"), ("vary", "Origin")],
    ),
    ("Vary is merged", LISTED, A, [("vary", "Cookie")], [(ACAO, A), ("vary", "Cookie, Origin")]),
    ("Vary is merged for a refused origin", LISTED, EVIL, [("vary", "Cookie")], [("vary", "Cookie, Origin")]),
    ("Vary is merged without an origin", LISTED, None, [("vary", "Cookie")], [("vary", "Cookie, Origin")]),
    ("Vary is not doubled", LISTED, A, [("Vary", "cookie, ORIGIN")], [(ACAO, A), ("vary", "cookie, ORIGIN")]),
    ("Vary keeps its star", LISTED, A, [("vary", "*")], [(ACAO, A), ("vary", "*")]),
    ("Vary keeps a star among others", LISTED, EVIL, [("vary", "Accept, *")], [("vary", "Accept, *")]),
    (
        "Vary keeps a star in a second line",
        LISTED,
        None,
        [("vary", "Cookie"), ("Vary", "*")],
        [("vary", "*"), ("vary", "Cookie")],
    ),
    (
        "Origin in two lines of Vary becomes one",
        LISTED,
        A,
        [("vary", "Origin"), ("Vary", "origin, Cookie")],
        [(ACAO, A), ("vary", "Origin, Cookie")],
    ),
    (
        "two lines of Vary become one",
        LISTED,
        A,
        [("vary", "Cookie"), ("Vary", "Accept, cookie")],
        [(ACAO, A), ("vary", "Cookie, Accept, Origin")],
    ),
    ("an empty Vary is filled", LISTED, A, [("vary", "")], NAMED),
    ("a longer name is not Origin", LISTED, A, [("vary", "X-Origin")], [(ACAO, A), ("vary", "X-Origin, Origin")]),
    (
        "the app's own headers are replaced",
        {**CREDENTIALS, "expose_headers": ["X-A"]},
        A,
        OWN,
        [(ACAC, "true"), (ACAO, A), (ACEH, "X-A"), ("vary", "Origin")],
    ),
    (
        "the app's own headers are replaced in any case and number",
        LISTED,
        A,
        [("Access-Control-Allow-Origin", "*"), ("ACCESS-CONTROL-ALLOW-ORIGIN", EVIL)],
        NAMED,
    ),
    ("the app cannot add credentials", LISTED, A, [(ACAC, "true")], NAMED),
    ("the app cannot add credentials to any origin", ANY, A, [(ACAC, "true"), (ACAO, EVIL)], [(ACAO, "*")]),
    (
        "what the app exposes stays where we expose nothing",
        LISTED,
        A,
        [(ACEH, "X-Own")],
        [(ACAO, A), (ACEH, "X-Own"), ("vary", "Origin")],
    ),
    ("the app's own headers are removed for a refused origin", LISTED, EVIL, OWN, [("vary", "Origin")]),
    ("the app's own headers are removed without an origin", LISTED, None, OWN, [("vary", "Origin")]),
    (
        "what means something in a preflight alone stays with the app",
        LISTED,
        EVIL,
        [("access-control-allow-methods", "GET"), ("access-control-max-age", "1")],
        [("access-control-allow-methods", "GET"), ("access-control-max-age", "1"), ("vary", "Origin")],
    ),
    (
        "other headers stay, in their order and number",
        LISTED,
        A,
        [("Set-Cookie", "a=1"), ("set-cookie", "b=2"), ("X-Access-Control-Allow-Origin", "1")],
        [
            (ACAO, A),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
            ("vary", "Origin"),
            ("x-access-control-allow-origin", "1"),
        ],
    ),
]


@pytest.mark.parametrize(("sentence", "options", "origin", "inner", "expected"), ACTUAL, ids=[row[0] for row in ACTUAL])
def test_an_actual_response(sentence: str, options: Options, origin: str | None, inner: Pairs, expected: Pairs) -> None:
    pairs = [(name.encode(), value.encode()) for name, value in inner]
    exchange = drive(CORSMiddleware(sends(start(headers=pairs), body(b"ok")), **options), get(origin))
    assert exchange.headers == sorted(expected)
    assert exchange.sent == [
        {**plain(start(headers=[])), "headers": exchange.start["headers"]},
        plain(body(b"ok")),
    ]


@pytest.mark.parametrize("status", [101, 200, 204, 206, 301, 304, 307, 401, 404, 416, 500, 503])
@pytest.mark.parametrize(
    ("origin", "expected"), [(A, NAMED), (EVIL, [("vary", "Origin")]), (None, [("vary", "Origin")])]
)
def test_every_status_carries_the_same_headers(status: int, origin: str | None, expected: Pairs) -> None:
    exchange = drive(CORSMiddleware(sends(start(status, []), body(b"")), **LISTED), get(origin))
    assert (exchange.status, exchange.headers) == (status, expected)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "OPTIONS", "options", "QUERY", None])
def test_every_method_but_a_preflight_reaches_the_app(method: str | None) -> None:
    app, scopes = remembers()
    scope = get(A, method=method)
    exchange = drive(CORSMiddleware(app, **LISTED), scope)
    assert [one is scope for one in scopes] == [True]
    assert exchange.headers == sorted([*NAMED, ("content-type", "text/plain")])


NO_PREFLIGHT: list[tuple[str, dict[str, Any]]] = [
    ("OPTIONS without the requested method", get(A, method="OPTIONS")),
    ("OPTIONS without an origin", get(None, ("access-control-request-method", "PUT"), method="OPTIONS")),
    ("another method with a preflight's headers", get(A, ("access-control-request-method", "PUT"), method="POST")),
    ("small letters", get(A, ("access-control-request-method", "PUT"), method="options")),
]


@pytest.mark.parametrize(("sentence", "scope"), NO_PREFLIGHT, ids=[row[0] for row in NO_PREFLIGHT])
def test_what_is_no_preflight_reaches_the_app(sentence: str, scope: dict[str, Any]) -> None:
    app, scopes = remembers()
    exchange = drive(CORSMiddleware(app, **LISTED), scope)
    assert len(scopes) == 1
    expected = NAMED if exchange.scope["headers"][1][0] == b"origin" else [("vary", "Origin")]
    assert exchange.headers == sorted([*expected, ("content-type", "text/plain")])


# A sentence, the options, the request's Origin, what every status carries.
STATUSES: list[tuple[str, Options, str | None, Pairs]] = [
    ("any origin", ANY, EVIL, [(ACAO, "*")]),
    ("any origin, without one", ANY, None, [(ACAO, "*")]),
    ("any origin, with credentials", REALLY_ANY, EVIL, [(ACAC, "true"), (ACAO, EVIL), ("vary", "Origin")]),
    ("any origin, with credentials, without one", REALLY_ANY, None, [("vary", "Origin")]),
    ("nothing allowed", {"allow_origins": []}, A, [("vary", "Origin")]),
    ("a function", {"allow_origin_func": lambda origin, scope: origin == A}, A, NAMED),
    ("a function that refuses", {"allow_origin_func": lambda origin, scope: origin == A}, EVIL, [("vary", "Origin")]),
]


@pytest.mark.parametrize(("sentence", "options", "origin", "expected"), STATUSES, ids=[row[0] for row in STATUSES])
def test_no_status_is_left_out(sentence: str, options: Options, origin: str | None, expected: Pairs) -> None:
    for status in (101, 200, 204, 206, 301, 304, 307, 401, 404, 416, 500, 503):
        exchange = drive(CORSMiddleware(sends(start(status, []), body(b"")), **options), get(origin))
        assert (exchange.status, exchange.headers) == (status, expected)


def test_headers_in_any_legal_shape_are_read() -> None:
    app = CORSMiddleware(sends(start(headers=[]), body(b"")), **LISTED)
    shapes: list[tuple[dict[str, Any], Pairs]] = [
        ({"headers": [(b"Origin", A.encode())]}, NAMED),
        ({"headers": ((b"ORIGIN", A.encode()),)}, NAMED),
        ({"headers": iter([[b"origin", A.encode()]])}, NAMED),
        ({"headers": []}, [("vary", "Origin")]),
        ({"headers": None}, [("vary", "Origin")]),
        ({}, [("vary", "Origin")]),
    ]
    for headers, expected in shapes:
        assert drive(app, {"type": "http", "method": "GET", "path": "/", **headers}).headers == expected


def test_the_apps_messages_are_not_changed_and_all_others_pass_as_they_are() -> None:
    messages: list[dict[str, Any]] = [
        {"type": "http.response.push", "path": "/x", "headers": [(b"vary", b"Cookie")]},
        {"type": "http.response.early_hint", "links": [b"</x>"]},
        start(headers=[(b"vary", b"Cookie"), (ACAO.encode(), b"*")], trailers=True),
        {**body(b"ok", more=True), "later": "key"},
        body(b""),
        {"type": "http.response.trailers", "headers": [(ACAO.encode(), b"x")], "more_trailers": False},
    ]
    before = copy.deepcopy(messages)
    app = CORSMiddleware(sends(*messages), **LISTED)
    for _ in range(2):
        exchange = drive(app, get())
        assert [mine is its for mine, its in zip(exchange.objects, messages, strict=True)] == [
            True,
            True,
            False,
            True,
            True,
            True,
        ]
        assert exchange.objects[2] == {
            "type": "http.response.start",
            "status": 200,
            "headers": [(ACAO.encode(), A.encode()), (b"vary", b"Cookie, Origin")],
            "trailers": True,
        }
    assert messages == before


def test_the_requests_own_vary_and_cookie_change_nothing() -> None:
    app = CORSMiddleware(sends(start(headers=[]), body(b"")), **ANY, expose_headers=["X-A"])
    listed = CORSMiddleware(sends(start(headers=[]), body(b"")), **CREDENTIALS)
    for line in (("vary", "X-Evil"), ("cookie", "session=1"), ("authorization", "Basic eDp5")):
        assert drive(app, get(A, line)).headers == [(ACAO, "*"), (ACEH, "X-A")]
        assert drive(listed, get(A, line)).headers == [(ACAC, "true"), *NAMED]
        assert whole(drive(app, preflight(A, "GET", more=[line]))) == whole(drive(app, preflight(A, "GET")))
