"""What holds for the index, of a store that has one."""

import secrets

from ..stores import IndexedStore
from .trial import LONG, Trial, check, has, same

# As long as an ID may be (OpenID Connect Core 1.0, 2: 255 ASCII characters), and what stores give a meaning to.
SUBJECTS = [
    *["", " ", "a", "A", "ab", "a ", " a", "0", "00", "null", "\u00e9", "e\u0301", "e", "\U0001f511", "a\ud800"],
    *["a:b", "a/b", "a,b", "a\nb", "a*", "a?", "a%", "a_", "[a]", "{a}", "\\a", "'a'", '"a"', "' OR 1=1 --"],
    *["x" * 254 + "1", "x" * 254 + "2"],
]


def _indexed(trial: Trial) -> IndexedStore:
    has(trial.store, isinstance(trial.store, IndexedStore), "index")
    store: IndexedStore = trial.store
    return store


async def _listed(trial: Trial, subject: str, keys: set[str]) -> None:
    seen = await _indexed(trial).keys_of(subject)
    same(f"`keys_of` {subject[:80]!r}", sorted(seen), sorted(keys))


@check
async def a_subject_has_its_keys_and_no_others(trial: Trial) -> None:
    """`keys_of` lists what was indexed, none twice; a key may belong to several subjects, a subject have none."""
    store, ada, bob = _indexed(trial), trial.key(), trial.key()
    keys = [await trial.created() for _ in range(3)]
    for key in (*keys, keys[0]):
        await store.index(ada, key, LONG)
    await store.index(bob, keys[2], LONG)
    same("the type of `keys_of`", type(await store.keys_of(ada)), list)
    await _listed(trial, ada, set(keys))
    await _listed(trial, bob, {keys[2]})
    await _listed(trial, trial.key(), set())


@check
async def the_index_comes_before_the_record(trial: Trial) -> None:
    """A key that has no record can be indexed; it gets none by that, and `create` is as always."""
    store, subject, key = _indexed(trial), trial.key(), trial.key()
    await store.index(subject, key, LONG)
    await trial.none(key, "of a key that was only indexed")
    same("`touch` of such a key", await store.touch(key, LONG), False)
    same("`update` of such a key", await store.update(key, b"data", LONG, version=1), "gone")
    same("`delete` of such a key", await store.delete(key), False)
    await _listed(trial, subject, {key})
    same("`create` of such a key", await store.create(key, b"data", LONG), True)
    await _listed(trial, subject, {key})


@check
async def any_text_is_a_subject(trial: Trial) -> None:
    """Subjects are told apart to the letter: case, spaces, accents, wildcards, quotes, separators, half characters."""
    store, mark = _indexed(trial), secrets.token_hex(8)  # which makes them nobody else's
    keys = {(odd + mark if len(odd) < 200 else mark + odd[16:]): trial.key() for odd in SUBJECTS}
    for subject, key in keys.items():
        await store.index(subject, key, LONG)
    for subject, key in keys.items():
        await _listed(trial, subject, {key})


@check
async def the_index_remembers_for_its_time(trial: Trial) -> None:
    """`keys_of` lists a key for the longest `ttl` that `index` was given, or longer, with or without a record."""
    store, subject, control = _indexed(trial), trial.key(), await trial.created(ttl=trial.short)
    shortened, lengthened, expired = trial.key(), trial.key(), await trial.created(ttl=trial.short)
    for key, ttls in ((shortened, (LONG, trial.short)), (lengthened, (trial.short, LONG)), (expired, (LONG,))):
        for ttl in ttls:
            await store.index(subject, key, ttl)
    await trial.outlive(control, expired)
    await _listed(trial, subject, {shortened, lengthened, expired})
