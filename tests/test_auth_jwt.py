"""`auth.jwt`: every known way to pass a bad token, tried against a verifier."""

import base64
import itertools
import json
from typing import Any

import pytest

from asgi_middleware.auth import JWT, Bearer, HMACKey, StaticKeys

from .asgi import http
from .tokens import (
    BAD_REQUEST,
    CRIT,
    EARLY,
    EXPIRED,
    GOOD,
    HEADER,
    ISSUER,
    MALFORMED,
    NOW,
    OTHER_AUDIENCE,
    OTHER_ISSUER,
    SECRET,
    SIGNATURE,
    TYPE,
    ask,
    b64,
    bad_token,
    claiming,
    headed,
    hs,
    lacking,
    part,
    raw,
    run,
    said,
    token,
    verifier,
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
