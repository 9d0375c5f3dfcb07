"""`AuthMiddleware`: asks the backends in turn, fills the scope, answers what is refused."""

import logging
from collections.abc import Callable, Collection, Iterable
from typing import Any

from .._options import Options, shown
from .._paths import Paths
from .._reply import can_deny, reply
from .._scope import extend, has_any, readable
from .._types import ASGIApp, Header, Receive, Scope, Send, Strings
from .identity import AuthError, challenge, check_realm

logger = logging.getLogger("asgi_middleware.auth")

# The scope that Starlette's documentation gives to every user, for `@requires("authenticated")`.
_AUTHENTICATED = "authenticated"


class AuthMiddleware:
    """Authenticates HTTP requests and WebSockets.

    - `backend`: one, or a list tried in order until one knows its kind of credential. Ours (`Bearer`, `Basic`,
      `APIKeys`, `SessionUser`) have `async identify(scope) -> User | None` and raise AuthError; an object with
      `async authenticate(conn)` is a Starlette backend, whose AuthenticationError is a 400 with its text, as there.
    - `on_error(conn, error) -> Response`: Starlette's hook, for both kinds of error.
    - `required`: refuse anonymous requests with 401 and a challenge, except on the paths in `public`.
    - `public`: exact paths, or `/docs/*` for a path and everything below. A path in doubt is never public.
    - `realm`: named in the challenges.

    A backend of your own may have `scheme`, the name of its challenge; and `reads`, the lower-case names of all request
    headers that it looks at: where no backend finds any of its own, none is asked.

    A user that one of ours identified has the scope `"authenticated"` besides its own. What was in `scope["user"]`
    before, from whomever, does not count. A user whose `is_authenticated` is false is anonymous, whoever gave it.

    A WebSocket is refused by a denial response where the server offers it, else closed before accept. Raises
    ConfigError with every problem.
    """

    middleware_kind = "auth"

    def __init__(
        self,
        app: ASGIApp,
        backend: Any,
        on_error: Callable[[Any, Any], Any] | None = None,
        *,
        required: bool = False,
        public: Strings = (),
        realm: str | None = None,
    ) -> None:
        options = Options("AuthMiddleware")
        options.app(app)
        backends = _checked_backends(options, backend)
        options.function("on_error", on_error, plain=True)
        options.boolean("required", required)
        self._public = Paths(options, "public", public)
        if self._public.patterns and required is False:
            options.problem("public", shown(public), "means nothing without required=True", "set it, or leave this out")
        check_realm(options, realm)
        options.raise_problems()

        from starlette import authentication
        from starlette.requests import HTTPConnection

        self._credentials = authentication.AuthCredentials
        self._anonymous = authentication.UnauthenticatedUser
        self._starlette_error: type[Exception] = authentication.AuthenticationError
        self._connection: Callable[[Any], Any] = HTTPConnection
        self.app = app
        # each with whether it is one of our kind
        self._backends = tuple((one, hasattr(one, "identify")) for one in backends)
        # The headers without which nobody needs to be asked; None where a backend reads something else.
        reads: list[Any] = [getattr(one, "reads", None) for one in backends]
        self._reads = None if None in reads else tuple(dict.fromkeys(name for names in reads for name in names))
        self._concealing = tuple(one for one in backends if hasattr(one, "conceal"))
        self._on_error = on_error
        self._required = required
        self._realm = realm

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        scope = readable(scope)
        if self._concealing and not isinstance(scope.get("subprotocols", ()), (list, tuple)):
            # It may be an iterator, which only one of us could read.
            scope = extend(scope, {"subprotocols": list(scope["subprotocols"] or ())})
        found: Any = None
        backend: Any = None
        try:
            if self._reads is None or has_any(scope, self._reads):
                for backend, is_ours in self._backends:
                    if not is_ours:
                        found = await backend.authenticate(self._connection(scope))
                    elif (user := await backend.identify(scope)) is not None:
                        found = self._granted(backend, user)
                    if found is not None:
                        break
            # A backend of Starlette's may give an anonymous user of its own, or an object that does not say.
            known = found is not None and getattr(found[1], "is_authenticated", True)
            if not known and self._required and not self._public.exempts(scope):
                raise AuthError(401, None, "Not authenticated")
        except (AuthError, self._starlette_error) as error:
            await self._refuse(scope, receive, send, error, backend)
            return
        # Nothing of these is shared: an application may write into both.
        credentials, user = (self._credentials(), self._anonymous()) if found is None else found
        if scope["type"] == "websocket":
            for one in self._concealing:
                scope, send = one.conceal(scope, send)
        await self.app(extend(scope, {"auth": credentials, "user": user}), receive, send)

    def _granted(self, backend: Any, user: Any) -> Any:
        """What a backend of Starlette's would give for a user of ours; None for one who is not authenticated."""
        if not hasattr(user, "is_authenticated"):
            raise TypeError(f"{type(backend).__name__} gave {type(user).__name__}, which is no user object")
        if not user.is_authenticated:
            return None
        scopes: Any = getattr(user, "scopes", ())
        return self._credentials([_AUTHENTICATED, *(scopes.split() if isinstance(scopes, str) else scopes)]), user

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, error: Exception, backend: Any) -> None:
        if self._on_error is not None:
            response: Any = self._on_error(self._connection(scope), error)
            if scope["type"] == "http" or can_deny(scope):
                await response(scope, receive, send)
                return
        status, text = 400, str(error)
        headers: Iterable[Header] = ()
        if isinstance(error, AuthError):
            logger.debug("refused with %d: %s", error.status, error.description)
            status, text = error.status, error.description
            if status < 500:
                challenges = self._challenges(error, backend)
                if scope["type"] == "websocket" and challenges:
                    # As one line (RFC 9110, 5.3): a name that a denial response has twice ends a worker of Granian 2.8.
                    challenges = [b", ".join(challenges)]
                headers = [(b"www-authenticate", line) for line in challenges]
        await reply(scope, receive, send, status=status, body=text.encode(), headers=headers)

    def _challenges(self, error: AuthError, backend: Any) -> list[bytes]:
        """One challenge for each scheme; the error's code on the one that found it (RFC 6750, 3)."""
        lines: dict[str, bytes] = {}
        for one, _ in self._backends:
            scheme: str | None = getattr(one, "scheme", None)
            parameters: dict[str, str] = {}
            if scheme == getattr(backend, "scheme", None) == "Bearer" and error.code is not None:
                parameters = {"error": error.code, "error_description": error.description}
            if scheme is not None:
                lines[scheme] = challenge(scheme, self._realm, parameters)
        return list(lines.values())


class AuthenticationMiddleware(AuthMiddleware):
    """AuthMiddleware under Starlette's name."""


def _checked_backends(options: Options, backend: Any) -> tuple[Any, ...]:
    backends: tuple[Any, ...] = tuple(backend) if isinstance(backend, (list, tuple)) else (backend,)
    if not backends:
        options.problem("backend", "[]", "holds no backend", "list at least one, such as Bearer(...)")
    for one in backends:
        name = type(one).__name__
        if isinstance(one, type) or not (hasattr(one, "identify") or hasattr(one, "authenticate")):
            rule = "is no backend: it has neither `identify` nor `authenticate`"
            options.problem("backend", name, rule, "pass an instance, such as Bearer(...)")
        reads: Any = getattr(one, "reads", None)
        # Otherwise nothing would ever match, and the backend never be asked.
        if reads is not None and not (isinstance(reads, Collection) and reads and all(map(_is_lower_case, reads))):
            options.problem("backend", name, "has `reads` that are no lower-case names", "write reads = (b'x-token',)")
    return backends


def _is_lower_case(name: object) -> bool:
    return isinstance(name, bytes) and name == name.lower()
