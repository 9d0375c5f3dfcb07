"""The signed cookie: what is in it, and which keys sign it.

Layout, that of itsdangerous' TimestampSigner: `base64url(json).timestamp.signature`, HMAC-SHA-256 with a key derived
for this package and this cookie's name. A cookie issued under one name is not accepted under another, nor is anything
that the same secret signed elsewhere.
"""

import base64
import binascii
import hashlib
import hmac
import json
import logging
from collections.abc import Callable, Iterable
from typing import Any

from .. import _cookies
from .._options import Options, as_bytes

logger = logging.getLogger("asgi_middleware.sessions")

# A key shorter than the hash it keys is what limits the signature.
_SHORT_KEY = 32  # bytes
# How far another machine's clock may be ahead.
_SKEW = 60  # seconds

_encode = json.JSONEncoder(separators=(",", ":")).encode


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
                "make one: python -c 'import secrets; print(secrets.token_urlsafe(32))'",
            )
    if not given:
        options.problem(option, "[]", "holds no key", "list at least one")
    if any(len(key) < _SHORT_KEY for key in keys):
        logger.warning(
            "%s: %s is shorter than %d bytes, so cookies can be forged with effort", options.owner, option, _SHORT_KEY
        )
    return keys


class CookieCodec:
    """Signs and verifies the cookies of one middleware. `keys`: newest first, the first signs, all verify."""

    def __init__(self, keys: list[bytes], cookie_name: str, max_age: int | None, clock: Callable[[], float]) -> None:
        from itsdangerous import TimestampSigner
        from itsdangerous.encoding import base64_encode, want_bytes
        from itsdangerous.exc import BadSignature

        class Signer(TimestampSigner):
            """Keys derived once, the time from `clock`, and one spelling for each signature."""

            derived: dict[bytes, bytes] = {}  # noqa: RUF012  # one class per codec, made here

            def derive_key(self, secret_key: str | bytes | None = None) -> bytes:
                key = self.secret_keys[-1] if secret_key is None else secret_key
                if not isinstance(key, bytes):
                    key = key.encode()
                if key not in self.derived:
                    self.derived[key] = super().derive_key(key)
                return self.derived[key]

            def verify_signature(self, value: str | bytes, sig: str | bytes) -> bool:
                # Decoding first, as the parent does, would take several texts for one signature.
                given, signed = want_bytes(sig), want_bytes(value)
                return any(
                    hmac.compare_digest(
                        base64_encode(self.algorithm.get_signature(self.derive_key(key), signed)), given
                    )
                    for key in reversed(self.secret_keys)
                )

            def get_timestamp(self) -> int:
                return int(clock())

        self._signer = Signer(
            list(reversed(keys)),  # itsdangerous wants the oldest first
            salt=f"asgi_middleware.sessions:{cookie_name}".encode(),
            key_derivation="hmac",
            digest_method=hashlib.sha256,
        )
        self._bad: type[Exception] = BadSignature
        self._max_age = max_age
        self._clock = clock
        self._name = cookie_name.encode()

    def load(self, header: bytes) -> tuple[dict[str, Any], bytes] | None:
        """Content and serialised form of the first cookie in `header` that verifies; nothing is parsed before that."""
        for value in _cookies.candidates(header, self._name):
            try:
                signed, when = self._signer.unsign(value, return_timestamp=True)
            except (self._bad, ValueError, OverflowError, OSError):
                continue  # the latter for a time that no clock can show
            age = self._clock() - when.timestamp()
            if age < -_SKEW or (self._max_age is not None and age > self._max_age):
                continue
            try:
                text = base64.b64decode(signed + b"=" * (-len(signed) % 4), altchars=b"-_", validate=True)
                content: Any = json.loads(text)
            except (binascii.Error, ValueError, RecursionError):
                continue  # signed with our key, but not by us
            if isinstance(content, dict):
                return content, text
        return None

    def serialise(self, content: dict[str, Any]) -> bytes:
        """The JSON text. TypeError names the key whose value has no JSON form, and has the reason as its cause."""
        try:
            return _encode(content).encode()
        except (TypeError, ValueError, RecursionError) as error:
            where = _unserialisable(content, "session")
            raise TypeError(f"{where} cannot be kept in a session: {type(error).__name__}: {error}") from error

    def sign(self, text: bytes) -> str:
        return self._signer.sign(base64.urlsafe_b64encode(text).rstrip(b"=")).decode("ascii")


def _unserialisable(value: Any, path: str) -> str:
    """The path to the first value without a JSON form."""
    items: Iterable[tuple[str, Any]] = ()
    if isinstance(value, dict):
        items = ((f"{path}[{key!r}]", item) for key, item in dict.items(value))
    elif isinstance(value, (list, tuple)):
        items = ((f"{path}[{index}]", item) for index, item in enumerate(value))
    for inner, item in items:
        try:
            _encode(item)
        except TypeError:
            return _unserialisable(item, inner)
        except (ValueError, RecursionError):
            return inner  # a circle, or too deep: there is no end to point at
    return path
