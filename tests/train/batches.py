"""Small pages, rings and batches for the tests of training: every page says its number."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch

from vamba_cli.train.clips import Batch, ClipMaker, Ring
from vamba_cli.train.questions import QuestionMaker
from vamba_cli.train.recipe import Stage
from vamba_cli.train.render import Slide
from vamba_cli.train.samples import Sample, Sampler, SampleShape

WIDTH, HEIGHT, ROWS = 84, 56, 2
CELLS, CODES = 6, 12
STAGE = Stage(WIDTH, HEIGHT, seconds=1.0, pages=5, clips=2, pairs=4, page_tokens=160, clip_tokens=128)
SHAPE = SampleShape((WIDTH, HEIGHT), ROWS, STAGE.page_tokens)


def slide(number: int, title: str | None = None) -> Slide:
    """A picture of noise with three characters on it, the same for the same number."""
    draw = np.random.default_rng(number)
    image = draw.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    codes = draw.integers(2, CODES, 3).astype(np.uint8)
    places = np.array([[20, 20], [42, 30], [60, 34]], np.float32) + draw.random((3, 2), np.float32)
    return Slide(
        image, f"Slide {number}" if title is None else title, (f"line of {number}", "two words"), codes, places
    )


def samples(numbers: Sequence[int], seed: int = 0, shape: SampleShape = SHAPE) -> Sample:
    """Stacked samples of slides with these numbers."""
    ask = QuestionMaker(seed)
    each = [Sampler(partial(slide, number), ask, shape)() for number in numbers]
    return Sample(*map(np.stack, zip(*each, strict=True)))


def ring(num: int = 20, capacity: int | None = None) -> Ring:
    one = Ring(capacity or num, SHAPE, torch.device("cpu"))
    one.add(samples(range(num)))
    return one


def batch(seed: int = 1, stage: Stage = STAGE, of: Ring | None = None) -> Batch:
    return ClipMaker(seed, stage, ROWS)(of or ring())
