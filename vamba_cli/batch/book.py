"""How a video ends: its result and record on disk, its claim let go, its line told and counted."""

import errno
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from vamba_cli import __version__
from vamba_cli.batch.claims import Claim, Claims
from vamba_cli.batch.events import Ended, OnBatchEvent
from vamba_cli.batch.jobs import Entry, Problem, Record, Status, Work, output_of
from vamba_cli.batch.ledger import Ledger, result_bytes
from vamba_cli.batch.owners import Owner
from vamba_cli.batch.standing import Done, Standing, Verdict
from vamba_cli.batch.tally import Tally
from vamba_cli.batch.work import REDUCTIONS, Outcome, parts_of

# The name of one result is impossible; other results can still be written.
_NAME_ERRORS = (errno.ENAMETOOLONG, errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENOTEMPTY, errno.EINVAL)
_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class Turn:
    """A video that is claimed, and its attempts in this run; times are of the monotonic clock."""

    entry: Entry
    key: str
    claim: Claim
    standing: Standing
    attempts: int = 0
    crashes: int = 0
    kills: int = 0
    reduction: int = 0
    began_seconds: float = 0.0
    attempt_seconds: float = 0.0
    heard_seconds: float = 0.0
    is_loading: bool = False


@dataclass(slots=True)
class Book:
    """Writes down what became of videos; the one place that changes records, claims and counts."""

    work: Work
    ledger: Ledger
    claims: Claims
    on_event: OnBatchEvent
    owner: Owner
    tally: Tally = field(default_factory=Tally)
    digest: str = ""

    def __post_init__(self) -> None:
        self.digest = self.work.digest

    def publish(self, turn: Turn, outcome: Outcome, slot: int, wall_seconds: float) -> bool:
        """A result; False if the claim was lost to another process meanwhile: then its result counts, not this one."""
        if not self.claims.confirm(turn.claim):
            return False
        assert outcome.document is not None
        record = replace(
            self._record(turn, outcome, wall_seconds),
            status="done",
            output=output_of(turn.entry.name, self.work),
            output_bytes=len(result_bytes(outcome.document)),
            warnings=_warnings(outcome.document),
            num_frames=_num_frames(outcome.document),
            timing=dict(outcome.timing or {}),
        )
        try:
            self.ledger.save(turn.key, record, outcome.document)
        except OSError as error:
            if error.errno not in _NAME_ERRORS:
                raise
            problem = Problem("OutputError", f"the result cannot be written: {error.strerror} ({record.output})")
            return self.fail(turn, problem, outcome, slot, wall_seconds)
        self._close(turn, "done", record, slot)
        return True

    def fail(self, turn: Turn, problem: Problem, outcome: Outcome, slot: int, wall_seconds: float) -> bool:
        """No result, and why; False if the claim was lost meanwhile."""
        if not self.claims.confirm(turn.claim):
            return False
        record = replace(self._record(turn, outcome, wall_seconds), error=problem)
        if turn.standing.verdict is not Verdict.CLASH:  # that record is of another video
            self.ledger.save(turn.key, record, None)
        self._close(turn, "failed", record, slot)
        return True

    def unchanged(self, turn: Turn, outcome: Outcome, slot: int) -> None:
        """The content is that of the earlier result; the next run need not read it."""
        record = turn.standing.record
        assert record is not None
        if turn.standing.verdict is Verdict.CHECK and self.claims.confirm(turn.claim):
            path = absolute(turn.entry)
            record = replace(record, size_bytes=outcome.size_bytes, mtime_ns=outcome.mtime_ns, path=path)
            self.ledger.save(turn.key, record, None)
        self.claims.let_go(turn.claim)
        self._tell_record(turn.entry, "skipped", record, slot, reason="same content")

    def settle(self, entry: Entry, standing: Standing | Done) -> Standing | None:
        """End a video that needs no work; what it needs if it does need some."""
        if isinstance(standing, Done):
            line = self._line(entry, "skipped", standing.attempts)
            line["fingerprint"], line["output"], line["reason"] = standing.fingerprint, standing.output, "done"
            if standing.reduced:
                line["reduced"] = list(standing.reduced)
            self._tell(entry, line, None)
            return None
        if standing.verdict is Verdict.FAILED:
            assert standing.record is not None
            self._tell_record(entry, "failed", standing.record, None, reason="failed before", earlier=True)
            return None
        return standing

    def missing(self, entry: Entry) -> None:
        """A place without a video: nothing to remember, but to tell."""
        error = {"kind": "MediaError", "message": f"{entry.path} {entry.problem}"}
        self._tell(entry, self._line(entry, "failed", 0) | {"error": error}, None)

    def _record(self, turn: Turn, outcome: Outcome, wall_seconds: float) -> Record:
        """A record of failure; with a result it is changed to one of success."""
        earlier = turn.standing.record
        before = 0 if earlier is None or turn.standing.verdict is Verdict.CLASH else earlier.attempts
        if earlier is not None and (earlier.work, earlier.version) != (self.digest, __version__):
            before = 0
        entry = turn.entry
        return Record(
            name=entry.name,
            path=absolute(entry),
            task=self.work.task,
            status="failed",
            work=self.digest,
            version=__version__,
            size_bytes=outcome.size_bytes or entry.size_bytes,
            mtime_ns=outcome.mtime_ns or entry.mtime_ns,
            attempts=before + turn.attempts,
            content=outcome.content,
            reduced=REDUCTIONS[: turn.reduction],
            wall_seconds=round(wall_seconds, 3),
            finished=now(),
            worker=self.owner.words,
        )

    def _close(self, turn: Turn, status: Status, record: Record, slot: int) -> None:
        self.claims.let_go(turn.claim)
        self._tell_record(turn.entry, status, record, slot)

    def _tell_record(
        self, entry: Entry, status: Status, record: Record, slot: int | None, *, earlier: bool = False, reason: str = ""
    ) -> None:
        """earlier: it failed in another run, and was not tried in this one."""
        line = self._line(entry, status, record.attempts)
        line |= _facts(record, self.ledger, fresh=status != "skipped" and not earlier)
        if reason:
            line["reason"] = reason
        self._tell(entry, line, slot, earlier=earlier)

    def _line(self, entry: Entry, status: Status, attempts: int) -> dict[str, Any]:
        return {
            "schema_version": 1, "path": entry.path, "name": entry.name, "status": status, "task": self.work.task,
            "attempts": attempts,
        }  # fmt: skip

    def _tell(self, entry: Entry, line: Mapping[str, Any], slot: int | None, *, earlier: bool = False) -> None:
        if "error" in line:
            _LOG.warning("%s %s: %s", line["status"], entry.name, line["error"]["message"])
        else:
            _LOG.info("%s %s", line["status"], entry.name)
        self.tally.add(line, earlier=earlier)
        self.on_event(Ended(line, slot))


def _facts(record: Record, ledger: Ledger, *, fresh: bool) -> dict[str, Any]:
    """What the line of a video tells of its record: nothing that is empty."""
    facts: dict[str, Any] = {}
    if record.content:
        facts["fingerprint"] = record.fingerprint
    if record.status == "done":
        facts["output"] = ledger.place_of(record.output)
    if record.error is not None:
        facts["error"] = {"kind": record.error.kind, "message": record.error.message}
    if record.reduced:
        facts["reduced"] = list(record.reduced)
    if record.warnings and fresh:
        facts["warnings"] = list(record.warnings)
    if fresh:
        facts["wall_seconds"] = record.wall_seconds
    return facts


def _warnings(document: Any) -> tuple[str, ...]:
    """Of the document, or of its items."""
    found = (part.get("warnings") for part in parts_of(document))
    return tuple(str(warning) for warnings in found if isinstance(warnings, list) for warning in warnings)


def _num_frames(document: Any) -> int:
    counts = (part.get("num_frames") for part in parts_of(document))
    return sum(count for count in counts if isinstance(count, int))


def absolute(entry: Entry) -> str:
    """The path whatever the current folder; links stay as the user wrote them."""
    return os.path.abspath(entry.path)  # noqa: PTH100


def now() -> str:
    """ISO 8601, UTC, so that texts compare as times do."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
