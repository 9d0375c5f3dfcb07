"""`SQLAlchemyStore`: its tables, what has expired, a server that goes away, and what is refused."""

import sys
from collections.abc import Callable
from typing import Any

import anyio
import anyio.to_thread
import pytest
import trio
from sqlalchemy import create_engine, event
from sqlalchemy.ext.asyncio import create_async_engine

from asgi_middleware import ConfigError, MissingExtra
from asgi_middleware.sessions.stores import sql
from asgi_middleware.sessions.stores.sql import SQLAlchemyStore

from . import postgres_server
from .postgres_server import PASSWORD, Postgres
from .sql_databases import KEY, LONG, OPERATIONS, OTHER, Opened, opened, until

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


# Tables


async def test_tables_that_are_made_at_once_are_made_once(database: str) -> None:
    async with opened(database) as one:
        for _ in range(3):
            await one.execute("DROP TABLE {table}")
            await one.execute("DROP TABLE {subjects}")
            async with anyio.create_task_group() as group:
                for _ in range(4):
                    group.start_soon(one.store.create_tables)
        assert await one.store.create(KEY, b"kept", LONG)
        await one.store.create_tables()
        assert await one.counts() == (1, 0)


async def test_who_may_not_create_tables_finds_those_that_are_there(postgresql: Postgres) -> None:
    async with opened(postgresql.url()) as one:
        await one.execute("CREATE ROLE web LOGIN PASSWORD 'web'")
        await one.execute("GRANT ALL ON {table}, {subjects} TO web")
        store = SQLAlchemyStore.from_url(postgresql.url().replace(f"ada:{PASSWORD}", "web:web"), table=one.table)
        await store.create_tables()
        assert await store.create(KEY, b"kept", LONG)
        await store.aclose()


async def test_missing_tables_are_named_with_the_remedy(database: str) -> None:
    engine = create_async_engine(database)
    store = SQLAlchemyStore(engine, table="nowhere")
    for operation in (store.read(KEY), store.create(KEY, b"", 1), store.index("ada", KEY, 1), store.purge()):
        with pytest.raises(RuntimeError) as raised:
            await operation
        assert str(raised.value) == (
            "SQLAlchemyStore: the table 'nowhere' or 'nowhere_subjects' is missing; "
            "await store.create_tables() once, or make a migration from store.metadata"
        )
    await engine.dispose()
    assert sorted(store.metadata.tables) == ["nowhere", "nowhere_subjects"]


async def test_a_store_that_was_named_by_its_url_makes_its_tables(database: str) -> None:
    for operation in ("read", "create"):
        store = SQLAlchemyStore.from_url(database, table=f"made_by_{operation}")
        if operation == "read":
            assert await store.read(KEY) is None
        assert await store.create(KEY, b"kept", LONG)
        assert await store.read(KEY) is not None
        await store.aclose()


# What has expired


async def test_purge_goes_in_batches(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "_BATCH", 10)
    async with opened(database) as one:
        for number in range(27):
            await one.store.create(f"{number:064}", b"", LONG)
            await one.store.index("ada", f"{number:064}", LONG)
        await one.advance(2 * LONG)
        batches: list[int] = []

        def executed(_connection: Any, cursor: Any, statement: str, *_: Any) -> None:
            if "DELETE FROM" in statement:
                batches.append(cursor.rowcount)

        event.listen(one.engine.sync_engine, "after_cursor_execute", executed)
        assert await one.store.purge() == 27
        assert await one.counts() == (0, 0)
        assert len(batches) == 8


async def test_purge_waits_for_nobody(postgresql: Postgres) -> None:
    async with opened(postgresql.url()) as one:
        for key in (KEY, OTHER):
            await one.store.create(key, b"", LONG)
        await one.advance(2 * LONG)
        async with one.engine.connect() as holder:
            await one.on(holder, "SELECT key FROM {table} WHERE key = :key FOR UPDATE", key=KEY)
            with anyio.fail_after(60):
                assert await one.store.purge() == 1
        assert await one.store.purge() == 1


async def test_every_new_row_takes_two_old_ones_with_it(database: str) -> None:
    async with opened(database) as one:
        for number in range(5):
            await one.store.create(f"{number:064}", b"", LONG)
            await one.store.index("ada", f"{number:064}", LONG)
        await one.advance(2 * LONG)
        seen = []
        for key in (KEY, OTHER):
            await one.store.create(key, b"", LONG)
            await one.store.index("bob", key, LONG)
            seen.append(await one.counts())
        assert seen == [(4, 4), (3, 3)]


async def test_a_list_shows_a_session_for_as_long_as_it_lives(database: str) -> None:
    async with opened(database) as one:
        await one.store.index("ada", KEY, LONG)
        await one.store.create(KEY, b"", LONG)
        await one.store.touch(KEY, 10 * LONG)
        await one.advance(2 * LONG)
        seen = [await one.store.keys_of("ada")]
        await one.store.purge()
        seen.append(await one.store.keys_of("ada"))
        await one.advance(9 * LONG)
        seen.append(await one.store.keys_of("ada"))
        assert seen == [[KEY], [KEY], []]
        assert (await one.store.purge(), await one.counts()) == (1, (0, 0))


async def test_half_a_character_is_a_subject_as_well(database: str) -> None:
    async with opened(database) as one:
        for subject, key in (("ada\udc80", KEY), ("ada", OTHER)):
            await one.store.index(subject, key, LONG)
        assert [await one.store.keys_of(subject) for subject in ("ada\udc80", "ada\udc81")] == [[KEY], []]


# The server


async def test_a_store_outlives_its_server(postgresql: Postgres) -> None:
    async with opened(postgresql.url()) as one:
        store, unused = (SQLAlchemyStore.from_url(postgresql.url(), table=one.table) for _ in range(2))
        await store.create(KEY, b"kept", LONG)
        await unused.read(KEY)
        await one.store.read(KEY)
        await anyio.to_thread.run_sync(postgresql.kill)
        try:
            for name, operation in OPERATIONS.items():
                with pytest.raises(Exception) as raised:  # noqa: PT011  # the driver's, whatever it is
                    await operation(store, 1)
                assert PASSWORD not in str(raised.value), name
        finally:
            await anyio.to_thread.run_sync(postgresql.start)
        record = await store.read(KEY)
        assert (record and record.data, await store.touch(KEY, LONG)) == (b"kept", True)
        assert await unused.read(KEY) == record, "its connections are tried before they are used"
        for each in (store, unused):
            await each.aclose()
        # An engine that does not try its connections before it uses them finds out by one failure.
        with pytest.raises(Exception, match="connection"):
            await one.store.read(KEY)
        assert await one.store.read(KEY) == record


async def test_errors_and_repr_hide_data_and_password(postgresql: Postgres) -> None:
    read_only = {"connect_args": {"server_settings": {"default_transaction_read_only": "on"}}}
    async with opened(postgresql.url()) as one:
        store = SQLAlchemyStore(create_async_engine(postgresql.url(), **read_only), table=one.table)
        with pytest.raises(Exception, match="read-only transaction") as raised:
            await store.update(KEY, b"my secret", LONG, version=1)
        await store._engine.dispose()
    assert KEY not in str(raised.value)
    assert "secret" not in str(raised.value)
    wrong = SQLAlchemyStore.from_url(postgresql.url(password="my-secret"))
    with pytest.raises(Exception, match="password authentication failed") as raised:
        await wrong.read(KEY)
    assert "secret" not in str(raised.value)
    other = SQLAlchemyStore.from_url("postgresql+asyncpg://ada:secret@db.example/app?password=secret")
    assert repr(other) == "SQLAlchemyStore(postgresql+asyncpg://db.example/app, table='asgi_sessions')"


async def test_it_closes_what_it_has_opened(postgresql: Postgres) -> None:
    async def connections(one: Opened) -> int:
        query = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
        return int((await one.execute(query))[0][0])

    async def is_one(one: Opened) -> bool:
        return await connections(one) == 1

    async with opened(postgresql.url()) as one:
        await until(lambda: is_one(one))
        store = SQLAlchemyStore.from_url(postgresql.url(), table=one.table)
        await store.read(KEY)
        assert await connections(one) == 2
        await store.aclose()
        await until(lambda: is_one(one))
        await one.store.aclose()
        assert one.engine.pool.checkedin() == 1  # type: ignore[attr-defined]  # of a queue


def test_under_trio_it_says_what_to_use() -> None:
    store = SQLAlchemyStore.from_url("postgresql+asyncpg://db.example/app")
    for operation in (lambda: store.read(KEY), store.create_tables, store.aclose):
        with pytest.raises(RuntimeError, match="works under asyncio only; under trio use SQLiteStore"):
            trio.run(operation)


# Refusals

TABLE = "must be lower-case letters, digits and underscores, at most 40, and begin with no digit"
URL = "write for example 'postgresql+asyncpg://user:password@host/name'"
NO_DATABASE = f"url: names no database that SQLAlchemy reaches under asyncio; {URL}"
SYNCHRONOUS = "must be an AsyncEngine, not a synchronous one; make it with sqlalchemy.ext.asyncio.create_async_engine"
SECRET = "postgresql+asyncpg://ada:secret@db.example/app"
REFUSALS: list[tuple[str, Callable[[], object], list[str]]] = [
    (
        "a URL where an engine is meant",
        lambda: SQLAlchemyStore(SECRET),  # type: ignore[arg-type]  # on purpose
        ["engine: str: must be an AsyncEngine; use SQLAlchemyStore.from_url for a URL"],
    ),
    (
        "a synchronous engine and a table with a capital",
        lambda: SQLAlchemyStore(create_engine("sqlite://"), table="Sessions"),  # type: ignore[arg-type]  # on purpose
        [
            f"engine: Engine: {SYNCHRONOUS}",
            f"table: 'Sessions': {TABLE}; write for example 'asgi_sessions'",
        ],
    ),
    *(
        (
            f"the table {table!r}",
            lambda table=table: SQLAlchemyStore.from_url(SECRET, table=table),
            [f"table: {table!r}: {TABLE}; write for example 'asgi_sessions'"],
        )
        for table in ("", "1st", "a.b", "a-b", 'a"; drop table b', "a" * 41, "ä", "a\n")
    ),
    ("no text", lambda: SQLAlchemyStore.from_url(5), [f"url: int: must be a string; {URL}"]),  # type: ignore[arg-type]  # on purpose
    ("no URL", lambda: SQLAlchemyStore.from_url("ada:secret"), [NO_DATABASE]),
    ("a synchronous driver", lambda: SQLAlchemyStore.from_url("sqlite:///secret"), [NO_DATABASE]),
    ("no port", lambda: SQLAlchemyStore.from_url("postgresql+asyncpg://ada:secret@h:x/y"), [NO_DATABASE]),
    ("an unknown database", lambda: SQLAlchemyStore.from_url("nonsense://ada:secret@h"), [NO_DATABASE]),
    (
        "a driver that is not installed",
        lambda: SQLAlchemyStore.from_url("mysql+asyncmy://ada:secret@h/y"),
        [f"url: needs the package asyncmy; install it, or {URL}"],
    ),
]


@pytest.mark.parametrize("row", REFUSALS, ids=[row[0] for row in REFUSALS])
def test_what_is_refused(row: tuple[str, Callable[[], object], list[str]]) -> None:
    with pytest.raises(ConfigError) as raised:
        row[1]()
    assert [str(problem) for problem in raised.value.problems] == row[2]
    assert "secret" not in str(raised.value)


def test_a_database_that_was_never_tested_is_refused() -> None:
    engine = create_async_engine(SECRET)
    engine.dialect.name = "cockroachdb"
    with pytest.raises(ConfigError, match="engine: cockroachdb: is a database that this was never tested with"):
        SQLAlchemyStore(engine)


@pytest.mark.parametrize("package", ["sqlalchemy", "greenlet"])
def test_what_is_missing_is_named(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = create_async_engine(SECRET)
    monkeypatch.setitem(sys.modules, package, None)
    makers: list[tuple[str, Callable[..., object]]] = [("url", SQLAlchemyStore.from_url), ("engine", SQLAlchemyStore)]
    for option, make in makers:
        with pytest.raises(MissingExtra) as raised:
            make(SECRET if option == "url" else engine)
        assert str(raised.value) == (
            f"SQLAlchemyStore: {option}: needs the package sqlalchemy[asyncio]; "
            "install it: pip install 'asgi-middleware[sql]'"
        )


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        ("binaries", "PostgreSQL: no initdb, pg_ctl and postgres on the PATH or in /usr/lib/postgresql/*/bin"),
        ("user", "PostgreSQL: does not run as root, and there is no other user to be had"),
    ],
)
def test_why_there_is_no_server_is_said(missing: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if missing == "binaries":
        monkeypatch.setattr(postgres_server, "_DEBIAN", "nowhere")
        monkeypatch.setenv("PATH", "/nowhere")
    else:
        monkeypatch.setattr(postgres_server, "_binaries", lambda: None)
        monkeypatch.setattr(postgres_server, "_USERS", ())
        monkeypatch.setattr("os.geteuid", lambda: 0)
    with pytest.raises(postgres_server.Unavailable) as raised, postgres_server.postgres():
        pass
    assert str(raised.value) == reason
