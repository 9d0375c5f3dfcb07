"""Fixtures that several modules share: databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .postgres_server import Postgres, Unavailable, postgres


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
