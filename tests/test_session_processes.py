"""Sessions that two servers share through one Redis: seen by both, and true when a server or Redis is killed.

Both are real uvicorns with the same application (sessioned.py). What one of them answered for, the other is asked.
"""

import asyncio
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import aclosing
from functools import partial
from typing import Any

import httpx2
import pytest

from asgi_middleware.sessions import sessions_of
from asgi_middleware.sessions.stores.redis import RedisStore

from .redis_servers import MISSING, RedisServer, binary, eventually, redis_server
from .serving import Server, serving
from .session_visitors import Answer, Visitor, World, together, world_of

pytest.importorskip("redis.asyncio", reason="the package redis is not installed")
pytestmark = pytest.mark.skipif(binary() is None, reason=MISSING)

COMMAND = ["uvicorn", "tests.sessioned:app", "--port", "0"]
WRITERS = 4
USERS = 6
SOME = 20  # writes of each, enough to be in the middle of it
A_FEW = 3
LIMIT = 2_000  # writes of each, however slow the rest is

ADA, NOBODY = {"user": "ada"}, dict[str, Any]()


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with redis_server() as started:
        yield started


@pytest.fixture(scope="module")
def servers(redis: RedisServer) -> Iterator[tuple[Server, Server]]:
    with serving(COMMAND) as one, serving(COMMAND) as other:
        yield one, other


# Server, path, and the session afterwards; "old:" with the cookie that the login set.
SHARED: dict[str, list[tuple[str, str, dict[str, Any]]]] = {
    "logged in on one, and on the other": [("one", "/login/ada", ADA), ("other", "/read", ADA), ("one", "/read", ADA)],
    "what either writes, both read": [
        ("one", "/login/ada", ADA),
        ("other", "/put/a/1", {**ADA, "a": "1"}),
        ("one", "/put/b/2", {**ADA, "a": "1", "b": "2"}),
        ("other", "/read", {**ADA, "a": "1", "b": "2"}),
    ],
    "logged out on one, and on the other": [
        ("one", "/login/ada", ADA),
        ("one", "/logout", NOBODY),
        ("other", "old:/read", NOBODY),
        ("one", "old:/read", NOBODY),
    ],
    "what is written after the logout is another session's": [
        ("one", "/login/ada", ADA),
        ("other", "/logout", NOBODY),
        ("one", "old:/put/a/1", {"a": "1"}),
        ("other", "old:/read", NOBODY),
    ],
    "a new ID on one makes the old one nobody's on the other": [
        ("one", "/login/ada", ADA),
        ("other", "/regenerate", ADA),
        ("one", "old:/read", NOBODY),
        ("one", "/read", ADA),
    ],
}


@pytest.mark.parametrize("steps", SHARED.values(), ids=SHARED.keys())
def test_what_one_server_does_the_other_sees(
    redis: RedisServer, servers: tuple[Server, Server], steps: list[tuple[str, str, dict[str, Any]]]
) -> None:
    async def main() -> None:
        async with world_of(redis, *servers) as world:
            visitor, old = world.visitor(), ""
            for server, path, expected in steps:
                url = (world.one if server == "one" else world.other) + path.removeprefix("old:")
                who = world.visitor(old) if path.startswith("old:") else visitor
                assert await who.session(url) == expected, path
                old = old or visitor.cookie

    asyncio.run(main())


# What is asked on the other server while a write waits on one, what is kept, and in how many records.
MEANWHILE: dict[str, tuple[str, dict[str, Any], int]] = {
    "a logout: it stays one": ("/logout", NOBODY, 0),
    "another write: both are kept": ("/put/b/2", {**ADA, "a": "1", "b": "2"}, 1),
    "a write of the same key: the later one is kept": ("/put/a/2", {**ADA, "a": "1"}, 1),
}


@pytest.mark.parametrize(("path", "kept", "records"), MEANWHILE.values(), ids=MEANWHILE.keys())
def test_what_comes_of_a_slow_write(
    redis: RedisServer, servers: tuple[Server, Server], path: str, kept: dict[str, Any], records: int
) -> None:
    async def main() -> None:
        async with world_of(redis, *servers) as world:
            visitor = world.visitor()
            await visitor.session(f"{world.one}/login/ada")
            slow = asyncio.create_task(world.visitor(visitor.cookie).get(f"{world.one}/put-slowly/a/1"))

            async def waits() -> bool:
                return bool(await world.visitor().session(f"{world.one}/waiting"))

            await eventually(waits)
            await world.visitor(visitor.cookie).session(f"{world.other}{path}")
            await world.visitor().session(f"{world.one}/go")
            assert (await slow).status == 200
            for url in (world.one, world.other):
                assert await world.visitor(visitor.cookie).session(f"{url}/read") == kept
            assert world.records() == records

    asyncio.run(main())


class Writer:
    """Writes to one session on one server, a new key each time, until it is told to stop or the server is gone."""

    def __init__(self, visitor: Visitor, url: str, name: str) -> None:
        self.visitor = visitor
        self.url = url
        self.name = name
        self.tried: set[str] = set()
        self.answered: set[str] = set()  # with 200
        self.stopped = False

    async def write(self) -> None:
        for number in range(LIMIT):
            if self.stopped:
                return
            key = f"{self.name}{number}"
            self.tried.add(key)
            try:
                answer = await self.visitor.get(f"{self.url}/put/{key}/1")
            except httpx2.TransportError:
                return
            assert answer.status in (200, 500)  # 500: the other one was first again and again
            if answer.status == 200:
                self.answered.add(key)


def test_a_server_that_is_killed_takes_nothing_along_that_it_answered(redis: RedisServer) -> None:
    """In each session one writer on either server, so that they also merge."""

    async def main() -> None:
        with serving(COMMAND) as killed, serving(COMMAND) as other:
            async with world_of(redis, killed, other) as world:
                cookies: list[str] = []
                for number in range(WRITERS):
                    visitor = world.visitor()
                    await visitor.session(f"{world.one}/login/user-{number}")
                    cookies.append(visitor.cookie)
                there = [Writer(world.visitor(cookie), world.one, "a") for cookie in cookies]
                here = [Writer(world.visitor(cookie), world.other, "b") for cookie in cookies]

                async def kill() -> None:
                    await eventually(lambda: all(len(writer.answered) >= SOME for writer in there))
                    killed.process.kill()
                    seen = [len(writer.answered) for writer in here]
                    # The rest goes on.
                    await eventually(
                        lambda: all(len(writer.answered) > count for writer, count in zip(here, seen, strict=True))
                    )
                    for writer in (*there, *here):
                        writer.stopped = True

                await together(kill(), *(writer.write() for writer in (*there, *here)))

                assert world.records() == WRITERS
                async with aclosing(RedisStore.from_url(f"redis://127.0.0.1:{redis.port}/0")) as store:
                    for number, (cookie, one, two) in enumerate(zip(cookies, there, here, strict=True)):
                        read = await world.visitor(cookie).session(f"{world.other}/read")
                        assert [each.content for each in await sessions_of(store, f"user-{number}")] == [read]
                        assert read.pop("user") == f"user-{number}"
                        assert one.answered | two.answered <= read.keys() <= one.tried | two.tried
                        assert set(read.values()) == {"1"}

    asyncio.run(main())


# What is asked while Redis is gone, with a session's cookie or without one, and what is answered: the status, the
# session, and the cookie that is set.
OK, FAILED = Answer(200, NOBODY, None), Answer(500, "Internal Server Error", None)
UNTOUCHED = Answer(200, "untouched", None)
WITHOUT_REDIS: dict[tuple[str, str], tuple[Answer, Answer]] = {
    # on_store_error:               raise      empty
    ("/untouched", "nobody"): (UNTOUCHED, UNTOUCHED),
    ("/read", "nobody"): (OK, OK),
    ("/logout", "nobody"): (OK, OK),
    ("/put/a/1", "nobody"): (FAILED, FAILED),
    ("/login/eve", "nobody"): (FAILED, FAILED),
    ("/untouched", "ada"): (FAILED, UNTOUCHED),
    ("/read", "ada"): (FAILED, OK),
    ("/put/a/1", "ada"): (FAILED, FAILED),
    ("/login/eve", "ada"): (FAILED, FAILED),
    ("/logout", "ada"): (FAILED, FAILED),
}


async def answers(world: World, cookie: str) -> dict[tuple[str, str], Answer]:
    return {
        (path, who): await world.visitor(cookie if who == "ada" else "").get(world.one + path)
        for path, who in WITHOUT_REDIS
    }


@pytest.mark.parametrize("gone", ["killed", "stopped"])
def test_what_is_answered_while_redis_is_gone(redis: RedisServer, servers: tuple[Server, Server], gone: str) -> None:
    """Killed, it comes back empty; stopped, it lets everybody wait, and has lost nothing."""

    async def main() -> None:
        async with (
            world_of(redis, *servers) as patient,
            world_of(redis, *servers, store_timeout=0.1) as strict,
            world_of(redis, *servers, store_timeout=0.1, on_store_error="empty") as lenient,
        ):
            ada = patient.visitor()
            assert await ada.session(f"{patient.one}/login/ada") == ADA
            leave(redis, gone)
            try:
                strictly, leniently = await answers(strict, ada.cookie), await answers(lenient, ada.cookie)
            finally:
                come_back(redis, gone)
            assert strictly == {row: expected for row, (expected, _) in WITHOUT_REDIS.items()}
            assert leniently == {row: expected for row, (_, expected) in WITHOUT_REDIS.items()}

            kept = Answer(200, NOBODY if gone == "killed" else ADA, None)
            for world in (patient, strict, lenient):
                for url in (world.one, world.other):
                    await eventually(partial(reads, patient.visitor(ada.cookie), url, kept))
            assert await patient.visitor().session(f"{patient.other}/login/eve") == {"user": "eve"}

    asyncio.run(main())


async def reads(visitor: Visitor, url: str, expected: Answer) -> bool:
    return await visitor.get(f"{url}/read") == expected


def leave(redis: RedisServer, how: str) -> None:
    if how == "killed":
        redis.kill()
    else:
        assert redis.process is not None
        redis.process.send_signal(signal.SIGSTOP)


def come_back(redis: RedisServer, how: str) -> None:
    if how == "killed":
        redis.start()
    else:
        assert redis.process is not None
        redis.process.send_signal(signal.SIGCONT)


class Outage:
    """A Redis that is killed and started again: up, going, down, coming, up, and so on. `era` counts them."""

    NAMES = ("up", "going", "down", "coming")

    def __init__(self, redis: RedisServer) -> None:
        self.redis = redis
        self.era = 0

    async def turn(self, how: Callable[[], None]) -> None:
        self.era += 1
        await asyncio.to_thread(how)
        self.era += 1

    def still(self, era: int) -> str:
        """The name of an era that still lasts, or "over": then nothing can be said of what was asked in it."""
        return self.NAMES[era % 4] if era == self.era else "over"


class User:
    """Logs in and writes, and asks the other server at once for what was answered with 200.

    `seen` counts the answers that came in the era in which they were asked for: "saved", "saved anew" in a session that
    is no longer the one of the login, and "failed", on either server. `wrong` has what must not be.
    """

    def __init__(self, world: World, outage: Outage, name: str) -> None:
        self.world = world
        self.outage = outage
        self.name = name
        self.visitor = world.visitor()
        self.seen: Counter[tuple[int, str]] = Counter()
        self.wrong: list[Any] = []
        self.stopped = False

    async def use(self) -> None:
        for number in range(LIMIT):
            if self.stopped:
                return
            if not self.visitor.cookie:
                await self.visitor.get(f"{self.world.one}/login/{self.name}")
            await self.write(str(number))
            for path, expected in (("/untouched", UNTOUCHED), ("/read", OK)):
                answer = await self.world.visitor().get(self.world.one + path)
                if answer != expected:
                    self.wrong.append((path, answer))

    async def write(self, value: str) -> None:
        era = self.outage.era
        answer = await self.visitor.get(f"{self.world.one}/put/key/{value}")
        if answer.status != 200:
            self.note(era, "failed")
            if answer != FAILED:
                self.wrong.append((self.outage.still(era), answer))
            return
        is_own = answer.session.get("user") == self.name
        self.note(era, "saved" if is_own else "saved anew")
        if self.outage.still(era) == "down":
            self.wrong.append(("down", answer))
        while (read := await self.read()) == FAILED and self.outage.still(era) == "up":
            self.note(era, "failed")
        if self.outage.still(era) == "up" and read != Answer(200, answer.session, None):
            self.wrong.append(("not there", answer, read))
        if not is_own:
            self.visitor.cookie = ""  # and log in again

    async def read(self) -> Answer:
        return await self.world.visitor(self.visitor.cookie).get(f"{self.world.other}/read")

    def note(self, era: int, what: str) -> None:
        if self.outage.era == era:
            self.seen[era, what] += 1


def test_no_write_is_answered_for_that_redis_has_not(redis: RedisServer, servers: tuple[Server, Server]) -> None:
    """Under load, twice killed and twice started again, empty, on the same port. The servers stay as they are."""

    async def main() -> None:
        async with world_of(redis, *servers) as world:
            outage = Outage(redis)
            users = [User(world, outage, f"user-{number}") for number in range(USERS)]

            async def have(what: str, times: int) -> None:
                era = outage.era
                await eventually(lambda: all(user.seen[era, what] >= times for user in users))

            async def kill_and_start() -> None:
                try:
                    await have("saved", SOME)
                    for _ in range(2):
                        await outage.turn(redis.kill)
                        await have("failed", A_FEW)
                        await outage.turn(redis.start)
                        await have("saved", SOME)
                finally:
                    for user in users:
                        user.stopped = True

            await together(kill_and_start(), *(user.use() for user in users))
            assert [user.wrong for user in users] == [[] for _ in users]
            for user in users:
                # Nobody is logged out before Redis has gone, and nobody stays so.
                assert {era for era, what in user.seen if what == "saved"} >= {0, 4, 8}
                assert (0, "saved anew") not in user.seen
            failed = sum((user.seen for user in users), Counter())
            assert failed[0, "failed"] == failed[4, "failed"] == failed[8, "failed"] == 0

    asyncio.run(main())
