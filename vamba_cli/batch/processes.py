"""Child processes as workers: one per GPU, or as many as the user wants on the CPU."""

import logging
import os
import selectors
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from vamba_cli.batch.backend import Died, Finished, Reply, Sign
from vamba_cli.batch.jobs import Work
from vamba_cli.batch.wire import decode, encode
from vamba_cli.batch.work import Assignment, Outcome

_READ_BYTES = 1 << 16
_KEPT_LINES = 5
_EXIT_SECONDS = 5.0
_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class _Child:
    """A running worker, and what it said that is not yet whole."""

    process: "subprocess.Popen[bytes]"
    memory_kills: int
    answers: bytes = b""
    words: deque[str] = field(default_factory=lambda: deque(maxlen=_KEPT_LINES))
    ready: bool = False


class Processes:
    """Slots that are child processes, started when they are needed and again when they died."""

    def __init__(self, work: Work, environments: Sequence[Mapping[str, str]]) -> None:
        self._work, self._environments = work, environments
        self._children: dict[int, _Child] = {}
        self._selector = selectors.DefaultSelector()

    @property
    def num_slots(self) -> int:
        return len(self._environments)

    def is_ready(self, slot: int) -> bool:
        """Always: a worker is started when it is needed."""
        return slot < self.num_slots

    def assign(self, slot: int, assignment: Assignment) -> None:
        """Hand over a video; a pipe that broke shows in the next `wait`."""
        child = self._children.get(slot) or self._start(slot)
        _send(child, encode("assignment", assignment))

    def wait(self, timeout_seconds: float) -> list[Reply]:
        """Read what came; a worker whose answers end has died."""
        replies: list[Reply] = []
        for key, _events in self._selector.select(timeout_seconds):
            slot, child, is_answer = key.data
            if self._children.get(slot) is not child:
                continue  # it was buried in this round: its other stream is closed
            data = os.read(key.fd, _READ_BYTES)
            if is_answer and data:
                replies += self._answers(slot, data)
            elif data:
                self._words(slot, data)
            else:
                self._selector.unregister(key.fileobj)
                if is_answer:
                    replies.append(self._bury(slot))
        return replies

    def kill(self, slot: int) -> None:
        """End a worker and whatever it started."""
        child = self._children.pop(slot, None)
        if child is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(child.process.pid, signal.SIGKILL)
        self._forget(child)

    def close(self) -> None:
        for slot in list(self._children):
            self.kill(slot)
        self._selector.close()

    def _start(self, slot: int) -> _Child:
        environment = {**os.environ, **self._environments[slot], "PYTHONPATH": module_path()}
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "vamba_cli.batch.worker"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=environment, start_new_session=True,
        )  # fmt: skip
        child = self._children[slot] = _Child(process, memory_kills())
        assert process.stdout and process.stderr
        self._selector.register(process.stdout, selectors.EVENT_READ, (slot, child, True))
        self._selector.register(process.stderr, selectors.EVENT_READ, (slot, child, False))
        _LOG.info("worker %d: process %d", slot, process.pid)
        _send(child, encode("work", self._work))
        return child

    def _answers(self, slot: int, data: bytes) -> list[Reply]:
        child = self._children[slot]
        child.ready = True
        *lines, child.answers = (child.answers + data).split(b"\n")
        replies: list[Reply] = []
        for line in lines:
            message = decode(line)
            replies.append(Finished(slot, message) if isinstance(message, Outcome) else Sign(slot, str(message)))
        return replies

    def _words(self, slot: int, data: bytes) -> None:
        """What a worker or a library below it prints goes to the log, its last lines into the record of a crash."""
        for line in data.decode(errors="replace").splitlines():
            if line.strip():
                self._children[slot].words.append(line.strip()[:300])
                _LOG.info("worker %d: %s", slot, line)

    def _bury(self, slot: int) -> Died:
        child = self._children.pop(slot)
        try:
            child.process.wait(_EXIT_SECONDS)
        except subprocess.TimeoutExpired:  # its answers ended, it goes on: no use
            child.process.kill()
        self._drain(slot, child)
        self._forget(child)
        code = child.process.returncode or 0
        killed = -code in (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
        short = code == -signal.SIGKILL and memory_kills() > child.memory_kills
        last = f": {child.words[-1]}" if child.words else ""
        reason = "was ended by the system for lack of memory" if short else f"{_cause(code)}{last}"
        return Died(slot, f"the worker process {reason}", killed and not short, short, not child.ready)

    def _drain(self, slot: int, child: _Child) -> None:
        stream = child.process.stderr
        assert stream
        os.set_blocking(stream.fileno(), False)
        self._children[slot] = child
        with suppress(BlockingIOError, OSError):
            while data := os.read(stream.fileno(), _READ_BYTES):
                self._words(slot, data)
        del self._children[slot]

    def _forget(self, child: _Child) -> None:
        streams: list[IO[bytes] | None] = [child.process.stdin, child.process.stdout, child.process.stderr]
        for stream in streams:
            with suppress(KeyError, ValueError):
                self._selector.unregister(stream)  # type: ignore[arg-type]
            if stream:
                with suppress(OSError):
                    stream.close()
        with suppress(subprocess.TimeoutExpired):  # it hangs in the kernel, on a file server that is away
            child.process.wait(_EXIT_SECONDS)


def module_path() -> str:
    """Where a worker finds the same modules as this process, and those of the current folder."""
    return os.pathsep.join([entry for entry in sys.path if entry] + [str(Path.cwd())])


def _send(child: _Child, message: bytes) -> None:
    assert child.process.stdin
    with suppress(BrokenPipeError):
        child.process.stdin.write(message)
        child.process.stdin.flush()


def _cause(code: int) -> str:
    if code < 0:
        return f"crashed ({signal.Signals(-code).name})" if -code in set(signal.Signals) else f"crashed ({-code})"
    return f"ended by itself (exit code {code})"


def memory_kills() -> int:
    """How many processes the system has ended for lack of memory so far."""
    total = 0
    for place in ("/proc/vmstat", "/sys/fs/cgroup/memory.events"):
        with suppress(OSError, ValueError):
            for line in Path(place).read_text(encoding="ascii").splitlines():
                if line.startswith("oom_kill "):
                    total += int(line.split()[1])
    return total
