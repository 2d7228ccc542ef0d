"""Cuts in the frames of one pass."""

import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from vamba_cli.media.frames import FrameChunk
from vamba_cli.media.scenes import marked

SHADES = (20, 20, 220, 220, 220, 100, 100, 240)
CUTS = [False, False, True, False, False, True, False, True]


def shot(shade: int, noise: np.random.Generator) -> np.ndarray:
    """A picture of one shade with some grain."""
    grey = np.clip(shade + noise.integers(-4, 5, (180, 320, 1)), 0, 255).astype(np.uint8)
    return np.repeat(grey, 3, axis=2)


def chunks(sizes: list[int], step_seconds: float = 2.0) -> Iterator[FrameChunk]:
    noise = np.random.default_rng(0)
    frames = np.stack([shot(shade, noise) for shade in SHADES])
    times = np.arange(len(SHADES), dtype=np.float64) * step_seconds
    edges = [0, *itertools.accumulate(sizes)]
    for first, stop in itertools.pairwise(edges):
        yield FrameChunk(frames[first:stop], times[first:stop])


@pytest.mark.parametrize("sizes", [[8], [2, 2, 2, 2], [4, 4], [2, 6]])
@pytest.mark.parametrize("step_seconds", [2.0, 0.04, 0.0])
def test_a_new_shot_is_marked_whatever_the_chunks(sizes: list[int], step_seconds: float) -> None:
    seen = list(marked(chunks(sizes, step_seconds)))
    assert [len(chunk.frames) for chunk in seen] == sizes
    cuts = [chunk.cuts for chunk in seen]
    assert np.concatenate([part for part in cuts if part is not None]).tolist() == CUTS


def test_the_frames_stay_as_they_are() -> None:
    (plain,), (looked_at,) = list(chunks([8])), list(marked(chunks([8])))
    assert np.array_equal(plain.frames, looked_at.frames)
    assert np.array_equal(plain.times_seconds, looked_at.times_seconds)
