"""The legal traffic of real servers and frameworks fires no rule of the lint; what does fire is theirs, and named."""

from pathlib import Path

import httpx2
import pytest
from websockets.sync.client import connect

from .servers import APPS, KINDS, Pair, start

pytestmark = pytest.mark.hosts

# Every server around an application without a framework, and every framework under one server.
PAIRS = [*(Pair(kind, "raw", "lint") for kind in KINDS), *(Pair("uvicorn-h11", app, "lint") for app in APPS[1:])]

# What is known to break a rule, by server or framework. Seen from inside it is passed on, not made, by the stack.
THEIRS: dict[str, set[str]] = {
    "granian": {"scope-address"},  # ports as text
    "blacksheep": {"start-transfer-encoding"},  # on streams
}


@pytest.mark.parametrize("pair", PAIRS, ids=["-".join(pair[:2]) for pair in PAIRS])
def test_legal_traffic_fires_no_rule(pair: Pair, tmp_path: Path) -> None:
    missing = pair.missing()
    if missing is not None:
        pytest.skip(f"{missing} is not installed: the extra `hosts`")
    server = start(pair, tmp_path)
    try:
        with httpx2.Client(base_url=server.url, timeout=30) as client:
            for coding in ("gzip", "identity"):
                headers = {"Accept-Encoding": coding, "Origin": "https://app.example.com"}
                for path in ("/json", "/stream", "/visits", "/nowhere"):
                    assert client.get(path, headers=headers).status_code in (200, 404)
                assert client.post("/echo", headers=headers, content=iter([b"one ", b"two"])).text == "one two"
            client.head("/json")
            if pair.app != "django":  # its handler serves no WebSocket
                with connect(server.url.replace("http", "ws") + "/ws", origin=None) as socket:
                    socket.send("hello")
                    assert socket.recv(20) == "hello"
            violations: list[str] = client.get("/violations").json()
    finally:
        server.stop()
    theirs = THEIRS.get(pair.kind, set()) | THEIRS.get(pair.app, set())
    assert {violation.rpartition(": ")[2] for violation in violations} == theirs, violations
