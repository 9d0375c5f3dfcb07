"""Commands that print tables, and with `--write` put them into README.md, each between its two marker lines."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from .serving import ROOT


def say(text: str) -> None:
    sys.stdout.write(text + "\n\n")
    sys.stdout.flush()


class Command(argparse.ArgumentParser):
    """`python -m tests.<word>`, whose markers are `<!-- word -->` and `<!-- /word -->`."""

    def __init__(self, word: str, description: str) -> None:
        super().__init__(prog=f"python -m tests.{word}", description=description)
        self._word = word
        self.add_argument(
            "--write",
            metavar="FILE",
            nargs="?",
            type=Path,
            const=ROOT / "README.md",
            help="write the tables into FILE (README.md), between their markers",
        )

    def options(self, arguments: Sequence[str] | None) -> argparse.Namespace:
        """The parsed options. What could not be written afterwards is refused before anything is run."""
        options = self.parse_args(arguments)
        if options.write is not None:
            try:
                between_markers(options.write.read_text(), "", self._word)
            except (OSError, ValueError) as error:
                self.error(f"{options.write}: {error}")
        return options


def write(file: Path, block: str, word: str) -> None:
    file.write_text(between_markers(file.read_text(), block, word))


def markers(word: str) -> tuple[str, str]:
    return f"<!-- {word} -->", f"<!-- /{word} -->"


def block_of(text: str, word: str) -> str:
    """What stands between the markers, and the first of them."""
    begin, end = markers(word)
    return text[text.index(begin) : text.index(end)]


def between_markers(text: str, block: str, word: str) -> str:
    """`text` with `block` between the two marker lines. ValueError if they are not there once, in order."""
    begin, end = markers(word)
    lines = text.split("\n")
    if lines.count(begin) != 1 or lines.count(end) != 1 or lines.index(begin) > lines.index(end):
        raise ValueError(f"there must be one line {begin} and, below it, one line {end}")
    return "\n".join([*lines[: lines.index(begin) + 1], "", block, "", *lines[lines.index(end) :]])
