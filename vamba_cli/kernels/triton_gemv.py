"""A matrix times one vector on GPUs: a decoded token costs reading the weights, so they are read at full speed."""

# mypy: disable-error-code="no-untyped-def, untyped-decorator"

import torch
import torch.nn.functional as F
import triton
import triton.language as tl
from torch import Tensor


@triton.jit
def _gemv(w_ptr, x_ptr, bias_ptr, y_ptr, rows, width, HAS_BIAS: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    n = tl.program_id(0) * BN + tl.arange(0, BN)
    k = tl.arange(0, BK)
    total = tl.zeros((BN, BK), tl.float32)
    w_ptr += n.to(tl.int64)[:, None] * width + k[None, :]
    for start in range(0, width, BK):
        inside = k + start < width
        x = tl.load(x_ptr + start + k, inside, 0.0).to(tl.float32)
        w = tl.load(w_ptr + start, (n < rows)[:, None] & inside[None, :], 0.0).to(tl.float32)
        total += w * x[None, :]
    y = tl.sum(total, 1)
    if HAS_BIAS:
        y += tl.load(bias_ptr + n, n < rows, 0.0).to(tl.float32)
    tl.store(y_ptr + n, y, n < rows)


def rows_at_once(rows: int) -> int:
    """Of a matrix, that one program multiplies with a single vector."""
    return 4 if rows <= 8192 else 8


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`F.linear` for a single row x (1, ..., 1, width)."""
    rows, width = weight.shape
    if x.numel() != width:
        return F.linear(x, weight, bias)
    y = torch.empty(*x.shape[:-1], rows, device=x.device, dtype=x.dtype)
    BN = rows_at_once(rows)
    _gemv[(triton.cdiv(rows, BN),)](
        weight, x, weight if bias is None else bias, y, rows, width, bias is not None, BN, 1024, num_warps=4
    )
    return y
