"""An application that is mounted from outside, under any layers, and tells which requests arrived, and how far.

    python -m uvicorn tests.mounted:app --port 0

    POST /               mounts one: {"layers": [["cors", {...}], ...], "own": {...}}; the answer is where, as "/1"
    GET  /1/seen         a line for each request that came for it, in order
    GET  /               an empty page
    *    /1/...          the application under its layers

A line is "PUT /item", and what the request brought of TOLD; and ", kept from the app" where a layer answered itself.
"""

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.websockets import WebSocket

from asgi_middleware import CORSMiddleware, ErrorsMiddleware, RequestIDMiddleware

from .asgi import App

LAYERS: dict[str, Any] = {
    "cors": CORSMiddleware,
    "errors": ErrorsMiddleware,
    "request_id": partial(RequestIDMiddleware, generator=lambda: "the-id"),
}
TOLD = ("cookie", "authorization", "x-own", "if-none-match")
KEPT = ", kept from the app"
# Paths with headers of their own, for the browser's cache.
CACHED = {
    "/fresh": {"cache-control": "max-age=600"},
    "/checked": {"cache-control": "no-cache", "etag": '"1"'},
}


class Mount:
    """The application under its layers, and what arrived: one line each.

    `own`: the headers that the application itself puts on a 200, by the request's Origin (empty where there is none).
    They are for controls, in which an application does by hand what the layers should.
    """

    def __init__(self, layers: Sequence[tuple[str, dict[str, Any]]], own: dict[str, dict[str, str]]) -> None:
        self.own = own
        self.seen: list[list[str]] = []
        self.app: App = self.application
        for name, options in reversed(layers):
            self.app = LAYERS[name](self.app, **options)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        told = [f"{name}: {headers[name]}" for name in TOLD if name in headers]
        if headers.get("origin") == "null":
            told.append("origin: null")
        line = ", ".join([f"{scope.get('method', 'websocket')} {scope['path']}", *told])
        seen = [line, KEPT]
        self.seen.append(seen)
        await self.app({**scope, "tests.seen": seen}, receive, send)

    async def application(self, scope: Any, receive: Any, send: Any) -> None:
        seen = scope["tests.seen"]
        seen.remove(KEPT)
        if scope["type"] == "websocket":
            socket = WebSocket(scope, receive, send)
            await socket.accept()
            await socket.send_text(f"{seen[0]}, {await socket.receive_text()}")
            await socket.close()
        else:
            await self.answer(Request(scope), seen[0])(scope, receive, send)

    def answer(self, request: Request, line: str) -> Response:
        path = request.scope["path"]
        if path == "/crash":
            raise RuntimeError("the secret of the crash")
        if path == "/redirect":
            return Response(status_code=307, headers={"location": "item"})
        if path == "/away":
            # The same server under its other name: another origin.
            away = f"http://127.0.0.1:{request.scope['server'][1]}{request.scope['tests.mount']}/item"
            return Response(status_code=307, headers={"location": away})
        headers = CACHED.get(path, {})
        if request.headers.get("if-none-match") == headers.get("etag", ""):
            return Response(status_code=304, headers=headers)
        own = self.own.get(request.headers.get("origin", ""), {})
        return PlainTextResponse(line, headers={"x-own": "mine", **headers, **own})


mounts: dict[str, Mount] = {}


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while (await receive())["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    _, number, *rest = scope["path"].split("/", 2)
    where, path = f"/{number}", "/" + "/".join(rest)
    if where in mounts and path != "/seen":
        await mounts[where]({**scope, "path": path, "tests.mount": where}, receive, send)
    else:
        await (await control(Request(scope, receive), where))(scope, receive, send)


async def control(request: Request, where: str) -> Response:
    if request.method == "POST":
        where = f"/{len(mounts) + 1}"
        mounts[where] = Mount(**json.loads(await request.body()))
        return PlainTextResponse(where)
    if where in mounts:
        return PlainTextResponse("\n".join("".join(seen) for seen in mounts[where].seen))
    return Response(media_type="text/html")
