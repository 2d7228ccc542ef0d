"""Frames to VideoMemory, chunk by chunk, in bounded memory (MODEL section 1)."""

import math
import time
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from functools import cache, partial
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vamba_cli.engine.budget import Workload
from vamba_cli.engine.events import EncodeProgress, OnEvent, ignore
from vamba_cli.engine.novelty import Frames, changes_of_pairs, novelty
from vamba_cli.engine.prefetch import prefetch
from vamba_cli.engine.upload import download, upload
from vamba_cli.engine.workers import AtOnce
from vamba_cli.kernels.packed import DTYPES
from vamba_cli.model.config import PixelConfig
from vamba_cli.model.memory import Looks, VideoMemory
from vamba_cli.model.patches import resize, smart_resize, to_patches
from vamba_cli.model.sparse import keep
from vamba_cli.model.vamba import MixerStates, Vamba

if TYPE_CHECKING:  # encoding ready frames needs no decoder
    from vamba_cli.media.frames import FrameChunk

_AHEAD = 2  # chunks that may pass the ViT while another one passes the mixers


@dataclass(frozen=True, slots=True)
class _Look:
    """A frame pair and what came before it: the last pair that passed the ViT, and the last frame."""

    pair: Frames
    key: Frames | None
    last: Frames | None
    fresh: bool  # whether it must pass the ViT
    doubled: bool = False  # whether its second frame does so in the place of both
    known_novelty: float | None = None  # if that had to be known to decide so

    def novelty(self) -> float:
        if self.key is None:
            return math.inf
        return float(novelty(self.key, self.pair).max()) if self.known_novelty is None else self.known_novelty

    def changes(self) -> tuple[float, float]:
        """How much each of the two frames differs from the frame before it."""
        if not self.fresh:
            return 0.0, 0.0
        first = math.inf if self.last is None else novelty(self.last[None], self.pair[:1]).item()
        return first, novelty(self.pair[:1], self.pair[1:]).item()


@dataclass(frozen=True, slots=True)
class _Noticed:
    """What the memory learns of a chunk besides keys and values; computed while a GPU is at work on the next one."""

    times_seconds: npt.NDArray[np.float64]
    seen: list[_Look]
    measured: Tensor | None  # what `changes_of_pairs` found for the fresh ones, where a GPU looked at them
    features: Tensor
    arrived: torch.cuda.Event | None  # when the features, and what was measured, are on the CPU

    def looks(self) -> Looks:
        if self.arrived is not None:
            self.arrived.synchronize()
        novelties, changes = self._compared() if self.measured is None else self._read(self.measured)
        doubled = torch.tensor([look.doubled for look in self.seen])
        times = torch.from_numpy(self.times_seconds)
        return Looks(times, changes, torch.zeros(len(times), dtype=torch.bool), novelties, doubled, self.features)

    def _compared(self) -> tuple[Tensor, Tensor]:
        """Novelty of each pair and change of each frame, from the frames themselves."""
        novelties = torch.tensor([look.novelty() for look in self.seen])
        return novelties, torch.tensor([change for look in self.seen for change in look.changes()])

    def _read(self, measured: Tensor) -> tuple[Tensor, Tensor]:
        """The same where the pairs that are not fresh are equal to those before them."""
        fresh = torch.tensor([look.fresh for look in self.seen])
        found = torch.zeros(len(fresh), 3)
        found[fresh] = measured
        return found[:, 0], found[:, 1:].flatten()


@dataclass(frozen=True, slots=True)
class _Seen:
    """A chunk on its way through the ViT.

    new: the pairs that differ from each other, each as a place in what some part of the work gives.
    source: which of them every pair shows.
    """

    times_seconds: npt.NDArray[np.float64]
    looks: list[_Look]
    new: list[tuple[Future[list[Tensor]], int]]
    source: list[int]


class Encoder:
    """Pushes frames into a memory. Any split into calls gives the same memory and states.

    Call `finish` before reading the memory.

    Args:
        static_tolerance: a frame pair whose `novelty` against the last pair that went through the ViT is at most
            this many grey levels reuses that pair's video tokens. Where a new picture comes with the second frame of a
            pair, and the first one repeats what was seen before, the pair shows the new picture twice: each picture
            passes the ViT once. 0 reuses identical pairs only, which is exact. The mixers see every pair either way.
        overlap: on a GPU, run the mixers beside the ViT of the next frames.
        workers: threads that do this on a CPU (`two_cores`).
    """

    def __init__(
        self, model: Vamba, pixels: PixelConfig, memory: VideoMemory, static_tolerance: float = 0.0,
        overlap: bool = False, workers: Executor | None = None,
    ) -> None:  # fmt: skip
        self._model, self._pixels, self.memory = model, pixels, memory
        self._lane = _lane(model.device) if overlap and model.device.type == "cuda" else None
        self._workers = workers or AtOnce()
        self._beside = not isinstance(self._workers, AtOnce)
        self._ahead: deque[_Seen] = deque()
        self._mixing: Future[None] | None = None
        self._num_tokens = memory.num_tokens
        self._tolerance = static_tolerance
        self._key_pair: Frames | None = None
        self._last_frame: Frames | None = None
        self._key: tuple[Future[list[Tensor]], int] | None = None
        # a GPU compares the frames itself, where it is given all that differ
        self._looks_itself = model.device.type == "cuda" and not static_tolerance and not self._beside
        self._last_uploaded: Tensor | None = None
        self._measured: list[Tensor] = []
        self.states: MixerStates = ()  # made when they are needed: a GPU has frames to see first

    @torch.inference_mode()
    def push(self, frames: Frames, times_seconds: npt.NDArray[np.float64]) -> None:
        """Encode an even number of frames (n, H, W, 3), the next in the video, shown at the given times."""
        looks = [self._look_at(pair) for pair in frames.reshape(-1, 2, *frames.shape[1:])]
        self._ahead.append(_Seen(times_seconds, looks, *self._through_the_vit(frames, looks)))
        self._mix_all_but(_AHEAD if self._beside else 0)

    def finish(self) -> None:
        """Make the memory whole."""
        self._mix_all_but(0)
        if self._mixing is not None:
            self._mixing.result()
        if self._lane is not None:
            torch.cuda.current_stream().wait_stream(self._lane)
        if self.memory.keys[0].device != self._model.device:  # keys and values are on their way to pinned memory
            torch.cuda.synchronize()

    @torch.inference_mode()
    def _mix_all_but(self, num_left: int) -> None:
        """Send all chunks but the last ones on from the ViT to the mixers."""
        while len(self._ahead) > num_left:
            seen = self._ahead.popleft()
            tokens = torch.stack([part.result()[i] for part, i in seen.new])
            means = tokens.mean(1, dtype=torch.float32).to(torch.float16)
            measured = None
            if self._looks_itself:
                measured, _ = download(torch.cat([torch.empty(0, 3, device=means.device), *self._measured]))
                self._measured.clear()
            features, arrived = download(torch.stack([means[i] for i in seen.source]))
            if self._mixing is not None:
                self._mixing.result()
            self._mixing = self._workers.submit(self._mix, tokens, seen)
            noticed = _Noticed(seen.times_seconds, seen.looks, measured, features, arrived)
            # the chunk before is ready now; on a GPU this waits for it: no more than two are on their way
            self.memory.advance(len(seen.looks), noticed.looks)
            if self._lane is None and not self._beside:
                self.memory.notice()  # all is there, and frames need not be kept

    @torch.inference_mode()
    def _mix(self, tokens: Tensor, seen: _Seen) -> None:
        """Push the video's tokens through the mixers, on a stream of their own if the encoder overlaps."""
        tokens, source = self._kept(tokens, seen)
        start = self._num_tokens
        self._num_tokens += len(source) * tokens.shape[1]
        repeats = len(source) > len(tokens)
        order = torch.arange(tokens[..., 0].numel()).view(tokens.shape[:2])[source].flatten() if repeats else None

        def store(layer: int, keys: Tensor, values: Tensor) -> None:
            self.memory.write(layer, start, keys[0], values[0])

        video = tokens.flatten(0, 1)[None]
        room = partial(self.memory.room, start=start, num_tokens=video.shape[1], like=video) if video.is_cuda else None
        if self._lane is not None:
            self._lane.wait_stream(torch.cuda.current_stream())
            tokens.record_stream(self._lane)
        with torch.cuda.stream(self._lane):
            states = self.states or self._model.empty_states()
            self.states = self._model.encode_chunk(video, states, store, order=order, room=room)

    def _kept(self, tokens: Tensor, seen: _Seen) -> tuple[Tensor, list[int]]:
        """Tokens and source of a chunk; where the memory has not room for all tokens, those it has room for.

        Half-token mode keeps others of each pair, so pairs that look the same no longer have the same tokens.
        """
        room, cell = self.memory.tokens_per_pair, self._model.config.vision.cell
        if room == tokens.shape[1]:
            return tokens, seen.source
        height, width = seen.looks[0].pair.shape[1:3]
        rows, columns = (side // cell for side in smart_resize(height, width, self._pixels, cell))
        kept = keep(tokens[seen.source], rows, columns, room, self._num_tokens // room)
        return kept, list(range(len(kept)))

    def _look_at(self, pair: Frames) -> _Look:
        """Compare a pair with the last one that passed the ViT; a fresh one takes its place."""
        key, last, tolerance = self._key_pair, self._last_frame, self._tolerance
        self._last_frame = pair[1]
        if key is None or not tolerance:
            fresh = key is None or not _are_equal(key, pair)
            self._key_pair = pair if fresh else key
            return _Look(pair, key, last, fresh)
        changes = novelty(key, pair)
        fresh = bool(changes.max() > tolerance)
        doubled = bool(changes[1] > tolerance) and novelty(key[1:], pair[:1]).item() <= tolerance
        if fresh:
            self._key_pair = np.broadcast_to(pair[1], pair.shape) if doubled else pair
        return _Look(pair, key, last, fresh, doubled, float(changes.max()))

    def _through_the_vit(
        self, frames: Frames, looks: list[_Look]
    ) -> tuple[list[tuple[Future[list[Tensor]], int]], list[int]]:
        """`new` and `source` of a chunk. Only fresh pairs pass through the ViT, the others repeat the one before.

        A GPU gets the tokens of every pair: it makes the few products again sooner than it is told which.
        """
        new = [] if self._key is None else [self._key]
        source = list(accumulate((look.fresh for look in looks), initial=len(new) - 1))[1:]
        shown = [(2 * i + look.doubled, 2 * i + 1) for i, look in enumerate(looks) if look.fresh]
        most = 1 if self._beside else forward_pairs(self._model.device)
        for first in range(0, len(shown), most):
            rows = np.array(shown[first : first + most]).ravel()
            of_rows = self._workers.submit(self._vit, frames, rows)
            new += [(of_rows, i) for i in range(len(rows) // 2)]
        part, last = new[-1]
        # a copy, which may be kept without the other pairs of its part
        self._key = (self._workers.submit(lambda: [part.result()[last].clone()]), 0) if last else (part, 0)
        if self._model.device.type != "cpu":
            new, source = [new[i] for i in source], list(range(len(source)))
        return new[source[0] :], [i - source[0] for i in source]

    @torch.inference_mode()
    def _vit(self, frames: Frames, rows: npt.NDArray[np.intp]) -> list[Tensor]:
        """Video tokens of pairs of frames."""
        model, vision = self._model, self._model.config.vision
        part = upload(frames, rows, model.device)
        if self._looks_itself:
            self._measured.append(changes_of_pairs(part, self._last_uploaded))
            self._last_uploaded = part[-2:].clone()
        height, width = smart_resize(part.shape[1], part.shape[2], self._pixels, vision.cell)
        patches = to_patches(resize(part, height, width), vision, self._pixels, model.dtype)
        return list(model.vision(patches, height // vision.patch_size, width // vision.patch_size))


def _are_equal(one: Frames, other: Frames) -> bool:
    """Every sixteenth row first: pictures that differ mostly do so there, and the GPU is waiting for the first ones."""
    return np.array_equal(one[:, ::16], other[:, ::16]) and np.array_equal(one, other)


@cache
def _lane(device: torch.device) -> torch.cuda.Stream:
    """The stream of the mixers; always the same one, because freed memory is kept for the stream that had it.

    It goes first: kernels that take turns are faster than kernels that share the processors' caches.
    """
    return torch.cuda.Stream(device, priority=-1)


def forward_pairs(device: torch.device) -> int:
    """Frame pairs that pass the ViT together: what stays in the caches of a laptop, or fills the processors of a GPU.

    28 pairs of 644x364 make products of whole rounds of an H100's 132 processors, or almost.
    """
    return 4 if device.type == "cpu" else 28


def tokens_per_pair(width: int, height: int, pixels: PixelConfig, cell: int) -> int:
    """Video tokens of one pair of frames of the given size."""
    rows, columns = (side // cell for side in smart_resize(height, width, pixels, cell))
    return rows * columns


def memory_for(model: Vamba, work: Workload, full_dtype: torch.dtype, end_seconds: float) -> VideoMemory:
    """Room for the keys and values of some work, as it wants them held; `full_dtype` is that of `full` ones."""
    return VideoMemory.allocate(
        model.config, work.num_pairs, work.kept_per_pair, end_seconds=end_seconds,
        device=torch.device("cpu") if work.offload else model.device,
        dtype=DTYPES.get(work.kv, full_dtype), pinned=work.offload,
    )  # fmt: skip


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
