"""What the tests in a real browser share: an installed Chromium, and an empty page on an origin of its own."""

import json
import os
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # names for the server that no resolver knows (RFC 6761, 6.2)
    "--host-resolver-rules=MAP *.test 127.0.0.1",
]
PATIENCE = 60  # seconds for what the browser says a little after the page has it
# Advice on the console that differs from version to version.
ADVICE = re.compile(r" is present on the requested resource\..*", re.DOTALL)


@contextmanager
def chromium() -> "Iterator[Browser]":
    """The installed Chromium; skips where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: the extra `browser`")
    if not any(map(shutil.which, BROWSERS)):
        pytest.skip(f"none of {', '.join(BROWSERS)} is on the PATH")
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(**_started())
        try:
            yield launched
        finally:
            launched.close()


@contextmanager
def profile(browser: "Browser", folder: Path, *, third_parties: bool = False) -> "Iterator[BrowserContext]":
    """Another Chromium, which keeps what it knows in `folder`: opened there again, it is the same one restarted.

    `third_parties`: whether it lets other sites than the page's keep and send cookies.
    """
    preferences = folder / "Default" / "Preferences"
    if not preferences.exists():
        preferences.parent.mkdir(parents=True)
        # the defaults are not the same everywhere
        preferences.write_text(json.dumps({"profile": {"cookie_controls_mode": 0 if third_parties else 1}}))
    opened = browser.browser_type.launch_persistent_context(folder, ignore_https_errors=True, **_started())
    try:
        yield opened
    finally:
        opened.close()


def _started() -> dict[str, Any]:
    """How playwright starts the Chromium that is installed."""
    # Chromium's sandbox does not start for root; for others playwright would leave it out too.
    root = getattr(os, "geteuid", lambda: 1)() == 0
    executable = next(filter(None, map(shutil.which, BROWSERS)))
    return {"executable_path": executable, "args": FLAGS, "chromium_sandbox": not root}


@contextmanager
def foreign_site() -> Iterator[int]:
    """An empty page on a port of its own; below /sandbox its origin is null."""

    class Blank(BaseHTTPRequestHandler):
        timeout = 10  # seconds: browsers open connections that they never use

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            if self.path == "/sandbox":
                self.send_header("Content-Security-Policy", "sandbox allow-scripts")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>foreign</title>")

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that http.server gives it
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Blank) as site:
        thread = threading.Thread(target=site.serve_forever, daemon=True)
        thread.start()
        try:
            yield site.server_port
        finally:
            site.shutdown()
            thread.join(PATIENCE)
