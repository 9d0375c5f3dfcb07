"""A small mutator: inputs made of seeds and words, the same for the same seed."""

import random
from collections.abc import Callable, Sequence

MOST = 6_000  # bytes of an input
Bytes = Callable[[random.Random, bytearray, Sequence[bytes]], bytearray]


def _place(rng: random.Random, data: bytearray) -> int:
    return rng.randrange(len(data) + 1)


def _flip(rng: random.Random, data: bytearray, words: Sequence[bytes]) -> bytearray:
    if data:
        data[rng.randrange(len(data))] = rng.randrange(256)
    return data


def _insert(rng: random.Random, data: bytearray, words: Sequence[bytes]) -> bytearray:
    place = _place(rng, data)
    data[place:place] = rng.choice(words)
    return data


def _replace(rng: random.Random, data: bytearray, words: Sequence[bytes]) -> bytearray:
    start = _place(rng, data)
    data[start : start + rng.randrange(8)] = rng.choice(words)
    return data


def _delete(rng: random.Random, data: bytearray, words: Sequence[bytes]) -> bytearray:
    start = _place(rng, data)
    del data[start : start + rng.randrange(1, 8)]
    return data


def _double(rng: random.Random, data: bytearray, words: Sequence[bytes]) -> bytearray:
    start, end = sorted((_place(rng, data), _place(rng, data)))
    data[end:end] = data[start:end]
    return data


def _repeat(rng: random.Random, data: bytearray, words: Sequence[bytes]) -> bytearray:
    place, word = _place(rng, data), rng.choice(words)
    data[place:place] = word * rng.choice((2, 10, 100, MOST // len(word)))
    return data


WAYS: tuple[Bytes, ...] = (_flip, _insert, _insert, _replace, _delete, _double, _repeat)
WEIGHTS = (20, 20, 20, 20, 15, 5, 2)


def mutated(seed: int, number: int, seeds: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    """The input of this number. The first ones are the seeds."""
    if number < len(seeds):
        return seeds[number]
    rng = random.Random(seed * 1_000_003 + number)  # noqa: S311  # repeatable on purpose
    data = bytearray(rng.choice(seeds))
    for way in rng.choices(WAYS, WEIGHTS, k=rng.choice((1, 1, 2, 3, 8))):
        data = way(rng, data, words)
    return bytes(data[:MOST])
