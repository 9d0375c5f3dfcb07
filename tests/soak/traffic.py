"""The clients of the soak: raw sockets, so that they may do what no well-meant client does. Seeded."""

import asyncio
import base64
import contextlib
import os
import random
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field

from .served import SECRET

PATIENCE = 60  # seconds for one answer
CLIENTS = 16  # at once
STORES = ("memory", "sqlite")
CODINGS = ("gzip", "br", "zstd", "identity", "zstd;q=0.5, *;q=0.1", "gzip;q=0", "\xff;;,q=")
HOSTILE = (
    "cookie: session=" + "a" * 8_000,
    "cookie: " + "; ".join(f"session={n}.b.c" for n in range(200)),
    "cookie: \xff=\xfe; session=\xff\xff; ;;=",
    "origin: https://" + "a" * 4_000,
    "origin: null\r\naccess-control-request-method: \xff",
    "origin: https://app.example.com\r\naccess-control-request-headers: " + "x," * 2_000,
    "authorization: Bearer " + "a" * 4_000,
    "authorization: Bearer e30.e30.e30",
    "authorization: Basic \xff\xff",
    "accept-encoding: " + ",".join(["gzip;q=0.001"] * 500),
    "x-request-id: \xff" + "x" * 500,
    "traceparent: 00-" + "f" * 2_000,
    "tracestate: " + "a=1," * 500,
    "accept: " + "*/*;q=2," * 500,
)


@dataclass
class Traffic:
    """`counts` says how often each kind of request was made, by its name."""

    port: int
    rng: random.Random
    counts: Counter[str] = field(default_factory=Counter)
    cookies: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    async def round(self, requests: int) -> None:
        """So many requests, several at once, to their end."""
        waiting = iter([self.rng.choices(KINDS, WEIGHTS)[0] for _ in range(requests)])

        async def client() -> None:
            for kind in waiting:
                self.counts[kind.__name__] += 1
                try:
                    await asyncio.wait_for(kind(self), PATIENCE)
                except TimeoutError:
                    self.failures.append(f"{kind.__name__} got no answer within {PATIENCE} seconds")
                except (OSError, EOFError):
                    pass  # the server may close as soon as it has had enough

        async with asyncio.TaskGroup() as group:
            for _ in range(CLIENTS):
                group.create_task(client())

    def head(self, path: str, *lines: str, method: str = "GET") -> bytes:
        sent = [
            f"{method} /{self.rng.choice(STORES)}/{path} HTTP/1.1",
            "host: localhost",
            f"accept-encoding: {self.rng.choice(CODINGS)}",
            *lines,
        ]
        if self.cookies and self.rng.random() < 0.7:
            sent.append(f"cookie: session={self.rng.choice(self.cookies)}")
        if self.rng.random() < 0.3:
            sent.append("origin: https://app.example.com")
        return "\r\n".join([*sent, "", ""]).encode("latin-1")

    def notice(self, answer: bytes) -> None:
        """Keep the cookie that was set; a few are enough, old and new."""
        _, found, rest = answer.partition(b"set-cookie: session=")
        value = rest.partition(b";")[0].decode("latin-1")
        if found and value != "null":
            self.cookies.append(value)
            del self.cookies[:-50]

    @contextlib.asynccontextmanager
    async def connected(
        self, *, abort: bool = False
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield reader, writer
        finally:
            if abort:  # a reset, in place of a farewell
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def whole(self, *requests: bytes) -> None:
        """Ask, on one connection, and read each answer to its end."""
        async with self.connected() as (reader, writer):
            for request in requests[:-1]:
                writer.write(request)
                head = await reader.readuntil(b"\r\n\r\n")
                self.notice(head)
                await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0))
            writer.write(requests[-1].replace(b"\r\n", b"\r\nconnection: close\r\n", 1))
            self.notice(await reader.read())


Kind = Callable[[Traffic], Awaitable[None]]


async def pages(traffic: Traffic) -> None:
    await traffic.whole(*[traffic.head("page") for _ in range(traffic.rng.randrange(1, 5))])


async def big_pages(traffic: Traffic) -> None:
    await traffic.whole(traffic.head("big"))


async def streams(traffic: Traffic) -> None:
    await traffic.whole(traffic.head("stream"))


async def heads(traffic: Traffic) -> None:
    await traffic.whole(traffic.head(traffic.rng.choice(("page", "big")), method="HEAD"))


async def visits(traffic: Traffic) -> None:
    way = traffic.rng.choice(("", "", "?login", "?save", "?logout"))
    await traffic.whole(traffic.head(f"visit{way}"))


async def crashes(traffic: Traffic) -> None:
    await traffic.whole(traffic.head(traffic.rng.choice(("crash", "crash?late"))))


async def preflights(traffic: Traffic) -> None:
    await traffic.whole(
        traffic.head("page", "origin: https://app.example.com", "access-control-request-method: PUT", method="OPTIONS")
    )


async def logins(traffic: Traffic) -> None:
    from jose import jwt

    token = jwt.encode({"sub": "ada", "iss": "issuer", "aud": "audience", "exp": 4_000_000_000}, SECRET)
    await traffic.whole(traffic.head("page", f"authorization: Bearer {token}"))


async def hostile(traffic: Traffic) -> None:
    await traffic.whole(traffic.head("visit", *traffic.rng.sample(HOSTILE, 2)))


async def uploads(traffic: Traffic) -> None:
    data = b"x" * traffic.rng.randrange(100_000)
    await traffic.whole(traffic.head("upload", f"content-length: {len(data)}", method="POST") + data)


async def aborted(traffic: Traffic) -> None:
    """Goes away in the middle of the answer, or before it."""
    async with traffic.connected(abort=traffic.rng.random() < 0.7) as (reader, writer):
        writer.write(traffic.head(traffic.rng.choice(("stream", "big", "waits", "visit", "upload"))))
        await writer.drain()
        if traffic.rng.random() < 0.7:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(reader.read(traffic.rng.randrange(1, 4_000)), 0.01)


async def halves(traffic: Traffic) -> None:
    """Sends half a head, or half a body."""
    head = traffic.head("upload", "content-length: 100000", method="POST")
    async with traffic.connected(abort=traffic.rng.random() < 0.5) as (_, writer):
        writer.write(head[: traffic.rng.randrange(len(head))] if traffic.rng.random() < 0.5 else head + b"x" * 5_000)
        await writer.drain()


async def sockets(traffic: Traffic) -> None:
    """A WebSocket that is talked to, denied, crashes, or is left in the middle of it."""
    way = traffic.rng.choice(("", "", "?deny", "?crash"))
    key = base64.b64encode(os.urandom(16)).decode()
    lines = ("upgrade: websocket", "connection: upgrade", f"sec-websocket-key: {key}", "sec-websocket-version: 13")
    async with traffic.connected(abort=traffic.rng.random() < 0.5) as (reader, writer):
        writer.write(traffic.head(f"socket{way}", *lines))
        await writer.drain()
        if traffic.rng.random() < 0.2:
            return  # before it is accepted
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 101 " not in head.partition(b"\r\n")[0]:
            return
        for frame in frames(traffic.rng):
            writer.write(frame)
            await writer.drain()
            await reader.read(100)


def frames(rng: random.Random) -> Iterator[bytes]:
    """Text frames, masked with zeros (RFC 6455, 5.3), and sometimes a close frame."""
    for _ in range(rng.randrange(4)):
        yield b"\x81\x85\0\0\0\0hello"
    if rng.random() < 0.5:
        yield b"\x88\x82\0\0\0\0\x03\xe8"


KINDS: list[Kind] = [
    pages,
    big_pages,
    streams,
    heads,
    visits,
    crashes,
    preflights,
    logins,
    hostile,
    uploads,
    aborted,
    halves,
    sockets,
]
WEIGHTS = (10, 3, 4, 4, 12, 5, 3, 3, 6, 3, 12, 5, 10)
