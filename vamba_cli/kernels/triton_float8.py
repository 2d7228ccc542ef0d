"""Products in float8 on GPUs that have them: twice the rate of 16 bits, both factors rounded row by row."""

# mypy: disable-error-code="no-untyped-def, untyped-decorator"

import torch
import triton
import triton.language as tl
from torch import Tensor

from vamba_cli.kernels import plain
from vamba_cli.kernels.dispatch import multiplies_float8
from vamba_cli.kernels.packed import DTYPES, LARGEST

_STEP = 16  # cuBLAS takes rows and widths in steps of this
_LEAST_ROWS = 16  # below, reading the weight is what takes time


@triton.jit
def _rows_to_float8(x_ptr, y_ptr, scale_ptr, width, LARGEST: tl.constexpr, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    i = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + row * width + i, i < width, 0.0).to(tl.float32)
    scale = tl.max(tl.abs(x), 0) / LARGEST
    tl.store(scale_ptr + row, scale)
    tl.store(y_ptr + row * width + i, (x / tl.where(scale > 0, scale, 1.0)).to(y_ptr.dtype.element_ty), i < width)


def rows_to_float8(x: Tensor) -> tuple[Tensor, Tensor]:
    """Rows (rows, width) as float8 and their float32 scales (rows,)."""
    rows, width = x.shape
    dtype = DTYPES["fp8"]
    codes = torch.empty(rows, width, device=x.device, dtype=dtype)
    scale = torch.empty(rows, device=x.device, dtype=torch.float32)
    _rows_to_float8[(rows,)](
        x.contiguous(), codes, scale, width, LARGEST[dtype], triton.next_power_of_2(width),
        num_warps=8 if width > 2048 else 4,
    )  # fmt: skip
    return codes, scale


def linear_fp8(x: Tensor, data: Tensor, scale: Tensor, bias: Tensor | None = None) -> Tensor:
    rows, width = data.shape
    flat = x.reshape(-1, width)
    if len(flat) < _LEAST_ROWS or rows % _STEP or width % _STEP or (x.is_cuda and not multiplies_float8(x.device)):
        return plain.linear_fp8(x, data, scale, bias)
    codes, x_scale = rows_to_float8(flat)
    try:
        y = torch._scaled_mm(  # row by row it gives bfloat16 alone
            codes, data.t(), scale_a=x_scale[:, None], scale_b=scale[None],
            bias=None if bias is None else bias.to(torch.bfloat16), out_dtype=torch.bfloat16, use_fast_accum=True,
        )  # fmt: skip
    except RuntimeError as error:  # cuBLAS lacks a few shapes with a bias
        if "NOT_SUPPORTED" not in str(error):
            raise
        return plain.linear_fp8(x, data, scale, bias)
    return y.to(x.dtype).view(*x.shape[:-1], rows)
