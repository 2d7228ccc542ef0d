"""Questions of order and number: how long, how many, what comes after, which is the third. Pure rules, English."""

import re
from dataclasses import replace
from operator import eq, ge, gt, le, lt

from vamba_cli.tasks.topics import COUNTS, ENDING, JUST, UNIT, VIDEO, count_of, is_pronoun, plain, topic_of
from vamba_cli.tasks.understood import Kind, Understood

_DURATION = re.compile(
    r"^(?:for\s+)?how\s+(?:long|much\s+time|many\s+(?:minutes|seconds))\b"
    r"(?!\s+(?:into|until|till|before|does\s+it\s+take\s+(?:until|till|before)))\s*",
    re.IGNORECASE,
)
_SHARE = re.compile(
    rf"^(?:how\s+much|what\s+(?:share|part|fraction|proportion|percentage|percent)|how\s+many\s+percent)\s+of\s+{VIDEO}\s+(?:(?:is|was|are|were|spent|talks?|deals?)\s+)+"
    r"(?:about|on|with|for|covering|devoted\s+to)\s+(?P<much>\S.*)$"
    rf"|^(?:is|was|does|did)\s+(?:(?:most|all|half|much|part)\s+of\s+(?:(?:the|this)\s+)?|(?:the|this)\s+(?:whole|entire)\s+){VIDEO}\s+(?:talks?\s+|deals?\s+)?(?:all\s+|only\s+)?(?:about|on|with)\s+(?P<all>\S.*)$",
    re.IGNORECASE,
)
_APART = re.compile(
    r"^how\s+(?:long|much\s+time|many\s+(?:minutes|seconds))(?:\s+(?:is|are|was|there|it|does|do|takes?|pass|passes|lies?|the|time|gap))*\s+"
    r"(?-i:between|from)\s+(?P<one>(?!\d)\S.*?)\s+(?:and|to|until|till)\s+(?P<other>\S.*)$",
    re.IGNORECASE,
)
_AGAIN = re.compile(
    r"^(?:does|do|did|is|are|was|were|will)\s+(?P<topic>\S.*?)\s+(?:(?:come|comes|came|be|get|gets)\s+)?(?:up|back|shown|mentioned|appear|discussed|explained|return)\s+(?:once\s+more|again)(?:\s+later(?:\s+on)?)?$"
    r"|^(?:does|do|did|will)\s+(?:he|she|they|we|the\s+(?:speaker|lecturer|teacher|presenter|professor))\s+(?:(?:go|come|get)\s+back|return)\s+to\s+(?P<old>\S.*?)(?:\s+again)?(?:\s+later(?:\s+on)?)?$",
    re.IGNORECASE,
)
_END_OF_ALL = re.compile(
    rf"^(?:when|at\s+what\s+time)\s+(?:does|will|is|did)\s+{VIDEO}\s+(?:end|finish|finished|stop|over)$", re.IGNORECASE
)
_LASTING = re.compile(
    r"\s+(?:(?:is|are|was|were|stays?|remains?|kept|left|on)\s+)*(?:lasts?|take|takes|run|runs|stays?|remains?|up|spent|spend"
    r"|on\s+(?:the\s+)?(?:screen|slides?|display))$",
    re.IGNORECASE,
)
_SPENT = re.compile(
    r"^(?:(?:is|are|was|were|do|does|did)\s+)?(?:(?:the\s+)?\w+\s+)?(?:spent|spends?)\s+(?:on|with|about|talking\s+about)\s+"
    r"|^(?:on|about)\s+(?!(?:the\s+)?(?:screen|slides?|display)\b)(?=\S)",
    re.IGNORECASE,
)
_COUNT = re.compile(
    rf"^(?:how\s+(?:many(?:\s+times)?|often)|(?:the\s+)?number\s+of(?=\s+{UNIT}))\b\s*(?:(?:different\s+)?{UNIT}\b\s*)?",
    re.IGNORECASE,
)
_COUNTED = re.compile(
    rf"^(?:(?:are|is|were|was|does|do|did|has|have)\s+)?(?:there\s*|{VIDEO}\s+(?:has|have|had|contains?)\b\s*|{VIDEO}\s+(?:in|of)\b\s*)?"
    rf"(?:(?:that|which)\s+)?(?:(?:mention|show|contain|cover|explain|discuss|name|include|have|say|treat)(?:s|ing|ed)?\s+"
    rf"|(?:(?:are|is|talk|speak|deal)(?:s|ing)?\s+)?(?:about|on|with|called|titled|named)\s+|(?:in\s+)?{VIDEO}$)?",
    re.IGNORECASE,
)
_BOUNDS = {
    "more than": gt, "over": gt, "at least": ge, "fewer than": lt, "less than": lt, "under": lt, "at most": le,
    "no more than": le, "exactly": eq, "only": eq,
}  # fmt: skip
_MANY = rf"(?:\d{{1,4}}|{'|'.join(COUNTS)})"
_IF_MANY = re.compile(
    rf"^(?:(?:is|are|was|were)\s+there|(?:does|did)\s+{VIDEO}\s+(?:have|contain|show))\s+"
    rf"(?P<bound>(?:{'|'.join(_BOUNDS)}) {_MANY}|(?!1\b|one\b){_MANY}(?=\s+{UNIT}\b))\s+(?P<rest>\S.*)$",
    re.IGNORECASE,
)
_ORDER = re.compile(
    rf"^(?:and\s+)?(?:(?:what|which)\b(?:\s+(?:{UNIT}|example|exercise|part|step))?|(?:the\s+)?(?:first|next|last|previous)(?=\s+{UNIT}\s))(?:\s+(?:is|are|was|were|do|does|did|will|they|we|he|she|you|the|a|speaker|lecturer|comes?|came"
    rf"|coming|happens?|happened|follows|followed|shown|show|discuss(?:ed)?|explain(?:ed)?|covered|cover|treated|there|next|right|just|directly|immediately|straight|first"
    rf"|on|screen|see|{UNIT}|thing|one))*\s+(?P<order>after|before|follows?|following|precedes?|preceding)\s+"
    rf"(?:(?:the\s+)?(?:slide|page|part|section|chapter|title|topic|one)\s+(?:about|on|of|called|titled|named|with)\s+)?(?P<topic>.+)$",
    re.IGNORECASE,
)
_FAR = re.compile(
    rf"^(?:(?:what|which)(?:\s+{UNIT})?\s+(?:is|comes|was|came)\s+|what(?:['’]s|s)\s+)?"
    rf"(?:(?P<far>{_MANY})(?:\s+{UNIT})?|(?:the\s+)?(?P<nth>second|third|fourth|fifth|\d{{1,2}}(?:nd|rd|th))\s+{UNIT})\s+"
    r"(?P<order>after|before)\s+(?P<topic>(?!\d)\S.*)$",
    re.IGNORECASE,
)
_NEXT = re.compile(
    rf"^(?:and\s+)?(?:what|which)(?:\s+{UNIT}|\s+one)?\s+(?:is|was|comes|came|follows|followed|happens|happened)\s+"
    r"(?P<next>next|then|afterwards?|after|before)$",
    re.IGNORECASE,
)
_JUST_BEFORE = re.compile(rf"\b{JUST}\s+before\s+\d{{1,2}}:\d", re.IGNORECASE)  # a moment, no topic
_ORDINALS = (
    "first opening beginning start title cover", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth",
    "ninth", "tenth",
)  # fmt: skip
_NUMBERS = {word: number for number, words in enumerate(_ORDINALS, 1) for word in words.split()} | dict.fromkeys(
    ("last", "final", "closing", "end"), -1
)
# In small letters: "First steps" may be a title.
_PLACED = re.compile(
    r"(?:the\s+)?(?P<word>first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|last|\d{1,2}(?:st|nd|rd|th))\s+(?P<kind>\S.*?)"
    r"(?:\s+(?:slides?|pages?))?"
)
_LISTED = re.compile(
    r"^(?:list|show|find|name|give)\s+(?:me\s+)?(?:(?:all|every|each)\s+)?(?:of\s+)?(?:the\s+)?(?:(?:slides?|pages?)\s+(?:(?:that|which)\s+)?(?:are\s+)?"
    r"(?:about|on|with|of|for|called|titled|named|mention(?:s|ing)?|show(?:s|ing)?|contain(?:s|ing)?)\s+(?P<topic>.+)"
    r"|(?P<bare>(?!(?:me|the|this|that|last|first|next|final|titles?|headings?|all|every|each|\d+)\b)\S.*?)\s+slides)$"
    rf"|^(?:show|find|give|name)\s+(?:me\s+)?(?:all|every|each)\s+(?:of\s+)?(?:the\s+)?(?P<every>(?!(?:{UNIT}|contents|of)\b)\S.*)$"
    rf"|^list\s+(?:me\s+)?(?:all\s+)?(?:of\s+)?(?:the\s+)?(?:(?:everything|all)\s+(?:about|on)\s+|{UNIT}\s+(?:about|on|with|that\s+mention)\s+)?"
    rf"(?P<any>(?!(?:{UNIT}|contents|the|all|of|me|a|an|them|it|what|which|every|each|main|key|most|important|table|everything(?!\s+(?:about|on\s+(?!(?:the\s+)?screen))))\b)\S.*)$"
    r"|^(?:(?:list|show|find|name|give)\s+(?:me\s+)?)?(?:all\s+)?(?:the\s+)?(?:timestamps?|times)\s+(?:of|for|with)\s+(?:all|every|each)\s+(?:of\s+)?(?:the\s+)?(?P<each>\S.*)$",
    re.IGNORECASE,
)
_ONE_SLIDE = re.compile(r"^(?:list|show|find|name|give)\s+(?:me\s+)?(?:the\s+)?(?:slide|page)\s", re.IGNORECASE)
_MENTION = re.compile(
    r"^(?:when|where|at\s+what\s+time)\s+(?:is|are|was|were|does|do|did)\s+(?P<topic>.+?)\s+(?:(?:mentioned|shown|named|seen|appear|come\s+up)\s+)?"
    r"(?P<edge>first|last|for\s+the\s+(?:very\s+)?(?:first|last)\s+time|the\s+(?:first|last)\s+time|finally)(?:\s+(?:mentioned|shown|named|seen|appear|come\s+up))?$",
    re.IGNORECASE,
)
_SHOWN = r"(?:shown|introduced|explained|mentioned|covered|discussed|presented|treated|come|appear)"
_WHICH_FIRST = re.compile(
    rf"^(?:what|which)(?:\s+{UNIT}|\s+one|\s+of\s+them)?(?:\s+(?:is|was|comes|came|appears|{_SHOWN}))*\s+(?P<edge>first|earlier|sooner|last|later)"
    rf"(?:\s+{_SHOWN})?\s*[,:]?\s+(?P<one>\S.*?),?\s+or\s+(?P<other>.+)$",
    re.IGNORECASE,
)
_WHICH_FIRST_OF = re.compile(
    r"^(?!(?:when|where|what|which|how|at|in)\b)(?:(?:is|are|was|were|does|do|did)\s+)?(?P<one>\S.*?)\s+"
    r"(?:(?:or|vs\.?|versus|and)\s+(?P<other>\S.*?)\s*[,:]\s*(?:what|which)(?:\s+one)?\s+(?:is|comes|was|came)"
    rf"|or\s+(?P<second>\S.*?)(?:\s+(?:comes?|{_SHOWN}))?)\s+(?P<edge>first|earlier|sooner|last|later)$",
    re.IGNORECASE,
)
_BEFORE_OR_AFTER = re.compile(
    rf"^(?:is|are|was|were|does|do|did|comes?)\s+(?P<one>\S.*?)\s+(?:{_SHOWN}\s+)?(?:before\s+or\s+after|after\s+or\s+before|(?:earlier|sooner)\s+or\s+later\s+than)\s+(?P<other>(?!it\b|that\b)\S.*)$",
    re.IGNORECASE,
)
_BETWEEN = re.compile(
    rf"^(?:and\s+)?(?:what|which|list|show|name|{UNIT})\b(?:\s+(?:me|all|the|of|{UNIT}|is|are|was|were|comes?|came|lies?|happens?|{_SHOWN}|there|else|that|in))*"
    r"[\s-]+between\s+(?!(?:minute\s+)?[\d:.,]+\s*(?:m|min|minutes?|s|sec|seconds?|h|hours?)?\s+and\b)(?P<one>\S.*?)\s+and\s+(?P<other>\S.*)$",
    re.IGNORECASE,
)
_IS_BEFORE = re.compile(
    rf"^(?:is|are|was|were|does|do|did)\s+(?!there\b|any|.*\bwhat\b)(?P<one>\S.*?)(?<!\sor)\s+(?:{_SHOWN}\s+)?(?P<edge>before|earlier\s+than|after|later\s+than)\s+"
    r"(?P<other>(?!\d+:\d|\d+\s*\w*$|minute\b|or\b|the\s+(?:end|beginning|start|middle|break|first|last)\b)\S.*)(?<!shown|cover)(?<!mentioned|explained|discussed)(?<!introduced)$",
    re.IGNORECASE,
)
_LAST = re.compile(r"\b(?:last|final|latest|finally)\b", re.IGNORECASE)
_EDGE_OF = re.compile(
    rf"^(?:(?:when|where|what|which|at\s+what\s+time)\s+(?:is|was|are|were)\s+)?(?:the\s+)?(?:very\s+)?(?P<edge>first|last|final|earliest|latest)\s+"
    rf"(?:(?:mention|appearance|occurrence|example)s?\s+of|thing\s+(?:said\s+|shown\s+)?(?:about|on)|{UNIT}\s+(?:about|on|with|of|called|titled|that\s+(?:mentions?|shows?|has|have))|time\s+(?:that\s+)?)\s*(?P<topic>.+)$"
    rf"|^(?:when|where)\s+(?:do|did|does)\s+(?:they|he|she|we|the\s+\w+)\s+(?P<early>first|last)\s+(?:mention|show|explain|introduce|discuss|use|name)\w*\s+(?P<thing>.+)$",
    re.IGNORECASE,
)
_LONGEST = re.compile(
    rf"^(?:(?:what|which)(?:\s+{UNIT})?\s+(?:is|was|stays?|stayed|remains?)\s+(?:(?:shown|on\s+(?:the\s+)?screen|up|visible|displayed|there)\s+)?)?(?:for\s+)?(?:the\s+)?"
    rf"(?P<edge>longest|shortest)(?:\s+(?:time|part|{UNIT}|shown|on\s+(?:the\s+)?screen))*(?:\s+(?:of|in)\s+{VIDEO})?$",
    re.IGNORECASE,
)
_ALTOGETHER = re.compile(r"\s+(?:in\s+(?:total|all)|altogether|overall)$", re.IGNORECASE)
_ON_SCREEN = re.compile(r"\b(?:on\s+(?:the\s+)?(?:screen|slides?|display)|shown|visible|up)$", re.IGNORECASE)
_NTH = re.compile(
    rf"^(?:(?:what|which)(?:\s+is|\s+was|\s+were|\s+are)?\s+|(?:go|jump|skip)\s+to\s+)?(?:on\s+)?(?:shown\s+(?:on|at|in)\s+|the\s+title\s+of\s+)?(?:the\s+)?(?:very\s+)?"
    rf"(?:(?P<word>{'|'.join(sorted(_NUMBERS))})(?:\s+(?:{UNIT}|thing|one))|(?P<ordinal>\d{{1,3}})(?:st|nd|rd|th)\s+{UNIT}"
    rf"|(?:slide|page)\s+(?:no\.?\s*|number\s+)?(?P<number>\d{{1,3}}))(?:\s+(?:about|called|titled))?(?:\s+(?:of|in)\s+{VIDEO})?$"
    rf"|^(?:(?:what|which)(?:\s+{UNIT})?\s+(?:is|comes|was|came|comes\s+up|came\s+up)\s+(?:shown\s+)?(?P<edge>(?:at\s+the\s+(?:very\s+)?)?(?:first|last|end|beginning|start)|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|final)|how\s+does\s+{VIDEO}\s+(?P<verb>end|start|begin))"
    rf"(?:\s+of\s+{VIDEO})?$|^(?:go|jump|skip)\s+to\s+the\s+(?:very\s+)?(?P<skipped>end|beginning|start)$",
    re.IGNORECASE,
)
_PLACED_TOPIC = re.compile(
    r"^(?:is|are|was|were|does|do|did|has|have)\s+(?P<slide>.*?\b(?:slide|page|title)(?:\s+(?:no\.?\s*|number\s+)?\d{1,3})?)\s+(?:have\s+|be\s+)?"
    r"(?:about|on|with|called|titled|named|mention(?:s|ing)?|show(?:s|ing)?|contain(?:s|ing)?|have|has|say(?:s|ing)?|cover(?:s|ing)?)\s+(?P<topic>\S.*)$"
    rf"|^(?:is|was|does|do|did|will)\s+{VIDEO}\s+(?P<edge>end|finish|close|start|begin|open)s?\s+(?:with|on)\s+(?P<what>\S.*)$",
    re.IGNORECASE,
)
_COUNTABLE = re.compile(
    r"(?:\w+\s+)?(?:example|exercise|quiz|question|practical|demo|case|figure|table|summary)", re.IGNORECASE
)
_WHEN_PLACED = re.compile(
    r"^(?:when|where|at\s+what\s+time)\s+(?:is|are|was|were|does|do|did|will)\s+(?P<slide>.+?)(?:\s+(?:be|shown|on\s+(?:the\s+)?screen|come|appear|start|begin|up|displayed|visible))*$",
    re.IGNORECASE,
)
_SEVERAL = re.compile(
    rf"^(?:(?:(?:what|which)\s+(?:is|are|was|were)|list|show|name|give)\s+(?:me\s+)?)?(?:the\s+)?(?:very\s+)?(?P<edge>first|last|final)\s+"
    rf"(?P<count>\d{{1,3}}|{'|'.join(COUNTS)})\s+{UNIT}(?:\s+(?:of|in)\s+{VIDEO})?$",
    re.IGNORECASE,
)
_TO_READ = re.compile(
    r"(?:please\s+)?(?:read|what\s+does|what\s+is\s+(?:written\s+)?on)\s+(?:me\s+)?(?P<slide>.+?)(?:\s+says?)?",
    re.IGNORECASE,
)


def of_order_or_number(text: str) -> Understood | None:
    """Questions of how long, how many, what comes after, and which is the first; None where it is none of them."""
    if slide_to_read(text):
        return None
    ways = (_of_several, _of_length, _of_many, _of_two, _of_a_neighbour, _with_a_place, _when_it_comes, _of_a_place)
    return next((found for way in ways if (found := way(text))), None)


def _of_several(text: str) -> Understood | None:
    several = _SEVERAL.match(text)
    if several is None:
        return None
    count = count_of(several["count"])
    return Understood("outline", None, count if several["edge"].casefold() == "first" else -count)


def _of_length(text: str) -> Understood | None:
    if _END_OF_ALL.match(text):
        return Understood("duration", None)
    if share := _SHARE.match(text):
        return Understood("duration", topic_of(share["much"] or share["all"]))
    lasting = None if _APART.match(text) else _DURATION.match(text)
    return _lasting(_ALTOGETHER.sub("", text[lasting.end() :])) if lasting else None


def _of_many(text: str) -> Understood | None:
    compared = _IF_MANY.match(text)
    counts = compared and _of_many(f"how many {compared['rest']}")
    if compared and counts:
        return replace(counts, bound=compared["bound"])
    listed, counted, again = _LISTED.match(text), _COUNT.match(text), _AGAIN.match(text)
    if again:
        return Understood("count", topic_of(again["topic"] or again["old"]))
    if listed and not _ONE_SLIDE.match(text):
        (named,) = filter(None, listed.groups())
        return Understood("count", topic_of(named))
    if counted is None:
        return None
    rest = _ALTOGETHER.sub("", text[counted.end() :])
    helper = _COUNTED.match(rest)
    return Understood("count", _none_of_all(topic_of(rest[helper.end() :] if helper else rest)))


def _of_two(text: str) -> Understood | None:
    between, apart = _BETWEEN.match(text), _APART.match(text)
    either = between or apart or _BEFORE_OR_AFTER.match(text)
    if either:
        one, other = map(_named, either.group("one", "other"))
        kind: Kind = "between" if between else "duration" if apart else "sooner"
        return Understood(kind, one, int(kind == "sooner"), (other,)) if one and other else None
    which = _WHICH_FIRST.match(text) or _WHICH_FIRST_OF.match(text)
    two = which or _IS_BEFORE.match(text)
    if two is None:
        return None
    late = two["edge"].casefold().startswith(("last", "later", "after"))
    earlier = two["one"].split(",") if which else [two["one"]]
    topics = [topic for name in (*earlier, two["other"] or two["second"]) if (topic := _named(name.strip()))]
    kind = "sooner" if which else "yes-no"
    return Understood(kind, topics[0] if topics else None, -1 if late else 1, tuple(topics[1:]))


def _named(name: str) -> str | None:
    """The topic of one of several; what begins with a capital is a name as it stands: "It is all about trees"."""
    return name if name[:1].isupper() else topic_of(name)


def _of_a_neighbour(text: str) -> Understood | None:
    alone, far = _NEXT.match(text), _FAR.match(text)
    if alone:
        return Understood("after", alone["next"])
    ordered = far or _ORDER.match(text)
    if ordered is None or _JUST_BEFORE.search(text):
        return None
    early = ordered["order"].casefold().startswith(("before", "preced"))
    steps = 0 if far is None else count_of(far["far"]) if far["far"] else _nth_of(far["nth"])
    return Understood("before" if early else "after", topic_of(ordered["topic"]), steps)


def _with_a_place(text: str) -> Understood | None:
    """Whether the slide at a place shows a topic."""
    placed = _PLACED_TOPIC.match(text)
    if placed is None:
        return None
    if placed["edge"]:
        late = placed["edge"].casefold() in ("end", "finish", "close")
        return Understood("yes-no", topic_of(placed["what"]), -1 if late else 1)
    number = _number(placed["slide"])
    return Understood("yes-no", topic_of(placed["topic"]), number) if number else None


def _when_it_comes(text: str) -> Understood | None:
    """When a slide that is named by its place is on screen, or the first of some examples."""
    shown = _WHEN_PLACED.match(text)
    if shown is None:
        return None
    place, (nth, kind) = _number(shown["slide"]), place_of(shown["slide"])
    if place:
        return Understood("nth", None, place)
    return Understood("nth", kind, nth) if nth and _COUNTABLE.fullmatch(kind) else None


def _of_a_place(text: str) -> Understood | None:
    mention, number, longest = _MENTION.match(text), _number(text), _LONGEST.match(text)
    if mention:
        return Understood("nth", topic_of(mention["topic"]), -1 if _LAST.search(mention["edge"]) else 1)
    if longest:
        return Understood("longest", None, -1 if longest["edge"].casefold() == "shortest" else 1)
    edge = None if number else _EDGE_OF.match(text)
    topic = _none_of_all(topic_of(edge["topic"] or edge["thing"])) if edge else None
    if edge and topic:
        return Understood("nth", topic, -1 if _LAST.search(edge["edge"] or edge["early"]) else 1)
    return Understood("nth", None, number) if number else None


def _lasting(rest: str) -> Understood:
    """How long what is lasting; "it" is the video, unless it is on screen."""
    spent = _SPENT.match(rest)
    bare = rest[spent.end() :] if spent else _LASTING.sub("", " " + _without_verb(rest)).strip()
    number, topic = _number(ENDING.sub("", f" {bare}").strip()), topic_of(bare)
    pointed = re.fullmatch(rf"(\w+)(?:\s+(?:{UNIT}|shown|visible))?", bare, re.IGNORECASE)
    if pointed and _ON_SCREEN.search(rest) and is_pronoun(pointed[1]):  # "this slide": nobody knows which
        return Understood("duration", pointed[1], number)
    return Understood("duration", None if number else _none_of_all(topic), number)


def holds(bound: str, count: int) -> bool:
    """Whether a count is as a question has it.

    >>> holds("more than 30", 35), holds("At most three", 4), holds("12", 12)
    (True, False, True)
    """
    words, _, number = bound.casefold().rpartition(" ")
    return _BOUNDS[words or "exactly"](count, count_of(number))


def _number(text: str) -> int:
    """Which slide a text names by its place, -1 for the last; 0 if it names none."""
    nth = _NTH.match(text)
    if nth is None:
        return 0
    word = (nth["word"] or nth["edge"] or nth["verb"] or nth["skipped"] or "").casefold().rpartition(" ")[2]
    return _NUMBERS[word] if word else int(nth["ordinal"] or nth["number"])


def place_of(topic: str) -> tuple[int, str]:
    """Which of several things of a kind a topic names, -1 for the last, and the kind; 0 where it names none.

    >>> place_of("second outline"), place_of("the last quiz slide"), place_of("3rd quiz"), place_of("Outline")
    ((2, 'outline'), (-1, 'quiz'), (3, 'quiz'), (0, 'Outline'))
    """
    found = _PLACED.fullmatch(topic)
    if found is None:
        return 0, topic
    return _nth_of(found["word"]), found["kind"]


def _nth_of(word: str) -> int:
    """Which one a word like "third" or "3rd" means."""
    return int(word[:-2]) if word[0].isdigit() else _NUMBERS[word.casefold()]


def slide_to_read(question: str) -> int:
    """Which slide is to be read, -1 for the last; 0 where none is named by its place.

    >>> slide_to_read("read the last slide"), slide_to_read("What does slide 3 say?"), slide_to_read("read the slide")
    (-1, 3, 0)
    """
    found = _TO_READ.fullmatch(plain(question))
    return _number(found["slide"]) if found else 0


def _without_verb(rest: str) -> str:
    return re.sub(r"^(?:is|are|was|were|does|do|did|has|have)\s+", "", rest, flags=re.IGNORECASE)


def _none_of_all(topic: str | None) -> str | None:
    """The topic, unless it is the whole video, or its slides."""
    return None if topic is None or re.fullmatch(rf"{VIDEO}|(?:the\s+)?{UNIT}", topic, re.IGNORECASE) else topic
