"""What a request with a session costs its store, as the servers themselves count it."""

from typing import Any

import anyio
import pytest

from asgi_middleware.sessions import SessionMiddleware
from asgi_middleware.sessions.stores.redis import RedisStore
from asgi_middleware.sessions.stores.sqlite import SQLiteStore

from .asgi import http
from .postgres_server import Postgres
from .redis_servers import RedisServer
from .session_stores import redis
from .sql_databases import Opened, opened
from .storing import NOW, OLD, SECRET, TERM, Use, add, ask, both, cookie, key, nothing, read, record, sends, using

__all__ = ["redis"]  # a fixture

YOUNG, AGED = cookie(), cookie(now=NOW - TERM // 2)


def regenerate(session: Any) -> None:
    session.regenerate()


def destroy(session: Any) -> None:
    session.destroy()


def login(session: Any) -> None:
    session.regenerate()
    session.subject = "ada"


INDEX = {"evalsha": 1, "time": 1, "zremrangebyscore": 1, "zadd": 1, "zrange": 1, "expireat": 1}
# What a script calls is counted as well.
UPDATE = {"evalsha": 1, "getrange": 1, "set": 1}


def total(*counts: dict[str, int]) -> dict[str, int]:
    return {name: sum(each.get(name, 0) for each in counts) for name in {name for each in counts for name in each}}


# A sentence, the cookie, what is done, the options, Redis' commands, and how many statements of SQL change something.
COSTS: list[tuple[str, str | None, Use, dict[str, Any], dict[str, int], int]] = [
    ("no cookie, untouched", None, nothing, {}, {}, 0),
    ("no cookie, read", None, read, {}, {}, 0),
    ("no cookie, written", None, add, {}, {"set": 1}, 1),
    ("garbage", "garbage", read, {}, {}, 0),
    ("untouched", YOUNG, nothing, {}, {"get": 1}, 0),
    ("read", YOUNG, read, {}, {"get": 1}, 0),
    ("rolling, within a tenth", YOUNG, read, {"rolling": True}, {"get": 1}, 0),
    ("rolling, behind it", AGED, read, {"rolling": True}, {"getex": 1}, 1),
    ("written", YOUNG, add, {}, total({"get": 1}, UPDATE), 1),
    ("rolling, written", AGED, add, {"rolling": True}, total({"getex": 1}, UPDATE), 2),
    ("a subject", YOUNG, lambda s: setattr(s, "subject", "ada"), {}, total({"get": 1}, INDEX, UPDATE), 2),
    ("a new ID", YOUNG, regenerate, {}, {"get": 1, "del": 1, "set": 1}, 2),
    ("a login", YOUNG, login, {}, total({"get": 1, "del": 1, "set": 1}, INDEX), 3),
    ("a logout", YOUNG, destroy, {}, {"get": 1, "del": 1}, 1),
    ("a logout of nothing", None, destroy, {}, {}, 0),
    ("a logout, and a new session", YOUNG, both(destroy, add), {}, {"get": 1, "del": 1, "set": 1}, 2),
    ("the same content", YOUNG, lambda s: s.update(a=1), {}, {"get": 1}, 0),
]


async def visit(store: Any, value: str | None, use: Use, options: dict[str, Any]) -> None:
    app = SessionMiddleware(using(use), SECRET, store=store, clock=lambda: NOW, **options)
    exchange = await ask(app, http(headers=sends(*([value] if value else []))))
    assert exchange.error is None


def test_the_commands_of_redis(redis: RedisServer) -> None:
    """With connections that are open and scripts that are known."""
    found: list[tuple[str, dict[str, int]]] = []

    async def main() -> None:
        import redis.asyncio as library

        async with library.Redis(port=redis.port) as client:
            store = RedisStore(client)
            for counted in (False, True):
                for sentence, value, use, options, _, _ in COSTS:
                    await store.delete(key(OLD))
                    await store.create(key(OLD), record({"a": 1}), TERM)
                    redis.reset_counts()
                    await visit(store, value, use, options)
                    if counted:
                        found.append((sentence, redis.counts()))

    anyio.run(main)
    assert found == [(row[0], row[4]) for row in COSTS]


def test_a_thousand_requests_without_a_session_are_unknown_to_redis(redis: RedisServer) -> None:
    async def main() -> None:
        store = RedisStore.from_url(f"redis://127.0.0.1:{redis.port}/0")
        for number in range(1_000):
            await visit(store, ("garbage" if number % 2 else None), read, {})
        await store.aclose()

    redis.reset_counts()
    anyio.run(main)
    assert redis.counts() == {}


def test_the_statements_of_sqlite_that_change_something(tmp_path: Any) -> None:
    """As SQLite's own log of changed rows counts transactions: a request that only reads leaves the file as it is."""
    path = tmp_path / "sessions.db"
    found: list[tuple[str, int]] = []

    async def main() -> None:
        store = SQLiteStore(path)
        for sentence, value, use, options, _, _ in COSTS:
            await store.delete(key(OLD))
            await store.create(key(OLD), record({"a": 1}), TERM)
            connection: Any = store._file._connection
            counted: list[str] = []
            connection.set_trace_callback(counted.append)
            await visit(store, value, use, options)
            connection.set_trace_callback(None)
            found.append((sentence, sum("BEGIN IMMEDIATE" in statement for statement in counted)))
        await store.aclose()

    anyio.run(main)
    assert found == [(row[0], row[5]) for row in COSTS]


def test_the_rows_that_postgresql_writes(postgresql: Postgres) -> None:
    pytest.importorskip("asyncpg", reason="the package asyncpg is not installed")
    found: list[tuple[str, int]] = []

    async def written(database: Opened) -> int:
        """By the server's statistics, which a session of its own brings up to date as soon as they are forced to."""
        await database.execute("SELECT pg_stat_force_next_flush()")
        rows = await database.execute(
            "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables"
            " WHERE relname IN (:table, :subjects)",
            table=database.table,
            subjects=f"{database.table}_subjects",
        )
        return int(rows[0][0])

    async def main() -> None:
        async with opened(postgresql.url(), pool_size=1, max_overflow=0) as database:
            for sentence, value, use, options, _, _ in COSTS:
                await database.store.delete(key(OLD))
                await database.store.create(key(OLD), record({"a": 1}), TERM)
                before = await written(database)
                await visit(database.store, value, use, options)
                found.append((sentence, await written(database) - before))

    anyio.run(main)
    assert found == [(row[0], row[5]) for row in COSTS]
