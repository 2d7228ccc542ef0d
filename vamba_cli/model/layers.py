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


def multiplies_codes(linear: nn.Module) -> bool:
    """Whether a layer's own product is to be used, and not one that takes its weight along with other work."""
    return bool(getattr(linear, "multiplies_codes", False))


def add_product(total: Tensor, x: Tensor, linear: nn.Module) -> Tensor:
    """total plus x times the weight of a layer, without its bias; in place where the sum happens inside the product."""
    if multiplies_codes(linear):
        product: Tensor = linear.product(x)  # type: ignore[operator]
        return total.add_(product)
    added: Tensor = pick("add_product", total)(total, x, linear.weight)
    return added
