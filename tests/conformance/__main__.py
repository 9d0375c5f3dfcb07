"""The command: `python -m tests.conformance`, from the project's folder, asks everybody and prints the tables.

With `--write` they go into README.md, between their markers, if ours does what it should and every peer is installed.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from ..bench.report import between_markers
from ..serving import ROOT
from .table import BEGIN, END, Cells, markdown, run, unexpected


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description="Who keeps to what.")
    parser.add_argument(
        "--write",
        metavar="FILE",
        nargs="?",
        type=Path,
        const=ROOT / "README.md",
        help="write the tables into FILE (README.md), between their markers",
    )
    options = parser.parse_args(arguments)
    if options.write is not None:
        try:
            between_markers(options.write.read_text(), "", BEGIN, END)
        except (OSError, ValueError) as error:
            parser.error(f"{options.write}: {error}")
    # Much of what is asked is logged by somebody.
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        cells = run()
    except ImportError as error:
        parser.error(f"{error}; the peers come with the extra `bench`")
    return finish(cells, options.write)


def finish(cells: Cells, file: Path | None) -> int:
    """Print the tables, and write them where ours is as it should be."""
    say(markdown(cells))
    wrong = unexpected(cells)
    if wrong:
        say("Ours does otherwise, so nothing is written:\n" + "\n".join(f"- {each}" for each in wrong))
        return 1
    if file is not None:
        file.write_text(between_markers(file.read_text(), markdown(cells), BEGIN, END))
    return 0


def say(text: str) -> None:
    sys.stdout.write(text + "\n\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
