"""`compression`: negotiation, what is left alone, exact headers, streams that decode on arrival, threads, options."""

import copy
import inspect
import random
import re
import sys
import threading
import zlib
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeAlias

import anyio
import anyio.from_thread
import anyio.lowlevel
import pytest
from starlette.middleware.gzip import GZipMiddleware as StarletteGZipMiddleware

from asgi_middleware import BrotliMiddleware, CompressionMiddleware, ConfigError, GZipMiddleware, MissingExtra
from asgi_middleware._threads import Allowance, Threads
from asgi_middleware.compression import responder as engine
from asgi_middleware.compression.negotiation import choose, negotiate
from asgi_middleware.compression.responder import CodingResponder, Policy

from .apps import RESPONSES, TEXT, body, raises, remembers, sends, start, stream, text
from .asgi import App, Exchange, Message, decode, drive, http, plain, websocket

Make: TypeAlias = Callable[..., Any]
Pairs: TypeAlias = list[tuple[bytes, bytes]]

EVERY = "zstd, br, gzip"
PLAIN = (b"content-type", b"text/plain")


def seeded(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311  # it has to repeat itself


# Text that no coding makes smaller.
NOISE = seeded(1).randbytes(4096)

# The three classes, and the coding that each gives to a client that takes all.
CLASSES: list[Any] = [
    pytest.param(CompressionMiddleware, "zstd", id="CompressionMiddleware"),
    pytest.param(GZipMiddleware, "gzip", id="GZipMiddleware"),
    pytest.param(BrotliMiddleware, "br", id="BrotliMiddleware"),
]

# Every encoder there is.
WAYS: list[Any] = [
    pytest.param(lambda app, **more: CompressionMiddleware(app, codings=["zstd"], **more), "zstd", id="zstd"),
    pytest.param(lambda app, **more: CompressionMiddleware(app, codings=["br"], **more), "br", id="br"),
    pytest.param(lambda app, **more: CompressionMiddleware(app, codings=["gzip"], **more), "gzip", id="gzip by isal"),
    pytest.param(
        lambda app, **more: CompressionMiddleware(app, codings=["gzip"], levels={"gzip": 6}, **more),
        "gzip",
        id="gzip by zlib",
    ),
]


def ask(
    app: App, accept: str | None = EVERY, scope_headers: Iterable[tuple[str, str]] = (), **changes: Any
) -> Exchange:
    """One request by a client with this Accept-Encoding; None leaves it out."""
    headers = [*scope_headers] if accept is None else [*scope_headers, ("accept-encoding", accept)]
    return drive(app, http(headers=headers, **changes))


def decoder(coding: str) -> Callable[[bytes], bytes]:
    """An incremental decoder: what it returns is all that a client can read so far."""
    if coding == "gzip":
        return zlib.decompressobj(31).decompress
    if coding == "br":
        import brotli

        decompress: Callable[[bytes], bytes] = brotli.Decompressor().process
        return decompress
    from backports import zstd

    return zstd.ZstdDecompressor().decompress


def bodies(exchange: Exchange) -> list[bytes]:
    return [message["body"] for message in exchange.sent if message["type"] == "http.response.body"]


def ids(rows: list[Any]) -> list[str]:
    return [row[0] for row in rows]


# --- negotiation ------------------------------------------------------------------------------------------------------

OFFERED = (b"zstd", b"br", b"gzip")

# Accept-Encoding, and the answer of a server that prefers zstd to br to gzip.
NEGOTIATION: list[tuple[bytes | None, bytes | None]] = [
    # absent or empty: identity
    (None, None),
    (b"", None),
    (b" ", None),
    (b"\t", None),
    (b",", None),
    (b" , ,, ", None),
    # one coding
    (b"zstd", b"zstd"),
    (b"br", b"br"),
    (b"gzip", b"gzip"),
    (b"identity", None),
    (b"deflate", None),
    (b"compress", None),
    (b"dcb, dcz", None),
    # preference breaks ties, not the client's order
    (b"gzip, br, zstd", b"zstd"),
    (b"zstd, br, gzip", b"zstd"),
    (b"gzip, br", b"br"),
    (b"br, gzip", b"br"),
    (b"gzip, deflate", b"gzip"),
    (b"gzip, deflate, br", b"br"),
    (b"gzip, deflate, br, zstd", b"zstd"),
    (b"gzip;q=0.5, br;q=0.5", b"br"),
    (b"gzip;q=0.5, br;q=0.50, zstd;q=0.500", b"zstd"),
    (b"gzip;q=1, br;q=1.0", b"br"),
    (b"gzip, br;q=1.000", b"br"),
    # weights decide
    (b"zstd;q=0.9, gzip", b"gzip"),
    (b"zstd;q=0.9, br;q=0.8, gzip;q=0.7", b"zstd"),
    (b"zstd;q=0.7, br;q=0.8, gzip;q=0.9", b"gzip"),
    (b"zstd;q=0.7, br;q=0.9, gzip;q=0.8", b"br"),
    (b"br;q=0.001, gzip;q=0.002", b"gzip"),
    (b"br;q=0.999, gzip;q=1", b"gzip"),
    (b"deflate, gzip;q=0.1", b"gzip"),
    (b"deflate;q=1.0, br;q=0.2, gzip;q=0.3", b"gzip"),
    (b"gzip;q=0.001", b"gzip"),
    # a weight of nought refuses
    (b"gzip;q=0", None),
    (b"gzip;q=0.0", None),
    (b"gzip;q=0.000", None),
    (b"gzip;q=0.", None),
    (b"zstd;q=0, br", b"br"),
    (b"zstd;q=0, br;q=0, gzip", b"gzip"),
    (b"zstd;q=0, br;q=0, gzip;q=0", None),
    (b"br;q=0, deflate", None),
    (b"gzip;q=0, identity", None),
    # the star stands for what is not named
    (b"*", b"zstd"),
    (b"*;q=0.1", b"zstd"),
    (b"*;q=0", None),
    (b"*;q=0, gzip", b"gzip"),
    (b"gzip, *;q=0", b"gzip"),
    (b"gzip;q=0.5, *;q=0.1", b"gzip"),
    (b"gzip;q=0.5, *;q=0.9", b"zstd"),
    (b"gzip;q=0.5, *;q=0.5", b"zstd"),
    (b"zstd;q=0, *", b"br"),
    (b"*, zstd;q=0, br;q=0", b"gzip"),
    (b"*, zstd;q=0, br;q=0, gzip;q=0", None),
    (b"*;q=0.5, br", b"br"),
    (b"deflate, *", b"zstd"),
    (b"deflate;q=0.9, *;q=0", None),
    (b"identity, *;q=0", None),
    # identity wins only where it is named and weighs more; refused, it is still the last resort
    (b"identity, gzip", b"gzip"),
    (b"identity;q=1, gzip;q=0.9", None),
    (b"identity;q=0.5, gzip;q=0.5", b"gzip"),
    (b"identity;q=0.5, gzip;q=0.4", None),
    (b"identity;q=0.5, gzip;q=0.4, br;q=0.6", b"br"),
    (b"identity;q=0.4, *;q=0.5", b"zstd"),
    (b"identity, *;q=0.5", None),
    (b"identity;q=0", None),
    (b"identity;q=0, *", b"zstd"),
    (b"identity;q=0, gzip", b"gzip"),
    (b"identity;q=0, *;q=0", None),
    (b"identity;q=0, deflate", None),
    (b"identity;q=0.001", None),
    # x-gzip is gzip (RFC 9110, 8.4.1.3); x-compress is nothing of ours
    (b"x-gzip", b"gzip"),
    (b"X-GZip;q=0.5", b"gzip"),
    (b"x-gzip;q=0", None),
    (b"x-gzip;q=0.9, br;q=0.5", b"gzip"),
    (b"x-gzip;q=0, *", b"zstd"),
    (b"*, zstd;q=0, br;q=0, x-gzip;q=0", None),
    (b"x-compress", None),
    # a coding named twice: the first counts
    (b"gzip;q=0, gzip", None),
    (b"gzip, gzip;q=0", b"gzip"),
    (b"x-gzip;q=0, gzip;q=1", None),
    (b"gzip, x-gzip;q=0", b"gzip"),
    (b"*;q=0, *", None),
    (b"identity;q=0.1, gzip;q=0.5, identity", b"gzip"),
    # case
    (b"GZIP", b"gzip"),
    (b"Br", b"br"),
    (b"ZSTD;Q=0.5, gzip;Q=0.6", b"gzip"),
    (b"IDENTITY, gzip;q=0.5", None),
    # blanks
    (b" gzip ", b"gzip"),
    (b"\tgzip\t,\tbr\t", b"br"),
    (b"gzip ;q=0.5,br; q=0.4", b"gzip"),
    (b"gzip\t;\tq=0.5 , br ; q=0.6", b"br"),
    (b"gzip,,br", b"br"),
    (b",gzip", b"gzip"),
    (b"gzip,", b"gzip"),
    (b"gzip , ", b"gzip"),
    # look-alikes
    (b"zstdx", None),
    (b"notgzip", None),
    (b"gzip2", None),
    (b"brotli", None),
    (b"b", None),
    (b"gzi p", None),
    (b"x-br", None),
    (b"x-zstd", None),
    (b"gzip-br", None),
    (b"gzip/br", None),
    (b"*gzip", None),
    (b"**", None),
    (b"gzip br", None),
    (b'"gzip"', None),
    # an item with a malformed weight is as if it were not there
    (b"gzip;q=", None),
    (b"gzip;q", None),
    (b"gzip;q=abc", None),
    (b"gzip;q=2", None),
    (b"gzip;q=1.1", None),
    (b"gzip;q=1.001", None),
    (b"gzip;q=-1", None),
    (b"gzip;q=-0", None),
    (b"gzip;q=+1", None),
    (b"gzip;q=.5", None),
    (b"gzip;q=00.5", None),
    (b"gzip;q=0.1234", None),
    (b"gzip;q=1.0000", None),
    (b"gzip;q=1e0", None),
    (b"gzip;q=nan", None),
    (b"gzip;q=inf", None),
    (b"gzip;q=0,5", None),
    (b'gzip;q="1"', None),
    (b"gzip;q=0.5x", None),
    (b"gzip;q=\xb2", None),
    (b"gzip;q=1_0", None),
    (b"zstd;q=5, gzip;q=0.1", b"gzip"),
    (b"*;q=5, gzip;q=0.1", b"gzip"),
    (b"zstd;q=x, *", b"zstd"),
    (b"identity;q=9, gzip;q=0.1", b"gzip"),
    (b"gzip;q=x, gzip;q=0.5", b"gzip"),
    # weights at their longest
    (b"gzip;q=1.", b"gzip"),
    (b"gzip;q=1.000", b"gzip"),
    (b"gzip;q=0.123, br;q=0.122", b"gzip"),
    # other parameters change nothing
    (b"gzip;level=9", b"gzip"),
    (b"gzip;level=9;q=0.5, br;q=0.4", b"gzip"),
    (b"gzip;q=0;level=9", None),
    (b"gzip;quality=0", b"gzip"),
    (b"gzip;", b"gzip"),
    # bytes that no token has
    (b"\xff, gzip", b"gzip"),
    (b"gzip\xff", None),
    (b"gzip\x00", None),
    (b"\x0bgzip", None),
    (b";q=1, gzip;q=0.5", b"gzip"),
    (b"=, ;, gzip", b"gzip"),
    # what browsers and tools send
    (b"gzip, deflate, br, zstd, dcb, dcz", b"zstd"),
    (b"gzip;q=1.0, deflate;q=0.6, identity;q=0.3", b"gzip"),
    (b"gzip;q=1.0, identity; q=0.5, *;q=0", b"gzip"),
    (b"deflate, gzip;q=1.0, *;q=0.5", b"gzip"),
    (b"br;q=1.0, gzip;q=0.8, *;q=0.1", b"br"),
]


def by_the_rfc(value: bytes | None, offered: tuple[bytes, ...]) -> bytes | None:
    """RFC 9110, 12.5.3, written a second time: thousandths instead of fractions, a sorted list instead of a search."""
    thousandths: dict[str, int] = {}
    for item in re.split("[ \t]*,[ \t]*", (value or b"").decode("latin-1").strip(" \t")):
        name, *parameters = re.split("[ \t]*;[ \t]*", item)
        weights = [parameter[2:] for parameter in parameters if re.match("q=", parameter, re.I)]
        weights += ["" for parameter in parameters if parameter in ("q", "Q")]
        weight = weights[0] if weights else "1"
        if not re.fullmatch(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?", weight):
            continue
        whole, _, fraction = weight.partition(".")
        name = "".join(chr(ord(letter) + 32) if "A" <= letter <= "Z" else letter for letter in name)
        name = "gzip" if name == "x-gzip" else name
        if name not in thousandths:
            thousandths[name] = int(whole) * 1000 + int(fraction.ljust(3, "0"))
    rest = thousandths.get("*", 0)
    ranking = sorted((-thousandths.get(coding.decode(), rest), place, coding) for place, coding in enumerate(offered))
    weight_of_best, _, best = ranking[0]
    return best if -weight_of_best > 0 and -weight_of_best >= thousandths.get("identity", 0) else None


@pytest.mark.parametrize(("accept", "expected"), NEGOTIATION, ids=[repr(row[0]) for row in NEGOTIATION])
def test_the_coding_is_negotiated(accept: bytes | None, expected: bytes | None) -> None:
    assert negotiate(accept, OFFERED) == expected
    assert choose(accept, OFFERED) == expected
    assert by_the_rfc(accept, OFFERED) == expected


@pytest.mark.parametrize(("accept", "expected"), NEGOTIATION, ids=[repr(row[0]) for row in NEGOTIATION])
def test_the_middleware_answers_as_negotiated(accept: bytes | None, expected: bytes | None) -> None:
    headers = [] if accept is None else [(b"Accept-Encoding", accept)]
    exchange = drive(CompressionMiddleware(text()), {**http(), "headers": headers})
    assert exchange.header("content-encoding") == ([] if expected is None else [expected.decode()])
    assert exchange.header("vary") == ["Accept-Encoding"]
    assert exchange.body == TEXT


def test_the_table_of_negotiation_has_at_least_a_hundred_rows() -> None:
    assert len(dict(NEGOTIATION)) >= 100


def test_two_implementations_of_negotiation_agree_on_random_fields() -> None:
    chance = seeded(20240611)
    names = ["zstd", "br", "gzip", "x-gzip", "identity", "*", "deflate", "GZip", "BR", "zstdx", "", "g zip", "\xff"]
    weights = ["0", "1", "0.", "1.", "0.5", "0.50", "0.501", "0.001", "1.000", "1.001", "2", "x", "", "-1", "0.0000"]
    answers = set()
    for _ in range(6_000):
        items: list[str] = []
        for _ in range(chance.randrange(7)):
            blank = chance.choice(["", "", " ", "\t", " \t "])
            item = blank + chance.choice(names) + chance.choice(["", blank])
            if chance.random() < 0.2:
                item += ";level=1"
            if chance.random() < 0.6:
                item += f"{blank};{blank}{chance.choice('qQ')}={chance.choice(weights)}{blank}"
            items.append(item)
        accept = ",".join(items).encode("latin-1")
        offered = tuple(chance.sample(OFFERED, chance.randrange(1, 4)))
        answer = negotiate(accept, offered)
        assert answer == by_the_rfc(accept, offered), (accept, offered)
        assert answer == choose(accept, offered) == choose(accept, offered), (accept, offered)  # and from memory
        answers.add(answer)
    assert answers == {None, *OFFERED}


def test_a_field_of_thousands_of_members_is_read_to_its_end() -> None:
    assert negotiate(b"x;q=0.5," * 20_000 + b"gzip", OFFERED) == b"gzip"
    assert negotiate(b"," * 100_000, OFFERED) is None


LINES: list[tuple[str, Any, str | None]] = [
    ("two lines are one list", [(b"accept-encoding", b"deflate"), (b"accept-encoding", b"gzip")], "gzip"),
    ("a later line refuses", [(b"accept-encoding", b"*"), (b"accept-encoding", b"zstd;q=0")], "br"),
    ("a star in a later line", [(b"accept-encoding", b"zstd;q=0"), (b"Accept-Encoding", b"*")], "br"),
    ("an empty line before", [(b"accept-encoding", b""), (b"accept-encoding", b"br")], "br"),
    ("the name in capitals", [(b"ACCEPT-ENCODING", b"gzip")], "gzip"),
    ("a tuple of lists", ([b"accept-encoding", b"gzip"],), "gzip"),
    ("a one-shot iterator", iter([(b"host", b"x"), (b"accept-encoding", b"gzip")]), "gzip"),
    ("no lines at all", [], None),
    ("headers of None", None, None),
    ("a header whose name ends alike", [(b"x-accept-encoding", b"gzip")], None),
]


@pytest.mark.parametrize(("sentence", "headers", "coding"), LINES, ids=ids(LINES))
def test_accept_encoding_is_found_however_it_is_spelt(sentence: str, headers: Any, coding: str | None) -> None:
    exchange = drive(CompressionMiddleware(text()), {**http(), "headers": headers})
    assert exchange.header("content-encoding") == ([coding] if coding else [])
    assert exchange.body == TEXT


PREFERENCES: list[tuple[str, Make, str, str | None]] = [
    ("the order of codings breaks ties", lambda app: CompressionMiddleware(app, codings=["gzip", "zstd"]), "*", "gzip"),
    (
        "the weights go before the order",
        lambda app: CompressionMiddleware(app, codings=["gzip", "br"]),
        "br, *;q=.5, gzip;q=0.5",
        "br",
    ),
    ("a coding that is not offered is not given", lambda app: CompressionMiddleware(app, codings=["br"]), "gzip", None),
    ("a coding named twice is offered once", lambda app: CompressionMiddleware(app, codings=["br", "br"]), "*", "br"),
    ("GZipMiddleware gives gzip only", GZipMiddleware, "zstd, br, gzip;q=0.1", "gzip"),
    ("GZipMiddleware gives identity to the others", GZipMiddleware, "zstd, br", None),
    ("GZipMiddleware obeys a refusal", GZipMiddleware, "gzip;q=0", None),
    ("BrotliMiddleware prefers br", BrotliMiddleware, "gzip, br", "br"),
    ("BrotliMiddleware obeys a weight", BrotliMiddleware, "gzip, br;q=0.5", "gzip"),
    ("BrotliMiddleware falls back to gzip", BrotliMiddleware, "gzip", "gzip"),
    ("BrotliMiddleware without its fallback", lambda app: BrotliMiddleware(app, gzip_fallback=False), "gzip", None),
]


@pytest.mark.parametrize(("sentence", "make", "accept", "coding"), PREFERENCES, ids=ids(PREFERENCES))
def test_each_class_offers_its_codings(sentence: str, make: Make, accept: str, coding: str | None) -> None:
    exchange = ask(make(text()), accept)
    assert exchange.header("content-encoding") == ([coding] if coding else [])
    assert exchange.body == TEXT


# --- what is left alone -----------------------------------------------------------------------------------------------

LENGTH = (b"content-length", b"%d" % len(TEXT))

# A start and bodies that go out exactly as they came, without so much as a Vary.
UNTOUCHED: list[tuple[str, list[Message]]] = [
    ("103", [start(103, [PLAIN]), body()]),
    ("204", [start(204, [PLAIN]), body(b"")]),
    ("204 as a stream", [start(204, []), body(b"", more=True), body(b"")]),
    ("205", [start(205, [PLAIN]), body(b"")]),
    ("206 with a range", [start(206, [PLAIN, LENGTH, (b"content-range", b"bytes 0-2879/9000")]), body()]),
    ("206 without a range", [start(206, [PLAIN]), body()]),
    ("206 of several parts", [start(206, [(b"content-type", b"multipart/byteranges; boundary=x")]), body()]),
    ("a range under another status", [start(200, [PLAIN, (b"Content-Range", b"bytes 0-2879/9000")]), body()]),
    ("416", [start(416, [PLAIN, (b"content-range", b"bytes */9000")]), body()]),
    ("encoded already", [start(200, [PLAIN, (b"content-encoding", b"gzip")]), body(NOISE)]),
    ("encoded already, in mixed case", [start(200, [PLAIN, (b"Content-Encoding", b"BR")]), body(NOISE)]),
    ("encoded in what nobody knows", [start(200, [PLAIN, (b"content-encoding", b"aes128gcm")]), body()]),
    ("encoded twice in one line", [start(200, [PLAIN, (b"content-encoding", b"identity, gzip")]), body()]),
    (
        "encoded twice in two lines",
        [start(200, [PLAIN, (b"content-encoding", b"gzip"), (b"content-encoding", b"identity")]), body()],
    ),
    (
        "encoded twice in two lines, identity first",
        [start(200, [PLAIN, (b"content-encoding", b"identity"), (b"content-encoding", b"gzip")]), body()],
    ),
    ("an encoded stream", [start(200, [PLAIN, (b"content-encoding", b"gzip")]), body(b"a", more=True), body(b"b")]),
    ("no-transform", [start(200, [PLAIN, (b"cache-control", b"no-transform")]), body()]),
    ("no-transform among others", [start(200, [PLAIN, (b"Cache-Control", b"public,\tNo-Transform ,a")]), body()]),
    (
        "no-transform in a second line",
        [start(200, [PLAIN, (b"cache-control", b"public"), (b"cache-control", b"no-transform")]), body()],
    ),
    (
        "no-transform in the first of two lines",
        [start(200, [PLAIN, (b"cache-control", b"no-transform"), (b"cache-control", b"public")]), body()],
    ),
    ("Content-Digest", [start(200, [PLAIN, (b"content-digest", b"sha-256=:x:")]), body()]),
    ("Repr-Digest", [start(200, [PLAIN, (b"Repr-Digest", b"sha-256=:x:")]), body()]),
    ("Content-MD5", [start(200, [PLAIN, (b"CONTENT-MD5", b"eA==")]), body()]),
    ("an image", [start(200, [(b"content-type", b"image/png")]), body()]),
    ("a film", [start(200, [(b"Content-Type", b"Video/MP4; codecs=x")]), body()]),
    ("a sound", [start(200, [(b"content-type", b" audio/x-unheard-of ;a=b")]), body()]),
    ("an archive", [start(200, [(b"content-type", b"application/zip")]), body()]),
    ("a web font", [start(200, [(b"content-type", b"font/woff2")]), body()]),
    ("grpc", [start(200, [(b"content-type", b"application/grpc+proto")]), body()]),
    ("small", [start(200, [PLAIN]), body(b"x" * 399)]),
    ("small with its length", [start(200, [PLAIN, (b"content-length", b"399")]), body(b"x" * 399)]),
    (
        "small with its length, as a stream",
        [
            start(200, [PLAIN, (b"content-length", b"15")]),
            body(b"fifteen", more=True),
            body(b" letters", more=True),
            body(b""),
        ],
    ),
    ("empty", [start(200, [PLAIN]), body(b"")]),
    ("empty with its length", [start(200, [PLAIN, (b"content-length", b"0")]), body(b"")]),
    ("a body message without a body", [start(200, [PLAIN]), {"type": "http.response.body"}]),
    ("a small error", [start(500, [PLAIN]), body(b"oops")]),
    ("a redirect", [start(307, [(b"location", b"/x")]), body(b"")]),
    (
        "small and with trailers",
        [start(200, [PLAIN], trailers=True), body(b"x"), {"type": "http.response.trailers", "headers": []}],
    ),
]


@pytest.mark.parametrize(("make", "coding"), CLASSES)
@pytest.mark.parametrize(("sentence", "messages"), UNTOUCHED, ids=ids(UNTOUCHED))
def test_left_alone(sentence: str, messages: list[Message], make: Make, coding: str) -> None:
    exchange = ask(make(sends(*messages)))
    assert exchange.error is None
    assert exchange.sent == [plain(message) for message in messages]


# Without a body and without a length, HEAD cannot tell that GET's answer would be left alone.
UNTOLD = ("empty", "a body message without a body", "a redirect")


@pytest.mark.parametrize(("make", "coding"), CLASSES)
@pytest.mark.parametrize(
    ("sentence", "messages"),
    [row for row in UNTOUCHED if row[0] not in UNTOLD],
    ids=[row[0] for row in UNTOUCHED if row[0] not in UNTOLD],
)
def test_left_alone_for_head(sentence: str, messages: list[Message], make: Make, coding: str) -> None:
    exchange = ask(make(sends(*messages)), method="HEAD")
    assert exchange.error is None
    assert exchange.sent == [plain(message) for message in messages]


ALMOST: list[tuple[str, int, Pairs]] = [
    ("201", 201, []),
    ("203", 203, []),
    ("207", 207, []),
    ("300", 300, []),
    ("404", 404, []),
    ("503", 503, []),
    ("a directive that begins alike", 200, [(b"cache-control", b"no-transformer, no-store")]),
    ("a directive that ends alike", 200, [(b"cache-control", b"x-no-transform")]),
    ("no-transform in another field", 200, [(b"x-cache-control", b"no-transform")]),
    ("Want-Content-Digest", 200, [(b"want-content-digest", b"sha-256=1")]),
    ("X-Content-Encoding", 200, [(b"x-content-encoding", b"gzip")]),
    ("X-Content-Range", 200, [(b"x-content-range", b"bytes 0-1/2")]),
]


@pytest.mark.parametrize(("make", "coding"), CLASSES)
@pytest.mark.parametrize(("sentence", "status", "headers"), ALMOST, ids=ids(ALMOST))
def test_what_only_resembles_an_exception_is_compressed(
    sentence: str, status: int, headers: Pairs, make: Make, coding: str
) -> None:
    exchange = ask(make(sends(start(status, [PLAIN, *headers]), body())))
    given = [(name.decode(), value.decode()) for name, value in headers]
    assert exchange.status == status
    assert exchange.headers == sorted(
        [
            *given,
            ("content-encoding", coding),
            ("content-length", str(len(exchange.raw_body))),
            ("content-type", "text/plain"),
            ("vary", "Accept-Encoding"),
        ]
    )
    assert exchange.body == TEXT


@pytest.mark.parametrize(("make", "coding"), CLASSES)
@pytest.mark.parametrize(
    "lines",
    [
        [("cache-control", "no-transform")],
        [("Cache-Control", "no-cache, NO-TRANSFORM")],
        [("cache-control", "no-cache"), ("cache-control", "no-transform")],
    ],
)
def test_a_request_with_no_transform_is_answered_as_the_app_answers(
    lines: list[tuple[str, str]], make: Make, coding: str
) -> None:
    messages = [start(200, [PLAIN, LENGTH, (b"etag", b'"a"')]), body()]
    assert ask(make(sends(*messages)), EVERY, lines).sent == [plain(message) for message in messages]


def test_another_directive_of_the_request_does_not_hinder() -> None:
    exchange = ask(CompressionMiddleware(text()), EVERY, [("cache-control", "no-cache, max-age=0")])
    assert exchange.header("content-encoding") == ["zstd"]


OPT_OUT: list[tuple[str, Pairs]] = [
    ("identity", [(b"content-encoding", b"identity")]),
    ("identity in capitals", [(b"Content-Encoding", b"IDENTITY")]),
]


@pytest.mark.parametrize("accept", [EVERY, None, "identity"])
@pytest.mark.parametrize(("make", "coding"), CLASSES)
@pytest.mark.parametrize(("sentence", "headers"), OPT_OUT, ids=ids(OPT_OUT))
def test_an_app_opts_out_by_identity_which_is_taken_out(
    sentence: str, headers: Pairs, make: Make, coding: str, accept: str | None
) -> None:
    kept = [PLAIN, LENGTH, (b"etag", b'"a"'), (b"accept-ranges", b"bytes")]
    exchange = ask(make(sends(start(200, [*kept, *headers]), body())), accept)
    assert exchange.sent == [plain(start(200, kept)), plain(body())]


MINIMUM: list[tuple[str, Make, int]] = [
    ("CompressionMiddleware has 1024", CompressionMiddleware, 1024),
    ("GZipMiddleware has 500", GZipMiddleware, 500),
    ("BrotliMiddleware has 400", BrotliMiddleware, 400),
    ("CompressionMiddleware is told 100", lambda app: CompressionMiddleware(app, minimum_size=100), 100),
    ("GZipMiddleware is told 100", lambda app: GZipMiddleware(app, 100), 100),
    ("BrotliMiddleware is told 100", lambda app: BrotliMiddleware(app, minimum_size=100), 100),
]


@pytest.mark.parametrize("declared", [True, False], ids=["with its length", "without its length"])
@pytest.mark.parametrize(("sentence", "make", "minimum"), MINIMUM, ids=ids(MINIMUM))
def test_the_minimum_is_the_first_size_that_is_compressed(
    sentence: str, make: Make, minimum: int, declared: bool
) -> None:
    for size in (minimum - 1, minimum, minimum + 1):
        length = [(b"content-length", b"%d" % size)] if declared else []
        exchange = ask(make(sends(start(200, [PLAIN, *length]), body(b"x" * size))))
        assert len(exchange.header("content-encoding")) == (size >= minimum)
        assert exchange.body == b"x" * size


@pytest.mark.parametrize("size", [0, 1, 2])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_minimum_of_nought_still_sends_what_does_not_shrink_as_it_is(size: int, method: str) -> None:
    exchange = ask(CompressionMiddleware(sends(start(200, [PLAIN]), body(b"x" * size)), minimum_size=0), method=method)
    if method == "GET" or size == 0:
        assert exchange.sent == [
            plain(start(200, [PLAIN, (b"vary", b"Accept-Encoding")])),
            plain(body(b"x" * size)),
        ]
    else:
        assert bodies(exchange) == [b""]


@pytest.mark.parametrize(("make", "coding"), CLASSES)
@pytest.mark.parametrize("more", [False, True], ids=["in one message", "more is promised"])
def test_what_does_not_get_smaller_goes_out_as_it_is_with_vary(make: Make, coding: str, more: bool) -> None:
    headers = [PLAIN, (b"content-length", b"4096"), (b"etag", b'"a"'), (b"accept-ranges", b"bytes")]
    rest = [body(b"")] if more else []
    exchange = ask(make(sends(start(200, headers), body(NOISE, more=more), *rest)))
    assert exchange.sent == [
        plain(start(200, [*headers, (b"vary", b"Accept-Encoding")])),
        plain(body(NOISE, more=more)),
        *map(plain, rest),
    ]


# What CompressionMiddleware makes of a type, and what the two others make of it.
TYPES: list[tuple[str | None, bool, bool]] = [
    ("text/plain", True, True),
    ("text/html; charset=utf-8", True, True),
    ("TEXT/HTML;charset=UTF-8", True, True),
    (" text/css ", True, True),
    ("text/x-unheard-of", True, True),
    ("application/json", True, True),
    ("Application/JSON ; charset=utf-8", True, True),
    ("application/problem+json", True, True),
    ("application/vnd.api+json; ext=x", True, True),
    ("application/atom+xml", True, True),
    ("application/xhtml+xml", True, True),
    ("application/xml", True, True),
    ("application/javascript", True, True),
    ("application/x-ndjson", True, True),
    ("application/manifest+json", True, True),
    ("application/wasm", True, True),
    ("image/svg+xml", True, True),
    ("image/bmp", True, True),
    ("font/ttf", True, True),
    ("application/octet-stream", False, True),
    ("application/pdf", False, True),
    ("multipart/mixed; boundary=x", False, True),
    ("application/jsonx", False, True),
    ("application/x+jsonp", False, True),
    ("x-text/html", False, True),
    ("texture/html", False, True),
    ("json", False, True),
    ("", False, True),
    (None, False, True),
    ("image/png", False, False),
    ("IMAGE/JPEG", False, False),
    ("image/webp;x=y", False, False),
    ("audio/ogg", False, False),
    ("video/webm", False, False),
    ("font/woff", False, False),
    ("application/gzip", False, False),
    ("application/grpc", False, False),
    ("application/grpc+json", True, False),
    ("application/grpc-web", False, True),
]


@pytest.mark.parametrize(("content_type", "ours", "theirs"), TYPES, ids=[repr(row[0]) for row in TYPES])
def test_types(content_type: str | None, ours: bool, theirs: bool) -> None:
    headers = [] if content_type is None else [(b"content-type", content_type.encode())]
    messages = [start(200, headers), body()]
    for make, coding, compressed in (
        (CompressionMiddleware, "zstd", ours),
        (GZipMiddleware, "gzip", theirs),
        (BrotliMiddleware, "br", theirs),
    ):
        middleware = make(sends(*messages))
        for _ in range(2):  # the second time from memory
            exchange = ask(middleware)
            if compressed:
                assert exchange.header("content-encoding") == [coding]
                assert exchange.body == TEXT
            else:
                assert exchange.sent == [plain(message) for message in messages]


OWN_TYPES: list[tuple[str, Make, str, bool]] = [
    ("listed", lambda app: CompressionMiddleware(app, content_types=["Application/PDF"]), "application/pdf", True),
    ("of a listed kind", lambda app: CompressionMiddleware(app, content_types=["model/*"]), "model/stl; a=b", True),
    ("not listed", lambda app: CompressionMiddleware(app, content_types=["model/*"]), "text/html", False),
    ("of a kind that begins alike", lambda app: CompressionMiddleware(app, content_types=["text/*"]), "texts/x", False),
    (
        "a suffix alone is not listed",
        lambda app: CompressionMiddleware(app, content_types=["text/*"]),
        "a/b+json",
        False,
    ),
    (
        "GZipMiddleware excludes",
        lambda app: GZipMiddleware(app, exclude_content_types=["text/HTML"]),
        "text/html",
        False,
    ),
    (
        "GZipMiddleware excludes a kind",
        lambda app: GZipMiddleware(app, exclude_content_types=("text/*",)),
        "text/x",
        False,
    ),
    ("and then no longer images", lambda app: GZipMiddleware(app, exclude_content_types=["text/*"]), "image/png", True),
    ("GZipMiddleware excludes nothing", lambda app: GZipMiddleware(app, exclude_content_types=()), "video/mp4", True),
    (
        "GZipMiddleware excludes grpc of all sorts",
        lambda app: GZipMiddleware(app, exclude_content_types=["application/grpc"]),
        "application/grpc+x",
        False,
    ),
]


@pytest.mark.parametrize(("sentence", "make", "content_type", "compressed"), OWN_TYPES, ids=ids(OWN_TYPES))
def test_lists_of_ones_own(sentence: str, make: Make, content_type: str, compressed: bool) -> None:
    exchange = ask(make(text(TEXT, [("content-type", content_type)])))
    assert len(exchange.header("content-encoding")) == compressed
    assert len(exchange.header("vary")) == compressed
    assert exchange.body == TEXT


def test_more_types_than_are_remembered_are_judged_alike() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start(200, [(b"content-type", scope["path"].encode())]))
        await send(body())

    middleware = CompressionMiddleware(app)
    for _ in range(2):
        for number in range(400):
            assert len(ask(middleware, path=f"text/{number}").header("content-encoding")) == 1
            assert ask(middleware, path=f"image/{number}").header("content-encoding") == []


EXCLUDED_HANDLERS: list[tuple[str, list[str], str, bool]] = [
    ("a path in which the pattern is found", ["admin"], "/x/admin/y", True),
    ("a path that begins otherwise", ["^/admin"], "/x/admin", False),
    ("the second pattern", ["^/a$", r"\d+"], "/user/12", True),
    ("none of them", ["^/a$", r"\d+"], "/user", False),
    ("no patterns", [], "/", False),
]


@pytest.mark.parametrize(("sentence", "patterns", "path", "alone"), EXCLUDED_HANDLERS, ids=ids(EXCLUDED_HANDLERS))
def test_brotli_middleware_leaves_excluded_handlers_alone(
    sentence: str, patterns: list[str], path: str, alone: bool
) -> None:
    exchange = ask(BrotliMiddleware(text(), excluded_handlers=patterns), path=path)
    assert exchange.header("content-encoding") == ([] if alone else ["br"])
    assert exchange.header("vary") == ([] if alone else ["Accept-Encoding"])
    assert exchange.body == TEXT


# --- headers ----------------------------------------------------------------------------------------------------------

# A sentence, the app's headers, and those of the answer without coding, length and type.
HEADERS: list[tuple[str, Pairs, list[tuple[str, str]]]] = [
    ("nothing but the type", [], [("vary", "Accept-Encoding")]),
    ("a length", [LENGTH], [("vary", "Accept-Encoding")]),
    ("a length in mixed case", [(b"Content-Length", LENGTH[1])], [("vary", "Accept-Encoding")]),
    ("another Vary", [(b"Vary", b"Cookie")], [("vary", "Cookie, Accept-Encoding")]),
    ("Vary in two lines", [(b"vary", b"Cookie"), (b"Vary", b"Origin")], [("vary", "Cookie, Origin, Accept-Encoding")]),
    ("a star in Vary", [(b"vary", b"*")], [("vary", "*")]),
    ("Vary that names it", [(b"vary", b"accept-encoding, Cookie")], [("vary", "accept-encoding, Cookie")]),
    ("a strong entity tag", [(b"etag", b'"abc"')], [("etag", 'W/"abc"'), ("vary", "Accept-Encoding")]),
    ("a strong one in mixed case", [(b"ETag", b'"abc"')], [("etag", 'W/"abc"'), ("vary", "Accept-Encoding")]),
    (
        "a strong one that begins like a weak one",
        [(b"etag", b'"W/a"')],
        [("etag", 'W/"W/a"'), ("vary", "Accept-Encoding")],
    ),
    ("a weak one", [(b"etag", b'W/"abc"')], [("etag", 'W/"abc"'), ("vary", "Accept-Encoding")]),
    ("an empty strong one", [(b"etag", b'""')], [("etag", 'W/""'), ("vary", "Accept-Encoding")]),
    ("Accept-Ranges", [(b"accept-ranges", b"bytes")], [("vary", "Accept-Encoding")]),
    ("Accept-Ranges none, in mixed case", [(b"Accept-Ranges", b"none")], [("vary", "Accept-Encoding")]),
    (
        "cookies and what nobody knows",
        [(b"set-cookie", b"a=1"), (b"Set-Cookie", b"b=2"), (b"x-y", b"\xe9")],
        [("set-cookie", "a=1"), ("set-cookie", "b=2"), ("vary", "Accept-Encoding"), ("x-y", "\xe9")],
    ),
    (
        "all of Django's in mixed case",
        [(b"Content-Length", LENGTH[1]), (b"Vary", b"Cookie"), (b"ETag", b'"a"'), (b"X-Frame-Options", b"DENY")],
        [("etag", 'W/"a"'), ("vary", "Cookie, Accept-Encoding"), ("x-frame-options", "DENY")],
    ),
]


@pytest.mark.parametrize(("make", "coding"), CLASSES)
@pytest.mark.parametrize(("sentence", "given", "expected"), HEADERS, ids=ids(HEADERS))
def test_headers_of_one_shot(
    sentence: str, given: Pairs, expected: list[tuple[str, str]], make: Make, coding: str
) -> None:
    exchange = ask(make(sends(start(200, [PLAIN, *given]), body())))
    ours = [
        ("content-encoding", coding),
        ("content-length", str(len(exchange.raw_body))),
        ("content-type", "text/plain"),
    ]
    assert exchange.headers == sorted([*ours, *expected])
    assert len(exchange.sent) == 2
    assert exchange.body == TEXT


@pytest.mark.parametrize(("make", "coding"), CLASSES)
@pytest.mark.parametrize(("sentence", "given", "expected"), HEADERS, ids=ids(HEADERS))
def test_headers_of_a_stream(
    sentence: str, given: Pairs, expected: list[tuple[str, str]], make: Make, coding: str
) -> None:
    exchange = ask(make(sends(start(200, [PLAIN, *given]), body(TEXT[:9], more=True), body(TEXT[9:]))))
    assert exchange.headers == sorted([("content-encoding", coding), ("content-type", "text/plain"), *expected])
    assert len(exchange.sent) == 3
    assert exchange.body == TEXT


@pytest.mark.parametrize(("make", "coding"), CLASSES)
@pytest.mark.parametrize(("sentence", "given", "expected"), HEADERS, ids=ids(HEADERS))
def test_head_has_the_headers_of_get_and_no_body(
    sentence: str, given: Pairs, expected: list[tuple[str, str]], make: Make, coding: str
) -> None:
    exchange = ask(make(sends(start(200, [PLAIN, *given]), body())), method="HEAD")
    assert exchange.headers == sorted([("content-encoding", coding), ("content-type", "text/plain"), *expected])
    assert bodies(exchange) == [b""]


@pytest.mark.parametrize("accept", [None, "", "identity", "gzip;q=0, br;q=0, zstd;q=0", "deflate"])
@pytest.mark.parametrize(("make", "coding"), CLASSES)
def test_an_identity_client_gets_what_the_app_sent_and_vary(make: Make, coding: str, accept: str | None) -> None:
    headers = [PLAIN, LENGTH, (b"etag", b'"a"'), (b"accept-ranges", b"bytes"), (b"vary", b"Cookie")]
    exchange = ask(make(sends(start(200, headers), body(TEXT[:9], more=True), body(TEXT[9:]))), accept)
    assert exchange.headers == [
        ("accept-ranges", "bytes"),
        ("content-length", str(len(TEXT))),
        ("content-type", "text/plain"),
        ("etag", '"a"'),
        ("vary", "Cookie, Accept-Encoding"),
    ]
    assert bodies(exchange) == [TEXT[:9], TEXT[9:]]


@pytest.mark.parametrize(("make", "coding"), CLASSES)
@pytest.mark.parametrize(("sentence", "messages"), UNTOUCHED, ids=ids(UNTOUCHED))
def test_an_identity_client_gets_no_vary_where_nobody_gets_a_coding(
    sentence: str, messages: list[Message], make: Make, coding: str
) -> None:
    exchange = ask(make(sends(*messages)), None)
    assert exchange.error is None
    assert [message for message in exchange.sent if message["type"] != "http.response.start"] == [
        plain(message) for message in messages[1:]
    ]
    kept = [(name.decode().lower(), value.decode()) for name, value in messages[0]["headers"]]
    # Of unknown size, it might have been compressed for another client.
    may_vary = sentence in (
        "small",
        "empty",
        "a body message without a body",
        "a small error",
        "small and with trailers",
    )
    if sentence == "a redirect":  # without a type: compressed by the compatible classes only
        may_vary = make is not CompressionMiddleware
    assert exchange.headers == sorted([*kept, ("vary", "Accept-Encoding")] if may_vary else kept)


NOT_MODIFIED: list[tuple[str, str | None, Pairs, list[tuple[str, str]]]] = [
    ("a strong tag", EVERY, [(b"etag", b'"a"')], [("etag", 'W/"a"'), ("vary", "Accept-Encoding")]),
    ("a weak tag", EVERY, [(b"ETag", b'W/"a"')], [("etag", 'W/"a"'), ("vary", "Accept-Encoding")]),
    ("no tag", EVERY, [], [("vary", "Accept-Encoding")]),
    ("with its Vary", EVERY, [(b"vary", b"Cookie")], [("vary", "Cookie, Accept-Encoding")]),
    (
        "with its type",
        EVERY,
        [PLAIN, (b"etag", b'"a"')],
        [("content-type", "text/plain"), ("etag", 'W/"a"'), ("vary", "Accept-Encoding")],
    ),
    (
        "of an image",
        EVERY,
        [(b"content-type", b"image/png"), (b"etag", b'"a"')],
        [("content-type", "image/png"), ("etag", '"a"')],
    ),
    (
        "of what must not be transformed",
        EVERY,
        [(b"cache-control", b"no-transform"), (b"etag", b'"a"')],
        [("cache-control", "no-transform"), ("etag", '"a"')],
    ),
    ("an identity client", None, [(b"etag", b'"a"')], [("etag", '"a"'), ("vary", "Accept-Encoding")]),
    # RFC 9110, 8.6: no length but that which the 200 to the same request would have.
    (
        "the identity's length",
        EVERY,
        [(b"etag", b'"a"'), (b"content-length", b"5000")],
        [("etag", 'W/"a"'), ("vary", "Accept-Encoding")],
    ),
    (
        "an identity client, with the length",
        None,
        [(b"etag", b'"a"'), (b"content-length", b"5000")],
        [("content-length", "5000"), ("etag", '"a"'), ("vary", "Accept-Encoding")],
    ),
]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(("make", "coding"), CLASSES)
@pytest.mark.parametrize(("sentence", "accept", "given", "expected"), NOT_MODIFIED, ids=ids(NOT_MODIFIED))
def test_not_modified(
    sentence: str,
    accept: str | None,
    given: Pairs,
    expected: list[tuple[str, str]],
    make: Make,
    coding: str,
    method: str,
) -> None:
    exchange = ask(make(sends(start(304, given), body(b""))), accept, method=method)
    assert exchange.headers == expected
    assert exchange.sent[1:] == [plain(body(b""))]


@pytest.mark.parametrize(("make", "coding"), CLASSES)
@pytest.mark.parametrize("chunks", [[TEXT], [TEXT[:9], TEXT[9:]]], ids=["in one shot", "as a stream"])
def test_trailers_follow_a_body_without_a_length(make: Make, coding: str, chunks: list[bytes]) -> None:
    trailers = {"type": "http.response.trailers", "headers": [(b"x-sum", b"1")], "more_trailers": False}
    pieces = [body(chunk, more=chunk is not chunks[-1]) for chunk in chunks]
    exchange = ask(make(sends(start(200, [PLAIN, LENGTH], trailers=True), *pieces, trailers)))
    assert exchange.headers == [
        ("content-encoding", coding),
        ("content-type", "text/plain"),
        ("vary", "Accept-Encoding"),
    ]
    assert exchange.start["trailers"] is True
    assert exchange.sent[-1] == trailers
    assert exchange.body == TEXT


@pytest.mark.parametrize(("make", "coding"), CLASSES)
def test_no_length_is_put_beside_a_transfer_coding(make: Make, coding: str) -> None:
    # RFC 9112, 6.2: a sender must not send Content-Length in a message that contains Transfer-Encoding.
    exchange = ask(make(sends(start(200, [PLAIN, (b"transfer-encoding", b"chunked")]), body())))
    assert exchange.header("transfer-encoding") == [] or exchange.header("content-length") == []
    assert exchange.body == TEXT


LENGTHS: list[tuple[str, bytes]] = [
    ("empty", b""),
    ("signed", b"+5"),
    ("negative", b"-5"),
    ("with a point", b"5.0"),
    ("with an exponent", b"1e3"),
    ("in letters", b"many"),
    ("in digits of another script", "\u0665".encode()),
    ("superscript", b"\xb2"),
    ("in five thousand digits", b"9" * 5000),
]


@pytest.mark.parametrize(("sentence", "length"), LENGTHS, ids=ids(LENGTHS))
def test_a_length_that_is_none_does_not_hinder(sentence: str, length: bytes) -> None:
    exchange = ask(CompressionMiddleware(sends(start(200, [PLAIN, (b"content-length", length)]), body())))
    assert exchange.error is None
    assert exchange.header("content-length") == [str(len(exchange.raw_body))]
    assert exchange.body == TEXT


# --- one shot and streams ---------------------------------------------------------------------------------------------

SHAPES: list[tuple[str, list[Message], bool]] = [
    ("one final message", [start(200, [PLAIN]), body()], True),
    ("one final message without more_body", [start(200, [PLAIN]), {"type": "http.response.body", "body": TEXT}], True),
    ("all of the length, and more is promised", [start(200, [PLAIN, LENGTH]), body(more=True), body(b"")], True),
    ("a part of the length", [start(200, [PLAIN, LENGTH]), body(TEXT[:-1], more=True), body(TEXT[-1:])], False),
    ("no length, and more is promised", [start(200, [PLAIN]), body(more=True), body(b"")], False),
    ("an empty first message", [start(200, [PLAIN, LENGTH]), body(b"", more=True), body()], False),
    ("a bytearray", [start(200, [PLAIN]), body(bytearray(TEXT))], True),
    ("a memoryview", [start(200, [PLAIN, LENGTH]), body(memoryview(TEXT), more=True), body(memoryview(b""))], True),
]


@pytest.mark.parametrize(("make", "coding"), CLASSES)
@pytest.mark.parametrize(("sentence", "messages", "one_shot"), SHAPES, ids=ids(SHAPES))
def test_a_body_known_whole_keeps_a_length(
    sentence: str, messages: list[Message], one_shot: bool, make: Make, coding: str
) -> None:
    exchange = ask(make(sends(*messages)))
    assert exchange.header("content-encoding") == [coding]
    assert exchange.header("content-length") == ([str(len(exchange.raw_body))] if one_shot else [])
    assert [message.get("more_body", False) for message in exchange.sent[1:]] == [
        message.get("more_body", False) for message in messages[1:]
    ]
    assert exchange.body == TEXT


EVENTS = [b"data: %d, and a little more of it\n\n" % number for number in range(20)]


@pytest.mark.parametrize(("make", "coding"), WAYS)
@pytest.mark.parametrize("content_type", [b"text/event-stream", b"text/plain", b"application/x-ndjson"])
def test_every_piece_decodes_when_it_arrives(content_type: bytes, make: Make, coding: str) -> None:
    exchange = ask(make(stream(*EVENTS, content_type=content_type)))
    assert exchange.header("content-encoding") == [coding]
    read = decoder(coding)
    assert [read(piece) for piece in bodies(exchange)] == [*EVENTS, b""]
    assert exchange.body == b"".join(EVENTS)


@pytest.mark.parametrize(("make", "coding"), CLASSES)
@pytest.mark.parametrize("accept", ["zstd", "br", "gzip"])
def test_every_piece_of_every_class_decodes_when_it_arrives(make: Make, coding: str, accept: str) -> None:
    exchange = ask(make(stream(*EVENTS)), accept)
    read = decoder(accept) if exchange.header("content-encoding") else bytes
    assert [read(piece) for piece in bodies(exchange)] == [*EVENTS, b""]


@pytest.mark.parametrize(("make", "coding"), WAYS)
def test_pieces_that_do_not_shrink_decode_too(make: Make, coding: str) -> None:
    pieces = [b"\x00", NOISE, b"a" * 30_000, NOISE * 5, b"z"]
    exchange = ask(make(stream(*pieces)))
    read = decoder(coding)
    assert [read(piece) for piece in bodies(exchange)] == [*pieces, b""]


@pytest.mark.parametrize(("make", "coding"), WAYS)
def test_an_event_stream_with_a_length_is_flushed_too(make: Make, coding: str) -> None:
    total = b"%d" % sum(map(len, EVENTS))
    headers = [(b"Content-Type", b"Text/Event-Stream; charset=utf-8"), (b"content-length", total)]
    pieces = [body(event, more=True) for event in EVENTS]
    exchange = ask(make(sends(start(200, headers), *pieces, body(b"")), minimum_size=0))
    assert exchange.headers == [
        ("content-encoding", coding),
        ("content-type", "Text/Event-Stream; charset=utf-8"),
        ("vary", "Accept-Encoding"),
    ]
    read = decoder(coding)
    assert [read(piece) for piece in bodies(exchange)] == [*EVENTS, b""]


@pytest.mark.parametrize(("make", "coding"), WAYS)
@pytest.mark.parametrize("content_type", [b"text/event-stream", b"text/plain"])
def test_empty_continuations_are_forwarded_one_to_one(content_type: bytes, make: Make, coding: str) -> None:
    pieces = [b"", b"one", b"", b"", b"two", b""]
    exchange = ask(make(stream(*pieces, content_type=content_type)))
    read = decoder(coding)
    assert [message["more_body"] for message in exchange.sent[1:]] == [True] * 6 + [False]
    assert [read(piece) if piece else b"" for piece in bodies(exchange)] == [*pieces, b""]
    assert [piece == b"" for piece in bodies(exchange)][:6] == [True, False, True, True, False, True]


@pytest.mark.parametrize(("make", "coding"), WAYS)
def test_a_stream_of_declared_length_has_as_many_messages_as_the_app_sent(make: Make, coding: str) -> None:
    pieces = [TEXT[place : place + 100] for place in range(0, len(TEXT), 100)]
    messages = [body(piece, more=piece is not pieces[-1]) for piece in pieces]
    exchange = ask(make(sends(start(200, [PLAIN, LENGTH]), *messages)))
    assert [message["more_body"] for message in exchange.sent[1:]] == [message["more_body"] for message in messages]
    assert len(exchange.raw_body) < len(TEXT)
    assert exchange.body == TEXT


@pytest.mark.parametrize(("make", "coding"), WAYS)
def test_an_empty_stream_is_an_empty_body(make: Make, coding: str) -> None:
    exchange = ask(make(sends(start(200, [PLAIN]), body(b"", more=True), {"type": "http.response.body"})))
    assert exchange.body == b""
    assert len(bodies(exchange)) == 2


LEVELS = [
    *(("zstd", level) for level in range(1, 23)),
    *(("br", level) for level in range(12)),
    *(("gzip", level) for level in range(1, 10)),
]


@pytest.mark.parametrize(("coding", "level"), LEVELS, ids=lambda value: str(value))
def test_every_level_makes_what_decodes(coding: str, level: int) -> None:
    for app in (text(), stream(TEXT, b"end"), stream(*EVENTS, content_type=b"text/event-stream")):
        exchange = ask(CompressionMiddleware(app, codings=[coding], levels={coding: level}, offload=False))
        assert exchange.header("content-encoding") == [coding]
        assert exchange.body == ask(app).raw_body


@pytest.mark.parametrize("level", [1, 3, 19, 20, 21, 22])
@pytest.mark.parametrize("app", [text(TEXT * 20), stream(TEXT, TEXT)], ids=["one shot", "stream"])
def test_zstd_asks_for_no_window_that_browsers_refuse(app: App, level: int) -> None:
    from backports import zstd

    # RFC 9659, 3: at most 8 MiB.
    raw = ask(CompressionMiddleware(app, codings=["zstd"], levels={"zstd": level}, offload=False)).raw_body
    narrow = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: 23})
    assert narrow.decompress(raw) == ask(app).raw_body


BROTLI: list[tuple[str, dict[str, Any]]] = [
    ("every mode: generic", {"mode": "generic"}),
    ("every mode: font", {"mode": "font"}),
    ("the smallest window", {"lgwin": 10}),
    ("the largest window and block", {"lgwin": 24, "lgblock": 24}),
    ("the smallest block", {"lgblock": 16}),
    ("the lowest quality", {"quality": 0, "lgwin": 10, "lgblock": 24}),
    ("the highest quality", {"quality": 11}),
]


@pytest.mark.parametrize(("sentence", "options"), BROTLI, ids=ids(BROTLI))
def test_brotli_middleware_takes_all_that_its_options_allow(sentence: str, options: dict[str, Any]) -> None:
    for app, expected in ((text(), TEXT), (stream(TEXT, b"end"), TEXT + b"end")):
        exchange = drive(BrotliMiddleware(app, **options), http(headers=[("accept-encoding", "br")]), loop="asyncio")
        assert exchange.header("content-encoding") == ["br"]
        assert exchange.body == expected


# --- HEAD -------------------------------------------------------------------------------------------------------------

ENCODED_HEAD = [("content-encoding", "zstd"), ("content-type", "text/plain"), ("vary", "Accept-Encoding")]
VARIED_HEAD = [("content-type", "text/plain"), ("vary", "Accept-Encoding")]

HEAD: list[tuple[str, list[Message], list[tuple[str, str]], list[bytes]]] = [
    ("the length alone", [start(200, [PLAIN, LENGTH]), body(b"")], ENCODED_HEAD, [b""]),
    (
        "the length, and a message without a body",
        [start(200, [PLAIN, LENGTH]), {"type": "http.response.body"}],
        ENCODED_HEAD,
        [b""],
    ),
    ("the whole body", [start(200, [PLAIN]), body()], ENCODED_HEAD, [b""]),
    ("the body and its length", [start(200, [PLAIN, LENGTH]), body()], ENCODED_HEAD, [b""]),
    (
        "a stream",
        [start(200, [PLAIN]), body(TEXT, more=True), body(TEXT, more=True), body(b"")],
        ENCODED_HEAD,
        [b"", b"", b""],
    ),
    (
        "the whole body, and more is promised",
        [start(200, [PLAIN, LENGTH]), body(more=True), body(b"")],
        ENCODED_HEAD,
        [b"", b""],
    ),
    ("nothing that tells the size", [start(200, [PLAIN]), body(b"")], VARIED_HEAD, [b""]),
    ("a small body", [start(200, [PLAIN]), body(b"ok")], [("content-type", "text/plain")], [b"ok"]),
]


@pytest.mark.parametrize(("sentence", "messages", "headers", "pieces"), HEAD, ids=ids(HEAD))
def test_head(sentence: str, messages: list[Message], headers: list[tuple[str, str]], pieces: list[bytes]) -> None:
    exchange = ask(CompressionMiddleware(sends(*messages)), method="HEAD")
    assert exchange.headers == headers
    assert [message.get("body", b"") for message in exchange.sent[1:]] == pieces
    assert [message.get("more_body", False) for message in exchange.sent[1:]] == [
        message.get("more_body", False) for message in messages[1:]
    ]


@pytest.mark.parametrize(("make", "coding"), CLASSES)
@pytest.mark.parametrize(("sentence", "app", "expected"), RESPONSES, ids=ids(RESPONSES))
def test_head_differs_from_get_by_the_length_only(
    sentence: str, app: Callable[[], App], expected: bytes, make: Make, coding: str
) -> None:
    middleware = make(app())
    get, head = ask(middleware), ask(middleware, method="HEAD")
    if get.header("content-encoding"):
        assert head.headers == [pair for pair in get.headers if pair[0] != "content-length"]
        assert head.raw_body == b""
    elif get.raw_body or get.header("content-length"):
        assert head.sent == get.sent
    else:  # nothing tells HEAD how much GET would send
        assert [pair for pair in head.headers if pair != ("vary", "Accept-Encoding")] == [
            pair for pair in get.headers if pair != ("vary", "Accept-Encoding")
        ]
        assert head.sent[1:] == get.sent[1:]


def test_an_event_stream_answers_head_at_once_without_a_body() -> None:
    exchange, counts = pace(
        CompressionMiddleware, [start(200, EVENT_STREAM), body(EVENTS[0], more=True), body(b"")], method="HEAD"
    )
    assert counts == [1, 2, 3]
    assert exchange.headers == [
        ("content-encoding", "zstd"),
        ("content-type", "text/event-stream"),
        ("vary", "Accept-Encoding"),
    ]
    assert bodies(exchange) == [b"", b""]


@pytest.mark.parametrize("content_type", [b"text/plain", b"text/event-stream"])
@pytest.mark.parametrize("more", [True, False], ids=["as a stream", "in one message"])
def test_head_does_no_work_and_needs_no_thread_for_a_big_body(content_type: bytes, more: bool) -> None:
    rest = [body(b"")] if more else []
    app = sends(start(200, [(b"content-type", content_type)]), body(b"x" * 3_000_000, more=more), *rest)
    exchange = ask(CompressionMiddleware(app), method="HEAD")
    assert exchange.error is None
    assert exchange.raw_body == b""


# --- other messages, in order -----------------------------------------------------------------------------------------

EVENT_STREAM: Pairs = [(b"content-type", b"text/event-stream")]
HINT: Message = {"type": "http.response.early_hint", "links": [b"</a.css>; rel=preload"]}
PUSH: Message = {"type": "http.response.push", "path": "/a.css", "headers": []}
DEBUG: Message = {"type": "http.response.debug", "info": {"template": "a.html"}}
PATHSEND: Message = {"type": "http.response.pathsend", "path": "/srv/a.txt"}
ZEROCOPY: Message = {"type": "http.response.zerocopysend", "file": 7}
UNKNOWN: Message = {"type": "http.response.invented_later", "body": b"?"}
TRAILERS: Message = {"type": "http.response.trailers", "headers": [(b"x-sum", b"1")]}


def pace(make: Make, messages: list[Message], **changes: Any) -> tuple[Exchange, list[int]]:
    """Drive an app that sends these, and count after each of them how many have come out."""
    arrived: list[Any] = []
    counts: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)
            counts.append(len(arrived))

    middleware = make(app)

    async def outside(scope: Any, receive: Any, send: Any) -> None:
        async def counting(message: Any) -> None:
            arrived.append(message)
            await send(message)

        await middleware(scope, receive, counting)

    return ask(outside, **changes), counts


# How many messages have come out after each one that went in; whether the answer is encoded.
PACES: list[tuple[str, list[Message], list[int], bool]] = [
    ("a start waits for its body", [start(200, [PLAIN]), body()], [0, 2], True),
    ("a start waits for its first piece", [start(200, [PLAIN]), body(more=True), body()], [0, 2, 3], True),
    (
        "a start waits for an empty piece, no longer",
        [start(200, [PLAIN]), body(b"", more=True), body()],
        [0, 2, 3],
        True,
    ),
    (
        "a start that is left alone does not wait",
        [start(200, [(b"content-type", b"image/png")]), body()],
        [1, 2],
        False,
    ),
    ("a 304 does not wait", [start(304, [(b"etag", b'"a"')]), body(b"")], [1, 2], False),
    ("a small length does not wait", [start(200, [PLAIN, (b"content-length", b"2")]), body(b"ok")], [1, 2], False),
    ("an early hint goes before the start", [HINT, HINT, start(200, [PLAIN]), body()], [1, 2, 2, 4], True),
    ("debug goes before the start", [DEBUG, start(200, [PLAIN]), body()], [1, 1, 3], True),
    ("push goes before the start", [PUSH, start(200, [PLAIN]), body()], [1, 1, 3], True),
    ("what nobody knows goes before the start", [UNKNOWN, start(200, [PLAIN]), body()], [1, 1, 3], True),
    ("an early hint releases the start", [start(200, [PLAIN]), HINT, body()], [0, 2, 3], False),
    ("push releases the start", [start(200, [PLAIN]), PUSH, body()], [0, 2, 3], False),
    ("debug releases the start", [start(200, [PLAIN]), DEBUG, body()], [0, 2, 3], False),
    ("what nobody knows releases the start", [start(200, [PLAIN]), UNKNOWN, body(), UNKNOWN], [0, 2, 3, 4], False),
    ("pathsend releases the start", [start(200, [PLAIN, LENGTH]), PATHSEND], [0, 2], False),
    ("zerocopysend releases the start", [start(200, [PLAIN, LENGTH]), ZEROCOPY, ZEROCOPY], [0, 2, 3], False),
    ("trailers release the start", [start(200, [PLAIN], trailers=True), TRAILERS], [0, 2], False),
    ("push in a stream", [start(200, [PLAIN]), body(more=True), PUSH, body(b"")], [0, 2, 3, 4], True),
    (
        "what nobody knows in a stream",
        [start(200, [PLAIN]), body(more=True), UNKNOWN, body(b""), UNKNOWN],
        [0, 2, 3, 4, 5],
        True,
    ),
    ("trailers after one shot", [start(200, [PLAIN], trailers=True), body(), TRAILERS], [0, 2, 3], True),
    (
        "two trailers after a stream",
        [start(200, [PLAIN], trailers=True), body(more=True), body(b""), TRAILERS, TRAILERS],
        [0, 2, 3, 4, 5],
        True,
    ),
]


@pytest.mark.parametrize(("make", "coding"), CLASSES)
@pytest.mark.parametrize(("sentence", "messages", "expected", "encoded"), PACES, ids=ids(PACES))
def test_nothing_is_lost_or_reordered_and_a_start_waits_for_one_message(
    sentence: str, messages: list[Message], expected: list[int], encoded: bool, make: Make, coding: str
) -> None:
    exchange, counts = pace(make, messages)
    assert exchange.error is None
    assert counts == expected
    assert [message["type"] for message in exchange.sent] == [message["type"] for message in messages]
    ours = ("http.response.start", "http.response.body")
    assert [found for found in exchange.objects if found["type"] not in ours] == [
        message for message in messages if message["type"] not in ours
    ]
    assert exchange.header("content-encoding") == ([coding] if encoded else [])
    if encoded:
        assert exchange.body == b"".join(message["body"] for message in messages if message["type"] == ours[1])
    else:
        assert exchange.sent[1:] == [plain(message) for message in messages[1:]]


RELEASED = [HINT, PUSH, DEBUG, PATHSEND, ZEROCOPY, UNKNOWN]


@pytest.mark.parametrize(("make", "coding"), CLASSES)
@pytest.mark.parametrize("message", RELEASED, ids=lambda message: message["type"])
def test_a_released_start_is_as_the_app_sent_it_with_vary(message: Message, make: Make, coding: str) -> None:
    headers = [PLAIN, LENGTH, (b"etag", b'"a"'), (b"accept-ranges", b"bytes")]
    exchange, _ = pace(make, [start(200, headers), message])
    assert exchange.sent == [plain(start(200, [*headers, (b"vary", b"Accept-Encoding")])), message]


@pytest.mark.parametrize(("make", "coding"), WAYS)
def test_an_event_stream_starts_at_once(make: Make, coding: str) -> None:
    messages = [start(200, EVENT_STREAM), body(EVENTS[0], more=True), PUSH, body(b"", more=True), body(EVENTS[1])]
    exchange, counts = pace(make, messages)
    assert counts == [1, 2, 3, 4, 5]
    assert exchange.headers == [
        ("content-encoding", coding),
        ("content-type", "text/event-stream"),
        ("vary", "Accept-Encoding"),
    ]
    assert exchange.body == EVENTS[0] + EVENTS[1]


@pytest.mark.parametrize("make", [GZipMiddleware, BrotliMiddleware])
def test_the_compatible_classes_leave_event_streams_alone_and_start_them_at_once(make: Make) -> None:
    messages = [start(200, EVENT_STREAM), body(EVENTS[0], more=True), body(EVENTS[1])]
    exchange, counts = pace(make, messages)
    assert counts == [1, 2, 3]
    assert exchange.sent == [plain(message) for message in messages]


def test_an_event_stream_from_a_file_is_not_called_encoded() -> None:
    # A file by pathsend has a length and bytes that we never see.
    headers = [*EVENT_STREAM, (b"content-length", b"5000")]
    exchange, _ = pace(CompressionMiddleware, [start(200, headers), PATHSEND])
    assert exchange.sent == [plain(start(200, [*headers, (b"vary", b"Accept-Encoding")])), PATHSEND]


OFFERS: dict[str, Any] = {
    "http.response.pathsend": {},
    "http.response.zerocopysend": {},
    "http.response.trailers": {},
    "http.response.push": {},
    "http.response.debug": {"x": 1},
    "tls": {"server_cert": "x"},
}


@pytest.mark.parametrize(("make", "coding"), CLASSES)
def test_files_are_hidden_from_an_app_whose_answer_may_be_encoded(make: Make, coding: str) -> None:
    app, scopes = remembers()
    given = copy.deepcopy(OFFERS)
    exchange = ask(make(app), extensions=given)
    hidden = ("http.response.pathsend", "http.response.zerocopysend")
    kept = {name: value for name, value in OFFERS.items() if name not in hidden}
    assert scopes[0]["extensions"] == kept
    assert exchange.scope["extensions"] is given
    assert given == OFFERS


@pytest.mark.parametrize(("make", "coding"), CLASSES)
@pytest.mark.parametrize("accept", [None, "identity", "gzip;q=0"])
def test_files_are_offered_where_nothing_is_encoded(make: Make, coding: str, accept: str | None) -> None:
    app, scopes = remembers()
    exchange = ask(make(app), accept, extensions=dict(OFFERS))
    assert scopes[0] is exchange.scope
    assert scopes[0]["extensions"] == OFFERS


@pytest.mark.parametrize("extensions", [None, {}, {"tls": {}}], ids=["missing", "none", "another"])
def test_a_scope_without_either_travels_inwards_as_it_is(extensions: dict[str, Any] | None) -> None:
    app, scopes = remembers()
    exchange = ask(CompressionMiddleware(app), extensions=extensions)
    assert scopes[0] is exchange.scope


def test_extensions_of_none_are_no_extensions() -> None:
    scope = http(headers=[("accept-encoding", "gzip")])
    scope["extensions"] = None
    assert drive(CompressionMiddleware(text()), scope).body == TEXT


@pytest.mark.parametrize(("make", "coding"), CLASSES)
def test_a_scope_without_all_that_is_optional_is_served(make: Make, coding: str) -> None:
    exchange = drive(make(text()), {"type": "http", "headers": [(b"accept-encoding", EVERY.encode())]})
    assert exchange.header("content-encoding") == [coding]
    assert exchange.body == TEXT
    assert drive(make(text()), {"type": "http"}).body == TEXT


@pytest.mark.parametrize(("make", "coding"), CLASSES)
@pytest.mark.parametrize(
    "scope",
    [websocket(headers=[("accept-encoding", "gzip")]), {"type": "lifespan"}, {"type": "invented.later"}],
    ids=["websocket", "lifespan", "a type invented later"],
)
def test_other_scopes_pass_through_with_the_same_three_objects(make: Make, coding: str, scope: dict[str, Any]) -> None:
    seen: list[tuple[Any, Any, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope, receive, send))

    given: list[tuple[Any, Any, Any]] = []

    async def outside(scope: Any, receive: Any, send: Any) -> None:
        given.append((scope, receive, send))
        await make(app)(scope, receive, send)

    assert drive(outside, scope).error is None
    assert all(found is passed for found, passed in zip(seen[0], given[0], strict=True))


# --- endings ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("make", "coding"), CLASSES)
@pytest.mark.parametrize(
    "error", [RuntimeError("no"), OSError("gone"), KeyboardInterrupt()], ids=lambda error: type(error).__name__
)
def test_an_app_that_raises_while_its_start_is_held_has_sent_nothing(
    make: Make, coding: str, error: BaseException
) -> None:
    exchange = ask(make(raises(error, start(200, [PLAIN]))))
    assert exchange.error is error
    assert exchange.sent == []


@pytest.mark.parametrize(("make", "coding"), CLASSES)
def test_an_app_that_raises_in_a_stream_is_cut_off_there(make: Make, coding: str) -> None:
    error = RuntimeError("no")
    exchange = ask(make(raises(error, start(200, [PLAIN]), body(TEXT, more=True))))
    assert exchange.error is error
    assert len(exchange.sent) == 2
    assert decoder(coding)(exchange.raw_body) == TEXT


@pytest.mark.parametrize(("make", "coding"), CLASSES)
def test_an_error_handler_outside_can_still_answer(make: Make, coding: str) -> None:
    middleware = make(raises(RuntimeError("no"), start(200, [PLAIN])))
    answer = [start(500, [PLAIN]), body(b"sorry")]

    async def handler(scope: Any, receive: Any, send: Any) -> None:
        try:
            await middleware(scope, receive, send)
        except RuntimeError:
            await sends(*answer)(scope, receive, send)

    assert ask(handler).sent == [plain(message) for message in answer]


@pytest.mark.parametrize("accept", [EVERY, None])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(("make", "coding"), CLASSES)
def test_a_start_without_any_body_goes_out_at_the_end_and_varies(
    make: Make, coding: str, method: str, accept: str | None
) -> None:
    exchange = ask(make(sends(start(200, [PLAIN, LENGTH]))), accept, method=method)
    assert exchange.sent == [plain(start(200, [PLAIN, LENGTH, (b"vary", b"Accept-Encoding")]))]


@pytest.mark.parametrize(("make", "coding"), CLASSES)
def test_a_held_start_is_not_lost_when_the_app_returns(make: Make, coding: str) -> None:
    exchange = ask(make(sends(start(201, [PLAIN, (b"x-kept", b"1")]))))
    assert [message["type"] for message in exchange.sent] == ["http.response.start"]
    assert exchange.status == 201
    assert exchange.header("x-kept") == ["1"]


@pytest.mark.parametrize(("make", "coding"), CLASSES)
def test_an_app_that_says_nothing_is_given_no_words(make: Make, coding: str) -> None:
    exchange = ask(make(sends()))
    assert exchange.error is None
    assert exchange.sent == []


@pytest.mark.parametrize(("make", "coding"), CLASSES)
@pytest.mark.parametrize(("sentence", "app", "expected"), RESPONSES, ids=ids(RESPONSES))
def test_a_client_that_is_gone_is_heard_of_by_the_app(
    sentence: str, app: Callable[[], App], expected: bytes, make: Make, coding: str
) -> None:
    gone = OSError("gone")
    for accept in (EVERY, "identity"):
        scope = http(headers=[("accept-encoding", accept)])
        assert drive(make(app()), scope, send_fails=gone).error is gone


# --- nothing that was given is changed --------------------------------------------------------------------------------


@pytest.mark.parametrize(("make", "coding"), CLASSES)
@pytest.mark.parametrize(("sentence", "app", "expected"), RESPONSES, ids=ids(RESPONSES))
def test_every_legal_shape_decodes_to_what_the_app_sent(
    sentence: str, app: Callable[[], App], expected: bytes, make: Make, coding: str
) -> None:
    middleware = make(app())
    for accept in (EVERY, "gzip", None, EVERY):
        exchange = ask(middleware, accept)
        assert exchange.error is None
        assert exchange.body == expected


CONSTANT: list[tuple[str, list[Message]]] = [
    ("one shot", [start(200, [PLAIN, LENGTH, (b"etag", b'"a"'), (b"vary", b"Cookie")]), body()]),
    ("a stream", [start(200, [PLAIN, (b"etag", b'"a"')]), body(more=True), body(b"")]),
    ("an event stream", [start(200, list(EVENT_STREAM)), body(EVENTS[0], more=True), body(EVENTS[1])]),
    ("opted out", [start(200, [PLAIN, (b"content-encoding", b"identity")]), body()]),
    ("304", [start(304, [(b"etag", b'"a"')]), body(b"")]),
    ("trailers", [start(200, [PLAIN, LENGTH], trailers=True), body(), TRAILERS]),
]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(("make", "coding"), CLASSES)
@pytest.mark.parametrize(("sentence", "messages"), CONSTANT, ids=ids(CONSTANT))
def test_constant_messages_serve_one_client_like_the_next(
    sentence: str, messages: list[Message], make: Make, coding: str, method: str
) -> None:
    before = copy.deepcopy(messages)
    middleware = make(sends(*messages))
    clients = [EVERY, None, "gzip", EVERY, None, "gzip"]
    answers = [ask(middleware, accept, method=method) for accept in clients]
    assert messages == before
    assert [answer.sent for answer in answers[:3]] == [answer.sent for answer in answers[3:]]
    assert answers[1].header("content-encoding") == []


def test_what_the_app_does_to_its_headers_after_the_start_has_no_effect() -> None:
    headers: Pairs = [PLAIN]
    first = start(200, headers)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(first)
        headers.append((b"x-late", b"1"))
        first["status"] = 500
        await send(body())

    exchange = ask(CompressionMiddleware(app))
    assert exchange.status == 200
    assert exchange.header("x-late") == []


@pytest.mark.parametrize(("make", "coding"), WAYS)
def test_two_streams_through_one_middleware_do_not_mix(make: Make, coding: str) -> None:
    inner: list[Exchange] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start(200, [PLAIN]))
        for number in range(5):
            if scope["path"] != "/inner":
                inner.append(ask(middleware, path="/inner"))
            await send(body(b"%s %d;" % (scope["path"].encode(), number), more=True))
        await send(body(TEXT))

    middleware = make(app)
    exchange = ask(middleware)
    expected = b"%s 0;%s 1;%s 2;%s 3;%s 4;" + TEXT.replace(b"%", b"%%")
    assert exchange.body == expected % ((b"/",) * 5)
    assert [found.body for found in inner] == [expected % ((b"/inner",) * 5)] * 5


def test_twice_in_one_chain_encodes_once() -> None:
    for app, expected in ((text(), TEXT), (stream(TEXT, b"end"), TEXT + b"end")):
        exchange = ask(GZipMiddleware(CompressionMiddleware(BrotliMiddleware(app))), extensions=dict(OFFERS))
        assert exchange.header("content-encoding") == ["br"]
        assert exchange.header("vary") == ["Accept-Encoding"]
        assert exchange.body == expected


# --- any response, at random ------------------------------------------------------------------------------------------

WORDS = b"the quick brown fox jumps over the lazy dog and then some more of this and that ".split()


def any_body(chance: random.Random) -> bytes:
    size = chance.choice([0, 1, 399, 400, 499, 500, 1023, 1024, 1500, 4000])
    if chance.random() < 0.2:
        return chance.randbytes(size)
    return b" ".join(chance.choices(WORDS, k=size // 3 + 1))[:size].ljust(size, b".")


def any_pieces(chance: random.Random, whole: bytes) -> list[bytes]:
    cuts = sorted(chance.randrange(len(whole) + 1) for _ in range(chance.choice([0, 0, 1, 2, 5])))
    pieces = [whole[left:right] for left, right in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    return [*pieces, b""] if chance.random() < 0.3 else pieces


def any_case(chance: random.Random, name: str) -> bytes:
    return chance.choice([name, name.title(), name.upper()]).encode()


CONTAINERS: list[Callable[[Pairs], Any]] = [
    list,
    tuple,
    iter,
    lambda pairs: [list(pair) for pair in pairs],
    lambda pairs: (pair for pair in pairs),
    lambda pairs: dict(pairs).items(),
]


def any_response(chance: random.Random) -> tuple[int, dict[str, str], list[bytes]]:
    """A status, headers by lower-case name, and the pieces of a body."""
    status = chance.choice([200, 200, 200, 200, 201, 404, 500, 204, 205, 206, 304])
    whole = b"" if status in (204, 205, 304) else any_body(chance)
    pieces = any_pieces(chance, whole)
    headers: dict[str, str] = {}
    kind = chance.choice(
        [
            None,
            "text/html; charset=utf-8",
            "application/json",
            "APPLICATION/problem+JSON",
            "image/png",
            "text/event-stream",
        ]
    )
    if kind is not None:
        headers["content-type"] = kind
    if chance.random() < 0.5:
        headers["content-length"] = str(len(whole))
    odds = [
        ("etag", ['"a"', 'W/"a"'], 0.3),
        ("vary", ["Cookie", "*", "accept-encoding", "Cookie,,Origin"], 0.3),
        ("accept-ranges", ["bytes"], 0.2),
        ("cache-control", ["no-store", "private, no-transform"], 0.15),
        ("content-encoding", ["compress"], 0.05),
        ("content-range", ["bytes 0-1/2"], 0.05),
        ("repr-digest", ["sha-256=:x:"], 0.05),
        ("x-kept", ["1"], 0.5),
    ]
    headers.update({name: chance.choice(values) for name, values, odd in odds if chance.random() < odd})
    return status, headers, pieces


def may_be_encoded(make: Make, status: int, headers: dict[str, str], pieces: list[bytes]) -> bool:
    """The exceptions, written a second time."""
    minimums: dict[Make, int] = {CompressionMiddleware: 1024, GZipMiddleware: 500, BrotliMiddleware: 400}
    minimum = minimums[make]
    kind = headers.get("content-type", "")
    if status in (204, 205, 206) or {"content-encoding", "content-range", "repr-digest"} & headers.keys():
        return False
    if "no-transform" in headers.get("cache-control", ""):
        return False
    if status == 304 and not kind:
        return True
    if make is CompressionMiddleware and kind in ("", "image/png"):
        return False
    if make is not CompressionMiddleware and kind in ("image/png", "text/event-stream"):
        return False
    if status == 304:
        return True
    known = "content-length" in headers or (len(pieces) == 1 and kind != "text/event-stream")
    return not known or sum(map(len, pieces)) >= minimum


@pytest.mark.parametrize(("make", "coding"), CLASSES)
@pytest.mark.parametrize("seed", range(6))
def test_any_response_decodes_to_what_the_app_sent(make: Make, coding: str, seed: int) -> None:
    chance = seeded(seed)
    encodings = 0
    for number in range(100):
        status, given, pieces = any_response(chance)
        pairs = [(any_case(chance, name), value.encode()) for name, value in given.items()]
        container = chance.choice(CONTAINERS)
        wrap = chance.choice([bytes, bytearray, memoryview])
        messages = [body(wrap(piece), more=True) for piece in pieces]
        del messages[-1]["more_body"]
        accept = chance.choice([EVERY, coding, f"{coding};q=0.1", "*", None, f"{coding};q=0"])
        exchange = ask(make(sends(start(status, container(pairs)), *messages)), accept)
        case = (seed, number, status, given, [len(piece) for piece in pieces], accept)

        refused = accept in (None, f"{coding};q=0")
        assert exchange.error is None, case
        assert exchange.status == status, case
        assert [message.get("more_body", False) for message in exchange.sent[1:]] == [True] * (len(pieces) - 1) + [
            False
        ]
        as_given = sorted(given.items())
        encoded = exchange.header("content-encoding") == [coding]
        encodings += encoded
        if not encoded:
            assert bodies(exchange) == pieces, case
        if not refused and not may_be_encoded(make, status, given, pieces):
            assert exchange.headers == as_given, case
            continue
        if refused:
            assert not encoded, case
            changes = {"vary"}
        else:
            changes = {"vary", "etag"} if status == 304 else {"vary"}
            vary = ",".join(exchange.header("vary")).lower()
            assert "*" in vary or "accept-encoding" in vary, case
        if encoded:
            changes = {"vary", "etag", "accept-ranges", "content-length", "content-encoding"}
            assert decode(exchange.raw_body, [coding]) == b"".join(pieces), case
            assert exchange.header("accept-ranges") == [], case
            assert exchange.header("etag") == (['W/"a"'] if "etag" in given else []), case
            assert exchange.header("content-length") in ([], [str(len(exchange.raw_body))]), case
        if status == 304:
            changes.add("content-length")  # test_not_modified has it
        assert [pair for pair in exchange.headers if pair[0] not in changes] == [
            pair for pair in as_given if pair[0] not in changes
        ], case
    assert encodings > 10


# --- threads ----------------------------------------------------------------------------------------------------------

LOOPS = ["asyncio", "uvloop", "trio"]
BIG = b" ".join(seeded(2).choices(WORDS, k=200_000))  # some 0.9 MB


def run(function: Callable[[], Awaitable[Any]], loop: str) -> Any:
    async def bounded() -> Any:
        with anyio.fail_after(30):
            return await function()

    if loop == "trio":
        return anyio.run(bounded, backend="trio")
    return anyio.run(bounded, backend="asyncio", backend_options={"use_uvloop": loop == "uvloop"})


class Counted:
    """Stands for the threads, and counts what is handed to them."""

    def __init__(self) -> None:
        self.calls = 0

    async def run(self, function: Callable[..., Any], *args: Any) -> Any:
        self.calls += 1
        return function(*args)


def needs_a_thread(app: App) -> bool:
    """Whether a thread is asked for, by somebody who has the whole allowance for himself."""
    threads = Counted()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "_threads", threads)
        patch.setattr(engine, "_on_the_loop", Allowance(1_000_000, lambda: 0))
        assert ask(app).error is None
    return threads.calls > 0


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(("make", "coding"), WAYS)
@pytest.mark.parametrize("app", [text(BIG), stream(BIG, b"tail", BIG)], ids=["one shot", "stream"])
def test_a_thread_makes_what_the_event_loop_would_have_made(app: App, make: Make, coding: str, loop: str) -> None:
    scope = http(headers=[("accept-encoding", coding)])
    assert needs_a_thread(make(app))
    threaded = drive(make(app), scope, loop=loop)
    inline = drive(make(app, offload=False), scope)
    assert threaded.error is None
    assert inline.error is None
    assert threaded.sent == inline.sent
    assert threaded.body == ask(app).raw_body


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(("make", "coding"), CLASSES)
def test_big_bodies_of_every_class_decode(make: Make, coding: str, loop: str) -> None:
    exchange = drive(make(text(BIG)), http(headers=[("accept-encoding", EVERY)]), loop=loop)
    assert exchange.headers == [
        ("content-encoding", coding),
        ("content-length", str(len(exchange.raw_body))),
        ("content-type", "text/plain"),
        ("vary", "Accept-Encoding"),
    ]
    assert exchange.body == BIG


@pytest.mark.parametrize("size", [500, 4096])
def test_gzip_middleware_goes_to_a_thread_from_its_size_on(size: int) -> None:
    for length, expected in ((size - 1, False), (size, True)):
        app = text(b"x" * length)
        assert needs_a_thread(GZipMiddleware(app, minimum_size=0, thread_minimum_size=size)) is expected


def test_bodies_that_are_small_one_by_one_need_threads_together(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = Counted()
    monkeypatch.setattr(engine, "_threads", threads)
    monkeypatch.setattr(engine, "_on_the_loop", Allowance(1_000_000, lambda: 0))
    for make in (CompressionMiddleware, GZipMiddleware, BrotliMiddleware):
        ask(make(text(BIG[:20_000])))
    before = threads.calls
    for _ in range(10):
        ask(BrotliMiddleware(text(BIG[:20_000])))
    assert threads.calls - before > 5
    assert not any(needs_a_thread(make(text(BIG[:2000]))) for make in (GZipMiddleware, BrotliMiddleware))


def test_without_an_event_loop_there_is_nothing_to_hold_up() -> None:
    exchange = ask(CompressionMiddleware(stream(BIG, b"tail", BIG)))
    assert exchange.error is None
    assert exchange.body == BIG + b"tail" + BIG


def test_small_bodies_need_no_thread() -> None:
    for make in (CompressionMiddleware, GZipMiddleware, BrotliMiddleware):
        assert not needs_a_thread(make(text(BIG[:40_000])))
        assert needs_a_thread(make(text(BIG)))


def test_a_thread_size_of_one_still_finishes_a_stream() -> None:
    app = stream(b"one", b"two")
    exchange = drive(
        GZipMiddleware(app, thread_minimum_size=1), http(headers=[("accept-encoding", "gzip")]), loop="asyncio"
    )
    assert exchange.error is None
    assert exchange.body == b"onetwo"


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(("make", "coding"), WAYS)
def test_many_big_bodies_at_once_do_not_mix(make: Make, coding: str, loop: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start(200, [PLAIN]))
        for _ in range(2):
            await send(body(scope["path"].encode() + BIG[:300_000], more=True))
        await send(body(b""))

    middleware = make(app)
    found: dict[str, list[Message]] = {}

    async def request(path: str) -> None:
        found[path] = []

        async def send(message: Message) -> None:
            found[path].append(plain(message))

        async def receive() -> Message:
            return {"type": "http.disconnect"}

        await middleware(http(path, headers=[("accept-encoding", coding)]), receive, send)

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for number in range(8):
                group.start_soon(request, f"/{number}")

    run(main, loop)
    for path, messages in found.items():
        raw = b"".join(message["body"] for message in messages[1:])
        assert decode(raw, [coding]) == (path.encode() + BIG[:300_000]) * 2
    assert len(found) == 8


class Gate:
    """A codec that tells when it is entered, and waits for leave to end."""

    name = b"gzip"
    cost = 1.0

    def __init__(self) -> None:
        self.entered = anyio.Semaphore(0)
        self.leave = threading.Event()
        self.inside = 0
        self.most = 0
        self.lock = threading.Lock()

    def compress(self, data: bytes) -> bytes:
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        try:
            anyio.from_thread.run_sync(self.entered.release)
            assert self.leave.wait(20)
            return zlib.compress(data, wbits=31)
        finally:
            with self.lock:
                self.inside -= 1

    def encoder(self, *, idle: bool) -> Any:
        raise NotImplementedError


ALWAYS_A_THREAD = Policy(minimum_size=0, negotiable_type=lambda _: True, offload=True, thread_minimum_size=0)


def responder(codec: Gate, sent: list[Message]) -> CodingResponder:
    async def send(message: Message) -> None:
        await anyio.lowlevel.checkpoint()  # as a server's send, it can be cancelled
        sent.append(plain(message))

    return CodingResponder(ALWAYS_A_THREAD, codec, send, head=False)


async def turns() -> None:
    """Let the event loop turn: whoever could go on has gone on after it."""
    for _ in range(20):
        await anyio.lowlevel.checkpoint()


@pytest.mark.parametrize("loop", LOOPS)
def test_a_request_cancelled_in_the_thread_waits_for_it_and_leaves_nothing_behind(loop: str) -> None:
    async def cancel_one() -> None:
        gate, sent, log = Gate(), list[Message](), list[str]()
        engine = responder(gate, sent)
        cancelled = anyio.CancelScope()

        async def request() -> None:
            with cancelled:
                await engine.send(start(200, [PLAIN]))
                await engine.send(body())
                log.append("answered")
            log.append("ended")

        async with anyio.create_task_group() as group:
            group.start_soon(request)
            await gate.entered.acquire()
            cancelled.cancel()
            await turns()
            log.append("thread released")
            gate.leave.set()
        assert log == ["thread released", "ended"]
        assert sent == []
        assert gate.inside == 0

    async def main() -> None:
        # More often than there are threads: a place that was not given back would be missed.
        for _ in range(6):
            await cancel_one()

    run(main, loop)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_task_cancelled_in_the_thread_waits_for_it_too(loop: str) -> None:
    # What asyncio.timeout(), asyncio.TaskGroup and servers built on them do: Task.cancel(), which knows no shields.
    import asyncio

    async def main() -> list[str]:
        gate, sent, log = Gate(), list[Message](), list[str]()
        engine = responder(gate, sent)

        async def request() -> None:
            try:
                await engine.send(start(200, [PLAIN]))
                await engine.send(body())
            finally:
                log.append("ended")

        task = asyncio.create_task(request())
        try:
            await gate.entered.acquire()
            task.cancel()
            await turns()
            log.append("thread released")
        finally:
            gate.leave.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        return log

    assert run(main, loop) == ["thread released", "ended"]


@pytest.mark.parametrize("loop", LOOPS)
def test_no_more_than_four_bodies_are_compressed_at_a_time(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_threads", Threads("four", at_once=4))

    async def main() -> None:
        gate = Gate()
        answers: list[list[Message]] = [[] for _ in range(9)]

        async def request(sent: list[Message]) -> None:
            engine = responder(gate, sent)
            await engine.send(start(200, [PLAIN]))
            await engine.send(body())

        async with anyio.create_task_group() as group:
            for sent in answers:
                group.start_soon(request, sent)
            for _ in range(4):
                await gate.entered.acquire()
            await turns()
            assert gate.inside == 4
            assert answers == [[]] * 9
            gate.leave.set()
        assert gate.most == 4
        assert [zlib.decompress(sent[1]["body"], 31) for sent in answers] == [TEXT] * 9

    run(main, loop)


# --- configuration ----------------------------------------------------------------------------------------------------

# A sentence, the class, its wrong options, each problem as (option, remedy), and options as the remedies say.
WRONG: list[tuple[str, Make, dict[str, Any], list[tuple[str, str]], dict[str, Any]]] = [
    (
        "codings as one string",
        CompressionMiddleware,
        {"codings": "gzip"},
        [("codings", "write ['gzip']")],
        {"codings": ["gzip"]},
    ),
    (
        "an unknown coding",
        CompressionMiddleware,
        {"codings": ["gzip", "deflate"]},
        [("codings", "use one of 'zstd', 'br', 'gzip'")],
        {"codings": ["zstd", "br", "gzip"]},
    ),
    (
        "codings in capitals",
        CompressionMiddleware,
        {"codings": ["GZIP", "BR"]},
        [("codings", "use one of 'zstd', 'br', 'gzip'")] * 2,
        {"codings": ["gzip", "br"]},
    ),
    (
        "no codings",
        CompressionMiddleware,
        {"codings": []},
        [("codings", "list some, or leave the middleware out")],
        {"codings": ["br"]},
    ),
    (
        "a coding that is no string",
        CompressionMiddleware,
        {"codings": [1]},
        [("codings", "write ['br', 'gzip']")],
        {"codings": ["br", "gzip"]},
    ),
    (
        "codings as a number",
        CompressionMiddleware,
        {"codings": 7},
        [("codings", "write ['br', 'gzip']")],
        {"codings": ["br", "gzip"]},
    ),
    (
        "a negative minimum",
        CompressionMiddleware,
        {"minimum_size": -1},
        [("minimum_size", "write 1024")],
        {"minimum_size": 1024},
    ),
    (
        "a minimum as text",
        CompressionMiddleware,
        {"minimum_size": "1024"},
        [("minimum_size", "write 1024")],
        {"minimum_size": 1024},
    ),
    (
        "a minimum of True",
        CompressionMiddleware,
        {"minimum_size": True},
        [("minimum_size", "write 1024")],
        {"minimum_size": 1024},
    ),
    (
        "levels as a list",
        CompressionMiddleware,
        {"levels": [("br", 5)]},
        [("levels", "write {'br': 5}")],
        {"levels": {"br": 5}},
    ),
    (
        "levels as a number",
        CompressionMiddleware,
        {"levels": 5},
        [("levels", "write {'br': 5}")],
        {"levels": {"br": 5}},
    ),
    (
        "a level of an unknown coding",
        CompressionMiddleware,
        {"levels": {"deflate": 5}},
        [("levels", "use 'zstd', 'br' or 'gzip'")],
        {"levels": {"zstd": 5, "br": 5, "gzip": 5}},
    ),
    (
        "levels too high",
        CompressionMiddleware,
        {"levels": {"zstd": 23, "br": 12, "gzip": 10}},
        [("levels['zstd']", "write 3"), ("levels['br']", "write 4"), ("levels['gzip']", "write 6")],
        {"levels": {"zstd": 3, "br": 4, "gzip": 6}},
    ),
    (
        "levels too low",
        CompressionMiddleware,
        {"levels": {"zstd": 0, "br": -1, "gzip": -1}},
        [("levels['zstd']", "write 3"), ("levels['br']", "write 4"), ("levels['gzip']", "write 6")],
        {"levels": {"zstd": 1, "br": 0, "gzip": 0}},
    ),
    (
        "a level of None",
        CompressionMiddleware,
        {"levels": {"br": None}},
        [("levels['br']", "write 4")],
        {"levels": {"br": 4}},
    ),
    (
        "types as one string",
        CompressionMiddleware,
        {"content_types": "text/*"},
        [("content_types", "write ['text/*']")],
        {"content_types": ["text/*"]},
    ),
    (
        "types that are none",
        CompressionMiddleware,
        {"content_types": ["text", "text/", "/html", "text/h\xe9", "a/b/c"]},
        [("content_types", "write 'text/html', or 'text/*' for all of a kind")] * 5,
        {"content_types": ["text/html", "text/*"]},
    ),
    (
        "types that would never match",
        CompressionMiddleware,
        {"content_types": ["*/*", "*/json", "application/*+json", "text/x*"]},
        [("content_types", "write 'text/html', or 'text/*' for all of a kind")] * 4,
        {"content_types": ["text/html", "text/*"]},
    ),
    (
        "offload as a number",
        CompressionMiddleware,
        {"offload": 1},
        [("offload", "use one of False, True")],
        {"offload": True},
    ),
    (
        "several at once",
        CompressionMiddleware,
        {"codings": ["gz"], "minimum_size": 1.5, "levels": {"br": 99}, "content_types": ["x"], "offload": None},
        [
            ("codings", "use one of 'zstd', 'br', 'gzip'"),
            ("minimum_size", "write 1024"),
            ("levels['br']", "write 4"),
            ("content_types", "write 'text/html', or 'text/*' for all of a kind"),
            ("offload", "use one of False, True"),
        ],
        {"codings": ["gzip"], "minimum_size": 1024, "levels": {"br": 4}, "content_types": ["text/*"], "offload": False},
    ),
    (
        "several at once",
        GZipMiddleware,
        {"minimum_size": -1, "compresslevel": 10, "thread_minimum_size": "1", "exclude_content_types": ["audio"]},
        [
            ("minimum_size", "write 500"),
            ("compresslevel", "write 6"),
            ("thread_minimum_size", "write 131072"),
            ("exclude_content_types", "write 'text/html', or 'text/*' for all of a kind"),
        ],
        {"minimum_size": 500, "compresslevel": 6, "thread_minimum_size": 131072, "exclude_content_types": ["audio/*"]},
    ),
    (
        "excluded types as one string",
        GZipMiddleware,
        {"exclude_content_types": "audio/*"},
        [("exclude_content_types", "write ['audio/*']")],
        {"exclude_content_types": ["audio/*"]},
    ),
    ("a level of True", GZipMiddleware, {"compresslevel": True}, [("compresslevel", "write 6")], {"compresslevel": 6}),
    (
        "several at once",
        BrotliMiddleware,
        {
            "quality": 12,
            "mode": "TEXT",
            "lgwin": 9,
            "lgblock": 15,
            "minimum_size": None,
            "gzip_fallback": 1,
            "excluded_handlers": ["(", "ok", "*"],
        },
        [
            ("quality", "write 4"),
            ("mode", "use one of 'text', 'generic', 'font'"),
            ("lgwin", "write 22"),
            ("lgblock", "write 0"),
            ("minimum_size", "write 400"),
            ("gzip_fallback", "use one of False, True"),
            ("excluded_handlers", "mend it"),
            ("excluded_handlers", "mend it"),
        ],
        {"quality": 4, "mode": "text", "lgwin": 22, "lgblock": 0, "minimum_size": 400, "gzip_fallback": True},
    ),
    ("a window too wide", BrotliMiddleware, {"lgwin": 25}, [("lgwin", "write 22")], {"lgwin": 22}),
    ("a block too large", BrotliMiddleware, {"lgblock": 25}, [("lgblock", "write 0")], {"lgblock": 0}),
    (
        "excluded handlers as one string",
        BrotliMiddleware,
        {"excluded_handlers": "^/admin"},
        [("excluded_handlers", "write ['^/admin']")],
        {"excluded_handlers": ["^/admin"]},
    ),
]


@pytest.mark.parametrize(
    ("sentence", "make", "options", "problems", "mended"), WRONG, ids=[f"{row[1].__name__}: {row[0]}" for row in WRONG]
)
def test_a_wrong_configuration_is_refused_with_remedies_that_help(
    sentence: str, make: Make, options: dict[str, Any], problems: list[tuple[str, str]], mended: dict[str, Any]
) -> None:
    with pytest.raises(ConfigError) as refusal:
        make(text(), **options)
    assert [(problem.option, problem.remedy) for problem in refusal.value.problems] == problems
    assert refusal.value.owner == make.__name__
    assert ask(make(text(), **mended)).body == TEXT


@pytest.mark.parametrize(("make", "coding"), CLASSES)
def test_an_app_that_is_none_is_refused_with_the_rest(make: Make, coding: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        make(None, minimum_size=-1)
    assert [problem.option for problem in refusal.value.problems] == ["app", "minimum_size"]


def test_the_text_of_a_refusal_says_who_what_and_what_to_do() -> None:
    with pytest.raises(ConfigError) as refusal:
        GZipMiddleware(text(), compresslevel=10)
    assert str(refusal.value) == "GZipMiddleware: compresslevel: 10: must be a whole number, 0 to 9; write 6"


def test_gzip_middleware_takes_starlettes_arguments() -> None:
    ours, theirs = (inspect.signature(found).parameters.values() for found in (GZipMiddleware, StarletteGZipMiddleware))
    assert [(found.name, found.kind) for found in ours] == [(found.name, found.kind) for found in theirs]
    exchange = ask(GZipMiddleware(text(), 100, 9, 1 << 20, exclude_content_types=("image/png",)))
    assert exchange.body == TEXT


def test_brotli_middleware_takes_the_arguments_of_the_other_package() -> None:
    names = ["app", "quality", "mode", "lgwin", "lgblock", "minimum_size", "gzip_fallback", "excluded_handlers"]
    found = inspect.signature(BrotliMiddleware).parameters
    assert list(found) == names
    assert ask(BrotliMiddleware(text(), 5, "generic", 20, 18, 100, False, ["^/x"])).body == TEXT


def test_constructing_starts_no_thread() -> None:
    before = threading.active_count()
    for make in (CompressionMiddleware, GZipMiddleware, BrotliMiddleware):
        make(text())
    assert threading.active_count() == before


# --- packages that are absent -----------------------------------------------------------------------------------------


def without(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    for package in packages:
        monkeypatch.setitem(sys.modules, package, None)


ZSTD = ("compression", "backports")

FALLBACKS: list[tuple[str, tuple[str, ...], str]] = [
    ("nothing", (), "zstd"),
    ("zstd", ZSTD, "br"),
    ("brotli", ("brotli",), "zstd"),
    ("zstd and brotli", (*ZSTD, "brotli"), "gzip"),
    ("all, and isal", (*ZSTD, "brotli", "isal"), "gzip"),
]


@pytest.mark.parametrize(("sentence", "absent", "coding"), FALLBACKS, ids=ids(FALLBACKS))
def test_codings_of_none_do_without_what_is_absent(
    monkeypatch: pytest.MonkeyPatch, sentence: str, absent: tuple[str, ...], coding: str
) -> None:
    without(monkeypatch, *absent)
    middleware = CompressionMiddleware(text(), levels={"zstd": 4, "br": 5})
    exchange = ask(middleware)
    monkeypatch.undo()
    assert exchange.header("content-encoding") == [coding]
    assert exchange.body == TEXT


@pytest.mark.parametrize(
    "make", [GZipMiddleware, lambda app: CompressionMiddleware(app, codings=["gzip"])], ids=["GZipMiddleware", "gzip"]
)
def test_gzip_always_works(monkeypatch: pytest.MonkeyPatch, make: Make) -> None:
    without(monkeypatch, *ZSTD, "brotli", "isal")
    for app, expected in ((text(), TEXT), (stream(TEXT, b"end"), TEXT + b"end")):
        exchange = ask(make(app))
        assert exchange.header("content-encoding") == ["gzip"]
        assert exchange.body == expected


MISSING: list[tuple[str, tuple[str, ...], Make, dict[str, Any], str, str]] = [
    ("zstd", ZSTD, CompressionMiddleware, {"codings": ["zstd", "gzip"]}, "zstd", "backports.zstd"),
    ("br", ("brotli",), CompressionMiddleware, {"codings": ["gzip", "br"]}, "brotli", "brotli"),
    ("BrotliMiddleware", ("brotli",), BrotliMiddleware, {}, "brotli", "brotli"),
    ("BrotliMiddleware with options", ("brotli",), BrotliMiddleware, {"quality": 5}, "brotli", "brotli"),
]


@pytest.mark.parametrize(("sentence", "absent", "make", "options", "extra", "package"), MISSING, ids=ids(MISSING))
def test_a_package_that_is_asked_for_and_absent_is_named(
    monkeypatch: pytest.MonkeyPatch,
    sentence: str,
    absent: tuple[str, ...],
    make: Make,
    options: dict[str, Any],
    extra: str,
    package: str,
) -> None:
    without(monkeypatch, *absent)
    with pytest.raises(MissingExtra) as refusal:
        make(text(), **options)
    assert refusal.value.extra == extra
    assert refusal.value.owner == make.__name__
    (problem,) = refusal.value.problems
    assert problem.rule == f"needs the package {package}"
    assert problem.remedy == f"install it: pip install 'asgi-middleware[{extra}]'"
    # The option is one that the reader can find.
    assert problem.option in inspect.signature(make).parameters


def test_other_problems_are_told_before_a_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "brotli")
    with pytest.raises(ConfigError) as refusal:
        CompressionMiddleware(text(), codings=["br"], minimum_size=-1)
    assert "minimum_size" in [problem.option for problem in refusal.value.problems]


def test_a_middleware_made_with_a_package_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    middleware = CompressionMiddleware(stream(TEXT, b"end"))
    without(monkeypatch, *ZSTD, "brotli", "isal")
    exchanges = [ask(middleware, coding) for coding in ("zstd", "br", "gzip")]
    monkeypatch.undo()
    assert [exchange.body for exchange in exchanges] == [TEXT + b"end"] * 3
