"""Rows of request IDs: whose ID it is, what may be one, and where it is told."""

import string
from typing import Any

from asgi_middleware import RequestIDMiddleware, get_request_id

from .. import apps
from ..apps import body, sends, start
from ..asgi import Exchange, drive, http, websocket
from ..bench.peers import peer
from .rows import FINE, Row, Seen, Topic, all_of, answered

KNOWN = "6f0c1d5e9a3b4c7d8e2f1a0b3c4d5e6f"
# What a log line, a header or another system need not take; a UUID stands in the middle of most of them.
ODD = (
    "{" * 500 + KNOWN + "}" * 500,
    f"urn:uuid:{KNOWN}" + "-" * 300,
    f"{KNOWN[:16]}\x85{KNOWN[17:]}",
    f"{{{KNOWN}}}",
)


class Ours:
    def make(self, app: Any, **options: Any) -> Any:
        return RequestIDMiddleware(app, **options)

    def current(self) -> str | None:
        return get_request_id()


class CorrelationID:
    def make(self, app: Any, **options: Any) -> Any:
        return peer("asgi_correlation_id:CorrelationIdMiddleware")(app, **options)

    def current(self) -> str | None:
        found: str | None = peer("asgi_correlation_id:correlation_id").get()
        return found


def ask(app: Any, *ids: str) -> Exchange:
    return answered(drive(app, http(headers=[("x-request-id", each) for each in ids])))


def told(exchange: Exchange) -> str:
    """The one ID of a response."""
    lines = exchange.header("x-request-id")
    if len(lines) != 1:
        raise Seen(f"{len(lines) or 'no'} lines")
    return lines[0]


def odd_ones(subject: Any) -> str:
    length = len(told(ask(subject.make(apps.text()), KNOWN + "-" * 100_000)))
    too_long = [f"{length // 1000} KB are taken"] if length > 1000 else []
    taken = sum(told(ask(subject.make(apps.text()), odd)) == odd for odd in ODD)
    return all_of(too_long + ([f"{taken} of {len(ODD)} odd ones"] if taken else []))


def own_line(subject: Any) -> str:
    told(ask(subject.make(sends(start(headers=[(b"x-request-id", b"of-the-app")]), body()))))
    return FINE


def kept_headers(subject: Any) -> str:
    """The start of each response is the same object."""
    app = subject.make(sends(start(headers=[(b"content-type", b"text/plain")]), body()))
    lines = [ask(app).header("x-request-id") for _ in range(3)][-1]
    if len(lines) > 1:
        raise Seen("IDs of other requests are told")
    return FINE


def sockets(subject: Any) -> str:
    told(answered(drive(subject.make(apps.accepts()), websocket())))
    told(answered(drive(subject.make(apps.denies()), websocket())))
    return FINE


def nested_call(subject: Any) -> str:
    """The application calls another one within its process, which has the middleware too."""
    inner = subject.make(apps.text(b"inner"))

    async def calling(scope: Any, receive: Any, send: Any) -> None:
        async def unheard(message: Any) -> None:
            pass

        await inner(http(headers=[("x-request-id", KNOWN[::-1])]), receive, unheard)
        await apps.text()(scope, receive, send)

    if told(ask(subject.make(calling), KNOWN)) != KNOWN:
        raise Seen("the response has the inner one")
    return FINE


def failing_generator(subject: Any) -> str:
    def failing() -> str:
        raise OSError

    for generator in (failing, lambda: "a\r\nset-cookie: b=c"):
        made = told(ask(subject.make(apps.text(), generator=generator)))
        if not set(made) <= set(string.ascii_letters + string.digits + "-"):
            raise Seen("a line end is sent")
    return FINE


def within(subject: Any) -> str:
    """In the application, before and after it has answered."""
    found: list[str | None] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        found.append(subject.current())
        await apps.text()(scope, receive, send)
        found.append(subject.current())

    exchange = ask(subject.make(app))
    if found != [told(exchange)] * 2:
        raise Seen("it is not")
    return FINE


def other_kinds(subject: Any) -> str:
    ulid = "01JD7Z3K5T8Q2W4R6Y9A1S3D5F"
    if told(ask(subject.make(apps.text()), ulid)) == ulid:
        raise Seen(KEPT)
    return FINE


# What `"safe"` lets pass.
KEPT = 'kept, being 1 to 128 safe characters; `validator="uuid"` replaces it'
PEER = "asgi-correlation-id"
TOPIC = Topic(
    "Request ID",
    {"RequestIDMiddleware": Ours()},
    {PEER: {PEER: CorrelationID()}},
    (
        Row("100 KB, braces and controls make no ID, and are not told back", "CWE-117", odd_ones),
        Row("where the application sends its own, there is one line", "RFC 9110, 5.3", own_line),
        Row("headers that the application keeps do not gather the IDs of others", "ASGI HTTP", kept_headers),
        Row("a WebSocket is told its ID, accepted or denied", "ASGI WebSocket, Accept, Denial Response", sockets),
        Row("a call of another application in the process does not change the ID", "PEP 567", nested_call),
        Row("a generator that fails, or gives a line end, costs the request nothing", "CWE-113", failing_generator),
        Row("the ID is there in the application, also after the response", "PEP 567", within),
        Row("what is no UUID, say a ULID, is replaced", "", other_kinds, ours=KEPT),
    ),
)
