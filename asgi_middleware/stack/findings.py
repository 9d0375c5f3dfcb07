"""The judge: what the rules of the order find in a chain.

Nothing is ever re-ordered. What cannot be decided is no finding: two that never meet on a path get along, and of two
that each cover a part it is believed that they cover all.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from .._options import Options, shown
from ..exceptions import one_line
from .layers import Layer
from .order import RULES, Rule
from .reach import Reach
from .registry import nearest


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that an order breaks.

    `code` names the rule. `severity` is `"error"` for what is unsafe, or fails on every request that it is for, else
    `"warning"`. `where` is the entry, `message` the bug, `remedy` what to do about it. As text it is one line, control
    characters escaped.
    """

    code: str
    severity: Literal["error", "warning"]
    where: str
    message: str
    remedy: str

    @property
    def told(self) -> str:
        """The text without where it is."""
        return one_line(f"{self.severity}: {self.message}; {self.remedy} [{self.code}]")

    def __str__(self) -> str:
        return f"{one_line(self.where)}: {self.told}"


def check_codes(options: Options, codes: Any) -> frozenset[str]:
    """The codes to be silent about; what is the code of no rule is a problem."""
    known = [rule.code for rule in RULES]
    given = options.strings("silence", codes, example='["two-auth"]')
    for code in given:
        if code not in known:
            options.problem("silence", shown(code), "is the code of no rule", nearest(code, known))
    return frozenset(given)


def judge(chains: Iterable[Sequence[Layer]], silence: frozenset[str]) -> list[Finding]:
    """Everything that the rules find in these chains, in the order of what has to change."""
    found: dict[Finding, int] = {}
    for chain in chains:
        for rule in RULES:
            if rule.code not in silence:
                for place, finding in _broken(rule, chain):
                    found.setdefault(finding, place)
    return sorted(found, key=lambda finding: found[finding])


def _broken(rule: Rule, chain: Sequence[Layer]) -> Iterator[tuple[int, Finding]]:
    """Where a chain breaks a rule, and how. What has to move is named once, with the outermost that it has to pass."""
    named: set[int] = set()
    for number, layer in enumerate(chain):
        if rule.inner in layer.kinds:
            for place, finding in _wrong(rule, chain, number):
                if place not in named:
                    named.add(place)
                    yield place, finding


def _wrong(rule: Rule, chain: Sequence[Layer], number: int) -> Iterator[tuple[int, Finding]]:
    """What the rule says of the inner layer with this number, and where."""
    inner = chain[number]
    outers = [
        place
        for place, layer in enumerate(chain)
        if place != number and rule.outer in layer.kinds and layer.reach.meets(inner.reach)
    ]
    before = [chain[place] for place in outers if place < number]
    if not rule.outer:
        yield number, _finding(rule, inner, inner)
    elif rule.outer == rule.inner:
        twin = next((layer for layer in before if not inner.is_apart_from(layer)), None)
        if twin is not None:
            yield number, _finding(rule, inner, twin)
    else:
        late = [place for place in outers if _is_late(rule, chain, place, inner, before)]
        for place in late:
            yield place, _finding(rule, chain[place], inner)
        if rule.missing and not late and not _cover(before, inner.reach):
            remedy = f'put "{rule.outer}" above it, or silence this where it stands outside of the stack'
            yield number, Finding(rule.code, rule.severity, inner.where, rule.missing, remedy)


def _is_late(rule: Rule, chain: Sequence[Layer], place: int, inner: Layer, before: list[Layer]) -> bool:
    """Whether the outer layer at `place` should have been passed first: for something that none `before` was for."""
    if rule.inner == "own_errors" and _answers_crashes(chain[place:], chain[place]):
        return False
    return not _cover(before, chain[place].reach.within(inner.reach))


def _cover(layers: list[Layer], reach: Reach) -> bool:
    return len(layers) > 1 or any(layer.reach.covers(reach) for layer in layers)


def _answers_crashes(inside: Sequence[Layer], layer: Layer) -> bool:
    """Whether a crash is answered further inside, so that it never leaves a framework's list."""
    return any(one.kinds & {"errors", "own_errors"} and one.reach.covers(layer.reach) for one in inside)


def _finding(rule: Rule, layer: Layer, other: Layer) -> Finding:
    bug, remedy = (text.format(other=other.label or other.where) for text in (rule.bug, rule.remedy))
    return Finding(rule.code, rule.severity, layer.where, bug, remedy)
