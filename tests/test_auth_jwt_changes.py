"""`auth.jwt`: no change of a token passes, and none raises anything but a refusal."""

import itertools
import json
import random
from typing import Any

import pytest

from asgi_middleware.auth import Bearer, HMACKey, StaticKeys
from asgi_middleware.auth.jwks import Issuers

from .tokens import (
    CRIT,
    EARLY,
    ED,
    EXPIRED,
    GOOD,
    HEADER,
    ISSUER,
    MALFORMED,
    NOW,
    OTHER_AUDIENCE,
    OTHER_ISSUER,
    P256,
    RSA,
    SECRET,
    SIGNATURE,
    TYPE,
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


TEXTS = ["", "api", ISSUER, "\ud800", "JWT", "HS256", "none", "\0", "é", "a" * 50]
NUMBERS = [0, -1, 5, True, False, None, NOW, NOW + 10**6, 1e308, -0.5, 10**30, 0.1]
NAMES = ["alg", "typ", "kid", "crit", "b64", "iss", "aud", "exp", "nbf", "iat", "sub", "scope", "scp", "jti", ""]


def anything(dice: random.Random, depth: int = 3) -> Any:
    """Some JSON value."""
    kind = dice.randrange(5 if depth else 2)
    if kind == 0:
        return dice.choice(TEXTS)
    if kind in (1, 2):
        return dice.choice(NUMBERS)
    if kind == 3:
        return [anything(dice, depth - 1) for _ in range(dice.randrange(4))]
    return {dice.choice(NAMES): anything(dice, depth - 1) for _ in range(dice.randrange(5))}


def altered(dice: random.Random, content: dict[str, Any]) -> Any:
    """Some other JSON value, mostly near this one."""
    if dice.randrange(10) == 0:
        return anything(dice)
    changed = {**content, **{dice.choice(NAMES): anything(dice) for _ in range(dice.randrange(4))}}
    for name in dice.sample(sorted(changed), dice.randrange(2)):
        del changed[name]
    return changed


ROUTED = {
    "one source": lambda: verifier(),
    "several issuers": lambda: verifier(Issuers({ISSUER: HMACKey(SECRET), "api": HMACKey(SECRET)}), issuer=None),
}


@pytest.mark.parametrize("keys", ROUTED)
def test_whatever_is_signed_with_the_right_key_is_accepted_or_refused_and_never_raises(keys: str) -> None:
    dice = random.Random(7515)  # noqa: S311  # the same tokens every time
    by, backend = ROUTED[keys](), Bearer(ROUTED[keys]())
    answers = set()
    for _ in range(2000):
        text = token(
            json.dumps(altered(dice, {**GOOD, "nbf": 5, "iat": 5})),
            json.dumps(altered(dice, {"alg": "HS256", "typ": "JWT"})),
        )
        # the second time it may be remembered
        answer = said(by, text)
        assert said(by, text) == answer
        answers.add(answer)
        assert ask(backend, f"Bearer {text.decode()}")[0] in ("app", 401)
    assert {"ok", HEADER, CRIT, TYPE, SIGNATURE, EXPIRED, EARLY, OTHER_ISSUER, OTHER_AUDIENCE} <= answers


@pytest.mark.parametrize("length", [8193, 100_000, 1_000_000])
def test_a_long_token_is_refused_by_its_length_before_anything_is_made_of_it(
    length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    by, good = verifier(), token()
    assert said(by, good) == "ok"
    monkeypatch.setattr("hashlib.sha256", None)
    assert said(by, good[:-1] + b"A" * (length - len(good) + 1)) == MALFORMED
