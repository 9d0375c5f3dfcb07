"""CORS: which other origins' scripts may read this application's responses.

    app = CORSMiddleware(app, allow_origins=["https://app.example.com", "http://localhost:*"])

Stands outside errors, compression, sessions and auth: a preflight carries no credentials, so auth would refuse it,
and a crash or a 401 without CORS headers reads as "blocked by CORS". Inside request ID and timing.

What it does, by clause of the Fetch standard (https://fetch.spec.whatwg.org/#http-cors-protocol):

- A preflight (OPTIONS with Origin and Access-Control-Request-Method) is answered here and never reaches the app:
  200 `OK`, or 400 with the reason. Everything else reaches the app.
- With a list of origins, every response varies by Origin, also those without one and the refused ones, so that no
  cache serves one origin's response to another. With `"*"` the reply is a constant and nothing varies.
- A refused origin learns nothing but the reason. An allowed origin whose method or header is refused gets its origin
  headers, so that the browser names the step that failed.
- A WebSocket handshake is not covered by CORS in browsers: any page may open one, with cookies. Where the list of
  origins is a real one, an Origin that is neither allowed nor the same host is refused before accept.

Coming from Starlette: the options and the outward form are the same. What differs:

    Starlette                                        here
    no origins configured: nothing is allowed        ConfigError: say what is allowed, or `[]`
    allow_origins="https://a.example" (a string)     ConfigError; there it matches substrings, even "h"
    allow_origins=["*"], allow_credentials=True      ConfigError; there any site reads as the signed-in user
    allow_methods=("GET",)                           ("GET", "HEAD", "POST"), which browsers send unasked anyway
    `*` reflects nothing but still varies            `*` is a constant, without Vary
    a refused origin is told methods and headers     it is told the reason alone
    the first Access-Control-Request-Headers line    all lines, empty elements allowed, bounded
    Allow-Origin, -Credentials and Expose-Headers    they are replaced; for a refused origin removed
      set by the app are kept
    WebSockets pass                                  checked where the list of origins is a real one
"""

import inspect
import logging
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from . import _headers
from ._options import Options, shown
from ._origins import Origins, is_same_host, may_be_origin
from ._reply import reply
from ._scope import header, readable
from ._types import ASGIApp, Header, Message, Receive, Scope, Send, returns_awaitable
from .exceptions import ConfigError

__all__ = ["CORSMiddleware", "CORSPolicy"]

logger = logging.getLogger("asgi_middleware.cors")

# The longest registered method name (UPDATEREDIRECTREF) has 17 bytes.
_LONGEST_METHOD = 64
# What Access-Control-Request-Headers may be under "*": far beyond what browsers send, far below what hurts.
_LONGEST_REQUEST_HEADERS = 4096
_MOST_REQUEST_HEADER_LINES = 32
# Chromium caps at 2 hours and Firefox at 24, so more is a mistake.
_LONGEST_MAX_AGE = 86400

# Fetch: CORS-safelisted request-header names that need no preflight; always allowed, as in Starlette.
_SAFELISTED = ("Accept", "Accept-Language", "Content-Language", "Content-Type")
# Fetch: forbidden methods, which no script can send.
_FORBIDDEN_METHODS = ("CONNECT", "TRACE", "TRACK")

# Origins that nobody has listed: a regular expression that takes one of them takes anybody's.
_STRANGERS = ("https://nobody-listed-this.com", "https://nobodylistedthis.net", "http://www.nobodylistedthis.org")

_ALLOW_ORIGIN = b"access-control-allow-origin"
_ALLOW_CREDENTIALS = b"access-control-allow-credentials"
_EXPOSE_HEADERS = b"access-control-expose-headers"


@dataclass(frozen=True, slots=True)
class CORSPolicy:
    """What is allowed: frozen, checked, comparable, printable. The options are those of CORSMiddleware.

    Raises ConfigError with every problem.
    """

    allow_origins: Collection[str] | None = None
    allow_methods: Collection[str] = ("GET", "HEAD", "POST")
    allow_headers: Collection[str] = ()
    allow_credentials: bool = False
    allow_origin_regex: str | None = None
    allow_private_network: bool = False
    expose_headers: Collection[str] = ()
    max_age: int | None = 600
    allow_origin_func: Callable[[str, Scope], Any] | None = None
    dangerously_allow_null_origin: bool = False
    dangerously_allow_any_origin_with_credentials: bool = False

    _origins: Origins = field(init=False, repr=False, compare=False)
    _origin_regex: re.Pattern[str] | None = field(init=False, repr=False, compare=False)
    _method_set: frozenset[bytes] = field(init=False, repr=False, compare=False)
    _header_set: frozenset[bytes] = field(init=False, repr=False, compare=False)
    # "*": one constant reply for all. Never together with credentials.
    any_origin: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        options = Options("CORSMiddleware")
        keep = object.__setattr__  # the way to derive fields of a frozen dataclass
        origins = options.strings(
            "allow_origins",
            () if self.allow_origins is None else self.allow_origins,
            example="['https://app.example.com']",
        )
        methods = options.strings("allow_methods", self.allow_methods, example="['GET', 'POST']")
        headers = options.strings("allow_headers", self.allow_headers, example="['Authorization']")
        exposed = options.strings("expose_headers", self.expose_headers, example="['X-Request-ID']")
        for option in (
            "allow_credentials",
            "allow_private_network",
            "dangerously_allow_null_origin",
            "dangerously_allow_any_origin_with_credentials",
        ):
            options.boolean(option, getattr(self, option))
        if self.max_age is not None:
            options.integer(
                "max_age",
                self.max_age,
                minimum=0,
                maximum=_LONGEST_MAX_AGE,
                unit="seconds, or None",
                remedy="write 600",
            )
        options.function("allow_origin_func", self.allow_origin_func)
        every = "*" in origins
        listed = [origin for origin in origins if origin != "*"]
        allowed = Origins(options, "allow_origins", listed, credentials=self.allow_credentials)
        regex = _check_regex(options, self)
        _check_whether_any(options, self, origins)
        _check_names(options, self, methods, headers, exposed)
        options.raise_problems()
        keep(self, "allow_origins", None if self.allow_origins is None else origins)
        keep(self, "allow_methods", methods)
        keep(self, "allow_headers", headers)
        keep(self, "expose_headers", exposed)
        keep(self, "any_origin", every and not self.allow_credentials)
        keep(self, "_origins", allowed)
        keep(self, "_origin_regex", re.compile(r".+") if every else regex)
        keep(self, "_method_set", frozenset(method.encode() for method in methods))
        keep(self, "_header_set", frozenset(name.lower().encode() for name in (*_SAFELISTED, *headers)))

    def allows_by_list(self, origin: bytes) -> bool:
        """Whether `origin`, as sent, is allowed by list, pattern or regular expression."""
        if self.any_origin or self._origins.allow(origin):
            return True
        if origin == b"null":
            return self.dangerously_allow_null_origin
        if self._origin_regex is None or not may_be_origin(origin):
            return False
        return self._origin_regex.fullmatch(origin.decode("latin-1")) is not None

    async def allows(self, origin: bytes, scope: Scope) -> bool:
        """Whether `origin` is allowed: by list, or else by `allow_origin_func`, whose exception denies."""
        if self.allows_by_list(origin):
            return True
        if self.allow_origin_func is None or origin == b"null" or not may_be_origin(origin):
            return False
        try:
            verdict = self.allow_origin_func(origin.decode("latin-1"), scope)
            return bool(await verdict if inspect.isawaitable(verdict) else verdict)
        except Exception:  # the user's own check failed: an origin nobody vouched for is not allowed
            logger.exception("allow_origin_func raised; the origin is refused")
            return False

    def refused_method(self, method: bytes) -> bool:
        """Whether a preflight's method is not allowed; compared as it is, for methods are case-sensitive."""
        if method in self._method_set:
            return False
        if b"*" not in self._method_set or len(method) > _LONGEST_METHOD:
            return True
        return not _headers.TOKEN.fullmatch(method) or method.decode().upper() in _FORBIDDEN_METHODS

    def requested_headers(self, lines: Sequence[bytes]) -> tuple[list[bytes], str | None]:
        """A preflight's header names in lower case, and which of them is refused, as text, or None.

        Bounded before anything is split.
        """
        any_header = b"*" in self._header_set
        most = _LONGEST_REQUEST_HEADERS
        if not any_header:
            # every allowed name once, each with a comma and blanks, and room for one wrong name to be told
            most = sum(map(len, self._header_set)) + 4 * len(self._header_set) + 256
        if len(lines) > _MOST_REQUEST_HEADER_LINES or sum(map(len, lines)) > most:
            return [], "(too many)"
        names = [name.lower() for name in _headers.members(lines)]
        for name in names:
            if name not in self._header_set and not (any_header and _headers.TOKEN.fullmatch(name)):
                return [], _told(name)
        return list(dict.fromkeys(names)), None


def _check_whether_any(options: Options, policy: CORSPolicy, origins: tuple[str, ...]) -> None:
    """Something must say which origins are allowed, and not every one together with credentials."""
    given = (policy.allow_origins, policy.allow_origin_regex, policy.allow_origin_func)
    if all(source is None for source in given) and not policy.dangerously_allow_null_origin:
        options.problem(
            "allow_origins", "", "says nowhere which origins are allowed", "list them, or write [] to allow none"
        )
    if "*" in origins and len(origins) > 1:
        options.problem("allow_origins", shown(origins), "'*' already allows every origin", "list '*' alone")
    if "*" in origins and policy.allow_credentials and not policy.dangerously_allow_any_origin_with_credentials:
        options.problem(
            "allow_origins",
            "'*'",
            "with allow_credentials any site could read what the signed-in user can",
            "list the origins, or leave credentials off",
        )


def _check_regex(options: Options, policy: CORSPolicy) -> re.Pattern[str] | None:
    regex = policy.allow_origin_regex
    if regex is None:
        return None
    if not isinstance(regex, str):
        options.problem("allow_origin_regex", shown(regex), "must be text", "pass the pattern, not compiled")
        return None
    try:
        pattern = re.compile(regex)
    except (re.error, OverflowError, RecursionError) as error:
        options.problem("allow_origin_regex", shown(regex), f"is no regular expression ({error})", "mend it")
        return None
    matters = policy.allow_credentials and not policy.dangerously_allow_any_origin_with_credentials
    if matters and any(pattern.fullmatch(stranger) for stranger in _STRANGERS):
        options.problem(
            "allow_origin_regex",
            shown(regex),
            "matches any site, and with allow_credentials any site could read what the signed-in user can",
            "name the domain, as in r'https://[a-z0-9-]+\\.example\\.com'",
        )
    return pattern


def _check_names(
    options: Options,
    policy: CORSPolicy,
    methods: tuple[str, ...],
    headers: tuple[str, ...],
    exposed: tuple[str, ...],
) -> None:
    for method in methods:
        if not (method.isascii() and _headers.TOKEN.fullmatch(method.encode())):
            options.problem("allow_methods", shown(method), "is not a method name", "write for example 'PUT'")
        elif method.upper() in _FORBIDDEN_METHODS:
            options.problem("allow_methods", shown(method), "no browser lets a script send it", "leave it out")
        elif method != method.upper() and method.upper() in (
            "GET",
            "HEAD",
            "POST",
            "PUT",
            "PATCH",
            "DELETE",
            "OPTIONS",
        ):
            options.problem("allow_methods", shown(method), "methods are case-sensitive", f"write {method.upper()!r}")
    for name in headers:
        options.header_name("allow_headers", name)
    for name in exposed:
        options.header_name("expose_headers", name)
    if "*" in exposed and policy.allow_credentials:
        options.problem("expose_headers", "'*'", "means nothing with credentials", "list the header names")


def _told(name: bytes) -> str:
    """An item of a request as a reason may name it: escaped, cut."""
    return ascii(name[:64].decode("latin-1"))


class CORSMiddleware:
    """Answers preflights and adds the headers that let allowed origins read responses.

    Options, Starlette's in name, order and meaning where the module's table does not say otherwise:

    - `allow_origins`: exact origins; patterns `https://*.example.com` (one or more labels) and `http://localhost:*`
      (any port, or none); or `["*"]` alone. At least this, `allow_origin_regex` or `allow_origin_func` must be given.
    - `allow_methods`: the methods a preflight may ask for; `"*"` for any.
    - `allow_headers`: besides Accept, Accept-Language, Content-Language and Content-Type; `"*"` for any.
    - `allow_credentials`: cookies, HTTP authentication. Not together with `"*"`.
    - `allow_origin_regex`: matched in full.
    - `allow_private_network`: answer the (legacy) preflights of Private Network Access.
    - `expose_headers`: response headers that scripts may read besides the safelisted ones.
    - `max_age`: how long browsers keep a preflight's answer, in seconds; None leaves it to them (5 s), 0 disables.
    - `allow_origin_func(origin, scope)`: sync or async, asked last; its exception denies and is logged.
    - `websocket`: `"check"` refuses foreign origins before accept, `"ignore"` does not, `"auto"` checks unless any
      origin is allowed. Same host and no Origin pass.
    - `dangerously_allow_null_origin`: sandboxed frames of every site in the world send `null`.
    - `dangerously_allow_any_origin_with_credentials`: any site acts and reads as the signed-in user.

    Raises ConfigError with every problem. `policy` is the checked CORSPolicy.
    """

    def __init__(
        self,
        app: ASGIApp,
        allow_origins: Collection[str] | None = None,
        allow_methods: Collection[str] = ("GET", "HEAD", "POST"),
        allow_headers: Collection[str] = (),
        allow_credentials: bool = False,
        allow_origin_regex: str | None = None,
        allow_private_network: bool = False,
        expose_headers: Collection[str] = (),
        max_age: int | None = 600,
        *,
        allow_origin_func: Callable[[str, Scope], Any] | None = None,
        websocket: Literal["auto", "check", "ignore"] = "auto",
        dangerously_allow_null_origin: bool = False,
        dangerously_allow_any_origin_with_credentials: bool = False,
    ) -> None:
        options = Options("CORSMiddleware")
        options.app(app)
        options.choice("websocket", websocket, ("auto", "check", "ignore"))
        try:
            policy = CORSPolicy(
                allow_origins=allow_origins,
                allow_methods=allow_methods,
                allow_headers=allow_headers,
                allow_credentials=allow_credentials,
                allow_origin_regex=allow_origin_regex,
                allow_private_network=allow_private_network,
                expose_headers=expose_headers,
                max_age=max_age,
                allow_origin_func=allow_origin_func,
                dangerously_allow_null_origin=dangerously_allow_null_origin,
                dangerously_allow_any_origin_with_credentials=dangerously_allow_any_origin_with_credentials,
            )
        except ConfigError as error:
            raise ConfigError(error.owner, [*options.problems, *error.problems]) from None
        options.raise_problems()
        self.app = app
        self.policy = policy
        self._checks_websockets = websocket == "check" or (websocket == "auto" and not policy.any_origin)
        credentials: list[Header] = [(_ALLOW_CREDENTIALS, b"true")] if policy.allow_credentials else []
        exposed: list[Header] = []
        if policy.expose_headers:
            exposed.append((_EXPOSE_HEADERS, ", ".join(policy.expose_headers).encode()))
        # What an allowed origin gets on actual responses and on preflights, besides its own name.
        self._grant = (*credentials, *exposed)
        self._preflight_grant = tuple(credentials)
        # The app's own lines of these names are replaced, for a refused origin removed.
        self._replaced = frozenset({_ALLOW_ORIGIN, _ALLOW_CREDENTIALS, *(name for name, _ in exposed)})
        self._removed = frozenset({_ALLOW_ORIGIN, _ALLOW_CREDENTIALS, _EXPOSE_HEADERS})
        vary = [] if policy.any_origin else ["Origin"]
        vary += ["Access-Control-Request-Method", "Access-Control-Request-Headers"]
        if policy.allow_private_network:
            vary.append("Access-Control-Request-Private-Network")
        self._preflight_vary: Header = (b"vary", ", ".join(vary).encode())
        self._methods = ", ".join(policy.allow_methods).encode()
        names = {name.lower(): name for name in (*policy.allow_headers, *_SAFELISTED)}
        self._headers = ", ".join(sorted(names.values())).encode()
        self._max_age: tuple[Header, ...] = ()
        if policy.max_age is not None:
            self._max_age = ((b"access-control-max-age", b"%d" % policy.max_age),)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "http":
            scope = readable(scope)
            origin = header(scope, b"origin")
            if origin is not None and scope.get("method") == "OPTIONS":
                method = header(scope, b"access-control-request-method")
                if method is not None:
                    await self._preflight(scope, receive, send, origin, method)
                    return
            policy = self.policy
            allowed = policy.any_origin or (
                origin is not None and (policy.allows_by_list(origin) or await policy.allows(origin, scope))
            )
            responder = _Responder(self, send, origin if allowed else None)
            await self.app(scope, receive, responder.send)
        elif kind == "websocket" and self._checks_websockets:
            scope = readable(scope)
            origin = header(scope, b"origin")
            if origin is None or is_same_host(origin, scope) or await self._vouches_for(origin, scope):
                await self.app(scope, receive, send)
            else:
                await reply(scope, receive, send, status=403, body=b"Disallowed CORS origin")
        else:
            await self.app(scope, receive, send)

    async def _vouches_for(self, origin: bytes, scope: Scope) -> bool:
        """Whether the origin may open WebSockets. `"*"` says nothing about who may act with the user's cookies."""
        return not self.policy.any_origin and await self.policy.allows(origin, scope)

    async def _preflight(self, scope: Scope, receive: Receive, send: Send, origin: bytes, method: bytes) -> None:
        policy = self.policy
        headers: list[Header] = [self._preflight_vary]
        reason: str | None = None
        requested: list[bytes] = []
        if not await policy.allows(origin, scope):
            reason = "origin"
        else:
            headers += ((_ALLOW_ORIGIN, b"*" if policy.any_origin else origin), *self._preflight_grant)
            lines = _headers.get_all(scope.get("headers") or (), b"access-control-request-headers")
            if policy.refused_method(method):
                reason = f"method {_told(method)}"
            elif lines:
                requested, refused = policy.requested_headers(lines)
                if refused is not None:
                    reason = f"headers {refused}"
        if reason is None and header(scope, b"access-control-request-private-network") is not None:
            if policy.allow_private_network:
                headers.append((b"access-control-allow-private-network", b"true"))
            else:
                reason = "private-network"
        if reason is not None:
            body = f"Disallowed CORS {reason}".encode("ascii")
            await reply(scope, receive, send, status=400, body=body, headers=headers)
            return
        methods = method if "*" in policy.allow_methods else self._methods
        headers.append((b"access-control-allow-methods", methods))
        names = b", ".join(requested) if "*" in policy.allow_headers else self._headers
        if names:
            headers.append((b"access-control-allow-headers", names))
        headers += self._max_age
        await reply(scope, receive, send, status=200, body=b"OK", headers=headers)


class _Responder:
    """Adds the CORS headers to the start of one response. `origin`: the request's, None where it is not allowed."""

    __slots__ = ("_middleware", "_origin", "_send")

    def __init__(self, middleware: CORSMiddleware, send: Send, origin: bytes | None) -> None:
        self._middleware = middleware
        self._send = send
        self._origin = origin

    @returns_awaitable
    def send(self, message: Message) -> Any:
        if message["type"] == "http.response.start":
            message = dict(message)
            message["headers"] = self._edited(_headers.listed(message.get("headers")))
        return self._send(message)

    def _edited(self, headers: list[Header]) -> list[Header]:
        cors = self._middleware
        if cors.policy.any_origin:
            return [*_headers.drop(headers, cors._replaced), (_ALLOW_ORIGIN, b"*"), *cors._grant]
        if self._origin is not None:
            headers = [*_headers.drop(headers, cors._replaced), (_ALLOW_ORIGIN, self._origin), *cors._grant]
        else:
            headers = _headers.drop(headers, cors._removed)
        return _headers.merge_vary(headers, b"Origin")
