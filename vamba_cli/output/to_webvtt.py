"""WebVTT cues (w3.org/TR/webvtt1): chapters of a `<track kind="chapters">`, or the outline of a summary."""

from html import escape

from vamba_cli.output.times import Span, long_clock, whole_units
from vamba_cli.output.titles import one_line, title_of
from vamba_cli.results import VideoChapters, VideoSummaryText


def to_webvtt(item: VideoChapters) -> str:
    """One numbered cue per chapter."""
    return _cues([(chapter, title_of(chapter)) for chapter in item.chapters])


def summary_to_webvtt(item: VideoSummaryText) -> str:
    """One numbered cue per outline entry."""
    return _cues([(entry, text) for entry in item.outline if (text := one_line(entry.text))])


def _cues(cues: list[tuple[Span, str]]) -> str:
    times = whole_units([span for span, _ in cues], 1000)
    blocks = [
        # Escaping `>` also keeps an arrow in a title from ending the cue.
        f"\n{number}\n{long_clock(start, 1000)} --> {long_clock(end, 1000)}\n{escape(text, quote=False)}\n"
        for number, ((start, end), (_, text)) in enumerate(zip(times, cues, strict=True), start=1)
    ]
    return "".join(["WEBVTT\n", *blocks])
