"""Public key material made into keys that verify, each bound to the algorithms that fit it (RFC 7518, 3; RFC 8037).

    material                    algorithms
    RSA public key, 2048 up     RS256 RS384 RS512 PS256 PS384 PS512
    EC P-256, P-384, P-521      ES256, ES384, ES512
    Ed25519                     EdDSA

The signatures are python-jose's on `cryptography`; PSS and Ed25519, which it lacks, are two small Key classes of ours
on the same. python-jose without `cryptography` would fall back to slower code with known holes, so it is refused.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from .._options import Options, shown
from ..exceptions import ConfigError, MissingExtra

_RSA = ("RS256", "RS384", "RS512")
_PSS = {"PS256": "SHA256", "PS384": "SHA384", "PS512": "SHA512"}
_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
# All that public keys verify.
ALGORITHMS = frozenset({*_RSA, *_PSS, *_CURVES.values(), "EdDSA"})
_SMALLEST_RSA = 2048  # bits; RFC 7518, 3.3
# Members of a JWK that only private and secret keys have.
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth"})


class Key(Protocol):
    """All that the rest needs of a signature library."""

    def verify(self, msg: bytes, sig: bytes, /) -> bool: ...


def jose(owner: str, option: str) -> Any:
    """python-jose's `jwk` on cryptography. Raises MissingExtra."""
    try:
        from jose import jwk
        from jose.backends.cryptography_backend import CryptographyECKey
    except ImportError:
        raise MissingExtra(owner, option, "jwt", "python-jose[cryptography]") from None
    if jwk.get_key("ES256") is not CryptographyECKey:
        raise MissingExtra(owner, option, "jwt", "cryptography")
    return jwk


def is_source(keys: object) -> bool:
    """Whether it is a source of keys: `find`, or `issuers` with a source for each. Text has a `find` of its own."""
    return not isinstance(keys, (str, bytes, bytearray, type)) and (hasattr(keys, "find") or hasattr(keys, "issuers"))


class Entry(NamedTuple):
    """One key before it is made: PEM bytes or a JWK, with what a JWK says of itself."""

    material: bytes | Mapping[str, Any]
    kid: str | None = None
    alg: str | None = None


class KeySet:
    """Keys to choose from. A token gets the key that its `kid` names.

    Without a `kid`, or with keys that have none, it gets one only if exactly one key fits its algorithm. So of keys
    that cannot be told apart none is used.
    """

    def __init__(self) -> None:
        # (key ID or None, algorithm) to keys
        self._by_id: dict[tuple[str | None, str], list[Key]] = {}
        self._by_alg: dict[str, list[Key]] = {}
        self._ids: set[str] = set()
        self._count = 0

    def add(self, options: Options, option: str, entry: Entry) -> None:
        """Make the key and add it; what speaks against that is a problem of the `option`."""
        jwk = jose(options.owner, option)
        try:
            algorithms = _algorithms(jwk, _public_key(jwk, entry.material))
        except ConfigError as error:
            for problem in error.problems:
                options.problem(option, problem.seen, problem.rule, problem.remedy)
            return
        if entry.alg is not None:
            algorithms = {name: key for name, key in algorithms.items() if name == entry.alg}
            if not algorithms:
                options.problem(option, shown(entry.alg), "does not fit the key", "mend the JWK's `alg`")
                return
        if entry.kid is not None:
            self._ids.add(entry.kid)
        self._count += 1
        for name, key in algorithms.items():
            self._by_id.setdefault((entry.kid, name), []).append(key)
            self._by_alg.setdefault(name, []).append(key)

    def find(self, alg: str, kid: str | None) -> Key | None:
        """The one key that fits, or None."""
        if kid is None:
            fitting = self._by_alg.get(alg, [])
        else:
            fitting = self._by_id.get((kid if kid in self._ids else None, alg), [])
        return fitting[0] if len(fitting) == 1 else None

    def names(self, kid: str | None) -> bool:
        """Whether a key has this ID."""
        return kid in self._ids

    def __len__(self) -> int:
        return self._count


def parsed(text: bytes) -> Any:
    """The JSON value; None for what is no JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def jwk_entry(options: Options, option: str, item: Any) -> list[Entry]:
    """The key of one JWK, in a list; what cannot be one is a problem, and gives none."""
    if not isinstance(item, Mapping) or not isinstance(item.get("kty"), str):
        options.problem(
            option, "", "is neither PEM nor a JWK nor a JWKS", "pass the key itself, or Path(...) to its file"
        )
        return []
    operations = item.get("key_ops", ["verify"])
    if item.get("use", "sig") != "sig" or not (isinstance(operations, list) and "verify" in operations):
        options.problem(option, "", "is not for signatures (`use`, `key_ops`)", "leave it out")
        return []
    if item["kty"] == "oct":
        options.problem(option, "", "is a secret among public keys", "use HMACKey for it")
        return []
    if not _PRIVATE.isdisjoint(item):
        options.problem(option, "", "is a private key", "pass the public one; keep this where tokens are made")
        return []
    kid, alg = item.get("kid"), item.get("alg")
    if not (kid is None or isinstance(kid, str)) or not (alg is None or isinstance(alg, str)):
        options.problem(option, "", "`kid` and `alg` must be text", "mend the JWK")
        return []
    return [Entry(dict(item), kid, alg)]


def _public_key(jwk: Any, material: bytes | Mapping[str, Any]) -> Any:
    """The `cryptography` public key. ConfigError where there is none in it."""
    options = Options("keys")
    kind: Any = "PEM" if isinstance(material, bytes) else material["kty"]
    try:
        if isinstance(material, bytes):
            return _pem(material)
        if kind == "OKP":
            return _ed25519(material)
        if kind in ("RSA", "EC"):
            return jwk.construct(material, "RS256" if kind == "RSA" else "ES256").prepared_key
        options.problem("", shown(kind), "is of an unknown kind", "use RSA, EC or Ed25519")
    except Exception as error:  # noqa: BLE001  # python-jose and cryptography raise a dozen kinds for a malformed key
        options.problem("", "", f"is not a readable public key ({type(error).__name__})", "mend it")
    raise ConfigError(options.owner, options.problems)


def _pem(text: bytes) -> Any:
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from cryptography.x509 import load_pem_x509_certificate

    if text.startswith(b"-----BEGIN CERTIFICATE"):
        return load_pem_x509_certificate(text).public_key()
    return load_pem_public_key(text)


def _ed25519(material: Mapping[str, Any]) -> Any:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if material.get("crv") != "Ed25519":
        raise ValueError("crv")
    x = str(material["x"]).encode()
    return Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(x + b"=" * (-len(x) % 4)))


def _algorithms(jwk: Any, public: Any) -> dict[str, Key]:
    """The algorithms that fit a public key, each with its verifying key. ConfigError for a weak or unknown one."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    options = Options("keys")
    if isinstance(public, rsa.RSAPublicKey):
        if public.key_size >= _SMALLEST_RSA and public.public_numbers().e >= 3:
            keys: dict[str, Key] = {name: jwk.construct(public, name) for name in _RSA}
            return keys | {name: _pss_key(public, digest) for name, digest in _PSS.items()}
        options.problem("", f"RSA of {public.key_size} bits", f"is weaker than {_SMALLEST_RSA} bits", "make a new key")
    elif isinstance(public, ec.EllipticCurvePublicKey) and public.curve.name in _CURVES:
        name = _CURVES[public.curve.name]
        return {name: jwk.construct(public, name)}
    elif isinstance(public, ed25519.Ed25519PublicKey):
        return {"EdDSA": _ed25519_key(public)}
    else:
        options.problem("", "", "is of an unsupported kind or curve", "use RSA, P-256, P-384, P-521 or Ed25519")
    raise ConfigError(options.owner, options.problems)


def _pss_key(public: Any, digest: str) -> Key:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding
    from jose.backends.base import Key as JoseKey

    hash_ = getattr(hashes, digest)()
    # RFC 7518, 3.5: the salt is as long as the hash.
    pss = padding.PSS(mgf=padding.MGF1(hash_), salt_length=hash_.digest_size)

    class PSSKey(JoseKey):  # type: ignore[misc]  # python-jose has no types
        def verify(self, msg: bytes, sig: bytes) -> bool:
            try:
                public.verify(sig, msg, pss, hash_)
            except InvalidSignature:
                return False
            return True

    key: Key = PSSKey(public, digest)
    return key


def _ed25519_key(public: Any) -> Key:
    from cryptography.exceptions import InvalidSignature
    from jose.backends.base import Key as JoseKey

    class Ed25519Key(JoseKey):  # type: ignore[misc]  # python-jose has no types
        def verify(self, msg: bytes, sig: bytes) -> bool:
            try:
                public.verify(sig, msg)
            except InvalidSignature:
                return False
            return True

    key: Key = Ed25519Key(public, "EdDSA")
    return key
