"""`vamba chat`: one video, questions typed one after the other."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from vamba_cli.cli.options import ANSWER, FRAMES, MODEL, SUBTITLES, argument, shared
from vamba_cli.cli.terminal import Terminal, show
from vamba_cli.errors import UsageError
from vamba_cli.settings import Settings

if TYPE_CHECKING:
    from vamba_cli.api import OpenVideo

_GOODBYES = ("quit", "exit", "q", "bye")


@shared(MODEL, FRAMES, SUBTITLES, ANSWER)
def chat(
    video: Annotated[Path, argument("VIDEO", "A video file or an image.")],
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
    those before it. Ctrl-C stops an answer, Ctrl-D or `quit` ends. Where stdin is
    no terminal each line is a question, answered as soon as it is read.
    """
    from vamba_cli.cli.progress import progress

    with progress(terminal) as draw:
        from vamba_cli import api

        opened = api.OpenVideo(video, settings, draw)
    typed = sys.stdin.isatty()
    if typed:
        terminal.note("Ask. Ctrl-C stops an answer, Ctrl-D ends.")
    for question in _typed_lines() if typed else _piped_lines():
        with _interruptible(terminal) if typed else nullcontext():
            _answer(opened, question, terminal)


def _answer(opened: "OpenVideo", question: str, terminal: Terminal) -> None:
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
    show(render.answer(answer, evidence_wanted=wanted).append_text(Text("\n")))


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
        if _is_goodbye(line):
            return
        if line.strip():
            yield line.strip()


def _piped_lines() -> Iterator[str]:
    lines = takewhile(lambda line: not _is_goodbye(line), iter(sys.stdin.readline, ""))
    return filter(None, map(str.strip, lines))


def _is_goodbye(line: str) -> bool:
    return line.strip().casefold().lstrip("/:") in _GOODBYES


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
