"""SQLiteStore among processes: on one file at once, forked, and killed. Each process is a script of a few lines."""

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from asgi_middleware.sessions.stores.sqlite import SQLiteStore

from .test_session_stores_memory import now

ROOT = Path(__file__).parent.parent

# What all of them begin with: the store in the file that is named first, and who counts in it.
BEGINNING = """
import os, sys, threading
import anyio
from asgi_middleware.sessions.stores import sqlite
from asgi_middleware.sessions.stores.sqlite import SQLiteStore
from tests.asgi import step

sqlite._PATIENCE = 60  # seconds: whoever is kept from the processor may keep the others waiting
store = SQLiteStore(sys.argv[1])

def now(operation):
    given = []
    async def call():
        given.append(await operation)
    step(call())
    return given[0]

async def count(key, times):
    for _ in range(times):
        seen = "conflict"
        while seen == "conflict":
            record = await store.read(key)
            seen = await store.update(key, b"%d" % (int(record.data) + 1), 600, version=record.version)

def forked(work):
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    return child

def succeeded(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""


def start(script: str, path: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "ignore", "-c", BEGINNING + script, str(path), *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def said(process: subprocess.Popen[str]) -> str:
    """What it writes until it ends well."""
    output = process.communicate(timeout=120)[0]
    assert process.returncode == 0
    return output


def at_once(processes: list[subprocess.Popen[str]]) -> None:
    """Wait until all are ready, and let them go."""
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()


READY = """
print("ready", flush=True)
sys.stdin.readline()
"""


def counted(path: Path, key: str = "a") -> bytes:
    store = SQLiteStore(path)
    record = now(store.read(key))
    now(store.aclose())
    data: bytes = record.data
    return data


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file in which `a` counts from nothing."""
    store = SQLiteStore(tmp_path / "sessions.db")
    now(store.create("a", b"0", 600))
    now(store.aclose())
    return tmp_path / "sessions.db"


def test_two_processes_lose_no_change(path: Path) -> None:
    processes = [start(READY + f"anyio.run(count, 'a', 200, backend={loop!r})", path) for loop in ("asyncio", "trio")]
    at_once(processes)
    for process in processes:
        said(process)
    assert counted(path) == b"400"


def test_processes_that_make_the_file_at_once_make_one(tmp_path: Path) -> None:
    """Six forks that wait for one word; nobody has opened the file before."""
    script = """
waiting, go = os.pipe()
def make(number):
    os.close(go)
    os.read(waiting, 1)
    assert now(store.create(str(number), b"data", 600))
    now(store.aclose())
children = [forked(lambda: make(number)) for number in range(6)]
os.close(go)
print(*map(succeeded, children))
"""
    path = tmp_path / "sessions.db"
    assert said(start(script, path)) == "True True True True True True\n"
    assert [counted(path, str(number)) for number in range(6)] == [b"data"] * 6


def test_after_a_fork_both_sides_go_on(path: Path) -> None:
    """Also in a child's child, and while the parent goes on as well."""
    script = """
now(count("a", 10))
children = [forked(lambda: [now(count("a", 50)), succeeded(forked(lambda: now(count("a", 50))))]) for _ in range(3)]
now(count("a", 50))
print(*map(succeeded, children))
"""
    assert said(start(script, path)) == "True True True\n"
    assert counted(path) == b"360"


def test_a_fork_waits_for_the_transactions_of_other_threads(path: Path) -> None:
    """No connection is open in the child, no lock of a thread that is not there, and no transaction is torn."""
    script = """
ended = threading.Event()
def forever():
    while not ended.is_set():
        now(count("a", 1))
thread = threading.Thread(target=forever)
thread.start()
def child():
    assert store._file._connection is None
    now(count("b", 1))
now(store.create("b", b"0", 600))
print(all(succeeded(forked(child)) for _ in range(20)))
ended.set()
thread.join()
"""
    assert said(start(script, path)) == "True\n"
    assert counted(path, "b") == b"20"


# What was answered last: what is there then, and what if the next step was done as well.
STEPS = {"created": (b"1" * 3000, b"2" * 3000), "updated": (b"2" * 3000, None), "deleted": (None, None)}


@pytest.mark.parametrize("lines", [1, 10, 50, 100])
def test_who_is_killed_loses_nothing_that_was_answered_and_leaves_nothing_by_halves(path: Path, lines: int) -> None:
    """SIGKILL in the middle of creates, updates and deletes; each line that it writes says what was answered."""
    script = """
import itertools
for n in itertools.count():
    key = f"{n:064x}"
    now(store.create(key, b"1" * 3000, 600))
    print("created", key, flush=True)
    now(store.update(key, b"2" * 3000, 600, version=1))
    print("updated", key, flush=True)
    if n % 2:
        now(store.delete(key))
        print("deleted", key, flush=True)
"""
    process = start(script, path)
    assert process.stdout
    assert process.stdin
    seen = [process.stdout.readline() for _ in range(lines)]
    process.kill()
    seen += process.stdout.readlines()
    process.stdin.close()
    process.stdout.close()
    assert process.wait(60) == -signal.SIGKILL

    last = {key: what for what, key in (line.split() for line in seen if line.endswith("\n"))}
    ongoing = list(last)[-1]  # its next step may have been done, and not been answered
    store = SQLiteStore(path)
    for key, what in last.items():
        record = now(store.read(key))
        found = record and record.data
        answered, next_ = STEPS[what]
        assert found == answered or (key == ongoing and found == next_), f"{what}, and then it was killed"
    now(store.aclose())
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert {len(data) for (data,) in connection.execute("SELECT data FROM sessions")} <= {1, 3000}
    connection.close()
