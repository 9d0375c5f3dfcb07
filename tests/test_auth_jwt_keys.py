"""`auth.keys`: which key verifies which algorithm, and which one a token is given."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from starlette.datastructures import Secret

from asgi_middleware.auth import HMACKey, StaticKeys

from .tokens import (
    ED,
    K256,
    LONG,
    P256,
    P256_B,
    P384,
    P521,
    PUBLIC,
    RSA,
    SIGNATURE,
    Sign,
    certificate,
    der,
    hs,
    jwk,
    pem,
    said,
    signer,
    token,
    verifier,
)

# --- keys and algorithms

FAMILIES: list[tuple[str, Any, tuple[str, ...]]] = [
    ("RSA", RSA, ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")),
    ("P-256", P256, ("ES256",)),
    ("P-384", P384, ("ES384",)),
    ("P-521", P521, ("ES512",)),
    ("Ed25519", ED, ("EdDSA",)),
    ("HS256", LONG, ("HS256",)),
    ("HS384", LONG, ("HS384",)),
    ("HS512", LONG, ("HS512",)),
]
ALGORITHMS = sorted({alg for _, _, algs in FAMILIES for alg in algs} | {"ES256K", "none", "RSA-OAEP", "A128KW", ""})


def source(name: str, key: Any) -> HMACKey | StaticKeys:
    return HMACKey(key, alg=name) if isinstance(key, bytes) else StaticKeys(pem(key))


@pytest.mark.parametrize(("name", "key", "algs"), FAMILIES, ids=[row[0] for row in FAMILIES])
def test_a_key_verifies_its_own_algorithms_and_only_as_the_header_says(name: str, key: Any, algs: tuple[str]) -> None:
    by = verifier(source(name, key))
    made = {
        (stated, used): said(by, token(header={"alg": stated}, sign=signer(key, used)))
        for stated, used in itertools.product(ALGORITHMS, algs)
    }
    assert made == {pair: "ok" if pair[0] == pair[1] else SIGNATURE for pair in made}


HASHES_OF_CURVES = [(curve, alg) for curve in (P256, P384, P521, K256) for alg in ("ES256", "ES384", "ES512")]


@pytest.mark.parametrize(("curve", "alg"), HASHES_OF_CURVES, ids=[f"{c.curve.name} {a}" for c, a in HASHES_OF_CURVES])
def test_a_curve_has_one_hash(curve: Any, alg: str) -> None:
    keys = StaticKeys(*map(pem, (P256, P384, P521)))
    fits = (curve, alg) in ((P256, "ES256"), (P384, "ES384"), (P521, "ES512"))
    assert said(verifier(keys), token(header={"alg": alg}, sign=signer(curve, alg))) == ("ok" if fits else SIGNATURE)


CONFUSED: list[tuple[str, bytes]] = [
    ("its PEM", pem(RSA)),
    ("its PEM without the last line feed", pem(RSA).strip()),
    ("its DER", der(RSA)),
    ("its PKCS #1 PEM", pem(RSA, PUBLIC.PKCS1)),
    ("its PKCS #1 DER", der(RSA, PUBLIC.PKCS1)),
    ("its JWK", json.dumps(jwk(RSA)).encode()),
    ("its modulus", jwk(RSA)["n"].encode()),
]


@pytest.mark.parametrize(("sentence", "secret"), CONFUSED, ids=[row[0] for row in CONFUSED])
@pytest.mark.parametrize("alg", ["HS256", "RS256", "PS256"])
def test_a_public_key_is_never_a_secret(sentence: str, secret: bytes, alg: str) -> None:
    assert said(verifier(StaticKeys(pem(RSA))), token(header={"alg": alg}, sign=hs(secret))) == SIGNATURE


SIGNATURES: list[tuple[str, str, Any, Sign]] = [
    ("zeros for r and s (psychic)", "ES256", P256, lambda _: bytes(64)),
    ("zeros of another length", "ES256", P256, lambda _: bytes(65)),
    ("DER instead of r and s", "ES256", P256, lambda message: P256.sign(message, ec.ECDSA(hashes.SHA256()))),
    (
        "a zero before r and before s",
        "ES256",
        P256,
        lambda m: b"\0" + signer(P256, "ES256")(m)[:32] + b"\0" + signer(P256, "ES256")(m)[32:],
    ),
    ("r and s of one byte", "ES256", P256, lambda _: b"\1\1"),
    ("one byte", "ES256", P256, lambda _: b"\0"),
    (
        "s is the order of the group",
        "ES256",
        P256,
        lambda _: (
            (1).to_bytes(32, "big") + bytes.fromhex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")
        ),
    ),
    ("no RSA length", "RS256", RSA, lambda message: signer(RSA, "RS256")(message)[1:]),
    ("a zero before it", "RS256", RSA, lambda message: b"\0" + signer(RSA, "RS256")(message)),
    ("a zero after it", "RS256", RSA, lambda message: signer(RSA, "RS256")(message) + b"\0"),
    ("larger than the modulus", "RS256", RSA, lambda _: b"\xff" * 256),
    ("zeros", "RS256", RSA, lambda _: bytes(256)),
    ("larger than the modulus", "PS256", RSA, lambda _: b"\xff" * 256),
    (
        "a salt of another length",
        "PS256",
        RSA,
        lambda m: RSA.sign(m, padding.PSS(padding.MGF1(hashes.SHA256()), 0), hashes.SHA256()),
    ),
    (
        "another mask hash",
        "PS256",
        RSA,
        lambda m: RSA.sign(m, padding.PSS(padding.MGF1(hashes.SHA384()), 32), hashes.SHA256()),
    ),
    ("zeros", "EdDSA", ED, lambda _: bytes(64)),
    ("63 bytes", "EdDSA", ED, lambda message: ED.sign(message)[:63]),
    ("65 bytes", "EdDSA", ED, lambda message: ED.sign(message) + b"\0"),
    ("one byte", "EdDSA", ED, lambda _: b"\0"),
    ("s beyond the order", "EdDSA", ED, lambda message: ED.sign(message)[:32] + b"\xff" * 32),
]


@pytest.mark.parametrize(
    ("sentence", "alg", "key", "sign"), SIGNATURES, ids=[f"{row[1]}: {row[0]}" for row in SIGNATURES]
)
def test_a_malformed_signature_is_a_bad_one(sentence: str, alg: str, key: Any, sign: Sign) -> None:
    assert said(verifier(StaticKeys(pem(key))), token(header={"alg": alg}, sign=sign)) == SIGNATURE


@pytest.mark.parametrize("member", ["jwk", "jku", "x5u", "x5c"])
def test_a_key_that_the_token_brings_along_is_not_used(member: str) -> None:
    brought: Any = {"jwk": jwk(P256_B), "jku": "https://evil.example/", "x5u": "https://evil.example/", "x5c": ["MII"]}
    header = {"alg": "ES256", member: brought[member]}
    assert said(verifier(StaticKeys(jwk(P256))), token(header=header, sign=signer(P256_B, "ES256"))) == SIGNATURE


@pytest.mark.parametrize("text", ['["a", "b"]' + " " * 30, '{"a": "b"}' + " " * 30], ids=["list", "mapping"])
def test_a_secret_that_happens_to_be_json_is_one_secret(text: str) -> None:
    by = verifier(HMACKey(text))
    secrets = (text.encode(), b"a", b"b", b"")
    assert [said(by, token(sign=hs(secret))) for secret in secrets] == ["ok", SIGNATURE, SIGNATURE, SIGNATURE]


@pytest.mark.parametrize("make", [str, str.encode, Secret], ids=["text", "bytes", "Starlette's Secret"])
def test_a_secret_may_be_text_bytes_or_starlettes_secret(make: Any) -> None:
    assert said(verifier(HMACKey(make("s" * 64))), token(sign=hs(b"s" * 64))) == "ok"


# --- choosing a key

KIDS: list[tuple[str, tuple[Any, ...], Any, str | None, str]] = [
    ("it names the key", (jwk(P256, kid="a"), jwk(P256_B, kid="b")), P256_B, "b", "ok"),
    ("it names another key", (jwk(P256, kid="a"), jwk(P256_B, kid="b")), P256_B, "a", SIGNATURE),
    ("it names no key", (jwk(P256, kid="a"),), P256, "x", SIGNATURE),
    ("it is in another case", (jwk(P256, kid="a"),), P256, "A", SIGNATURE),
    ("it has a blank", (jwk(P256, kid="a"),), P256, "a ", SIGNATURE),
    ("it is empty", (jwk(P256, kid="a"),), P256, "", SIGNATURE),
    ("it is a path", (jwk(P256, kid="a"),), P256, "../../dev/null", SIGNATURE),
    ("it is a lone surrogate", (jwk(P256, kid="a"),), P256, "\ud800", SIGNATURE),
    ("there is none, and one key", (jwk(P256, kid="a"),), P256, None, "ok"),
    ("there is none, and one key of the algorithm", (jwk(P256, kid="a"), jwk(P384, kid="b")), P256, None, "ok"),
    ("there is none, and two keys", (jwk(P256, kid="a"), jwk(P256_B, kid="b")), P256, None, SIGNATURE),
    ("there is none, and two keys, one unnamed", (jwk(P256), jwk(P256_B, kid="b")), P256, None, SIGNATURE),
    ("there is one, and an unnamed key", (pem(P256),), P256, "x", "ok"),
    ("there is one, and two unnamed keys", (pem(P256), pem(P256_B)), P256, "x", SIGNATURE),
    ("it names a key beside an unnamed one", (pem(P256), jwk(P256_B, kid="b")), P256_B, "b", "ok"),
    ("it names a key, and the unnamed one signed", (pem(P256), jwk(P256_B, kid="b")), P256, "b", SIGNATURE),
    (
        "it names a key of another algorithm, and an unnamed one signed",
        (pem(P256), jwk(P384, kid="b")),
        P256,
        "b",
        SIGNATURE,
    ),
]


@pytest.mark.parametrize(("sentence", "keys", "key", "kid", "answer"), KIDS, ids=[row[0] for row in KIDS])
def test_the_kid(sentence: str, keys: tuple[Any, ...], key: Any, kid: str | None, answer: str) -> None:
    header = {"alg": "ES256"} if kid is None else {"alg": "ES256", "kid": kid}
    assert said(verifier(StaticKeys(*keys)), token(header=header, sign=signer(key, "ES256"))) == answer


@pytest.mark.parametrize("order", list(itertools.permutations(["r", "e", "o"])), ids="".join)
def test_the_order_of_a_mixed_set_does_not_matter(order: tuple[str, ...]) -> None:
    mixed = {"r": (RSA, "PS384"), "e": (P521, "ES512"), "o": (ED, "EdDSA")}
    by = verifier(StaticKeys({"keys": [jwk(mixed[kid][0], kid=kid) for kid in order]}))
    made = [token(header={"alg": alg, "kid": kid}, sign=signer(key, alg)) for kid, (key, alg) in mixed.items()]
    assert [said(by, text) for text in made] == ["ok", "ok", "ok"]


def test_a_jwk_is_bound_to_its_own_alg() -> None:
    by = verifier(StaticKeys(jwk(RSA, alg="RS512")))
    algs = FAMILIES[0][2]
    made = {alg: said(by, token(header={"alg": alg}, sign=signer(RSA, alg))) for alg in algs}
    assert made == {alg: "ok" if alg == "RS512" else SIGNATURE for alg in algs}


MATERIALS: list[tuple[str, Any]] = [
    ("PEM bytes", pem(RSA)),
    ("PEM text", pem(RSA).decode()),
    ("PEM with white space around", b"\n  " + pem(RSA) + b"\n\n"),
    ("PEM with the line ends of Windows", pem(RSA).replace(b"\n", b"\r\n")),
    ("PKCS #1 PEM", pem(RSA, PUBLIC.PKCS1)),
    ("a certificate", certificate(RSA)),
    ("a JWK", jwk(RSA)),
    ("a JWK for signatures", jwk(RSA, use="sig", key_ops=["verify"], alg="RS256", kid="k", x5t="x")),
    ("JWK text", json.dumps(jwk(RSA))),
    ("JWK bytes", json.dumps(jwk(RSA)).encode()),
    ("a JWKS", {"keys": [jwk(RSA)]}),
    ("JWKS text", json.dumps({"keys": [jwk(RSA), jwk(P256)]})),
]


@pytest.mark.parametrize("filed", [False, True], ids=["given", "in a file"])
@pytest.mark.parametrize(("sentence", "material"), MATERIALS, ids=[row[0] for row in MATERIALS])
def test_public_keys_come_in_many_forms(sentence: str, material: Any, filed: bool, tmp_path: Path) -> None:
    if filed:
        text = json.dumps(material) if isinstance(material, dict) else material
        path = tmp_path / "keys"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        material = path
    assert said(verifier(StaticKeys(material)), token(header={"alg": "RS256"}, sign=signer(RSA, "RS256"))) == "ok"


def test_what_was_given_may_change_later() -> None:
    given: dict[str, Any] = {"keys": [jwk(P256)]}
    by = verifier(StaticKeys(given))
    given["keys"][0].update(jwk(P256_B))
    given["keys"].clear()
    assert said(by, token(header={"alg": "ES256"}, sign=signer(P256, "ES256"))) == "ok"
