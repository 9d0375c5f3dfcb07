"""`cors` as a whole: what it lets pass untouched, and that requests do not disturb each other.

The other files `test_cors_*.py` take one topic each, and their option sets and expected replies from here:
construction, origins, preflights, responses, websockets, hostile (requests), browsers.
"""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

import pytest

from asgi_middleware import CORSMiddleware

from .apps import body, raises, sends, start, text
from .asgi import Exchange, Pause, drive, plain
from .browser_model import ACAC, ACAO, ACEH, EVIL, A, B, Pairs, get, handshake, preflight

Options = dict[str, Any]
Whole = tuple[int, Pairs, bytes]

# --- options ----------------------------------------------------------------------------------------------------------

LISTED: Options = {"allow_origins": [A]}
ANY: Options = {"allow_origins": ["*"]}
REALLY_ANY: Options = {
    "allow_origins": ["*"],
    "allow_credentials": True,
    "dangerously_allow_any_origin_with_credentials": True,
}
SUBDOMAINS: Options = {"allow_origins": ["https://*.example.com"]}
REGEX: Options = {"allow_origin_regex": r"https://[a-z]+\.example\.com"}
ANYBODY: Options = {"allow_origin_func": lambda origin, scope: True}
CREDENTIALS: Options = {**LISTED, "allow_credentials": True}
EXPOSING: Options = {**LISTED, "expose_headers": ["X-A", "X-B"]}
PUTS: Options = {**LISTED, "allow_methods": ["GET", "PUT", "purge"]}
ANY_METHOD: Options = {**LISTED, "allow_methods": ["*"]}
NAMES: Options = {**LISTED, "allow_headers": ["X-B", "Authorization"]}
ANY_HEADER: Options = {**LISTED, "allow_headers": ["*"]}


def long_origin(length: int) -> str:
    return "https://" + "a" * (length - len("https://.example.com")) + ".example.com"


# --- expected replies -------------------------------------------------------------------------------------------------

NAMED = [(ACAO, A), ("vary", "Origin")]
OWN = [(ACAO, "https://own.example"), (ACAC, "true"), (ACEH, "X-Own")]
REQUESTED = "Access-Control-Request-Method, Access-Control-Request-Headers"
SAFELISTED = "Accept, Accept-Language, Content-Language, Content-Type"
MY = (ACAO, A)
NETWORK = [("access-control-request-private-network", "true")]


def whole(exchange: Exchange) -> Whole:
    """Status, headers and body of a response of exactly two messages."""
    assert exchange.error is None
    assert [message["type"] for message in exchange.sent] == ["http.response.start", "http.response.body"]
    assert exchange.received == 0
    return exchange.status, exchange.headers, exchange.raw_body


def reply(status: int, data: str, headers: Iterable[tuple[str, str]]) -> Whole:
    fixed = [("content-length", str(len(data))), ("content-type", "text/plain; charset=utf-8")]
    return status, sorted([*fixed, *headers]), data.encode()


def grant(**changes: str | None) -> Whole:
    """The whole reply to an allowed preflight; `changes` replace headers, None takes them out."""
    headers: dict[str, str | None] = {
        "access_control_allow_origin": A,
        "access_control_allow_methods": "GET, HEAD, POST",
        "access_control_allow_headers": SAFELISTED,
        "access_control_max_age": "600",
        "vary": f"Origin, {REQUESTED}",
        **changes,
    }
    return reply(200, "OK", ((name.replace("_", "-"), value) for name, value in headers.items() if value is not None))


def refusal(reason: str, *headers: tuple[str, str], vary: str = f"Origin, {REQUESTED}") -> Whole:
    return reply(400, f"Disallowed CORS {reason}", [*headers, ("vary", vary)])


# --- the whole --------------------------------------------------------------------------------------------------------


def test_other_scopes_pass_with_the_very_same_objects() -> None:
    for kind in ("lifespan", "http3.datagram"):
        calls: list[tuple[Any, Any, Any]] = []

        async def app(*arguments: Any, calls: list[tuple[Any, Any, Any]] = calls) -> None:
            calls.append((arguments[0], arguments[1], arguments[2]))

        async def receive() -> Any:
            raise AssertionError("nobody reads")

        async def send(message: Any) -> None:
            raise AssertionError("nobody sends")

        scope = {"type": kind}
        asyncio.run(CORSMiddleware(app, **LISTED)(scope, receive, send))
        ((its_scope, its_receive, its_send),) = calls
        assert (its_scope is scope, its_receive is receive, its_send is send) == (True, True, True)


@pytest.mark.parametrize("error", [ValueError("x"), asyncio.CancelledError(), ExceptionGroup("x", [OSError()])])
def test_what_the_app_raises_travels_on(error: BaseException) -> None:
    exchange = drive(CORSMiddleware(raises(error, start(headers=[])), **LISTED), get())
    assert exchange.error is error
    assert (len(exchange.sent), exchange.headers) == (1, NAMED)


def test_a_client_that_has_gone_is_told_to_the_caller() -> None:
    for scope in (get(), get(EVIL), preflight(), preflight(EVIL), handshake(EVIL)):
        gone = BrokenPipeError()
        assert drive(CORSMiddleware(text(b"ok"), **LISTED), scope, send_fails=gone).error is gone


def test_nobodys_later_edit_reaches_the_next_reply() -> None:
    for options in (LISTED, ANY, {**ANY_HEADER, "expose_headers": ["X-A"], "allow_credentials": True}):
        app = CORSMiddleware(sends(start(headers=[]), body(b"")), **options)
        for scope in (preflight(), preflight(EVIL), preflight(A, "PUT"), get(), get(EVIL), get(None)):
            first = drive(app, scope)
            for message in first.objects:
                if "headers" in message:
                    message["headers"].append((b"x-edited", b"1"))
                    message["headers"].reverse()
                message["status"] = 418
            second = drive(app, scope)
            assert (second.sent[0], len(second.sent)) == (first.sent[0], 2)


def test_two_requests_at_once_keep_their_own_origins() -> None:
    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await Pause()
        await send(start(headers=[]))
        await Pause()
        await send(body(b"ok"))

    async def function(origin: str, scope: Any) -> bool:
        await Pause()
        return origin != EVIL

    app = CORSMiddleware(slow, allow_origin_func=function)
    origins = (A, EVIL, B, None)
    sent: dict[str | None, list[Any]] = {origin: [] for origin in origins}

    def request(origin: str | None) -> Coroutine[Any, Any, None]:
        async def send(message: Any) -> None:
            sent[origin].append(plain(message))

        async def receive() -> Any:
            raise AssertionError("nobody reads")

        return app(get(origin), receive, send)

    running = [request(origin) for origin in origins]
    while running:
        for one in list(running):
            try:
                one.send(None)
            except StopIteration:
                running.remove(one)
    told = {origin: messages[0]["headers"] for origin, messages in sent.items()}
    vary = (b"vary", b"Origin")
    assert told == {
        A: [(ACAO.encode(), A.encode()), vary],
        EVIL: [vary],
        B: [(ACAO.encode(), B.encode()), vary],
        None: [vary],
    }
