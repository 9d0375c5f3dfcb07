"""What the servers of the bench serve: `uvicorn --factory tests.bench.served:ours`."""

from typing import Any

from asgi_middleware import CompressionMiddleware

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
