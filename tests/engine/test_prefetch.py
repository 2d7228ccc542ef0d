"""A producer in a thread: its order, its errors, its end, and how far it may run ahead."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from vamba_cli.engine.prefetch import prefetch

PATIENCE_SECONDS = 20.0


def wait_for(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    return condition()


def decoding_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "vamba-decode"]


class Counter:
    """Yields 0, 1, 2 ... and notes how far it has come; ends with an error where one is given."""

    def __init__(self, stop: int = 10**9, error: BaseException | None = None) -> None:
        self.stop, self.error, self.made = stop, error, 0

    def __iter__(self) -> Iterator[int]:
        while self.made < self.stop:
            self.made += 1
            yield self.made - 1
        if self.error is not None:
            raise self.error


@pytest.mark.parametrize("depth", [1, 2, 7])
def test_all_items_in_order(depth: int) -> None:
    with prefetch(Counter(500), depth) as ahead:
        assert list(ahead) == list(range(500))
        assert list(ahead) == []
    assert decoding_threads() == []


def test_nothing_to_produce() -> None:
    nothing: list[int] = []
    with prefetch(nothing) as ahead:
        assert next(ahead, -1) == -1


def test_items_that_are_none_or_exceptions_are_items() -> None:
    items = [None, ValueError("an item"), StopIteration()]
    with prefetch(items) as ahead:
        assert list(ahead) == items


@pytest.mark.parametrize("error", [ValueError("broken frame"), KeyboardInterrupt(), MemoryError()])
def test_an_error_comes_behind_the_items_before_it(error: BaseException) -> None:
    got: list[int] = []
    with pytest.raises(type(error)) as raised, prefetch(Counter(3, error)) as ahead:
        got.extend(ahead)  # extend keeps what came before the error
    assert raised.value is error
    assert got == [0, 1, 2]
    assert decoding_threads() == []


def test_an_error_before_the_first_item() -> None:
    with pytest.raises(OSError, match="no such file"), prefetch(Counter(0, OSError("no such file"))) as ahead:
        next(ahead)


@pytest.mark.parametrize("taken", [0, 1, 5])
def test_leaving_early_stops_the_thread(taken: int) -> None:
    source = Counter()
    with prefetch(source) as ahead:
        for _ in range(taken):
            next(ahead)
    assert decoding_threads() == []
    made = source.made
    time.sleep(0.15)
    assert source.made == made <= taken + 4


def test_an_error_of_the_consumer_stops_the_thread() -> None:
    with pytest.raises(ZeroDivisionError), prefetch(Counter()) as ahead:
        next(ahead)
        raise ZeroDivisionError
    assert decoding_threads() == []


def test_an_error_that_nobody_fetches_does_not_hang_or_surface() -> None:
    with prefetch(Counter(1, ValueError("late"))) as ahead:
        assert next(ahead) == 0
    assert decoding_threads() == []


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_the_producer_runs_ahead_but_not_far(depth: int) -> None:
    """`depth` items wait in the queue and one more is held by the thread; nothing else may be in memory."""
    source = Counter()
    with prefetch(source, depth) as ahead:
        for taken in range(4):
            assert wait_for(lambda: source.made == taken + depth + 1)  # noqa: B023 - called at once
            time.sleep(0.03)
            assert source.made == taken + depth + 1
            assert next(ahead) == taken


def test_producing_and_consuming_overlap() -> None:
    """The next item is made while this one is being used: both sides are waiting for each other to have begun."""
    started = threading.Event()

    def items() -> Iterator[int]:
        yield 0
        started.set()
        yield 1

    with prefetch(items()) as ahead:
        assert next(ahead) == 0
        assert started.wait(PATIENCE_SECONDS)
        assert next(ahead) == 1
