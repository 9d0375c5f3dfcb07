"""WebSockets under every server: a token among the subprotocols, the Origin of a logged-in user, and refusals."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from tests.tokens import claiming, hs, token

from .servers import KINDS, Pair, Running, start
from .table import server_of

pytestmark = pytest.mark.hosts

GOOD = claiming(exp=4_000_000_000).decode()
FORGED = token(sign=hs(b"x")).decode()
# They offer no denial response: every refusal is their own 403.
CLOSES = {"daphne", "gunicorn"}


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    pair = Pair(request.param, "raw", "auth")
    if missing := pair.missing():
        pytest.skip(f"{missing} is not installed; the extra `hosts` has it")
    running = start(pair, Path(tmp_path_factory.mktemp("auth")))
    yield running
    running.stop()


def shake(server: Running, *subprotocols: str, **options: Any) -> tuple[Any, Any]:
    """What the application told, and the subprotocol that was selected; or a refusal's status and its challenges."""
    names = [Subprotocol(name) for name in subprotocols] or None
    try:
        with connect(server.url.replace("http", "ws") + "/ws", subprotocols=names, **options) as socket:
            return json.loads(socket.recv(20)), socket.subprotocol
    except InvalidStatus as refused:
        return refused.response.status_code, refused.response.headers.get_all("www-authenticate")


def test_a_token_among_the_subprotocols(server: Running) -> None:
    for own in ([], ["chat"]):
        told, selected = shake(server, "bearer", GOOD, *own)
        assert (told[:2], selected) == (["ada", own], "bearer")
        assert GOOD not in repr(told), "the application sees it nowhere"
    assert GOOD not in server.printed()


def test_a_bad_token_is_refused_before_accept(server: Running, proves: Callable[..., None]) -> None:
    invalid = 'Bearer error="invalid_token", error_description="The token\'s signature is not valid"'
    denies = server.pair.kind not in CLOSES
    assert shake(server, "bearer", FORGED) == ((401, [f"{invalid}, Session"]) if denies else (403, []))
    for names in ((), ("chat",)):
        assert shake(server, *names) == ((401, ["Bearer, Session"]) if denies else (403, []))
    if not denies:
        proves(server_of(server.pair), lacks="it offers no denial response, so a refused WebSocket is a bare 403")


def test_a_logged_in_user_comes_from_this_host_or_not_at_all(server: Running) -> None:
    with httpx2.Client(base_url=server.url, timeout=30) as client:
        cookie = client.get("/login").headers["set-cookie"].partition(";")[0]
    own, foreign = Origin(server.url), Origin("https://evil.example")
    headers = {"Cookie": cookie}
    assert shake(server, origin=own, additional_headers=headers)[0][0] == "user-1"
    assert shake(server, origin=foreign, additional_headers=headers)[0] == 403
    assert shake(server, additional_headers=headers)[0] == 403
