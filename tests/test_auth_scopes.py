"""`RequireScopes`: who gets through, and what the others are told."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette import authentication
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware as StarletteMiddleware
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.routing import Mount

from asgi_middleware import AuthMiddleware, ConfigError, Stack
from asgi_middleware.auth import RequireScopes

from . import apps
from .asgi import Message, drive, http, websocket
from .authenticating import BEARER, CLOSED, CONNECT, GOOD, StarletteBasic, denied, pair
from .tokens import Outcome, claiming, refusal, run

ASK = 'Bearer scope="read write"'
LACKS = 'Bearer error="insufficient_scope", error_description="Not allowed", scope="read write"'
UNKNOWN = refusal(401, "Not authenticated", ASK)
LACKING = refusal(403, "Not allowed", LACKS)


def ask(scope: dict[str, Any], text: str | None, *scopes: str, **options: Any) -> Any:
    """The whole answer of a part that requires these scopes, or `ok`."""
    if text is not None:
        scope["headers"].append((b"authorization", b"Bearer " + text.encode()))
    app = apps.accepts() if scope["type"] == "websocket" else apps.text(b"ok")
    exchange = drive(AuthMiddleware(RequireScopes(app, scopes, **options), BEARER), scope)
    assert exchange.error is None
    if exchange.start["type"] == "websocket.accept" or exchange.body == b"ok":
        return "ok"
    return exchange.status, exchange.headers, exchange.body.decode()


ROWS: list[tuple[str, str | None, Any]] = [
    ("nobody", None, UNKNOWN),
    ("all of them", GOOD, "ok"),
    ("more than those", claiming(scope="write admin read").decode(), "ok"),
    ("one is missing", claiming(scope="read").decode(), LACKING),
    ("none", claiming(scope="").decode(), LACKING),
    ("in another case", claiming(scope="Read Write").decode(), LACKING),
    ("as the beginning of another", claiming(scope="reading writing").decode(), LACKING),
]


@pytest.mark.parametrize("make", [http, websocket])
@pytest.mark.parametrize(("sentence", "text", "answer"), ROWS, ids=[row[0] for row in ROWS])
def test_who_gets_through(sentence: str, text: str | None, answer: Outcome, make: Any) -> None:
    assert ask(make(), text, "read", "write") == answer


CHALLENGES: list[tuple[dict[str, Any], str, str]] = [
    ({}, 'Bearer scope="admin"', 'Bearer error="insufficient_scope", error_description="Not allowed", scope="admin"'),
    (
        {"realm": 'a"b'},
        r'Bearer realm="a\"b", scope="admin"',
        r'Bearer realm="a\"b", error="insufficient_scope", error_description="Not allowed", scope="admin"',
    ),
    ({"scheme": "Basic"}, 'Basic realm="Restricted", charset="UTF-8"', 'Basic realm="Restricted", charset="UTF-8"'),
    ({"scheme": "APIKey", "realm": "api"}, 'APIKey realm="api"', 'APIKey realm="api"'),
    ({"scheme": "Session"}, "Session", "Session"),
]


@pytest.mark.parametrize(("options", "unknown", "lacking"), CHALLENGES, ids=[str(row[0]) for row in CHALLENGES])
def test_the_challenge_names_the_scopes_for_bearer_alone(options: dict[str, Any], unknown: str, lacking: str) -> None:
    assert ask(http(), None, "admin", **options) == refusal(401, "Not authenticated", unknown)
    assert ask(http(), GOOD, "admin", **options) == refusal(403, "Not allowed", lacking)


def test_a_websocket_is_denied_or_closed() -> None:
    middleware = AuthMiddleware(RequireScopes(apps.accepts(), ["read", "write"]), BEARER)
    assert drive(middleware, websocket()).sent == denied(UNKNOWN)
    assert drive(middleware, websocket(extensions={})).sent == CLOSED
    gone: list[Message] = [{"type": "websocket.disconnect", "code": 1006}]
    assert [drive(middleware, websocket(), messages).sent for messages in ([CONNECT], gone)] == [denied(UNKNOWN), []]


def test_a_part_of_an_application_under_starlettes_own_middleware() -> None:
    routes = [Mount("/admin", RequireScopes(PlainTextResponse("ok"), ["admin"])), Mount("/", PlainTextResponse("open"))]
    app = Starlette(routes=routes, middleware=[Middleware(StarletteMiddleware, backend=StarletteBasic())])
    answers = []
    for path, name in [("/admin/", None), ("/admin/x", "ada"), ("/admin/x", "root"), ("/", None)]:
        headers = [("host", "a")] if name is None else [("host", "a"), ("authorization", pair(name, "x"))]
        exchange = drive(app, http(path, headers=headers), loop="asyncio")
        answers.append((exchange.status, exchange.body))
    assert answers == [(401, b"Not authenticated"), (403, b"Not allowed"), (200, b"ok"), (200, b"open")]


def test_a_user_of_somebody_elses_is_enough() -> None:
    """Whatever has put Starlette's two keys into the scope counts."""
    auth, user = authentication.AuthCredentials(["read"]), authentication.SimpleUser("ada")
    exchange = drive(RequireScopes(apps.text(b"ok"), ["read"]), {**http(), "auth": auth, "user": user})
    assert exchange.body == b"ok"


@pytest.mark.parametrize("preset", [{}, {"user": None}, {"auth": None}])
def test_without_authentication_outside_nobody_gets_through(preset: dict[str, Any]) -> None:
    exchange = drive(RequireScopes(apps.text(b"ok"), ["read"]), {**http(), **preset})
    assert exchange.sent == []
    assert str(exchange.error) == "RequireScopes finds no user in the scope: put AuthMiddleware outside of it"


def test_other_scope_types_pass_with_the_very_same_objects() -> None:
    seen: list[Any] = []

    async def app(*args: Any) -> None:
        seen.extend(args)

    async def receive() -> Any: ...

    async def send(message: Any) -> None: ...

    scope = {"type": "lifespan"}
    run(RequireScopes(app, ["read"])(scope, receive, send))
    assert [id(one) for one in seen] == [id(scope), id(receive), id(send)]


def test_it_is_an_entry_of_a_stack_for_some_paths() -> None:
    entry = {"use": "asgi_middleware.auth:RequireScopes", "scopes": ["admin"], "paths": ["/admin/*"]}
    stack = Stack([("auth", {"backend": BEARER}), entry])
    answers = [drive(stack(apps.text(b"ok")), http(path)).status for path in ("/admin/x", "//admin/x", "/", "/adminx")]
    assert answers == [401, 401, 200, 200]


def test_every_scope_that_there_may_be_can_be_required() -> None:
    """RFC 6749, 3.3: all of visible ASCII but the quote and the backslash."""
    names = [chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"\\']
    user = authentication.SimpleUser("ada")
    for granted, status in (([*names, "x"], 200), (names[1:], 403), (names[:-1], 403)):
        scope = {**http(), "auth": authentication.AuthCredentials(granted), "user": user}
        assert drive(RequireScopes(apps.text(b"ok"), names), scope).status == status


PLAIN = apps.text()
WRONG_USES: list[tuple[str, Callable[[], Any], list[tuple[str, str]]]] = [
    ("no app", lambda: RequireScopes(None, ["a"]), [("app", "pass a callable(scope, receive, send)")]),  # type: ignore[arg-type]
    ("one text", lambda: RequireScopes(PLAIN, "read"), [("scopes", "write ['read']")]),  # type: ignore[arg-type]  # on purpose
    ("none", lambda: RequireScopes(PLAIN, []), [("scopes", "name at least one")]),
    (
        "two in one, a quote, an empty one",
        lambda: RequireScopes(PLAIN, ["read write", 'a"b', "", "a\\b", "é", "ok"]),
        [("scopes", "write each on its own")] * 5,
    ),
    (
        "a scheme of one's own",
        lambda: RequireScopes(PLAIN, ["a"], scheme="Digest"),
        [("scheme", "use one of 'Bearer', 'Basic', 'APIKey', 'Session'")],
    ),
    ("a realm beyond ASCII", lambda: RequireScopes(PLAIN, ["a"], realm="Zoë"), [("realm", "write 'api'")]),
]


@pytest.mark.parametrize(("sentence", "make", "problems"), WRONG_USES, ids=[row[0] for row in WRONG_USES])
def test_a_wrong_use_is_refused(sentence: str, make: Callable[[], Any], problems: list[tuple[str, str]]) -> None:
    with pytest.raises(ConfigError) as caught:
        make()
    assert [(problem.option, problem.remedy) for problem in caught.value.problems] == problems


def test_the_connection_of_starlette_reads_the_same() -> None:
    """What `requires` asks is what this asks: the two can stand for one another."""
    scope = {**http(), "auth": authentication.AuthCredentials(["read"]), "user": authentication.SimpleUser("ada")}
    for scopes in (["read"], ["read", "write"], ["write"]):
        passed = drive(RequireScopes(apps.text(b"ok"), scopes), scope).status == 200
        assert passed == authentication.has_required_scope(HTTPConnection(scope), scopes)
