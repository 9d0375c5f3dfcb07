"""Clients of servers that share sessions through one Redis, for the tests of several processes."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, NamedTuple

import httpx2

from .redis_servers import RedisServer
from .serving import Server

PATIENCE = 60  # seconds for one answer


class Answer(NamedTuple):
    status: int
    session: Any  # or text
    cookie: str | None  # the value that it sets


class Visitor:
    """A client that keeps one cookie, and can show it to any server."""

    def __init__(self, client: httpx2.AsyncClient, cookie: str = "") -> None:
        self.client = client
        self.cookie = cookie

    async def get(self, url: str) -> Answer:
        sent = {"cookie": f"session={self.cookie}"} if self.cookie else {}
        response = await self.client.get(url, headers=sent)
        set_cookie = response.headers.get("set-cookie")
        value = None if set_cookie is None else set_cookie.partition(";")[0].removeprefix("session=")
        self.cookie = {None: self.cookie, "null": ""}.get(value, value or "")
        kind = response.headers.get("content-type", "")
        return Answer(response.status_code, response.json() if kind == "application/json" else response.text, value)

    async def session(self, url: str) -> Any:
        """The session of an answer that is a 200."""
        answer = await self.get(url)
        assert answer.status == 200
        return answer.session


class World:
    """Two mounts of the same name on two servers."""

    _names = (f"m{number}" for number in itertools.count())

    def __init__(self, client: httpx2.AsyncClient, redis: RedisServer, *servers: Server) -> None:
        self.client = client
        self.redis = redis
        name = next(self._names)
        self.one, self.other = (f"{server.url}/{name}" for server in servers)

    def visitor(self, cookie: str = "") -> Visitor:
        return Visitor(self.client, cookie)

    def records(self) -> int:
        """How many sessions are in Redis."""
        return sum(not key.startswith("session:subject:") for key in self.redis.command("KEYS", "session:*"))


@asynccontextmanager
async def world_of(redis: RedisServer, *servers: Server, **options: Any) -> AsyncIterator[World]:
    redis.command("FLUSHALL")
    # The servers' connections are for many clients at once, and one that is killed must not hold up the rest.
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=20)
    keeps_none = CookieJar(DefaultCookiePolicy(allowed_domains=[]))  # each visitor has its own
    async with httpx2.AsyncClient(timeout=PATIENCE, limits=limits, cookies=keeps_none) as client:
        world = World(client, redis, *servers)
        for url in (world.one, world.other):
            told = {"store": f"redis://127.0.0.1:{redis.port}/0", **options}
            (await client.put(url, json=told)).raise_for_status()
        yield world


async def together(*tasks: Coroutine[Any, Any, None]) -> None:
    async with asyncio.TaskGroup() as group:
        for task in tasks:
            group.create_task(task)
