"""The global optimum of chapter boundaries, against trying out all of them."""

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vamba_cli.tasks.boundaries import Limits, choose

END = 20.0
GAINS = st.floats(-2, 2).map(lambda gain: round(gain, 2))
CANDIDATES = st.lists(st.tuples(st.integers(1, 79).map(lambda t: t / 4), GAINS), max_size=9, unique_by=lambda c: c[0])


def fits(times: list[float], chosen: tuple[int, ...], least: float) -> bool:
    edges = [0.0, *(times[i] for i in chosen), END]
    return not chosen or all(b - a >= least for a, b in itertools.pairwise(edges))


@settings(deadline=None, max_examples=300)
@given(
    candidates=CANDIDATES.map(sorted),
    least=st.sampled_from([0.0, 0.25, 1.0, 3.0, 7.0, 30.0]),
    most=st.none() | st.integers(1, 6),
    count=st.none() | st.integers(1, 6),
)
def test_nothing_better_is_possible(
    candidates: list[tuple[float, float]], least: float, most: int | None, count: int | None
) -> None:
    times, gains = [time for time, _ in candidates], [gain for _, gain in candidates]
    chosen = choose(times, gains, 0.0, END, Limits(least, None if count else most, count))
    possible = [
        subset
        for size in range(len(times) + 1)
        for subset in itertools.combinations(range(len(times)), size)
        if fits(times, subset, least)
    ]

    def worth(subset: Sequence[int]) -> float:
        return sum(gains[i] for i in subset)

    free = max(possible, key=worth)
    if most and not count and len(choose(times, gains, 0.0, END, Limits(least))) >= most:
        count = most
    if count:
        size = min(count - 1, max(map(len, possible)))
        possible = [subset for subset in possible if len(subset) == size]

        def worth(subset: Sequence[int]) -> float:
            edges = [0.0, *(times[i] for i in subset), END]
            uneven = sum(((b - a) * count / END - 1) ** 2 for a, b in itertools.pairwise(edges))
            return sum(gains[i] for i in subset) - 0.5 * uneven

    assert tuple(chosen) in possible
    assert worth(chosen) == pytest.approx(max(map(worth, possible)))
    assert count or worth(chosen) == pytest.approx(worth(free))


def test_a_given_number_is_spread_out() -> None:
    times = [float(i) for i in range(1, 20)]
    assert choose(times, [1.0] * 19, 0.0, END, Limits(count=4)) == [4, 9, 14]
    assert choose(times, [1.0] * 19, 0.0, END, Limits(max_chapters=5)) == [3, 7, 11, 15]


def test_a_greedy_choice_would_be_wrong() -> None:
    times, gains = [8.0, 10.0, 12.0], [2.0, 3.0, 2.0]
    assert choose(times, gains, 0.0, END, Limits(4.0)) == [0, 2]
    assert choose(times, gains, 0.0, END, Limits(5.0)) == [1]
    assert choose(times, gains, 0.0, END, Limits(4.0, max_chapters=2)) == [1]
    assert choose(times, gains, 0.0, END, Limits(4.0, count=2)) == [1]
    assert choose(times, gains, 0.0, END, Limits(4.0, count=9)) == [0, 2]


def test_bad_boundaries_are_taken_only_to_reach_a_count() -> None:
    times, gains = [5.0, 10.0, 15.0], [-1.0, 1.0, -0.5]
    assert choose(times, gains, 0.0, END, Limits()) == [1]
    assert choose(times, gains, 0.0, END, Limits(max_chapters=3)) == [1]
    assert choose(times, gains, 0.0, END, Limits(count=3)) == [1, 2]
    assert choose(times, gains, 0.0, END, Limits(count=1)) == []


def test_many_candidates_are_fast_enough() -> None:
    times = [float(i) for i in range(1, 5000)]
    assert len(choose(times, [1.0] * len(times), 0.0, 5000.0, Limits(10.0, count=50))) == 49
    assert len(choose(times, [1.0] * len(times), 0.0, 5000.0, Limits(10.0))) == 499
