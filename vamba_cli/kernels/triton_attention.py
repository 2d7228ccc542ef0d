"""Attention of few queries to very many keys (flash-decoding): the keys are split among the processors.

Every program reads one part of the keys for one K/V head and keeps a running softmax (Milakov & Gimelshein, arXiv
1805.02867); a second kernel merges the parts by their log-sum-exps. All rows of q share a K/V head: none is repeated.
"""

# mypy: disable-error-code="no-untyped-def, untyped-decorator"

import math

import torch
import triton
import triton.language as tl
from torch import Tensor

from vamba_cli.kernels import plain
from vamba_cli.kernels.packed import Packed
from vamba_cli.kernels.processors import num_processors
from vamba_cli.kernels.triton_math import input_precision

BLOCK = 64  # keys per step
_PLACES, _PACKED_PLACES = 2, 4  # programs for each processor, as measured on an H200; unpacking hides behind others


@triton.jit
def _attend_part(
    q_ptr, k_ptr, v_ptr, out_ptr, lse_ptr, rows, tokens, part, kv_heads, q_batch, q_head, q_row,
    k_batch, k_token, k_head, v_batch, v_token, v_head, scale, ks_ptr, vs_ptr, s_batch, s_token, s_head,
    D: tl.constexpr, BD: tl.constexpr, BR: tl.constexpr, BK: tl.constexpr, PRECISION: tl.constexpr,
    PACKED: tl.constexpr,
):  # fmt: skip
    """One K/V head of one text: BR rows of q against `part` keys, packed with a scale for each token or not."""
    split, batch, head = tl.program_id(1), tl.program_id(2) // kv_heads, tl.program_id(2) % kv_heads
    batch = batch.to(tl.int64)
    row = tl.program_id(0) * BR + tl.arange(0, BR)
    d, j = tl.arange(0, BD), tl.arange(0, BK)
    in_q = (row < rows)[:, None] & (d < D)[None, :]
    q = tl.load(q_ptr + batch * q_batch + head * q_head + row[:, None] * q_row + d[None, :], in_q, 0.0)
    k_ptr += batch * k_batch + head * k_head
    v_ptr += batch * v_batch + head * v_head
    best = tl.full((BR,), float("-inf"), tl.float32)
    total = tl.zeros((BR,), tl.float32)
    out = tl.zeros((BR, BD), tl.float32)
    end = tl.minimum((split + 1) * part, tokens)
    for start in range(split * part, end, BK):
        token = (start + j).to(tl.int64)
        valid = token < end
        k = tl.load(k_ptr + token[None, :] * k_token + d[:, None], valid[None, :] & (d < D)[:, None], 0.0)
        if PACKED:
            place = batch * s_batch + token * s_token + head * s_head
            k_scale = tl.load(ks_ptr + place, valid, 0.0).to(tl.float32)
            v_scale = tl.load(vs_ptr + place, valid, 0.0).to(tl.float32)
            k = k.to(q.dtype)
        scores = tl.dot(q, k, input_precision=PRECISION) * scale
        if PACKED:
            scores *= k_scale[None, :]
        scores = tl.where(valid[None, :], scores, float("-inf"))
        higher = tl.maximum(best, tl.max(scores, 1))
        weights = tl.exp2(scores - higher[:, None])
        shrink = tl.exp2(best - higher)
        v = tl.load(v_ptr + token[:, None] * v_token + d[None, :], valid[:, None] & (d < D)[None, :], 0.0)
        if PACKED:
            scaled, v = weights * v_scale[None, :], v.to(q.dtype)
        else:
            scaled = weights
        out = tl.dot(scaled.to(v.dtype), v, out * shrink[:, None], input_precision=PRECISION)
        total = total * shrink + tl.sum(weights, 1)
        best = higher
    place = (tl.program_id(2).to(tl.int64) * tl.num_programs(1) + split) * rows + row
    tl.store(out_ptr + place[:, None] * D + d[None, :], out / total[:, None], in_q)
    tl.store(lse_ptr + place, best + tl.log2(total), row < rows)


@triton.jit
def _merge(out_ptr, lse_ptr, y_ptr, rows, parts, D: tl.constexpr, BD: tl.constexpr, BS: tl.constexpr):
    """One row of q of one head: the mean of its parts, weighed by their sums of exponentials."""
    head, row = tl.program_id(1).to(tl.int64), tl.program_id(0)
    s, d = tl.arange(0, BS), tl.arange(0, BD)
    place = (head * parts + s) * rows + row
    lse = tl.load(lse_ptr + place, s < parts, float("-inf"))
    weights = tl.exp2(lse - tl.max(lse, 0))
    out = tl.load(out_ptr + place[:, None] * D + d[None, :], (s < parts)[:, None] & (d < D)[None, :], 0.0)
    y = tl.sum(out * weights[:, None], 0) / tl.sum(weights, 0)
    tl.store(y_ptr + (head * rows + row) * D + d, y, d < D)


def attend(q: Tensor, keys: Tensor, values: Tensor, y: Tensor | None = None) -> Tensor:
    """`plain.attend` for one text or a few, and any number of tokens; into y if given."""
    return _attend(q, keys, values, None, None, y)


def attend_packed(q: Tensor, keys: Packed, values: Packed) -> Tensor:
    """`plain.attend_packed`: half of the bytes are read, and nothing is unpacked but in registers."""
    if keys.data.dtype == torch.float8_e4m3fn and not _reads_float8(q.device):
        return plain.attend_packed(q, keys, values)
    return _attend(q, keys.data, values.data, keys.scale, values.scale, None)


def _reads_float8(device: torch.device) -> bool:
    return device.type != "cuda" or torch.cuda.get_device_capability(device) >= (8, 9)


def _attend(
    q: Tensor, keys: Tensor, values: Tensor, key_scale: Tensor | None, value_scale: Tensor | None, y: Tensor | None
) -> Tensor:
    batch, kv_heads, rows, D = q.shape
    tokens = keys.shape[1]
    BR = max(16, min(64, triton.next_power_of_2(rows)))
    row_blocks = triton.cdiv(rows, BR)
    programs = (_PLACES if key_scale is None else _PACKED_PLACES) * num_processors(q.device)
    parts = max(1, min(128, programs // (row_blocks * batch * kv_heads), tokens // (4 * BLOCK)))
    part = triton.cdiv(triton.cdiv(tokens, parts), BLOCK) * BLOCK
    parts = triton.cdiv(tokens, part)
    out = torch.empty(batch, kv_heads, parts, rows, D, device=q.device, dtype=torch.float32)
    lse = torch.empty(batch, kv_heads, parts, rows, device=q.device, dtype=torch.float32)
    if y is None:
        y = torch.empty(batch, kv_heads, rows, D, device=q.device, dtype=q.dtype)
    BD = max(16, triton.next_power_of_2(D))
    if key_scale is not None and value_scale is not None:
        assert key_scale.stride() == value_scale.stride()  # they are allocated, cut and gathered together
    _attend_part[(row_blocks, parts, batch * kv_heads)](
        q, keys, values, out, lse, rows, tokens, part, kv_heads, *q.stride()[:3],
        *keys.stride()[:3], *values.stride()[:3], D**-0.5 * math.log2(math.e),
        *((q, q, 0, 0, 0) if key_scale is None else (key_scale, value_scale, *key_scale.stride())),
        D, BD, BR, BLOCK, input_precision(q.dtype), key_scale is not None,
        num_warps=4, num_stages=3,
    )  # fmt: skip
    _merge[(rows, batch * kv_heads)](out, lse, y, rows, parts, D, BD, triton.next_power_of_2(parts))
    return y
