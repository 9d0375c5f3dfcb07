"""`AuthMiddleware` with its backends: the Authorization header, challenges, public paths, Basic, chains, Starlette's
contract, WebSockets. Tokens and keys have their own file.
"""

import asyncio
import base64
import copy
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import bcrypt
import pytest
from argon2 import PasswordHasher
from starlette import authentication
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware as StarletteMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from asgi_middleware import AuthenticationMiddleware, AuthMiddleware, ConfigError, MissingExtra
from asgi_middleware.auth import AuthError, Basic, Bearer, User
from asgi_middleware.auth.basic import from_options as basic_from_options
from asgi_middleware.auth.bearer import from_options as bearer_from_options

from . import apps
from .asgi import App, Exchange, Message, drive, http, websocket
from .test_auth_jwt import (
    AUDIENCE,
    BAD_REQUEST,
    EXPIRED,
    ISSUER,
    NOW,
    P256,
    SECRET,
    SIGNATURE,
    Outcome,
    ask,
    bad_token,
    claiming,
    hs,
    jwk,
    outcome,
    pem,
    refusal,
    run,
    token,
    verifier,
)

GOOD = token().decode()
FORGED = token(sign=hs(b"x")).decode()
BEARER = Bearer(verifier())
ANONYMOUS: Outcome = ("app", None, [])
ADA: Outcome = ("app", "ada", ["read", "write"])
BASIC = 'Basic realm="Restricted", charset="UTF-8"'
NOBODY = refusal(401, "Not authenticated", "Bearer")


def pair(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


# bcrypt writes $2b$; `htpasswd -B` writes the same hash as $2y$. Cost 4 is its least.
SALT = b"$2b$04$abcdefghijklmnopqrstuu"


def hashed(password: str) -> str:
    return bcrypt.hashpw(password.encode(), SALT).decode().replace("$2b$", "$2y$")


ARGON2 = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


# --- the Authorization header

HEADERS: list[tuple[str, tuple[str, ...], Outcome]] = [
    ("none", (), ANONYMOUS),
    ("an empty one", ("",), ANONYMOUS),
    ("a good token", (f"Bearer {GOOD}",), ADA),
    ("the scheme in lower case", (f"bearer {GOOD}",), ADA),
    ("the scheme in mixed case", (f"bEaReR {GOOD}",), ADA),
    ("two blanks", (f"Bearer  {GOOD}",), ADA),
    ("white space around", (f" \tBearer {GOOD} \t",), ADA),
    ("a tab after the blank", (f"Bearer \t{GOOD}",), BAD_REQUEST),
    ("the scheme alone", ("Bearer",), BAD_REQUEST),
    ("the scheme and blanks", ("Bearer   ",), BAD_REQUEST),
    ("two tokens", (f"Bearer {GOOD} {GOOD}",), BAD_REQUEST),
    ("two joined by a comma", (f"Bearer {GOOD}, Bearer {GOOD}",), BAD_REQUEST),
    ("two joined by a comma, the other first", (f"Bearer {GOOD},Basic YTpi",), BAD_REQUEST),
    ("another scheme", ("Digest username=ada",), ANONYMOUS),
    ("Basic, which no backend here serves", (pair("ada", "x"),), ANONYMOUS),
    ("a scheme that only begins like it", (f"Bearer2 {GOOD}",), ANONYMOUS),
    ("a forged token", (f"Bearer {FORGED}",), bad_token(SIGNATURE)),
    *(
        (
            f"two lines: {sentence}",
            lines,
            refusal(
                400,
                "Authorization was sent more than once",
                'Bearer error="invalid_request", error_description="Authorization was sent more than once"',
            ),
        )
        for sentence, lines in {
            "the same": (f"Bearer {GOOD}", f"Bearer {GOOD}"),
            "good and bad": (f"Bearer {GOOD}", "Bearer x"),
            "bad and good": ("Bearer x", f"Bearer {GOOD}"),
            "another scheme and good": ("Digest x", f"Bearer {GOOD}"),
            "empty and good": ("", f"Bearer {GOOD}"),
            "a thousand": (f"Bearer {GOOD}",) * 1000,
        }.items()
    ),
]


@pytest.mark.parametrize(("sentence", "lines", "answer"), HEADERS, ids=[row[0] for row in HEADERS])
def test_the_authorization_header(sentence: str, lines: tuple[str, ...], answer: Outcome) -> None:
    assert ask(BEARER, *lines) == answer


def test_a_scheme_that_is_no_token_is_a_bad_credential_and_not_a_stranger() -> None:
    """RFC 9110, 11.4 has blanks after the scheme; a tab makes the whole of it neither anonymous nor good."""
    assert ask(BEARER, f"Bearer\t{GOOD}")[0] == 400


LEGAL: list[tuple[str, Any, list[bool]]] = [
    ("absent", None, [False]),
    ("an empty tuple", (), [False]),
    ("a tuple of lists", ([b"authorization", b"Bearer " + token()],), [True]),
    ("a name in mixed case", [(b"Authorization", b"Bearer " + token())], [True]),
    ("an iterator", iter([(b"host", b"x"), (b"authorization", b"Bearer " + token())]), [True]),
    ("two lines in two cases", [(b"Authorization", b"Bearer " + token()), (b"authorization", b"x")], []),
    ("Proxy-Authorization", [(b"proxy-authorization", b"Bearer " + token())], [False]),
    ("X-Authorization", [(b"x-authorization", b"Bearer " + token())], [False]),
    ("an underscore variant", [(b"http_authorization", b"Bearer " + token())], [False]),
]


@pytest.mark.parametrize(("sentence", "headers", "known"), LEGAL, ids=[row[0] for row in LEGAL])
def test_every_legal_form_of_headers(sentence: str, headers: Any, known: list[bool]) -> None:
    app, scopes = apps.remembers()
    scope = http()
    del scope["headers"]
    if headers is not None:
        scope["headers"] = headers
    exchange = drive(AuthMiddleware(app, [Basic(check=never), BEARER]), scope)
    assert (exchange.error, [one["user"].is_authenticated for one in scopes]) == (None, known)


async def never(name: str, password: str) -> bool:
    return False


@pytest.mark.parametrize("where", ["query_string", "cookie", "path"])
def test_a_token_counts_nowhere_else(where: str) -> None:
    scopes_of = {
        "query_string": http(query_string=b"access_token=" + token()),
        "cookie": http(headers=[("cookie", f"access_token={GOOD}; authorization=Bearer {GOOD}")]),
        "path": http(f"/Bearer {GOOD}"),
    }
    app, seen = apps.remembers()
    assert outcome(drive(AuthMiddleware(app, BEARER), scopes_of[where]), seen) == ANONYMOUS


def test_random_headers_are_answered_and_never_an_exception() -> None:
    dice = random.Random(9110)  # noqa: S311  # the same junk every time
    backends = [BEARER, Basic(check=never)]
    schemes = ["Bearer", "Basic", "bearer\t", "Basic,", "", "Digest", "Bearer=", "Basic  "]
    answers = set()
    for _ in range(2000):
        junk = dice.randbytes(dice.randrange(40)).decode("latin-1")
        encoded = base64.b64encode(dice.randbytes(dice.randrange(20))).decode()
        line = f"{dice.choice(schemes)}{dice.choice(['', ' '])}{dice.choice([junk, encoded])}"
        answers.add(ask(backends, line)[0])
    assert answers == {"app", 400, 401}


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


# --- chains


class Claims:
    """A backend of one's own that always answers the same."""

    scheme = "Custom"

    def __init__(self, answer: User | AuthError | None) -> None:
        self.answer = answer
        self.calls = 0

    async def identify(self, scope: Any) -> Any:
        self.calls += 1
        if isinstance(self.answer, AuthError):
            raise self.answer
        return self.answer


class OtherTokens(Claims):
    """Serves bearer tokens of its own form, and leaves the others to the next."""

    scheme = "Bearer"


EVE = User("eve", scheme="Custom", scopes=("all",))
INVALID = 'Bearer error="invalid_token", error_description='
CHAINS: list[tuple[str, Callable[[], list[Any]], str | None, Outcome, list[int]]] = [
    ("nobody knows it", lambda: [Claims(None), Claims(None)], None, ANONYMOUS, [1, 1]),
    ("the first one knows it", lambda: [Claims(EVE), Claims(None)], None, ("app", "eve", ["all"]), [1, 0]),
    ("the second one knows it", lambda: [Claims(None), Claims(EVE)], None, ("app", "eve", ["all"]), [1, 1]),
    ("the second one knows the token", lambda: [Claims(None), BEARER], GOOD, ADA, [1]),
    (
        "a bad token never falls through",
        lambda: [BEARER, Claims(EVE)],
        FORGED,
        refusal(401, SIGNATURE, f'{INVALID}"{SIGNATURE}"', "Custom"),
        [0],
    ),
    (
        "a malformed one never falls through",
        lambda: [BEARER, Claims(EVE)],
        "!",
        refusal(400, "The bearer token is malformed", f"{BAD_REQUEST[1][2][1]}", "Custom"),
        [0],
    ),
    (
        "an error of another scheme has no code of Bearer's",
        lambda: [Claims(AuthError(401, "invalid_token", "No")), BEARER],
        GOOD,
        refusal(401, "No", "Custom", "Bearer"),
        [1],
    ),
    (
        "the second one refuses it",
        lambda: [Claims(None), BEARER],
        FORGED,
        refusal(401, SIGNATURE, "Custom", f'{INVALID}"{SIGNATURE}"'),
        [1],
    ),
    (
        "the second of one scheme refuses it, and its code is told (RFC 6750, 3.1)",
        lambda: [OtherTokens(None), BEARER],
        FORGED,
        refusal(401, SIGNATURE, f'{INVALID}"{SIGNATURE}"'),
        [1],
    ),
    (
        "a provider is down, and nobody else is asked",
        lambda: [Claims(AuthError(503, None, "Try again later")), Claims(EVE)],
        None,
        refusal(503, "Try again later"),
        [1, 0],
    ),
    (
        "too few rights",
        lambda: [OtherTokens(AuthError(403, "insufficient_scope", "Not allowed"))],
        GOOD,
        refusal(403, "Not allowed", 'Bearer error="insufficient_scope", error_description="Not allowed"'),
        [1],
    ),
]


@pytest.mark.parametrize(("sentence", "make", "text", "answer", "calls"), CHAINS, ids=[row[0] for row in CHAINS])
def test_backends_are_asked_in_order(
    sentence: str, make: Callable[[], list[Any]], text: str | None, answer: Outcome, calls: list[int]
) -> None:
    backends = make()
    result = ask(backends, *([] if text is None else [f"Bearer {text}"]))
    if isinstance(answer[0], int):
        answer = (answer[0], sorted(answer[1]), answer[2])
    assert (result, [one.calls for one in backends if isinstance(one, Claims)]) == (answer, calls)


def test_a_list_that_changes_later_changes_nothing() -> None:
    backends: list[Any] = [BEARER]
    app, scopes = apps.remembers()
    middleware = AuthMiddleware(app, backends)
    backends[:] = [Claims(EVE)]
    assert outcome(drive(middleware), scopes) == ANONYMOUS


DESCRIPTIONS = ["two\r\nset-cookie: a=1", "Zoë", "a\0b", 'say "no"', "a\\b", "", "x" * 3000]


@pytest.mark.parametrize("description", DESCRIPTIONS, ids=[repr(text)[:20] for text in DESCRIPTIONS])
def test_whatever_an_error_says_the_answer_is_a_clean_refusal(description: str) -> None:
    app, scopes = apps.remembers()
    exchange = drive(AuthMiddleware(app, OtherTokens(AuthError(401, "invalid_token", description))))
    assert (exchange.error, scopes) == (None, [])
    assert exchange.status == 401
    for _, value in exchange.headers:
        assert value.isascii()
        assert value.isprintable()


def test_errors_of_the_application_travel_on() -> None:
    for error in (AuthError(401, None, "x"), authentication.AuthenticationError("x"), OSError(), ValueError()):
        exchange = drive(AuthMiddleware(apps.raises(error), BEARER))
        assert (exchange.error, exchange.sent) == (error, [])


def test_bugs_of_a_backend_travel_on() -> None:
    async def broken(name: str, password: str) -> bool:
        raise LookupError("database")

    exchange = drive(
        AuthMiddleware(apps.text(), Basic(check=broken)), http(headers=[("authorization", pair("a", "b"))])
    )
    assert (type(exchange.error), exchange.sent) == (LookupError, [])


# --- the scope


def test_other_scope_types_pass_with_the_very_same_objects() -> None:
    async def receive() -> Message:
        return {}

    async def send(message: Message) -> None: ...

    for kind in ("lifespan", "webtransport", ""):
        seen: list[Any] = []

        async def app(*args: Any, seen: list[Any] = seen) -> None:
            seen.extend(args)

        scope = {"type": kind}
        run(AuthMiddleware(app, BEARER, required=True)(scope, receive, send))
        assert [id(one) for one in seen] == [id(scope), id(receive), id(send)]
        assert scope == {"type": kind}


@pytest.mark.parametrize("line", [f"Bearer {GOOD}", f"Bearer {FORGED}", "", "Digest x"])
@pytest.mark.parametrize("preset", [{}, {"user": "outer", "auth": "outer"}], ids=["fresh", "with a user"])
def test_the_scope_of_the_server_is_not_changed(line: str, preset: dict[str, Any]) -> None:
    for kind in (http, websocket):
        scope = kind("/x", headers=[("authorization", line)], **preset)
        before = copy.deepcopy(scope)
        drive(AuthMiddleware(apps.text(), BEARER), scope)
        assert scope == before


def test_a_user_that_was_there_before_does_not_count() -> None:
    app, scopes = apps.remembers()
    preset: dict[str, Any] = {"user": User("root", scheme="x"), "auth": authentication.AuthCredentials(["all"])}
    assert outcome(drive(AuthMiddleware(app, BEARER), http(**preset)), scopes) == ANONYMOUS
    assert drive(AuthMiddleware(app, BEARER, required=True), http(**preset)).status == 401


def test_what_the_application_writes_travels_outwards_but_the_user_does_not() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["endpoint"] = "view"
        scope["user"] = "changed"
        scope["auth"] = "changed"

    scope = http()
    before = copy.deepcopy(scope)
    drive(AuthMiddleware(app, BEARER), scope)
    assert scope == {**before, "endpoint": "view"}


def test_one_request_does_not_see_the_user_of_another() -> None:
    """Two requests on one instance; the first is held inside its backend while the second runs to its end."""

    class Waits:
        scheme = "Waits"

        async def identify(self, scope: Any) -> User:
            if scope["path"] == "/first":
                inside.set()
                await go_on.wait()
            return User(scope["path"], scheme="Waits")

    async def main() -> None:
        async def one(path: str) -> None:
            await middleware(http(path), nothing, discard)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(one, "/first")
            await inside.wait()
            await one("/second")
            go_on.set()

    async def nothing() -> Message:
        return {}

    async def discard(message: Message) -> None: ...

    inside, go_on = anyio.Event(), anyio.Event()
    app, scopes = apps.remembers()
    middleware = AuthMiddleware(app, Waits())
    anyio.run(main)
    assert [(scope["path"], scope["user"].identity) for scope in scopes] == [
        ("/second", "/second"),
        ("/first", "/first"),
    ]


# --- Basic

WRONG = refusal(401, "Wrong user name or password", BASIC)
UNREADABLE = refusal(400, "The Basic credentials are malformed", BASIC)
LONG = "p" * 72
USERS = {
    "ada": hashed("open sesame"),
    "zoë": hashed("gruß, größe 🙂"),
    "colon": hashed("a:b::c:"),
    "empty": hashed(""),
    "long": hashed(LONG),
    "argon": ARGON2.hash("open sesame", salt=b"saltsaltsalt"),
    "older": bcrypt.hashpw(b"open sesame", SALT.replace(b"2b", b"2a")).decode(),
    "blank name": hashed("x"),
}


def encoded(data: bytes) -> str:
    return "Basic " + base64.b64encode(data).decode()


def known(name: str) -> Outcome:
    return "app", name, []


PASSWORDS: list[tuple[str, str, Outcome]] = [
    ("right", pair("ada", "open sesame"), known("ada")),
    ("wrong", pair("ada", "open sesam"), WRONG),
    ("in another case", pair("ada", "Open sesame"), WRONG),
    ("with a blank more", pair("ada", "open sesame "), WRONG),
    ("empty", pair("ada", ""), WRONG),
    ("of an unknown user", pair("eve", "open sesame"), WRONG),
    ("of a name in another case", pair("Ada", "open sesame"), WRONG),
    ("without a name", pair("", "open sesame"), WRONG),
    ("neither", pair("", ""), WRONG),
    ("the hash itself", pair("ada", USERS["ada"]), WRONG),
    ("in UTF-8", pair("zoë", "gruß, größe 🙂"), known("zoë")),
    ("in Latin-1", encoded("zoë:gruß".encode("latin-1")), UNREADABLE),
    ("with the name in another normal form", pair("zoe\u0308", "gruß, größe 🙂"), WRONG),
    ("with colons", pair("colon", "a:b::c:"), known("colon")),
    ("with a colon less", pair("colon", "a:b::c"), WRONG),
    ("empty, and rightly so", pair("empty", ""), known("empty")),
    ("of 72 bytes", pair("long", LONG), known("long")),
    ("of 73 bytes, whose first 72 are right", pair("long", LONG + "x"), WRONG),
    ("an argon2 one", pair("argon", "open sesame"), known("argon")),
    ("a wrong argon2 one", pair("argon", "open"), WRONG),
    ("an argon2 one of 500 bytes", pair("argon", "x" * 500), WRONG),
    ("hashed by an older bcrypt", pair("older", "open sesame"), known("older")),
    ("of a name with a blank", pair("blank name", "x"), known("blank name")),
    ("the scheme in lower case", pair("ada", "open sesame").replace("Basic", "basic"), known("ada")),
    ("two blanks", pair("ada", "open sesame").replace("Basic", "BASIC "), known("ada")),
    ("no colon", encoded(b"ada"), UNREADABLE),
    ("nothing", "Basic", UNREADABLE),
    ("an empty text", "Basic ", UNREADABLE),
    ("no base64", "Basic ada:open", UNREADABLE),
    ("base64 with junk", pair("ada", "open sesame") + "!", UNREADABLE),
    ("base64 without padding", pair("colon", "a:b::c:").rstrip("="), UNREADABLE),
    ("base64 of the other alphabet", "Basic " + base64.urlsafe_b64encode(b"a:\xc3\xbf\xc3\xbf?>").decode(), UNREADABLE),
    ("base64 and more after its end", "Basic YTpiYw==YTpiYw==", UNREADABLE),
    ("base64 with a blank", "Basic YTpi YTpi", UNREADABLE),
    ("two joined by a comma", "Basic YTpi, Basic YTpi", UNREADABLE),
    ("a NUL", encoded(b"ada:open\0sesame"), UNREADABLE),
    ("a NUL after the right one", encoded(b"ada:open sesame\0"), UNREADABLE),
    ("a line feed in the name", encoded(b"a\nda:x"), UNREADABLE),
    ("a DEL", encoded(b"ada:\x7f"), UNREADABLE),
    ("an overlong encoding of a slash", encoded(b"ada:\xc0\xaf"), UNREADABLE),
    ("a surrogate", encoded(b"ada:\xed\xa0\x80"), UNREADABLE),
    ("not ASCII", "Basic \xff\xfe", UNREADABLE),
    ("the longest that is read", encoded(b"ada:" + b"x" * 764), WRONG),
    ("one byte more", encoded(b"ada:" + b"x" * 765), UNREADABLE),
    ("one million bytes", encoded(b"ada:" + b"x" * 1_000_000), UNREADABLE),
    ("none", f"Bearer {GOOD}", ANONYMOUS),
]


def test_the_rows_above_are_what_they_say() -> None:
    assert pair("colon", "a:b::c:").endswith("=")
    assert set("-_") & set(base64.urlsafe_b64encode(b"a:\xc3\xbf\xc3\xbf?>").decode())


@pytest.mark.parametrize(("sentence", "line", "answer"), PASSWORDS, ids=[row[0] for row in PASSWORDS])
def test_a_password(sentence: str, line: str, answer: Outcome) -> None:
    assert ask(Basic(USERS), line, loop="asyncio") == answer


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_one_instance_serves_one_loop_after_the_other(loop: str) -> None:
    backend = Basic(USERS)
    lines = [pair("ada", "open sesame"), pair("ada", "x"), pair("ada", "open sesame")]
    assert [ask(backend, line, loop=loop) for line in lines] == [known("ada"), WRONG, known("ada")]


class Counted:
    """Stands in for a hash function, and counts its calls, which come from threads."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.calls: list[tuple[Any, ...]] = []

    def __call__(self, *args: Any) -> Any:
        self.calls.append(args)
        return self.function(*args)


@pytest.fixture
def checkpw(monkeypatch: pytest.MonkeyPatch) -> Counted:
    counted = Counted(bcrypt.checkpw)
    monkeypatch.setattr(bcrypt, "checkpw", counted)
    return counted


@pytest.fixture
def argon2(monkeypatch: pytest.MonkeyPatch) -> Counted:
    counted = Counted(PasswordHasher().verify)
    monkeypatch.setattr(PasswordHasher, "verify", lambda self, *args: counted(*args))
    return counted


ATTEMPTS = [
    ("right", "ada", "open sesame"),
    ("wrong", "ada", "x"),
    ("unknown", "eve", "open sesame"),
    ("no name", "", "x"),
]


@pytest.mark.parametrize(("sentence", "name", "password"), ATTEMPTS, ids=[row[0] for row in ATTEMPTS])
def test_every_attempt_costs_one_hash_known_or_not(sentence: str, name: str, password: str, checkpw: Counted) -> None:
    ask(Basic({"ada": USERS["ada"]}), pair(name, password), loop="asyncio")
    assert checkpw.calls == [(password.encode(), USERS["ada"].encode())]


@pytest.mark.parametrize(("sentence", "name", "password"), ATTEMPTS, ids=[row[0] for row in ATTEMPTS])
def test_the_same_holds_for_argon2(sentence: str, name: str, password: str, argon2: Counted, checkpw: Counted) -> None:
    ask(Basic({"ada": USERS["argon"]}), pair(name, password), loop="asyncio")
    assert (argon2.calls, checkpw.calls) == ([(USERS["argon"].encode(), password.encode())], [])


def test_what_bcrypt_does_not_read_costs_nothing_for_anybody(checkpw: Counted) -> None:
    backend = Basic({"ada": USERS["ada"]})
    lines = [pair(name, "x" * 73) for name in ("ada", "eve")]
    assert ([ask(backend, line, loop="asyncio") for line in lines], checkpw.calls) == ([WRONG, WRONG], [])


def test_a_stolen_decoy_opens_nothing() -> None:
    """The password of the user whose hash stands in for unknown ones must not let unknown ones in."""
    backend = Basic({"ada": USERS["ada"]})
    assert [ask(backend, pair("eve", "open sesame"), loop="asyncio") for _ in range(2)] == [WRONG, WRONG]


def test_a_good_password_is_remembered_for_a_minute_of_the_clock(checkpw: Counted) -> None:
    now = [1000.0]
    backend = Basic({"ada": USERS["ada"], "bob": USERS["older"]}, clock=lambda: now[0])
    counts = []
    for seconds, name, password in [
        (0, "ada", "open sesame"),
        (0, "ada", "open sesame"),  # remembered
        (59.999, "ada", "open sesame"),  # still
        (59.999, "ada", "open sesame!"),  # another password
        (59.999, "bob", "open sesame"),  # another user with the same
        (60, "ada", "open sesame"),  # forgotten
        (119.999, "ada", "open sesame"),  # remembered anew
        (119.999, "bob", "open sesame"),  # forgotten by then
        (119.999, "eve", "open sesame"),
        (119.999, "eve", "open sesame"),  # a failure is never remembered
    ]:
        now[0] = 1000 + seconds
        ask(backend, pair(name, password), loop="asyncio")
        counts.append(len(checkpw.calls))
    assert counts == [1, 1, 1, 2, 3, 4, 4, 5, 6, 7]


def test_two_instances_do_not_share_what_they_remember(checkpw: Counted) -> None:
    for users in ({"ada": USERS["ada"]}, {"ada": hashed("another")}):
        ask(Basic(users, clock=lambda: 0.0), pair("ada", "open sesame"), loop="asyncio")
    assert len(checkpw.calls) == 2


def test_no_more_than_1024_good_passwords_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(lambda password, of: True)
    monkeypatch.setattr(bcrypt, "checkpw", counted)
    names = [f"user{n}" for n in range(1100)]
    backend = Basic(dict.fromkeys(names, USERS["ada"]), clock=lambda: 0.0)

    async def everybody() -> None:
        for name in names:
            await backend.identify(http(headers=[("authorization", pair(name, "x"))]))

    asyncio.run(everybody())
    first = len(counted.calls)
    asyncio.run(everybody())
    assert (first, len(counted.calls) - first >= len(names) - 1024) == (1100, True)


def test_two_passwords_are_hashed_at_once_and_not_three(monkeypatch: pytest.MonkeyPatch) -> None:
    lock, pairs = threading.Lock(), threading.Barrier(2)
    running, most, threads = 0, 0, set[int]()

    def slow(password: bytes, of: bytes) -> bool:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
            threads.add(threading.get_ident())
        pairs.wait(10)  # nobody goes on alone, so two at once is proved
        with lock:
            running -= 1
        return True

    monkeypatch.setattr(bcrypt, "checkpw", slow)
    backend = Basic(USERS)

    async def attempt(n: int) -> None:
        await backend.identify(http(headers=[("authorization", pair("ada", str(n)))]))

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            for n in range(8):
                tasks.start_soon(attempt, n)

    asyncio.run(main())
    assert (most, threading.get_ident() in threads) == (2, False)


async def says_true(name: str, password: str) -> Any:
    return (name, password) == ("zoë", "a:b")


async def says_nothing(name: str, password: str) -> Any:
    return None


async def says_user(name: str, password: str) -> Any:
    return User("7", scheme="Basic", display_name=name, scopes=("all",))


async def says_down(name: str, password: str) -> Any:
    raise AuthError(503, None, "Try again later")


async def says_zero(name: str, password: str) -> Any:
    return 0  # a column of SQLite


async def says_empty(name: str, password: str) -> Any:
    return ""


CHECKS: list[tuple[Callable[[str, str], Any], str, Outcome]] = [
    (says_true, pair("zoë", "a:b"), known("zoë")),
    (says_true, pair("zoë", "a"), WRONG),
    (says_true, encoded(b"zo"), UNREADABLE),
    (says_nothing, pair("ada", "x"), WRONG),
    (says_user, pair("ada", "x"), ("app", "7", ["all"])),
    (says_down, pair("ada", "x"), refusal(503, "Try again later")),
    (says_zero, pair("ada", "x"), WRONG),
    (says_empty, pair("ada", "x"), WRONG),
]


@pytest.mark.parametrize(("check", "line", "answer"), CHECKS, ids=[f"{row[0].__name__} {row[1]}" for row in CHECKS])
def test_a_check_of_ones_own(check: Callable[[str, str], Any], line: str, answer: Outcome) -> None:
    assert ask(Basic(check=check), line, required=True) == answer


HTPASSWD = f"""# written by htpasswd -B

ada:{USERS["ada"]}
  zoë:{USERS["zoë"]}\x20
#eve:{USERS["ada"]}
argon:{USERS["argon"]}
"""


@pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["unix", "windows"])
@pytest.mark.parametrize("kind", [str, Path])
def test_an_htpasswd_file(kind: Callable[[Path], Any], ends: str, tmp_path: Path) -> None:
    path = tmp_path / "users.htpasswd"
    path.write_bytes(HTPASSWD.replace("\n", ends).encode())
    backend = Basic(htpasswd=kind(path))
    path.unlink()  # it is read once
    names = [("ada", "open sesame"), ("zoë", "gruß, größe 🙂"), ("argon", "open sesame"), ("#eve", "open sesame")]
    answers = [ask(backend, pair(*one), loop="asyncio") for one in names]
    assert (repr(backend), answers) == ("Basic(<3 users>)", [known("ada"), known("zoë"), known("argon"), WRONG])


SEPARATORS = ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1e"]


@pytest.mark.parametrize("separator", SEPARATORS, ids=[repr(one) for one in SEPARATORS])
def test_only_line_ends_end_a_line_so_that_a_name_cannot_hold_a_second_user(separator: str, tmp_path: Path) -> None:
    """A program that adds users to the file looks for colons and line feeds; `x<U+2028>root` has neither."""
    path = tmp_path / "users.htpasswd"
    path.write_bytes(f"root:{hashed('theirs')}\nx{separator}root:{hashed('mine')}\n".encode())
    try:
        backend = Basic(htpasswd=path)
    except ConfigError:
        return  # to refuse such a name is right as well
    answers = [ask(backend, pair("root", password), loop="asyncio") for password in ("theirs", "mine")]
    assert answers == [known("root"), WRONG]


def test_an_htpasswd_file_is_utf_8_whatever_the_locale_says(tmp_path: Path) -> None:
    path = tmp_path / "users.htpasswd"
    path.write_bytes(HTPASSWD.encode())
    code = "import sys; from asgi_middleware.auth import Basic; print(Basic(htpasswd=sys.argv[1]))"
    ascii_only = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], env=ascii_only, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("Basic(<3 users>)\n", "")


# --- Starlette's contract


class StarletteBasic(authentication.AuthenticationBackend):
    """The backend of Starlette's documentation, in short."""

    async def authenticate(
        self, conn: HTTPConnection
    ) -> tuple[authentication.AuthCredentials, authentication.BaseUser] | None:
        if "authorization" not in conn.headers:
            return None
        try:
            scheme, _, value = conn.headers["authorization"].partition(" ")
            if scheme.lower() != "basic":
                return None
            name, _, _ = base64.b64decode(value).decode().partition(":")
        except ValueError:
            raise authentication.AuthenticationError("Invalid basic auth credentials") from None
        scopes = ["authenticated", "admin"] if name == "root" else ["authenticated"]
        return authentication.AuthCredentials(scopes), authentication.SimpleUser(name)


class Refuses(authentication.AuthenticationBackend):
    async def authenticate(
        self, conn: HTTPConnection
    ) -> tuple[authentication.AuthCredentials, authentication.BaseUser] | None:
        raise authentication.AuthenticationError("raised: " + conn.url.path)


def describe(conn: HTTPConnection) -> JSONResponse:
    return JSONResponse(
        {"name": conn.user.display_name, "known": conn.user.is_authenticated, "scopes": conn.auth.scopes}
    )


async def home(request: Request) -> Response:
    return describe(request)


@authentication.requires("authenticated")
async def dashboard(request: Request) -> Response:
    return describe(request)


@authentication.requires(["authenticated", "admin"], status_code=404)
async def admin(request: Request) -> Response:
    return describe(request)


@authentication.requires("authenticated", redirect="home")
async def redirected(request: Request) -> Response:
    return describe(request)


@authentication.requires("read")
async def reading(request: Request) -> Response:
    return describe(request)


@authentication.requires("authenticated")
async def socket(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_json({"name": websocket.user.display_name, "scopes": websocket.auth.scopes})
    await websocket.close()


def application(cls: Any, backend: Any, **options: Any) -> Starlette:
    routes = [
        Route("/", home, name="home"),
        Route("/dashboard", dashboard),
        Route("/admin", admin),
        Route("/redirected", redirected),
        Route("/reading", reading),
        WebSocketRoute("/ws", socket),
    ]
    return Starlette(routes=routes, middleware=[Middleware(cls, backend=backend, **options)])


def shown_error(conn: HTTPConnection, error: Exception) -> Response:
    return JSONResponse({"error": str(error), "path": conn.url.path}, 418, {"x-from": "on_error"})


LINES: list[tuple[str, list[tuple[str, str]]]] = [
    ("nobody", []),
    ("ada", [("authorization", pair("ada", "x"))]),
    ("root", [("authorization", pair("root", "x"))]),
    ("a bad one", [("authorization", "Basic abc")]),
    ("another scheme", [("authorization", "Digest abc")]),
]


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
@pytest.mark.parametrize("path", ["/", "/dashboard", "/admin", "/redirected", "/reading", "/nowhere"])
@pytest.mark.parametrize("ours", [AuthMiddleware, AuthenticationMiddleware])
def test_a_starlette_app_answers_as_with_starlettes_own_middleware(ours: Any, path: str, loop: str) -> None:
    for options in ({}, {"on_error": shown_error}):
        for backend in (StarletteBasic(), Refuses()):
            for sentence, headers in LINES:
                answers = [
                    drive(
                        application(cls, backend, **options), http(path, headers=[("host", "a"), *headers]), loop=loop
                    )
                    for cls in (ours, StarletteMiddleware)
                ]
                mine, theirs = ((one.error, one.status, one.headers, one.body) for one in answers)
                assert (sentence, mine) == (sentence, theirs)


def test_a_starlette_error_is_a_400_with_its_text() -> None:
    exchange = drive(application(AuthMiddleware, Refuses()), http("/x"), loop="asyncio")
    assert outcome(exchange, []) == refusal(400, "raised: /x")


@pytest.mark.parametrize(("sentence", "headers"), LINES[:3], ids=[row[0] for row in LINES[:3]])
def test_a_starlette_websocket_sees_the_same_user(sentence: str, headers: list[tuple[str, str]]) -> None:
    mine, theirs = (
        drive(application(cls, StarletteBasic()), websocket("/ws", headers=headers), loop="asyncio").sent
        for cls in (AuthMiddleware, StarletteMiddleware)
    )
    assert mine == theirs
    assert mine[0]["type"] == ("websocket.close" if sentence == "nobody" else "websocket.accept")


READERS: list[tuple[str, str | None, int, Any]] = [
    ("nobody", None, 403, None),
    ("the scope in the token", GOOD, 200, {"name": "ada", "known": True, "scopes": ["authenticated", "read", "write"]}),
    ("another scope", claiming(scope="write reading").decode(), 403, None),
    ("no scope", claiming(scope="").decode(), 403, None),
]


@pytest.mark.parametrize(("sentence", "text", "status", "body"), READERS, ids=[row[0] for row in READERS])
def test_requires_reads_the_scopes_of_a_token(sentence: str, text: str | None, status: int, body: Any) -> None:
    headers = [] if text is None else [("authorization", f"Bearer {text}")]
    exchange = drive(application(AuthMiddleware, BEARER), http("/reading", headers=headers), loop="asyncio")
    assert exchange.status == status
    if body is not None:
        assert exchange.body == JSONResponse(body).body


def test_on_error_gets_our_errors_as_well() -> None:
    app, scopes = apps.remembers()
    seen: list[tuple[str, Exception]] = []

    def on_error(conn: HTTPConnection, error: Exception) -> Response:
        seen.append((conn.url.path, error))
        return shown_error(conn, error)

    middleware = AuthMiddleware(app, BEARER, on_error, required=True)
    exchanges = [
        drive(middleware, http("/x", headers=[("authorization", line)])) for line in (f"Bearer {FORGED}", "Digest x")
    ]
    texts = (SIGNATURE, "Not authenticated")
    assert [(one.status, one.body) for one in exchanges] == [
        (418, JSONResponse({"error": text, "path": "/x"}).body) for text in texts
    ]
    assert [one.header("x-from") for one in exchanges] == [["on_error"], ["on_error"]]
    assert [(path, type(error), str(error)) for path, error in seen] == [("/x", AuthError, text) for text in texts]
    assert scopes == []


def test_a_starlette_backend_beside_ours() -> None:
    backends = [StarletteBasic(), BEARER]
    answers = [ask(backends, *lines) for lines in ((), (pair("ada", "x"),), (f"Bearer {GOOD}",), ("Basic abc",))]
    assert [answers[0], *answers[2:]] == [ANONYMOUS, ADA, refusal(400, "Invalid basic auth credentials")]
    assert answers[1][2] == ["authenticated"]


# --- WebSockets

CONNECT: Message = {"type": "websocket.connect"}
CLOSED: list[Message] = [{"type": "websocket.close", "code": 1008}]


def denied(answer: Outcome) -> list[Message]:
    status, headers, text = answer
    order = ["content-type", "content-length", "www-authenticate"]
    pairs = sorted(headers, key=lambda line: order.index(line[0]))
    return [
        {
            "type": "websocket.http.response.start",
            "status": status,
            "headers": [(name.encode(), value.encode()) for name, value in pairs],
        },
        {"type": "websocket.http.response.body", "body": text.encode()},
    ]


SOCKETS: list[tuple[str, list[tuple[str, str]], dict[str, Any], list[Message], list[Message]]] = [
    ("nobody, denied", [], {}, [CONNECT], denied(NOBODY)),
    ("nobody, no extension", [], {"extensions": {}}, [CONNECT], CLOSED),
    ("nobody, no extensions at all", [], {"extensions": None}, [CONNECT], CLOSED),
    ("nobody, and gone already", [], {}, [{"type": "websocket.disconnect", "code": 1006}], []),
    ("nobody, and gone already, no extension", [], {"extensions": {}}, [{"type": "websocket.disconnect"}], []),
    (
        "a bad token, denied",
        [("authorization", f"Bearer {FORGED}")],
        {},
        [CONNECT],
        denied(bad_token(SIGNATURE)),
    ),
    (
        "an expired token, denied",
        [("authorization", f"Bearer {claiming(exp=NOW - 60).decode()}")],
        {},
        [CONNECT],
        denied(bad_token(EXPIRED)),
    ),
    (
        "a bad token, no extension",
        [("authorization", f"Bearer {FORGED}")],
        {"extensions": {"tls": {}}},
        [CONNECT],
        CLOSED,
    ),
    (
        "a token in the subprotocol, which nobody asked for",
        [("sec-websocket-protocol", f"bearer, {GOOD}")],
        {"subprotocols": ["bearer", GOOD]},
        [CONNECT],
        denied(NOBODY),
    ),
    (
        "a good token",
        [("authorization", f"Bearer {GOOD}")],
        {},
        [CONNECT, {"type": "websocket.receive", "text": "hi"}],
        [{"type": "websocket.accept"}, {"type": "websocket.send", "text": "hi"}],
    ),
]


@pytest.mark.parametrize(
    ("sentence", "headers", "changes", "messages", "sent"), SOCKETS, ids=[row[0] for row in SOCKETS]
)
def test_a_websocket(
    sentence: str,
    headers: list[tuple[str, str]],
    changes: dict[str, Any],
    messages: list[Message],
    sent: list[Message],
) -> None:
    scope = websocket("/", headers=headers, **changes)
    exchange = drive(AuthMiddleware(apps.accepts(), BEARER, required=True), scope, messages)
    assert (exchange.error, exchange.sent) == (None, sent)


def test_on_error_answers_a_websocket_where_denial_is_offered() -> None:
    middleware = AuthMiddleware(apps.accepts(), BEARER, shown_error, required=True)
    exchange = drive(middleware, websocket("/x"))
    assert (exchange.error, exchange.status, exchange.header("x-from")) == (None, 418, ["on_error"])
    assert [message["type"] for message in exchange.sent] == [
        "websocket.http.response.start",
        "websocket.http.response.body",
    ]
    assert drive(middleware, websocket("/x", extensions={})).sent == CLOSED


# --- wrong configuration

PLAIN = apps.text()
HASH = "make one: htpasswd -nB NAME"
INSTANCE = "pass an instance, such as Bearer(...)"
WRITE = "write {'ada': '$2b$12$...'}"
NO_HASHES: dict[str, Any] = {
    "plain text": "open sesame",
    "an empty hash": "",
    "None": None,
    "bytes": USERS["ada"].encode(),
    "apr1": "$apr1$abcdefgh$abcdefghijklmnopqrstu1",
    "SHA-1": "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
    "SHA-512 of crypt": "$6$rounds=5000$abcdefgh$" + "a" * 86,
    "DES": "rqXexS6ZhobKA",
    "a hash that is cut": USERS["ada"][:-1],
    "a hash with a line end": USERS["ada"] + "\n",
    "a hash and more": USERS["ada"] + ":x",
    "argon2 that is cut": USERS["argon"].rpartition("$")[0],
    "a cost that bcrypt does not know": USERS["ada"].replace("$04$", "$03$"),
    "a cost beyond bcrypt's last": USERS["ada"].replace("$04$", "$99$"),
}
WRONG_USES: list[tuple[str, Callable[[], Any], list[tuple[str, str]]]] = [
    ("no app", lambda: AuthMiddleware(None, BEARER), [("app", "pass a callable(scope, receive, send)")]),  # type: ignore[arg-type]
    ("no backend", lambda: AuthMiddleware(PLAIN, []), [("backend", "list at least one, such as Bearer(...)")]),
    ("None as a backend", lambda: AuthMiddleware(PLAIN, None), [("backend", INSTANCE)]),
    ("a class as a backend", lambda: AuthMiddleware(PLAIN, Bearer), [("backend", INSTANCE)]),
    ("a verifier as a backend", lambda: AuthMiddleware(PLAIN, verifier()), [("backend", INSTANCE)]),
    ("a name as a backend", lambda: AuthMiddleware(PLAIN, "bearer"), [("backend", INSTANCE)]),
    ("a set of backends", lambda: AuthMiddleware(PLAIN, {BEARER}), [("backend", INSTANCE)]),
    ("two bad among three", lambda: AuthMiddleware(PLAIN, [1, BEARER, "x"]), [("backend", INSTANCE)] * 2),
    (
        "on_error that is no function",
        lambda: AuthMiddleware(PLAIN, BEARER, "x"),  # type: ignore[arg-type]
        [("on_error", "pass a callable, or leave the option out")],
    ),
    (
        "required as a number",
        lambda: AuthMiddleware(PLAIN, BEARER, required=1),  # type: ignore[arg-type]
        [("required", "use one of False, True")],
    ),
    (
        "public without required",
        lambda: AuthMiddleware(PLAIN, BEARER, public=["/"]),
        [("public", "set it, or leave this out")],
    ),
    (
        "public as one text",
        lambda: AuthMiddleware(PLAIN, BEARER, required=True, public="/docs"),  # type: ignore[arg-type]  # on purpose
        [("public", "write ['/docs']")],
    ),
    (
        "public patterns that never match or match too much",
        lambda: AuthMiddleware(PLAIN, BEARER, required=True, public=["docs", "/a*", "/a/*/b", "/a?b", "/a/../b", "//"]),
        [
            ("public", "write '/docs'"),
            ("public", "write '/docs/*'"),
            ("public", "write '/docs/*'"),
            ("public", "leave out query, fragment, escapes"),
            ("public", "write the plain path"),
            ("public", "write the plain path"),
        ],
    ),
    ("an empty realm", lambda: AuthMiddleware(PLAIN, BEARER, realm=""), [("realm", "write 'api'")]),
    ("a realm with a line end", lambda: AuthMiddleware(PLAIN, BEARER, realm="a\r\nb"), [("realm", "leave them out")]),
    ("a realm beyond ASCII", lambda: AuthMiddleware(PLAIN, BEARER, realm="Zoë"), [("realm", "write 'api'")]),
    (
        "several at once",
        lambda: AuthMiddleware(5, [], 5, required="yes", realm=5),  # type: ignore[arg-type]
        [
            ("app", "pass a callable(scope, receive, send)"),
            ("backend", "list at least one, such as Bearer(...)"),
            ("on_error", "pass a callable, or leave the option out"),
            ("required", "use one of False, True"),
            ("realm", "write 'api'"),
        ],
    ),
    ("Basic: nothing", lambda: Basic(), [("users", "give one of them")]),
    ("Basic: two sources", lambda: Basic(USERS, check=never), [("users", "give one of them")]),
    ("Basic: no users", lambda: Basic({}), [("users", "add some")]),
    ("Basic: users as text", lambda: Basic(f"ada:{USERS['ada']}"), [("users", WRITE)]),  # type: ignore[arg-type]
    ("Basic: users as pairs", lambda: Basic([("ada", USERS["ada"])]), [("users", WRITE)]),  # type: ignore[arg-type]
    (
        "Basic: a check that is no function",
        lambda: Basic(check="x"),  # type: ignore[arg-type]
        [("check", "pass a callable, or leave the option out")],
    ),
    ("Basic: a name with a colon", lambda: Basic({"a:b": USERS["ada"]}), [("users", "use a text without colon")]),
    ("Basic: no name", lambda: Basic({"": USERS["ada"]}), [("users", "use a text without colon")]),
    ("Basic: a number as a name", lambda: Basic({5: USERS["ada"]}), [("users", "use a text without colon")]),  # type: ignore[dict-item]
    *(
        (f"Basic: {sentence}", partial(Basic, {"ada": value}), [("users", HASH)])
        for sentence, value in NO_HASHES.items()
    ),
    ("Basic: a file that is not there", lambda: Basic(htpasswd="/nowhere"), [("htpasswd", "mend the path")]),
    ("Basic: a folder", lambda: Basic(htpasswd="/"), [("htpasswd", "mend the path")]),
    (
        "Basic: several at once",
        lambda: Basic({"": "x", "ada": USERS["ada"], "bob": "y"}, check="x"),  # type: ignore[arg-type]
        [
            ("users", "give one of them"),
            ("users", "use a text without colon"),
            ("users", HASH),
            ("users", HASH),
            ("check", "pass a callable, or leave the option out"),
        ],
    ),
]


@pytest.mark.parametrize(("sentence", "make", "problems"), WRONG_USES, ids=[row[0] for row in WRONG_USES])
def test_a_wrong_configuration_is_refused_whole(
    sentence: str, make: Callable[[], Any], problems: list[tuple[str, str]]
) -> None:
    with pytest.raises(ConfigError) as caught:
        make()
    assert [(problem.option, problem.remedy) for problem in caught.value.problems] == problems


# Refused is what they must be; how is not decided yet.
REFUSED_SOMEHOW: list[tuple[str, Callable[[], Any], str]] = [
    ("a clock that is a number", lambda: Basic(USERS, clock=5), "clock"),  # type: ignore[arg-type]
    ("no clock", lambda: Basic(USERS, clock=None), "clock"),  # type: ignore[arg-type]
    ("a number for a file", lambda: Basic(htpasswd=5), "htpasswd"),  # type: ignore[arg-type]
    ("a file name with a NUL", lambda: Basic(htpasswd="a\0b"), "htpasswd"),
]


@pytest.mark.parametrize(("sentence", "make", "option"), REFUSED_SOMEHOW, ids=[row[0] for row in REFUSED_SOMEHOW])
def test_odd_options_of_basic_are_a_config_error_that_names_them(
    sentence: str, make: Callable[[], Any], option: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        make()
    assert {problem.option for problem in caught.value.problems} == {option}


FILES: list[tuple[str, str, list[str]]] = [
    ("apr1 and a good one", f"a:$apr1$x$y\nb:{USERS['ada']}\n", [HASH]),
    ("SHA-1 and plain text", "a:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\nb:secret\n", [HASH, HASH]),
    ("no name", f":{USERS['ada']}\n", ["use a text without colon"]),
    ("a hash and more", f"ada:{USERS['ada']}:x\n", [HASH]),
]


@pytest.mark.parametrize(("sentence", "content", "remedies"), FILES, ids=[row[0] for row in FILES])
def test_a_bad_htpasswd_file_is_refused(sentence: str, content: str, remedies: list[str], tmp_path: Path) -> None:
    path = tmp_path / "users.htpasswd"
    path.write_text(content, "utf-8")
    with pytest.raises(ConfigError) as caught:
        Basic(htpasswd=path)
    assert [(one.option, one.remedy) for one in caught.value.problems] == [("htpasswd", text) for text in remedies]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"# nobody\n", b"\xff\xfe:x\n"])
def test_an_htpasswd_file_without_a_user_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "users.htpasswd"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        Basic(htpasswd=path)
    assert len(caught.value.problems) == 1


PACKAGES = [("bcrypt", USERS["ada"], "bcrypt"), ("argon2", USERS["argon"], "argon2-cffi")]


@pytest.mark.parametrize(("module", "value", "package"), PACKAGES, ids=[row[0] for row in PACKAGES])
def test_a_hash_without_its_package_names_the_extra(
    module: str, value: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra) as caught:
        Basic({"ada": value})
    assert (caught.value.extra, caught.value.problems[0].rule) == ("basic", f"needs the package {package}")


@pytest.mark.parametrize("password", ["squeamish-ossifrage", "squeamish-ossifrage\0"])
def test_no_password_is_shown(password: str, capfd: pytest.CaptureFixture[str]) -> None:
    backend = Basic(USERS)
    app, _ = apps.remembers()
    middleware = AuthMiddleware(app, backend, required=True)
    exchange = drive(middleware, http(headers=[("authorization", pair("ada", password))]), loop="asyncio")
    shown = f"{backend!r} {middleware!r} {exchange.headers} {exchange.body!r} {capfd.readouterr()}"
    with pytest.raises(ConfigError) as caught:
        Basic({"ada": password})
    assert "ossifrage" not in f"{shown} {caught.value}"
    assert repr(Basic(check=never)) == "Basic(check=...)"


# --- from a config list


def bearer_options(**changes: Any) -> dict[str, Any]:
    return {"issuer": ISSUER, "audience": AUDIENCE, **changes}


def never_expires() -> str:
    return claiming(exp=4_000_000_000).decode()


def test_a_bearer_from_a_config_list(tmp_path: Path) -> None:
    secret = bearer_from_options(**bearer_options(secret=SECRET.decode()))
    assert ask(secret, f"Bearer {never_expires()}") == ADA
    path = tmp_path / "keys.json"
    path.write_text(str(jwk(P256)).replace("'", '"'))
    assert ask(bearer_from_options(**bearer_options(keys=path)), f"Bearer {never_expires()}") == bad_token(SIGNATURE)


def test_a_basic_from_a_config_list(tmp_path: Path) -> None:
    path = tmp_path / "users.htpasswd"
    path.write_bytes(HTPASSWD.encode())
    for backend in (basic_from_options(htpasswd=path), basic_from_options(users={"ada": USERS["ada"]})):
        assert ask(backend, pair("ada", "open sesame"), loop="asyncio") == known("ada")


CONFIGS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("no key", bearer_options(), ["secret"]),
    ("two keys", bearer_options(secret="x", keys=Path("y")), ["secret"]),
    ("a short secret", bearer_options(secret="x"), ["secret"]),
    ("a public key as the secret", bearer_options(secret=pem(P256).decode()), ["secret"]),
    ("a file that is not there", bearer_options(keys=Path("/nowhere")), ["keys[1]"]),
    ("no issuer, no audience", {"secret": SECRET.decode()}, ["issuer", "audience"]),
]


@pytest.mark.parametrize(("sentence", "options", "names"), CONFIGS, ids=[row[0] for row in CONFIGS])
def test_a_wrong_config_list_is_refused(sentence: str, options: dict[str, Any], names: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        bearer_from_options(**options)
    assert [problem.option for problem in caught.value.problems] == names


def test_the_two_names_are_one_middleware() -> None:
    app: App = apps.text(b"ok")
    both = [drive(cls(app, BEARER, required=True)) for cls in (AuthMiddleware, AuthenticationMiddleware)]
    assert both[0].sent == both[1].sent
    assert issubclass(AuthenticationMiddleware, AuthMiddleware)
