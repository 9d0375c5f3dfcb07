"""`cli`: exit status and the whole of what is printed, for each command; one real server."""

import contextlib
import importlib
import json
import os
import re
import signal
import subprocess
import sys
import sysconfig
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from asgi_middleware.cli import main

from .asgi import drive

APP = """
async def app(scope, receive, send):
    if scope["type"] != "http":
        raise RuntimeError("http only")
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"hello"})

class Outer:
    def __init__(self, app):
        self.app = app
    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)
    other = app

text = "no app"
"""
ERRORS = '[[middleware]]\nuse = "errors"\n'
KNOWN_APP = "tiny_cli_app"


@pytest.fixture(autouse=True)
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
    return calls


Run = Callable[..., tuple[int, str, str]]


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


# --- check and show ----------------------------------------------------------

# A sentence, the stack, exit status, standard output and standard error of `check`.
CHECKS: list[tuple[str, str, int, str, str]] = [
    ("one entry", ERRORS, 0, "stack.toml: no problems in 1 entry\n", ""),
    ("two entries", ERRORS * 2, 0, "stack.toml: no problems in 2 entries\n", ""),
    (
        "one problem",
        ERRORS + "debgu = true",
        1,
        "",
        "asgi-middleware: stack.toml: entry 1 (errors), line 1: debgu: is no option here; did you mean 'debug'?\n",
    ),
    (
        "several problems",
        ERRORS + 'debug = 1\n\n[[middleware]]\nuse = "core"\n',
        1,
        "",
        (
            "asgi-middleware: stack.toml: 2 problems\n"
            "  - entry 1 (errors), line 1: debug: 1: is not among the choices; use one of False, True\n"
            "  - entry 2 (core), line 5: use: 'core': is no known name; did you mean 'cors'? "
            "(or 'package.module:Name')\n"
        ),
    ),
    (
        "an empty file",
        "",
        1,
        "",
        'asgi-middleware: stack.toml: middleware: is missing; write [[middleware]] and use = "cors"\n',
    ),
    (
        "no TOML",
        "[[",
        1,
        "",
        (
            "asgi-middleware: stack.toml: file: is not TOML: Invalid initial character for a key part "
            "(at end of document); mend it\n"
        ),
    ),
    (
        "a variable that is not set",
        '[[middleware]]\nuse = "sessions"\nsecret_key = { env = "CLI_NO_VALUE" }',
        1,
        "",
        (
            "asgi-middleware: stack.toml: entry 1 (sessions), line 1: secret_key: the environment variable "
            "CLI_NO_VALUE is not set; set it\n"
        ),
    ),
    (
        "a middleware beside the file, as `run` finds it",
        f'[[middleware]]\nuse = "{KNOWN_APP}:Outer"',
        0,
        "stack.toml: no problems in 1 entry\n",
        "",
    ),
]


@pytest.mark.parametrize(("sentence", "stack", "status", "out", "err"), CHECKS, ids=[row[0] for row in CHECKS])
def test_check(sentence: str, stack: str, status: int, out: str, err: str, folder: Path, run: Run) -> None:
    (folder / "stack.toml").write_text(stack)
    assert run("check", "stack.toml") == (status, out, err)


@pytest.mark.parametrize("command", ["check", "show"])
def test_what_check_refuses_show_refuses_alike(command: str, folder: Path, run: Run) -> None:
    (folder / "stack.toml").write_text(ERRORS + "debgu = true")
    expected = (
        "asgi-middleware: stack.toml: entry 1 (errors), line 1: debgu: is no option here; did you mean 'debug'?\n"
    )
    assert run(command, "stack.toml") == (1, "", expected)


COMMANDS = [["check"], ["show"], ["run", f"{KNOWN_APP}:app", "--stack"]]


@pytest.mark.parametrize("words", COMMANDS, ids=[row[0] for row in COMMANDS])
def test_a_missing_stack_file_is_named(words: list[str], run: Run) -> None:
    expected = "asgi-middleware: missing.toml: file: does not exist; mend the path\n"
    assert run(*words, "missing.toml") == (1, "", expected)


@pytest.mark.parametrize("command", ["check", "show"])
def test_check_and_show_make_no_file(command: str, folder: Path, run: Run) -> None:
    stack = '[[middleware]]\nuse = "sessions"\nsecret_key = { file = "session.key", create = 32 }\n'
    (folder / "stack.toml").write_text(stack)
    before = sorted(os.listdir(folder))
    status, out, err = run(command, "stack.toml")
    assert (status, err) == (0, "")
    assert out == (
        "stack.toml: no problems in 1 entry\n"
        if command == "check"
        else "stack.toml\n└─ sessions  SessionMiddleware\n     secret_key = <from file session.key>\n  └─ app\n"
    )
    assert sorted(os.listdir(folder)) == before


def test_show_prints_the_onion_without_secrets(folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLI_KEY", "zqxjkvwy" * 5)
    (folder / "stack.toml").write_text(
        '[[middleware]]\nuse = "cors"\nallow_origins = ["https://a.example"]\nexclude = ["/internal/*"]\n'
        '[[middleware]]\nuse = "timing"\nenabled = false\n'
        '[[middleware]]\nuse = "sessions"\nsecret_key = { env = "CLI_KEY" }\n'
        '[[middleware]]\nuse = "auth"\n[middleware.backend]\nuse = "bearer"\nsecret = "' + "zqxjkvwy" * 5 + '"\n'
        'issuer = "https://ada:zqxjkvwy@idp.example/"\nany_audience = true\n'
    )
    assert run("show", "stack.toml") == (
        0,
        (
            "stack.toml\n"
            "└─ cors  CORSMiddleware\n"
            "     (exclude: /internal/*)\n"
            "     allow_origins = ['https://a.example']\n"
            "  └─ sessions  SessionMiddleware\n"
            "       secret_key = <from env CLI_KEY>\n"
            "    └─ auth  AuthMiddleware\n"
            "         backend = {use='bearer', secret=<hidden>, issuer='https://<hidden>@idp.example/', "
            "any_audience=True}\n"
            "      └─ app\n"
        ),
        "",
    )


CORS = """
[[middleware]]
use = "request_id"

[[middleware]]
use = "cors"
allow_origins = ["https://app.example.com"]
paths = ["/api/*"]

[[middleware]]
use = "sessions"
secret_key = { file = "missing.key", create = 32 }
"""
EXPLAINED: list[tuple[str, str, list[str], str]] = [
    (
        "what a page may do",
        CORS,
        [],
        """
entry 2 (cors), paths: /api/*: GET from 'https://app.example.com'
  1. The browser asks nothing first: a form or a link could send the same.
  2. The origin is allowed: allow_origins lists it.
The page reads the answer: status, body, and the headers Cache-Control, Content-Language, Content-Length, \
Content-Type, Expires, Last-Modified and Pragma.
""",
    ),
    (
        "what it may not, and what to change",
        CORS,
        ["--method", "put", "--header", "X-Token: secret", "--header", "Accept: text/html", "--credentials"],
        """
entry 2 (cors), paths: /api/*: PUT from 'https://app.example.com' with X-Token and Accept, with credentials
  1. The browser asks first, by a preflight, for the method PUT and x-token; it keeps a yes for 600 s.
  2. The origin is allowed: allow_origins lists it.
  3. The method is refused: 'PUT' is not in allow_methods.
  4. The header x-token is refused: it is not in allow_headers.
  5. Credentials are refused: allow_credentials is off.
The browser does not send the request: fetch() rejects with a TypeError.
To change that: add 'PUT' to allow_methods.
To change that: add 'x-token' to allow_headers.
To change that: set allow_credentials=True.
""",
    ),
    (
        "a stack without cors",
        ERRORS,
        [],
        "stack.toml: no entry is cors, so browsers let no page of another origin read an answer\n",
    ),
    (
        "each of several, with a blank line between",
        CORS + '[[middleware]]\nuse = "cors"\nallow_origins = []\n',
        [],
        """
entry 2 (cors), paths: /api/*: GET from 'https://app.example.com'
  1. The browser asks nothing first: a form or a link could send the same.
  2. The origin is allowed: allow_origins lists it.
The page reads the answer: status, body, and the headers Cache-Control, Content-Language, Content-Length, \
Content-Type, Expires, Last-Modified and Pragma.

entry 4 (cors): GET from 'https://app.example.com'
  1. The browser asks nothing first: a form or a link could send the same.
  2. The origin is refused: no rule allows 'https://app.example.com'.
The browser sends the request and the application answers it, but the page cannot read the answer: \
fetch() rejects with a TypeError.
To change that: add 'https://app.example.com' to allow_origins.
""",
    ),
]


@pytest.mark.parametrize(("sentence", "stack", "words", "out"), EXPLAINED, ids=[row[0] for row in EXPLAINED])
def test_explain(sentence: str, stack: str, words: list[str], out: str, folder: Path, run: Run) -> None:
    (folder / "stack.toml").write_text(stack)
    asked = ["explain", "stack.toml", "--origin", "https://app.example.com", *words]
    assert run(*asked) == (0, out.replace("\\\n", "").lstrip("\n"), "")
    assert not (folder / "missing.key").exists()


def test_explain_as_json(folder: Path, run: Run) -> None:
    (folder / "stack.toml").write_text(CORS)
    status, out, err = run("explain", "stack.toml", "--origin", "null", "--json")
    assert (status, err) == (0, "")
    assert json.loads(out) == [
        {
            "entry": "entry 2 (cors)",
            "request": "GET from 'null'",
            "steps": [
                "The browser asks nothing first: a form or a link could send the same.",
                "The origin is refused: dangerously_allow_null_origin is off.",
            ],
            "outcome": "The browser sends the request and the application answers it, but the page cannot read the "
            "answer: fetch() rejects with a TypeError.",
            "readable": False,
            "remedies": [
                "serve the page from an origin of its own: sandboxed frames and files of every site send 'null'"
            ],
        }
    ]
    (folder / "stack.toml").write_text(ERRORS)
    assert run("explain", "stack.toml", "--origin", "null", "--json") == (0, "[]\n", "")


def test_explain_refuses_a_stack_that_is_wrong(folder: Path, run: Run) -> None:
    (folder / "stack.toml").write_text('[[middleware]]\nuse = "cors"\n')
    status, out, err = run("explain", "stack.toml", "--origin", "https://app.example.com")
    assert (status, out) == (1, "")
    assert err.startswith("asgi-middleware: stack.toml: ")


@pytest.mark.parametrize("command", ["check", "show"])
def test_a_module_that_exits_does_not_pass_for_a_good_stack(command: str, folder: Path, run: Run) -> None:
    (folder / "exits_here.py").write_text("raise SystemExit(0)")
    (folder / "stack.toml").write_text('[[middleware]]\nuse = "exits_here:Outer"')
    sys.path.insert(0, str(folder))
    status, out, err = run(command, "stack.toml")
    assert (status, out) == (1, "")
    assert err.startswith("asgi-middleware: stack.toml: entry 1 (exits_here:Outer), line 1: use: ")


def test_every_problem_stands_on_a_line_of_its_own(folder: Path, run: Run) -> None:
    # What breaks lines or moves a terminal's cursor is not printed as it is.
    (folder / "speaks.py").write_text(
        "class Outer:\n    def __init__(self, app):\n        raise ValueError('a\\nb\\x1b[2J')\n"
    )
    (folder / "stack.toml").write_text(
        '[[middleware]]\nuse = "speaks:Outer"\n[[middleware]]\nuse = "errors"\n"a\\nb\\u001b[2J" = 1\n'
    )
    sys.path.insert(0, str(folder))
    status, out, err = run("check", "stack.toml")
    assert (status, out) == (1, "")
    assert len(err.splitlines()) == 3
    assert "\x1b" not in err


# --- run ---------------------------------------------------------------------


def test_run_serves_the_app_inside_the_stack(run: Run, served: list[tuple[Any, dict[str, Any]]]) -> None:
    assert run("run", f"{KNOWN_APP}:app", "--stack", "stack.toml") == (0, "", "")
    ((app, options),) = served
    log_config = options.pop("log_config")
    assert (type(app).__name__, app.app.__name__, options) == (
        "ErrorsMiddleware",
        "app",
        {"host": "127.0.0.1", "port": 8000},
    )
    # Each of uvicorn's lines ends with the request's ID.
    assert {formatter["fmt"].split()[-1] for formatter in log_config["formatters"].values()} == {"[%(request_id)s]"}
    assert [handler["filters"] for handler in log_config["handlers"].values()] == [["request_id"]] * 2
    exchange = drive(app)
    assert (exchange.status, exchange.headers, exchange.body) == (200, [("content-type", "text/plain")], b"hello")


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
        "'given_app': is no import string; write 'package.module:name'",
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
        "'text': must be an ASGI application; pass a callable(scope, receive, send)",
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


# --- words -------------------------------------------------------------------

APP_WORDS = ["run", "a:b", "--stack", "stack.toml"]

# A sentence, the words, the last line of standard error; argparse's own words are left to it.
WRONG_WORDS: list[tuple[str, list[str], str]] = [
    *(
        (
            f"the port {port!r}",
            [*APP_WORDS, "--port", port],
            f"asgi-middleware run: error: argument --port: {port!r} is no port; give a number from 0 to 65535",
        )
        for port in ("65536", "x", "", "-1", "80.0", "+80", " 80", "８０", "1_0")  # noqa: RUF001  # digits of another alphabet
    ),
    ("no command", [], "asgi-middleware: error: the following arguments are required: {run,check,show,explain}"),
    ("no app", ["run", "--stack", "s"], "asgi-middleware run: error: the following arguments are required: app"),
    ("no stack", ["run", "a:b"], "asgi-middleware run: error: the following arguments are required: --stack"),
    ("nothing to check", ["check"], "asgi-middleware check: error: the following arguments are required: FILE"),
    ("nothing to show", ["show"], "asgi-middleware show: error: the following arguments are required: FILE"),
    (
        "no origin to explain",
        ["explain", "stack.toml"],
        "asgi-middleware explain: error: the following arguments are required: --origin",
    ),
    ("too much", ["check", "a", "b"], "asgi-middleware: error: unrecognized arguments: b"),
]


@pytest.mark.parametrize(("sentence", "words", "last"), WRONG_WORDS, ids=[row[0] for row in WRONG_WORDS])
def test_wrong_words_end_with_2(sentence: str, words: list[str], last: str, run: Run) -> None:
    status, out, err = run(*words)
    assert (status, out) == (2, "")
    assert err.startswith("usage: asgi-middleware ")
    assert err.splitlines()[-1] == last


def test_an_unknown_command_ends_with_2(run: Run) -> None:
    status, out, err = run("chek", "stack.toml")
    assert (status, out) == (2, "")
    assert "argument {run,check,show,explain}: invalid choice: 'chek'" in err


@pytest.mark.parametrize(
    "words",
    [["--help"], ["run", "--help"], ["check", "--help"], ["show", "--help"], ["explain", "--help"]],
    ids=" ".join,
)
def test_help_is_no_error(words: list[str], run: Run) -> None:
    status, out, err = run(*words)
    assert (status, err) == (0, "")
    assert out.startswith(f"usage: asgi-middleware {words[0] if len(words) > 1 else ''}".rstrip())


# --- processes ---------------------------------------------------------------

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
    wanted = "asgi-middleware: error: the following arguments are required: {run,check,show,explain}"
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


def test_run_serves_until_it_is_told_to_stop(folder: Path) -> None:
    (folder / "stack.toml").write_text('[[middleware]]\nuse = "request_id"\n' + ERRORS)
    server = subprocess.Popen(
        [SCRIPT, "run", f"{KNOWN_APP}:app", "--stack", "stack.toml", "--port", "0"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    # Whatever goes wrong, the pipe ends and so does the test.
    watchdog = threading.Timer(20, server.kill)
    watchdog.start()
    with server, contextlib.ExitStack() as at_end:
        at_end.callback(watchdog.cancel)
        at_end.callback(server.kill)
        assert server.stderr is not None
        lines: list[str] = []
        found: re.Match[str] | None = None
        for line in server.stderr:
            lines.append(line)
            if found := re.search(r"running on (http://127\.0\.0\.1:[1-9][0-9]*)", line):
                break
        assert found is not None, "".join(lines)
        request = urllib.request.Request(found[1] + "/", headers={"X-Request-ID": "abc"})  # noqa: S310  # our own address
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310  # our own address
            answer = (response.status, response.headers.get_all("x-request-id"), response.read())
        assert answer == (200, ["abc"], b"hello")
        server.send_signal(signal.SIGINT)
        lines += server.stderr.readlines()
        assert (server.wait(timeout=10), "Traceback" in "".join(lines)) == (0, False)
