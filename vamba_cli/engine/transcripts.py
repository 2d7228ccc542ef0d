"""What was transcribed, kept on disk: listening to a video takes longer than asking it."""

import json
import os
from contextlib import suppress
from dataclasses import astuple
from pathlib import Path
from typing import Any

from vamba_cli.subtitles import Line, Subtitles

_FORMAT = "vamba-transcript-1"
_MOST_FILES = 5000  # of some 50 KB for an hour of speech; the one unused for longest goes first


class TranscriptStore:
    """A folder of transcripts, each under the key of its video and speech model."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self, key: str) -> Subtitles | None:
        """The transcript saved under the key, or None; a damaged file counts as none."""
        path = self._path(key)
        document = _read(path)
        if document.get("format") != _FORMAT:
            return None
        with suppress(OSError):  # a folder that may only be read serves all the same
            os.utime(path)
        try:
            lines = tuple(Line(float(start), float(end), str(text)) for start, end, text in document["lines"])
            return Subtitles(lines, str(document["source"]), tuple(map(str, document["notes"])))
        except (KeyError, TypeError, ValueError):
            return None

    def save(self, key: str, transcript: Subtitles, video_path: str) -> None:
        """Keep a transcript; a full or read-only disk costs nothing but the time of the next call."""
        document = {
            "format": _FORMAT,
            "video_path": video_path,
            "source": transcript.source,
            "notes": transcript.notes,
            "lines": [astuple(line) for line in transcript.lines],
        }
        path = self._path(key)
        partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            for old in self._files()[_MOST_FILES - 1 :]:
                old.unlink(missing_ok=True)
            partial.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
            partial.replace(path)
        with suppress(OSError):
            partial.unlink(missing_ok=True)

    def clear(self, match: str | None = None) -> int:
        """Remove transcripts, all of them or those whose video path contains `match`; returns how many."""
        chosen = [path for path in self._files() if match is None or match in str(_read(path).get("video_path", ""))]
        for path in chosen:
            path.unlink(missing_ok=True)
        return len(chosen)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.json"

    def _files(self) -> list[Path]:
        """All files, the most recently used first."""
        return sorted(self.folder.glob("*.json"), key=lambda path: -path.stat().st_mtime)


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}
