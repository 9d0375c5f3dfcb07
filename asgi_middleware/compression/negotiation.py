"""Which coding to answer with: one pure function (RFC 9110, 12.5.3)."""

from collections.abc import Sequence

from .._headers import weighted

# RFC 9110, 8.4.1.3: a recipient treats "x-gzip" as "gzip".
_ALIASES = {b"x-gzip": b"gzip"}


def negotiate(accept_encoding: bytes | None, codings: Sequence[bytes]) -> bytes | None:
    """The coding among `codings` (best first) to answer with, or None for identity.

    `accept_encoding` is the field's value, its lines joined; absent or empty means identity. The weights decide and
    the order of `codings` breaks ties. `*` stands for codings not named. Identity wins only where the client weighs it
    higher by name; where nothing is acceptable the answer is still identity, never 406. Of a coding named twice, the
    first counts.
    """
    if not accept_encoding:
        return None
    weights: dict[bytes, float] = {}
    for name, weight in weighted(accept_encoding):
        weights.setdefault(_ALIASES.get(name, name), weight)
    others = weights.get(b"*", 0.0)
    best, best_weight = None, 0.0
    for coding in codings:
        weight = weights.get(coding, others)
        if weight > best_weight:
            best, best_weight = coding, weight
    return None if weights.get(b"identity", 0.0) > best_weight else best
