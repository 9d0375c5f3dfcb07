"""What `CORSPolicy.explain` tells: the whole text for each kind of answer.

Long, because it is one table.
"""

import dataclasses
from typing import Any

import pytest

from asgi_middleware import CORSPolicy
from asgi_middleware.cors.explanation import Explanation

from .explained import BY_LIST, FIELDS, LISTED, READ, SIMPLE, UNREAD, UNSENT, A, asks, refused

# A sentence, the policy, what is asked, the title, the steps, the outcome, the remedies.
Row = tuple[str, dict[str, Any], tuple[Any, ...], str, list[str], str, list[str]]
ROWS: list[Row] = [
    ("a simple request", LISTED, (A,), f"GET from '{A}'", [SIMPLE, BY_LIST], READ, []),
    (
        "fetch() writes these methods in capitals",
        LISTED,
        (A, "post"),
        f"POST from '{A}'",
        [SIMPLE, BY_LIST],
        READ,
        [],
    ),
    (
        "a form's type needs no preflight",
        LISTED,
        (A, "POST", ["Content-Type: text/plain;charset=utf-8", "Accept: a/b", "Range: bytes=0-99"]),
        f"POST from '{A}' with Content-Type, Accept and Range",
        [SIMPLE, BY_LIST],
        READ,
        [],
    ),
    (
        "JSON does, and a type that is not told counts as JSON",
        LISTED,
        (A, "POST", ["Content-Type"]),
        f"POST from '{A}' with Content-Type",
        [
            asks("content-type"),
            BY_LIST,
            "The method is allowed: allow_methods lists it.",
            "The header content-type is allowed: it always is.",
        ],
        READ,
        [],
    ),
    (
        "an odd Range and a long Accept do too",
        {**LISTED, "allow_headers": ["*"], "max_age": None},
        (A, "GET", ["Range: bytes=-5", f"accept: {'a' * 129}"]),
        f"GET from '{A}' with Range and accept",
        [
            asks("accept and range", "for 5 s, its default"),
            BY_LIST,
            "The method is allowed: allow_methods lists it.",
            "The header accept is allowed: allow_headers is '*'.",
            "The header range is allowed: allow_headers is '*'.",
        ],
        READ,
        [],
    ),
    (
        "a method and headers that are listed",
        {**LISTED, "allow_methods": ["PUT"], "allow_headers": ["X-Token"], "max_age": 0},
        (A, "put", ["x-token", "X-TOKEN: 2"]),
        f"PUT from '{A}' with x-token and X-TOKEN",
        [
            asks("the method PUT and x-token", "for no time"),
            BY_LIST,
            "The method is allowed: allow_methods lists it.",
            "The header x-token is allowed: allow_headers lists it.",
        ],
        READ,
        [],
    ),
    (
        "one name may be given as it is",
        {**LISTED, "allow_headers": ["X-Token"]},
        (A, "GET", "X-Token"),
        f"GET from '{A}' with X-Token",
        [
            asks("x-token"),
            BY_LIST,
            "The method is allowed: allow_methods lists it.",
            "The header x-token is allowed: allow_headers lists it.",
        ],
        READ,
        [],
    ),
    (
        "everything that is refused is told at once",
        LISTED,
        ("https://other.example.net", "DELETE", ["X-A", "X-B"]),
        "DELETE from 'https://other.example.net' with X-A and X-B",
        [
            asks("the method DELETE, x-a and x-b"),
            refused("no rule allows 'https://other.example.net'"),
            "The method is refused: 'DELETE' is not in allow_methods.",
            "The header x-a is refused: it is not in allow_headers.",
            "The header x-b is refused: it is not in allow_headers.",
        ],
        UNSENT,
        [
            "add 'https://other.example.net' to allow_origins",
            "add 'DELETE' to allow_methods",
            "add 'x-a' to allow_headers",
            "add 'x-b' to allow_headers",
        ],
    ),
    (
        "a simple request of a refused origin is sent all the same",
        LISTED,
        ("http://app.example.com",),
        "GET from 'http://app.example.com'",
        [SIMPLE, refused(f"no rule allows 'http://app.example.com'; '{A}' has another scheme")],
        UNREAD,
        ["add 'http://app.example.com' to allow_origins"],
    ),
    (
        "another port",
        {"allow_origins": ["http://localhost:3000"]},
        ("http://localhost:5173",),
        "GET from 'http://localhost:5173'",
        [SIMPLE, refused("no rule allows 'http://localhost:5173'; 'http://localhost:3000' has another port")],
        UNREAD,
        ["add 'http://localhost:5173' to allow_origins"],
    ),
    (
        "a pattern's own host",
        {"allow_origins": ["https://*.example.org"]},
        ("https://example.org",),
        "GET from 'https://example.org'",
        [
            SIMPLE,
            refused(
                "no rule allows 'https://example.org'; "
                "'https://*.example.org' stands for the hosts below, not for example.org itself"
            ),
        ],
        UNREAD,
        ["add 'https://example.org' to allow_origins"],
    ),
    (
        "a pattern",
        {"allow_origins": ["https://*.example.org", "http://localhost:*"]},
        ("http://localhost:3000",),
        "GET from 'http://localhost:3000'",
        [SIMPLE, "The origin is allowed: 'http://localhost:*' in allow_origins stands for it."],
        READ,
        [],
    ),
    (
        "a regular expression",
        {"allow_origin_regex": r"https://a[0-9]\.example\.com"},
        ("https://a1.example.com",),
        "GET from 'https://a1.example.com'",
        [SIMPLE, "The origin is allowed: allow_origin_regex matches it."],
        READ,
        [],
    ),
    (
        "a regular expression that matches a part",
        {"allow_origin_regex": r"https://a[0-9]\.example\.com"},
        ("https://a1.example.com.evil.example",),
        "GET from 'https://a1.example.com.evil.example'",
        [
            SIMPLE,
            refused(
                "no rule allows 'https://a1.example.com.evil.example'; "
                "allow_origin_regex matches a part of it, and must match the whole"
            ),
        ],
        UNREAD,
        ["add 'https://a1.example.com.evil.example' to allow_origins"],
    ),
    (
        "a slash that no browser sends",
        LISTED,
        (A + "/",),
        f"GET from '{A}/'",
        [SIMPLE, refused(f"no browser sends '{A}/': an origin has no slash at the end")],
        UNREAD,
        [f"ask again: write '{A}'"],
    ),
    (
        "a pattern is no origin",
        {"allow_origins": ["*"]},
        ("https://*.example.org",),
        "GET from 'https://*.example.org'",
        [SIMPLE, refused("no browser sends 'https://*.example.org': it is a pattern")],
        UNREAD,
        ["ask again, with one origin that it stands for"],
    ),
    (
        "control characters are told as escapes",
        LISTED,
        ("https://a\x1b[2J", "G\x1bT", ["x\x1b"]),
        "'G\\x1bT' from 'https://a\\x1b[2J' with 'x\\x1b'",
        ["The method 'G\\x1bT' is one that no script can send.", "'x\\x1b' is no header name."],
        UNSENT,
        ["use another method", "use another name"],
    ),
    (
        "a sandboxed frame",
        LISTED,
        ("null",),
        "GET from 'null'",
        [SIMPLE, refused("dangerously_allow_null_origin is off")],
        UNREAD,
        ["serve the page from an origin of its own: sandboxed frames and files of every site send 'null'"],
    ),
    (
        "a sandboxed frame that is allowed",
        {"dangerously_allow_null_origin": True},
        ("null",),
        "GET from 'null'",
        [SIMPLE, "The origin is allowed: dangerously_allow_null_origin is on."],
        READ,
        [],
    ),
    (
        "any origin, and every header",
        {"allow_origins": ["*"], "expose_headers": ["*"]},
        ("null",),
        "GET from 'null'",
        [SIMPLE, "The origin is allowed: allow_origins is '*'."],
        "The page reads the answer: status, body, and every header but Set-Cookie.",
        [],
    ),
    (
        "headers that are exposed",
        {**LISTED, "expose_headers": ["X-Request-ID"]},
        (A,),
        f"GET from '{A}'",
        [SIMPLE, BY_LIST],
        f"The page reads the answer: status, body, and the headers {FIELDS}, Pragma and X-Request-ID.",
        [],
    ),
    (
        "patch in small letters, which browsers do not mend",
        {**LISTED, "allow_methods": ["PATCH"]},
        (A, "patch"),
        f"patch from '{A}'",
        [
            asks("the method patch"),
            BY_LIST,
            "The method is refused: methods are case-sensitive, and fetch() writes 'patch' as it is.",
        ],
        UNSENT,
        ["write method: 'PATCH' in the page"],
    ),
    (
        "a method that no script can send",
        LISTED,
        (A, "TRACE"),
        f"TRACE from '{A}'",
        ["The method 'TRACE' is one that no script can send."],
        UNSENT,
        ["use another method"],
    ),
    (
        "a header that the browser sets",
        LISTED,
        (A, "GET", ["Cookie: a=1", "Sec-Fetch-Site"]),
        f"GET from '{A}' with Cookie and Sec-Fetch-Site",
        [
            "Cookie is set by the browser alone; what a script gives for it is dropped.",
            "Sec-Fetch-Site is set by the browser alone; what a script gives for it is dropped.",
            SIMPLE,
            BY_LIST,
        ],
        READ,
        [],
    ),
    (
        "a function decides where no list does",
        {**LISTED, "allow_origin_func": lambda origin, scope: True},
        ("https://other.example.net",),
        "GET from 'https://other.example.net'",
        [SIMPLE, "The origin is in no list; allow_origin_func decides."],
        "It depends on allow_origin_func(origin, scope), which is asked for each request. Where it says yes: "
        + READ[0].lower()
        + READ[1:],
        [],
    ),
    (
        "a function is not asked where a list decides",
        {**LISTED, "allow_origin_func": lambda origin, scope: False},
        (A,),
        f"GET from '{A}'",
        [SIMPLE, BY_LIST],
        READ,
        [],
    ),
    (
        "more headers than can be asked for",
        {**LISTED, "allow_headers": ["*"]},
        (A, "GET", [f"x-{number}{'x' * 100}" for number in range(50)]),
        f"GET from '{A}' with " + ", ".join(f"x-{number}{'x' * 100}" for number in range(49)) + f" and x-49{'x' * 100}",
        [],
        UNSENT,
        ["send fewer"],
    ),
]


CREDENTIALS: list[tuple[str, dict[str, Any], str, list[str], str, list[str]]] = [
    (
        "allowed",
        {**LISTED, "allow_credentials": True},
        A,
        [SIMPLE, BY_LIST, "Credentials are allowed: allow_credentials is on."],
        READ,
        [],
    ),
    (
        "refused",
        LISTED,
        A,
        [SIMPLE, BY_LIST, "Credentials are refused: allow_credentials is off."],
        UNREAD,
        ["set allow_credentials=True"],
    ),
    (
        "refused for any origin",
        {"allow_origins": ["*"]},
        A,
        [
            SIMPLE,
            "The origin is allowed: allow_origins is '*'.",
            "Credentials are refused: allow_credentials is off, and an answer for '*' is for nobody in particular.",
        ],
        UNREAD,
        ["list the origins instead of '*', and set allow_credentials=True"],
    ),
    (
        "any origin, as asked for",
        {
            "allow_origins": ["*"],
            "allow_credentials": True,
            "dangerously_allow_any_origin_with_credentials": True,
        },
        A,
        [
            SIMPLE,
            "The origin is allowed: allow_origins is '*'.",
            "Credentials are allowed: allow_credentials is on.",
        ],
        READ,
        [],
    ),
]


@pytest.mark.parametrize(
    ("sentence", "options", "origin", "steps", "outcome", "remedies"), CREDENTIALS, ids=[row[0] for row in CREDENTIALS]
)
def test_credentials(
    sentence: str, options: dict[str, Any], origin: str, steps: list[str], outcome: str, remedies: list[str]
) -> None:
    told = CORSPolicy(**options).explain(origin, credentials=True)
    request_line = f"GET from '{origin}', with credentials"
    assert told == Explanation(request_line, tuple(steps), outcome, not remedies, tuple(remedies))


def test_the_text_numbers_the_steps_and_ends_with_the_remedies() -> None:
    assert str(CORSPolicy(allow_origins=[]).explain(A, "PUT")) == "\n".join(
        [
            f"PUT from '{A}'",
            f"  1. {asks('the method PUT')}",
            f"  2. {refused(f'no rule allows {A!r}')}",
            "  3. The method is refused: 'PUT' is not in allow_methods.",
            UNSENT,
            f"To change that: add '{A}' to allow_origins.",
            "To change that: add 'PUT' to allow_methods.",
        ]
    )


SEVERAL: list[tuple[str, dict[str, Any], tuple[Any, ...], str, list[str], str, list[str]]] = [
    (
        "a misspelt origin is asked of no rule",
        {**LISTED, "allow_origin_regex": "https://a/"},
        ("https://a/",),
        "GET from 'https://a/'",
        [SIMPLE, refused("no browser sends 'https://a/': an origin has no slash at the end")],
        UNREAD,
        ["ask again: write 'https://a'"],
    ),
    (
        "small letters where capitals would not do either",
        LISTED,
        (A, "patch"),
        f"patch from '{A}'",
        [asks("the method patch"), BY_LIST, "The method is refused: 'patch' is not in allow_methods."],
        UNSENT,
        ["add 'patch' to allow_methods"],
    ),
    (
        "a simple method that is not listed, and a header",
        {**LISTED, "allow_methods": ["PUT"], "allow_headers": ["*"]},
        (A, "GET", ["X-A", "X-B", "X-C"]),
        f"GET from '{A}' with X-A, X-B and X-C",
        [
            asks("x-a, x-b and x-c"),
            BY_LIST,
            "The method is refused: 'GET' is not in allow_methods.",
            "The header x-a is allowed: allow_headers is '*'.",
            "The header x-b is allowed: allow_headers is '*'.",
            "The header x-c is allowed: allow_headers is '*'.",
        ],
        UNSENT,
        ["add 'GET' to allow_methods"],
    ),
    (
        "a simple method that is not listed is not asked for",
        {**LISTED, "allow_methods": ["PUT"]},
        (A, "GET"),
        f"GET from '{A}'",
        [SIMPLE, BY_LIST],
        READ,
        [],
    ),
    (
        "several names that are listed are not too many",
        {**LISTED, "allow_headers": ["X-A", "X-B"]},
        (A, "GET", ["X-B", "X-A"]),
        f"GET from '{A}' with X-B and X-A",
        [
            asks("x-a and x-b"),
            BY_LIST,
            "The method is allowed: allow_methods lists it.",
            "The header x-a is allowed: allow_headers lists it.",
            "The header x-b is allowed: allow_headers lists it.",
        ],
        READ,
        [],
    ),
    (
        "a method and a header that no script can send",
        LISTED,
        (A, "TRACE", ["X A"]),
        f"TRACE from '{A}' with 'X A'",
        ["The method 'TRACE' is one that no script can send.", "'X A' is no header name."],
        UNSENT,
        ["use another method", "use another name"],
    ),
    (
        "a simple method with a wrong header",
        LISTED,
        (A, "POST", ["X A"]),
        f"POST from '{A}' with 'X A'",
        ["'X A' is no header name."],
        UNSENT,
        ["use another name"],
    ),
    (
        "a function that decides, and a header that is refused",
        {"allow_origin_func": lambda origin, scope: True},
        (A, "GET", ["X-A"]),
        f"GET from '{A}' with X-A",
        [
            asks("x-a"),
            "The origin is in no list; allow_origin_func decides.",
            "The method is allowed: allow_methods lists it.",
            "The header x-a is refused: it is not in allow_headers.",
        ],
        UNSENT,
        ["add 'x-a' to allow_headers"],
    ),
    (
        "a star among several names that are exposed is told as it is",
        {**LISTED, "expose_headers": ["X-A", "*"]},
        (A,),
        f"GET from '{A}'",
        [SIMPLE, BY_LIST],
        f"The page reads the answer: status, body, and the headers {FIELDS}, Pragma, X-A and *.",
        [],
    ),
]


@pytest.mark.parametrize(
    ("sentence", "options", "asked", "request_line", "steps", "outcome", "remedies"),
    [*ROWS, *SEVERAL],
    ids=[row[0] for row in (*ROWS, *SEVERAL)],
)
def test_an_explanation(
    sentence: str,
    options: dict[str, Any],
    asked: tuple[Any, ...],
    request_line: str,
    steps: list[str],
    outcome: str,
    remedies: list[str],
) -> None:
    told = CORSPolicy(**options).explain(*asked)
    readable = None if outcome.startswith("It depends") else not remedies
    if not steps:  # too many to write down
        steps = list(told.steps)
        assert steps[-1] == "The headers are refused: there are too many of them."
    assert told == Explanation(request_line, tuple(steps), outcome, readable, tuple(remedies))


def test_an_explanation_cannot_be_changed() -> None:
    told = CORSPolicy(**LISTED).explain(A)
    with pytest.raises(dataclasses.FrozenInstanceError):
        told.readable = False  # type: ignore[misc]  # on purpose
    assert not hasattr(told, "__dict__")
    assert hash(told) == hash(CORSPolicy(**LISTED).explain(A))
