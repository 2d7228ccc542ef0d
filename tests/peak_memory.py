"""How far a piece of work raises the peak memory of a process of its own, as the kernel counts it.

`resource.getrusage` would not do: its peak is inherited through fork and exec, so that a child of a large pytest
process starts with the parent's peak. VmHWM belongs to the process alone and can be reset.
"""

import gc
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import ParamSpec, TypeVar
from unittest import mock

import pytest

P = ParamSpec("P")
T = TypeVar("T")

MIB = 1 << 20
_RESET, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")

needs_peak_memory = pytest.mark.skipif(not _RESET.exists(), reason="peak memory is read from Linux's /proc")


def in_fresh_process(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function of a module in a new process and wait for what it returns.

    There, glibc hands freed buffers back to the kernel at once: what it would keep for later differs by many megabytes
    from run to run, and is not what the code holds.
    """
    exact = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_ARENA_MAX": "1"}
    with mock.patch.dict(os.environ, exact), ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *args, **kwargs).result()


def peak_growth_bytes(work: Callable[[], object]) -> int:
    """How far the peak of resident memory during `work` lies above what was resident before it."""
    gc.collect()
    _RESET.write_text("5")  # the peak becomes what is resident now
    before = _peak_bytes()
    kept = work()
    grown = _peak_bytes() - before
    del kept
    return grown


def _peak_bytes() -> int:
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024
