"""The logistic function and angles in few instructions (`tl.sigmoid` takes 13, which is what kernels beside it wait
for), and how exact products of float32 are.
"""

# mypy: disable-error-code="no-untyped-def, untyped-decorator"

import torch
import triton
import triton.language as tl

LOG2_E = tl.constexpr(1.4426950408889634)


@triton.jit
def sigmoid(x):
    """1 / (1 + exp(-x)) to about 20 bits: a root's reciprocal is one instruction, a division is eight."""
    root = tl.rsqrt(1.0 + tl.exp2(-LOG2_E * x))
    return root * root


@triton.jit
def rough_sigmoid(x):
    """The same in half of the time, to 3e-4 absolute: of values far below 0 few digits are right. Not interpreted."""
    half = tl.inline_asm_elementwise(
        "tanh.approx.f32 $0, $1;", "=f,f", [0.5 * x], dtype=tl.float32, is_pure=True, pack=1
    )
    return 0.5 + 0.5 * half


@triton.jit
def cos_sin(turns):
    """Of an angle in whole turns, up to some thousand of them, to about 20 bits. Not interpreted."""
    nearest = (turns + 12582912.0) - 12582912.0  # 1.5 * 2**23: the sum has no digits behind the point
    radians = 6.283185307179586 * (turns - nearest)
    cos = tl.inline_asm_elementwise("cos.approx.f32 $0, $1;", "=f,f", [radians], dtype=tl.float32, is_pure=True, pack=1)
    sin = tl.inline_asm_elementwise("sin.approx.f32 $0, $1;", "=f,f", [radians], dtype=tl.float32, is_pure=True, pack=1)
    return cos, sin


def input_precision(dtype: torch.dtype) -> str:
    """Of `tl.dot`: float32, which comes from Triton's interpreter alone, as it is; it says nothing of 16 bits."""
    return "ieee" if dtype == torch.float32 else "tf32"
