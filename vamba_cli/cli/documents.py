"""Where the documents of a command go: text or one document on stdout, one file, or a folder of files."""

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic

import typer

from vamba_cli.cli.exits import SOME_FAILED
from vamba_cli.cli.terminal import Terminal, check_output, write_atomically, write_stdout
from vamba_cli.errors import UsageError
from vamba_cli.output.files import Task, document_path
from vamba_cli.output.formats import Format, R, format_of_file, formats_named, single_results
from vamba_cli.results import Failure

_SAVED_EVERY_SECONDS = 60.0  # a document of many videos; a crash costs no more


@dataclass(frozen=True, slots=True)
class Place(Generic[R]):
    """What is written, and where: stdout unless there is a file or a folder; text for people if no format is named."""

    formats: tuple[Format[R], ...]
    file: Path | None = None
    folder: Path | None = None


def choose_place(
    out: str | None, names: Sequence[str], as_json: bool, table: Sequence[Format[R]], num_videos: int
) -> Place[R]:
    """What `--out`, `--format` and `--json` ask for together.

    Raises:
        UsageError: they contradict each other, or the place cannot be written.
    """
    formats = formats_named([*names, *(["json"] if as_json else [])], table)
    if out in (None, "-"):
        _check_one_document(formats, num_videos, "stdout", "--out FOLDER")
        return Place(formats)
    path = Path(str(out)).expanduser()
    is_folder = path.is_dir() or str(out).endswith(os.sep) or len(formats) > 1 or (not path.suffix and bool(formats))
    if is_folder or (num_videos > 1 and formats and not formats[0].several and not path.exists()):
        return Place(formats or formats_named(["json"], table), folder=_made(path))
    formats = formats or (format_of_file(path.name, table),)
    check_output(path)
    _check_one_document(formats, num_videos, str(path), "--out FOLDER")
    return Place(formats, file=path)


def format_option(table: Sequence[Format[Any]]) -> str:
    """The help of `--format`."""
    return f"{', '.join(entry.name for entry in table)}; repeat it."


def _made(folder: Path) -> Path:
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file, and these documents need a folder: name another place")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"the folder {folder} cannot be made: {error.strerror}; choose another place") from error
    if not os.access(folder, os.W_OK):
        raise UsageError(f"{folder} is not yours to write in: choose another place")
    return folder


def _check_one_document(formats: Sequence[Format[Any]], num_videos: int, place: str, way_out: str) -> None:
    if len(formats) > 1:
        raise UsageError(f"{' and '.join(f.name for f in formats)} do not go into one place ({place}): give {way_out}")
    if formats and num_videos > 1 and not formats[0].several:
        raise UsageError(
            f"a document in {formats[0].name} holds one video, and there are {num_videos}: give {way_out}, or "
            "--format json, csv or md"
        )


class Documents(Generic[R]):
    """Writes results as they come: the files of each video at once, a document of all now and then and in the end.

    Args:
        stems: the relative path without ending of each video's documents.
        result_of: a result of these items and failures.
        text_of: a result of one or more videos in a format; the path is where it will lie, None for stdout.
        show: prints an item for people.
    """

    def __init__(
        self,
        place: Place[R],
        task: Task,
        stems: Mapping[str, Path],
        result_of: Callable[[Sequence[Any], Sequence[Failure]], R],
        text_of: Callable[[Format[R], R, Path | None], str],
        show: Callable[[Any], None],
    ) -> None:
        self._place: Place[R] = place
        self._task: Task = task
        self.stems = stems
        self._result_of: Callable[[Sequence[Any], Sequence[Failure]], R] = result_of
        self._text_of: Callable[[Format[R], R, Path | None], str] = text_of
        self._show = show
        self._items: list[Any] = []
        self.failures: list[Failure] = []
        self._saved_seconds = time.monotonic()

    def add(self, item: Any) -> list[Path]:
        """Take a result or a failure; returns the files that were written."""
        if isinstance(item, Failure):
            self.failures.append(item)
            return []
        self._items.append(item)
        if self._place.folder is not None:
            return self._write_files(item)
        if not self._place.formats:
            self._show(item)
        elif self._place.file is not None and time.monotonic() - self._saved_seconds > _SAVED_EVERY_SECONDS:
            self._save()
        return []

    def finish(self) -> None:
        """Write what waits for the end."""
        if self._place.folder is not None or not self._place.formats:
            return
        if self._place.file is not None:
            self._save()
        elif self._items or self._place.formats[0].several:
            write_stdout(self._text_of(self._place.formats[0], self._result(), None))

    def _result(self) -> R:
        return self._result_of(self._items, self.failures)

    def _save(self) -> None:
        (entry,) = self._place.formats
        if self._place.file is None or not (self._items or entry.several):
            return
        write_atomically(self._place.file, self._text_of(entry, self._result(), self._place.file))
        self._saved_seconds = time.monotonic()

    def _write_files(self, item: Any) -> list[Path]:
        assert self._place.folder is not None
        (result,) = single_results(self._result_of([item], []))
        written = []
        for entry in self._place.formats:
            target = self._place.folder / document_path(self.stems[item.video.path], self._task, entry)
            try:
                text = self._text_of(entry, result, target)
            except UsageError as error:  # too few chapters for YouTube, say: the other formats are not to suffer
                self.failures.append(Failure(item.video.path, type(error).__name__, str(error)))
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(target, text)
            written.append(target)
        return written


def write_all(
    done: Iterable[Any],
    documents: Documents[Any],
    terminal: Terminal,
    after_each: Callable[[Any], Sequence[Failure]] = lambda _item: (),
) -> None:
    """Write results as they come. What is there is also written where the work ends early: Ctrl-C keeps the hours.

    Args:
        after_each: what else is done with a video that gave a result.
    """
    tell = terminal.note if len(documents.stems) == 1 else terminal.detail
    try:
        for item in done:
            for path in documents.add(item):
                tell(f"written: {path}")
            if not isinstance(item, Failure):
                documents.failures += after_each(item)
    finally:
        documents.finish()


def tell_failures(failures: Sequence[Failure], total: int, terminal: Terminal) -> None:
    """The list of what failed, as the last words on stderr.

    Raises:
        typer.Exit: with the code for "some items failed", if any did.
    """
    if not failures:
        return
    failed = len({failure.path for failure in failures})
    terminal.error(f"{failed} of {total} videos failed, in part or as a whole:")
    for failure in failures:
        terminal.error(f"  {failure.path}: {failure.message.removeprefix(f'{failure.path}: ')}")
    raise typer.Exit(SOME_FAILED)
