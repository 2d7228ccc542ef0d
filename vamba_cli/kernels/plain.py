"""The operations in plain PyTorch: what every other implementation must equal, and the only one on CPUs.

They run in any floating dtype; statistics and states are float32, or float64 for a float64 model.
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from vamba_cli.kernels.packed import Packed
from vamba_cli.kernels.ssd import ssd

DENSE_TOKENS = 4096  # of packed keys and values that are dense at once
_WHOLE = 128  # rows
DENSE_NUMBERS = 1 << 24  # of a quantised weight that are dense at once: 32 MiB in 16 bits


def normalise(x: Tensor, eps: float) -> Tensor:
    """x / rms(x) over the last axis, in x's dtype, computed in float32 (float64 stays float64)."""
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    return (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + eps)).to(x.dtype)


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """Root-mean-square norm over the last axis (Zhang & Sennrich, arXiv 1910.07467)."""
    return weight * normalise(x, eps)


def gated_rms_norm(y: Tensor, z: Tensor, weight: Tensor, num_groups: int, eps: float) -> Tensor:
    """RMSNorm(y * silu(z)) in z's dtype, the mean square taken per group of channels."""
    gated = y * F.silu(z.to(y.dtype))
    return weight * normalise(gated.unflatten(-1, (num_groups, -1)), eps).flatten(-2).to(z.dtype)


def shifted_layer_norm(x: Tensor, shift: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    """Layer norm of x + shift; shift (width,) float32."""
    return F.layer_norm((x + shift).to(x.dtype), x.shape[-1:], weight, bias, eps)


def conv_silu(x: Tensor, carried: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Causal depthwise convolution and SiLU.

    Args:
        x: (batch, length, channels).
        carried: (batch, channels, taps - 1) what came before x.
        weight, bias: (channels, 1, taps) and (channels,).
    """
    length, taps = x.shape[1], weight.shape[-1]
    history = torch.cat((carried.transpose(1, 2).to(x.dtype), x), dim=1)  # b (taps-1+l) c
    out = bias
    for tap in range(taps):
        out = out + history[:, tap : tap + length] * weight[:, 0, tap]
    return F.silu(out)


def scan(
    x: Tensor, dt: Tensor, dt_bias: Tensor, a_log: Tensor, B: Tensor, C: Tensor, D: Tensor, state: Tensor
) -> tuple[Tensor, Tensor]:
    """The Mamba-2 recurrence with its skip connection: `ssd` plus D x, with dt before its bias and softplus.

    Args:
        x: (batch, length, heads, P); dt: (batch, length, heads).
        dt_bias, a_log, D: (heads,), with A = -exp(a_log).
        B, C: (batch, length, groups, N).
        state: (batch, heads, P, N) float32 or better.

    Returns:
        y like x (plain: in the state's dtype), and the state after the last token.
    """
    wide = state.dtype
    step = F.softplus(dt.to(wide) + dt_bias.to(wide))
    y, state = ssd(x, step, -torch.exp(a_log.to(wide)), B, C, state)
    return y + D.to(wide)[:, None] * x, state


def linear_parts(x: Tensor, weight: Tensor, sizes: Sequence[int]) -> Sequence[Tensor]:
    """x weight^T, split into parts of the given sizes."""
    return F.linear(x, weight).split(list(sizes), dim=-1)


def linear_quick_gelu(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """h * sigmoid(1.702 h) of h = x weight^T + bias."""
    return quick_gelu(F.linear(x, weight, bias))


def quick_gelu(x: Tensor) -> Tensor:
    """x * sigmoid(1.702 x); x may be overwritten."""
    return x * torch.sigmoid(1.702 * x)


def swiglu(gate: Tensor, up: Tensor) -> Tensor:
    """silu(gate) * up (Shazeer, arXiv 2002.05202)."""
    return F.silu(gate) * up


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary embedding of x (..., length, head_dim) by tables that broadcast to it, in their precision."""
    first, second = x.chunk(2, dim=-1)
    turned = torch.cat((-second, first), dim=-1)
    return (x * cos + turned * sin).to(x.dtype)


def rotate_patches(qkv: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Split qkv (pairs, patches, 3, heads, head_dim) into q, k, v (pairs, heads, patches, head_dim), q and k rotated.

    qkv may be overwritten.
    """
    q, k, v = qkv.permute(2, 0, 3, 1, 4)
    return rotate(q, cos, sin), rotate(k, cos, sin), v


def qkv_patches(
    x: Tensor, weight: Tensor, bias: Tensor, heads: int, rotary: Sequence[Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """q, k and v, as of `rotate_patches`, from x (pairs, patches, width) and the layer that makes them.

    rotary: see `model.rope.PatchRotary`. The numbers of a head may come in another order, the same for q and k.
    """
    return rotate_patches(F.linear(x, weight, bias).unflatten(-1, (3, heads, -1)), *rotary[:2])


def attend_patches(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attention inside pairs: (pairs, heads, patches, head_dim) each, to (pairs, patches, heads * head_dim)."""
    return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(-2)


def attend(q: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Attention of q (batch, kv_heads, rows, head_dim) to all keys and values (batch, tokens, kv_heads, head_dim)."""
    return F.scaled_dot_product_attention(q, keys.transpose(1, 2), values.transpose(1, 2))


def attend_packed(q: Tensor, keys: Packed, values: Packed) -> Tensor:
    """`attend` to packed keys and values, which are dense for one block of tokens at a time: a running softmax."""
    wide = torch.promote_types(q.dtype, torch.float32)
    best = torch.full((*q.shape[:-1], 1), -torch.inf, device=q.device, dtype=wide)
    total, out = torch.zeros_like(best), torch.zeros(q.shape, device=q.device, dtype=wide)
    for first in range(0, keys.shape[1], DENSE_TOKENS):
        block = slice(first, first + DENSE_TOKENS)
        k, v = (part.tokens(block).dense(q.dtype).transpose(1, 2) for part in (keys, values))
        scores = (q @ k.transpose(-1, -2)).to(wide) * q.shape[-1] ** -0.5
        higher = torch.maximum(best, scores.amax(-1, keepdim=True))
        weights, shrink = torch.exp(scores - higher), torch.exp(best - higher)
        out = out * shrink + weights.to(q.dtype) @ v
        total = total * shrink + weights.sum(-1, keepdim=True)
        best = higher
    return (out / total).to(q.dtype)


def resample(x: Tensor, first: Tensor, weights: Tensor, bits: int, dim: int) -> Tensor:
    """Resize uint8 x along one axis: output n is the sum over j of weights[n, j] * x[first[n] + j] / 2**bits, rounded.

    Weights are whole numbers below 2**15, as in the resize of PyTorch on CPUs: float32 sums them exactly enough.
    """
    index = (first[:, None] + torch.arange(weights.shape[1], device=x.device)).clamp(max=x.shape[dim] - 1)
    dense = torch.zeros(len(first), x.shape[dim], device=x.device).scatter_add_(1, index, weights.float() / 2**bits)
    y = (x.movedim(dim, -1).float() @ dense.T + 0.5).floor_().clamp_(0, 255)
    return y.to(torch.uint8).movedim(-1, dim)


def block_changes(one: Tensor, other: Tensor, side: int) -> Tensor:
    """By how much the blocks of frames (n, H, W, 3) uint8 differ, summed: (n, blocks) int32, row by row of blocks.

    Blocks are `side` pixels high and wide; what is left over at the right and at the bottom is in none.
    """
    num, height, width = one.shape[:3]
    rows, columns = height // side, width // side
    change = torch.maximum(one, other) - torch.minimum(one, other)
    inside = change[:, : rows * side, : columns * side].reshape(num, rows, side, columns, side * 3)
    return inside.sum((2, 4), dtype=torch.int32).flatten(1)


def patches(
    frames: Tensor, frames_per_patch: int, patch: int, merge: int, mean: tuple[float, float, float],
    std: tuple[float, float, float], dtype: torch.dtype,
) -> Tensor:  # fmt: skip
    """Normalised patches (pairs, h * w, patch_dim) of frames (frames, H, W, 3); 2x2 neighbours stay together."""
    t, p, m = frames_per_patch, patch, merge
    num, height, width, _ = frames.shape
    wide = torch.promote_types(dtype, torch.float32)
    scale = 1 / (255 * torch.tensor(std, device=frames.device, dtype=wide))
    shift = torch.tensor(mean, device=frames.device, dtype=wide) * -255 * scale
    values = torch.addcmul(shift, frames.to(wide), scale).to(dtype)
    #           pairs, t,  rows,              m, p,  columns,          m, p, colour
    split = (num // t, t, height // (p * m), m, p, width // (p * m), m, p, 3)
    grid = values.reshape(split).permute(0, 2, 5, 3, 6, 8, 1, 4, 7)
    return grid.reshape(num // t, height // p * (width // p), 3 * t * p * p)


def add_product(total: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    """total + x weight^T; total may be overwritten."""
    return total + F.linear(x, weight)


linear = F.linear


def dense_int4(data: Tensor, scale: Tensor, low: Tensor) -> Tensor:
    """(rows, width) of codes in pairs (rows, width / 2), each group of a row with its scale and lowest value.

    A byte's lower half is of the first half of its group, the upper one of the second.
    """
    pairs = data.unflatten(-1, (scale.shape[-1], -1))
    groups = torch.cat((pairs & 15, pairs >> 4), -1).to(scale.dtype)
    return torch.addcmul(low[..., None], groups, scale[..., None]).flatten(-2)


def linear_int8(x: Tensor, data: Tensor, scale: Tensor, bias: Tensor | None = None) -> Tensor:
    """`F.linear` with a weight of whole numbers (rows, width) int8 and a scale (rows,) for each row of it."""

    def product(part: slice) -> Tensor:
        return F.linear(x, data[part] * scale[part, None])

    return _in_blocks(x, product, row_blocks(*data.shape), bias)


def linear_fp8(x: Tensor, data: Tensor, scale: Tensor, bias: Tensor | None = None) -> Tensor:
    """The same of float8 and float32 scales; they come first, because float16 cannot hold sums of codes up to 448."""

    def product(part: slice) -> Tensor:
        return F.linear(x, data[part].to(x.dtype) * scale[part, None].to(x.dtype))

    return _in_blocks(x, product, row_blocks(*data.shape), bias)


def linear_int4(x: Tensor, data: Tensor, scale: Tensor, low: Tensor, bias: Tensor | None = None) -> Tensor:
    """`F.linear` with the weight of `dense_int4`."""

    def product(part: slice) -> Tensor:
        return F.linear(x, dense_int4(data[part], scale[part], low[part]))

    return _in_blocks(x, product, row_blocks(len(data), 2 * data.shape[1]), bias)


def _in_blocks(x: Tensor, product: Callable[[slice], Tensor], blocks: list[slice], bias: Tensor | None) -> Tensor:
    if len(blocks) == 1:
        y = product(blocks[0])
    else:
        y = x.new_empty(*x.shape[:-1], blocks[-1].stop)
        for part in blocks:
            y[..., part] = product(part)
    return y if bias is None else y.add_(bias)


def row_blocks(rows: int, width: int, numbers: int | None = None) -> list[slice]:
    """Rows of a matrix in blocks of a bounded size: so much of it is dense at once.

    Products of odd numbers of rows take several times as long on GPUs: larger blocks have multiples of 128.
    """
    step = max(1, (numbers or DENSE_NUMBERS) // width)
    step -= step % _WHOLE if step > _WHOLE else 0
    return [slice(first, min(first + step, rows)) for first in range(0, rows, step)]
