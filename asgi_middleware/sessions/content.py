"""What is kept of a session: one text of its content, and what else is known of it.

The content is JSON on the first line; the second line, where there is one, is `[created, lifetime, subject]`, or
`created` alone. JSON text has no line breaks of its own.
"""

import json
from collections.abc import Iterable
from typing import Any

from .session import Facts

_encode = json.JSONEncoder(separators=(",", ":")).encode
_decode = json.JSONDecoder().raw_decode  # `decode` looks for white space around, at a third of the cost


def serialise(content: dict[str, Any]) -> bytes:
    """The JSON text. TypeError names the key whose value has no JSON form, and has the reason as its cause."""
    try:
        return _encode(content).encode()
    except (TypeError, ValueError, RecursionError) as error:
        where = _unserialisable(content, "session")
        raise TypeError(f"{where} cannot be kept in a session: {type(error).__name__}: {error}") from error


def is_nested(content: dict[str, Any]) -> bool:
    """Whether a change could hide inside a value. A flat session changes by its own methods alone."""
    for value in dict.values(content):  # noqa: SIM110  # `any` of a generator costs four times as much
        if isinstance(value, (dict, list, tuple)):
            return True
    return False


def pack(text: bytes, facts: Facts) -> bytes:
    created, lifetime, subject = facts
    if lifetime is None and subject is None:
        return text + b"\n" + str(created).encode()
    return text + b"\n" + _encode(facts).encode()


def unpack(data: bytes) -> tuple[dict[str, Any], bytes, Facts | None] | None:
    """Content, its text, and the facts if there are any; None for what was not packed here, although it is sealed."""
    text, _, line = data.partition(b"\n")
    try:
        decoded = text.decode()
        content, end = _decode(decoded)
        facts = unpack_facts(line) if line else None
    except (ValueError, RecursionError):
        return None
    return (content, text, facts) if isinstance(content, dict) and end == len(decoded) else None


def unpack_facts(line: bytes) -> Facts:
    """What the second line says. Raises ValueError for what is none of ours."""
    if line.isdigit():  # as it is of most
        return Facts(int(line))
    found: Any = json.loads(line)
    if isinstance(found, list):
        created, lifetime, subject = found
        if type(created) is int and isinstance(lifetime, (int, type(None))) and isinstance(subject, (str, type(None))):
            return Facts(created, lifetime, subject)
    raise ValueError("is no line of facts")


def merge(base: bytes, ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    """`theirs` with everything that `ours` changed since the text `base`, by top-level key."""
    before: dict[str, Any] = json.loads(base)
    removed = before.keys() - ours
    changed = {key: value for key, value in ours.items() if key not in before or _encode(before[key]) != _encode(value)}
    return {key: value for key, value in theirs.items() if key not in removed} | changed


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
