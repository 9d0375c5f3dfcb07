"""Interleaved rounds, and the arithmetic from seconds to ratios.

A scene holds variants that are timed together. Every round takes one sample of each before the next round begins, in
an order that rotates, and the least of all rounds counts: what else the machine does only ever adds.

Each variant has a process of its own, forked before anything was called. Python specialises its bytecode to the types
that it meets; variants that share a process spoil that for each other, twofold for the empty wrapper, while a server
runs one of them alone.
"""

import asyncio
import contextlib
import gc
import math
import multiprocessing
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import repeat
from multiprocessing.connection import Connection

from asgi_middleware import MissingExtra

Sample = Callable[[], float]  # seconds

# Many short slices find quiet moments, also on a busy machine, where a few long ones find none. Several in a row,
# because the first one runs on caches that another process has filled: a call of half a millisecond took 1.7 times as
# long in it. For what takes longer than COLD that no longer matters.
SLICE = 0.001  # seconds
BURST = 4
COLD = 0.005  # seconds
WAITING = 20  # calls of a sample that are timed one by one
ROUNDS = 40
EMPTY_WRAPPERS = 10  # one alone costs too little to be a steady unit


class Unavailable(Exception):
    """A variant cannot be measured here; the text says why."""


@dataclass(frozen=True, slots=True)
class Variant:
    """Something to time.

    `make()` gives what takes a sample; it raises ImportError where a package is missing, or Unavailable. The cost is
    what a sample takes more than that of `base`, and than `allowance`, the seconds that a budget grants besides.
    """

    make: Callable[[], Sample]
    base: str | None = "bare"
    allowance: float = 0.0


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison: the cost of the variant `ours` to that of `peer`. Variants are named `who: what`."""

    what: str
    ours: str
    peer: str
    at_most: float | None = None
    headline: bool = False  # stands in the README too


@dataclass(frozen=True, slots=True)
class Scene:
    """Variants timed together, and the rows made of them. `apart`: each variant in a forked process."""

    title: str
    variants: Mapping[str, Variant]
    rows: Sequence[Row]
    rounds: int = ROUNDS
    apart: bool = False


@dataclass(frozen=True, slots=True)
class Figure:
    """A row with its numbers, rounded to two places; None for what was lost in the noise."""

    row: Row
    ours: float | None  # in empty wrappers
    peer: float | None
    ratio: float | None

    @property
    def verdict(self) -> str:
        if self.row.at_most is None:
            return ""
        if self.ratio is None:
            return "lost in the noise"
        return "met" if self.ratio <= self.row.at_most else "missed"


@dataclass(frozen=True, slots=True)
class Times:
    """What came of a scene: the least seconds of each variant, and why some are missing."""

    scene: Scene
    best: Mapping[str, float]
    missing: Mapping[str, str]

    def cost(self, name: str) -> float:
        variant = self.scene.variants[name]
        less = 0.0 if variant.base is None else self.best[variant.base]
        return self.best[name] - less - variant.allowance

    def figures(self) -> list[Figure]:
        """The rows whose variants were all there."""
        unit = self.cost("empty") / EMPTY_WRAPPERS if "empty" in self.best else 0.0
        return [
            Figure(
                row,
                ratio(self.cost(row.ours), unit),
                ratio(self.cost(row.peer), unit),
                ratio(self.cost(row.ours), self.cost(row.peer)),
            )
            for row in self.scene.rows
            if row.ours in self.best and row.peer in self.best
        ]


def ratio(cost: float, unit: float) -> float | None:
    """Rounded to two places; None where there is nothing to divide by. A cost below nothing is noise, and 0."""
    return round(max(cost, 0.0) / unit, 2) if unit > 0 else None


def measure(scene: Scene, share: float = 1.0) -> Times:
    """The least of the interleaved samples of every variant that can be made here, in a `share` of the rounds."""
    samples: dict[str, Sample] = {}
    missing: dict[str, str] = {}
    with ExitStack() as stack:
        for name, variant in scene.variants.items():
            try:
                samples[name] = stack.enter_context(_apart(variant.make)) if scene.apart else variant.make()
            except (ImportError, MissingExtra, Unavailable) as error:
                missing[name] = str(error)
        names = list(samples)
        best = dict.fromkeys(names, math.inf)
        for number in range(max(1, round(scene.rounds * share))):
            first = number % len(names)
            for name in names[first:] + names[:first]:
                best[name] = min(best[name], samples[name]())
    return Times(scene, best, missing)


@contextmanager
def _apart(make: Callable[[], Sample]) -> Iterator[Sample]:
    """The sample of `make` in a process of its own. Unavailable if it cannot be made there."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(make, here, there), daemon=True)
    process.start()
    there.close()

    def sample() -> float:
        here.send(None)
        answer: float | Exception = here.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer

    try:
        sample()  # whether it can be made
        yield sample
    finally:
        here.close()
        process.join()


def _serve(make: Callable[[], Sample], here: Connection, there: Connection) -> None:
    """Answer the first question with 0 once the sample is made, the others with a sample, until nobody asks."""
    here.close()
    with contextlib.suppress(EOFError):
        try:
            there.recv()
            sample = make()
            there.send(0.0)
            while True:
                there.recv()
                there.send(sample())
        except (ImportError, MissingExtra, Unavailable) as error:
            there.send(Unavailable(str(error)))
        except EOFError:
            raise
        except Exception as error:
            there.send(RuntimeError(f"{type(error).__name__}: {error}"))


def looped(call: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> Sample:
    """A sample of `call`, without the garbage collector, as in timeit."""

    def seconds(loops: int) -> float:
        with _no_garbage_collection():
            began = clock()
            for _ in repeat(None, loops):
                call()
            return (clock() - began) / loops

    return _burst(seconds)


def looped_on(runner: asyncio.Runner, call: Callable[[], Awaitable[object]], *, waits: bool = False) -> Sample:
    """The same for an asynchronous call, on the event loop of `runner`.

    One that `waits` for a thread or another process is timed by itself: on a busy machine hardly a slice is quiet.
    """

    async def seconds(loops: int) -> float:
        with _no_garbage_collection():
            began = time.perf_counter()
            for _ in repeat(None, loops):
                await call()
            return (time.perf_counter() - began) / loops

    async def least() -> float:
        return min([await seconds(1) for _ in range(WAITING)])

    return (lambda: runner.run(least())) if waits else _burst(lambda loops: runner.run(seconds(loops)))


def _burst(seconds: Callable[[int], float]) -> Sample:
    """The best of a burst of slices, each of as many calls as fit, or one. What is longer than COLD is called once.

    `seconds(loops)` is what one of so many calls takes.
    """
    once = min(seconds(1) for _ in range(5))
    loops = max(1, int(SLICE / once)) if once > 0 else 1
    return lambda: min(seconds(loops) for _ in range(BURST if once < COLD else 1))


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
