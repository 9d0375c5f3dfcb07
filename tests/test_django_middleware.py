"""`django.middleware`: what ScopeMiddleware puts onto a request, through the stack and past it, sync and async."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pytest

pytest.importorskip("django", reason="Django is not installed: the extra `hosts`")

from django.core.exceptions import SynchronousOnlyOperation
from django.test import AsyncClient, Client, RequestFactory

from asgi_middleware import ConfigError
from asgi_middleware.auth import User
from asgi_middleware.django import get_asgi_application
from asgi_middleware.django.middleware import ScopeMiddleware
from asgi_middleware.sessions import Session

from .django_project.driving import ask, changed, get, lines

pytestmark = [pytest.mark.hosts, pytest.mark.usefixtures("django_project")]

SCOPE = "asgi_middleware.django.middleware.ScopeMiddleware"
SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
SYNC_AND_ASYNC = pytest.mark.parametrize("suffix", ["", "-async"], ids=["a sync view", "an async view"])

seen: list[Any] = []


def keeps(request: Any) -> Any:
    """A view that keeps its request."""
    from django.http import HttpResponse

    seen.append(request)
    return HttpResponse(b"kept")


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    seen.clear()
    yield
    seen.clear()


def prepared(scope: dict[str, Any] | None = None, **settings: Any) -> Any:
    """A request that has passed ScopeMiddleware, of a scope, or of WSGI where there is none."""
    request: Any = RequestFactory().get("/")
    if scope is not None:
        request.scope = scope
    with changed(**settings):
        ScopeMiddleware(keeps)(request)
    return request


# --- what comes through the stack --------------------------------------------


def test_the_request_has_its_id() -> None:
    response = get("/items/7/", headers={"X-Request-ID": "known"})
    assert (response.json(), response.headers["x-request-id"]) == ({"pk": 7, "request_id": "known"}, "known")


@SYNC_AND_ASYNC
def test_the_session_is_kept(suffix: str) -> None:
    first, second = ask(("GET", f"/visits{suffix}"), ("GET", f"/visits{suffix}"))
    assert (first.json(), second.json()) == ({"visits": 1}, {"visits": 2})
    assert [name for name, _ in lines(second, "set-cookie", "vary", "cache-control")] == [
        b"cache-control",
        b"set-cookie",
        b"vary",
    ]


def test_the_session_is_found_under_its_own_key() -> None:
    with changed(ASGI_MIDDLEWARE=[("sessions", {"scope_key": "visitor"})]):
        first, second = ask(("GET", "/visits"), ("GET", "/visits"))
    assert (first.json(), second.json()) == ({"visits": 1}, {"visits": 2})


def test_the_innermost_of_two_sessions_is_it() -> None:
    outer = ("sessions", {"scope_key": "outer", "session_cookie": "outer"})
    with changed(ASGI_MIDDLEWARE=[outer, "sessions"]):
        assert get("/visits").headers["set-cookie"].partition("=")[0] == "session"


ROUTES = [
    ("/", "/"),
    ("/items/7/", "/items/<int:pk>/"),
    ("/parts/7/", "/parts/(?P<pk>[0-9^]+)/"),
    ("/crash", "/crash"),
    ("/crash-async", "/crash-async"),
    ("/nowhere", None),
]


@pytest.mark.parametrize(("path", "route"), ROUTES)
def test_those_outside_see_the_route(path: str, route: str | None) -> None:
    assert get(path).headers.get("x-route") == route


def test_the_route_is_told_of_a_request_that_was_cancelled() -> None:
    scope: dict[str, Any] = {}

    async def view(request: Any) -> Any:
        raise asyncio.CancelledError

    async def call() -> None:
        request: Any = RequestFactory().get("/")
        request.scope = scope
        request.resolver_match = type("Match", (), {"route": "slow"})
        await ScopeMiddleware(view)(request)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(call())
    assert scope == {"route": "/slow"}


async def keeps_async(request: Any) -> Any:
    return keeps(request)


@pytest.mark.parametrize(("view", "hops"), [(keeps_async, 0), (keeps, 1)], ids=["async", "sync: the control"])
def test_no_thread_is_entered_for_it(view: Any, hops: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """An async view is reached on the event loop."""
    from asgiref.sync import SyncToAsync
    from django.core.handlers.asgi import ASGIHandler, ASGIRequest

    hopped: list[Any] = []
    original = SyncToAsync.__call__

    async def counting(self: Any, *args: Any, **kwargs: Any) -> Any:
        hopped.append(self.func)
        return await original(self, *args, **kwargs)

    async def call() -> None:
        scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
        await handler._middleware_chain(ASGIRequest(scope, BytesIO()))

    monkeypatch.setattr(SyncToAsync, "__call__", counting)
    with changed(MIDDLEWARE=[SCOPE], ROOT_URLCONF=urls(view)):
        handler: Any = ASGIHandler()
        asyncio.run(call())
    assert (len(seen), len(hopped)) == (1, hops)


def urls(view: Callable[[Any], Any]) -> Any:
    """A URLconf that leads everything to one view."""
    from django.urls import re_path

    return type("urls", (), {"urlpatterns": [re_path("", view)]})


# --- users -------------------------------------------------------------------

SIGN_IN = {"username": "ada", "password": "lovelace"}
LOOKUPS = ["tests.django_project.users.find", "tests.django_project.users:find_async"]


@pytest.mark.parametrize("lookup", LOOKUPS)
@SYNC_AND_ASYNC
def test_a_login_of_the_stack_is_djangos_user(suffix: str, lookup: str) -> None:
    with changed(ASGI_USER_LOOKUP=lookup):
        requests = [("POST", "/sign-in"), ("GET", f"/me{suffix}"), ("POST", "/sign-out"), ("GET", f"/me{suffix}")]
        signed_in, me, _, nobody = ask(*requests, data=SIGN_IN)
    assert signed_in.json() == {"signed in": "ada"}
    assert me.json() == {"user": "ada", "is_authenticated": True}
    assert nobody.json() == {"user": "", "is_authenticated": False}


ADA = User("1", scheme="test")
asked: list[Any] = []


def nobody(user: Any) -> None:
    asked.append(user)


async def ada(user: Any) -> str:
    asked.append(user)
    return f"ada, of {user.identity}"


def breaks(user: Any) -> None:
    raise OSError("no database")


@pytest.fixture(autouse=True)
def _ask_nobody() -> None:
    asked.clear()


def test_the_lookup_is_asked_once_and_when_it_is_used() -> None:
    request = prepared({"user": ADA}, ASGI_USER_LOOKUP=f"{__name__}.ada")
    assert asked == []
    assert (str(request.user), str(request.user)) == ("ada, of 1", "ada, of 1")
    assert asyncio.run(request.auser()) == "ada, of 1"
    assert asked == [ADA]


def test_whom_the_lookup_does_not_know_is_nobody() -> None:
    """Not the user of Django's own session: the credentials of the request are those of another."""
    request = prepared({"user": ADA}, ASGI_USER_LOOKUP=f"{__name__}.nobody")
    assert (request.user.is_anonymous, asyncio.run(request.auser()).is_anonymous) == (True, True)
    assert asked == [ADA]


UNKNOWN = [None, {}, {"user": None}, {"user": "ada"}, {"user": type("U", (), {"is_authenticated": False})()}]


@pytest.mark.parametrize("scope", UNKNOWN)
def test_nobody_is_asked_about_who_is_not_known(scope: dict[str, Any] | None) -> None:
    request = prepared(scope, ASGI_USER_LOOKUP=f"{__name__}.nobody")
    assert (request.user.is_anonymous, asyncio.run(request.auser()).is_anonymous) == (True, True)
    assert asked == []


def test_a_lookup_that_raises_raises_to_whoever_asks() -> None:
    request = prepared({"user": ADA}, ASGI_USER_LOOKUP=f"{__name__}.breaks")
    with pytest.raises(OSError, match="no database"):
        bool(request.user)
    with pytest.raises(OSError, match="no database"):
        asyncio.run(request.auser())


def test_without_a_lookup_the_user_is_djangos_matter() -> None:
    assert not hasattr(prepared({"user": ADA}, ASGI_USER_LOOKUP=None), "user")


def test_a_sync_lookup_in_an_async_view_is_djangos_own_error() -> None:
    """As `request.user` is there without us; `await request.auser()` is for them."""

    async def view(request: Any) -> Any:
        with pytest.raises(SynchronousOnlyOperation):
            bool(request.user)
        return keeps(request)

    async def call() -> None:
        request: Any = RequestFactory().get("/")
        request.scope = {"user": ADA}
        await ScopeMiddleware(view)(request)

    asyncio.run(call())
    assert len(seen) == 1


def test_djangos_own_login_holds_where_the_stack_knows_nobody() -> None:
    from django.contrib.auth import get_user_model

    middleware = [SESSIONS, AUTHENTICATION, SCOPE]
    with changed(
        MIDDLEWARE=middleware, SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies", ROOT_URLCONF=PROJECT
    ):
        client = Client()
        client.force_login(get_user_model().objects.get(username="ada"))
        assert client.get("/me").json() == {"user": "ada", "is_authenticated": True}
        assert Client().get("/me").json() == {"user": "", "is_authenticated": False}


PROJECT = "tests.django_project.urls"

WRONG: list[tuple[str, Any, str]] = [
    ("no text", 7, 'int: must be given by its name; write "mysite.users.find", for a find(user)'),
    ("no module", "tests.nowhere.find", "'tests.nowhere.find': there is no module 'tests.nowhere'; mend the name, or"),
    ("no function of the module", "tests.django_project.users.fnd", "has no 'fnd'; did you mean 'find'?"),
    ("no function", f"{__name__}.SIGN_IN", "is no function; name a find(user)"),
    ("no path", "find", "is no import string"),
]


@pytest.mark.parametrize(("sentence", "lookup", "said"), WRONG, ids=[row[0] for row in WRONG])
def test_a_wrong_lookup_is_refused_at_the_start(sentence: str, lookup: Any, said: str) -> None:
    with changed(ASGI_USER_LOOKUP=lookup), pytest.raises(ConfigError) as caught:
        get_asgi_application()
    assert str(caught.value).startswith("settings.ASGI_USER_LOOKUP: function: ")
    assert said in str(caught.value)


# --- past the stack ----------------------------------------------------------


@SYNC_AND_ASYNC
def test_djangos_sync_client_gets_a_session_that_is_kept_nowhere(suffix: str) -> None:
    client = Client()
    assert [client.get(f"/visits{suffix}").json() for _ in range(2)] == [{"visits": 1}, {"visits": 1}]
    assert client.get("/items/7/").json() == {"pk": 7, "request_id": None}
    assert client.get(f"/me{suffix}").json() == {"user": "", "is_authenticated": False}


@SYNC_AND_ASYNC
def test_djangos_async_client_too(suffix: str) -> None:
    async def talk() -> list[Any]:
        client = AsyncClient()
        paths = [f"/visits{suffix}", f"/visits{suffix}", "/items/7/", f"/me{suffix}"]
        return [(await client.get(path)).json() for path in paths]

    assert asyncio.run(talk()) == [
        {"visits": 1},
        {"visits": 1},
        {"pk": 7, "request_id": None},
        {"user": "", "is_authenticated": False},
    ]


def test_where_the_stack_has_no_sessions_there_is_none() -> None:
    assert prepared(ASGI_MIDDLEWARE=["request_id"]).asgi_session is None
    assert type(prepared(ASGI_MIDDLEWARE=["sessions"]).asgi_session) is Session


def test_nor_in_a_request_that_came_through_it() -> None:
    """What a test finds is what the site does."""
    with changed(ASGI_MIDDLEWARE=["request_id"], MIDDLEWARE=[SCOPE], ROOT_URLCONF=urls(keeps)):
        assert get("/").status_code == 200
    assert seen[0].asgi_session is None


def test_a_stack_that_was_built_by_hand_is_seen_too() -> None:
    from django.core.asgi import get_asgi_application as djangos

    from asgi_middleware import Stack

    application = Stack(["request_id", ("sessions", {"secret_key": "k" * 32})])(djangos())
    first, second = ask(("GET", "/visits"), ("GET", "/visits"), app=application)
    assert (first.json(), second.json()) == ({"visits": 1}, {"visits": 2})


def test_it_is_said_once_that_a_session_is_kept_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "asgi_middleware")
    middleware = ScopeMiddleware(keeps)
    for _ in range(2):
        middleware(RequestFactory().get("/"))
    assert [(record.name, record.levelname, record.getMessage()) for record in caplog.records] == [
        (
            "asgi_middleware.django",
            "WARNING",
            "requests go past the stack (WSGI?), so their asgi_session is kept nowhere. Reported once.",
        )
    ]
    caplog.clear()
    Client().get("/visits")
    assert caplog.records == []
