"""The servers: how each is started on a free port, awaited, and stopped. Each runs as its own process.

`Fleet` starts those that will be needed next while the present one is being tested.
"""

import atexit
import functools
import importlib.metadata
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tests.serving import ROOT

READY = 60.0  # seconds until a server counts as not coming up
STOPPED = 20.0  # seconds until one that was asked to stop is killed
_POLL = 0.05  # seconds between two looks
_AHEAD = 3  # how many servers start while one is tested: more would only share the two cores


@dataclass(frozen=True)
class Kind:
    """One way of serving: its package, and the arguments of `python -m` for a target and a port.

    `scheme` is that of the URL by which its protocols are spoken; that it is up is seen over plain HTTP/1.1.
    """

    package: str
    command: Callable[[str, int], list[str]]
    protocols: tuple[str, ...] = ("h1",)
    scheme: str = "http"


def _uvicorn(parser: str) -> Callable[[str, int], list[str]]:
    return lambda target, port: ["uvicorn", "--http", parser, "--host", "127.0.0.1", "--port", str(port), target]


@functools.cache
def _certified() -> list[str]:
    """A certificate for as long as this process lives."""
    from .http3 import certificate

    folder = Path(tempfile.mkdtemp(prefix="certificate-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    file, key = certificate(folder)
    return ["--certfile", str(file), "--keyfile", str(key)]


def _over_quic(target: str, port: int) -> list[str]:
    """HTTP/3 on the UDP port of that number. Some port besides has TLS, since there is no HTTP/3 without it."""
    here = f"127.0.0.1:{port}"
    binds = ["--bind", "127.0.0.1:0", "--insecure-bind", here, "--quic-bind", here]
    return ["hypercorn", *binds, *_certified(), target]


KINDS: dict[str, Kind] = {
    "uvicorn-h11": Kind("uvicorn", _uvicorn("h11")),
    "uvicorn-httptools": Kind("uvicorn", _uvicorn("httptools")),
    # HTTP/2 in clear text, with prior knowledge, on the same port
    "hypercorn": Kind(
        "hypercorn", lambda target, port: ["hypercorn", "--bind", f"127.0.0.1:{port}", target], ("h1", "h2")
    ),
    "granian": Kind(
        "granian",
        lambda target, port: ["granian", "--interface", "asgi", "--host", "127.0.0.1", "--port", str(port), target],
        ("h1", "h2"),
    ),
    "daphne": Kind("daphne", lambda target, port: ["daphne", "-b", "127.0.0.1", "-p", str(port), target]),
    "gunicorn": Kind(
        "gunicorn",
        lambda target, port: ["gunicorn", "-k", "asgi", "--no-control-socket", "-b", f"127.0.0.1:{port}", target],
    ),
}

# Besides those: another protocol, and another event loop.
HTTP3: dict[str, Kind] = {"hypercorn-h3": Kind("hypercorn", _over_quic, ("h3",), "https")}
TRIO: dict[str, Kind] = {
    "hypercorn-trio": Kind(
        "hypercorn",
        lambda target, port: ["hypercorn", "--worker-class", "trio", "--bind", f"127.0.0.1:{port}", target],
        ("h1", "h2"),
    )
}
ALL = {**KINDS, **HTTP3, **TRIO}


# What a server can be pointed at, and the package that it needs: the modules of `apps`, and the faults.
APPS = ("raw", "starlette", "django", "litestar", "quart", "sanic", "fastapi", "falcon", "blacksheep", "channels")
_NEEDED = {
    **{app: app for app in APPS[1:]},
    "databases": "databases",
    "sse": "sse_starlette",
    "strawberry": "strawberry",
    "channels_session": "channels",
    "datasette": "datasette",
    "broken": "django",
    "starlette_files": "starlette",
    "django_gzip": "django",
    "sanic_files": "sanic",
}


class Pair(NamedTuple):
    """What one process serves: a server, an application, and the stack around it."""

    kind: str
    app: str
    stack: str = "six"

    def missing(self) -> str | None:
        """The package that this needs and that is not installed."""
        of_kind = "aioquic" if self.kind in HTTP3 else "trio" if self.kind in TRIO else None
        needed = (ALL[self.kind].package, _NEEDED.get(self.app), of_kind)
        return next((package for package in needed if package and importlib.util.find_spec(package) is None), None)


def version(package: str) -> str:
    """A package's version, or what stands for one that has none."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "-"


class Running:
    """A server that is up: `url`, `port`, and what it has printed."""

    def __init__(self, pair: Pair, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
        self.pair = pair
        self.port = port
        self.url = f"{ALL[pair.kind].scheme}://127.0.0.1:{port}"
        self._process = process
        self._log = log

    def printed(self) -> str:
        return self._log.read_text(errors="replace")

    def alive(self) -> bool:
        return self._process.poll() is None

    def answers(self) -> bool:
        """Whether an HTTP response comes back. A socket that merely listens may have no application behind it yet."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                connection.settimeout(READY)
                connection.sendall(b"GET /ready HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
                return connection.recv(5) == b"HTTP/"
        except OSError:
            return False

    def stop(self) -> None:
        """Ask the server to stop, and wait until it and its workers have."""
        if self.alive():
            self._process.terminate()
        try:
            self._process.wait(STOPPED)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def start(
    pair: Pair,
    folder: Path,
    *,
    command: Callable[[int], list[str]] | None = None,
    environment: Mapping[str, str] | None = None,
    python: str | Path = sys.executable,
) -> Running:
    """A running server. RuntimeError with all that it printed, if it does not come up.

    `command`: the arguments of `python -m` for a port, where they are not the kind's own for `served`. `environment`:
    what is told to it besides. `python`: the interpreter, where it is not this one.
    """
    log = folder / f"{'-'.join(pair)}.log"
    printed = ""
    # Two tries: between finding a free port and binding it, somebody else may take it.
    for _ in range(2):
        port = _free_port()
        words = ALL[pair.kind].command("tests.hosts.served:app", port) if command is None else command(port)
        running = _launch(pair, port, log, [str(python), "-m", *words], environment or {})
        if _comes_up(running):
            return running
        running.stop()
        printed += running.printed()
    raise RuntimeError(f"{pair} did not come up:\n{printed}")


def _comes_up(running: Running) -> bool:
    deadline = time.monotonic() + READY
    while running.alive() and time.monotonic() < deadline:
        # Whoever else may have taken the port answers too, but then our own process ends.
        if running.answers() and running.alive():
            return True
        time.sleep(_POLL)
    return False


def _launch(pair: Pair, port: int, log: Path, words: list[str], more: Mapping[str, str]) -> Running:
    told = {"HOSTS_APP": pair.app, "HOSTS_STACK": pair.stack, "HOSTS_FOLDER": str(log.parent), **more}
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", **told}
    with log.open("wb") as output:
        process = subprocess.Popen(
            words,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env=environment,
            start_new_session=True,  # so that workers can be killed with their master
        )
    return Running(pair, port, process, log)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Fleet:
    """Servers by pair. `order` is the order in which they are going to be the current one."""

    def __init__(self, folder: Path, order: Iterable[Pair]) -> None:
        self._folder = folder
        self._order = list(dict.fromkeys(order))
        self._servers: dict[Pair, Future[Running]] = {}
        self._ended: dict[Pair, Future[Running]] = {}
        self._current: Pair | None = None  # which may have been stopped since
        self._pool = ThreadPoolExecutor(_AHEAD)

    def begin(self, pair: Pair) -> Future[Running]:
        """Start the pair's server, and do not wait for it."""
        if pair not in self._servers:
            self._servers[pair] = self._pool.submit(start, pair, self._folder)
        return self._servers[pair]

    def get(self, pair: Pair) -> Running:
        """The pair's server, which then runs until the end."""
        return self.begin(pair).result()

    def current(self, pair: Pair) -> Running:
        """The pair's server, which runs until another pair becomes the current one; the next ones start behind it."""
        if self._current not in (None, pair) and self._current in self._servers:
            self._stop(self._current)
        self._current = pair
        self._begin_from(pair)
        return self.get(pair)

    def ended(self, pair: Pair) -> Running:
        """The pair's server when it has stopped, for what it printed."""
        if pair not in self._ended:
            self._begin_from(pair)
            self.begin(pair)
            self._stop(pair)
        return self._ended[pair].result()

    def close(self) -> None:
        """Stop all, and wait until they have. Raises what any of them failed with."""
        for pair, server in list(self._servers.items()):
            if server.exception() is None:  # what did not come up was stopped at once, and told to who asked for it
                self._stop(pair)
        self._pool.shutdown()
        for ended in self._ended.values():
            ended.result()

    def _begin_from(self, pair: Pair) -> None:
        """Start those that are going to be needed from this one on and have not been yet."""
        place = self._order.index(pair)
        for each in self._order[place : place + 1 + _AHEAD]:
            if each not in self._ended and each.missing() is None:
                self.begin(each)

    def _stop(self, pair: Pair) -> None:
        server = self._servers.pop(pair)

        def stopped() -> Running:
            running = server.result()
            running.stop()
            return running

        self._ended[pair] = self._pool.submit(stopped)
