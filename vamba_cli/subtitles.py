"""What is said in a video, as lines with times. Pure."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Line:
    """Words said or shown in a half-open span; times are relative to the first frame of the video."""

    start_seconds: float
    end_seconds: float
    text: str


@dataclass(frozen=True, slots=True)
class Subtitles:
    """Lines in the order of time.

    source: where they come from, in words for people ("lecture.srt"); "" where there are none.
    notes: what the user should know about how they were found and read.
    """

    lines: tuple[Line, ...]
    source: str
    notes: tuple[str, ...] = ()

    def between(self, start_seconds: float, end_seconds: float) -> tuple[Line, ...]:
        """The lines of which any part lies in the half-open span."""
        return tuple(
            line for line in self.lines if line.start_seconds < end_seconds and line.end_seconds > start_seconds
        )

    def within(self, start_seconds: float, end_seconds: float) -> "Subtitles":
        """The same subtitles with the lines of one part of the video."""
        return replace(self, lines=self.between(start_seconds, end_seconds))


NO_SUBTITLES = Subtitles((), "")
