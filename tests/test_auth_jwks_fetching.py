"""`auth.jwks` and `auth.fetching` over real HTTP: what counts as an answer, and which addresses are asked at all."""

import datetime
import gzip
import json
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from asgi_middleware.auth import fetching
from asgi_middleware.auth.jwks import JWKS

from .key_issuer import PATIENCE, Answer, Clock, Server, document, reading, run_on, serving_keys, signed
from .test_auth_jwks import answer
from .tokens import ENCODING, P256, P256_B, SIGNATURE, jwk, private_pem, said

GOOD = {"keys": [jwk(P256, kid="a")]}


@pytest.fixture
def server() -> Iterator[Server]:
    with serving_keys() as server:
        yield server


@pytest.mark.parametrize("loop", ["asyncio", "uvloop", "trio"])
def test_keys_come_over_http(loop: str, server: Server) -> None:
    server.answers["/keys?tenant=1"] = document(GOOD)
    by = reading(JWKS(f"{server.url}/keys?tenant=1"))
    assert run_on(loop, lambda: by.verify(signed()))["sub"] == "ada"
    headers = {"Host": server.url[7:], "Accept-Encoding": "identity", "Accept": "application/json"}
    assert server.asked == [("/keys?tenant=1", headers)]


def test_an_address_without_a_path_has_the_root(server: Server) -> None:
    server.answers["/"] = document(GOOD)
    assert said(reading(JWKS(server.url.replace("127.0.0.1", "localhost"))), signed()) == "ok"


def test_proxies_of_the_environment_are_not_used(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    server.answers["/keys"] = document(GOOD)
    assert said(reading(JWKS(f"{server.url}/keys")), signed()) == "ok"


def test_keys_rotate_over_http(server: Server) -> None:
    clock = Clock()
    server.answers["/keys"] = document(GOOD)
    by = reading(JWKS(f"{server.url}/keys", clock=clock))
    assert said(by, signed()) == "ok"
    server.answers["/keys"] = document({"keys": [jwk(P256_B, kid="b")]})
    clock.now += 30
    assert [said(by, text) for text in (signed(P256_B, "b"), signed())] == ["ok", SIGNATURE]
    server.answers["/keys"] = document(b"down", 503)
    clock.now += 3600
    assert said(by, signed(P256_B, "b")) == "ok"


def chunked(handler: BaseHTTPRequestHandler) -> None:
    handler.protocol_version = "HTTP/1.1"
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    body = json.dumps(GOOD).encode()
    handler.wfile.write(b"%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n" % (5, body[:5], len(body) - 5, body[5:]))


def as_large_as_may_be(size: int) -> Answer:
    return document(json.dumps(GOOD).encode().ljust(size))


ACCEPTED: list[tuple[str, Answer]] = [
    ("in chunks", chunked),
    ("as large as may be", as_large_as_may_be(256 * 1024)),
    ("of another type, with which issuers are careless", document(GOOD, Content_Type="text/plain")),
    ("with members that nobody knows", document({**GOOD, "x": [1]})),
]


@pytest.mark.parametrize(("sentence", "given"), ACCEPTED, ids=[row[0] for row in ACCEPTED])
def test_what_is_an_answer(sentence: str, given: Answer, server: Server) -> None:
    server.answers["/keys"] = given
    assert answer(reading(JWKS(f"{server.url}/keys")), signed()) == "ok"


def hangs_up(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


def breaks_off(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "5000")
    handler.end_headers()
    handler.wfile.write(json.dumps(GOOD).encode()[:-9])


def drips(piece: bytes, start: bytes = b"") -> Answer:
    """A byte every 20 ms, for as long as anybody reads; after 20 s for nobody."""

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(start)
        for _ in range(1000):
            handler.wfile.write(piece)
            threading.Event().wait(0.02)

    return drip


def speaks_otherwise(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"220 mail ready\r\n\r\n")


def keeps_silent(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.recv(1)  # until the other side gives up


OK = b"HTTP/1.0 200 OK\r\n"
REDIRECTS = [
    (f"a redirect of {status}", document(b"", status, Location="/other"), f"the answer is {status}, not 200")
    for status in (301, 302, 303, 307, 308)
]
LATE = "TimeoutError"
NO_ANSWERS: list[tuple[str, Answer, str]] = [
    ("HTML", document(b"<!doctype html><title>Sign in</title>"), "the answer is no JSON object"),
    ("nothing", document(b""), "the answer is no JSON object"),
    ("a list", document([jwk(P256, kid="a")]), "the answer is no JSON object"),
    ("JSON nested deep", document(b"[" * 200_000), "the answer is no JSON object"),
    ("a key without a set", document(jwk(P256, kid="a")), "the answer is no JWKS"),
    ("keys that are an object", document({"keys": {"a": jwk(P256)}}), "the answer is no JWKS"),
    ("gzip that nobody asked for", document(gzip.compress(json.dumps(GOOD).encode())), "the answer is no JSON object"),
    ("one byte too many", as_large_as_may_be(256 * 1024 + 1), "the answer has more than 262144 bytes"),
    ("twenty megabytes", as_large_as_may_be(20 * 2**20), "the answer has more than 262144 bytes"),
    *REDIRECTS,
    *((f"a status of {s}", document(GOOD, s), f"the answer is {s}, not 200") for s in (201, 203, 206, 403, 404, 500)),
    ("not modified, though nothing was asked", document(b"", 304), "the answer is 304, not 200"),
    ("hanging up", hangs_up, "RemoteDisconnected"),
    ("breaking off", breaks_off, ""),
    ("no HTTP", speaks_otherwise, "BadStatusLine"),
    ("silence", keeps_silent, LATE),
    ("a body that drips", drips(b" ", OK + b"Content-Length: 100000\r\n\r\n"), LATE),
    ("a body that drips without an end", drips(b" ", OK + b"\r\n"), LATE),
    ("a status line that drips", drips(b"H"), LATE),
    ("headers that drip", drips(b"X", OK), LATE),
]


@pytest.mark.parametrize(("sentence", "given", "why"), NO_ANSWERS, ids=[row[0] for row in NO_ANSWERS])
def test_what_is_no_answer_leaves_the_keys_as_they_are(
    sentence: str,
    given: Answer,
    why: str,
    server: Server,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deadline = 0.2 if why == LATE else PATIENCE
    monkeypatch.setattr(fetching, "_DEADLINE", deadline)
    clock = Clock()
    server.answers = {"/keys": given, "/other": document(GOOD)}
    by = reading(JWKS(f"{server.url}/keys", clock=clock))
    assert (answer(by, signed()), server.heard.wait(PATIENCE), server.paths) == ("503", True, ["/keys"])
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("asgi_middleware.auth", logging.WARNING)
    assert record.getMessage().startswith(f"JWKS('{server.url}/keys'): the keys could not be fetched ({why}")
    # and so it is when there are some
    monkeypatch.setattr(fetching, "_DEADLINE", PATIENCE)
    server.answers["/keys"] = document(GOOD)
    clock.now += 30
    assert answer(by, signed()) == "ok"
    monkeypatch.setattr(fetching, "_DEADLINE", deadline)
    server.answers["/keys"] = given
    clock.now += 30
    assert (said(by, signed(kid="x")), said(by, signed(n=1))) == (SIGNATURE, "ok")


def test_nobody_at_the_address_is_a_failure_like_any_other(server: Server) -> None:
    with serving_keys() as gone:
        url = gone.url
    assert answer(reading(JWKS(f"{url}/keys")), signed()) == "503"


def test_every_address_of_a_name_is_tried_and_the_first_that_answers_is_taken(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(server.url.rpartition(":")[2])
    server.answers["/keys"] = document(GOOD)
    found = [(2, 1, 6, "", ("127.0.0.1", 9)), (2, 1, 6, "", ("127.0.0.1", port))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found)
    assert fetching.fetch(f"http://localhost:{port}/keys") == json.dumps(GOOD).encode()
    found.clear()
    with pytest.raises(OSError, match="the name has no address"):
        fetching.fetch("http://localhost/")


ADDRESSES = ["127.0.0.1", "LOCALHOST", "[::1]", "[2001:db8::abcd]", "[::ffff:127.0.0.1]"]


@pytest.mark.parametrize("host", ADDRESSES)
def test_every_form_of_an_address_is_asked(host: str, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    port = int(server.url.rpartition(":")[2])
    server.answers["/keys"] = document(GOOD)
    asked: list[tuple[str, int]] = []

    def found(name: str, number: int, **_: Any) -> Any:
        asked.append((name, number))
        return [(2, 1, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr("socket.getaddrinfo", found)
    for url in (f"http://{host}:{port}/keys", f"http://{host}/keys"):
        assert fetching.fetch(url) == json.dumps(GOOD).encode()
    name = host.strip("[]").lower()
    assert asked == [(name, port), (name, 80)]
    assert [headers["Host"] for _, headers in server.asked] == [f"{host}:{port}", host]


def for_localhost() -> tuple[bytes, bytes]:
    """A certificate that signs itself, and its key."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    begins, ends = (datetime.datetime(year, 1, 1, tzinfo=datetime.UTC) for year in (2020, 2120))
    made = x509.CertificateBuilder(name, name, P256.public_key(), 1, begins, ends)
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    made = made.add_extension(x509.SubjectKeyIdentifier.from_public_key(P256.public_key()), critical=False)
    return made.sign(P256, hashes.SHA256()).public_bytes(ENCODING.PEM), private_pem(P256)


TRUSTED: list[tuple[str, str, bool, str]] = [
    ("trusted, and for this name", "localhost", True, ""),
    ("trusted, and for another name", "127.0.0.1", True, "certificate verify failed: IP address mismatch"),
    ("not trusted", "localhost", False, "certificate verify failed: self-signed certificate"),
]


@pytest.mark.parametrize(("sentence", "host", "trusted", "why"), TRUSTED, ids=[row[0] for row in TRUSTED])
def test_the_certificate(
    sentence: str, host: str, trusted: bool, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (certificate, key), ours = for_localhost(), tmp_path / "ours.pem"
    ours.write_bytes(certificate + key)
    monkeypatch.setenv("SSL_CERT_FILE", str(ours if trusted else tmp_path / "nothing.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ours)
    with serving_keys(context) as server:
        server.answers["/keys"] = document(GOOD)
        port = server.url.rpartition(":")[2]
        asked: list[int] = []

        def connect(host: str, number: int, ends: float) -> socket.socket:
            asked.append(number)
            return socket.create_connection(("127.0.0.1", int(port)), PATIENCE)

        monkeypatch.setattr(fetching, "_connect", connect)
        for url in (f"https://{host}:{port}/keys", f"https://{host}/keys"):
            if why:
                with pytest.raises(ssl.SSLError, match=why):
                    fetching.fetch(url)
            else:
                assert fetching.fetch(url) == json.dumps(GOOD).encode()
        assert asked == [int(port), 443]


def test_over_tls_the_certificate_must_be_good(server: Server) -> None:
    with pytest.raises(OSError, match="SSL"):  # what answers there does not even speak it
        fetching.fetch(server.url.replace("http:", "https:"))


FETCHES: list[tuple[str, Callable[[str], Any]]] = [
    ("text", lambda _: json.dumps(GOOD)),
    ("nothing", lambda _: None),
    ("more than may be", lambda _: json.dumps(GOOD).encode().ljust(256 * 1024 + 1)),
    ("a coroutine of a lambda's", lambda _: run_on),
    ("an exception of any kind", lambda _: [][0]),
]


@pytest.mark.parametrize(("sentence", "fetch"), FETCHES, ids=[row[0] for row in FETCHES])
def test_a_fetch_of_ones_own_is_not_trusted_blindly(sentence: str, fetch: Callable[[str], Any]) -> None:
    assert answer(reading(JWKS("https://idp.example/", fetch=fetch)), signed()) == "503"


def test_nothing_secret_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def fetch(url: str) -> bytes:
        raise RuntimeError(f"squeamish {url}")

    assert answer(reading(JWKS("https://idp.example/keys?key=squeamish", fetch=fetch)), signed()) == "503"
    assert "squeamish" not in caplog.text
    assert "RuntimeError" in caplog.text


def test_the_whole_of_a_fetch_may_take_five_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []

    def connect(host: str, port: int, ends: float) -> Any:
        given.append((host, port, ends))
        raise OSError("nobody")

    monkeypatch.setattr(fetching, "_connect", connect)
    monkeypatch.setattr("time.monotonic", lambda: 100.0)
    with pytest.raises(OSError, match="nobody"):
        fetching.fetch("https://idp.example/keys")
    assert given == [("idp.example", 443, 105.0)]
    assert fetching._left(100.5) == 0.5
    for ends in (100.0, 99.5):
        with pytest.raises(TimeoutError, match=r"^no whole answer in time$"):
            fetching._left(ends)


CONNECTIONS: list[tuple[str, list[int], int]] = [
    ("the first", [1, 1], 1),
    ("the second, if the first does not answer", [0, 1], 2),
    ("the last failure is told, if none does", [0, 0, 0], 3),
]


@pytest.mark.parametrize(("sentence", "answers", "tried"), CONNECTIONS, ids=[row[0] for row in CONNECTIONS])
def test_addresses_are_tried_in_order(
    sentence: str, answers: list[int], tried: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    log: list[Any] = []

    class Socket:
        def __init__(self, *kind: int) -> None:
            self.number = sum(entry[0] == "made" for entry in log)
            log.append(("made", *kind))

        def settimeout(self, seconds: float) -> None:
            log.append(("timeout", seconds))

        def connect(self, address: Any) -> None:
            log.append(("connect", address))
            if not answers[self.number]:
                raise OSError(f"failure {self.number}")

        def close(self) -> None:
            log.append(("closed", self.number))

    def found(host: str, port: int, *, type: int) -> Any:  # noqa: A002  # the name is the standard library's
        assert type == socket.SOCK_STREAM
        return [(2, 1, number, "", (host, port)) for number in range(len(answers))]

    monkeypatch.setattr("time.monotonic", lambda: 100.0)
    monkeypatch.setattr("socket.socket", Socket)
    monkeypatch.setattr("socket.getaddrinfo", found)
    if answers[tried - 1]:
        assert fetching._connect("a", 80, 103.0).number == tried - 1
    else:
        with pytest.raises(OSError, match=f"^failure {tried - 1}$"):
            fetching._connect("a", 80, 103.0)
    expected: list[Any] = []
    for number in range(tried):
        expected += [("made", 2, 1, number), ("timeout", 3.0), ("connect", ("a", 80))]
        expected += [] if answers[number] else [("closed", number)]
    assert log == expected
