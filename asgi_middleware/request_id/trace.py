"""W3C Trace Context, level 2 (https://www.w3.org/TR/trace-context-2/): what the two headers mean, and how they look.

Pure functions, and `Trace`. A traceparent that is in any way wrong is none (3.2.2), and then its tracestate is none
either (3.3); a tracestate that is wrong costs only itself. Of a version yet to come, the fields known today are read
(3.2.4). What goes out is always version 00, with the flags known today alone.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .. import _headers

TRACEPARENT = b"traceparent"
TRACESTATE = b"tracestate"
_NAMES = (TRACEPARENT, TRACESTATE)

SAMPLED = 0x01  # the caller may have recorded the trace
RANDOM = 0x02  # the last seven bytes of the trace-id are random
_KNOWN = SAMPLED | RANDOM

# A later version may be longer. Nothing in it is a comma: two lines, joined on the way here, are not one value.
_TRACEPARENT = re.compile(
    rb"(?!ff)(?P<version>[0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?P<more>-[^,]*)?"
)
_LONGEST_PARENT = 512  # bytes
# 3.3.1.3: a key, and a value of printable ASCII but comma and equals sign that does not end in a space.
_MEMBER = re.compile(rb"([a-z0-9][a-z0-9_\-*/@]{0,255})=[ -+\--<>-~]{0,255}[!-+\--<>-~]")
_MOST_MEMBERS = 32
_LONGEST_READ = 8192  # bytes of a tracestate that are looked at; a longer one is none
_LONGEST_STATE = 512  # characters that are kept, as many as the standard asks for (3.3.1.5)
_LONG_MEMBER = 128  # one above that goes first


@dataclass(frozen=True, slots=True)
class Trace:
    """Where a request stands in its trace.

    `trace_id` is 32 lower-case hexadecimal digits, `parent_id` 16: the caller's span, None where the trace begins
    here. `span_id` is this request's own, new for each. `flags` has bits for sampled (1) and a random trace-id (2), as
    the caller set them: whether to record is not decided here. `state` is the tracestate, or "".
    """

    trace_id: str
    parent_id: str | None
    span_id: str
    flags: int
    state: str = ""

    @property
    def traceparent(self) -> str:
        """The header's value by which others know this request: `00-trace_id-span_id-flags`."""
        return traceparent(self.trace_id, self.span_id, self.flags)


def traceparent(trace_id: str, span_id: str, flags: int) -> str:
    return f"00-{trace_id}-{span_id}-{flags & _KNOWN:02x}"


def parse_traceparent(value: bytes) -> tuple[str, str, int] | None:
    """trace-id, parent-id and the flags known today; None for what is no traceparent."""
    match = _TRACEPARENT.fullmatch(value.strip(b" \t")) if len(value) <= _LONGEST_PARENT else None
    if match is None or (match["version"] == b"00" and match["more"] is not None):
        return None
    _, trace_id, parent_id, flags, _ = match.groups()
    return trace_id.decode(), parent_id.decode(), int(flags, 16) & _KNOWN


def parse_tracestate(value: bytes) -> str:
    """The list without blanks and empty members, at most 512 characters of it; "" for what is no tracestate.

    `value` is all lines joined by commas, in their order.
    """
    members = _headers.members((value,)) if len(value) <= _LONGEST_READ else []
    if len(members) > _MOST_MEMBERS:
        return ""
    matches = [_MEMBER.fullmatch(member) for member in members]
    keys = {match[1] for match in matches if match is not None}
    if len(keys) < len(members):  # one is no member, or stands there twice
        return ""
    return b",".join(_shortened(members)).decode()


def _shortened(members: list[bytes]) -> list[bytes]:
    """Whole members, as many as fit: the long ones give way first, and each time the last one before the others."""
    kept = list(members)
    excess = sum(map(len, members)) + len(members) - 1 - _LONGEST_STATE
    for long in (True, False):
        for member in reversed(members):
            if excess > 0 and (len(member) > _LONG_MEMBER) is long:
                kept.remove(member)
                excess -= len(member) + 1
    return kept


def traced(headers: Sequence[Any], trace: Trace) -> Sequence[Any]:
    """The request's headers as they go inwards, with one traceparent and at most one tracestate.

    The caller's span stays the parent, so that a tracer inside continues where the caller stopped; a trace that
    begins here has this request as its first span.
    """
    parent = traceparent(trace.trace_id, trace.parent_id or trace.span_id, trace.flags)
    lines = [(TRACEPARENT, parent.encode())]
    if trace.state:
        lines.append((TRACESTATE, trace.state.encode()))
    present = [(key, value) for name, value in headers if (key := name.lower()) in _NAMES]
    if present == lines:
        return headers
    return [*(_headers.drop(headers, _NAMES) if present else headers), *lines]
