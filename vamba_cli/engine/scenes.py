"""Scenes of an encoded video: runs of frames that show one picture or one shot."""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from vamba_cli.engine.generate import Span
from vamba_cli.model.memory import Looks, VideoMemory

_LEAST_VARIETY = 0.004  # squared distance of features; a video of one unchanging view has no chapters in its pictures


@dataclass(frozen=True, slots=True)
class Scene:
    """Frames first .. stop - 1, and the half-open span of time for which they are on screen.

    still: whether all of them show the same picture.
    shown_alone: whether the pair in whose middle the scene begins shows nothing of the scene before.
    """

    first: int
    stop: int
    start_seconds: float
    end_seconds: float
    still: bool = True
    shown_alone: bool = False

    @property
    def first_pair(self) -> int:
        """The first frame pair that shows nothing of the scene before."""
        return (self.first + (not self.shown_alone)) // 2

    @property
    def pairs(self) -> Span | None:
        """The frame pairs that show nothing else; None where the scene is too short for one."""
        first, stop = self.first_pair, self.stop // 2
        return (first, stop) if first < stop else None

    @property
    def seconds(self) -> float:
        return self.end_seconds - self.start_seconds


def find_scenes(memory: VideoMemory, threshold: float) -> list[Scene]:
    """All scenes in order, without gaps.

    A scene begins with a frame that differs from the one before by more than `threshold` grey levels. Where one such
    frame follows the other the picture moves: there only the cut detector's word counts.
    """
    looks = memory.looks
    edges = [0, *beginnings(looks, threshold), 2 * memory.num_pairs]
    times = [*looks.times_seconds.tolist(), memory.end_seconds]
    moves, alone = looks.changes > threshold, looks.doubled.tolist()
    return [
        Scene(first, stop, times[first], times[stop], not moves[first + 1 : stop].any(), alone[first // 2])
        for first, stop in pairwise(edges)
    ]


def beginnings(looks: Looks, threshold: float) -> list[int]:
    """Frames, other than the first of all, with which a scene begins."""
    changed = looks.changes > threshold
    if len(changed) < 2:
        return []
    still = ~changed
    next_to_still = still.roll(1) | torch.cat((still[1:], still.new_ones(1)))
    begins = changed & (looks.cuts | next_to_still)
    return [i for i in begins.nonzero().flatten().tolist() if i]


def picture_change(looks: Looks, num_pairs: int) -> Tensor:
    """How much the pictures after each frame pair's beginning differ from those before it: (pairs,).

    1 is the difference of two pictures taken at random from the video. What is measured is the squared distance
    between the mean features of the `num_pairs` pairs on either side, which is what a checkerboard kernel of that size
    finds in the matrix of cosine similarities (Foote 2000).
    """
    features = torch.nn.functional.normalize(looks.features.double(), dim=-1)
    sums = torch.cat((features.new_zeros(1, features.shape[-1]), features.cumsum(0)))
    here = torch.arange(len(features))
    first, stop = (here - num_pairs).clamp(min=0), (here + num_pairs).clamp(max=len(features))
    before = (sums[here] - sums[first]) / (here - first).clamp(min=1)[:, None]
    after = (sums[stop] - sums[here]) / (stop - here)[:, None]
    change = (before - after).square().sum(-1)
    change[:1] = 0.0
    at_random = 2 * (features - features.mean(0)).square().sum(-1).mean()
    return (change / at_random.clamp(min=_LEAST_VARIETY)).float()
