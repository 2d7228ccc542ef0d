"""What an open question wants of a model that only reads slides: a title, words, a moment, or more than it can. Pure.

>>> wish("What is this lecture about?"), wish("what does the slide say?"), wish("who is the speaker?")
('about', 'text', None)
>>> subject("How does UMAP work?"), subject("what are the advantages of UMAP over t-SNE"), subject("who is he?")
('UMAP', 'UMAP', None)
>>> moment_seconds("what is on the slide at 10:05?")
605.0
"""

import re
from typing import Literal

from vamba_cli.tasks.topics import COUNTS, MINUTES, plain

Wish = Literal["title", "text", "about"]

_TWO_NAMES, _NAME = re.compile(r"(\S+) and (\S+)"), re.compile(r"\S[A-Z]|\w-[A-Z]|\d")
_MOST_WORDS = 4  # of a topic that is named beside another one

_TEXT = re.compile(
    r"\b(?:written|writing|bullets?|words)\b|\bread\b|\b(?:slides?|screen|it|page)\s+says?\b|\bwhat\s+says\b"
    r"|\btext\s+(?:is|on|of)\b|^text\b|^what\s+do(?:es)?\s+(?:the\s+)?(?:slides?|pages?)\s+(?:\d+|(?:about|on|with|at|called|titled|named)\s.*|[\"“„].*)\ssays?$",
    re.IGNORECASE,
)
_READ_TITLE = re.compile(r"^read\s+(?:me\s+|out\s+)*(?:the\s+)?(?:title|heading|headline)$", re.IGNORECASE)
_ABOUT = re.compile(
    r"^what(?:\s+is|\s+was)?\s+(?:this|it|that|(?:(?:this|the|that)\s+)?(?:whole\s+)?(?:video|lecture|talk|film|movie"
    r"|presentation|clip|course|recording|screencast|session|lesson|seminar|tutorial))\s+(?:all\s+)?about$"
    r"|^what\s+(?:does|do)\s+(?:the\s+|this\s+)?(?:video|lecture|talk|film|presentation|it)\s+(?:deal\s+with|talk\s+about|treat|cover)$"
    r"|^(?:what|which)\s+(?:is|are)\s+(?:the\s+)?(?:main\s+|general\s+)?(?:topics?|subject|theme)s?(?:\s+of\s+(?:this|the)\s+\w+)?$",
    re.IGNORECASE,
)
_TITLE = re.compile(
    r"\b(?:title|heading|headline|caption)\b|\b(?:main|first|opening)\s+(?:topic|subject|slide|page)\b"
    r"|^what(?:\s+is|\s+was)?\s+(?:this|it|that|(?:(?:this|the|that)\s+)?(?:whole\s+)?(?:video|lecture|talk|film|movie|presentation"
    r"|clip|course|recording|slide|screencast|session|lesson|seminar|tutorial))(?:\s+(?:all\s+)?about)?$"
    r"|^(?:what|which)(?:\s+is|\s+was|\s+are)?\s+(?:(?:the\s+)?(?:topic|subject|theme)\b|shown|visible|displayed|first|on\s+(?:the\s+)?"
    r"(?:screen|slide|display)|happening|to\s+be\s+seen)"
    r"|^(?:what|which)\s+(?:slide|page)\s+(?:is|was)\b|^what\s+(?:do\s+(?:you|we|i)\s+see|can\s+be\s+seen|happens)\b"
    r"|^(?:what|which)(?:\s+\w+)?\s+(?:does|do)\s+(?:the\s+|this\s+)?(?:video|lecture|talk|film|slide)\s+(?:show|deal|talk|treat)\b"
    r"|^describe\s+(?:this|the)\s+(?:video|lecture|talk|film|slide|picture|image)$",
    re.IGNORECASE,
)
_COMPARED = re.compile(
    r"^(?:(?:compare|contrast)\s+|(?:(?:what|which)\s+(?:is|are|was|were)\s+|(?:explain|describe|show)\s+(?:me\s+)?)?(?:the\s+)?(?:main\s+)?(?:difference|differences|comparison)\s+(?:between|of)\s+)"
    r"(?P<one>.+?)\s+(?:and|with|to|against|versus|vs\.?)\s+(?P<other>.+)$",
    re.IGNORECASE,
)
_SUBJECTS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"^(?:read|what\s+do(?:es)?)\s+(?:me\s+)?(?:the\s+)?(?:slides?|pages?)\s+(?:about|on|with|called|titled|named|mentioning|containing|showing)\s+(?P<topic>.+?)(?:\s+says?)?$",
        r"^(?:read|what\s+does)\s+(?:me\s+)?(?:the\s+)?(?P<topic>(?!(?:the|this|that|each|every|whole|entire|last|first|next|title|opening|closing|current|second|third|fourth|fifth)\b|\d)\w.*?)\s+"
        r"(?:slide|page)(?:\s+says?)?$",
        r"^read\s+(?:me\s+)?(?:the\s+)?slide\s+(?P<topic>(?!(?:no|number|at|on|in|of|from|before|after|behind|that|which|where|when|with|about|called|titled|named|and|or|out|aloud|to|please|for|by|again|here|now|next|carefully|slowly"
        rf"|titles?|text|headings?|{'|'.join(COUNTS)})\b|\d)\S.*)$",
        r"^what(?:\s+is|\s+does|\s+stands)\s+(?:written\s+|it\s+say\s+)?(?:on|in)\s+(?:the\s+)?(?:slide|page)\s+(?:about|on|with|called|titled|named)\s+(?P<topic>.+)$",
        r"^read\s+(?:me\s+|out\s+|(?:the\s+)?(?:text|part|words?)\s+(?:about|on|of)\s+)*"
        r"(?P<topic>(?!(?:it|this|that|what|everything|all|more|on|out|me|slides?|pages?\s+\d+|text|title|\d+|(?:the|a)\s+(?:title|heading|text|slides?|page|screen|whole|words?|first|last|next|bullets?))\b)\S.*)$",
        r"^(?:what|which)\s+(?:is|are|was|were)\s+(?:the\s+)?(?:\w+\s+){0,2}?(?:advantages?|disadvantages?|benefits?|drawbacks?|limits?"
        r"|limitations?|purpose|point|idea|goal|role|meaning|definition|difference|differences|steps?|types?|kinds?|uses?|parts?"
        r"|properties|assumptions|results?)\s+(?:of|behind|for|between|in)\s+(?P<topic>.+?)(?:\s+(?:over|against|and|versus|vs)\s+.+)?$",
        r"^how\s+(?:does|do|did|can|is|are|to)\s+(?P<topic>.+?)(?:\s+(?:work|works|done|computed|calculated|used|made|defined|function|be\s+\w+))$",
        r"^how\s+(?:do|does|can|could|should|would|to)\s+(?:i|you|we|one|they)\s+(?P<topic>.+)$",
        r"^why\s+(?:is|are|does|do|did|was|were)\s+(?P<topic>.+?)(?:\s+(?:important|useful|needed|used|good|bad|work|fail|necessary))$",
        r"^(?:explain|define|describe|tell\s+(?:me|us)\s+(?:more\s+|something\s+)?about)\s+(?P<topic>.+)$",
        r"^what\s+(?:does|do|is|was|did)(?:\s+\w+){0,2}?\s+(?:said|say|says|tell\s+us|told|explain)\s+about\s+(?P<topic>.+)$",
        r"^what\s+(?:is|are)\s+(?:meant\s+by\s+)?(?P<topic>.+?)(?:\s+(?:good|used)\s+for)?$",
        r"^what\s+does\s+(?P<topic>.+?)\s+(?:mean|do|stand\s+for)$",
    )
)
_ARTICLE = re.compile(r"^(?:the|a|an|some|any)\s+", re.IGNORECASE)
_NOT_A_SUBJECT = re.compile(
    r"^(?:this|that|it|he|she|they|you|we|i|his|her|their|your|my|there|who|going|shown|said|told|seen|happening|covered|discussed|in\s+the|the\s+(?:speaker|lecturer|teacher|man|woman|weather))\b",
    re.IGNORECASE,
)
_MOST_SUBJECT_WORDS = 6
_MOMENT = re.compile(
    r"(?:^|\b(?:at|around|about|near|after|read)\s+)(?:minute\s+)?(?P<time>\d{1,2}:[0-5]\d(?::[0-5]\d)?)(?![:\d])\b",
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
    rf"\b(?:topics|titles|slides|headings|chapters)\b.*\b(?P<side>after|since|from|before|until|till)\s+({_CLOCK})",
    re.IGNORECASE,
)
_END = re.compile(r"\b(?:at|towards?|near|by)\s+the\s+(?:very\s+)?(?P<edge>end|close|beginning|start)\b", re.IGNORECASE)
_MIDDLE = re.compile(r"\bhalf[\s-]?way\b|\b(?:at|in|near|around)\s+the\s+middle\b", re.IGNORECASE)
# what makes a question one for a certain slide, which the first is not
_CERTAIN = re.compile(
    r"\d|\b(?:longest|shortest|everything|all|more|most|least|half|middle|third|quarter|often|between|while|when|whenever|during|every|each|last|next|then|before|after)\b",
    re.I,
)
_EDGE = re.compile(rf"\b{MINUTES}", re.IGNORECASE)


def wish(question: str) -> Wish | None:
    """Whether a title or the words of a slide would answer an open question; None where neither would.

    >>> wish("read the title"), wish("read the slide")
    ('title', 'text')
    """
    text = plain(question)
    if _READ_TITLE.match(text):
        return "title"
    if _TEXT.search(text):
        return "text"
    if _ABOUT.search(text):
        return "about"
    return "title" if _TITLE.search(text) else None


def subject(question: str) -> str | None:
    """What an open question is about, as far as it can be looked for on slides."""
    text = plain(question)
    for pattern in _SUBJECTS:
        found = pattern.match(text)
        if found:
            topic = _ARTICLE.sub("", found["topic"]).strip()
            if not topic or _NOT_A_SUBJECT.match(topic) or len(topic.split()) > _MOST_SUBJECT_WORDS:
                return None
            return topic
    return None


def compared(question: str) -> list[str]:
    """The two topics that a question compares; none where it compares nothing.

    >>> compared("compare UMAP with t-SNE"), compared("What is the difference between a process and a thread?")
    (['UMAP', 't-SNE'], ['process', 'thread'])
    """
    found = _COMPARED.match(plain(question))
    topics = [_ARTICLE.sub("", name).strip() for name in found.groups()] if found else []
    return topics if all(0 < len(topic.split()) <= _MOST_WORDS for topic in topics) else []


def moment_seconds(question: str) -> float | None:
    """The time that a question names, as in "what is shown at 12:30?"."""
    found = _MOMENT.search(question)
    if found:
        return _seconds(found["time"])
    minute = _MINUTE.search(question)
    if minute is None:
        return None
    return 60.0 * int(minute["minutes"]) if minute["minutes"] else _length_seconds(minute["length"] or minute["into"])


def _length_seconds(text: str) -> float:
    """3 min 30, 3m30s, 210 seconds, 3.5 minutes; a number without a unit counts parts of the one before it."""
    total, unit = 0.0, "h"
    for amount in _AMOUNT.finditer(text):
        unit = amount["unit"].casefold() or {"h": "m", "m": "s"}.get(unit, "s")
        total += float(amount["number"].replace(",", ".")) * _UNITS[unit]
    return total


def names_a_time(question: str) -> bool:
    """Whether a question seems to name a time, in whatever notation.

    >>> names_a_time("what is on screen at 99:99?"), names_a_time("what is on screen?")
    (True, False)
    """
    return _TIMED.search(question) is not None


def wants_the_first(question: str) -> bool:
    """Whether the first slide would answer a question for what is shown; not if it says which one.

    >>> wants_the_first("what is shown?"), wants_the_first("what is shown for the longest time?")
    (True, False)
    """
    return _CERTAIN.search(plain(question)) is None


def span_seconds(question: str, duration_seconds: float) -> tuple[float, float] | None:
    """The stretch of a video that a question names, as in "what happens between 2:00 and 3:00?".

    >>> span_seconds("what is shown in the last 2 minutes?", 300.0)
    (180.0, 300.0)
    >>> span_seconds("which topics are covered after 2:00?", 300.0), span_seconds("what comes after 2:00?", 300.0)
    ((120.0, 300.0), None)
    """
    between = _BETWEEN.search(question)
    if between:
        return _point_seconds(between[1]), _point_seconds(between[2])
    one_sided = _OPEN_END.search(question)
    if one_sided:
        seconds = _seconds(one_sided[2])
        early = one_sided["side"].casefold() in ("before", "until", "till")
        return (0.0, seconds) if early else (seconds, duration_seconds)
    edge = _EDGE.search(question)
    if edge is None:
        return None
    length = 60.0 * _count(edge["number"] or "1")
    if edge["edge"].casefold() == "first":
        return 0.0, length
    return max(0.0, duration_seconds - length), duration_seconds


def _count(word: str) -> int:
    small = word.casefold()
    return int(small) if small.isdigit() else COUNTS.index(small) + 1 if small in COUNTS else 2


def share_of_video(question: str) -> float | None:
    """The part of a video that has gone by at the moment that a question names in words.

    >>> [share_of_video(f"what is shown {when}?") for when in ("at the end", "at the start", "halfway through", "now")]
    [1.0, 0.0, 0.5, None]
    """
    if _MIDDLE.search(question):
        return 0.5
    found = _END.search(question)
    return None if found is None else float(found["edge"].casefold() in ("end", "close"))


def _seconds(text: str) -> float:
    return sum(60.0**power * int(part) for power, part in enumerate(reversed(text.split(":"))))


def _point_seconds(text: str) -> float:
    """A clock's time, or a number of minutes."""
    return _seconds(text) if ":" in text else 60.0 * int(re.sub(r"\D", "", text))


def alternatives(topic: str) -> list[str]:
    """The topics between the words "or" and "vs", and between those of "both X and Y", or of two names joined by "and".

    >>> alternatives("either UMAP, PCA or ICA"), alternatives("to be or not to be an expert in it"), alternatives("or")
    (['UMAP', 'PCA', 'ICA'], ['to be or not to be an expert in it'], ['or'])
    >>> alternatives("both UMAP and PCA"), alternatives("bread and butter")
    (['UMAP', 'PCA'], ['bread and butter'])
    >>> alternatives("PCA and t-SNE"), alternatives("Freezing and releasing")
    (['PCA', 't-SNE'], ['Freezing and releasing'])
    """
    both = re.match(r"^both\s+", topic, re.IGNORECASE)
    text = topic[both.end() :] if both else re.sub(r"^either\s+", "", topic, flags=re.IGNORECASE)
    pair = _TWO_NAMES.fullmatch(text)
    if pair and any(_NAME.search(name) for name in pair.groups()):
        return list(pair.groups())
    *earlier, last = re.split(r",?\sand\s" if both else r",?\s(?:or|vs\.?|versus)\s", text)
    parts = [part.strip() for part in (*(one for some in earlier for one in some.split(",")), last)]
    return parts if all(part and len(part.split()) <= _MOST_WORDS for part in parts) else [topic]


def stands_for(short: str, title: str) -> bool:
    """Whether neighbouring words of a title begin with the letters of an abbreviation.

    >>> stands_for("PCA", "Principal Component Analysis"), stands_for("PCAs", "Principal components")
    (True, False)
    """
    letters = short.removesuffix("s").upper()
    if not (2 <= len(letters) <= 6 and letters.isalpha() and short.removesuffix("s").isupper()):
        return False
    initials = "".join(word[0] for word in re.findall(r"[^\W\d_]+", title)).upper()
    return letters in initials
