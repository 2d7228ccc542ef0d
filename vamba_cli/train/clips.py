"""Pages on the GPU to clips of frame pairs with questions: the batches of the training loop."""

import random
from collections import defaultdict
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from vamba_cli.train.questions import QuestionMaker, SlideText, parts_of
from vamba_cli.train.recipe import Stage
from vamba_cli.train.samples import WEIGHT_STEPS, Sample, SampleShape, get_text, write_row

RESET_SHARES = 0.95, 0.95, 0.05  # of three clips of a step in turn begin a new video; the rest go on
STAY_SHARES = 0.95, 0.5  # of the clips that continue a calm video, or a lively one, begin with the page that stands
_DECK_SHARE = 0.5  # of the clips show pages of one deck, which nothing moves and whose colours are the same
_IN_ORDER_SHARE = 0.7  # of these in the order in which they were drawn, the others in any
_ALIKE_SHARE = 0.4  # of the clips show mostly pages whose titles begin alike, or end alike,
_LETTERS, _LOOKED_AT = 4, 512  # with the same letters, and which are found among so many pages
_MOOD_STEPS = 12  # steps after which a video becomes calmer or livelier, on average
_MOOD_SHAPE = 0.7  # of a gamma distribution: most videos stay with a page for long, a few change all the time
_MAX_SHIFT = 14.0  # half a cell: a character may then lie anywhere in it
_EDGE = 8.0  # a character whose centre is nearer to an edge may be cut


class Batch(NamedTuple):
    """One training step's input; every step of a stage has the same shapes.

    pages: (pages,) index into the ring.
    read: (read,) index into `pages`: those that are asked about alone,
    rows: (read,) which of their rows of questions is asked,
    read_at: (read,) and the frame pair, counted through all clips, that it is read from.
    shifts: (pages, 2) how far each picture is moved in x and y, as a share between its limits; below 0 not at all.
    colours: (pages, 2, 3) gain and offset of each channel.
    noise: (pages,) standard deviation of the noise, in grey levels.
    seed: () of the noise.
    order: (clips, pairs) index into `pages`: what each frame pair shows.
    ids, weights: (clips, length) rows of questions about stretches of a clip; their weights in the loss.
    windows: (clips, length, 2) half-open spans of frame pairs that each token may read.
    parts: (clips, pairs) how many titles came before the one that each frame pair stands under; -1 where nobody can
        know, as the video began earlier.
    keep: (clips,) 0 where a new video begins, else 1.
    rate: () share of the full learning rates.
    dense: () 1 where the network learns from the dense reader, 0 where the reader learns alone.
    """

    pages: Tensor
    read: Tensor
    rows: Tensor
    read_at: Tensor
    shifts: Tensor
    colours: Tensor
    noise: Tensor
    seed: Tensor
    order: Tensor
    ids: Tensor
    weights: Tensor
    windows: Tensor
    parts: Tensor
    keep: Tensor
    rate: Tensor
    dense: Tensor


class Ring:
    """The newest pages, on the device: arrays there, words here. Its tensors stay where they are."""

    def __init__(self, capacity: int, shape: SampleShape, device: torch.device) -> None:
        self.capacity = capacity
        self.images, self.codes, self.centres, self.ids, self.weights = (
            torch.from_numpy(np.zeros(1, kind)).to(device).new_zeros(capacity, *extent)
            for extent, kind in shape.fields()[:-2]
        )
        self.decks = np.zeros(capacity, np.int64)
        self.texts: list[SlideText] = []
        self.num_added = 0
        self._next = 0

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        return self.images, self.codes, self.centres, self.ids, self.weights

    def add(self, samples: Sample) -> None:
        """Replace the oldest pages by stacked samples."""
        total = len(samples.text)
        self.num_added += total
        if not total:
            return
        parts = [torch.from_numpy(part) for part in samples[:-2]]
        if self.images.is_cuda:  # copies from pageable memory would wait for all work on the device
            parts = [part.pin_memory() for part in parts]
        texts = [get_text(text) for text in samples.text]
        done = 0
        while done < total:
            take = min(total - done, self.capacity - self._next)
            place = slice(self._next, self._next + take)
            for tensor, part in zip(self.tensors, parts, strict=True):
                tensor[place].copy_(part[done : done + take], non_blocking=True)
            self.decks[place] = samples.deck[done : done + take]
            self.texts[place] = texts[done : done + take]
            self._next = (self._next + take) % self.capacity
            done += take


class ClipMaker:
    """Draws the batches of a stage. Each clip goes on as a long video from step to step, unless it begins anew."""

    def __init__(self, seed: int, stage: Stage, num_rows: int) -> None:
        self._num_groups, left = divmod(stage.clips, stage.layouts)
        if left:
            raise ValueError(f"{stage.clips} clips in {stage.layouts} layouts: give each layout as many clips")
        if not self._num_groups <= stage.pages <= self._num_groups * stage.pairs:
            raise ValueError(
                f"{stage.pages} pages for {self._num_groups} clips of {stage.pairs} pairs: give at least one to each"
                " clip and at most one to each pair"
            )
        self._random = random.Random(seed)
        self._draw = np.random.default_rng(seed)
        self._ask = QuestionMaker(seed + 1, stage.mix)
        self._stage, self._num_rows = stage, num_rows
        self._stands = np.full(stage.clips, -1)  # the page in the ring that each video showed last
        self._moods = self._new_moods(self._num_groups)

    def __call__(self, ring: Ring, rate: float = 1.0, dense: float = 1.0) -> Batch:
        """A batch of pages of the ring; its tensors lie on the CPU."""
        stage, draw = self._stage, self._draw
        starts, order = self._order()
        group = starts // stage.pairs  # of pages that clips show together
        pages = draw.integers(len(ring), size=stage.pages)
        shifts, look = draw.random((stage.pages, 2), np.float32), np.arange(stage.pages)
        for one in np.flatnonzero(draw.random(self._num_groups) < _DECK_SHARE):
            mine = np.flatnonzero(group == one)
            mates = self._mates(ring, pages[mine[0]], len(mine))
            pages[mine[: len(mates)]] = mates  # others follow; were these shown again, lists would run in circles
            shifts[mine], look[mine] = -1, mine[0]
        for one in np.flatnonzero(draw.random(self._num_groups) < _ALIKE_SHARE):
            mine = draw.permutation(np.flatnonzero(group == one))
            alike = self._alike(ring)[: len(mine)]
            pages[mine[: len(alike)]] = alike
        fresh = draw.random(stage.clips) < np.resize(RESET_SHARES, stage.clips)
        moods = np.tile(self._moods, stage.layouts)
        stay_shares = np.where(moods <= np.median(moods), *STAY_SHARES)
        stays = ~fresh & (self._stands >= 0) & (draw.random(stage.clips) < stay_shares)
        pages[order[stays, 0]] = self._stands[stays]
        self._stands = pages[order[:, -1]]
        ids, weights, windows, parts = self._questions(ring, pages[order], fresh)
        read = np.sort(draw.permutation(stage.pages)[: stage.num_read])
        read_at = starts + (draw.random(stage.pages) * self._lengths(starts)).astype(np.int64)
        return Batch(
            pages=torch.from_numpy(pages),
            read=torch.from_numpy(read),
            rows=torch.from_numpy(draw.integers(self._num_rows, size=len(read))),
            read_at=torch.from_numpy(read_at[read]),
            shifts=torch.from_numpy(shifts),
            colours=self._colours()[look],
            noise=torch.from_numpy(5 * draw.random(stage.pages, np.float32)[look]),
            seed=torch.tensor(int(draw.integers(1 << 31))),
            order=torch.from_numpy(order),
            ids=torch.from_numpy(ids),
            weights=torch.from_numpy(weights),
            windows=torch.from_numpy(windows),
            parts=torch.from_numpy(parts),
            keep=torch.from_numpy((~fresh).astype(np.float32)),
            rate=torch.tensor(rate),
            dense=torch.tensor(dense),
        )

    def _order(self) -> tuple[np.ndarray, np.ndarray]:
        """Where each page of the step comes on in the first layout, counted through its pairs, and what all pairs show.

        The number of changes is the same in every step; how they are shared out among the clips is drawn. The clips of
        the other layouts show the pages of the first one's, each in a new order.
        """
        stage, draw = self._stage, self._draw
        restless = draw.random(self._num_groups) < 1 / _MOOD_STEPS
        self._moods[restless] = self._new_moods(int(restless.sum()))
        shares = np.repeat(self._moods, stage.pairs - 1)
        changes = draw.choice(len(shares), stage.pages - self._num_groups, replace=False, p=shares / shares.sum())
        comes = np.zeros((self._num_groups, stage.pairs), np.bool_)
        comes[:, 0] = True
        comes[changes // (stage.pairs - 1), 1 + changes % (stage.pairs - 1)] = True
        flat = comes.ravel()
        first = (np.cumsum(flat) - 1).reshape(comes.shape)
        others = [self._laid_out_anew(pages) for _ in range(stage.layouts - 1) for pages in first]
        return np.flatnonzero(flat), np.stack([*first, *others])

    def _laid_out_anew(self, shown: np.ndarray) -> np.ndarray:
        """The pages that a clip shows, (pairs,), in another order and for other times."""
        pages = self._draw.permutation(np.unique(shown))
        changes = 1 + self._draw.choice(len(shown) - 1, len(pages) - 1, replace=False)
        return pages[np.searchsorted(np.sort(changes), np.arange(len(shown)), side="right")]

    def _mates(self, ring: Ring, page: int, most: int) -> np.ndarray:
        """Pages of the same deck, that one among them or not: those that follow each other there, or any."""
        mates = np.flatnonzero(ring.decks[: len(ring)] == ring.decks[page])
        if self._draw.random() >= _IN_ORDER_SHARE:
            return self._draw.permutation(mates)[:most]
        first = int(self._draw.integers(max(0, len(mates) - most) + 1))
        return mates[first : first + most]

    def _alike(self, ring: Ring) -> list[int]:
        """Some pages whose titles begin or end with the same letters, as in many decks; any where there are none."""
        groups: dict[str, list[int]] = defaultdict(list)
        shared = self._random.choice((slice(_LETTERS), slice(-_LETTERS, None)))
        looked_at = self._draw.integers(len(ring), size=_LOOKED_AT).tolist()
        for page in looked_at:
            groups[ring.texts[page].title[shared].casefold()].append(page)
        several = [pages for pages in groups.values() if len({ring.texts[page].title for page in pages}) > 2]
        return self._random.choice(several) if several else looked_at

    def _new_moods(self, num: int) -> np.ndarray:
        """How lively videos are: their shares of the changes of a step."""
        return self._draw.gamma(_MOOD_SHAPE, size=num) + 0.003

    def _lengths(self, starts: np.ndarray) -> np.ndarray:
        return np.diff(starts, append=self._num_groups * self._stage.pairs)

    def _colours(self) -> Tensor:
        """Cameras, codecs and projectors differ: gains around 1 and offsets around 0."""
        normal = self._draw.standard_normal((self._stage.pages, 2, 3), np.float32)
        return torch.from_numpy(normal * np.array([[0.12], [10.0]], np.float32) + np.array([[1.0], [0.0]], np.float32))

    def _questions(self, ring: Ring, shown: np.ndarray, fresh: np.ndarray) -> tuple[np.ndarray, ...]:
        """Rows of questions about clips whose frame pairs show these pages of the ring, (clips, pairs).

        Their ids, weights and windows, and the parts of the clips, as in `Batch`.
        """
        stage = self._stage
        ids = np.zeros((stage.clips, stage.clip_tokens), np.int64)
        quarters = np.zeros(ids.shape, np.uint8)
        parts = np.full(shown.shape, -1)
        windows = np.zeros((*ids.shape, 2), np.int64)
        windows[..., 1] = 1  # what is padded on reads something, too: cuDNN has no gradient where nothing may be read
        for clip, (pages, begins) in enumerate(zip(shown.tolist(), fresh.tolist(), strict=True)):
            texts = [ring.texts[page] for page in pages]
            if begins:
                parts[clip] = parts_of(texts)
            questions = self._ask.about_clip(texts, stage.clip_tokens, begins)
            places = write_row(ids[clip], quarters[clip], questions, stage.mix.decisive_factor)
            for question, (start, stop) in zip(questions, places, strict=True):
                windows[clip, start:stop] = question.window
            self._ask.remember(self._random.choice(texts))
        return ids, quarters.astype(np.float32) / WEIGHT_STEPS, windows, parts


def shift_pixels(codes: Tensor, centres: Tensor, shares: Tensor, height: int, width: int) -> Tensor:
    """How far each picture is moved, (pages, 2) whole pixels in x and y: at most half a cell, and no text out of it.

    Args:
        codes, centres: (pages, glyphs) and (pages, glyphs, 2) in pixels.
        shares: (pages, 2) in 0 .. 1; below 0 nothing is moved.
    """
    nowhere = (codes == 0)[..., None]
    first = centres.masked_fill(nowhere, float(max(width, height))).amin(1)
    last = centres.masked_fill(nowhere, 0.0).amax(1)
    back = (first - _EDGE).clamp(0, _MAX_SHIFT)
    room = torch.stack((width - _EDGE - last[:, 0], height - _EDGE - last[:, 1]), 1)
    moved = (shares * (back + room.clamp(0, _MAX_SHIFT)) - back).round().long()
    return moved.masked_fill(shares < 0, 0)
