"""`cli`: colours, what a terminal cannot show, a reader that has gone; a server that cannot start."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from asgi_middleware.cli import main

from .commanding import ERRORS, KNOWN_APP, Run
from .test_cli_order import ERROR, WARNING

pytestmark = pytest.mark.usefixtures("folder")

GONE = "stak.toml: file: does not exist; did you mean 'stack.toml'?"
# A sentence, the stack, the words, the line of standard output or error that is coloured.
COLOURED = [
    ("nothing wrong is green", ERRORS, ["check", "stack.toml"], "\x1b[32mstack.toml: no problems in 1 entry\x1b[0m"),
    ("a warning is yellow", WARNING, ["check", "stack.toml"], "\x1b[33mstack.toml: 1 problem in 2 entries\x1b[0m"),
    ("an error is red", ERROR, ["check", "stack.toml"], "\x1b[31mstack.toml: 1 problem in 1 entry\x1b[0m"),
    ("a refusal begins red", ERRORS, ["check", "stak.toml"], f"\x1b[31masgi-middleware:\x1b[0m {GONE}"),
    ("a name is bold", ERRORS, ["show", "stack.toml"], "└─ \x1b[1merrors\x1b[0m  ErrorsMiddleware"),
    ("the app is too", ERRORS, ["show", "stack.toml"], "  └─ \x1b[1mapp\x1b[0m"),
    ("and a word", ERRORS, ["list", "errors"], "\x1b[1merrors\x1b[0m: Answers the application's crashes"),
]


@pytest.mark.parametrize(("sentence", "stack", "words", "line"), COLOURED, ids=[row[0] for row in COLOURED])
@pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")], ids=["NO_COLOR", "TERM"])
def test_colours(
    sentence: str,
    stack: str,
    words: list[str],
    line: str,
    variable: str,
    value: str,
    folder: Path,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for stream in (sys.stdout, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    (folder / "stack.toml").write_text(stack)
    _, out, err = run(*words)
    assert line in (out + err).splitlines()
    monkeypatch.setenv(variable, value)
    _, plain, wrong = run(*words)
    assert "\x1b" not in plain + wrong
    assert len(plain + wrong) < len(out + err)


def test_what_a_terminal_cannot_show_is_escaped(run: Run) -> None:
    told = "\\udcff: file: does not exist; mend the path"
    assert run("check", "\udcff") == (1, "", f"asgi-middleware: {told}\n")


def test_a_reader_that_has_gone_is_told_nothing_more(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def prints(_arguments: Any) -> int:
        raise BrokenPipeError

    redirected: list[tuple[int, int]] = []
    with monkeypatch.context() as here:
        here.setattr("asgi_middleware.cli._schema", prints)
        here.setattr(sys.stdout, "fileno", lambda: 1)
        here.setattr("os.open", lambda path, flags: {os.devnull: 77}[path])
        here.setattr("os.dup2", lambda *two: redirected.append(two))
        status = main(["schema"])
    assert (status, redirected) == (1, [(77, 1)])


def test_a_server_that_cannot_start_has_said_why(run: Run, served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def leave(app: Any, **options: Any) -> None:
        raise SystemExit(3)

    monkeypatch.setattr("uvicorn.run", leave)
    assert run("run", f"{KNOWN_APP}:app", "--stack", "stack.toml") == (1, "", "")
