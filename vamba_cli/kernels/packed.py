"""Keys and values in 8 bits, with one scale for each token and head: half of their memory, read as they are."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

DTYPES = {"int8": torch.int8, "fp8": torch.float8_e4m3fn}
SCALE_DTYPE = torch.bfloat16  # the range of float32; codes are chosen for the rounded scale, so nothing is lost by it
LARGEST = {torch.int8: 127.0, torch.float8_e4m3fn: 448.0}


class Packed(NamedTuple):
    """data (..., tokens, kv_heads, head_dim) int8 or float8, scale (..., tokens, kv_heads): their product is meant."""

    data: Tensor
    scale: Tensor

    @property
    def shape(self) -> torch.Size:
        return self.data.shape

    def dense(self, dtype: torch.dtype) -> Tensor:
        return self.data.to(dtype) * self.scale.to(dtype)[..., None]

    def tokens(self, part: slice) -> "Packed":
        """Some of the tokens of (batch, tokens, kv_heads, head_dim)."""
        return Packed(self.data[:, part], self.scale[:, part])

    def to(self, device: torch.device) -> "Packed":
        return Packed(self.data.to(device, non_blocking=True), self.scale.to(device, non_blocking=True))


Rows = Tensor | Packed


def pack(x: Tensor, dtype: torch.dtype) -> Packed:
    """Round x (..., head_dim) to int8, or to float8 with 3 bits of mantissa; the largest of a head is exact."""
    wide, largest = x.float(), LARGEST[dtype]
    scale = (wide.abs().amax(-1) / largest).to(SCALE_DTYPE)
    divisor = scale.float()
    codes = (wide / divisor.where(divisor > 0, 1.0)[..., None]).clamp_(-largest, largest)
    return Packed((codes.round_() if dtype == torch.int8 else codes).to(dtype), scale)


def stacked(parts: Sequence[Rows]) -> Rows:
    """Equal parts under each other; a single one is not copied."""
    if isinstance(parts[0], Tensor):
        return _stacked([part for part in parts if isinstance(part, Tensor)])
    data, scale = zip(*parts, strict=True)  # bytes are bytes: not every device joins float8
    return Packed(_stacked([part.view(torch.uint8) for part in data]).view(data[0].dtype), _stacked(scale))


def _stacked(parts: Sequence[Tensor]) -> Tensor:
    return torch.stack(tuple(parts)) if len(parts) > 1 else parts[0][None]
