"""RedisStore and its client: what is refused, addresses, lost answers, cancellation, and servers that are killed."""

import asyncio
import secrets
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, aclosing
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import cast

import anyio
import pytest
import trio

from asgi_middleware.exceptions import ConfigError, MissingExtra
from asgi_middleware.sessions.stores import Record
from asgi_middleware.sessions.stores.redis import RedisStore

from .redis_servers import MISSING, RedisServer, Servers, binary, door, eventually, redis_server

redis = pytest.importorskip("redis", reason="the package redis is not installed")
valkey = pytest.importorskip("valkey", reason="the package valkey is not installed")
import_module("redis.asyncio")
import_module("valkey.asyncio")

needs_server = pytest.mark.skipif(binary() is None, reason=MISSING)
KEY, OTHER = "a" * 64, "b" * 64
Use = Callable[[RedisStore], Awaitable[object]]


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with Servers() as started:
        yield started


NOT_ASYNC = "is not async, and would hold up every other request; pass a client of redis.asyncio or valkey.asyncio"
NO_CLIENT = "is not a client; pass a client of redis.asyncio or valkey.asyncio"
DECODES = "has decode_responses=True, and sessions are bytes; leave it out, or make a client for the sessions alone"
STALE = (
    "reads from replicas, which may still hold a session that was deleted; "
    "leave read_from_replicas and load_balancing_strategy out"
)
NO_TEXT = "must be a string that is not empty; write 'session:'"
NO_SCHEME = "must start with redis://, rediss://, unix://; write redis://localhost:6379/0"
UNREADABLE = (
    "url: cannot be read, or has an option that there is not; "
    "write redis://user:password@host:6379/0, with %40 for a @ in the password"
)

# A sentence, what makes the store, and the problems.
REFUSED: list[tuple[str, Callable[[], object], list[str]]] = [
    ("sync", lambda: RedisStore(redis.Redis(host="h", password="hush")), [f"client: Redis: {NOT_ASYNC}"]),
    ("sync, of valkey", lambda: RedisStore(valkey.Valkey()), [f"client: Valkey: {NOT_ASYNC}"]),
    (
        "a client that decodes",
        lambda: RedisStore(redis.asyncio.Redis(decode_responses=True)),
        [f"client: Redis: {DECODES}"],
    ),
    (
        "a cluster's client that decodes",
        lambda: RedisStore(valkey.asyncio.ValkeyCluster(host="h", decode_responses=True)),
        [f"client: ValkeyCluster: {DECODES}"],
    ),
    (
        "a URL that makes a client that decodes",
        lambda: RedisStore.from_url("redis://:hush@h?decode_responses=yes"),
        [f"client: Redis: {DECODES}"],
    ),
    (
        "a client that reads from replicas",
        lambda: RedisStore(valkey.asyncio.ValkeyCluster(host="h", read_from_replicas=True)),
        [f"client: ValkeyCluster: {STALE}"],
    ),
    (
        "a URL instead of a client",
        lambda: RedisStore("redis://:hush@h"),
        ["client: text: must be a client, not a URL; write RedisStore.from_url(url)"],
    ),
    ("nothing", lambda: RedisStore(None), [f"client: NoneType: {NO_CLIENT}"]),
    ("a class", lambda: RedisStore(redis.asyncio.Redis), [f"client: Redis: {NO_CLIENT}"]),
    ("a pipeline", lambda: RedisStore(redis.asyncio.Redis().pipeline()), [f"client: Pipeline: {NOT_ASYNC}"]),
    ("bytes", lambda: RedisStore(redis.asyncio.Redis(), prefix=cast("str", b"p")), [f"prefix: b'p': {NO_TEXT}"]),
    (
        "half a character",
        lambda: RedisStore(redis.asyncio.Redis(), prefix="\ud800"),
        ["prefix: half a character: must be text; write for example 'session:'"],
    ),
    (
        "all at once",
        lambda: RedisStore(redis.Redis(decode_responses=True), prefix=""),
        [f"client: Redis: {NOT_ASYNC}", f"client: Redis: {DECODES}", f"prefix: '': {NO_TEXT}"],
    ),
    *(
        (f"as a URL, {url!r}", partial(RedisStore.from_url, cast("str", url)), [f"url: {kind}: {NO_SCHEME}"])
        for kind, url in [
            ("str", ""),
            ("str", "localhost"),
            ("str", "http://:hush@h"),
            ("str", "redis:"),
            ("NoneType", None),
            ("bytes", b"redis://h"),
        ]
    ),
    *(
        (f"as a URL, {url!r}", partial(RedisStore.from_url, url), [UNREADABLE])
        for url in ("redis://h:port", "redis://:hush/word@h", "redis://[::1", "redis://h?db=hush", "redis://h?hush=1")
    ),
]


@pytest.mark.parametrize(("sentence", "make", "problems"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refused(sentence: str, make: Callable[[], object], problems: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        make()
    assert [str(problem) for problem in caught.value.problems] == problems
    assert (caught.value.owner, caught.value.__cause__, caught.value.__context__) == ("RedisStore", None, None)


# A URL, and what the connection is made of.
URLS: list[tuple[str, str, dict[str, object]]] = [
    ("redis://cache", "Connection", {"host": "cache"}),
    ("redis://cache:7000/3", "Connection", {"host": "cache", "port": 7000, "db": 3}),
    ("rediss://ada:hush@cache", "SSLConnection", {"host": "cache", "username": "ada", "password": "hush"}),
    ("redis://:h%40sh@[::1]:7000", "Connection", {"host": "::1", "port": 7000, "password": "h@sh"}),
    ("unix:///run/redis/socket?db=2", "UnixDomainSocketConnection", {"path": "/run/redis/socket", "db": 2}),
    ("redis://cache?socket_timeout=1.5", "Connection", {"host": "cache", "socket_timeout": 1.5}),
]


@pytest.mark.parametrize("library", ["redis", "valkey"])
@pytest.mark.parametrize(("url", "connection", "expected"), URLS, ids=[row[0] for row in URLS])
def test_urls(
    url: str, connection: str, expected: dict[str, object], library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With valkey where redis is not installed."""
    if library == "valkey":
        monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    store = RedisStore.from_url(url, prefix="app:")
    pool = store._client.connection_pool
    assert type(pool).__module__.startswith(library)
    assert pool.connection_class.__name__ == connection
    given = {"socket_connect_timeout": 5.0, "socket_timeout": 5.0, "retry": None} | expected
    if "path" not in expected:
        given["socket_keepalive"] = True
    assert {name: pool.connection_kwargs.get(name) for name in given} == given
    assert repr(store) == f"RedisStore({library.title()}, prefix='app:')"


def test_with_neither_library(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("redis.asyncio", "valkey.asyncio"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtra) as caught:
        RedisStore.from_url("redis://cache")
    assert (caught.value.extra, str(caught.value)) == (
        "redis",
        "RedisStore: url: needs the package redis; install it: pip install 'asgi-middleware[redis]'",
    )


def test_under_trio() -> None:
    store = RedisStore.from_url("redis://cache")
    with pytest.raises(RuntimeError) as caught:
        trio.run(store.read, KEY)
    assert str(caught.value) == (
        "RedisStore: works on asyncio only, and this is another event loop; "
        "run the server on asyncio, or use MemoryStore or SQLiteStore"
    )
    trio.run(store.aclose)  # nothing was opened


def connections(server: RedisServer) -> int:
    """Open at the moment, besides the one that asks."""
    return len(server.command("CLIENT", "LIST").splitlines()) - 1


@needs_server
def test_what_from_url_opened_is_closed_and_what_was_passed_in_is_not(servers: Servers) -> None:
    async def main() -> None:
        client = redis.asyncio.Redis(port=servers.alone.port)
        passed, own = RedisStore(client), RedisStore.from_url(f"redis://127.0.0.1:{servers.alone.port}")
        assert connections(servers.alone) == 0
        for store in (passed, own):
            await store.read(KEY)
        assert connections(servers.alone) == 2
        for store in (passed, own, passed, own):
            await store.aclose()
        await eventually(lambda: connections(servers.alone) == 1)
        await passed.read(KEY)
        await client.aclose()

    asyncio.run(main())


@needs_server
@pytest.mark.parametrize("library", ["redis", "valkey"])
def test_a_password_and_a_unix_socket(library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main(socket: str) -> None:
        async with aclosing(RedisStore.from_url(f"unix://:hush@{socket}?db=1")) as store:
            assert (await store.create(KEY, b"", 9), await store.delete(KEY)) == (True, True)
        async with aclosing(RedisStore.from_url(f"unix://:wrong@{socket}")) as store:
            with pytest.raises(Exception, match="invalid") as caught:
                await store.read(KEY)
            assert "wrong@" not in str(caught.value)

    if library == "valkey":
        monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with redis_server("--unixsocket", "socket") as server:
        server.command("CONFIG", "SET", "requirepass", "hush")
        asyncio.run(main(f"{server.folder}/socket"))


# A sentence, what is done, its answer, and what is then in the store.
LOST: list[tuple[str, Use, object, bytes | None]] = [
    ("read", lambda store: store.read(OTHER), None, b"old"),
    ("create", lambda store: store.create(OTHER, b"data", 100), True, b"old"),
    ("create what is there", lambda store: store.create(KEY, b"data", 100), False, b"old"),
    ("update", lambda store: store.update(KEY, b"new", 100, version=1), "ok", b"new"),
    ("update a conflict", lambda store: store.update(KEY, b"new", 100, version=2), "conflict", b"old"),
    ("touch", lambda store: store.touch(KEY, 50), True, b"old"),
    ("index", lambda store: store.index("ada", KEY, 50), None, b"old"),
    ("delete, of which nothing is left to recognise", lambda store: store.delete(KEY), False, None),
]


async def prepared(server: RedisServer, store: RedisStore) -> None:
    """A record of version 1, and connections and scripts that are ready."""
    server.command("FLUSHALL")
    server.command("SET", f"session:{KEY}", "\0" * 7 + "\1old")
    await store.update(OTHER, b"", 1, version=1)
    await store.index("bob", OTHER, 1)


@needs_server
@pytest.mark.parametrize(("sentence", "act", "answer", "left"), LOST, ids=[row[0] for row in LOST])
def test_a_client_that_repeats(sentence: str, act: Use, answer: object, left: bytes | None, servers: Servers) -> None:
    """The command has arrived, its answer gets lost, and the client sends it again."""

    async def main() -> None:
        retry = redis.asyncio.retry.Retry(redis.backoff.NoBackoff(), 1)
        async with AsyncExitStack() as stack:
            way = await stack.enter_async_context(door(servers.alone))
            make = partial(redis.asyncio.Redis, retry=retry, retry_on_error=[redis.ConnectionError])
            client = await stack.enter_async_context(aclosing(make(port=way.port)))
            store = RedisStore(client)
            await prepared(servers.alone, store)
            way.lose()
            assert (await act(store), way.lost) == (answer, 1)
            found = await store.read(KEY)
            assert (found and found.data) == left

    asyncio.run(main())


@needs_server
@pytest.mark.parametrize(("sentence", "act", "answer", "left"), LOST, ids=[row[0] for row in LOST])
def test_from_url_repeats_nothing(
    sentence: str, act: Use, answer: object, left: bytes | None, servers: Servers
) -> None:
    async def main() -> None:
        async with AsyncExitStack() as stack:
            way = await stack.enter_async_context(door(servers.alone))
            url = f"redis://127.0.0.1:{way.port}"
            store = await stack.enter_async_context(aclosing(RedisStore.from_url(url)))
            await prepared(servers.alone, store)
            way.lose()
            with pytest.raises(redis.client.ConnectionError):
                await act(store)
            found = await store.read(KEY)
            assert (found and found.data) == left

    asyncio.run(main())


@needs_server
def test_whoever_is_cancelled_leaves_no_answer_to_the_next(servers: Servers) -> None:
    """With five connections for sixty, each of whom has another moment to wait."""

    async def one(store: RedisStore, number: int) -> None:
        with anyio.move_on_after(number % 7 / 2_000):
            for _ in range(3):
                found = await store.read(f"{number:064}")
                assert found is not None
                assert found.data == b"%d" % number

    async def main() -> None:
        async with aclosing(RedisStore.from_url(f"redis://127.0.0.1:{servers.alone.port}?max_connections=5")) as store:
            for number in range(60):
                await store.create(f"{number:064}", b"%d" % number, 100)
            for _ in range(10):
                async with anyio.create_task_group() as group:
                    for number in range(60):
                        group.start_soon(one, store, number)
            assert len(await asyncio.gather(*(store.read(f"{number:064}") for number in range(60)))) == 60

    asyncio.run(main())


class Worker:
    """Goes through the life of one session after another, and knows what each answer has to be.

    An operation that raised may have been done or not, so the session is left alone after it.
    """

    def __init__(self, store: RedisStore) -> None:
        self.store = store
        self.lives: list[str] = []
        self.errors: list[Exception] = []
        self.wrong: list[object] = []
        self.stopped = False

    async def work(self) -> None:
        while not self.stopped:
            try:
                key = secrets.token_hex(32)
                answers = await self._live(key)
            except Exception as error:
                self.errors.append(error)
                await asyncio.sleep(0.01)
                continue
            self.lives.append(key)
            if answers != [True, b"one", "ok", b"two", "conflict", True, True, None, "gone"]:
                self.wrong.append(answers)

    async def _live(self, key: str) -> list[object]:
        store = self.store
        answers: list[object] = [await store.create(key, b"one", 100)]
        first = await store.read(key)
        assert first is not None
        answers += [first.data, await store.update(key, b"two", 100, version=first.version)]
        second = await store.read(key, extend=100)
        assert second is not None
        answers += [second.data, await store.update(key, b"three", 100, version=first.version)]
        answers += [await store.touch(key, 100), await store.delete(key), await store.read(key)]
        return [*answers, await store.update(key, b"four", 100, version=second.version)]


async def all_have_more(workers: list[Worker], what: str) -> None:
    before = [(worker, len(getattr(worker, what))) for worker in workers]
    await eventually(lambda: all(len(getattr(worker, what)) > number for worker, number in before))


@needs_server
def test_connections_that_were_idle_while_the_server_restarted_fail_nobody() -> None:
    async def main(server: RedisServer) -> list[Record | None]:
        async with aclosing(RedisStore.from_url(f"redis://127.0.0.1:{server.port}")) as store:
            await asyncio.gather(*(store.read(KEY) for _ in range(3)))
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)
            return await asyncio.gather(*(store.read(KEY) for _ in range(3)))

    with redis_server() as server:
        assert asyncio.run(main(server)) == [None] * 3


@needs_server
@pytest.mark.parametrize("library", ["redis", "valkey"])
def test_a_server_that_is_killed_under_load(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each answer is right or an error, and when it is back the same store works on, with what it had acknowledged.

    The server writes each change to disk, so that what it acknowledged outlives it.
    """
    if library == "valkey":
        monkeypatch.setitem(sys.modules, "redis.asyncio", None)

    async def main(server: RedisServer) -> list[Worker]:
        async with aclosing(RedisStore.from_url(f"redis://127.0.0.1:{server.port}?max_connections=10")) as store:
            assert await store.create(KEY, b"kept", 1000)
            workers = [Worker(store) for _ in range(20)]
            async with asyncio.TaskGroup() as group:
                for worker in workers:
                    group.create_task(worker.work())
                for _ in range(2):
                    await all_have_more(workers, "lives")
                    server.kill()
                    await all_have_more(workers, "errors")
                    server.start()
                await all_have_more(workers, "lives")
                for worker in workers:
                    worker.stopped = True
            kept = await store.read(KEY)
            assert kept is not None
            assert kept.data == b"kept"
        return workers

    with redis_server("--appendonly", "yes", "--appendfsync", "always") as server:
        workers = asyncio.run(main(server))
    assert [worker.wrong for worker in workers] == [[]] * 20
    expected = import_module(f"{library}.exceptions")
    assert {type(error) for worker in workers for error in worker.errors} <= {
        expected.ConnectionError,
        expected.TimeoutError,
        expected.BusyLoadingError,
    }
