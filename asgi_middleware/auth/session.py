"""Users who have logged in to a session: `SessionUser`, `login`, `logout`.

    app = AuthMiddleware(app, SessionUser())
    app = SessionMiddleware(app, secret_key, store="redis://...")

    login(request.scope, "user-1")       # when a password, or an identity provider, has said who it is
    logout(request.scope)

It works with every session that is a mapping at `scope["session"]`. One that has `subject`, `regenerate` and `destroy`,
as this package's has, is asked for them; in any other, such as Starlette's, the identity is kept in the mapping itself.

A browser sends its cookies along whoever made it ask. A WebSocket of a logged-in user is therefore refused unless its
Origin, which browsers always send, is this host or one of `allow_origins`. HTTP requests are not looked at: what they
do to a form or an API of yours is kept off by SameSite=Lax, the sessions' default, by CORS, and, where that is not
enough (`same_site="none"`, a hostile subdomain, a GET that changes something), by a check for CSRF, which this is not.
"""

import inspect
from collections.abc import Callable, MutableMapping
from typing import Any

from .._options import Options
from .._origins import Origins, is_same_host
from .._scope import header
from .._types import Scope, Strings
from .identity import AuthError, User

# Where a session without `subject` keeps the identity.
_KEY = "_subject"


class SessionUser:
    """Identifies by the session, which a middleware outside must have put into the scope.

    - `user(subject, session)`: optional, sync or async: the user object. None, or one who is not authenticated, says
      that this login has ended, which leaves the request anonymous. `User(subject, scheme="Session",
      scopes=("admin",))` has scopes too. Without it the identity is the session's subject.
    - `allow_origins`: origins, besides this host, whose pages may open WebSockets as the user; patterns as for CORS.
    - `scope_key`: where in the scope the session is.

    Every request reads the session, so every response gets its `Vary: Cookie`. Raises ConfigError with every problem,
    and RuntimeError in a request without a session.
    """

    # RFC 9110, 15.5.2 demands a challenge in every 401, and no scheme is registered for sessions. Browsers ignore it.
    scheme = "Session"
    middleware_kind = "session_user"

    def __init__(
        self,
        user: Callable[[str, Any], Any] | None = None,
        *,
        allow_origins: Strings = (),
        scope_key: str = "session",
    ) -> None:
        options = Options("SessionUser")
        options.function("user", user)
        origins = options.strings("allow_origins", allow_origins, example="['https://app.example.com']")
        self._origins = Origins(options, "allow_origins", origins, credentials=True)
        options.text("scope_key", scope_key, example="'session'")
        options.raise_problems()
        self._user = user
        self._scope_key = scope_key

    async def identify(self, scope: Scope) -> Any:
        """The user of the session, or None where nobody has logged in to it. AuthError 403 for a foreign WebSocket."""
        session = _session(scope, self._scope_key)
        subject = session.subject if hasattr(session, "subject") else session.get(_KEY)
        if not subject:
            return None
        if scope["type"] == "websocket" and not self._is_ours(scope):
            raise AuthError(403, None, "The WebSocket comes from a foreign origin")
        if self._user is None:
            return User(subject, scheme=self.scheme)
        user: Any = self._user(subject, session)
        return await user if inspect.isawaitable(user) else user

    def _is_ours(self, scope: Scope) -> bool:
        origin = header(scope, b"origin")
        return origin is not None and (is_same_host(origin, scope) or self._origins.allow(origin))


def login(scope: Scope, identity: str, *, scope_key: str = "session") -> None:
    """Make the session that of `identity`, from the next request on, under a new ID.

    A new ID, so that one which somebody has planted or seen opens nothing. What an anonymous visitor had in the session
    stays; what another user had does not.
    """
    if not isinstance(identity, str) or not identity:
        raise TypeError("an identity is text that is not empty")
    session = _session(scope, scope_key)
    if not hasattr(session, "subject"):
        if session.get(_KEY, identity) != identity:
            session.clear()
        session[_KEY] = identity
        return
    if session.subject not in (None, identity):
        session.clear()
    session.regenerate()
    session.subject = identity


def logout(scope: Scope, *, scope_key: str = "session") -> None:
    """End the session and forget its content.

    In a store it ends everywhere and at once. In a cookie the browser forgets it, but a copy can be replayed until it
    expires.
    """
    session = _session(scope, scope_key)
    if hasattr(session, "destroy"):
        session.destroy()
    else:
        session.clear()


def _session(scope: Scope, key: str) -> Any:
    session = scope.get(key)
    if not isinstance(session, MutableMapping):
        raise RuntimeError(f"there is no session at scope[{key!r}]: put SessionMiddleware outside of AuthMiddleware")
    return session
