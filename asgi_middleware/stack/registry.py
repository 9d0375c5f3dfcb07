"""The words of config lists, each resolved when it is used: nothing here imports a middleware.

Other packages add words by an entry point of the group `asgi_middleware`, in their pyproject.toml:

    [project.entry-points.asgi_middleware]
    word = "package.module:Class"

They are looked for when a word is unknown, so they cannot stand in the place of ours, and cost nothing otherwise.
"""

import difflib
import importlib
import os
import traceback
from collections.abc import Iterable, Mapping
from typing import Any

MIDDLEWARE = {
    "cors": "asgi_middleware.cors:CORSMiddleware",
    "errors": "asgi_middleware.errors:ErrorsMiddleware",
    "compression": "asgi_middleware.compression:CompressionMiddleware",
    "gzip": "asgi_middleware.compression:GZipMiddleware",
    "brotli": "asgi_middleware.compression:BrotliMiddleware",
    "sessions": "asgi_middleware.sessions:SessionMiddleware",
    "auth": "asgi_middleware.auth:AuthMiddleware",
    "request_id": "asgi_middleware.request_id:RequestIDMiddleware",
    "lint": "asgi_middleware.lint:LintMiddleware",
    "timing": "asgi_middleware.timing:TimingMiddleware",
}

# The group of the entry points by which other packages add words.
GROUP = "asgi_middleware"

# What `{ use = "..." }` means inside an option, by the option's name.
PARTS = {
    "backend": {
        "bearer": "asgi_middleware.auth.bearer:from_options",
        "basic": "asgi_middleware.auth.basic:from_options",
        "api_key": "asgi_middleware.auth.api_key:from_options",
        "session": "asgi_middleware.auth.session:SessionUser",
    },
    "sinks": {
        "log": "asgi_middleware.timing.sinks.log:LogSink",
        "prometheus": "asgi_middleware.timing.sinks.prometheus:PrometheusSink",
        "otel": "asgi_middleware.timing.sinks.otel:OTelMetricsSink",
    },
    "store": {
        "memory": "asgi_middleware.sessions.stores.memory:MemoryStore",
        "redis": "asgi_middleware.sessions.stores.redis:RedisStore.from_url",
        "sql": "asgi_middleware.sessions.stores.sql:SQLAlchemyStore.from_url",
        "sqlite": "asgi_middleware.sessions.stores.sqlite:SQLiteStore",
    },
}

# Options whose text names a part too: the word, the option, and what makes the part.
_MADE_OF_TEXT = {("sessions", "store"): "asgi_middleware.sessions.stores:from_url"}


class UnresolvedError(Exception):
    """A name that leads nowhere. `rule` and `remedy` are for a Problem."""

    def __init__(self, rule: str, remedy: str) -> None:
        super().__init__(rule)
        self.rule = rule
        self.remedy = remedy


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return close[0] if close else None


def nearest(name: str, known: Iterable[str], also: Iterable[str] = ()) -> str:
    """A remedy that names the nearest of the names that are `known` or meant `also`; or all the known ones."""
    names = sorted(known)
    meant = closest(name, [*names, *also])
    if meant is not None:
        return f"did you mean {meant!r}?"
    return f"known: {', '.join(names)}" if names else "it takes none"


def look_up(name: str, words: dict[str, str]) -> Any:
    """What a word, or an import string `package.module:Name`, stands for. Raises UnresolvedError."""
    if ":" in name:
        return load(name)
    if name in words:
        return load(words[name])
    others, unread = installed() if words is MIDDLEWARE else ({}, [])
    if name not in others:
        remedy = _meant_word(name, words) or nearest(name, [*words, *others]) + " (or 'package.module:Name')"
        if unread:
            remedy += f"; the entry points of {', '.join(unread)} cannot be read"
        raise UnresolvedError("is no known name", remedy)
    return load_installed(others[name])


def _meant_word(name: str, words: Mapping[str, str]) -> str | None:
    """A remedy for what is no word but a class: its name, which has a word here, or its path written with a dot."""
    module, _, last = name.rpartition(".")
    for word, target in words.items():
        if last.casefold() in (word, target.rpartition(":")[2].casefold()) and not module:
            return f"did you mean {word!r}?"
    return f"did you mean '{module}:{last}'?" if module else None


def load_installed(targets: list[tuple[str, str]]) -> Any:
    """What a word of other packages stands for, by what `installed` says of it. Raises UnresolvedError."""
    if len(targets) > 1:
        packages = " and ".join(package for package, _ in sorted(targets))
        raise UnresolvedError(f"is a name that {packages} both give", "use the import string of the one that you mean")
    package, target = targets[0]
    try:
        return load(target)
    except UnresolvedError as error:
        rule = f"is {target!r} by the package {package}, but {error.rule}"
        raise UnresolvedError(rule, error.remedy) from error.__cause__


def installed() -> tuple[dict[str, list[tuple[str, str]]], list[str]]:
    """The words of the packages that are installed, each with its packages and import strings.

    Behind them the packages whose entry points cannot be read. What is shadowed on the path of imports is left out.
    """
    from importlib import metadata  # which takes longer than all that is here

    found: dict[str, list[tuple[str, str]]] = {}
    seen: set[str] = set()
    unread = []
    for distribution in metadata.distributions():
        package = "a package without a name"
        try:
            package = distribution.metadata["Name"] or package
            if package in seen:
                continue
            seen.add(package)
            for point in distribution.entry_points:
                if point.group == GROUP:
                    # what is in brackets names extras
                    found.setdefault(point.name, []).append((package, point.value.partition("[")[0].strip()))
        except Exception:  # noqa: BLE001  # somebody else's files may hold anything
            unread.append(package)
    return found, sorted(unread)


def made_of_text(factory: Any, option: str) -> Any:
    """What makes a part of the text that is given for an option of this factory; None where text is just text."""
    for (word, name), target in _MADE_OF_TEXT.items():
        if name == option and factory is load(MIDDLEWARE[word]):
            return load(target)
    return None


def place(error: BaseException) -> str:
    """Where an exception was raised, as a reader finds it: the last file and line of its traceback."""
    if isinstance(error, SyntaxError):
        file, line = error.filename, error.lineno
    else:
        # Of what is frozen into the interpreter, such as importlib and os, nobody has the file.
        hidden = ("importlib", "<frozen")
        frames = [
            frame
            for frame in traceback.extract_tb(error.__traceback__)
            if not any(part in frame.filename for part in hidden)
        ]
        file, line = (frames[-1].filename, frames[-1].lineno) if frames else ("", 0)
    if not file or file == __file__:
        return "by its name"
    relative = os.path.relpath(file)
    return f"in {file if relative.startswith('..') else relative}, line {line}"


def load(import_string: str) -> Any:
    """The object behind `package.module:name`; dots in `name` go into attributes. Raises UnresolvedError."""
    module_name, _, path = import_string.partition(":")
    if not all(part.isidentifier() for part in (*module_name.split("."), *path.split("."))):
        raise UnresolvedError("is no import string", "write 'package.module:name'")
    try:
        found: Any = importlib.import_module(module_name)
    except ImportError as error:
        if isinstance(error, ModuleNotFoundError) and error.name and f"{module_name}.".startswith(f"{error.name}."):
            raise UnresolvedError(f"there is no module {error.name!r}", "mend the name, or install it") from None
        what = f"cannot be imported ({error})" if isinstance(error, ModuleNotFoundError) else "cannot be imported"
        raise UnresolvedError(f"module {module_name!r} {what}, {place(error)}", "mend what it imports") from None
    except (Exception, SystemExit) as error:  # whatever a module does while it is imported
        # Not the exception's text: it may hold anything, the password of a database too.
        what = f"raised {type(error).__name__}"
        raise UnresolvedError(f"module {module_name!r} {what}, {place(error)}", "mend it there") from error
    for part in path.split("."):
        if not hasattr(found, part):
            meant = closest(part, dir(found))
            remedy = "mend the name" if meant is None else f"did you mean {meant!r}?"
            raise UnresolvedError(f"{module_name!r} has no {part!r}", remedy)
        found = getattr(found, part)
    return found
