"""The README's blocks do what they say. Its two commands are run, as written, by `.ci/run`."""

import importlib.util
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from asgi_middleware import Stack, cli
from asgi_middleware.stack import registry

from . import apps
from .asgi import drive, http

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


IN_CODE, FROM_FILE, IN_STARLETTE, DJANGO_SETTINGS, DJANGO_ASGI, APP = blocks("python")
STACK, *ENTRIES = blocks("toml")
HEADINGS = re.findall(r"^### (.+)$", README.partition("\n## Hosts")[0], re.MULTILINE)  # behind it are tables
WORDS = [word for heading in HEADINGS for word in heading.split(", ")]
RECOMMENDED = ["request_id", "timing", "cors", "errors", "compression", "sessions", "auth"]
ORIGIN = ("origin", "https://app.example.com")


def run(code: str, **names: Any) -> dict[str, Any]:
    exec(code, names)  # noqa: S102  # the README's own code
    return names


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The empty folder of the first minute, with its two files."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stack.toml").write_text(STACK)
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


def test_every_block_is_of_a_kind_that_is_run() -> None:
    kinds = re.findall(r"^```(\w+)$", README, re.MULTILINE)
    assert set(kinds) == {"console", "python", "sh", "toml"}
    assert README.count("\n```") == 2 * len(kinds)


def test_the_code_wraps_an_app() -> None:
    app = run(IN_CODE, app=apps.text())["app"]
    exchange = drive(app, http(headers=[ORIGIN, ("accept-encoding", "gzip")]))
    added = {name for name, _ in exchange.headers}
    assert added == {
        "access-control-allow-origin",
        "content-encoding",
        "content-length",
        "content-type",
        "vary",
        "x-request-id",
    }


@pytest.mark.usefixtures("folder")
def test_the_file_wraps_an_app() -> None:
    app = run(FROM_FILE, app=apps.text(b"ok"))["app"]
    assert drive(app, http(headers=[ORIGIN])).header("access-control-allow-origin") == [ORIGIN[1]]


def test_starlette_takes_the_list() -> None:
    app = run(IN_STARLETTE)["app"]
    exchange = drive(app, http(headers=[ORIGIN]), loop="asyncio")
    assert (exchange.status, exchange.header("access-control-allow-origin")) == (404, [ORIGIN[1]])
    assert len(exchange.header("x-request-id")) == 1


DJANGO = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
import asgi
from django.core.management import call_command
call_command("check", "--fail-level", "WARNING", "--tag", "asgi_middleware")
call_command("asgi_stack")
"""


def test_django_takes_the_list(folder: Path) -> None:
    """In a process of its own, for Django has one set of settings."""
    if importlib.util.find_spec("django") is None:
        pytest.skip("django is not installed: the extra `django`")
    (folder / "settings.py").write_text(f"SECRET_KEY = 'k' * 50\nINSTALLED_APPS = []\n{DJANGO_SETTINGS}")
    (folder / "asgi.py").write_text(DJANGO_ASGI)
    code = f"import sys; sys.path[:0] = [{str(folder)!r}, {str(ROOT)!r}]\n{DJANGO}"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert [entry.strip(" └─").split()[0] for entry in done.stdout.splitlines() if "└─" in entry] == [
        "request_id",
        "cors",
        "sessions",
        "app",
    ]


@pytest.mark.usefixtures("folder")
def test_the_first_minute_goes_as_it_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    (console,) = blocks("console")
    printed = ""
    for line in console.splitlines():
        if line.startswith("$ "):
            program, *words = shlex.split(line[2:])
            assert (program, cli.main(words)) == ("asgi-middleware", 0)
            out, err = capsys.readouterr()
            printed += f"{line}\n{out}"
            assert err == ""
    assert printed == console


@pytest.mark.usefixtures("folder")
def test_the_first_application_counts_visits_inside_the_stack() -> None:
    app = Stack.from_file("stack.toml")(run(APP)["app"])
    first = drive(app, http(headers=[ORIGIN]), loop="asyncio")
    cookie = first.header("set-cookie")[0].partition(";")[0]
    second = drive(app, http(headers=[ORIGIN, ("cookie", cookie)]), loop="asyncio")
    assert (first.body, second.body) == (b"visit 1\n", b"visit 2\n")
    assert second.header("access-control-allow-origin") == [ORIGIN[1]]


def test_every_word_has_its_heading() -> None:
    assert sorted(WORDS) == sorted(registry.MIDDLEWARE)


def test_the_headings_are_in_the_recommended_order() -> None:
    assert WORDS[: len(RECOMMENDED)] == RECOMMENDED
    stack = Stack.from_file(ROOT / "examples" / "stack.toml", create_files=False)
    assert [entry.name for entry in stack] == RECOMMENDED


@pytest.mark.usefixtures("folder")
def test_the_entries_are_a_stack_together() -> None:
    Path("all.toml").write_text("\n".join(ENTRIES))
    stack = Stack.from_file("all.toml", create_files=False)
    assert [entry.name for entry in stack] == RECOMMENDED
    assert stack.check() == []


def test_every_example_is_pointed_to() -> None:
    examples = {f"examples/{path.name}" for path in (ROOT / "examples").glob("*.py")} - {"examples/__init__.py"}
    assert set(re.findall(r"^- `(examples/\w+\.py)`", README, re.MULTILINE)) == examples


def test_there_are_two_commands() -> None:
    assert len(blocks("sh")) == 2
    assert all(len(block.splitlines()) == 1 for block in blocks("sh"))
