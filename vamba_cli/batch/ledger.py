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
from pathlib import Path
from typing import Any

from vamba_cli.batch.durable import make_folder_durably, write_durably
from vamba_cli.batch.jobs import Record
from vamba_cli.batch.owners import Owner
from vamba_cli.errors import UsageError

_READ_BYTES = 1 << 16


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

    def data(self, key: str) -> bytes | None:
        """What is known of a video, as `Record.from_bytes` takes it; None where nothing is."""
        return _read(f"{self._records_text}/{key[:2]}/{key[2:]}.json")

    def records(self) -> Iterator[Record]:
        """All records, in no order, one at a time."""
        for folder in sorted(self._records.glob("??")):
            for file in folder.iterdir():
                data = _read(str(file))
                if data is not None and (record := Record.from_bytes(data)) is not None:
                    yield record

    def save(self, key: str, record: Record, document: Any) -> None:
        """The result, if there is one, then the record.

        Raises:
            OSError: the disk is full, or the like; the record is as before.
        """
        if document is not None:
            write_durably(self.out_dir / record.output, result_bytes(document), self._scratch, self._owner)
        write_durably(self._record_file(key), record.to_bytes(), self._scratch, self._owner)

    def place_of(self, output: str) -> str:
        """The file with the result, from the path in a record."""
        return f"{self._out_text}/{output}"

    def _record_file(self, key: str) -> Path:
        return self._records / key[:2] / f"{key[2:]}.json"

    def _sweep(self) -> None:
        """Remove what killed processes left half written."""
        for path in self._scratch.iterdir():
            with suppress(ValueError, OSError):
                if Owner.parse(path.name.rpartition(".")[0]).is_dead():
                    path.unlink()


def result_bytes(document: Any) -> bytes:
    """JSON for people and programs; the same bytes for the same result."""
    try:
        return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False).encode() + b"\n"
    except UnicodeEncodeError:  # the name of the file is not UTF-8
        return json.dumps(document, indent=2, allow_nan=False).encode() + b"\n"


def _read(path: str) -> bytes | None:
    """Three calls of the system where a file object takes eight: a resume reads a million of these."""
    try:
        handle = os.open(path, os.O_RDONLY)
        try:
            data = piece = os.read(handle, _READ_BYTES)
            while len(piece) == _READ_BYTES:
                piece = os.read(handle, _READ_BYTES)
                data += piece
            return data
        finally:
            os.close(handle)
    except OSError:
        return None
