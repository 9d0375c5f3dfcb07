"""The catalogue as text, and in the types of JSON: every word, its options, their types and defaults."""

import json
import textwrap
import typing
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Literal

from .catalogue import Described
from .display import Note, displayed
from .hiding import HIDDEN, is_secret_name
from .signatures import REQUIRED, Option, alternatives, inside, is_path

_WIDTH = 100
_WORDS = {str: "text", bool: "true or false", int: "whole number", float: "number", type(None): "none", Any: "anything"}
_WORDS[object] = "anything"


def type_words(annotation: Any) -> str:
    """A declared type in the words of a stack file: `list of text, or none`."""
    words = list(dict.fromkeys(_word(part) for part in alternatives(annotation) if part is not bytes))
    return ", or ".join([word for word in words if word != _WORDS[Any]] or words)


def _word(part: Any) -> str:
    kind = typing.get_origin(part) or part
    if part in _WORDS:
        return _WORDS[part]
    if kind is Literal:
        return " or ".join(json.dumps(value) for value in typing.get_args(part))
    if is_path(part):
        return "path"
    if isinstance(kind, type) and issubclass(kind, Mapping):
        return f"table of {type_words(inside(part))}"
    if isinstance(kind, type) and issubclass(kind, Collection):
        return f"list of {type_words(inside(part))}"
    return "{ import = ... }"


def default_of(option: Option, *, ours: bool) -> Any:
    """A default in JSON's types, or a Note. A secret that another package has for a default is hidden."""
    value = option.default
    if not ours and is_secret_name(option.name) and isinstance(value, (str, bytes)):
        return Note(HIDDEN)
    return displayed(sorted(value) if isinstance(value, (set, frozenset)) else value, "", {})


def as_json(described: Described) -> dict[str, Any]:
    """One word of the catalogue, for programs."""
    return {
        "word": described.word,
        "use": described.target,
        "summary": described.summary,
        "broken": described.broken or None,
        "options": [_option_as_json(described, option) for option in described.options],
        "takes_any": described.takes_any,
    }


def _option_as_json(described: Described, option: Option) -> dict[str, Any]:
    parts = described.parts.get(option.name, ())
    return {
        "name": option.name,
        "type": type_words(option.annotation),
        "required": option.default is REQUIRED,
        "default": None if option.default is REQUIRED else default_of(option, ours=described.is_ours),
        "summary": described.sentences.get(option.name),
        "parts": [as_json(part) for part in parts],
    }


def as_text(described: Described, indent: str = "") -> str:
    """One word of the catalogue, for people."""
    if described.broken:
        return f"{indent}{described.word}: {described.broken}"
    return "\n".join(_lines(described, indent, f"{described.word}: {described.summary}"))


def _lines(described: Described, indent: str, head: str) -> Iterator[str]:
    yield from textwrap.wrap(head, _WIDTH, initial_indent=indent, subsequent_indent=f"{indent}    ")
    for option in described.options:
        parts = described.parts.get(option.name, ())
        yield f"{indent}  {_heading(option, ours=described.is_ours, parts=bool(parts))}"
        inner = f"{indent}      "
        said = described.sentences.get(option.name, "")
        yield from textwrap.wrap(said, _WIDTH, initial_indent=inner, subsequent_indent=inner)
        for part in parts:
            yield from _lines(part, inner, f'{{ use = "{part.word}" }}: {part.summary}')
    if described.takes_any:
        yield f"{indent}  and any other option"


def _heading(option: Option, *, ours: bool, parts: bool) -> str:
    """The option, what it is without being given, and what it may be."""
    words = type_words(option.annotation)
    if parts:
        words = "{ use = ... }, or a list of these" if words == _WORDS[Any] else f"{{ use = ... }}, or {words}"
    if option.default is REQUIRED:
        return f"{option.name} (required): {words}"
    if option.default is None:  # which is to leave it out
        return f"{option.name}: {words.removesuffix(', or none')}"
    default = default_of(option, ours=ours)
    shown = str(default) if isinstance(default, Note) else json.dumps(default, ensure_ascii=False)
    return f"{option.name} = {shown}: {words}"
