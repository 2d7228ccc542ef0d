"""Frames to VideoMemory, chunk by chunk, in bounded memory (MODEL section 1)."""

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vamba_cli.engine.events import EncodeProgress, OnEvent, ignore
from vamba_cli.engine.prefetch import prefetch
from vamba_cli.model.config import PixelConfig
from vamba_cli.model.memory import Looks, VideoMemory
from vamba_cli.model.patches import resize, smart_resize, to_patches
from vamba_cli.model.vamba import Vamba

if TYPE_CHECKING:  # encoding ready frames needs no decoder
    from vamba_cli.media.frames import FrameChunk

Frames = npt.NDArray[np.uint8]

_BLOCK = 8  # pixels along the side of the blocks whose mean change counts
_SMALL_BLOCKS = 12
FORWARD_PAIRS_CPU = 4  # a ViT batch that stays in the caches of a laptop


@dataclass(frozen=True, slots=True)
class _Look:
    """A frame pair against what came before: its novelty, whether it must pass the ViT, each frame's own change."""

    novelty: float
    fresh: bool
    changes: tuple[float, float]


class Encoder:
    """Pushes frames into a memory. Any split into calls gives the same memory and states.

    Args:
        static_tolerance: a frame pair whose `novelty` against the last pair that went through the ViT is at most
            this many grey levels reuses that pair's video tokens. 0 reuses identical pictures only, which is exact.
            The mixers see every pair either way.
    """

    def __init__(self, model: Vamba, pixels: PixelConfig, memory: VideoMemory, static_tolerance: float = 0.0) -> None:
        self._model, self._pixels, self.memory = model, pixels, memory
        self._tolerance = static_tolerance
        self._key_pair: Frames | None = None
        self._last_frame: Frames | None = None
        self._key_tokens: Tensor | None = None
        self.states = model.empty_states()

    @torch.inference_mode()
    def push(self, frames: Frames, times_seconds: npt.NDArray[np.float64]) -> None:
        """Encode an even number of frames (n, H, W, 3), the next in the video, shown at the given times."""
        pairs = frames.reshape(-1, 2, *frames.shape[1:])
        seen = [self._look_at(pair) for pair in pairs]
        tokens = self._tokens(pairs, [look.fresh for look in seen])  # pairs, tokens_per_pair, hidden
        memory, start = self.memory, self.memory.num_tokens

        def store(layer: int, keys: Tensor, values: Tensor) -> None:
            memory.write(layer, start, keys[0], values[0])

        self.states = self._model.encode_chunk(tokens.flatten(0, 1)[None], self.states, store)
        looks = Looks(
            torch.from_numpy(times_seconds),
            torch.tensor([change for look in seen for change in look.changes]),
            torch.zeros(len(frames), dtype=torch.bool),
            torch.tensor([look.novelty for look in seen]),
            tokens.mean(1, dtype=torch.float32).to("cpu", torch.float16),
        )
        memory.advance(len(pairs), looks)

    def _look_at(self, pair: Frames) -> "_Look":
        """Compare a pair with the last one that passed the ViT; a fresh one takes its place."""
        key, last = self._key_pair, self._last_frame
        self._last_frame = pair[1]
        if key is None or last is None:
            self._key_pair = pair
            return _Look(math.inf, True, (math.inf, novelty(pair[:1], pair[1:])))
        change = novelty(key, pair)
        if not (change > self._tolerance if self._tolerance else not np.array_equal(key, pair)):
            return _Look(change, False, (0.0, 0.0))
        self._key_pair = pair
        return _Look(change, True, (novelty(last[None], pair[:1]), novelty(pair[:1], pair[1:])))

    def _tokens(self, pairs: Frames, fresh: list[bool]) -> Tensor:
        """Video tokens of every pair; only the fresh ones pass through the ViT, the others repeat the one before."""
        model, vision = self._model, self._model.config.vision
        new = [] if self._key_tokens is None else [self._key_tokens]
        source = list(accumulate(fresh, initial=len(new) - 1))[1:]
        wanted = torch.from_numpy(pairs[fresh]).to(model.device)
        for part in wanted.split(FORWARD_PAIRS_CPU if model.device.type == "cpu" else len(pairs)):
            if not len(part):
                break
            height, width = smart_resize(part.shape[2], part.shape[3], self._pixels, vision.cell)
            patches = to_patches(resize(part.flatten(0, 1), height, width), vision, self._pixels, model.dtype)
            new += model.vision(patches, height // vision.patch_size, width // vision.patch_size).unbind()
        self._key_tokens = new[-1].clone()
        return torch.stack([new[i] for i in source])


def novelty(before: Frames, after: Frames) -> float:
    """How much frames (n, H, W, 3) differ from others, at most: the change of its 12th most changed block.

    A block is 8x8 pixels of a frame, its change the mean absolute difference in grey levels. A mouse pointer or a
    cursor touches fewer than 12 blocks and does not count; two changed letters of a heading do.
    """
    rows, columns = (side // _BLOCK for side in before.shape[1:3])
    change = np.maximum(before, after) - np.minimum(before, after)
    if rows * columns < _SMALL_BLOCKS:
        return float(change.mean())
    bands = change[:, : rows * _BLOCK].reshape(len(change), rows, _BLOCK, -1).sum(2, dtype=np.uint16)
    blocks = bands[..., : columns * _BLOCK * 3].reshape(len(change), rows * columns, _BLOCK * 3).sum(2, dtype=np.uint16)
    ranked = np.partition(blocks, -_SMALL_BLOCKS, axis=1)[:, -_SMALL_BLOCKS]
    return float(ranked.max()) / (_BLOCK * _BLOCK * 3)


def tokens_per_pair(width: int, height: int, pixels: PixelConfig, cell: int) -> int:
    """Video tokens of one pair of frames of the given size."""
    rows, columns = (side // cell for side in smart_resize(height, width, pixels, cell))
    return rows * columns


def encode_video(
    encoder: Encoder, chunks: "Iterable[FrameChunk]", total_frames: int, on_event: OnEvent = ignore
) -> VideoMemory:
    """Decode in a thread, encode here, and report progress; returns the filled memory."""
    started = time.perf_counter()
    num_frames = 0
    with prefetch(chunks) as ahead:
        for chunk in ahead:
            encoder.push(chunk.frames, chunk.times_seconds)
            num_frames += len(chunk.frames)
            rate = num_frames / max(1e-9, time.perf_counter() - started)
            on_event(EncodeProgress(num_frames, total_frames, rate, encoder.memory.num_bytes))
    return encoder.memory
