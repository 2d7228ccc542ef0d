"""Questions of order and number: what comes after, which slide is the third, how many, and for how long.

They are answered from the headings that are read and from where a topic is found; the network itself is not asked to
count.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from vamba_cli.engine.events import OnEvent
from vamba_cli.engine.session import Session
from vamba_cli.engine.windows import ScoredSpan
from vamba_cli.tasks.evidence import (
    Reply,
    Stretch,
    everywhere,
    is_sure,
    name_of,
    not_found,
    stretch_of,
    stretch_text,
    within,
)
from vamba_cli.tasks.order_questions import place_of
from vamba_cli.tasks.outline import Heading, read_before, read_outline
from vamba_cli.tasks.profiles import Profile
from vamba_cli.tasks.sections import dividers
from vamba_cli.tasks.titles import names, names_in_parts, same_title
from vamba_cli.tasks.topics import UNIT, is_picture
from vamba_cli.tasks.understood import Understood
from vamba_cli.timecode import clock, clock_span, timetable

_NAMED = 3  # spans that a sentence names
_TOPICS = 5  # that say what a video is about
# kinds of questions that can be limited to a stretch of the video
ORDERS_WITHIN = ("count", "duration", "longest", "nth")


@dataclass(frozen=True)
class _Watched:
    """What the answers here need of a video."""

    session: Session
    profile: Profile
    on_event: OnEvent
    stretch: Stretch | None = None  # to which headings and places are limited

    @cached_property
    def headings(self) -> list[Heading]:
        every = read_outline(self.session, self.profile, self.on_event)
        return every if self.stretch is None else within(self.session.memory, every, self.stretch)

    def time(self, pair: int) -> str:
        return clock(self.session.memory.pair_start_seconds(pair))

    def span(self, first: int, stop: int) -> str:
        memory = self.session.memory
        return clock_span(memory.pair_start_seconds(first), memory.pair_start_seconds(stop))

    def shown_before(self, first: Heading) -> str:
        """A sentence about a slide before the first heading, which is one that was read clearly."""
        words = read_before(self.session, self.profile, first.first)
        return f" A slide without a clear title comes before it, at {self.time(0)}: “{words}”." if words else ""

    def seconds(self, span: ScoredSpan) -> float:
        """How long a span is, or what of it lies in the stretch that is meant."""
        memory, (start, end) = self.session.memory, self.stretch or (-math.inf, math.inf)
        return min(end, memory.pair_start_seconds(span.stop)) - max(start, memory.pair_start_seconds(span.first))

    def rows(self, spans: Sequence[ScoredSpan]) -> str:
        """A line for each span: when it begins, and the heading above it."""
        above = [
            next((h.title for h in self.headings if h.first < span.stop and span.first < h.stop), "(no clear title)")
            for span in spans
        ]
        starts = [self.session.memory.pair_start_seconds(span.first) for span in spans]
        return timetable(zip(starts, above, strict=True))

    def listed(self, spans: Sequence[ScoredSpan]) -> str:
        named = ", ".join(self.span(span.first, span.stop) for span in spans[:_NAMED])
        return named + (f" and {len(spans) - _NAMED} more" if len(spans) > _NAMED else "")


def answer_of_order(session: Session, profile: Profile, question: str, wanted: Understood, on_event: OnEvent) -> Reply:
    """The answer to a question of a kind like "after", "nth" and "count", or about two topics."""
    stretch = stretch_of(session, wanted) if wanted.kind in ORDERS_WITHIN else None
    if stretch is not None:
        reply = _answer(_Watched(session, profile, on_event, stretch), question, wanted)
        return reply._replace(text=f"At {stretch_text(stretch)}: {reply.text}")
    return _answer(_Watched(session, profile, on_event), question, wanted)


def _answer(watched: _Watched, question: str, wanted: Understood) -> Reply:
    if wanted.topic is None:
        return _of_the_whole(watched, wanted)
    if wanted.others:
        return _sooner(watched, question, wanted, (wanted.topic, *wanted.others))
    return _about_topic(watched, question, wanted, wanted.topic)


def _about_topic(watched: _Watched, question: str, wanted: Understood, named: str) -> Reply:
    is_counted = named.endswith((" slide", " page"))  # "the second UMAP slide" is surely one of several
    found = None if is_counted else _places(watched, question, named)
    settled = wanted.kind == "count" or (found is not None and any(map(is_sure, found[0])))
    one = [] if settled else _one_of_a_kind(watched, question, named)
    spans, topic = (one, named) if one else found or _places(watched, question, named)
    if not spans:
        text = not_found(watched.session, named, watched.profile)
        return Reply(f"{name_of(named)} was not found." if watched.stretch else text, outcome="not_found")
    if wanted.kind == "count":
        return _how_many(watched, topic, spans)
    if wanted.kind == "duration":
        return _how_long(watched, topic, spans)
    if wanted.kind == "nth":
        return _time_of_many(watched, wanted.number, topic, spans)
    return _neighbour(watched, wanted.kind == "after", topic, spans)


def _places(watched: _Watched, question: str, topic: str) -> tuple[list[ScoredSpan], str]:
    """All that shows a topic, in order of time, and the spelling in which it was found."""
    found, spelling = everywhere(watched.session, watched.profile, question, topic, watched.on_event)
    if watched.stretch is not None:
        found = within(watched.session.memory, found, watched.stretch)
    return _with_titles(found, watched.headings, spelling), spelling


def _one_of_a_kind(watched: _Watched, question: str, topic: str) -> list[ScoredSpan]:
    """Where the one is that a topic names by its number, as "the last outline" does; nothing where it names none.

    Slides with it in their titles are meant, if there are so many.
    """
    number, kind = place_of(topic)
    if not number:
        return []
    if re.fullmatch(UNIT, kind, re.IGNORECASE):  # "the last slide"
        chosen = [heading.span for heading in watched.headings]
    else:
        sure = _sure(_places(watched, question, kind)[0])
        headed = [span for span in sure if span.heading]
        chosen = headed if len(headed) >= abs(number) else sure
    return chosen[number - 1 : number] if number > 0 else chosen[-1:]


def _with_titles(spans: Sequence[ScoredSpan], headings: Sequence[Heading], topic: str) -> list[ScoredSpan]:
    """The spans in which a topic was found, and all headings that have it, which the search may have passed over.

    Spans under one heading are one.
    """
    titled = [heading.span for heading in headings if names(heading.title, topic)]
    others: list[ScoredSpan] = []
    for span in sorted(spans, key=lambda span: span.first):
        if any(span.first < one.stop and one.first < span.stop for one in titled):
            continue
        above = _above(headings, span.first)
        if others and above and above.first <= others[-1].first:
            span = replace(span, first=others[-1].first, probability=max(span.probability, others[-1].probability))
            others.pop()
        others.append(span)
    return sorted([*titled, *others], key=lambda span: span.first)


def _of_the_whole(watched: _Watched, wanted: Understood) -> Reply:
    if wanted.kind == "longest":
        return _longest(watched, wanted.number)
    if wanted.kind == "nth" or wanted.number:
        return _nth(watched, wanted.number, lasting=wanted.kind == "duration")
    if wanted.kind == "count":
        return _how_many_slides(watched)
    if wanted.kind == "duration":
        return Reply(f"The video is {clock(watched.session.prospect.info.duration_seconds)} long.")
    text = f"Of what? Ask “what comes {wanted.kind} …” with a topic. {watched.profile.limits}"
    return Reply(text, outcome="cannot_answer")


def about(session: Session, profile: Profile, on_event: OnEvent) -> Reply | None:
    """What a video is about by its headings: the first, and those that are longest on screen; None without any."""
    watched = _Watched(session, profile, on_event)
    headings = watched.headings
    if not headings:
        return None
    opening = f"The first title is “{headings[0].title}”, at {watched.time(headings[0].first)}."
    opening += watched.shown_before(headings[0])
    spans = [heading.span for heading in headings]
    agendas = dividers([heading.title for heading in headings])
    topics = [place for place in range(1, len(spans)) if headings[place].title not in agendas]
    longest = sorted(topics, key=lambda place: -watched.seconds(spans[place]))[:_TOPICS]
    if not longest:
        return Reply(opening, spans[:1])
    named = ", ".join(
        f"“{headings[place].title}” (at {watched.time(spans[place].first)}, for {clock(watched.seconds(spans[place]))})"
        for place in sorted(longest)
    )
    rest = " Ask “list the topics” for all." if len(spans) > len(longest) + 1 else ""
    text = f"{opening} The longest on screen after it: {named}.{rest}"
    return Reply(text, [spans[0], *(spans[i] for i in sorted(longest))])


def _nth(watched: _Watched, number: int, lasting: bool) -> Reply:
    headings = watched.headings
    if not headings or number > len(headings):
        known = f"{len(headings)} titles were read" if len(headings) != 1 else "one title was read"
        return Reply(f"There is no such title: {known}. {watched.profile.limits}", outcome="not_found")
    heading = headings[number - 1] if number > 0 else headings[-1]
    which = _ordinal(number)
    counted = " (slides with one title in a row count once)" if number > 1 else ""
    span = heading.span
    time = f", for {clock(watched.seconds(span))}" if lasting else ""
    at = watched.span(heading.first, heading.stop)
    before = watched.shown_before(heading) if number == 1 else ""
    return Reply(f"The {which} title{counted} is “{heading.title}”, at {at}{time}.{before}", [span])


def _longest(watched: _Watched, sign: int) -> Reply:
    """The heading that stands for the longest time; for the shortest where the sign is negative."""
    if not watched.headings:
        return Reply(f"No titles were read in this video. {watched.profile.limits}", outcome="not_found")
    chosen = max(watched.headings, key=lambda heading: sign * watched.seconds(heading.span))
    which, at = "longest" if sign > 0 else "shortest", watched.span(chosen.first, chosen.stop)
    length = clock(watched.seconds(chosen.span))
    return Reply(f"“{chosen.title}” is on screen for the {which} time: {length}, at {at}.", [chosen.span])


def _ordinal(number: int) -> str:
    if number in (-1, 1):
        return "last" if number < 0 else "first"
    return f"{number}{_ending(number)}"


def _ending(number: int) -> str:
    return "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


def _how_many_slides(watched: _Watched) -> Reply:
    headings = watched.headings
    if not headings:
        text = f"No titles were read in this video, so its slides cannot be counted. {watched.profile.limits}"
        return Reply(text, outcome="not_found")
    titles = len({heading.title.casefold() for heading in headings})
    several = f"; some come back: {titles} titles differ" if titles < len(headings) else ""
    return Reply(
        f"{_number(len(headings), 'titled part')}: slides with one title in a row count once{several}. "
        "Ask “list the topics” for all."
    )


def _how_many(watched: _Watched, topic: str, spans: Sequence[ScoredSpan]) -> Reply:
    sure = _sure(spans)
    doubtful = [span for span in spans if span not in sure]
    headed = sum(span.heading for span in sure)
    as_title = f", {headed if headed < len(sure) else 'all'} of them in the title" if headed else ""
    as_title = ", in its title" if headed == len(sure) == 1 else as_title
    word = " (the word: pictures themselves are not seen)" if is_picture(topic) else ""
    numbers = _numbered([heading.title for heading in watched.headings], topic)
    as_title += f", numbered {numbers}" if numbers else ""
    opening = f"{_number(len(sure), 'slide')} with {name_of(topic)}{word}{as_title}:"
    is_short = len(sure) <= _NAMED
    times = f" {watched.listed(sure)}." if is_short else f"\n{watched.rows(sure)}"
    gap = " " if is_short else "\n"
    more = f"{gap}Perhaps on {len(doubtful)} more: {watched.listed(doubtful)}." if doubtful else ""
    return Reply(f"{opening}{times}{more}", [*sure, *doubtful])


def _numbered(titles: Sequence[str], kind: str) -> str:
    """The numbers that titles give to things of a kind; "" where they do not number them.

    >>> _numbered(["Quiz question 2", "Answers", "Quiz Question 1: PCA", "Quiz questions 2"], "quiz questions")
    '1 and 2'
    >>> _numbered(["Part 4", "Part 1", "Part 3", "Part 2"], "part"), _numbered(["Week 6", "Weekly"], "week")
    ('1 to 4', '')
    """
    one = re.compile(rf"\b{re.escape(kind.removesuffix('s'))}s?\s+(?:no\.?\s*)?(\d{{1,3}})\b", re.IGNORECASE)
    found = sorted({int(place[1]) for title in titles if (place := one.search(title))})
    if len(found) < 2:
        return ""
    is_row = len(found) > 2 and found == list(range(found[0], found[-1] + 1))
    return f"{found[0]} to {found[-1]}" if is_row else f"{', '.join(map(str, found[:-1]))} and {found[-1]}"


def _how_long(watched: _Watched, topic: str, spans: Sequence[ScoredSpan]) -> Reply:
    headed = [span for span in spans if span.heading]
    chosen = headed or list(spans)
    total = clock(sum(watched.seconds(span) for span in chosen))
    where = "in titles" if headed else "in the text of slides"
    text = f"{name_of(topic)} is on screen {where} for {total} in all ({watched.listed(chosen)})"
    more = [span for span in spans if not span.heading]
    if headed and more:
        text += f", and in the text of other slides for {clock(sum(watched.seconds(span) for span in more))}"
    return Reply(f"{text}.", chosen)


def _time_of_many(watched: _Watched, number: int, topic: str, spans: Sequence[ScoredSpan]) -> Reply:
    """Where a topic comes up for the first, second or last time."""
    sure = _sure(spans)
    if number > len(sure):
        text = f"{name_of(topic)} was found on {_number(len(sure), 'slide')} only: {watched.listed(sure)}."
        return Reply(text, sure, outcome="not_found")
    chosen = sure[number - 1 if number > 0 else -1]
    where = "as a title" if chosen.heading else "in the text of a slide"
    more = f"; {_number(len(sure), 'slide')} in all" if len(sure) > 1 else ""
    more += f"; perhaps on {len(spans) - len(sure)} more" if len(spans) > len(sure) else ""
    at, which = watched.span(chosen.first, chosen.stop), _ordinal(number)
    time = which if number in (-1, 1) else f"for the {which} time"
    return Reply(f"{name_of(topic)} is {time} on screen {where} at {at}{more}.", [chosen])


def _sure(spans: Sequence[ScoredSpan]) -> list[ScoredSpan]:
    """What is only perhaps there counts where nothing else is."""
    return [span for span in spans if is_sure(span)] or list(spans)


def _sooner(watched: _Watched, question: str, wanted: Understood, topics: Sequence[str]) -> Reply:
    """Which of some topics comes up before the others: where each is a title first, or else in the text."""
    starts: dict[str, ScoredSpan] = {}
    whole = ", ".join(topics[:-1])
    if len(topics) > 2 and any(same_title(heading.title, whole) for heading in watched.headings):
        topics = [whole, topics[-1]]  # a title with commas
    for topic in topics:
        closest = _closest(watched.headings, topic)
        is_title = closest is not None and same_title(closest.title, topic)
        spans = [closest.span] if closest and is_title else _places(watched, question, topic)[0]
        if spans:
            starts[topic] = next((span for span in spans if span.heading), _sure(spans)[0])
    missing = [topic for topic in topics if topic not in starts]
    neither = f"either {' nor '.join(map(name_of, missing))} was found. {watched.profile.limits}"
    if not starts:
        return Reply(f"N{neither}", outcome="not_found")
    wants_last = wanted.kind == "sooner" and wanted.number < 0
    ordered = sorted(starts, key=lambda topic: starts[topic].first, reverse=wants_last)
    spans = [starts[topic] for topic in ordered]
    at = [watched.listed([span]) for span in spans]
    others = ", ".join(f"{name_of(topic)} at {time}" for topic, time in zip(ordered[1:], at[1:], strict=True))
    if missing:
        absent = f"n{neither}" if missing[1:] else not_found(watched.session, missing[0], watched.profile)
        there = f"{name_of(ordered[0])} is at {at[0]}" + (f", {others}" if others else "")
        return Reply(f"{there}, but {absent}", spans, outcome="not_found")
    if len({span.first for span in spans}) == 1:
        return Reply(f"{' and '.join(map(name_of, topics))} come up on one slide, at {at[0]}.", spans[:1])
    opening = ""
    if wanted.kind == "yes-no":
        opening = "Yes: " if (ordered[0] == topics[0]) == (wanted.number > 0) else "No: "
    which = "last" if wants_last else "first"
    return Reply(f"{opening}{name_of(ordered[0])} comes {which}, at {at[0]}; {others}.", spans)


def _neighbour(watched: _Watched, after: bool, topic: str, spans: Sequence[ScoredSpan]) -> Reply:
    """The heading after the part that has the topic for its title, or before it."""
    headings = watched.headings
    anchor = closest.span if (closest := _closest(headings, topic)) else spans[0]
    if after:
        block = _above(headings, anchor.first)
        end = max(anchor.stop, block.stop if block and anchor.heading else 0)
        near = next((heading for heading in headings if heading.first >= end), None)
    else:
        near = next((heading for heading in reversed(headings) if heading.stop <= anchor.first), None)
    order, at = "after" if after else "before", watched.span(anchor.first, anchor.stop)
    if near is None:
        return Reply(f"No title was read {order} {name_of(topic)} ({at}).", [anchor], outcome="not_found")
    text = f"“{near.title}”, at {watched.span(near.first, near.stop)}"
    return Reply(f"{order.capitalize()} {name_of(topic)} ({at}) comes {text}.", [near.span, anchor])


def _above(headings: Sequence[Heading], pair: int) -> Heading | None:
    """The heading under which a frame pair stands."""
    return next((heading for heading in headings if heading.first <= pair < heading.stop), None)


def _closest(headings: Sequence[Heading], topic: str) -> Heading | None:
    """The heading that is the topic, else the one with the fewest other words beside it; the first of equals."""
    named = [heading for heading in headings if names(heading.title, topic)]
    named = named or [heading for heading in headings if names_in_parts(heading.title, topic)]
    return min(named, key=lambda heading: (not same_title(heading.title, topic), len(heading.title)), default=None)


def _number(number: int, thing: str) -> str:
    return f"{number} {thing}{'s' * (number != 1)}"
