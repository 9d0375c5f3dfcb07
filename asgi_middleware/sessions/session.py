"""`Session`: a dict that knows whether it was read or changed, and is loaded when it is first used."""

from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from typing import Any, Literal, NamedTuple, Protocol

from .._types import Header

# Held by a session that is not loaded: C code such as json's looks at the stored size before it asks for the items,
# and would take an unloaded session for an empty one.
_UNLOADED = {"(not loaded)": None}


class Facts(NamedTuple):
    """What is kept with a session besides its content."""

    created: int | None = None  # seconds since the epoch; None until it is first saved
    lifetime: int | None = None  # seconds, in place of the middleware's `max_age`
    subject: str | None = None  # whose session it is


class Keeper(Protocol):
    """What keeps the sessions of one middleware: in their cookies, or in a store."""

    def load(self, session: "Session") -> None:
        """Fill it with what came with the request."""

    def owed(self, session: "Session", *, secure: bool) -> list[Header]:
        """The Set-Cookie that the response owes to it, if any."""
        ...

    def is_unsaved(self, session: "Session") -> bool:
        """Whether it was changed since it was loaded or saved."""
        ...

    async def finish(self, session: "Session") -> None:
        """What is left to do for one that was changed after its response had started."""

    def id_of(self, session: "Session") -> str | None:
        """See `Session.id`."""

    async def save_now(self, session: "Session") -> None:
        """See `Session.save`."""


class Session(dict[str, Any]):
    """What `scope["session"]` holds; made on its own, `Session(mapping)`, it is a dict that tracks its use.

    - `accessed`: it was used in any way. Inside a request reading counts, on its own only writing does.
    - `modified`: it was changed.
    - `is_new`, `created`, `subject`, `id`: see there. Asking loads it.
    - `regenerate()`, `destroy()`, `set_expiry(seconds)`, `mark_modified()`, `await save()`.

    All of dict's methods are written out, because C code that is handed a dict does not call `__getitem__`.
    """

    # Of the class, so that a request that leaves its session alone pays for none of them.
    accessed = False
    modified = False
    _keeper: Keeper | None = None  # None for one made on its own
    _headers: Any = None  # the request's
    _scope: Any = None  # the request's, where somebody validates sessions
    _loaded = False
    _started = False  # whether the response has
    _is_new = True
    _unsaved = False  # whether it was written to since it was loaded or saved
    _forced = False  # whether it is to be sent and stored even if it is the same
    _facts = Facts()
    _owes: Literal["cookie", "deletion"] | None = None  # what the response has to send, as far as that is known
    # What is kept of it, until it is saved again; and whether that goes then.
    _kept: bytes | None = None  # the content's JSON text
    _kept_facts = Facts()
    _ending: Literal["regenerate", "destroy"] | None = None
    # Of one in a store:
    _secret: bytes | None = None  # its ID
    _key: str | None = None  # of its record, if there is one
    _record: Any = None  # until it is loaded
    _version: int | None = None  # of the record, if it is known
    _unsavable = False  # the store could not be read

    @classmethod
    def _of_request(cls, keeper: Keeper, headers: Any) -> "Session":
        session = cls(_UNLOADED)
        session._keeper = keeper
        session._headers = headers
        return session

    def _reading(self) -> None:
        keeper = self._keeper
        if keeper is not None:
            self.accessed = True
            if not self._loaded:
                self._load(keeper)

    def _load(self, keeper: Keeper) -> None:
        """If `validate` raises, nothing was loaded: whoever uses the session then hears of it, and reads nothing."""
        before = dict(self.__dict__)
        self._loaded = True  # for `validate`, which reads it
        dict.clear(self)
        try:
            keeper.load(self)
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            dict.clear(self)
            dict.update(self, _UNLOADED)
            raise

    def _writing(self) -> None:
        self._reading()
        self.accessed = True
        self.modified = True
        self._unsaved = True

    @property
    def is_new(self) -> bool:
        """Whether it did not come with the request."""
        self._reading()
        return self._is_new

    @property
    def created(self) -> int | None:
        """When it was first saved, or last given a new ID: seconds since the epoch. None for one not saved yet."""
        self._reading()
        return self._facts.created

    @property
    def id(self) -> str | None:
        """What the store knows it by: 64 hexadecimal digits, safe to show and to log. None without a store.

        It is the SHA-256 of the ID in the cookie, which is secret.
        """
        self._reading()
        return None if self._keeper is None else self._keeper.id_of(self)

    @property
    def subject(self) -> str | None:
        """Whose session it is: an identity such as "user-1". A store finds all sessions of one subject by it.

        Setting another one in place of a first, or None, gives the session a new ID; the first one leaves it, so
        `regenerate()` before. Clearing the session takes the subject off.
        """
        self._reading()
        return self._facts.subject

    @subject.setter
    def subject(self, value: str | None) -> None:
        if value is not None and not (isinstance(value, str) and value):
            raise TypeError("a session's subject is text that is not empty, or None")
        before = self.subject
        if value == before:
            return
        if not {before, self._kept_facts.subject} <= {None, value}:
            self.regenerate()  # or it would be found under both
        self._writing()
        self._facts = self._facts._replace(subject=value)

    def mark_accessed(self) -> None:
        """Count as read: Starlette's `request.session` calls this."""
        self._reading()
        self.accessed = True

    def mark_modified(self) -> None:
        """Count as changed, and be sent again even if the content is the same."""
        self._writing()
        self._forced = True

    def regenerate(self) -> None:
        """Give it a new ID and a new `created`, keep its content, and make the old ID worthless.

        For every change of privilege, a login above all: an ID that somebody else has planted or seen is then of no
        use. If the old one was destroyed meanwhile, it stays destroyed and nothing is saved. In cookie mode there is no
        ID: the cookie is sent again, and the old one can still be replayed. Raises RuntimeError once the response has
        started, because the new ID could not reach the client.
        """
        if self._started:
            raise RuntimeError("a session is regenerated before the response starts: its new ID travels with it")
        self._writing()
        self._forced = True
        self._facts = self._facts._replace(created=None)
        if self._ending is None:
            self._ending = "regenerate"
            self._secret = None

    def destroy(self) -> None:
        """Log out: forget the content, delete the cookie, and take the record from the store.

        What is written afterwards begins a new session. In cookie mode a copy of the cookie can still be replayed.
        """
        self._writing()
        super().clear()
        self._facts = Facts()
        self._ending = "destroy"
        self._secret = None

    def set_expiry(self, seconds: int | None) -> None:
        """Let this session live for so many seconds from its last change; None for the middleware's `max_age`."""
        if seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, int) or seconds < 1):
            raise ValueError("a session's expiry is a whole number of seconds, one or more, or None")
        self._writing()
        self._facts = self._facts._replace(lifetime=seconds)

    async def save(self) -> None:
        """Save it now, from within a long response or WebSocket; otherwise it is saved by itself.

        In a rolling session it also begins a new term. Raises what the store raises, TypeError for what has no JSON
        form, and RuntimeError where it would be in vain: for one that nobody keeps, and, once the response has
        started, in cookie mode or for a new session, whose cookie cannot reach the client.
        """
        if self._keeper is None:
            raise RuntimeError("this session was made on its own, so there is nowhere to save it")
        self._reading()
        await self._keeper.save_now(self)

    def __getitem__(self, key: str) -> Any:
        self._reading()
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self._reading()
        return super().__contains__(key)

    def __iter__(self) -> Iterator[str]:
        self._reading()
        return super().__iter__()

    def __reversed__(self) -> Iterator[str]:
        self._reading()
        return super().__reversed__()

    def __len__(self) -> int:
        self._reading()
        return super().__len__()

    def __eq__(self, other: object) -> bool:
        self._reading()
        if isinstance(other, Session):
            other._reading()
        return super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # pyright: ignore[reportAssignmentType]  # as dict: what changes has no hash

    def __repr__(self) -> str:
        self._reading()
        return super().__repr__()

    def __or__(self, other: Any) -> Any:
        self._reading()
        return super().__or__(other)

    def __ror__(self, other: Any) -> Any:
        self._reading()
        return super().__ror__(other)

    def __reduce_ex__(self, protocol: Any) -> tuple[type, tuple[dict[str, Any]]]:
        return dict, (self.copy(),)

    def get(self, key: str, default: Any = None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]  # dict's overloads in one
        self._reading()
        return super().get(key, default)

    def keys(self) -> KeysView[str]:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]  # dict_keys is private
        self._reading()
        return super().keys()

    def values(self) -> ValuesView[Any]:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]  # likewise
        self._reading()
        return super().values()

    def items(self) -> ItemsView[str, Any]:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]  # likewise
        self._reading()
        return super().items()

    def copy(self) -> dict[str, Any]:
        """A plain dict."""
        self._reading()
        return super().copy()

    def __setitem__(self, key: str, value: Any) -> None:
        self._writing()
        super().__setitem__(key, value)

    def __delitem__(self, key: str) -> None:
        self._reading()
        super().__delitem__(key)
        self._writing()

    def __ior__(self, other: Any) -> "Session":  # type: ignore[override]  # dict's own overloads say less
        self._writing()
        super().update(other)
        return self

    def clear(self) -> None:
        """Forget the content, whose session it is, and its own expiry. An empty session is not kept.

        One that was somebody's gets a new ID, unless the response has started.
        """
        if not self._started:
            self.subject = None
        self._writing()
        super().clear()
        self._facts = Facts(created=self._facts.created)

    def pop(self, key: str, *default: Any) -> Any:
        self._reading()
        if super().__contains__(key):
            self._writing()
        return super().pop(key, *default)

    def popitem(self) -> tuple[str, Any]:
        self._reading()
        item = super().popitem()
        self._writing()
        return item

    def setdefault(self, key: str, default: Any = None) -> Any:
        self._reading()
        if not super().__contains__(key):
            self._writing()
        return super().setdefault(key, default)

    def update(self, /, *args: Any, **kwargs: Any) -> None:
        self._writing()
        super().update(*args, **kwargs)
