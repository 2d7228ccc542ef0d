"""The topic of a question: what is left without its helping words, and of what sort it is. Pure rules, English."""

import re
import unicodedata

UNIT = r"(?:slides?|pages?|titles?|headings?|topics?|sections?|chapters?|scenes?|screens?)"
_REQUEST = r"(?:explain|describe|define|compare|read|tell\s+(?:me|us)\s+(?:\w+\s+)?about)"
_POLITE = re.compile(
    r"^(?:(?:please|hi|hello|hey|so|ok|okay|and|well|um|now|sorry|thanks)\b[\s,!.]*(?:there\b[\s,!.]*)?"
    r"|(?:can|could|would|will)\s+you\s+(?:please\s+)?(?:tell|show|give|find)\s+(?:me|us)\s+(?:out\s+)?"
    r"|(?:tell|show)\s+(?:me|us)\s+|(?:(?:can|could)\s+you\s+(?:please\s+)?)?find\s+(?:out\s+)?(?=where\b|when\b)"
    r"|(?:i\s+(?:want|would\s+like|wanna|need)|i['’]d\s+like)\s+to\s+(?:know|see|find)\s+(?:out\s+)?|(?:i\s+wonder|do\s+you\s+know|any\s+idea)\s+)+"
    rf"(?=(?:when|where|what|which|who|how|why|at|is|are|does|do|if|whether|any\w*|{_REQUEST})\b)"
    rf"|^(?:(?:please|so|and|hi|hello|hey)[\s,]+)*(?:can|could)\s+you\s+(?:please\s+)?(?={_REQUEST}\b)",
    re.IGNORECASE,
)
_THANKS = re.compile(
    r"(?:\s+(?:please|pls)|,\s*(?:please|pls|thanks|thank\s+you|thx)"
    r"|\s+in\s+(?:(?:a|one|two|three|few|some|your|simple|short|plain|own)\s+)+(?:sentences?|words?|terms|lines?|english))$",
    re.IGNORECASE,
)
_ALSO = re.compile(  # "… and for how long?"
    r"^((?:what|when|where|which|who|how|is|are|was|were|does|do|did)\b.*?\S)(?:,?\s+and|,)\s+(?:if\s+so,?\s+)?(?:(?:for\s+)?how\s+(?:long|often)|when|where"
    r"|at\s+what\s+time)(?:\s+(?:is|was|are|were|does|do|did|has)\s+(?:it|that|this|they)\b.*)?$",
    re.IGNORECASE,
)
_SHORT = re.compile(r"^(what|where|when|who|how|which)(?:['’]s|s)\b(?=\s)", re.IGNORECASE)
_MISTYPED = {
    "when": "wen whe wehn whn", "what": "waht wat whta wht", "which": "wich whcih wihch", "where": "wehre wher",
    "how": "hwo",
}  # fmt: skip
_MEANT = {typed: meant for meant, others in _MISTYPED.items() for typed in others.split()}
VIDEO = (
    r"(?:(?:this|the|that|your)\s+)?(?:whole\s+)?"
    r"(?:video|lecture|talk|film|movie|presentation|clip|recording|session|deck|tutorial|seminar|webinar|screencast|it|this)"
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
ENDING = re.compile(
    r"\s+(?:(?:is|are|was|were|be|been|being|get|gets|first|finally|actually|ever|again|also|next)\s+)*"
    r"(?:(?:start|begin)s?\s+and\s+(?:(?:when\s+)?does\s+it\s+)?(?:end|stop|finish)s?|introduced|explained|discussed|mentioned|shown|show|covered|presented|defined|described|displayed|visible|seen|said|taught|"
    r"treated|named|used|appear(?:s|ed|ing)?|come(?:s)?\s+up|came\s+up|start(?:s|ed)?|begin(?:s)?|began|happen(?:s|ed)?|end(?:s|ed)?"
    r"|is|are|was|were)$",
    re.IGNORECASE,
)
_PLACE = re.compile(
    r"(?:\s+(?:is|are|was|were)\s+there|(?:\s+(?:is|are|was|were))?\s+(?:on\s+(?:(?:the|a|any|some)\s+)?(?:screen|slides?|display)|in\s+(?:here|there)|on\s+(?:it|them)|anywhere|at\s+all"
    r"|(?:in|during)\s+(?:the|this|that)\s+(?:video|lecture|talk|film|presentation|slides?|deck)))$",
    re.IGNORECASE,
)
_OF_A_SLIDE = re.compile(r"\bslides?\s+$", re.IGNORECASE)
PREPOSITION = re.compile(r"^(?:on|about|with|of|called|titled|named)\s+(?=\S)", re.IGNORECASE)
_ARTICLE = re.compile(
    # in small letters: "The" may begin a title
    r"^(?:the|a|an|(?:some|any|every)thing\s+(?:about|on|of|regarding|with)|all\s+about|about|how\s+to)\s+"
    r"(?:(?:topic|slide|section|part|word|term|chapter|heading|title)\s+(?:of|on|about|called|titled|named)\s+)?"
)
_PART_WHERE = re.compile(
    r"^(?:the\s+|a\s+)?(?:part|slide|section|place|point|moment|bit)\s+(?:where|when|in\s+which)\s+(?=(?:they|he|she|we|you|it|the|there)\s)",
    re.IGNORECASE,
)
# "they explain what a marker gene is"; in small letters: "What it is" may be a title
_WHAT_IT_IS = re.compile(
    r"^(?:what(?=.*\s(?:is|are|was|were|means?)$)|how(?=.*\sworks?$))\s+(?P<topic>(?!(?:it|this|that)\b)\S.*?)\s+\w+$"
)
_PRONOUN = re.compile(
    r"(?:and\s+)?(?:(?:right\s+)?(?:after|before|since)\s+)?(?:that|this|those|these|them|it|he|she|they|there|here|then|next|afterwards|before|after|(?:the\s+)?(?:next|previous)\s+(?:one|slide|title|topic))",
    re.IGNORECASE,
)
# What is left where the rules did not know the question: verbs, denials, questions in other languages.
_SENTENCE = re.compile(
    r"(?:^|\s)(?:shown|introduced|explained|mentioned|discussed|covered|comes?|came|says?|said)\b"
    r"|\b(?:before|after|earlier|later)\s+or\s+(?:before|after|earlier|later)\b|\sintro\w+s?ed$|\bwear(?:s|ing)?\b|\bwhether\b|\snot$|\b(?:better|worse|faster|slower|larger|smaller|longer|shorter|more\s\w+|less\s\w+)\s+than\b|^(?:not?|who|why|how|what|most|least|fewest)\s|^(?:after|before)\s.*\b(?:does|do|did)\b"
    r"|\bwithout\s+(?:an?|any)?\s*(?:title|heading|text|words?)\b|\bmore\s+(?:often|than\s+once)\b|\btwice\b"
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


COUNTS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
JUST = r"(?:just|right|shortly)"  # before or after a time
FEW = rf"(?:\d{{1,3}}|{'|'.join(COUNTS)}|couple\s+of)"
# the first or last minutes, or seconds, of a video
MINUTES = (
    rf"(?:the\s+|(?:in|during|within)\s+|^)(?P<edge>first|last)\s+"
    rf"(?:(?P<number>{FEW})\s+)?(?P<unit>min|sec)(?:ute|ond)?s?\b"
)


def plain(question: str) -> str:
    """A question in one line, without courtesies, its first words written out, and right where they are often mistyped.

    >>> plain("Hi, can you tell me when UMAP  is shown, please?"), plain("please explain paging"), plain("and you?")
    ('when UMAP is shown', 'explain paging', 'and you')
    >>> plain("What is UMAP and when is it shown?"), plain("when is PCA shown, and for how long"), plain("Who and when")
    ('What is UMAP', 'when is PCA shown', 'Who and when')
    >>> plain("where's the elbow"), plain("waht is paging"), plain("whats new")
    ('where is the elbow', 'what is paging', 'what is new')
    """
    text = _ALSO.sub(r"\1", _THANKS.sub("", " ".join(question.split()).rstrip("?!. ")))
    first, space, rest = _POLITE.sub("", text).partition(" ")
    return _SHORT.sub(r"\1 is", f"{_MEANT.get(first.casefold(), first)}{space}{rest}")


def topic_of(rest: str) -> str | None:
    """What is left of a question when its helping words are gone."""
    rest = _PART_WHERE.sub("", rest)
    helper = _HELPERS.match(rest)
    text = rest[helper.end() :] if helper else rest
    if helper and _OF_A_SLIDE.search(helper[0]):
        text = PREPOSITION.sub("", text)
    text = _WHAT_IT_IS.sub(r"\g<topic>", text)
    for pattern in (_PLACE, ENDING, _PLACE):  # each once: "Before we start" may be a title
        text = pattern.sub("", " " + text).strip()
    without = re.sub(r"^['‘](.+)['’]$", r"\1", _ARTICLE.sub("", text).strip())
    return without or text or None


def count_of(few: str) -> int:
    """A number that was written as `FEW` has it.

    >>> count_of("12"), count_of("Three"), count_of("couple of")
    (12, 3, 2)
    """
    small = few.casefold()
    return int(small) if small.isdigit() else COUNTS.index(small) + 1 if small in COUNTS else 2


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
