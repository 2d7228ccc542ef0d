"""What a question asks for: a time, a yes or no, or words; and about what. Pure rules, English.

The rules only choose how the answer is found and phrased. Whatever they do not understand is asked as it stands.
"""

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["time", "yes-no", "outline", "open"]

_POLITE = re.compile(
    r"^(?:(?:please|hi|hello|hey|so|ok|okay|and|well)\b[\s,!.]*|(?:can|could|would|will)\s+you\s+(?:please\s+)?(?:tell|show|give)\s+(?:me|us)\s+"
    r"|(?:tell|show)\s+(?:me|us)\s+|(?:i\s+(?:want|would\s+like|'d\s+like)\s+to\s+know|do\s+you\s+know)\s+)+"
    r"(?=(?:when|where|what|which|who|how|why|at|is|are|does|do)\b)",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"[\"“”«»„‟]\s*([^\"“”«»„‟\s][^\"“”«»„‟]*)[\"“”«»„‟]")
_TIME = re.compile(
    r"^(?:(?:at|in|on|from|until)\s+)?"
    r"(?:when(?:abouts)?|where(?:abouts)?|(?:what|which)\s+(?:time|point|moment|minute|part|place|slide|second)s?(?:\s+of\s+(?:the\s+)?"
    r"(?:video|lecture|talk|film))?|how\s+(?:late|early|soon|long|far\s+in)|timestamps?(?:\s+(?:of|for))?)\b[\s,:]*",
    re.IGNORECASE,
)
_YES_NO = re.compile(
    r"^(?:is|are|was|were|does|do|did|has|have|can|could|will)\s+(?:there\s+(?:a\s+|an\s+|any\s+|some\s+)?(?:(?:slide|part|thing|"
    r"something|anything|mention|word)\s+(?:of|on|about|called|titled|with)\s+)?)?",
    re.IGNORECASE,
)
_OUTLINE = re.compile(
    r"^(?:(?:please|can\s+you|give|show|me|make|write|list|name|tell|what|which|are|is|a|an|the|all|of)\s+)*"
    r"(?:outline|table\s+of\s+contents|contents|chapters|topics|titles|headings|sections|slides)\b"
    r"(?!\s+(?:about|on|for|with|called|titled|that|explain\w*|show\w*|discuss\w*|mention\w*|cover\w*|treat\w*|introduce\w*)\b)"
    r"|^summari[sz]e\b|^what\s+(?:is|does\s+\w+|do\s+\w+)\s+cover(?:ed)?\b",
    re.IGNORECASE,
)
_ASKS_FOR_A_VIEW = re.compile(
    r"^(?:what|which|who|whose|whom|why|how|list|read|describe|summari[sz]e|tell|name|title)\b", re.I
)
_HELPERS = re.compile(
    r"^(?:(?:is|are|was|were|does|do|did|will|would|can|could|has|have|had)\s+)?"
    r"(?:(?:the\s+)?(?:speaker|lecturer|teacher|presenter|professor|video|lecture|talk|film|slides?|they|he|she|it|we|you|i)\s+)?"
    r"(?:(?:start|begin|stop|finish)s?\s+(?:to\s+)?)?"
    r"(?:(?:(?:talk|speak|tell|learn|hear|read)(?:s|ing|ed)?\s+(?:us\s+)?(?:about|of)|(?:mention|say|discuss|explain|introduce|show|"
    r"cover|present|define)(?:e?s|ing|e?d)?|see|find)\b)?\s*(?:\bthere\s+(?:a\s+|an\s+)?(?:slide|part)\s+(?:on|about)\s+)?",
    re.IGNORECASE,
)
_ENDING = re.compile(
    r"\s+(?:(?:is|are|was|were|be|been|being|get|gets|first|finally|actually|ever|again|also|next)\s+)*"
    r"(?:introduced|explained|discussed|mentioned|shown|show|covered|presented|defined|described|displayed|visible|seen|said|taught|"
    r"treated|named|on\s+(?:the\s+)?(?:screen|slides?|display)|appear(?:s|ed|ing)?|come(?:s)?\s+up|came\s+up|start(?:s|ed)?|"
    r"begin(?:s)?|began|happen(?:s|ed)?|end(?:s|ed)?|in\s+(?:the|this)\s+(?:video|lecture|talk|film))$",
    re.IGNORECASE,
)
_ARTICLE = re.compile(
    r"^(?:the|a|an|something\s+about|anything\s+about|about)\s+"  # in small letters: "The" may begin a title
    r"(?:(?:topic|slide|section|part|word|term|chapter|heading|title)\s+(?:of|on|about|called|titled|named)\s+)?"
)


@dataclass(frozen=True, slots=True)
class Understood:
    """A question taken apart; topic is None where it names none."""

    kind: Kind
    topic: str | None


def understand(question: str) -> Understood:
    """Kind and topic of a question.

    >>> understand("When is backprop introduced?")
    Understood(kind='time', topic='backprop')
    >>> understand('Is there a slide about "Gradient Descent"?')
    Understood(kind='yes-no', topic='Gradient Descent')
    >>> understand("Can you tell me when PCA is introduced?")
    Understood(kind='time', topic='PCA')
    >>> understand("list the topics").kind
    'outline'
    >>> understand("What is the title?")
    Understood(kind='open', topic=None)
    """
    text = _POLITE.sub("", " ".join(question.split()).rstrip("?!. "))
    if _OUTLINE.match(text):
        return Understood("outline", None)
    quoted = _QUOTED.search(text)
    time = _TIME.match(text)
    if time:
        return Understood("time", quoted[1].strip() if quoted else _topic(text[time.end() :]))
    yes_no = _YES_NO.match(text)
    if yes_no:
        return Understood("yes-no", quoted[1].strip() if quoted else _topic(text[yes_no.end() :]))
    if quoted:
        return Understood("open", quoted[1].strip())
    if _ASKS_FOR_A_VIEW.match(text) or not text:
        return Understood("open", None)
    return Understood("time" if len(text.split()) <= 6 else "open", text if len(text.split()) <= 6 else None)


def _topic(rest: str) -> str | None:
    """What is left of a question when its helping words are gone."""
    helper = _HELPERS.match(rest)
    text = rest[helper.end() :] if helper else rest
    shorter = _ENDING.sub("", " " + text).strip()
    while shorter != text:
        text, shorter = shorter, _ENDING.sub("", " " + shorter).strip()
    without = re.sub(r"^['‘](.+)['’]$", r"\1", _ARTICLE.sub("", text).strip())
    return without or text or None
