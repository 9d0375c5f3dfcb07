"""Second implementations, letter by letter from the standards and the modules' manuals, without their patterns."""

import base64
import binascii
import json
import string
from typing import Any

TOKEN = frozenset(b"!#$%&'*+-.^_`|~" + string.digits.encode() + string.ascii_letters.encode())
HEX = frozenset(b"0123456789abcdef")
LABEL = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789_-")


def cookies(header: bytes, name: bytes) -> list[bytes]:
    """Pairs between semicolons (RFC 6265, 4.2.1); four, none above 4,096 bytes, one pair of quotes taken off."""
    found: list[bytes] = []
    for pair in header.split(b";"):
        key, sign, value = pair.lstrip(b" \t").partition(b"=")
        value = value.strip(b" \t")
        if len(value) >= 2 and value[:1] == value[-1:] == b'"':
            value = value[1:-1]
        if sign and key == name and len(value) <= 4096:
            found.append(value)
    return found[:4]


def origin_allowed(origin: bytes) -> bool:
    """Of `https://app.example.com`, `https://*.example.com` and `http://localhost:*`."""
    if len(origin) > 330:
        return False
    scheme, _, host = origin.partition(b"://")
    if scheme == b"https":
        labels = host.split(b".")
        return (
            labels[-2:] == [b"example", b"com"]
            and len(labels) > 2
            and all(each and set(each) <= LABEL for each in labels)
        )
    name, colon, port = host.partition(b":")
    digits = port.isdigit() and len(port) <= 5
    return scheme == b"http" and name == b"localhost" and (not colon or digits)


def names(lines: list[bytes]) -> list[bytes]:
    """The members of a list of names, each once, in lower case (RFC 9110, 5.6.1)."""
    found: list[bytes] = []
    for line in lines:
        for part in line.split(b","):
            name = bytes(byte + 32 if 65 <= byte <= 90 else byte for byte in part.strip(b" \t"))
            if name and name not in found:
                found.append(name)
    return found


def traceparent(value: bytes) -> tuple[str, str, int] | None:
    """W3C Trace Context 2, 3.2.2; a later version may have more behind a dash, and no comma."""
    if len(value) > 512:  # blanks too: what is longer is not looked at
        return None
    value = value.strip(b" \t")
    if len(value) < 55 or [value[2:3], value[35:36], value[52:53]] != [b"-"] * 3:
        return None
    version, trace, parent, flags, more = value[:2], value[3:35], value[36:52], value[53:55], value[55:]
    if not set(version + trace + parent + flags) <= HEX or version == b"ff":
        return None
    if not trace.strip(b"0") or not parent.strip(b"0"):
        return None
    if more and (version == b"00" or not more.startswith(b"-") or b"," in more):
        return None
    return trace.decode(), parent.decode(), int(flags, 16) & 3


def tracestate_is_one(value: bytes) -> bool:
    """3.3.1: members with keys of level 2, each once, at most 32; "" is none."""
    members = [part.strip(b" \t") for part in value.split(b",") if part.strip(b" \t")]
    keys: list[bytes] = []
    for member in members:
        key, _, text = member.partition(b"=")
        if not 1 <= len(key) <= 256 or not set(key) <= frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789_-*/@"):
            return False
        if key[0] in b"_-*/@" or not 1 <= len(text) <= 256 or text.endswith(b" "):
            return False
        if any(byte < 0x20 or byte > 0x7E or byte in b",=" for byte in text):
            return False
        keys.append(key)
    return len(value) <= 8192 and 1 <= len(members) <= 32 and len(set(keys)) == len(keys)


def base64url(segment: bytes) -> bytes | None:
    """RFC 7515, 2: without padding, and in the one spelling that encoding gives."""
    try:
        data = base64.urlsafe_b64decode(segment + b"=" * (-len(segment) % 4))
    except (binascii.Error, ValueError):
        return None
    return data if segment and base64.urlsafe_b64encode(data).rstrip(b"=") == segment else None


def json_object(data: bytes) -> dict[str, Any] | None:
    """RFC 8259: an object, no name twice in any, no NaN; UTF-8."""

    class Wrong(Exception):
        pass

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in pairs}) != len(pairs):
            raise Wrong
        return dict(pairs)

    def no(name: str) -> Any:
        raise Wrong

    try:
        found = json.loads(data.decode("utf-8"), object_pairs_hook=once, parse_constant=no)
    except (ValueError, RecursionError, Wrong):
        return None
    return found if isinstance(found, dict) else None


def basic(value: bytes) -> tuple[str, str] | None:
    """RFC 7617, 2: canonical base64 of UTF-8, a colon, no control characters."""
    try:
        text = base64.b64decode(value, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return None
    name, colon, password = text.partition(":")
    return (name, password) if colon and not any(ord(char) < 32 or ord(char) == 127 for char in text) else None
