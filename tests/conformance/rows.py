"""What a row of the conformance tables is, and what its check may say.

A check drives one subject. It returns FINE, or in a few words what happens instead; `Seen` says the same from further
down. Whatever the subject itself raises is told by the name of its class.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..asgi import Exchange

FINE = "yes"

Subject = Any  # what a topic's checks are given: a wrapper of applications, or an object that makes some
Check = Callable[[Subject], str]


class Seen(Exception):
    """What happens instead, in a few words."""


@dataclass(frozen=True)
class Row:
    """One sentence that should hold.

    `clause` is where it is written. `ours` is FINE, but where a user of a peer may miss something here: then it is what
    happens instead. `peers`: the columns that the sentence concerns; None for all of the topic.
    """

    sentence: str
    clause: str
    check: Check
    ours: str = FINE
    peers: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Topic:
    """One table. `ours` and each of the `peers` are subjects by their names: a column holds several where it has to."""

    title: str
    ours: Mapping[str, Subject]
    peers: Mapping[str, Mapping[str, Subject]]
    rows: tuple[Row, ...]

    def concerns(self, row: Row, column: str) -> bool:
        return row.peers is None or column in row.peers


def verdict(row: Row, subject: Subject) -> str:
    """What the row's check says of one subject."""
    try:
        return row.check(subject)
    except Seen as seen:
        return str(seen)
    except (ImportError, Warning):
        raise  # a peer that is not installed says nothing, nor does a warning that is an error here
    except Exception as error:
        return type(error).__name__


def cell(row: Row, subjects: Mapping[str, Subject]) -> str:
    """What stands in a cell: FINE if all subjects are, else what happens, and with which of them if not with all."""
    told: dict[str, list[str]] = {}
    for name, subject in subjects.items():
        told.setdefault(verdict(row, subject), []).append(name)
    if len(told) == 1:
        return next(iter(told))
    return "; ".join(f"{', '.join(names)}: {words}" for words, names in told.items() if words != FINE)


def answered(exchange: Exchange) -> Exchange:
    """The same exchange, if the request was answered at all."""
    if exchange.error is not None:
        raise Seen(type(exchange.error).__name__)
    if not exchange.sent:
        raise Seen("no response")
    return exchange


def only(words: Iterable[str], sentence: str) -> str:
    """FINE without any words, else the sentence with them in the place of `{}`."""
    joined = ", ".join(words)
    return sentence.format(joined) if joined else FINE


def all_of(sentences: Iterable[str]) -> str:
    """FINE without any of them."""
    return " and ".join(sentences) or FINE
