"""Rows of compression: what a client asked for, and what it is told of what it gets."""

import asyncio
from typing import Any

from asgi_middleware import BrotliMiddleware, CompressionMiddleware, GZipMiddleware

from ..apps import TEXT, body, sends, start, text
from ..asgi import Exchange, drive, http
from ..bench import peers
from ..compressing import BIG, EVENTS, NOISE, PLAIN, Pairs, decoder, pace
from .rows import FINE, Row, Seen, Topic, answered
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


def weight_of_zero(wrap: Wrap) -> str:
    compresses(get(wrap(responds())))
    return left_plain(get(wrap(responds()), "gzip;q=0, br;q=0, zstd;q=0"))


def look_alikes(wrap: Wrap) -> str:
    return left_plain(get(wrap(responds()), "vibrant, notgzip, zstdx"))


def identity_preferred(wrap: Wrap) -> str:
    return left_plain(get(wrap(responds()), "identity, gzip;q=0.5, br;q=0.5, zstd;q=0.5"))


def highest_weight(wrap: Wrap) -> str:
    """Of gzip and another coding, each in turn."""
    for wanted, other in (("gzip", "br"), ("gzip", "zstd")):
        got = coding(get(wrap(responds()), f"{other};q=0.1, {wanted}"))
        if got != wanted:
            raise Seen(f"{got} at 0.1 beats {wanted} at 1")
    return FINE


def two_lines(wrap: Wrap) -> str:
    lines = [("accept-encoding", "identity"), ("accept-encoding", ALL)]
    compresses(answered(drive(wrap(responds()), http(headers=lines))))
    return FINE


def capitals(wrap: Wrap) -> str:
    compresses(get(wrap(responds()), "GZIP, BR, ZSTD"))
    return FINE


def no_content(wrap: Wrap) -> str:
    """As BaseHTTPMiddleware sends them: a first message that promises more."""
    for status in (204, 304):
        exchange = get(wrap(sends(start(status, []), body(b"", more=True), body(b""))))
        if exchange.raw_body:
            raise Seen(f"{len(exchange.raw_body)} bytes of body")
    return FINE


def entity_tag(wrap: Wrap) -> str:
    exchange = get(wrap(responds((b"etag", b'"a"'))))
    compresses(exchange)
    if exchange.header("etag") == ['"a"']:
        raise Seen("it stays strong")
    return FINE


def no_transform(wrap: Wrap) -> str:
    compresses(get(wrap(responds())))
    return left_plain(get(wrap(responds((b"cache-control", b"no-transform")))))


def ranges(wrap: Wrap) -> str:
    exchange = get(wrap(responds((b"accept-ranges", b"bytes"))))
    compresses(exchange)
    if exchange.header("accept-ranges") == ["bytes"]:
        raise Seen("they are offered")
    return FINE


def part(wrap: Wrap) -> str:
    return left_plain(get(wrap(responds((b"content-range", b"bytes 0-2879/9000"), status=206))))


def digest(wrap: Wrap) -> str:
    exchange = get(wrap(responds((b"content-digest", b"sha-256=:abc=:"))))
    if coding(exchange) != "plain" and exchange.header("content-digest"):
        raise Seen("it is sent with another body")
    return FINE


def identity_of_the_app(wrap: Wrap) -> str:
    codings = get(wrap(responds((b"content-encoding", b"identity")))).header("content-encoding")
    if len(codings) > 1:
        raise Seen(f"{' and '.join(codings)}")
    return FINE


def encoded_already(wrap: Wrap) -> str:
    exchange = get(wrap(responds((b"content-encoding", b"gzip"), data=b"\x1f\x8b" * 500)))
    if exchange.raw_body != b"\x1f\x8b" * 500:
        raise Seen("encoded twice")
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


def vary_always(wrap: Wrap) -> str:
    for accept in (ALL, None):
        vary = [value.lower() for value in get(wrap(responds()), accept).header("vary")]
        if "accept-encoding" not in vary:
            raise Seen("not without Accept-Encoding" if accept is None else "not there")
    return FINE


def vary_merged(wrap: Wrap) -> str:
    for given in (b"accept-encoding", b"*"):
        (*_, vary) = get(wrap(responds((b"vary", given)))).header("vary")
        if vary != given.decode():
            raise Seen(f"`{vary}`")
    return FINE


def never_larger(wrap: Wrap) -> str:
    more = len(get(wrap(responds(data=NOISE))).raw_body) - len(NOISE)
    if more > 0:
        raise Seen(f"{more} bytes more")
    return FINE


def each_piece(wrap: Wrap, kind: bytes) -> str:
    """Every piece can be read when it was sent, and the start of events is not held back for the first."""
    pairs: Pairs = [(b"content-type", kind)]
    exchange, counts = pace(
        wrap, [start(headers=pairs), *(body(event, more=True) for event in EVENTS), body(b"")], accept=ALL
    )
    codings = answered(exchange).header("content-encoding")
    read = decoder(codings[0]) if codings else bytes
    readable = [read(message.get("body", b"")) for message in exchange.sent]
    late = sum(b"".join(readable[:count]) != b"".join(EVENTS[:number]) for number, count in enumerate(counts[:-1]))
    if late > 1:
        raise Seen(f"{late} of {len(EVENTS)} come late")
    if kind == b"text/event-stream" and counts[0] == 0:
        raise Seen("the headers wait for the first event")
    return FINE


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


def octets(wrap: Wrap) -> str:
    compresses(get(wrap(sends(start(headers=[(b"content-type", b"application/octet-stream")]), body()))))
    return FINE


# It compresses what is on a list of types; the others, what is not on one, as their namesakes do.
LISTED = "CompressionMiddleware: left plain"
CODINGS = "RFC 9110, 12.5.3"
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
        Row("`gzip;q=0` refuses gzip", "RFC 9110, 12.4.2", weight_of_zero),
        Row("`vibrant` does not ask for br, nor `notgzip` for gzip", CODINGS, look_alikes),
        Row("a client that likes `identity` best gets it", CODINGS, identity_preferred),
        Row("the coding of the highest weight is taken", CODINGS, highest_weight, peers=(BROTLI, COMPRESS)),
        Row("several lines of Accept-Encoding count", "RFC 9110, 5.3", two_lines),
        Row("codings may be in capitals", "RFC 9110, 8.4.1", capitals),
        Row("204 and 304 have no body, also as a stream", "RFC 9110, 6.4.1", no_content),
        Row("a strong ETag is not kept for other bytes", "RFC 9110, 8.8.3.3", entity_tag),
        Row("`no-transform` is respected", "RFC 9111, 5.2.2.6", no_transform),
        Row("ranges of an encoded body are not offered", "RFC 9110, 14.3", ranges),
        Row("206 is left alone", "RFC 9110, 15.3.7", part),
        Row("a digest is not sent with another body", "RFC 9530, 2", digest),
        Row("`Content-Encoding: identity` of the application is not doubled", "RFC 9110, 8.4", identity_of_the_app),
        Row("what is encoded already is left alone", "RFC 9110, 8.4", encoded_already),
        Row("one right length, also where Django writes `Content-Length`", "RFC 9110, 8.6", names_of_django),
        Row("Vary names Accept-Encoding, whoever asks", "RFC 9110, 12.5.5", vary_always),
        Row("Vary is neither doubled nor added to `*`", "RFC 9110, 12.5.5", vary_merged),
        Row("nothing becomes larger", "", never_larger),
        Row("each server-sent event leaves when it is sent", "HTML, 9.2", lambda wrap: each_piece(wrap, b"text/event-stream")),
        Row("each piece of a JSON stream leaves when it is sent", "ASGI HTTP", lambda wrap: each_piece(wrap, b"application/json")),
        Row("a megabyte is compressed in a thread", "", threads),
        Row("a response without Content-Type is compressed", "", untyped, ours=LISTED),
        Row("`application/octet-stream` is compressed", "", octets, ours=LISTED),
    ),
)
