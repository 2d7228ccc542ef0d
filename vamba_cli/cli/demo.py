"""`vamba demo`: make a small lecture whose truth is known, and ask it when something is introduced."""

import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from vamba_cli.cli.options import MODEL, option, shared
from vamba_cli.cli.terminal import Terminal, check_output, show
from vamba_cli.errors import VerificationError
from vamba_cli.results import Answer, Evidence
from vamba_cli.settings import Settings
from vamba_cli.timecode import clock

SLIDES = Path(__file__).parent / "demo_slides"
LECTURE = "Lecture"
OPENING, WANTED = "how_neural_networks_learn", "backpropagation"
QUESTION = "when is backpropagation introduced?"
_SHORTEST_SECONDS, _LONGEST_SECONDS = 10, 26


@dataclass(frozen=True, slots=True)
class Shown:
    """One slide of the lecture and when it stands."""

    path: Path
    start_seconds: float
    end_seconds: float

    @property
    def seconds(self) -> float:
        return self.end_seconds - self.start_seconds


@shared(MODEL)
def demo(
    settings: Settings,
    terminal: Terminal,
    out: Annotated[Path | None, option("--out -o", "FILE", "Keep the video here (.mp4).", LECTURE)] = None,
    seed: Annotated[int, option("--seed", "N", "Another order and other durations of the slides.", LECTURE)] = 0,
) -> None:
    """
    Make a two-minute lecture and ask it a question.

    \b
    Examples:
      vamba demo
      vamba demo --seed 7 --out lecture.mp4

    The order and the durations of the slides come from the seed, so the true
    time is known. Exit code 1 if the answer disagrees with it.
    """
    from vamba_cli.cli.progress import progress

    if out is not None:
        check_output(out)
    shown = timetable(seed)
    truth = next(slide for slide in shown if slide.path.stem == WANTED)
    with place(out) as path:
        write_lecture(path, shown)
        with progress(terminal) as draw:
            from vamba_cli import api

            answer = api.ask(path, [QUESTION], settings, draw).answers[0]
    _tell(answer, truth, shown, out)
    if not agrees(answer.evidence, truth):
        found = _span(answer.evidence[0]) if answer.evidence else "no time at all"
        raise VerificationError(f"the model found {found}, the slide is shown at {_span(truth)}")


def timetable(seed: int) -> list[Shown]:
    """The opening slide, then the others in an order and with durations drawn from the seed; about two minutes."""
    draw = random.Random(seed)
    rest = sorted(path for path in SLIDES.glob("*.png") if path.stem != OPENING)
    draw.shuffle(rest)
    shown: list[Shown] = []
    for path in (SLIDES / f"{OPENING}.png", *rest):
        start = shown[-1].end_seconds if shown else 0.0
        shown.append(Shown(path, start, start + draw.randint(_SHORTEST_SECONDS, _LONGEST_SECONDS)))
    return shown


def write_lecture(path: Path, shown: list[Shown]) -> None:
    from vamba_cli.media.slideshow import write_slideshow

    write_slideshow(path, [slide.path for slide in shown], [slide.seconds for slide in shown])


def agrees(evidence: tuple[Evidence, ...], truth: Shown) -> bool:
    """Whether at least half of the first span lies where the slide is shown."""
    if not evidence:
        return False
    first = evidence[0]
    common = min(first.end_seconds, truth.end_seconds) - max(first.start_seconds, truth.start_seconds)
    return common > 0 and common >= (first.end_seconds - first.start_seconds) / 2


@contextmanager
def place(out: Path | None) -> Iterator[Path]:
    """Where the lecture is written: `out`, or a file that goes with the context."""
    if out is not None:
        yield out
        return
    with tempfile.TemporaryDirectory(prefix="vamba-demo-") as folder:
        yield Path(folder) / "lecture.mp4"


def _tell(answer: Answer, truth: Shown, shown: list[Shown], out: Path | None) -> None:
    from rich.text import Text

    from vamba_cli.cli import render

    right = agrees(answer.evidence, truth)
    text = Text(f"A lecture of {len(shown)} slides, {clock(shown[-1].end_seconds)} long. Question: ")
    text.append(QUESTION, style="bold").append("\n\n").append_text(render.answer(answer))
    text.append(f"\n\nThe slide is shown at {_span(truth)}: ")
    text.append(
        "the answer is right." if right else "the answer is wrong.", style="bold green" if right else "bold red"
    )
    video = str(out) if out is not None else "VIDEO"
    text.append("\n\nNext:\n")
    text.append(f'  vamba ask {video} "when is overfitting introduced?"\n  vamba chapters {video}\n  vamba --help')
    show(text)


def _span(span: Shown | Evidence) -> str:
    return f"{clock(span.start_seconds)} - {clock(span.end_seconds)}"
