"""Dense reading targets: which characters each visual token should be able to name.

A token sees 28x28 pixels (a 2x2 merge of 14-pixel patches). Asking every token for its own characters teaches reading
much faster than answers alone do; the head that answers is thrown away after training.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

CELL = 28
MAX_GLYPHS = 8

# Characters of one printed line differ in height by less, two lines of the smallest type by more; in pixels.
_SAME_LINE = 4.0
_SPACE = 1


def dense_targets(
    glyph_codes: npt.NDArray[np.uint8], glyph_centres: npt.NDArray[np.float32], size: tuple[int, int]
) -> npt.NDArray[np.uint8]:
    """Codes of the first eight characters in each cell, (height / 28, width / 28, 8), padded with 0.

    Characters are in reading order: by printed line, then from left to right. Spaces and unknown ones do not count.
    `glyph_codes` (n,), `glyph_centres` (n, 2) as x and y in pixels, `size` width and height in pixels.
    """
    columns, rows = size[0] // CELL, size[1] // CELL
    grid = np.zeros((rows * columns, MAX_GLYPHS), np.uint8)
    places = np.floor(glyph_centres / CELL).astype(np.int64)
    inside = (places >= 0).all(axis=1) & (places[:, 0] < columns) & (places[:, 1] < rows) & (glyph_codes > _SPACE)
    codes, centres = glyph_codes[inside], glyph_centres[inside]
    cells = places[inside, 1] * columns + places[inside, 0]
    if not len(cells):
        return grid.reshape(rows, columns, MAX_GLYPHS)

    by_height = np.lexsort((centres[:, 1], cells))
    codes, centres, cells = codes[by_height], centres[by_height], cells[by_height]
    is_new_cell = np.diff(cells, prepend=-1) > 0
    is_new_line = is_new_cell | (np.diff(centres[:, 1], prepend=0) > _SAME_LINE)
    lines = np.cumsum(is_new_line)  # increases with the cell too, so it orders both

    in_order = np.lexsort((centres[:, 0], lines))
    codes, cells = codes[in_order], cells[in_order]
    starts = np.flatnonzero(is_new_cell)
    rank = np.arange(len(cells)) - np.repeat(starts, np.diff(starts, append=len(cells)))
    kept = rank < MAX_GLYPHS
    grid[cells[kept], rank[kept]] = codes[kept]
    return grid.reshape(rows, columns, MAX_GLYPHS)
