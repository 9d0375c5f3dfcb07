"""`compression`: exact headers of one shot, of a stream, of 304 and with trailers."""

import pytest

from asgi_middleware import CompressionMiddleware

from .apps import TEXT, body, sends, start
from .asgi import plain
from .compressing import CLASSES, EVERY, LENGTH, PLAIN, Make, Pairs, ask, bodies, ids

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
