"""Half-token mode: a share of the video tokens is kept, the rest is dropped behind the ViT (arXiv 2503.11579).

Which ones depends on place and number of the frame pair alone, never on the picture: a fixed pattern that covers the
frame evenly and moves on from pair to pair, so that every place is kept now and then. It is a Kronecker sequence with
the ratios of the plastic number over the frame (Roberts, "R2") and the golden ratio over time.
"""

import torch
from torch import Tensor

_ROW, _COLUMN, _PAIR = 0.7548776662466927, 0.5698402909980532, 0.6180339887498949


def num_kept(num_tokens: int, share: float) -> int:
    """How many tokens of each frame pair are kept; one at least."""
    return max(1, round(num_tokens * share))


def kept_places(rows: int, columns: int, num: int, pairs: range, device: torch.device) -> Tensor:
    """Places (pairs, num) of the tokens kept of each pair, ascending, among rows * columns."""
    row, column = (torch.arange(side, device=device, dtype=torch.float64) for side in (rows, columns))
    shift = torch.arange(pairs.start, pairs.stop, device=device, dtype=torch.float64) * _PAIR
    rank = (shift[:, None, None] + row[:, None] * _ROW + column * _COLUMN).frac().flatten(1)
    return rank.argsort(1)[:, :num].sort(1).values


def keep(tokens: Tensor, rows: int, columns: int, num: int, first_pair: int) -> Tensor:
    """Of tokens (pairs, rows * columns, hidden), the next in the video from `first_pair` on, `num` of each pair."""
    pairs = range(first_pair, first_pair + len(tokens))
    places = kept_places(rows, columns, num, pairs, tokens.device)
    return tokens.gather(1, places[..., None].expand(-1, -1, tokens.shape[-1]))
