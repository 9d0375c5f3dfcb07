"""Which coding to answer with: one pure function (RFC 9110, 12.5.3)."""

import functools

from .._headers import weighted

# RFC 9110, 8.4.1.3: a recipient treats "x-gzip" as "gzip".
_ALIASES = {b"x-gzip": b"gzip"}


# Browsers send a handful of different values, of some 30 bytes; longer ones are worked out each time, and what is far
# longer than any registered list of codings gets identity, which is always right, for no work.
_MOST_REMEMBERED = 256
_LONGEST_REMEMBERED = 128  # bytes
_LONGEST = 1024  # bytes


def choose(accept_encoding: bytes | None, codings: tuple[bytes, ...]) -> bytes | None:
    """`negotiate`, with a bounded memory, and bounded work."""
    if not accept_encoding or len(accept_encoding) > _LONGEST:
        return None
    if len(accept_encoding) > _LONGEST_REMEMBERED:
        return negotiate(accept_encoding, codings)
    return _remembered(accept_encoding, codings)


def negotiate(accept_encoding: bytes | None, codings: tuple[bytes, ...]) -> bytes | None:
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


_remembered = functools.lru_cache(_MOST_REMEMBERED)(negotiate)
