"""When a session in a store is saved: before the start, by `save()`, at the end; and what happens to it meanwhile."""

import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from .apps import body, start
from .asgi import App, drive, http, step, websocket
from .storing import DELETED, NEW, NEXT, NOW, OLD, TERM, VARY, Site, Use, add, cookie, key, read, record, saved, sends

O, N = key(OLD), key(NEW)  # noqa: E741  # the old one and the new one
LATE = "a session was begun after the response had started; it is lost"
LOST = "a session was destroyed while a request was changing it; the change is dropped"
Steps = Callable[[Any, Any, Any], Awaitable[None]]  # with the session, receive and send


def doing(steps: Steps) -> App:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await steps(scope["session"], receive, send)

    return app


def site_of_one(**options: Any) -> Site:
    site = Site(**options)
    step(site.put({"a": 1}))
    return site


async def late(session: Any, receive: Any, send: Any) -> None:
    await send(start(headers=[]))
    session["b"] = 2
    await send(body(b""))


async def late_and_saved(session: Any, receive: Any, send: Any) -> None:
    await send(start(headers=[]))
    session["b"] = 2
    await session.save()
    await send(body(b""))


async def late_logout(session: Any, receive: Any, send: Any) -> None:
    await send(start(headers=[]))
    session.destroy()
    await send(body(b""))


async def late_logout_and_more(session: Any, receive: Any, send: Any) -> None:
    await late_logout(session, receive, send)
    session["b"] = 2


async def early_and_late(session: Any, receive: Any, send: Any) -> None:
    session["b"] = 2
    await send(start(headers=[]))
    session["c"] = 3
    await send(body(b""))


async def regenerated_and_late(session: Any, receive: Any, send: Any) -> None:
    session.regenerate()
    await send(start(headers=[]))
    session["b"] = 2


async def crash_before(session: Any, receive: Any, send: Any) -> None:
    session.destroy()
    session["b"] = 2
    raise OSError("before")


async def crash_behind(session: Any, receive: Any, send: Any) -> None:
    await send(start(headers=[]))
    session["b"] = 2
    raise OSError("behind")


async def no_answer(session: Any, receive: Any, send: Any) -> None:
    session["b"] = 2


async def no_answer_to_a_new_id(session: Any, receive: Any, send: Any) -> None:
    session.regenerate()


UPDATE = ("update", O, record({"a": 1, "b": 2}), TERM, 1)
WHOLE = ["http.response.start", "http.response.body"]
# A sentence, the app, the operations behind the first read, the headers, and what is logged.
WHEN: list[tuple[str, Steps, list[Any], Any, list[str]]] = [
    ("late", late, [UPDATE], [], []),
    ("late and saved", late_and_saved, [UPDATE], [], []),
    (
        "early and late",
        early_and_late,
        [UPDATE, ("read", O), ("update", O, record({"a": 1, "b": 2, "c": 3}), TERM, 2)],
        saved(),
        [],
    ),
    ("a late logout", late_logout, [("delete", O)], [], []),
    ("a late logout, and a new session", late_logout_and_more, [("delete", O)], [], [LATE]),
    ("a crash before the start", crash_before, [], None, []),
    ("a crash behind it", crash_behind, [UPDATE], [], []),
    ("no answer at all", no_answer, [UPDATE], None, []),
    ("no answer to a new ID", no_answer_to_a_new_id, [("delete", O)], None, [LATE]),
]


@pytest.mark.parametrize(("sentence", "steps", "operations", "headers", "logged"), WHEN, ids=[row[0] for row in WHEN])
def test_when_it_is_saved(
    sentence: str,
    steps: Steps,
    operations: list[Any],
    headers: Any,
    logged: list[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    site = site_of_one()
    exchange = drive(site.wrap(doing(steps)), http(headers=sends(cookie())))
    assert site.store.took() == [("read", O), *operations]
    assert (exchange.headers if exchange.sent else None) == headers
    assert caplog.messages == logged
    assert isinstance(exchange.error, OSError) == ("crash" in sentence)


def writing(name: str, value: int) -> Use:
    def use(session: Any) -> None:
        session[name] = value

    return use


def test_what_others_changed_meanwhile_is_merged_into_a_late_change_of_a_regenerated_session() -> None:
    """The version that it was read with is one of the old record, which another of that number is not."""

    async def another(session: Any, receive: Any, send: Any) -> None:
        await regenerated_and_late(session, receive, send)
        for number in range(4):
            other = site.visit(writing(f"x{number}", 1), cookie(NEW))
            assert other.error is None

    for version in range(5):  # of the old record
        site = site_of_one()
        for number in range(version):
            site.visit(writing("a", -number), cookie())
        exchange = drive(site.wrap(doing(another)), http(headers=sends(cookie())))
        assert exchange.error is None
        content = {"b": 2} | {f"x{number}": 1 for number in range(4)}
        found = json.loads((site.content(NEW) or b"").partition(b"\n")[0])
        assert {name: value for name, value in found.items() if name != "a"} == content


LATE_ALONE: list[tuple[str, Steps, list[str], bool]] = [
    ("late", late, [LATE], False),
    ("late and saved", late_and_saved, [LATE], True),
    ("a late logout", late_logout, [], False),
]


@pytest.mark.parametrize(("sentence", "steps", "logged", "raises"), LATE_ALONE, ids=[row[0] for row in LATE_ALONE])
def test_a_session_that_begins_too_late_is_not_kept(
    sentence: str, steps: Steps, logged: list[str], raises: bool, caplog: pytest.LogCaptureFixture
) -> None:
    site = Site()
    exchange = drive(site.wrap(doing(steps)))
    assert site.store.took() == []
    assert caplog.messages == logged
    if raises:
        assert "the cookie of a new session cannot reach the client" in str(exchange.error)
    else:
        assert exchange.error is None


def test_to_save_a_session_that_begins_after_a_late_logout_logs_out_and_refuses() -> None:
    site = site_of_one()

    async def steps(session: Any, receive: Any, send: Any) -> None:
        await late_logout(session, receive, send)
        session["b"] = 2
        await session.save()

    exchange = drive(site.wrap(doing(steps)), http(headers=sends(cookie())))
    assert isinstance(exchange.error, RuntimeError)
    assert site.store.took() == [("read", O), ("delete", O)]


# --- WebSockets -------------------------------------------------------------------------------------------------------

ACCEPT = {"type": "websocket.accept"}


async def ends(session: Any, receive: Any, send: Any) -> None:
    await send(ACCEPT)
    session["b"] = 2
    await send({"type": "websocket.close"})


async def is_left(session: Any, receive: Any, send: Any) -> None:
    await send(ACCEPT)
    session["b"] = 2
    while (await receive())["type"] != "websocket.disconnect":
        pass


async def raises_when_left(session: Any, receive: Any, send: Any) -> None:
    await is_left(session, receive, send)
    raise OSError("gone")


async def saves_while_it_runs(session: Any, receive: Any, send: Any) -> None:
    await send(ACCEPT)
    session["b"] = 2
    await session.save()
    raise OSError("gone")


async def refuses(session: Any, receive: Any, send: Any) -> None:
    session["b"] = 2
    await send({"type": "websocket.close"})


async def raises_at_once(session: Any, receive: Any, send: Any) -> None:
    session.destroy()
    raise OSError("at once")


async def answers(session: Any, receive: Any, send: Any) -> None:
    session["b"] = 2
    await send({"type": "websocket.http.response.start", "status": 403, "headers": []})
    await send({"type": "websocket.http.response.body", "body": b""})


async def accepts_and_writes_before(session: Any, receive: Any, send: Any) -> None:
    session["b"] = 2
    await send(ACCEPT)


SOCKETS: list[tuple[str, Steps, list[Any], Any]] = [
    ("it ends", ends, [UPDATE], []),
    ("the client leaves", is_left, [UPDATE], []),
    ("an exception says so", raises_when_left, [UPDATE], []),
    ("saved while it runs", saves_while_it_runs, [UPDATE], []),
    ("refused", refuses, [UPDATE], None),
    ("an exception before anything was answered", raises_at_once, [], None),
    ("a denial response", answers, [UPDATE], saved()),
    ("written before it is accepted", accepts_and_writes_before, [UPDATE], saved()),
]


@pytest.mark.parametrize(("sentence", "steps", "operations", "headers"), SOCKETS, ids=[row[0] for row in SOCKETS])
def test_a_websocket(
    sentence: str, steps: Steps, operations: list[Any], headers: Any, caplog: pytest.LogCaptureFixture
) -> None:
    site = site_of_one()
    exchange = drive(site.wrap(doing(steps)), websocket(headers=sends(cookie())))
    assert site.store.took() == [("read", O), *operations]
    if headers is not None:
        assert exchange.headers == headers
    assert isinstance(exchange.error, OSError) == (steps in (raises_when_left, saves_while_it_runs, raises_at_once))
    assert caplog.messages == []


def test_a_store_that_fails_beside_an_exception_leaves_the_exception_alone(caplog: pytest.LogCaptureFixture) -> None:
    site = site_of_one()
    site.store.hooks["update"] = lambda: 1 / 0
    exchange = drive(site.wrap(doing(raises_when_left)), websocket(headers=sends(cookie())))
    assert isinstance(exchange.error, OSError)
    assert caplog.messages == ["the session was not saved after the application had failed (ZeroDivisionError)"]


def test_a_session_is_still_good_for_a_task_that_outlives_its_request() -> None:
    site = site_of_one()
    kept: list[Any] = []
    site.visit(lambda session: kept.append(session), cookie())
    (session,) = kept
    assert session["a"] == 1
    session["b"] = 2
    step(session.save())
    assert site.store.took() == [("read", O), UPDATE]
    session.destroy()
    step(session.save())
    assert site.store.took() == [("delete", O)]
    with pytest.raises(RuntimeError, match="before the response starts"):
        session.regenerate()


def test_a_change_of_what_is_gone_meanwhile_is_dropped_and_what_comes_then_begins_anew(
    caplog: pytest.LogCaptureFixture,
) -> None:
    site = site_of_one()

    async def steps(session: Any, receive: Any, send: Any) -> None:
        session["b"] = 2
        await site.memory.delete(O)
        await session.save()
        assert session == {}
        assert session.is_new
        session["c"] = 3
        await send(start(headers=[]))

    exchange = drive(site.wrap(doing(steps)), http(headers=sends(cookie())))
    assert exchange.headers == saved(NEW)
    assert site.content(NEW) == record({"c": 3}, NOW)
    assert caplog.record_tuples == [("asgi_middleware.sessions", logging.WARNING, LOST)]


def test_a_taken_id_is_drawn_again() -> None:
    site = Site()
    step(site.put({"theirs": 1}, NEW))
    exchange = site.visit(add)
    assert exchange.headers == saved(NEXT)
    assert site.content(NEW) == record({"theirs": 1})
    assert site.store.names == ["create", "create"]
    for secret in (b"3", b"4", b"5"):
        step(site.put({}, secret * 32))
    assert "every new ID was taken" in str(site.visit(add).error)


def test_a_reading_response_says_so_even_beside_a_logout_of_another_request() -> None:
    site = site_of_one()
    assert site.visit(read, cookie()).headers == [VARY]
    assert site.visit(lambda s: s.destroy(), cookie()).headers == DELETED
    assert site.visit(lambda s: s.destroy(), cookie()).headers == [VARY]
