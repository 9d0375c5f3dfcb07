"""What holds when many come at once, or leave in the middle."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from ..stores import IndexedStore
from .trial import LONG, Trial, check, has, same, together

_RACERS = 10
_ROUNDS = 5


@check
async def one_of_many_creates_wins(trial: Trial) -> None:
    """Of creates of one key at once exactly one says True, and the record is that one's."""
    for _ in range(_ROUNDS):
        key = trial.key()
        made = await together(*(partial(trial.store.create, key, b"%d" % n, LONG) for n in range(_RACERS)))
        same(f"{_RACERS} `create` of one key at once", sorted(made), [False] * (_RACERS - 1) + [True])
        same("`read` after them", (await trial.found(key)).data, b"%d" % made.index(True))


@check
async def one_of_many_updates_wins(trial: Trial) -> None:
    """Of updates of one version at once exactly one says "ok", the others "conflict", and the data are that one's."""
    for _ in range(_ROUNDS):
        key = await trial.created()
        version = (await trial.found(key)).version
        update = partial(trial.store.update, key, ttl=LONG, version=version)
        seen = await together(*(partial(update, data=b"%d" % n) for n in range(_RACERS)))
        same(f"{_RACERS} `update` of one version at once", sorted(seen), ["conflict"] * (_RACERS - 1) + ["ok"])
        same("`read` after them", (await trial.found(key)).data, b"%d" % seen.index("ok"))


@check
async def one_of_many_deletes_wins(trial: Trial) -> None:
    """Of deletes of one record at once exactly one says True."""
    for _ in range(_ROUNDS):
        key = await trial.created()
        seen = await together(*(partial(trial.store.delete, key) for _ in range(_RACERS)))
        same(f"{_RACERS} `delete` of one record at once", sorted(seen), [False] * (_RACERS - 1) + [True])


@check
async def nothing_undoes_a_delete(trial: Trial) -> None:
    """No `update`, `touch` or `read` with `extend` that comes at the same time as a `delete` brings the record back."""
    store = trial.store
    for _ in range(_ROUNDS):
        key = await trial.created()
        version = (await trial.found(key)).version
        others: list[Callable[[], Awaitable[Any]]] = [
            partial(store.update, key, b"back", LONG, version=version),
            partial(store.touch, key, LONG),
            partial(store.read, key, extend=LONG),
        ]
        seen = await together(*others, partial(store.delete, key), *others)
        same("`delete` of a record that others use at the same time", seen[3], True)
        await trial.none(key, "after a `delete`, with `update`, `touch` and `read` at the same time")


@check
async def no_change_is_lost(trial: Trial) -> None:
    """Many who read, change and update at once, each again upon "conflict", lose nobody's change."""
    from anyio.lowlevel import checkpoint

    each, key = 4, await trial.created(b"0")

    async def count() -> None:
        for _ in range(each):
            seen = "conflict"
            while seen == "conflict":
                record = await trial.found(key)
                await checkpoint()  # others come in between, also where the store itself never waits
                data = b"%d" % (int(record.data) + 1)
                seen = await trial.store.update(key, data, LONG, version=record.version)
            same("`update`, repeated upon conflict", seen, "ok")

    await together(*[count] * _RACERS)
    same(f"{_RACERS} who count to {each} at once", (await trial.found(key)).data, b"%d" % (_RACERS * each))


@check
async def many_at_once_do_not_mix(trial: Trial) -> None:
    """Two hundred who create, read, update, read and delete at once each find what is their own."""

    async def live(number: int) -> None:
        data = b"%d" % number
        key = await trial.created(data)
        record = await trial.found(key)
        same("`read` of one's own record among 200", record.data, data)
        seen = await trial.store.update(key, data * 2, LONG, version=record.version)
        same("`update` of one's own record among 200", seen, "ok")
        same("`read` after it", (await trial.found(key)).data, data * 2)
        same("`delete` of one's own record among 200", await trial.store.delete(key), True)

    await together(*(partial(live, number) for number in range(200)))


@check
async def no_key_of_a_subject_is_lost(trial: Trial) -> None:
    """All keys that are indexed at once are listed."""
    store, subject = trial.store, trial.key()
    has(store, isinstance(store, IndexedStore), "index")
    keys = [trial.key() for _ in range(3 * _RACERS)]
    await together(*(partial(store.index, subject, key, LONG) for key in keys))
    same(f"`keys_of` after {len(keys)} `index` at once", sorted(await store.keys_of(subject)), sorted(keys))


@check
async def who_is_cancelled_harms_nobody(trial: Trial) -> None:
    """A caller cancelled anywhere leaves its record whole, and the store to others: they get no answer of its."""
    import anyio
    import anyio.lowlevel

    store, other, key = trial.store, await trial.created(b"other"), await trial.created(b"1")
    for turns in range(25):

        async def cancelled() -> None:
            record = await trial.found(key)
            await store.update(key, record.data + b"1", LONG, version=record.version)

        async with anyio.create_task_group() as group:
            group.start_soon(cancelled)
            for _ in range(turns):
                await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()
        same("`read` of another record, after a cancelled caller", (await trial.found(other)).data, b"other")
    record = await trial.found(key)
    same("`read` of what cancelled callers wrote", record.data, b"1" * len(record.data))
    same("`update` after them", await store.update(key, b"after", LONG, version=record.version), "ok")


@check
async def it_can_be_closed_twice(trial: Trial) -> None:
    """`aclose` may be called again."""
    has(trial.store, hasattr(trial.store, "aclose"), "aclose")
    await trial.store.aclose()
    await trial.store.aclose()
