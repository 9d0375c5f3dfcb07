"""`store=`: what is taken and what is refused, stores by URL and their end, and the functions for subjects."""

import logging
from pathlib import Path
from typing import Any

import pytest

from asgi_middleware.exceptions import ConfigError
from asgi_middleware.sessions import SessionMiddleware, StoredSession, revoke_all, sessions_of, stores
from asgi_middleware.sessions.stores.memory import MemoryStore
from asgi_middleware.sessions.stores.redis import RedisStore
from asgi_middleware.sessions.stores.sql import SQLAlchemyStore
from asgi_middleware.sessions.stores.sqlite import SQLiteStore

from .apps import silent
from .asgi import drive, http, step
from .storing import (
    BORN,
    NEW,
    NEXT,
    NOW,
    OLD,
    SECRET,
    TERM,
    Recorder,
    Site,
    add,
    both,
    cookie,
    key,
    record,
    saved,
    sends,
    using,
)


class WithoutIndex:
    """The least that is a store."""

    def __init__(self) -> None:
        inner = MemoryStore()
        self.read, self.create, self.update = inner.read, inner.create, inner.update
        self.touch, self.delete = inner.touch, inner.delete


NO_STORE = "is not a store; pass one of asgi_middleware.sessions.stores, or a URL"
IN_A_COOKIE = "is for sessions in a cookie"
SCHEMES = "use one of memory:, sqlite:, redis:, rediss:, unix:, postgresql+asyncpg:"
# A sentence, the options, and the problems.
REFUSED: list[tuple[str, dict[str, Any], list[str]]] = [
    ("nothing that a store has", {"store": object()}, [f"store: object: {NO_STORE}"]),
    ("a dict", {"store": {}}, [f"store: dict: {NO_STORE}"]),
    (
        "the class, not a store",
        {"store": MemoryStore},
        ["store: MemoryStore: is a class; make one of it: MemoryStore(...)"],
    ),
    (
        "encrypted",
        {"store": MemoryStore(), "encrypt": True},
        [f"encrypt: True: {IN_A_COOKIE}; in a store there is nothing to see; leave it out"],
    ),
    (
        "Starlette's cookies",
        {"store": MemoryStore(), "accept_starlette": True},
        [f"accept_starlette: True: {IN_A_COOKIE}; leave it out"],
    ),
    *(
        (
            f"max_age={age}",
            {"store": MemoryStore(), "max_age": age},
            [f"max_age: {age}: ends a session in a store before it begins; write 1209600, or None"],
        )
        for age in (0, -1)
    ),
    ("no scheme", {"store": "hush"}, [f"store: 'hush': is the scheme of no store; {SCHEMES}"]),
    ("nothing", {"store": ""}, [f"store: '': is the scheme of no store; {SCHEMES}"]),
    ("another scheme", {"store": "mysql://u:hush@h"}, [f"store: 'mysql:': is the scheme of no store; {SCHEMES}"]),
    ("on_store_error", {"store": MemoryStore(), "on_store_error": "ignore"}, []),
    ("store_timeout of 0", {"store": MemoryStore(), "store_timeout": 0}, []),
    ("store_timeout of text", {"store": MemoryStore(), "store_timeout": "5"}, []),
]


@pytest.mark.parametrize(("sentence", "options", "problems"), REFUSED, ids=[row[0] for row in REFUSED])
def test_what_is_refused(sentence: str, options: dict[str, Any], problems: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        SessionMiddleware(silent(), SECRET, **options)
    shown = [str(problem) for problem in caught.value.problems]
    assert len(shown) == max(1, len(problems))
    if problems:
        assert shown == problems


@pytest.mark.parametrize(
    "url",
    [
        "redis://u:hush@h:port",
        "redis:u:hush",
        "postgresql+asyncpg://u:hush@h:port/d",
        "postgresql+asyncpg:hush",
        "postgresql://u:hush@h/d",
        "memory:hush",
    ],
)
def test_a_refused_url_shows_no_password(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        SessionMiddleware(silent(), SECRET, store=url)
    assert "hush" not in str(caught.value)


def test_a_list_of_what_is_wrong_is_given_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        SessionMiddleware(silent(), "", max_age=0, store="ftp:", encrypt=True, accept_starlette=True)
    assert [problem.option for problem in caught.value.problems] == [
        *("secret_key", "encrypt", "accept_starlette", "max_age", "store")
    ]


def test_every_kind_of_store_by_its_url(tmp_path: Path) -> None:
    """Nothing is opened by that."""
    for url, kind in (
        ("memory:", MemoryStore),
        (f"sqlite:///{tmp_path}/sessions.db", SQLiteStore),
        ("redis://nowhere.example:6379/0", RedisStore),
        ("rediss://nowhere.example:6379/0", RedisStore),
        ("unix:///nowhere.sock", RedisStore),
        ("postgresql+asyncpg://ada:hush@nowhere.example/sessions", SQLAlchemyStore),
    ):
        assert type(SessionMiddleware(silent(), SECRET, store=url)._made) is kind
    assert list(tmp_path.iterdir()) == []


def test_a_store_without_an_index_keeps_a_subject_too() -> None:
    site = Site()
    store = WithoutIndex()
    app = site.wrap(using(lambda session: setattr(session, "subject", "ada")), store=store)
    assert len(drive(app).header("set-cookie")) == 1
    found: list[Any] = []
    app = site.wrap(using(lambda session: found.append(session.subject)), store=store)
    drive(app, http(headers=sends(cookie(NEW))))
    assert found == ["ada"]


# --- The end of a store that was made from a URL ----------------------------------------------------------------------


class Closing(Recorder):
    """Notes that it was closed, and between which messages."""

    def __init__(self, error: BaseException | None = None) -> None:
        super().__init__(MemoryStore())
        self.error = error

    async def aclose(self) -> None:
        self.operations.append(("aclose",))
        if self.error is not None:
            raise self.error


LIFESPAN: dict[str, Any] = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}


def lifespan(store: Closing, *kinds: str, made: bool = True) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        for kind in kinds:
            store.operations.append((kind,))
            await send({"type": kind})

    middleware = SessionMiddleware(app, SECRET, store=store)
    middleware._made = store if made else None
    return drive(middleware, dict(LIFESPAN), [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])


UP, DOWN, FAILED = "lifespan.startup.complete", "lifespan.shutdown.complete", "lifespan.shutdown.failed"


@pytest.mark.parametrize("end", [DOWN, FAILED])
@pytest.mark.parametrize("error", [None, OSError("redis://u:hush@h")])
def test_the_store_of_a_url_is_closed_at_shutdown(
    end: str, error: BaseException | None, caplog: pytest.LogCaptureFixture
) -> None:
    """When the application has shut down, before the server is told; a store that will not close keeps nobody up."""
    store = Closing(error)
    exchange = lifespan(store, UP, end)
    assert exchange.error is None
    assert exchange.sent == [{"type": UP}, {"type": end}]
    assert store.names == [UP, end, "aclose"]
    assert caplog.messages == ([] if error is None else ["the session store was not closed (OSError)"])


def test_a_store_that_was_passed_in_is_not_closed() -> None:
    store = Closing()
    assert lifespan(store, UP, DOWN, made=False).error is None
    assert store.names == [UP, DOWN]


def test_aclose_closes_what_was_made_here_and_nothing_else(tmp_path: Path) -> None:
    store = Closing()
    step(SessionMiddleware(silent(), SECRET, store=store).aclose())
    assert store.names == []
    path = tmp_path / "sessions.db"
    middleware = SessionMiddleware(using(add), SECRET, store=f"sqlite:///{path}")
    assert drive(middleware).error is None
    assert {file.name for file in tmp_path.iterdir()} == {"sessions.db", "sessions.db-wal", "sessions.db-shm"}
    step(middleware.aclose())
    step(middleware.aclose())
    assert {file.name for file in tmp_path.iterdir()} == {"sessions.db"}


# --- Subjects ---------------------------------------------------------------------------------------------------------


def three_of_ada() -> Site:
    site = Site()
    step(site.put({"n": 2}, NEXT, subject="ada", created=BORN + 2))
    step(site.put({"n": 1}, OLD, subject="ada", created=BORN + 1))
    step(site.put({"n": 3}, NEW, subject="ada", created=BORN + 3))
    step(site.put({"n": 4}, b"b" * 32, subject="bob"))
    return site


def ask(asked: Any) -> Any:
    found: list[Any] = []

    async def main() -> None:
        found.append(await asked)

    step(main())
    return found[0]


def test_the_sessions_of_a_subject_oldest_first() -> None:
    site = three_of_ada()
    assert ask(sessions_of(site.store, "ada")) == [
        StoredSession(key(OLD), BORN + 1, {"n": 1}),
        StoredSession(key(NEXT), BORN + 2, {"n": 2}),
        StoredSession(key(NEW), BORN + 3, {"n": 3}),
    ]
    assert ask(sessions_of(site.store, "nobody")) == []


def test_what_the_index_still_names_is_not_listed_without_a_record_of_the_subject() -> None:
    site = Site()
    step(site.memory.index("ada", key(OLD), TERM))
    step(site.put({}, NEW, subject="bob"))
    step(site.memory.index("ada", key(NEW), TERM))
    step(site.memory.index("ada", key(NEXT), TERM))
    step(site.memory.create(key(NEXT), b"corrupt", TERM))
    assert ask(sessions_of(site.store, "ada")) == []


def test_revoke_all_logs_out_everywhere_but_here() -> None:
    site = three_of_ada()
    seen: list[Any] = []

    async def use(session: Any) -> None:
        seen.append(await revoke_all(site.store, session.subject, keep=session.id))

    assert site.visit(use, cookie()).error is None
    assert seen == [2]
    assert (site.content(), site.content(NEW), site.content(NEXT)) == (
        *(record({"n": 1}, BORN + 1, subject="ada"), None, None),
    )
    assert ask(revoke_all(site.store, "ada")) == 1
    assert ask(revoke_all(site.store, "ada")) == 0
    assert len(ask(sessions_of(site.store, "bob"))) == 1


def test_revoke_all_spares_a_session_that_is_given_a_new_id_by_the_same_request() -> None:
    """As one that changes a password does."""
    site = Site()
    for secret in (OLD, NEXT):
        step(site.put({"a": 1}, secret, subject="ada"))
        step(site.memory.index("ada", key(secret), TERM))

    async def use(session: Any) -> None:
        session.regenerate()
        assert await revoke_all(site.store, "ada", keep=session) == 1

    assert site.visit(use, cookie()).error is None
    assert [stored.content for stored in ask(sessions_of(site.store, "ada"))] == [{"a": 1}]
    assert (site.content(), site.content(NEXT)) == (None, None)


def test_a_store_without_anything_to_close_is_closed_by_nobody(caplog: pytest.LogCaptureFixture) -> None:
    middleware = SessionMiddleware(lives_and_ends, SECRET, store="memory:")
    exchange = drive(middleware, dict(LIFESPAN), [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    assert (exchange.error, caplog.messages) == (None, [])


async def lives_and_ends(scope: Any, receive: Any, send: Any) -> None:
    for kind in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{kind}.complete"})


@pytest.mark.parametrize("name", ["MemoryStore", "RedisStore", "SQLAlchemyStore", "SQLiteStore"])
def test_the_stores_can_be_imported_from_one_place(name: str) -> None:
    assert getattr(stores, name).__name__ == name


def test_what_is_no_store_is_no_attribute_of_them() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'MongoStore'"):
        _ = stores.MongoStore  # pyright: ignore[reportAttributeAccessIssue]  # on purpose


def test_revoke_all_spares_what_became_somebody_elses_after_a_clear() -> None:
    """A message is kept for the next page, say, and another user logs in there."""
    site = Site()
    step(site.put({"a": 1}, subject="ada"))
    assert site.visit(both(lambda session: session.clear(), add), cookie()).headers == saved(NEW)
    assert site.visit(lambda session: setattr(session, "subject", "eve"), cookie(NEW)).headers == saved(NEW)
    assert ask(revoke_all(site.store, "ada")) == 0
    assert site.content(NEW) == record({"b": 2}, NOW, subject="eve")


def test_revoke_all_raises_what_the_store_raises(caplog: pytest.LogCaptureFixture) -> None:
    site = three_of_ada()
    site.store.hooks["delete"] = lambda: 1 / 0
    with caplog.at_level(logging.DEBUG), pytest.raises(ZeroDivisionError):
        step(revoke_all(site.store, "ada"))
