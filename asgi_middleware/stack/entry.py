"""One entry of a stack: what it wraps with, with which options, for which requests."""

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .._options import Options, shown
from .._paths import Paths
from .._types import ASGIApp, Receive, Scope, Send
from ..exceptions import ConfigError, Problem
from . import registry
from .closing import closing
from .display import as_text, displayed
from .hiding import without_secrets
from .references import OWN_KEYS, Resolver

_TYPES = ("http", "websocket", "lifespan")


async def _nowhere(scope: Scope, receive: Receive, send: Send) -> None:
    """What a middleware wraps while it is only being checked."""


@dataclass(frozen=True, slots=True)
class EntryProblem(Problem):
    """A problem of one entry, which is the `entry`-th from 1 and begins in this line of its file, if that is known."""

    entry: int
    line: int | None

    @classmethod
    def at(cls, entry: "Entry", number: int, line: int | None, problem: Problem) -> "EntryProblem":
        return cls(f"{entry.where(line)}: {problem.option}", problem.seen, problem.rule, problem.remedy, number, line)


class Entry:
    """A checked entry: call it with an app to wrap it.

    Indexing gives `(callable, (), {})`, which is what Starlette, FastAPI and Litestar take a middleware for; there is
    no `__iter__`, by which they would take it for something else.
    """

    def __init__(self, raw: Any, number: int, resolver: Resolver) -> None:
        self.problems: list[Problem] = []
        self.enabled = True
        self._args: tuple[Any, ...] = ()
        self._options: dict[str, Any] = {}
        self._shown: dict[str, Any] = {}
        self.factory: Any = None
        self._resolver = resolver
        target, given, own = self._split(raw)
        name = own.get("name", target if isinstance(target, str) else getattr(target, "__name__", ""))
        if not isinstance(name, str):
            self._problem("name", shown(name), "must be text", 'write name = "..."')
            name = ""
        self.name = without_secrets(name)
        self.label = f"entry {number} ({self.name})" if self.name else f"entry {number}"
        try:
            self._read_own(own)
            if target is not None:
                self._read_options(target, given, OWN_KEYS if own else ())
        except RecursionError:
            self._problem("options", "", "are nested too deeply", "mend them")
        self.problems = [resolver.hidden.scrubbed(problem) for problem in (*resolver.problems, *self.problems)]

    def where(self, line: int | None) -> str:
        """What tells a reader which entry this is; `line` is where it begins in its file, if that is known."""
        return self.label if line is None else f"{self.label}, line {line}"

    def _split(self, raw: Any) -> tuple[Any, dict[str, Any], dict[str, Any]]:
        """Target, options and own keys of whatever form an entry has; the target is None if it has none."""
        if isinstance(raw, (tuple, list)) and len(raw) == 2 and isinstance(raw[1], Mapping):
            return self._checked_target(raw[0]), dict(raw[1]), {}
        if isinstance(raw, Mapping) and "use" in raw:
            own = {key: value for key, value in raw.items() if key in OWN_KEYS}
            given = {key: value for key, value in raw.items() if key not in OWN_KEYS}
            more = own.get("options", {})
            if isinstance(more, Mapping):
                given |= more
            else:
                self._problem("options", type(more).__name__, "must be a table", "write options = { ... }")
            return self._checked_target(raw["use"]), given, own
        other: Any = raw
        if all(hasattr(other, part) for part in ("cls", "args", "kwargs")):  # starlette.middleware.Middleware
            self._args = tuple(other.args)
            return self._checked_target(other.cls), dict(other.kwargs), {}
        if isinstance(raw, Mapping):
            word = next((key for key in (*raw, raw.get("name")) if key in registry.MIDDLEWARE), None)
            remedy = 'write use = "cors"' if word is None else f"write use = {shown(word)}, and its options beside it"
            self._problem("use", "", "is missing", remedy)
            return None, {}, {}
        return self._checked_target(raw), {}, {}

    def _checked_target(self, target: Any) -> Any:
        """The target, if it can be one: a name, a class or a factory."""
        if isinstance(target, str):
            return target
        if not callable(target):
            seen = type(target).__name__
            remedy = 'write "cors", or ("cors", {"allow_origins": [...]})'
            self._problem("use", seen, "is neither the name of a middleware nor a class", remedy)
            return None
        if not isinstance(target, type) and hasattr(target, "app"):
            seen = type(target).__name__
            self._problem("use", seen, "is a middleware that wraps an app already", "give the class and its options")
            return None
        return target

    def _read_own(self, own: dict[str, Any]) -> None:
        enabled = self._resolver.resolve(own.get("enabled", True), "enabled", bool)
        if not isinstance(enabled, bool) and "enabled" not in self._resolver.lacking:
            self._problem("enabled", shown(enabled), "must be true or false", "write enabled = true")
        self.enabled = enabled is True
        options = Options("Stack")
        paths = Paths(options, "paths", own["paths"]) if "paths" in own else None
        exclude = Paths(options, "exclude", own["exclude"]) if "exclude" in own else None
        types: frozenset[str] | None = None
        if "types" in own:
            names = options.strings("types", own["types"], example='["http"]')
            for name in names:
                options.choice("types", name, _TYPES)
            if not names and not options.problems:
                options.problem("types", "[]", "names none, so the entry does nothing", "use enabled = false for that")
            types = frozenset(names)
        self.problems += options.problems
        self._conditions = (paths, exclude, types)

    def _read_options(self, target: Any, given: dict[str, Any], own: Iterable[str]) -> None:
        if isinstance(target, str):
            try:
                target = registry.look_up(target, registry.MIDDLEWARE)
            except registry.UnresolvedError as error:
                self._problem("use", repr(target), error.rule, error.remedy)
                return
            if not callable(target):
                self._problem("use", type(target).__name__, "is not callable", "name a class or factory(app, ...)")
                return
            if _is_application(target):
                self._problem("use", "", "is an application, not a middleware", "name a class or factory(app, ...)")
                return
        self.factory = target
        # What Starlette's Middleware passes by position has a name too.
        positional = dict(zip(_positional_names(target), self._args, strict=False))
        resolver = self._resolver
        resolved = resolver.options(target, {**positional, **given}, wraps=True, own=own)
        self._options = {name: value for name, value in resolved.items() if name in given}
        sources = resolver.hidden.sources
        self._shown = {name: displayed(value, name, sources) for name, value in {**positional, **given}.items()}
        self._try(resolved)

    def _try(self, options: dict[str, Any]) -> None:
        """Construct once around nothing: whatever the middleware refuses, it refuses now.

        Where a value is lacking, this is only to hear of the others; what is said of an option that is lacking, or was
        misspelt, would repeat what is known.
        """
        known = self._resolver.known()
        options = {name: value for name, value in options.items() if name in self._options or name in known}
        try:
            self.factory(_nowhere, *self._args, **options)
        except ConfigError as error:
            self.problems += [problem for problem in error.problems if problem.option not in known]
        except Exception as error:  # noqa: BLE001  # a third party's constructor may raise anything
            if not self._resolver.lacking:
                self._problem("options", "", f"were refused ({self._resolver.hidden.told(error)})", "mend them")

    def _problem(self, option: str, seen: str, rule: str, remedy: str) -> None:
        self.problems.append(Problem(option, seen, rule, remedy))

    def middleware(self, app: ASGIApp = _nowhere) -> Any:
        """The middleware itself around `app`, for every request."""
        return self.factory(app, *self._args, **self._options)

    def __call__(self, app: ASGIApp) -> ASGIApp:
        app = closing(app, self._resolver.owned)
        wrapped: ASGIApp = self.middleware(app)
        paths, exclude, types = self._conditions
        if paths is None and exclude is None and types is None:
            return wrapped
        return _Selective(wrapped, app, paths, exclude, types)

    def __getitem__(self, index: int) -> Any:
        return (self, (), {})[index]

    def lines(self) -> list[str]:
        """The entry as text: its name, what it is, and its options, none of them secret."""
        what = getattr(self.factory, "__qualname__", type(self.factory).__qualname__)
        shown_as = what if self.name in ("", what) else f"{self.name}  {what}"
        options = [f"{name} = {as_text(value)}" for name, value in self._shown.items()]
        return [shown_as, *(f"({condition})" for condition in self.conditions()), *options]

    def as_json(self) -> dict[str, Any]:
        """The same in the types of JSON."""
        paths, exclude, types = self._conditions
        made_by = self.factory if hasattr(self.factory, "__qualname__") else type(self.factory)
        return {
            "name": self.name,
            "use": f"{made_by.__module__}:{made_by.__qualname__}",
            "paths": None if paths is None else list(paths.patterns),
            "exclude": None if exclude is None else list(exclude.patterns),
            "types": None if types is None else sorted(types),
            "options": self._shown,
        }

    def conditions(self) -> list[str]:
        """For which requests it is, as text; empty for all."""
        told = []
        for word, paths in zip(("paths", "exclude"), self._conditions[:2], strict=True):
            if paths is not None:
                told.append(f"{word}: {', '.join(paths.patterns)}")
        if self._conditions[2] is not None:
            told.append(f"types: {', '.join(sorted(self._conditions[2]))}")
        return told

    def __repr__(self) -> str:
        return f"Entry({', '.join(self.lines())})"


def _is_application(target: Any) -> bool:
    """Whether it is what a middleware wraps: `app(scope, receive, send)`."""
    try:
        return list(inspect.signature(target).parameters)[:3] == ["scope", "receive", "send"]
    except (TypeError, ValueError):
        return False


def _positional_names(factory: Any) -> list[str]:
    """The names of the options that can be given by position, behind `app`."""
    try:
        parameters = list(inspect.signature(factory).parameters.values())
    except (TypeError, ValueError):
        return []
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [parameter.name for parameter in parameters[1:] if parameter.kind in kinds]


class _Selective:
    """Sends each scope through a middleware or past it."""

    def __init__(
        self, wrapped: ASGIApp, bare: ASGIApp, paths: Paths | None, exclude: Paths | None, types: frozenset[str] | None
    ) -> None:
        self._wrapped = wrapped
        self._bare = bare
        self._paths = paths
        self._exclude = exclude
        self._types = types

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self._wrapped if self._applies(scope) else self._bare)(scope, receive, send)

    def _applies(self, scope: Scope) -> bool:
        if self._types is not None and scope["type"] not in self._types:
            return False
        if scope["type"] not in ("http", "websocket"):
            return True
        if self._exclude is not None and self._exclude.exempts(scope):
            return False
        return self._paths is None or self._paths.covers(scope)
