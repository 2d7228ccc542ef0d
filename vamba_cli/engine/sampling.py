"""From logits to the next token."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class SamplingOptions:
    """Greedy unless temperature is above 0; then top-k and top-p cut the tail, and the seed makes it repeatable."""

    temperature: float = 0.0
    top_k: int | None = None
    top_p: float | None = None
    seed: int = 0


class Sampler:
    """Draws tokens; one per answer, so that an answer does not depend on those before it."""

    def __init__(self, options: SamplingOptions) -> None:
        self._options = options
        self._generator = torch.Generator().manual_seed(options.seed)

    def __call__(self, logits: Tensor) -> int:
        """logits (vocab,) to a token id."""
        if self._options.temperature == 0:
            return int(logits.argmax())
        probabilities = token_probabilities(logits, self._options)
        return int(torch.multinomial(probabilities.cpu(), 1, generator=self._generator))


def token_probabilities(logits: Tensor, options: SamplingOptions) -> Tensor:
    """Probabilities (vocab,) in float32 after temperature, top-k and top-p (nucleus, arXiv 1904.09751)."""
    scaled = logits.float() / options.temperature
    if options.top_k is not None and options.top_k < len(scaled):
        scaled = scaled.masked_fill(scaled < scaled.topk(options.top_k).values[-1], -torch.inf)
    probabilities = scaled.softmax(-1)
    if options.top_p is not None and options.top_p < 1:
        ordered, order = probabilities.sort(descending=True)
        beyond = ordered.cumsum(-1) - ordered >= options.top_p  # the token that crosses the limit stays
        probabilities = probabilities.index_fill(0, order[beyond], 0.0)
        probabilities = probabilities / probabilities.sum()
    return probabilities
