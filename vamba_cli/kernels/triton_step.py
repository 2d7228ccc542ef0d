"""What one more token of one text needs on GPUs, in few launches: the weights are read once, at full speed.

x is a single row. The functions write into tensors that the caller keeps, so that a CUDA graph can hold them.
"""

# mypy: disable-error-code="no-untyped-def, untyped-decorator"

import math

import triton
import triton.language as tl
from torch import Tensor

from vamba_cli.kernels.triton_math import input_precision, sigmoid

_LOG2_E = math.log2(math.e)


@triton.jit
def _products(
    x_ptr, y_ptr, w0_ptr, w1_ptr, w2_ptr, w3_ptr, b0_ptr, b1_ptr, b2_ptr, b3_ptr, end0, end1, end2, end3, width, x_step,
    BIASED: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr,
):  # fmt: skip
    """BN rows of up to four matrices under each other; matrix i reads the row i * x_step of x."""
    n = tl.program_id(0) * BN
    w_ptr, b_ptr, first = w0_ptr, b0_ptr, 0
    if n >= end0:
        w_ptr, b_ptr, first, x_ptr = w1_ptr, b1_ptr, end0, x_ptr + x_step
    if n >= end1:
        w_ptr, b_ptr, first, x_ptr = w2_ptr, b2_ptr, end1, x_ptr + x_step
    if n >= end2:
        w_ptr, b_ptr, first, x_ptr = w3_ptr, b3_ptr, end2, x_ptr + x_step
    row, k = n + tl.arange(0, BN), tl.arange(0, BK)
    total = tl.zeros((BN, BK), tl.float32)
    w_ptr += (row - first).to(tl.int64)[:, None] * width + k[None, :]
    for start in range(0, width, BK):
        inside = k + start < width
        x = tl.load(x_ptr + start + k, inside, 0.0).to(tl.float32)
        w = tl.load(w_ptr + start, inside[None, :] & (row < end3)[:, None], 0.0).to(tl.float32)
        total += w * x[None, :]
    y = tl.sum(total, 1)
    if BIASED:
        y += tl.load(b_ptr + row - first, row < end3, 0.0).to(tl.float32)
    tl.store(y_ptr + row, y, row < end3)


def products(x: Tensor, weights: list[Tensor], biases: list[Tensor], y: Tensor) -> None:
    """y = all weights times x, one behind the other; x (width,), or one row of (matrices, width) for each."""
    width = weights[0].shape[1]
    ends, end = [], 0
    for weight in weights:
        end += len(weight)
        ends.append(end)
    pad = 4 - len(weights)
    block = 4
    _products[(triton.cdiv(end, block),)](
        x, y, *weights, *weights[:1] * pad, *(biases or weights), *(biases or weights)[:1] * pad,
        *ends, *[end] * pad, width, x.stride(0) if x.ndim == 2 else 0, bool(biases), block, 1024, num_warps=4,
    )  # fmt: skip


@triton.jit
def _gated_products(x_ptr, gate_ptr, up_ptr, y_ptr, rows, width, BN: tl.constexpr, BK: tl.constexpr):
    row, k = tl.program_id(0) * BN + tl.arange(0, BN), tl.arange(0, BK)
    place = row.to(tl.int64)[:, None] * width + k[None, :]
    gate, up = tl.zeros((BN, BK), tl.float32), tl.zeros((BN, BK), tl.float32)
    for start in range(0, width, BK):
        inside = (k + start < width)[None, :] & (row < rows)[:, None]
        x = tl.load(x_ptr + start + k, k + start < width, 0.0).to(tl.float32)[None, :]
        gate += tl.load(gate_ptr + place + start, inside, 0.0).to(tl.float32) * x
        up += tl.load(up_ptr + place + start, inside, 0.0).to(tl.float32) * x
    g = tl.sum(gate, 1)
    tl.store(y_ptr + row, g * sigmoid(g) * tl.sum(up, 1), row < rows)


def gated_products(x: Tensor, gate: Tensor, up: Tensor, y: Tensor) -> None:
    """y = silu(gate x) * (up x)."""
    rows, width = gate.shape
    _gated_products[(triton.cdiv(rows, 4),)](x, gate, up, y, rows, width, 4, 512, num_warps=4)


@triton.jit
def _add_norm(x_ptr, a_ptr, b_ptr, alpha_ptr, weight_ptr, y_ptr, width, eps, TWO: tl.constexpr, BALANCED: tl.constexpr,
              BLOCK: tl.constexpr):  # fmt: skip
    i = tl.arange(0, BLOCK)
    inside = i < width
    x = tl.load(x_ptr + i, inside, 0.0).to(tl.float32)
    a = tl.load(a_ptr + i, inside, 0.0).to(tl.float32)
    if TWO:
        b = tl.load(b_ptr + i, inside, 0.0).to(tl.float32)
        if BALANCED:
            alpha = tl.minimum(tl.maximum(tl.load(alpha_ptr).to(tl.float32), 0.0), 1.0)
            a, b = alpha * a, (1 - alpha) * b
        a += b
    x = (x + a).to(x_ptr.dtype.element_ty)
    tl.store(x_ptr + i, x, inside)
    wide = x.to(tl.float32)
    scale = tl.rsqrt(tl.sum(wide * wide, 0) / width + eps)
    y = (wide * scale).to(x.dtype).to(tl.float32) * tl.load(weight_ptr + i, inside, 0.0).to(tl.float32)
    tl.store(y_ptr + i, y, inside)


def add_norm(x: Tensor, added: Tensor, alpha: Tensor | None, weight: Tensor, eps: float, y: Tensor) -> None:
    """Add to x in place, and y = RMSNorm(x): `added` is (width,), or two rows, balanced by alpha if there is one."""
    second = added[-1] if added.ndim == 2 else added
    _add_norm[(1,)](
        x, added, second, added if alpha is None else alpha, weight, y, len(x), eps,
        added.ndim == 2, alpha is not None, triton.next_power_of_2(len(x)), num_warps=8,
    )  # fmt: skip


@triton.jit
def _text_attention(
    q_ptr, k_ptr, v_ptr, keys_ptr, values_ptr, position_ptr, y_ptr, kv_heads, group, log2_theta, scale,
    D: tl.constexpr, HALF: tl.constexpr, BH: tl.constexpr, BD: tl.constexpr, BG: tl.constexpr, BK: tl.constexpr,
    PRECISION: tl.constexpr,
):  # fmt: skip
    """One K/V head: turn q and k to their position, keep k and v, and read everything up to it."""
    head, position = tl.program_id(0), tl.load(position_ptr)
    i, d, g, j = tl.arange(0, BH), tl.arange(0, BD), tl.arange(0, BG), tl.arange(0, BK)
    angle = position.to(tl.float32) * tl.exp2(i.to(tl.float32) * (-2.0 / D) * log2_theta)
    cos, sin = tl.cos(angle), tl.sin(angle)
    known = (i < HALF)[None, :] & (g < group)[:, None]
    q_place = q_ptr + (head * group + g)[:, None] * D + i[None, :]
    q1, q2 = tl.load(q_place, known, 0.0).to(tl.float32), tl.load(q_place + HALF, known, 0.0).to(tl.float32)
    dtype = keys_ptr.dtype.element_ty
    qa, qb = (q1 * cos[None, :] - q2 * sin[None, :]).to(dtype), (q2 * cos[None, :] + q1 * sin[None, :]).to(dtype)
    k1 = tl.load(k_ptr + head * D + i, i < HALF, 0.0).to(tl.float32)
    k2 = tl.load(k_ptr + head * D + HALF + i, i < HALF, 0.0).to(tl.float32)
    ka, kb = (k1 * cos - k2 * sin).to(dtype), (k2 * cos + k1 * sin).to(dtype)
    v = tl.load(v_ptr + head * D + d, d < D, 0.0)
    row = kv_heads * D
    here = position * row + head * D
    tl.store(keys_ptr + here + i, ka, i < HALF)
    tl.store(keys_ptr + here + HALF + i, kb, i < HALF)
    tl.store(values_ptr + here + d, v.to(dtype), d < D)
    own = qa.to(tl.float32) * ka.to(tl.float32)[None, :] + qb.to(tl.float32) * kb.to(tl.float32)[None, :]
    best = tl.sum(own, 1) * scale
    total = tl.full((BG,), 1.0, tl.float32)
    out = tl.zeros((BG, BD), tl.float32) + v.to(tl.float32)[None, :]
    for start in range(0, position, BK):
        token = start + j
        seen = (token < position)[None, :] & (i < HALF)[:, None]
        k_place = keys_ptr + token[None, :] * row + head * D + i[:, None]
        scores = tl.dot(qa, tl.load(k_place, seen, 0.0), input_precision=PRECISION)
        scores = tl.dot(qb, tl.load(k_place + HALF, seen, 0.0), scores, input_precision=PRECISION) * scale
        scores = tl.where((token < position)[None, :], scores, float("-inf"))
        higher = tl.maximum(best, tl.max(scores, 1))
        weights, shrink = tl.exp2(scores - higher[:, None]), tl.exp2(best - higher)
        past = tl.load(values_ptr + token[:, None] * row + head * D + d[None, :],
                       (token < position)[:, None] & (d < D)[None, :], 0.0)  # fmt: skip
        out = tl.dot(weights.to(dtype), past, out * shrink[:, None], input_precision=PRECISION)
        total = total * shrink + tl.sum(weights, 1)
        best = higher
    y_place = y_ptr + (head * group + g)[:, None] * D + d[None, :]
    tl.store(y_place, out / total[:, None], (g < group)[:, None] & (d < D)[None, :])


def text_attention(
    q: Tensor, k: Tensor, v: Tensor, keys: Tensor, values: Tensor, position: Tensor, theta: float, y: Tensor
) -> None:
    """Causal attention of the token at `position` (1,) int64, which joins keys and values (capacity, kv_heads, D)."""
    _, kv_heads, D = keys.shape
    group, half = q.numel() // (kv_heads * D), D // 2
    _text_attention[(kv_heads,)](
        q, k, v, keys, values, position, y, kv_heads, group, math.log2(theta), D**-0.5 * _LOG2_E,
        D, half, max(16, triton.next_power_of_2(half)), max(16, triton.next_power_of_2(D)),
        max(16, triton.next_power_of_2(group)), 64, input_precision(keys.dtype), num_warps=4,
    )  # fmt: skip
