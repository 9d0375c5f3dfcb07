"""The tables in process: each middleware and the stack beside the peers, on ordinary and on hostile input.

The limits in the last column are the budgets that each middleware was given when it was designed.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from asgi_middleware import (
    AuthMiddleware,
    CORSMiddleware,
    ErrorsMiddleware,
    RequestIDMiddleware,
    TimingMiddleware,
)
from asgi_middleware.auth import JWT, HMACKey, StaticKeys
from asgi_middleware.timing import add

from ..asgi import App, step
from . import calls, peers
from .calls import AUDIENCE, ISSUER, KIB, ORIGIN, SECRET, answer, calling, floor, in_process, request
from .measuring import Row, Sample, Scene, Variant, looped


def stack() -> Scene:
    def theirs() -> App:
        return peers.six(answer, origins=[ORIGIN], secret=SECRET)

    def ours() -> App:
        return calls.ours(answer)

    many = request(*((f"x-{number}", "value") for number in range(10_000)))
    cookies = request(("cookie", calls.foreign_cookies()))
    seen = ("access-control-allow-origin", ORIGIN)
    return in_process(
        "The stack",
        {
            **floor(),
            "ours: ordinary": calling(ours, header=seen),
            "the peers' six: ordinary": calling(theirs, header=seen),
            "bare: many": calling(lambda: answer, many, base=None),
            "ours: many": calling(ours, many, header=seen, base="bare: many"),
            "the peers' six: many": calling(theirs, many, header=seen, base="bare: many"),
            "ours: cookies": calling(ours, cookies, header=seen),
            "the peers' six: cookies": calling(theirs, cookies, header=seen),
        },
        [
            Row("six middlewares, and in ours errors", "ours: ordinary", "the peers' six: ordinary", 0.4, True),
            Row("10,000 header lines", "ours: many", "the peers' six: many"),
            Row("60 KB of foreign cookies", "ours: cookies", "the peers' six: cookies"),
        ],
    )


def observability() -> Scene:
    known = request(("x-request-id", "0f8fad5b-d9cb-469f-a165-70867728950e"))
    hostile = request(("x-request-id", "a" * 20 * KIB))
    ours = partial(RequestIDMiddleware, answer)
    theirs = partial(peers.correlation_id, answer)
    echoed = ("x-request-id", "0f8fad5b-d9cb-469f-a165-70867728950e")
    aci = "asgi-correlation-id"
    return in_process(
        "request_id and timing",
        {
            **floor(),
            "ours: id": calling(ours),
            f"{aci}: id": calling(theirs),
            "ours: known": calling(ours, known, header=echoed),
            f"{aci}: known": calling(theirs, known, header=echoed),
            "ours: hostile": calling(ours, hostile),
            f"{aci}: hostile": calling(theirs, hostile),
            "ours: timing": calling(lambda: TimingMiddleware(answer)),
            "timing-asgi: timing": calling(lambda: peers.timing(answer)),
            "ours: both": calling(lambda: RequestIDMiddleware(TimingMiddleware(answer))),
            "ours: spans": calling(lambda: TimingMiddleware(_spanned, server_timing="all"), base="bare: spans"),
            "bare: spans": calling(lambda: _spanned, base=None),
        },
        [
            Row("request_id: a new ID", "ours: id", f"{aci}: id", 0.4, True),
            Row("request_id: the client's ID", "ours: known", f"{aci}: known"),
            Row("request_id: a client's ID of 20 KB", "ours: hostile", f"{aci}: hostile"),
            Row("timing: the time to the response", "ours: timing", "timing-asgi: timing", 0.4, True),
            Row("timing: 1,000 spans, of which 31 are told", "ours: spans", "ours: timing"),
            Row("request_id and timing together", "ours: both", f"{aci}: id", 0.65),
        ],
    )


_SPANS = [f"step{number}" for number in range(1000)]


async def _spanned(scope: Any, receive: Any, send: Any) -> None:
    for name in _SPANS:
        add(name, 1.5)
    await answer(scope, receive, send)


def cors() -> Scene:
    options: dict[str, Any] = {
        "allow_origins": [ORIGIN],
        "allow_methods": ["GET", "PUT"],
        "allow_headers": ["Authorization"],
    }
    ours = partial(CORSMiddleware, answer, **options)
    theirs = partial(peers.starlette_cors, answer, **options)
    asked = (("access-control-request-method", "PUT"), ("access-control-request-headers", "authorization,content-type"))
    preflight = request(*asked, method="OPTIONS")
    repeated = ",".join(["content-type"] * (64 * KIB // len("content-type,")))
    hostile = request(asked[0], ("access-control-request-headers", repeated), method="OPTIONS")
    stranger = request(("origin", "https://elsewhere.example.net"))
    long = request(("origin", "https://" + "a" * 20 * KIB))
    same_origin = request(without="origin")
    allowed = ("access-control-allow-origin", ORIGIN)
    varied = ("vary", "Origin")
    return in_process(
        "cors",
        {
            **floor(),
            "ours: allowed": calling(ours, header=allowed),
            "Starlette: allowed": calling(theirs, header=allowed),
            "ours: without": calling(ours, same_origin, header=varied),
            "Starlette: without": calling(theirs, same_origin, header=varied),
            "ours: preflight": calling(ours, preflight, header=allowed),
            "Starlette: preflight": calling(theirs, preflight, header=allowed),
            "ours: stranger": calling(ours, stranger),
            "Starlette: stranger": calling(theirs, stranger),
            "ours: long": calling(ours, long),
            "Starlette: long": calling(theirs, long),
            "ours: hostile": calling(ours, hostile, status=400),
            "Starlette: hostile": calling(theirs, hostile),
        },
        [
            Row("cors: a GET from an allowed origin", "ours: allowed", "Starlette: allowed", 0.45, True),
            Row("cors: a GET without Origin", "ours: without", "Starlette: without", 0.4, True),
            Row("cors: a preflight", "ours: preflight", "Starlette: preflight", 0.5, True),
            Row("cors: a GET from a foreign origin", "ours: stranger", "Starlette: stranger"),
            Row("cors: an origin of 20 KB", "ours: long", "Starlette: long"),
            Row("cors: 64 KiB of request headers, to a preflight", "ours: hostile", "ours: preflight", 10),
            Row("Starlette's: 64 KiB of request headers, to a preflight", "Starlette: hostile", "Starlette: preflight"),
        ],
    )


def errors() -> Scene:
    return in_process(
        "errors",
        {
            **floor(),
            "ours: well": calling(lambda: ErrorsMiddleware(answer)),
            "Starlette: well": calling(lambda: peers.starlette_errors(answer)),
            "ours: crash": calling(lambda: ErrorsMiddleware(calls.crash), status=500),
            "Starlette: crash": calling(lambda: peers.starlette_errors(calls.crash), status=500),
        },
        [
            Row("errors: no crash", "ours: well", "Starlette: well", None, True),
            Row("errors: a crash", "ours: crash", "Starlette: crash"),
        ],
    )


def auth() -> Scene:
    def ours() -> App:
        return AuthMiddleware(answer, calls.bearer())

    secret = SECRET.encode()

    def sign(message: bytes) -> bytes:
        return hmac.digest(secret, message, hashlib.sha256)

    good = _token("HS256", sign)
    bad = _token("HS256", lambda _: b"0" * 32, longest=8 * KIB)
    variants = {
        **floor(),
        "ours: anonymous": calling(ours),
        "Starlette: anonymous": calling(lambda: peers.starlette_auth(answer)),
        "ours: good": calling(ours, request(("authorization", f"Bearer {good}"))),
        "ours: bad": calling(ours, request(("authorization", f"Bearer {bad}")), status=401),
        "ours: long": calling(ours, request(("authorization", "Bearer " + "a" * 64 * KIB)), status=401),
    }
    for alg in ("HS256", "RS256", "ES256"):
        variants |= _verifying(alg)
    return in_process(
        "auth",
        variants,
        [
            Row("auth: anonymous", "ours: anonymous", "Starlette: anonymous", 1.2, True),
            Row("auth: a bad bearer token of 8 KB, to a good one", "ours: bad", "ours: good"),
            Row("auth: a bearer token of 64 KB, to a good one", "ours: long", "ours: good"),
            Row("auth: an HS256 token", "ours: HS256", "raw and framing: HS256"),
            Row("auth: an RS256 token", "ours: RS256", "raw and framing: RS256", 1.1),
            Row("auth: an ES256 token", "ours: ES256", "raw and framing: ES256", 1.1),
        ],
    )


def _verifying(alg: str) -> dict[str, Variant]:
    """A token's check by ours, and by the bare primitive with the least framing and claims that make it a check."""

    def keys() -> tuple[Any, Callable[[bytes], bytes], Callable[[bytes, bytes], None]]:
        """Our source of keys, and how to sign and verify by the primitive."""
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

        sha256 = hashes.SHA256()
        if alg == "HS256":
            secret = SECRET.encode()

            def verify_secret(message: bytes, signature: bytes) -> None:
                if not hmac.compare_digest(hmac.digest(secret, message, hashlib.sha256), signature):
                    raise ValueError("signature")

            return HMACKey(SECRET), lambda message: hmac.digest(secret, message, hashlib.sha256), verify_secret
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
        return StaticKeys(public.public_bytes(encoding, form)), sign, verify

    def ours() -> Sample:
        source, sign, _ = keys()
        verifier, token = JWT(source, issuer=ISSUER, audience=AUDIENCE), _token(alg, sign).encode()
        return looped(lambda: step(_awaited(verifier.verify(token))))

    def raw() -> Sample:
        _, sign, verify = keys()
        token = _token(alg, sign).encode()

        async def check() -> Mapping[str, Any]:
            signed, _, signature = token.rpartition(b".")
            header, _, claims = signed.partition(b".")
            if json.loads(_decoded(header))["alg"] != alg:
                raise ValueError("alg")
            verify(signed, _decoded(signature))
            content: dict[str, Any] = json.loads(_decoded(claims))
            if content["exp"] <= time.time() or content["iss"] != ISSUER or content["aud"] != AUDIENCE:
                raise ValueError("claims")
            return content

        return looped(lambda: step(_awaited(check())))

    return {f"ours: {alg}": Variant(ours, base=None), f"raw and framing: {alg}": Variant(raw, base=None)}


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
