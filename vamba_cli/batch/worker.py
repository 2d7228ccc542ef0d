"""A child process: reads assignments on stdin, keeps the model, answers on stdout.

Native code that prints to stdout would spoil the answers: descriptor 1 is led to stderr, and the answers take another.
"""

import ctypes
import os
import queue
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import BinaryIO

from vamba_cli.batch.jobs import Work
from vamba_cli.batch.wire import decode, encode
from vamba_cli.batch.work import Assignment, Worker
from vamba_cli.engine.events import EncodeProgress, Event, Notice, Stage, TranscribeProgress, WindowsProgress

_SECONDS_BETWEEN_SIGNS = 1.0
_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Work until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business
    _die_with_parent()
    requests, answers = _own_streams()
    inbox: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(requests, inbox), daemon=True).start()
    work = decode(inbox.get())
    assert isinstance(work, Work)
    worker = Worker(work, _Signs(answers))
    while True:
        given = decode(inbox.get())
        assert isinstance(given, Assignment)
        answers.write(encode("outcome", worker.perform(given)))
        answers.flush()


class _Signs:
    """Signs of life: which stage, how far, once a second at most."""

    def __init__(self, answers: BinaryIO) -> None:
        self._answers = answers
        self._last_seconds = 0.0
        self._stage = ""

    def __call__(self, event: Event) -> None:
        if isinstance(event, Notice):
            return
        if isinstance(event, Stage):
            self._stage = event.name
        elif time.monotonic() - self._last_seconds < _SECONDS_BETWEEN_SIGNS:
            return
        self._last_seconds = time.monotonic()
        self._answers.write(encode("sign", f"{self._stage}{_how_far(event)}"))
        self._answers.flush()


def _how_far(event: Event) -> str:
    if isinstance(event, EncodeProgress):
        return f" {event.num_frames}/{event.total_frames}"
    if isinstance(event, WindowsProgress):
        return f" {event.num_windows}/{event.total_windows}"
    if isinstance(event, TranscribeProgress):
        return f" {event.done_seconds:.0f}/{event.total_seconds:.0f} s"
    return ""


def _listen(requests: BinaryIO, inbox: "queue.SimpleQueue[bytes]") -> None:
    for line in requests:
        inbox.put(line)
    os._exit(0)  # the parent is gone, or wants no more


def _own_streams() -> tuple[BinaryIO, BinaryIO]:
    sys.stdout.flush()
    requests, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return os.fdopen(requests, "rb"), os.fdopen(answers, "wb")


def _die_with_parent() -> None:
    """Linux ends this process with the one that started it, also in the middle of native code."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == 1:  # it died before that
            os._exit(0)


if __name__ == "__main__":
    main()
