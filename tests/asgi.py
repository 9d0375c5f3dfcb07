"""Drive an ASGI application by hand: `drive(app, scope, messages) -> Exchange`.

Without an event loop: the coroutine is stepped here, so nothing sleeps, nothing races, and a fault can be put at any
await. What really suspends (threads) is driven with `loop="asyncio"` or `"trio"`.

Every message is recorded twice when it is sent: as the object that it was, and as a copy in one spelling, so that
later edits show.
"""

import asyncio
import copy
import gzip
import sys
from collections.abc import Awaitable, Callable, Generator, Iterable
from dataclasses import dataclass, field
from types import NoneType
from typing import Any

Message = dict[str, Any]
App = Callable[[Any, Any, Any], Awaitable[None]]

REQUEST: Message = {"type": "http.request", "body": b"", "more_body": False}
CONNECT: Message = {"type": "websocket.connect"}


class Pause:
    """Awaits once, so that others have their turn, or a test can hold a request there."""

    def __await__(self) -> Generator[None, None, None]:
        yield


class WaitsForEver(Exception):
    """The application awaits something that nobody will ever give it."""


def http(path: str = "/", *, headers: Iterable[tuple[str, str]] = (), **changes: Any) -> dict[str, Any]:
    """An HTTP scope as uvicorn makes it. `headers` as text; `changes` replace keys, None takes them out."""
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8000),
        "state": {},
        "extensions": {},
    }
    scope.update(changes)
    return {key: value for key, value in scope.items() if value is not None}


def websocket(path: str = "/", *, headers: Iterable[tuple[str, str]] = (), **changes: Any) -> dict[str, Any]:
    """A WebSocket scope as uvicorn makes it, denial responses offered."""
    defaults: dict[str, Any] = {
        "type": "websocket",
        "scheme": "ws",
        "subprotocols": [],
        "extensions": {"websocket.http.response": {}},
    }
    scope = http(path, headers=headers, **{**defaults, **changes})
    scope.pop("method", None)
    return scope


def plain(message: Message) -> Message:
    """A copy of a message in one spelling: headers as a list of pairs of bytes, bodies as bytes."""
    copied = {**message}
    if "headers" in copied:
        copied["headers"] = [(bytes(name), bytes(value)) for name, value in copied["headers"]]
    for key in ("body", "bytes"):
        if isinstance(copied.get(key), (bytearray, memoryview)):
            copied[key] = bytes(copied[key])
    whole: Message = deeply(copied)
    return whole


def deeply(value: Any) -> Any:
    """A deep copy of what messages and scopes are made of, at a fifth of what `copy.deepcopy` takes."""
    kind = type(value)
    if kind is dict:
        return {key: deeply(item) for key, item in value.items()}
    if kind is list or kind is tuple:
        return kind([deeply(item) for item in value])
    return value if kind in (bytes, str, int, bool, NoneType) else copy.deepcopy(value)


@dataclass
class Exchange:
    """What came of one call."""

    scope: dict[str, Any]
    sent: list[Message] = field(default_factory=list)  # in one spelling, as they were when they were sent
    objects: list[Any] = field(default_factory=list)  # the very objects
    error: BaseException | None = None
    received: int = 0  # how many messages the application asked for

    @property
    def start(self) -> Message:
        """The message that carries headers; the last one, where a broken application sends several."""
        kinds = ("http.response.start", "websocket.accept", "websocket.http.response.start")
        return next(message for message in self.sent if message["type"] in kinds)

    @property
    def status(self) -> int:
        status: int = self.start["status"]
        return status

    @property
    def headers(self) -> list[tuple[str, str]]:
        """The response headers as text, names in lower case, sorted: compare it whole."""
        pairs = self.start.get("headers", [])
        return sorted((name.decode().lower(), value.decode("latin-1")) for name, value in pairs)

    def header(self, name: str) -> list[str]:
        """All values of one header."""
        return [value for key, value in self.headers if key == name]

    @property
    def raw_body(self) -> bytes:
        kinds = ("http.response.body", "websocket.http.response.body")
        return b"".join(message.get("body", b"") for message in self.sent if message["type"] in kinds)

    @property
    def body(self) -> bytes:
        """The body, decoded."""
        return decode(self.raw_body, self.header("content-encoding"))


def decode(body: bytes, codings: list[str]) -> bytes:
    """Undo Content-Encoding, by other code than that which made it."""
    for coding in reversed(codings):
        if coding == "gzip":
            body = gzip.decompress(body)
        elif coding == "br":
            import brotli

            body = brotli.decompress(body)
        elif coding == "zstd":
            if sys.version_info >= (3, 14):
                from compression import zstd
            else:
                from backports import zstd
            body = zstd.decompress(body)
        else:
            raise ValueError(coding)
    return body


def drive(
    app: App,
    scope: dict[str, Any] | None = None,
    messages: Iterable[Message] | None = None,
    *,
    send_fails: BaseException | None = None,
    loop: str | None = None,
) -> Exchange:
    """Call `app` once, to its end; whatever it raises is in `Exchange.error`.

    `messages` are what `receive` gives; after them a disconnect, as servers give it. `send_fails` is raised by every
    `send`.
    """
    if scope is None:
        scope = http()
    if messages is None:
        messages = [CONNECT] if scope["type"] == "websocket" else [REQUEST]
    exchange = Exchange(scope)
    waiting = list(messages)

    async def receive() -> Message:
        exchange.received += 1
        if waiting:
            return waiting.pop(0)
        if scope["type"] == "websocket":
            return {"type": "websocket.disconnect", "code": 1006, "reason": ""}
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if send_fails is not None:
            raise send_fails
        exchange.objects.append(message)
        exchange.sent.append(plain(message))

    async def call() -> None:
        try:
            await app(scope, receive, send)
        except BaseException as error:
            exchange.error = error

    if loop == "asyncio":
        asyncio.run(call())
    elif loop == "uvloop":
        import uvloop

        uvloop.run(call())
    elif loop == "trio":
        import trio

        trio.run(call)
    else:
        step(call())
    return exchange


def step(awaitable: Awaitable[Any]) -> None:
    """Run an awaitable to its end. WaitsForEver if it suspends: here nobody would wake it."""
    coroutine: Any = awaitable.__await__()
    try:
        coroutine.send(None)
    except StopIteration:
        return
    coroutine.close()
    raise WaitsForEver("the application suspended; drive it with loop='asyncio'")
