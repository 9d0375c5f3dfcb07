"""The cases of the W3C's own test-suite of Trace Context (w3c/trace-context, test/test.py), as rows.

A service is asked with some headers, calls somebody itself, and what it sends there is judged: whether the trace is
the caller's or a new one, and which tracestate goes along. The rows are in the order of the suite, which judges keys by
the grammar of level 2 since June 2026.
"""

import re
from collections.abc import Sequence

TRACE = "12345678901234567890123456789012"
PARENT = "1234567890123456"
GOOD = f"00-{TRACE}-{PARENT}-01"
UNSAMPLED = f"00-{TRACE}-{PARENT}-00"

SAME, NEW = True, False
Header = tuple[str, str]
Case = tuple[str, list[Header], bool, str]


def parent(value: str) -> list[Header]:
    return [("traceparent", value)]


def state(*lines: str) -> list[Header]:
    """A good traceparent, and these lines of tracestate."""
    return [("traceparent", UNSAMPLED), *(("tracestate", line) for line in lines)]


LOWER = "abcdefghijklmnopqrstuvwxyz0123456789_-*/"
PRINTABLE = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) not in ",=")
TENS = [",".join(f"bar{n:02}={n:02}" for n in range(first, first + 10)) for first in (1, 11, 21)]

CASES: list[Case] = [
    ("both_traceparent_and_tracestate_missing", [], NEW, ""),
    ("traceparent_included_tracestate_missing", parent(GOOD), SAME, ""),
    (
        "traceparent_duplicated",
        [*parent(GOOD.replace("9012-", "9011-")), *parent(GOOD)],
        NEW,
        "",
    ),
    ("traceparent_header_name: trace-parent", [("trace-parent", GOOD)], NEW, ""),
    ("traceparent_header_name: trace.parent", [("trace.parent", GOOD)], NEW, ""),
    ("traceparent_header_name_valid_casing: TraceParent", [("TraceParent", GOOD)], SAME, ""),
    ("traceparent_header_name_valid_casing: TrAcEpArEnT", [("TrAcEpArEnT", GOOD)], SAME, ""),
    ("traceparent_header_name_valid_casing: TRACEPARENT", [("TRACEPARENT", GOOD)], SAME, ""),
    ("traceparent_version_0x00: a dot behind", parent(f"{GOOD}."), NEW, ""),
    ("traceparent_version_0x00: more behind", parent(f"{GOOD}-what-the-future-will-be-like"), NEW, ""),
    ("traceparent_version_0xcc", parent(f"cc{GOOD[2:]}"), SAME, ""),
    ("traceparent_version_0xcc: more behind", parent(f"cc{GOOD[2:]}-what-the-future-will-be-like"), SAME, ""),
    ("traceparent_version_0xcc: a dot behind", parent(f"cc{GOOD[2:]}.what-the-future-will-be-like"), NEW, ""),
    ("traceparent_version_0xff", parent(f"ff{GOOD[2:]}"), NEW, ""),
    ("traceparent_version_illegal_characters: .0", parent(f".0{GOOD[2:]}"), NEW, ""),
    ("traceparent_version_illegal_characters: 0.", parent(f"0.{GOOD[2:]}"), NEW, ""),
    ("traceparent_version_too_long: 3", parent(f"000{GOOD[2:]}"), NEW, ""),
    ("traceparent_version_too_long: 4", parent(f"0000{GOOD[2:]}"), NEW, ""),
    ("traceparent_version_too_short", parent(f"0{GOOD[2:]}"), NEW, ""),
    ("traceparent_trace_id_all_zero", parent(f"00-{'0' * 32}-{PARENT}-01"), NEW, ""),
    ("traceparent_trace_id_illegal_characters: first", parent(f"00-.{TRACE[1:]}-{PARENT}-01"), NEW, ""),
    ("traceparent_trace_id_illegal_characters: last", parent(f"00-{TRACE[:-1]}.-{PARENT}-01"), NEW, ""),
    ("traceparent_trace_id_too_long", parent(f"00-{TRACE}3-{PARENT}-01"), NEW, ""),
    ("traceparent_trace_id_too_short", parent(f"00-{TRACE[:-1]}-{PARENT}-01"), NEW, ""),
    ("traceparent_parent_id_all_zero", parent(f"00-{TRACE}-{'0' * 16}-01"), NEW, ""),
    ("traceparent_parent_id_illegal_characters: first", parent(f"00-{TRACE}-.{PARENT[1:]}-01"), NEW, ""),
    ("traceparent_parent_id_illegal_characters: last", parent(f"00-{TRACE}-{PARENT[:-1]}.-01"), NEW, ""),
    ("traceparent_parent_id_too_long", parent(f"00-{TRACE}-{PARENT}7-01"), NEW, ""),
    ("traceparent_parent_id_too_short", parent(f"00-{TRACE}-{PARENT[:-1]}-01"), NEW, ""),
    ("traceparent_trace_flags_illegal_characters: .0", parent(f"00-{TRACE}-{PARENT}-.0"), NEW, ""),
    ("traceparent_trace_flags_illegal_characters: 0.", parent(f"00-{TRACE}-{PARENT}-0."), NEW, ""),
    ("traceparent_trace_flags_too_long", parent(f"00-{TRACE}-{PARENT}-001"), NEW, ""),
    ("traceparent_trace_flags_too_short", parent(f"00-{TRACE}-{PARENT}-1"), NEW, ""),
    ("traceparent_ows_handling: a space before", parent(f" {GOOD}"), SAME, ""),
    ("traceparent_ows_handling: a tab before", parent(f"\t{GOOD}"), SAME, ""),
    ("traceparent_ows_handling: a space behind", parent(f"{GOOD} "), SAME, ""),
    ("traceparent_ows_handling: a tab behind", parent(f"{GOOD}\t"), SAME, ""),
    ("traceparent_ows_handling: on both sides", parent(f"\t {GOOD} \t"), SAME, ""),
    ("tracestate_included_traceparent_missing: one", [("tracestate", "foo=1")], NEW, ""),
    ("tracestate_included_traceparent_missing: two", [("tracestate", "foo=1,bar=2")], NEW, ""),
    ("tracestate_included_traceparent_included", state("foo=1,bar=2"), SAME, "foo=1,bar=2"),
    ("tracestate_header_name: trace-state", [*parent(UNSAMPLED), ("trace-state", "foo=1")], SAME, ""),
    ("tracestate_header_name: trace.state", [*parent(UNSAMPLED), ("trace.state", "foo=1")], SAME, ""),
    ("tracestate_header_name_valid_casing: TraceState", [*parent(UNSAMPLED), ("TraceState", "foo=1")], SAME, "foo=1"),
    ("tracestate_header_name_valid_casing: TrAcEsTaTe", [*parent(UNSAMPLED), ("TrAcEsTaTe", "foo=1")], SAME, "foo=1"),
    ("tracestate_header_name_valid_casing: TRACESTATE", [*parent(UNSAMPLED), ("TRACESTATE", "foo=1")], SAME, "foo=1"),
    ("tracestate_empty_header: alone", state(""), SAME, ""),
    ("tracestate_empty_header: the second", state("foo=1", ""), SAME, "foo=1"),
    ("tracestate_empty_header: the first", state("", "foo=1"), SAME, "foo=1"),
    (
        "tracestate_multiple_headers_different_keys",
        state("foo=1,bar=2", "rojo=1,congo=2", "baz=3"),
        SAME,
        "foo=1,bar=2,rojo=1,congo=2,baz=3",
    ),
    ("tracestate_duplicated_keys: one value", state("foo=1,foo=1"), SAME, ""),
    ("tracestate_duplicated_keys: two values", state("foo=1,foo=2"), SAME, ""),
    ("tracestate_duplicated_keys: one value, two lines", state("foo=1", "foo=1"), SAME, ""),
    ("tracestate_duplicated_keys: two values, two lines", state("foo=1", "foo=2"), SAME, ""),
    ("tracestate_all_allowed_characters", state(f"{LOWER}={PRINTABLE}"), SAME, f"{LOWER}={PRINTABLE}"),
    (
        "tracestate_all_allowed_characters: with a vendor",
        state(f"{LOWER}@a-z0-9_-*/={PRINTABLE}"),
        SAME,
        f"{LOWER}@a-z0-9_-*/={PRINTABLE}",
    ),
    ("tracestate_ows_handling: inside", state("foo=1 \t , \t bar=2, \t baz=3"), SAME, "foo=1,bar=2,baz=3"),
    ("tracestate_ows_handling: more inside", state("foo=1\t \t,\t \tbar=2,\t \tbaz=3"), SAME, "foo=1,bar=2,baz=3"),
    ("tracestate_ows_handling: a space before", state(" foo=1"), SAME, "foo=1"),
    ("tracestate_ows_handling: a tab before", state("\tfoo=1"), SAME, "foo=1"),
    ("tracestate_ows_handling: a space behind", state("foo=1 "), SAME, "foo=1"),
    ("tracestate_ows_handling: a tab behind", state("foo=1\t"), SAME, "foo=1"),
    ("tracestate_ows_handling: on both sides", state("\t foo=1 \t"), SAME, "foo=1"),
    ("tracestate_key_illegal_characters: a space", state("foo =1"), SAME, ""),
    ("tracestate_key_illegal_characters: upper case", state("FOO=1"), SAME, ""),
    ("tracestate_key_illegal_characters: a dot", state("foo.bar=1"), SAME, ""),
    ("tracestate_key_illegal_vendor_format: foo@", state("foo@=1,bar=2"), SAME, "foo@=1,bar=2"),
    ("tracestate_key_illegal_vendor_format: @foo", state("@foo=1,bar=2"), SAME, ""),
    ("tracestate_key_illegal_vendor_format: foo@@bar", state("foo@@bar=1,bar=2"), SAME, "foo@@bar=1,bar=2"),
    ("tracestate_key_illegal_vendor_format: two", state("foo@bar@baz=1,bar=2"), SAME, "foo@bar@baz=1,bar=2"),
    (
        "tracestate_member_count_limit: 32",
        state(*TENS, "bar31=31,bar32=32"),
        SAME,
        ",".join([*TENS, "bar31=31,bar32=32"]),
    ),
    ("tracestate_member_count_limit: 33", state(*TENS, "bar31=31,bar32=32,bar33=33"), SAME, ""),
    ("tracestate_key_length_limit: 256", state("foo=1", "z" * 256 + "=1"), SAME, "foo=1," + "z" * 256 + "=1"),
    ("tracestate_key_length_limit: 257", state("foo=1", "z" * 257 + "=1"), SAME, ""),
    (
        "tracestate_key_length_limit: 241 and 14",
        state("foo=1", "t" * 241 + "@" + "v" * 14 + "=1"),
        SAME,
        "foo=1," + "t" * 241 + "@" + "v" * 14 + "=1",
    ),
    ("tracestate_key_length_limit: 242", state("foo=1", "t" * 242 + "@v=1"), SAME, "foo=1," + "t" * 242 + "@v=1"),
    ("tracestate_key_length_limit: 15", state("foo=1", "t@" + "v" * 15 + "=1"), SAME, "foo=1,t@" + "v" * 15 + "=1"),
    ("tracestate_value_illegal_characters: an equals sign", state("foo=bar=baz"), SAME, ""),
    ("tracestate_value_illegal_characters: none", state("foo=,bar=3"), SAME, ""),
]

# The suite's AdvancedTest: three calls within one request.
SEVERAL: list[tuple[str, list[Header], bool]] = [
    ("multiple_requests_with_valid_traceparent", parent(GOOD), SAME),
    ("multiple_requests_without_traceparent", [], NEW),
    ("multiple_requests_with_illegal_traceparent", parent(f"00-{'0' * 32}-{PARENT}-01"), NEW),
]

_VALUE = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


def wrong_with(calls: Sequence[Sequence[Header]], same: bool, expected: str = "") -> list[str]:
    """What the suite would say of the headers with which the service called, once or several times."""
    found: list[str] = []
    traces: set[str] = set()
    parents: set[str] = set()
    for call in calls:
        values = [value for name, value in call if name.lower() == "traceparent"]
        states = [value for name, value in call if name.lower() == "tracestate"]
        match = _VALUE.fullmatch(values[0]) if len(values) == 1 else None
        if match is None or "0" * 32 in match[1] or match[2] == "0" * 16:
            found.append(f"no valid traceparent: {values}")
            continue
        traces.add(match[1])
        parents.add(match[2])
        if states != ([expected] if expected else []):
            found.append(f"the tracestate is {states}")
    if (TRACE in traces) is not same or len(traces) > 1:
        found.append(f"the traces are {traces}")
    if PARENT in parents or len(parents) < len(calls):
        found.append(f"the parents are {parents}")
    return found
