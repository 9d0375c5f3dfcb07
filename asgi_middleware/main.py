"""`asgi_middleware.main:app`: an app inside a stack, under any server and in any container, without code.

    ASGI_APP=module:app ASGI_STACK=stack.toml gunicorn -k asgi asgi_middleware.main:app
    ASGI_APP=module:app ASGI_STACK=stack.toml uvicorn asgi_middleware.main:app --workers 4
    ASGI_APP=module:app ASGI_STACK=stack.toml hypercorn asgi_middleware.main:app
    ASGI_APP=module:app ASGI_STACK=stack.toml granian --interface asgi asgi_middleware.main:app
    ASGI_APP=module:app ASGI_STACK=stack.toml daphne asgi_middleware.main:app

`ASGI_APP` names the app as `module:name`, or what makes it as `module:name()`, as for gunicorn. `ASGI_STACK` is the
stack file. Both are read when `app` is first asked for; importing this module does nothing. What is wrong is raised
there and then as ConfigError, so the server does not start, and the last lines that it prints say what to do.
"""

import dataclasses
import inspect
import os
from typing import Any

from ._options import Options
from ._types import ASGIApp
from .exceptions import ConfigError, Problem
from .stack import Stack, registry
from .stack.hiding import without_secrets

__all__ = ["app"]

app: ASGIApp

# The variables, and what to do without.
_VARIABLES = {
    "ASGI_APP": "set it to the app, such as module:app",
    "ASGI_STACK": "set it to the stack file, such as stack.toml",
}


def __getattr__(name: str) -> Any:
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    problems = [
        Problem(variable, "", "the environment variable is not set", remedy)
        for variable, remedy in _VARIABLES.items()
        if not os.environ.get(variable)
    ]
    if problems:
        raise ConfigError(__name__, problems)
    loaded, stack = load(*(os.environ[variable] for variable in _VARIABLES), owner=__name__, option="ASGI_APP")
    globals()["app"] = stack(loaded)
    return globals()["app"]


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
        options.problem(option, repr(name), without_secrets(error.rule), error.remedy)
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
