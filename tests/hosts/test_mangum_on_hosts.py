"""Mangum: the stack in a Lambda function, for every shape of event. Called in process, as Lambda calls it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from asgi_middleware import Stack

from . import content
from .checks import ECHOED, Host, facts, owed
from .lambda_events import SHAPES, Caller
from .stacks import ORIGIN, SECRET, load, six

pytestmark = [pytest.mark.hosts, pytest.mark.usefixtures("current_loop")]

# A body ends where the answer does, as a frame would: without a Content-Length too, whoever carries it on adds one.
HOST = Host("", {}, protocol="h2")
ASKED = {"origin": ORIGIN, "accept-encoding": "gzip"}


def handler(app: Any) -> Any:
    return pytest.importorskip("mangum", reason="mangum is not installed: the extra `hosts`").Mangum(app)


@pytest.fixture(params=SHAPES)
def source(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.mark.parametrize("app", ["raw", "starlette"])
def test_bodies_are_whole(app: str, source: str, proves: Callable[..., None]) -> None:
    ask = Caller(handler(six()(load(app))), SHAPES[source])
    for coding in ("gzip", "br", "zstd", None):
        asked = {"origin": ORIGIN, "accept-encoding": coding or "identity"}
        notes, stream = ask("GET", "/json", asked), ask("GET", "/stream", asked)
        assert (facts(notes, HOST), json.loads(notes.body)) == (owed("length", coding=coding), content.NOTES)
        assert (facts(stream, HOST), stream.body) == (owed("frames", coding=coding), b"".join(content.CHUNKS))
    echo = ask("POST", "/echo", {**ASKED, "content-type": "text/plain"}, ECHOED.decode())
    assert (facts(echo, HOST), echo.body) == (owed("length"), ECHOED)
    proves("Mangum", "bodies", beside=source)


def test_a_session_is_kept(source: str, proves: Callable[..., None]) -> None:
    ask = Caller(handler(six()(load("raw"))), SHAPES[source])
    replies = [ask("GET", "/visits", ASKED) for _ in range(3)]
    assert [json.loads(reply.body) for reply in replies] == [{"visits": 1}, {"visits": 2}, {"visits": 3}]
    for reply in replies:
        assert facts(reply, HOST) == owed("length", coding=None, vary=("cookie", "origin"))
        (cookie,) = reply.header("set-cookie")
        assert "secure" in cookie.split("; "), "the scheme is the client's, not the function's"
    proves("Mangum", "session")


@pytest.mark.parametrize("url", ["memory:", "sqlite:"])
def test_a_store_serves_one_invocation_after_the_other(url: str, source: str, tmp_path: Path) -> None:
    """Each invocation is a lifespan of its own, which closes what the one before had opened."""
    store = url if url == "memory:" else f"{url}///{tmp_path}/sessions.db"
    stack = Stack([("sessions", {"secret_key": SECRET, "store": store})])
    ask = Caller(handler(stack(load("raw"))), SHAPES[source])
    assert [json.loads(ask("GET", "/visits", {}).body)["visits"] for _ in range(3)] == [1, 2, 3]


def test_several_cookies_are_kept_apart(source: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise NotImplementedError(scope["type"])
        content.count(scope["session"])
        own = [(b"set-cookie", b"first=1"), (b"set-cookie", b"second=2; Path=/")]
        await send({"type": "http.response.start", "status": 200, "headers": own})
        await send({"type": "http.response.body", "body": b"ok"})

    reply = Caller(handler(six()(app)), SHAPES[source])("GET", "/", ASKED)
    names = [line.partition("=")[0] for line in reply.header("set-cookie")]
    assert sorted(names) == ["first", "second", "session"]


def test_preflights_and_refusals(source: str) -> None:
    ask = Caller(handler(six()(load("raw"))), SHAPES[source])
    preflight = ask("OPTIONS", "/echo", {"origin": ORIGIN, "access-control-request-method": "POST"})
    assert (preflight.status, preflight.body) == (200, b"OK")
    assert preflight.header("access-control-allow-origin") == [ORIGIN]
    refused = ask("GET", "/json", {**ASKED, "authorization": "Bearer a.b.c"})
    assert facts(refused, HOST) == owed("length", 401, coding=None, vary=("origin",))


def test_each_invocation_is_a_lifespan(capsys: pytest.CaptureFixture[str], proves: Callable[..., None]) -> None:
    ask = Caller(handler(six()(load("starlette"))), SHAPES["API Gateway v2"])
    for _ in range(2):
        ask("GET", "/json", ASKED)
    assert capsys.readouterr().out.splitlines() == [content.STARTED, content.ENDED] * 2
    proves("Mangum", "lifespan")


def test_nothing_arrives_before_all_has(proves: Callable[..., None]) -> None:
    """The answer of a function is one object, so there are no events; and it is called for HTTP alone."""
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])
        if scope["type"] != "http":
            raise NotImplementedError(scope["type"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        for event in content.EVENTS:
            await send({"type": "http.response.body", "body": event, "more_body": True})
        await send({"type": "http.response.body"})

    function = handler(six()(app))
    reply = Caller(function, SHAPES["API Gateway v2"])("GET", "/", {"accept-encoding": "identity"})
    assert (reply.raw, seen) == (b"".join(content.EVENTS), ["lifespan", "http"])
    socket = {"requestContext": {"eventType": "CONNECT", "connectionId": "a", "routeKey": "$connect"}}
    with pytest.raises(RuntimeError, match="unable to infer a handler"):
        function(socket, None)
    proves("Mangum", lacks="a function answers with one object, so no SSE, and Mangum has no WebSockets")
