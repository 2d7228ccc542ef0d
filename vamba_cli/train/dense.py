"""Dense reading targets: which characters each visual token should be able to name.

A token sees 28x28 pixels (a 2x2 merge of 14-pixel patches). Asking every token for its own characters teaches reading
much faster than answers alone do; the head that answers is not part of the shipped checkpoint.
"""

import torch
from torch import Tensor

CELL = 28
SLOTS = 8  # characters that one cell can name

# Characters of one printed line differ in height by less, two lines of the smallest type by more; in pixels.
_SAME_LINE = 4.0
_FAR = 1 << 13  # more than any place in a picture


def cell_codes(codes: Tensor, centres: Tensor, rows: int, columns: int) -> Tensor:
    """Codes of the first eight characters in each cell in reading order, (pages, rows * columns, 8), padded with 0.

    Reading order is by printed line, then from left to right; characters outside the grid are nobody's. All shapes
    are fixed, so that this can be part of a captured step.

    Args:
        codes: (pages, glyphs) uint8, 0 for none.
        centres: (pages, glyphs, 2) float x and y in pixels.
    """
    pages, glyphs = codes.shape
    nobody = rows * columns
    across, down = (centres / CELL).floor().long().unbind(-1)
    inside = (codes > 0) & (across >= 0) & (across < columns) & (down >= 0) & (down < rows)
    cell = (down * columns + across).masked_fill(~inside, nobody)
    x, y = (centres * 4).long().clamp(0, _FAR - 1).unbind(-1)  # quarters of a pixel: whole numbers sort exactly

    order = (cell * _FAR + y).argsort(dim=1, stable=True)
    codes, cell, x, y = (part.gather(1, order) for part in (codes.long(), cell, x, y))
    new_cell = torch.ones_like(inside)
    new_cell[:, 1:] = cell[:, 1:] != cell[:, :-1]
    new_line = new_cell.clone()
    new_line[:, 1:] |= (y[:, 1:] - y[:, :-1]) > 4 * _SAME_LINE
    line = new_line.cumsum(1)  # increases with the cell too, so it orders both

    order = (line * _FAR + x).argsort(dim=1, stable=True)  # moves characters within their cell alone
    codes, cell = codes.gather(1, order), cell.gather(1, order)
    place = torch.arange(glyphs, device=codes.device).expand(pages, glyphs)
    rank = place - place.masked_fill(~new_cell, 0).cummax(1).values
    kept = (rank < SLOTS) & (cell < nobody)
    target = (cell * SLOTS + rank).masked_fill(~kept, nobody * SLOTS)
    grid = codes.new_zeros(pages, (nobody + 1) * SLOTS).scatter_(1, target, codes)
    return grid[:, : nobody * SLOTS].unflatten(1, (nobody, SLOTS))
