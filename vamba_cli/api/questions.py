"""Answers to questions about one video."""

import time
from collections.abc import Sequence
from pathlib import Path

from vamba_cli.api.models import OpenModel
from vamba_cli.api.sessions import encoded, flushed_denormals, video_summary
from vamba_cli.engine.events import OnEvent, ignore
from vamba_cli.errors import UsageError
from vamba_cli.results import Answer, AskResult, Timing
from vamba_cli.settings import Settings
from vamba_cli.tasks.ask import answer_all
from vamba_cli.tasks.profiles import PROFILES

_MOST_QUESTION_CHARACTERS = 4000


class OpenVideo:
    """A video that can be asked as often as one likes; it is encoded, or taken from the cache, when this is made.

    Raises:
        UsageError, MediaError, MemoryBudgetError, ModelError: see their docstrings.
    """

    def __init__(
        self, video: Path, settings: Settings, on_event: OnEvent = ignore, model: OpenModel | None = None
    ) -> None:
        self.video, self.model = video, model or OpenModel(settings)
        with flushed_denormals():
            self.session, self.load_seconds = encoded(video, self.model, on_event)
        self._profile = PROFILES[self.model.folder.profile]

    def ask(self, questions: Sequence[str], on_event: OnEvent = ignore) -> tuple[Answer, ...]:
        """Answers in the order of the questions, each of which stands for itself.

        Raises:
            UsageError: a question is empty, too long, or no text.
        """
        asked = [checked_question(question) for question in questions]
        with flushed_denormals():
            answers = answer_all(self.session, asked, self.model.settings, on_event, self._profile)
        for answer in answers:
            self._profile = self._profile.after(answer.answer)
        return answers


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
    asked = [checked_question(question) for question in questions]  # a bad one is known before the video is encoded
    if not asked:
        raise UsageError("no question was given: ask at least one")
    opened = OpenVideo(video, settings, on_event, model)
    session, model = opened.session, opened.model
    started = time.perf_counter()
    answers = opened.ask(asked, on_event)
    return AskResult(
        video=video_summary(video, session),
        answers=answers,
        model=model.summary(),
        preset=model.settings.presets,
        num_frames=2 * session.memory.num_pairs,
        num_video_tokens=session.memory.num_tokens,
        from_cache=session.from_cache,
        warnings=session.warnings,
        timing=Timing(opened.load_seconds, session.encode_seconds, time.perf_counter() - started),
        subtitles=session.subtitles.source or None,
    )


def checked_question(question: str) -> str:
    text = " ".join(question.split())
    if not text:
        raise UsageError("a question is empty: write what you want to know")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise UsageError("a question is not text in UTF-8: check the encoding of the terminal or of the file it is in")
    if len(text) > _MOST_QUESTION_CHARACTERS:
        raise UsageError(f"a question has {len(text)} characters; at most {_MOST_QUESTION_CHARACTERS} are allowed")
    return text
