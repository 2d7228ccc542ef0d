"""`vamba chapters`: files and folders to titled, timestamped chapters, in the formats that people paste and embed."""

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from vamba_cli.cli.documents import (
    Documents,
    Place,
    choose_place,
    format_option,
    not_written,
    tell_failures,
    tell_warnings,
    write_all,
)
from vamba_cli.cli.exits import DISK_ERRORS
from vamba_cli.cli.many import Found, found_videos
from vamba_cli.cli.options import FRAMES, MODEL, SUBTITLES, JsonFlag, argument, in_options, option, shared, time_option
from vamba_cli.cli.terminal import Terminal, check_output, result_columns, show
from vamba_cli.errors import UsageError, VambaError
from vamba_cli.output.files import embedded_path
from vamba_cli.output.formats import CHAPTER_FORMATS, Format
from vamba_cli.output.titles import clean_chapter
from vamba_cli.output.to_youtube import youtube_warnings
from vamba_cli.results import ChaptersResult, Failure, Illustration, VideoChapters
from vamba_cli.settings import Settings

if TYPE_CHECKING:
    from vamba_cli.api import OpenModel, Wishes
    from vamba_cli.cli.progress import Silence

CHAPTERS = "Chapters"


@shared(MODEL, FRAMES, SUBTITLES)
def chapters(
    paths: Annotated[list[str], argument("PATH...", "Videos, and folders of videos.")],
    settings: Settings,
    terminal: Terminal,
    out: Annotated[str | None, option("--out -o", "PLACE", "A file, a folder, or - for stdout.")] = None,
    formats: Annotated[list[str] | None, option("--format -f", "NAME", format_option(CHAPTER_FORMATS))] = None,
    json: JsonFlag = False,
    embed: Annotated[
        bool,
        option(
            "--embed",
            None,
            "Also write a copy of the video with its chapters inside, beside it or into the folder of -o.",
        ),
    ] = False,
    min_length: Annotated[
        float | None, time_option("--min-length", "No chapter is shorter than this.", CHAPTERS)
    ] = None,
    max_chapters: Annotated[int | None, option("--max-chapters", "N", "No more than these.", CHAPTERS)] = None,
    count: Annotated[int | None, option("--count", "N", "Exactly so many, if that is possible.", CHAPTERS)] = None,
    summaries: Annotated[bool, option("--summaries", None, "A sentence about each.", CHAPTERS)] = False,
    questions: Annotated[
        list[str] | None,
        option("--question -q", "TEXT", "Also say where this is answered (html, json).", CHAPTERS),
    ] = None,
) -> None:
    """
    Divide videos into titled chapters.

    \b
    Examples:
      vamba chapters lecture.mp4
      vamba chapters lecture.mp4 --format youtube -o -
      vamba chapters ./videos --out chapters.json
      vamba chapters talk.mkv --format html --format webvtt --out ./site
      vamba chapters lecture.mp4 --embed --count 8

    Boundaries come from the pictures, titles from what each chapter shows.
    The model is deaf: of what is said it knows the subtitles, if there are any.
    Folders are searched for videos, sub-folders too; a bad file stops nothing.
    """
    from vamba_cli.cli.progress import progress
    from vamba_cli.cli.render import chapter_list

    found = found_videos(paths, settings.subtitles_file)
    place = choose_place(out, formats or [], json, CHAPTER_FORMATS, found.videos)
    if questions and not {"html", "json"} & {entry.name for entry in place.formats}:
        raise UsageError("--question is answered in html and json alone: add --format html, or ask with `vamba ask`")
    if embed:
        _check_copies(place, found)
    with progress(terminal) as watch:
        from vamba_cli import api  # takes a second, with a sign of life on the screen

        wishes = _wishes(min_length, max_chapters, count, summaries, questions or ())
        model = api.OpenModel(settings)
        done: Iterable[VideoChapters | Failure]
        if found.is_one:
            done = api.chapters(found.videos[0], settings, wishes, watch, model).items
        else:
            done = api.chapters_of_each(found.videos, model, wishes, watch)

        def show_one(item: VideoChapters) -> None:
            show(chapter_list(item, with_name=not found.is_one, columns=result_columns()))

        def after_each(item: VideoChapters) -> list[Failure]:
            _tell(item, place.formats, watch, terminal)
            return _embed(item, place, found, watch) if embed else []

        result = partial(_result, model)
        documents = Documents(place, "chapters", found.stems, result, _text, show_one, watch, found.failures)
        write_all(done, documents, terminal, after_each)
    tell_warnings(documents, watch.heard, terminal)
    tell_failures(documents, found.total, terminal)


def _wishes(
    min_length: float | None, max_chapters: int | None, count: int | None, summaries: bool, questions: Sequence[str]
) -> "Wishes":
    from vamba_cli import api

    try:
        return api.Wishes(min_length, max_chapters, count, summaries, tuple(questions))
    except UsageError as error:
        raise in_options(error, "min_length_seconds", "max_chapters", "count") from error


def _tell(item: VideoChapters, formats: Sequence[Format[ChaptersResult]], watch: "Silence", terminal: Terminal) -> None:
    """What a format had to change of the chapters, and how long it took."""
    if any(entry.name == "youtube" for entry in formats):
        for warning in youtube_warnings(item):
            watch.note(f"note: {item.video.path}: {warning}")
    if terminal.verbose:
        watch.note(
            f"{item.video.path}: {item.num_frames} frames; encode {item.timing.encode_seconds:.2f} s, "
            f"chapters {item.timing.answer_seconds:.2f} s"
        )


def _check_copies(place: Place[ChaptersResult], found: Found) -> None:
    """Refuse folders that cannot be written before any work is done; a single target that is taken fails by itself."""
    for video in found.videos:
        target = _copy_of(video, place, found)
        if video.exists() and target.parent.is_dir() and not target.is_dir():
            check_output(target)


def _copy_of(video: Path, place: Place[ChaptersResult], found: Found) -> Path:
    """Where the copy with chapters goes: into the folder of the documents, else beside the video."""
    from vamba_cli.media.embed import copy_suffix

    suffix = copy_suffix(video)
    if place.folder is None:
        return embedded_path(video.with_suffix(""), suffix)
    return place.folder / embedded_path(found.stems[str(video)], suffix)


def _embed(item: VideoChapters, place: Place[ChaptersResult], found: Found, watch: "Silence") -> list[Failure]:
    """Write the copy with chapters."""
    from vamba_cli.media.embed import embed_chapters

    video = Path(item.video.path)
    target = _copy_of(video, place, found)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        warnings = embed_chapters(video, [clean_chapter(chapter) for chapter in item.chapters], target)
    except (VambaError, OSError) as error:
        if isinstance(error, OSError) and error.errno in DISK_ERRORS:
            raise OSError(error.errno, error.strerror, str(target)) from error  # not the unfinished file's name
        told = not_written(target, error) if isinstance(error, OSError) else error
        if found.is_one:
            raise told from error
        return [Failure.of(item.video.path, told)]
    for warning in warnings:
        watch.note(f"note: {item.video.path}: {warning}")
    watch.note(f"written: {target}")
    return []


def _result(model: "OpenModel", items: Sequence[VideoChapters], failures: Sequence[Failure]) -> ChaptersResult:
    return ChaptersResult(tuple(items), tuple(failures), model.summary(), model.settings.presets)


def _text(entry: Format[ChaptersResult], result: ChaptersResult, target: Path | None) -> str:
    if entry.write is not None:
        return entry.write(result)
    from vamba_cli import api
    from vamba_cli.output.to_html import href_beside, to_html

    (item,) = result.items
    video = Path(item.video.path)
    pictures = Illustration(api.poster_pictures(video, item.chapters), item.curves)
    return to_html(item, pictures, href_beside(video, target) if target else None, result.model)
