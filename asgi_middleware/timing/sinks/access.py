r"""Access lines: one request, one line, that any reader of such logs can parse, whatever a client has sent.

    common     127.0.0.1 - - [10/Oct/2026:13:55:36 +0000] "GET /items HTTP/1.1" 200 2326
    combined   the same, and then "the referer" "the user agent"
    json       {"time": "2026-10-10T13:55:36.123Z", "type": "http", "client": "127.0.0.1", ...}, in ASCII

In the first two, quotes, backslashes, control characters and every byte beyond ASCII are escaped as Apache's
mod_log_config does (`\"`, `\n`, `\xe4`), so that no path forges a line and no user agent colours a terminal. The
time is the arrival's, in UTC. A user's name is never told.
"""

import json
import re
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_from_bytes

from ..record import Record

_LONGEST = 1024  # bytes of one field as it came; escaped it has four times as many at the most
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_VERSIONS = {"2": "2.0", "3": "3.0"}  # as Apache and nginx write them
_USERINFO = re.compile(rb"(?<=//)[^/?#]*@")  # RFC 3986, 3.2.1
_QUERY = re.compile(rb"[?#].*", re.DOTALL)

_NAMED = {"\b": r"\b", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\v": r"\v", '"': r"\"", "\\": r"\\"}
_ESCAPES = str.maketrans(
    {chr(code): f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0x100))} | _NAMED,
)


def escaped(value: bytes) -> str:
    """A field between quotes, as Apache escapes it: printable ASCII, cut where it is long."""
    return _cut(value).decode("latin-1").translate(_ESCAPES)


def common(record: Record, *, query: bool) -> str:
    """The Common Log Format; bytes are `-` where there were none, or nobody knows how many."""
    at = time.gmtime(record.started)
    when = f"{at.tm_mday:02d}/{_MONTHS[at.tm_mon - 1]}/{at.tm_year}:{at.tm_hour:02d}:{at.tm_min:02d}:{at.tm_sec:02d}"
    version = str(record.scope.get("http_version", "1.1"))
    request = f"{escaped(_method(record))} {escaped(_target(record, query=query))} "
    request += f"HTTP/{printable(_VERSIONS.get(version, version))}"
    client = printable(_client(record) or "-").replace(" ", "")
    status = "-" if record.status is None else record.status
    return f'{client} - - [{when} +0000] "{request}" {status} {record.bytes_out or "-"}'


def combined(record: Record, *, query: bool) -> str:
    """The Combined Log Format."""
    agent = record.header(b"user-agent") or b"-"
    referer = _referer(record, query=query) or b"-"
    return f'{common(record, query=query)} "{escaped(referer)}" "{escaped(agent)}"'


def as_json(record: Record, *, query: bool) -> str:
    """An object of everything that is known, in ASCII; what is not known is null. Times are seconds."""
    when = datetime.fromtimestamp(record.started, UTC).isoformat(timespec="milliseconds")
    fields: dict[str, Any] = {
        "time": when.replace("+00:00", "Z"),
        "type": record.type,
        "client": _client(record),
        "method": _method(record),
        "path": _target(record, query=query),
        "http_version": record.scope.get("http_version"),
        "route": record.route,
        "status": record.status,
        "outcome": record.outcome,
        "error": record.error,
        "close_code": record.close_code,
        "bytes": record.bytes_out,
        "queue": record.queue,
        "first_byte": record.first_byte,
        "last_byte": record.last_byte,
        "total": record.total,
        "request_id": record.request_id,
        "trace_id": record.trace_id,
        "referer": _referer(record, query=query),
        "user_agent": record.header(b"user-agent"),
        "spans": spent(record),
    }
    text = json.dumps({name: _plain(value) for name, value in fields.items()})
    return text.replace("\x7f", "\\u007f")  # the one control character that JSON allows


def spent(record: Record) -> dict[str, float]:
    """Seconds by the name of the span."""
    sums: dict[str, float] = {}
    for name, _, seconds in record.spans:
        sums[name] = sums.get(name, 0.0) + seconds
    return sums


def _plain(value: Any) -> Any:
    """A value for JSON: bytes as text, texts without half characters and cut, seconds to the microsecond."""
    if isinstance(value, str):
        value = value.encode("utf-8", "backslashreplace")
    if isinstance(value, bytes):
        return _cut(value).decode("utf-8", "backslashreplace")
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, dict):
        return {_plain(name): _plain(item) for name, item in value.items()}
    return value


def _cut(value: bytes) -> bytes:
    return value if len(value) <= _LONGEST else value[:_LONGEST] + b"..."


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


def printable(text: str) -> str:
    """A text within a line."""
    return escaped(_bytes(text))


def _client(record: Record) -> str | None:
    client = record.scope.get("client")
    host = client[0] if isinstance(client, (list, tuple)) and client else None
    return host if isinstance(host, str) and host else None


def _method(record: Record) -> bytes:
    """As it was sent, also where it is none of the known ones."""
    method = record.scope.get("method")
    return _bytes(method) if isinstance(method, str) else _bytes(record.method)


def _target(record: Record, *, query: bool) -> bytes:
    """The path as it stood in the request."""
    raw = record.scope.get("raw_path")
    if not isinstance(raw, bytes) or not raw:
        raw = quote_from_bytes(record.scope["path"].encode("utf-8", "surrogatepass")).encode()
    path = _cut(raw.partition(b"?")[0])  # some servers leave the query in it
    asked = record.scope.get("query_string")
    return path + b"?" + _cut(asked) if query and asked else path


def _referer(record: Record, *, query: bool) -> bytes | None:
    """Whose page it was. What is no business of a log is left out: the user's name and password, and the query."""
    referer = record.header(b"referer")
    if referer is None:
        return None
    referer = _USERINFO.sub(b"", referer)  # of the whole: a cut may hide where a name ends
    return referer if query else _QUERY.sub(b"", referer)
