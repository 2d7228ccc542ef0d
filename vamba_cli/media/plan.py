"""Which frames of a video to look at. Pure: VideoInfo and settings in, target times out."""

import math
from dataclasses import dataclass
from typing import Literal

from vamba_cli.errors import UsageError
from vamba_cli.media.info import VideoInfo
from vamba_cli.timecode import clock

Strategy = Literal["sequential", "seek", "keyframes"]

DEFAULT_FPS = 1.0
# Decoding GOP by GOP saves what lies between the last sample of a GOP and the next key frame, and lets several decoders
# work without waiting for each other. Measured with GOPs of 10 s (720p film, 360p lecture), processor time against one
# pass: even at 0.05 GOPs between samples, 9 and 14 % saved at 0.1, 14 % at 0.2, a fifth at 0.4.
_SEEK_ABOVE_GOPS = 0.08
_MOMENT_SECONDS = 1e-3  # a shorter span is one moment


@dataclass(frozen=True, slots=True)
class Sampling:
    """A user's wishes. Neither `fps` nor `num_frames` means one frame per second.

    Raises:
        UsageError: a value is not allowed, or two exclude each other.
    """

    fps: float | None = None
    num_frames: int | None = None  # evenly spread over the span
    start_seconds: float = 0.0
    end_seconds: float | None = None
    max_frames: int | None = None  # lowers the rate so that it holds
    longest_edge: int | None = None  # pixels
    shortest_edge: int | None = None
    keyframes_only: bool = False  # fast and coarse: a target shows the last key frame before it

    def __post_init__(self) -> None:
        if self.fps is not None and self.num_frames is not None:
            raise UsageError(f"fps {self.fps} and num_frames {self.num_frames} exclude each other: give one of them")
        if self.fps is not None and not (math.isfinite(self.fps) and self.fps > 0):
            raise UsageError(f"fps {self.fps} is not allowed: it must be a finite number above 0")
        for name, least in (("num_frames", 1), ("max_frames", 2), ("longest_edge", 1), ("shortest_edge", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise UsageError(f"{name} {value} is not allowed: it must be {least} or more")
        if self.longest_edge is not None and self.shortest_edge is not None and self.longest_edge < self.shortest_edge:
            raise UsageError(
                f"longest_edge {self.longest_edge} is below shortest_edge {self.shortest_edge}: swap or drop one"
            )
        self._check_span()

    def _check_span(self) -> None:
        if not (math.isfinite(self.start_seconds) and self.start_seconds >= 0):
            raise UsageError(
                f"start {self.start_seconds} is not allowed: it must be a finite number of seconds, 0 or more"
            )
        if self.end_seconds is not None and not self.end_seconds > self.start_seconds:
            raise UsageError(
                f"end {self.end_seconds} s is not after start {self.start_seconds} s: the span must not be empty"
            )


@dataclass(frozen=True, slots=True)
class FramePlan:
    """Target times in seconds after the first frame; for each, the frame on screen at that moment is wanted.

    An even number, at least 2, because a temporal patch is two frames: the last of an odd number stands twice.
    """

    times_seconds: tuple[float, ...]
    step_seconds: float
    width: int
    height: int
    strategy: Strategy
    notes: tuple[str, ...]


def plan_frames(info: VideoInfo, sampling: Sampling) -> FramePlan:
    """Choose the frames, their size, and the cheapest way to reach them.

    Raises:
        UsageError: the wanted span begins after the video ends.
    """
    notes: list[str] = []
    start_seconds, span_seconds = _span(info, sampling)
    step_seconds = _step_seconds(info, sampling, span_seconds, notes)
    num_frames = max(1, math.ceil(span_seconds / step_seconds - 1e-6)) if span_seconds > _MOMENT_SECONDS else 1
    if sampling.max_frames is not None and in_pairs(num_frames) > sampling.max_frames:
        wanted, num_frames = in_pairs(num_frames), sampling.max_frames // 2 * 2
        notes.append(
            f"one frame every {step_seconds:.3g} s would be {wanted:,}, more than the allowed {sampling.max_frames:,}: "
            f"now one every {span_seconds / num_frames:.3g} s"
        )
        step_seconds = span_seconds / num_frames
    if num_frames == 1:
        step_seconds = span_seconds
    last = num_frames - 1
    times_seconds = tuple(start_seconds + min(index, last) * step_seconds for index in range(in_pairs(num_frames)))
    width, height = limit_edges(info.width, info.height, sampling.longest_edge, sampling.shortest_edge)
    strategy = _strategy(info, sampling, step_seconds)
    return FramePlan(times_seconds, step_seconds, width, height, strategy, tuple(notes))


def in_pairs(num_frames: int) -> int:
    """How many frames are encoded: the last of an odd number twice.

    >>> in_pairs(30), in_pairs(31)
    (30, 32)
    """
    return num_frames + num_frames % 2


def limit_edges(width: int, height: int, longest_edge: int | None, shortest_edge: int | None) -> tuple[int, int]:
    """The reference's evaluation settings (MODEL.md section 3, step 2); it enlarges only through `shortest_edge`."""
    aspect = width / height
    if longest_edge is not None and max(width, height) > longest_edge:
        if width >= height:
            width, height = longest_edge, max(1, int(longest_edge / aspect))
        else:
            width, height = max(1, int(longest_edge * aspect)), longest_edge
    least = shortest_edge or 1
    return max(width, least), max(height, least)


def _span(info: VideoInfo, sampling: Sampling) -> tuple[float, float]:
    """Start and length in seconds of what is asked for, cut to what there is."""
    start_seconds = 0.0 if info.is_image else sampling.start_seconds
    if start_seconds >= info.duration_seconds:
        raise UsageError(
            f"start {start_seconds:g} s is not inside the video, which lasts {info.duration_seconds:.2f} s "
            f"({clock(info.duration_seconds)}): choose an earlier start"
        )
    end_seconds = info.duration_seconds
    if sampling.end_seconds is not None and not info.is_image:
        end_seconds = min(end_seconds, sampling.end_seconds)
    return start_seconds, max(end_seconds - start_seconds, _MOMENT_SECONDS)


def _step_seconds(info: VideoInfo, sampling: Sampling, span_seconds: float, notes: list[str]) -> float:
    """Distance of two targets, never finer than the frames (or key frames) that there are."""
    if info.is_image:
        return span_seconds
    if sampling.num_frames is not None:
        step_seconds = span_seconds / max(1, sampling.num_frames // 2 * 2)
    elif sampling.fps is None and sampling.keyframes_only:
        step_seconds = info.keyframe_seconds
    else:
        step_seconds = 1 / (sampling.fps or DEFAULT_FPS)
    finest_seconds, what = (
        (info.keyframe_seconds, "key frame") if sampling.keyframes_only else (1 / info.frame_rate, "frame")
    )
    # With a variable rate the average says little about the densest part, so there the wish stands.
    too_fine = step_seconds < finest_seconds * 0.999 and (sampling.keyframes_only or not info.variable_frame_rate)
    if not too_fine:
        return step_seconds
    notes.append(f"the video has one {what} every {finest_seconds:.3g} s: no more than that are taken")
    return finest_seconds


def _strategy(info: VideoInfo, sampling: Sampling, step_seconds: float) -> Strategy:
    if sampling.keyframes_only:
        return "keyframes"
    worth_it = step_seconds > _SEEK_ABOVE_GOPS * info.keyframe_seconds
    return "seek" if info.seekable and worth_it else "sequential"
