"""Values in the options of an entry that stand elsewhere.

A value by reference is a mapping with exactly these keys:

    { env = "NAME" }                   the environment variable; `default = ...` where it may be missing
    { file = "path" }                  the file's text, less one newline at its end
    { file = "path", create = 32 }     the same; a missing file is made with 32 random bytes as base64url text,
                                       mode 0600, when the stack is built to run
    { import = "package.module:name" } the object

Relative paths start at the config file. Text from the environment or a file is converted to the option's declared
type: int, bool, and a comma-separated list for collections. Nowhere else is text split.
"""

import os
import re
import secrets
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from .._options import shown
from ..exceptions import ConfigError, Problem
from . import registry
from .hiding import HIDDEN, is_secret_name, without_userinfo
from .signatures import annotations, converted, inside, members, parameters

_UNKNOWN = "is no option here"
# These keys of an entry are always the entry's own; a middleware's option of such a name goes into `options`.
OWN_KEYS = ("use", "name", "enabled", "paths", "exclude", "types", "options")
# Texts at least this long are looked for in errors; shorter ones stand in ordinary words.
_TELLING = 8

_REFERENCES = (
    frozenset({"env"}),
    frozenset({"env", "default"}),
    frozenset({"file"}),
    frozenset({"file", "create"}),
    frozenset({"import"}),
)


class Resolver:
    """Replaces references by values, for one entry of a stack, and knows what must not be printed.

    Afterwards `problems` holds what was wrong, `hidden` where each value that must not be printed came from, by its
    path (`secret_key`, `backend[1].secret`), `lacking` the options for which there is no value, and `meant` those that
    were probably meant by misspelt ones.
    """

    def __init__(self, base: Path, *, create_files: bool) -> None:
        self._base = base
        self._create_files = create_files
        self.problems: list[Problem] = []
        self.hidden: dict[str, str] = {}
        self.lacking: set[str] = set()
        self.meant: set[str | None] = set()
        self._texts: list[str] = []

    def resolve(self, value: Any, path: str, annotation: Any, parts: dict[str, str] | None = None) -> Any:
        """The value to hand to a constructor. `parts` are the words that `use` may name here."""
        if isinstance(value, Mapping) and frozenset(value) in _REFERENCES:
            return self._referenced(value, path, annotation)
        if Path in members(annotation) and isinstance(value, str):
            return self._base / value
        if is_secret_name(path):
            self.hide(path, HIDDEN, value)
        if isinstance(value, Mapping):
            if parts is not None and "use" in value:
                return self._part(value, path, parts)
            return {key: self.resolve(item, f"{path}.{key}", inside(annotation)) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            inner = inside(annotation)
            return [self.resolve(item, f"{path}[{number}]", inner, parts) for number, item in enumerate(value, 1)]
        return value

    def options(
        self, factory: Any, given: Mapping[str, Any], prefix: str = "", *, wraps: bool = False, own: Iterable[str] = ()
    ) -> dict[str, Any]:
        """The resolved options of one factory; unknown and missing ones are problems.

        `wraps`: its first parameter is the app. `own`: further names that a user may have meant.
        """
        accepted, required, takes_any = parameters(factory, wraps=wraps)
        hints = annotations(factory)
        resolved: dict[str, Any] = {}
        for name, value in given.items():
            path = f"{prefix}{name}"
            item = self.resolve(value, path, hints.get(name, Any), registry.PARTS.get(name))
            if name in accepted or takes_any:
                resolved[name] = item
            else:
                remedy = registry.nearest(name, accepted, own)
                if wraps and not own and name in OWN_KEYS:
                    remedy = f'the entry itself takes it, in the form {{"use": ..., {shown(name)}: ...}}'
                self._problem(path, "", _UNKNOWN, remedy)
                self.meant.add(registry.closest(name, accepted))
        for name in required:
            if name not in given:
                path = f"{prefix}{name}"
                secret = f'write {path} = {{ file = "{name}", create = 32 }}, or {{ env = "..." }}'
                self._lacking(path, "", "is required", secret if is_secret_name(path) else "give it")
                resolved[name] = None
        return resolved

    def hide(self, path: str, source: str, value: Any) -> None:
        """Never print what is at `path`, nor `value`, if it is text, anywhere else."""
        self.hidden[path] = source
        if isinstance(value, str):
            self._texts += [part.strip() for part in (value, *value.split(",")) if len(part.strip()) >= _TELLING]

    def scrubbed(self, problem: Problem) -> Problem:
        """The problem without any value that must not be printed."""
        seen, remedy = problem.seen, problem.remedy
        for path, source in self.hidden.items():
            if _touches(problem.option, path):
                seen = source
                if remedy.startswith("write "):  # it would repeat the value, mended
                    remedy = "mend it where it is set"
        return Problem(*(self._safe(text) for text in (problem.option, seen, problem.rule, remedy)))

    def told(self, error: BaseException) -> str:
        """A constructor's own exception as text: its kind alone where it could repeat what must not be printed."""
        kind = type(error).__name__
        return kind if self.hidden else without_userinfo(f"{kind}: {error}")

    def _safe(self, text: str) -> str:
        # An error may show the beginning of a value, so the beginning is what is looked for.
        if any(secret[:_TELLING] in text for secret in self._texts):
            return HIDDEN
        return without_userinfo(text)

    def _problem(self, path: str, seen: str, rule: str, remedy: str) -> None:
        self.problems.append(Problem(path, seen, rule, remedy))

    def _lacking(self, path: str, seen: str, rule: str, remedy: str) -> None:
        """A problem that leaves a value missing, so that nothing can be constructed."""
        self._problem(path, seen, rule, remedy)
        self.lacking.add(_root(path))

    def _part(self, value: Mapping[str, Any], path: str, parts: dict[str, str]) -> Any:
        """Build what `{ use = "...", ...options }` stands for."""
        name = value["use"]
        try:
            factory = registry.look_up(name, parts) if isinstance(name, str) else _refuse_name(name)
        except registry.UnresolvedError as error:
            self._lacking(f"{path}.use", shown(name), error.rule, error.remedy)
            return None
        given = {key: item for key, item in value.items() if key != "use"}
        before = len(self.problems)
        options = self.options(factory, given, f"{path}.")
        if any(not problem.rule.startswith(_UNKNOWN) for problem in self.problems[before:]):
            return None
        try:
            return factory(**options)
        except ConfigError as error:
            self.problems += [Problem(f"{path}.{p.option}", p.seen, p.rule, p.remedy) for p in error.problems]
            self.lacking.add(_root(path))
        except Exception as error:  # noqa: BLE001  # a third party's constructor may raise anything
            self._lacking(path, "", f"was refused ({self.told(error)})", f"look up the options of {name!r}")
        return None

    def _referenced(self, reference: Mapping[str, Any], path: str, annotation: Any) -> Any:
        kind = next(key for key in ("env", "file", "import") if key in reference)
        name = reference[kind]
        if not isinstance(name, str) or not name:
            self._lacking(path, "", f"`{kind}` must be text", f'write {{ {kind} = "..." }}')
            return None
        source = f"<from {kind} {name}>"
        if kind == "import":
            try:
                found = registry.load(name)
            except registry.UnresolvedError as error:
                self._lacking(path, repr(name), error.rule, error.remedy)
                return None
            self.hide(path, source, found)
            return found
        text = self._from_env(reference, name, path) if kind == "env" else self._from_file(reference, name, path)
        if text is None and "default" not in reference:
            return None
        if text is None:
            default = reference["default"]
            self.hide(path, f"<default of {kind} {name}>", default)
            return default
        self.hide(path, source, text)
        try:
            return converted(text, annotation)
        except ValueError as error:
            self._lacking(path, source, str(error), f"mend the value of {name}")
            return None

    def _from_env(self, reference: Mapping[str, Any], name: str, path: str) -> str | None:
        text = os.environ.get(name)
        if text is None and "default" not in reference:
            # A default in the file is no place for a secret.
            remedy = "set it" if is_secret_name(path) else "set it, or give a `default`"
            self._lacking(path, "", f"the environment variable {name} is not set", remedy)
        return text

    def _from_file(self, reference: Mapping[str, Any], name: str, path: str) -> str | None:
        file = self._base / name
        size = reference.get("create")
        if size is not None and (isinstance(size, bool) or not isinstance(size, int) or not 16 <= size <= 1024):
            self._lacking(path, "", "`create` must be a number of bytes from 16 to 1024", "write create = 32")
            return None
        verb = "read"
        try:
            if size is not None and not file.exists():
                verb = "made"
                if not file.parent.is_dir():
                    self._lacking(path, "", f"there is no folder for the file {name}", "make it, or mend the path")
                    return None
                text = secrets.token_urlsafe(size)
                if not self._create_files:
                    return text
                _create(file, text)
            text = file.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "not UTF-8"
            remedy = "mend the path" if size is not None else "mend the path, or add create = 32"
            self._lacking(path, "", f"the file {name} cannot be {verb} ({why})", remedy)
            return None
        return text.removesuffix("\n")


def _root(path: str) -> str:
    """The option that a path is in: `backend` for `backend[1].secret`."""
    return re.split(r"[.\[]", path, maxsplit=1)[0]


def _touches(option: str, path: str) -> bool:
    """Whether a problem's option is, or is in, or holds, what is at `path`."""
    return (
        option == path or option.startswith((f"{path}.", f"{path}[")) or path.startswith((f"{option}.", f"{option}["))
    )


def _refuse_name(name: object) -> NoReturn:
    raise registry.UnresolvedError(f"must be text, not {type(name).__name__}", 'write use = "..."')


def _create(file: Path, text: str) -> None:
    """Write a new file of mode 0600, whole or not at all; one that another process made meanwhile stays."""
    descriptor, temporary = tempfile.mkstemp(dir=file.parent)  # mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
        try:
            os.link(temporary, file)
        except FileExistsError:
            return
    finally:
        os.unlink(temporary)
