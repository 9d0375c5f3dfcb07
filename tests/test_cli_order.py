"""`cli`: what the order breaks is printed by `check`, marked by `show`, and not served by `run`."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .commanding import KNOWN_APP, Run

ERROR = '[[middleware]]\nuse = "auth"\nbackend = { use = "session" }\n'
TOLD_ERROR = (
    "stack.toml: entry 1 (auth), line 1: error: looks for its users in the session, and no sessions outside of it "
    'covers all of its requests: those without a session fail; put "sessions" above it, or silence this where it '
    "stands outside of the stack [sessions-outside-session-user]\n"
)
WARNING = '[[middleware]]\nuse = "errors"\n[[middleware]]\nuse = "timing"\n'
TOLD_WARNING = (
    "stack.toml: entry 2 (timing), line 3: warning: stands inside entry 1 (errors), which answers crashes: their 500 "
    "has no Server-Timing, and sinks are told no status; move it above entry 1 (errors) [timing-outside-errors]\n"
)
SILENT = 'silence = ["timing-outside-errors"]\n'
FRAMEWORK = (
    "from starlette.applications import Starlette\n"
    "from starlette.middleware import Middleware\n"
    "from starlette.middleware.gzip import GZipMiddleware\n"
    "app = Starlette(middleware=[Middleware(GZipMiddleware)])\n"
)
TWICE = (
    "stack.toml: app: middleware 1 (GZipMiddleware): warning: compresses before entry 1 (compression) can: the codings "
    "and levels that are set there do nothing; keep one of them, or give each its own `paths` [two-compression]\n"
)

# A sentence, the stack, further words, exit status and standard output of `check`.
CHECKS: list[tuple[str, str, list[str], int, str]] = [
    ("an error", ERROR, [], 1, f"{TOLD_ERROR}stack.toml: 1 problem in 1 entry\n"),
    ("a warning", WARNING, [], 0, f"{TOLD_WARNING}stack.toml: 1 problem in 2 entries\n"),
    ("silenced", SILENT + WARNING, [], 0, "stack.toml: no problems in 2 entries\n"),
    ("both", WARNING + ERROR, [], 1, ""),
    (
        "an application that compresses too",
        '[[middleware]]\nuse = "compression"\n',
        ["--app", "given_app:app"],
        0,
        f"{TWICE}stack.toml: 1 problem in 1 entry\n",
    ),
    ("one that does not", SILENT + WARNING, ["--app", f"{KNOWN_APP}:app"], 0, "stack.toml: no problems in 2 entries\n"),
]


@pytest.mark.parametrize(("sentence", "stack", "words", "status", "out"), CHECKS, ids=[row[0] for row in CHECKS])
def test_check(sentence: str, stack: str, words: list[str], status: int, out: str, folder: Path, run: Run) -> None:
    (folder / "stack.toml").write_text(stack)
    (folder / "given_app.py").write_text(FRAMEWORK)
    if sentence == "both":
        out = f"{TOLD_WARNING}{TOLD_ERROR.replace('entry 1 (auth), line 1', 'entry 3 (auth), line 5')}"
        out += "stack.toml: 2 problems in 3 entries\n"
    assert run("check", "stack.toml", *words) == (status, out, "")


def test_check_refuses_an_app_that_is_not_there(folder: Path, run: Run) -> None:
    (folder / "stack.toml").write_text(WARNING)
    expected = (
        "asgi-middleware: check: app: 'no_such_module:app': there is no module 'no_such_module'; mend the name, or "
        "install it\n"
    )
    assert run("check", "stack.toml", "--app", "no_such_module:app") == (1, "", expected)


def test_show_marks_it(folder: Path, run: Run) -> None:
    (folder / "stack.toml").write_text(WARNING)
    mark = TOLD_WARNING.replace("stack.toml: entry 2 (timing), line 3: ", "       ! ")
    assert run("show", "stack.toml") == (
        0,
        f"stack.toml\n└─ errors  ErrorsMiddleware\n  └─ timing  TimingMiddleware\n{mark}    └─ app\n",
        "",
    )


def test_run_does_not_serve_what_is_an_error(folder: Path, run: Run, served: list[Any]) -> None:
    (folder / "stack.toml").write_text(WARNING + ERROR)
    told = TOLD_ERROR.replace("entry 1 (auth), line 1", "entry 3 (auth), line 5")
    err = f"asgi-middleware: {TOLD_WARNING}asgi-middleware: {told}"
    assert run("run", f"{KNOWN_APP}:app", "--stack", "stack.toml") == (1, "", err)
    assert served == []


def test_run_serves_with_a_warning(folder: Path, run: Run, served: list[Any]) -> None:
    (folder / "stack.toml").write_text(WARNING)
    expected = (0, "", f"asgi-middleware: {TOLD_WARNING}")
    assert run("run", f"{KNOWN_APP}:app", "--stack", "stack.toml") == expected
    assert len(served) == 1


def test_run_looks_into_the_application(folder: Path, run: Run, served: list[Any]) -> None:
    (folder / "stack.toml").write_text('[[middleware]]\nuse = "compression"\n')
    (folder / "given_app.py").write_text(FRAMEWORK)
    assert run("run", "given_app:app", "--stack", "stack.toml") == (0, "", f"asgi-middleware: {TWICE}")
    assert len(served) == 1


SECURE = f'[[middleware]]\nuse = "sessions"\nsecret_key = "{"k" * 40}"\nhttps_only = true\n'
TOLD_SECURE = (
    "asgi-middleware: stack.toml: entry 1 (sessions), line 1: warning: has a cookie that is always Secure, and this is "
    "plain http: browsers do not keep it, unless a proxy in front speaks https with them; put such a proxy in front "
    "[secure-cookie-on-http]\n"
)
# A host, whether other machines reach a server there.
ADDRESSES = [
    ("127.0.0.1", False),
    ("127.0.0.2", False),
    ("::1", False),
    ("localhost", False),
    ("0.0.0.0", True),  # noqa: S104  # nothing binds to it
    ("::", True),
    ("192.0.2.1", True),
    ("api.example", True),
]


@pytest.mark.parametrize(("host", "warns"), ADDRESSES)
def test_run_warns_of_secure_cookies_on_plain_http(
    host: str, warns: bool, folder: Path, run: Run, served: list[Any]
) -> None:
    (folder / "stack.toml").write_text(SECURE)
    words = ["run", f"{KNOWN_APP}:app", "--stack", "stack.toml", "--host", host]
    assert run(*words) == (0, "", TOLD_SECURE if warns else "")
    assert run(*words, "--forwarded-allow-ips", "192.0.2.1") == (0, "", "")
    (folder / "stack.toml").write_text(f'silence = ["secure-cookie-on-http"]\n{SECURE}')
    assert run(*words) == (0, "", "")
    assert run("check", "stack.toml")[0] == 0


@pytest.mark.parametrize("words", [["check"], ["show"], ["explain", "--origin", "https://a.example"]])
def test_nothing_is_told_twice(words: list[str], folder: Path) -> None:
    """In a process of its own, where what is logged goes to standard error."""
    (folder / "stack.toml").write_text(WARNING)
    command = [sys.executable, "-m", "asgi_middleware", *words, "stack.toml"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
