"""`auth.jwks`: keys found through discovery, and several issuers side by side, each with keys of its own."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from asgi_middleware.auth import HMACKey, StaticKeys
from asgi_middleware.auth.jwks import JWKS, OIDC, Issuers

from .key_issuer import Clock, Published, Server, document, reading, run_on, serving_keys, settle, signed
from .test_auth_jwks import answer
from .tokens import (
    AUDIENCE,
    NOW,
    OTHER_ISSUER,
    P256,
    P256_B,
    RSA,
    SECRET,
    SIGNATURE,
    headed,
    hs,
    jwk,
    lacking,
    said,
    token,
)

WELL_KNOWN = "/.well-known/openid-configuration"


@pytest.fixture
def server() -> Iterator[Server]:
    with serving_keys() as server:
        server.answers = {
            WELL_KNOWN: document({"issuer": server.url, "jwks_uri": f"{server.url}/keys"}),
            "/keys": document({"keys": [jwk(P256, kid="a")]}),
            "/other": document({"keys": [jwk(P256, kid="a")]}),
        }
        yield server


@pytest.mark.parametrize("loop", ["asyncio", "uvloop", "trio"])
def test_keys_are_found_through_discovery(loop: str, server: Server) -> None:
    by = reading(OIDC(server.url))
    claims = run_on(loop, lambda: by.verify(signed(iss=server.url)))
    assert (claims["sub"], server.paths) == ("ada", [WELL_KNOWN, "/keys"])


PATHS = [("", WELL_KNOWN), ("/", WELL_KNOWN), ("/realms/a", f"/realms/a{WELL_KNOWN}"), ("/a//", f"/a{WELL_KNOWN}")]


@pytest.mark.parametrize(("path", "asked"), PATHS)
def test_the_document_is_below_the_issuer_and_names_it_to_the_letter(path: str, asked: str, server: Server) -> None:
    issuer = server.url + path
    server.answers[asked] = document({"issuer": issuer, "jwks_uri": f"{server.url}/keys"})
    assert said(reading(OIDC(issuer)), signed(iss=issuer)) == "ok"


# Each the discovery document of the server at U, and why its keys are not fetched.
OTHER = "the discovery document is of another issuer"
NO_ADDRESS = "the discovery document's jwks_uri is no https address"
NO_OBJECT = "the answer is no JSON object"
DOCUMENTS: list[tuple[str, Any, str]] = [
    ("another issuer", {"issuer": "https://evil.example", "jwks_uri": "U/keys"}, OTHER),
    ("the issuer and a slash", {"issuer": "U/", "jwks_uri": "U/keys"}, OTHER),
    ("a longer issuer", {"issuer": "Ux", "jwks_uri": "U/keys"}, OTHER),
    ("the issuer's beginning", {"issuer": "http", "jwks_uri": "U/keys"}, OTHER),
    ("the issuer in a list", {"issuer": ["U"], "jwks_uri": "U/keys"}, OTHER),
    ("no issuer", {"jwks_uri": "U/keys"}, OTHER),
    ("an issuer that is null", {"issuer": None, "jwks_uri": "U/keys"}, OTHER),
    ("no address of keys", {"issuer": "U"}, NO_ADDRESS),
    ("an address that is a number", {"issuer": "U", "jwks_uri": 5}, NO_ADDRESS),
    ("an address in a list", {"issuer": "U", "jwks_uri": ["U/keys"]}, NO_ADDRESS),
    ("a relative address", {"issuer": "U", "jwks_uri": "/keys"}, NO_ADDRESS),
    ("an address in the clear", {"issuer": "U", "jwks_uri": "http://idp.example/keys"}, NO_ADDRESS),
    ("a file", {"issuer": "U", "jwks_uri": "file:///etc/passwd"}, NO_ADDRESS),
    ("an address with a password", {"issuer": "U", "jwks_uri": "https://a:b@idp.example/keys"}, NO_ADDRESS),
    ("the keys themselves, no address", {"issuer": "U", "keys": [jwk(P256, kid="a")]}, NO_ADDRESS),
    ("a list", ["U"], NO_OBJECT),
    ("HTML", b"<!doctype html>", NO_OBJECT),
]


def at(server: Server, content: Any) -> Any:
    """The content with the server's address for U."""
    if isinstance(content, dict):
        return {name: at(server, value) for name, value in content.items()}
    if isinstance(content, list):
        return [at(server, value) for value in content]
    return content.replace("U", server.url, 1) if isinstance(content, str) and content.startswith("U") else content


@pytest.mark.parametrize(("sentence", "content", "why"), DOCUMENTS, ids=[row[0] for row in DOCUMENTS])
def test_a_document_that_is_not_the_issuers_own_gives_no_keys(
    sentence: str, content: Any, why: str, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.answers[WELL_KNOWN] = document(at(server, content))
    assert (answer(reading(OIDC(server.url)), signed(iss=server.url)), server.paths) == ("503", [WELL_KNOWN])
    message = f"OIDC('{server.url}'): the keys could not be fetched ({why})"
    assert [record.getMessage() for record in caplog.records] == [message]


@pytest.mark.parametrize("path", [WELL_KNOWN, "/keys"])
def test_neither_document_may_be_a_redirect(path: str, server: Server) -> None:
    server.answers[path] = document(b"", 302, Location="/other")
    assert answer(reading(OIDC(server.url)), signed(iss=server.url)) == "503"
    assert "/other" not in server.paths


def test_keys_that_move_are_found_again_and_an_outage_is_survived(server: Server) -> None:
    clock = Clock()
    keys = OIDC(server.url, clock=clock)
    by = reading(keys)
    assert said(by, signed(iss=server.url)) == "ok"
    server.answers[WELL_KNOWN] = document({"issuer": server.url, "jwks_uri": f"{server.url}/moved"})
    server.answers["/moved"] = document({"keys": [jwk(P256_B, kid="b")]})
    clock.now += 30
    texts = signed(P256_B, "b", iss=server.url), signed(iss=server.url)
    assert [said(by, text) for text in texts] == ["ok", SIGNATURE]
    server.answers.clear()
    clock.now += 3600
    assert (said(by, texts[0]), settle(), said(by, signed(P256_B, "b", iss=server.url, n=1))) == ("ok", True, "ok")
    assert server.paths[-1] == WELL_KNOWN
    clock.now += 86400
    assert answer(by, signed(P256_B, "b", iss=server.url, n=2)) == "503"


# --- the issuers of a source

A, B = "https://a.example/", "https://b.example/"


def discovered(issuer: str, *keys: Any) -> OIDC:
    published = Published(*keys)

    def fetch(url: str) -> bytes:
        if url.endswith(WELL_KNOWN):
            return b'{"issuer":"%s","jwks_uri":"%skeys"}' % (issuer.encode(), issuer.encode())
        return published(url)

    return OIDC(issuer, fetch=fetch)


def two() -> Issuers:
    """Two issuers with equal key IDs, and a third with a secret."""
    return Issuers(
        {
            A: StaticKeys(jwk(P256, kid="a")),
            B: JWKS(f"{B}keys", fetch=Published(jwk(P256_B, kid="a"), jwk(RSA, kid="r"))),
            "c": HMACKey(SECRET),
        }
    )


def by_secret(**claims: Any) -> bytes:
    return token({"aud": AUDIENCE, "sub": "ada", "exp": NOW + 600, **claims})


ROUTES: list[tuple[str, Callable[[], Any], dict[str, Any], bytes, str]] = [
    ("the discovered issuer", lambda: discovered(A), {}, signed(iss=A), "ok"),
    ("another one", lambda: discovered(A), {}, signed(iss=B), OTHER_ISSUER),
    ("almost the same", lambda: discovered(A), {}, signed(iss=A[:-1]), OTHER_ISSUER),
    ("the first of several", two, {}, signed(iss=A), "ok"),
    ("the second of several", two, {}, signed(P256_B, iss=B), "ok"),
    ("the third, by its secret", two, {}, by_secret(iss="c"), "ok"),
    ("the second's key for the first's token", two, {}, signed(P256_B, iss=A), SIGNATURE),
    ("the first's key for the second's token", two, {}, signed(iss=B), SIGNATURE),
    ("the second's key, which the first does not have", two, {}, signed(RSA, "r", "RS256", iss=A), SIGNATURE),
    ("the third's secret for the first's token", two, {}, by_secret(iss=A), SIGNATURE),
    ("the first's key for the third's token", two, {}, signed(iss="c"), SIGNATURE),
    ("a public key as the third's secret", two, {}, token({"iss": "c"}, sign=hs(str(jwk(P256)).encode())), SIGNATURE),
    ("nobody's", two, {}, signed(iss="https://evil.example/"), OTHER_ISSUER),
    ("none", two, {}, lacking("iss"), OTHER_ISSUER),
    ("a list", two, {}, signed(iss=[A]), OTHER_ISSUER),
    ("an object", two, {}, signed(iss={A: 1}), OTHER_ISSUER),
    ("null", two, {}, signed(iss=None), OTHER_ISSUER),
    ("an address in the token", two, {}, signed(iss=A, jku="https://evil.example/"), "ok"),
    ("narrowed, and it is that", two, {"issuer": A}, signed(iss=A), "ok"),
    ("narrowed, and it is another", two, {"issuer": A}, signed(P256_B, iss=B), OTHER_ISSUER),
    ("narrowed to two", two, {"issuer": [A, B]}, signed(P256_B, iss=B), "ok"),
    ("several with a discovered one", lambda: Issuers({A: discovered(A)}), {}, signed(iss=A), "ok"),
    ("several in several", lambda: Issuers({A: two(), "c": two()}), {}, signed(iss=A), "ok"),
    (
        "several in several, of which one is not taken",
        lambda: Issuers({A: two()}),
        {},
        by_secret(iss="c"),
        OTHER_ISSUER,
    ),
    ("claims that are no JSON", two, {}, token(b"[", sign=hs()), "The token is malformed"),
    ("another audience, found last", two, {}, signed(iss=A, aud="x"), "The token is for another audience"),
]


@pytest.mark.parametrize(("sentence", "keys", "options", "text", "expected"), ROUTES, ids=[row[0] for row in ROUTES])
def test_a_token_goes_to_the_keys_of_its_issuer_alone(
    sentence: str, keys: Callable[[], Any], options: dict[str, Any], text: bytes, expected: str
) -> None:
    assert said(reading(keys(), **options), text) == expected


def test_an_issuer_that_is_down_takes_no_other_along() -> None:
    down = Published()
    down.fails = OSError("down")
    by = reading(Issuers({A: JWKS(f"{A}keys", fetch=down), B: JWKS(f"{B}keys", fetch=Published())}))
    assert (answer(by, signed(iss=A)), answer(by, signed(iss=B))) == ("503", "ok")


def test_unknown_issuers_are_never_asked_anything() -> None:
    published = Published()
    by = reading(Issuers({A: JWKS(f"{A}keys", fetch=published)}))
    assert {said(by, signed(iss=f"https://{n}.example/")) for n in range(20)} == {OTHER_ISSUER}
    assert (said(by, headed(jku="https://evil.example/")), published.calls) == (OTHER_ISSUER, [])


def test_what_was_given_may_change_later() -> None:
    given: dict[str, Any] = {A: StaticKeys(jwk(P256, kid="a"))}
    issuers = Issuers(given)
    by = reading(issuers)
    given.clear()
    assert said(by, signed(iss=A)) == "ok"


def test_the_representations() -> None:
    assert repr(OIDC(A)) == "OIDC('https://a.example/')"
    assert repr(Issuers({A: OIDC(A), "c": HMACKey(SECRET)})) == (
        "Issuers({'https://a.example/': OIDC('https://a.example/'), 'c': HMACKey(alg='HS256')})"
    )
    assert repr(reading(OIDC(A))) == "JWT(OIDC('https://a.example/'), issuer=['https://a.example/'], audience=['api'])"
