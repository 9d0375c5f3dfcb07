"""`RequireScopes`: lets only those through who may, for what is mounted, under any authentication outside of it.

routes = [Mount("/admin", RequireScopes(admin, ["admin"]))]
app = AuthMiddleware(Starlette(routes=routes), Bearer(verifier))
"""

import re

from .._options import Options, shown
from .._reply import reply
from .._types import ASGIApp, Receive, Scope, Send, Strings
from .identity import challenge, check_realm

# RFC 6749, 3.3: scope-token
_SCOPE = re.compile(r"[!#-\[\]-~]+")


class RequireScopes:
    """Refuses HTTP requests and WebSockets of users without all of these scopes.

    - `scopes`: what `scope["auth"].scopes` must have, all of them.
    - `scheme`, `realm`: of the challenge.

    An anonymous user gets a 401, one who lacks a scope a 403; both name the scopes (RFC 6750, 3 and 3.1), so that a
    client can ask its provider for them. Works inside AuthMiddleware and Starlette's AuthenticationMiddleware; without
    one it raises RuntimeError. Raises ConfigError with every problem.
    """

    middleware_kind = "scopes"

    def __init__(self, app: ASGIApp, scopes: Strings, *, scheme: str = "Bearer", realm: str | None = None) -> None:
        options = Options("RequireScopes")
        options.app(app)
        names = options.strings("scopes", scopes, example="['read']")
        for name in names:
            if not _SCOPE.fullmatch(name):
                options.problem("scopes", shown(name), "is no scope: it has blanks or quotes", "write each on its own")
        if not names and not options.problems:
            options.problem("scopes", "[]", "requires nothing", "name at least one")
        options.choice("scheme", scheme, ("Bearer", "Basic", "APIKey", "Session"))
        check_realm(options, realm)
        options.raise_problems()
        self.app = app
        self._scopes = frozenset(names)
        wanted = {"scope": " ".join(names)} if scheme == "Bearer" else {}
        lacking = {"error": "insufficient_scope", "error_description": "Not allowed"} if scheme == "Bearer" else {}
        self._unknown = (b"www-authenticate", challenge(scheme, realm, wanted))
        self._lacking = (b"www-authenticate", challenge(scheme, realm, lacking | wanted))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        if "auth" not in scope or "user" not in scope:
            raise RuntimeError("RequireScopes finds no user in the scope: put AuthMiddleware outside of it")
        if not scope["user"].is_authenticated:
            await reply(scope, receive, send, status=401, body=b"Not authenticated", headers=[self._unknown])
        elif self._scopes.issubset(scope["auth"].scopes):
            await self.app(scope, receive, send)
        else:
            await reply(scope, receive, send, status=403, body=b"Not allowed", headers=[self._lacking])
