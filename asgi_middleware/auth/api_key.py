"""API keys: random texts that programs send, kept as their SHA-256 digests.

    key, digest = APIKeys.new(prefix="acme")     # the key goes to its owner and is kept nowhere, the digest is kept
    app = AuthMiddleware(app, APIKeys({digest: {"identity": "ci", "scopes": ["deploy"]}}))

A digest without salt is right for what nobody can guess, 256 random bits, and for nothing else: passwords belong to
`Basic`.
"""

import hashlib
import hmac
import re
import secrets
import string
import tomllib
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import _headers
from .._options import Options, shown
from .._types import Scope
from .identity import AuthError, User, bearer_token

_HEADER = "X-API-Key"
_DIGEST = re.compile(r"[0-9a-fA-F]{64}")
_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,30}")
# Letters and digits alone: a double click marks the whole key, and a scanner needs no more than its prefix.
_ALPHABET = string.ascii_letters + string.digits
_RANDOM = 43  # characters: 256 bits of them
_FIELDS = ("identity", "display_name", "scopes")
_UNKNOWN = "The API key is not known"


class APIKeys:
    """Identifies by an API key.

    - `keys`: a mapping from digests (SHA-256, 64 hexadecimal digits) to identities, or to mappings with `identity`,
      `scopes` and `display_name`, or to `User`s, which are copied.
    - `header`: where the key is sent; `X-API-Key` if nothing is said.
    - `bearer`: it is sent as `Authorization: Bearer` in place of that.
    - `dangerously_allow_query`: the name of a query parameter that may carry it too. URLs are kept in logs, in
      histories, and by every proxy; a key that was in one is to be replaced.

    A key that is not known is refused with 401, one that was sent more than once with 400. Raises ConfigError with
    every problem, none of which shows a key.
    """

    def __init__(
        self,
        keys: Mapping[str, Any],
        *,
        header: str | None = None,
        bearer: bool = False,
        dangerously_allow_query: str | None = None,
    ) -> None:
        options = Options("APIKeys")
        self._users = _checked_keys(options, keys)
        options.boolean("bearer", bearer)
        name = _HEADER if header is None else options.header_name("header", header)
        if bearer is True and header is not None:
            options.problem("header", shown(header), "contradicts bearer=True", "leave one of them out")
        if dangerously_allow_query is not None:
            options.text("dangerously_allow_query", dangerously_allow_query, example="'api_key'")
        options.raise_problems()
        # FastAPI's name for a scheme that nobody has registered; RFC 9110, 15.5.2 demands a challenge in every 401.
        self.scheme = "Bearer" if bearer else "APIKey"
        self._header = None if bearer else name.lower().encode()
        self._parameter = dangerously_allow_query
        self.reads = (self._header or b"authorization",) if dangerously_allow_query is None else None

    @staticmethod
    def new(*, prefix: str) -> tuple[str, str]:
        """A new key and its digest. The prefix tells people, and programs that look for leaked keys, whose it is."""
        if not isinstance(prefix, str) or not _PREFIX.fullmatch(prefix):
            options = Options("APIKeys.new")
            options.problem("prefix", shown(prefix), "must be a letter, then letters, digits and _", "write 'acme'")
            options.raise_problems()
        key = f"{prefix}_{''.join(secrets.choice(_ALPHABET) for _ in range(_RANDOM))}"
        return key, _digest(key.encode())

    async def identify(self, scope: Scope) -> Any:
        """The user of the key, or None where there is none. AuthError if it is not known."""
        sent = self._sent(scope)
        if not sent:
            return None
        if len(sent) > 1:
            raise AuthError(400, "invalid_request", "The API key was sent more than once")
        digest = _digest(sent[0])
        known, user = self._users.get(digest, ("", {}))
        if not hmac.compare_digest(known, digest):
            raise AuthError(401, "invalid_token", _UNKNOWN)
        return User(**user, scheme=self.scheme)

    def _sent(self, scope: Scope) -> list[bytes]:
        """Every key in the request."""
        if self._header is None:
            token = bearer_token(scope)
            sent = [] if token is None else [token]
        else:
            sent = [value.strip(b" \t") for value in _headers.get_all(scope.get("headers") or (), self._header)]
        if self._parameter is not None:
            query = (scope.get("query_string") or b"").decode("latin-1")
            pairs = urllib.parse.parse_qsl(query, keep_blank_values=True)
            sent += [value.encode() for name, value in pairs if name == self._parameter]
        return sent

    def __repr__(self) -> str:
        return f"APIKeys(<{len(self._users)} keys>)"


def _digest(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()


def _checked_keys(options: Options, keys: Any) -> dict[str, tuple[str, dict[str, Any]]]:
    """By digest, the digest again, to compare in constant time, and what makes the user."""
    if not isinstance(keys, Mapping) or not keys:
        options.problem("keys", type(keys).__name__, "must map digests to identities", "write {'9f86d0...': 'ci'}")
        return {}
    users: dict[str, tuple[str, dict[str, Any]]] = {}
    for number, (digest, value) in enumerate(keys.items(), 1):
        # By number: what stands in place of a digest may be the key.
        if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            options.problem(
                "keys",
                f"number {number}",
                "is no SHA-256 digest of a key, 64 hexadecimal digits",
                "take it from APIKeys.new(), or hashlib.sha256(key.encode()).hexdigest()",
            )
        elif digest.lower() in users:
            options.problem("keys", f"number {number}", "is there twice", "leave one out")
        else:
            users[digest.lower()] = digest.lower(), _checked_user(options, f"number {number}", value)
    return users


def _checked_user(options: Options, which: str, value: Any) -> dict[str, Any]:
    """What `User` takes."""
    if isinstance(value, User):
        return {name: getattr(value, name) for name in User.__slots__ if name != "scheme"}
    fields: dict[str, Any] = dict(value) if isinstance(value, Mapping) else {"identity": value}
    if not isinstance(fields.get("identity"), str) or not fields["identity"]:
        options.problem("keys", which, "names no identity", "write {'9f86d0...': 'ci'}")
    if not set(fields) <= set(_FIELDS):
        options.problem("keys", which, f"has more than {', '.join(_FIELDS)}", "leave the rest out")
    if not isinstance(fields.get("display_name", ""), str):
        options.problem("keys", which, "has a display_name that is no text", "write it as text")
    fields["scopes"] = options.strings("keys", fields.get("scopes", ()), example="scopes = ['read']")
    return fields


def from_options(
    *,
    keys: Mapping[str, Any] | Path | None = None,
    header: str | None = None,
    bearer: bool = False,
    dangerously_allow_query: str | None = None,
) -> APIKeys:
    """An `APIKeys` from a config list. `keys`: a table of digests, or the path of a TOML file that is one."""
    options = Options("api_key")
    table: Any = _read(options, keys) if isinstance(keys, Path) else keys
    options.raise_problems()
    return APIKeys(table, header=header, bearer=bearer, dangerously_allow_query=dangerously_allow_query)


def _read(options: Options, path: Path) -> Any:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError:
        options.problem("keys", shown(str(path)), "is not TOML", 'write lines such as 9f86d0... = "ci"')
    except (OSError, ValueError) as error:
        options.problem("keys", shown(str(path)), f"cannot be read ({type(error).__name__})", "mend the path")
    return None
