"""How much a frame differs from another one: what says that a new picture begins."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vamba_cli.kernels.dispatch import pick

Frames = npt.NDArray[np.uint8]

_BLOCK = 8  # pixels along the side of the blocks whose mean change counts
_SMALL_BLOCKS = 12


def novelty(before: Frames, after: Frames) -> npt.NDArray[np.float64]:
    """How much each frame (n, H, W, 3) differs from the other: (n,), the change of its 12th most changed block.

    A block is 8x8 pixels of a frame, its change the mean absolute difference in grey levels. A mouse pointer or a
    cursor touches fewer than 12 blocks and does not count; two changed letters of a heading do.
    """
    rows, columns = (side // _BLOCK for side in before.shape[1:3])
    change = np.maximum(before, after) - np.minimum(before, after)
    if rows * columns < _SMALL_BLOCKS:
        return change.reshape(len(change), -1).mean(1)
    bands = change[:, : rows * _BLOCK].reshape(len(change), rows, _BLOCK, -1).sum(2, dtype=np.uint16)
    blocks = bands[..., : columns * _BLOCK * 3].reshape(len(change), rows * columns, _BLOCK * 3).sum(2, dtype=np.uint16)
    ranked = np.partition(blocks, -_SMALL_BLOCKS, axis=1)[:, -_SMALL_BLOCKS]
    return ranked / (_BLOCK * _BLOCK * 3)


def novelty_on_device(before: Tensor, after: Tensor) -> Tensor:
    """`novelty` of frames (n, H, W, 3) that lie on a GPU: (n,) float32, the same numbers."""
    height, width = before.shape[1:3]
    if height // _BLOCK * (width // _BLOCK) < _SMALL_BLOCKS:
        return (torch.maximum(before, after) - torch.minimum(before, after)).flatten(1).float().mean(1)
    blocks = pick("block_changes", before)(before, after, _BLOCK)
    return blocks.topk(_SMALL_BLOCKS).values[:, -1] / (_BLOCK * _BLOCK * 3)


def changes_of_pairs(frames: Tensor, before: Tensor | None) -> Tensor:
    """What each of some pairs that follow each other changes: (pairs, 3) float32.

    Args:
        frames: (2 * pairs, H, W, 3) uint8, the pairs that differ from what was there before.
        before: (2, H, W, 3), the last pair before them; None at the beginning, where all is new.

    Returns:
        The novelty against the pair before, that of the first frame against the frame before it, and that of the
        second frame against the first.
    """
    pairs = frames.unflatten(0, (-1, 2))
    earlier = torch.cat((pairs[:1] if before is None else before[None], pairs[:-1]))
    against = novelty_on_device(earlier.flatten(0, 1), frames).view(-1, 2).amax(1)
    found = torch.stack(
        (against, novelty_on_device(earlier[:, 1], pairs[:, 0]), novelty_on_device(pairs[:, 0], pairs[:, 1])), 1
    )
    if before is None:
        found[0, :2] = torch.inf
    return found
