"""The table of memory: what one long stream takes at its highest, and what a stream takes that stays open.

    python -m tests.bench.memory

takes one job on stdin, as JSON, and answers it with a line on stdout; the table starts one such process for each row:

    {"who": "ours", "coding": "br", "document": "/tmp/document", "streams": 1000, "messages": 10, "length": 120}
    {"coding": "br", "streams": 1000, "bytes": 50331648}

`streams` are opened one after the other, each is sent `messages` of `length` bytes, cut out of the file `document`, and
then left open. `coding` is what they were really encoded with, and `bytes` what the resident memory of the process has
grown by at its highest. Without `streams` there is one, which ends.

Unlike seconds, these figures hardly depend on the machine, so they are printed as they are.
"""

import asyncio
import gc
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from asgi_middleware import CompressionMiddleware, MissingExtra

from ..asgi import App, Message
from ..serving import ROOT
from . import bodies, calls, peers, report
from .measuring import Unavailable

MIB, KIB = 2**20, 2**10

LONG = 200 * MIB
PIECE = 64 * KIB
IDLE = 1000
QUICK = 0.05  # of both
# Streams are opened until they take so much; what they take each is known long before.
MOST = 512 * MIB
# What the streams are cut from: more than any window, so that it does not repeat within one.
DOCUMENT = 5_000_000  # bytes

# The window that RFC 9659 allows, and as much again for tables: a stream takes no more, however long it is.
LONG_BUDGET = 16 * MIB
IDLE_BUDGET = 128 * KIB

MAKERS: dict[str, Callable[[App], App]] = {
    "bare": lambda app: app,
    "ours": CompressionMiddleware,
    "Starlette": peers.starlette_gzip,
    "brotli-asgi": peers.brotli_asgi,
    "starlette-compress": peers.starlette_compress,
}
WHO = (
    ("bare", "identity"),
    ("ours", "zstd"),
    ("ours", "br"),
    ("ours", "gzip"),
    ("Starlette", "gzip"),
    ("brotli-asgi", "br"),
    ("starlette-compress", "zstd"),
    ("starlette-compress", "br"),
    ("starlette-compress", "gzip"),
)

Job = Mapping[str, Any]
Found = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the table: the same `job` for everybody. The figure is in units of `unit` bytes, for each stream."""

    title: str
    job: Job
    unit: int
    budget: int  # bytes, for ours

    @property
    def unit_name(self) -> str:
        return {MIB: "MiB", KIB: "KiB"}[self.unit]


def parts(share: float = 1.0) -> list[Part]:
    """The three parts. `share`: of the length of the one stream, and of the number of the others."""
    idle = round(IDLE * share)
    length = round(LONG * share)
    return [
        Part(
            f"a stream of {length // MIB} MiB, at its highest",
            {"messages": length // PIECE, "length": PIECE, "type": "text/plain"},
            MIB,
            LONG_BUDGET,
        ),
        Part(
            f"{idle:,} idle event streams, after 10 events of 120 bytes",
            {"streams": idle, "messages": 10, "length": 120, "type": "text/event-stream"},
            KIB,
            IDLE_BUDGET,
        ),
        Part(
            f"{idle:,} idle event streams, after 256 KiB of events",
            {"streams": idle, "messages": 64, "length": 4 * KIB, "type": "text/event-stream"},
            KIB,
            IDLE_BUDGET,
        ),
    ]


def lines(part: Part, found: Mapping[tuple[str, str], Found | str]) -> list[str]:
    """A Markdown table of one part. `found`: what each process answered, or why there is none."""
    rows, left_out = [], {}
    for (who, asked), answer in found.items():
        if isinstance(answer, str):
            left_out[who] = answer
            continue
        figure = answer["bytes"] / answer["streams"]
        limit = verdict = ""
        if who == "ours":
            limit = f"{part.budget // part.unit}"
            verdict = "met" if figure <= part.budget else "missed"
        coding = answer["coding"] or "none" if asked == "identity" or answer["coding"] else f"none, asked for {asked}"
        rows.append([who, coding, f"{figure / part.unit:.1f}", limit, verdict])
    head = [part.title, "coding", part.unit_name, "at most", ""]
    return [*report.markdown(head, rows), *(f"\nLeft out: {who} ({why})" for who, why in left_out.items())]


def table(share: float = 1.0, ask: Callable[[Job], Found] | None = None) -> str:
    """The whole table. RuntimeError if a process fails."""
    text = [
        "### memory of streams",
        "Resident memory that each adds to a process of its own: no ratios, for it hardly depends on the machine.",
    ]
    with tempfile.NamedTemporaryFile() as document:
        document.write(bodies.document(DOCUMENT))
        document.flush()
        for part in parts(share):
            found: dict[tuple[str, str], Found | str] = {}
            for who, coding in WHO:
                job = {"who": who, "coding": coding, "document": document.name, **part.job}
                try:
                    found[who, coding] = (ask or _ask)(job)
                except Unavailable as error:
                    found[who, coding] = str(error)
            text.append("\n".join(lines(part, found)))
    return "\n\n".join(text)


def _ask(job: Job) -> Found:
    """The answer of a process of its own."""
    command = [sys.executable, "-m", "tests.bench.memory"]
    ended = subprocess.run(command, input=json.dumps(job), capture_output=True, text=True, cwd=ROOT, check=False)
    if ended.returncode != 0:
        raise RuntimeError(f"{job} failed:\n{ended.stderr}")
    answer: Found = json.loads(ended.stdout)
    if "unavailable" in answer:
        raise Unavailable(answer["unavailable"])
    return answer


class Source(Protocol):
    def read(self, size: int, /) -> bytes | None: ...

    def seek(self, offset: int, /) -> int: ...


class Cut:
    """Pieces of a file, which begins again where it ends. Nothing of it is kept: it would be counted."""

    def __init__(self, file: Source) -> None:
        self._file = file

    def pieces(self, number: int, length: int) -> Iterator[bytes]:
        for _ in range(number):
            piece = self._file.read(length) or b""
            if len(piece) < length:
                self._file.seek(0)
                piece = self._file.read(length) or b""
            yield piece


class Streams:
    """Opens streams of one application, and says what they take."""

    def __init__(self, make: Callable[[App], App], job: Job, cut: Cut, resident: Callable[[], int]) -> None:
        self.app = make(self._respond)
        self.job = job
        self.cut = cut
        self.resident = resident
        self.coding: str | None = None
        self.highest = 0
        self._stays_open = "streams" in job
        self._idle: asyncio.Semaphore = asyncio.Semaphore(0)
        self._end = asyncio.Event()

    async def _respond(self, scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", self.job["type"].encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for piece in self.cut.pieces(self.job["messages"], self.job["length"]):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            self._look()
        if self._stays_open:
            self._idle.release()
            await self._end.wait()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _receive(self) -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            found = [value for name, value in message["headers"] if name.lower() == b"content-encoding"]
            self.coding = found[0].decode() if found else None
        self._look()

    def _look(self) -> None:
        """At what is resident now; an encoder may send seldom, so the application looks too."""
        if not self._stays_open:
            self.highest = max(self.highest, self.resident())

    async def run(self) -> Found:
        scope = calls.request(("accept-encoding", self.job["coding"]))
        gc.collect()
        before = self.highest = self.resident()
        if not self._stays_open:
            await self.app(scope(), self._receive, self._send)
            return {"coding": self.coding, "streams": 1, "bytes": self.highest - before}
        running: list[asyncio.Task[None]] = []
        while len(running) < self.job["streams"] and self.resident() - before < MOST:
            running.append(asyncio.ensure_future(self.app(scope(), self._receive, self._send)))
            await self._idle.acquire()
        gc.collect()
        grown = self.resident() - before
        self._end.set()
        await asyncio.gather(*running)
        return {"coding": self.coding, "streams": len(running), "bytes": grown}


def resident() -> int:
    """The resident memory of this process, in bytes, as Linux tells it. Unavailable elsewhere."""
    try:
        return int(Path("/proc/self/statm").read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError as error:
        raise Unavailable(f"this system does not tell the resident memory of a process: {error}") from None


def answer(job: Job) -> Found:
    """What came of one job, in this process."""
    try:
        with Path(job["document"]).open("rb", buffering=0) as file:
            return asyncio.run(Streams(MAKERS[job["who"]], job, Cut(file), resident).run())
    except (ImportError, MissingExtra, Unavailable) as error:
        return {"unavailable": str(error)}


def main() -> None:
    sys.stdout.write(json.dumps(answer(json.loads(sys.stdin.read()))) + "\n")


if __name__ == "__main__":
    main()
