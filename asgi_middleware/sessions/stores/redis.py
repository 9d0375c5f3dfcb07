"""Sessions in Redis or Valkey: shared by many machines, gone by themselves when their time is over.

    client = redis.asyncio.Redis(host="localhost")     # or RedisCluster; or valkey.asyncio's Valkey, ValkeyCluster
    app = SessionMiddleware(app, secret_key, store=RedisStore(client))

    store = RedisStore.from_url("redis://localhost:6379/0")       # its own client, closed by `await store.aclose()`

Needs Redis 6.2 or later (GETEX, ZADD GT), or any Valkey, and runs on asyncio alone: under trio every operation raises.
Each operation is one round trip and touches one key, so that any node of a cluster can answer it:

    read      GET, or GETEX to extend       create   SET NX EX        update    EVALSHA
    touch     EXPIRE                        delete   DEL              index, keys_of   EVALSHA

A record is a string: 8 random bytes, its version, and the data after them. Versions are drawn, not counted, so that a
command which a client sends twice, because the first answer got lost, is recognised as its own: `create` and `update`
stay right however often they are repeated. Of DEL nothing is left to recognise; a delete that the client repeats may
say that there was nothing. A client of `from_url` therefore repeats nothing. One of your own may (redis-py does by
default since version 6); the worst is that somebody has to log in once more.

What fails raises the client's own exceptions. A server that comes back is used again, without a new store. Records and
indexes need no purging. Redis must not evict them either: the sessions of a server with `maxmemory` and a policy that
is not `noeviction` end early.
"""

import asyncio
import hashlib
import inspect
import secrets
from contextlib import suppress
from importlib import import_module
from typing import Any

from ..._options import Options, as_bytes
from ...exceptions import MissingExtra
from . import Record, Updated

_OWNER = "RedisStore"
_VERSION = 8  # bytes; two of 2**64 do not meet
_SCHEMES = ("redis://", "rediss://", "unix://")
_CLIENTS = {"redis": "Redis", "valkey": "Valkey"}  # the libraries that can be had, the first one preferred

# Operations at once; whoever comes next waits for a turn. redis-py's pool raises from its 101st connection on, and the
# one that waits instead is not fair: those who come again and again leave others waiting for ever.
_AT_ONCE = 50

# How a client of `from_url` connects, in seconds; an option in the URL (`?socket_timeout=1`) goes before.
_CONNECTION = {
    "socket_connect_timeout": 5.0,
    "socket_timeout": 5.0,
    "retry": None,  # sends nothing twice
    "protocol": 2,  # under 3 redis-py hands out connections that the server has closed meanwhile
}
_TCP = {"socket_keepalive": True}  # notices a connection that a firewall has forgotten


class _Script:
    """Lua that runs on the server in one piece, and is called by its digest."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


# ARGV: the version that it should have, the new record, seconds.
_UPDATE = _Script("""
local found = redis.call("GETRANGE", KEYS[1], 0, 7)
if found == "" then return "gone" end
if found == ARGV[1] then
    redis.call("SET", KEYS[1], ARGV[2], "EX", ARGV[3])
    return "ok"
end
if found == string.sub(ARGV[2], 1, 8) then return "ok" end  -- this very update, sent twice
return "conflict"
""")

# A sorted set of keys by the second in which they end, by this server's clock. ARGV: a key, seconds.
# TIME is cut to the second, so one is added; GT lets no later call shorten a life, and neither does EXPIREAT.
_INDEX = _Script("""
local now = redis.call("TIME")[1]
redis.call("ZREMRANGEBYSCORE", KEYS[1], "-inf", "(" .. now)
redis.call("ZADD", KEYS[1], "GT", now + 1 + ARGV[2], ARGV[1])
local last = redis.call("ZRANGE", KEYS[1], -1, -1, "WITHSCORES")
redis.call("EXPIREAT", KEYS[1], last[2])
return 1
""")

_KEYS_OF = _Script("""
return redis.call("ZRANGEBYSCORE", KEYS[1], redis.call("TIME")[1], "+inf")
""")


class RedisStore:
    """Keeps sessions on a Redis or Valkey server, or in a cluster of them.

    `client` is a `redis.asyncio.Redis` or `RedisCluster`, or a `valkey.asyncio.Valkey` or `ValkeyCluster`. It stays
    yours: the store never closes it. `prefix` stands in front of every key; give each application that shares a server
    its own. At most fifty operations are under way at once, fewer if the client's pool has fewer connections.

    Raises ConfigError for a client that is not async, that decodes what it reads (`decode_responses=True`), or that
    reads from replicas (which do not know yet who has just been logged out), and for a prefix that is not text.
    """

    def __init__(self, client: Any, *, prefix: str = "session:") -> None:
        options = Options(_OWNER)
        _check_client(options, client)
        options.text("prefix", prefix, example="'session:'")
        start = as_bytes(prefix) or b""
        if isinstance(prefix, str) and prefix and not start:
            options.problem("prefix", "half a character", "must be text", "write for example 'session:'")
        options.raise_problems()
        self._client = client
        self._records = start
        self._subjects = start + b"subject:"
        self._made = False  # by `from_url`, so the client is closed by `aclose`
        pool = getattr(client, "connection_pool", None)  # a cluster's client has one for each node
        self._turn = asyncio.Semaphore(min(_AT_ONCE, getattr(pool, "max_connections", _AT_ONCE)))

    @classmethod
    def from_url(cls, url: str, *, prefix: str = "session:") -> "RedisStore":
        """A store with a client of its own, which connects when it is first used. Close it with `aclose`.

        `redis://[user:password@]host[:6379][/0]`, the same with `rediss://` for TLS, or `unix:///path/to/socket?db=0`.
        The client's own options may follow the question mark.

        Raises ConfigError for anything else, which is not shown, as it may hold a password, and MissingExtra where
        neither redis nor valkey is installed.
        """
        options = Options(_OWNER)
        if not isinstance(url, str) or not url.startswith(_SCHEMES):
            options.problem(
                "url", type(url).__name__, f"must start with {', '.join(_SCHEMES)}", "write redis://localhost:6379/0"
            )
            options.raise_problems()
        name, library = _library()
        if name == "valkey" and url.startswith("redis"):  # which it calls by its own name
            url = url.replace("redis", "valkey", 1)
        settings = _CONNECTION if url.startswith("unix") else _CONNECTION | _TCP
        client: Any = None
        with suppress(TypeError, ValueError):  # which say what they have seen, perhaps a part of a password
            pool = library.ConnectionPool.from_url(url, **settings)
            pool.connection_class(**pool.connection_kwargs)  # opens nothing, and knows which options there are
            client = getattr(library, _CLIENTS[name])(connection_pool=pool)
        if client is None:
            remedy = "write redis://user:password@host:6379/0, with %40 for a @ in the password"
            options.problem("url", "", "cannot be read, or has an option that there is not", remedy)
            options.raise_problems()
        store = cls(client, prefix=prefix)
        store._made = True
        return store

    def __repr__(self) -> str:
        return f"RedisStore({type(self._client).__name__}, prefix={self._records.decode()!r})"

    async def read(self, key: str, *, extend: int | None = None) -> Record | None:
        name = self._records + key.encode()
        found = await (self._send("GET", name) if extend is None else self._send("GETEX", name, "EX", extend))
        return None if found is None else Record(found[_VERSION:], int.from_bytes(found[:_VERSION]))

    async def create(self, key: str, data: bytes, ttl: int) -> bool:
        name, version = self._records + key.encode(), secrets.token_bytes(_VERSION)
        if await self._send("SET", name, version + data, "NX", "EX", ttl):
            return True
        # There is one; it may be this very one, sent twice.
        return bool(await self._send("GETRANGE", name, 0, _VERSION - 1) == version)

    async def update(self, key: str, data: bytes, ttl: int, *, version: int) -> Updated:
        record = secrets.token_bytes(_VERSION) + data
        answer: Updated = (
            await self._run(_UPDATE, self._records + key.encode(), version.to_bytes(_VERSION), record, ttl)
        ).decode()
        return answer

    async def touch(self, key: str, ttl: int) -> bool:
        return bool(await self._send("EXPIRE", self._records + key.encode(), ttl))

    async def delete(self, key: str) -> bool:
        return bool(await self._send("DEL", self._records + key.encode()))

    async def index(self, subject: str, key: str, ttl: int) -> None:
        await self._run(_INDEX, self._subject(subject), key, ttl)

    async def keys_of(self, subject: str) -> list[str]:
        return [key.decode() for key in await self._run(_KEYS_OF, self._subject(subject))]

    async def aclose(self) -> None:
        """Closes the connections of a client that `from_url` made; one that was passed in stays open."""
        if self._made and _on_asyncio():  # elsewhere there are none
            await self._client.aclose(close_connection_pool=True)

    def _subject(self, subject: str) -> bytes:
        """A digest, as a subject may be of any length, and of any characters, halves among them."""
        digest = hashlib.sha256(subject.encode(errors="surrogatepass"))
        return self._subjects + digest.hexdigest().encode()

    async def _run(self, script: _Script, key: bytes, *arguments: Any) -> Any:
        """What the script answers. A node that does not know it, new, restarted or flushed, is sent all of it."""
        try:
            return await self._send("EVALSHA", script.digest, 1, key, *arguments)
        except Exception as error:
            if type(error).__name__ != "NoScriptError":  # each of the libraries has its own
                raise
        return await self._send("EVAL", script.text, 1, key, *arguments)

    async def _send(self, *command: Any) -> Any:
        if not _on_asyncio():
            remedy = "run the server on asyncio, or use MemoryStore or SQLiteStore"
            raise RuntimeError(f"{_OWNER}: works on asyncio only, and this is another event loop; {remedy}")
        async with self._turn:
            # Does nothing but once, with a cluster's client: if several use one that does not know its nodes yet, they
            # close each other's connections.
            await self._client.initialize()
            return await self._client.execute_command(*command)


def _on_asyncio() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _check_client(options: Options, client: Any) -> None:
    example = "pass a client of redis.asyncio or valkey.asyncio"
    if isinstance(client, str):
        options.problem("client", "text", "must be a client, not a URL", "write RedisStore.from_url(url)")
        return
    seen = client.__name__ if isinstance(client, type) else type(client).__name__
    if isinstance(client, type) or not callable(getattr(client, "execute_command", None)):
        options.problem("client", seen, "is not a client", example)
        return
    if not inspect.iscoroutinefunction(client.execute_command):
        options.problem("client", seen, "is not async, and would hold up every other request", example)
    if client.get_encoder().decode_responses:
        rule = "has decode_responses=True, and sessions are bytes"
        options.problem("client", seen, rule, "leave it out, or make a client for the sessions alone")
    if getattr(client, "read_from_replicas", False) or getattr(client, "load_balancing_strategy", None):
        rule = "reads from replicas, which may still hold a session that was deleted"
        options.problem("client", seen, rule, "leave read_from_replicas and load_balancing_strategy out")


def _library() -> tuple[str, Any]:
    for name in _CLIENTS:
        try:
            return name, import_module(f"{name}.asyncio")
        except ImportError:
            continue
    raise MissingExtra(_OWNER, "url", "redis", "redis")
