"""`_headers`: pure functions on raw header pairs."""

from collections.abc import Iterable
from typing import Any

import pytest

from asgi_middleware import _headers

MIXED = [(b"Content-Type", b"text/html"), (b"Set-Cookie", b"a=1"), (b"set-cookie", b"b=2")]


def test_get_compares_names_without_case_and_takes_the_first() -> None:
    assert _headers.get(MIXED, b"set-cookie") == b"a=1"
    assert _headers.get(MIXED, b"content-type") == b"text/html"
    assert _headers.get(MIXED, b"vary") is None
    assert _headers.get(MIXED, b"content-temp") is None  # as long as another name


def test_get_all_keeps_the_order() -> None:
    assert _headers.get_all(MIXED, b"set-cookie") == [b"a=1", b"b=2"]
    assert _headers.get_all(MIXED, b"set-coffee") == []  # as long as another name


def test_put_replaces_every_line_and_leaves_its_argument_alone() -> None:
    before = list(MIXED)
    assert _headers.put(MIXED, b"set-cookie", b"c=3") == [(b"Content-Type", b"text/html"), (b"set-cookie", b"c=3")]
    assert before == MIXED


@pytest.mark.parametrize("headers", [None, (), [], iter(())])
def test_listed_makes_an_empty_list_of_nothing(headers: object) -> None:
    assert _headers.listed(headers) == []  # type: ignore[arg-type]  # any legal value


@pytest.mark.parametrize("headers", [MIXED, tuple(MIXED), iter(MIXED)])
def test_listed_makes_a_new_list_of_the_pairs(headers: Iterable[Any]) -> None:
    listed = _headers.listed(headers)
    assert listed == MIXED
    assert listed is not headers


QUOTED = [
    ("", '""'),
    ("the database", '"the database"'),
    ('a "b" \\ c', '"a \\"b\\" \\\\ c"'),
    ("caf\xe9, \r\n and \x7f", '"caf?, ?? and ?"'),
    (" !~", '" !~"'),
]


@pytest.mark.parametrize(("text", "expected"), QUOTED, ids=[ascii(row[0]) for row in QUOTED])
def test_a_quoted_string(text: str, expected: str) -> None:
    assert _headers.quoted(text) == expected


VARY = [
    ("there is none", [], [(b"vary", b"Origin")]),
    ("there is another", [(b"Vary", b"Cookie")], [(b"vary", b"Cookie, Origin")]),
    ("it is there, in another case", [(b"Vary", b"origin")], [(b"Vary", b"origin")]),
    ("a star stays as it is", [(b"vary", b"*")], [(b"vary", b"*")]),
    ("a star among others stays", [(b"vary", b"a, *")], [(b"vary", b"a, *")]),
    (
        "two lines become one",
        [(b"vary", b"a"), (b"x", b"1"), (b"Vary", b"b")],
        [(b"x", b"1"), (b"vary", b"a, b, Origin")],
    ),
    ("two lines that name it become one", [(b"vary", b"Origin"), (b"vary", b"b")], [(b"vary", b"Origin, b")]),
    ("doubles go when lines are merged", [(b"vary", b"a, A"), (b"vary", b"a")], [(b"vary", b"a, Origin")]),
    ("empty members go when lines are merged", [(b"vary", b"a,, ")], [(b"vary", b"a, Origin")]),
]


@pytest.mark.parametrize(("sentence", "before", "after"), VARY, ids=[row[0] for row in VARY])
def test_merge_vary(sentence: str, before: list[tuple[bytes, bytes]], after: list[tuple[bytes, bytes]]) -> None:
    given = list(before)
    assert _headers.merge_vary(before, b"Origin") == after
    assert before == given


WEIGHTS = [
    (b"", []),
    (b"gzip", [(b"gzip", 1.0)]),
    (b"GZIP;Q=0.5", [(b"gzip", 0.5)]),
    (b" gzip ; q=0.25 , br", [(b"gzip", 0.25), (b"br", 1.0)]),
    (b"a;q=0, b;q=0.000, c;q=1.000", [(b"a", 0.0), (b"b", 0.0), (b"c", 1.0)]),
    (b"text/html;level=1;q=0.4", [(b"text/html", 0.4)]),
    (b"a;q=, b;q=2, c;q=-1, d;q=0.1234, e;q=abc, f;q=1.1, g", [(b"g", 1.0)]),
    (b",,a,,", [(b"a", 1.0)]),
    (b"a;q=1., b;q=0., c;q=1.0, d;q=1.00, e;q=0.125", [(b"a", 1), (b"b", 0), (b"c", 1), (b"d", 1), (b"e", 0.125)]),
    (b"a;q=0x5, b;q=1x0, c;q=1.0000, d;q=01, e", [(b"e", 1.0)]),
    (b"a;\tq=0.5, b;q =0.5, c;q\t=0.5, d; q= 0.5", [(b"a", 0.5)]),  # blanks around the sign
    (b"a;q=0.5;q=0.1, b;q=x;q=0.1", [(b"a", 0.5)]),  # the first weight counts
]


@pytest.mark.parametrize(("value", "expected"), WEIGHTS)
def test_weighted_leaves_malformed_weights_out(value: bytes, expected: list[tuple[bytes, float]]) -> None:
    assert _headers.weighted(value) == expected


TOKENS: list[tuple[str, bool]] = [
    ("GET", True),
    ("x-request-id", True),
    ("!#$%&'*+-.^_`|~09AZaz", True),
    ("", False),
    ("5", True),
    ("a b", False),
    ("a,b", False),
    ("a:b", False),
    ("a\n", False),
    ("caf\xe9", False),
    ("\udcff", False),
]


@pytest.mark.parametrize(("text", "expected"), TOKENS, ids=[ascii(row[0]) for row in TOKENS])
def test_a_token(text: str, expected: bool) -> None:
    assert _headers.is_token(text) is expected
