"""IDs out of buffered randomness: asking the system once for many takes a twelfth of asking for each.

A buffer hands every ID out once, also to several threads: taking one is a single step of the interpreter. In a forked
worker every buffer begins empty, for otherwise all of them would hand out the same IDs.
"""

import os
import time
import weakref
from collections.abc import Callable

Random = Callable[[int], bytes]

_BATCH = 256
# RFC 9562, 4.1 and 4.2: the high digit of byte 6 is the version, the two high bits of byte 8 are 10.
_VERSION_4 = bytes(0x40 | (byte & 0x0F) for byte in range(256))
_VARIANT = bytes(0x80 | (byte & 0x3F) for byte in range(256))
_TICKS = 4_096_000  # a second has, in UUIDs of version 7: milliseconds, and twelve bits of their fraction

_buffers: "weakref.WeakSet[Buffer]" = weakref.WeakSet()


def _clear_all() -> None:
    for buffer in _buffers:
        buffer.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_clear_all)


class Buffer:
    """Hands out, one by one, what `make` makes of randomness, so many at a time."""

    __slots__ = ("__weakref__", "_made", "_make", "_random")

    def __init__(self, make: Callable[[Random], list[str]], random: Random = os.urandom) -> None:
        self._make = make
        self._random = random
        self._made: list[str] = []
        _buffers.add(self)

    def take(self) -> str:
        try:
            return self._made.pop()
        except IndexError:
            fresh = self._make(self._random)
            last = fresh.pop()
            self._made.extend(fresh)
            return last

    def clear(self) -> None:
        self._made.clear()


def uuids4(random: Random) -> list[str]:
    """UUIDs of version 4 (RFC 9562, 5.4) in 32 digits.

    They are good trace-ids as well, their last seven bytes being random (Trace Context 2, 3.2.2.5.2).
    """
    pool = bytearray(random(16 * _BATCH))
    pool[6::16] = pool[6::16].translate(_VERSION_4)
    pool[8::16] = pool[8::16].translate(_VARIANT)
    return _cut(pool.hex(), 32)


def span_ids(random: Random) -> list[str]:
    """Parent-ids of Trace Context: 16 digits, not all of them 0. Once in 2 to the 64 another one is as good."""
    return [text if text.strip("0") else "0000000000000001" for text in _cut(random(8 * _BATCH).hex(), 16)]


def _tails(random: Random) -> list[str]:
    """The random half of UUIDs of version 7: the variant and 62 random bits."""
    pool = bytearray(random(8 * _BATCH))
    pool[0::8] = pool[0::8].translate(_VARIANT)
    return _cut(pool.hex(), 16)


def _cut(text: str, length: int) -> list[str]:
    return [text[start : start + length] for start in range(0, len(text), length)]


class UUID7:
    """UUIDs of version 7 (RFC 9562, 5.7) in 32 digits: milliseconds, and behind them the twelve bits of their fraction.

    Each is greater than the last one, within the same quarter of a microsecond and on a clock that was set back too
    (6.2, method 3). Threads that ask in the same instant may get the same time; the random half tells them apart.
    """

    __slots__ = ("_clock", "_last", "_tails")

    def __init__(self, clock: Callable[[], float] = time.time, random: Random = os.urandom) -> None:
        self._clock = clock
        self._tails = Buffer(_tails, random)
        self._last = 0

    def take(self) -> str:
        ticks = int(self._clock() * _TICKS)
        if ticks <= self._last:
            ticks = self._last + 1
        self._last = ticks
        digits = f"{ticks:015x}"
        return f"{digits[:12]}7{digits[12:]}{self._tails.take()}"


# What every middleware takes from that was given no clock and no randomness of its own.
uuid4 = Buffer(uuids4)
uuid7 = UUID7()
spans = Buffer(span_ids)
