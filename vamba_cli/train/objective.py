"""The training objective: next characters of answers, and dense reading of every video token."""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vamba_cli.model.config import PixelConfig
from vamba_cli.model.patches import to_patches
from vamba_cli.model.vamba import MixerStates, Vamba
from vamba_cli.train.clips import Batch

DENSE_SLOTS = 8  # characters that one 28 x 28 cell can name


class Losses(NamedTuple):
    """Scalars of one step, and what the mixers carry on."""

    total: Tensor
    answer: Tensor
    dense: Tensor
    states: MixerStates


class DenseReader(nn.Module):
    """Reads the characters whose centres lie in a video token's cell; teaches reading, thrown away afterwards."""

    def __init__(self, dim: int, num_codes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(dim, DENSE_SLOTS * num_codes)
        self.num_codes = num_codes

    def forward(self, tokens: Tensor, codes: Tensor, keep: Tensor) -> Tensor:
        """Mean loss of tokens (n, cells, dim) against codes (n, cells, 8) over the samples where keep (n,) is 1."""
        scores = self.linear(tokens).unflatten(-1, (DENSE_SLOTS, self.num_codes)).float()
        loss = F.cross_entropy(scores.flatten(0, 2), codes.flatten().long(), reduction="none").view(codes.shape)
        # most slots are empty: a cell counts where it has text, and a little where it has none
        weight = torch.where(codes > 0, 1.0, 0.1) * keep[:, None, None]
        return (loss * weight).sum() / weight.sum().clamp(min=1)


def augment(images: Tensor) -> Tensor:
    """Random gain, offset and noise for uint8 images (n, H, W, 3): cameras, codecs and projectors differ."""
    per_image = torch.randn(2, len(images), 1, 1, 3, device=images.device)
    strength = 5 * torch.rand(len(images), 1, 1, 1, device=images.device)
    noise = strength * torch.randn(images.shape, device=images.device)
    return (images * (1 + 0.12 * per_image[0]) + 10 * per_image[1] + noise).round().clamp(0, 255)


class Objective(nn.Module):
    """Model and dense reader with one forward from a batch to its losses."""

    def __init__(self, model: Vamba, num_codes: int, dense_weight: float) -> None:
        super().__init__()
        self.model = model
        self.reader = DenseReader(model.config.hidden_size, num_codes)
        self.dense_weight = dense_weight
        self.head_only = False  # while True, the dense loss trains its reader and not the network
        self.prepare: Callable[[Tensor], Tensor] = self._prepare

    def _prepare(self, frames: Tensor) -> Tensor:
        """Frames (n, H, W, 3) uint8 to the patches of augmented ones."""
        return to_patches(augment(frames), self.model.config.vision, PixelConfig(), torch.float32)

    def forward(self, images: Tensor, dense: Tensor, batch: Batch, states: MixerStates) -> Losses:
        """Losses of a batch.

        Args:
            images, dense: the ring that batch.frames points into: (slides, H, W, 3) uint8, (slides, rows, columns, 8).
            states: what the mixers carry from earlier clips, so that a clip may stand deep inside a long video.
        """
        model = self.model
        clips, pairs, _ = batch.frames.shape
        patches = self.prepare(images[batch.frames.flatten()])
        tokens = model.vision(patches, images.shape[1] // 14, images.shape[2] // 14)  # clips*pairs, cells, dim
        codes = dense[batch.frames[..., 0].flatten()].flatten(1, 2)
        seen = tokens.detach() if self.head_only else tokens
        dense_loss = self.reader(seen, codes, batch.pure.flatten().float())
        memory: list[tuple[Tensor, Tensor]] = []
        video = tokens.reshape(clips, -1, tokens.shape[-1])
        states = model.encode_chunk(video, states, lambda _layer, k, v: memory.append((k, v)))
        answer_loss = self._answers(memory, pairs, batch)
        return Losses(answer_loss + self.dense_weight * dense_loss, answer_loss, dense_loss, states)

    def _answers(self, memory: list[tuple[Tensor, Tensor]], pairs: int, batch: Batch) -> Tensor:
        questions, num_tokens = batch.ids.shape[1], memory[0][0].shape[1]
        pair_of_token = torch.arange(num_tokens, device=batch.ids.device) // (num_tokens // pairs)
        first, stop = batch.windows.flatten(0, 1).split(1, dim=-1)
        mask = (pair_of_token >= first) & (pair_of_token < stop)  # clips*questions, tokens

        def video(layer: int) -> tuple[Tensor, Tensor]:
            keys, values = memory[layer]
            return keys.repeat_interleave(questions, 0), values.repeat_interleave(questions, 0)

        ids = batch.ids.flatten(0, 1)
        weights = batch.weights.flatten(0, 1)[:, 1:]
        logits = self.model.logits(self.model.decode(ids[:, :-1], video, mask=mask)).float()
        loss = F.cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="none")
        return (loss * weights).sum() / weights.sum()
