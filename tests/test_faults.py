"""The fault sweep: cancelled at every await, a client gone at every send and receive, an application that raises
before every message; every middleware, and sessions in stores that wait.

2,800 requests with a fault, each with an ordinary one after it, in four seconds: nothing is found. `sweeping.py` says
what is looked at.
"""

import asyncio
import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from asgi_middleware import SessionMiddleware
from asgi_middleware._threads import Allowance
from asgi_middleware.compression import responder as compression
from asgi_middleware.sessions.stores import SQLiteStore
from asgi_middleware.sessions.stores.memory import MemoryStore

from . import apps
from .asgi import App
from .breaking import AnswersTheCancelled, Broken, StartsTwice, SwallowsErrors
from .storing import NOW, OLD, cookie
from .storing import SECRET as SITES_SECRET
from .subjects import SUBJECTS, Wrap
from .sweeping import CONVERSATIONS, FAULTS, asked, count, swept


@pytest.fixture(autouse=True)
def threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is longer than a thread's round trip is done in threads, on any machine."""
    monkeypatch.setattr(compression, "_on_the_loop", Allowance(0))


@pytest.fixture(autouse=True)
def descriptors() -> Iterator[None]:
    before = sorted(os.listdir("/proc/self/fd"))
    yield
    assert sorted(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("subject", SUBJECTS)
def test_no_fault_does_harm(subject: str) -> None:
    sweep = swept(SUBJECTS[subject])
    assert sweep.found == []
    assert sweep.cases > 80


def test_no_middleware_at_all_gives_nothing() -> None:
    """The control: what is found comes from the middleware."""
    sweep = swept(Broken)
    assert sweep.found == []
    assert sweep.cases > 80


def test_compression_is_cancelled_in_its_threads() -> None:
    """There is one await more for each piece that is big."""
    offloaded = swept(SUBJECTS["gzip"], faults=FAULTS[:1]).cases
    assert offloaded > swept(SUBJECTS["compression on the loop"], faults=FAULTS[:1]).cases


# --- sessions in stores -----------------------------------------------------------------------------------------------


class Waiting(MemoryStore):
    """A store that lets others come in before each operation and before its answer, as one across a network does."""

    async def read(self, key: str, *, extend: int | None = None) -> Any:
        return await self._between(super().read(key, extend=extend))

    async def create(self, key: str, data: bytes, ttl: int) -> bool:
        await self.delete(key)  # one ID is given to one session after the other here
        return bool(await self._between(super().create(key, data, ttl)))

    async def update(self, key: str, data: bytes, ttl: int, *, version: int) -> Any:
        return await self._between(super().update(key, data, ttl, version=version))

    async def touch(self, key: str, ttl: int) -> bool:
        return bool(await self._between(super().touch(key, ttl)))

    async def delete(self, key: str) -> bool:
        return bool(await self._between(super().delete(key)))

    async def index(self, subject: str, key: str, ttl: int) -> None:
        await self._between(super().index(subject, key, ttl))

    async def _between(self, operation: Any) -> Any:
        try:
            await asyncio.sleep(0)
            answer = await operation
        finally:
            operation.close()  # if it was never begun
        await asyncio.sleep(0)
        return answer


class RecreatingSQLite(SQLiteStore):
    async def create(self, key: str, data: bytes, ttl: int) -> bool:
        await self.delete(key)
        return await super().create(key, data, ttl)


async def saved_at_once(session: Any) -> None:
    count(session)
    await session.save()


def of_somebody(session: Any) -> None:
    count(session)
    session.subject = "ada"


def regenerated(session: Any) -> None:
    count(session)
    session.regenerate()


def logged_out(session: Any) -> None:
    session.get("visits")
    session.destroy()


def by_two_tasks(session: Any) -> Any:
    async def both() -> None:
        count(session)
        async with anyio.create_task_group() as group:
            group.start_soon(session.save)
            group.start_soon(session.save)

    return both()


USES: list[Callable[[Any], Any]] = [count, saved_at_once, of_somebody, regenerated, logged_out, by_two_tasks]
FIRST = CONVERSATIONS["a whole response"]
AGAIN = [("cookie", f"session={cookie()}")]
VISITS = {
    "a first visit": FIRST,
    "another visit": replace(FIRST, scope=asked(more=AGAIN)),
    "a WebSocket": CONVERSATIONS["a WebSocket"],
}


def stored(store: Any) -> Wrap:
    """The one session that there is has the ID `OLD`."""
    return lambda app: SessionMiddleware(
        app, SITES_SECRET, store=store, clock=lambda: NOW, token_bytes=lambda size: OLD, rolling=True
    )


@pytest.mark.parametrize("use", USES)
def test_no_fault_does_harm_to_a_session_in_a_store(use: Callable[[Any], Any]) -> None:
    sweep = swept(stored(Waiting()), VISITS, use=use)
    assert sweep.found == []
    assert sweep.cases > 30


@pytest.mark.parametrize("use", USES)
def test_no_fault_does_harm_to_a_session_in_sqlite(use: Callable[[Any], Any], tmp_path: Path) -> None:
    store = RecreatingSQLite(tmp_path / "sessions.db", clock=lambda: NOW)
    try:
        sweep = swept(stored(store), VISITS, use=use)
    finally:
        asyncio.run(store.aclose())
    assert sweep.found == []
    assert sweep.cases > 20


# --- broken on purpose ------------------------------------------------------------------------------------------------


class SwallowsCancellation(Broken):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await self.app(scope, receive, send)


class SwallowsTheClientGone(Broken):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def careless(message: Any) -> None:
            with contextlib.suppress(OSError):
                await send(message)

        await self.app(scope, receive, careless)


class SendsAgain(Broken):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def stubborn(message: Any) -> None:
            try:
                await send(message)
            except OSError:
                await send(message)

        await self.app(scope, receive, stubborn)


class SendsAfterTheEnd(Broken):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)
        await send(apps.body(b""))


class HidesTheDisconnect(Broken):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def deaf() -> Any:
            message = await receive()
            return {"type": "http.request"} if message["type"] == "http.disconnect" else message

        await self.app(scope, deaf, send)


class LeavesATask(Broken):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.task = asyncio.create_task(anyio.sleep_forever())
        await self.app(scope, receive, send)
        self.task.cancel()


class KeepsALock(Broken):
    def __init__(self, app: App) -> None:
        super().__init__(app)
        self.lock = threading.Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.lock.acquire(blocking=False)
        await self.app(scope, receive, send)
        self.lock.release()


class KeepsASave(Broken):
    def __init__(self, app: App) -> None:
        super().__init__(app)
        self._saving: dict[int, Any] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self._saving[id(scope)] = None
        await self.app(scope, receive, send)
        del self._saving[id(scope)]


class KeepsATransaction(Broken):
    def __init__(self, app: App) -> None:
        super().__init__(app)
        self.connection = sqlite3.connect(":memory:", isolation_level=None)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if not self.connection.in_transaction:
            self.connection.execute("BEGIN IMMEDIATE")
        await self.app(scope, receive, send)
        self.connection.execute("COMMIT")


class KeepsAPlace(Broken):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await compression._threads.run(bool)
        limiter = compression._threads._limiters.get()
        with contextlib.suppress(anyio.WouldBlock):
            limiter.acquire_on_behalf_of_nowait(self)
        await self.app(scope, receive, send)
        limiter.release_on_behalf_of(self)


class IsOutOfOrder(Broken):
    broken = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self.broken:
            await send(apps.start(503))
        try:
            await self.app(scope, receive, send)
        except BaseException:
            self.broken = True
            raise


CONTROLS: list[tuple[type[Broken], str, str]] = [
    (SwallowsCancellation, FAULTS[0], "the cancellation came out as None"),
    (AnswersTheCancelled, FAULTS[0], "http.response.start was sent after the fault"),
    (SwallowsTheClientGone, FAULTS[1], "OSError('the client has gone') came out as None"),
    (SendsAgain, FAULTS[1], "was sent after the fault"),
    (HidesTheDisconnect, FAULTS[2], "the application did not hear what the server said"),
    (SwallowsErrors, FAULTS[3], "came out as None"),
    (StartsTwice, FAULTS[3], "a second start"),
    (SendsAfterTheEnd, FAULTS[0], "something was sent after the end"),
    (LeavesATask, FAULTS[0], "left a task"),
    (KeepsALock, FAULTS[1], "left the lock lock"),
    (KeepsASave, FAULTS[3], "left a save"),
    (KeepsATransaction, FAULTS[0], "left a transaction"),
    (KeepsAPlace, FAULTS[0], "left a place among the threads"),
    (IsOutOfOrder, FAULTS[3], "the next request is answered otherwise"),
]


@pytest.mark.parametrize(("broken", "fault", "expected"), CONTROLS, ids=[row[0].__name__ for row in CONTROLS])
def test_what_does_harm_is_found(broken: type[Broken], fault: str, expected: str) -> None:
    made: list[Any] = []

    def wrap(app: App) -> App:
        made.append(broken(app))
        return made[-1]  # type: ignore[no-any-return]  # it is a Broken

    try:
        found = swept(wrap, {"a whole response": FIRST}, (fault,)).found
    finally:
        for each in made:
            if hasattr(each, "connection"):
                each.connection.close()
    assert [what for what in found if expected in what]
