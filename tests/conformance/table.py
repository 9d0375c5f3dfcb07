"""The README's tables: run, written, read again and compared."""

import importlib.metadata
import platform
import re
from collections.abc import Mapping, Sequence

from ..writing import block_of
from . import auth, compression, cors, every, request_id, sessions, timing
from .rows import FINE, Row, Topic, cell
from .subjects import PACKAGES

WORD = "conformance"  # of its markers
OURS = "ours"
TOPICS: tuple[Topic, ...] = (
    every.TOPIC,
    cors.TOPIC,
    compression.TOPIC,
    sessions.TOPIC,
    request_id.TOPIC,
    timing.TOPIC,
    auth.TOPIC,
)

# Of each topic, of each sentence, what stands in which column. A column that a sentence does not concern is "".
Cells = Mapping[str, Mapping[str, Mapping[str, str]]]

WORDS = (
    "`yes`: it is so. Anything else is what happens instead, and with whom, where a column has several: `Starlette` is "
    "its middlewares, each by its name, `ours` every configuration that the tests have. An exception is told by the "
    "name of its class. Nothing: the row is not about that peer."
)


def columns(topic: Topic) -> list[str]:
    return [OURS, *topic.peers]


def row_of(topic: Topic, row: Row, wanted: Sequence[str]) -> dict[str, str]:
    """The cells of one row, of these columns. ImportError where a peer is not installed."""
    found = {}
    for column in wanted:
        subjects = topic.ours if column == OURS else topic.peers[column]
        found[column] = cell(row, subjects) if column == OURS or topic.concerns(row, column) else ""
    return found


def run(topics: Sequence[Topic] = TOPICS) -> Cells:
    """Every row with every subject. ImportError where a peer is not installed."""
    return {topic.title: {row.sentence: row_of(topic, row, columns(topic)) for row in topic.rows} for topic in topics}


def unexpected(cells: Cells, topics: Sequence[Topic] = TOPICS) -> list[str]:
    """The rows in which ours does something else than it should."""
    return [
        f"{topic.title}: {row.sentence}: {seen}"
        for topic in topics
        for row in topic.rows
        if (seen := cells[topic.title][row.sentence][OURS]) != row.ours
    ]


def markdown(cells: Cells, topics: Sequence[Topic] = TOPICS) -> str:
    """The tables, and above them what their words mean and with what they were made."""
    parts = [WORDS, f"Made by `python -m tests.conformance --write` with {about()}."]
    for topic in topics:
        head = ["", "written in", *columns(topic)]
        lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
        for row in topic.rows:
            seen = cells[topic.title][row.sentence]
            lines.append(f"| {' | '.join([row.sentence, row.clause, *(seen[each] for each in columns(topic))])} |")
        parts.append("\n".join([f"### {topic.title}", "", *lines]))
    return "\n\n".join(parts)


def about() -> str:
    """The interpreter and the peers, with their versions."""
    installed = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    return f"{platform.python_implementation()} {platform.python_version()}, {installed}"


def read(text: str) -> Cells:
    """What `markdown` has written, out of a whole file. ValueError without its markers."""
    found = {}
    for part in block_of(text, WORD).split("\n### ")[1:]:
        head, _, *rows = [
            [each.strip() for each in line.split(" | ")]
            for line in re.findall(r"^\| (.*) \|$|^\|(?:---\|)+$", part, re.MULTILINE)
        ]
        found[part.partition("\n")[0]] = {each[0]: dict(zip(head[2:], each[2:], strict=True)) for each in rows}
    return found


def differences(written: Cells, seen: Cells) -> list[str]:
    """What another run has seen otherwise, or has and the file does not; of the topics that the run has."""
    found = []
    for title, rows in seen.items():
        known = written.get(title, {})
        if [*known] != [*rows]:
            found.append(f"{title}: the rows are others, or stand otherwise")
        for sentence, cells in rows.items():
            for column, words in cells.items():
                said = known.get(sentence, {}).get(column)
                if said != words:
                    found.append(f"{title}: {sentence}: {column}: written is {said!r}, seen is {words!r}")
    return found


def able_to_fail(cells: Cells, topic: Topic, row: Row) -> bool:
    """Whether the check of a row says something else than FINE of anybody."""
    return any(words not in (FINE, "") for words in cells[topic.title][row.sentence].values())
