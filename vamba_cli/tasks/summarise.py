"""A video in words: an outline with times, part by part, and a summary of all of it."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from textwrap import shorten
from typing import Literal, get_args

from vamba_cli.engine.events import OnEvent, Stage
from vamba_cli.engine.generate import Span, generate
from vamba_cli.engine.session import Session
from vamba_cli.errors import UsageError
from vamba_cli.results import NOT_LOOKED_AT, Chapter, OutlineEntry
from vamba_cli.subtitles import Subtitles
from vamba_cli.tasks.chapters import Wishes, find_chapters
from vamba_cli.tasks.outline import read_outline
from vamba_cli.tasks.profiles import PROFILES, Profile
from vamba_cli.tasks.sections import dividers
from vamba_cli.tasks.titles import clean_sentences, without_loop
from vamba_cli.timecode import clock, clock_span, timetable

Style = Literal["paragraph", "bullets", "outline"]
Length = Literal["short", "medium", "long"]
STYLES, LENGTHS = get_args(Style), get_args(Length)

_TOPICS = {"short": 3, "medium": 7, "long": 15}  # that a summary names
_SENTENCES = {"short": 2, "medium": 5, "long": 12}
_TOKENS_PER_SENTENCE = 48
_MOST_PARTS = 200  # of the outline of a model that can talk
_LEAST_PART_SECONDS = 30.0
_SAID_CHARACTERS = 120  # of what is said, where nothing can be read
_PROMPT_CHARACTERS = 6000  # of descriptions that one summary is made from


@dataclass(frozen=True, slots=True)
class SummaryWishes:
    """How the summary is to be: as a paragraph, as points, or as the outline itself; and how long."""

    style: Style = "paragraph"
    length: Length = "medium"

    def __post_init__(self) -> None:
        for name, value, allowed in (("style", self.style, STYLES), ("length", self.length, LENGTHS)):
            if value not in allowed:
                raise UsageError(f"{name} = {value!r} is not known: choose {', '.join(allowed)}")


def summarise(session: Session, wishes: SummaryWishes, on_event: OnEvent) -> tuple[str, tuple[OutlineEntry, ...]]:
    """The summary, and what each part of the video is about.

    The video is read part by part, and the descriptions are summarised in groups until they fit into one prompt:
    the cost grows with the length of the video, not faster.
    """
    profile = PROFILES[session.ready.folder.profile]
    if not profile.sentence_request:
        chapters = find_chapters(session, Wishes(summaries=wishes.length != "short"), on_event)
        told = tuple(_with_what_is_said(chapter, session.subtitles) for chapter in chapters)
        outline = tuple(_entry(chapter, chapter.summary) for chapter in told)
        titled = [chapter for chapter in chapters if chapter.title_source == "model"]
        if wishes.style == "outline" and (titled or told != chapters):
            return outline_text(outline), outline
        shown = _shown(session, profile, on_event) or titled
        return _of_titles(shown, _looked_at(chapters), wishes, profile), outline
    chapters = find_chapters(
        session,
        Wishes(min_length_seconds=_LEAST_PART_SECONDS, max_chapters=_MOST_PARTS, summaries=True),
        on_event,
    )
    outline = tuple(_entry(chapter, chapter.summary) for chapter in chapters)
    if wishes.style == "outline":
        return outline_text(outline), outline
    on_event(Stage("summarise", ""))
    seen = [entry for entry in outline if entry.text != NOT_LOOKED_AT]
    return _in_words(session, _condensed(session, seen), wishes), outline


def outline_text(outline: Sequence[OutlineEntry]) -> str:
    """One line per part, with its time."""
    return timetable((entry.start_seconds, entry.text) for entry in outline)


def _entry(chapter: Chapter, sentence: str | None) -> OutlineEntry:
    mark = " —" if ":" in chapter.title else ":"
    text = f"{chapter.title}{mark} {sentence.removeprefix('Shows: ')}" if sentence else chapter.title
    return OutlineEntry(chapter.start_seconds, chapter.end_seconds, text)


def _with_what_is_said(chapter: Chapter, subtitles: Subtitles) -> Chapter:
    """A chapter without a title of its own by the first words that are said in it."""
    lines = subtitles.between(chapter.start_seconds, chapter.end_seconds)
    if chapter.title_source == "model" or not lines:
        return chapter
    words = shorten(" ".join(line.text for line in lines), _SAID_CHARACTERS, placeholder=" …")
    return replace(chapter, title=f"“{words}” (said)")


def _shown(session: Session, profile: Profile, on_event: OnEvent) -> list[Chapter]:
    """When each title is on screen: a chapter lasts longer, where slides without a title come behind it."""
    start = session.memory.pair_start_seconds
    return [Chapter(start(one.first), start(one.stop), one.title) for one in read_outline(session, profile, on_event)]


def _looked_at(chapters: Sequence[Chapter]) -> str:
    """How much was looked at, and where it lies if that is not the whole file."""
    seen = [chapter for chapter in chapters if chapter.title_source != "unseen"]
    start, end = seen[0].start_seconds, seen[-1].end_seconds
    where = f" ({clock_span(start, end)})" if len(seen) < len(chapters) else ""
    return f"{clock(end - start)} of slides{where}"


def _of_titles(shown: Sequence[Chapter], looked_at: str, wishes: SummaryWishes, profile: Profile) -> str:
    """A summary by counting: what the titles that were read say of the video."""
    if not shown:
        return f"Nothing that can be read was found. {profile.limits}"
    seconds: dict[str, float] = defaultdict(float)
    first: dict[str, float] = {}
    times = Counter(one.title for one in shown)
    agendas = dividers([one.title for one in shown])
    for one in shown:
        seconds[one.title] += one.end_seconds - one.start_seconds
        first.setdefault(one.title, one.start_seconds)
    lasting = {title: f"for {clock(seconds[title])}{f' in {n} parts' if n > 1 else ''}" for title, n in times.items()}
    kept = [title for title in seconds if title not in agendas]
    longest = sorted(kept, key=lambda title: -seconds[title])[: _TOPICS[wishes.length]]
    topics = sorted(longest, key=lambda title: first[title])
    if wishes.style == "bullets":
        return "\n".join(f"- {clock(first[title])}  {title} ({lasting[title]})" for title in topics)
    named = ", ".join(f"“{title}” (at {clock(first[title])}, {lasting[title]})" for title in topics)
    number = f"{len(seconds)} titles were read" if len(seconds) > 1 else "One title was read"
    opening, closing = shown[0].title, shown[-1].title
    course = f", from “{opening}” to “{closing}”" if len(seconds) > 1 else ""
    return f"{looked_at}; {number}{course}. Longest on screen: {named}."


@dataclass(frozen=True, slots=True)
class _Told:
    """What is told of a run of frame pairs."""

    pairs: Span
    text: str


def _condensed(session: Session, outline: Sequence[OutlineEntry]) -> list[_Told]:
    """Descriptions that fit into one prompt; groups of them are summarised where they do not."""
    memory = session.memory
    starts = [memory.pair_start_seconds(pair) for pair in range(memory.num_pairs)]

    def pair_at(seconds: float) -> int:
        return sum(start < seconds for start in starts)

    told = []
    for entry in outline:
        first = min(pair_at(entry.start_seconds), memory.num_pairs - 1)
        told.append(_Told((first, max(first + 1, pair_at(entry.end_seconds))), _line(entry.start_seconds, entry.text)))
    while sum(len(part.text) for part in told) > _PROMPT_CHARACTERS:
        groups = _groups(told)
        if len(groups) == len(told):
            break
        told = [_summarised(session, group) if len(group) > 1 else group[0] for group in groups]
    return told


def _groups(told: Sequence[_Told]) -> list[list[_Told]]:
    """Neighbours that fit into one prompt together."""
    groups: list[list[_Told]] = []
    room = 0
    for part in told:
        if not groups or len(part.text) > room:
            groups.append([])
            room = _PROMPT_CHARACTERS
        groups[-1].append(part)
        room -= len(part.text)
    return groups


def _summarised(session: Session, group: Sequence[_Told]) -> _Told:
    pairs = group[0].pairs[0], group[-1].pairs[1]
    request = _request(group, "Summarise this part of the video in two sentences.")
    text = clean_sentences(_say(session, request, pairs, 2 * _TOKENS_PER_SENTENCE))
    return _Told(pairs, _line(session.memory.pair_start_seconds(pairs[0]), text))


def _in_words(session: Session, told: Sequence[_Told], wishes: SummaryWishes) -> str:
    sentences = _SENTENCES[wishes.length]
    form = (
        f"as at most {sentences} short points, one a line, each beginning with “- ”"
        if wishes.style == "bullets"
        else f"in one paragraph of at most {sentences} sentences"
    )
    request = _request(told, f"Summarise the whole video {form}.")
    text = _say(session, request, (0, session.memory.num_pairs), sentences * _TOKENS_PER_SENTENCE)
    if wishes.style == "bullets":
        return "\n".join(without_loop(line) for line in dict.fromkeys(text.splitlines()) if line.strip())
    return clean_sentences(text)


def _request(told: Sequence[_Told], wish: str) -> str:
    return "What happens, in order:\n" + "\n".join(part.text for part in told) + f"\n\n{wish}"


def _say(session: Session, request: str, window: Span, max_new_tokens: int) -> str:
    ready = session.ready
    said = generate(ready.model, ready.tokenizer, session.memory, request, window=window, max_new_tokens=max_new_tokens)
    return said.text


def _line(start_seconds: float, text: str) -> str:
    return f"[{clock(start_seconds)}] {text}"
