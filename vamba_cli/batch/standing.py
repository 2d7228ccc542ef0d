"""What is to be done about a video before its turn: from its record, its result, and its size and time of change."""

import json
import os
import re
from dataclasses import dataclass
from enum import Enum
from json.encoder import encode_basestring_ascii as _quoted

from vamba_cli import __version__
from vamba_cli.batch.jobs import Entry, Record, Work, key_of
from vamba_cli.batch.ledger import Ledger

_BY_VERSION = "done by version"
_START = b'{"schema_version":1,"fingerprint":"'
_HEAD = len(_START) + 34  # 32 hexadecimal characters, `",`
_REST = re.compile(rb'"([^"\\]*(?:\\.[^"\\]*)*)","output_bytes":(\d+),"attempts":(\d+),"content":"[0-9a-f]+",')


class Verdict(Enum):
    """What is to be done about a video that is not `Done`."""

    RUN = "runs"
    CHECK = "runs if its content changed"
    FAILED = "failed before"
    CLASH = "is done if its content is that of the file whose name it has"


@dataclass(frozen=True, slots=True)
class Rules:
    """Which of the videos that were tried before run again.

    began: when this run did (ISO 8601, UTC); what is recorded later is its own, or that of a run beside it, and counts.
    """

    began: str = "9999"
    retry_failed: bool = False
    force: bool = False
    checksum: bool = False
    any_version: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """A video that needs no work, and what its line tells."""

    fingerprint: str
    output: str
    attempts: int
    reduced: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """A video before its turn: the verdict, why, and the record it rests on."""

    verdict: Verdict
    reason: str
    record: Record | None = None

    @property
    def by_other_version(self) -> bool:
        """It runs again for no other reason than that."""
        return self.verdict is Verdict.RUN and self.reason.startswith(_BY_VERSION)


class Judge:
    """The rules of a run, applied to one video after the other."""

    def __init__(self, ledger: Ledger, work: Work, rules: Rules) -> None:
        self._ledger, self._work, self._rules, self._digest = ledger, work, rules, work.digest
        self._glances = not (rules.force or rules.checksum)
        facts = f'"task":{json.dumps(work.task)},"status":"done","work":"{self._digest}","version":"{__version__}"'
        self._facts = f'{facts},"size_bytes":'

    def standing(self, entry: Entry) -> Standing | Done:
        """Whether a video still has to be worked on."""
        data = self._ledger.data(key_of(entry.name, self._work.task))
        if data is None:
            return Standing(Verdict.RUN, "new")
        path = os.path.abspath(entry.path)  # noqa: PTH100 - links stay as the user wrote them
        if self._glances and (done := self._glance(data, entry, path)) is not None:
            return done
        record = Record.from_bytes(data)
        if record is None:
            return Standing(Verdict.RUN, "new")
        if record.path != path and _is_of_another(record, entry):
            return Standing(Verdict.CLASH, f"its name belongs to {record.path}", record)
        return self._of_record(record, entry, path)

    def _glance(self, data: bytes, entry: Entry, path: str) -> Done | None:
        """A video that is done and unchanged, without taking its record apart, which costs five times as much.

        A record begins with what decides. Of a video that needs no work these bytes are known before they are read.
        Where they are others, the record is read as a whole and judged by that.
        """
        names = f'"name":{_quoted(entry.name)},"path":{_quoted(path)},{self._facts}{entry.size_bytes}'
        wanted = f'{names},"mtime_ns":{entry.mtime_ns},"error":null,"reduced":[],"output":'.encode("ascii")
        if not (data.startswith(wanted, _HEAD) and data.endswith(b"}\n")):
            return None
        rest = _REST.match(data, _HEAD + len(wanted))
        if rest is None:
            return None
        output, output_bytes, attempts = rest.groups()
        place = self._ledger.place_of(json.loads(b'"%b"' % output) if b"\\" in output else output.decode("ascii"))
        if not _has_bytes(place, int(output_bytes)):
            return None
        return Done(data[len(_START) : _HEAD - 2].decode("ascii"), place, int(attempts))

    def _of_record(self, record: Record, entry: Entry, path: str) -> Standing | Done:
        """A record of this video, under whatever settings."""
        rules = self._rules
        if rules.force and record.finished < rules.began:
            return Standing(Verdict.RUN, "forced", record)
        if record.work != self._digest:
            return Standing(Verdict.RUN, "other settings", record)
        if record.version != __version__ and not rules.any_version:
            return Standing(Verdict.RUN, f"{_BY_VERSION} {record.version}", record)
        same_file = (record.path, record.size_bytes, record.mtime_ns) == (path, entry.size_bytes, entry.mtime_ns)
        return self._of_equal_work(record, same_file)

    def _of_equal_work(self, record: Record, same_file: bool) -> Standing | Done:
        rules, is_old = self._rules, record.finished < self._rules.began
        if record.status == "failed":
            verdict = Verdict.FAILED if same_file and not (rules.retry_failed and is_old) else Verdict.RUN
            return Standing(verdict, "failed before", record)
        place = self._ledger.place_of(record.output)
        if not _has_bytes(place, record.output_bytes):
            return Standing(Verdict.RUN, "its result is missing", record)
        if same_file and not (rules.checksum and is_old):
            return Done(record.fingerprint, place, record.attempts, record.reduced)
        return Standing(Verdict.CHECK, "checksum" if same_file else "touched or moved", record)


def _has_bytes(place: str, size_bytes: int) -> bool:
    try:
        return os.stat(place).st_size == size_bytes  # noqa: PTH116
    except OSError:
        return False


def _is_of_another(record: Record, entry: Entry) -> bool:
    """Whether the record speaks of another file that is still there; a file that was moved keeps its record."""
    try:
        return not os.path.samefile(entry.path, record.path)  # noqa: PTH121
    except OSError:
        return False
