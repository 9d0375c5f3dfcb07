"""`Session`: a dict that knows whether it was read or changed, and is loaded when it is first used."""

from collections.abc import Callable, ItemsView, Iterator, KeysView, ValuesView
from typing import Any

# Held by a session that is not loaded: C code such as json's looks at the stored size before it asks for the items,
# and would take an unloaded session for an empty one.
_UNLOADED = {"(not loaded)": None}


class SessionTooLarge(ValueError):
    """The session does not fit into a cookie. `size` and `limit` are the bytes of the whole Set-Cookie value."""

    size: int
    limit: int

    def __init__(self, size: int, limit: int) -> None:
        self.size = size
        self.limit = limit
        super().__init__(size, limit)

    def __str__(self) -> str:
        return (
            f"the session's Set-Cookie takes {self.size} bytes and browsers drop it above {self.limit}; "
            "keep less in the session"
        )


def _nothing() -> None:
    """What a request without a cookie has to load."""


class Session(dict[str, Any]):
    """What `scope["session"]` holds; made on its own, `Session(mapping)`, it is a dict that tracks its use.

    - `accessed`: it was used in any way. Inside a request reading counts, on its own only writing does.
    - `modified`: it was changed.
    - `is_new`: it did not come from a cookie. Asking loads it.

    All of dict's methods are written out, because C code that is handed a dict does not call `__getitem__`.
    """

    # Of the class, so that a request that leaves its session alone pays for none of them.
    accessed = False
    modified = False
    _bound = False
    _forced = False
    _is_new = True
    _writes = 0
    _load: Callable[[], tuple[dict[str, Any], bytes] | None] | None = None
    _stored: bytes | None = None  # the serialised form it was loaded from

    @classmethod
    def _of_request(cls, load: Callable[[], tuple[dict[str, Any], bytes] | None] | None) -> "Session":
        """The session of a request. `load` gives its content and serialised form, or None if there is none."""
        session = cls(_UNLOADED)
        session._load = _nothing if load is None else load
        return session

    def _reading(self) -> None:
        if self._load is not None:
            load, self._load = self._load, None
            self._bound = True
            dict.clear(self)
            found = load()
            if found is not None:
                self._is_new = False
                self._stored = found[1]
                dict.update(self, found[0])
        if self._bound:
            self.accessed = True

    def _writing(self) -> None:
        self._reading()
        self._writes += 1
        self.accessed = True
        self.modified = True

    @property
    def is_new(self) -> bool:
        self._reading()
        return self._is_new

    def mark_accessed(self) -> None:
        """Count as read: Starlette's `request.session` calls this."""
        self._reading()
        self.accessed = True

    def mark_modified(self) -> None:
        """Count as changed, and be sent again even if the content is the same."""
        self._writing()
        self._forced = True

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
        self._writing()
        super().clear()

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
