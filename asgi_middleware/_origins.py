"""Origins: the grammar of lists of them, and whether one comes from the same host (RFC 6454).

    https://app.example.com      exactly that, byte for byte, as browsers send it
    https://*.example.com        one or more labels in front
    http://localhost:*           any port, or none

Nothing else is a pattern, and there are no regular expressions inside strings.
"""

import ipaddress
import re
import unicodedata
from collections.abc import Iterable

from ._options import Options, shown
from ._scope import header
from ._types import Scope

# Longer origins are refused before any pattern: scheme, the longest host name (253) and port fit well within.
_LONGEST_ORIGIN = 330

_DEFAULT_PORTS = {"http": "80", "https": "443", "ws": "80", "wss": "443"}
_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://(\[[0-9a-f:.]+\]|[^/:@?#\[\]\s]+)(?::([^/:@?#\s]+))?")
_UNPRINTABLE = re.compile(rb"[^!-~]")
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"(?:\*\.)?(?:{_LABEL}\.)*{_LABEL}")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PORT = re.compile(r"[1-9][0-9]{0,4}")


class Origins:
    """A checked list of origins and patterns. With `credentials`, patterns for whole top-level domains are refused."""

    __slots__ = ("_exact", "_patterns")

    def __init__(self, options: Options, option: str, origins: Iterable[str], *, credentials: bool) -> None:
        exact: set[bytes] = set()
        patterns: dict[str, re.Pattern[str]] = {}
        for origin in origins:
            wrong = wrong_with(origin, credentials=credentials)
            if wrong is not None:
                options.problem(option, shown(origin), *wrong)
            elif "*" in origin:
                patterns[origin] = _compiled(origin)
            else:
                exact.add(origin.encode())
        self._exact = frozenset(exact)
        self._patterns = patterns

    def allow(self, origin: bytes) -> bool:
        """Whether an Origin header's value is listed."""
        return origin in self._exact or self.pattern_for(origin) is not None

    def pattern_for(self, origin: bytes) -> str | None:
        """The pattern that stands for an Origin header's value, None where there is none."""
        if not self._patterns or not may_be_origin(origin):
            return None
        text = origin.decode("latin-1")
        return next((pattern for pattern, compiled in self._patterns.items() if compiled.fullmatch(text)), None)


def may_be_origin(origin: bytes) -> bool:
    """Whether an Origin header's value is short and printable ASCII, so that it can be matched, and sent back."""
    return len(origin) <= _LONGEST_ORIGIN and _UNPRINTABLE.search(origin) is None


def is_same_host(origin: bytes, scope: Scope) -> bool:
    """Whether the page came from this host: host and port compared, the default port dropped, not the scheme.

    The scheme would tell nothing behind a proxy that ends TLS.
    """
    host = header(scope, b"host")
    scheme, separator, rest = origin.partition(b"://")
    if host is None or not separator:
        return False
    port = _DEFAULT_PORTS.get(scheme.decode("latin-1"))
    suffix = b":" + port.encode() if port else b":"
    return rest.removesuffix(suffix) == host.lower().removesuffix(suffix)


def wrong_with(origin: str, *, credentials: bool) -> tuple[str, str] | None:
    """Rule and remedy for what is neither an origin nor a pattern; None for what is."""
    if origin == "null":
        return "is sent by sandboxed frames of any site", "leave it out, or set dangerously_allow_null_origin=True"
    match = _ORIGIN.fullmatch(origin)
    if match is None and _ORIGIN.fullmatch(origin.lower()):
        return "browsers send origins in lower case", _suggestion(origin)
    if match is None:
        return _why_no_origin(origin)
    scheme, host, port = match.groups()
    if not host.isascii():
        return "browsers send host names in ASCII", _suggestion(origin)
    if host != host.lower():
        return "browsers send origins in lower case", _suggestion(origin)
    if scheme == "file":
        return "pages from files send the origin 'null'", "serve the page over http"
    if not host.startswith("[") and not _HOST.fullmatch(host):
        return (
            "the host is no host name, or `*` stands elsewhere than first, before a dot",
            "write 'https://example.com' or 'https://*.example.com'",
        )
    wrong = _wrong_with_address(host)
    if wrong is not None:
        return wrong
    if host.startswith("*.") and "." not in host[2:] and host != "*.localhost" and credentials:
        return "covers a whole top-level domain", "name the domain, as in 'https://*.example.com'"
    if port is not None and port != "*" and not (_PORT.fullmatch(port) and int(port) <= 65535):
        return "the port is not a number from 1 to 65535", "write for example ':8000', or ':*' for any port"
    if port is not None and port == _DEFAULT_PORTS.get(scheme):
        return "browsers leave the default port out", _suggestion(origin)
    return None


def _wrong_with_address(host: str) -> tuple[str, str] | None:
    """Rule and remedy for an IP address that browsers write otherwise (WHATWG URL, 3.5); None for any other host."""
    if host.startswith("["):
        try:
            address = ipaddress.IPv6Address(host[1:-1])
        except ValueError:
            return "the host is no IPv6 address", "write for example 'http://[::1]'"
        short = str(address)
        if address.ipv4_mapped is not None:  # which Python writes in either form, by its version
            short = f"::ffff:{int(address) >> 16 & 0xFFFF:x}:{int(address) & 0xFFFF:x}"
        if short != host[1:-1]:
            return "browsers send an IPv6 address in its short form", f"write the host as '[{short}]'"
        return None
    if _NUMBER.fullmatch(host.rpartition(".")[2]) is None:
        return None
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return "the host ends in a number, so it is an IP address", "write it as four numbers, such as '127.0.0.1'"
    return None


def _why_no_origin(origin: str) -> tuple[str, str]:
    """Rule and remedy for text that does not have an origin's shape."""
    if len(re.findall("://", origin)) > 1:
        return "names several origins", "write each as a text of its own"
    if re.search(r"[\x00-\x20\x7f]", origin):
        return "has blanks or control characters", _suggestion(origin)
    if _ORIGIN.fullmatch(origin.rstrip("/")):
        return "an origin has no slash at the end", _suggestion(origin)
    if "://" not in origin:
        return "an origin has a scheme", _suggestion(f"https://{origin}")
    if "@" in origin:
        return "an origin has no user name", "write scheme and host alone"
    lower = origin.lower()
    beginning = _ORIGIN.match(lower)
    if beginning is None or lower[beginning.end()] not in "/?#:":
        return "is no origin, and no pattern", _suggestion("")
    return "an origin is scheme, host and port alone", _suggestion(beginning.group())


def _suggestion(origin: str) -> str:
    """The remedy that writes the origin as a browser sends it, if that is plain; else an example."""
    mended = re.sub(r"^[\x00-\x20\x7f]+|[\x00-\x20\x7f]+$", "", origin).rstrip("/").lower()
    scheme, _, rest = mended.partition("://")
    host, colon, port = rest.partition(":")
    if colon and port == _DEFAULT_PORTS.get(scheme):
        colon = port = ""
    mended = f"{scheme}://{_in_ascii(host)}{colon}{port}"
    if (
        len(mended) > _LONGEST_ORIGIN
        or not _ORIGIN.fullmatch(mended)
        or wrong_with(mended, credentials=False) is not None
    ):
        mended = "https://example.com"
    return f"write {mended!r}"


def _in_ascii(host: str) -> str:
    """The host's labels as browsers send them (UTS 46, Punycode of RFC 3492)."""
    host = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", host).lower()).replace("\u3002", ".")
    labels = (label if label.isascii() else "xn--" + label.encode("punycode").decode() for label in host.split("."))
    return ".".join(labels)


def _compiled(pattern: str) -> re.Pattern[str]:
    """The pattern as a regular expression to match in full; its work is linear in the origin's length."""
    scheme, _, rest = pattern.partition("://")
    labels = r"(?:[a-z0-9_-]+\.)+" if rest.startswith("*.") else ""
    ports = r"(?::[0-9]{1,5})?" if rest.endswith(":*") else ""
    return re.compile(f"{re.escape(scheme)}://{labels}{re.escape(rest.removeprefix('*.').removesuffix(':*'))}{ports}")
