"""`errors`: what a client is told of a crash, what it is never told, and that the exception travels on."""

import asyncio
import json
import logging
from collections.abc import Callable, Generator, Iterable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from asgi_middleware import ConfigError, CORSMiddleware, ErrorsMiddleware

from .apps import RESPONSES, accepts, body, denies, raises, remembers, sends, silent, start, text
from .asgi import App, Exchange, drive, http, plain, websocket

Pairs = list[tuple[str, str]]

SECRET = "the password is hunter2"  # must never be told
JSON, HTML, TEXT = "application/problem+json", "text/html; charset=utf-8", "text/plain; charset=utf-8"
PROBLEM = '{"type": "about:blank", "title": "Internal Server Error", "status": 500}'
PAGE = "<!doctype html><html lang=en><meta charset=utf-8><title>Internal Server Error</title>{}</html>"
HEADING = "<h1>Internal Server Error</h1>"
BODIES = {JSON: PROBLEM, HTML: PAGE.format(HEADING), TEXT: "Internal Server Error"}


def crash() -> ValueError:
    return ValueError(SECRET)


def answer(content_type: str, data: str, *, head: bool = False, prefix: str = "") -> list[dict[str, Any]]:
    """The two messages of a whole 500."""
    encoded = data.encode()
    headers = [(b"content-type", content_type.encode()), (b"content-length", b"%d" % len(encoded))]
    return [
        {"type": f"{prefix}http.response.start", "status": 500, "headers": headers},
        {"type": f"{prefix}http.response.body", "body": b"" if head else encoded},
    ]


def crashed(scope: dict[str, Any] | None = None, app: App | None = None, **options: Any) -> Exchange:
    return drive(ErrorsMiddleware(raises(crash()) if app is None else app, **options), scope)


# --- construction ----------------------------------------------------------------------------------------------------


def test_wrong_options_are_refused_together() -> None:
    wrong: Any = {"debug": "false", "reraise": None}
    with pytest.raises(ConfigError) as caught:
        ErrorsMiddleware(None, **wrong)  # type: ignore[arg-type]  # on purpose  # pyright: ignore[reportArgumentType]
    assert (caught.value.owner, [(problem.option, problem.remedy) for problem in caught.value.problems]) == (
        "ErrorsMiddleware",
        [
            ("app", "pass a callable(scope, receive, send)"),
            ("debug", "use one of False, True"),
            ("reraise", "use one of False, True"),
        ],
    )


@pytest.mark.parametrize("option", ["debug", "reraise"])
@pytest.mark.parametrize("value", [0, 1, "true", None, [True]])
def test_a_flag_is_a_truth_value(option: str, value: Any) -> None:
    options: Any = {option: value}
    with pytest.raises(ConfigError) as caught:
        ErrorsMiddleware(text(b"ok"), **options)
    (problem,) = caught.value.problems
    assert (problem.option, problem.seen, problem.remedy) == (option, repr(value), "use one of False, True")


# --- what is no crash ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("sentence", "make", "seen"), RESPONSES, ids=[row[0] for row in RESPONSES])
def test_a_response_passes_message_by_message(sentence: str, make: Any, seen: bytes) -> None:
    app = make()
    inner: list[Any] = []

    async def told(scope: Any, receive: Any, send: Any) -> None:
        async def tell(message: Any) -> None:
            inner.append(message)
            await send(message)

        await app(scope, receive, tell)

    exchange = crashed(http(), told)
    assert [mine is its for mine, its in zip(exchange.objects, inner, strict=True)] == [True] * len(inner)
    assert (exchange.error, exchange.raw_body) == (None, seen)


def test_an_app_that_says_nothing_is_not_answered() -> None:
    exchange = crashed(http(), silent())
    assert (exchange.sent, exchange.error) == ([], None)


def test_scope_receive_and_other_scope_types_are_handed_on() -> None:
    app, scopes = remembers()
    scope = http()
    drive(ErrorsMiddleware(app), scope)
    assert [one is scope for one in scopes] == [True]
    calls: list[tuple[Any, ...]] = []

    async def inner(*arguments: Any) -> None:
        calls.append(arguments)
        raise crash()

    async def receive() -> Any:
        raise AssertionError("nobody reads")

    async def send(message: Any) -> None:
        raise AssertionError("nobody sends")

    for kind in ("lifespan", "http3.datagram"):
        arguments = ({"type": kind}, receive, send)
        with pytest.raises(ValueError, match=SECRET):
            asyncio.run(ErrorsMiddleware(inner, debug=True, reraise=False)(*arguments))
        assert [mine is its for mine, its in zip(calls.pop(), arguments, strict=True)] == [True] * 3


# --- a crash before the start ----------------------------------------------------------------------------------------

# A sentence, the Accept lines, the form of the answer.
ACCEPT: list[tuple[str, list[str], str]] = [
    ("nothing said", [], JSON),
    ("an empty line", [""], JSON),
    ("anything", ["*/*"], JSON),
    ("nothing that there is", ["image/png"], JSON),
    ("nothing at all", ["*/*;q=0"], JSON),
    ("the form itself", ["application/problem+json"], JSON),
    ("its family", ["application/json"], JSON),
    ("any application", ["application/*"], JSON),
    ("HTML", ["text/html"], HTML),
    ("HTML in capitals", ["TEXT/HTML"], HTML),
    ("HTML with a parameter", ["text/html;level=1"], HTML),
    ("plain text", ["text/plain"], TEXT),
    ("any text is HTML", ["text/*"], HTML),
    ("text but not HTML", ["text/*, text/html;q=0"], TEXT),
    ("anything but the form itself", ["application/problem+json;q=0, */*"], HTML),
    ("anything but HTML", ["*/*, text/html;q=0"], JSON),
    ("a refusal of JSON alone", ["application/json;q=0, */*"], HTML),
    ("only refusals", ["text/html;q=0, text/plain;q=0.0"], JSON),
    ("Chromium's line", ["text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"], HTML),
    ("axios's line", ["application/json, text/plain, */*"], JSON),
    ("HTML rather than JSON", ["text/html;q=0.9, application/json;q=0.8"], HTML),
    ("JSON rather than HTML", ["text/html;q=0.8, application/json;q=0.9"], JSON),
    ("JSON and HTML alike", ["text/html, application/json"], JSON),
    ("plain text rather than HTML", ["text/html;q=0.9, text/plain"], TEXT),
    ("plain text rather than anything", ["*/*;q=0.1, text/plain;q=0.2"], TEXT),
    ("the more exact range decides", ["text/*;q=1, text/html;q=0.1, application/*;q=0.5"], TEXT),
    ("the least weight above nothing", ["text/plain;q=0.001"], TEXT),
    ("blanks and tabs", [" text/plain\t;\tq=0.9 ,, text/html ; q=0.1"], TEXT),
    ("a weight in capitals", ["text/html;Q=0.1, text/plain;Q=0.2"], TEXT),
    ("two lines", ["text/html;q=0.1", "text/plain;q=0.2"], TEXT),
    ("a weight that is none leaves the range out", ["text/html;q=high, text/plain;q=0.1"], TEXT),
    ("a weight above 1 leaves the range out", ["text/html;q=2"], JSON),
    ("a negative weight leaves the range out", ["text/html;q=-1"], JSON),
    ("nonsense", [";;;,,,=q/\xff\x00"], JSON),
    ("a weight of four digits leaves the range out", ["text/html;q=0.9999, text/plain;q=0.1"], TEXT),
    ("a weight without a number leaves the range out", ["text/html;q=, text/plain;q=0.1"], TEXT),
    ("a weight twice: the first counts", ["text/html;q=0.1;q=1, text/plain;q=0.2"], TEXT),
    ("a range twice: the first counts", ["text/html;q=0.1, text/plain;q=0.2, text/html"], TEXT),
    ("a quoted comma", ['text/html;x="a,b", text/plain;q=0.5'], HTML),
    ("a longer name", ["text/html5, xtext/html, text/plain;q=0.1"], TEXT),
    ("every byte", [bytes(range(256)).decode("latin-1")], JSON),
    ("line breaks", ["text/html\r\nset-cookie: a=1"], JSON),
    ("64 KiB of commas", ["," * 65536], JSON),
    ("64 KiB of semicolons", [";" * 65536 + ", text/plain"], TEXT),
    ("64 KiB in one name", ["x" * 65536 + ", text/html"], HTML),
    ("64 KiB of different ranges", [",".join(f"a/{number}" for number in range(8000)) + ",text/plain"], TEXT),
    ("a thousand lines", ["text/html;q=0.1"] * 1000 + ["text/plain"], TEXT),
    ("a hundred thousand ranges", ["text/html;q=0," * 100_000 + "text/plain"], TEXT),
]


@pytest.mark.parametrize(("sentence", "lines", "form"), ACCEPT, ids=[row[0] for row in ACCEPT])
def test_a_crash_is_answered_in_the_form_the_client_prefers(sentence: str, lines: list[str], form: str) -> None:
    error = crash()
    exchange = crashed(http(headers=[("accept", line) for line in lines]), raises(error))
    assert exchange.sent == answer(form, BODIES[form])
    assert exchange.error is error
    assert exchange.received == 0


# A scope as odd clients and servers make it, made anew for each use: an iterator can be read once.
ODD_SCOPES: list[tuple[str, Callable[[], dict[str, Any]]]] = [
    ("the least", lambda: {"type": "http"}),
    ("headers None", lambda: http(client=None) | {"headers": None}),
    ("headers as a tuple", lambda: http(client=None) | {"headers": ((b"Accept", b"*/*"),)}),
    ("headers as an iterator", lambda: http(client=None) | {"headers": iter([[b"ACCEPT", b"application/json"]])}),
    ("an iterator that tells of a proxy", lambda: http() | {"headers": iter([(b"Accept", b"*/*"), (b"Via", b"x")])}),
    ("a client without an address", lambda: http(client=())),
    ("a method in small letters", lambda: http(client=None, method="get")),
]


@pytest.mark.parametrize(("sentence", "make"), ODD_SCOPES, ids=[row[0] for row in ODD_SCOPES])
@pytest.mark.parametrize("debug", [False, True])
def test_odd_scopes_are_answered_alike(sentence: str, make: Callable[[], dict[str, Any]], debug: bool) -> None:
    assert crashed(make(), debug=debug).sent == answer(JSON, PROBLEM)


def test_head_gets_the_headers_of_get_and_no_body() -> None:
    for form, accept in ((JSON, "*/*"), (HTML, "text/html"), (TEXT, "text/plain")):
        choices: list[dict[str, Any]] = [{}, {"reraise": False}, {"debug": True}]
        for options in choices:
            scope = http(method="HEAD", headers=[("accept", accept)], client=("192.0.2.1", 1))
            assert crashed(scope, **options).sent == answer(form, BODIES[form], head=True)


@pytest.mark.parametrize("accept", ["*/*", "text/html", "text/plain"])
def test_head_shows_no_traceback_but_its_length(accept: str) -> None:
    exchange = crashed(http(method="HEAD", headers=[("accept", accept)]), debug=True)
    assert (exchange.status, exchange.raw_body) == (500, b"")
    (length,) = exchange.header("content-length")
    assert int(length) > len(BODIES[TEXT]) + len("Traceback (most recent call last)")


REQUEST_ID: list[tuple[str, Any, dict[str, str]]] = [
    (
        "an ID",
        "7f3c-1",
        {
            JSON: PROBLEM[:-1] + ', "request_id": "7f3c-1"}',
            HTML: PAGE.format(HEADING + "<p>Request ID: <code>7f3c-1</code></p>"),
            TEXT: "Internal Server Error\nRequest ID: 7f3c-1",
        },
    ),
    (
        "a hostile ID",
        "\"<script>&'",
        {
            JSON: PROBLEM[:-1] + ', "request_id": "\\"<script>&\'"}',
            HTML: PAGE.format(HEADING + "<p>Request ID: <code>&quot;&lt;script&gt;&amp;&#x27;</code></p>"),
            TEXT: "Internal Server Error\nRequest ID: \"<script>&'",
        },
    ),
    (
        "an ID that is no UTF-8",
        "\ud800\xe9",
        {
            JSON: PROBLEM[:-1] + ', "request_id": "\\ud800\\u00e9"}',
            HTML: PAGE.format(HEADING + "<p>Request ID: <code>\\ud800\xe9</code></p>"),
            TEXT: "Internal Server Error\nRequest ID: \\ud800\xe9",
        },
    ),
    ("no ID", None, BODIES),
    ("something that is no text", 17, BODIES),
    ("bytes", b"7f3c-1", BODIES),
]


@pytest.mark.parametrize(("sentence", "value", "bodies"), REQUEST_ID, ids=[row[0] for row in REQUEST_ID])
@pytest.mark.parametrize("form", [JSON, HTML, TEXT])
def test_the_body_names_the_request(sentence: str, value: Any, bodies: dict[str, str], form: str) -> None:
    scope = http(headers=[("accept", form)]) | {"request_id": value}
    assert crashed(scope).sent == answer(form, bodies[form])


def test_the_id_is_read_when_it_crashes() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["request_id"] = "late"
        raise crash()

    assert crashed(http(), app).sent == answer(JSON, PROBLEM[:-1] + ', "request_id": "late"}')


class Loud(Exception):
    """Tells its secret wherever it is asked for text."""

    def __str__(self) -> str:
        return SECRET

    __repr__ = __str__


class Mute(Exception):
    """Has no text to tell."""

    def __str__(self) -> str:
        raise RuntimeError(SECRET)


@pytest.mark.parametrize("error", [crash(), Loud(SECRET), Mute(), OSError(SECRET), StopAsyncIteration(SECRET)])
@pytest.mark.parametrize("accept", ["*/*", "text/html", "text/plain"])
@pytest.mark.parametrize("options", [{}, {"reraise": False}, {"debug": True}, {"debug": True, "reraise": False}])
def test_the_exceptions_text_is_never_told(error: Exception, accept: str, options: dict[str, Any]) -> None:
    scope = http(headers=[("accept", accept)], client=("192.0.2.1", 50000), request_id="7f3c-1")
    exchange = crashed(scope, raises(error), **options)
    assert exchange.status == 500
    told = repr(exchange.sent)
    assert [
        word for word in (SECRET, "hunter2", "Traceback", "test_errors", type(error).__name__) if word in told
    ] == []


def test_other_messages_before_the_start_do_not_count_as_one() -> None:
    hint = {"type": "http.response.early_hint", "links": [b"</x>"]}
    push = {"type": "http.response.push", "path": "/x", "headers": []}
    exchange = crashed(http(), raises(crash(), hint, push))
    assert exchange.sent == [hint, push, *answer(JSON, PROBLEM)]


def test_a_crash_with_a_half_read_body_is_answered() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        raise crash()

    exchange = drive(ErrorsMiddleware(app), http(method="POST"), [{"type": "http.request", "more_body": True}])
    assert (exchange.sent, exchange.received) == (answer(JSON, PROBLEM), 1)


# --- debug -----------------------------------------------------------------------------------------------------------

LOCAL = ("127.0.0.1", 50000)
DEBUG: list[tuple[str, Any, Pairs, bool]] = [
    ("loopback", LOCAL, [], True),
    ("another loopback address", ("127.8.9.1", 1), [], True),
    ("IPv6 loopback", ("::1", 1), [], True),
    ("loopback as a list", ["127.0.0.1", 1], [], True),
    ("another host", ("192.0.2.1", 1), [], False),
    ("a private host", ("10.0.0.1", 1), [], False),
    ("a container's gateway", ("172.17.0.1", 1), [], False),
    ("another IPv6 host", ("2001:db8::1", 1), [], False),
    ("the unspecified address", ("0.0.0.0", 1), [], False),  # noqa: S104  # an address to refuse
    ("no client", None, [], False),
    ("an empty client", (), [], False),
    ("no address", (None, None), [], False),
    ("an empty address: a Unix socket", ("", 0), [], False),
    ("a name", ("localhost", 1), [], False),
    ("a name that begins alike", ("127.0.0.1.evil.example", 1), [], False),
    ("a test client's name", ("testclient", 50000), [], False),
    ("a proxy, by Forwarded", LOCAL, [("forwarded", "for=192.0.2.1")], False),
    ("a proxy, by Forwarded in capitals", LOCAL, [("FORWARDED", "for=127.0.0.1")], False),
    ("a proxy, by X-Forwarded-For", LOCAL, [("x-forwarded-for", "192.0.2.1")], False),
    ("a proxy, by an empty X-Forwarded-For", LOCAL, [("X-Forwarded-For", "")], False),
    ("a proxy that says loopback", LOCAL, [("x-forwarded-for", "127.0.0.1")], False),
    ("a proxy, by X-Forwarded-Proto", LOCAL, [("X-Forwarded-Proto", "https")], False),
    *(
        (f"a proxy, by {name}", LOCAL, [(name, value)], False)
        for name, value in (
            ("X-Forwarded-Host", "api.example"),
            ("X-Forwarded-Port", "443"),
            ("X-Forwarded-Server", "proxy.example"),
            ("X-Forwarded-Scheme", "https"),
            ("X-Forwarded-Ssl", "on"),
            ("X-Forwarded-Prefix", "/api"),
            ("X-Forwarded-Path", "/api"),
            ("X-Forwarded-Uri", "/api"),
            ("X-Forwarded-Method", "GET"),
            ("X-Forwarded-User", "ada"),
            ("X-Forwarded-Access-Token", "x"),
            ("X-Forwarded-Client-Cert", "x"),
            ("X-FORWARDED-", ""),
        )
    ),
    ("a proxy, by Forwarded without a value", LOCAL, [("forwarded", "")], False),
    ("a proxy, by Via in capitals", LOCAL, [("VIA", "")], False),
    ("a proxy that stands on IPv6 loopback", ("::1", 1), [("x-forwarded-for", "::1")], False),
    ("a proxy, by the last of many headers", LOCAL, [("x-a", "1")] * 200 + [("via", "1.1 cache")], False),
    ("a port in the address", ("127.0.0.1:80", 1), [], False),
    ("blanks around the address", (" 127.0.0.1 ", 1), [], False),
    ("a hostile address", ("127.0.0.1\r\nx: 1\x00", 1), [], False),
    ("an address in bytes", (b"127.0.0.1", 1), [], False),
    ("loopback without a port", ("127.0.0.1",), [], True),
    ("a proxy, by any X-Forwarded", LOCAL, [("x-forwarded-anything", "1")], False),
    ("a proxy, by Via", LOCAL, [("via", "1.1 cache")], False),
    ("a proxy, by a second header", LOCAL, [("host", "localhost"), ("via", "1.1 cache")], False),
    ("other headers", LOCAL, [("x-forwarded", "1"), ("viable", "1"), ("host", "localhost")], True),
]


@pytest.mark.parametrize(("sentence", "client", "headers", "shown"), DEBUG, ids=[row[0] for row in DEBUG])
@pytest.mark.parametrize("accept", ["*/*", "text/html", "text/plain"])
def test_the_traceback_is_for_this_machine_alone(
    sentence: str, client: Any, headers: Pairs, shown: bool, accept: str
) -> None:
    scope = http(headers=[*headers, ("accept", accept)]) | {"client": client}
    form = {"*/*": JSON, "text/html": HTML, "text/plain": TEXT}[accept]
    if not shown:
        assert crashed(scope, debug=True).sent == answer(form, BODIES[form])
    else:
        told = crashed(scope, debug=True).raw_body.decode()
        assert f"ValueError: {SECRET}" in told
        assert "Traceback (most recent call last)" in told
    assert crashed(scope, debug=False).sent == answer(form, BODIES[form])


def test_the_traceback_stands_in_the_body_whole() -> None:
    error = ValueError("<b>&")
    scope = http() | {"request_id": "7f3c-1"}
    exchange = crashed(scope, raises(error), debug=True)
    problem = json.loads(exchange.raw_body)
    shown = problem.pop("traceback")
    assert problem == {"type": "about:blank", "title": "Internal Server Error", "status": 500, "request_id": "7f3c-1"}
    assert shown.startswith("Traceback (most recent call last):\n")
    assert shown.endswith("ValueError: <b>&\n")
    page = crashed(http(headers=[("accept", "text/html")]), raises(error), debug=True).raw_body.decode()
    assert page.startswith(PAGE.format("\n").split("\n")[0] + HEADING + "<pre>Traceback (most recent call last):\n")
    assert page.endswith("ValueError: &lt;b&gt;&amp;\n</pre></html>")
    plain_text = crashed(http(headers=[("accept", "text/plain")]), raises(error), debug=True).raw_body.decode()
    assert plain_text.startswith("Internal Server Error\nTraceback (most recent call last):\n")
    assert plain_text.endswith("ValueError: <b>&\n")


def by_hand(*details: Any) -> SyntaxError:
    """One with details that the compiler would never give."""
    return SyntaxError("made by hand", details)


@pytest.mark.parametrize("accept", ["*/*", "text/html", "text/plain"])
@pytest.mark.parametrize(
    "error",
    [
        Mute(),
        ValueError("caf\xe9 \u2603"),
        ValueError("\x00\r\n\x1b[31m</pre>"),
        ValueError("x" * 100_000),
        FileNotFoundError("name-\udcff.txt"),
        KeyError("\ud800"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
        UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
        ImportError("no module", name="\udcff"),
        SyntaxError("no syntax", ("file-\udcff.py", 1, 1, "a b")),
        by_hand("f", "n", "t", "o"),
        by_hand("f", "1", 0, "t"),
    ],
    ids=lambda error: f"{type(error).__name__}",
)
def test_any_text_of_an_exception_can_be_shown(accept: str, error: Exception) -> None:
    """Names of files that are not UTF-8 reach exceptions as lone surrogates."""
    exchange = crashed(http(headers=[("accept", accept)]), raises(error), debug=True)
    assert exchange.error is error
    assert exchange.status == 500
    assert exchange.header("content-length") == [str(len(exchange.raw_body))]
    assert type(error).__name__ in exchange.raw_body.decode()


# --- a crash after the start, and what is never answered -------------------------------------------------------------


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


class Pause:
    """Awaits once, so that a test can hold a request there."""

    def __await__(self) -> Generator[None, None, None]:
        yield


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


# --- WebSocket -------------------------------------------------------------------------------------------------------


def socket_app(error: Exception, *, reads: int, before: Iterable[dict[str, Any]] = ()) -> App:
    """Receives so often, sends these messages, raises."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(reads):
            await receive()
        for message in before:
            await send(message)
        raise error

    return app


NO_DENIAL: dict[str, Any] = {"extensions": {}}
DENIED = answer(JSON, PROBLEM, prefix="websocket.")
CLOSED = [{"type": "websocket.close", "code": 1011}]
ACCEPTED: dict[str, Any] = {"type": "websocket.accept"}
SAID: dict[str, Any] = {"type": "websocket.send", "text": "hello"}
# A sentence, what the scope changes, how often the app receives, what it sends, reraise, what the client gets,
# how often the server is asked.
SOCKETS: list[tuple[str, dict[str, Any], int, list[dict[str, Any]], bool, list[dict[str, Any]], int]] = [
    ("a crash before the handshake was read", {}, 0, [], True, DENIED, 1),
    ("a crash after it was read", {}, 1, [], True, DENIED, 1),
    ("a crash that ends here", {}, 1, [], False, DENIED, 1),
    ("no denial: the server closes", NO_DENIAL, 1, [], True, [], 1),
    ("no denial, and it ends here: close", NO_DENIAL, 1, [], False, CLOSED, 1),
    ("no denial, ends here, handshake not read", NO_DENIAL, 0, [], False, CLOSED, 1),
    ("no extensions at all", {"extensions": None}, 0, [], False, CLOSED, 1),
    ("after accept", {}, 1, [ACCEPTED], True, [ACCEPTED], 1),
    ("after accept and a message", {}, 1, [ACCEPTED, SAID], True, [ACCEPTED, SAID], 1),
    ("after accept, no denial", NO_DENIAL, 1, [ACCEPTED], True, [ACCEPTED], 1),
    ("after accept and a close", {}, 1, [ACCEPTED, *CLOSED], True, [ACCEPTED, *CLOSED], 1),
    ("after a whole denial", {}, 1, DENIED, True, DENIED, 1),
    ("after a close", {}, 1, CLOSED, True, CLOSED, 1),
    ("after a denial began", {}, 1, DENIED[:1], True, DENIED[:1], 1),
]


@pytest.mark.parametrize(
    ("sentence", "changes", "reads", "before", "reraise", "expected", "received"),
    SOCKETS,
    ids=[row[0] for row in SOCKETS],
)
def test_a_crash_of_a_websocket(
    sentence: str,
    changes: dict[str, Any],
    reads: int,
    before: list[dict[str, Any]],
    reraise: bool,
    expected: list[dict[str, Any]],
    received: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    error = crash()
    exchange = crashed(websocket(**changes), socket_app(error, reads=reads, before=before), reraise=reraise)
    assert exchange.sent == expected
    assert exchange.received == received
    assert exchange.error is (error if reraise else None)
    assert [record.exc_info[1] for record in caplog.records if record.exc_info] == ([] if reraise else [error])


def test_after_accept_a_crash_travels_on_even_without_reraise(caplog: pytest.LogCaptureFixture) -> None:
    error = crash()
    exchange = crashed(websocket(), socket_app(error, reads=1, before=[ACCEPTED]), reraise=False)
    assert (exchange.error, exchange.sent, caplog.records) == (error, [ACCEPTED], [])


def test_a_denial_takes_the_form_and_the_id_of_an_answer() -> None:
    scope = websocket(headers=[("accept", "text/html")]) | {"request_id": "7f3c-1"}
    page = PAGE.format(HEADING + "<p>Request ID: <code>7f3c-1</code></p>")
    assert crashed(scope).sent == answer(HTML, page, prefix="websocket.")


@pytest.mark.parametrize("changes", [{}, NO_DENIAL], ids=["denial", "close"])
@pytest.mark.parametrize("reraise", [True, False])
def test_nothing_is_sent_to_a_websocket_client_that_went_before_the_handshake(
    changes: dict[str, Any], reraise: bool
) -> None:
    error = crash()
    exchange = drive(ErrorsMiddleware(raises(error), reraise=reraise), websocket(**changes), [])
    assert (exchange.sent, exchange.error) == ([], error if reraise else None)


@pytest.mark.parametrize("changes", [{}, NO_DENIAL], ids=["denial", "close"])
@pytest.mark.parametrize("reraise", [True, False])
def test_nothing_is_sent_to_a_websocket_client_that_went_before_it_was_accepted(
    changes: dict[str, Any], reraise: bool
) -> None:
    """ASGI, `websocket.disconnect`: the application has been told that there is nobody to close or deny."""
    error = crash()
    exchange = crashed(websocket(**changes), socket_app(error, reads=2), reraise=reraise)
    assert (exchange.sent, exchange.error) == ([], error if reraise else None)


def test_a_websocket_that_does_not_crash_is_left_alone() -> None:
    said = {"type": "websocket.receive", "text": "hello"}
    messages: list[dict[str, Any]] = [{"type": "websocket.connect"}, said]
    exchange = drive(ErrorsMiddleware(accepts(subprotocol="chat")), websocket(), messages)
    assert exchange.sent == [
        {"type": "websocket.accept", "subprotocol": "chat"},
        {"type": "websocket.send", "text": "hello"},
    ]
    assert drive(ErrorsMiddleware(denies()), websocket()).sent == drive(denies(), websocket()).sent
