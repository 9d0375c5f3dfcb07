"""A client of HTTP/3 for one request at a time, on aioquic, and the certificate that its server needs."""

import asyncio
import datetime
import ipaddress
import ssl
from pathlib import Path
from typing import Any

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import QuicEvent, StreamReset

from .checks import PATIENCE, Reply


class _Client(QuicConnectionProtocol):
    """Gathers the one response."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._http = H3Connection(self._quic)
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""
        self.done = asyncio.Event()

    def quic_event_received(self, event: QuicEvent) -> None:
        if isinstance(event, StreamReset):
            self.done.set()
        for received in self._http.handle_event(event):
            if isinstance(received, HeadersReceived):
                self.headers = received.headers
            if isinstance(received, DataReceived):
                self.body += received.data
            if isinstance(received, (HeadersReceived, DataReceived)) and received.stream_ended:
                self.done.set()

    def ask(self, host: str, method: str, path: str, headers: dict[str, str]) -> None:
        stream = self._quic.get_next_available_stream_id()
        pseudo = {":method": method, ":scheme": "https", ":authority": host, ":path": path}
        pairs = [(name.lower().encode(), value.encode()) for name, value in {**pseudo, **headers}.items()]
        self._http.send_headers(stream, pairs, end_stream=True)
        self.transmit()


def ask(
    port: int, path: str, headers: dict[str, str] | None = None, *, method: str = "GET", patience: float = PATIENCE
) -> Reply:
    """The answer of a server on the loopback. TimeoutError where none comes."""

    async def talk() -> Reply:
        configuration = QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN, verify_mode=ssl.CERT_NONE)
        async with connect("127.0.0.1", port, configuration=configuration, create_protocol=_Client) as client:
            assert isinstance(client, _Client)
            client.ask(f"localhost:{port}", method, path, headers or {})
            await asyncio.wait_for(client.done.wait(), patience)
            lines = [(name.decode(), value.decode("latin-1")) for name, value in client.headers]
            status = int(dict(lines)[":status"])
            return Reply(status, [pair for pair in lines if pair[0] != ":status"], client.body)

    return asyncio.run(talk())


def certificate(folder: Path) -> tuple[Path, Path]:
    """The files of a certificate for the loopback, and of its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files
