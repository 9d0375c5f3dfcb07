"""Option checks that collect every problem, so that a wrong configuration is explained once and whole."""

import inspect
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, TypeVar, cast

from ._headers import is_token
from ._types import Strings
from .exceptions import ConfigError, MissingExtra, Problem

_Choice = TypeVar("_Choice")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def shown(value: object) -> str:
    """A value as an error may show it: a plain one's repr, cut; anything else may hold a secret, so its type."""
    items = tuple(value) if isinstance(value, (list, tuple, set, frozenset)) else (value,)
    if not all(item is None or isinstance(item, (str, bytes, int, float)) for item in items):
        return type(value).__name__
    try:
        text = repr(value)
    except ValueError:  # Python writes no integers of more than 4,300 digits
        return type(value).__name__
    return text if len(text) <= 80 else text[:77] + "..."


def as_bytes(value: Any) -> bytes | None:
    """Text, bytes or Starlette's Secret as bytes; None for what is neither, or is half a character.

    The environment gives half a character for a byte that is no text.
    """
    if type(value).__name__ == "Secret":
        value = str(value)
    if isinstance(value, str):
        try:
            return value.encode()
        except UnicodeEncodeError:
            return None
    return value if isinstance(value, bytes) else None


def _takes_three(app: Callable[..., Any]) -> bool:
    """Whether it can be called with scope, receive and send; what has no signature gets the benefit of the doubt."""
    try:
        inspect.signature(app).bind(None, None, None)
    except TypeError:
        return False
    except ValueError:
        return True
    return True


def _is_wsgi(app: Callable[..., Any]) -> bool:
    """Whether it takes what PEP 3333 gives an application: the environ and start_response."""
    try:
        return list(inspect.signature(app).parameters)[1:] == ["start_response"]
    except (TypeError, ValueError):
        return False


class Options:
    """Checks the options of one `owner` (a class name), gathers problems, and raises them together at the end.

    Each check returns the value to go on with: the given one, or a harmless one where it was refused, so that the
    checks after it still run.
    """

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.problems: list[Problem] = []

    def problem(self, option: str, seen: str, rule: str, remedy: str) -> None:
        self.problems.append(Problem(option, seen, rule, remedy))

    def raise_problems(self) -> None:
        """Raises ConfigError if any check failed."""
        if self.problems:
            raise ConfigError(self.owner, self.problems)

    def attempt(self, make: Callable[[], _Choice]) -> _Choice | None:
        """What `make` gives; None if it raises ConfigError, whose problems are then ours too. MissingExtra travels."""
        try:
            return make()
        except MissingExtra:
            raise
        except ConfigError as error:
            self.problems += error.problems
            return None

    def app(self, app: object) -> None:
        if isinstance(app, type):
            self.problem("app", app.__name__, "is a class, not an ASGI application", "pass an instance of it")
        elif not callable(app) or not _takes_three(app):
            if callable(app) and _is_wsgi(app):
                name = getattr(app, "__name__", type(app).__name__)
                remedy = "make it one: a2wsgi.WSGIMiddleware(app), of the package a2wsgi"
                self.problem("app", name, "is a WSGI application, not an ASGI one", remedy)
                return
            seen = getattr(app, "__name__", shown(app))
            self.problem("app", seen, "must be an ASGI application", "pass a callable(scope, receive, send)")

    def strings(self, option: str, value: Iterable[str] | Strings, *, example: str) -> tuple[str, ...]:
        """A collection of strings; a single string is refused, because Python would read it letter by letter."""
        if isinstance(value, (str, bytes)):
            remedy = f"write [{value!r}]" if isinstance(value, str) else f"write {example}"
            self.problem(option, shown(value), "must be a collection of strings, not one string", remedy)
            return ()
        if not isinstance(value, Collection) or isinstance(value, Mapping):
            self.problem(option, shown(value), "must be a collection of strings", f"write {example}")
            return ()
        items: tuple[Any, ...] = tuple(value)
        for item in items:
            if not isinstance(item, str):
                self.problem(option, shown(item), "is not a string", f"write {example}")
        return tuple(item for item in items if isinstance(item, str))

    def text(self, option: str, value: Any, *, example: str) -> str:
        """A non-empty string without control characters."""
        if not isinstance(value, str) or not value:
            self.problem(option, shown(value), "must be a string that is not empty", f"write {example}")
            return ""
        if _CONTROL.search(value):
            self.problem(option, shown(value), "has control characters", "leave them out")
            return ""
        return value

    def choice(self, option: str, value: _Choice, allowed: tuple[_Choice, ...]) -> _Choice:
        for known in allowed:
            if value == known and type(value) is type(known):
                return value
        names = ", ".join(repr(known) for known in allowed)
        self.problem(option, shown(value), "is not among the choices", f"use one of {names}")
        return allowed[0]

    def boolean(self, option: str, value: bool) -> bool:
        return self.choice(option, value, (False, True))

    def integer(
        self, option: str, value: Any, *, minimum: int, maximum: int | None = None, unit: str = "", remedy: str = ""
    ) -> int:
        fits = isinstance(value, int) and not isinstance(value, bool)
        if fits and minimum <= value and (maximum is None or value <= maximum):
            return cast("int", value)
        bounds = f"{minimum} or more" if maximum is None else f"{minimum} to {maximum}"
        rule = f"must be a whole number, {bounds}{' ' + unit if unit else ''}"
        self.problem(option, shown(value), rule, remedy or f"write for example {minimum}")
        return minimum

    def seconds(self, option: str, value: Any) -> None:
        """A length of time: a number above 0."""
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
            self.problem(option, shown(value), "must be a number of seconds above 0", "write for example 5.0")

    def header_name(self, option: str, value: Any) -> str:
        """A field name (RFC 9110, 5.1): a token."""
        if isinstance(value, str) and is_token(value):
            return value
        self.problem(
            option, shown(value), "is not a header name", "use letters, digits and hyphens, such as 'X-Request-ID'"
        )
        return "x"

    def function(self, option: str, value: Any, *, optional: bool = True, plain: bool = False) -> None:
        """A callable, or None if it is `optional`. A `plain` one answers at once, so it is not async."""
        if not callable(value) and not (optional and value is None):
            self.problem(option, shown(value), "must be a function", "pass a callable, or leave the option out")
        elif plain and any(map(inspect.iscoroutinefunction, (value, getattr(type(value), "__call__", None)))):  # noqa: B004  # its function is looked at, not whether it has one
            self.problem(option, "an async function", "must answer at once", "pass a plain function")
