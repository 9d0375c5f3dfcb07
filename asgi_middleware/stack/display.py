"""What is shown of an entry's options: the values as they were given, and in place of secrets where they came from."""

from collections.abc import Mapping
from typing import Any

from .hiding import without_secrets


class Note(str):
    """Text that stands for a value which is not shown itself, such as `<from env NAME>`."""

    __slots__ = ()


def displayed(value: Any, path: str, sources: Mapping[str, str]) -> Any:
    """A value in JSON's types, with a Note for what has no form there, or stands at one of `sources`."""
    if path in sources:
        return Note(sources[path])
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return without_secrets(value)
    if isinstance(value, bytes):
        return Note(without_secrets(repr(value)))
    if isinstance(value, Mapping):
        return {without_secrets(str(key)): displayed(item, f"{path}.{key}", sources) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [displayed(item, f"{path}[{number}]", sources) for number, item in enumerate(value, 1)]
    # Its own words could hold anything, a password too.
    kind = type(value).__name__
    return Note(f"<{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', kind)}>".replace("<.", "<"))


def as_text(shown: Any) -> str:
    """What `displayed` gave, on one line."""
    if isinstance(shown, Note):
        return str(shown)
    if isinstance(shown, dict):
        return "{" + ", ".join(f"{key}={as_text(item)}" for key, item in shown.items()) + "}"
    if isinstance(shown, list):
        return "[" + ", ".join(as_text(item) for item in shown) + "]"
    return repr(shown)
