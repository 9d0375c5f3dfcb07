"""Bearer tokens (RFC 6750) from the Authorization header; where it is asked for, a WebSocket's subprotocols too."""

import dataclasses
import inspect
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from .._headers import is_token
from .._options import Options, shown
from .._types import Scope
from ..exceptions import ConfigError, MissingExtra
from .identity import AuthError, User, bearer_token
from .jwks import JWKS, OIDC
from .jwt import JWT
from .keys import HMACKey, StaticKeys
from .subprotocol import Subprotocol

# RFC 6750, 2.1: b64token
_TOKEN = re.compile(rb"[A-Za-z0-9._~+/-]+=*")


class Bearer:
    """Identifies by a bearer token.

    - `verifier`: has `async verify(token: bytes) -> claims` and raises AuthError; such as `JWT(...)`.
    - `user(claims)`: optional, sync or async: the user object for these claims. None, or one who is not authenticated,
      is refused (401), for a token that is there but not good is never anonymous. Without it the identity is the claim
      `sub`, and the scopes come from `scope` (text) or `scp` (text or list).
    - `subprotocol`: the marker behind which browsers may offer the token of a WebSocket, such as "bearer":
      `new WebSocket(url, ["bearer", token])`. The application sees neither. None: only the header counts.
    """

    scheme = "Bearer"

    def __init__(
        self,
        verifier: Any,
        user: Callable[[Mapping[str, Any]], Any] | None = None,
        *,
        subprotocol: str | None = None,
    ) -> None:
        options = Options("Bearer")
        if isinstance(verifier, type) or not hasattr(verifier, "verify"):
            options.problem(
                "verifier", type(verifier).__name__, "has no `verify`", "pass JWT(keys, issuer=..., audience=...)"
            )
        options.function("user", user)
        if subprotocol is not None and not (isinstance(subprotocol, str) and is_token(subprotocol)):
            options.problem("subprotocol", shown(subprotocol), "is no name of a subprotocol", "write 'bearer'")
        options.raise_problems()
        self._verifier = verifier
        self._user = user
        self._subprotocol = None if subprotocol is None else Subprotocol(subprotocol)
        self.reads = (b"authorization",) if subprotocol is None else None
        if self._subprotocol is not None:
            # AuthMiddleware lets it hide the token from the application.
            self.conceal = self._subprotocol.conceal

    async def identify(self, scope: Scope) -> Any:
        """The user of the token, or None where there is no bearer token. AuthError if it is not good."""
        token = bearer_token(scope)
        if self._subprotocol is not None and scope["type"] == "websocket":
            offered = self._subprotocol.token(scope)
            if offered is not None and token is not None:
                raise AuthError(400, "invalid_request", "Two bearer tokens were sent")
            token = token if offered is None else offered
        if token is None:
            return None
        if not _TOKEN.fullmatch(token):
            raise AuthError(400, "invalid_request", "The bearer token is malformed")
        claims: Mapping[str, Any] = await self._verifier.verify(token)
        if self._user is not None:
            user: Any = self._user(claims)
            if inspect.isawaitable(user):
                user = await user
            if user is None or user is False or not getattr(user, "is_authenticated", True):
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
    jwks: str | None = None,
    oidc: str | None = None,
    issuer: str | None = None,
    audience: str | None = None,
    any_issuer: bool = False,
    any_audience: bool = False,
    alg: str = "HS256",
    leeway: int = 30,
    subprotocol: str | None = None,
) -> Bearer:
    """A `Bearer(JWT(...))` from a config list.

    `secret`: text of an HMAC key; `keys`: a file of PEM, JWK or JWKS; `jwks`: the address of one; `oidc`: an issuer,
    which then needs no `issuer`.
    """
    options = Options("bearer")
    sources: list[Callable[[], Any]] = []
    if secret is not None:
        sources.append(lambda: HMACKey(secret, alg=alg))
    if keys is not None:
        sources.append(lambda: StaticKeys(keys))
    if jwks is not None:
        sources.append(lambda: _named("jwks", lambda: JWKS(jwks)))
    if oidc is not None:
        sources.append(lambda: _named("oidc", lambda: OIDC(oidc)))
    source: Any = None
    if len(sources) == 1:
        source = options.attempt(sources[0])
    else:
        rule = "exactly one of `secret`, `keys`, `jwks` and `oidc` names the key"
        options.problem("secret", "", rule, "give one of them")
    # Without a key the rest is checked all the same, so that everything is told at once.
    verifier = options.attempt(
        lambda: JWT(
            _NOTHING if source is None else source,
            issuer=oidc if source is None and issuer is None else issuer,
            audience=audience,
            any_issuer=any_issuer,
            any_audience=any_audience,
            leeway=leeway,
        )
    )
    options.attempt(lambda: Bearer(_NOTHING, subprotocol=subprotocol))
    options.raise_problems()
    return Bearer(verifier, subprotocol=subprotocol)


def _named(option: str, make: Callable[[], Any]) -> Any:
    """What `make` gives; what it refuses is told under the name that the config list has for it."""
    try:
        return make()
    except MissingExtra:
        raise
    except ConfigError as error:
        raise ConfigError(error.owner, [dataclasses.replace(p, option=option) for p in error.problems]) from None


class _Nothing:
    """Stands for keys, and for a verifier, that were refused."""

    async def find(self, alg: str, kid: str | None) -> None:
        """None: no key fits."""

    async def verify(self, token: bytes) -> NoReturn:
        """Never asked."""
        raise NotImplementedError


_NOTHING = _Nothing()
