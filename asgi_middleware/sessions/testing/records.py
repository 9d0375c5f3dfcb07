"""What holds for one record, without time passing and nobody else about."""

from ..stores import Store
from .trial import LONG, Trial, check, same

DATA = {
    "nothing": b"",
    "zero bytes": b"\x00\x00\x00",
    "every byte": bytes(range(256)),
    "no UTF-8": b"\xff\xfe\xed\xa0\x80",
    "what looks like a number": b"0123",
    "spaces and ends of line": b" \r\n\t ",
    "a megabyte": bytes(range(256)) * 4096,
}


@check
async def has_every_method(trial: Trial) -> None:
    """It has the methods of `Store`, all of them async."""
    same("isinstance(store, Store)", isinstance(trial.store, Store), True)


@check
async def what_was_never_created_is_not_there(trial: Trial) -> None:
    """`read` gives None, `update` "gone", `touch` and `delete` False, and none of them creates anything."""
    key, store = trial.key(), trial.store
    await trial.none(key, "of a key that was never created")
    same("`read` with `extend` of such a key", await store.read(key, extend=LONG), None)
    same("`touch` of such a key", await store.touch(key, LONG), False)
    same("`update` of such a key", await store.update(key, b"data", LONG, version=1), "gone")
    same("`delete` of such a key", await store.delete(key), False)
    await trial.none(key, "after `read` with `extend`, `touch`, `update` and `delete` of a key that was never created")


@check
async def bytes_come_back_as_they_were(trial: Trial) -> None:
    """`read` gives the very bytes that `create` and `update` were given, whatever they are, and however it is asked."""
    for name, data in DATA.items():
        key = await trial.created(data)
        same(f"`read` after `create` with {name}", (await trial.found(key)).data, data)
        other = await trial.created(b"before")
        version = (await trial.found(other)).version
        same(f"`update` with {name}", await trial.store.update(other, data, LONG, version=version), "ok")
        same(f"`read` after `update` with {name}", (await trial.found(other)).data, data)
        record = await trial.store.read(other, extend=LONG)
        same(f"`read` with `extend` after `update` with {name}", record and record.data, data)


@check
async def create_refuses_what_is_there(trial: Trial) -> None:
    """`create` says False if there is a record of the key, and changes neither its data nor its version."""
    key = await trial.created(b"first")
    before = await trial.found(key)
    same("`create` of a key that is there", await trial.store.create(key, b"second", LONG), False)
    after = await trial.found(key)
    same("`read` after a `create` that was refused", (after.data, after.version), (b"first", before.version))


@check
async def each_update_gives_another_version(trial: Trial) -> None:
    """`update` of the version that was read says "ok", and the record has a version that it never had before."""
    key = await trial.created()
    versions = [(await trial.found(key)).version]
    for number in range(10):
        data = b"the same" if number % 2 else b"number %d" % number
        same("`update` of the version just read", await trial.store.update(key, data, LONG, version=versions[-1]), "ok")
        record = await trial.found(key)
        same("`read` after it", record.data, data)
        versions.append(record.version)
    same("the type of a version", type(versions[0]), int)
    same("how many versions a record has had after ten updates", len(set(versions)), 11)


@check
async def only_update_changes_the_version(trial: Trial) -> None:
    """`read`, `read` with `extend` and `touch` change neither version nor data, so an update after them is "ok"."""
    key, store = await trial.created(), trial.store
    before = await trial.found(key)
    await trial.found(key)
    extended = await store.read(key, extend=LONG)
    same("`touch` of a record", await store.touch(key, LONG), True)
    after = await trial.found(key)
    same("`read` with `extend`", extended and (extended.data, extended.version), (before.data, before.version))
    same("`read` after `read` and `touch`", (after.data, after.version), (before.data, before.version))
    same("`update` after them", await store.update(key, b"new", LONG, version=before.version), "ok")


@check
async def an_outdated_update_is_a_conflict(trial: Trial) -> None:
    """`update` of a version that the record no longer has says "conflict", and changes nothing."""
    key, store = await trial.created(), trial.store
    version = (await trial.found(key)).version
    same("`update` of the version just read", await store.update(key, b"theirs", LONG, version=version), "ok")
    theirs = await trial.found(key)
    same("`update` of an outdated version", await store.update(key, b"ours", LONG, version=version), "conflict")
    after = await trial.found(key)
    same("`read` after a conflict", (after.data, after.version), (b"theirs", theirs.version))


@check
async def what_is_deleted_stays_so(trial: Trial) -> None:
    """`delete` says True once, then False, and no `read`, `touch` or `update` brings the record back."""
    key, store = await trial.created(), trial.store
    version = (await trial.found(key)).version
    same("`delete` of a record", await store.delete(key), True)
    await trial.none(key, "after `delete`")
    same("`read` with `extend` after `delete`", await store.read(key, extend=LONG), None)
    same("`touch` after `delete`", await store.touch(key, LONG), False)
    same("`update` after `delete`", await store.update(key, b"back", LONG, version=version), "gone")
    same("a second `delete`", await store.delete(key), False)
    await trial.none(key, "after all of these")
    same("`create` after `delete`", await store.create(key, b"new", LONG), True)
    same("`read` after it", (await trial.found(key)).data, b"new")


@check
async def each_key_is_a_record_of_its_own(trial: Trial) -> None:
    """What is done to a key is done to no other, however alike they are."""
    first, store = trial.key(), trial.store
    flipped = "1" if first[0] == "0" else "0"
    alike = [flipped + first[1:], first[:-1] + ("1" if first[-1] == "0" else "0")]
    trial.keys += alike
    for number, key in enumerate([first, *alike]):
        same("`create` of a new key", await store.create(key, b"%d" % number, LONG), True)
    await store.update(first, b"changed", LONG, version=(await trial.found(first)).version)
    await store.delete(alike[0])
    await trial.none(alike[0], "after `delete`")
    same("`read` of a key that was updated", (await trial.found(first)).data, b"changed")
    same("`read` of a key beside them", (await trial.found(alike[1])).data, b"2")
