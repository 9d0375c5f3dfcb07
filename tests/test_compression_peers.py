"""`compression`: where other packages go wrong, behaviour by behaviour, in our three classes.

The rows are those of a comparison of eight Python packages by one script. `seen` and `expected` compare whole answers.

Long, because it is one comparison.
"""

import copy
import gzip
from pathlib import Path
from typing import Any

import pytest

from asgi_middleware import CompressionMiddleware, GZipMiddleware

from .apps import TEXT, body, sends, start, text
from .asgi import App, Exchange, Message, drive, http
from .compressing import (
    BIG,
    CLASSES,
    EVENT_STREAM,
    EVENTS,
    EVERY,
    HINT,
    IN_PIECES,
    LENGTH,
    NOISE,
    ONE_SHOT,
    PLAIN,
    TRAILERS,
    VARIED,
    Make,
    Pairs,
    ask,
    expected,
    needs_a_thread,
    pace,
    seen,
)

# --- which coding -----------------------------------------------------------------------------------------------------

# A behaviour, the lines of Accept-Encoding, and the codings that CompressionMiddleware, GZipMiddleware and
# BrotliMiddleware give: the second has gzip only, the third no zstd.
NEGOTIATED: list[tuple[str, list[str], tuple[str | None, str | None, str | None]]] = [
    ("codings", [EVERY], ("zstd", "gzip", "br")),
    ("codings", ["br"], ("br", None, "br")),
    ("codings", ["gzip"], ("gzip", "gzip", "gzip")),
    ("codings", ["zstd"], ("zstd", None, None)),
    ("codings", ["deflate"], (None, None, None)),
    ("a coding of q=0 is refused", ["zstd;q=0, br;q=0, gzip;q=0"], (None, None, None)),
    ("a coding of q=0 is refused", ["zstd;q=0.0, br, gzip;q=0.000"], ("br", None, "br")),
    ("the order of q between codings", ["zstd;q=0.1, br;q=0.2, gzip;q=0.3"], ("gzip", "gzip", "gzip")),
    ("the order of q between codings", ["zstd;q=0.1, br;q=0.3, gzip;q=0.2"], ("br", "gzip", "br")),
    ("identity of a higher q", ["identity, zstd;q=0.9, br;q=0.9, gzip;q=0.9"], (None, None, None)),
    ("the star", ["*"], ("zstd", "gzip", "br")),
    ("the star", ["*;q=0.5, gzip"], ("gzip", "gzip", "gzip")),
    ("the star", ["*;q=0, br"], ("br", None, "br")),
    ("capitals", ["GZIP"], ("gzip", "gzip", "gzip")),
    ("capitals", ["ZSTD, BR;Q=0.5"], ("zstd", None, "br")),
    ("x-gzip", ["x-gzip"], ("gzip", "gzip", "gzip")),
    ("look-alikes", ["zstdx, notgzip, xbr, gzip2, brotli"], (None, None, None)),
    ("two lines", ["deflate", "gzip"], ("gzip", "gzip", "gzip")),
    ("two lines", ["*", "zstd;q=0"], ("br", "gzip", "br")),
    ("Vary when the client sends no Accept-Encoding", [], (None, None, None)),
]


@pytest.mark.parametrize("place", range(3), ids=[found.id for found in CLASSES])
@pytest.mark.parametrize(
    ("behaviour", "lines", "codings"), NEGOTIATED, ids=[f"{row[0]}: {row[1]}" for row in NEGOTIATED]
)
def test_negotiated(behaviour: str, lines: list[str], codings: tuple[str | None, ...], place: int) -> None:
    make, coding = CLASSES[place].values[0], codings[place]
    exchange = ask(make(text()), None, [("accept-encoding", line) for line in lines])
    headers = ONE_SHOT if coding else {**VARIED, "content-length": str(len(TEXT))}
    assert seen(exchange) == expected([start(200, headers), body()], coding)


# --- the whole answer -------------------------------------------------------------------------------------------------

FIFTEEN = [start(200, [PLAIN, (b"content-length", b"15")]), body(b"fifteen", more=True), body(b" letters")]
PIECES = [*[body(event, more=True) for event in EVENTS], body(b"")]
OCTETS = [start(200, [(b"content-type", b"application/octet-stream")]), body()]
ENCODED = gzip.compress(TEXT, mtime=0)
UNTYPED = [start(200, []), body()]
STREAM_OF_EVENTS = [start(200, EVENT_STREAM), *PIECES]

Answer = list[Message] | None

# A behaviour, what is special, the app's messages, and the whole answer; None where it is what the app sent.
ANSWERS: list[tuple[str, str, list[Message], Answer]] = [
    (
        "a strong ETag is made weak",
        "strong",
        [start(200, [PLAIN, (b"etag", b'"a"')]), body()],
        [start(200, {**ONE_SHOT, "etag": 'W/"a"'}), body()],
    ),
    (
        "a strong ETag is made weak",
        "weak",
        [start(200, [PLAIN, (b"etag", b'W/"a"')]), body()],
        [start(200, {**ONE_SHOT, "etag": 'W/"a"'}), body()],
    ),
    (
        "Accept-Ranges is removed",
        "bytes",
        [start(200, [PLAIN, LENGTH, (b"accept-ranges", b"bytes")]), body()],
        [start(200, ONE_SHOT), body()],
    ),
    (
        "206 is untouched",
        "a range",
        [start(206, [PLAIN, (b"content-range", b"bytes 0-2879/9000"), (b"etag", b'"a"')]), body()],
        None,
    ),
    ("204 as a stream", "empty", [start(204, []), body(b"", more=True), body(b"")], None),
    (
        "304 has the same Vary and a weak ETag",
        "strong",
        [start(304, [(b"etag", b'"a"'), (b"vary", b"Cookie")]), body(b"")],
        [start(304, {"etag": 'W/"a"', "vary": "Cookie, Accept-Encoding"}), body(b"")],
    ),
    ("no-transform", "of the response", [start(200, [PLAIN, (b"cache-control", b"no-transform")]), body()], None),
    ("a digest is not made stale", "Content-Digest", [start(200, [PLAIN, (b"content-digest", b"x")]), body()], None),
    ("a digest is not made stale", "Repr-Digest", [start(200, [PLAIN, (b"repr-digest", b"x")]), body()], None),
    ("a digest is not made stale", "Content-MD5", [start(200, [PLAIN, (b"content-md5", b"eA==")]), body()], None),
    (
        "encoded already",
        "gzip",
        [start(200, [PLAIN, (b"content-encoding", b"gzip")]), body(ENCODED)],
        [start(200, [PLAIN, (b"content-encoding", b"gzip")]), body(TEXT)],
    ),
    ("encoded already", "compress", [start(200, [PLAIN, (b"content-encoding", b"compress")]), body()], None),
    (
        "names in mixed case",
        "Django's",
        [
            start(
                200,
                [
                    (b"Content-Type", b"text/plain"),
                    (b"Content-Length", LENGTH[1]),
                    (b"Vary", b"Cookie"),
                    (b"ETag", b'"a"'),
                ],
            ),
            body(),
        ],
        [start(200, {**ONE_SHOT, "vary": "Cookie, Accept-Encoding", "etag": 'W/"a"'}), body()],
    ),
    (
        "names in mixed case",
        "encoded already",
        [start(200, [PLAIN, (b"Content-Encoding", b"gzip")]), body(ENCODED)],
        [start(200, [PLAIN, (b"content-encoding", b"gzip")]), body(TEXT)],
    ),
    (
        "Vary",
        "two lines",
        [start(200, [PLAIN, (b"vary", b"Cookie"), (b"vary", b"Origin")]), body()],
        [start(200, {**ONE_SHOT, "vary": "Cookie, Origin, Accept-Encoding"}), body()],
    ),
    (
        "Vary",
        "a star",
        [start(200, [PLAIN, (b"vary", b"*")]), body()],
        [start(200, {**ONE_SHOT, "vary": "*"}), body()],
    ),
    (
        "Vary",
        "named already",
        [start(200, [PLAIN, (b"vary", b"Cookie, accept-encoding")]), body()],
        [start(200, {**ONE_SHOT, "vary": "Cookie, accept-encoding"}), body()],
    ),
    *[
        (
            "content types",
            kind,
            [start(200, [(b"content-type", kind.encode())]), body()],
            [start(200, {**ONE_SHOT, "content-type": kind}), body()],
        )
        for kind in ("application/json", "application/problem+json", "image/svg+xml", "Text/HTML; charset=utf-8")
    ],
    ("content types", "image/png", [start(200, [(b"content-type", b"image/png")]), body()], None),
    ("content types", "application/octet-stream", OCTETS, None),
    ("content types", "none", UNTYPED, None),
    ("a small body with its length, as a stream", "15 bytes", FIFTEEN, None),
    (
        "the whole body in the first message",
        "more is promised",
        [start(200, [PLAIN, LENGTH]), body(more=True), body(b"")],
        [start(200, ONE_SHOT), body(more=True), body(b"")],
    ),
    (
        "what does not shrink",
        "4 KiB",
        [start(200, [PLAIN, (b"content-length", b"4096")]), body(NOISE)],
        [start(200, {**VARIED, "content-length": "4096"}), body(NOISE)],
    ),
    (
        "headers as a tuple",
        "of lists",
        [start(200, ([b"content-type", b"text/plain"],)), body()],
        [start(200, ONE_SHOT), body()],
    ),
    ("a body of bytearray", "one", [start(200, [PLAIN]), body(bytearray(TEXT))], [start(200, ONE_SHOT), body()]),
    (
        "trailers and early hints",
        "one shot",
        [HINT, start(200, [PLAIN, LENGTH], trailers=True), body(), TRAILERS],
        [HINT, start(200, IN_PIECES, trailers=True), body(), TRAILERS],
    ),
    (
        "trailers and early hints",
        "a stream",
        [HINT, start(200, [PLAIN], trailers=True), body(b"one", more=True), body(b"two"), TRAILERS],
        [HINT, start(200, IN_PIECES, trailers=True), body(b"one", more=True), body(b"two"), TRAILERS],
    ),
    (
        "event streams: each event decodes at once",
        "20 events",
        STREAM_OF_EVENTS,
        [start(200, {**IN_PIECES, "content-type": "text/event-stream"}), *PIECES],
    ),
    *[
        (
            "other streams: each piece decodes at once",
            kind,
            [start(200, [(b"content-type", kind.encode())]), *PIECES],
            [start(200, {**IN_PIECES, "content-type": kind}), *PIECES],
        )
        for kind in ("application/json", "application/x-ndjson", "text/plain")
    ],
]

# Where GZipMiddleware and BrotliMiddleware answer otherwise: by the list of what is not compressed, as in Starlette.
OTHERWISE: list[tuple[list[Message], Answer]] = [
    (OCTETS, [start(200, {**ONE_SHOT, "content-type": "application/octet-stream"}), body()]),
    (UNTYPED, [start(200, {name: value for name, value in ONE_SHOT.items() if name != "content-type"}), body()]),
    (STREAM_OF_EVENTS, None),
]


@pytest.mark.parametrize(("make", "coding"), CLASSES)
@pytest.mark.parametrize(
    ("behaviour", "special", "messages", "answer"), ANSWERS, ids=[f"{row[0]}: {row[1]}" for row in ANSWERS]
)
def test_answers(
    behaviour: str, special: str, messages: list[Message], answer: Answer, make: Make, coding: str
) -> None:
    if make is not CompressionMiddleware:
        answer = next((other for asked, other in OTHERWISE if asked is messages), answer)
    wanted = messages if answer is None else answer
    assert seen(ask(make(sends(*messages)))) == expected(wanted, coding)


@pytest.mark.parametrize(("make", "coding"), CLASSES)
@pytest.mark.parametrize(
    ("behaviour", "special", "messages", "answer"), ANSWERS, ids=[f"{row[0]}: {row[1]}" for row in ANSWERS]
)
def test_head_is_answered_as_get_without_length_and_body(
    behaviour: str, special: str, messages: list[Message], answer: Answer, make: Make, coding: str
) -> None:
    get, head = ask(make(sends(*messages))), ask(make(sends(*messages)), method="HEAD")
    if behaviour == "what does not shrink":  # which takes the work to see that HEAD saves
        wanted = expected([start(200, IN_PIECES), body(b"")], coding)
    elif get.header("content-encoding") != [coding] or messages[1].get("body") == ENCODED:
        wanted = seen(get)  # as the app sends it, and a server leaves the body out
    else:
        wanted = [{**message, "body": b""} if "body" in message else message for message in seen(get)]
        (first,) = (message for message in wanted if message["type"] == "http.response.start")
        first["headers"] = [pair for pair in first["headers"] if pair[0] != "content-length"]
    assert seen(head) == wanted


# --- what takes more than one answer ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("make", "coding"), CLASSES)
def test_no_transform_of_the_request(make: Make, coding: str) -> None:
    messages = [start(200, [PLAIN, LENGTH, (b"etag", b'"a"'), (b"accept-ranges", b"bytes")]), body()]
    assert seen(ask(make(sends(*messages)), EVERY, [("cache-control", "no-transform")])) == expected(messages)


@pytest.mark.parametrize(("make", "coding"), CLASSES)
def test_a_constant_list_of_headers_is_not_edited(make: Make, coding: str) -> None:
    messages = [start(200, [PLAIN, LENGTH]), body()]
    before = copy.deepcopy(messages)
    middleware = make(sends(*messages))
    for _ in range(2):
        assert seen(ask(middleware)) == expected([start(200, ONE_SHOT), body()], coding)
        assert seen(ask(middleware, None)) == expected(
            [start(200, {**VARIED, "content-length": str(len(TEXT))}), body()]
        )
    assert messages == before


def sends_a_file(path: Path, extension: str) -> App:
    """A file as a framework sends it: by the extension where the server has it, else by its bytes."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        data = path.read_bytes()  # noqa: ASYNC240  # a few bytes in a test
        await send(start(200, [PLAIN, (b"content-length", b"%d" % len(data)), (b"etag", b'"a"')]))
        if extension not in scope.get("extensions", {}):
            await send(body(data))
        elif extension == "http.response.pathsend":
            await send({"type": extension, "path": str(path)})
        else:
            with path.open("rb") as file:  # the server reads it before send returns
                await send({"type": extension, "file": file, "more_body": False})

    return app


def fetched(exchange: Exchange) -> bytes:
    """What reaches the client, by whichever message."""
    files = [message for message in exchange.sent if message["type"] == "http.response.pathsend"]
    return b"".join(Path(message["path"]).read_bytes() for message in files) or exchange.body


@pytest.mark.parametrize("extension", ["http.response.pathsend", "http.response.zerocopysend"])
@pytest.mark.parametrize("accept", [EVERY, "gzip", None])
@pytest.mark.parametrize(("make", "coding"), CLASSES)
def test_a_file_reaches_the_client(make: Make, coding: str, accept: str | None, extension: str, tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_bytes(TEXT)
    headers = [] if accept is None else [("accept-encoding", accept)]
    offered: Any = {} if accept is None and "zero" in extension else {extension: {}}  # its file cannot be kept
    exchange = drive(make(sends_a_file(path, extension)), http(headers=headers, extensions=offered), loop="asyncio")
    assert exchange.error is None
    assert fetched(exchange) == TEXT
    encoded = exchange.header("content-encoding") != []
    assert exchange.header("vary") == ["Accept-Encoding"]
    assert exchange.header("etag") == ['W/"a"' if encoded else '"a"']
    assert encoded or exchange.header("content-length") == [str(len(TEXT))]


@pytest.mark.parametrize(("make", "coding"), CLASSES)
def test_the_headers_of_an_event_stream_are_early(make: Make, coding: str) -> None:
    _, counts = pace(make, STREAM_OF_EVENTS)
    assert counts == [*range(1, len(STREAM_OF_EVENTS) + 1)]


@pytest.mark.parametrize(("make", "coding"), CLASSES)
def test_big_bodies_go_to_a_thread(make: Make, coding: str) -> None:
    app = text(BIG)
    assert needs_a_thread(make(app))
    exchange = drive(make(app), http(headers=[("accept-encoding", EVERY)]), loop="asyncio")
    assert seen(exchange) == expected([start(200, ONE_SHOT), body(BIG)], coding)


@pytest.mark.parametrize(("make", "coding"), CLASSES)
def test_nothing_is_padded(make: Make, coding: str) -> None:
    # Against BREACH some peers pad at random; here the application opts out by Content-Encoding: identity.
    middleware = make(text(TEXT, [("content-type", "text/plain"), ("set-cookie", "a=1")]))
    assert len({ask(middleware).raw_body for _ in range(5)}) == 1
    identity: Pairs = [PLAIN, (b"set-cookie", b"a=1"), (b"content-encoding", b"identity")]
    opted_out = seen(ask(make(sends(start(200, identity), body()))))
    assert opted_out == expected([start(200, identity[:2]), body()])


@pytest.mark.parametrize(("make", "coding"), CLASSES)
def test_an_encoded_request_is_not_touched(make: Make, coding: str) -> None:
    received: list[Message] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        received.append(await receive())
        await text()(scope, receive, send)

    request = {"type": "http.request", "body": b"\x1f\x8b bomb", "more_body": False}
    headers = [("accept-encoding", EVERY), ("content-encoding", "gzip")]
    exchange = drive(make(app), http(method="POST", headers=headers), [request])
    assert received == [request]
    assert received[0] is request
    assert seen(exchange) == expected([start(200, ONE_SHOT), body()], coding)


# --- the checks can fail ----------------------------------------------------------------------------------------------


def test_every_behaviour_of_the_comparison_is_asked_for() -> None:
    singly = {
        "HEAD: headers as GET, no work": test_head_is_answered_as_get_without_length_and_body,
        "a constant list of headers": test_a_constant_list_of_headers_is_not_edited,
        "pathsend and zerocopysend": test_a_file_reaches_the_client,
        "offload": test_big_bodies_go_to_a_thread,
        "padding": test_nothing_is_padded,
        "requests": test_an_encoded_request_is_not_touched,
    }
    # 36 lines of the comparison; pathsend and zerocopysend are two of them.
    assert len({row[0] for row in NEGOTIATED} | {row[0] for row in ANSWERS} | {*singly}) == 36 - 1


def broken(exchange: Exchange, fault: str) -> Exchange:
    """The same answer with one fault that a peer has."""
    sent = copy.deepcopy(exchange.sent)
    headers: Pairs = sent[0]["headers"]
    if fault == "a second Content-Length":
        headers.append((b"Content-Length", b"%d" % len(TEXT)))
    elif fault == "the length of the app":
        sent[0]["headers"] = [(name, LENGTH[1] if name == b"content-length" else value) for name, value in headers]
    elif fault == "no Vary":
        sent[0]["headers"] = [pair for pair in headers if pair[0] != b"vary"]
    elif fault == "an empty message more":
        sent.append(body(b""))
    elif fault == "another coding is named":
        sent[0]["headers"] = [(name, b"br" if name == b"content-encoding" else value) for name, value in headers]
    elif fault == "not encoded":
        sent[1]["body"] = TEXT
    elif fault == "cut off":
        sent[1]["body"] = sent[1]["body"][:-4]
    return Exchange(exchange.scope, sent)


FAULTS = [
    "a second Content-Length",
    "the length of the app",
    "no Vary",
    "an empty message more",
    "another coding is named",
    "not encoded",
    "cut off",
]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_seen(fault: str) -> None:
    right = ask(GZipMiddleware(text()))
    wanted = expected([start(200, ONE_SHOT), body()], "gzip")
    assert seen(broken(right, "none")) == wanted
    try:
        found = seen(broken(right, fault))
    except Exception as error:
        found = [{"type": type(error).__name__}]
    assert found != wanted
