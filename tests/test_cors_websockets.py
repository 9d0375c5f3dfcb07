"""`cors`: a WebSocket of a foreign origin is refused before accept (CWE-1385), for browsers open it with cookies."""

from typing import Any

import pytest

from asgi_middleware import CORSMiddleware

from .apps import accepts, denies, remembers
from .asgi import drive, websocket
from .browser_model import EVIL, A, handshake
from .test_cors import ANY, ANYBODY, LISTED, REALLY_ANY, REGEX, SUBDOMAINS, Options

CHECK: Options = {"websocket": "check"}
IGNORE: Options = {"websocket": "ignore"}
NONE: Options = {"allow_origins": []}
FAILING: Options = {"allow_origin_func": lambda origin, scope: scope["no such key"]}

SOCKETS: list[tuple[str, Options, dict[str, Any], bool]] = [
    ("an allowed origin", LISTED, handshake(A), True),
    ("a foreign origin", LISTED, handshake(EVIL), False),
    ("null", LISTED, handshake("null"), False),
    ("an empty origin", LISTED, handshake(""), False),
    ("no origin: no browser", LISTED, handshake(None), True),
    ("an empty list refuses foreign origins", NONE, handshake(A), False),
    ("an empty list lets the same host pass", NONE, handshake("https://api.example"), True),
    ("the same host by plain http", NONE, handshake("http://api.example"), True),
    ("the same host, its default port written", NONE, handshake("https://api.example", "api.example:443"), True),
    ("the same host and port", NONE, handshake("http://localhost:8000", "localhost:8000"), True),
    ("the same host in capitals", NONE, handshake("https://api.example", "API.Example"), True),
    ("the same IPv6 host", NONE, handshake("http://[::1]:8000", "[::1]:8000"), True),
    ("the same host, another port", NONE, handshake("http://localhost:3000", "localhost:8000"), False),
    ("the same host, its port not written", NONE, handshake("http://localhost:8000", "localhost"), False),
    ("the same host, another scheme's port", NONE, handshake("https://api.example", "api.example:80"), False),
    ("a subdomain is another host", NONE, handshake("https://x.api.example"), False),
    ("a parent domain is another host", NONE, handshake("https://example"), False),
    ("a host that ends alike", NONE, handshake("https://evilapi.example"), False),
    ("a host that begins alike", NONE, handshake("https://api.example.evil"), False),
    ("a host in the user name", NONE, handshake("https://api.example@evil.example"), False),
    ("a host in the path", NONE, handshake("https://evil.example/api.example"), False),
    ("no Host header", NONE, handshake("https://api.example", None), False),
    (
        "two Host lines",
        NONE,
        websocket(headers=[("host", "api.example")] * 2 + [("origin", "https://api.example")]),
        False,
    ),
    ("two Origin lines", LISTED, websocket(headers=[("origin", A)] * 2), False),
    ("a pattern", SUBDOMAINS, handshake("https://x.example.com"), True),
    ("a regex", REGEX, handshake("https://x.example.com"), True),
    ("a regex that does not match", REGEX, handshake(EVIL), False),
    ("a function", ANYBODY, handshake(EVIL), True),
    ("any origin checks nothing by itself", ANY, handshake(EVIL), True),
    ("any origin is no list: a check refuses foreign origins", {**ANY, **CHECK}, handshake(EVIL), False),
    ("any origin, a check, and the same host", {**ANY, **CHECK}, handshake("https://api.example"), True),
    ("any origin with credentials, as asked for", REALLY_ANY, handshake(EVIL), True),
    ("any origin with credentials is not null", REALLY_ANY, handshake("null"), False),
    ("an open regex is a list as well", {"allow_origin_regex": ".*"}, handshake(EVIL), True),
    ("an open regex does not take null", {"allow_origin_regex": ".*"}, handshake("null"), False),
    ("null where it is allowed", {"dangerously_allow_null_origin": True}, handshake("null"), True),
    ("a host that is called null", NONE, handshake("null", "null"), False),
    ("an origin without a scheme is no host", NONE, handshake("api.example"), False),
    ("a function that says no", {"allow_origin_func": lambda origin, scope: False}, handshake(A), False),
    ("a function is not asked for the same host", FAILING, handshake("https://api.example"), True),
    ("a function that fails", FAILING, handshake(A), False),
    ("a check with a list", {**LISTED, **CHECK}, handshake(EVIL), False),
    ("ignored", {**LISTED, **IGNORE}, handshake(EVIL), True),
    ("ignored with an empty list", {**NONE, **IGNORE}, handshake("null"), True),
]


@pytest.mark.parametrize(("sentence", "options", "scope", "passes"), SOCKETS, ids=[row[0] for row in SOCKETS])
def test_a_websocket_of_a_foreign_origin_is_refused_before_accept(
    sentence: str, options: Options, scope: dict[str, Any], passes: bool
) -> None:
    seen: list[Any] = []
    inner = accepts(subprotocol="chat", headers=[(b"x-kept", b"1")])

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)
        await inner(scope, receive, send)

    exchange = drive(CORSMiddleware(app, **options), scope)
    assert exchange.error is None
    if passes:
        assert [one is scope for one in seen] == [True]
        assert exchange.sent == [{"type": "websocket.accept", "subprotocol": "chat", "headers": [(b"x-kept", b"1")]}]
    else:
        assert seen == []
        assert exchange.sent == [
            {
                "type": "websocket.http.response.start",
                "status": 403,
                "headers": [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"22")],
            },
            {"type": "websocket.http.response.body", "body": b"Disallowed CORS origin"},
        ]


@pytest.mark.parametrize("extensions", [None, {}, {"other": {}}])
def test_without_the_denial_extension_a_websocket_is_closed(extensions: Any) -> None:
    app, scopes = remembers()
    scope = handshake(EVIL)
    scope["extensions"] = extensions
    exchange = drive(CORSMiddleware(app, **LISTED), scope)
    assert (exchange.sent, exchange.received, scopes) == ([{"type": "websocket.close", "code": 1008}], 1, [])
    del scope["extensions"]
    assert drive(CORSMiddleware(app, **LISTED), scope).sent == [{"type": "websocket.close", "code": 1008}]


def test_nothing_is_sent_to_a_websocket_client_that_has_gone() -> None:
    app, scopes = remembers()
    exchange = drive(CORSMiddleware(app, **LISTED), handshake(EVIL), [])
    assert (exchange.sent, exchange.error, scopes) == ([], None, [])


def test_the_apps_own_denial_passes_as_it_is() -> None:
    exchange = drive(CORSMiddleware(denies(), **LISTED), handshake(A))
    assert exchange.sent == drive(denies(), handshake(A)).sent
