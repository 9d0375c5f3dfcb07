"""The legal traffic of real servers and frameworks fires no rule of the lint; what does fire is theirs, and named.

On both sides of the stack: plain responses, streams and events, clients that leave in the middle, WebSockets that are
accepted, refused and lost, and a lifespan from its start to its end. Each server stands around an application without
a framework, by every protocol that it speaks, and each framework stands under one server: what a checker sees of the
one does not hang on the other.

Not here: tartiflette and Bocadillo (which pin packages of another time, and are asked in environments of their own),
the libraries of clients (no server and no framework), and Channels' own session, of which the stack is told to keep
out.
"""

import contextlib
import socket
import sqlite3
import uuid
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect
from websockets.typing import Origin

from .checks import FOREIGN, PATIENCE, TEXT, Client, Host
from .graphql import check_queries, check_session, check_socket
from .lambda_events import SHAPES, Caller
from .servers import ALL, APPS, Pair, Running, start
from .stacks import linted, load

pytestmark = pytest.mark.hosts

PAIRS = [
    *(Pair(kind, "raw", "lint") for kind in ALL),
    *(Pair("uvicorn-h11", app, "lint") for app in (*APPS[1:], "databases", "sse", "datasette", "strawberry")),
]
# What these serve of what is asked for; all others serve all of it.
PATHS = {
    "databases": ("/json", "/visits"),
    "sse": (),
    "datasette": ("/", "/data/notes.csv?_stream=on", "/-/nowhere"),
    "strawberry": (),
}
STREAMS = {app: app == "sse" for app in PATHS}
WITHOUT_SOCKETS = {"django", *PATHS}

# Refuses WebSockets by a denial response, and these offer none.
WITHOUT_DENIALS = {("daphne", "raw"), ("gunicorn", "raw")}

# What is known to break a rule, by server or framework. Seen from the other side of the stack it is passed on.
THEIRS: dict[str, set[str]] = {
    "granian": {"scope-address"},  # ports as text
    "blacksheep": {"start-transfer-encoding"},  # on streams
    "django": {"start-header-case"},
    "channels": {"start-header-case"},  # Django's handler
    "datasette": {"start-header-case"},
    "sanic": {
        "start-header-case",
        "send-namespace",
    },  # it answers a WebSocket that it has no route for with HTTP's start
}


@pytest.mark.parametrize("pair", PAIRS, ids=["-".join(pair[:2]) for pair in PAIRS])
def test_legal_traffic_fires_no_rule(pair: Pair, tmp_path: Path) -> None:
    missing = pair.missing()
    if missing is not None:
        pytest.skip(f"{missing} is not installed: the extra `hosts`")
    if pair.app == "datasette":
        fill(tmp_path)
    server = start(pair, tmp_path)
    host = Host(server.url, {})
    try:
        for protocol in ALL[pair.kind].protocols:
            spoken = Host(server.url, {}, protocol=protocol)
            asks_for_everything(spoken, PATHS.get(pair.app, ("/json", "/stream", "/visits", "/nowhere")))
            if STREAMS.get(pair.app, True):
                leaves_in_the_middle(spoken)
        if pair.app == "strawberry":
            check_queries(host)
            check_session(host)
            check_socket(host, "graphql-transport-ws")
        if "h1" in ALL[pair.kind].protocols and pair.app not in WITHOUT_SOCKETS:
            opens_sockets(host)
            if (pair.kind, pair.app) not in WITHOUT_DENIALS:
                opens_in_vain(host.socket_url.replace("/ws", "/denied"))
    finally:
        server.stop()
    theirs = THEIRS.get(pair.kind, set()) | THEIRS.get(pair.app, set())
    assert rules_in(server) == theirs, server.printed()


def fill(folder: Path) -> None:
    """A folder as Datasette wants it."""
    (folder / "plugins").mkdir()
    (folder / "metadata.json").write_text("{}")
    with sqlite3.connect(folder / "data.db") as database:
        database.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)")
    database.close()


def rules_in(server: Running) -> set[str]:
    return {line.rpartition(": ")[2] for line in server.printed().splitlines() if line.startswith("lint, ")}


def asks_for_everything(host: Host, paths: tuple[str, ...]) -> None:
    with Client(host) as client:
        for coding in ("gzip", "identity"):
            for path in paths:
                assert client.ask("GET", path, {"Accept-Encoding": coding}).status in (200, 404)
        if "/stream" in paths:
            assert client.ask("POST", "/echo", TEXT, iter([b"one ", b"two"])).body == b"one two"
            client.ask("HEAD", "/json")
            client.ask("OPTIONS", "/json")
            client.ask("GET", "/json", {"Authorization": "Bearer a.b.c"})


def leaves_in_the_middle(host: Host) -> None:
    """Once to the end of the events, once not."""
    for released in (2, 0):
        key = uuid.uuid4().hex
        with Client(host) as client, Client(host) as other:
            sent = {"Accept": "text/event-stream", "Accept-Encoding": "identity"}
            with client.stream("GET", f"/events?key={key}", sent) as (reply, parts):
                assert (reply.status, next(parts)[:5]) == (200, b"data:")
                for _ in range(released):
                    other.ask("GET", f"/release?key={key}")
                if released:
                    assert b"".join(parts).endswith(b"\n\n")
            for _ in range(2 - released):
                other.ask("GET", f"/release?key={key}")


def opens_sockets(host: Host) -> None:
    with connect(host.socket_url, open_timeout=PATIENCE) as connection:
        connection.send("hello")
        assert connection.recv(PATIENCE) == "hello"
    with contextlib.suppress(WebSocketException, OSError), connect(host.socket_url, open_timeout=PATIENCE) as lost:
        lost.send("hello")
        lost.socket.shutdown(socket.SHUT_RDWR)
    opens_in_vain(host.socket_url, Origin(FOREIGN))


def opens_in_vain(url: str, origin: Origin | None = None) -> None:
    with contextlib.suppress(WebSocketException, OSError), connect(url, origin=origin, open_timeout=PATIENCE):
        pass


@pytest.mark.usefixtures("current_loop")
@pytest.mark.parametrize("source", SHAPES)
def test_a_function_fires_no_rule(source: str) -> None:
    mangum: Any = pytest.importorskip("mangum", reason="mangum is not installed: the extra `hosts`")
    found: list[str] = []
    ask = Caller(mangum.Mangum(linted(load("raw"), found.append)), SHAPES[source])
    for path in ("/json", "/stream", "/visits", "/nowhere"):
        assert ask("GET", path, {"accept-encoding": "gzip"}).status in (200, 404)
    assert ask("POST", "/echo", {"content-type": "text/plain"}, "one two").body == b"one two"
    assert found == []
