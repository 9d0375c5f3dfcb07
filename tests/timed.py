"""What the tests of timing share: a clock, applications that measure, a second reader of the header, and sinks."""

import string
from collections.abc import Callable
from typing import Any

from asgi_middleware import TimingMiddleware
from asgi_middleware.timing import Record

from . import apps
from .asgi import App, Exchange, drive

TOTAL = ("server-timing", "total;dur=0.00")

# A second reader of the format, by the grammar of W3C Server Timing (3.2) on RFC 9110

Metric = tuple[str, str | None, str | None]  # name, description, duration as written

TOKEN = frozenset(string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~")  # RFC 9110, 5.6.2


class Reader:
    """Reads one Server-Timing value letter by letter; ValueError for whatever the grammar does not allow."""

    def __init__(self, value: str) -> None:
        self.rest = value

    def take(self, expected: str) -> None:
        if not self.rest.startswith(expected):
            raise ValueError(f"{expected!r} is missing before {self.rest!r}")
        self.rest = self.rest[len(expected) :]

    def token(self) -> str:
        length = 0
        while length < len(self.rest) and self.rest[length] in TOKEN:
            length += 1
        if not length:
            raise ValueError(f"no token at {self.rest!r}")
        token, self.rest = self.rest[:length], self.rest[length:]
        return token

    def quoted(self) -> str:
        """quoted-string (RFC 9110, 5.6.4), visible ASCII and space only."""
        self.take('"')
        text = ""
        while not self.rest.startswith('"'):
            if self.rest.startswith("\\"):
                self.take("\\")
            if not self.rest or not " " <= self.rest[0] <= "~":
                raise ValueError(f"no text at {self.rest!r}")
            text += self.rest[0]
            self.rest = self.rest[1:]
        self.take('"')
        return text

    def metric(self) -> Metric:
        """A name, and parameters behind semicolons: a description, a duration, each once at the most."""
        name = self.token()
        found: dict[str, str] = {}
        while self.rest.startswith(";"):
            self.take(";")
            parameter = self.token()
            if parameter not in ("desc", "dur") or parameter in found:
                raise ValueError(f"no parameter {parameter!r} is missing")
            self.take("=")
            found[parameter] = self.quoted() if self.rest.startswith('"') else self.token()
        return name, found.get("desc"), self.duration(found.get("dur"))

    def duration(self, text: str | None) -> str | None:
        """Milliseconds, as everything here writes them."""
        whole, point, decimals = (text or "0.00").partition(".")
        if not (whole.isdigit() and point and len(decimals) == 2 and decimals.isdigit()):
            raise ValueError(f"{text!r} is no duration in milliseconds")
        return text

    def metrics(self) -> list[Metric]:
        found = [self.metric()]
        while self.rest:
            self.take(", ")
            found.append(self.metric())
        return found


def names(metrics: list[Metric]) -> list[str]:
    return [name for name, _, _ in metrics]


# Time


class Clock:
    """Seconds, moved by hand."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


# Applications that measure


async def later(value: Any) -> Any:
    return value


def raising(_: Any) -> bool:
    raise KeyError("user")


def calling(function: Callable[[], Any], then: App | None = None) -> App:
    """An app that calls this function, then answers."""
    answer = then or apps.sends(apps.start(headers=[]), apps.body(b"ok"))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        function()
        await answer(scope, receive, send)

    return app


def timed(app: App, scope: dict[str, Any] | None = None, **options: Any) -> Exchange:
    """One request by a clock that stands still, so that total is 0."""
    options.setdefault("clock", Clock())
    exchange = drive(TimingMiddleware(app, **options), scope)
    assert exchange.error is None
    return exchange


def spans(function: Callable[[], Any]) -> list[Metric]:
    """What this function, called in a request, put into the header, behind total; read by the reader."""
    (value,) = timed(calling(function), server_timing="all").header("server-timing")
    assert len(value.encode()) <= 2048
    total, *others = Reader(value).metrics()
    assert total == ("total", None, "0.00")
    assert 1 + len(others) <= 32
    return others


# Sinks


class Trace:
    """What a middleware outside leaves in `scope["trace"]`."""

    trace_id = "0af7651916cd43dd8448eb211c80319c"
    parent_id = "b7ad6b7169203331"
    span_id = "00f067aa0ba902b7"
    flags = 1
    state = ""

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{self.flags:02x}"


class Kept:
    """A sink that keeps what it is told, and counts what is under way."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.begun: list[tuple[str, str, str]] = []

    def began(self, kind: str, method: str, scheme: str) -> None:
        self.begun.append((kind, method, scheme))

    def ended(self, record: Record) -> None:
        assert (record.type, record.method, record.scheme) == self.begun[len(self.records)] or len(self.begun) > 1
        self.records.append(record)

    @property
    def record(self) -> Record:
        """The only one."""
        (record,) = self.records
        return record

    @property
    def under_way(self) -> int:
        return len(self.begun) - len(self.records)


def recorded(app: App, scope: dict[str, Any] | None = None, **options: Any) -> Record:
    """The record of one request, however it ended, on a clock that stands still."""
    sink = Kept()
    options.setdefault("clock", Clock())
    options.setdefault("wall_clock", Clock(1_700_000_000.0))
    driven = {name: options.pop(name) for name in ("messages", "send_fails") if name in options}
    drive(TimingMiddleware(app, sinks=[sink], **options), scope, **driven)
    assert sink.under_way == 0
    return sink.record
