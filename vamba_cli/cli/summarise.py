"""`vamba summarise`: videos in words, as a whole and part by part."""

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from vamba_cli.cli.documents import Documents, choose_place, format_option, tell_failures, tell_warnings, write_all
from vamba_cli.cli.many import found_videos
from vamba_cli.cli.options import FRAMES, MODEL, SUBTITLES, JsonFlag, argument, in_options, option, shared
from vamba_cli.cli.terminal import Terminal, result_columns, show
from vamba_cli.errors import UsageError
from vamba_cli.output.formats import SUMMARY_FORMATS, Format
from vamba_cli.results import Failure, SummariseResult, VideoSummaryText
from vamba_cli.settings import Settings

if TYPE_CHECKING:
    from vamba_cli.api import OpenModel

SUMMARY = "Summary"


@shared(MODEL, FRAMES, SUBTITLES)
def summarise(
    paths: Annotated[list[str], argument("PATH...", "Videos, and folders of videos.")],
    settings: Settings,
    terminal: Terminal,
    out: Annotated[str | None, option("--out -o", "PLACE", "A file, a folder, or - for stdout.")] = None,
    formats: Annotated[list[str] | None, option("--format -f", "NAME", format_option(SUMMARY_FORMATS))] = None,
    json: JsonFlag = False,
    style: Annotated[str, option("--style", "NAME", "paragraph, bullets or outline.", SUMMARY)] = "paragraph",
    length: Annotated[str, option("--length", "NAME", "short, medium or long.", SUMMARY)] = "medium",
) -> None:
    """
    Tell what videos are about, with times.

    \b
    Examples:
      vamba summarise lecture.mp4
      vamba summarise lecture.mp4 --style bullets --length short
      vamba summarise talk.mkv --format srt -o talk.outline.srt
      vamba summarise ./videos --out summaries.md

    A summary of the whole, and an outline whose times come from the pictures.
    The model is deaf: of what is said it knows the subtitles, if there are any.
    """
    from vamba_cli.cli.progress import progress
    from vamba_cli.cli.render import summary

    found = found_videos(paths, settings.subtitles_file)
    place = choose_place(out, formats or [], json, SUMMARY_FORMATS, found.videos)
    with progress(terminal) as watch:
        from vamba_cli import api  # takes a second, with a sign of life on the screen

        try:
            wishes = api.SummaryWishes(style, length)  # type: ignore[arg-type]  # it checks them itself
        except UsageError as error:
            raise in_options(error, "style", "length") from error
        model = api.OpenModel(settings)
        done: Iterable[VideoSummaryText | Failure]
        if found.is_one:
            done = api.summarise(found.videos[0], settings, wishes, watch, model).items
        else:
            done = api.summaries_of_each(found.videos, model, wishes, watch)

        def show_one(item: VideoSummaryText) -> None:
            show(summary(item, with_name=not found.is_one, columns=result_columns()))

        result = partial(_result, model)
        documents = Documents(place, "summary", found.stems, result, _text, show_one, watch, found.failures)
        write_all(done, documents, terminal)
    tell_warnings(documents, watch.heard, terminal)
    tell_failures(documents, found.total, terminal)


def _result(model: "OpenModel", items: Sequence[VideoSummaryText], failures: Sequence[Failure]) -> SummariseResult:
    return SummariseResult(tuple(items), tuple(failures), model.summary(), model.settings.presets)


def _text(entry: Format[SummariseResult], result: SummariseResult, _target: Path | None) -> str:
    if entry.write is None:
        raise AssertionError(f"{entry.name} has no writer")
    return entry.write(result)
