"""`cors`: what is refused at construction, all at once and each with its remedy, and what is taken."""

import copy
import dataclasses
import pickle
import random
import re
from collections.abc import Callable
from typing import Any

import pytest

from asgi_middleware import ConfigError, CORSMiddleware, CORSPolicy

from .apps import text
from .browser_model import A, B
from .test_cors import ANY, LISTED, REALLY_ANY, Options


def problems(build: Callable[[], object]) -> list[tuple[str, str]]:
    """The (option, remedy) of each problem that refuses a configuration."""
    with pytest.raises(ConfigError) as caught:
        build()
    assert caught.value.owner == "CORSMiddleware"
    return [(problem.option, problem.remedy) for problem in caught.value.problems]


def refusals(options: Options) -> list[tuple[str, str]]:
    return problems(lambda: CORSMiddleware(text(b"ok"), **options))


# --- origins ----------------------------------------------------------------------------------------------------------


HOST_REMEDY = "write 'https://example.com' or 'https://*.example.com'"
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


# --- the other options ------------------------------------------------------------------------------------------------


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
    (
        "a mapping for origins",
        {"allow_origins": {A: True}},
        [("allow_origins", "write ['https://app.example.com']")],
    ),
    (
        "credentials to anybody, who is nowhere named",
        {"allow_credentials": True, "dangerously_allow_any_origin_with_credentials": True},
        [("allow_origins", "list them, or write [] to allow none")],
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
    ("a method with a NUL", {**LISTED, "allow_methods": ["PUT\x00"]}, [("allow_methods", METHOD_REMEDY)]),
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
    ("a lone surrogate for a header", {**LISTED, "allow_headers": ["X-\ud800"]}, [("allow_headers", NAME_REMEDY)]),
    (
        "a mapping for headers",
        {**LISTED, "allow_headers": {"X-A": 1}},
        [("allow_headers", "write ['Authorization']")],
    ),
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
    ("an age that is no number", {**LISTED, "max_age": float("nan")}, [("max_age", "write 600")]),
    ("an age of five thousand digits", {**LISTED, "max_age": 10**5000}, [("max_age", "write 600")]),
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
    ("a regex that is too deep", {"allow_origin_regex": "(" * 5000}, [("allow_origin_regex", "mend it")]),
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
            "(?s).*",
            "https://[a-z.-]+",
            "https://[a-z]+",
            r"https://.*:\d+",
            r"https://.*\.io",
            r"https?://(.+\.)?[^.]+\.[a-z]+",
        )
    ),
    (
        "a star and an open regex with credentials",
        {"allow_origins": ["*"], "allow_origin_regex": ".*", "allow_credentials": True},
        [("allow_origin_regex", REGEX_REMEDY), ("allow_origins", "list the origins, or leave credentials off")],
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


# --- what is taken ----------------------------------------------------------------------------------------------------


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
    (
        "patterns for this machine, with credentials",
        {"allow_origins": ["http://*.localhost:*", "http://localhost:*"], "allow_credentials": True},
    ),
    ("the long name without need", {**LISTED, "dangerously_allow_any_origin_with_credentials": True}),
    ("any method and header beside some", {**LISTED, "allow_methods": ["*", "PUT"], "allow_headers": ["X-A", "*"]}),
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
