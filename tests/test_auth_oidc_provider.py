"""`auth.jwks` against a whole identity provider: a user signs in there with a real client, and is known here.

Of the provider's tokens the ID token is a JWT, so here the audience is the client.
"""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from asgi_middleware.auth import JWT, Bearer
from asgi_middleware.auth.jwks import OIDC, Issuers

from .key_issuer import run_on
from .tokens import OTHER_AUDIENCE, OTHER_ISSUER, SIGNATURE, ask, bad_token

pytestmark = pytest.mark.hosts

CLIENT, REDIRECT = "client-id", "https://app.example/callback"


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """Its issuer."""
    mock = pytest.importorskip("oidc_provider_mock", reason="needs Python 3.12")

    with mock.run_server_in_thread() as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture(scope="module")
def id_token(provider: str) -> str:
    """What Authlib's client gets for a user who signs in."""
    import httpx

    authlib = pytest.importorskip("authlib.integrations.httpx_client")
    with authlib.OAuth2Client(CLIENT, "client-secret", redirect_uri=REDIRECT, scope="openid") as client:
        endpoints = httpx.get(f"{provider}/.well-known/openid-configuration").json()
        url, state = client.create_authorization_url(endpoints["authorization_endpoint"])
        given = httpx.post(url, data={"sub": "ada"}).headers["location"]
        assert parse_qs(urlsplit(given).query)["state"] == [state]
        text: str = client.fetch_token(endpoints["token_endpoint"], authorization_response=given)["id_token"]
        return text


def bearer(keys: Any, **options: Any) -> Bearer:
    return Bearer(JWT(keys, **{"audience": CLIENT, **options}))


@pytest.mark.parametrize("loop", ["asyncio", "uvloop", "trio"])
@pytest.mark.parametrize(
    "source", [OIDC, lambda issuer: Issuers({issuer: OIDC(issuer)})], ids=["alone", "among several"]
)
def test_its_token_names_the_user(source: Callable[[str], Any], loop: str, provider: str, id_token: str) -> None:
    backend = bearer(source(provider))
    assert [ask(backend, f"Bearer {id_token}", loop=loop)[:2] for _ in range(2)] == [("app", "ada")] * 2


def test_what_is_not_as_it_should_be_is_refused(provider: str, id_token: str) -> None:
    head, claims, signature = id_token.split(".")
    forged = f"{head}.{claims}.{signature[:20]}{'A' if signature[20] != 'A' else 'B'}{signature[21:]}"
    assert ask(bearer(OIDC(provider)), f"Bearer {forged}") == bad_token(SIGNATURE)
    assert ask(bearer(OIDC(provider), audience="api"), f"Bearer {id_token}") == bad_token(OTHER_AUDIENCE)
    assert ask(bearer(OIDC("https://idp.example/")), f"Bearer {id_token}") == bad_token(OTHER_ISSUER)


def test_its_address_with_a_slash_is_not_the_issuer(provider: str) -> None:
    keys = OIDC(f"{provider}/")
    token = "eyJhbGciOiJSUzI1NiIsImtpZCI6IngifQ.eyJpc3MiOiJ4In0.AAAA"
    assert ask(bearer(keys), f"Bearer {token}") == bad_token(OTHER_ISSUER)
    with pytest.raises(Exception, match="not available"):
        run_on("asyncio", lambda: keys.find("RS256", "x"))
