"""What a batch is made of: the work, the videos, what became of each. Frozen values. Pure."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from operator import itemgetter
from typing import Any, Literal

from vamba_cli.settings import Settings

# What does not change a result, or changes it by rounding alone: another machine may go on with the work.
_WITHOUT_EFFECT = ("device", "cache", "cache_limit_gib", "chunk_frames")
_MOST_NAME_BYTES = 255

Status = Literal["done", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Work:
    """What is done with every video.

    task: `ask`, `chapters`, `summarise`, or `module:function` for one's own.
    wishes: what the task takes besides settings, as JSON: {"questions": [...]}.
    model: names the weights wherever they lie (`fingerprint.model_identity`).
    subtitles: hash of the subtitle file that the settings name.
    """

    task: str
    settings: Settings
    wishes: Mapping[str, Any]
    model: str
    subtitles: str = ""

    @property
    def label(self) -> str:
        """The task in a file name."""
        return "".join(c if c.isalnum() or c in "-_" else "-" for c in self.task.rpartition(":")[2])

    @property
    def digest(self) -> str:
        """Changes with everything, besides the video and the version, that the result depends on."""
        settings = {key: value for key, value in asdict(self.settings).items() if key not in _WITHOUT_EFFECT}
        parts = [self.task, settings, dict(self.wishes), self.model, self.subtitles]
        return digest(json.dumps(parts, sort_keys=True).encode())


@dataclass(frozen=True, slots=True)
class Entry:
    """A video of the batch.

    name: its path below `results/`, and what tells it from others there.
    problem: why there is nothing to work on; then size and time of change are 0.
    """

    name: str
    path: str
    size_bytes: int = 0
    mtime_ns: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a video has no result; `kind` names the class of the error, or is Crashed, Timeout, OutOfMemory."""

    kind: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What is known on disk of one video and one task; in the order of its file.

    content: hash of the video's bytes; empty where it failed before they were read.
    work, version: `Work.digest` and the version of vamba that did it.
    attempts: under this work, in all runs.
    reduced: what was lowered to fit into memory.
    output: the result's path below the output folder.
    """

    name: str
    path: str
    task: str
    status: Literal["done", "failed"]
    work: str
    version: str
    size_bytes: int
    mtime_ns: int
    error: Problem | None = None
    reduced: tuple[str, ...] = ()
    output: str = ""
    output_bytes: int = 0
    attempts: int
    content: str = ""
    warnings: tuple[str, ...] = ()
    num_frames: int = 0
    timing: Mapping[str, Any] = field(default_factory=dict)
    wall_seconds: float = 0.0
    finished: str = ""  # ISO 8601, UTC
    worker: str = ""

    @property
    def fingerprint(self) -> str:
        """One name for content, task, model, preset, prompt and version."""
        return digest(f"{self.content} {self.work} {self.version}".encode())

    def to_bytes(self) -> bytes:
        """The file; what `standing.Judge` looks at first comes first."""
        document = {"schema_version": 1, "fingerprint": self.fingerprint, **asdict(self)}
        return json.dumps(document, separators=(",", ":")).encode("ascii") + b"\n"

    @classmethod
    def from_bytes(cls, data: bytes) -> "Record | None":
        """What `to_bytes` gave; None if it is nothing of the kind: a damaged record counts as none."""
        try:
            values = dict(zip(_RECORD_FIELDS, _RECORD_VALUES(json.loads(data)), strict=True))
            error = values["error"]
            values["error"] = None if error is None else Problem(error["kind"], error["message"])
            values["reduced"], values["warnings"] = tuple(values["reduced"]), tuple(values["warnings"])
        except (ValueError, KeyError, TypeError):
            return None
        return cls(**values) if values["status"] in ("done", "failed") else None


_RECORD_FIELDS = tuple(f.name for f in fields(Record))
_RECORD_VALUES = itemgetter(*_RECORD_FIELDS)


def digest(data: bytes) -> str:
    """32 hexadecimal characters."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def key_of(name: str, task: str) -> str:
    """One name for a video and a task that any file system takes."""
    return digest(f"{task}\0{name}".encode("utf-8", "surrogateescape"))


def output_of(name: str, work: Work) -> str:
    """Where the result goes, below the output folder: `results/week 1/intro.mp4.chapters.json`."""
    folder, slash, file = name.rpartition("/")
    ending = f".{work.label}.json"
    raw = file.encode("utf-8", "surrogateescape")
    if len(raw) + len(ending.encode()) > _MOST_NAME_BYTES:
        mark = f"~{digest(raw)[:12]}"
        kept = raw[: _MOST_NAME_BYTES - len(ending.encode()) - len(mark)]
        file = kept.decode("utf-8", "surrogateescape") + mark
    return f"results/{folder}{slash}{file}{ending}"


def in_shard(name: str, index: int, count: int) -> bool:
    """Whether the name belongs to part `index` (from 1) of `count`; other files play no role in it."""
    raw = hashlib.blake2b(name.encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return int.from_bytes(raw, "big") % count == index - 1


def without_place(message: str, *places: str) -> str:
    """An error's words without the path with which many begin, for where the name stands before them."""
    for place in places:
        message = message.removeprefix(place)
    return message.lstrip(": ")
