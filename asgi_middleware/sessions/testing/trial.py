"""What a check is made of: the store, keys that nobody else has, time, and sentences for what was wrong."""

import functools
import reprlib
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, Protocol

from ..stores import Record

Advance = Callable[[float], Awaitable[None] | None]

LONG = 60  # seconds: what is not to expire; long against any check, short enough to be left behind
# Seconds: what is to expire. Where it was over before the check had used it, the check is made again with the next.
_SHORT = (1, 4, 16)
_PATIENCE = 10  # seconds: how late a store without `advance` may be


class Check(Protocol):
    """One clause of the protocol; `__doc__` is the clause."""

    __name__: str

    def __call__(self, store: Any, advance: Advance | None = None) -> Coroutine[Any, Any, None]: ...


class Trial:
    """One store under one check. `short`: the seconds to live of what is to expire."""

    def __init__(self, store: Any, advance: Advance | None, short: int) -> None:
        self.store = store
        self.short = short
        self.keys: list[str] = []  # to be removed in the end
        self._advance = advance
        self._began = time.monotonic()
        self._prepared: float | None = None

    def was_in_time(self) -> bool:
        """Whether what is to expire was still alive, on any machine, when the check began to wait for that."""
        return (time.monotonic() if self._prepared is None else self._prepared) - self._began < self.short

    def key(self) -> str:
        self.keys.append(secrets.token_hex(32))
        return self.keys[-1]

    async def created(self, data: bytes = b"data", ttl: int = LONG) -> str:
        """The key of a new record."""
        key = self.key()
        same("`create` of a new key", await self.store.create(key, data, ttl), True)
        return key

    async def found(self, key: str, what: str = "the record") -> Record:
        record: Record | None = await self.store.read(key)
        if record is None:
            raise AssertionError(f"{what} should be there, and the store has none")
        return record

    async def none(self, key: str, what: str) -> None:
        same(f"`read` {what}", await self.store.read(key), None)

    async def outlive(self, *keys: str) -> None:
        """Wait until these, which have `short` to live, are over."""
        self._prepared = time.monotonic()
        if self._advance is not None:
            await self.advance(self.short + 1)
        else:
            await self._wait(keys)
        for key in keys:
            await self.none(key, f"of what had {self.short} s to live, after that")

    async def advance(self, seconds: float) -> None:
        """Let time pass, if that can be had at once."""
        moved = self._advance(seconds) if self._advance is not None else None
        if moved is not None:
            await moved

    async def _wait(self, keys: tuple[str, ...]) -> None:
        import anyio  # here, not above, as everywhere in the package: importing it imports no third party

        with anyio.move_on_after(self.short + _PATIENCE):
            while [key for key in keys if await self.store.read(key) is not None]:  # noqa: ASYNC110  # only by asking
                await anyio.sleep(0.05)

    async def clean_up(self) -> None:
        for key in self.keys:
            with suppress(Exception):  # whatever is wrong with the store has been said
                await self.store.delete(key)


def check(function: Callable[[Trial], Awaitable[None]]) -> Check:
    """What is told of a trial as what can be called with a store."""

    @functools.wraps(function)
    async def checked(store: Any, advance: Advance | None = None) -> None:
        for short in _SHORT:
            trial = Trial(store, advance, short)
            try:
                await function(trial)
                return
            except AssertionError:
                # A machine so busy that a second is over in the middle of the check says nothing about the store.
                if trial.was_in_time() or short == _SHORT[-1]:
                    raise
            finally:
                await trial.clean_up()

    return checked


def same(what: str, seen: object, expected: object) -> None:
    """Equal, and no 1 for True nor bytearray for bytes."""
    if seen != expected or type(seen) is not type(expected):
        raise AssertionError(f"{what} should give {reprlib.repr(expected)}, and gave {reprlib.repr(seen)}")


def has(store: object, part: bool, name: str) -> None:
    """Skips the check of an optional part that is not there."""
    if not part:
        import unittest

        raise unittest.SkipTest(f"{type(store).__name__} has no {name}, which is optional")


async def together(*calls: Callable[[], Awaitable[Any]]) -> list[Any]:
    """What they give, all let go at once."""
    import anyio

    results: list[Any] = [None] * len(calls)
    waiting, everybody = 0, anyio.Event()

    async def one(number: int, call: Callable[[], Awaitable[Any]]) -> None:
        nonlocal waiting
        waiting += 1
        if waiting == len(calls):
            everybody.set()
        await everybody.wait()
        results[number] = await call()

    async with anyio.create_task_group() as group:
        for number, call in enumerate(calls):
            group.start_soon(one, number, call)
    return results
