"""A video made ready for questions: looked at, heard, encoded or taken from the cache."""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch

from vamba_cli import __version__
from vamba_cli.api.models import OpenModel
from vamba_cli.engine.budget import GIB
from vamba_cli.engine.events import Notice, OnEvent, Stage, TranscribeProgress
from vamba_cli.engine.session import Session, open_session
from vamba_cli.engine.store import MemoryStore, file_digest, memory_key
from vamba_cli.engine.transcripts import TranscriptStore
from vamba_cli.folders import memory_folder, transcript_folder
from vamba_cli.media.info import VideoInfo
from vamba_cli.media.subtitles import load_subtitles
from vamba_cli.media.transcribe import transcribe
from vamba_cli.results import VideoSummary
from vamba_cli.settings import Settings
from vamba_cli.subtitles import NO_SUBTITLES, Subtitles


def encoded(video: Path, model: OpenModel, on_event: OnEvent) -> tuple[Session, float]:
    """An encoded video, and the seconds spent on loading the model."""
    prospect = model.look_at(video)  # a bad file is known before weights are read
    subtitles = _subtitles(prospect.info, model.settings, on_event)
    ready, load_seconds = model.ready(on_event, prospect.work)
    session = open_session(video, prospect, ready, model.settings, store_of(model.settings), on_event)
    return replace(session, subtitles=subtitles, warnings=(*session.warnings, *subtitles.notes)), load_seconds


def _subtitles(info: VideoInfo, settings: Settings, on_event: OnEvent) -> Subtitles:
    """What is said in the part of a video that is looked at, as far as the settings let it be known."""
    wanted = None if settings.subtitles_file is None else Path(settings.subtitles_file).expanduser()
    found = load_subtitles(info, wanted) if settings.subtitles else NO_SUBTITLES
    if settings.transcribe and not found.source:
        heard = _transcript(info, settings, on_event)
        found = replace(heard, notes=(*found.notes, *heard.notes))
    for note in found.notes:
        on_event(Notice(note))
    end_seconds = math.inf if settings.end_seconds is None else settings.end_seconds
    found = found.within(settings.start_seconds, end_seconds)
    if found.source:
        on_event(Notice(f"subtitles: {found.source}, {len(found.lines)} line{'s' * (len(found.lines) != 1)}"))
    return found


def _transcript(info: VideoInfo, settings: Settings, on_event: OnEvent) -> Subtitles:
    """What a speech model hears in a video, now or in an earlier call."""
    store = TranscriptStore(transcript_folder(os.environ)) if settings.cache else None
    key = memory_key([file_digest(info.path), settings.transcribe_model, __version__]) if store else ""
    kept = store.load(key) if store else None
    if kept is not None:
        return kept
    on_event(Stage("transcribe", f"with {settings.transcribe_model}"))
    total = info.duration_seconds

    def tell(done_seconds: float) -> None:
        on_event(TranscribeProgress(done_seconds, total))

    heard = transcribe(info, settings.transcribe_model, settings.device, tell)
    if store:
        store.save(key, heard, str(info.path.resolve()))
    return heard


def video_summary(video: Path, session: Session) -> VideoSummary:
    info = session.prospect.info
    return VideoSummary(str(video), info.duration_seconds, info.width, info.height)


def store_of(settings: Settings) -> MemoryStore | None:
    if not settings.cache:
        return None
    return MemoryStore(memory_folder(os.environ), int(settings.cache_limit_gib * GIB))


@contextmanager
def flushed_denormals() -> Iterator[None]:
    """Mixer states that fade out would slow a CPU down tenfold; the caller's process gets torch's default back."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
