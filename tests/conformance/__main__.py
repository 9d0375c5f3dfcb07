"""The command: `python -m tests.conformance`, from the project's folder, asks everybody and prints the tables.

With `--write` they go into README.md, between their markers, if ours does what it should and every peer is installed.
"""

import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from ..writing import Command, say, write
from .table import WORD, Cells, markdown, run, unexpected


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Command(WORD, "Who keeps to what.")
    options = parser.options(arguments)
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
        write(file, markdown(cells), WORD)
    return 0


if __name__ == "__main__":
    sys.exit(main())
