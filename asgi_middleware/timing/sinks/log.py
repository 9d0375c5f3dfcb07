"""LogSink: a warning for each slow request, and an access line for each, through `logging`.

    app = TimingMiddleware(app, sinks=[LogSink()])                          # slow ones alone, above a second
    app = TimingMiddleware(app, sinks=[LogSink(access="combined")])
    app = TimingMiddleware(app, sinks=[LogSink(slow=None, access="json")])  # one object for each line

    asgi_middleware.timing    WARNING    slow: GET /items/{id} took 1.234 s (200, ok; db 1.100 s)
    asgi_middleware.access    INFO       the access line; a handler with the format "%(message)s" writes it as it is

    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    access = logging.getLogger("asgi_middleware.access")
    access.addHandler(handler)
    access.setLevel(logging.INFO)
    access.propagate = False

and switch the server's own access log off. It names no user and leaves queries out, of the path and of the referer, as
they hold what must not lie in logs: codes of logins, links that reset passwords, keys of APIs. Apache logs them; so
does `query=True`. How the line is kept in one piece whatever is sent stands in `access`.
"""

import logging
from typing import Literal

from ..._options import Options
from ..record import Record
from . import access as lines

_logger = logging.getLogger("asgi_middleware.timing")
_access = logging.getLogger("asgi_middleware.access")

_FORMATS = {"common": lines.common, "combined": lines.combined, "json": lines.as_json}


class LogSink:
    """Writes to the loggers `asgi_middleware.timing` and `asgi_middleware.access`.

    - `slow`: seconds, or None for no warnings. What counts is the time to the response start, or to the end where
      there was none: how long a body takes is a matter of its length and of the client. WebSockets are never slow.
    - `access`: `"common"`, `"combined"` or `"json"`, or None for no access lines.
    - `query`: whether these tell queries, of the path and of the referer.

    Raises ConfigError with every problem.
    """

    def __init__(
        self,
        *,
        slow: float | None = 1.0,
        access: Literal["common", "combined", "json"] | None = None,
        query: bool = False,
    ) -> None:
        options = Options("LogSink")
        if slow is not None:
            options.seconds("slow", slow)
        options.choice("access", access, (None, *_FORMATS))
        options.boolean("query", query)
        options.raise_problems()
        self._slow = float("inf") if slow is None else slow
        self._line = None if access is None else _FORMATS[access]
        self._query = query

    def ended(self, record: Record) -> None:
        if self._line is not None and _access.isEnabledFor(logging.INFO):
            _access.info("%s", self._line(record, query=self._query))
        took = record.total if record.first_byte is None else record.first_byte
        if took >= self._slow and record.type == "http":
            _logger.warning("%s", _told(record, took))


def _told(record: Record, took: float) -> str:
    status = "no response" if record.status is None else str(record.status)
    told = [f"{status}, {record.outcome}"]
    if record.request_id is not None:
        told.append(f"request_id {lines.printable(record.request_id)}")
    told += [f"{name} {seconds:.3f} s" for name, seconds in lines.spent(record).items()]
    return f"slow: {record.method} {lines.printable(record.route)} took {took:.3f} s ({'; '.join(told)})"
