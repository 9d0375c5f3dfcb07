"""`request_id`: the two headers of Trace Context, read and written."""

import dataclasses
import string

import pytest

from asgi_middleware.request_id import Trace
from asgi_middleware.request_id.trace import parse_traceparent, parse_tracestate, traced

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
GOOD = f"00-{TRACE}-{SPAN}-01"
HEX = set(string.digits + "abcdef")

# Beyond the cases of the W3C's test-suite, which has a file of its own.
PARENTS: list[tuple[str, str, int | None]] = [
    ("sampled", GOOD, 1),
    ("not sampled", GOOD[:-2] + "00", 0),
    ("a random trace-id", GOOD[:-2] + "02", 2),
    ("both", GOOD[:-2] + "03", 3),
    ("unknown flags", GOOD[:-2] + "fc", 0),
    ("all flags", GOOD[:-2] + "ff", 3),
    ("nothing", "", None),
    ("blanks", " \t ", None),
    ("upper case in the trace-id", GOOD.replace("af", "AF"), None),
    ("upper case in the parent-id", GOOD.replace("ad", "AD"), None),
    ("upper case in the flags", GOOD[:-2] + "0A", None),
    ("upper case in the version", "0A" + GOOD[2:], None),
    ("version FF", "FF" + GOOD[2:], None),
    ("version fe", "fe" + GOOD[2:], 1),
    ("version 01 with unknown flags", "01" + GOOD[2:-2] + "ff", 3),
    ("version 01 with one flag short", "01" + GOOD[2:-1], None),
    ("version 01 with a hyphen behind", "01" + GOOD[2:] + "-", 1),
    ("version 01 with a third digit of the flags", "01" + GOOD[2:] + "1", None),
    ("version 01 and anything behind", "01" + GOOD[2:] + "- \x01\xff=", 1),
    ("version 01 with a second value behind a comma", "01" + GOOD[2:] + "-x, 01" + GOOD[2:], None),
    ("version 01 as long as is read", "01" + GOOD[2:] + "-" + "x" * 456, 1),
    ("version 01, longer", "01" + GOOD[2:] + "-" + "x" * 457, None),
    ("as many blanks behind as are read", GOOD + " " * 457, 1),
    ("more blanks", GOOD + " " * 458, None),
    ("zeros in the trace-id of version 01", f"01-{'0' * 32}-{SPAN}-01", None),
    ("zeros in the parent-id of version 01", f"01-{TRACE}-{'0' * 16}-01", None),
    ("spaces for hyphens", GOOD.replace("-", " "), None),
    ("a line break behind", GOOD + "\n", None),
    ("a line break before", "\n" + GOOD, None),
    ("a vertical tab behind", GOOD + "\x0b", None),
    ("a no-break space behind", GOOD + "\xa0", None),
    ("digits of another script", GOOD.replace("0", "\xb2"), None),
    ("a line twice, joined", f"{GOOD}, {GOOD}", None),
    ("a line and an empty one", f"{GOOD}, ", None),
    ("an empty line and one", f", {GOOD}", None),
]


@pytest.mark.parametrize(("sentence", "value", "flags"), PARENTS, ids=[row[0] for row in PARENTS])
def test_a_traceparent_is_read_or_none(sentence: str, value: str, flags: int | None) -> None:
    assert parse_traceparent(value.encode("latin-1")) == (None if flags is None else (TRACE, SPAN, flags))


def test_ids_may_begin_or_end_with_zeros() -> None:
    """As those of systems with shorter ones do."""
    for trace, span in (("0" * 31 + "1", "0" * 15 + "1"), ("1" + "0" * 31, "1" + "0" * 15)):
        assert parse_traceparent(f"00-{trace}-{span}-00".encode()) == (trace, span, 0)


@pytest.mark.parametrize("position", [0, 1, 3, 34, 36, 51, 53, 54])
def test_a_digit_is_one_of_sixteen(position: int) -> None:
    """Every byte at the first and last place of every part. Other versions than 00 are read too."""
    read = {byte for byte in range(256) if parse_traceparent(changed(position, byte)) is not None}
    assert {chr(byte) for byte in read} == HEX


@pytest.mark.parametrize("position", [2, 35, 52])
def test_between_the_parts_is_a_hyphen(position: int) -> None:
    assert [byte for byte in range(256) if parse_traceparent(changed(position, byte)) is not None] == [ord("-")]


def changed(position: int, byte: int) -> bytes:
    value = bytearray(GOOD.encode())
    value[position] = byte
    return bytes(value)


FOUR = ",".join(f"{name}=" + name * 100 for name in "abcd")
STATES: list[tuple[str, str, str]] = [
    ("a blank inside of a value", "a=b c", "a=b c"),
    ("a blank before a value is a part of it", "a= b", "a= b"),
    ("a blank behind a value is none", "a=b  ,c=d", "a=b,c=d"),
    ("a value of blanks is none", "a=   ", ""),
    ("a value of 256", "a=" + "v" * 256, "a=" + "v" * 256),
    ("a value of 257", "a=" + "v" * 257, ""),
    ("a key of a digit", "1=a", "1=a"),
    ("a key of a hyphen", "-=a", ""),
    ("no key", "=a", ""),
    ("no value and no equals sign", "a", ""),
    ("one bad member costs all", "a=1,b,c=3", ""),
    ("a tab inside of a value", "a=b\tc", ""),
    ("a line break", "a=1\r\nb=2", ""),
    ("a letter beyond ASCII", "a=\xe9", ""),
    ("DEL", "a=\x7f", ""),
    ("empty members", ",, ,a=1,\t,b=2,", "a=1,b=2"),
    ("nothing but empty members", ",, ,\t", ""),
    ("32 members and empty ones", ",".join([*(f"k{n}=1," for n in range(32))]), ",".join(f"k{n}=1" for n in range(32))),
    ("a key that is another one's beginning", "a=1,a1=2,a@=3", "a=1,a1=2,a@=3"),
    ("512 characters", "a=" + "1" * 254 + ",b=" + "2" * 253, "a=" + "1" * 254 + ",b=" + "2" * 253),
    ("513 characters: the last long one goes", "a=" + "1" * 254 + ",b=" + "2" * 254, "a=" + "1" * 254),
    (
        "long ones go before short ones, from the end",
        ",".join(["s=1", "a=" + "1" * 200, "b=" + "2" * 200, "c=" + "3" * 200, "t=1"]),
        ",".join(["s=1", "a=" + "1" * 200, "b=" + "2" * 200, "t=1"]),
    ),
    (
        "129 characters are long, 128 are not",
        ",".join(["d=" + "d" * 127, *(f"{name}=" + name * 126 for name in "abc")]),
        ",".join(f"{name}=" + name * 126 for name in "abc"),
    ),
    (
        "then the last of the short ones",
        ",".join(f"{name}=" + name * 100 for name in "abcdef"),
        ",".join(f"{name}=" + name * 100 for name in "abcd"),
    ),
    ("commas count: 512 characters without the last", f"{FOUR},s={'s' * 98},t=1", f"{FOUR},s={'s' * 98}"),
    ("513 characters without the last", f"{FOUR},s={'s' * 99},t=1", FOUR),
    ("8,192 bytes are read", "a=1" + " " * 8189, "a=1"),
    ("8,193 bytes are not", "a=1" + " " * 8190, ""),
    ("64 KB of commas", "," * 65536, ""),
    ("64 KB of members", "a=1," * 16384, ""),
]


@pytest.mark.parametrize(("sentence", "value", "expected"), STATES, ids=[row[0] for row in STATES])
def test_a_tracestate_is_read_or_none(sentence: str, value: str, expected: str) -> None:
    assert parse_tracestate(value.encode("latin-1")) == expected
    assert len(expected) <= 512
    assert parse_tracestate(expected.encode()) == expected


KEYS = set(string.ascii_lowercase + string.digits)


@pytest.mark.parametrize(
    ("sentence", "before", "after", "allowed"),
    [
        ("first in a key", "", "k=v", KEYS),
        ("later in a key", "k", "=v", KEYS | set("_-*/@")),
        ("inside of a value", "k=a", "b", {chr(code) for code in range(0x20, 0x7F)} - set(",=")),
        ("last in a value", "k=", "", {chr(code) for code in range(0x21, 0x7F)} - set(",=")),
    ],
    ids=["first in a key", "later in a key", "in a value", "last in a value"],
)
def test_a_byte_of_a_member(sentence: str, before: str, after: str, allowed: set[str]) -> None:
    values = {chr(byte): before + chr(byte) + after for byte in range(256)}
    read = {byte for byte, value in values.items() if parse_tracestate(value.encode("latin-1")) == value}
    assert read == allowed


def test_a_trace_is_a_record_that_stays_as_it_is() -> None:
    trace = Trace(TRACE, None, SPAN, 2)
    assert trace == Trace(trace_id=TRACE, parent_id=None, span_id=SPAN, flags=2, state="")
    assert not hasattr(trace, "__dict__")
    with pytest.raises(dataclasses.FrozenInstanceError):
        trace.flags = 1  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]  # on purpose
    assert {trace: 1}[Trace(TRACE, None, SPAN, 2)] == 1


@pytest.mark.parametrize(
    ("flags", "digits"), [(0, "00"), (1, "01"), (3, "03"), (0xFC, "00"), (0xFF, "03"), (0x1FF, "03")]
)
def test_others_know_a_request_by_its_own_span_and_the_known_flags(flags: int, digits: str) -> None:
    assert Trace(TRACE, "a" * 16, SPAN, flags).traceparent == f"00-{TRACE}-{SPAN}-{digits}"


def test_headers_that_are_in_order_already_stay_the_very_list() -> None:
    trace = Trace(TRACE, SPAN, "f" * 16, 1, "a=1")
    headers = [(b"traceparent", GOOD.encode()), (b"host", b"a"), (b"tracestate", b"a=1")]
    assert traced(headers, trace) is headers
    assert traced(headers[:2], trace) == [(b"host", b"a"), (b"traceparent", GOOD.encode()), (b"tracestate", b"a=1")]
