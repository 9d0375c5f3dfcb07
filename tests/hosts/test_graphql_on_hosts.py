"""Strawberry on real servers: queries, sessions, and subscriptions by WebSocket, events and parts."""

from collections.abc import Callable, Iterator

import pytest

from tests.asgi import drive

from .checks import CHECKS, Host
from .graphql import check_queries, check_session, check_socket, check_stream
from .servers import Pair, start
from .stacks import load

pytestmark = pytest.mark.hosts

SERVERS = {"uvicorn-httptools": "uvicorn", "hypercorn": "Hypercorn"}
SSE = "text/event-stream"
PARTS = 'multipart/mixed;boundary="graphql";subscriptionSpec=1.0,application/json'


@pytest.fixture(scope="module", params=SERVERS)
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def host(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    pair = Pair(kind, "strawberry")
    if missing := pair.missing():
        pytest.skip(f"{missing} is not installed; the extra `hosts` has it")
    running = start(pair, tmp_path_factory.mktemp("graphql"))
    yield Host(running.url, {}, printed=running.printed)
    running.stop()


def test_queries_and_sessions(host: Host, kind: str, proves: Callable[..., None]) -> None:
    check_queries(host)
    check_session(host)
    proves("Strawberry", "bodies", "GraphQL", "session", beside=SERVERS[kind])


def test_a_subscription_by_websocket(host: Host, proves: Callable[..., None]) -> None:
    check_socket(host, "graphql-transport-ws")
    proves("Strawberry", "subscriptions", "WebSocket")


def test_a_subscription_by_events(host: Host, proves: Callable[..., None]) -> None:
    check_stream(host, SSE)
    proves("Strawberry", "SSE")


def test_a_subscription_in_parts(host: Host) -> None:
    """Which is not among the kinds of body that compression takes, so no part waits for another."""
    check_stream(host, PARTS)


def test_nothing_went_wrong(host: Host) -> None:
    """Though Strawberry's own application raises for a lifespan."""
    CHECKS["log"](host)


def test_its_application_refuses_a_lifespan(proves: Callable[..., None]) -> None:
    pytest.importorskip("strawberry", reason="strawberry is not installed: the extra `hosts`")
    exchange = drive(load("strawberry"), {"type": "lifespan", "asgi": {"version": "3.0"}}, loop="asyncio")
    assert (str(exchange.error), exchange.sent) == ("Unknown scope type: 'lifespan'", [])
    proves("Strawberry", lacks="its own application raises ValueError for a lifespan")
