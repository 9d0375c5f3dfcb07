"""Channels has a session and a login of its own for WebSockets, and takes whatever stands in the scope for them."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from websockets.sync.client import connect

from .servers import Pair, Running, start

pytestmark = pytest.mark.hosts


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    pair = Pair("uvicorn-h11", "channels_session", "none")
    if missing := pair.missing():
        pytest.skip(f"{missing} is not installed; the extra `hosts` has it")
    running = start(pair, tmp_path_factory.mktemp("channels"))
    yield running
    running.stop()


def told(server: Running, below: str) -> list[Any]:
    """Whose session and user a WebSocket has after two visits, and what is in the session."""
    with httpx2.Client(base_url=f"{server.url}/{below}", timeout=30) as client:
        assert [client.get("/visits").json() for _ in range(2)] == [{"visits": 1}, {"visits": 2}]
        cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    url = f"{server.url.replace('http', 'ws', 1)}/{below}/ws"
    with connect(url, additional_headers={"Cookie": cookie}) as socket:
        found: list[Any] = json.loads(socket.recv(20))
        return found


def test_its_own_work_where_ours_are_for_http_alone(server: Running) -> None:
    session, user, visits = told(server, "http")
    assert (session.partition(".")[0], user, visits) == ("django", "channels.auth", {"visits": 2})


def test_ours_take_the_place_of_its_own(server: Running, proves: Callable[..., None]) -> None:
    session, user, visits = told(server, "everything")
    assert (session.partition(".")[0], user.partition(".")[0], visits) == ("asgi_middleware", "starlette", {})
    reason = (
        "its AuthMiddlewareStack takes the session and the user that stand in the scope for its own; "
        'beside it, `sessions` and `auth` need `types = ["http"]`'
    )
    proves("Channels", lacks=reason)
