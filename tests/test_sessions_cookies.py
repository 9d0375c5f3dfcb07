"""Which signed cookies are believed, compared with an independent itsdangerous signer; and hostile ones."""

import base64
import hashlib
import json
import pickle
import random
from collections.abc import Iterable
from typing import Any

import pytest
from itsdangerous import BadSignature, Signer, TimestampSigner
from starlette.datastructures import Secret

from .apps import start
from .asgi import drive, http
from .baking import (
    KEPT,
    KEY,
    NO_STORE,
    NOW,
    OLD,
    VARY,
    Mapping,
    add,
    baked,
    coded,
    cookies,
    read,
    saved,
    signed,
    signer,
    using,
    visit,
    wrap,
)

# --- Which cookies are believed -----------------------------------------------------------------------------------

BELIEVED: list[tuple[str, str, Mapping, bool]] = [
    ("ours", baked({"a": 1}), {}, True),
    ("in quotes", f'"{baked({"a": 1})}"', {}, True),
    ("signed by the second key", baked({"a": 1}, OLD), {"secret_key": [KEY, OLD]}, True),
    ("signed by the first of two", baked({"a": 1}), {"secret_key": (KEY, OLD)}, True),
    ("signed by a key of bytes", baked({"a": 1}), {"secret_key": KEY.encode()}, True),
    ("signed by a Secret", baked({"a": 1}), {"secret_key": Secret(KEY)}, True),
    ("signed by a Secret in a list", baked({"a": 1}, OLD), {"secret_key": [KEY, Secret(OLD)]}, True),
    ("signed by a key of raw bytes", baked({"a": 1}, b"\xff" * 32), {"secret_key": b"\xff" * 32}, True),
    ("signed by a key that is listed no more", baked({"a": 1}, OLD), {}, False),
    ("signed by the list as text", baked({"a": 1}, str([KEY, OLD])), {"secret_key": [KEY, OLD]}, False),
    ("signed by no key", baked({"a": 1}, "None"), {}, False),
    ("issued under another name", signed(b'{"a":1}', name="admin"), {}, False),
    ("another TimestampSigner's of the same secret", TimestampSigner(KEY).sign(coded(b'{"a":1}')).decode(), {}, False),
    (
        "another's, SHA-256, without our salt",
        TimestampSigner(KEY, digest_method=hashlib.sha256, key_derivation="hmac").sign(coded(b'{"a":1}')).decode(),
        {},
        False,
    ),
    (
        "signed without a time",
        Signer(KEY, salt="asgi_middleware.sessions:session", key_derivation="hmac", digest_method=hashlib.sha256)
        .sign(coded(b'{"a":1}'))
        .decode(),
        {},
        False,
    ),
    ("not signed", coded(b'{"a":1}').decode(), {}, False),
    ("not signed, with empty parts", coded(b'{"a":1}').decode() + "..", {}, False),
    ("the deletion cookie's value", "null", {}, False),
    ("empty", "", {}, False),
    ("dots", "....", {}, False),
    ("percent escapes are not undone", baked({"a": 1}).replace(".", "%2e"), {}, False),
    ("as old as is allowed", baked({"a": 1}, now=NOW - 60), {"max_age": 60}, True),
    ("one second older", baked({"a": 1}, now=NOW - 61), {"max_age": 60}, False),
    ("14 days by default", baked({"a": 1}, now=NOW - 14 * 86400), {}, True),
    ("and a second", baked({"a": 1}, now=NOW - 14 * 86400 - 1), {}, False),
    ("very old, without a limit", baked({"a": 1}, now=1), {"max_age": None}, True),
    ("of this second, where the limit is 0", baked({"a": 1}), {"max_age": 0}, True),
    ("of the second before, where the limit is 0", baked({"a": 1}, now=NOW - 1), {"max_age": 0}, False),
    ("of this second, where the limit is -1", baked({"a": 1}), {"max_age": -1}, False),
    ("a minute ahead", baked({"a": 1}, now=NOW + 60), {}, True),
    ("more than a minute ahead", baked({"a": 1}, now=NOW + 61), {}, False),
    ("more than a minute ahead, without a limit", baked({"a": 1}, now=NOW + 61), {"max_age": None}, False),
    ("from beyond 32 bits", baked({"a": 1}, now=2**33), {"max_age": None}, False),
    ("from beyond the year 9999", baked({"a": 1}, now=2**40), {"max_age": None}, False),
    ("from beyond the platform's clock", baked({"a": 1}, now=2**62), {"max_age": None}, False),
    ("from beyond 64 bits, signed", baked({"a": 1}, now=2**64 - 1), {}, False),
    ("a time of zero", baked({"a": 1}, now=0), {}, False),
]


@pytest.mark.parametrize(("sentence", "value", "options", "believed"), BELIEVED, ids=[row[0] for row in BELIEVED])
def test_which_cookies_are_believed(sentence: str, value: str, options: Mapping, believed: bool) -> None:
    assert read(value, **options) == ({"a": 1} if believed else {})


def test_the_first_key_signs_and_reading_does_not_sign_again() -> None:
    old = baked({"a": 1}, OLD)
    assert visit(lambda session: session["a"], old, secret_key=[KEY, OLD]).headers == [VARY]
    assert visit(lambda session: session.update(b=2), old, secret_key=[KEY, OLD]).headers == saved({"a": 1, "b": 2})
    assert visit(lambda session: session.update(a=1), old, secret_key=[KEY, OLD]).headers == [VARY]


def test_the_time_is_read_when_it_is_needed() -> None:
    times = iter([NOW + 5.9, NOW + 100.9])
    exchange = visit(add, baked({"b": 1}), clock=lambda: next(times))
    value = signed(b'{"b":1,"a":1}\n%d' % NOW, now=NOW + 100)
    assert exchange.headers == [NO_STORE, ("set-cookie", f"session={value}{KEPT}"), VARY]


SEVERAL: list[tuple[str, list[tuple[str, str]], Mapping]] = [
    ("the first that verifies wins", cookies(baked({"a": 1}), baked({"a": 2})), {"a": 1}),
    ("forged ones are passed over", cookies("x", "", '"', baked({"a": 4})), {"a": 4}),
    ("no more than four are tried", cookies("x", "y", "z", "null", baked({"a": 5})), {}),
    ("over-long ones are not counted", cookies(*["x" * 5000] * 5, baked({"a": 6})), {"a": 6}),
    ("an expired one is passed over", cookies(baked({"a": 1}, now=1), baked({"a": 2})), {"a": 2}),
    ("garbage with a good signature is passed over", cookies(signed(b"[]"), baked({"a": 2})), {"a": 2}),
    ("in two lines (RFC 9113, 8.2.3)", [("cookie", "a=1"), ("cookie", f"session={baked({'a': 1})}")], {"a": 1}),
    ("one in each of two lines", [("Cookie", "session=x"), ("cookie", f"session={baked({'a': 2})}")], {"a": 2}),
    ("an empty line first", [("cookie", ""), ("cookie", f"session={baked({'a': 3})}")], {"a": 3}),
]


@pytest.mark.parametrize(("sentence", "headers", "content"), SEVERAL, ids=[row[0] for row in SEVERAL])
def test_several_cookies_of_one_name(sentence: str, headers: list[tuple[str, str]], content: Mapping) -> None:
    assert read(headers=headers) == content


def raw(payload: bytes) -> str:
    return signer().sign(payload).decode()


GARBAGE: list[tuple[str, str]] = [
    ("no base64", raw(b"!!!!")),
    ("base64 of impossible length", raw(b"abcde")),
    ("a line feed inside base64", raw(b"eyJh\nIjoxfQ")),
    ("base64 with padding inside", raw(b"eyJhIjox=fQ")),
    ("nothing", raw(b"")),
    ("bytes above ASCII", signer().sign(b"\xff\xfe").decode("latin-1")),
    ("no JSON", signed(b"{a:1}")),
    ("half of an object", signed(b'{"a":')),
    ("two objects", signed(b"{}{}")),
    ("a list", signed(b"[1,2]")),
    ("a list of pairs", signed(b'[["a",1]]')),
    ("text", signed(b'"text"')),
    ("a number", signed(b"5")),
    ("null", signed(b"null")),
    ("true", signed(b"true")),
    ("not a number", signed(b"NaN")),
    ("a list, deeply nested", signed(b"[" * 1400 + b"]" * 1400)),
    ("an unfinished list, deeply nested", signed(b"[" * 2900)),
    ("an unfinished object, deeply nested", signed(b'{"a":' * 580)),
    ("bad UTF-8", signed(b'{"a":"\xff"}')),
    ("half a surrogate in UTF-8", signed(b'{"a":"\xed\xa0"}')),
    ("a pickle", signed(pickle.dumps({"a": 1}))),
    ("an enormous number", signed(b"9" * 2900)),
    ("an object with half an escape", signed(b'{"a":"\\u12"}')),
    ("a time that is no number", signer().sign(b"x").decode()[:2] + "!.x"),
    (
        "a time that is no base64",
        Signer(KEY, salt="asgi_middleware.sessions:session", key_derivation="hmac", digest_method=hashlib.sha256)
        .sign(coded(b'{"a":1}') + b".!!!!!")
        .decode(),
    ),
    (
        "a time of 20 bytes",
        Signer(KEY, salt="asgi_middleware.sessions:session", key_derivation="hmac", digest_method=hashlib.sha256)
        .sign(coded(b'{"a":1}') + b"." + coded(b"\x7f" * 20))
        .decode(),
    ),
]


@pytest.mark.parametrize(("sentence", "value"), GARBAGE, ids=[row[0] for row in GARBAGE])
def test_garbage_with_a_good_signature_is_no_session(sentence: str, value: str) -> None:
    assert read(value) == {}
    assert visit(add, value).headers == saved({"a": 1})


def test_an_object_of_any_depth_can_be_read_from_wherever_it_is_sent() -> None:
    async def deeper(levels: int, send: Any) -> None:
        if levels:
            await deeper(levels - 1, send)
        else:
            await send(start(headers=[]))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"].get("a")
        await deeper(30, send)

    middleware = wrap(app)
    for depth in range(50, 1500, 7):
        value = signed(b'{"a":' + b"[" * depth + b"]" * depth + b"}")
        exchange = drive(middleware, http(headers=cookies(value)))
        assert (depth, exchange.error) == (depth, None)
        assert (depth, exchange.headers) == (depth, [VARY])


ALPHABET = b'ABCxyz019-_=.+/ ;,"\\%\t\x00\x7f\x80\xff'


def mutated(rng: random.Random, value: bytes) -> bytes:
    """A cookie value with a few bytes changed, added, taken out, doubled or exchanged."""
    changed = bytearray(value)
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        place = rng.randrange(len(changed) + 1)
        kind = rng.randrange(6)
        if kind == 0 and place < len(changed):
            changed[place] = rng.choice(ALPHABET)
        elif kind == 1:
            changed.insert(place, rng.choice(ALPHABET))
        elif kind == 2:
            del changed[place : place + rng.randint(1, 4)]
        elif kind == 3:
            changed[place:place] = changed[place : place + rng.randint(1, 30)]
        elif kind == 4 and place < len(changed):
            changed[place] ^= 1 << rng.randrange(8)
        else:
            parts = bytes(changed).split(b".")
            rng.shuffle(parts)
            changed = bytearray(b".".join(parts))
    return bytes(changed)


def believed(header: bytes, *, spelled: bool) -> Mapping | None:
    """What a Cookie header holds: split by semicolons, verified by itsdangerous.

    itsdangerous believes several spellings of one signature; `spelled` asks for the one that it writes.
    """
    values = []
    for part in header.split(b";"):
        name, equals, value = part.strip(b" \t").partition(b"=")
        if name == b"session" and equals:
            value = value.strip(b" \t")
            values.append(value[1:-1] if len(value) > 1 and value[:1] == value[-1:] == b'"' else value)
    for value in [value for value in values if len(value) <= 4096][:4]:
        try:
            payload = signer().unsign(value)
        except BadSignature:
            continue
        inside, _, signature = value.rpartition(b".")
        if spelled and signature != signer().get_signature(inside):
            continue
        found: Mapping = json.loads(base64.urlsafe_b64decode(payload + b"=="))
        return found
    return None


def loaded(headers: Iterable[bytes]) -> list[Mapping]:
    """What an app reads under each of these Cookie headers; every response must show that it only read."""
    found: list[Mapping] = []
    middleware = wrap(using(lambda session: found.append(session.copy())))
    for value in headers:
        exchange = drive(middleware, http(headers=[("cookie", value.decode("latin-1"))]))
        assert (exchange.error, exchange.headers) == (None, [VARY])
    return found


def test_no_mutation_of_10_000_makes_a_session() -> None:
    rng = random.Random(7)  # noqa: S311  # seeded, no secret
    genuine = sorted(baked(content).encode() for content in ({"a": 1}, {"user": "ada", "n": [1, {}]}, {"b": "ü" * 50}))
    headers = [b"session=" + mutated(rng, rng.choice(genuine)) for _ in range(10_000)]
    changed = [header for header in headers if believed(header, spelled=True) is None]
    assert len(changed) > 9000
    for header, content in zip(changed, loaded(changed), strict=True):
        assert content in ({}, believed(header, spelled=False)), header


def test_the_signature_has_one_spelling() -> None:
    value = baked({"a": 1})
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    twins = [value[:-1] + last for last in alphabet if last != value[-1]]
    twins += [value + "=", value + "!", value[:-5] + "~" + value[-5:], value[:-5] + "  " + value[-5:]]
    assert [twin for twin in twins if read(twin)] == []


def test_10_000_random_cookie_headers_are_read_as_splitting_and_itsdangerous_read_them() -> None:
    rng = random.Random(8)  # noqa: S311  # seeded, no secret
    good = baked({"a": 1}).encode()
    pieces = [b"session", b"session=", b"=", b";", b"; ", b" ", b"\t", b'"', b".", b"x", b",", b"\xff", b"\x00", b"\\"]
    pieces += [good, b"session=" + good, b"session=x", b"session=" + good + b";", good[:20], good[20:], b"null"]
    headers = [b"".join(rng.choices(pieces, k=rng.randint(0, 12))) for _ in range(10_000)]
    found = loaded(headers)
    for header, content in zip(headers, found, strict=True):
        strict = believed(header, spelled=True)
        assert content == strict if strict else content in ({}, believed(header, spelled=False)), header
    assert 100 < sum(map(bool, found)) < 5000


def test_a_hostile_cookie_of_60_kb_is_no_session() -> None:
    for piece in ("\\", "session", "session=", "session=a;", "session=" + "A." * 2000 + ";", '"', ".", ";", "\xff"):
        assert read(headers=[("cookie", 'session="' + (piece * 60_000)[:60_000] + '"')]) == {}


def test_a_session_behind_60_kb_of_foreign_cookies_is_found() -> None:
    foreign = 'x="' + "\\" * 60_000 + '"; '
    assert read(headers=[("cookie", f"{foreign}session={baked({'a': 1})}")]) == {"a": 1}
