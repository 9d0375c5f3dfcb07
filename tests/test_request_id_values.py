"""`request_id`: which IDs are believed."""

import string
from typing import Any

import pytest

from .identified import always, answered, ask

SAFE = set(string.ascii_letters + string.digits + "._~-+/=:@")


@pytest.mark.parametrize(
    ("sentence", "before", "after"),
    [("alone", "", ""), ("first", "", "bc"), ("in the middle", "ab", "cd"), ("last", "ab", "")],
    ids=["alone", "first", "in the middle", "last"],
)
def test_a_byte_is_believed_if_and_only_if_it_is_safe(sentence: str, before: str, after: str) -> None:
    values = {chr(byte): before + chr(byte) + after for byte in range(256)}
    assert {byte: answered(value) for byte, value in values.items()} == {
        byte: value if byte in SAFE else "made-1" for byte, value in values.items()
    }


UUID = "0123cdef-89AB-4def-8123-456789abcdef"
BARE = UUID.replace("-", "")

VALUES: list[tuple[str, str, dict[str, Any], str]] = [
    ("nothing in it", "", {}, "made-1"),
    ("one character", "a", {}, "a"),
    ("128 characters", "a" * 128, {}, "a" * 128),
    ("129 characters", "a" * 129, {}, "made-1"),
    ("20,000 characters", "a" * 20_000, {}, "made-1"),
    ("a UUID behind 20,000 hyphens", "-" * 20_000 + BARE, {}, "made-1"),
    ("two values joined by a comma", "a,b", {}, "made-1"),
    ("two values joined by a comma and a space", "a, a", {}, "made-1"),
    ("space around it", " a ", {}, "made-1"),
    ("a line break and a header", "a\r\nset-cookie: b=c", {}, "made-1"),
    ("a UUID in braces", "{" + UUID + "}", {}, "made-1"),
    ("an ID by nginx", BARE.lower(), {}, BARE.lower()),
    ("a ray by Cloudflare", "8f2c1d9e0a3b4c5d-FRA", {}, "8f2c1d9e0a3b4c5d-FRA"),
    ("an ID by Apache", "Yk8@+/AAEAAAF3hY=", {}, "Yk8@+/AAEAAAF3hY="),
    ("an ID by Amazon", "Root=1-67891233-abcdef012345678912345678", {}, "Root=1-67891233-abcdef012345678912345678"),
    ("another client, trust off", "a", {"trust": False}, "made-1"),
    ("trust says yes", "a", {"trust": always(True)}, "a"),
    ("trust says no", "a", {"trust": always(False)}, "made-1"),
    ("trust says yes to what is not safe", "a b", {"trust": always(True)}, "made-1"),
    ("the validator says yes", "a", {"validator": always(True)}, "a"),
    ("the validator says no", "a", {"validator": always(False)}, "made-1"),
    ("the validator says yes to what is not safe", "a b", {"validator": always(True)}, "made-1"),
    ("the validator says yes to what is too long", "a" * 129, {"validator": always(True)}, "made-1"),
    ("the validator says yes, trust says no", "a", {"validator": always(True), "trust": always(False)}, "made-1"),
    ("uuid: 36 characters", UUID, {"validator": "uuid"}, UUID),
    ("uuid: 32 digits", BARE, {"validator": "uuid"}, BARE),
    ("uuid: any version", "0" * 32, {"validator": "uuid"}, "0" * 32),
    ("uuid: 31 digits", BARE[1:], {"validator": "uuid"}, "made-1"),
    ("uuid: 33 digits", BARE + "0", {"validator": "uuid"}, "made-1"),
    ("uuid: no hexadecimal digit", "g" + BARE[1:], {"validator": "uuid"}, "made-1"),
    ("uuid: one hyphen of four", "0123cdef-89AB4def8123456789abcdef", {"validator": "uuid"}, "made-1"),
    ("uuid: three hyphens of four", "0123cdef-89AB-4def-8123456789abcdef", {"validator": "uuid"}, "made-1"),
    ("uuid: hyphens in other places", "0123-cdef89AB-4def-8123-456789abcdef", {"validator": "uuid"}, "made-1"),
    ("uuid: a name", "urn:uuid:" + UUID, {"validator": "uuid"}, "made-1"),
    ("uuid: only hyphens", "-" * 36, {"validator": "uuid"}, "made-1"),
    ("uuid: a safe ID of another kind", "a", {"validator": "uuid"}, "made-1"),
]


@pytest.mark.parametrize(("sentence", "sent", "options", "expected"), VALUES, ids=[row[0] for row in VALUES])
def test_an_id_is_believed_or_replaced(sentence: str, sent: str, options: dict[str, Any], expected: str) -> None:
    assert answered(sent, **options) == expected


PAIR = "x-request-id", "x-correlation-id"

ACCEPTED: list[tuple[str, tuple[str, ...], list[tuple[str, str]], str]] = [
    ("the first of two", PAIR, [("x-correlation-id", "second"), ("x-request-id", "first")], "first"),
    ("the second alone", PAIR, [("X-Correlation-ID", "second")], "second"),
    ("none", PAIR, [], "made-1"),
    ("a bad first one decides", PAIR, [("x-request-id", "no good"), ("x-correlation-id", "second")], "made-1"),
    ("an empty first one decides", PAIR, [("x-request-id", ""), ("x-correlation-id", "second")], "made-1"),
    (
        "a doubled first one decides",
        PAIR,
        [("x-request-id", "a"), ("x-request-id", "a"), ("x-correlation-id", "b")],
        "made-1",
    ),
    ("a doubled second one", PAIR, [("x-correlation-id", "a"), ("x-correlation-id", "b")], "made-1"),
    ("of one that is not accepted", ("x-correlation-id",), [("x-request-id", "first")], "made-1"),
    ("beside one that is not accepted", ("x-correlation-id",), [("x-request-id", "a"), ("x-correlation-id", "b")], "b"),
    ("in another case", ("X-CORRELATION-ID",), [("x-Correlation-id", "b")], "b"),
    ("its own name, in another case", ("X-REQUEST-ID",), [("x-request-id", "a")], "a"),
]


@pytest.mark.parametrize(("sentence", "accept", "sent", "expected"), ACCEPTED, ids=[row[0] for row in ACCEPTED])
def test_the_first_accepted_header_that_is_there_decides(
    sentence: str, accept: tuple[str, ...], sent: list[tuple[str, str]], expected: str
) -> None:
    """One name goes out. Inside, the ID stands under that name once, and other headers are left alone."""
    exchange, scope = ask([("host", "a"), *sent], accept=accept)
    assert exchange.headers == [("content-type", "text/plain"), ("x-request-id", expected)]
    assert scope["request_id"] == expected
    names = [name.lower() for name, _ in scope["headers"]]
    assert [value for name, value in scope["headers"] if name.lower() == b"x-request-id"] == [expected.encode()]
    assert names.count(b"x-correlation-id") == [name.lower() for name, _ in sent].count("x-correlation-id")


def test_an_accepted_header_of_a_stranger_is_not_used() -> None:
    _, scope = ask([("x-correlation-id", "theirs")], accept=PAIR, trust=False)
    assert scope["request_id"] == "made-1"
