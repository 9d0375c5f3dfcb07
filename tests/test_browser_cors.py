"""CORS between two origins in a real Chromium: what the page could read, and what reached server and application.

Each row mounts an application of its own under its own layers (mounted.py) behind a real uvicorn. A page of one origin
fetches from it, and the row says the whole of what the page got and of what arrived. Every refusal stands beside its
opposite, the same page under another policy or with another request, so no row passes because nothing works.

Four origins: HOME, which policies list; NEIGHBOUR, of the same site (and so with the same cookies and the same part of
the browser's cache) but on another port; STRANGER, of another site; and null, a sandboxed frame inside HOME's page.

What the example shows in test_browser.py is not repeated here: crashes, 401s and sessions readable through the whole
stack, a page under `Content-Security-Policy: sandbox`, a bearer token across origins, which pages get a
socket through the whole stack.

Long, because the world in which its tables happen is built here.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest.mock import ANY

import httpx2
import pytest

from .browsing import ADVICE, PATIENCE, foreign_site
from .mounted import KEPT
from .serving import Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Frame, Page

pytestmark = pytest.mark.browser

COMMAND = ["uvicorn", "tests.mounted:app", "--port", "0"]

# In rows, the origins stand under these names; only a running test knows their ports.
HOME, NEIGHBOUR, STRANGER = "<home>", "<neighbour>", "<stranger>"
# Where the server is, and under which other name too.
API, AWAY = "<api>", "<away>"
NULL = "null"
# What the console says before the reason.
REFUSAL = " has been blocked by CORS policy: "

TEXT = "text/plain; charset=utf-8"

# All that the page may know of an answer, or the error.
FETCH = """async ([url, options]) => {
    try {
        const response = await fetch(url, options);
        const headers = Object.fromEntries(response.headers);
        return { type: response.type, status: response.status, headers, body: await response.text() };
    } catch (error) {
        return String(error);
    }
}"""
# The events of a WebSocket, in order.
SOCKET = """url => new Promise(done => {
    const events = [], socket = new WebSocket(url);
    socket.onopen = () => { events.push("open"); socket.send("hello") };
    socket.onmessage = event => events.push(event.data);
    socket.onerror = () => events.push("error");
    socket.onclose = event => done([...events, `close ${event.code}`]);
})"""
# A frame whose origin is null.
SANDBOX = """() => new Promise(done => {
    const frame = document.createElement("iframe");
    frame.sandbox = "allow-scripts";
    frame.srcdoc = "<!doctype html>";
    frame.onload = () => done();
    document.body.append(frame);
})"""


Layer = tuple[str, dict[str, Any]]
Own = dict[str, dict[str, str]]


class Fetch(NamedTuple):
    """What a page of `origin` asks for, with the options of `fetch`."""

    origin: str
    path: str
    options: dict[str, Any]


class Under(NamedTuple):
    """The whole outcome of a row under these layers: what the page got, and what arrived at the server."""

    layers: Sequence[Layer]
    answers: Sequence[Any]
    seen: list[str]
    own: Own | None = None


Row = tuple[list[Fetch], *tuple[Under, ...]]
Rows = dict[str, Row]


class World:
    """One profile of the browser with a page on each origin, and the server that mounts applications.

    The pages are shared by the tests. What the browser keeps, answers to preflights, responses and cookies, belongs to
    the addresses of one mount.
    """

    def __init__(self, context: "BrowserContext", client: httpx2.Client, origins: dict[str, str]) -> None:
        self.context = context
        self.client = client
        self.origins = origins
        self.console: list[str] = []
        self._pages: dict[str, Page | Frame] = {}
        context.on("console", self._told)

    def _told(self, message: "ConsoleMessage") -> None:
        self.console.append(message.text)

    def page(self, origin: str) -> "Page | Frame":
        """The page of that origin, opened when it is first asked for."""
        if origin not in self._pages:
            page = self.context.new_page()
            page.goto(self.real(HOME if origin == NULL else origin))
            if origin == NULL:
                page.evaluate(SANDBOX)
            self._pages[origin] = page.frames[1] if origin == NULL else page
        return self._pages[origin]

    def real(self, value: Any) -> Any:
        """`value` with the origins that this run has; `named` is the way back."""
        text = json.dumps(value)
        for name, origin in self.origins.items():
            text = text.replace(name, origin)
        return json.loads(text)

    def named(self, value: Any) -> Any:
        text = json.dumps(value)
        for name, origin in self.origins.items():
            text = text.replace(origin, name)
        return json.loads(text)

    def mount(self, layers: Sequence[Layer], own: Own | None) -> "Mount":
        told = self.real({"layers": layers, "own": own or {}})
        where = self.client.post("/", json=told).raise_for_status().text
        # Every mount has a user who has signed in, so a row also says when the cookie is not sent.
        self.context.add_cookies([{"name": "user", "value": "Ada", "domain": "localhost", "path": where}])
        return Mount(self, where)


class Mount:
    """One application of the server under layers of its own."""

    def __init__(self, world: World, where: str) -> None:
        self.world = world
        self.where = where
        self.url: str = world.real(API) + where

    def fetch(self, origin: str, path: str, options: dict[str, Any]) -> Any:
        """What a page of `origin` gets; of a refusal, the reason on the browser's console."""
        answer = self.world.page(origin).evaluate(FETCH, [self.url + path, options])
        if isinstance(answer, dict):
            return self.world.named(answer)
        assert answer == "TypeError: Failed to fetch"
        return self.world.named(self._reason())

    def _reason(self) -> str:
        console = self.world.console
        if not any(map(self._is_refusal, console)):
            # The console may be a little later than the page.
            self.world.context.wait_for_event(
                "console", lambda message: self._is_refusal(message.text), timeout=PATIENCE * 1000
            )
        text = next(filter(self._is_refusal, console))
        console.remove(text)
        return ADVICE.sub("", text.partition(REFUSAL)[2])

    def _is_refusal(self, text: str) -> bool:
        return f"{self.url}/" in text and REFUSAL in text

    def socket(self, origin: str) -> list[str]:
        """The events of a WebSocket that a page of `origin` opens."""
        events: list[str] = self.world.page(origin).evaluate(SOCKET, f"ws{self.url.removeprefix('http')}/ws")
        return events

    def seen(self) -> list[str]:
        return self.world.client.get(f"{self.where}/seen").raise_for_status().text.splitlines()


@pytest.fixture(scope="module")
def world(browser: "Browser", server: Server) -> Iterator[World]:
    with ExitStack() as stack:
        home, neighbour = stack.enter_context(foreign_site()), stack.enter_context(foreign_site())
        client = stack.enter_context(httpx2.Client(base_url=server.url, timeout=PATIENCE))
        origins = {
            HOME: f"http://localhost:{home}",
            NEIGHBOUR: f"http://localhost:{neighbour}",
            STRANGER: f"http://127.0.0.1:{home}",
            API: f"http://localhost:{server.port}",
            AWAY: f"http://127.0.0.1:{server.port}",
        }
        yield World(browser.new_context(), client, origins)


def fetch(path: str = "/item", at: str = HOME, **options: Any) -> Fetch:
    return Fetch(at, path, options)


def cors(**options: Any) -> Layer:
    """The middleware; it lists HOME if it is not told otherwise."""
    return "cors", {"allow_origins": [HOME], **options}


def read(body: str, headers: dict[str, Any] | None = None, *, status: int = 200, kind: str = TEXT) -> dict[str, Any]:
    """An answer that the page can read. `headers`: those besides the two that Fetch lets through by itself here."""
    headers = {"content-length": str(len(body)), "content-type": kind, **(headers or {})}
    return {"type": "cors", "status": status, "headers": headers, "body": body}


ANYONE = cors(allow_origins=["*"])
# Any origin, together with cookies: what nobody should want.
ANYONE_AS_THE_USER = cors(
    allow_origins=["*"], allow_credentials=True, dangerously_allow_any_origin_with_credentials=True
)
WRITES: dict[str, Any] = {"allow_methods": ["PUT", "DELETE"], "allow_headers": ["X-Own"]}
PUT: dict[str, Any] = {"method": "PUT", "headers": {"X-Own": "1"}}
INCLUDE: dict[str, Any] = {"credentials": "include"}

# The reasons of refusals, as the console tells them.
NOT_NAMED = "No 'Access-Control-Allow-Origin' header"
OTHER_NAMED = (
    "The 'Access-Control-Allow-Origin' header has a value '<home>' that is not equal to the supplied origin. "
    "Have the server send the header with a valid value."
)
NO_CREDENTIALS = (
    "The value of the 'Access-Control-Allow-Credentials' header in the response is '' which must be 'true' "
    "when the request's credentials mode is 'include'."
)
NO_WILDCARD = (
    "The value of the 'Access-Control-Allow-Origin' header in the response must not be the wildcard '*' "
    "when the request's credentials mode is 'include'."
)
PREFLIGHT = "Response to preflight request doesn't pass access control check: "
# What a method or a header is refused with: the origin passed.
NOT_OK = f"{PREFLIGHT}It does not have HTTP ok status."

ASKED = f"OPTIONS /item{KEPT}"
GOT, PUTTED, DELETED = "GET /item", "PUT /item, x-own: 1", "DELETE /item"
WITH_COOKIE = "GET /item, cookie: user=Ada"
OPAQUE = {"type": "opaque", "status": 0, "headers": {}, "body": ""}

SIMPLE: Rows = {
    "a listed origin reads, and without the middleware nobody does": (
        [fetch()],
        Under([cors()], [read(GOT)], [GOT]),
        Under([], [NOT_NAMED], [GOT]),
    ),
    "a foreign page's GET reaches the application, but the page cannot read": (
        [fetch(at=STRANGER)],
        Under([cors()], [NOT_NAMED], [GOT]),
        Under([cors(allow_origins=[STRANGER])], [read(GOT)], [GOT]),
        Under([ANYONE], [read(GOT)], [GOT]),
    ),
    "another port of the same host is another origin": (
        [fetch(at=NEIGHBOUR)],
        Under([cors()], [NOT_NAMED], [GOT]),
        Under([cors(allow_origins=["http://localhost:*"])], [read(GOT)], [GOT]),
    ),
    "without CORS the page gets a response of which it knows nothing, whatever is allowed": (
        [fetch(at=STRANGER, mode="no-cors")],
        Under([cors()], [OPAQUE], [GOT]),
        Under([ANYONE], [OPAQUE], [GOT]),
    ),
    "what a form could send needs no preflight, so a foreign POST arrives": (
        [fetch(at=STRANGER, method="POST", body="text")],
        Under([cors()], [NOT_NAMED], ["POST /item"]),
        Under([ANYONE], [read("POST /item")], ["POST /item"]),
    ),
}

PREFLIGHTS: Rows = {
    "one preflight for two PUTs within max_age, two where it is 0": (
        [fetch(**PUT), fetch(**PUT)],
        Under([cors(**WRITES)], [read(PUTTED), read(PUTTED)], [ASKED, PUTTED, PUTTED]),
        Under([cors(max_age=0, **WRITES)], [read(PUTTED), read(PUTTED)], [ASKED, PUTTED, ASKED, PUTTED]),
    ),
    "a list answers for all that it names, `*` for what was asked": (
        [fetch(**PUT), fetch(method="DELETE")],
        Under([cors(**WRITES)], [read(PUTTED), read(DELETED)], [ASKED, PUTTED, DELETED]),
        Under(
            [cors(allow_methods=["*"], allow_headers=["*"])],
            [read(PUTTED), read(DELETED)],
            [ASKED, PUTTED, ASKED, DELETED],
        ),
    ),
    "a foreign PUT never reaches the application": (
        [fetch(at=STRANGER, **PUT)],
        Under([cors(**WRITES)], [PREFLIGHT + NOT_NAMED], [ASKED]),
        Under([cors(allow_origins=[STRANGER], **WRITES)], [read(PUTTED)], [ASKED, PUTTED]),
    ),
    "nor does a method that is not allowed, and the refusal is not kept": (
        [fetch(**PUT), fetch(**PUT)],
        Under([cors(allow_headers=["X-Own"])], [NOT_OK, NOT_OK], [ASKED, ASKED]),
        Under([cors(**WRITES)], [read(PUTTED), read(PUTTED)], [ASKED, PUTTED, PUTTED]),
    ),
    "nor does a header that is not allowed": (
        [fetch(**PUT)],
        Under([cors(allow_methods=["PUT"], allow_headers=["X-Other"])], [NOT_OK], [ASKED]),
        Under([cors(allow_methods=["PUT"], allow_headers=["X-Other", "X-Own"])], [read(PUTTED)], [ASKED, PUTTED]),
    ),
    "methods are compared as they are written": (
        [fetch(method="patch"), fetch(method="PATCH"), fetch(method="put")],
        Under(
            [cors(allow_methods=["PATCH", "PUT"])],
            [NOT_OK, read("PATCH /item"), read("PUT /item")],
            # The list that came with PATCH answers for PUT, as which the browser sends `put`.
            [ASKED, ASKED, "PATCH /item", "PUT /item"],
        ),
    ),
    "JSON needs a preflight, and the name Content-Type is always allowed": (
        [fetch(method="POST", body="{}", headers={"Content-Type": "application/json"})],
        Under([cors()], [read("POST /item")], [ASKED, "POST /item"]),
    ),
    "Authorization is allowed by `*`, and the preflight is without it": (
        [fetch(headers={"Authorization": "Bearer x"})],
        Under([cors()], [NOT_OK], [ASKED]),
        Under(
            [cors(allow_headers=["*"])],
            [read("GET /item, authorization: Bearer x")],
            [ASKED, "GET /item, authorization: Bearer x"],
        ),
    ),
}

# Both stars stand for everything only where no cookie goes along.
BY_HAND_WITH_STARS: Own = {
    HOME: {
        "access-control-allow-origin": HOME,
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "*",
        "access-control-allow-headers": "*",
    }
}
CREDENTIALS: Rows = {
    "a cookie goes along, and the page reads, where the origin is listed with credentials": (
        [fetch(**INCLUDE), fetch()],
        Under([cors(allow_credentials=True)], [read(WITH_COOKIE), read(GOT)], [WITH_COOKIE, GOT]),
        Under([cors()], [NO_CREDENTIALS, read(GOT)], [WITH_COOKIE, GOT]),
        Under([ANYONE], [NO_WILDCARD, read(GOT)], [WITH_COOKIE, GOT]),
    ),
    "another origin of the same site sends the cookie too, and must not read": (
        [fetch(at=NEIGHBOUR, **INCLUDE)],
        Under([cors(allow_credentials=True)], [NOT_NAMED], [WITH_COOKIE]),
        Under([ANYONE_AS_THE_USER], [read(WITH_COOKIE)], [WITH_COOKIE]),
    ),
    "a cookie that is SameSite=Lax stays away from another site's fetch, whatever is allowed": (
        [fetch(at=STRANGER, **INCLUDE)],
        Under([cors(allow_credentials=True)], [NOT_NAMED], [GOT]),
        Under([ANYONE_AS_THE_USER], [read(GOT)], [GOT]),
    ),
    "the preflight has no cookie, and without credentials refuses for the request": (
        [fetch(**PUT, **INCLUDE)],
        Under([cors(**WRITES)], [PREFLIGHT + NO_CREDENTIALS], [ASKED]),
        Under(
            [cors(allow_credentials=True, **WRITES)],
            [read("PUT /item, cookie: user=Ada, x-own: 1")],
            [ASKED, "PUT /item, cookie: user=Ada, x-own: 1"],
        ),
    ),
    "with credentials the browser takes `*` for a name, so `*` is answered with what was asked": (
        [fetch(method="PUT", **INCLUDE), fetch(headers={"X-Own": "1"}, **INCLUDE)],
        Under(
            [cors(allow_credentials=True, allow_methods=["*"], allow_headers=["*"])],
            [read("PUT /item, cookie: user=Ada"), read(f"{WITH_COOKIE}, x-own: 1")],
            [ASKED, "PUT /item, cookie: user=Ada", ASKED, f"{WITH_COOKIE}, x-own: 1"],
        ),
        Under(
            [],
            [
                "Method PUT is not allowed by Access-Control-Allow-Methods in preflight response.",
                "Request header field x-own is not allowed by Access-Control-Allow-Headers in preflight response.",
            ],
            ["OPTIONS /item", "OPTIONS /item"],
            BY_HAND_WITH_STARS,
        ),
    ),
}

EXPOSED: Rows = {
    "only the headers that are exposed are readable": (
        [fetch()],
        Under([cors()], [read(GOT)], [GOT]),
        Under([cors(expose_headers=["X-Own"])], [read(GOT, {"x-own": "mine"})], [GOT]),
        Under([cors(expose_headers=["X-Missing", "Vary"])], [read(GOT, {"vary": "Origin"})], [GOT]),
        Under(
            [cors(expose_headers=["*"])],
            [
                read(
                    GOT,
                    {
                        "access-control-allow-origin": HOME,
                        "access-control-expose-headers": "*",
                        "date": ANY,
                        "server": "uvicorn",
                        "vary": "Origin",
                        "x-own": "mine",
                    },
                )
            ],
            [GOT],
        ),
    ),
}

FROM_NULL = f"{GOT}, origin: null"
NULL_ORIGIN: Rows = {
    "a sandboxed frame is refused, though it stands in the page of a listed origin": (
        [fetch(at=NULL)],
        Under([cors()], [NOT_NAMED], [FROM_NULL]),
        Under([cors(dangerously_allow_null_origin=True)], [read(FROM_NULL)], [FROM_NULL]),
        Under([ANYONE], [read(FROM_NULL)], [FROM_NULL]),
    ),
    "a regular expression that takes everything does not take null": (
        [fetch(at=NULL), fetch(at=STRANGER)],
        Under([cors(allow_origin_regex=".*")], [NOT_NAMED, read(GOT)], [FROM_NULL, GOT]),
    ),
    "nor does a preflight": (
        [fetch(at=NULL, **PUT)],
        Under([cors(**WRITES)], [PREFLIGHT + NOT_NAMED], [f"OPTIONS /item, origin: null{KEPT}"]),
        Under(
            [cors(dangerously_allow_null_origin=True, **WRITES)],
            [read(f"{PUTTED}, origin: null")],
            [f"OPTIONS /item, origin: null{KEPT}", f"{PUTTED}, origin: null"],
        ),
    ),
}

REDIRECTS: Rows = {
    "a redirect is followed for an allowed origin, and for another ends where it began": (
        [fetch("/redirect")],
        Under([cors()], [read(GOT)], ["GET /redirect", GOT]),
        Under([cors(allow_origins=[STRANGER])], [NOT_NAMED], ["GET /redirect"]),
    ),
    "each step of a PUT has a preflight of its own": (
        [fetch("/redirect", **PUT)],
        Under(
            [cors(**WRITES)],
            [read(PUTTED)],
            [f"OPTIONS /redirect{KEPT}", "PUT /redirect, x-own: 1", ASKED, PUTTED],
        ),
    ),
    "on to another origin, the page's own counts no more: it becomes null": (
        [fetch("/away")],
        Under([cors()], [NOT_NAMED], ["GET /away", FROM_NULL]),
        Under([cors(dangerously_allow_null_origin=True)], [read(FROM_NULL)], ["GET /away", FROM_NULL]),
        Under([ANYONE], [read(FROM_NULL)], ["GET /away", FROM_NULL]),
    ),
}

ID: Layer = ("request_id", {})
ERRORS: Layer = ("errors", {})
PROBLEM = '{"type": "about:blank", "title": "Internal Server Error", "status": 500, "request_id": "the-id"}'
CRASHED: dict[str, Any] = {"status": 500, "kind": "application/problem+json"}
CRASHES: Rows = {
    "a crash is readable where errors stands inside cors, and with it the ID if it is exposed": (
        [fetch("/crash")],
        Under(
            [ID, cors(expose_headers=["X-Request-ID"]), ERRORS],
            [read(PROBLEM, {"x-request-id": "the-id"}, **CRASHED)],
            ["GET /crash"],
        ),
        Under([ID, cors(), ERRORS], [read(PROBLEM, **CRASHED)], ["GET /crash"]),
        Under([ID, cors(expose_headers=["X-Request-ID"])], [NOT_NAMED], ["GET /crash"]),
        Under([ID, ERRORS, cors(expose_headers=["X-Request-ID"])], [NOT_NAMED], ["GET /crash"]),
    ),
    "after a preflight that was answered, too": (
        [fetch("/crash", **PUT)],
        Under(
            [ID, cors(**WRITES), ERRORS],
            [read(PROBLEM, **CRASHED)],
            [f"OPTIONS /crash{KEPT}", "PUT /crash, x-own: 1"],
        ),
        Under([ID, ERRORS, cors(**WRITES)], [NOT_NAMED], [f"OPTIONS /crash{KEPT}", "PUT /crash, x-own: 1"]),
    ),
    "a foreign page reads nothing of it": (
        [fetch("/crash", at=STRANGER)],
        Under([ID, cors(), ERRORS], [NOT_NAMED], ["GET /crash"]),
        Under([ID, ANYONE, ERRORS], [read(PROBLEM, **CRASHED)], ["GET /crash"]),
    ),
}

BOTH = cors(allow_origins=[HOME, NEIGHBOUR])
# What is often written by hand: the origin's name on the response, and no Vary.
BY_HAND: Own = {origin: {"access-control-allow-origin": origin} for origin in (HOME, NEIGHBOUR)}
# The same with Vary, but only where there is an origin to name; and never on a 304, as also below.
BY_HAND_WITH_VARY: Own = {origin: {**headers, "vary": "Origin"} for origin, headers in BY_HAND.items()}
FRESH = read("GET /fresh", {"cache-control": "max-age=600"})
CHECKED = read("GET /checked", {"cache-control": "no-cache"})
AGAIN = 'GET /checked, if-none-match: "1"'
CACHE: Rows = {
    "an answer that the browser keeps for one origin is not served to another": (
        [fetch("/fresh"), fetch("/fresh"), fetch("/fresh", at=NEIGHBOUR), fetch("/fresh", at=NEIGHBOUR)],
        Under([BOTH], [FRESH, FRESH, FRESH, FRESH], ["GET /fresh", "GET /fresh"]),
        Under([], [FRESH, FRESH, OTHER_NAMED, OTHER_NAMED], ["GET /fresh"], BY_HAND),
    ),
    "nor is one that was asked for without an Origin": (
        [fetch("/fresh", mode="no-cors"), fetch("/fresh")],
        Under([cors()], [OPAQUE, FRESH], ["GET /fresh", "GET /fresh"]),
        Under([], [OPAQUE, NOT_NAMED], ["GET /fresh"], BY_HAND_WITH_VARY),
    ),
    "under `*` one kept answer is right for all": (
        [fetch("/fresh"), fetch("/fresh", at=NEIGHBOUR)],
        Under([ANYONE], [FRESH, FRESH], ["GET /fresh"]),
    ),
    "a 304 names the origin that asks now, not the one for which the body was kept": (
        [fetch("/checked"), fetch("/checked", at=NEIGHBOUR), fetch("/checked")],
        Under([BOTH], [CHECKED, CHECKED, CHECKED], ["GET /checked", AGAIN, AGAIN]),
        Under([], [CHECKED, OTHER_NAMED, CHECKED], ["GET /checked", AGAIN, AGAIN], BY_HAND_WITH_VARY),
    ),
    "and to an origin that is refused it gives nothing": (
        [fetch("/checked"), fetch("/checked", at=NEIGHBOUR), fetch("/checked")],
        Under([cors()], [CHECKED, OTHER_NAMED, CHECKED], ["GET /checked", AGAIN, AGAIN]),
        Under([BOTH], [CHECKED, CHECKED, CHECKED], ["GET /checked", AGAIN, AGAIN]),
    ),
}

TABLES: dict[str, Rows] = {
    "simple": SIMPLE,
    "preflight": PREFLIGHTS,
    "credentials": CREDENTIALS,
    "exposed": EXPOSED,
    "null": NULL_ORIGIN,
    "redirect": REDIRECTS,
    "crash": CRASHES,
    "cache": CACHE,
}
ROWS = {f"{name}: {says}": row for name, table in TABLES.items() for says, row in table.items()}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_what_the_page_gets_and_the_server_sees(world: World, row: Row) -> None:
    fetches, *outcomes = row
    for expected in outcomes:
        mount = world.mount(expected.layers, expected.own)
        answers = [mount.fetch(*each) for each in fetches]
        assert (answers, mount.seen()) == (expected.answers, expected.seen)


def test_no_row_only_refuses() -> None:
    """A page that can read nothing at all fails every row."""
    for says, (_, *outcomes) in ROWS.items():
        assert any(isinstance(answer, dict) for outcome in outcomes for answer in outcome.answers), says


def echoed(line: str) -> list[str]:
    return ["open", f"{line}, hello", "close 1000"]


NO_SOCKET = ["error", "close 1006"]
CHECK_ANYONE = cors(allow_origins=["*"], websocket="check")
IGNORE = cors(websocket="ignore")
# Browsers ask no preflight for a socket, and send the cookie as to any page of the same site.
AS_USER, AS_NOBODY = "websocket /ws, cookie: user=Ada", "websocket /ws"
AS_NULL = "websocket /ws, origin: null"

SOCKETS: dict[str, tuple[str, *tuple[Under, ...]]] = {
    "a foreign page is refused before the application is asked, though the user's cookie came along": (
        NEIGHBOUR,
        Under([cors()], NO_SOCKET, [AS_USER + KEPT]),
        Under([IGNORE], echoed(AS_USER), [AS_USER]),
        Under([], echoed(AS_USER), [AS_USER]),
    ),
    "so is one of another site": (
        STRANGER,
        Under([cors()], NO_SOCKET, [AS_NOBODY + KEPT]),
        Under([cors(allow_origins=["http://127.0.0.1:*"])], echoed(AS_NOBODY), [AS_NOBODY]),
    ),
    "a listed page is echoed": (
        HOME,
        Under([cors()], echoed(AS_USER), [AS_USER]),
        Under([cors(allow_origins=[STRANGER])], NO_SOCKET, [AS_USER + KEPT]),
    ),
    "`*` says nothing of sockets: it lets all of them pass, or with a check the same host alone": (
        NEIGHBOUR,
        Under([ANYONE], echoed(AS_USER), [AS_USER]),
        Under([CHECK_ANYONE], NO_SOCKET, [AS_USER + KEPT]),
    ),
    "a page of the same host passes without being listed": (
        API,
        Under([cors()], echoed(AS_USER), [AS_USER]),
        Under([cors(allow_origins=[])], echoed(AS_USER), [AS_USER]),
        Under([CHECK_ANYONE], echoed(AS_USER), [AS_USER]),
    ),
    "the same server under another name is another host": (
        AWAY,
        Under([cors()], NO_SOCKET, [AS_NOBODY + KEPT]),
        Under([cors(allow_origins=[AWAY])], echoed(AS_NOBODY), [AS_NOBODY]),
    ),
    "a sandboxed frame is refused, though it stands in the page of a listed origin": (
        NULL,
        Under([cors()], NO_SOCKET, [AS_NULL + KEPT]),
        Under([cors(dangerously_allow_null_origin=True)], echoed(AS_NULL), [AS_NULL]),
    ),
}


@pytest.mark.parametrize("row", SOCKETS.values(), ids=SOCKETS.keys())
def test_which_pages_get_a_socket(world: World, row: tuple[str, *tuple[Under, ...]]) -> None:
    origin, *outcomes = row
    for expected in outcomes:
        mount = world.mount(expected.layers, expected.own)
        assert (mount.socket(origin), mount.seen()) == (expected.answers, expected.seen)
