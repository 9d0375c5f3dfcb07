"""`SQLAlchemyStore`: the checks of every store, over PostgreSQL and SQLite, and what happens when two meet.

Nothing here waits for time to pass: rows are held by the tests, who let go once the database says that others queue.
"""

import asyncio
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from asgi_middleware.sessions.stores import sql
from asgi_middleware.sessions.testing import CHECKS, Check

from .postgres_server import Postgres
from .sql_databases import ISOLATION, KEY, LONG, OPERATIONS, Opened, opened, until

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


# The checks of every store


@pytest.mark.parametrize("check", CHECKS, ids=[check.__name__ for check in CHECKS])
async def test_it_passes_the_checks_of_every_store(check: Check, database: str) -> None:
    async with opened(database) as one:
        await check(one.store, one.advance)


RACES = [check for check in CHECKS if check.__module__.endswith("races")]


@pytest.mark.parametrize("check", RACES, ids=[check.__name__ for check in RACES])
async def test_races_end_as_well_on_a_serializable_server(check: Check, postgresql: Postgres) -> None:
    async with opened(postgresql.url(), **ISOLATION["serializable server"]) as one:
        await check(one.store, one.advance)


# Two that queue for one row


async def waiting(one: Opened, writers: int) -> bool:
    rows = await one.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    return bool(rows[0][0] == writers)


async def has_expired(one: Opened, holder: AsyncConnection) -> bool:
    query = "SELECT 1 FROM {table} WHERE expires_at <= extract(epoch FROM clock_timestamp())"
    return bool(await one.on(holder, query))


# What the first in the queue does and is told, what the second does and is told, and the data that are left.
QUEUES: list[tuple[str, Any, str, Any, bytes | None]] = [
    ("update", "ok", "update", "conflict", b"new"),
    ("update", "ok", "delete", True, None),
    ("update", "ok", "touch", True, b"new"),
    ("touch", True, "update", "ok", b"new"),
    ("delete", True, "update", "gone", None),
    ("delete", True, "touch", False, None),
    ("delete", True, "extend", None, None),
    ("delete", True, "delete", False, None),
    ("delete", True, "create", True, b"new"),
]


@pytest.mark.parametrize("way", ["default", "repeatable read server"])
@pytest.mark.parametrize("queue", QUEUES, ids=[f"{row[0]} before {row[2]}" for row in QUEUES])
async def test_two_that_queue_for_a_row_go_one_after_the_other(
    queue: tuple[str, Any, str, Any, bytes | None], way: str, postgresql: Postgres
) -> None:
    first, *expected = queue[0], queue[1], queue[3], queue[4]
    async with opened(postgresql.url(), **ISOLATION[way]) as one:
        await one.store.create(KEY, b"old", LONG)
        record = await one.store.read(KEY)
        assert record is not None
        async with one.engine.connect() as holder:
            await one.on(holder, "SELECT key FROM {table} FOR UPDATE")
            tasks: list[asyncio.Future[Any]] = []
            for name in (first, queue[2]):
                tasks.append(asyncio.ensure_future(OPERATIONS[name](one.store, record.version)))
                await until(lambda: waiting(one, len(tasks)))
            await holder.rollback()
        seen = await asyncio.gather(*tasks)
        left = await one.store.read(KEY)
        assert [*seen, left and left.data] == expected


@pytest.mark.parametrize("way", ISOLATION)
@pytest.mark.parametrize(
    ("name", "expected"),
    [("update", "gone"), ("create", True), ("touch", False), ("extend", None), ("delete", False)],
)
async def test_what_expires_while_it_is_waited_for_has_expired(
    name: str, expected: object, way: str, postgresql: Postgres
) -> None:
    async with opened(postgresql.url(), **ISOLATION[way]) as one:
        await one.store.create(KEY, b"old", LONG)
        record = await one.store.read(KEY)
        assert record is not None
        async with one.engine.connect() as holder:
            await one.on(holder, "UPDATE {table} SET expires_at = extract(epoch FROM clock_timestamp()) + 0.1")
            task = asyncio.ensure_future(OPERATIONS[name](one.store, record.version))
            await until(lambda: waiting(one, 1))
            await until(lambda: has_expired(one, holder))
            await holder.commit()
        assert await task == expected


async def test_who_loses_every_race_is_told_the_error(postgresql: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "_TRIES", 1)
    async with opened(postgresql.url(), **ISOLATION["repeatable read server"]) as one:
        await one.store.create(KEY, b"old", LONG)
        async with one.engine.connect() as holder:
            await one.on(holder, "UPDATE {table} SET expires_at = expires_at + 1")
            task = asyncio.ensure_future(one.store.touch(KEY, LONG))
            await until(lambda: waiting(one, 1))
            await holder.commit()
        with pytest.raises(Exception, match="could not serialize access due to concurrent update"):
            await task


async def test_a_version_never_comes_back(database: str) -> None:
    """Not after a delete and not after an expiry: who has read the former record updates nothing."""
    async with opened(database) as one:
        await one.store.create(KEY, b"first", LONG)
        first = await one.store.read(KEY)
        await one.store.delete(KEY)
        await one.store.create(KEY, b"second", LONG)
        second = await one.store.read(KEY)
        await one.advance(2 * LONG)
        await one.store.create(KEY, b"third", LONG)
        assert first is not None
        assert second is not None
        for version in (first.version, second.version):
            assert await one.store.update(KEY, b"late", LONG, version=version) == "conflict"


# Cancellation


async def _is_idle(one: Opened) -> bool:
    """No connection is checked out, and none of the server's others has a transaction or a statement."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE state <> 'idle' AND pid <> pg_backend_pid()"
    rows = await one.execute(query)
    return (rows[0][0], one.engine.pool.checkedout()) == (0, 0)  # type: ignore[attr-defined]  # of a queue


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("how", ["task", "scope"])
async def test_who_is_cancelled_while_waiting_leaves_nothing_behind(name: str, how: str, postgresql: Postgres) -> None:
    async with opened(postgresql.url()) as one:
        await one.store.create(KEY, b"old", 1 if name == "create" else LONG)
        record = await one.store.read(KEY)
        assert record is not None
        await one.execute("UPDATE {table} SET expires_at = 0 WHERE :expired", expired=name == "create")
        async with one.engine.connect() as holder:
            await one.on(holder, "SELECT key FROM {table} FOR UPDATE")
            scope = anyio.CancelScope()

            async def operate() -> None:
                with scope:
                    await OPERATIONS[name](one.store, record.version)

            task = asyncio.ensure_future(operate())
            await until(lambda: waiting(one, 1))
            (task if how == "task" else scope).cancel()
            await asyncio.wait([task], timeout=60)
            assert await waiting(one, 0), "the statement itself is over, while the row is still held"
            await holder.rollback()
        await until(lambda: _is_idle(one))
        assert (await one.execute("SELECT data FROM {table}"))[0].data == b"old"


async def test_who_is_cancelled_anywhere_leaves_nothing_behind(postgresql: Postgres) -> None:
    """Also while it connects: after more and more turns of the loop, until it gets through."""
    loop = asyncio.get_running_loop()
    handler = loop.get_exception_handler()
    # asyncpg tells nobody but the loop that a connection was given up before it was there.
    loop.set_exception_handler(
        lambda _, told: None if "connection_lost" in str(told) else loop.default_exception_handler(told)
    )
    async with opened(postgresql.url()) as one:
        turns, got_through = 0, False
        while not got_through:
            await one.engine.dispose()
            task = asyncio.ensure_future(one.store.create(KEY, b"new", LONG))
            for _ in range(turns):
                await anyio.lowlevel.checkpoint()
            got_through = not task.cancel()
            await asyncio.wait([task])
            await until(lambda: _is_idle(one))
            turns += 1 + turns // 4
    loop.set_exception_handler(handler)
