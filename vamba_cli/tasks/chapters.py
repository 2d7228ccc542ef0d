"""A video as a list of titled chapters: boundaries from its pictures, titles from what each chapter shows."""

import math
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import pairwise

from vamba_cli.engine.events import OnEvent, Stage
from vamba_cli.engine.generate import Generated
from vamba_cli.engine.readings import read
from vamba_cli.engine.scenes import find_scenes, picture_change
from vamba_cli.engine.session import Session
from vamba_cli.engine.windows import core
from vamba_cli.errors import UsageError
from vamba_cli.results import NOT_LOOKED_AT, Chapter
from vamba_cli.tasks.boundaries import Limits, choose
from vamba_cli.tasks.describe import Part, describe
from vamba_cli.tasks.outline import Reading, read_scenes
from vamba_cli.tasks.profiles import PROFILES, Profile
from vamba_cli.tasks.sections import dividers, openings
from vamba_cli.tasks.titles import NEW_LINE, UNCLEAR, clean_sentences, clean_title, clearly, in_a_row, same_title
from vamba_cli.timecode import clock_span

_SLIDES_SHARE = 0.25  # of the time, from which on titles that are read make the chapters
_LEAST_SLIDES_SECONDS, _LEAST_SHOTS_SECONDS = 6.0, 20.0
_LONG_UNTITLED_SECONDS = 90.0  # a scene without a title that lasts so long is a chapter of its own
_AROUND_SECONDS = 20.0  # pictures on either side of a boundary that are compared
_CHANGE = 0.6  # of the pictures (engine.scenes.picture_change), from which on a boundary is worth taking
_SAME, _UNTITLED, _NEW, _LEAST_NEW = -1.0, -0.1, 1.0, 0.05
_TITLE_TOKENS, _SENTENCE_TOKENS = 32, 96
_TITLES_NAMED = 5
_CLEAR_WORDS = 0.93  # of a token, on average; slides' bodies are read worse than their titles
_UNSEEN_SECONDS = 5.0  # at either end of the file that were not looked at; less belongs to the chapter beside it


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is wanted of the chapters; None leaves it to the video.

    summaries: one sentence about each.
    questions: for which a curve over the video says where it supports them.
    """

    min_length_seconds: float | None = None
    max_chapters: int | None = None
    count: int | None = None
    summaries: bool = False
    questions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        least = self.min_length_seconds
        if least is not None and not (math.isfinite(least) and least >= 0):
            raise UsageError(f"min_length_seconds = {least!r} is not allowed: it must be 0 or more")
        for name, value in (("max_chapters", self.max_chapters), ("count", self.count)):
            if value is not None and value < 1:
                raise UsageError(f"{name} = {value!r} is not allowed: it must be 1 or more")
        if self.count is not None and self.max_chapters is not None:
            raise UsageError(f"count ({self.count}) and max_chapters ({self.max_chapters}): give one of them")


def find_chapters(session: Session, wishes: Wishes, on_event: OnEvent) -> tuple[Chapter, ...]:
    """Chapters that cover the whole file, from 0 on, in order."""
    profile = PROFILES[session.ready.folder.profile]
    threshold = profile.search.scene_threshold
    if profile.reading:
        readings = read_scenes(session, profile, on_event)
    else:
        readings = [Reading(scene, "", 0.0) for scene in find_scenes(session.memory, threshold)]
    groups = _groups(session, readings, wishes)
    chapters = _titled(session, profile, groups, wishes, on_event)
    return _whole_file(session, chapters)


def _groups(session: Session, readings: Sequence[Reading], wishes: Wishes) -> list[list[Reading]]:
    """The scenes of each chapter."""
    slides = _shows_slides(readings)
    few = wishes.count is not None or wishes.max_chapters is not None
    gains = _gains_of_titles(readings, few) if slides else _gains_of_pictures(session, readings)
    least = _LEAST_SLIDES_SECONDS if slides else _LEAST_SHOTS_SECONDS
    if wishes.min_length_seconds is not None:
        least = wishes.min_length_seconds
    elif wishes.count is not None:
        least = 0.0
    times = [reading.scene.start_seconds for reading in readings]
    chosen = choose(
        times[1:],
        gains,
        times[0],
        session.memory.end_seconds,
        Limits(least, wishes.max_chapters, wishes.count),
    )
    edges = [0, *(i + 1 for i in chosen), len(readings)]
    return [list(readings[first:stop]) for first, stop in pairwise(edges)]


def _shows_slides(readings: Sequence[Reading]) -> bool:
    titled = sum(reading.scene.seconds for reading in readings if reading.title)
    return titled > _SLIDES_SHARE * sum(reading.scene.seconds for reading in readings)


def _gains_of_titles(readings: Sequence[Reading], few: bool) -> list[float]:
    """What a boundary before each scene but the first is worth where slides are read: much, where a new title comes.

    Where few are wanted, more before a title that opens a part of the lecture than before one that goes on with it.
    """
    gains = [_UNTITLED] * (len(readings) - 1)
    new, current = list[int](), readings[0].title
    for place, reading in enumerate(readings[1:]):
        if not reading.title:
            gains[place] *= -1 if reading.scene.seconds >= _LONG_UNTITLED_SECONDS else 1
            continue
        is_same = bool(current) and same_title(current, reading.title)
        gains[place] = _SAME if is_same else _NEW
        current = reading.title
        if not is_same:
            new.append(place)
    if few:
        titles = [readings[0].title, *(readings[place + 1].title for place in new)]
        for place, worth in zip(new, openings(titles)[1:], strict=True):
            gains[place] = max(_LEAST_NEW, gains[place] + worth)
    return gains


def _gains_of_pictures(session: Session, readings: Sequence[Reading]) -> list[float]:
    """The same for film: much, where the pictures of the next half minute differ from those of the last."""
    memory = session.memory
    pair_seconds = (memory.end_seconds - memory.pair_start_seconds(0)) / max(1, memory.num_pairs)
    change = picture_change(memory.looks, max(1, round(_AROUND_SECONDS / pair_seconds)))
    return [
        float(change[min(reading.scene.first_pair, memory.num_pairs - 1)]) / _CHANGE - 1 for reading in readings[1:]
    ]


def _titled(
    session: Session, profile: Profile, groups: Sequence[Sequence[Reading]], wishes: Wishes, on_event: OnEvent
) -> list[Chapter]:
    """Chapters with titles; neighbours that get the same one are joined unless their number was given."""
    parts = [_part(group) for group in groups]
    agendas = _agendas(groups)
    titles = [_first_title(group, agendas) for group in groups]
    if profile.reading:
        slides = _shows_slides([reading for group in groups for reading in group])  # words read into film are none
        untitled = [index for index, title in enumerate(titles) if slides and not title]
        words = _words(session, profile, [groups[index] for index in untitled], on_event)
        for index, said in zip(untitled, words, strict=True):
            titles[index] = _first_line(said)
    elif profile.title_request:
        on_event(Stage("name", "the chapters"))
        answers = describe(session, profile.title_request, parts, _TITLE_TOKENS, on_event)
        titles = [clean_title(answer.text) for answer in answers]
    if wishes.count is None:
        groups, titles = _joined(groups, titles)
        parts = [_part(group) for group in groups]
    sentences = _sentences(session, profile, groups, on_event) if wishes.summaries else [None] * len(parts)
    return [
        Chapter(
            part.start_seconds,
            part.end_seconds,
            title,
            "model" if title else "time",
            sentence,
        )
        for part, title, sentence in zip(parts, titles, sentences, strict=True)
    ]


def _part(group: Sequence[Reading]) -> Part:
    first, last = group[0].scene, group[-1].scene
    pairs = first.first_pair, last.stop // 2
    if pairs[0] >= pairs[1]:
        pairs = first.first // 2, first.first // 2 + 1
    return Part(first.start_seconds, last.end_seconds, pairs)


def _agendas(groups: Sequence[Sequence[Reading]]) -> set[str]:
    return dividers([reading.title for group in groups for reading in group if reading.title])


def _first_title(group: Sequence[Reading], agendas: AbstractSet[str]) -> str:
    """The first title of a chapter in its clearest reading, "" where none was read; of an agenda only if alone."""
    titled = [reading for reading in group if reading.title]
    titled = [reading for reading in titled if reading.title not in agendas] or titled
    same = [reading for reading in titled if same_title(reading.title, titled[0].title)]
    return max(same, key=lambda reading: reading.probability).title if same else ""


def _first_line(words: str) -> str:
    """The first line of a slide's words as its title, if it is more than a word."""
    line = clean_title(words.partition(NEW_LINE)[0])
    return line if len(line.split()) > 1 else ""


def _joined(groups: Sequence[Sequence[Reading]], titles: Sequence[str]) -> tuple[list[Sequence[Reading]], list[str]]:
    """Neighbours with the same title as one."""
    joined: list[tuple[Sequence[Reading], str]] = []
    for group, title in zip(groups, titles, strict=True):
        if joined and title and same_title(joined[-1][1], title):
            joined[-1] = ([*joined[-1][0], *group], joined[-1][1])
        else:
            joined.append((group, title))
    return [group for group, _ in joined], [title for _, title in joined]


def _sentences(
    session: Session, profile: Profile, groups: Sequence[Sequence[Reading]], on_event: OnEvent
) -> list[str | None]:
    """One sentence about each chapter; None where nothing can be told of it."""
    on_event(Stage("describe", "the chapters"))
    if profile.sentence_request:
        said = describe(session, profile.sentence_request, [_part(g) for g in groups], _SENTENCE_TOKENS, on_event)
        return [clean_sentences(answer.text) or None for answer in said]
    words = _words(session, profile, groups, on_event)
    agendas = _agendas(groups)
    return [_sentence(group, said, agendas) for group, said in zip(groups, words, strict=True)]


def _words(session: Session, profile: Profile, groups: Sequence[Sequence[Reading]], on_event: OnEvent) -> list[str]:
    """The words of each chapter's longest scene, line by line; "" where they are not read clearly."""
    scenes = [max((reading.scene for reading in group), key=lambda scene: scene.seconds) for group in groups]
    windows = [core(scene.pairs, profile.search.longest_window) for scene in scenes if scene.pairs]
    said = iter(read(session, profile.reading_text, windows, on_event))
    answers = [next(said) if scene.pairs else Generated("", 0.0) for scene in scenes]
    return [
        clearly(answer) if answer.probability >= _CLEAR_WORDS and answer.text not in profile.empty_answers else ""
        for answer in answers
    ]


def _sentence(group: Sequence[Reading], words: str, agendas: AbstractSet[str]) -> str | None:
    """What else a chapter shows: its further titles, or the words of its slide."""
    first = _first_title(group, agendas)
    titles = list(dict.fromkeys(reading.title for reading in group if reading.title))
    titles = [title for title in titles if title not in agendas and not same_title(title, first)]
    if titles:
        named = ", ".join(f"“{title}”" for title in titles[:_TITLES_NAMED])
        return f"Also shows {named}{f' and {len(titles) - _TITLES_NAMED} more' * (len(titles) > _TITLES_NAMED)}."
    clear = NEW_LINE.join(line for line in words.split(NEW_LINE) if line != UNCLEAR and any(map(str.isalpha, line)))
    return f"Shows: {clean_sentences(in_a_row(clear))}" if clear else None


def _whole_file(session: Session, chapters: list[Chapter]) -> tuple[Chapter, ...]:
    """The chapters from 0 to the end of the file: what was not looked at is a chapter that says so."""
    end = session.prospect.info.duration_seconds
    first, last = chapters[0], chapters[-1]
    if first.start_seconds > _UNSEEN_SECONDS:
        chapters = [_unseen(0.0, first.start_seconds), *chapters]
    else:
        chapters[0] = replace(first, start_seconds=0.0)
    if end - last.end_seconds > _UNSEEN_SECONDS:
        chapters = [*chapters, _unseen(last.end_seconds, end)]
    else:
        chapters[-1] = replace(chapters[-1], end_seconds=max(end, chapters[-1].start_seconds))
    return tuple(_rounded(chapter) for chapter in chapters)


def _rounded(chapter: Chapter) -> Chapter:
    start, end = round(chapter.start_seconds, 3), round(chapter.end_seconds, 3)
    title = clock_span(start, end) if chapter.title_source == "time" else chapter.title
    return replace(chapter, start_seconds=start, end_seconds=end, title=title)


def _unseen(start_seconds: float, end_seconds: float) -> Chapter:
    return Chapter(start_seconds, end_seconds, NOT_LOOKED_AT, "unseen")
