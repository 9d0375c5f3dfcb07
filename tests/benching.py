"""A made-up scene of the bench, and what measures it."""

from .bench.measuring import (
    Row,
    Sample,
    Scene,
    Variant,
)


def taking(*seconds: float) -> Variant:
    """A variant whose samples are made up: these, one after the other, then the last again."""

    def make() -> Sample:
        left = list(seconds)
        return lambda: left.pop(0) if len(left) > 1 else left[0]

    return Variant(make)


def over(base: str | None, *seconds: float, allowance: float = 0.0) -> Variant:
    return Variant(taking(*seconds).make, base, allowance)


ROWS = [
    Row("a request", "ours: a request", "theirs: a request", 0.5, headline=True),
    Row("a long one", "ours: long", "ours: a request", 1.9),
    Row("a free one", "ours: free", "theirs: a request"),
]
# Ten empty wrappers add 20, so one is 2.
SCENE = Scene(
    "made up",
    {
        "bare": over(None, 12, 10, 11),
        "empty": over("bare", 30, 31, 32),
        "ours: a request": over("bare", 17, 16, 20),
        "theirs: a request": over("bare", 24, 25, 22),
        "ours: long": over("bare", 24, allowance=2),
        "ours: free": over("bare", 9.5),
    },
    ROWS,
    rounds=3,
)
