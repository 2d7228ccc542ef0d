"""Counts of a run."""

import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_KEPT_FAILURES = 1000


@dataclass(slots=True)
class Tally:
    """How many videos came to which end; of the failures the first thousand are kept for people to read.

    failed_earlier: of those that failed, how many were not tried again.
    other_version: how many run again only because another version of vamba did them.
    """

    done: int = 0
    skipped: int = 0
    failed: int = 0
    failed_earlier: int = 0
    reduced: int = 0
    warned: int = 0
    other_version: int = 0
    seconds: float = 0.0
    work_seconds: float = 0.0
    failures: list[Mapping[str, Any]] = field(default_factory=list)
    stopped_by: signal.Signals | None = None
    too_many_failures: bool = False

    @property
    def total(self) -> int:
        return self.done + self.skipped + self.failed

    @property
    def failed_now(self) -> int:
        return self.failed - self.failed_earlier

    def add(self, line: Mapping[str, Any], *, earlier: bool) -> None:
        """Count a video."""
        status = line["status"]
        if status == "skipped":
            self.skipped += 1
            return
        self.done += status == "done"
        self.failed += status == "failed"
        self.failed_earlier += earlier and status == "failed"
        self.reduced += status == "done" and bool(line.get("reduced"))
        self.warned += status == "done" and bool(line.get("warnings"))
        self.work_seconds += line.get("wall_seconds", 0.0) if not earlier else 0.0
        if status == "failed" and len(self.failures) < _KEPT_FAILURES:
            self.failures.append(line)
