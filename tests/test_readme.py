"""The README's blocks do what they say. Its two commands are run, as written, by `.ci/run`."""

import re
from pathlib import Path
from typing import Any

import pytest

from asgi_middleware import Stack, cli
from asgi_middleware.stack import registry

from . import apps
from .asgi import drive, http

README = (Path(__file__).parent.parent / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_the_code_wraps_an_app() -> None:
    names: dict[str, Any] = {"app": apps.text()}
    exec(blocks("python")[0], names)  # noqa: S102  # the README's own code
    exchange = drive(names["app"], http(headers=[("origin", "https://app.example.com"), ("accept-encoding", "gzip")]))
    added = {name for name, _ in exchange.headers}
    assert added == {
        "access-control-allow-origin",
        "content-encoding",
        "content-length",
        "content-type",
        "vary",
        "x-request-id",
    }


def test_the_config_list_is_checked_shown_and_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("stack.toml").write_text(blocks("toml")[0])
    assert cli.main(["check", "stack.toml"]) == 0
    assert capsys.readouterr().out == "stack.toml: no problems in 2 entries\n"
    names: dict[str, Any] = {"app": apps.text(b"ok")}
    exec(blocks("python")[1], names)  # noqa: S102  # the README's own code
    exchange = drive(names["app"], http(headers=[("origin", "https://app.example.com")]))
    assert exchange.header("access-control-allow-origin") == ["https://app.example.com"]


def test_the_table_names_every_word() -> None:
    rows = re.findall(r"^\| (`[a-z_`, ]+`) \|", README, re.MULTILINE)
    words = [word for row in rows for word in re.findall(r"[a-z_]+", row)]
    assert sorted(words) == sorted(registry.MIDDLEWARE)


def test_the_order_of_the_table_is_the_recommended_one() -> None:
    recommended = ["request_id", "timing", "cors", "errors", "compression", "sessions", "auth"]
    positions = [README.index(f"| `{word}`") for word in recommended]
    assert positions == sorted(positions)
    stack = Stack.from_file(Path(__file__).parent.parent / "examples" / "stack.toml", create_files=False)
    assert [entry.name for entry in stack] == recommended


def test_there_are_two_commands() -> None:
    assert len(blocks("sh")) == 2
    assert all(len(block.splitlines()) == 1 for block in blocks("sh"))
