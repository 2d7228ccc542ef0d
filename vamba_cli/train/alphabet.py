"""The characters that the dense reading targets can name, and text made of nothing else.

A code is an index into `ALPHABET`; code 0 stands for "no character" and never for a real one. Everything that draws or
loads a slide passes its text through `normalise`, so that a title and the glyphs on the picture agree.
"""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import numpy.typing as npt

_ASCII = "".join(map(chr, range(0x20, 0x7F)))
_LATIN = "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿœŒšŠčČžŽłŁ¿¡"
_PUNCTUATION = "–—‘’“”„…•«»·§©®™€£†"
_SYMBOLS = "°±×÷≤≥≠≈≡∼∝∞∈∪∩⊂⊆∫√∂∇∀∃∅∧∨¬→←↔⇒⇔↑↓¹²³½✓"
_GREEK = "αβγδεζηθκλμνξπρστφχψωΓΔΘΛΞΠΣΦΨΩ"

ALPHABET = "\0" + _ASCII + _LATIN + _PUNCTUATION + _SYMBOLS + _GREEK

_CODES = {character: code for code, character in enumerate(ALPHABET)}

# One drawn shape, one character: nobody can tell these from what they are mapped to.
_LOOKALIKES = {
    "\u00a0": " ",
    "\u2009": " ",
    "\u00ad": "",
    "\u200b": "",
    "\u2010": "-",
    "\u2011": "-",
    "\u2212": "-",
    "\u00b5": "μ",
    "\u2211": "Σ",
    "\u220f": "Π",
    "\u2206": "Δ",
    "\u2126": "Ω",
    "\u03b5": "ε",
    "\u03f5": "ε",
    "\u03d5": "φ",
    "\u2217": "*",
    "\u2223": "|",
    "\u2022": "•",
}


# How text taken from documents spells an ellipsis.
_SPACED_DOTS = re.compile(r" ?\.(?: \.)+")


def _nearest(character: str) -> str:
    """A character of `ALPHABET` (or several) for one that may not be in it; itself when there is none."""
    if character in _CODES:
        return character
    if character in _LOOKALIKES:
        return _LOOKALIKES[character]
    plain = unicodedata.normalize("NFKC", character)
    return plain if all(part in _CODES for part in plain) else character


def normalise(text: str) -> str:
    """Text with ligatures, look-alikes and runs of white space reduced to characters of `ALPHABET` where possible."""
    composed = unicodedata.normalize("NFC", text)
    plain = " ".join("".join(map(_nearest, composed)).split())
    return _SPACED_DOTS.sub("...", plain)


def is_readable(text: str) -> bool:
    """Whether every character of the text is one that the alphabet can name."""
    return all(character in _CODES for character in text)


def encode(text: str) -> npt.NDArray[np.uint8]:
    """Codes of the characters of a text, (len(text),); 0 for those outside the alphabet."""
    return np.array([_CODES.get(character, 0) for character in text], dtype=np.uint8)
