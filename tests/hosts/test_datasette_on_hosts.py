"""Datasette: the stack as its plugin, by the example's file and Datasette's own command, and around its application."""

import json
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from asgi_middleware.auth import APIKeys
from tests.serving import ROOT

from . import content
from .checks import Client, Host, Reply, facts, framing_of, owed, uncoded_framing
from .servers import Pair, Running, start
from .stacks import ORIGIN, SECRET

pytestmark = pytest.mark.hosts

CSV = "/data/notes.csv?_stream=on"
JSON = "/data/notes.json?_shape=array&_size=max"
PATHS = (CSV, JSON, "/-/static/app.css")
APPS = ROOT / "tests/hosts/apps"
GITHUB = {"client_id": "the-id", "client_secret": "the-secret"}
WAYS = {"plugin": "its own command", "six": "Hypercorn"}
# Datasette's own two names, and ours.
PRIVATE = ("authorization", "cookie", "origin")
KEY, DIGEST = APIKeys.new(prefix="tests")


def stack(folder: Path) -> list[dict[str, Any]]:
    """The list as it stands in the metadata."""
    return [
        {"use": "request_id"},
        {"use": "timing"},
        {"use": "cors", "allow_origins": [ORIGIN], "allow_credentials": True},
        {"use": "errors"},
        {"use": "compression"},
        {"use": "sessions", "secret_key": {"file": str(folder / "session.key")}},
        {"use": "auth", "backend": {"use": "api_key", "keys": str(folder / "keys.toml")}},
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database, metadata, and two folders of plugins, one of them with the example."""
    for package in ("datasette", "datasette_auth_github"):
        pytest.importorskip(package, reason=f"{package} is not installed: the extra `hosts`")
    made = tmp_path_factory.mktemp("datasette")
    with sqlite3.connect(made / "data.db") as database:
        database.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, title TEXT, text TEXT)")
        database.executemany("INSERT INTO notes VALUES (:id, :title, :text)", content.NOTES)
    database.close()
    (made / "session.key").write_text(SECRET)
    (made / "keys.toml").write_text(f'{DIGEST} = "reporter"\n')
    plugins = {"datasette-auth-github": GITHUB, "asgi-middleware": {"stack": stack(made)}}
    (made / "metadata.json").write_text(json.dumps({"plugins": plugins}))
    for name in ("plugins", "with_stack"):
        (made / name).mkdir()
        for plugin in ("visits", "github"):
            shutil.copy(APPS / f"datasette_{plugin}.py", made / name / f"{plugin}.py")
    shutil.copy(ROOT / "examples/datasette_plugin.py", made / "with_stack")
    return made


def serve(way: str, folder: Path) -> Running:
    """As its users start it, with the plugin; or wrapped, on Hypercorn; or bare."""
    if way != "plugin":
        return start(Pair("hypercorn" if way == "six" else "uvicorn-h11", "datasette", way), folder)
    told = ["--metadata", str(folder / "metadata.json"), "--plugins-dir", str(folder / "with_stack")]
    words = ["datasette", "serve", str(folder / "data.db"), *told, "--host", "127.0.0.1", "--port"]
    return start(Pair("uvicorn-h11", "datasette", way), folder, command=lambda port: [*words, str(port)])


@pytest.fixture(scope="module", params=WAYS)
def server(request: pytest.FixtureRequest, folder: Path) -> Iterator[Running]:
    running = serve(request.param, folder)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def bare(folder: Path) -> dict[str, Reply]:
    """What Datasette answers without the stack."""
    running = serve("none", folder)
    try:
        with Client(Host(running.url, {})) as client:
            return {path: client.ask("GET", path) for path in PATHS}
    finally:
        running.stop()


def vary(reply: Reply, *more: str) -> tuple[str, ...]:
    """The names of a bare response's Vary, and these."""
    own = [name.strip().lower() for line in reply.header("vary") for name in line.split(",")]
    return tuple(sorted({*own, *more}))


def test_bodies_are_whole(server: Running, bare: dict[str, Reply], proves: Callable[..., None]) -> None:
    host = Host(server.url, bare)
    with Client(host) as client:
        for coding in ("gzip", "br", "zstd", None):
            for path in PATHS:
                reply = client.ask("GET", path, {"Accept-Encoding": coding or "identity"})
                length = framing_of(reply, host) if coding else uncoded_framing(reply, path, host)
                names = vary(bare[path], "accept-encoding", "origin")
                assert facts(reply, host) == owed(length, coding=coding, vary=names)
                assert reply.body == bare[path].body
        assert json.loads(client.ask("GET", JSON).body) == content.NOTES
        assert client.ask("GET", CSV).body.count(b"\n") == 1 + len(content.NOTES)
    assert not re.search("unsupported|without Lifespan", server.printed()), "it answers a lifespan"
    proves("Datasette", "bodies", "CSV", "lifespan", beside=WAYS[server.pair.stack])


def test_a_session_is_kept(server: Running, proves: Callable[..., None]) -> None:
    host = Host(server.url, {})
    with Client(host) as client:
        assert [json.loads(client.ask("GET", "/-/visits").body)["visits"] for _ in range(3)] == [1, 2, 3]
        reply = client.ask("GET", "/-/visits")
    assert facts(reply, host) == owed(framing_of(reply, host), coding=None, vary=PRIVATE)
    proves("Datasette", "session")


def test_the_plugin_makes_who_is_known_the_actor(server: Running) -> None:
    with Client(Host(server.url, {})) as client:
        actor = client.ask("GET", "/-/actor.json", {"X-API-Key": KEY})
        nobody = client.ask("GET", "/-/actor.json")
        forged = client.ask("GET", "/-/actor.json", {"X-API-Key": "x" * 43})
    # Where it is not, nobody asks for a key.
    expected = {"plugin": ({"id": "reporter"}, 401), "six": (None, 200)}[server.pair.stack]
    assert (json.loads(actor.body)["actor"], forged.status) == expected
    assert json.loads(nobody.body) == {"actor": None}


def test_a_login_begins_at_github(server: Running, proves: Callable[..., None]) -> None:
    host = Host(server.url, {})
    with Client(host) as client:
        reply = client.ask("GET", "/-/github-auth-start")
    assert facts(reply, host) == owed(framing_of(reply, host), 302, coding=None, vary=PRIVATE)
    assert reply.header("location") == [
        f"https://github.com/login/oauth/authorize?scope=user:email&client_id={GITHUB['client_id']}"
    ]
    proves("datasette-auth-github", "bodies", beside="Datasette")


def test_a_socket_is_refused(server: Running, proves: Callable[..., None]) -> None:
    with pytest.raises(InvalidStatus), connect(f"{server.url.replace('http', 'ws')}/data"):
        pass
    proves("Datasette", lacks="it has neither SSE nor WebSockets")


def test_a_login_is_kept_beside_a_session(server: Running, proves: Callable[..., None]) -> None:
    """GitHub's part is played within the server; whoever comes back is Datasette's actor, and has a session as well."""
    host = Host(server.url, {})
    with Client(host) as client, Client(host) as other:
        assert json.loads(client.ask("GET", "/-/visits").body) == {"visits": 1}
        back = client.ask("GET", "/-/github-auth-callback?code=the-code")
        assert facts(back, host) == owed(framing_of(back, host), 302, coding=None, vary=PRIVATE)
        assert [line.partition("=")[0] for line in back.header("set-cookie")] == ["ds_actor"]
        actor = json.loads(client.ask("GET", "/-/actor.json").body)["actor"]
        assert (actor["id"], actor["display"]) == ("github:1", "ada")
        assert json.loads(client.ask("GET", "/-/visits").body) == {"visits": 2}
        assert b"bad_verification_code" in other.ask("GET", "/-/github-auth-callback?code=another").body
        assert json.loads(other.ask("GET", "/-/actor.json").body) == {"actor": None}
    proves("datasette-auth-github", "session", "login")
