"""Session cookies baked by an independent itsdangerous signer, and requests that bring them."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterable
from typing import Any

from itsdangerous import TimestampSigner

from asgi_middleware.sessions import SessionMiddleware

from .apps import body, start
from .asgi import App, Exchange, drive, http

Mapping = dict[str, Any]
Use = Callable[[Any], object]

KEY = "the newest key of all, 32 or more"
OLD = "an older key, also of 32 bytes or more"
NOW = 1_700_000_000
KEPT = "; path=/; Max-Age=1209600; httponly; samesite=lax"
GONE = "; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; httponly; samesite=lax"
VARY = ("vary", "Cookie")
NO_STORE = ("cache-control", "no-store")
DELETED = [NO_STORE, ("set-cookie", f"session=null{GONE}"), VARY]


class Clocked(TimestampSigner):
    """itsdangerous' own, with a clock that stands still."""

    now = NOW

    def get_timestamp(self) -> int:
        return self.now


def signer(key: str | bytes = KEY, name: str = "session", now: int = NOW) -> Clocked:
    """Configured from the documentation alone: nothing of the package is used."""
    made = Clocked(
        key, salt=f"asgi_middleware.sessions:{name}", sep=".", key_derivation="hmac", digest_method=hashlib.sha256
    )
    made.now = now
    return made


def coded(payload: bytes) -> bytes:
    return base64.urlsafe_b64encode(payload).rstrip(b"=")


def signed(payload: bytes, key: str | bytes = KEY, name: str = "session", now: int = NOW) -> str:
    return signer(key, name, now).sign(coded(payload)).decode()


def baked(content: Mapping, key: str | bytes = KEY, name: str = "session", now: int = NOW) -> str:
    """The cookie value that holds `content`."""
    return signed(json.dumps(content, separators=(",", ":")).encode(), key, name, now)


def saved(content: Mapping, attributes: str = KEPT) -> list[tuple[str, str]]:
    """All headers of a response that saved `content`."""
    return [NO_STORE, ("set-cookie", f"session={baked(content)}{attributes}"), VARY]


def using(use: Use, key: str = "session") -> App:
    """An app that uses its session and answers with nothing."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        use(scope[key])
        await send(start(headers=[]))
        await send(body(b""))

    return app


def cookies(*values: str, name: str = "session") -> list[tuple[str, str]]:
    return [("cookie", "; ".join(f"{name}={value}" for value in values))] if values else []


def wrap(app: App, **options: Any) -> SessionMiddleware:
    return SessionMiddleware(app, **{"secret_key": KEY, "clock": lambda: NOW, **options})


def visit(use: Use, *values: str, headers: Iterable[tuple[str, str]] | None = None, **options: Any) -> Exchange:
    """One request with these session cookies (or these headers) whose app uses the session."""
    return drive(wrap(using(use), **options), http(headers=cookies(*values) if headers is None else headers))


def read(*values: str, headers: Iterable[tuple[str, str]] | None = None, **options: Any) -> Mapping:
    """What an app reads; the response must show that it only read."""
    found: list[Any] = []
    exchange = visit(
        lambda session: found.append((session.is_new, session.copy())), *values, headers=headers, **options
    )
    assert exchange.error is None
    assert exchange.headers == [VARY]
    ((is_new, content),) = found
    assert is_new is not bool(content)
    made: Mapping = content
    return made


def add(session: Any) -> object:
    session["a"] = 1
    return session


def storing(content: Mapping) -> Use:
    return lambda session: session.update(content)


def belonging(subject: str | None) -> Use:
    return lambda session: setattr(session, "subject", subject)


def doing(*uses: Use) -> Use:
    return lambda session: [use(session) for use in uses]


def nothing(session: Any) -> None:
    pass


def ior(left: Any, right: Any) -> Any:
    left |= right
    return left


def updated(left: Any, right: Any) -> Any:
    left.update(right)
    return left


def writing_before(app: App, use: Use) -> App:
    async def first(scope: Any, receive: Any, send: Any) -> None:
        use(scope["session"])
        await app(scope, receive, send)

    return first
