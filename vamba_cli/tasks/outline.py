"""The headings of a video in order, each read from its own scene."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from vamba_cli.engine.events import OnEvent, Stage
from vamba_cli.engine.generate import Generated, Span
from vamba_cli.engine.readings import read
from vamba_cli.engine.scenes import Scene, find_scenes
from vamba_cli.engine.session import Session
from vamba_cli.engine.windows import ScoredSpan, best_first, core, scenes, settled
from vamba_cli.tasks.profiles import Profile
from vamba_cli.tasks.titles import UNCLEAR, clearly, in_a_row, names, same_title, without_loop

_PICTURES = 16  # of a video, by which it is judged whether there is anything to read
SURE_TITLE, _TITLED_SHARE = 0.93, 0.25  # of a token, on average, below which it is no heading; of those pictures
_SURE_ADDRESS = 0.97
LEAST_READ = 0.7  # of a token of a text, on average; words read into a film score less


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

    @property
    def span(self) -> ScoredSpan:
        return ScoredSpan(self.first, self.stop, self.probability, True)


def read_scenes(session: Session, profile: Profile, on_event: OnEvent) -> list[Reading]:
    """Every scene with its heading. Scenes that share each of their frame pairs with another are not read.

    Where the picture moves, a heading is what stands at the beginning and at the end of the scene alike: a clock or a
    sign that passes by is none.
    """
    on_event(Stage("read", "the headings"))
    found = find_scenes(session.memory, profile.search.scene_threshold)
    if not shows_text(session, profile):  # what is read into film is not there
        return [Reading(scene, "", 0.0) for scene in found]
    windows = [_windows(scene, profile.search.longest_window) for scene in found]
    flat = [window for of_scene in windows for window in of_scene]
    said = iter(read(session, profile.reading, flat, on_event))
    return _clear(
        _reading(scene, [next(said) for _ in of_scene], profile) for scene, of_scene in zip(found, windows, strict=True)
    )


def _windows(scene: Scene, longest: int) -> list[Span]:
    if scene.pairs is None:
        return []
    if scene.still:
        return [core(scene.pairs, longest)]
    first, stop = scene.pairs
    return [(first, min(first + longest, stop)), (max(first, stop - longest), stop)]


def _reading(scene: Scene, said: Sequence[Generated], profile: Profile) -> Reading:
    """The clearest reading, if all are the same, and as clear as the least clear of them."""
    if not said or any(one.text in profile.empty_answers for one in said):
        return Reading(scene, "", 0.0)
    best = max(said, key=lambda one: one.probability)
    if not all(same_title(one.text, best.text) for one in said):
        return Reading(scene, "", 0.0)
    return Reading(scene, without_loop(best.text), min(one.probability for one in said))


def _clear(readings: Iterable[Reading]) -> list[Reading]:
    """The readings without what is not clear, unless the scene before or after has the same heading, read clearly."""
    rows = list(readings)
    sure = [reading if _is_sure(reading) else None for reading in rows]
    clear = []
    for reading, own, *beside in zip(rows, sure, [None, *sure], [*sure[1:], None], strict=False):
        same = [one for one in beside if one is not None and same_title(one.title, reading.title)]
        if own is not None:
            clear.append(own)
        elif same and reading.probability >= LEAST_READ:
            clear.append(replace(reading, title=same[0].title))
        else:
            clear.append(Reading(reading.scene, "", 0.0))
    return clear


def _is_sure(reading: Reading) -> bool:
    """An address is guessed letter by letter, so that small print with one needs more to be a heading."""
    return reading.probability >= (_SURE_ADDRESS if "://" in reading.title else SURE_TITLE)


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


def pictures(session: Session, profile: Profile) -> list[tuple[Span, Span]]:
    """The runs of frame pairs that show one picture, and what is read of them."""
    memory, threshold = session.memory, profile.search.scene_threshold
    return settled(memory, scenes(memory, threshold), threshold)


def read_before(session: Session, profile: Profile, pair: int) -> str:
    """What the first picture says, which has no clear heading and is gone before a frame pair comes; "" if nothing."""
    (_, stop), part = pictures(session, profile)[0]
    if stop > pair:
        return ""
    for question in (profile.reading, profile.reading_text):  # a page with the title of a talk may have no heading
        (said,) = read(session, question, [core(part, profile.search.longest_window)])
        if said.text not in profile.empty_answers and said.probability >= LEAST_READ:
            words = in_a_row(clearly(said)) if question == profile.reading_text else said.text
            return "" if words == UNCLEAR else without_loop(words)
    return ""


def as_read(session: Session, profile: Profile, topic: str, spans: Sequence[ScoredSpan]) -> list[ScoredSpan]:
    """Spans that are called a heading only where a heading that is read in them has the topic; those come first.

    How likely a phrase is as the heading of a scene says less than what is read there letter by letter.
    """
    claimed = [span for span in spans if span.heading]
    if not profile.reading or not claimed:
        return list(spans)
    parts, longest = pictures(session, profile), profile.search.longest_window
    inside = [[(run, core(part, longest)) for run, part in parts if a.first <= run[0] < a.stop] for a in claimed]
    flat = [window for of_span in inside for _, window in of_span]
    headed = {
        window
        for window, one in zip(flat, read(session, profile.reading, flat), strict=True)
        if one.probability >= SURE_TITLE and one.text not in profile.empty_answers and names(one.text, topic)
    }
    pieces = [
        piece
        for span, of_span in zip(claimed, inside, strict=True)
        for piece in _parted(span, [(run[0], window in headed) for run, window in of_span])
    ]
    others = [span for span in (*pieces, *spans) if not span.heading]
    return [*(piece for piece in pieces if piece.heading), *best_first(others)]


def _parted(span: ScoredSpan, pictures: Sequence[tuple[int, bool]]) -> list[ScoredSpan]:
    """A span, cut where pictures under a heading and others meet; each picture begins at a frame pair."""
    if not any(headed for _, headed in pictures):
        return [replace(span, heading=False)]
    starts = [(first, headed) for first, headed in pictures if first > span.first]
    pieces = [replace(span, heading=pictures[0][1])]
    for first, headed in starts:
        if headed != pieces[-1].heading:
            pieces[-1] = replace(pieces[-1], stop=first)
            pieces.append(replace(span, first=first, heading=headed))
    return pieces


def shows_text(session: Session, profile: Profile) -> bool:
    """Whether there is anything to read for a model that reads slides and screens, by pictures from all over the video.

    Lines of text are surely there where one picture has them; a heading alone is believed if many pictures have one,
    because one that a film seems to have is a sign, a title card or a misreading.
    """
    runs = scenes(session.memory, profile.search.scene_threshold)
    windows = [core(run, profile.search.longest_window) for run in runs]
    step = max(1, len(windows) // _PICTURES)
    tried, num_titles = windows[::step][:_PICTURES], 0
    for window in tried:  # one by one: of a lecture the first is enough
        (title,) = read(session, profile.reading, [window])
        num_titles += title.text not in profile.empty_answers and title.probability >= SURE_TITLE
        (text,) = read(session, profile.reading_text, [window])
        if text.text not in profile.empty_answers and text.probability >= LEAST_READ:
            return True
    return num_titles >= _TITLED_SHARE * len(tried)
