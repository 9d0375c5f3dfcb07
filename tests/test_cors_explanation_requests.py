"""What `CORSPolicy.explain` knows of methods, headers and origins that are nearly allowed; and what the log tells."""

from typing import Any

import pytest

from asgi_middleware import CORSMiddleware, CORSPolicy
from asgi_middleware.cors.explanation import Explanation

from .apps import sends
from .asgi import drive, http, websocket
from .explained import BY_LIST, LISTED, READ, SIMPLE, UNREAD, UNSENT, A, asks, refused

ANYTHING: dict[str, Any] = {**LISTED, "allow_methods": ["*"], "allow_headers": ["*"]}

# As the page writes it, as fetch() sends it, whether a browser asks first.
METHODS: list[tuple[str, str, bool]] = [
    ("gEt", "GET", False),
    ("hEad", "HEAD", False),
    ("pOst", "POST", False),
    ("dElete", "DELETE", True),
    ("oPtions", "OPTIONS", True),
    ("pUt", "PUT", True),
    ("pAtch", "pAtch", True),
    ("query", "query", True),
]


@pytest.mark.parametrize(("method", "sent", "is_asked"), METHODS, ids=[row[0] for row in METHODS])
def test_a_method_is_sent_as_fetch_writes_it(method: str, sent: str, is_asked: bool) -> None:
    asked = (asks(f"the method {sent}"), BY_LIST, "The method is allowed: allow_methods is '*'.")
    steps = asked if is_asked else (SIMPLE, BY_LIST)
    told = CORSPolicy(**ANYTHING).explain(A, method)
    assert told == Explanation(f"{sent} from '{A}'", steps, READ, True, ())


@pytest.mark.parametrize("method", ["CONNECT", "TRACE", "TRACK", "connect", "tRaCe", "track"])
def test_a_method_that_no_script_can_send_is_told_in_any_case(method: str) -> None:
    steps = (f"The method '{method}' is one that no script can send.",)
    told = CORSPolicy(**ANYTHING).explain(A, method)
    assert told == Explanation(f"{method} from '{A}'", steps, UNSENT, False, ("use another method",))


SET_BY_BROWSERS = [
    "Accept-Charset",
    "Accept-Encoding",
    "Access-Control-Request-Headers",
    "Access-Control-Request-Method",
    "Connection",
    "Content-Length",
    "Cookie",
    "Cookie2",
    "Date",
    "DNT",
    "Expect",
    "Host",
    "Keep-Alive",
    "Origin",
    "Referer",
    "Set-Cookie",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "Via",
    "Proxy-Authorization",
    "Sec-CH-UA",
]


@pytest.mark.parametrize("name", SET_BY_BROWSERS)
def test_a_header_that_the_browser_sets_changes_nothing(name: str) -> None:
    steps = (f"{name} is set by the browser alone; what a script gives for it is dropped.", SIMPLE, BY_LIST)
    told = CORSPolicy(**LISTED).explain(A, "GET", [f"{name}: 1"])
    assert told == Explanation(f"GET from '{A}' with {name}", steps, READ, True, ())


@pytest.mark.parametrize("name", ["", " ", "X Token", "bücher", "x\udc80"])
def test_what_is_no_header_name_is_not_sent(name: str) -> None:
    told = CORSPolicy(**ANYTHING).explain(A, "GET", [f"{name}: 1"])
    shown = name.strip()
    steps = (f"{shown!r} is no header name.",)
    assert told == Explanation(f"GET from '{A}' with {shown!a}", steps, UNSENT, False, ("use another name",))


# A header as the page gives it, its name as it is shown, whether a browser asks first.
HEADERS: list[tuple[str, str, bool]] = [
    (f"Accept: {'a' * 128}", "Accept", False),
    (f"Accept: {'a' * 129}", "Accept", True),
    (f"Accept-Language: {'a' * 128}", "Accept-Language", False),
    (f"Accept-Language: {'a' * 129}", "Accept-Language", True),
    (f"Content-Language: {'a' * 128}", "Content-Language", False),
    (f"Content-Language: {'a' * 129}", "Content-Language", True),
    ("Content-Type: application/x-www-form-urlencoded", "Content-Type", False),
    ("Content-Type: multipart/form-data; boundary=x", "Content-Type", False),
    ("Content-Type: TEXT/Plain ; charset=utf-8", "Content-Type", False),
    (f"Content-Type: text/plain;{'x' * 117}", "Content-Type", False),
    (f"Content-Type: text/plain;{'x' * 118}", "Content-Type", True),
    ("Content-Type: application/json; text/plain", "Content-Type", True),
    ("Content-Type:", "Content-Type", True),
    ("Range: bytes=0-", "Range", False),
    ("Range:  bytes=19-89\t", "Range", False),
    ("Range: bytes=-5", "Range", True),
    ("Range: bytes=5", "Range", True),
    ("Range: bytes=0-9,20-29", "Range", True),
    ("Range: bytes 0-9", "Range", True),
    ("Range: items=0-9", "Range", True),
    (" X-Token : 1:2", "X-Token", True),
    ("Section: 1", "Section", True),
    ("Proxying: 1", "Proxying", True),
]


@pytest.mark.parametrize(("header", "name", "is_asked"), HEADERS, ids=[row[0][:40] for row in HEADERS])
def test_whether_a_browser_asks_for_a_header(header: str, name: str, is_asked: bool) -> None:
    lower = name.lower()
    asked = (
        asks(lower),
        BY_LIST,
        "The method is allowed: allow_methods is '*'.",
        f"The header {lower} is allowed: allow_headers is '*'.",
    )
    told = CORSPolicy(**ANYTHING).explain(A, "GET", [header])
    assert told == Explanation(f"GET from '{A}' with {name}", asked if is_asked else (SIMPLE, BY_LIST), READ, True, ())


# A sentence, the policy, the origin, and the clause about what is near.
NEAR: list[tuple[str, dict[str, Any], str, str]] = [
    ("nothing", LISTED, "https://app.example.org", ""),
    ("nothing where nothing is listed", {"allow_origin_regex": "https://x"}, "https://app.example.org", ""),
    ("no other host of the same scheme", LISTED, "https://other.example.com", ""),
    ("neither scheme nor port", {"allow_origins": ["http://a.example:1"]}, "https://a.example:2", ""),
    ("another host with the same port", {"allow_origins": ["https://b.example:1"]}, "https://a.example:1", ""),
    (
        "another scheme with the same port",
        {"allow_origins": ["http://a.example:1"]},
        "https://a.example:1",
        "; 'http://a.example:1' has another scheme",
    ),
    (
        "another scheme with any port",
        {"allow_origins": ["http://localhost:*"]},
        "https://localhost:3000",
        "; 'http://localhost:*' has another scheme",
    ),
    (
        "no port",
        {"allow_origins": ["https://a.example"]},
        "https://a.example:8000",
        "; 'https://a.example' has another port",
    ),
    (
        "the second of the list",
        {"allow_origins": ["https://b.example", "https://a.example:8000"]},
        "https://a.example",
        "; 'https://a.example:8000' has another port",
    ),
    (
        "a part of a regular expression, beside a list",
        {"allow_origins": ["https://b.example"], "allow_origin_regex": "https://a"},
        "https://a.example",
        "; allow_origin_regex matches a part of it, and must match the whole",
    ),
]


@pytest.mark.parametrize(("sentence", "options", "origin", "near"), NEAR, ids=[row[0] for row in NEAR])
def test_what_nearly_allows_an_origin_is_told(sentence: str, options: dict[str, Any], origin: str, near: str) -> None:
    told = CORSPolicy(**options).explain(origin)
    steps = (SIMPLE, refused(f"no rule allows '{origin}'{near}"))
    assert told == Explanation(f"GET from '{origin}'", steps, UNREAD, False, (f"add '{origin}' to allow_origins",))


def preflight(origin: str, method: str, *lines: str) -> dict[str, Any]:
    asked = [("access-control-request-headers", line) for line in lines]
    return http(headers=[("origin", origin), ("access-control-request-method", method), *asked], method="OPTIONS")


LOGGED: list[tuple[str, dict[str, Any], str]] = [
    (
        "the origin",
        preflight("https://evil.example\r\nx: y", "PUT"),
        "a preflight of 'https://evil.example\\r\\nx: y' is refused: origin",
    ),
    ("the method", preflight(A, "P\x1bT"), f"a preflight of '{A}' is refused: method 'P\\x1bT'"),
    ("a header", preflight(A, "PUT", "x-\x1b"), f"a preflight of '{A}' is refused: headers 'x-\\x1b'"),
    (
        "a WebSocket's origin, cut",
        websocket(headers=[("origin", "https://" + "e" * 5000)]),
        f"a WebSocket of 'https://{'e' * 56}' is refused",
    ),
]


@pytest.mark.parametrize(("sentence", "scope", "told"), LOGGED, ids=[row[0] for row in LOGGED])
def test_a_refusal_is_logged_for_who_asks_with_nothing_raw(
    sentence: str, scope: dict[str, Any], told: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = CORSMiddleware(sends(), allow_origins=[A], allow_methods=["PUT"])
    with caplog.at_level("DEBUG", "asgi_middleware"):
        drive(app, scope)
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [("DEBUG", told)]
