"""The library's front door: what the command line does, as functions.

from pathlib import Path
from vamba_cli import api
from vamba_cli.settings import Settings

result = api.ask(Path("lecture.mp4"), ["when is backprop introduced?"], Settings())
print(result.answers[0].answer)
"""

import math
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
from pathlib import Path

import torch

from vamba_cli.engine.budget import GIB
from vamba_cli.engine.events import Notice, OnEvent, Stage, TranscribeProgress, ignore
from vamba_cli.engine.session import Prospect, Session, look_at, open_session, session_key
from vamba_cli.engine.store import MemoryStore
from vamba_cli.engine.verify import verify_folder
from vamba_cli.errors import MemoryBudgetError, ModelError, UsageError
from vamba_cli.folders import memory_folder
from vamba_cli.media.info import VideoInfo
from vamba_cli.media.subtitles import load_subtitles
from vamba_cli.media.transcribe import transcribe
from vamba_cli.results import (
    AskResult,
    InfoResult,
    InfoTiming,
    ModelSummary,
    PlanFacts,
    Timing,
    VerifyResult,
    VideoFacts,
    VideoSummary,
)
from vamba_cli.settings import Settings
from vamba_cli.subtitles import NO_SUBTITLES, Subtitles
from vamba_cli.tasks.ask import answer_all
from vamba_cli.tasks.profiles import PROFILES
from vamba_cli.weights.ready import ModelFolder, ReadyModel, choose_device, choose_dtype, load_ready, open_folder
from vamba_cli.weights.registry import resolve_config, resolve_model

_MOST_QUESTION_CHARACTERS = 4000
_BOUNDLESS_GIB = 1e6


class OpenModel:
    """A model that is chosen, and is loaded when it is first needed; then it serves any number of videos.

    settings: the user's, with what the model itself suggests where the user said nothing.
    """

    def __init__(self, settings: Settings) -> None:
        self.folder, self.settings = _folder(settings)
        self.device = choose_device(settings.device)
        self.dtype = choose_dtype(settings.dtype, self.device)
        self._ready: ReadyModel | None = None

    def ready(self, on_event: OnEvent = ignore) -> tuple[ReadyModel, float]:
        """The network, and the seconds that loading it took in this call."""
        if self._ready is not None:
            return self._ready, 0.0
        started = time.perf_counter()
        on_event(Stage("load", self.folder.resolved.name))
        random_weights = self.settings.random_weights
        self._ready = load_ready(self.folder, self.device, self.dtype, random_weights=random_weights)
        if random_weights:
            on_event(Notice("the weights are random (--random-weights): the answers mean nothing"))
        return self._ready, time.perf_counter() - started

    def look_at(self, video: Path) -> Prospect:
        """What encoding a video takes; the weights are not needed for it."""
        return look_at(video, self.folder, self.settings, self.device, self.dtype)

    def summary(self) -> ModelSummary:
        return _model_summary(self.folder, self.device, self.dtype)


def ask(
    video: Path,
    questions: Sequence[str],
    settings: Settings,
    on_event: OnEvent = ignore,
    model: OpenModel | None = None,
) -> AskResult:
    """Answer questions about a video; it is encoded once, and its memory kept for the next call.

    Whoever has many videos opens the model once and gives it with each.

    Raises:
        UsageError, MediaError, MemoryBudgetError, ModelError: see their docstrings.
    """
    asked = [_checked(question) for question in questions]
    if not asked:
        raise UsageError("no question was given: ask at least one")
    model = model or OpenModel(settings)
    with _flushed_denormals():
        session, load_seconds = _session(video, model, on_event)
        started = time.perf_counter()
        answers = answer_all(session, asked, model.settings, on_event)
    return AskResult(
        video=_video_summary(video, session),
        answers=answers,
        model=model.summary(),
        preset=model.settings.presets,
        num_frames=2 * session.memory.num_pairs,
        num_video_tokens=session.memory.num_tokens,
        from_cache=session.from_cache,
        warnings=session.warnings,
        timing=Timing(load_seconds, session.encode_seconds, time.perf_counter() - started),
        subtitles=session.subtitles.source or None,
    )


def _session(video: Path, model: OpenModel, on_event: OnEvent) -> tuple[Session, float]:
    """An encoded video, and the seconds spent on loading the model."""
    prospect = model.look_at(video)  # a bad file is known before weights are read
    subtitles = _subtitles(prospect.info, model.settings, on_event)
    ready, load_seconds = model.ready(on_event)
    session = open_session(video, prospect, ready, model.settings, _store(model.settings), on_event)
    return replace(session, subtitles=subtitles, warnings=(*session.warnings, *subtitles.notes)), load_seconds


def _subtitles(info: VideoInfo, settings: Settings, on_event: OnEvent) -> Subtitles:
    """What is said in the part of a video that is looked at, as far as the settings let it be known."""
    wanted = None if settings.subtitles_file is None else Path(settings.subtitles_file).expanduser()
    found = load_subtitles(info, wanted) if settings.subtitles else NO_SUBTITLES
    if settings.transcribe and not found.source:
        on_event(Stage("transcribe", f"with {settings.transcribe_model}"))
        total = info.duration_seconds
        heard = transcribe(
            info,
            settings.transcribe_model,
            settings.device,
            lambda done: on_event(TranscribeProgress(done, total)),
        )
        found = replace(heard, notes=(*found.notes, *heard.notes))
    for note in found.notes:
        on_event(Notice(note))
    end_seconds = math.inf if settings.end_seconds is None else settings.end_seconds
    found = found.within(settings.start_seconds, end_seconds)
    if found.source:
        on_event(Notice(f"subtitles: {found.source}, {len(found.lines)} line{'s' * (len(found.lines) != 1)}"))
    return found


def _video_summary(video: Path, session: Session) -> VideoSummary:
    info = session.prospect.info
    return VideoSummary(str(video), info.duration_seconds, info.width, info.height)


@contextmanager
def _flushed_denormals() -> Iterator[None]:
    """Mixer states that fade out would slow a CPU down tenfold; the caller's process gets torch's default back."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def inspect(video: Path, settings: Settings) -> InfoResult:
    """What a file is and what asking it would take, without decoding it; neither weights nor memory need be there."""
    started = time.perf_counter()
    folder, settings = _folder(settings, sizes_suffice=True)
    device = choose_device(settings.device)
    dtype = choose_dtype(settings.dtype, device)
    prospect, warnings = _prospect(video, folder, settings, device, dtype)
    store = _store(settings)
    cached = store is not None and store.contains(session_key(video, prospect, folder, settings, dtype))
    plan, cost = prospect.plan, prospect.cost
    names = [field.name for field in fields(VideoFacts)]
    info = {key: value for key, value in asdict(prospect.info).items() if key in names}
    return InfoResult(
        video=VideoFacts(**{**info, "path": str(video)}),
        plan=PlanFacts(len(plan.times_seconds), plan.step_seconds, plan.width, plan.height, plan.strategy, plan.notes),
        model=_model_summary(folder, device, dtype),
        preset=settings.presets,
        num_frames=len(plan.times_seconds),
        num_video_tokens=_num_tokens(prospect),
        memory_bytes=cost.memory_bytes,
        weight_bytes=cost.weight_bytes,
        peak_bytes=cost.peak_bytes,
        encode_flops=cost.encode_flops,
        cached=cached,
        warnings=warnings,
        timing=InfoTiming(time.perf_counter() - started),
    )


def verify(folder: Path, on_event: OnEvent = ignore) -> VerifyResult:
    """A checkpoint folder against its `expected.safetensors`."""
    on_event(Stage("load", str(folder)))
    return verify_folder(folder)


def _prospect(
    video: Path, folder: ModelFolder, settings: Settings, device: torch.device, dtype: torch.dtype
) -> tuple[Prospect, tuple[str, ...]]:
    """What asking would take, also where this machine has not the memory for it, and the warnings."""
    try:
        prospect = look_at(video, folder, settings, device, dtype)
    except MemoryBudgetError as error:
        prospect = look_at(video, folder, replace(settings, memory_limit_gib=_BOUNDLESS_GIB), device, dtype)
        return prospect, (*prospect.notes, f"asking is not possible with the memory that may be used: {error}")
    return prospect, prospect.notes


def _folder(settings: Settings, *, sizes_suffice: bool = False) -> tuple[ModelFolder, Settings]:
    """The model's folder, and the settings with what the model itself suggests where the user said nothing.

    With `sizes_suffice` the released model need not be on this machine: its sizes are bundled.
    """
    try:
        resolve = resolve_config if settings.random_weights else resolve_model
        resolved = resolve(settings.model, settings.revision)
    except ModelError:
        if not sizes_suffice:
            raise
        resolved = resolve_config(settings.model, settings.revision)
    folder = open_folder(resolved)
    if folder.profile not in PROFILES:
        raise ModelError(
            f"{folder.resolved.folder}: profile {folder.profile!r} is not known; known: {', '.join(PROFILES)}"
        )
    free = {
        key: value
        for key, value in folder.defaults.items()
        if getattr(settings, key, 0) is None and not (key == "fps" and settings.frames is not None)
    }
    return folder, settings.updated(free, f"{folder.resolved.folder / 'vamba.json'}")


def _store(settings: Settings) -> MemoryStore | None:
    if not settings.cache:
        return None
    return MemoryStore(memory_folder(os.environ), int(settings.cache_limit_gib * GIB))


def _model_summary(folder: ModelFolder, device: torch.device, dtype: torch.dtype) -> ModelSummary:
    return ModelSummary(folder.resolved.name, folder.resolved.commit, str(dtype).removeprefix("torch."), str(device))


def _num_tokens(prospect: Prospect) -> int:
    return prospect.work.num_pairs * prospect.work.tokens_per_pair


def _checked(question: str) -> str:
    text = " ".join(question.split())
    if not text:
        raise UsageError("a question is empty: write what you want to know")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise UsageError("a question is not text in UTF-8: check the encoding of the terminal or of the file it is in")
    if len(text) > _MOST_QUESTION_CHARACTERS:
        raise UsageError(f"a question has {len(text)} characters; at most {_MOST_QUESTION_CHARACTERS} are allowed")
    return text
