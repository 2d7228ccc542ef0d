"""What becomes of words before any format gets them: one decision for all writers. Pure."""

import unicodedata
from dataclasses import replace
from pathlib import PurePath

from vamba_cli.results import Chapter, VideoSummaryText
from vamba_cli.timecode import clock, clock_span

_ANGLES = str.maketrans("<>", "‹›")
# No text format carries them: controls, halves of surrogate pairs, and what XML 1.0 forbids beyond them.
_DROPPED_CATEGORIES = ("Cc", "Cs")
_NONCHARACTERS = "\ufffe\uffff"


def one_line(text: str) -> str:
    """The text on one line: white space and line breaks become single spaces, control characters vanish.

    Marks of direction, joiners and emoji stay: without them, Arabic, Hebrew or family emoji would change.
    """
    spaced = " ".join(text.split())
    kept = "".join(c for c in spaced if unicodedata.category(c) not in _DROPPED_CATEGORIES and c not in _NONCHARACTERS)
    return " ".join(kept.split())


def lines(text: str) -> list[str]:
    """The lines of a text that has paragraphs or bullets, each as `one_line` gives it; empty ones are left out."""
    return [line for line in map(one_line, text.splitlines()) if line]


def is_outline(item: VideoSummaryText) -> bool:
    """Whether the summary is the outline itself, as with `--style outline`: it is to be read once."""
    return bool(item.outline) and lines(item.summary) == [
        one_line(f"{clock(entry.start_seconds)} {entry.text}") for entry in item.outline
    ]


def title_of(chapter: Chapter) -> str:
    """The chapter's title on one line; its span in figures where nothing of the title is left."""
    return clean_chapter(chapter).title


def clean_chapter(chapter: Chapter) -> Chapter:
    """The chapter with title and summary on one line each."""
    title = one_line(chapter.title)
    return replace(
        chapter,
        title=title or clock_span(chapter.start_seconds, chapter.end_seconds),
        title_source=chapter.title_source if title else "time",
        summary=one_line(chapter.summary or "") or None,
    )


def without_angles(text: str) -> str:
    """Angle brackets as their single quotation marks: YouTube refuses them, players of SRT take them for tags."""
    return text.translate(_ANGLES)


def file_name(path: str) -> str:
    """The last part of a path, as a title."""
    return one_line(PurePath(path).name.encode("utf-8", "replace").decode()) or "video"
