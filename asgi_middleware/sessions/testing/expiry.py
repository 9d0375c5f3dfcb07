"""What holds as time passes."""

from ..stores import IndexedStore
from .trial import LONG, Trial, check, has, same


@check
async def what_has_expired_is_as_if_deleted(trial: Trial) -> None:
    """After `ttl` seconds `read` gives None, `update` "gone", `touch` and `delete` False, and `create` a new record."""
    store = trial.store
    keys = [await trial.created(ttl=trial.short) for _ in range(6)]
    version = (await trial.found(keys[0], f"a record that is to live for {trial.short} s")).version
    await trial.outlive(*keys)
    same("`read` with `extend` of what has expired", await store.read(keys[1], extend=LONG), None)
    same("`touch` of what has expired", await store.touch(keys[2], LONG), False)
    same("`update` of what has expired", await store.update(keys[3], b"back", LONG, version=version), "gone")
    same("`delete` of what has expired", await store.delete(keys[4]), False)
    for key in keys[:5]:
        await trial.none(key, "of what has expired, after `read` with `extend`, `touch`, `update` and `delete`")
    same("`create` of a key that has expired", await store.create(keys[5], b"new", LONG), True)
    same("`read` after it", (await trial.found(keys[5])).data, b"new")


@check
async def it_lives_for_its_time(trial: Trial) -> None:
    """A record is there until its `ttl` is over, be that a minute or ten years."""
    keys = [await trial.created(ttl=ttl) for ttl in (LONG, 31 * 86_400, 10 * 366 * 86_400)]
    await trial.advance(LONG - 2)
    for key in keys:
        await trial.found(key, "what has seconds to live, or years")


async def _set_anew(trial: Trial, before: int, after: int) -> dict[str, str]:
    """Three records whose time was set anew, each in its way."""
    keys = {how: await trial.created(ttl=before) for how in ("update", "touch", "`read` with `extend`")}
    updated, touched, extended = keys.values()
    same("`touch` of a record", await trial.store.touch(touched, after), True)
    same("`read` with `extend` of a record", await trial.store.read(extended, extend=after) is None, False)
    version = (await trial.found(updated)).version
    same("`update` of a record", await trial.store.update(updated, b"new", after, version=version), "ok")
    return keys


@check
async def its_time_can_be_prolonged(trial: Trial) -> None:
    """From `update`, `touch` and `read` with `extend` on, a record lives for so many seconds: more than it had."""
    control = await trial.created(ttl=trial.short)
    keys = await _set_anew(trial, trial.short, LONG)
    await trial.outlive(control)
    for how, key in keys.items():
        await trial.found(key, f"what had {trial.short} s to live, and by {how} a minute,")


@check
async def its_time_can_be_shortened(trial: Trial) -> None:
    """From `update`, `touch` and `read` with `extend` on, a record lives for so many seconds: fewer than it had."""
    keys = await _set_anew(trial, LONG, trial.short)
    await trial.outlive(*keys.values())


@check
async def what_is_refused_extends_nothing(trial: Trial) -> None:
    """A plain `read`, a `create` that says False and an `update` that says "conflict" leave a record its time."""
    keys = [await trial.created(ttl=trial.short) for _ in range(3)]
    version = (await trial.found(keys[0])).version
    same("`create` of a key that is there", await trial.store.create(keys[1], b"new", LONG), False)
    seen = await trial.store.update(keys[2], b"new", LONG, version=version + 1_000)
    same("`update` of a version that never was", seen, "conflict")
    await trial.outlive(*keys)


@check
async def purge_leaves_what_lives(trial: Trial) -> None:
    """`purge` says how many expired records it removed, and removes no others, nor what the index has of them."""
    has(trial.store, hasattr(trial.store, "purge"), "purge")
    indexes = isinstance(trial.store, IndexedStore)
    expired, living, subject = await trial.created(ttl=trial.short), await trial.created(), trial.key()
    if indexes:
        await trial.store.index(subject, living, LONG)
    await trial.outlive(expired)
    removed = await trial.store.purge()
    same("the type of what `purge` gives", type(removed), int)
    if removed < 0:
        raise AssertionError(f"`purge` should give how many records it removed, and gave {removed}")
    await trial.none(expired, "of what has expired, after `purge`")
    await trial.found(living, "after `purge`, a record that lives")
    if indexes:
        same("`keys_of` after `purge`", await trial.store.keys_of(subject), [living])
