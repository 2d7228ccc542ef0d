"""The truth on disk: one result and one record per video.

    OUT/results/<name>.<task>.json     the result
    OUT/.vamba/records/ab/cdef...json  what became of the video
    OUT/.vamba/claims/                 who works on what (`claims`)
    OUT/.vamba/scratch/                files that are not complete

The result is in place before the record says so: a video is done when both are there and agree.
"""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from vamba_cli import __version__
from vamba_cli.batch.durable import make_folder_durably, write_durably
from vamba_cli.batch.jobs import Entry, Record, Work, key_of
from vamba_cli.batch.owners import Owner
from vamba_cli.errors import UsageError

_READ_BYTES = 1 << 16
_BY_VERSION = "done by version"


class Verdict(Enum):
    """What is to be done about a video."""

    RUN = "runs"
    CHECK = "runs if its content changed"
    DONE = "is done"
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
class Standing:
    """A video before its turn: the verdict, why, and the record it rests on."""

    verdict: Verdict
    reason: str
    record: Record | None

    @property
    def by_other_version(self) -> bool:
        """It runs again for no other reason than that."""
        return self.verdict is Verdict.RUN and self.reason.startswith(_BY_VERSION)


class Ledger:
    """Records and results in one output folder."""

    def __init__(self, out_dir: Path, owner: Owner) -> None:
        self.out_dir, self._owner = out_dir, str(owner)
        self._records = out_dir / ".vamba" / "records"
        self._scratch = out_dir / ".vamba" / "scratch"
        self._records_text, self._out_text = str(self._records), str(out_dir)  # Path is slow for a million names

    @property
    def claims_folder(self) -> Path:
        return self.out_dir / ".vamba" / "claims"

    def prepare(self) -> None:
        """Make the folders, and see that they can be written.

        Raises:
            UsageError: they cannot.
        """
        try:
            for folder in (self._records, self._scratch, self.claims_folder, self.out_dir / "results"):
                make_folder_durably(folder)
            write_durably(self._scratch / f"{self._owner}.probe", b"", self._scratch, self._owner)
            (self._scratch / f"{self._owner}.probe").unlink()
        except OSError as error:
            reason = error.strerror or error
            raise UsageError(f"--out-dir {self.out_dir} cannot be written: {reason}; choose another place") from error
        self._sweep()

    def read(self, key: str) -> Record | None:
        """What is known of a video; a record that cannot be understood counts as none."""
        return _read_record(f"{self._records_text}/{key[:2]}/{key[2:]}.json")

    def records(self) -> Iterator[Record]:
        """All records, in no order, one at a time."""
        for folder in sorted(self._records.glob("??")):
            for file in folder.iterdir():
                record = _read_record(str(file))
                if record is not None:
                    yield record

    def save(self, key: str, record: Record, document: dict[str, Any] | None) -> None:
        """The result, if there is one, then the record.

        Raises:
            OSError: the disk is full, or the like; the record is as before.
        """
        if document is not None:
            write_durably(self.out_dir / record.output, result_bytes(document), self._scratch, self._owner)
        data = json.dumps(record.to_json(), separators=(",", ":")).encode() + b"\n"
        write_durably(self._record_file(key), data, self._scratch, self._owner)

    def standing(self, entry: Entry, work: Work, work_digest: str, rules: Rules) -> Standing:
        """Whether a video still has to be worked on, from its record, its result and its size and time of change."""
        record = self.read(key_of(entry.name, work.task))
        if record is None:
            return Standing(Verdict.RUN, "new", None)
        same_path = record.path == os.path.abspath(entry.path)  # noqa: PTH100 - links stay as the user wrote them
        if not same_path and _is_of_another(record, entry):
            return Standing(Verdict.CLASH, f"its name belongs to {record.path}", record)
        same_file = same_path and (record.size_bytes, record.mtime_ns) == (entry.size_bytes, entry.mtime_ns)
        if rules.force and record.finished < rules.began:
            return Standing(Verdict.RUN, "forced", record)
        if record.work != work_digest:
            return Standing(Verdict.RUN, "other settings", record)
        if record.version != __version__ and not rules.any_version:
            return Standing(Verdict.RUN, f"{_BY_VERSION} {record.version}", record)
        return self._of_equal_work(record, same_file, rules)

    def _of_equal_work(self, record: Record, same_file: bool, rules: Rules) -> Standing:
        is_old = record.finished < rules.began
        if record.status == "failed":
            verdict = Verdict.FAILED if same_file and not (rules.retry_failed and is_old) else Verdict.RUN
            return Standing(verdict, "failed before", record)
        if not self._has_result(record):
            return Standing(Verdict.RUN, "its result is missing", record)
        if same_file and not (rules.checksum and is_old):
            return Standing(Verdict.DONE, "done", record)
        return Standing(Verdict.CHECK, "checksum" if same_file else "touched or moved", record)

    def place_of(self, record: Record) -> str:
        """The file with the result."""
        return f"{self._out_text}/{record.output}"

    def _has_result(self, record: Record) -> bool:
        try:
            return os.stat(self.place_of(record)).st_size == record.output_bytes  # noqa: PTH116
        except OSError:
            return False

    def _record_file(self, key: str) -> Path:
        return self._records / key[:2] / f"{key[2:]}.json"

    def _sweep(self) -> None:
        """Remove what killed processes left half written."""
        for path in self._scratch.iterdir():
            with suppress(ValueError, OSError):
                if Owner.parse(path.name.rpartition(".")[0]).is_dead():
                    path.unlink()


def result_bytes(document: dict[str, Any]) -> bytes:
    """JSON for people and programs; the same bytes for the same result."""
    try:
        return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False).encode() + b"\n"
    except UnicodeEncodeError:  # the name of the file is not UTF-8
        return json.dumps(document, indent=2, allow_nan=False).encode() + b"\n"


def _is_of_another(record: Record, entry: Entry) -> bool:
    """Whether the record speaks of another file that is still there; a file that was moved keeps its record."""
    try:
        return not entry.path.samefile(record.path)
    except OSError:
        return False


def _read(path: str) -> bytes:
    """Three calls of the system where a file object takes eight: a resume reads a million of these."""
    handle = os.open(path, os.O_RDONLY)
    try:
        data = piece = os.read(handle, _READ_BYTES)
        while len(piece) == _READ_BYTES:
            piece = os.read(handle, _READ_BYTES)
            data += piece
        return data
    finally:
        os.close(handle)


def _read_record(path: str) -> Record | None:
    try:
        return Record.from_json(json.loads(_read(path).decode()))
    except (OSError, ValueError, KeyError, TypeError):
        return None
