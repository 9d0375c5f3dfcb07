"""Stores: where sessions are kept when the cookie holds no more than their ID.

    SessionMiddleware(app, secret_key, store=SQLiteStore("sessions.db"))
    SessionMiddleware(app, secret_key, store="redis://localhost:6379/0")    # made, and closed, by the middleware

    store                 how far it reaches                     extra     as a URL
    MemoryStore()         one process, gone with it              none      memory:
    SQLiteStore(path)     the processes of one machine           none      sqlite:///sessions.db, in the working folder,
                                                                           or sqlite:////var/lib/sessions.db
    RedisStore(client)    many machines; Redis or Valkey, or     redis     redis://host:6379/0, rediss://...
                          their cluster
    SQLAlchemyStore(...)  many machines; PostgreSQL              sql       postgresql+asyncpg://user@host/name

`from asgi_middleware.sessions.stores import RedisStore`, and likewise the others; each has its manual in a module of
its own: memory, sqlite, redis, sql.

A store of your own is a class with the methods of `Store`; `asgi_middleware.sessions.testing` holds the tests that it
has to pass. A store sees neither the IDs that browsers hold nor the objects in a session: keys are SHA-256 digests in
hexadecimal, data are bytes, and nothing is ever unpickled.
"""

import importlib
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, runtime_checkable

from ...exceptions import ConfigError, Problem

if TYPE_CHECKING:
    from .memory import MemoryStore
    from .redis import RedisStore
    from .sql import SQLAlchemyStore
    from .sqlite import SQLiteStore

__all__ = [
    "IndexedStore",
    "MemoryStore",
    "Record",
    "RedisStore",
    "SQLAlchemyStore",
    "SQLiteStore",
    "Store",
    "Updated",
    "from_url",
]

Updated = Literal["ok", "gone", "conflict"]


# The modules of the stores, each imported when its store is asked for.
_MODULES = {"MemoryStore": "memory", "RedisStore": "redis", "SQLAlchemyStore": "sql", "SQLiteStore": "sqlite"}
_SCHEMES = {
    "memory": "MemoryStore",
    "sqlite": "SQLiteStore",
    "redis": "RedisStore",
    "rediss": "RedisStore",
    "unix": "RedisStore",
    "postgresql+asyncpg": "SQLAlchemyStore",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_MODULES[name]}", __name__), name)


def from_url(url: str) -> Any:
    """The store that a URL names. It opens nothing until it is used. Raises ConfigError, and MissingExtra."""
    scheme, colon, _ = url.partition(":")
    if not colon or scheme not in _SCHEMES:
        seen = scheme + colon  # the rest may hold a password
        known = ", ".join(f"{name}:" for name in _SCHEMES)
        remedy = "did you mean postgresql+asyncpg?" if scheme.startswith("postgres") else f"use one of {known}"
        raise ConfigError("store", [Problem("store", repr(seen), "is the scheme of no store", remedy)])
    return __getattr__(_SCHEMES[scheme]).from_url(url)


class Record(NamedTuple):
    """What `read` finds. `version` changes with every update; only `update` looks at it."""

    data: bytes
    version: int


@runtime_checkable
class Store(Protocol):
    """What `SessionMiddleware` asks of a store. Every operation is atomic and concerns one key.

    `key` is 64 hexadecimal digits, `ttl` whole seconds, one or more. What has expired is as if it had been deleted.
    What a store cannot do it raises, whatever the exception; it returns only what is certain.

    A store may also have `async purge() -> int`, which removes what has expired and says how many records that were,
    and `async aclose()`, which lets go of the files, threads and connections that the store itself has opened, and may
    be called twice.
    """

    async def read(self, key: str, *, extend: int | None = None) -> Record | None:
        """The record, or None. With `extend` it lives for so many seconds from now."""
        ...

    async def create(self, key: str, data: bytes, ttl: int) -> bool:
        """Keep a new record. False, and nothing is changed, if there is one of this key."""
        ...

    async def update(self, key: str, data: bytes, ttl: int, *, version: int) -> Updated:
        """Replace a record that is still of this version: "ok".

        "gone": there is none, and none is created, so that whoever was logged out stays so. "conflict": somebody
        updated it meanwhile, and nothing is changed.
        """
        ...

    async def touch(self, key: str, ttl: int) -> bool:
        """Let it live for `ttl` seconds from now. False, and none is created, if there is none."""
        ...

    async def delete(self, key: str) -> bool:
        """Remove it, at once and for everybody. False if there was none."""
        ...


@runtime_checkable
class IndexedStore(Store, Protocol):
    """A store that can also find all sessions of one subject, to list them or to log them out everywhere."""

    async def index(self, subject: str, key: str, ttl: int) -> None:
        """Remember for `ttl` seconds or longer that `key` belongs to `subject`.

        Comes before the record itself, and again whenever that is extended.
        """
        ...

    async def keys_of(self, subject: str) -> list[str]:
        """All keys that belong to `subject`; some may have no record, in any order, none twice."""
        ...
