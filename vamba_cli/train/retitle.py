"""Real pages with new titles: other words in other typefaces and sizes than the few thousand pages have.

The old title is painted over in the colour around it, and a new one is set in its place, as large and as dark. Pages
whose title stands on anything but one colour stay as they are.
"""

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from vamba_cli.train.alphabet import is_readable
from vamba_cli.train.canvas import Box, Colour
from vamba_cli.train.faces import Face, FontBook
from vamba_cli.train.pages import Line, Page
from vamba_cli.train.setting import fit_lines
from vamba_cli.train.words import WordSource

_FINER = 3  # type is set on a picture so many times as large, and made smaller with it
_NEAR, _FAR = 18, 70  # levels: pixels of one colour differ by less, ink and paper by more
_PLAIN_SHARE = 0.95  # of the pixels around a title have the colour of the paper
_MARGIN = 0.03  # of the page's width, which titles keep free
_SMALLEST = 0.6  # of its old size a title becomes, rather than more lines
_TYPE_SIZE = 0.85  # of the height of a line
_UPPER_SHARE = 0.1  # of the looks have titles in capitals; the others where the page had
_MODEST_SHARE = 0.3  # of the looks have titles hardly larger than the text below them
_LEAST_HEIGHT = 0.035  # of a line, as a share of the page's height
_TRIES = 4

_Pixels = npt.NDArray[np.int16]


class _Place(NamedTuple):
    """Where a title stands and may stand, in whole pixels, and its colours."""

    left: int  # of the old title, with a little around it
    top: int
    right: int
    bottom: int
    room: tuple[int, int]  # columns between which nothing else stands beside it
    is_centred: bool
    paper: Colour
    ink: Colour


class Retitler:
    """Sets titles of drawn words in drawn typefaces."""

    def __init__(self, fonts: Sequence[Path], words: WordSource) -> None:
        self._book, self._words = FontBook(fonts), words
        self._look = ""

    def __call__(self, image: Image.Image, page: Page, look: str) -> tuple[Image.Image, Page]:
        """A page and its picture with another title, in the typeface of a look; as they are where that cannot be."""
        place = _place_of(image, page)
        if place is None:
            return image, page
        if look != self._look:
            self._words.new_deck()
            self._look = look
        rng = random.Random(look)
        typeface = rng.choice(self._book.title)
        is_upper = rng.random() < _UPPER_SHARE or "".join(line.text for line in page.title).isupper()
        height = _height(page, rng.uniform(1, 1.2) if rng.random() < _MODEST_SHARE else None)
        size = height * image.height * _TYPE_SIZE * _FINER
        room = (place.room[1] - place.room[0]) * _FINER
        for _ in range(_TRIES):
            self._words.new_page()
            text = typeface.clean(self._words.title())
            text = text.upper() if is_upper else text
            face, lines = fit_lines(text, self._book, typeface, (size, _SMALLEST * size), room, len(page.title))
            if lines and is_readable(text) and any(map(str.isalpha, text)):
                return _set(image, page, place, face, lines)
        return image, page


def _place_of(image: Image.Image, page: Page) -> _Place | None:
    """The place of a page's title; None where it has none, or more than one colour lies behind it."""
    if not page.title:
        return None
    boxes = [line.box for line in page.title]
    around = Box(min(b.left for b in boxes), boxes[0].top, max(b.right for b in boxes), boxes[-1].bottom)
    little = 0.12 * boxes[0].height
    padded = around.inset(-little * image.height / image.width, -little)
    if any(line.box.overlaps(padded) for line in page.lines if line not in page.title):
        return None
    left, right = (round(x * image.width) for x in (padded.left, padded.right))
    top, bottom = (round(y * image.height) for y in (padded.top, padded.bottom))
    if left < 1 or top < 1 or right >= image.width or bottom >= image.height:
        return None
    pixels = np.asarray(image).astype(np.int16)
    ring = np.concatenate([pixels[[top - 1, bottom], left:right].reshape(-1, 3),
                           pixels[top:bottom, [left - 1, right]].reshape(-1, 3)])  # fmt: skip
    paper = np.median(ring, 0).astype(np.int16)
    inside = pixels[top:bottom, left:right].reshape(-1, 3)
    distance = np.abs(inside - paper).max(-1)
    if _plain_share(ring, paper) < _PLAIN_SHARE or distance.max() < _FAR:
        return None
    ink = np.median(inside[distance >= np.quantile(distance, 0.97)], 0)
    centre = (around.left + around.right) / 2
    return _Place(
        left, top, right, bottom, _room(pixels, paper, (left, top, right, bottom)),
        abs(centre - 0.5) < 0.02 and around.width < 0.8, _colour(paper), _colour(ink),
    )  # fmt: skip


def _height(page: Page, times: float | None) -> float:
    """How high a line of the new title is, as a share of the page: as the old one, or so many times the body's."""
    old = page.title[0].box.height
    body = [line.box.height for line in page.lines if line not in page.title and not line.is_footer]
    return old if times is None or not body else min(old, max(_LEAST_HEIGHT, times * float(np.median(body))))


def _plain_share(pixels: _Pixels, paper: _Pixels) -> float:
    """Which share of the pixels has the colour of the paper."""
    return float((np.abs(pixels - paper).max(-1) < _NEAR).mean())


def _room(pixels: _Pixels, paper: _Pixels, box: tuple[int, int, int, int]) -> tuple[int, int]:
    """From which column to which the rows of a box show nothing but paper, apart from the box itself."""
    left, top, right, bottom = box
    others = (np.abs(pixels[top:bottom] - paper).max(-1) >= _NEAR).any(0)
    others[left:right] = False
    margin = round(_MARGIN * len(others))
    others[:margin] = others[len(others) - margin :] = True
    (taken,) = np.nonzero(others)
    before, behind = taken[taken < left], taken[taken >= right]
    return (int(before[-1]) + 1 if len(before) else left), (int(behind[0]) if len(behind) else right)


def _colour(levels: npt.NDArray[np.floating] | _Pixels) -> Colour:
    red, green, blue = (int(level) for level in levels)
    return red, green, blue


def _set(image: Image.Image, page: Page, place: _Place, face: Face, lines: list[str]) -> tuple[Image.Image, Page]:
    """The picture with these lines in the place of the old title, and the page that says so."""
    strip = image.crop((0, place.top, image.width, place.bottom))
    large = strip.resize((strip.width * _FINER, strip.height * _FINER), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(large)
    draw.rectangle((place.left * _FINER, 0, place.right * _FINER, large.height), fill=place.paper)
    first = page.title[0].box
    pitch = (page.title[1].box.top - first.top if len(page.title) > 1 else first.height) * image.height * _FINER
    start = (first.top * image.height - place.top) * _FINER
    old_left = round(first.left * image.width) * _FINER
    room_left, room_right = (column * _FINER for column in place.room)
    title = []
    for number, text in enumerate(lines):
        width = face.centres(text)[0]
        left = (large.width - width) / 2 if place.is_centred else min(old_left, room_right - width)
        left = max(room_left, left)
        top = start + number * pitch
        baseline = top + 0.78 * first.height * image.height * _FINER
        draw.text((left, baseline), face.drawn(text), font=face.font, fill=place.ink, anchor="ls")
        across, down = image.width * _FINER, image.height * _FINER
        up = place.top * _FINER
        box = Box(left / across, (up + baseline - 0.74 * face.size) / down, (left + width) / across,
                  (up + baseline + 0.22 * face.size) / down)  # fmt: skip
        title.append(Line(text, box))
    changed = image.copy()
    changed.paste(large.resize(strip.size, Image.Resampling.LANCZOS), (0, place.top))
    others = tuple(line for line in page.lines if line not in page.title)
    return changed, replace(page, title=tuple(title), lines=(*title, *others))
