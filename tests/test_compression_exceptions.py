"""`compression`: what is left alone, what only resembles it, and what does not get smaller."""

import pytest

from asgi_middleware import BrotliMiddleware, CompressionMiddleware, GZipMiddleware

from .apps import TEXT, body, sends, start, text
from .asgi import Message, plain
from .compressing import CLASSES, EVERY, LENGTH, NOISE, PLAIN, Make, Pairs, ask, bodies, ids

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
