"""Several decoders at work on one video, each between other key frames; what they find comes out in order."""

import os
import sys
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

from vamba_cli.media.info import VideoInfo
from vamba_cli.media.plan import FramePlan
from vamba_cli.media.strand import Found, Remarks, Strand
from vamba_cli.media.strand_apart import StrandApart

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
# To start a process takes a third of a second; beside a busy interpreter decoding costs it a millisecond a frame.
_LEAST_FRAMES_APART = 512
# Without times in the file frames are counted: after damage, the way to a frame decides which one it is.
_UNTIMED_CONTAINERS = ("avi",)


class Strands:
    """As many decoders as pay; close them when done. Closing from another thread ends the search.

    Args:
        apart: whether several decoders of a long plan work in processes of their own, as pays where this one's
            interpreter is busy.
    """

    def __init__(self, info: VideoInfo, plan: FramePlan, *, apart: bool = False) -> None:
        self._info, self._plan = info, plan
        self._lock = threading.Lock()
        self._stopped = False
        cores = num_cores()
        first = Strand(info, plan, "frames" if cores > 1 else "none")
        self._runs = first.runs() if plan.strategy == "seek" and info.container not in _UNTIMED_CONTAINERS else []
        self._num_strands = self._how_many(cores) if self._runs else 1
        self._apart = apart and len(plan.times_seconds) >= _LEAST_FRAMES_APART and bool(sys.executable)
        self._strands: list[Strand | StrandApart] = [first]
        self._idle: list[Strand | StrandApart] = [] if self._apart else [first]
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
        return len(frozenset().union(*(each.bad for each in self._remarks())))

    @property
    def num_decoded_frames(self) -> int:
        return sum(each.num_decoded_frames for each in self._remarks())

    @property
    def problems(self) -> list[str]:
        return [problem for each in self._remarks() for problem in each.problems]

    @property
    def last_bad_reason(self) -> str:
        """Of any of the decoders, as an example."""
        return next((each.last_bad_reason for each in self._remarks() if each.last_bad_reason), "")

    def _remarks(self) -> list[Remarks]:
        with self._lock:
            return [strand.remarks for strand in self._strands]

    def stop(self) -> None:
        """End the search soon; decoders are to be closed by `close` when it has ended."""
        with self._lock:
            self._stopped = True
            for strand in self._strands:
                strand.stop()

    def close(self) -> None:
        with self._lock:
            for strand in self._strands:
                strand.close()

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
            strand = self._new_strand()
            with self._lock:
                self._strands.append(strand)
                if self._stopped:
                    strand.stop()
        found = list(strand.find(run))
        with self._lock:
            self._idle.append(strand)
        return found

    def _new_strand(self) -> Strand | StrandApart:
        if self._apart:
            try:
                return StrandApart(self._info, self._plan)
            except OSError:  # as many processes as this user may have
                self._apart = False
        return Strand(self._info, self._plan, "none")


def num_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
