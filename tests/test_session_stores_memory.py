"""MemoryStore: its bound, what gives way, and that it holds on to nothing; what all stores do is in their own file."""

import threading
from collections.abc import Awaitable
from random import Random
from typing import Any

import pytest

from asgi_middleware import ConfigError
from asgi_middleware.sessions.stores import IndexedStore
from asgi_middleware.sessions.stores.memory import MemoryStore

from .asgi import step
from .test_session_stores import Clock


def now(operation: Awaitable[Any]) -> Any:
    """What an operation gives, without an event loop: it never suspends."""
    given: list[Any] = []

    async def call() -> None:
        given.append(await operation)

    step(call())
    return given[0]


def of(store: MemoryStore, keys: str) -> str:
    """Those of these keys that have a record."""
    return "".join(key for key in keys if now(store.read(key)))


# A sentence, what is done with a store of three (create a key with a ttl, or what is in the word), what is left of it.
FULL: list[tuple[str, list[tuple[str, str, int]], str]] = [
    ("three are three", [("create", "a", 10), ("create", "b", 10), ("create", "c", 10)], "abc"),
    (
        "the one that expires soonest gives way, whenever it came",
        [("create", "a", 20), ("create", "b", 10), ("create", "c", 30), ("create", "d", 40)],
        "acd",
    ),
    (
        "the newcomer stays, even if it is the one that expires soonest",
        [("create", "a", 20), ("create", "b", 21), ("create", "c", 22), ("create", "d", 1)],
        "bcd",
    ),
    (
        "what has expired goes first, all of it",
        [("create", "a", 1), ("create", "b", 2), ("create", "c", 9), ("wait", "", 2), ("create", "d", 9)],
        "cd",
    ),
    (
        "what was touched lives longer",
        [("create", "a", 10), ("create", "b", 20), ("create", "c", 30), ("touch", "a", 40), ("create", "d", 50)],
        "acd",
    ),
    (
        "what was shortened goes sooner",
        [("create", "a", 10), ("create", "b", 20), ("create", "c", 30), ("touch", "c", 5), ("create", "d", 50)],
        "abd",
    ),
    (
        "a refused create takes no room",
        [("create", "a", 10), ("create", "b", 20), ("create", "c", 30), ("create", "a", 40)],
        "abc",
    ),
    (
        "what was deleted has left room",
        [("create", "a", 10), ("create", "b", 20), ("create", "c", 30), ("delete", "b", 0), ("create", "d", 40)],
        "acd",
    ),
    (
        "an indexed key counts",
        [("create", "a", 10), ("create", "b", 20), ("create", "c", 30), ("index", "d", 40)],
        "bc",
    ),
    (
        "a key that is indexed for long lives no longer, but gives way later",
        [("create", "a", 10), ("index", "a", 60), ("create", "b", 20), ("create", "c", 30), ("create", "d", 40)],
        "acd",
    ),
]


@pytest.mark.parametrize(("sentence", "steps", "left"), FULL, ids=[row[0] for row in FULL])
def test_when_it_is_full(sentence: str, steps: list[tuple[str, str, int]], left: str) -> None:
    clock = Clock()
    store = MemoryStore(most=3, clock=clock)
    for what, key, seconds in steps:
        match what:
            case "create":
                now(store.create(key, b"", seconds))
            case "touch":
                now(store.touch(key, seconds))
            case "delete":
                now(store.delete(key))
            case "index":
                now(store.index("ada", key, seconds))
            case "wait":
                clock.advance(seconds)
    assert of(store, "abcd") == left


def test_what_gives_way_leaves_its_subjects_list() -> None:
    store = MemoryStore(most=2)
    for key in "abc":
        now(store.index("ada", key, 60))
        now(store.create(key, b"", 60))
    assert sorted(now(store.keys_of("ada"))) == ["b", "c"]


def test_a_subjects_list_lasts_as_long_as_its_records() -> None:
    clock = Clock()
    store = MemoryStore(clock=clock)
    now(store.index("ada", "a", 10))
    now(store.create("a", b"", 10))
    now(store.touch("a", 60))
    clock.advance(30)
    now(store.purge())
    assert now(store.keys_of("ada")) == ["a"]
    clock.advance(30)
    assert now(store.keys_of("ada")) == []


@pytest.mark.parametrize("seed", range(5))
def test_it_evicts_what_the_model_evicts(seed: int) -> None:
    """Two thousand operations on twenty keys in a store of eight; the model looks at all of them each time."""
    random, clock = Random(seed), Clock()  # noqa: S311  # a test that can be repeated
    store, model = MemoryStore(most=8, clock=clock), dict[str, float]()
    for _ in range(2_000):
        key, ttl = random.choice("abcdefghijklmnopqrst"), random.randint(1, 30)
        live = model.get(key, 0) > clock.now
        match random.choice(["create", "create", "create", "touch", "delete", "purge", "wait"]):
            case "create":
                assert now(store.create(key, b"", ttl)) == (not live)
                if not live:
                    model = {name: until for name, until in model.items() if until > clock.now}
                    if len(model) == 8:
                        del model[min(model, key=lambda name: (model[name], name))]
                    model[key] = clock.now + ttl
            case "touch":
                assert now(store.touch(key, ttl)) == live
                if live:
                    model[key] = clock.now + ttl
            case "delete":
                assert now(store.delete(key)) == live
                if live:
                    del model[key]
            case "purge":
                left = {name: until for name, until in model.items() if until > clock.now}
                assert now(store.purge()) == len(model) - len(left)
                model = left
            case "wait":
                clock.advance(random.random() * 5)
        living = sorted(name for name, until in model.items() if until > clock.now)
        assert list(of(store, "abcdefghijklmnopqrst")) == living
        assert len(store._kept) <= 8


def test_it_holds_on_to_nothing() -> None:
    """Neither to outdated deadlines, of which each touch leaves one, nor to subjects that have no key."""
    clock = Clock()
    store = MemoryStore(most=50, clock=clock)
    longest = 0
    for number in range(5_000):
        now(store.index(f"subject {number}", str(number), 60))
        now(store.create(str(number), b"", 60))
        for _ in range(3):
            now(store.touch(str(number), 60))
        longest = max(longest, len(store._heap))
    assert (len(store._kept), len(store._keys)) == (50, 50)
    assert longest <= 2 * 50 + 65
    clock.advance(60)
    assert now(store.purge()) == 50
    assert (store._kept, store._keys, store._heap) == ({}, {}, [])


def test_purge_counts_records() -> None:
    clock = Clock()
    store = MemoryStore(clock=clock)
    now(store.index("ada", "only indexed", 1))
    for key, ttl in (("a", 1), ("b", 2), ("c", 3)):
        now(store.create(key, b"", ttl))
    assert now(store.purge()) == 0
    clock.advance(2)
    assert [now(store.purge()) for _ in range(2)] == [2, 0]


def test_several_threads_lose_nothing() -> None:
    store = MemoryStore()
    now(store.create("a", b"0", 60))

    def count() -> None:
        for _ in range(200):
            seen = "conflict"
            while seen == "conflict":
                record = now(store.read("a"))
                seen = now(store.update("a", b"%d" % (int(record.data) + 1), 60, version=record.version))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert now(store.read("a")).data == b"800"


def test_it_has_an_index() -> None:
    assert isinstance(MemoryStore(), IndexedStore)


WRONG: list[tuple[str, dict[str, Any], list[str]]] = [
    ("no room", {"most": 0}, ["most: 0: must be a whole number, 1 or more sessions; leave it out for 10,000"]),
    ("text", {"most": "9"}, ["most: '9': must be a whole number, 1 or more sessions; leave it out for 10,000"]),
    (
        "both",
        {"most": None, "clock": 5},
        [
            "most: None: must be a whole number, 1 or more sessions; leave it out for 10,000",
            "clock: 5: must be a function; pass a callable, or leave the option out",
        ],
    ),
]


@pytest.mark.parametrize(("sentence", "options", "problems"), WRONG, ids=[row[0] for row in WRONG])
def test_wrong_options_are_refused(sentence: str, options: dict[str, Any], problems: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        MemoryStore(**options)
    assert (caught.value.owner, [str(each) for each in caught.value.problems]) == ("MemoryStore", problems)
