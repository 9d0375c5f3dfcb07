"""`CORSMiddleware`: answers preflights, and puts ready-made headers on everything else."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

from .. import _headers
from .._options import Options
from .._origins import is_same_host
from .._reply import reply
from .._responder import Responder
from .._scope import fields, header, readable
from .._types import ASGIApp, Header, Message, Receive, Scope, Send, Strings
from ..exceptions import ConfigError
from .policy import SAFELISTED, CORSPolicy, logger, told

_ALLOW_ORIGIN = b"access-control-allow-origin"
_ALLOW_CREDENTIALS = b"access-control-allow-credentials"
_EXPOSE_HEADERS = b"access-control-expose-headers"
_GRANTS = frozenset({_ALLOW_ORIGIN, _ALLOW_CREDENTIALS, _EXPOSE_HEADERS})
_VARY = (b"vary", b"Origin")
_ASKED = (
    b"access-control-request-method",
    b"access-control-request-headers",
    b"access-control-request-private-network",
)


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

    middleware_kind = "cors"

    def __init__(
        self,
        app: ASGIApp,
        allow_origins: Strings | None = None,
        allow_methods: Strings = ("GET", "HEAD", "POST"),
        allow_headers: Strings = (),
        allow_credentials: bool = False,
        allow_origin_regex: str | None = None,
        allow_private_network: bool = False,
        expose_headers: Strings = (),
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
        # The app's own lines of these names are replaced; for a refused origin all of them are removed.
        self._replaced = frozenset({_ALLOW_ORIGIN, _ALLOW_CREDENTIALS, *(name for name, _ in exposed)})
        vary = [] if policy.any_origin else ["Origin"]
        vary += ["Access-Control-Request-Method", "Access-Control-Request-Headers"]
        if policy.allow_private_network:
            vary.append("Access-Control-Request-Private-Network")
        self._preflight_vary: Header = (b"vary", ", ".join(vary).encode())
        # None where what was asked for is the answer.
        self._allow_methods: Header | None = None
        if "*" not in policy.allow_methods:
            self._allow_methods = (b"access-control-allow-methods", ", ".join(policy.allow_methods).encode())
        self._allow_headers: Header | None = None
        if "*" not in policy.allow_headers:
            names = {name.lower(): name for name in (*policy.allow_headers, *SAFELISTED)}
            self._allow_headers = (b"access-control-allow-headers", ", ".join(sorted(names.values())).encode())
        self._max_age: tuple[Header, ...] = ()
        if policy.max_age is not None:
            self._max_age = ((b"access-control-max-age", b"%d" % policy.max_age),)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "http":
            scope = readable(scope)
            origin = header(scope, b"origin")
            if origin is not None and scope.get("method") == "OPTIONS":
                method, names, private = fields(scope, _ASKED)
                if method is not None:
                    await self._preflight(scope, receive, send, origin, method, names, private)
                    return
            policy = self.policy
            if policy.any_origin:
                origin = b"*"
            elif origin is not None and not (policy.allows_by_list(origin) or await policy.allows(origin, scope)):
                origin = None
            responder = _Responder(send)
            responder.middleware = self
            responder.origin = origin
            await self.app(scope, receive, responder.send)
        elif kind == "websocket" and self._checks_websockets:
            scope = readable(scope)
            origin = header(scope, b"origin")
            if origin is None or is_same_host(origin, scope) or await self._vouches_for(origin, scope):
                await self.app(scope, receive, send)
            else:
                logger.debug("a WebSocket of %s is refused", told(origin))
                await reply(scope, receive, send, status=403, body=b"Disallowed CORS origin")
        else:
            await self.app(scope, receive, send)

    async def _vouches_for(self, origin: bytes, scope: Scope) -> bool:
        """Whether the origin may open WebSockets. `"*"` says nothing about who may act with the user's cookies."""
        return not self.policy.any_origin and await self.policy.allows(origin, scope)

    async def _preflight(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        origin: bytes,
        method: bytes,
        names: bytes | None,
        private: bytes | None,
    ) -> None:
        policy = self.policy
        headers: list[Header] = [self._preflight_vary]
        requested: Sequence[bytes] = ()
        reason: str | None = None
        if not (policy.allows_by_list(origin) or await policy.allows(origin, scope)):
            reason = "origin"
        else:
            headers += ((_ALLOW_ORIGIN, b"*" if policy.any_origin else origin), *self._preflight_grant)
            if policy.refused_method(method):
                reason = f"method {told(method)}"
            elif names is not None:
                requested, refused = policy.requested_headers(_headers.get_all(scope["headers"], _ASKED[1]))
                if refused is not None:
                    reason = f"headers {refused}"
            if reason is None and private is not None:
                if policy.allow_private_network:
                    headers.append((b"access-control-allow-private-network", b"true"))
                else:
                    reason = "private-network"
        if reason is not None:
            logger.debug("a preflight of %s is refused: %s", told(origin), reason)
            body = f"Disallowed CORS {reason}".encode("ascii")
            await reply(scope, receive, send, status=400, body=body, headers=headers)
            return
        headers.append(self._allow_methods or (b"access-control-allow-methods", method))
        allowed = self._allow_headers or (b"access-control-allow-headers", b", ".join(requested))
        if allowed[1]:
            headers.append(allowed)
        headers += self._max_age
        await reply(scope, receive, send, status=200, body=b"OK", headers=headers)


class _Responder(Responder):
    """Puts the CORS headers on a response. `origin`: the one that is allowed, None where the request's is not."""

    __slots__ = ("middleware", "origin")

    middleware: CORSMiddleware
    origin: bytes | None

    def edit(self, start: Message) -> None:
        cors = self.middleware
        headers = start["headers"]
        names = {pair[0].lower() for pair in headers}
        if self.origin is None:
            if not names.isdisjoint(_GRANTS):
                headers = _headers.drop(headers, _GRANTS)
        else:
            if not names.isdisjoint(cors._replaced):
                headers = _headers.drop(headers, cors._replaced)
            headers.append((_ALLOW_ORIGIN, self.origin))
            headers += cors._grant
        if not cors.policy.any_origin:
            if b"vary" in names:
                headers = _headers.merge_vary(headers, b"Origin")
            else:
                headers.append(_VARY)
        start["headers"] = headers
