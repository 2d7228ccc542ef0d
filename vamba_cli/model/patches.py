"""Frames to normalised patches (MODEL section 3), on any device."""

import math
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vamba_cli.kernels.dispatch import pick
from vamba_cli.model.config import PixelConfig, VisionConfig


def smart_resize(height: int, width: int, pixels: PixelConfig, cell: int = 28) -> tuple[int, int]:
    """Height and width as multiples of `cell`, near the originals, with the area inside the limits.

    >>> smart_resize(360, 640, PixelConfig())
    (364, 644)
    """

    def near(side: int) -> int:
        return max(cell, round(side / cell) * cell)

    if near(height) * near(width) > pixels.max_pixels:
        beta = math.sqrt(height * width / pixels.max_pixels)
        return tuple(max(cell, math.floor(side / beta / cell) * cell) for side in (height, width))  # type: ignore[return-value]
    if near(height) * near(width) < pixels.min_pixels:
        beta = math.sqrt(pixels.min_pixels / (height * width))
        return tuple(math.ceil(side * beta / cell) * cell for side in (height, width))  # type: ignore[return-value]
    return near(height), near(width)


def bicubic_weights(size: int, new_size: int) -> Tensor:
    """(new_size, size) float64 matrix of Pillow's antialiased bicubic filter (a = -0.5) along one axis."""
    scale = size / new_size
    support = 2.0 * max(scale, 1.0)
    centres = (np.arange(new_size) + 0.5) * scale
    first = np.maximum((centres - support + 0.5).astype(np.int64), 0)
    stop = np.minimum((centres + support + 0.5).astype(np.int64), size)
    index = np.arange(size)
    distance = np.abs((index[None] + 0.5 - centres[:, None]) / max(scale, 1.0))
    near = (1.5 * distance - 2.5) * distance**2 + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    weights = np.where(distance < 1, near, np.where(distance < 2, far, 0.0))
    weights *= (index[None] >= first[:, None]) & (index[None] < stop[:, None])
    return torch.from_numpy(weights / weights.sum(1, keepdims=True))


def resize(frames: Tensor, height: int, width: int) -> Tensor:
    """Bicubic resize of (frames, H, W, 3) uint8: across, round; then down, round."""
    if frames.shape[1:3] == (height, width):
        return frames
    if frames.device.type == "cpu":  # torch's uint8 path rounds between its two passes, as Pillow does
        planes = frames.permute(0, 3, 1, 2)
        return F.interpolate(planes, (height, width), mode="bicubic", antialias=True).permute(0, 2, 3, 1)
    resample = pick("resample", frames)
    for dim, size in ((2, width), (1, height)):
        if frames.shape[dim] != size:
            frames = resample(frames, *bicubic_taps(frames.shape[dim], size, frames.device), dim=dim)
    return frames


@lru_cache(maxsize=16)
def bicubic_taps(size: int, new_size: int, device: torch.device) -> tuple[Tensor, Tensor, int]:
    """`bicubic_weights` as PyTorch's uint8 resize rounds them: where each row begins, its whole numbers, their bits.

    first (new_size,) int64 and weights (new_size, taps) int32 below 2**15; divided by 2**bits they sum to 1.
    """
    dense = bicubic_weights(size, new_size)
    bits = 0
    while bits < 22 and int(0.5 + float(dense.max()) * (1 << (bits + 1))) < 1 << 15:
        bits += 1
    first = (dense != 0).int().argmax(1)
    taps = int((size - (dense != 0).flip(1).int().argmax(1) - first).max())
    index = first[:, None] + torch.arange(taps)
    weights = dense.gather(1, index.clamp(max=size - 1)).where(index < size, 0.0) * (1 << bits)
    whole = (weights + torch.where(weights < 0, -0.5, 0.5)).int()  # half away from zero
    return first.to(device), whole.to(device), bits


def to_patches(frames: Tensor, vision: VisionConfig, pixels: PixelConfig, dtype: torch.dtype) -> Tensor:
    """Resized frames (frames, H, W, 3) uint8, an even number of them, to (pairs, h * w, patch_dim).

    Neighbouring 2x2 patches are adjacent; h = H/14 and w = W/14.
    """
    size = (vision.temporal_patch_size, vision.patch_size, vision.merge_size)
    return pick("patches", frames)(frames, *size, pixels.mean, pixels.std, dtype)
