"""An application under compression that tells what the browser asked for, and what left for it.

    python -m uvicorn tests.compressed:app --port 0 --lifespan off

    GET  /zstd/...       the application with that coding alone; so for br and gzip
    GET  /all/...        with all three, as by default
    GET  /bare/...       without compression
    GET  /held/...       with all three, and every body held back until it is complete: the control
    GET  /told           a list, one entry for each request since the last time: the request and its answer

The application: /page, /notes, /checked (revalidated by its strong ETag), /part (honours any Range), and /events,
which sends an event after the first only when a POST to /events has told which one the page has seen.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse

from asgi_middleware import CompressionMiddleware

from .asgi import App

# Not ASCII alone, and long enough that its windows and blocks matter.
ROWS = "".join(f"<tr><td>{number}<td>Ærø, naïve, 東京: {number * number}</tr>\n" for number in range(4000))
PAGE = f"<!doctype html><meta charset=utf-8><title>Rows</title><table>{ROWS}</table>"
NOTES = [{"id": number, "text": f"{number} grüne Bäume 🌳"} for number in range(400)]
TEXT = "The same words for everybody who asks. " * 100
ETAG = '"first"'
EVENTS = ("one", "two ✓", "three")


def held(app: App) -> App:
    """The whole body in one piece, when it is complete."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        body = b""

        async def sends(message: Any) -> None:
            nonlocal body
            if message["type"] != "http.response.body":
                await send(message)
                return
            body += message.get("body", b"")
            if not message.get("more_body", False):
                await send({"type": "http.response.body", "body": body})

        await app(scope, receive, sends)

    return wrapped


class Site:
    """The application. What the page has seen of the events comes in by POST, one queue for each mount."""

    def __init__(self) -> None:
        self.seen: asyncio.Queue[str] = asyncio.Queue()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        await (await self.answer(request))(scope, receive, send)

    async def answer(self, request: Request) -> Response:
        match request.method, request.scope["path"]:
            case "POST", "/events":
                self.seen.put_nowait((await request.body()).decode())
                return Response(status_code=204)
            case _, "/events":
                return StreamingResponse(self.events(), media_type="text/event-stream")
            case _, "/page":
                return HTMLResponse(PAGE)
            case _, "/notes":
                return JSONResponse(NOTES)
            case _, "/part":
                return self.part(request)
            case _, "/checked":
                headers = {"etag": ETAG, "cache-control": "no-cache"}
                # If-None-Match is compared weakly (RFC 9110, 13.1.2).
                if request.headers.get("if-none-match", "").removeprefix("W/") == ETAG:
                    return Response(status_code=304, headers=headers)
                return Response(TEXT, media_type="text/plain", headers=headers)
            case _:
                return Response(status_code=404)

    def part(self, request: Request) -> Response:
        if "range" not in request.headers:
            return Response(TEXT, media_type="text/plain", headers={"accept-ranges": "bytes", "etag": ETAG})
        first, _, last = request.headers["range"].removeprefix("bytes=").partition("-")
        body = TEXT.encode()[int(first) : int(last) + 1]
        headers = {"content-range": f"bytes {first}-{last}/{len(TEXT)}", "accept-ranges": "bytes", "etag": ETAG}
        return Response(body, status_code=206, media_type="text/plain", headers=headers)

    async def events(self) -> AsyncIterator[str]:
        for event in EVENTS:
            yield f"data: {event}\n\n"
            told = await self.seen.get()
            # "..." is said by a page that has seen nothing, and asks for more all the same.
            assert told in (event, "..."), told


REQUEST = ("accept-encoding", "if-none-match", "range")
ANSWER = ("content-encoding", "content-length", "vary", "etag", "accept-ranges", "content-range")


class Told:
    """The outermost: what arrived and what left, as the client has it on its wire."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.exchanges: list[dict[str, Any]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http", "uvicorn is told to run no lifespan"
        # By a proxy, the target is a whole URL.
        path = urlsplit(scope["path"]).path
        if path == "/told":
            answer = JSONResponse(self.exchanges)
            self.exchanges = []
            await answer(scope, receive, send)
            return
        exchange: dict[str, Any] = {"asked": f"{scope['method']} {path}", "sent": 0}
        exchange.update(kept(scope["headers"], REQUEST))
        if not path.endswith("favicon.ico"):
            self.exchanges.append(exchange)

        async def sends(message: Any) -> None:
            if message["type"] == "http.response.start":
                exchange["status"] = message["status"]
                exchange["answered"] = kept(message["headers"], ANSWER)
            elif message["type"] == "http.response.body":
                exchange["sent"] += len(message.get("body", b""))
            await send(message)

        await self.app({**scope, "path": path}, receive, sends)


def kept(headers: list[tuple[bytes, bytes]], names: tuple[str, ...]) -> dict[str, str]:
    """These headers, a name that stands twice with both values."""
    found: dict[str, str] = {}
    for raw, value in headers:
        name = raw.decode().lower()
        if name in names:
            found[name] = f"{found[name]} and {value.decode()}" if name in found else value.decode()
    return found


LAYERS: dict[str, Callable[[App], App]] = {
    "zstd": partial(CompressionMiddleware, codings=["zstd"]),
    "br": partial(CompressionMiddleware, codings=["br"]),
    "gzip": partial(CompressionMiddleware, codings=["gzip"]),
    "all": CompressionMiddleware,
    "bare": lambda bare: bare,
    "held": lambda inner: held(CompressionMiddleware(inner)),
}
mounts = {name: layer(Site()) for name, layer in LAYERS.items()}


async def mounted(scope: Any, receive: Any, send: Any) -> None:
    _, name, *rest = scope["path"].split("/", 2)
    if name in mounts and rest:
        await mounts[name]({**scope, "path": f"/{rest[0]}"}, receive, send)
    else:
        await HTMLResponse("<!doctype html><title>empty</title>")(scope, receive, send)


app = Told(mounted)
