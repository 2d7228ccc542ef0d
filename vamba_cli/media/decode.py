"""Decoded frames of one stream in display order with their times, whatever state the file is in."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from heapq import heappop, heappush
from typing import Any, cast

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vamba_cli.media.info import VideoInfo
from vamba_cli.media.source import open_container, reason, video_stream

# PyAV drops what a flush had ready when one of the last frames is bad: with frame threads up to 16 frames, too
# many for a short clip. Short clips gain nothing from frame threads anyway.
_FRAME_THREADS_FROM_FRAMES = 256
# A demuxer that fails this often in a row will not find its way again.
_MAX_READ_ERRORS = 50
# Containers whose clock may start anew in the middle (joined recordings, DVD cells). A step back of this much
# is such a start; smaller ones are rounding or broken stamps.
RESTARTING_CONTAINERS = ("mpegts", "mpeg")
RESTART_SECONDS = 1.0


# Here one incomplete packet marks all the frames in it, most of which are whole.
_COARSELY_CORRUPT = ("mpeg",)


@dataclass(frozen=True, slots=True)
class Shown:
    """A good frame and the ticks, counted from the first frame of the video, between which it is on screen."""

    frame: VideoFrame
    start: int
    end: int
    gap_start: int | None  # where the first frame was lost between the one before and this one


def resilient_packets(
    container: InputContainer, stream: VideoStream | None, problems: list[str]
) -> Iterator["Packet[Any]"]:
    """Packets of a stream (or of all) up to the end of the file, over damage that the demuxer can step across."""
    num_errors = 0
    while num_errors < _MAX_READ_ERRORS:
        packets = container.demux(stream) if stream is not None else container.demux()
        try:
            for packet in packets:
                num_errors = 0
                yield packet
            return
        except av.error.ExitError:
            problems.append("reading stalled for a minute and was given up")
            return
        except (av.error.FFmpegError, OSError) as error:
            num_errors += 1
            last_reason = reason(error)
        finally:
            cast(Generator[object, None, None], packets).close()  # it takes back the container's read timeout
    problems.append(f"the file could not be read further: {last_reason}")


@dataclass(slots=True)
class _Run:
    """What was seen since the last seek, in ticks."""

    awaited: list[int] = field(default_factory=list)  # a heap: starts of packets that no frame has come of yet
    corrupt: set[int] = field(default_factory=set)  # starts of packets of which the demuxer found only parts
    earliest: int | None = None
    last_start: int | None = None
    shift: int = 0  # added to the stamps since the clock started anew

    def expect(self, start: int) -> None:
        heappush(self.awaited, start)
        self.earliest = start if self.earliest is None else min(start, self.earliest)

    def strike_off(self, start: int) -> int | None:
        """A frame came, so what was awaited before it will not come any more: the first such start, if any."""
        first = None
        while self.awaited and self.awaited[0] <= start:
            expected = heappop(self.awaited)
            first = expected if first is None and expected < start else first
        return first


class Decoder:
    """One open stream. `frames()` yields good frames from the current position on; bad ones are counted.

    Times are whole ticks of the stream's time base after the first frame, so that they compare exactly.
    """

    def __init__(self, info: VideoInfo, *, keyframes_only: bool) -> None:
        self._info = info
        self.keyframes_only = keyframes_only
        self.num_bad_frames = 0
        self.num_decoded_frames = 0
        self.problems: list[str] = []
        self.last_bad_reason = ""
        self.stopped = False  # set from another thread to end a long run of decoding
        self._open()
        self.ticks_per_second = 1 / (self._stream.time_base or Fraction(1, 1000))
        self._first_pts = round(info.start_seconds * self.ticks_per_second)
        self.interval = max(1, round(float(self.ticks_per_second) / info.frame_rate))
        self.read_until = 0  # the end of the last packet that was there, good or bad
        self.tail_gap_start: int | None = None  # where frames were lost after the last good one

    def _open(self) -> None:
        self._container = open_container(self._info.path)
        try:
            self._stream = video_stream(self._container, self._info.path)
        except BaseException:
            self._container.close()
            raise
        for other in self._container.streams:
            if other.index != self._stream.index:
                other.discard = Discard.all
        threads_on_frames = self._info.num_frames >= _FRAME_THREADS_FROM_FRAMES and not self.keyframes_only
        self._stream.codec_context.thread_type = "AUTO" if threads_on_frames else "SLICE"

    def close(self) -> None:
        """Close the file; the decoder is of no use afterwards."""
        self._container.close()

    def rewind(self) -> None:
        """Back to the very start. A fresh container gets there even where seeking does not work."""
        self.close()
        self._open()

    def seek(self, ticks: int) -> bool:
        """Go to a key frame at or before a moment; False if the container cannot. The caller checks where it landed."""
        try:
            self._container.seek(self._first_pts + ticks, stream=self._stream, backward=True)
        except (av.error.FFmpegError, OSError):
            return False
        return True

    def keyframe_before(self, ticks: int) -> int | None:
        """The last key frame up to a moment, if an index tells. A hint only: some hold decoding times."""
        entries = self._stream.index_entries
        position = entries.search_timestamp(self._first_pts + ticks, backward=True) if len(entries) > 1 else -1
        if not 0 <= position < len(entries) - 1:
            return None  # the index may still be growing: nothing in it says what lies beyond its last entry
        return entries[position].timestamp - self._first_pts

    def frames(self) -> Generator[Shown, None, None]:
        """Good frames with ascending times from here to the end; call it again after each seek."""
        run = _Run()
        for packet in resilient_packets(self._container, self._stream, self.problems):
            if self.stopped:
                return
            self._expect(packet, run)
            for frame in self._decode(packet):
                start = self._start(frame, run)
                if start is None:
                    continue
                if frame.is_corrupt or start in run.corrupt:
                    self._bad("a damaged picture")
                    continue
                run.last_start = start
                gap_start = run.strike_off(start)
                self.num_decoded_frames += 1
                yield Shown(
                    frame,
                    start,
                    start + (frame.duration or self.interval),
                    # Without damage, a packet without a frame of its own is a second field or a hidden reference.
                    gap_start if self.num_bad_frames else None,
                )
        self.tail_gap_start = run.strike_off(self.read_until) if self.num_bad_frames else None

    def _expect(self, packet: "Packet[Any]", run: _Run) -> None:
        stamp = packet.pts if packet.pts is not None else packet.dts
        if not packet.size or stamp is None or packet.is_discard:
            return
        start = stamp - self._first_pts + run.shift
        if packet.is_corrupt and self._info.container not in _COARSELY_CORRUPT:
            run.corrupt.add(start)
        self.read_until = max(self.read_until, start + (packet.duration or self.interval))
        if packet.is_keyframe or not self.keyframes_only:
            run.expect(start)

    def _start(self, frame: VideoFrame, run: _Run) -> int | None:
        """When a frame comes on screen; None for one that does not: left over from before a seek, or a double."""
        stamp = frame.pts if frame.pts is not None else frame.dts
        if stamp is None:
            return 0 if run.last_start is None else run.last_start + self.interval
        start = stamp - self._first_pts + run.shift
        if run.last_start is None or start > run.last_start:
            return None if run.earliest is not None and start < run.earliest else start
        back = run.last_start - start
        if self._info.container not in RESTARTING_CONTAINERS or back < RESTART_SECONDS * self.ticks_per_second:
            return None
        run.shift += back + self.interval
        return run.last_start + self.interval

    def _decode(self, packet: "Packet[Any]") -> list[VideoFrame]:
        context = self._stream.codec_context
        try:
            if not self.keyframes_only:
                return context.decode(packet)
            if not packet.is_keyframe:
                return []
            # Drained one by one: without the frames between them, decoders can mistake the order of key frames.
            frames = context.decode(packet) + context.decode(None)
            context.flush_buffers()
            if not frames:
                self._bad("no picture comes out of it")
            return frames
        except (av.error.FFmpegError, OSError, ValueError) as error:
            self._bad(reason(error))
            return []

    def _bad(self, why: str) -> None:
        self.num_bad_frames += 1
        self.last_bad_reason = why
