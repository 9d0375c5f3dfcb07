"""`auth.jwt` behind `Bearer`: users of one's own, and that nothing secret is shown."""

import traceback
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from asgi_middleware import AuthMiddleware
from asgi_middleware.auth import JWT, AuthError, Bearer, HMACKey, StaticKeys

from . import apps
from .tokens import (
    ED,
    GOOD,
    P256,
    RSA,
    SECRET,
    ask,
    bad_token,
    claiming,
    headed,
    hs,
    jwk,
    refusal,
    run,
    token,
    verifier,
)

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

    def find_at_once(claims: Mapping[str, Any]) -> Person:
        return Person()

    at_once = Bearer(verifier(), user=find_at_once)
    assert ask(at_once, f"Bearer {token().decode()}") == ("app", "7", ["authenticated", "admin"])


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
