"""Typefaces to draw with: loaded once per size, measured once per file, and honest about the characters they lack."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import ImageFont, features

from vamba_cli.train.alphabet import ALPHABET, encode

_PLAIN = {
    "’": "'", "‘": "'", "“": '"', "”": '"', "„": '"', "–": "-", "—": "-", "…": "...", "•": "-", "·": ".", "→": "->",
    "²": "2", "≤": "<=", "≥": ">=", "≠": "!=", "⇒": "=>", "←": "<-", "×": "x",
}  # fmt: skip
_DISPLAY = ("yanone", "oswald", "comfortaa", "playfair", "dosis", "quicksand", "comicneue", "raleway")
_MEASURED_AT = 100
# What shaping engines draw as one: longest first. PIL's own layout has kerning but none of these.
_LIGATURES = {"ffi": "ﬃ", "ffl": "ﬄ", "ff": "ﬀ", "fi": "ﬁ", "fl": "ﬂ"}


class Typeface:
    """One font file: its character set, relative widths and roles."""

    def __init__(self, path: Path) -> None:
        self.path = path
        name = path.stem.lower()
        font = ImageFont.truetype(str(path), _MEASURED_AT, layout_engine=ImageFont.Layout.BASIC)
        self.is_mono = abs(font.getlength("i") - font.getlength("W")) < 0.5
        self.is_display = name.startswith(_DISPLAY)
        self.is_slanted = "italic" in name or "oblique" in name
        self.is_bold = "bold" in name or "-700" in name or "-600" in name
        self.characters = _drawn(font, ALPHABET[1:])
        there = _drawn(font, "".join(_LIGATURES.values()))
        self._ligatures = [(letters, one) for letters, one in _LIGATURES.items() if one in there]
        # Width of each code of the alphabet, as a share of the size in pixels: (256,).
        self.widths = np.zeros(256, dtype=np.float32)
        for code, character in enumerate(ALPHABET):
            if character in self.characters:
                self.widths[code] = font.getlength(character) / _MEASURED_AT

    def clean(self, text: str) -> str:
        """The text with what this file cannot draw spelt more plainly, or left out."""
        if all(character in self.characters for character in text):
            return text
        return "".join(map(self._plainer, text))

    def joined(self, text: str) -> str:
        """The text as it is drawn: with one glyph for letters that this file can join."""
        for letters, one in self._ligatures:
            text = text.replace(letters, one)
        return text

    def _plainer(self, character: str) -> str:
        if character in self.characters:
            return character
        plain = _PLAIN.get(character) or unicodedata.normalize("NFD", character)[0]
        return plain if all(part in self.characters for part in plain) else ""


class Face:
    """A typeface at one size, in canvas pixels."""

    def __init__(self, typeface: Typeface, size: int, shaped: bool) -> None:
        """`shaped`: with ligatures, and with a shaping engine's kerning where PIL has one."""
        self._joins = shaped and not typeface.is_mono  # in programs -> would become an arrow
        engine = ImageFont.Layout.RAQM if self._joins and _has_shaping() else ImageFont.Layout.BASIC
        self.typeface = typeface
        self.size = size
        self.font = ImageFont.truetype(str(typeface.path), size, layout_engine=engine)

    def drawn(self, text: str) -> str:
        """The glyphs to draw for a text; it still reads as the text."""
        return self.typeface.joined(text) if self._joins else text

    def width(self, text: str) -> float:
        """About how wide the text is, in canvas pixels, without kerning."""
        return float(self.typeface.widths[encode(text)].sum()) * self.size

    def centres(self, text: str) -> tuple[float, npt.NDArray[np.float32]]:
        """The exact width of a text and the centre of each of its characters from its left edge: (len(text),)."""
        widths = self.typeface.widths[encode(text)]
        ends = np.cumsum(widths, dtype=np.float32)
        exact = float(self.font.getlength(self.drawn(text)))
        # Kerning, hinting and ligatures shift the whole by a few pixels: over a line, far less than a glyph each.
        stretch = np.float32(exact / max(float(ends[-1]), 1e-6))
        return exact, ((ends - widths / 2) * stretch).astype(np.float32)


class FontBook:
    """All faces of a renderer, and random choices among them by role."""

    def __init__(self, fonts: Sequence[Path]) -> None:
        if not fonts:
            raise ValueError("no fonts to draw slides with: give at least one .ttf or .otf file")
        faces = [_typeface(path) for path in fonts]
        self.mono = [face for face in faces if face.is_mono] or faces
        text = [face for face in faces if not face.is_mono] or faces
        upright = [face for face in text if not face.is_slanted] or text
        self.body = [face for face in upright if not face.is_display and not face.is_bold] or upright
        self.title = upright
        self.any_text = text
        self._open = lru_cache(maxsize=800)(self._load)

    def face(self, typeface: Typeface, size: float, shaped: bool = False) -> Face:
        """The typeface at a size in canvas pixels, rounded."""
        return self._open(typeface, max(6, round(size)), shaped)

    def sibling(self, typeface: Typeface, rng: random.Random) -> Typeface:
        """Another style of the same family if there is one: what emphasis looks like."""
        family = typeface.path.stem.split("-")[0]
        kin = [face for face in self.any_text if face.path.stem.split("-")[0] == family and face is not typeface]
        return rng.choice(kin) if kin else typeface

    def _load(self, typeface: Typeface, size: int, shaped: bool) -> Face:
        return Face(typeface, size, shaped)


@lru_cache(maxsize=512)
def _typeface(path: Path) -> Typeface:
    return Typeface(path)


@lru_cache(maxsize=1)
def _has_shaping() -> bool:
    return bool(features.check("raqm"))


def _drawn(font: ImageFont.FreeTypeFont, characters: str) -> frozenset[str]:
    """Those of the characters that a font draws: their picture is not that of a missing glyph."""
    missing = bytes(font.getmask("\ufffe"))
    return frozenset(c for c in characters if c == " " or ((mask := bytes(font.getmask(c))) and mask != missing))
