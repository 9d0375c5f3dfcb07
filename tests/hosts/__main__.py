"""The command: `python -m tests.hosts`, from the project's folder, runs every host and prints what was proven.

With `--write` the table goes into README.md, between its markers, if every test has passed and every host has run.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from ..bench.report import between_markers
from ..serving import ROOT
from .table import BEGIN, END, Evidence

TESTS = ["-q", "-n", "2", "--dist", "loadfile", "-m", "hosts", str(Path(__file__).parent)]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hosts", description="What works with which host.")
    parser.add_argument(
        "--write",
        metavar="FILE",
        nargs="?",
        type=Path,
        const=ROOT / "README.md",
        help="write the table into FILE (README.md), between its markers",
    )
    options = parser.parse_args(arguments)
    if options.write is not None:
        try:
            between_markers(options.write.read_text(), "", BEGIN, END)
        except (OSError, ValueError) as error:
            parser.error(f"{options.write}: {error}")
    evidence = Evidence()
    code = int(pytest.main(TESTS, plugins=[evidence]))
    return finish(code, evidence, options.write)


def finish(code: int, evidence: Evidence, file: Path | None) -> int:
    """Print the table, and write it where it is whole."""
    say(evidence.markdown())
    missing = evidence.missing()
    if missing:
        say(f"Not run: {', '.join(missing)}")
    if file is not None and (code or missing):
        say("Nothing was written: the file gets the table only where every host has run and every test has passed.")
        return code or 1
    if file is not None:
        file.write_text(between_markers(file.read_text(), evidence.markdown(), BEGIN, END))
    return code


def say(text: str) -> None:
    sys.stdout.write(text + "\n\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
