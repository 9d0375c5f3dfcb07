"""Several tasks of one request, which share its session: what one does while another one saves it."""

from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from .apps import body, start
from .asgi import Exchange, drive, http, step
from .storing import NEW, NOW, OLD, TERM, Site, cookie, key, record, saved, sends

Steps = Callable[[Any, Any, Any], Coroutine[Any, Any, None]]  # with the session, receive and send
LOOPS = pytest.mark.parametrize("loop", ["asyncio", "trio"])


def site_of_one() -> Site:
    site = Site()
    step(site.put({"a": 1}))
    return site


class Gate:
    """Holds the first operation that comes to it until it is opened."""

    def __init__(self) -> None:
        self.reached, self.opened = anyio.Event(), anyio.Event()

    async def __call__(self) -> None:
        self.reached.set()
        await self.opened.wait()


async def settled() -> None:
    """Everybody has gone as far as they can."""
    for _ in range(20):
        await anyio.lowlevel.checkpoint()


def together(site: Site, held: str, meanwhile: Steps, loop: str, *values: str) -> Exchange:
    """A response starts after a write; while the store holds this operation, another task does something."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        session = scope["session"]
        gate = site.store.hooks[held] = Gate()
        session["b"] = 2
        async with anyio.create_task_group() as group:
            group.start_soon(send, start(headers=[]))
            await gate.reached.wait()
            group.start_soon(meanwhile, session, receive, send)
            await settled()
            del site.store.hooks[held]
            gate.opened.set()
        await send(body(b""))

    return drive(site.wrap(app), http(headers=sends(*values)), loop=loop)


async def writes_too(session: Any, receive: Any, send: Any) -> None:
    session["c"] = 3


async def saves_too(session: Any, receive: Any, send: Any) -> None:
    session["c"] = 3
    await session.save()


async def owns_too(session: Any, receive: Any, send: Any) -> None:
    session.subject = "ada"


async def leaves(session: Any, receive: Any, send: Any) -> None:
    session.destroy()


@LOOPS
@pytest.mark.parametrize("meanwhile", [writes_too, saves_too])
def test_what_is_written_while_it_is_saved_is_saved_as_well(meanwhile: Steps, loop: str) -> None:
    """And a new session is one session, although two saved it."""
    for values, held, secret, born in (([cookie()], "update", OLD, NOW - 5000), ([], "create", NEW, NOW)):
        site = site_of_one() if values else Site()
        exchange = together(site, held, meanwhile, loop, *values)
        assert exchange.error is None
        assert exchange.headers == saved(secret)
        assert site.content(secret) == record(({"a": 1} if values else {}) | {"b": 2, "c": 3}, born)
        assert site.store.names.count("create") == (not values)
        assert len(site.memory._kept) == 1


@LOOPS
def test_whose_it_is_may_be_said_while_it_is_saved(loop: str) -> None:
    site = site_of_one()
    assert together(site, "update", owns_too, loop, cookie()).error is None
    assert site.content() == record({"a": 1, "b": 2}, subject="ada")


@LOOPS
def test_a_logout_while_it_is_saved_is_a_logout(loop: str) -> None:
    for values, held in (([cookie()], "update"), ([], "create")):
        site = site_of_one() if values else Site()
        assert together(site, held, leaves, loop, *values).error is None
        assert site.memory._kept == {}
        assert site.store.names[-1] == "delete"


@LOOPS
def test_a_start_waits_for_a_save_that_another_task_has_begun(loop: str) -> None:
    site = Site()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        session = scope["session"]
        gate = site.store.hooks["create"] = Gate()
        session["b"] = 2
        async with anyio.create_task_group() as group:
            group.start_soon(session.save)
            await gate.reached.wait()
            group.start_soon(send, start(headers=[]))
            await settled()
            assert sent == []
            gate.opened.set()

    sent: list[Any] = []

    async def noting(scope: Any, receive: Any, send: Any) -> None:
        async def note(message: Any) -> None:
            sent.append(message)
            await send(message)

        await site.wrap(app)(scope, receive, note)

    exchange = drive(noting, loop=loop)
    assert exchange.error is None
    assert exchange.headers == saved(NEW)
    assert site.store.names == ["create"]


@LOOPS
def test_a_logout_while_it_is_merged_brings_nothing_of_the_others_into_the_next_session(loop: str) -> None:
    site = site_of_one()
    site.store.hooks["update"] = lambda: site.memory.update(key(OLD), record({"theirs": 1}), TERM, version=1)
    seen: list[Any] = []

    async def leaves_and_goes_on(session: Any, receive: Any, send: Any) -> None:
        session.destroy()
        session["c"] = 3
        seen.append(session)

    assert together(site, "read", leaves_and_goes_on, loop, cookie()).error is None
    assert seen == [{"c": 3}]
    assert site.memory._kept == {}
    assert site.store.names == ["read", "update", "read", "delete"]
