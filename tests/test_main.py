"""`main`: an app inside a stack by environment variables, under a real server too."""

import importlib
import re
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

import asgi_middleware
from asgi_middleware import ConfigError

from .asgi import drive
from .commanding import ERRORS, KNOWN_APP
from .serving import serving

pytestmark = pytest.mark.usefixtures("folder")

MAKERS = """
from tiny_cli_app import app

def create():
    return app

def refuses(setting):
    return app

async def late():
    return app

def crashes():
    raise KeyError("zqxjkvwy")

def leaves():
    raise SystemExit(0)

def nothing():
    return None

class Maker:
    def create(self):
        return app

maker = Maker()
"""


@pytest.fixture(autouse=True)
def fresh(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The module is imported anew, and the folder is on the path of imports."""
    monkeypatch.delitem(sys.modules, "asgi_middleware.main", raising=False)
    monkeypatch.delattr(asgi_middleware, "main", raising=False)
    monkeypatch.delenv("ASGI_APP", raising=False)
    monkeypatch.delenv("ASGI_STACK", raising=False)
    monkeypatch.syspath_prepend(folder)
    (folder / "makers.py").write_text(MAKERS)
    importlib.invalidate_caches()


def imported() -> Any:
    return importlib.import_module("asgi_middleware.main")


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The app that two variables name."""

    def get(app: str, stack: str = "stack.toml") -> Any:
        monkeypatch.setenv("ASGI_APP", app)
        monkeypatch.setenv("ASGI_STACK", stack)
        return imported().app

    return get


@pytest.mark.parametrize("name", [f"{KNOWN_APP}:app", "makers:create()", "makers:maker.create()"])
def test_two_variables_make_an_app(name: str, app: Any) -> None:
    made = app(name)
    assert type(made).__name__ == "ErrorsMiddleware"
    exchange = drive(made)
    assert (exchange.status, exchange.headers, exchange.body) == (200, [("content-type", "text/plain")], b"hello")
    # one for all who ask, and where Hypercorn looks for it
    assert imported().app is vars(imported())["app"] is made


def test_there_is_nothing_else() -> None:
    with pytest.raises(AttributeError, match=r"^module 'asgi_middleware.main' has no attribute 'application'$"):
        imported().application  # noqa: B018  # that is what is tested


def test_importing_it_needs_no_variables() -> None:
    code = "import asgi_middleware.main as m, pydoc; print(bool(dir(m)), bool(pydoc.render_doc(m)), 'app' in vars(m))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True True False\n"


def told(app: Any, *names: str) -> str:
    with pytest.raises(ConfigError) as caught:
        app(*names)
    return str(caught.value)


UNSET = "the environment variable is not set; set it to the"


def test_what_is_not_set_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    module = imported()
    with pytest.raises(ConfigError) as caught:
        module.app  # noqa: B018  # that is what is tested
    assert str(caught.value) == (
        f"asgi_middleware.main: 2 problems\n  - ASGI_APP: {UNSET} app, such as module:app"
        f"\n  - ASGI_STACK: {UNSET} stack file, such as stack.toml"
    )
    monkeypatch.setenv("ASGI_APP", f"{KNOWN_APP}:app")
    monkeypatch.setenv("ASGI_STACK", "")
    sys.modules.pop("asgi_middleware.main")
    with pytest.raises(ConfigError) as caught:
        imported()
    assert str(caught.value) == f"asgi_middleware.main: ASGI_STACK: {UNSET} stack file, such as stack.toml"


# The name of an app, what is wrong with it.
NAMES = [
    ("makers:create", "takes nothing, so it is no application; write 'makers:create()' if it makes one"),
    ("makers:refuses()", "cannot be called without arguments; name a function that takes none"),
    ("makers:late()", "is async, but no server waits for its app; make it a plain function"),
    ("makers:crashes()", "raised KeyError, in makers.py, line 14; mend it there"),
    ("makers:leaves()", "raised SystemExit, in makers.py, line 17; mend it there"),
    ("makers:nothing()", "must be an ASGI application; pass a callable(scope, receive, send)"),
    ("makers:Maker", "is a class, not an ASGI application; pass an instance of it"),
    ("makers:maker", "must be an ASGI application; pass a callable(scope, receive, send)"),
    (f"{KNOWN_APP}:text()", "cannot be called without arguments; name a function that takes none"),
    (f"{KNOWN_APP}:app()", "cannot be called without arguments; name a function that takes none"),
    ("makers:create(1)", "is no import string; write 'package.module:name'"),
    ("makers:", "is no import string; write 'package.module:name'"),
    ("makers:creat()", "'makers' has no 'creat'; did you mean 'create'?"),
    ("nowhere:app", "there is no module 'nowhere'; mend the name, or install it"),
]


@pytest.mark.parametrize(("name", "wrong"), NAMES, ids=[row[0] for row in NAMES])
def test_what_is_wrong_with_the_app_is_told(name: str, wrong: str, app: Any) -> None:
    assert told(app, name) == f"asgi_middleware.main: ASGI_APP: {name!r}: {wrong}"


def test_what_is_wrong_with_app_and_stack_is_told_at_once(app: Any, folder: Path) -> None:
    (folder / "stack.toml").write_text(
        f'{ERRORS}debgu = 1\n[[middleware]]\nuse = "sessions"\nsecret_key = {{ file = "new.key", create = 32 }}'
    )
    assert told(app, "nowhere:app") == (
        "asgi_middleware.main: 2 problems"
        "\n  - ASGI_APP: 'nowhere:app': there is no module 'nowhere'; mend the name, or install it"
        "\n  - stack.toml: entry 1 (errors), line 1: debgu: is no option here; did you mean 'debug'?"
    )
    assert told(app, f"{KNOWN_APP}:app") == (
        "stack.toml: entry 1 (errors), line 1: debgu: is no option here; did you mean 'debug'?"
    )
    assert told(app, f"{KNOWN_APP}:app", "stak.toml") == ("stak.toml: file: does not exist; did you mean 'stack.toml'?")


def test_an_app_that_is_wrong_makes_no_file(app: Any, folder: Path) -> None:
    (folder / "stack.toml").write_text(
        '[[middleware]]\nuse = "sessions"\nsecret_key = { file = "new.key", create = 32 }'
    )
    told(app, "nowhere:app")
    assert not (folder / "new.key").exists()
    app(f"{KNOWN_APP}:app")
    assert (folder / "new.key").exists()


def test_what_failed_is_tried_anew(app: Any, folder: Path) -> None:
    told(app, "makers:creat()")
    assert drive(app("makers:create()")).status == 200


UVICORN = ["uvicorn", "asgi_middleware.main:app", "--port", "0", "--lifespan", "off"]


def test_a_server_serves_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "stack.toml").write_text('[[middleware]]\nuse = "request_id"\n')
    monkeypatch.setenv("ASGI_APP", "makers:create()")
    monkeypatch.setenv("ASGI_STACK", "stack.toml")
    with serving(UVICORN, cwd=folder) as server:
        request = urllib.request.Request(server.url, headers={"X-Request-ID": "abc"})  # noqa: S310  # our own address
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310  # our own address
            answer = response.status, response.headers["x-request-id"], response.read()
    assert answer == (200, "abc", b"hello")


def test_a_server_that_cannot_serve_it_ends_with_what_to_do(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASGI_APP", "makers:create()")
    monkeypatch.delenv("ASGI_STACK", raising=False)
    done = subprocess.run([sys.executable, "-m", *UVICORN], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert (
        re.sub(r"^[\w.]*ConfigError: ", "", last)
        == f"asgi_middleware.main: ASGI_STACK: {UNSET} stack file, such as stack.toml"
    )
