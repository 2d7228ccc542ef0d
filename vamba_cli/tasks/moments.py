"""Times that a question names: a moment, a part of the video, or the stretch to which it is limited. Pure rules.

>>> moment_seconds("what is on the slide at 10:05?"), span_seconds("what happens between 2:00 and 3:00?", 300.0)
(605.0, (120.0, 180.0))
>>> moment_seconds("what was on screen just before 10:00?")
598.0
>>> limited("is PCA shown in the last five minutes")
('is PCA shown', 'in the last five minutes')
"""

import re

from vamba_cli.tasks.topics import FEW, JUST, MINUTES, VIDEO, count_of

_MOMENT = re.compile(
    rf"(?:^|\b(?:at|around|about|near|after|(?P<before>{JUST}\s+before)|read|(?:go|jump|skip|seek)\s+to)\s+)"
    r"(?:minute\s+)?(?P<time>\d{1,2}:[0-5]\d(?::[0-5]\d)?)(?![:\d])\b",
    re.IGNORECASE,
)
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}
_LENGTH = r"\d{1,5}(?:[.,]\d+)?[\s-]*(?:h(?:ou)?rs?|h|min(?:ute)?s?|m|sec(?:ond)?s?|s)(?![a-z])"
_AMOUNT = re.compile(r"(?P<number>\d+(?:[.,]\d+)?)[\s-]*(?P<unit>[hms]?)[a-z]*", re.IGNORECASE)
_LONG = rf"{_LENGTH}(?:\s*(?:,|and)?\s*(?:{_LENGTH}|\d{{1,2}}\b))*"
_MINUTE = re.compile(
    rf"\b(?:at|in|around)\s+minute\s+(?P<minutes>\d{{1,4}})\b|\b(?:at|around|near|after)\s+(?:the\s+)?(?P<length>{_LONG})(?:\s+mark)?"
    rf"|(?<!\d)(?P<into>{_LONG})\s+in(?:to)?\b",
    re.IGNORECASE,
)
_TIMED = re.compile(r"\b(?:at|around|near|before|after)\s+(?:the\s+)?\d", re.IGNORECASE)
_CLOCK = r"\d{1,2}:[0-5]\d(?::[0-5]\d)?(?![:\d])"
_POINT = rf"(?:{_CLOCK}|(?:minute\s+)?\d{{1,4}}(?:\s*m(?:in(?:ute)?s?)?\b)?)"
_BETWEEN = re.compile(rf"\b(?:between|from)\s+({_POINT})\s+(?:and|to|until|till)\s+({_POINT})", re.IGNORECASE)
_OPEN_END = re.compile(
    rf"\b(?:topics|titles|slides|headings|chapters)\b.*\b(?P<side>after|since|from|before|until|till)\s+(?P<point>{_CLOCK})",
    re.IGNORECASE,
)
_MISSED = re.compile(
    rf"\bmiss(?:ed)?\b.*?\b(?P<side>until|till|before)?(?:at|after|from)?\s+(?P<point>{_CLOCK})", re.IGNORECASE
)
_END = re.compile(r"\b(?:at|towards?|near|by)\s+the\s+(?:very\s+)?(?P<edge>end|close|beginning|start)\b", re.IGNORECASE)
_MIDDLE = re.compile(r"\bhalf[\s-]?way\b|\b(?:at|in|near|around)\s+the\s+middle\b", re.IGNORECASE)
_EDGE = re.compile(rf"\b{MINUTES}", re.IGNORECASE)
_SHARES = {"half": 2, "third": 3, "quarter": 4}
_PLACES = ("first", "second", "third", "fourth")
_SHARE = re.compile(
    rf"\b(?:the\s+|in\s+)(?P<place>{'|'.join(_PLACES)}|last)\s+(?P<share>{'|'.join(_SHARES)})(?=[?!.\s]*$|[\s,]+(?:of|is|are|what|which|when)\b|,)",
    re.IGNORECASE,
)
# A time of the video and no other number: "a value between 0 and 1", "reduced by 20 s" limit nothing.
_SPELT = r"\d{1,4}(?:[.,]\d+)?[\s-]*(?:hours?|min(?:ute)?s?|sec(?:ond)?s?)\b"
_TIME = rf"(?:{_CLOCK}|minute\s+\d{{1,4}}|{_SPELT}(?:\s+(?:and\s+)?{_SPELT})?)"
_SIDE = (
    rf"(?:{JUST}\s+)?(?P<side>after|since|from|before|until|till)\s+"
    rf"(?:the\s+)?(?P<point>{_TIME})(?:\s+mark)?(?:\s+on)?"
)
_BOUNDED = re.compile(_SIDE, re.IGNORECASE)
_AT = rf"(?:at|around)\s+(?:the\s+)?(?P<at>{_TIME})"
_IN = r"(?:in|during|within)\s+(?:the\s+)?"
_MINUTES = rf"{_IN}(?:first|last)\s+(?:{FEW}\s+)?(?:min(?:ute)?|sec(?:ond)?)s?"
_PART = rf"{_IN}(?:{'|'.join(_PLACES)}|last)\s+(?:{'|'.join(_SHARES)})"
_STRETCH = (
    rf"(?:(?:between|from)\s+(?=[^,]{{0,40}}(?::[0-5]|\bmin)){_POINT}\s+(?:and|to|until|till)\s+{_POINT}|{_MINUTES}|{_PART}|{_SIDE})"
    rf"(?:\s+(?:of|in)\s+{VIDEO})?"
)
_OF_A_TOPIC = r"(?:when|where|is|are|was|were|does|do|did|has|have|can|could|will|list|how\s+(?:many|often|long))\b"
_THEN_ASKS = rf"(?:[\s,]+(?=(?:what|which)\b|{_OF_A_TOPIC})|$)"
_LIMITED_FIRST = re.compile(rf"^(?P<stretch>{_STRETCH}|{_AT}){_THEN_ASKS}", re.IGNORECASE)
_MINUTES_FIRST = re.compile(rf"^(?P<stretch>{MINUTES}){_THEN_ASKS}", re.IGNORECASE)
_LIMITED_LAST = re.compile(
    rf"^(?=(?:what|which)\s+slides?\s|{_OF_A_TOPIC})(?P<rest>.+?)[\s,]+(?P<stretch>{_STRETCH})$", re.IGNORECASE
)
_BARE_LAST = re.compile(  # "quiz in the last 3 minutes"
    rf"^(?!(?:what|which|who|why|how|read|describe|explain|tell|name|give|show|find|summari[sz]e)\b)(?P<rest>\S.*?)[\s,]+(?P<stretch>{_MINUTES})$",
    re.IGNORECASE,
)
_AT_LAST = re.compile(rf"^(?P<rest>(?:is|are|was|were|does|do|did)\s.+?)[\s,]+(?P<stretch>{_AT})$", re.IGNORECASE)
_A_LITTLE_SECONDS = 2.0  # that "just before 10:00" is earlier
_MOMENT_SECONDS = 1.0  # that "at 10:00" lasts


def moment_seconds(question: str) -> float | None:
    """The time that a question names, as in "what is shown at 12:30?"."""
    found = _MOMENT.search(question)
    if found:
        return max(0.0, _seconds(found["time"]) - (_A_LITTLE_SECONDS if found["before"] else 0.0))
    minute = _MINUTE.search(question)
    if minute is None:
        return None
    return 60.0 * int(minute["minutes"]) if minute["minutes"] else _length_seconds(minute["length"] or minute["into"])


def names_a_time(question: str) -> bool:
    """Whether a question seems to name a time, in whatever notation.

    >>> names_a_time("what is on screen at 99:99?"), names_a_time("what is on screen?")
    (True, False)
    """
    return _TIMED.search(question) is not None


def span_seconds(question: str, duration_seconds: float) -> tuple[float, float] | None:
    """The stretch of a video that a question names, as in "what happens between 2:00 and 3:00?".

    >>> span_seconds("what is shown in the last 2 minutes?", 300.0), span_seconds("list the second half", 300.0)
    ((180.0, 300.0), (150.0, 300.0))
    >>> span_seconds("is PCA shown in the first 20 seconds?", 300.0), span_seconds("what did I miss until 2:00?", 300.0)
    ((0.0, 20.0), (0.0, 120.0))
    >>> span_seconds("which topics are covered after 2:00?", 300.0), span_seconds("what comes after 2:00?", 300.0)
    ((120.0, 300.0), None)
    """
    between = _BETWEEN.search(question)
    if between:
        return _point_seconds(between[1]), _point_seconds(between[2])
    one_sided = _OPEN_END.search(question) or _MISSED.search(question)
    if one_sided:
        return _on_a_side(one_sided["side"] or "until", _seconds(one_sided["point"]), duration_seconds)
    share = _SHARE.search(question)
    if share:
        parts, place = _SHARES[share["share"].casefold()], share["place"].casefold()
        number = parts - 1 if place == "last" else _PLACES.index(place)
        length = duration_seconds / parts
        return (number * length, (number + 1) * length) if number < parts else None
    edge = _EDGE.search(question)
    if edge is None:
        return None
    length = _UNITS[edge["unit"][0].casefold()] * count_of(edge["number"] or "1")
    if edge["edge"].casefold() == "first":
        return 0.0, length
    return max(0.0, duration_seconds - length), duration_seconds


def limited(text: str) -> tuple[str, str]:
    """A plain question without the stretch of the video to which it limits the search for a topic, and that stretch.

    >>> limited("between 2:00 and 3:00, is PCA shown"), limited("when is PCA shown after minute 10")
    (('is PCA shown', 'between 2:00 and 3:00'), ('when is PCA shown', 'after minute 10'))
    >>> limited("is PCA shown at 10:00"), limited("what comes after 10:00"), limited("is PCA shown before t-SNE")
    (('is PCA shown', 'at 10:00'), ('what comes after 10:00', ''), ('is PCA shown before t-SNE', ''))
    """
    first = _LIMITED_FIRST.match(text) or _MINUTES_FIRST.match(text)
    if first:
        return text[first.end() :], first["stretch"]
    last = _LIMITED_LAST.match(text) or _AT_LAST.match(text) or _BARE_LAST.match(text)
    return (last["rest"], last["stretch"]) if last else (text, "")


def stretch_seconds(stretch: str, duration_seconds: float) -> tuple[float, float] | None:
    """When a stretch that `limited` found begins and ends.

    >>> [stretch_seconds(stretch, 900.0) for stretch in ("after minute 10", "until 2:30", "at 1:00")]
    [(600.0, 900.0), (0.0, 150.0), (60.0, 61.0)]
    """
    span = span_seconds(stretch, duration_seconds)
    if span or not stretch:
        return span
    bounded = _BOUNDED.match(stretch)
    if bounded:
        return _on_a_side(bounded["side"], _moment_of(bounded["point"]), duration_seconds)
    at = re.match(_AT, stretch, re.IGNORECASE)
    moment = _moment_of(at["at"]) if at else 0.0
    return (moment, moment + _MOMENT_SECONDS) if at else None


def share_of_video(question: str) -> float | None:
    """The part of a video that has gone by at the moment that a question names in words.

    >>> [share_of_video(f"what is shown {when}?") for when in ("at the end", "at the start", "halfway through", "now")]
    [1.0, 0.0, 0.5, None]
    """
    if _MIDDLE.search(question):
        return 0.5
    found = _END.search(question)
    return None if found is None else float(found["edge"].casefold() in ("end", "close"))


def _on_a_side(side: str, seconds: float, duration_seconds: float) -> tuple[float, float]:
    early = side.casefold() in ("before", "until", "till")
    return (0.0, seconds) if early else (seconds, max(seconds, duration_seconds))


def _moment_of(point: str) -> float:
    """A clock's time, "minute 10" or "1 hour 20 minutes"."""
    if ":" in point:
        return _seconds(point)
    return _length_seconds(point) if point[0].isdigit() else _point_seconds(point)


def _length_seconds(text: str) -> float:
    """3 min 30, 3m30s, 210 seconds, 3.5 minutes; a number without a unit counts parts of the one before it."""
    total, unit = 0.0, "h"
    for amount in _AMOUNT.finditer(text):
        unit = amount["unit"].casefold() or {"h": "m", "m": "s"}.get(unit, "s")
        total += float(amount["number"].replace(",", ".")) * _UNITS[unit]
    return total


def _seconds(text: str) -> float:
    return sum(60.0**power * int(part) for power, part in enumerate(reversed(text.split(":"))))


def _point_seconds(text: str) -> float:
    """A clock's time, or a number of minutes."""
    return _seconds(text) if ":" in text else 60.0 * int(re.sub(r"\D", "", text))
