"""Sessions: in a signed cookie, in an encrypted one, or in a store that outlives the machine.

    from asgi_middleware import SessionMiddleware

    app = SessionMiddleware(app, secret_key="...")       # 32 random bytes or more, from a file or the environment
    app = SessionMiddleware(app, secret_key="...", encrypt=True)
    app = SessionMiddleware(app, secret_key="...", store="redis://localhost:6379/0")     # or a store, see `stores`

    request.session["user"] = "ada"                      # Starlette; elsewhere scope["session"]

Stands inside compression, outside an auth that reads the session. `scope["session"]` is a dict. Nothing is verified or
parsed until it is first used, a response that did not use it is left alone, one that read it gets `Vary: Cookie`, and
one that changed it gets one Set-Cookie and, unless the application said otherwise, `Cache-Control: no-store`. Changes
inside nested values are seen. A corrupt, tampered, expired or oversized cookie is no session, never an error.

Which one to take:

    a signed cookie      needs nothing. The user can read it. Nobody can take it back: who copied a cookie can replay
                         it until it expires, also after a logout. 4,093 bytes at the most, so no room for much.
    an encrypted one     the same, but the user cannot read it. Needs the extra `crypto`.
    a store              the cookie is an ID. A logout is one, everywhere and at once; `revoke_all` logs a user out of
                         all browsers; there is room. Costs one trip per request that brings a session, and one more
                         where it was changed. Take it for logins.

In a cookie, keep `max_age` short where a replay matters, or let `validate` compare something that a logout changes,
say a number that stands in the session and beside the user. It has to answer at once, so out of memory.

The content is JSON: a tuple comes back as a list and a number that was a key as text; of a datetime keep the
`.isoformat()`.

Whoever logs somebody in does this, so that an ID which an attacker has planted or seen is of no use:

    session.regenerate()
    session.subject = "user-1"      # whose it is

and to log out: `session.destroy()`. With SessionUser, `login` and `logout` of `asgi_middleware.auth` do so. To list the
sessions of a user, or to log the user out everywhere, make the store yourself and close it when the application shuts
down; in a config list it is `store = { import = "myapp:store" }`:

    store = RedisStore.from_url("redis://localhost:6379/0")
    app = SessionMiddleware(app, secret_key="...", store=store)

    await sessions_of(store, "user-1")
    await revoke_all(store, "user-1", keep=request.session)

Two requests that change one session at the same time both count: what they changed
is merged by key, the later one wins a key that both changed. A session that is destroyed stays so, whatever a slower
request wanted to save into it.

Changes after the response has started are saved to the store when the application ends; without a store, and for a
session that is new, they cannot reach the client, and are logged. A WebSocket's are saved when it ends, or by
`await session.save()`.

To orjson, msgspec, and pydantic's serialisers hand `dict(session)`: C code that looks into a dict behind its methods
finds a session that was not used yet unloaded, as the one item "(not loaded)". `{**session}`, `json.dumps`, `copy`,
pickle, Starlette's `request.session`, and pydantic's fields are right as they are.
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
