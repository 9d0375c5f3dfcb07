"""`cors`: which origins are allowed, by a list, patterns, a regular expression and a function."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from asgi_middleware import CORSMiddleware

from .apps import accepts, body, remembers, sends, start
from .asgi import drive, http, websocket
from .browser_model import ACAO, EVIL, A, B, get, preflight
from .test_cors import (
    ANY,
    ANYBODY,
    LISTED,
    NAMED,
    REALLY_ANY,
    REGEX,
    SUBDOMAINS,
    Options,
    long_origin,
    refusal,
    whole,
)

LOCALHOST: Options = {"allow_origins": ["http://localhost:*"]}
CHOICE: Options = {"allow_origin_regex": r"https://a\.example|https://b\.example"}
LOOSE: Options = {"allow_origin_regex": r"https://[^/]+\.example\.com"}


def matches(options: Options, allowed: Iterable[str], refused: Iterable[str]) -> list[tuple[Options, str, bool]]:
    return [*((options, origin, True) for origin in allowed), *((options, origin, False) for origin in refused)]


MATCHES = [
    *matches(
        LISTED,
        [A],
        [
            "http://a.example",
            "https://a.example:443",
            "https://a.example:8443",
            "https://a.example.evil.example",
            "https://a.example.com",
            "https://evila.example",
            "https://evil.a.example",
            "https://a.exampl",
            "https://a-example",
            "https://a.example.",
            "https://A.example",
            "HTTPS://a.example",
            "https://a.example/",
            "https://a.example/path",
            " https://a.example",
            "https://a.example ",
            "https://a.example,https://a.example",
            "https://a.example, https://a.example",
            "https://evil.example,https://a.example",
            "https://a.example\n",
            "https://a.example\r\nx-evil: 1",
            "https://a.example\x00",
            "https://\xe4.example",
            "https://user@a.example",
            "https://a.example@evil.example",
            "https://evil.example#https://a.example",
            "https://evil.example?https://a.example",
            "a.example",
            "//a.example",
            "h",
            "",
            "*",
            "null",
            "NULL",
        ],
    ),
    # GHSA-vhxv-fg4m-p2w8: two hosts with a common suffix.
    *matches(
        {"allow_origins": ["https://foo.com", "https://bar.com"]},
        ["https://foo.com", "https://bar.com"],
        ["https://barfoo.com", "https://foobar.com", "https://foo.combar.com", "https://o.com"],
    ),
    # flask-cors read such a pattern as a regular expression.
    *matches(
        SUBDOMAINS,
        [
            "https://a.example.com",
            "https://a.b.example.com",
            "https://a-b_c.1.example.com",
            "https://xn--bcher-kva.example.com",
            "https://example.com.example.com",
        ],
        [
            "https://example.com",
            "https://.example.com",
            "https://a..example.com",
            "https://xexample.com",
            "https://x-example.com",
            "https://xexample.com.evil.net",
            "https://a.example.com.evil.net",
            "https://a.example.com.",
            "https://a.exampleXcom",
            "https://a.example.comx",
            "https://A.example.com",
            "https://a.EXAMPLE.com",
            "http://a.example.com",
            "xhttps://a.example.com",
            "https://a.example.com:8443",
            "https://a.example.com:443",
            "https://evil.net/.example.com",
            "https://evil.net?.example.com",
            "https://evil.net#.example.com",
            "https://evil.net\\.example.com",
            "https://evil.net:80.example.com",
            "https://evil.net@a.example.com",
            "https://a.example.com@evil.net",
            "https://a%2eexample.com",
            "https://*.example.com",
            "https://[::1].example.com",
            "https://\xe4.example.com",
            "https://a\n.example.com",
            "https://a.example.com\n",
            "https://a.example.com\r\nx-evil: 1",
            "https://a .example.com",
            "https://a,b.example.com",
            "null",
            "",
        ],
    ),
    # CVE-2019-25211: a star at the end that took `localhost.example.com` along.
    *matches(
        LOCALHOST,
        ["http://localhost", "http://localhost:1", "http://localhost:3000", "http://localhost:65535"],
        [
            "http://localhost.example.com",
            "http://localhost.example.com:3000",
            "http://localhost:",
            "http://localhost:abc",
            "http://localhost:3000.evil.example",
            "http://localhost:3000@evil.example",
            "http://localhost:3000/",
            "http://localhost:300000",
            "http://localhost:-1",
            "http://localhost:\xb2",
            "http://localhost:*",
            "https://localhost:3000",
            "http://evillocalhost:3000",
            "http://evil-localhost:3000",
            "http://a.localhost:3000",
            "http://127.0.0.1:3000",
            "http://localhost:3000\n",
        ],
    ),
    *matches(
        {"allow_origins": ["https://*.example.com:8443"]},
        ["https://a.example.com:8443"],
        ["https://a.example.com", "https://a.example.com:84430", "https://a.example.com:18443"],
    ),
    *matches(
        {"allow_origins": ["https://*.example.com:*"]},
        ["https://a.example.com", "https://a.b.example.com:8443"],
        ["https://example.com:8443", "https://example.com", "https://a.example.com:x"],
    ),
    *matches(
        {"allow_origins": ["http://[::1]:*"]}, ["http://[::1]", "http://[::1]:80"], ["http://[::2]", "http://::1:80"]
    ),
    # Regular expressions match in full: Starlette 800, CVE-2026-37737.
    *matches(
        REGEX,
        ["https://a.example.com", "https://abc.example.com"],
        [
            "https://a.example.com.evil.net",
            "https://evil.net/https://a.example.com",
            "xhttps://a.example.com",
            "https://a.example.com\n",
            "https://A.example.com",
            "https://a.b.example.com",
            "null",
            "",
        ],
    ),
    *matches(
        CHOICE,
        [A, B],
        ["https://a.example.evil", "https://b.example.evil", "xhttps://b.example", "xhttps://a.example"],
    ),
    *matches({"allow_origin_regex": r"^https://a\.example$"}, [A], ["https://a.example\n", "https://a.example\nx"]),
    # What is reflected into a header must fit into one: no control characters, however loose the check.
    *matches(
        LOOSE,
        ["https://a.example.com", "https://a.b.example.com:8443.example.com"],
        ["https://a\r\nx-evil: 1.example.com", "https://a\n.example.com", "https://a\x00.example.com"],
    ),
    *matches(ANYBODY, [A, EVIL, "http://localhost:1"], ["null", "https://a\r\nx-evil: 1"]),
    *matches(REALLY_ANY, [A, EVIL, "http://localhost:1"], ["null", "", "https://a\r\nx-evil: 1"]),
    *matches({"allow_origin_regex": ".*"}, [A, EVIL], ["null", "https://a\r\nx-evil: 1"]),
    *matches({"allow_origin_regex": "(?s).*"}, [A], ["https://\xe4.example", "https://a b", "https://a\x7f", "\xa0"]),
    *matches({"allow_origin_regex": r"null|https://a\.example"}, [A], ["null", EVIL]),
    *matches(ANYBODY, [], ["https://\xe4.example", "https://a b", "https://a\x7f", "\xa0"]),
    *matches({**REALLY_ANY, "dangerously_allow_null_origin": True}, ["null", A], ["https://a b"]),
    # Longer than 330 bytes is refused before any pattern, expression or function.
    *matches(SUBDOMAINS, [long_origin(330)], [long_origin(331), long_origin(100_000)]),
    *matches(REGEX, [long_origin(330)], [long_origin(331), long_origin(100_000)]),
    *matches(ANYBODY, [long_origin(330)], [long_origin(331), long_origin(100_000)]),
    *matches(REALLY_ANY, [long_origin(330)], [long_origin(331)]),
    # null stands for every sandboxed frame.
    *matches({"dangerously_allow_null_origin": True}, ["null"], [A, "NULL", "null ", "nul", ""]),
    *matches({"allow_origins": []}, [], [A, "null", "", "*"]),
    *matches(
        {**LISTED, **REGEX, "allow_origin_func": lambda origin, scope: origin == B},
        [A, B, "https://x.example.com"],
        [EVIL, "null"],
    ),
]


def match_id(options: Options, origin: str, allowed: bool) -> str:
    rule = next((str(value) for value in options.values() if isinstance(value, (str, list))), "or ".join(options))
    return f"{rule} {'allows' if allowed else 'refuses'} {origin[:60]!r} of {len(origin)}"


@pytest.mark.parametrize(("options", "origin", "allowed"), MATCHES, ids=[match_id(*row) for row in MATCHES])
def test_every_door_gives_the_same_answer_to_an_origin(options: Options, origin: str, allowed: bool) -> None:
    app = CORSMiddleware(sends(start(headers=[]), body(b"ok")), **options, websocket="check")
    credentials = [("access-control-allow-credentials", "true")] if app.policy.allow_credentials else []
    actual = drive(app, get(origin))
    asked = drive(app, preflight(origin))
    if allowed:
        named = [*credentials, ("access-control-allow-origin", origin)]
        assert actual.headers == [*named, ("vary", "Origin")]
        assert (asked.status, asked.raw_body) == (200, b"OK")
        assert asked.header("access-control-allow-origin") == [origin]
    else:
        assert actual.headers == [("vary", "Origin")]
        assert whole(asked) == refusal("origin")
    assert actual.raw_body == b"ok"
    app.app = accepts()
    socket = drive(app, websocket(headers=[("host", "api.example"), ("origin", origin)]))
    assert socket.sent[0]["type"] == ("websocket.accept" if allowed else "websocket.http.response.start")


def test_two_origin_lines_are_no_origin() -> None:
    for options in (LISTED, SUBDOMAINS, REGEX):
        origins = ("https://a.example.com", A)
        scope = http(headers=[("origin", origin) for origin in origins])
        app = CORSMiddleware(sends(start(headers=[]), body(b"")), **options)
        assert drive(app, scope).headers == [("vary", "Origin")]
        assert whole(drive(app, preflight(origins[0], more=[("origin", origins[1])]))) == refusal("origin")


def test_a_scheme_without_a_default_port_can_be_allowed() -> None:
    app = CORSMiddleware(sends(start(headers=[]), body(b"")), allow_origins=["capacitor://localhost"])
    assert drive(app, get("capacitor://localhost")).headers == [
        ("access-control-allow-origin", "capacitor://localhost"),
        ("vary", "Origin"),
    ]
    assert drive(app, get("capacitor://localhost:80")).headers == [("vary", "Origin")]


# --- a function that decides ------------------------------------------------------------------------------------------


class Verdict:
    """Truthy or not, as ORMs' results are."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count


async def says_yes(origin: str, scope: Any) -> bool:
    return True


async def says_no(origin: str, scope: Any) -> None:
    return None


async def fails_later(origin: str, scope: Any) -> bool:
    raise LookupError("no database")


def fails(origin: str, scope: Any) -> bool:
    raise LookupError("no database")


def fails_in_a_group(origin: str, scope: Any) -> bool:
    raise ExceptionGroup("no database", [LookupError("no database")])


FUNCTIONS: list[tuple[str, Callable[[str, Any], Any], bool, int]] = [
    ("it says yes", lambda origin, scope: True, True, 0),
    ("it says no", lambda origin, scope: False, False, 0),
    ("it says nothing", lambda origin, scope: None, False, 0),
    ("it gives something that counts as true", lambda origin, scope: Verdict(1), True, 0),
    ("it gives something that counts as false", lambda origin, scope: Verdict(0), False, 0),
    ("it says yes, later", says_yes, True, 0),
    ("it says nothing, later", says_no, False, 0),
    ("it gives an awaitable from a plain function", lambda origin, scope: says_yes(origin, scope), True, 0),
    ("it raises", fails, False, 1),
    ("it raises a group", fails_in_a_group, False, 1),
    ("it raises, later", fails_later, False, 1),
]


@pytest.mark.parametrize(("sentence", "function", "allowed", "logged"), FUNCTIONS, ids=[row[0] for row in FUNCTIONS])
def test_a_function_decides(
    sentence: str,
    function: Callable[[str, Any], Any],
    allowed: bool,
    logged: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = CORSMiddleware(sends(start(headers=[]), body(b"")), allow_origin_func=function)
    assert drive(app, get("https://x.example\x1b[31m")).headers[-1] == ("vary", "Origin")
    caplog.clear()
    assert drive(app, get()).headers == (NAMED if allowed else [("vary", "Origin")])
    records = [(record.name, record.levelno, record.getMessage()) for record in caplog.records]
    assert (
        records == [("asgi_middleware.cors", logging.ERROR, "allow_origin_func raised; the origin is refused")] * logged
    )


@pytest.mark.parametrize("function", [fails, fails_later, fails_in_a_group])
def test_a_function_that_fails_refuses_at_every_door(
    function: Callable[[str, Any], Any], caplog: pytest.LogCaptureFixture
) -> None:
    app = CORSMiddleware(sends(start(headers=[]), body(b"ok")), allow_origin_func=function)
    assert drive(app, get()).headers == [("vary", "Origin")]
    assert whole(drive(app, preflight())) == refusal("origin")
    denied = drive(app, websocket(headers=[("host", "api.example"), ("origin", A)]))
    assert [message["type"] for message in denied.sent] == [
        "websocket.http.response.start",
        "websocket.http.response.body",
    ]
    assert (denied.status, denied.raw_body) == (403, b"Disallowed CORS origin")
    assert [(record.getMessage(), record.args, record.exc_info is not None) for record in caplog.records] == [
        ("allow_origin_func raised; the origin is refused", (), True)
    ] * 3


def test_a_function_is_asked_last_once_and_with_the_scope() -> None:
    asked: list[tuple[str, Any]] = []

    def function(origin: str, scope: Any) -> bool:
        asked.append((origin, scope))
        return origin == "https://d.example"

    app = CORSMiddleware(
        sends(start(headers=[]), body(b"")),
        allow_origins=[A, "https://*.example.com"],
        allow_origin_regex=r"https://c\.example",
        allow_origin_func=function,
    )
    for origin in (A, "https://x.example.com", "https://c.example", "null", long_origin(331) + ".example", None):
        drive(app, get(origin))
    assert asked == []
    scope = get("https://d.example")
    drive(app, scope)
    assert asked == [("https://d.example", scope)]
    assert asked[0][1] is scope
    assert whole(drive(app, preflight(EVIL))) == refusal("origin")
    assert [origin for origin, _ in asked] == ["https://d.example", EVIL]


def test_any_origin_asks_no_function() -> None:
    app = CORSMiddleware(sends(start(headers=[]), body(b"")), **ANY, allow_origin_func=fails)
    assert drive(app, get(EVIL)).headers == [(ACAO, "*")]


@pytest.mark.parametrize("error", [asyncio.CancelledError(), KeyboardInterrupt(), SystemExit(1)])
def test_what_is_no_exception_of_the_function_travels_on(error: BaseException) -> None:
    async def function(origin: str, scope: Any) -> bool:
        raise error

    app, scopes = remembers()
    for scope in (get(), preflight(), websocket(headers=[("origin", A)])):
        exchange = drive(CORSMiddleware(app, allow_origin_func=function), scope)
        assert exchange.error is error
        assert (exchange.sent, scopes) == ([], [])
