"""What has grown, from what the server said after each round."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from statistics import median
from typing import Any

# A leak of one object for each request is 1,000 and more.
BLOCKS = 100.0  # for each 1,000 requests
# What comes and goes by itself: SQLite's connection, for one, lists its last 200 cursors.
BLOCKS_OF_EITHER_END = 250.0
# What is there from the first requests on: SQLite's three files, idle threads.
SPARE = {"tasks": 0, "connections": 0, "descriptors": 3, "threads": 12}

Sample = Mapping[str, Any]


def slope(requests: Sequence[int], values: Sequence[float]) -> float:
    """How much is added by 1,000 requests: the median of the slopes between all pairs (Theil and Sen).

    One round that stands out does not move it, as it would move a regression.
    """
    points = list(zip(requests, values, strict=True))
    return 1_000 * median((w - v) / (m - n) for (n, v), (m, w) in combinations(points, 2))


def grown(fresh: Sample, samples: Sequence[Sample]) -> list[str]:
    """What has grown; a longer run sees smaller slopes.

    `fresh`: before any request; `samples`: after each round, with `requests` so far.
    """
    found: list[str] = []
    requests = [each["requests"] for each in samples]
    added = slope(requests, [each["blocks"] for each in samples])
    if added > BLOCKS + 1_000 * BLOCKS_OF_EITHER_END / (requests[-1] - requests[0]):
        found.append(f"blocks of memory: {added:+.0f} for each 1,000 requests; most of them: {kinds(samples)}")
    for name, spare in SPARE.items():
        last = samples[-1][name]
        if last > fresh[name] + spare:
            found.append(f"{name}: {last}, and {fresh[name]} before the first request")
    return found


def kinds(samples: Sequence[Sample]) -> str:
    """The kinds of objects that there are more of, or the lines that have allocated more."""
    before, after = samples[0]["kinds"], samples[-1]["kinds"]
    more = {name: number - before.get(name, 0) for name, number in after.items() if number > before.get(name, 0)}
    first = sorted(more.items(), key=lambda item: -item[1])[:8]
    return ", ".join(f"{name} {number:+}" for name, number in first)


def table(fresh: Sample, samples: Sequence[Sample]) -> list[str]:
    columns = ("requests", "blocks", *SPARE)
    rows = [{**fresh, "requests": 0}, *samples]
    shown = [columns, *(tuple(f"{row[name]:,}" for name in columns) for row in rows)]
    return ["  ".join(f"{cell:>11}" for cell in row) for row in shown]
