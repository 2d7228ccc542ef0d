"""Quantised matrices times one vector on GPUs: a decoded token costs reading the codes, never a dense copy of them."""

# mypy: disable-error-code="no-untyped-def, untyped-decorator"

import torch
import triton
import triton.language as tl
from torch import Tensor

from vamba_cli.kernels import plain


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
    """BN rows, BG groups at a time; a byte of HALF in a group holds the codes of two neighbours."""
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
        pair = 2 * (group[:, None] * HALF + j[None, :])
        known = (group < groups)[:, None] & (j < HALF)[None, :]
        even = tl.load(x_ptr + pair, known, 0.0).to(tl.float32)[None, :, :]
        odd = tl.load(x_ptr + pair + 1, known, 0.0).to(tl.float32)[None, :, :]
        codes = (byte & 15).to(tl.float32) * even + (byte >> 4).to(tl.float32) * odd
        total += codes * scale[:, :, None] + low[:, :, None] * (even + odd)
    y = tl.sum(tl.sum(total, 2), 1)
    if BIASED:
        y += tl.load(bias_ptr + n, n < rows, 0.0).to(tl.float32)
    tl.store(y_ptr + n, y, n < rows)


def linear_int8(x: Tensor, data: Tensor, scale: Tensor, bias: Tensor | None = None) -> Tensor:
    rows, width = data.shape
    if x.numel() != width:
        return plain.linear_int8(x, data, scale, bias)
    y = torch.empty(*x.shape[:-1], rows, device=x.device, dtype=x.dtype)
    BN = 4 if rows <= 8192 else 8
    _int8[(triton.cdiv(rows, BN),)](
        data, x, scale, scale if bias is None else bias, y, rows, width, bias is not None, BN, 1024, num_warps=4
    )
    return y


def linear_int4(x: Tensor, data: Tensor, scale: Tensor, low: Tensor, bias: Tensor | None = None) -> Tensor:
    (rows, half), groups = data.shape, scale.shape[1]
    if x.numel() != 2 * half:
        return plain.linear_int4(x, data, scale, low, bias)
    y = torch.empty(*x.shape[:-1], rows, device=x.device, dtype=x.dtype)
    BN = 4 if rows <= 8192 else 8
    _int4[(triton.cdiv(rows, BN),)](
        data, x, scale, low, scale if bias is None else bias, y, rows, groups, bias is not None, BN,
        16, half // groups, num_warps=4,
    )  # fmt: skip
    return y
