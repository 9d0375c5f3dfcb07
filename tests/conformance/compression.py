"""Rows of compression: what a client asked for, and what it is told of what it gets."""

import asyncio
from typing import Any

from asgi_middleware import BrotliMiddleware, CompressionMiddleware, GZipMiddleware

from ..apps import TEXT, body, sends, start
from ..asgi import Exchange, drive, http
from ..bench import peers
from ..compressing import BIG, EVENTS, PLAIN, decoder, pace
from .rows import FINE, Row, Seen, Topic, all_of, answered
from .subjects import Wrap

ALL = "zstd, br, gzip"


def get(app: Any, accept: str | None = ALL, **changes: Any) -> Exchange:
    headers = [] if accept is None else [("accept-encoding", accept)]
    return answered(drive(app, http(headers=headers, **changes)))


def coding(exchange: Exchange) -> str:
    """The coding of a response; `plain` without one."""
    return ", ".join(exchange.header("content-encoding")) or "plain"


def compresses(exchange: Exchange) -> None:
    """A subject that leaves everything alone would be right by accident."""
    if coding(exchange) == "plain":
        raise Seen("left plain")


def left_plain(exchange: Exchange) -> str:
    if coding(exchange) != "plain":
        raise Seen(f"{coding(exchange)} is sent")
    return FINE


def responds(*headers: tuple[bytes, bytes], status: int = 200, data: bytes = TEXT) -> Any:
    """An application whose messages are new ones for each request."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start(status, [PLAIN, *headers]))
        await send(body(data))

    return app


def kept_response(wrap: Wrap) -> str:
    """Its headers are kept, as a response in a module's variable keeps them. Only the first client takes codings."""
    kept = [PLAIN, (b"content-length", b"%d" % len(TEXT))]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start(headers=kept))
        await send(body())

    wrapped = wrap(app)
    compresses(get(wrapped))
    second = get(wrapped, None)
    if coding(second) != "plain":
        raise Seen(f"the next client is told {coding(second)} of a plain body")
    if second.header("content-length") != [str(len(TEXT))]:
        raise Seen("the next client is told another length")
    return FINE


def asked_for_nothing(wrap: Wrap) -> str:
    compresses(get(wrap(responds())))
    for accept in ("gzip;q=0, br;q=0, zstd;q=0", "vibrant, notgzip, zstdx"):
        left_plain(get(wrap(responds()), accept))
    return FINE


def highest_weight(wrap: Wrap) -> str:
    """Of gzip and others, as far as the subject has them; and of `identity`."""
    left_plain(get(wrap(responds()), "identity, gzip;q=0.5, br;q=0.5, zstd;q=0.5"))
    for other in ("br", "zstd"):
        got = coding(get(wrap(responds()), f"{other};q=0.1, gzip"))
        if got != "gzip":
            raise Seen(f"{got} at 0.1 beats gzip at 1")
    return FINE


def no_content(wrap: Wrap) -> str:
    """As BaseHTTPMiddleware sends them: a first message that promises more."""
    for status in (204, 304):
        exchange = get(wrap(sends(start(status, []), body(b"", more=True), body(b""))))
        if exchange.raw_body:
            raise Seen(f"{len(exchange.raw_body)} bytes of body")
    answer = sends(start(headers=[PLAIN]), body(b"", more=True), body(b""))
    if size := len(get(wrap(answer), method="HEAD").raw_body):
        raise Seen(f"{size} bytes for HEAD")
    return FINE


def no_transform(wrap: Wrap) -> str:
    compresses(get(wrap(responds())))
    return left_plain(get(wrap(responds((b"cache-control", b"no-transform")))))


def validators(wrap: Wrap) -> str:
    exchange = get(wrap(responds((b"etag", b'"a"'), (b"accept-ranges", b"bytes"))))
    compresses(exchange)
    strong = ["the ETag stays strong"] if exchange.header("etag") == ['"a"'] else []
    ranged = ["ranges are offered"] if exchange.header("accept-ranges") == ["bytes"] else []
    return all_of(strong + ranged)


def encoded_already(wrap: Wrap) -> str:
    data = b"\x1f\x8b" * 500
    for name, where in ((b"content-encoding", ""), (b"Content-Encoding", ", where Django writes it")):
        if get(wrap(responds((name, b"gzip"), data=data))).raw_body != data:
            raise Seen(f"encoded twice{where}")
    codings = get(wrap(responds((b"content-encoding", b"identity")))).header("content-encoding")
    if len(codings) > 1:
        raise Seen(f"{' and '.join(codings)}")
    return FINE


def names_of_django(wrap: Wrap) -> str:
    length = (b"Content-Length", b"%d" % len(TEXT))
    exchange = get(wrap(sends(start(headers=[(b"Content-Type", b"text/plain"), length]), body())))
    compresses(exchange)
    lengths = exchange.header("content-length")
    if len(lengths) > 1:
        raise Seen("two lengths are sent")
    if lengths == [str(len(TEXT))]:
        raise Seen("the length of the plain body is sent")
    return FINE


def each_piece(wrap: Wrap) -> str:
    """Every piece can be read when it was sent, and the start of events is not held back for the first."""
    early = []
    for kind, called in ((b"text/event-stream", "events"), (b"application/json", "JSON")):
        messages = [start(headers=[(b"content-type", kind)]), *(body(event, more=True) for event in EVENTS), body(b"")]
        exchange, counts = pace(wrap, messages, accept=ALL)
        codings = answered(exchange).header("content-encoding")
        read = decoder(codings[0]) if codings else bytes
        readable = [read(message.get("body", b"")) for message in exchange.sent]
        came = [b"".join(readable[:count]) for count in counts[:-1]]
        late = sum(one != b"".join(EVENTS[:number]) for number, one in enumerate(came))
        if late:
            early.append(f"{late} of {len(EVENTS)} pieces of {called} come late")
        elif kind == b"text/event-stream" and counts[0] == 0:
            early.append("the headers of events wait for the first")
    return all_of(early)


def threads(wrap: Wrap) -> str:
    """Whether anybody else is served between the application's body and the server's."""
    served: list[bool] = []
    before: list[bool] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        asyncio.get_running_loop().call_soon(served.append, True)
        await responds(data=BIG)(scope, receive, send)

    inner = wrap(app)

    async def outside(scope: Any, receive: Any, send: Any) -> None:
        async def sending(message: Any) -> None:
            before.append(bool(served))
            await send(message)

        await inner(scope, receive, sending)

    answered(drive(outside, http(headers=[("accept-encoding", ALL)]), loop="asyncio"))
    if not before[0]:
        raise Seen("on the event loop")
    return FINE


def untyped(wrap: Wrap) -> str:
    compresses(get(wrap(sends(start(headers=[]), body()))))
    return FINE


LISTED = "CompressionMiddleware: left plain"
STARLETTE, BROTLI, COMPRESS = "Starlette's GZip", "brotli-asgi", "starlette-compress"
TOPIC = Topic(
    "Compression",
    {each.__name__: each for each in (CompressionMiddleware, GZipMiddleware, BrotliMiddleware)},
    {
        STARLETTE: {STARLETTE: peers.starlette_gzip},
        BROTLI: {BROTLI: peers.brotli_asgi},
        COMPRESS: {COMPRESS: peers.starlette_compress},
    },
    (
        Row("a response object that is kept and sent again is right for the next client", "ASGI HTTP", kept_response),
        Row("`gzip;q=0` refuses gzip, `vibrant` does not ask for br", "RFC 9110, 12.4.2, 12.5.3", asked_for_nothing),
        Row("the coding of the highest weight is taken, also `identity`", "RFC 9110, 12.5.3", highest_weight),
        Row("HEAD, 204 and 304 have no body, also as a stream", "RFC 9110, 6.4.1", no_content),
        Row("a strong ETag and ranges are not kept for other bytes", "RFC 9110, 8.8.3.3, 14.3", validators),
        Row("`no-transform` is respected", "RFC 9111, 5.2.2.6", no_transform),
        Row("what is encoded already is left alone, and `identity` is not doubled", "RFC 9110, 8.4", encoded_already),
        Row("one right length, also where Django writes `Content-Length`", "RFC 9110, 8.6", names_of_django),
        Row("each event, and each piece of a stream, leaves when it is sent", "HTML: server-sent events", each_piece),
        Row("a megabyte is compressed in a thread", "asyncio: running blocking code", threads),
        Row("a response without Content-Type is compressed", "", untyped, ours=LISTED),
    ),
)
