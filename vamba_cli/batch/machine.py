"""What this machine has to offer: how many workers, and what each of them finds in its environment."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from vamba_cli.batch.fingerprint import weights_bytes
from vamba_cli.batch.jobs import Work

_FLOAT32 = 2  # times the size on disk, where weights have 16 bits
_ROOM_BYTES = 2 * 2**30  # for the video, in each worker


def environments(work: Work, num_workers: int | None, environ: Mapping[str, str]) -> list[dict[str, str]]:
    """One for each worker: its GPU where there are some, its share of the cores elsewhere.

    Without `num_workers` there is one per GPU; on the CPU as many as keep its cores busy, and as memory has room for.
    """
    gpus = _gpus(environ) if work.settings.device in ("auto", "cuda") else []
    count = num_workers or len(gpus) or _workers_on_cpu(work)
    if gpus:
        return [{"CUDA_VISIBLE_DEVICES": gpus[slot % len(gpus)]} for slot in range(count)]
    shared = {"OMP_WAIT_POLICY": environ.get("OMP_WAIT_POLICY", "passive")}
    if count > 1 and "OMP_NUM_THREADS" not in environ:
        shared["OMP_NUM_THREADS"] = str(max(1, _num_cores() // count))
    return [shared] * count


def _workers_on_cpu(work: Work) -> int:
    """Two cores work better on two videos than on one; of a task of one's own nothing is known."""
    if ":" in work.task or work.settings.random_weights:
        return 1
    each_bytes = _FLOAT32 * weights_bytes(work.settings) + _ROOM_BYTES
    return max(1, min(max(_num_cores() // 2, min(_num_cores(), 2)), _free_bytes() // each_bytes))


def _num_cores() -> int:
    """Those that this process may use: Slurm and containers give parts of a machine."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS
        return os.cpu_count() or 1


def _free_bytes() -> int:
    """Memory that is free; 0 where the system does not tell."""
    found = 0
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        found = 1024 * int(next(line.split()[1] for line in lines if line.startswith("MemAvailable:")))
    with suppress(OSError, ValueError):  # `max` where there is no limit
        found = min(found, int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    return found


def _gpus(environ: Mapping[str, str]) -> list[str]:
    """Without asking CUDA, which would take memory in this process."""
    named = environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [gpu.strip() for gpu in named.split(",") if gpu.strip()]
    with suppress(OSError):
        return [str(index) for index in range(len(list(Path("/proc/driver/nvidia/gpus").iterdir())))]
    return []
