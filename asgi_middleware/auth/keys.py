"""Keys that verify signatures: made once, each bound to the algorithms that fit it (RFC 7518, 3; RFC 8037).

    material                    algorithms
    secret (HMACKey only)       the one it was given for, if it is as long as the hash
    RSA public key, 2048 up     RS256 RS384 RS512 PS256 PS384 PS512
    EC P-256, P-384, P-521      ES256, ES384, ES512
    Ed25519                     EdDSA

The signatures are python-jose's on `cryptography`; PSS and Ed25519, which it lacks, are two small Key classes of ours
on the same. python-jose without `cryptography` would fall back to slower code with known holes, so it is refused.
"""

import base64
import binascii
import contextlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from .._options import Options, as_bytes, shown
from ..exceptions import ConfigError, MissingExtra

_HASH_BYTES = {"HS256": 32, "HS384": 48, "HS512": 64}
_RSA = ("RS256", "RS384", "RS512")
_PSS = {"PS256": "SHA256", "PS384": "SHA384", "PS512": "SHA512"}
_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
_SMALLEST_RSA = 2048  # bits; RFC 7518, 3.3
_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)
# Members of a JWK that only private and secret keys have.
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth"})


class Key(Protocol):
    """All that the rest needs of a signature library."""

    def verify(self, msg: bytes, sig: bytes, /) -> bool: ...


def _jose(owner: str, option: str) -> Any:
    """python-jose's `jwk` on cryptography. Raises MissingExtra."""
    try:
        from jose import jwk
        from jose.backends.cryptography_backend import CryptographyECKey
    except ImportError:
        raise MissingExtra(owner, option, "jwt", "python-jose[cryptography]") from None
    if jwk.get_key("ES256") is not CryptographyECKey:
        raise MissingExtra(owner, option, "jwt", "cryptography")
    return jwk


class HMACKey:
    """A secret shared with the issuer: text or bytes, at least as long as the hash of `alg`.

    Raises ConfigError for a short one, and for public keys, with which everybody could sign.
    """

    def __init__(self, secret: str | bytes, alg: str = "HS256") -> None:
        options = Options("HMACKey")
        shortest = _HASH_BYTES[options.choice("alg", alg, tuple(_HASH_BYTES))]
        value = as_bytes(secret)
        if value is None:
            options.problem("secret", type(secret).__name__, "must be text or bytes", "read it from a file")
        elif _is_public_material(value):
            options.problem(
                "secret", "a key or certificate", "is known to others, who could sign with it", "use StaticKeys"
            )
        elif len(value) < shortest:
            options.problem(
                "secret",
                f"{len(value)} bytes",
                f"must have at least the {shortest} bytes of its hash",
                "make one: python -c 'import secrets; print(secrets.token_urlsafe(64))'",
            )
        options.raise_problems()
        jwk = _jose("HMACKey", "secret")
        self._alg = alg
        self._key: Key = jwk.construct(value, alg)

    async def find(self, alg: str, kid: str | None) -> Key | None:
        """The key, if the token's algorithm is its own. A secret has no key ID: any is accepted."""
        return self._key if alg == self._alg else None

    def __repr__(self) -> str:
        return f"HMACKey(alg={self._alg!r})"


def _is_public_material(value: bytes) -> bool:
    """Text armour of any key, a JWK, or DER of a public one, whole or as the bare body of its PEM."""
    if b"-----BEGIN" in value or re.search(rb"(?:ssh-|ecdsa-sha2-|sk-)[a-z0-9@.-]+ AAAA", value):
        return True
    parsed = _parsed(value)
    if isinstance(parsed, dict) and ("kty" in parsed or "keys" in parsed):
        return True
    candidates = [value, value.strip()]
    with contextlib.suppress(binascii.Error):
        candidates.append(base64.b64decode(b"".join(value.split()), validate=True))
    # A DER SEQUENCE whose length is exactly what follows: SubjectPublicKeyInfo, PKCS #1, certificates.
    return any(_is_der_sequence(candidate) for candidate in candidates)


def _parsed(text: bytes) -> Any:
    """The JSON value; None for what is no JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _is_der_sequence(data: bytes) -> bool:
    # The shortest, Ed25519's, has 44 bytes; below that it is chance.
    if len(data) < 44 or data[0] != 0x30:
        return False
    if data[1] < 0x80:
        return len(data) == 2 + data[1]
    octets = data[1] & 0x7F
    return 1 <= octets <= 3 and len(data) == 2 + octets + int.from_bytes(data[2 : 2 + octets], "big")


class StaticKeys:
    """Public keys known beforehand: `StaticKeys(pem_or_jwk_or_jwks, ...)`.

    Each is PEM text (a public key or certificate), the text or mapping of a JWK or JWKS, or a `Path` to a file of
    these. Private keys, secrets, and JWKs that are not for signatures are refused. A token is verified with the key
    that its `kid` names; without a `kid`, or with keys that have none, only if exactly one key fits its algorithm.
    Raises ConfigError with every problem.
    """

    def __init__(self, *keys: str | bytes | Mapping[str, Any] | Path) -> None:
        options = Options("StaticKeys")
        if not keys:
            options.problem("keys", "", "names no key", "pass PEM, a JWK or a JWKS")
        jwk = _jose("StaticKeys", "keys")
        # (key ID or None, algorithm) to keys
        self._by_id: dict[tuple[str | None, str], list[Key]] = {}
        self._by_alg: dict[str, list[Key]] = {}
        self._ids: set[str] = set()
        self._count = 0
        for number, material in enumerate(keys, 1):
            for entry in _entries(options, f"keys[{number}]", material):
                self._add(options, jwk, f"keys[{number}]", entry)
        options.raise_problems()

    async def find(self, alg: str, kid: str | None) -> Key | None:
        """The one key that fits, or None."""
        if kid is None:
            fitting = self._by_alg.get(alg, [])
        else:
            fitting = self._by_id.get((kid if kid in self._ids else None, alg), [])
        return fitting[0] if len(fitting) == 1 else None

    def _add(self, options: Options, jwk: Any, option: str, entry: "_Entry") -> None:
        try:
            public = _public_key(jwk, entry.material)
            algorithms = _algorithms(jwk, public)
        except ConfigError as error:
            options.problems += [type(p)(option, p.seen, p.rule, p.remedy) for p in error.problems]
            return
        if entry.alg is not None:
            algorithms = {name: key for name, key in algorithms.items() if name == entry.alg}
            if not algorithms:
                options.problem(option, shown(entry.alg), "does not fit the key", "mend the JWK's `alg`")
        if entry.kid is not None and entry.kid in self._ids:
            options.problem(option, shown(entry.kid), "is the `kid` of another key too", "give each key its own")
        if entry.kid is not None:
            self._ids.add(entry.kid)
        self._count += 1
        for name, key in algorithms.items():
            self._by_id.setdefault((entry.kid, name), []).append(key)
            self._by_alg.setdefault(name, []).append(key)

    def __repr__(self) -> str:
        return f"StaticKeys(<{self._count} keys>)"


class _Entry:
    """One key before it is made: PEM bytes or a JWK, with what a JWK says of itself."""

    def __init__(self, material: bytes | Mapping[str, Any], kid: str | None = None, alg: str | None = None) -> None:
        self.material = material
        self.kid = kid
        self.alg = alg


def _entries(options: Options, option: str, material: Any) -> list[_Entry]:
    """The keys in one piece of material; what cannot be one is a problem."""
    if isinstance(material, Path):
        try:
            material = material.read_bytes()
        except (OSError, ValueError) as error:
            options.problem(option, shown(str(material)), f"cannot be read ({type(error).__name__})", "mend the path")
            return []
    text = as_bytes(material)
    if text is not None:
        if b"PRIVATE KEY-----" in text:
            options.problem(option, "", "holds a private key", "pass the public one; keep this where tokens are made")
            return []
        blocks = [match.group() for match in _PEM.finditer(text)]
        if blocks:
            return [_Entry(block) for block in blocks]
        material = _parsed(text)
    if isinstance(material, Mapping) and isinstance(material.get("keys"), list):
        listed: list[Any] = material["keys"]
        if not listed:
            options.problem(option, "", "is a JWKS without keys", "pass one that has some")
        return [entry for item in listed for entry in _jwk_entry(options, option, item)]
    return _jwk_entry(options, option, material)


def _jwk_entry(options: Options, option: str, item: Any) -> list[_Entry]:
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
    return [_Entry(dict(item), kid, alg)]


def _public_key(jwk: Any, material: bytes | Mapping[str, Any]) -> Any:
    """The `cryptography` public key. ConfigError where there is none in it."""
    options = Options("StaticKeys")
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

    options = Options("StaticKeys")
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
