"""Fixtures that several modules share: databases, and a browser with a server."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .browsing import chromium
from .postgres_server import Postgres, Unavailable, postgres
from .serving import Server, serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgres]:
    """A real PostgreSQL, one for all; the reason to skip where there is none."""
    try:
        with postgres() as running:
            yield running
    except Unavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture(params=["postgresql", "sqlite"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/sessions.db?timeout=60"  # its writers take turns
    running: Postgres = request.getfixturevalue("postgresql")
    return running.url()


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """Not for longer than a module: while it runs, nobody else can run an event loop."""
    with chromium() as launched:
        yield launched


@pytest.fixture(scope="module")
def server(browser: "Browser", request: pytest.FixtureRequest) -> Iterator[Server]:
    """What the module's COMMAND starts; after the browser, so that nothing starts where there is none."""
    with serving(request.module.COMMAND) as running:
        yield running
