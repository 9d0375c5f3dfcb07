"""How long a session in a store lives: `max_age`, its own lifetime, rolling, and the absolute limit."""

from typing import Any

import pytest

from asgi_middleware.sessions import Session

from .apps import body, start
from .asgi import drive, http, step, websocket
from .storing import (
    BORN,
    DELETED,
    KEPT,
    NEW,
    NOW,
    OLD,
    TERM,
    VARY,
    Operation,
    Pairs,
    Site,
    Use,
    add,
    cookie,
    key,
    nothing,
    read,
    record,
    saved,
    sends,
)

O = key(OLD)  # noqa: E741  # the old one
TENTH = TERM // 10
MONTH = 30 * 24 * 60 * 60
DAY = 24 * 60 * 60


def aged(seconds: int, lifetime: int | None = None) -> str:
    """A cookie that was sent so long ago."""
    return cookie(OLD, lifetime, now=NOW - seconds)


def lasting(seconds: int | None) -> str:
    return KEPT.replace(f" Max-Age={TERM};", "" if seconds is None else f" Max-Age={seconds};")


# A sentence, the options, the session's facts, its cookie, what is done, every operation, and the headers.
Row = tuple[str, dict[str, Any], dict[str, Any], str, Use, list[Operation], Pairs]
ROLLING: dict[str, Any] = {"rolling": True}
TERMS: list[Row] = [
    ("not rolling, however old", {}, {}, aged(TERM - 1), read, [("read", O)], [VARY]),
    ("rolling, read within a tenth", ROLLING, {}, aged(TENTH), read, [("read", O)], [VARY]),
    ("rolling, read behind it", ROLLING, {}, aged(TENTH + 1), read, [("read", O, TERM)], saved()),
    ("rolling, and not looked at", ROLLING, {}, aged(TENTH + 1), nothing, [("read", O, TERM)], []),
    (
        "rolling, and somebody's",
        ROLLING,
        {"subject": "ada"},
        aged(TENTH + 1),
        read,
        [("read", O, TERM), ("index", "ada", O, TERM)],
        saved(),
    ),
    (
        "rolling and written",
        ROLLING,
        {},
        aged(TENTH + 1),
        add,
        [("read", O, TERM), ("update", O, record({"a": 1, "b": 2}), TERM, 1)],
        saved(),
    ),
    (
        "rolling and destroyed",
        ROLLING,
        {},
        aged(TENTH + 1),
        lambda s: s.destroy(),
        [("read", O, TERM), ("delete", O)],
        DELETED,
    ),
    (
        "rolling, with a cookie of the future",
        ROLLING,
        {},
        aged(-DAY),
        read,
        [("read", O)],
        [VARY],
    ),
    (
        "rolling until the browser ends",
        {"rolling": True, "max_age": None},
        {},
        aged(TENTH + 1),
        read,
        [("read", O, TERM)],
        saved(OLD, None, lasting(None)),
    ),
    (
        "rolling for a minute",
        {"rolling": True, "max_age": 60},
        {},
        aged(7),
        read,
        [("read", O, 60)],
        saved(OLD, None, lasting(60)),
    ),
    (
        "rolling and remembered for longer than max_age: not shortened",
        ROLLING,
        {"lifetime": MONTH},
        aged(MONTH // 10 + 1, MONTH),
        read,
        [("read", O, MONTH)],
        saved(OLD, MONTH, lasting(MONTH)),
    ),
    (
        "within a tenth of its own lifetime",
        ROLLING,
        {"lifetime": MONTH},
        aged(MONTH // 10, MONTH),
        read,
        [("read", O)],
        [VARY],
    ),
    (
        "its cookie does not know of its lifetime: the record goes before it",
        ROLLING,
        {"lifetime": MONTH},
        aged(TENTH + 1),
        read,
        [("read", O, TERM), ("touch", O, MONTH)],
        saved(OLD, MONTH, lasting(MONTH)),
    ),
    (
        "its cookie knows of a lifetime that it has no longer",
        ROLLING,
        {},
        aged(MONTH // 10 + 1, MONTH),
        read,
        [("read", O, MONTH), ("touch", O, TERM)],
        saved(),
    ),
    (
        "remembered, and written",
        {},
        {"lifetime": MONTH},
        aged(DAY, MONTH),
        add,
        [("read", O), ("update", O, record({"a": 1, "b": 2}, lifetime=MONTH), MONTH, 1)],
        saved(OLD, MONTH, lasting(MONTH)),
    ),
    (
        "no longer remembered",
        {},
        {"lifetime": MONTH},
        aged(DAY, MONTH),
        lambda s: s.set_expiry(None),
        [("read", O), ("update", O, record({"a": 1}), TERM, 1)],
        saved(),
    ),
    (
        "until the browser ends, and written",
        {"max_age": None},
        {},
        aged(DAY),
        add,
        [("read", O), ("update", O, record({"a": 1, "b": 2}), TERM, 1)],
        saved(OLD, None, lasting(None)),
    ),
    ("an absolute limit that is not over", {"absolute_timeout": 5000}, {}, aged(1), read, [("read", O)], [VARY]),
    (
        "an absolute limit cuts what is written",
        {"absolute_timeout": 5060},
        {},
        aged(1),
        add,
        [("read", O), ("update", O, record({"a": 1, "b": 2}), 60, 1)],
        saved(),
    ),
    (
        "and what is extended",
        {"absolute_timeout": 5060, "rolling": True},
        {"subject": "ada"},
        aged(TENTH + 1),
        read,
        [("read", O, TERM), ("index", "ada", O, 60), ("touch", O, 60)],
        saved(),
    ),
    (
        "a new ID begins a new limit",
        {"absolute_timeout": 5060},
        {},
        aged(1),
        lambda s: s.regenerate(),
        [("read", O), ("delete", O), ("create", key(NEW), record({"a": 1}, NOW), 5060)],
        saved(NEW),
    ),
]


@pytest.mark.parametrize(
    ("sentence", "options", "facts", "value", "use", "operations", "headers"), TERMS, ids=[row[0] for row in TERMS]
)
def test_terms(
    sentence: str,
    options: dict[str, Any],
    facts: dict[str, Any],
    value: str,
    use: Use,
    operations: list[Operation],
    headers: Pairs,
) -> None:
    site = Site(**options)
    step(site.put({"a": 1}, **facts))
    exchange = site.visit(use, value)
    assert exchange.error is None
    assert site.store.took() == operations
    assert exchange.headers == headers


def test_behind_the_absolute_limit_there_is_no_session() -> None:
    site = Site(absolute_timeout=NOW - BORN - 1)
    step(site.put({"a": 1}, subject="ada"))
    seen: list[Any] = []
    exchange = site.visit(lambda s: seen.append((s.is_new, s.created, s.subject, s.copy())), cookie())
    assert seen == [(True, None, None, {})]
    assert exchange.headers == [VARY]
    assert site.visit(add, cookie()).headers == saved(NEW)
    assert site.content(NEW) == record({"b": 2}, NOW)


@pytest.mark.parametrize("options", [{}, {"rolling": True}])
def test_a_session_lasts_until_its_time_is_over(options: dict[str, Any]) -> None:
    """By the store's own clock: a cookie that a browser keeps for longer is of no use."""
    site = Site(max_age=100, **options)
    assert site.visit(add).headers == saved(NEW, None, lasting(100))
    seen: list[Any] = []
    value = cookie(NEW)
    for _ in range(5):
        site.now += 50
        exchange = site.visit(lambda session: seen.append(session.get("b")), value)
        for header in exchange.header("set-cookie"):
            value = header.removeprefix("session=").partition(";")[0]
    assert seen == ([2] * 5 if options else [2, None, None, None, None])


def test_rolling_ends_at_the_absolute_limit_and_leaves_nothing_in_the_store() -> None:
    site = Site(max_age=100, rolling=True, absolute_timeout=240)
    site.visit(lambda session: setattr(session, "subject", "ada"))
    seen: list[Any] = []
    for _ in range(6):
        site.now += 50
        site.visit(lambda session: seen.append(session.subject), cookie(NEW, now=site.now - 50))
    assert seen == ["ada"] * 4 + [None] * 2
    assert step_keys(site) == []


def step_keys(site: Site) -> list[str]:
    found: list[str] = []

    async def ask() -> None:
        found.extend(await site.memory.keys_of("ada"))

    step(ask())
    return found


# --- save() in a rolling session --------------------------------------------------------------------------------------


def saving(site: Site, scope: Any, before: Any = None) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        session = scope["session"]
        await send({"type": "websocket.accept"} if scope["type"] == "websocket" else start(headers=[]))
        if before is not None:
            await before()
        await session.save()
        seen.append(session.copy())

    seen: list[Any] = []
    exchange = drive(site.wrap(app), scope)
    assert exchange.error is None
    return seen[0]


@pytest.mark.parametrize("scope", [websocket, http])
def test_save_begins_a_new_term_of_a_rolling_session(scope: Any) -> None:
    for options, subject, expected in (
        ({}, None, []),
        (ROLLING, None, [("touch", O, TERM)]),
        (ROLLING, "ada", [("index", "ada", O, TERM), ("touch", O, TERM)]),
        ({"rolling": True, "absolute_timeout": 5060}, None, [("touch", O, 60)]),
    ):
        site = Site(**options)
        step(site.put({"a": 1}, subject=subject))
        assert saving(site, scope(headers=sends(cookie()))) == {"a": 1}
        assert site.store.took() == [("read", O), *expected]


def test_save_notices_that_a_rolling_session_was_destroyed() -> None:
    site = Site(**ROLLING)
    step(site.put({"a": 1}))
    assert saving(site, websocket(headers=sends(cookie())), lambda: site.memory.delete(O)) == {}


def test_save_before_the_start_sends_the_cookie_of_a_new_term() -> None:
    site = Site(**ROLLING)
    step(site.put({"a": 1}))
    assert site.visit(lambda session: session.save(), cookie(now=NOW - 1)).headers == saved()
    step(site.memory.delete(O))
    assert site.visit(lambda session: session.save(), cookie(now=NOW - 1)).headers == [VARY]


# --- validate ---------------------------------------------------------------------------------------------------------


def test_a_session_that_does_not_hold_is_destroyed() -> None:
    asked: list[Any] = []

    def validate(session: Session, scope: Any) -> bool:
        asked.append((session.copy(), scope["path"]))
        return "a" not in session

    site = Site(validate=validate)
    step(site.put({"a": 1}))
    assert site.visit(nothing, cookie()).headers == []
    assert asked == []
    assert site.store.took() == [("read", O)]
    assert site.visit(read, cookie()).headers == DELETED
    assert asked == [({"a": 1}, "/")]
    assert site.store.took() == [("read", O), ("delete", O)]
    step(site.put({"a": 1}))
    assert site.visit(add, cookie()).headers == saved(NEW)
    assert site.store.took() == [("read", O), ("delete", O), ("create", key(NEW), record({"b": 2}, NOW), TERM)]


def test_a_validation_that_raises_leaves_no_session_behind() -> None:
    """Whoever catches it is told again by each use; nothing is read or written, and nobody is logged out."""

    def validate(session: Session, scope: Any) -> bool:
        raise OSError("no database")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        with pytest.raises(OSError, match="no database"):
            scope["session"].get("a")
        with pytest.raises(OSError, match="no database"):
            scope["session"]["b"] = 2
        await send(start(headers=[]))
        await send(body(b""))

    site = Site(validate=validate)
    step(site.put({"a": 1}, subject="ada"))
    exchange = drive(site.wrap(app), http(headers=sends(cookie())))
    assert exchange.error is None
    assert exchange.headers == [VARY]
    assert site.store.names == ["read"]
    assert site.content() == record({"a": 1}, subject="ada")


def test_another_subject_has_another_id_also_after_a_clear() -> None:
    """Or whoever logs the first one out everywhere would log out the second."""

    def use(session: Session) -> None:
        session.clear()
        session.subject = "eve"

    site = Site()
    step(site.put({"a": 1}, subject="ada"))
    exchange = site.visit(use, cookie())
    assert exchange.error is None
    assert exchange.headers == saved(NEW)
    assert site.content() is None
    assert site.content(NEW) == record({}, NOW, subject="eve")
