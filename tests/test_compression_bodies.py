"""`compression`: a body known whole keeps a length; every piece of a stream decodes on arrival; every level decodes."""

import pytest

from asgi_middleware import CompressionMiddleware

from .apps import TEXT, body, sends, start, stream, text
from .asgi import App, Message
from .compressing import CLASSES, EVENTS, LENGTH, NOISE, PLAIN, WAYS, Make, ask, bodies, decoder, ids

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
