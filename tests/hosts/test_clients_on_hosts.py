"""httpx and httpx2 as clients in process: their `ASGITransport` calls the stack itself, without a server."""

import json
from collections.abc import Callable
from typing import Any

import anyio
import pytest

from . import content
from .checks import ECHOED, TEXT, Host, Reply, facts, owed
from .stacks import ORIGIN, load, six

pytestmark = pytest.mark.hosts

NAMES = {"httpx": "HTTPX", "httpx2": "httpx2"}
HOST = Host("", {}, protocol="h2")  # there is no framing but Content-Length
ASKED = {"Origin": ORIGIN, "Accept-Encoding": "gzip"}


@pytest.fixture(params=NAMES)
def client(request: pytest.FixtureRequest) -> Any:
    """The package, by name."""
    return pytest.importorskip(request.param, reason=f"{request.param} is not installed: the extra `hosts`")


def talk(client: Any, app: Any, conversation: Callable[[Any], Any]) -> Any:
    """The conversation of one client, which keeps cookies, with the app."""

    async def main() -> Any:
        transport = client.ASGITransport(app=app)
        async with client.AsyncClient(transport=transport, base_url="https://testserver") as talking:
            return await conversation(talking)

    return anyio.run(main)


async def ask(talking: Any, method: str, path: str, **more: Any) -> Reply:
    async with talking.stream(method, path, **{"headers": ASKED, **more}) as response:
        raw = b"".join([part async for part in response.aiter_raw()])
    lines = [(name.decode().lower(), value.decode()) for name, value in response.headers.raw]
    return Reply(response.status_code, lines, raw)


@pytest.mark.parametrize("app", ["raw", "starlette"])
def test_bodies_are_whole(client: Any, app: str, proves: Callable[..., None]) -> None:
    async def conversation(talking: Any) -> None:
        for coding in ("gzip", "br", "zstd", None):
            headers = {"Origin": ORIGIN, "Accept-Encoding": coding or "identity"}
            notes = await ask(talking, "GET", "/json", headers=headers)
            stream = await ask(talking, "GET", "/stream", headers=headers)
            assert (facts(notes, HOST), json.loads(notes.body)) == (owed("length", coding=coding), content.NOTES)
            assert (facts(stream, HOST), stream.body) == (owed("frames", coding=coding), b"".join(content.CHUNKS))
        echo = await ask(talking, "POST", "/echo", headers={**ASKED, **TEXT}, content=ECHOED)
        assert (facts(echo, HOST), echo.body) == (owed("length"), ECHOED)
        # And as its users read it.
        assert (await talking.get("/json", headers=ASKED)).json() == content.NOTES

    talk(client, six()(load(app)), conversation)
    proves(NAMES[client.__name__], "bodies", beside="its ASGITransport")


def test_a_session_is_kept(client: Any, proves: Callable[..., None]) -> None:
    async def conversation(talking: Any) -> None:
        replies = [await ask(talking, "GET", "/visits") for _ in range(3)]
        assert [json.loads(reply.body)["visits"] for reply in replies] == [1, 2, 3]
        assert all(facts(reply, HOST) == owed("length", coding=None, vary=("cookie", "origin")) for reply in replies)

    talk(client, six()(load("starlette")), conversation)
    proves(NAMES[client.__name__], "session")


def test_what_the_transport_does_not_do(client: Any, proves: Callable[..., None]) -> None:
    """It hands a response over when the application has ended, asks for no lifespan, and knows no WebSocket."""
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        for event in content.EVENTS:
            await send({"type": "http.response.body", "body": event, "more_body": True})
        seen.append("ended")
        await send({"type": "http.response.body"})

    async def conversation(talking: Any) -> None:
        async with talking.stream("GET", "/", headers={"Accept-Encoding": "identity"}) as response:
            seen.append("a response")
            assert b"".join([part async for part in response.aiter_raw()]) == b"".join(content.EVENTS)
        await talking.get("wss://testserver/")

    talk(client, six()(app), conversation)
    assert seen == ["http", "ended", "a response", "http", "ended"]
    proves(
        NAMES[client.__name__], lacks="it hands over whole responses, so no SSE; it has no lifespan and no WebSocket"
    )
