"""The order of a stack: what is found in which stacks, how it is told, logged and silenced."""

import functools
from typing import Any

import pytest
from starlette.middleware.authentication import AuthenticationMiddleware as StarletteAuth
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware as StarletteCORS
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.middleware.gzip import GZipMiddleware as StarletteGZip
from starlette.middleware.httpsredirect import HTTPSRedirectMiddleware
from starlette.middleware.sessions import SessionMiddleware as StarletteSessions
from starlette.middleware.trustedhost import TrustedHostMiddleware
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from asgi_middleware import CORSMiddleware, Stack, TimingMiddleware
from asgi_middleware.auth import APIKeys, RequireScopes
from asgi_middleware.sessions.stores.memory import MemoryStore
from asgi_middleware.stack import Finding
from asgi_middleware.stack.order import RULES

from .asgi import App

SEVERITIES = {rule.code: rule.severity for rule in RULES}
SECRET = "a key of the tests, 32 characters or more"


class Named:
    """A middleware that does nothing, of whatever kind a subclass says."""

    def __init__(self, app: App, **options: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


class Login(Named):
    middleware_kind = "auth"


class Flags(Named):
    middleware_kind = "flags"


class Visits(Named):
    """Sessions with the option names of starsessions."""

    middleware_kind = "sessions"

    def __init__(self, app: App, *, cookie_name: str = "session", cookie_https_only: bool = True) -> None:
        super().__init__(app)


class Odd(Named):
    middleware_kind = 5


class Audit(BaseHTTPMiddleware):
    pass


class AnyCORS(Named):
    middleware_kind = "cors"


class Opaque(AnyCORS):
    __signature__ = "what nobody can read"


class OwnCORS(StarletteCORS):
    pass


def login(app: App) -> App:
    return Login(app)


login.middleware_kind = "auth"  # type: ignore[attr-defined]  # as a third party's function may have it


class Backend:
    """A backend by Starlette's contract."""

    async def authenticate(self, conn: Any) -> Any: ...


class Reader(Backend):
    middleware_kind = "reader"


class Both(Backend):
    async def identify(self, scope: Any) -> Any: ...


def entry(use: Any, **more: Any) -> dict[str, Any]:
    return {"use": use, **more}


def cors(**more: Any) -> dict[str, Any]:
    return entry("cors", allow_origins=["https://app.example.com"], **more)


def sessions(**more: Any) -> dict[str, Any]:
    return entry("sessions", secret_key=SECRET, **more)


def auth(*backends: Any, **more: Any) -> dict[str, Any]:
    return entry("auth", backend=list(backends) or [KEYS], **more)


USERS = {"use": "session"}
KEYS = APIKeys({"0" * 64: "ci"})
STORE = MemoryStore()
ALL = ["request_id", "timing", cors(), "errors", "compression", sessions(), auth(USERS)]
SCOPES = (RequireScopes, {"scopes": ["read"]})
STARLETTE_CORS = (StarletteCORS, {"allow_origins": ["https://app.example.com"]})
OPEN = {"allow_origins": ["*"], "allow_credentials": True}
LOGGED = entry("timing", sinks=[{"use": "log"}])
HOSTS = (TrustedHostMiddleware, {"allowed_hosts": ["api.example"]})

# A sentence, the entries, the whole of what is found: where, and the rule's code.
STACKS: list[tuple[str, list[Any], list[tuple[str, str]]]] = [
    ("nothing", [], []),
    ("the recommended order", ALL, []),
    ("it with gzip", [*ALL[:4], "gzip", *ALL[5:]], []),
    ("it with Brotli and a store", [*ALL[:4], "brotli", sessions(store=STORE), ALL[6]], []),
    ("the lint everywhere", [part for one in ALL for part in ("lint", one)] + ["lint"], []),
    ("words to come", [ProxyHeadersMiddleware, "request_id", HOSTS, *ALL[1:4], Flags, *ALL[4:], SCOPES], []),
    *((f"{one['use'] if isinstance(one, dict) else one} alone", [one], []) for one in ALL[:-1]),
    (
        "the recommended order, reversed",
        ALL[::-1],
        [
            ("entry 2 (sessions)", "sessions-outside-session-user"),
            ("entry 4 (errors)", "errors-outside-compression"),
            ("entry 4 (errors)", "errors-outside-sessions"),
            ("entry 4 (errors)", "errors-outside-auth"),
            ("entry 5 (cors)", "cors-outside-auth"),
            ("entry 5 (cors)", "cors-outside-errors"),
            ("entry 6 (timing)", "timing-outside-cors"),
            ("entry 6 (timing)", "timing-outside-errors"),
            ("entry 6 (timing)", "timing-outside-auth"),
            ("entry 7 (request_id)", "request-id-outside-cors"),
            ("entry 7 (request_id)", "request-id-outside-errors"),
            ("entry 7 (request_id)", "request-id-outside-auth"),
        ],
    ),
    # orders that differ from the recommended one and break nothing
    ("timing outside the ID", ["timing", "request_id"], []),
    ("compression and a BaseHTTPMiddleware outside a timing without sinks", ["compression", Audit, "timing"], []),
    ("outside one with sinks", ["compression", Audit, LOGGED, "request_id"],
        [("entry 3 (timing)", "timing-outside-compression"), ("entry 3 (timing)", "timing-outside-base-http"),
         ("entry 4 (request_id)", "request-id-outside-timing"),
         ("entry 4 (request_id)", "request-id-outside-base-http")]),
    ("something else with sinks", ["compression", (Flags, {"sinks": ["log"]})], []),
    ("sessions outside compression", [sessions(), "compression"], []),
    ("sessions outside cors", [sessions(), cors()], []),
    ("sessions in a cookie outside the ID and timing", [sessions(), "request_id", "timing"], []),
    ("auth outside compression", [auth(), "compression"], []),
    ("an auth without sessions' users outside sessions", [auth(), sessions()], []),
    ("compression outside cors", ["compression", cors()], []),
    ("the Host checked inside cors", [cors(), HOSTS], []),
    ("a session with https_only outside a proxy's headers", [sessions(https_only=True), ProxyHeadersMiddleware], []),
    ("one that has to be Secure", [sessions(session_cookie="__Host-s"), ProxyHeadersMiddleware], []),
    ("one that never is", [sessions(https_only=False), ProxyHeadersMiddleware], []),
    ("one that other sites get", [sessions(same_site="none"), ProxyHeadersMiddleware], []),
    ("a third party's, Secure by another name", [Visits, ProxyHeadersMiddleware], []),
    ("a BaseHTTPMiddleware inside the ID", ["request_id", Audit], []),
    ("a BaseHTTPMiddleware alone, and outside timing", [Audit, "timing"], []),
    # the same, where something is broken
    ("sessions in a store outside the ID and timing", [sessions(store=STORE), "request_id", "timing"],
        [("entry 2 (request_id)", "request-id-outside-sessions"), ("entry 3 (timing)", "timing-outside-sessions")]),
    ("a subclass of BaseHTTPMiddleware outside the ID", [Audit, "request_id"],
        [("entry 2 (request_id)", "request-id-outside-base-http")]),
    ("outside of which there is an ID too", ["request_id", Audit, "request_id"],
        [("entry 3 (request_id)", "two-request-id")]),
    ("one cors outside auth and one inside", [cors(), auth(), cors()], [("entry 3 (cors)", "two-cors")]),
    (
        "several inside: each is named once",
        [auth(), "errors", cors(), cors(paths=["/api/*"])],
        [
            ("entry 2 (errors)", "errors-outside-auth"),
            ("entry 3 (cors)", "cors-outside-auth"),
            ("entry 3 (cors)", "cors-outside-errors"),
            ("entry 4 (cors)", "cors-outside-auth"),
            ("entry 4 (cors)", "cors-outside-errors"),
            ("entry 4 (cors)", "two-cors"),
        ],
    ),
    ("three of a kind", ["timing"] * 3, [("entry 2 (timing)", "two-timing"), ("entry 3 (timing)", "two-timing")]),
    ("gzip and Brotli", ["brotli", "gzip"], [("entry 2 (gzip)", "two-compression")]),
    ("users of sessions, and no sessions", [auth(USERS)], [("entry 1 (auth)", "sessions-outside-session-user")]),
    ("they are one backend of several", [auth(KEYS, USERS)], [("entry 1 (auth)", "sessions-outside-session-user")]),
    ("scopes, and no auth", [SCOPES], [("entry 1 (RequireScopes)", "auth-outside-scopes")]),
    # conditions
    ("each cors has its paths", [cors(paths=["/api/*"]), cors(paths=["/public/*"])], []),
    ("one for the rest", [cors(exclude=["/api/*"]), cors(paths=["/api/*"])], []),
    ("each has its type", [cors(types=["http"]), cors(types=["websocket"])], []),
    ("one that nothing reaches", [cors(), cors(paths=[])], []),
    ("one path in both", [cors(paths=["/api/*"]), cors(paths=["/api/v1", "/x"])], [("entry 2 (cors)", "two-cors")]),
    ("not all is left to the other", [cors(exclude=["/api"]), cors(paths=["/api/*"])],
        [("entry 2 (cors)", "two-cors")]),
    ("auth and cors never meet", [auth(paths=["/admin/*"]), cors(paths=["/api/*"])], []),
    ("they do", [auth(paths=["/api/x"]), cors(paths=["/api/*"])], [("entry 2 (cors)", "cors-outside-auth")]),
    ("a cors outside for some paths", [cors(paths=["/api/*"]), auth(), cors(exclude=["/api/*"])],
        [("entry 3 (cors)", "cors-outside-auth")]),
    ("one inside, for what the outer one is for too", [cors(paths=["/api/*"]), auth(), cors(paths=["/api/v1"])],
        [("entry 3 (cors)", "two-cors")]),
    ("sessions inside, for what the outer ones are for too", [sessions(paths=["/a/*"]), auth(USERS),
        sessions(paths=["/a/b"])], [("entry 2 (auth)", "sessions-outside-session-user"),
        ("entry 3 (sessions)", "two-sessions")]),
    ("sessions for all that auth is for", [sessions(paths=["/app/*"]), auth(USERS, paths=["/app/me"])], []),
    ("for less", [sessions(paths=["/app/*"]), auth(USERS)], [("entry 2 (auth)", "sessions-outside-session-user")]),
    ("two for a part each", [sessions(paths=["/a/*"]), sessions(exclude=["/a/*"]), auth(USERS)], []),
    ("scopes for some paths", [auth(exclude=["/health"]), entry(RequireScopes, scopes=["x"], paths=["/admin/*"])], []),
    ("a disabled entry counts for nothing", [auth(enabled=False), cors(), cors(enabled=False)], []),
    # two sessions
    ("with a place and a cookie each", [sessions(), sessions(session_cookie="b", scope_key="b")], []),
    ("with the same place", [sessions(), sessions(session_cookie="b")], [("entry 2 (sessions)", "two-sessions")]),
    ("with the same cookie", [sessions(), sessions(scope_key="b")], [("entry 2 (sessions)", "two-sessions")]),
    ("ours and Starlette's", [(StarletteSessions, {"secret_key": "x"}), sessions()],
        [("entry 2 (sessions)", "two-sessions")]),
    ("by another name of the option", [sessions(scope_key="b"), (Visits, {"cookie_name": "b"})], []),
    ("apart", [sessions(scope_key="b"), (StarletteSessions, {"secret_key": "x", "session_cookie": "b"})], []),
    # other people's, and other forms
    ("Starlette's gzip", ["compression", StarletteGZip], [("entry 2 (GZipMiddleware)", "two-compression")]),
    ("Starlette's errors", [ServerErrorMiddleware, cors()], [("entry 2 (cors)", "cors-outside-errors")]),
    ("Starlette's cors by its path", [auth(), entry("starlette.middleware.cors:CORSMiddleware", name="x")],
        [("entry 2 (x)", "cors-outside-auth")]),
    ("a subclass of it", [auth(), OwnCORS], [("entry 2 (OwnCORS)", "cors-outside-auth")]),
    ("Starlette's auth", [(StarletteAuth, {"backend": Backend()}), sessions()],
        [("entry 2 (sessions)", "sessions-outside-backend")]),
    ("its backend in ours", [auth(Backend()), sessions()], [("entry 2 (sessions)", "sessions-outside-backend")]),
    ("one that says what it is", [auth(Reader()), sessions()], []),
    ("one of both contracts, so of ours", [auth(Both()), sessions()], []),
    ("Starlette's cors, open to all with credentials", [(OwnCORS, OPEN)],
        [("entry 1 (OwnCORS)", "cors-any-origin-with-credentials")]),
    ("as one text", [(StarletteCORS, {**OPEN, "allow_origins": "*"})],
        [("entry 1 (CORSMiddleware)", "cors-any-origin-with-credentials")]),
    ("the same options of something else", [(Flags, OPEN)], []),
    ("a cors that takes any option", [(AnyCORS, OPEN)], [("entry 1 (AnyCORS)", "cors-any-origin-with-credentials")]),
    ("and one without a signature", [(Opaque, OPEN)],
        [("entry 1 (Opaque)", "cors-any-origin-with-credentials")]),
    ("without credentials", [(StarletteCORS, {"allow_origins": ["*"]})], []),
    ("ours, told so", [("cors", {**OPEN, "dangerously_allow_any_origin_with_credentials": True})], []),
    ("https redirects", [HTTPSRedirectMiddleware, HOSTS, cors()],
        [("entry 2 (TrustedHostMiddleware)", "trusted-host-outside-https-redirect"),
         ("entry 3 (cors)", "cors-outside-https-redirect")]),
    ("a third party's class", [Login, cors()], [("entry 2 (cors)", "cors-outside-auth")]),
    ("a function", [login, cors()], [("entry 2 (cors)", "cors-outside-auth")]),
    ("a partial", [functools.partial(Login), functools.partial(OwnCORS, allow_origins=["*"], allow_credentials=True)],
        [("entry 2", "cors-outside-auth"), ("entry 2", "cors-any-origin-with-credentials")]),
    ("a kind that is no text, and one that no rule knows", [Odd, Flags, Flags], []),
    ("a stack in a stack", [auth(), Stack([cors(), "errors"])],
        [("entry 2: entry 1 (cors)", "cors-outside-auth"), ("entry 2: entry 2 (errors)", "errors-outside-auth")]),
    ("a stack for other paths", [auth(paths=["/a/*"]), entry(Stack([cors()]), paths=["/b/*"])], []),
]  # fmt: skip


def found(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.where, finding.code) for finding in findings]


@pytest.mark.parametrize(("sentence", "entries", "expected"), STACKS, ids=[row[0] for row in STACKS])
def test_what_is_found(sentence: str, entries: list[Any], expected: list[tuple[str, str]]) -> None:
    stack = Stack(entries)
    findings = stack.check()
    assert found(findings) == expected
    assert [finding.severity for finding in findings] == [SEVERITIES[code] for _, code in expected]
    assert stack.check() == findings
    assert [one.factory for one in stack] == [one.factory for one in Stack(entries)], "nothing is re-ordered"


# --- what it rests on -------------------------------------------------------------------------------------------------


def test_there_are_enough_stacks() -> None:
    assert len(STACKS) >= 40


def test_every_rule_says_why_and_what_to_do() -> None:
    for rule in RULES:
        finding = rule.bug.format(other="X")
        assert len(finding) > 60, rule.code
        assert rule.remedy, rule.code
        assert rule.severity in ("error", "warning")
        assert rule.outer == "" or rule.outer.isidentifier()
        assert rule.inner.isidentifier()


def test_a_class_may_be_wrapped_by_hand_too() -> None:
    """Kinds are the class's, also where it is not a word."""
    assert found(Stack([(CORSMiddleware, {"allow_origins": []}), TimingMiddleware]).check()) == [
        ("entry 2 (TimingMiddleware)", "timing-outside-cors")
    ]
