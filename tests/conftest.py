"""In which order the files are run, and fixtures that several share.

Databases, a browser with a server, a Django project, modules to import, and the command line.
"""

import gc
import importlib
import os
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from asgi_middleware.cli import main

from .browsing import chromium
from .commanding import APP, ERRORS, KNOWN_APP, Run
from .postgres_server import Postgres, Unavailable, postgres
from .serving import Server, serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# What takes longest begins first, so that two workers end at the same time.
LONGEST = (
    "test_fuzz.py",
    "test_session_sql.py",
    "test_session_processes.py",
    "test_compression_cancellation.py",
    "test_bare.py",
    "test_session_redis.py",
    "test_session_stores_processes.py",
    "test_mutation.py",
    # those that `.ci/run` runs
    "test_typed.py",
    "test_browser_sessions.py",
    "test_hosts.py",
    "test_browser.py",
    "test_lint_on_hosts.py",
)


def pytest_configure(config: pytest.Config) -> None:
    """xdist would begin with the files that have most tests."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """The ten thousand tests stay until the end: whoever collects garbage need not look at each of them each time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()


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


@pytest.fixture(scope="session")
def django_project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Django in this process, with the settings of `tests/django_project` and a database that has one user, ada."""
    folder = tmp_path_factory.mktemp("django")
    os.environ.update(DJANGO_SETTINGS_MODULE="tests.django_project.settings", PROJECT_FOLDER=str(folder))
    import django
    from django.core.management import call_command
    from django.db import connections

    django.setup()
    call_command("migrate", verbosity=0)
    from django.contrib.auth.models import User

    User.objects.create_user("ada", password="lovelace")
    connections.close_all()
    yield folder
    connections.close_all()


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """Writes a module that can be imported until the end of the test."""
    import importlib
    import sys

    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)

    def write(name: str, source: str) -> None:
        (tmp_path / f"{name}.py").write_text(source)
        importlib.invalidate_caches()

    yield write
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder: an app and two stacks. As for the installed script, it is not on the path of imports."""
    (tmp_path / f"{KNOWN_APP}.py").write_text(APP)
    (tmp_path / "stack.toml").write_text(ERRORS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry not in ("", str(tmp_path))])
    importlib.invalidate_caches()
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, dict[str, Any]]]:
    """What uvicorn would have served."""
    calls: list[tuple[Any, dict[str, Any]]] = []
    monkeypatch.setattr("uvicorn.run", lambda app, **options: calls.append((app, options)))
    monkeypatch.setattr("asgi_middleware.cli._check_address", lambda host, port: None)  # it may be in use here
    return calls


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command line in this process: exit status, standard output, standard error."""

    def command(*words: str) -> tuple[int, str, str]:
        try:
            status: Any = main(words)
        except SystemExit as error:
            status = error.code
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return command
