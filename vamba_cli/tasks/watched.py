"""What answers to questions of order and number are made of: the headings of a video, and where it shows a topic."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from vamba_cli.engine.events import OnEvent
from vamba_cli.engine.generate import Span
from vamba_cli.engine.session import Session
from vamba_cli.engine.windows import ScoredSpan
from vamba_cli.tasks.evidence import Stretch, everywhere, is_sure, not_found, within
from vamba_cli.tasks.outline import Heading, pictures, read_before, read_outline
from vamba_cli.tasks.profiles import Profile
from vamba_cli.tasks.titles import akin_titles, names, names_in_parts, same_title
from vamba_cli.timecode import clock, clock_span, timetable

NAMED = 3  # spans that a sentence names


@dataclass(frozen=True)
class Watched:
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

    def untitled(self, first: int, stop: int) -> list[Span]:
        """The pictures between two frame pairs that stand under no heading."""
        inside = [run for run, _ in pictures(self.session, self.profile) if first <= run[0] and run[1] <= stop]
        return [run for run in inside if heading_above(self.headings, run[0]) is None]

    def seconds(self, span: ScoredSpan) -> float:
        """How long a span is, or what of it lies in the stretch that is meant."""
        memory, (start, end) = self.session.memory, self.stretch or (-math.inf, math.inf)
        return min(end, memory.pair_start_seconds(span.stop)) - max(start, memory.pair_start_seconds(span.first))

    def end_of(self, span: ScoredSpan) -> int:
        """The frame pair with which a span ends; where it is a heading, all that stands under that."""
        above = heading_above(self.headings, span.first)
        return max(span.stop, above.stop if above and span.heading else 0)

    def rows(self, spans: Sequence[ScoredSpan]) -> str:
        """A line for each span: when it begins, and the heading above it."""
        above = [
            next((heading.title for heading in self.headings if meet(heading, span)), "(no clear title)")
            for span in spans
        ]
        starts = [self.session.memory.pair_start_seconds(span.first) for span in spans]
        return timetable(zip(starts, above, strict=True))

    def akin(self, topic: str) -> str:
        """A sentence about titles with words of a topic that was not found, or of their stems; they support nothing."""
        if not akin_titles([topic], topic):  # of short words alone: not worth reading the headings
            return ""
        akin = set(akin_titles([heading.title for heading in self.headings], topic))
        first = {heading.title.casefold(): heading for heading in reversed(self.headings) if heading.title in akin}
        kept = sorted(first.values(), key=lambda heading: heading.first)[:NAMED]
        named = ", ".join(f"“{heading.title}” ({self.time(heading.first)})" for heading in kept)
        return f" Titles with similar words: {named}." if named else ""

    def missing(self, topic: str) -> str:
        """The sentence for a topic that was not found, and what else there is."""
        akin = self.akin(topic)
        return not_found(self.session, topic, replace(self.profile, limits="") if akin else self.profile) + akin

    def listed(self, spans: Sequence[ScoredSpan]) -> str:
        named = ", ".join(self.span(span.first, span.stop) for span in spans[:NAMED])
        return named + (f" and {len(spans) - NAMED} more" if len(spans) > NAMED else "")


def places(watched: Watched, question: str, topic: str) -> tuple[list[ScoredSpan], str]:
    """All that shows a topic, in order of time, and the spelling in which it was found."""
    found, spelling = everywhere(watched.session, watched.profile, question, topic, watched.on_event)
    if watched.stretch is not None:
        found = within(watched.session.memory, found, watched.stretch)
    return with_titles(found, watched.headings, spelling), spelling


def with_titles(spans: Sequence[ScoredSpan], headings: Sequence[Heading], topic: str) -> list[ScoredSpan]:
    """The spans in which a topic was found, and all headings that have it, which the search may have passed over.

    Spans under one heading are one.
    """
    titled = [heading.span for heading in headings if names(heading.title, topic)]
    others: list[ScoredSpan] = []
    for span in sorted(spans, key=lambda span: span.first):
        if any(meet(span, one) for one in titled):
            continue
        above = heading_above(headings, span.first)
        if others and above and above.first <= others[-1].first:
            span = replace(span, first=others[-1].first, probability=max(span.probability, others[-1].probability))
            others.pop()
        others.append(span)
    return sorted([*titled, *others], key=lambda span: span.first)


def meet(one: Heading | ScoredSpan, other: Heading | ScoredSpan) -> bool:
    """Whether both have a frame pair in common."""
    return one.first < other.stop and other.first < one.stop


def sure_ones(spans: Sequence[ScoredSpan]) -> list[ScoredSpan]:
    """What is only perhaps there counts where nothing else is."""
    return [span for span in spans if is_sure(span)] or list(spans)


def heading_above(headings: Sequence[Heading], pair: int) -> Heading | None:
    """The heading under which a frame pair stands."""
    return next((heading for heading in headings if heading.first <= pair < heading.stop), None)


def closest_heading(headings: Sequence[Heading], topic: str) -> Heading | None:
    """The heading that is the topic, else the one with the fewest other words beside it; the first of equals."""
    named = [heading for heading in headings if names(heading.title, topic)]
    named = named or [heading for heading in headings if names_in_parts(heading.title, topic)]
    return min(named, key=lambda heading: (not same_title(heading.title, topic), len(heading.title)), default=None)
