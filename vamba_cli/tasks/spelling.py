"""Other ways to write a topic: the singular, with a hyphen, in British or American English. Pure rules, English."""

import re

_ON_A_SLIDE = re.compile(
    r"^(?:(?:words?|terms?|phrase)|examples?\s+(?:of|for)(?:\s+(?:a|an|the))?)\s+(?=\S)|\s+(?:slides?|pages?|examples?|sections?|parts?|chapters?)$|\s+(?:in|as)\s+(?:the|a|its|their)\s+(?:titles?|headings?|text)$",
    re.IGNORECASE,
)
_ORDINAL = re.compile(r"(?:the\s+)?(?:first|second|third|fourth|fifth|last|next|other)", re.IGNORECASE)
_SHORT_NAME = 4  # letters of what may be an abbreviation that was typed in small letters
_HYPHENATED = re.compile(r"([a-z])-?([A-Z]{2,})")
_NUMBERED = re.compile(r"(?P<kind>[^\W\d_]+) (?P<zero>0?)(?P<digit>[1-9])")
# what stands before, what is British, what is American, and what stands behind
_ENGLISH = (
    (r"\b(?:col|fav|hon|lab|neighb|behavi)", "our", "or", ""),
    (r"\b(?:licen|defen|offen)", "c", "s", "e"),
    (r"\b(?:anal|paral|catal)", "ys", "yz", "(?:e|ing)"),
    (r"\b(?:cent|fib)", "re", "er", r"s?\b"),
    (r"\b\w+(?:al|an|ar|en|er|et|il|im|om|on|or)", "is", "iz", r"(?:e[sdr]?|ing|ations?)\b"),
)


def spellings(topic: str) -> list[str]:
    """A topic as it was typed, in the singular, with or without a hyphen, and without the slide that it is on.

    >>> spellings("mini-batches"), spellings("gradient descent"), spellings("Gauss")
    (['mini-batches', 'mini-batch', 'mini batches'], ['gradient descent', 'gradient-descent'], ['Gauss'])
    >>> spellings("gsea"), spellings("outline")
    (['gsea', 'GSEA', 'Gsea'], ['outline'])
    >>> spellings("tSNE"), spellings("t-SNE")
    (['tSNE', 't-SNE'], ['t-SNE', 't SNE', 'tSNE'])
    >>> spellings("gene ontology slide"), spellings("word limma"), spellings("analysis in the title")[-1]
    (['gene ontology slide', 'gene ontology', 'gene-ontology'], ['word limma', 'limma'], 'analysis')
    >>> spellings("UMAP section")[:2], spellings("first example"), spellings("last part")
    (['UMAP section', 'UMAP'], ['first example', 'first-example'], ['last part', 'last-part'])
    >>> spellings("week 4"), spellings("Week 04")
    (['week 4', 'week 04'], ['Week 04', 'Week 4'])
    >>> spellings("pointer examples"), spellings("example of a pointer"), spellings("examples")
    (['pointer examples', 'pointer'], ['example of a pointer', 'pointer'], ['examples', 'example'])
    >>> spellings("colour"), spellings("normalization"), spellings("noise"), spellings("exercise")
    (['colour', 'color'], ['normalization', 'normalisation'], ['noise'], ['exercise'])
    >>> spellings("RISK MINIMIZATION")
    ['RISK MINIMIZATION', 'RISK-MINIMIZATION', 'RISK MINIMISATION', 'RISK-MINIMISATION']
    """
    bare = _ON_A_SLIDE.sub("", topic)
    if bare and bare != topic and not _ORDINAL.fullmatch(bare):
        return [topic, *spellings(bare)]
    short = len(topic) <= _SHORT_NAME and topic.isalpha() and topic.islower()
    found = [
        topic,
        *([topic.upper(), topic.capitalize()] if short else []),
        re.sub(r"(?<=[a-z]{3})(?:(?<=ch|sh|ss|.x)es|(?<=z)zes|(?<![sui])s)$", "", topic),
    ]
    words = topic.split()
    if "-" in topic:
        found.append(topic.replace("-", " "))
    elif len(words) == 2 and all(map(str.isalpha, words)):
        found.append("-".join(words))
    numbered = _NUMBERED.fullmatch(topic)
    if numbered:
        found.append(f"{numbered['kind']} {'' if numbered['zero'] else '0'}{numbered['digit']}")
    abbreviation = _HYPHENATED.fullmatch(topic)
    if abbreviation:
        found += ["-".join(abbreviation.groups()), "".join(abbreviation.groups())]
    return list(dict.fromkeys([*found, *(other for text in found for other in _across_the_sea(text))]))


def _across_the_sea(topic: str) -> list[str]:
    """A topic in the other English."""
    swapped = (
        re.sub(f"({stem}){one}(?={tail})", rf"\g<1>{other}", topic, flags=re.IGNORECASE)
        for stem, british, american, tail in _ENGLISH
        for one, other in ((british, american), (american, british))
    )
    return [text.upper() if topic.isupper() else text for text in swapped if text != topic]


def is_written_in_two_ways(topic: str) -> bool:
    """Whether a title may have a topic in one way where the text has another: tSNE and t-SNE, week 4 and week 04."""
    return bool(_HYPHENATED.fullmatch(topic) or _NUMBERED.fullmatch(topic))
