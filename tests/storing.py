"""What the tests of sessions in a store share: a store that notes every operation, and a site that uses it.

The site's clock stands still, and its IDs are `1111...`, `2222...`, so that whole responses can be told beforehand.
"""

import base64
import hashlib
import inspect
import json
from collections.abc import Callable
from typing import Any

from itsdangerous import TimestampSigner
from itsdangerous.encoding import base64_decode, base64_encode

from asgi_middleware.sessions import SessionMiddleware
from asgi_middleware.sessions.stores.memory import MemoryStore

from .apps import body, start
from .asgi import REQUEST, App, Exchange, drive, http, plain

Use = Callable[[Any], Any]
Pairs = list[tuple[str, str]]
Operation = tuple[Any, ...]

SECRET = "the newest key of all, 32 or more"
NOW = 1_700_000_000
BORN = NOW - 5000  # when the session was begun that is there already
TERM = 14 * 24 * 60 * 60
KEPT = f"; path=/; Max-Age={TERM}; httponly; samesite=lax"
GONE = "; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; httponly; samesite=lax"
VARY = ("vary", "Cookie")
NO_STORE = ("cache-control", "no-store")
DELETED = [NO_STORE, ("set-cookie", f"session=null{GONE}"), VARY]

OLD = b"o" * 32  # the ID of the session that is there already
NEW = b"1" * 32  # the first that is drawn
NEXT = b"2" * 32


def key(secret: bytes) -> str:
    return hashlib.sha256(secret).hexdigest()


class Clocked(TimestampSigner):
    """itsdangerous' own, with a clock that stands still, and signatures cut to 16 bytes."""

    now = NOW

    def get_timestamp(self) -> int:
        return self.now

    def get_signature(self, value: str | bytes) -> bytes:
        return base64_encode(base64_decode(super().get_signature(value))[:16])


def cookie(secret: bytes = OLD, lifetime: int | None = None, *, now: int = NOW, name: str = "session") -> str:
    """The value of an ID's cookie, configured from the documentation alone: nothing of the package is used."""
    return signed(secret + (b"" if lifetime is None else b"%d" % lifetime), now=now, name=name)


def signed(data: bytes, *, now: int = NOW, name: str = "session", secret: str = SECRET) -> str:
    salt = f"asgi_middleware.sessions.id:{name}"
    signer = Clocked(secret, salt=salt, sep=".", key_derivation="hmac", digest_method=hashlib.sha256)
    signer.now = now
    return signer.sign(base64.urlsafe_b64encode(data).rstrip(b"=")).decode()


def record(content: dict[str, Any], created: int = BORN, lifetime: int | None = None, subject: Any = None) -> bytes:
    """What is kept of a session."""
    facts = created if lifetime is None and subject is None else [created, lifetime, subject]
    return b"\n".join(json.dumps(part, separators=(",", ":")).encode() for part in (content, facts))


def saved(secret: bytes = OLD, lifetime: int | None = None, attributes: str = KEPT) -> Pairs:
    """All headers of a response that sends this ID."""
    return [NO_STORE, ("set-cookie", f"session={cookie(secret, lifetime)}{attributes}"), VARY]


def sends(*values: str, name: str = "session") -> Pairs:
    """The request's headers with these values of the cookie."""
    return [("cookie", "; ".join(f"{name}={value}" for value in values))] if values else []


class Recorder:
    """Does what `inner` does, and notes it.

    A hook, by the operation's name, comes before it, and may wait or raise; one of `answers` comes between what is done
    and its answer.
    """

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.operations: list[Operation] = []
        self.hooks: dict[str, Callable[[], Any]] = {}
        self.answers: dict[str, Callable[[], Any]] = {}

    async def _do(self, name: str, *args: Any, **options: Any) -> Any:
        self.operations.append((name, *args, *(value for value in options.values() if value is not None)))
        await self._hook(self.hooks, name)
        answer = await getattr(self.inner, name)(*args, **options)
        await self._hook(self.answers, name)
        return answer

    async def _hook(self, hooks: dict[str, Callable[[], Any]], name: str) -> None:
        if name in hooks:
            waited = hooks[name]()
            if inspect.isawaitable(waited):
                await waited

    async def read(self, key: str, *, extend: int | None = None) -> Any:
        return await self._do("read", key, extend=extend)

    async def create(self, key: str, data: bytes, ttl: int) -> Any:
        return await self._do("create", key, data, ttl)

    async def update(self, key: str, data: bytes, ttl: int, *, version: int) -> Any:
        return await self._do("update", key, data, ttl, version=version)

    async def touch(self, key: str, ttl: int) -> Any:
        return await self._do("touch", key, ttl)

    async def delete(self, key: str) -> Any:
        return await self._do("delete", key)

    async def index(self, subject: str, key: str, ttl: int) -> Any:
        return await self._do("index", subject, key, ttl)

    async def keys_of(self, subject: str) -> Any:
        return await self._do("keys_of", subject)

    def took(self) -> list[Operation]:
        """The operations since this was asked last."""
        operations, self.operations = self.operations, []
        return operations

    @property
    def names(self) -> list[str]:
        return [operation[0] for operation in self.operations]


def using(use: Use, key: str = "session") -> App:
    """An app that uses its session, and answers with nothing. `use` may be async."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        result = use(scope[key])
        if inspect.isawaitable(result):
            await result
        await send(start(headers=[]))
        await send(body(b""))

    return app


class Site:
    """Requests to one store, driven by hand. `now` may be moved, for the site and the store alike."""

    def __init__(self, **options: Any) -> None:
        self.now = NOW
        self.memory = MemoryStore(clock=lambda: self.now)
        self.store = Recorder(self.memory)
        self.options = options
        self.drawn = 0

    def token(self, size: int) -> bytes:
        self.drawn += 1
        return b"%d" % self.drawn * size

    def wrap(self, app: App, **options: Any) -> SessionMiddleware:
        common: dict[str, Any] = {"clock": lambda: self.now, "token_bytes": self.token, "store": self.store}
        return SessionMiddleware(app, SECRET, **{**common, **self.options, **options})

    async def put(self, content: dict[str, Any], secret: bytes = OLD, ttl: int = TERM, **facts: Any) -> None:
        """A session that is there already, without a trace of how it came."""
        assert await self.memory.create(key(secret), record(content, **facts), ttl)
        if facts.get("subject") is not None:
            await self.memory.index(facts["subject"], key(secret), ttl)

    def visit(self, use: Use, *values: str, **options: Any) -> Exchange:
        return drive(self.wrap(using(use), **options), http(headers=sends(*values)))

    def content(self, secret: bytes = OLD) -> bytes | None:
        """The record of this ID, as it is in the store."""
        kept = self.memory._kept.get(key(secret))
        return None if kept is None or kept.record is None or kept.expires <= self.now else kept.record.data


def add(session: Any) -> None:
    session["b"] = 2


def owned(session: Any) -> None:
    session.subject = "ada"


def regenerated(session: Any) -> None:
    session.regenerate()


def destroyed(session: Any) -> None:
    session.destroy()


def nothing(session: Any) -> None:
    pass


def read(session: Any) -> None:
    session.get("a")


def both(*uses: Any) -> Use:
    """One after the other."""

    async def use(session: Any) -> None:
        for each in uses:
            result = each(session)
            if inspect.isawaitable(result):
                await result

    return use


async def ask(app: App, scope: dict[str, Any] | None = None) -> Exchange:
    """What `drive` does, from within an event loop."""
    exchange = Exchange(http() if scope is None else scope)

    async def receive() -> Any:
        return REQUEST

    async def send(message: Any) -> None:
        exchange.sent.append(plain(message))

    try:
        await app(exchange.scope, receive, send)
    except Exception as error:
        exchange.error = error
    return exchange
