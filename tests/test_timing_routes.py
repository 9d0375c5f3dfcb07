"""The label of a route: what the router left, in every shape that routers leave it, and never a client's word."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Host, Mount, Route, Router, WebSocketRoute
from starlette.websockets import WebSocket

from asgi_middleware import CORSMiddleware, ErrorsMiddleware, RequestIDMiddleware, TimingMiddleware
from asgi_middleware.timing import route as module
from asgi_middleware.timing.route import Labels, Routes

from . import apps
from .asgi import App, drive, http, websocket
from .timed import Clock, Kept, recorded


async def page(request: Any) -> PlainTextResponse:
    return PlainTextResponse("ok")


async def other(request: Any) -> PlainTextResponse:
    return PlainTextResponse("other")


async def live(socket: WebSocket) -> None:
    await socket.accept()
    await socket.close()


class Wrapped:
    """A middleware that keeps what it wraps as `app`."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


def closed(app: App) -> App:
    """A middleware that nobody can look through."""

    async def called(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)

    return called


def starlettes() -> Starlette:
    twice = Starlette(routes=[Route("/same/{id}", page)])
    inner = Starlette(routes=[Route("/", page), Route("/deep/{id:int}", page)])
    return Starlette(
        routes=[
            Route("/items/{id:int}", page),
            Route("/first", other),
            Route("/second", other),
            WebSocketRoute("/live/{room}", live),
            Mount("/m", routes=[Route("/a/{b}", page)]),
            Mount(
                "/t/{tenant}", routes=[Route("/u/{id}", page), Mount("/v/{year:int}", routes=[Route("/{id}", page)])]
            ),
            Mount("/{id}/shadow", routes=[Route("/{id}", page)]),
            Mount("/app", app=inner),
            Mount("/wrapped", app=Wrapped(Wrapped(inner))),
            Mount("/ours/{x}", app=CORSMiddleware(ErrorsMiddleware(inner), allow_origins=["*"])),
            Mount("/closed", app=closed(Router(routes=[Route("/inside/{x}", page)]))),
            Mount("/one/{x}", app=twice),
            Mount("/two", app=twice),
            Mount("/static", app=PlainTextResponse("ok")),
            Host("{name}.example.org", app=Router(routes=[Route("/hosted/{id}", page)])),
        ]
    )


ROUTED: list[tuple[str, dict[str, Any], str, int]] = [
    ("a route", http("/items/7"), "/items/{id:int}", 200),
    ("its other method", http("/items/7", method="DELETE"), "/items/{id:int}", 405),
    ("a value that it does not take", http("/items/seven"), "unmatched", 404),
    ("no route", http("/nowhere"), "unmatched", 404),
    ("one endpoint at two routes", http("/second"), "/second", 200),
    ("a slash too many", http("/items/7/"), "unmatched", 307),
    ("a mount", http("/m/a/1"), "/m/a/{b}", 200),
    ("a mount with a parameter", http("/t/acme/u/7"), "/t/{tenant}/u/{id}", 200),
    ("a mount in a mount", http("/t/acme/v/2026/7"), "/t/{tenant}/v/{year:int}/{id}", 200),
    ("a value as it is not written back", http("/t/acme/v/007/7"), "/t/{tenant}/v/{year:int}/{id}", 200),
    ("a parameter that another one hides", http("/secret/shadow/7"), "/{id}/shadow/{id}", 200),
    ("a value that is a word of the path", http("/t/t/u/u"), "/t/{tenant}/u/{id}", 200),
    ("nothing in a mount", http("/t/acme/nowhere"), "/t/{tenant}", 404),
    ("an application that is mounted", http("/app/deep/7"), "/app/deep/{id:int}", 200),
    ("its root", http("/app/"), "/app/", 200),
    ("one in wrappers", http("/wrapped/deep/7"), "/wrapped/deep/{id:int}", 200),
    ("one in ours", http("/ours/1/deep/7"), "/ours/{x}/deep/{id:int}", 200),
    ("one that nobody can look through: without the mount", http("/closed/inside/7"), "/inside/{x}", 200),
    ("one that is mounted twice", http("/one/1/same/7"), "/one/{x}/same/{id}", 200),
    ("the other one of these", http("/two/same/7"), "/two/same/{id}", 200),
    ("a mount that is no router", http("/static/a/b.css"), "/static", 200),
    ("a host", http("/hosted/7", headers=[("host", "shop.example.org")]), "/hosted/{id}", 200),
    ("below a root path", http("/root/two/same/7", root_path="/root"), "/two/same/{id}", 200),
    ("a WebSocket", websocket("/live/7"), "/live/{room}", 101),
]


def without_route(app: App) -> App:
    """As before Starlette 1.7, which leaves the endpoint alone."""

    class Forgetful(dict[str, Any]):
        def __setitem__(self, key: str, value: Any) -> None:
            if key != "route":
                super().__setitem__(key, value)

    async def called(scope: Any, receive: Any, send: Any) -> None:
        inner = Forgetful(scope)
        await app(inner, receive, send)
        scope.update({key: inner[key] for key in ("endpoint", "router", "root_path") if key in inner})

    return called


@pytest.mark.parametrize(("sentence", "scope", "label", "status"), ROUTED, ids=[row[0] for row in ROUTED])
def test_a_route_of_starlette(sentence: str, scope: dict[str, Any], label: str, status: int) -> None:
    record = recorded(starlettes(), dict(scope))
    assert (record.route, record.status) == (label, status)


@pytest.mark.parametrize(("sentence", "scope", "label", "status"), ROUTED, ids=[row[0] for row in ROUTED])
def test_a_route_of_an_older_starlette(sentence: str, scope: dict[str, Any], label: str, status: int) -> None:
    """What stands where nobody can look is then not seen at all."""
    record = recorded(without_route(starlettes()), dict(scope))
    assert (record.route, record.status) == ("unmatched" if "nobody can look" in sentence else label, status)


@pytest.mark.parametrize("times", [1, 3])
def test_ours_between_hide_nothing(times: int) -> None:
    app: App = starlettes()
    for _ in range(times):
        app = RequestIDMiddleware(ErrorsMiddleware(app))
    sink = Kept()
    drive(RequestIDMiddleware(TimingMiddleware(app, sinks=[sink])), http("/t/acme/u/7"))
    assert sink.record.route == "/t/{tenant}/u/{id}"


def test_a_route_is_looked_for_once() -> None:
    looked: list[str] = []

    class Watched(Route):
        def __getattribute__(self, name: str) -> Any:
            if name == "original_router":
                looked.append(name)
            return super().__getattribute__(name)

    sink = Kept()
    app = TimingMiddleware(Starlette(routes=[Watched("/a/{id}", page)]), sinks=[sink])
    for number in range(5):
        drive(app, http(f"/a/{number}"))
    assert {record.route for record in sink.records} == {"/a/{id}"}
    assert len(looked) == 1


# What others leave


class Left:
    """A route of some framework."""

    def __init__(self, path: Any) -> None:
        self.path = path


class Hostile:
    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


def leaving(**keys: Any) -> App:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope.update(keys)
        await apps.text()(scope, receive, send)

    return app


LEFT: list[tuple[str, dict[str, Any], str]] = [
    ("nothing", {}, "unmatched"),
    ("Django's text", {"route": "items/<int:id>/"}, "/items/<int:id>/"),
    ("Django's root", {"route": ""}, "/"),
    ("Django's expression", {"route": "^items/(?P<id>[0-9]+)$"}, "/^items/(?P<id>[0-9]+)$"),
    ("Quart's and Falcon's", {"route": "/items/<id>"}, "/items/<id>"),
    ("Litestar's", {"path_template": "/items/{id}"}, "/items/{id}"),
    ("Litestar's mount, of which it says nothing", {"path_template": ""}, "unmatched"),
    ("a route with a path", {"route": Left("/items/{id}")}, "/items/{id}"),
    ("one behind a root path of its mount", {"route": Left("/items/{id}"), "root_path": "/acme"}, "/items/{id}"),
    ("a route without a path", {"route": Left(None)}, "unmatched"),
    ("something else", {"route": 7}, "unmatched"),
    ("an endpoint without a router", {"endpoint": page}, "unmatched"),
    ("a router without routes", {"endpoint": page, "router": 7}, "unmatched"),
    ("FastAPI's key in other hands", {"route": Left("/a"), "fastapi": 7}, "/a"),
    ("half a character", {"route": "/\ud800"}, "/\\ud800"),
    ("a very long one", {"route": "/" + "a" * 300}, "/" + "a" * 199),
    ("long, and of many half characters", {"route": "/" + "\ud800" * 300}, ("/" + "\\ud800" * 300)[:200]),
]


@pytest.mark.parametrize(("sentence", "keys", "label"), LEFT, ids=[row[0] for row in LEFT])
def test_what_a_router_leaves(sentence: str, keys: dict[str, Any], label: str) -> None:
    assert recorded(leaving(**keys)).route == label


def test_what_raises_when_it_is_looked_at_is_unmatched_and_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    sink = Kept()
    app = TimingMiddleware(leaving(route=Hostile()), sinks=[sink], clock=Clock())
    for _ in range(3):
        assert drive(app).error is None
    assert [record.route for record in sink.records] == ["unmatched"] * 3
    assert [record.getMessage() for record in caplog.records] == [
        "timing: the route in the scope raised RuntimeError; it is `unmatched`. Reported once."
    ]


# A function of the application's

FUNCTIONS: list[tuple[str, Callable[[Any], Any], str, str | None]] = [
    ("a label", lambda scope: "/own", "/own", None),
    ("one without a slash", lambda scope: "home", "home", None),
    ("by the scope as the application left it", lambda scope: scope["left"], "/left", None),
    ("nothing", lambda scope: None, "unmatched", None),
    ("it raises", lambda scope: scope["missing"], "unmatched", "raised KeyError"),
    ("it returns no text", lambda scope: 7, "unmatched", "returned int, not str or NoneType"),
    ("it returns something to await", lambda scope: page(None), "unmatched", "returned coroutine, not str or NoneType"),
]


@pytest.mark.parametrize(("sentence", "function", "label", "said"), FUNCTIONS, ids=[row[0] for row in FUNCTIONS])
def test_a_function_says_the_route(
    sentence: str, function: Callable[[Any], Any], label: str, said: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    sink = Kept()
    app = TimingMiddleware(leaving(left="/left", route="/router"), sinks=[sink], route=function, clock=Clock())
    for _ in range(3):
        assert drive(app).error is None
    assert [record.route for record in sink.records] == [label] * 3
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == (
        [(logging.ERROR, f"timing: route {said}; the route is `unmatched`. Reported once.")] if said else []
    )


# Bounds


def test_there_are_a_thousand_labels_and_one_for_the_rest() -> None:
    sink = Kept()
    app = TimingMiddleware(apps.text(), sinks=[sink], route=lambda scope: scope["path"])
    for number in range(1500):
        drive(app, http(f"/{number}"))
    labels = [record.route for record in sink.records]
    assert labels[:1000] == [f"/{number}" for number in range(1000)]
    assert set(labels[1000:]) == {"_OTHER"}
    drive(app, http("/7"))
    assert sink.records[-1].route == "/7"


def test_texts_that_differ_far_behind_are_one_label() -> None:
    labels = Labels(most=1)
    assert {labels("/" + "a" * 1_000_000 + str(number)) for number in range(10)} == {"/" + "a" * 199}


def test_objects_that_are_made_for_each_request_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_KNOWN", 10)
    routes = Routes()
    for number in range(100):
        assert routes.label({"route": Left(f"/{number}")}, http()) == f"/{number}"
        assert len(routes._known) <= 10


def test_a_router_that_mounts_itself_ends() -> None:
    router = Router()
    router.mount("/again", router)
    router.add_route("/page", page)
    record = recorded(Starlette(routes=[Mount("/top", router)]), http("/top/again/page"))
    assert record.route == "/top/again/page"
