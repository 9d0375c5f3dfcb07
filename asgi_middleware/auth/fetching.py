"""Keys over HTTP: the rules for addresses, and the default `fetch(url) -> bytes`, on the standard library.

`fetch` takes an answer of 200 and nothing else: no redirects (they lead where nobody configured), no compression, no
credentials, no cookies, and no proxies, whatever the environment says. Who needs one, or other certificates, passes a
`fetch` of their own. It ends after 5 seconds in all, also against an answer that drips; only the resolver of names
keeps its own time. Private addresses are not refused: the address is configured, never taken from a token.
"""

import io
import ipaddress
import re
import time
from collections.abc import Callable
from typing import Any

from .._options import Options, shown

Fetch = Callable[[str], bytes]

# Far above real documents: a key has about 2 KB with its certificates.
LARGEST = 256 * 1024  # bytes
_DEADLINE = 5.0  # seconds, in all
# RFC 3986: what may stand in a URL, so no white space and nothing beyond ASCII.
_URL = re.compile(r"(https?)://([^/?#]*)([!$-;=?-Z_a-z~@%\[\]]*)(#.*)?", re.IGNORECASE | re.ASCII)
_AUTHORITY = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?")


class FetchError(Exception):
    """An answer that is no document, or a document that is none of keys. The text is fixed, nothing of the answer."""


def why_not(url: str) -> tuple[str, str] | None:
    """What is wrong with an address, and the remedy; None if it is good."""
    found = _URL.fullmatch(url)
    if found is None:
        return "is no address over HTTP", "write 'https://...', in ASCII"
    scheme, authority, _, fragment = found.groups()
    if "@" in authority:
        return "holds a user name or password", "pass a `fetch` that sends them"
    if fragment is not None:
        return "has a fragment, which is never sent", "leave it out"
    named = _AUTHORITY.fullmatch(authority)
    if named is None or not 0 < int(named.group(2) or 1) < 65536:
        return "names no host", "write 'https://idp.example/...'"
    if scheme.lower() != "https" and not _is_loopback(named.group(1)):
        return "must be https: anybody on the way could put in keys", "write 'https://...'"
    return None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def check_url(options: Options, option: str, url: Any) -> str:
    """A good address; what is wrong with another one is a problem."""
    if not isinstance(url, str):
        options.problem(option, type(url).__name__, "must be text", "write 'https://...'")
        return ""
    problem = why_not(url)
    if problem is not None:
        # never with a password that is in it
        options.problem(option, "" if "@" in url else shown(without_query(url)), *problem)
    return url


def without_query(url: str) -> str:
    """An address as logs may show it: a query may hold a secret."""
    bare, mark, _ = url.partition("?")
    return f"{bare}?..." if mark else bare


def fetch(url: str) -> bytes:
    """The body of the answer to a GET. FetchError or OSError, or HTTPException, where there is none."""
    # Here, not above: who has no keys to fetch does not pay for it.
    import http.client
    import ssl
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    ends = time.monotonic() + _DEADLINE
    is_secure = parts.scheme == "https"
    host, port = parts.hostname or "", parts.port or (443 if is_secure else 80)
    # It frames alone; the socket is ours, because its own knows no deadline but for each single read. Without the port
    # it would look for one in an IPv6 address.
    connection = http.client.HTTPConnection(host, port)
    sock: Any = _connect(host, port, ends)
    try:
        if is_secure:
            sock = ssl.create_default_context().wrap_socket(sock, server_hostname=host)
        connection.sock = _Timed(sock, ends)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", path, headers={"Host": parts.netloc, "Accept": "application/json"})
        with connection.getresponse() as response:
            if response.status != 200:
                raise FetchError(f"the answer is {response.status}, not 200")
            body = response.read(LARGEST + 1)
    finally:
        sock.close()
    if len(body) > LARGEST:
        raise FetchError(f"the answer has more than {LARGEST} bytes")
    return body


def _connect(host: str, port: int, ends: float) -> Any:
    """A socket to the first address that answers. OSError where none does."""
    import socket

    failure = OSError("the name has no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(_left(ends))
            sock.connect(address)
        except OSError as error:
            sock.close()
            failure = error
        else:
            return sock
    raise failure


def _left(ends: float) -> float:
    """The seconds that are left. TimeoutError when there are none."""
    left = ends - time.monotonic()
    if left <= 0:
        raise TimeoutError("no whole answer in time")
    return left


class _Timed(io.RawIOBase):
    """A socket, as `http.client` uses one, whose every read and write ends when the whole must."""

    def __init__(self, sock: Any, ends: float) -> None:
        self._sock = sock
        self._ends = ends

    def sendall(self, data: bytes) -> None:
        self._sock.settimeout(_left(self._ends))
        self._sock.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        # another one, because closing the connection must not close what its answer is read from
        return io.BufferedReader(_Timed(self._sock, self._ends))

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(_left(self._ends))
        received: int = self._sock.recv_into(buffer)
        return received
