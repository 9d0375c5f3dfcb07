"""Sessions in a real Chromium: what it keeps, for how long, what it sends to whom, and that a logout leaves nothing.

Rows mount an application of their own under SessionMiddleware (sessioned.py) behind a real uvicorn. What the browser
keeps is compared as a whole, but for the value, and with the time that is left rounded to minutes. What it sends is
what the application says of whose session came.

    http://localhost        the server; Chromium takes it for trustworthy, and keeps Secure cookies without TLS
    https://localhost       the same application behind TLS, with a certificate of its own
    http://127.0.0.1        another site
    http://*.test           the server under names, none of which is trustworthy
"""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from .browsing import PATIENCE, foreign_site, profile
from .redis_servers import until
from .serving import Server, serving
from .session_sites import FORTNIGHT, WITH_BROWSER, Servers, Site, cookie, cookies, own_certificate, the_cookie

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = pytest.mark.browser

COMMAND = ["uvicorn", "tests.sessioned:app", "--port", "0"]

HOUR = 60
LARGEST = 4093  # bytes of Set-Cookie, as much as a session in a cookie may take
KEPT = 4096  # bytes of name and value, as much as Chromium keeps

ADA: dict[str, Any] = {"user": "ada"}
NOBODY: dict[str, Any] = {}

# Sent from a page, whoever may read the answer.
SEND = "([url, options]) => fetch(url, {mode: 'no-cors', credentials: 'include', ...options}).then(() => null)"
LINK = "url => { location = url }"
FORM = """url => {
    const form = document.createElement("form");
    form.method = "POST";
    form.action = url;
    document.body.append(form);
    form.submit();
}"""
FRAME = """url => new Promise(done => {
    const frame = document.createElement("iframe");
    frame.src = url;
    frame.onload = () => done();
    document.body.append(frame);
})"""
# What the application says first; the socket stays open in `window`.
SOCKET = """url => new Promise((done, failed) => {
    window.socket = new WebSocket(url);
    window.socket.onmessage = event => done(JSON.parse(event.data));
    window.socket.onerror = () => failed("no socket");
})"""
CLOSE = "() => new Promise(done => { window.socket.onclose = () => done(); window.socket.close() })"


@pytest.fixture(scope="module")
def servers(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    certificate = tmp_path_factory.mktemp("tls") / "certificate.pem"
    certificate.write_bytes(own_certificate())
    with (
        serving([*COMMAND, "--ssl-certfile", str(certificate)]) as tls,
        httpx2.Client(base_url=server.url, timeout=PATIENCE) as http,
        httpx2.Client(base_url=f"https://127.0.0.1:{tls.port}", timeout=PATIENCE, verify=False) as https,
    ):
        yield Servers(http, https)


@pytest.fixture
def context(browser: "Browser") -> "Iterator[BrowserContext]":
    opened = browser.new_context(ignore_https_errors=True)
    yield opened
    opened.close()


@pytest.fixture
def page(context: "BrowserContext") -> "Page":
    return context.new_page()


HTTP, TLS, NAMED, NAMED_TLS = (
    "http://localhost",
    "https://localhost",
    "http://app.example.test",
    "https://app.example.test",
)
ATTRIBUTES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "nothing but a key": (HTTP, {}, cookie()),
    "https makes it Secure": (TLS, {}, cookie(secure=True)),
    "https, and told not to": (TLS, {"https_only": False}, cookie()),
    "strict": (HTTP, {"same_site": "strict"}, cookie(sameSite="Strict")),
    "none": (TLS, {"same_site": "none"}, cookie(sameSite="None", secure=True)),
    "none on http, where the browser trusts localhost": (
        HTTP,
        {"same_site": "none"},
        cookie(sameSite="None", secure=True),
    ),
    "__Host-": (TLS, {"session_cookie": "__Host-s"}, cookie(name="__Host-s", secure=True)),
    "__Host- on http, where the browser trusts localhost": (
        HTTP,
        {"session_cookie": "__Host-s"},
        cookie(name="__Host-s", secure=True),
    ),
    "__Secure-, of a path": (
        TLS,
        {"session_cookie": "__Secure-s", "path": "<name>"},
        cookie(name="__Secure-s", path="<name>", secure=True),
    ),
    "a path": (HTTP, {"path": "<name>"}, cookie(path="<name>")),
    "a host's own": (NAMED, {}, cookie(domain="app.example.test")),
    "a domain's": (NAMED, {"domain": "example.test"}, cookie(domain=".example.test")),
    "partitioned": (TLS, {"partitioned": True}, cookie(secure=True, partitionKey="https://localhost")),
    "partitioned, of a domain and a path": (
        NAMED_TLS,
        {"partitioned": True, "domain": "example.test", "path": "<name>", "same_site": "none"},
        cookie(
            domain=".example.test", path="<name>", secure=True, sameSite="None", partitionKey="https://example.test"
        ),
    ),
    "an hour": (HTTP, {"max_age": 3600}, cookie(expires=HOUR)),
    "until the browser ends": (HTTP, {"max_age": None}, cookie(expires=WITH_BROWSER)),
    "encrypted": (HTTP, {"encrypt": True}, cookie()),
    "in a store": (HTTP, {"store": ["memory"]}, cookie()),
    "in a store, with every attribute": (
        TLS,
        {"store": ["memory"], "partitioned": True, "path": "<name>", "max_age": 3600, "same_site": "strict"},
        cookie(path="<name>", expires=HOUR, secure=True, sameSite="Strict", partitionKey="https://localhost"),
    ),
}


@pytest.mark.parametrize(("origin", "options", "expected"), ATTRIBUTES.values(), ids=ATTRIBUTES.keys())
def test_what_is_kept_from_login_to_logout(
    servers: Servers, context: "BrowserContext", origin: str, options: dict[str, Any], expected: dict[str, Any]
) -> None:
    page, site = context.new_page(), servers.mount(origin, **options)
    expected = {**expected, "path": expected["path"].replace("<name>", f"/{site.name}")}
    assert cookies(context) == []

    assert site.get(page, "/login/ada") == ADA
    assert cookies(context) == [expected]
    assert page.evaluate("document.cookie") == ""  # HttpOnly: no script sees it
    assert site.get(page, "/read") == ADA

    assert site.get(page, "/logout") == NOBODY
    assert cookies(context) == []
    assert site.get(page, "/read") == NOBODY


@pytest.mark.parametrize(
    "options",
    [{"session_cookie": "__Host-s"}, {"session_cookie": "__Secure-s"}, {"same_site": "none"}, {"partitioned": True}],
    ids=["__Host-", "__Secure-", "none", "partitioned"],
)
def test_what_must_be_secure_is_not_kept_on_http(
    servers: Servers, context: "BrowserContext", options: dict[str, Any]
) -> None:
    """The control of the rows above: the browser is strict where it does not trust the name."""
    page, site = context.new_page(), servers.mount(NAMED, **options)
    assert site.get(page, "/login/ada") == ADA
    assert cookies(context) == []
    assert site.get(page, "/read") == NOBODY


def test_a_domain_s_session_is_everybody_s_there_and_a_host_s_its_own(servers: Servers, page: "Page") -> None:
    for options, elsewhere in (({"domain": "example.test"}, ADA), ({}, NOBODY)):
        site = servers.mount(NAMED, session_cookie=f"s{len(options)}", **options)
        assert site.get(page, "/login/ada") == ADA
        site.url = site.url.replace("app.", "shop.")
        assert site.get(page, "/read") == elsewhere


KINDS: dict[str, dict[str, Any]] = {
    "signed": {},
    "encrypted": {"encrypt": True},
    "in a store": {"store": ["memory"]},
}
# Options, the path of the login, what is kept then, and who it is after the browser was started again.
RESTARTS: dict[str, tuple[dict[str, Any], str, int, dict[str, Any]]] = {
    "with max_age": ({}, "/login/ada", FORTNIGHT, ADA),
    "without": ({"max_age": None}, "/login/ada", WITH_BROWSER, NOBODY),
    "without, but remembered": ({"max_age": None}, "/login/ada/3600", HOUR, ADA),
    "longer than max_age": ({"max_age": 60}, "/login/ada/3600", HOUR, ADA),
    "shorter": ({}, "/login/ada/3600", HOUR, ADA),
}


def mount_all(client: httpx2.Client, **options: Any) -> dict[str, Site]:
    """A site for each row, with a cookie of its own."""
    origin = f"http://localhost:{client.base_url.port}"
    return {
        row: Site(client, origin, session_cookie=f"s{number}", **options, **own)
        for number, (row, (own, *_)) in enumerate(RESTARTS.items())
    }


def log_in(browser: "Browser", folder: Path, sites: dict[str, Site]) -> dict[str, int]:
    """For how many minutes the browser keeps each."""
    with profile(browser, folder) as context:
        page = context.new_page()
        for row, (_, path, *_) in RESTARTS.items():
            assert sites[row].get(page, path) == ADA
        kept = {found["name"]: found["expires"] for found in cookies(context)}
        return {row: kept[f"s{number}"] for number, row in enumerate(RESTARTS)}


def read(browser: "Browser", folder: Path, sites: dict[str, Site]) -> dict[str, Any]:
    """Who it is in each."""
    with profile(browser, folder) as context:
        page = context.new_page()
        return {row: site.get(page, "/read") for row, site in sites.items()}


MINUTES = {row: minutes for row, (_, _, minutes, _) in RESTARTS.items()}
AFTERWARDS = {row: session for row, (*_, session) in RESTARTS.items()}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
def test_who_is_logged_in_after_a_restart_of_the_browser(
    browser: "Browser", servers: Servers, tmp_path: Path, kind: dict[str, Any]
) -> None:
    sites = mount_all(servers.http, **kind)
    assert log_in(browser, tmp_path, sites) == MINUTES
    assert read(browser, tmp_path, sites) == AFTERWARDS


def test_who_is_logged_in_after_a_restart_of_browser_and_server(browser: "Browser", tmp_path: Path) -> None:
    folder, kept = tmp_path / "profile", ["sqlite", str(tmp_path / "sessions.db")]
    with serving(COMMAND) as server, httpx2.Client(base_url=server.url, timeout=PATIENCE) as client:
        assert log_in(browser, folder, mount_all(client, store=kept)) == MINUTES
    with serving(COMMAND) as server, httpx2.Client(base_url=server.url, timeout=PATIENCE) as client:
        assert read(browser, folder, mount_all(client, store=kept)) == AFTERWARDS


def came_along(page: "Page", foreign: str, site: Site) -> list[str]:
    """What a page of another site can send to one where Ada is logged in: which of it came as hers."""
    assert site.get(page, "/login/ada") == ADA
    page.goto(foreign)
    page.evaluate(SEND, [f"{site.url}/read/fetch", {}])
    page.evaluate(SEND, [f"{site.url}/read/post", {"method": "POST"}])
    page.evaluate(FRAME, f"{site.url}/page/frame")
    for name, script in (("link", LINK), ("form", FORM)):
        with page.expect_navigation(url=f"{site.url}/page/{name}"):
            page.evaluate(script, f"{site.url}/page/{name}")
        page.goto(foreign)
    lines = [line.rpartition("/")[2].split() for line in site.seen()[1:]]
    assert [name for name, _ in lines] == ["fetch", "post", "frame", "link", "form"]
    return [name for name, user in lines if user == "ada"]


# What comes along where the browser blocks the cookies of other sites, and where it lets them in.
SAME_SITE: dict[str, tuple[dict[str, Any], list[str], list[str]]] = {
    "lax": ({}, ["link"], ["link"]),
    "strict": ({"same_site": "strict"}, [], []),
    "none": ({"same_site": "none"}, ["link", "form"], ["fetch", "post", "frame", "link", "form"]),
    "partitioned": ({"same_site": "none", "partitioned": True}, ["link", "form"], ["link", "form"]),
}


@pytest.mark.parametrize("third_parties", [False, True], ids=["blocked", "let in"])
def test_what_comes_along_from_another_site(
    browser: "Browser", servers: Servers, tmp_path: Path, third_parties: bool
) -> None:
    came: dict[str, list[str]] = {}
    with foreign_site() as port, profile(browser, tmp_path, third_parties=third_parties) as context:
        page = context.new_page()
        for number, (row, (options, *_)) in enumerate(SAME_SITE.items()):
            site = servers.mount(TLS, session_cookie=f"s{number}", **options)
            came[row] = came_along(page, f"http://127.0.0.1:{port}", site)
    assert came == {row: outcomes[third_parties] for row, (_, *outcomes) in SAME_SITE.items()}


def test_a_partitioned_session_is_another_one_below_each_site(
    servers: Servers, context: "BrowserContext", page: "Page"
) -> None:
    site = servers.mount(TLS, same_site="none", partitioned=True)
    own = cookie(secure=True, sameSite="None", partitionKey="https://localhost")
    with foreign_site() as port:
        foreign = f"http://127.0.0.1:{port}"
        assert site.get(page, "/login/ada") == ADA
        page.goto(foreign)
        page.evaluate(SEND, [f"{site.url}/login/eve", {}])
        assert cookies(context) == [own, {**own, "partitionKey": "http://127.0.0.1"}]
        page.evaluate(SEND, [f"{site.url}/read", {}])
        assert site.get(page, "/read") == ADA
        page.goto(foreign)
        page.evaluate(SEND, [f"{site.url}/logout", {}])
        assert cookies(context) == [own]
        assert site.get(page, "/read") == ADA
    asked = ["/login/ada nobody", "/login/eve nobody", "/read eve", "/read ada", "/logout eve", "/read ada"]
    assert site.seen() == [f"GET {line}" for line in asked]


LARGE: dict[str, tuple[dict[str, Any], int]] = {
    "signed": ({"session_cookie": "sessions"}, 2975),  # with eight letters it comes out exactly
    "encrypted": ({"encrypt": True}, 2978),
}


@pytest.mark.parametrize(("options", "size"), LARGE.values(), ids=LARGE.keys())
def test_the_largest_session_that_is_allowed_is_kept(
    servers: Servers, page: "Page", options: dict[str, Any], size: int
) -> None:
    site = servers.mount(HTTP, **options)
    answer = page.goto(f"{site.url}/fill/{size}")
    assert answer is not None
    assert len(answer.all_headers()["set-cookie"]) == LARGEST
    assert site.get(page, "/read") == {"filler": "x" * size}

    # One more is refused by us, and the browser has what it had.
    more = page.goto(f"{site.url}/fill/{size + 1}")
    assert more is not None
    assert more.status == 500
    assert site.get(page, "/read") == {"filler": "x" * size}


def test_the_browser_s_own_limit_is_above_ours(servers: Servers, page: "Page", context: "BrowserContext") -> None:
    """The control: it drops what is too large, and says nothing."""
    page.goto(f"{servers.mount(HTTP).url}/page")
    for size, kept in ((KEPT, ["a"]), (KEPT + 1, [])):
        context.clear_cookies()
        page.evaluate("size => { document.cookie = 'a=' + 'x'.repeat(size - 1) }", size)
        assert [found["name"] for found in cookies(context)] == kept


def test_only_an_encrypted_session_cannot_be_read_in_the_browser(
    servers: Servers, context: "BrowserContext", page: "Page"
) -> None:
    for options, shown in (({}, True), ({"encrypt": True}, False), ({"store": ["memory"]}, False)):
        assert servers.mount(HTTP, **options).get(page, "/login/ada") == ADA
        whole = base64.urlsafe_b64decode(the_cookie(context)["value"].replace(".", "") + "===")
        assert (b"ada" in whole) is shown


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
def test_use_puts_the_end_off_once_a_tenth_has_passed(
    servers: Servers, context: "BrowserContext", page: "Page", kind: dict[str, Any]
) -> None:
    site = servers.mount(HTTP, max_age=3600, rolling=True, **kind)
    site.get(page, "/login/ada")
    ends = [the_cookie(context)["expires"]]
    for seconds in (300, 100, 3500):
        site.later(seconds)
        assert site.get(page, "/read") == ADA
        ends.append(the_cookie(context)["expires"])
    # 300 s are less than a tenth of the hour, 400 s are more; then a new hour begins.
    assert ends[0] == ends[1] < ends[2] < ends[3]
    assert cookies(context) == [cookie(expires=HOUR)]
    site.later(3601)
    assert site.get(page, "/read") == NOBODY


@pytest.mark.parametrize(
    ("options", "late"), [({}, {}), ({"store": ["memory"]}, {"late": True})], ids=["cookie", "store"]
)
def test_a_socket_that_is_accepted_brings_the_cookie(
    servers: Servers, context: "BrowserContext", page: "Page", options: dict[str, Any], late: dict[str, Any]
) -> None:
    """What it changes later reaches no cookie, but the store."""
    site = servers.mount(HTTP, **options)
    page.goto(f"{site.url}/untouched")
    assert cookies(context) == []
    assert page.evaluate(SOCKET, f"ws{site.url.removeprefix('http')}/ws/ada") == ADA
    assert cookies(context) == [cookie()]
    page.evaluate(CLOSE)
    until(lambda: site.get(page, "/read") == {**ADA, **late}, "what the socket left behind is not there")
    assert site.seen()[:1] == ["websocket /ws/ada nobody"]


@pytest.mark.parametrize(("options", "old"), [({}, ADA), ({"store": ["memory"]}, NOBODY)], ids=["cookie", "store"])
def test_a_new_id_makes_the_old_one_nobody_s(
    servers: Servers, browser: "Browser", context: "BrowserContext", page: "Page", options: dict[str, Any], old: Any
) -> None:
    """In a store. A cookie that is the session can be replayed, as the module says."""
    site = servers.mount(HTTP, **options)
    site.get(page, "/login/ada")
    before = context.storage_state()
    planted = the_cookie(context)
    site.later(1)  # a cookie that is made in the same second is the same
    assert site.get(page, "/regenerate") == ADA
    assert the_cookie(context)["value"] != planted["value"]
    assert site.get(page, "/read") == ADA

    thief = browser.new_context(storage_state=before)
    assert site.get(thief.new_page(), "/read") == old
    # It is not deleted: that would take away the new one from a browser whose requests cross each other.
    assert thief.cookies() == [planted]
    thief.close()
    assert site.get(page, "/read") == ADA
