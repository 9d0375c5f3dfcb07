"""`SessionMiddleware`: the session into the scope, the cookie onto the response."""

import functools
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

from .. import _cookies, _headers
from .._options import Options, shown
from .._responder import Responder
from .._scope import extend, is_secure, readable
from .._types import STARTS, ASGIApp, Message, Receive, Scope, Send, returns_awaitable
from .cookie import CookieKeeper
from .keeper import logger
from .sealing import Encrypter, Signer, Starlette, check_keys
from .session import Keeper, Session
from .stored import StoreKeeper
from .stores import Store, from_url

# What the specification puts into a scope.
_TAKEN = {
    "type",
    "asgi",
    "http_version",
    "method",
    "scheme",
    "path",
    "raw_path",
    "query_string",
    "root_path",
    "headers",
}
_TAKEN |= {"client", "server", "subprotocols", "state", "extensions"}
# How much of a signature stands behind an ID, which could not be guessed anyway.
_ID_SIGNATURE = 16  # bytes


class SessionMiddleware:
    """Gives every HTTP request and WebSocket a `scope["session"]`, kept in its cookie or in a store.

    Starlette's options, in its order:

    - `secret_key`: str, bytes or Starlette's Secret; or a list, newest first: the first signs, all verify.
    - `session_cookie`: the cookie's name. `path`, `domain`, `same_site`, `partitioned`: its attributes.
    - `max_age`: seconds from the last change; None for a cookie that ends with the browser.
    - `https_only`: the Secure attribute; `"auto"` sets it on https and wss, and wherever browsers demand it. Behind a
      proxy that ends TLS write True, or have the server believe the proxy (uvicorn: `--forwarded-allow-ips`).

    And:

    - `store`: where sessions are kept, a store or its URL (see `stores`); None keeps them in the cookie.
    - `encrypt`: whether a session that is kept in the cookie is secret there too. Needs the extra `crypto`. Cookies
      that were only signed are not taken over.
    - `rolling`: whether use extends a session as a change does. A cookie is sent again after a tenth of `max_age`.
    - `absolute_timeout`: seconds after which a session ends, however much it is used; from its beginning, or from when
      it was last given a new ID.
    - `on_store_error`: a store that cannot be read makes the request fail, `"raise"`, or gives it an empty session,
      `"empty"`. What cannot be saved always makes it fail: no response claims a login or a logout that did not happen.
    - `store_timeout`: seconds that one operation of the store may take.
    - `validate`: a function of the session and the scope that is asked when a session is first used; one that it does
      not hold for is destroyed.
    - `accept_starlette`: whether cookies that Starlette's SessionMiddleware signed with the same key are taken over.
    - `scope_key`: where in the scope the session is. What is saved is the Session that was put there: replacing it
      changes nothing, `.clear()` and `.update()` do.
    - `clock`: seconds since the epoch. `token_bytes`: so many random bytes.

    Raises ConfigError with every problem, and MissingExtra. In the application's `send`, before the response starts:
    SessionTooLarge, TypeError for what has no JSON form, SessionConflict, TimeoutError, and what the store raises.
    """

    middleware_kind = "sessions"

    def __init__(
        self,
        app: ASGIApp,
        secret_key: str | bytes | Sequence[Any] | object,
        session_cookie: str = "session",
        max_age: int | None = 14 * 24 * 60 * 60,  # 14 days, in seconds
        path: str = "/",
        same_site: Literal["lax", "strict", "none"] = "lax",
        https_only: bool | Literal["auto"] = "auto",
        domain: str | None = None,
        partitioned: bool = False,
        *,
        store: Store | str | None = None,
        encrypt: bool = False,
        rolling: bool = False,
        absolute_timeout: int | None = None,  # seconds
        on_store_error: Literal["raise", "empty"] = "raise",
        store_timeout: float = 5.0,  # seconds
        validate: Callable[[Session, Scope], object] | None = None,
        accept_starlette: bool = False,
        scope_key: str = "session",
        clock: Callable[[], float] = time.time,
        token_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        options = Options("SessionMiddleware")
        options.app(app)
        keys = check_keys(options, "secret_key", secret_key)
        _cookies.check(
            options,
            name_option="session_cookie",
            name=session_cookie,
            path=path,
            domain=domain,
            same_site=same_site,
            secure=https_only,
            partitioned=partitioned,
        )
        if max_age is not None:
            options.integer("max_age", max_age, minimum=-1, unit="seconds, or None", remedy="write 1209600")
        if absolute_timeout is not None:
            options.integer(
                "absolute_timeout", absolute_timeout, minimum=1, unit="seconds, or None", remedy="write 43200"
            )
        for option, value in (("encrypt", encrypt), ("rolling", rolling), ("accept_starlette", accept_starlette)):
            options.boolean(option, value)
        options.choice("on_store_error", on_store_error, ("raise", "empty"))
        options.seconds("store_timeout", store_timeout)
        options.function("validate", validate, plain=True)
        if options.text("scope_key", scope_key, example="'session'") in _TAKEN:
            options.problem("scope_key", shown(scope_key), "is a key of the server's own", "write 'session'")
        options.function("clock", clock, optional=False, plain=True)
        options.function("token_bytes", token_bytes, optional=False, plain=True)
        _check_modes(options, store=store, encrypt=encrypt, rolling=rolling, max_age=max_age, older=accept_starlette)
        made = options.attempt(lambda: from_url(store)) if isinstance(store, str) else None
        options.raise_problems()

        self.app = app
        self._scope_key = scope_key
        self._always_secure = https_only is True or _cookies.forces_secure(session_cookie, same_site, partitioned)
        self._auto_secure = https_only == "auto"
        self._validates = validate is not None
        self._made = made  # a store that is ours to close
        common: dict[str, Any] = {
            "name": session_cookie,
            "max_age": max_age,
            "rolling": rolling,
            "absolute_timeout": absolute_timeout,
            "validate": validate,
            "clock": clock,
            "attributes": functools.partial(
                _cookies.attributes, path=path, same_site=same_site, domain=domain, partitioned=partitioned
            ),
        }
        self._stored: StoreKeeper | None = None
        self._keeper: Keeper
        if store is None:
            salt = f"asgi_middleware.sessions:{session_cookie}"
            seal = Encrypter(keys, salt, token_bytes) if encrypt else Signer(keys, salt)
            self._keeper = CookieKeeper(seal, Starlette(keys) if accept_starlette else None, **common)
        else:
            signer = Signer(keys, f"asgi_middleware.sessions.id:{session_cookie}", _ID_SIGNATURE)
            found: Any = store if made is None else made
            self._keeper = self._stored = StoreKeeper(
                found,
                signer,
                on_store_error=on_store_error,
                store_timeout=store_timeout,
                token_bytes=token_bytes,
                **common,
            )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            if self._made is not None and scope["type"] == "lifespan":
                send = _closing(self, send)
            await self.app(scope, receive, send)
            return
        scope = readable(scope)
        keeper = self._keeper
        session = Session._of_request(keeper, scope.get("headers"))
        if self._validates:
            session._scope = scope
        if self._stored is None:
            responder = _Responder(send)
        else:
            responder = _StoringResponder(send)
            responder.stored = self._stored
            await self._stored.begin(session)
        responder.keeper = keeper
        responder.session = session
        responder.secure = self._always_secure or (self._auto_secure and is_secure(scope))
        try:
            await self.app(extend(scope, {self._scope_key: session}), receive, responder.send)
        except Exception:
            # A WebSocket whose client has gone ends with an exception as often as not, and so does a long response.
            if self._stored is not None and session._started:
                await self._stored.finish_beside_error(session)
            raise
        if session.accessed and (session._started or self._stored is not None) and keeper.is_unsaved(session):
            await keeper.finish(session)

    async def aclose(self) -> None:
        """Close the store, if it was made here, from a URL. A server with lifespan has it done at shutdown."""
        close = getattr(self._made, "aclose", None)
        if close is not None:
            await close()


def _check_modes(
    options: Options, *, store: object, encrypt: bool, rolling: bool, max_age: int | None, older: bool
) -> None:
    """What goes together with a store, and what without."""
    if store is None:
        if rolling is True and max_age is None:
            options.problem("rolling", "True", "has no term to begin anew", "give a max_age, or leave it out")
        return
    if isinstance(store, type):
        options.problem("store", store.__name__, "is a class", f"make one of it: {store.__name__}(...)")
    elif not isinstance(store, (str, Store)):
        options.problem(
            "store", shown(store), "is not a store", "pass one of asgi_middleware.sessions.stores, or a URL"
        )
    if encrypt is True:
        options.problem(
            "encrypt", "True", "is for sessions in a cookie; in a store there is nothing to see", "leave it out"
        )
    if older is True:
        options.problem("accept_starlette", "True", "is for sessions in a cookie", "leave it out")
    if isinstance(max_age, int) and max_age < 1:
        options.problem(
            "max_age", shown(max_age), "ends a session in a store before it begins", "write 1209600, or None"
        )


def _closing(middleware: SessionMiddleware, send: Send) -> Send:
    """The `send` of a lifespan whose store is closed when the application has shut down."""

    async def send_and_close(message: Message) -> None:
        if message["type"] in ("lifespan.shutdown.complete", "lifespan.shutdown.failed"):
            try:
                await middleware.aclose()
            except Exception as error:  # noqa: BLE001  # whatever a store raises, the server is to hear of the end
                logger.error("the session store was not closed (%s)", type(error).__name__)
        await send(message)

    return send_and_close


class _Responder(Responder):
    """Puts the cookie onto the response."""

    __slots__ = ("keeper", "secure", "session")

    keeper: Keeper
    session: Session
    secure: bool

    @returns_awaitable
    def send(self, message: Message) -> Any:
        if message["type"] not in STARTS:
            return self._others(message)
        session = self.session
        if session.accessed:
            return super().send(message)
        session._started = True
        return self._send(message)  # nothing to edit, so it goes on as it is

    def edit(self, start: Message) -> Any:
        session = self.session
        if session.accessed:
            ours = self.keeper.owed(session, secure=self.secure)
            headers = _headers.merge_vary(start["headers"], b"Cookie")
            if ours and _headers.get(headers, b"cache-control") is None:
                # RFC 6265 lets caches keep Set-Cookie: one visitor's session would become another's.
                headers = [*headers, (b"cache-control", b"no-store")]
            start["headers"] = [*headers, *ours]
        session._started = True
        return None


class _StoringResponder(_Responder):
    """Saves the session before the response starts."""

    __slots__ = ("stored",)

    stored: StoreKeeper  # the keeper

    def edit(self, start: Message) -> Any:
        if self.session.accessed and self.keeper.is_unsaved(self.session):
            return self._save_first(start)
        return super().edit(start)

    async def _save_first(self, start: Message) -> None:
        await self.stored.save(self.session)
        super().edit(start)
        await self.pass_on(start)
