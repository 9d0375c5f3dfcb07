"""JSON Web Tokens (RFC 7519) in compact form (RFC 7515), by the rules of RFC 8725.

python-jose is the key and signature library: `jwk.construct` once per key, `Key.verify` once per token. Framing,
header and claims are checked here, strictly and before any signature work where that is possible, because
`jose.jwt.decode` lets 35 kinds of bad token pass and answers 13 with exceptions of other libraries.

Every refusal is AuthError 401 `invalid_token` with fixed text.
"""

import base64
import binascii
import json
import re
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, NoReturn

from .._options import Options, shown
from .._types import Strings
from .identity import AuthError

# Far above real tokens; what is longer is refused before anything is decoded.
_LONGEST = 8192  # bytes
_COMPACT = re.compile(rb"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
# The end of the year 9999, in seconds since the epoch.
_LATEST = 253402300799
# RFC 9068, 4 and RFC 7519, 5.1: other types (ID tokens have none, but logout+jwt, dpop+jwt) are not access tokens.
_TYPES = ("jwt", "at+jwt")


def _refuse(why: str) -> NoReturn:
    raise AuthError(401, "invalid_token", why)


class JWT:
    """Verifies tokens: `claims = await JWT(keys, issuer="https://idp.example/", audience="api").verify(token)`.

    - `keys`: `HMACKey`, `StaticKeys`, or an object with `async find(alg: str, kid: str | None)`.
    - `issuer`, `audience`: what `iss` must be, and `aud` must name: text, or several texts of which one must fit.
      Both are mandatory; `any_issuer=True` and `any_audience=True` do without, on purpose.
    - `leeway`: seconds that clocks may differ. `clock`: seconds since the epoch.
    - `typ`: the accepted values of the header's `typ`, case-insensitive; an absent one is accepted.

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
        clock: Callable[[], float] = time.time,
    ) -> None:
        options = Options("JWT")
        if isinstance(keys, (str, bytes, bytearray, type)) or not hasattr(keys, "find"):
            options.problem("keys", type(keys).__name__, "is no source of keys", "pass HMACKey(...) or StaticKeys(...)")
        self._issuers = _expected(options, "issuer", issuer, "any_issuer", any_issuer)
        self._audiences = _expected(options, "audience", audience, "any_audience", any_audience)
        options.integer("leeway", leeway, minimum=0, maximum=300, unit="seconds", remedy="write 30")
        self._types = frozenset(map(_type_name, options.strings("typ", typ, example="['at+jwt']")))
        options.function("clock", clock, optional=False)
        options.raise_problems()
        self._keys: Any = keys
        self._leeway = leeway
        self._clock = clock

    async def verify(self, token: bytes) -> Mapping[str, Any]:
        """The claims of a good token. AuthError 401 for every other one."""
        if len(token) > _LONGEST or not _COMPACT.fullmatch(token):
            _refuse("The token is malformed")
        signed, _, signature_text = token.rpartition(b".")
        header_text, _, claims_text = signed.partition(b".")
        header = _json(_decoded(header_text))
        alg, kid, typ = header.get("alg"), header.get("kid", ""), header.get("typ")
        if "crit" in header:
            _refuse("The token demands extensions that are not supported")
        if not isinstance(alg, str) or not isinstance(kid, str):
            _refuse("The token's header is malformed")
        if "typ" in header and not (isinstance(typ, str) and _type_name(typ) in self._types):
            _refuse("The token is of another type")
        claims_bytes, signature = _decoded(claims_text), _decoded(signature_text)
        key = await self._keys.find(alg, kid if "kid" in header else None)
        if key is None or not key.verify(signed, signature):
            _refuse("The token's signature is not valid")
        claims = _json(claims_bytes)
        self._check(claims)
        return claims

    def _check(self, claims: Mapping[str, Any]) -> None:
        now = self._clock()
        expires = _instant(claims, "exp")
        if expires is None:
            _refuse("The token does not expire")
        if now >= expires + self._leeway:
            _refuse("The token has expired")
        for name in ("nbf", "iat"):
            instant = _instant(claims, name)
            if instant is not None and instant > now + self._leeway:
                _refuse("The token is not valid yet")
        if self._issuers is not None:
            issuer = claims.get("iss")
            if not isinstance(issuer, str) or issuer not in self._issuers:
                _refuse("The token is from another issuer")
        if self._audiences is not None:
            audience = claims.get("aud")
            named = [audience] if isinstance(audience, str) else audience
            if not isinstance(named, list) or not any(isinstance(one, str) and one in self._audiences for one in named):
                _refuse("The token is for another audience")

    def __repr__(self) -> str:
        return f"JWT({self._keys!r}, issuer={_texts(self._issuers)}, audience={_texts(self._audiences)})"


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


def _decoded(segment: bytes) -> bytes:
    """base64url without padding, in its one canonical spelling (RFC 7515, 2)."""
    try:
        data = base64.b64decode(segment + b"=" * (-len(segment) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        _refuse("The token is malformed")
    # One signed token must not have several spellings: denylists and caches are keyed by its text.
    if base64.urlsafe_b64encode(data).rstrip(b"=") != segment:
        _refuse("The token is malformed")
    return data


def _json(data: bytes) -> dict[str, Any]:
    """A JSON object without doubled names or non-finite numbers (RFC 7515, 4; RFC 8259, 4)."""
    try:
        content: Any = json.loads(data.decode(), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        _refuse("The token is malformed")
    if not isinstance(content, dict):
        _refuse("The token is malformed")
    return content


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("doubled name")
    return content


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _instant(claims: Mapping[str, Any], name: str) -> float | None:
    """A NumericDate (RFC 7519, 2); None where the claim is absent."""
    if name not in claims:
        return None
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        _refuse(f"The token's {name} is no time")
    # Past the year 9999 nobody means it.
    if not 0 <= value <= _LATEST:
        _refuse(f"The token's {name} is no time")
    return value
