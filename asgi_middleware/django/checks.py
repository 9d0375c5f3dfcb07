"""System checks, under the tag `asgi_middleware`: what `manage.py check` and every other command say of the stack.

    asgi_middleware.E001    the stack is refused: one for each problem
    asgi_middleware.W002    `manage.py runserver` is WSGI, so the stack is not there
    asgi_middleware.W003    Django compresses responses too
    asgi_middleware.W004    django-cors-headers answers other origins too
    asgi_middleware.W005    Django keeps sessions too, and nothing needs them
    asgi_middleware.E006    a cookie of the stack's sessions has the name of one of Django's
    asgi_middleware.W007    asgi.py serves Django without the stack
    asgi_middleware.E008    ScopeMiddleware stands before AuthenticationMiddleware, which replaces its user
    asgi_middleware.E009    ASGI_USER_LOOKUP names no function
    asgi_middleware.W010    ASGI_USER_LOOKUP is for ScopeMiddleware, which is not there
    asgi_middleware.E011    MIDDLEWARE holds a class that wraps ASGI applications, which Django's own list cannot

and what the order of the stack breaks, by the code of the rule: `asgi_middleware.two-cors`. SILENCED_SYSTEM_CHECKS
silences each of them, as any check; rules of the order, where the setting is a list, in the log too.
"""

import importlib.util
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage
from django.core.exceptions import ImproperlyConfigured
from django.core.management import get_commands, load_command_class
from django.core.management.commands.runserver import Command as RunServer
from django.utils.module_loading import import_string

from ..compression import BrotliMiddleware, CompressionMiddleware, GZipMiddleware
from ..cors import CORSMiddleware
from ..exceptions import ConfigError, Problem
from ..sessions import SessionMiddleware
from ..stack import Stack
from .settings import LOOKUP, STACK, is_kind, load, option, user_lookup

TAG = "asgi_middleware"

_LEVELS = {"error": checks.Error, "warning": checks.Warning}

_COMPRESSION = (CompressionMiddleware, GZipMiddleware, BrotliMiddleware)
# Classes of Django's kind of middleware, by module and name: what they are from need not be installed.
_SCOPE = "asgi_middleware.django.middleware.ScopeMiddleware"
_AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
_SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
_GZIP = "django.middleware.gzip.GZipMiddleware"
_CORS = "corsheaders.middleware.CorsMiddleware"


def register_all() -> None:
    """Tell Django of the checks."""
    checks.register(check_stack, TAG)
    checks.register(check_lookup, TAG)
    checks.register(check_serving, TAG)


def check_stack(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """The stack by itself, and beside Django's own middlewares."""
    misplaced = list(_misplaced())
    try:
        stack = load(create_files=False)
    except ConfigError as error:
        return [*misplaced, *(_refused("E001", error.owner, problem) for problem in error.problems)]
    except ImproperlyConfigured as error:  # Django's own, where a key is to be made of an empty SECRET_KEY
        hint = "Set it, or give the sessions a secret_key of their own."
        return [*misplaced, checks.Error(f"{STACK}: {error}", hint=hint, id="asgi_middleware.E001")]
    return [*misplaced, *_disordered(stack), *_doubled(stack), *_cookies(stack)]


def _misplaced() -> Iterator[CheckMessage]:
    """Middlewares of this package in the list for Django's kind."""
    for path in settings.MIDDLEWARE:
        if path.startswith("asgi_middleware.") and not path.startswith("asgi_middleware.django."):
            yield checks.Error(
                f"MIDDLEWARE holds {path}, which wraps ASGI applications and is no middleware of Django's kind.",
                hint="Put it into ASGI_MIDDLEWARE.",
                id="asgi_middleware.E011",
            )


def _refused(code: str, owner: str, problem: Problem) -> CheckMessage:
    text = str(replace(problem, remedy="")).removesuffix("; ")
    return checks.Error(f"{owner}: {text}.", hint=_sentence(problem.remedy), id=f"asgi_middleware.{code}")


def _sentence(remedy: str) -> str:
    return remedy[:1].upper() + remedy[1:] + ("" if remedy.endswith("?") else ".")


def _disordered(stack: Stack) -> Iterator[CheckMessage]:
    """What the order breaks, each under the code of its rule."""
    for finding in stack.check():
        yield _LEVELS[finding.severity](
            f"{STACK}: {finding.where}: {finding.message}.",
            hint=_sentence(finding.remedy),
            id=f"asgi_middleware.{finding.code}",
        )


def _doubled(stack: Stack) -> Iterator[CheckMessage]:
    """What the stack does and Django does too."""
    if _has(stack, _COMPRESSION) and _position(_GZIP) is not None:
        yield checks.Warning(
            "Both the stack and Django's GZipMiddleware compress; what Django has encoded stays as it is, gzip.",
            hint="Take django.middleware.gzip.GZipMiddleware out of MIDDLEWARE.",
            id="asgi_middleware.W003",
        )
    if _has(stack, (CORSMiddleware,)) and _position(_CORS) is not None:
        yield checks.Warning(
            "Both the stack and django-cors-headers answer other origins, by different rules.",
            hint="Take corsheaders.middleware.CorsMiddleware out of MIDDLEWARE, and its settings over into the stack.",
            id="asgi_middleware.W004",
        )
    # The admin would not work without.
    needed = apps.is_installed("django.contrib.admin")
    if _has(stack, (SessionMiddleware,)) and _position(_SESSIONS) is not None and not needed:
        yield checks.Warning(
            "Both the stack and Django keep sessions: request.asgi_session is the one, request.session the other.",
            hint="Take django.contrib.sessions.middleware.SessionMiddleware out of MIDDLEWARE, or sessions out of the "
            "stack; where both are meant, silence this.",
            id="asgi_middleware.W005",
        )


def _cookies(stack: Stack) -> Iterator[CheckMessage]:
    """Cookies of one name, each of which overwrites the other."""
    taken = {"LANGUAGE_COOKIE_NAME": settings.LANGUAGE_COOKIE_NAME}
    if not settings.CSRF_USE_SESSIONS:
        taken["CSRF_COOKIE_NAME"] = settings.CSRF_COOKIE_NAME
    if _position(_SESSIONS) is not None:
        taken["SESSION_COOKIE_NAME"] = settings.SESSION_COOKIE_NAME
    for entry in stack:
        if is_kind(entry.factory, SessionMiddleware):
            name = option(entry, "session_cookie")
            for setting in (setting for setting, value in taken.items() if value == name):
                yield checks.Error(
                    f"{STACK}: {entry.label}: its cookie is named {name!r}, as settings.{setting} is: "
                    "each overwrites the other.",
                    hint='Give it another name, such as session_cookie="asgi_session".',
                    id="asgi_middleware.E006",
                )


def check_lookup(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """ASGI_USER_LOOKUP, and who makes use of it."""
    try:
        if user_lookup() is None:
            return []
    except ConfigError as error:
        return [_refused("E009", error.owner, problem) for problem in error.problems]
    scope, authentication = _position(_SCOPE), _position(_AUTHENTICATION)
    if scope is None:
        return [
            checks.Warning(
                f"{LOOKUP} is set, but ScopeMiddleware, which asks it, is not in MIDDLEWARE.",
                hint=f'Add "{_SCOPE}" to it, behind AuthenticationMiddleware.',
                id="asgi_middleware.W010",
            )
        ]
    if authentication is not None and scope < authentication:
        return [
            checks.Error(
                "ScopeMiddleware stands before AuthenticationMiddleware, which replaces the request.user that it sets.",
                hint=f'Put "{_SCOPE}" directly behind it.',
                id="asgi_middleware.E008",
            )
        ]
    return []


def check_serving(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Whether what serves Django has the stack around it."""
    if not getattr(settings, "ASGI_MIDDLEWARE", None):
        return []
    found: list[CheckMessage] = []
    if settings.DEBUG and _runserver_is_wsgi():
        found.append(
            checks.Warning(
                "`manage.py runserver` serves WSGI here, so without the stack: no session of it, no ID, no CORS.",
                hint='Put "daphne" first in INSTALLED_APPS and set ASGI_APPLICATION, or serve asgi.py with any ASGI '
                "server, such as `uvicorn mysite.asgi:application --reload`.",
                id="asgi_middleware.W002",
            )
        )
    file = _asgi_file()
    if file is not None and _serves_without_us(file):
        found.append(
            checks.Warning(
                f"{file} makes its application with Django's function, so the stack is not around it.",
                hint="Write there: from asgi_middleware.django import get_asgi_application",
                id="asgi_middleware.W007",
            )
        )
    return found


def _runserver_is_wsgi() -> bool:
    """Whether the command is Django's own, or another's that only adds to it, as that for static files does."""
    found = get_commands()["runserver"]
    command = load_command_class(found, "runserver") if isinstance(found, str) else found
    return getattr(type(command), "inner_run", None) is RunServer.inner_run


def _asgi_file() -> Path | None:
    """The file of ASGI_APPLICATION, else an asgi.py beside the URLs or the settings, or above them. It is not run."""
    application = getattr(settings, "ASGI_APPLICATION", None)
    if isinstance(application, str):
        candidates = [application.rpartition(".")[0]]
    else:
        known = [getattr(settings, "ROOT_URLCONF", None), settings.SETTINGS_MODULE]
        candidates = [f"{package}.asgi" for module in known if isinstance(module, str) for package in _above(module)]
    for name in candidates:
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError):
            continue
        if spec is not None and spec.origin is not None and spec.origin.endswith(".py"):
            return Path(spec.origin)
    return None


def _above(module: str) -> Iterator[str]:
    """The packages that a module is in, the nearest first."""
    while module := module.rpartition(".")[0]:
        yield module


def _serves_without_us(file: Path) -> bool:
    """Whether Django's function is used there, and nothing of this package. In doubt no."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False
    return "django.core.asgi" in text and "asgi_middleware" not in text


def _has(stack: Stack, kinds: tuple[type, ...]) -> bool:
    return any(is_kind(entry.factory, kinds) for entry in stack)


def _position(wanted: str) -> int | None:
    """Where in MIDDLEWARE a class, or a subclass of it, stands."""
    for position, name in enumerate(settings.MIDDLEWARE):
        try:
            found = import_string(name)
        except ImportError:  # Django will say so
            continue
        if any(f"{kind.__module__}.{kind.__qualname__}" == wanted for kind in getattr(found, "__mro__", ())):
            return position
    return None
