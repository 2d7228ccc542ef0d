"""The planned frames of a video as numpy arrays, a chunk at a time."""

import threading
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from vamba_cli.errors import MediaError, UsageError
from vamba_cli.media.info import VideoInfo
from vamba_cli.media.plan import FramePlan
from vamba_cli.media.strand import Found
from vamba_cli.media.strands import Strands
from vamba_cli.timecode import clock

# A chunk of large pictures has fewer frames, so that memory does not grow with the resolution.
_MAX_CHUNK_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class FrameChunk:
    """A run of an even number of frames."""

    frames: NDArray[np.uint8]  # (n, height, width, 3) RGB, upright
    times_seconds: NDArray[np.float64]  # (n,) when each frame came on screen, after the first frame of the video


class FrameReader:
    """Iterates over the frames of a plan, once. Its memory does not depend on the length of the video.

    It may be iterated and closed from any thread, also from two at the same time: closing ends the iteration.

    Args:
        apart: as for `Strands`: the frames are the same.

    Raises:
        MediaError: while iterating, if not one frame can be decoded or the file has gone.
    """

    def __init__(self, info: VideoInfo, plan: FramePlan, *, chunk_frames: int = 32, apart: bool = False) -> None:
        if chunk_frames < 2 or chunk_frames % 2:
            raise UsageError(f"chunk_frames {chunk_frames} is not allowed: it must be even and at least 2")
        frame_bytes = plan.width * plan.height * 3
        self._chunk_frames = max(2, min(chunk_frames, _MAX_CHUNK_BYTES // frame_bytes // 2 * 2))
        self._info = info
        self._plan = plan
        self._apart = apart
        self._strands: Strands | None = None
        self._chunks = self._read()
        self._lock = threading.Lock()
        self._closed = False
        self.num_bad_frames = 0
        self.num_decoded_frames = 0
        self.warnings: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[FrameChunk]:
        return self

    def __next__(self) -> FrameChunk:
        with self._lock:
            return next(self._chunks)

    def close(self) -> None:
        """Stop, and close the file."""
        self._closed = True
        if self._strands is not None:
            self._strands.stop()
        with self._lock:  # another thread may be inside the decoder, which must not be freed under it
            self._chunks.close()

    def _read(self) -> Generator[FrameChunk, None, None]:
        if self._closed:
            return
        strands = self._strands = Strands(self._info, self._plan, apart=self._apart)
        try:
            yield from self._chunked(strands)
        finally:
            self._count(strands)
            strands.close()

    def _chunked(self, strands: Strands) -> Generator[FrameChunk, None, None]:
        """Fill one chunk after the other."""
        num_left = len(self._plan.times_seconds)
        chunk, filled = self._new_chunk(num_left), 0
        for found in self._found(strands):
            chunk.frames[filled] = found.picture
            chunk.times_seconds[filled] = found.time_seconds
            filled += 1
            num_left -= 1
            if filled == len(chunk.frames):
                self._count(strands)
                yield chunk
                chunk, filled = self._new_chunk(num_left), 0
        self._count(strands)
        if num_left == len(self._plan.times_seconds) and not self._closed:
            raise MediaError(self._nothing(strands))
        if filled > 1 and not self._closed:
            yield FrameChunk(chunk.frames[: filled // 2 * 2], chunk.times_seconds[: filled // 2 * 2])

    def _new_chunk(self, num_left: int) -> FrameChunk:
        num_frames = min(self._chunk_frames, num_left)
        return FrameChunk(
            np.empty((num_frames, self._plan.height, self._plan.width, 3), np.uint8), np.empty(num_frames)
        )

    def _found(self, strands: Strands) -> Iterator[Found]:
        """The picture for each target, as long as they last; a lone one stands twice."""
        num_found = num_stand_ins = 0
        for found in strands.find():
            if self._closed:
                return
            num_found += 1
            num_stand_ins += found.stands_in
            yield found
        if num_found == 1:
            yield found
        self._warn(strands, num_found, num_stand_ins)

    def _warn(self, strands: Strands, num_found: int, num_stand_ins: int) -> None:
        times_seconds = self._plan.times_seconds
        self._count(strands)
        self.warnings += dict.fromkeys(strands.problems)
        if self.num_bad_frames:
            self.warnings.append(f"damaged frames were skipped: {self.num_bad_frames} ({strands.last_bad_reason})")
        if num_stand_ins:
            self.warnings.append(
                f"{num_stand_ins} of {len(times_seconds)} wanted frames are missing: the picture before stands in"
            )
        if 0 < num_found < len(times_seconds) and not self._closed:
            self.warnings.append(
                f"the pictures end before {clock(times_seconds[num_found])}: {len(times_seconds) - num_found} of "
                f"{len(times_seconds)} frames are missing"
            )

    def _count(self, strands: Strands) -> None:
        self.num_bad_frames, self.num_decoded_frames = strands.num_bad_frames, strands.num_decoded_frames

    def _nothing(self, strands: Strands) -> str:
        missing = "key frame" if self._plan.strategy == "keyframes" else "picture"
        why = strands.last_bad_reason or f"there is no {missing} in this span"
        return (
            f"{self._info.path}: not one of {len(self._plan.times_seconds)} wanted frames could be decoded ({why}): "
            "the file is damaged there; choose another span or get it again"
        )
