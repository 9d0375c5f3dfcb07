"""What a browser and a shared cache do with an application's replies, by the standards alone.

`Fetch` is one call of a page and `verdict` what the page gets of it (https://fetch.spec.whatwg.org/#http-cors-protocol);
`SharedCache` is a cache between the two (RFC 9111, 4.1). Neither knows the package: they judge it, and its peers.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .asgi import App, Exchange, drive, http, websocket

Pairs = list[tuple[str, str]]

ACAO = "access-control-allow-origin"
ACAC = "access-control-allow-credentials"
ACEH = "access-control-expose-headers"

# The origins of the tests' pages.
A = "https://a.example"
B = "https://b.example"
EVIL = "https://evil.example"


# --- requests ---------------------------------------------------------------------------------------------------------


def get(origin: str | None = A, *more: tuple[str, str], **changes: Any) -> dict[str, Any]:
    """An actual request."""
    lines = [] if origin is None else [("origin", origin)]
    return http(headers=[("host", "api.example"), *lines, *more], **changes)


def preflight(
    origin: str = A, method: str = "GET", *lines: str, more: Iterable[tuple[str, str]] = ()
) -> dict[str, Any]:
    """A preflight; each of `lines` is one line of Access-Control-Request-Headers."""
    asked = [("access-control-request-headers", line) for line in lines]
    return get(origin, ("access-control-request-method", method), *asked, *more, method="OPTIONS")


def handshake(origin: str | None, host: str | None = "api.example", **changes: Any) -> dict[str, Any]:
    pairs = [("host", host), ("origin", origin)]
    return websocket(headers=[(name, value) for name, value in pairs if value is not None], **changes)


# --- a browser --------------------------------------------------------------------------------------------------------

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_ALWAYS_READABLE = {
    "cache-control", "content-language", "content-length", "content-type", "expires", "last-modified", "pragma",
}  # fmt: skip


@dataclass(frozen=True)
class Fetch:
    """`fetch(url, {method, headers, credentials})` from a page. `headers`: names that are not safelisted."""

    origin: str
    method: str = "GET"
    headers: tuple[str, ...] = ()
    credentials: bool = False


def combined(headers: Pairs, name: str) -> str | None:
    """A field's lines joined; None where it is missing."""
    values = [value for key, value in headers if key == name]
    return ", ".join(values) if values else None


def extracted(headers: Pairs, name: str) -> list[str] | None:
    """The members of a list of tokens, empty where it is missing; None where it is malformed."""
    members = [member.strip(" \t") for member in (combined(headers, name) or "").split(",")]
    members = [member for member in members if member]
    return members if all(_TOKEN.fullmatch(member) for member in members) else None


def passes_check(page: Fetch, headers: Pairs) -> bool:
    """https://fetch.spec.whatwg.org/#concept-cors-check"""
    allowed = combined(headers, ACAO)
    if allowed is None:
        return False
    if not page.credentials and allowed == "*":
        return True
    if allowed != page.origin:
        return False
    return not page.credentials or combined(headers, ACAC) == "true"


def passes_preflight(page: Fetch, app: App) -> bool:
    """https://fetch.spec.whatwg.org/#cors-preflight-fetch-0"""
    lines = [",".join(sorted({name.lower() for name in page.headers}))] if page.headers else []
    exchange = drive(app, preflight(page.origin, page.method, *lines))
    headers = exchange.headers
    if not passes_check(page, headers) or not 200 <= exchange.status <= 299:
        return False
    methods = extracted(headers, "access-control-allow-methods")
    names = extracted(headers, "access-control-allow-headers")
    if methods is None or names is None:
        return False
    if page.method not in ("GET", "HEAD", "POST", *methods) and (page.credentials or "*" not in methods):
        return False
    known = {name.lower() for name in names}
    for name in page.headers:
        listed = name.lower() in known
        if name.lower() == "authorization" and not listed:
            return False
        if not listed and (page.credentials or "*" not in known):
            return False
    return True


def verdict(page: Fetch, app: App) -> str:
    """What the page gets: the names of the headers it can read, or the step that stopped it."""
    if (page.method not in ("GET", "HEAD", "POST") or page.headers) and not passes_preflight(page, app):
        return "stopped by the preflight"
    exchange = drive(app, get(page.origin, *((name, "1") for name in page.headers), method=page.method))
    headers = exchange.headers
    if not passes_check(page, headers):
        return "stopped by the response"
    exposed = {name.lower() for name in extracted(headers, ACEH) or []}
    every = "*" in exposed and not page.credentials
    names = {name for name, _ in headers} - {"set-cookie", ACAO, ACAC, ACEH, "vary"}
    return "reads " + " ".join(sorted(name for name in names if every or name in exposed | _ALWAYS_READABLE))


# --- a shared cache ---------------------------------------------------------------------------------------------------


class SharedCache:
    """Keeps every response for ever, and gives it to whoever sends the same values of the fields its Vary names."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.stored: list[tuple[dict[str, Any], set[str], Exchange]] = []
        self.hits = 0

    def get(self, scope: dict[str, Any]) -> Exchange:
        for request, names, exchange in self.stored:
            if "*" not in names and all(field(request, name) == field(scope, name) for name in names):
                self.hits += 1
                return exchange
        exchange = drive(self.app, scope)
        names = {part.strip().lower() for value in exchange.header("vary") for part in value.split(",") if part.strip()}
        self.stored.append((scope, names, exchange))
        return exchange


def field(scope: dict[str, Any], name: str) -> list[bytes]:
    return [value for key, value in scope["headers"] if key.lower() == name.encode()]
