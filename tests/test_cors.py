"""`cors`: what is refused at construction, which origins are allowed, and every reply whole.

A small model of the browser's side of the Fetch standard, and one of a shared cache, judge the replies independently.
"""

import asyncio
import copy
import dataclasses
import logging
import pickle
import random
import re
from collections.abc import Callable, Coroutine, Generator, Iterable
from dataclasses import dataclass
from typing import Any

import pytest

from asgi_middleware import ConfigError, CORSMiddleware, CORSPolicy

from .apps import accepts, body, denies, raises, remembers, sends, start, text
from .asgi import App, Exchange, drive, http, plain, websocket

Options = dict[str, Any]
Pairs = list[tuple[str, str]]

A = "https://a.example"
B = "https://b.example"
EVIL = "https://evil.example"
LISTED: Options = {"allow_origins": [A]}
ANY: Options = {"allow_origins": ["*"]}
REALLY_ANY: Options = {
    "allow_origins": ["*"],
    "allow_credentials": True,
    "dangerously_allow_any_origin_with_credentials": True,
}


def problems(build: Callable[[], object]) -> list[tuple[str, str]]:
    """The (option, remedy) of each problem that refuses a configuration."""
    with pytest.raises(ConfigError) as caught:
        build()
    assert caught.value.owner == "CORSMiddleware"
    return [(problem.option, problem.remedy) for problem in caught.value.problems]


def refusals(options: Options) -> list[tuple[str, str]]:
    return problems(lambda: CORSMiddleware(text(b"ok"), **options))


# --- construction ----------------------------------------------------------------------------------------------------

HOST_REMEDY = "write 'https://example.com' or 'https://*.example.com'"
PORT_REMEDY = "write for example ':8000', or ':*' for any port"

# One origin that no browser sends, or that means more than it seems, and its repair.
BAD_ORIGINS: list[tuple[str, str, str]] = [
    ("a slash at the end", "https://a.example/", "write 'https://a.example'"),
    ("two slashes at the end", "https://a.example//", "write 'https://a.example'"),
    ("a path", "https://a.example/path", "write 'https://a.example'"),
    ("a query", "https://a.example?x=1", "write 'https://a.example'"),
    ("a fragment", "https://a.example#x", "write 'https://a.example'"),
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


METHOD_REMEDY = "write for example 'PUT'"
NAME_REMEDY = "use letters, digits and hyphens, such as 'X-Request-ID'"
REGEX_REMEDY = r"name the domain, as in r'https://[a-z0-9-]+\.example\.com'"
WRONG: list[tuple[str, Options, list[tuple[str, str]]]] = [
    ("nothing says what is allowed", {}, [("allow_origins", "list them, or write [] to allow none")]),
    ("a string for origins", {"allow_origins": A}, [("allow_origins", f"write [{A!r}]")]),
    ("bytes for origins", {"allow_origins": b"x"}, [("allow_origins", "write ['https://app.example.com']")]),
    ("a star as a string", {"allow_origins": "*"}, [("allow_origins", "write ['*']")]),
    (
        "a comma string for origins",
        {"allow_origins": "https://a.example,https://b.example"},
        [("allow_origins", "write ['https://a.example,https://b.example']")],
    ),
    ("a number for origins", {"allow_origins": 1}, [("allow_origins", "write ['https://app.example.com']")]),
    (
        "numbers among the origins",
        {"allow_origins": [A, 1, None]},
        [("allow_origins", "write ['https://app.example.com']")] * 2,
    ),
    (
        "a generator for origins, which could be read only once",
        {"allow_origins": (origin for origin in [A])},
        [("allow_origins", "write ['https://app.example.com']")],
    ),
    ("a star beside others", {"allow_origins": ["*", A]}, [("allow_origins", "list '*' alone")]),
    (
        "a star with credentials",
        {"allow_origins": ["*"], "allow_credentials": True},
        [("allow_origins", "list the origins, or leave credentials off")],
    ),
    (
        "a star beside others with credentials",
        {"allow_origins": [A, "*"], "allow_credentials": True},
        [("allow_origins", "list '*' alone"), ("allow_origins", "list the origins, or leave credentials off")],
    ),
    (
        "a top-level domain with credentials",
        {"allow_origins": ["https://*.com"], "allow_credentials": True},
        [("allow_origins", "name the domain, as in 'https://*.example.com'")],
    ),
    ("a string for methods", {**LISTED, "allow_methods": "GET"}, [("allow_methods", "write ['GET']")]),
    ("no collection for methods", {**LISTED, "allow_methods": None}, [("allow_methods", "write ['GET', 'POST']")]),
    ("methods in one string", {**LISTED, "allow_methods": ["GET, PUT"]}, [("allow_methods", METHOD_REMEDY)]),
    ("an empty method", {**LISTED, "allow_methods": [""]}, [("allow_methods", METHOD_REMEDY)]),
    ("a method with a line break", {**LISTED, "allow_methods": ["PUT\r\n"]}, [("allow_methods", METHOD_REMEDY)]),
    ("a method outside ASCII", {**LISTED, "allow_methods": ["PÜT"]}, [("allow_methods", METHOD_REMEDY)]),
    ("a method in small letters", {**LISTED, "allow_methods": ["patch"]}, [("allow_methods", "write 'PATCH'")]),
    (
        "methods that no script can send",
        {**LISTED, "allow_methods": ["CONNECT", "trace", "TRACK"]},
        [("allow_methods", "leave it out")] * 3,
    ),
    ("a string for headers", {**LISTED, "allow_headers": "*"}, [("allow_headers", "write ['*']")]),
    ("headers in one string", {**LISTED, "allow_headers": ["X-A, X-B"]}, [("allow_headers", NAME_REMEDY)]),
    ("a header name with a colon", {**LISTED, "allow_headers": ["X-A:"]}, [("allow_headers", NAME_REMEDY)]),
    ("a header name with a line break", {**LISTED, "allow_headers": ["X-A\n"]}, [("allow_headers", NAME_REMEDY)]),
    ("a string for exposed headers", {**LISTED, "expose_headers": "X-A"}, [("expose_headers", "write ['X-A']")]),
    ("an empty exposed header", {**LISTED, "expose_headers": [""]}, [("expose_headers", NAME_REMEDY)]),
    (
        "an exposed header outside ASCII",
        {**LISTED, "expose_headers": ["X-\xc4"]},
        [("expose_headers", NAME_REMEDY)],
    ),
    (
        "every header exposed, with credentials",
        {**LISTED, "expose_headers": ["*"], "allow_credentials": True},
        [("expose_headers", "list the header names")],
    ),
    ("a negative age", {**LISTED, "max_age": -1}, [("max_age", "write 600")]),
    ("an age beyond a day", {**LISTED, "max_age": 86401}, [("max_age", "write 600")]),
    ("an age in text", {**LISTED, "max_age": "600"}, [("max_age", "write 600")]),
    ("an age that is a truth", {**LISTED, "max_age": True}, [("max_age", "write 600")]),
    ("a broken age", {**LISTED, "max_age": 1.5}, [("max_age", "write 600")]),
    (
        "credentials in text",
        {**LISTED, "allow_credentials": "false"},
        [("allow_credentials", "use one of False, True")],
    ),
    (
        "flags as numbers",
        {
            **LISTED,
            "allow_private_network": 1,
            "dangerously_allow_null_origin": 1,
            "dangerously_allow_any_origin_with_credentials": 0,
        },
        [
            ("allow_private_network", "use one of False, True"),
            ("dangerously_allow_null_origin", "use one of False, True"),
            ("dangerously_allow_any_origin_with_credentials", "use one of False, True"),
        ],
    ),
    (
        "a check that is no function",
        {"allow_origin_func": A},
        [("allow_origin_func", "pass a callable, or leave the option out")],
    ),
    ("a broken regex", {"allow_origin_regex": "https://("}, [("allow_origin_regex", "mend it")]),
    ("a regex that overflows", {"allow_origin_regex": "x{4294967296}"}, [("allow_origin_regex", "mend it")]),
    (
        "a compiled regex",
        {"allow_origin_regex": re.compile("x")},
        [("allow_origin_regex", "pass the pattern, not compiled")],
    ),
    ("a regex in bytes", {"allow_origin_regex": b"x"}, [("allow_origin_regex", "pass the pattern, not compiled")]),
    *(
        (
            f"the regex {regex} with credentials",
            {"allow_origin_regex": regex, "allow_credentials": True},
            [("allow_origin_regex", REGEX_REMEDY)],
        )
        for regex in (
            ".*",
            ".+",
            "https://.*",
            "https?://.+",
            "(?i)HTTPS://.*",
            r"https://a\.example|.*",
            r"[^/]+//[^/]+",
        )
    ),
    (
        "a choice that does not exist",
        {**LISTED, "websocket": "sometimes"},
        [("websocket", "use one of 'auto', 'check', 'ignore'")],
    ),
    ("a truth for a choice", {**LISTED, "websocket": True}, [("websocket", "use one of 'auto', 'check', 'ignore'")]),
]


@pytest.mark.parametrize(("sentence", "options", "expected"), WRONG, ids=[row[0] for row in WRONG])
def test_a_wrong_option_is_refused_with_its_remedy(
    sentence: str, options: Options, expected: list[tuple[str, str]]
) -> None:
    assert refusals(options) == expected


def test_all_problems_come_at_once() -> None:
    assert refusals(
        {
            "allow_origins": ["https://a.example/", "null", "https://*"],
            "allow_methods": ["get", "A B"],
            "allow_headers": "X-A",
            "allow_credentials": "yes",
            "allow_origin_regex": "(",
            "expose_headers": [":"],
            "max_age": -1,
            "allow_origin_func": 1,
        }
    ) == [
        ("allow_headers", "write ['X-A']"),
        ("allow_credentials", "use one of False, True"),
        ("max_age", "write 600"),
        ("allow_origin_func", "pass a callable, or leave the option out"),
        ("allow_origins", "write 'https://a.example'"),
        ("allow_origins", "leave it out, or set dangerously_allow_null_origin=True"),
        ("allow_origins", HOST_REMEDY),
        ("allow_origin_regex", "mend it"),
        ("allow_methods", "write 'GET'"),
        ("allow_methods", METHOD_REMEDY),
        ("expose_headers", NAME_REMEDY),
    ]


def test_the_app_and_websocket_are_told_together_with_the_policy() -> None:
    wrong: Any = {"allow_origins": A, "websocket": "sometimes"}
    assert sorted(problems(lambda: CORSMiddleware(None, **wrong))) == [  # type: ignore[arg-type]  # on purpose  # pyright: ignore[reportArgumentType]
        ("allow_origins", f"write [{A!r}]"),
        ("app", "pass a callable(scope, receive, send)"),
        ("websocket", "use one of 'auto', 'check', 'ignore'"),
    ]


def test_a_problem_reads_as_a_sentence() -> None:
    with pytest.raises(ConfigError) as caught:
        CORSMiddleware(text(b"ok"), allow_origins="https://a.example,https://b.example")  # type: ignore[arg-type]  # on purpose
    assert str(caught.value) == (
        "CORSMiddleware: allow_origins: 'https://a.example,https://b.example': must be a collection of strings, not "
        "one string; write ['https://a.example,https://b.example']"
    )


RIGHT: list[tuple[str, Options]] = [
    ("nothing allowed, and said so", {"allow_origins": []}),
    ("a regex alone", {"allow_origin_regex": r"https://[a-z]+\.example"}),
    ("a function alone", {"allow_origin_func": lambda origin, scope: True}),
    ("null alone", {"dangerously_allow_null_origin": True}),
    ("any collection", {"allow_origins": {A}, "allow_methods": frozenset({"PUT"}), "allow_headers": {"X-A": 1}.keys()}),
    ("any origin", ANY),
    ("any origin with credentials, under its long name", REALLY_ANY),
    ("any regex without credentials", {"allow_origin_regex": ".*"}),
    (
        "any regex with credentials, under its long name",
        {
            "allow_origin_regex": ".*",
            "allow_credentials": True,
            "dangerously_allow_any_origin_with_credentials": True,
        },
    ),
    ("a domain's regex with credentials", {"allow_origin_regex": r"https://.*\.a\.example", "allow_credentials": True}),
    ("every header exposed without credentials", {**LISTED, "expose_headers": ["*"]}),
    (
        "every header and method with credentials",
        {**LISTED, "allow_credentials": True, "allow_headers": ["*"], "allow_methods": ["*"]},
    ),
    ("a custom method in small letters", {**LISTED, "allow_methods": ["purge"]}),
    ("no methods, no headers", {**LISTED, "allow_methods": [], "allow_headers": []}),
    ("age 0", {**LISTED, "max_age": 0}),
    ("a day", {**LISTED, "max_age": 86400}),
    ("no age", {**LISTED, "max_age": None}),
]


@pytest.mark.parametrize(("sentence", "options"), RIGHT, ids=[row[0] for row in RIGHT])
def test_a_right_configuration_is_taken(sentence: str, options: Options) -> None:
    policy = CORSMiddleware(text(b"ok"), **options).policy
    for option, value in options.items():
        kept = getattr(policy, option)
        assert kept == (value if isinstance(value, (str, bool, int, type(None))) or callable(value) else tuple(value))


def test_starlettes_positional_order_is_kept() -> None:
    app = text(b"ok")
    policy = CORSMiddleware(app, [A], ["PUT"], ["X-A"], True, r"https://b\.example", True, ["X-B"], 5).policy
    assert policy == CORSPolicy(
        allow_origins=[A],
        allow_methods=["PUT"],
        allow_headers=["X-A"],
        allow_credentials=True,
        allow_origin_regex=r"https://b\.example",
        allow_private_network=True,
        expose_headers=["X-B"],
        max_age=5,
    )


def test_a_policy_is_frozen_comparable_printable_and_can_be_copied() -> None:
    policy = CORSPolicy(allow_origins=[A, "https://*.example.com"], allow_origin_regex="https://x[.]example")
    assert policy == CORSPolicy(allow_origins=(A, "https://*.example.com"), allow_origin_regex="https://x[.]example")
    assert policy != CORSPolicy(allow_origins=[A])
    assert len({policy, copy.deepcopy(policy), pickle.loads(pickle.dumps(policy))}) == 1  # noqa: S301  # its own bytes
    assert dataclasses.replace(policy, max_age=0).max_age == 0
    assert repr(policy) == (
        "CORSPolicy(allow_origins=('https://a.example', 'https://*.example.com'), "
        "allow_methods=('GET', 'HEAD', 'POST'), allow_headers=(), allow_credentials=False, "
        "allow_origin_regex='https://x[.]example', allow_private_network=False, expose_headers=(), max_age=600, "
        "allow_origin_func=None, dangerously_allow_null_origin=False, "
        "dangerously_allow_any_origin_with_credentials=False)"
    )
    with pytest.raises(dataclasses.FrozenInstanceError):
        policy.max_age = 1  # type: ignore[misc]  # on purpose  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(ConfigError):
        dataclasses.replace(policy, allow_credentials=True, allow_origin_regex=".*")


# --- which origins are allowed ---------------------------------------------------------------------------------------


def get(origin: str | None = A, *more: tuple[str, str], **changes: Any) -> dict[str, Any]:
    """An actual request."""
    lines = [] if origin is None else [("origin", origin)]
    return http(headers=[("host", "api.example"), *lines, *more], **changes)


def preflight(
    origin: str = A, method: str = "GET", *lines: str, more: Iterable[tuple[str, str]] = ()
) -> dict[str, Any]:
    """A preflight; each of `lines` is one line of Access-Control-Request-Headers."""
    asked = [("access-control-request-headers", line) for line in lines]
    return get(origin, ("access-control-request-method", method), *asked, *more, method="OPTIONS")


def long_origin(length: int) -> str:
    return "https://" + "a" * (length - len("https://.example.com")) + ".example.com"


SUBDOMAINS: Options = {"allow_origins": ["https://*.example.com"]}
LOCALHOST: Options = {"allow_origins": ["http://localhost:*"]}
REGEX: Options = {"allow_origin_regex": r"https://[a-z]+\.example\.com"}
CHOICE: Options = {"allow_origin_regex": r"https://a\.example|https://b\.example"}
LOOSE: Options = {"allow_origin_regex": r"https://[^/]+\.example\.com"}
ANYBODY: Options = {"allow_origin_func": lambda origin, scope: True}


def matches(options: Options, allowed: Iterable[str], refused: Iterable[str]) -> list[tuple[Options, str, bool]]:
    return [*((options, origin, True) for origin in allowed), *((options, origin, False) for origin in refused)]


MATCHES = [
    *matches(
        LISTED,
        [A],
        [
            "http://a.example",
            "https://a.example:443",
            "https://a.example:8443",
            "https://a.example.evil.example",
            "https://a.example.com",
            "https://evila.example",
            "https://evil.a.example",
            "https://a.exampl",
            "https://a-example",
            "https://a.example.",
            "https://A.example",
            "HTTPS://a.example",
            "https://a.example/",
            "https://a.example/path",
            " https://a.example",
            "https://a.example ",
            "https://a.example,https://a.example",
            "https://a.example, https://a.example",
            "https://evil.example,https://a.example",
            "https://a.example\n",
            "https://a.example\r\nx-evil: 1",
            "https://a.example\x00",
            "https://\xe4.example",
            "https://user@a.example",
            "https://a.example@evil.example",
            "https://evil.example#https://a.example",
            "https://evil.example?https://a.example",
            "a.example",
            "//a.example",
            "h",
            "",
            "*",
            "null",
            "NULL",
        ],
    ),
    # GHSA-vhxv-fg4m-p2w8: two hosts with a common suffix.
    *matches(
        {"allow_origins": ["https://foo.com", "https://bar.com"]},
        ["https://foo.com", "https://bar.com"],
        ["https://barfoo.com", "https://foobar.com", "https://foo.combar.com", "https://o.com"],
    ),
    # flask-cors read such a pattern as a regular expression.
    *matches(
        SUBDOMAINS,
        [
            "https://a.example.com",
            "https://a.b.example.com",
            "https://a-b_c.1.example.com",
            "https://xn--bcher-kva.example.com",
            "https://example.com.example.com",
        ],
        [
            "https://example.com",
            "https://.example.com",
            "https://a..example.com",
            "https://xexample.com",
            "https://x-example.com",
            "https://xexample.com.evil.net",
            "https://a.example.com.evil.net",
            "https://a.example.com.",
            "https://a.exampleXcom",
            "https://a.example.comx",
            "https://A.example.com",
            "https://a.EXAMPLE.com",
            "http://a.example.com",
            "xhttps://a.example.com",
            "https://a.example.com:8443",
            "https://a.example.com:443",
            "https://evil.net/.example.com",
            "https://evil.net?.example.com",
            "https://evil.net#.example.com",
            "https://evil.net\\.example.com",
            "https://evil.net:80.example.com",
            "https://evil.net@a.example.com",
            "https://a.example.com@evil.net",
            "https://a%2eexample.com",
            "https://*.example.com",
            "https://[::1].example.com",
            "https://\xe4.example.com",
            "https://a\n.example.com",
            "https://a.example.com\n",
            "https://a.example.com\r\nx-evil: 1",
            "https://a .example.com",
            "https://a,b.example.com",
            "null",
            "",
        ],
    ),
    # CVE-2019-25211: a star at the end that took `localhost.example.com` along.
    *matches(
        LOCALHOST,
        ["http://localhost", "http://localhost:1", "http://localhost:3000", "http://localhost:65535"],
        [
            "http://localhost.example.com",
            "http://localhost.example.com:3000",
            "http://localhost:",
            "http://localhost:abc",
            "http://localhost:3000.evil.example",
            "http://localhost:3000@evil.example",
            "http://localhost:3000/",
            "http://localhost:300000",
            "http://localhost:-1",
            "http://localhost:\xb2",
            "http://localhost:*",
            "https://localhost:3000",
            "http://evillocalhost:3000",
            "http://evil-localhost:3000",
            "http://a.localhost:3000",
            "http://127.0.0.1:3000",
            "http://localhost:3000\n",
        ],
    ),
    *matches(
        {"allow_origins": ["https://*.example.com:8443"]},
        ["https://a.example.com:8443"],
        ["https://a.example.com", "https://a.example.com:84430", "https://a.example.com:18443"],
    ),
    *matches(
        {"allow_origins": ["https://*.example.com:*"]},
        ["https://a.example.com", "https://a.b.example.com:8443"],
        ["https://example.com:8443", "https://example.com", "https://a.example.com:x"],
    ),
    *matches(
        {"allow_origins": ["http://[::1]:*"]}, ["http://[::1]", "http://[::1]:80"], ["http://[::2]", "http://::1:80"]
    ),
    # Regular expressions match in full: Starlette 800, CVE-2026-37737.
    *matches(
        REGEX,
        ["https://a.example.com", "https://abc.example.com"],
        [
            "https://a.example.com.evil.net",
            "https://evil.net/https://a.example.com",
            "xhttps://a.example.com",
            "https://a.example.com\n",
            "https://A.example.com",
            "https://a.b.example.com",
            "null",
            "",
        ],
    ),
    *matches(
        CHOICE,
        [A, B],
        ["https://a.example.evil", "https://b.example.evil", "xhttps://b.example", "xhttps://a.example"],
    ),
    *matches({"allow_origin_regex": r"^https://a\.example$"}, [A], ["https://a.example\n", "https://a.example\nx"]),
    # What is reflected into a header must fit into one: no control characters, however loose the check.
    *matches(
        LOOSE,
        ["https://a.example.com", "https://a.b.example.com:8443.example.com"],
        ["https://a\r\nx-evil: 1.example.com", "https://a\n.example.com", "https://a\x00.example.com"],
    ),
    *matches(ANYBODY, [A, EVIL, "http://localhost:1"], ["null", "https://a\r\nx-evil: 1"]),
    *matches(REALLY_ANY, [A, EVIL, "http://localhost:1"], ["null", "", "https://a\r\nx-evil: 1"]),
    *matches({"allow_origin_regex": ".*"}, [A, EVIL], ["null", "https://a\r\nx-evil: 1"]),
    # Longer than 330 bytes is refused before any pattern, expression or function.
    *matches(SUBDOMAINS, [long_origin(330)], [long_origin(331), long_origin(100_000)]),
    *matches(REGEX, [long_origin(330)], [long_origin(331), long_origin(100_000)]),
    *matches(ANYBODY, [long_origin(330)], [long_origin(331), long_origin(100_000)]),
    *matches(REALLY_ANY, [long_origin(330)], [long_origin(331)]),
    # null stands for every sandboxed frame.
    *matches({"dangerously_allow_null_origin": True}, ["null"], [A, "NULL", "null ", "nul", ""]),
    *matches({"allow_origins": []}, [], [A, "null", "", "*"]),
    *matches(
        {**LISTED, **REGEX, "allow_origin_func": lambda origin, scope: origin == B},
        [A, B, "https://x.example.com"],
        [EVIL, "null"],
    ),
]


def match_id(options: Options, origin: str, allowed: bool) -> str:
    rule = next((str(value) for value in options.values() if isinstance(value, (str, list))), "or ".join(options))
    return f"{rule} {'allows' if allowed else 'refuses'} {origin[:60]!r} of {len(origin)}"


@pytest.mark.parametrize(("options", "origin", "allowed"), MATCHES, ids=[match_id(*row) for row in MATCHES])
def test_every_door_gives_the_same_answer_to_an_origin(options: Options, origin: str, allowed: bool) -> None:
    app = CORSMiddleware(sends(start(headers=[]), body(b"ok")), **options, websocket="check")
    credentials = [("access-control-allow-credentials", "true")] if app.policy.allow_credentials else []
    actual = drive(app, get(origin))
    asked = drive(app, preflight(origin))
    if allowed:
        named = [*credentials, ("access-control-allow-origin", origin)]
        assert actual.headers == [*named, ("vary", "Origin")]
        assert (asked.status, asked.raw_body) == (200, b"OK")
        assert asked.header("access-control-allow-origin") == [origin]
    else:
        assert actual.headers == [("vary", "Origin")]
        assert whole(asked) == refusal("origin")
    assert actual.raw_body == b"ok"
    app.app = accepts()
    socket = drive(app, websocket(headers=[("host", "api.example"), ("origin", origin)]))
    assert socket.sent[0]["type"] == ("websocket.accept" if allowed else "websocket.http.response.start")


def test_two_origin_lines_are_no_origin() -> None:
    for options in (LISTED, SUBDOMAINS, REGEX):
        origins = ("https://a.example.com", A)
        scope = http(headers=[("origin", origin) for origin in origins])
        assert drive(CORSMiddleware(sends(start(headers=[]), body(b"")), **options), scope).headers == [
            ("vary", "Origin")
        ]


def test_a_scheme_without_a_default_port_can_be_allowed() -> None:
    app = CORSMiddleware(sends(start(headers=[]), body(b"")), allow_origins=["capacitor://localhost"])
    assert drive(app, get("capacitor://localhost")).headers == [
        ("access-control-allow-origin", "capacitor://localhost"),
        ("vary", "Origin"),
    ]
    assert drive(app, get("capacitor://localhost:80")).headers == [("vary", "Origin")]


# --- actual responses ------------------------------------------------------------------------------------------------

ACAO = "access-control-allow-origin"
ACAC = "access-control-allow-credentials"
ACEH = "access-control-expose-headers"
NAMED = [(ACAO, A), ("vary", "Origin")]
OWN = [(ACAO, "https://own.example"), (ACAC, "true"), (ACEH, "X-Own")]
CREDENTIALS: Options = {**LISTED, "allow_credentials": True}
EXPOSING: Options = {**LISTED, "expose_headers": ["X-A", "X-B"]}

# A sentence, the options, the request's Origin, the app's headers, the client's.
ACTUAL: list[tuple[str, Options, str | None, Pairs, Pairs]] = [
    ("an allowed origin is named", LISTED, A, [], NAMED),
    ("a refused origin learns nothing", LISTED, EVIL, [], [("vary", "Origin")]),
    ("no origin varies as well", LISTED, None, [], [("vary", "Origin")]),
    ("an empty list varies as well", {"allow_origins": []}, A, [], [("vary", "Origin")]),
    ("credentials are told to an allowed origin", CREDENTIALS, A, [], [(ACAC, "true"), *NAMED]),
    ("credentials are not told to a refused one", CREDENTIALS, EVIL, [], [("vary", "Origin")]),
    ("credentials are not told without an origin", CREDENTIALS, None, [], [("vary", "Origin")]),
    (
        "exposed headers are told to an allowed origin",
        EXPOSING,
        A,
        [],
        [(ACAO, A), (ACEH, "X-A, X-B"), ("vary", "Origin")],
    ),
    ("exposed headers are not told to a refused one", EXPOSING, EVIL, [], [("vary", "Origin")]),
    ("any origin is a constant", ANY, A, [], [(ACAO, "*")]),
    ("any origin is a constant for another", ANY, EVIL, [], [(ACAO, "*")]),
    ("any origin is a constant without one", ANY, None, [], [(ACAO, "*")]),
    ("any origin is a constant for null", ANY, "null", [], [(ACAO, "*")]),
    ("any origin never reflects a long one", ANY, long_origin(5000), [], [(ACAO, "*")]),
    ("any origin leaves the app's Vary alone", ANY, A, [("vary", "Cookie")], [(ACAO, "*"), ("vary", "Cookie")]),
    ("any origin may expose", {**ANY, "expose_headers": ["*"]}, A, [], [(ACAO, "*"), (ACEH, "*")]),
    ("any origin with credentials is named", REALLY_ANY, EVIL, [], [(ACAC, "true"), (ACAO, EVIL), ("vary", "Origin")]),
    ("any origin with credentials varies without one", REALLY_ANY, None, [], [("vary", "Origin")]),
    ("an open regex names the origin", {"allow_origin_regex": ".*"}, EVIL, [], [(ACAO, EVIL), ("vary", "Origin")]),
    ("Vary is merged", LISTED, A, [("vary", "Cookie")], [(ACAO, A), ("vary", "Cookie, Origin")]),
    ("Vary is merged for a refused origin", LISTED, EVIL, [("vary", "Cookie")], [("vary", "Cookie, Origin")]),
    ("Vary is merged without an origin", LISTED, None, [("vary", "Cookie")], [("vary", "Cookie, Origin")]),
    ("Vary is not doubled", LISTED, A, [("Vary", "cookie, ORIGIN")], [(ACAO, A), ("vary", "cookie, ORIGIN")]),
    ("Vary keeps its star", LISTED, A, [("vary", "*")], [(ACAO, A), ("vary", "*")]),
    (
        "two lines of Vary become one",
        LISTED,
        A,
        [("vary", "Cookie"), ("Vary", "Accept, cookie")],
        [(ACAO, A), ("vary", "Cookie, Accept, Origin")],
    ),
    ("an empty Vary is filled", LISTED, A, [("vary", "")], NAMED),
    ("a longer name is not Origin", LISTED, A, [("vary", "X-Origin")], [(ACAO, A), ("vary", "X-Origin, Origin")]),
    (
        "the app's own headers are replaced",
        {**CREDENTIALS, "expose_headers": ["X-A"]},
        A,
        OWN,
        [(ACAC, "true"), (ACAO, A), (ACEH, "X-A"), ("vary", "Origin")],
    ),
    (
        "the app's own headers are replaced in any case and number",
        LISTED,
        A,
        [("Access-Control-Allow-Origin", "*"), ("ACCESS-CONTROL-ALLOW-ORIGIN", EVIL)],
        NAMED,
    ),
    ("the app cannot add credentials", LISTED, A, [(ACAC, "true")], NAMED),
    ("the app cannot add credentials to any origin", ANY, A, [(ACAC, "true"), (ACAO, EVIL)], [(ACAO, "*")]),
    (
        "what the app exposes stays where we expose nothing",
        LISTED,
        A,
        [(ACEH, "X-Own")],
        [(ACAO, A), (ACEH, "X-Own"), ("vary", "Origin")],
    ),
    ("the app's own headers are removed for a refused origin", LISTED, EVIL, OWN, [("vary", "Origin")]),
    ("the app's own headers are removed without an origin", LISTED, None, OWN, [("vary", "Origin")]),
    (
        "other headers stay, in their order and number",
        LISTED,
        A,
        [("Set-Cookie", "a=1"), ("set-cookie", "b=2"), ("X-Access-Control-Allow-Origin", "1")],
        [
            (ACAO, A),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
            ("vary", "Origin"),
            ("x-access-control-allow-origin", "1"),
        ],
    ),
]


@pytest.mark.parametrize(("sentence", "options", "origin", "inner", "expected"), ACTUAL, ids=[row[0] for row in ACTUAL])
def test_an_actual_response(sentence: str, options: Options, origin: str | None, inner: Pairs, expected: Pairs) -> None:
    pairs = [(name.encode(), value.encode()) for name, value in inner]
    exchange = drive(CORSMiddleware(sends(start(headers=pairs), body(b"ok")), **options), get(origin))
    assert exchange.headers == sorted(expected)
    assert exchange.sent == [
        {**plain(start(headers=[])), "headers": exchange.start["headers"]},
        plain(body(b"ok")),
    ]


@pytest.mark.parametrize("status", [101, 200, 204, 206, 301, 304, 307, 401, 404, 416, 500, 503])
@pytest.mark.parametrize(
    ("origin", "expected"), [(A, NAMED), (EVIL, [("vary", "Origin")]), (None, [("vary", "Origin")])]
)
def test_every_status_carries_the_same_headers(status: int, origin: str | None, expected: Pairs) -> None:
    exchange = drive(CORSMiddleware(sends(start(status, []), body(b"")), **LISTED), get(origin))
    assert (exchange.status, exchange.headers) == (status, expected)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "OPTIONS", "options", "QUERY", None])
def test_every_method_but_a_preflight_reaches_the_app(method: str | None) -> None:
    app, scopes = remembers()
    scope = get(A, method=method)
    exchange = drive(CORSMiddleware(app, **LISTED), scope)
    assert [one is scope for one in scopes] == [True]
    assert exchange.headers == sorted([*NAMED, ("content-type", "text/plain")])


NO_PREFLIGHT: list[tuple[str, dict[str, Any]]] = [
    ("OPTIONS without the requested method", get(A, method="OPTIONS")),
    ("OPTIONS without an origin", get(None, ("access-control-request-method", "PUT"), method="OPTIONS")),
    ("another method with a preflight's headers", get(A, ("access-control-request-method", "PUT"), method="POST")),
    ("small letters", get(A, ("access-control-request-method", "PUT"), method="options")),
]


@pytest.mark.parametrize(("sentence", "scope"), NO_PREFLIGHT, ids=[row[0] for row in NO_PREFLIGHT])
def test_what_is_no_preflight_reaches_the_app(sentence: str, scope: dict[str, Any]) -> None:
    app, scopes = remembers()
    exchange = drive(CORSMiddleware(app, **LISTED), scope)
    assert len(scopes) == 1
    expected = NAMED if exchange.scope["headers"][1][0] == b"origin" else [("vary", "Origin")]
    assert exchange.headers == sorted([*expected, ("content-type", "text/plain")])


def test_headers_in_any_legal_shape_are_read() -> None:
    app = CORSMiddleware(sends(start(headers=[]), body(b"")), **LISTED)
    shapes: list[tuple[dict[str, Any], Pairs]] = [
        ({"headers": [(b"Origin", A.encode())]}, NAMED),
        ({"headers": ((b"ORIGIN", A.encode()),)}, NAMED),
        ({"headers": iter([[b"origin", A.encode()]])}, NAMED),
        ({"headers": []}, [("vary", "Origin")]),
        ({"headers": None}, [("vary", "Origin")]),
        ({}, [("vary", "Origin")]),
    ]
    for headers, expected in shapes:
        assert drive(app, {"type": "http", "method": "GET", "path": "/", **headers}).headers == expected


def test_the_apps_messages_are_not_changed_and_all_others_pass_as_they_are() -> None:
    messages: list[dict[str, Any]] = [
        {"type": "http.response.push", "path": "/x", "headers": [(b"vary", b"Cookie")]},
        {"type": "http.response.early_hint", "links": [b"</x>"]},
        start(headers=[(b"vary", b"Cookie"), (ACAO.encode(), b"*")], trailers=True),
        {**body(b"ok", more=True), "later": "key"},
        body(b""),
        {"type": "http.response.trailers", "headers": [(ACAO.encode(), b"x")], "more_trailers": False},
    ]
    before = copy.deepcopy(messages)
    app = CORSMiddleware(sends(*messages), **LISTED)
    for _ in range(2):
        exchange = drive(app, get())
        assert [mine is its for mine, its in zip(exchange.objects, messages, strict=True)] == [
            True,
            True,
            False,
            True,
            True,
            True,
        ]
        assert exchange.objects[2] == {
            "type": "http.response.start",
            "status": 200,
            "headers": [(ACAO.encode(), A.encode()), (b"vary", b"Cookie, Origin")],
            "trailers": True,
        }
    assert messages == before


def test_the_requests_own_vary_and_cookie_change_nothing() -> None:
    app = CORSMiddleware(sends(start(headers=[]), body(b"")), **ANY, expose_headers=["X-A"])
    listed = CORSMiddleware(sends(start(headers=[]), body(b"")), **CREDENTIALS)
    for line in (("vary", "X-Evil"), ("cookie", "session=1"), ("authorization", "Basic eDp5")):
        assert drive(app, get(A, line)).headers == [(ACAO, "*"), (ACEH, "X-A")]
        assert drive(listed, get(A, line)).headers == [(ACAC, "true"), *NAMED]
        assert whole(drive(app, preflight(A, "GET", more=[line]))) == whole(drive(app, preflight(A, "GET")))


# --- preflights ------------------------------------------------------------------------------------------------------

Whole = tuple[int, Pairs, bytes]
REQUESTED = "Access-Control-Request-Method, Access-Control-Request-Headers"
SAFELISTED = "Accept, Accept-Language, Content-Language, Content-Type"


def whole(exchange: Exchange) -> Whole:
    """Status, headers and body of a response of exactly two messages."""
    assert exchange.error is None
    assert [message["type"] for message in exchange.sent] == ["http.response.start", "http.response.body"]
    assert exchange.received == 0
    return exchange.status, exchange.headers, exchange.raw_body


def reply(status: int, data: str, headers: Iterable[tuple[str, str]]) -> Whole:
    fixed = [("content-length", str(len(data))), ("content-type", "text/plain; charset=utf-8")]
    return status, sorted([*fixed, *headers]), data.encode()


def grant(**changes: str | None) -> Whole:
    """The whole reply to an allowed preflight; `changes` replace headers, None takes them out."""
    headers: dict[str, str | None] = {
        "access_control_allow_origin": A,
        "access_control_allow_methods": "GET, HEAD, POST",
        "access_control_allow_headers": SAFELISTED,
        "access_control_max_age": "600",
        "vary": f"Origin, {REQUESTED}",
        **changes,
    }
    return reply(200, "OK", ((name.replace("_", "-"), value) for name, value in headers.items() if value is not None))


def refusal(reason: str, *headers: tuple[str, str], vary: str = f"Origin, {REQUESTED}") -> Whole:
    return reply(400, f"Disallowed CORS {reason}", [*headers, ("vary", vary)])


MY = (ACAO, A)
MINE = ((ACAO, A), (ACAC, "true"))
PUTS: Options = {**LISTED, "allow_methods": ["GET", "PUT", "purge"]}
ANY_METHOD: Options = {**LISTED, "allow_methods": ["*"]}
NAMES: Options = {**LISTED, "allow_headers": ["X-B", "Authorization"]}
ANY_HEADER: Options = {**LISTED, "allow_headers": ["*"]}
NETWORK = [("access-control-request-private-network", "true")]
LISTED_NAMES = "Accept, Accept-Language, Authorization, Content-Language, Content-Type, X-B"

PREFLIGHTS: list[tuple[str, Options, dict[str, Any], Whole]] = [
    ("an allowed one", LISTED, preflight(), grant()),
    ("a refused origin learns the reason alone", CREDENTIALS, preflight(EVIL, "PUT", "x-a"), refusal("origin")),
    ("null is refused", LISTED, preflight("null"), refusal("origin")),
    ("credentials", CREDENTIALS, preflight(), grant(access_control_allow_credentials="true")),
    ("exposed headers belong to the actual response", EXPOSING, preflight(), grant()),
    ("no age", {**LISTED, "max_age": None}, preflight(), grant(access_control_max_age=None)),
    ("age 0", {**LISTED, "max_age": 0}, preflight(), grant(access_control_max_age="0")),
    ("a day", {**LISTED, "max_age": 86400}, preflight(), grant(access_control_max_age="86400")),
    # origins
    ("any origin is a constant", ANY, preflight(EVIL), grant(access_control_allow_origin="*", vary=REQUESTED)),
    (
        "any origin is a constant for null",
        ANY,
        preflight("null"),
        grant(access_control_allow_origin="*", vary=REQUESTED),
    ),
    (
        "any origin with credentials is named",
        REALLY_ANY,
        preflight(EVIL),
        grant(access_control_allow_origin=EVIL, access_control_allow_credentials="true"),
    ),
    # methods
    (
        "the configured list is told, in its order",
        PUTS,
        preflight(A, "PUT"),
        grant(access_control_allow_methods="GET, PUT, purge"),
    ),
    ("a custom method", PUTS, preflight(A, "purge"), grant(access_control_allow_methods="GET, PUT, purge")),
    ("a refused method is named", LISTED, preflight(A, "PUT"), refusal("method 'PUT'", MY)),
    ("a refused method, with credentials", CREDENTIALS, preflight(A, "PUT"), refusal("method 'PUT'", *MINE)),
    (
        "a refused method under any origin",
        ANY,
        preflight(A, "PUT"),
        refusal("method 'PUT'", (ACAO, "*"), vary=REQUESTED),
    ),
    ("part of an allowed method", LISTED, preflight(A, "ET"), refusal("method 'ET'", MY)),
    ("two methods in one", LISTED, preflight(A, "GET, HEAD"), refusal("method 'GET, HEAD'", MY)),
    ("methods are case-sensitive", PUTS, preflight(A, "put"), refusal("method 'put'", MY)),
    ("custom methods are case-sensitive", PUTS, preflight(A, "PURGE"), refusal("method 'PURGE'", MY)),
    ("an empty method", LISTED, preflight(A, ""), refusal("method ''", MY)),
    ("a method that is a star", LISTED, preflight(A, "*"), refusal("method '*'", MY)),
    (
        "a hostile method is escaped",
        LISTED,
        preflight(A, "P\xdcT\r\nx: 1'"),
        refusal('method "P\\xdcT\\r\\nx: 1\'"', MY),
    ),
    ("a long method is cut", LISTED, preflight(A, "M" * 10_000), refusal(f"method '{'M' * 64}'", MY)),
    ("any method is echoed", ANY_METHOD, preflight(A, "PATCH"), grant(access_control_allow_methods="PATCH")),
    (
        "any method, as it is written",
        ANY_METHOD,
        preflight(A, "chicken"),
        grant(access_control_allow_methods="chicken"),
    ),
    (
        "any method, with credentials",
        {**ANY_METHOD, "allow_credentials": True},
        preflight(A, "PUT"),
        grant(access_control_allow_methods="PUT", access_control_allow_credentials="true"),
    ),
    ("any method must be one", ANY_METHOD, preflight(A, "A B"), refusal("method 'A B'", MY)),
    ("any method is not none", ANY_METHOD, preflight(A, ""), refusal("method ''", MY)),
    ("any method of 64 letters", ANY_METHOD, preflight(A, "M" * 64), grant(access_control_allow_methods="M" * 64)),
    ("any method is not a long one", ANY_METHOD, preflight(A, "M" * 65), refusal(f"method '{'M' * 64}'", MY)),
    ("any method is not one that no script can send", ANY_METHOD, preflight(A, "TRACE"), refusal("method 'TRACE'", MY)),
    (
        "any method is not two",
        ANY_METHOD,
        preflight(A, "GET", more=[("access-control-request-method", "PUT")]),
        refusal("method 'GET, PUT'", MY),
    ),
    # headers
    (
        "the configured list is told, with the safelisted names",
        NAMES,
        preflight(A, "GET", "authorization,x-b"),
        grant(access_control_allow_headers=LISTED_NAMES),
    ),
    (
        "the list is told even where none was asked for",
        NAMES,
        preflight(),
        grant(access_control_allow_headers=LISTED_NAMES),
    ),
    (
        "names in any case and order, with blanks",
        NAMES,
        preflight(A, "GET", " X-B ,\tAUTHORIZATION"),
        grant(access_control_allow_headers=LISTED_NAMES),
    ),
    (
        "several lines",
        NAMES,
        preflight(A, "GET", "x-b", "authorization", "accept"),
        grant(access_control_allow_headers=LISTED_NAMES),
    ),
    ("the second line is read as well", NAMES, preflight(A, "GET", "x-b", "x-evil"), refusal("headers 'x-evil'", MY)),
    ("empty elements", NAMES, preflight(A, "GET", ",, x-b,\t,,", ""), grant(access_control_allow_headers=LISTED_NAMES)),
    ("an empty line", LISTED, preflight(A, "GET", ""), grant()),
    ("a doubled name", NAMES, preflight(A, "GET", "x-b,x-b,X-B"), grant(access_control_allow_headers=LISTED_NAMES)),
    (
        "the safelisted names are always allowed",
        LISTED,
        preflight(A, "POST", "accept,accept-language,content-language,content-type"),
        grant(),
    ),
    (
        "a refused name is told",
        LISTED,
        preflight(A, "GET", "content-type,x-evil,x-worse"),
        refusal("headers 'x-evil'", MY),
    ),
    (
        "a refused name, with credentials",
        CREDENTIALS,
        preflight(A, "GET", "x-evil"),
        refusal("headers 'x-evil'", *MINE),
    ),
    ("the method is judged first", LISTED, preflight(A, "PUT", "x-evil"), refusal("method 'PUT'", MY)),
    ("part of an allowed name", NAMES, preflight(A, "GET", "x-"), refusal("headers 'x-'", MY)),
    ("a name that is a star", NAMES, preflight(A, "GET", "*"), refusal("headers '*'", MY)),
    ("other blanks are no blanks", NAMES, preflight(A, "GET", "\xa0x-b"), refusal("headers '\\xa0x-b'", MY)),
    ("a line break is no blank", NAMES, preflight(A, "GET", "x-b\r\n"), refusal("headers 'x-b\\r\\n'", MY)),
    ("a hostile name is escaped", LISTED, preflight(A, "GET", "\xe4\x00<b>"), refusal("headers '\\xe4\\x00<b>'", MY)),
    ("a long name is cut", LISTED, preflight(A, "GET", "x" * 200), refusal(f"headers '{'x' * 64}'", MY)),
    (
        "any header: the names are echoed, once, in their order",
        ANY_HEADER,
        preflight(A, "GET", "x-z, X-A", "x-z", ",authorization"),
        grant(access_control_allow_headers="x-z, x-a, authorization"),
    ),
    ("any header, none asked for", ANY_HEADER, preflight(), grant(access_control_allow_headers=None)),
    ("any header, nothing named", ANY_HEADER, preflight(A, "GET", " , "), grant(access_control_allow_headers=None)),
    (
        "any header, with credentials",
        {**ANY_HEADER, "allow_credentials": True},
        preflight(A, "GET", "authorization"),
        grant(access_control_allow_headers="authorization", access_control_allow_credentials="true"),
    ),
    ("any header must be a name", ANY_HEADER, preflight(A, "GET", "x-a, b c"), refusal("headers 'b c'", MY)),
    (
        "any header cannot break the line",
        ANY_HEADER,
        preflight(A, "GET", "x-a\r\nx-evil: 1"),
        refusal("headers 'x-a\\r\\nx-evil: 1'", MY),
    ),
    (
        "any header up to 4 KiB",
        ANY_HEADER,
        preflight(A, "GET", "x" * 4096),
        grant(access_control_allow_headers="x" * 4096),
    ),
    ("any header beyond 4 KiB", ANY_HEADER, preflight(A, "GET", "x" * 4097), refusal("headers (too many)", MY)),
    (
        "any header beyond 4 KiB in two lines",
        ANY_HEADER,
        preflight(A, "GET", "x" * 4096, "y"),
        refusal("headers (too many)", MY),
    ),
    ("32 lines", ANY_HEADER, preflight(A, "GET", *["x-a"] * 32), grant(access_control_allow_headers="x-a")),
    ("33 lines", ANY_HEADER, preflight(A, "GET", *["x-a"] * 33), refusal("headers (too many)", MY)),
    ("33 lines for a list", NAMES, preflight(A, "GET", *["x-b"] * 33), refusal("headers (too many)", MY)),
    # private network access
    ("a private network is not allowed unless said", LISTED, preflight(more=NETWORK), refusal("private-network", MY)),
    (
        "a private network",
        {**LISTED, "allow_private_network": True},
        preflight(more=NETWORK),
        grant(
            access_control_allow_private_network="true",
            vary=f"Origin, {REQUESTED}, Access-Control-Request-Private-Network",
        ),
    ),
    (
        "a private network is not told unless asked for",
        {**LISTED, "allow_private_network": True},
        preflight(),
        grant(vary=f"Origin, {REQUESTED}, Access-Control-Request-Private-Network"),
    ),
    (
        "a refused origin learns nothing of the private network",
        {**LISTED, "allow_private_network": True},
        preflight(EVIL, more=NETWORK),
        refusal("origin", vary=f"Origin, {REQUESTED}, Access-Control-Request-Private-Network"),
    ),
    (
        "a refused method learns nothing of the private network",
        {**LISTED, "allow_private_network": True},
        preflight(A, "PUT", more=NETWORK),
        refusal("method 'PUT'", MY, vary=f"Origin, {REQUESTED}, Access-Control-Request-Private-Network"),
    ),
]


@pytest.mark.parametrize(("sentence", "options", "scope", "expected"), PREFLIGHTS, ids=[row[0] for row in PREFLIGHTS])
def test_a_preflight_is_answered_before_the_app(
    sentence: str, options: Options, scope: dict[str, Any], expected: Whole
) -> None:
    app, scopes = remembers()
    assert whole(drive(CORSMiddleware(app, **options), scope)) == expected
    assert scopes == []


class Unsplittable(bytes):
    """A hostile field value that tells when somebody starts to take it apart."""

    def split(self, *args: Any, **kwargs: Any) -> list[bytes]:
        raise AssertionError("taken apart before it was measured")

    lower = strip = replace = decode = split  # type: ignore[assignment]  # each of them walks the whole value  # pyright: ignore[reportAssignmentType]


@pytest.mark.parametrize("options", [LISTED, NAMES, ANY_HEADER], ids=["the default", "a list", "any header"])
@pytest.mark.parametrize(
    "hostile",
    [b"," * 65536, b"x-b," * 16384, b" " * 65536, b"\t ," * 22000, b"x" * 65536],
    ids=["commas", "one name again and again", "blanks", "blanks and commas", "one long name"],
)
def test_a_hostile_list_of_headers_is_measured_before_it_is_split(options: Options, hostile: bytes) -> None:
    scope = preflight()
    scope["headers"].append((b"access-control-request-headers", Unsplittable(hostile)))
    app, scopes = remembers()
    assert whole(drive(CORSMiddleware(app, **options), scope)) == refusal("headers (too many)", MY)
    assert scopes == []


def test_every_name_of_a_long_list_can_be_asked_for_at_once() -> None:
    names = [f"X-Long-Header-Name-{number}" for number in range(300)]
    app = CORSMiddleware(text(b"ok"), **LISTED, allow_headers=names)
    lines = [", \t".join(names[:200]), " , ".join(names[200:])]
    told = ", ".join(sorted([*names, *SAFELISTED.split(", ")]))
    assert whole(drive(app, preflight(A, "GET", *lines))) == grant(access_control_allow_headers=told)


def test_nobodys_later_edit_reaches_the_next_reply() -> None:
    for options in (LISTED, ANY, {**ANY_HEADER, "expose_headers": ["X-A"], "allow_credentials": True}):
        app = CORSMiddleware(sends(start(headers=[]), body(b"")), **options)
        for scope in (preflight(), preflight(EVIL), preflight(A, "PUT"), get(), get(EVIL), get(None)):
            first = drive(app, scope)
            for message in first.objects:
                if "headers" in message:
                    message["headers"].append((b"x-edited", b"1"))
                    message["headers"].reverse()
                message["status"] = 418
            second = drive(app, scope)
            assert (second.sent[0], len(second.sent)) == (first.sent[0], 2)


# --- a function that decides -----------------------------------------------------------------------------------------


class Verdict:
    """Truthy or not, as ORMs' results are."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count


async def says_yes(origin: str, scope: Any) -> bool:
    return True


async def says_no(origin: str, scope: Any) -> None:
    return None


async def fails_later(origin: str, scope: Any) -> bool:
    raise LookupError("no database")


def fails(origin: str, scope: Any) -> bool:
    raise LookupError("no database")


def fails_in_a_group(origin: str, scope: Any) -> bool:
    raise ExceptionGroup("no database", [LookupError("no database")])


FUNCTIONS: list[tuple[str, Callable[[str, Any], Any], bool, int]] = [
    ("it says yes", lambda origin, scope: True, True, 0),
    ("it says no", lambda origin, scope: False, False, 0),
    ("it says nothing", lambda origin, scope: None, False, 0),
    ("it gives something that counts as true", lambda origin, scope: Verdict(1), True, 0),
    ("it gives something that counts as false", lambda origin, scope: Verdict(0), False, 0),
    ("it says yes, later", says_yes, True, 0),
    ("it says nothing, later", says_no, False, 0),
    ("it gives an awaitable from a plain function", lambda origin, scope: says_yes(origin, scope), True, 0),
    ("it raises", fails, False, 1),
    ("it raises a group", fails_in_a_group, False, 1),
    ("it raises, later", fails_later, False, 1),
]


@pytest.mark.parametrize(("sentence", "function", "allowed", "logged"), FUNCTIONS, ids=[row[0] for row in FUNCTIONS])
def test_a_function_decides(
    sentence: str,
    function: Callable[[str, Any], Any],
    allowed: bool,
    logged: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = CORSMiddleware(sends(start(headers=[]), body(b"")), allow_origin_func=function)
    assert drive(app, get("https://x.example\x1b[31m")).headers[-1] == ("vary", "Origin")
    caplog.clear()
    assert drive(app, get()).headers == (NAMED if allowed else [("vary", "Origin")])
    records = [(record.name, record.levelno, record.getMessage()) for record in caplog.records]
    assert (
        records == [("asgi_middleware.cors", logging.ERROR, "allow_origin_func raised; the origin is refused")] * logged
    )


def test_a_function_is_asked_last_once_and_with_the_scope() -> None:
    asked: list[tuple[str, Any]] = []

    def function(origin: str, scope: Any) -> bool:
        asked.append((origin, scope))
        return origin == "https://d.example"

    app = CORSMiddleware(
        sends(start(headers=[]), body(b"")),
        allow_origins=[A, "https://*.example.com"],
        allow_origin_regex=r"https://c\.example",
        allow_origin_func=function,
    )
    for origin in (A, "https://x.example.com", "https://c.example", "null", long_origin(331) + ".example", None):
        drive(app, get(origin))
    assert asked == []
    scope = get("https://d.example")
    drive(app, scope)
    assert asked == [("https://d.example", scope)]
    assert asked[0][1] is scope
    assert whole(drive(app, preflight(EVIL))) == refusal("origin")
    assert [origin for origin, _ in asked] == ["https://d.example", EVIL]


def test_any_origin_asks_no_function() -> None:
    app = CORSMiddleware(sends(start(headers=[]), body(b"")), **ANY, allow_origin_func=fails)
    assert drive(app, get(EVIL)).headers == [(ACAO, "*")]


@pytest.mark.parametrize("error", [asyncio.CancelledError(), KeyboardInterrupt(), SystemExit(1)])
def test_what_is_no_exception_of_the_function_travels_on(error: BaseException) -> None:
    async def function(origin: str, scope: Any) -> bool:
        raise error

    app, scopes = remembers()
    for scope in (get(), preflight(), websocket(headers=[("origin", A)])):
        exchange = drive(CORSMiddleware(app, allow_origin_func=function), scope)
        assert exchange.error is error
        assert (exchange.sent, scopes) == ([], [])


class Pause:
    """Awaits once, so that a test can hold a request there."""

    def __await__(self) -> Generator[None, None, None]:
        yield


def test_two_requests_at_once_keep_their_own_origins() -> None:
    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await Pause()
        await send(start(headers=[]))
        await Pause()
        await send(body(b"ok"))

    async def function(origin: str, scope: Any) -> bool:
        await Pause()
        return origin != EVIL

    app = CORSMiddleware(slow, allow_origin_func=function)
    origins = (A, EVIL, B, None)
    sent: dict[str | None, list[Any]] = {origin: [] for origin in origins}

    def request(origin: str | None) -> Coroutine[Any, Any, None]:
        async def send(message: Any) -> None:
            sent[origin].append(plain(message))

        async def receive() -> Any:
            raise AssertionError("nobody reads")

        return app(get(origin), receive, send)

    running = [request(origin) for origin in origins]
    while running:
        for one in list(running):
            try:
                one.send(None)
            except StopIteration:
                running.remove(one)
    told = {origin: messages[0]["headers"] for origin, messages in sent.items()}
    vary = (b"vary", b"Origin")
    assert told == {
        A: [(ACAO.encode(), A.encode()), vary],
        EVIL: [vary],
        B: [(ACAO.encode(), B.encode()), vary],
        None: [vary],
    }


# --- WebSocket -------------------------------------------------------------------------------------------------------


def handshake(origin: str | None, host: str | None = "api.example", **changes: Any) -> dict[str, Any]:
    pairs = [("host", host), ("origin", origin)]
    return websocket(headers=[(name, value) for name, value in pairs if value is not None], **changes)


CHECK: Options = {"websocket": "check"}
IGNORE: Options = {"websocket": "ignore"}
NONE: Options = {"allow_origins": []}

SOCKETS: list[tuple[str, Options, dict[str, Any], bool]] = [
    ("an allowed origin", LISTED, handshake(A), True),
    ("a foreign origin", LISTED, handshake(EVIL), False),
    ("null", LISTED, handshake("null"), False),
    ("an empty origin", LISTED, handshake(""), False),
    ("no origin: no browser", LISTED, handshake(None), True),
    ("an empty list refuses foreign origins", NONE, handshake(A), False),
    ("an empty list lets the same host pass", NONE, handshake("https://api.example"), True),
    ("the same host by plain http", NONE, handshake("http://api.example"), True),
    ("the same host, its default port written", NONE, handshake("https://api.example", "api.example:443"), True),
    ("the same host and port", NONE, handshake("http://localhost:8000", "localhost:8000"), True),
    ("the same host in capitals", NONE, handshake("https://api.example", "API.Example"), True),
    ("the same IPv6 host", NONE, handshake("http://[::1]:8000", "[::1]:8000"), True),
    ("the same host, another port", NONE, handshake("http://localhost:3000", "localhost:8000"), False),
    ("the same host, its port not written", NONE, handshake("http://localhost:8000", "localhost"), False),
    ("the same host, another scheme's port", NONE, handshake("https://api.example", "api.example:80"), False),
    ("a subdomain is another host", NONE, handshake("https://x.api.example"), False),
    ("a parent domain is another host", NONE, handshake("https://example"), False),
    ("a host that ends alike", NONE, handshake("https://evilapi.example"), False),
    ("a host that begins alike", NONE, handshake("https://api.example.evil"), False),
    ("a host in the user name", NONE, handshake("https://api.example@evil.example"), False),
    ("a host in the path", NONE, handshake("https://evil.example/api.example"), False),
    ("no Host header", NONE, handshake("https://api.example", None), False),
    (
        "two Host lines",
        NONE,
        websocket(headers=[("host", "api.example")] * 2 + [("origin", "https://api.example")]),
        False,
    ),
    ("two Origin lines", LISTED, websocket(headers=[("origin", A)] * 2), False),
    ("a pattern", SUBDOMAINS, handshake("https://x.example.com"), True),
    ("a regex", REGEX, handshake("https://x.example.com"), True),
    ("a regex that does not match", REGEX, handshake(EVIL), False),
    ("a function", ANYBODY, handshake(EVIL), True),
    ("any origin checks nothing by itself", ANY, handshake(EVIL), True),
    ("any origin is no list: a check refuses foreign origins", {**ANY, **CHECK}, handshake(EVIL), False),
    ("any origin, a check, and the same host", {**ANY, **CHECK}, handshake("https://api.example"), True),
    ("any origin with credentials, as asked for", REALLY_ANY, handshake(EVIL), True),
    ("a check with a list", {**LISTED, **CHECK}, handshake(EVIL), False),
    ("ignored", {**LISTED, **IGNORE}, handshake(EVIL), True),
    ("ignored with an empty list", {**NONE, **IGNORE}, handshake("null"), True),
]


@pytest.mark.parametrize(("sentence", "options", "scope", "passes"), SOCKETS, ids=[row[0] for row in SOCKETS])
def test_a_websocket_of_a_foreign_origin_is_refused_before_accept(
    sentence: str, options: Options, scope: dict[str, Any], passes: bool
) -> None:
    seen: list[Any] = []
    inner = accepts(subprotocol="chat", headers=[(b"x-kept", b"1")])

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)
        await inner(scope, receive, send)

    exchange = drive(CORSMiddleware(app, **options), scope)
    assert exchange.error is None
    if passes:
        assert [one is scope for one in seen] == [True]
        assert exchange.sent == [{"type": "websocket.accept", "subprotocol": "chat", "headers": [(b"x-kept", b"1")]}]
    else:
        assert seen == []
        assert exchange.sent == [
            {
                "type": "websocket.http.response.start",
                "status": 403,
                "headers": [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"22")],
            },
            {"type": "websocket.http.response.body", "body": b"Disallowed CORS origin"},
        ]


@pytest.mark.parametrize("extensions", [None, {}, {"other": {}}])
def test_without_the_denial_extension_a_websocket_is_closed(extensions: Any) -> None:
    app, scopes = remembers()
    scope = handshake(EVIL)
    scope["extensions"] = extensions
    exchange = drive(CORSMiddleware(app, **LISTED), scope)
    assert (exchange.sent, exchange.received, scopes) == ([{"type": "websocket.close", "code": 1008}], 1, [])
    del scope["extensions"]
    assert drive(CORSMiddleware(app, **LISTED), scope).sent == [{"type": "websocket.close", "code": 1008}]


def test_nothing_is_sent_to_a_websocket_client_that_has_gone() -> None:
    app, scopes = remembers()
    exchange = drive(CORSMiddleware(app, **LISTED), handshake(EVIL), [])
    assert (exchange.sent, exchange.error, scopes) == ([], None, [])


def test_the_apps_own_denial_passes_as_it_is() -> None:
    exchange = drive(CORSMiddleware(denies(), **LISTED), handshake(A))
    assert exchange.sent == drive(denies(), handshake(A)).sent


def test_other_scopes_pass_with_the_very_same_objects() -> None:
    for kind in ("lifespan", "http3.datagram"):
        calls: list[tuple[Any, Any, Any]] = []

        async def app(*arguments: Any, calls: list[tuple[Any, Any, Any]] = calls) -> None:
            calls.append((arguments[0], arguments[1], arguments[2]))

        async def receive() -> Any:
            raise AssertionError("nobody reads")

        async def send(message: Any) -> None:
            raise AssertionError("nobody sends")

        scope = {"type": kind}
        asyncio.run(CORSMiddleware(app, **LISTED)(scope, receive, send))
        ((its_scope, its_receive, its_send),) = calls
        assert (its_scope is scope, its_receive is receive, its_send is send) == (True, True, True)


@pytest.mark.parametrize("error", [ValueError("x"), asyncio.CancelledError(), ExceptionGroup("x", [OSError()])])
def test_what_the_app_raises_travels_on(error: BaseException) -> None:
    exchange = drive(CORSMiddleware(raises(error, start(headers=[])), **LISTED), get())
    assert exchange.error is error
    assert (len(exchange.sent), exchange.headers) == (1, NAMED)


def test_a_client_that_has_gone_is_told_to_the_caller() -> None:
    for scope in (get(), get(EVIL), preflight(), preflight(EVIL), handshake(EVIL)):
        gone = BrokenPipeError()
        assert drive(CORSMiddleware(text(b"ok"), **LISTED), scope, send_fails=gone).error is gone


# --- a browser: the client's side of https://fetch.spec.whatwg.org/#http-cors-protocol -------------------------------

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_ALWAYS_READABLE = {
    "cache-control", "content-language", "content-length", "content-type", "expires", "last-modified", "pragma",
}  # fmt: skip


@dataclass(frozen=True)
class Fetch:
    """`fetch(url, {method, headers, credentials})` from a page. `headers`: names that are not safelisted."""

    origin: str
    method: str = "GET"
    headers: tuple[str, ...] = ()
    credentials: bool = False


def combined(headers: Pairs, name: str) -> str | None:
    """A field's lines joined; None where it is missing."""
    values = [value for key, value in headers if key == name]
    return ", ".join(values) if values else None


def extracted(headers: Pairs, name: str) -> list[str] | None:
    """The members of a list of tokens, empty where it is missing; None where it is malformed."""
    members = [member.strip(" \t") for member in (combined(headers, name) or "").split(",")]
    members = [member for member in members if member]
    return members if all(_TOKEN.fullmatch(member) for member in members) else None


def passes_check(page: Fetch, headers: Pairs) -> bool:
    """https://fetch.spec.whatwg.org/#concept-cors-check"""
    allowed = combined(headers, ACAO)
    if allowed is None:
        return False
    if not page.credentials and allowed == "*":
        return True
    if allowed != page.origin:
        return False
    return not page.credentials or combined(headers, ACAC) == "true"


def passes_preflight(page: Fetch, app: App) -> bool:
    """https://fetch.spec.whatwg.org/#cors-preflight-fetch-0"""
    lines = [",".join(sorted({name.lower() for name in page.headers}))] if page.headers else []
    exchange = drive(app, preflight(page.origin, page.method, *lines))
    headers = exchange.headers
    if not passes_check(page, headers) or not 200 <= exchange.status <= 299:
        return False
    methods = extracted(headers, "access-control-allow-methods")
    names = extracted(headers, "access-control-allow-headers")
    if methods is None or names is None:
        return False
    if page.method not in ("GET", "HEAD", "POST", *methods) and (page.credentials or "*" not in methods):
        return False
    known = {name.lower() for name in names}
    for name in page.headers:
        listed = name.lower() in known
        if name.lower() == "authorization" and not listed:
            return False
        if not listed and (page.credentials or "*" not in known):
            return False
    return True


def verdict(page: Fetch, app: App) -> str:
    """What the page gets: the names of the headers it can read, or the step that stopped it."""
    if (page.method not in ("GET", "HEAD", "POST") or page.headers) and not passes_preflight(page, app):
        return "stopped by the preflight"
    exchange = drive(app, get(page.origin, *((name, "1") for name in page.headers), method=page.method))
    headers = exchange.headers
    if not passes_check(page, headers):
        return "stopped by the response"
    exposed = {name.lower() for name in extracted(headers, ACEH) or []}
    every = "*" in exposed and not page.credentials
    names = {name for name, _ in headers} - {"set-cookie", ACAO, ACAC, ACEH, "vary"}
    return "reads " + " ".join(sorted(name for name in names if every or name in exposed | _ALWAYS_READABLE))


def answering() -> App:
    """Two headers of its own, and CORS headers that must not count."""
    own = [(b"x-one", b"1"), (b"x-two", b"2"), (ACAO.encode(), EVIL.encode()), (ACAC.encode(), b"true")]
    return sends(start(headers=[(b"content-type", b"text/plain"), *own]), body(b"ok"))


READS = "reads content-type"
PREFLIGHT = "stopped by the preflight"
RESPONSE = "stopped by the response"
BROWSED: list[tuple[str, Options, Fetch, str]] = [
    ("a simple request", LISTED, Fetch(A), READS),
    ("a simple request of another origin", LISTED, Fetch(EVIL), RESPONSE),
    ("the same host by another scheme", LISTED, Fetch("http://a.example"), RESPONSE),
    ("a form's POST", LISTED, Fetch(A, "POST"), READS),
    ("JSON", LISTED, Fetch(A, "POST", ("content-type",)), READS),
    ("JSON of another origin never reaches the app", LISTED, Fetch(EVIL, "POST", ("content-type",)), PREFLIGHT),
    ("a method that was not listed", LISTED, Fetch(A, "DELETE"), PREFLIGHT),
    ("a listed method", PUTS, Fetch(A, "PUT"), READS),
    (
        "patch in small letters, which browsers do not mend",
        {**LISTED, "allow_methods": ["PATCH"]},
        Fetch(A, "patch"),
        PREFLIGHT,
    ),
    ("any method", ANY_METHOD, Fetch(A, "PATCH"), READS),
    (
        "any method with credentials",
        {**ANY_METHOD, "allow_credentials": True},
        Fetch(A, "PATCH", credentials=True),
        READS,
    ),
    ("a header that was not listed", LISTED, Fetch(A, "GET", ("x-a",)), PREFLIGHT),
    ("listed headers", NAMES, Fetch(A, "GET", ("X-B", "Authorization")), READS),
    ("any header covers Authorization", ANY_HEADER, Fetch(A, "GET", ("Authorization", "X-Any")), READS),
    (
        "any header with credentials",
        {**ANY_HEADER, "allow_credentials": True},
        Fetch(A, "GET", ("X-Any",), True),
        READS,
    ),
    ("credentials", CREDENTIALS, Fetch(A, credentials=True), READS),
    ("credentials that are not allowed", LISTED, Fetch(A, credentials=True), RESPONSE),
    ("credentials that are not allowed, with a preflight", PUTS, Fetch(A, "PUT", credentials=True), PREFLIGHT),
    ("credentials of another origin", CREDENTIALS, Fetch(EVIL, credentials=True), RESPONSE),
    ("any origin", ANY, Fetch(EVIL), READS),
    ("any origin, from a sandboxed frame", ANY, Fetch("null"), READS),
    ("any origin never with credentials", ANY, Fetch(EVIL, credentials=True), RESPONSE),
    ("any origin with credentials, as asked for", REALLY_ANY, Fetch(EVIL, credentials=True), READS),
    ("exposed headers can be read", {**LISTED, "expose_headers": ["X-Two"]}, Fetch(A), "reads content-type x-two"),
    ("all headers can be read", {**ANY, "expose_headers": ["*"]}, Fetch(A), "reads content-type x-one x-two"),
    (
        "a star exposes nothing to a page with credentials",
        {**ANY, "expose_headers": ["*"]},
        Fetch(A, credentials=True),
        RESPONSE,
    ),
    ("null where it is allowed", {"dangerously_allow_null_origin": True}, Fetch("null"), READS),
]


@pytest.mark.parametrize(("sentence", "options", "page", "expected"), BROWSED, ids=[row[0] for row in BROWSED])
def test_a_browser_gives_its_verdict(sentence: str, options: Options, page: Fetch, expected: str) -> None:
    assert verdict(page, CORSMiddleware(answering(), **options)) == expected


# Each entry of an origin list, and by hand the origins of the universe that it means.
UNIVERSE = [
    A,
    B,
    EVIL,
    "http://a.example",
    "https://a.example:8443",
    "https://a.example.evil.example",
    "https://xa.example",
    "https://example.com",
    "https://x.example.com",
    "https://x.y.example.com",
    "https://xexample.com",
    "http://localhost",
    "http://localhost:3000",
    "http://localhost.evil.example",
    "null",
]
MEANS: dict[str, set[str]] = {
    A: {A},
    B: {B},
    "https://a.example:8443": {"https://a.example:8443"},
    "https://*.example.com": {"https://x.example.com", "https://x.y.example.com"},
    "https://*.example.com:*": {"https://x.example.com", "https://x.y.example.com"},
    "http://localhost:*": {"http://localhost", "http://localhost:3000"},
}


def random_options(chance: random.Random) -> tuple[Options, set[str]]:
    """Options, and the origins of the universe that they allow."""
    options: Options = {
        "allow_methods": chance.choice(
            [["GET", "HEAD", "POST"], ["GET", "PUT", "PATCH"], ["*"], [], ["purge", "POST"]]
        ),
        "allow_headers": chance.choice([[], ["X-A"], ["x-a", "Authorization", "X-B"], ["*"], ["*", "X-A"]]),
        "max_age": chance.choice([None, 0, 600]),
        "expose_headers": chance.choice([[], ["X-One"], ["x-one", "X-Two"]]),
    }
    allowed: set[str] = set()
    if chance.random() < 0.2:
        options["allow_origins"] = ["*"]
        return options, set(UNIVERSE)
    options["allow_credentials"] = chance.random() < 0.5
    entries = chance.sample(sorted(MEANS), chance.randrange(4))
    options["allow_origins"] = entries
    for entry in entries:
        allowed |= MEANS[entry]
    if chance.random() < 0.3:
        options["allow_origin_regex"] = r"https?://b\.(example|invalid)"
        allowed |= {B}
    if chance.random() < 0.3:
        options["allow_origin_func"] = lambda origin, scope: origin == "https://xexample.com"
        allowed |= {"https://xexample.com"}
    if chance.random() < 0.2:
        options["dangerously_allow_null_origin"] = True
        allowed |= {"null"}
    return options, allowed


def meant(options: Options, allowed: set[str], page: Fetch) -> str:
    """The verdict that the options mean, in words of the options alone."""
    asks_first = page.method not in ("GET", "HEAD", "POST") or bool(page.headers)
    stopped = page.origin not in allowed or (page.credentials and not options.get("allow_credentials", False))
    if stopped:
        return PREFLIGHT if asks_first else RESPONSE
    if asks_first:
        methods, names = options["allow_methods"], [name.lower() for name in options["allow_headers"]]
        if "*" not in methods and page.method not in methods:
            return PREFLIGHT
        names += ["accept", "accept-language", "content-language", "content-type"]
        if "*" not in names and any(name.lower() not in names for name in page.headers):
            return PREFLIGHT
    readable = ["content-type", *(name.lower() for name in options["expose_headers"])]
    return "reads " + " ".join(sorted(readable))


def test_browsers_decide_what_random_options_mean() -> None:
    chance = random.Random(20240711)  # noqa: S311  # repeatable, not secret
    verdicts: dict[str, int] = {}
    for _ in range(300):
        options, allowed = random_options(chance)
        app = CORSMiddleware(answering(), **options)
        for _ in range(20):
            page = Fetch(
                chance.choice(UNIVERSE),
                chance.choice(["GET", "HEAD", "POST", "PUT", "PATCH", "purge", "PURGE", "DELETE"]),
                tuple(chance.sample(["X-A", "x-b", "Authorization", "Content-Type"], chance.choice([0, 0, 1, 2]))),
                chance.random() < 0.3,
            )
            found = verdict(page, app)
            assert found == meant(options, allowed, page), (options, page)
            verdicts[found] = verdicts.get(found, 0) + 1
    assert min(verdicts.values()) > 50, verdicts


# --- a shared cache: RFC 9111, 4.1 -----------------------------------------------------------------------------------


class SharedCache:
    """Keeps every response for ever, and gives it to whoever sends the same values of the fields its Vary names."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.stored: list[tuple[dict[str, Any], set[str], Exchange]] = []
        self.hits = 0

    def get(self, scope: dict[str, Any]) -> Exchange:
        for request, names, exchange in self.stored:
            if "*" not in names and all(field(request, name) == field(scope, name) for name in names):
                self.hits += 1
                return exchange
        exchange = drive(self.app, scope)
        names = {part.strip().lower() for value in exchange.header("vary") for part in value.split(",") if part.strip()}
        self.stored.append((scope, names, exchange))
        return exchange


def field(scope: dict[str, Any], name: str) -> list[bytes]:
    return [value for key, value in scope["headers"] if key.lower() == name.encode()]


CACHED_APPS: list[Pairs] = [
    [],
    [("vary", "Accept-Encoding")],
    [("vary", "Accept-Encoding"), ("Vary", "Cookie")],
    [("vary", "*")],
    [("vary", "origin")],
    OWN,
    [("vary", "Accept-Language"), (ACAO, "*")],
]


def unsafe_answers(make: Callable[[App, Options], App], rounds: int = 150) -> tuple[int, int]:
    """How many answers out of a cache differ from a fresh one, and how many came out of the cache."""
    chance = random.Random(9111)  # noqa: S311  # repeatable, not secret
    unsafe = hits = 0
    for _ in range(rounds):
        options, _ = random_options(chance)
        pairs = [(name.encode(), value.encode()) for name, value in chance.choice(CACHED_APPS)]
        status = chance.choice([200, 200, 203, 301, 304, 404, 500])
        app = make(sends(start(status, pairs), body(b"")), options)
        cache = SharedCache(app)
        for _ in range(25):
            more = [("cookie", chance.choice("ab")), ("accept-encoding", chance.choice(["gzip", "br"]))]
            scope = get(chance.choice([*UNIVERSE, None]), *more)
            unsafe += cache.get(scope).headers != drive(app, scope).headers
        hits += cache.hits
    return unsafe, hits


def test_a_shared_cache_never_serves_one_origins_answer_to_another() -> None:
    unsafe, hits = unsafe_answers(lambda app, options: CORSMiddleware(app, **options))
    assert unsafe == 0
    assert hits > 500


def test_the_shared_cache_would_have_told() -> None:
    def careless(app: App, options: Options) -> App:
        """Varies only where it names an origin, as several peers do."""
        inner = CORSMiddleware(app, **options)

        async def wrapped(scope: Any, receive: Any, send: Any) -> None:
            async def forgetful(message: Any) -> None:
                if message["type"] == "http.response.start" and not any(
                    key == ACAO.encode() for key, _ in message["headers"]
                ):
                    message = {**message, "headers": [pair for pair in message["headers"] if pair[0] != b"vary"]}
                await send(message)

            await inner(scope, receive, forgetful)

        return wrapped

    unsafe, _ = unsafe_answers(careless, rounds=30)
    assert unsafe > 20


def test_a_cache_that_keeps_preflights_against_the_rules_is_not_misled() -> None:
    chance = random.Random(2616)  # noqa: S311  # repeatable, not secret
    hits = 0
    for _ in range(100):
        options, _ = random_options(chance)
        app = CORSMiddleware(text(b"ok"), **options, allow_private_network=True)
        cache = SharedCache(app)
        for _ in range(30):
            scope = preflight(
                chance.choice([A, B, EVIL, "null"]),
                chance.choice(["GET", "PUT"]),
                *chance.choice([[], ["x-a"], ["x-a,x-b"]]),
                more=chance.choice([[], NETWORK]),
            )
            found, fresh = cache.get(scope), drive(app, scope)
            assert whole(found) == whole(fresh), (options, scope)
        hits += cache.hits
    assert hits > 300
