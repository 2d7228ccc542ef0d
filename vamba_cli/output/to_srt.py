"""SubRip: the outline of a summary as subtitles."""

from vamba_cli.output.times import long_clock, whole_units
from vamba_cli.output.titles import one_line, without_angles
from vamba_cli.results import VideoSummaryText

_BRACES = str.maketrans("{}", "()")


def summary_to_srt(item: VideoSummaryText) -> str:
    """One numbered cue per outline entry; SubRip knows no escapes, so what it takes for marks is written otherwise."""
    cues = [(entry, text) for entry in item.outline if (text := _harmless(entry.text))]
    times = whole_units([entry for entry, _ in cues], 1000)
    return "\n".join(
        f"{number}\n{long_clock(start, 1000, ',')} --> {long_clock(end, 1000, ',')}\n{text}\n"
        for number, ((start, end), (_, text)) in enumerate(zip(times, cues, strict=True), start=1)
    )


def _harmless(text: str) -> str:
    """No tags (`<i>`), no positions (`{\\an8}`), no arrow (which becomes `--›`)."""
    return without_angles(one_line(text)).translate(_BRACES)
