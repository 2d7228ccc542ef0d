"""Which videos are meant by the files and folders that a user names. Only the file system is asked."""

import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

SUFFIXES = frozenset(
    "3g2 3gp asf avi divx dv f4v flv m2ts m4v mkv mov mp4 mpeg mpg mts mxf ogm ogv rm rmvb ts vob webm wmv".split()
)
_SOURCE_CODE_TOO = ("ts", "mts")  # TypeScript shares them with MPEG transport streams
_DIGITS = re.compile(r"[0-9]+")


@dataclass(frozen=True, slots=True)
class FoundVideo:
    """A video, or a place where one was looked for in vain.

    place: its path as text: making a `Path` of each costs a third of a walk over a million of them.
    root: the folder that was named, or the folder of the file that was named.
    problem: why this is no video; empty where it is one. Whoever walks goes on, and tells.
    """

    place: str
    root: Path
    problem: str = ""

    @property
    def path(self) -> Path:
        return Path(self.place)

    @property
    def name(self) -> str:
        """The path below `root`, with `/` between its parts."""
        return self.path.relative_to(self.root).as_posix()


def find_videos(paths: Iterable[Path | str], *, recursive: bool = True) -> Iterator[FoundVideo]:
    """The files named, whatever their suffix, and the videos in the folders named, in natural order.

    Hidden entries are passed over. Every folder is entered once, however many links lead to it. One folder's names at
    a time are held in memory. What is missing or cannot be read is an item with a `problem`.
    """
    for given in paths:
        path = Path(given)
        if given == "":  # would be the current folder
            yield FoundVideo("''", path, "the name is empty")
            continue
        try:
            mode = path.stat().st_mode
        except (OSError, ValueError) as error:  # ValueError: a NUL in the name
            yield FoundVideo(str(path), path.parent, _reason(error))
            continue
        if stat.S_ISDIR(mode):
            yield from _walk(path, recursive)
        elif stat.S_ISREG(mode):
            yield FoundVideo(str(path), path.parent)
        else:
            yield FoundVideo(str(path), path.parent, "is neither a file nor a folder")


def natural_order(name: str) -> str:
    """A key for sorting: "Part 2" before "part 10".

    >>> sorted(["part 10", "Part 2", "part 1b"], key=natural_order)
    ['part 1b', 'Part 2', 'part 10']
    """
    return _DIGITS.sub(_with_length, name.casefold())


def _with_length(digits: re.Match[str]) -> str:
    number = digits[0].lstrip("0")
    return f"{len(number):03}{number}"


@dataclass(frozen=True, slots=True)
class _Listing:
    """Names in one folder, sorted: videos, links to nothing among them, folders, and why there may be more."""

    videos: list[str]
    dead: set[str]
    folders: list[str]
    problem: str


def _walk(root: Path, recursive: bool) -> Iterator[FoundVideo]:
    """Files of a folder first, then its folders; a stack of its own, for trees deeper than Python's."""
    entered: set[tuple[int, int]] = set()
    stack = [root]
    while stack:
        folder = stack.pop()
        try:
            facts = folder.stat()
        except OSError as error:
            yield FoundVideo(str(folder), root, _reason(error))
            continue
        if (facts.st_dev, facts.st_ino) in entered:
            continue
        entered.add((facts.st_dev, facts.st_ino))
        listing = _list(folder)
        start = str(folder / "x")[:-1]  # what every path in it begins with; nothing for the current folder
        for name in listing.videos:
            yield FoundVideo(start + name, root, "is a link to nothing" if name in listing.dead else "")
        if listing.problem:
            yield FoundVideo(str(folder), root, listing.problem)
        if recursive:
            stack += [folder / name for name in reversed(listing.folders)]


def _list(folder: Path) -> _Listing:
    listing = _Listing([], set(), [], "")
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.name.startswith("."):
                    _sort_in(entry, listing)
    except OSError as error:
        listing = replace(listing, problem=_reason(error))
    for names in (listing.videos, listing.folders):
        names.sort()
        names.sort(key=natural_order)
    return listing


def _sort_in(entry: os.DirEntry[str], listing: _Listing) -> None:
    """Put an entry where it belongs; pipes and devices nowhere, for they would block who opens them."""
    _, dot, suffix = entry.name.lower().rpartition(".")
    try:
        if entry.is_dir():
            listing.folders.append(entry.name)
            return
        if not dot or suffix not in SUFFIXES:
            return
        regular = entry.is_file()
    except OSError:  # a link to itself
        regular = False
    if regular and (suffix not in _SOURCE_CODE_TOO or _is_transport_stream(Path(entry.path))):
        listing.videos.append(entry.name)
    elif not regular and dot and suffix in SUFFIXES and entry.is_symlink() and not Path(entry.path).exists():
        listing.videos.append(entry.name)
        listing.dead.add(entry.name)


def _is_transport_stream(path: Path) -> bool:
    """Packets begin with `G`, in Blu-ray's files after 4 bytes; what cannot be read is left to who decodes it."""
    try:
        with path.open("rb") as file:
            head = file.read(5)
    except OSError:
        return True
    return not head or b"G" in (head[:1], head[4:])


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "does not exist"
    return f"cannot be read ({getattr(error, 'strerror', None) or error})"
