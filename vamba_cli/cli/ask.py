"""`vamba ask`: questions about one video, answered with the times that support them."""

import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

from vamba_cli.cli.options import (
    ANSWER,
    FRAMES,
    MODEL,
    SUBTITLES,
    JsonFlag,
    OutputPath,
    argument,
    option,
    shared,
    video_argument,
)
from vamba_cli.cli.terminal import Terminal, check_output, json_text, show, show_json, write_atomically
from vamba_cli.errors import UsageError
from vamba_cli.results import Answer, AskResult
from vamba_cli.settings import Settings

ASKED = "Questions"


@shared(MODEL, FRAMES, SUBTITLES, ANSWER)
def ask(
    video: Annotated[Path, video_argument("A video file or an image.")],
    settings: Settings,
    terminal: Terminal,
    question: Annotated[str | None, argument("QUESTION", "What to ask.")] = None,
    questions: Annotated[list[str] | None, option("-q", "TEXT", "A further question; repeat it.", ASKED)] = None,
    questions_file: Annotated[
        str | None,
        option("--questions", "FILE", "Questions, one a line; lines that begin with # are remarks; - is stdin.", ASKED),
    ] = None,
    json: JsonFlag = False,
    output: OutputPath = None,
) -> None:
    """
    Answer questions about a video, with the times that show it.

    \b
    Examples:
      vamba ask lecture.mp4 "when is backpropagation introduced?"
      vamba ask talk.mkv -q "who speaks?" -q "what is shown first?" --json
      vamba ask film.mp4 "who opens the door?" --start 1:02:00 --end 1:10:00

    The video is encoded once for all questions, and kept for the next call.
    The model is deaf: of what is said it knows the subtitles, if there are any.
    """
    asked = collect_questions(question, questions or [], questions_file)
    target = None if output in (None, "-") else Path(str(output))
    if target is not None:
        check_output(target)
    as_json = json or (target is not None and target.suffix == ".json")
    told: list[Answer] = []

    def tell(answer: Answer) -> None:
        from vamba_cli.cli import render

        text = render.answer(answer, with_question=len(asked) > 1, evidence_wanted=settings.evidence)
        show(text if not told else type(text)("\n").append_text(text))
        told.append(answer)

    result = _watched(video, asked, settings, terminal, None if as_json or target is not None else tell)
    if target is not None:
        from vamba_cli.cli.render import answers

        text = answers(result, evidence_wanted=settings.evidence)
        write_atomically(target, json_text(result.to_json()) if as_json else f"{text.plain}\n")
    elif as_json:
        show_json(result.to_json())
    else:
        for answer in result.answers[len(told) :]:
            tell(answer)


def _watched(
    video: Path,
    asked: Sequence[str],
    settings: Settings,
    terminal: Terminal,
    tell: Callable[[Answer], None] | None,
) -> AskResult:
    """The one call of the library, with its progress and its notes on stderr; answers are told as they come."""
    from vamba_cli.cli.progress import progress
    from vamba_cli.engine.events import Answered, Event, Notice

    heard: list[str] = []
    with progress(terminal) as draw:
        from vamba_cli import api  # takes a second, with a sign of life on the screen

        def on_event(event: Event) -> None:
            if isinstance(event, Notice):
                heard.append(event.message)
            if tell and isinstance(event, Answered):
                with draw.paused():
                    tell(event.answer)
            draw(event)

        result = api.ask(video, asked, settings, on_event)
    for warning in result.warnings:
        if warning not in heard:
            terminal.note(f"note: {warning}")
    model, timing = result.model, result.timing
    terminal.detail(
        f"{result.num_frames} frames, {result.num_video_tokens} video tokens, {model.name} in {model.dtype} on "
        f"{model.device}; load {timing.load_seconds:.2f} s, encode {timing.encode_seconds:.2f} s, "
        f"answer {timing.answer_seconds:.2f} s"
    )
    return result


_COMMENT = re.compile(r"\s*#(?:\s|$)")  # "#pragma" may begin a question
_HOW_TO_ASK = 'write one after the video, `vamba ask VIDEO "what happens?"`, or with -q'


def collect_questions(question: str | None, more: Sequence[str], file: str | None, how: str = _HOW_TO_ASK) -> list[str]:
    """All questions in the order: argument, `-q`, file; `how` says what to do where there is none."""
    asked = [*([question] if question is not None else []), *more]
    if file is not None:
        told = [line.strip() for line in _lines(file) if line.strip() and not _COMMENT.match(line)]
        if not told:
            raise UsageError(f"{'standard input' if file == '-' else file} has no question in it: write one a line")
        asked += told
    if not asked:
        raise UsageError(f"no question was given: {how}")
    if not all(text.strip() for text in asked):
        raise UsageError("a question is empty: write what you want to know")
    return asked


def _lines(file: str) -> list[str]:
    if file == "-":
        return sys.stdin.read().splitlines()
    try:
        return Path(file).read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not a text in UTF-8: give a text file with one question a line") from error
    except OSError as error:
        reason = error.strerror or error
        raise UsageError(f"{file} cannot be read ({reason}): give a text file with one question a line") from error
