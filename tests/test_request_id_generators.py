"""`request_id`: the IDs that are generated, in threads and in forked processes."""

import os
import subprocess
import sys
import threading
import uuid
from random import Random
from typing import Any

import pytest

from asgi_middleware import RequestIDMiddleware
from asgi_middleware.request_id.generators import UUID7, Buffer, span_ids, uuids4

from . import apps
from .asgi import drive

FORK = hasattr(os, "fork")


def generated(count: int, **options: Any) -> list[str]:
    """IDs as requests get them."""
    app, scopes = apps.remembers()
    wrapped = RequestIDMiddleware(app, **options)
    for _ in range(count):
        drive(wrapped)
    return [scope["request_id"] for scope in scopes]


def test_generated_ids_are_version_4_uuids_in_hex_and_differ() -> None:
    values = generated(600)  # beyond two buffers
    parsed = [uuid.UUID(value) for value in values]
    assert {(one.version, one.variant) for one in parsed} == {(4, uuid.RFC_4122)}
    assert [one.hex for one in parsed] == values
    assert len(set(values)) == 600


@pytest.mark.parametrize(
    ("sentence", "byte", "expected"),
    [
        ("zeros", b"\x00", "00000000000040008000000000000000"),
        ("ones", b"\xff", "ffffffffffff4fffbfffffffffffffff"),
        ("in turns", b"\xa5", "a5a5a5a5a5a545a5a5a5a5a5a5a5a5a5"),
    ],
    ids=["zeros", "ones", "in turns"],
)
def test_only_version_and_variant_are_fixed(sentence: str, byte: bytes, expected: str) -> None:
    entropy = Buffer(uuids4, lambda count: byte * count)
    assert [entropy.take() for _ in range(300)] == [expected] * 300


def test_every_byte_of_entropy_is_used_once() -> None:
    """Against a second implementation: the standard library's, one ID at a time."""
    asked: list[bytes] = []

    def random(count: int) -> bytes:
        asked.append(Random(len(asked)).randbytes(count))  # noqa: S311  # repeatable on purpose
        return asked[-1]

    entropy = Buffer(uuids4, random)
    values = [entropy.take() for _ in range(512)]
    pool = b"".join(asked)
    assert len(pool) == 512 * 16
    assert sorted(values) == sorted(
        uuid.UUID(bytes=pool[start : start + 16], version=4).hex for start in range(0, len(pool), 16)
    )


@pytest.mark.parametrize(
    ("sentence", "taker"),
    [("version 4", Buffer(uuids4)), ("version 7", UUID7()), ("spans", Buffer(span_ids))],
    ids=["version 4", "version 7", "spans"],
)
def test_eight_threads_never_get_the_same_id(sentence: str, taker: Any) -> None:
    given: list[list[str]] = [[] for _ in range(8)]
    ready = threading.Barrier(8)

    def take(mine: list[str]) -> None:
        ready.wait()
        mine.extend(taker.take() for _ in range(20_000))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=take, args=(mine,)) for mine in given]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert len(set[str]().union(*given)) == 8 * 20_000


# In a process of its own: forking one that runs tests, and perhaps threads, is asking for trouble.
FORKING = """
import os
from asgi_middleware.request_id import RequestIDMiddleware

async def nothing(*_):
    pass

def take(wrapped, count):
    for _ in range(count):
        try:
            wrapped({"type": "http"}, nothing, nothing).send(None)
        except StopIteration:
            pass
    taken = list(values)
    values.clear()
    return taken

async def app(scope, receive, send):
    values.append(scope["request_id"])
    if "trace" in scope:
        values.append(scope["trace"].span_id)

def child():
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        os.write(writer, " ".join(take(wrapped, 300)).encode())
        os._exit(0)
    os.close(writer)
    with open(reader) as pipe:
        text = pipe.read()
    os.waitpid(process, 0)
    return text.split()

values = []
wrapped = RequestIDMiddleware(app, OPTIONS)
taken = take(wrapped, 1)  # so that a buffer is there to inherit
print(*taken, *child(), *child(), *take(wrapped, 300))
"""

FORKED: list[tuple[str, str, int]] = [
    ("version 4", "", 901),
    ("version 7", "generator='uuid7'", 901),
    ("version 7, on a clock that stands", "generator='uuid7', clock=lambda: 1.7e9", 901),
    ("traces and spans", "generator='trace', trace='continue'", 1802),
    ("with randomness of its own", "trace='continue', token_bytes=lambda count: os.urandom(count)", 1802),
]


@pytest.mark.skipif(not FORK, reason="this system does not fork")
@pytest.mark.parametrize(("sentence", "options", "expected"), FORKED, ids=[row[0] for row in FORKED])
def test_forked_workers_never_give_the_same_id(sentence: str, options: str, expected: int) -> None:
    program = FORKING.replace("OPTIONS", options)
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True)
    values = done.stdout.split()
    assert len(values) == expected
    assert len(set(values)) == expected


def test_the_test_of_forks_can_fail() -> None:
    """Without the emptying of buffers, the second child repeats the first."""
    program = "import os\nos.register_at_fork = lambda **_: None\n" + FORKING.replace("OPTIONS", "")
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True)
    values = done.stdout.split()
    assert (len(values), len(set(values)) < 901) == (901, True)


# UUIDs of version 7

NOW = 1_645_557_742.0  # the time of the example in RFC 9562, A.6: 0x017F22E279B0 ms


def fields_of(value: str) -> tuple[int, int, int, str]:
    """Milliseconds, version, the twelve bits behind them, and the variant's digit."""
    return int(value[:12], 16), int(value[12]), int(value[13:16], 16), value[16]


@pytest.mark.parametrize(
    ("sentence", "clock", "expected"),
    [
        ("the example of the RFC", NOW, "017f22e279b070008000000000000000"),
        ("half a millisecond later", NOW + 0.0005, "017f22e279b078008000000000000000"),
        ("a millisecond later", NOW + 0.001, "017f22e279b170008000000000000000"),
        ("the first moment", 1 / 4_096_000, "00000000000070018000000000000000"),
    ],
    ids=["the example", "half a millisecond", "a millisecond", "the first"],
)
def test_the_layout_of_version_7(sentence: str, clock: float, expected: str) -> None:
    assert UUID7(lambda: clock, bytes).take() == expected
    parsed = uuid.UUID(expected)
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)


def test_each_of_version_7_is_greater_than_the_last_whatever_the_clock_does() -> None:
    times = [NOW, NOW, NOW - 3600, NOW, NOW + 0.001, NOW + 0.0005, NOW + 1, NOW - 1e9]
    clock = iter(times)
    taker = UUID7(lambda: next(clock), lambda count: b"\xff" * count)
    values = [taker.take() for _ in times]
    assert values == sorted(set(values))
    start = int(NOW * 1000)
    assert [fields_of(value)[:3] for value in values] == [
        (start, 7, 0),
        (start, 7, 1),
        (start, 7, 2),
        (start, 7, 3),
        (start + 1, 7, 0),
        (start + 1, 7, 1),
        (start + 1000, 7, 0),
        (start + 1000, 7, 1),
    ]


def test_more_than_fit_into_a_millisecond_go_on_in_the_next() -> None:
    taker = UUID7(lambda: NOW, bytes)
    values = [taker.take() for _ in range(4097)]
    assert values == sorted(set(values))
    assert [fields_of(value)[:3] for value in values[-2:]] == [
        (int(NOW * 1000), 7, 4095),
        (int(NOW * 1000) + 1, 7, 0),
    ]


def test_all_but_time_version_and_variant_is_random() -> None:
    taker = UUID7(lambda: NOW, lambda count: b"\xff" * count)
    assert taker.take()[16:] == "bfffffffffffffff"


def test_requests_get_version_7_in_order() -> None:
    values = generated(600, generator="uuid7")
    assert values == sorted(set(values))
    assert {(uuid.UUID(value).version, uuid.UUID(value).variant) for value in values} == {(7, uuid.RFC_4122)}


def test_clock_and_randomness_can_be_given() -> None:
    given = {"clock": lambda: NOW, "token_bytes": bytes}
    assert generated(2, generator="uuid7", **given) == [
        "017f22e279b070008000000000000000",
        "017f22e279b070018000000000000000",
    ]
    assert generated(2, **given) == ["00000000000040008000000000000000"] * 2


# Spans


def test_spans_are_16_digits_and_never_all_zero() -> None:
    """All zeros are forbidden (Trace Context 2, 3.2.2.4)."""
    zeros = Buffer(span_ids, bytes)
    assert [zeros.take() for _ in range(300)] == ["0000000000000001"] * 300
    ones = Buffer(span_ids, lambda count: b"\xff" * count)
    assert ones.take() == "f" * 16
    spans = Buffer(span_ids)
    values = [spans.take() for _ in range(600)]
    assert {len(value) for value in values} == {16}
    assert len(set(values)) == 600
