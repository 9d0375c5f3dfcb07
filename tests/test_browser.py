"""The example in a real browser: what Chromium itself reads, keeps and refuses. Left out by default; run it with

    python -m pytest -m browser

It needs the package `playwright`, and a Chromium that is installed already: none is ever downloaded. The page
examples/notes.html shows each effect, so most tests compare the whole page with what the browser saw on the wire, and
every console error of the browser with those that belong there.

Long, because all of it looks at the one page of the example.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest

from .browsing import ADVICE, PATIENCE, foreign_site
from .serving import Server, serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Response, Route, StorageState

pytestmark = pytest.mark.browser

COMMAND = ["asgi_middleware", "run", "examples.notes:app", "--stack", "examples/stack.toml", "--port", "0"]
BARE = ["uvicorn", "examples.notes:app", "--port", "0"]

FORTNIGHT = 14 * 24 * 3600  # seconds: how long a session lasts by default
TICK = 0.3  # seconds between two events of the example

# The browser asks for it by itself, at a time of its own, and the example has none.
FAVICON = re.compile(r"Failed to load resource: .* 40[14] \(.*\) http://[^/]+/favicon\.ico")

ROWS = '() => Object.fromEntries([...document.querySelectorAll("code")].map(row => [row.id, row.textContent]))'
# Every row has got its text, but those that never will.
SETTLED = """never => [...document.querySelectorAll("code")].every(row => never.includes(row.id)
    || (row.id === "events" ? row.textContent.includes("tick 5") : row.textContent !== "…"))"""
# Status, the names of the headers that the page may read, the ID and the body; or the error.
FETCH = """async ([url, options]) => {
    try {
        const response = await fetch(url, options);
        const names = [...response.headers.keys()];
        return [response.status, names, response.headers.get("X-Request-ID"), await response.text()];
    } catch (error) {
        return [String(error)];
    }
}"""
TOKEN = """async () => {
    const response = await fetch("/api/token", { method: "POST", body: '{"user": "Ada"}' });
    return (await response.json()).access_token;
}"""
# The origin of the page, and what came of its socket.
SOCKET = """url => new Promise(done => {
    const socket = new WebSocket(url);
    socket.onopen = () => socket.send("hello");
    socket.onmessage = event => { done([origin, "echo " + event.data]); socket.close() };
    socket.onclose = event => done([origin, "closed " + event.code]);
})"""
# The data of each event, and when it came, in milliseconds.
EVENTS = """() => new Promise(done => {
    const seen = [], source = new EventSource("/api/events");
    source.onmessage = event => seen.push([event.data, performance.now()]);
    source.onerror = () => { source.close(); done(seen) };
})"""


class Watch:
    """A page, the responses that it got, and every error that the browser told of it."""

    def __init__(self, page: "Page") -> None:
        self.page = page
        self.responses: list[Response] = []
        self.errors: list[str] = []
        page.on("response", self._response)
        page.on("console", self._console)
        page.on("pageerror", self._page_error)

    def _response(self, response: "Response") -> None:
        self.responses.append(response)

    def _console(self, message: "ConsoleMessage") -> None:
        if message.type != "error":
            return
        # These alone do not say which address they are about.
        about = f" {message.location['url']}" if message.text.startswith("Failed to load resource") else ""
        error = ADVICE.sub("", message.text) + about
        if not FAVICON.fullmatch(error):
            self.errors.append(error)

    def _page_error(self, error: "Error") -> None:
        self.errors.append(f"page: {error.message}")

    def open(self, url: str, *never: str) -> dict[str, str]:
        """Go there; the texts of all rows, once those that ever get one have theirs."""
        self.page.goto(url)
        return self.rows(*never)

    def rows(self, *never: str) -> dict[str, str]:
        self.page.wait_for_function(SETTLED, arg=never)
        rows: dict[str, str] = self.page.evaluate(ROWS)
        return rows

    def headers(self, url: str) -> list[dict[str, str]]:
        """The headers of each response from one address."""
        return [response.headers for response in self.responses if response.url == url]

    def check(self, *expected: str, patience: float = PATIENCE) -> None:
        """Fail unless the browser told exactly these errors, each as often as it stands here."""
        self.page.wait_for_load_state("networkidle")
        deadline = time.monotonic() + patience
        # Only playwright's own waiting lets its events through.
        while sorted(self.errors) != sorted(expected) and time.monotonic() < deadline:
            self.page.wait_for_timeout(20)
        assert sorted(self.errors) == sorted(expected)


@contextmanager
def watching(browser: "Browser", *errors: str, state: "StorageState | None" = None) -> Iterator[Watch]:
    """A page in a profile of its own, which must end with exactly these errors. `state`: cookies to begin with."""
    context = browser.new_context(storage_state=state)
    try:
        watch = Watch(context.new_page())
        yield watch
        watch.check(*errors)
    finally:
        context.close()


def failed(status: int, url: str) -> str:
    """What the console says of a response that is an error."""
    phrase = HTTPStatus(status).phrase
    return f"Failed to load resource: the server responded with a status of {status} ({phrase}) {url}"


def blocked(url: str, origin: str, why: str = "No 'Access-Control-Allow-Origin' header") -> list[str]:
    """What the console says of a response that the browser keeps from a page."""
    return [
        f"Access to fetch at '{url}' from origin '{origin}' has been blocked by CORS policy: {why}",
        f"Failed to load resource: net::ERR_FAILED {url}",
    ]


def at(host: str, server: Server) -> str:
    return f"http://{host}:{server.port}"


def errors_of_the_page(here: str, other: str) -> list[str]:
    """What belongs to one load of the page where everything is as it should be."""
    return [failed(401, f"{here}/api/me"), failed(500, f"{here}/api/crash"), *blocked(f"{other}/api/notes", "null")]


@pytest.fixture(scope="module")
def bare(browser: "Browser") -> Iterator[Server]:
    """The control: the same application without any stack."""
    with serving(BARE) as running:
        yield running


def test_the_page_shows_every_effect(browser: "Browser", server: Server) -> None:
    here, other = at("localhost", server), at("127.0.0.1", server)
    with watching(browser, *errors_of_the_page(here, other)) as watch:
        rows = watch.open(here)
        addresses = [f"{here}/", *(f"{here}/api/{name}" for name in ("notes", "visits", "me", "crash", "events"))]
        assert {response.url for response in watch.responses} == {*addresses, f"{other}/api/notes"}

        one_each = {url: watch.headers(url) for url in addresses}
        assert [len(headers) for headers in one_each.values()] == [1] * len(addresses)
        (allowed,) = (found for found in watch.headers(f"{other}/api/notes") if "access-control-allow-origin" in found)
        ids = [*(headers["x-request-id"] for (headers,) in one_each.values()), allowed["x-request-id"]]
        assert [number for number in ids if not re.fullmatch("[0-9a-f]{32}", number)] == []
        assert len(set(ids)) == len(ids)

        (notes,) = (response for response in watch.responses if response.url == f"{here}/api/notes")
        offered = notes.request.all_headers()["accept-encoding"].split(", ")
        coding, size, whole = notes.headers["content-encoding"], notes.headers["content-length"], len(notes.body())
        assert coding in offered
        assert int(size) < whole / 3
        total = re.fullmatch(r"total;dur=(\d+\.\d+)", notes.headers["server-timing"])
        assert total is not None

        (crash,) = one_each[f"{here}/api/crash"]
        assert rows == {
            "request-id": crash["x-request-id"],
            "timing": f"total {float(total[1]):.10g} ms",
            "before": str(whole),
            "after": size,
            "coding": coding,
            "visits": "1",
            "user": "nobody",
            "challenge": "401, Bearer",
            "other": other,
            "cross": f"allowed, 100 notes, ID {allowed['x-request-id']}",
            "frame": "refused (Failed to fetch)",
            "crash": f"500, ID {crash['x-request-id']}",
            "events": "tick 1 tick 2 tick 3 tick 4 tick 5 ",
            "echo": "hello",
        }


def test_without_the_stack_the_page_shows_none_of_them(browser: "Browser", bare: Server) -> None:
    """The control: what the test above looks at is the work of the stack."""
    here, other = at("localhost", bare), at("127.0.0.1", bare)
    errors = [
        failed(500, f"{here}/api/visits"),
        # That answer is no JSON, and the script of the page ends there.
        """page: Unexpected token 'I', "Internal S"... is not valid JSON""",
        *blocked(f"{other}/api/notes", here),
        *blocked(f"{other}/api/notes", "null"),
    ]
    with watching(browser, *errors) as watch:
        rows = watch.open(here, "visits", "challenge", "crash")
        assert watch.page.context.cookies() == []
        assert rows == {
            "request-id": "none",
            "timing": "none",
            "before": "18500",
            "after": "18500",
            "coding": "as it is",
            "visits": "…",
            "user": "nobody",
            "challenge": "…",
            "other": other,
            "cross": "refused (Failed to fetch)",
            "frame": "refused (Failed to fetch)",
            "crash": "…",
            "events": "tick 1 tick 2 tick 3 tick 4 tick 5 ",
            "echo": "hello",
        }


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("() => console.error('on purpose')", "on purpose"),
        ("() => { setTimeout(() => { throw new Error('on purpose') }) }", "page: on purpose"),
        ("() => fetch('/nowhere').then(() => {})", failed(401, "{here}/nowhere")),
    ],
    ids=["console", "page", "response"],
)
def test_an_error_that_nobody_expects_is_told(browser: "Browser", server: Server, script: str, error: str) -> None:
    """The control of the watching itself: one error too many fails, and so does one that does not come."""
    here = at("localhost", server)
    error = error.replace("{here}", here)
    with watching(browser, error) as watch:
        watch.page.goto(f"{here}/api/notes")
        with pytest.raises(AssertionError):
            watch.check(error, patience=0)
        watch.page.evaluate(script)
        watch.check(error)
        with pytest.raises(AssertionError):
            watch.check(patience=0)


def test_visits_count_up_and_live_in_the_cookie(browser: "Browser", server: Server) -> None:
    here, other = at("localhost", server), at("127.0.0.1", server)
    errors = errors_of_the_page(here, other)
    with watching(browser, *errors, *errors) as watch:
        first = watch.open(here)["visits"]
        watch.page.reload()
        assert (first, watch.rows()["visits"]) == ("1", "2")
        kept = watch.page.context.storage_state()
    # Another profile that has the cookie goes on from there; one that has not begins anew.
    with watching(browser, *errors, state=kept) as watch:
        assert watch.open(here)["visits"] == "3"
    with watching(browser, *errors) as watch:
        assert watch.open(here)["visits"] == "1"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_the_cookie_as_the_browser_keeps_it(browser: "Browser", server: Server, host: str) -> None:
    with watching(browser) as watch:
        watch.page.goto(f"{at(host, server)}/api/visits")
        (cookie,) = watch.page.context.cookies()
        expires = cookie.pop("expires", 0)
        assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", cookie.pop("value", ""))
        assert cookie == {
            "name": "session",
            "domain": host,
            "path": "/",
            "httpOnly": True,
            "secure": False,
            "sameSite": "Lax",
        }
        assert FORTNIGHT - 600 < expires - time.time() < FORTNIGHT + 600
        assert watch.page.evaluate("document.cookie") == ""


def test_signing_in(browser: "Browser", server: Server) -> None:
    here, other = at("localhost", server), at("127.0.0.1", server)
    with watching(browser, *errors_of_the_page(here, other)) as watch:
        before = watch.open(here)
        watch.page.click("#login")
        watch.page.wait_for_function("document.getElementById('user').textContent !== 'nobody'")
        refused, signed_in = watch.headers(f"{here}/api/me")
        assert refused["www-authenticate"] == "Bearer"
        assert watch.rows() == {**before, "user": "Ada", "request-id": signed_in["x-request-id"]}


def test_opened_at_the_address_the_other_host_is_refused(browser: "Browser", server: Server) -> None:
    here, other = at("127.0.0.1", server), at("localhost", server)
    errors = [*errors_of_the_page(here, other), *blocked(f"{other}/api/notes", here)]
    with watching(browser, *errors) as watch:
        rows = watch.open(here)
        (crash,) = watch.headers(f"{here}/api/crash")
        (notes,) = watch.headers(f"{here}/api/notes")
        assert rows == {
            "request-id": crash["x-request-id"],
            "timing": f"total {float(notes['server-timing'].removeprefix('total;dur=')):.10g} ms",
            "before": "18500",
            "after": notes["content-length"],
            "coding": notes["content-encoding"],
            "visits": "1",
            "user": "nobody",
            "challenge": "401, Bearer",
            "other": other,
            "cross": "refused (Failed to fetch); open this page at localhost to see it allowed",
            "frame": "refused (Failed to fetch)",
            "crash": f"500, ID {crash['x-request-id']}",
            "events": "tick 1 tick 2 tick 3 tick 4 tick 5 ",
            "echo": "hello",
        }


# What a page of an allowed origin may read from another one: the three headers are those that Fetch lets through by
# itself here, and the one that the stack exposes.
READABLE = ["content-length", "content-type", "x-request-id"]


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/api/crash", 500, "Internal Server Error"),
        ("/api/me", 401, "Not authenticated"),
        ("/nowhere", 401, "Not authenticated"),
        ("/api/visits", 200, '{"visits":1}'),
    ],
    ids=["a crash", "a 401", "no such route", "a session"],
)
def test_every_answer_is_readable_from_an_allowed_origin(
    browser: "Browser", server: Server, path: str, status: int, body: str
) -> None:
    other = at("127.0.0.1", server)
    errors = [failed(status, f"{other}{path}")] if status != 200 else []
    with watching(browser, *errors) as watch:
        watch.page.goto(f"{at('localhost', server)}/api/notes")
        answer = watch.page.evaluate(FETCH, [f"{other}{path}", {}])
        (headers,) = watch.headers(f"{other}{path}")
        # The session is private to each user, and says so.
        names = ["cache-control", *READABLE] if path == "/api/visits" else READABLE
        assert answer == [status, names, headers["x-request-id"], body]


def test_a_token_may_cross(browser: "Browser", server: Server) -> None:
    """It is a header that needs a preflight, and the preflight has no token."""
    url = f"{at('127.0.0.1', server)}/api/me"
    with watching(browser) as watch:
        watch.page.goto(f"{at('localhost', server)}/api/notes")
        token = watch.page.evaluate(TOKEN)
        answer = watch.page.evaluate(FETCH, [url, {"headers": {"Authorization": f"Bearer {token}"}}])
        assert answer == [200, READABLE, watch.headers(url)[-1]["x-request-id"], '{"user":"Ada"}']


PREFLIGHT = "Response to preflight request doesn't pass access control check: It does not have HTTP ok status."
CREDENTIALS = (
    "The value of the 'Access-Control-Allow-Credentials' header in the response is '' which must be 'true' "
    "when the request's credentials mode is 'include'."
)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"headers": {"X-Own": "1"}}, PREFLIGHT),
        ({"method": "PUT"}, PREFLIGHT),
        ({"credentials": "include"}, CREDENTIALS),
    ],
    ids=["a header", "a method", "credentials"],
)
def test_more_than_was_allowed_is_refused(
    browser: "Browser", server: Server, options: dict[str, Any], why: str
) -> None:
    here, url = at("localhost", server), f"{at('127.0.0.1', server)}/api/notes"
    with watching(browser, *blocked(url, here, why)) as watch:
        watch.page.goto(f"{here}/api/notes")
        assert watch.page.evaluate(FETCH, [url, options]) == ["TypeError: Failed to fetch"]


def held(route: "Route") -> None:
    """Passes a response on only once it is whole."""
    route.fulfill(response=route.fetch())


@pytest.mark.parametrize(("handler", "one_by_one"), [(None, True), (held, False)], ids=["as it is", "held back"])
def test_events_arrive_one_by_one(
    browser: "Browser", server: Server, handler: "Callable[[Route], None] | None", one_by_one: bool
) -> None:
    """The second row is the control: held back until it is whole, the stream fails the same check."""
    with watching(browser) as watch:
        watch.page.goto(f"{at('localhost', server)}/api/notes")
        if handler is not None:
            watch.page.route("**/api/events", handler)
        seen = watch.page.evaluate(EVENTS)
        assert [data for data, _ in seen] == [f"tick {number}" for number in range(1, 6)]
        # Four pauses lie between the first and the last; one of them is enough to tell, on a slow machine too.
        assert (seen[-1][1] - seen[0][1] > TICK * 1000) is one_by_one


@pytest.mark.parametrize(
    ("host", "path", "with_stack", "outcome"),
    [
        ("127.0.0.1", "/", True, "closed 1006"),
        ("127.0.0.1", "/sandbox", True, "closed 1006"),
        ("localhost", "/", True, "echo hello"),
        ("127.0.0.1", "/", False, "echo hello"),
    ],
    ids=["foreign", "null", "allowed", "foreign, without the stack"],
)
def test_a_foreign_page_gets_no_socket(
    browser: "Browser", server: Server, bare: Server, host: str, path: str, with_stack: bool, outcome: str
) -> None:
    """Browsers let any page open a socket anywhere, so the server must refuse. The last two rows are the control."""
    url = f"ws://localhost:{(server if with_stack else bare).port}/ws"
    refused = f"WebSocket connection to '{url}' failed: Error during WebSocket handshake: Unexpected response code: 403"
    errors = [refused] if outcome.startswith("closed") else []
    with foreign_site() as port, watching(browser, *errors) as watch:
        watch.page.goto(f"http://{host}:{port}{path}")
        origin = "null" if path == "/sandbox" else f"http://{host}:{port}"
        assert watch.page.evaluate(SOCKET, url) == [origin, outcome]
