"""Threads for work that would hold up the event loop, through anyio, so under asyncio and trio alike."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, TypeVar

_Result = TypeVar("_Result")


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
        limiter = self._limiters.get(None)
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
