"""`auth.jwks`: which of the keys that are published are used."""

import logging
from typing import Any

import pytest

from asgi_middleware.auth.jwks import JWKS

from .key_issuer import Clock, Published, reading, signed
from .test_auth_jwt_construction import weak_rsa
from .tokens import ED, P256, P256_B, P521, RSA, SIGNATURE, jwk, said

LEFT_OUT: list[tuple[str, Any, str]] = [
    ("for encryption", jwk(RSA, kid="x", use="enc"), "is not for signatures"),
    ("for wrapping", jwk(RSA, kid="x", key_ops=["wrapKey"]), "is not for signatures"),
    ("with an algorithm for encryption", jwk(RSA, kid="x", alg="RSA-OAEP"), "does not fit the key"),
    ("a secret", {"kty": "oct", "kid": "x", "k": "c3F1ZWFtaXNo"}, "is a secret among public keys"),
    ("private", jwk(P256_B, kid="x", d="squeamish"), "is a private key"),
    ("of an unknown kind", {"kty": "AKP", "kid": "x"}, "is of an unknown kind"),
    ("on an unknown curve", {**jwk(ED, kid="x"), "crv": "Ed448"}, "is not a readable public key"),
    ("weak", {**weak_rsa(), "kid": "x"}, "is weaker than 2048 bits"),
    ("damaged", {**jwk(P256_B, kid="x"), "y": "AAAA"}, "is not a readable public key"),
    ("without a kind", {"kid": "x"}, "is neither PEM nor a JWK nor a JWKS"),
    ("text", "squeamish", "is neither PEM nor a JWK nor a JWKS"),
    ("null", None, "is neither PEM nor a JWK nor a JWKS"),
    ("with a number for its ID", {**jwk(P256_B), "kid": 5}, "must be text"),
]


@pytest.mark.parametrize(("sentence", "item", "why"), LEFT_OUT, ids=[row[0] for row in LEFT_OUT])
def test_a_key_that_cannot_be_used_is_left_out_and_said_once(
    sentence: str, item: Any, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "asgi_middleware.auth")
    clock = Clock()
    by = reading(JWKS("https://idp.example/keys", fetch=Published(item, jwk(P256, kid="a"), item), clock=clock))
    assert said(by, signed()) == "ok"
    clock.now += 30
    assert said(by, signed(P256_B, "x")) == SIGNATURE
    (record,) = caplog.records
    assert record.levelno == logging.INFO
    assert "1 of 3 keys are used" in caplog.text
    assert why in caplog.text
    assert "squeamish" not in caplog.text


def test_the_65th_key_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "asgi_middleware.auth")
    many = [*(jwk(P256_B, kid=str(n)) for n in range(63)), jwk(P256, kid="a"), jwk(P521, kid="late")]
    by = reading(JWKS("https://idp.example/", fetch=Published(*many)))
    assert [said(by, text) for text in (signed(), signed(P521, "late", "ES512"))] == ["ok", SIGNATURE]
    assert "64 of 65 keys are used; left out is what is beyond the first 64" in caplog.text


DOUBLED: list[tuple[str, list[Any], bytes, str]] = [
    ("one ID, one algorithm", [jwk(P256, kid="a"), jwk(P256_B, kid="a")], signed(), SIGNATURE),
    ("the other of the two", [jwk(P256, kid="a"), jwk(P256_B, kid="a")], signed(P256_B), SIGNATURE),
    ("and not that without an ID", [jwk(P256), jwk(P256_B, kid="a"), jwk(P521, kid="a")], signed(), SIGNATURE),
    ("another key beside them", [jwk(P256_B, kid="b"), jwk(P256_B, kid="b"), jwk(P256, kid="a")], signed(), "ok"),
    ("one ID, told apart by the algorithm", [jwk(RSA, kid="a"), jwk(P256, kid="a")], signed(), "ok"),
    ("one ID, once for encryption", [jwk(P256_B, kid="a", use="enc"), jwk(P256, kid="a")], signed(), "ok"),
    ("no ID, one algorithm", [jwk(P256), jwk(P256_B)], signed(kid=None), SIGNATURE),
    ("no ID, told apart by the algorithm", [jwk(P256), jwk(RSA)], signed(kid=None), "ok"),
    ("no ID, and a token that has one", [jwk(P256)], signed(), "ok"),
]


@pytest.mark.parametrize(("sentence", "keys", "text", "expected"), DOUBLED, ids=[row[0] for row in DOUBLED])
def test_of_keys_that_cannot_be_told_apart_none_is_used(
    sentence: str, keys: list[Any], text: bytes, expected: str
) -> None:
    assert said(reading(JWKS("https://idp.example/", fetch=Published(*keys))), text) == expected
