"""The route's label on the frameworks themselves: those that leave one in the scope, and those that are told to.

python -m pytest -m hosts tests/hosts/test_timing_routes_on_hosts.py
"""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from asgi_middleware import ErrorsMiddleware, RequestIDMiddleware, TimingMiddleware

from ..asgi import CONNECT, REQUEST, App, http, websocket
from ..timed import Kept
from .checks import PATIENCE

pytestmark = pytest.mark.hosts


def label(app: App, scope: dict[str, Any]) -> tuple[str, int | None]:
    """The route and the status of one request, ours outside and inside.

    The client stays until the response is whole, or Django would let go. From then on every server says that it is
    over, and Quart waits to hear it.
    """
    sink = Kept()
    wrapped = RequestIDMiddleware(TimingMiddleware(ErrorsMiddleware(app), sinks=[sink]))

    async def serve() -> None:
        messages = [CONNECT if scope["type"] == "websocket" else REQUEST]
        over = asyncio.Event()

        async def receive() -> Any:
            if messages:
                return messages.pop()
            await over.wait()
            return {"type": f"{scope['type']}.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "websocket.close" or (
                message["type"].endswith(".body") and not message.get("more_body")
            ):
                over.set()

        await asyncio.wait_for(wrapped(scope, receive, send), PATIENCE)

    asyncio.run(serve())
    return sink.record.route, sink.record.status


# FastAPI


def fastapis() -> App:
    fastapi: Any = pytest.importorskip("fastapi", reason="the extra `types`")
    staticfiles: Any = pytest.importorskip("starlette.responses")

    async def page() -> str:
        return "ok"

    async def live(socket: Any) -> None:
        await socket.accept()
        await socket.close()

    live.__annotations__["socket"] = fastapi.WebSocket
    deeper = fastapi.APIRouter(prefix="/deep/{depth}")
    deeper.get("/x")(page)
    included = fastapi.APIRouter(prefix="/of/{who}")
    included.get("/x/{number}")(item)
    included.websocket("/live/{room}")(live)
    included.include_router(deeper)
    mounted = fastapi.FastAPI()
    mounted.get("/in/{id:path}")(page)
    mounted.include_router(included, prefix="/again")
    app: Any = fastapi.FastAPI()
    app.get("/items/{number}")(item)
    app.include_router(included, prefix="/api")
    app.include_router(included, prefix="/v2")
    app.mount("/sub/{tenant}", mounted)
    app.mount("/static", staticfiles.PlainTextResponse("ok"))
    made: App = app
    return made


FASTAPI: list[tuple[str, dict[str, Any], str, int]] = [
    ("a route", http("/items/7"), "/items/{number}", 200),
    ("a value that does not fit", http("/items/seven"), "/items/{number}", 422),
    ("its other method", http("/items/7", method="DELETE"), "/items/{number}", 405),
    ("no route", http("/nowhere"), "unmatched", 404),
    ("an included router", http("/api/of/ada/x/7"), "/api/of/{who}/x/{number}", 200),
    ("the same one, included again", http("/v2/of/ada/x/7"), "/v2/of/{who}/x/{number}", 200),
    ("a router in a router", http("/api/of/ada/deep/3/x"), "/api/of/{who}/deep/{depth}/x", 200),
    ("a mounted application", http("/sub/acme/in/a/b/c"), "/sub/{tenant}/in/{id:path}", 200),
    ("a router that it includes", http("/sub/acme/again/of/ada/x/7"), "/sub/{tenant}/again/of/{who}/x/{number}", 200),
    ("nothing in it", http("/sub/acme/nowhere"), "/sub/{tenant}", 404),
    ("a mount that is no router", http("/static/a.css"), "/static", 200),
    ("its own page", http("/docs"), "/docs", 200),
    ("a WebSocket of a router", websocket("/api/of/ada/live/7"), "/api/of/{who}/live/{room}", 101),
]


@pytest.mark.parametrize(("sentence", "scope", "route", "status"), FASTAPI, ids=[row[0] for row in FASTAPI])
def test_fastapi(sentence: str, scope: dict[str, Any], route: str, status: int) -> None:
    assert label(fastapis(), dict(scope)) == (route, status)


# The others, each with one route


async def item(number: int) -> str:
    return str(number)


def litestars() -> App:
    litestar: Any = pytest.importorskip("litestar", reason="the extra `hosts`")
    router = litestar.Router("/of/{who:str}", route_handlers=[litestar.get("/items/{number:int}")(item)])
    made: App = litestar.Litestar([router])
    return made


class DjangosRoute:
    """As the manual says it."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        return self.get_response(request)

    def process_view(self, request: Any, view: Any, args: Any, kwargs: Any) -> None:
        request.scope["route"] = request.resolver_match.route


class DjangosUrls:
    """What stands for the module of the URLs."""

    def __init__(self) -> None:
        from django.http import HttpResponse
        from django.urls import include, path

        pages = [path("items/<int:number>/", lambda request, who, number: HttpResponse(who))]
        self.urlpatterns = [path("of/<slug:who>/", include(pages))]


def djangos() -> App:
    made: App = pytest.importorskip("django.core.asgi", reason="the extra `hosts`").get_asgi_application()
    return made


def quarts() -> App:
    quart: Any = pytest.importorskip("quart", reason="the extra `hosts`")
    app = quart.Quart(__name__)

    async def route() -> None:
        if quart.request.url_rule is not None:
            quart.request.scope["route"] = quart.request.url_rule.rule

    async def page(who: str, number: int) -> str:
        return who

    app.before_request(route)
    app.get("/of/<who>/items/<int:number>")(page)
    made: App = app
    return made


def falcons() -> App:
    pytest.importorskip("falcon", reason="is in no extra")

    class Route:
        async def process_resource(self, req: Any, resp: Any, resource: Any, params: Any) -> None:
            req.scope["route"] = req.uri_template

    class Page:
        async def on_get(self, req: Any, resp: Any, who: str, number: int) -> None:
            resp.text = who

    app = pytest.importorskip("falcon.asgi").App(middleware=[Route()])
    app.add_route("/of/{who}/items/{number:int}", Page())
    made: App = app
    return made


OTHERS: list[tuple[Callable[[], App], str, str]] = [
    (litestars, "/of/ada/items/7", "/of/{who}/items/{number}"),
    (quarts, "/of/ada/items/7", "/of/<who>/items/<int:number>"),
    (falcons, "/of/ada/items/7", "/of/{who}/items/{number:int}"),
]


@pytest.mark.filterwarnings("ignore")  # theirs
@pytest.mark.parametrize(("make", "path", "route"), OTHERS, ids=[make.__name__ for make, _, _ in OTHERS])
def test_others(make: Callable[[], App], path: str, route: str) -> None:
    found(make(), path, route)


@pytest.mark.usefixtures("django_project")
def test_django() -> None:
    from django.test import override_settings

    with override_settings(ROOT_URLCONF=DjangosUrls(), MIDDLEWARE=[f"{__name__}.DjangosRoute"]):
        found(djangos(), "/of/ada/items/7/", "/of/<slug:who>/items/<int:number>/")


def found(app: App, path: str, route: str) -> None:
    """A route that is there, and one that is not."""
    headers = [("host", "localhost")]
    assert label(app, http(path, headers=headers)) == (route, 200)
    assert label(app, http("/nowhere", headers=headers)) == ("unmatched", 404)
