"""`request_id`: the trace of a request, in the scope, in the context and inwards."""

import os
from typing import Any

import pytest

from asgi_middleware import RequestIDMiddleware, get_request_id
from asgi_middleware.request_id import Trace, get_trace

from . import apps
from .asgi import drive, http, websocket
from .identified import always, ask, fails, numbered

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
GOOD = f"00-{TRACE}-{SPAN}-01"
# With randomness of nothing but zeros, what is made here is known.
MADE = "00000000000040008000000000000000"
OURS = "0000000000000001"

ID = (b"x-request-id", b"made-1")
NEW = Trace(MADE, None, OURS, 2, "")
NEW_LINE = (b"traceparent", f"00-{MADE}-{OURS}-02".encode())
SAME_LINE = (b"traceparent", GOOD.encode())


def traced(sent: list[tuple[str, str]], **options: Any) -> tuple[Trace, list[tuple[bytes, bytes]]]:
    """The trace of a request with these headers, and the headers inside."""
    _, scope = ask(sent, **{"trace": "continue", "token_bytes": bytes, **options})
    return scope["trace"], scope["headers"]


Lines = list[tuple[str, str]]
ROWS: list[tuple[str, Lines, dict[str, Any], Trace, list[tuple[bytes, bytes]]]] = [
    ("none", [("host", "a")], {}, NEW, [(b"host", b"a"), ID, NEW_LINE]),
    (
        "the caller's, which stays as and where it is",
        [("traceparent", GOOD), ("host", "a"), ("tracestate", "a=1")],
        {},
        Trace(TRACE, SPAN, OURS, 1, "a=1"),
        [SAME_LINE, (b"host", b"a"), (b"tracestate", b"a=1"), ID],
    ),
    (
        "with unknown flags",
        [("traceparent", GOOD[:-2] + "ff"), ("host", "a")],
        {},
        Trace(TRACE, SPAN, OURS, 3, ""),
        [(b"host", b"a"), ID, (b"traceparent", f"00-{TRACE}-{SPAN}-03".encode())],
    ),
    (
        "of a later version",
        [("traceparent", "42" + GOOD[2:] + "-more")],
        {},
        Trace(TRACE, SPAN, OURS, 1, ""),
        [ID, SAME_LINE],
    ),
    (
        "in names of another case",
        [("TraceParent", GOOD), ("TraceState", "a=1")],
        {},
        Trace(TRACE, SPAN, OURS, 1, "a=1"),
        [(b"TraceParent", GOOD.encode()), (b"TraceState", b"a=1"), ID],
    ),
    (
        "several lines of tracestate become one",
        [("tracestate", "a=1"), ("traceparent", GOOD), ("tracestate", " b=2 , c=3")],
        {},
        Trace(TRACE, SPAN, OURS, 1, "a=1,b=2,c=3"),
        [ID, SAME_LINE, (b"tracestate", b"a=1,b=2,c=3")],
    ),
    (
        "a bad tracestate goes, the trace goes on",
        [("traceparent", GOOD), ("tracestate", "A=1")],
        {},
        Trace(TRACE, SPAN, OURS, 1, ""),
        [ID, SAME_LINE],
    ),
    (
        "an empty tracestate goes",
        [("traceparent", GOOD), ("tracestate", "")],
        {},
        Trace(TRACE, SPAN, OURS, 1, ""),
        [ID, SAME_LINE],
    ),
    (
        "a bad traceparent is replaced, and its tracestate goes",
        [("traceparent", GOOD[:-1]), ("tracestate", "a=1")],
        {},
        NEW,
        [ID, NEW_LINE],
    ),
    ("two traceparents are replaced", [("traceparent", GOOD), ("traceparent", GOOD)], {}, NEW, [ID, NEW_LINE]),
    ("a tracestate alone goes", [("tracestate", "a=1")], {}, NEW, [ID, NEW_LINE]),
    (
        "a stranger's trace is begun anew: its sampled flag counts for nothing",
        [("traceparent", GOOD), ("tracestate", "a=1")],
        {"trust": False},
        NEW,
        [ID, NEW_LINE],
    ),
    ("a function says no", [("traceparent", GOOD)], {"trust": always(False)}, NEW, [ID, NEW_LINE]),
    (
        "a function says yes",
        [("traceparent", GOOD)],
        {"trust": always(True)},
        Trace(TRACE, SPAN, OURS, 1, ""),
        [SAME_LINE, ID],
    ),
    ("a function raises", [("traceparent", GOOD)], {"trust": fails(KeyError())}, NEW, [ID, NEW_LINE]),
    (
        "the inner request is left alone",
        [("traceparent", GOOD + ", x"), ("tracestate", "A")],
        {"request_header": False},
        NEW,
        [(b"traceparent", GOOD.encode() + b", x"), (b"tracestate", b"A")],
    ),
    (
        "bytes that are no text",
        [("traceparent", "abc\xff\\"), ("tracestate", "\xff=\xff")],
        {},
        NEW,
        [ID, NEW_LINE],
    ),
]


@pytest.mark.parametrize(("sentence", "sent", "options", "trace", "inner"), ROWS, ids=[row[0] for row in ROWS])
def test_a_trace_is_continued_or_begun(
    sentence: str, sent: Lines, options: dict[str, Any], trace: Trace, inner: list[tuple[bytes, bytes]]
) -> None:
    assert traced(sent, **options) == (trace, inner)


def test_the_given_headers_are_not_changed() -> None:
    app, _ = apps.remembers()
    scope = http(headers=[("traceparent", "x"), ("tracestate", "y")])
    before = list(scope["headers"])
    drive(RequestIDMiddleware(app, trace="continue"), scope)
    assert scope["headers"] == before
    assert "trace" not in scope


@pytest.mark.parametrize("scope", [{"type": "http"}, http(), websocket(), http(headers=[("host", "a")])])
def test_every_request_and_websocket_has_a_trace(scope: dict[str, Any]) -> None:
    app, scopes = apps.remembers()
    drive(RequestIDMiddleware(app, trace="continue", token_bytes=bytes), scope)
    assert scopes[0]["trace"] == NEW
    assert scopes[0]["headers"][-1] == NEW_LINE


def test_a_lifespan_has_none() -> None:
    app, scopes = apps.remembers()
    drive(RequestIDMiddleware(app, trace="continue"), {"type": "lifespan"})
    assert scopes == [{"type": "lifespan"}]


def test_without_the_option_nothing_is_read_and_nothing_changed() -> None:
    app, scopes = apps.remembers()
    drive(RequestIDMiddleware(app, generator=numbered()), http(headers=[("traceparent", "x"), ("tracestate", "y")]))
    assert scopes[0]["headers"] == [(b"traceparent", b"x"), (b"tracestate", b"y"), ID]
    assert "trace" not in scopes[0]


def test_new_traces_and_spans_are_random() -> None:
    traces = [traced([], token_bytes=os.urandom)[0] for _ in range(50)]
    assert len({trace.trace_id for trace in traces}) == len({trace.span_id for trace in traces}) == 50
    assert {(trace.parent_id, trace.flags, trace.state) for trace in traces} == {(None, 2, "")}


def test_a_request_within_a_trace_has_a_span_of_its_own() -> None:
    app, scopes = apps.remembers()
    wrapped = RequestIDMiddleware(app, trace="continue")
    for _ in range(50):
        drive(wrapped, http(headers=[("traceparent", GOOD)]))
    spans = {scope["trace"].span_id for scope in scopes}
    assert len(spans) == 50
    assert SPAN not in spans


def test_the_trace_can_be_the_id() -> None:
    """A generated ID is the trace-id; one that a client may bring stays."""
    options = {"trace": "continue", "generator": "trace", "token_bytes": bytes}
    for sent, expected in [
        ([], MADE),
        ([("traceparent", GOOD)], TRACE),
        ([("traceparent", GOOD), ("x-request-id", "mine")], "mine"),
        ([("traceparent", GOOD), ("x-request-id", "no good")], TRACE),
        ([("traceparent", GOOD[:-1])], MADE),
    ]:
        exchange, scope = ask(sent, **options)
        assert exchange.header("x-request-id") == [expected]
        assert scope["request_id"] == expected


def test_the_context_knows_the_trace() -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((get_trace(), scope.get("trace"), get_request_id()))
        await apps.text(b"ok")(scope, receive, send)

    drive(RequestIDMiddleware(app, trace="continue", generator="trace"), http(headers=[("traceparent", GOOD)]))
    drive(RequestIDMiddleware(app, generator=always("plain")))
    assert seen[0][0] is seen[0][1]
    assert (seen[0][0].parent_id, seen[0][2]) == (SPAN, TRACE)
    assert seen[1] == (None, None, "plain")


def test_of_two_in_one_chain_the_inner_one_is_a_child_of_the_outer_one() -> None:
    app, scopes = apps.remembers()
    outer: list[Any] = []

    def between(inner: Any) -> Any:
        async def called(scope: Any, receive: Any, send: Any) -> None:
            outer.append(scope["trace"])
            await inner(scope, receive, send)

        return called

    inner = RequestIDMiddleware(app, trace="continue")
    drive(RequestIDMiddleware(between(inner), trace="continue"), http())
    trace = scopes[0]["trace"]
    assert (trace.trace_id, trace.parent_id, trace.flags) == (outer[0].trace_id, outer[0].span_id, 2)
    assert trace.span_id != outer[0].span_id


HOSTILE: list[tuple[str, list[tuple[str, str]]]] = [
    ("64 KB of hyphens", [("traceparent", "-" * 65536)]),
    ("64 KB behind a good one", [("traceparent", "01" + GOOD[2:] + "-" + "x" * 65536)]),
    ("a thousand lines", [("traceparent", GOOD)] * 1000),
    ("64 KB of commas", [("traceparent", GOOD), ("tracestate", "," * 65536)]),
    ("a thousand lines of commas", [("traceparent", GOOD), *[("tracestate", ",,,,")] * 1000]),
    ("a key of 64 KB", [("traceparent", GOOD), ("tracestate", "a" * 65536 + "=1")]),
    ("8 KB of blanks inside of a value", [("traceparent", GOOD), ("tracestate", "a=" + " " * 8000 + "\t")]),
    ("each byte", [("traceparent", bytes(range(256)).decode("latin-1"))]),
]


@pytest.mark.parametrize(("sentence", "sent"), HOSTILE, ids=[row[0] for row in HOSTILE])
def test_hostile_requests_are_served(sentence: str, sent: list[tuple[str, str]]) -> None:
    exchange, scope = ask(sent, trace="continue")
    assert exchange.status == 200
    lines = [value for name, value in scope["headers"] if name in (b"traceparent", b"tracestate")]
    assert len(lines) == 1
    assert len(lines[0]) == 55
