"""The loop of a batch: who works on what, what is tried again, and when it ends."""

import signal
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from vamba_cli.batch.backend import Backend, Died, Finished, Reply, Sign
from vamba_cli.batch.book import Book, Turn
from vamba_cli.batch.events import Began, Lived, Told
from vamba_cli.batch.jobs import Entry, Problem, key_of
from vamba_cli.batch.owners import Owner
from vamba_cli.batch.standing import Judge, Rules, Verdict
from vamba_cli.batch.stopping import Stop
from vamba_cli.batch.tally import Tally
from vamba_cli.batch.work import REDUCTIONS, Assignment, Outcome
from vamba_cli.errors import ModelError, UsageError

_WAIT_SECONDS = 0.25
_POLL_SECONDS = 1.0  # between two looks at videos that others work on
_LOOKS = 500  # entries that are looked at before replies are read again
_MOST_KILLS = 3  # of a worker, from outside, under one video
_MOST_FALSE_STARTS = 3
_SILENT_SECONDS = 3600.0  # a built-in task shows a sign of life far more often


@dataclass(frozen=True, slots=True)
class Policy:
    """How long and how often a video is tried, and how many may fail.

    attempts: in one run, for a video under which the worker crashes.
    """

    timeout_seconds: float | None = None
    attempts: int = 1
    max_failures: int | None = None
    rules: Rules = field(default_factory=Rules)

    def __post_init__(self) -> None:
        for flag, value in (("--attempts", self.attempts), ("--max-failures", self.max_failures)):
            if value is not None and value < 1:
                raise UsageError(f"{flag} {value} is not allowed: it must be 1 or more")


@dataclass(slots=True)
class Runner:
    """One run over the entries; `run` is called once."""

    book: Book
    backend: Backend
    policy: Policy
    stop: Stop = field(default_factory=Stop)
    _busy: dict[int, Turn] = field(default_factory=dict)
    _again: deque[Turn] = field(default_factory=deque)
    _waiting: deque[Entry] = field(default_factory=deque)
    _polls: int = 0
    _polled_seconds: float = 0.0
    _false_starts: int = 0
    _stopping: bool = False
    _exhausted: bool = False
    _judge: Judge = field(init=False)

    def __post_init__(self) -> None:
        self._judge = Judge(self.book.ledger, self.book.work, self.policy.rules)

    def run(self, entries: Iterator[Entry]) -> Tally:
        """Until every video has its record, or the run is stopped; claims and workers never outlive it.

        Raises:
            ModelError, UsageError: the model, the task or the workers cannot be had; no video would fare better.
            MediaError: there is no entry, and should be.
            OSError: nothing can be written any more.
        """
        began = time.monotonic()
        try:
            while not self._is_over():
                self._heed_stop()
                self._hand_out(entries)
                for reply in self.backend.wait(self._pause_seconds()):
                    self._handle(reply)
                self._end_overdue()
        finally:
            self.book.tally.seconds = time.monotonic() - began
            self.backend.close()
            for turn in (*self._busy.values(), *self._again):
                self.book.claims.let_go(turn.claim)
        return self.book.tally

    def _is_over(self) -> bool:
        left = self._again or self._waiting or not self._exhausted
        return not self._busy and (self._stopping or not left)

    def _pause_seconds(self) -> float:
        """No pause while there may be something to hand out, and none at the end."""
        if self._is_over():
            return 0.0
        has_room = any(slot not in self._busy and self.backend.is_ready(slot) for slot in range(self.backend.num_slots))
        return 0.0 if has_room and not self._exhausted and not self._stopping else _WAIT_SECONDS

    # handing out

    def _hand_out(self, entries: Iterator[Entry]) -> None:
        """Give free slots a video each; only so many are looked at in one go."""
        free = [
            slot for slot in range(self.backend.num_slots) if slot not in self._busy and self.backend.is_ready(slot)
        ]
        for _ in range(_LOOKS):
            if not free or self._stopping or self.stop.by is not None:
                return
            if self._again:
                self._assign(free.pop(0), self._again.popleft())
                continue
            entry = self._poll() or next(entries, None)
            if entry is None:
                self._exhausted = True
                return
            if entry.problem:
                self.book.missing(entry)
                self._count_failures()
            elif (turn := self._claimed(entry)) is not None:
                self._assign(free.pop(0), turn)

    def _poll(self) -> Entry | None:
        """A video that another process was at; each of them is looked at once a second."""
        now_seconds = time.monotonic()
        if not self._polls and now_seconds - self._polled_seconds >= _POLL_SECONDS:
            self._polls, self._polled_seconds = len(self._waiting), now_seconds
        if not self._polls:
            return None
        self._polls -= 1
        return self._waiting.popleft()

    def _claimed(self, entry: Entry) -> Turn | None:
        """The video with a claim on it; None if it needs no work, or others are at it."""
        if self.book.settle(entry, self._judge.standing(entry)) is None:
            return None
        key = key_of(entry.name, self.book.work.task)
        claim = self.book.claims.take(key)
        if isinstance(claim, Owner):
            self._waiting.append(entry)
            return None
        # again, for another may have done it before the claim was ours
        standing = self.book.settle(entry, self._judge.standing(entry))
        if standing is None:
            self.book.claims.let_go(claim)
            return None
        self.book.tally.other_version += standing.by_other_version
        return Turn(entry, key, claim, standing)

    def _assign(self, slot: int, turn: Turn) -> None:
        now_seconds = time.monotonic()
        turn.attempts += 1
        turn.attempt_seconds = turn.heard_seconds = now_seconds
        turn.began_seconds = turn.began_seconds or now_seconds
        turn.is_loading = False
        record, verdict = turn.standing.record, turn.standing.verdict
        expected = taken_by = ""
        if record is not None and verdict in (Verdict.CHECK, Verdict.CLASH):
            expected = record.content
            taken_by = record.path if verdict is Verdict.CLASH else ""
        self._busy[slot] = turn
        self.backend.assign(slot, Assignment(turn.entry.path, expected, taken_by, turn.reduction))
        self.book.on_event(Began(slot, turn.entry.name))

    # what comes back

    def _handle(self, reply: Reply) -> None:
        turn = self._busy.get(reply.slot)
        if turn is None:
            return
        turn.heard_seconds = time.monotonic()
        if isinstance(reply, Sign):
            self._on_sign(turn, reply)
            return
        del self._busy[reply.slot]
        try:
            if isinstance(reply, Died):
                self._on_death(turn, reply)
            else:
                self._false_starts = 0
                self._on_outcome(turn, reply)
        except BaseException:
            self.book.claims.let_go(turn.claim)
            raise

    def _on_sign(self, turn: Turn, reply: Sign) -> None:
        """The time limit is for the video: loading the model does not count."""
        if turn.is_loading:
            turn.attempt_seconds = turn.heard_seconds
        turn.is_loading = reply.text.startswith("load")
        self.book.on_event(Lived(reply.slot, reply.text))

    def _on_outcome(self, turn: Turn, reply: Finished) -> None:
        outcome = reply.outcome
        if outcome.spoilt:
            self.backend.kill(reply.slot)
        if outcome.fatal and outcome.problem is not None:
            kind = UsageError if outcome.problem.kind == "UsageError" else ModelError
            raise kind(outcome.problem.message)
        if outcome.document is not None:
            if not self.book.publish(turn, outcome, reply.slot, _seconds_of(turn)):
                self._lost(turn)
        elif outcome.problem is None:
            self.book.unchanged(turn, outcome, reply.slot)
        elif outcome.problem.kind == "OutOfMemory" and turn.reduction < len(REDUCTIONS):
            self._reduce(turn)
        else:
            self._fail(turn, outcome.problem, outcome, reply.slot)

    def _on_death(self, turn: Turn, reply: Died) -> None:
        if reply.unready and not reply.innocent:
            self._false_starts += 1
            if self._false_starts >= _MOST_FALSE_STARTS:
                raise ModelError(f"workers cannot be started: {reply.reason}; `vamba doctor` may know more")
            self._again.append(turn)
        elif reply.short_of_memory and turn.reduction < len(REDUCTIONS):
            self._reduce(turn)
        elif reply.innocent and turn.kills + 1 < _MOST_KILLS:
            turn.kills += 1
            self._again.append(turn)
        elif not reply.innocent and turn.crashes + 1 < self.policy.attempts:
            turn.crashes += 1
            self._again.append(turn)
        else:
            kind = "OutOfMemory" if reply.short_of_memory else "Killed" if reply.innocent else "Crashed"
            self._fail(turn, Problem(kind, reply.reason), Outcome(), reply.slot)

    def _reduce(self, turn: Turn) -> None:
        """Memory ran out: the same video at once, with less."""
        lowered = REDUCTIONS[turn.reduction]
        turn.reduction += 1
        self._again.appendleft(turn)
        self.book.on_event(Told(f"{turn.entry.name}: out of memory, trying again with {lowered}"))

    def _fail(self, turn: Turn, problem: Problem, outcome: Outcome, slot: int) -> None:
        if self.book.fail(turn, problem, outcome, slot, _seconds_of(turn)):
            self._count_failures()
        else:
            self._lost(turn)

    def _lost(self, turn: Turn) -> None:
        """This process was silent for so long that another took the video: that one's word counts."""
        self.book.on_event(Told(f"{turn.entry.name}: taken over by another process while this one did not respond"))
        self._waiting.append(turn.entry)

    # when it ends

    def _count_failures(self) -> None:
        most = self.policy.max_failures
        if most is not None and self.book.tally.failed_now >= most and not self._stopping:
            self._stopping = self.book.tally.too_many_failures = True
            self.book.on_event(Told(f"{_videos(most)} failed (--max-failures): no further ones are begun"))

    def _heed_stop(self) -> None:
        """SIGINT: what is under way is finished; SIGTERM: it is given up, for who terminates does not wait."""
        tally, wanted = self.book.tally, self.stop.by
        if wanted is None or tally.stopped_by is not None:
            return
        self._stopping, tally.stopped_by = True, wanted
        count = len(self._busy)
        if wanted is signal.SIGTERM:
            count += len(self._again)  # who ends a whole job, as Slurm does, may have ended the workers first
            self._give_up()
            self.book.on_event(Told(f"terminated: {_videos(count)} given up, to run again next time"))
        else:
            what = f"finishing {_videos(count)} under way (Ctrl-C again to stop at once)" if count else "stopping"
            self.book.on_event(Told(f"interrupted: {what}"))

    def _give_up(self) -> None:
        for slot, turn in list(self._busy.items()):
            self.backend.kill(slot)
            self.book.claims.let_go(turn.claim)
        self._busy.clear()

    def _end_overdue(self) -> None:
        """Kill workers that take too long, or say nothing for an hour."""
        now_seconds, limit = time.monotonic(), self.policy.timeout_seconds
        for slot, turn in list(self._busy.items()):
            seconds = now_seconds - turn.attempt_seconds
            if limit is not None and not turn.is_loading and seconds > limit:
                message = f"not finished after {seconds:.0f} s (--timeout): the worker was ended"
            elif ":" not in self.book.work.task and now_seconds - turn.heard_seconds > _SILENT_SECONDS:
                message = f"no sign of life for {_SILENT_SECONDS:.0f} s: the worker was ended"
            else:
                continue
            self.backend.kill(slot)
            del self._busy[slot]
            self._fail(turn, Problem("Timeout", message), Outcome(), slot)


def _seconds_of(turn: Turn) -> float:
    return time.monotonic() - turn.began_seconds


def _videos(count: int) -> str:
    return f"{count} video{'' if count == 1 else 's'}"
