"""Times as formats write them. Pure."""

from collections.abc import Sequence
from typing import Protocol


class Span(Protocol):
    """A half-open span of a video."""

    @property
    def start_seconds(self) -> float:
        """Where it begins."""

    @property
    def end_seconds(self) -> float:
        """Where it ends, itself outside."""


def whole_units(spans: Sequence[Span], per_second: int) -> list[tuple[int, int]]:
    """Starts and ends as whole numbers of 1/per_second: rounded alike, so that what touched still touches.

    A span that would round to nothing lasts one unit, and no two begin at once: readers drop such chapters.
    """
    units: list[tuple[int, int]] = []
    for span in spans:
        earliest = units[-1][0] + 1 if units else 0
        start = max(earliest, round(span.start_seconds * per_second))
        units.append((start, max(start + 1, round(span.end_seconds * per_second))))
    return units


def long_clock(units: int, per_second: int, mark: str = ".") -> str:
    """`hh:mm:ss` always with hours, and as many decimals as `per_second` has zeros.

    >>> long_clock(5_025_250, 1000), long_clock(61, 1)
    ('01:23:45.250', '00:01:01')
    """
    seconds, rest = divmod(units, per_second)
    decimals = len(str(per_second)) - 1
    fraction = f"{mark}{rest:0{decimals}}" if decimals else ""
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{fraction}"
