"""The server of the soak: `uvicorn --factory tests.soak.served:app`, which tells on `/report` what it holds.

`SOAK_FOLDER` is where the SQLite store may write. With `SOAK_LEAKS` the application keeps something of every twentieth
request, of each of the four kinds.
"""

import asyncio
import contextlib
import gc
import json
import logging
import os
import sys
import threading
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import anyio

from asgi_middleware import Stack, _scope
from asgi_middleware.auth import JWT, Bearer, HMACKey
from asgi_middleware.sessions.stores import MemoryStore, SQLiteStore
from asgi_middleware.timing import LogSink

from ..apps import TEXT, body, start
from ..asgi import App

SECRET = "a-secret-of-the-soak-that-is-long-enough"
BIG = TEXT * 100  # 288,000 bytes: compressed in threads
LEAK_EVERY = 20  # requests
# Enough that it is full before the first measure, so that it does not grow any more.
SESSIONS = 40

_kept: list[Any] = []
_requests = 0


def stack(store: Any) -> Stack:
    return Stack(
        [
            "request_id",
            ("timing", {"sinks": [LogSink(access="json")], "server_timing": "all"}),
            ("cors", {"allow_origins": ["https://app.example.com"], "allow_credentials": True}),
            "errors",
            "compression",
            ("sessions", {"secret_key": SECRET, "store": store, "rolling": True}),
            ("auth", {"backend": Bearer(JWT(HMACKey(SECRET), issuer="issuer", audience="audience"))}),
        ]
    )


async def page(scope: Any, receive: Any, send: Any) -> None:
    data = BIG if scope["path"].endswith("/big") else TEXT
    await send(start(headers=[(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(data))]))
    await send(body(data))


async def stream(scope: Any, receive: Any, send: Any) -> None:
    """Twenty pieces, or until the client has gone, as Starlette's StreamingResponse does it."""
    async with anyio.create_task_group() as group:

        async def listen() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            group.cancel_scope.cancel()

        group.start_soon(listen)
        await send(start(headers=[(b"content-type", b"text/event-stream")]))
        for number in range(20):
            await send(body(b"data: %d\n\n" % number + TEXT, more=True))
            await asyncio.sleep(0.001)
        await send(body(b""))
        group.cancel_scope.cancel()


async def waits(scope: Any, receive: Any, send: Any) -> None:
    """For a client that goes away."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def upload(scope: Any, receive: Any, send: Any) -> None:
    while (message := await receive())["type"] == "http.request" and message.get("more_body"):
        pass
    await page(scope, receive, send)


async def visit(scope: Any, receive: Any, send: Any) -> None:
    session, way = scope["session"], scope["query_string"]
    session["visits"] = session.get("visits", 0) + 1
    if way == b"login":
        session.subject = "ada"
        session.regenerate()
    elif way == b"logout":
        session.destroy()
    elif way == b"save":
        await session.save()
    await page(scope, receive, send)


async def crash(scope: Any, receive: Any, send: Any) -> None:
    scope["session"]["crashed"] = True
    if scope["query_string"] == b"late":
        await send(start())
        await send(body(TEXT, more=True))
    raise ValueError("as it is meant to")


async def talk(scope: Any, receive: Any, send: Any) -> None:
    """A WebSocket that echoes, is denied, or crashes."""
    await receive()
    if scope["query_string"] == b"deny":
        await send({"type": "websocket.close", "code": 1008})
        return
    scope["session"]["talked"] = True
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        if scope["query_string"] == b"crash":
            raise ValueError("as it is meant to")
        await send({"type": "websocket.send", "text": message.get("text") or ""})


PAGES: dict[str, App] = {
    "page": page,
    "big": page,
    "stream": stream,
    "waits": waits,
    "upload": upload,
    "visit": visit,
    "crash": crash,
}


async def site(scope: Any, receive: Any, send: Any) -> None:
    if "SOAK_LEAKS" in os.environ:
        leak(scope)
    name = scope["path"].rpartition("/")[2]
    await (talk if scope["type"] == "websocket" else PAGES.get(name, page))(scope, receive, send)


def leak(scope: Any) -> None:
    global _requests
    _requests += 1
    if _requests % LEAK_EVERY == 0:
        forever = threading.Event()
        thread = threading.Thread(target=forever.wait, daemon=True)
        thread.start()
        task = asyncio.create_task(asyncio.Event().wait())
        _kept.append((dict(scope), task, open(os.devnull), forever))  # noqa: SIM115  # it leaks


def held() -> dict[str, Any]:
    """What this process holds. Every block of Python's allocator counts, so nothing is too small to be seen.

    The layouts of requests are remembered up to a bound that so few requests do not reach, so they are forgotten here.
    """
    _scope._layouts.clear()
    for _ in range(3):
        gc.collect()
    objects = gc.get_objects()
    kinds = Counter(type(each).__qualname__ for each in objects)
    return {
        "blocks": sys.getallocatedblocks(),
        "tasks": len(asyncio.all_tasks()),
        "connections": sum(isinstance(each, asyncio.Protocol) for each in objects),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "threads": threading.active_count(),
        "kinds": traced() if tracemalloc.is_tracing() else dict(kinds.most_common(200)),
    }


def traced() -> dict[str, int]:
    """How many blocks were allocated by which line, where `PYTHONTRACEMALLOC` is set."""
    lines = tracemalloc.take_snapshot().statistics("lineno")
    found = {f"{each.traceback[0].filename}:{each.traceback[0].lineno}": each.count for each in lines}
    return dict(sorted(found.items(), key=lambda item: -item[1])[:2_000])


async def report(send: Any) -> None:
    data = json.dumps(held()).encode()
    await send(start(headers=[(b"content-type", b"application/json"), (b"content-length", b"%d" % len(data))]))
    await send(body(data))


class Site:
    """The stack in front of two stores, and beside them the report, which no middleware of ours sees."""

    def __init__(self) -> None:
        self.memory = MemoryStore(most=SESSIONS)
        self.sqlite = SQLiteStore(Path(os.environ["SOAK_FOLDER"]) / "sessions.db")
        self.mounts = {"memory": stack(self.memory)(site), "sqlite": stack(self.sqlite)(site)}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self.live(receive, send)
        elif scope["path"] == "/report":
            await report(send)
        else:
            await self.mounts[scope["path"].split("/")[1]](scope, receive, send)

    async def live(self, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        with contextlib.suppress(OSError):
            await self.sqlite.aclose()
        await send({"type": "lifespan.shutdown.complete"})


def app() -> Site:
    """Everything is logged, with its traceback, and nothing is kept."""
    handler = logging.StreamHandler(open(os.devnull, "w"))  # noqa: SIM115  # as long as the process
    for name in ("asgi_middleware", "asgi_middleware.access"):
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
    return Site()
