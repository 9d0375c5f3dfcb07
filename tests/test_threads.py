"""What may hold up the event loop: the allowance that all requests share, and threads for the rest."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread
import pytest

from asgi_middleware._threads import ROUND_TRIP, Allowance, Threads

from .asgi import step

MILLISECOND = 1_000_000  # nanoseconds


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now


# A sentence, and for each piece: the time that passes before it, how long it is, whether it may be done on the loop.
# All in microseconds; the allowance is 1,000.
TAKEN: list[tuple[str, list[tuple[int, int, bool]]]] = [
    ("one piece as long as the allowance", [(0, 1000, True)]),
    ("one piece that is longer", [(0, 1001, False), (10_000, 1001, False)]),
    ("several at once, until nothing is left", [(0, 400, True), (0, 400, True), (0, 400, False), (0, 200, True)]),
    ("what was refused takes nothing", [(0, 900, True), (0, 900, False), (0, 900, False), (0, 100, True)]),
    ("it fills with half of the time that passes", [(0, 1000, True), (799, 400, False), (1, 400, True)]),
    ("it fills no further than it was", [(0, 1000, True), (60_000_000, 1000, True), (0, 60, False)]),
    ("what is shorter than a thread's round trip is never worth one", [(0, 1000, True), (0, 50, True), (0, 51, False)]),
    ("a clock that stands still gives nothing", [(0, 1000, True), (0, 51, False), (0, 51, False)]),
]


@pytest.mark.parametrize(("sentence", "pieces"), TAKEN, ids=[row[0] for row in TAKEN])
def test_the_allowance(sentence: str, pieces: list[tuple[int, int, bool]]) -> None:
    clock = Clock()
    allowance = Allowance(MILLISECOND, clock)
    found = []
    for passed, length, _ in pieces:
        clock.now += passed * 1000
        found.append(allowance.takes(length * 1000))
    assert found == [taken for _, _, taken in pieces]


@pytest.mark.parametrize("length", [ROUND_TRIP + 1, 100_000, 300_000, 999_999])
@pytest.mark.parametrize("between", [0, 1_000, 20_000])
def test_however_many_come_at_once_the_loop_is_held_up_for_twice_the_allowance(length: int, between: int) -> None:
    """`between`: what each piece takes of the loop besides, in nanoseconds. Work that may be done takes its time."""
    clock = Clock()
    allowance = Allowance(MILLISECOND, clock)
    worked = 0
    for _ in range(1000):
        clock.now += between
        if allowance.takes(length):
            clock.now += length
            worked += length
    assert MILLISECOND - length < worked <= 2 * MILLISECOND + 1000 * between


def test_a_round_trip_has_fifty_microseconds() -> None:
    allowance = Allowance(MILLISECOND, Clock())
    assert [allowance.takes(length) for length in (1_000_000, 50_000, 50_001)] == [True, True, False]


# --- threads ---------------------------------------------------------------------------------------------------------

LOOPS = ["asyncio", "trio"]


def run(function: Callable[[], Awaitable[Any]], loop: str) -> Any:
    async def bounded() -> Any:
        with anyio.fail_after(120):
            return await function()

    return anyio.run(bounded, backend=loop)


class Gate:
    """Work that waits in its thread until it is let go, and tells how many were in theirs at once."""

    def __init__(self) -> None:
        self.entered = anyio.Semaphore(0)
        self.leave = threading.Event()
        self.inside = self.most = 0

    def work(self, name: str) -> str:
        anyio.from_thread.run_sync(self.enter)
        self.leave.wait(60)
        anyio.from_thread.run_sync(self.left)
        return f"{name} in a thread" if threading.current_thread() is not threading.main_thread() else name

    # Both on the event loop, so they count right.
    def enter(self) -> None:
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.entered.release()

    def left(self) -> None:
        self.inside -= 1


async def turns() -> None:
    """Long enough for whatever could go on to go on."""
    for _ in range(20):
        await anyio.lowlevel.checkpoint()
    await anyio.wait_all_tasks_blocked()


@pytest.mark.parametrize("loop", LOOPS)
def test_no_more_threads_at_once_than_allowed_in_each_event_loop_anew(loop: str) -> None:
    threads = Threads("two", at_once=2)

    async def main() -> tuple[int, int, list[str]]:
        gate, before, results = Gate(), 0, list[str]()

        async def one(name: str) -> None:
            results.append(await threads.run(gate.work, name))

        async with anyio.create_task_group() as group:
            try:
                for name in "abcd":
                    group.start_soon(one, name)
                for _ in range(2):
                    await gate.entered.acquire()
                await turns()
                before = gate.inside
            finally:
                gate.leave.set()
        return before, gate.most, sorted(results)

    done = ["a in a thread", "b in a thread", "c in a thread", "d in a thread"]
    assert [run(main, loop) for _ in range(2)] == [(2, 2, done), (2, 2, done)]


@pytest.mark.parametrize("loop", LOOPS)
def test_threads_are_counted_apart_from_everybody_elses(loop: str) -> None:
    first, second = Threads("one", at_once=1), Threads("one", at_once=1)

    async def main() -> tuple[int, float]:
        gate, in_common = Gate(), -1.0
        async with anyio.create_task_group() as group:
            try:
                group.start_soon(first.run, gate.work, "a")
                group.start_soon(second.run, gate.work, "b")
                for _ in range(2):
                    await gate.entered.acquire()
                in_common = anyio.to_thread.current_default_thread_limiter().borrowed_tokens
            finally:
                gate.leave.set()
        return gate.most, in_common

    assert run(main, loop) == (2, 0)


@pytest.mark.parametrize("loop", LOOPS)
def test_what_the_function_raises_reaches_who_called(loop: str) -> None:
    async def main() -> str:
        with pytest.raises(ZeroDivisionError) as caught:
            await Threads("one", at_once=1).run(divmod, 1, 0)
        return str(caught.value)

    assert "by zero" in run(main, loop)


def test_driven_by_hand_it_is_called_here() -> None:
    results: list[Any] = []

    async def call() -> None:
        results.append(await Threads("one", at_once=1).run(threading.current_thread))
        results.append(await Threads("one", at_once=1).run(divmod, 7, 2))

    step(call())
    assert results == [threading.current_thread(), (3, 1)]


@pytest.mark.parametrize("loop", LOOPS)
def test_a_cancelled_caller_waits_for_the_thread(loop: str) -> None:
    threads = Threads("one", at_once=1)

    async def main() -> list[str]:
        gate, log = Gate(), list[str]()
        cancelled = anyio.CancelScope()

        async def caller() -> None:
            with cancelled:
                try:
                    await threads.run(gate.work, "a")
                    await anyio.lowlevel.checkpoint()  # trio tells of the cancellation here
                finally:
                    log.append(f"ended, {gate.inside} inside")

        async with anyio.create_task_group() as group:
            try:
                group.start_soon(caller)
                await gate.entered.acquire()
                cancelled.cancel()
                await turns()
                log.append("released")
            finally:
                gate.leave.set()
        log.append(f"cancelled: {cancelled.cancelled_caught}")
        return log

    assert run(main, loop) == ["released", "ended, 0 inside", "cancelled: True"]


def test_a_task_cancelled_twice_waits_for_the_thread() -> None:
    """What asyncio's own timeouts and task groups do: Task.cancel(), which knows no shields."""
    threads = Threads("one", at_once=1)

    async def main() -> list[str]:
        gate, log = Gate(), list[str]()

        async def caller() -> None:
            try:
                await threads.run(gate.work, "a")
            finally:
                log.append(f"ended, {gate.inside} inside")

        task = asyncio.create_task(caller())
        try:
            await gate.entered.acquire()
            for _ in range(2):
                task.cancel()
                await turns()
            log.append("released")
        finally:
            gate.leave.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        return log

    assert run(main, "asyncio") == ["released", "ended, 0 inside"]
