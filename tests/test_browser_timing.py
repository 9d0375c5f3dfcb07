"""Server-Timing as Chromium itself reads it. Left out by default; run it with `python -m pytest -m browser`.

The page is served with every span, and the script reads back what the browser made of the header: names, durations and
descriptions are compared with what was sent, letter by letter, also where a description tries to break out.
"""

import json
from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from asgi_middleware import TimingMiddleware, measure
from asgi_middleware.timing import add

from .serving import Server
from .timed import Reader, Trace

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

COMMAND = ["uvicorn", "--factory", "tests.test_browser_timing:served", "--port", "0"]

READ = """() => performance.getEntriesByType("navigation")[0].serverTiming
    .map(metric => [metric.name, metric.duration, metric.description])"""
FETCHED = """async url => {
    const response = await fetch(url);
    await response.text();
    const entry = performance.getEntriesByType("resource").find(entry => entry.name === url);
    return entry.serverTiming.map(metric => metric.name);
}"""

# Each description, and what is left of it in a header.
DESCRIPTIONS: list[tuple[str, str]] = [
    ("orders of a day", "orders of a day"),
    ("", ""),
    ("  blanks around it  ", "  blanks around it  "),
    ('a "quoted" word', 'a "quoted" word'),
    ('"', '"'),
    ("a backslash \\ inside", "a backslash \\ inside"),
    ("at the end \\", "at the end \\"),
    ('\\"', '\\"'),
    ('a;dur=9;desc="b"', 'a;dur=9;desc="b"'),
    ("a, evil;dur=1", "a, evil;dur=1"),
    ('", evil;dur=1, b;desc="', '", evil;dur=1, b;desc="'),
    ("a line\r\nset-cookie: b=c", "a line??set-cookie: b=c"),
    ("\x00\x1b[31m\x7f\t", "??[31m??"),
    ("caf\xe9 \u65e5\u672c \U0001f600", "caf? ?? ?"),
    ("</script><script>alert(1)</script>", "</script><script>alert(1)</script>"),
]
NAMES = ["db", "db.read", "db", "!#$%&'*+-.^_`|~0aZ"]


async def page(request: Request) -> HTMLResponse:
    for number, (description, _) in enumerate(DESCRIPTIONS):
        add(f"d{number}", number + 0.25, description)
    for name in NAMES:
        add(name, 1.5)
    with measure("block", desc="measured"):
        pass
    return HTMLResponse("<!doctype html><title>timing</title>")


class Traced:
    """Puts a trace into the scope, as a request ID outside does."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app({**scope, "trace": Trace()}, receive, send)


def served() -> Any:
    routes = [Route("/", page), Route("/plain", page)]
    spans = TimingMiddleware(Starlette(routes=routes), server_timing="all")
    plain = TimingMiddleware(Starlette(routes=routes))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await (plain if scope["path"] == "/plain" else spans)(scope, receive, send)

    return Traced(app)


@pytest.fixture
def opened(browser: "Browser", server: Server) -> Any:
    context = browser.new_context()
    yield context.new_page()
    context.close()


def test_the_browser_reads_exactly_what_was_measured(opened: "Page", server: Server) -> None:
    response = opened.goto(server.url)
    assert response is not None
    sent = Reader(response.headers["server-timing"]).metrics()
    read = opened.evaluate(READ)
    assert read == [[name, float(took or 0), description or ""] for name, description, took in sent]
    total, trace, *spans, block = read
    assert (total[0], trace) == ("total", ["trace", 0, Trace().traceparent])
    described = [[f"d{number}", number + 0.25, left] for number, (_, left) in enumerate(DESCRIPTIONS)]
    assert spans == [*described, *([name, 1.5, ""] for name in NAMES)]
    assert (block[0], block[2]) == ("block", "measured")


def test_by_default_it_reads_the_total_and_the_trace(opened: "Page", server: Server) -> None:
    opened.goto(f"{server.url}/plain")
    assert [name for name, _, _ in opened.evaluate(READ)] == ["total", "trace"]


def test_another_origin_reads_nothing(opened: "Page", server: Server) -> None:
    """Timing-Allow-Origin is the application's to give, and a page of the same origin is the control."""
    url = f"http://localhost:{server.port}/plain"
    opened.goto(url)
    assert opened.evaluate(FETCHED, url) == ["total", "trace"]
    other = f"http://127.0.0.1:{server.port}/plain"
    opened.evaluate("url => fetch(url, { mode: 'no-cors' })", other)
    found = opened.evaluate(
        "url => performance.getEntriesByType('resource').filter(e => e.name === url).map(e => e.serverTiming.length)",
        other,
    )
    assert json.dumps(found) == "[0]"
