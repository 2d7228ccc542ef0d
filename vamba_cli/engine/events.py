"""What the engine tells whoever watches it; the command line draws these, the library ignores them."""

from collections.abc import Callable
from dataclasses import dataclass

from vamba_cli.results import Answer


@dataclass(frozen=True, slots=True)
class VideoBegins:
    """One of many videos begins; numbers start at 1."""

    number: int
    total: int
    path: str


@dataclass(frozen=True, slots=True)
class Stage:
    """A step begins, with a few words for people.

    name: 'load', 'transcribe', 'encode' (or 'reuse'), 'keep', 'read',
    'search', 'answer', 'name', 'describe' or 'summarise'; 'begin' is a batch worker's first.
    """

    name: str
    detail: str


@dataclass(frozen=True, slots=True)
class EncodeProgress:
    """Frames encoded so far; memory_bytes is the size of the video memory written."""

    num_frames: int
    total_frames: int
    frames_per_second: float
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class WindowsProgress:
    """Windows of the video scored or read so far."""

    num_windows: int
    total_windows: int


@dataclass(frozen=True, slots=True)
class TranscribeProgress:
    """How much of the sound was listened to so far."""

    done_seconds: float
    total_seconds: float


@dataclass(frozen=True, slots=True)
class AnswerText:
    """A piece of the answer to question number `index`, as it is generated; never half a character."""

    index: int
    text: str


@dataclass(frozen=True, slots=True)
class Answered:
    """The whole answer to question number `index`, with its evidence, while later ones are still looked for."""

    index: int
    answer: Answer


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the user should know: a skipped frame, a lowered frame rate, a memory taken from the cache."""

    message: str


Event = VideoBegins | Stage | EncodeProgress | WindowsProgress | TranscribeProgress | AnswerText | Answered | Notice
OnEvent = Callable[[Event], None]


def ignore(_event: Event) -> None:
    """Watch nothing."""
