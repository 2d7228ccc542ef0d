"""Norms and products that more than one part of the network uses."""

import torch
from torch import Tensor, nn

from vamba_cli.kernels.dispatch import pick


class RMSNorm(nn.Module):
    """Root-mean-square norm (Zhang & Sennrich, arXiv 1910.07467); statistics in float32 or better."""

    def __init__(self, dim: int, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        return pick("rms_norm", x)(x, self.weight, self.eps)


class Linear(nn.Linear):
    """A product of the text stream, whose x has a single row for every decoded token."""

    def forward(self, x: Tensor) -> Tensor:
        return pick("linear", x)(x, self.weight, self.bias)
