"""`AuthMiddleware`: the Authorization header, chains of backends, and the scope. Tokens and keys, and the
backends, have their own files.
"""

import base64
import copy
import random
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from starlette import authentication

from asgi_middleware import AuthenticationMiddleware, AuthMiddleware, _scope
from asgi_middleware.auth import AuthError, Basic, User

from . import apps
from .asgi import App, Message, drive, http, websocket
from .authenticating import (
    ADA,
    ANONYMOUS,
    BEARER,
    FORGED,
    GOOD,
    Claims,
    OtherTokens,
    never,
    pair,
)
from .tokens import (
    BAD_REQUEST,
    SIGNATURE,
    Outcome,
    ask,
    bad_token,
    outcome,
    refusal,
    run,
    token,
)

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
    text = "Authorization is malformed"
    answer = refusal(400, text, f'Bearer error="invalid_request", error_description="{text}"')
    assert ask(BEARER, f"Bearer\t{GOOD}") == answer


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


# --- chains


EVE = User("eve", scheme="Custom", scopes=("all",))
INVALID = 'Bearer error="invalid_token", error_description='
CHAINS: list[tuple[str, Callable[[], list[Any]], str | None, Outcome, list[int]]] = [
    ("nobody knows it", lambda: [Claims(None), Claims(None)], None, ANONYMOUS, [1, 1]),
    ("nobody sent what they know", lambda: [Claims(None), Basic(check=never), BEARER], None, ANONYMOUS, [1]),
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


class Reads(Claims):
    """Looks at two headers, and says so."""

    reads = (b"x-one", b"x-two")


ASKED: list[tuple[str, list[Any], list[tuple[str, str]], bool]] = [
    ("it reads none that was sent", [Reads(None)], [("host", "a")], False),
    ("no header was sent", [Reads(None)], [], False),
    ("it reads one that was sent", [Reads(None)], [("host", "a"), ("X-Two", "")], True),
    ("another one reads something that was sent", [Reads(None), BEARER], [("authorization", "Digest x")], True),
    ("no other one reads anything that was sent", [Reads(None), BEARER], [("cookie", "a=b")], False),
    ("another one does not say what it reads", [Reads(None), Claims(None)], [], True),
    ("it does not say what it reads", [Claims(None)], [], True),
]


@pytest.mark.parametrize(("sentence", "backends", "headers", "asked"), ASKED, ids=[row[0] for row in ASKED])
def test_nobody_is_asked_about_a_request_without_anything_to_read(
    sentence: str, backends: list[Any], headers: list[tuple[str, str]], asked: bool
) -> None:
    backends[0].calls = 0
    for scope in (http(headers=headers), _scope.extend(http(headers=headers), {})):  # a server's, and one of ours
        app, scopes = apps.remembers()
        assert outcome(drive(AuthMiddleware(app, backends), scope), scopes) == ANONYMOUS
    assert backends[0].calls == (2 if asked else 0)


def test_two_anonymous_requests_share_nothing() -> None:
    """Starlette's objects can be written to; what one request writes into them must not reach another."""
    app, scopes = apps.remembers()
    middleware = AuthMiddleware(app, BEARER)
    for _ in range(2):
        drive(middleware)
        scopes[-1]["auth"].scopes.append("admin")
        scopes[-1]["user"].note = "mine"
    assert [scope["auth"].scopes for scope in scopes] == [["admin"]] * 2
    assert scopes[0]["user"] is not scopes[1]["user"]


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


def test_the_two_names_are_one_middleware() -> None:
    app: App = apps.text(b"ok")
    both = [drive(cls(app, BEARER, required=True)) for cls in (AuthMiddleware, AuthenticationMiddleware)]
    assert both[0].sent == both[1].sent
    assert issubclass(AuthenticationMiddleware, AuthMiddleware)
