"""What the servers of the bench serve: `uvicorn --factory tests.bench.served:ours`."""

from collections.abc import Callable
from functools import partial
from typing import Any

from asgi_middleware import (
    AuthMiddleware,
    CompressionMiddleware,
    CORSMiddleware,
    RequestIDMiddleware,
    SessionMiddleware,
    TimingMiddleware,
)

from ..asgi import App
from . import bodies, calls, peers

PAGE = "/page"


def bare() -> App:
    return calls.answer


def empty() -> App:
    return calls.empty(calls.answer, 6)


def ours() -> App:
    return calls.ours(calls.answer)


def six() -> App:
    return peers.six(calls.answer, origins=[calls.ORIGIN], secret=calls.SECRET)


# One middleware each, and the peer that it is compared with.
EACH: dict[str, tuple[Callable[[App], App], str, Callable[[App], App]]] = {
    "request_id": (RequestIDMiddleware, "asgi-correlation-id", peers.correlation_id),
    "timing": (TimingMiddleware, "timing-asgi", peers.timing),
    "cors": (
        partial(CORSMiddleware, allow_origins=[calls.ORIGIN]),
        "Starlette",
        partial(peers.starlette_cors, allow_origins=[calls.ORIGIN]),
    ),
    "compression": (CompressionMiddleware, "starlette-compress", peers.starlette_compress),
    "sessions": (
        partial(SessionMiddleware, secret_key=calls.SECRET),
        "Starlette",
        partial(peers.starlette_sessions, secret=calls.SECRET),
    ),
    "auth": (partial(AuthMiddleware, backend=calls.bearer()), "Starlette", peers.starlette_auth),
}


def __getattr__(name: str) -> Callable[[], App]:
    """`ours_cors` serves ours around the bare application, `peer_cors` the peer's."""
    whose, _, word = name.partition("_")
    if whose not in ("ours", "peer") or word not in EACH:
        raise AttributeError(name)
    make, _, theirs = EACH[word]
    return partial(make if whose == "ours" else theirs, calls.answer)


def _pages() -> App:
    """A page of 110 KB, and the small answer everywhere else."""
    page = calls.answering(bodies.page(110_000), b"text/html; charset=utf-8")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await (page if scope["path"] == PAGE else calls.answer)(scope, receive, send)

    return app


def pages_ours() -> App:
    return CompressionMiddleware(_pages())


def pages_starlette() -> App:
    return peers.starlette_gzip(_pages())
