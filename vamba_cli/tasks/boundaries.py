"""Which of many possible boundaries make the best chapters: a global optimum, not one choice after another. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_UNEVENNESS = 0.5  # what a chapter of twice the wished length costs, where their number is given
_MOST_CANDIDATES = 1000  # that a given number of chapters is chosen from


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
    times_seconds: Sequence[float], gains: Sequence[float], start_seconds: float, end_seconds: float, limits: Limits
) -> list[int]:
    """Indices of the candidate times (ascending) that together have the greatest gain within the limits.

    A gain says how much is won by a boundary there, and may be negative: such a boundary is taken only to reach a
    number. Where their number is limited, chapters of even length are preferred, so that ten chapters of a lecture
    are not its first nine slides and the rest.
    """
    least, times, values = limits.min_length_seconds, np.asarray(times_seconds, float), np.asarray(gains, float)
    allowed = np.flatnonzero((times - start_seconds >= least) & (end_seconds - times >= least))
    free = allowed[_best_of_any_number(times[allowed], values[allowed], least)]
    number = limits.count
    if number is None and limits.max_chapters is not None and len(free) >= limits.max_chapters:
        number = limits.max_chapters
    if number is None:
        return [int(i) for i in free]
    if len(allowed) > _MOST_CANDIDATES:
        allowed = np.sort(allowed[np.argsort(-values[allowed], kind="stable")[:_MOST_CANDIDATES]])
    edges = np.concatenate(([start_seconds], times[allowed], [end_seconds]))
    chosen = _best_of_number(edges, np.concatenate((values[allowed], [0.0])), number, least)
    return [int(allowed[i]) for i in chosen]


def _best_of_any_number(times: NDArray[np.float64], values: NDArray[np.float64], least: float) -> list[int]:
    # candidates 0 .. reach[i] - 1 are early enough for a boundary before candidate i
    reach = np.minimum(np.searchsorted(times, times - least, side="right"), np.arange(len(times)))
    best, picked = np.zeros(len(times) + 1), np.zeros(len(times), bool)  # of the first i candidates
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


def _best_of_number(edges: NDArray[np.float64], values: NDArray[np.float64], number: int, least: float) -> list[int]:
    """So many chapters from the first edge to the last, or as many as there can be; edge i + 1 is worth values[i]."""
    lengths = edges[None, 1:] - edges[:-1, None]  # of a chapter from edge i to edge j + 1
    wished = (edges[-1] - edges[0]) / number
    worth = values - _UNEVENNESS * (lengths / wished - 1) ** 2
    worth[(lengths < least) | (np.tri(len(values), k=-1, dtype=bool))] = -np.inf
    worth[0, -1] = max(worth[0, -1], -_UNEVENNESS * number**2)  # the whole video is a chapter, however short it is
    best, sources = worth[0], list[NDArray[np.int64]]()  # of k chapters that end at each edge
    for _ in range(min(number, len(values)) - 1):
        totals = best[:-1, None] + worth[1:]
        longer = totals.max(0)
        if not np.isfinite(longer[-1]):
            break
        sources.append(totals.argmax(0))
        best = longer
    chosen, end = list[int](), len(values) - 1
    for source in reversed(sources):
        end = int(source[end])
        chosen.append(end)
    return chosen[::-1]
