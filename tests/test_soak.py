"""The soak: what it takes for growth, and that a leak is found by it. `python -m tests.soak` is the soak itself."""

import subprocess
import sys
from typing import Any

import pytest

from .serving import ROOT
from .soak.judging import grown, slope

FRESH: dict[str, Any] = {"blocks": 100_000, "tasks": 3, "connections": 1, "descriptors": 17, "threads": 1, "kinds": {}}


def rounds(*blocks: int, **last: int) -> list[dict[str, Any]]:
    """Samples after every 1,000 requests; `last` is what the last one has."""
    samples = [{**FRESH, "requests": 1_000 * number, "blocks": each} for number, each in enumerate(blocks, 1)]
    return [*samples[:-1], {**samples[-1], **last}]


ROWS: list[tuple[str, list[dict[str, Any]], list[str]]] = [
    ("nothing", rounds(120_000, 120_000, 120_000), []),
    ("what comes and goes", rounds(120_000, 120_190, 120_010, 120_200), []),
    ("one round stands out", rounds(120_000, 190_000, 120_010, 120_020, 120_000), []),
    ("it shrinks", rounds(120_000, 110_000, 90_000), []),
    ("idle threads, and SQLite's files", rounds(120_000, 120_000, threads=13, descriptors=20), []),
    ("an object for each request", rounds(120_000, 121_000, 122_000), ["blocks of memory: +1000"]),
    ("an object for every fifth, in a short run", rounds(120_000, 120_200, 120_400), []),
    ("and in a longer one", rounds(*range(120_000, 124_000, 200)), ["blocks of memory: +200"]),
    ("a task", rounds(120_000, 120_000, tasks=4), ["tasks: 4, and 3 before"]),
    ("a connection", rounds(120_000, 120_000, connections=2), ["connections: 2"]),
    ("a descriptor", rounds(120_000, 120_000, descriptors=21), ["descriptors: 21"]),
    ("threads", rounds(120_000, 120_000, threads=14), ["threads: 14"]),
]


@pytest.mark.parametrize(("sentence", "samples", "expected"), ROWS, ids=[row[0] for row in ROWS])
def test_what_counts_as_growth(sentence: str, samples: list[dict[str, Any]], expected: list[str]) -> None:
    found = grown(FRESH, samples)
    assert [text.startswith(begin) for text, begin in zip(found, expected, strict=True)] == [True] * len(expected)


def test_the_slope_is_for_each_thousand_requests() -> None:
    assert slope([1_000, 2_000, 4_000], [10, 20, 40]) == 10
    assert slope([0, 500], [0, 1]) == 2


@pytest.mark.hosts
def test_an_application_that_leaks_is_found() -> None:
    command = [sys.executable, "-m", "tests.soak", "--seconds", "1", "--leak"]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert ended.returncode == 1
    for what in ("blocks of memory: +", "tasks: ", "descriptors: ", "threads: "):
        assert f"\n{what}" in ended.stdout
