"""A real Django project with the drop-in, `tests/django_project`, on every server.

    python -m pytest -m hosts tests/hosts/test_django_on_hosts.py

Needs the extra `hosts`; what is not installed is skipped by name.
"""

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.serving import ROOT, serving

from .checks import PATIENCE, Client, Host, Reply, framing
from .servers import KINDS, Pair, Running, start
from .stacks import ORIGIN

pytestmark = pytest.mark.hosts

SETTINGS = "tests.django_project.settings"
PAGE = b"A page of words that compress well. " * 100
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
COMPLAINT = re.compile(r"Traceback|\b(?:ERROR|WARNING|CRITICAL)\b|Error:|Warning:")


@dataclass
class Site:
    """The project on one server."""

    running: Running
    protocol: str

    def client(self) -> Any:
        return Client(Host(self.running.url, {}, self.protocol)) if self.protocol != "h3" else OverQuic(self.running)


class OverQuic:
    """`Client` for HTTP/3: keeps cookies, asks without a body."""

    def __init__(self, running: Running) -> None:
        self._port = running.port
        self._cookies: dict[str, str] = {}

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None) -> Reply:
        from . import http3

        cookie = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        sent = {"Origin": ORIGIN, "Accept-Encoding": "gzip", "Cookie": cookie, **(headers or {})}
        reply = http3.ask(self._port, path, sent, method=method)
        for line in reply.header("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self._cookies[name] = value
        return reply

    def __enter__(self) -> "OverQuic":
        return self

    def __exit__(self, *_error: object) -> None: ...


def command(kind: str, target: str, folder: Path) -> Callable[[int], list[str]]:
    """How a server is started here: uvicorn told to insist on lifespan, Hypercorn with HTTP/3 on the same port."""

    def words(port: int) -> list[str]:
        if kind.startswith("uvicorn"):
            return [*KINDS[kind].command(target, port), "--lifespan", "on"]
        if kind != "hypercorn" or importlib.util.find_spec("aioquic") is None:
            return KINDS[kind].command(target, port)
        from .http3 import certificate

        signed, key = certificate(folder)
        address = f"127.0.0.1:{port}"
        binds = ["--bind", "127.0.0.1:0", "--insecure-bind", address, "--quic-bind", address]
        return ["hypercorn", *binds, "--certfile", str(signed), "--keyfile", str(key), target]

    return words


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the project's database is, made by its own commands."""
    pytest.importorskip("django", reason="Django is not installed: the extra `hosts`")
    folder = tmp_path_factory.mktemp("project")
    environment = {**os.environ, "PROJECT_FOLDER": str(folder), "DJANGO_SUPERUSER_PASSWORD": "lovelace"}
    for words in (["migrate"], ["createsuperuser", "--noinput", "--username", "ada", "--email", "ada@example.com"]):
        asked = [sys.executable, "-m", "django", *words, "--settings", SETTINGS, "--verbosity", "0"]
        subprocess.run(asked, cwd=ROOT, env=environment, check=True)
    return folder


def serve(kind: str, target: str, folder: Path, name: str = "alone") -> Running:
    """The project, or another target, on a server of this kind; `name` is for its log."""
    pair = Pair(kind, "django", name)
    if missing := pair.missing():
        pytest.skip(f"{missing} is not installed; the extra `hosts` has it")
    told = {"PROJECT_FOLDER": str(folder), "DJANGO_SETTINGS_MODULE": SETTINGS}
    return start(pair, folder, command=command(kind, target, folder), environment=told)


class Servers:
    """The project on a server of each kind, started when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, Running] = {}

    def get(self, kind: str) -> Running:
        if kind not in self._running:
            self._running[kind] = serve(kind, "tests.django_project.asgi:application", self._folder, "shared")
        return self._running[kind]

    def stopped(self, kind: str) -> Running:
        """What ran, with all that it has ever printed."""
        server = self._running.pop(kind)
        server.stop()
        return server

    def stop(self) -> None:
        with ThreadPoolExecutor() as pool:
            list(pool.map(Running.stop, self._running.values()))


@pytest.fixture(scope="module")
def servers(folder: Path) -> Iterator[Servers]:
    running = Servers(folder)
    yield running
    running.stop()


SITES = [(kind, protocol) for kind in KINDS for protocol in KINDS[kind].protocols] + [("hypercorn", "h3")]
CLIENTS = {"h1": (), "h2": ("httpx", "h2"), "h3": ("aioquic",)}
EVERY_SERVER = pytest.mark.parametrize("kind", list(KINDS))


@pytest.fixture(params=SITES, ids="-".join)
def site(request: pytest.FixtureRequest, servers: Servers) -> Site:
    """The project on each server, by each protocol that it speaks here."""
    kind, protocol = request.param
    for package in CLIENTS[protocol]:
        pytest.importorskip(package, reason=f"the client of {protocol} is {package}, of the extra `hosts`")
    return Site(servers.get(kind), protocol)


def owed(reply: Reply) -> dict[str, list[str]]:
    """What the stack owes to a response."""
    names = ("access-control-allow-origin", "x-request-id", "x-route", "content-encoding")
    return {name: reply.header(name) for name in names}


def told(site: Site, reply: Reply) -> str:
    """How a response says where it ends. HTTP/3 has frames, as HTTP/2 has."""
    protocol = "h2" if site.protocol == "h3" else site.protocol
    return framing(reply, Host("", {}, protocol))


@pytest.mark.parametrize("path", ["/", "/async"])
def test_a_page_has_one_length_which_is_right(site: Site, path: str) -> None:
    with site.client() as client:
        for coding in ("identity", "gzip"):
            reply = client.ask("GET", path, {"Accept-Encoding": coding, "X-Request-ID": "known"})
            assert (reply.status, reply.body, told(site, reply)) == (200, PAGE, "length")
            assert owed(reply) == {
                "access-control-allow-origin": [ORIGIN],
                "x-request-id": ["known"],
                "x-route": [path],
                "content-encoding": ["gzip"] if coding == "gzip" else [],
            }


def test_a_session_is_kept(site: Site) -> None:
    with site.client() as client, site.client() as stranger:
        replies = [client.ask("GET", path) for path in ("/visits", "/visits-async", "/visits")]
        assert [json.loads(reply.body) for reply in replies] == [{"visits": number} for number in (1, 2, 3)]
        assert json.loads(stranger.ask("GET", "/visits").body) == {"visits": 1}


def test_a_stream_is_whole(site: Site) -> None:
    with site.client() as client:
        reply = client.ask("GET", "/stream")
    assert (reply.status, reply.body) == (200, b"the first part and the second and the last")
    assert told(site, reply) == ("chunked" if site.protocol == "h1" else "frames")


@EVERY_SERVER
def test_a_user_signs_in_and_out(kind: str, servers: Servers) -> None:
    """By Django's passwords and database, in the stack's session."""
    with Client(Host(servers.get(kind).url, {})) as client:

        def me() -> list[dict[str, Any]]:
            return [json.loads(client.ask("GET", path).body) for path in ("/me", "/me-async")]

        nobody, ada = {"user": "", "is_authenticated": False}, {"user": "ada", "is_authenticated": True}
        assert client.ask("POST", "/sign-in", FORM, b"username=ada&password=byron").status == 403
        assert me() == [nobody, nobody]
        assert client.ask("POST", "/sign-in", FORM, b"username=ada&password=lovelace").status == 200
        assert me() == [ada, ada]
        assert client.ask("POST", "/sign-out").status == 204
        assert me() == [nobody, nobody]


@EVERY_SERVER
def test_a_websocket_is_refused(kind: str, servers: Servers) -> None:
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(f"{servers.get(kind).url.replace('http', 'ws', 1)}/ws", open_timeout=PATIENCE),
    ):
        pass
    assert refused.value.response.status_code == 403


@EVERY_SERVER
def test_a_crash_is_answered_and_logged_with_its_id_and_nothing_else_is(kind: str, servers: Servers) -> None:
    """From the start of a server to its end: no word of lifespan, none of a WebSocket."""
    url = servers.get(kind).url
    with Client(Host(url, {})) as client:
        for path in ("/crash", "/crash-async"):
            reply = client.ask("GET", path, {"X-Request-ID": f"id-of-{path[1:]}"})
            body = {"error": "ours", "request_id": f"id-of-{path[1:]}"}
            assert (reply.status, json.loads(reply.body)) == (500, body)
            assert owed(reply)["access-control-allow-origin"] == [ORIGIN]
            assert owed(reply)["x-request-id"] == [f"id-of-{path[1:]}"]
    with pytest.raises(InvalidStatus), connect(f"{url.replace('http', 'ws', 1)}/ws", open_timeout=PATIENCE):
        pass
    lines = servers.stopped(kind).printed().splitlines()
    wrong_passwords = re.compile(r"django\.request WARNING Forbidden: /sign-in \[[0-9a-f]{32}\]")
    assert [line for line in lines if COMPLAINT.search(line) and not wrong_passwords.fullmatch(line)] == [
        "django.request ERROR Internal Server Error: /crash [id-of-crash]",
        "Traceback (most recent call last):",
        "RuntimeError: on purpose",
        "django.request ERROR Internal Server Error: /crash-async [id-of-crash-async]",
        "Traceback (most recent call last):",
        "RuntimeError: on purpose",
    ]


# --- the controls: without the drop-in ---------------------------------------


PLAIN = "tests.django_project.asgi_plain:application"


def test_plain_django_does_not_start_where_uvicorn_insists_on_lifespan(folder: Path) -> None:
    with pytest.raises(RuntimeError, match="Django can only handle ASGI/HTTP connections, not lifespan"):
        serve("uvicorn-h11", PLAIN, folder)


def test_plain_django_answers_nothing_over_http_3(folder: Path) -> None:
    http3: Any = pytest.importorskip("tests.hosts.http3", reason="the client of h3 is aioquic, of the extra `hosts`")
    server = serve("hypercorn", PLAIN, folder)
    try:
        with Client(Host(server.url, {})) as client:
            assert client.ask("GET", "/", {"Accept-Encoding": "identity"}).body == PAGE
        with pytest.raises((TimeoutError, KeyError, ConnectionError)):
            http3.ask(server.port, "/", patience=2.0)
    finally:
        server.stop()
    assert "Lifespan" in server.printed()


# --- runserver ---------------------------------------------------------------


@pytest.mark.parametrize(("apps", "ids"), [("daphne", ["known"]), ("", [])], ids=["with daphne", "as it comes"])
def test_runserver_has_the_stack_where_daphne_serves_it(apps: str, ids: list[str], folder: Path) -> None:
    pytest.importorskip("daphne", reason="daphne is not installed; the extra `hosts` has it")
    told = {"PROJECT_FOLDER": str(folder), "DJANGO_SETTINGS_MODULE": SETTINGS, "PROJECT_APPS": apps}
    pair = Pair("daphne", "django", "runserver")
    words = ["django", "runserver", "--noreload", "--insecure"]
    server = start(pair, folder, command=lambda port: [*words, f"127.0.0.1:{port}"], environment=told)
    try:
        with Client(Host(server.url, {})) as client:
            reply = client.ask("GET", "/", {"X-Request-ID": "known"})
            assert (reply.status, reply.body, reply.header("x-request-id")) == (200, PAGE, ids)
            # What ScopeMiddleware leaves on a request that came past the stack.
            assert json.loads(client.ask("GET", "/visits").body) == {"visits": 1}
            static = client.ask("GET", "/static/site.css")
            assert (static.status, static.header("x-request-id")) == (200, [])
    finally:
        server.stop()


def test_static_files_can_stand_inside_of_the_stack(folder: Path) -> None:
    server = serve("uvicorn-httptools", "tests.django_project.asgi_static:application", folder)
    try:
        with Client(Host(server.url, {})) as client:
            reply = client.ask("GET", "/static/site.css", {"X-Request-ID": "known"})
    finally:
        server.stop()
    assert (reply.status, reply.body) == (200, b"body { color: black; }\n" * 100)
    assert owed(reply) == {
        "access-control-allow-origin": [ORIGIN],
        "x-request-id": ["known"],
        "x-route": [],
        "content-encoding": ["gzip"],
    }


def test_the_example_counts_visits_and_shows_its_stack() -> None:
    pytest.importorskip("django", reason="Django is not installed: the extra `hosts`")
    words = ["uvicorn", "examples.django_site:application", "--port", "0", "--lifespan", "on"]
    with serving(words) as server, Client(Host(server.url, {})) as client:
        replies = [client.ask("GET", "/?name=ada") for _ in range(2)]
    assert [json.loads(reply.body) for reply in replies] == [{"hello": "ada", "visits": number} for number in (1, 2)]
    asked = [sys.executable, "-m", "examples.django_site", "asgi_stack"]
    shown = subprocess.run(asked, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert re.findall(r"└─ (\S+)", shown) == ["request_id", "cors", "compression", "sessions", "app"]
