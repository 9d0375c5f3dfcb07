"""`_cookies`: one cookie found by name, however hostile the rest; Set-Cookie's attributes; what browsers refuse."""

import itertools
import random
import time
from collections.abc import Callable
from typing import Any

import pytest
from starlette.middleware.sessions import SessionMiddleware as Peer

from asgi_middleware import _cookies
from asgi_middleware._options import Options

from .apps import start
from .asgi import drive, http

Mapping = dict[str, Any]

FOUND: list[tuple[str, bytes, list[bytes]]] = [
    ("no header", b"", []),
    ("one", b"session=a", [b"a"]),
    ("among others", b"x=1; session=a; y=2", [b"a"]),
    ("without spaces", b"x=1;session=a;y=2", [b"a"]),
    ("with many spaces and tabs", b"x=1; \t  session=a \t ; y=2", [b"a"]),
    ("spaces in front of everything", b"  session=a", [b"a"]),
    ("an empty value", b"session=", [b""]),
    ("an empty value among others", b"session=; x=1", [b""]),
    ("a value with an equals sign", b"session=a=b==", [b"a=b=="]),
    ("quotes are taken off once", b'session="a"', [b"a"]),
    ("two pairs of quotes lose one", b'session=""a""', [b'"a"']),
    ("empty quotes", b'session=""', [b""]),
    ("one quote is part of the value", b'session="', [b'"']),
    ("a quote at one end stays", b'session="a', [b'"a']),
    ("nothing inside quotes is undone", b'session="\\073\\"%3B"', [b'\\073\\"%3B']),
    ("a semicolon ends a value, quoted or not (RFC 6265, 5.2)", b'session="a;b"', [b'"a']),
    ("bytes above ASCII", b"session=\xff\x00\x80", [b"\xff\x00\x80"]),
    ("another that ends alike", b"xsession=a", []),
    ("another that begins alike", b"session2=a", []),
    ("another that begins alike, then ours", b"session2=a; session=b", [b"b"]),
    ("another that ends alike, then ours", b"my-session=a; session=b", [b"b"]),
    ("another that holds it", b"x=session=a", []),
    ("another whose value ends with a space and it", b"x=y session=a", []),
    ("names have a case", b"Session=a; SESSION=b", []),
    ("a name alone", b"session", []),
    ("a name alone, then ours", b"session; session=a", [b"a"]),
    ("a comma parts nothing", b"x=1, session=a", []),
    ("its own name as its value", b"session=session=a", [b"session=a"]),
    ("several, in order", b"session=a; x=1; session=b; session=c", [b"a", b"b", b"c"]),
    ("four of five", b"; ".join(b"session=%d" % n for n in range(5)), [b"0", b"1", b"2", b"3"]),
    ("foreign ones are not counted", b"session2=x; " * 9 + b"session=a", [b"a"]),
    ("semicolons alone", b";;;session=a;;;", [b"a"]),
    ("the longest", b"session=" + b"a" * 4096, [b"a" * 4096]),
    ("one byte too long", b"session=" + b"a" * 4097, []),
    ("over-long ones are not counted", b"session=" + b"a" * 5000 + b"; session=b", [b"b"]),
    ("the longest in quotes", b'session="' + b"a" * 4096 + b'"', [b"a" * 4096]),
]


@pytest.mark.parametrize(("sentence", "value", "expected"), FOUND, ids=[row[0] for row in FOUND])
def test_candidates(sentence: str, value: bytes, expected: list[bytes]) -> None:
    assert _cookies.candidates(value, b"session") == expected


def split(value: bytes, name: bytes) -> list[bytes]:
    """What a server reads (RFC 6265, 5.4 backwards), by splitting."""
    found = []
    for part in value.split(b";"):
        key, equals, text = part.strip(b" \t").partition(b"=")
        if key == name and equals:
            text = text.strip(b" \t")
            if len(text) > 1 and text[:1] == text[-1:] == b'"':
                text = text[1:-1]
            if len(text) <= 4096:
                found.append(text)
    return found[:4]


@pytest.mark.parametrize("name", [b"s", b"ss", b"session", b"__Host-s"])
def test_candidates_agrees_with_splitting_on_random_headers(name: bytes) -> None:
    rng = random.Random(name)  # noqa: S311  # seeded, no secret
    pieces = [name, name + b"=", b"=", b";", b"; ", b" ", b"\t", b'"', b"a", b"s", b"\xff", b",", b"\\", name[:-1]]
    hits = 0
    for _ in range(10_000):
        value = b"".join(rng.choices(pieces, k=rng.randint(0, 14)))
        expected = split(value, name)
        hits += len(expected)
        assert _cookies.candidates(value, name) == expected, value
    assert hits > 1000


def seconds(do: Callable[[], object]) -> float:
    """The quickest of several runs, in this thread's own time: other programs hardly disturb it."""
    times = []
    for _ in range(7):
        before = time.thread_time()
        do()
        times.append(time.thread_time() - before)
    return min(times)


def full(piece: bytes, size: int) -> bytes:
    return (piece * (size // len(piece) + 1))[:size]


HOSTILE = [
    ("backslashes in quotes (CVE-2024-7592)", b"\\"),
    ("the name", b"session"),
    ("the name and a space", b"session "),
    ("a space and the name", b" session"),
    ("the name and spaces", b"session" + b" " * 500),
    ("the name and an equals sign", b"session="),
    ("the name behind a letter", b"xsession=;"),
    ("over-long values", b"session=" + b"a" * 4097 + b";"),
    ("semicolons", b";"),
    ("spaces", b" "),
    ("quotes", b'"'),
]


@pytest.mark.parametrize(("sentence", "piece"), HOSTILE, ids=[row[0] for row in HOSTILE])
def test_a_hostile_header_of_60_kb_takes_less_than_5_ms(sentence: str, piece: bytes) -> None:
    value = b'x="' + full(piece, 60_000) + b'"; session'
    assert seconds(lambda: _cookies.candidates(value, b"session")) < 0.005


class Counted(bytes):
    """Bytes that count how many of them are copied out by slicing."""

    copied = 0

    def __getitem__(self, index: Any) -> Any:
        part = super().__getitem__(index)
        self.copied += len(part) if isinstance(part, bytes) else 1
        return part


@pytest.mark.parametrize("piece", [b"s", b" s", b"s ", b"s=", b"xs=;", b"s" + b" " * 50, b"s=1;"])
def test_work_is_linear_in_the_length_of_the_header(piece: bytes) -> None:
    value = Counted(b"x=" + full(piece, 20_000))
    assert _cookies.candidates(value, b"s") == split(bytes(value), b"s")
    allowed = 4 * len(value)
    assert value.copied <= allowed


PLAIN: Mapping = {
    "path": "/",
    "max_age": 60,
    "same_site": "lax",
    "secure": False,
    "domain": None,
    "partitioned": False,
}
WRITTEN: list[tuple[str, Mapping, str, str]] = [
    (
        "the usual",
        {},
        "; path=/; Max-Age=60; httponly; samesite=lax",
        "; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; httponly; samesite=lax",
    ),
    (
        "everything",
        {"path": "/app", "same_site": "none", "secure": True, "domain": "a.b", "partitioned": True},
        "; path=/app; Max-Age=60; httponly; samesite=none; secure; domain=a.b; partitioned",
        "; path=/app; expires=Thu, 01 Jan 1970 00:00:00 GMT; httponly; samesite=none; secure; domain=a.b; partitioned",
    ),
    (
        "until the browser ends",
        {"max_age": None},
        "; path=/; httponly; samesite=lax",
        "; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; httponly; samesite=lax",
    ),
    (
        "an age of 0 is written",
        {"max_age": 0},
        "; path=/; Max-Age=0; httponly; samesite=lax",
        "; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; httponly; samesite=lax",
    ),
    (
        "so is -1",
        {"max_age": -1, "same_site": "strict"},
        "; path=/; Max-Age=-1; httponly; samesite=strict",
        "; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; httponly; samesite=strict",
    ),
]


@pytest.mark.parametrize(("sentence", "changes", "kept", "deleted"), WRITTEN, ids=[row[0] for row in WRITTEN])
def test_attributes(sentence: str, changes: Mapping, kept: str, deleted: str) -> None:
    values = {**PLAIN, **changes}
    assert (_cookies.attributes(**values), _cookies.attributes(**values, delete=True)) == (kept, deleted)


COMBINATIONS = list(
    itertools.product(
        ("/", "/app"), (None, 0, -1, 60), ("lax", "strict", "none"), (False, True), (None, "example.com"), (False, True)
    )
)


@pytest.mark.parametrize("delete", [False, True])
def test_every_combination_of_attributes_is_spelled_as_starlette_spells_it(delete: bool) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"]["a"] = 1
        if delete:
            scope["session"].clear()
        await send(start())

    for path, max_age, same_site, secure, domain, partitioned in COMBINATIONS:
        # Starlette deletes only what it was sent, and believes no cookie when max_age is below 1
        options: Any = (max_age, path, same_site, secure, domain, partitioned)
        peer = Peer(app, "secret", "s", *options)
        if delete:
            fresh = Peer(app, "secret", "s").signer.sign(b"e30=").decode()
            if max_age in (0, -1):
                continue
            sent = drive(peer, http(headers=[("cookie", f"s={fresh}")]))
        else:
            sent = drive(peer, http())
        ours = _cookies.attributes(
            path=path,
            max_age=max_age,
            same_site=same_site,
            secure=secure,
            domain=domain,
            partitioned=partitioned,
            delete=delete,
        )
        (theirs,) = sent.header("set-cookie")
        assert ours == theirs[theirs.index(";") :]


GOOD: Mapping = {
    "name_option": "session_cookie",
    "name": "session",
    "path": "/",
    "domain": None,
    "same_site": "lax",
    "secure": "auto",
    "partitioned": False,
}
ALLOWED: list[tuple[str, Mapping]] = [
    ("the defaults", {}),
    ("secure by demand", {"secure": True}),
    ("never secure", {"secure": False}),
    ("a host name", {"domain": "example.com"}),
    ("a host name with a leading dot", {"domain": ".example.com"}),
    ("a name without a dot", {"domain": "localhost"}),
    ("an address", {"domain": "127.0.0.1"}),
    ("a domain of capitals, digits and hyphens", {"domain": "A-B9.A-B9"}),
    ("a path", {"path": "/app/a b~%20"}),
    ("never from elsewhere", {"same_site": "strict"}),
    ("from everywhere, secure where the connection is", {"same_site": "none"}),
    ("partitioned", {"partitioned": True, "secure": True}),
    ("__Host-", {"name": "__Host-session"}),
    ("__Secure- with a domain and a path", {"name": "__Secure-s", "domain": "example.com", "path": "/app"}),
    ("every token character", {"name": "!#$%&'*+-.^_`|~09azAZ"}),
]


@pytest.mark.parametrize(("sentence", "changes"), ALLOWED, ids=[row[0] for row in ALLOWED])
def test_what_browsers_keep_is_allowed(sentence: str, changes: Mapping) -> None:
    options = Options("Test")
    _cookies.check(options, **{**GOOD, **changes})
    assert options.problems == []


# A sentence, the options, what is reported (option and value), what the remedy comes to.
REFUSED: list[tuple[str, Mapping, list[tuple[str, str]], Mapping]] = [
    ("an empty name", {"name": ""}, [("session_cookie", "''")], {"name": "s"}),
    ("a name with a space", {"name": "a b"}, [("session_cookie", "'a b'")], {"name": "s"}),
    ("a name with a semicolon", {"name": "a;b"}, [("session_cookie", "'a;b'")], {"name": "s"}),
    ("a name with an equals sign", {"name": "a=b"}, [("session_cookie", "'a=b'")], {"name": "s"}),
    ("a name above ASCII", {"name": "sitzüng"}, [("session_cookie", "'sitzüng'")], {"name": "s"}),
    ("a name of bytes", {"name": b"s"}, [("session_cookie", "b's'")], {"name": "s"}),
    ("a name with a line feed behind", {"name": "s\n"}, [("session_cookie", "'s\\n'")], {"name": "s"}),
    ("no path", {"path": ""}, [("path", "''")], {"path": "/"}),
    ("a path of None", {"path": None}, [("path", "None")], {"path": "/"}),
    ("a path without its slash", {"path": "app"}, [("path", "'app'")], {"path": "/"}),
    ("a path with an attribute", {"path": "/; domain=x"}, [("path", "'/; domain=x'")], {"path": "/"}),
    ("a path with a line break", {"path": "/\r\nx: y"}, [("path", "'/\\r\\nx: y'")], {"path": "/"}),
    ("a path with a line feed behind", {"path": "/\n"}, [("path", "'/\\n'")], {"path": "/"}),
    ("a path above ASCII", {"path": "/ü"}, [("path", "'/ü'")], {"path": "/"}),
    ("a path with an escape character", {"path": "/\x1b"}, [("path", "'/\\x1b'")], {"path": "/"}),
    ("a domain that begins with an underscore", {"domain": "_a"}, [("domain", "'_a'")], {"domain": "a"}),
    ("an empty domain", {"domain": ""}, [("domain", "''")], {"domain": None}),
    ("a domain with an attribute", {"domain": "a; path=/"}, [("domain", "'a; path=/'")], {"domain": None}),
    ("a domain with a scheme", {"domain": "https://a"}, [("domain", "'https://a'")], {"domain": "example.com"}),
    ("a domain with a port", {"domain": "a:80"}, [("domain", "'a:80'")], {"domain": "example.com"}),
    ("a domain with a line feed behind", {"domain": "a\n"}, [("domain", "'a\\n'")], {"domain": None}),
    ("a domain above ASCII", {"domain": "bücher.de"}, [("domain", "'bücher.de'")], {"domain": None}),
    ("a domain of bytes", {"domain": b"a"}, [("domain", "b'a'")], {"domain": "a"}),
    ("SameSite in capitals", {"same_site": "Lax"}, [("same_site", "'Lax'")], {"same_site": "lax"}),
    ("SameSite of None", {"same_site": None}, [("same_site", "None")], {"same_site": "none"}),
    ("SameSite with an attribute", {"same_site": "lax; x"}, [("same_site", "'lax; x'")], {"same_site": "lax"}),
    ("a number for partitioned", {"partitioned": 1}, [("partitioned", "1")], {"partitioned": True}),
    ("a number for secure", {"secure": 1}, [("https_only", "1")], {"secure": True}),
    ("another word for secure", {"secure": "yes"}, [("https_only", "'yes'")], {"secure": True}),
    ("None for secure", {"secure": None}, [("https_only", "None")], {"secure": False}),
    ("SameSite=None in the open", {"same_site": "none", "secure": False}, [("https_only", "False")], {"secure": True}),
    ("partitioned in the open", {"partitioned": True, "secure": False}, [("https_only", "False")], {"secure": True}),
    ("__Secure- in the open", {"name": "__Secure-s", "secure": False}, [("https_only", "False")], {"secure": True}),
    ("__Host- in the open", {"name": "__host-s", "secure": False}, [("https_only", "False")], {"secure": True}),
    ("__Host- with a path", {"name": "__Host-s", "path": "/a"}, [("path", "'/a'")], {"path": "/"}),
    ("__Host- with a domain", {"name": "__Host-s", "domain": "a.b"}, [("domain", "'a.b'")], {"domain": None}),
    (
        "__HOST- with both, in the open, in any case",
        {"name": "__HOST-s", "domain": "a.b", "path": "/a", "secure": False},
        [("https_only", "False"), ("domain", "'a.b'"), ("path", "'/a'")],
        {"domain": None, "path": "/", "secure": True},
    ),
    (
        "three reasons for Secure",
        {"name": "__Secure-s", "same_site": "none", "partitioned": True, "secure": False},
        [("https_only", "False")] * 3,
        {"secure": "auto"},
    ),
    (
        "everything at once",
        {"name": "", "path": "a", "domain": ";", "same_site": "x", "secure": "x", "partitioned": "x"},
        [
            ("session_cookie", "''"),
            ("path", "'a'"),
            ("domain", "';'"),
            ("same_site", "'x'"),
            ("partitioned", "'x'"),
            ("https_only", "'x'"),
        ],
        GOOD,
    ),
]


@pytest.mark.parametrize(("sentence", "changes", "problems", "mended"), REFUSED, ids=[row[0] for row in REFUSED])
def test_what_browsers_refuse_is_refused_and_the_remedy_helps(
    sentence: str, changes: Mapping, problems: list[tuple[str, str]], mended: Mapping
) -> None:
    options = Options("Test")
    _cookies.check(options, **{**GOOD, **changes})
    assert [(problem.option, problem.seen) for problem in options.problems] == problems
    assert all(problem.rule and problem.remedy for problem in options.problems)
    options = Options("Test")
    _cookies.check(options, **{**GOOD, **changes, **mended})
    assert options.problems == []


SECURE = "use https_only=True, or leave it out"
TOLD: list[tuple[str, Mapping, list[str]]] = [
    (
        "what is no cookie at all",
        {"name": "", "path": "a", "domain": ";", "same_site": "x", "secure": "x", "partitioned": "x"},
        [
            "session_cookie: '': is not a cookie name; use letters, digits and hyphens",
            "path: 'a': must begin with a slash and hold no `;`; write '/'",
            "domain: ';': is not a domain name; write 'example.com', or leave it out",
            "same_site: 'x': is not among the choices; use one of 'lax', 'strict', 'none'",
            "partitioned: 'x': is not among the choices; use one of False, True",
            "https_only: 'x': is not among the choices; use one of 'auto', True, False",
        ],
    ),
    (
        "what browsers drop",
        {"name": "__Host-s", "path": "/a", "domain": "a.b", "same_site": "none", "secure": False, "partitioned": True},
        [
            f"https_only: False: browsers refuse '__Host-s' without Secure; {SECURE}",
            f"https_only: False: browsers refuse same_site='none' without Secure; {SECURE}",
            f"https_only: False: browsers refuse partitioned cookies without Secure; {SECURE}",
            "domain: 'a.b': a `__Host-` cookie has no domain; leave it out",
            "path: '/a': a `__Host-` cookie has the path '/'; write '/'",
        ],
    ),
]


@pytest.mark.parametrize(("sentence", "changes", "told"), TOLD, ids=[row[0] for row in TOLD])
def test_what_is_said_of_it(sentence: str, changes: Mapping, told: list[str]) -> None:
    options = Options("Test")
    _cookies.check(options, **{**GOOD, **changes})
    assert list(map(str, options.problems)) == told


@pytest.mark.parametrize(
    ("name", "same_site", "partitioned", "expected"),
    [
        ("session", "lax", False, False),
        ("session", "strict", False, False),
        ("session", "none", False, True),
        ("session", "lax", True, True),
        ("__Host-session", "lax", False, True),
        ("__secure-session", "lax", False, True),
        ("__Session", "lax", False, False),
        ("my__Host-", "lax", False, False),
    ],
)
def test_forces_secure(name: str, same_site: str, partitioned: bool, expected: bool) -> None:
    assert _cookies.forces_secure(name, same_site, partitioned) is expected
