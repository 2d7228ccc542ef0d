"""Frames to normalised patches (MODEL section 3), on any device."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

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
    """(new_size, size) float32 matrix of Pillow's antialiased bicubic filter (a = -0.5) along one axis."""
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
    return torch.from_numpy(weights / weights.sum(1, keepdims=True)).to(torch.float32)


def resize(frames: Tensor, height: int, width: int) -> Tensor:
    """Bicubic resize of (frames, H, W, 3) uint8: across, round; then down, round."""
    if frames.shape[1:3] == (height, width):
        return frames
    planes = frames.permute(0, 3, 1, 2)
    if frames.device.type == "cpu":  # torch's uint8 path rounds between its two passes, as Pillow does
        return F.interpolate(planes, (height, width), mode="bicubic", antialias=True).permute(0, 2, 3, 1)
    across = bicubic_weights(frames.shape[2], width).to(frames.device)
    down = bicubic_weights(frames.shape[1], height).to(frames.device)
    wide = (planes.float() @ across.T).round_().clamp_(0, 255)
    return (down @ wide).round_().clamp_(0, 255).to(torch.uint8).permute(0, 2, 3, 1)


def to_patches(frames: Tensor, vision: VisionConfig, pixels: PixelConfig, dtype: torch.dtype) -> Tensor:
    """Resized frames (frames, H, W, 3) uint8, an even number of them, to (pairs, h * w, patch_dim).

    Neighbouring 2x2 patches are adjacent; h = H/14 and w = W/14.
    """
    t, p, m = vision.temporal_patch_size, vision.patch_size, vision.merge_size
    num, height, width, _ = frames.shape
    wide = torch.promote_types(dtype, torch.float32)
    scale = 1 / (255 * torch.tensor(pixels.std, device=frames.device, dtype=wide))
    shift = torch.tensor(pixels.mean, device=frames.device, dtype=wide) * -255 * scale
    values = torch.addcmul(shift, frames.to(wide), scale).to(dtype)
    #           pairs, t,  rows,              m, p,  columns,          m, p, colour
    split = (num // t, t, height // (p * m), m, p, width // (p * m), m, p, 3)
    grid = values.reshape(split).permute(0, 2, 5, 3, 6, 8, 1, 4, 7)
    return grid.reshape(num // t, height // p * (width // p), vision.patch_dim)
