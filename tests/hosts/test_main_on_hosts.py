"""`asgi_middleware.main:app` under every server, as its own script starts it: an app and a stack by two variables."""

import os
import subprocess
import sysconfig
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from .servers import KINDS, Pair, Running, _comes_up, _free_port

pytestmark = pytest.mark.hosts

APP = """
def create():
    return app

async def app(scope, receive, send):
    if scope["type"] != "http":
        raise RuntimeError("http only")
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"hello"})
"""
STACK = """
middleware:
  - use: request_id
  - use: sessions
    secret_key: {file: session.key, create: 32}
    store: {use: sqlite, path: sessions.db}
"""


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    pair = Pair(request.param, "raw")
    if missing := pair.missing():
        pytest.skip(f"{missing} is not installed; the extra `hosts` has it")
    (tmp_path / "tiny_hosted_app.py").write_text(APP)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "stack.yaml").write_text(STACK)
    port = _free_port()
    script, *words = KINDS[request.param].command("asgi_middleware.main:app", port)
    log = tmp_path / "log"
    told = {"ASGI_APP": "tiny_hosted_app:create()", "ASGI_STACK": "etc/stack.yaml", "PYTHONUNBUFFERED": "1"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [Path(sysconfig.get_path("scripts")) / script, *words],
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=tmp_path,
            env={**os.environ, **told},
            start_new_session=True,
        )
    running = Running(pair, port, process, log)
    try:
        assert _comes_up(running), running.printed()
        yield running
    finally:
        running.stop()


def test_an_app_without_code_around_it(server: Running, tmp_path: Path) -> None:
    request = urllib.request.Request(server.url, headers={"X-Request-ID": "abc"})  # noqa: S310  # our own address
    with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310  # our own address
        answer = response.status, response.headers["x-request-id"], response.read()
    assert answer == (200, "abc", b"hello")
    assert (tmp_path / "etc" / "session.key").exists()
