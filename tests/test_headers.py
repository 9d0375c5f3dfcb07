"""`_headers`: pure functions on raw header pairs."""

import pytest

from asgi_middleware import _headers

MIXED = [(b"Content-Type", b"text/html"), (b"Set-Cookie", b"a=1"), (b"set-cookie", b"b=2")]


def test_get_compares_names_without_case_and_takes_the_first() -> None:
    assert _headers.get(MIXED, b"set-cookie") == b"a=1"
    assert _headers.get(MIXED, b"content-type") == b"text/html"
    assert _headers.get(MIXED, b"vary") is None


def test_get_all_keeps_the_order() -> None:
    assert _headers.get_all(MIXED, b"set-cookie") == [b"a=1", b"b=2"]


def test_put_replaces_every_line_and_leaves_its_argument_alone() -> None:
    before = list(MIXED)
    assert _headers.put(MIXED, b"set-cookie", b"c=3") == [(b"Content-Type", b"text/html"), (b"set-cookie", b"c=3")]
    assert before == MIXED


@pytest.mark.parametrize("headers", [None, (), [], iter(())])
def test_listed_makes_an_empty_list_of_nothing(headers: object) -> None:
    assert _headers.listed(headers) == []  # type: ignore[arg-type]  # any legal value


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
]


@pytest.mark.parametrize(("value", "expected"), WEIGHTS)
def test_weighted_leaves_malformed_weights_out(value: bytes, expected: list[tuple[bytes, float]]) -> None:
    assert _headers.weighted(value) == expected


TOKENS: list[tuple[str, bool]] = [
    ("GET", True),
    ("x-request-id", True),
    ("!#$%&'*+-.^_`|~09AZaz", True),
    ("", False),
    ("a b", False),
    ("a:b", False),
    ("a\n", False),
    ("caf\xe9", False),
    ("\udcff", False),
]


@pytest.mark.parametrize(("text", "expected"), TOKENS, ids=[ascii(row[0]) for row in TOKENS])
def test_a_token(text: str, expected: bool) -> None:
    assert _headers.is_token(text) is expected
