"""The command line of the soak."""

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import time
import urllib.request
from typing import Any
from unittest import mock

from ..serving import PATIENCE, Server, serving
from .judging import grown, table
from .traffic import Traffic

ROUND = 250  # requests
WARM_UP = 3  # rounds, after which caches, pools and the store in memory are full
LEAST = 4  # rounds that are measured, however long they take
REST = 3  # seconds, in which the server forgets connections that were left open


def told(server: Server) -> dict[str, Any]:
    with urllib.request.urlopen(f"{server.url}/report", timeout=PATIENCE) as answer:  # noqa: S310  # our own server
        found: dict[str, Any] = json.load(answer)
        return found


def rested(server: Server, fresh: dict[str, Any]) -> dict[str, Any]:
    """What the server holds once it has no more to do than before any request, or does no less after some time."""
    best, deadline = None, 0.0
    while True:
        found = told(server)
        left = sum(max(0, found[name] - fresh[name]) for name in ("tasks", "connections"))
        if best is None or left < best:
            best, deadline = left, time.monotonic() + REST
        if not left or time.monotonic() > deadline:
            return found
        time.sleep(0.2)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--leak", action="store_true", help="an application that leaks, which must be found")
    parser.add_argument("--trace", action="store_true", help="say which lines have allocated more; slower")
    arguments = parser.parse_args()
    ends = time.monotonic() + arguments.seconds
    asked = {"SOAK_LEAKS": "1"} if arguments.leak else {}
    if arguments.trace:
        asked["PYTHONTRACEMALLOC"] = "1"
    command = (
        "uvicorn",
        "--factory",
        "tests.soak.served:app",
        "--port",
        "0",
        "--no-access-log",
        "--timeout-keep-alive",
        "1",
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.dict(os.environ, {"SOAK_FOLDER": folder, **asked}),
        serving(command) as server,
    ):
        fresh = told(server)
        traffic = Traffic(server.port, random.Random(arguments.seed))  # noqa: S311  # repeatable on purpose
        samples: list[dict[str, Any]] = []
        number = 0
        while number < WARM_UP + LEAST - 1 or time.monotonic() < ends:
            asyncio.run(traffic.round(ROUND))
            number += 1
            sample = rested(server, fresh)
            if number >= WARM_UP:
                samples.append({**sample, "requests": number * ROUND})
    print(*table(fresh, samples), sep="\n")
    print(", ".join(f"{number} {name}" for name, number in sorted(traffic.counts.items())))
    found = [*grown(fresh, samples), *traffic.failures]
    print(*(found or ["nothing has grown"]), sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
