"""`stack`: the parts that an entry builds are built once, and closed when the application has shut down."""

import logging
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from asgi_middleware import Stack
from asgi_middleware.sessions.stores import MemoryStore, SQLiteStore

from .asgi import App, drive, step
from .stacking import HERE, KEY

SESSIONS: dict[str, Any] = {"use": "sessions", "secret_key": KEY}
LIFESPAN = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
STARTUP, SHUTDOWN = {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}


class Kept(MemoryStore):
    """A store that writes down what happens to it."""

    made: list["Kept"] = []  # noqa: RUF012  # emptied by each test
    trouble: Exception | None = None

    def __init__(self, *, trouble: bool = False) -> None:
        super().__init__()
        self.closed = 0
        self.trouble = OSError("redis://ada:zqxjkvwy@host is gone") if trouble else None
        Kept.made.append(self)

    async def aclose(self) -> None:
        self.closed += 1
        if self.trouble:
            raise self.trouble


@pytest.fixture(autouse=True)
def nothing_made() -> None:
    Kept.made.clear()


KEPT = {"use": f"{__name__}:Kept"}


async def lives(scope: Any, receive: Any, send: Any) -> None:
    """An application that takes part in the lifespan."""
    if scope["type"] == "lifespan":
        for step in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{step}.complete"})
    else:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})


async def fails(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "lifespan.startup.failed"})


async def fails_late(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.failed"})


def lifespan(app: App) -> list[str]:
    """The application's answers to startup and shutdown."""
    exchange = drive(app, LIFESPAN, [STARTUP, SHUTDOWN], loop="asyncio")
    assert exchange.error is None
    return [message["type"] for message in exchange.sent]


def test_a_part_is_built_once_however_often_the_entry_wraps() -> None:
    stack = Stack([{**SESSIONS, "store": KEPT}])
    first, second = stack(lives), stack[0](lives)
    assert len(Kept.made) == 1
    assert drive(first).status == drive(second).status == 200


def test_what_text_names_is_built_once_too() -> None:
    stack = Stack([{**SESSIONS, "store": "memory:"}])
    wrapped: list[Any] = [stack(lives), stack[0](lives)]
    stores = {id(each._stored._store) for each in wrapped}
    assert len(stores) == 1


@pytest.mark.parametrize(
    ("app", "answers"),
    [
        (lives, ["lifespan.startup.complete", "lifespan.shutdown.complete"]),
        (fails, ["lifespan.startup.failed"]),
        (fails_late, ["lifespan.startup.complete", "lifespan.shutdown.failed"]),
    ],
)
@pytest.mark.parametrize("own", [{}, {"types": ["http"]}, {"paths": ["/a"]}, {"exclude": ["/*"]}], ids=str)
def test_it_is_closed_with_the_application(app: App, answers: list[str], own: dict[str, Any]) -> None:
    stack = Stack([{**SESSIONS, **own, "store": KEPT}])
    assert lifespan(stack(app)) == answers
    assert [store.closed for store in Kept.made] == [1]


def test_it_is_open_while_the_application_starts_and_stops() -> None:
    closed: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async def watched(message: Any) -> None:
            closed.append(Kept.made[0].closed)
            await send(message)

        await lives(scope, receive, watched)

    lifespan(Stack([{**SESSIONS, "store": KEPT}])(app))
    assert closed == [0, 0]


def test_in_starlettes_list_it_is_closed_too() -> None:
    assert lifespan(Starlette(middleware=Stack([{**SESSIONS, "store": KEPT}]))) == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]
    assert [store.closed for store in Kept.made] == [1]


def test_a_store_of_a_url_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[SQLiteStore] = []

    async def aclose(self: SQLiteStore) -> None:
        closed.append(self)

    monkeypatch.setattr(SQLiteStore, "aclose", aclose)
    lifespan(Stack([{**SESSIONS, "store": f"sqlite:///{tmp_path}/sessions.db"}])(lives))
    assert len(closed) == 1


def test_what_was_given_is_not_closed() -> None:
    store = Kept()
    lifespan(Stack([("sessions", {"secret_key": KEY, "store": store})])(lives))
    lifespan(Stack([{**SESSIONS, "store": {"import": f"{HERE.rpartition('.')[0]}.test_stack_owned:GIVEN"}}])(lives))
    assert (store.closed, GIVEN.closed) == (0, 0)


def test_one_that_cannot_be_closed_is_logged_and_the_server_hears_of_the_end(caplog: pytest.LogCaptureFixture) -> None:
    stack = Stack(
        [
            {**SESSIONS, "store": {**KEPT, "trouble": True}},
            {**SESSIONS, "store": KEPT, "scope_key": "two", "session_cookie": "two"},
        ]
    )
    with caplog.at_level(logging.ERROR):
        assert lifespan(stack(lives)) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert [store.closed for store in Kept.made] == [1, 1]
    assert caplog.record_tuples == [("asgi_middleware.stack", logging.ERROR, "Kept was not closed (OSError)")]


def test_a_disabled_entry_closes_nothing() -> None:
    lifespan(Stack([{**SESSIONS, "enabled": False, "store": KEPT}])(lives))
    assert [store.closed for store in Kept.made] == [0]


def test_requests_pass_the_end_untouched() -> None:
    seen: list[tuple[Any, ...]] = []

    async def app(*three: Any) -> None:
        seen.append(three)

    class Outer:
        def __init__(self, app: App, *, store: Any) -> None:
            self.app = app

    inner: Any = Stack([{"use": Outer, "store": KEPT}])(app)
    scope, receive, send = {"type": "http"}, object(), object()
    step(inner.app(scope, receive, send))
    assert [one is other for one, other in zip(seen[0], (scope, receive, send), strict=True)] == [True] * 3
    assert inner.app.__wrapped__.__wrapped__ is app  # within what answers lifespan
    assert (inner.app.app, inner.app.app.app) == (inner.app.__wrapped__, app)


def test_an_entry_that_owns_nothing_puts_nothing_between() -> None:
    wrapped: Any = Stack([SESSIONS])(lives)
    assert wrapped.app.__wrapped__ is lives  # within what answers lifespan


GIVEN = Kept()
