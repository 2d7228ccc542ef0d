"""Cuts between shots, found by PySceneDetect in the frames of our own pass over the video."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from vamba_cli.media.frames import FrameChunk

_COLUMNS = 256  # the detector compares means over the picture: more pixels would cost time and tell nothing
# A slide that changes beside a speaker who moves scores 2 to 10, the speaker 0.3 to 1. The library's own limit of 15
# is made for films; there the ratio to the neighbouring frames decides.
_LEAST_CONTENT_CHANGE = 1.5


class CutDetector:
    """Looks at frames while others read them.

    It sees the planned frames only: a shot that falls between two of them is not found. `cuts` is complete when the
    chunks are at their end, because a frame is judged by those around it.
    """

    def __init__(self) -> None:
        from scenedetect.detectors import AdaptiveDetector  # a third of a second, which reuse need not wait for

        self._detector = AdaptiveDetector(min_scene_len=0, min_content_val=_LEAST_CONTENT_CHANGE)
        self._num_frames = 0
        self._cuts: list[int] = []

    def watch(self, chunks: Iterable[FrameChunk]) -> Iterator[FrameChunk]:
        """The same chunks."""
        for chunk in chunks:
            for frame in chunk.frames:
                self._look_at(frame)
            yield chunk

    def _look_at(self, frame: NDArray[np.uint8]) -> None:
        from scenedetect import FrameTimecode

        step = -(-frame.shape[1] // _COLUMNS)
        small = np.ascontiguousarray(frame[::step, ::step, ::-1])  # blue, green, red, as OpenCV has it
        # the rate of a time code is of no consequence: the detector counts frames
        found = self._detector.process_frame(FrameTimecode(self._num_frames, 25.0), small)
        self._cuts += [cut.frame_num for cut in found]
        self._num_frames += 1

    def cuts(self, num_frames: int) -> NDArray[np.bool_]:
        """(num_frames,) whether a new shot begins with each of the first frames."""
        marks = np.zeros(max(self._num_frames, num_frames), bool)
        marks[self._cuts] = True
        return marks[:num_frames]
