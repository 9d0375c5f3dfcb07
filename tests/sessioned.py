"""An application whose sessions are set up from outside, and which tells whose session each request brought.

    python -m uvicorn tests.sessioned:app --port 0

    PUT  /NAME                    mounts one, under SessionMiddleware with the options of the body
    GET  /NAME/seen               a line for each request that came for it, in order: "GET /page ada"
    GET  /NAME/waiting            how many requests for /put-slowly wait
    GET  /NAME/later/SECONDS      puts its clock so far ahead
    *    /NAME/...                the application, see ROUTES; the answer is the session afterwards

Every path of the application uses the session, but /untouched. GET changes it too, so that the browser's address bar
can.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.websockets import WebSocket

from asgi_middleware import SessionMiddleware
from asgi_middleware.sessions.stores.memory import MemoryStore
from asgi_middleware.sessions.stores.sqlite import SQLiteStore

KEY = "a key for tests, and for nothing else"


class Mount:
    """The application under its sessions.

    `options`: those of SessionMiddleware; the store may also be ["memory"] or ["sqlite", path].
    """

    def __init__(self, options: dict[str, Any]) -> None:
        self.seen: list[str] = []
        self.ahead = 0
        self.waiting = 0
        self.opened = asyncio.Event()
        match options.get("store"):
            case ["memory"]:
                options = {**options, "store": MemoryStore(clock=self.clock)}
            case ["sqlite", path]:
                options = {**options, "store": SQLiteStore(path)}
        self.app = SessionMiddleware(self.application, KEY, clock=self.clock, **options)

    def clock(self) -> float:
        return time.time() + self.ahead

    async def application(self, scope: Any, receive: Any, send: Any) -> None:
        name, *arguments = scope["path"].strip("/").split("/")
        if scope["type"] == "websocket":
            await self.socket(WebSocket(scope, receive, send), *arguments)
            return
        if name == "untouched":
            await PlainTextResponse("untouched")(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        self.note(connection)
        await ROUTES[name](self, connection.session, *arguments)
        answer = HTMLResponse("<!doctype html>") if name == "page" else JSONResponse(_told(connection))
        await answer(scope, receive, send)

    def note(self, connection: HTTPConnection) -> None:
        method = connection.scope.get("method", "websocket")
        self.seen.append(f"{method} {connection.scope['path']} {connection.session.get('user', 'nobody')}")

    async def socket(self, socket: WebSocket, user: str) -> None:
        """Changes the session before and after it is accepted."""
        self.note(socket)
        socket.session["user"] = user
        await socket.accept()
        await socket.send_json(_told(socket))
        socket.session["late"] = True
        await socket.receive()  # until the client goes

    async def read(self, session: Any, name: str = "") -> None:
        """`name`: only for whoever asks what came."""

    async def login(self, session: Any, user: str, remember: str | None = None) -> None:
        session.regenerate()
        session.subject = session["user"] = user
        if remember is not None:
            session.set_expiry(int(remember))

    async def regenerate(self, session: Any) -> None:
        session.regenerate()

    async def logout(self, session: Any) -> None:
        session.destroy()

    async def put(self, session: Any, key: str, value: str) -> None:
        session[key] = value

    async def fill(self, session: Any, size: str) -> None:
        session["filler"] = "x" * int(size)

    async def put_slowly(self, session: Any, key: str, value: str) -> None:
        """Waits between reading and writing, until somebody else asks for /go."""
        self.waiting += 1
        await self.opened.wait()
        session[key] = value

    async def go(self, session: Any) -> None:
        self.opened.set()


ROUTES: dict[str, Callable[..., Awaitable[None]]] = {
    "read": Mount.read,  # and perhaps a name
    "page": Mount.read,  # likewise; the answer is an empty page
    "login": Mount.login,  # /USER, and SECONDS to be remembered for
    "regenerate": Mount.regenerate,
    "logout": Mount.logout,
    "put": Mount.put,  # /KEY/VALUE
    "fill": Mount.fill,  # /BYTES
    "put-slowly": Mount.put_slowly,  # /KEY/VALUE
    "go": Mount.go,
}
CONTROLS = ("seen", "waiting", "later")
mounts: dict[str, Mount] = {}


def _told(connection: HTTPConnection) -> dict[str, Any]:
    return dict(connection.session)


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while (await receive())["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        for mount in mounts.values():
            await mount.app.aclose()
        await send({"type": "lifespan.shutdown.complete"})
        return
    _, name, *rest = scope["path"].split("/", 2)
    told = "/".join(rest).split("/")
    if name in mounts and told[0] not in CONTROLS and scope.get("method") != "PUT":
        await mounts[name].app({**scope, "path": "/" + "/".join(told)}, receive, send)
    else:
        await (await control(Request(scope, receive), name, *told))(scope, receive, send)


async def control(request: Request, name: str, what: str = "", seconds: str = "") -> Response:
    if request.method == "PUT":
        mounts[name] = Mount(await request.json())
    if name not in mounts:
        return PlainTextResponse("nothing is mounted here", status_code=404)
    mount = mounts[name]
    if what == "later":
        mount.ahead += int(seconds)
    return JSONResponse(mount.seen if what == "seen" else mount.waiting)
