"""Values that stand elsewhere, and the parts that are built of tables.

A value by reference is a mapping with exactly these keys:

    { env = "NAME" }                   the environment variable; `default = ...` where it may be missing
    { file = "path" }                  the file's text, less one newline at its end
    { file = "path", create = 32 }     the same; a missing file is made with 32 random bytes as base64url text,
                                       mode 0600, when the stack is built to run
    { import = "package.module:name" } the object

Relative paths start at the config file, those of options that are declared as paths too. Text from the environment or a
file is converted to the option's declared type: bool, int, float, and a comma-separated list for collections. Nowhere
else is text split. `{ use = "word", ... }` is a part, built of its own options, in options that know such words.
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
from .hiding import HIDDEN, Hidden, is_secret_name
from .signatures import REQUIRED, converted, inside, is_path, signature

# These keys of an entry are always the entry's own; a middleware's option of such a name goes into `options`.
OWN_KEYS = ("use", "name", "enabled", "paths", "exclude", "types", "options")
# How many random bytes a file may be made with.
CREATED = (16, 1024)

_REFERENCES = (
    frozenset({"env"}),
    frozenset({"env", "default"}),
    frozenset({"file"}),
    frozenset({"file", "create"}),
    frozenset({"import"}),
)
_BESIDE = ("default", "create")
# What a shell would put a variable's value for; as a key it is one that all the world can guess.
_SHELL = re.compile(r"\$\{[A-Z_][A-Z0-9_]*}|\$[A-Z_][A-Z0-9_]*")
# POSIX knows letters, digits and the underscore; orchestrators set names with dots and hyphens too.
VARIABLE = r"[A-Za-z_][A-Za-z0-9_.-]*"


class Resolver:
    """Replaces references by values and builds parts, for one entry of a stack.

    Afterwards `problems` holds what was wrong, `hidden` what must not be printed, `lacking` the paths (`secret_key`,
    `backend[1].secret`) at which there is no value, and `owned` the parts that the entry has to close.
    """

    def __init__(self, base: Path, *, create_files: bool) -> None:
        self._base = base
        self._create_files = create_files
        self._meant: set[str] = set()
        self.problems: list[Problem] = []
        self.hidden = Hidden()
        self.lacking: set[str] = set()
        self.owned: list[Any] = []

    def resolve(self, value: Any, path: str, annotation: Any, parts: dict[str, str] | None = None) -> Any:
        """The value to hand to a constructor. `parts` are the words that `use` may name here."""
        if isinstance(value, Mapping) and frozenset(value) in _REFERENCES:
            found = self._referenced(value, path, annotation)
            return self._placed(found) if is_path(annotation) else found
        if is_path(annotation) and isinstance(self._placed(value), Path):
            return self._placed(value)
        if is_secret_name(path):
            self.hidden.add(path, HIDDEN, value)
            if isinstance(value, str) and _SHELL.fullmatch(value):
                rule = "is written like a shell's variable, and no shell reads this"
                self._lacking(path, "", rule, 'name it: { env = "NAME" }')
                return None
            if isinstance(value, Mapping) and len(value) == 2 and (wrong := _misspelt(value)):
                self._lacking(path, "", f"{shown(wrong)} stands in no reference", registry.nearest(wrong, _BESIDE))
                return None
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
        accepted = signature(factory, wraps=wraps)
        known = {option.name: option.annotation for option in accepted.options}
        resolved: dict[str, Any] = {}
        for name, value in given.items():
            path = f"{prefix}{name}"
            item = self.resolve(value, path, known.get(name, Any), registry.PARTS.get(name))
            if name in known or accepted.takes_any:
                resolved[name] = self._made_of_text(factory, name, item, path)
                continue
            remedy = registry.nearest(name, known, own)
            if wraps and not own and name in OWN_KEYS:
                remedy = f'the entry itself takes it, in the form {{"use": ..., {shown(name)}: ...}}'
            self._problem(path, "", "is no option here", remedy)
            self._meant.add(f"{prefix}{registry.closest(name, known)}")
        for option in accepted.options:
            if option.default is REQUIRED and option.name not in given:
                path = f"{prefix}{option.name}"
                secret = f'write {path} = {{ file = "{option.name}", create = 32 }}, or {{ env = "..." }}'
                remedy = secret if is_secret_name(path) else _written(option.name, path)
                self._lacking(path, "", "is required", remedy)
                resolved[option.name] = None
        return resolved

    def known(self, prefix: str = "") -> set[str]:
        """The options of which a constructor could only repeat what is told: lacking, or meant by others."""
        lacking = {_root(path.removeprefix(prefix)) for path in self.lacking if path.startswith(prefix)}
        return lacking | {path.removeprefix(prefix) for path in self._meant if path.startswith(prefix)}

    def _problem(self, path: str, seen: str, rule: str, remedy: str) -> None:
        self.problems.append(Problem(path, seen, rule, remedy))

    def _lacking(self, path: str, seen: str, rule: str, remedy: str) -> None:
        """A problem that leaves a value missing."""
        self._problem(path, seen, rule, remedy)
        self.lacking.add(path)

    def _placed(self, value: Any) -> Any:
        """The path that text names, from the config file on. A key itself, in place of its file, is left as it is."""
        is_name = isinstance(value, str) and value and "\n" not in value and value[0] not in "{:"
        return self._base / value if is_name else value

    def _part(self, value: Mapping[str, Any], path: str, parts: dict[str, str]) -> Any:
        """Build what `{ use = "...", ...options }` stands for."""
        name = value["use"]
        try:
            factory = registry.look_up(name, parts) if isinstance(name, str) else _refuse_name(name)
        except registry.UnresolvedError as error:
            self._lacking(f"{path}.use", shown(name), error.rule, error.remedy)
            return None
        prefix = f"{path}."
        options = self.options(factory, {key: item for key, item in value.items() if key != "use"}, prefix)
        # Where a value is lacking this is only to hear of the others, as for the entry itself.
        try:
            return self._own(factory(**options))
        except ConfigError as error:
            known = self.known(prefix)
            refused = [problem for problem in error.problems if problem.option not in known]
            self.problems += [Problem(f"{prefix}{p.option}", p.seen, p.rule, p.remedy) for p in refused]
        except Exception as error:  # noqa: BLE001  # a third party's constructor may raise anything
            if not any(missing.startswith(prefix) for missing in self.lacking):
                self._problem(path, "", f"was refused ({self.hidden.told(error)})", f"look up the options of {name!r}")
        self.lacking.add(path)
        return None

    def _made_of_text(self, factory: Any, name: str, value: Any, path: str) -> Any:
        """The part that text names in some options, such as the store of a URL; any other value as it is."""
        make = registry.made_of_text(factory, name) if isinstance(value, str) else None
        if make is None:
            return value
        try:
            return self._own(make(value))
        except ConfigError as error:
            self.problems += [Problem(path, p.seen, p.rule, p.remedy) for p in error.problems]
            self.lacking.add(path)
            return None

    def _own(self, part: Any) -> Any:
        if hasattr(part, "aclose"):
            self.owned.append(part)
        return part

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
            self.hidden.add(path, source, found)
            return found
        text = self._from_env(reference, name, path) if kind == "env" else self._from_file(reference, name, path)
        if text is None and "default" not in reference:
            return None
        if text is None:
            default = reference["default"]
            self.hidden.add(path, f"<default of {kind} {name}>", default)
            return default
        self.hidden.add(path, source, text)
        try:
            return converted(text, annotation)
        except ValueError as error:
            self._lacking(path, source, str(error), f"mend the value of {name}")
            return None

    def _from_env(self, reference: Mapping[str, Any], name: str, path: str) -> str | None:
        if not re.fullmatch(VARIABLE, name):
            # Not shown: what is no name may be the value, in the wrong place.
            self._lacking(path, "", "`env` is no name of a variable", 'write { env = "NAME" }')
            return None
        text = os.environ.get(name)
        if text is None and "default" not in reference:
            # A default in the file is no place for a secret.
            remedy = "set it" if is_secret_name(path) else "set it, or give a `default`"
            self._lacking(path, "", f"the environment variable {name} is not set", remedy)
        return text

    def _from_file(self, reference: Mapping[str, Any], name: str, path: str) -> str | None:
        file = self._base / name
        size = reference.get("create")
        least, most = CREATED
        if size is not None and (isinstance(size, bool) or not isinstance(size, int) or not least <= size <= most):
            rule = f"`create` must be a number of bytes from {least} to {most}"
            self._lacking(path, "", rule, "write create = 32")
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


def _written(name: str, path: str) -> str:
    """How an option is given, by example where it is made of a part."""
    if name not in registry.PARTS:
        return "give it"
    first, *others = sorted(registry.PARTS[name])
    return f'write {path} = {{ use = "{first}", ... }}; there are {", ".join(others)} too'


def _misspelt(value: Mapping[Any, Any]) -> str | None:
    """The key that is almost one which stands beside `env` or `file`; a secret is never such a table itself."""
    keys = [key for key in value if key not in ("env", "file")]
    wrong = keys[0] if len(keys) == 1 and isinstance(keys[0], str) else None
    return None if wrong is None or wrong in _BESIDE or registry.closest(wrong, _BESIDE) is None else wrong


def _root(path: str) -> str:
    """The option that a path is in: `backend` for `backend[1].secret`."""
    return re.split(r"[.\[]", path)[0]


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
