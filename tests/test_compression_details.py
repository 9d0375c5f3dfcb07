"""`compression`: what each level is taken to cost, and what else only survivors of mutation testing asked for."""

import pytest

from asgi_middleware.compression.codecs import LEVELS, make

# Nanoseconds per byte, measured, from the lowest level on. What comes of them: `test_compression_threads.py`.
COSTS = {
    "zstd": [4, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 60, 80, 120, 150, 200, 300, 400, 500, 600, 700],
    "br": [5, 6, 8, 9, 12, 20, 25, 35, 50, 80, 500, 1500],
    "gzip": [2, 9, 9, 12, 15, 18, 22, 27, 37, 45],
}


@pytest.mark.parametrize("coding", COSTS)
def test_what_each_level_costs(coding: str) -> None:
    lowest, highest = LEVELS[coding]
    assert [make("", coding, level).cost for level in range(lowest, highest + 1)] == COSTS[coding]


def test_isal_costs_less_than_zlib() -> None:
    assert make("", "gzip", None).cost == 3
