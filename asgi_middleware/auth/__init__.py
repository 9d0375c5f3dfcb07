"""Authentication: who sent this request, by bearer token, Basic, API key, session, or any Starlette backend.

    from asgi_middleware import AuthMiddleware
    from asgi_middleware.auth import JWT, Bearer, HMACKey

    verifier = JWT(HMACKey(secret), issuer="https://idp.example", audience="api")
    app = AuthMiddleware(app, Bearer(verifier), required=True, public=["/", "/health"])

In a config list, with the key of one kind and the users of another:

    [[middleware]]
    use = "auth"
    required = true
    public = ["/", "/health"]
    backend = [
        { use = "bearer", oidc = "https://idp.example", audience = "api" },
        # or issuer = "..." and one of: jwks = "https://...", keys = "jwks.json", secret = { env = "..." }
        { use = "basic", htpasswd = "users.htpasswd" },
        { use = "api_key", keys = "keys.toml" },   # lines of digest = "identity"
        { use = "session", allow_origins = ["https://app.example.com"] },
    ]

API keys: `key, digest = APIKeys.new(prefix="acme")`; the key goes to its owner, `APIKeys({digest: "ci"})` knows it by
its digest. Programs send it as `X-API-Key`.

Logins: a sessions middleware outside, `SessionUser()` as the backend, and in the application, once a password or an
identity provider has said who it is, `login(request.scope, "user-1")`; to end it, `logout(request.scope)`.

Browsers cannot put a header on a WebSocket. `Bearer(verifier, subprotocol="bearer")` takes the token from
`new WebSocket(url, ["bearer", token])`, and hides it from the application.

For a part of an application: `RequireScopes(part, ["admin"])`, mounted.

Stands inside CORS, so that preflights (which carry no credentials) are answered before it and a 401 is readable for
scripts, and inside sessions. The contract is Starlette's: `scope["user"]` (`is_authenticated`, `display_name`,
`identity`; ours also `claims`, `issuer`, `scheme`) and `scope["auth"]` (`scopes`), so `request.user`, `@requires` and
Starlette's own backends work unchanged.

A backend has three outcomes: not mine, an identity, or an error. A credential that is there but bad is never anonymous
and never falls through to the next backend. Challenges follow RFC 6750 and RFC 7617, with fixed wording: nothing that a
client sent is echoed. No token, key or password is in any log, repr or exception.
"""

from .api_key import APIKeys
from .basic import Basic
from .bearer import Bearer
from .identity import AuthError, User
from .jwks import JWKS, OIDC, Issuers
from .jwt import JWT
from .keys import HMACKey, StaticKeys
from .middleware import AuthenticationMiddleware, AuthMiddleware
from .scopes import RequireScopes
from .session import SessionUser, login, logout

__all__ = [
    "JWKS",
    "JWT",
    "OIDC",
    "APIKeys",
    "AuthError",
    "AuthMiddleware",
    "AuthenticationMiddleware",
    "Basic",
    "Bearer",
    "HMACKey",
    "Issuers",
    "RequireScopes",
    "SessionUser",
    "StaticKeys",
    "User",
    "login",
    "logout",
]
