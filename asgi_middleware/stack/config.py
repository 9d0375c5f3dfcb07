"""Config files, and the values in them that stand elsewhere.

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
import tomllib
import types
import typing
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ..exceptions import ConfigError, Problem
from . import registry

HIDDEN = "<hidden>"
_SECRET_NAME = re.compile(r"secret|key|password|token", re.IGNORECASE)
_USERINFO = re.compile(r"(?<=://)[^/@\s'\"]+@")
_ENTRY_LINE = re.compile(r"^[ \t]*\[\[[ \t]*(?:middleware|\"middleware\"|'middleware')[ \t]*\]\]")

_REFERENCES = (
    frozenset({"env"}),
    frozenset({"env", "default"}),
    frozenset({"file"}),
    frozenset({"file", "create"}),
    frozenset({"import"}),
)
_WORDS_FOR_BOOL = {
    "true": True,
    "1": True,
    "yes": True,
    "on": True,
    "false": False,
    "0": False,
    "no": False,
    "off": False,
}


def is_secret_name(name: str) -> bool:
    """Whether an option of this name is never printed."""
    return _SECRET_NAME.search(name) is not None


def without_userinfo(text: str) -> str:
    """The text with the user name and password of every URL in it hidden."""
    return _USERINFO.sub(f"{HIDDEN}@", text)


def read_file(path: Path) -> tuple[list[Any], list[int]]:
    """The entries of a TOML stack file and the line of each. Raises ConfigError that names the file."""
    try:
        text = path.read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except FileNotFoundError:
        raise ConfigError(str(path), [Problem("file", "", "does not exist", "mend the path")]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), [Problem("file", "", f"cannot be read ({error})", "mend it")]) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(path), [Problem("file", "", f"is not TOML: {error}", "mend it")]) from None
    problems = [
        Problem(key, "", "is not known at the top of a stack file", registry.nearest(key, ["middleware"]))
        for key in document
        if key != "middleware"
    ]
    entries = document.get("middleware", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        problems.append(Problem("middleware", "", "must be a list of tables", "write [[middleware]] above each entry"))
    elif not entries and not problems:
        problems.append(Problem("middleware", "", "is missing", 'write [[middleware]] and use = "cors"'))
    if problems:
        raise ConfigError(str(path), problems)
    lines = [number for number, line in enumerate(text.splitlines(), 1) if _ENTRY_LINE.match(line)]
    return entries, lines if len(lines) == len(entries) else []


class Resolver:
    """Replaces references by values, for one entry of a stack.

    Afterwards `problems` holds what was wrong, and `hidden` where each value that must not be printed came from, by its
    path (`secret_key`, `backend[1].secret`), and `_texts` the values themselves.
    """

    def __init__(self, base: Path, *, create_files: bool) -> None:
        self._base = base
        self._create_files = create_files
        self.problems: list[Problem] = []
        self.hidden: dict[str, str] = {}
        self._texts: list[str] = []

    def resolve(self, value: Any, path: str, annotation: Any, parts: dict[str, str] | None) -> Any:
        """The value to hand to a constructor. `parts` are the words that `use` may name here."""
        if isinstance(value, Mapping):
            if frozenset(value) in _REFERENCES:
                return self._referenced(value, path, annotation)
            if parts is not None and "use" in value:
                return self._part(value, path, parts)
            return {key: self.resolve(item, f"{path}.{key}", Any, None) for key, item in value.items()}
        if isinstance(value, list):
            return [self.resolve(item, f"{path}[{number}]", Any, parts) for number, item in enumerate(value, 1)]
        if isinstance(value, str) and is_secret_name(path):
            self._hide(path, HIDDEN, value)
        return value

    def scrubbed(self, problem: Problem) -> Problem:
        """The problem without any value that must not be printed."""
        seen = problem.seen
        for path, source in self.hidden.items():
            if problem.option == path or problem.option.startswith((path + ".", path + "[")):
                seen = source
        return Problem(problem.option, self._safe(seen), self._safe(problem.rule), self._safe(problem.remedy))

    def _safe(self, text: str) -> str:
        # An error may show the beginning of a value, so the beginning is what is looked for.
        if any(secret[:8] in text for secret in self._texts):
            return HIDDEN
        return without_userinfo(text)

    def _problem(self, path: str, seen: str, rule: str, remedy: str) -> None:
        self.problems.append(Problem(path, seen, rule, remedy))

    def _hide(self, path: str, source: str, text: str) -> None:
        self.hidden[path] = source
        self._texts += [part for part in (text, *text.split(",")) if part.strip()]

    def _part(self, value: Mapping[str, Any], path: str, parts: dict[str, str]) -> Any:
        """Build what `{ use = "...", ...options }` stands for."""
        name = value["use"]
        try:
            factory = registry.look_up(str(name), parts)
        except registry.UnresolvedError as error:
            self._problem(f"{path}.use", repr(name), error.rule, error.remedy)
            return None
        given = {key: item for key, item in value.items() if key != "use"}
        before = len(self.problems)
        options = self.options(factory, given, f"{path}.")
        if len(self.problems) > before:
            return None
        try:
            return factory(**options)
        except ConfigError as error:
            self.problems += [Problem(f"{path}.{p.option}", p.seen, p.rule, p.remedy) for p in error.problems]
        except (TypeError, ValueError) as error:
            self._problem(path, "", f"was refused ({type(error).__name__})", f"look up the options of {name!r}")
        return None

    def options(self, factory: Any, given: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
        """The resolved options of one factory; unknown and missing ones are problems."""
        accepted, required, takes_any = _parameters(factory)
        hints = _hints(factory)
        for name in given:
            if name not in accepted and not takes_any:
                self._problem(f"{prefix}{name}", "", "is no option here", registry.nearest(name, accepted))
        for name in required - given.keys():
            self._problem(f"{prefix}{name}", "", "is required", "give it")
        return {
            name: self.resolve(value, f"{prefix}{name}", hints.get(name, Any), registry.PARTS.get(name))
            for name, value in given.items()
        }

    def _referenced(self, reference: Mapping[str, Any], path: str, annotation: Any) -> Any:
        kind = next(key for key in ("env", "file", "import") if key in reference)
        name = reference[kind]
        if not isinstance(name, str) or not name:
            self._problem(path, "", f"`{kind}` must be text", f'write {{ {kind} = "..." }}')
            return None
        if kind == "import":
            try:
                return registry.load(name)
            except registry.UnresolvedError as error:
                self._problem(path, repr(name), error.rule, error.remedy)
                return None
        source = f"<from {kind} {name}>"
        text = self._from_env(reference, name, path) if kind == "env" else self._from_file(reference, name, path)
        if text is None:
            return reference.get("default")
        self._hide(path, source, text)
        try:
            return converted(text, annotation)
        except ValueError as error:
            self._problem(path, source, str(error), f"mend the value of {name}")
            return None

    def _from_env(self, reference: Mapping[str, Any], name: str, path: str) -> str | None:
        text = os.environ.get(name)
        if text is None and "default" not in reference:
            self._problem(path, "", f"the environment variable {name} is not set", "set it, or give a `default`")
        return text

    def _from_file(self, reference: Mapping[str, Any], name: str, path: str) -> str | None:
        file = self._base / name
        size = reference.get("create")
        if size is not None and (isinstance(size, bool) or not isinstance(size, int) or not 16 <= size <= 1024):
            self._problem(path, "", "`create` must be a number of bytes from 16 to 1024", "write create = 32")
            return None
        try:
            if size is not None and not file.exists():
                text = secrets.token_urlsafe(size)
                if not self._create_files:
                    return text
                _create(file, text)
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "not UTF-8"
            self._problem(path, "", f"the file {name} cannot be read ({why})", "mend the path, or add create = 32")
            return None
        return text.removesuffix("\n").removesuffix("\r")


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


def _parameters(factory: Any) -> tuple[set[str], set[str], bool]:
    """Names of the options, those without a default, and whether any other name is taken too."""
    import inspect

    try:
        signature = inspect.signature(factory)
    except (TypeError, ValueError):
        return set(), set(), True
    accepted: set[str] = set()
    required: set[str] = set()
    takes_any = False
    for name, parameter in signature.parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            takes_any = True
        elif name != "app" and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            accepted.add(name)
            if parameter.default is parameter.empty:
                required.add(name)
    return accepted, required, takes_any


def _hints(factory: Any) -> dict[str, Any]:
    try:
        # a class's annotations are its constructor's
        return typing.get_type_hints(factory.__init__ if isinstance(factory, type) else factory)  # type: ignore[misc]  # read, never called
    except Exception:  # noqa: BLE001  # annotations of a third party may name what is not importable; then text stays text
        return {}


def converted(text: str, annotation: Any) -> Any:
    """Text as the declared type: bool, int, a collection of strings, else the text. ValueError if it does not fit."""
    accepts = _members(annotation)
    if str in accepts or Any in accepts:
        return text
    if bool in accepts and text.strip().lower() in _WORDS_FOR_BOOL:
        return _WORDS_FOR_BOOL[text.strip().lower()]
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


def _members(annotation: Any) -> set[Any]:
    """The classes that an annotation names: the members of a union, generics without their arguments."""
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        return {member for part in typing.get_args(annotation) for member in _members(part)}
    return {annotation if origin is None else origin}
