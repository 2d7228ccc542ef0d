"""A page as it crosses from the process that draws it to the GPU: arrays of fixed shapes, and its words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vamba_cli.train.questions import Question, QuestionMaker, SlideText
from vamba_cli.train.render import Slide

MAX_GLYPHS = 1536
MAX_TEXT_BYTES = 2048
CENTRE_STEPS = 4  # characters are placed to a quarter of a pixel

Array = npt.NDArray[np.generic]


class Sample(NamedTuple):
    """One page, or several of them stacked.

    image: (height, width, 3) uint8.
    codes, centres: (MAX_GLYPHS,) uint8 codes of its characters, 0 for none, and (MAX_GLYPHS, 2) int16 x and y of
        their centres in quarters of a pixel.
    ids, weights: (rows, length) int16 token ids of rows of questions, padded with 0; uint8 quarters of their weights.
    deck: () int64 a number that pages of one deck share.
    text: (MAX_TEXT_BYTES,) uint8 title and lines, one a line, padded with 0.
    """

    image: Array
    codes: Array
    centres: Array
    ids: Array
    weights: Array
    deck: Array
    text: Array


WEIGHT_STEPS = 4  # weights are whole numbers of quarters


@dataclass(frozen=True, slots=True)
class SampleShape:
    """What is fixed about the samples of a stage: the picture's width and height, and the rows of questions."""

    size: tuple[int, int]
    num_rows: int
    row_length: int

    def fields(self) -> tuple[tuple[tuple[int, ...], type[np.generic]], ...]:
        """Shape and type of each array of a `Sample`, in its order."""
        width, height = self.size
        rows = (self.num_rows, self.row_length)
        return (
            ((height, width, 3), np.uint8), ((MAX_GLYPHS,), np.uint8), ((MAX_GLYPHS, 2), np.int16),
            (rows, np.int16), (rows, np.uint8), ((), np.int64), ((MAX_TEXT_BYTES,), np.uint8),
        )  # fmt: skip


class Sampler:
    """Draws one page after the other and asks about each."""

    def __init__(self, draw: Callable[[], Slide], ask: QuestionMaker, shape: SampleShape) -> None:
        self._draw, self._ask, self._shape = draw, ask, shape

    def __call__(self) -> Sample:
        slide = self._draw()
        page = SlideText(slide.title, slide.lines)
        sample = Sample(*(np.zeros(shape, kind) for shape, kind in self._shape.fields()))
        sample.image[...] = slide.image
        sample.deck[...] = slide.deck
        num = min(len(slide.glyph_codes), MAX_GLYPHS)
        sample.codes[:num] = slide.glyph_codes[:num]
        sample.centres[:num] = np.rint(slide.glyph_centres[:num] * CENTRE_STEPS).astype(np.int16)
        for row in range(self._shape.num_rows):
            write_row(sample.ids[row], sample.weights[row], self._ask.about_page(page, self._shape.row_length))
        self._ask.remember(page)
        put_text(sample.text, page)
        return sample


def write_row(
    ids: Array, weights: Array, questions: Sequence[Question], decisive_factor: float = 1.0
) -> list[tuple[int, int]]:
    """Questions one behind the other into a row; returns the half-open places of each."""
    at, places = 0, []
    for question in questions:
        end = at + len(question.ids)
        ids[at:end] = question.ids
        begin = at + question.answer_start
        weights[begin:end] = round(question.weight * WEIGHT_STEPS)
        for place in question.decisive:
            weights[begin + place] = round(question.weight * decisive_factor * WEIGHT_STEPS)
        places.append((at, end))
        at = end
    return places


def put_text(field: Array, page: SlideText) -> None:
    """As many bytes of a page's words as fit, whole characters only."""
    text = "\n".join((page.title, *page.lines)).encode()[: len(field)].decode(errors="ignore").encode()
    field[: len(text)] = np.frombuffer(text, np.uint8)


def get_text(field: Array) -> SlideText:
    title, *lines = bytes(field).rstrip(b"\0").decode().split("\n")
    return SlideText(title, tuple(filter(None, lines)))
