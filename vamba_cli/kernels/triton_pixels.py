"""Frames on GPUs: Pillow's two-pass bicubic resize, and patches straight from uint8 pixels."""

# mypy: disable-error-code="no-untyped-def, untyped-decorator"

import torch
import triton
import triton.language as tl
from torch import Tensor


@triton.jit
def _resample(
    x_ptr, y_ptr, first_ptr, weight_ptr, numel, size, new_size, inner, TAPS: tl.constexpr, BITS: tl.constexpr,
    BLOCK: tl.constexpr,
):  # fmt: skip
    """(outer, size, inner) to (outer, new_size, inner): every output is a weighed sum of TAPS neighbours, rounded."""
    i = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    inside = i < numel
    n = (i // inner) % new_size
    first = tl.load(first_ptr + n, inside, 0)
    source = (i // (inner * new_size) * size + first) * inner + i % inner
    y = tl.full((BLOCK,), 1 << (BITS - 1), tl.int32)
    for tap in tl.static_range(TAPS):
        weight = tl.load(weight_ptr + n * TAPS + tap, inside, 0)
        y += weight * tl.load(x_ptr + source + tap * inner, inside & (first + tap < size), 0).to(tl.int32)
    y = tl.minimum(tl.maximum(y >> BITS, 0), 255)
    tl.store(y_ptr + i, y.to(tl.uint8), inside)


def resample(x: Tensor, first: Tensor, weights: Tensor, bits: int, dim: int) -> Tensor:
    x = x.contiguous()
    shape = list(x.shape)
    shape[dim] = len(first)
    y = torch.empty(shape, device=x.device, dtype=torch.uint8)
    _resample[(triton.cdiv(y.numel(), 1024),)](
        x, y, first, weights, y.numel(), x.shape[dim], len(first), x.stride(dim), weights.shape[1], bits, 1024
    )
    return y


@triton.jit
def _patches(
    x_ptr, y_ptr, height, width, patches, scale0, scale1, scale2, shift0, shift1, shift2,
    T: tl.constexpr, P: tl.constexpr, M: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """One patch: (colour, frame, row, column) of its pixels, from a frame pair in (frame, row, column, colour)."""
    pair, patch = tl.program_id(1).to(tl.int64), tl.program_id(0)
    cell, corner = patch // (M * M), patch % (M * M)
    cells_across = width // (P * M)
    top = (cell // cells_across * M + corner // M) * P
    left = (cell % cells_across * M + corner % M) * P
    i = tl.arange(0, BLOCK)
    inside = i < 3 * T * P * P
    colour, frame, row, column = i // (T * P * P), i // (P * P) % T, i // P % P, i % P
    place = (((pair * T + frame) * height + top + row) * width + left + column) * 3 + colour
    x = tl.load(x_ptr + place, inside, 0).to(tl.float32)
    scale = tl.where(colour == 0, scale0, tl.where(colour == 1, scale1, scale2))
    shift = tl.where(colour == 0, shift0, tl.where(colour == 1, shift1, shift2))
    tl.store(y_ptr + (pair * patches + patch) * (3 * T * P * P) + i, x * scale + shift, inside)


def patches(
    frames: Tensor, frames_per_patch: int, patch: int, merge: int, mean: tuple[float, float, float],
    std: tuple[float, float, float], dtype: torch.dtype,
) -> Tensor:  # fmt: skip
    num, height, width, _ = frames.shape
    frames = frames.contiguous()
    count, size = height // patch * (width // patch), 3 * frames_per_patch * patch**2
    y = torch.empty(num // frames_per_patch, count, size, device=frames.device, dtype=dtype)
    scales, shifts = [1 / (255 * s) for s in std], [-m / s for m, s in zip(mean, std, strict=True)]
    _patches[(count, len(y))](
        frames, y, height, width, count, *scales, *shifts,
        frames_per_patch, patch, merge, triton.next_power_of_2(size),
    )  # fmt: skip
    return y
