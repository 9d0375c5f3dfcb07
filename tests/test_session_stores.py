"""Every store passes the public checks, under asyncio and trio; stores broken on purpose fail them."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import anyio
import pytest

from asgi_middleware.sessions.stores.memory import MemoryStore
from asgi_middleware.sessions.testing import CHECKS, Advance, Check, check_store

LOOPS = ["asyncio", "trio"]


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


Opened = AbstractAsyncContextManager[tuple[Any, Advance | None]]


@asynccontextmanager
async def memory() -> AsyncIterator[tuple[Any, Advance | None]]:
    clock = Clock()
    yield MemoryStore(clock=clock), clock.advance


# A name, and what opens a store and gives it with the function that moves its clock, None if it has its own.
STORES: list[tuple[str, Callable[[], Opened]]] = [("memory", memory)]


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("check", CHECKS, ids=[check.__name__ for check in CHECKS])
@pytest.mark.parametrize("opened", [row[1] for row in STORES], ids=[row[0] for row in STORES])
def test_every_store_passes(opened: Callable[[], Opened], check: Check, loop: str) -> None:
    async def main() -> None:
        async with opened() as (store, advance):
            with anyio.fail_after(30):
                await check(store, advance)

    anyio.run(main, backend=loop)


@pytest.mark.parametrize("loop", LOOPS)
def test_all_checks_at_once_without_a_test_framework(loop: str) -> None:
    """And without `advance`, by a clock that goes on by itself, and fast."""
    store = MemoryStore(clock=lambda: 10 * time.monotonic())
    anyio.run(check_store, store, backend=loop)
