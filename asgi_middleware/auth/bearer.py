"""Bearer tokens (RFC 6750) from the Authorization header, and from nowhere else."""

import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from .._options import Options
from .._types import Scope
from .identity import AuthError, User, credentials
from .jwt import JWT
from .keys import HMACKey, StaticKeys

# RFC 6750, 2.1: b64token
_TOKEN = re.compile(rb"[A-Za-z0-9\-._~+/]+=*")


class Bearer:
    """Identifies by a bearer token.

    - `verifier`: has `async verify(token: bytes) -> claims` and raises AuthError; such as `JWT(...)`.
    - `user(claims)`: optional and async: the user object for these claims, or None to refuse (401). Without it the
      identity is the claim `sub`, and the scopes come from `scope` (text) or `scp` (text or list).
    """

    scheme = "Bearer"

    def __init__(self, verifier: Any, user: Callable[[Mapping[str, Any]], Awaitable[Any]] | None = None) -> None:
        options = Options("Bearer")
        if isinstance(verifier, type) or not hasattr(verifier, "verify"):
            options.problem(
                "verifier", type(verifier).__name__, "has no `verify`", "pass JWT(keys, issuer=..., audience=...)"
            )
        options.function("user", user)
        options.raise_problems()
        self._verifier = verifier
        self._user = user

    async def identify(self, scope: Scope) -> Any:
        """The user of the token, or None where there is no bearer token. AuthError if it is not good."""
        found = credentials(scope)
        if found is None or found[0] != b"bearer":
            return None
        token = found[1]
        if not _TOKEN.fullmatch(token):
            raise AuthError(400, "invalid_request", "The bearer token is malformed")
        claims: Mapping[str, Any] = await self._verifier.verify(token)
        if self._user is not None:
            user = await self._user(claims)
            if user is None or user is False:
                raise AuthError(401, "invalid_token", "The token's user is not known")
            return user
        subject = claims.get("sub")
        if not isinstance(subject, str) or not subject:
            raise AuthError(401, "invalid_token", "The token names no subject")
        issuer = claims.get("iss")
        return User(
            subject,
            scheme=self.scheme,
            scopes=_scopes(claims),
            claims=claims,
            issuer=issuer if isinstance(issuer, str) else None,
        )


def _scopes(claims: Mapping[str, Any]) -> tuple[str, ...]:
    value = claims.get("scope", claims.get("scp", ()))
    if isinstance(value, str):
        return tuple(scope for scope in value.split(" ") if scope)  # RFC 6749, 3.3
    if isinstance(value, list):
        return tuple(item for item in value if isinstance(item, str))
    return ()


def from_options(
    *,
    secret: str | None = None,
    keys: Path | None = None,
    issuer: str | None = None,
    audience: str | None = None,
    any_issuer: bool = False,
    any_audience: bool = False,
    alg: str = "HS256",
    leeway: int = 30,
) -> Bearer:
    """A `Bearer(JWT(...))` from a config list. `secret`: text of an HMAC key; `keys`: a file of PEM, JWK or JWKS."""
    options = Options("bearer")
    source: Any = None
    if (secret is None) == (keys is None):
        options.problem("secret", "", "exactly one of `secret` and `keys` names the key", "give one of them")
    else:
        source = options.attempt(lambda: StaticKeys(keys) if keys is not None else HMACKey(secret or "", alg=alg))
    # Without a key the rest is checked all the same, so that everything is told at once.
    verifier = options.attempt(
        lambda: JWT(
            _NO_KEYS if source is None else source,
            issuer=issuer,
            audience=audience,
            any_issuer=any_issuer,
            any_audience=any_audience,
            leeway=leeway,
        )
    )
    options.raise_problems()
    return Bearer(verifier)


class _NoKeys:
    """Stands for keys that were refused."""

    async def find(self, alg: str, kid: str | None) -> None:
        """None: no key fits."""


_NO_KEYS = _NoKeys()
