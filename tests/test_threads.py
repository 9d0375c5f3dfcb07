"""What may hold up the event loop: the allowance that all requests share."""

import pytest

from asgi_middleware._threads import ROUND_TRIP, Allowance

MILLISECOND = 1_000_000  # nanoseconds


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now


# A sentence, and for each piece: the time that passes before it, how long it is, whether it may be done on the loop.
# All in microseconds; the allowance is 1,000.
TAKEN: list[tuple[str, list[tuple[int, int, bool]]]] = [
    ("one piece as long as the allowance", [(0, 1000, True)]),
    ("one piece that is longer", [(0, 1001, False), (10_000, 1001, False)]),
    ("several at once, until nothing is left", [(0, 400, True), (0, 400, True), (0, 400, False), (0, 200, True)]),
    ("what was refused takes nothing", [(0, 900, True), (0, 900, False), (0, 900, False), (0, 100, True)]),
    ("it fills with half of the time that passes", [(0, 1000, True), (799, 400, False), (1, 400, True)]),
    ("it fills no further than it was", [(0, 1000, True), (60_000_000, 1000, True), (0, 60, False)]),
    ("what is shorter than a thread's round trip is never worth one", [(0, 1000, True), (0, 50, True), (0, 51, False)]),
    ("a clock that stands still gives nothing", [(0, 1000, True), (0, 51, False), (0, 51, False)]),
]


@pytest.mark.parametrize(("sentence", "pieces"), TAKEN, ids=[row[0] for row in TAKEN])
def test_the_allowance(sentence: str, pieces: list[tuple[int, int, bool]]) -> None:
    clock = Clock()
    allowance = Allowance(MILLISECOND, clock)
    found = []
    for passed, length, _ in pieces:
        clock.now += passed * 1000
        found.append(allowance.takes(length * 1000))
    assert found == [taken for _, _, taken in pieces]


@pytest.mark.parametrize("length", [ROUND_TRIP + 1, 100_000, 300_000, 999_999])
@pytest.mark.parametrize("between", [0, 1_000, 20_000])
def test_however_many_come_at_once_the_loop_is_held_up_for_twice_the_allowance(length: int, between: int) -> None:
    """`between`: what each piece takes of the loop besides, in nanoseconds. Work that may be done takes its time."""
    clock = Clock()
    allowance = Allowance(MILLISECOND, clock)
    worked = 0
    for _ in range(1000):
        clock.now += between
        if allowance.takes(length):
            clock.now += length
            worked += length
    assert MILLISECOND - length < worked <= 2 * MILLISECOND + 1000 * between
