"""The one table of formats: what commands offer, explain and write."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Generic, Protocol, TypeVar

from vamba_cli.errors import UsageError
from vamba_cli.output.to_csv import summary_to_csv, to_csv
from vamba_cli.output.to_ffmetadata import to_ffmetadata
from vamba_cli.output.to_json import to_json
from vamba_cli.output.to_matroska import to_matroska
from vamba_cli.output.to_md import summary_to_md, to_md
from vamba_cli.output.to_podcast import to_podcast
from vamba_cli.output.to_srt import summary_to_srt
from vamba_cli.output.to_webvtt import summary_to_webvtt, to_webvtt
from vamba_cli.output.to_youtube import to_youtube, youtube_warnings
from vamba_cli.results import ChaptersResult, SummariseResult

R = TypeVar("R", ChaptersResult, SummariseResult)
Item = TypeVar("Item")
Item_co = TypeVar("Item_co", covariant=True)


class HasItems(Protocol[Item_co]):
    """A result of one or many videos."""

    @property
    def items(self) -> tuple[Item_co, ...]:
        """One per video."""


def _nothing(_result: object) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Format(Generic[R]):
    """A kind of document.

    suffix: what follows `.chapters` or `.summary` in the name of a file.
    several: one document may hold several videos; otherwise `write` takes a result of exactly one.
    about: a few words for the help.
    write: the result as text; None where more than the result is needed (html).
    warnings: what `write` changes of the result, and why; for people.
    """

    name: str
    suffix: str
    several: bool
    about: str
    write: Callable[[R], str] | None
    warnings: Callable[[R], tuple[str, ...]] = _nothing


def _of_one(write: Callable[[Item], str]) -> Callable[[HasItems[Item]], str]:
    def write_only_item(result: HasItems[Item]) -> str:
        (item,) = result.items
        return write(item)

    return write_only_item


def _youtube_warnings(result: ChaptersResult) -> tuple[str, ...]:
    return tuple(f"{item.video.path}: {warning}" for item in result.items for warning in youtube_warnings(item))


CHAPTER_FORMATS: tuple[Format[ChaptersResult], ...] = (
    Format("json", ".json", True, "everything, for programs", to_json),
    Format("youtube", ".youtube.txt", False, "the list for a description", _of_one(to_youtube), _youtube_warnings),
    Format("webvtt", ".vtt", False, "a chapters track for web players", _of_one(to_webvtt)),
    Format("ffmetadata", ".ffmetadata", False, "for ffmpeg -map_metadata", _of_one(to_ffmetadata)),
    Format("podcast", ".podcast.json", False, "Podcasting 2.0 JSON chapters", _of_one(to_podcast)),
    Format("matroska", ".xml", False, "for mkvmerge --chapters", _of_one(to_matroska)),
    Format("csv", ".csv", True, "a table for spreadsheets", to_csv),
    Format("md", ".md", True, "Markdown, for people", to_md),
    Format("html", ".html", False, "a report with pictures", None),
)
SUMMARY_FORMATS: tuple[Format[SummariseResult], ...] = (
    Format("json", ".json", True, "everything, for programs", to_json),
    Format("md", ".md", True, "Markdown, for people", summary_to_md),
    Format("csv", ".csv", True, "a table for spreadsheets", summary_to_csv),
    Format("srt", ".srt", False, "the outline as subtitles", _of_one(summary_to_srt)),
    Format("webvtt", ".vtt", False, "the outline for web players", _of_one(summary_to_webvtt)),
)


def formats_named(names: Iterable[str], table: Sequence[Format[R]]) -> tuple[Format[R], ...]:
    """The formats of these names, in their order, each once.

    Raises:
        UsageError: a name is unknown; the nearest known one is given.
    """
    known = {entry.name: entry for entry in table}
    found = {}
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
            raise UsageError(f"there is no format {name!r}: {hint}")
        found[name] = known[name]
    return tuple(found.values())


def format_of_file(name: str, table: Sequence[Format[R]]) -> Format[R]:
    """The format that a file's name asks for: `a.json`, `a.chapters.podcast.json`, `a.txt`.

    Raises:
        UsageError: its ending belongs to no format.
    """
    lower = name.lower()
    whole = [entry for entry in table if lower.endswith(entry.suffix)]
    if whole:
        return max(whole, key=lambda entry: len(entry.suffix))
    for entry in table:
        if lower.endswith(f".{entry.suffix.rpartition('.')[2]}"):
            return entry
    endings = ", ".join(f".{entry.suffix.rpartition('.')[2]} ({entry.name})" for entry in table)
    raise UsageError(f"the ending of {name!r} belongs to no format: give --format, or one of the endings {endings}")


def help_text(table: Sequence[Format[R]]) -> str:
    """The formats for a command's help, in one sentence part."""
    return "; ".join(f"{entry.name} ({entry.about})" for entry in table)


def single_results(result: R) -> tuple[R, ...]:
    """One result per video, without the failures: what a format that is not `several` writes one by one."""
    return tuple(replace(result, items=(item,), failures=()) for item in result.items)
