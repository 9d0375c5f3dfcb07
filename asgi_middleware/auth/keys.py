"""Sources of keys that are given beforehand: `HMACKey` for a shared secret, `StaticKeys` for public keys.

A source has `async find(alg: str, kid: str | None)`: the one key that may verify such a token, or None. What a secret
verifies is the one algorithm that it was given for; what public keys do, and on which library, stands in `material.py`.
"""

import base64
import binascii
import contextlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .._options import Options, as_bytes, shown
from .material import Entry, Key, KeySet, jose, jwk_entry, parsed

_HASH_BYTES = {"HS256": 32, "HS384": 48, "HS512": 64}
_NO_SECRET = ("secret", "a key or certificate", "is known to others, who could sign with it", "use StaticKeys")
_PEM = re.compile(rb"-----BEGIN ([A-Z ]+)-----.*?-----END \1-----", re.DOTALL)


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
            options.problem(*_NO_SECRET)
        elif len(value) < shortest:
            options.problem(
                "secret",
                f"{len(value)} bytes",
                f"must have at least the {shortest} bytes of its hash",
                "make one: python -c 'import secrets; print(secrets.token_urlsafe(64))'",
            )
        options.raise_problems()
        jwk = jose("HMACKey", "secret")
        self._alg = alg
        try:
            self._key: Key = jwk.construct(value, alg)
        except jwk.JWKError:  # it knows keys of SSH, wherever they stand in the text
            options.problem(*_NO_SECRET)
            options.raise_problems()

    async def find(self, alg: str, kid: str | None) -> Key | None:
        """The key, if the token's algorithm is its own. A secret has no key ID: any is accepted."""
        return self._key if alg == self._alg else None

    def __repr__(self) -> str:
        return f"HMACKey(alg={self._alg!r})"


def _is_public_material(value: bytes) -> bool:
    """Text armour of any key, a JWK, or DER of a public one, whole or as the bare body of its PEM."""
    if b"-----BEGIN" in value:
        return True
    content = parsed(value)
    if isinstance(content, dict) and ("kty" in content or "keys" in content):
        return True
    candidates = [value, value.strip()]
    with contextlib.suppress(binascii.Error):
        candidates.append(base64.b64decode(b"".join(value.split()), validate=True))
    # A DER SEQUENCE whose length is exactly what follows: SubjectPublicKeyInfo, PKCS #1, certificates.
    return any(_is_der_sequence(candidate) for candidate in candidates)


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
        jose("StaticKeys", "keys")
        self._keys = KeySet()
        for number, material in enumerate(keys, 1):
            option = f"keys[{number}]"
            for entry in _entries(options, option, material):
                if self._keys.names(entry.kid):
                    options.problem(
                        option, shown(entry.kid), "is the `kid` of another key too", "give each key its own"
                    )
                self._keys.add(options, option, entry)
        options.raise_problems()

    async def find(self, alg: str, kid: str | None) -> Key | None:
        """The one key that fits, or None."""
        return self._keys.find(alg, kid)

    def __repr__(self) -> str:
        return f"StaticKeys(<{len(self._keys)} keys>)"


def _entries(options: Options, option: str, material: Any) -> list[Entry]:
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
            return [Entry(block) for block in blocks]
        material = parsed(text)
    if isinstance(material, Mapping) and isinstance(material.get("keys"), list):
        listed: list[Any] = material["keys"]
        if not listed:
            options.problem(option, "", "is a JWKS without keys", "pass one that has some")
        return [entry for item in listed for entry in jwk_entry(options, option, item)]
    return jwk_entry(options, option, material)
