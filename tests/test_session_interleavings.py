"""Three requests with one session, in every order that chance finds, step by step, against what must always hold.

A step ends at each operation of the store, before it is done and again before its answer is told, and at each thing
that the application does. Nothing waits and nothing is timed: a seed is an order.
"""

import json
import types
from collections.abc import Generator
from random import Random
from typing import Any

import pytest

from asgi_middleware.sessions import SessionConflict, SessionMiddleware
from asgi_middleware.sessions.stores import Updated
from asgi_middleware.sessions.stores.memory import MemoryStore

from .apps import start
from .asgi import http
from .storing import NOW, OLD, SECRET, TERM, cookie, key, record, sends

SCHEDULES = 500  # of whatever three may do
CLASHING = 100  # of each kind below
SCRIPTS = ["write", "write", "share", "share", "read", "save", "regenerate", "destroy", "pop", "subject"]


@types.coroutine
def pause() -> Generator[None]:
    """Let another request go on."""
    yield


def content_of(data: bytes) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(data.partition(b"\n")[0])
    return content


class World:
    """The store that all requests share, and what must hold whatever they do."""

    def __init__(self) -> None:
        self.store = MemoryStore(clock=lambda: NOW)
        self.dead: set[str] = set()  # keys that somebody was told they had deleted

    async def read(self, key: str) -> dict[str, Any] | None:
        found = await self.store.read(key)
        assert found is None or key not in self.dead, "what was destroyed is readable again"
        return None if found is None else content_of(found.data)


class Visitor:
    """One request. It is its own store, and checks what it does to the shared one."""

    def __init__(self, world: World, number: int, script: list[str]) -> None:
        self.world = world
        self.number = number
        self.script = script
        self.drawn = 0
        self.synced: dict[str, Any] = {}  # the content of the record, as it was last read or written here
        self.left: dict[str, Any] = {}  # that of a record which was deleted here
        self.written: dict[str, int] = {}  # what this one wrote into its session, as it is now
        self.shared: int | None = None  # what it wrote into the key that all share, unless it is saved already
        self.sent: list[Any] = []
        self.error: Exception | None = None

    async def read(self, key: str, *, extend: int | None = None) -> Any:
        await pause()
        found = await self.world.store.read(key, extend=extend)
        content = await self.world.read(key)
        if content is not None:
            self.synced = content
        await pause()
        return found

    async def create(self, key: str, data: bytes, ttl: int) -> bool:
        await pause()
        assert key not in self.world.dead
        content = content_of(data)
        missing = {name for name in self.left if name.startswith("w")} - content.keys()
        assert not missing, "a new ID has lost what was there when its request last looked"
        assert self.written.items() <= content.items()
        created = await self.world.store.create(key, data, ttl)
        self.synced, self.shared = content, None
        await pause()
        return created

    async def update(self, key: str, data: bytes, ttl: int, *, version: int) -> Updated:
        await pause()
        before, content = await self.world.read(key), content_of(data)
        answer = await self.world.store.update(key, data, ttl, version=version)
        if answer == "ok":
            assert before is not None
            missing = {name for name in before if name.startswith("w")} - content.keys()
            assert not missing, "an update has lost what somebody else had saved"
            assert self.written.items() <= content.items()
            expected = before.get("shared") if self.shared is None else self.shared
            assert content.get("shared") == expected, "of one key the last who saved it wins"
            self.synced, self.shared = content, None
        await pause()
        return answer

    async def touch(self, key: str, ttl: int) -> bool:
        await pause()
        return await self.world.store.touch(key, ttl)

    async def delete(self, key: str) -> bool:
        await pause()
        deleted = await self.world.store.delete(key)
        if deleted:
            self.world.dead.add(key)
            self.left = self.synced
        await pause()
        return deleted

    async def index(self, subject: str, key: str, ttl: int) -> None:
        await pause()
        await self.world.store.index(subject, key, ttl)

    async def keys_of(self, subject: str) -> list[str]:
        return await self.world.store.keys_of(subject)

    def token(self, size: int) -> bytes:
        self.drawn += 1
        return b"%d%d" % (self.number, self.drawn) * (size // 2)

    def forget(self) -> None:
        self.synced, self.left, self.written, self.shared = {}, {}, {}, None

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        session = scope["session"]
        for number, deed in enumerate(self.script):
            await pause()
            if not session and self.written:  # it was lost when it was saved
                self.forget()
            match deed:
                case "write":
                    session[f"w{self.number}{number}"] = self.written[f"w{self.number}{number}"] = number
                case "share":
                    session["shared"] = self.shared = 10 * self.number + number
                case "read":
                    session.get("a")
                case "pop":
                    session.pop("a", None)
                case "save":
                    await session.save()
                case "regenerate":
                    session.regenerate()
                case "subject":
                    session.subject = f"user-{self.number}"
                case "destroy":
                    session.destroy()
                    self.forget()
        await pause()
        await send(start(headers=[]))
        self.acknowledged(session)

    def acknowledged(self, session: Any) -> None:
        """Checked at once: nobody has had a turn since the response was sent."""
        cookies = [value for name, value in self.sent[0]["headers"] if name == b"set-cookie"]
        kept = self.world.store._kept.get(session._key) if session._key else None
        if cookies and not cookies[0].startswith(b"session=null") and kept is not None and kept.record is not None:
            assert cookies[0].decode().startswith(f"session={cookie(session._secret)};")
            assert self.written.items() <= content_of(kept.record.data).items(), "acknowledged, and not saved"
        if self.written and session and not cookies:
            assert session._key is None or self.written.items() <= self.synced.items()

    async def run(self) -> None:
        middleware: Any = SessionMiddleware(
            self.app, SECRET, store=self, clock=lambda: NOW, token_bytes=self.token, rolling=self.number == 2
        )

        async def send(message: Any) -> None:
            self.sent.append(message)

        try:
            await middleware(http(headers=sends(cookie(now=NOW - TERM // 2))), None, send)
        except SessionConflict as error:
            self.error = error
            assert self.sent == []


def play(seed: int, scripts: list[list[str]] | None = None) -> World:
    draw = Random(seed)  # noqa: S311  # an order that can be repeated
    world = World()
    setup: Any = world.store.create(key(OLD), record({"a": 1}), TERM).__await__()
    with pytest.raises(StopIteration):
        next(setup)
    if scripts is None:
        scripts = [draw.choices(SCRIPTS, k=draw.randint(1, 4)) for _ in range(3)]
    visitors = [Visitor(world, number, script) for number, script in enumerate(scripts)]
    running: list[Any] = [visitor.run().__await__() for visitor in visitors]
    while running:
        one = draw.choice(running)
        try:
            next(one)
        except StopIteration:
            running.remove(one)
        assert not any(world.store._kept[gone].record for gone in world.dead & world.store._kept.keys()), (
            "there is a record under an ID that was destroyed"
        )
    live = [secret for secret, kept in world.store._kept.items() if kept.record is not None]
    born = sum("destroy" in visitor.script or visitor.sent != [] for visitor in visitors)
    assert len(live) <= 1 + born
    if not any("destroy" in script for script in scripts) and not any(visitor.error for visitor in visitors):
        successors = [secret for secret in live if b'"a":1' in world.store._kept[secret].record.data]  # type: ignore[union-attr]
        assert len(successors) <= 1, "two sessions have come of one"
    return world


@pytest.mark.parametrize("part", range(5))
def test_whatever_three_requests_do_in_whatever_order(part: int) -> None:
    for seed in range(part * SCHEDULES // 5, (part + 1) * SCHEDULES // 5):
        play(seed)


CLASHES: list[tuple[str, list[list[str]]]] = [
    ("three writers", [["write"], ["write", "share"], ["share", "write"]]),
    ("writers that save twice", [["write", "save", "write"], ["share", "save", "share"], ["write"]]),
    ("two new IDs and a writer", [["regenerate"], ["regenerate", "write"], ["write"]]),
    ("two new IDs and a logout", [["regenerate"], ["regenerate"], ["destroy"]]),
    ("a logout, a writer, and one whose session is extended", [["destroy"], ["write"], ["read"]]),
    ("a login, a logout and a writer", [["regenerate", "subject", "write"], ["destroy"], ["write", "save", "write"]]),
]


@pytest.mark.parametrize(("sentence", "scripts"), CLASHES, ids=[row[0] for row in CLASHES])
def test_clashes(sentence: str, scripts: list[list[str]]) -> None:
    for seed in range(CLASHING):
        world = play(seed, scripts)
        if "logout" not in sentence and "IDs" not in sentence:
            found = world.store._kept[key(OLD)].record
            assert found is not None
        if "logout" in sentence and "IDs" not in sentence:
            assert world.dead


class Recreates(MemoryStore):
    """Broken on purpose: an update of what is gone creates it."""

    async def update(self, key: str, data: bytes, ttl: int, *, version: int) -> Any:
        answer = await super().update(key, data, ttl, version=version)
        if answer == "gone":
            await self.create(key, data, ttl)
        return "ok"


class Overwrites(MemoryStore):
    """Broken on purpose: the version is not looked at."""

    async def update(self, key: str, data: bytes, ttl: int, *, version: int) -> Any:
        found = await self.read(key)
        return await super().update(key, data, ttl, version=found.version if found else 0)


@pytest.mark.parametrize("store", [Recreates, Overwrites])
def test_a_store_that_does_not_keep_its_word_is_found_out(
    store: type[MemoryStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "MemoryStore", store)

    def play_all() -> None:
        for seed in range(CLASHING):
            play(seed, [["destroy"], ["write"], ["write"]])

    with pytest.raises(AssertionError):
        play_all()
