"""The form of tokens, strictly: base64url in its one spelling, JSON without doubled names. What differs is refused."""

import binascii
import json
from typing import Any, NoReturn

from .identity import AuthError

_STANDARD = bytes.maketrans(b"-_", b"+/")
# By the characters beyond whole groups of four: the padding, and what the last one may be. It has 4 or 2 spare bits,
# which are zero in the one spelling; no bytes at all are spelt with one beyond.
_ENDS = {
    0: (b"", b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
    1: (b"", b""),
    2: (b"==", b"AQgw"),
    3: (b"=", b"AEIMQUYcgkosw048"),
}


def refuse(why: str) -> NoReturn:
    """Raises AuthError 401 `invalid_token`."""
    raise AuthError(401, "invalid_token", why)


def decoded(segment: bytes) -> bytes:
    """The bytes of a segment, of whose characters each is base64url's (RFC 7515, 2).

    One signed token must not have several spellings: denylists and caches are keyed by its text.
    """
    padding, last = _ENDS[len(segment) % 4]
    if segment[-1] not in last:
        refuse("The token is malformed")
    return binascii.a2b_base64(segment.translate(_STANDARD) + padding)


def parsed(data: bytes) -> dict[str, Any]:
    """A JSON object without doubled names or non-finite numbers (RFC 7515, 4; RFC 8259, 4)."""
    try:
        content: Any = _DECODER.decode(data.decode())
    except (ValueError, RecursionError):
        refuse("The token is malformed")
    if not isinstance(content, dict):
        refuse("The token is malformed")
    return content


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError  # one is doubled
    return content


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


# Made once: `json.loads` makes another one for every call that has options.
_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
