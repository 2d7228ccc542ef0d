"""Quantised matrices times one vector, or some hundreds, on GPUs: codes are read, and no dense copy is made of them.

For more vectors a dense copy is the smaller part of the work.
"""

# mypy: disable-error-code="no-untyped-def, untyped-decorator"

import torch
import triton
import triton.language as tl
from torch import Tensor

from vamba_cli.kernels import plain
from vamba_cli.kernels.processors import num_processors
from vamba_cli.kernels.triton_gemv import rows_at_once
from vamba_cli.kernels.triton_math import input_precision

_MOST_VECTORS = 2048
_STAGES = 3


@triton.jit
def _int8(w_ptr, x_ptr, scale_ptr, bias_ptr, y_ptr, rows, width, BIASED: tl.constexpr, BN: tl.constexpr,
          BK: tl.constexpr):  # fmt: skip
    n = tl.program_id(0) * BN + tl.arange(0, BN)
    k = tl.arange(0, BK)
    total = tl.zeros((BN, BK), tl.float32)
    w_ptr += n.to(tl.int64)[:, None] * width + k[None, :]
    for start in range(0, width, BK):
        inside = k + start < width
        x = tl.load(x_ptr + start + k, inside, 0.0).to(tl.float32)
        w = tl.load(w_ptr + start, (n < rows)[:, None] & inside[None, :], 0).to(tl.float32)
        total += w * x[None, :]
    y = tl.sum(total, 1) * tl.load(scale_ptr + n, n < rows, 0.0).to(tl.float32)
    if BIASED:
        y += tl.load(bias_ptr + n, n < rows, 0.0).to(tl.float32)
    tl.store(y_ptr + n, y, n < rows)


@triton.jit
def _int4(w_ptr, x_ptr, scale_ptr, low_ptr, bias_ptr, y_ptr, rows, groups, BIASED: tl.constexpr, BN: tl.constexpr,
          BG: tl.constexpr, HALF: tl.constexpr):  # fmt: skip
    """BN rows, BG groups at a time; a byte holds codes of both halves of its group."""
    n = tl.program_id(0) * BN + tl.arange(0, BN)
    g, j = tl.arange(0, BG), tl.arange(0, HALF)
    total = tl.zeros((BN, BG, HALF), tl.float32)
    for start in range(0, groups, BG):
        group = start + g
        there = (n < rows)[:, None] & (group < groups)[None, :]
        place = n.to(tl.int64)[:, None] * groups + group[None, :]
        scale = tl.load(scale_ptr + place, there, 0.0).to(tl.float32)
        low = tl.load(low_ptr + place, there, 0.0).to(tl.float32)
        byte = tl.load(w_ptr + place[:, :, None] * HALF + j[None, None, :], there[:, :, None], 0)
        number = x_ptr + 2 * HALF * group[:, None] + j[None, :]
        known = (group < groups)[:, None] & (j < HALF)[None, :]
        first = tl.load(number, known, 0.0).to(tl.float32)[None, :, :]
        second = tl.load(number + HALF, known, 0.0).to(tl.float32)[None, :, :]
        codes = (byte & 15).to(tl.float32) * first + (byte >> 4).to(tl.float32) * second
        total += codes * scale[:, :, None] + low[:, :, None] * (first + second)
    y = tl.sum(tl.sum(total, 2), 1)
    if BIASED:
        y += tl.load(bias_ptr + n, n < rows, 0.0).to(tl.float32)
    tl.store(y_ptr + n, y, n < rows)


@triton.jit
def _int8_of_many(
    w_ptr, x_ptr, scale_ptr, bias_ptr, y_ptr, vectors, rows, width, BIASED: tl.constexpr,
    BV: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """BN rows times BV vectors: tensor cores take codes from registers, so these are the left factor."""
    v, n, k = tl.program_id(0) * BV + tl.arange(0, BV), tl.program_id(1) * BN + tl.arange(0, BN), tl.arange(0, BK)
    total = tl.zeros((BN, BV), tl.float32)
    w_ptr += n.to(tl.int64)[:, None] * width + k[None, :]
    x_ptr += v.to(tl.int64)[None, :] * width + k[:, None]
    for start in range(0, width, BK):
        inside = k + start < width
        w = tl.load(w_ptr + start, (n < rows)[:, None] & inside[None, :], 0)
        x = tl.load(x_ptr + start, inside[:, None] & (v < vectors)[None, :], 0.0)
        total = tl.dot(w.to(x.dtype), x, total, input_precision=PRECISION)
    total *= tl.load(scale_ptr + n, n < rows, 0.0).to(tl.float32)[:, None]
    _store(total, bias_ptr, y_ptr, v, n, vectors, rows, BIASED)


@triton.jit
def _int4_of_many(
    w_ptr, x_ptr, scale_ptr, low_ptr, bias_ptr, y_ptr, vectors, rows, groups, BIASED: tl.constexpr,
    BV: tl.constexpr, BN: tl.constexpr, HALF: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """The same, group after group: both halves of it are dense in registers."""
    v, n, j = tl.program_id(0) * BV + tl.arange(0, BV), tl.program_id(1) * BN + tl.arange(0, BN), tl.arange(0, HALF)
    total = tl.zeros((BN, BV), tl.float32)
    in_n, in_v = n < rows, (v < vectors)[None, :]
    own = n.to(tl.int64) * groups
    w_ptr += own[:, None] * HALF + j[None, :]
    x_ptr += v.to(tl.int64)[None, :] * (groups * 2 * HALF) + j[:, None]
    for group in range(groups):
        scale = tl.load(scale_ptr + own + group, in_n, 0.0).to(tl.float32)[:, None]
        low = tl.load(low_ptr + own + group, in_n, 0.0).to(tl.float32)[:, None]
        byte = tl.load(w_ptr + group * HALF, in_n[:, None], 0)
        x = tl.load(x_ptr + group * 2 * HALF, in_v, 0.0)
        first = (byte & 15).to(tl.float32) * scale + low
        total = tl.dot(first.to(x.dtype), x, total, input_precision=PRECISION)
        x = tl.load(x_ptr + group * 2 * HALF + HALF, in_v, 0.0)
        second = (byte >> 4).to(tl.float32) * scale + low
        total = tl.dot(second.to(x.dtype), x, total, input_precision=PRECISION)
    _store(total, bias_ptr, y_ptr, v, n, vectors, rows, BIASED)


@triton.jit
def _store(total, bias_ptr, y_ptr, v, n, vectors, rows, BIASED: tl.constexpr):
    """(rows, vectors) with the bias to (vectors, rows)."""
    if BIASED:
        total += tl.load(bias_ptr + n, n < rows, 0.0).to(tl.float32)[:, None]
    tl.store(y_ptr + v.to(tl.int64)[None, :] * rows + n[:, None], total, (v < vectors)[None, :] & (n < rows)[:, None])


def linear_int8(x: Tensor, data: Tensor, scale: Tensor, bias: Tensor | None = None) -> Tensor:
    rows, width = data.shape
    vectors = x.numel() // width
    if not 0 < vectors <= _MOST_VECTORS:
        return plain.linear_int8(x, data, scale, bias)
    y = torch.empty(*x.shape[:-1], rows, device=x.device, dtype=x.dtype)
    given, biased = (scale, scale if bias is None else bias, y), bias is not None
    if vectors == 1:
        BN = rows_at_once(rows)
        _int8[(triton.cdiv(rows, BN),)](data, x, *given, rows, width, biased, BN, 1024, num_warps=4)
    else:
        BV, BN, warps, grid = _tiles(x.device, vectors, rows)
        _int8_of_many[grid](
            data, x.contiguous(), *given, vectors, rows, width, biased, BV, BN, 64, input_precision(x.dtype),
            num_warps=warps, num_stages=_STAGES,
        )  # fmt: skip
    return y


def linear_int4(x: Tensor, data: Tensor, scale: Tensor, low: Tensor, bias: Tensor | None = None) -> Tensor:
    (rows, half), groups = data.shape, scale.shape[1]
    vectors = x.numel() // (2 * half)
    if not 0 < vectors <= _MOST_VECTORS:
        return plain.linear_int4(x, data, scale, low, bias)
    y = torch.empty(*x.shape[:-1], rows, device=x.device, dtype=x.dtype)
    given, biased = (scale, low, scale if bias is None else bias, y), bias is not None
    if vectors == 1:
        BN = rows_at_once(rows)
        _int4[(triton.cdiv(rows, BN),)](data, x, *given, rows, groups, biased, BN, 16, half // groups, num_warps=4)
    else:
        BV, BN, warps, grid = _tiles(x.device, vectors, rows)
        _int4_of_many[grid](
            data, x.contiguous(), *given, vectors, rows, groups, biased, BV, BN, half // groups,
            input_precision(x.dtype), num_warps=warps, num_stages=_STAGES,
        )  # fmt: skip
    return y


def _tiles(device: torch.device, vectors: int, rows: int) -> tuple[int, int, int, tuple[int, int]]:
    """Vectors and rows of a tile, its warps, and the grid: smaller tiles where larger ones leave processors idle.

    Tiles of the same rows follow each other, whose codes are then read once.
    """
    BV = min(128, max(16, triton.next_power_of_2(vectors)))
    across = triton.cdiv(vectors, BV)
    few = across * triton.cdiv(rows, 128) < 3 * num_processors(device) // 2
    BN, warps = (64, 4) if few else (128, 8)
    return BV, BN, warps, (across, triton.cdiv(rows, BN))
