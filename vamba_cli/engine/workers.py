"""Where the parts of an encoder's work run: at once, or on two cores beside each other."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

import torch

P = ParamSpec("P")
T = TypeVar("T")


class AtOnce(Executor):
    """Runs whatever is submitted before it returns."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        done: Future[T] = Future()
        done.set_result(fn(*args, **kwargs))
        return done


@contextmanager
def two_cores(device: torch.device) -> Iterator[Executor]:
    """Two threads with a core each where torch has two, else the caller's thread.

    An operation on both cores waits for the slower one, and the decoder always slows one down; work that does not
    depend on each other need not wait. With more cores operations are spread over them as usual.
    """
    num_threads = torch.get_num_threads()
    if device.type != "cpu" or num_threads != 2:
        yield AtOnce()
        return
    torch.set_num_threads(1)
    pool = ThreadPoolExecutor(num_threads, "vamba-encode")
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(num_threads)
