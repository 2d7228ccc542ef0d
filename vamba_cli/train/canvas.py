"""A slide being drawn: PIL underneath, and a record of every character and where it went.

Lengths are canvas pixels, `scale` times as many as the finished picture has: real slides are drawn large and scaled
down by whoever made the video, and text that was only ever drawn small looks different.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from vamba_cli.train.alphabet import encode
from vamba_cli.train.faces import Face

Colour = tuple[int, int, int]


class Box(NamedTuple):
    """A rectangle, half-open, in canvas pixels."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    def inset(self, across: float, down: float) -> Box:
        """The box without a margin on either side."""
        return Box(self.left + across, self.top + down, self.right - across, self.bottom - down)

    def overlaps(self, other: Box) -> bool:
        """Whether the two share any area."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of text in one face and colour; `label` is what it reads as when that is not what is drawn."""

    face: Face
    text: str
    colour: Colour
    label: str = ""


class Canvas:
    """An image with a slide area, the characters drawn on it, and the places already taken."""

    def __init__(self, image: Image.Image, frame: Box, scale: float) -> None:
        self.image = image
        self.draw = ImageDraw.Draw(image)
        self.frame = frame
        self.scale = scale
        self.title = ""
        self.lines: list[str] = []
        self._taken: list[Box] = []
        self._codes: list[npt.NDArray[np.uint8]] = []
        self._centres: list[npt.NDArray[np.float32]] = []

    def is_free(self, box: Box) -> bool:
        """Whether nothing was drawn there yet and it lies inside the slide."""
        frame = self.frame
        inside = (
            box.left >= frame.left and box.right <= frame.right and box.top >= frame.top and box.bottom <= frame.bottom
        )
        return inside and not any(box.overlaps(taken) for taken in self._taken)

    def claim(self, box: Box) -> None:
        """Keeps later text out of a box."""
        self._taken.append(box)

    def text(self, left: float, baseline: float, runs: Sequence[Run], record: bool = True, over: bool = False) -> bool:
        """Draws one line from its left end, or nothing at all (False) where it would hide or leave something.

        `record` makes it one of the slide's lines; its characters are noted in any case. `over` allows drawing on what
        is there already, such as a label on the box drawn for it.
        """
        measured = [run.face.centres(run.text) for run in runs]
        size = max(run.face.size for run in runs)
        box = Box(left, baseline - 0.74 * size, left + sum(width for width, _ in measured), baseline + 0.22 * size)
        if over:
            if box.left < 0 or box.top < 0 or box.right > self.image.width or box.bottom > self.image.height:
                return False
        elif not self.is_free(box):
            return False
        self._taken.append(box)
        pen = left
        for run, (width, centres) in zip(runs, measured, strict=True):
            self.draw.text((pen, baseline), run.face.drawn(run.text), font=run.face.font, fill=run.colour, anchor="ls")
            self._note(run.label or run.text, pen + centres, baseline - 0.33 * size)
            pen += width
        if record:
            self.lines.append("".join(run.label or run.text for run in runs).strip())
        return True

    def _note(self, text: str, across: npt.NDArray[np.float32], down: float) -> None:
        codes = encode(text)
        seen = codes > 1  # neither unknown nor a space
        self._codes.append(codes[seen])
        self._centres.append(np.stack([across[seen], np.full(int(seen.sum()), down)], axis=1).astype(np.float32))

    def glyphs(self) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
        """Codes (n,) and centres (n, 2) of all characters, the centres in pixels of the finished picture."""
        if not self._codes:
            return np.zeros(0, np.uint8), np.zeros((0, 2), np.float32)
        return np.concatenate(self._codes), np.concatenate(self._centres) / np.float32(self.scale)
