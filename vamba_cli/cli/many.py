"""One or many videos for a command: which they are, and how they are worked through."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vamba_cli.errors import MediaError, UsageError
from vamba_cli.output.files import document_stems
from vamba_cli.results import Failure
from vamba_cli.videos import find_videos

_OWN_COPY = ".chapters"  # the end of the stem of a copy that `--embed` wrote


@dataclass(frozen=True, slots=True)
class Found:
    """The videos that were named, and what was named and is none.

    stems: for each path, the relative path without ending that its documents get.
    is_one: a single file was named; its error is the command's.
    """

    videos: tuple[Path, ...]
    failures: tuple[Failure, ...]
    stems: dict[str, Path]
    is_one: bool

    @property
    def total(self) -> int:
        return len(self.videos) + len(self.failures)


def found_videos(paths: Sequence[str], subtitles_file: str | None) -> Found:
    """All videos of the files and folders named, each once, in natural order.

    Raises:
        MediaError: there is not one.
        UsageError: the only name is empty; or there are several videos, and one file of subtitles.
    """
    if list(paths) == [""]:
        raise UsageError("the name is empty: name videos, or folders with videos in them (. is the current one)")
    if len(paths) == 1 and not Path(paths[0]).is_dir():  # also where it is missing: whoever opens it says so
        video = Path(paths[0])
        return Found((video,), (), _stems([video], [video.parent]), True)
    found = list(find_videos(paths))
    named = {Path(path) for path in paths}
    videos = dict.fromkeys(item.path for item in found if not item.problem)
    own = {path for path in videos if path not in named and path.stem.endswith(_OWN_COPY)}
    kept = [path for path in videos if path not in own]
    failures = tuple(Failure(str(item.path), "NotFound", item.problem) for item in found if item.problem)
    if not kept and not failures:
        own_alone = f" but {len(own)} with chapters inside, written by --embed" if own else ""
        raise MediaError(
            f"no video was found in {', '.join(paths)}{own_alone}: name files, or folders with videos in them"
        )
    if subtitles_file is not None and len(kept) > 1:
        raise UsageError(
            f"--subs {subtitles_file} belongs to one video, and there are {len(kept)}: name one, or lay subtitles "
            "beside each (lecture.srt beside lecture.mp4), where they are found"
        )
    roots = list(dict.fromkeys(item.root for item in found))
    return Found(tuple(kept), failures, _stems(kept, roots), False)


def _stems(videos: Sequence[Path], roots: Sequence[Path]) -> dict[str, Path]:
    return dict(zip(map(str, videos), document_stems(videos, roots), strict=True))
