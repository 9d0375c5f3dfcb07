"""An app by its name, inside a stack by its file: for the command line and for servers alike."""

import dataclasses
import inspect
from pathlib import Path
from typing import Any

from ._options import Options
from ._types import ASGIApp
from .exceptions import ConfigError
from .stack import Stack, registry
from .stack.hiding import without_secrets


def load(
    app: str, stack: str, *, owner: str, option: str = "app", create_files: bool = True, log: bool = True
) -> tuple[ASGIApp, Stack]:
    """The app of this name, `module:name` or `module:make()`, and the stack of this file, not yet around it.

    Raises ConfigError with every problem of both, which names the app by `option`.
    """
    options = Options(owner)
    found = _found(options, option, app)
    if not options.problems:
        return found, Stack.from_file(stack, create_files=create_files, log=log)
    try:
        Stack.from_file(stack, create_files=False, log=False)
    except ConfigError as error:
        options.problems += [dataclasses.replace(p, option=f"{error.owner}: {p.option}") for p in error.problems]
    raise ConfigError(owner, options.problems)


def _found(options: Options, option: str, name: str) -> Any:
    """The application of this name."""
    bare = name.removesuffix("()")
    try:
        found = registry.load(bare)
    except registry.UnresolvedError as error:
        options.problem(option, repr(name), without_secrets(error.rule), _meant(bare) or error.remedy)
        return None
    if bare != name:
        return _made(options, option, name, found)
    if inspect.isfunction(found) and not inspect.signature(found).parameters:
        options.problem(
            option, repr(name), "takes nothing, so it is no application", f"write '{name}()' if it makes one"
        )
    else:
        _check(options, option, name, found)
    return found


def _meant(name: str) -> str | None:
    """A remedy for what names a file, `app.py` or `app/main.py:api`, or a module with no colon behind it."""
    path, colon, attribute = name.partition(":")
    if path.endswith(".py"):
        module = ".".join(Path(path).with_suffix("").parts)
    elif colon:
        return None
    else:
        module = path if _is_here(path) else path.rpartition(".")[0]
        attribute = path.removeprefix(module)[1:]
    fits = all(part.isidentifier() for part in module.split(".")) and (path.endswith(".py") or _is_here(module))
    return f"did you mean '{module}:{attribute or 'app'}'?" if fits else None


def _is_here(module: str) -> bool:
    """Whether a module of this name is a file below the current folder."""
    return Path(f"{module.replace('.', '/')}.py").is_file()


def _made(options: Options, option: str, name: str, factory: Any) -> Any:
    """What a factory makes."""
    try:
        inspect.signature(factory).bind()
    except (TypeError, ValueError):
        options.problem(option, repr(name), "cannot be called without arguments", "name a function that takes none")
        return None
    if inspect.iscoroutinefunction(factory):
        options.problem(option, repr(name), "is async, but no server waits for its app", "make it a plain function")
        return None
    try:
        made = factory()
    except (Exception, SystemExit) as error:  # noqa: BLE001  # whatever an application does while it is made
        # Not the exception's text: it may hold anything, the password of a database too.
        rule = f"raised {type(error).__name__}, {registry.place(error)}"
        options.problem(option, repr(name), rule, "mend it there")
        return None
    _check(options, option, name, made)
    return made


def _check(options: Options, option: str, name: str, app: Any) -> None:
    checked = Options(options.owner)
    checked.app(app)
    options.problems += [dataclasses.replace(p, option=option, seen=repr(name)) for p in checked.problems]
