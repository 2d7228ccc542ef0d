"""Where a topic is said: whole words, in any capitals, singular or plural, across the borders of lines. Pure.

>>> lines = [Line(1.0, 2.0, "Now the back"), Line(2.0, 4.0, "propagation of errors."), Line(60.0, 61.0, "Well.")]
>>> mentions(lines, "backpropagation")
[Mention(start_seconds=1.0, end_seconds=4.0, score=1.0)]
>>> mentions(lines, "ropagation"), mentions(lines, "gradients")
([], [])
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from vamba_cli.subtitles import Line

_MOST_MENTIONS = 100
_WINDOW_LINES = 3  # words of a topic that stand apart must lie within so many neighbouring lines
_WINDOW_SECONDS = 20.0
_PAUSE_SECONDS = 5.0  # a phrase may have one between its lines
_JOINED_SECONDS = 8.0  # mentions closer than this are one,
_LONGEST_SECONDS = 60.0  # unless it would last longer than this
_SCATTERED, _PARTIAL = 0.8, 0.6  # scores of all words apart from each other, and at most of some of them
_LEAST_SHARE = 0.6  # of the weight of a topic's words, that some of them must have
_ONE_BY_ONE = "\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"  # scripts without spaces
_WORD = re.compile(rf"[{_ONE_BY_ONE}]|(?:(?![{_ONE_BY_ONE}])[^\W_])+[+#]*")
_POSSESSIVE = re.compile(r"[’']s\b", re.IGNORECASE)
_BRITISH = re.compile(r"(?<=\w{3})is(?=(?:e|ed|er|ing|ation)$)")
_FILLERS = frozenset("a an and as at by for from in into is it its of on or that the this to was with".split())


@dataclass(frozen=True, slots=True)
class Mention:
    """A half-open span in which a topic is said; score is how much of it: 1 for the very words in their order."""

    start_seconds: float
    end_seconds: float
    score: float


Hit = tuple[int, int, float]  # first line, last line, score


def words(text: str) -> list[str]:
    """Words as they are compared: small letters, singular, one spelling.

    >>> words("The Regularisation of the classes' t-SNEs, Bayes's analysis and C++")
    ['the', 'regularization', 'of', 'the', 'class', 't', 'sne', 'bayes', 'analysis', 'and', 'c++']
    """
    plain = unicodedata.normalize("NFKC", _POSSESSIVE.sub("", text)).casefold()
    return [_BRITISH.sub("iz", _singular(word)) for word in _WORD.findall(plain)]


def mentions(lines: Sequence[Line], topic: str) -> list[Mention]:
    """Where a topic is said, the best first; those as good as the best in the order of time.

    The very words count most; only where they are said nowhere, all of them near each other, then most of them.
    """
    asked = words(topic)
    while len(asked) > 1 and asked[0] in _FILLERS:
        asked = asked[1:]
    said = [words(line.text) for line in lines]
    content = sorted({word for word in asked if word not in _FILLERS})
    hits: list[Hit] = list(_phrases(lines, said, "".join(asked))) if asked else []
    if not hits and len(content) > 1:
        hits = list(_near(lines, said, content))
    joined = _joined(lines, hits)
    return sorted(joined, key=lambda mention: (-mention.score, mention.start_seconds))[:_MOST_MENTIONS]


def _phrases(lines: Sequence[Line], said: Sequence[Sequence[str]], wanted: str) -> Iterator[Hit]:
    """Runs of whole words that spell the topic, so that "back propagation" is found for "backpropagation"."""
    stream = [(word, number) for number, line in enumerate(said) for word in line]
    for start, (first_word, first_line) in enumerate(stream):
        if not wanted.startswith(first_word):
            continue
        spelt, place = first_word, start
        while len(spelt) < len(wanted) and place + 1 < len(stream) and wanted.startswith(spelt):
            place += 1
            spelt += stream[place][0]
        last_line = stream[place][1]
        pause_seconds = lines[last_line].start_seconds - lines[first_line].end_seconds
        if spelt == wanted and last_line - first_line < _WINDOW_LINES and pause_seconds < _PAUSE_SECONDS:
            yield first_line, last_line, 1.0


def _near(lines: Sequence[Line], said: Sequence[Sequence[str]], content: Sequence[str]) -> Iterator[Hit]:
    """Windows of neighbouring lines with all words of the topic, or with most of them; rare words weigh more."""
    num_lines_with = Counter(word for line in said for word in set(line) & set(content))
    weight = {word: math.log(1 + len(said) / (1 + num_lines_with[word])) for word in content}
    total = sum(weight.values())
    complete: list[Hit] = []
    partial: list[Hit] = []
    for first, line in enumerate(said):
        there = set(line) & set(content)
        last = first
        if not there:
            continue
        for place in range(first + 1, min(first + _WINDOW_LINES, len(lines))):
            more = set(said[place]) & set(content)
            if more <= there or lines[place].end_seconds - lines[first].start_seconds > _WINDOW_SECONDS:
                continue
            there, last = there | more, place
        share = sum(weight[word] for word in there) / total
        if len(there) == len(content):
            complete.append((first, last, _SCATTERED))
        elif len(there) > 1 and share >= _LEAST_SHARE:
            partial.append((first, last, _PARTIAL * share))
    yield from complete or partial


def _joined(lines: Sequence[Line], hits: Iterable[Hit]) -> list[Mention]:
    """Hits as spans of time; those that are close to each other are one."""
    spans: list[Mention] = []
    for first, last, score in sorted(hits):
        start, end = lines[first].start_seconds, max(line.end_seconds for line in lines[first : last + 1])
        close = bool(spans) and start - spans[-1].end_seconds <= _JOINED_SECONDS
        if close and end - spans[-1].start_seconds <= _LONGEST_SECONDS:
            before = spans.pop()
            start, end = before.start_seconds, max(end, before.end_seconds)
            score = max(score, before.score)
        spans.append(Mention(start, end, score))
    return spans


def _singular(word: str) -> str:
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is", "yes")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    return word[:-2] if word.endswith(("sses", "xes", "ches", "shes")) else word[:-1]
