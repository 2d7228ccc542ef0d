"""Several decoders at work on one video, each between other key frames; what they find comes out in order."""

import os
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby, islice

from vamba_cli.media.cursor import Cursor
from vamba_cli.media.decode import Decoder, Shown, Threads
from vamba_cli.media.info import VideoInfo
from vamba_cli.media.picture import Orientation, Picture, PictureMaker
from vamba_cli.media.plan import FramePlan

# Pictures wait for those of the runs before; each decoder holds about 20 frames of 1.5 bytes a pixel.
_WAITING_BYTES = 128 << 20
_DECODERS_BYTES = 512 << 20
_DECODER_BYTES_PER_PIXEL = 30
# Each opens the file anew, and FFmpeg keeps a table of all frames of an MP4: 50 MB for eight hours.
_TABLES_BYTES = 128 << 20
_TABLE_BYTES_PER_FRAME = 84
_MOST_STRANDS = 16
# Opening a file once more pays for itself only over some runs.
_LEAST_RUNS = 3
# Without times in the file frames are counted: after damage, the way to a frame decides which one it is.
_UNTIMED_CONTAINERS = ("avi",)


@dataclass(frozen=True, slots=True)
class Found:
    """The picture for one wanted moment."""

    picture: Picture
    time_seconds: float
    stands_in: bool  # for a lost one


class Strand:
    """One decoder with its position in the video, and a scaler."""

    def __init__(self, info: VideoInfo, plan: FramePlan, threads: Threads) -> None:
        self.decoder = Decoder(info, keyframes_only=plan.strategy == "keyframes", threads=threads)
        try:
            ticks_per_second = float(self.decoder.ticks_per_second)
            self.moments = [_nearest_tick(seconds, ticks_per_second) for seconds in plan.times_seconds]
            self.decoder.want(self.moments)
            self._cursor = Cursor(self.decoder, info, seeking=plan.strategy == "seek")
            self._maker = PictureMaker(plan.width, plan.height, Orientation(info.mirrored, info.rotation_degrees))
        except BaseException:
            self.decoder.close()
            raise
        self._last: tuple[Shown, Picture] | None = None

    def find(self, wanted: range) -> Iterator[Found]:
        """Pictures for the moments with these numbers, until the video ends. A frame becomes a picture only once."""
        for index in wanted:
            found = self._cursor.at(self.moments[index])
            if found is None or self.decoder.stopped or found[0].frame is None:
                return
            shown, stands_in = found
            if self._last is None or self._last[0] is not shown:
                self._last = shown, self._maker.picture(found[0].frame)
            yield Found(self._last[1], float(shown.start / self.decoder.ticks_per_second), stands_in)

    def runs(self) -> list[range]:
        """The numbers of the wanted moments, split where the key frame before them is another one."""
        keyframe: int | None = None

        def keyframe_of(index: int) -> int | None:
            nonlocal keyframe
            found = self.decoder.keyframe_before(self.moments[index])
            keyframe = keyframe if found is None else found
            return keyframe

        groups = [list(group) for _, group in groupby(range(len(self.moments)), keyframe_of)]
        return [range(group[0], group[-1] + 1) for group in groups]


class Strands:
    """As many decoders as pay; close them when done. Closing from another thread ends the search."""

    def __init__(self, info: VideoInfo, plan: FramePlan) -> None:
        self._info, self._plan = info, plan
        self._lock = threading.Lock()
        self._stopped = False
        cores = num_cores()
        first = Strand(info, plan, "frames" if cores > 1 else "none")
        self._strands, self._idle = [first], [first]
        self._runs = first.runs() if plan.strategy == "seek" and info.container not in _UNTIMED_CONTAINERS else []
        self._num_strands = self._how_many(cores) if self._runs else 1
        if self._num_strands > 1:
            first.decoder.spread("none")

    def _how_many(self, cores: int) -> int:
        """Bounded by the cores, the work and the memory."""
        run_bytes = max(map(len, self._runs)) * self._plan.width * self._plan.height * 3
        decoder_bytes = self._info.width * self._info.height * _DECODER_BYTES_PER_PIXEL
        table_bytes = self._info.num_frames * _TABLE_BYTES_PER_FRAME
        by_memory = min(
            _WAITING_BYTES // run_bytes - 1, _DECODERS_BYTES // decoder_bytes, _TABLES_BYTES // max(1, table_bytes)
        )
        return max(1, min(cores, _MOST_STRANDS, len(self._runs) // _LEAST_RUNS, by_memory))

    @property
    def num_bad_frames(self) -> int:
        """Each counts once, whichever decoders met it."""
        return len(set().union(*(decoder.bad for decoder in self._decoders())))

    @property
    def num_decoded_frames(self) -> int:
        return sum(decoder.num_decoded_frames for decoder in self._decoders())

    @property
    def problems(self) -> list[str]:
        return [problem for decoder in self._decoders() for problem in decoder.problems]

    @property
    def last_bad_reason(self) -> str:
        """Of any of the decoders, as an example."""
        return next((decoder.last_bad_reason for decoder in self._decoders() if decoder.last_bad_reason), "")

    def _decoders(self) -> list[Decoder]:
        with self._lock:
            return [strand.decoder for strand in self._strands]

    def stop(self) -> None:
        """End the search soon; decoders are to be closed by `close` when it has ended."""
        with self._lock:
            self._stopped = True
            for strand in self._strands:
                strand.decoder.stopped = True

    def close(self) -> None:
        for decoder in self._decoders():
            decoder.close()

    def find(self) -> Iterator[Found]:
        """For each wanted moment its picture, until the video ends."""
        if self._num_strands == 1:
            yield from self._strands[0].find(range(len(self._plan.times_seconds)))
        else:
            yield from self._in_threads()

    def _in_threads(self) -> Iterator[Found]:
        runs = iter(self._runs)
        ahead: deque[tuple[range, Future[list[Found]]]] = deque()
        with ThreadPoolExecutor(self._num_strands, "vamba-decode") as pool:
            try:
                # No more runs are begun than these: that bounds the pictures in memory.
                ahead.extend((run, pool.submit(self._find_run, run)) for run in islice(runs, self._num_strands + 1))
                while ahead:
                    run, future = ahead.popleft()
                    found = future.result()
                    yield from found
                    if len(found) < len(run):
                        return
                    ahead.extend((run, pool.submit(self._find_run, run)) for run in islice(runs, 1))
            finally:
                self.stop()
                pool.shutdown(cancel_futures=True)

    def _find_run(self, run: range) -> list[Found]:
        """Runs begin in order, so for each strand the way is forward."""
        with self._lock:
            strand = self._idle.pop() if self._idle else None
        if strand is None:
            strand = Strand(self._info, self._plan, "none")
            with self._lock:
                self._strands.append(strand)
                strand.decoder.stopped = self._stopped
        found = list(strand.find(run))
        with self._lock:
            self._idle.append(strand)
        return found


def num_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _nearest_tick(time_seconds: float, ticks_per_second: float) -> int:
    """The last tick that is not after a moment.

    Containers round frame times to their tick, up or down: hence half a tick of grace. Where a tick is as long as a
    frame (AVI) nothing was rounded, so never more than half a millisecond.
    """
    return int(time_seconds * ticks_per_second + min(0.5, 5e-4 * ticks_per_second) + 1e-6)
