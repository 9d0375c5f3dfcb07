"""What keeps the sessions of one middleware, with and without a store: their terms, and their cookies."""

import inspect
import logging
from collections.abc import Callable
from typing import Any

from .. import _cookies, _headers
from .._types import Scope
from . import content
from .session import Facts, Session

logger = logging.getLogger("asgi_middleware.sessions")

# A term begins again when this part of it has passed, the tenth, and not with every response.
_REFRESHED_AFTER = 10


class BaseKeeper:
    """Has the options of `SessionMiddleware`. `attributes`: what stands behind a cookie's value, see `_cookies`."""

    def __init__(
        self,
        *,
        name: str,
        max_age: int | None,
        rolling: bool,
        absolute_timeout: int | None,
        validate: Callable[[Session, Scope], object] | None,
        attributes: Callable[..., str],
        clock: Callable[[], float],
    ) -> None:
        self._name = name.encode()
        self._validate = validate
        self._max_age = max_age
        self._rolling = rolling
        self._absolute_timeout = absolute_timeout
        self._clock = clock
        self._attributes = attributes
        # What stands behind the value, by whether the connection is secure.
        self._behind = {secure: attributes(secure=secure, max_age=max_age).encode() for secure in (False, True)}
        self._deleted = {
            secure: self._name + b"=null" + attributes(secure=secure, max_age=None, delete=True).encode()
            for secure in (False, True)
        }

    def is_unsaved(self, session: Session) -> bool:
        """Whether it was changed since it was loaded or saved."""
        if session._unsaved or session._kept is None or not content.is_nested(session):
            return session._unsaved
        try:
            return self._text(session) not in (None, session._kept)
        except TypeError:  # what has no JSON form was not there when it was loaded
            return True

    def _text(self, session: Session) -> bytes | None:
        """Its content as text; None if it is too deep to be compared, and was only read. Raises TypeError."""
        try:
            return content.serialise(dict.copy(session))
        except TypeError as error:
            if isinstance(error.__cause__, RecursionError) and not session.modified:
                return None
            raise

    def _adopt(self, session: Session, mapping: dict[str, Any], text: bytes, facts: Facts) -> None:
        """Make this the session that came with the request."""
        dict.update(session, mapping)
        session._is_new = False
        session._kept, session._facts, session._kept_facts = text, facts, facts
        if self._validate is not None:
            scope, session._scope = session._scope, None
            answer = self._validate(session, scope)
            if inspect.isawaitable(answer):  # which would be true of every session
                raise TypeError("`validate` must answer at once, and gave something to await")
            if not answer:
                session.destroy()

    def _cookies(self, session: Session) -> list[bytes]:
        """The values of our cookie in the request."""
        headers, session._headers = session._headers, None
        # HTTP/2 may split the field (RFC 9113, 8.2.3).
        return _cookies.candidates(b"; ".join(_headers.get_all(headers or (), b"cookie")), self._name)

    def _now(self) -> int:
        return int(self._clock())

    def _is_over(self, facts: Facts) -> bool:
        """Whether its absolute limit has passed."""
        limit, created = self._absolute_timeout, facts.created
        return limit is not None and created is not None and self._now() - created > limit

    def _is_due(self, issued: int, term: int | None) -> bool:
        """Whether a session that is used now begins a new term."""
        return self._rolling and term is not None and self._now() - issued > term / _REFRESHED_AFTER

    def _set_cookie(self, value: bytes, lifetime: int | None, *, secure: bool) -> bytes:
        """The whole value of Set-Cookie. `lifetime`: the session's own, if it has one."""
        behind = self._behind[secure]
        if lifetime is not None:
            behind = self._attributes(secure=secure, max_age=lifetime).encode()
        return self._name + b"=" + value + behind


def is_empty(session: Session) -> bool:
    """Whether there is nothing to keep."""
    return not dict.__len__(session) and session._facts.subject is None


def forget(session: Session) -> None:
    """From here on it is as if none had come with the request."""
    dict.clear(session)
    session._is_new = True
    session._facts = session._kept_facts = Facts()
    session._kept = session._secret = session._key = session._version = session._owes = session._ending = None
