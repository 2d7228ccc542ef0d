"""What the runner asks of those who do the work: child processes, or actors of Ray."""

from dataclasses import dataclass
from typing import Protocol

from vamba_cli.batch.work import Assignment, Outcome


@dataclass(frozen=True, slots=True)
class Finished:
    """An assignment came to its end."""

    slot: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Died:
    """A worker ended before its assignment did.

    innocent: it was killed from outside, or its machine went away; the video is not to blame.
    short_of_memory: the system ended it because memory ran out.
    unready: it said nothing, so it never came to look into a video.
    """

    slot: int
    reason: str
    innocent: bool = False
    short_of_memory: bool = False
    unready: bool = False


@dataclass(frozen=True, slots=True)
class Sign:
    """A worker lives, and says what it does."""

    slot: int
    text: str


Reply = Finished | Died | Sign


class Backend(Protocol):
    """Slots that take one assignment each at a time."""

    @property
    def num_slots(self) -> int: ...

    def is_ready(self, slot: int) -> bool:
        """Whether the slot can take an assignment now; it may be on a machine that went away."""

    def assign(self, slot: int, assignment: Assignment) -> None:
        """Begin; a worker that is not there is started."""

    def wait(self, timeout_seconds: float) -> list[Reply]:
        """What was said meanwhile; returns early when something was."""

    def kill(self, slot: int) -> None:
        """End a worker at once; nothing more is heard of its assignment."""

    def close(self) -> None:
        """End all workers at once."""
