"""Sessions that are wholly in their cookie, signed or encrypted."""

from typing import Any

from .._types import Header
from . import content
from .keeper import BaseKeeper, is_empty, logger
from .sealing import Opener, Seal
from .session import Facts, Session

# What browsers keep: name, value and attributes together (the smallest of the limits seen).
_LARGEST_COOKIE = 4093  # bytes
# How far another machine's clock may be ahead.
_SKEW = 60  # seconds


class SessionTooLarge(ValueError):
    """The session does not fit into a cookie. `size` and `limit` are the bytes of the whole Set-Cookie value."""

    size: int
    limit: int

    def __init__(self, size: int, limit: int) -> None:
        self.size = size
        self.limit = limit

    def __str__(self) -> str:
        return (
            f"the session's Set-Cookie takes {self.size} bytes and browsers drop it above {self.limit}; "
            "keep less in the session, or keep it in a store"
        )


class CookieKeeper(BaseKeeper):
    """`older` opens what `seal` did not make; that is sealed anew when it is used."""

    def __init__(self, seal: Seal, older: Opener | None, **options: Any) -> None:
        super().__init__(**options)
        self._seal = seal
        self._openers: tuple[Opener, ...] = (seal,) if older is None else (seal, older)

    def load(self, session: Session) -> None:
        """Fill it from the first cookie that was sealed here and is not over, if there is one."""
        for value in self._cookies(session):
            for opener in self._openers:
                opened = opener.open(value)
                if opened is not None and self._take(session, *opened, is_older=opener is not self._seal):
                    return

    def _take(self, session: Session, data: bytes, issued: int, *, is_older: bool) -> bool:
        """Fill it with what was sealed at `issued`; whether that is a session that is not over."""
        unpacked = content.unpack(data)
        if unpacked is None:
            return False
        mapping, text, facts = unpacked
        if facts is None:
            facts = Facts(issued)
        term = self._max_age if facts.lifetime is None else facts.lifetime
        age = self._now() - issued
        if age < -_SKEW or (term is not None and age > term) or self._is_over(facts):
            return False
        if is_older:
            text = content.serialise(mapping)  # in our spelling
        session._owes = "cookie" if is_older or self._is_due(issued, term) else None
        self._adopt(session, mapping, text, facts)
        return True

    def owed(self, session: Session, *, secure: bool) -> list[Header]:
        """Raises SessionTooLarge, and TypeError for what has no JSON form."""
        if session._unsaved or content.is_nested(session):
            self._note_changes(session)
        if session._owes is None or session._kept is None:
            return []
        if session._owes == "deletion":
            return [(b"set-cookie", self._deleted[secure])]
        now = self._now()
        if session._facts.created is None:
            session._facts = Facts(now, session._facts.lifetime, session._facts.subject)
        text, facts = session._kept, session._facts
        data = text if facts == (now, None, None) else content.pack(text, facts)
        cookie = self._set_cookie(self._seal.seal(data, now), facts.lifetime, secure=secure)
        if len(cookie) > _LARGEST_COOKIE:
            raise SessionTooLarge(len(cookie), _LARGEST_COOKIE)
        return [(b"set-cookie", cookie)]

    def _note_changes(self, session: Session) -> None:
        if is_empty(session):
            session._owes = None if session._is_new else "deletion"
        else:
            text = self._text(session)
            is_same = text is None or (text == session._kept and session._facts == session._kept_facts)
            if not is_same or session._forced or session._owes == "deletion":
                session._owes = "cookie"
            if text is not None:
                session._kept, session._kept_facts = text, session._facts
        session._unsaved = session._forced = False

    async def save_now(self, session: Session) -> None:
        if session._started and self.is_unsaved(session):
            raise RuntimeError("the response has started, so the session's cookie cannot reach the client")

    async def finish(self, session: Session) -> None:
        logger.warning("the session was changed after the response had started; the change is lost")

    def id_of(self, session: Session) -> None:
        return None
