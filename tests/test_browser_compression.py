"""Compression in a real Chromium: what it asks for, what it gets, and that it reads back what the application said.

Behind a real uvicorn stands compressed.py: one application under each coding alone, under all three, and under none.
The page says what the browser decoded; the server says what it was asked and what left, so no row passes because
nothing was compressed.

Chromium offers br and zstd only to secure contexts. http://localhost counts as one; http://insecure.test, which it
reaches through a proxy, does not.
"""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from .browsing import PATIENCE
from .compressed import ETAG, EVENTS, NOTES, PAGE, ROWS, TEXT
from .serving import Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

COMMAND = ["uvicorn", "tests.compressed:app", "--port", "0", "--lifespan", "off"]
CODINGS = ("zstd", "br", "gzip")

SECURE = "gzip, deflate, br, zstd"
INSECURE = "gzip, deflate"
VARY = {"vary": "Accept-Encoding"}
WEAK = f"W/{ETAG}"

FETCH = """async ([url, options]) => {
    const response = await fetch(url, options);
    const { status, headers } = response;
    return [status, headers.get("content-encoding"), headers.get("etag"), await response.text()];
}"""
# Tells the server of each event once the page has it. A server that waits for that sends the next one then.
EVENT_SOURCE = """([url, silent]) => {
    window.seen = [];
    window.opened = window.ended = false;
    window.source = new EventSource(url);
    source.onopen = () => { window.opened = true };
    source.onmessage = event => {
        seen.push(event.data);
        if (!silent) fetch(url, { method: "POST", body: event.data });
    };
    source.onerror = () => { source.close(); window.ended = true };
}"""
ASK_FOR_MORE = "async url => { await fetch(url, { method: 'POST', body: '...' }); return [...seen] }"


class Tab:
    """A page of one origin, and what the server tells of its requests."""

    def __init__(self, page: "Page", origin: str, server: httpx2.Client) -> None:
        self.page = page
        self.origin = origin
        self._server = server
        page.goto(f"{origin}/")

    def fetch(self, path: str, **options: Any) -> list[Any]:
        """What a page reads: the status, Content-Encoding, ETag, and the body."""
        read: list[Any] = self.page.evaluate(FETCH, [self.origin + path, options])
        return read

    def told(self) -> list[dict[str, Any]]:
        """What arrived at the server since the last time, and what left it."""
        exchanges: list[dict[str, Any]] = self._server.get("/told").json()
        return exchanges

    def wait(self, what: str) -> None:
        self.page.wait_for_function(what, timeout=PATIENCE * 1000)


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server.url, timeout=PATIENCE) as made:
        yield made


@pytest.fixture(scope="module")
def shared(browser: "Browser", server: Server, client: httpx2.Client) -> Tab:
    return Tab(browser.new_context().new_page(), f"http://localhost:{server.port}", client)


@pytest.fixture
def tab(shared: Tab) -> Tab:
    """A page on http://localhost. No two tests let the browser keep the same address."""
    shared.told()
    return shared


@pytest.fixture
def insecure(browser: "Browser", server: Server, client: httpx2.Client) -> Iterator[Tab]:
    """A page on an origin that is no secure context. The server is taken for its proxy."""
    context = browser.new_context(proxy={"server": server.url})
    opened = Tab(context.new_page(), "http://insecure.test", client)
    opened.told()
    yield opened
    context.close()


def asked(path: str, method: str = "GET", offers: str = SECURE) -> dict[str, str]:
    return {"asked": f"{method} {path}", "accept-encoding": offers}


def encoded(coding: str, sent: int | None = None, **more: str) -> dict[str, Any]:
    """What left, encoded in one shot, `sent` bytes of it; or as a stream, without a length."""
    length = {} if sent is None else {"content-length": str(sent)}
    return {"status": 200, "answered": {"content-encoding": coding, **VARY, **length, **more}}


@pytest.mark.parametrize("coding", CODINGS)
def test_a_page_is_decoded(tab: Tab, coding: str) -> None:
    response = tab.page.goto(f"{tab.origin}/{coding}/page")
    assert response is not None
    assert response.text() == PAGE
    assert tab.page.evaluate("document.querySelectorAll('tr').length") == len(ROWS.splitlines())
    assert (
        tab.page.evaluate("document.querySelector('table').rows[3999].innerText") == "3999\tÆrø, naïve, 東京: 15992001"
    )
    (page,) = tab.told()
    size = page.pop("sent")
    assert page == {**asked(f"/{coding}/page"), **encoded(coding, size)}
    assert size < len(PAGE.encode()) / 3


@pytest.mark.parametrize("coding", CODINGS)
def test_json_is_decoded_for_a_fetch(tab: Tab, coding: str) -> None:
    status, seen, _, body = tab.fetch(f"/{coding}/notes")
    assert (status, seen, json.loads(body)) == (200, coding, NOTES)
    (notes,) = tab.told()
    size = notes.pop("sent")
    assert notes == {**asked(f"/{coding}/notes"), **encoded(coding, size)}
    assert size < len(body.encode()) / 3


def test_without_the_middleware_nothing_is_encoded(tab: Tab) -> None:
    """The control: what is decoded above is the work of the middleware."""
    status, seen, _, body = tab.fetch("/bare/notes")
    assert (status, seen, json.loads(body)) == (200, None, NOTES)
    size = len(body.encode())
    assert tab.told() == [
        {**asked("/bare/notes"), "sent": size, "status": 200, "answered": {"content-length": str(size)}}
    ]


def test_a_secure_context_gets_zstd(tab: Tab) -> None:
    assert tab.page.evaluate("isSecureContext")
    assert tab.fetch("/all/notes")[:2] == [200, "zstd"]
    (notes,) = tab.told()
    assert notes == {**asked("/all/notes"), "sent": notes["sent"], **encoded("zstd", notes["sent"])}


def test_an_insecure_one_offers_neither_zstd_nor_br_and_gets_gzip(insecure: Tab) -> None:
    assert not insecure.page.evaluate("isSecureContext")
    status, seen, _, body = insecure.fetch("/all/notes")
    assert (status, seen, json.loads(body)) == (200, "gzip", NOTES)
    (notes,) = insecure.told()
    assert notes == {**asked("/all/notes", offers=INSECURE), "sent": notes["sent"], **encoded("gzip", notes["sent"])}


@pytest.mark.parametrize("coding", CODINGS)
def test_each_event_arrives_before_the_next_one_is_sent(tab: Tab, coding: str) -> None:
    """The server waits with the next event for the page's word that it has the last one, and so with the end."""
    path = f"/{coding}/events"
    tab.page.evaluate(EVENT_SOURCE, [tab.origin + path, False])
    tab.wait("window.ended")
    assert tab.page.evaluate("seen") == list(EVENTS)
    stream, *reports = tab.told()
    assert stream.pop("sent") > 0
    assert stream == {**asked(path), **encoded(coding)}
    assert [report["asked"] for report in reports] == [f"POST {path}"] * len(EVENTS)


def test_events_that_are_held_back_are_noticed(tab: Tab) -> None:
    """The control: the page has no event to tell of, so the server would wait for ever, did the page not ask."""
    path = f"{tab.origin}/held/events"
    tab.page.evaluate(EVENT_SOURCE, [path, True])
    tab.wait("window.opened")
    assert [tab.page.evaluate(ASK_FOR_MORE, path) for _ in EVENTS[1:]] == [[], []]
    tab.page.evaluate(ASK_FOR_MORE, path)
    tab.wait("window.ended")
    assert tab.page.evaluate("seen") == list(EVENTS)


@pytest.mark.parametrize("coding", CODINGS)
def test_what_the_cache_keeps_is_revalidated_by_its_weak_etag(tab: Tab, coding: str) -> None:
    """The 304 renews the encoded response that the browser has, and the page reads that decoded."""
    path = f"/{coding}/checked"
    assert [tab.fetch(path) for _ in range(3)] == [[200, coding, WEAK, TEXT]] * 3
    first, *others = tab.told()
    size = first.pop("sent")
    assert 0 < size < len(TEXT) / 3
    assert first == {**asked(path), **encoded(coding, size, etag=WEAK)}
    unchanged = {**asked(path), "if-none-match": WEAK, "status": 304, "answered": {**VARY, "etag": WEAK}, "sent": 0}
    assert others == [unchanged] * 2


@pytest.mark.parametrize("coding", CODINGS)
def test_head_has_the_headers_of_get_and_no_body(tab: Tab, coding: str) -> None:
    path = f"/{coding}/checked"
    options = {"method": "HEAD", "cache": "no-store"}
    assert tab.fetch(path, **options) == [200, coding, WEAK, ""]
    # The connection is in step: the next answer on it is read as what it is.
    assert tab.fetch(path, cache="no-store") == [200, coding, WEAK, TEXT]
    head, get = tab.told()
    assert head == {**asked(path, "HEAD"), **encoded(coding, etag=WEAK), "sent": 0}
    assert get == {**asked(path), **encoded(coding, get["sent"], etag=WEAK), "sent": get["sent"]}


@pytest.mark.parametrize("coding", CODINGS)
def test_a_part_goes_out_as_it_is(tab: Tab, coding: str) -> None:
    """A range is one of the plain bytes. Chromium asks for it without any coding, and a whole one with."""
    path = f"/{coding}/part"
    assert tab.fetch(path, headers={"Range": "bytes=10-49"}) == [206, None, ETAG, TEXT[10:50]]
    assert tab.fetch(path, cache="no-store") == [200, coding, WEAK, TEXT]
    part, whole = tab.told()
    answered = {
        "content-length": "40",
        "content-range": f"bytes 10-49/{len(TEXT)}",
        "accept-ranges": "bytes",
        "etag": ETAG,
    }
    assert part == {
        **asked(path, offers="identity"),
        "range": "bytes=10-49",
        "status": 206,
        "answered": answered,
        "sent": 40,
    }
    assert whole == {**asked(path), **encoded(coding, whole["sent"], etag=WEAK), "sent": whole["sent"]}
