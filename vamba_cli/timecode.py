"""Seconds to and from the clock times that people read and type. Pure."""

import math
import re
from collections.abc import Iterable

from vamba_cli.errors import UsageError

_CLOCK = re.compile(r"(?:(?:(\d+):(?=[0-5]?\d:))?(\d+):)?([0-5]?\d(?:\.\d+)?)")  # minutes may be many without hours
_NUMBER = r"(\d+(?:\.\d+)?)"
_UNITS = re.compile(rf"(?=\d)(?:{_NUMBER}h)?(?:{_NUMBER}m(?:in)?)?(?:{_NUMBER}s)?", re.IGNORECASE)


def clock(seconds: float) -> str:
    """`m:ss`, or `h:mm:ss` from one hour on; fractions are cut off, so that a seek never overshoots.

    >>> clock(3.9), clock(754), clock(3600)
    ('0:03', '12:34', '1:00:00')
    """
    whole = max(0, math.floor(seconds + 1e-6))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def clock_span(start_seconds: float, end_seconds: float) -> str:
    """Both ends of a span.

    >>> clock_span(61.5, 3600)
    '1:01–1:00:00'
    """
    return f"{clock(start_seconds)}–{clock(end_seconds)}"


def timetable(rows: Iterable[tuple[float, str]]) -> str:
    """A line for each time in seconds and what comes then, times below each other.

    >>> print(timetable([(61, "PCA"), (754, "UMAP")]))
     1:01  PCA
    12:34  UMAP
    """
    timed = [(clock(seconds), text) for seconds, text in rows]
    width = max((len(time) for time, _ in timed), default=0)
    return "\n".join(f"{time:>{width}}  {text}" for time, text in timed)


def parse_seconds(text: str) -> float:
    """Seconds from `90`, `90.5`, `1:30`, `1:02:03.5`, `90s` or `1h30m`.

    >>> parse_seconds("1:30"), parse_seconds("99:00"), parse_seconds("1h30m"), parse_seconds("2.5min")
    (90.0, 5940.0, 5400.0, 150.0)

    Raises:
        UsageError: the text is none of these.
    """
    plain = text.strip()
    try:
        seconds = float(plain)
    except ValueError:
        match = _CLOCK.fullmatch(plain) or _UNITS.fullmatch(plain)
        if match is None:
            raise UsageError(
                f"time {text!r} is not understood: write seconds (90.5), a clock time (1:30, 1:02:03) or 1h2m3s"
            ) from None
        hours, minutes, rest = (float(part or 0) for part in match.groups())
        seconds = hours * 3600 + minutes * 60 + rest
    if not math.isfinite(seconds) or seconds < 0:
        raise UsageError(f"time {text!r} is not allowed: it must be a finite number of seconds, 0 or more")
    return seconds
