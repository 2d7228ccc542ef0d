"""Attention inside frame pairs on GPUs, for heads whose width is no power of two.

Libraries pad such heads to the next power: of the 80 numbers of the released model's heads they make 128. Here a head
is read as two pieces, 64 and 16 wide, and products are as long as the pieces. Scores of the next keys are on their way
while this block's exponentials are taken. The softmax subtracts from a row's scores the largest of the first block of
keys; only where later ones are so much larger that sums could overflow, it is done again with a maximum that runs along
with the keys (Milakov & Gimelshein, arXiv 1805.02867).
"""

# mypy: disable-error-code="no-untyped-def, untyped-decorator"

import math

import torch
import triton
import triton.language as tl
from torch import Tensor
from triton.tools.tensor_descriptor import TensorDescriptor

from vamba_cli.kernels import plain
from vamba_cli.kernels.processors import copies_tiles

ROWS, KEYS, WARPS, STAGES = 128, 64, 4, 3
_LEAST = 16  # the narrowest piece that tensor cores take
_LIMIT = tl.constexpr(2.0**96)  # of a sum of weights: float32 and bfloat16 go to 2**128, and values are added up, too


@triton.jit
def _scores(wide, narrow, q0, q1, place, column, known, WIDE: tl.constexpr, KEYS: tl.constexpr):
    """Scores (rows, KEYS) of the keys from `place` on; -inf for all but the first `known`."""
    scores = tl.dot(q1, narrow.load([place, column + WIDE]).T)  # the short product first: the long one is not awaited
    scores = tl.dot(q0, wide.load([place, column]).T, scores)
    if known < KEYS:
        scores = tl.where((tl.arange(0, KEYS) < known)[None, :], scores, float("-inf"))
    return scores


@triton.jit
def _read(wide, narrow, weights, out0, out1, place, column, known, WIDE: tl.constexpr, KEYS: tl.constexpr):
    """Outputs and what these weights add to them; values behind the first `known` may be anything."""
    values0, values1 = wide.load([place, column]), narrow.load([place, column + WIDE])
    if known < KEYS:
        inside = (tl.arange(0, KEYS) < known)[:, None]
        values0, values1 = tl.where(inside, values0, 0.0), tl.where(inside, values1, 0.0)
    return tl.dot(weights, values0, out0), tl.dot(weights, values1, out1)


@triton.jit
def _tile(
    wide_q, narrow_q, wide, narrow, y_ptr, first, head, pair, patches, heads, scale,
    ROWS: tl.constexpr, KEYS: tl.constexpr, WIDE: tl.constexpr, NARROW: tl.constexpr,
):  # fmt: skip
    """ROWS rows from `first` on of one head of one pair against all keys of that pair."""
    D: tl.constexpr = WIDE + NARROW
    base, column = pair * patches, head * D
    q0, q1 = wide_q.load([base + first, column]), narrow_q.load([base + first, column + WIDE])
    out0, out1 = tl.zeros((ROWS, WIDE), tl.float32), tl.zeros((ROWS, NARROW), tl.float32)
    k_column, v_column = (heads + head) * D, (2 * heads + head) * D
    last = tl.cdiv(patches, KEYS) * KEYS - KEYS  # the block that may be a part of one
    scores = _scores(wide, narrow, q0, q1, base, k_column, patches, WIDE, KEYS)
    best = tl.max(scores, 1) * scale
    scores = scores * scale - best[:, None]
    total = tl.zeros((ROWS,), tl.float32)
    for start in tl.range(0, last, KEYS):
        coming = _scores(wide, narrow, q0, q1, base + start + KEYS, k_column, KEYS, WIDE, KEYS)
        weights = tl.exp2(scores)
        total += tl.sum(weights, 1)
        p = weights.to(q0.dtype)
        out0, out1 = _read(wide, narrow, p, out0, out1, base + start, v_column, KEYS, WIDE, KEYS)
        scores = coming * scale - best[:, None]
    weights = tl.where((tl.arange(0, KEYS) < patches - last)[None, :], tl.exp2(scores), 0.0)
    total += tl.sum(weights, 1)
    p = weights.to(q0.dtype)
    out0, out1 = _read(wide, narrow, p, out0, out1, base + last, v_column, patches - last, WIDE, KEYS)
    row = first + tl.arange(0, ROWS)
    finite = tl.abs(tl.sum(out0, 1) + tl.sum(out1, 1)) < float("inf")  # which is not so of what is no number
    if tl.max(tl.where(((total < _LIMIT) & finite) | (row >= patches), 0, 1), 0) > 0:
        best = tl.full((ROWS,), float("-inf"), tl.float32)
        total = tl.zeros((ROWS,), tl.float32)
        out0, out1 = tl.zeros((ROWS, WIDE), tl.float32), tl.zeros((ROWS, NARROW), tl.float32)
        for start in tl.range(0, patches, KEYS):
            scores = _scores(wide, narrow, q0, q1, base + start, k_column, patches - start, WIDE, KEYS)
            higher = tl.maximum(best, tl.max(scores, 1) * scale)
            weights = tl.exp2(scores * scale - higher[:, None])
            shrink = tl.exp2(best - higher)
            total = total * shrink + tl.sum(weights, 1)
            out0, out1 = out0 * shrink[:, None], out1 * shrink[:, None]
            p = weights.to(q0.dtype)
            out0, out1 = _read(wide, narrow, p, out0, out1, base + start, v_column, patches - start, WIDE, KEYS)
            best = higher
    inside = (row < patches)[:, None]
    place = y_ptr + (base + row).to(tl.int64)[:, None] * (heads * D) + column
    tl.store(place + tl.arange(0, WIDE)[None, :], out0 / total[:, None], inside)
    tl.store(place + WIDE + tl.arange(0, NARROW)[None, :], out1 / total[:, None], inside)


@triton.jit
def _attend_patches(
    wide_q, narrow_q, wide, narrow, y_ptr, patches, heads, scale,
    ROWS: tl.constexpr, KEYS: tl.constexpr, WIDE: tl.constexpr, NARROW: tl.constexpr,
):  # fmt: skip
    """One head of one pair in tiles of ROWS rows; the last tile is as low as a block of keys where that is enough."""
    first, head, pair = tl.program_id(0) * ROWS, tl.program_id(1), tl.program_id(2)
    if patches - first > KEYS:
        _tile(wide_q, narrow_q, wide, narrow, y_ptr, first, head, pair, patches, heads, scale, ROWS, KEYS, WIDE, NARROW)
    else:
        _tile(wide, narrow, wide, narrow, y_ptr, first, head, pair, patches, heads, scale, KEYS, KEYS, WIDE, NARROW)


def pieces(head_dim: int) -> tuple[int, int]:
    """The widths of the two pieces of a head; (0, 0) if it has not two that tensor cores take."""
    wide = 1 << head_dim.bit_length() - 1
    narrow = head_dim - wide
    return (wide, narrow) if narrow >= _LEAST and narrow & (narrow - 1) == 0 else (0, 0)


def attend_patches(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """`plain.attend_patches`; q, k and v are views of one tensor (pairs, patches, 3, heads, head_dim)."""
    pairs, heads, patches, head_dim = q.shape
    wide, narrow = pieces(head_dim)
    row = 3 * heads * head_dim
    together = k.data_ptr() - q.data_ptr() == v.data_ptr() - k.data_ptr() == heads * head_dim * q.element_size()
    if (
        not wide
        or not copies_tiles(q.device)
        or not together
        or q.stride() != (patches * row, head_dim, row, 1)
        or row % 8
    ):
        return plain.attend_patches(q, k, v)
    rows = q.as_strided((pairs * patches, row), (row, 1))
    y = torch.empty(pairs, patches, heads * head_dim, device=q.device, dtype=q.dtype)
    described = [TensorDescriptor.from_tensor(rows, [n, width]) for n in (ROWS, KEYS) for width in (wide, narrow)]
    _attend_patches[(triton.cdiv(patches, ROWS), heads, pairs)](
        *described, y, patches, heads, head_dim**-0.5 * math.log2(math.e), ROWS, KEYS, wide, narrow,
        num_warps=WARPS, num_stages=STAGES,
    )  # fmt: skip
    return y
