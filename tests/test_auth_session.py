"""`SessionUser`, `login` and `logout`, over our sessions, in cookies and in stores, and over Starlette's."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.middleware.sessions import SessionMiddleware as StarletteSessions

from asgi_middleware import AuthMiddleware, ConfigError, SessionMiddleware, Stack
from asgi_middleware.auth import AuthError, SessionUser, User, login, logout
from asgi_middleware.sessions.stores.memory import MemoryStore

from . import apps
from .asgi import App, Exchange, drive, http, websocket
from .authenticating import CLOSED, denied
from .tokens import refusal, run

SECRET = "a-secret-of-the-tests-that-is-long-enough"
NOBODY = refusal(401, "Not authenticated", "Session")
FOREIGN = refusal(403, "The WebSocket comes from a foreign origin", "Session")

Sessions = Callable[[App], App]
SESSIONS: dict[str, Callable[[], Sessions]] = {
    "a signed cookie": lambda: lambda app: SessionMiddleware(app, SECRET),
    "an encrypted cookie": lambda: lambda app: SessionMiddleware(app, SECRET, encrypt=True),
    "a store": lambda: stored(MemoryStore()),
    "Starlette's": lambda: lambda app: StarletteSessions(app, SECRET),
}


def stored(store: MemoryStore) -> Sessions:
    return lambda app: SessionMiddleware(app, SECRET, store=store)


class Browser:
    """Keeps one cookie, and calls an application that does what the path says, inside of AuthMiddleware."""

    def __init__(self, sessions: Sessions, backend: Any = None, **options: Any) -> None:
        self.cookie = ""
        self.seen: list[Any] = []
        self.app = sessions(AuthMiddleware(self._app, SessionUser() if backend is None else backend, **options))

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        self.seen.append(scope)
        word, _, value = scope["path"].strip("/").partition("/")
        if word == "login":
            login(scope, value)
        elif word == "logout":
            logout(scope)
        elif word == "put":
            scope["session"]["cart"] = value
        await (apps.accepts() if scope["type"] == "websocket" else apps.text(b"ok"))(scope, receive, send)

    def ask(self, path: str = "/", make: Any = http, headers: tuple[tuple[str, str], ...] = ()) -> Exchange:
        cookies = [("cookie", self.cookie)] if self.cookie else []
        exchange = drive(self.app, make(path, headers=[("host", "app.example"), *cookies, *headers]), loop="asyncio")
        if exchange.error is not None:
            raise exchange.error
        for line in exchange.header("set-cookie") if exchange.sent != CLOSED else ():
            self.cookie = "" if "01 jan 1970" in line.lower() else line.partition(";")[0]
        return exchange

    def who(self) -> str | None:
        """The identity that the application sees, None for nobody."""
        self.ask()
        user = self.seen[-1]["user"]
        return user.identity if user.is_authenticated else None

    def cart(self) -> Any:
        self.ask()
        return self.seen[-1]["session"].get("cart")


@pytest.fixture(params=SESSIONS)
def sessions(request: pytest.FixtureRequest) -> Sessions:
    return SESSIONS[request.param]()


def test_a_login_lasts_until_the_logout(sessions: Sessions) -> None:
    browser = Browser(sessions)
    told = [browser.who()]
    browser.ask("/login/user-1")
    told += [browser.who(), browser.who()]
    browser.ask("/logout")
    told.append(browser.who())
    assert (told, browser.cookie) == ([None, "user-1", "user-1", None], "")


def test_the_user_that_is_given_to_the_application(sessions: Sessions) -> None:
    browser = Browser(sessions, required=True, public=["/login/*"])
    assert browser.ask().status == 401
    browser.ask("/login/user-1")
    browser.ask()
    user, auth = browser.seen[-1]["user"], browser.seen[-1]["auth"]
    assert (type(user), user.identity, user.display_name, user.scheme) == (User, "user-1", "user-1", "Session")
    assert auth.scopes == ["authenticated"]


def test_what_a_visitor_had_stays_and_what_another_user_had_does_not(sessions: Sessions) -> None:
    browser = Browser(sessions)
    browser.ask("/put/milk")
    browser.ask("/login/user-1")
    assert browser.cart() == "milk"
    browser.ask("/login/user-1")
    assert browser.cart() == "milk"
    browser.ask("/login/user-2")
    assert (browser.cart(), browser.who()) == (None, "user-2")
    browser.ask("/put/bread")
    browser.ask("/logout")
    assert browser.cart() is None


def test_a_login_makes_the_id_before_it_worthless() -> None:
    """Somebody plants his own session in the browser of the victim, and waits for her to log in."""
    sessions = stored(MemoryStore())
    attacker, victim = Browser(sessions), Browser(sessions)
    attacker.ask("/put/bait")
    planted = victim.cookie = attacker.cookie
    victim.ask("/login/victim")
    assert victim.cookie != planted
    assert (victim.who(), attacker.who(), attacker.cart()) == ("victim", None, None)


def test_a_second_login_of_the_same_user_gives_a_new_id_too() -> None:
    browser = Browser(stored(MemoryStore()))
    browser.ask("/login/user-1")
    first = browser.cookie
    browser.ask("/login/user-1")
    assert browser.cookie != first


def test_a_logout_ends_it_for_copies_of_the_cookie_as_well() -> None:
    sessions = stored(MemoryStore())
    browser, copy = Browser(sessions), Browser(sessions)
    browser.ask("/login/user-1")
    copy.cookie = browser.cookie
    assert copy.who() == "user-1"
    browser.ask("/logout")
    assert copy.who() is None


def test_a_session_that_can_end_is_ended_and_not_merely_emptied() -> None:
    told: list[str] = []

    class Ending(dict[str, Any]):
        def destroy(self) -> None:
            told.append("destroyed")

    session = Ending(cart="milk")
    logout({**http(), "session": session})
    assert (told, session) == (["destroyed"], {"cart": "milk"})


def test_a_forged_cookie_is_nobody(sessions: Sessions) -> None:
    browser = Browser(sessions)
    browser.ask("/login/user-1")
    name, _, value = browser.cookie.partition("=")
    browser.cookie = f"{name}={'A' if value[0] != 'A' else 'B'}{value[1:]}"
    assert browser.who() is None


@pytest.mark.parametrize("path", ["/", "/login/user-1"])
def test_every_response_varies_by_cookie(path: str) -> None:
    assert Browser(SESSIONS["a signed cookie"]()).ask(path).header("vary") == ["Cookie"]


@pytest.mark.parametrize("identity", ["", None, 5, b"user-1"])
def test_an_identity_that_is_none_is_refused_before_anything_happens(identity: Any, sessions: Sessions) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"]["cart"] = "milk"
        with pytest.raises(TypeError, match="an identity is text that is not empty"):
            login(scope, identity)
        assert dict(scope["session"]) == {"cart": "milk"}
        await apps.text(b"ok")(scope, receive, send)

    assert drive(sessions(app), loop="asyncio").error is None


# --- the hook

MEMBERS = {"user-1": User("user-1", scheme="db", display_name="Ada", scopes=("admin",))}


async def member(subject: str, session: Any) -> Any:
    return MEMBERS.get(subject)


def member_at_once(subject: str, session: Any) -> Any:
    return None if session.get("cart") == "stolen" else MEMBERS.get(subject)


@pytest.mark.parametrize("hook", [member, member_at_once])
def test_a_hook_gives_the_user(hook: Any, sessions: Sessions) -> None:
    browser = Browser(sessions, SessionUser(hook))
    browser.ask("/login/user-1")
    browser.ask()
    assert browser.seen[-1]["user"] is MEMBERS["user-1"]
    assert browser.seen[-1]["auth"].scopes == ["authenticated", "admin"]


def test_a_hook_that_knows_the_subject_no_more_ends_the_login_and_nothing_else(sessions: Sessions) -> None:
    browser = Browser(sessions, SessionUser(member))
    browser.ask("/put/milk")
    browser.ask("/login/user-2")
    assert (browser.who(), browser.cart()) == (None, "milk")


def test_a_hook_sees_the_session() -> None:
    browser = Browser(SESSIONS["a store"](), SessionUser(member_at_once))
    browser.ask("/login/user-1")
    browser.ask("/put/stolen")
    assert browser.who() is None


def test_a_hook_is_not_asked_for_nobody(sessions: Sessions) -> None:
    asked: list[str] = []
    browser = Browser(sessions, SessionUser(lambda subject, session: asked.append(subject)))
    assert (browser.who(), asked) == (None, [])


# --- WebSockets

PASSES: list[tuple[str, tuple[str, ...]]] = [
    ("the same host", ("http://app.example",)),
    ("the same host over TLS, behind a proxy", ("https://app.example",)),
    ("a listed one", ("https://partner.example",)),
    ("one that a pattern stands for", ("https://a.b.friends.example",)),
]
FAILS: list[tuple[str, tuple[str, ...]]] = [
    ("none", ()),
    ("another site", ("https://evil.example",)),
    ("a subdomain of this host", ("https://x.app.example",)),
    ("another port", ("http://app.example:8000",)),
    ("this host as a part", ("https://app.example.evil.example",)),
    ("this host as a user", ("https://app.example@evil.example",)),
    ("a listed one over another scheme", ("http://partner.example",)),
    ("the pattern's domain itself", ("https://friends.example",)),
    ("null", ("null",)),
    ("an empty one", ("",)),
    ("two", ("https://app.example", "https://app.example")),
    ("two in one line", ("https://app.example https://evil.example",)),
]
BACKEND = SessionUser(allow_origins=["https://partner.example", "https://*.friends.example"])


@pytest.mark.parametrize(
    ("sentence", "origins", "passes"),
    [*((*row, True) for row in PASSES), *((*row, False) for row in FAILS)],
    ids=[row[0] for row in (*PASSES, *FAILS)],
)
def test_a_websocket_of_a_user_must_come_from_a_page_that_may(
    sentence: str, origins: tuple[str, ...], passes: bool, sessions: Sessions
) -> None:
    browser = Browser(sessions, BACKEND)
    browser.ask("/login/user-1")
    headers = tuple(("origin", origin) for origin in origins)
    browser.seen.clear()
    sent = browser.ask("/ws", websocket, headers).sent
    if passes:
        assert (sent[0]["type"], browser.seen[-1]["user"].identity) == ("websocket.accept", "user-1")
    else:
        kept = [{**message} for message in sent]
        if "headers" in kept[0]:
            added = (b"vary", b"set-cookie", b"cache-control")  # the session's own
            kept[0]["headers"] = [pair for pair in kept[0]["headers"] if pair[0] not in added]
        assert (kept, browser.seen) == (denied(FOREIGN), [])


def test_where_denial_is_not_offered_it_is_closed() -> None:
    browser = Browser(SESSIONS["a signed cookie"](), BACKEND)
    browser.ask("/login/user-1")

    def plain(path: str, **options: Any) -> dict[str, Any]:
        return websocket(path, extensions={}, **options)

    assert browser.ask("/ws", plain, (("origin", "https://evil.example"),)).sent == CLOSED


def test_the_error_says_that_it_is_the_origin_and_no_token() -> None:
    scope = {**websocket(headers=[("host", "a"), ("origin", "https://b")]), "session": {"_subject": "user-1"}}
    with pytest.raises(AuthError) as caught:
        run(SessionUser().identify(scope))
    assert (caught.value.status, caught.value.code, str(caught.value)) == (403, None, FOREIGN[2])


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_a_websocket_of_nobody_is_not_looked_at(origin: str, sessions: Sessions) -> None:
    browser = Browser(sessions)
    assert browser.ask("/ws", websocket, (("origin", origin),)).sent[0]["type"] == "websocket.accept"


def test_the_origin_is_looked_at_before_the_hook_is_asked() -> None:
    asked: list[str] = []
    browser = Browser(SESSIONS["a store"](), SessionUser(lambda subject, session: asked.append(subject)))
    browser.ask("/login/user-1")
    assert (browser.ask("/ws", websocket, (("origin", "https://evil.example"),)).status, asked) == (403, [])


def test_http_requests_from_elsewhere_are_left_to_same_site_and_cors() -> None:
    browser = Browser(SESSIONS["a store"]())
    browser.ask("/login/user-1")
    browser.ask("/", http, (("origin", "https://evil.example"),))
    assert browser.seen[-1]["user"].identity == "user-1"


# --- without sessions, and wrong uses

NO_SESSION = r"there is no session at scope\['session'\]: put SessionMiddleware outside of AuthMiddleware"


@pytest.mark.parametrize("preset", [{}, {"session": None}, {"session": "x"}])
def test_a_request_without_a_session_says_what_is_missing(preset: dict[str, Any]) -> None:
    exchange = drive(AuthMiddleware(apps.text(), SessionUser()), {**http(), **preset})
    assert isinstance(exchange.error, RuntimeError)
    with pytest.raises(RuntimeError, match=NO_SESSION):
        login({**http(), **preset}, "user-1")
    with pytest.raises(RuntimeError, match=NO_SESSION):
        logout({**http(), **preset})


def test_a_session_may_stand_under_another_key() -> None:
    told: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        told.append(scope["user"].is_authenticated)
        login(scope, "user-1", scope_key="state_of")
        await apps.text(b"ok")(scope, receive, send)
        with pytest.raises(RuntimeError, match=NO_SESSION):
            logout(scope)

    inner = AuthMiddleware(app, SessionUser(scope_key="state_of"))
    sessions = SessionMiddleware(inner, SECRET, scope_key="state_of")
    cookie = drive(sessions).header("set-cookie")[0].partition(";")[0]
    drive(sessions, http(headers=[("cookie", cookie)]))
    assert told == [False, True]


WRONG_USES: list[tuple[str, Callable[[], Any], list[tuple[str, str]]]] = [
    (
        "a hook that is none",
        lambda: SessionUser("x"),  # type: ignore[arg-type]
        [("user", "pass a callable, or leave the option out")],
    ),
    (
        "origins as one text",
        lambda: SessionUser(allow_origins="https://a.example"),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # on purpose
        [("allow_origins", "write ['https://a.example']")],
    ),
    (
        "what is no origin",
        lambda: SessionUser(allow_origins=["https://a.example/", "https://*.com"]),
        [
            ("allow_origins", "write 'https://a.example'"),
            ("allow_origins", "name the domain, as in 'https://*.example.com'"),
        ],
    ),
    ("any origin", lambda: SessionUser(allow_origins=["*"]), [("allow_origins", "write 'https://example.com'")]),
    ("no key", lambda: SessionUser(scope_key=""), [("scope_key", "write 'session'")]),
]


@pytest.mark.parametrize(("sentence", "make", "problems"), WRONG_USES, ids=[row[0] for row in WRONG_USES])
def test_a_wrong_use_is_refused(sentence: str, make: Callable[[], Any], problems: list[tuple[str, str]]) -> None:
    with pytest.raises(ConfigError) as caught:
        make()
    assert [(problem.option, problem.remedy) for problem in caught.value.problems] == problems


def test_it_can_be_asked_for_in_a_config_list() -> None:
    stack = Stack(
        [
            ("sessions", {"secret_key": SECRET}),
            {"use": "auth", "required": True, "backend": {"use": "session", "allow_origins": ["https://a.example"]}},
        ]
    )
    exchange = drive(stack(apps.text()))
    assert (exchange.status, exchange.header("www-authenticate")) == (401, ["Session"])
