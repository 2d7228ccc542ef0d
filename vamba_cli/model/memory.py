"""VideoMemory: everything a question needs of a video (MODEL section 1)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from vamba_cli.model.config import VambaConfig


@dataclass(slots=True)
class VideoMemory:
    """Per-layer keys and values of the cross-attention, and the time of every frame.

    Rows are written once, in order, into preallocated tensors; `num_tokens` of them are valid.

    keys, values: one (capacity, kv_heads, head_dim) tensor per layer.
    times_seconds: (frames,) float64, the time at which each encoded frame is on screen.
    tokens_per_pair: video tokens of one frame pair; pair i owns rows i * tokens_per_pair up to the next.
    novelty: (pairs,) float32, how much each pair differs from the last one that was not a repetition of an earlier
        picture (grey levels; infinite for the first pair).
    end_seconds: where the last frame stops being on screen.
    """

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    tokens_per_pair: int
    times_seconds: Tensor
    novelty: Tensor
    end_seconds: float
    num_tokens: int = 0

    @staticmethod
    def allocate(
        config: VambaConfig,
        num_pairs: int,
        tokens_per_pair: int,
        *,
        end_seconds: float,
        device: torch.device,
        dtype: torch.dtype,
    ) -> "VideoMemory":
        shape = (num_pairs * tokens_per_pair, config.num_kv_heads, config.head_dim)
        keys, values = (
            tuple(torch.empty(shape, device=device, dtype=dtype) for _ in range(config.num_layers)) for _ in range(2)
        )
        times, novelty = torch.zeros(0, dtype=torch.float64), torch.zeros(0)
        return VideoMemory(keys, values, tokens_per_pair, times, novelty, end_seconds)

    @property
    def num_pairs(self) -> int:
        return self.num_tokens // self.tokens_per_pair

    @property
    def num_bytes(self) -> int:
        """Bytes of the valid keys and values."""
        row = sum(t[0].numel() * t.element_size() for t in (*self.keys, *self.values) if len(t))
        return row * self.num_tokens

    def write(self, layer: int, start: int, keys: Tensor, values: Tensor) -> None:
        """Store the rows (tokens, kv_heads, head_dim) of one chunk for one layer."""
        self.keys[layer][start : start + len(keys)] = keys
        self.values[layer][start : start + len(values)] = values

    def advance(self, num_pairs: int, times_seconds: Tensor, novelty: Tensor) -> None:
        """Make the rows of the next `num_pairs` pairs valid, and note when their frames are shown."""
        self.num_tokens += num_pairs * self.tokens_per_pair
        self.times_seconds = torch.cat((self.times_seconds, times_seconds.to(torch.float64)))
        self.novelty = torch.cat((self.novelty, novelty.to(torch.float32)))

    def rows(self, layer: int, first: int, stop: int) -> tuple[Tensor, Tensor]:
        """Keys and values of a layer, (tokens, kv_heads, head_dim) views, of the frame pairs first .. stop - 1."""
        part = slice(first * self.tokens_per_pair, min(stop, self.num_pairs) * self.tokens_per_pair)
        return self.keys[layer][part], self.values[layer][part]

    def pair_start_seconds(self, pair: int) -> float:
        """When what a pair shows comes on screen; for pair = num_pairs, when the video ends.

        Where frames stand long, the first of a pair may be the picture that already stood in the pair before: then the
        second one is what comes.
        """
        if pair >= self.num_pairs:
            return self.end_seconds
        first, second = self.times_seconds[2 * pair : 2 * pair + 2].tolist()
        stood_before = pair > 0 and first == float(self.times_seconds[2 * pair - 1])
        return float(second if stood_before else first)
