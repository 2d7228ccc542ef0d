"""One video at a time in a process that keeps the model: the same for child processes and for actors of Ray."""

import copy
import gc
import json
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vamba_cli.batch.fingerprint import content_of
from vamba_cli.batch.jobs import Problem, Work
from vamba_cli.batch.tasks import Run, prepared
from vamba_cli.engine.events import OnEvent, Stage
from vamba_cli.errors import ModelError, UsageError, VambaError

if TYPE_CHECKING:
    from vamba_cli.api import OpenModel

# What is lowered, from one attempt to the next, where memory was short.
REDUCTIONS = ("half of the chunk", "half of the frames")


@dataclass(frozen=True, slots=True)
class Assignment:
    """One attempt at one video.

    expected: the content of the earlier result: equal content needs no work.
    taken_by: set where the name belongs to this other file: different content is then an error.
    reduction: how many of `REDUCTIONS` apply.
    """

    path: str
    expected: str = ""
    taken_by: str = ""
    reduction: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: a document, a problem, or neither where the content is as expected.

    document: any JSON but null.
    size_bytes, mtime_ns, content: of the file when it was read; 0 and empty where it could not be.
    fatal: no other video would fare better; the run ends with this error class.
    spoilt: the process cannot go on (CUDA fails for ever after some errors); another one has to.
    """

    size_bytes: int = 0
    mtime_ns: int = 0
    content: str = ""
    document: Any = None
    timing: Mapping[str, Any] | None = None
    problem: Problem | None = None
    fatal: bool = False
    spoilt: bool = False


class NameClashError(VambaError):
    """Two different videos would have the same result file."""


class ResultError(VambaError):
    """A task of one's own gave what cannot be a result."""


class Worker:
    """Performs assignments; the model is opened with the first that needs it, and kept."""

    def __init__(self, work: Work, on_event: OnEvent) -> None:
        self._work, self._on_event = work, on_event
        self._run: Run | None = None
        self._model: OpenModel | None = None
        self._reduction = 0

    @property
    def wishes(self) -> Mapping[str, Any]:
        """What the task takes besides settings."""
        return self._work.wishes

    @property
    def settings(self) -> Any:
        return self._work.settings

    @property
    def reduction(self) -> int:
        """How many of `REDUCTIONS` this attempt asks for."""
        return self._reduction

    @property
    def on_event(self) -> OnEvent:
        return self._on_event

    def perform(self, given: Assignment) -> Outcome:
        """Never raises: whatever happens is an outcome."""
        path = Path(given.path)
        seen = Outcome()
        try:
            facts = path.stat()
            seen = Outcome(facts.st_size, facts.st_mtime_ns, self._content_of(path))
            if given.expected and seen.content == given.expected:
                return seen
            if given.taken_by:
                raise NameClashError(_clash(given.taken_by))
            self._reduction = given.reduction
            document = self._prepared()(path, self)
            if problem := _changed(path, seen):
                return replace(seen, problem=problem)
            document = _as_json(document)
            timing = without_volatile(document)
            return replace(seen, document=document, timing=timing)
        except Exception as error:
            found = _changed(path, seen) or problem_of(
                error.__cause__ if isinstance(error.__cause__, UsageError) else error
            )
            if found.kind == "OutOfMemory":
                _free_memory()
            fatal, spoilt = isinstance(error, ModelError), "CUDA error" in str(error)
            return replace(seen, problem=found, fatal=fatal, spoilt=spoilt)
        finally:
            self._reduction = 0

    def _prepared(self) -> Run:
        """The task, ready for any video; a sign before the first one tells that the process came up whole."""
        if self._run is None:
            with _no_fault_of_a_video():
                self._run = prepared(self._work.task, self._work.wishes)
            self._on_event(Stage("begin", ""))
        return self._run

    def _content_of(self, path: Path) -> str:
        """Of the video, and of the subtitles beside it where the task reads them."""
        if ":" in self._work.task or not self._work.settings.subtitles or self._work.settings.subtitles_file:
            return content_of(path)
        from vamba_cli.media.subtitles import sidecars

        return content_of(path, *sidecars(path))

    def model(self, video: Path) -> "OpenModel":
        """The model, kept from video to video, with the settings lowered as this attempt wants."""
        from vamba_cli import api

        if self._model is None:
            with _no_fault_of_a_video():
                self._model = api.OpenModel(self._work.settings)
        if not self._reduction:
            return self._model
        lowered = copy.copy(self._model)  # it shares what is loaded
        chunk_pairs = lowered.look_at(video).work.chunk_pairs
        lowered.settings = replace(lowered.settings, chunk_frames=max(2, chunk_pairs // 2 * 2))
        if self._reduction > 1:
            num_frames = api.inspect(video, lowered.settings).num_frames
            lowered.settings = replace(lowered.settings, max_frames=max(2, num_frames // 4 * 2))
        return lowered


@contextmanager
def _no_fault_of_a_video() -> Iterator[None]:
    """A device that is not here, or a wish that cannot be fulfilled, would be met with every other video, too."""
    try:
        yield
    except UsageError as error:
        raise ModelError(str(error)) from error


def _as_json(result: Any) -> Any:
    """What a reader of the result file gets of it; a task of one's own may give anything.

    Raises:
        ResultError
    """
    if result is None:
        raise ResultError("the task returned None: what it returns, as JSON, is the result")
    try:
        return json.loads(json.dumps(result, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise ResultError(f"what the task returned is not JSON: {error}") from error


def parts_of(document: Any) -> list[dict[str, Any]]:
    """The document and its items, as far as they are objects: those of a task of one's own may be anything."""
    items = document.get("items") if isinstance(document, dict) else None
    return [part for part in (document, *(items if isinstance(items, list) else ())) if isinstance(part, dict)]


def without_volatile(document: Any) -> dict[str, Any]:
    """Take what differs from run to run out of a document and its items, and give it: it goes into the record."""
    taken: dict[str, Any] = {}
    for part in parts_of(document):
        if isinstance(part.get("timing"), dict):
            taken.update(part.pop("timing"))
        if "from_cache" in part:
            taken["from_cache"] = part.pop("from_cache")
    return taken


def _clash(taken_by: str) -> str:
    return f"its result would replace that of {taken_by}: choose another --out-dir, or a --root that tells them apart"


def _changed(path: Path, seen: Outcome) -> Problem | None:
    """What comes of a file that is still being written, or went away, whatever else went wrong with it."""
    try:
        facts = path.stat()
    except FileNotFoundError:
        return Problem("MediaError", "the file is gone: it was there when the batch looked")
    except OSError:
        return None  # who reads it says why
    if seen.content and (facts.st_size, facts.st_mtime_ns) != (seen.size_bytes, seen.mtime_ns):
        return Problem("ChangedError", "the file changed while it was read: it runs again when it has come to rest")
    return None


def problem_of(error: Exception) -> Problem:
    """An error in the words of a record."""
    message = " ".join(str(error).split())[:2000]
    if is_memory_shortage(error):
        return Problem("OutOfMemory", message or "no more memory")
    if isinstance(error, OSError):
        return Problem(type(error).__name__, message)
    if isinstance(error, VambaError):
        return Problem(type(error).__name__, message)
    place = traceback.extract_tb(error.__traceback__)[-1]
    return Problem(type(error).__name__, f"{message} (a bug, at {Path(place.filename).name}:{place.lineno})")


def is_memory_shortage(error: BaseException) -> bool:
    """Python's, CUDA's or the CPU allocator's word for it."""
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or (isinstance(error, RuntimeError) and "can't allocate memory" in str(error))
    )


def _free_memory() -> None:
    """What one video left behind must not fail the next."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None:
        with suppress(Exception):
            torch.cuda.is_initialized() and torch.cuda.empty_cache()
