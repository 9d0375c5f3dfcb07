"""`cli`: as a process of its own; one real server."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import sysconfig
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from .commanding import ERRORS, KNOWN_APP

pytestmark = pytest.mark.usefixtures("folder")

SCRIPT = str(Path(sysconfig.get_path("scripts")) / "asgi-middleware")


def process(*words: str, **environment: str) -> tuple[int, str, str]:
    done = subprocess.run(
        words, capture_output=True, encoding="utf-8", timeout=30, env={**os.environ, **environment}, check=False
    )
    return done.returncode, done.stdout, done.stderr


def test_python_dash_m_is_the_same_command() -> None:
    module = (sys.executable, "-m", "asgi_middleware")
    assert process(*module, "check", "stack.toml") == (0, "stack.toml: no problems in 1 entry\n", "")
    status, out, err = process(*module)
    assert (status, out) == (2, "")
    wanted = "asgi-middleware: error: the following arguments are required: {run,check,show,list,schema,explain}"
    assert err.splitlines()[-1] == wanted


def test_the_installed_script_is_the_same_command(folder: Path) -> None:
    (folder / "stack.toml").write_text(ERRORS + "debgu = 1")
    expected = (
        "asgi-middleware: stack.toml: entry 1 (errors), line 1: debgu: is no option here; did you mean 'debug'?\n"
    )
    assert process(SCRIPT, "check", "stack.toml") == (1, "", expected)


def test_show_prints_on_a_terminal_of_ascii() -> None:
    status, out, err = process(sys.executable, "-m", "asgi_middleware", "show", "stack.toml", PYTHONIOENCODING="ascii")
    assert (status, err) == (0, "")
    assert "errors  ErrorsMiddleware" in out


@pytest.mark.parametrize("words", [[], ["--workers", "2"], ["--reload"]], ids=" ".join)
def test_run_serves_until_it_is_told_to_stop(words: list[str], folder: Path) -> None:
    (folder / "stack.toml").write_text('[[middleware]]\nuse = "request_id"\n' + ERRORS)
    server = subprocess.Popen(
        [SCRIPT, "run", f"{KNOWN_APP}:app", "--stack", "stack.toml", "--port", "0", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    )

    def kill() -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)  # with its workers, in the group of its own

    # Whatever goes wrong, the pipe ends and so does the test.
    watchdog = threading.Timer(120, kill)
    watchdog.start()
    with server, contextlib.ExitStack() as at_end:
        at_end.callback(watchdog.cancel)
        at_end.callback(kill)
        assert server.stderr is not None
        lines: list[str] = []
        url = ""
        for line in server.stderr:
            lines.append(line)
            if found := re.search(r"running on (http://127\.0\.0\.1:[1-9][0-9]*)", line):
                url = found[1]
            if url and any("Application startup complete" in each for each in lines):
                break
        answer = get(url, server)
        assert answer == (200, ["abc"], b"hello")
        server.send_signal(signal.SIGINT)
        lines += server.stderr.readlines()
        assert (server.wait(), "Traceback" in "".join(lines)) == (0, False)


def get(url: str, server: subprocess.Popen[str]) -> tuple[int, list[str] | None, bytes]:
    """Status, request IDs and body. A worker says that it is ready a moment before it listens, so it is asked again."""
    request = urllib.request.Request(url, headers={"X-Request-ID": "abc"})  # noqa: S310  # our own address
    while True:
        try:
            with urllib.request.urlopen(request) as response:  # noqa: S310  # our own address
                return response.status, response.headers.get_all("x-request-id"), response.read()
        except urllib.error.URLError:
            if server.poll() is not None:
                raise
