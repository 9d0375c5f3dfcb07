"""A JSON Schema (draft 7) of stack files, made from the signatures, by which editors complete and check them.

    asgi-middleware schema > stack.schema.json

    stack.toml      its first line: #:schema ./stack.schema.json                             (Taplo, Even Better TOML)
    stack.json      at the top:     "$schema": "./stack.schema.json"
    stack.yaml      its first line: # yaml-language-server: $schema=./stack.schema.json

It knows the words, the options, their types, what is required, and that a reference may stand wherever a value may.
Rules beyond that are for `asgi-middleware check`. Words of other packages are in it where these are installed.
"""

import typing
from collections.abc import Collection, Mapping
from typing import Any, Literal

from .catalogue import Described, catalogue
from .display import Note
from .listing import default_of
from .order import RULES
from .references import CREATED, OWN_KEYS, VARIABLE
from .signatures import REQUIRED, Option, alternatives, inside, is_path

Schema = dict[str, Any]

_PLAIN: dict[Any, Schema] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    type(None): {"type": "null"},
}
_REFERENCE: Schema = {"$ref": "#/definitions/reference"}
_TEXTS: Schema = {"type": "array", "items": {"type": "string"}}
_IMPORT_STRING: Schema = {"type": "string", "pattern": r"^[^\d\W]\w*(\.[^\d\W]\w*)*:[^\d\W]\w*(\.[^\d\W]\w*)*$"}


def _table(properties: Schema, required: list[str], **more: Any) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
        **more,
    }


_NAMES: Schema = {"type": "string", "minLength": 1}
_SIZE: Schema = {"type": "integer", "minimum": CREATED[0], "maximum": CREATED[1]}
_REFERENCES = [
    _table(
        {"env": {"type": "string", "pattern": f"^{VARIABLE}$"}, "default": {}},
        ["env"],
        description="from the environment",
    ),
    _table({"file": _NAMES, "create": _SIZE}, ["file"], description="the text of a file"),
    _table({"import": _IMPORT_STRING}, ["import"], description="an object of a module"),
]
# What every entry may have besides the options.
_OWN: Schema = {
    "name": {"type": "string", "description": "what it is called where it is shown"},
    "enabled": {
        "anyOf": [{"type": "boolean"}, _REFERENCE],
        "default": True,
        "description": "one that is not enabled is checked all the same",
    },
    "paths": {**_TEXTS, "description": "for which paths alone: /docs, or /docs/* for it and all below"},
    "exclude": {**_TEXTS, "description": "for which paths not"},
    "types": {
        "type": "array",
        "items": {"enum": ["http", "websocket", "lifespan"]},
        "minItems": 1,
        "description": "for which types of scopes alone",
    },
}


def schema() -> Schema:
    """The schema of a stack file, with the words that are known here and now."""
    described = [word for word in catalogue() if not word.broken]
    entries = {f"entry_{word.word}": _entry(word) for word in described}
    top = {
        "$schema": {"type": "string"},
        "middleware": {
            "type": "array",
            "items": _any_entry([word.word for word in described], entries),
            "minItems": 1,
            "description": "the middlewares, outermost first",
        },
        "silence": {
            "type": "array",
            "items": {"enum": [rule.code for rule in RULES]},
            "description": "codes of findings that are not to be told",
        },
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A stack of ASGI middleware",
        **_table(top, ["middleware"]),
        "definitions": {"reference": {"anyOf": _REFERENCES}, **entries},
    }


def _any_entry(words: list[str], entries: dict[str, Schema]) -> Schema:
    """What fits an entry: it is judged by its own word alone, so that what is wrong is told of the very option.

    The alternatives exclude nothing. They are for completion by Taplo, which does not look behind `if`.
    """
    imported = _table(
        {"use": _IMPORT_STRING, **_OWN, "options": {"type": "object"}}, ["use"], additionalProperties=True
    )
    judged = [_if_used({"const": word}, {"$ref": f"#/definitions/entry_{word}"}) for word in words]
    completed = [
        {"properties": {key: _hint(name, key) for key in entry["properties"]}} for name, entry in entries.items()
    ]
    return {
        "type": "object",
        "properties": {"use": {"anyOf": [{"enum": words}, _IMPORT_STRING]}},
        "required": ["use"],
        "allOf": [*judged, _if_used(_IMPORT_STRING, imported)],
        "anyOf": [*completed, {}],
    }


def _hint(entry: str, key: str) -> Schema:
    there = {"$ref": f"#/definitions/{entry}/properties/{key}"}
    return there if key == "use" else {"anyOf": [there, {}]}


def _if_used(use: Schema, then: Schema) -> Schema:
    return {"if": {"properties": {"use": use}, "required": ["use"]}, "then": then}


def _entry(described: Described) -> Schema:
    options = _options(described)
    # An option may stand in the entry or in `options`; one that is named like a key of the entry only there.
    beside = {name: value for name, value in options.items() if name not in OWN_KEYS}
    needed = [option.name for option in described.options if option.default is REQUIRED]
    inner = {"type": "object", "properties": options, "additionalProperties": described.takes_any}
    entry = _table(
        {"use": {"const": described.word}, **_OWN, **beside, "options": inner},
        ["use"],
        description=described.summary,
        additionalProperties=described.takes_any,
    )
    if needed:
        entry["allOf"] = [_given(name) for name in needed]
    return entry


def _given(name: str) -> Schema:
    """The option is there, in the entry or in its `options`."""
    inner = {"required": ["options"], "properties": {"options": {"required": [name]}}}
    return inner if name in OWN_KEYS else {"anyOf": [{"required": [name]}, inner]}


def _options(described: Described) -> Schema:
    return {option.name: _option(described, option) for option in described.options}


def _option(described: Described, option: Option) -> Schema:
    parts = [_part(part) for part in described.parts.get(option.name, ())]
    found = _value(option.annotation, parts)
    if option.name in described.sentences:
        found = {**found, "description": described.sentences[option.name]}
    if option.default is not REQUIRED:
        default = default_of(option, ours=described.is_ours)
        if not isinstance(default, Note):
            found = {**found, "default": default}
    return found


def _part(described: Described) -> Schema:
    needed = [option.name for option in described.options if option.default is REQUIRED]
    return _table(
        {"use": {"const": described.word}, **_options(described)},
        ["use", *needed],
        description=described.summary,
        additionalProperties=described.takes_any,
    )


def _value(annotation: Any, parts: list[Schema] | None = None) -> Schema:
    """What may stand for a value of this type; a reference may wherever anything may."""
    kinds = [part for part in alternatives(annotation) if part is not bytes]
    if parts:
        own = _table({"use": _IMPORT_STRING}, ["use"], additionalProperties=True)
        one = {"anyOf": [*parts, own, _REFERENCE]}
        return {"anyOf": [one, {"type": "array", "items": one}, *_found(kinds)]}
    if not kinds or Any in kinds or object in kinds:
        return {}
    return {"anyOf": [*_found(kinds), _REFERENCE]}


def _found(kinds: list[Any]) -> list[Schema]:
    return [found for kind in kinds if kind not in (Any, object) and (found := _kind(kind)) is not None]


def _kind(kind: Any) -> Schema | None:
    """What may stand for a value of one class; None where only an import can."""
    origin = typing.get_origin(kind) or kind
    if kind in _PLAIN:
        return _PLAIN[kind]
    if origin is Literal:
        return {"enum": list(typing.get_args(kind))}
    if is_path(kind):
        return {"type": "string", "minLength": 1}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _value(inside(kind))}
    if isinstance(origin, type) and issubclass(origin, Collection):
        return {"type": "array", "items": _value(inside(kind))}
    return None
