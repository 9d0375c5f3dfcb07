"""Sessions in a store, whose cookie holds no more than their ID.

The ID is 256 random bits, signed, so that an invented one costs no trip to the store. The store knows a session by the
SHA-256 of its ID: who reads the store can take over no session. What happens to a session when its response starts:

    what was done to it          in the store                           the cookie
    nothing, or reading          nothing                                stays; in a new term, is sent again
    written, and new             create                                 is sent
    written                      update, of the version that was read   is sent again
      another request was first  read, merge by key, update again       is sent again
      it was destroyed meanwhile nothing: it stays destroyed            stays
    regenerated                  delete, and if it was there, create    is sent, with a new ID
    destroyed, or emptied        delete                                 is deleted, if it was there

What is known of a session, in `Session`: `_key` is the record that it has in the store, None if it has none; `_secret`
the ID that the cookie has or will have; `_kept` the content that was last read or saved, from which a merge starts;
`_version` that of the record, None if it has to be read again; `_ending` why its record goes when it is saved next;
`_unsaved` and `_forced` whether there is anything to save; `_owes` what the response has to send.

A regenerated session goes on with what this request read and wrote: what another one saves under the old ID until that
is deleted goes with it. If the store fails between the two, the session is lost, and its user has to log in once more.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any, Literal, NamedTuple, TypeVar

from .._types import Header
from . import content
from .keeper import BaseKeeper, forget, is_empty, logger
from .sealing import Signer
from .session import Facts, Session
from .stores import IndexedStore, Record, Store

_Result = TypeVar("_Result")

_ID = 32  # bytes
# How long a session is kept whose cookie ends with the browser, of which nobody hears.
_WITHOUT_MAX_AGE = 14 * 24 * 60 * 60  # seconds
# How often a session is merged with what others wrote meanwhile.
_TRIES = 3


class SessionConflict(RuntimeError):
    """The session was not saved: others changed it again and again meanwhile."""


class _TooLate(RuntimeError):
    """A session cannot begin any more: its cookie would not reach the client."""


class StoreKeeper(BaseKeeper):
    def __init__(
        self,
        store: Store,
        signer: Signer,
        *,
        on_store_error: Literal["raise", "empty"],
        store_timeout: float,
        token_bytes: Callable[[int], bytes],
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._store = store
        self._indexed = store if isinstance(store, IndexedStore) else None
        self._signer = signer
        self._fails_empty = on_store_error == "empty"
        self._timeout = store_timeout
        self._token_bytes = token_bytes
        # The sessions that are being saved just now, by `id()`, and the event that others wait for, if they do.
        self._saving: dict[int, Any] = {}

    async def begin(self, session: Session) -> None:
        """Read the record of the first ID in the cookies that was issued here, if there is one."""
        found = next(filter(None, map(self._signer.open, self._cookies(session))), None)
        if found is None:
            return
        data, issued = found
        secret, lifetime = data[:_ID], data[_ID:] or b"0"
        if len(secret) < _ID or not lifetime.isdigit():
            return  # signed with our key, but not by us
        key, term = _key_of(secret), self._term(int(lifetime))
        due = self._is_due(issued, term)
        try:
            record = await self._do(self._store.read(key, extend=term if due else None))
            if record is not None and due:
                await self._extend(key, record, term)
        except Exception as error:
            if not self._fails_empty:
                raise
            # Not its text: that of a database may show what was in the statement.
            logger.error("the session store failed (%s): this request's session is empty", type(error).__name__)
            session._unsavable = True
            return
        if record is not None:
            session._secret, session._key, session._record = secret, key, record
            session._owes = "cookie" if due else None

    async def _extend(self, key: str, record: Record, term: int) -> None:
        """Do the rest for a record that was read, and extended by `term`, before it was known what it says."""
        unpacked = _unpack(record)
        if unpacked is not None:
            ttl = self._ttl(unpacked[2])
            await self._index(key, unpacked[2])
            if ttl != term:
                await self._do(self._store.touch(key, ttl))

    def load(self, session: Session) -> None:
        record, session._record = session._record, None
        if record is None:
            return
        unpacked = _unpack(record)
        if unpacked is None:
            logger.error("the record of session %s is not one of ours: no session", session._key)
        if unpacked is None or self._is_over(unpacked[2]):
            forget(session)
            return
        session._version = record.version
        self._adopt(session, *unpacked)

    def is_unsaved(self, session: Session) -> bool:
        return id(session) in self._saving or super().is_unsaved(session)

    def id_of(self, session: Session) -> str:
        if session._key is not None and session._ending is None:
            return session._key
        if session._secret is None:
            session._secret = self._token_bytes(_ID)
        return _key_of(session._secret)

    def owed(self, session: Session, *, secure: bool) -> list[Header]:
        if session._owes == "deletion":
            return [(b"set-cookie", self._deleted[secure])]
        if session._owes is None or session._secret is None:
            return []
        lifetime = session._facts.lifetime
        data = session._secret if lifetime is None else session._secret + b"%d" % lifetime
        value = self._signer.seal(data, self._now())
        return [(b"set-cookie", self._set_cookie(value, lifetime, secure=secure))]

    async def save_now(self, session: Session) -> None:
        if self.is_unsaved(session):
            await self.save(session)
        elif self._rolling and session._key is not None:
            await self._index(session._key, session._facts)
            if await self._do(self._store.touch(session._key, self._ttl(session._facts))):
                session._owes = "cookie"
            else:
                _lose(session)

    async def finish(self, session: Session) -> None:
        session._started = True  # or it never will: no cookie reaches the client from here on
        try:
            await self.save(session)
        except _TooLate:
            logger.warning("a session was begun after the response had started; it is lost")

    async def finish_beside_error(self, session: Session) -> None:
        """The same for an application that has raised: its exception is the one that travels on."""
        try:
            if self.is_unsaved(session):
                await self.finish(session)
        except Exception as error:  # noqa: BLE001  # whatever a store raises
            logger.error("the session was not saved after the application had failed (%s)", type(error).__name__)

    async def save(self, session: Session) -> None:
        """Bring the store up to date, and note which cookie the response owes. Raises what the store raises.

        Once at a time: tasks of one request may save the session that they share.
        """
        this = id(session)
        while this in self._saving:
            import anyio

            self._saving[this] = ended = self._saving[this] or anyio.Event()
            await ended.wait()
        self._saving[this] = None
        forced = session._forced
        session._unsaved = session._forced = False  # what is written from here on is for the next time
        try:
            await self._save(session, forced=forced)
        except BaseException:
            session._unsaved, session._forced = True, session._forced or forced
            raise
        finally:
            awaited = self._saving.pop(this)
            if awaited is not None:
                awaited.set()

    async def _save(self, session: Session, *, forced: bool) -> None:
        if session._unsavable:
            raise RuntimeError("the session store could not be read, so nothing is saved to this request's session")
        # First, so that what has no JSON form ends nothing.
        text = None if is_empty(session) else self._text(session)
        await self._end(session)
        if text is None or is_empty(session):
            return
        if session._key is None:
            await self._create(session, text)
        elif forced or text != session._kept or session._facts != session._kept_facts:
            await self._update(session, session._key, text)

    async def _end(self, session: Session) -> None:
        """Take its record from the store, if it was destroyed, emptied or regenerated."""
        ending = "destroy" if is_empty(session) else session._ending
        if ending is not None and session._key is not None:
            was_there = await self._do(self._store.delete(session._key))
            session._key = session._kept = session._version = None
            if session._ending is None:  # emptied: its ID is not used again
                session._secret = None
            session._owes = "deletion" if was_there else None
            if ending == "regenerate" and not was_there:
                _lose(session)
        session._ending = None

    async def _create(self, session: Session, text: bytes) -> None:
        if session._started:
            raise _TooLate("the response has started, so the cookie of a new session cannot reach the client")
        facts = session._facts._replace(created=self._now())
        for _ in range(_TRIES):
            key = self.id_of(session)
            await self._index(key, facts)
            if await self._do(self._store.create(key, content.pack(text, facts), self._ttl(facts))):
                _note_saved(session, key, text, facts)
                return
            session._secret = None
        raise SessionConflict("every new ID was taken already")

    async def _update(self, session: Session, key: str, text: bytes) -> None:
        # Whatever comes of it, afterwards the record has a version that is not known.
        version, session._version = session._version, None
        for _ in range(_TRIES):
            if version is None:
                record = await self._do(self._store.read(key))
                if record is None:
                    break
                if session._ending is not None:
                    return  # by another task of this request, while the store answered: the next save sees to it
                version, text = record.version, _merge(session, record, text)
            facts = session._facts
            await self._index(key, facts)
            data = content.pack(text, facts)
            answer = await self._do(self._store.update(key, data, self._ttl(facts), version=version))
            if answer == "ok":
                _note_saved(session, key, text, facts)
                return
            if answer == "gone":
                break
            version = None
        else:
            raise SessionConflict(f"others changed it meanwhile, {_TRIES} times")
        _lose(session)

    async def _index(self, key: str, facts: Facts) -> None:
        if facts.subject is not None and self._indexed is not None:
            await self._do(self._indexed.index(facts.subject, key, self._ttl(facts)))

    async def _do(self, operation: Awaitable[_Result]) -> _Result:
        """One trip to the store, for as long as it may take. Raises TimeoutError, and what the store raises."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return await self._do_elsewhere(operation)
        async with asyncio.timeout(self._timeout):  # at a quarter of the cost of anyio's
            return await operation

    async def _do_elsewhere(self, operation: Awaitable[_Result]) -> _Result:
        import anyio  # here, not above: importing a middleware imports no third party

        try:
            anyio.current_time()
        except RuntimeError:  # driven by hand: nobody keeps the time
            return await operation
        with anyio.fail_after(self._timeout):
            return await operation

    def _term(self, lifetime: int | None) -> int:
        return lifetime or self._max_age or _WITHOUT_MAX_AGE

    def _ttl(self, facts: Facts) -> int:
        """For how long the store is to keep it, in seconds."""
        term = self._term(facts.lifetime)
        if self._absolute_timeout is None or facts.created is None:
            return term
        return max(1, min(term, facts.created + self._absolute_timeout - self._now()))


class StoredSession(NamedTuple):
    """One session of a subject. `id` is that of `Session.id`, `created` in seconds since the epoch."""

    id: str
    created: int
    content: dict[str, Any]


async def sessions_of(store: IndexedStore, subject: str) -> list[StoredSession]:
    """The sessions of `subject`, oldest first. Raises what the store raises."""
    found: list[StoredSession] = []
    for key in await store.keys_of(subject):
        record = await store.read(key)
        unpacked = None if record is None else _unpack(record)
        if unpacked is not None and unpacked[2].subject == subject:
            found.append(StoredSession(key, unpacked[2].created or 0, unpacked[0]))
    return sorted(found, key=lambda session: (session.created, session.id))


async def revoke_all(store: IndexedStore, subject: str, keep: Session | str | None = None) -> int:
    """Log `subject` out everywhere but in `keep`, a session or its `id`; how many sessions that were.

    Of a session that this request has given a new ID, pass the session itself: it is under its old ID until it is
    saved. Raises what the store raises; then some sessions may be left.
    """
    kept = {keep.id, keep._key} if isinstance(keep, Session) else {keep}
    count = 0
    for key in await store.keys_of(subject):
        if key not in kept and await store.delete(key):
            count += 1
    return count


def _key_of(secret: bytes) -> str:
    return hashlib.sha256(secret).hexdigest()


def _unpack(record: Record) -> tuple[dict[str, Any], bytes, Facts] | None:
    unpacked = content.unpack(record.data)
    if unpacked is None or unpacked[2] is None:
        return None
    return unpacked[0], unpacked[1], unpacked[2]


def _merge(session: Session, record: Record, text: bytes) -> bytes:
    """Bring into the session what others saved since it was loaded, by top-level key: ours wins where both changed."""
    unpacked = _unpack(record)
    if unpacked is None or session._kept is None:
        return text
    theirs, their_text, their_facts = unpacked
    merged = content.merge(session._kept, dict.copy(session), theirs)
    dict.clear(session)
    dict.update(session, merged)
    ours, before = session._facts, session._kept_facts
    session._facts = their_facts._replace(
        subject=their_facts.subject if ours.subject == before.subject else ours.subject,
        lifetime=their_facts.lifetime if ours.lifetime == before.lifetime else ours.lifetime,
    )
    session._kept, session._kept_facts = their_text, their_facts
    return content.serialise(merged)


def _note_saved(session: Session, key: str, text: bytes, facts: Facts) -> None:
    session._key, session._kept, session._kept_facts = key, text, facts
    session._facts = session._facts._replace(created=facts.created)
    session._owes = "cookie"


def _lose(session: Session) -> None:
    """It was destroyed meanwhile, and stays so: nothing of it goes into a session that may be begun hereafter."""
    logger.warning("a session was destroyed while a request was changing it; the change is dropped")
    forget(session)
