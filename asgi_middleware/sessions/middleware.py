"""`SessionMiddleware`: the session into the scope, the cookie onto the response."""

import functools
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

from .. import _cookies, _headers
from .._options import Options
from .._responder import Responder
from .._scope import extend, header, is_secure, readable
from .._types import STARTS, ASGIApp, Header, Message, Receive, Scope, Send, returns_awaitable
from .cookie import CookieCodec, check_keys, logger
from .session import Session, SessionTooLarge

# What browsers keep: name, value and attributes together (the smallest of the limits seen).
_LARGEST_COOKIE = 4093  # bytes


class SessionMiddleware:
    """Gives every HTTP request and WebSocket a `scope["session"]`, kept in a signed cookie.

    Starlette's options, in its order:

    - `secret_key`: str, bytes or Starlette's Secret; or a list, newest first: the first signs, all verify.
    - `session_cookie`: the cookie's name. `path`, `domain`, `same_site`, `partitioned`: its attributes.
    - `max_age`: seconds from the last change; None for a cookie that ends with the browser.
    - `https_only`: the Secure attribute; `"auto"` sets it on https and wss, and wherever browsers demand it.

    And:

    - `scope_key`: where in the scope the session is. What is saved is the Session that was put there: replacing it
      changes nothing, `.clear()` and `.update()` do.
    - `clock`: seconds since the epoch.

    Raises ConfigError with every problem; SessionTooLarge in the application's `send` before the response starts.
    """

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
        scope_key: str = "session",
        clock: Callable[[], float] = time.time,
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
        options.text("scope_key", scope_key, example="'session'")
        options.function("clock", clock, optional=False)
        options.raise_problems()
        self.app = app
        self._scope_key = scope_key
        self._name = session_cookie.encode()
        self._codec = CookieCodec(keys, session_cookie, max_age, clock)
        forced = https_only is True or _cookies.forces_secure(session_cookie, same_site, partitioned)
        # (value and attributes) by whether the connection is secure
        self._attributes = {
            secure: tuple(
                _cookies.attributes(
                    path=path,
                    max_age=max_age,
                    same_site=same_site,
                    secure=forced or (https_only == "auto" and secure),
                    domain=domain,
                    partitioned=partitioned,
                    delete=delete,
                )
                for delete in (False, True)
            )
            for secure in (False, True)
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        scope = readable(scope)
        cookies = header(scope, b"cookie")
        load = None
        if cookies is not None and self._name in cookies:
            load = functools.partial(self._codec.load, cookies)
        session = Session._of_request(load)
        responder = _Responder(send)
        responder.middleware = self
        responder.session = session
        responder.secure = is_secure(scope)
        responder.writes = responder.text = None
        await self.app(extend(scope, **{self._scope_key: session}), receive, responder.send)
        if session.accessed and responder.is_late():
            logger.warning("the session was changed after the response had started; the change is lost")

    def _saved(self, session: Session, *, secure: bool) -> tuple[list[Header], bytes | None]:
        """The headers that this response owes to its session, besides Vary; and its text, if there was need of it."""
        kept, deleted = self._attributes[secure]
        if not session.modified and not _is_nested(session):
            return [], None
        content = dict.copy(session)
        if not content:
            gone = [] if session._stored is None else [(b"set-cookie", self._name + b"=null" + deleted.encode())]
            return gone, b"{}"
        try:
            text = self._codec.serialise(content)
        except TypeError as error:
            if isinstance(error.__cause__, RecursionError) and not session.modified:
                return [], None  # it was read alone: deep enough to load is not lost for being too deep to compare
            raise
        if text == session._stored and not session._forced:
            return [], text
        cookie = self._name + b"=" + self._codec.sign(text).encode() + kept.encode()
        if len(cookie) > _LARGEST_COOKIE:
            raise SessionTooLarge(len(cookie), _LARGEST_COOKIE)
        return [(b"set-cookie", cookie)], text

    def _is_unsaved(self, session: Session, text: bytes | None) -> bool:
        """Whether a nested session differs from what was saved as `text`, or else from what was loaded."""
        saved = session._stored if text is None else text
        if saved is None or not _is_nested(session):
            return False
        try:
            return self._codec.serialise(dict.copy(session)) != saved
        except TypeError:
            return True


def _is_nested(session: Session) -> bool:
    """Whether a change could hide inside a value. A flat session changes by its own methods alone."""
    return any(isinstance(value, (dict, list)) for value in dict.values(session))


class _Responder(Responder):
    """Saves the session when the response starts."""

    __slots__ = ("middleware", "secure", "session", "text", "writes")

    middleware: SessionMiddleware
    session: Session
    secure: bool
    writes: int | None  # how many there had been when the response started
    text: bytes | None  # what was saved then, of a nested session

    @returns_awaitable
    def send(self, message: Message) -> Any:
        if self.session.accessed or message["type"] not in STARTS:
            return super().send(message)
        self.writes = 0
        return self._send(message)  # nothing to edit, so it goes on as it is

    def edit(self, start: Message) -> None:
        session = self.session
        if session.accessed:
            ours, self.text = self.middleware._saved(session, secure=self.secure)
            headers = _headers.merge_vary(start["headers"], b"Cookie")
            if ours and _headers.get(headers, b"cache-control") is None:
                # RFC 6265 lets caches keep Set-Cookie: one visitor's session would become another's.
                headers = [*headers, (b"cache-control", b"no-store")]
            start["headers"] = [*headers, *ours]
        self.writes = session._writes

    def is_late(self) -> bool:
        """Whether the session has changed since the response started."""
        if self.writes is None:
            return False
        return self.writes != self.session._writes or self.middleware._is_unsaved(self.session, self.text)
