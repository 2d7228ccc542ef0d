"""Chapters and summaries, of one video or of many."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from vamba_cli.api.models import OpenModel
from vamba_cli.api.questions import checked_question
from vamba_cli.api.sessions import encoded, flushed_denormals, video_summary
from vamba_cli.engine.events import OnEvent, VideoBegins, ignore
from vamba_cli.engine.session import Session
from vamba_cli.errors import ModelError
from vamba_cli.media.posters import posters
from vamba_cli.media.probe import probe
from vamba_cli.results import (
    Chapter,
    ChaptersResult,
    Curve,
    Failure,
    SummariseResult,
    Timing,
    VideoChapters,
    VideoSummaryText,
)
from vamba_cli.settings import Settings
from vamba_cli.tasks.ask import answer_all
from vamba_cli.tasks.chapters import Wishes, find_chapters
from vamba_cli.tasks.evidence import evidence_over_time
from vamba_cli.tasks.profiles import PROFILES
from vamba_cli.tasks.summarise import SummaryWishes
from vamba_cli.tasks.summarise import summarise as summarise_session

_POSTER_SECONDS = 1.0
_NO_TITLE = "no title could be read: the times of the chapters stand for them"
T = TypeVar("T")


def chapters(
    video: Path,
    settings: Settings,
    wishes: Wishes = Wishes(),  # noqa: B008 (frozen)
    on_event: OnEvent = ignore,
    model: OpenModel | None = None,
) -> ChaptersResult:
    """The chapters of one video, as a result with one item.

    Raises:
        UsageError, MediaError, MemoryBudgetError, ModelError: see their docstrings.
    """
    model = model or OpenModel(settings)
    item = _one(video, model, _chapters_work(model, wishes, on_event), on_event)
    return ChaptersResult((item,), (), model.summary(), model.settings.presets)


def summarise(
    video: Path,
    settings: Settings,
    wishes: SummaryWishes = SummaryWishes(),  # noqa: B008 (frozen)
    on_event: OnEvent = ignore,
    model: OpenModel | None = None,
) -> SummariseResult:
    """One video in words, as a result with one item.

    Raises:
        UsageError, MediaError, MemoryBudgetError, ModelError: see their docstrings.
    """
    model = model or OpenModel(settings)
    item = _one(video, model, _summary_work(wishes, on_event), on_event)
    return SummariseResult((item,), (), model.summary(), model.settings.presets)


def chapters_of_each(
    videos: Sequence[Path], model: OpenModel, wishes: Wishes, on_event: OnEvent = ignore
) -> Iterator[VideoChapters | Failure]:
    """Chapters of many videos, each as it is done; one that fails does not stop the others.

    Raises:
        ModelError: without the model there is nothing to go on with.
    """
    return _each(videos, model, _chapters_work(model, wishes, on_event), on_event)


def summaries_of_each(
    videos: Sequence[Path], model: OpenModel, wishes: SummaryWishes, on_event: OnEvent = ignore
) -> Iterator[VideoSummaryText | Failure]:
    """Many videos in words, each as it is done; one that fails does not stop the others.

    Raises:
        ModelError: without the model there is nothing to go on with.
    """
    return _each(videos, model, _summary_work(wishes, on_event), on_event)


def poster_pictures(video: Path, chapters: Sequence[Chapter]) -> tuple[bytes, ...]:
    """A JPEG picture of each chapter, taken shortly after its beginning."""
    moments = [
        chapter.start_seconds + min(_POSTER_SECONDS, (chapter.end_seconds - chapter.start_seconds) / 2)
        for chapter in chapters
    ]
    return posters(probe(video), moments)


@dataclass(frozen=True, slots=True)
class _Facts:
    """What every result about a video says besides its answer."""

    video: Path
    session: Session
    load_seconds: float
    started: float

    def finished(self, warnings: Sequence[str] = ()) -> dict[str, Any]:
        """Fields of the result, the time spent until now among them; warnings besides those of the encoding."""
        session = self.session
        return {
            "video": video_summary(self.video, session),
            "num_frames": 2 * session.memory.num_pairs,
            "num_video_tokens": session.memory.num_tokens,
            "from_cache": session.from_cache,
            "warnings": (*session.warnings, *warnings),
            "timing": Timing(self.load_seconds, session.encode_seconds, time.perf_counter() - self.started),
            "subtitles": session.subtitles.source or None,
        }


Work = Callable[[_Facts], T]


def _chapters_work(model: OpenModel, wishes: Wishes, on_event: OnEvent) -> Work[VideoChapters]:
    questions = [checked_question(question) for question in wishes.questions]
    profile = PROFILES[model.folder.profile]

    def work(facts: _Facts) -> VideoChapters:
        found = find_chapters(facts.session, wishes, on_event)
        titled = any(chapter.title_source == "model" for chapter in found)
        warnings = [] if titled else [f"{_NO_TITLE}. {profile.limits}".rstrip()]
        if wishes.count is not None and len(found) < wishes.count:
            warnings.append(f"{wishes.count} chapters were asked for, and its pictures give {len(found)}")
        spans = [evidence_over_time(facts.session, profile, question, on_event) for question in questions]
        answers = answer_all(facts.session, questions, model.settings, on_event)
        curves = tuple(Curve(one.question, here, one.answer) for one, here in zip(answers, spans, strict=True))
        return VideoChapters(chapters=found, curves=curves, **facts.finished(warnings))

    return work


def _summary_work(wishes: SummaryWishes, on_event: OnEvent) -> Work[VideoSummaryText]:
    def work(facts: _Facts) -> VideoSummaryText:
        text, outline = summarise_session(facts.session, wishes, on_event)
        return VideoSummaryText(summary=text, outline=outline, **facts.finished())

    return work


def _each(videos: Sequence[Path], model: OpenModel, work: Work[T], on_event: OnEvent) -> Iterator[T | Failure]:
    for number, video in enumerate(videos, 1):
        on_event(VideoBegins(number, len(videos), str(video)))
        try:
            result: T | Failure = _one(video, model, work, on_event)
        except ModelError:
            raise
        except Exception as error:  # also a bug that one video brings to light: the others are not to suffer
            result = Failure.of(str(video), error)
        yield result


def _one(video: Path, model: OpenModel, work: Work[T], on_event: OnEvent) -> T:
    with flushed_denormals():
        session, load_seconds = encoded(video, model, on_event)
        return work(_Facts(video, session, load_seconds, time.perf_counter()))
