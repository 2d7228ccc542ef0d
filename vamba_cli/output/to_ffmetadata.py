"""FFmpeg's metadata file (ffmpeg.org/ffmpeg-formats.html#Metadata-2), for `ffmpeg -i VIDEO -i FILE -map_metadata 1`."""

import re

from vamba_cli.output.times import whole_units
from vamba_cli.output.titles import title_of
from vamba_cli.results import VideoChapters

_SPECIAL = re.compile(r"[=;#\\\n]")


def to_ffmetadata(item: VideoChapters) -> str:
    """One [CHAPTER] section per chapter, times in milliseconds."""
    sections = [
        f"\n[CHAPTER]\nTIMEBASE=1/1000\nSTART={start}\nEND={end}\ntitle={_escaped(title_of(chapter))}\n"
        for (start, end), chapter in zip(whole_units(item.chapters, 1000), item.chapters, strict=True)
    ]
    return "".join([";FFMETADATA1\n", *sections])


def _escaped(text: str) -> str:
    escaped = _SPECIAL.sub(r"\\\g<0>", text)
    # FFmpeg takes a backslash at the end of a line, though escaped, for a line that goes on.
    return f"{escaped} " if text.endswith("\\") else escaped
