"""Spans that support a question: the search for them, their times, and the sentence that names them."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple, TypeVar

from vamba_cli.engine.events import OnEvent, Stage
from vamba_cli.engine.generate import Span
from vamba_cli.engine.session import Session
from vamba_cli.engine.signals import Calibration, Probe
from vamba_cli.engine.windows import ScoredSpan, SearchOptions, find_evidence, probability_curve
from vamba_cli.model.memory import VideoMemory
from vamba_cli.results import Evidence, Outcome
from vamba_cli.tasks.moments import stretch_seconds
from vamba_cli.tasks.outline import Heading, as_read
from vamba_cli.tasks.profiles import Profile
from vamba_cli.tasks.questions import understand
from vamba_cli.tasks.speech import (
    asks_about_pictures,
    asks_about_speech,
    lines_for_prompt,
    prompt_with_lines,
    said,
    spans_text,
)
from vamba_cli.tasks.spelling import is_written_in_two_ways, spellings
from vamba_cli.tasks.topics import is_picture
from vamba_cli.tasks.understood import Understood
from vamba_cli.tasks.wishes import subject
from vamba_cli.timecode import clock, clock_span

Stretch = tuple[float, float]  # of a video, in seconds
_Placed = TypeVar("_Placed", ScoredSpan, Heading)


class Reply(NamedTuple):
    """An answer, and what supports it in the pictures."""

    text: str
    spans: Sequence[ScoredSpan] = ()
    outcome: Outcome = "answered"


_WINDOW_CHARACTERS = 1_500  # of lines with the question about one window: a minute of fast speech
_EVERY_SPAN = 10_000
_SMALL_PRINT_PIXELS = 1280  # along the longer edge, about as many as that preset keeps
HOW_TO_ASK = "Ask in English, about one topic at a time: “when is TOPIC shown?”."
_SURE = 0.65  # a best span below this is only a guess, and said to be one


def search(
    session: Session, profile: Profile, question: str, topic: str | None, stretch: Stretch | None, on_event: OnEvent
) -> list[ScoredSpan]:
    """Where a stretch of the video, or all of it, supports the question, the best span first.

    Nothing where the model cannot look for it.
    """
    if stretch is None:
        return _search(session, profile, question, topic, profile.search, on_event)
    every = replace(profile.search, most_spans=_EVERY_SPAN)
    found = _search(session, profile, question, topic, every, on_event)
    return within(session.memory, found, stretch)[: profile.search.most_spans]


def within(memory: VideoMemory, spans: Iterable[_Placed], stretch: Stretch) -> list[_Placed]:
    """The spans, or headings, that reach into a stretch of the video."""
    start = memory.pair_start_seconds
    return [span for span in spans if start(span.first) < stretch[1] and start(span.stop) > stretch[0]]


def heard_within(heard: Sequence[Evidence], stretch: Stretch) -> tuple[Evidence, ...]:
    """The same of what is said."""
    return tuple(span for span in heard if span.start_seconds < stretch[1] and span.end_seconds > stretch[0])


def stretch_of(session: Session, wanted: Understood) -> Stretch | None:
    """The stretch of this video to which a question is limited."""
    return stretch_seconds(wanted.stretch, session.prospect.info.duration_seconds) if wanted.stretch else None


def stretch_text(stretch: Stretch) -> str:
    """A stretch in words; one of a second is a moment.

    >>> stretch_text((0.0, 150.0)), stretch_text((60.0, 61.0))
    ('0:00–2:30', '1:00')
    """
    return clock_span(*stretch) if stretch[1] - stretch[0] > 1 else clock(stretch[0])


def search_for(
    session: Session, profile: Profile, question: str, topic: str, on_event: OnEvent
) -> tuple[list[ScoredSpan], str]:
    """The same, however many, for a topic, or else for other spellings of it; and the one that was found."""
    every = replace(profile.search, most_spans=_EVERY_SPAN)
    return _in_any_spelling(session, profile, question, topic, every, on_event)


def everywhere(
    session: Session, profile: Profile, question: str, topic: str, on_event: OnEvent
) -> tuple[list[ScoredSpan], str]:
    """Every scene that shows a topic, in the order of time, none joined with another; and the spelling found."""
    options = replace(profile.search, most_spans=_EVERY_SPAN, most_growth_seconds=-math.inf)
    spans, spelling = _in_any_spelling(session, profile, question, topic, options, on_event)
    return sorted(spans, key=lambda span: span.first), spelling


def _in_any_spelling(
    session: Session, profile: Profile, question: str, topic: str, options: SearchOptions, on_event: OnEvent
) -> tuple[list[ScoredSpan], str]:
    every = replace(options, most_spans=_EVERY_SPAN)  # what is no heading after all shall not displace a mention
    best, best_spelling = list[ScoredSpan](), topic
    for spelling in spellings(topic):
        spans = _search(session, profile, question, spelling, every, on_event)
        spans = as_read(session, profile, spelling, spans)[: options.most_spans]
        if spelling != topic and spelling.lower() == topic and not any(map(is_sure, spans)):
            continue  # other capitals are a guess
        if spans and (not best or spans[0].heading):
            best, best_spelling = spans, spelling
        if best and (best[0].heading or not is_written_in_two_ways(topic)):
            break  # of "tSNE" and "t-SNE", "week 4" and "week 04" the one may be the title where the other is mentioned
    return best, best_spelling


def is_sure(span: ScoredSpan) -> bool:
    """Whether a span is more than a guess."""
    return span.heading or span.probability >= _SURE


def _search(
    session: Session,
    profile: Profile,
    question: str,
    topic: str | None,
    options: SearchOptions,
    on_event: OnEvent,
) -> list[ScoredSpan]:
    probe = _probe(session, profile, question, topic)
    if probe is None:
        return []
    on_event(Stage("search", topic or question))
    ready = session.ready
    return find_evidence(ready.model, ready.tokenizer, session.memory, probe, _calibration(session), options, on_event)


def _calibration(session: Session) -> Calibration | None:
    folder = session.ready.folder
    return Calibration.read(folder.search, str(folder.resolved.folder / "vamba.json"))


def evidence_over_time(session: Session, profile: Profile, question: str, on_event: OnEvent) -> tuple[Evidence, ...]:
    """How far each part of what was looked at supports a question; nothing where the model cannot look for it.

    Adjacent spans; where what is looked for is said, as the subtitles have it, a span of its own may say so.
    """
    wanted = understand(question)
    topic = wanted.topic
    if profile.needs_topic and (wanted.kind == "time" or (topic is None and wanted.kind == "open")):
        topic = subject(question) or topic
    probe = _probe(session, profile, question, topic)
    if probe is None:
        return ()
    on_event(Stage("search", topic or question))
    ready = session.ready
    spans = probability_curve(
        ready.model, ready.tokenizer, session.memory, probe, _calibration(session), profile.search, on_event
    )
    heard = said(session.subtitles, topic or subject(question))
    return _seen_and_heard(evidence_of(session.memory, spans), heard)


def _seen_and_heard(seen: Sequence[Evidence], heard: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """Adjacent spans, cut where something is said that supports more than the picture does."""
    pieces = []
    for span in seen:
        start, end = span.start_seconds, span.end_seconds
        near = [words for words in heard if words.start_seconds < end and words.end_seconds > start]
        edges = {edge for words in near for edge in (words.start_seconds, words.end_seconds) if start < edge < end}
        for first, last in pairwise([start, *sorted(edges), end]):
            over = [words for words in near if words.start_seconds <= first and last <= words.end_seconds]
            best = max((span, *over), key=lambda evidence: evidence.score)
            pieces.append(replace(best, start_seconds=first, end_seconds=last))
    return tuple(pieces)


def _probe(session: Session, profile: Profile, question: str, topic: str | None) -> Probe | None:
    """The probe for a question; a model that can talk also reads what is said in the window."""
    probe = profile.probe(question, topic)
    if probe is None or profile.reads_windows or not session.subtitles.lines:
        return probe
    text, memory, subtitles = probe.question, session.memory, session.subtitles

    def question_of(window: Span) -> str:
        first, stop = window
        lines = subtitles.between(memory.pair_start_seconds(first), memory.pair_start_seconds(stop))
        return prompt_with_lines(text, lines_for_prompt(lines, most_characters=_WINDOW_CHARACTERS))

    return replace(probe, question_of=question_of)


def evidence_of(memory: VideoMemory, spans: Sequence[ScoredSpan]) -> tuple[Evidence, ...]:
    """Spans of frame pairs as half-open spans of seconds."""
    return tuple(
        Evidence(
            round(memory.pair_start_seconds(span.first), 3),
            round(memory.pair_start_seconds(span.stop), 3),
            round(span.probability, 4),
        )
        for span in spans
    )


def found(topic: str | None, evidence: Sequence[Evidence], *, yes_no: bool, num_titles: int | None = None) -> str:
    """The sentence that says when it is shown; a doubtful best span is called doubtful.

    num_titles: how many of the spans, the first, show it as a title; None where that is not known.
    """
    opening = ("Yes: " if _sure(evidence) else "Perhaps: ") if yes_no else ""
    return f"{opening}{name_of(topic)} {_on_screen(evidence, num_titles)}."


def _sure(evidence: Sequence[Evidence]) -> bool:
    return evidence[0].score >= _SURE


def _on_screen(evidence: Sequence[Evidence], num_titles: int | None) -> str:
    verb = "is" if _sure(evidence) else "may be"
    if num_titles is None:
        return f"{verb} on screen at {spans_text(evidence)}"
    titles, texts = evidence[:num_titles], evidence[num_titles:]
    places = [f"as a title at {spans_text(titles)}"] if titles else []
    places += [f"in the text of slides at {spans_text(texts)}"] if texts else []
    return f"{verb} on screen {', and '.join(places)}"


def seen_or_said(
    question: str,
    topic: str | None,
    seen: Sequence[Evidence],
    said: Sequence[Evidence],
    *,
    yes_no: bool,
    num_titles: int | None = None,
) -> str:
    """The sentence that says when it is shown and when it is said; there is at least one of both."""
    if not said:
        return found(topic, seen, yes_no=yes_no, num_titles=num_titles)
    heard = f"{'is' if _sure(said) else 'may be'} said at {spans_text(said)}"
    if seen and not asks_about_speech(question):
        return f"{found(topic, seen, yes_no=yes_no, num_titles=num_titles).removesuffix('.')}; it {heard}."
    opening = ("Yes: " if _sure(said) or (seen and _sure(seen)) else "Perhaps: ") if yes_no else ""
    if seen:
        return f"{opening}{name_of(topic)} {heard} (subtitles); it {_on_screen(seen, num_titles)}."
    if yes_no and asks_about_pictures(question):
        return f"Not seen on screen, but {name_of(topic)} {heard} (subtitles)."
    return f"{opening}{name_of(topic)} {heard} (subtitles), and was not seen on screen."


def not_found(session: Session, topic: str | None, profile: Profile, stretch: Stretch | None = None) -> str:
    """The sentence for a search without result; a model that reads alone does not deny what it cannot see."""
    if topic and profile.reads_alone and is_picture(topic):
        return f"{name_of(topic)} was not found in writing; pictures themselves are not seen. {profile.limits}".rstrip()
    text = "the text of " if profile.reads_alone else ""
    smaller = " --preset small-print reads smaller words." if profile.limits and was_scaled_down(session) else ""
    return f"{name_of(topic)} was not found in {text}{_looked_at(session, stretch)}. {profile.limits}{smaller}".rstrip()


def not_meant(topic: str) -> str:
    """The sentence for what is not found and is probably no topic, but a question that the rules do not know."""
    return f"“{topic}” was taken for a topic, and not found. {HOW_TO_ASK}"


def was_scaled_down(session: Session) -> bool:
    """Whether frames were made smaller before they were looked at than the preset `small-print` makes them."""
    info, plan = session.prospect.info, session.prospect.plan
    return max(info.width, info.height) > max(plan.width, plan.height) < _SMALL_PRINT_PIXELS


def _looked_at(session: Session, stretch: Stretch | None) -> str:
    """The video, or the part of it that was encoded or meant."""
    if stretch is not None:
        return f"this part of the video, {stretch_text(stretch)}"
    memory = session.memory
    begin, end = memory.pair_start_seconds(0), memory.pair_start_seconds(memory.num_pairs)
    grace = 2 * (end - begin) / max(1, memory.num_pairs) + 1
    whole = begin <= grace and end >= session.prospect.info.duration_seconds - grace
    return "this video" if whole else f"this part of the video, {clock_span(begin, end)}"


def name_of(topic: str | None) -> str:
    return f"“{topic}”" if topic else "That"
