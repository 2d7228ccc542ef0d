"""Markdown as GitHub shows it: one section per video."""

import re
from collections.abc import Sequence

from vamba_cli.output.titles import clean_chapter, file_name, is_outline, lines, one_line
from vamba_cli.results import ChaptersResult, OutlineEntry, SummariseResult, VideoChapters, VideoSummaryText
from vamba_cli.timecode import clock

# Marks inside a line: emphasis, code, links, tags, entities, strikethrough, mathematics.
_INLINE = re.compile(r"[\\`*\[<~$]|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)")
# Marks of a whole line: headings, quotes, lists, rules, tables.
_BLOCK = re.compile(r"^([#>+=|:-])|^(\d{1,9})([.)])")
_BULLET = re.compile(r"^[-*•]\s+")


def to_md(result: ChaptersResult) -> str:
    """A heading per video and a list of its chapters, with their summaries where there are any."""
    return "\n".join(map(_chapters, result.items, _names(result)))


def summary_to_md(result: SummariseResult) -> str:
    """A heading per video, its summary, and a list of what comes when."""
    return "\n".join(map(_summary, result.items, _names(result)))


def _names(result: ChaptersResult | SummariseResult) -> list[str]:
    """What the videos are called: by their files alone where these differ."""
    names = [file_name(item.video.path) for item in result.items]
    if len(set(names)) == len(names):
        return names
    return [one_line(item.video.path.encode("utf-8", "replace").decode()) for item in result.items]


def _chapters(item: VideoChapters, name: str) -> str:
    entries = [
        f"- `{clock(chapter.start_seconds)}` {_inline(chapter.title)}{_below(chapter.summary)}\n"
        for chapter in map(clean_chapter, item.chapters)
    ]
    return "".join([_heading(name), *entries])


def _summary(item: VideoSummaryText, name: str) -> str:
    if is_outline(item):
        return "".join([_heading(name), *_outline(item.outline)])
    parts = [_heading(name), _paragraphs(item.summary)]
    if item.outline:
        parts += ["\n## Outline\n\n", *_outline(item.outline)]
    return "".join(parts)


def _outline(outline: Sequence[OutlineEntry]) -> list[str]:
    return [f"- `{clock(entry.start_seconds)}` {_inline(one_line(entry.text))}\n" for entry in outline]


def _heading(name: str) -> str:
    plain = re.sub(r"#$", r"\\#", _inline(name))  # at the end of a heading it would vanish
    return f"# {plain}\n\n"


def _below(summary: str | None) -> str:
    """A second line of a list entry; the backslash breaks the line before it."""
    return f"\\\n  {_block(summary)}" if summary else ""


def _paragraphs(summary: str) -> str:
    """Bullets stay bullets, other lines are paragraphs."""
    parts: list[str] = []
    after_bullet = False
    for line in lines(summary):
        text = _BULLET.sub("", line)
        bullet = text != line
        parts += ["" if bullet and after_bullet else "\n" if parts else "", "- " if bullet else "", _block(text), "\n"]
        after_bullet = bullet
    return "".join(parts)


def _block(line: str) -> str:
    """A line of text that is only that, also where a mark of Markdown begins it."""
    return _BLOCK.sub(lambda m: f"\\{m[1]}" if m[1] else f"{m[2]}\\{m[3]}", _inline(line))


def _inline(text: str) -> str:
    return _INLINE.sub(r"\\\g<0>", text)
