"""Memory-bound operations on GPUs in one pass each: norms, convolution, activation, rotary embedding."""

# mypy: disable-error-code="no-untyped-def, untyped-decorator, assignment"

import torch
import triton
import triton.language as tl
from torch import Tensor

from vamba_cli.kernels import plain
from vamba_cli.kernels.triton_math import sigmoid

NORM_WARPS = 2  # of a program, which has a row
GATED_WARPS = 8
CONV_TURNS, CONV_CHANNELS, CONV_WARPS = 8, 256, 4


@triton.jit
def _rms_norm(x_ptr, weight_ptr, y_ptr, x_row, width, eps, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    i = tl.arange(0, BLOCK)
    inside = i < width
    x = tl.load(x_ptr + row * x_row + i, inside, 0.0).to(tl.float32)
    scale = tl.rsqrt(tl.sum(x * x, 0) / width + eps)
    weight = tl.load(weight_ptr + i, inside, 0.0).to(tl.float32)
    y = (x * scale).to(y_ptr.dtype.element_ty).to(tl.float32) * weight
    tl.store(y_ptr + row * width + i, y, inside)


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    rows = x.reshape(-1, x.shape[-1])
    y = torch.empty(rows.shape, device=x.device, dtype=x.dtype)
    block = triton.next_power_of_2(rows.shape[1])
    _rms_norm[(len(rows),)](
        rows, weight, y, rows.stride(0), rows.shape[1], eps, block, num_warps=8 if block > 2048 else 4
    )
    return y.view(x.shape)


def _row_parts(width: int) -> tuple[int, int, bool]:
    """A row as so many parts of a power of two, with no idle lane; else one part, and True: it is masked."""
    part = min(width & -width, 1024)
    return (width // part, part, False) if part >= 128 else (1, triton.next_power_of_2(width), True)


@triton.jit
def _shifted_layer_norm(
    x_ptr, shift_ptr, weight_ptr, bias_ptr, y_ptr, width, eps,
    PARTS: tl.constexpr, PART: tl.constexpr, MASKED: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64)
    i = tl.arange(0, PART)
    inside = (i < width) if MASKED else None
    parts = ()
    total = tl.zeros((PART,), tl.float32)
    for part in tl.static_range(PARTS):
        place = part * PART + i
        x = tl.load(x_ptr + row * width + place, inside, 0.0 if MASKED else None).to(tl.float32)
        x += tl.load(shift_ptr + place, inside, 0.0 if MASKED else None)
        total += x
        parts = parts + (x,)  # noqa: RUF005 - triton knows no unpacking
    mean = tl.sum(total, 0) / width
    total = tl.zeros((PART,), tl.float32)
    for part in tl.static_range(PARTS):
        away = tl.where(inside, parts[part] - mean, 0.0) if MASKED else parts[part] - mean
        total += away * away
    scale = tl.rsqrt(tl.sum(total, 0) / width + eps)
    for part in tl.static_range(PARTS):
        place = part * PART + i
        weight = tl.load(weight_ptr + place, inside).to(tl.float32)
        bias = tl.load(bias_ptr + place, inside).to(tl.float32)
        tl.store(y_ptr + row * width + place, (parts[part] - mean) * scale * weight + bias, inside)


def shifted_layer_norm(x: Tensor, shift: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    x = x.contiguous()
    y = torch.empty_like(x)
    width = x.shape[-1]
    _shifted_layer_norm[(x.numel() // width,)](
        x, shift, weight, bias, y, width, eps, *_row_parts(width), num_warps=NORM_WARPS
    )
    return y


@triton.jit
def _gated_rms_norm(
    y_ptr, z_ptr, weight_ptr, out_ptr, length, z_batch, z_row, width, eps,
    PARTS: tl.constexpr, PART: tl.constexpr, MASKED: tl.constexpr,
):  # fmt: skip
    row, group, groups = tl.program_id(0).to(tl.int64), tl.program_id(1), tl.num_programs(1)
    i = tl.arange(0, PART)
    inside = (i < width) if MASKED else None
    here = row * groups * width + group * width + i
    z_place = row // length * z_batch + row % length * z_row + group * width + i
    parts = ()
    squares = tl.zeros((PART,), tl.float32)
    for part in tl.static_range(PARTS):
        y = tl.load(y_ptr + here + part * PART, inside, 0.0 if MASKED else None).to(tl.float32)
        z = tl.load(z_ptr + z_place + part * PART, inside, 0.0 if MASKED else None).to(tl.float32)
        gated = y * z * sigmoid(z)
        squares += gated * gated
        parts = parts + (gated,)  # noqa: RUF005
    scale = tl.rsqrt(tl.sum(squares, 0) / width + eps)
    for part in tl.static_range(PARTS):
        weight = tl.load(weight_ptr + group * width + part * PART + i, inside, 0.0 if MASKED else None).to(tl.float32)
        tl.store(out_ptr + here + part * PART, parts[part] * scale * weight, inside)


def gated_rms_norm(y: Tensor, z: Tensor, weight: Tensor, num_groups: int, eps: float) -> Tensor:
    batch, length, channels = y.shape
    y = y.contiguous()
    out = torch.empty(y.shape, device=y.device, dtype=z.dtype)
    width = channels // num_groups
    _gated_rms_norm[(batch * length, num_groups)](
        y, z, weight, out, length, *z.stride()[:2], width, eps, *_row_parts(width), num_warps=GATED_WARPS
    )
    return out


@triton.jit
def _conv_silu(
    x_ptr, carried_ptr, weight_ptr, bias_ptr, y_ptr, length, channels, x_batch, x_row, TAPS: tl.constexpr,
    TURNS: tl.constexpr, BC: tl.constexpr,
):  # fmt: skip
    """BC channels of TURNS * TAPS rows. The last TAPS rows stay in registers: every row is read once."""
    batch = tl.program_id(2).to(tl.int64)
    c = tl.program_id(0) * BC + tl.arange(0, BC)
    inside = c < channels
    first = tl.program_id(1) * TURNS * TAPS
    x_ptr += batch * x_batch + c
    y_ptr += batch * length * channels + c
    carried_ptr += batch * channels * (TAPS - 1) + c * (TAPS - 1)
    bias = tl.load(bias_ptr + c, inside, 0.0).to(tl.float32)
    rows, weights = (), ()
    for tap in tl.static_range(TAPS):
        weight = tl.load(weight_ptr + c * TAPS + tap, inside, 0.0)
        weights = weights + (weight.to(tl.float32),)  # noqa: RUF005
    for back in tl.static_range(TAPS - 1):  # what came before the first row, the oldest first
        source = first + back - (TAPS - 1)
        if source < 0:
            row = tl.load(carried_ptr + source + TAPS - 1, inside, 0.0).to(tl.float32)
        else:
            row = tl.load(x_ptr + source.to(tl.int64) * x_row, inside, 0.0).to(tl.float32)
        rows = rows + (row,)  # noqa: RUF005
    for turn in range(TURNS):
        token = (first + turn * TAPS).to(tl.int64)
        for tap in tl.static_range(TAPS):
            new = tl.load(x_ptr + (token + tap) * x_row, inside & (token + tap < length), 0.0)
            rows = rows + (new.to(tl.float32),)  # noqa: RUF005
        for tap in tl.static_range(TAPS):
            y = bias
            for i in tl.static_range(TAPS):
                y += rows[tap + i] * weights[i]
            tl.store(y_ptr + (token + tap) * channels, y * sigmoid(y), inside & (token + tap < length))
        rows = rows[TAPS:]


def conv_silu(x: Tensor, carried: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    batch, length, channels = x.shape
    y = torch.empty(x.shape, device=x.device, dtype=x.dtype)
    taps, turns, block = weight.shape[-1], CONV_TURNS, CONV_CHANNELS
    _conv_silu[(triton.cdiv(channels, block), triton.cdiv(length, taps * turns), batch)](
        x, carried.contiguous(), weight, bias, y, length, channels, *x.stride()[:2], taps, turns, block,
        num_warps=CONV_WARPS,
    )  # fmt: skip
    return y


@triton.jit
def _swiglu(gate_ptr, up_ptr, y_ptr, numel, BLOCK: tl.constexpr):
    i = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    gate = tl.load(gate_ptr + i, i < numel, 0.0).to(tl.float32)
    up = tl.load(up_ptr + i, i < numel, 0.0).to(tl.float32)
    tl.store(y_ptr + i, gate * sigmoid(gate) * up, i < numel)


def swiglu(gate: Tensor, up: Tensor) -> Tensor:
    y = torch.empty_like(gate)
    _swiglu[(triton.cdiv(y.numel(), 1024),)](gate, up, y, y.numel(), 1024)
    return y


@triton.jit
def _rotate(
    x_ptr, cos_ptr, sin_ptr, y_ptr, length, heads, x_batch, x_head, x_row, HALF: tl.constexpr, BH: tl.constexpr,
    BD: tl.constexpr,
):  # fmt: skip
    """All heads of one token."""
    token, batch = tl.program_id(0), tl.program_id(1).to(tl.int64)
    head, d = tl.arange(0, BH)[:, None], tl.arange(0, BD)[None, :]
    known = d < HALF
    inside = known & (head < heads)
    cos, sin = tl.load(cos_ptr + token * 2 * HALF + d, known, 0.0), tl.load(sin_ptr + token * 2 * HALF + d, known, 0.0)
    source = x_ptr + batch * x_batch + token * x_row + head * x_head + d
    first, second = tl.load(source, inside, 0.0).to(tl.float32), tl.load(source + HALF, inside, 0.0).to(tl.float32)
    place = y_ptr + ((batch * length + token) * heads + head) * (2 * HALF) + d
    tl.store(place, first * cos - second * sin, inside)
    tl.store(place + HALF, second * cos + first * sin, inside)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """`plain.rotate` of a text's queries or keys (batch, heads, length, head_dim), in one launch instead of six."""
    if x.ndim != 4 or cos.shape != x.shape[2:] or x.stride(3) != 1:
        return plain.rotate(x, cos, sin)
    batch, heads, length, head_dim = x.shape
    half = head_dim // 2
    y = torch.empty(batch, length, heads, head_dim, device=x.device, dtype=x.dtype)
    _rotate[(length, batch)](
        x,
        cos,
        sin,
        y,
        length,
        heads,
        *x.stride()[:3],
        half,
        triton.next_power_of_2(heads),
        triton.next_power_of_2(half),
    )
    return y.transpose(1, 2)
