"""The vision transformer on GPUs: products that finish their tiles themselves, by an activation or a rotation."""

# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from collections.abc import Sequence
from functools import cache

import torch
import torch.nn.functional as F
import triton
import triton.language as tl
from torch import Tensor
from triton.tools.tensor_descriptor import TensorDescriptor

from vamba_cli.kernels.processors import copies_tiles, num_processors, shared_bytes
from vamba_cli.kernels.triton_math import cos_sin, rough_sigmoid, sigmoid

TILE, BAND, WARPS, STAGES = (128, 256, 64), 8, 8, 4  # as measured on an H100
_MANY = 10_000  # rows from which a rotation inside the product makes up for putting the weights in order


@triton.jit
def _linear(
    x_desc, w_desc, y_desc, bias_ptr, rows, columns, width, places_ptr, steps_ptr, patches, turned,
    QUARTER: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, BAND: tl.constexpr,
):  # fmt: skip
    """Tiles of x w^T + bias, one after the other on every processor, finished and stored in halves, to save room."""
    down, across = tl.cdiv(rows, BM), tl.cdiv(columns, BN)
    for tile in tl.range(tl.program_id(0), down * across, tl.num_programs(0), flatten=True):
        band = tile // (BAND * across) * BAND  # tiles that share rows and columns follow each other
        height = tl.minimum(down - band, BAND)
        m = (band + tile % (BAND * across) % height) * BM
        n = tile % (BAND * across) // height * BN
        total = tl.zeros((BM, BN), tl.float32)
        for k in range(0, width, BK):
            total = tl.dot(x_desc.load([m, k]), w_desc.load([n, k]).T, total)
        left, right = tl.split(tl.permute(tl.reshape(total, (BM, 2, BN // 2)), (0, 2, 1)))
        left = _finished(left, bias_ptr, columns, m, n, places_ptr, steps_ptr, patches, turned, QUARTER)
        y_desc.store([m, n], left.to(y_desc.dtype))
        n += BN // 2
        right = _finished(right, bias_ptr, columns, m, n, places_ptr, steps_ptr, patches, turned, QUARTER)
        y_desc.store([m, n], right.to(y_desc.dtype))


@triton.jit
def _finished(x, bias_ptr, columns, m, n, places_ptr, steps_ptr, patches, turned, QUARTER: tl.constexpr):
    """quick_gelu(x + bias), or (QUARTER: a quarter of a head) x + bias whose first `turned` columns are rotated."""
    column = n + tl.arange(0, x.shape[1])
    x += tl.load(bias_ptr + column, column < columns, 0.0).to(tl.float32)[None, :]
    if QUARTER == 0:
        x *= rough_sigmoid(1.702 * x)
    elif n < turned:
        couple = n // 2 + tl.arange(0, x.shape[1] // 2)  # neighbours are turned into each other
        row = (m + tl.arange(0, x.shape[0])) % patches
        down, across = tl.load(places_ptr + row), tl.load(places_ptr + patches + row)
        step = tl.load(steps_ptr + couple % QUARTER, couple < turned // 2, 0.0)
        across_turns = (couple % (2 * QUARTER) >= QUARTER)[None, :]
        cos, sin = cos_sin(tl.where(across_turns, across[:, None], down[:, None]) * step[None, :])
        first, second = tl.split(tl.reshape(x, (x.shape[0], x.shape[1] // 2, 2)))
        x = tl.reshape(tl.join(first * cos - second * sin, second * cos + first * sin), x.shape)
    return x


def _multiply(
    x: Tensor, weight: Tensor, bias: Tensor, places: Tensor, steps: Tensor, turned: int, quarter: int
) -> Tensor:
    flat = x.reshape(-1, x.shape[-1])
    y = torch.empty(len(flat), len(weight), device=x.device, dtype=x.dtype)
    BM, BN, BK = TILE
    tiles = triton.cdiv(len(flat), BM) * triton.cdiv(len(weight), BN)
    _linear[(min(num_processors(x.device), tiles),)](
        TensorDescriptor.from_tensor(flat, [BM, BK]), TensorDescriptor.from_tensor(weight, [BN, BK]),
        TensorDescriptor.from_tensor(y, [BM, BN // 2]), bias, len(flat), len(weight), x.shape[-1],
        places, steps, places.shape[-1], turned, quarter, BM, BN, BK, BAND, num_warps=WARPS, num_stages=STAGES,
    )  # fmt: skip
    return y.view(*x.shape[:-1], len(weight))


def _fits(x: Tensor, weight: Tensor) -> bool:
    """Whether hardware copies tiles of such rows, and has room for as many of them as a processor works on."""
    rows, columns, width = TILE
    wanted = STAGES * (rows + columns) * width * x.element_size() + rows * columns // 2 * x.element_size()
    has_room = shared_bytes(x.device) >= wanted + 1024  # for barriers
    return copies_tiles(x.device) and has_room and not any(side % 8 for side in weight.shape)


def linear_quick_gelu(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    if not _fits(x, weight):
        return quick_gelu(F.linear(x, weight, bias))
    return _multiply(x, weight, bias, bias, bias, 0, 0)


def qkv_patches(
    x: Tensor, weight: Tensor, bias: Tensor, heads: int, rotary: Sequence[Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """Of many rows the numbers that a rotation turns into each other come as neighbours: one thread has both."""
    head_dim = len(weight) // (3 * heads)
    cos, sin, places, steps = rotary
    if not _fits(x, weight) or x.shape[:-1].numel() < _MANY:
        return rotate_patches(F.linear(x, weight, bias).unflatten(-1, (3, heads, -1)), cos, sin)
    order = _neighbours(heads, head_dim, x.device)
    turned = 2 * heads * head_dim
    qkv = _multiply(x, weight[order], bias[order], places, steps, turned, head_dim // 4)
    q, k, v = qkv.unflatten(-1, (3, heads, -1)).permute(2, 0, 3, 1, 4)
    return q, k, v


@cache
def _neighbours(heads: int, head_dim: int, device: torch.device) -> Tensor:
    """Places of q, k and v such that the halves of each head of q and k alternate; v stays as it is."""
    place = torch.arange(3 * heads * head_dim, device=device)
    turned, kept = place.tensor_split([2 * heads * head_dim])
    return torch.cat((turned.view(-1, 2, head_dim // 2).mT.flatten(), kept))


@triton.jit
def _quick_gelu(x_ptr, numel, BLOCK: tl.constexpr):
    i = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + i, i < numel, 0.0).to(tl.float32)
    tl.store(x_ptr + i, x * sigmoid(1.702 * x), i < numel)


def quick_gelu(x: Tensor) -> Tensor:
    """In place."""
    _quick_gelu[(triton.cdiv(x.numel(), 4096),)](x, x.numel(), 4096, num_warps=8)
    return x


@triton.jit
def _rotate_patches(
    qkv_ptr, cos_ptr, sin_ptr, runs, patches, row_width,
    HEADS: tl.constexpr, HALF: tl.constexpr, RUN: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Turn the first HEADS heads of every row, in place: BLOCK runs of numbers, and those that are turned into them."""
    run = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    row, d = run // (HEADS * (HALF // RUN)), run % (HALF // RUN) * RUN
    head = run // (HALF // RUN) % HEADS
    inside = (run < runs)[:, None]
    numbers = tl.arange(0, RUN)[None, :]
    table = (row % patches * (2 * HALF) + d)[:, None] + numbers
    place = tl.multiple_of(row.to(tl.int64) * row_width + head * (2 * HALF) + d, RUN)
    place = qkv_ptr + place[:, None] + numbers
    first, second = tl.load(place, inside, 0.0).to(tl.float32), tl.load(place + HALF, inside, 0.0).to(tl.float32)
    cos, sin = tl.load(cos_ptr + table, inside, 0.0), tl.load(sin_ptr + table, inside, 0.0)
    tl.store(place, first * cos - second * sin, inside)
    tl.store(place + HALF, second * cos + first * sin, inside)


def rotate_patches(qkv: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """In place. Numbers are copied 8 at a time, where half of a head has whole eights."""
    pairs, patches, _, heads, head_dim = qkv.shape
    half = head_dim // 2
    run = min(8, half & -half)
    runs = pairs * patches * 2 * heads * (half // run)
    _rotate_patches[(triton.cdiv(runs, 256),)](
        qkv, cos, sin, runs, patches, 3 * heads * head_dim, 2 * heads, half, run, 256, num_warps=8
    )
    q, k, v = qkv.permute(2, 0, 3, 1, 4)
    return q, k, v
