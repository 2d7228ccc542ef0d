"""Reading a file through the whole layer, for tests."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.media.synthetic import Recipe, read_index
from vamba_cli.media.frames import FrameReader
from vamba_cli.media.info import VideoInfo
from vamba_cli.media.plan import FramePlan, Sampling, Strategy, plan_frames
from vamba_cli.media.probe import probe


@dataclass(frozen=True)
class Reading:
    """All frames of a plan, and what the reader said."""

    info: VideoInfo
    plan: FramePlan
    frames: NDArray[np.uint8]
    times_seconds: NDArray[np.float64]
    num_bad_frames: int
    num_decoded_frames: int
    warnings: list[str]

    @property
    def indices(self) -> list[int]:
        """Which pictures came."""
        return [read_index(frame) for frame in self.frames]


def read(path: Path, sampling: Sampling, strategy: Strategy | None = None, chunk_frames: int = 6) -> Reading:
    """Probe, plan and read a file."""
    info = probe(path)
    plan = plan_frames(info, sampling)
    plan = replace(plan, strategy=strategy or plan.strategy)
    with FrameReader(info, plan, chunk_frames=chunk_frames) as reader:
        chunks = list(reader)
    for chunk in chunks:
        assert len(chunk.frames) == len(chunk.times_seconds)
        assert 0 < len(chunk.frames) <= chunk_frames
        assert len(chunk.frames) % 2 == 0
        assert chunk.frames.dtype == np.uint8
        assert chunk.frames.shape[1:] == (plan.height, plan.width, 3)
    return Reading(
        info,
        plan,
        np.concatenate([chunk.frames for chunk in chunks]),
        np.concatenate([chunk.times_seconds for chunk in chunks]),
        reader.num_bad_frames,
        reader.num_decoded_frames,
        reader.warnings,
    )


def assert_right_frames(reading: Reading, recipe: Recipe) -> None:
    """Every target got the frame that is on screen at that moment, with that frame's own time.

    Containers round times by up to half a millisecond, and the reader grants as much: just before a frame begins, it
    may come already.
    """
    indices = reading.indices
    targets = reading.plan.times_seconds[: len(indices)]
    expected = [recipe.shown_at(time_seconds) for time_seconds in targets]
    early = [recipe.shown_at(time_seconds, grace_seconds=1e-3) for time_seconds in targets]
    assert indices == [
        index if index == soon else right for index, right, soon in zip(indices, expected, early, strict=True)
    ]
    np.testing.assert_allclose(reading.times_seconds, recipe.times_seconds[indices], atol=6e-4)
