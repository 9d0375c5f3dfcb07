"""`auth.jwt`, `auth.keys` and `auth.jwks` to the letter: what a refusal says, and bounds that no other test tells."""

import base64
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from asgi_middleware import ConfigError, MissingExtra
from asgi_middleware.auth import JWKS, JWT, OIDC, HMACKey, Issuers, StaticKeys
from asgi_middleware.auth.material import ALGORITHMS

from .authenticating import never, refused
from .test_auth_jwt_construction import PRIVATE, weak_rsa
from .tokens import ED, K256, P256, P384, RSA, SECRET, jwk, pem, said, signer, token, verifier

# --- what a refusal says


async def later() -> float:
    return 0.0


A = "https://a.example/"
Row = tuple[str, Any, tuple[Any, ...], dict[str, Any], list[str]]
REFUSALS: list[Row] = [
    (
        "HMACKey",
        HMACKey,
        ("short",),
        {"alg": "none"},
        [
            "alg: 'none': is not among the choices; use one of 'HS256', 'HS384', 'HS512'",
            (
                "secret: 5 bytes: must have at least the 32 bytes of its hash; make one: python -c 'import "
                "secrets; print(secrets.token_urlsafe(64))'"
            ),
        ],
    ),
    ("HMACKey", HMACKey, (5,), {"alg": "HS512"}, ["secret: int: must be text or bytes; read it from a file"]),
    (
        "HMACKey",
        HMACKey,
        (SECRET,),
        {"alg": "HS384"},
        [
            (
                "secret: 32 bytes: must have at least the 48 bytes of its hash; make one: python -c 'import "
                "secrets; print(secrets.token_urlsafe(64))'"
            ),
        ],
    ),
    (
        "HMACKey",
        HMACKey,
        (pem(RSA),),
        {},
        ["secret: a key or certificate: is known to others, who could sign with it; use StaticKeys"],
    ),
    ("StaticKeys", StaticKeys, (), {}, ["keys: names no key; pass PEM, a JWK or a JWKS"]),
    (
        "StaticKeys",
        StaticKeys,
        ("x", {"kty": "oct"}, jwk(RSA, use="enc"), jwk(RSA, d="AQAB"), jwk(RSA, kid=5), {"keys": []}),
        {},
        [
            "keys[1]: is neither PEM nor a JWK nor a JWKS; pass the key itself, or Path(...) to its file",
            "keys[2]: is a secret among public keys; use HMACKey for it",
            "keys[3]: is not for signatures (`use`, `key_ops`); leave it out",
            "keys[4]: is a private key; pass the public one; keep this where tokens are made",
            "keys[5]: `kid` and `alg` must be text; mend the JWK",
            "keys[6]: is a JWKS without keys; pass one that has some",
        ],
    ),
    (
        "StaticKeys",
        StaticKeys,
        (jwk(P256, kid="a"), jwk(ED, kid="a"), PRIVATE, Path("/nowhere"), jwk(P384, alg="ES256")),
        {},
        [
            "keys[2]: 'a': is the `kid` of another key too; give each key its own",
            "keys[3]: holds a private key; pass the public one; keep this where tokens are made",
            "keys[4]: '/nowhere': cannot be read (FileNotFoundError); mend the path",
            "keys[5]: 'ES256': does not fit the key; mend the JWK's `alg`",
        ],
    ),
    (
        "StaticKeys",
        StaticKeys,
        (weak_rsa(), jwk(K256), {"kty": "DSA"}, {"kty": "RSA"}, {"kty": "OKP", "crv": "Ed448"}),
        {},
        [
            "keys[1]: RSA of 1024 bits: is weaker than 2048 bits; make a new key",
            "keys[2]: is not a readable public key (KeyError); mend it",
            "keys[3]: 'DSA': is of an unknown kind; use RSA, EC or Ed25519",
            "keys[4]: is not a readable public key (ValueError); mend it",
            "keys[5]: is not a readable public key (ValueError); mend it",
        ],
    ),
    (
        "JWT",
        JWT,
        (5,),
        {},
        [
            "keys: int: is no source of keys; pass HMACKey(...) or StaticKeys(...)",
            "issuer: must be given: any other issuer's tokens would pass; or set any_issuer=True",
            "audience: must be given: any other audience's tokens would pass; or set any_audience=True",
        ],
    ),
    (
        "JWT",
        JWT,
        (HMACKey(SECRET),),
        {"issuer": "", "audience": [], "any_issuer": 5, "leeway": 301, "typ": "jwt", "revoked": 5, "clock": later},
        [
            "any_issuer: 5: is not among the choices; use one of False, True",
            "issuer: '': contradicts any_issuer=True; leave one of them out",
            "audience: []: must not be empty; name the audience",
            "leeway: 301: must be a whole number, 0 to 300 seconds; write 30",
            "typ: 'jwt': must be a collection of strings, not one string; write ['jwt']",
            "revoked: 5: must be a function; pass a callable, or leave the option out",
            "clock: an async function: must answer at once; pass a plain function",
        ],
    ),
    (
        "JWT",
        JWT,
        (HMACKey(SECRET),),
        {"issuer": 5, "audience": "api", "any_audience": True, "typ": b"jwt", "clock": 5},
        [
            "issuer: 5: must be a collection of strings; write ['api']",
            "audience: 'api': contradicts any_audience=True; leave one of them out",
            "typ: b'jwt': must be a collection of strings, not one string; write ['at+jwt']",
            "clock: 5: must be a function; pass a callable, or leave the option out",
        ],
    ),
    (
        "JWT",
        JWT,
        (OIDC(A),),
        {"issuer": ["b", "a", ""], "audience": "api"},
        [
            "issuer: ['b', 'a', '']: must not be empty; name the issuer",
            "issuer: 'a': is none that there are keys for; name some of these, or none",
            "issuer: 'b': is none that there are keys for; name some of these, or none",
        ],
    ),
    (
        "JWT",
        JWT,
        (OIDC(A),),
        {"any_issuer": True, "audience": b"api"},
        [
            "any_issuer: True: contradicts keys that are for known issuers; leave it out",
            "audience: b'api': must be a collection of strings, not one string; write ['api']",
        ],
    ),
    (
        "JWKS",
        JWKS,
        (5,),
        {"fetch": 5, "clock": later},
        [
            "url: int: must be text; write 'https://...'",
            "fetch: 5: must be a function; pass a callable, or leave the option out",
            "clock: an async function: must answer at once; pass a plain function",
        ],
    ),
    (
        "JWKS",
        JWKS,
        ("http://a.example",),
        {"fetch": never, "clock": None},
        [
            "url: 'http://a.example': must be https: anybody on the way could put in keys; write 'https://...'",
            "fetch: an async function: must answer at once; pass a plain function",
            "clock: None: must be a function; pass a callable, or leave the option out",
        ],
    ),
    (
        "JWKS",
        JWKS,
        ("https://ada:squeamish@a.example",),
        {},
        ["url: holds a user name or password; pass a `fetch` that sends them"],
    ),
    (
        "JWKS",
        JWKS,
        ("https://a.example/?squeamish#a",),
        {},
        ["url: 'https://a.example/?...': has a fragment, which is never sent; leave it out"],
    ),
    ("JWKS", JWKS, ("https://:1",), {}, ["url: 'https://:1': names no host; write 'https://idp.example/...'"]),
    ("JWKS", JWKS, ("a.example",), {}, ["url: 'a.example': is no address over HTTP; write 'https://...', in ASCII"]),
    (
        "OIDC",
        OIDC,
        ("https://a.example/?squeamish",),
        {},
        ["issuer: 'https://a.example/?...': has a query; leave it out"],
    ),
    ("Issuers", Issuers, ({},), {}, ["sources: must map issuers to keys; write {'https://idp.example/': JWKS(...)}"]),
    (
        "Issuers",
        Issuers,
        ([],),
        {},
        ["sources: list: must map issuers to keys; write {'https://idp.example/': JWKS(...)}"],
    ),
    (
        "Issuers",
        Issuers,
        ({"": 5, A: OIDC("https://b.example")},),
        {},
        [
            "sources: '': must be a string that is not empty; write 'https://idp.example/'",
            "sources: int: is no source of keys; pass JWKS(...) or StaticKeys(...)",
            "sources: 'https://a.example/': is not the issuer that its source is for; make them the same",
        ],
    ),
]


def sentence(row: Row) -> str:
    return f"{row[0]}: {row[4][0]}"


@pytest.mark.parametrize(("owner", "make", "given", "options", "problems"), REFUSALS, ids=map(sentence, REFUSALS))
def test_what_a_refusal_says(
    owner: str, make: Any, given: tuple[Any, ...], options: dict[str, Any], problems: list[str]
) -> None:
    assert refused(make, *given, **options) == (owner, problems)


# --- other details


def test_one_text_may_hold_several_keys() -> None:
    keys = StaticKeys(pem(P256) + b"and\n" + pem(ED) + pem(P384))
    assert repr(keys) == "StaticKeys(<3 keys>)"
    by = verifier(keys)
    assert said(by, token(header={"alg": "ES256"}, sign=signer(P256, "ES256"))) == "ok"
    assert said(by, token(header={"alg": "EdDSA"}, sign=signer(ED, "EdDSA"))) == "ok"


def sequence(length: bytes, size: int, tag: bytes = b"0") -> bytes:
    """What begins as a DER SEQUENCE of this length, and has `size` bytes of content."""
    return tag + length + b"\xff" * size


DER: list[tuple[str, bytes, bool]] = [
    ("the shortest that is one", sequence(b"\x2a", 42), True),
    ("shorter, so chance", sequence(b"\x29", 41), False),
    ("the longest of the short form", sequence(b"\x7f", 127), True),
    ("a short form that is too long", sequence(b"\x2a", 43), False),
    ("a short form that is too short", sequence(b"\x2c", 43), False),
    ("a length that is not said", sequence(b"\x80", 128), False),
    ("a length in one byte", sequence(b"\x81\x80", 128), True),
    ("a length in two bytes", sequence(b"\x82\x01\x00", 256), True),
    ("two bytes the other way round", sequence(b"\x82\x00\x80", 32768), False),
    ("a length in three bytes", sequence(b"\x83\x01\x00\x00", 65536), True),
    ("a length in four bytes", sequence(b"\x84\x00\x01\x00\x00", 65536), False),
    ("a longer form that is too long", sequence(b"\x81\x80", 129), False),
    ("a longer form that is too short", sequence(b"\x81\x80", 127), False),
    ("a SET", sequence(b"\x2a", 42, b"1"), False),
    ("with white space around", b"\n " + sequence(b"\x2a", 42) + b"\n", True),
    ("with a line end as its last byte", b"0\x2a" + b"\xff" * 41 + b"\n", True),
    ("as Base64", base64.b64encode(sequence(b"\x2a", 42)), True),
    ("as Base64 in lines", base64.encodebytes(sequence(b"\x7f", 127)), True),
    ("as Base64 with other characters in it", b"!!!!" + base64.b64encode(sequence(b"\x2a", 42)), False),
]


@pytest.mark.parametrize(("sentence", "secret", "is_key"), DER, ids=[row[0] for row in DER])
def test_a_secret_that_is_der_is_none(sentence: str, secret: bytes, is_key: bool) -> None:
    if is_key:
        with pytest.raises(ConfigError, match="known to others"):
            HMACKey(secret)
    else:
        HMACKey(secret)


NEEDING: list[tuple[str, Callable[[], Any]]] = [
    ("HMACKey: secret", lambda: HMACKey(SECRET)),
    ("StaticKeys: keys", lambda: StaticKeys(jwk(P256))),
    ("JWKS: url", lambda: JWKS(A)),
    ("OIDC: issuer", lambda: OIDC(A)),
]


@pytest.mark.parametrize(("who", "make"), NEEDING, ids=[row[0] for row in NEEDING])
def test_what_needs_a_package_says_which(who: str, make: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    rule = "{}: needs the package {}; install it: pip install 'asgi-middleware[jwt]'"
    for name, value, package in (
        ("jose", None, "python-jose[cryptography]"),
        ("jose.backends.cryptography_backend", None, "python-jose[cryptography]"),
        ("jose.backends.cryptography_backend", SimpleNamespace(CryptographyECKey=object), "cryptography"),
    ):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, name, value)
            with pytest.raises(MissingExtra) as caught:
                make()
        assert str(caught.value) == rule.format(who, package)


@pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "oth"])
def test_each_member_of_a_private_key_makes_it_one(member: str) -> None:
    with pytest.raises(ConfigError, match="is a private key"):
        StaticKeys(jwk(RSA, **{member: "AQAB"}))


def test_the_least_exponent_and_all_algorithms() -> None:
    assert repr(StaticKeys({**jwk(RSA), "e": "Aw"})) == "StaticKeys(<1 keys>)"
    families = {f"{family}{size}" for family in ("RS", "PS", "ES") for size in (256, 384, 512)}
    assert families | {"EdDSA"} == ALGORITHMS
