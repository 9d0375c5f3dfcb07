"""What the tests of `SQLAlchemyStore` share: stores with tables of their own, ways to isolate, operations by name."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from asgi_middleware.sessions.stores.sql import SQLAlchemyStore

KEY, OTHER = "a" * 64, "b" * 64
LONG = 3600  # seconds
_numbers = itertools.count()


# How an engine, or the server, may isolate transactions; whatever they say, the answers are the same.
ISOLATION: dict[str, dict[str, Any]] = {
    "default": {},
    "serializable engine": {"isolation_level": "SERIALIZABLE"},
    "serializable server": {"connect_args": {"server_settings": {"default_transaction_isolation": "serializable"}}},
    "repeatable read server": {
        "connect_args": {"server_settings": {"default_transaction_isolation": "repeatable read"}}
    },
}


class Opened:
    """A store with tables of its own, and the engine that it was given."""

    def __init__(self, url: str, **options: Any) -> None:
        self.engine: AsyncEngine = create_async_engine(url, **options)
        self.table = f"sessions_{next(_numbers)}"
        self.store = SQLAlchemyStore(self.engine, table=self.table)

    async def execute(self, statement: str, **values: Any) -> list[Any]:
        """In a transaction of its own; `{table}` and `{subjects}` stand for the tables."""
        async with self.engine.begin() as connection:
            return await self.on(connection, statement, **values)

    async def on(self, connection: AsyncConnection, statement: str, **values: Any) -> list[Any]:
        named = statement.format(table=self.table, subjects=f"{self.table}_subjects")
        result = await connection.execute(text(named), values)
        return list(result) if result.returns_rows else []

    async def advance(self, seconds: float) -> None:
        """Instead of the database's clock, the records move."""
        await self.execute("UPDATE {table} SET expires_at = expires_at - :seconds", seconds=seconds)
        await self.execute("UPDATE {subjects} SET expires_at = expires_at - :seconds", seconds=seconds)

    async def counts(self) -> tuple[int, int]:
        """How many rows the two tables have."""
        rows = await self.execute("SELECT (SELECT count(*) FROM {table}), (SELECT count(*) FROM {subjects})")
        return (rows[0][0], rows[0][1])


@asynccontextmanager
async def opened(url: str, **options: Any) -> AsyncIterator[Opened]:
    one = Opened(url, **options)
    await one.store.create_tables()
    try:
        yield one
    finally:
        await one.engine.dispose()


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for what comes at an unknown moment, for a minute at most."""
    with anyio.fail_after(60):
        while not await condition():  # noqa: ASYNC110  # the database rings no bell
            await anyio.sleep(0.005)


Operation = Callable[[SQLAlchemyStore, int], Awaitable[Any]]

OPERATIONS: dict[str, Operation] = {
    "update": lambda store, version: store.update(KEY, b"new", LONG, version=version),
    "create": lambda store, _: store.create(KEY, b"new", LONG),
    "touch": lambda store, _: store.touch(KEY, LONG),
    "extend": lambda store, _: store.read(KEY, extend=LONG),
    "delete": lambda store, _: store.delete(KEY),
}
