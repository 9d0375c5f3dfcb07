"""The command: `python -m tests.hosts`, from the project's folder, runs every host and prints what was proven.

With `--write` the table goes into README.md, between its markers, if every test has passed and every host has run.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from ..writing import Command, say, write
from .table import WORD, Evidence

TESTS = ["-q", "-n", "2", "--dist", "loadfile", "-m", "hosts", str(Path(__file__).parent)]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Command(WORD, "What works with which host.")
    options = parser.options(arguments)
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
        write(file, evidence.markdown(), WORD)
    return code


if __name__ == "__main__":
    sys.exit(main())
