"""`cors`: which options are refused at construction, all at once and each with its remedy, and which are taken."""

import copy
import dataclasses
import pickle
import re
from typing import Any

import pytest

from asgi_middleware import ConfigError, CORSMiddleware, CORSPolicy

from .apps import text
from .browser_model import A
from .refusing import HOST_REMEDY, problems, refusals
from .test_cors import ANY, LISTED, REALLY_ANY, Options

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
