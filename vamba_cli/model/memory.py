"""VideoMemory: everything a question needs of a video (MODEL section 1)."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial

import torch
from torch import Tensor

from vamba_cli.kernels.packed import DTYPES, SCALE_DTYPE, Packed, Rows, pack
from vamba_cli.model.config import VambaConfig

_UNCHANGED = 6.0  # grey levels up to which a frame counts as a repetition of the one before


@dataclass(frozen=True, slots=True)
class Looks:
    """What was noticed about a run of frames while they were encoded; a few bytes a frame, on the CPU.

    times_seconds: (frames,) float64, the time at which each encoded frame is on screen.
    changes: (frames,) float32, how much each frame differs from the one before (grey levels; infinite for the first).
    cuts: (frames,) bool, whether another shot begins; all False unless a cut detector watched.
    novelty: (pairs,) float32, how much each pair differs from the last one that was not a repetition of an earlier
        picture (grey levels; infinite for the first pair).
    doubled: (pairs,) bool, whether the pair shows its second frame twice: the first one repeats what came before it.
    features: (pairs, hidden) float16, the mean of each pair's video tokens.
    """

    times_seconds: Tensor
    changes: Tensor
    cuts: Tensor
    novelty: Tensor
    doubled: Tensor
    features: Tensor

    @staticmethod
    def nothing() -> "Looks":
        return Looks(
            torch.zeros(0, dtype=torch.float64),
            torch.zeros(0),
            torch.zeros(0, dtype=torch.bool),
            torch.zeros(0),
            torch.zeros(0, dtype=torch.bool),
            torch.zeros(0, dtype=torch.float16),
        )

    @property
    def num_bytes(self) -> int:
        return sum(getattr(self, f.name).nbytes for f in fields(Looks))

    def followed_by(self, later: "Looks") -> "Looks":
        """The looks of both runs."""
        return Looks(*(torch.cat((getattr(self, f.name), getattr(later, f.name))) for f in fields(Looks)))


@dataclass(slots=True)
class VideoMemory:
    """Per-layer keys and values of the cross-attention, and what was noticed about every frame.

    Rows are written once, in order, into preallocated tensors; `num_tokens` of them are valid.

    keys, values: one (capacity, kv_heads, head_dim) tensor per layer; in 8 bits they have scales.
    key_scales, value_scales: (capacity, kv_heads) each, or nothing where keys and values are 16 bits or more.
    tokens_per_pair: video tokens of one frame pair; pair i owns rows i * tokens_per_pair up to the next.
    looks_so_far: `looks`, without those of the last rows where they are still to come.
    end_seconds: where the last frame stops being on screen.
    warnings: what was wrong with the pictures that it was made from, for people.
    """

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    tokens_per_pair: int
    looks_so_far: Looks
    end_seconds: float
    num_tokens: int = 0
    key_scales: tuple[Tensor, ...] = ()
    value_scales: tuple[Tensor, ...] = ()
    warnings: tuple[str, ...] = ()
    _coming: Callable[[], Looks] | None = None

    @staticmethod
    def allocate(
        config: VambaConfig,
        num_pairs: int,
        tokens_per_pair: int,
        *,
        end_seconds: float,
        device: torch.device,
        dtype: torch.dtype,
        pinned: bool = False,
    ) -> "VideoMemory":
        """Room for a video.

        Args:
            dtype: of keys and values; int8 and float8 have scales besides.
            pinned: in pages of the CPU's memory that a GPU can reach.
        """
        shape = (num_pairs * tokens_per_pair, config.num_kv_heads, config.head_dim)

        def room(shape: tuple[int, ...], dtype: torch.dtype) -> tuple[Tensor, ...]:
            make = partial(torch.empty, shape, device=device, dtype=dtype, pin_memory=pinned)
            return tuple(make() for _ in range(config.num_layers))

        memory = VideoMemory(room(shape, dtype), room(shape, dtype), tokens_per_pair, Looks.nothing(), end_seconds)
        if dtype in DTYPES.values():
            memory.key_scales, memory.value_scales = (room(shape[:2], SCALE_DTYPE) for _ in range(2))
        return memory

    @property
    def num_pairs(self) -> int:
        return self.num_tokens // self.tokens_per_pair

    @property
    def num_bytes(self) -> int:
        """Bytes of the valid keys and values, with their scales."""
        parts = (*self.keys, *self.values, *self.key_scales, *self.value_scales)
        return sum(t[0].numel() * t.element_size() for t in parts if len(t)) * self.num_tokens

    def write(self, layer: int, start: int, keys: Tensor, values: Tensor) -> None:
        """Store the rows (tokens, kv_heads, head_dim) of one chunk for one layer.

        What goes from a GPU to pinned memory is on its way when this returns.
        """
        for rows, kept, scales in ((keys, self.keys, self.key_scales), (values, self.values, self.value_scales)):
            part = slice(start, start + len(rows))
            if scales:
                packed = pack(rows, kept[layer].dtype)
                kept[layer][part].copy_(packed.data, non_blocking=True)
                scales[layer][part].copy_(packed.scale, non_blocking=True)
            else:
                kept[layer][part].copy_(rows, non_blocking=True)

    def room(self, layer: int, start: int, num_tokens: int, like: Tensor) -> tuple[Tensor, Tensor] | None:
        """Where the rows of one chunk of a layer lie; None if what is made like a tensor is not stored as it is."""
        keys, values = self.keys[layer], self.values[layer]
        if keys.dtype != like.dtype or keys.device != like.device:
            return None
        return keys[start : start + num_tokens], values[start : start + num_tokens]

    def advance(self, num_pairs: int, looks: Callable[[], Looks]) -> None:
        """Make the rows of the next `num_pairs` pairs valid; what was noticed about them is asked for when it is read.

        A GPU may be at work on them until then, but not on those before them: their looks are waited for here.
        """
        self.notice()
        self._coming = looks
        self.num_tokens += num_pairs * self.tokens_per_pair

    def notice(self) -> None:
        """Ask for what is still to come of the looks."""
        if self._coming is not None:
            self.looks_so_far, self._coming = self.looks_so_far.followed_by(self._coming()), None

    @property
    def looks(self) -> Looks:
        """What was noticed about all frames so far."""
        self.notice()
        return self.looks_so_far

    @looks.setter
    def looks(self, looks: Looks) -> None:
        self.looks_so_far, self._coming = looks, None

    def rows(self, layer: int, first: int, stop: int) -> tuple[Tensor, Tensor]:
        """What is stored of a layer, (tokens, kv_heads, head_dim) views, of the frame pairs first .. stop - 1."""
        part = self._part(first, stop)
        return self.keys[layer][part], self.values[layer][part]

    def read(self, layer: int, first: int, stop: int) -> tuple[Rows, Rows]:
        """`rows` as attention reads them: with their scales, where they have any."""
        keys, values = self.rows(layer, first, stop)
        if not self.key_scales:
            return keys, values
        part = self._part(first, stop)
        return Packed(keys, self.key_scales[layer][part]), Packed(values, self.value_scales[layer][part])

    def _part(self, first: int, stop: int) -> slice:
        return slice(first * self.tokens_per_pair, min(stop, self.num_pairs) * self.tokens_per_pair)

    def pair_start_seconds(self, pair: int) -> float:
        """When what a pair shows comes on screen; for pair = num_pairs, when the video ends.

        The first frame of a pair may still be the picture of the pair before: then the second one is what comes.
        """
        if pair >= self.num_pairs:
            return self.end_seconds
        first, second = self.looks.times_seconds[2 * pair : 2 * pair + 2].tolist()
        if pair == 0:
            return float(first)
        first_change, second_change = self.looks.changes[2 * pair : 2 * pair + 2].tolist()
        stood_before = first == float(self.looks.times_seconds[2 * pair - 1])
        still_stands = first_change <= _UNCHANGED < second_change
        return float(second if stood_before or still_stands else first)
