"""Which characters may stand where in what `auth` reads: each one of ASCII, and a few beyond, is put there."""

import base64
import json
import string
from collections.abc import Callable
from typing import Any

import pytest

from asgi_middleware import ConfigError
from asgi_middleware.auth import JWKS, APIKeys, AuthError, Basic, Bearer, HMACKey
from asgi_middleware.auth.framing import decoded

from .asgi import http
from .tokens import GOOD, MALFORMED, b64, hs, run, said, token, verifier

# beyond ASCII: those that Python takes for digits, and for `K` and `s` where case is ignored
CHARACTERS = [*map(chr, range(0x80)), "\x80", "é", "\u0660", "\u212a", "\u017f"]
LETTERS, DIGITS = string.ascii_letters, string.digits
ALPHANUMERIC = LETTERS + DIGITS


class Anybody:
    """A verifier to which every token is good."""

    async def verify(self, token: bytes) -> dict[str, Any]:
        return {"sub": "ada"}


def is_token(text: str) -> bool:
    scope = {**http(), "headers": [(b"authorization", b"Bearer " + text.encode())]}
    try:
        return run(Bearer(Anybody()).identify(scope)) is not None
    except AuthError as error:
        return error.status != 400


def made(make: Callable[[str], Any]) -> Callable[[str], bool]:
    def is_taken(text: str) -> bool:
        try:
            make(text)
        except ConfigError:
            return False
        return True

    return is_taken


is_hash = made(lambda text: Basic({"ada": text}))
is_digest = made(lambda text: APIKeys({text: "ci"}))
is_prefix = made(lambda text: APIKeys.new(prefix=text))
is_address = made(lambda text: JWKS(text))
is_secret = made(lambda text: HMACKey(text.ljust(32, "?")))

SALT = "./" + ALPHANUMERIC
BASE64 = ALPHANUMERIC + "+/"
BASE64URL = string.ascii_uppercase + string.ascii_lowercase + DIGITS + "-_"
ARGON2 = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$aGFzaA"
# RFC 3986: what needs no escape, the escapes themselves, and brackets, which stand in queries
URL = ALPHANUMERIC + "-._~" + "!$&'()*+,;=" + ":@/?" + "%[]"
PLACES: list[tuple[str, Callable[[str], bool], str, str]] = [
    ("in a bearer token (RFC 6750, 2.1)", is_token, "a{}b", ALPHANUMERIC + "-._~+/"),
    ("alone as a bearer token", is_token, "{}", ALPHANUMERIC + "-._~+/"),
    ("behind a bearer token", is_token, "a={}=", "="),
    ("in a digest", is_digest, "{}" + "0" * 63, string.hexdigits),
    ("behind a digest", is_digest, "0" * 64 + "{}", ""),
    ("first in a prefix", is_prefix, "{}1", LETTERS),
    ("later in a prefix", is_prefix, "a{}", ALPHANUMERIC + "_"),
    ("for the version of bcrypt", is_hash, "$2{}$12$" + SALT[:53], "aby"),
    ("first in the cost of bcrypt", is_hash, "$2b${}1$" + SALT[:53], "123"),
    ("last in a low cost of bcrypt", is_hash, "$2b$0{}$" + SALT[:53], "456789"),
    ("last in a cost of bcrypt", is_hash, "$2b$1{}$" + SALT[:53], DIGITS),
    ("last in a higher cost of bcrypt", is_hash, "$2b$2{}$" + SALT[:53], DIGITS),
    ("last in a high cost of bcrypt", is_hash, "$2b$3{}$" + SALT[:53], "01"),
    ("in a hash of bcrypt", is_hash, "$2b$12${}" + SALT[:52], SALT),
    ("behind a hash of bcrypt", is_hash, "$2b$12$" + SALT[:53] + "{}", ""),
    ("in the kind of argon2", is_hash, ARGON2.replace("id", "{}"), "id"),
    *(
        (f"in a number of argon2: {one}", is_hash, ARGON2.replace(one, one + "{}"), DIGITS)
        for one in ("v=", "t=", "p=")
    ),
    *(
        (f"as a number of argon2: {one}", is_hash, ARGON2.replace(one, one[:2] + "{}"), DIGITS)
        for one in ("t=3", "p=4")
    ),
    ("as the version of argon2", is_hash, ARGON2.replace("19", "{}"), DIGITS),
    ("as the memory of argon2", is_hash, ARGON2.replace("65536", "{}"), DIGITS),
    ("in the salt of argon2", is_hash, ARGON2.replace("c2Fs", "{}"), BASE64),
    ("as the hash of argon2", is_hash, ARGON2.replace("aGFzaA", "{}"), BASE64),
    ("behind the hash of argon2", is_hash, ARGON2 + "{}", BASE64),
    ("in the path of an address", is_address, "https://a.example/{}", URL),
    ("behind the slashes of an address", is_address, "https://{}", ALPHANUMERIC + "._-"),
    ("in the host of an address", is_address, "https://a{}b/", ALPHANUMERIC + "._-/?"),
    ("behind the host of an address", is_address, "https://a{}", ALPHANUMERIC + "._-/?"),
    ("in a port", is_address, "https://a:{}1/", DIGITS),
    ("behind a port", is_address, "https://a:1{}", DIGITS + "/?"),
    ("in an IPv6 address", is_address, "https://[1{}]/", string.hexdigits + ":."),
    ("in the scheme of an address", is_address, "http{}://a", "sS"),
]


@pytest.mark.parametrize(("sentence", "is_taken", "place", "alphabet"), PLACES, ids=[row[0] for row in PLACES])
def test_which_characters_may_stand(sentence: str, is_taken: Callable[[str], bool], place: str, alphabet: str) -> None:
    assert {one for one in CHARACTERS if is_taken(place.format(one))} == set(alphabet)


LENGTHS: list[tuple[str, Callable[[str], bool], str, list[int]]] = [
    ("a digest", is_digest, "a", [64]),
    ("a prefix", is_prefix, "a", [*range(1, 32)]),
    ("a salt and a hash of bcrypt", lambda text: is_hash("$2b$12$" + text), "a", [53]),
    ("the port of an address", lambda text: is_address("https://a:" + text), "1", [*range(1, 6)]),
    ("the port of an address with zeros", lambda text: is_address("https://a:0" + text), "1", [*range(1, 5)]),
]


@pytest.mark.parametrize(("sentence", "is_taken", "one", "lengths"), LENGTHS, ids=[row[0] for row in LENGTHS])
def test_how_many_there_may_be(sentence: str, is_taken: Callable[[str], bool], one: str, lengths: list[int]) -> None:
    assert [number for number in range(80) if is_taken(one * number)] == lengths


def is_spelt_so(segment: bytes) -> bool:
    try:
        return base64.urlsafe_b64encode(decoded(segment)).rstrip(b"=") == segment
    except AuthError:
        return False


@pytest.mark.parametrize("length", range(1, 10))
def test_the_last_character_of_a_segment_has_no_spare_bits(length: int) -> None:
    taken = {one for one in BASE64URL if is_spelt_so(b"Z" * (length - 1) + one.encode())}
    every = {1: set[str](), 2: set(BASE64URL[::16]), 3: set(BASE64URL[::4]), 0: set(BASE64URL)}
    assert taken == every[length % 4]


def spelt(number: int) -> bytes:
    """A good token, whose header and claims have some text in them."""
    some = "".join(chr(number * 7 + place) for place in range(20))
    return token(
        json.dumps({**GOOD, "x": some}, ensure_ascii=False), json.dumps({"alg": "HS256", "x": some}, ensure_ascii=False)
    )


def test_every_character_of_base64url_may_stand_in_every_segment_and_no_other() -> None:
    by, texts = verifier(), [spelt(number) for number in range(40, 80)]
    assert {said(by, text) for text in texts} == {"ok"}
    for segments in zip(*(text.decode().split(".") for text in texts), strict=True):
        assert set("".join(segments)) == set(BASE64URL)
    header, claims, _ = token().split(b".")
    for code in {*range(0x100)}.difference(BASE64URL.encode(), b"."):
        other = bytes([code]) * 4  # which a decoder that is not strict passes over
        for signed in (
            header[:4] + other + header[4:] + b"." + claims,
            header + b"." + claims[:4] + other + claims[4:],
        ):
            assert said(by, signed + b"." + b64(hs()(signed))) == MALFORMED
        signature = b64(hs()(header + b"." + claims))
        assert said(by, header + b"." + claims + b"." + signature[:4] + other + signature[4:]) == MALFORMED


@pytest.mark.parametrize("text", [b"AAAA:AAA.AAAA", token().replace(b".", b":", 1), b":".join(token().rsplit(b".", 1))])
def test_segments_are_told_apart_by_dots_alone(text: bytes) -> None:
    assert said(verifier(), text) == MALFORMED


KNOWN_TO_OTHERS: list[tuple[str, bool]] = [
    ("ssh-ed25519 AAAA", True),
    ("ssh-rsa AAAA", True),
    ("ecdsa-sha2-nistp256 AAAA", True),
    ("sk-ssh-ed25519@openssh.com AAAA", True),
    ("sk-ecdsa-sha2-nistp256@openssh.com AAAA", True),
    ("from x: ssh-rsa BBBB", True),
    ("---- BEGIN SSH2 PUBLIC KEY ----", True),
    ("ssh-RSA AAAA", False),
    ("-----BEGIN x", True),
    ("-----begin x", False),
    ('{"kty": "x"}', True),
    ('{"keys": 5}', True),
    ('{"kid": "x"}', False),
    ('["kty", "keys"]', False),
    ("5", False),
]


@pytest.mark.parametrize(("text", "known"), KNOWN_TO_OTHERS)
def test_a_secret_that_looks_like_a_key_is_none(text: str, known: bool) -> None:
    filler = " " * 40 if text[0] in "{[5" else "?" * 40
    assert made(HMACKey)(text + filler) is not known
