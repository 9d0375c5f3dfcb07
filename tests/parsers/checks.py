"""What must come of an input that is fed to a parser. A check raises `Wrong` when something else does.

Where a parser is given, a broken one can stand in its place: `tests/test_parsers.py` shows that each check can fail.
"""

import functools
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from asgi_middleware import (
    AuthMiddleware,
    ConfigError,
    CORSMiddleware,
    CORSPolicy,
    RequestIDMiddleware,
    SessionMiddleware,
)
from asgi_middleware._cookies import candidates
from asgi_middleware.auth import JWT, AuthError, Basic, Bearer, HMACKey, framing
from asgi_middleware.auth.basic import _parse
from asgi_middleware.compression.negotiation import choose, negotiate
from asgi_middleware.request_id.trace import parse_traceparent, parse_tracestate
from asgi_middleware.stack.files import StackFile, read_file

from .. import storing
from ..apps import body, start
from ..asgi import Exchange, drive, http, step
from ..negotiation_model import by_the_rfc
from ..subjects import SECRET, stopped
from . import models

Check = Callable[[bytes], None]


class Wrong(AssertionError):
    """Something else came of it than must."""


def must(fact: object, *what: object) -> None:
    if not fact:
        raise Wrong(*what)


# --- bounded work -----------------------------------------------------------------------------------------------------

# Lines of Python that may be run for a short input, and for each byte more. What the regular expressions do inside is
# not counted; libFuzzer's own timeout watches that.
LINES, LINES_EACH = 3_000, 60
PYYAMLS_OWN = 600  # for each byte: it looks at every character many times over


def bounded(check: Check, every: int = 16, each: int = LINES_EACH) -> Check:
    """The check, whose lines are counted once in so many times."""
    calls = 0

    @functools.wraps(check)
    def counted(data: bytes) -> None:
        nonlocal calls
        calls += 1
        if calls % every:
            check(data)
            return
        lines = 0

        def trace(frame: Any, event: str, arg: Any) -> Any:
            nonlocal lines
            lines += event == "line"
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            check(data)
        finally:
            sys.settrace(before)
        must(lines <= LINES + each * len(data), f"{lines} lines for {len(data)} bytes")

    return counted


# --- through a middleware ---------------------------------------------------------------------------------------------


class Site:
    """One middleware in front of an application that says what it sees; `seen` is None where it was not called."""

    def __init__(self, wrap: Callable[[Any], Any], sees: Callable[[Any], Any]) -> None:
        self.seen: Any = None
        self._sees = sees
        self._app = wrap(self._answer)

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        self.seen = self._sees(scope)
        await send(start(headers=[]))
        await send(body(b"ok"))

    def ask(self, headers: Sequence[tuple[bytes, bytes]], **changes: Any) -> Exchange:
        self.seen = None
        exchange = drive(self._app, http(**{**changes, "headers": []}) | {"headers": list(headers)})
        must(exchange.error is None, repr(exchange.error))
        must(sum(message["type"] == "http.response.start" for message in exchange.sent) == 1, exchange.sent)
        must(sum(len(value) for _, value in exchange.start["headers"]) < 10_000, "a header grew without bounds")
        return exchange


# --- the targets ------------------------------------------------------------------------------------------------------

OFFERED = (b"zstd", b"br", b"gzip")


def accept_encoding(parser: Callable[..., Any] = negotiate, chooser: Callable[..., Any] = choose) -> Check:
    def check(data: bytes) -> None:
        expected = by_the_rfc(data, OFFERED)
        must(parser(data, OFFERED) == expected, parser(data, OFFERED), expected)
        must(chooser(data, OFFERED) == (expected if len(data) <= 1024 else None), "choose")

    return check


def origin(parser: Callable[[bytes], bool] | None = None) -> Check:
    options: dict[str, Any] = {
        "allow_origins": ["https://app.example.com", "https://*.example.com", "http://localhost:*"],
        "allow_credentials": True,
    }
    allows = parser or CORSPolicy(**options).allows_by_list
    site = Site(lambda app: CORSMiddleware(app, **options), lambda scope: True)

    def check(data: bytes) -> None:
        expected = models.origin_allowed(data)
        must(allows(data) == expected, allows(data), expected)
        for method in ("GET", "OPTIONS"):
            asks = [(b"origin", data), (b"host", b"api.example.com"), (b"access-control-request-method", b"PUT")]
            told = site.ask(asks, method=method).header("access-control-allow-origin")
            must(told == ([data.decode("latin-1")] if expected else []), told)

    return check


def request_headers(parser: Callable[[list[bytes]], Any] | None = None) -> Check:
    """A list of its own, and any names; lines end at a line feed."""
    listed = CORSPolicy(allow_origins=["*"], allow_headers=["X-Token", "Authorization"])
    every = CORSPolicy(allow_origins=["*"], allow_headers=["*"])
    known = {b"accept", b"accept-language", b"content-language", b"content-type", b"x-token", b"authorization"}

    def check(data: bytes) -> None:
        lines = data.split(b"\n")
        names = models.names(lines)
        bound = {id(listed): 256, id(every): 63}
        for policy, good in ((listed, known.__contains__), (every, lambda name: set(name) <= models.TOKEN)):
            found, refused = parser(lines) if parser and policy is listed else policy.requested_headers(lines)
            if refused == "(too many)":
                must(len(data) > bound[id(policy)] or len(lines) > 32, "too many, although they are few")
            elif all(map(good, names)):
                must((list(found), refused) == (names, None), found, refused, names)
            else:
                must(refused is not None and not found, found, refused)
            must(refused is None or len(refused) < 300, "what is told of it grows")

    return check


def cookie(parser: Callable[[bytes, bytes], list[bytes]] = candidates) -> Check:
    """And nobody has a session but who shows what was signed."""
    store = storing.Site().memory
    step(store.create(storing.key(storing.OLD), storing.record({"a": 1}), storing.TERM))
    common: dict[str, Any] = {"clock": lambda: storing.NOW, "token_bytes": bytes}
    good = SEALED[0]
    sites = [
        Site(lambda app: SessionMiddleware(app, SECRET, clock=stopped), _content),
        Site(lambda app: SessionMiddleware(app, storing.SECRET, store=store, **common), _content),
    ]

    def check(data: bytes) -> None:
        expected = models.cookies(data, b"session")
        must(parser(data, b"session") == expected, parser(data, b"session"), expected)
        for site, known in zip(sites, (good, storing.cookie().encode()), strict=True):
            site.ask([(b"cookie", data)])
            must(site.seen == ({"a": 1} if known in expected else {}), site.seen)

    return check


def _content(scope: Any) -> Any:
    return dict(scope["session"])


def _sealed() -> bytes:
    """A session's cookie, as the middleware sends it."""

    def writes(scope: Any) -> None:
        scope["session"]["a"] = 1

    site = Site(lambda app: SessionMiddleware(app, SECRET, clock=stopped), writes)
    return site.ask([]).header("set-cookie")[0].partition(";")[0].removeprefix("session=").encode()


SEALED = [_sealed()]


def signed(claims: bytes) -> bytes:
    """A token whose signature is good, whatever it says."""
    import base64
    import hmac

    def text(data: bytes) -> bytes:
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    head = text(b'{"alg":"HS256"}') + b"." + text(claims)
    return head + b"." + text(hmac.digest(SECRET.encode(), head, "sha256"))


CLAIMS = b'{"sub":"ada","iss":"issuer","aud":"audience","exp":4000000000}'
TOKEN = signed(CLAIMS)
PASSWORD = b"YWRhOnBhc3M="  # ada:pass


def authorization(parser: Callable[[bytes], Any] = _parse) -> Check:
    """Anonymous, refused, or exactly who was meant; never a crash, and never somebody else."""
    verifier = JWT(HMACKey(SECRET), issuer="issuer", audience="audience", clock=stopped)
    basic = Basic(check=lambda name, password: (name, password) == ("ada", "pass"))
    site = Site(
        lambda app: AuthMiddleware(app, [basic, Bearer(verifier)]), lambda scope: scope["user"].is_authenticated
    )

    def check(data: bytes) -> None:
        status = site.ask([(b"authorization", data)]).status
        must(status in (200, 400, 401), status)
        scheme, _, rest = data.strip(b" \t").partition(b" ")
        rest = rest.strip(b" ")
        if site.seen:
            proved = rest == TOKEN if scheme.lower() == b"bearer" else models.basic(rest) == ("ada", "pass")
            must(proved, "somebody was let in")
        else:
            must(scheme.lower() != b"bearer" or rest != TOKEN, "a good token was refused")
        if len(rest) <= 1_000:
            must(_or_none(parser, rest) == models.basic(rest), "Basic", _or_none(parser, rest), models.basic(rest))

    return check


def _or_none(function: Callable[[bytes], Any], data: bytes) -> Any:
    try:
        return function(data)
    except AuthError:
        return None


def token(
    segment: Callable[[bytes], bytes] = framing.decoded, content: Callable[[bytes], Any] = framing.parsed
) -> Check:
    """Segments and claims; and claims that are signed, so that they are looked at."""
    verifier = JWT(HMACKey(SECRET), issuer="issuer", audience="audience", clock=stopped)
    site = Site(lambda app: AuthMiddleware(app, Bearer(verifier)), lambda scope: scope["user"].is_authenticated)

    def check(data: bytes) -> None:
        if data and set(data) <= models.LABEL | set(
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
        ):  # as a token's are, before they are decoded
            must(_or_none(segment, data) == models.base64url(data), "base64url", data)
        found, expected = _or_none(content, data), models.json_object(data)
        must(repr(found) == repr(expected), found, expected)  # NaN of 1e999 - 1e999 there is none
        status = site.ask([(b"authorization", b"Bearer " + signed(data))]).status
        must(status in (200, 401), status)
        claims = expected or {}
        if status == 200:
            must(claims["iss"] == "issuer" and isinstance(claims["sub"], str) and claims["sub"], claims)
            must("audience" in claims["aud"] and claims["exp"] > stopped() - 31, claims)

    return check


def traceparent(parser: Callable[[bytes], Any] = parse_traceparent) -> Check:
    def check(data: bytes) -> None:
        must(parser(data) == models.traceparent(data), parser(data), models.traceparent(data))

    return check


def tracestate(parser: Callable[[bytes], str] = parse_tracestate) -> Check:
    """Members that were sent, in their order, as many as fit; and through the middleware."""
    parent = b"00-12345678901234567890123456789012-1234567890123456-01"
    site = Site(
        lambda app: RequestIDMiddleware(app, trace="continue"),
        lambda scope: (scope["trace"], [value for name, value in scope["headers"] if name == b"tracestate"]),
    )

    def check(data: bytes) -> None:
        found = parser(data)
        sent = [part.strip(b" \t").decode("latin-1") for part in data.split(b",") if part.strip(b" \t")]
        must(len(found) <= 512, "it is too long")
        if models.tracestate_is_one(data):
            left = iter(sent)
            must(all(member in left for member in found.split(",") if found), found, "are not members in order")
            whole = ",".join(sent)
            must(len(whole) > 512 or found == whole, found, whole)
        else:
            must(found == "", found, "of what is no tracestate")
        site.ask([(b"traceparent", parent), (b"tracestate", data)])
        trace, lines = site.seen
        must(trace.state == found, trace.state, found)
        must(lines == ([found.encode()] if found else []), lines)

    return check


HUSH = "zqxjkvwy"  # stands where a secret would


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="parsers")


def config(suffix: str, reader: Callable[[Path], StackFile] = read_file) -> Check:
    """A file that is read, or refused as one, without a word of its values."""

    def check(data: bytes) -> None:
        path = Path(_folder().name) / f"stack{suffix}"
        path.write_bytes(data)
        try:
            found = reader(path)
        except ConfigError as error:
            text = str(error)
            must(HUSH not in text or "stands twice" in text, text)
            must(len(text) < 1_000, "the message is as long as the file")
            return
        must(len(found.lines) in (0, len(found.entries)), found)
        numbers = range(1, data.count(b"\n") + data.count(b"\r") + 2)
        must(all(number in numbers for number in found.lines), found.lines)
        must(found.lines == sorted(found.lines), found.lines)
        must(
            all(isinstance(entry, dict) and all(isinstance(key, str) for key in entry) for entry in found.entries),
            found,
        )

    return check
