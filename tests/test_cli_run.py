"""`cli`: `run`, what it serves and what it refuses."""

import errno
import importlib
import os
import re
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from .asgi import drive
from .commanding import KNOWN_APP, Run

pytestmark = pytest.mark.usefixtures("folder")


def test_run_serves_the_app_inside_the_stack(run: Run, served: list[tuple[Any, dict[str, Any]]]) -> None:
    assert run("run", f"{KNOWN_APP}:app", "--stack", "stack.toml") == (0, "", "")
    ((app, options),) = served
    log_config = options.pop("log_config")
    assert (type(app).__name__, app.app.__name__, options) == (
        "ErrorsMiddleware",
        "app",
        {
            "host": "127.0.0.1",
            "port": 8000,
            "workers": 1,
            "root_path": "",
            "forwarded_allow_ips": None,
            "log_level": "info",
        },
    )
    # Each of uvicorn's lines ends with the request's ID.
    assert {formatter["fmt"].split()[-1] for formatter in log_config["formatters"].values()} == {"[%(request_id)s]"}
    assert [handler["filters"] for handler in log_config["handlers"].values()] == [["request_id"]] * 2
    exchange = drive(app)
    assert (exchange.status, exchange.headers, exchange.body) == (200, [("content-type", "text/plain")], b"hello")


def test_run_hands_the_options_of_uvicorn_on(run: Run, served: list[tuple[Any, dict[str, Any]]]) -> None:
    words = ["--root-path", "/api", "--forwarded-allow-ips", "10.0.0.1,10.0.0.2", "--log-level", "debug"]
    assert run("run", f"{KNOWN_APP}:app", "--stack", "stack.toml", *words) == (0, "", "")
    ((_, options),) = served
    assert (options["root_path"], options["forwarded_allow_ips"], options["log_level"]) == (
        "/api",
        "10.0.0.1,10.0.0.2",
        "debug",
    )


@pytest.mark.parametrize(
    "words",
    [["tiny_factory:make()"], ["--factory", "tiny_factory:make"], ["--factory", "tiny_factory:make()"]],
    ids=" ".join,
)
def test_run_takes_what_makes_the_app(
    words: list[str], folder: Path, run: Run, served: list[tuple[Any, dict[str, Any]]]
) -> None:
    (folder / "tiny_factory.py").write_text(f"from {KNOWN_APP} import app\ndef make():\n    return app\n")
    importlib.invalidate_caches()
    assert run("run", *words, "--stack", "stack.toml") == (0, "", "")
    assert [drive(app).body for app, _ in served] == [b"hello"]


def taken(monkeypatch: pytest.MonkeyPatch, error: OSError) -> None:
    """From now on no address can be had."""

    def refuse(*_arguments: Any) -> None:
        raise error

    monkeypatch.setattr("socket.socket.bind", refuse)


ADDRESSES = [
    (
        OSError(errno.EADDRINUSE, "in use"),
        "--port: 8000: is in use; stop what listens there, or take another one; 0 is a free one",
    ),
    (OSError(errno.EACCES, "no"), "--port: 8000: is for the system's own servers; give one from 1024 up"),
]


@pytest.mark.parametrize(("error", "told"), ADDRESSES, ids=[row[1] for row in ADDRESSES])
def test_run_says_which_address_it_cannot_have(
    error: OSError, told: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken(monkeypatch, error)
    assert run("run", f"{KNOWN_APP}:app", "--stack", "stack.toml") == (1, "", f"asgi-middleware: run: {told}\n")


def test_run_says_so_of_a_real_one(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        status, out, err = run("run", f"{KNOWN_APP}:app", "--stack", "stack.toml", "--port", port)
    assert (status, out) == (1, "")
    assert err.startswith(f"asgi-middleware: run: --port: {port}: is in use; ")


@pytest.mark.parametrize("host", ["api.example", ".example", "a" * 64])
def test_run_says_so_of_a_host_without_an_address(host: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_arguments: Any, **_options: Any) -> None:
        host.encode("idna")  # as the real one does
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr("socket.getaddrinfo", unknown)
    told = f"--host: {host!r}: is no address of this machine; give 127.0.0.1, or 0.0.0.0 for all"
    assert run("run", f"{KNOWN_APP}:app", "--stack", "stack.toml", "--host", host) == (
        1,
        "",
        f"asgi-middleware: run: {told}\n",
    )


def test_other_trouble_is_left_to_the_server(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    taken(monkeypatch, OSError(errno.EADDRNOTAVAIL, "no"))
    monkeypatch.setattr("uvicorn.run", lambda app, **options: None)
    assert run("run", f"{KNOWN_APP}:app", "--stack", "stack.toml") == (0, "", "")


def test_run_says_once_what_a_middleware_warns_of(
    folder: Path, run: Run, served: list[tuple[Any, dict[str, Any]]]
) -> None:
    (folder / "stack.toml").write_text('[[middleware]]\nuse = "sessions"\nsecret_key = "zqxjkvwy"\n')
    status, out, err = run("run", f"{KNOWN_APP}:app", "--stack", "stack.toml")
    assert (status, out, len(served)) == (0, "", 1)
    (line,) = err.splitlines()
    assert line.startswith("asgi-middleware: warning: SessionMiddleware: secret_key is shorter than 32 bytes, ")
    assert "zqxjkvwy" not in line


# The words, and what uvicorn is told of its processes.
PROCESSES: list[tuple[list[str], dict[str, Any]]] = [
    (["--workers", "3"], {"workers": 3}),
    (["--reload"], {"workers": 1, "reload": True}),
    (["--reload", "--factory"], {"workers": 1, "reload": True}),
]


@pytest.mark.parametrize(("words", "told"), PROCESSES, ids=[" ".join(row[0]) for row in PROCESSES])
def test_other_processes_load_the_app_for_themselves(
    words: list[str],
    told: dict[str, Any],
    folder: Path,
    run: Run,
    served: list[tuple[Any, dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ASGI_APP", "")
    monkeypatch.setenv("ASGI_STACK", "")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    (folder / "tiny_factory.py").write_text(f"from {KNOWN_APP} import app as app\ndef make():\n    return app\n")
    importlib.invalidate_caches()
    name = "tiny_factory:make" if "--factory" in words else "tiny_factory:app"
    assert run("run", name, "--stack", "stack.toml", *words) == (0, "", "")
    ((app, options),) = served
    assert (app, {key: options[key] for key in ("workers", "reload") if key in options}) == (
        "asgi_middleware.main:app",
        told,
    )
    assert "reload_dirs" not in options
    assert (os.environ["ASGI_APP"], os.environ["ASGI_STACK"]) == (
        name + "()" if "--factory" in words else name,
        "stack.toml",
    )


@pytest.mark.parametrize("words", [["--workers", "2"], ["--reload"]], ids=" ".join)
def test_what_is_wrong_is_told_before_other_processes_start(
    words: list[str], folder: Path, run: Run, served: list[tuple[Any, dict[str, Any]]]
) -> None:
    (folder / "stack.toml").write_text('[[middleware]]\nuse = "core"')
    status, out, err = run("run", "nowhere:app", "--stack", "stack.toml", *words)
    assert (status, out, served) == (1, "", [])
    assert err == (
        "asgi-middleware: run: 2 problems\n"
        "  - app: 'nowhere:app': there is no module 'nowhere'; mend the name, or install it\n"
        "  - stack.toml: entry 1 (core), line 1: use: 'core': is no known name; did you mean 'cors'? "
        "(or 'package.module:Name')\n"
    )


def test_with_watchfiles_a_change_of_the_stack_counts_too(
    folder: Path, run: Run, served: list[tuple[Any, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASGI_APP", "")
    monkeypatch.setenv("ASGI_STACK", "")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    (folder / "etc").mkdir()
    (folder / "stack.toml").rename(folder / "etc" / "stack.toml")
    assert run("run", f"{KNOWN_APP}:app", "--stack", "etc/stack.toml", "--reload") == (0, "", "")
    ((_, options),) = served
    assert (options["reload_dirs"], options["reload_includes"]) == ([str(folder), str(folder / "etc")], ["stack.toml"])


def test_run_takes_host_and_port(run: Run, served: list[tuple[Any, dict[str, Any]]]) -> None:
    words = ["--stack", "stack.toml", "--host", "::1", "--port", "65535", f"{KNOWN_APP}:Outer.other"]
    assert run("run", *words) == (0, "", "")
    assert [(options["host"], options["port"]) for _, options in served] == [("::1", 65535)]


def test_run_makes_the_files_that_are_to_be_created(
    folder: Path, run: Run, served: list[tuple[Any, dict[str, Any]]]
) -> None:
    stack = '[[middleware]]\nuse = "sessions"\nsecret_key = { file = "session.key", create = 32 }\n'
    (folder / "stack.toml").write_text(stack)
    assert run("run", f"{KNOWN_APP}:app", "--stack", "stack.toml") == (0, "", "")
    assert len(served) == 1
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}\n?", (folder / "session.key").read_text())


# A sentence, a module's source, the app's name, standard error behind "asgi-middleware: run: app: ".
APPS: list[tuple[str, str, str, str]] = [
    (
        "a module that is not there",
        "",
        "no_such_module:app",
        "'no_such_module:app': there is no module 'no_such_module'; mend the name, or install it",
    ),
    (
        "a name that is not there",
        "app = print",
        "given_app:ap",
        "'given_app:ap': 'given_app' has no 'ap'; did you mean 'app'?",
    ),
    (
        "a module alone",
        "app = print",
        "given_app",
        "'given_app': is no import string; did you mean 'given_app:app'?",
    ),
    (
        "its file",
        "app = print",
        "given_app.py",
        "'given_app.py': is no import string; did you mean 'given_app:app'?",
    ),
    (
        "a dot for the colon",
        "app = print",
        "given_app.api",
        "'given_app.api': is no import string; did you mean 'given_app:api'?",
    ),
    (
        "a module that is not there",
        "app = print",
        "no_such.app",
        "'no_such.app': is no import string; write 'package.module:name'",
    ),
    (
        "a file outside of all modules",
        "app = print",
        "/srv/given_app.py",
        "'/srv/given_app.py': is no import string; write 'package.module:name'",
    ),
    (
        "a name in a file",
        "app = print",
        "./sub/given_app.py:api",
        "'./sub/given_app.py:api': is no import string; did you mean 'sub.given_app:api'?",
    ),
    (
        "WSGI",
        "def app(environ, start_response): pass",
        "given_app:app",
        (
            "'given_app:app': is a WSGI application, not an ASGI one; "
            "make it one: a2wsgi.WSGIMiddleware(app), of the package a2wsgi"
        ),
    ),
    (
        "a module that asks the environment for what it lacks",
        "import os\nos.environ['NO_SUCH_VARIABLE']",
        "given_app:app",
        "'given_app:app': module 'given_app' raised KeyError, in given_app.py, line 2; mend it there",
    ),
    (
        "nothing behind the colon",
        "app = print",
        "given_app:",
        "'given_app:': is no import string; write 'package.module:name'",
    ),
    (
        "what cannot be called",
        "app = 'text'",
        "given_app:app",
        "'given_app:app': must be an ASGI application; pass a callable(scope, receive, send)",
    ),
    (
        "an attribute of what has none",
        "app = 5",
        "given_app:app.x",
        "'given_app:app.x': 'given_app' has no 'x'; mend the name",
    ),
    (
        "a module that raises",
        "raise KeyError('DATABASE')",
        "given_app:app",
        "'given_app:app': module 'given_app' raised KeyError, in given_app.py, line 1; mend it there",
    ),
    (
        "a module that imports what is not installed",
        "import no_such_module",
        "given_app:app",
        (
            "'given_app:app': module 'given_app' cannot be imported (No module named 'no_such_module'), "
            "in given_app.py, line 1; mend what it imports"
        ),
    ),
    (
        "a module with a typing error",
        "app =",
        "given_app:app",
        "'given_app:app': module 'given_app' raised SyntaxError, in given_app.py, line 1; mend it there",
    ),
    (
        "a module that raises with a password in its words",
        "raise RuntimeError('cannot reach postgres://ada:zqxjkvwy@db')",
        "given_app:app",
        "'given_app:app': module 'given_app' raised RuntimeError, in given_app.py, line 1; mend it there",
    ),
]


@pytest.mark.parametrize(("sentence", "source", "app", "err"), APPS, ids=[row[0] for row in APPS])
def test_run_explains_what_is_wrong_with_the_app(
    sentence: str,
    source: str,
    app: str,
    err: str,
    folder: Path,
    run: Run,
    served: list[tuple[Any, dict[str, Any]]],
) -> None:
    (folder / "given_app.py").write_text(source)
    importlib.invalidate_caches()
    status, out, printed = run("run", app, "--stack", "stack.toml")
    assert (status, out, printed) == (1, "", f"asgi-middleware: run: app: {err}\n")
    assert served == []


def test_an_app_whose_module_exits_is_not_a_success(
    folder: Path, run: Run, served: list[tuple[Any, dict[str, Any]]]
) -> None:
    (folder / "given_app.py").write_text("raise SystemExit(0)")
    status, out, err = run("run", "given_app:app", "--stack", "stack.toml")
    assert (status, out, served) == (1, "", [])
    assert err.startswith("asgi-middleware: run: app: 'given_app:app': ")


def test_without_uvicorn_run_names_the_extra(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert run("run", f"{KNOWN_APP}:app", "--stack", "stack.toml") == (
        1,
        "",
        (
            "asgi-middleware: run: serving: needs the package uvicorn; "
            "install it: pip install 'asgi-middleware[server]'\n"
        ),
    )


def test_without_uvicorn_check_and_show_work(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert run("check", "stack.toml") == (0, "stack.toml: no problems in 1 entry\n", "")
    assert run("show", "stack.toml") == (0, "stack.toml\n└─ errors  ErrorsMiddleware\n  └─ app\n", "")
