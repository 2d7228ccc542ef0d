"""Questions about slides and their answers, as token ids: what the bundled checkpoint learns to do."""

import operator
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate, groupby, pairwise, takewhile

from vamba_cli.train.recipe import MIX, Mix
from vamba_cli.weights.tokenizer import ByteTokenizer

TITLE = ("title?",) * 6 + (
    "What is the title?", "What is the title of this slide?", "Which slide is this?", "What is this about?",
    "What is the topic?", "What is shown?", "what is on screen?", "Title of the slide",
)  # fmt: skip
TITLES = ("titles?",) * 4 + (
    "What are the titles?", "List the topics.", "List the titles in order.", "What is covered?",
    "Which topics are shown?",
)  # fmt: skip
TEXT = ("text?",) * 4 + ("What does the slide say?", "Read the slide.", "What is written here?")
WHOLE = ("whole text?",) * 4 + ("Read the whole slide.", "What is all the text?")
SHOWN = ("shown? {}",) * 6 + (
    "Is {} shown?", "is {} shown", "Is {} on screen?", "Does it mention {}?", "Is there something about {}?", "{}?",
)  # fmt: skip
AFTER = ("after: {}",) * 6 + ("What comes after {}?", "what is next after {}", "Which slide follows {}?")
BEFORE = ("before: {}",) * 6 + ("What comes before {}?", "what is before {}", "Which slide precedes {}?")
COUNT = ("how many?",) * 4 + ("How many slides are shown?", "How many slides are there?")
FIND = "find: {}"
NO_TITLE = "(no title)"
NOTHING = "(nothing)"
NOT_SHOWN = "(not shown)"
SEPARATOR = " | "  # of titles in a list

_TAKEN = frozenset(wording.lower() for wording in (*TITLE, *TITLES, *TEXT, *WHOLE))  # these ask for something else
_STRETCHES = (1, 2, 3, 4, 6, 8, 12, 64, 64)  # pages, at most, of the stretches that are asked about in turn
_FROM_START_SHARE = 0.8  # of the questions about order in a clip that begins a video ask from its first frame pair on
_PATIENCE = 4  # questions in a row that find no room before a row counts as full
_MOST_PHRASE_BYTES = 60
_IS_PLAIN = re.compile(r"\W*[^\W\d_]*['’]?[^\W\d_]*\W*")  # letters alone
_AROUND_WORDS = ".,:;!?()[]{}<>\"'“”‘’«»…"
_MOST_STRANGERS = 4000
_SAME_LETTERS = 4  # bytes in a row that two titles share: who reads by them goes on in the wrong one


@dataclass(frozen=True)
class SlideText:
    """The words of one slide."""

    title: str
    lines: tuple[str, ...]

    @cached_property
    def written(self) -> str:
        """All words in small letters, for asking whether a phrase is there."""
        return "\n".join((self.title, *self.lines)).casefold()


@dataclass(frozen=True, slots=True)
class Question:
    """Token ids of prompt and answer, where the answer starts, and the half-open window of frame pairs asked about."""

    ids: list[int] = field(repr=False)
    answer_start: int
    window: tuple[int, int]
    weight: float  # of each answer token in the loss
    decisive: frozenset[int] = frozenset()  # tokens of the answer that weigh more: which title it is shows in them


def continuation(phrase: str, texts: Sequence[str]) -> str:
    """The first text that has the phrase at the beginning of a word, in any capitals, from there on; "" if none has."""
    wanted = phrase.lower()  # folding would make two letters of "ß", and places would not agree
    for text in texts:
        small = text.lower()
        at = small.find(wanted)
        while at > 0 and small[at - 1].isalnum():
            at = small.find(wanted, at + 1)
        if at >= 0:
            return text[at:]
    return ""


def number_told(answer: str) -> int:
    """What an answer to "how many?" comes to: the number of the last of its numbered titles, 0 where it has none."""
    number = re.match(r"\d+", answer.rsplit(SEPARATOR, 1)[-1])
    return int(number.group()) if number else 0


def telling(title: str, titles: Sequence[str]) -> set[int]:
    """The places of a title's bytes that tell which of the titles it is: the first two, and where it leaves another.

    That is where their common beginning ends, and behind any few letters that go on otherwise in the other title. The
    place behind its last byte is one where another title goes on.
    """
    own = title.encode()
    leaves = {0}
    for other in (other.encode() for other in titles if other != title):
        leaves.add(sum(1 for _ in takewhile(bool, map(operator.eq, own, other))))
        for place in range(_SAME_LETTERS, len(own) + 1):
            at = other.find(own[place - _SAME_LETTERS : place])
            if at >= 0 and other[at + _SAME_LETTERS : at + _SAME_LETTERS + 1] != own[place : place + 1]:
                leaves.add(place)
    return {place for first in leaves for place in (first, first + 1) if place <= len(own)}


def standing_titles(pairs: Sequence[SlideText]) -> list[str]:
    """The title under which each frame pair stands: its own, or the last one before it; "" before the first."""
    return list(accumulate((page.title for page in pairs), lambda last, title: title or last, initial=""))[1:]


def titles_of(pairs: Sequence[SlideText]) -> list[str]:
    """The titles of a stretch of frame pairs in turn, each once where it stays."""
    return [title for title, _ in groupby(standing_titles(pairs)) if title]


def parts_of(pairs: Sequence[SlideText]) -> list[int]:
    """How many titles came before that of each frame pair, in turn; 0 before the first one, too."""
    return list(accumulate(int(last not in ("", title)) for last, title in pairwise(["", *standing_titles(pairs)])))


class QuestionMaker:
    """Draws questions about pages and clips; it remembers phrases of earlier ones, to ask for what is not there."""

    def __init__(self, seed: int, mix: Mix = MIX) -> None:
        self._random = random.Random(seed)
        self._tokenizer = ByteTokenizer()
        self._mix = mix
        self._strangers: list[str] = ["Gradient descent"]

    def about_page(self, page: SlideText, num_tokens: int) -> list[Question]:
        """As many questions about one page as fit a row; one of them asks for its title, one at most for all its text.

        Their windows are (0, 1): the one frame pair that they are read from.
        """
        ways: dict[str, Callable[[], Question | None]] = {
            "title": lambda: self._title(page, (0, 1)),
            "shown": lambda: self._shown((page,), (page,), (0, 1)),
            "find": lambda: self._find(page),
            "text": lambda: self._text(page, TEXT, self._mix.text_bytes),
            "whole": lambda: self._text(page, WHOLE, self._mix.whole_bytes),
        }
        return self._fill(ways, self._mix.page, num_tokens, once=("title", "text", "whole"), first="title")

    def about_clip(self, pairs: Sequence[SlideText], num_tokens: int, begins: bool = False) -> list[Question]:
        """As many questions about stretches of a clip as fit a row; `pairs[i]` is the page that frame pair i shows.

        Where the clip begins a video, most lists begin with it. Elsewhere they are few: attention to the video has no
        positions, and the mixers do not know where a stretch will begin, so its first page is hard to tell.
        """
        ways: dict[str, Callable[[], Question | None]] = {
            "titles": lambda: self._titles(pairs, begins),
            "shown": lambda: self._shown_in_window(pairs),
            "title": lambda: self._title_of_stretch(pairs),
            "order": lambda: self._order(pairs, begins),
            "count": lambda: self._count(pairs, begins),
        }
        if len(titles_of(pairs)) < 2:
            del ways["order"]
        lists = 1.0 if begins else self._mix.inner_lists
        factors = {"titles": lists, "count": lists}
        shares = {kind: share * factors.get(kind, 1.0) for kind, share in self._mix.clip.items() if kind in ways}
        return self._fill(ways, shares, num_tokens, once=(), first="titles" if begins else "shown")

    def remember(self, page: SlideText) -> None:
        """Keep a phrase of a page: it may be asked for where it is not shown."""
        phrase = self._phrase(page)
        if phrase:
            self._strangers.append(phrase)
        if len(self._strangers) > _MOST_STRANGERS:
            del self._strangers[: _MOST_STRANGERS // 2]

    def _fill(
        self,
        ways: Mapping[str, Callable[[], Question | None]],
        weights: Mapping[str, float],
        room: int,
        once: Sequence[str],
        first: str,
    ) -> list[Question]:
        questions: list[Question] = []
        kinds, shares = list(weights), list(weights.values())
        kind, misses, done = first, 0, set[str]()
        while misses < _PATIENCE:
            question = None if kind in done else ways[kind]()
            if question is not None and len(question.ids) <= room:
                questions.append(question)
                room -= len(question.ids)
                misses = 0
                done |= {kind} & set(once)
            else:
                misses += 1
            (kind,) = self._random.choices(kinds, shares)
        self._random.shuffle(questions)
        return questions

    def _build(
        self,
        wordings: Sequence[str],
        answer: str,
        window: tuple[int, int],
        weight: float = 1.0,
        decisive: frozenset[int] = frozenset(),
    ) -> Question:
        prompt = self._tokenizer.encode_prompt(self._random.choice(wordings))
        ids = prompt + self._tokenizer.encode(answer) + [self._tokenizer.end_id]
        return Question(ids, len(prompt), window, weight, decisive)

    def _window(self, pairs: Sequence[SlideText]) -> tuple[int, int]:
        first = self._random.randrange(len(pairs))
        longest = len(pairs) - first
        return first, first + (1 if self._random.random() < 0.5 else self._random.randint(1, longest))

    def _title(self, page: SlideText, window: tuple[int, int]) -> Question:
        return self._build(TITLE, page.title or NO_TITLE, window)

    def _title_of_stretch(self, pairs: Sequence[SlideText]) -> Question:
        """The title of a page that is read from several of the frame pairs that show it."""
        first = self._random.randrange(len(pairs))
        stop = first + 1
        while stop < len(pairs) and pairs[stop] == pairs[first] and self._random.random() < 0.8:
            stop += 1
        return self._title(pairs[first], (first, stop))

    def _stretch(self, pairs: Sequence[SlideText], begins: bool, least: int = 1) -> tuple[int, int]:
        """From within one page to within the same or one of the next; `least` pages where there are as many.

        Mostly from the first frame pair on where that begins a video.
        """
        starts = [at for at, page in enumerate(pairs) if not at or page != pairs[at - 1]]
        ends = [*starts[1:], len(pairs)]
        num = min(len(starts), max(least, self._random.choice(_STRETCHES)))
        page = self._random.randrange(len(starts) - num + 1)
        first = self._random.randrange(starts[page], ends[page])
        if begins and self._random.random() < _FROM_START_SHARE:
            page = first = 0
        last = self._random.randrange(max(first, starts[page + num - 1]), ends[page + num - 1])
        return first, last + 1

    def _titles(self, pairs: Sequence[SlideText], begins: bool) -> Question:
        window = self._stretch(pairs, begins)
        titles = titles_of(pairs[slice(*window)])
        return self._list(TITLES, [("", title) for title in titles or [NO_TITLE]], window)

    def _list(self, wordings: Sequence[str], entries: Sequence[tuple[str, str]], window: tuple[int, int]) -> Question:
        """Marks and titles; what tells a title from the others is decisive, and whether another one follows."""
        titles = [title for _, title in entries]
        decisive, at = set[int](), 0
        for mark, title in entries:
            begin = at + len(mark)
            end = begin + len(self._tokenizer.encode(title))
            decisive |= {begin + place for place in telling(title, titles) | {end - begin}}
            at = end + len(SEPARATOR)
        answer = SEPARATOR.join(mark + title for mark, title in entries)
        return self._build(wordings, answer, window, decisive=frozenset(decisive))

    def _order(self, pairs: Sequence[SlideText], begins: bool) -> Question | None:
        """The title that comes next to another one, on either side, within a stretch; now and then there is none."""
        window = self._stretch(pairs, begins, least=2)
        titles = titles_of(pairs[slice(*window)])
        if len(titles) < 2:
            return None
        wordings, step = (BEFORE, -1) if self._random.random() < self._mix.before_share else (AFTER, 1)
        if self._random.random() < self._mix.edge_share:
            place = len(titles) if step > 0 else -1
        else:
            place = self._random.randrange(len(titles) - 1) + (step > 0)
        title = titles[place - step]
        if [one.casefold() for one in titles].count(title.casefold()) > 1:
            return None
        answer = titles[place] if 0 <= place < len(titles) else NOTHING
        asked = title.lower() if self._random.random() < 0.25 else title
        wording = self._random.choice(wordings).format(asked)
        return self._build((wording,), answer, window, decisive=frozenset(telling(answer, titles)))

    def _count(self, pairs: Sequence[SlideText], begins: bool) -> Question:
        """How many titles a stretch shows in turn: they are told one by one, with their numbers.

        A number at once would have to be added up in one look; the next of a list is what follows in the video.
        """
        window = self._stretch(pairs, begins)
        titles = titles_of(pairs[slice(*window)]) or [NO_TITLE]
        return self._list(COUNT, [(f"{number} ", title) for number, title in enumerate(titles, 1)], window)

    def _text(self, page: SlideText, wordings: Sequence[str], room: int) -> Question | None:
        text = ""
        for line in page.lines:  # whole lines only: an answer that is cut never learns to stop
            longer = f"{text} / {line}" if text else line
            if len(longer.encode()) > room:
                break
            text = longer
        if page.lines and not text:
            return None
        return self._build(wordings, text or NOTHING, (0, 1))

    def _shown_in_window(self, pairs: Sequence[SlideText]) -> Question | None:
        window = self._window(pairs)
        return self._shown(pairs[slice(*window)], pairs, window)

    def _shown(
        self, inside: Sequence[SlideText], around: Sequence[SlideText], window: tuple[int, int]
    ) -> Question | None:
        """Yes or no: a phrase of what is shown, of what is shown before or after, or one that is nowhere."""
        if self._random.random() < self._mix.present_share:
            phrase = self._phrase(self._random.choice(inside))
        elif len(around) > len(inside) and self._random.random() < 0.5:
            phrase = self._phrase(self._random.choice(around))
        else:
            phrase = self._absent(self._random.choice(inside))
        phrase = phrase or self._random.choice(self._strangers)
        # at the beginning of a word: "rap" is not shown where "graph" stands
        answer = "yes" if any(continuation(phrase, (page.title, *page.lines)) for page in inside) else "no"
        asked = phrase.lower() if self._random.random() < 0.25 else phrase
        wording = self._random.choice(SHOWN).format(asked)
        if wording.lower() in _TAKEN:  # a word "title" on a slide
            wording = SHOWN[0].format(asked)
        return self._build((wording,), answer, window, self._mix.yes_no_weight)

    def _find(self, page: SlideText) -> Question | None:
        """A phrase and how its line goes on: to answer is to have found it among all that is written."""
        texts = (page.title, *page.lines)
        if self._random.random() < self._mix.found_share:
            # a title is asked for often enough; most of what a slide says stands below it
            source = self._random.choice(page.lines) if page.lines and self._random.random() < 0.85 else page.title
            phrase = self._beginning(source)
        else:
            phrase = self._beginning(self._absent(page))
        if len(phrase) < 2:
            return None
        asked = phrase.lower() if self._random.random() < 0.25 else phrase
        return self._build((FIND.format(asked),), continuation(phrase, texts) or NOT_SHOWN, (0, 1))

    def _beginning(self, text: str) -> str:
        """One to three words from anywhere in a text; the last one may be cut, as by someone who still types."""
        words = text.split()
        if not words:
            return ""
        first = self._random.randrange(len(words)) if self._random.random() < 0.6 else 0
        phrase = " ".join(words[first : first + self._random.choice((1, 1, 2, 2, 3))])
        if len(phrase) > 6 and self._random.random() < 0.15:
            phrase = phrase[: self._random.randint(4, len(phrase) - 1)]
        return phrase.encode()[:40].decode(errors="ignore").strip()

    def _phrase(self, page: SlideText) -> str:
        """The title, a body line, a few words out of a long line, or one word, which may be as short as "IO"."""
        if self._random.random() < self._mix.word_share:
            words = " ".join((page.title, *page.lines)).split()
            unknown = [word for word in words if not _IS_PLAIN.fullmatch(word)]
            words = unknown if unknown and self._random.random() < self._mix.unknown_share else words
            word = self._random.choice(words).strip(_AROUND_WORDS) if words else ""
            if sum(map(str.isalnum, word)) > 1:
                return word.encode()[:_MOST_PHRASE_BYTES].decode(errors="ignore")
        parts = [part for part in page.lines if len(part) >= 4]
        text = page.title if page.title and (not parts or self._random.random() < 0.35) else ""
        if not text and parts:
            text = self._random.choice(parts)
        words = text.split()
        if len(words) > 3 and (len(text) > 60 or self._random.random() < 0.4):
            length = self._random.randint(1, min(5, len(words)))
            first = self._random.randrange(len(words) - length + 1)
            text = " ".join(words[first : first + length])
        return text.encode()[:_MOST_PHRASE_BYTES].decode(errors="ignore").strip()

    def _absent(self, page: SlideText) -> str:
        """A phrase that is probably not on the page, though most share words with it; "" where the page has too few."""
        kinds = self._mix.absent
        (kind,) = self._random.choices(list(kinds), list(kinds.values()))
        if kind == "stranger":
            return self._random.choice(self._strangers)
        if kind == "two lines" and len(page.lines) > 1:
            first, second = self._random.sample(page.lines, 2)
            return f"{self._words(first)} {self._words(second)}".strip()
        phrase = self._phrase(page)
        if not phrase:
            return ""
        if kind == "longer":
            return f"{self._words(phrase)} {self._stranger_word()}"
        return self._one_letter_off(phrase) if kind == "one letter" else self._one_word_off(phrase)

    def _words(self, text: str) -> str:
        """One or two words of a text that stand side by side."""
        words = text.split()
        first = self._random.randrange(len(words)) if words else 0
        return " ".join(words[first : first + self._random.choice((1, 2))])

    def _stranger_word(self) -> str:
        return self._random.choice(self._random.choice(self._strangers).split() or ["other"])

    def _one_word_off(self, phrase: str) -> str:
        words = phrase.split()
        words[self._random.randrange(len(words))] = self._stranger_word()
        return " ".join(words)

    def _one_letter_off(self, phrase: str) -> str:
        """The phrase with one letter or digit replaced, or with one left out."""
        place = self._random.choice([at for at, letter in enumerate(phrase) if not letter.isspace()])
        pool = "0123456789" if phrase[place].isdigit() else "abcdefghijklmnopqrstuvwxyz"
        other = "" if len(phrase) > 5 and self._random.random() < 0.25 else self._random.choice(pool)
        return phrase[:place] + other + phrase[place + 1 :]
