"""HTTP/3: a client that waits for what it asks, on aioquic's protocol alone, and a certificate for the server.

It has a socket and no event loop, so that a test reads it like any other client. aioquic is in the extra `hosts`.
"""

import datetime
import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from aioquic.h3.connection import (  # type: ignore[import-not-found,unused-ignore]  # extra `hosts`
    H3_ALPN,
    H3Connection,
)
from aioquic.quic.configuration import (  # type: ignore[import-not-found,unused-ignore]  # extra `hosts`
    QuicConfiguration,
)
from aioquic.quic.connection import QuicConnection  # type: ignore[import-not-found,unused-ignore]  # extra `hosts`
from aioquic.quic.events import (  # type: ignore[import-not-found,unused-ignore]  # extra `hosts`
    ConnectionTerminated,
    HandshakeCompleted,
    StreamReset,
)

if TYPE_CHECKING:
    from .checks import Reply  # which imports this

DATAGRAM = 65_536  # bytes, the longest there is


@dataclass(frozen=True)
class Http3Headers:
    """Byte pairs, as they came."""

    raw: list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Http3Response:
    """A head, and what comes after it, read from the connection when it is asked for."""

    status_code: int
    headers: Http3Headers
    events: Iterator[Any]
    http_version: str = "HTTP/3"

    def iter_raw(self) -> Iterator[bytes]:
        return (event.data for event in self.events if hasattr(event, "data"))


class Http3Client:
    """One connection to `url`, which keeps cookies. TimeoutError where what is awaited takes `patience` seconds.

    `stream` is asked, and answers, as those of httpx do, as far as the tests need it.
    """

    def __init__(self, url: str, patience: float) -> None:
        parts = urlsplit(url)
        self._authority, self._root = parts.netloc, parts.path
        self._address = (str(parts.hostname), int(parts.port or 443))
        self._patience = patience
        # The server's certificate is its own, made a moment ago.
        told = QuicConfiguration(
            is_client=True, alpn_protocols=H3_ALPN, verify_mode=ssl.CERT_NONE, server_name=self._address[0]
        )
        self._quic: Any = QuicConnection(configuration=told)
        self._cookies: dict[str, str] = {}
        self._events: dict[int, list[Any]] = {}  # by stream, those that nobody has looked at yet
        self._ready = False
        self._ended: str | None = None
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect(self._address)
        self._quic.connect(self._address, now=time.monotonic())
        self._h3: Any = H3Connection(self._quic)
        try:
            deadline = time.monotonic() + patience
            while not self._ready:
                self._turn(deadline)
        except BaseException:
            self._socket.close()
            raise

    @contextmanager
    def stream(
        self, method: str, path: str, *, headers: Mapping[str, str], content: bytes | Iterable[bytes] | None = None
    ) -> Iterator[Http3Response]:
        number = self._quic.get_next_available_stream_id()
        self._events[number] = []
        self._ask(number, method, path, headers, content)
        received = self._received(number)
        status, pairs = 0, []
        while status < 200:  # what comes before is informational
            pairs = next(received).headers
            status = int(dict(pairs)[b":status"])
        raw = [pair for pair in pairs if pair[0] != b":status"]
        for name, value in raw:
            if name == b"set-cookie":
                key, _, kept = value.decode().partition(";")[0].partition("=")
                self._cookies[key] = kept
        try:
            yield Http3Response(status, Http3Headers(raw), received)
        finally:
            del self._events[number]

    def close(self) -> None:
        """Say goodbye, and do not wait for an answer."""
        self._quic.close()
        self._flush()
        self._socket.close()

    def _ask(
        self, number: int, method: str, path: str, headers: Mapping[str, str], body: bytes | Iterable[bytes] | None
    ) -> None:
        pseudo = [(":method", method), (":scheme", "https"), (":authority", self._authority)]
        lines = [*pseudo, (":path", self._root + path), *((name.lower(), value) for name, value in headers.items())]
        if self._cookies:
            lines.append(("cookie", "; ".join(f"{name}={value}" for name, value in self._cookies.items())))
        if isinstance(body, bytes):
            lines.append(("content-length", str(len(body))))
        pairs = [(name.encode(), value.encode("latin-1")) for name, value in lines]
        self._h3.send_headers(number, pairs, end_stream=body is None)
        if body is not None:
            for part in [body] if isinstance(body, bytes) else body:
                self._h3.send_data(number, part, end_stream=False)
                self._flush()
            self._h3.send_data(number, b"", end_stream=True)
        self._flush()

    def _received(self, number: int) -> Iterator[Any]:
        """The events of one stream, to its end."""
        while True:
            deadline = time.monotonic() + self._patience
            while not self._events[number]:
                self._turn(deadline)
            event = self._events[number].pop(0)
            if isinstance(event, StreamReset):
                raise ConnectionError(f"the stream was reset: error {event.error_code}")
            yield event
            if event.stream_ended:
                return

    def _turn(self, deadline: float) -> None:
        """Send what is due, wait for a datagram, and note what it brings."""
        if self._ended is not None:
            raise ConnectionError(self._ended)
        self._flush()
        data = self._arrived(deadline)
        self._quic.receive_datagram(data, self._address, now=time.monotonic())
        while (event := self._quic.next_event()) is not None:
            self._ready = self._ready or isinstance(event, HandshakeCompleted)
            if isinstance(event, ConnectionTerminated):
                self._ended = event.reason_phrase or f"the connection was closed: error {event.error_code}"
            for told in [event, *self._h3.handle_event(event)]:
                if isinstance(told, StreamReset) or hasattr(told, "stream_ended"):
                    self._events.get(told.stream_id, []).append(told)
        self._flush()

    def _arrived(self, deadline: float) -> bytes:
        """The next datagram; what QUIC repeats on its own timer in the meantime is repeated."""
        while (now := time.monotonic()) < deadline:
            timer = self._quic.get_timer()
            until = deadline if timer is None else min(timer, deadline)
            self._socket.settimeout(max(until - now, 0.001))
            try:
                return self._socket.recv(DATAGRAM)
            except TimeoutError:
                if timer is not None and timer <= time.monotonic():
                    self._quic.handle_timer(now=time.monotonic())
                    self._flush()
        raise TimeoutError(f"nothing came for {self._patience} seconds")

    def _flush(self) -> None:
        for data, _ in self._quic.datagrams_to_send(now=time.monotonic()):
            self._socket.send(data)


def ask(
    port: int, path: str, headers: Mapping[str, str] | None = None, *, method: str = "GET", patience: float = 20.0
) -> "Reply":
    """The whole answer of a server on the loopback, on a connection of its own. TimeoutError where none comes."""
    from .checks import Reply

    with (
        closing(Http3Client(f"https://127.0.0.1:{port}", patience)) as client,
        client.stream(method, path, headers=headers or {}) as response,
    ):
        lines = [(name.decode(), value.decode("latin-1")) for name, value in response.headers.raw]
        return Reply(response.status_code, lines, b"".join(response.iter_raw()))


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for the loopback and its key, as PEM files in `folder`; nobody has signed it but itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    format_, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, format_, none))
    return files
