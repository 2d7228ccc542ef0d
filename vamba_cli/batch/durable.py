"""Files that are there whole, and survive a power failure, or are not there at all."""

import os
from contextlib import suppress
from itertools import count
from pathlib import Path

_numbers = count()


def write_durably(path: Path, data: bytes, scratch: Path, owner: str) -> None:
    """Write under a temporary name in `scratch` (on the same file system), sync, rename into place, sync the folder.

    Raises:
        OSError: nothing was changed; the temporary file is removed as far as that is possible.
    """
    make_folder_durably(path.parent)
    temporary = scratch / f"{owner}.{next(_numbers)}"
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def make_folder_durably(folder: Path) -> None:
    """Make a folder and its parents; each new one is known to its parent on disk before it is used."""
    if folder.is_dir():
        return
    make_folder_durably(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Names in the folder reach the disk; file systems that cannot do that (some network ones) do it themselves."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)
