"""Cuts between shots, found by PySceneDetect in the frames of our own pass over the video."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np

from vamba_cli.media.frames import FrameChunk

_COLUMNS = 256  # the detector compares means of pixels: more would cost time and tell nothing
_TICKS_PER_SECOND = 1000


def marked(chunks: Iterable[FrameChunk]) -> Iterator[FrameChunk]:
    """The chunks, with the frames marked at which a new shot begins.

    The detector sees the planned frames only: a shot that falls between two of them is not found.
    """
    from scenedetect import FrameTimecode  # a third of a second, which a video from the cache need not wait for
    from scenedetect.detectors import ContentDetector

    detector = ContentDetector(min_scene_len=0)
    for chunk in chunks:
        cuts = np.zeros(len(chunk.frames), bool)
        step = -(-chunk.frames.shape[2] // _COLUMNS)
        for i, (frame, seconds) in enumerate(zip(chunk.frames, chunk.times_seconds, strict=True)):
            small = np.ascontiguousarray(frame[::step, ::step, ::-1])  # blue, green, red, as OpenCV has it
            moment = FrameTimecode(round(float(seconds) * _TICKS_PER_SECOND), Fraction(_TICKS_PER_SECOND))
            cuts[i] = bool(detector.process_frame(moment, small))
        yield replace(chunk, cuts=cuts)
