"""The order's rules: each bug happens in a stack that breaks the rule, is found there, and is gone in another order.

Long, because the rules are one table.
"""

import contextvars
import importlib.util
import json
import logging
from collections.abc import Callable
from email.message import Message as Headers
from http.cookiejar import CookieJar
from typing import Any, NamedTuple
from urllib.request import Request

import pytest
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware as StarletteCORS
from starlette.middleware.httpsredirect import HTTPSRedirectMiddleware
from starlette.routing import Route
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from asgi_middleware import Stack, get_request_id
from asgi_middleware.auth import login
from asgi_middleware.request_id import RequestIDFilter
from asgi_middleware.stack import Finding
from asgi_middleware.stack.order import RULES

from .apps import TEXT, raises, start, text
from .asgi import App, Exchange, drive, http
from .browser_model import EVIL, A, B, get, preflight
from .ordering import (
    CORS,
    HOSTS,
    LIMIT,
    NAMED,
    RECORDS,
    SCOPES,
    SLOW,
    USERS,
    Broken,
    ByHeader,
    Down,
    InSession,
    Keeps,
    Logs,
    Passes,
    auth,
    sessions,
)
from .storing import cookie

CRASH = raises(ValueError("crash"))
SITE = ("host", "api.example")
ABC = ("x-request-id", "abc")

# --- what a client, or a log, sees of a stack -------------------------------------------------------------------------

See = Callable[[Stack], Any]


def told(exchange: Exchange, *names: str) -> Any:
    """The status and these headers, or that there is no answer."""
    if not exchange.sent:
        return "nobody answers"
    return (exchange.status, *(", ".join(exchange.header(name)) for name in names))


async def OK(scope: Any, receive: Any, send: Any) -> None:  # noqa: N802  # an app like the others
    """Answers by messages of its own each time: Starlette's CORS writes into them."""
    await text(b"ok")(scope, receive, send)


def answer(app: App, scope: dict[str, Any], *names: str, messages: Any = None) -> See:
    return lambda stack: told(drive(stack(app), {**scope}, messages), *names)


def answer_from_list(*names: str) -> See:
    """The same where the stack is in the list of a Starlette application that crashes."""

    async def crash(request: Any) -> Any:
        raise ValueError("crash")

    def see(stack: Stack) -> Any:
        app = Starlette(routes=[Route("/", crash)], middleware=stack)
        return told(drive(app, get(A, ABC), loop="asyncio"), *names)

    return see


def users(stack: Stack) -> Any:
    """Who the user is that the application sees."""
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["user"].display_name or "anonymous")
        await OK(scope, receive, send)

    drive(stack(app), http(headers=[("x-name", "ada")]))
    return seen


def logged_ids(stack: Stack, loop: str | None = None) -> list[str]:
    """The IDs that the log lines of two requests have, which a server runs in one context, as uvicorn may."""
    ids: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: Any) -> None:
            ids.append(record.request_id)

    handler = Handler()
    handler.addFilter(RequestIDFilter())
    logger = logging.getLogger("asgi_middleware.sessions")
    logger.addHandler(handler)
    context = contextvars.Context()
    app = stack(OK)
    for number in ("first", "second"):
        scope = http(headers=[("x-request-id", number), ("cookie", f"session={cookie()}")])
        context.run(drive, app, scope, loop=loop)
    logger.removeHandler(handler)
    return ids


def response_and_log(stack: Stack) -> Any:
    """The ID on the response, and the one that the server finds for its own log line afterwards."""

    def run() -> Any:
        exchange = drive(stack(OK), http(headers=[ABC]))
        return exchange.header("x-request-id") == [get_request_id()]

    return contextvars.Context().run(run)


def recorded(app: App, fact: str, **options: Any) -> See:
    """What a sink is told of a request."""

    def see(stack: Stack) -> Any:
        RECORDS.clear()
        scope = http(headers=[ABC, ("accept-encoding", "br")])
        drive(stack(app), scope, loop="asyncio", **options)
        return [getattr(record, fact) for record in RECORDS]

    return see


def visits(stack: Stack) -> list[Any]:
    """What an application counts of two visits with a browser's cookies, over http and not on this machine."""
    counts: list[Any] = []
    jar = CookieJar()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"]["visits"] = scope["session"].get("visits", 0) + 1
        counts.append(scope["session"]["visits"])
        await OK(scope, receive, send)

    for _ in range(2):
        page = Request("http://api.example/")
        jar.add_cookie_header(page)
        exchange = drive(stack(app), http(headers=[SITE, ("cookie", page.get_header("Cookie") or "")]))
        response = Headers()
        for line in exchange.header("set-cookie"):
            response["Set-Cookie"] = line
        response.info = lambda response=response: response  # type: ignore[attr-defined]  # what a jar asks a response
        jar.extract_cookies(response, page)  # type: ignore[arg-type]  # it asks for no more than `info`
    return counts


def logins(stack: Stack) -> list[str]:
    """Who the user is after a login, by the next request."""
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/login":
            login(scope, "ada")
        else:
            seen.append(scope["user"].display_name or "anonymous")
        await OK(scope, receive, send)

    site = stack(app)
    cookies = [line.partition(";")[0] for line in drive(site, http("/login")).header("set-cookie")]
    drive(site, http(headers=[("cookie", "; ".join(cookies))]))
    return seen


async def saves(scope: Any, receive: Any, send: Any) -> None:
    scope["session"]["user"] = "ada"
    await OK(scope, receive, send)


async def saves_too_much(scope: Any, receive: Any, send: Any) -> None:
    scope["session"]["text"] = "x" * 5000
    await OK(scope, receive, send)


async def reads(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await OK(scope, receive, send)


def is_secure(stack: Stack) -> bool:
    (line,) = drive(stack(saves), PROXIED).header("set-cookie")
    return line.endswith("; secure")


# --- the bugs ---------------------------------------------------------------------------------------------------------

Find = Callable[[Stack], list[Finding]]


class Bug(NamedTuple):
    """A rule's bug: what is seen of a stack that breaks it, and of one that does not."""

    code: str
    see: See
    wrong: list[Any]
    broken: Any
    right: list[Any]
    whole: Any
    find: Find = Stack.check


def in_list(stack: Stack) -> list[Finding]:
    return stack.check(Starlette(middleware=stack))


def over_http(stack: Stack) -> list[Finding]:
    return stack.check(plain_http=True)


ACAO = "access-control-allow-origin"
ID = "x-request-id"
TIMING = "server-timing"
KEPT = ("timing", {"sinks": [Keeps()]})
STOPPED = ("timing", {"clock": float})
TOTAL = "total;dur=0.00"
PROXIED = http(headers=[SITE, ("x-forwarded-proto", "https")])
FORGED = http(headers=[("host", "evil.example"), ABC])
LONG = {"type": "http.request", "body": b"12345"}
CROSS = answer(CRASH, get(A, ABC), ID)
REQUIRED = auth(NAMED, required=True)
FAILING = sessions(store=Down(), on_store_error="empty")
SLOWED = [sessions(store=SLOW), ("timing", {"clock": SLOW.clock})]
WITH_COOKIE = http(headers=[("cookie", f"session={cookie()}")])
CRASH_LATE = raises(ValueError("crash"), start(200))
ZIP = http(headers=[("accept-encoding", "br, gzip")])
DEBUG = ("errors", {"debug": True})
BR = ("compression", {"codings": ["br"]})
OPEN = {"allow_origins": ["*"], "allow_credentials": True}
READABLE = answer(OK, get(EVIL, ("cookie", "session=ada")), ACAO, "access-control-allow-credentials")


def shows_traceback(stack: Stack) -> bool:
    return "traceback" in json.loads(drive(stack(CRASH)).body)


BUGS = [
    Bug("request-id-outside-timing", recorded(OK, "request_id"),
        [KEPT, "request_id"], [None], ["request_id", KEPT], ["abc"]),
    Bug("timing-outside-errors", recorded(CRASH, "status"), ["errors", KEPT], [None], [KEPT, "errors"], [500]),
    Bug("timing-outside-compression", lambda stack: recorded(text(), "bytes_out")(stack) == [len(TEXT)],
        [BR, KEPT], True, [KEPT, BR], False),
    Bug("timing-outside-base-http", recorded(OK, "outcome", send_fails=OSError("gone")),
        [Passes, KEPT], ["cancelled"], [KEPT, Passes], ["aborted"]),
    Bug("request-id-outside-cors", answer(OK, preflight(A, "GET", more=[ABC]), ID),
        [CORS, "request_id"], (200, ""), ["request_id", CORS], (200, "abc")),
    Bug("request-id-outside-trusted-host", answer(OK, FORGED, ID),
        [HOSTS, "request_id"], (400, ""), ["request_id", HOSTS], (400, "abc")),
    Bug("request-id-outside-errors", CROSS,
        ["errors", "request_id"], (500, ""), ["request_id", "errors"], (500, "abc")),
    Bug("request-id-without-errors", answer_from_list(ID),
        ["request_id"], (500, ""), ["request_id", "errors"], (500, "abc"), in_list),
    Bug("request-id-outside-sessions", logged_ids,
        [FAILING, "request_id"], ["-", "first"], ["request_id", FAILING], ["first", "second"]),
    Bug("request-id-outside-auth", answer(OK, get(A, ABC), ID),
        [REQUIRED, "request_id"], (401, ""), ["request_id", REQUIRED], (401, "abc")),
    Bug("request-id-outside-base-http", lambda stack: logged_ids(stack, "asyncio"),
        [Logs, "request_id"], ["-", "-"], ["request_id", Logs], ["first", "second"]),
    Bug("timing-outside-cors", answer(OK, preflight(), TIMING),
        [CORS, STOPPED], (200, ""), [STOPPED, CORS], (200, TOTAL)),
    Bug("timing-outside-errors", answer(CRASH, http(), TIMING),
        ["errors", STOPPED], (500, ""), [STOPPED, "errors"], (500, TOTAL)),
    Bug("timing-outside-sessions", answer(OK, WITH_COOKIE, TIMING),
        SLOWED, (200, TOTAL), SLOWED[::-1], (200, "total;dur=250.00")),
    Bug("timing-outside-auth", answer(OK, http(), TIMING),
        [REQUIRED, STOPPED], (401, ""), [STOPPED, REQUIRED], (401, TOTAL)),
    Bug("forwarded-outside-https-redirect", answer(OK, PROXIED, "location"),
        [HTTPSRedirectMiddleware, ProxyHeadersMiddleware], (307, "https://api.example/"),
        [ProxyHeadersMiddleware, HTTPSRedirectMiddleware], (200, "")),
    Bug("forwarded-outside-sessions", is_secure,
        [sessions(), ProxyHeadersMiddleware], False, [ProxyHeadersMiddleware, sessions()], True),
    Bug("trusted-host-outside-https-redirect", answer(OK, FORGED, "location"),
        [HTTPSRedirectMiddleware, HOSTS], (307, "https://evil.example/"), [HOSTS, HTTPSRedirectMiddleware], (400, "")),
    Bug("cors-outside-auth", answer(OK, preflight(), ACAO), [REQUIRED, CORS], (401, ""), [CORS, REQUIRED], (200, A)),
    Bug("cors-outside-errors", answer(CRASH, get(), ACAO), ["errors", CORS], (500, ""), [CORS, "errors"], (500, A)),
    Bug("cors-without-errors", answer_from_list(ACAO), [CORS], (500, ""), [CORS, "errors"], (500, A), in_list),
    Bug("cors-outside-https-redirect", answer(OK, preflight(), ACAO),
        [HTTPSRedirectMiddleware, CORS], (307, ""), [CORS, HTTPSRedirectMiddleware], (200, A)),
    Bug("cors-outside-limits", answer(reads, get(), ACAO, messages=[LONG]),
        [LIMIT, CORS], (413, ""), [CORS, LIMIT], (413, A)),
    Bug("errors-outside-limits", answer(reads, get(), messages=[LONG]),
        [LIMIT, "errors"], (500,), ["errors", LIMIT], (413,)),
    Bug("errors-outside-compression", answer(CRASH_LATE, ZIP),
        ["compression", "errors"], "nobody answers", ["errors", "compression"], (500,)),
    Bug("errors-outside-sessions", answer(saves_too_much, http()),
        [sessions(), "errors"], "nobody answers", ["errors", sessions()], (500,)),
    Bug("errors-outside-auth", answer(OK, http()),
        [auth(Broken(b"")), "errors"], "nobody answers", ["errors", auth(Broken(b""))], (500,)),
    Bug("sessions-outside-session-user", answer(OK, http()),
        [USERS, sessions()], "nobody answers", [sessions(), USERS], (200,)),
    Bug("sessions-outside-session-user", answer(OK, http()), [USERS], "nobody answers", [sessions(), USERS], (200,)),
    Bug("sessions-outside-backend", answer(OK, http()),
        [auth(InSession()), sessions()], "nobody answers", [sessions(), auth(InSession())], (200,)),
    Bug("auth-outside-scopes", answer(OK, http(headers=[("x-name", "ada")])),
        [SCOPES, auth(NAMED)], "nobody answers", [auth(NAMED), SCOPES], (200,)),
    Bug("auth-outside-scopes", answer(OK, http(headers=[("x-name", "ada")])),
        [SCOPES], "nobody answers", [auth(NAMED), SCOPES], (200,)),
    Bug("two-request-id", response_and_log,
        ["request_id", ("request_id", {"trust": False})], False, ["request_id"], True),
    Bug("two-timing", answer(OK, http(), TIMING),
        [STOPPED, STOPPED], (200, f"{TOTAL}, {TOTAL}"), [STOPPED], (200, TOTAL)),
    Bug("two-cors", answer(OK, preflight(B), ACAO),
        [CORS, (StarletteCORS, {"allow_origins": [B]})], (400, ""), [("cors", {"allow_origins": [A, B]})], (200, B)),
    Bug("two-errors", shows_traceback, [DEBUG, "errors"], False, [DEBUG], True),
    Bug("two-compression", answer(text(), ZIP, "content-encoding"), [BR, "gzip"], (200, "gzip"), [BR], (200, "br")),
    Bug("two-sessions", logins, [sessions(), USERS, sessions(secret_key="another key of 32 characters or more")],
        ["anonymous"], [sessions(), USERS], ["ada"]),
    Bug("two-auth", users, [auth(NAMED), auth(ByHeader(b"x-other"))], ["anonymous"],
        [auth(NAMED, ByHeader(b"x-other"))], ["ada"]),
    Bug("cors-any-origin-with-credentials", READABLE,
        [(StarletteCORS, OPEN)], (200, EVIL, "true"),
        [(StarletteCORS, {**OPEN, "allow_origins": [A]})], (200, "", "true")),
    Bug("secure-cookie-on-http", visits, [sessions(https_only=True)], [1, 1], [sessions()], [1, 2], over_http),
]  # fmt: skip


@pytest.mark.parametrize("bug", BUGS, ids=[f"{bug.code}-{len(bug.wrong)}" for bug in BUGS])
def test_the_bug_is_there_and_found_and_gone_in_the_right_order(bug: Bug) -> None:
    limited = any("limits" in rule.inner for rule in RULES if rule.code == bug.code)
    if limited and importlib.util.find_spec("starlette.middleware.body_limit") is None:
        pytest.skip("this Starlette has no limit of bodies")
    wrong, right = Stack(bug.wrong, log=False), Stack(bug.right, log=False)
    assert bug.see(wrong) == bug.broken
    assert [finding.code for finding in bug.find(wrong)] == [bug.code]
    assert bug.see(right) == bug.whole
    assert bug.find(right) == []


def test_every_rule_has_its_bug() -> None:
    assert {bug.code for bug in BUGS} == {rule.code for rule in RULES}


def test_the_codes_are_different() -> None:
    codes = [rule.code for rule in RULES]
    assert len(set(codes)) == len(codes)
