"""`vamba chat`: one video, questions typed one after the other."""

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from vamba_cli.cli.options import ANSWER, FRAMES, MODEL, SUBTITLES, shared, video_argument
from vamba_cli.cli.terminal import Terminal, show
from vamba_cli.errors import UsageError
from vamba_cli.settings import Settings

if TYPE_CHECKING:
    from vamba_cli.api import OpenVideo

_GOODBYES = ("quit", "exit", "q", "bye")
_CALLS_FOR_HELP = ("help", "h", "?")
_HELP = """Each question stands for itself. For example:
  when is backprop introduced?
  is there a slide about overfitting?
  what comes after overfitting?
  what is on screen at 12:30?
  how many slides mention dropout?
  list the topics
Ctrl-C stops an answer, Ctrl-D or quit ends."""


@shared(MODEL, FRAMES, SUBTITLES, ANSWER)
def chat(
    video: Annotated[Path, video_argument("A video file or an image.")],
    settings: Settings,
    terminal: Terminal,
) -> None:
    """
    Ask one video question after question.

    \b
    Examples:
      vamba chat lecture.mp4
      vamba chat film.mp4 --model vamba-qwen2-vl-7b --start 1:02:00

    The video is encoded first. Each question stands for itself: none knows of
    those before it. `help` has examples, Ctrl-C stops an answer, Ctrl-D or `quit`
    ends. Where stdin is no terminal each line is a question, told again above its
    answer, which comes as soon as the line is read.
    """
    from vamba_cli.cli.progress import progress

    with progress(terminal) as draw:
        from vamba_cli import api

        opened = api.OpenVideo(video, settings, draw)
    typed = sys.stdin.isatty()
    if typed:
        terminal.note("Ask (help has examples). Ctrl-C stops an answer, Ctrl-D ends.")
    for question in _typed_lines() if typed else _piped_lines():
        if _is_one_of(question, _CALLS_FOR_HELP):
            terminal.note(_HELP)
            continue
        with _interruptible(terminal) if typed else nullcontext():
            _answer(opened, question, terminal, with_question=not typed)


def _answer(opened: "OpenVideo", question: str, terminal: Terminal, *, with_question: bool) -> None:
    from rich.text import Text

    from vamba_cli.cli import render
    from vamba_cli.cli.progress import progress

    try:
        with progress(terminal) as draw:
            (answer,) = opened.ask([question], draw)
    except UsageError as error:  # the question's fault: the next one may be better
        terminal.error(f"error: {error}")
        return
    wanted = opened.model.settings.evidence
    text = render.answer(answer, with_question=with_question, evidence_wanted=wanted)
    show(text.append_text(Text("\n")))


def _typed_lines() -> Iterator[str]:
    """Questions from a terminal, with the line editing and the history that people are used to."""
    import readline  # noqa: F401 (input() uses it once it is loaded)

    prompt = "? " if sys.stdout.isatty() else ""  # input() would write it to the file that stdout is
    while True:
        try:
            with _default_interrupt():
                line = input(prompt)
        except EOFError:
            sys.stderr.write("\n")  # the prompt's line ends
            return
        except KeyboardInterrupt:
            sys.stderr.write("  (Ctrl-D ends)\n")
            continue
        if _is_one_of(line, _GOODBYES):
            return
        if line.strip():
            yield line.strip()


def _piped_lines() -> Iterator[str]:
    lines = takewhile(lambda line: not _is_one_of(line, _GOODBYES), iter(sys.stdin.readline, ""))
    return filter(None, map(str.strip, lines))


def _is_one_of(line: str, words: Sequence[str]) -> bool:
    return line.strip().casefold().lstrip("/:") in words


@contextmanager
def _interruptible(terminal: Terminal) -> Iterator[None]:
    """Ctrl-C ends what is under way and not the program."""
    try:
        with _default_interrupt():
            yield
    except KeyboardInterrupt:
        terminal.note("stopped")


@contextmanager
def _default_interrupt() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
