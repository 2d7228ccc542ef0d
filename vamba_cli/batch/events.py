"""What a batch tells whoever watches it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Began:
    """A slot took a video."""

    slot: int
    name: str


@dataclass(frozen=True, slots=True)
class Lived:
    """What a slot does: 'encode 120/400'."""

    slot: int
    text: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A video has its end: the object for stdout, without what is empty. slot is None where none was needed."""

    line: Mapping[str, Any]
    slot: int | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """Something that people should know."""

    message: str


BatchEvent = Began | Lived | Ended | Told
OnBatchEvent = Callable[[BatchEvent], None]
