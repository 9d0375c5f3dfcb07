"""`compression`: which coding a client gets, by a table and by a second implementation.

Long, because it is two tables.
"""

import random
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest

from asgi_middleware import BrotliMiddleware, CompressionMiddleware, GZipMiddleware
from asgi_middleware.compression.negotiation import choose, negotiate

from .apps import TEXT, text
from .asgi import drive, http
from .compressing import Make, ask, ids, seeded
from .negotiation_model import by_the_rfc, read

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
    (b"gzip;q= 0.5", None),
    (b"gzip;q =0.5", None),
    (b"gzip;q\t=\t1", None),
    (b"gzip ; q=0.5\t", b"gzip"),
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
    (b"gzip;q=x", None),
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
    (b"zstd;q=-1, *;q=0.5", b"zstd"),
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


NAMES = ["zstd", "br", "gzip", "x-gzip", "identity", "*", "deflate", "GZip", "BR", "zstdx", "", "g zip", "\xff", '"br"']
WEIGHTS = [
    "0",
    "1",
    "0.",
    "1.",
    "0.5",
    "0.50",
    "0.501",
    "0.001",
    "1.000",
    "1.001",
    "2",
    "x",
    "",
    "-1",
    "0.0000",
    "0.5 x",
]
OTHERS = [";level=1", ";level", ";", ";=", ' ; q2="0"', ";quality=0", ";q=0.5", ";q"]


def any_field(chance: random.Random) -> bytes:
    """A field that is mostly in the grammar, and at times hurt in one letter."""
    members: list[str] = []
    for _ in range(chance.randrange(7)):
        blank = chance.choice(["", "", " ", "\t", " \t "])
        member = blank + chance.choice(NAMES) + chance.choice(["", blank])
        if chance.random() < 0.1:
            member += chance.choice(OTHERS)
        if chance.random() < 0.6:
            member += f"{blank};{blank}{chance.choice('qQ')}={chance.choice(WEIGHTS)}{blank}"
        if chance.random() < 0.1:
            member += chance.choice(OTHERS)
        members.append(member)
    field = ",".join(members)
    if field and chance.random() < 0.1:
        place = chance.randrange(len(field))
        field = field[:place] + chance.choice([*"zq*;,.01-", "\x00", "\xb2"]) + field[place + 1 :]
    return field.encode("latin-1")


def any_fields(count: int) -> Iterator[tuple[bytes, tuple[bytes, ...]]]:
    chance = seeded(20240611)
    for _ in range(count):
        yield any_field(chance), tuple(chance.sample(OFFERED, chance.randrange(1, 4)))


def test_two_implementations_of_negotiation_agree_on_random_fields() -> None:
    answers = set()
    for accept, offered in any_fields(8_000):
        answer = negotiate(accept, offered)
        assert answer == by_the_rfc(accept, offered), (accept, offered)
        assert answer == choose(accept, offered) == choose(accept, offered), (accept, offered)  # and from memory
        answers.add(answer)
    assert answers == {None, *OFFERED}


# --- the checks can fail ----------------------------------------------------------------------------------------------

Negotiate: TypeAlias = Callable[[bytes | None, tuple[bytes, ...]], bytes | None]


def by_substring(accept: bytes | None, offered: tuple[bytes, ...]) -> bytes | None:
    """As most peers do it: whatever the field has in it."""
    return next((coding for coding in offered if coding in (accept or b"")), None)


def by_word(accept: bytes | None, offered: tuple[bytes, ...]) -> bytes | None:
    """As Django does it."""
    return next((coding for coding in offered if re.search(rb"\b%s\b" % coding, accept or b"")), None)


def edited(pattern: bytes, replacement: bytes) -> Negotiate:
    """Right, but for a field that is misread before."""

    def wrong(accept: bytes | None, offered: tuple[bytes, ...]) -> bytes | None:
        return by_the_rfc(re.sub(pattern, replacement, accept or b""), offered)

    return wrong


def in_the_clients_order(accept: bytes | None, offered: tuple[bytes, ...]) -> bytes | None:
    field = (accept or b"").lower()
    return by_the_rfc(accept, tuple(sorted(offered, key=lambda coding: field.find(coding) % 10_000)))


def the_last_of_a_name_counts(accept: bytes | None, offered: tuple[bytes, ...]) -> bytes | None:
    return by_the_rfc(b",".join(reversed((accept or b"").split(b","))), offered)


def identity_wins_ties(accept: bytes | None, offered: tuple[bytes, ...]) -> bytes | None:
    said = [(member.name(), member.thousandths()) for member in read((accept or b"").decode("latin-1"))]
    weights = {name: weight for name, weight in reversed(said) if weight is not None}
    best = max(weights.get(coding.decode(), weights.get("*", 0)) for coding in offered)
    return None if weights.get("identity", 0) >= best else by_the_rfc(accept, offered)


def refused_identity_takes_the_first(accept: bytes | None, offered: tuple[bytes, ...]) -> bytes | None:
    refused = re.search(rb"(?i)(identity|\*)[ \t]*;[ \t]*q=0(\.0*)?[ \t]*(,|$)", accept or b"")
    return by_the_rfc(accept, offered) or (offered[0] if refused else None)


MISREADINGS: list[tuple[str, Negotiate]] = [
    ("a coding is found within other words", by_substring),
    ("a refused coding is given", by_word),
    ("weights are ignored", edited(rb";[^,]*", b"")),
    ("only a weight of nought is read", edited(rb"(?i);[ \t]*q=(0\.[0-9]*[1-9]|1)[^,]*", b"")),
    ("weights have one decimal", edited(rb"(0\.[0-9])[0-9]{1,2}(?=[ \t]*(,|;|$))", rb"\1")),
    ("a weight above one is one", edited(rb"(?i)q=(2|1\.001)(?=[ \t]*(,|;|$))", b"q=1")),
    ("a weight below nought is nought", edited(rb"(?i)q=-[0-9]", b"q=0")),
    ("a malformed weight is none", edited(rb"(?i)q=x", b"q=1")),
    ("a malformed weight is nought", edited(rb"(?i)q=x", b"q=0")),
    ("Q is no q", edited(rb"Q=", b"R=")),
    ("a blank before a weight hides it", edited(rb";[ \t]+q=", b";r=")),
    ("a tab is no blank", edited(rb"\t", b"\x00")),
    ("the star stands for nothing", edited(rb"\*", b"none")),
    ("the star stands for all", edited(rb"[^,]*\*[ \t]*(;[^,]*)?(,|$)", b"zstd,br,gzip")),
    ("identity is not read", edited(rb"(?i)identity", b"none")),
    ("capitals are not read", edited(rb"[A-Z]", b"none")),
    ("x-gzip is unknown", edited(rb"(?i)x-gzip", b"none")),
    ("an empty member ends the list", edited(rb",[ \t]*,.*", b"")),
    ("only the first member is read", edited(rb",.*", b"")),
    ("the client's order breaks ties", in_the_clients_order),
    ("the last of a name counts", the_last_of_a_name_counts),
    ("identity wins ties", identity_wins_ties),
    ("where identity is refused, any coding is given", refused_identity_takes_the_first),
]


@pytest.mark.parametrize(("sentence", "wrong"), MISREADINGS, ids=ids(MISREADINGS))
def test_a_misreading_is_found_by_the_table_and_by_random_fields(sentence: str, wrong: Negotiate) -> None:
    assert [accept for accept, expected in NEGOTIATION if wrong(accept, OFFERED) != expected]
    assert any(wrong(accept, offered) != negotiate(accept, offered) for accept, offered in any_fields(8_000))


# --- the field and the classes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("length", "coding"), [(1024, b"gzip"), (1025, None)])
def test_a_field_longer_than_any_list_of_codings_gets_identity(length: int, coding: bytes | None) -> None:
    accept = b"gzip, " + b"x" * (length - 6)
    assert choose(accept, OFFERED) == coding
    exchange = drive(CompressionMiddleware(text()), {**http(), "headers": [(b"accept-encoding", accept)]})
    assert exchange.header("content-encoding") == ([coding.decode()] if coding else [])
    assert exchange.header("vary") == ["Accept-Encoding"]
    assert exchange.body == TEXT


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
