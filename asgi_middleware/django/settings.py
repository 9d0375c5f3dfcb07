"""What the settings say: the stack of ASGI_MIDDLEWARE, its keys, and the lookup of ASGI_USER_LOOKUP."""

import inspect
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.crypto import salted_hmac

from ..exceptions import ConfigError, MissingExtra, Problem
from ..sessions import SessionMiddleware
from ..stack import Stack, registry
from ..stack.files import StackFile
from ..stack.order import RULES

STACK = "settings.ASGI_MIDDLEWARE"
LOOKUP = "settings.ASGI_USER_LOOKUP"

# What makes a key one for our sessions alone: Django signs with others.
_SALT = "asgi_middleware.django.sessions"


def load(*, create_files: bool = True) -> Stack:
    """The stack of ASGI_MIDDLEWARE, which logs what its order breaks if it may make files: it is to run then.

    Raises ConfigError that names the setting, with every problem.
    """
    value = getattr(settings, "ASGI_MIDDLEWARE", None)
    if value is None:
        problem = Problem("ASGI_MIDDLEWARE", "", "is not set", 'write ASGI_MIDDLEWARE = ["request_id"], or [] for none')
        raise ConfigError("settings", [problem])
    if isinstance(value, Stack):
        return value
    base = Path(getattr(settings, "BASE_DIR", None) or ".")
    try:
        if isinstance(value, (str, os.PathLike)):
            return _Stack.from_file(base / value, create_files=create_files, log=create_files)
        return _Stack(value, base=base, create_files=create_files, silence=_silenced(), log=create_files)
    except MissingExtra:
        raise
    except ConfigError as error:
        raise ConfigError(_named(error.owner), error.problems) from None


def _silenced() -> list[str]:
    """The codes of rules of the order among the checks that SILENCED_SYSTEM_CHECKS names."""
    known = {rule.code for rule in RULES}
    return [
        code for each in settings.SILENCED_SYSTEM_CHECKS if (code := each.removeprefix("asgi_middleware.")) in known
    ]


def _named(source: str) -> str:
    if source.startswith(STACK):
        return source
    return STACK if source == "Stack" else f"{STACK}: {source}"


class _Stack(Stack):
    """A stack whose sessions have a key, and that says where it is from."""

    def _build(self, source: str, content: StackFile, *rest: Any, **more: Any) -> None:
        entries = [_with_key(entry) for entry in content.entries]
        super()._build(_named(source), replace(content, entries=entries), *rest, **more)


def _with_key(entry: Any) -> Any:
    if isinstance(entry, Mapping):
        more = entry.get("options", {})
        given = {*entry, *more} if isinstance(more, Mapping) else {*entry}
        lacks = _is_sessions(entry.get("use")) and "secret_key" not in given
        return {**entry, "secret_key": session_keys()} if lacks else entry
    if all(hasattr(entry, part) for part in ("cls", "args", "kwargs")):  # starlette.middleware.Middleware
        if entry.args:  # the key is the first of them
            return entry
        entry = (entry.cls, entry.kwargs)
    if isinstance(entry, (tuple, list)) and len(entry) == 2 and isinstance(entry[1], Mapping):
        target, options = entry
    else:
        target, options = entry, {}
    lacks = _is_sessions(target) and "secret_key" not in options
    return (target, {**options, "secret_key": session_keys()}) if lacks else entry


def _is_sessions(target: Any) -> bool:
    if isinstance(target, str):
        try:
            target = registry.look_up(target, registry.MIDDLEWARE)
        except registry.UnresolvedError:  # the stack will say so
            return False
    return is_kind(target, SessionMiddleware)


def session_keys() -> list[str]:
    """A key of SECRET_KEY, and those of SECRET_KEY_FALLBACKS: hexadecimal text of 32 bytes each, newest first.

    Each is Django's `salted_hmac` with SHA-256: the HMAC of nothing, under the hash of a salt of ours and the secret.
    An empty fallback, such as an unset variable of the environment leaves, makes none: everybody could.
    """
    secrets = [settings.SECRET_KEY, *filter(None, settings.SECRET_KEY_FALLBACKS)]
    return [salted_hmac(_SALT, "", secret, algorithm="sha256").hexdigest() for secret in secrets]


def is_kind(factory: Any, kind: type | tuple[type, ...]) -> bool:
    """Whether a factory of middlewares is a class of this kind."""
    return isinstance(factory, type) and issubclass(factory, kind)


def option(entry: Any, name: str) -> Any:
    """What the middleware of an entry gets for one of its options, given or not."""
    bound = inspect.signature(entry.factory).bind_partial(None, *entry._args, **entry._options)
    bound.apply_defaults()
    return bound.arguments[name]


def session_key(stack: Stack) -> str:
    """Where in the scope the session is: the innermost one's, as Django is inside of all."""
    found = [option(entry, "scope_key") for entry in stack if is_kind(entry.factory, SessionMiddleware)]
    return str(found[-1]) if found else "session"


def user_lookup() -> Callable[[Any], Any] | None:
    """The function of ASGI_USER_LOOKUP, None where that is not set. Raises ConfigError that names the setting."""
    name = getattr(settings, "ASGI_USER_LOOKUP", None)
    if name is None:
        return None
    if not isinstance(name, str) or not name:
        remedy = 'write "mysite.users.find", for a find(user)'
        raise ConfigError(LOOKUP, [Problem("function", type(name).__name__, "must be given by its name", remedy)])
    try:
        found = registry.load(name if ":" in name else ":".join(name.rsplit(".", 1)))
    except registry.UnresolvedError as error:
        raise ConfigError(LOOKUP, [Problem("function", repr(name), error.rule, error.remedy)]) from None
    if not callable(found):
        problem = Problem("function", repr(name), "is no function", "name a find(user)")
        raise ConfigError(LOOKUP, [problem])
    return found  # type: ignore[no-any-return]  # whatever can be called
