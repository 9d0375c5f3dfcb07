"""`auth.jwt`: no change of a token passes, and none raises anything but a refusal."""

import itertools
import json
import random

import pytest

from asgi_middleware.auth import Bearer, HMACKey, StaticKeys

from .tokens import (
    ED,
    GOOD,
    MALFORMED,
    OTHER_AUDIENCE,
    OTHER_ISSUER,
    P256,
    RSA,
    SECRET,
    ask,
    b64,
    hs,
    pem,
    said,
    signer,
    token,
    verifier,
)

# --- every change

CHANGES = {
    "HS256": (HMACKey(SECRET), hs()),
    "RS256": (StaticKeys(pem(RSA)), signer(RSA, "RS256")),
    "PS256": (StaticKeys(pem(RSA)), signer(RSA, "PS256")),
    "ES256": (StaticKeys(pem(P256)), signer(P256, "ES256")),
    "EdDSA": (StaticKeys(pem(ED)), signer(ED, "EdDSA")),
}


def test_no_byte_of_a_token_can_be_changed_to_any_other() -> None:
    by, good = verifier(), token()
    passed = [
        (position, byte)
        for position, byte in itertools.product(range(len(good)), range(256))
        if said(by, good[:position] + bytes([byte]) + good[position + 1 :]) == "ok" and good[position] != byte
    ]
    assert (said(by, good), passed) == ("ok", [])


@pytest.mark.parametrize("alg", CHANGES)
def test_no_byte_can_be_changed_dropped_doubled_or_swapped_whatever_the_algorithm(alg: str) -> None:
    keys, sign = CHANGES[alg]
    by, good = verifier(keys), token(header={"alg": alg}, sign=sign)
    changed = set()
    for n in range(len(good)):
        head, here, tail = good[:n], good[n : n + 1], good[n + 1 :]
        changed |= {
            head + (b"B" if here == b"A" else b"A") + tail,
            head + bytes([here[0] ^ 1]) + tail,
            head + tail,
            head + here + here + tail,
            head + tail[:1] + here + tail[1:],
            head,
            head + b"\n" + here + tail,
            head + b"=" + here + tail,
        }
    changed |= {good + extra for extra in (b"=", b"==", b"\n", b"\0", b"A", b".", b"\r\n")}
    changed.discard(good)
    assert (said(by, good), [text for text in changed if said(by, text) == "ok"]) == ("ok", [])


def test_every_change_is_a_refusal_through_the_middleware_too() -> None:
    backend, good = Bearer(verifier()), token().decode()
    answers = {
        ask(backend, f"Bearer {good[:n]}{byte}{good[n + 1 :]}")[0]
        for n in range(len(good))
        for byte in (chr(ord(good[n]) ^ 1), " ", "\t", ",", "\xff", "\0", ".", "=")
        if byte != good[n]
    }
    assert answers == {400, 401}


def test_random_bytes_are_refused_and_never_an_exception() -> None:
    dice = random.Random(7519)  # noqa: S311  # the same junk every time
    backend = Bearer(verifier())
    answers = set()
    for _ in range(1500):
        junk = dice.randbytes(dice.randrange(60)).decode("latin-1")
        answers.add(ask(backend, f"Bearer {junk}")[0])
        segments = [b64(dice.randbytes(dice.randrange(1, 30))) for _ in range(3)]
        answers.add(ask(backend, f"Bearer {b'.'.join(segments).decode()}")[0])
        header, claims = bytearray(b'{"alg":"HS256","typ":"JWT"}'), bytearray(json.dumps(GOOD).encode())
        header[dice.randrange(len(header))] = dice.randrange(256)
        claims[dice.randrange(len(claims))] = dice.randrange(256)
        # signed with another key: whatever the parts say, nothing may pass or raise
        answers.add(ask(backend, f"Bearer {token(bytes(claims), bytes(header), hs(b'x' * 32)).decode()}")[0])
    assert answers == {400, 401}


def test_signed_junk_never_raises_anything_but_a_refusal() -> None:
    dice = random.Random(8259)  # noqa: S311  # the same junk every time
    by, before = verifier(), json.dumps({**GOOD, "nbf": 5, "iat": 1e9, "x": [1, {"y": None}]}).encode()
    answers = set()
    for _ in range(4000):
        claims = bytearray(before)
        for _ in range(dice.randrange(1, 4)):
            claims[dice.randrange(len(claims))] = dice.choice(b'0123456789eE+-.,:{}[]"\\ntfau\x00\xff ')
        answers.add(said(by, token(bytes(claims))))
    assert answers >= {"ok", MALFORMED, OTHER_ISSUER, OTHER_AUDIENCE}
