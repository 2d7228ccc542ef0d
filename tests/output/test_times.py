"""Times in whole units, and clocks that always show hours."""

from itertools import pairwise

import pytest
from hypothesis import given

from tests.output.made import hostile_chapters
from vamba_cli.output.times import long_clock, whole_units
from vamba_cli.results import Chapter


@given(hostile_chapters)
def test_spans_touch_and_none_is_empty(chapters: tuple[Chapter, ...]) -> None:
    spans = whole_units(chapters, 1000)
    assert spans[0][0] == 0
    assert all(start < end for start, end in spans)
    assert all(before[0] < after[0] == before[1] for before, after in pairwise(spans))
    for (start, end), chapter in zip(spans, chapters, strict=True):
        assert -0.5 <= start - chapter.start_seconds * 1000 <= len(chapters)
        assert -0.5 <= end - chapter.end_seconds * 1000 <= len(chapters)


@pytest.mark.parametrize(
    ("units", "per_second", "text"),
    [
        (0, 1000, "00:00:00.000"),
        (3_599_999, 1000, "00:59:59.999"),
        (36 * 3_600_000 + 400, 1000, "36:00:00.400"),
        (360_000_000, 1000, "100:00:00.000"),
        (1, 10**9, "00:00:00.000000001"),
        (3661, 1, "01:01:01"),
    ],
)
def test_long_clock(units: int, per_second: int, text: str) -> None:
    assert long_clock(units, per_second) == text
