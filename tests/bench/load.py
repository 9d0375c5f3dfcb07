"""Asks servers on loopback as fast as they answer, and prints how fast that was.

    python -m tests.bench.load

Takes one job per line on stdin, as JSON, and answers each with a line on stdout:

    {"port": 8080, "seconds": 1, "clients": [[16, "/", {"accept": "*/*"}, ""]]}
    {"seconds": 1.003, "busy": 0.41, "kinds": [{"answers": 9311, "p99": 0.0027}]}

Raw sockets with keep-alive, one request at a time on each. `clients`: how many connections, path, headers, and a text
that the head of every answer must hold. `p99` is what one in a hundred waited longer than, in seconds. `busy` is the
part of the time in which this process was busy: near 1, it and not the server was the limit. With `least`, it goes on
after `seconds` until every kind has got so many answers: a percentile needs some.
"""

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Callable
from typing import Any, cast


class Client(asyncio.Protocol):
    """One connection that asks again and again, until it is `over`."""

    def __init__(self, question: bytes, expected: bytes, over: Callable[[float], bool], waits: list[float]) -> None:
        self._question = question
        self._expected = expected
        self._over = over
        self._waits = waits
        self._answer = bytearray()
        self._length = 0  # of the whole answer; 0 while its head is not here
        self._began = 0.0
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def _ask(self) -> None:
        self._answer.clear()
        self._length = 0
        self._began = time.perf_counter()
        self._transport.write(self._question)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if not self._length:
            end = self._answer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self._answer[:end]).lower()
            if not head.startswith(b"http/1.1 200") or self._expected not in head:
                self._end(RuntimeError(f"an answer without {self._expected!r}: {head!r}"))
                return
            self._length = end + 4 + int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(self._answer) < self._length:
            return
        now = time.perf_counter()
        self._waits.append(now - self._began)
        if self._over(now):
            self._end(None)
        else:
            self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc or ConnectionError("the server closed the connection"))

    def _end(self, error: Exception | None) -> None:
        self._transport.close()
        if self.closed.done():
            return
        if error is None:
            self.closed.set_result(None)
        else:
            self.closed.set_exception(error)


# Beyond the time of a job, for what was asked last, and for the least that must be answered.
PATIENCE = 120  # seconds


async def load(port: int, seconds: float, clients: list[Any], least: int = 1) -> dict[str, Any]:
    began, busy = time.perf_counter(), time.process_time()
    kinds: list[list[float]] = [[] for _ in clients]

    def over(now: float) -> bool:
        return now >= began + seconds and all(len(waits) >= least for waits in kinds)

    running: list[asyncio.Future[None]] = []
    for waits, (count, path, headers, expected) in zip(kinds, clients, strict=True):
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        question = "\r\n".join(lines).encode("latin-1")
        for _ in range(count):
            client = Client(question, expected.encode(), over, waits)
            running.append(client.closed)
            await _connect(client, port)
    await asyncio.wait_for(asyncio.gather(*running), seconds + PATIENCE)
    took = time.perf_counter() - began
    return {
        "seconds": took,
        "busy": (time.process_time() - busy) / took,
        "kinds": [{"answers": len(waits), "p99": percentile(waits, 0.99)} for waits in kinds],
    }


async def _connect(client: Client, port: int) -> None:
    await asyncio.get_running_loop().create_connection(lambda: client, "127.0.0.1", port)


def percentile(values: list[float], part: float) -> float:
    """The value below which `part` of the values are."""
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def main() -> None:
    new_loop = None
    with contextlib.suppress(ImportError):
        import uvloop

        new_loop = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=new_loop) as runner:
        for line in sys.stdin:
            result = runner.run(load(**json.loads(line)))
            sys.stdout.write(json.dumps(result) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
