"""Sessions in a store to the letter: what no other test tells from its neighbours."""

from collections.abc import Callable
from typing import Any

import pytest

from asgi_middleware.sessions import SessionConflict

from .apps import body, start
from .asgi import drive, http, step
from .storing import (
    BORN,
    DELETED,
    KEPT,
    NEW,
    NOW,
    OLD,
    TERM,
    VARY,
    Pairs,
    Site,
    Use,
    add,
    both,
    cookie,
    destroyed,
    key,
    owned,
    read,
    record,
    saved,
    sends,
)

O = key(OLD)  # noqa: E741  # the old one
LOST = "a session was destroyed while a request was changing it; the change is dropped"
TOO_LATE = "a session was begun after the response had started; it is lost"


def adas(**content: Any) -> bytes:
    """A session of hers, for a minute."""
    return record(content, BORN, 60, "ada")


def in_the_way(*records: bytes) -> Callable[[Site], None]:
    """Others change the record to these, one before each of the next updates."""

    def prepare(site: Site) -> None:
        left = list(records)

        async def change() -> None:
            if left:
                found = await site.memory.read(O)
                assert found is not None
                assert await site.memory.update(O, left.pop(0), TERM, version=found.version) == "ok"

        site.store.hooks["update"] = change

    return prepare


def gone_before(*names: str) -> Callable[[Site], None]:
    """Others destroy it before an operation of the last name that follows ones of the names before it."""

    def prepare(site: Site) -> None:
        async def go() -> None:
            if tuple(site.store.names[-len(names) :]) == names:
                await site.memory.delete(O)

        site.store.hooks[names[-1]] = go

    return prepare


def all_of(*preparations: Callable[[Site], None]) -> Callable[[Site], None]:
    def prepare(site: Site) -> None:
        for each in preparations:
            each(site)

    return prepare


def for_so_long(seconds: int) -> Pairs:
    return saved(OLD, seconds, KEPT.replace(str(TERM), str(seconds)))


def lasting(session: Any) -> None:
    session.set_expiry(90)


# A sentence, what others do, what is done, the operations after the first read, the headers, what is kept and said.
MEANWHILE: list[tuple[str, Callable[[Site], None], Use, list[str], Pairs, bytes | None, list[str]]] = [
    (
        "two others were first: merged twice, with their facts",
        in_the_way(adas(c=1), adas(c=1, d=2)),
        add,
        ["update", "read", "index", "update", "read", "index", "update"],
        for_so_long(60),
        adas(c=1, d=2, b=2),
        [],
    ),
    (
        "another was first: our own lifetime wins",
        in_the_way(adas(a=1)),
        lasting,
        ["update", "read", "index", "update"],
        for_so_long(90),
        record({"a": 1}, BORN, 90, "ada"),
        [],
    ),
    (
        "another was first: our own subject wins",
        in_the_way(adas(a=1)),
        lambda session: setattr(session, "subject", "eve"),
        ["index", "update", "read", "index", "update"],
        for_so_long(60),
        record({"a": 1}, BORN, 60, "eve"),
        [],
    ),
    (
        "another was first, and what it wrote is not one of ours: ours takes its place",
        in_the_way(b"garbage"),
        add,
        ["update", "read", "update"],
        saved(),
        record({"a": 1, "b": 2}),
        [],
    ),
    ("it was destroyed: nobody looks again", gone_before("update"), add, ["update"], [VARY], None, [LOST]),
    (
        "it was changed, and then destroyed",
        all_of(in_the_way(adas(c=1)), gone_before("update", "read")),
        add,
        ["update", "read"],
        [VARY],
        None,
        [LOST],
    ),
    (
        "logged out twice at once, of which nobody has to hear",
        gone_before("delete"),
        both(owned, destroyed),
        ["delete"],
        [VARY],
        None,
        [],
    ),
]


@pytest.mark.parametrize(
    ("sentence", "others", "use", "names", "headers", "kept", "said"), MEANWHILE, ids=[row[0] for row in MEANWHILE]
)
def test_meanwhile(
    sentence: str,
    others: Callable[[Site], None],
    use: Use,
    names: list[str],
    headers: Pairs,
    kept: bytes | None,
    said: list[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    site = Site()
    step(site.put({"a": 1}))
    others(site)
    exchange = site.visit(use, cookie())
    assert (exchange.error, exchange.headers) == (None, headers)
    assert site.store.names == ["read", *names]
    assert (site.content(), caplog.messages) == (kept, said)


def test_after_three_conflicts_it_is_given_up() -> None:
    site = Site()
    step(site.put({"a": 1}))
    in_the_way(adas(c=1), adas(c=2), adas(c=3))(site)
    exchange = site.visit(add, cookie())
    assert isinstance(exchange.error, SessionConflict)
    assert (str(exchange.error), exchange.sent) == ("others changed it meanwhile, 3 times", [])
    assert site.content() == adas(c=3)


def test_nothing_of_a_session_that_was_lost_is_in_the_next() -> None:
    """Above all not whose it was."""
    site = Site()
    step(site.put({"a": 1}, subject="ada", lifetime=60))

    async def use(session: Any) -> None:
        session["b"] = 2
        await site.memory.delete(O)
        await session.save()
        session["c"] = 3

    assert site.visit(use, cookie()).headers == saved(NEW)
    assert site.content(NEW) == record({"c": 3}, NOW)


def test_what_is_written_while_a_logout_is_under_way_begins_a_session_that_is_too_late(
    caplog: pytest.LogCaptureFixture,
) -> None:
    site = Site()
    step(site.put({"a": 1}))

    def use(session: Any) -> None:
        session.destroy()
        site.store.hooks["delete"] = lambda: add(session)

    exchange = site.visit(use, cookie())
    assert (exchange.error, exchange.headers, site.store.names) == (None, DELETED, ["read", "delete"])
    assert caplog.messages == [TOO_LATE]


def test_in_its_last_second_it_is_kept_for_one_more() -> None:
    site = Site(absolute_timeout=NOW - BORN)
    step(site.put({"a": 1}))
    assert site.visit(add, cookie()).headers == saved()
    assert site.store.took() == [("read", O), ("update", O, record({"a": 1, "b": 2}), 1, 1)]


def test_nothing_is_said_of_an_empty_session_that_was_only_read_where_the_application_failed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A session of a store that is down cannot be saved, and here nobody wanted it to be."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        read(scope["session"])
        await send(start(headers=[]))
        await send(body(b"", more=True))
        raise LookupError("the application's own")

    def down() -> None:
        raise OSError

    site = Site(on_store_error="empty")
    site.store.hooks["read"] = down
    exchange = drive(site.wrap(app), http(headers=sends(cookie())))
    assert isinstance(exchange.error, LookupError)
    assert caplog.messages == ["the session store failed (OSError): this request's session is empty"]
