"""Every store passes the public checks, under asyncio and trio; stores broken on purpose fail them."""

import contextlib
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from asgi_middleware.sessions.stores.memory import MemoryStore
from asgi_middleware.sessions.stores.sqlite import SQLiteStore
from asgi_middleware.sessions.testing import CHECKS, Advance, Check, check_store, records, trial

from . import broken_stores as broken

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


@asynccontextmanager
async def sqlite() -> AsyncIterator[tuple[Any, Advance | None]]:
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        store = SQLiteStore(Path(folder) / "sessions.db", clock=clock)
        try:
            yield store, clock.advance
        finally:
            await store.aclose()


# A name, and what opens a store and gives it with the function that moves its clock, None if it has its own.
STORES: list[tuple[str, Callable[[], Opened]]] = [("memory", memory), ("sqlite", sqlite)]


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("check", CHECKS, ids=[check.__name__ for check in CHECKS])
@pytest.mark.parametrize("opened", [row[1] for row in STORES], ids=[row[0] for row in STORES])
def test_every_store_passes(opened: Callable[[], Opened], check: Check, loop: str) -> None:
    async def main() -> None:
        async with opened() as (store, advance):
            with anyio.fail_after(120):
                await check(store, advance)

    anyio.run(main, backend=loop)


@pytest.mark.parametrize("loop", LOOPS)
def test_all_checks_at_once_without_a_test_framework(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And without `advance`, by a clock that goes on by itself, and fast: what is to last has 15 seconds."""

    def clock() -> float:
        return 4 * time.monotonic()

    monkeypatch.setattr(trial, "time", SimpleNamespace(monotonic=clock))
    anyio.run(check_store, MemoryStore(clock=clock), backend=loop)


class Slow(MemoryStore):
    """Each operation takes a third of a second, so that a second is over in the middle of a check."""

    def __getattribute__(self, name: str) -> Any:
        if name in ("create", "read", "update", "touch", "index"):
            super().__getattribute__("_clock").advance(0.34)
        return super().__getattribute__(name)


@pytest.mark.parametrize("check", CHECKS, ids=[check.__name__ for check in CHECKS])
def test_a_slow_store_passes_as_it_is_given_more_time(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(trial, "time", SimpleNamespace(monotonic=clock))
    anyio.run(check, Slow(clock=clock), clock.advance)
    if check.__name__ in ("what_has_expired_is_as_if_deleted", "its_time_can_be_prolonged"):
        monkeypatch.setattr(trial, "_SHORT", (1,))
        with pytest.raises(AssertionError):
            anyio.run(check, Slow(clock=clock), clock.advance)


# A check, and stores that fail it.
BROKEN: dict[str, list[type[MemoryStore]]] = {
    "has_every_method": [broken.WithoutTouch],
    "what_was_never_created_is_not_there": [
        *(broken.UpdateCreates, broken.TouchCreates, broken.ExtendCreates, broken.DeleteLies, broken.GoneIsConflict)
    ],
    "bytes_come_back_as_they_were": [broken.KeepsText, broken.UpdateStrips, broken.GivesABuffer, broken.CreateSaysOne],
    "create_refuses_what_is_there": [broken.CreateOverwrites, broken.RefusedCreateUpdates],
    "each_update_gives_another_version": [broken.OneVersion, broken.TwoVersions, broken.VersionOfTheData],
    "only_update_changes_the_version": [broken.TouchUpdates, broken.ExtendUpdates],
    "an_outdated_update_is_a_conflict": [broken.OneVersion],
    "what_is_deleted_stays_so": [broken.DeleteLies, broken.DeleteIsLazy, broken.UpdateCreates],
    "each_key_is_a_record_of_its_own": [broken.ShortKeys],
    "what_has_expired_is_as_if_deleted": [broken.NothingExpires, broken.TouchRevives, broken.ExpiredKeysAreTaken],
    "it_lives_for_its_time": [broken.ThirtyDaysAtMost, broken.ExpiresEarly],
    "its_time_can_be_prolonged": [broken.ExtendIsIgnored, broken.TouchIsIgnored, broken.UpdateKeepsItsTime],
    "its_time_can_be_shortened": [broken.NeverShortens],
    "what_is_refused_extends_nothing": [broken.RefusedCreateExtends, broken.ReadExtends, broken.ConflictExtends],
    "purge_leaves_what_lives": [broken.PurgeRemovesAll, broken.PurgeForgetsTheIndex, broken.PurgeSaysNothing],
    "a_subject_has_its_keys_and_no_others": [broken.ListsTwice, broken.ListsAll, broken.OneSubjectEach],
    "the_index_comes_before_the_record": [broken.IndexCreates, broken.IndexNeedsARecord],
    "any_text_is_a_subject": [
        *(broken.IgnoresCase, broken.IgnoresSpaces, broken.Normalises, broken.CutsSubjects, broken.ReplacesHalves),
        broken.ReadsPatterns,
    ],
    "the_index_remembers_for_its_time": [broken.ForgetsWithTheRecord, broken.LastIndexCounts],
    "one_of_many_creates_wins": [broken.CreateInTwoSteps],
    "one_of_many_updates_wins": [broken.UpdateInTwoSteps],
    "one_of_many_deletes_wins": [broken.DeleteInTwoSteps],
    "nothing_undoes_a_delete": [broken.UpdateInTwoSteps, broken.TouchInTwoSteps],
    "no_change_is_lost": [broken.UpdateInTwoSteps, broken.OneVersion],
    "many_at_once_do_not_mix": [broken.OneAnswerForAll],
    "no_key_of_a_subject_is_lost": [broken.IndexInTwoSteps],
    "who_is_cancelled_harms_nobody": [broken.AnswersInLine, broken.HalfWritten],
    "it_can_be_closed_twice": [broken.ClosesOnce],
}
PAIRS = [(name, store) for name, stores in BROKEN.items() for store in stores]


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(("name", "store"), PAIRS, ids=[f"{name}-{store.__name__}" for name, store in PAIRS])
def test_a_broken_store_fails(name: str, store: type[MemoryStore], loop: str) -> None:
    clock = Clock()
    (check,) = [check for check in CHECKS if check.__name__ == name]
    with pytest.raises((AssertionError, ExceptionGroup)) as caught:
        anyio.run(check, store(clock=clock), clock.advance, backend=loop)
    assert not wrong(caught.value), "what the store did is said, and nothing but that has failed"


def wrong(error: BaseException) -> list[BaseException]:
    """Those that are no check's sentence."""
    if isinstance(error, BaseExceptionGroup):
        return [each for inner in error.exceptions for each in wrong(inner)]
    return [] if isinstance(error, AssertionError) and str(error) else [error]


def test_each_check_can_fail_and_each_broken_store_is_caught() -> None:
    assert [check.__name__ for check in CHECKS] == list(BROKEN)
    stores = {
        store for store in vars(broken).values() if isinstance(store, type) and store.__module__ == broken.__name__
    }
    assert {store for store in stores if not store.__name__.startswith("_")} == {store for _, store in PAIRS}


def test_all_failures_are_told_at_once() -> None:
    clock = Clock()
    with pytest.raises(ExceptionGroup) as caught:
        anyio.run(check_store, broken.DeleteLies(clock=clock), clock.advance)
    assert str(caught.value) == f"DeleteLies fails 5 of {len(CHECKS)} checks (5 sub-exceptions)"
    first = caught.value.exceptions[0]
    assert str(first) == "`delete` of such a key should give False, and gave True"
    assert first.__notes__ == [f"{CHECKS[1].__name__}: {CHECKS[1].__doc__}"]


def test_a_check_removes_what_it_made_also_if_it_fails() -> None:
    store = broken.OneVersion()
    for check, fails in (
        (records.each_update_gives_another_version, True),
        (records.bytes_come_back_as_they_were, False),
    ):
        with pytest.raises(AssertionError) if fails else contextlib.nullcontext():
            anyio.run(check, store)
        assert store._kept == {}


def test_each_check_has_its_sentence() -> None:
    for check in CHECKS:
        assert check.__doc__
        assert check.__doc__.endswith(".")
        assert "\n" not in check.__doc__


# --- a model ---------------------------------------------------------------------------------------------------------


class Model:
    """What the protocol says, as simply as it can be said. Versions are counted here, whatever the store calls them."""

    def __init__(self) -> None:
        self.records: dict[str, tuple[bytes, int, float]] = {}  # data, version, until when
        self.indexed: dict[str, dict[str, float]] = {}  # by subject, then key: until when
        self.count = 0

    def live(self, key: str, now: float) -> tuple[bytes, int] | None:
        data, version, until = self.records.get(key, (b"", 0, 0.0))
        return (data, version) if until > now else None

    def write(self, key: str, data: bytes, until: float) -> None:
        self.count += 1
        self.records[key] = (data, self.count, until)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("opened", [row[1] for row in STORES], ids=[row[0] for row in STORES])
def test_every_store_does_what_the_model_does(opened: Callable[[], Opened], seed: int) -> None:
    """2,000 operations on ten keys and three subjects, while time passes, if it can be made to."""

    async def main() -> None:
        async with opened() as (store, advance):
            random = Random(seed)  # noqa: S311  # a test that can be repeated
            mark = f"{random.getrandbits(192):048x}"
            keys = [f"{mark}{number:016x}" for number in range(10)]
            model, now = Model(), 0.0
            read: dict[str, tuple[int, int]] = {}  # their version and ours, when it was last read
            for number in range(2_000):
                key, subject, ttl = random.choice(keys), mark + random.choice("abc"), random.randint(1, 20)
                live, until, data = model.live(key, now), now + ttl, b"%d" % number
                match random.choice(["read", "extend", "create", "update", "touch", "delete", "index", "keys", "time"]):
                    case "read" | "extend" as how:
                        record = await store.read(key, extend=ttl if how == "extend" else None)
                        assert (record and record.data) == (live and live[0])
                        if record and live:
                            read[key] = (record.version, live[1])
                            until = until if how == "extend" else model.records[key][2]
                            model.records[key] = (*live, until)
                    case "create":
                        assert await store.create(key, data, ttl) == (live is None)
                        if live is None:
                            model.write(key, data, until)
                            read.pop(key, None)  # versions are told apart within one record's life
                    case "update" if key in read:
                        theirs, ours = read[key]
                        seen = await store.update(key, data, ttl, version=theirs)
                        if live is None:
                            assert seen == "gone"
                        else:
                            assert seen == ("ok" if live[1] == ours else "conflict")
                        if seen == "ok":
                            model.write(key, data, until)
                    case "touch":
                        assert await store.touch(key, ttl) == (live is not None)
                        if live:
                            model.records[key] = (*live, until)
                    case "delete":
                        assert await store.delete(key) == (live is not None)
                        if live:
                            del model.records[key]
                            for known in model.indexed.values():
                                known.pop(key, None)
                    case "index":
                        await store.index(subject, key, ttl)
                        known = model.indexed.setdefault(subject, {})
                        known[key] = max(known.get(key, 0), until)
                    case "keys":
                        listed = await store.keys_of(subject)
                        must = {key for key, until in model.indexed.get(subject, {}).items() if until > now}
                        assert must <= set(listed) <= set(keys)
                        assert len(listed) == len(set(listed))
                    case "time" if advance is not None:
                        now += (passed := random.choice([0.5, 1, 3]))
                        moved = advance(passed)
                        assert moved is None

    anyio.run(main)
