"""A store in a database that many machines share: PostgreSQL, through SQLAlchemy.

    app = SessionMiddleware(app, secret_key, store="postgresql+asyncpg://app:password@db.example/app")

    store = SQLAlchemyStore(engine)                 # an AsyncEngine that the application has already
    await store.create_tables()                     # once; or a migration made from `store.metadata`

Two tables: one of the sessions, one of which session belongs to whom. A subject stands there as its SHA-256 digest, so
that any text will do and a copy of the table names nobody. What an operation changes it changes with one statement,
which in PostgreSQL commits itself: there is no transaction that could stay open, and how the engine isolates them does
not matter. A statement that the database gave up in favour of another one is tried again. Whoever is cancelled does not
know whether the statement had been done.

Time is the database's own. The machines that share the table may disagree about the hour, and none of their clocks
decides how long a session lives.

What has expired is as good as gone, and every new record removes two old ones, so the tables need nobody's care.
`purge` removes all that has expired at once, say before a backup.

PostgreSQL 15 with asyncpg is what this is tested with; SQLite with aiosqlite passes the same tests, and serves where a
test needs a database, while `SQLiteStore` needs no package and is faster. asyncio only, since SQLAlchemy is.
"""

import asyncio
import hashlib
import re
import secrets
from collections.abc import Coroutine, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ..._options import Options, shown
from ..._threads import to_its_end
from ...exceptions import MissingExtra
from . import Record, Updated
from .sql_statements import DIALECTS, Statements, tables

if TYPE_CHECKING:
    from sqlalchemy import Executable, MetaData
    from sqlalchemy.ext.asyncio import AsyncEngine

__all__ = ["SQLAlchemyStore"]
# serialization_failure and deadlock_detected: nothing was done, in favour of a statement that did get through.
_LOST_RACES = {"40001", "40P01"}
_TRIES = 20
_UNDEFINED_TABLE = "42P01"

# "_subjects_expires_at" is added to it, and PostgreSQL cuts names at 63.
_TABLE = re.compile(r"[a-z_][a-z0-9_]{0,39}")
_BATCH = 1000  # rows of one statement of `purge`, which holds their locks until it is done
_SWEPT = 2  # rows that go with every new one: with one, an old backlog would stay for ever

_OWNER = "SQLAlchemyStore"
_Result = TypeVar("_Result")


class SQLAlchemyStore:
    """Keeps sessions in two tables of a SQL database.

    - `engine`: an `AsyncEngine`, yours: it is never disposed of here. Where the database may be restarted, give it
      `pool_pre_ping=True`; without, the first operation after a restart fails for each pool.
    - `table`: the name of the table, up to 40 lower-case letters, digits and underscores. The other one is named
      `{table}_subjects`.

    `metadata` holds both tables, for a migration by Alembic. Used by one event loop, as its engine is.

    Raises ConfigError with every problem, MissingExtra without SQLAlchemy. Operations raise what SQLAlchemy and the
    driver raise, without the parameters, which are session data; RuntimeError where the tables are missing, and
    under trio.
    """

    metadata: "MetaData"

    def __init__(self, engine: "AsyncEngine", *, table: str = "asgi_sessions") -> None:
        options = Options(_OWNER)
        _check_engine(options, engine)
        _check_table(options, table)
        options.raise_problems()
        self._engine = engine
        self._table = table
        self._owned = False
        self._dialect = DIALECTS[engine.dialect.name]
        self._committing = engine.execution_options(**self._dialect.each)
        # Of this view of the engine alone: an error or a log that quotes the parameters would quote session data.
        self._committing.sync_engine.hide_parameters = True
        self.metadata = tables(table)
        self._statements = Statements(self.metadata, table, engine.dialect.name)

    @classmethod
    def from_url(cls, url: str, *, table: str = "asgi_sessions") -> "SQLAlchemyStore":
        """A store with an engine of its own, which `aclose` disposes of.

        `url` is SQLAlchemy's: `postgresql+asyncpg://user:password@host/name`. Nothing is opened until it is used. A
        connection that has been idle is tried before it is used, which costs one round trip. Tables that are missing
        are made.
        """
        options = Options(_OWNER)
        engine = _engine(options, url)
        _check_table(options, table)
        options.raise_problems()
        store = cls(cast("AsyncEngine", engine), table=table)
        store._owned = True
        return store

    async def create_tables(self) -> None:
        """Make the tables that are not there. Any number of processes may do so at once."""
        await self._whole(self._create_tables())

    async def _create_tables(self) -> None:
        async with self._engine.execution_options(**self._dialect.all).begin() as connection:
            await connection.exec_driver_sql(self._dialect.turn)
            await connection.run_sync(self.metadata.create_all)

    async def read(self, key: str, *, extend: int | None = None) -> Record | None:
        if extend is None:
            rows = await self._execute(self._statements.read, this=key)
        else:
            rows = await self._execute(self._statements.extend, this=key, ttl=extend)
        return Record(rows[0].data, rows[0].version) if rows else None

    async def create(self, key: str, data: bytes, ttl: int) -> bool:
        # At random, so that who has read a record that was deleted since cannot update the next one of this key.
        first = secrets.randbits(62)
        statement, sweeps = self._statements.create, self._statements.purge
        return bool(await self._execute(statement, sweeps, this=key, content=data, ttl=ttl, first=first))

    async def update(self, key: str, data: bytes, ttl: int, *, version: int) -> Updated:
        if await self._execute(self._statements.update, this=key, content=data, ttl=ttl, seen=version):
            return "ok"
        # Each answer is true of the moment of this second look: no record ever gets its old version back.
        return "conflict" if await self._execute(self._statements.read, this=key) else "gone"

    async def touch(self, key: str, ttl: int) -> bool:
        return bool(await self._execute(self._statements.touch, this=key, ttl=ttl))

    async def delete(self, key: str) -> bool:
        rows = await self._execute(self._statements.delete, this=key)
        return bool(rows and rows[0].lived)

    async def index(self, subject: str, key: str, ttl: int) -> None:
        """Remember that `key` belongs to `subject`, for `ttl` seconds and for as long as it has a record."""
        statement, sweeps = self._statements.index, self._statements.purge_subjects
        await self._execute(statement, sweeps, whose=_digest(subject), this=key, ttl=ttl)

    async def keys_of(self, subject: str) -> list[str]:
        rows = await self._execute(self._statements.keys_of, whose=_digest(subject))
        return [row.key for row in rows]

    async def purge(self) -> int:
        """Remove all that has expired, a thousand rows at a time. Says how many records that were."""
        for sweep in self._statements.purge_subjects:
            await self._purge(sweep)
        return sum([await self._purge(sweep) for sweep in self._statements.purge])

    async def aclose(self) -> None:
        """Dispose of the engine that `from_url` has made; one that was passed in is yours."""
        if self._owned:
            await self._whole(self._engine.dispose())

    def __repr__(self) -> str:
        # Neither the password nor the query, which may hold another one.
        url = self._engine.url
        return f"{_OWNER}({url.drivername}://{url.host or ''}/{url.database or ''}, table={self._table!r})"

    async def _purge(self, sweep: "Executable") -> int:
        purged = 0
        while rows := await self._execute(sweep, most=_BATCH):
            purged += len(rows)
        return purged

    async def _execute(self, statement: "Executable", sweeps: "Sequence[Executable]" = (), **values: Any) -> list[Any]:
        """The rows that one statement gives, after a little of each of `sweeps`; all of it has been committed."""
        tries = 1
        while True:
            try:
                return await self._whole(self._attempt(statement, sweeps, values))
            except Exception as error:
                state = _state(error)
                if state == _UNDEFINED_TABLE and self._owned and tries == 1:
                    await self.create_tables()
                elif state == _UNDEFINED_TABLE:
                    missing = f"the table {self._table!r} or {self._table + '_subjects'!r} is missing"
                    remedy = "await store.create_tables() once, or make a migration from store.metadata"
                    raise RuntimeError(f"{_OWNER}: {missing}; {remedy}") from error
                elif state not in _LOST_RACES or tries == _TRIES:
                    raise
            tries += 1

    async def _attempt(
        self, statement: "Executable", sweeps: "Sequence[Executable]", values: dict[str, Any]
    ) -> list[Any]:
        async with self._committing.begin() as connection:
            for sweep in sweeps:
                await connection.execute(sweep, {"most": _SWEPT})
            return list(await connection.execute(statement, values))

    async def _whole(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        """What `work` gives. It is done in a task of its own, which is cancelled once, if at all, and waited for.

        The cancellation of anyio strikes every await until its scope is left, also those that return a connection.
        """
        try:
            task = asyncio.get_running_loop().create_task(work)
        except RuntimeError:
            work.close()
            raise RuntimeError(f"{_OWNER}: works under asyncio only; under trio use SQLiteStore") from None
        return await to_its_end(task, cancels=self._dialect.cancels)


def _digest(subject: str) -> str:
    # "surrogatepass": half a character is text as well, to Python.
    return hashlib.sha256(subject.encode("utf-8", "surrogatepass")).hexdigest()


def _need_sqlalchemy(option: str) -> None:
    """Raises MissingExtra. SQLAlchemy itself asks for greenlet as late as at the first use."""
    if not (find_spec("sqlalchemy") and find_spec("greenlet")):
        raise MissingExtra(_OWNER, option, "sql", "sqlalchemy[asyncio]")


def _check_table(options: Options, table: object) -> None:
    if not isinstance(table, str) or not _TABLE.fullmatch(table):
        rule = "must be lower-case letters, digits and underscores, at most 40, and begin with no digit"
        options.problem("table", shown(table), rule, "write for example 'asgi_sessions'")


def _check_engine(options: Options, engine: object) -> None:
    _need_sqlalchemy("engine")
    from sqlalchemy import Engine
    from sqlalchemy.ext.asyncio import AsyncEngine

    if isinstance(engine, AsyncEngine):
        if engine.dialect.name not in DIALECTS:
            remedy = f"use a database of {' or '.join(DIALECTS)}"
            options.problem("engine", engine.dialect.name, "is a database that this was never tested with", remedy)
        return
    # Never the value: a URL holds a password.
    seen = type(engine).__name__
    if isinstance(engine, Engine):
        remedy = "make it with sqlalchemy.ext.asyncio.create_async_engine"
        options.problem("engine", seen, "must be an AsyncEngine, not a synchronous one", remedy)
    else:
        options.problem("engine", seen, "must be an AsyncEngine", "use SQLAlchemyStore.from_url for a URL")


def _engine(options: Options, url: object) -> "AsyncEngine | None":
    """The engine of a URL. None, and a problem without the URL, which may hold a password, if it names none."""
    _need_sqlalchemy("url")
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.ext.asyncio import create_async_engine

    example = "write for example 'postgresql+asyncpg://user:password@host/name'"
    if not isinstance(url, str):
        options.problem("url", type(url).__name__, "must be a string", example)
        return None
    try:
        return create_async_engine(url, pool_pre_ping=True, hide_parameters=True)
    except ModuleNotFoundError as error:
        options.problem("url", "", f"needs the package {error.name}", f"install it, or {example}")
    except (SQLAlchemyError, ValueError, TypeError):
        options.problem("url", "", "names no database that SQLAlchemy reaches under asyncio", example)
    return None


def _state(error: Exception) -> str:
    """The SQLSTATE of an error of the database, "" of any other."""
    cause = getattr(error, "orig", error)
    if str(cause).startswith("no such table"):  # SQLite has no states
        return _UNDEFINED_TABLE
    return getattr(cause, "sqlstate", None) or ""
