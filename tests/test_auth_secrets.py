"""Nothing secret is told: every refusal of every backend, and no token, key or password in any log, text or answer."""

import hashlib
import logging
import traceback
from typing import Any

import pytest

from asgi_middleware import AuthMiddleware
from asgi_middleware.auth import APIKeys, Basic, Bearer, RequireScopes, SessionUser

from . import apps
from .asgi import drive, http, websocket
from .authenticating import USERS, encoded, never, pair
from .tokens import NOW, claiming, headed, hs, lacking, token, verifier

# Every secret of the run holds one of these, in one spelling or another.
WORD = "ossifrage"
KEY = f"acme_{WORD}"
TOKENS = [
    token(sign=hs(b"x")),
    claiming(exp=NOW - 60),
    claiming(nbf=NOW + 600),
    claiming(iss="https://evil.example/"),
    claiming(aud=WORD),
    claiming(sub=""),
    claiming(sub=WORD, exp=WORD),
    lacking("exp"),
    headed(crit=["b64"]),
    headed(typ=WORD),
    headed(alg="none"),
    WORD.encode() * 3000,
    f"{WORD}.{WORD}.{WORD}".encode(),
    f"{WORD} {WORD}".encode(),
    b"",
]
PASSWORDS = [
    pair("ada", WORD),
    pair("eve", WORD),
    pair("ada", WORD * 20),
    f"Basic {WORD}",
    encoded(f"ada:{WORD}\0".encode()),
    encoded(WORD.encode()),
]


async def refuses(claims: Any) -> None:
    return None


def requests() -> list[tuple[Any, dict[str, Any]]]:
    """A backend, and a request that it refuses, of every kind."""
    bearer = Bearer(verifier(), subprotocol="bearer")
    keys = APIKeys({hashlib.sha256(b"another").hexdigest(): "ci"}, dangerously_allow_query="api_key")
    lines = [f"Bearer {text.decode()}" for text in TOKENS]
    rows: list[tuple[Any, dict[str, Any]]] = []
    for make in (http, websocket):
        rows += [(bearer, make(headers=[("authorization", line)])) for line in lines]
        rows += [(Bearer(verifier(), refuses), make(headers=[("authorization", f"Bearer {token().decode()}")]))]
        rows += [(bearer, make(headers=[("authorization", line)] * 2)) for line in lines]
        rows += [(APIKeys({"0" * 64: "ci"}, bearer=True), make(headers=[("authorization", line)])) for line in lines]
        rows += [(Basic(USERS), make(headers=[("authorization", line)])) for line in PASSWORDS]
        rows += [(Basic(check=never), make(headers=[("authorization", line)])) for line in PASSWORDS]
        rows += [(keys, make(headers=[("x-api-key", KEY)] * count)) for count in (1, 2)]
        rows += [(keys, make(query_string=b"api_key=" + KEY.encode()))]
    rows += [(bearer, websocket(subprotocols=["bearer", text.decode()])) for text in TOKENS]
    rows += [(bearer, websocket(subprotocols=["bearer", TOKENS[0].decode()] * 2))]
    login: Any = {"_subject": WORD}
    rows += [(SessionUser(), websocket(headers=[("origin", f"https://{WORD}.example")], session=login))]
    return rows


def secrets() -> list[str]:
    parts = [part for text in TOKENS for part in text.decode().split(".") if len(part) > 8]
    headers = {token().decode().split(".")[0]}
    spelt = [line.partition(" ")[2] for line in PASSWORDS]
    return [WORD, hashlib.sha256(KEY.encode()).hexdigest(), *spelt, *(part for part in parts if part not in headers)]


def test_no_refusal_tells_what_was_sent(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    caplog.set_level(logging.DEBUG)
    told: list[str] = []
    statuses: set[int] = set()
    for backend, scope in requests():
        app, scopes = apps.remembers()
        middleware = AuthMiddleware(app, backend, required=True)
        exchange = drive(middleware, scope, loop="asyncio")
        assert (exchange.error, scopes) == (None, []), (backend, scope)
        statuses.add(exchange.status)
        told += [repr(exchange.sent), repr(middleware), repr(backend)]
        raised = drive(AuthMiddleware(app, backend, raises, required=True), scope).error
        assert raised is not None
        told += traceback.format_exception(raised)
    everything = "\n".join([*told, caplog.text, *map(str, capfd.readouterr())])
    assert [secret for secret in secrets() if secret in everything] == []
    assert statuses == {400, 401, 403}
    refusals = [record for record in caplog.records if record.name == "asgi_middleware.auth"]
    assert len(refusals) >= len(requests()), "each refusal is in the log, so there was something to look through"


def raises(conn: Any, error: Exception) -> Any:
    """Lets the error out, as it stands in a traceback."""
    raise error


def test_what_a_missing_scope_tells_is_fixed() -> None:
    scope = {**http(headers=[("authorization", f"Bearer {token().decode()}")])}
    exchange = drive(AuthMiddleware(RequireScopes(apps.text(), ["admin"]), Bearer(verifier())), scope)
    assert (exchange.status, exchange.body) == (403, b"Not allowed")
    assert token().decode() not in repr(exchange.sent)
