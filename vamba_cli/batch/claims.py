"""Claims: which process works on which video, on one host or many over a shared folder.

A claim is a folder that holds one file, named after its owner. The three moves are single renames and removals, which a
file server does whole or not at all, so no lock is trusted:

    take       rename a folder with my file in it to the claim's name: fails if the claim holds a file
    take over  rename the dead owner's file to mine: succeeds for one process only, and not if the owner let go
    let go     remove my file, then the folder

A living owner touches its file; the file server's clock dates that, and says when it was too long ago.
"""

import errno
import os
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from vamba_cli.batch.owners import Owner

LEASE_SECONDS = 180.0  # above the minute for which NFS may show old times of files
_BEATS_PER_LEASE = 6
_STAGING = ".new-"
_CLOCK = ".clock-"


@dataclass(frozen=True, slots=True)
class Claim:
    """Held by this process until it is let go, or lost to another after a long silence."""

    key: str
    file: Path


class Claims:
    """The claims of one output folder, and a thread that keeps those of this process alive."""

    def __init__(self, folder: Path, owner: Owner, lease_seconds: float = LEASE_SECONDS) -> None:
        self.folder, self.owner, self.lease_seconds = folder, owner, lease_seconds
        self._name = str(owner)
        self._held: dict[str, Claim] = {}
        self._guard = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._keep_alive, name="claims", daemon=True)
        folder.mkdir(parents=True, exist_ok=True)
        self._sweep()
        self._thread.start()

    def take(self, key: str) -> Claim | Owner:
        """A claim, or who holds it."""
        target = self.folder / key
        while True:
            if self._put_in_place(target):
                return self._hold(key)
            holder = self._holder(target)
            if holder is None:
                continue  # it was let go in this moment
            file = target / str(holder)
            if not self._is_abandoned(file, holder):
                return holder
            with suppress(FileNotFoundError):  # somebody else was faster, or the owner lives and let go
                os.utime(file)  # so that it is young from its first moment as mine
                file.rename(target / self._name)
                return self._hold(key)

    def confirm(self, claim: Claim) -> bool:
        """Whether the claim is still held; touched, it stays so for a while."""
        try:
            os.utime(claim.file)
        except FileNotFoundError:
            return False
        return True

    def let_go(self, claim: Claim) -> None:
        """Others may take it."""
        with self._guard:
            self._held.pop(claim.key, None)
        with suppress(OSError):  # lost to another
            claim.file.unlink()
            claim.file.parent.rmdir()

    def close(self) -> None:
        """Let go of everything."""
        self._closing.set()
        self._thread.join()
        for claim in list(self._held.values()):
            self.let_go(claim)
        with suppress(OSError):
            self._clock.unlink(missing_ok=True)
        with suppress(OSError):
            (self._staging / self._name).unlink()
            self._staging.rmdir()

    @property
    def _clock(self) -> Path:
        return self.folder / f"{_CLOCK}{self._name}"

    @property
    def _staging(self) -> Path:
        return self.folder / f"{_STAGING}{self._name}"

    def _put_in_place(self, target: Path) -> bool:
        self._staging.mkdir(exist_ok=True)
        (self._staging / self._name).touch()  # it may be there from an earlier try: then it becomes young
        try:
            self._staging.rename(target)  # onto nothing, or onto an empty folder; never onto one with a file in it
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            return False
        return True

    def _hold(self, key: str) -> Claim:
        claim = Claim(key, self.folder / key / self._name)
        with self._guard:
            self._held[key] = claim
        return claim

    def _holder(self, target: Path) -> Owner | None:
        try:
            for file in target.iterdir():
                with suppress(ValueError):
                    return Owner.parse(file.name)
        except FileNotFoundError:
            pass
        return None

    def _is_abandoned(self, file: Path, holder: Owner) -> bool:
        if holder.is_dead():
            return True
        try:
            return self._now_seconds() - file.stat().st_mtime > self.lease_seconds
        except FileNotFoundError:
            return False

    def _now_seconds(self) -> float:
        """The file server's clock: what it writes on a file that is touched."""
        self._clock.touch()
        return self._clock.stat().st_mtime

    def _keep_alive(self) -> None:
        while not self._closing.wait(self.lease_seconds / _BEATS_PER_LEASE):
            with self._guard:
                held = list(self._held.values())
            for claim in held:
                with suppress(OSError):  # a lost claim shows when it is confirmed; a server away may come back
                    os.utime(claim.file)

    def _sweep(self) -> None:
        """Remove what killed processes left: also claims, on videos that may be done or never come again."""
        for path in list(self.folder.iterdir()):
            with suppress(ValueError, OSError):
                prefix = next((prefix for prefix in (_STAGING, _CLOCK) if path.name.startswith(prefix)), None)
                if prefix is None:
                    self._free(path)
                elif self._is_abandoned(path, Owner.parse(path.name.removeprefix(prefix))):
                    for inner in path.iterdir() if path.is_dir() else ():
                        inner.unlink()
                    path.rmdir() if path.is_dir() else path.unlink()

    def _free(self, target: Path) -> None:
        """Let go of a claim in the name of its dead owner."""
        holder = self._holder(target)
        if holder is None:
            target.rmdir()
        elif self._is_abandoned(target / str(holder), holder):
            mine = target / self._name
            (target / str(holder)).rename(mine)  # whoever takes it over now finds it gone
            mine.unlink()
            target.rmdir()
