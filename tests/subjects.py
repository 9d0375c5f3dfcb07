"""Every middleware in every class of configuration, as the contract suite sees it: a name, and how to wrap an app."""

import functools
from collections.abc import Callable
from typing import Any

from asgi_middleware import (
    AuthMiddleware,
    BrotliMiddleware,
    CompressionMiddleware,
    CORSMiddleware,
    ErrorsMiddleware,
    GZipMiddleware,
    RequestIDMiddleware,
    SessionMiddleware,
    Stack,
    TimingMiddleware,
)
from asgi_middleware.auth import JWT, APIKeys, Basic, Bearer, HMACKey, RequireScopes, SessionUser, User
from asgi_middleware.django.application import Innermost
from asgi_middleware.sessions.stores.memory import MemoryStore
from asgi_middleware.timing import LogSink, PrometheusSink, Record

from .asgi import App

SECRET = "a-secret-of-the-tests-that-is-long-enough"
# bcrypt of "pass", at its lowest cost
PASSWORD_HASH = "$2b$04$o6yPnR5JyINR2SGd05AQneEKPqxzdOGhZGnAr9wqmmFx1qL95dUC2"

Wrap = Callable[[App], App]


def stopped() -> float:
    """A clock for those who compare whole results."""
    return 1_700_000_000.0


class Recreating(MemoryStore):
    """Lets one ID be given to one session after the other, for those who compare whole results."""

    async def create(self, key: str, data: bytes, ttl: int) -> bool:
        await self.delete(key)
        return await super().create(key, data, ttl)


def bearer_verifier() -> JWT:
    return JWT(HMACKey(SECRET), issuer="issuer", audience="audience")


def bearer() -> Bearer:
    return Bearer(bearer_verifier())


class Unwilling:
    """A sink that fails whatever it is told."""

    def began(self, kind: str, method: str, scheme: str) -> None:
        raise ConnectionError

    def ended(self, record: Record) -> None:
        raise ConnectionError


class Reader:
    """A backend that takes everybody for one who may read."""

    async def identify(self, scope: Any) -> User:
        return User("reader", scheme="none", scopes=("read",))


@functools.cache  # a stack is configuration, so it can wrap any number of apps
def stack_of_six() -> Stack:
    return Stack(
        [
            "request_id",
            ("timing", {"clock": stopped}),
            ("cors", {"allow_origins": ["https://app.example.com"]}),
            "errors",
            "compression",
            ("sessions", {"secret_key": SECRET, "clock": stopped}),
            ("auth", {"backend": bearer()}),
        ]
    )


SUBJECTS: dict[str, Wrap] = {
    "cors with a list": lambda app: CORSMiddleware(app, allow_origins=["https://app.example.com"]),
    "cors with a list and all options": lambda app: CORSMiddleware(
        app,
        allow_origins=["https://*.example.com"],
        allow_methods=["*"],
        allow_headers=["*"],
        allow_credentials=True,
        expose_headers=["X-Request-ID"],
    ),
    "cors for any origin": lambda app: CORSMiddleware(app, allow_origins=["*"]),
    "errors": lambda app: ErrorsMiddleware(app),
    "compression": lambda app: CompressionMiddleware(app),
    "compression on the loop": lambda app: CompressionMiddleware(app, codings=["gzip"], minimum_size=0, offload=False),
    "gzip": lambda app: GZipMiddleware(app),
    "brotli": lambda app: BrotliMiddleware(app),
    "sessions": lambda app: SessionMiddleware(app, SECRET, clock=stopped),
    "sessions, encrypted": lambda app: SessionMiddleware(
        app, SECRET, encrypt=True, rolling=True, clock=stopped, token_bytes=bytes
    ),
    "sessions in a store": lambda app: SessionMiddleware(
        app, SECRET, store=Recreating(), clock=stopped, token_bytes=bytes
    ),
    "auth with bearer": lambda app: AuthMiddleware(app, bearer()),
    "auth with basic": lambda app: AuthMiddleware(app, [Basic({"ada": PASSWORD_HASH}), bearer()]),
    "auth with API keys and tokens for browsers": lambda app: AuthMiddleware(
        app, [APIKeys({"0" * 64: "ci"}), Bearer(bearer_verifier(), subprotocol="bearer")]
    ),
    "auth with sessions": lambda app: SessionMiddleware(AuthMiddleware(app, SessionUser()), SECRET, clock=stopped),
    "scopes": lambda app: AuthMiddleware(RequireScopes(app, ["read"]), Reader()),
    "request_id": lambda app: RequestIDMiddleware(app),
    "request_id that trusts nobody": lambda app: RequestIDMiddleware(app, trust=False, generator=lambda: "fixed"),
    "request_id within a trace": lambda app: RequestIDMiddleware(
        app, accept=["X-Correlation-ID", "X-Request-ID"], generator="uuid7", trace="continue", clock=stopped
    ),
    "timing": lambda app: TimingMiddleware(app, clock=stopped),
    "timing with spans": lambda app: TimingMiddleware(app, server_timing="all", clock=stopped),
    "timing with a sink": lambda app: TimingMiddleware(
        app,
        server_timing="all",
        expose=lambda scope: True,
        queue_time=True,
        sinks=[LogSink(slow=0.001, access="json"), PrometheusSink(prefix="subjects_"), Unwilling()],
        clock=stopped,
        wall_clock=stopped,
    ),
    "django, without a stack": lambda app: Innermost(app, "session"),
    # Its entries, one in the other: a stack answers a lifespan that an application refuses, which other tests are for.
    "the stack of six": lambda app: functools.reduce(lambda inner, one: one(inner), reversed(stack_of_six()), app),
}
