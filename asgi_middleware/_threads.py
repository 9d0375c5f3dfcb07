"""Threads for work that would hold up the event loop, through anyio, so under asyncio and trio alike."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any, TypeVar

_Result = TypeVar("_Result")

# A thread's round trip takes some 50 us, so shorter work is never worth one.
ROUND_TRIP = 50_000  # nanoseconds


class Allowance:
    """For how long one kind of work may hold up the event loop, all requests together.

    It fills with the time that passes, at half of its pace, up to `most` nanoseconds, so that work which is taken out
    of it never holds up the loop for more than about twice as long, however many requests come at once.
    """

    __slots__ = ("_clock", "_left", "_most", "_seen")

    def __init__(self, most: int, clock: Callable[[], int] = time.perf_counter_ns) -> None:
        self._most = most
        self._clock = clock
        self._left: float = most
        self._seen = clock()

    def takes(self, nanoseconds: float) -> bool:
        """Whether work of this length may be done here and now. It is taken out if it may."""
        if nanoseconds <= ROUND_TRIP:
            return True
        if nanoseconds > self._most:
            return False
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._seen) / 2)
        self._seen = now
        if nanoseconds > self._left:
            return False
        self._left -= nanoseconds
        return True


class Threads:
    """At most `at_once` threads at a time, counted apart from everybody else's, for each event loop."""

    __slots__ = ("_at_once", "_limiters", "_name")

    def __init__(self, name: str, at_once: int) -> None:
        self._name = name
        self._at_once = at_once
        self._limiters: Any = None

    async def run(self, function: Callable[..., _Result], *args: Any) -> _Result:
        """Call `function(*args)` in a thread. A cancelled caller waits for it to end, so nothing is left running."""
        # Here, not above: importing a middleware imports no third party.
        import anyio
        import anyio.to_thread
        from anyio.lowlevel import RunVar

        if self._limiters is None:
            self._limiters = RunVar[Any](self._name)
        try:
            limiter = self._limiters.get(None)
        except RuntimeError:
            return function(*args)  # driven by hand: there is no event loop to hold up
        if limiter is None:
            limiter = anyio.CapacityLimiter(self._at_once)
            self._limiters.set(limiter)
        work = anyio.to_thread.run_sync(function, *args, limiter=limiter)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return await work  # trio, whose cancellation anyio holds back
        # anyio holds its own cancellation back, but not asyncio's (`timeout`, `Task.cancel`), so that gets a task.
        task = loop.create_task(work)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            with anyio.CancelScope(shield=True):
                while not task.done():
                    with contextlib.suppress(asyncio.CancelledError):
                        await asyncio.wait([task])
            raise
