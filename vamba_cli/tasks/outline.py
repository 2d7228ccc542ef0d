"""The headings of a video in order, each read from its own scene."""

from collections.abc import Sequence
from dataclasses import dataclass

from vamba_cli.engine.events import OnEvent, Stage
from vamba_cli.engine.generate import Generated, Span, generate_each
from vamba_cli.engine.scenes import Scene, find_scenes
from vamba_cli.engine.session import Session
from vamba_cli.engine.windows import core
from vamba_cli.tasks.profiles import Profile
from vamba_cli.tasks.titles import same_title

_LEAST_PROBABILITY = 0.7  # of a token, on average; what is no heading reads as less


@dataclass(frozen=True, slots=True)
class Reading:
    """A scene and the heading that it shows, "" where none was read clearly; probability is a token's on average."""

    scene: Scene
    title: str
    probability: float


@dataclass(frozen=True, slots=True)
class Heading:
    """A run of frame pairs under one heading."""

    first: int
    stop: int
    title: str
    probability: float


def read_scenes(session: Session, profile: Profile, on_event: OnEvent) -> list[Reading]:
    """Every scene with its heading. Scenes that share each of their frame pairs with another are not read.

    Where the picture moves, a heading is what stands at the beginning and at the end of the scene alike: a clock or a
    sign that passes by is none.
    """
    memory, ready = session.memory, session.ready
    on_event(Stage("read", "the headings"))
    scenes = find_scenes(memory, profile.search.scene_threshold)
    windows = [_windows(scene, profile.search.longest_window) for scene in scenes]
    flat = [window for of_scene in windows for window in of_scene]
    said = iter(generate_each(ready.model, ready.tokenizer, memory, profile.reading, flat))
    return [
        _reading(scene, [next(said) for _ in of_scene], profile)
        for scene, of_scene in zip(scenes, windows, strict=True)
    ]


def _windows(scene: Scene, longest: int) -> list[Span]:
    if scene.pairs is None:
        return []
    if scene.still:
        return [core(scene.pairs, longest)]
    first, stop = scene.pairs
    return [(first, min(first + longest, stop)), (max(first, stop - longest), stop)]


def _reading(scene: Scene, said: Sequence[Generated], profile: Profile) -> Reading:
    """The clearest reading, if all are clear and the same."""
    if not said or any(one.text in profile.empty_answers or one.probability < _LEAST_PROBABILITY for one in said):
        return Reading(scene, "", 0.0)
    best = max(said, key=lambda one: one.probability)
    if not all(same_title(one.text, best.text) for one in said):
        return Reading(scene, "", 0.0)
    return Reading(scene, best.text, best.probability)


def read_outline(session: Session, profile: Profile, on_event: OnEvent) -> list[Heading]:
    """Read every scene's heading; neighbours with the same one are joined, scenes without a clear one left out."""
    headings: list[Heading] = []
    for reading in read_scenes(session, profile, on_event):
        if not reading.title or reading.scene.pairs is None:
            continue
        (first, stop), title, probability = reading.scene.pairs, reading.title, reading.probability
        if headings and same_title(headings[-1].title, title):
            last = headings.pop()
            first, title, probability = last.first, last.title, max(last.probability, probability)
        headings.append(Heading(first, stop, title, probability))
    return headings
