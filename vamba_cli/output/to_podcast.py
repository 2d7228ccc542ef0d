"""Podcasting 2.0 JSON chapters 1.2 (github.com/Podcastindex-org/podcast-namespace, chapters/jsonChapters.md)."""

import json

from vamba_cli.output.times import whole_units
from vamba_cli.output.titles import file_name, title_of
from vamba_cli.results import VideoChapters


def to_podcast(item: VideoChapters) -> str:
    """Start, end and title of every chapter, times in seconds to the millisecond."""
    chapters = [
        {"startTime": start / 1000, "endTime": end / 1000, "title": title_of(chapter)}
        for (start, end), chapter in zip(whole_units(item.chapters, 1000), item.chapters, strict=True)
    ]
    document = {"version": "1.2.0", "fileName": file_name(item.video.path), "chapters": chapters}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
