"""What a question asks for: a time, a yes or no, a number, an order, or words; and about what. Pure rules, English.

The rules only choose how the answer is found and phrased. Whatever they do not understand is asked as it stands.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from vamba_cli.results import Evidence
from vamba_cli.tasks.moments import limited
from vamba_cli.tasks.order_questions import of_order_or_number
from vamba_cli.tasks.topics import PREPOSITION, VIDEO, plain, topic_of
from vamba_cli.tasks.understood import Kind, Understood
from vamba_cli.timecode import clock

_GO = re.compile(
    r"^(?:please\s+)?(?:(?:can|could)\s+you\s+)?(?:please\s+)?(?:(?:i['’]m\s+|i\s+am\s+)?(?:looking|searching|search|look)\s+for|find(?:\s+me)?|(?:take|bring)\s+me\s+to|(?:show|give)\s+(?:me|us)|i\s+(?:want|would\s+like|wanna|need)\s+to\s+(?:see|watch|go\s+to|find)"
    r"|(?:go|jump|skip|seek)\s+to)\s+(?=\S)",
    re.IGNORECASE,
)
_FURTHER = re.compile(r"^and\s+(?=\S)")  # in small letters: "And then?" may be a title
_WHAT_ABOUT = re.compile(r"^(?:and\s+)?(?:what|how)\s+about\s+(?=\S)", re.IGNORECASE)
_QUOTED = re.compile(r"[\"“”«»„‟]\s*([^\"“”«»„‟\s][^\"“”«»„‟]*)[\"“”«»„‟]")
_TIME = re.compile(
    r"^(?:(?:at|in|on|from|until)\s+)?"
    r"(?:when(?:abouts)?(?:\s+(?:to|until|till)\s+when)?|where(?:abouts)?|(?:what|which)\s+(?:time|point|moment|minute|part|place|slide|second)s?(?:\s+of\s+(?:the\s+)?"
    r"(?:video|lecture|talk|film))?|between\s+(?:what|which)\s+(?:times?|minutes?|seconds?)|how\s+(?:late|early|soon|far\s+in|long)(?:\s+(?:does\s+it\s+take\s+)?(?:until|till|before))?|timestamps?(?:\s+(?:of|for))?)\b[\s,:]*",
    re.IGNORECASE,
)
_WHILE = re.compile(
    r"^what\s+(?:is|was|do\s+(?:we|you|i)\s+see)\s+(?:(?:shown|on\s+(?:the\s+)?screen|visible|displayed|on\s+the\s+slides?)\s+)?(?:when|while)\s+(?=(?:they|he|she|we|it|the)\s)",
    re.IGNORECASE,
)
_ON = re.compile(r"^((?:is|are|was|were)\s.*\S)\s+on$", re.IGNORECASE)  # "when is the outline on?"
_END = re.compile(
    r"^(?:until|till)\s+when\b|^when\s+(?:is|does|do|did|will)\s.*(?<!\sand)\s(?:end|stop|finish|over)$", re.IGNORECASE
)
_WAIT = re.compile(r"^how\s+long\b.*?\s(?:until|till|before)\s", re.IGNORECASE)
_YES_NO = re.compile(
    rf"^(?:is|are|was|were|does|do|did|has|have|can|could|will)\s+(?:{VIDEO}\s+(?:all\s+)?about\s+|there\s+(?:a\s+|an\s+|any\s+|some\s+|no\s+)?(?:(?:slide|part|thing|"
    r"something|anything|nothing|mention|word)\s+(?:of|on|about|called|titled|with|comparing|explaining|showing|describing|mentioning|introducing|covering"
    r"|(?:that|which)\s+(?:explain|show|describe|mention|introduce|cover|discuss|define|compare|contain|say|ha|deal|talk|speak|include)(?:s|es|ed)?(?:\s+(?:about|of|with))?)\s+)?)?",
    re.IGNORECASE,
)
_ANY = re.compile(
    r"^(?:(?:if|whether)\s+)?(?:(?:there\s+is|there['’]s)\s+)?any(?:thing|\s+\w+)?\s+(?:(?:said|shown|here|there|in\s+(?:here|there))\s+)?"
    r"(?:about|on|of|with|regarding)\s+(?=\S)|^(?:if|whether|any)\s+(?=\S)",
    re.IGNORECASE,
)
_OUTLINE = re.compile(
    r"^(?!(?:is|are)\b)(?:(?:please|can\s+you|give|show|me|make|write|list|name|tell|what|which|are|is|a|an|the|all|of|main|key|most|important|major)\s+)*"
    r"(?:outline|table\s+of\s+contents|contents|(?:title|heading)s?\s+of\s+(?:every|each|all)|everything(?:\s+(?:that\s+is\s+)?(?:shown|on\s+(?:the\s+)?screen|covered))?$|chapter\s+(?:marks?|list)|time\s?stamps(?=$)|chapters|topics|titles|headings|sections|slides)\b"
    r"(?!\s+(?:(?:is|are|was|were)\s+(?=about|on\b|called|titled|named|with\b))?(?:about|on|for|with|called|titled|that|explain\w*|show\w*|discuss\w*|mention\w*|cover\w*|treat\w*|introduce\w*"
    r"|talk\w*|speak\w*|contain\w*|include\w*|say\w*|deal\w*|have|has|use\w*)\b|\s+(?:are|were|is|was)\s+(?:shown\s+)?(?:only|just|twice|briefly|more)\b)"
    r"|^summari[sz]e(?:\s+(?:the|this|that|your|whole|entire|everything|all|it|briefly|shortly|quickly|please|for\s+me|in\s+\w+(?:\s+\w+)?|video|lecture|talk|film|movie|presentation|clip|recording"
    r"|session|deck|slides|contents?|main|key|points|ideas|topics))*$|^(?:(?:give|make|write)\s+(?:me\s+)?)?(?:an?\s+)?(?:short\s+|brief\s+|quick\s+)?(?:summary|overview)\b|^what\s+(?:is|does\s+\w+|do\s+\w+)\s+cover(?:ed)?\b|^what\s+(?:did|do|have|would|will)\s+(?:i|we)\s+miss(?:ed)?\b",
    re.IGNORECASE,
)
_ASKS_FOR_A_VIEW = re.compile(
    r"^(?:what|which|who|whose|whom|why|how|list|read|describe|summari[sz]e|tell|name|title)\b", re.I
)
_SLIDE_ABOUT = re.compile(r"^(?:the\s+)?(?:slide|page|part)\s+(?:about|on|with|called|titled|named)\s", re.IGNORECASE)
_MOST_TOPIC_WORDS = 6  # of what is no question, but may be a topic
_SLIDES = re.compile(r"\b(?:slides|pages|parts)\b", re.IGNORECASE)
_ENDS_AS_A_QUESTION = re.compile(
    r"\s(?:mentioned|shown|covered|discussed|explained|there|in\s+(?:here|there))$", re.IGNORECASE
)
# of the video or who speaks; no topic, and nothing that slides tell
_OPINION = re.compile(
    rf"^(?:is|was|are|were)\s+(?:{VIDEO}|(?:the|this)\s+(?:course|class|speaker|lecturer|teacher|presenter|professor))\s+"
    r"(?:(?:an?|any|so|very|too|really|quite|rather|well)\s+)*"
    r"(?:boring|dull|dry|good|bad|great|interesting|exciting|useful|helpful|fun|funny|clear|confusing|hard|difficult|easy|worth|recommended)"
    rf"(?:\s+(?:to\s+(?:watch|see|follow|understand)|watching|seeing|it|my\s+time|(?:for|to)\s+\w+|enough|{VIDEO}|course|class))*$"
    rf"|^(?:(?:do|did|would)\s+you\s+(?:like|recommend|enjoy)|should\s+i\s+(?:watch|see))\s+{VIDEO}$",
    re.IGNORECASE,
)
_OPENINGS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("time", _WHAT_ABOUT), ("time", _TIME), ("time", _WHILE), ("time", _GO), ("yes-no", _YES_NO), ("yes-no", _ANY),
)  # fmt: skip


def understand(question: str) -> Understood:
    """Kind and topic of a question.

    >>> understand("When is backprop introduced?")
    Understood(kind='time', topic='backprop', number=0, others=(), stretch='', bound='')
    >>> understand('Is there a slide about "Gradient Descent"?')
    Understood(kind='yes-no', topic='Gradient Descent', number=0, others=(), stretch='', bound='')
    >>> understand("Which comes first, PCA or t-SNE?")
    Understood(kind='sooner', topic='PCA', number=1, others=('t-SNE',), stretch='', bound='')
    >>> understand("is PCA shown in the first two minutes?").stretch
    'in the first two minutes'
    >>> [understand(text).kind for text in ("list the topics", "how many slides mention PCA?", "What is the title?")]
    ['outline', 'count', 'open']
    """
    text, stretch = limited(plain(question))
    quoted = _QUOTED.search(text)
    found = replace(of_order_or_number(text) or _of_a_kind(text), stretch=stretch)
    if found.topic and found.others:
        return replace(found, topic=_unquoted(found.topic), others=tuple(map(_unquoted, found.others)))
    if quoted and found.kind != "outline":
        number = found.number if found.topic else 0  # of the topic, or of a slide
        alone = quoted[0] == text  # a phrase in quotation marks and no question
        return replace(found, kind="open" if alone else found.kind, topic=quoted[1].strip(), number=number, others=())
    return found


def edge_of(question: str, spans: Sequence[Evidence]) -> str:
    """What comes before the spans of a topic, where a question asks when it ends or how long it takes to come.

    >>> edge_of("until when is PCA shown?", [Evidence(5.0, 9.0, 1.0), Evidence(2.0, 4.0, 1.0)])
    'Until 0:09: '
    >>> edge_of("how long until PCA starts?", [Evidence(5.0, 9.0, 1.0)]), edge_of("when is PCA?", [])
    ('After 0:05: ', '')
    """
    text = plain(question)
    if _END.match(text):
        return f"Until {clock(max(span.end_seconds for span in spans))}: "
    return f"After {clock(min(span.start_seconds for span in spans))}: " if _WAIT.match(text) else ""


def _unquoted(topic: str) -> str:
    quoted = _QUOTED.fullmatch(topic)
    return quoted[1].strip() if quoted else topic


def _of_a_kind(text: str) -> Understood:
    """Questions of when, whether, and what; and phrases that are no question."""
    if _OPINION.match(text):
        return Understood("open", None)
    if _OUTLINE.match(text):
        return Understood("outline", None)
    for kind, pattern in _OPENINGS:
        opening = pattern.match(text)
        if opening:
            topic = topic_of(_ON.sub(r"\1", text[opening.end() :]))
            if topic and _SLIDES.search(opening[0]):  # "which slides are on PCA?"
                topic = PREPOSITION.sub("", topic)
            return Understood(kind, topic)
    if _ASKS_FOR_A_VIEW.match(text) or not text:
        return Understood("open", None)
    text = _FURTHER.sub("", text)
    if _ENDS_AS_A_QUESTION.search(text):  # "UMAP mentioned?"
        return Understood("yes-no", topic_of(text))
    topic = (topic_of(text) if _SLIDE_ABOUT.match(text) else text) or text
    return Understood("time", topic) if len(topic.split()) <= _MOST_TOPIC_WORDS else Understood("open", None)
