"""The arithmetic of the bench, on made-up timings. Nothing is timed here."""

from collections.abc import Callable

import pytest

from asgi_middleware import MissingExtra

from .bench import peers, report
from .bench.measuring import (
    BURST,
    COLD,
    SLICE,
    Figure,
    Row,
    Sample,
    Scene,
    Unavailable,
    Variant,
    looped,
    measure,
    ratio,
)
from .benching import ROWS, SCENE


def test_the_least_of_all_rounds_counts_and_the_base_is_taken_off() -> None:
    times = measure(SCENE)
    assert times.best == {
        "bare": 10,
        "empty": 30,
        "ours: a request": 16,
        "theirs: a request": 22,
        "ours: long": 24,
        "ours: free": 9.5,
    }
    costs = {name: times.cost(name) for name in SCENE.variants}
    assert costs == {
        "bare": 10,
        "empty": 20,
        "ours: a request": 6,
        "theirs: a request": 12,
        "ours: long": 12,
        "ours: free": -0.5,
    }


def test_figures_are_ratios_to_an_empty_wrapper_and_to_the_peer() -> None:
    figures = measure(SCENE).figures()
    assert figures == [
        Figure(ROWS[0], ours=3.0, peer=6.0, ratio=0.5),
        Figure(ROWS[1], ours=6.0, peer=3.0, ratio=2.0),
        Figure(ROWS[2], ours=0.0, peer=6.0, ratio=0.0),
    ]
    assert [figure.verdict for figure in figures] == ["met", "missed", ""]


@pytest.mark.parametrize(
    ("cost", "unit", "expected"),
    [
        (1, 3, 0.33),
        (2, 3, 0.67),
        (0.404, 1, 0.4),
        (-1, 3, 0.0),
        (1, 0, None),
        (1, -2, None),
    ],
)
def test_ratios_have_two_places_and_need_something_to_divide_by(
    cost: float, unit: float, expected: float | None
) -> None:
    assert ratio(cost, unit) == expected


def test_a_verdict_is_on_what_is_printed() -> None:
    """0.404 is printed as 0.40, so a limit of 0.4 is met; what is lost in the noise is neither met nor missed."""
    row = Row("", "ours", "theirs", 0.4)
    ratios = (ratio(0.404, 1), ratio(0.406, 1), ratio(1, 0))
    verdicts = [Figure(row, None, None, found).verdict for found in ratios]
    assert verdicts == ["met", "missed", "lost in the noise"]


def test_rounds_are_interleaved_and_their_order_rotates() -> None:
    order: list[str] = []

    def noting(name: str) -> Callable[[], Sample]:
        def sample() -> float:
            order.append(name)
            return 1.0

        return lambda: sample

    variants = {name: Variant(noting(name), None) for name in ("a", "b", "c")}
    measure(Scene("", variants, [], rounds=4))
    assert order == ["a", "b", "c", "b", "c", "a", "c", "a", "b", "a", "b", "c"]


@pytest.mark.parametrize(("share", "rounds"), [(1.0, 10), (0.2, 2), (0.01, 1)])
def test_a_share_of_the_rounds_is_at_least_one(share: float, rounds: int) -> None:
    taken = 0

    def sample() -> float:
        nonlocal taken
        taken += 1
        return 1.0

    measure(Scene("", {"a": Variant(lambda: sample, None)}, [], rounds=10), share)
    assert taken == rounds


def test_what_is_not_installed_is_left_out_by_name_with_the_reason() -> None:
    def absent() -> Sample:
        raise Unavailable("this system does not tell")

    variants = {
        **SCENE.variants,
        "nobody: a request": Variant(lambda: peers.peer("no_such_package:Middleware")),
        "elsewhere: a request": Variant(absent),
    }
    rows = [ROWS[0], Row("not to be had", "ours: a request", "nobody: a request")]
    times = measure(Scene("made up", variants, rows, rounds=3))
    assert times.missing == {
        "nobody: a request": "No module named 'no_such_package'",
        "elsewhere: a request": "this system does not tell",
    }
    assert [figure.row for figure in times.figures()] == [ROWS[0]]
    assert report.table(times).splitlines()[-3:] == [
        "Left out: nobody (No module named 'no_such_package')",
        "",
        "Left out: elsewhere (this system does not tell)",
    ]


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # other tests leave idle threads; nothing is held
def test_a_variant_apart_is_sampled_in_a_process_of_its_own() -> None:
    """What one of them does to its process, nobody else sees, and neither does this one."""
    sampled: list[int] = []

    def counting() -> Sample:
        def sample() -> float:
            sampled.append(1)
            return float(len(sampled))

        return sample

    variants = {"one": Variant(counting, None), "two": Variant(counting, None)}
    assert measure(Scene("", variants, [], rounds=3, apart=True)).best == {"one": 1.0, "two": 1.0}
    assert sampled == []


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # as above
def test_what_cannot_be_made_apart_is_left_out_and_what_fails_is_told() -> None:
    def absent() -> Sample:
        raise MissingExtra("CompressionMiddleware", "codings", "brotli", "brotli")

    def fails() -> Sample:
        raise KeyError("nobody")

    variants = {
        "here": Variant(lambda: lambda: 2.0, None),
        "absent": Variant(absent),
        "no package": Variant(lambda: peers.peer("no_such_package:Middleware")),
    }
    times = measure(Scene("", variants, [], rounds=2, apart=True))
    assert (times.best, list(times.missing)) == ({"here": 2.0}, ["absent", "no package"])
    assert "brotli" in times.missing["absent"]
    with pytest.raises(RuntimeError, match="KeyError: 'nobody'"):
        measure(Scene("", {"fails": Variant(fails)}, [], apart=True))


def test_a_sample_is_a_burst_of_slices_of_as_many_calls_as_fit() -> None:
    now = 0.0
    called = 0

    def call() -> None:
        nonlocal now, called
        called += 1
        now += SLICE / 4.5

    sample = looped(call, clock=lambda: now)
    tried = called
    assert sample() == pytest.approx(SLICE / 4.5)
    assert called - tried == 4 * BURST


@pytest.mark.parametrize(("seconds", "calls"), [(SLICE * 3, BURST), (COLD * 1.1, 1)])
def test_what_is_longer_than_a_slice_is_called_once_a_slice(seconds: float, calls: int) -> None:
    """And once in all where caches that another process has filled no longer matter."""
    now = 0.0
    called = 0

    def call() -> None:
        nonlocal now, called
        called += 1
        now += seconds

    sample = looped(call, clock=lambda: now)
    tried = called
    assert sample() == pytest.approx(seconds)
    assert called - tried == calls


def test_the_best_slice_of_a_burst_counts() -> None:
    times = iter([0.5] * 5 + [0.3, 0.2] + [0.1, 0.1] + [0.4, 0.3] + [0.2, 0.2])
    now = 0.0

    def clock() -> float:
        return now

    def call() -> None:
        nonlocal now
        now += next(times) * SLICE

    # Five calls show that two fit into a slice; the second of the burst's four slices is the best.
    assert looped(call, clock)() == pytest.approx(0.1 * SLICE)
