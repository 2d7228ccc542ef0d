"""Which of many titles open a new part of a lecture, where fewer chapters than titles are wanted. Pure."""

import re
from collections.abc import Sequence

from vamba_cli.tasks.titles import same_title

_AGENDA = re.compile(
    r"(?:(?:lecture|course|talk|today['’]?s?)\s+)?(?:outline|agenda|(?:table\s+of\s+)?contents?|overview|road\s?map|plan"
    r"|inhalt(?:sverzeichnis)?|gliederung|übersicht|sommaire|contenido|índice)",
    re.IGNORECASE,
)
_NEAR = 3  # titles on either side that tell whether one goes on with what was there
_DIVIDES, _DIVIDED, _NUMBERED, _SHARED, _TAKEN_UP = 1.0, 0.9, 0.75, 0.5, 0.25
_COUNTED = re.compile(r"\(.*?\)|\d+[a-z]?\b|\W|_", re.IGNORECASE)  # what may differ between titles of one row
_WORD = re.compile(r"[^\W\d_]{3,}")
_COMMON = frozenset("the and for with from how what why are not this that some more".split())


def dividers(titles: Sequence[str]) -> set[str]:
    """Titles of agendas, where one is shown again before each part.

    >>> dividers(["Outline", "Trees", "Outline", "Graphs"]), dividers(["Agenda", "Trees", "Graphs"])
    ({'Outline'}, set())
    """
    runs = [title for title, before in zip(titles, ("", *titles), strict=False) if not same_title(title, before)]
    return {title for title in runs if _AGENDA.fullmatch(title) and runs.count(title) > 1}


def openings(titles: Sequence[str]) -> list[float]:
    """How much more, or less, each title opens a new part than titles do on average; 0 for the first.

    An agenda does that comes again and again, and what takes up words of the titles behind it; what shares words
    with those before it, or differs from the last one by a number alone, does not.

    Args:
        titles: one after the other, none like the one before it.

    >>> openings(["Heaps", "Graphs", "Paths in graphs", "Sorting (1)", "Sorting (2)"])
    [0.0, 0.25, -0.25, 0.25, -1.25]
    """
    agendas = dividers(titles)
    worth = [0.0]
    for place, title in enumerate(titles[1:], 1):
        if title in agendas:
            worth.append(_DIVIDES)
            continue
        before = titles[place - 1]
        known = _share(title, titles[max(0, place - _NEAR) : place])
        taken_up = _share(title, titles[place + 1 : place + 1 + _NEAR])
        counted_on = _COUNTED.sub("", title).casefold() == _COUNTED.sub("", before).casefold()
        worth.append(_TAKEN_UP * taken_up - _SHARED * known - _NUMBERED * counted_on - _DIVIDED * (before in agendas))
    return worth


def _share(title: str, others: Sequence[str]) -> float:
    """How many of the words of a title are in others."""
    words, there = _words(title), set[str]().union(*map(_words, others))
    return len(words & there) / len(words) if words else 0.0


def _words(title: str) -> set[str]:
    return {word.removesuffix("s") for word in _WORD.findall(title.casefold())} - _COMMON
