"""Muon for matrices, Adam for everything else; no step waits for the device, so a step can be captured as a graph."""

from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor, nn

_NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # quintic coefficients of Jordan et al., 2024, "Muon"


def orthogonalise(update: Tensor, steps: int = 5) -> Tensor:
    """Nearest semi-orthogonal matrices to a stack (n, rows, columns), by Newton-Schulz in bfloat16."""
    a, b, c = _NEWTON_SCHULZ
    x = update.to(torch.bfloat16)
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if tall else x


def _with_gradients(params: Iterable[nn.Parameter]) -> tuple[list[Tensor], list[Tensor]]:
    pairs = [(p, p.grad) for p in params if p.grad is not None]
    return [p for p, _ in pairs], [grad for _, grad in pairs]


class Muon:
    """Momentum whose direction is orthogonalised; equal shapes are stepped together as one stack."""

    def __init__(self, params: Iterable[nn.Parameter], rate: float, momentum: float = 0.95) -> None:
        self.params = list(params)
        self.rate, self.momentum = rate, momentum
        self._buffers = {p: torch.zeros_like(p) for p in self.params}

    @torch.no_grad()
    def step(self, share: Tensor) -> None:
        """One step at a share () of the full rate; parameters without a gradient stay."""
        stacks: dict[torch.Size, list[nn.Parameter]] = defaultdict(list)
        for p in self.params:
            if p.grad is not None:
                stacks[p.shape].append(p)
        for shape, params in stacks.items():
            buffers = [self._buffers[p] for p in params]
            _, grads = _with_gradients(params)
            torch._foreach_lerp_(buffers, grads, 1 - self.momentum)
            ahead = torch.stack(torch._foreach_lerp(grads, buffers, self.momentum))
            scale = -self.rate * max(1.0, shape[0] / shape[1]) ** 0.5
            change = orthogonalise(ahead).to(params[0].dtype) * (share * scale)
            torch._foreach_add_(list[Tensor](params), list(change.unbind()))


class Adam:
    """Adam with its step count on the device (Kingma & Ba, arXiv 1412.6980)."""

    def __init__(
        self, params: Iterable[nn.Parameter], rate: float, betas: tuple[float, float] = (0.9, 0.97), eps: float = 1e-8
    ) -> None:
        self.params = list(params)
        self.rate, self.betas, self.eps = rate, betas, eps
        self._means = {p: torch.zeros_like(p) for p in self.params}
        self._squares = {p: torch.zeros_like(p) for p in self.params}
        self._steps = torch.zeros((), device=self.params[0].device) if self.params else torch.zeros(())

    @torch.no_grad()
    def step(self, share: Tensor) -> None:
        """One step at a share () of the full rate; parameters without a gradient stay."""
        params, grads = _with_gradients(self.params)
        means, squares = ([moments[p] for p in self.params if p.grad is not None] for moments in
                          (self._means, self._squares))  # fmt: skip
        self._steps += 1
        first, second = (1 - beta**self._steps for beta in self.betas)
        torch._foreach_lerp_(means, grads, 1 - self.betas[0])
        torch._foreach_mul_(squares, self.betas[1])
        torch._foreach_addcmul_(squares, grads, grads, 1 - self.betas[1])
        below = torch._foreach_div(squares, second)
        torch._foreach_sqrt_(below)
        torch._foreach_add_(below, self.eps)
        change = torch._foreach_div(means, below)
        torch._foreach_mul_(change, share * (-self.rate) / first)
        torch._foreach_add_(params, change)


class Optimiser:
    """Muon over the weight matrices of linear layers; Adam over embeddings, the output head, norms and the rest."""

    def __init__(self, module: nn.Module, matrix_rate: float, other_rate: float) -> None:
        matrices: list[nn.Parameter] = []
        others: list[nn.Parameter] = []
        for name, p in module.named_parameters():
            is_matrix = p.ndim == 2 and not any(word in name for word in ("embed_tokens", "lm_head"))
            (matrices if is_matrix else others).append(p)
        self.muon, self.adam = Muon(matrices, matrix_rate), Adam(others, other_rate)

    def step(self, share: Tensor) -> None:
        self.muon.step(share)
        self.adam.step(share)

    def forget_gradients(self) -> None:
        for p in (*self.muon.params, *self.adam.params):
            p.grad = None
