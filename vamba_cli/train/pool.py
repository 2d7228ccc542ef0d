"""Worker processes that draw slides without end, and the shared memory through which the trainer takes them.

A slide crosses as bytes in a slot of one shared block: its picture, its dense targets, its title and its lines. Slots
go round: free to a worker, full to the trainer, free again. So memory is bounded, and a trainer that pauses only makes
the workers wait.
"""

from __future__ import annotations

import multiprocessing
import queue
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.context import ForkContext, SpawnContext
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from vamba_cli.train.dense import CELL, MAX_GLYPHS, dense_targets
from vamba_cli.train.render import Slide

MAX_TITLE_BYTES = 120
MAX_LINES_BYTES = 1800
MAX_SHARED_BYTES = 2 * 1024**3

_POLL_SECONDS = 2.0
_Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Batch:
    """Slides as the trainer takes them; n may be smaller than was asked for, and 0."""

    images: _Bytes  # (n, height, width, 3)
    targets: _Bytes  # (n, height / 28, width / 28, 8)
    titles: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]

    def __len__(self) -> int:
        return len(self.titles)


class _Slot(NamedTuple):
    """Views of one slot of the shared block; texts are padded with zero bytes."""

    image: _Bytes
    targets: _Bytes
    title: _Bytes
    lines: _Bytes


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the parts of a slot lie, for pictures of a size (width, height)."""

    size: tuple[int, int]

    @property
    def grid(self) -> tuple[int, int, int]:
        return self.size[1] // CELL, self.size[0] // CELL, MAX_GLYPHS

    @property
    def num_bytes(self) -> int:
        rows, columns, depth = self.grid
        return self.size[0] * self.size[1] * 3 + rows * columns * depth + MAX_TITLE_BYTES + MAX_LINES_BYTES

    def slot(self, block: _Bytes, index: int) -> _Slot:
        """The parts of slot `index` of a block, (capacity, num_bytes)."""
        width, height = self.size
        rows, columns, depth = self.grid
        ends = np.cumsum((width * height * 3, rows * columns * depth, MAX_TITLE_BYTES))
        image, targets, title, lines = np.split(block[index], ends)
        return _Slot(image.reshape(height, width, 3), targets.reshape(rows, columns, depth), title, lines)


class SlidePool:
    """Context manager: workers run from entry to exit, and are gone after exit, whatever happened.

    `make(worker)` is called in each worker process and returns what draws one slide. With `start_method` "spawn" it
    must be picklable and the main script importable; "fork" starts at once and suits a main process that has not
    touched its GPU yet.
    """

    def __init__(
        self,
        make: Callable[[int], Callable[[], Slide]],
        num_workers: int,
        capacity: int,
        size: tuple[int, int],
        start_method: str = "spawn",
    ) -> None:
        self._layout = _Layout(size)
        shared_bytes = capacity * self._layout.num_bytes
        if num_workers < 1 or capacity < num_workers:
            raise ValueError(
                f"{num_workers} workers and {capacity} slots: give at least one worker, and a slot for each"
            )
        if shared_bytes > MAX_SHARED_BYTES:
            limit = MAX_SHARED_BYTES // self._layout.num_bytes
            raise ValueError(f"capacity {capacity} needs {shared_bytes} bytes of shared memory: give at most {limit}")
        context = _context(start_method)
        self._raw = context.RawArray("B", shared_bytes)
        self._block = _as_block(self._raw, self._layout)
        self._free: multiprocessing.Queue[int] = context.Queue()
        self._full: multiprocessing.Queue[int | str] = context.Queue()
        self._workers = [
            context.Process(
                target=_work, args=(make, worker, self._raw, self._layout, self._free, self._full), daemon=True
            )
            for worker in range(num_workers)
        ]
        for index in range(capacity):
            self._free.put(index)

    def __enter__(self) -> SlidePool:
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

    def take(self, max_slides: int, wait_seconds: float = 1.0) -> Batch:
        """Up to `max_slides` slides that no earlier call returned; waits for the first of them only.

        Raises RuntimeError with a worker's traceback if one failed.
        """
        slots: list[int] = []
        deadline = time.monotonic() + wait_seconds
        while len(slots) < max_slides:
            try:
                patience = 0.0 if slots else max(0.0, deadline - time.monotonic())
                slots.append(self._index(self._full.get(timeout=patience) if patience else self._full.get_nowait()))
            except queue.Empty:
                break
        if not slots and not all(worker.is_alive() for worker in self._workers):
            raise RuntimeError("a slide worker ended without a word; it may have been killed for want of memory")
        views = [self._layout.slot(self._block, index) for index in slots]
        width, height = self._layout.size
        images = np.empty((len(slots), height, width, 3), np.uint8)
        targets = np.empty((len(slots), *self._layout.grid), np.uint8)
        for place, view in enumerate(views):
            images[place] = view.image
            targets[place] = view.targets
        titles = tuple(_text(view.title) for view in views)
        lines = tuple(tuple(filter(None, _text(view.lines).split("\n"))) for view in views)
        for index in slots:
            self._free.put(index)
        return Batch(images, targets, titles, lines)

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


def _as_block(raw: Any, layout: _Layout) -> _Bytes:
    return np.frombuffer(raw, np.uint8).reshape(-1, layout.num_bytes)


def _work(
    make: Callable[[int], Callable[[], Slide]],
    worker: int,
    raw: Any,
    layout: _Layout,
    free: multiprocessing.Queue[int],
    full: multiprocessing.Queue[int | str],
) -> None:
    """The life of a worker: draw into a free slot, hand it over, until killed or orphaned."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the trainer decides what Ctrl-C means
    try:
        block, draw = _as_block(raw, layout), make(worker)
        while True:
            slide = draw()
            index = _next_free(free)
            if index is None:
                return
            _store(slide, layout.slot(block, index), layout.size)
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


def _store(slide: Slide, slot: _Slot, size: tuple[int, int]) -> None:
    slot.image[...] = slide.image
    slot.targets[...] = dense_targets(slide.glyph_codes, slide.glyph_centres, size)
    _put_text(slot.title, slide.title)
    _put_text(slot.lines, "\n".join(slide.lines))


def _put_text(field: _Bytes, text: str) -> None:
    """Writes as many bytes of a text as fit, whole characters only."""
    encoded = text.encode()[: len(field)].decode(errors="ignore").encode()
    field[...] = 0
    field[: len(encoded)] = np.frombuffer(encoded, np.uint8)


def _text(field: _Bytes) -> str:
    return bytes(field).rstrip(b"\0").decode()
