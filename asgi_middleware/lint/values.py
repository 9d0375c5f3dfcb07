"""Checks of values: whether each is of the kind that the specification says."""

import math
from collections.abc import Callable, Iterable
from typing import Any

from .rules import ASGIViolation

Report = Callable[[ASGIViolation], None]


def type_of(value: Any) -> str:
    """What may be told of a value that may hold a secret, as bodies, queries and headers do."""
    return type(value).__name__


def is_text(value: Any) -> bool:
    return isinstance(value, str)


def is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_plain(value: Any, depth: int = 0) -> bool:
    """Whether a value is of the kinds that messages may hold, which any server can serialise."""
    if value is None or isinstance(value, (bytes, str, bool)):
        return True
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, (list, tuple)):
        return depth < 20 and all(is_plain(item, depth + 1) for item in value)
    if isinstance(value, dict):
        return depth < 20 and all(is_text(key) and is_plain(item, depth + 1) for key, item in value.items())
    return False


def as_list(value: Any) -> list[Any] | None:
    """A copy of a list or a tuple, such as of headers, to compare with later; None of anything else."""
    if not isinstance(value, (list, tuple)):
        return None
    return [tuple(item) if isinstance(item, list) else item for item in value]


def pairs_of(value: Any) -> list[tuple[bytes, bytes]] | None:
    """The pairs of a header list; None if it is not one. A one-shot iterator is not looked at: that would use it up."""
    if not isinstance(value, (list, tuple)):
        return [] if isinstance(value, Iterable) and not isinstance(value, (str, bytes, dict)) else None
    for pair in value:
        if not isinstance(pair, (list, tuple)) or len(pair) != 2 or not all(isinstance(part, bytes) for part in pair):
            return None
    return [(pair[0], pair[1]) for pair in value]
