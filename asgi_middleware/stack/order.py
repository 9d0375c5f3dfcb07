"""What stands outside what, and the bug that comes of the reverse: one table.

Where the outer kind of a rule is also its inner one, there should be one of it. Where it has no outer kind, its inner
one is wrong by itself. Kinds are what `middleware_kind` says, and a few more that `layers` reads off the options.
"""

from dataclasses import dataclass
from typing import Literal

_ABOVE = "move it above {other}"
_ONE = "keep one of them, or give each its own `paths`"
_IN_THE_LIST = 'put "errors" inside of it, or wrap the application itself: stack(app)'


@dataclass(frozen=True, slots=True)
class Rule:
    """`outer` stands outside `inner`, or there is `bug`.

    The text continues the name of the entry that `remedy` is for, which is the outer one where there are two; `{other}`
    stands for the other. `missing`: the bug where there is no outer one at all, if that is one; it continues the inner
    one's name.
    """

    code: str
    outer: str
    inner: str
    severity: Literal["error", "warning"]
    bug: str
    remedy: str = _ABOVE
    missing: str = ""


RULES = (
    # request_id: on every response, in every log line
    Rule(
        "request-id-outside-timing",
        "request_id",
        "recording",
        "warning",
        "stands inside {other}, which tells its sinks the ID that was there when the request arrived: access lines and "
        "lines about slow requests have none",
    ),
    Rule(
        "request-id-outside-cors",
        "request_id",
        "cors",
        "warning",
        "stands inside {other}, which answers preflights by itself: they carry no ID",
    ),
    Rule(
        "request-id-outside-trusted-host",
        "request_id",
        "trusted_host",
        "warning",
        "stands inside {other}, which refuses a wrong Host by itself: that response carries no ID",
    ),
    Rule(
        "request-id-outside-errors",
        "request_id",
        "errors",
        "warning",
        "stands inside {other}, which answers crashes: their 500 carries no ID that leads to the log lines about it",
    ),
    Rule(
        "request-id-without-errors",
        "request_id",
        "own_errors",
        "warning",
        "stands in a list outside of which the framework answers crashes: their 500 carries no ID that leads to the "
        "log lines about it",
        _IN_THE_LIST,
    ),
    Rule(
        "request-id-outside-sessions",
        "request_id",
        "stored_sessions",
        "warning",
        "stands inside {other}, which reads its store first: what it logs of a store that fails has no ID, or that of "
        "another request",
    ),
    Rule(
        "request-id-outside-auth",
        "request_id",
        "auth",
        "warning",
        "stands inside {other}, which refuses requests by itself: its 401 and 403 carry no ID",
    ),
    Rule(
        "request-id-outside-base-http",
        "request_id",
        "base_http",
        "warning",
        "stands inside {other}, a BaseHTTPMiddleware, which runs what is inside of it in another task: the ID is set "
        "there and lost outside, so what is logged there after the call, and by the server, has none",
    ),
    # timing: on every response, with all that took time
    Rule(
        "timing-outside-cors",
        "timing",
        "cors",
        "warning",
        "stands inside {other}, which answers preflights by itself: they have no Server-Timing",
    ),
    Rule(
        "timing-outside-errors",
        "timing",
        "errors",
        "warning",
        "stands inside {other}, which answers crashes: their 500 has no Server-Timing, and sinks are told no status",
    ),
    Rule(
        "timing-outside-compression",
        "recording",
        "compression",
        "warning",
        "stands inside {other}: its sinks are told how long the body was before it was compressed, not what was sent",
    ),
    Rule(
        "timing-outside-sessions",
        "timing",
        "stored_sessions",
        "warning",
        "stands inside {other}: the time that a store takes to give the session is not in the total",
    ),
    Rule(
        "timing-outside-auth",
        "timing",
        "auth",
        "warning",
        "stands inside {other}: a 401 has no Server-Timing, and the time that checking a password takes is not in the "
        "total",
    ),
    Rule(
        "timing-outside-base-http",
        "recording",
        "base_http",
        "warning",
        "stands inside {other}, a BaseHTTPMiddleware, which runs what is inside of it in another task and cancels that "
        "when the client has gone: its sinks are told of a cancelled request, not of an aborted one",
    ),
    # forwarded: what the browser spoke, before anybody asks
    Rule(
        "forwarded-outside-https-redirect",
        "forwarded",
        "https_redirect",
        "warning",
        "stands inside {other}, which takes every request that came through the proxy for plain http: browsers are "
        "redirected for ever",
    ),
    Rule(
        "forwarded-outside-sessions",
        "forwarded",
        "auto_secure_cookie",
        "error",
        "stands inside {other}, which takes every request that came through the proxy for plain http: its cookie goes "
        "out without Secure, and browsers send it over connections that anybody can read",
    ),
    # trusted_host: before anybody uses the Host
    Rule(
        "trusted-host-outside-https-redirect",
        "trusted_host",
        "https_redirect",
        "error",
        "stands inside {other}, which redirects to whatever Host a request names: a forged one leads to the forger's "
        "site",
    ),
    # cors: on every response that a page is to read
    Rule(
        "cors-outside-auth",
        "cors",
        "auth",
        "error",
        "stands inside {other}, whose refusals have no CORS headers: where a user is required, preflights get a 401, "
        "because browsers send them without credentials, and no page of another origin gets through",
    ),
    Rule(
        "cors-outside-errors",
        "cors",
        "errors",
        "warning",
        "stands inside {other}, which answers crashes: their 500 has no CORS headers and reads as 'blocked by CORS' in "
        "the browser",
    ),
    Rule(
        "cors-without-errors",
        "cors",
        "own_errors",
        "warning",
        "stands in a list outside of which the framework answers crashes: their 500 has no CORS headers and reads as "
        "'blocked by CORS' in the browser",
        _IN_THE_LIST,
    ),
    Rule(
        "cors-outside-https-redirect",
        "cors",
        "https_redirect",
        "warning",
        "stands inside {other}, which redirects preflights too: browsers follow no redirect there, so they give up",
    ),
    Rule(
        "cors-outside-limits",
        "cors",
        "limits",
        "warning",
        "stands inside {other}, whose refusals have no CORS headers: they read as 'blocked by CORS' in the browser",
    ),
    # errors: around whatever may raise
    Rule(
        "errors-outside-limits",
        "errors",
        "limits",
        "warning",
        "stands inside {other}, which refuses a body by an exception: that passes for a crash, and a 413 becomes a 500",
    ),
    Rule(
        "errors-outside-compression",
        "errors",
        "compression",
        "warning",
        "stands inside {other}, which holds a response back until its first bytes: nobody answers a crash before these",
    ),
    Rule(
        "errors-outside-sessions",
        "errors",
        "sessions",
        "warning",
        "stands inside {other}: a session that cannot be read or saved fails with nobody to answer",
    ),
    Rule(
        "errors-outside-auth",
        "errors",
        "auth",
        "warning",
        "stands inside {other}: a backend that raises fails with nobody to answer",
    ),
    # sessions and auth: before those who read what they find
    Rule(
        "sessions-outside-session-user",
        "sessions",
        "session_user",
        "error",
        "stands inside {other}, which looks for its users in the session: there is none yet, and every request fails",
        missing="looks for its users in the session, and no sessions outside of it covers all of its requests: those "
        "without a session fail",
    ),
    Rule(
        "sessions-outside-backend",
        "sessions",
        "starlette_backend",
        "warning",
        "stands inside {other}: a backend that looks into the session finds none yet, and every request fails",
    ),
    Rule(
        "auth-outside-scopes",
        "auth",
        "scopes",
        "error",
        "stands inside {other}, which asks what the user may do: there is no user yet, and every request fails",
        missing="asks what the user may do, and no auth outside of it covers all of its requests: those without a user "
        "fail",
    ),
    # one of a kind
    Rule(
        "two-request-id",
        "request_id",
        "request_id",
        "warning",
        "stands inside {other}: unless it takes over the ID from there, the response has another one than the log",
        _ONE,
    ),
    Rule(
        "two-timing",
        "timing",
        "timing",
        "warning",
        "stands inside {other}: a response has two totals, and what was measured is in one of them alone",
        _ONE,
    ),
    Rule(
        "two-cors",
        "cors",
        "cors",
        "warning",
        "stands inside {other}, which answers the browser first: an origin that is allowed here alone is refused there",
        _ONE,
    ),
    Rule(
        "two-errors",
        "errors",
        "errors",
        "warning",
        "answers every crash before {other} sees it: what is set there, such as debug, does nothing",
        _ONE,
    ),
    Rule(
        "two-compression",
        "compression",
        "compression",
        "warning",
        "compresses before {other} can: the codings and levels that are set there do nothing",
        _ONE,
    ),
    Rule(
        "two-sessions",
        "sessions",
        "sessions",
        "warning",
        "has the place in the scope or the cookie of {other}: what is kept in one is not found in the other, so that a "
        "login may not last",
        "keep one of them, or give each its own session_cookie and scope_key",
    ),
    Rule(
        "two-auth",
        "auth",
        "auth",
        "warning",
        "replaces the user that {other} found: whom that one alone knows is anonymous here",
        "give one auth both backends",
    ),
    # wrong by themselves
    Rule(
        "cors-any-origin-with-credentials",
        "",
        "any_origin_with_credentials",
        "error",
        "gives every origin the user's credentials: any site that a signed-in user visits reads and acts as that user",
        "list the origins",
    ),
    Rule(
        "secure-cookie-on-http",
        "secure_cookie",
        "plain_http",
        "warning",
        "has a cookie that is always Secure, and this is {other}: browsers do not keep it, unless a proxy in front "
        "speaks https with them",
        "put such a proxy in front",
    ),
)
