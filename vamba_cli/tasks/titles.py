"""Titles and sentences that a model wrote: cleaned, cut where they loop, compared. Pure."""

import math
import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import takewhile

from vamba_cli.engine.generate import Generated

NEW_LINE = " / "  # between the lines of a slide, as the small model writes it
UNCLEAR = "[…]"  # for lines that were not read clearly
# Of a token, on average over a line: of the words in lines below, fewer than six in ten are right (docs/LOG.md).
_LEAST_CLEAR = 0.9
_CIRCLE = re.compile(r"((?=\S*[^\W\d_])\S{4,40}?)\1{2,}.*")  # a piece of a word three times in a row, and what follows
_GOES_ON = (",", ";", ":", ".", "!", "?", "&", "-", "–", "(", "/", "=")  # behind which no other mark is wanted
_MOST_TITLE_CHARACTERS = 100
_LABEL = re.compile(r"^(?:chapter\s*)?(?:title|heading)\s*:\s*", re.IGNORECASE)
_QUOTES = "\"'“”‘’«»`*_# "
_ALIKE = str.maketrans("il|!o", "11110")  # letters and figures that are misread for each other
_TELLING = re.compile(r"\d+|\b[^\W\d_]\b")  # figures, and letters that stand alone: "x-axis", "y-axis"
_MISREAD_IN_A_ROW = 2  # characters; more of them is another word
_LONG_TITLE = 12  # characters from which on a single other letter is a misreading, not another title
_NEARLY_EQUAL = 0.9
_ARTICLE = re.compile(r"^(?:the|an?)\s+(?=\S)", re.IGNORECASE)
_WORD = re.compile(r"[\w+#]+")
_LONG_ENOUGH = 4  # letters of a topic that are looked for inside words, too
_SAME_STEM = 0.6  # of the letters of the longer word
_AKIN_SHARE = 0.7  # of the weight of the words that the best title shares with a topic
_COMMON = frozenset("about does from have main most part some that their them this what when which with your".split())
_LONG_WORD = 6  # letters of a word of which one may be misread


def clean_title(text: str) -> str:
    """One line without label, quotation marks and full stop; shortened at a word if it is very long.

    >>> clean_title('Title: "The  chain rule."')
    'The chain rule'
    """
    line = without_loop(" ".join((text.strip().splitlines() or [""])[0].split()))
    line = _LABEL.sub("", line.strip(_QUOTES)).strip(_QUOTES)
    line = line.removesuffix(".") if not line.endswith("..") else line
    if len(line) > _MOST_TITLE_CHARACTERS:
        line = line[:_MOST_TITLE_CHARACTERS].rpartition(" ")[0].rstrip(",;:") + " …"
    return line


def clean_sentences(text: str) -> str:
    """One paragraph, ended where the model began to repeat itself."""
    return without_loop(" ".join(text.split()))


def clearly(read: Generated) -> str:
    """The lines of a slide that were read clearly, parted as the small model does; `UNCLEAR` in the place of others.

    >>> clearly(Generated("Tasks / Linear", 0.9, (("Tasks", -0.01), (" / ", 0.0), ("Li", -0.5), ("near", -0.1))))
    'Tasks / […]'
    """
    lines, line, logs = list[str](), "", list[float]()
    for text, log in (*read.pieces, (NEW_LINE, None)):
        line += text
        logs += [] if log is None else [log]
        if line.endswith(NEW_LINE):
            is_clear = sum(logs) >= len(logs) * math.log(_LEAST_CLEAR)
            words = _straight(line.removesuffix(NEW_LINE).strip()) if is_clear else UNCLEAR
            if words != UNCLEAR or lines[-1:] != [UNCLEAR]:
                lines.append(words)
            line, logs = "", []
    return NEW_LINE.join(lines)


def _straight(line: str) -> str:
    """A line up to where reading went in circles inside a word, as in an address, or from word to word.

    >>> _straight("dget http://a.org/archive/archive/archive/archive/"), _straight("a-of-a-of-a"), _straight("=====")
    ('dget http://a.org/archive[…]', 'a-of-a-of-a', '=====')
    """
    cut = without_loop(line)
    return _CIRCLE.sub(rf"\1{UNCLEAR}", line) if cut == line else f"{cut} {UNCLEAR}"


def in_a_row(words: str) -> str:
    """The lines of a slide, as the small model reads them, in one paragraph: wrapped ones go on, others are parted.

    A line that comes again at once, and a long one that does later, was read in circles.

    >>> in_a_row("Marker genes & / expression of / two types / Enrichment / Page Table Entry / Page Table Entry")
    'Marker genes & expression of two types; Enrichment; Page Table Entry'
    >>> in_a_row("01-fork / 01-fork / 01-fork / 2 / 2")
    '01-fork; 2; 2'
    """
    text = ""
    lines = words.split(NEW_LINE)
    for place, line in enumerate(lines):
        if line in lines[:place] and len(line) >= (_LONG_ENOUGH if line == lines[place - 1] else _LONG_TITLE):
            continue
        goes_on = line[:1].islower() or text.endswith(_GOES_ON)
        text += f"{'' if not text else ' ' if goes_on else '; '}{line}"
    return text


def without_loop(text: str) -> str:
    """The text up to where it goes round in circles: the same one or more words at least three times in a row.

    >>> without_loop("the dog runs and runs and runs and runs and")
    'the dog runs and'
    """
    words = text.split(" ")
    for period in range(1, len(words) // 3 + 1):
        run = 0
        for i in range(period, len(words)):
            run = run + 1 if words[i] == words[i - period] else 0
            if run == 2 * period and any(map(str.isalnum, "".join(words[i - period + 1 : i + 1]))):
                return " ".join(words[: i + 1 - 2 * period])
    return text


def same_title(one: str, other: str) -> bool:
    """Whether two readings are of the same title, misread letters granted.

    >>> same_title("13-uas161", "13-uasi6!"), same_title("06a-fork", "06b-fork"), same_title("Part (1)", "Part (2)")
    (True, False, False)
    """
    a, b = _plain(one), _plain(other)
    if a == b:
        return True
    if min(len(a), len(b)) < _LONG_TITLE or _TELLING.findall(one.casefold()) != _TELLING.findall(other.casefold()):
        return False
    matcher = SequenceMatcher(None, a, b, autojunk=False)
    blocks = [max(i2 - i1, j2 - j1) for tag, i1, i2, j1, j2 in matcher.get_opcodes() if tag != "equal"]
    return max(blocks) <= _MISREAD_IN_A_ROW and matcher.ratio() >= _NEARLY_EQUAL


def names(title: str, topic: str) -> bool:
    """Whether a title has a topic in it: its words in a row, in the plural too, a misread letter of long words granted.

    >>> names("Illumina libray prep", "the library prep"), names("t-SNE - Example", "tSNE"), names("C++ templates", "C")
    (True, True, False)
    >>> names("Graph-based clustering", "clutsering"), names("Graph-based clustering", "classifying")
    (True, False)
    """
    topic = _ARTICLE.sub("", topic)
    own, wanted = (_WORD.findall(text.casefold()) for text in (title, topic))
    if not wanted:
        return bool(topic.strip()) and topic.strip() in title
    if any(all(map(_alike, own[first:], wanted)) for first in range(len(own) - len(wanted) + 1)):
        return True
    whole = _plain(topic)  # in one word or in several
    return len(whole) >= _LONG_ENOUGH and whole in _plain(title)


def numbers_of(title: str, kind: str) -> list[int]:
    """The numbers that a title gives to things of a kind.

    >>> numbers_of("Quiz Question 6 and 7: PCA", "quiz questions"), numbers_of("Weekly 3", "week")
    ([6, 7], [])
    """
    one = rf"\b{re.escape(kind.removesuffix('s'))}s?\s+(?:no\.?\s*)?(\d{{1,3}}(?:\s*(?:and|&)\s*\d{{1,3}})*)\b"
    found = re.search(one, title, re.IGNORECASE)
    return [int(number) for number in re.findall(r"\d+", found[1])] if found else []


def may_be_misspelt(topic: str) -> bool:
    """Whether a topic has a word so long that a wrong letter in it would still be told.

    >>> may_be_misspelt("dimensionalty reduction"), may_be_misspelt("the TLB")
    (True, False)
    """
    return any(len(word) >= _LONG_WORD for word in _WORD.findall(topic))


def akin_titles(titles: Sequence[str], topic: str) -> list[str]:
    """The titles with most of the longer words of a topic, or of their stems; a word that few titles have counts more.

    >>> akin_titles(["Building the package", "Packages"], "build a package"), akin_titles(["Contracts"], "contrast")
    (['Building the package'], [])
    >>> akin_titles(["The test", "Installing and testing packages", "Debian packages"], "test a package")
    ['Installing and testing packages']
    >>> akin_titles(["Sequencing", "Sequencing by synthesis", "Oxford Nanopore technology"], "nanopore sequencing")
    ['Oxford Nanopore technology']
    """
    own = {title: _WORD.findall(title.casefold()) for title in titles}
    score = dict.fromkeys(own, 0.0)
    for word in {word for word in _WORD.findall(topic.casefold()) if len(word) >= _LONG_ENOUGH and word not in _COMMON}:
        having = [title for title, words in own.items() if any(_are_akin(word, one) for one in words)]
        for title in having:
            score[title] += math.log1p(len(own) / len(having))
    most = max(score.values(), default=0.0)
    return [title for title in own if score[title] and score[title] >= _AKIN_SHARE * most]


def _are_akin(one: str, other: str) -> bool:
    if other in _forms(one) or one in _forms(other):
        return True
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
    return same >= _LONG_ENOUGH and same >= max(min(len(one), len(other)) - 1, _SAME_STEM * max(len(one), len(other)))


def _forms(word: str) -> set[str]:
    return {f"{word}{ending}" for ending in ("s", "es", "ed", "ing", "er", "ers")}


def names_in_parts(title: str, topic: str) -> bool:
    """Whether a title has all words of a topic in their order, with others between them.

    >>> names_in_parts("Fisher's exact test in R", "the fisher test"), names_in_parts("Tests", "fisher test")
    (True, False)
    """
    own, wanted = (_WORD.findall(text.casefold()) for text in (title, _ARTICLE.sub("", topic)))
    left = iter(own)
    return bool(wanted) and all(any(_alike(word, one) for word in left) for one in wanted)


def _alike(own: str, wanted: str) -> bool:
    """Whether two words are the same, one in the plural, read with a wrong letter, or typed with two swapped."""
    if own == wanted or own in (f"{wanted}s", f"{wanted}es") or wanted in (f"{own}s", f"{own}es"):
        return True
    a, b = (word.translate(_ALIKE).replace("rn", "m") for word in (own, wanted))
    same = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    a, b = a[same:], b[same:]
    swapped = a[2:] == b[2:] and a[:2] == b[:2][::-1]
    return len(wanted) >= _LONG_WORD and (a[1:] == b[1:] or a[1:] == b or a == b[1:] or swapped)


def _plain(title: str) -> str:
    """What is left of a title when spaces, marks, capitals and misread figures do not count."""
    return "".join(filter(str.isalnum, title.casefold().translate(_ALIKE)))
