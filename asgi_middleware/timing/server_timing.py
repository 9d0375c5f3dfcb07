"""The value of a Server-Timing header (W3C Server Timing, on RFC 9110 tokens and quoted strings)."""

from .. import _headers
from .spans import MOST_METRICS, Span

_LONGEST = 2048  # bytes of one Server-Timing value


def total(milliseconds: float) -> bytes:
    """The metric that is always told. The clock may have gone back on a strange machine: then 0."""
    return b"total;dur=%.2f" % max(milliseconds, 0.0)


def with_spans(value: bytes, spans: list[Span]) -> bytes:
    """The value with as many of the spans behind it as may be told."""
    for name, desc, took in spans[: MOST_METRICS - 1]:
        described = "" if desc is None else f";desc={_headers.quoted(desc)}"
        metric = f", {name}{described};dur={took:.2f}".encode("ascii")
        if len(value) + len(metric) > _LONGEST:
            break
        value += metric
    return value
