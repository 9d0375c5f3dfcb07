"""Hosts that live in environments of their own: tartiflette-asgi, and Bocadillo with the Starlette of its time."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .checks import CHECKS, ECHOED, TEXT, Client, Host, lifespan
from .environments import Unavailable, make, needs, version
from .exceptions import pardoned
from .graphql import check_queries, check_session, check_socket
from .servers import Pair, Running, start
from .table import DECIDED

pytestmark = pytest.mark.hosts

Interpreter = Callable[[str], Path]
BESIDE = "uvicorn"


@pytest.fixture(scope="module")
def interpreter(tmp_path_factory: pytest.TempPathFactory) -> Interpreter:
    """Of an environment, by name; skips where it cannot be installed."""
    folder = Path(os.environ.get("HOSTS_ENVIRONMENTS") or tmp_path_factory.mktemp("environments"))

    def made(name: str) -> Path:
        try:
            return make(name, folder)
        except Unavailable as reason:
            pytest.skip(str(reason))

    return made


@pytest.fixture(scope="module")
def tartiflette(interpreter: Interpreter, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    python = interpreter("tartiflette")
    running = start(Pair("uvicorn-h11", "tartiflette"), tmp_path_factory.mktemp("tartiflette"), python=python)
    yield running
    running.stop()


def test_tartiflette_works(tartiflette: Running, interpreter: Interpreter, proves: Callable[..., None]) -> None:
    """It makes its engine in the lifespan, without which it answers nothing."""
    host = Host(tartiflette.url, {}, printed=tartiflette.printed)
    check_queries(host)
    check_session(host)
    check_socket(host, "graphql-ws", "/ws")
    CHECKS["log"](host)
    installed = version(interpreter("tartiflette"), "tartiflette-asgi")
    facts = ("bodies", "session", "WebSocket", "lifespan", "GraphQL", "subscriptions")
    proves("tartiflette-asgi", *facts, beside=BESIDE, version=installed)


def test_tartiflette_keeps_others_back(interpreter: Interpreter, proves: Callable[..., None]) -> None:
    python = interpreter("tartiflette")
    assert version(python, "starlette").startswith("0.")
    assert version(python, "cffi").startswith("1.")
    proves("tartiflette-asgi", lacks="it keeps Starlette below 1.0 and cffi below 2")


@pytest.fixture(scope="module")
def bocadillo(interpreter: Interpreter, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, Host]]:
    """The server with the stack, and how to check it against one without."""
    python = interpreter("bocadillo")
    folder = tmp_path_factory.mktemp("bocadillo")
    bare = start(Pair("uvicorn-h11", "bocadillo", "none"), folder, python=python)
    with Client(Host(bare.url, {})) as client:
        found = {path: client.ask("GET", path) for path in ("/json", "/stream", "/nowhere")}
        found["/echo"] = client.ask("POST", "/echo", TEXT, ECHOED)
    bare.stop()
    running = start(Pair("uvicorn-h11", "bocadillo"), folder, python=python)
    yield running, Host(running.url, found, printed=running.printed, pardoned=pardoned(running.pair.kind))
    running.stop()


@pytest.mark.parametrize("word", CHECKS)
def test_bocadillo_works(word: str, bocadillo: tuple[Running, Host], proves: Callable[..., None]) -> None:
    CHECKS[word](bocadillo[1])
    if word in DECIDED:
        proves("Bocadillo", DECIDED[word])


def test_bocadillos_lifespan_is_untouched(
    bocadillo: tuple[Running, Host], interpreter: Interpreter, proves: Callable[..., None]
) -> None:
    running, _ = bocadillo
    running.stop()
    lifespan(running.printed())
    proves("Bocadillo", "lifespan", beside=BESIDE, version=version(interpreter("bocadillo"), "bocadillo"))


def test_pip_does_not_install_both(interpreter: Interpreter, proves: Callable[..., None]) -> None:
    python = interpreter("bocadillo")
    assert "starlette<0.13" in needs(python, "bocadillo").replace(" ", "").replace("(", "").replace(")", "")
    assert "starlette>=0.40" in needs(python, "asgi-middleware")
    proves("Bocadillo", lacks="it asks for Starlette below 0.13, so pip installs both only without their dependencies")
