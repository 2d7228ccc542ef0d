"""The headings of a video in order, each read from its own scene."""

from collections.abc import Sequence
from dataclasses import dataclass

from vamba_cli.engine.events import OnEvent, Stage
from vamba_cli.engine.generate import Span, generate_each
from vamba_cli.engine.session import Session
from vamba_cli.engine.windows import core, scenes
from vamba_cli.tasks.profiles import Profile

_LEAST_PROBABILITY = 0.85  # of a token, on average; a frame pair that shows a change from slide to slide reads as less


@dataclass(frozen=True, slots=True)
class Heading:
    """A run of frame pairs under one heading."""

    first: int
    stop: int
    title: str
    probability: float


def steady(runs: Sequence[Span]) -> list[Span]:
    """Scenes without the lone frame pairs between longer ones: such a pair shows a bit of each."""
    lengths = [0, *(stop - first for first, stop in runs), 0]
    return [
        run
        for before, own, after, run in zip(lengths, lengths[1:], lengths[2:], runs, strict=False)
        if own > 1 or before <= 1 or after <= 1
    ]


def read_outline(session: Session, profile: Profile, on_event: OnEvent) -> list[Heading]:
    """Read every scene's heading; neighbours with the same one are joined, scenes without a clear one left out."""
    memory, ready = session.memory, session.ready
    on_event(Stage("answer", "reading the headings"))
    runs = steady(scenes(memory, profile.search.scene_threshold))
    windows = [core(run, profile.search.longest_window) for run in runs]
    read = generate_each(ready.model, ready.tokenizer, memory, profile.reading, windows)
    headings: list[Heading] = []
    for (first, stop), said in zip(runs, read, strict=True):
        if said.text in profile.empty_answers or said.probability < _LEAST_PROBABILITY:
            continue
        if headings and headings[-1].title.casefold() == said.text.casefold():
            last = headings.pop()
            headings.append(Heading(last.first, stop, last.title, max(last.probability, said.probability)))
        else:
            headings.append(Heading(first, stop, said.text, said.probability))
    return headings
