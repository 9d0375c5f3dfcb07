"""The encrypted cookie, compared with a seal of the tests' own, made from the documented layout alone."""

import base64
import functools
import hmac
import json
import random
import sys
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from asgi_middleware.exceptions import MissingExtra
from asgi_middleware.sessions import SessionTooLarge

from .asgi import drive, http
from .baking import (
    DELETED,
    GONE,
    KEPT,
    KEY,
    NO_STORE,
    NOW,
    OLD,
    VARY,
    Mapping,
    add,
    baked,
    belonging,
    coded,
    cookies,
    doing,
    nothing,
    read,
    storing,
    using,
    visit,
    wrap,
)

NONCE = bytes(range(12))
ENCRYPTED: Mapping = {"encrypt": True, "token_bytes": lambda size: bytes(range(size))}


def cipher(key: str | bytes, name: str, time: bytes) -> tuple[AESGCM, bytes]:
    """That of one key, purpose, name and second; and what is authenticated besides."""
    secret = key.encode() if isinstance(key, str) else key
    purpose = f"asgi_middleware.sessions:{name}".encode()
    master = HKDF(SHA256(), length=32, salt=None, info=b"asgi_middleware.sessions.encrypted").derive(secret)
    return AESGCM(hmac.digest(master, purpose + b":" + time, "sha256")), purpose


def sealed(data: bytes, key: str | bytes = KEY, name: str = "session", now: int = NOW, nonce: bytes = NONCE) -> str:
    time = now.to_bytes(8, "big")
    made, purpose = cipher(key, name, time)
    return coded(time + nonce + made.encrypt(nonce, data, purpose)).decode()


def opened(value: str, key: str | bytes = KEY, name: str = "session") -> bytes:
    """Raises InvalidTag for what was not made with this key for this name."""
    whole = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    made, purpose = cipher(key, name, whole[:8])
    return made.decrypt(whole[8:20], whole[20:], purpose)


def kept(data: bytes, attributes: str = KEPT, **changes: Any) -> list[tuple[str, str]]:
    """All headers of a response that saved `data`."""
    return [NO_STORE, ("set-cookie", f"session={sealed(data, **changes)}{attributes}"), VARY]


def first_of(text: bytes, size: int) -> bytes:
    return text[:size]


def value_of(headers: list[tuple[str, str]]) -> str:
    (cookie,) = [value for name, value in headers if name == "set-cookie"]
    return cookie.partition(";")[0].partition("=")[2]


# --- The layout ---------------------------------------------------------------------------------------------------


def test_the_bytes_are_those_of_an_independent_seal() -> None:
    rng = random.Random(11)  # noqa: S311  # seeded, no secret
    for _ in range(300):
        key = "".join(rng.choices("abcXYZ019-_ü/ ", k=rng.randint(32, 80)))
        name = "".join(rng.choices("abcXYZ019-_", k=rng.randint(1, 20)))
        nonce, now = rng.randbytes(12), rng.randrange(2**32)
        content = {"".join(rng.choices("abü.=", k=3)): rng.choice([1, "x.y", None, [2.5], {"z": "é"}])}
        data = json.dumps(content, separators=(",", ":")).encode()
        exchange = visit(
            storing(content),
            secret_key=key,
            session_cookie=name,
            encrypt=True,
            clock=functools.partial(float, now + 0.5),
            token_bytes=functools.partial(first_of, nonce),
        )
        assert exchange.header("set-cookie") == [f"{name}={sealed(data, key, name, now, nonce)}{KEPT}"]


def test_what_was_saved_is_opened_by_the_independent_seal_and_read_back() -> None:
    for content in ({"a": 1}, {"a": [1, {"b": None}], "c": "ü", "d": 1.5}, {"": ""}, {"x": "a" * 2000}):
        value = value_of(visit(storing(content), encrypt=True).headers)
        assert json.loads(opened(value)) == content
        assert read(value, encrypt=True) == read(f'"{value}"', encrypt=True) == content


SECOND_LINES: list[tuple[str, Any, bytes]] = [
    ("what was made now has none", add, b'{"a":1}'),
    ("a subject", doing(add, belonging("ada")), b'{"a":1}\n[1700000000,null,"ada"]'),
    ("a lifetime", doing(add, lambda s: s.set_expiry(60)), b'{"a":1}\n[1700000000,60,null]'),
    ("a subject alone", belonging("ü"), b'{}\n[1700000000,null,"\\u00fc"]'),
]


@pytest.mark.parametrize(("sentence", "use", "data"), SECOND_LINES, ids=[row[0] for row in SECOND_LINES])
def test_the_second_line_is_encrypted_too(sentence: str, use: Any, data: bytes) -> None:
    exchange = visit(use, **ENCRYPTED)
    assert opened(value_of(exchange.headers)) == data


def test_two_cookies_of_one_second_differ_though_their_content_does_not() -> None:
    asked: list[int] = []

    def token_bytes(size: int) -> bytes:
        asked.append(size)
        return bytes([len(asked)]) * size

    middleware = wrap(using(add), encrypt=True, token_bytes=token_bytes)
    values = [value_of(drive(middleware).headers) for _ in range(3)]
    assert asked == [12, 12, 12]
    assert values == [sealed(b'{"a":1}', nonce=bytes([count]) * 12) for count in (1, 2, 3)]


def test_by_itself_the_nonce_is_random() -> None:
    middleware = wrap(using(add), encrypt=True)
    assert len({value_of(drive(middleware).headers) for _ in range(50)}) == 50


def test_the_content_cannot_be_seen() -> None:
    secret = "the-name-of-a-patient"
    exchange = visit(doing(storing({"who": secret}), belonging(secret)), encrypt=True)
    value = value_of(exchange.headers)
    whole = base64.urlsafe_b64decode(value + "==")
    spelled = (secret.encode(), base64.b64encode(secret.encode())[:-4], b"who", b"{", b"}")
    assert [text for text in spelled[:3] if text in whole or text in value.encode()] == []
    signed = baked({"who": secret})
    assert secret.encode() in base64.urlsafe_b64decode(signed.partition(".")[0] + "==")  # as the signed one can


# --- Which are believed -------------------------------------------------------------------------------------------

DATA = b'{"a":1}'

BELIEVED: list[tuple[str, str, Mapping, bool]] = [
    ("ours", sealed(DATA), {}, True),
    ("in quotes", f'"{sealed(DATA)}"', {}, True),
    ("with any nonce", sealed(DATA, nonce=b"\xff" * 12), {}, True),
    ("by the second key", sealed(DATA, OLD), {"secret_key": [KEY, OLD]}, True),
    ("by the last of four", sealed(DATA, OLD), {"secret_key": [KEY, KEY + "2", KEY + "3", OLD]}, True),
    ("by a key of raw bytes", sealed(DATA, b"\xff" * 32), {"secret_key": b"\xff" * 32}, True),
    ("by a key that is listed no more", sealed(DATA, OLD), {}, False),
    ("issued under another name", sealed(DATA, name="admin"), {}, False),
    ("a signed one", baked({"a": 1}), {}, False),
    ("an encrypted one, where they are signed", sealed(DATA), {"encrypt": False}, False),
    ("the deletion cookie's value", "null", {}, False),
    ("nothing", "", {}, False),
    ("a time alone", coded(NOW.to_bytes(8, "big")).decode(), {}, False),
    ("a time and half a nonce", coded(NOW.to_bytes(8, "big") + bytes(11)).decode(), {}, False),
    ("a time and a nonce", coded(NOW.to_bytes(8, "big") + bytes(12)).decode(), {}, False),
    ("half a tag", coded(NOW.to_bytes(8, "big") + bytes(12 + 15)).decode(), {}, False),
    ("as old as is allowed", sealed(DATA, now=NOW - 60), {"max_age": 60}, True),
    ("one second older", sealed(DATA, now=NOW - 61), {"max_age": 60}, False),
    ("14 days by default", sealed(DATA, now=NOW - 14 * 86400), {}, True),
    ("and a second", sealed(DATA, now=NOW - 14 * 86400 - 1), {}, False),
    ("very old, without a limit", sealed(DATA, now=1), {"max_age": None}, True),
    ("from the beginning of time, without a limit", sealed(DATA, now=0), {"max_age": None}, True),
    ("a minute ahead", sealed(DATA, now=NOW + 60), {}, True),
    ("more than a minute ahead", sealed(DATA, now=NOW + 61), {"max_age": None}, False),
    ("from beyond 32 bits", sealed(DATA, now=2**32 + 1), {"max_age": None}, False),
    ("from the last second of 64 bits", sealed(DATA, now=2**64 - 1), {"max_age": None}, False),
    ("no object", sealed(b"[1]"), {}, False),
    ("no JSON", sealed(b"\xff\x00"), {}, False),
    ("no content", sealed(b""), {}, False),
    ("a second line that is not ours", sealed(b'{"a":1}\n"x"'), {}, False),
]


@pytest.mark.parametrize(("sentence", "value", "options", "believed"), BELIEVED, ids=[row[0] for row in BELIEVED])
def test_which_are_believed(sentence: str, value: str, options: Mapping, believed: bool) -> None:
    assert read(value, **{**ENCRYPTED, **options}) == ({"a": 1} if believed else {})


def test_the_first_key_encrypts_and_reading_does_not_encrypt_again() -> None:
    keys: Mapping = {**ENCRYPTED, "secret_key": [KEY, OLD]}
    old = sealed(DATA, OLD)
    assert visit(len, old, **keys).headers == [VARY]
    assert visit(lambda s: s.update(b=2), old, **keys).headers == kept(b'{"a":1,"b":2}')
    assert visit(lambda s: s.destroy(), old, **keys).headers == DELETED


def test_the_time_has_chosen_the_key() -> None:
    """So it cannot be moved, and a nonce that comes twice does so under two keys."""
    value = sealed(DATA, now=NOW - 100)
    whole = base64.urlsafe_b64decode(value + "==")
    moved = coded(NOW.to_bytes(8, "big") + whole[8:]).decode()
    assert read(value, max_age=100, **ENCRYPTED) == {"a": 1}
    assert read(value, max_age=99, **ENCRYPTED) == {}
    assert read(moved, max_age=99, **ENCRYPTED) == {}


ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def test_no_other_text_opens() -> None:
    """Every bit of every byte, every shorter one, every longer one by a letter, and other spellings of the same."""
    value = sealed(DATA)
    whole = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    flipped = [
        whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :] for at in range(len(whole)) for bit in range(8)
    ]
    others = [coded(changed).decode() for changed in flipped]
    others += [coded(whole[:size]).decode() for size in range(len(whole))]
    others += [coded(whole + bytes([extra])).decode() for extra in range(256)]
    others += [value[:size] for size in range(len(value))]
    others += [value + letter for letter in ALPHABET + "=.+/ "]
    others += [value[:-1] + last for last in ALPHABET if last != value[-1]]
    others += [value[:at] + "~" + value[at:] for at in range(len(value))]
    if set(value) & {"-", "_"}:
        others.append(value.replace("-", "+").replace("_", "/"))
    seen: list[Mapping] = []
    middleware = wrap(using(lambda s: seen.append(s.copy())), **ENCRYPTED)
    for other in others:
        exchange = drive(middleware, http(headers=cookies(other)))
        assert (exchange.error, exchange.headers) == (None, [VARY])
    believed = [other for other, content in zip(others, seen, strict=True) if content]
    # blanks around a value are no part of it (RFC 6265, 5.2)
    assert believed == [value + " "]


def test_the_standard_alphabet_is_another_spelling() -> None:
    value = next(v for v in (sealed(b'{"a":%d}' % n) for n in range(100)) if "-" in v and "_" in v)
    assert read(value, **ENCRYPTED) != {}
    assert read(value.replace("-", "+"), **ENCRYPTED) == {}
    assert read(value.replace("_", "/"), **ENCRYPTED) == {}


def mutated(rng: random.Random, value: bytes) -> bytes:
    changed = bytearray(value)
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(len(changed) + 1)
        kind = rng.randrange(5)
        if kind == 0 and at < len(changed):
            changed[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            changed.insert(at, rng.choice(b'Aa0-_+/=. ,"\\%\t\x00\x80\xff'))
        elif kind == 2:
            del changed[at : at + rng.randint(1, 40)]
        elif kind == 3:
            changed[at:at] = changed[at : at + rng.randint(1, 40)]
        else:
            changed[at:] = rng.randbytes(rng.randint(0, 60)).hex().encode()
    return bytes(changed)


def test_no_mutation_of_10_000_makes_a_session_and_nothing_of_it_comes_back() -> None:
    rng = random.Random(12)  # noqa: S311  # seeded, no secret
    genuine = [
        sealed(data).encode() for data in (DATA, b'{"user":"ada","n":[1,{}]}\n[5,6,"x"]', b'{"b":"%s"}' % (b"y" * 900))
    ]
    seen: list[Mapping] = []
    middleware = wrap(using(lambda s: seen.append(s.copy())), **ENCRYPTED)
    for _ in range(10_000):
        value = mutated(rng, rng.choice(genuine))
        if value.strip(b" \t").strip(b'"') in genuine or b";" in value:
            continue
        exchange = drive(middleware, http(headers=[("cookie", "session=" + value.decode("latin-1"))]))
        assert (exchange.error, exchange.headers) == (None, [VARY])
    assert len(seen) > 9000
    assert not any(seen)


# --- Its attributes, its size, its needs --------------------------------------------------------------------------


def test_the_attributes_are_those_of_the_signed_one() -> None:
    options: Mapping = {**ENCRYPTED, "path": "/x", "same_site": "none", "domain": "a.b", "partitioned": True}
    attributes = "; path=/x; Max-Age=1209600; httponly; samesite=none; secure; domain=a.b; partitioned"
    assert visit(add, **options).headers == kept(DATA, attributes)
    gone = GONE.replace("path=/", "path=/x").replace("lax", "none") + "; secure; domain=a.b; partitioned"
    cleared = visit(lambda s: s.clear(), sealed(DATA), **options)
    assert cleared.headers == [NO_STORE, ("set-cookie", f"session=null{gone}"), VARY]


def test_one_that_nobody_touched_is_not_opened() -> None:
    def never(*arguments: object) -> Any:
        raise AssertionError("was asked")

    options: Mapping = {"encrypt": True, "token_bytes": never, "clock": never}
    assert visit(nothing, sealed(DATA), **options).headers == []


def test_the_whole_may_take_4093_bytes_and_not_one_more() -> None:
    spare = 4093 - len(kept(b'{"a":"%s"}' % (b"x" * 2900))[1][1])
    for more, fits in ((spare, True), (spare + 1, False)):
        exchange = visit(lambda s: s.update(a="x" * 2900), path="/" + "p" * more, **ENCRYPTED)
        if fits:
            assert len(exchange.header("set-cookie")[0]) == 4093
        else:
            assert isinstance(exchange.error, SessionTooLarge)
            assert (exchange.error.size, exchange.sent) == (4094, [])


def test_without_its_package_the_extra_is_named_at_construction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    with pytest.raises(MissingExtra) as caught:
        wrap(using(add), encrypt=True)
    assert caught.value.extra == "crypto"
    assert str(caught.value) == (
        "SessionMiddleware: encrypt: needs the package cryptography; install it: pip install 'asgi-middleware[crypto]'"
    )
    assert drive(wrap(using(add))).error is None
