"""`cors`: which origins can be listed, and the remedy for those that would never match."""

import random
import re

import pytest

from asgi_middleware import ConfigError, CORSMiddleware, CORSPolicy

from .apps import text
from .browser_model import A, B
from .refusing import HOST_REMEDY, refusals

PORT_REMEDY = "write for example ':8000', or ':*' for any port"

# One origin that no browser sends, or that means more than it seems, and its repair.
BAD_ORIGINS: list[tuple[str, str, str]] = [
    ("a slash at the end", "https://a.example/", "write 'https://a.example'"),
    ("two slashes at the end", "https://a.example//", "write 'https://a.example'"),
    ("a path", "https://a.example/path", "write 'https://a.example'"),
    ("a query", "https://a.example?x=1", "write 'https://a.example'"),
    ("a fragment", "https://a.example#x", "write 'https://a.example'"),
    ("a decomposed letter", "https://bu\u0308cher.example", "write 'https://xn--bcher-kva.example'"),
    ("letters and a dot of full width", "https://\uff41\u3002example", "write 'https://a.example'"),
    (
        "a label that no name server knows",
        f"https://{'a' * 64}.example",
        "write 'https://example.com' or 'https://*.example.com'",
    ),
    ("a regular expression", "https://app[.]example[.]com", "write 'https://example.com'"),
    ("a blank inside", "https://a.example b.example", "write 'https://example.com'"),
    ("an address of two numbers", "http://127.1", "write it as four numbers, such as '127.0.0.1'"),
    ("an address in hexadecimals", "http://0x7f.0.0.1", "write it as four numbers, such as '127.0.0.1'"),
    ("an address in one number", "http://2130706433", "write it as four numbers, such as '127.0.0.1'"),
    ("no address", "http://256.256.256.256", "write it as four numbers, such as '127.0.0.1'"),
    ("hosts below an address", "http://*.127.0.0.1", "write it as four numbers, such as '127.0.0.1'"),
    ("a long IPv6 address", "http://[0:0:0:0:0:0:0:1]:3000", "write the host as '[::1]'"),
    ("an IPv4 address in IPv6", "http://[::ffff:127.0.0.1]", "write the host as '[::ffff:7f00:1]'"),
    ("an IPv4 address in IPv6, with noughts", "http://[::ffff:0102:0304]", "write the host as '[::ffff:102:304]'"),
    ("no IPv6 address", "http://[:::]", "write for example 'http://[::1]'"),
    ("a slash after a very long host", "https://" + "a" * 100_000 + "/", "write 'https://example.com'"),
    ("https with its default port", "https://a.example:443", "write 'https://a.example'"),
    ("http with its default port", "http://a.example:80", "write 'http://a.example'"),
    ("a colon without a port", "https://a.example:", "write 'https://a.example'"),
    ("a capital in the host", "https://A.example", "write 'https://a.example'"),
    ("a capital in the scheme", "HTTPS://a.example", "write 'https://a.example'"),
    ("a Unicode host", "https://bücher.example", "write 'https://xn--bcher-kva.example'"),
    ("a Unicode host in capitals", "https://BÜCHER.example", "write 'https://xn--bcher-kva.example'"),
    (
        "a Unicode host under a star, with a port",
        "https://*.bücher.example:*",
        "write 'https://*.xn--bcher-kva.example:*'",
    ),
    # Browsers keep the sharp s (UTS 46, nontransitional); "fass" belongs to somebody else.
    ("a Unicode host with a sharp s", "https://faß.example", "write 'https://xn--fa-hia.example'"),
    ("a user name", "https://user@a.example", "write scheme and host alone"),
    ("a user name and a password", "https://user:secret@a.example", "write scheme and host alone"),
    ("port 0", "https://a.example:0", PORT_REMEDY),
    ("port 65536", "https://a.example:65536", PORT_REMEDY),
    ("a port with a leading zero", "https://a.example:080", PORT_REMEDY),
    ("a port in letters", "https://a.example:http", PORT_REMEDY),
    ("a port in wide digits", "https://a.example:\uff18\uff10", PORT_REMEDY),
    ("a star in a port", "https://a.example:80*", PORT_REMEDY),
    ("a blank in front", " https://a.example", "write 'https://a.example'"),
    ("a line break behind", "https://a.example\r\n", "write 'https://a.example'"),
    ("null", "null", "leave it out, or set dangerously_allow_null_origin=True"),
    ("a file origin with a host", "file://host", "serve the page over http"),
    ("a file origin", "file://", "write 'https://example.com'"),
    ("a host without a scheme", "a.example", "write 'https://a.example'"),
    ("a pattern without a scheme", "*.example.com", "write 'https://*.example.com'"),
    ("a host and port without a scheme", "a.example:8000", "write 'https://a.example:8000'"),
    ("one slash", "https:/a.example", "write 'https://example.com'"),
    ("nothing", "", "write 'https://example.com'"),
    ("any host", "https://*", HOST_REMEDY),
    ("a star within a label", "https://*example.com", HOST_REMEDY),
    ("a star behind a letter", "https://a*.example.com", HOST_REMEDY),
    ("a star in the middle", "https://a.*.example.com", HOST_REMEDY),
    ("two stars", "https://*.*.example.com", HOST_REMEDY),
    ("a star at the end", "https://a.example.*", HOST_REMEDY),
    ("a star for the scheme", "*://a.example", "write 'https://example.com'"),
    ("any extension", "chrome-extension://*", HOST_REMEDY),
    ("an empty label", "https://a..example", HOST_REMEDY),
    ("a hyphen in front of a label", "https://-a.example", HOST_REMEDY),
    ("a backslash", "https://a.example\\", HOST_REMEDY),
    ("a control character", "https://a.exa\x00mple", HOST_REMEDY),
    ("an open bracket", "http://[::1", "write 'https://example.com'"),
    ("an IPv6 host in capitals", "http://[::FFFF]:8000", "write 'http://[::ffff]:8000'"),
    ("an IPv6 host with a zone", "http://[fe80::1%25eth0]", "write 'https://example.com'"),
    ("a tab in front", "\thttps://a.example", "write 'https://a.example'"),
    ("a NUL behind", "https://a.example\x00", HOST_REMEDY),
    ("a letter and a star", "h*", "write 'https://example.com'"),
    ("a lone surrogate", "https://\ud800.example", "write 'https://xn--ib9b.example'"),
]


@pytest.mark.parametrize(("sentence", "origin", "remedy"), BAD_ORIGINS, ids=[row[0] for row in BAD_ORIGINS])
def test_an_origin_that_would_never_match_is_refused(sentence: str, origin: str, remedy: str) -> None:
    assert refusals({"allow_origins": [origin]}) == [("allow_origins", remedy)]


# What people write, and what they meant: the first remedy names it, so that nobody is refused twice.
MEANT: list[tuple[str, str, list[str]]] = [
    ("a default port and a slash", "https://a.example:443/", [A]),
    ("capitals and a default port", "https://A.example:443", [A]),
    ("capitals and a slash", "HTTPS://A.example/", [A]),
    ("a Unicode host and a slash", "https://bücher.example/", ["https://xn--bcher-kva.example"]),
    ("a Unicode host and a blank", "https://bücher.example ", ["https://xn--bcher-kva.example"]),
    ("a letter and a star", "h*", []),
    ("two origins with a comma", "https://a.example,https://b.example", [A, B]),
    ("two origins with a comma and a blank", "https://a.example, https://b.example", [A, B]),
]


@pytest.mark.parametrize(("sentence", "origin", "meant"), MEANT, ids=[row[0] for row in MEANT])
def test_a_remedy_names_only_what_is_accepted_and_was_meant(sentence: str, origin: str, meant: list[str]) -> None:
    ((option, remedy),) = refusals({"allow_origins": [origin]})
    assert option == "allow_origins"
    named = re.findall(r"'([^']+)'", remedy)
    assert set(named) <= {*meant, "https://example.com", "https://*.example.com"}
    CORSMiddleware(text(b"ok"), allow_origins=named)


# What an origin is made of, and what hides in one.
PIECES = [
    "http", "https", "://", ":", "/", "*", "*.", ".", "a", "A", "\xe9", "\xdf", "\ud800", "\U0001f600", "\x00", "\n",
    " ", "[", "]", "[::1]", "443", "80", "8000", "@", "?", "#", "%", ",", "-", "_", "xn--", "null", "file", "\\",
    "\u3002", "\u200d", "\uff21", "\u0130", "\xb2", "localhost", "example.com", "https://a.example",
    "https://*.example.com",
]  # fmt: skip


def test_any_text_is_refused_with_a_readable_sentence_or_means_itself() -> None:
    chance = random.Random(6454)  # noqa: S311  # repeatable, not secret
    taken = refused = 0
    for _ in range(3000):
        origin = chance.choice(["", "https://", "http://"]) + "".join(chance.choices(PIECES, k=chance.randrange(1, 5)))
        try:
            policy = CORSPolicy(allow_origins=[origin])
        except ConfigError as error:
            refused += 1
            (problem,) = error.problems
            told = f"{problem.seen} {problem.rule} {problem.remedy}"
            assert told.isprintable(), ascii(told)
            assert len(problem.seen) <= 80
            continue
        taken += 1
        if origin == "*":
            continue
        sent = origin.replace("//*.", "//x.y.").replace(":*", ":8000")
        assert policy.allows_by_list(sent.encode()), origin
        assert [policy.allows_by_list(other.encode()) for other in (f"{sent}.evil.example", f"x{sent}", "")] == [
            False,
            False,
            False,
        ], origin
    assert min(taken, refused) > 100, (taken, refused)


GOOD_ORIGINS = [
    "https://a.example",
    "http://localhost:3000",
    "http://localhost:*",
    "http://127.0.0.1:8000",
    "http://[::1]:8000",
    "http://[::1]:*",
    "https://a_b.example",
    "https://xn--bcher-kva.example",
    "http://a.example:443",
    "https://a.example:80",
    "https://a.example:65535",
    "https://*.example.com",
    "https://*.example.com:8443",
    "https://*.example.com:*",
    "https://*.com",
    "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
    "moz-extension://0b0c7e0e-5f2e-4d2f-9d5e-2f6f5e3a1b0c",
    "capacitor://localhost",
    "tauri://localhost",
]


@pytest.mark.parametrize("origin", GOOD_ORIGINS)
def test_an_origin_that_a_browser_sends_can_be_listed(origin: str) -> None:
    assert CORSMiddleware(text(b"ok"), allow_origins=[origin]).policy.allow_origins == (origin,)
