"""The pool of drawing processes: what was drawn arrives, failures surface, nobody stays behind."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable

import numpy as np
import pytest

from vamba_cli.train.pool import SamplePool
from vamba_cli.train.questions import SlideText
from vamba_cli.train.samples import Sample, SampleShape, get_text, put_text

SHAPE = SampleShape((84, 56), 1, 64)


def _numbered(worker: int) -> Callable[[], Sample]:
    """Pages that say who drew them, and as which."""
    count = 0

    def draw() -> Sample:
        nonlocal count
        count += 1
        sample = Sample(*(np.full(shape, count % 100, kind) for shape, kind in SHAPE.fields()))
        sample.image[...] = worker * 100 + count % 100
        sample.text[...] = 0
        put_text(sample.text, SlideText(f"{worker}.{count} é" + "ü" * 2000, ("line",)))
        return sample

    return draw


def _failing(worker: int) -> Callable[[], Sample]:
    raise ValueError(f"worker {worker} has no fonts")


def _sleepy(_: int) -> Callable[[], Sample]:
    time.sleep(60)
    raise AssertionError


def test_pages_arrive_whole_and_once() -> None:
    seen: set[tuple[int, int]] = set()
    with SamplePool(_numbered, 2, 6, SHAPE) as pool:
        # The second process may start much later than the first; both must get their turn.
        while len(seen) < 40 or len({worker for worker, _ in seen}) < 2:
            batch = pool.take(5, wait_seconds=30)
            assert len(batch.text) <= 5
            for place, text in enumerate(map(get_text, batch.text)):
                worker, count = map(int, text.title.split(" ")[0].split("."))
                assert (batch.image[place] == worker * 100 + count % 100).all()
                assert all((part[place] == count % 100).all() for part in batch[1:-1])
                assert text.title.endswith("ü") and text.lines == ()  # cut to fit, at a whole letter
                assert (worker, count) not in seen
                assert count < 10_000
                seen.add((worker, count))


def test_workers_are_gone_afterwards_even_after_an_error() -> None:
    with pytest.raises(KeyError), SamplePool(_numbered, 2, 4, SHAPE):
        raise KeyError("the trainer broke")
    assert multiprocessing.active_children() == []


def test_a_failing_worker_is_reported() -> None:
    with SamplePool(_failing, 1, 2, SHAPE) as pool, pytest.raises(RuntimeError, match="worker 0 has no fonts"):
        pool.take(1, wait_seconds=30)


def test_a_killed_worker_is_noticed() -> None:
    with SamplePool(_numbered, 1, 1, SHAPE) as pool:
        pool._workers[0].kill()
        pool._workers[0].join()
        with pytest.raises(RuntimeError, match="ended without a word"):
            for _ in range(4):
                pool.take(1, wait_seconds=0.1)


def test_taking_does_not_wait_longer_than_told() -> None:
    with SamplePool(_sleepy, 1, 1, SHAPE) as pool:
        start = time.monotonic()
        assert len(pool.take(3, wait_seconds=0.2).text) == 0
        assert time.monotonic() - start < 2


def test_absurd_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="give at most"):
        SamplePool(_numbered, 2, 10_000, SampleShape((644, 364), 4, 448))
    with pytest.raises(ValueError, match="at least one worker"):
        SamplePool(_numbered, 0, 4, SHAPE)
