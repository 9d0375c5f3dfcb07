"""`errors`: the exception travels on, also where there is no answer to give."""

import asyncio
import logging
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from asgi_middleware import CORSMiddleware, ErrorsMiddleware

from .apps import body, raises, sends, start
from .asgi import Pause, drive, http, plain, websocket
from .crashing import JSON, PROBLEM, SECRET, answer, crash, crashed


@pytest.mark.parametrize("reraise", [True, False])
@pytest.mark.parametrize("before", [[start()], [start(), body(b"a", more=True)], [start(), body(b"a")]])
def test_after_the_start_a_crash_only_travels_on(
    reraise: bool, before: list[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    error = crash()
    exchange = crashed(http(), raises(error, *before), reraise=reraise, debug=True)
    assert exchange.error is error
    assert exchange.sent == [plain(message) for message in before]
    assert caplog.records == []


NOT_ANSWERED: list[tuple[str, BaseException]] = [
    ("cancellation", asyncio.CancelledError()),
    ("an interrupt", KeyboardInterrupt()),
    ("an exit", SystemExit(1)),
    ("a closed generator", GeneratorExit()),
    ("a group", ExceptionGroup("several", [crash()])),
    ("a group of groups", ExceptionGroup("several", [ExceptionGroup("more", [crash()])])),
    ("a group with a cancellation", BaseExceptionGroup("several", [crash(), asyncio.CancelledError()])),
]


@pytest.mark.parametrize(("sentence", "error"), NOT_ANSWERED, ids=[row[0] for row in NOT_ANSWERED])
@pytest.mark.parametrize("reraise", [True, False])
@pytest.mark.parametrize("scope", [http(), websocket(), websocket(extensions={})], ids=["http", "denial", "close"])
def test_what_is_not_turned_into_a_response(
    sentence: str, error: BaseException, reraise: bool, scope: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    exchange = crashed(scope, raises(error), reraise=reraise, debug=True)
    assert exchange.error is error
    assert (exchange.sent, caplog.records) == ([], [])


@pytest.mark.parametrize("reraise", [True, False])
@pytest.mark.parametrize("first", [start(), {"type": "http.response.early_hint", "links": []}])
def test_a_client_that_has_gone_is_told_to_the_caller(
    reraise: bool, first: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    gone = ConnectionResetError()
    exchange = drive(ErrorsMiddleware(sends(first), reraise=reraise), http(), send_fails=gone)
    assert exchange.error is gone
    assert (exchange.sent, caplog.records) == ([], [])


def test_an_oserror_of_the_apps_own_is_a_crash() -> None:
    for error in (FileNotFoundError(SECRET), ConnectionResetError(), TimeoutError()):
        exchange = crashed(http(), raises(error))
        assert exchange.error is error
        assert exchange.sent == answer(JSON, PROBLEM)


@pytest.mark.parametrize("scope", [http(), websocket(), websocket(extensions={})], ids=["http", "denial", "close"])
def test_a_crash_whose_answer_nobody_waits_for_is_still_told(
    scope: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    error = crash()
    assert drive(ErrorsMiddleware(raises(error)), scope, send_fails=BrokenPipeError()).error is error
    exchange = drive(ErrorsMiddleware(raises(error), reraise=False), scope, send_fails=BrokenPipeError())
    assert exchange.error is None
    assert [record.exc_info[1] for record in caplog.records if record.exc_info] == [error]


def test_a_send_that_failed_may_have_started() -> None:
    gone, error = ConnectionResetError(), crash()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        with pytest.raises(ConnectionResetError):
            await send(start())
        raise error

    exchange = drive(ErrorsMiddleware(app), http(), send_fails=gone)
    assert (exchange.error, exchange.sent) == (error, [])


def test_without_reraise_a_crash_is_logged_with_its_traceback_and_ends(caplog: pytest.LogCaptureFixture) -> None:
    error = crash()
    exchange = crashed(http(), raises(error), reraise=False)
    assert (exchange.error, exchange.sent) == (None, answer(JSON, PROBLEM))
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("asgi_middleware.errors", logging.ERROR)
    assert record.getMessage() == "unhandled exception of the application; it ends here"
    assert record.exc_info is not None
    assert record.exc_info[1] is error


def test_with_reraise_the_logging_is_left_to_the_caller(caplog: pytest.LogCaptureFixture) -> None:
    assert crashed(http()).status == 500
    assert caplog.records == []


def test_twice_in_a_chain_it_answers_once() -> None:
    error = crash()
    exchange = crashed(http(), ErrorsMiddleware(raises(error)))
    assert (exchange.error, exchange.sent) == (error, answer(JSON, PROBLEM))
    exchange = crashed(http(), ErrorsMiddleware(raises(error), reraise=False))
    assert (exchange.error, exchange.sent) == (None, answer(JSON, PROBLEM))


def test_chained_and_cyclic_causes_can_be_shown() -> None:
    first, second = ValueError("first"), KeyError("second")
    first.__cause__, second.__context__ = second, first
    exchange = crashed(http(headers=[("accept", "text/plain")]), raises(first), debug=True)
    assert exchange.error is first
    told = exchange.raw_body.decode()
    assert ("KeyError: 'second'" in told, told.endswith("ValueError: first\n")) == (True, True)


def test_what_send_raises_before_the_start_and_the_app_hides_is_a_crash_of_the_app() -> None:
    """The client has gone, so nobody hears the answer; the caller hears of the crash."""
    error = crash()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await send({"type": "http.response.early_hint", "links": []})
        except OSError as gone:
            raise error from gone

    exchange = drive(ErrorsMiddleware(app), http(), send_fails=BrokenPipeError())
    assert (exchange.error, exchange.sent) == (error, [])


def test_only_the_very_error_of_send_is_a_client_that_has_gone() -> None:
    """Another OSError, raised where the client still listens, is a crash like any other."""
    error = ConnectionResetError("the database")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.early_hint", "links": []})
        raise error

    exchange = crashed(http(), app)
    assert exchange.error is error
    assert exchange.sent[1:] == answer(JSON, PROBLEM)


def test_a_crash_that_ends_here_is_logged_even_if_its_answer_fails(caplog: pytest.LogCaptureFixture) -> None:
    error, failure = crash(), RuntimeError("the server")
    exchange = drive(ErrorsMiddleware(raises(error), reraise=False), http(), send_fails=failure)
    assert exchange.error is failure
    assert [record.exc_info[1] for record in caplog.records if record.exc_info] == [error]


@pytest.mark.parametrize("reraise", [True, False])
@pytest.mark.parametrize("error", [asyncio.CancelledError(), KeyboardInterrupt()])
def test_a_cancellation_while_the_crash_is_answered_travels_on(error: BaseException, reraise: bool) -> None:
    for scope in (http(), websocket(), websocket(extensions={})):
        exchange = drive(ErrorsMiddleware(raises(crash()), reraise=reraise), scope, send_fails=error)
        asked_to_close = scope["type"] == "websocket" and not scope["extensions"]
        assert (type(exchange.error), exchange.sent) == (
            (ValueError, []) if asked_to_close and reraise else (type(error), [])
        )


@pytest.mark.parametrize("status", [404, 500, 503])
def test_a_frameworks_own_answer_to_its_crash_stays(status: int) -> None:
    """Wrapped from outside, a framework has answered before it raises; only the headers outside are added."""
    error = crash()
    own = [start(status, [(b"content-type", b"text/html")]), body(b"<h1>Sorry</h1>")]
    app = CORSMiddleware(ErrorsMiddleware(raises(error, *own)), allow_origins=["https://a.example"])
    exchange = drive(app, http(headers=[("origin", "https://a.example")]))
    assert exchange.error is error
    assert (exchange.status, exchange.raw_body) == (status, b"<h1>Sorry</h1>")
    assert exchange.headers == [
        ("access-control-allow-origin", "https://a.example"),
        ("content-type", "text/html"),
        ("vary", "Origin"),
    ]


def test_starlettes_own_answer_stays_and_gets_the_headers() -> None:
    async def endpoint(request: Any) -> Any:
        raise crash()

    app = Starlette(routes=[Route("/", endpoint)])
    exchange = drive(
        CORSMiddleware(ErrorsMiddleware(app), allow_origins=["https://a.example"]),
        http(headers=[("origin", "https://a.example")]),
        loop="asyncio",
    )
    assert isinstance(exchange.error, ValueError)
    assert (exchange.status, exchange.raw_body) == (500, b"Internal Server Error")
    assert exchange.headers == [
        ("access-control-allow-origin", "https://a.example"),
        ("content-length", "21"),
        ("content-type", "text/plain; charset=utf-8"),
        ("vary", "Origin"),
    ]


def test_a_refused_origin_learns_of_a_crash_as_little_as_of_anything() -> None:
    app = CORSMiddleware(ErrorsMiddleware(raises(crash())), allow_origins=["https://a.example"])
    for lines in ([("origin", "https://evil.example")], []):
        assert drive(app, http(headers=lines)).headers == [
            ("content-length", str(len(PROBLEM))),
            ("content-type", JSON),
            ("vary", "Origin"),
        ]


def test_inside_cors_a_crash_can_be_read_by_the_page() -> None:
    app = CORSMiddleware(ErrorsMiddleware(raises(crash())), allow_origins=["https://a.example"])
    exchange = drive(app, http(headers=[("origin", "https://a.example")]))
    assert exchange.headers == [
        ("access-control-allow-origin", "https://a.example"),
        ("content-length", str(len(PROBLEM))),
        ("content-type", JSON),
        ("vary", "Origin"),
    ]
    assert isinstance(exchange.error, ValueError)


def test_requests_at_once_do_not_start_each_others_responses() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await Pause()
        if scope["path"] == "/started":
            await send(start(headers=[]))
        await Pause()
        raise crash()

    errors = ErrorsMiddleware(app)
    sent: dict[str, list[Any]] = {"/started": [], "/": [], "/other": []}

    async def request(path: str) -> None:
        async def send(message: Any) -> None:
            sent[path].append(plain(message))

        async def receive() -> Any:
            raise AssertionError("nobody reads")

        with pytest.raises(ValueError, match=SECRET):
            await errors(http(path), receive, send)

    running = [request(path) for path in sent]
    while running:
        for one in list(running):
            try:
                one.send(None)
            except StopIteration:
                running.remove(one)
    assert sent == {"/started": [start(headers=[])], "/": answer(JSON, PROBLEM), "/other": answer(JSON, PROBLEM)}


def test_cancelling_a_request_leaves_nothing_behind() -> None:
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        await Pause()

    for scope in (http(), websocket()):
        call = ErrorsMiddleware(app, reraise=False)(scope, receive, send)
        call.send(None)
        cancelled = asyncio.CancelledError()
        with pytest.raises(asyncio.CancelledError) as caught:
            call.throw(cancelled)
        assert (caught.value is cancelled, sent) == (True, [])
