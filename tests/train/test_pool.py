"""The pool of drawing processes: what was drawn arrives, failures surface, nobody stays behind."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable

import numpy as np
import pytest

from vamba_cli.train.alphabet import encode
from vamba_cli.train.pool import SlidePool
from vamba_cli.train.render import Slide

SIZE = (84, 56)


def _numbered(worker: int) -> Callable[[], Slide]:
    """Slides that say who drew them, and as which."""
    count = 0

    def draw() -> Slide:
        nonlocal count
        count += 1
        image = np.full((SIZE[1], SIZE[0], 3), worker * 100 + count % 100, np.uint8)
        place = np.array([[40, 40]], np.float32)
        return Slide(image, f"{worker}.{count} é" + "ü" * 100, (f"line {count}", "second"), encode("x"), place)

    return draw


def _failing(worker: int) -> Callable[[], Slide]:
    raise ValueError(f"worker {worker} has no fonts")


def _sleepy(_: int) -> Callable[[], Slide]:
    time.sleep(60)
    raise AssertionError


def test_slides_arrive_whole_and_once() -> None:
    seen: set[tuple[int, int]] = set()
    with SlidePool(_numbered, 2, 6, SIZE) as pool:
        # The second process may start much later than the first; both must get their turn.
        while len(seen) < 40 or len({worker for worker, _ in seen}) < 2:
            batch = pool.take(5, wait_seconds=30)
            assert len(batch) <= 5
            for image, target, title, lines in zip(batch.images, batch.targets, batch.titles, batch.lines, strict=True):
                worker, count = map(int, title.split(" ")[0].split("."))
                assert (image == worker * 100 + count % 100).all()
                assert target[1, 1, 0] == encode("x")[0]
                assert lines == (f"line {count}", "second")
                assert len(title.encode()) <= 120
                assert (worker, count) not in seen
                assert count < 10_000
                seen.add((worker, count))


def test_workers_are_gone_afterwards_even_after_an_error() -> None:
    with pytest.raises(KeyError), SlidePool(_numbered, 2, 4, SIZE):
        raise KeyError("the trainer broke")
    assert multiprocessing.active_children() == []


def test_a_failing_worker_is_reported() -> None:
    with SlidePool(_failing, 1, 2, SIZE) as pool, pytest.raises(RuntimeError, match="worker 0 has no fonts"):
        pool.take(1, wait_seconds=30)


def test_a_killed_worker_is_noticed() -> None:
    with SlidePool(_numbered, 1, 1, SIZE) as pool:
        pool._workers[0].kill()
        pool._workers[0].join()
        with pytest.raises(RuntimeError, match="ended without a word"):
            for _ in range(4):
                pool.take(1, wait_seconds=0.1)


def test_taking_does_not_wait_longer_than_told() -> None:
    with SlidePool(_sleepy, 1, 1, SIZE) as pool:
        start = time.monotonic()
        assert len(pool.take(3, wait_seconds=0.2)) == 0
        assert time.monotonic() - start < 2


def test_absurd_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="give at most"):
        SlidePool(_numbered, 2, 10_000, (644, 364))
    with pytest.raises(ValueError, match="at least one worker"):
        SlidePool(_numbered, 0, 4, SIZE)
