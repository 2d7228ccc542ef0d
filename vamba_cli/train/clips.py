"""Slides on the GPU to clips of frame pairs with questions: the batches of the training loop."""

import random
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from vamba_cli.train.questions import QuestionMaker, SlideText


class Batch(NamedTuple):
    """One training step's input.

    frames: (clips, pairs, 2) index into the ring of slides.
    pure: (clips, pairs) True where both frames of the pair show one slide.
    ids: (clips, questions, length) token ids, padded with 0.
    weights: (clips, questions, length) weight in the loss of predicting each token from those before it; 0 for prompts.
    windows: (clips, questions, 2) half-open spans of frame pairs that a question may read.
    """

    frames: Tensor
    pure: Tensor
    ids: Tensor
    weights: Tensor
    windows: Tensor

    def to(self, device: torch.device) -> "Batch":
        """All tensors on the device; from pinned memory where that lets the copy run beside the computation."""
        parts = [part.pin_memory() if device.type == "cuda" else part for part in self]
        return Batch(*(part.to(device, non_blocking=True) for part in parts))


class SlideRing:
    """The newest slides, on the device: images and dense targets there, words here."""

    def __init__(self, capacity: int, width: int, height: int, device: torch.device) -> None:
        self.capacity = capacity
        self.images = torch.zeros(capacity, height, width, 3, dtype=torch.uint8, device=device)
        self.dense = torch.zeros(capacity, height // 28, width // 28, 8, dtype=torch.uint8, device=device)
        self.texts: list[SlideText] = []
        self._next = 0

    def __len__(self) -> int:
        return len(self.texts)

    def add(self, images: Tensor, dense: Tensor, texts: Sequence[SlideText]) -> None:
        """Replace the oldest slides by (n, height, width, 3), (n, rows, columns, 8) and their words."""
        if self.images.is_cuda and texts:  # copies from pageable memory would wait for all work on the device
            images, dense = images.pin_memory(), dense.pin_memory()
        done = 0
        while done < len(texts):
            take = min(len(texts) - done, self.capacity - self._next)
            place = slice(self._next, self._next + take)
            self.images[place].copy_(images[done : done + take], non_blocking=True)
            self.dense[place].copy_(dense[done : done + take], non_blocking=True)
            self.texts[place] = texts[done : done + take]
            self._next = (self._next + take) % self.capacity
            done += take


class ClipMaker:
    """Draws clips: runs of slides as a lecture shows them, with a change inside a frame pair now and then."""

    def __init__(self, seed: int, pairs_per_clip: int, questions_per_clip: int, text_length: int) -> None:
        self._random = random.Random(seed)
        self._ask = QuestionMaker(seed + 1, text_length)
        self._pairs, self._questions, self._length = pairs_per_clip, questions_per_clip, text_length

    def __call__(self, ring: SlideRing, num_clips: int) -> Batch:
        frames = np.zeros((num_clips, self._pairs, 2), np.int64)
        ids = np.zeros((num_clips, self._questions, self._length), np.int64)
        weights = np.zeros(ids.shape, np.float32)
        windows = np.zeros((num_clips, self._questions, 2), np.int64)
        for clip in range(num_clips):
            frames[clip] = self._frames(len(ring))
            shown = [tuple(ring.texts[i] for i in dict.fromkeys(pair)) for pair in frames[clip].tolist()]
            for row, question in enumerate(self._ask(shown, self._questions)):
                ids[clip, row, : len(question.ids)] = question.ids
                weights[clip, row, question.answer_start : len(question.ids)] = question.weight
                windows[clip, row] = question.window
        pure = frames[..., 0] == frames[..., 1]
        return Batch(*map(torch.from_numpy, (frames, pure, ids, weights, windows)))

    def _frames(self, num_slides: int) -> list[list[int]]:
        """Slide numbers of each frame pair: a slide stays, or the next one comes, sometimes between two frames."""
        frames: list[int] = []
        current = self._random.randrange(num_slides)
        for _ in range(self._pairs):
            if frames and self._random.random() < 0.75:
                current = self._random.randrange(num_slides)
            frames += [current, current]
            if self._random.random() < 0.12:
                current = frames[-1] = self._random.randrange(num_slides)
        return [frames[i : i + 2] for i in range(0, len(frames), 2)]
