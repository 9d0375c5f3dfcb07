"""`auth.jwt` and `auth.keys`: every known way to pass a bad token, tried against a verifier with a clock of its own.

Tokens are made by a small signer here, on the standard library and `cryptography`, not by the library under test.
"""

import base64
import datetime
import hmac
import itertools
import json
import random
import sys
import traceback
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID
from starlette.datastructures import Secret

from asgi_middleware import AuthMiddleware, ConfigError, MissingExtra
from asgi_middleware.auth import JWT, AuthError, Bearer, HMACKey, StaticKeys, User

from . import apps
from .asgi import Exchange, WaitsForEver, drive, http

Sign = Callable[[bytes], bytes]
Outcome = tuple[Any, ...]

NOW = 1_700_000_000
SECRET = b"a secret of thirty-two bytes, ok"
ISSUER, AUDIENCE = "https://idp.example/", "api"
GOOD: dict[str, Any] = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "exp": NOW + 600, "scope": "read write"}

MALFORMED = "The token is malformed"
HEADER = "The token's header is malformed"
CRIT = "The token demands extensions that are not supported"
TYPE = "The token is of another type"
SIGNATURE = "The token's signature is not valid"
EXPIRED = "The token has expired"
EARLY = "The token is not valid yet"
OTHER_ISSUER = "The token is from another issuer"
OTHER_AUDIENCE = "The token is for another audience"

# --- the signer


def b64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def number(value: int, size: int | None = None) -> str:
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big")).decode()


def part(content: Mapping[str, Any] | str | bytes) -> bytes:
    if isinstance(content, bytes):
        return b64(content)
    return b64((content if isinstance(content, str) else json.dumps(content)).encode())


def hs(secret: bytes = SECRET, digest: str = "sha256") -> Sign:
    return lambda message: hmac.digest(secret, message, digest)


def token(
    claims: Mapping[str, Any] | str | bytes = GOOD,
    header: Mapping[str, Any] | str | bytes | None = None,
    sign: Sign | None = None,
) -> bytes:
    """A signed token; HS256 where nothing else is said. Text and bytes stand as they are, before base64."""
    signed = part({"alg": "HS256", "typ": "JWT"} if header is None else header) + b"." + part(claims)
    return signed + b"." + b64((sign or hs())(signed))


def headed(**header: Any) -> bytes:
    """A good HS256 token with these members in its header as well."""
    return token(header={"alg": "HS256", **header})


def claiming(**changes: Any) -> bytes:
    return token({**GOOD, **changes})


def lacking(*names: str) -> bytes:
    return token({name: value for name, value in GOOD.items() if name not in names})


def raw(name: str, text: str) -> str:
    """The good claims with one more member, its value as JSON text."""
    others = {key: value for key, value in GOOD.items() if key != name}
    return f'{json.dumps(others)[:-1]}, "{name}": {text}}}'


HASHES: dict[str, Any] = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}


def signer(key: Any, alg: str) -> Sign:
    """How `key` signs for `alg`, by the table of RFC 7518, 3.1 and RFC 8037, 3.1."""
    if alg == "EdDSA":
        return lambda message: bytes(key.sign(message))
    if isinstance(key, bytes):
        return hs(key, f"sha{alg[2:]}")
    hashed = HASHES[alg[2:]]
    if alg.startswith("RS"):
        return lambda message: bytes(key.sign(message, padding.PKCS1v15(), hashed))
    if alg.startswith("PS"):
        pss = padding.PSS(padding.MGF1(hashed), hashed.digest_size)
        return lambda message: bytes(key.sign(message, pss, hashed))

    def ecdsa(message: bytes) -> bytes:
        size = (key.curve.key_size + 7) // 8
        r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashed)))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")

    return ecdsa


RSA = rsa.generate_private_key(65537, 2048)
P256, P256_B, P256_C = (ec.derive_private_key(n, ec.SECP256R1()) for n in (7**90, 7**89, 7**88))
P384 = ec.derive_private_key(7**91, ec.SECP384R1())
P521 = ec.derive_private_key(7**92, ec.SECP521R1())
K256 = ec.derive_private_key(7**80, ec.SECP256K1())
ED = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
LONG = bytes(range(100, 164))

ENCODING, PUBLIC = serialization.Encoding, serialization.PublicFormat


def pem(key: Any, form: serialization.PublicFormat = PUBLIC.SubjectPublicKeyInfo) -> bytes:
    return bytes(key.public_key().public_bytes(ENCODING.PEM, form))


def der(key: Any, form: serialization.PublicFormat = PUBLIC.SubjectPublicKeyInfo) -> bytes:
    return bytes(key.public_key().public_bytes(ENCODING.DER, form))


def private_pem(key: Any, form: Any = serialization.PrivateFormat.PKCS8) -> bytes:
    return bytes(key.private_bytes(ENCODING.PEM, form, serialization.NoEncryption()))


def certificate(key: Any) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "idp")])
    day = datetime.datetime(2023, 1, 1, tzinfo=datetime.UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, day, day + datetime.timedelta(days=9))
    return made.sign(key, hashes.SHA256()).public_bytes(ENCODING.PEM)


def jwk(key: Any, **more: Any) -> dict[str, Any]:
    public = key.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        return {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e), **more}
    if isinstance(public, ed25519.Ed25519PublicKey):
        x = public.public_bytes(ENCODING.Raw, PUBLIC.Raw)
        return {"kty": "OKP", "crv": "Ed25519", "x": b64(x).decode(), **more}
    curves = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521", "secp256k1": "secp256k1"}
    point, size = public.public_numbers(), (public.curve.key_size + 7) // 8
    crv = curves[public.curve.name]
    return {"kty": "EC", "crv": crv, "x": number(point.x, size), "y": number(point.y, size), **more}


# --- asking


def verifier(keys: Any = None, **changes: Any) -> JWT:
    """A verifier of the good token; `changes` replace its options."""
    options: dict[str, Any] = {"issuer": ISSUER, "audience": AUDIENCE, "clock": lambda: NOW, **changes}
    return JWT(HMACKey(SECRET) if keys is None else keys, **options)


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that never suspends."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    coroutine.close()
    raise WaitsForEver


def said(by: JWT, text: bytes) -> str:
    """`ok`, or the text of the refusal; anything but AuthError 401 invalid_token travels on."""
    try:
        run(by.verify(text))
    except AuthError as error:
        if (error.status, error.code, error.args) != (401, "invalid_token", (error.description,)):
            raise
        return error.description
    return "ok"


def outcome(exchange: Exchange, scopes: list[Any]) -> Outcome:
    """What came of it: `("app", identity or None, scopes)`, or the whole refusal as status, headers, body."""
    if exchange.error is not None:
        raise exchange.error
    if scopes:
        (scope,) = scopes
        user = scope["user"]
        granted: list[str] = scope["auth"].scopes
        if isinstance(user, User):
            # every user that our backends identify has it, besides its own
            assert granted.pop(0) == "authenticated"
        return "app", (user.identity if user.is_authenticated else None), granted
    return exchange.status, exchange.headers, exchange.body.decode()


def ask(backend: Any, *authorization: str, loop: str | None = None, **options: Any) -> Outcome:
    """One request with these Authorization lines, through the middleware."""
    app, scopes = apps.remembers()
    headers = [("authorization", line) for line in authorization]
    exchange = drive(AuthMiddleware(app, backend, **options), http(headers=headers), loop=loop)
    return outcome(exchange, scopes)


def refusal(status: int, text: str, *challenges: str) -> Outcome:
    headers = [("content-length", str(len(text.encode()))), ("content-type", "text/plain; charset=utf-8")]
    return status, [*headers, *(("www-authenticate", line) for line in challenges)], text


def bad_token(text: str) -> Outcome:
    return refusal(401, text, f'Bearer error="invalid_token", error_description="{text}"')


BAD_REQUEST = refusal(
    400,
    "The bearer token is malformed",
    'Bearer error="invalid_request", error_description="The bearer token is malformed"',
)

# --- good tokens

RFC7515_CLAIMS = b"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
VECTORS: list[tuple[str, Any, bytes]] = [
    (
        "RFC 7515, A.1",
        HMACKey(
            base64.urlsafe_b64decode(
                b"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow=="
            )
        ),
        b"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." + RFC7515_CLAIMS + b".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    ),
    (
        "RFC 7515, A.3",
        StaticKeys(
            {
                "kty": "EC",
                "crv": "P-256",
                "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
            }
        ),
        b"eyJhbGciOiJFUzI1NiJ9."
        + RFC7515_CLAIMS
        + b".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
    ),
]


@pytest.mark.parametrize(("section", "keys", "text"), VECTORS, ids=[row[0] for row in VECTORS])
def test_the_examples_of_the_standard_verify(section: str, keys: Any, text: bytes) -> None:
    joe = JWT(keys, issuer="joe", any_audience=True, clock=lambda: 1300819379)
    assert run(joe.verify(text)) == {"iss": "joe", "exp": 1300819380, "http://example.com/is_root": True}


ACCEPTED: list[tuple[str, bytes]] = [
    ("as it is", token()),
    ("no typ", headed()),
    ("typ in lower case", headed(typ="jwt")),
    ("an access token of RFC 9068", headed(typ="at+jwt")),
    ("typ as a whole media type", headed(typ="application/at+jwt")),
    ("a kid, which a secret does not have", headed(kid="any")),
    ("header members that nobody knows", headed(x="1", jku="https://evil.example/", x5u="https://evil.example/")),
    ("white space in the JSON", token(json.dumps(GOOD, indent=4), '{ "alg" : "HS256" }\n')),
    ("times with a fraction", claiming(exp=NOW + 0.5, nbf=NOW - 0.5, iat=NOW - 0.25)),
    ("a time with an exponent", token(raw("exp", "2e9"))),
    ("the last second of the year 9999", claiming(exp=253402300799)),
    ("iat at the epoch", claiming(iat=0)),
    ("claims that nobody knows", claiming(x=[{"y": None}], jti=5)),
    ("letters beyond ASCII", token(json.dumps({**GOOD, "name": "Zoë 🙂"}, ensure_ascii=False))),
]


@pytest.mark.parametrize(("sentence", "text"), ACCEPTED, ids=[row[0] for row in ACCEPTED])
def test_a_good_token_names_its_user_and_scopes(sentence: str, text: bytes) -> None:
    assert ask(Bearer(verifier()), f"Bearer {text.decode()}") == ("app", "ada", ["read", "write"])


def test_the_user_carries_what_the_token_said() -> None:
    user = run(Bearer(verifier()).identify(http(headers=[("authorization", f"Bearer {token().decode()}")])))
    seen = (user.is_authenticated, user.identity, user.display_name, user.scheme, user.issuer, user.scopes, user.claims)
    assert seen == (True, "ada", "ada", "Bearer", ISSUER, ("read", "write"), GOOD)


# --- bad tokens

HEAD, BODY, TAIL = token().split(b".")


def respelled(header: bytes = HEAD, claims: bytes = BODY) -> bytes:
    """Signed as it is spelled: only the framing can refuse it."""
    return header + b"." + claims + b"." + b64(hs()(header + b"." + claims))


def loosened(segment: bytes) -> bytes:
    """Another spelling of the same bytes: bits set in the last character that a lenient decoder drops."""
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    assert len(segment) % 4, "a segment of whole groups has one spelling only"
    return segment[:-1] + bytes([alphabet[alphabet.index(segment[-1]) + 1]])


UNEVEN = part(json.dumps({**GOOD, "x": ""}).ljust(3 * 60 + 1))
BYTES_HEADER = part(b'{"alg":"HS256"} ')  # 16 bytes: its last character has spare bits
NESTED = 5900  # deep, in a token below 8 KB

FORMS: list[tuple[str, bytes]] = [
    ("no dot", b"abc"),
    ("one dot", b"abc.def"),
    ("dots alone", b".."),
    ("no signature", HEAD + b"." + BODY + b"."),
    ("no claims", HEAD + b".." + TAIL),
    ("no header", b"." + BODY + b"." + TAIL),
    ("a dot at the end", token() + b"."),
    ("a dot at the start", b"." + token()),
    ("three dots inside the claims", respelled(claims=BODY[:9] + b"..." + BODY[9:])),
    ("four dots inside the claims", respelled(claims=BODY[:5] + b"." + BODY[5:9] + b"..." + BODY[9:])),
    ("five segments, as an encrypted token has", b"eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..YQ.YQ.YQ"),
    ("padded signature", token() + b"="),
    ("the standard alphabet", respelled(claims=part(json.dumps({**GOOD, "x": "???>>>"})) + b"+/")),
    ("a loose last character in the header", respelled(loosened(BYTES_HEADER))),
    ("a loose last character in the claims", respelled(claims=loosened(UNEVEN))),
    ("a loose last character in the signature", HEAD + b"." + BODY + b"." + loosened(TAIL)),
    ("one character over in a segment", respelled(HEAD + b"A" * (1 + -len(HEAD) % 4))),
    ("8,193 bytes", token({**GOOD, "x": "y" * 8192})[:8193]),
    ("one million bytes of letters", b"a" * 1_000_000),
    ("a signed token of one million bytes", token({**GOOD, "x": "y" * 750_000})),
    ("one million dots", b"." * 1_000_000),
    ("a header that is no JSON", token(header=b"\x00\x01")),
    ("a header that is not UTF-8", token(header=b'{"alg":"HS256","x":"\xff"}')),
    ("a header in UTF-16", token(header='{"alg":"HS256"}'.encode("utf-16"))),
    ("a header with a byte order mark", token(header=b'\xef\xbb\xbf{"alg":"HS256"}')),
    ("a header that is a list", token(header="[]")),
    ("a header that is text", token(header='"HS256"')),
    ("a header that is null", token(header="null")),
    ("a header in quotes of its own", token(header="{'alg':'HS256'}")),
    ("more after the header", token(header='{"alg":"HS256"}{}')),
    ("alg twice", token(header='{"alg":"none","alg":"HS256"}')),
    ("alg twice, once escaped", token(header='{"alg":"HS256","\\u0061lg":"HS256"}')),
    ("a name twice, deep in the header", token(header='{"alg":"HS256","x":[{"y":1,"y":1}]}')),
    ("NaN in the header", token(header='{"alg":"HS256","x":NaN}')),
    ("a header nested deep, in lists", token(header='{"alg":"HS256","x":' + "[" * NESTED)),
    ("a header nested deep, in objects", token(header='{"x":' * (NESTED // 5))),
    ("claims that are a list", token("[]")),
    ("claims that are text", token('"ada"')),
    ("claims that are no JSON", token(b"\x00")),
    ("claims that are not UTF-8", token(b'{"sub":"\xff"}')),
    ("claims nested deep", token(raw("x", "[" * (NESTED - 400)))),
    ("aud twice", token(json.dumps(GOOD)[:-1] + ', "aud": "api"}')),
    ("exp twice, the same", token(json.dumps(GOOD)[:-1] + f', "exp": {NOW + 600}}}')),
    ("a name twice, deep in the claims", token(raw("x", '{"a":1,"a":2}'))),
    ("NaN among the claims", token(raw("x", "NaN"))),
    ("Infinity for exp", token(raw("exp", "Infinity"))),
    ("minus Infinity for nbf", token(raw("nbf", "-Infinity"))),
    ("NaN for iat", token(raw("iat", "NaN"))),
    ("exp of 5,000 digits", token(raw("exp", "9" * 5000))),
]

NO_TYPES: list[Any] = [0, 5, True, False, ["JWT"], {}, "", "JOSE", "application/"]
NO_SUBJECTS: list[Any] = ["", 0, 5, None, True, ["ada"], {}]
# What python-jose 3.5.0 lets pass, or answers with an exception of another kind, and its neighbours.
REFUSED: list[tuple[str, bytes, str]] = [
    *((sentence, text, MALFORMED) for sentence, text in FORMS),
    ("crit with an unknown member", headed(crit=["x"], x=1), CRIT),
    ("crit with b64", headed(crit=["b64"], b64=True), CRIT),
    ("crit with an unencoded payload", headed(crit=["b64"], b64=False), CRIT),
    ("empty crit", headed(crit=[]), CRIT),
    ("crit of null", headed(crit=None), CRIT),
    ("crit without a signature", token(header={"alg": "none", "crit": ["x"]}, sign=lambda _: b"x"), CRIT),
    ("no alg", token(header="{}"), HEADER),
    *(
        (f"alg is {alg!r}", token(header={"alg": alg}), HEADER)
        for alg in (None, 5, True, ["HS256"], {"HS256": 1}, [], {})
    ),
    *((f"kid is {kid!r}", headed(kid=kid), HEADER) for kid in (0, 5, 1.5, True, False, ["a"], {"a": 1}, [], {})),
    ("kid is null, which is no text (RFC 7515, 4.1.4)", headed(kid=None), HEADER),
    *((f"typ is {typ!r}", headed(typ=typ), TYPE) for typ in NO_TYPES),
    ("typ is null, which is no text (RFC 7515, 4.1.9)", headed(typ=None), TYPE),
    *(
        (f"typ is {typ}", headed(typ=typ), TYPE)
        for typ in (
            "logout+jwt",
            "dpop+jwt",
            "secevent+jwt",
            "id_token",
            "rt+jwt",
            "application/application/jwt",
            " JWT",
        )
    ),
    *(
        (f"alg is {alg!r}", token(header={"alg": alg}), SIGNATURE)
        for alg in ("none", "None", "NONE", "nOnE", "", "hs256", "HS384", "HS512", "RS256", "ES256", "EdDSA", "dir")
    ),
    ("alg none, signed with one byte", token(header={"alg": "none"}, sign=lambda _: b"\0"), SIGNATURE),
    ("another secret", token(sign=hs(SECRET[::-1])), SIGNATURE),
    ("the empty secret", token(sign=hs(b"")), SIGNATURE),
    (
        "a secret in the header",
        token(header={"alg": "HS256", "jwk": {"kty": "oct", "k": "AA"}}, sign=hs(b"\0")),
        SIGNATURE,
    ),
    ("half of the signature", token(sign=lambda message: hs()(message)[:16]), SIGNATURE),
    ("the signature and one byte", token(sign=lambda message: hs()(message) + b"\0"), SIGNATURE),
    ("a signature of one byte", token(sign=lambda _: b"\0"), SIGNATURE),
    ("the claims of another token", HEAD + b"." + part({**GOOD, "sub": "eve"}) + b"." + TAIL, SIGNATURE),
    ("no exp", lacking("exp"), "The token does not expire"),
    ("expired", claiming(exp=NOW - 30), EXPIRED),
    ("expired long ago", claiming(exp=0), EXPIRED),
    ("not yet", claiming(nbf=NOW + 31), EARLY),
    ("made in the future", claiming(iat=NOW + 31), EARLY),
    ("made far in the future", claiming(iat=NOW + 10**9), EARLY),
    ("iss missing", lacking("iss"), OTHER_ISSUER),
    ("aud missing", lacking("aud"), OTHER_AUDIENCE),
    ("an ID token, whose audience is the client", claiming(aud="client-id", nonce="n", at_hash="h"), OTHER_AUDIENCE),
    ("no sub", lacking("sub"), "The token names no subject"),
    *((f"sub is {sub!r}", claiming(sub=sub), "The token names no subject") for sub in NO_SUBJECTS),
]


@pytest.mark.parametrize(("sentence", "text", "why"), REFUSED, ids=[row[0] for row in REFUSED])
def test_a_bad_token_is_refused_with_fixed_words(sentence: str, text: bytes, why: str) -> None:
    assert ask(Bearer(verifier()), f"Bearer {text.decode('latin-1')}") == bad_token(why)


# The grammar of RFC 6750, 2.1 refuses these before anyone calls them a token.
NO_TOKENS: list[tuple[str, str]] = [
    ("nothing", ""),
    ("four junk characters", f"{token().decode()}!!!!"),
    ("junk inside a segment", "a!.b.c"),
    ("a comma and another one", "a.b.c, Bearer a.b.c"),
    ("a blank inside", "a.b .c"),
    ("a tab inside", "a.b\t.c"),
    ("a line feed inside", "a.b\n.c"),
    ("quotes", '"a.b.c"'),
    ("letters beyond ASCII", "a.b.\xe9"),
    ("a surrogate's bytes", "a.b.\xed\xa0\x80"),
    ("padded header", respelled(HEAD + b"==").decode()),
    ("padded claims", respelled(claims=BODY + b"=").decode()),
    ("a NUL", "a.b.c\0"),
    ("one million blanks between two letters", "a" + " " * 1_000_000 + "b"),
]


@pytest.mark.parametrize(("sentence", "text"), NO_TOKENS, ids=[row[0] for row in NO_TOKENS])
def test_what_is_no_token_at_all_is_a_bad_request(sentence: str, text: str) -> None:
    assert ask(Bearer(verifier()), f"Bearer {text}") == BAD_REQUEST


@pytest.mark.parametrize(
    "text",
    [
        b"\xff.\xff.\xff",
        respelled(HEAD + b"=="),
        respelled(claims=BODY + b"="),
        b"a.b.c\n",
        b"\na.b.c",
        b"",
        b"\0",
        b"a.b.c\xc2\xa0",
    ],
)
def test_the_verifier_alone_refuses_them_too(text: bytes) -> None:
    assert said(verifier(), text) == MALFORMED


# --- numeric dates

NO_TIMES = [
    "null",
    '"1800000000"',
    '""',
    '"now"',
    "true",
    "false",
    "[]",
    "[1800000000]",
    "{}",
    "-1",
    "-0.5",
    "1e308",
    "-1e308",
    "1e400",
    "-1e400",
    "253402300800",
    "1" + "0" * 30,
    "1" + "0" * 308,
    "1" + "0" * 309,
    "1" + "0" * 4000,
    "-1" + "0" * 400,
]


def shortened(text: object) -> str:
    return str(text) if len(str(text)) < 20 else f"{str(text)[:5]}... of {len(str(text))}"


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("value", NO_TIMES, ids=shortened)
def test_what_is_no_time_is_refused(value: str, name: str) -> None:
    assert said(verifier(), token(raw(name, value))) == f"The token's {name} is no time"


EDGES: list[tuple[str, int, dict[str, float], str]] = [
    ("exp is now, no leeway", 0, {"exp": NOW}, EXPIRED),
    ("exp is just ahead, no leeway", 0, {"exp": NOW + 0.001}, "ok"),
    ("exp is inside the leeway", 30, {"exp": NOW - 29.999}, "ok"),
    ("exp is at the leeway", 30, {"exp": NOW - 30}, EXPIRED),
    ("exp is beyond a leeway of one second", 1, {"exp": NOW - 1.001}, EXPIRED),
    ("exp is inside the longest leeway", 300, {"exp": NOW - 299}, "ok"),
    ("nbf is now, no leeway", 0, {"nbf": NOW}, "ok"),
    ("nbf is just ahead, no leeway", 0, {"nbf": NOW + 0.001}, EARLY),
    ("nbf is at the leeway", 30, {"nbf": NOW + 30}, "ok"),
    ("nbf is beyond the leeway", 30, {"nbf": NOW + 30.001}, EARLY),
    ("iat is at the leeway", 30, {"iat": NOW + 30}, "ok"),
    ("iat is beyond the leeway", 30, {"iat": NOW + 30.001}, EARLY),
    ("iat is long past", 0, {"iat": 0}, "ok"),
    ("both wrong, exp is named", 0, {"exp": NOW - 1, "nbf": NOW + 1}, EXPIRED),
]


@pytest.mark.parametrize(("sentence", "leeway", "claims", "answer"), EDGES, ids=[row[0] for row in EDGES])
def test_the_leeway_to_its_edges(sentence: str, leeway: int, claims: dict[str, float], answer: str) -> None:
    assert said(verifier(leeway=leeway), claiming(**claims)) == answer


def test_a_token_dies_as_the_clock_goes_on() -> None:
    now = [float(NOW)]
    by = verifier(clock=lambda: now[0])
    answers = []
    for seconds in (0, 629.999, 630, 10**6):
        now[0] = NOW + seconds
        answers.append(said(by, token()))
    assert answers == ["ok", "ok", EXPIRED, EXPIRED]


# --- issuer, audience, typ

NAMES: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("iss without the slash", {}, {"iss": ISSUER[:-1]}, OTHER_ISSUER),
    ("iss is the start of ours", {}, {"iss": "https"}, OTHER_ISSUER),
    ("iss is longer", {}, {"iss": ISSUER + "x"}, OTHER_ISSUER),
    ("iss in another case", {}, {"iss": ISSUER.upper()}, OTHER_ISSUER),
    ("iss is empty", {}, {"iss": ""}, OTHER_ISSUER),
    ("iss is a list with ours", {}, {"iss": [ISSUER]}, OTHER_ISSUER),
    ("iss is an object", {}, {"iss": {ISSUER: 1}}, OTHER_ISSUER),
    ("iss is null", {}, {"iss": None}, OTHER_ISSUER),
    ("iss is a number", {}, {"iss": 5}, OTHER_ISSUER),
    ("iss is one of several", {"issuer": ["a", ISSUER]}, {}, "ok"),
    ("iss is none of several", {"issuer": ("a", "b")}, {}, OTHER_ISSUER),
    ("iss among several is a list", {"issuer": ["a", "b"]}, {"iss": ["a"]}, OTHER_ISSUER),
    ("any issuer", {"issuer": None, "any_issuer": True}, {"iss": "x"}, "ok"),
    ("any issuer, of any kind", {"issuer": None, "any_issuer": True}, {"iss": [5]}, "ok"),
    ("aud is a list with ours", {}, {"aud": ["x", "api"]}, "ok"),
    ("aud is a list with ours among numbers", {}, {"aud": [5, None, ["api"], {}, "api"]}, "ok"),
    ("aud is a list without ours", {}, {"aud": ["x", "y"]}, OTHER_AUDIENCE),
    ("aud is a list in a list", {}, {"aud": [["api"]]}, OTHER_AUDIENCE),
    ("aud is an empty list", {}, {"aud": []}, OTHER_AUDIENCE),
    ("aud is an object", {}, {"aud": {"api": 1}}, OTHER_AUDIENCE),
    ("aud is empty", {}, {"aud": ""}, OTHER_AUDIENCE),
    ("aud is null", {}, {"aud": None}, OTHER_AUDIENCE),
    ("aud is a part of ours", {}, {"aud": "ap"}, OTHER_AUDIENCE),
    ("aud contains ours", {}, {"aud": "api api2"}, OTHER_AUDIENCE),
    ("aud in another case", {}, {"aud": "API"}, OTHER_AUDIENCE),
    ("aud is one of several", {"audience": {"x", "api"}}, {}, "ok"),
    ("aud shares one with several", {"audience": ["x", "api"]}, {"aud": ["api", "z"]}, "ok"),
    ("aud is none of several", {"audience": ["x", "y"]}, {}, OTHER_AUDIENCE),
    ("any audience", {"audience": None, "any_audience": True}, {"aud": 5}, "ok"),
    ("issuer before audience", {}, {"iss": "x", "aud": "x"}, OTHER_ISSUER),
]


@pytest.mark.parametrize(("sentence", "options", "claims", "answer"), NAMES, ids=[row[0] for row in NAMES])
def test_issuer_and_audience(sentence: str, options: dict[str, Any], claims: dict[str, Any], answer: str) -> None:
    assert said(verifier(**options), claiming(**claims)) == answer


TYPES: list[tuple[str, list[str], str | None, str]] = [
    ("only at+jwt, and it is", ["at+jwt"], "at+jwt", "ok"),
    ("only at+jwt, in another case", ["at+jwt"], "AT+JWT", "ok"),
    ("only at+jwt, and it is JWT", ["at+jwt"], "JWT", TYPE),
    ("the option in another case", ["AT+JWT"], "at+jwt", "ok"),
    ("a type of one's own", ["logout+jwt"], "logout+jwt", "ok"),
    ("a whole media type for a short option", ["logout+jwt"], "application/logout+jwt", "ok"),
    ("a whole media type on both sides (RFC 7515, 4.1.9)", ["application/x+jwt"], "application/x+jwt", "ok"),
    ("a whole media type in the option alone (RFC 7515, 4.1.9)", ["application/x+jwt"], "x+jwt", "ok"),
    ("an absent one is accepted", ["at+jwt"], None, "ok"),
    ("none but the absent one", [], "JWT", TYPE),
]


@pytest.mark.parametrize(("sentence", "option", "typ", "answer"), TYPES, ids=[row[0] for row in TYPES])
def test_the_accepted_types(sentence: str, option: list[str], typ: str | None, answer: str) -> None:
    text = headed() if typ is None else headed(typ=typ)
    assert said(verifier(typ=option), text) == answer


SCOPES: list[tuple[str, dict[str, Any], list[str]]] = [
    ("text", {"scope": "read write"}, ["read", "write"]),
    ("blanks in a row", {"scope": "  read   write "}, ["read", "write"]),
    ("no scope", {"scope": ""}, []),
    ("scp as text", {"scp": "read write"}, ["read", "write"]),
    ("scp as a list", {"scp": ["read", "write"]}, ["read", "write"]),
    ("scp as a list with others", {"scp": ["read", 5, None]}, ["read"]),
    ("scope before scp", {"scope": "read", "scp": "write"}, ["read"]),
    ("a number", {"scope": 5}, []),
    ("an object", {"scp": {"read": True}}, []),
    ("only blanks divide (RFC 6749, 3.3)", {"scope": "read\u00a0admin"}, ["read\u00a0admin"]),
]


@pytest.mark.parametrize(("sentence", "claims", "scopes"), SCOPES, ids=[row[0] for row in SCOPES])
def test_scopes_come_from_the_token(sentence: str, claims: dict[str, Any], scopes: list[str]) -> None:
    bare = {name: value for name, value in GOOD.items() if name != "scope"}
    assert ask(Bearer(verifier()), f"Bearer {token({**bare, **claims}).decode()}") == ("app", "ada", scopes)


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


class Recording:
    """A source of keys that notes every question."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None]] = []

    async def find(self, alg: str, kid: str | None) -> None:
        self.asked.append((alg, kid))


EARLY_REFUSALS = [row for row in REFUSED if row[2] in (HEADER, CRIT, TYPE)] + [
    (sentence, text, MALFORMED)
    for sentence, text in FORMS
    if not sentence.startswith(("claims", "aud", "exp", "NaN among", "Infinity", "minus", "NaN for"))
    and "deep in the claims" not in sentence
]


@pytest.mark.parametrize(("sentence", "text", "why"), EARLY_REFUSALS, ids=[row[0] for row in EARLY_REFUSALS])
def test_framing_and_header_are_refused_before_any_key_is_asked_for(sentence: str, text: bytes, why: str) -> None:
    keys = Recording()
    assert (said(verifier(keys), text), keys.asked) == (why, [])


def test_claims_are_not_read_before_the_signature_is_good() -> None:
    keys = Recording()
    assert said(verifier(keys), token("[", {"alg": "XX", "kid": "k"})) == SIGNATURE
    assert keys.asked == [("XX", "k")]


def test_8192_bytes_still_are_a_token() -> None:
    # The length of a segment is 4/3 of its content; what is left over is made up with a longer header.
    sizes = {}
    for size, more in itertools.product(range(5900, 6150), range(3)):
        text = token({**GOOD, "x": "y" * size}, {"alg": "HS256", "k": "z" * more})
        sizes[len(text)] = text
    assert (said(verifier(), sizes[8192]), said(verifier(), sizes[8193])) == ("ok", MALFORMED)


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


# --- a user of one's own


async def user_is_none(claims: Mapping[str, Any]) -> Any:
    return None


async def user_is_false(claims: Mapping[str, Any]) -> Any:
    return False


@pytest.mark.parametrize("lookup", [user_is_none, user_is_false])
def test_a_user_that_is_not_found_is_refused(lookup: Callable[[Mapping[str, Any]], Any]) -> None:
    answer = ask(Bearer(verifier(), user=lookup), f"Bearer {token().decode()}", required=True)
    assert answer == bad_token("The token's user is not known")


def test_a_user_of_ones_own_is_the_user() -> None:
    class Person:
        is_authenticated = True
        identity = "7"
        scopes = ("admin",)

    async def find(claims: Mapping[str, Any]) -> Person:
        assert claims == GOOD
        return Person()

    assert ask(Bearer(verifier(), user=find), f"Bearer {token().decode()}") == ("app", "7", ["authenticated", "admin"])


def test_a_verifier_of_ones_own_may_say_that_it_cannot_check() -> None:
    class Down:
        async def verify(self, text: bytes) -> Any:
            raise AuthError(503, None, "Try again later")

    assert ask(Bearer(Down()), "Bearer a.b.c") == refusal(503, "Try again later")


# --- nothing secret

MARK = "squeamish-ossifrage"


def texts_of(make: Callable[[], Any]) -> str:
    """Everything that a log could show of what `make` makes or raises."""
    try:
        made = make()
    except Exception as error:
        return f"{error!r} {error} {''.join(traceback.format_exception(error))}"
    return f"{made!r} {made}"


SECRETS: list[tuple[str, Callable[[], Any]]] = [
    ("HMACKey", lambda: HMACKey(MARK * 4)),
    ("HMACKey, short", lambda: HMACKey(MARK)),
    ("HMACKey, of another type", lambda: HMACKey([MARK])),  # type: ignore[arg-type]
    ("JWT", lambda: verifier(HMACKey(MARK * 4))),
    ("JWT, given the secret itself", lambda: verifier(MARK * 4)),
    ("Bearer", lambda: Bearer(verifier(HMACKey(MARK * 4)))),
    ("Bearer, given the secret itself", lambda: Bearer(MARK)),
    ("AuthMiddleware", lambda: AuthMiddleware(apps.text(), Bearer(verifier(HMACKey(MARK * 4))))),
    ("AuthMiddleware, given the secret itself", lambda: AuthMiddleware(apps.text(), MARK)),
    ("AuthMiddleware, given a mapping", lambda: AuthMiddleware(apps.text(), {"use": "bearer", "secret": MARK})),
    ("StaticKeys, given a secret", lambda: StaticKeys(MARK)),
    ("StaticKeys, given a secret JWK", lambda: StaticKeys({"kty": "oct", "k": MARK})),
    ("StaticKeys, given a private JWK", lambda: StaticKeys(jwk(RSA, d=MARK))),
    ("StaticKeys, given a private PEM", lambda: StaticKeys(f"-----BEGIN PRIVATE KEY-----\n{MARK}")),
    ("a token, refused by its signature", lambda: run(verifier().verify(token({"sub": MARK}, sign=hs(b"x"))))),
    ("a token, refused by a claim", lambda: run(verifier().verify(claiming(aud=MARK)))),
    ("a token, refused by its header", lambda: run(verifier().verify(headed(typ=MARK)))),
    ("a token that is no JSON", lambda: run(verifier().verify(token(MARK)))),
    ("a token that is not UTF-8", lambda: run(verifier().verify(token(MARK.encode() + b"\xff")))),
]


@pytest.mark.parametrize(("sentence", "make"), SECRETS, ids=[row[0] for row in SECRETS])
def test_nothing_secret_is_shown(sentence: str, make: Callable[[], Any]) -> None:
    assert MARK not in texts_of(make)


ANY_JWT = "JWT(HMACKey(alg='HS256'), issuer=any, audience=any)"


def test_the_representations() -> None:
    assert repr(HMACKey(SECRET)) == "HMACKey(alg='HS256')"
    assert repr(verifier()) == "JWT(HMACKey(alg='HS256'), issuer=['https://idp.example/'], audience=['api'])"
    assert repr(JWT(HMACKey(SECRET), any_issuer=True, any_audience=True)) == ANY_JWT
    assert repr(StaticKeys(jwk(P256), jwk(ED))) == "StaticKeys(<2 keys>)"
    assert repr(StaticKeys(jwk(RSA))) == "StaticKeys(<1 keys>)"
