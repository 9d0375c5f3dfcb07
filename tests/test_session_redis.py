"""Sessions in Redis and Valkey, on real servers: alone and as a cluster."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from typing import Any
from unittest import SkipTest

import pytest

from asgi_middleware.sessions.stores.redis import RedisStore
from asgi_middleware.sessions.testing import CHECKS, Check

from .redis_servers import MISSING, Servers, binary, eventually

redis = pytest.importorskip("redis.asyncio", reason="the package redis is not installed")
valkey = pytest.importorskip("valkey.asyncio", reason="the package valkey is not installed")

needs_server = pytest.mark.skipif(binary() is None, reason=MISSING)
KINDS = ["redis", "redis, RESP 2", "valkey", "redis cluster", "valkey cluster", "from_url"]
KEY, OTHER = "a" * 64, "b" * 64


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with Servers() as started:
        yield started


def client_of(kind: str, port: int) -> Any:
    match kind:
        case "redis, RESP 2":
            return redis.Redis(port=port, protocol=2)
        case "valkey":
            return valkey.Valkey(port=port)
        case "redis cluster":
            return redis.RedisCluster(host="127.0.0.1", port=port)
        case "valkey cluster":
            return valkey.ValkeyCluster(host="127.0.0.1", port=port)
    return redis.Redis(port=port)


@asynccontextmanager
async def opened(kind: str, port: int, prefix: str = "session:") -> AsyncIterator[RedisStore]:
    if kind == "from_url":
        async with aclosing(RedisStore.from_url(f"redis://127.0.0.1:{port}/0", prefix=prefix)) as store:
            yield store
    else:
        async with aclosing(client_of(kind, port)) as client:
            yield RedisStore(client, prefix=prefix)


def on(kind: str, servers: Servers, use: Callable[[RedisStore], Awaitable[Any]], prefix: str = "session:") -> Any:
    """What `use` answers of a store on empty servers."""
    for server in servers.of(kind):
        server.command("FLUSHALL")

    async def main() -> Any:
        async with opened(kind, servers.of(kind)[0].port, prefix) as store:
            return await use(store)

    return asyncio.run(main())


async def version_of(store: RedisStore) -> int:
    found = await store.read(KEY)
    assert found is not None
    return found.version


async def update(store: RedisStore) -> str:
    return await store.update(KEY, b"new", 100, version=await version_of(store))


# A sentence, what is done, and every command that the servers then ran: its own, and those that its script calls.
Use = Callable[[RedisStore], Awaitable[object]]
COUNTS: list[tuple[str, Use, object, dict[str, int]]] = [
    ("read", lambda store: store.read(OTHER), None, {"get": 1}),
    ("read and extend", lambda store: store.read(OTHER, extend=9), None, {"getex": 1}),
    ("create", lambda store: store.create(OTHER, b"data", 9), True, {"set": 1}),
    ("create what is there", lambda store: store.create(KEY, b"data", 9), False, {"set": 1, "getrange": 1}),
    ("read and update", update, "ok", {"get": 1, "evalsha": 1, "getrange": 1, "set": 1}),
    (
        "update a conflict",
        lambda store: store.update(KEY, b"", 9, version=1),
        "conflict",
        {"evalsha": 1, "getrange": 1},
    ),
    (
        "update what is gone",
        lambda store: store.update(OTHER, b"", 9, version=1),
        "gone",
        {"evalsha": 1, "getrange": 1},
    ),
    ("touch", lambda store: store.touch(KEY, 9), True, {"expire": 1}),
    ("touch nothing", lambda store: store.touch(OTHER, 9), False, {"expire": 1}),
    ("delete", lambda store: store.delete(KEY), True, {"del": 1}),
    ("delete nothing", lambda store: store.delete(OTHER), False, {"del": 1}),
    (
        "index",
        lambda store: store.index("ada", KEY, 9),
        None,
        {"evalsha": 1, "time": 1, "zremrangebyscore": 1, "zadd": 1, "zrange": 1, "expireat": 1},
    ),
    ("keys_of", lambda store: store.keys_of("bob"), [], {"evalsha": 1, "time": 1, "zrangebyscore": 1}),
]


@needs_server
@pytest.mark.parametrize("kind", KINDS)
def test_every_operation_is_one_command(kind: str, servers: Servers) -> None:
    """All rows at once, each on a record of its own, on connections that are open and with scripts that are known."""
    found: list[tuple[str, object, dict[str, int]]] = []

    async def use(store: RedisStore) -> None:
        for counted in (False, True):
            for sentence, act, _, _ in COUNTS:
                await store.delete(OTHER)
                await store.delete(KEY)
                await store.create(KEY, b"old", 100)
                for server in servers.of(kind):
                    server.reset_counts()
                answer = await act(store)
                counts: dict[str, int] = {}
                for server in servers.of(kind):
                    counts |= server.counts()
                if counted:
                    found.append((sentence, answer, counts))

    on(kind, servers, use, prefix="{one slot}:")
    assert found == [(sentence, answer, counts) for sentence, _, answer, counts in COUNTS]


@needs_server
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "redis, RESP 2"])
def test_it_passes_every_public_check(kind: str, servers: Servers) -> None:
    """All checks but the last, which closes the store, beside each other, as several wait for records to expire."""
    failed: list[str] = []
    skipped: list[str] = []

    async def passes(store: RedisStore, check: Check) -> None:
        try:
            await check(store)
        except SkipTest as reason:
            skipped.append(str(reason))
        except Exception as error:
            failed.append(f"{check.__name__}: {error!r}")

    async def use(store: RedisStore) -> None:
        async with asyncio.TaskGroup() as group:
            for check in CHECKS[:-1]:
                group.create_task(passes(store, check))
        await passes(store, CHECKS[-1])

    on(kind, servers, use)
    assert (failed, skipped) == ([], ["RedisStore has no purge, which is optional"])


@needs_server
@pytest.mark.parametrize("kind", ["redis", "redis cluster"])
def test_scripts_that_the_server_has_forgotten_are_sent_again(kind: str, servers: Servers) -> None:
    async def use(store: RedisStore) -> None:
        for number in range(30):  # on every node of the cluster
            key = f"{number:064}"
            await store.create(key, b"", 100)
            found = await store.read(key)
            assert found is not None
            for server in servers.of(kind):
                server.command("SCRIPT", "FLUSH")
            assert await store.update(key, b"", 100, version=found.version) == "ok"
            for server in servers.of(kind):
                server.command("SCRIPT", "FLUSH")
            await store.index("ada", key, 100)
        for server in servers.of(kind):
            server.command("SCRIPT", "FLUSH")
        assert sorted(await store.keys_of("ada")) == [f"{number:064}" for number in range(30)]

    on(kind, servers, use)


@needs_server
def test_a_failing_script_says_so_itself(servers: Servers) -> None:
    async def use(store: RedisStore) -> None:
        servers.alone.command("LPUSH", f"session:{KEY}", "foreign")
        with pytest.raises(redis.client.ResponseError, match="WRONGTYPE"):
            await store.update(KEY, b"", 100, version=1)

    on("redis", servers, use)


@needs_server
def test_an_index_lasts_as_long_as_its_longest_member(servers: Servers) -> None:
    server = servers.alone

    async def use(store: RedisStore) -> None:
        name = store._subject("ada").decode()
        await store.index("ada", KEY, 100)
        await store.index("ada", OTHER, 1)
        await store.index("ada", KEY, 1)  # shortens nothing
        assert sorted(await store.keys_of("ada")) == [KEY, OTHER]
        assert 99 <= server.command("TTL", name) <= 101
        await eventually(lambda: is_now(store, [KEY]))
        assert server.command("ZCARD", name) == 2  # reading drops nothing
        await store.index("ada", "c" * 64, 200)
        assert server.command("ZCARD", name) == 2  # indexing does
        assert sorted(await store.keys_of("ada")) == [KEY, "c" * 64]
        assert 199 <= server.command("TTL", name) <= 201

    async def is_now(store: RedisStore, keys: list[str]) -> bool:
        return await store.keys_of("ada") == keys

    on("redis", servers, use)


SUBJECTS = ["ada", "bob", "", "a\x00b", "{ada}", "ada:*", "\N{SNOWMAN}", "\ud800", "x" * 100_000]


@needs_server
def test_subjects_are_apart_and_may_be_anything(servers: Servers) -> None:
    async def use(store: RedisStore) -> None:
        for number, subject in enumerate(SUBJECTS):
            await store.index(subject, f"{number:064}", 100)
        for number, subject in enumerate(SUBJECTS):
            assert await store.keys_of(subject) == [f"{number:064}"]
        assert await store.keys_of("carol") == []

    on("redis cluster", servers, use)


@needs_server
def test_prefixes_are_apart_and_no_subject_is_readable(servers: Servers) -> None:
    async def use(store: RedisStore) -> None:
        other = RedisStore(store._client, prefix="\N{SNOWMAN}:")
        assert (await store.create(KEY, b"", 9), await other.create(KEY, b"", 9)) == (True, True)
        await store.index("ada", KEY, 9)
        assert sorted(servers.alone.command("KEYS", "*")) == [
            f"session:{KEY}",
            f"session:subject:{hashlib.sha256(b'ada').hexdigest()}",
            f"\N{SNOWMAN}:{KEY}",
        ]

    on("redis", servers, use)
