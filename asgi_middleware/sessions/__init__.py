"""Sessions in a signed cookie.

    from asgi_middleware import SessionMiddleware

    app = SessionMiddleware(app, secret_key="...")       # 32 random bytes or more, from a file or the environment

    request.session["user"] = "ada"                      # Starlette; elsewhere scope["session"]

Stands inside compression, outside an auth that reads the session. `scope["session"]` is a dict. Nothing is verified or
parsed until it is first used, a response that did not use it is left alone, one that read it gets `Vary: Cookie`, and
one that changed it gets one Set-Cookie and, unless the application said otherwise, `Cache-Control: no-store`. Changes
inside nested values are seen. A corrupt, tampered, expired or oversized cookie is no session, never an error.

What a signed cookie cannot do: keep its content secret from the user, and be taken back. Whoever copied a cookie can
replay it until it expires, also after a logout. Keep no secrets in it, and use a short `max_age` where that matters.

Changes after the response has started cannot reach the client; they are logged.
"""

from .cookie import SessionTooLarge
from .middleware import SessionMiddleware
from .session import Session
from .stored import SessionConflict, StoredSession, revoke_all, sessions_of

__all__ = [
    "Session",
    "SessionConflict",
    "SessionMiddleware",
    "SessionTooLarge",
    "StoredSession",
    "revoke_all",
    "sessions_of",
]
