"""Where the documents of a command go: text or one document on stdout, one file, or a folder of files."""

import os
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic

import typer

from vamba_cli.cli.exits import DISK_ERRORS, SOME_FAILED
from vamba_cli.cli.terminal import Terminal, check_output, write_atomically, write_stdout
from vamba_cli.errors import UsageError, VambaError
from vamba_cli.output.files import Task, document_path
from vamba_cli.output.formats import Format, R, format_of_file, formats_named, single_results
from vamba_cli.results import Failure

if TYPE_CHECKING:
    from vamba_cli.cli.progress import Silence  # which loads rich

_SAVED_EVERY_SECONDS = 60.0  # a document of many videos; a crash costs no more


@dataclass(frozen=True, slots=True)
class Place(Generic[R]):
    """What is written, and where: stdout unless there is a file or a folder; text for people if no format is named."""

    formats: tuple[Format[R], ...]
    file: Path | None = None
    folder: Path | None = None


def choose_place(
    out: str | None, names: Sequence[str], as_json: bool, table: Sequence[Format[R]], videos: Sequence[Path]
) -> Place[R]:
    """What `--out`, `--format` and `--json` ask for together.

    Raises:
        UsageError: they contradict each other, or the place cannot be written.
    """
    formats = formats_named([*names, *(["json"] if as_json else [])], table)
    if out is None or out == "-":
        _check_one_document(formats, len(videos), "stdout")
        return Place(formats)
    if not out.strip():
        raise UsageError("--out is empty: name a file or a folder, or - for stdout")
    path = Path(out).expanduser()
    if not path.exists() and not out.endswith(os.sep) and _is_name_of_document(path.name, table):
        _check_one_document(formats, len(videos), str(path))  # nobody means a folder by one.vtt
    is_folder = path.is_dir() or out.endswith(os.sep) or len(formats) > 1
    if not is_folder and not path.exists():  # the look of the name decides
        is_folder = not path.suffix or (len(videos) > 1 and bool(formats) and not formats[0].several)
    if is_folder:
        return Place(formats or formats_named(["json"], table), folder=_made(path))
    formats = formats or (format_of_file(path.name, table),)
    check_output(path)
    _check_one_document(formats, len(videos), str(path))
    _check_no_video(path, videos)
    return Place(formats, file=path)


def _is_name_of_document(name: str, table: Sequence[Format[R]]) -> bool:
    try:
        format_of_file(name, table)
    except UsageError:
        return False
    return True


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


def _check_one_document(formats: Sequence[Format[Any]], num_videos: int, place: str) -> None:
    if len(formats) > 1:
        raise UsageError(
            f"{' and '.join(entry.name for entry in formats)} do not go into one place ({place}): name a folder "
            "(--out FOLDER), or one format"
        )
    if formats and num_videos > 1 and not formats[0].several:
        raise UsageError(
            f"a document in {formats[0].name} holds one video, and there are {num_videos}: name a folder "
            "(--out FOLDER), or write --format json, csv or md"
        )


def _check_no_video(path: Path, videos: Sequence[Path]) -> None:
    for video in videos:
        if path.exists() and video.exists() and path.samefile(video):
            raise UsageError(f"{path} is the video itself, which is never changed: name another file")


class Documents(Generic[R]):
    """Writes results as they come: the files of each video at once, a document of all now and then and in the end.

    Args:
        stems: the relative path without ending of each video's documents.
        result_of: a result of these items and failures.
        text_of: a result of one or more videos in a format; the path is where it will lie, None for stdout.
        show: prints an item for people.
        watch: draws the progress, and takes lines for people.
        failures: what has failed already.
    """

    def __init__(
        self,
        place: Place[R],
        task: Task,
        stems: Mapping[str, Path],
        result_of: Callable[[Sequence[Any], Sequence[Failure]], R],
        text_of: Callable[[Format[R], R, Path | None], str],
        show: Callable[[Any], None],
        watch: "Silence",
        failures: Sequence[Failure] = (),
    ) -> None:
        self._place: Place[R] = place
        self._task: Task = task
        self.stems = stems
        self._result_of: Callable[[Sequence[Any], Sequence[Failure]], R] = result_of
        self._text_of: Callable[[Format[R], R, Path | None], str] = text_of
        self._show, self.watch = show, watch
        self.items: list[Any] = []
        self.failures = list(failures)
        self._is_begun = False
        self._saved_seconds = time.monotonic()

    def add(self, item: Any) -> list[Path]:
        """Take a result or a failure; returns the files that were written."""
        self._is_begun = True
        if isinstance(item, Failure):
            self.failures.append(item)
            return []
        self.items.append(item)
        if self._place.folder is not None:
            return self._write_files(item)
        if not self._place.formats:
            with self.watch.paused():
                self._show(item)
        elif self._place.file is not None and time.monotonic() - self._saved_seconds > _SAVED_EVERY_SECONDS:
            self._save()
        return []

    def finish(self) -> Path | None:
        """Write what waits for the end; returns the file. Where nothing was begun, a document of earlier is kept."""
        if self._place.folder is not None or not self._place.formats or not self._is_begun:
            return None
        if self._place.file is not None:
            return self._save()
        if self.items or self._place.formats[0].several:
            document = self._text_of(self._place.formats[0], self._result(), None)
            self.watch.stop()
            write_stdout(document)
        return None

    def _result(self) -> R:
        return self._result_of(self.items, self.failures)

    def _save(self) -> Path | None:
        (entry,) = self._place.formats
        if self._place.file is None or not (self.items or entry.several):
            return None
        text = self._text_of(entry, self._result(), self._place.file)
        try:
            write_atomically(self._place.file, text)
        except OSError as error:
            raise error if error.errno in DISK_ERRORS else not_written(self._place.file, error) from error
        self._saved_seconds = time.monotonic()
        return self._place.file

    def _write_files(self, item: Any) -> list[Path]:
        assert self._place.folder is not None
        (result,) = single_results(self._result_of([item], []))
        written = []
        for entry in self._place.formats:
            target = self._place.folder / document_path(self.stems[item.video.path], self._task, entry)
            try:
                text = self._text_of(entry, result, target)
                target.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(target, text)
                written.append(target)
            except VambaError as error:  # too few chapters for YouTube, say: the other formats are not to suffer
                self.failures.append(Failure.of(item.video.path, error))
            except OSError as error:  # a name that is too long, say
                if error.errno in DISK_ERRORS:  # nor will the next one be written
                    raise
                self.failures.append(Failure.of(item.video.path, not_written(target, error)))
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
    is_one = len(documents.stems) == 1
    say = documents.watch.note
    is_whole = False
    try:
        for item in done:
            for path in documents.add(item):
                if is_one or terminal.verbose:
                    say(f"written: {path}")
            if isinstance(item, Failure):
                say(f"failed: {_line(item)}")
            else:
                documents.failures += after_each(item)
        is_whole = True
    finally:
        file = documents.finish()
        if file is not None and not is_whole:
            say(f"written: {file}, with what is done: {_videos(len(documents.items))}")


def tell_failures(documents: Documents[Any], total: int, terminal: Terminal) -> None:
    """The list of what failed, as the last words on stderr.

    Raises:
        typer.Exit: with the code for "some items failed", if any did.
    """
    failures = documents.failures
    if not failures:
        return
    failed = {failure.path for failure in failures}
    if total > 1:
        in_part = ", in part or as a whole" if any(item.video.path in failed for item in documents.items) else ""
        terminal.error(f"error: {len(failed)} of {total} videos failed{in_part}:")
    for failure in failures:
        terminal.error(f"{'  ' if total > 1 else 'error: '}{_line(failure)}")
    raise typer.Exit(SOME_FAILED)


def tell_warnings(documents: Documents[Any], heard: Collection[str], terminal: Terminal) -> None:
    """What results warn of and was not told while they were made; what many say is said once."""
    counts = Counter(warning for item in documents.items for warning in dict.fromkeys(item.warnings))
    for warning, number in counts.items():
        if warning not in heard:
            terminal.note(f"note: {warning}" + f" [{_videos(number)}]" * (len(documents.stems) > 1))


def not_written(target: Path, error: OSError) -> UsageError:
    """What the system reports about a file, with what to do."""
    return UsageError(f"{target} cannot be written: {error.strerror or error}; choose another place")


def _line(failure: Failure) -> str:
    message = " ".join(failure.message.split())
    return message if message.startswith(failure.path) else f"{failure.path}: {message}"


def _videos(number: int) -> str:
    return f"{number} video{'s' * (number != 1)}"
