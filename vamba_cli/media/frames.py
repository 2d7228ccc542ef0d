"""The planned frames of a video as numpy arrays, a chunk at a time."""

import threading
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from vamba_cli.errors import MediaError, UsageError
from vamba_cli.media.cursor import Cursor
from vamba_cli.media.decode import Decoder, Shown
from vamba_cli.media.info import VideoInfo
from vamba_cli.media.picture import Orientation, PictureMaker
from vamba_cli.media.plan import FramePlan
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

    Raises:
        MediaError: while iterating, if not one frame can be decoded or the file has gone.
    """

    def __init__(self, info: VideoInfo, plan: FramePlan, *, chunk_frames: int = 32) -> None:
        if chunk_frames < 2 or chunk_frames % 2:
            raise UsageError(f"chunk_frames {chunk_frames} is not allowed: it must be even and at least 2")
        frame_bytes = plan.width * plan.height * 3
        self._chunk_frames = max(2, min(chunk_frames, _MAX_CHUNK_BYTES // frame_bytes // 2 * 2))
        self._info = info
        self._plan = plan
        self._decoder: Decoder | None = None
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
        if self._decoder is not None:
            self._decoder.stopped = True
        with self._lock:  # another thread may be inside the decoder, which must not be freed under it
            self._chunks.close()

    def _read(self) -> Generator[FrameChunk, None, None]:
        if self._closed:
            return
        decoder = self._decoder = Decoder(self._info, keyframes_only=self._plan.strategy == "keyframes")
        try:
            yield from self._chunked(decoder)
        finally:
            self._count(decoder)
            decoder.close()

    def _chunked(self, decoder: Decoder) -> Generator[FrameChunk, None, None]:
        """Fill one chunk after the other. A frame that serves several targets is turned into a picture once."""
        maker = PictureMaker(
            self._plan.width, self._plan.height, Orientation(self._info.mirrored, self._info.rotation_degrees)
        )
        num_left = len(self._plan.times_seconds)
        chunk, filled = self._new_chunk(num_left), 0
        last: Shown | None = None
        for shown in self._shown(decoder):
            if shown is not last:
                picture = maker.picture(shown.frame)
            last = shown
            chunk.frames[filled] = picture
            chunk.times_seconds[filled] = float(shown.start / decoder.ticks_per_second)
            filled += 1
            num_left -= 1
            if filled == len(chunk.frames):
                self._count(decoder)
                yield chunk
                chunk, filled = self._new_chunk(num_left), 0
        self._count(decoder)
        if last is None and not self._closed:
            raise MediaError(self._nothing(decoder))
        if filled > 1 and not self._closed:
            yield FrameChunk(chunk.frames[: filled // 2 * 2], chunk.times_seconds[: filled // 2 * 2])

    def _new_chunk(self, num_left: int) -> FrameChunk:
        num_frames = min(self._chunk_frames, num_left)
        return FrameChunk(
            np.empty((num_frames, self._plan.height, self._plan.width, 3), np.uint8), np.empty(num_frames)
        )

    def _shown(self, decoder: Decoder) -> Iterator[Shown]:
        """The frame for each target, as long as the pictures last; a lone one stands twice."""
        cursor = Cursor(decoder, self._info, seeking=self._plan.strategy == "seek")
        num_shown = num_stand_ins = 0
        shown: Shown | None = None
        for time_seconds in self._plan.times_seconds:
            found = cursor.at(_nearest_tick(time_seconds, decoder))
            if found is None or self._closed:
                break
            shown, stands_in = found
            num_shown += 1
            num_stand_ins += stands_in
            yield shown
        if num_shown == 1 and shown is not None:
            yield shown
        self._warn(decoder, num_shown, num_stand_ins)

    def _warn(self, decoder: Decoder, num_shown: int, num_stand_ins: int) -> None:
        times_seconds = self._plan.times_seconds
        self.warnings += dict.fromkeys(decoder.problems)
        if decoder.num_bad_frames:
            self.warnings.append(f"damaged frames were skipped: {decoder.num_bad_frames} ({decoder.last_bad_reason})")
        if num_stand_ins:
            self.warnings.append(
                f"{num_stand_ins} of {len(times_seconds)} wanted frames are missing: the picture before stands in"
            )
        if 0 < num_shown < len(times_seconds) and not self._closed:
            self.warnings.append(
                f"the pictures end before {clock(times_seconds[num_shown])}: {len(times_seconds) - num_shown} of "
                f"{len(times_seconds)} frames are missing"
            )

    def _count(self, decoder: Decoder) -> None:
        self.num_bad_frames, self.num_decoded_frames = decoder.num_bad_frames, decoder.num_decoded_frames

    def _nothing(self, decoder: Decoder) -> str:
        why = (
            decoder.last_bad_reason
            or f"there is no {'key frame' if decoder.keyframes_only else 'picture'} in this span"
        )
        return (
            f"{self._info.path}: not one of {len(self._plan.times_seconds)} wanted frames could be decoded ({why}): "
            "the file is damaged there; choose another span or get it again"
        )


def _nearest_tick(time_seconds: float, decoder: Decoder) -> int:
    """The last tick that is not after a moment.

    Containers round frame times to their tick, up or down: hence half a tick of grace. Where a tick is as long as a
    frame (AVI) nothing was rounded, so never more than half a millisecond.
    """
    ticks_per_second = float(decoder.ticks_per_second)
    return int(time_seconds * ticks_per_second + min(0.5, 5e-4 * ticks_per_second) + 1e-6)
