"""SQLiteStore: its file, its locks, its errors, several processes; what all stores do is in their own file."""

import contextlib
import os
import sqlite3
import stat
import threading
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from asgi_middleware import ConfigError
from asgi_middleware.sessions.stores import IndexedStore, sqlite
from asgi_middleware.sessions.stores.sqlite import SQLiteStore
from asgi_middleware.sessions.testing import check_store

from .test_session_stores import LOOPS, Clock
from .test_session_stores_memory import now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    store = SQLiteStore(path)
    yield store
    now(store.aclose())


def rows(path: Path) -> tuple[int, int]:
    """How many rows the two tables have, the expired included."""
    connection = sqlite3.connect(path)
    ((sessions, subjects),) = connection.execute(
        "SELECT (SELECT count(*) FROM sessions), (SELECT count(*) FROM subjects)"
    )
    connection.close()
    return sessions, subjects


# --- construction ----------------------------------------------------------------------------------------------------

WRONG: list[tuple[str, dict[str, Any], list[str]]] = [
    ("memory", {"path": ":memory:"}, ["path: ':memory:': names no file; use MemoryStore(), or the path of a file"]),
    ("nothing", {"path": ""}, ["path: '': must be a string that is not empty; write 'sessions.db'"]),
    ("bytes", {"path": b"a.db"}, ["path: b'a.db': must be the path of a file; write for example 'sessions.db'"]),
    ("half a string", {"path": "a\x00.db"}, [r"path: 'a\x00.db': has control characters; leave them out"]),
    ("a folder", {"path": "/"}, ["path: '/': is a folder; add the name of a file in it"]),
    (
        "no folder, and no clock",
        {"path": "/nowhere/a.db", "clock": None},
        [
            "path: '/nowhere/a.db': is in a folder that does not exist; make the folder first",
            "clock: None: must be a function; pass a callable, or leave the option out",
        ],
    ),
]


@pytest.mark.parametrize(("sentence", "options", "problems"), WRONG, ids=[row[0] for row in WRONG])
def test_wrong_options_are_refused(sentence: str, options: dict[str, Any], problems: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        SQLiteStore(**options)
    assert (caught.value.owner, [str(each) for each in caught.value.problems]) == ("SQLiteStore", problems)


def test_construction_opens_nothing_and_neither_does_closing(path: Path) -> None:
    before = threading.active_count()
    now(SQLiteStore(path).aclose())
    assert os.listdir(path.parent) == []
    assert threading.active_count() == before


def test_a_change_of_folder_does_not_change_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = SQLiteStore("sessions.db")
    monkeypatch.chdir("/")
    assert now(store.create("a", b"", 60))
    now(store.aclose())
    assert os.listdir(tmp_path) == ["sessions.db"]


def test_it_has_an_index(store: SQLiteStore) -> None:
    assert isinstance(store, IndexedStore)


# --- the file --------------------------------------------------------------------------------------------------------


def test_only_its_owner_can_read_the_files(path: Path, store: SQLiteStore) -> None:
    before = os.umask(0)
    try:
        now(store.create("a", b"", 60))
    finally:
        os.umask(before)
    modes = {file.name: oct(stat.S_IMODE(file.stat().st_mode)) for file in path.parent.iterdir()}
    assert modes == dict.fromkeys(["sessions.db", "sessions.db-wal", "sessions.db-shm"], "0o600")


def test_a_file_that_is_there_keeps_its_mode(path: Path, store: SQLiteStore) -> None:
    path.touch()
    path.chmod(0o660)
    now(store.create("a", b"", 60))
    assert stat.S_IMODE(path.stat().st_mode) == 0o660


def test_it_can_be_used_again_after_it_was_closed(path: Path, store: SQLiteStore) -> None:
    now(store.create("a", b"data", 60))
    for _ in range(2):
        now(store.aclose())
    assert os.listdir(path.parent) == ["sessions.db"], "the log is part of the file again"
    assert now(store.read("a")).data == b"data"


def not_a_database(path: Path) -> None:
    path.write_bytes(b"This is a letter, and no database. " * 100)


def of_something_else(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE invoices (number INTEGER)")
    connection.close()


def of_another_version(path: Path) -> None:
    now((store := SQLiteStore(path)).create("a", b"", 60))
    now(store.aclose())
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 7")
    connection.close()


def a_folder(path: Path) -> None:
    path.mkdir()


ANOTHER_VERSION = (
    "the file has schema 7, and this version of asgi_middleware reads schema 1; move it away, which logs everybody out"
)

# What is at the path by the time of the first operation, and what that says.
UNUSABLE = [
    (not_a_database, "file is not a database; move it away, or give another path"),
    (of_something_else, "the file holds something else than sessions; give another path"),
    (of_another_version, ANOTHER_VERSION),
    (a_folder, "unable to open database file; let this process read and write the file and its folder"),
]


@pytest.mark.parametrize(("put", "message"), UNUSABLE, ids=[row[0].__name__ for row in UNUSABLE])
def test_what_is_wrong_with_the_file_is_said_and_nothing_is_changed(path: Path, put: Any, message: str) -> None:
    store = SQLiteStore(path)
    put(path)
    before = path.read_bytes() if path.is_file() else None
    for _ in range(2):
        with pytest.raises(sqlite3.Error) as caught:
            now(store.read("a"))
        assert str(caught.value) == f"SQLiteStore, {path}: {message}"
    assert (path.read_bytes() if path.is_file() else None) == before
    if path.is_file():
        path.unlink()
        assert now(store.create("a", b"", 60)), "once it is mended, it works"
    now(store.aclose())


# --- locks -----------------------------------------------------------------------------------------------------------


def test_a_locked_file_is_waited_for_and_then_said(
    path: Path, store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_PATIENCE", 0.05)
    now(store.create("a", b"data", 60))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError) as caught:
        now(store.delete("a"))
    assert str(caught.value) == (
        f"SQLiteStore, {path}: database is locked; another connection did not end its transaction within 4 seconds"
    )
    assert now(store.read("a")).data == b"data", "who reads waits for nobody"
    other.execute("ROLLBACK")
    assert now(store.delete("a"))
    other.close()


@pytest.mark.parametrize("loop", LOOPS)
def test_who_waits_for_the_lock_goes_on_once_it_is_free(path: Path, loop: str) -> None:
    async def main() -> None:
        store = SQLiteStore(path)
        await store.create("a", b"data", 60)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        async with anyio.create_task_group() as group:
            group.start_soon(store.touch, "a", 60)
            await anyio.wait_all_tasks_blocked()
            other.execute("COMMIT")
        other.close()
        await store.aclose()

    anyio.run(main, backend=loop)


def test_the_time_is_taken_once_the_lock_is_there(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What expires while somebody waits for the lock has expired."""
    monkeypatch.setattr(sqlite, "_PATIENCE", 0.01)
    taken: list[float] = []

    def clock() -> float:
        taken.append(0.0)
        return 0.0

    store = SQLiteStore(path, clock=clock)
    now(store.create("a", b"", 60))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError):
        now(store.touch("a", 60))
    assert len(taken) == 1
    other.close()
    now(store.aclose())


@pytest.mark.parametrize("released", [True, False])
def test_who_opens_it_waits_for_others_who_do(path: Path, released: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where SQLite says at once that the file is locked, as it does to several who start the log."""
    monkeypatch.setattr(sqlite, "_PATIENCE", 60 if released else 0.01)
    opened, other = (sqlite3.connect(path, isolation_level=None, timeout=0) for _ in range(2))
    other.execute("BEGIN")
    other.execute("SELECT * FROM sqlite_master").fetchall()
    monkeypatch.setattr("time.sleep", lambda seconds: released and other.execute("ROLLBACK"))
    with contextlib.nullcontext() if released else pytest.raises(sqlite3.OperationalError, match="database is locked"):
        sqlite._log_ahead(opened)
    assert opened.execute("PRAGMA journal_mode").fetchall() == [("wal" if released else "delete",)]
    opened.close()
    other.close()


def nothing_open(path: Path) -> bool:
    """Whether another connection can write at once."""
    other = sqlite3.connect(path, isolation_level=None, timeout=0)
    other.execute("BEGIN IMMEDIATE")
    other.close()
    return True


@pytest.mark.parametrize("loop", LOOPS)
def test_who_is_cancelled_leaves_no_transaction_and_no_thread(path: Path, loop: str) -> None:
    """Whether it waits for its turn, or for another process's lock."""

    async def main() -> None:
        store = SQLiteStore(path)
        await store.create("a", b"data", 60)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(store.touch, "a", 60)
            await anyio.wait_all_tasks_blocked()
            group.cancel_scope.cancel()
            other.execute("COMMIT")
        assert not store._file.lock.locked()
        assert nothing_open(path)
        assert await store.delete("a")
        other.close()
        await store.aclose()

    anyio.run(main, backend=loop)


def test_whatever_is_raised_in_a_transaction_undoes_it(path: Path) -> None:
    def broken_clock() -> float:
        if threading.current_thread() is threading.main_thread():
            raise ZeroDivisionError
        return 0.0

    store = SQLiteStore(path, clock=broken_clock)
    with pytest.raises(ZeroDivisionError):
        now(store.create("a", b"", 60))
    assert rows(path) == (0, 0)
    assert nothing_open(path)
    now(store.aclose())


def test_threads_with_loops_of_their_own_take_turns(path: Path, store: SQLiteStore) -> None:
    now(store.create("a", b"0", 60))

    async def count() -> None:
        for _ in range(25):
            seen = "conflict"
            while seen == "conflict":
                record: Any = await store.read("a")
                seen = await store.update("a", b"%d" % (int(record.data) + 1), 60, version=record.version)

    threads = [threading.Thread(target=anyio.run, args=(count,), kwargs={"backend": loop}) for loop in LOOPS * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert now(store.read("a")).data == b"100"


def test_under_uvloop(path: Path) -> None:
    clock = Clock()
    store = SQLiteStore(path, clock=clock)
    anyio.run(check_store, store, clock.advance, backend_options={"use_uvloop": True})


# --- what has expired ------------------------------------------------------------------------------------------------


def test_the_file_does_not_grow_for_ever(path: Path) -> None:
    """Each new row takes up to ten expired ones along, so there are little more than live at a time."""
    clock = Clock()
    store = SQLiteStore(path, clock=clock)
    for number in range(1_000):
        now(store.index("ada", str(number), 10))
        now(store.create(str(number), bytes(2_000), 10))
        clock.advance(0.1)  # a hundred live at a time
        if number % 100 == 99:
            clock.advance(10)  # and here none
        if number % 50 == 49:
            assert max(rows(path)) <= 101
    now(store.aclose())
    assert path.stat().st_size < 2 * 100 * 2_000


@pytest.mark.parametrize(("batch", "label"), [(1_000, "in one go"), (5, "in several"), (20, "in just one, to the row")])
def test_purge_removes_what_has_expired_and_counts_the_records(
    path: Path, batch: int, label: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_BATCH", batch)
    clock = Clock()
    store = SQLiteStore(path, clock=clock)
    for number in range(20):
        now(store.create(f"short {number}", b"", 10))
        now(store.create(f"long {number}", b"", 60))
        now(store.index("ada", f"short {number}", 10))
    now(store.index("ada", "long 0", 60))
    assert now(store.purge()) == 0
    clock.advance(10)
    assert rows(path) == (40, 21)
    assert [now(store.purge()) for _ in range(2)] == [20, 0]
    assert rows(path) == (20, 1)
    assert now(store.keys_of("ada")) == ["long 0"]
    now(store.aclose())


def test_it_needs_no_event_loop_and_no_thread(store: SQLiteStore) -> None:
    before = threading.active_count()
    operations: list[Awaitable[Any]] = [store.create("a", b"", 60), store.read("a"), store.touch("a", 60)]
    assert [bool(now(operation)) for operation in operations] == [True] * 3
    assert threading.active_count() == before
