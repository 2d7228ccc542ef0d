"""What an open question wants of a model that only reads slides: a title, words, or more than it can. Pure.

>>> wish("What is this lecture about?"), wish("what does the slide say?"), wish("who is he?")
('about', 'text', None)
>>> subject("How does UMAP work?"), subject("what are the advantages of UMAP over t-SNE"), subject("who is he?")
('UMAP', 'UMAP', None)
>>> subject("which sequencing methods are shown?"), subject("what is shown?"), subject("which slides are shown?")
('sequencing methods', None, None)
"""

import re
from typing import Literal

from vamba_cli.tasks.order_questions import slide_to_read
from vamba_cli.tasks.topics import COUNTS, UNIT, VIDEO, plain

Wish = Literal["title", "text", "about", "names"]

_TWO_NAMES, _NAME = re.compile(r"(\S+) and (\S+)"), re.compile(r"\S[A-Z]|\w-[A-Z]|\d")
_MOST_WORDS = 4  # of a topic that is named beside another one

_TEXT = re.compile(
    r"\b(?:written|writing|bullets?|words)\b|^read\b|\b(?:to|be|i|we|you|they)\s+read\b|^summari[sz]e\b|^what\s+is\s+on\s+(?:the\s+)?(?:slide|page)s?\s+(?:about|on|with|called|titled|named)\s|\b(?:slides?|screen|it|page)\s+says?\b|\bwhat\s+says\b"
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
    r"|^describe\s+(?:this|the)\s+(?:video|lecture|talk|film|slide|picture|image)$"
    rf"|^(?:what|how)\s+is\s+(?:{VIDEO}|(?:this|the)\s+(?:course|class))\s+(?:called|named|titled)$|^what\s+is\s+the\s+name\s+of\s+(?:{VIDEO}|(?:this|the)\s+(?:course|class))$"
    r"|^(?:which|what)\s+(?:course|class|lecture|talk|video|tutorial|presentation)\s+is\s+(?:this|it)$",
    re.IGNORECASE,
)
_PEOPLE = r"(?:authors?|speakers?|lecturers?|presenters?|teachers?|professors?|instructors?)"
_WORK = rf"(?:{VIDEO}|(?:the|this|these|those|your)\s+(?:slides?|course|class|lesson)|here)"
_NAMES = re.compile(
    rf"^who(?:\s+(?:is|are|was|were))?\s+(?:the\s+|this\s+|your\s+)?{_PEOPLE}(?:\s+(?:of|in)\s+{_WORK})?$"
    r"|^who\s+(?:(?:is|are|was|has)\s+)?(?:wrote|written|made|created|prepared|gives?|gave|given|giving|holds?|held|presents?|presented|presenting"
    rf"|teaches|taught|teaching|speaks?|speaking|talks?|talking)(?:\s+{_WORK})?$"
    rf"|^what\s+is\s+the\s+(?:name\s+of\s+the\s+{_PEOPLE}|{_PEOPLE}\s+called|{_PEOPLE}['’]s\s+name)$",
    re.IGNORECASE,
)
_COMPARED = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"^(?:(?:he|she|they|we|you)\s+)?(?:(?:compare[sd]?|comparing|contrast(?:s|ed|ing)?)\s+"
        r"|(?:(?:what|which)\s+(?:is|are|was|were)\s+|(?:explain|describe|show)\s+(?:me\s+)?)?(?:the\s+|an?\s+)?(?:main\s+)?(?:differences?|comparisons?)\s+(?:between|of)\s+)"
        r"(?P<one>.+?)\s+(?:and|with|to|against|versus|vs\.?)\s+(?P<other>.+)$",
        r"^how\s+(?:do|does|did)\s+(?P<one>.+?)\s+(?:compare|differ)\s+(?:to|with|from)\s+(?P<other>.+)$",
        r"^how\s+(?:do|does|did)\s+(?P<one>.+?)\s+and\s+(?P<other>.+?)\s+(?:compare|differ)$",
        r"^(?:(?:when|where)\s+(?:is|are|was|were)\s+)?(?P<one>.+?)\s+(?:and|with|to|against)\s+(?P<other>.+?)\s+(?:being\s+)?compared$",
    )
)
_SUBJECTS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"^(?:read|what\s+do(?:es)?)\s+(?:me\s+)?(?:the\s+)?(?:slides?|pages?)\s+(?:about|on|with|called|titled|named|mentioning|containing|showing)\s+(?P<topic>.+?)(?:\s+says?)?$",
        r"^(?:read|what\s+does)\s+(?:me\s+)?(?:the\s+)?(?P<topic>(?!(?:the|this|that|each|every|whole|entire|last|first|next|title|opening|closing|current|second|third|fourth|fifth)\b|\d)\w.*?)\s+"
        r"(?:slide|page)(?:\s+says?)?$",
        r"^read\s+(?:me\s+)?(?:the\s+)?slide\s+(?P<topic>(?!(?:no|number|at|on|in|of|from|before|after|behind|that|which|where|when|with|about|called|titled|named|and|or|out|aloud|to|please|for|by|again|here|now|next|carefully|slowly"
        rf"|titles?|text|headings?|{'|'.join(COUNTS)})\b|\d)\S.*)$",
        r"^what(?:\s+is|\s+does|\s+stands)\s+(?:written\s+|it\s+say\s+)?(?:on|in)\s+(?:the\s+)?(?:slide|page)s?\s+(?:about|on|with|called|titled|named)\s+(?P<topic>.+)$",
        r"^read\s+(?:me\s+|out\s+|(?:the\s+)?(?:text|part|words?)\s+(?:about|on|of)\s+)*"
        r"(?P<topic>(?!(?:it|this|that|what|everything|all|more|on|out|me|slides?|pages?\s+\d+|text|title|\d+|(?:the|a)\s+(?:title|heading|text|slides?|page|screen|whole|words?|first|last|next|bullets?))\b)\S.*)$",
        r"^(?:what|which)\s+(?:is|are|was|were)\s+(?:the\s+)?(?:\w+\s+){0,2}?(?:advantages?|disadvantages?|benefits?|drawbacks?|limits?"
        r"|limitations?|purpose|point|idea|goal|role|meaning|definition|difference|differences|steps?|types?|kinds?|uses?|parts?"
        r"|properties|assumptions|results?)\s+(?:of|behind|for|between|in)\s+(?P<topic>.+?)(?:\s+(?:over|against|and|versus|vs)\s+.+)?$",
        r"^how\s+(?:does|do|did|can|is|are|to)\s+(?P<topic>.+?)(?:\s+(?:work|works|done|computed|calculated|used|made|defined|function|be\s+\w+))$",
        r"^how\s+(?:do|does|can|could|should|would|to)\s+(?:i|you|we|one|they)\s+(?P<topic>.+)$",
        r"^why\s+(?:is|are|does|do|did|was|were)\s+(?P<topic>.+?)(?:\s+(?:important|useful|needed|used|good|bad|work|fail|necessary))$",
        rf"^summari[sz]e\s+(?:(?:the\s+)?(?:part|{UNIT})\s+(?:about|on|of|with|called|titled|named)\s+)?(?P<topic>\S.*)$",
        r"^what\s+(?:should|must|do|can|could)\s+(?:i|we|you|one)\s+(?:have\s+to\s+|need\s+to\s+)?(?:know|learn|remember|understand)\s+(?:about|of|from)\s+(?P<topic>.+)$",
        r"^(?:explain|define|describe|tell\s+(?:me|us)\s+(?:more\s+|something\s+)?about)\s+(?P<topic>.+)$",
        r"^what\s+(?:does|do|is|was|did)(?:\s+\w+){0,2}?\s+(?:said|say|says|tell\s+us|told|explain)\s+about\s+(?P<topic>.+)$",
        rf"^(?:which|what)\s+(?!{UNIT}\b|is\b|are\b|does\b|do\b|was\b|else\b|other\b|time\b|one\b)(?P<topic>\S.*?)\s+(?:is|are|was|were)\s+"
        r"(?:shown|mentioned|named|listed|covered|discussed|presented|explained|used|needed|there|introduced)(?:\s+(?:to|for|in|by)\s+.+)?$",
        rf"^(?:which|what)\s+(?!{UNIT}\b|is\b|are\b|does\b|do\b|else\b|other\b|time\b|one\b)\w+\s+(?:does|do|did|can)\s+(?P<topic>\S.*?)\s+"
        r"(?:have|has|use|need|take|require|offer|support|provide|contain)$",
        r"^what\s+(?:is|are|was)\s+(?P<topic>\S.*?)\s+(?:all\s+)?about$",
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
# what makes a question one for a certain slide, which the first is not
_CERTAIN = re.compile(
    r"\d|\b(?:longest|shortest|everything|all|more|most|least|half|middle|third|quarter|often|between|while|when|whenever|during|every|each|last|next|then|before|after)\b",
    re.I,
)


def wish(question: str) -> Wish | None:
    """Whether a title, the words of a slide or the title page would answer an open question; None where none would.

    >>> wish("read the title"), wish("read the slide"), wish("which course is this?"), wish("what is PCA called?")
    ('title', 'text', 'title', None)
    >>> wish("who gives this talk?"), wish("what is the author's name?"), wish("who made the first computer?")
    ('names', 'names', None)
    """
    text = plain(question)
    if _NAMES.match(text):
        return "names"
    if _READ_TITLE.match(text):
        return "title"
    if _TEXT.search(text) or slide_to_read(text):
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
    >>> compared("UMAP and t-SNE compared"), compared("how does UMAP compare to t-SNE?"), compared("comparing apples")
    (['UMAP', 't-SNE'], ['UMAP', 't-SNE'], [])
    """
    text = plain(question)
    found = next(filter(None, (pattern.match(text) for pattern in _COMPARED)), None)
    topics = [_ARTICLE.sub("", name).strip() for name in found.groups()] if found else []
    return topics if all(0 < len(topic.split()) <= _MOST_WORDS for topic in topics) else []


def wants_the_first(question: str) -> bool:
    """Whether the first slide would answer a question for what is shown; not if it says which one.

    >>> wants_the_first("what is shown?"), wants_the_first("what is shown for the longest time?")
    (True, False)
    """
    return _CERTAIN.search(plain(question)) is None


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
    *earlier, last = re.split(r",?\sand\s" if both else r",?\s(?:or|vs\.?|versus|compared\s+(?:to|with))\s", text)
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
