"""Frames on GPUs: what they differ by, Pillow's two-pass bicubic resize, and patches straight from uint8 pixels."""

# mypy: disable-error-code="no-untyped-def, untyped-decorator"

import torch
import triton
import triton.language as tl
from torch import Tensor


@triton.jit
def _resample(
    x_ptr, y_ptr, first_ptr, weight_ptr, size, new_size, inner, TAPS: tl.constexpr, BITS: tl.constexpr,
    BLOCK: tl.constexpr,
):  # fmt: skip
    """(outer, size, inner) to (outer, new_size, inner): every output is a weighed sum of TAPS neighbours, rounded."""
    outer = tl.program_id(0).to(tl.int64)
    x_ptr += outer * size * inner
    y_ptr += outer * new_size * inner
    i = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = i < new_size * inner
    n = i // inner
    first = tl.load(first_ptr + n, inside, 0).to(tl.int32)
    source = first * inner + i % inner
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
    inner = x.stride(dim)
    outer = x.numel() // (x.shape[dim] * inner)
    _resample[(outer, triton.cdiv(len(first) * inner, 1024))](
        x, y, first, weights, x.shape[dim], len(first), inner, weights.shape[1], bits, 1024
    )
    return y


@triton.jit
def _block_changes(
    one_ptr, other_ptr, y_ptr, one_frame, other_frame, width, rows, columns, SIDE: tl.constexpr, BC: tl.constexpr,
    BS: tl.constexpr,
):  # fmt: skip
    """One row of blocks of one frame: the sum of what their numbers differ by."""
    row, frame = tl.program_id(0), tl.program_id(1).to(tl.int64)
    one_ptr += frame * one_frame + row * SIDE * width * 3
    other_ptr += frame * other_frame + row * SIDE * width * 3
    column = tl.program_id(2) * BC + tl.arange(0, BC)
    i = tl.arange(0, BS)
    inside = (column < columns)[:, None] & (i < 3 * SIDE)[None, :]
    place = column[:, None] * (3 * SIDE) + i[None, :]
    total = tl.zeros((BC, BS), tl.int32)
    for line in tl.static_range(SIDE):
        one = tl.load(one_ptr + line * width * 3 + place, inside, 0).to(tl.int32)
        other = tl.load(other_ptr + line * width * 3 + place, inside, 0).to(tl.int32)
        total += tl.abs(one - other)
    tl.store(y_ptr + (frame * rows + row) * columns + column, tl.sum(total, 1), column < columns)


def block_changes(one: Tensor, other: Tensor, side: int) -> Tensor:
    num, height, width, _ = one.shape
    assert one.stride()[1:] == other.stride()[1:] == (3 * width, 3, 1)
    rows, columns = height // side, width // side
    y = torch.empty(num, rows * columns, device=one.device, dtype=torch.int32)
    _block_changes[(rows, num, triton.cdiv(columns, 64))](
        one, other, y, one.stride(0), other.stride(0), width, rows, columns, side, 64, triton.next_power_of_2(3 * side)
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
