"""Decoded frames of one stream in display order with their times, whatever state the file is in."""

from bisect import bisect_left
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from heapq import heappop, heappush
from typing import Any, Literal, cast

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vamba_cli.media.h264 import Kind, h264_packets
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


# What a decoder spreads over the cores: whole frames are fastest, but each costs a quarter more processor time.
Threads = Literal["frames", "slices", "none"]
# Decoding is never further ahead of showing than the frames that a decoder may hold.
_MOST_EARLY_FRAMES = 16
# So many packets back, the start of the picture that follows another on screen is remembered.
_KNOWN_PACKETS = 16


@dataclass(frozen=True, slots=True)
class Shown:
    """A good frame and the ticks, counted from the first frame of the video, between which it is on screen."""

    frame: VideoFrame | None  # None if it comes next but was not decoded yet
    start: int
    end: int
    gap_start: int | None  # where the first frame was lost between the one before and this one
    left_out_start: int | None  # where the first frame was left out between the one before and this one


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
    left_out: list[int] = field(default_factory=list)  # a heap: starts of packets that were not decoded
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

    def pass_left_out(self, start: int) -> int | None:
        """The first frame that was left out since the last call and before this start."""
        first = None
        while self.left_out and self.left_out[0] < start:
            passed = heappop(self.left_out)
            first = passed if first is None else first
        return first


class Decoder:
    """One open stream. `frames()` yields good frames from the current position on; bad ones are counted.

    Times are whole ticks of the stream's time base after the first frame, so that they compare exactly.

    Once told what is wanted, it may leave out frames that are on screen at none of those moments, if no other frame is
    decoded from them. `doubtful` says that this may have gone wrong: a wanted frame is lost, and one that was left out
    would have to stand in for it.
    """

    def __init__(self, info: VideoInfo, *, keyframes_only: bool, threads: Threads = "frames") -> None:
        self._info = info
        self.keyframes_only = keyframes_only
        self._threads = threads
        self._wanted: Sequence[int] = ()
        self.bad: set[object] = set()  # one entry for each bad frame, equal if it is decoded again
        self.num_decoded_frames = 0
        self.problems: list[str] = []
        self.last_bad_reason = ""
        self.doubtful = False
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
        self.spread(self._threads)
        context = self._stream.codec_context
        plain = self.keyframes_only or self._info.container in RESTARTING_CONTAINERS
        self._h264 = None if plain else h264_packets(context.codec.canonical_name, context.extradata)

    def spread(self, threads: Threads) -> None:
        """Choose what runs beside each other; before the first frame only."""
        short = self._info.num_frames < _FRAME_THREADS_FROM_FRAMES or self.keyframes_only
        self._threads = "slices" if threads == "frames" and short else threads
        context = self._stream.codec_context
        context.thread_type = "AUTO" if self._threads == "frames" else "SLICE"
        context.thread_count = 1 if self._threads == "none" else 0  # 0: as many as there are cores

    def want(self, moments: Sequence[int]) -> None:
        """Frames are wanted at these rising moments only; at none: leave nothing out any more."""
        self._wanted = moments if self._h264 is not None else ()
        self.doubtful = False

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
        """The last key frame up to a moment, if an index tells. A hint only."""
        entries = self._stream.index_entries
        if len(entries) < 2:
            return None
        # MP4 has decoding times there: the first key frame tells how much earlier they are.
        early = max(0, min(self._first_pts - entries[0].timestamp, _MOST_EARLY_FRAMES * self.interval))
        position = entries.search_timestamp(self._first_pts + ticks - early, backward=True)
        if not 0 <= position < len(entries) - 1:
            return None  # the index may still be growing: nothing in it says what lies beyond its last entry
        return entries[position].timestamp + early - self._first_pts

    def frames(self) -> Generator[Shown, None, None]:
        """Good frames with ascending times from here to the end; call it again after each seek."""
        run = _Run()
        packets = resilient_packets(self._container, self._stream, self.problems)
        for packet, kind in self._needed(packets, run):
            if self.stopped:
                return
            if kind is Kind.RESTART and run.last_start is not None and self._threads != "frames":
                yield from self._finish_gop(packet, run)
            self._expect(packet, run)
            yield from self._shown(self._decode(packet), run)
        lost_start = run.strike_off(self.read_until)
        self._doubt_if(lost_start is not None)
        self.tail_gap_start = lost_start if self.bad else None

    def _shown(self, frames: Iterable[VideoFrame], run: _Run) -> Iterator[Shown]:
        for frame in frames:
            start = self._start(frame, run)
            if start is None:
                continue
            if frame.is_corrupt or start in run.corrupt:
                self._bad("a damaged picture", start)
                continue
            lost_start = run.strike_off(start)
            # What is lost before the first frame cannot be a matter of what was left out.
            self._doubt_if(lost_start is not None and run.last_start is not None)
            run.last_start = start
            self.num_decoded_frames += 1
            end = start + (frame.duration or self.interval)
            # Without damage, a packet without a frame of its own is a second field or a hidden reference.
            yield Shown(frame, start, end, lost_start if self.bad else None, run.pass_left_out(start))

    def _finish_gop(self, packet: "Packet[Any]", run: _Run) -> Iterator[Shown]:
        """Get out what the decoder holds back, so that a caller who needs no more does not pay for the next GOP."""
        context = self._stream.codec_context
        yield from self._shown(self._decode(None), run)
        context.flush_buffers()
        start = self._shown_start(packet, run)
        if start is None or run.last_start is None or start <= run.last_start:
            return
        lost_start = run.strike_off(start - 1)
        self._doubt_if(lost_start is not None)
        yield Shown(None, start, start, lost_start if self.bad else None, run.pass_left_out(start))

    def _needed(self, packets: Iterable["Packet[Any]"], run: _Run) -> Iterator[tuple["Packet[Any]", Kind]]:
        """Leave out packets whose frames nobody asked for and no other frame is decoded from."""
        if self._h264 is None:
            yield from ((packet, Kind.OTHER) for packet in packets)
            return
        starts: deque[int] = deque(maxlen=_KNOWN_PACKETS)
        held: tuple[Packet[Any], Kind, int | None] | None = None
        for packet in packets:
            start = self._shown_start(packet, run)
            kind = self._kind(packet)
            if start is not None:
                starts.append(start)
            if held is not None and not self._leave_out(*held, starts, run):
                yield held[:2]
            held = packet, kind, start
        if held is not None:
            yield held[:2]

    def _kind(self, packet: "Packet[Any]") -> Kind:
        if self._h264 is None or not packet.size:
            return Kind.OTHER
        if packet.is_keyframe and packet.has_sidedata("new_extradata"):
            self._h264 = None
            return Kind.OTHER
        return self._h264.kind(memoryview(packet))

    def _leave_out(
        self, packet: "Packet[Any]", kind: Kind, start: int | None, starts: Iterable[int], run: _Run
    ) -> bool:
        """Leave a packet out if the next wanted moment is not before the start of some later frame that is there.

        That holds whatever other frames come: they could only make the time shorter in which it is on screen.
        """
        if kind is not Kind.ALONE or start is None or not self._wanted or packet.is_keyframe:
            return False
        following = bisect_left(self._wanted, start)
        moment = self._wanted[following] if following < len(self._wanted) else None
        if not any(start < other and (moment is None or other <= moment) for other in starts):
            return False
        heappush(run.left_out, start)
        self._reach(packet, start)
        return True

    def _shown_start(self, packet: "Packet[Any]", run: _Run) -> int | None:
        """When the frame of a packet comes on screen, if it surely will."""
        if not packet.size or packet.pts is None or packet.is_discard or packet.is_corrupt:
            return None
        return packet.pts - self._first_pts + run.shift

    def _reach(self, packet: "Packet[Any]", start: int) -> None:
        self.read_until = max(self.read_until, start + (packet.duration or self.interval))

    def _expect(self, packet: "Packet[Any]", run: _Run) -> None:
        stamp = packet.pts if packet.pts is not None else packet.dts
        if not packet.size or stamp is None or packet.is_discard:
            return
        start = stamp - self._first_pts + run.shift
        if packet.is_corrupt and self._info.container not in _COARSELY_CORRUPT:
            run.corrupt.add(start)
        self._reach(packet, start)
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

    def _decode(self, packet: "Packet[Any] | None") -> list[VideoFrame]:
        context = self._stream.codec_context
        try:
            if not self.keyframes_only:
                return context.decode(packet)
            if packet is None or not packet.is_keyframe:
                return []
            # Drained one by one: without the frames between them, decoders can mistake the order of key frames.
            frames = context.decode(packet) + context.decode(None)
            context.flush_buffers()
            if not frames:
                self._bad("no picture comes out of it", packet.pts)
            return frames
        except (av.error.FFmpegError, OSError, ValueError) as error:
            self._bad(reason(error), None if packet is None or packet.pts is None else ("packet", packet.pts))
            return []

    def _bad(self, why: str, which: object) -> None:
        self.bad.add(("unknown", len(self.bad)) if which is None else which)
        self.last_bad_reason = why
        self._doubt_if(True)

    def _doubt_if(self, lost: bool) -> None:
        self.doubtful = self.doubtful or (lost and len(self._wanted) > 0)
