"""Checks of the scope that a server gives, and of what is left of it when the application has ended."""

from collections.abc import Callable, Collection, Iterable
from typing import Any
from urllib.parse import unquote_to_bytes

from .._options import shown
from .rules import ASGIViolation
from .values import Report, as_list, is_number, is_text, pairs_of, type_of

_VERSIONS = ("1.0", "1.1", "2", "3")
# What the specification does not call optional, besides what rules of its own demand.
_MANDATORY = {"http": ("http_version", "query_string", "headers"), "websocket": ("headers",)}
# What nobody between server and application has reason to replace. Routers write `path`, `path_params`, `root_path`.
_KEPT = (
    *("type", "asgi", "http_version", "method", "scheme", "raw_path", "query_string", "headers", "client", "server"),
    *("subprotocols", "extensions"),
)
_UNREAD = object()  # stands for what cannot be looked at twice
# What the extension `tls` holds besides `client_cert_chain`: of which type, and whether it must be there.
_TLS = {
    "server_cert": (is_text, True),
    "tls_version": (is_number, True),
    "cipher_suite": (is_number, True),
    "client_cert_name": (is_text, False),
    "client_cert_error": (is_text, False),
}


class ScopeCheck:
    """One scope, as it is given."""

    def __init__(self, report_to: Report, scope: Any) -> None:
        self._report_to = report_to
        self._scope = scope

    def check(self, rule: str, fine: bool, seen: Any) -> None:
        if not fine:
            self._report_to(ASGIViolation(rule, shown(seen)))

    def whole(self) -> None:
        scope = self._scope
        self.check("scope-dict", isinstance(scope, dict) and all(map(is_text, scope)), type_of(scope))
        if not isinstance(scope, dict):
            return
        self._every_protocol()
        if scope.get("type") in ("http", "websocket"):
            self._request()
            self._path()
            self._tls()

    def _every_protocol(self) -> None:
        scope = self._scope
        self.check("scope-type", is_text(scope.get("type")), scope.get("type"))
        asgi = scope.get("asgi")
        versions = asgi if isinstance(asgi, dict) else {}
        version = versions.get("version")
        self.check("scope-version", version in ("2.0", "3.0"), version)
        version = versions.get("spec_version", "2.0")
        self.check("scope-spec-version", is_text(version), version)
        extensions = scope.get("extensions")
        fine = isinstance(extensions, dict) and all(isinstance(value, dict) for value in extensions.values())
        self.check("scope-extensions", fine or extensions is None, extensions)
        self.check("scope-state", isinstance(scope.get("state", {}), dict), type_of(scope.get("state")))

    def _request(self) -> None:
        scope = self._scope
        missing = [key for key in _MANDATORY[scope["type"]] if key not in scope]
        self.check("scope-keys", not missing, missing)
        self.check("scope-http-version", scope.get("http_version", "1.1") in _VERSIONS, scope.get("http_version"))
        if scope["type"] == "http":
            method = scope.get("method")
            self.check("scope-method", is_text(method) and method == str(method).upper(), method)
        else:
            offered = scope.get("subprotocols", ())
            fine = isinstance(offered, Iterable) and not isinstance(offered, (str, bytes))
            if isinstance(offered, Collection):  # what can be read once is left to the application
                fine = fine and all(map(is_text, offered))
            self.check("scope-subprotocols", fine, type_of(offered))
        scheme = scope.get("scheme", "http")
        self.check("scope-scheme", is_text(scheme) and scheme != "", scheme)
        query = scope.get("query_string", b"")
        # None stands for no query in a WebSocket's scope, and there alone.
        fine = isinstance(query, bytes) or (query is None and scope["type"] == "websocket")
        self.check("scope-query", fine, type_of(query))
        pairs = pairs_of(scope.get("headers", []))
        self.check("scope-headers", pairs is not None, type_of(scope.get("headers")))
        pseudo = [name for name, _ in pairs or () if name.startswith(b":")]
        self.check("scope-pseudo-headers", not pseudo, pseudo)
        for key in ("client", "server"):
            self.check("scope-address", _is_address(scope.get(key), key), scope.get(key))

    def _path(self) -> None:
        path, raw, root = self._scope.get("path"), self._scope.get("raw_path"), self._scope.get("root_path", "")
        self.check("scope-path", is_text(path), path)
        seen = raw.partition(b"?")[:2] if isinstance(raw, bytes) else type_of(raw)
        self.check("scope-raw-path", raw is None or (isinstance(raw, bytes) and b"?" not in raw), seen)
        self.check("scope-root-path", is_text(root), root)
        if is_text(path) and isinstance(raw, bytes):
            undecoded = path.encode(errors="replace") == raw != unquote_to_bytes(raw)
            query = "?" in path and b"?" not in unquote_to_bytes(raw)
            self.check("scope-path-decoded", not undecoded and not query, path.partition("?")[:2])
        if is_text(path) and is_text(root) and path.startswith("/"):  # not the `*` of OPTIONS
            self.check("scope-path-whole", path.startswith(root), [path, root])

    def _tls(self) -> None:
        extensions = self._scope.get("extensions")
        tls = extensions.get("tls") if isinstance(extensions, dict) else None
        if not isinstance(tls, dict):
            return
        wrong = [key for key, (fits, needed) in _TLS.items() if not _is_told(tls, key, fits, needed)]
        chain = tls.get("client_cert_chain", ())
        if not isinstance(chain, Iterable) or isinstance(chain, (str, bytes)):
            wrong.append("client_cert_chain")
        secure = self._scope.get("scheme") in ("https", "wss")
        self.check("scope-tls", not wrong and secure, wrong or "without TLS")


def _is_told(tls: dict[Any, Any], key: str, fits: Callable[[Any], bool], needed: bool) -> bool:
    if key not in tls:
        return not needed
    return tls[key] is None or fits(tls[key])


def _is_address(value: Any, key: str) -> bool:
    if value is None:
        return True
    if not isinstance(value, (list, tuple)) or len(value) != 2 or not is_text(value[0]):
        return False
    # A server on a Unix socket has no port.
    return is_number(value[1]) or (key == "server" and value[1] is None)


class Kept:
    """What was in a scope when it was handed over, to compare with when the application has ended."""

    def __init__(self, scope: dict[str, Any]) -> None:
        self._scope = scope
        self._given = {key: (scope[key], _copied(scope[key])) for key in _KEPT if key in scope}

    def changed(self) -> list[str]:
        """The keys whose values are not equal to what they were. An equal one may stand in its place.

        Starlette puts a list of its own there, of the same headers, as soon as it looks for one.
        """
        scope = self._scope
        return [
            key
            for key, (value, copied) in self._given.items()
            if copied is not _UNREAD and not copied == _copied(value) == _copied(scope.get(key))
        ]


def _copied(value: Any) -> Any:
    """A copy of what can change and be compared. A one-shot iterator is not looked at: that would use it up."""
    if isinstance(value, dict):
        return dict(value)
    if isinstance(value, (list, tuple)):
        return as_list(value)
    return value if isinstance(value, (str, bytes, int, type(None))) else _UNREAD
