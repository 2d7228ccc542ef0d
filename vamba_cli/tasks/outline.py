"""The headings of a video in order, each read from its own scene."""

from dataclasses import dataclass

from vamba_cli.engine.events import OnEvent, Stage
from vamba_cli.engine.generate import Generated, generate_each
from vamba_cli.engine.scenes import Scene, find_scenes
from vamba_cli.engine.session import Session
from vamba_cli.engine.windows import core
from vamba_cli.tasks.profiles import Profile

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
    """Every scene with its heading. Scenes that share each of their frame pairs with another are not read."""
    memory, ready = session.memory, session.ready
    on_event(Stage("answer", "reading the headings"))
    scenes = find_scenes(memory, profile.search.scene_threshold)
    clear = {scene: core(scene.pairs, profile.search.longest_window) for scene in scenes if scene.pairs}
    said = generate_each(ready.model, ready.tokenizer, memory, profile.reading, list(clear.values()))
    readings = dict(zip(clear, said, strict=True))
    return [_reading(scene, readings.get(scene), profile) for scene in scenes]


def _reading(scene: Scene, said: Generated | None, profile: Profile) -> Reading:
    if said is None or said.text in profile.empty_answers or said.probability < _LEAST_PROBABILITY:
        return Reading(scene, "", 0.0)
    return Reading(scene, said.text, said.probability)


def read_outline(session: Session, profile: Profile, on_event: OnEvent) -> list[Heading]:
    """Read every scene's heading; neighbours with the same one are joined, scenes without a clear one left out."""
    headings: list[Heading] = []
    for reading in read_scenes(session, profile, on_event):
        if not reading.title or reading.scene.pairs is None:
            continue
        (first, stop), title, probability = reading.scene.pairs, reading.title, reading.probability
        if headings and headings[-1].title.casefold() == title.casefold():
            last = headings.pop()
            first, title, probability = last.first, last.title, max(last.probability, probability)
        headings.append(Heading(first, stop, title, probability))
    return headings
