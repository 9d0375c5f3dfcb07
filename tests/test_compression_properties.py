"""`compression`: any response and any conversation, at random, say to a client what the app says."""

import copy
import random
from collections.abc import Callable
from typing import Any

import pytest

from asgi_middleware import BrotliMiddleware, CompressionMiddleware, GZipMiddleware

from .apps import body, sends, start
from .asgi import Exchange, Message, decode, drive, plain
from .compressing import (
    CLASSES,
    DEBUG,
    EVERY,
    HINT,
    PLAIN,
    PUSH,
    TRAILERS,
    UNKNOWN,
    WORDS,
    Make,
    Pairs,
    ask,
    bodies,
    decoder,
    ids,
    seeded,
)


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
    minimum = {"CompressionMiddleware": 1024, "GZipMiddleware": 500, "BrotliMiddleware": 400}[make.__name__]
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


def forgetful(name: bytes) -> Make:
    """A GZipMiddleware whose answers lack one header."""

    class Forgetful(GZipMiddleware):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            async def without(message: Any) -> None:
                if message["type"] == "http.response.start":
                    kept = [pair for pair in message["headers"] if pair[0].lower() != name]
                    message = {**message, "headers": kept}
                await send(message)

            await super().__call__(scope, receive, without)

    Forgetful.__name__ = "GZipMiddleware"
    return Forgetful


@pytest.mark.parametrize("name", [b"vary", b"etag", b"content-encoding", b"content-type", b"x-kept"])
def test_a_response_that_lacks_a_header_is_found(name: bytes) -> None:
    with pytest.raises(AssertionError):
        test_any_response_decodes_to_what_the_app_sent(forgetful(name), "gzip", 0)
    test_any_response_decodes_to_what_the_app_sent(forgetful(b"x-never"), "gzip", 0)


# --- any conversation, at random --------------------------------------------------------------------------------------

# Who is asked: a class, and Accept-Encoding; the coding that it must give where it gives any.
ASKED: list[Any] = [
    pytest.param(CompressionMiddleware, "zstd", "zstd", id="CompressionMiddleware, zstd"),
    pytest.param(CompressionMiddleware, "br", "br", id="CompressionMiddleware, br"),
    pytest.param(CompressionMiddleware, "gzip", "gzip", id="CompressionMiddleware, gzip"),
    pytest.param(GZipMiddleware, EVERY, "gzip", id="GZipMiddleware, gzip"),
    pytest.param(BrotliMiddleware, EVERY, "br", id="BrotliMiddleware, br"),
    pytest.param(BrotliMiddleware, "gzip", "gzip", id="BrotliMiddleware, gzip"),
    pytest.param(CompressionMiddleware, "identity", None, id="CompressionMiddleware, none"),
]
BETWEEN = [HINT, PUSH, DEBUG, UNKNOWN]
BODY = "http.response.body"


def any_conversation(chance: random.Random) -> list[Message]:
    """All that an app sends for one request: hints, a start, pieces, trailers, and messages of extensions between."""
    status = chance.choice([200] * 8 + [404, 206, 204, 304])
    whole = b"" if status in (204, 304) else any_body(chance) * chance.choice([1, 3, 5])
    pieces = any_pieces(chance, whole)
    kind = chance.choice([b"text/html"] * 3 + [b"application/json"] * 2 + [b"text/event-stream"] * 2 + [b"image/png"])
    headers: Pairs = [(any_case(chance, "content-type"), kind)]
    if chance.random() < 0.5:
        headers.append((any_case(chance, "content-length"), b"%d" % len(whole)))
    if chance.random() < 0.3:
        headers.append((b"etag", b'"a"'))
    trailers = chance.random() < 0.2
    first = start(status, headers, trailers=True) if trailers else start(status, headers)
    messages: list[Message] = [body(piece, more=True) for piece in pieces]
    messages[-1] = {**messages[-1], "more_body": False}
    for _ in range(chance.choice([0, 0, 0, 1, 2])):
        place = chance.randrange(len(messages) + 1) if chance.random() < 0.3 else len(messages) - 1
        messages.insert(place, chance.choice(BETWEEN))
    before = [HINT, DEBUG][: chance.choice([0, 0, 1, 2])]
    return [*before, first, *messages, *([TRAILERS] if trailers else [])]


def by_number(messages: list[Message]) -> list[Message]:
    """The same, each message with a number, by which it is known again."""
    return [{**message, "number": number} for number, message in enumerate(messages)]


def faults_of(messages: list[Message], exchange: Exchange, coding: str | None, *, head: bool) -> list[str]:
    """What is wrong with what was sent for these messages, as far as any middleware of this kind owes it."""
    faults: list[str] = []
    sent = exchange.sent
    if exchange.error is not None:
        faults.append(f"raised {exchange.error!r}")
    if [message.get("number") for message in sent] != [message["number"] for message in messages]:
        return [*faults, "a message is lost, doubled or moved"]
    for given, found in zip(messages, sent, strict=True):
        kept = {name: value for name, value in given.items() if name not in ("headers", "body")}
        if {name: value for name, value in found.items() if name not in ("headers", "body")} != kept:
            faults.append("a key is changed")
        if given["type"] not in ("http.response.start", BODY) and plain(given) != found:
            faults.append("another's message is changed")

    lengths, codings = exchange.header("content-length"), exchange.header("content-encoding")
    app = drive(sends(*messages))
    given_pieces, pieces = bodies(app), bodies(exchange)
    whole, raw = b"".join(given_pieces), exchange.raw_body
    if codings not in ([], [coding]):
        return [*faults, "a coding that nobody asked for"]
    if not codings:
        if pieces != given_pieces:
            faults.append("an unencoded body is changed")
        if lengths != app.header("content-length") and exchange.status != 304:
            faults.append("an unencoded length is changed")
        return faults

    if lengths and (head or exchange.start.get("trailers") or lengths != [str(len(raw))]):
        faults.append("a length that is not the body's")
    if head:
        return [*faults, "HEAD has a body"] if raw else faults
    known = app.header("content-length") != [] and app.header("content-type") != ["text/event-stream"]
    read, so_far = decoder(codings[0]), b""
    try:
        for number, piece in enumerate(pieces):
            so_far += read(piece) if piece else b""
            due = b"".join(given_pieces[: number + 1])
            if so_far != due and not (known and due.startswith(so_far)):
                faults.append("a piece is held back")
        if decode(raw, codings) != whole:
            faults.append("the body is another")
    except Exception as error:
        faults.append(f"does not decode: {type(error).__name__}")
    if so_far != whole:
        faults.append("the body does not arrive")
    return faults


@pytest.mark.parametrize(("make", "accept", "coding"), ASKED)
@pytest.mark.parametrize("seed", range(4))
def test_any_conversation_says_what_the_app_says(make: Make, accept: str, coding: str | None, seed: int) -> None:
    chance = seeded(1000 + seed)
    encoded = 0
    for number in range(60):
        messages = by_number(any_conversation(chance))
        before = copy.deepcopy(messages)
        middleware = make(sends(*messages))
        get, head = ask(middleware, accept), ask(middleware, accept, method="HEAD")
        case = (seed, number, messages)
        assert faults_of(messages, get, coding, head=False) == [], case
        assert faults_of(messages, head, coding, head=True) == [], case
        assert messages == before, case
        encoded += get.header("content-encoding") != []
        # That a body does not shrink only the work tells that HEAD saves; nothing tells that it is empty.
        if get.header("content-encoding") == head.header("content-encoding") and get.raw_body:
            assert [pair for pair in head.headers if pair[0] != "content-length"] == [
                pair for pair in get.headers if pair[0] != "content-length"
            ], case
    assert (encoded > 10) is (coding is not None)


# --- the checks can fail ----------------------------------------------------------------------------------------------


def recode(exchange: Exchange, change: Callable[[list[Message]], Any]) -> Exchange:
    """The same answer after `change` has edited its messages in place."""
    sent = copy.deepcopy(exchange.sent)
    change(sent)
    return Exchange(exchange.scope, sent)


def put(name: bytes, value: bytes) -> Callable[[list[Message]], Any]:
    def change(sent: list[Message]) -> None:
        sent[1]["headers"] = [pair for pair in sent[1]["headers"] if pair[0].lower() != name] + [(name, value)]

    return change


def hold_back(sent: list[Message]) -> None:
    sent[4]["body"], sent[2]["body"] = sent[2]["body"] + sent[4]["body"], b""


def repeat_a_piece(sent: list[Message]) -> None:
    sent[4]["body"] += sent[2]["body"]


BROKEN: list[tuple[str, Callable[[list[Message]], Any], str]] = [
    ("a message is lost", lambda sent: sent.pop(3), "a message is lost, doubled or moved"),
    ("a message is doubled", lambda sent: sent.insert(3, sent[3]), "a message is lost, doubled or moved"),
    ("two messages change places", lambda sent: sent.insert(4, sent.pop(3)), "a message is lost, doubled or moved"),
    ("the start loses a key", lambda sent: sent[1].pop("trailers"), "a key is changed"),
    ("a piece promises no more", lambda sent: sent[2].update(more_body=False), "a key is changed"),
    ("a push is edited", lambda sent: sent[3].update(headers=[(b"a", b"b")]), "another's message is changed"),
    ("a second coding", lambda sent: sent[1]["headers"].append((b"content-encoding", b"gzip")), "a coding that nobody"),
    ("another coding", put(b"content-encoding", b"br"), "a coding that nobody"),
    ("nothing at all", put(b"content-encoding", b"gzip"), ""),
    ("a length with trailers", put(b"content-length", b"1"), "a length that is not the body's"),
    ("a piece is held back", hold_back, "a piece is held back"),
    ("a piece is lost", lambda sent: sent[2].update(body=b""), "does not decode"),
    ("the end is cut off", lambda sent: sent[5].update(body=b""), "does not decode"),
    ("a piece is repeated", repeat_a_piece, "does not decode"),
    ("not encoded at all", lambda sent: sent[2].update(body=b"one"), "does not decode"),
]
CONVERSATION = by_number(
    [
        HINT,
        start(200, [PLAIN], trailers=True),
        body(b"one and a little more", more=True),
        PUSH,
        body(b"two and a little more", more=True),
        body(b"three"),
        TRAILERS,
    ]
)


@pytest.mark.parametrize(("sentence", "change", "fault"), BROKEN, ids=ids(BROKEN))
def test_a_broken_conversation_is_found(sentence: str, change: Callable[[list[Message]], Any], fault: str) -> None:
    right = ask(GZipMiddleware(sends(*CONVERSATION)))
    assert faults_of(CONVERSATION, right, "gzip", head=False) == []
    found = faults_of(CONVERSATION, recode(right, change), "gzip", head=False)
    assert any(fault in one for one in found) if fault else found == []


def test_a_head_with_a_body_or_a_length_is_found() -> None:
    middleware = GZipMiddleware(sends(*CONVERSATION))
    assert "HEAD has a body" in faults_of(CONVERSATION, ask(middleware), "gzip", head=True)
    head = recode(ask(middleware, method="HEAD"), put(b"content-length", b"0"))
    assert faults_of(CONVERSATION, head, "gzip", head=True) == ["a length that is not the body's"]


def test_an_unencoded_answer_that_is_changed_is_found() -> None:
    messages = by_number([HINT, start(200, [PLAIN, (b"content-length", b"3")]), body(b"one")])
    right = ask(GZipMiddleware(sends(*messages)))
    assert faults_of(messages, right, "gzip", head=False) == []
    other = recode(right, lambda sent: sent[2].update(body=b"two"))
    assert faults_of(messages, other, "gzip", head=False) == ["an unencoded body is changed"]
    longer = recode(right, put(b"content-length", b"4"))
    assert faults_of(messages, longer, "gzip", head=False) == ["an unencoded length is changed"]
    raised = Exchange(right.scope, right.sent, error=OSError())
    assert faults_of(messages, raised, "gzip", head=False) == ["raised OSError()"]
