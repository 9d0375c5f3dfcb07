"""What the tests of `compression` share: its three classes, clients, incremental decoders, messages and event loops."""

import random
import sys
import zlib
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeAlias

import anyio
import pytest

from asgi_middleware import BrotliMiddleware, CompressionMiddleware, GZipMiddleware
from asgi_middleware._threads import Allowance
from asgi_middleware.compression import responder as engine

from .apps import TEXT
from .asgi import App, Exchange, Message, decode, drive, http, plain

Make: TypeAlias = Callable[..., Any]
Pairs: TypeAlias = list[tuple[bytes, bytes]]
EVERY = "zstd, br, gzip"
PLAIN = (b"content-type", b"text/plain")


def seeded(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311  # it has to repeat itself


# Text that no coding makes smaller.
NOISE = seeded(1).randbytes(4096)

# The three classes, and the coding that each gives to a client that takes all.
CLASSES: list[Any] = [
    pytest.param(CompressionMiddleware, "zstd", id="CompressionMiddleware"),
    pytest.param(GZipMiddleware, "gzip", id="GZipMiddleware"),
    pytest.param(BrotliMiddleware, "br", id="BrotliMiddleware"),
]

# Every encoder there is.
WAYS: list[Any] = [
    pytest.param(lambda app, **more: CompressionMiddleware(app, codings=["zstd"], **more), "zstd", id="zstd"),
    pytest.param(lambda app, **more: CompressionMiddleware(app, codings=["br"], **more), "br", id="br"),
    pytest.param(lambda app, **more: CompressionMiddleware(app, codings=["gzip"], **more), "gzip", id="gzip by isal"),
    pytest.param(
        lambda app, **more: CompressionMiddleware(app, codings=["gzip"], levels={"gzip": 6}, **more),
        "gzip",
        id="gzip by zlib",
    ),
]


def ask(
    app: App, accept: str | None = EVERY, scope_headers: Iterable[tuple[str, str]] = (), **changes: Any
) -> Exchange:
    """One request by a client with this Accept-Encoding; None leaves it out."""
    headers = [*scope_headers] if accept is None else [*scope_headers, ("accept-encoding", accept)]
    return drive(app, http(headers=headers, **changes))


def decoder(coding: str) -> Callable[[bytes], bytes]:
    """An incremental decoder: what it returns is all that a client can read so far."""
    if coding == "gzip":
        return zlib.decompressobj(31).decompress
    if coding == "br":
        import brotli

        decompress: Callable[[bytes], bytes] = brotli.Decompressor().process
        return decompress
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd.ZstdDecompressor().decompress


def bodies(exchange: Exchange) -> list[bytes]:
    """The body of every message that has one, as sent."""
    return [message["body"] for message in exchange.sent if message["type"] == "http.response.body"]


def seen(exchange: Exchange) -> list[Message]:
    """The whole answer as a client reads it, to be compared with what `expected` makes.

    Headers as sorted text; each body as far as it can be decoded when it arrives; of an encoded answer the length is
    "exact" where it is.
    """
    assert exchange.error is None
    codings = exchange.header("content-encoding")
    ours = len(codings) == 1 and codings[0] in ("zstd", "br", "gzip")
    read = decoder(codings[0]) if ours else bytes
    messages: list[Message] = []
    for message in exchange.sent:
        copied = dict(message)
        if message["type"] == "http.response.start":
            exact = ("content-length", str(len(exchange.raw_body)))
            copied["headers"] = [
                ("content-length", "exact") if ours and pair == exact else pair for pair in exchange.headers
            ]
        elif message.get("body") and message["type"] == "http.response.body":
            copied["body"] = read(message["body"])
        messages.append(copied)
    if ours and exchange.raw_body:
        assert decode(exchange.raw_body, codings)  # ended, not cut off
    return messages


def expected(messages: list[Message], coding: str | None = None) -> list[Message]:
    """Messages as `seen` shows them; headers may be a dict of text, in which "{coding}" stands for the coding."""
    wanted: list[Message] = []
    for message in messages:
        copied = plain(message) if not isinstance(message.get("headers"), dict) else dict(message)
        if message["type"] == "http.response.start":
            headers = message["headers"]
            pairs = (
                [(name, value.format(coding=coding)) for name, value in headers.items()]
                if isinstance(headers, dict)
                else [(name.decode().lower(), value.decode("latin-1")) for name, value in copied["headers"]]
            )
            copied["headers"] = sorted(pairs)
        wanted.append(copied)
    return wanted


# The headers of an encoded answer of type text/plain, for `expected`: known whole; known in pieces; and not encoded.
ONE_SHOT = {
    "content-encoding": "{coding}",
    "content-length": "exact",
    "content-type": "text/plain",
    "vary": "Accept-Encoding",
}
IN_PIECES = {name: value for name, value in ONE_SHOT.items() if name != "content-length"}
VARIED = {"content-type": "text/plain", "vary": "Accept-Encoding"}


def ids(rows: list[Any]) -> list[str]:
    """The sentences of a table."""
    return [row[0] for row in rows]


# --- messages ---------------------------------------------------------------------------------------------------------

LENGTH = (b"content-length", b"%d" % len(TEXT))
EVENTS = [b"data: %d, and a little more of it\n\n" % number for number in range(20)]
EVENT_STREAM: Pairs = [(b"content-type", b"text/event-stream")]
HINT: Message = {"type": "http.response.early_hint", "links": [b"</a.css>; rel=preload"]}
PUSH: Message = {"type": "http.response.push", "path": "/a.css", "headers": []}
DEBUG: Message = {"type": "http.response.debug", "info": {"template": "a.html"}}
PATHSEND: Message = {"type": "http.response.pathsend", "path": "/srv/a.txt"}
ZEROCOPY: Message = {"type": "http.response.zerocopysend", "file": 7}
UNKNOWN: Message = {"type": "http.response.invented_later", "body": b"?"}
TRAILERS: Message = {"type": "http.response.trailers", "headers": [(b"x-sum", b"1")]}


def pace(make: Make, messages: list[Message], **changes: Any) -> tuple[Exchange, list[int]]:
    """Drive an app that sends these, and count after each of them how many have come out."""
    arrived: list[Any] = []
    counts: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)
            counts.append(len(arrived))

    middleware = make(app)

    async def outside(scope: Any, receive: Any, send: Any) -> None:
        async def counting(message: Any) -> None:
            arrived.append(message)
            await send(message)

        await middleware(scope, receive, counting)

    return ask(outside, **changes), counts


OFFERS: dict[str, Any] = {
    "http.response.pathsend": {},
    "http.response.zerocopysend": {},
    "http.response.trailers": {},
    "http.response.push": {},
    "http.response.debug": {"x": 1},
    "tls": {"server_cert": "x"},
}

WORDS = b"the quick brown fox jumps over the lazy dog and then some more of this and that ".split()

# --- event loops ------------------------------------------------------------------------------------------------------

LOOPS = ["asyncio", "uvloop", "trio"]
BIG = b" ".join(seeded(2).choices(WORDS, k=200_000))  # some 0.9 MB


def run(function: Callable[[], Awaitable[Any]], loop: str) -> Any:
    async def bounded() -> Any:
        with anyio.fail_after(120):
            return await function()

    if loop == "trio":
        return anyio.run(bounded, backend="trio")
    return anyio.run(bounded, backend="asyncio", backend_options={"use_uvloop": loop == "uvloop"})


class Counted:
    """Stands for the threads, and counts what is handed to them."""

    def __init__(self) -> None:
        self.calls = 0

    async def run(self, function: Callable[..., Any], *args: Any) -> Any:
        self.calls += 1
        return function(*args)


def needs_a_thread(app: App) -> bool:
    """Whether a thread is asked for, by somebody who has the whole allowance for himself."""
    threads = Counted()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "_threads", threads)
        patch.setattr(engine, "_on_the_loop", Allowance(1_000_000, lambda: 0))
        assert ask(app).error is None
    return threads.calls > 0
