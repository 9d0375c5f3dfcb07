"""Every store, empty, on a server of its own where it needs one: what the tests of races and of costs go over."""

import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from asgi_middleware.sessions.stores.memory import MemoryStore
from asgi_middleware.sessions.stores.redis import RedisStore
from asgi_middleware.sessions.stores.sqlite import SQLiteStore

from .postgres_server import Postgres
from .redis_servers import MISSING, RedisServer, binary, redis_server
from .sql_databases import opened

Opens = Callable[[], AbstractAsyncContextManager[Any]]
# Which store, and on which loop.
STORES = [
    ("memory", "asyncio"),
    ("memory", "trio"),
    ("sqlite", "asyncio"),
    ("sqlite", "trio"),
    ("redis", "asyncio"),
    ("postgresql", "asyncio"),
]
_numbers = itertools.count()


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    pytest.importorskip("redis", reason="the package redis is not installed")
    if binary() is None:
        pytest.skip(MISSING)
    with redis_server() as server:
        yield server


@pytest.fixture
def opens(request: pytest.FixtureRequest, tmp_path: Path) -> Opens:
    """What opens an empty store; the name of its kind is the test's parameter."""

    @asynccontextmanager
    async def memory() -> AsyncIterator[Any]:
        yield MemoryStore()

    @asynccontextmanager
    async def sqlite() -> AsyncIterator[Any]:
        async with aclosing(SQLiteStore(tmp_path / "sessions.db")) as store:
            yield store

    @asynccontextmanager
    async def redis() -> AsyncIterator[Any]:
        import redis.asyncio

        async with redis.asyncio.Redis(port=server.port) as client:
            yield RedisStore(client, prefix=f"{next(_numbers)}:")

    @asynccontextmanager
    async def postgresql() -> AsyncIterator[Any]:
        async with opened(postgres.url()) as database:
            yield database.store

    kind: str = request.param
    if kind == "redis":
        server: RedisServer = request.getfixturevalue("redis")
    if kind == "postgresql":
        pytest.importorskip("asyncpg", reason="the package asyncpg is not installed")
        postgres: Postgres = request.getfixturevalue("postgresql")
    kinds: dict[str, Opens] = {"memory": memory, "sqlite": sqlite, "redis": redis, "postgresql": postgresql}
    return kinds[kind]
