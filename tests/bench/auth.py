"""The tables of auth: a request with and without a token, and what the check of one costs.

A token's check is measured beside the bare primitive with the least framing and claims that make it a check, and beside
three libraries, each with its key made once. Ours is asked with its memory of good tokens emptied, but for the row that
is about it.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from asgi_middleware import AuthMiddleware
from asgi_middleware.auth import JWT, HMACKey, StaticKeys

from ..asgi import App, step
from . import calls, peers
from .calls import AUDIENCE, ISSUER, KIB, SECRET, answer, calling, floor, in_process, request
from .measuring import Row, Sample, Scene, Variant, looped

LIBRARIES = ("python-jose", "PyJWT", "joserfc")


def auth() -> Scene:
    def ours() -> App:
        return AuthMiddleware(answer, calls.bearer())

    good = _token("HS256", partial(_mac, SECRET.encode()))
    bad = _token("HS256", lambda _: b"0" * 32, longest=8 * KIB)
    variants = {
        **floor(),
        "ours: anonymous": calling(ours),
        "Starlette: anonymous": calling(lambda: peers.starlette_auth(answer)),
        "ours: good": calling(ours, request(("authorization", f"Bearer {good}"))),
        "ours: bad": calling(ours, request(("authorization", f"Bearer {bad}")), status=401),
        "ours: long": calling(ours, request(("authorization", "Bearer " + "a" * 64 * KIB)), status=401),
    }
    rows = [
        Row("auth: anonymous", "ours: anonymous", "Starlette: anonymous", 1.2, True),
        Row("auth: a bad bearer token of 8 KB, to a good one", "ours: bad", "ours: good"),
        Row("auth: a bearer token of 64 KB, to a good one", "ours: long", "ours: good"),
    ]
    for alg, most in (("HS256", None), ("RS256", 1.1), ("ES256", 1.1)):
        variants |= _checks(alg)
        rows.append(Row(f"auth: an {alg} token", f"ours: {alg}", f"raw and framing: {alg}", most))
        rows += [Row(f"auth: an {alg} token", f"ours: {alg}", f"{library}: {alg}") for library in LIBRARIES]
    rows.append(
        Row("auth: an RS256 token that is remembered, to one that is not", "remembered: RS256", "ours: RS256", 0.1)
    )
    return in_process("auth", variants, rows)


@dataclass(frozen=True, slots=True)
class Material:
    """A key: as ours takes it, as a library does, as text, and by the primitive."""

    source: Any
    public: Any
    text: str
    sign: Callable[[bytes], bytes]
    verify: Callable[[bytes, bytes], None]


def _mac(secret: bytes, message: bytes) -> bytes:
    return hmac.digest(secret, message, hashlib.sha256)


def _material(alg: str) -> Material:
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

    sha256 = hashes.SHA256()
    if alg == "HS256":
        secret = SECRET.encode()

        def verify_secret(message: bytes, signature: bytes) -> None:
            if not hmac.compare_digest(_mac(secret, message), signature):
                raise ValueError("signature")

        return Material(HMACKey(SECRET), secret, SECRET, partial(_mac, secret), verify_secret)
    private: Any
    if alg == "RS256":
        private = rsa.generate_private_key(65537, 2048)
        public, pkcs1 = private.public_key(), padding.PKCS1v15()

        def sign(message: bytes) -> bytes:
            signature: bytes = private.sign(message, pkcs1, sha256)
            return signature

        def verify(message: bytes, signature: bytes) -> None:
            public.verify(signature, message, pkcs1, sha256)

    else:
        private = ec.generate_private_key(ec.SECP256R1())
        public, ecdsa = private.public_key(), ec.ECDSA(sha256)

        def sign(message: bytes) -> bytes:
            r, s = utils.decode_dss_signature(private.sign(message, ecdsa))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")

        def verify(message: bytes, signature: bytes) -> None:
            r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
            public.verify(utils.encode_dss_signature(r, s), message, ecdsa)

    encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    text = public.public_bytes(encoding, form).decode()
    return Material(StaticKeys(text), public, text, sign, verify)


def _checks(alg: str) -> dict[str, Variant]:
    """A token's check by each of them."""

    def ours(*, remembered: bool) -> Sample:
        key = _material(alg)
        verifier, token = JWT(key.source, issuer=ISSUER, audience=AUDIENCE), _token(alg, key.sign).encode()

        def check() -> None:
            if not remembered:
                verifier._good.clear()
            step(_awaited(verifier.verify(token)))

        return looped(check)

    def raw() -> Sample:
        key = _material(alg)
        token = _token(alg, key.sign).encode()

        async def check() -> Mapping[str, Any]:
            signed, _, signature = token.rpartition(b".")
            header, _, claims = signed.partition(b".")
            if json.loads(_decoded(header))["alg"] != alg:
                raise ValueError("alg")
            key.verify(signed, _decoded(signature))
            content: dict[str, Any] = json.loads(_decoded(claims))
            if content["exp"] <= time.time() or content["iss"] != ISSUER or content["aud"] != AUDIENCE:
                raise ValueError("claims")
            return content

        return looped(lambda: step(_awaited(check())))

    def theirs(library: str) -> Sample:
        key = _material(alg)
        decode = peers.token_decoder(library, alg, key.public, key.text, issuer=ISSUER, audience=AUDIENCE)
        token = _token(alg, key.sign)

        def check() -> None:
            if decode(token)["sub"] != "ada":
                raise RuntimeError("the wrong token was taken")

        return looped(check)

    return {
        f"ours: {alg}": Variant(partial(ours, remembered=False), base=None),
        f"remembered: {alg}": Variant(partial(ours, remembered=True), base=None),
        f"raw and framing: {alg}": Variant(raw, base=None),
        **{f"{library}: {alg}": Variant(partial(theirs, library), base=None) for library in LIBRARIES},
    }


async def _awaited(claims: Awaitable[Mapping[str, Any]]) -> None:
    if (await claims)["sub"] != "ada":
        raise RuntimeError("the wrong token was taken")


def _encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _decoded(text: bytes) -> bytes:
    return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))


def _token(alg: str, sign: Callable[[bytes], bytes], longest: int = 0) -> str:
    """A token that is good for a day, padded to nearly `longest` bytes by a claim that nobody asks for."""
    claims: dict[str, Any] = {"sub": "ada", "iss": ISSUER, "aud": AUDIENCE, "exp": int(time.time()) + 24 * 3600}
    header = _encoded(json.dumps({"alg": alg, "typ": "JWT"}).encode())

    def made() -> bytes:
        signed = header + b"." + _encoded(json.dumps(claims).encode())
        return signed + b"." + _encoded(sign(signed))

    if longest:
        claims["note"] = "a" * ((longest - len(made()) - 20) * 3 // 4)
    return made().decode("ascii")
