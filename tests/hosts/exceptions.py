"""What is known not to work for a reason that is the server's or the framework's own, each with its proof.

The tests assert that every row still is one: the check fails, and the bare application does no better.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx2
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from . import content
from .checks import CHECKS, PATIENCE
from .matrix import LIFESPAN
from .servers import Pair, Running

_POLL = 0.05  # seconds between two looks into a log
_WORKS = Pair("uvicorn-h11", "raw", "none")


@dataclass(frozen=True)
class Known:
    """These checks fail on these pairs, whatever stands between; `proof` raises where the bare application works."""

    kind: str | None  # None: all of them
    app: str | None
    words: frozenset[str]
    reason: str
    bare: Pair
    proof: Callable[[Running], None]
    stack: str | None = None
    works: Pair = _WORKS  # where there is nothing to excuse

    def covers(self, pair: Pair, word: str) -> bool:
        wanted = zip((self.kind, self.app, self.stack), pair, strict=True)
        return word in self.words and all(mine in (None, theirs) for mine, theirs in wanted)


@dataclass(frozen=True)
class Pardoned:
    """A line that a server logs as an error, though nothing is wrong; `proof` raises where it no longer does."""

    kinds: tuple[str, ...]
    line: str
    reason: str
    proof: Callable[[Running, str], None]


def _accepts_without_headers(running: Running) -> None:
    with connect(f"{running.url.replace('http', 'ws')}/ws") as connection:
        assert connection.response is not None
        assert "x-accepted" not in connection.response.headers


def _accepts_nothing(running: Running) -> None:
    try:
        with connect(f"{running.url.replace('http', 'ws')}/ws"):
            raise AssertionError("the handshake was accepted")
    except InvalidStatus:
        pass


def _answers_nothing(running: Running) -> None:
    assert httpx2.get(f"{running.url}/json").status_code == 500


def _prints_no_start(running: Running) -> None:
    assert content.STARTED not in running.printed()


def _refuses_a_lifespan(running: Running) -> None:
    assert "ASGI 'lifespan' protocol appears unsupported." in running.printed()


def _knows_http_alone(running: Running) -> None:
    _accepts_nothing(running)
    _refuses_a_lifespan(running)


def _does_not_see_a_404(running: Running) -> None:
    reply = httpx2.get(f"{running.url}/nowhere")
    assert (reply.status_code, "x-request-id" in reply.headers) == (404, False)


def _logs_a_denial(running: Running, line: str) -> None:
    try:
        with connect(f"{running.url.replace('http', 'ws')}/denied"):
            raise AssertionError("the handshake was accepted")
    except InvalidStatus:
        pass
    deadline = time.monotonic() + PATIENCE
    while line not in running.printed():
        assert time.monotonic() < deadline, "the server no longer logs it"
        time.sleep(_POLL)


_SOCKETS = frozenset({"socket", "accept"})
_ALONE = "uvicorn-h11"

KNOWN = (
    Known(
        "daphne",
        "sanic",
        frozenset({*CHECKS, LIFESPAN}) - {"own", "foreign"},
        "Sanic answers only after a lifespan, and Daphne runs none",
        Pair("daphne", "sanic", "none"),
        _answers_nothing,
    ),
    Known(
        "daphne",
        "quart",
        _SOCKETS,
        "Quart demands `scheme` in the scope of a WebSocket, and Daphne gives none",
        Pair("daphne", "quart", "none"),
        _accepts_nothing,
    ),
    Known(
        None,
        "django",
        _SOCKETS | {LIFESPAN},
        "Django's handler raises ValueError for every scope that is not HTTP",
        Pair(_ALONE, "django", "none"),
        _knows_http_alone,
    ),
    Known(
        None,
        "channels",
        frozenset({LIFESPAN}),
        "the router of Channels raises ValueError for a lifespan",
        Pair(_ALONE, "channels", "none"),
        _refuses_a_lifespan,
    ),
    Known(
        "daphne",
        None,
        frozenset({LIFESPAN}),
        "Daphne runs no lifespan",
        Pair("daphne", "raw", "none"),
        _prints_no_start,
    ),
    Known(
        None,
        "litestar",
        frozenset({"missing"}),
        "Litestar puts its own list of middlewares around each route, where a 404 is not seen; `stack(app)` sees it",
        Pair("uvicorn-httptools", "litestar", "native"),
        _does_not_see_a_404,
        stack="native",
        works=Pair("uvicorn-httptools", "starlette", "native"),
    ),
    *(
        Known(
            kind,
            None,
            frozenset({"accept"}),
            f"{kind.title()} sends no headers of websocket.accept",
            Pair(kind, "raw", "none"),
            _accepts_without_headers,
        )
        for kind in ("granian", "daphne")
    ),
)

PARDONED = (
    Pardoned(
        ("uvicorn-h11", "uvicorn-httptools"),
        "ASGI callable returned without completing handshake.",
        "uvicorn logs an error after every complete denial response",
        _logs_a_denial,
    ),
)


def known(pair: Pair, word: str) -> Known | None:
    """The exception that this check of this pair is, if it is one."""
    return next((each for each in KNOWN if each.covers(pair, word)), None)


def pardoned(kind: str) -> tuple[str, ...]:
    """The lines that a server logs as errors though all is well."""
    return tuple(each.line for each in PARDONED if kind in each.kinds)
