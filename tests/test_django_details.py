"""`django.settings` and `django.middleware`: the rows that mutants asked for."""

import asyncio
import functools
import hashlib
import hmac
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

pytest.importorskip("django", reason="Django is not installed: the extra `hosts`")

from django.conf import settings as djangos
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpResponse
from django.test import RequestFactory
from starlette.middleware import Middleware

from asgi_middleware import ConfigError, ErrorsMiddleware, SessionMiddleware, Stack
from asgi_middleware.auth import User
from asgi_middleware.django import settings, wrap
from asgi_middleware.django.application import Innermost, _knows_no_websockets
from asgi_middleware.django.middleware import ScopeMiddleware

from .asgi import drive, step
from .django_project.driving import changed

pytestmark = [pytest.mark.hosts, pytest.mark.usefixtures("django_project")]

KEY = "k" * 40


def test_a_stack_is_taken_as_it_is() -> None:
    stack = Stack(["errors"])
    with changed(ASGI_MIDDLEWARE=stack):
        assert settings.load() is stack


def test_a_derived_key_is_the_same_tomorrow() -> None:
    """Another one would end every session that there is."""
    signed = hashlib.sha256(b"asgi_middleware.django.sessionsof Django").digest()
    with changed(SECRET_KEY="of Django"):
        assert settings.session_keys() == [hmac.new(signed, b"", hashlib.sha256).hexdigest()]


def test_a_file_is_looked_at_without_making_others(tmp_path: Path) -> None:
    (tmp_path / "stack.toml").write_text('[[middleware]]\nuse = "sessions"\nsecret_key = { file = "a", create = 32 }')
    with changed(ASGI_MIDDLEWARE="stack.toml", BASE_DIR=tmp_path):
        assert [entry.name for entry in settings.load(create_files=False)] == ["sessions"]
        assert not (tmp_path / "a").exists()
        settings.load()
    assert (tmp_path / "a").exists()


# Entries that need no key of Django's.
KEYED: list[tuple[str, Any]] = [
    ("a key in the table of options", {"use": "sessions", "options": {"secret_key": KEY}}),
    ("a key beside it", {"use": "sessions", "secret_key": KEY}),
    ("a key by position", Middleware(SessionMiddleware, KEY)),
    ("a key by name", Middleware(SessionMiddleware, secret_key=KEY)),
    ("a key in a pair", (SessionMiddleware, {"secret_key": KEY})),
    ("something else", "errors"),
    ("something else that has arguments", functools.partial(ErrorsMiddleware)),
]


@pytest.mark.parametrize(("sentence", "entry"), KEYED, ids=[row[0] for row in KEYED])
def test_who_needs_no_key_is_given_none(sentence: str, entry: Any) -> None:
    with changed(ASGI_MIDDLEWARE=[entry], SECRET_KEY=""):
        assert len(settings.load()) == 1


# Entries that the stack refuses, whatever the key.
REFUSED: list[tuple[Any, str]] = [
    ("corse", "entry 1 (corse): use"),
    (("sessions",), "entry 1: use"),
    (("sessions", {}, {}), "entry 1: use"),
    ({"use": "corse"}, "entry 1 (corse): use"),
    ({"use": "errors", "options": 5}, "entry 1 (errors): options"),
]


@pytest.mark.parametrize(("entry", "option"), REFUSED, ids=[str(row[0]) for row in REFUSED])
def test_what_is_refused_is_told_by_the_stack(entry: Any, option: str) -> None:
    with changed(ASGI_MIDDLEWARE=[entry], SECRET_KEY=""), pytest.raises(ConfigError) as caught:
        settings.load()
    assert (caught.value.owner, [one.option for one in caught.value.problems]) == (settings.STACK, [option])


def test_a_lookup_that_is_not_set_is_none() -> None:
    with changed():
        del djangos.ASGI_USER_LOOKUP
        assert settings.user_lookup() is None


# --- the application ----------------------------------------------------------


async def router(scope: Any, receive: Any, send: Any) -> None:
    """Stands for one that knows WebSockets; never called."""


class Around:
    """Somebody's wrapper, which may know them too."""

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Never called."""


HANDLERS: list[tuple[str, Callable[[], Any], bool]] = [
    ("Django's handler", ASGIHandler, True),
    ("that of static files around it", lambda: ASGIStaticFilesHandler(ASGIHandler()), True),
    ("that of static files around a router", lambda: ASGIStaticFilesHandler(cast(Any, router)), False),
    ("a router", lambda: router, False),
    ("a wrapper of Django's handler", lambda: Around(ASGIHandler()), False),
]


@pytest.mark.parametrize(("sentence", "make", "refused"), HANDLERS, ids=[row[0] for row in HANDLERS])
def test_websockets_are_refused_for_djangos_handlers_alone(
    sentence: str, make: Callable[[], Any], refused: bool
) -> None:
    assert _knows_no_websockets(make()) is refused


def test_the_scope_says_by_its_own_name_where_the_session_is() -> None:
    scopes: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)

    with changed(ASGI_MIDDLEWARE=[("sessions", {"scope_key": "visitor"})]):
        drive(wrap(app))
    assert scopes[0]["asgi_middleware.django"] == "visitor"


@pytest.mark.parametrize("kind", ["lifespan", "invented.later"])
def test_other_scopes_pass_with_the_same_three_objects(kind: str) -> None:
    given: list[Any] = []

    async def app(*three: Any) -> None:
        given.extend(three)

    three: Any = ({"type": kind}, object(), object())
    step(Innermost(app, "session")(*three))
    assert [one is other for one, other in zip(given, three, strict=True)] == [True] * 3


# --- the middleware -----------------------------------------------------------


def prepared(scope: dict[str, Any], route: Any = None, *, matches: bool = True, **more: Any) -> Any:
    """A request that a sync ScopeMiddleware has seen, with the route that it matched."""
    request: Any = RequestFactory().get("/")
    request.scope = scope
    request.resolver_match = type("Match", (), {"route": route}) if matches else None
    with changed(**more):
        ScopeMiddleware(lambda request: HttpResponse())(request)
    return request


ROUTES = [
    ("items/<int:pk>/", "/items/<int:pk>/"),
    ("^items/$", "/items/"),
    ("shop/^items/$", "/shop/items/"),
    ("a^b", "/a^b"),
    ("a$b", "/a$b"),
    ("", "/"),
    (None, None),
]


@pytest.mark.parametrize(("route", "told"), ROUTES)
def test_the_route_is_told_without_its_anchors(route: str | None, told: str | None) -> None:
    assert prepared({}, route).scope.get("route") == told


def test_what_matched_nothing_has_no_route() -> None:
    assert "route" not in prepared({}, matches=False).scope


def test_it_is_for_both_kinds_of_requests() -> None:
    assert (ScopeMiddleware.sync_capable, ScopeMiddleware.async_capable) == (True, True)


asked: list[Any] = []


def ada(user: Any) -> str:
    asked.append(user)
    return "ada"


def test_who_was_asked_for_later_is_not_asked_for_again() -> None:
    asked.clear()
    request = prepared({"user": User("1", scheme="test")}, ASGI_USER_LOOKUP=f"{__name__}.ada")
    assert [asyncio.run(request.auser()), asyncio.run(request.auser()), str(request.user)] == ["ada"] * 3
    assert len(asked) == 1


def test_without_djangos_users_nobody_is_none() -> None:
    apps = ["django.contrib.contenttypes", "asgi_middleware.django"]
    assert prepared({}, ASGI_USER_LOOKUP=f"{__name__}.ada", INSTALLED_APPS=apps).user is None


def test_a_request_past_the_stack_makes_no_file(tmp_path: Path) -> None:
    entry = {"use": "sessions", "secret_key": {"file": "a", "create": 32}}
    request = prepared({}, ASGI_MIDDLEWARE=[entry], BASE_DIR=tmp_path)
    assert request.asgi_session == {}
    assert list(tmp_path.iterdir()) == []
