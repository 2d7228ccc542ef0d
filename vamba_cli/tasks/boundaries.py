"""Which of many possible boundaries make the best chapters: a global optimum, not one greedy choice after another. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Limits:
    """What a list of chapters must obey.

    min_length_seconds: no chapter is shorter, but for a video that is shorter as a whole.
    max_chapters: no more than these.
    count: exactly as many, or as many as are possible.
    """

    min_length_seconds: float = 0.0
    max_chapters: int | None = None
    count: int | None = None


def choose(
    times_seconds: Sequence[float],
    gains: Sequence[float],
    start_seconds: float,
    end_seconds: float,
    limits: Limits,
) -> list[int]:
    """Indices of the candidate times (ascending) that together have the greatest gain within the limits.

    A gain says how much is won by a boundary there, and may be negative: such a boundary is taken only to reach
    `limits.count`. Dynamic programming over the candidates, in O(candidates x chapters) where their number is limited
    and O(candidates) elsewhere.
    """
    times = np.asarray(times_seconds, dtype=np.float64)
    least = limits.min_length_seconds
    allowed = np.flatnonzero((times - start_seconds >= least) & (end_seconds - times >= least))
    times, values = times[allowed], np.asarray(gains, dtype=np.float64)[allowed]
    # candidates 0 .. reach[i] - 1 are early enough to be the boundary before candidate i
    reach = np.searchsorted(times, times - least if least > 0 else np.nextafter(times, -np.inf), side="right")
    reach = np.minimum(reach, np.arange(len(times)))
    if limits.count is None and limits.max_chapters is None:
        chosen = _best_of_any_number(values, reach)
    else:
        most = len(times) if limits.max_chapters is None else limits.max_chapters - 1
        exact = None if limits.count is None else limits.count - 1
        chosen = _best_of_number(values, reach, most if exact is None else min(most, exact), exact is not None)
    return [int(allowed[i]) for i in chosen]


def _best_of_any_number(values: np.ndarray, reach: np.ndarray) -> list[int]:
    best, picked = np.zeros(len(values) + 1), np.zeros(len(values), bool)  # of the first i candidates
    for i, value in enumerate(values):
        with_it = best[reach[i]] + value
        picked[i] = with_it > best[i]
        best[i + 1] = max(best[i], with_it)
    chosen, i = list[int](), len(values) - 1
    while i >= 0:
        if picked[i]:
            chosen.append(i)
            i = int(reach[i])
        i -= 1
    return chosen[::-1]


def _best_of_number(values: np.ndarray, reach: np.ndarray, most: int, exact: bool) -> list[int]:
    """The best set of at most (or, as far as possible, exactly) `most` candidates."""
    num = len(values)
    best = np.zeros(num + 1)  # with k picked of the first i candidates
    picks: list[np.ndarray] = []
    totals = [0.0]
    for _ in range(min(most, num)):
        with_it = best[reach] + values
        if not np.isfinite(with_it).any():
            break
        following = np.maximum.accumulate(np.concatenate(([-np.inf], with_it)))
        picks.append(with_it > following[:-1])
        best = following
        totals.append(float(best[-1]))
    k = len(picks) if exact else int(np.argmax(totals))
    chosen, i = list[int](), num - 1
    for k in range(k - 1, -1, -1):
        while not picks[k][i]:
            i -= 1
        chosen.append(i)
        i = int(reach[i]) - 1
    return chosen[::-1]
