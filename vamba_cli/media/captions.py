"""The text of a subtitle file to lines: markup out, repeats of rolling captions out, times in order. Pure."""

import html
import re
from collections.abc import Iterable, Sequence

from vamba_cli.subtitles import Line

Cue = tuple[float, float, Sequence[str]]  # start and end in seconds, rows of text

_READ_CHARACTERS_PER_SECOND = 15.0  # how long a line stands whose end is missing or wrong
_TOUCHING_SECONDS = 0.1
_HTML_FORMATS = ("srt", "vtt", "sami", "ttml")
_WORD_TIME = re.compile(r"<\d[\d:.]*>")  # karaoke times of WebVTT
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>\n]+)>")
_TAG = re.compile(r"</?[a-zA-Z][^>\n]*>")


def parse(text: str, format_: str | None = None) -> tuple[Line, ...]:
    """Lines of a file in any format that pysubs2 reads; the format is guessed from the text if it is not given.

    Raises:
        ValueError: the text is in no known format, or is damaged.
    """
    import pysubs2
    from pysubs2.exceptions import Pysubs2Error
    from pysubs2.formats import autodetect_format

    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    try:
        format_ = format_ or autodetect_format(text)
        file = pysubs2.SSAFile.from_string(_plain_vtt(text) if format_ == "vtt" else text, format_)
        events = [event for event in file if not event.is_comment and not event.is_drawing]
        cues = [
            (event.start / 1000, event.end / 1000, rows_of(event.plaintext, event.name, format_)) for event in events
        ]
    except Pysubs2Error as error:
        raise ValueError("it is in no format that is known here") from error
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
    ) as error:  # of a parser that met nonsense
        raise ValueError(f"it is damaged ({error})") from error
    return lines_of(cues)


def rows_of(text: str, speaker: str = "", format_: str = "ass") -> tuple[str, ...]:
    """The rows of a cue, without markup and doubled spaces; a named speaker stands before the first."""
    if format_ in _HTML_FORMATS:
        text = html.unescape(_TAG.sub("", text))
    rows = [" ".join(row.split()) for row in text.split("\n")]
    rows = [row for row in rows if row]
    if rows and speaker.strip():
        rows[0] = f"{speaker.strip()}: {rows[0]}"
    return tuple(rows)


def lines_of(cues: Iterable[Cue]) -> tuple[Line, ...]:
    """Cues in the order of time, each with only what it adds to the one before it."""
    lines: list[Line] = []
    before: Sequence[str] = ()
    until = 0.0  # the end of the cue before
    for start, given_end, rows in sorted(_whole(cues), key=lambda cue: cue[:2]):
        end = given_end
        rolling = bool(lines) and start <= until + _TOUCHING_SECONDS
        fresh = _added(before, rows) if rolling else " ".join(rows)
        if fresh:
            lines.append(Line(round(start, 3), round(end, 3), fresh))
            before = rows
        elif end > lines[-1].end_seconds:
            last = lines.pop()
            lines.append(Line(last.start_seconds, round(end, 3), last.text))
        until = max(until, end) if rolling else end
    return tuple(lines)


def _whole(cues: Iterable[Cue]) -> Iterable[Cue]:
    """The cues with text, and with an end behind a start that is not negative."""
    for start, end, rows in cues:
        if not rows:
            continue
        if end <= start:
            end = start + sum(map(len, rows)) / _READ_CHARACTERS_PER_SECOND
        if end > 0:
            yield max(0.0, start), end, rows


def _added(before: Sequence[str], rows: Sequence[str]) -> str:
    """What a cue says beyond the last rows of the one before it, which rolling captions show again."""
    text = " ".join(rows)
    for first in range(len(before)):
        old = " ".join(before[first:])
        if text == old:
            return ""
        if text.startswith(f"{old} "):
            return text[len(old) + 1 :]
    return text


def _plain_vtt(text: str) -> str:
    """WebVTT with its cues alone: notes, styles and the names of cues would be taken for text."""
    text = _VOICE.sub(r"\1: ", _WORD_TIME.sub("", text))
    cues = []
    for block in re.split(r"\n{2,}", text):
        rows = block.split("\n")
        first = next((number for number, row in enumerate(rows) if "-->" in row), None)
        if first is not None:
            cues.append("\n".join(rows[first:]))
    return "\n\n".join(["WEBVTT", *cues, ""])
