"""The value of a Server-Timing header (W3C Server Timing, on RFC 9110 tokens and quoted strings)."""

import re
from typing import Any

from .. import _headers
from .._types import Scope
from .spans import MOST_METRICS, Noted

_LONGEST = 2048  # bytes of one value
# W3C Trace Context, 3.2.2: version, trace-id, parent-id and flags, in lower case
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


def total(seconds: float, scope: Scope, _spans: object = None) -> bytes:
    """What is always told: the time, 0 where a strange clock has gone back, and the trace, if there is one."""
    value = b"total;dur=%.2f" % (seconds * 1000 if seconds > 0 else 0.0)
    trace = scope.get("trace")
    return value if trace is None else with_trace(value, trace)


def with_trace(value: bytes, trace: Any) -> bytes:
    """The value with the metric `trace` behind it, which W3C Trace Context (draft of level 3) binds to the response.

    `trace` is what stands in `scope["trace"]`; its `traceparent` is a token, so it needs no quotes. One that is
    something else is not told.
    """
    traceparent = getattr(trace, "traceparent", None)
    if not isinstance(traceparent, str) or not _TRACEPARENT.fullmatch(traceparent):
        return value
    return value + b", trace;desc=" + traceparent.encode("ascii")


def with_spans(value: bytes, spans: list[Noted]) -> bytes:
    """The value with as many of the spans behind it as keep it within 32 metrics and 2 KB."""
    room = MOST_METRICS - 1 - (b"trace;" in value)
    for name, desc, took in spans[:room]:
        described = "" if desc is None else f";desc={_headers.quoted(desc)}"
        metric = f", {name}{described};dur={took:.2f}".encode("ascii")
        if len(value) + len(metric) > _LONGEST:
            break
        value += metric
    return value
