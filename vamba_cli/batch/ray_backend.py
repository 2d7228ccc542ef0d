"""Actors of Ray as workers: one per GPU of a cluster, or per core where there is none.

Ray places actors, restarts them when they or their machine die, and carries assignments; the truth is on disk alone.
"""

import logging
import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from vamba_cli.batch.backend import Died, Finished, Reply, Sign
from vamba_cli.batch.jobs import Work
from vamba_cli.batch.processes import module_path
from vamba_cli.batch.wire import decode, encode
from vamba_cli.batch.work import Assignment, Outcome, Worker
from vamba_cli.engine.events import Event, Stage
from vamba_cli.errors import ModelError

_PING_SECONDS = 5.0
_CONNECT_SECONDS = 5.0


class Actor:
    """What runs inside of a Ray actor; two threads, so that it can say what it does while it works."""

    def __init__(self, work: bytes, folder: str) -> None:
        with suppress(OSError):  # relative paths mean what they mean where the batch was started
            os.chdir(folder)
        found = decode(work)
        assert isinstance(found, Work)
        self._doing = ""
        self._worker = Worker(found, self._on_event)

    def perform(self, assignment: bytes) -> bytes:
        given = decode(assignment)
        assert isinstance(given, Assignment)
        return encode("outcome", self._worker.perform(given))

    def doing(self) -> str:
        """The stage it is at; an answer is a sign of life."""
        return self._doing

    def _on_event(self, event: Event) -> None:
        if isinstance(event, Stage):
            self._doing = event.name


class RayActors:
    """Slots that are actors; one whose machine is gone takes no work until Ray has found it another."""

    def __init__(self, work: Work, num_workers: int | None, address: str | None) -> None:
        self._ray = _connected(address)
        total = self._ray.cluster_resources()
        on_gpu = total.get("GPU", 0) >= 1 and work.settings.device in ("auto", "cuda")
        count = num_workers or int(total.get("GPU" if on_gpu else "CPU", 1))
        paths = {"PYTHONPATH": module_path(), "OMP_WAIT_POLICY": "passive"}
        kind = self._ray.remote(Actor).options(
            num_cpus=1, num_gpus=int(on_gpu), max_restarts=-1, max_task_retries=0, max_concurrency=2,
            runtime_env={"env_vars": paths},
        )  # fmt: skip
        self._actors = [kind.remote(encode("work", work), str(Path.cwd())) for _ in range(count)]
        self._ready = [False] * count
        self._tasks: dict[Any, int] = {}
        self._pings: dict[Any, int] = {}
        self._pinged_seconds = 0.0

    @property
    def num_slots(self) -> int:
        return len(self._actors)

    def is_ready(self, slot: int) -> bool:
        """The actor answered since it was last started."""
        return self._ready[slot]

    def assign(self, slot: int, assignment: Assignment) -> None:
        self._tasks[self._actors[slot].perform.remote(encode("assignment", assignment))] = slot

    def wait(self, timeout_seconds: float) -> list[Reply]:
        """Results, deaths, and answers to the question what an actor does."""
        self._ping()
        refs = [*self._tasks, *self._pings]
        done, _ = self._ray.wait(refs, num_returns=len(refs), timeout=timeout_seconds) if refs else ([], [])
        return [reply for ref in done if (reply := self._reply(ref)) is not None]

    def kill(self, slot: int) -> None:
        """Ray ends the process and starts another."""
        self._ready[slot] = False
        for refs in (self._tasks, self._pings):
            for ref in [ref for ref, of in refs.items() if of == slot]:
                del refs[ref]
        self._ray.kill(self._actors[slot], no_restart=False)

    def close(self) -> None:
        """End the actors; a cluster that was there before stays."""
        actors, self._actors = self._actors, []
        for actor in actors:
            with suppress(Exception):
                self._ray.kill(actor)
        if actors:
            self._ray.shutdown()

    def _ping(self) -> None:
        now_seconds = time.monotonic()
        unready = [slot for slot, ready in enumerate(self._ready) if not ready]
        if unready or now_seconds - self._pinged_seconds >= _PING_SECONDS:
            asked = set(self._pings.values())
            slots = range(self.num_slots) if now_seconds - self._pinged_seconds >= _PING_SECONDS else unready
            self._pings |= {self._actors[slot].doing.remote(): slot for slot in slots if slot not in asked}
            self._pinged_seconds = now_seconds

    def _reply(self, ref: Any) -> Reply | None:
        """An answer of Ray, which is a result or an error of its own."""
        is_task = ref in self._tasks
        slot = self._tasks.pop(ref) if is_task else self._pings.pop(ref)
        try:
            value = self._ray.get(ref)
        except self._ray.exceptions.RayTaskError as error:  # the actor lives, its code does not
            raise ModelError(f"a worker of Ray failed: {_last_line(error)}") from error
        except self._ray.exceptions.RayError as error:
            self._ready[slot] = False
            reason = f"the actor of Ray died: {_last_line(error)}"
            return Died(slot, reason, innocent=True) if is_task else None
        if not is_task:
            self._ready[slot] = True
            return Sign(slot, str(value))
        outcome = decode(value)
        assert isinstance(outcome, Outcome)
        return Finished(slot, outcome)


def _connected(address: str | None) -> Any:
    """Ray, joined to a cluster, or one of this machine alone.

    Raises:
        ModelError: Ray is not installed, or there is no such cluster.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anyone
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ModuleNotFoundError as error:
        raise ModelError("--backend ray needs the package Ray: pip install 'vamba[ray]'") from error
    _require_answer(address)
    options: Mapping[str, Any] = {"include_dashboard": False} if address is None else {}
    try:
        ray.init(address=address or "local", log_to_driver=False, logging_level=logging.ERROR, **options)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ModelError(f"no cluster of Ray answers at {address or 'this machine'}: {_last_line(error)}") from error
    return ray


def _require_answer(address: str | None) -> None:
    """Ray itself would try for minutes."""
    host, colon, port = (address or "").removeprefix("ray://").rpartition(":")
    if colon and port.isdecimal():
        try:
            socket.create_connection((host, int(port)), _CONNECT_SECONDS).close()
        except (OSError, OverflowError) as error:
            raise ModelError(f"no cluster of Ray answers at {address}: {error}") from error


def _last_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:300] if lines else type(error).__name__
