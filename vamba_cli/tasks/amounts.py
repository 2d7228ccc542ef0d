"""Answers in numbers: how many slides have a topic, and for how long it is on screen."""

from collections.abc import Sequence

from vamba_cli.engine.windows import ScoredSpan
from vamba_cli.tasks.evidence import Reply, name_of
from vamba_cli.tasks.order_questions import holds
from vamba_cli.tasks.titles import numbers_of
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


def how_many(watched: Watched, topic: str, spans: Sequence[ScoredSpan], bound: str, of_slides: bool) -> Reply:
    """On how many slides a topic is; before that, how titles number such things, unless slides are to be counted."""
    sure = sure_ones(spans)
    doubtful = [span for span in spans if span not in sure]
    headed = sum(span.heading for span in sure)
    as_title = f", {headed if headed < len(sure) else 'all'} of them in the title" if headed else ""
    as_title = ", in its title" if headed == len(sure) == 1 else as_title
    word = " (the word: pictures themselves are not seen)" if is_picture(topic) else ""
    numbers = numbered([heading.title for heading in watched.headings], topic)
    slides = f"{number_of(len(sure), 'slide')} with {name_of(topic)}{word}{as_title}"
    if numbers and not of_slides:
        told = f"Titles number {name_of(topic)} {in_words(numbers)}. {slides}"
    else:
        told = f"{slides}, numbered {in_words(numbers)}" if numbers else slides
    opening = f"{yes_or_no(bound, len(sure if of_slides or not numbers else numbers))}{told}:"
    is_short = len(sure) <= NAMED
    times = f" {watched.listed(sure)}." if is_short else f"\n{watched.rows(sure)}"
    gap = " " if is_short else "\n"
    more = f"{gap}Perhaps on {len(doubtful)} more: {watched.listed(doubtful)}." if doubtful else ""
    return Reply(f"{opening}{times}{more}", [*sure, *doubtful])


def yes_or_no(bound: str, count: int) -> str:
    """How an answer begins that compares a count; "" for one that compares nothing."""
    return "" if not bound else "Yes: " if holds(bound, count) else "No: "


def numbered(titles: Sequence[str], kind: str) -> list[int]:
    """The numbers that titles give to things of a kind; none where they do not number them.

    >>> numbered(["Quiz question 2", "Answers", "Quiz Question 1: PCA", "Quiz questions 2"], "quiz questions")
    [1, 2]
    >>> numbered(["Part 4", "Part 1", "Part 3"], "part"), numbered(["Week 6", "Weekly"], "week")
    ([1, 3, 4], [])
    """
    found = sorted({number for title in titles for number in numbers_of(title, kind)})
    return found if len(found) > 1 else []


def in_words(numbers: Sequence[int]) -> str:
    """Several numbers in ascending order.

    >>> in_words([1, 2]), in_words([4, 5, 7]), in_words([1, 2, 3, 4])
    ('1 and 2', '4, 5 and 7', '1 to 4')
    """
    *earlier, last = numbers
    is_row = len(earlier) > 1 and list(numbers) == list(range(numbers[0], last + 1))
    return f"{numbers[0]} to {last}" if is_row else f"{', '.join(map(str, earlier))} and {last}"


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
