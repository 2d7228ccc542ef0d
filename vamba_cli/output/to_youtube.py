"""The list of chapters that YouTube reads from a description.

Its rules (support.google.com/youtube/answer/9884579): the first stands at 0:00, they ascend, there are at least three,
and each lasts at least ten seconds. One that breaks a rule turns off all.
"""

from dataclasses import replace
from math import floor

from vamba_cli.errors import UsageError
from vamba_cli.output.titles import title_of, without_angles
from vamba_cli.results import Chapter, VideoChapters
from vamba_cli.timecode import clock

_FEWEST_CHAPTERS = 3
_SHORTEST_SECONDS = 10
_LONGEST_DESCRIPTION = 5000  # characters


def to_youtube(item: VideoChapters) -> str:
    """One `m:ss Title` per line; chapters under ten seconds are part of a neighbour.

    Raises:
        UsageError: fewer than three chapters remain.
    """
    chapters = _long_enough(item.chapters)
    if len(chapters) < _FEWEST_CHAPTERS:
        raise UsageError(
            f"{item.video.path}: YouTube shows chapters only where at least {_FEWEST_CHAPTERS} last "
            f"{_SHORTEST_SECONDS} seconds or more, and here {len(chapters)} of {len(item.chapters)} "
            f"{'does' if len(chapters) == 1 else 'do'}: ask for more chapters, or write another format"
        )
    return "".join(f"{clock(c.start_seconds)} {without_angles(title_of(c))}\n" for c in chapters)


def youtube_warnings(item: VideoChapters) -> tuple[str, ...]:
    """What `to_youtube` has to change of these chapters, and what YouTube may still refuse."""
    chapters = _long_enough(item.chapters)
    if len(chapters) < _FEWEST_CHAPTERS:
        return ()  # `to_youtube` refuses them
    warnings = []
    if merged := len(item.chapters) - len(chapters):
        short = "1 chapter" if merged == 1 else f"{merged} chapters"
        warnings.append(f"{short} shorter than {_SHORTEST_SECONDS} seconds joined to a neighbour, as YouTube demands")
    num_characters = sum(len(clock(c.start_seconds)) + len(title_of(c)) + 2 for c in chapters)
    if num_characters > _LONGEST_DESCRIPTION:
        warnings.append(
            f"the list has {num_characters:,} characters, and a description on YouTube holds {_LONGEST_DESCRIPTION:,}"
        )
    return tuple(warnings)


def _long_enough(chapters: tuple[Chapter, ...]) -> list[Chapter]:
    """The chapters with the shortest joined to its shorter neighbour until none is too short."""
    joined = [replace(c, start_seconds=c.start_seconds if index else 0.0) for index, c in enumerate(chapters)]
    while len(joined) > 1 and _shown_seconds(shortest := min(joined, key=_shown_seconds)) < _SHORTEST_SECONDS:
        index = joined.index(shortest)
        neighbours = [i for i in (index - 1, index + 1) if 0 <= i < len(joined)]
        first = min(index, min(neighbours, key=lambda i: _shown_seconds(joined[i])))
        joined[first : first + 2] = [_join(joined[first], joined[first + 1])]
    return [c for c in joined if _shown_seconds(c) >= _SHORTEST_SECONDS]


def _join(first: Chapter, second: Chapter) -> Chapter:
    longer = max(first, second, key=_shown_seconds)
    return replace(longer, start_seconds=first.start_seconds, end_seconds=second.end_seconds)


def _shown_seconds(chapter: Chapter) -> int:
    """How long it seems to last by the whole seconds in the list."""
    return floor(chapter.end_seconds + 1e-6) - floor(chapter.start_seconds + 1e-6)
