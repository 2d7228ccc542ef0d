"""Questions of order and number: what comes after, which slide is the third, how many, and for how long.

They are answered from the headings that are read and from where a topic is found; the network itself is not asked to
count.
"""

import re
from collections.abc import Sequence

from vamba_cli.engine.events import OnEvent
from vamba_cli.engine.session import Session
from vamba_cli.engine.windows import ScoredSpan
from vamba_cli.tasks.amounts import how_long, how_many, how_many_slides, in_words, number_of, numbered, yes_or_no
from vamba_cli.tasks.evidence import Reply, is_sure, name_of, not_found, not_meant, stretch_of, stretch_text
from vamba_cli.tasks.order_questions import place_of
from vamba_cli.tasks.profiles import Profile
from vamba_cli.tasks.sections import dividers
from vamba_cli.tasks.titles import same_title
from vamba_cli.tasks.topics import UNIT, is_sentence
from vamba_cli.tasks.understood import Understood
from vamba_cli.tasks.watched import Watched, closest_heading, meet, places, sure_ones
from vamba_cli.tasks.wishes import alternatives
from vamba_cli.timecode import clock

_TOPICS = 5  # that say what a video is about
# kinds of questions that can be limited to a stretch of the video
ORDERS_WITHIN = ("count", "duration", "longest", "nth")


def answer_of_order(session: Session, profile: Profile, question: str, wanted: Understood, on_event: OnEvent) -> Reply:
    """The answer to a question of a kind like "after", "nth" and "count", or about two topics."""
    stretch = stretch_of(session, wanted) if wanted.kind in ORDERS_WITHIN else None
    if stretch is not None:
        reply = _answer(Watched(session, profile, on_event, stretch), question, wanted)
        return reply._replace(text=f"At {stretch_text(stretch)}: {reply.text}")
    return _answer(Watched(session, profile, on_event), question, wanted)


def _answer(watched: Watched, question: str, wanted: Understood) -> Reply:
    if wanted.topic is None:
        return _of_the_whole(watched, wanted)
    if wanted.kind in ("between", "duration") and wanted.others:
        return _between(watched, question, wanted.kind == "duration", wanted.topic, *wanted.others)
    if wanted.others:
        return _sooner(watched, question, wanted, (wanted.topic, *wanted.others))
    if wanted.kind == "yes-no":
        return _placed(watched, question, wanted.number, wanted.topic)
    return _about_topic(watched, question, wanted, wanted.topic)


def _about_topic(watched: Watched, question: str, wanted: Understood, named: str) -> Reply:
    is_counted = named.endswith((" slide", " page"))  # "the second UMAP slide" is surely one of several
    found = None if is_counted else places(watched, question, named)
    settled = wanted.kind == "count" or (found is not None and any(map(is_sure, found[0])))
    one = [] if settled else _one_of_a_kind(watched, question, named)
    spans, topic = (one, named) if one else found or places(watched, question, named)
    if not spans:
        return _not_there(watched, question, wanted, named)
    if wanted.kind == "count":
        of_slides = re.search(rf"\b{UNIT}\b", question, re.IGNORECASE) is not None
        return how_many(watched, topic, spans, wanted.bound, of_slides)
    if wanted.kind == "duration":
        return how_long(watched, topic, spans)
    if wanted.kind == "nth":
        return _time_of_many(watched, wanted.number, topic, spans)
    return _neighbour(watched, wanted.kind == "after", max(1, wanted.number), topic, spans)


def _not_there(watched: Watched, question: str, wanted: Understood, named: str) -> Reply:
    """The answer where a topic is not found: no, or one for each of the topics that it is made of."""
    if is_sentence(named):
        return Reply(not_meant(named), outcome="cannot_answer")
    parts = alternatives(named) if wanted.kind in ("count", "duration") else [named]
    if len(parts) > 1:
        return _each(watched, question, wanted, parts)
    text = f"{name_of(named)} was not found." if watched.stretch else watched.missing(named)
    return Reply(f"{yes_or_no(wanted.bound, 0)}{text}", outcome="not_found")


def _each(watched: Watched, question: str, wanted: Understood, topics: Sequence[str]) -> Reply:
    """An answer for each topic, a line each."""
    replies = [_about_topic(watched, question, wanted, topic) for topic in topics]
    found = [reply for reply in replies if reply.spans]
    return Reply(
        "\n".join(reply.text for reply in replies), [span for reply in found for span in reply.spans],
        outcome="answered" if found else "not_found",
    )  # fmt: skip


def _one_of_a_kind(watched: Watched, question: str, topic: str) -> list[ScoredSpan]:
    """Where the one is that a topic names by its number, as "the last outline" does; nothing where it names none.

    Slides with it in their titles are meant, if there are so many.
    """
    number, kind = place_of(topic)
    if not number:
        return []
    if re.fullmatch(rf"{UNIT}|one|thing", kind, re.IGNORECASE):  # "the last slide"
        chosen = [heading.span for heading in watched.headings]
    else:
        sure = sure_ones(places(watched, question, kind)[0])
        headed = [span for span in sure if span.heading]
        chosen = headed if len(headed) >= abs(number) else sure
    return chosen[number - 1 : number] if number > 0 else chosen[-1:]


def _of_the_whole(watched: Watched, wanted: Understood) -> Reply:
    if wanted.kind == "longest":
        return _longest(watched, wanted.number)
    if wanted.kind == "nth" or wanted.number:
        return _nth(watched, wanted.number, lasting=wanted.kind == "duration")
    if wanted.kind == "count":
        return how_many_slides(watched, wanted.bound)
    if wanted.kind == "duration":
        return Reply(f"The video is {clock(watched.session.prospect.info.duration_seconds)} long.")
    text = f"Of what? Ask “what comes {wanted.kind} …” with a topic. {watched.profile.limits}"
    return Reply(text, outcome="cannot_answer")


def about(session: Session, profile: Profile, on_event: OnEvent) -> Reply | None:
    """What a video is about by its headings: the first, and those that are longest on screen; None without any."""
    watched = Watched(session, profile, on_event)
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


def _nth(watched: Watched, number: int, lasting: bool) -> Reply:
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


def _longest(watched: Watched, sign: int) -> Reply:
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


def _time_of_many(watched: Watched, number: int, topic: str, spans: Sequence[ScoredSpan]) -> Reply:
    """Where a topic comes up for the first, second or last time."""
    sure = sure_ones(spans)
    if number > len(sure):
        text = f"{name_of(topic)} was found on {number_of(len(sure), 'slide')} only: {watched.listed(sure)}."
        return Reply(text, sure, outcome="not_found")
    chosen = sure[number - 1 if number > 0 else -1]
    where = "as a title" if chosen.heading else "in the text of a slide"
    more = f"; {number_of(len(sure), 'slide')} in all" if len(sure) > 1 else ""
    numbers = numbered([heading.title for heading in watched.headings], topic)
    more += f", numbered {in_words(numbers)}" if numbers else ""
    more += f"; perhaps on {len(spans) - len(sure)} more" if len(spans) > len(sure) else ""
    at, which = watched.span(chosen.first, chosen.stop), _ordinal(number)
    time = which if number in (-1, 1) else f"for the {which} time"
    return Reply(f"{name_of(topic)} is {time} on screen {where} at {at}{more}.", [chosen])


def _sooner(watched: Watched, question: str, wanted: Understood, topics: Sequence[str]) -> Reply:
    """Which of some topics comes up before the others: where each is a title first, or else in the text."""
    starts: dict[str, ScoredSpan] = {}
    whole = ", ".join(topics[:-1])
    if len(topics) > 2 and any(same_title(heading.title, whole) for heading in watched.headings):
        topics = [whole, topics[-1]]  # a title with commas
    for topic in topics:
        place = _place(watched, question, topic)
        if place:
            starts[topic] = place
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


def _place(watched: Watched, question: str, topic: str) -> ScoredSpan | None:
    """Where a topic comes up: the title that is it, else the first one that names it, else the first in the text."""
    closest = closest_heading(watched.headings, topic)
    if closest and same_title(closest.title, topic):
        return closest.span
    spans = _one_of_a_kind(watched, question, topic) or places(watched, question, topic)[0]
    return next((span for span in spans if span.heading), sure_ones(spans)[0]) if spans else None


def _between(watched: Watched, question: str, lasting: bool, one: str, other: str) -> Reply:
    """The titles between two topics, in whatever order these come; or how long after the one the other begins."""
    found = [(topic, _place(watched, question, topic)) for topic in (one, other)]
    missing = [topic for topic, place in found if place is None]
    if missing:
        return Reply(watched.missing(missing[0]), outcome="not_found")
    (before, early), (behind, late) = sorted(((t, p) for t, p in found if p), key=lambda item: item[1].first)
    if lasting:
        start, then = (watched.session.memory.pair_start_seconds(place.first) for place in (early, late))
        apart = f"{name_of(behind)} comes {clock(then - start)} after {name_of(before)}"
        return Reply(f"{apart}: they begin at {clock(start)} and {clock(then)}.", [early, late])
    begin = watched.end_of(early)
    inside = [heading.span for heading in watched.headings if begin <= heading.first and heading.stop <= late.first]
    ends = f"{name_of(before)} ({watched.listed([early])}) and {name_of(behind)} ({watched.listed([late])})"
    if not inside:
        return Reply(f"No title was read between {ends}.", [early, late], outcome="not_found")
    return Reply(f"Between {ends}:\n{watched.rows(inside)}", inside)


def _placed(watched: Watched, question: str, number: int, topic: str) -> Reply:
    """Whether the slide at a place shows a topic, in its title or below."""
    reply = _nth(watched, number, lasting=False)
    if not reply.spans:
        return reply
    (slide,) = reply.spans
    spans, spelling = places(watched, question, topic)
    there = [span for span in spans if meet(span, slide)]
    told = reply.text[0].lower() + reply.text[1:]
    if there:
        where = "" if any(span.heading for span in there) else f" {name_of(spelling)} is in the text of that slide."
        return Reply(f"Yes: {told}{where}", reply.spans)
    elsewhere = f" {name_of(spelling)} is at {watched.listed(spans)}." if spans else ""
    return Reply(f"No: {told}{elsewhere}", reply.spans)


def _neighbour(watched: Watched, after: bool, steps: int, topic: str, spans: Sequence[ScoredSpan]) -> Reply:
    """The heading after the part that has the topic for its title, or before it, or so many steps on."""
    headings = watched.headings
    anchor = closest.span if (closest := closest_heading(headings, topic)) else spans[0]
    end = watched.end_of(anchor)
    if after:
        beside = [heading for heading in headings if heading.first >= end]
    else:
        beside = [heading for heading in reversed(headings) if heading.stop <= anchor.first]
    order, at = "after" if after else "before", watched.span(anchor.first, anchor.stop)
    which = f" {_ordinal(steps)}" if steps > 1 else ""
    if len(beside) < steps:
        text = f"No{which} title was read {order} {name_of(topic)} ({at})."
        return Reply(text, [anchor], outcome="not_found")
    near = beside[steps - 1]
    text = f"“{near.title}”, at {watched.span(near.first, near.stop)}"
    if which:
        return Reply(f"The{which} title {order} {name_of(topic)} ({at}) is {text}.", [near.span, anchor])
    untitled = watched.untitled(end, near.first) if after else watched.untitled(near.stop, anchor.first)
    if untitled:
        slides = "come slides" if untitled[1:] else "comes a slide"
        between = f"{slides} without a clear title, {watched.span(untitled[0][0], untitled[-1][1])}"
        text = f"{between}; the {'next title' if after else 'title before that'} is {text}"
    else:
        text = f"comes {text}"
    return Reply(f"{order.capitalize()} {name_of(topic)} ({at}) {text}.", [near.span, anchor])
