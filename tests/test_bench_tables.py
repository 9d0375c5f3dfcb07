"""What the bench prints and writes: its tables, its command, and the README's part of it."""

from pathlib import Path

import pytest

from .bench import __main__ as command
from .bench import peers, report
from .bench.measuring import (
    Row,
    Scene,
    Times,
    Variant,
    measure,
)
from .benching import ROWS, SCENE, over
from .writing import between_markers

MADE_UP_TABLE = """\
### made up

|  | ours | beside it |  | ratio | at most |  |
|---|---:|---:|---:|---:|---:|---:|
| a request | 3.00 | 6.00 | theirs | 0.50 | 0.50 | met |
| a long one | 6.00 | 3.00 | ours | 2.00 | 1.90 | missed |
| a free one | 0.00 | 6.00 | theirs | 0.00 |  |  |"""


def test_a_table_shows_its_figures_limits_and_verdicts() -> None:
    assert report.table(measure(SCENE)) == MADE_UP_TABLE


def test_a_table_without_empty_wrappers_has_ratios_alone() -> None:
    variants = {"ours: page": over(None, 1), "theirs: page": over(None, 8)}
    times = measure(Scene("pages", variants, [Row("a page", "ours: page", "theirs: page", 0.25)], rounds=1))
    assert report.table(times).splitlines()[2:] == [
        "|  | to | ratio | at most |  |",
        "|---|---:|---:|---:|---:|",
        "| a page | theirs | 0.12 | 0.25 | met |",
    ]


UVICORN = Scene(
    "requests under uvicorn",
    {
        "bare": over(None, 30),
        "bare: work": over(None, 20),
        "ours": over("bare", 60),
        "ours: work": over("bare: work", 50),
    },
    [],
    rounds=1,
)


def test_under_uvicorn_each_variant_stands_beside_the_bare_application() -> None:
    assert report.throughput(measure(UVICORN)).splitlines() == [
        "|  | bare | ours |",
        "|---|---:|---:|",
        "| requests per second, the bare application's = 1 | 1.00 | 0.50 |",
        "| processor time of the server per request, the bare application's = 1 | 1.00 | 2.50 |",
    ]


def test_processor_time_is_left_out_where_the_system_does_not_tell_it() -> None:
    times = measure(UVICORN)
    without = Times(times.scene, {name: least for name, least in times.best.items() if ":" not in name}, {})
    assert report.throughput(without).splitlines()[2:] == [
        "| requests per second, the bare application's = 1 | 1.00 | 0.50 |"
    ]


def test_the_readme_gets_the_headlines_and_the_shares_under_uvicorn() -> None:
    times = measure(UVICORN)
    text = report.main_table({"made up": measure(SCENE), "uvicorn": times})
    assert text.split("\n\n") == [
        report.RATIOS,
        "\n".join(
            (
                "| one request | ours | beside it |  | ratio |",
                "|---|---:|---:|---:|---:|",
                "| a request | 3.00 | 6.00 | theirs | 0.50 |",
            )
        ),
        "Under uvicorn, each in a process of its own:",
        report.throughput(times),
        f"Made by `python -m tests.bench --write` with {report.about()}.",
    ]


README = """\
# A title

<!-- bench -->
| an older | table |
<!-- /bench -->

The rest.
"""


def test_what_stands_between_the_markers_is_replaced_and_nothing_else() -> None:
    once = between_markers(README, "| the | new |\n|---|---|", report.WORD)
    assert once == ("# A title\n\n<!-- bench -->\n\n| the | new |\n|---|---|\n\n<!-- /bench -->\n\nThe rest.\n")
    assert between_markers(once, "| the | new |\n|---|---|", report.WORD) == once


@pytest.mark.parametrize(
    "text",
    [
        "no markers",
        "<!-- bench -->\nnever closed",
        "never opened\n<!-- /bench -->",
        "<!-- /bench -->\n<!-- bench -->",
        "<!-- bench -->\n<!-- /bench -->\n<!-- bench -->\n<!-- /bench -->",
        "in a line: <!-- bench --> <!-- /bench -->",
    ],
)
def test_without_its_markers_nothing_is_written(text: str) -> None:
    with pytest.raises(ValueError, match="one line <!-- bench -->"):
        between_markers(text, "| the | new |", report.WORD)


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command with two made-up tables in the place of all."""
    monkeypatch.setattr(command, "IN_PROCESS", {"one": lambda: SCENE, "two": lambda: SCENE})
    monkeypatch.setattr(command, "WITH_SERVERS", {})
    monkeypatch.setattr(command, "AS_TEXT", {})


@pytest.mark.usefixtures("made_up")
def test_the_command_prints_every_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"{report.RATIOS}\n\n{report.about()}\n\n### made up\n")
    assert printed.count("### made up\n") == 2


@pytest.mark.usefixtures("made_up")
def test_the_command_prints_one_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--only", "two", "--quick"]) == 0
    assert capsys.readouterr().out.count("###") == 1


@pytest.mark.usefixtures("made_up")
def test_the_command_writes_into_the_file(tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    file.write_text(README)
    assert command.main(["--write", str(file)]) == 0
    written = file.read_text()
    assert "| a request | 3.00 | 6.00 | theirs | 0.50 |\n" in written
    assert "an older" not in written
    assert written.endswith("<!-- /bench -->\n\nThe rest.\n")


@pytest.mark.usefixtures("made_up")
@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--write", "plain.md"], "one line <!-- bench -->"),
        (["--write", "missing.md"], "No such file"),
        (["--write", "--only", "one"], "--write needs all tables"),
        (["--only", "three"], "invalid choice: 'three'"),
    ],
)
def test_the_command_refuses_before_it_measures(
    arguments: list[str],
    complaint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("plain.md").write_text("no markers")
    with pytest.raises(SystemExit) as caught:
        command.main(arguments)
    captured = capsys.readouterr()
    assert (caught.value.code, captured.out) == (2, "")
    assert complaint in captured.err


def test_a_table_that_fails_does_not_take_the_others_with_it_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails() -> Scene:
        raise RuntimeError("the server did not come up")

    monkeypatch.setattr(command, "IN_PROCESS", {"one": fails, "two": lambda: SCENE})
    monkeypatch.setattr(command, "WITH_SERVERS", {})
    monkeypatch.setattr(command, "AS_TEXT", {})
    file = tmp_path / "README.md"
    file.write_text(README)
    assert command.main(["--write", str(file)]) == 1
    printed = capsys.readouterr().out
    assert "### one\n\nNot measured: the server did not come up\n" in printed
    assert "### made up\n" in printed
    assert file.read_text() == README


def test_figures_without_every_peer_are_printed_but_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    variants = {**SCENE.variants, "nobody: a request": Variant(lambda: peers.peer("no_such_package:Middleware"))}
    monkeypatch.setattr(command, "IN_PROCESS", {"one": lambda: Scene("made up", variants, ROWS, rounds=3)})
    monkeypatch.setattr(command, "WITH_SERVERS", {})
    monkeypatch.setattr(command, "AS_TEXT", {})
    file = tmp_path / "README.md"
    file.write_text(README)
    assert command.main([]) == 0
    assert command.main(["--write", str(file)]) == 1
    assert "Nothing was written" in capsys.readouterr().out
    assert file.read_text() == README
