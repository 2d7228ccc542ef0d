"""Weights in 8 or 4 bits: which of them, how they are rounded, and the layer that multiplies by them.

int8: whole numbers -127 .. 127, one scale for each row (output channel).
int4: whole numbers 0 .. 15, a scale and a lowest value for each run of 64 along a row.
fp8: float8 with 3 bits of mantissa, one scale for each row.

In int8 and int4 only weights are rounded; products take the activations as they are, so that the error is the weights'
alone. fp8 is there for speed: of what encodes the video alone, and on GPUs that multiply float8 the activations are
rounded to it, too, each row by itself.
"""

import re

import torch
from torch import Tensor, nn

from vamba_cli.kernels import plain
from vamba_cli.kernels.dispatch import pick
from vamba_cli.kernels.packed import DTYPES, LARGEST

KINDS = ("full", "int8", "int4", "fp8")
GROUP = 64
ROUNDED_NUMBERS = 1 << 22  # that are rounded at once, in float32: 16 MiB and as much again a few times

# What is held in fewer bits. The rest never is: embeddings, norms, biases, patch_embed, the convolution, A_log, D,
# dt_bias and alpha. They are small, or read row by row, or what the recurrence multiplies with thousands of times.
_DOWN_TO_INT4 = re.compile(
    r"layers\.\d+\.(?:self_attn\.[qkvo]_proj|cross_attn\.[qo]_proj|mlp\.(?:gate|up|down)_proj)\.weight"
)
_DOWN_TO_FLOAT8 = re.compile(
    r"layers\.\d+\.mixer\.mixer\.(?:in|out)_proj\.weight|vision\.blocks\.\d+\.(?:qkv|proj|fc1|fc2)\.weight"
)
# What encodes the video, whose errors add up over layers and chunks, and the scores of all words keep 8 bits in int4.
_DOWN_TO_INT8 = re.compile(
    r"layers\.\d+\.cross_attn\.[kv]_proj\.weight|layers\.\d+\.mixer\.mixer\.(?:in|out)_proj\.weight"
    r"|vision\.blocks\.\d+\.(?:qkv|proj|fc1|fc2)\.weight|vision\.merger\.fc[12]\.weight|lm_head\.weight"
)


def kind_of(name: str, width: int, weights: str) -> str:
    """How the parameter of this name, whose rows are `width` long, is held where weights are asked for as `weights`."""
    if weights == "fp8":
        return "fp8" if _DOWN_TO_FLOAT8.fullmatch(name) else "full"
    if weights != "full" and _DOWN_TO_INT4.fullmatch(name):
        return "int8" if width % GROUP else weights
    return "int8" if weights != "full" and _DOWN_TO_INT8.fullmatch(name) else "full"


def stored_bytes(kind: str, rows: int, width: int, element_bytes: int) -> int:
    """Bytes of a matrix (rows, width); scales are kept in the dtype of the model, those of fp8 in float32."""
    if kind == "int8":
        return rows * (width + element_bytes)
    if kind == "fp8":
        return rows * (width + 4)
    if kind == "int4":
        return rows * (width // 2 + width // GROUP * 2 * element_bytes)
    return rows * width * element_bytes


def to_int8(rows: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Rows (rows, width) as int8 and their scales (rows,) in `dtype`, for which the codes are chosen."""
    wide = rows.float()
    scale = (wide.abs().amax(1) / 127).to(dtype)
    codes = (wide / _nonzero(scale)[:, None]).round_().clamp_(-127, 127)
    return codes.to(torch.int8), scale


def to_float8(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Rows (rows, width) as float8 and their float32 scales (rows,)."""
    wide, dtype = rows.float(), DTYPES["fp8"]
    scale = wide.abs().amax(1) / LARGEST[dtype]
    return (wide / _nonzero(scale)[:, None]).clamp_(-LARGEST[dtype], LARGEST[dtype]).to(dtype), scale


def to_int4(rows: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Rows (rows, width) as pairs of codes (rows, width / 2) uint8, and (rows, width / GROUP) scales and lowest values.

    The lower half of a byte is a code of the first half of a group, the upper one its twin in the second.
    """
    groups = rows.float().unflatten(1, (-1, GROUP))
    low = groups.amin(2).to(dtype)
    scale = ((groups.amax(2) - low.float()) / 15).to(dtype)
    codes = (groups - low.float()[..., None]).div_(_nonzero(scale)[..., None]).round_().clamp_(0, 15)
    first, second = codes.to(torch.uint8).chunk(2, -1)
    return (first | second << 4).flatten(1), scale, low


def _nonzero(scale: Tensor) -> Tensor:
    wide = scale.float()
    return wide.where(wide > 0, 1.0)


class QuantisedLinear(nn.Module):
    """Stands where an `nn.Linear` stood, with its bias; rows of the weight are stored block by block."""

    out_features: int
    in_features: int
    bias: nn.Parameter | None
    data: Tensor
    scale: Tensor
    low: Tensor

    def __init__(self, instead_of: nn.Module, kind: str, device: torch.device, dtype: torch.dtype) -> None:
        super().__init__()
        assert isinstance(instead_of, nn.Linear | QuantisedLinear)
        self.out_features, self.in_features = rows, width = instead_of.out_features, instead_of.in_features
        self.kind, self.bias, self.dtype = kind, instead_of.bias, dtype

        def keep(name: str, shape: tuple[int, ...], kept_dtype: torch.dtype) -> None:
            self.register_buffer(name, torch.empty(shape, device=device, dtype=kept_dtype))

        if kind == "int8":
            keep("data", (rows, width), torch.int8)
            keep("scale", (rows,), dtype)
        elif kind == "fp8":
            keep("data", (rows, width), DTYPES["fp8"])
            keep("scale", (rows,), torch.float32)
        else:
            keep("data", (rows, width // 2), torch.uint8)
            keep("scale", (rows, width // GROUP), dtype)
            keep("low", (rows, width // GROUP), dtype)

    def store(self, first: int, rows: Tensor) -> None:
        """Round the rows from `first` on."""
        part = slice(first, first + len(rows))
        if self.kind == "int8":
            self.data[part], self.scale[part] = to_int8(rows, self.scale.dtype)
        elif self.kind == "fp8":
            self.data[part], self.scale[part] = to_float8(rows)
        else:
            self.data[part], self.scale[part], self.low[part] = to_int4(rows, self.scale.dtype)

    @property
    def weight(self) -> Tensor:
        """A dense copy, for products that are made for dense weights."""
        if self.kind in ("int8", "fp8"):
            return self.data.to(self.dtype) * self.scale.to(self.dtype)[:, None]
        return plain.dense_int4(self.data, self.scale, self.low)

    @property
    def multiplies_codes(self) -> bool:
        """Whether products are made of the codes themselves: a dense copy would lose what they are there for."""
        return self.kind == "fp8"

    def forward(self, x: Tensor) -> Tensor:
        return self.product(x, self.bias)

    def product(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        """x times the weight, without the layer's own bias."""
        y: Tensor
        if self.kind in ("int8", "fp8"):
            y = pick(f"linear_{self.kind}", x)(x, self.data, self.scale, bias)
        else:
            y = pick("linear_int4", x)(x, self.data, self.scale, self.low, bias)
        return y
