"""What every backend speaks: `User`, `AuthError`, and the Authorization header."""

from collections.abc import Mapping
from typing import Any

from .. import _headers
from .._options import Options, shown
from .._scope import header
from .._types import Scope

# RFC 7617, 2 demands a realm; this is it where none is configured.
_DEFAULT_REALM = "Restricted"


class User:
    """An authenticated user, in the shape of Starlette's BaseUser.

    `identity` is the name to store; `display_name` the one to show; `scheme` how it was proved ("Bearer", "Basic",
    "APIKey", "Session"); `claims` and `issuer` what a token said; `scopes` what it is allowed.
    """

    __slots__ = ("claims", "display_name", "identity", "issuer", "scheme", "scopes")

    is_authenticated = True

    def __init__(
        self,
        identity: str,
        *,
        scheme: str,
        display_name: str | None = None,
        scopes: tuple[str, ...] = (),
        claims: Mapping[str, Any] | None = None,
        issuer: str | None = None,
    ) -> None:
        self.identity = identity
        self.display_name = identity if display_name is None else display_name
        self.scheme = scheme
        self.scopes = scopes
        self.claims: Mapping[str, Any] = {} if claims is None else claims
        self.issuer = issuer

    def __repr__(self) -> str:
        return f"User({self.identity!r}, scheme={self.scheme!r})"


class AuthError(Exception):
    """A credential that is there but not good (401), malformed (400), not enough (403), or not checkable (503).

    `code` is RFC 6750's error code or None, `description` fixed text for the client.
    """

    status: int
    code: str | None
    description: str

    def __init__(self, status: int, code: str | None, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.code = code
        self.description = description


def credentials(scope: Scope) -> tuple[bytes, bytes] | None:
    """The Authorization header as (lower-case scheme, credentials), None without one (RFC 9110, 11.4).

    AuthError 400 if it was sent twice: programs differ in which one counts.
    """
    if header(scope, b"authorization") is None:
        return None
    lines = _headers.get_all(scope["headers"], b"authorization")
    if len(lines) > 1:
        raise AuthError(400, "invalid_request", "Authorization was sent more than once")
    scheme, _, rest = lines[0].strip(b" \t").partition(b" ")
    if b"\t" in scheme:
        raise AuthError(400, "invalid_request", "Authorization is malformed")
    return scheme.lower(), rest.strip(b" ")


def bearer_token(scope: Scope) -> bytes | None:
    """What the Authorization header has behind `Bearer`, None without that. AuthError as for `credentials`."""
    found = credentials(scope)
    return found[1] if found is not None and found[0] == b"bearer" else None


def challenge(scheme: str, realm: str | None, parameters: Mapping[str, str]) -> bytes:
    """One WWW-Authenticate value (RFC 9110, 11.6.1). Parameters are quoted, what is not printable ASCII becomes `?`."""
    all_of_them: dict[str, str] = {}
    if realm is not None or scheme == "Basic":
        all_of_them["realm"] = realm or _DEFAULT_REALM
    if scheme == "Basic":
        all_of_them["charset"] = "UTF-8"
    all_of_them |= parameters
    quoted = ", ".join(f"{name}={_headers.quoted(value)}" for name, value in all_of_them.items())
    return f"{scheme} {quoted}".rstrip().encode("ascii")


def check_realm(options: Options, realm: object) -> None:
    """Refuse what cannot stand in a challenge."""
    if realm is not None:
        options.text("realm", realm, example="'api'")
        if not str(realm).isascii():
            options.problem("realm", shown(realm), "must be ASCII", "write 'api'")
