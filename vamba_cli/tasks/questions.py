"""What a question asks for: a time, a yes or no, a number, an order, or words; and about what. Pure rules, English.

The rules only choose how the answer is found and phrased. Whatever they do not understand is asked as it stands.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

Kind = Literal["time", "yes-no", "outline", "duration", "count", "after", "before", "nth", "sooner", "open"]

_POLITE = re.compile(
    r"^(?:(?:please|hi|hello|hey|so|ok|okay|and|well|um|now|sorry|thanks)\b[\s,!.]*(?:there\b[\s,!.]*)?"
    r"|(?:can|could|would|will)\s+you\s+(?:please\s+)?(?:tell|show|give|find)\s+(?:me|us)\s+(?:out\s+)?"
    r"|(?:tell|show)\s+(?:me|us)\s+"
    r"|(?:i\s+(?:want|would\s+like|wanna|need)|i['’]d\s+like)\s+to\s+(?:know|see|find)\s+(?:out\s+)?|(?:i\s+wonder|do\s+you\s+know|any\s+idea)\s+)+"
    r"(?=(?:when|where|what|which|who|how|why|at|is|are|does|do|if|whether|any\w*)\b)",
    re.IGNORECASE,
)
_THANKS = re.compile(r"(?:\s+(?:please|pls)|,\s*(?:please|pls|thanks|thank\s+you|thx))$", re.IGNORECASE)
_GO = re.compile(
    r"^(?:please\s+)?(?:(?:can|could)\s+you\s+)?(?:please\s+)?(?:(?:i['’]m\s+|i\s+am\s+)?(?:looking|searching|search|look)\s+for|find(?:\s+me)?|(?:take|bring)\s+me\s+to|(?:show|give)\s+(?:me|us)"
    r"|(?:go|jump|skip|seek)\s+to)\s+(?=\S)",
    re.IGNORECASE,
)
_UNIT = r"(?:slides?|pages?|titles?|headings?|topics?|sections?|chapters?|scenes?|screens?)"
_VIDEO = (
    r"(?:(?:this|the|that|your)\s+)?(?:whole\s+)?"
    r"(?:video|lecture|talk|film|movie|presentation|clip|recording|session|deck|it|this)"
)
_DURATION = re.compile(
    r"^(?:for\s+)?how\s+(?:long|much\s+time|many\s+(?:minutes|seconds))\b"
    r"(?!\s+(?:into|until|till|before|does\s+it\s+take\s+(?:until|till|before)))\s*",
    re.IGNORECASE,
)
_LASTING = re.compile(
    r"\s+(?:(?:is|are|was|were|stays?|remains?|kept|left|on)\s+)*(?:lasts?|take|takes|run|runs|stays?|remains?|up|spent|spend"
    r"|on\s+(?:the\s+)?(?:screen|slides?|display))$",
    re.IGNORECASE,
)
_SPENT = re.compile(
    r"^(?:(?:is|are|was|were|do|does|did)\s+)?(?:(?:the\s+)?\w+\s+)?(?:spent|spends?)\s+(?:on|with|about|talking\s+about)\s+",
    re.IGNORECASE,
)
_COUNT = re.compile(
    rf"^(?:how\s+(?:many(?:\s+times)?|often)|(?:the\s+)?number\s+of(?=\s+{_UNIT}))\b\s*(?:(?:different\s+)?{_UNIT}\b\s*)?",
    re.IGNORECASE,
)
_COUNTED = re.compile(
    rf"^(?:(?:are|is|were|was|does|do|did|has|have)\s+)?(?:there\s*|{_VIDEO}\s+(?:has|have|had|contains?)\b\s*|{_VIDEO}\s+(?:in|of)\b\s*)?"
    rf"(?:(?:that|which)\s+)?(?:(?:mention|show|contain|cover|explain|discuss|name|include|have|say|treat)(?:s|ing|ed)?\s+"
    rf"|(?:(?:are|is|talk|speak|deal)(?:s|ing)?\s+)?(?:about|on|with|called|titled|named)\s+|(?:in\s+)?{_VIDEO}$)?",
    re.IGNORECASE,
)
_ORDER = re.compile(
    rf"^(?:and\s+)?(?:(?:what|which)(?:['’]s|\b)(?:\s+{_UNIT})?|whats)(?:\s+(?:is|are|was|were|do|does|did|will|they|we|he|she|you|the|a|speaker|lecturer|comes?|came"
    rf"|coming|happens?|happened|follows|followed|shown|show|discuss(?:ed)?|explain(?:ed)?|covered|cover|treated|there|next|right|just|directly|immediately|straight"
    rf"|on|screen|see|{_UNIT}|thing|one))*\s+(?P<order>after|before|follows?|following|precedes?|preceding)\s+"
    rf"(?:(?:the\s+)?(?:slide|page|part|section|chapter|title|topic|one)\s+(?:about|on|of|called|titled|named|with)\s+)?(?P<topic>.+)$",
    re.IGNORECASE,
)
_ORDINALS = (
    "first opening beginning start title cover", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth",
    "ninth", "tenth",
)  # fmt: skip
_NUMBERS = {word: number for number, words in enumerate(_ORDINALS, 1) for word in words.split()} | dict.fromkeys(
    ("last", "final", "closing", "end"), -1
)
_LISTED = re.compile(
    r"^(?:list|show|find|name|give)\s+(?:me\s+)?(?:all\s+)?(?:of\s+)?(?:the\s+)?(?:(?:slides?|pages?)\s+(?:(?:that|which)\s+)?(?:are\s+)?"
    r"(?:about|on|with|of|for|called|titled|named|mention(?:s|ing)?|show(?:s|ing)?|contain(?:s|ing)?)\s+(?P<topic>.+)"
    r"|(?P<bare>(?!(?:me|the|this|that|last|first|next|final|title|all|every|each|\d+)\b)\S.*?)\s+slides)$",
    re.IGNORECASE,
)
_MENTION = re.compile(
    r"^(?:when|where|at\s+what\s+time)\s+(?:is|are|was|were|does|do|did)\s+(?P<topic>.+?)\s+(?:(?:mentioned|shown|named|seen|appear|come\s+up)\s+)?"
    r"(?P<edge>first|last|for\s+the\s+(?:very\s+)?(?:first|last)\s+time|the\s+(?:first|last)\s+time|finally)(?:\s+(?:mentioned|shown|named|seen|appear|come\s+up))?$",
    re.IGNORECASE,
)
_SHOWN = r"(?:shown|introduced|explained|mentioned|covered|discussed|presented|treated|come|appear)"
_WHICH_FIRST = re.compile(
    rf"^(?:what|which)(?:['’]s)?(?:\s+{_UNIT}|\s+one|\s+of\s+them)?(?:\s+(?:is|was|comes|came|appears|{_SHOWN}))*\s+(?P<edge>first|earlier|sooner|last|later)"
    rf"(?:\s+{_SHOWN})?\s*[,:]?\s+(?P<one>[^,]+?),?\s+or\s+(?P<other>.+)$",
    re.IGNORECASE,
)
_IS_BEFORE = re.compile(
    rf"^(?:is|are|was|were|does|do|did)\s+(?!there\b|any|.*\bwhat\b)(?P<one>\S.*?)(?<!\sor)\s+(?:{_SHOWN}\s+)?(?P<edge>before|earlier\s+than|after|later\s+than)\s+"
    r"(?P<other>(?!\d|minute\b|or\b|the\s+(?:end|beginning|start|middle|break|first|last)\b)\S.*)(?<!shown|cover)(?<!mentioned|explained|discussed)(?<!introduced)$",
    re.IGNORECASE,
)
_LAST = re.compile(r"\b(?:last|finally)\b", re.IGNORECASE)
_WHAT_ABOUT = re.compile(r"^(?:and\s+)?(?:what|how)\s+about\s+(?=\S)", re.IGNORECASE)
_ON_SCREEN = re.compile(r"\b(?:on\s+(?:the\s+)?(?:screen|slides?|display)|shown|visible|up)$", re.IGNORECASE)
_NTH = re.compile(
    rf"^(?:(?:what|which)(?:['’]s|\s+is|\s+was|\s+were|\s+are)?\s+|whats\s+)?(?:on\s+)?(?:shown\s+(?:on|at|in)\s+|the\s+title\s+of\s+)?(?:the\s+)?(?:very\s+)?"
    rf"(?:(?P<word>{'|'.join(sorted(_NUMBERS))})(?:\s+(?:{_UNIT}|thing|one))|(?P<ordinal>\d{{1,3}})(?:st|nd|rd|th)\s+{_UNIT}"
    rf"|(?:slide|page)\s+(?:no\.?\s*|number\s+)?(?P<number>\d{{1,3}}))(?:\s+(?:about|called|titled))?(?:\s+(?:of|in)\s+{_VIDEO})?$"
    rf"|^(?:(?:what|which)(?:\s+{_UNIT})?\s+(?:is|comes|was|came)\s+(?:shown\s+)?(?:at\s+the\s+)?(?P<edge>first|last|end|beginning|start)|how\s+does\s+{_VIDEO}\s+(?P<verb>end|start|begin))"
    rf"(?:\s+of\s+{_VIDEO})?$",
    re.IGNORECASE,
)
_TO_READ = re.compile(
    r"(?:please\s+)?(?:read|what\s+does|what\s+is\s+(?:written\s+)?on)\s+(?:me\s+)?(?P<slide>.+?)(?:\s+says?)?",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"[\"“”«»„‟]\s*([^\"“”«»„‟\s][^\"“”«»„‟]*)[\"“”«»„‟]")
_TIME = re.compile(
    r"^(?:(?:at|in|on|from|until)\s+)?"
    r"(?:when(?:abouts)?|where(?:abouts)?|(?:what|which)\s+(?:time|point|moment|minute|part|place|slide|second)s?(?:\s+of\s+(?:the\s+)?"
    r"(?:video|lecture|talk|film))?|how\s+(?:late|early|soon|far\s+in|long)(?:\s+(?:does\s+it\s+take\s+)?(?:until|till|before))?|timestamps?(?:\s+(?:of|for))?)\b[\s,:]*",
    re.IGNORECASE,
)
_YES_NO = re.compile(
    r"^(?:is|are|was|were|does|do|did|has|have|can|could|will)\s+(?:there\s+(?:a\s+|an\s+|any\s+|some\s+)?(?:(?:slide|part|thing|"
    r"something|anything|mention|word)\s+(?:of|on|about|called|titled|with)\s+)?)?",
    re.IGNORECASE,
)
_ANY = re.compile(
    rf"^(?:(?:if|whether)\s+)?(?:(?:there\s+is|there['’]s)\s+)?any(?:thing|\s+(?:mention|word|talk|{_UNIT}))?\s+(?:(?:said|shown|here|there|in\s+(?:here|there))\s+)?"
    rf"(?:about|on|of|with|regarding)\s+(?=\S)|^(?:if|whether)\s+(?=\S)",
    re.IGNORECASE,
)
_OUTLINE = re.compile(
    r"^(?!(?:is|are)\b)(?:(?:please|can\s+you|give|show|me|make|write|list|name|tell|what|which|are|is|a|an|the|all|of)\s+)*"
    r"(?:outline|table\s+of\s+contents|contents|chapters|topics|titles|headings|sections|slides)\b"
    r"(?!\s+(?:(?:is|are|was|were)\s+(?=about|on\b|called|titled|named|with\b))?(?:about|on|for|with|called|titled|that|explain\w*|show\w*|discuss\w*|mention\w*|cover\w*|treat\w*|introduce\w*"
    r"|talk\w*|speak\w*|contain\w*|include\w*|say\w*|deal\w*|have|has|use\w*)\b)"
    r"|^summari[sz]e\b|^(?:(?:give|make|write)\s+(?:me\s+)?)?(?:a\s+)?(?:short\s+|brief\s+|quick\s+)?summary\b|^what\s+(?:is|does\s+\w+|do\s+\w+)\s+cover(?:ed)?\b",
    re.IGNORECASE,
)
_ASKS_FOR_A_VIEW = re.compile(
    r"^(?:what|which|who|whose|whom|why|how|list|read|describe|summari[sz]e|tell|name|title)\b", re.I
)
_HELPERS = re.compile(
    r"^(?:(?:is|are|was|were|does|do|did|will|would|can|could|has|have|had)\s+)?"
    r"(?:(?:the\s+)?(?:speaker|lecturer|teacher|presenter|professor|video|lecture|talk|film|slides?|they|he|she|it|we|you|i)\s+)?"
    r"(?:(?:ever|even|also|actually)\s+)?(?:(?:start|begin|stop|finish)s?\s+(?:to\s+)?)?"
    r"(?:(?:(?:get|come|turn|switch|move\s+on|go\s+on)s?\s+to|reach(?:es)?)\s+(?=\S))?"
    r"(?:(?:(?:talk|speak|tell|learn|hear|read)(?:s|ing|ed)?\s+(?:us\s+)?(?:about|of)|(?:mention|say|discuss|explain|introduce|show|"
    r"cover|present|define|contain|include)(?:e?s|ing|e?d)?|see|find)\b(?:\s+the\s+words?\b)?)?\s*(?:\bthere\s+(?:a\s+|an\s+)?(?:slide|part)\s+(?:on|about)\s+)?",
    re.IGNORECASE,
)
_ENDING = re.compile(
    r"\s+(?:(?:is|are|was|were|be|been|being|get|gets|first|finally|actually|ever|again|also|next)\s+)*"
    r"(?:introduced|explained|discussed|mentioned|shown|show|covered|presented|defined|described|displayed|visible|seen|said|taught|"
    r"treated|named|appear(?:s|ed|ing)?|come(?:s)?\s+up|came\s+up|start(?:s|ed)?|begin(?:s)?|began|happen(?:s|ed)?|end(?:s|ed)?"
    r"|is|are|was|were)$",
    re.IGNORECASE,
)
_PLACE = re.compile(
    r"(?:\s+(?:is|are|was|were)\s+there|(?:\s+(?:is|are|was|were))?\s+(?:on\s+(?:(?:the|a|any|some)\s+)?(?:screen|slides?|display)|in\s+(?:here|there)|anywhere|at\s+all"
    r"|(?:in|during)\s+(?:the|this|that)\s+(?:video|lecture|talk|film|presentation|slides?|deck)))$",
    re.IGNORECASE,
)
_SLIDES = re.compile(r"\b(?:slides|pages|parts)\b", re.IGNORECASE)
_OF_A_SLIDE = re.compile(r"\bslides?\s+$", re.IGNORECASE)
_PREPOSITION = re.compile(r"^(?:on|about|with|of|called|titled|named)\s+(?=\S)", re.IGNORECASE)
_ARTICLE = re.compile(
    r"^(?:the|a|an|something\s+about|anything\s+about|about)\s+"  # in small letters: "The" may begin a title
    r"(?:(?:topic|slide|section|part|word|term|chapter|heading|title)\s+(?:of|on|about|called|titled|named)\s+)?"
)


_ENDS_AS_A_QUESTION = re.compile(
    r"\s(?:mentioned|shown|covered|discussed|explained|there|in\s+(?:here|there))$", re.IGNORECASE
)
_PRONOUN = re.compile(
    r"(?:and\s+)?(?:(?:right\s+)?(?:after|before|since)\s+)?(?:that|this|those|these|them|it|he|she|they|there|here|then|next|afterwards|before|after)",
    re.IGNORECASE,
)
# What is left where the rules did not know the question: verbs, denials, questions in other languages.
_SENTENCE = re.compile(
    r"\s(?:shown|introduced|explained|mentioned|discussed|covered|comes?|came|says?|said)\b"
    r"|\b(?:before|after|earlier|later)\s+or\s+(?:before|after|earlier|later)\b|\sintro\w+s?ed$|\bwear(?:s|ing)?\b|\bwhether\b|\snot$|\b(?:better|worse|faster|slower|larger|smaller|longer|shorter|more\s\w+|less\s\w+)\s+than\b|^(?:not?|who|why|how|what)\s"
    r"|^(?:wann|wo|wer|wie|was|welche[rs]?|warum|gibt|ist|sind|wird|kommt|quand|où|est|qui|quel(?:le)?s?|combien|y|cuándo|dónde|qué"
    r"|quién|cuántos|cuando|donde|que|quien|cuantos|cómo|como|hay|es|está|quando|dove|cosa|chi|onde)\s",
    re.IGNORECASE,
)
_PICTURE = re.compile(
    r"(?:(?:nice|colou?r(?:ful|ed)|black|white|red|green|blue|yellow|first|second|third|last|big|small|large|long|single|good|real|hand-drawn|animated"
    r"|bar|pie|line|flow|scatter|box|violin|volcano|area|world|circuit|block|tree|stack(?:ed)?)[\s-]*)*"
    r"(?:(?:\w+\s+)?code|photo(?:graph)?|picture|image|drawing|sketch|diagram|chart|graph|graphic|plot|histogram|heat\s?map|figure|illustration|cartoon|comic|icon|logo"
    r"|emoji|map|table|equation|formula|screenshot|animation|arrow|face|person|speaker|lecturer|presenter|teacher|audience|webcam|camera|hand|animal|cat|dog|bird|car|tree)s?"
    r"(?:\s+(?:of|with|from|showing|that|in|on)\s+.+)?|(?:some\s+)?(?:people|(?:wo)?m[ae]n|child(?:ren)?)"
    r"|red|green|blue|yellow|orange|black|white|gr[ae]y|colou?r(?:s|ful)?|dark|bright",
    re.IGNORECASE,
)
_OPENINGS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("time", _TIME), ("time", _GO), ("yes-no", _YES_NO), ("yes-no", _ANY),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Understood:
    """A question taken apart; topic is None where it names none.

    number: of the slide that is asked for, from 1 on, or -1 for the last; 0 where none is.
    other: a second topic, in questions of which comes sooner, or whether the first does (number 1; -1: later).
    """

    kind: Kind
    topic: str | None
    number: int = 0
    other: str | None = None


def understand(question: str) -> Understood:
    """Kind and topic of a question.

    >>> understand("When is backprop introduced?")
    Understood(kind='time', topic='backprop', number=0, other=None)
    >>> understand('Is there a slide about "Gradient Descent"?')
    Understood(kind='yes-no', topic='Gradient Descent', number=0, other=None)
    >>> understand("Which comes first, PCA or t-SNE?")
    Understood(kind='sooner', topic='PCA', number=1, other='t-SNE')
    >>> [understand(text).kind for text in ("list the topics", "how many slides mention PCA?", "What is the title?")]
    ['outline', 'count', 'open']
    """
    text = _THANKS.sub("", " ".join(question.split()).rstrip("?!. "))
    text = re.sub(r"^whats\b", "what's", _POLITE.sub("", text), flags=re.IGNORECASE)
    quoted = _QUOTED.search(text)
    found = _of_order_or_number(text) or _of_a_kind(text)
    if quoted and found.kind != "outline":
        alone = quoted[0] == text  # a phrase in quotation marks and no question
        return Understood("open" if alone else found.kind, quoted[1].strip())
    return found


def is_pronoun(topic: str | None) -> bool:
    """Whether a topic only points to something that was said before."""
    return topic is not None and _PRONOUN.fullmatch(topic) is not None


def is_sentence(topic: str) -> bool:
    """Whether what is taken for a topic is probably a question that the rules do not know.

    >>> is_sentence("UMAP shown before t-SNE"), is_sentence("¿Cuándo se explica UMAP"), is_sentence("Hidden costs")
    (True, True, False)
    """
    return _SENTENCE.search(topic.lstrip("¿¡ ")) is not None


def is_picture(topic: str) -> bool:
    """Whether a topic names a kind of picture, or what only a picture shows, and no words.

    >>> [is_picture(topic) for topic in ("heatmap", "photo of a person", "Bar charts", "decision tree", "graph theory")]
    [True, True, True, False, False]
    """
    return _PICTURE.fullmatch(topic) is not None


def has_latin_letters(topic: str) -> bool:
    """Whether a topic may be written in letters that the small model knows; digits and signs are nobody's.

    >>> [has_latin_letters(topic) for topic in ("UMAP 降维", "反向传播", "обучение", "42 %")]
    [True, False, False, True]
    """
    letters = [character for character in topic if character.isalpha()]
    return not letters or any(unicodedata.name(letter, "").startswith(("LATIN", "GREEK")) for letter in letters)


def _of_order_or_number(text: str) -> Understood | None:
    """Questions of how long, how many, what comes after, and which is the first; None where it is none of them."""
    ways = (_of_length, _of_many, _of_two, _of_a_neighbour, _of_a_place)
    return next((found for way in ways if (found := way(text))), None)


def _of_length(text: str) -> Understood | None:
    lasting = _DURATION.match(text)
    return _lasting(text[lasting.end() :]) if lasting else None


def _of_many(text: str) -> Understood | None:
    listed, counted = _LISTED.match(text), _COUNT.match(text)
    if listed:
        return Understood("count", _topic(listed["topic"] or listed["bare"]))
    if counted is None:
        return None
    rest = text[counted.end() :]
    helper = _COUNTED.match(rest)
    return Understood("count", _none_of_all(_topic(rest[helper.end() :] if helper else rest)))


def _of_two(text: str) -> Understood | None:
    which = _WHICH_FIRST.match(text)
    two = which or _IS_BEFORE.match(text)
    if two is None:
        return None
    late = two["edge"].casefold().startswith(("last", "later", "after"))
    return Understood("sooner" if which else "yes-no", _topic(two["one"]), -1 if late else 1, _topic(two["other"]))


def _of_a_neighbour(text: str) -> Understood | None:
    ordered = _ORDER.match(text)
    if ordered is None:
        return None
    early = ordered["order"].casefold().startswith(("before", "preced"))
    return Understood("before" if early else "after", _topic(ordered["topic"]))


def _of_a_place(text: str) -> Understood | None:
    mention, number = _MENTION.match(text), _number(text)
    if mention:
        return Understood("nth", _topic(mention["topic"]), -1 if _LAST.search(mention["edge"]) else 1)
    return Understood("nth", None, number) if number else None


def _lasting(rest: str) -> Understood:
    """How long what is lasting; "it" is the video, unless it is on screen."""
    spent = _SPENT.match(rest)
    bare = rest[spent.end() :] if spent else _LASTING.sub("", " " + _without_verb(rest)).strip()
    number, topic = _number(_ENDING.sub("", f" {bare}").strip()), _topic(bare)
    if not (_ON_SCREEN.search(rest) and is_pronoun(topic)):
        topic = None if number else _none_of_all(topic)
    return Understood("duration", topic, number)


def _number(text: str) -> int:
    """Which slide a text names by its place, -1 for the last; 0 if it names none."""
    nth = _NTH.match(text)
    if nth is None:
        return 0
    word = (nth["word"] or nth["edge"] or nth["verb"] or "").casefold()
    return _NUMBERS[word] if word else int(nth["ordinal"] or nth["number"])


def slide_to_read(question: str) -> int:
    """Which slide is to be read, -1 for the last; 0 where none is named by its place.

    >>> slide_to_read("read the last slide"), slide_to_read("What does slide 3 say?"), slide_to_read("read the slide")
    (-1, 3, 0)
    """
    found = _TO_READ.fullmatch(question.rstrip("?!. "))
    return _number(found["slide"]) if found else 0


def _of_a_kind(text: str) -> Understood:
    """Questions of when, whether, and what; and phrases that are no question."""
    if _OUTLINE.match(text):
        return Understood("outline", None)
    besides = _WHAT_ABOUT.match(text)
    if besides:
        return Understood("time", _topic(text[besides.end() :]))
    for kind, pattern in _OPENINGS:
        opening = pattern.match(text)
        if opening:
            topic = _topic(text[opening.end() :])
            if topic and _SLIDES.search(opening[0]):  # "which slides are on PCA?"
                topic = _PREPOSITION.sub("", topic)
            return Understood(kind, topic)
    if _ASKS_FOR_A_VIEW.match(text) or not text:
        return Understood("open", None)
    if _ENDS_AS_A_QUESTION.search(text):  # "UMAP mentioned?"
        return Understood("yes-no", _topic(text))
    return Understood("time" if len(text.split()) <= 6 else "open", text if len(text.split()) <= 6 else None)


def _without_verb(rest: str) -> str:
    return re.sub(r"^(?:is|are|was|were|does|do|did|has|have)\s+", "", rest, flags=re.IGNORECASE)


def _none_of_all(topic: str | None) -> str | None:
    """The topic, unless it is the whole video, or its slides."""
    return None if topic is None or re.fullmatch(rf"{_VIDEO}|(?:the\s+)?{_UNIT}", topic, re.IGNORECASE) else topic


def _topic(rest: str) -> str | None:
    """What is left of a question when its helping words are gone."""
    helper = _HELPERS.match(rest)
    text = rest[helper.end() :] if helper else rest
    if helper and _OF_A_SLIDE.search(helper[0]):
        text = _PREPOSITION.sub("", text)
    for pattern in (_PLACE, _ENDING, _PLACE):  # each once: "Before we start" may be a title
        text = pattern.sub("", " " + text).strip()
    without = re.sub(r"^['‘](.+)['’]$", r"\1", _ARTICLE.sub("", text).strip())
    return without or text or None
