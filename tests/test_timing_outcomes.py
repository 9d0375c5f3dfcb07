"""How a request ended, as its record says, and that what is under way comes back to nothing on every way out."""

import asyncio
import contextvars
from typing import Any

import anyio
import pytest
import trio

from asgi_middleware import CompressionMiddleware, ErrorsMiddleware, RequestIDMiddleware, TimingMiddleware
from asgi_middleware.timing import Record

from . import apps
from .asgi import REQUEST, App, Pause, drive, http, websocket
from .timed import Clock, Kept, recorded

GONE = OSError("the client has gone")
# What the driver does besides: every `send` fails; the client has gone.
LOST: dict[str, Any] = {"send_fails": GONE}
LEFT: dict[str, Any] = {"messages": [{"type": "http.disconnect"}]}


class Failure(Exception):
    """What an application raises."""


def receives(*messages: dict[str, Any], then: BaseException | None = None, times: int = 1) -> App:
    """Receives so many times, sends these messages, and raises `then`."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(times):
            await receive()
        for message in messages:
            await send(message)
        if then is not None:
            raise then

    return app


def swallows(*messages: dict[str, Any], then: BaseException | None = None) -> App:
    """Sends these messages, takes an OSError for granted, and raises `then`."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            for message in messages:
                await send(message)
        except OSError:
            if then is not None:
                raise then from None

    return app


START = apps.start()
PART, LAST = apps.body(b"part", more=True), apps.body(b"last")
TRAILERS: dict[str, Any] = {"type": "http.response.trailers", "headers": []}
GROUP = BaseExceptionGroup("several", [asyncio.CancelledError(), Failure()])
CANCELLATIONS = BaseExceptionGroup("several", [asyncio.CancelledError(), asyncio.CancelledError()])


def told(record: Record) -> tuple[int | None, str, str | None]:
    return record.status, record.outcome, None if record.error is None else record.error.rpartition(".")[2]


# A sentence, the app, what else the driver does, and: status, outcome, the error's class.
Row = tuple[str, App, dict[str, Any], tuple[int | None, str, str | None]]

HTTP: list[Row] = [
    ("a whole response", apps.sends(START, LAST), {}, (200, "ok", None)),
    ("one in parts", apps.sends(START, PART, LAST), {}, (200, "ok", None)),
    ("one that says so itself", apps.sends(apps.start(503), LAST), {}, (503, "ok", None)),
    ("one with trailers", apps.sends(apps.start(trailers=True), LAST, TRAILERS), {}, (200, "ok", None)),
    ("a file", apps.sends(START, {"type": "http.response.pathsend", "path": "/a"}), {}, (200, "ok", None)),
    ("it raises before the start", apps.raises(Failure()), {}, (None, "error", "Failure")),
    ("it raises after the start", apps.raises(Failure(), START), {}, (200, "error", "Failure")),
    ("it raises amid the body", apps.raises(Failure(), START, PART), {}, (200, "error", "Failure")),
    ("it raises behind the body", apps.raises(Failure(), START, LAST), {}, (200, "error", "Failure")),
    ("it raises an OSError of its own", apps.raises(FileNotFoundError()), {}, (None, "error", "FileNotFoundError")),
    ("a group with a fault", apps.raises(GROUP), {}, (None, "error", "BaseExceptionGroup")),
    ("a group of cancellations", apps.raises(CANCELLATIONS), {}, (None, "cancelled", "BaseExceptionGroup")),
    ("cancelled before the start", apps.raises(asyncio.CancelledError()), {}, (None, "cancelled", "CancelledError")),
    (
        "cancelled after the start",
        apps.raises(asyncio.CancelledError(), START, PART),
        {},
        (200, "cancelled", "CancelledError"),
    ),
    (
        "cancelled behind the body",
        apps.raises(asyncio.CancelledError(), START, LAST),
        {},
        (200, "ok", "CancelledError"),
    ),
    ("the process is stopped", apps.raises(KeyboardInterrupt()), {}, (None, "cancelled", "KeyboardInterrupt")),
    ("send fails", apps.sends(START, LAST), LOST, (200, "aborted", "OSError")),
    ("send fails and the app goes on", swallows(START, LAST), LOST, (200, "aborted", None)),
    (
        "send fails, which the app calls otherwise",
        swallows(START, LAST, then=Failure()),
        LOST,
        (200, "aborted", "Failure"),
    ),
    ("cut: no last part, no exception", apps.sends(START, PART), {}, (200, "aborted", None)),
    ("cut: a start alone", apps.sends(START), {}, (200, "aborted", None)),
    (
        "cut: no trailers, where they were promised",
        apps.sends(apps.start(trailers=True), LAST),
        {},
        (200, "aborted", None),
    ),
    (
        "cut: trailers without their end",
        apps.sends(apps.start(trailers=True), LAST, {**TRAILERS, "more_trailers": True}),
        {},
        (200, "aborted", None),
    ),
    ("nothing is sent", apps.silent(), {}, (None, "error", None)),
    ("nothing is sent to one who has gone", receives(), LEFT, (None, "aborted", None)),
    ("the client goes amid the body", receives(START, PART), LEFT, (200, "aborted", None)),
    ("and the application raises over it", receives(START, then=Failure()), LEFT, (200, "aborted", "Failure")),
    (
        "and is cancelled over it",
        receives(START, then=asyncio.CancelledError()),
        LEFT,
        (200, "aborted", "CancelledError"),
    ),
    ("the client goes, and nobody cares", receives(START, LAST), LEFT, (200, "ok", None)),
    ("the request alone is received", receives(START, LAST), {"messages": [REQUEST]}, (200, "ok", None)),
]


@pytest.mark.parametrize(("sentence", "app", "driven", "expected"), HTTP, ids=[row[0] for row in HTTP])
def test_a_request_ended(sentence: str, app: App, driven: dict[str, Any], expected: tuple[Any, ...]) -> None:
    assert told(recorded(app, **driven)) == expected


@pytest.mark.parametrize(("sentence", "app", "driven", "expected"), HTTP, ids=[row[0] for row in HTTP])
def test_with_others_of_ours_around_and_inside_it_ended_the_same(
    sentence: str, app: App, driven: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    """They share the work on the start, which then goes past `send`."""
    sink = Kept()
    inner = RequestIDMiddleware(app)
    drive(RequestIDMiddleware(TimingMiddleware(inner, sinks=[sink], clock=Clock())), http(), **driven)
    assert told(sink.record) == expected
    assert sink.under_way == 0


def test_a_crash_that_is_answered_inside_is_both() -> None:
    assert told(recorded(ErrorsMiddleware(apps.raises(Failure())))) == (500, "error", "Failure")
    assert told(recorded(ErrorsMiddleware(apps.raises(Failure()), reraise=False))) == (500, "ok", None)


def test_the_class_of_an_error_is_told_in_full() -> None:
    assert recorded(apps.raises(Failure())).error == f"{__name__}.Failure"
    assert recorded(apps.raises(ValueError())).error == "builtins.ValueError"


def test_a_start_that_somebody_holds_is_noted_once_it_goes_out() -> None:
    record = recorded(CompressionMiddleware(apps.text()), http(headers=[("accept-encoding", "gzip")]))
    assert (record.status, record.outcome) == (200, "ok")
    assert record.bytes_out is not None
    assert 0 < record.bytes_out < len(apps.TEXT) / 5


# WebSockets

ACCEPT: dict[str, Any] = {"type": "websocket.accept"}
HELLO: dict[str, Any] = {"type": "websocket.send", "text": "hello"}
CONNECT: dict[str, Any] = {"type": "websocket.connect"}
DENIAL: dict[str, Any] = {"type": "websocket.http.response.start", "status": 401, "headers": []}
DENIED: dict[str, Any] = {"type": "websocket.http.response.body", "body": b"no"}


def close(code: int | None = None) -> dict[str, Any]:
    return {"type": "websocket.close"} if code is None else {"type": "websocket.close", "code": code}


def left(code: int | None = None) -> list[dict[str, Any]]:
    """The client connects, and goes."""
    gone = {"type": "websocket.disconnect"}
    return [CONNECT, gone if code is None else {**gone, "code": code}]


# A sentence, the app, the driver, and: status, outcome, close code
SOCKETS: list[tuple[str, App, dict[str, Any], tuple[int | None, str, int | None]]] = [
    ("the application closes", apps.sends(ACCEPT, HELLO, close()), {}, (101, "ok", 1000)),
    ("it closes with a code", apps.sends(ACCEPT, close(4001)), {}, (101, "ok", 4001)),
    ("it says that it is at fault", apps.sends(ACCEPT, close(1011)), {}, (101, "ok", 1011)),
    ("it closes before it accepts", apps.sends(close()), {}, (403, "ok", 1000)),
    ("it denies", apps.sends(DENIAL, DENIED), {}, (401, "ok", None)),
    ("it denies in parts", apps.sends(DENIAL, {**DENIED, "more_body": True}, DENIED), {}, (401, "ok", None)),
    ("it denies, and does not end", apps.sends(DENIAL, {**DENIED, "more_body": True}), {}, (401, "aborted", None)),
    ("it returns and closes nothing", apps.sends(ACCEPT, HELLO), {}, (101, "ok", None)),
    ("the client closes", apps.accepts(), {"messages": left(1000)}, (101, "ok", 1000)),
    ("the client goes away", apps.accepts(), {"messages": left(1001)}, (101, "ok", 1001)),
    ("the client gives no code", apps.accepts(), {"messages": left()}, (101, "ok", 1005)),
    ("the connection breaks", apps.accepts(), {"messages": left(1006)}, (101, "aborted", 1006)),
    ("the client goes before the accept", receives(times=2), {"messages": left(1006)}, (None, "aborted", 1006)),
    (
        "both close: the first counts",
        receives(ACCEPT, close(4000), times=2),
        {"messages": left(1001)},
        (101, "ok", 1001),
    ),
    ("it raises before it accepts", apps.raises(Failure()), {}, (None, "error", None)),
    ("it raises amid the conversation", apps.raises(Failure(), ACCEPT, HELLO), {}, (101, "error", None)),
    (
        "it raises because the client goes",
        receives(ACCEPT, times=2, then=Failure()),
        {"messages": left(1001)},
        (101, "aborted", 1001),
    ),
    ("it raises behind its close", apps.raises(Failure(), ACCEPT, close()), {}, (101, "error", 1000)),
    ("it is cancelled", apps.raises(asyncio.CancelledError(), ACCEPT), {}, (101, "cancelled", None)),
    ("it is cancelled behind its close", apps.raises(asyncio.CancelledError(), ACCEPT, close()), {}, (101, "ok", 1000)),
    ("send fails", apps.sends(ACCEPT, HELLO), LOST, (101, "aborted", None)),
    ("nothing is sent", apps.silent(), {}, (None, "error", None)),
]


@pytest.mark.parametrize(("sentence", "app", "driven", "expected"), SOCKETS, ids=[row[0] for row in SOCKETS])
def test_a_websocket_ended(sentence: str, app: App, driven: dict[str, Any], expected: tuple[Any, ...]) -> None:
    record = recorded(app, websocket(), **driven)
    assert (record.status, record.outcome, record.close_code) == expected


# What is under way


def test_a_request_is_under_way_until_it_is_over() -> None:
    sink = Kept()
    seen: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(sink.under_way)
        await send(START)
        await send(LAST)
        seen.append(sink.under_way)

    drive(TimingMiddleware(app, sinks=[sink]), http(method="POST", scheme="https"))
    drive(TimingMiddleware(app, sinks=[sink]), websocket())
    assert (seen, sink.under_way) == ([1, 1, 1, 1], 0)
    assert sink.begun == [("http", "POST", "https"), ("websocket", "GET", "ws")]


async def endless(scope: Any, receive: Any, send: Any) -> None:
    await send(START)
    await send(PART)
    await anyio.sleep_forever()


async def nothing(*_: Any) -> Any: ...


def test_a_task_that_is_cancelled_under_asyncio() -> None:
    sink = Kept()

    async def main() -> bool:
        task = asyncio.ensure_future(TimingMiddleware(endless, sinks=[sink])(http(), nothing, nothing))
        await asyncio.sleep(0)  # it runs until it waits
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert asyncio.run(main())
    assert told(sink.record) == (200, "cancelled", "CancelledError")


def test_a_scope_that_is_cancelled_under_trio() -> None:
    sink = Kept()

    async def main() -> None:
        with trio.CancelScope() as scope:
            scope.cancel()
            await TimingMiddleware(endless, sinks=[sink])(http(), nothing, nothing)

    trio.run(main)
    assert told(sink.record) == (200, "cancelled", "Cancelled")


def test_a_request_that_its_loop_abandons() -> None:
    sink = Kept()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await Pause()

    call: Any = TimingMiddleware(app, sinks=[sink])(http(), nothing, nothing)
    contextvars.copy_context().run(call.send, None)
    assert sink.under_way == 1
    contextvars.Context().run(call.close)
    assert told(sink.record) == (200, "cancelled", "GeneratorExit")
