"""`AuthMiddleware`: what is required, what is public, and the challenges."""

from typing import Any

import pytest

from asgi_middleware import AuthMiddleware
from asgi_middleware.auth import Basic, Bearer

from . import apps
from .asgi import Exchange, drive, http, websocket
from .authenticating import (
    BASIC,
    BEARER,
    FORGED,
    NOBODY,
    never,
)
from .tokens import (
    SIGNATURE,
    Outcome,
    bad_token,
    outcome,
    refusal,
    verifier,
)

# --- required, public, challenges

MISSING: list[tuple[str, Any, dict[str, Any], Outcome]] = [
    ("one backend", BEARER, {}, NOBODY),
    ("a realm", BEARER, {"realm": "api"}, refusal(401, "Not authenticated", 'Bearer realm="api"')),
    (
        "a realm with quotes and backslashes",
        BEARER,
        {"realm": 'a"b\\c, d="e'},
        refusal(401, "Not authenticated", r'Bearer realm="a\"b\\c, d=\"e"'),
    ),
    ("Basic, which must name a realm", Basic(check=never), {}, refusal(401, "Not authenticated", BASIC)),
    (
        "Basic with a realm",
        Basic(check=never),
        {"realm": "api"},
        refusal(401, "Not authenticated", 'Basic realm="api", charset="UTF-8"'),
    ),
    ("two schemes, in order", [BEARER, Basic(check=never)], {}, refusal(401, "Not authenticated", "Bearer", BASIC)),
    (
        "two schemes, the other way",
        [Basic(check=never), BEARER],
        {"realm": "x"},
        refusal(401, "Not authenticated", 'Basic realm="x", charset="UTF-8"', 'Bearer realm="x"'),
    ),
    ("one challenge for one scheme", [BEARER, Bearer(verifier())], {}, NOBODY),
]


@pytest.mark.parametrize(("sentence", "backend", "options", "answer"), MISSING, ids=[row[0] for row in MISSING])
def test_required_asks_for_every_scheme_and_names_no_error(
    sentence: str, backend: Any, options: dict[str, Any], answer: Outcome
) -> None:
    # order matters among challenges, and `headers` sorts: compare as sent
    app, scopes = apps.remembers()
    exchange = drive(AuthMiddleware(app, backend, required=True, **options))
    challenges = [value.decode() for name, value in exchange.start["headers"] if name == b"www-authenticate"]
    assert (exchange.status, challenges, exchange.body.decode(), scopes) == (
        401,
        [value for name, value in answer[1] if name == "www-authenticate"],
        answer[2],
        [],
    )
    assert exchange.headers == sorted(answer[1])


def test_a_refusal_of_head_has_no_body() -> None:
    exchange = drive(AuthMiddleware(apps.text(), BEARER, required=True), http(method="HEAD"))
    assert (exchange.status, exchange.headers, exchange.body) == (401, NOBODY[1], b"")


PUBLIC = ["/", "/health", "/public/*"]
PATHS: list[tuple[str, dict[str, Any], bool]] = [
    ("/", {}, True),
    ("", {}, True),
    ("/health", {}, True),
    ("/health/", {}, False),
    ("/Health", {}, False),
    ("/healthz", {}, False),
    ("/health/x", {}, False),
    ("/health?x", {}, False),
    ("/health#x", {}, False),
    ("/health;x", {}, False),
    ("/health\n", {}, False),
    ("/public", {}, True),
    ("/public/", {}, True),
    ("/public/a/b", {}, True),
    ("/public/...", {}, True),
    ("/public/.hidden", {}, True),
    ("/public/a..b", {}, True),
    ("/public/a;b", {}, True),
    ("/public/a?b", {}, True),
    ("/PUBLIC/a", {}, False),
    ("/publicx", {}, False),
    ("/public;/a", {}, False),
    ("/public#/a", {}, False),
    ("/a/public/x", {}, False),
    ("/private", {}, False),
    ("/private?/public/", {}, False),
    ("/private#/public/", {}, False),
    ("/private;/public/", {}, False),
    ("/private/../public/x", {}, False),
    ("/public/../private", {}, False),
    ("/public/..", {}, False),
    ("/public/a/../../private", {}, False),
    ("/public/.", {}, False),
    ("/public/./x", {}, False),
    ("/./public/x", {}, False),
    ("/public/..;/private", {}, False),
    ("/public/..;a=b/private", {}, False),
    ("/public/.;/x", {}, False),
    ("/public/;/../private", {}, False),
    ("//public/x", {}, False),
    ("/public//x", {}, False),
    ("//", {}, False),
    ("/public/\\..\\private", {}, False),
    ("/public\\x", {}, False),
    ("/public/%2e%2e/private", {}, False),
    ("/public/%2E./private", {}, False),
    ("/public/..%2fprivate", {}, False),
    ("/public/..%5Cprivate", {}, False),
    ("/public/\0", {}, False),
    ("/public/..\t/private", {}, False),
    ("/public/\x7f", {}, False),
    ("public/x", {}, False),
    ("/public/a/b", {"raw_path": b"/public/a%2Fb"}, False),
    ("/public/a/b", {"raw_path": b"/public%2fa/b"}, False),
    ("/public/a b", {"raw_path": b"/public/a%20b"}, True),
    ("/public/a", {"raw_path": None}, True),
    ("/public/../private", {"raw_path": b"/public/%2e%2e/private"}, False),
    ("/public/a\\b", {"raw_path": b"/public/a%5Cb"}, False),
    ("/public/a", {"query_string": b"../private"}, True),
    ("/private", {"query_string": b"/public/x"}, False),
    ("/app/public/a", {"root_path": "/app"}, True),
    ("/app/public/a", {"root_path": "/app/"}, True),
    ("/app", {"root_path": "/app"}, True),
    ("/app/", {"root_path": "/app"}, True),
    ("/app/private", {"root_path": "/app"}, False),
    ("/app/health", {"root_path": "/app"}, True),
    ("/app/health", {}, False),
    ("/application/public/a", {"root_path": "/app"}, False),
    ("/app/../public/a", {"root_path": "/app"}, False),
    ("/app//public/a", {"root_path": "/app"}, False),
    ("/app/public/../private", {"root_path": "/app"}, False),
    ("/app/app/public/a", {"root_path": "/app"}, False),
    ("/public/a", {"root_path": ""}, True),
    ("/public/a", {"root_path": None}, True),
    ("/public/private", {"root_path": "/public"}, False),
]


@pytest.mark.parametrize("kind", [http, websocket])
@pytest.mark.parametrize(("path", "changes", "is_public"), PATHS, ids=[f"{row[0]!r} {row[1] or ''}" for row in PATHS])
def test_what_is_public_is_so_beyond_doubt(path: str, changes: dict[str, Any], is_public: bool, kind: Any) -> None:
    app, scopes = apps.remembers()
    scope = kind(path, **{"raw_path": None, **changes})
    exchange = drive(AuthMiddleware(app, BEARER, required=True, public=PUBLIC), scope)
    assert (exchange.status, len(scopes)) == ((200, 1) if is_public else (401, 0))


def test_a_public_path_leaks_no_challenge_and_still_refuses_a_bad_credential() -> None:
    def at_health(*lines: str) -> Exchange:
        middleware = AuthMiddleware(apps.text(b"ok"), BEARER, required=True, public=["/health"])
        return drive(middleware, http("/health", headers=[("authorization", line) for line in lines]))

    assert (at_health().status, at_health().headers) == (200, [("content-length", "2"), ("content-type", "text/plain")])
    assert outcome(at_health(f"Bearer {FORGED}"), []) == bad_token(SIGNATURE)


def test_options_is_no_way_around_it() -> None:
    app, scopes = apps.remembers()
    exchange = drive(AuthMiddleware(app, BEARER, required=True), http(method="OPTIONS"))
    assert (exchange.status, scopes) == (401, [])
