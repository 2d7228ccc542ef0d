"""One table: which implementation of each operation runs, for which tensors.

`plain.py` defines every operation in PyTorch. Triton kernels (triton comes with PyTorch on CUDA), and cuBLAS products
that add, replace it for 16-bit tensors on a CUDA device where no gradient is wanted; `cpu.py` replaces some of it for
float32 and float64 on CPUs, again where no gradient is wanted. Everything else takes the plain path.
"""

import importlib
import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch import Tensor

from vamba_cli.kernels import cpu, plain

FAST = {  # operation: the module of this folder that has its fast implementation
    "add_product": "cublas_sums",
    "attend": "triton_attention",
    "attend_packed": "triton_attention",
    "attend_patches": "triton_patches",
    "block_changes": "triton_pixels",
    "conv_silu": "triton_pointwise",
    "gated_rms_norm": "triton_pointwise",
    "linear": "triton_gemv",
    "linear_fp8": "triton_float8",
    "linear_int4": "triton_quantised",
    "linear_int8": "triton_quantised",
    "linear_quick_gelu": "triton_vision",
    "patches": "triton_pixels",
    "qkv_patches": "triton_vision",
    "quick_gelu": "triton_vision",
    "resample": "triton_pixels",
    "rms_norm": "triton_pointwise",
    "rotate": "triton_pointwise",
    "rotate_patches": "triton_vision",
    "scan": "triton_scan",
    "shifted_layer_norm": "triton_pointwise",
    "swiglu": "triton_pointwise",
}
ON_CPU = frozenset(  # operations that `cpu.py` has, for inference in float32 and float64
    (
        "conv_silu", "gated_rms_norm", "linear_parts", "linear_quick_gelu", "qkv_patches", "rms_norm",
        "rotate_patches", "scan",
    )
)  # fmt: skip
_FAST_DTYPES = (torch.bfloat16, torch.float16, torch.uint8)
_OLDEST = (8, 0)  # compute capability from which bfloat16 products run on tensor cores
_only_plain = False


def is_fast_for(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether tensors on this device, of this dtype, take the fast implementations when no gradient is wanted."""
    if device.type != "cuda" or dtype not in _FAST_DTYPES or _only_plain or why_not_fast() is not None:
        return False
    return device.index in (None, torch.cuda.current_device())  # triton launches on the current device alone


def is_fast(x: Tensor) -> bool:
    """Whether tensors like x take the fast implementations now."""
    return not _learns(x) and is_fast_for(x.device, x.dtype)


def _learns(x: Tensor) -> bool:
    """Whether this is training, or evaluation with float32 weights in its midst."""
    return torch.is_grad_enabled() or torch.compiler.is_compiling() or torch.is_autocast_enabled(x.device.type)


def multiplies_float8(device: torch.device) -> bool:
    """Whether products in float8 are made there."""
    return device.type == "cuda" and why_not_fast() is None and torch.cuda.get_device_capability(device) >= (9, 0)


def pick(name: str, x: Tensor) -> Callable[..., Any]:
    """The implementation of an operation for tensors like x."""
    if x.device.type == "cpu" and name in ON_CPU and x.dtype in (torch.float32, torch.float64):
        return getattr(plain if _only_plain or _learns(x) else cpu, name)
    return _fast(name) if name in FAST and is_fast(x) else getattr(plain, name)


@contextmanager
def only_plain() -> Iterator[None]:
    """Inside, every operation runs in plain PyTorch: for comparisons."""
    global _only_plain  # noqa: PLW0603
    before, _only_plain = _only_plain, True
    try:
        yield
    finally:
        _only_plain = before


@cache
def _fast(name: str) -> Callable[..., Any]:
    return getattr(importlib.import_module(f"vamba_cli.kernels.{FAST[name]}"), name)


@cache
def why_not_fast() -> str | None:
    """None where the Triton kernels run on this machine's GPU, else the reason in a few words."""
    if not torch.cuda.is_available():
        return "no CUDA device"
    if importlib.util.find_spec("triton") is None:
        return "triton is not installed"
    if torch.cuda.get_device_capability() < _OLDEST:
        return "the GPU is older than compute capability 8.0"
    try:  # an old triton shows when it is imported, a driver or C compiler that is missing at the first launch
        for name in FAST:
            _fast(name)
        ones = torch.ones(1, 16, device="cuda", dtype=torch.bfloat16)
        _fast("rms_norm")(ones, ones[0], 1e-6).sum().item()
    except Exception as error:  # whatever it is, plain PyTorch works
        return f"triton cannot run: {(str(error) or type(error).__name__).splitlines()[0]}"
    return None


def table() -> list[tuple[str, str]]:
    """(operation, implementation) as `pick` chooses for 16-bit tensors on this machine's fastest device."""
    return [(name, "torch" if why_not_fast() else module.split("_")[0]) for name, module in sorted(FAST.items())]
