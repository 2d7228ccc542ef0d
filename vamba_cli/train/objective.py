"""The training objective: next characters of answers, and dense reading of every video token."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vamba_cli.model.config import PixelConfig, VisionConfig
from vamba_cli.model.decoder import DecoderLayer
from vamba_cli.model.mixer import MixerBlock
from vamba_cli.model.vamba import MixerStates, Vamba
from vamba_cli.model.vision import VisionBlock
from vamba_cli.train.clips import Batch, shift_pixels
from vamba_cli.train.dense import CELL, SLOTS, cell_codes
from vamba_cli.train.packed import PackedDecoder, PackedLayer, Rows, bias_where
from vamba_cli.train.samples import CENTRE_STEPS, WEIGHT_STEPS

RingTensors = tuple[Tensor, ...]  # images, codes, centres, ids, weights of a `clips.Ring`
MOST_PARTS = 64  # that are told apart: as many as a clip has frame pairs
_COUNTING_LAYERS = 2  # the last ones: of all, they read from behind most mixers
_WORD = 0xFFFFFFFF


class Losses(NamedTuple):
    """Scalars of one step, and what the mixers carry on."""

    total: Tensor
    answer: Tensor
    dense: Tensor
    parts: Tensor
    states: MixerStates


class DenseReader(nn.Module):
    """Reads the characters whose centres lie in a video token's cell: teaches reading, and is not shipped."""

    def __init__(self, dim: int, num_codes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(dim, SLOTS * num_codes)
        self.num_codes = num_codes

    def forward(self, tokens: Tensor, codes: Tensor) -> Tensor:
        """Mean loss of tokens (n, cells, dim) against codes (n, cells, 8)."""
        scores = self.linear(tokens).unflatten(-1, (SLOTS, self.num_codes)).float()
        loss = F.cross_entropy(scores.flatten(0, 2), codes.flatten(), reduction="none").view(codes.shape)
        # most slots are empty: a cell counts where it has text, and a little where it has none
        weight = torch.ones(codes.shape, device=codes.device).masked_fill(codes == 0, 0.1)
        return (loss * weight).sum() / weight.sum()


class PartCounter(nn.Module):
    """Reads from each video token how many titles came before it: teaches order, and is not shipped.

    A list goes on with the page behind the one that was told last. Attention to the video has no positions, and titles
    of one deck may be much alike; how many came before is known from no title.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.linear = nn.Linear(dim, MOST_PARTS)
        nn.init.zeros_(self.linear.weight)  # what it sends back grows as it learns

    def forward(self, keys: Tensor, values: Tensor, parts: Tensor) -> Tensor:
        """Mean loss of what one layer may read, (clips, tokens, kv_heads, head_dim), against parts (clips, pairs)."""
        scores = self.linear(torch.cat([keys.flatten(2), values.flatten(2)], -1)).float()
        aims = parts.clamp(max=MOST_PARTS - 1).repeat_interleave(scores.shape[1] // parts.shape[1], 1).flatten()
        loss = F.cross_entropy(scores.flatten(0, 1), aims, ignore_index=-1, reduction="sum")
        return loss / (aims >= 0).sum().clamp(min=1)


def noise_of(seed: Tensor, shape: tuple[int, ...]) -> Tensor:
    """About normal noise, the same for the same seed: a hash of each value's place, which any kernel can reckon."""
    place = torch.arange(torch.Size(shape).numel(), device=seed.device).view(shape)
    word = (place * 0x1E3779B1 + seed) & _WORD  # a factor below 2**31: compiled kernels may count places in int32
    for factor in (0x7FEB352D, 0x31848BAB):
        word = ((word ^ (word >> 16)) * factor) & _WORD
    word = word ^ (word >> 15)
    total = (word & 255) + (word >> 8 & 255) + (word >> 16 & 255) + (word >> 24)
    return (total.float() - 510) / 147.8  # four bytes: mean 510, standard deviation 147.8


def disturbed(images: Tensor, shift: Tensor, colours: Tensor, noise: Tensor, seed: Tensor) -> Tensor:
    """Pictures moved, with other colours and with noise, as frame pairs: (2 * pages, H, W, 3) whole numbers.

    Args:
        images: (pages, H, W, 3) uint8.
        shift: (pages, 2) whole pixels in x and y; what comes in at an edge is the edge.
        colours, noise, seed: as in `Batch`.
    """
    pages, height, width, _ = images.shape
    across = (torch.arange(width, device=images.device) - shift[:, :1]).clamp(0, width - 1)
    down = (torch.arange(height, device=images.device) - shift[:, 1:]).clamp(0, height - 1)
    each = torch.arange(pages, device=images.device)[:, None, None]
    moved = images[each, down[:, :, None], across[:, None, :]].float()
    gain, offset = colours[:, :, None, None].unbind(1)
    level = (moved * gain + offset)[:, None]
    grain = noise[:, None, None, None, None] * noise_of(seed, (pages, 2, height, width, 3))
    return (level + grain).round().clamp(0, 255).flatten(0, 1)


def patches_of(values: Tensor, vision: VisionConfig) -> Tensor:
    """Normalised frames (2 * pairs, H, W, 3) to patches (pairs, h * w, patch_dim), as `to_patches` lays them out."""
    t, p, m = vision.temporal_patch_size, vision.patch_size, vision.merge_size
    num, height, width, _ = values.shape
    grid = values.reshape(num // t, t, height // (p * m), m, p, width // (p * m), m, p, 3)
    return grid.permute(0, 2, 5, 3, 6, 8, 1, 4, 7).reshape(num // t, height // p * (width // p), vision.patch_dim)


class Objective(nn.Module):
    """Model and dense reader with one forward from a batch to its losses.

    No part of it waits for the device or sends it anything: not even a few numbers, as `torch.tensor` on a device does.
    """

    pixel_scale: Tensor
    pixel_shift: Tensor

    def __init__(self, model: Vamba, num_codes: int, dense_weight: float, part_weight: float) -> None:
        super().__init__()
        self.model = model
        self.reader = DenseReader(model.config.hidden_size, num_codes)
        self.decoder = PackedDecoder(model)
        read_dim = 2 * model.config.num_kv_heads * model.config.head_dim
        num_counting = min(_COUNTING_LAYERS, model.config.num_layers)
        self.counters = nn.ModuleList(PartCounter(read_dim) for _ in range(num_counting))
        self.dense_weight, self.part_weight = dense_weight, part_weight
        pixels = PixelConfig()
        mean, std = torch.tensor(pixels.mean), torch.tensor(pixels.std)
        # on the device from the start: a captured step takes nothing from the host
        self.register_buffer("pixel_scale", 1 / (255 * std), persistent=False)
        self.register_buffer("pixel_shift", -mean / std, persistent=False)

    def compile_parts(self, backend: str = "inductor") -> None:
        """Compile block by block: equal blocks share one compilation, which takes seconds, not minutes."""
        torch._dynamo.config.recompile_limit = 64
        torch._dynamo.config.suppress_errors = True  # a part that a compiler cannot take runs as it is, with a warning
        for module in self.modules():
            if isinstance(module, VisionBlock | MixerBlock | DecoderLayer | PackedLayer | DenseReader | PartCounter):
                module.compile(dynamic=False, backend=backend)
        for name in ("pictures", "targets"):
            setattr(self, name, torch.compile(getattr(self, name), dynamic=False, backend=backend))
        loss = torch.compile(self.decoder.token_loss, dynamic=False, backend=backend)
        self.decoder.token_loss = loss  # type: ignore[method-assign]

    def pictures(self, images: Tensor, batch: Batch, shift: Tensor) -> Tensor:
        """Pictures of the ring to the patches of the batch's disturbed frame pairs."""
        frames = disturbed(images[batch.pages], shift, batch.colours, batch.noise, batch.seed)
        values = frames * self.pixel_scale + self.pixel_shift
        if images.is_cuda:  # the first product would make them so, from twice the bytes
            values = values.bfloat16()
        return patches_of(values, self.model.config.vision)

    def targets(self, ring: RingTensors, batch: Batch) -> tuple[Tensor, Tensor]:
        """How far each picture is moved, and which characters each of its cells then holds."""
        images, codes, centres = ring[:3]
        height, width = images.shape[1:3]
        codes, places = codes[batch.pages], centres[batch.pages].float() / CENTRE_STEPS
        shift = shift_pixels(codes, places, batch.shifts, height, width)
        return shift, cell_codes(codes, places + shift[:, None], height // CELL, width // CELL)

    def forward(self, ring: RingTensors, batch: Batch, states: MixerStates) -> Losses:
        """Losses of a batch.

        Args:
            ring: what batch.pages points into.
            states: what the mixers carry from earlier clips, so that a clip may stand deep inside a long video.
        """
        images = ring[0]
        with torch.no_grad():
            shift, codes = self.targets(ring, batch)
            patches = self.pictures(images, batch, shift)
        tokens = self.model.vision(patches, images.shape[1] // 14, images.shape[2] // 14)  # pages, cells, dim
        # the reader alone learns where batch.dense is 0: the same value, without a gradient for the network
        seen = tokens.detach() + batch.dense * (tokens - tokens.detach())
        dense_loss = self.reader(seen, codes)
        answer_loss, part_loss, states = self._answers(ring, batch, tokens, states)
        total = answer_loss + self.dense_weight * dense_loss + self.part_weight * part_loss
        return Losses(total, answer_loss, dense_loss, part_loss, states)

    def _answers(
        self, ring: RingTensors, batch: Batch, tokens: Tensor, states: MixerStates
    ) -> tuple[Tensor, Tensor, MixerStates]:
        """The mean losses of all answers (pages are read from one of their frame pairs, clips in windows), of parts."""
        clips, pairs = batch.order.shape
        cells = tokens.shape[1]
        memory: list[tuple[Tensor, Tensor]] = []
        shown = tokens.index_select(0, batch.order.flatten())
        video = shown.reshape(clips, pairs * cells, -1).float()  # sums of many gradients want the precision
        states = self.model.encode_chunk(video, states, lambda _layer, k, v: memory.append((k, v)))

        def pair_of_page(layer: int) -> tuple[Tensor, Tensor]:
            keys, values = (part.unflatten(1, (pairs, cells)).flatten(0, 1) for part in memory[layer])
            return keys.index_select(0, batch.read_at), values.index_select(0, batch.read_at)

        ids, weights = (part[batch.pages[batch.read], batch.rows] for part in ring[3:])
        about_pages = self.decoder.loss(Rows(ids.long(), weights.float() / WEIGHT_STEPS), pair_of_page)
        pair = torch.arange(pairs * cells, device=tokens.device) // cells
        first, stop = batch.windows.split(1, dim=-1)
        bias = bias_where((pair >= first) & (pair < stop)).to(memory[0][0].dtype)
        about_clips = self.decoder.loss(Rows(batch.ids, batch.weights), memory.__getitem__, bias)
        last = zip(self.counters, memory[-len(self.counters) :], strict=True)
        parts = torch.stack([counter(keys, values, batch.parts) for counter, (keys, values) in last]).mean()
        return (about_pages[0] + about_clips[0]) / (about_pages[1] + about_clips[1]), parts, states
