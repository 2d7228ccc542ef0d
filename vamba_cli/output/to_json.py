"""The documents of the JSON schema: everything that is known."""

import json
from dataclasses import replace

from vamba_cli.output.titles import clean_chapter, lines, one_line
from vamba_cli.results import ChaptersResult, SummariseResult, VideoChapters, VideoSummaryText


def to_json(result: ChaptersResult | SummariseResult) -> str:
    """The `chapters` or `summarise` document; a number that JSON does not know is a bug and raises ValueError."""
    document = _clean(result).to_json()
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    # A file name that is no UTF-8 holds lone surrogates, which only an escape can carry.
    return text.encode("utf-8", "backslashreplace").decode() + "\n"


def _clean(result: ChaptersResult | SummariseResult) -> ChaptersResult | SummariseResult:
    if isinstance(result, ChaptersResult):
        return replace(result, items=tuple(map(_clean_chapters, result.items)))
    return replace(result, items=tuple(map(_clean_summary, result.items)))


def _clean_chapters(item: VideoChapters) -> VideoChapters:
    return replace(item, chapters=tuple(map(clean_chapter, item.chapters)))


def _clean_summary(item: VideoSummaryText) -> VideoSummaryText:
    outline = tuple(replace(entry, text=one_line(entry.text)) for entry in item.outline)
    return replace(item, summary="\n".join(lines(item.summary)), outline=outline)
