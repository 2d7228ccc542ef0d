"""Rotary position embeddings (Su et al., arXiv 2104.09864), for text positions and for image patches."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from vamba_cli.kernels.dispatch import pick


class Rotary(NamedTuple):
    """Cosines and sines, each (..., length, head_dim), float32 or better."""

    cos: Tensor
    sin: Tensor


class PatchRotary(NamedTuple):
    """`Rotary` of the patches of one frame pair, and what its angles are made of.

    places: (2, patches) rows and columns in cells; steps: (head_dim/4,) whole turns a cell. The first quarter of a head
    is turned by row times step, the second by column times step, and both halves alike; all of it float32 or better.
    """

    cos: Tensor
    sin: Tensor
    places: Tensor
    steps: Tensor


def _rotary(angles: Tensor) -> Rotary:
    """Angles (length, head_dim/2) to a table whose two halves are equal."""
    both = torch.cat((angles, angles), dim=-1)
    return Rotary(both.cos(), both.sin())


def text_rotary(positions: Tensor, head_dim: int, theta: float, dtype: torch.dtype = torch.float32) -> Rotary:
    """Table for text `positions` (length,): M-RoPE with the same index on its three axes is this."""
    steps = torch.arange(0, head_dim, 2, device=positions.device, dtype=dtype)
    return _rotary(positions.to(dtype)[:, None] * theta ** (-steps / head_dim))


def patch_rotary(
    rows: int,
    columns: int,
    head_dim: int,
    merge: int,
    device: torch.device,
    dtype: torch.dtype = torch.float32,
) -> PatchRotary:
    """Table for the patches of one frame pair, in the order of MODEL section 3: merge x merge neighbours together.

    Args:
        rows, columns: patches along height and width, multiples of `merge`.
        head_dim: a quarter of it holds row angles, a quarter column angles, and both are repeated.
    """
    row = torch.arange(rows, device=device)[:, None].expand(rows, columns)
    column = torch.arange(columns, device=device)[None, :].expand(rows, columns)

    def merged(index: Tensor) -> Tensor:
        blocks = index.reshape(rows // merge, merge, columns // merge, merge)
        return blocks.permute(0, 2, 1, 3).reshape(-1).to(dtype)

    half = head_dim // 2
    steps = 10000.0 ** (-torch.arange(0, half, 2, device=device, dtype=dtype) / half)
    places = torch.stack([merged(row), merged(column)])
    angles = (places[..., None] * steps).transpose(0, 1).flatten(1)
    return PatchRotary(*_rotary(angles), places, steps / (2 * math.pi))


def rotate(x: Tensor, table: Rotary) -> Tensor:
    """Rotate x (..., length, head_dim) by the table, in the table's precision, back in x's dtype."""
    rotated: Tensor = pick("rotate", x)(x, *table)
    return rotated
