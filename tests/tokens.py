"""Tokens and keys for tests, and verifiers to ask about them, with a clock of their own.

Tokens are made by a small signer here, on the standard library and `cryptography`, not by the library under test.
"""

import base64
import datetime
import hmac
import json
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

from asgi_middleware import AuthMiddleware
from asgi_middleware.auth import JWT, AuthError, HMACKey, User

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
