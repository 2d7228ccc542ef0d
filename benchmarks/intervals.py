"""Shares and means with 95 % confidence intervals, as rows of results."""

import math
import random
import statistics
from collections.abc import Sequence
from typing import Any

Row = dict[str, Any]


def wilson(right: int, number: int) -> tuple[float, float]:
    """95 % confidence interval of a share."""
    if not number:
        return 0.0, 1.0
    z, share = 1.959964, right / number
    middle = share + z * z / (2 * number)
    spread = z * math.sqrt(share * (1 - share) / number + z * z / (4 * number**2))
    return (middle - spread) / (1 + z * z / number), (middle + spread) / (1 + z * z / number)


def bootstrap(values: Sequence[float]) -> tuple[float, float]:
    """95 % confidence interval of a mean."""
    picker = random.Random(0)
    means = sorted(statistics.fmean(picker.choices(values, k=len(values))) for _ in range(2000))
    return means[50], means[1949]


def share_row(name: str, right: Sequence[bool], **more: Any) -> Row:
    share, (low, high) = sum(right) / max(1, len(right)), wilson(sum(right), len(right))
    return {"of": name, "share": share, "low": low, "high": high, "number": len(right), **more}


def pooled(name: str, rows: Sequence[Row], key: str = "hits") -> Row:
    """The share over all rows."""
    return share_row(name, [hit for row in rows for hit in row[key]])


def mean_row(name: str, values: Sequence[float], **more: Any) -> Row:
    low, high = bootstrap(values)
    return {"of": name, "mean": statistics.fmean(values), "low": low, "high": high, "number": len(values), **more}
