"""What a question asks for, when it is taken apart."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "time", "yes-no", "outline", "duration", "count", "after", "before", "between", "nth", "longest", "sooner", "open"
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Understood:
    """A question taken apart; topic is None where it names none.

    number: of the slide that is asked for, from 1 on, or -1 for the last; 0 where none is. Of an outline: how many of
        its first slides, or of its last ones (below 0); 0 for all.
        Of a yes or no about a topic alone: the slide that may show it. Of what comes after or before: how far on.
    others: further topics, in questions of which comes first, or whether the topic does (number 1; -1: last, later),
        and of what comes between the two.
    bound: what a count is compared with, as in "more than 30"; "" where it is not.
    stretch: of the video, to which the question is limited, in its own words; "" where it is not.
    """

    kind: Kind
    topic: str | None
    number: int = 0
    others: tuple[str, ...] = ()
    stretch: str = ""
    bound: str = ""
