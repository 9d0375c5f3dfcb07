"""`request_id`: every case of the W3C's test-suite of Trace Context, in one process."""

from collections.abc import Sequence
from typing import Any

import pytest

from asgi_middleware import RequestIDMiddleware
from asgi_middleware.request_id import propagation_headers

from .asgi import drive, http
from .identified import inside
from .trace_suite import CASES, GOOD, NEW, SAME, SEVERAL, TRACE, Header, wrong_with


def called(headers: Sequence[Header], count: int = 1) -> list[list[Header]]:
    """What a service tells whom it calls, so many times, when it is asked with these headers."""
    calls: list[list[Header]] = []

    def call() -> None:
        for _ in range(count):
            told = propagation_headers("http://127.0.0.1:7777/callback", allow=["127.0.0.1"])
            calls.append(list(told.items()))

    assert drive(RequestIDMiddleware(inside(call), trace="continue"), http(headers=headers)).error is None
    return calls


@pytest.mark.parametrize(("sentence", "headers", "same", "state"), CASES, ids=[row[0] for row in CASES])
def test_a_case_of_the_suite(sentence: str, headers: list[Header], same: bool, state: str) -> None:
    assert wrong_with(called(headers), same, state) == []


@pytest.mark.parametrize(("sentence", "headers", "same"), SEVERAL, ids=[row[0] for row in SEVERAL])
def test_three_calls_of_one_request(sentence: str, headers: list[Header], same: bool) -> None:
    assert wrong_with(called(headers, 3), same) == []


WRONG: list[tuple[str, list[list[Header]], dict[str, Any], str]] = [
    ("nothing sent", [[]], {"same": NEW}, "no valid traceparent: []"),
    ("the caller's own line", [[("traceparent", GOOD)]], {"same": SAME}, "the parents are {'1234567890123456'}"),
    ("another trace", [[("traceparent", GOOD.replace("2-1", "3-1"))]], {"same": SAME}, "the traces are"),
    (
        "the trace of one who is not believed",
        [[("traceparent", f"00-{TRACE}-{'a' * 16}-01")]],
        {"same": NEW},
        "the traces",
    ),
    ("no traceparent", [[("traceparent", "00-1-2-3")]], {"same": NEW}, "no valid traceparent"),
    ("one span for two calls", [[("traceparent", f"00-{TRACE}-{'a' * 16}-01")]] * 2, {"same": SAME}, "the parents are"),
    (
        "a tracestate that was to go",
        [[("traceparent", f"00-{TRACE}-{'a' * 16}-01"), ("tracestate", "a=1")]],
        {"same": SAME},
        "the tracestate is ['a=1']",
    ),
]


@pytest.mark.parametrize(("sentence", "calls", "expected", "said"), WRONG, ids=[row[0] for row in WRONG])
def test_the_judge_finds_what_is_wrong(
    sentence: str, calls: list[list[Header]], expected: dict[str, Any], said: str
) -> None:
    assert [finding for finding in wrong_with(calls, **expected) if finding.startswith(said)]
