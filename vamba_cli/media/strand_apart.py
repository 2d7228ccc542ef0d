"""A strand in a process of its own: its decoder does not queue for this process's interpreter.

Numbers of wanted moments go there, and for each run of them come a pickled `_Run` and the bytes of its pictures.
"""

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import BufferedReader
from typing import cast

import numpy as np

from vamba_cli.errors import MediaError
from vamba_cli.media.info import VideoInfo
from vamba_cli.media.plan import FramePlan
from vamba_cli.media.strand import Found, Remarks, Strand

_PIPE_BYTES = 1 << 20  # that a pipe holds, where it can be told


@dataclass(frozen=True, slots=True)
class _Run:
    """What was found in a run, but for the pictures, whose bytes follow."""

    shape: tuple[int, ...]  # of all pictures together
    times_seconds: list[float]
    stand_ins: list[bool]
    remarks: Remarks
    error: Exception | None


class StrandApart:
    """Finds what a `Strand` finds. Its process ends with it, or with this one.

    Raises:
        MediaError: in a search, as a `Strand` does, and if the process ends before its work.
    """

    def __init__(self, info: VideoInfo, plan: FramePlan) -> None:
        self._info = info
        self._stopped = False
        self.remarks = Remarks()
        command = [sys.executable, "-P", "-c", f"from {serve.__module__} import serve; serve()"]
        path = os.pathsep.join(entry for entry in sys.path if entry)  # -P: not what lies in the current folder
        self._process = subprocess.Popen(
            command, env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._send((info, plan))

    def find(self, wanted: range) -> Iterator[Found]:
        """Pictures for the moments with these numbers, until the video ends."""
        self._send(wanted)
        received = self._receive()
        if received is None:
            if self._stopped:
                return
            raise MediaError(
                f"{self._info.path}: the process that decodes it was ended ({_cause(self._process.wait())}): a damaged "
                "file, or too little memory; try it alone, or a part of it with --start and --end"
            )
        run, pictures = received
        self.remarks = run.remarks
        if run.error is not None:
            raise run.error
        yield from map(Found, pictures, run.times_seconds, run.stand_ins)

    def stop(self) -> None:
        """From another thread: end the search now."""
        self._stopped = True
        self._process.kill()

    def close(self) -> None:
        self.stop()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()
        self._process.wait()

    def _send(self, message: object) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended: there will be no answer
            pickle.dump(message, self._process.stdin)
            self._process.stdin.flush()

    def _receive(self) -> tuple[_Run, np.ndarray] | None:
        """The next run; None if the process has ended."""
        stream = cast(BufferedReader, self._process.stdout)
        try:
            run: _Run = pickle.load(stream)
        except (EOFError, pickle.UnpicklingError):
            return None
        pictures = np.empty(run.shape, np.uint8)
        whole = stream.readinto(pictures.data.cast("B")) == pictures.nbytes if pictures.size else True
        return (run, pictures) if whole else None


def _cause(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def serve() -> None:
    """Answer what comes on standard input, first a video and a plan, then runs, until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is for the process that asks
    _widen(sys.stdout.fileno())
    info, plan = pickle.load(sys.stdin.buffer)
    strand: Strand | None = None
    with suppress(EOFError, BrokenPipeError):
        while True:
            wanted: range = pickle.load(sys.stdin.buffer)
            found: list[Found] = []
            error: Exception | None = None
            try:
                strand = strand or Strand(info, plan, "none")
                found = list(strand.find(wanted))
            except Exception as one:  # raised where the run was asked for
                error = one
            _answer(found, strand.remarks if strand else Remarks(), error, plan)
    os._exit(0)  # what stands in the pipe has nobody to read it


def _answer(found: list[Found], remarks: Remarks, error: Exception | None, plan: FramePlan) -> None:
    shape = (len(found), plan.height, plan.width, 3)
    times = [one.time_seconds for one in found]
    pickle.dump(_Run(shape, times, [one.stands_in for one in found], remarks, error), sys.stdout.buffer)
    for one in found:
        sys.stdout.buffer.write(np.ascontiguousarray(one.picture).data)
    sys.stdout.buffer.flush()


def _widen(pipe: int) -> None:
    """Let a pipe hold more, so that its two ends wait for each other less often."""
    with suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
