"""Two requests with one session, over every store: one waits where it is told to, while the other one runs."""

import json
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import anyio
import pytest

from asgi_middleware.sessions import SessionConflict, SessionMiddleware

from .asgi import Exchange, http
from .session_stores import STORES, Opens, opens, redis
from .storing import (
    BORN,
    DELETED,
    NEW,
    NEXT,
    NOW,
    OLD,
    SECRET,
    TERM,
    VARY,
    Recorder,
    Use,
    add,
    ask,
    both,
    cookie,
    key,
    read,
    record,
    saved,
    sends,
    using,
)

__all__ = ["opens", "redis"]  # fixtures

EVERY_STORE = pytest.mark.parametrize(
    ("opens", "loop"), STORES, indirect=["opens"], ids=["-".join(row) for row in STORES]
)
LONG_AGO = cookie(now=NOW - TERM // 2)  # so that a rolling session is extended
LOST = "a session was destroyed while a request was changing it; the change is dropped"


class Gate:
    """Holds the first that comes to it, until it is opened."""

    def __init__(self) -> None:
        self.reached, self.opened = anyio.Event(), anyio.Event()

    async def __call__(self) -> None:
        if not self.reached.is_set():
            self.reached.set()
            await self.opened.wait()


class Visitor:
    """Sends requests, with the store to itself as far as hooks go; a new ID is drawn from `secrets`."""

    def __init__(self, store: Any, *secrets: bytes, **options: Any) -> None:
        self.store = Recorder(store)
        self.secrets = list(secrets)
        self.options: dict[str, Any] = {"clock": lambda: NOW, "token_bytes": self.draw, **options}

    def draw(self, size: int) -> bytes:
        return self.secrets.pop(0)

    async def visit(self, use: Use, value: str) -> Exchange:
        app = SessionMiddleware(using(use), SECRET, store=self.store, **self.options)
        return await ask(app, http(headers=sends(value)))


async def put(store: Any, content: dict[str, Any], **facts: Any) -> None:
    if facts.get("subject"):
        await store.index(facts["subject"], key(OLD), TERM)
    assert await store.create(key(OLD), record(content, **facts), TERM)


async def kept(store: Any) -> dict[bytes, bytes]:
    """The record of every ID that there is."""
    found = [(secret, await store.read(key(secret))) for secret in (OLD, NEW, NEXT)]
    return {secret: entry.data for secret, entry in found if entry is not None}


async def empty(store: Any) -> None:
    for secret in (OLD, NEW, NEXT):
        await store.delete(key(secret))


async def beside(slow: Visitor, use: Use, held: str, value: str, meanwhile: Callable[[], Awaitable[Any]]) -> Exchange:
    """The slow one's request, held before this operation (or in the app) for as long as `meanwhile` runs."""
    gate = Gate()
    if held == "app":
        use = both(lambda session: session.get("a"), lambda session: gate(), use)
    else:
        slow.store.hooks[held] = gate
    exchanges: list[Exchange] = []

    async def run() -> None:
        exchanges.append(await slow.visit(use, value))

    with anyio.fail_after(120):
        async with anyio.create_task_group() as group:
            group.start_soon(run)
            await gate.reached.wait()
            await meanwhile()
            gate.opened.set()
    return exchanges[0]


def destroy(session: Any) -> None:
    session.destroy()


def regenerate(session: Any) -> None:
    session.regenerate()


def marks(session: Any) -> None:
    session.mark_modified()


def leaves(session: Any) -> None:
    session.subject = "bob"


# A sentence, what the slow one does, where it is held, whether that drops a change, and its response's headers.
SLOW: list[tuple[str, Use, str, bool, Any]] = [
    ("a reader", read, "app", False, [VARY]),
    ("a reader, before it read", read, "read", False, [VARY]),
    ("a writer", add, "app", True, [VARY]),
    ("a writer, at the last moment", add, "update", True, [VARY]),
    ("one that marks", marks, "update", True, [VARY]),
    ("one that saves itself", both(add, lambda s: s.save()), "update", True, [VARY]),
    ("another logout", destroy, "delete", False, [VARY]),
    ("another new ID", regenerate, "delete", True, [VARY]),
    ("a change of its subject", leaves, "delete", True, [VARY]),
]


@EVERY_STORE
@pytest.mark.parametrize("other", [destroy, regenerate])
def test_what_was_destroyed_stays_destroyed(
    other: Use, opens: Opens, loop: str, caplog: pytest.LogCaptureFixture
) -> None:
    """By a logout, or by a new ID: the old one is worthless, whatever somebody slower wants."""

    async def main() -> None:
        async with opens() as store:
            for sentence, use, held, drops, headers in SLOW:
                await put(store, {"a": 1}, subject="ada")
                slow, fast = Visitor(store, NEXT), Visitor(store, NEW)
                answered: list[Exchange] = []

                async def meanwhile(fast: Visitor = fast, answered: list[Exchange] = answered) -> None:
                    answered.append(await fast.visit(other, cookie()))

                exchange = await beside(slow, use, held, cookie(), meanwhile)
                assert (sentence, exchange.error, exchange.headers) == (sentence, None, headers)
                left = {} if other is destroy else {NEW: record({"a": 1}, NOW, subject="ada")}
                assert (sentence, await kept(store)) == (sentence, left)
                assert answered[0].headers == (DELETED if other is destroy else saved(NEW))
                assert (await fast.visit(read, cookie())).headers == [VARY]
                assert (sentence, caplog.messages) == (sentence, [LOST] if drops else [])
                caplog.clear()
                await empty(store)

    anyio.run(main, backend=loop)


@EVERY_STORE
def test_a_slow_extension_revives_nothing(opens: Opens, loop: str) -> None:
    """Its lifetime is another one than its cookie says, so that a read, an index and a touch extend it."""

    async def main() -> None:
        async with opens() as store:
            for held in ("read", "index", "touch", "app"):
                for other, left in ((destroy, []), (regenerate, [NEW])):
                    await put(store, {"a": 1}, subject="ada", lifetime=60)
                    slow, fast = Visitor(store, rolling=True), Visitor(store, NEW)
                    exchange = await beside(slow, read, held, LONG_AGO, partial(fast.visit, other, cookie()))
                    assert (held, exchange.error, list(await kept(store))) == (held, None, left)
                    await empty(store)

    anyio.run(main, backend=loop)


@EVERY_STORE
def test_a_new_id_that_was_first_is_not_taken_back_by_a_logout_of_the_old_one(opens: Opens, loop: str) -> None:
    """The old ID is gone already, so the other one logs out of nothing: as if it had come after."""

    async def main() -> None:
        async with opens() as store:
            await put(store, {"a": 1})
            slow, fast = Visitor(store, NEXT), Visitor(store)

            async def meanwhile() -> None:
                assert (await fast.visit(destroy, cookie())).headers == [VARY]

            assert (await beside(slow, regenerate, "create", cookie(), meanwhile)).headers == saved(NEXT)
            assert await kept(store) == {NEXT: record({"a": 1}, NOW)}

    anyio.run(main, backend=loop)


@EVERY_STORE
def test_one_of_many_new_ids_wins(opens: Opens, loop: str) -> None:
    """And nobody else is given a cookie."""

    async def main() -> None:
        async with opens() as store:
            await put(store, {"a": 1})
            secrets = [bytes([number]) * 32 for number in range(8)]
            cookies: list[str] = []

            async def run(secret: bytes) -> None:
                exchange = await Visitor(store, secret).visit(regenerate, cookie())
                assert exchange.error is None
                cookies.extend(exchange.header("set-cookie"))

            async with anyio.create_task_group() as group:
                for secret in secrets:
                    group.start_soon(run, secret)
            found = [secret for secret in [OLD, *secrets] if await store.read(key(secret)) is not None]
            assert len(found) == 1
            assert found != [OLD]
            assert [("set-cookie", text) for text in cookies] == saved(found[0])[1:2]

    anyio.run(main, backend=loop)


# --- Merging ----------------------------------------------------------------------------------------------------------


def sets(**items: Any) -> Use:
    return lambda session: session.update(items)


def takes(*names: str) -> Use:
    def use(session: Any) -> None:
        for name in names:
            del session[name]

    return use


def inside(name: str, value: Any) -> Use:
    def use(session: Any) -> None:
        session["n"][name] = value

    return use


def owns(session: Any) -> None:
    session.subject = "ada"


def lasts(session: Any) -> None:
    session.set_expiry(99)


BASE: dict[str, Any] = {"a": 1, "b": 2, "n": {"x": 1}}
# A sentence, what the later one does, what the earlier one does, the content behind both, and its lifetime and subject.
MERGES: list[tuple[str, Use, Use, dict[str, Any], tuple[Any, Any]]] = [
    ("different keys", sets(c=3), sets(d=4), {**BASE, "d": 4, "c": 3}, (None, None)),
    ("the same key: the later one wins", sets(a=3), sets(a=4), {**BASE, "a": 3}, (None, None)),
    ("the same new key", sets(c=3), sets(c=4), {**BASE, "c": 3}, (None, None)),
    ("the same change", sets(a=3), sets(a=3), {**BASE, "a": 3}, (None, None)),
    ("the later one takes a key", takes("a"), sets(c=3), {"b": 2, "n": {"x": 1}, "c": 3}, (None, None)),
    ("the earlier one takes a key", sets(c=3), takes("a"), {"b": 2, "n": {"x": 1}, "c": 3}, (None, None)),
    ("each takes one", takes("a"), takes("b"), {"n": {"x": 1}}, (None, None)),
    ("both take the same", takes("a"), takes("a"), {"b": 2, "n": {"x": 1}}, (None, None)),
    ("taken, and changed by the earlier one", takes("a"), sets(a=4), {"b": 2, "n": {"x": 1}}, (None, None)),
    ("changed, and taken by the earlier one", sets(a=3), takes("a"), {"b": 2, "n": {"x": 1}, "a": 3}, (None, None)),
    (
        "inside one value: the later one's",
        inside("y", 2),
        inside("z", 3),
        {**BASE, "n": {"x": 1, "y": 2}},
        (None, None),
    ),
    ("inside a value and beside it", inside("y", 2), sets(a=4), {**BASE, "a": 4, "n": {"x": 1, "y": 2}}, (None, None)),
    ("cleared and written", both(lambda s: s.clear(), sets(c=3)), sets(d=4), {"d": 4, "c": 3}, (None, None)),
    ("marked", marks, sets(d=4), {**BASE, "d": 4}, (None, None)),
    ("a subject beside content", owns, sets(d=4), {**BASE, "d": 4}, (None, "ada")),
    ("content beside a subject", sets(d=4), owns, {**BASE, "d": 4}, (None, "ada")),
    ("a subject beside a lifetime", owns, lasts, BASE, (99, "ada")),
    ("a lifetime beside a subject", lasts, owns, BASE, (99, "ada")),
]


@EVERY_STORE
def test_what_two_change_at_the_same_time_is_merged(opens: Opens, loop: str) -> None:
    """The later one waits before its update, and finds that the earlier one has been there."""

    async def main() -> None:
        async with opens() as store:
            for sentence, later, earlier, content, (lifetime, subject) in MERGES:
                await put(store, BASE)
                slow, fast = Visitor(store), Visitor(store)
                exchange = await beside(slow, later, "update", cookie(), partial(fast.visit, earlier, cookie()))
                assert (sentence, exchange.error, len(exchange.header("set-cookie"))) == (sentence, None, 1)
                assert (sentence, await kept(store)) == (sentence, {OLD: record(content, BORN, lifetime, subject)})
                assert (sentence, await store.keys_of("ada")) == (sentence, [key(OLD)] if subject else [])
                operations = [name for name in slow.store.names if name != "index"]
                assert (sentence, operations) == (sentence, ["read", "update", "read", "update"])
                await empty(store)

    anyio.run(main, backend=loop)


@EVERY_STORE
def test_three_writers_at_once_all_count(opens: Opens, loop: str) -> None:
    """As many as there are attempts: one of those who try at the same time gets through each time."""

    async def main() -> None:
        async with opens() as store:
            await put(store, {"a": 1})

            async def run(name: str) -> None:
                exchange = await Visitor(store).visit(sets(**{name: 1}), cookie())
                assert exchange.error is None
                assert exchange.headers == saved()

            for turn in range(5):
                async with anyio.create_task_group() as group:
                    for name in "xyz":
                        group.start_soon(run, f"{name}{turn}")
            found = await store.read(key(OLD))
            names = set(json.loads(found.data.partition(b"\n")[0]))
            assert names == {"a"} | {f"{name}{turn}" for name in "xyz" for turn in range(5)}

    anyio.run(main, backend=loop)


@EVERY_STORE
@pytest.mark.parametrize("conflicts", [2, 3])
def test_who_is_overtaken_too_often_claims_nothing(conflicts: int, opens: Opens, loop: str) -> None:
    async def main() -> None:
        async with opens() as store:
            await put(store, {"a": 1})
            slow, times = Visitor(store), 0

            async def overtakes() -> None:
                nonlocal times
                if times < conflicts:
                    times += 1
                    await Visitor(store).visit(sets(**{f"x{times}": 1}), cookie())

            slow.store.hooks["update"] = overtakes
            exchange = await slow.visit(add, cookie())
            theirs = {"a": 1} | {f"x{time}": 1 for time in range(1, conflicts + 1)}
            if conflicts == 3:
                assert isinstance(exchange.error, SessionConflict)
                assert str(exchange.error) == "others changed it meanwhile, 3 times"
                assert exchange.sent == []
                assert await kept(store) == {OLD: record(theirs)}
            else:
                assert exchange.headers == saved()
                assert await kept(store) == {OLD: record({**theirs, "b": 2})}
            assert slow.store.names == ["read", "update", "read", "update", "read", "update"]

    anyio.run(main, backend=loop)
