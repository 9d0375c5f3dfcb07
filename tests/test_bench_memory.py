"""The table of memory, on made-up figures and small streams; the whole of it is measured by the command alone."""

import asyncio
import io
import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from asgi_middleware import CompressionMiddleware

from .bench import memory
from .bench.measuring import Unavailable
from .bench.memory import KIB, MIB, Cut, Part, Streams
from .serving import ROOT

PART = Part("3 streams", {"streams": 3, "messages": 2, "length": 5, "type": "text/event-stream"}, KIB, 128 * KIB)


def growing(*megabytes: int) -> Callable[[], int]:
    """A resident memory that is made up: these, one after the other, then the last again."""
    left = list(megabytes)
    return lambda: (left.pop(0) if len(left) > 1 else left[0]) * MIB


def run(job: dict[str, Any], resident: Callable[[], int]) -> memory.Found:
    cut = Cut(io.BytesIO(b"0123456789" * 100))

    async def main() -> memory.Found:
        return await Streams(partial(CompressionMiddleware, codings=["gzip"]), job, cut, resident).run()

    return asyncio.run(main())


def test_a_document_begins_again_where_it_ends() -> None:
    assert list(Cut(io.BytesIO(b"abcdefg")).pieces(4, 3)) == [b"abc", b"def", b"abc", b"def"]


def test_a_stream_counts_at_its_highest() -> None:
    job = {"messages": 3, "length": 10, "type": "text/plain", "coding": "gzip"}
    assert run(job, growing(20, 21, 29, 23)) == {"coding": "gzip", "streams": 1, "bytes": 9 * MIB}


def test_idle_streams_count_while_all_of_them_are_open() -> None:
    job = {**PART.job, "coding": "gzip"}
    assert run(job, growing(20, 20, 21, 22, 26, 90)) == {"coding": "gzip", "streams": 3, "bytes": 6 * MIB}


def test_no_more_streams_are_opened_than_there_is_room_for() -> None:
    job = {**PART.job, "coding": "identity", "streams": 1000}
    steps = count(0, 200)
    assert run(job, lambda: next(steps) * MIB) == {"coding": None, "streams": 2, "bytes": 800 * MIB}


def test_each_part_is_for_all_and_a_share_of_it_is_smaller() -> None:
    whole, quick = memory.parts(), memory.parts(memory.QUICK)
    assert [part.title for part in whole] == [
        "a stream of 200 MiB, at its highest",
        "1,000 idle event streams, after 10 events of 120 bytes",
        "1,000 idle event streams, after 256 KiB of events",
    ]
    assert [part.job["messages"] * part.job["length"] for part in whole] == [200 * MIB, 1200, 256 * KIB]
    assert quick[0].job["messages"] * quick[0].job["length"] == 10 * MIB
    assert [part.job.get("streams") for part in quick] == [None, 50, 50]
    assert {who for who, _ in memory.WHO} == set(memory.MAKERS)


def test_a_table_shows_the_figures_and_ours_beside_their_budget() -> None:
    def taking(streams: int, kilobytes: int, coding: str | None = None) -> memory.Found:
        return {"coding": coding, "streams": streams, "bytes": streams * kilobytes * KIB}

    found: dict[tuple[str, str], memory.Found | str] = {
        ("bare", "identity"): taking(3, 1),
        ("ours", "zstd"): taking(3, 128, "zstd"),
        ("ours", "br"): taking(2, 129, "br"),
        ("Starlette", "gzip"): taking(3, 5),
        ("brotli-asgi", "br"): "No module named 'brotli_asgi'",
    }
    assert memory.lines(PART, found) == [
        "| 3 streams | coding | KiB | at most |  |",
        "|---|---:|---:|---:|---:|",
        "| bare | none | 1.0 |  |  |",
        "| ours | zstd | 128.0 | 128 | met |",
        "| ours | br | 129.0 | 128 | missed |",
        "| Starlette | none, asked for gzip | 5.0 |  |  |",
        "\nLeft out: brotli-asgi (No module named 'brotli_asgi')",
    ]


def test_the_table_asks_a_process_for_each_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "DOCUMENT", 1000)
    jobs: list[memory.Job] = []

    def ask(job: memory.Job) -> memory.Found:
        jobs.append(job)
        assert Path(job["document"]).stat().st_size >= memory.DOCUMENT
        if job["who"] == "Starlette":
            raise Unavailable("it is not there")
        return {"coding": job["coding"], "streams": job.get("streams", 1), "bytes": 0}

    text = memory.table(0.05, ask)
    assert [(job["who"], job["coding"]) for job in jobs] == [*memory.WHO] * 3
    assert text.count("Left out: Starlette (it is not there)") == 3
    assert text.count(" | met |") == 9


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc: resident memory is not told here")
def test_a_process_answers_a_job(tmp_path: Path) -> None:
    document = tmp_path / "document"
    document.write_bytes(b"0123456789" * 100)
    job = {**PART.job, "streams": 2, "who": "ours", "coding": "gzip", "document": str(document)}
    command = [sys.executable, "-m", "tests.bench.memory"]
    ended = subprocess.run(command, input=json.dumps(job), capture_output=True, text=True, cwd=ROOT, check=True)
    answer = json.loads(ended.stdout)
    assert answer.pop("bytes") >= 0
    assert answer == {"coding": "gzip", "streams": 2}


def test_what_cannot_be_asked_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A package that is not there leaves a row out; anything else is a failure of the table."""

    def absent(app: object) -> Any:
        raise ImportError("No module named 'nobody'")

    monkeypatch.setitem(memory.MAKERS, "nobody", absent)
    document = tmp_path / "document"
    document.write_bytes(b"0123456789")
    assert memory.answer({**PART.job, "who": "nobody", "coding": "br", "document": str(document)}) == {
        "unavailable": "No module named 'nobody'"
    }
    monkeypatch.setattr(memory, "DOCUMENT", 1000)
    with pytest.raises(RuntimeError, match="KeyError: 'stranger'"):
        memory.table(0.05, lambda job: memory._ask({**job, "who": "stranger"}))
