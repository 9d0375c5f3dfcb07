"""WebSockets of a real browser: a token among the subprotocols, and a session's user on a page of another site.

python -m pytest -m browser tests/test_browser_auth.py
"""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from .browsing import chromium, foreign_site
from .serving import Server, serving
from .tokens import claiming, hs, token

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

GOOD = claiming(exp=4_000_000_000).decode()
FORGED = token(sign=hs(b"x")).decode()
# The subprotocol that was selected, and the first message; or how it was closed.
SOCKET = """([url, subprotocols]) => new Promise(done => {
    const socket = new WebSocket(url, subprotocols);
    socket.onmessage = event => done([socket.protocol, event.data]);
    socket.onclose = event => done(["closed", String(event.code)]);
})"""


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    with chromium() as launched:
        yield launched


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(["uvicorn", "tests.hosts.auth_app:app", "--port", "0"]) as running:
        yield running


@pytest.fixture
def page(browser: "Browser", server: Server) -> "Iterator[Page]":
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{server.url}/ready")
    yield page
    context.close()


def shake(page: "Page", server: Server, *subprotocols: str, host: str = "127.0.0.1") -> Any:
    selected, told = page.evaluate(SOCKET, [f"ws://{host}:{server.port}/ws", subprotocols])
    return (selected, told) if selected == "closed" else (selected, json.loads(told)[:2])


def test_a_script_opens_a_websocket_with_its_token(page: "Page", server: Server) -> None:
    assert shake(page, server, "bearer", GOOD) == ("bearer", ["ada", []])
    assert shake(page, server, "chat", "bearer", GOOD) == ("bearer", ["ada", ["chat"]])
    assert shake(page, server, "bearer", FORGED) == ("closed", "1006")
    assert shake(page, server) == ("closed", "1006")


def test_a_token_opens_it_from_another_site_too(page: "Page", server: Server) -> None:
    """No page has the token but those that were given it, so its origin does not matter."""
    with foreign_site() as port:
        page.goto(f"http://127.0.0.1:{port}/")
        assert shake(page, server, "bearer", GOOD) == ("bearer", ["ada", []])


def test_a_page_of_another_origin_cannot_use_the_session(page: "Page", server: Server) -> None:
    """Another port of one host is another origin, but the same site: the browser sends the cookie along."""
    page.goto(f"{server.url}/login")
    assert shake(page, server) == ("", ["user-1", []])
    with foreign_site() as port:
        page.goto(f"http://127.0.0.1:{port}/")
        before = len(server.lines)
        assert shake(page, server) == ("closed", "1006")
        assert server.prints("403", after=before), "it was refused for its origin, as a known user"
    page.goto(f"{server.url}/ready")
    assert shake(page, server) == ("", ["user-1", []])
