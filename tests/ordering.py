"""What the stacks of `test_stack_order_bugs` are made of: backends, stores, sinks and others' middlewares."""

import logging
from typing import Any

from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from asgi_middleware.auth import RequireScopes, User
from asgi_middleware.sessions.stores.memory import MemoryStore

from .browser_model import A
from .storing import NOW, SECRET


class ByHeader:
    """A backend: whoever gives a name in this header is that user."""

    def __init__(self, header: bytes) -> None:
        self.header = header

    async def identify(self, scope: Any) -> User | None:
        name = dict(scope["headers"]).get(self.header)
        return None if name is None else User(name.decode(), scheme="Name", scopes=("read",))


class Broken(ByHeader):
    async def identify(self, scope: Any) -> User | None:
        raise LookupError("the database is down")


class InSession(AuthenticationBackend):
    """A backend by Starlette's contract, which looks into Starlette's session."""

    async def authenticate(self, conn: Any) -> Any:
        return AuthCredentials(["read"]), SimpleUser(conn.session.get("user", "nobody"))


class Slow(MemoryStore):
    """A store that takes a quarter of a second, on `clock`."""

    now = 0.0

    async def read(self, key: str, *, extend: int | None = None) -> Any:
        self.now += 0.25
        return await super().read(key, extend=extend)

    def clock(self) -> float:
        return self.now


class Down(MemoryStore):
    async def read(self, key: str, *, extend: int | None = None) -> Any:
        raise OSError("down")


RECORDS: list[Any] = []


class Keeps:
    """A sink that keeps what it is told."""

    def ended(self, record: Any) -> None:
        RECORDS.append(record)


class Passes(BaseHTTPMiddleware):
    async def dispatch(self, request: Any, call_next: Any) -> Any:
        return await call_next(request)


class Logs(BaseHTTPMiddleware):
    """Logs a line when the response has started."""

    async def dispatch(self, request: Any, call_next: Any) -> Any:
        response = await call_next(request)
        logging.getLogger("asgi_middleware.sessions").warning("answered")
        return response


def sessions(**options: Any) -> Any:
    return "sessions", {"secret_key": SECRET, "clock": lambda: NOW, **options}


def auth(*backends: Any, **options: Any) -> Any:
    return "auth", {"backend": list(backends), **options}


CORS = ("cors", {"allow_origins": [A]})
NAMED = ByHeader(b"x-name")
USERS = auth({"use": "session"})
SCOPES = (RequireScopes, {"scopes": ["read"]})
HOSTS = (TrustedHostMiddleware, {"allowed_hosts": ["api.example"]})
SLOW = Slow()
LIMIT = {"use": "starlette.middleware.body_limit:RequestBodyLimitMiddleware", "max_body_size": 3}
