"""For which requests something in a chain is, and what two of these have in common.

Patterns of the one path grammar are either inside one another or apart. Paths in doubt, which `paths` always covers,
do not count here: they are refused or rare, and what is said of an order is about the others.
"""

from collections.abc import Collection
from dataclasses import dataclass

from .._paths import Paths

_TYPES = frozenset({"http", "websocket"})
_EVERYWHERE = ("/*",)


@dataclass(frozen=True, slots=True)
class Reach:
    """The paths in `paths` without those in `exclude`, on scopes of these types."""

    paths: tuple[str, ...] = _EVERYWHERE
    exclude: tuple[str, ...] = ()
    types: frozenset[str] = _TYPES

    def meets(self, other: "Reach") -> bool:
        """Whether some request is for both."""
        return bool(self.types & other.types and self.within(other).paths)

    def covers(self, other: "Reach") -> bool:
        """Whether every request for the other is for this one too."""
        return (
            self.types >= other.types
            and all(_is_in(path, self.paths) for path in other.paths if not _is_in(path, other.exclude))
            and all(_is_in(path, other.exclude) for path in _common(self.exclude, other.paths))
        )

    def within(self, other: "Reach") -> "Reach":
        """What is for both."""
        exclude = (*self.exclude, *other.exclude)
        paths = [path for path in _common(self.paths, other.paths) if not _is_in(path, exclude)]
        return Reach(tuple(paths), exclude, self.types & other.types)

    def below(self, prefix: str) -> "Reach":
        """The same where everything is mounted at `prefix`."""
        exclude = tuple(prefix + path for path in self.exclude)
        return Reach(tuple(prefix + path for path in self.paths), exclude, self.types)


EVERYTHING = Reach()


def of_conditions(paths: Paths | None, exclude: Paths | None, types: frozenset[str] | None) -> Reach:
    """What an entry's conditions say; None for each that it has not."""
    return Reach(
        _EVERYWHERE if paths is None else paths.patterns,
        () if exclude is None else exclude.patterns,
        _TYPES if types is None else types & _TYPES,
    )


def _contains(pattern: str, other: str) -> bool:
    """Whether every path of `other` is one of `pattern`."""
    if not pattern.endswith("/*"):
        return pattern == other
    base = pattern.removesuffix("/*")
    return other == base or other.startswith(f"{base}/")


def _is_in(path: str, patterns: Collection[str]) -> bool:
    return any(_contains(pattern, path) for pattern in patterns)


def _common(patterns: Collection[str], others: Collection[str]) -> list[str]:
    """The patterns of what both name."""
    return [path for path in patterns if _is_in(path, others)] + [
        path for path in others if _is_in(path, patterns) and path not in patterns
    ]
