"""JSON Web Tokens (RFC 7519) in compact form (RFC 7515), by the rules of RFC 8725.

python-jose is the key and signature library: `jwk.construct` once per key, `Key.verify` once per token. Framing,
header and claims are checked here, strictly and before any signature work where that is possible, because
`jose.jwt.decode` lets 35 kinds of bad token pass and answers 13 with exceptions of other libraries.

A token that was good is remembered for a minute, so that its next requests cost a digest and a look; not beyond its
`exp`, and not beyond a change of the keys. Every refusal is AuthError 401 `invalid_token` with fixed text.
"""

import hashlib
import inspect
import json
import re
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

from .._options import Options, shown
from .._types import Strings
from .framing import decoded, parsed, refuse
from .material import is_source

# Far above real tokens; what is longer is refused before anything is decoded.
_LONGEST = 8192  # bytes
_COMPACT = re.compile(rb"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
# The end of the year 9999, in seconds since the epoch.
_LATEST = 253402300799
# RFC 9068, 4 and RFC 7519, 5.1: other types (ID tokens have none, but logout+jwt, dpop+jwt) are not access tokens.
_TYPES = ("jwt", "at+jwt")
_REMEMBERED = 60  # seconds
_MOST_REMEMBERED = 1024  # some 1 KB each
# Issuers write one for each key; some put something new into each.
_MOST_HEADERS = 64


class JWT:
    """Verifies tokens: `claims = await JWT(keys, issuer="https://idp.example/", audience="api").verify(token)`.

    - `keys`: `HMACKey`, `StaticKeys`, `JWKS`, `OIDC`, `Issuers`, or an object with
      `async find(alg: str, kid: str | None)` and, if its keys may change, a `version` that changes with them.
    - `issuer`, `audience`: what `iss` must be, and `aud` must name: text, or several texts of which one must fit.
      Both are mandatory; `any_issuer=True` and `any_audience=True` do without, on purpose. Keys that are for known
      issuers (`OIDC`, `Issuers`) need no `issuer`; one that is given narrows them.
    - `leeway`: seconds that clocks may differ. `clock`: seconds since the epoch.
    - `typ`: the accepted values of the header's `typ`, case-insensitive; an absent one is accepted.
    - `revoked(claims)`: plain or async; whether the token was taken back. It is asked on every request.

    `exp` is required. `crit` is refused. The algorithm comes from the key, never from the token alone. Raises
    ConfigError with every problem.
    """

    def __init__(
        self,
        keys: Any,
        *,
        issuer: str | Collection[str] | None = None,
        audience: str | Collection[str] | None = None,
        any_issuer: bool = False,
        any_audience: bool = False,
        leeway: int = 30,
        typ: Strings = _TYPES,
        revoked: Callable[[Mapping[str, Any]], Any] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        options = Options("JWT")
        # issuers to the source of their keys; None where one source serves all
        self._sources: Mapping[str, Any] | None = None
        if not is_source(keys):
            options.problem("keys", type(keys).__name__, "is no source of keys", "pass HMACKey(...) or StaticKeys(...)")
        elif hasattr(keys, "issuers"):
            self._sources = _narrowed(options, keys.issuers, issuer, any_issuer)
        if self._sources is None:
            self._issuers = _expected(options, "issuer", issuer, "any_issuer", any_issuer)
        else:
            self._issuers = frozenset(self._sources)
        self._audiences = _expected(options, "audience", audience, "any_audience", any_audience)
        options.integer("leeway", leeway, minimum=0, maximum=300, unit="seconds", remedy="write 30")
        self._types = frozenset(map(_type_name, options.strings("typ", typ, example="['at+jwt']")))
        options.function("revoked", revoked)
        options.function("clock", clock, optional=False, plain=True)
        options.raise_problems()
        self._keys: Any = keys
        self._leeway = leeway
        self._revoked = revoked
        self._clock = clock
        # Both only of good tokens, so that nobody else can fill them: digests to what is known of the token,
        self._good: dict[bytes, _Good] = {}
        # and header segments to (alg, kid).
        self._headers: dict[bytes, tuple[str, str | None]] = {}

    async def verify(self, token: bytes) -> Mapping[str, Any]:
        """The claims of a good token. AuthError 401 for every other one, 503 if the keys cannot be had."""
        if len(token) > _LONGEST:
            refuse("The token is malformed")
        digest = hashlib.sha256(token).digest()
        good = self._good.get(digest)
        if good is not None and good.holds(self._clock()):
            claims = good.claims()
        else:
            claims = await self._verify(token, digest)
        if self._revoked is not None:
            verdict = self._revoked(claims)
            if inspect.isawaitable(verdict):
                verdict = await verdict
            if verdict:
                refuse("The token has been revoked")
        return claims

    async def _verify(self, token: bytes, digest: bytes) -> dict[str, Any]:
        """Everything but revocation."""
        if not _COMPACT.fullmatch(token):
            refuse("The token is malformed")
        signed, _, signature_text = token.rpartition(b".")
        header_text, _, claims_text = signed.partition(b".")
        header = self._headers.get(header_text) or self._header(header_text)
        claims_bytes, signature = decoded(claims_text), decoded(signature_text)
        claims: dict[str, Any] | None = None
        source = self._keys
        if self._sources is not None:
            # Whose key is asked for; that the token is from there shows when it verifies.
            claims = parsed(claims_bytes)
            source = self._sources[_issuer(claims, self._sources)]
        # Read before the key is: if they change meanwhile, nothing is remembered of the old one.
        version = getattr(source, "version", None)
        key = await source.find(*header)
        if key is None or not key.verify(signed, signature):
            refuse("The token's signature is not valid")
        if claims is None:
            claims = parsed(claims_bytes)
        now = self._clock()
        expires = self._check(claims, now)
        try:
            good = _Good(claims, source, version, now, expires)
        except RecursionError:  # nested deeper than can be written
            return claims
        if len(self._headers) >= _MOST_HEADERS:
            self._headers.clear()
        self._headers[header_text] = header
        if len(self._good) >= _MOST_REMEMBERED:
            # All of them: no order to keep, and no more than a minute's checks to do again.
            self._good.clear()
        self._good[digest] = good
        return claims

    def _header(self, text: bytes) -> tuple[str, str | None]:
        """The algorithm and the key ID."""
        header = parsed(decoded(text))
        alg, kid, typ = header.get("alg"), header.get("kid", ""), header.get("typ")
        if "crit" in header:
            refuse("The token demands extensions that are not supported")
        if not isinstance(alg, str) or not isinstance(kid, str):
            refuse("The token's header is malformed")
        if "typ" in header and not (isinstance(typ, str) and _type_name(typ) in self._types):
            refuse("The token is of another type")
        return alg, kid if "kid" in header else None

    def _check(self, claims: Mapping[str, Any], now: float) -> float:
        """When the token expires, if its claims are good."""
        expires = _instant(claims, "exp")
        if expires is None:
            refuse("The token does not expire")
        if now >= expires + self._leeway:
            refuse("The token has expired")
        for name in ("nbf", "iat"):
            instant = _instant(claims, name)
            if instant is not None and instant > now + self._leeway:
                refuse("The token is not valid yet")
        if self._issuers is not None:
            _issuer(claims, self._issuers)
        if self._audiences is not None:
            audience = claims.get("aud")
            named = [audience] if isinstance(audience, str) else audience
            if not isinstance(named, list) or not any(isinstance(one, str) and one in self._audiences for one in named):
                refuse("The token is for another audience")
        return expires

    def __repr__(self) -> str:
        return f"JWT({self._keys!r}, issuer={_texts(self._issuers)}, audience={_texts(self._audiences)})"


class _Good:
    """What is known of a token that was good."""

    __slots__ = ("_claims", "_expires", "_made", "_nested", "_source", "_version")

    def __init__(self, claims: dict[str, Any], source: Any, version: Any, now: float, expires: float) -> None:
        self._source = source
        self._version = version
        self._made = now
        self._expires = min(expires, now + _REMEMBERED)
        self._claims = claims.copy()
        # Who is given claims may edit them, so lists and objects are made anew: quicker so than by `copy.deepcopy`.
        nested = {name: value for name, value in claims.items() if isinstance(value, (list, dict))}
        self._nested = json.dumps(nested) if nested else None

    def holds(self, now: float) -> bool:
        """Whether it still is: a clock that was set back does not prolong it."""
        return self._made <= now < self._expires and getattr(self._source, "version", None) == self._version

    def claims(self) -> dict[str, Any]:
        """The claims, which nobody else has."""
        claims = self._claims.copy()
        if self._nested is not None:
            claims.update(json.loads(self._nested))
        return claims


def _type_name(typ: str) -> str:
    """A `typ` to compare: case-insensitive, the prefix `application/` left out (RFC 7515, 4.1.9)."""
    return typ.lower().removeprefix("application/")


def _texts(values: frozenset[str] | None) -> str:
    return "any" if values is None else repr(sorted(values))


def _expected(
    options: Options, option: str, value: str | Collection[str] | None, waiver: str, waived: bool
) -> frozenset[str] | None:
    """The accepted texts, or None where that is waived."""
    options.boolean(waiver, waived)
    if waived:
        if value is not None:
            options.problem(option, shown(value), f"contradicts {waiver}=True", "leave one of them out")
        return None
    if value is None:
        options.problem(option, "", f"must be given: any other {option}'s tokens would pass", f"or set {waiver}=True")
        return None
    before = len(options.problems)
    texts = (value,) if isinstance(value, str) else options.strings(option, value, example="['api']")
    if len(options.problems) == before and not (texts and all(texts)):
        options.problem(option, shown(value), "must not be empty", f"name the {option}")
    return frozenset(texts)


def _narrowed(
    options: Options, sources: Mapping[str, Any], value: str | Collection[str] | None, waived: bool
) -> Mapping[str, Any]:
    """The accepted issuers, of those that there are keys for, to their sources."""
    if waived is not False:
        options.problem("any_issuer", shown(waived), "contradicts keys that are for known issuers", "leave it out")
    if value is None:
        return dict(sources)
    issuers = _expected(options, "issuer", value, "any_issuer", False) or frozenset()
    for issuer in sorted(issuers.difference(sources, [""])):
        options.problem("issuer", shown(issuer), "is none that there are keys for", "name some of these, or none")
    return {issuer: source for issuer, source in sources.items() if issuer in issuers}


def _issuer(claims: Mapping[str, Any], accepted: Collection[str]) -> str:
    issuer = claims.get("iss")
    if not isinstance(issuer, str) or issuer not in accepted:
        refuse("The token is from another issuer")
    return issuer


def _instant(claims: Mapping[str, Any], name: str) -> float | None:
    """A NumericDate (RFC 7519, 2); None where the claim is absent."""
    if name not in claims:
        return None
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        refuse(f"The token's {name} is no time")
    # Past the year 9999 nobody means it.
    if not 0 <= value <= _LATEST:
        refuse(f"The token's {name} is no time")
    return value
