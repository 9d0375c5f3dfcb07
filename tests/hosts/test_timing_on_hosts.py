"""What is timed under every server: to the last byte, and nothing behind it; and each request once.

    python -m pytest -m hosts tests/hosts/test_timing_on_hosts.py

The applications' clock stands still until the client moves it (see `apps.timed_app`), so that times are exact.
"""

import itertools
import json
import re
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest
from websockets.sync.client import connect

from .checks import PATIENCE, Client, Host, Reply
from .servers import ALL, KINDS, TRIO, Fleet, Pair, Running

pytestmark = pytest.mark.hosts

PAIRS = [Pair(kind, "timed", "none") for kind in (*KINDS, *TRIO)]
CASES = [
    pytest.param(pair, protocol, id=f"{pair.kind}-{protocol}")
    for pair in PAIRS
    for protocol in ALL[pair.kind].protocols
]
SERVERS = [pytest.param(pair, id=pair.kind) for pair in PAIRS]
# Under trio, Hypercorn may close a connection while it writes, which trio refuses: the application's `send` raises.
ORDERLY = [pytest.param(pair, id=pair.kind) for pair in PAIRS if pair.kind not in TRIO]
# Servers that say 1005 of a connection that broke, as if the client had closed, or 1006 of a client that closed.
SOCKETS = {
    "uvicorn-h11": {"breaks": ("ok", 1005)},
    "uvicorn-httptools": {"breaks": ("ok", 1005)},
    "hypercorn": {"leaves": ("aborted", 1006)},
    "granian": {"breaks": ("ok", 1005)},
}
_TOTAL = re.compile(r"total;dur=0\.00, trace;desc=00-[0-9a-f]{32}-[0-9a-f]{16}-02")
_POLL = 0.01  # seconds between two questions
_numbers = itertools.count(1)


class Site:
    """One server. `asked`: the requests that were made of it, by token."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.asked: list[str] = []
        self._control = httpx2.Client(base_url=running.url, timeout=PATIENCE)

    def token(self) -> str:
        self.asked.append(f"tok-{next(_numbers)}")
        return self.asked[-1]

    def control(self, *words: str) -> Any:
        return self._control.get("/control/" + "/".join(words)).json()

    def move(self, seconds: float) -> None:
        self.control("move", str(seconds))

    def release(self, token: str) -> None:
        self.control("release", token)

    def until_held(self, token: str) -> None:
        self._until(lambda: self.control("told", token)["holds"])

    def record(self, token: str) -> dict[str, Any]:
        """The only record of a request, once it is there."""
        (record,) = self._until(lambda: self.control("told", token)["records"])
        return dict(record)

    def lines(self) -> list[dict[str, Any]]:
        """The access lines so far."""
        return [json.loads(line) for line in self.running.printed().splitlines() if line.startswith('{"time"')]

    def gauges(self) -> dict[str, float]:
        """What is under way, over all labels."""
        found: Counter[str] = Counter()
        for name, _, value in self.control("gauges"):
            found[name] += value
        return dict(found)

    def close(self) -> None:
        self._control.close()

    def _until(self, ask: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + PATIENCE
        while not (answer := ask()):
            assert time.monotonic() < deadline, "it does not come"
            time.sleep(_POLL)
        return answer


Meet = Callable[[Pair], Site]


@pytest.fixture(scope="module")
def meet(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Meet]:
    """The site of a server. Those of the tests that were chosen are started at once: each is asked by several."""
    specs: list[Any] = [getattr(item, "callspec", None) for item in request.session.items if item.path == request.path]
    chosen = {spec.params["pair"] for spec in specs if spec is not None}
    fleet = Fleet(tmp_path_factory.mktemp("timed"), PAIRS)
    for pair in PAIRS:
        if pair in chosen and pair.missing() is None:
            fleet.begin(pair)
    sites: dict[Pair, Site] = {}

    def met(pair: Pair) -> Site:
        if missing := pair.missing():
            pytest.skip(f"{missing} is not installed; the extra `hosts` has it")
        if pair not in sites:
            sites[pair] = Site(fleet.get(pair))
        return sites[pair]

    yield met
    for site in sites.values():
        site.close()
    fleet.close()


class Asks:
    """Asks a site by one protocol."""

    def __init__(self, site: Site, protocol: str) -> None:
        if protocol == "h2":
            pytest.importorskip("httpx", reason="the client of HTTP/2 is httpx, of the extra `hosts`")
            pytest.importorskip("h2", reason="HTTP/2 needs h2, of the extra `hosts`")
        self.site = site
        self._host = Host(site.running.url, {}, protocol)

    def get(self, word: str, method: str = "GET") -> tuple[str, Reply]:
        token = self.site.token()
        with Client(self._host) as client:
            return token, client.ask(method, f"/{token}/{word}", {"X-Request-ID": token})

    @contextmanager
    def stream(self, word: str) -> Iterator[tuple[str, Reply, Iterator[bytes]]]:
        """What is asked, and the answer as it arrives. The connection ends with it."""
        token = self.site.token()
        with (
            Client(self._host) as client,
            client.stream("GET", f"/{token}/{word}", {"X-Request-ID": token}) as (reply, parts),
        ):
            yield token, reply, parts


@pytest.fixture
def asks(pair: Pair, protocol: str, meet: Meet) -> Asks:
    return Asks(meet(pair), protocol)


def times(record: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(record[name] for name in ("first_byte", "last_byte", "total"))


def ended(record: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(record[name] for name in ("status", "outcome", "error", "bytes_out", "request_id"))


@pytest.mark.parametrize(("pair", "protocol"), CASES)
def test_an_ordinary_response(asks: Asks) -> None:
    token, reply = asks.get("plain")
    assert (reply.status, reply.body) == (200, b"last")
    (value,) = reply.header("server-timing")
    assert _TOTAL.fullmatch(value)
    record = asks.site.record(token)
    assert ended(record) == (200, "ok", None, 4, token)
    assert times(record) == (0, 0, 0)


@pytest.mark.parametrize(("pair", "protocol"), CASES)
def test_a_stream_is_timed_to_its_last_byte(asks: Asks) -> None:
    with asks.stream("stream") as (token, reply, parts):
        assert len(reply.header("server-timing")) == 1
        assert next(parts)[:1] == b"p"
        asks.site.until_held(token)
        asks.site.move(5)
        asks.site.release(token)
        for _ in parts:
            pass
    record = asks.site.record(token)
    assert ended(record) == (200, "ok", None, 8, token)
    assert times(record) == (0, 5, 5)


@pytest.mark.parametrize(("pair", "protocol"), CASES)
def test_work_in_the_background_is_not_counted(asks: Asks) -> None:
    """The client has the whole response while the application works on."""
    token, reply = asks.get("background")
    assert (reply.status, reply.body) == (200, b"last")
    asks.site.until_held(token)
    assert asks.site.control("told", token)["records"] == []
    asks.site.move(200)
    asks.site.release(token)
    record = asks.site.record(token)
    assert ended(record) == (200, "ok", None, 4, token)
    assert times(record) == (0, 0, 200)


@pytest.mark.parametrize(("pair", "protocol"), CASES)
def test_a_client_that_goes_away(asks: Asks) -> None:
    with asks.stream("leaves") as (token, reply, parts):
        assert (reply.status, next(parts)[:1]) == (200, b"p")
    assert ended(asks.site.record(token)) == (200, "aborted", None, 4, token)


@pytest.mark.parametrize("pair", ORDERLY)
def test_a_client_that_goes_away_while_nobody_receives(pair: Pair, meet: Meet) -> None:
    """Only some servers tell the application, by an exception or a cancellation; others take the rest in silence.

    Over HTTP/1.1: over HTTP/2 Hypercorn's `send` never returns then, so that such a request is under way for ever.
    """
    asks = Asks(meet(pair), "h1")
    with asks.stream("stream") as (token, _, parts):
        assert next(parts)[:1] == b"p"
        asks.site.until_held(token)
    asks.site.release(token)
    status, outcome, *_ = ended(asks.site.record(token))
    assert status == 200
    assert outcome in ("ok", "aborted", "cancelled")


@pytest.mark.parametrize("pair", SERVERS)
def test_a_head_has_no_bytes(pair: Pair, meet: Meet) -> None:
    """Over HTTP/1.1: Granian sends a body over HTTP/2 all the same, if an application does."""
    asks = Asks(meet(pair), "h1")
    token, reply = asks.get("plain", "HEAD")
    assert (reply.status, reply.raw) == (200, b"")
    assert ended(asks.site.record(token)) == (200, "ok", None, 0, token)


@pytest.mark.parametrize(("pair", "protocol"), CASES)
def test_a_crash(asks: Asks) -> None:
    token, reply = asks.get("crash")
    assert reply.status == 500
    assert ended(asks.site.record(token)) == (None, "error", "builtins.LookupError", 0, token)


@pytest.mark.parametrize("pair", SERVERS)
def test_a_crash_amid_the_body(pair: Pair, meet: Meet) -> None:
    asks = Asks(meet(pair), "h1")
    with asks.stream("crash-amid") as (token, reply, parts):
        assert (reply.status, next(parts)[:1]) == (200, b"p")
        assert ended(asks.site.record(token)) == (200, "error", "builtins.LookupError", 4, token)


@pytest.mark.parametrize("pair", SERVERS)
def test_requests_sent_at_once_on_one_connection(pair: Pair, meet: Meet) -> None:
    """Each has its own record, and its own part of the clock: the last one works on in the background."""
    site = meet(pair)
    tokens = [site.token() for _ in range(3)]
    words = ("plain", "plain", "background")
    with socket.create_connection(("127.0.0.1", site.running.port), PATIENCE) as connection:
        lines = [
            f"GET /{token}/{word} HTTP/1.1\r\nHost: a\r\nX-Request-ID: {token}\r\n\r\n"
            for token, word in zip(tokens, words, strict=True)
        ]
        connection.sendall("".join(lines).encode())
        site.until_held(tokens[2])
        records = [site.record(token) for token in tokens[:2]]
        site.move(3)
        site.release(tokens[2])
        records.append(site.record(tokens[2]))
    assert [ended(record) for record in records] == [(200, "ok", None, 4, token) for token in tokens]
    assert [times(record) for record in records] == [(0, 0, 0), (0, 0, 0), (0, 0, 3)]


@pytest.mark.parametrize("pair", SERVERS)
def test_bytes_that_are_no_text_and_a_path_of_line_breaks(pair: Pair, meet: Meet) -> None:
    """They are served, and told in one line."""
    site = meet(pair)
    token = site.token()
    head = f"GET /{token}/%0A1.1.1.1%1B%5B31m%22 HTTP/1.1\r\nHost: a\r\nX-Request-ID: {token}\r\n"
    with socket.create_connection(("127.0.0.1", site.running.port), PATIENCE) as connection:
        for name in ("User-Agent", "Referer", "traceparent", "tracestate"):
            head += f"{name}: abc\xff\\\r\n"
        connection.sendall((head + "Connection: close\r\n\r\n").encode("latin-1"))
        assert b"".join(iter(lambda: connection.recv(65536), b"")).startswith(b"HTTP/1.1 200 ")
    assert ended(site.record(token)) == (200, "ok", None, 4, token)
    (line,) = [line for line in site.lines() if line["request_id"] == token]
    path = f"/{token}/%0A1.1.1.1%1B%5B31m%22"
    assert (line["path"], line["user_agent"], line["referer"]) == (path, "abc\\xff\\", "abc\\xff\\")


def converse(site: Site, word: str) -> tuple[Any, ...]:
    """A minute of conversation, and who ends it: its outcome, and its close code."""
    token = site.token()
    url = f"ws://127.0.0.1:{site.running.port}/{token}/{word}"
    with connect(url, additional_headers={"X-Request-ID": token}, open_timeout=PATIENCE) as connection:
        connection.send("hello")
        assert connection.recv(PATIENCE) == "hello"
        site.move(60)
        if word == "says":
            connection.send("close")
        elif word == "leaves":
            connection.close(4000)
        else:
            connection.socket.shutdown(socket.SHUT_RDWR)
    record = site.record(token)
    assert (record["status"], record["error"], record["bytes_out"], record["request_id"]) == (101, None, 5, token)
    assert times(record) == (0, 60, 60)
    return record["outcome"], record["close_code"]


@pytest.mark.parametrize("pair", ORDERLY)
def test_a_websocket(pair: Pair, meet: Meet) -> None:
    site = meet(pair)
    found = {word: converse(site, word) for word in ("says", "leaves", "breaks")}
    assert found == {
        "says": ("ok", 4001),
        "leaves": ("ok", 4000),
        "breaks": ("aborted", 1006),
        **SOCKETS.get(pair.kind, {}),
    }


@pytest.mark.parametrize("pair", SERVERS)
def test_at_the_end_nothing_is_under_way(pair: Pair, meet: Meet) -> None:
    """After whatever was asked of this server, and one that is under way while it is asked."""
    asks = Asks(meet(pair), "h1")
    with asks.stream("stream") as (token, _, _):
        during = asks.site.gauges()
        asks.site.release(token)
    asks.site.record(token)
    assert during == {"http_server_active_requests": 1, "websocket_server_active_connections": 0}
    assert asks.site.gauges() == {"http_server_active_requests": 0, "websocket_server_active_connections": 0}


@pytest.mark.parametrize("pair", SERVERS)
def test_each_request_has_one_access_line(pair: Pair, meet: Meet) -> None:
    site = meet(pair)
    Asks(site, "h1").get("plain")
    for token in site.asked:
        site.record(token)
    told = Counter((line["request_id"], line["path"].split("/")[1]) for line in site.lines())
    assert {pair: count for pair, count in told.items() if pair[1] != "ready"} == {
        (token, token): 1 for token in site.asked
    }
