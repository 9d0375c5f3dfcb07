"""Negotiation of a coding, written a second time: from RFC 9110 and the decisions of the specification.

The package splits the field and searches for the best; this reads it letter by letter, as the grammar is written, and
sorts. What the standard leaves open is decided as the package says that it decides:

    a member whose weight does not follow the grammar     is left out            (RFC 9110, 12.4.2 has the grammar)
    other parameters, which 12.5.3 does not know          change nothing
    a coding that is named twice                          counts as it is first named
    equal weights                                         the server's order decides
    identity                                              wins only by a higher weight of its own name
    nothing acceptable                                    identity
"""

import re
from dataclasses import dataclass, field

# RFC 9110, 5.6.2 (token), 5.6.3 (blanks), 5.6.1 (commas), 5.6.6 (semicolons). Whatever is left is in no member of ours.
_LEXEME = re.compile(
    r"(?P<token>[!#$%&'*+.^_`|~0-9A-Za-z-]+)|(?P<blank>[ \t]+)|(?P<sign>[,;=])|(?P<stray>.)", re.ASCII | re.DOTALL
)
# RFC 9110, 12.4.2: qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] )
_WEIGHTS = frozenset(
    {f"0.{number:0{digits}}" for digits in (1, 2, 3) for number in range(10**digits)}
    | {"0", "0.", "1", "1.", "1.0", "1.00", "1.000"}
)


@dataclass
class Member:
    """What stands between two commas: its parts between semicolons, each a list of lexemes without blanks around."""

    parts: list[list[str]] = field(default_factory=lambda: [[]])

    def name(self) -> str | None:
        """The coding that it names, by its registered name; None where it names none."""
        part = self.parts[0]
        if len(part) != 1 or not _LEXEME.fullmatch(part[0]) or part[0] == "=":
            return None
        name = part[0].translate({ordinal: ordinal + 32 for ordinal in range(ord("A"), ord("Z") + 1)})
        return "gzip" if name == "x-gzip" else name  # 8.4.1.3

    def thousandths(self) -> int | None:
        """The weight as a whole number; None where it is malformed."""
        for part in self.parts[1:]:
            if part and part[0] in ("q", "Q") and "".join(part[1:]).lstrip(" \t")[:1] in ("", "="):
                weight = "".join(part[2:]) if part[1:2] == ["="] else ""  # 12.4.2: no blanks around the sign
                return int(weight.replace(".", "").ljust(4, "0")) if weight in _WEIGHTS else None
        return 1000


def read(field_value: str) -> list[Member]:
    """The members of the list."""
    members = [Member()]
    for lexeme in _LEXEME.finditer(field_value):
        if lexeme["sign"] == ",":
            members.append(Member())
        elif lexeme["sign"] == ";":
            members[-1].parts.append([])
        else:
            members[-1].parts[-1].append(lexeme[0])
    for member in members:
        for part in member.parts:
            while part and not part[0].strip(" \t"):
                del part[0]
            while part and not part[-1].strip(" \t"):
                del part[-1]
    return members


def by_the_rfc(value: bytes | None, offered: tuple[bytes, ...]) -> bytes | None:
    """The coding among `offered`, best first, to answer with; None for identity."""
    said = [(member.name(), member.thousandths()) for member in read((value or b"").decode("latin-1"))]
    # The first of a name is written last.
    weights = {name: weight for name, weight in reversed(said) if name is not None and weight is not None}
    ranking: list[tuple[int, int, bytes | None]] = [
        (weights.get(coding.decode(), weights.get("*", 0)), -place, coding) for place, coding in enumerate(offered)
    ]
    # Identity stands behind all that are offered, and behind it nothing: what weighs nought is refused.
    ranking.append((weights.get("identity", 0), -len(offered), None))
    ranking.sort(key=lambda row: row[:2])
    weight, _, best = ranking[-1]
    return best if weight else None
