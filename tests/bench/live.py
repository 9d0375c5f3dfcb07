"""The tables under uvicorn: each variant a server process of its own, and a process that asks them in turn.

A sample is the wall clock's time for each answer. Under load that is what the server can do, as long as the asking
process is not the limit; where it was, the table is not made. Beside it stands the server's processor time for each
answer, which a busy machine disturbs far less.
"""

import importlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from ..serving import ROOT, Server, serving
from . import calls, served
from .measuring import Row, Sample, Scene, Unavailable, Variant

SECONDS = 0.3  # of one sample; see measuring.py on why short
CONNECTIONS = 16
PROBES = 100  # answers to who asks beside them: of fewer, nobody can say what one in a hundred waits
READERS = 8  # of the page, beside one who asks for the small answer
BUSY = 0.9  # the part of the time from which on the asking process is the limit

Client = tuple[int, str, Mapping[str, str], str]
HEADERS = dict(calls.BROWSER)


class Limit(RuntimeError):
    """The asking process was busy all the time, so what was measured is itself."""


def per_answer(result: dict[str, Any]) -> float:
    """Seconds for each answer to the first kind of client."""
    return float(result["seconds"]) / answers(result)


def answers(result: dict[str, Any]) -> int:
    return int(result["kinds"][0]["answers"])


def slow_probe(result: dict[str, Any]) -> float:
    """The 99th percentile, in seconds, of what the second kind of client waited."""
    return float(result["kinds"][1]["p99"])


class Servers:
    """The servers of one table, idle while they are not asked, and the process that asks them."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._running: dict[str, Server] = {}
        self._asking = stack.enter_context(_asking())

    def _server(self, name: str) -> Server:
        """The server of `served.<name>`. ImportError if a package is missing for it."""
        if name not in self._running:
            importlib.import_module("uvicorn")
            getattr(served, name)()
            command = ["uvicorn", "--factory", f"tests.bench.served:{name}", "--port", "0", "--no-access-log"]
            self._running[name] = self._stack.enter_context(serving(command))
        return self._running[name]

    def _ask(self, port: int, clients: list[Client], least: int = 1) -> dict[str, Any]:
        """One sample of load, as load.py prints it."""
        questions, printed = self._asking.stdin, self._asking.stdout
        assert questions is not None
        assert printed is not None
        job = {"port": port, "seconds": SECONDS, "clients": clients, "least": least}
        questions.write(json.dumps(job) + "\n")
        questions.flush()
        line = printed.readline()
        if not line:
            raise RuntimeError("the asking process has ended; what it printed stands above")
        result: dict[str, Any] = json.loads(line)
        if result["busy"] > BUSY:
            raise Limit(f"the asking process was busy for {result['busy']:.0%} of the time")
        return result

    def asked(
        self,
        name: str,
        clients: list[Client],
        seconds: Callable[[dict[str, Any]], float] = per_answer,
        base: str | None = None,
        least: int = 1,
    ) -> Variant:
        def make() -> Sample:
            port = self._server(name).port
            return lambda: seconds(self._ask(port, clients, least))

        return Variant(make, base)

    def worked(self, name: str, clients: list[Client], base: str | None = None) -> Variant:
        """The server's processor time for each answer."""

        def make() -> Sample:
            server = self._server(name)

            def sample() -> float:
                before = processor_seconds(server.process.pid)
                result = self._ask(server.port, clients)
                return (processor_seconds(server.process.pid) - before) / answers(result)

            processor_seconds(server.process.pid)
            return sample

        return Variant(make, base)


def processor_seconds(pid: int) -> float:
    """What the main thread of another process has worked, as Linux tells it. Unavailable elsewhere."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    except OSError as error:
        raise Unavailable(f"this system does not tell the processor time of another process: {error}") from None


@contextmanager
def _asking() -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "tests.bench.load"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    with process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def requests() -> Iterator[Scene]:
    """Requests per second of the small answer."""
    with ExitStack() as stack:
        servers = Servers(stack)
        clients: list[Client] = [(CONNECTIONS, "/", HEADERS, "")]
        variants: dict[str, Variant] = {}
        for who, name in (
            ("bare", "bare"),
            ("six empty wrappers", "empty"),
            ("ours", "ours"),
            ("the peers' six", "six"),
        ):
            is_bare = name == "bare"
            variants[who] = servers.asked(name, clients, base=None if is_bare else "bare")
            variants[f"{who}: work"] = servers.worked(name, clients, base=None if is_bare else "bare: work")
        yield Scene(
            "requests under uvicorn",
            variants,
            [
                Row("six middlewares, and in ours errors: time added to an answer", "ours", "the peers' six", 0.4),
                Row("the same: processor time of the server", "ours: work", "the peers' six: work", 0.4),
            ],
            rounds=12,
        )


@contextmanager
def each() -> Iterator[Scene]:
    """What one middleware adds to the processor time of an answer."""
    with ExitStack() as stack:
        servers = Servers(stack)
        clients: list[Client] = [(CONNECTIONS, "/", HEADERS, "")]
        variants = {"bare": servers.worked("bare", clients)}
        rows: list[Row] = []
        for word, (_, peer, _) in served.EACH.items():
            variants[f"ours: {word}"] = servers.worked(f"ours_{word}", clients, base="bare")
            variants[f"{peer}: {word}"] = servers.worked(f"peer_{word}", clients, base="bare")
            rows.append(Row(f"{word}: processor time added to an answer", f"ours: {word}", f"{peer}: {word}"))
        yield Scene("each alone under uvicorn", variants, rows, rounds=12)


@contextmanager
def pages() -> Iterator[Scene]:
    """Pages of 110 KB per second, and how long a small answer takes beside them."""
    with ExitStack() as stack:
        servers = Servers(stack)
        variants: dict[str, Variant] = {}
        for who, name, coding in (
            ("Starlette", "pages_starlette", "gzip"),
            ("ours", "pages_ours", "zstd"),
            ("ours", "pages_ours", "br"),
            ("ours", "pages_ours", "gzip"),
        ):
            readers: Client = (
                READERS,
                served.PAGE,
                {**HEADERS, "accept-encoding": coding},
                f"content-encoding: {coding}",
            )
            probe: Client = (1, "/", HEADERS, "")
            variants[f"{who}: {coding}"] = servers.asked(name, [readers])
            variants[f"{who}: beside {coding}"] = servers.asked(name, [readers, probe], slow_probe, least=PROBES)
        rows = [
            Row(f"a page of 110 KB with {coding}: its time", f"ours: {coding}", "Starlette: gzip", limit)
            for coding, limit in (("zstd", 0.25), ("br", 0.5), ("gzip", None))
        ]
        rows += [
            Row(
                f"beside pages with {coding}: the slowest hundredth of small answers",
                f"ours: beside {coding}",
                "Starlette: beside gzip",
                0.2,
            )
            for coding in ("zstd", "br", "gzip")
        ]
        yield Scene("pages under uvicorn", variants, rows, rounds=4)
