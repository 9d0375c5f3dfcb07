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
        """Call `function(*args)` in a thread.

        Who is cancelled while it waits for a place never enters; who is cancelled later waits for the thread to end,
        so that nothing is left running.
        """
        # Here, not above: importing a middleware imports no third party.
        import anyio
        from anyio.lowlevel import RunVar

        if self._limiters is None:
            self._limiters = RunVar[Any](self._name)
        try:
            places = self._limiters.get(None)
        except RuntimeError:
            return function(*args)  # driven by hand: there is no event loop to hold up
        if places is None:
            places = anyio.CapacityLimiter(self._at_once)
            self._limiters.set(places)
        async with places:
            return await _in_a_thread(function, *args)


async def _in_a_thread(function: Callable[..., _Result], *args: Any) -> _Result:
    import anyio
    import anyio.lowlevel
    import anyio.to_thread

    work = anyio.to_thread.run_sync(function, *args, limiter=anyio.CapacityLimiter(1))
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:  # trio, whose cancellation anyio holds back, and forgets
        result = await work
        await anyio.lowlevel.checkpoint_if_cancelled()
        return result
    # anyio holds its own cancellation back, but not asyncio's (`timeout`, `Task.cancel`), so that gets a task.
    return await to_its_end(loop.create_task(work))


async def to_its_end(task: asyncio.Task[_Result], *, cancels: bool = False) -> _Result:
    """What `task` gives, on asyncio. Who is cancelled meanwhile waits for its end; `cancels`: having cancelled it."""
    import anyio

    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if cancels:
            task.cancel()
        with anyio.CancelScope(shield=True):
            while not task.done():
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait([task])
        raise
