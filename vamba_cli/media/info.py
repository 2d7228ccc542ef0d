"""What is known about a video before a picture of it is shown. Pure."""

from dataclasses import dataclass
from pathlib import Path

# MPEG programme streams stamp only some frames: after a seek, FFmpeg guesses the others and errs by several frames.
_NOT_SEEKABLE = ("mpeg",)


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """One video stream of one file.

    Times everywhere else are relative to `start_seconds`: 0 is the moment of the first frame shown.
    """

    path: Path
    size_bytes: int
    container: str
    codec: str
    pixel_format: str
    width: int  # as displayed: after pixel aspect and rotation
    height: int
    rotation_degrees: int  # clockwise, that the reader applies: 0, 90, 180 or 270
    duration_seconds: float  # from the start of the first frame to the end of the last, by PTS
    start_seconds: float  # PTS of the first frame
    frame_rate: float  # average; an estimate
    num_frames: int  # an estimate
    keyframe_seconds: float  # usual distance of key frames; the duration if seeking can only reach the start
    hdr: bool
    variable_frame_rate: bool
    audio_streams: int
    subtitle_streams: int
    is_image: bool
    warnings: tuple[str, ...]
    mirrored: bool = False  # left and right swapped, before the rotation

    @property
    def seekable(self) -> bool:
        """Whether a seek can land anywhere but at the start, and with true times."""
        return self.keyframe_seconds < self.duration_seconds and self.container not in _NOT_SEEKABLE
