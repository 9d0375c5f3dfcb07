"""`request_id`: the host that is compared is the host that clients connect to."""

import ipaddress
import random
from urllib.parse import urlsplit

import httpx2
import pytest

from asgi_middleware.request_id.hosts import host_of, known

# Half of each URL is what hosts are made of.
PLAIN = (
    "api.example.com",
    "evil.example",
    "localhost",
    "b\xfccher",
    "xn--bcher-kva",
    "127.0.0.1",
    "[::1]",
    "a",
    ".",
    "-",
)
ODD = (
    *("https://", "//", "\\", "/", "?", "#", "@", ":", "%", ";", ",", "_", "*", "[", "]", ":443", "%2e", "%40", "%00"),
    *("\t", "\n", "\r", " ", "\x00", "\xa0", "\xad", "\u200d", "\u3002", "\uff0e", "\uff0f", "\u2044", "\uff41"),
    *("127.1", "0x7f", "0177", "2130706433", "1", "::1", "[::ffff:7f00:1]", "stra\xdfe", "K\u212a", "\u0130", "A"),
)


def urls(seed: int, count: int) -> list[str]:
    rng = random.Random(seed)  # noqa: S311  # repeatable on purpose
    return [
        rng.choice(("https://", "http://", "HTTP://", ""))
        + "".join(rng.choice(rng.choice((PLAIN, ODD))) for _ in range(rng.randint(1, 5)))
        for _ in range(count)
    ]


def by_httpx(url: str) -> str | None:
    """The host that httpx connects to; None where it refuses the URL."""
    try:
        parsed = httpx2.URL(url)
        return parsed.raw_host.decode("ascii") if parsed.scheme in ("http", "https") else None
    except (httpx2.InvalidURL, UnicodeError):
        return None


def by_urllib(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def unlike(ours: str, theirs: str) -> bool:
    """Whether a client's host is another one than ours, which is in ASCII, with brackets around an IPv6 address."""
    if ours.startswith("["):
        return ipaddress.IPv6Address(ours[1:-1]) != ipaddress.ip_address(theirs.strip("[]"))
    labels = theirs.lower().split(".")  # urllib leaves it to others to encode them
    return ours != ".".join(x if x.isascii() else "xn--" + x.encode("punycode").decode() for x in labels)


HOSTS: list[tuple[str, str | None]] = [
    ("0xbe", None),  # an address to some
    ("0x", None),
    ("a.0XBE", None),
    ("xbe", "xbe"),
    ("::1]", None),
    ("[::1", None),
    ("[::1]", "[::1]"),
    ("::0001", "[::1]"),
    ("1.2.3.4", "1.2.3.4"),
    ("1.2.3", None),
    ("B\xfccher.EXAMPLE", "xn--bcher-kva.example"),
    ("B\xdccher", None),
]


@pytest.mark.parametrize(("host", "expected"), HOSTS, ids=[ascii(row[0]) for row in HOSTS])
def test_a_host_has_one_form(host: str, expected: str | None) -> None:
    assert known(host) == expected


def test_clients_connect_to_the_host_that_was_compared() -> None:
    compared = {url: host for url in urls(1, 40_000) if (host := host_of(url)) is not None}
    assert len(compared) > 1000
    assert len(set(compared.values())) > 100
    for read in (by_httpx, by_urllib):
        theirs = {url: read(url) for url in compared}
        assert {url: host for url, host in theirs.items() if host and unlike(compared[url], host)} == {}


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ("api.example.com", "API.example.com", False),
        ("api.example.com", "evil.example", True),
        ("[::1]", "::1", False),
        ("[::1]", "::2", True),
        ("xn--bcher-kva", "b\xfccher", False),
        ("xn--bcher-kva", "bucher", True),
    ],
)
def test_the_comparison_can_fail(ours: str, theirs: str, expected: bool) -> None:
    assert unlike(ours, theirs) is expected
