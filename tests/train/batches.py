"""Small pages, rings and batches for the tests of training: every page says its number."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vamba_cli.model.vamba import Vamba
from vamba_cli.train.clips import Batch, ClipMaker, Ring
from vamba_cli.train.evaluate import EvaluationSet
from vamba_cli.train.loop import Trainer
from vamba_cli.train.questions import QuestionMaker, SlideText
from vamba_cli.train.recipe import Recipe, Stage
from vamba_cli.train.render import Slide
from vamba_cli.train.samples import Sample, Sampler, SampleShape

WIDTH, HEIGHT, ROWS = 84, 56, 2
CELLS, CODES = 6, 12
STAGE = Stage(WIDTH, HEIGHT, seconds=1.0, pages=5, clips=2, pairs=4, page_tokens=160, clip_tokens=128)
RECIPE = Recipe(stages=(STAGE,), ring_pages=24, rows_per_page=ROWS, matrix_rate=0.02, other_rate=2e-3)
SHAPE = SampleShape((WIDTH, HEIGHT), ROWS, STAGE.page_tokens)


def slide(number: int, title: str | None = None, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Slide:
    """A picture of noise with three characters on it, the same for the same number."""
    draw = np.random.default_rng(number)
    image = draw.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    codes = draw.integers(2, CODES, 3).astype(np.uint8)
    places = np.array([[20, 20], [42, 30], [60, 34]], np.float32) + draw.random((3, 2), np.float32)
    return Slide(
        image, f"Slide {number}" if title is None else title, (f"line of {number}", "two words"), codes, places
    )


def samples(numbers: Sequence[int], seed: int = 0, shape: SampleShape = SHAPE) -> Sample:
    """Stacked samples of slides with these numbers."""
    ask = QuestionMaker(seed)
    each = [Sampler(partial(slide, number, size=shape.size), ask, shape)() for number in numbers]
    return Sample(*map(np.stack, zip(*each, strict=True)))


def ring(num: int = 20, capacity: int | None = None) -> Ring:
    one = Ring(capacity or num, SHAPE, torch.device("cpu"))
    one.add(samples(range(num)))
    return one


def batch(seed: int = 1, stage: Stage = STAGE, of: Ring | None = None) -> Batch:
    return ClipMaker(seed, stage, ROWS)(of or ring())


class Source:
    """A few pages, over and over."""

    def __init__(self, num: int = 8, size: tuple[int, int] = (WIDTH, HEIGHT)) -> None:
        self.pages = samples(range(num), shape=SampleShape(size, ROWS, STAGE.page_tokens))
        self.taken = 0

    def take(self, num: int) -> Sample:
        self.taken += 1
        order = [(self.taken + i) % len(self.pages.text) for i in range(min(num, 5))]
        return Sample(*(part[order] for part in self.pages))


def trainer(model: Vamba, out: Path, recipe: Recipe = RECIPE, **options: Any) -> Trainer:
    slides = [slide(number) for number in range(4)]
    known = EvaluationSet(
        "known", np.stack([one.image for one in slides]), [SlideText(one.title, one.lines) for one in slides]
    )
    return Trainer(model, recipe, out, CODES, [known], compiled=False, log_every=5, **options)
