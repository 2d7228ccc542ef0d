"""Questions to a model that reads slides, one short window at a time: it finds topics and reads titles and words.

What it cannot do is said; it is never asked a question of a kind that it was not trained on.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from vamba_cli.engine.events import OnEvent, Stage
from vamba_cli.engine.session import Session
from vamba_cli.engine.windows import ScoredSpan
from vamba_cli.results import Evidence, Outcome
from vamba_cli.settings import Settings
from vamba_cli.tasks.evidence import (
    HOW_TO_ASK,
    Reply,
    Stretch,
    evidence_of,
    found,
    heard_within,
    not_found,
    not_meant,
    search_for,
    seen_or_said,
    stretch_of,
    stretch_text,
    within,
)
from vamba_cli.tasks.moments import moment_seconds, names_a_time, share_of_video, span_seconds
from vamba_cli.tasks.order import ORDERS_WITHIN, about, answer_of_order
from vamba_cli.tasks.order_questions import place_of, slide_to_read
from vamba_cli.tasks.outline import Heading, pictures, read_outline, shows_text
from vamba_cli.tasks.profiles import Profile
from vamba_cli.tasks.questions import edge_of
from vamba_cli.tasks.reading import read_at, read_first, read_slide, unreadable
from vamba_cli.tasks.speech import DEAF, asks_about_speech, lines_of, quotation, said, topic_of_speech
from vamba_cli.tasks.titles import UNCLEAR, may_be_misspelt, names, numbers_of
from vamba_cli.tasks.topics import has_latin_letters, is_picture, is_pronoun, is_sentence
from vamba_cli.tasks.understood import Understood
from vamba_cli.tasks.watched import Watched
from vamba_cli.tasks.wishes import (
    Wish,
    alternatives,
    compared,
    stands_for,
    subject,
    wants_the_first,
    wish,
)
from vamba_cli.timecode import timetable


class Supported(NamedTuple):
    """An answer, and what supports it, also in what is said."""

    text: str
    evidence: tuple[Evidence, ...] = ()
    outcome: Outcome = "answered"


_ORDERS = ("after", "before", "between", "nth", "longest", "count", "duration", "sooner")
_MOMENTS = ("open", "after", "time")  # kinds of questions that may name a time: "what comes after 10:00?", "10:00"


def answer_from_slides(
    session: Session, profile: Profile, question: str, wanted: Understood, settings: Settings, on_event: OnEvent
) -> Supported:
    """An answer, and the spans that support it; what is on screen is no answer to what is said, and not called one."""
    seen = _answer_from_pictures(session, profile, question, wanted, settings, on_event)
    topic = topic_of_speech(question, wanted)
    if topic is None or is_pronoun(topic) or any(span.source == "subtitles" for span in seen.evidence):
        return seen
    lost = seen.outcome == "cannot_answer"
    if session.subtitles.source:
        nowhere = f"{_unmentioned(topic)}{'' if lost else ' It was not found on screen, either.'}"
        return Supported(seen.text if seen.evidence else nowhere, seen.evidence, "not_found")
    return Supported(DEAF if lost else f"{DEAF} {seen.text}", seen.evidence, "cannot_answer")


def _unmentioned(topic: str) -> str:
    return f"The subtitles do not mention “{topic}”."


def _answer_from_pictures(
    session: Session, profile: Profile, question: str, wanted: Understood, settings: Settings, on_event: OnEvent
) -> Supported:
    """The same from what is shown, and from lines where they have the topic."""
    if wanted == Understood("duration", None):  # of the whole video: nothing has to be read for it
        return _timed(session, answer_of_order(session, profile, question, wanted, on_event))
    if not shows_text(session, profile):
        return _of_film(session, profile, question, wanted)
    if is_pronoun(wanted.topic):
        text = f"Each question stands for itself: name the topic, not “{wanted.topic}”."
        return Supported(text, outcome="cannot_answer")
    wanted = _by_number(session, profile, wanted, on_event)
    wished = wish(question) if wanted.kind == "open" else None
    fixed = _from_headings(session, profile, question, wanted, wished, settings, on_event)
    if fixed is not None:
        return _timed(session, fixed)
    topic, two = wanted.topic, compared(question) or compared(wanted.topic or "")
    if topic is None or wanted.kind == "time":  # "explain perplexity" looks like a bare topic
        topic = " and ".join(two) or subject(question) or topic
    if topic is None or not settings.evidence:
        reason = "looking at slides" if topic is None else "reading alone: leave out --no-evidence"
        return Supported(f"This question cannot be answered by {reason}. {profile.limits}", outcome="cannot_answer")
    topic = _titled(session, profile, topic, on_event)  # "read the second quiz" names its topic only here
    return (
        _comparison(session, profile, question, two, wanted, settings, on_event)
        if two
        else _about(session, profile, question, topic, wanted, wished, settings, on_event)
    )


def _by_number(session: Session, profile: Profile, wanted: Understood, on_event: OnEvent) -> Understood:
    """The same with titles in the place of topics that they number: the second quiz is "Quiz 2: PCA"."""
    if wanted.topic is None:
        return wanted
    if wanted.kind == "nth" and wanted.number > 1:
        title = _title_of(session, profile, wanted.number, wanted.topic, on_event)
        return replace(wanted, kind="time", topic=title, number=0) if title else wanted
    topic, *others = (_titled(session, profile, topic, on_event) for topic in (wanted.topic, *wanted.others))
    return replace(wanted, topic=topic, others=tuple(others))


def _titled(session: Session, profile: Profile, topic: str, on_event: OnEvent) -> str:
    return _title_of(session, profile, *place_of(topic), on_event) or topic


def _title_of(session: Session, profile: Profile, number: int, kind: str, on_event: OnEvent) -> str | None:
    """The first title that gives a number to a thing of a kind."""
    headings = read_outline(session, profile, on_event) if number > 0 else []
    return next((heading.title for heading in headings if number in numbers_of(heading.title, kind)), None)


def _of_film(session: Session, profile: Profile, question: str, wanted: Understood) -> Supported:
    """The answer where there is nothing to read: what the subtitles say, or that the model cannot know."""
    topic = wanted.topic or subject(question)
    heard = said(session.subtitles, topic)
    if not heard:
        named = session.subtitles.lines and not names_a_time(question)
        also = f" {_unmentioned(topic)}" if topic is not None and named else ""
        if asks_about_speech(question) and not session.subtitles.lines:
            also = " It has no subtitles either: --subs FILE brings them, --transcribe makes them."
        return Supported(f"{profile.nothing_to_read}{also}", outcome="cannot_answer")
    text = seen_or_said(question, topic, (), heard, yes_no=wanted.kind == "yes-no")
    quoted = f"\n{quotation(lines_of(session.subtitles, heard))}" if wanted.kind == "open" else ""
    return Supported(f"{text}{quoted}", heard)


def _from_headings(
    session: Session,
    profile: Profile,
    question: str,
    wanted: Understood,
    wished: Wish | None,
    settings: Settings,
    on_event: OnEvent,
) -> Reply | None:
    """The answer to what asks for no topic, or for the order of slides; None where a topic is to be found."""
    stretch = span_seconds(question, session.prospect.info.duration_seconds)
    within_it = stretch and wanted.kind not in ORDERS_WITHIN and wanted.topic is None
    if wanted.kind == "outline" or within_it or (stretch and wanted.kind in ("after", "before")):
        stretch = stretch or stretch_of(session, wanted) or (0.0, math.inf)
        return _outline(session, profile, stretch, wanted.number, on_event)
    moment = _moment(session, profile, question, wanted, wished, on_event)
    if moment is not None:
        on_event(Stage("answer", question))
        read = read_at(session, profile, "text" if wished == "names" else wished or "title", moment, settings)
        is_page = wished == "names" and read.spans
        return read._replace(text=f"Names usually stand on the first slide: {read.text}") if is_page else read
    if wanted.kind in _ORDERS or wanted.others or (wanted.kind == "yes-no" and wanted.number):
        return answer_of_order(session, profile, question, wanted, on_event)
    number = slide_to_read(question)
    if wished is None or wanted.topic is not None or (wished == "text" and subject(question) and not number):
        return None  # "read the slide about X" asks for X
    if number:  # of a slide that is not there
        return answer_of_order(session, profile, question, Understood("nth", None, number), on_event)
    on_event(Stage("answer", question))
    told = about(session, profile, on_event) if wished == "about" else None
    return told or _of_the_first(session, profile, question, wished, settings)


def _moment(
    session: Session, profile: Profile, question: str, wanted: Understood, wished: Wish | None, on_event: OnEvent
) -> float | None:
    """The time that a question names: by a clock, as an edge of the video, or by the place of a slide."""
    memory = session.memory
    if wished == "names":  # the title page has them
        return memory.pair_start_seconds(0)
    is_limited = wanted.stretch and wanted.topic is not None
    named = moment_seconds(question) if wanted.kind in _MOMENTS and not is_limited else None
    if named is not None and wanted.kind == "after":  # what comes up then, not what stands there already
        starts = [memory.pair_start_seconds(run[0]) for run, _ in pictures(session, profile)]
        return next((start for start in starts if start > named), named)
    if named is not None or wished not in ("title", "text") or wanted.topic is not None:
        return named
    share = share_of_video(question)
    if share is not None:
        return memory.pair_start_seconds(round(share * (memory.num_pairs - 1)))
    number = slide_to_read(question)
    headings = read_outline(session, profile, on_event) if number else []
    if not headings or number > len(headings):
        return None
    return memory.pair_start_seconds(headings[number - 1 if number > 0 else -1].first)


def _about(
    session: Session,
    profile: Profile,
    question: str,
    topic: str,
    wanted: Understood,
    wished: Wish | None,
    settings: Settings,
    on_event: OnEvent,
) -> Supported:
    """Where a topic is shown and said, and what is read or quoted there if that was asked."""
    spans, spelling = search_for(session, profile, question, topic, on_event)
    heard = said(session.subtitles, topic)
    stretch = stretch_of(session, wanted)
    if stretch is not None and (spans or heard):
        here, heard_here = within(session.memory, spans, stretch), heard_within(heard, stretch)
        if not here and not heard_here:
            text = _elsewhere(session, question, topic if heard else spelling, wanted, stretch, spans, heard)
            return Supported(text, outcome="not_found")
        spans, heard = here, heard_here
    topic = topic if heard else spelling
    if not spans and not heard:
        return _nowhere(session, profile, question, topic, wanted, settings, on_event)
    seen = evidence_of(session.memory, spans)
    num_titles = sum(span.heading for span in spans)  # they come first
    text = seen_or_said(question, topic, seen, heard, yes_no=wanted.kind == "yes-no", num_titles=num_titles)
    text = f"{edge_of(question, seen[:num_titles] or seen or heard)}{text}"
    if is_picture(topic) and not heard:
        text = f"{text.removesuffix('.')}; that is the word: pictures themselves are not seen."
    if not heard and session.subtitles.lines and asks_about_speech(question):
        text = f"{text.removesuffix('.')}; the subtitles do not mention it."
    evidence = (*heard, *seen) if asks_about_speech(question) else (*seen, *heard)
    if wished is not None and spans:
        on_event(Stage("answer", question))
        read = read_slide(session, profile, wished, (spans[0].first, spans[0].stop), settings).text
        body = unreadable(session) if read == UNCLEAR else read
        nothing = " No words below the title were read there." if wished == "text" and spans[0].heading else ""
        return Supported(f"{body}\n{text}" if body else f"{text}{nothing}", evidence)
    if wanted.kind != "open":
        return Supported(text, evidence)
    more = f"\n{quotation(lines_of(session.subtitles, heard))}" if heard else f" {profile.limits}"
    return Supported(f"{text}{more}", evidence)


def _elsewhere(
    session: Session,
    question: str,
    topic: str,
    wanted: Understood,
    stretch: Stretch,
    spans: Sequence[ScoredSpan],
    heard: Sequence[Evidence],
) -> str:
    """The sentence for a topic that is outside of the stretch to which a question is limited."""
    num_titles = sum(span.heading for span in spans)
    where = seen_or_said(
        question, topic, evidence_of(session.memory, spans), heard, yes_no=False, num_titles=num_titles
    )
    return f"{'No, not' if wanted.kind == 'yes-no' else 'Not'} at {stretch_text(stretch)}: {where}"


def _nowhere(
    session: Session,
    profile: Profile,
    question: str,
    topic: str,
    wanted: Understood,
    settings: Settings,
    on_event: OnEvent,
) -> Supported:
    """The answer where a topic is neither shown nor said: what else it may have meant, or no."""
    if not has_latin_letters(topic):
        text = f"“{topic}” was not found: the small model reads Latin letters alone. {HOW_TO_ASK}"
        return Supported(text, outcome="cannot_answer")
    if is_sentence(topic):
        return Supported(not_meant(topic), outcome="not_found" if wanted.kind == "yes-no" else "cannot_answer")
    parts = alternatives(topic)
    if len(parts) > 1:
        return _each(session, profile, question, parts, wanted, settings, on_event)
    number, counted = place_of(topic)  # "the second outline"
    meant = None
    if number and wanted.kind != "yes-no":
        meant = answer_of_order(session, profile, question, Understood("nth", counted, number), on_event)
    if meant is None or not meant.spans:
        meant = _spelt_out(session, profile, topic, on_event)
    if meant is not None:
        return _timed(session, meant)
    if wanted.kind == "yes-no":
        text = f"{'' if is_picture(topic) else 'No: '}{not_found(session, topic, profile)}"
    else:
        text = Watched(session, profile, on_event).missing(topic)
    unsaid = " The subtitles do not mention it, either." if session.subtitles.lines else ""
    return Supported(f"{text}{unsaid}", outcome="not_found")


def _each(
    session: Session,
    profile: Profile,
    question: str,
    topics: Sequence[str],
    wanted: Understood,
    settings: Settings,
    on_event: OnEvent,
) -> Supported:
    """An answer for each topic, a line each, with the best of the evidence of each."""
    every = list[Supported]()
    for place, topic in enumerate(topics, 1):
        quiet = profile if place == len(topics) else replace(profile, limits="")  # what it cannot do is said once
        every.append(_about(session, quiet, question, topic, wanted, None, settings, on_event))
    most = max(1, profile.search.most_spans // len(topics))
    evidence = tuple(span for one in every for span in one.evidence[:most])
    outcome: Outcome = "answered" if any(one.outcome == "answered" for one in every) else "not_found"
    return Supported("\n".join(one.text.rstrip() for one in every), evidence, outcome)


def _comparison(
    session: Session,
    profile: Profile,
    question: str,
    topics: Sequence[str],
    wanted: Understood,
    settings: Settings,
    on_event: OnEvent,
) -> Supported:
    """An answer for each topic, behind the title that has all of them, if there is one."""
    headings = read_outline(session, profile, on_event)
    together = [heading for heading in headings if all(names(heading.title, topic) for topic in topics)]
    each = _each(session, profile, question, topics, wanted, settings, on_event)
    if not together:
        return each
    both = _timed(session, _first_of(session, together))
    return Supported(f"{both.text}\n{each.text}", (*both.evidence, *each.evidence), both.outcome)


def _timed(session: Session, reply: Reply) -> Supported:
    return Supported(reply.text, evidence_of(session.memory, reply.spans), reply.outcome)


def _outline(session: Session, profile: Profile, stretch: tuple[float, float], number: int, on_event: OnEvent) -> Reply:
    """The headings on screen in a stretch of time in order, each with the time at which it comes up.

    number: how many of the first ones, or of the last where it is below 0; all for 0.
    """
    starts = session.memory.pair_start_seconds
    headings = within(session.memory, read_outline(session, profile, on_event), stretch)
    headings = headings[number:] if number < 0 else headings[: number or None]
    text = timetable((starts(heading.first), heading.title) for heading in headings)
    if not headings:
        where = "in this video" if stretch[1] == math.inf else "there"
        return Reply(f"No headings were found {where}. {profile.limits}", outcome="not_found")
    return Reply(text, [heading.span for heading in headings])


def _spelt_out(session: Session, profile: Profile, topic: str, on_event: OnEvent) -> Reply | None:
    """What is not found may stand for words of a heading, or be one with a letter wrong; None where it is neither."""
    headings: list[Heading] = []
    if may_be_misspelt(topic) or stands_for(topic, " ".join(topic.removesuffix("s"))):  # else not worth reading them
        every = read_outline(session, profile, on_event)
        headings = [item for item in every if stands_for(topic, item.title) or names(item.title, topic)]
    if not headings:
        return None
    shown = _first_of(session, headings)
    return shown._replace(text=f"“{topic}” itself was not found, but {shown.text}")


def _first_of(session: Session, headings: Sequence[Heading]) -> Reply:
    """When the first of some headings is on screen, each time."""
    first = headings[0].title.casefold()
    spans = [heading.span for heading in headings if heading.title.casefold() == first]
    return Reply(
        found(headings[0].title, evidence_of(session.memory, spans), yes_no=False, num_titles=len(spans)), spans
    )


def _of_the_first(session: Session, profile: Profile, question: str, wished: Wish, settings: Settings) -> Reply:
    """The first scene, unless the question is for a certain other one that the rules do not know."""
    if names_a_time(question):
        text = "The time in this question was not understood: write 3:30, 1:02:03 or “3 minutes 30 seconds”."
        return Reply(text, outcome="cannot_answer")
    if not wants_the_first(question):
        return Reply(f"This question was not understood. {HOW_TO_ASK} {profile.limits}", outcome="cannot_answer")
    return read_first(session, profile, wished, settings)
