"""Names for documents beside each other in a folder. Pure: no disk is looked at."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any, Literal

from vamba_cli.output.formats import Format

Task = Literal["chapters", "summary"]


def document_stems(videos: Sequence[Path], roots: Sequence[Path]) -> tuple[Path, ...]:
    """A relative path without ending for each video, all different even where letters' case is ignored.

    A video below a root (a folder that the user named) keeps its folders below it; another keeps its name alone.
    `lecture.mp4` and `lecture.mkv` keep their endings; what still collides is numbered.

    >>> document_stems([Path("v/a/x.mp4"), Path("v/y.mp4"), Path("v/y.mkv")], [Path("v")])
    (PosixPath('a/x'), PosixPath('y.mp4'), PosixPath('y.mkv'))
    """
    relative = [_below_root(video, roots) for video in videos]
    counts = Counter(_key(path.with_suffix("")) for path in relative)
    stems = [path if counts[_key(path.with_suffix(""))] > 1 else path.with_suffix("") for path in relative]
    taken: set[str] = set()
    unique = []
    for stem in stems:
        name, number = stem, 1
        while _key(name) in taken:
            number += 1
            name = stem.with_name(f"{stem.name} ({number})")
        taken.add(_key(name))
        unique.append(name)
    return tuple(unique)


def document_path(stem: Path, task: Task, entry: Format[Any]) -> Path:
    """`a/lecture` becomes `a/lecture.chapters.youtube.txt`."""
    return stem.with_name(f"{stem.name}.{task}{entry.suffix}")


def embedded_path(stem: Path, suffix: str) -> Path:
    """`a/lecture` becomes `a/lecture.chapters.mp4`, the name of a copy with chapters inside."""
    return stem.with_name(f"{stem.name}.chapters{suffix}")


def _below_root(video: Path, roots: Sequence[Path]) -> Path:
    inside = [video.relative_to(root) for root in roots if video != root and video.is_relative_to(root)]
    plain = [path for path in inside if ".." not in path.parts]
    return min(plain, key=lambda path: len(path.parts), default=Path(video.name))


def _key(path: PurePath) -> str:
    return str(path).casefold()
