"""Frames to VideoMemory, chunk by chunk, in bounded memory (MODEL section 1)."""

import math
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vamba_cli.engine.events import EncodeProgress, OnEvent, ignore
from vamba_cli.engine.prefetch import prefetch
from vamba_cli.engine.upload import download, upload
from vamba_cli.model.config import PixelConfig
from vamba_cli.model.memory import Looks, VideoMemory
from vamba_cli.model.patches import resize, smart_resize, to_patches
from vamba_cli.model.sparse import keep
from vamba_cli.model.vamba import Vamba

if TYPE_CHECKING:  # encoding ready frames needs no decoder
    from vamba_cli.media.frames import FrameChunk

Frames = npt.NDArray[np.uint8]

_BLOCK = 8  # pixels along the side of the blocks whose mean change counts
_SMALL_BLOCKS = 12


@dataclass(frozen=True, slots=True)
class _Look:
    """A frame pair and what came before it: the last pair that passed the ViT, and the last frame."""

    pair: Frames
    key: Frames | None
    last: Frames | None
    fresh: bool  # whether it must pass the ViT
    known_novelty: float | None  # if that had to be known to decide so

    def novelty(self) -> float:
        if self.key is None:
            return math.inf
        return novelty(self.key, self.pair) if self.known_novelty is None else self.known_novelty

    def changes(self) -> tuple[float, float]:
        """How much each of the two frames differs from the frame before it."""
        if not self.fresh:
            return 0.0, 0.0
        first = math.inf if self.last is None else novelty(self.last[None], self.pair[:1])
        return first, novelty(self.pair[:1], self.pair[1:])


@dataclass(frozen=True, slots=True)
class _Noticed:
    """What the memory learns of a chunk besides keys and values; computed while a GPU is at work on the next one."""

    times_seconds: npt.NDArray[np.float64]
    seen: list[_Look]
    features: Tensor
    arrived: torch.cuda.Event | None  # when the features are on the CPU

    def looks(self) -> Looks:
        novelties = torch.tensor([look.novelty() for look in self.seen])
        changes = torch.tensor([change for look in self.seen for change in look.changes()])
        if self.arrived is not None:
            self.arrived.synchronize()
        times = torch.from_numpy(self.times_seconds)
        return Looks(times, changes, torch.zeros(len(times), dtype=torch.bool), novelties, self.features)


class Encoder:
    """Pushes frames into a memory. Any split into calls gives the same memory and states.

    Args:
        static_tolerance: a frame pair whose `novelty` against the last pair that went through the ViT is at most
            this many grey levels reuses that pair's video tokens. 0 reuses identical pictures only, which is exact.
            The mixers see every pair either way.
        overlap: on a GPU, run the mixers beside the ViT of the next frames; call `finish` before reading the memory.
    """

    def __init__(
        self, model: Vamba, pixels: PixelConfig, memory: VideoMemory, static_tolerance: float = 0.0,
        overlap: bool = False,
    ) -> None:  # fmt: skip
        self._model, self._pixels, self.memory = model, pixels, memory
        self._lane = _lane(model.device) if overlap and model.device.type == "cuda" else None
        self._noticed: deque[_Noticed] = deque()
        self._num_tokens = memory.num_tokens
        self._tolerance = static_tolerance
        self._key_pair: Frames | None = None
        self._last_frame: Frames | None = None
        self._key_tokens: Tensor | None = None
        with torch.cuda.stream(self._lane):
            self.states = model.empty_states()

    @torch.inference_mode()
    def push(self, frames: Frames, times_seconds: npt.NDArray[np.float64]) -> None:
        """Encode an even number of frames (n, H, W, 3), the next in the video, shown at the given times."""
        pairs = frames.reshape(-1, 2, *frames.shape[1:])
        seen = [self._look_at(pair) for pair in pairs]
        tokens = self._tokens(pairs, [look.fresh for look in seen])  # pairs, tokens_per_pair, hidden
        features, arrived = download(tokens.mean(1, dtype=torch.float32).to(torch.float16))
        self._mix(self._kept(tokens, *frames.shape[1:3]))
        self._noticed.append(_Noticed(times_seconds, seen, features, arrived))
        self._advance(0 if self._lane is None else 1)  # waits for the chunk before: no more than two are on their way

    def finish(self) -> None:
        """Make the memory whole; only encoders that overlap need it."""
        self._advance(0)
        if self._lane is not None:
            torch.cuda.current_stream().wait_stream(self._lane)
        if self.memory.keys[0].device != self._model.device:  # keys and values are on their way to pinned memory
            torch.cuda.synchronize()

    def _advance(self, num_left: int) -> None:
        while len(self._noticed) > num_left:
            noticed = self._noticed.popleft()
            self.memory.advance(len(noticed.seen), noticed.looks())

    def _mix(self, tokens: Tensor) -> None:
        """Push video tokens through the mixers, on a stream of their own if the encoder overlaps."""
        start = self._num_tokens
        self._num_tokens += tokens.shape[0] * tokens.shape[1]

        def store(layer: int, keys: Tensor, values: Tensor) -> None:
            self.memory.write(layer, start, keys[0], values[0])

        if self._lane is not None:
            self._lane.wait_stream(torch.cuda.current_stream())
            tokens.record_stream(self._lane)
        with torch.cuda.stream(self._lane):
            self.states = self._model.encode_chunk(tokens.flatten(0, 1)[None], self.states, store)

    def _kept(self, tokens: Tensor, height: int, width: int) -> Tensor:
        """The tokens that the memory has room for, where it has not room for all (half-token mode)."""
        room, cell = self.memory.tokens_per_pair, self._model.config.vision.cell
        if room == tokens.shape[1]:
            return tokens
        rows, columns = (side // cell for side in smart_resize(height, width, self._pixels, cell))
        return keep(tokens, rows, columns, room, self._num_tokens // room)

    def _look_at(self, pair: Frames) -> _Look:
        """Compare a pair with the last one that passed the ViT; a fresh one takes its place."""
        key, last, tolerance = self._key_pair, self._last_frame, self._tolerance
        change = novelty(key, pair) if key is not None and tolerance else None
        fresh = key is None or (not np.array_equal(key, pair) if change is None else change > tolerance)
        self._last_frame = pair[1]
        if fresh:
            self._key_pair = pair
        return _Look(pair, key, last, fresh, change)

    def _tokens(self, pairs: Frames, fresh: list[bool]) -> Tensor:
        """Video tokens of every pair; only the fresh ones pass through the ViT, the others repeat the one before."""
        model, vision = self._model, self._model.config.vision
        new = [] if self._key_tokens is None else [self._key_tokens]
        source = list(accumulate(fresh, initial=len(new) - 1))[1:]
        wanted, most = np.flatnonzero(fresh), forward_pairs(model.device)
        for first in range(0, len(wanted), most):
            part = upload(pairs, wanted[first : first + most], model.device)
            height, width = smart_resize(part.shape[2], part.shape[3], self._pixels, vision.cell)
            patches = to_patches(resize(part.flatten(0, 1), height, width), vision, self._pixels, model.dtype)
            new += model.vision(patches, height // vision.patch_size, width // vision.patch_size).unbind()
        self._key_tokens = new[-1].clone()
        return torch.stack([new[i] for i in source])


@cache
def _lane(device: torch.device) -> torch.cuda.Stream:
    """The stream of the mixers; always the same one, because freed memory is kept for the stream that had it."""
    return torch.cuda.Stream(device)


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


def forward_pairs(device: torch.device) -> int:
    """Frame pairs that pass the ViT together: what stays in the caches of a laptop, or fills a GPU."""
    return 4 if device.type == "cpu" else 16


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
    encoder.finish()
    return encoder.memory
