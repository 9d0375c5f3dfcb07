"""`asgi_middleware.main:app`: an app inside a stack, under any server and in any container, without code.

    ASGI_APP=module:app ASGI_STACK=stack.toml gunicorn -k asgi asgi_middleware.main:app
    ASGI_APP=module:app ASGI_STACK=stack.toml uvicorn asgi_middleware.main:app --workers 4
    ASGI_APP=module:app ASGI_STACK=stack.toml hypercorn asgi_middleware.main:app
    ASGI_APP=module:app ASGI_STACK=stack.toml granian --interface asgi asgi_middleware.main:app
    ASGI_APP=module:app ASGI_STACK=stack.toml daphne asgi_middleware.main:app

`ASGI_APP` names the app as `module:name`, or what makes it as `module:name()`, as for gunicorn. `ASGI_STACK` is the
stack file. What is wrong is raised as ConfigError while the server loads its app, so it does not start, and the last
lines that it prints say what to do. Where neither is set, importing this module does nothing.

What the order of the stack breaks is logged, as wherever a stack is built, and the app is served: what refuses it is
`asgi-middleware check --app module:app stack.toml`, before a deployment, and `asgi-middleware run`.
"""

import os
from typing import Any

from ._loading import load
from ._types import Application
from .exceptions import ConfigError, Problem

__all__ = ["app"]

app: Application

# The variables, and what to do without.
_VARIABLES = {
    "ASGI_APP": "set it to the app, such as module:app",
    "ASGI_STACK": "set it to the stack file, such as stack.toml",
}


def _load() -> Application:
    problems = [
        Problem(variable, "", "the environment variable is not set", remedy)
        for variable, remedy in _VARIABLES.items()
        if not os.environ.get(variable)
    ]
    if problems:
        raise ConfigError(__name__, problems)
    loaded, stack = load(*(os.environ[variable] for variable in _VARIABLES), owner=__name__, option="ASGI_APP")
    return stack(loaded)


def __getattr__(name: str) -> Any:
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _load()


# At once, for Hypercorn looks for the name in the module's dictionary and never asks `__getattr__`.
if any(os.environ.get(variable) for variable in _VARIABLES):
    app = _load()
