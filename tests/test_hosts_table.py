"""The README's table of hosts: its shape, and how it comes from what the tests say. No host runs here."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from .hosts import __main__ as command
from .hosts import table
from .hosts.table import FACTS, HEAD, HOSTS, WORD, WORDS, Evidence, Proof, of_pair
from .writing import block_of

README = Path(__file__).parent.parent / "README.md"
EMPTY = "Before.\n\n<!-- hosts -->\n\nan older one\n\n<!-- /hosts -->\n\nAfter.\n"


def rows(block: str) -> list[list[str]]:
    """The cells of a table, less its two first lines."""
    lines = re.findall(r"^\|(.*)\|$", block, re.MULTILINE)[2:]
    return [[cell.strip() for cell in line.split("|")] for line in lines]


def test_the_readme_has_the_table_as_it_would_be_written_now() -> None:
    block = block_of(README.read_text(), WORD)
    assert WORDS in block
    assert f"| {' | '.join(HEAD)} |" in block
    assert [cells[0] for cells in rows(block)] == list(HOSTS)
    for host, version, beside, facts, _ in rows(block):
        proven = facts.split(", ")
        assert proven == [fact for fact in FACTS if fact in proven] != [], host
        assert re.match(r"\d+\.", version), host
        assert beside, host


def report(*properties: tuple[str, Any], passed: bool = True, when: str = "call") -> Any:
    return SimpleNamespace(when=when, passed=passed, user_properties=list(properties))


def told(evidence: Evidence, host: str) -> list[str]:
    """The cells of one host's row."""
    return next(row for row in rows(evidence.markdown()) if row[0] == host)[1:]


def test_only_what_has_passed_counts() -> None:
    evidence = Evidence()
    proof = ("proves", tuple(Proof("Bocadillo", ["bodies"], "uvicorn", version="0.18.3")))
    evidence.pytest_runtest_logreport(report(proof, passed=False))
    evidence.pytest_runtest_logreport(report(proof, when="setup"))
    assert "Bocadillo" in evidence.missing()
    evidence.pytest_runtest_logreport(report(("of another kind", 1), proof))
    assert "Bocadillo" not in evidence.missing()


def test_a_row_gathers_what_its_tests_say() -> None:
    evidence = Evidence()
    for proof in (
        Proof("Bocadillo", ["lifespan"], "uvicorn", version="0.18.3"),
        Proof("Bocadillo", ["session", "bodies"], "uvicorn"),
        Proof("Bocadillo", lacks="it is old"),
        Proof("Bocadillo", lacks="it is old"),
        Proof("Bocadillo", lacks="and alone"),
    ):
        evidence.add(proof)
    assert told(evidence, "Bocadillo") == ["0.18.3", "uvicorn", "bodies, session, lifespan", "it is old; and alone"]


def test_pairs_speak_for_the_server_and_for_the_application() -> None:
    evidence = Evidence()
    reason = "Daphne runs no lifespan"
    for value in (
        ("hypercorn", "starlette", "six", "h2", "json", None),
        ("hypercorn-h3", "raw", "six", "h3", "events", None),
        ("hypercorn", "starlette", "native", "h1", "own", None),
        ("hypercorn", "sse", "six", "h1", "events", None),
        ("hypercorn-trio", "raw", "six", "h1", "json", None),
        ("daphne", "starlette", "six", "h1", "lifespan", reason),
    ):
        evidence.pytest_runtest_logreport(report(("proven", value)))
    assert told(evidence, "Hypercorn")[1:] == ["Starlette over HTTP/1.1, 2, 3", "bodies, SSE, trio", ""]
    assert told(evidence, "Starlette")[1:] == ["Hypercorn", "bodies", ""]
    assert told(evidence, "sse-starlette")[1:] == ["Hypercorn", "SSE", ""]
    assert told(evidence, "Daphne")[2:] == ["", reason]


def test_a_reason_stands_in_the_rows_of_those_that_it_names() -> None:
    both = "Quart demands `scheme`, and Daphne gives none"
    assert [proof.host for proof in of_pair("daphne", "quart", "six", "h1", "socket", both)] == ["Daphne", "Quart"]
    assert [proof.host for proof in of_pair("daphne", "django", "six", "h1", "accept", "Daphne sends none")] == [
        "Daphne"
    ]


def test_many_are_told_by_number() -> None:
    assert table.beside(["uvicorn", "Daphne", "Hypercorn"]) == "uvicorn, Daphne, Hypercorn"
    assert table.beside(["uvicorn", "Daphne", "Hypercorn", "gunicorn"]) == "4 servers"
    assert table.beside(["Django", "Quart", "Sanic", "Falcon"]) == "4 frameworks"
    assert table.beside(["a", "b", "c", "d"]) == "a, b, c, d"


@pytest.mark.parametrize("proof", [Proof("Unheard"), Proof("Django", ["speed"])])
def test_what_the_table_has_no_place_for_is_refused(proof: Proof) -> None:
    with pytest.raises(ValueError, match="the table has no row or no word for"):
        Evidence().add(proof)


def whole() -> Evidence:
    evidence = Evidence()
    for host in HOSTS:
        evidence.add(Proof(host, ["bodies"], "a test"))
    return evidence


def test_the_whole_table_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "README.md"
    file.write_text(EMPTY)
    assert command.finish(0, whole(), file) == 0
    written = file.read_text()
    assert written == EMPTY.replace("an older one", whole().markdown())
    assert [row[0] for row in rows(written)] == list(HOSTS)
    assert "Not run" not in capsys.readouterr().out


def test_nothing_is_written_where_a_host_is_missing_or_a_test_has_failed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "README.md"
    file.write_text(EMPTY)
    partly = whole()
    partly.rows["Mangum"].facts.clear()
    assert command.finish(0, partly, file) == 1
    assert "Not run: Mangum\n" in capsys.readouterr().out
    assert command.finish(1, whole(), file) == 1
    assert "Nothing was written" in capsys.readouterr().out
    assert file.read_text() == EMPTY
    assert command.finish(0, partly, None) == 0


@pytest.mark.parametrize(("text", "complaint"), [("no markers", "one line <!-- hosts -->"), (None, "No such file")])
def test_the_command_refuses_before_it_runs_anything(
    text: str | None, complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "README.md"
    if text is not None:
        file.write_text(text)
    with pytest.raises(SystemExit) as caught:
        command.main(["--write", str(file)])
    assert caught.value.code == 2
    assert complaint in capsys.readouterr().err
