"""A store that raises, or never answers: no response claims what was not done."""

import logging
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from trio.testing import MockClock

from .apps import body, start
from .asgi import App, Exchange, drive, http, step
from .storing import (
    DELETED,
    NEW,
    NEXT,
    NOW,
    OLD,
    TERM,
    VARY,
    Site,
    Use,
    add,
    ask,
    both,
    cookie,
    destroyed,
    key,
    owned,
    read,
    record,
    regenerated,
    saved,
    sends,
    using,
)

O, N = key(OLD), key(NEW)  # noqa: E741  # the old one and the new one
LONG_AGO = cookie(now=NOW - TERM // 2)  # so that a rolling session is extended
TIMEOUT = 0.01  # seconds, of asyncio's own clock


class Down(Exception):
    """What the store raises. Its text is nobody's business."""

    def __init__(self) -> None:
        super().__init__("password=hush")


def raises() -> None:
    raise Down


async def hangs() -> None:
    await anyio.sleep_forever()


def run(app: App, loop: str, *values: str) -> Exchange:
    """One request, on a loop; trio's clock goes on by itself as soon as everybody waits."""

    async def main() -> Exchange:
        return await ask(app, http(headers=sends(*values)))

    options = {"clock": MockClock(autojump_threshold=0)} if loop == "trio" else {}
    return anyio.run(main, backend=loop, backend_options=options)


# How it fails, on which loop, and what is raised.
FAULTS: list[tuple[str, Callable[[], Any], str, type[Exception]]] = [
    ("raises", raises, "asyncio", Down),
    ("raises", raises, "trio", Down),
    ("hangs", hangs, "asyncio", TimeoutError),
    ("hangs", hangs, "trio", TimeoutError),
]
EVERY_FAULT = pytest.mark.parametrize(
    ("fault", "loop", "error"), [row[1:] for row in FAULTS], ids=[f"{row[0]}-{row[2]}" for row in FAULTS]
)


# A sentence, what is done, with which cookie, which operation fails, all operations, and what is kept under the old ID.
WRITES: list[tuple[str, Use, list[str], str, list[str], bytes | None]] = [
    ("a new one", add, [], "create", ["create"], None),
    ("a new one of somebody", owned, [], "index", ["index"], None),
    ("a change", add, [cookie()], "update", ["read", "update"], record({"a": 1})),
    ("a subject", owned, [cookie()], "index", ["read", "index"], record({"a": 1})),
    ("a logout", destroyed, [cookie()], "delete", ["read", "delete"], record({"a": 1})),
    ("a new ID", regenerated, [cookie()], "delete", ["read", "delete"], record({"a": 1})),
    ("a new ID, of which the old one is gone", regenerated, [cookie()], "create", ["read", "delete", "create"], None),
]


@EVERY_FAULT
@pytest.mark.parametrize("on_store_error", ["raise", "empty"])
@pytest.mark.parametrize(
    ("sentence", "use", "values", "operation", "names", "kept"), WRITES, ids=[row[0] for row in WRITES]
)
def test_what_is_not_saved_makes_the_request_fail(
    sentence: str,
    use: Use,
    values: list[str],
    operation: str,
    names: list[str],
    kept: bytes | None,
    on_store_error: str,
    fault: Callable[[], Any],
    loop: str,
    error: type[Exception],
) -> None:
    """Whatever `on_store_error` says. The application is told when it sends its start, and nothing goes out."""
    site = Site(on_store_error=on_store_error, store_timeout=TIMEOUT)
    if values:
        step(site.put({"a": 1}))
    site.store.hooks[operation] = fault
    told: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        use(scope["session"])
        try:
            await send(start(headers=[]))
        except Exception as caught:
            told.append(type(caught))
            raise

    exchange = run(site.wrap(app), loop, *values)
    assert exchange.sent == []
    assert (type(exchange.error), told) == (error, [error])
    assert site.store.names == names
    assert site.content() == kept
    assert site.content(NEW) is None


@EVERY_FAULT
@pytest.mark.parametrize("operation", ["read", "index", "touch"])
@pytest.mark.parametrize("on_store_error", ["raise", "empty"])
def test_a_store_that_cannot_be_read(
    on_store_error: str,
    operation: str,
    fault: Callable[[], Any],
    loop: str,
    error: type[Exception],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Or that cannot extend what it read."""
    site = Site(on_store_error=on_store_error, store_timeout=TIMEOUT, rolling=True)
    step(site.put({"a": 1}, subject="ada", lifetime=60))
    site.store.hooks[operation] = fault
    seen: list[Any] = []
    app = site.wrap(using(lambda s: seen.append((s.is_new, s.subject, s.copy()))))
    exchange = run(app, loop, LONG_AGO)
    if on_store_error == "raise":
        assert type(exchange.error) is error
        assert (exchange.sent, seen, caplog.messages) == ([], [], [])
    else:
        assert exchange.error is None
        assert seen == [(True, None, {})]
        assert exchange.headers == [VARY]
        assert caplog.messages == [f"the session store failed ({error.__name__}): this request's session is empty"]


# --- on_store_error="empty" -------------------------------------------------------------------------------------------

FAILED = "the session store failed (Down): this request's session is empty"
NOT_SAVED = "the session store could not be read, so nothing is saved to this request's session"


def failing_once() -> Site:
    """The read fails, and whatever comes then would succeed."""
    site = Site(on_store_error="empty", rolling=True)
    step(site.put({"a": 1}, subject="ada"))
    site.store.hooks["read"] = raises
    return site


LEFT: list[tuple[str, Use, str | None]] = [
    ("read", read, None),
    ("saved as it is", lambda s: s.save(), None),
    ("written", add, NOT_SAVED),
    ("cleared", lambda s: s.clear(), NOT_SAVED),
    ("owned", owned, NOT_SAVED),
    ("regenerated and written", both(regenerated, add), NOT_SAVED),
    ("logged out", destroyed, NOT_SAVED),
    ("logged out and written", both(destroyed, add), NOT_SAVED),
]


@pytest.mark.parametrize(("sentence", "use", "error"), LEFT, ids=[row[0] for row in LEFT])
def test_an_empty_session_in_place_of_one_that_could_not_be_read(
    sentence: str, use: Use, error: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """It can be read. Nobody is told that a login, or a logout, has been done."""
    site = failing_once()
    exchange = site.visit(use, LONG_AGO)
    if error is None:
        assert (exchange.error, exchange.headers) == (None, [VARY])
    else:
        assert (repr(exchange.error), exchange.sent) == (f'RuntimeError("{error}")', [])
    assert site.store.names == ["read"]
    assert caplog.record_tuples == [("asgi_middleware.sessions", logging.ERROR, FAILED)]
    assert site.content() == record({"a": 1}, subject="ada")


def test_save_does_not_say_that_it_saved_what_it_did_not() -> None:
    async def use(session: Any) -> None:
        session["b"] = 2
        with pytest.raises(RuntimeError, match="the session store could not be read"):
            await session.save()

    site = failing_once()
    assert repr(site.visit(use, LONG_AGO).error) == f'RuntimeError("{NOT_SAVED}")'
    assert site.store.names == ["read"]


# --- A second attempt -------------------------------------------------------------------------------------------------


def twice(site: Site, use: Use, *values: str) -> Exchange:
    """An app whose first start fails, and that sends another one, when the store is up again."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        use(scope["session"])
        with pytest.raises(Down):
            await send(start(headers=[]))
        site.store.hooks.clear()
        site.store.answers.clear()
        await send(start(500, headers=[]))
        await send(body(b""))

    return drive(site.wrap(app), http(headers=sends(*values)))


AGAIN: list[tuple[str, Use, list[str], str, list[str], Any]] = [
    ("a new one", add, [], "create", ["create", "create"], saved(NEW)),
    ("a change", add, [cookie()], "update", ["read", "update", "read", "update"], saved()),
    ("marked", lambda s: s.mark_modified(), [cookie()], "update", ["read", "update", "read", "update"], saved()),
    ("a subject", owned, [cookie()], "index", ["read", "index", "read", "index", "update"], saved()),
    ("a logout", destroyed, [cookie()], "delete", ["read", "delete", "delete"], DELETED),
    ("a new ID", regenerated, [cookie()], "delete", ["read", "delete", "delete", "create"], saved(NEW)),
    ("a new ID, half", regenerated, [cookie()], "create", ["read", "delete", "create", "create"], saved(NEW)),
]


@pytest.mark.parametrize(
    ("sentence", "use", "values", "operation", "names", "headers"), AGAIN, ids=[row[0] for row in AGAIN]
)
def test_a_second_start_saves_again(
    sentence: str, use: Use, values: list[str], operation: str, names: list[str], headers: Any
) -> None:
    site = Site()
    step(site.put({"a": 1}))
    site.store.hooks[operation] = raises
    exchange = twice(site, use, *values)
    assert exchange.error is None
    assert (exchange.status, exchange.headers) == (500, headers)
    assert site.store.names == names


# The same where the store has done it, but its answer gets lost; and what is kept then.
UNHEARD: list[tuple[str, Use, list[str], str, list[str], Any, dict[bytes, bytes]]] = [
    (
        "a new one: the first is there as well, and nobody has its ID",
        add,
        [],
        "create",
        ["create", "create", "create"],
        saved(NEXT),
        {OLD: record({"a": 1}), NEW: record({"b": 2}, NOW), NEXT: record({"b": 2}, NOW)},
    ),
    (
        "a change",
        add,
        [cookie()],
        "update",
        ["read", "update", "read", "update"],
        saved(),
        {OLD: record({"a": 1, "b": 2})},
    ),
    ("a logout", destroyed, [cookie()], "delete", ["read", "delete", "delete"], [VARY], {}),
    ("a new ID: the session is lost", regenerated, [cookie()], "delete", ["read", "delete", "delete"], [VARY], {}),
]


@pytest.mark.parametrize(
    ("sentence", "use", "values", "operation", "names", "headers", "kept"), UNHEARD, ids=[row[0] for row in UNHEARD]
)
def test_a_second_start_where_an_answer_was_lost(
    sentence: str,
    use: Use,
    values: list[str],
    operation: str,
    names: list[str],
    headers: Any,
    kept: dict[bytes, bytes],
) -> None:
    site = Site()
    step(site.put({"a": 1}))
    site.store.answers[operation] = raises
    exchange = twice(site, use, *values)
    assert exchange.error is None
    assert (exchange.status, exchange.headers) == (500, headers)
    assert site.store.names == names
    assert {secret: site.content(secret) for secret in (OLD, NEW, NEXT) if site.content(secret)} == kept


def test_an_app_that_hides_the_failure_does_not_hide_it_from_the_server() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        add(scope["session"])
        with pytest.raises(Down):
            await send(start(headers=[]))

    site = Site()
    site.store.hooks["create"] = raises
    exchange = drive(site.wrap(app))
    assert exchange.sent == []
    assert exchange.error is None  # nothing was answered, so the server knows; nothing is begun without a cookie
    assert site.store.names == ["create"]


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_who_is_cancelled_between_two_operations_has_logged_out(loop: str) -> None:
    """A new ID whose record was not created yet: the old one is worthless all the same."""
    site = Site()
    step(site.put({"a": 1}))

    async def main() -> None:
        with anyio.CancelScope() as scope:

            async def cancels() -> None:
                scope.cancel()
                await anyio.sleep_forever()

            site.store.hooks["create"] = cancels
            await site.wrap(using(regenerated))(http(headers=sends(cookie())), None, None)  # type: ignore[arg-type]

    anyio.run(main, backend=loop)
    assert site.store.names == ["read", "delete", "create"]
    assert site.memory._kept == {}
