"""From what a user names (files, folders, globs, lists) to the entries of a batch."""

import glob
import os
import random
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from vamba_cli.batch.jobs import Entry, in_shard
from vamba_cli.errors import MediaError, UsageError
from vamba_cli.videos import FoundVideo, find_videos, natural_order

ORDERS = ("name", "size", "mtime", "random")
_MAGIC = frozenset("*?[")
_READ_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Sources:
    """Where videos come from, which part of them is meant, and in which order.

    root: names are paths below this folder. Without it they begin with the name of the folder that was given, and are
        whole paths for the lines of a list.
    shard: part `index` (from 1) of `count`.
    """

    paths: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    nul_separated: bool = False
    root: Path | None = None
    shard: tuple[int, int] = (1, 1)
    order: str = "name"
    seed: int = 0

    def __post_init__(self) -> None:
        index, count = self.shard
        if not 1 <= index <= count:
            raise UsageError(
                f"--shard {index}/{count} is not allowed: parts count from 1 (an array of Slurm: --array=1-{count})"
            )
        if self.order not in ORDERS:
            raise UsageError(f"--order {self.order!r} is not known: choose {', '.join(ORDERS)}")
        if not self.paths and not self.lists:
            raise UsageError(
                "no video was named: give files, folders, globs, --from-file LIST, or - for a list on stdin"
            )

    def entries(self) -> Iterator[Entry]:
        """The videos; flat in memory unless they have to be sorted by size, time or chance.

        A part of many may be empty; when it is exhausted and there was nothing for any part, that is an error.

        Raises:
            MediaError: nothing was found, not even a place where a video is missing.
        """
        chosen = self._all()
        if self.shard != (1, 1):
            chosen = (entry for entry in chosen if in_shard(entry.name, *self.shard))
        if self.order == "name":
            return chosen
        return iter(_sorted(list(chosen), self.order, self.seed))

    def _all(self) -> Iterator[Entry]:
        is_empty = True
        for found, root in self._places():
            is_empty = False
            yield _entry(found, root)
        if is_empty:
            lists = ("the list on stdin" if place == "-" else f"the list {place}" for place in self.lists)
            raise MediaError(
                f"no video was found in {', '.join([*self.paths, *lists])}: is the archive mounted? "
                "Name files, or folders with videos in them"
            )

    def _places(self) -> Iterator[tuple[FoundVideo, Path | None]]:
        """What is found, and the folder below which its path is its name."""
        for given in self.paths:
            for found in _found(given):
                yield found, self.root
        for place in self.lists:
            for line in _lines(place, self.nul_separated):
                for found in find_videos([line]):
                    yield found, self.root or _top(found)


def parse_shard(text: str) -> tuple[int, int]:
    """`2/8` to (2, 8).

    Raises:
        UsageError
    """
    index, slash, count = text.partition("/")
    if not (slash and index.isdecimal() and count.isdecimal()):
        raise UsageError(f"--shard {text!r} is not understood: write 2/8 for the second of eight parts")
    return int(index), int(count)


def _found(given: str) -> Iterator[FoundVideo]:
    if _MAGIC.isdisjoint(given) or os.path.lexists(given):
        return find_videos([given])
    return _matching(given)


def _matching(pattern: str) -> Iterator[FoundVideo]:
    """What a glob matches, in natural order; folders are walked, as where the shell wrote them out."""
    parts = Path(pattern).parts
    first = next(index for index, part in enumerate(parts) if not _MAGIC.isdisjoint(part))
    root = Path(*parts[:first])
    matches = sorted(glob.iglob(pattern, recursive=True))  # noqa: PTH207 - a glob may be an absolute path
    if not matches:
        yield FoundVideo(pattern, root, "matches nothing")
    for match in sorted(matches, key=natural_order):
        if "**" not in parts or not Path(match).is_dir():  # the files in it match by themselves
            yield from (FoundVideo(found.place, root, found.problem) for found in find_videos([match]))


def _entry(found: FoundVideo, root: Path | None) -> Entry:
    name = _name(found, root)
    if found.problem:
        return Entry(name, found.place, problem=found.problem)
    try:
        facts = os.stat(found.place)  # noqa: PTH116
    except OSError as error:
        return Entry(name, found.place, problem=f"cannot be read ({error.strerror})")
    return Entry(name, found.place, facts.st_size, facts.st_mtime_ns)


def _name(found: FoundVideo, root: Path | None) -> str:
    if root is None:
        start = str(found.root)
        inner = found.place[len(start) :] if start != "." else found.place
        return f"{_own_name(start)}/{inner.lstrip('/')}".lstrip("/")
    absolute = Path(os.path.abspath(found.place))  # noqa: PTH100
    if absolute.is_relative_to(root):
        return absolute.relative_to(root).as_posix()
    return absolute.as_posix().lstrip("/")


@lru_cache(16)
def _own_name(folder: str) -> str:
    """What a folder is called, also where it is given as `.`; links stay as written."""
    return os.path.basename(os.path.abspath(folder))  # noqa: PTH100, PTH119


def _top(found: FoundVideo) -> Path:
    """The root of the file system: names of lists are whole paths."""
    return Path(Path(os.path.abspath(found.place)).anchor)  # noqa: PTH100


def _lines(place: str, nul_separated: bool) -> Iterator[str]:
    """The names in a list, as bytes of the file system; a last one may lack its end."""
    separator = b"\0" if nul_separated else b"\n"
    if place == "-":
        yield from _split(sys.stdin.buffer, separator)
        return
    try:
        with Path(place).open("rb") as file:
            yield from _split(file, separator)
    except OSError as error:
        raise UsageError(f"--from-file {place} cannot be read: {error.strerror or error}") from error


def _split(file: BinaryIO, separator: bytes) -> Iterator[str]:
    rest = b""
    while data := file.read(_READ_BYTES):
        *whole, rest = (rest + data).split(separator)
        yield from (os.fsdecode(name) for name in whole if name)
    if rest:
        yield os.fsdecode(rest)


def _sorted(entries: Sequence[Entry], order: str, seed: int) -> Iterable[Entry]:
    if order == "size":
        return sorted(entries, key=lambda entry: entry.size_bytes)
    if order == "mtime":
        return sorted(entries, key=lambda entry: entry.mtime_ns)
    shuffled = list(entries)
    random.Random(seed).shuffle(shuffled)
    return shuffled
