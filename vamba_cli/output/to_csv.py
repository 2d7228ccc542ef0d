"""Tables (RFC 4180, lines ended by a line feed): one row per chapter or outline entry, of any number of videos."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import TypeVar

from vamba_cli.output.times import Span, long_clock, whole_units
from vamba_cli.output.titles import clean_chapter, one_line
from vamba_cli.results import ChaptersResult, SummariseResult

S = TypeVar("S", bound=Span)

_TIMES = ("start_seconds", "end_seconds", "start", "end")


def to_csv(result: ChaptersResult) -> str:
    """Path, number, times in seconds and as a clock, title, its source, and summary of each chapter."""
    rows = [
        (_path(item.video.path), number, *times, chapter.title, chapter.title_source, chapter.summary)
        for item in result.items
        for number, times, chapter in _numbered([clean_chapter(chapter) for chapter in item.chapters])
    ]
    return _table(("path", "number", *_TIMES, "title", "title_source", "summary"), rows)


def summary_to_csv(result: SummariseResult) -> str:
    """Path, number, times in seconds and as a clock, and text of each outline entry; number 0 is the whole video."""
    rows: list[Sequence[object]] = []
    for item in result.items:
        path, seconds = _path(item.video.path), item.video.duration_seconds
        rows.append((path, 0, *_times(0, round(seconds * 1000)), one_line(item.summary)))
        rows += [(path, number, *times, one_line(entry.text)) for number, times, entry in _numbered(item.outline)]
    return _table(("path", "number", *_TIMES, "text"), rows)


def _numbered(spans: Sequence[S]) -> list[tuple[int, tuple[str, str, str, str], S]]:
    return [
        (number, _times(start, end), span)
        for number, ((start, end), span) in enumerate(zip(whole_units(spans, 1000), spans, strict=True), start=1)
    ]


def _times(start: int, end: int) -> tuple[str, str, str, str]:
    """Of milliseconds; the clock always with hours, for a spreadsheet reads 12:34 as hours and minutes."""
    return f"{start / 1000:.3f}", f"{end / 1000:.3f}", long_clock(start // 1000, 1), long_clock(end // 1000, 1)


def _path(path: str) -> str:
    return path.encode("utf-8", "replace").decode()


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue()
