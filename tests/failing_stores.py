"""Requests to a store of which one operation fails, each in turn, and what is wrong with what comes of them."""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import anyio
from trio.testing import MockClock

from asgi_middleware import SessionMiddleware
from asgi_middleware.sessions.stores.memory import MemoryStore

from .asgi import Exchange, drive, http, step
from .storing import (
    NOW,
    OLD,
    SECRET,
    TERM,
    Use,
    add,
    ask,
    both,
    cookie,
    destroyed,
    key,
    nothing,
    owned,
    read,
    record,
    regenerated,
    sends,
    using,
)

TIMEOUT = 0.001  # seconds, of asyncio's own clock
LONG_AGO = NOW - TERM // 2  # so that a rolling session is extended


async def saved(session: Any) -> None:
    session["b"] = 2
    await session.save()


# What is done, and whether a session came with the request.
REQUESTS: dict[str, tuple[Use, bool]] = {
    "not used": (nothing, True),
    "read": (read, True),
    "a new one": (add, False),
    "a new one of somebody": (both(owned, add), False),
    "a change": (add, True),
    "a subject": (owned, True),
    "saved at once": (saved, True),
    "saved at once, and changed again": (both(saved, owned), True),
    "a new ID": (regenerated, True),
    "a new ID, and a change": (both(regenerated, add), True),
    "a logout": (destroyed, True),
}


class Down(ConnectionError):
    """What a store raises."""


class Nth(MemoryStore):
    """Does to its n-th operation, or to the answer of that, what it is told."""

    def __init__(self, at: float, fault: Callable[[Any], Any], *, after: bool) -> None:
        super().__init__(clock=lambda: NOW)
        self.at = at
        self.fault = fault
        self.after = after
        self.number = 0
        self.failed = ""  # the operation

    async def _do(self, name: str, operation: Any) -> Any:
        self.number += 1
        if self.number != self.at + 1:
            return await operation
        self.failed = name
        if self.after:
            answer = self.fault(await operation)
        else:
            operation.close()
            answer = self.fault(None)
        return await answer if asyncio.iscoroutine(answer) else answer

    async def read(self, key: str, *, extend: int | None = None) -> Any:
        return await self._do("read", super().read(key, extend=extend))

    async def create(self, key: str, data: bytes, ttl: int) -> Any:
        return await self._do("create", super().create(key, data, ttl))

    async def update(self, key: str, data: bytes, ttl: int, *, version: int) -> Any:
        return await self._do("update", super().update(key, data, ttl, version=version))

    async def touch(self, key: str, ttl: int) -> Any:
        return await self._do("touch", super().touch(key, ttl))

    async def delete(self, key: str) -> Any:
        return await self._do("delete", super().delete(key))

    async def index(self, subject: str, key: str, ttl: int) -> Any:
        return await self._do("index", super().index(subject, key, ttl))


def kept(store: MemoryStore) -> dict[str, bytes]:
    return {name: each.record.data for name, each in store._kept.items() if each.record is not None}


@dataclass
class Case:
    """One request to a store of which one operation fails."""

    sentence: str
    at: float
    fault: Callable[[Any], Any]
    after: bool = False
    loop: str | None = None
    on_store_error: str = "raise"
    wrap: Callable[..., Any] = SessionMiddleware
    in_the_app: bool = False  # whether the application had been called when the operation failed

    def run(self) -> "Case":
        use, comes_again = REQUESTS[self.sentence]
        self.store = Nth(float("inf"), self.fault, after=self.after)
        if comes_again:
            step(self.store.create(key(OLD), record({"a": 1}), TERM))
        self.store.number, self.store.at = 0, self.at
        drawn = itertools.count(1)

        def called(session: Any) -> Any:
            self.in_the_app = not self.store.failed
            return use(session)

        options: dict[str, Any] = {
            "store": self.store,
            "clock": lambda: NOW,
            "token_bytes": lambda size: b"%d" % next(drawn) * size,
            "rolling": True,
            "on_store_error": self.on_store_error,
            "store_timeout": TIMEOUT,
        }
        self.app = self.wrap(using(called), SECRET, **options)
        self.headers = sends(*[cookie(now=LONG_AGO)] if comes_again else [])
        self.exchange = self.ask()
        return self

    def ask(self) -> Exchange:
        if self.loop is None:
            return drive(self.app, http(headers=self.headers))
        # trio's clock goes on by itself as soon as everybody waits
        options = {"clock": MockClock(autojump_threshold=0)} if self.loop == "trio" else {}

        async def main() -> Exchange:
            return await ask(self.app, http(headers=self.headers))

        return anyio.run(main, backend=self.loop, backend_options=options)


def cases(fault: Callable[[Any], Any], **options: Any) -> Iterator[Case]:
    """Every operation of every request, before it is done and after."""
    for sentence in REQUESTS:
        for after in (False, True):
            for at in itertools.count():
                case = Case(sentence, at, fault, after, **options).run()
                if not case.store.failed:
                    break
                yield case


def wrong(case: Case, raised: type[BaseException] | None) -> Iterator[str]:
    """What is wrong with a case. `raised`: what must come out; Exception: what may; None: nothing may."""
    exchange = case.exchange
    kinds = [message["type"] for message in exchange.sent]
    error = exchange.error
    where = f"{case.sentence}, {case.store.failed} {case.at}{', after' if case.after else ''}: "
    if error is None:
        hidden = case.on_store_error == "empty" and not case.in_the_app and raised is not asyncio.CancelledError
        if raised not in (None, Exception) and not hidden:
            yield where + "the failure was swallowed"
        if kinds != ["http.response.start", "http.response.body"]:
            yield f"{where}no answer, but {kinds}"
        cookies = [line for line in exchange.header("set-cookie") if not line.startswith("session=null")]
        if cookies and raised is not Exception and not kept(case.store):  # or the store has said that it has one
            yield where + "a cookie without a session"
    else:
        unsavable = case.on_store_error == "empty" and not case.in_the_app and isinstance(error, RuntimeError)
        if raised is None or not (isinstance(error, raised) or unsavable):
            yield f"{where}{error!r} came out"
        if kinds:
            yield f"{where}{kinds} was sent"
    if getattr(case.app, "_stored", None) is not None and case.app._stored._saving:
        yield where + "a save was left under way"
    if case.store._lock.locked():
        yield where + "the lock of the store was left"
    case.store.at = float("inf")
    again = case.ask()
    if again.error is not None or len(again.sent) != 2:
        yield f"{where}the next request: {again.error!r}, {again.sent}"


def swept(fault: Callable[[Any], Any], raised: type[BaseException] | None, **options: Any) -> tuple[int, list[str]]:
    """How many cases, and what was wrong with them."""
    number, found = 0, list[str]()
    for case in cases(fault, **options):
        number += 1
        found += wrong(case, raised)
        if case.store.number > 50:
            found.append(f"{case.sentence}: {case.store.number} operations")
    return number, found
