"""`request_id`: the IDs that are generated, in threads and in forked processes."""

import os
import subprocess
import sys
import threading
import uuid

import pytest

from asgi_middleware import RequestIDMiddleware
from asgi_middleware.request_id.generators import Entropy

from . import apps
from .asgi import drive

FORK = hasattr(os, "fork")


def generated(count: int) -> list[str]:
    """IDs as requests get them."""
    app, scopes = apps.remembers()
    wrapped = RequestIDMiddleware(app)
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
    entropy = Entropy(lambda count: byte * count)
    assert [entropy() for _ in range(300)] == [expected] * 300


def test_every_byte_of_entropy_is_used_once() -> None:
    """Against a second implementation: the standard library's, one ID at a time."""
    asked: list[bytes] = []

    def random(count: int) -> bytes:
        asked.append(
            b"".join(number.to_bytes(2, "big") for number in range(len(asked) * 5000, len(asked) * 5000 + count // 2))
        )
        return asked[-1]

    entropy = Entropy(random)
    values = [entropy() for _ in range(512)]
    pool = b"".join(asked)
    assert len(pool) == 512 * 16
    assert sorted(values) == sorted(
        uuid.UUID(bytes=pool[start : start + 16], version=4).hex for start in range(0, len(pool), 16)
    )


def test_eight_threads_never_get_the_same_id() -> None:
    entropy = Entropy()
    given: list[list[str]] = [[] for _ in range(8)]
    ready = threading.Barrier(8)

    def take(mine: list[str]) -> None:
        ready.wait()
        mine.extend(entropy() for _ in range(20_000))

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
    values = set[str]().union(*given)
    assert len(values) == 8 * 20_000
    assert {(value[12], value[16] in "89ab", len(value)) for value in values} == {("4", True, 32)}


# In a process of its own: forking one that runs tests, and perhaps threads, is asking for trouble.
FORKING = """
import os
from asgi_middleware.request_id import RequestIDMiddleware

async def nothing(*_):
    pass

def take(count):
    values = []
    async def app(scope, receive, send):
        values.append(scope["request_id"])
    wrapped = RequestIDMiddleware(app)
    for _ in range(count):
        try:
            wrapped({"type": "http"}, nothing, nothing).send(None)
        except StopIteration:
            pass
    return values

def child():
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        os.write(writer, "".join(take(300)).encode())
        os._exit(0)
    os.close(writer)
    with open(reader) as pipe:
        text = pipe.read()
    os.waitpid(process, 0)
    return [text[start : start + 32] for start in range(0, len(text), 32)]

taken = take(1)  # so that a buffer is there to inherit
print("\\n".join([*taken, *child(), *child(), *take(300)]))
"""


@pytest.mark.skipif(not FORK, reason="this system does not fork")
def test_forked_workers_never_give_the_same_id() -> None:
    done = subprocess.run([sys.executable, "-W", "error", "-c", FORKING], capture_output=True, text=True, check=True)
    values = done.stdout.split()
    assert len(values) == 901
    assert len(set(values)) == 901
