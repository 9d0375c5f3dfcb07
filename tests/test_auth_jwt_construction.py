"""`auth.jwt` and `auth.keys`: what is refused at construction."""

import base64
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed448, x25519

from asgi_middleware import ConfigError, MissingExtra
from asgi_middleware.auth import JWT, Bearer, HMACKey, StaticKeys

from .tokens import (
    ED,
    ENCODING,
    K256,
    P256,
    P256_B,
    P384,
    PUBLIC,
    RSA,
    SECRET,
    b64,
    certificate,
    der,
    jwk,
    number,
    pem,
    private_pem,
    said,
    signer,
    token,
    verifier,
)

# --- what is refused at the start

PASS_PUBLIC = "pass the key itself, or Path(...) to its file"
KEEP = "pass the public one; keep this where tokens are made"
LEAVE_OUT = "leave it out"
KINDS = "use RSA, P-256, P-384, P-521 or Ed25519"
MAKE = "make one: python -c 'import secrets; print(secrets.token_urlsafe(64))'"
SOURCES = "pass HMACKey(...) or StaticKeys(...)"


def weak_rsa() -> dict[str, Any]:
    """A modulus of 1,024 bits; whether it is a product of two primes does not show."""
    return {"kty": "RSA", "n": number(2**1023 + 2**512 + 12345), "e": "AQAB"}


PRIVATE = private_pem(RSA)
BODY_OF_PEM = b"".join(pem(RSA).splitlines()[1:-1])
KNOWN_TO_OTHERS: list[tuple[str, str | bytes]] = [
    ("a public key in PEM", pem(RSA)),
    ("a public key in PEM, as text", pem(RSA).decode()),
    ("a public key in PKCS #1 PEM", pem(RSA, PUBLIC.PKCS1)),
    ("a public key in PEM after white space", b"\n " + pem(P256)),
    ("a certificate in PEM", certificate(P256)),
    ("a private key in PEM", PRIVATE),
    ("an RSA key in DER", der(RSA)),
    ("an RSA key in PKCS #1 DER", der(RSA, PUBLIC.PKCS1)),
    ("a P-256 key in DER", der(P256)),
    ("an Ed25519 key in DER", der(ED)),
    ("a certificate in DER", base64.b64decode(b"".join(certificate(P256).splitlines()[1:-1]))),
    ("the body of a PEM, in one line", BODY_OF_PEM),
    ("the body of a PEM, in lines", b"\n".join(pem(RSA).splitlines()[1:-1])),
    ("the body of a PEM, with the line ends of Windows", b"\r\n".join(pem(P256).splitlines()[1:-1])),
    ("an OpenSSH key", RSA.public_key().public_bytes(ENCODING.OpenSSH, PUBLIC.OpenSSH)),
    ("an OpenSSH key on a curve", P256.public_key().public_bytes(ENCODING.OpenSSH, PUBLIC.OpenSSH)),
]
UNFIT: list[tuple[str, Any, str]] = [
    ("empty text", "", PASS_PUBLIC),
    ("None", None, PASS_PUBLIC),
    ("a list of keys", [jwk(P256)], PASS_PUBLIC),
    ("a secret", SECRET, PASS_PUBLIC),
    ("an RSA key in DER", der(RSA), PASS_PUBLIC),
    ("JSON nested deep", "[" * 100_000, PASS_PUBLIC),
    ("a JWK without kty", {"n": "AQAB"}, PASS_PUBLIC),
    ("a JWKS of text", {"keys": ["x"]}, PASS_PUBLIC),
    ("a JWKS whose keys are a mapping", {"keys": {}}, PASS_PUBLIC),
    ("a secret as a JWK", {"kty": "oct", "k": b64(SECRET).decode()}, "use HMACKey for it"),
    ("a private key in PEM", PRIVATE, KEEP),
    ("a private key in PKCS #1 PEM", private_pem(RSA, serialization.PrivateFormat.TraditionalOpenSSL), KEEP),
    ("a private EC key in PEM", private_pem(P256, serialization.PrivateFormat.TraditionalOpenSSL), KEEP),
    ("a private OpenSSH key", private_pem(ED, serialization.PrivateFormat.OpenSSH), KEEP),
    ("a public and a private key in one PEM", pem(RSA) + PRIVATE, KEEP),
    ("a certificate and its private key in one PEM", certificate(RSA) + PRIVATE, KEEP),
    ("a private RSA JWK", jwk(RSA, d="AQAB"), KEEP),
    ("a private EC JWK", jwk(P256, d="AQAB"), KEEP),
    ("a private Ed25519 JWK", jwk(ED, d="AQAB"), KEEP),
    ("a JWK with one prime", jwk(RSA, p="AQAB"), KEEP),
    ("use: enc", jwk(RSA, use="enc"), LEAVE_OUT),
    ("use: null", jwk(RSA, use=None), LEAVE_OUT),
    ("key_ops: encrypt", jwk(RSA, key_ops=["encrypt"]), LEAVE_OUT),
    ("key_ops: sign alone", jwk(RSA, key_ops=["sign"]), LEAVE_OUT),
    ("key_ops as text", jwk(RSA, key_ops="verify"), LEAVE_OUT),
    ("key_ops: null", jwk(RSA, key_ops=None), LEAVE_OUT),
    ("a kid that is no text", jwk(RSA, kid=5), "mend the JWK"),
    ("an alg that is no text", jwk(RSA, alg=["RS256"]), "mend the JWK"),
    ("an alg of another key", jwk(RSA, alg="ES256"), "mend the JWK's `alg`"),
    ("an alg of another curve", jwk(P384, alg="ES256"), "mend the JWK's `alg`"),
    ("an alg for encryption", jwk(RSA, alg="RSA-OAEP"), "mend the JWK's `alg`"),
    ("an alg for secrets", jwk(RSA, alg="HS256"), "mend the JWK's `alg`"),
    ("alg none", jwk(RSA, alg="none"), "mend the JWK's `alg`"),
    ("an unknown kty", {"kty": "AKP"}, "use RSA, EC or Ed25519"),
    ("secp256k1 as a JWK", jwk(K256), "mend it"),
    ("secp256k1 in PEM", pem(K256), KINDS),
    ("Ed448 in PEM", pem(ed448.Ed448PrivateKey.generate()), KINDS),
    ("X25519 in PEM", pem(x25519.X25519PrivateKey.generate()), KINDS),
    ("RSA of 1,024 bits", weak_rsa(), "make a new key"),
    ("RSA without n", {"kty": "RSA", "e": "AQAB"}, "mend it"),
    ("RSA with a number for n", {"kty": "RSA", "n": 5, "e": "AQAB"}, "mend it"),
    ("RSA with an exponent of one", {**jwk(RSA), "e": "AQ"}, "mend it"),
    ("RSA with an even exponent", {**jwk(RSA), "e": "BA"}, "mend it"),
    ("EC without crv", {**jwk(P256), "crv": None}, "mend it"),
    ("a point that is not on its curve", {**jwk(P256), "x": jwk(P256_B)["x"]}, "mend it"),
    ("P-256 numbers called P-384", {**jwk(P256), "crv": "P-384"}, "mend it"),
    ("Ed25519 without x", {"kty": "OKP", "crv": "Ed25519"}, "mend it"),
    ("Ed25519 of 31 bytes", {**jwk(ED), "x": b64(bytes(31)).decode()}, "mend it"),
    ("X25519 as a JWK", {**jwk(ED), "crv": "X25519"}, "mend it"),
    ("PEM that is cut", pem(RSA)[:200], PASS_PUBLIC),
    ("PEM armour around junk", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "mend it"),
]
WRONG: list[tuple[str, Callable[[], Any], list[tuple[str, str]]]] = [
    ("HMACKey: an empty secret", lambda: HMACKey(""), [("secret", MAKE)]),
    ("HMACKey: one byte", lambda: HMACKey(b"x"), [("secret", MAKE)]),
    ("HMACKey: eight bytes", lambda: HMACKey(b"x" * 8), [("secret", MAKE)]),
    ("HMACKey: 31 bytes for HS256", lambda: HMACKey(b"x" * 31), [("secret", MAKE)]),
    ("HMACKey: 47 bytes for HS384", lambda: HMACKey(b"x" * 47, alg="HS384"), [("secret", MAKE)]),
    ("HMACKey: 63 bytes for HS512", lambda: HMACKey(b"x" * 63, alg="HS512"), [("secret", MAKE)]),
    ("HMACKey: None", lambda: HMACKey(None), [("secret", "read it from a file")]),  # type: ignore[arg-type]
    ("HMACKey: a list", lambda: HMACKey([SECRET]), [("secret", "read it from a file")]),  # type: ignore[arg-type]
    (
        "HMACKey: an algorithm for public keys, and a short secret",
        lambda: HMACKey("x", alg="RS256"),
        [("alg", "use one of 'HS256', 'HS384', 'HS512'"), ("secret", MAKE)],
    ),
    *((f"HMACKey: {name}", partial(HMACKey, value), [("secret", "use StaticKeys")]) for name, value in KNOWN_TO_OTHERS),
    ("StaticKeys: nothing", lambda: StaticKeys(), [("keys", "pass PEM, a JWK or a JWKS")]),
    *((f"StaticKeys: {name}", partial(StaticKeys, value), [("keys[1]", remedy)]) for name, value, remedy in UNFIT),
    ("StaticKeys: a file that is not there", lambda: StaticKeys(Path("/nowhere/keys")), [("keys[1]", "mend the path")]),
    (
        "StaticKeys: one kid twice",
        lambda: StaticKeys(jwk(P256, kid="a"), {"keys": [jwk(P384, kid="a")]}),
        [("keys[2]", "give each key its own")],
    ),
    (
        "StaticKeys: several at once",
        lambda: StaticKeys(PRIVATE, jwk(P256), weak_rsa(), {"keys": [jwk(RSA, use="enc"), {"kty": "oct"}]}),
        [
            ("keys[1]", KEEP),
            ("keys[3]", "make a new key"),
            ("keys[4]", LEAVE_OUT),
            ("keys[4]", "use HMACKey for it"),
        ],
    ),
    ("JWT: no keys", lambda: verifier(object()), [("keys", SOURCES)]),
    ("JWT: a secret for keys", lambda: verifier("x" * 32), [("keys", SOURCES)]),
    ("JWT: a secret in bytes for keys", lambda: verifier(SECRET), [("keys", SOURCES)]),
    ("JWT: a class for keys", lambda: verifier(HMACKey), [("keys", SOURCES)]),
    (
        "JWT: neither issuer nor audience",
        lambda: JWT(HMACKey(SECRET)),
        [("issuer", "or set any_issuer=True"), ("audience", "or set any_audience=True")],
    ),
    (
        "JWT: empty names",
        lambda: verifier(issuer="", audience=[]),
        [("issuer", "name the issuer"), ("audience", "name the audience")],
    ),
    ("JWT: an empty name among others", lambda: verifier(audience=["api", ""]), [("audience", "name the audience")]),
    (
        "JWT: names and their waivers",
        lambda: verifier(any_issuer=True, any_audience=True),
        [("issuer", "leave one of them out"), ("audience", "leave one of them out")],
    ),
    (
        "JWT: a waiver that is a number",
        lambda: verifier(any_issuer=1, issuer=None),
        [("any_issuer", "use one of False, True")],
    ),
    *(
        (f"JWT: a leeway of {leeway!r}", partial(verifier, leeway=leeway), [("leeway", "write 30")])
        for leeway in (-1, 301, 0.5, 30.0, "30", None, True, float("nan"))
    ),
    ("JWT: typ as one text", lambda: verifier(typ="at+jwt"), [("typ", "write ['at+jwt']")]),
    ("JWT: typ with a number", lambda: verifier(typ=["jwt", 5]), [("typ", "write ['at+jwt']")]),
    (
        "JWT: a clock that is a number",
        lambda: verifier(clock=5),
        [("clock", "pass a callable, or leave the option out")],
    ),
    ("JWT: no clock", lambda: verifier(clock=None), [("clock", "pass a callable, or leave the option out")]),
    (
        "JWT: several at once",
        lambda: JWT(None, leeway=-1, typ="x"),  # type: ignore[arg-type]  # on purpose
        [
            ("keys", SOURCES),
            ("issuer", "or set any_issuer=True"),
            ("audience", "or set any_audience=True"),
            ("leeway", "write 30"),
            ("typ", "write ['x']"),
        ],
    ),
    (
        "Bearer: keys instead of a verifier, and a user that is a name",
        lambda: Bearer(HMACKey(SECRET), user="ada"),  # type: ignore[arg-type]
        [
            ("verifier", "pass JWT(keys, issuer=..., audience=...)"),
            ("user", "pass a callable, or leave the option out"),
        ],
    ),
    ("Bearer: a class", lambda: Bearer(JWT), [("verifier", "pass JWT(keys, issuer=..., audience=...)")]),
]


@pytest.mark.parametrize(("sentence", "make", "problems"), WRONG, ids=[row[0] for row in WRONG])
def test_a_wrong_configuration_is_refused_whole(
    sentence: str, make: Callable[[], Any], problems: list[tuple[str, str]]
) -> None:
    with pytest.raises(ConfigError) as caught:
        make()
    assert [(problem.option, problem.remedy) for problem in caught.value.problems] == problems


# Refused is what they must be; how is not decided yet.
REFUSED_SOMEHOW: list[tuple[str, Callable[[], Any], str]] = [
    ("a JWKS without keys", lambda: StaticKeys({"keys": []}), "keys[1]"),
    ("a file name with a NUL", lambda: StaticKeys(Path("\0")), "keys[1]"),
    ("material with a lone surrogate", lambda: StaticKeys("\ud800"), "keys[1]"),
    # what os.environ gives where the variable is not UTF-8
    ("a secret with lone surrogates", lambda: HMACKey("\udcff" * 32), "secret"),
    ("algorithms in a list", lambda: HMACKey(SECRET, alg=["HS256"]), "alg"),  # type: ignore[arg-type]
    ("a public key after its bag attributes", lambda: HMACKey(b"Bag Attributes\n" + pem(RSA)), "secret"),
    ("a public key after a byte order mark", lambda: HMACKey(b"\xef\xbb\xbf" + pem(RSA)), "secret"),
    ("a line of authorized_keys", lambda: HMACKey("restrict ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKi"), "secret"),
    ("a public JWK as text", lambda: HMACKey(json.dumps(jwk(RSA))), "secret"),
    ("a public JWKS as text", lambda: HMACKey(json.dumps({"keys": [jwk(RSA)]})), "secret"),
]


@pytest.mark.parametrize(("sentence", "make", "option"), REFUSED_SOMEHOW, ids=[row[0] for row in REFUSED_SOMEHOW])
def test_odd_material_is_a_config_error_that_names_its_option(
    sentence: str, make: Callable[[], Any], option: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        make()
    assert {problem.option for problem in caught.value.problems} == {option}


@pytest.mark.parametrize("size", [(32, "HS256"), (48, "HS384"), (64, "HS512")], ids=lambda size: size[1])
def test_a_secret_may_be_as_short_as_its_hash(size: tuple[int, str]) -> None:
    length, alg = size
    secret = b"\xc3\xa9" * (length // 2)  # counted in bytes, not in letters
    by = verifier(HMACKey(secret.decode(), alg=alg))
    assert said(by, token(header={"alg": alg}, sign=signer(secret, alg))) == "ok"


WITHOUT: list[tuple[str, Callable[[], Any]]] = [
    ("HMACKey", lambda: HMACKey(SECRET)),
    ("StaticKeys", lambda: StaticKeys(jwk(P256))),
]


@pytest.mark.parametrize(("owner", "make"), WITHOUT, ids=[row[0] for row in WITHOUT])
def test_without_python_jose_the_extra_is_named(
    owner: str, make: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jose", None)
    with pytest.raises(MissingExtra) as caught:
        make()
    assert (caught.value.owner, caught.value.extra) == (owner, "jwt")
    assert caught.value.problems[0].remedy == "install it: pip install 'asgi-middleware[jwt]'"


@pytest.mark.parametrize(("owner", "make"), WITHOUT, ids=[row[0] for row in WITHOUT])
def test_python_jose_on_its_slow_code_is_refused(
    owner: str, make: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jose.jwk.get_key", lambda alg: object)
    with pytest.raises(MissingExtra) as caught:
        make()
    assert (caught.value.owner, caught.value.extra) == (owner, "jwt")
