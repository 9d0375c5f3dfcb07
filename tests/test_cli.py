"""`cli`: exit status and the whole of what `check` and `show` print; words, help, and the installed script."""

import os
import sys
from pathlib import Path

import pytest

from .commanding import ERRORS, KNOWN_APP, Run

pytestmark = pytest.mark.usefixtures("folder")

# A sentence, the stack, exit status, standard output and standard error of `check`.
CHECKS: list[tuple[str, str, int, str, str]] = [
    ("one entry", ERRORS, 0, "stack.toml: no problems in 1 entry\n", ""),
    ("two entries", '[[middleware]]\nuse = "request_id"\n' + ERRORS, 0, "stack.toml: no problems in 2 entries\n", ""),
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


def test_check_counts_what_a_middleware_warns_of(folder: Path, run: Run) -> None:
    (folder / "stack.toml").write_text('[[middleware]]\nuse = "sessions"\nsecret_key = "zqxjkvwy"\n')
    status, out, err = run("check", "stack.toml")
    first, last = out.splitlines()
    assert (status, err) == (0, "")
    assert first.startswith("stack.toml: warning: SessionMiddleware: secret_key is shorter than 32 bytes, ")
    assert last == "stack.toml: 1 problem in 1 entry"
    assert "zqxjkvwy" not in out


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
    *(
        (
            f"{number!r} processes",
            [*APP_WORDS, "--workers", number],
            (
                f"asgi-middleware run: error: argument --workers: {number!r} is no number of processes; "
                "give one from 1 to 1024"
            ),
        )
        for number in ("0", "1025", "x", "-1", "２")  # noqa: RUF001  # a digit of another alphabet
    ),
    (
        "processes that start anew",
        [*APP_WORDS, "--workers", "2", "--reload"],
        "asgi-middleware run: error: argument --reload: not allowed with argument --workers",
    ),
    (
        "no command",
        [],
        "asgi-middleware: error: the following arguments are required: {run,check,show,list,schema,explain}",
    ),
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
    assert "argument {run,check,show,list,schema,explain}: invalid choice: 'chek'" in err
