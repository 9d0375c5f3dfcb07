"""`stack.lifespan`: who answers a lifespan, for every way in which an application can refuse or fail it."""

import inspect
import logging
from typing import Any

import pytest

from asgi_middleware import ConfigError, ErrorsMiddleware, SessionMiddleware, Stack
from asgi_middleware.exceptions import Problem
from asgi_middleware.sessions.stores.memory import MemoryStore
from asgi_middleware.stack.lifespan import shielded

from . import apps
from .asgi import App, Message, drive, http, websocket

STARTUP, SHUTDOWN = {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}
UP, DOWN = {"type": "lifespan.startup.complete"}, {"type": "lifespan.shutdown.complete"}
FAILED = {"type": "lifespan.startup.failed", "message": "no database"}
FAILED_LATE = {"type": "lifespan.shutdown.failed", "message": "no database"}
LOG = "asgi_middleware.stack"


def lifespan() -> dict[str, Any]:
    return {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}


async def django(scope: Any, receive: Any, send: Any) -> None:
    """As Django's handler does."""
    if scope["type"] != "http":
        raise ValueError(f"Django can only handle ASGI/HTTP connections, not {scope['type']}.")
    await apps.text()(scope, receive, send)


async def answers(scope: Any, receive: Any, send: Any) -> None:
    for step in ("startup", "shutdown"):
        assert await receive() == {"type": f"lifespan.{step}"}
        await send({"type": f"lifespan.{step}.complete"})


async def breaks_at_startup(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    raise OSError("no database")


async def breaks_at_shutdown(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send(UP)
    await receive()
    raise OSError("no database")


async def fails(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send(FAILED)


async def fails_late(scope: Any, receive: Any, send: Any) -> None:
    await returns_when_it_has_started(scope, receive, send)
    await receive()
    await send(FAILED_LATE)


async def says_something_else(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send(UP)
    await send({"type": "lifespan.invented"})


async def returns(scope: Any, receive: Any, send: Any) -> None:
    return


async def returns_when_it_has_heard(scope: Any, receive: Any, send: Any) -> None:
    await receive()


async def returns_when_it_has_started(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send(UP)


async def returns_when_it_has_heard_all(scope: Any, receive: Any, send: Any) -> None:
    await returns_when_it_has_started(scope, receive, send)
    await receive()


async def is_configured_wrong(scope: Any, receive: Any, send: Any) -> None:
    raise ConfigError("CORSMiddleware", [Problem("allow_origins", "'*'", "is not safe", "list them")])


def refuses_before_it_is_awaited(scope: Any, receive: Any, send: Any) -> Any:
    raise NotImplementedError


async def is_cancelled(scope: Any, receive: Any, send: Any) -> None:
    raise KeyboardInterrupt


ROWS: list[tuple[str, App, list[Message], type[BaseException] | None]] = [
    ("what refuses is answered for", django, [UP, DOWN], None),
    ("also where it refuses before it is awaited", refuses_before_it_is_awaited, [UP, DOWN], None),
    ("what answers is not", answers, [UP, DOWN], None),
    ("what breaks at startup has taken part", breaks_at_startup, [], OSError),
    ("and what breaks at shutdown", breaks_at_shutdown, [UP], OSError),
    ("what says that it failed is believed", fails, [FAILED], None),
    ("at the end too", fails_late, [UP, FAILED_LATE], None),
    ("what nobody knows answers nothing", says_something_else, [UP, {"type": "lifespan.invented"}, DOWN], None),
    ("what returns is answered for", returns, [UP, DOWN], None),
    ("also after a question", returns_when_it_has_heard, [UP, DOWN], None),
    ("or after its own answer", returns_when_it_has_started, [UP, DOWN], None),
    ("or after both questions", returns_when_it_has_heard_all, [UP, DOWN], None),
    ("a wrong configuration is no refusal", is_configured_wrong, [], ConfigError),
    ("nor is what is no Exception", is_cancelled, [], KeyboardInterrupt),
]


@pytest.mark.parametrize("loop", [None, "asyncio", "trio"])
@pytest.mark.parametrize(("sentence", "app", "sent", "error"), ROWS, ids=[row[0] for row in ROWS])
def test_a_lifespan_is_answered_once(
    sentence: str, app: App, sent: list[Message], error: type[BaseException] | None, loop: str | None
) -> None:
    if error is KeyboardInterrupt:
        loop = None  # it would end any
    exchange = drive(Stack(["errors"])(app), lifespan(), [STARTUP, SHUTDOWN], loop=loop)
    assert exchange.sent == sent
    assert (type(exchange.error) if exchange.error else None) is error


@pytest.mark.parametrize("app", [django, answers, returns, returns_when_it_has_heard, returns_when_it_has_started])
def test_each_answer_is_one_to_a_question(app: App) -> None:
    exchange = drive(Stack(["errors"])(app), lifespan(), [STARTUP, SHUTDOWN])
    assert (exchange.received, len(exchange.sent)) == (2, 2)


def test_without_a_stack_it_is_refused() -> None:
    """The control."""
    assert isinstance(drive(django, lifespan(), [STARTUP, SHUTDOWN]).error, ValueError)


def test_the_refusal_is_logged_where_somebody_listens(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, LOG)
    drive(Stack(["errors"])(django), lifespan(), [STARTUP, SHUTDOWN])
    told = "the application takes no part in the lifespan (ValueError); it is answered for"
    assert [(record.name, record.levelname, record.getMessage()) for record in caplog.records] == [(LOG, "INFO", told)]
    caplog.clear()
    drive(Stack(["errors"])(answers), lifespan(), [STARTUP, SHUTDOWN])
    assert caplog.records == []


@pytest.mark.parametrize("app", [django, returns, returns_when_it_has_started])
def test_stores_are_closed_around_an_application_without_lifespan(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[object] = []

    async def aclose(store: MemoryStore) -> None:
        closed.append(store)

    monkeypatch.setattr(MemoryStore, "aclose", aclose, raising=False)
    stack = Stack([("sessions", {"secret_key": "k" * 32, "store": "memory:"})])
    assert drive(stack(app), lifespan(), [STARTUP, SHUTDOWN]).sent == [UP, DOWN]
    assert len(closed) == 1


def test_the_state_is_the_servers_own() -> None:
    given: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        given.append(scope["state"])
        scope["state"]["pool"] = 1
        raise ValueError

    scope = lifespan()
    drive(Stack(["errors"])(app), scope, [STARTUP, SHUTDOWN])
    assert given[0] is scope["state"]
    assert scope == {**lifespan(), "state": {"pool": 1}}


def test_an_empty_stack_gives_the_application_itself() -> None:
    assert Stack([])(django) is django
    assert Stack([{"use": "errors", "enabled": False}])(django) is django


@pytest.mark.parametrize("scope", [http(), websocket(), {"type": "invented.later"}], ids=lambda scope: scope["type"])
def test_other_scopes_get_the_same_three_objects_and_no_coroutine_more(scope: dict[str, Any]) -> None:
    given: list[Any] = []
    awaitable = object()

    def app(*arguments: Any) -> Any:
        given.extend(arguments)
        return awaitable

    async def receive() -> Any: ...
    async def send(message: Any) -> None: ...

    call: Any = shielded(app)
    assert call(scope, receive, send) is awaitable
    assert [mine is theirs for mine, theirs in zip(given, (scope, receive, send), strict=True)] == [True] * 3


def test_what_looks_at_the_application_sees_an_application() -> None:
    """Sentry, asgiref and others ask whether it is ASGI 3, and print its name."""
    inner: Any = Stack([ErrorsMiddleware])(django)
    assert inspect.iscoroutinefunction(inner.app) or hasattr(inner.app, "_is_coroutine")
    assert (inner.app.__name__, inner.app.app) == ("django", django)
    assert list(inspect.signature(inner.app).parameters) == ["scope", "receive", "send"]


def test_what_an_application_keeps_stays_its_own() -> None:
    app = ErrorsMiddleware(django)
    app.kept = "of the application"  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]  # as users do
    inner: Any = Stack([ErrorsMiddleware])(app)
    assert "kept" not in vars(inner.app)


@pytest.mark.parametrize(
    ("app", "seen"),
    [(SessionMiddleware, "SessionMiddleware: is a class"), (lambda: None, "<lambda>: must be")],
    ids=["a class", "what takes no scope"],
)
def test_what_is_no_application_is_refused_at_once(app: Any, seen: str) -> None:
    with pytest.raises(ConfigError, match="^Stack: app: " + seen):
        Stack(["errors"])(app)
