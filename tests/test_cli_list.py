"""`cli`: `list`, the forms for programs, colours, and a reader that has seen enough."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from asgi_middleware.stack import registry
from asgi_middleware.stack.catalogue import catalogue, first_sentence, sentences
from asgi_middleware.stack.listing import type_words

from .commanding import ERRORS, Run

pytestmark = pytest.mark.usefixtures("folder")


# --- list --------------------------------------------------------------------

LISTED = """\
errors: Answers the application's crashes
  debug = false: true or false
      put the traceback into the response, for loopback clients only, and only without a Forwarded,
      X-Forwarded-* or Via header
  reraise = true: true or false
      raise the exception again after the response
"""


def test_list_prints_the_words_that_are_asked_for(run: Run) -> None:
    assert run("list", "errors") == (0, LISTED, "")


def test_list_prints_every_word(run: Run) -> None:
    status, out, err = run("list")
    assert (status, err) == (0, "")
    assert re.findall(r"^(\w+): \S", out, re.MULTILINE) == list(registry.MIDDLEWARE)
    assert max(map(len, out.splitlines())) < 260
    for line in (
        "  secret_key (required): text, or list of anything",
        "  max_age = 600: whole number, or none",
        "  domain: text",
        '  same_site = "lax": "lax" or "strict" or "none"',
        "  clock = <time.time>: { import = ... }",
        "  backend (required): { use = ... }, or a list of these",
        '      { use = "redis" }: A store with a client of its own, which connects when it is first used',
        "        url (required): text",
        "  levels: table of whole number",
        "        htpasswd: path",
    ):
        assert line in out.splitlines()


def test_list_says_which_word_was_probably_meant(run: Run) -> None:
    expected = (
        "asgi-middleware: list: 2 problems\n  - gizp: is no known name; did you mean 'gzip'?\n"
        "  - eror: is no known name; did you mean 'errors'?\n"
    )
    assert run("list", "gizp", "cors", "eror") == (1, "", expected)


def test_list_for_programs(run: Run) -> None:
    status, out, err = run("list", "--json", "sessions", "errors")
    assert (status, err) == (0, "")
    errors, sessions = json.loads(out)
    assert errors == {
        "word": "errors",
        "use": "asgi_middleware.errors:ErrorsMiddleware",
        "summary": "Answers the application's crashes",
        "broken": None,
        "options": [
            {
                "name": "debug",
                "type": "true or false",
                "required": False,
                "default": False,
                "summary": (
                    "put the traceback into the response, for loopback clients only, and only without a Forwarded, "
                    "X-Forwarded-* or Via header"
                ),
                "parts": [],
            },
            {
                "name": "reraise",
                "type": "true or false",
                "required": False,
                "default": True,
                "summary": "raise the exception again after the response",
                "parts": [],
            },
        ],
        "takes_any": False,
    }
    options = {option["name"]: option for option in sessions["options"]}
    assert (options["secret_key"]["required"], options["secret_key"]["default"]) == (True, None)
    assert options["clock"]["default"] == "<time.time>"
    assert [part["word"] for part in options["store"]["parts"]] == ["memory", "redis", "sql", "sqlite"]


def test_every_option_of_ours_has_a_sentence() -> None:
    lacking = {
        f"{described.word}.{option.name}"
        for described in catalogue()
        for option in described.options
        if not described.sentences.get(option.name)
    }
    assert lacking == set()


# A docstring, the options, what is said of them.
DOCSTRINGS: list[tuple[str, str, dict[str, str]]] = [
    (
        "one to a line",
        "Does.\n\n- `a`: one thing.\n- `b`: another, and\n  more. Not this.\n",
        {"a": "one thing", "b": "another, and more"},
    ),
    ("two in a line", "- `a`: one thing. `b`: another.", {"a": "one thing", "b": "another"}),
    (
        "several at once",
        "- `a`, `b`: both.\n- `c` and `d`: these.",
        {"a": "both", "b": "both", "c": "these", "d": "these"},
    ),
    ("functions", "- `a(scope) -> bool`: who.\n- `b(x)`, `c`: what.", {"a": "who", "b": "what", "c": "what"}),
    ("in a sentence", "`a`: one; `b`: two.", {"a": "one", "b": "two"}),
    ("other names", "- `a`: one, such as `x`: two.\n- `y`: three.", {"a": "one, such as `x`: two"}),
    ("the first counts", "- `a`: one.\n\n`a`: two.", {"a": "one"}),
    ("values", '- `a`: `"x"` or `"y"`: all. `"z"`: not.', {"a": '`"x"` or `"y"`: all'}),
    ("a number with a point", "- `a`: from 1.5 on. More.", {"a": "from 1.5 on"}),
    ("nothing", "", {}),
]


@pytest.mark.parametrize(("sentence", "text", "expected"), DOCSTRINGS, ids=[row[0] for row in DOCSTRINGS])
def test_what_a_docstring_says_of_options(sentence: str, text: str, expected: dict[str, str]) -> None:
    assert sentences(text, set("abcd")) == expected


def test_the_first_sentence_of_a_docstring() -> None:
    assert first_sentence("Does this,\n    and that. More.\n\nMore.") == "Does this, and that"
    assert first_sentence("No mark at its end") == "No mark at its end"
    assert first_sentence("") == ""


TYPES: list[tuple[Any, str]] = [
    (str, "text"),
    (str | None, "text, or none"),
    (int | float, "whole number, or number"),
    (list[int] | tuple[str, ...], "list of whole number, or list of text"),
    (dict[str, list[bool]], "table of list of true or false"),
    (Path | str, "path, or text"),
    (bytes | str, "text"),
    (Any, "anything"),
    (object | str, "text"),
    (type(re), "{ import = ... }"),
]


@pytest.mark.parametrize(("annotation", "words"), TYPES, ids=[row[1] for row in TYPES])
def test_types_in_words(annotation: Any, words: str) -> None:
    assert type_words(annotation) == words


# --- for programs ------------------------------------------------------------


def test_check_for_programs(folder: Path, run: Run) -> None:
    (folder / "stack.toml").write_text("silense = []\n" + ERRORS + "debgu = 1\nreraise = 1\n")
    status, out, err = run("check", "stack.toml", "--json")
    assert (status, err) == (1, "")
    place = {"entry": 1, "line": 2}
    assert json.loads(out) == {
        "stack": "stack.toml",
        "problems": [
            {
                "entry": None,
                "line": None,
                "option": "silense",
                "seen": "",
                "rule": "is not known at the top of a stack file",
                "remedy": "did you mean 'silence'?",
            },
            {
                **place,
                "option": "entry 1 (errors), line 2: debgu",
                "seen": "",
                "rule": "is no option here",
                "remedy": "did you mean 'debug'?",
            },
            {
                **place,
                "option": "entry 1 (errors), line 2: reraise",
                "seen": "1",
                "rule": "is not among the choices",
                "remedy": "use one of False, True",
            },
        ],
        "findings": [],
    }
    (folder / "stack.toml").write_text(ERRORS)
    good = '{\n  "stack": "stack.toml",\n  "problems": [],\n  "findings": []\n}\n'
    assert run("check", "stack.toml", "--json") == (0, good, "")


def test_what_the_order_breaks_for_programs(folder: Path, run: Run) -> None:
    (folder / "stack.toml").write_text('[[middleware]]\nuse = "auth"\nbackend = { use = "session" }\n')
    status, out, err = run("check", "stack.toml", "--json")
    assert (status, err) == (1, "")
    (finding,) = json.loads(out)["findings"]
    assert (finding["code"], finding["severity"]) == ("sessions-outside-session-user", "error")
    assert (finding["where"], set(finding)) == (
        "entry 1 (auth), line 1",
        {"code", "severity", "where", "message", "remedy"},
    )


def test_check_of_no_file_for_programs(run: Run) -> None:
    status, out, err = run("check", "nowhere.toml", "--json")
    assert (status, err, [problem["rule"] for problem in json.loads(out)["problems"]]) == (1, "", ["does not exist"])


def test_show_for_programs(folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLI_KEY", "zqxjkvwy" * 5)
    (folder / "stack.toml").write_text(
        '[[middleware]]\nuse = "errors"\nname = "crashes"\n'
        'paths = ["/a"]\nexclude = ["/b"]\ntypes = ["websocket", "http"]\n'
        '[[middleware]]\nuse = "timing"\nenabled = false\n'
        '[[middleware]]\nuse = "sessions"\nsecret_key = { env = "CLI_KEY" }\nstore = "redis://ada:zqxjkvwy@host"\n'
        'clock = { import = "time:time" }\nmax_age = 60\n'
    )
    status, out, err = run("show", "stack.toml", "--json")
    assert (status, err) == (0, "")
    assert json.loads(out) == {
        "stack": "stack.toml",
        "middleware": [
            {
                "name": "crashes",
                "use": "asgi_middleware.errors:ErrorsMiddleware",
                "paths": ["/a"],
                "exclude": ["/b"],
                "types": ["http", "websocket"],
                "options": {},
            },
            {
                "name": "sessions",
                "use": "asgi_middleware.sessions.middleware:SessionMiddleware",
                "paths": None,
                "exclude": None,
                "types": None,
                "options": {
                    "secret_key": "<from env CLI_KEY>",
                    "store": "redis://<hidden>@host",
                    "clock": "<from import time:time>",
                    "max_age": 60,
                },
            },
        ],
    }


# --- terminals ---------------------------------------------------------------


def on_a_terminal(*words: str, **environment: str) -> str:
    """What the command prints on a terminal, both streams."""
    inside, outside = pty.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "asgi_middleware", *words],
            stdin=outside,
            stdout=outside,
            stderr=outside,
            env={**{k: v for k, v in os.environ.items() if k != "NO_COLOR"}, "TERM": "xterm", **environment},
        )
        process.wait()
    finally:
        os.close(outside)
    with open(inside, "rb") as terminal:
        try:
            return terminal.read1(65536).decode().replace("\r\n", "\n")
        except OSError:  # as Linux says that nobody is at the other end
            return ""


def test_colours_stand_on_a_terminal_alone(folder: Path) -> None:
    assert on_a_terminal("check", "stack.toml") == "\x1b[32mstack.toml: no problems in 1 entry\x1b[0m\n"
    assert on_a_terminal("check", "stack.toml", NO_COLOR="1") == "stack.toml: no problems in 1 entry\n"
    assert on_a_terminal("check", "stack.toml", TERM="dumb") == "stack.toml: no problems in 1 entry\n"
    assert on_a_terminal("check", "stack.tml").startswith("\x1b[31masgi-middleware:\x1b[0m stack.tml: file: does not")
    assert on_a_terminal("show", "stack.toml") == (
        "stack.toml\n└─ \x1b[1merrors\x1b[0m  ErrorsMiddleware\n  └─ \x1b[1mapp\x1b[0m\n"
    )
    assert on_a_terminal("list", "errors").startswith("\x1b[1merrors\x1b[0m: Answers")


def test_a_reader_may_go_before_the_end() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "asgi_middleware", "schema"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert (process.stderr.read(), process.wait()) == (b"", 1)
