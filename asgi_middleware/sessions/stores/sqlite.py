"""Sessions in a SQLite file, shared by all processes of one machine: no server, and nothing to install.

    SessionMiddleware(app, secret_key, store=SQLiteStore("/var/lib/site/sessions.db"))

The file is made on first use, readable by its owner alone, and is for sessions alone. What was answered survives the
end of the process, however sudden; a power failure can lose the last moments, logouts included. Not for network file
systems: their locks cannot be relied upon, and SQLite's log needs memory that all processes share.
"""

import contextlib
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

from ..._options import Options, shown
from ..._threads import Threads
from . import Record, Updated

_Result = TypeVar("_Result")
_Work = Callable[[sqlite3.Connection, float], _Result]  # given the time as well, as it is once nobody else can write

# How long to wait for other processes' transactions, in seconds: less than the middleware waits for a store.
_PATIENCE = 4.0
# How many expired rows each new row takes along: more than one, so that there are ever fewer. And `purge` at a time,
# so that others come in between.
_ALONG = 10
_BATCH = 1_000

# What tells our files from others, in each file's header.
_APPLICATION = 0x61736773  # "asgs"
_SCHEMA = 1

# `sessions` is no WITHOUT ROWID table, whose rows should be small; `subjects` is one.
_TABLES = f"""
CREATE TABLE sessions (key TEXT PRIMARY KEY, data BLOB NOT NULL, version INTEGER NOT NULL, expires REAL NOT NULL);
CREATE INDEX sessions_expires ON sessions (expires);
CREATE TABLE subjects (subject TEXT, key TEXT, expires REAL NOT NULL, PRIMARY KEY (subject, key)) WITHOUT ROWID;
CREATE INDEX subjects_expires ON subjects (expires);
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_SCHEMA};
"""
_READ = "SELECT data, version FROM sessions WHERE key = :key AND expires > :now"
_CREATE = """
INSERT INTO sessions (key, data, version, expires) VALUES (:key, :data, 1, :now + :ttl)
ON CONFLICT (key) DO UPDATE SET data = excluded.data, version = version + 1, expires = excluded.expires
WHERE expires <= :now
"""
_UPDATE = """
UPDATE sessions SET data = :data, version = version + 1, expires = :now + :ttl
WHERE key = :key AND version = :version AND expires > :now
"""
_TOUCH = "UPDATE sessions SET expires = :now + :ttl WHERE key = :key AND expires > :now"
_DELETE = "DELETE FROM sessions WHERE key = :key AND expires > :now"
# Subjects come as bytes, which may be no UTF-8: half a character is text as well, to Python.
_INDEX = """
INSERT INTO subjects (subject, key, expires) VALUES (CAST(:subject AS TEXT), :key, :now + :ttl)
ON CONFLICT (subject, key) DO UPDATE SET expires = max(expires, excluded.expires)
"""
_KEYS_OF = "SELECT key FROM subjects WHERE subject = CAST(:subject AS TEXT) AND expires > :now"
_EXPIRE_SESSIONS = "DELETE FROM sessions WHERE rowid IN (SELECT rowid FROM sessions WHERE expires <= :now LIMIT :most)"
_EXPIRE_SUBJECTS = """
DELETE FROM subjects WHERE (subject, key) IN (SELECT subject, key FROM subjects WHERE expires <= :now LIMIT :most)
"""

# By SQLite's primary result code.
_REMEDIES = {
    sqlite3.SQLITE_BUSY: f"another connection did not end its transaction within {_PATIENCE:g} seconds",
    sqlite3.SQLITE_NOTADB: "move it away, or give another path",
    sqlite3.SQLITE_READONLY: "let this process write to the file and its folder",
    sqlite3.SQLITE_CANTOPEN: "let this process read and write the file and its folder",
    sqlite3.SQLITE_FULL: "make room on the disk",
}


class SQLiteStore:
    """Sessions in the file `path`, whose folder must be there. `clock` gives seconds, the same in all processes.

    Nothing is opened before the first operation. Each one is one transaction, in a thread, one at a time. What has
    expired is removed along with new sessions, so `purge` need not be called; the file keeps its size.

    After `aclose` the next operation opens the file again. It is closed before a fork, and opened again on both sides.

    Raises ConfigError at construction if an option is wrong. Operations raise sqlite3.Error, or OSError where the file
    cannot be made, which say what to do: among others if the file is locked for long, or holds anything else.
    """

    def __init__(self, path: str | os.PathLike[str], *, clock: Callable[[], float] = time.time) -> None:
        options = Options("SQLiteStore")
        checked = _checked_path(options, path)
        options.function("clock", clock, optional=False, plain=True)
        options.raise_problems()
        self._file = _File(checked, clock)
        self._threads = Threads("SQLiteStore", 1)

    @classmethod
    def from_url(cls, url: str) -> "SQLiteStore":
        """The store of `sqlite:///relative.db` or `sqlite:////absolute.db`. Raises ConfigError for any other URL."""
        path = url.removeprefix("sqlite:///")
        if path == url or not path or "?" in path:
            options = Options("SQLiteStore")
            options.problem("url", shown(url), "names no file", "write 'sqlite:///sessions.db', or four slashes")
            options.raise_problems()
        return cls(path)

    async def read(self, key: str, *, extend: int | None = None) -> Record | None:
        def plain(connection: sqlite3.Connection, now: float) -> Record | None:
            row = connection.execute(_READ, {"key": key, "now": now}).fetchone()
            return None if row is None else Record(*row)

        def extending(connection: sqlite3.Connection, now: float) -> Record | None:
            connection.execute(_TOUCH, {"key": key, "now": now, "ttl": extend})
            return plain(connection, now)

        return await (self._read(plain) if extend is None else self._write(extending))

    async def create(self, key: str, data: bytes, ttl: int) -> bool:
        def work(connection: sqlite3.Connection, now: float) -> bool:
            _expire(connection, now, _ALONG)
            values = {"key": key, "data": data, "now": now, "ttl": ttl}
            return connection.execute(_CREATE, values).rowcount == 1

        return await self._write(work)

    async def update(self, key: str, data: bytes, ttl: int, *, version: int) -> Updated:
        def work(connection: sqlite3.Connection, now: float) -> Updated:
            values = {"key": key, "data": data, "now": now, "ttl": ttl, "version": version}
            if connection.execute(_UPDATE, values).rowcount == 1:
                return "ok"
            row = connection.execute(_READ, {"key": key, "now": now}).fetchone()
            return "gone" if row is None else "conflict"

        return await self._write(work)

    async def touch(self, key: str, ttl: int) -> bool:
        def work(connection: sqlite3.Connection, now: float) -> bool:
            return connection.execute(_TOUCH, {"key": key, "now": now, "ttl": ttl}).rowcount == 1

        return await self._write(work)

    async def delete(self, key: str) -> bool:
        def work(connection: sqlite3.Connection, now: float) -> bool:
            return connection.execute(_DELETE, {"key": key, "now": now}).rowcount == 1

        return await self._write(work)

    async def index(self, subject: str, key: str, ttl: int) -> None:
        def work(connection: sqlite3.Connection, now: float) -> None:
            _expire(connection, now, _ALONG)
            connection.execute(_INDEX, {"subject": _encoded(subject), "key": key, "now": now, "ttl": ttl})

        await self._write(work)

    async def keys_of(self, subject: str) -> list[str]:
        def work(connection: sqlite3.Connection, now: float) -> list[str]:
            return [key for (key,) in connection.execute(_KEYS_OF, {"subject": _encoded(subject), "now": now})]

        return await self._read(work)

    async def purge(self) -> int:
        def work(connection: sqlite3.Connection, now: float) -> tuple[int, int]:
            return _expire(connection, now, _BATCH)

        removed = 0
        while True:
            batch = await self._write(work)
            removed += batch[0]
            if max(batch) < _BATCH:
                return removed

    async def aclose(self) -> None:
        await self._threads.run(self._file.close)

    async def _read(self, work: _Work[_Result]) -> _Result:
        return await self._threads.run(self._file.transact, "BEGIN", work)

    async def _write(self, work: _Work[_Result]) -> _Result:
        # IMMEDIATE: the lock is taken, and waited for, at the start; SQLite does not wait where a read becomes a write.
        return await self._threads.run(self._file.transact, "BEGIN IMMEDIATE", work)


def _checked_path(options: Options, path: Any) -> str:
    """The absolute path, so that a change of folder does not change the file."""
    if not isinstance(path, (str, os.PathLike)):
        options.problem("path", shown(path), "must be the path of a file", "write for example 'sessions.db'")
        return ""
    text = options.text("path", os.fspath(path), example="'sessions.db'")
    if text == ":memory:":
        options.problem("path", repr(text), "names no file", "use MemoryStore(), or the path of a file")
        return ""
    absolute = os.path.abspath(text)
    if text and os.path.isdir(absolute):
        options.problem("path", repr(text), "is a folder", "add the name of a file in it")
    elif text and not os.path.isdir(os.path.dirname(absolute)):
        options.problem("path", repr(text), "is in a folder that does not exist", "make the folder first")
    return absolute


def _encoded(subject: str) -> bytes:
    return subject.encode(errors="surrogatepass")


def _expire(connection: sqlite3.Connection, now: float, most: int) -> tuple[int, int]:
    """Remove what has expired, at most so many rows of each table. How many they were."""
    values = {"now": now, "most": most}
    sessions = connection.execute(_EXPIRE_SESSIONS, values).rowcount
    return sessions, connection.execute(_EXPIRE_SUBJECTS, values).rowcount


class _File:
    """This process's one connection to the file: opened when it is first used, and used by one thread at a time."""

    def __init__(self, path: str, clock: Callable[[], float]) -> None:
        self.lock = threading.Lock()  # the threads of several event loops
        self._path = path
        self._clock = clock
        self._connection: sqlite3.Connection | None = None
        with _forking:
            _files.add(self)

    def transact(self, begin: str, work: _Work[_Result]) -> _Result:
        """What `work` gives, done wholly or, if it raises, not at all."""
        with self.lock:
            try:
                if self._connection is None:
                    self._connection = _opened(self._path)
                with self._connection as connection:  # which ends the transaction
                    connection.execute(begin)
                    return work(connection, self._clock())
            except sqlite3.Error as error:
                code = _code(error)
                if code != sqlite3.SQLITE_BUSY:
                    self.let_go()  # and look at the file afresh next time, when it may have been mended
                remedy = f"; {_REMEDIES[code]}" if code in _REMEDIES else ""
                raise type(error)(f"SQLiteStore, {self._path}: {error}{remedy}") from error

    def close(self) -> None:
        with self.lock:
            self.let_go()

    def let_go(self) -> None:
        """Close it, by whoever holds the lock."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code; 0 if it is not SQLite that complains."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _opened(path: str) -> sqlite3.Connection:
    # SQLite would make it readable for all. Its other files get the mode of this one.
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    connection = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
    try:
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            if not _is_ours(connection):
                for statement in _TABLES.split(";"):
                    connection.execute(statement)
        _log_ahead(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _is_ours(connection: sqlite3.Connection) -> bool:
    """Whether the file has our tables. False if it is empty, sqlite3.DatabaseError if it has anything else."""
    ((application,),) = connection.execute("PRAGMA application_id")
    ((schema,),) = connection.execute("PRAGMA user_version")
    ((tables,),) = connection.execute("SELECT count(*) FROM sqlite_master")
    if application == _APPLICATION:
        if schema != _SCHEMA:
            raise sqlite3.DatabaseError(
                f"the file has schema {schema}, and this version of asgi_middleware reads schema {_SCHEMA}; "
                "move it away, which logs everybody out"
            )
        return True
    if application or schema or tables:
        raise sqlite3.DatabaseError("the file holds something else than sessions; give another path")
    return False


def _log_ahead(connection: sqlite3.Connection) -> None:
    """A write-ahead log: readers and the writer do not wait for each other, and a commit not for the disk."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            break
        except sqlite3.OperationalError as error:  # SQLite does not wait here for others who do the same
            if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.005)
    connection.execute("PRAGMA synchronous = NORMAL")


# SQLite's locks do not survive a fork, not even for a connection that the child opens afresh (sqlite.org/howtocorrupt,
# 2.6), so no connection may be open, nor be opened, while a process forks.
_forking = threading.Lock()
_files: weakref.WeakSet[_File] = weakref.WeakSet()
_held: list[_File] = []


def _before_fork() -> None:
    _forking.acquire()
    for file in _files:
        _held.append(file)
        file.lock.acquire()
        file.let_go()


def _after_fork() -> None:
    while _held:
        _held.pop().lock.release()
    _forking.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
