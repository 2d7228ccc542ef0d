"""Cuts in the frames of one pass."""

import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from vamba_cli.media.frames import FrameChunk
from vamba_cli.media.scenes import CutDetector

SHADES = (20,) * 4 + (220,) * 5 + (100,) * 6 + (240,) * 5
CUTS = [4, 9, 15]


def chunks(sizes: list[int], grain: int = 4) -> Iterator[FrameChunk]:
    """Grey pictures with some grain."""
    noise = np.random.default_rng(0)
    frames = np.stack([shade + noise.integers(-grain, grain + 1, (180, 320, 1)) for shade in SHADES])
    pictures = np.repeat(frames.clip(0, 255), 3, axis=3).astype(np.uint8)
    edges = [0, *itertools.accumulate(sizes)]
    for first, stop in itertools.pairwise(edges):
        yield FrameChunk(pictures[first:stop], np.arange(first, stop, dtype=np.float64))


@pytest.mark.parametrize("sizes", [[20], [2] * 10, [8, 12], [2, 6, 12]])
def test_a_new_shot_is_found_whatever_the_chunks(sizes: list[int]) -> None:
    detector = CutDetector()
    assert [len(chunk.frames) for chunk in detector.watch(chunks(sizes))] == sizes
    assert np.flatnonzero(detector.cuts(20)).tolist() == CUTS
    assert np.flatnonzero(detector.cuts(14)).tolist() == CUTS[:2]  # a last frame without a partner is left out
    assert len(detector.cuts(14)) == 14


def test_motion_is_not_a_cut() -> None:
    detector = CutDetector()
    noise = np.random.default_rng(1)
    frames = noise.integers(0, 256, (24, 90, 160, 3)).astype(np.uint8)  # everything changes in each frame
    list(detector.watch([FrameChunk(frames, np.arange(24.0))]))
    assert not detector.cuts(24).any()


def test_the_frames_stay_as_they_are() -> None:
    (plain,), (looked_at,) = list(chunks([20])), list(CutDetector().watch(chunks([20])))
    assert np.array_equal(plain.frames, looked_at.frames)


def test_nothing_was_seen() -> None:
    assert CutDetector().cuts(0).tolist() == []
    assert CutDetector().cuts(2).tolist() == [False, False]
