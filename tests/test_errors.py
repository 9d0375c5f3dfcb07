"""`errors`: construction, what is no crash, and what a client is told of one that is."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from asgi_middleware import ConfigError, ErrorsMiddleware

from .apps import RESPONSES, raises, remembers, silent, text
from .asgi import drive, http
from .crashing import BODIES, HEADING, HTML, JSON, PAGE, PROBLEM, SECRET, TEXT, Mute, answer, crash, crashed


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
