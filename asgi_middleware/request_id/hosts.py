"""Which hosts may be told an ID: exact ones, and `*.example.com` for everything below, never for the domain itself.

The URL is not resolved and not normalised, and its host is only taken where every reader takes the same one. A user
name, a backslash, a blank, a percent sign or an empty label before the path, a number that some read as an address: a
doubt means no host, and no host is told nothing (RFC 3986, 3.2; WHATWG URL, 4.4).
"""

import ipaddress
import re
import unicodedata

from .._options import Options, shown
from .._types import Strings

_URL = re.compile(
    r"(?:https?|wss?)://(\[[^\]]*\]|[^/?#:\[\]]*)(?::[0-9]{1,5})?(?:[/?#].*)?", re.ASCII | re.IGNORECASE | re.DOTALL
)
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}")
_LONGEST = 253  # characters of a name (RFC 1035, 2.3.4)
# A last label that makes the whole an IPv4 address, for some readers in other than four numbers (WHATWG URL, 3.5).
_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
_REMEDY = "write 'api.example.com', '*.example.com', '127.0.0.1' or '::1', without scheme and port"


class Hosts:
    """A checked list of hosts."""

    __slots__ = ("_below", "_exact")

    def __init__(self, options: Options, option: str, allow: Strings) -> None:
        exact: set[str] = set()
        below: list[str] = []
        for entry in options.strings(option, allow, example="['api.example.com']"):
            name = known(entry.removeprefix("*."))
            if name is None or (entry.startswith("*.") and _is_address(name)):
                options.problem(option, shown(entry), "is no host", _REMEDY)
            elif entry.startswith("*."):
                below.append("." + name)
            else:
                exact.add(name)
        self._exact = frozenset(exact)
        self._below = tuple(below)

    def allow(self, host: str | None) -> bool:
        """Whether a host, as `known` gives it, is listed."""
        return host is not None and (host in self._exact or host.endswith(self._below))


def host_of(url: str) -> str | None:
    """The host of an absolute http, https, ws or wss URL in the form in which `Hosts` compares; None where in doubt."""
    match = _URL.fullmatch(url)
    return None if match is None else known(match[1])


def known(host: str) -> str | None:
    """A host in one form: in ASCII and lower-case, an IPv6 address short and in brackets. None for what is no host."""
    if host.startswith("[") and host.endswith("]") and ":" in host:
        return _ipv6(host[1:-1])
    if ":" in host:
        return _ipv6(host)
    name = _in_ascii(host)
    if name is None or len(name) > _LONGEST or not _NAME.fullmatch(name):
        return None
    return _ipv4(name) if _NUMBER.fullmatch(name) else name


def _is_address(name: str) -> bool:
    return name.startswith("[") or _NUMBER.fullmatch(name) is not None


def _ipv4(text: str) -> str | None:
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        return None


def _ipv6(text: str) -> str | None:
    try:
        return None if "%" in text else f"[{ipaddress.IPv6Address(text)}]"
    except ValueError:
        return None


def _in_ascii(host: str) -> str | None:
    """A name with its labels in Punycode (RFC 3492). None where the versions of IDNA read it in different ways.

    They agree where nothing is left to be mapped, and there are only letters, digits, their marks and hyphens.
    """
    if host.isascii():
        return host.lower()
    host = "".join(character.lower() if character.isascii() else character for character in host)
    plain = all(character in "-." or unicodedata.category(character)[0] in "LMN" for character in host)
    if not plain or unicodedata.normalize("NFKC", host.casefold()) != host:
        return None
    labels = (label if label.isascii() else "xn--" + label.encode("punycode").decode() for label in host.split("."))
    return ".".join(labels)
