"""A batch from its description to its end: the way in for programs."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from vamba_cli.batch.backend import Backend
from vamba_cli.batch.book import Book, now
from vamba_cli.batch.claims import LEASE_SECONDS, Claims
from vamba_cli.batch.events import OnBatchEvent
from vamba_cli.batch.jobs import Work, key_of
from vamba_cli.batch.ledger import Ledger
from vamba_cli.batch.machine import environments
from vamba_cli.batch.owners import Owner
from vamba_cli.batch.report import write_report
from vamba_cli.batch.runner import Policy, Runner
from vamba_cli.batch.sources import Sources
from vamba_cli.batch.stopping import listening
from vamba_cli.batch.tally import Tally
from vamba_cli.errors import LockHeldError, UsageError

BACKENDS = ("local", "ray")


@dataclass(frozen=True, slots=True)
class Batch:
    """What is done with which videos, by whom, and where the truth about it lies.

    num_workers: where it is None, one per GPU, or as many as suit the CPU.
    alone: refuse to run while another run with this wish is under way in `out_dir`.
    lease_seconds: a process on another host that was silent for so long counts as dead; None is three minutes.
    """

    work: Work
    sources: Sources
    out_dir: Path
    policy: Policy = field(default_factory=Policy)
    num_workers: int | None = None
    backend: str = "local"
    ray_address: str | None = None
    alone: bool = False
    lease_seconds: float | None = None

    def __post_init__(self) -> None:
        if self.backend not in BACKENDS:
            raise UsageError(f"--backend {self.backend!r} is not known: choose {' or '.join(BACKENDS)}")
        if self.num_workers is not None and self.num_workers < 1:
            raise UsageError(f"--workers {self.num_workers} is not allowed: it must be 1 or more")


def run_batch(batch: Batch, on_event: OnBatchEvent = lambda _event: None) -> Tally:
    """Work until every video has its record, or SIGINT or SIGTERM ends the run.

    Raises:
        UsageError: the output folder cannot be written, or what was asked for makes no sense.
        MediaError: nothing was found, for this part or another.
        LockHeldError: `alone`, and another run is under way.
        ModelError: the model, the task or Ray cannot be had.
        OSError: the disk is full, or the like.
    """
    owner = Owner.this_process()
    ledger = Ledger(batch.out_dir, owner)
    ledger.prepare()
    policy = replace(batch.policy, rules=replace(batch.policy.rules, began=now()))
    with ExitStack() as stack:
        backend = stack.enter_context(closing(_backend(batch)))
        stop = stack.enter_context(listening())  # after Ray, which takes SIGTERM for itself
        claims = Claims(ledger.claims_folder, owner, batch.lease_seconds or LEASE_SECONDS)
        stack.callback(claims.close)
        if batch.alone:
            stack.enter_context(_lock(claims))
        book = Book(batch.work, ledger, claims, on_event, owner)
        stack.callback(_report, ledger, book.tally)
        return Runner(book, backend, policy, stop).run(batch.sources.entries())


@contextmanager
def _lock(claims: Claims) -> Iterator[None]:
    """A claim on the whole run."""
    claim = claims.take(key_of("", "the whole run"))
    if isinstance(claim, Owner):
        raise LockHeldError(f"another run is under way: {claim.words}; this one leaves (--lock)")
    try:
        yield
    finally:
        claims.let_go(claim)


def _backend(batch: Batch) -> Backend:
    if batch.backend == "ray":
        from vamba_cli.batch.ray_backend import RayActors

        return RayActors(batch.work, batch.num_workers, batch.ray_address)
    from vamba_cli.batch.processes import Processes

    return Processes(batch.work, environments(batch.work, batch.num_workers, os.environ))


def _report(ledger: Ledger, tally: Tally) -> None:
    """A page for people; a run that changed nothing leaves the one that is there, a full disk none."""
    page = ledger.out_dir / "report.html"
    if tally.done or tally.failed_now or not page.exists():
        with suppress(OSError):
            write_report(page, ledger)
