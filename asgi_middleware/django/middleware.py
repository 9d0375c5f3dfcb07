"""`ScopeMiddleware`: a Django middleware that puts what the stack knows of a request onto Django's."""

import logging
import re
from collections.abc import Callable
from typing import Any

from asgiref.sync import async_to_sync, iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.apps import apps
from django.utils.functional import SimpleLazyObject

from ..sessions import Session, SessionMiddleware
from . import settings
from .application import PASSED

logger = logging.getLogger("asgi_middleware.django")

# Of the regular expressions that a route may be made of: they anchor each part of it, and tell nobody anything.
_ANCHORS = re.compile(r"(?:\A|(?<=/))\^|\$\Z")


class ScopeMiddleware:
    """Stands in MIDDLEWARE directly behind AuthenticationMiddleware, or first where there is none.

    It serves sync and async requests alike, and sets:

    - `request.request_id`: the request's ID, or None.
    - `request.asgi_session`: the stack's session, which saves itself; None where the stack has none. Where it has, a
      request that went past it (WSGI, Django's test clients) gets one that is kept nowhere.
    - `request.user` and `await request.auser()`, where ASGI_USER_LOOKUP is set and the stack knows who it is: what the
      lookup gives for `scope["user"]`, asked once, when it is first used; AnonymousUser for None. Of a request whose
      user nobody knows they stay as AuthenticationMiddleware left them; without that it is AnonymousUser, or None
      without django.contrib.auth.
    - `request.scope["route"]`: the pattern that the URL matched, such as `/items/<int:pk>/`, for those outside.

    What the lookup raises is raised to whoever asks for the user. Raises ConfigError for a lookup that is none.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[Any], Any]) -> None:
        self.get_response = get_response
        self._lookup = settings.user_lookup()
        self._stack_has_sessions: bool | None = None  # until somebody needs to know
        self._warned = False
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: Any) -> Any:
        self._prepare(request)
        if self._is_async:
            return self._respond(request)
        try:
            return self.get_response(request)
        finally:
            _tell_route(request)

    async def _respond(self, request: Any) -> Any:
        try:
            return await self.get_response(request)
        finally:
            _tell_route(request)

    def _prepare(self, request: Any) -> None:
        scope = getattr(request, "scope", {})  # WSGI has none
        request.request_id = scope.get("request_id")
        request.asgi_session = scope.get(scope.get(PASSED, "session"))
        if request.asgi_session is None and PASSED not in scope and self._expects_session():
            self._warn(request)
            request.asgi_session = Session()
        if self._lookup is not None:
            _set_user(request, scope.get("user"), self._lookup)

    def _expects_session(self) -> bool:
        if self._stack_has_sessions is None:
            stack = settings.load(create_files=False)
            self._stack_has_sessions = any(settings.is_kind(entry.factory, SessionMiddleware) for entry in stack)
        return self._stack_has_sessions

    def _warn(self, request: Any) -> None:
        """Once, and not in tests: Django's test clients mark their requests so."""
        if not self._warned and not getattr(request, "_dont_enforce_csrf_checks", False):
            self._warned = True
            logger.warning("requests go past the stack (WSGI?), so their asgi_session is kept nowhere. Reported once.")


def _tell_route(request: Any) -> None:
    """Behind the view, because Django puts each `process_view` of an async request into a thread."""
    match = getattr(request, "resolver_match", None)
    if match is not None and match.route is not None and hasattr(request, "scope"):
        request.scope["route"] = "/" + _ANCHORS.sub("", match.route)


def _set_user(request: Any, known: Any, lookup: Callable[[Any], Any]) -> None:
    if getattr(known, "is_authenticated", False):
        user = _User(known, lookup)
        request.user = SimpleLazyObject(user.now)
        request.auser = user.later
    elif not hasattr(request, "user"):
        user = _User(None, lambda _: None)
        request.user = user.now()
        request.auser = user.later


class _User:
    """The Django user of one request, looked up when it is first used."""

    def __init__(self, known: Any, lookup: Callable[[Any], Any]) -> None:
        self._known = known
        self._lookup = lookup
        self._found: Any = None
        self._asked = False

    def now(self) -> Any:
        if not self._asked:
            lookup = async_to_sync(self._lookup) if iscoroutinefunction(self._lookup) else self._lookup
            self._found = _or_nobody(lookup(self._known))
            self._asked = True
        return self._found

    async def later(self) -> Any:
        if not self._asked:
            lookup = self._lookup if iscoroutinefunction(self._lookup) else sync_to_async(self._lookup)
            self._found = _or_nobody(await lookup(self._known))
            self._asked = True
        return self._found


def _or_nobody(user: Any) -> Any:
    if user is not None or not apps.is_installed("django.contrib.auth"):
        return user
    from django.contrib.auth.models import AnonymousUser

    return AnonymousUser()
