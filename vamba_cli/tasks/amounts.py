"""Answers in numbers: how many slides have a topic, and for how long it is on screen."""

import re
from collections.abc import Sequence

from vamba_cli.engine.windows import ScoredSpan
from vamba_cli.tasks.evidence import Reply, name_of
from vamba_cli.tasks.order_questions import holds
from vamba_cli.tasks.topics import is_picture
from vamba_cli.tasks.watched import NAMED, Watched, sure_ones
from vamba_cli.timecode import clock


def how_many_slides(watched: Watched, bound: str) -> Reply:
    headings = watched.headings
    if not headings:
        text = f"No titles were read in this video, so its slides cannot be counted. {watched.profile.limits}"
        return Reply(text, outcome="not_found")
    titles = len({heading.title.casefold() for heading in headings})
    several = f"; some come back: {titles} titles differ" if titles < len(headings) else ""
    counted = f"{yes_or_no(bound, len(headings))}{number_of(len(headings), 'titled part')}"
    return Reply(f"{counted}: slides with one title in a row count once{several}. Ask “list the topics” for all.")


def how_many(watched: Watched, topic: str, spans: Sequence[ScoredSpan], bound: str) -> Reply:
    sure = sure_ones(spans)
    doubtful = [span for span in spans if span not in sure]
    headed = sum(span.heading for span in sure)
    as_title = f", {headed if headed < len(sure) else 'all'} of them in the title" if headed else ""
    as_title = ", in its title" if headed == len(sure) == 1 else as_title
    word = " (the word: pictures themselves are not seen)" if is_picture(topic) else ""
    numbers = _numbered([heading.title for heading in watched.headings], topic)
    as_title += f", numbered {numbers}" if numbers else ""
    opening = f"{yes_or_no(bound, len(sure))}{number_of(len(sure), 'slide')} with {name_of(topic)}{word}{as_title}:"
    is_short = len(sure) <= NAMED
    times = f" {watched.listed(sure)}." if is_short else f"\n{watched.rows(sure)}"
    gap = " " if is_short else "\n"
    more = f"{gap}Perhaps on {len(doubtful)} more: {watched.listed(doubtful)}." if doubtful else ""
    return Reply(f"{opening}{times}{more}", [*sure, *doubtful])


def yes_or_no(bound: str, count: int) -> str:
    """How an answer begins that compares a count; "" for one that compares nothing."""
    return "" if not bound else "Yes: " if holds(bound, count) else "No: "


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


def how_long(watched: Watched, topic: str, spans: Sequence[ScoredSpan]) -> Reply:
    headed = [span for span in spans if span.heading]
    chosen = headed or list(spans)
    seconds = sum(watched.seconds(span) for span in chosen)
    length = watched.session.prospect.info.duration_seconds
    share = f", {100 * seconds / length:.0f} % of the video" if watched.stretch is None else ""
    where = "in titles" if headed else "in the text of slides"
    text = f"{name_of(topic)} is on screen {where} for {clock(seconds)} in all{share} ({watched.listed(chosen)})"
    more = [span for span in spans if not span.heading]
    if headed and more:
        text += f", and in the text of other slides for {clock(sum(watched.seconds(span) for span in more))}"
    return Reply(f"{text}.", chosen)


def number_of(number: int, thing: str) -> str:
    return f"{number} {thing}{'s' * (number != 1)}"
