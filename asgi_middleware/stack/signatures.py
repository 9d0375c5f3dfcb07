"""What a factory takes, read from its signature, and text as what an option is declared as."""

import inspect
import types
import typing
from collections.abc import Collection, Mapping
from typing import Any

_BOOLS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}


def parameters(factory: Any, *, wraps: bool) -> tuple[list[str], list[str], bool]:
    """Names of the options, those without a default, and whether any other name is taken too."""
    try:
        parameters = list(inspect.signature(factory).parameters.values())
    except (TypeError, ValueError):
        return [], [], True
    if (
        wraps
        and parameters
        and parameters[0].kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    ):
        del parameters[0]
    named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    required = [p.name for p in named if p.default is p.empty]
    return [p.name for p in named], required, any(p.kind is p.VAR_KEYWORD for p in parameters)


def annotations(factory: Any) -> dict[str, Any]:
    try:
        # a class's annotations are its constructor's
        return typing.get_type_hints(factory.__init__ if isinstance(factory, type) else factory)  # type: ignore[misc]  # read, never called
    except Exception:  # noqa: BLE001  # annotations of a third party may name what is not importable; then text stays text
        return {}


def converted(text: str, annotation: Any) -> Any:
    """Text as the declared type: bool, int, a collection of strings, else the text. ValueError if it does not fit."""
    accepts = members(annotation)
    if str in accepts or Any in accepts:
        return text
    if bool in accepts and text.strip().lower() in _BOOLS:
        return _BOOLS[text.strip().lower()]
    if int in accepts:
        try:
            return int(text)
        except ValueError:
            raise ValueError("is no whole number") from None
    if any(isinstance(kind, type) and issubclass(kind, Collection) for kind in accepts):
        return [part.strip() for part in text.split(",") if part.strip()]
    if bool in accepts and not accepts - {bool, type(None)}:
        raise ValueError("is neither true nor false")
    return text


def members(annotation: Any) -> set[Any]:
    """The classes that an annotation names: the members of a union, generics without their arguments."""
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        return {member for part in typing.get_args(annotation) for member in members(part)}
    return {annotation if origin is None else origin}


def inside(annotation: Any) -> Any:
    """What a declared collection or mapping holds."""
    parts = typing.get_args(annotation) if typing.get_origin(annotation) in (typing.Union, types.UnionType) else ()
    for part in parts or (annotation,):
        origin, arguments = typing.get_origin(part), typing.get_args(part)
        if isinstance(origin, type) and issubclass(origin, Collection) and arguments:
            return arguments[1] if issubclass(origin, Mapping) and len(arguments) == 2 else arguments[0]
    return Any
