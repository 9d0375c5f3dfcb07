"""How cookies are sealed: signed, or encrypted, and with which keys.

A seal turns data and the time into a cookie's value, and gives both back for a value that it made, or None. Nothing in
a value is parsed before it is known to be ours.

    Signer      base64url(data) "." base64url(time) "." base64url(HMAC-SHA-256), the layout of itsdangerous'
                TimestampSigner, with a key that itsdangerous derives for one purpose and one cookie's name. A cookie
                issued under one name is not accepted under another, nor is anything that the same secret signed
                elsewhere.
    Encrypter   base64url(time nonce ciphertext tag), AES-256-GCM with a key that HKDF derives for this purpose, the
                cookie's name and the second it was made in: the time is authenticated by having chosen the key, and
                random nonces of one key are only ever those of one second.
    Starlette   reads what Starlette's SessionMiddleware signed, and seals nothing.
"""

import base64
import binascii
import hashlib
import hmac
import logging
from collections.abc import Callable
from typing import Any, Protocol

from .._options import Options, as_bytes
from ..exceptions import MissingExtra

logger = logging.getLogger("asgi_middleware.sessions")

# A key shorter than the hash it keys is what limits the signature.
_SHORT_KEY = 32  # bytes
_MAKE_ONE = "make one: python -c 'import secrets; print(secrets.token_urlsafe(32))'"
_TIME = 8  # bytes, seconds since the epoch
_NONCE = 12  # bytes (NIST SP 800-38D, 5.2.1.1)

_STANDARD = bytes.maketrans(b"-_", b"+/")
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


class Opener(Protocol):
    def open(self, value: bytes) -> tuple[bytes, int] | None:
        """The data and the time of a value that was made with any of the keys; None for any other."""
        ...


class Seal(Opener, Protocol):
    def seal(self, data: bytes, now: int) -> bytes:
        """The cookie's value for `data`, made at `now`, in seconds since the epoch."""
        ...


def check_keys(options: Options, option: str, value: Any) -> list[bytes]:
    """The secret keys, newest first. `value` is a str, bytes, Starlette's Secret, or a list of them, newest first."""
    given: list[Any] = list(value) if isinstance(value, (list, tuple)) else [value]
    keys: list[bytes] = []
    for item in given:
        key = as_bytes(item)
        if key:
            keys.append(key)
        else:
            options.problem(
                option,
                "empty" if key == b"" else type(item).__name__,
                "must be text or bytes that are not empty, or a list of them, newest first",
                _MAKE_ONE,
            )
    if not given:
        options.problem(option, "[]", "holds no key", "list at least one")
    if any(len(key) < _SHORT_KEY for key in keys):
        logger.warning(
            "%s: %s is shorter than %d bytes, so cookies can be forged with effort; %s",
            options.owner,
            option,
            _SHORT_KEY,
            _MAKE_ONE,
        )
    return keys


class Signer:
    """`keys`: newest first, the first signs, all verify. `size`: how many bytes of the signature, if not all."""

    __slots__ = ("_macs", "_size")

    def __init__(self, keys: list[bytes], salt: str, size: int | None = None) -> None:
        from itsdangerous import Signer as Derives

        derived = (
            Derives(key, salt=salt.encode(), key_derivation="hmac", digest_method=hashlib.sha256).derive_key()
            for key in keys
        )
        # Prepared, because setting up a key costs more than the signature of a short text.
        self._macs = [hmac.new(key, digestmod=hashlib.sha256) for key in derived]
        self._size = size

    def seal(self, data: bytes, now: int) -> bytes:
        time = now.to_bytes((now.bit_length() + 7) // 8, "big")
        value = _encoded(data) + b"." + _encoded(time)
        return value + b"." + self._signature(self._macs[0], value)

    def open(self, value: bytes) -> tuple[bytes, int] | None:
        signed, _, signature = value.rpartition(b".")
        for mac in self._macs:
            # The text is compared, not what it decodes to, which several texts would.
            if hmac.compare_digest(self._signature(mac, signed), signature):
                break
        else:
            return None
        data, _, time = signed.rpartition(b".")
        try:
            return _decoded(data), int.from_bytes(_decoded(time), "big")
        except ValueError:
            return None  # signed with our key, but not by us

    def _signature(self, prepared: hmac.HMAC, value: bytes) -> bytes:
        mac = prepared.copy()
        mac.update(value)
        return _encoded(mac.digest()[: self._size])


class Encrypter:
    """`keys`: newest first, the first encrypts, all decrypt. Needs the package cryptography."""

    __slots__ = ("_cipher", "_invalid", "_keys", "_salt", "_token_bytes")

    def __init__(self, keys: list[bytes], salt: str, token_bytes: Callable[[int], bytes]) -> None:
        try:
            from cryptography.exceptions import InvalidTag
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM
            from cryptography.hazmat.primitives.hashes import SHA256
            from cryptography.hazmat.primitives.kdf.hkdf import HKDF
        except ImportError:
            raise MissingExtra("SessionMiddleware", "encrypt", "crypto", "cryptography") from None
        self._cipher = AESGCM
        self._invalid = InvalidTag
        self._salt = salt.encode()
        self._token_bytes = token_bytes
        self._keys = [
            HKDF(SHA256(), length=32, salt=None, info=b"asgi_middleware.sessions.encrypted").derive(key) for key in keys
        ]

    def seal(self, data: bytes, now: int) -> bytes:
        time, nonce = now.to_bytes(_TIME, "big"), self._token_bytes(_NONCE)
        return _encoded(time + nonce + self._at(self._keys[0], time).encrypt(nonce, data, self._salt))

    def open(self, value: bytes) -> tuple[bytes, int] | None:
        try:
            whole = _decoded(value)
        except ValueError:
            return None
        time, nonce, encrypted = whole[:_TIME], whole[_TIME : _TIME + _NONCE], whole[_TIME + _NONCE :]
        if len(nonce) < _NONCE or _encoded(whole) != value:
            return None
        for key in self._keys:
            try:
                return self._at(key, time).decrypt(nonce, encrypted, self._salt), int.from_bytes(time, "big")
            except self._invalid:
                continue
        return None

    def _at(self, key: bytes, time: bytes) -> Any:
        return self._cipher(hmac.digest(key, self._salt + b":" + time, "sha256"))


class Starlette:
    """Reads Starlette's cookies: standard base64, SHA-1, the salt that itsdangerous has for everybody."""

    __slots__ = ("_bad", "_signers")

    def __init__(self, keys: list[bytes]) -> None:
        from itsdangerous import BadSignature, TimestampSigner

        self._bad = BadSignature
        self._signers = [TimestampSigner(key) for key in keys]

    def open(self, value: bytes) -> tuple[bytes, int] | None:
        for signer in self._signers:
            try:
                data, when = signer.unsign(value, return_timestamp=True)
                return base64.b64decode(data, validate=True), int(when.timestamp())
            except (self._bad, ValueError, OverflowError, OSError):
                continue  # the last two for a time that no clock can show
        return None


# base64url without padding (RFC 7515, 2), both ways at half the cost of what the module base64 has.
def _encoded(data: bytes) -> bytes:
    return binascii.b2a_base64(data, newline=False).translate(_URL_SAFE, b"=")


def _decoded(text: bytes) -> bytes:
    """Raises ValueError for what is no base64url."""
    return binascii.a2b_base64(text.translate(_STANDARD) + b"=" * (-len(text) % 4), strict_mode=True)
