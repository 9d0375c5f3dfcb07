"""What "works" means: one function per fact, over real connections, each raising where the fact does not hold.

`CHECKS` lists them by word. Each gets a `Host`: where the application runs, by which protocol to speak to it, and what
the bare application answered.
"""

import json
import re
import socket
import ssl
import uuid
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

import httpx2
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.asgi import decode

from . import content
from .stacks import ORIGIN

PATIENCE = 20.0  # seconds until a client counts what it awaits as never coming
ECHOED = b"All that is sent comes back, whoever carries it. " * 640  # 31,360 bytes
FOREIGN = "https://evil.example"
TEXT = {"Content-Type": "text/plain"}

# Nothing here is encrypted, but a client without it would load all certificates anew: most of the time of a test.
_TLS = ssl.create_default_context()

_COMPLAINT = re.compile(r"Traceback|\bERROR\b|Error:|Warning:")
_ID = re.compile(r"[0-9a-f]{32}")
_DURATION = re.compile(r"total;dur=[0-9.]+")


@dataclass(frozen=True)
class Host:
    """One application as a client meets it. `bare` is what it answers without the stack, by path."""

    url: str
    bare: Mapping[str, "Reply"]
    protocol: str = "h1"
    patience: float = PATIENCE
    printed: Callable[[], str] = str
    pardoned: tuple[str, ...] = ()  # what the server logs as an error though all is well

    @property
    def socket_url(self) -> str:
        return f"{self.url.replace('http', 'ws', 1)}/ws"


@dataclass
class Reply:
    """A response as it came over the wire."""

    status: int
    headers: list[tuple[str, str]]  # each line on its own, names in lower case
    raw: bytes = b""

    def header(self, name: str) -> list[str]:
        """All values of one header."""
        return [value for key, value in self.headers if key == name]

    @property
    def body(self) -> bytes:
        return decode(self.raw, self.header("content-encoding"))


class Client:
    """A real client that keeps cookies and its connection: httpx2 for HTTP/1.1, httpx for 2, and one of ours for 3."""

    def __init__(self, host: Host) -> None:
        self._client: Any
        if host.protocol == "h3":
            from .http3 import Http3Client

            self._client = Http3Client(host.url, host.patience)
        elif host.protocol == "h2":
            import httpx  # type: ignore[import-not-found,unused-ignore]  # extra `hosts`

            self._client = httpx.Client(base_url=host.url, timeout=host.patience, verify=_TLS, http1=False, http2=True)
        else:
            self._client = httpx2.Client(base_url=host.url, timeout=host.patience, verify=_TLS)
        self._version = {"h1": "HTTP/1.1", "h2": "HTTP/2", "h3": "HTTP/3"}[host.protocol]

    @contextmanager
    def stream(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | Iterable[bytes] | None = None
    ) -> Iterator[tuple[Reply, Iterator[bytes]]]:
        """The response's head, and its body as it arrives, not decoded."""
        sent = {"Origin": ORIGIN, **headers}
        with self._client.stream(method, path, headers=sent, content=body) as response:
            assert response.http_version == self._version
            lines = [(name.decode().lower(), value.decode("latin-1")) for name, value in response.headers.raw]
            yield Reply(response.status_code, lines), response.iter_raw()

    def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | Iterable[bytes] | None = None,
    ) -> Reply:
        """A whole response, gzip offered where `headers` say nothing else."""
        with self.stream(method, path, {"Accept-Encoding": "gzip", **(headers or {})}, body) as (reply, parts):
            reply.raw = b"".join(parts)
            return reply

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_error: object) -> None:
        self._client.close()


def facts(reply: Reply, host: Host) -> dict[str, Any]:
    """All that the stack owes to a response, and how its length is told."""
    return {
        "status": reply.status,
        "vary": [sorted(re.split(r"\s*,\s*", line.lower())) for line in reply.header("vary")],
        "coding": reply.header("content-encoding"),
        "ids": [bool(_ID.fullmatch(value)) for value in reply.header("x-request-id")],
        "times": [bool(_DURATION.fullmatch(value)) for value in reply.header("server-timing")],
        "origin": reply.header("access-control-allow-origin"),
        "credentials": reply.header("access-control-allow-credentials"),
        "framing": framing(reply, host),
    }


def framing(reply: Reply, host: Host) -> str:
    """How the response says where it ends: `length`, `chunked`, `frames` (HTTP/2 and 3), or what is wrong with it."""
    lengths, codings = reply.header("content-length"), reply.header("transfer-encoding")
    if lengths == [str(len(reply.raw))] and not codings:
        return "length"
    if not lengths and codings == ["chunked"] and host.protocol == "h1":
        return "chunked"
    if not lengths and not codings and host.protocol != "h1":
        return "frames"
    return f"{len(reply.raw)} bytes, Content-Length {lengths}, Transfer-Encoding {codings}"


def owed(
    framing: str,
    status: int = 200,
    *,
    coding: str | None = "gzip",
    vary: tuple[str, ...] = ("accept-encoding", "origin"),
) -> dict[str, Any]:
    """What `facts` must be."""
    return {
        "status": status,
        "vary": [list(vary)],
        "coding": [coding] if coding else [],
        "ids": [True],
        "times": [True],
        "origin": [ORIGIN],
        "credentials": ["true"],
        "framing": framing,
    }


def unknown_length(host: Host) -> str:
    return "chunked" if host.protocol == "h1" else "frames"


def framing_of(reply: Reply, host: Host) -> str:
    """The framing seen, which must be a right one, where both are: a coded body may have a length or none."""
    seen = framing(reply, host)
    assert seen in ("length", unknown_length(host))
    return seen


def uncoded_framing(reply: Reply, path: str, host: Host) -> str:
    """What an untouched body must keep: its length, if the application gives one. Sanic gives none."""
    return "length" if host.bare[path].header("content-length") else framing_of(reply, host)


def check_json(host: Host) -> None:
    """A body of 18 KB, in every coding: the bare app's body, rightly framed, all headers once."""
    with Client(host) as client:
        plain = client.ask("GET", "/json", {"Accept-Encoding": "identity"})
        assert facts(plain, host) == owed(uncoded_framing(plain, "/json", host), coding=None)
        assert plain.body == host.bare["/json"].body
        assert json.loads(plain.body) == content.NOTES
        for coding in ("gzip", "br", "zstd"):
            reply = client.ask("GET", "/json", {"Accept-Encoding": coding})
            assert facts(reply, host) == owed(framing_of(reply, host), coding=coding)
            assert reply.body == plain.body
            assert len(reply.raw) < len(plain.raw) / 3


def check_wire(host: Host) -> None:
    """The bytes themselves, read by no library: clients quietly merge a header that stands twice with one value.

    Two requests on one connection: where the first response were longer than it says, the second would begin wrong.
    """
    name, _, port = host.url.split("/")[2].partition(":")
    path = "/".join(["", *host.url.split("/")[3:], "json"])
    with socket.create_connection((name, int(port)), host.patience) as connection, connection.makefile("rb") as file:
        for coding in (None, "gzip"):
            lines = [f"GET {path} HTTP/1.1", f"Host: {name}:{port}", f"Origin: {ORIGIN}"]
            lines += [f"Accept-Encoding: {coding or 'identity'}", "", ""]
            connection.sendall("\r\n".join(lines).encode())
            reply = _read(file)
            assert facts(reply, host) == owed(framing_of(reply, host), coding=coding)
            assert reply.body == host.bare["/json"].body
            twice = [name for name, number in Counter(name for name, _ in reply.headers).items() if number > 1]
            assert twice == [], "no header of this response is one that may stand twice"


def check_stream(host: Host) -> None:
    """A body of unknown length: chunked or in frames, and whole."""
    with Client(host) as client:
        for coding in (None, "gzip", "br", "zstd"):
            reply = client.ask("GET", "/stream", {"Accept-Encoding": coding or "identity"})
            assert facts(reply, host) == owed(unknown_length(host), coding=coding)
            assert reply.body == host.bare["/stream"].body == b"".join(content.CHUNKS)


def check_events(host: Host) -> None:
    """Each event arrives while the application waits to be allowed the next one."""
    for coding in (None, "gzip"):
        key = uuid.uuid4().hex
        unreleased = len(content.EVENTS) - 1
        with Client(host) as client, Client(host) as other:
            try:
                sent = {"Accept": "text/event-stream", "Accept-Encoding": coding or "identity"}
                with client.stream("GET", f"/events?key={key}", sent) as (reply, parts):
                    assert facts(reply, host) == owed(unknown_length(host), coding=coding)
                    assert reply.header("content-type")[0].partition(";")[0] == "text/event-stream"
                    decoded = _inflated(parts) if coding else parts
                    for number, event in enumerate(content.EVENTS):
                        if number:
                            unreleased -= 1
                            assert other.ask("GET", f"/release?key={key}").body == b"released"
                        assert _at_least(decoded, len(event)) == event
                    assert b"".join(decoded) == b""
            finally:
                # Whatever went wrong, the application is not left waiting.
                for _ in range(unreleased):
                    other.ask("GET", f"/release?key={key}")


def check_visits(host: Host) -> None:
    """The session is kept for the client that brings its cookie back, and for nobody else."""
    with Client(host) as client, Client(host) as stranger:
        replies = [client.ask("GET", "/visits") for _ in range(3)]
        assert [json.loads(reply.body) for reply in replies] == [{"visits": 1}, {"visits": 2}, {"visits": 3}]
        assert json.loads(stranger.ask("GET", "/visits").body) == {"visits": 1}
    for reply in replies:
        # Too small to be compressed, so it does not vary by Accept-Encoding.
        assert facts(reply, host) == owed(framing_of(reply, host), coding=None, vary=("cookie", "origin"))
        assert [line.partition("=")[0] for line in reply.header("set-cookie")] == ["session"]
        assert reply.header("cache-control") == ["no-store"]


def check_echo(host: Host) -> None:
    """Request bodies reach the application whole, with a length or in chunks."""
    with Client(host) as client:
        for body in (ECHOED, iter([ECHOED[:10], ECHOED[10:20_000], ECHOED[20_000:]])):
            reply = client.ask("POST", "/echo", TEXT, body)
            assert facts(reply, host) == owed(framing_of(reply, host))
            assert reply.body == host.bare["/echo"].body == ECHOED


def check_own(host: Host) -> None:
    """What the stack answers itself, without the application: a preflight, and a token that is none."""
    with Client(host) as client:
        asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
        preflight = client.ask("OPTIONS", "/echo", asked)
        assert (preflight.status, preflight.body) == (200, b"OK")
        assert preflight.header("access-control-allow-origin") == [ORIGIN]
        assert preflight.header("access-control-allow-methods") == ["GET, HEAD, POST"]
        assert [bool(_ID.fullmatch(value)) for value in preflight.header("x-request-id")] == [True]
        assert framing(preflight, host) == "length"
        refused = client.ask("GET", "/json", {"Authorization": "Bearer a.b.c"})
        assert facts(refused, host) == owed("length", 401, coding=None, vary=("origin",))
        assert [line.partition(" ")[0] for line in refused.header("www-authenticate")] == ["Bearer"]


def check_stranger(host: Host) -> None:
    """A page of a foreign origin learns nothing from the headers; the application answers as ever."""
    with Client(host) as client:
        reply = client.ask("GET", "/json", {"Origin": FOREIGN})
        assert facts(reply, host) == {**owed(framing_of(reply, host)), "origin": [], "credentials": []}
        assert reply.body == host.bare["/json"].body


def check_missing(host: Host) -> None:
    """The framework's own 404 carries what every response carries."""
    with Client(host) as client:
        reply = client.ask("GET", "/nowhere")
        own = [name.lower() for line in host.bare["/nowhere"].header("vary") for name in re.split(r"\s*,\s*", line)]
        vary = tuple(sorted([*own, "origin"]))
        assert facts(reply, host) == owed(framing_of(reply, host), 404, coding=None, vary=vary)


def check_socket(host: Host) -> None:
    """A WebSocket of the allowed origin, and one of no browser, echo."""
    for origin in (ORIGIN, None):
        sent = {"Origin": origin} if origin else {}
        with connect(host.socket_url, additional_headers=sent, open_timeout=host.patience) as connection:
            for text in ("hello", "é" * 5000):  # Daphne swallows an empty one
                connection.send(text)
                assert connection.recv(host.patience) == text


def check_accept(host: Host) -> None:
    """The accepted handshake carries the request's ID, once."""
    with connect(host.socket_url, open_timeout=host.patience) as connection:
        assert connection.response is not None
        values = connection.response.headers.get_all("x-request-id")
        assert [bool(_ID.fullmatch(value)) for value in values] == [True]


def check_foreign(host: Host) -> None:
    """A WebSocket of a foreign page is refused before it is accepted."""
    status = None
    try:
        with connect(host.socket_url, additional_headers={"Origin": FOREIGN}, open_timeout=host.patience):
            pass
    except InvalidStatus as error:
        status = error.response.status_code
    assert status == 403


def check_log(host: Host) -> None:
    """After all that, the server has nothing to complain about."""
    lines = [line for line in host.printed().splitlines() if _COMPLAINT.search(line)]
    assert [line for line in lines if not any(pardoned in line for pardoned in host.pardoned)] == []


def lifespan(printed: str) -> None:
    """The application's own hooks were called once each, in their order, by what the server printed until it ended."""
    seen = [line for line in printed.splitlines() if line in (content.STARTED, content.ENDED)]
    assert seen == [content.STARTED, content.ENDED]


# In the order in which they run: the log is read when all else has happened.
CHECKS: dict[str, Callable[[Host], None]] = {
    name.removeprefix("check_"): check for name, check in list(globals().items()) if name.startswith("check_")
}
# The client of these speaks HTTP/1.1 alone; WebSockets over HTTP/2 (RFC 8441) are not covered here.
H1_ONLY = frozenset({"wire", "socket", "accept", "foreign", "log"})


def _read(file: BinaryIO) -> Reply:
    """One response, ended as its own head says. ValueError where the body is cut short."""
    first = file.readline()
    pairs = []
    while (line := file.readline()) not in (b"\r\n", b""):
        name, _, value = line.decode("latin-1").partition(":")
        pairs.append((name.lower(), value.strip()))
    reply = Reply(int(first.split()[1]), pairs)
    if reply.header("transfer-encoding") == ["chunked"]:
        while length := int(file.readline(), 16):
            reply.raw += _exactly(file, length)
            _exactly(file, 2)
        _exactly(file, 2)
    else:
        reply.raw = _exactly(file, int(reply.header("content-length")[0]))
    return reply


def _exactly(file: BinaryIO, length: int) -> bytes:
    data = file.read(length)
    if len(data) != length:
        raise ValueError(f"{len(data)} bytes instead of {length}")
    return data


def _inflated(parts: Iterable[bytes]) -> Iterator[bytes]:
    decoder = zlib.decompressobj(16 + zlib.MAX_WBITS)
    for part in parts:
        yield decoder.decompress(part)
    yield decoder.flush()


def _at_least(parts: Iterator[bytes], length: int) -> bytes:
    """So many bytes, or more where more comes with them."""
    found = b""
    while len(found) < length:
        found += next(parts)
    return found
