"""What is known not to work for a reason that is the server's or the framework's own, each with its proof.

The tests assert that every row still is one: the check fails, and the bare application does no better.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx2
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from .checks import CHECKS, PATIENCE
from .servers import Pair, Running

_POLL = 0.05  # seconds between two looks into a log


@dataclass(frozen=True)
class Known:
    """These checks fail on these pairs, whatever stands between; `proof` raises where the bare application works."""

    kind: str | None  # None: all of them
    app: str | None
    words: frozenset[str]
    reason: str
    bare: Pair
    proof: Callable[[Running], None]

    def covers(self, pair: Pair, word: str) -> bool:
        return self.kind in (None, pair.kind) and self.app in (None, pair.app) and word in self.words


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

KNOWN = (
    Known(
        "daphne",
        "sanic",
        frozenset(CHECKS) - {"own", "foreign"},
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
        _SOCKETS,
        "Django's handler raises ValueError for every scope that is not HTTP",
        Pair("uvicorn-h11", "django", "none"),
        _accepts_nothing,
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
        "uvicorn logs it after every complete denial response",
        _logs_a_denial,
    ),
)


def known(pair: Pair, word: str) -> Known | None:
    """The exception that this check of this pair is, if it is one."""
    return next((each for each in KNOWN if each.covers(pair, word)), None)
