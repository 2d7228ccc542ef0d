"""Worker processes that draw pages without end, and the shared memory through which the trainer takes them.

A page crosses as the arrays of a `Sample` in a slot of one shared block. Slots go round: free to a worker, full to the
trainer, free again. So memory is bounded, and a trainer that pauses only makes the workers wait.
"""

from __future__ import annotations

import multiprocessing
import queue
import signal
import time
import traceback
from collections.abc import Callable
from math import prod
from multiprocessing.context import ForkContext, SpawnContext
from types import TracebackType
from typing import Any

import numpy as np

from vamba_cli.train.samples import Sample, SampleShape

MAX_SHARED_BYTES = 2 * 1024**3

_POLL_SECONDS = 2.0
_ALIGNMENT = 64


def slot_bytes(shape: SampleShape) -> int:
    """Bytes of shared memory that one sample takes."""
    return sum(_padded(fields) for fields in shape.fields())


def _padded(fields: tuple[tuple[int, ...], type[np.generic]]) -> int:
    num_bytes = prod(fields[0]) * np.dtype(fields[1]).itemsize
    return -(-num_bytes // _ALIGNMENT) * _ALIGNMENT


def _views(raw: Any, shape: SampleShape, capacity: int) -> Sample:
    """The arrays of all slots, stacked: array `part[i]` belongs to slot i."""
    offset, parts = 0, []
    for fields in shape.fields():
        extent, kind = fields
        stride = _padded(fields)
        flat = np.frombuffer(raw, np.uint8, capacity * stride, offset).reshape(capacity, stride)
        used = flat[:, : prod(extent) * np.dtype(kind).itemsize]
        parts.append(used.view(kind).reshape(capacity, *extent))
        offset += capacity * stride
    return Sample(*parts)


class SamplePool:
    """Context manager: workers run from entry to exit, and are gone after exit, whatever happened.

    `make(worker)` is called in each worker process and returns what draws one slide. With `start_method` "spawn" it
    must be picklable and the main script importable; "fork" starts at once and suits a main process that has not
    touched its GPU yet.
    """

    def __init__(
        self,
        make: Callable[[int], Callable[[], Sample]],
        num_workers: int,
        capacity: int,
        shape: SampleShape,
        start_method: str = "spawn",
    ) -> None:
        shared_bytes = capacity * slot_bytes(shape)
        if num_workers < 1 or capacity < num_workers:
            raise ValueError(
                f"{num_workers} workers and {capacity} slots: give at least one worker, and a slot for each"
            )
        if shared_bytes > MAX_SHARED_BYTES:
            limit = MAX_SHARED_BYTES // slot_bytes(shape)
            raise ValueError(f"capacity {capacity} needs {shared_bytes} bytes of shared memory: give at most {limit}")
        context = _context(start_method)
        self._raw = context.RawArray("B", shared_bytes)
        self._slots = _views(self._raw, shape, capacity)
        self._free: multiprocessing.Queue[int] = context.Queue()
        self._full: multiprocessing.Queue[int | str] = context.Queue()
        self._workers = [
            context.Process(
                target=_work, args=(make, worker, self._raw, shape, capacity, self._free, self._full), daemon=True
            )
            for worker in range(num_workers)
        ]
        for index in range(capacity):
            self._free.put(index)

    def __enter__(self) -> SamplePool:
        for worker in self._workers:
            worker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends all workers; harmless when they ended already."""
        for worker in self._workers:
            if worker.pid is not None:
                worker.kill()
        for worker in self._workers:
            if worker.pid is not None:
                worker.join()
        for slots in (self._free, self._full):
            # Nobody reads them any more; waiting for them to be flushed would hang.
            slots.cancel_join_thread()
            slots.close()

    def take(self, max_samples: int, wait_seconds: float = 1.0) -> Sample:
        """Up to `max_samples` pages, stacked, that no earlier call returned; waits for the first of them only.

        Raises RuntimeError with a worker's traceback if one failed.
        """
        slots: list[int] = []
        deadline = time.monotonic() + wait_seconds
        while len(slots) < max_samples:
            try:
                patience = 0.0 if slots else max(0.0, deadline - time.monotonic())
                slots.append(self._index(self._full.get(timeout=patience) if patience else self._full.get_nowait()))
            except queue.Empty:
                break
        if not slots and not all(worker.is_alive() for worker in self._workers):
            raise RuntimeError("a slide worker ended without a word; it may have been killed for want of memory")
        batch = Sample(*(part[slots] for part in self._slots))  # copies
        for index in slots:
            self._free.put(index)
        return batch

    def _index(self, message: int | str) -> int:
        if isinstance(message, str):
            raise RuntimeError(f"a slide worker failed:\n{message}")
        return message


def _context(start_method: str) -> ForkContext | SpawnContext:
    """The process context of a name; "fork" or "spawn"."""
    if start_method == "fork":
        return multiprocessing.get_context("fork")
    if start_method == "spawn":
        return multiprocessing.get_context("spawn")
    raise ValueError(f"start method {start_method!r}: give 'spawn' or 'fork'")


def _work(
    make: Callable[[int], Callable[[], Sample]],
    worker: int,
    raw: Any,
    shape: SampleShape,
    capacity: int,
    free: multiprocessing.Queue[int],
    full: multiprocessing.Queue[int | str],
) -> None:
    """The life of a worker: draw into a free slot, hand it over, until killed or orphaned."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the trainer decides what Ctrl-C means
    try:
        slots, draw = _views(raw, shape, capacity), make(worker)
        while True:
            sample = draw()
            index = _next_free(free)
            if index is None:
                return
            for part, value in zip(slots, sample, strict=True):
                part[index] = value
            full.put(index)
    except Exception:
        full.put(traceback.format_exc())


def _next_free(free: multiprocessing.Queue[int]) -> int | None:
    """A free slot, or None once the trainer's process is gone."""
    while True:
        try:
            return free.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            trainer = multiprocessing.parent_process()
            if trainer is None or not trainer.is_alive():
                return None
