"""Videos of real pages whose words are known, and what to ask of them: for calibrating the search and measuring it.

The decks of the repository that is kept out of training go by turns to calibration and to measurement, so that
nothing is measured on what it was fitted to.
"""

import random
import re
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from PIL import Image

from vamba_cli.media.slideshow import write_slideshow
from vamba_cli.train.pages import Page, is_validation, read_pages, to_slide

Purpose = Literal["calibrate", "measure"]

# With the second, slides change within frame pairs too, as in lectures: windows of both kinds are measured.
_SECONDS_PER_PAGE = {"calibrate": 8, "measure": 9}
_FRAMES_PER_SECOND = 2
_SIZE = (640, 360)
_LEAST_HEIGHT = 9 / 360  # of a line's box, as a share of the page: smaller type cannot be read at this size
_MOST_PLACES = 3  # pages that may have a distinctive phrase
_NUM_WORDS = (2, 3, 4)
_CHARACTERS = range(12, 41)
_LETTERS = range(4, 17)  # of a single word


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words to ask for, and the numbers of the pages that have them; none for what is absent."""

    text: str
    pages: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PageClip:
    """A deck's pages, shown for some seconds each, with phrases from the bodies of its pages."""

    name: str
    pages: tuple[Page, ...]
    phrases: tuple[Phrase, ...]
    seconds_per_page: int

    def spans(self, phrase: Phrase) -> list[tuple[float, float]]:
        """When a phrase is on screen, in seconds."""
        long = float(self.seconds_per_page)
        return [(page * long, (page + 1) * long) for page in phrase.pages]

    @property
    def words(self) -> list[str]:
        """What is written on each page, in small letters."""
        return ["\n".join(line.text for line in page.lines).casefold() for page in self.pages]

    @property
    def titles(self) -> list[str]:
        """The title of each page."""
        return [" ".join(line.text for line in page.title) for page in self.pages]

    @property
    def rare(self) -> list[str]:
        """Single words from the bodies of few pages."""
        on_page = [set(re.findall(r"\w+", words)) for words in self.words]
        found = {word.strip(",.:;()") for page in self.pages for text in _body(page) for word in text.split()}
        return [
            word
            for word in sorted(found)
            if word.isalpha()
            and len(word) in _LETTERS
            and 1 <= sum(word.casefold() in words for words in on_page) <= _MOST_PLACES
        ]

    def absent(self, texts: list[str]) -> list[Phrase]:
        """Those texts that stand on no page."""
        words = "\n".join(self.words)
        return [Phrase(text, ()) for text in texts if text.casefold() not in words]

    def written(self, folder: Path) -> Path:
        """The video in a folder, as MP4; made unless it is there."""
        path = folder / f"{self.name}.mp4"
        if not path.exists():
            self._write(path)
        return path

    def _write(self, path: Path) -> None:
        with tempfile.TemporaryDirectory() as folder:
            files = [Path(folder, f"{number}.png") for number in range(len(self.pages))]
            for page, file in zip(self.pages, files, strict=True):
                Image.fromarray(to_slide(page, _SIZE).image).save(file, compress_level=1)
            write_slideshow(path, files, [self.seconds_per_page] * len(files), fps=_FRAMES_PER_SECOND)


def page_clips(folder: Path, purpose: Purpose) -> list[PageClip]:
    """One clip for each held-out deck of that purpose."""
    decks: dict[str, list[Page]] = {}
    for page in read_pages(folder):
        if page.title and is_validation(page.source):
            decks.setdefault(page.source, []).append(page)
    names = sorted(decks)[0 if purpose == "calibrate" else 1 :: 2]
    picker = random.Random(0)
    return [_clip(name, decks[name], picker, _SECONDS_PER_PAGE[purpose]) for name in names]


def _clip(name: str, pages: list[Page], picker: random.Random, seconds_per_page: int) -> PageClip:
    """A clip with one phrase for each page that has a distinctive one: few pages have it, and no title."""
    bare = PageClip(Path(name).stem, tuple(pages), (), seconds_per_page)
    words = bare.words
    titles = "\n".join(bare.titles).casefold()
    phrases: dict[str, Phrase] = {}
    for page in pages:
        distinctive = []
        for text in _candidates(page):
            places = tuple(number for number, there in enumerate(words) if text.casefold() in there)
            if text.casefold() not in titles and 1 <= len(places) <= _MOST_PLACES:
                distinctive.append(Phrase(text, places))
        if distinctive:
            phrase = picker.choice(distinctive)
            phrases[phrase.text] = phrase
    return replace(bare, phrases=tuple(phrases.values()))


def _body(page: Page) -> list[str]:
    """Lines that can be read and are neither title nor footer."""
    return [
        line.content
        for line in page.lines
        if line not in page.title and not line.is_footer and line.box.height >= _LEAST_HEIGHT
    ]


def _candidates(page: Page) -> list[str]:
    """Runs of ordinary words from the body of a page."""
    found = []
    for line in _body(page):
        words = line.split()
        for length in _NUM_WORDS:
            for first in range(len(words) - length + 1):
                part = words[first : first + length]
                text = " ".join(part).strip(",.:; ")
                if all(word.strip(",.:;").isalpha() for word in part) and len(text) in _CHARACTERS:
                    found.append(text)
    return found
