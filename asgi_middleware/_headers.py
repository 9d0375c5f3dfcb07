"""Pure functions on raw header pairs.

Facts that every function here rests on:

- ASGI's `headers` is any iterable of two-item iterables of bytes: a list, a tuple, a generator (Sanic), pairs as
  lists (Mangum), or absent. `listed` makes a list of it, once.
- Names may arrive in any case (Django's handler sends `Content-Length`), so they are compared in lower case.
- Nothing here changes what it is given: a function that edits returns a new list.

The names handed to these functions are lower-case bytes.
"""

import re
from collections.abc import Collection, Iterable
from typing import Any

from ._types import Header

# RFC 9110, 12.4.2: weight = OWS ";" OWS "q=" qvalue
_QVALUE = re.compile(rb"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")
_UNPRINTABLE = re.compile(r"[^ -~]")
# RFC 9110, 5.6.2
TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


def is_token(text: str) -> bool:
    """Whether text is a token (RFC 9110, 5.6.2): a method, or the name of a header."""
    return text.isascii() and TOKEN.fullmatch(text.encode()) is not None


def listed(headers: Iterable[Any] | None) -> list[Header]:
    """A new list of the pairs of any legal `headers` value; empty where there is none."""
    return [*headers] if headers is not None else []


def get(headers: Iterable[Any], name: bytes) -> bytes | None:
    """The first value of `name`, or None."""
    length = len(name)
    for key, value in headers:
        if len(key) == length and key.lower() == name:
            found: bytes = value
            return found
    return None


def get_all(headers: Iterable[Any], name: bytes) -> list[bytes]:
    """All values of `name`, in order."""
    length = len(name)
    return [value for key, value in headers if len(key) == length and key.lower() == name]


def drop(headers: Iterable[Any], names: Collection[bytes]) -> list[Header]:
    """The pairs whose name is not among `names`."""
    return [pair for pair in headers if pair[0].lower() not in names]


def put(headers: Iterable[Any], name: bytes, value: bytes) -> list[Header]:
    """The pairs with every `name` replaced by one, at the end."""
    return [*drop(headers, (name,)), (name, value)]


def quoted(text: str) -> str:
    """A quoted-string (RFC 9110, 5.6.4); what is not printable ASCII becomes `?`."""
    escaped = _UNPRINTABLE.sub("?", text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def members(values: Iterable[bytes]) -> list[bytes]:
    """The members of a list-valued field, over all its lines, empty ones left out (RFC 9110, 5.6.1)."""
    return [member for value in values for part in value.split(b",") if (member := part.strip(b" \t"))]


def merge_vary(headers: list[Header], name: bytes) -> list[Header]:
    """The pairs with `name` among the members of Vary: one line, nothing doubled, `*` left as it is."""
    lines = get_all(headers, b"vary")
    if not lines:
        return [*headers, (b"vary", name)]
    named = {member.lower(): member for member in reversed(members(lines))}
    if b"*" in named or (len(lines) == 1 and name.lower() in named):
        return headers
    ordered = {member.lower(): None for member in members(lines)}
    merged = [named[key] for key in ordered]
    if name.lower() not in named:
        merged.append(name)
    return put(headers, b"vary", b", ".join(merged))


def weighted(value: bytes) -> list[tuple[bytes, float]]:
    """The members of `Accept`-like field as (lower-case name, weight), in order (RFC 9110, 12.4.2).

    A member without a weight has 1.0; one with a malformed weight is left out. Other parameters are ignored.
    """
    found: list[tuple[bytes, float]] = []
    for member in members((value,)):
        name, *parameters = member.split(b";")
        weight = b"1"
        for parameter in parameters:
            key, _, text = parameter.strip(b" \t").partition(b"=")
            if key.rstrip(b" \t").lower() == b"q":
                weight = text if len(key) == 1 else b""  # no blanks around the sign
                break
        if _QVALUE.fullmatch(weight):
            found.append((name.strip(b" \t").lower(), float(weight)))
    return found
