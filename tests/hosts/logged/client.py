"""Asks a server by hand and by real clients, each request under a token of its own, and waits for the lines of it."""

import asyncio
import itertools
import socket
import ssl
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, BinaryIO

import httpx2
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from ..checks import PATIENCE, Reply
from ..servers import KINDS, Running
from .lines import Line, read

_POLL = 0.01  # seconds between two looks into a log
_numbers = itertools.count(1)
_TLS = ssl.create_default_context()  # nothing is encrypted, but each client would load all certificates anew


@dataclass(frozen=True)
class Host:
    """What a server does, whatever it serves: the loggers and words of its own lines, and what it lacks."""

    access: str  # the logger of its access line
    error: str
    socket: tuple[str, ...] = ("access",)  # its lines about a WebSocket that is accepted
    answered_error: tuple[str, ...] = ("error",)  # its lines about a crash after a complete response
    ends_silence: bool = True  # whether it answers for an application that does not
    keeps_context: bool = False  # whether a pipelined request begins in the context of the one before


_UVICORN = Host("uvicorn.access", "uvicorn.error", keeps_context=True)
HOSTS = {
    "uvicorn-h11": _UVICORN,
    "uvicorn-httptools": _UVICORN,
    "hypercorn": Host("hypercorn.access", "hypercorn.error"),
    "granian": Host("granian.access", "_granian.utils"),
    # Its own access lines go to a file, without a logger: `apps.logged_app` has one in its place.
    "daphne": Host(
        "daphne.access",
        "daphne.server",
        socket=("connecting", "connected", "disconnected"),
        ends_silence=False,
        keeps_context=True,
    ),
    "gunicorn": Host("gunicorn.access", "gunicorn.error", socket=(), answered_error=()),
}


@dataclass(frozen=True)
class Asked:
    """A request that was made, and its ID: the one that was sent along, or the one that was made for it."""

    token: str
    id: str
    reply: Reply


class Site:
    """One policy of `apps.logged_app` under one server. `asked`: the ID of each token."""

    def __init__(self, server: Running, policy: str) -> None:
        self.server = server
        self.policy = policy
        self.host = HOSTS[server.pair.kind]
        self.protocols = KINDS[server.pair.kind].protocols
        self.asked: dict[str, str] = {}

    @property
    def ours(self) -> bool:
        return self.policy in ("ours", "based", "none")

    @property
    def column(self) -> str:
        """The variable that this policy sets."""
        return "ours" if self.ours else self.policy

    def get(self, rest: str, *, given: bool = True) -> Asked:
        """One request on a connection of its own; without `given`, its ID is what the response says."""
        token = _token()
        sent = {"Connection": "close", **({"X-Request-ID": token} if given else {})}
        with httpx2.Client(base_url=self.server.url, timeout=PATIENCE, verify=_TLS) as client:
            response = client.get(self._path(token, rest), headers=sent)
        reply = _reply(response)
        return self._asked(token, reply, None if given else ", ".join(reply.header("x-request-id")))

    def pipelined(self, *rests: str) -> list[Asked]:
        """All of them sent at once, on one connection."""
        with self.open(*rests) as asked:
            return asked

    @contextmanager
    def open(self, *rests: str) -> Iterator[list[Asked]]:
        """As `pipelined`, but the connection ends later: what goes on in a request may end with it."""
        tokens = [_token() for _ in rests]
        with self._wire() as wire:
            pairs = zip(tokens, rests, strict=True)
            wire.send(*(self._request(token, rest, last=token == tokens[-1]) for token, rest in pairs))
            yield [self._asked(token, wire.read()) for token in tokens]

    def in_turn(self, *requests: tuple[str, bytes]) -> list[Asked]:
        """One after the other, on one connection, each with a body."""
        asked: list[Asked] = []
        with self._wire() as wire:
            for number, (rest, body) in enumerate(requests, 1):
                token = _token()
                wire.send(self._request(token, rest, body, last=number == len(requests)))
                asked.append(self._asked(token, wire.read()))
        return asked

    def at_once(self, rests: Sequence[str]) -> list[Asked]:
        """On connections of their own, and then in streams of one, where the server can."""
        with ThreadPoolExecutor(len(rests)) as pool:
            asked = list(pool.map(self.get, rests))
        return [*asked, *asyncio.run(self._streams(rests))] if "h2" in self.protocols else asked

    def socket(self, rest: str) -> tuple[Asked, str | None]:
        """A WebSocket: its handshake, and the first that it says."""
        token = _token()
        url = self.server.url.replace("http", "ws", 1) + self._path(token, rest)
        said = None
        try:
            with connect(url, additional_headers={"X-Request-ID": token}, open_timeout=PATIENCE) as connection:
                response: Any = connection.response
                with suppress(ConnectionClosed):
                    said = str(connection.recv(PATIENCE))
        except InvalidStatus as refused:
            response = refused.response
        lines = [(name.lower(), value) for name, value in response.headers.raw_items()]
        return self._asked(token, Reply(response.status_code, lines)), said

    def lines(self, token: str) -> list[tuple[str, Line]]:
        """The lines about a request so far, each with its word."""
        # Only those are decoded: the log is looked at often, and grows.
        printed = "\n".join(line for line in self.server.printed().splitlines() if token in line)
        return [(self.word(line), line) for line in read(printed) if line.tokens == {token}]

    def word(self, line: Line) -> str:
        """What a line is: of the server, of Django, or what the application called its own."""
        if line.logger == "daphne.access" and line.text.startswith("websocket"):
            return line.text.split()[1]
        if line.logger == self.host.error and "WebSocket /" not in line.text:
            return "error"
        if line.logger in (self.host.access, self.host.error):
            return "access"
        return "django" if line.logger == "django.request" else line.text.partition(" [")[0]

    def wait_for(self, asked: Asked, *words: str) -> list[tuple[str, str]]:
        """Wait until these lines about a request are there, which must carry its ID. All are told, with their IDs."""
        deadline = time.monotonic() + PATIENCE
        found = self.lines(asked.token)
        while not Counter(words) <= Counter(word for word, _ in found):
            assert time.monotonic() < deadline, f"{words} expected, but there is {found}"
            time.sleep(_POLL)
            found = self.lines(asked.token)
        seen = sorted((word, line.ids[self.column]) for word, line in found)
        assert {carried for word, carried in seen if word in words} <= {asked.id}, seen
        return seen

    def wait(self, asked: Asked, *words: str) -> None:
        """Wait until these lines are there. They must be all, and carry the ID."""
        assert self.wait_for(asked, *words) == sorted((word, asked.id) for word in words)

    def _asked(self, token: str, reply: Reply, made: str | None = None) -> Asked:
        self.asked[token] = token if made is None else made
        return Asked(token, self.asked[token], reply)

    def _path(self, token: str, rest: str) -> str:
        return f"/{self.policy}/{token}/{rest}"

    def _request(self, token: str, rest: str, body: bytes = b"", *, last: bool) -> bytes:
        lines = [
            f"{'POST' if body else 'GET'} {self._path(token, rest)} HTTP/1.1",
            f"Host: 127.0.0.1:{self.server.port}",
            f"X-Request-ID: {token}",
            *([f"Content-Length: {len(body)}"] if body else []),
            *(["Connection: close"] if last else []),
        ]
        return "\r\n".join([*lines, "", ""]).encode() + body

    @contextmanager
    def _wire(self) -> "Iterator[Wire]":
        with (
            socket.create_connection(("127.0.0.1", self.server.port), PATIENCE) as connection,
            connection.makefile("rb") as file,
        ):
            yield Wire(connection, file)

    async def _streams(self, rests: Sequence[str]) -> list[Asked]:
        import httpx  # type: ignore[import-not-found,unused-ignore]  # extra `hosts`

        async def ask(client: Any, token: str, rest: str) -> Asked:
            reply = _reply(await client.get(self._path(token, rest), headers={"X-Request-ID": token}))
            return self._asked(token, reply)

        async with httpx.AsyncClient(
            base_url=self.server.url, timeout=PATIENCE, verify=_TLS, http1=False, http2=True
        ) as client:
            return await asyncio.gather(*(ask(client, _token(), rest) for rest in rests))


class Wire:
    """One connection, on which requests are written by hand."""

    def __init__(self, connection: socket.socket, file: BinaryIO) -> None:
        self._connection = connection
        self._file = file

    def send(self, *requests: bytes) -> None:
        self._connection.sendall(b"".join(requests))

    def read(self) -> Reply:
        """The next response: as long as it says, or until the connection ends."""
        status = self._file.readline().split()[1]
        headers: list[tuple[str, str]] = []
        while line := self._file.readline().strip():
            name, _, value = line.decode().partition(":")
            headers.append((name.lower(), value.strip()))
        length = dict(headers).get("content-length")
        return Reply(int(status), headers, self._file.read(-1 if length is None else int(length)))


def _token() -> str:
    return f"tok-{next(_numbers)}"


def _reply(response: Any) -> Reply:
    """What either client of HTTP was told."""
    lines = [(name.decode().lower(), value.decode()) for name, value in response.headers.raw]
    return Reply(response.status_code, lines, response.content)
