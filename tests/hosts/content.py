"""What every application of this folder serves, whatever its framework: the same data, the same gated events.

GET  /json          NOTES as JSON, about 20 KB
GET  /stream        CHUNKS, without a length
GET  /events?key=   server-sent events; each one after the first waits for a GET /release?key=
GET  /visits        counts in scope["session"]
POST /echo          the body as it came
WS   /ws            echoes text, where the framework has WebSockets

Those that have a lifespan print STARTED and ENDED in it.

The applications for compression serve /json and /stream with ETAG, and at /file the file FILE with WORDS, 200 KB.
"""

import sys
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio

NOTES: list[dict[str, Any]] = [
    {"id": number, "title": f"Note {number}", "text": f"{number} pounds of coffee, and {number * 7} of rice. " * 3}
    for number in range(1, 121)
]
CHUNKS = tuple(f"line {number}: the quick brown fox jumps over the lazy dog\n".encode() for number in range(1, 201))
ETAG = '"of-the-application"'
FILE = "words.txt"
WORDS = "".join(f"{number} sheep, and then one more, make {number + 1}.\n" for number in range(5000)).encode()
STARTED, ENDED = "the lifespan has started", "the lifespan has ended"
EVENTS = tuple(f"data: {number}\n\n".encode() for number in range(1, 4))

# One gate per key, so that two clients do not open each other's.
_gates: defaultdict[str, anyio.Semaphore] = defaultdict(lambda: anyio.Semaphore(0))


async def chunks() -> AsyncIterator[bytes]:
    for chunk in CHUNKS:
        yield chunk


async def events(key: str) -> AsyncIterator[bytes]:
    """The first event at once, each further one when it is released."""
    for number, event in enumerate(EVENTS):
        if number:
            await _gates[key].acquire()
        yield event


def release(key: str) -> None:
    _gates[key].release()


def count(session: Any) -> dict[str, int]:
    """One visit more."""
    session["visits"] = session.get("visits", 0) + 1
    return {"visits": session["visits"]}


async def started(*_told: Any) -> None:
    """What a framework calls before its first request."""
    sys.stdout.write(f"{STARTED}\n")
    sys.stdout.flush()


async def ended(*_told: Any) -> None:
    """What a framework calls after its last request."""
    sys.stdout.write(f"{ENDED}\n")
    sys.stdout.flush()


@asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[None]:
    """Both, for those that take a context manager."""
    await started()
    yield
    await ended()
