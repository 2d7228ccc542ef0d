"""Questions about a clip of slides and their answers, as token ids: what the bundled checkpoint learns to do."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

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
SHOWN = ("shown? {}",) * 6 + (
    "Is {} shown?", "is {} shown", "Is {} on screen?", "Does it mention {}?", "Is there something about {}?", "{}?",
)  # fmt: skip
FIND = "find: {}"
NO_TITLE = "(no title)"
NOT_SHOWN = "(not shown)"


@dataclass(frozen=True, slots=True)
class SlideText:
    """The words of one slide."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """Token ids of prompt and answer, where the answer starts, and the half-open window of frame pairs asked about."""

    ids: list[int]
    answer_start: int
    window: tuple[int, int]
    weight: float  # of each answer token in the loss


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


class QuestionMaker:
    """Draws questions about clips; `pairs[i]` lists the slides that frame pair i shows (two at a change)."""

    def __init__(self, seed: int, max_tokens: int) -> None:
        self._random = random.Random(seed)
        self._tokenizer = ByteTokenizer()
        self._max_tokens = max_tokens
        self._strangers: list[str] = ["Gradient descent"]

    def __call__(self, pairs: Sequence[tuple[SlideText, ...]], num: int) -> list[Question]:
        rare = self._titles if self._random.random() < 0.4 else self._text
        kinds = [self._title, self._title, self._shown, self._find, self._title, self._shown, rare, self._shown]
        out: list[Question] = []
        while len(out) < num:  # where a kind has nothing to ask, or its answer is too long, yes or no is asked instead
            question = kinds[len(out) % len(kinds)](pairs) or self._shown(pairs)
            if question is not None:
                out.append(question)
        self._remember(pairs)
        return out

    def _build(
        self, wordings: Sequence[str], answer: str, window: tuple[int, int], weight: float = 1.0
    ) -> Question | None:
        prompt = self._tokenizer.encode_prompt(self._random.choice(wordings))
        ids = prompt + self._tokenizer.encode(answer) + [self._tokenizer.end_id]
        return Question(ids, len(prompt), window, weight) if len(ids) <= self._max_tokens else None

    def _same_slide_window(self, pairs: Sequence[tuple[SlideText, ...]]) -> tuple[int, int] | None:
        """A run of frame pairs that all show one and the same slide."""
        pure = [i for i, shown in enumerate(pairs) if len(shown) == 1]
        if not pure:
            return None
        first = self._random.choice(pure)
        stop = first + 1
        while stop < len(pairs) and pairs[stop] == pairs[first] and self._random.random() < 0.7:
            stop += 1
        return first, stop

    def _any_window(self, pairs: Sequence[tuple[SlideText, ...]]) -> tuple[int, int]:
        first = self._random.randrange(len(pairs))
        longest = len(pairs) - first
        return first, first + (1 if self._random.random() < 0.5 else self._random.randint(1, longest))

    def _title(self, pairs: Sequence[tuple[SlideText, ...]]) -> Question | None:
        window = self._same_slide_window(pairs)
        if window is None:
            return None
        return self._build(TITLE, pairs[window[0]][0].title or NO_TITLE, window)

    def _titles(self, pairs: Sequence[tuple[SlideText, ...]]) -> Question | None:
        window = self._any_window(pairs)
        titles: list[str] = []
        for shown in pairs[slice(*window)]:
            for slide in shown:
                if slide.title and slide.title not in titles[-1:]:
                    titles.append(slide.title)
        fitting = " | ".join(titles) or NO_TITLE
        return self._build(TITLES, fitting, window)

    def _text(self, pairs: Sequence[tuple[SlideText, ...]]) -> Question | None:
        window = self._same_slide_window(pairs)
        if window is None:
            return None
        text, room = "", self._max_tokens - 40
        for line in pairs[window[0]][0].lines:  # whole lines only: an answer that is cut never learns to stop
            longer = f"{text} / {line}" if text else line
            if len(longer.encode()) > room:
                break
            text = longer
        return self._build(TEXT, text or "(nothing)", window)

    def _shown(self, pairs: Sequence[tuple[SlideText, ...]]) -> Question | None:
        window = self._any_window(pairs)
        inside = [slide for shown in pairs[slice(*window)] for slide in shown]
        written = "\n".join(part for slide in inside for part in (slide.title, *slide.lines)).casefold()
        if self._random.random() < 0.5:
            phrase = self._phrase(self._random.choice(inside))
            if phrase and self._random.random() < 0.12:
                phrase = self._near_miss(phrase)
        elif self._random.random() < 0.5:
            phrase = self._phrase(self._random.choice(self._random.choice(pairs)))
        else:
            phrase = self._random.choice(self._strangers)
        if not phrase:
            phrase = self._random.choice(self._strangers)
        answer = "yes" if phrase.casefold() in written else "no"
        asked = phrase.lower() if self._random.random() < 0.25 else phrase
        wording = self._random.choice(SHOWN).format(asked)
        return self._build((wording,), answer, window, weight=3.0)

    def _find(self, pairs: Sequence[tuple[SlideText, ...]]) -> Question | None:
        """A phrase and how its line goes on: to answer is to have found it among all that is written."""
        window = self._same_slide_window(pairs)
        if window is None:
            return None
        slide = pairs[window[0]][0]
        texts = (slide.title, *slide.lines)
        if self._random.random() < 0.65:
            phrase = self._beginning(self._random.choice(texts))
        else:
            phrase = self._beginning(self._random.choice(self._strangers))
        if phrase and self._random.random() < 0.08:
            phrase = self._near_miss(phrase)
        if len(phrase) < 3:
            return None
        asked = phrase.lower() if self._random.random() < 0.25 else phrase
        return self._build((FIND.format(asked),), continuation(phrase, texts) or NOT_SHOWN, window)

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

    def _phrase(self, slide: SlideText) -> str:
        """The title, a body line, or a few words out of a long line."""
        parts = [part for part in slide.lines if len(part) >= 4]
        text = slide.title if slide.title and (not parts or self._random.random() < 0.45) else ""
        if not text and parts:
            text = self._random.choice(parts)
        words = text.split()
        if len(words) > 3 and (len(text) > 60 or self._random.random() < 0.25):
            length = self._random.randint(2, min(5, len(words)))
            first = self._random.randrange(len(words) - length + 1)
            text = " ".join(words[first : first + length])
        return text.encode()[:60].decode(errors="ignore").strip()

    def _near_miss(self, phrase: str) -> str:
        """The phrase with one word, or one letter or digit, replaced."""
        words = phrase.split()
        at = self._random.randrange(len(words))
        if len(words) > 1 and self._random.random() < 0.5:
            words[at] = self._random.choice(self._random.choice(self._strangers).split() or ["other"])
        else:
            word = words[at]
            place = self._random.randrange(len(word))
            pool = "0123456789" if word[place].isdigit() else "abcdefghijklmnopqrstuvwxyz"
            words[at] = word[:place] + self._random.choice(pool) + word[place + 1 :]
        return " ".join(words)

    def _remember(self, pairs: Sequence[tuple[SlideText, ...]]) -> None:
        """Keep phrases of past clips: they are what is asked for and not shown."""
        phrase = self._phrase(self._random.choice(self._random.choice(pairs)))
        if phrase:
            self._strangers.append(phrase)
        if len(self._strangers) > 4000:
            del self._strangers[:2000]
