"""Checks of values and of scopes: whether each is of the kind that the specification says."""

import math
from collections.abc import Callable, Iterable
from typing import Any

from .._options import shown
from .rules import ASGIViolation

Report = Callable[[ASGIViolation], None]


def is_text(value: Any) -> bool:
    return isinstance(value, str)


def is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_plain(value: Any, depth: int = 0) -> bool:
    """Whether a value is of the kinds that messages may hold, which any server can serialise."""
    if value is None or isinstance(value, (bytes, str, bool)):
        return True
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, (list, tuple)):
        return depth < 20 and all(is_plain(item, depth + 1) for item in value)
    if isinstance(value, dict):
        return depth < 20 and all(is_text(key) and is_plain(item, depth + 1) for key, item in value.items())
    return False


def pairs_of(value: Any) -> list[tuple[bytes, bytes]] | None:
    """The pairs of a header list; None if it is not one. A one-shot iterator is not looked at: that would use it up."""
    if not isinstance(value, (list, tuple)):
        return [] if isinstance(value, Iterable) and not isinstance(value, (str, bytes, dict)) else None
    for pair in value:
        if not isinstance(pair, (list, tuple)) or len(pair) != 2 or not all(isinstance(part, bytes) for part in pair):
            return None
    return [(pair[0], pair[1]) for pair in value]


def check_scope(report_to: Report, scope: Any) -> None:
    def check(rule: str, fine: bool, seen: Any) -> None:
        if not fine:
            report_to(ASGIViolation(rule, shown(seen)))

    check("scope-dict", isinstance(scope, dict) and all(is_text(key) for key in scope), type(scope))
    if not isinstance(scope, dict):
        return
    check("scope-type", is_text(scope.get("type")), scope.get("type"))
    asgi = scope.get("asgi")
    check("scope-version", isinstance(asgi, dict) and asgi.get("version") in ("2.0", "3.0"), asgi)
    version = asgi.get("spec_version", "2.0") if isinstance(asgi, dict) else "2.0"
    check("scope-spec-version", is_text(version), version)
    extensions = scope.get("extensions") or {}
    fine = isinstance(extensions, dict) and all(isinstance(value, dict) for value in extensions.values())
    check("scope-extensions", fine, extensions)
    check("scope-state", isinstance(scope.get("state", {}), dict), scope.get("state"))
    kind = scope.get("type")
    if kind not in ("http", "websocket"):
        return
    versions = ("1.0", "1.1", "2", "3")
    check("scope-http-version", scope.get("http_version", "1.1") in versions, scope.get("http_version"))
    if kind == "http":
        method = scope.get("method")
        check("scope-method", is_text(method) and method == str(method).upper(), method)
    else:
        offered = scope.get("subprotocols", ())
        fine = isinstance(offered, Iterable) and not isinstance(offered, (str, bytes)) and all(map(is_text, offered))
        check("scope-subprotocols", fine, offered)
    check(
        "scope-scheme", is_text(scope.get("scheme", "http")) and scope.get("scheme", "http") != "", scope.get("scheme")
    )
    check("scope-path", is_text(scope.get("path")), scope.get("path"))
    raw = scope.get("raw_path")
    check("scope-raw-path", raw is None or (isinstance(raw, bytes) and b"?" not in raw), raw)
    check("scope-query", isinstance(scope.get("query_string", b""), bytes), scope.get("query_string"))
    check("scope-root-path", is_text(scope.get("root_path", "")), scope.get("root_path"))
    pairs = pairs_of(scope.get("headers", []))
    check("scope-headers", pairs is not None, scope.get("headers"))
    pseudo = [name for name, _ in pairs or () if name.startswith(b":")]
    check("scope-pseudo-headers", not pseudo, pseudo)
    for key in ("client", "server"):
        check("scope-address", _is_address(scope.get(key), key), scope.get(key))


def _is_address(value: Any, key: str) -> bool:
    if value is None:
        return True
    if not isinstance(value, (list, tuple)) or len(value) != 2 or not is_text(value[0]):
        return False
    # A server on a Unix socket has no port.
    return is_number(value[1]) or (key == "server" and value[1] is None)
