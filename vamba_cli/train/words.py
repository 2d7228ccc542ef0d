"""Text to draw on slides: titles, bullet lines and code, part language and part characters that nobody could guess.

A model that is shown English only learns to guess words; identifiers, numbers, foreign words and made-up words teach it
to read. About a tenth of all longer words never occurs in training, so that evaluation can ask for reading proper.
"""

from __future__ import annotations

import random
import re
import string
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from vamba_cli.train import vocabulary
from vamba_cli.train.alphabet import normalise
from vamba_cli.train.word_list import LETTERS, own_words, read

_T = TypeVar("_T")

_MAX_TITLE = 100
_HELD_OUT_SHARE = 10
_FOREIGN = ("de", "fr", "es")
_FOREIGN_SHARE = 0.2  # of the pages
_LONG_SHARE, _LONG_TITLE = 0.12, 45  # of the titles go on with another one, until they are long
_AKIN_SHARE = 0.3  # of the titles are like the one before
_SAME_SHARE = 0.25  # of these are the same: a slide that is built up, or goes on
_SUBJECT_SHARE = 0.6  # of the decks have a few terms of their own,
_OF_SUBJECT_SHARE = 0.8  # which stand in so many of their titles,
_NARROW_SHARE = 0.6  # in a few forms only: titles that are much alike,
_AGAIN_SHARE = 0.3  # and some that come again word for word
_PLACEHOLDER = re.compile(r"\{(X|x|S|s|W|w|n|m|id|path|url|code|name|year|phrase|cmd|num)\}")
_PARTS = re.compile(r"[^\W\d_]{3,}|\d+")
_SHORTHAND_SHARE = 0.25  # of the words of an identifier
_ALIKE_SHARE = 0.25  # of the lines of programs begin a stretch of lines that are alike
_NAMES = vocabulary.NAMES.split()
_MONTHS = ("January", "March", "April", "May", "June", "October", "November")
_SEASONS = ("Fall", "Spring", "Summer term", "WS")
_SYLLABLES_TEXT = """
    ba ce di fo gu ha je ki lo mu na pe qui ra se ti vo wa xe ya zu bra cle dri flo gru pha sto tri ven wor ack
    ing ent ost
"""
_SYLLABLES = _SYLLABLES_TEXT.split()


def is_held_out(word: str) -> bool:
    """Whether a word is kept for evaluation; short ones never are, they are the glue of every sentence."""
    return len(word) >= 5 and zlib.crc32(word.lower().encode()) % _HELD_OUT_SHARE == 0


def has_held_out(text: str) -> bool:
    """Whether any word of a text is kept for evaluation."""
    return any(is_held_out(word) for word in LETTERS.findall(text))


class WordSource:
    """Draws titles and lines. With `held_out`, every title has a word that training never shows; without, none has."""

    def __init__(self, seed: int, held_out: bool = False, path: Path | None = None) -> None:
        self.rng = random.Random(seed)
        self._last_title = ""
        self._subject: list[str] = []
        self._forms: Sequence[str] = vocabulary.SUBJECT_TITLES
        self.held_out = held_out
        words, phrases = read(path) if path is not None and path.exists() else (own_words(), ())
        wanted = [word for word in words["en"] if is_held_out(word) == held_out]
        languages = [[word for word in words.get(key, ()) if is_held_out(word) == held_out] for key in _FOREIGN]
        self._english = wanted
        self._languages = [language for language in languages if language] or [wanted]
        self._page_words, self._is_foreign = wanted, False
        self._phrases = [phrase for phrase in phrases if has_held_out(phrase) == held_out]
        terms = (term for terms in vocabulary.FIELDS.values() for term in terms)
        self._terms = [term for term in terms if has_held_out(term) == held_out]
        self._fillers = self._placeholders()

    def new_deck(self) -> None:
        """Choose whether the titles of the next slides have some terms in common, which, and in what forms."""
        has_subject = self.rng.random() < _SUBJECT_SHARE
        terms = (self.term().split()[: self._pick((1, 1, 2, 2, 3))] for _ in range(self.rng.randint(2, 5)))
        self._subject = [" ".join(term) for term in terms] if has_subject else []
        self._forms = vocabulary.SUBJECT_TITLES
        if has_subject and self.rng.random() < _NARROW_SHARE:
            forms = self.rng.choices(vocabulary.SUBJECT_TITLES, k=self.rng.randint(1, 5))
            self._forms = [self._fill(form) if self.rng.random() < _AGAIN_SHARE else form for form in forms]

    def new_page(self) -> None:
        """Choose the language in which the next slide speaks."""
        self._is_foreign = self.rng.random() < _FOREIGN_SHARE
        self._page_words = self._pick(self._languages) if self._is_foreign else self._english

    def word(self) -> str:
        """A word of the page's language; of foreign ones, those with letters that English lacks come more often."""
        word = self._pick(self._page_words)
        for _ in range(3 if self._is_foreign else 0):
            word = word if not word.isascii() else self._pick(self._page_words)
        return word

    def title(self) -> str:
        """One slide title, 2 to 100 characters; in training, often one that is like the title before it."""
        for _ in range(20):
            akin = self._last_title and not self.held_out and self.rng.random() < _AKIN_SHARE
            text = self._akin(self._last_title) if akin else self._title_once()
            while self.rng.random() < _LONG_SHARE and len(text) < _LONG_TITLE:
                text = f"{text}{self._pick((': ', ' – ', ' and ', ', ', ' in ', ' '))}{self._title_once()}"
            text = self._typeset(text)
            if 2 <= len(text) <= _MAX_TITLE and (not self.held_out or has_held_out(text)):
                self._last_title = text
                return text
        return f"{self._pick(self._english).capitalize()} {self.rng.randint(1, 99)}"

    def line(self, max_chars: int = 120) -> str:
        """One line of body text, before wrapping."""
        text = self._fill(self._pick(vocabulary.LINES))
        if len(text) > max_chars:
            text = text[:max_chars].rsplit(" ", 1)[0]
        text = self._typeset(text)
        return text[:1].upper() + text[1:] if self.rng.random() < 0.5 else text

    def _typeset(self, text: str) -> str:
        """The text with curly apostrophes and a real ellipsis as often as slides have them."""
        if "'" in text and self.rng.random() < 0.6:
            text = text.replace("'", "’")
        return text

    def code_lines(self) -> Iterator[str]:
        """Lines of a program or a terminal without end, leading spaces included.

        Stretches of them are alike but for a word or a number, as in a list of files: who guesses there is wrong.
        """
        while True:
            line = self._fill(self._pick(vocabulary.CODE), squeeze=False)
            yield line
            if self.rng.random() < _ALIKE_SHARE and _PARTS.search(line):
                for _ in range(self.rng.randint(2, 9)):
                    line = self.varied(line)
                    yield line

    def varied(self, text: str) -> str:
        """The text with one of its words or numbers replaced; a number mostly by the next one, in as many digits."""
        parts = list(_PARTS.finditer(text))
        if not parts:
            return text
        part = self._pick(parts)
        old = part.group()
        if old.isdigit():
            value = int(old) + 1 if self.rng.random() < 0.5 else self.rng.randrange(10 ** len(old))
            new = f"{value:0{len(old)}d}"
        else:
            new = self._pick(self._english)
            new = new.upper() if old.isupper() else new.capitalize() if old[0].isupper() else new
        return text[: part.start()] + new + text[part.end() :]

    def label(self) -> str:
        """A short label for an axis, a box or a table cell."""
        kind = self.rng.random()
        if kind < 0.3:
            return self.number()
        if kind < 0.45:
            return self.identifier()
        return self._case(self.term()[:22].rsplit(" ", 1)[0])

    def number(self) -> str:
        """A number as tables and axes print it."""
        value = self.rng.random() * 10 ** self.rng.randint(0, 4)
        forms = (
            f"{value:.1f}",
            f"{value:.2f}",
            f"{value:.0f}",
            f"{value:.0f} %",
            f"{value:.0f}%",
            f"{value / 100:.1f}%",
            f"0.{self.rng.randrange(1000):03d}",
            f"{self.rng.randint(1, 20)}/{self.rng.randint(2, 99)}",
            f"${value:,.0f}",
            f"-{value:.2f}",
            f"{value:,.0f}",
            f"1e-{self.rng.randint(1, 9)}",
        )
        return self._pick(forms)

    def formula(self) -> str:
        """Something that looks like one line of mathematics."""
        a, b, c = (self._pick("abcdfghkmnpqstuvwxyzαβγδθλμσφω") for _ in range(3))
        n = self.rng.randint(2, 9)
        return self._pick(vocabulary.FORMULAS).format(a=a, b=b, c=c, n=n)

    def person(self) -> str:
        """A made-up author."""
        initial = self._pick("ABCDEFGHIJKLMNOPRSTVW")
        given = self._pick(self._english).capitalize()
        name = self._pick(_NAMES)
        return self._pick(
            (f"{initial}. {name}", f"{given[:7]} {name}", f"Prof. {name}", f"Dr. {given[:6]} {name}", name)
        )

    def organisation(self) -> str:
        """A school, an institute, a company."""
        term, label = self.term(), self.label()
        named = ("University of {term}", "{term} University", "{term} Institute of {label}", "Institute of {label}",
                 "Department of {label}", "{term} {label}", "{term}", "{label} {term} Laboratory")  # fmt: skip
        return self._pick(named).format(term=term, label=label)

    def date(self) -> str:
        """A date or a term."""
        year, month, day = self.rng.randint(2005, 2026), self.rng.randint(1, 12), self.rng.randint(1, 28)
        return self._pick(
            (
                f"{year}-{month:02d}-{day:02d}",
                f"{self._pick(_MONTHS + _SEASONS)} {year}",
                f"{self._pick(_MONTHS)} {day}, {year}",
                f"{day}.{month}.{year}",
            )
        )

    def term(self) -> str:
        """A thing to talk about: a term of a field, a phrase, or a few words that do not belong together."""
        kind = self.rng.random()
        if kind < 0.3 and self._terms:
            return self._pick(self._terms)
        if kind < 0.5 and self._phrases:
            phrase = self._pick(self._phrases).split()
            start = self.rng.randrange(max(1, len(phrase) - 2))
            return " ".join(phrase[start : start + self.rng.randint(1, 5)]).strip(".,;:()-/ ") or phrase[0]
        if kind < 0.6:
            language = self._pick(self._languages)
            return " ".join(self._pick(language) for _ in range(self.rng.randint(1, 2)))
        if kind < 0.68:
            return self.pseudoword()
        return " ".join(self.word() for _ in range(self._pick((1, 1, 2, 2, 2, 3, 3, 4, 6))))

    def pseudoword(self) -> str:
        """A pronounceable word that no dictionary has."""
        return "".join(self._pick(_SYLLABLES) for _ in range(self.rng.randint(2, 4)))

    def identifier(self) -> str:
        """The name of a function, a variable, a package or a file."""
        words = [
            self.shorthand() if self.rng.random() < _SHORTHAND_SHARE
            else self._pick(self._english)[: self.rng.choice((8, 14))]
            for _ in range(self.rng.randint(1, 3))
        ]  # fmt: skip
        suffix = self._pick(("py", "c", "txt", "csv", "sh", "md", "conf", "patch", "json", "tar.gz"))
        camel = words[0] + "".join(map(str.capitalize, words[1:]))
        forms = ("_".join(words), camel, "-".join(words), f"{words[0]}{self.rng.randint(0, 99)}", camel.capitalize())
        return self._pick((*forms, "_".join(words).upper(), ".".join(words), f"{words[0]}.{suffix}"))

    def shorthand(self) -> str:
        """The name of a command or a module, as "dput": parts of words, one without its vowels, or any letters."""
        word = self._pick(self._english).lower()
        kind = self.rng.random()
        if kind < 0.4:
            word = word[:1] + re.sub("[aeiou]", "", word[1:])
        elif kind < 0.6:
            word = "".join(self._pick(string.ascii_lowercase) for _ in range(5))
        else:
            word = word[: self.rng.randint(1, 4)] + self._pick(self._english).lower()
        return word[: self.rng.randint(2, 7)]

    def code(self) -> str:
        """Random capitals and digits, such as a course number: cannot be guessed."""
        letters = "".join(self._pick(string.ascii_uppercase) for _ in range(self.rng.randint(1, 4)))
        middle, end = self._pick(("", "-", " ", "_")), self._pick(("", "", "a", "x", ".1"))
        return f"{letters}{middle}{self.rng.randint(0, 9999)}{end}"

    def path(self) -> str:
        """A path in a file system."""
        root = self._pick(("/usr", "/etc", "~", ".", "src", "/home/user", "data", "C:"))
        return "/".join((root, *(self._pick(self._english)[:9] for _ in range(self.rng.randint(1, 2)))))

    def url(self) -> str:
        """A web address."""
        domain = self._pick(("org", "com", "edu", "ch", "io", "de"))
        host = f"{self._pick(self._english)}{self._pick(('', '-lab', '4'))}.{domain}"
        tail = self._pick(("", "/", f"/{self._pick(self._english)}", f"/{self.code().replace(' ', '')}/index.html"))
        return self._pick(("https://", "http://", "www.", "")) + host + tail

    def _akin(self, title: str) -> str:
        """The next of a series: another word or number in it, or a number behind it; or the same, on another page."""
        kind = self.rng.random()
        if kind < _SAME_SHARE:
            return title
        if kind < 0.7:
            return self.varied(title)
        return f"{title}{self._pick((' (2)', ' 2', ', part 2', ' (1/2)', ' (cont.)', ' II'))}"

    def _title_once(self) -> str:
        kind = self.rng.random()
        if self._subject and self.rng.random() < _OF_SUBJECT_SHARE:
            text = self._fill(self._pick(self._forms))
        elif kind < 0.2 and self._phrases:
            text = self._pick(self._phrases)
        elif kind < 0.24:
            text = " ".join(
                self.code() if self.rng.random() < 0.5 else self.pseudoword() for _ in range(self.rng.randint(1, 3))
            )
        elif kind < 0.28:
            text = " ".join(self.word() for _ in range(self.rng.randint(1, 5)))
        elif kind < 0.31:
            text = self._pick((self.url, self.path, self.identifier))()
            return text[:_MAX_TITLE]
        elif self._is_foreign and kind < 0.6:
            text = self._fill(self._pick(vocabulary.FOREIGN_TITLES))
        else:
            text = self._fill(self._pick(vocabulary.TITLES))
        return text[:1].upper() + text[1:] if self.rng.random() < 0.7 else text

    def _fill(self, template: str, squeeze: bool = True) -> str:
        """A template with every placeholder drawn anew."""
        text = _PLACEHOLDER.sub(lambda match: self._fillers[match.group(1)](), template)
        return normalise(text) if squeeze else text

    def _placeholders(self) -> dict[str, Callable[[], str]]:
        number = self.rng.randint
        return {
            "X": lambda: self._case(self.term()),
            "x": self.term,
            "S": lambda: self._case(self._pick(self._subject)),
            "s": lambda: self._pick(self._subject),
            "W": lambda: self.word().capitalize(),
            "w": self.word,
            "n": lambda: str(number(1, 12)),
            "m": lambda: str(number(0, 9)),
            "id": self.identifier,
            "path": self.path,
            "url": self.url,
            "code": self.code,
            "cmd": self.shorthand,
            "num": self.number,
            "name": lambda: self._pick(_NAMES),
            "year": lambda: str(number(1750, 2026)),
            "phrase": lambda: self._pick(self._phrases) if self._phrases else f"{self.term()} of {self.term()}",
        }

    def _case(self, term: str) -> str:
        """A term in title case, or with its first letter capitalised only."""
        if self.rng.random() < 0.5:
            return term[:1].upper() + term[1:]
        return " ".join(word[:1].upper() + word[1:] if len(word) > 3 else word for word in term.split())

    def _pick(self, options: Sequence[_T]) -> _T:
        return options[int(self.rng.random() * len(options))]
