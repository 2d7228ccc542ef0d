"""Attention inside frame pairs on GPUs, for heads whose width is no power of two.

Libraries pad such heads to the next power: of the 80 numbers of the released model's heads they make 128. Here a head
is read as two pieces, 64 and 16 wide, and products are as long as the pieces. The softmax runs along with the keys
(Milakov & Gimelshein, arXiv 1805.02867).
"""

# mypy: disable-error-code="no-untyped-def, untyped-decorator"

import torch
import triton
import triton.language as tl
from torch import Tensor
from triton.tools.tensor_descriptor import TensorDescriptor

from vamba_cli.kernels import plain

ROWS, KEYS, WARPS, STAGES = 64, 64, 4, 3
_LEAST = 16  # the narrowest piece that tensor cores take


@triton.jit
def _more_keys(
    wide, narrow, q0, q1, best, total, out0, out1, base, first, last, patches, k_column, v_column, scale,
    KEYS: tl.constexpr, WIDE: tl.constexpr, MASKED: tl.constexpr,
):  # fmt: skip
    """The running softmax over the keys from first to last; MASKED: some of them belong to the next pair."""
    for start in tl.range(first, last, KEYS):
        scores = tl.dot(q0, wide.load([base + start, k_column]).T)
        scores = tl.dot(q1, narrow.load([base + start, k_column + WIDE]).T, scores)
        if MASKED:
            scores = tl.where((start + tl.arange(0, KEYS) < patches)[None, :], scores, float("-inf"))
        higher = tl.maximum(best, tl.max(scores, 1) * scale)
        weights = tl.exp2(scores * scale - higher[:, None])
        shrink = tl.exp2(best - higher)
        total = total * shrink + tl.sum(weights, 1)
        p = weights.to(q0.dtype)
        out0 = tl.dot(p, wide.load([base + start, v_column]), out0 * shrink[:, None])
        out1 = tl.dot(p, narrow.load([base + start, v_column + WIDE]), out1 * shrink[:, None])
        best = higher
    return best, total, out0, out1


@triton.jit
def _attend_patches(
    wide_q, narrow_q, wide, narrow, y_ptr, patches, heads, scale,
    ROWS: tl.constexpr, KEYS: tl.constexpr, WIDE: tl.constexpr, NARROW: tl.constexpr,
):  # fmt: skip
    """ROWS rows of one head of one pair against all keys of that pair."""
    first, head, pair = tl.program_id(0) * ROWS, tl.program_id(1), tl.program_id(2)
    D: tl.constexpr = WIDE + NARROW
    base, column = pair * patches, head * D
    q0, q1 = wide_q.load([base + first, column]), narrow_q.load([base + first, column + WIDE])
    best = tl.full((ROWS,), float("-inf"), tl.float32)
    total = tl.zeros((ROWS,), tl.float32)
    out0, out1 = tl.zeros((ROWS, WIDE), tl.float32), tl.zeros((ROWS, NARROW), tl.float32)
    k_column, v_column, whole = (heads + head) * D, (2 * heads + head) * D, patches // KEYS * KEYS
    best, total, out0, out1 = _more_keys(
        wide, narrow, q0, q1, best, total, out0, out1, base, 0, whole, patches, k_column, v_column, scale,
        KEYS, WIDE, False,
    )  # fmt: skip
    best, total, out0, out1 = _more_keys(
        wide, narrow, q0, q1, best, total, out0, out1, base, whole, patches, patches, k_column, v_column, scale,
        KEYS, WIDE, True,
    )  # fmt: skip
    row = first + tl.arange(0, ROWS)
    inside = (row < patches)[:, None]
    place = y_ptr + (base + row).to(tl.int64)[:, None] * (heads * D) + column
    tl.store(place + tl.arange(0, WIDE)[None, :], out0 / total[:, None], inside)
    tl.store(place + WIDE + tl.arange(0, NARROW)[None, :], out1 / total[:, None], inside)


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
    copies = torch.cuda.get_device_capability(q.device)[0] >= 9 if q.is_cuda else True  # tensors, in hardware
    if not wide or not copies or not together or q.stride() != (patches * row, head_dim, row, 1) or row % 8:
        return plain.attend_patches(q, k, v)
    rows = q.as_strided((pairs * patches, row), (row, 1))
    y = torch.empty(pairs, patches, heads * head_dim, device=q.device, dtype=q.dtype)
    described = [TensorDescriptor.from_tensor(rows, [n, width]) for n in (ROWS, KEYS) for width in (wide, narrow)]
    _attend_patches[(triton.cdiv(patches, ROWS), heads, pairs)](
        *described, y, patches, heads, head_dim**-0.5 * 1.4426950408889634, ROWS, KEYS, wide, narrow,
        num_warps=WARPS, num_stages=STAGES,
    )  # fmt: skip
    return y
