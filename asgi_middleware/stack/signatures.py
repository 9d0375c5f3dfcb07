"""What a factory takes, read from its signature, and text as what an option is declared as."""

import inspect
import os
import types
import typing
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._types import Strings

_BOOLS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
REQUIRED: Any = inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a factory: Any where no `annotation` is declared, REQUIRED where there is no `default`."""

    name: str
    annotation: Any
    default: Any


@dataclass(frozen=True, slots=True)
class Signature:
    """The options that a factory has names for, in their order, and whether it takes any other one too."""

    options: tuple[Option, ...]
    takes_any: bool


def signature(factory: Any, *, wraps: bool) -> Signature:
    """What a factory takes. `wraps`: its first parameter is the app, which is no option."""
    try:
        parameters = list(inspect.signature(factory).parameters.values())
    except (TypeError, ValueError):
        return Signature((), True)
    if (
        wraps
        and parameters
        and parameters[0].kind in (parameters[0].POSITIONAL_ONLY, parameters[0].POSITIONAL_OR_KEYWORD)
    ):
        del parameters[0]
    hints = _hints(factory)
    named = (p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY))
    options = tuple(Option(p.name, hints.get(p.name, Any), p.default) for p in named)
    return Signature(options, any(p.kind is p.VAR_KEYWORD for p in parameters))


def _hints(factory: Any) -> dict[str, Any]:
    try:
        # a class's annotations are its constructor's
        return typing.get_type_hints(factory.__init__ if isinstance(factory, type) else factory)  # type: ignore[misc]  # read, never called
    except Exception:  # noqa: BLE001  # annotations of a third party may name what is not importable; then text stays text
        return {}


def converted(text: str, annotation: Any) -> Any:
    """Text as the declared type: bool, number, a collection of texts, else as it is. ValueError if it does not fit."""
    accepts = members(annotation)
    if str in accepts or Any in accepts:
        return text
    if bool in accepts and text.strip().lower() in _BOOLS:
        return _BOOLS[text.strip().lower()]
    if int in accepts or float in accepts:
        return _number(text, whole=float not in accepts)
    if any(isinstance(kind, type) and issubclass(kind, Collection) for kind in accepts):
        return [part.strip() for part in text.split(",") if part.strip()]
    if bool in accepts and not accepts - {bool, type(None)}:
        raise ValueError("is neither true nor false")
    return text


def _number(text: str, *, whole: bool) -> float:
    try:
        return int(text)
    except ValueError:
        if whole:
            raise ValueError("is no whole number") from None
    try:
        return float(text)
    except ValueError:
        raise ValueError("is no number") from None


def members(annotation: Any) -> set[Any]:
    """The classes that an annotation names: the members of a union, generics without their arguments."""
    return {typing.get_origin(part) or part for part in alternatives(annotation)}


def alternatives(annotation: Any) -> list[Any]:
    """The members of a union, of unions in it too; or the annotation alone."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return [member for part in typing.get_args(annotation) for member in alternatives(part)]
    return [annotation]


def inside(annotation: Any) -> Any:
    """What a declared collection or mapping holds."""
    for part in alternatives(annotation):
        if part is Strings:
            return str
        origin, arguments = typing.get_origin(part), typing.get_args(part)
        if isinstance(origin, type) and issubclass(origin, Collection) and arguments:
            return arguments[1] if issubclass(origin, Mapping) and len(arguments) == 2 else arguments[0]
    return Any


def is_path(annotation: Any) -> bool:
    """Whether text is the path of a file here."""
    return not members(annotation).isdisjoint({Path, os.PathLike})
