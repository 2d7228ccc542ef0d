"""What the packets of a video say of its times: read at the start and at the end, never for longer than bounded."""

import statistics
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vamba_cli.media.decode import RESTART_SECONDS, RESTARTING_CONTAINERS, resilient_packets
from vamba_cli.media.source import reason
from vamba_cli.timecode import clock

# Enough packets to see how frames are spaced; without an index also key frames: a minute at 25 fps.
_HEAD_PACKETS = 250
_HEAD_PACKETS_WITHOUT_INDEX = 1500
_HEAD_BYTES = 16 << 20
# Reading on, for want of a duration or of one good frame, ends after this long; what was found until then counts.
_SCAN_SECONDS = 60.0
_RESTART_SCAN_SECONDS = 10.0
# Below this size a recording whose clock may restart is read through; above, its last packets are believed.
_READ_THROUGH_BYTES = 2 << 30
_MAX_INDEX_ENTRIES = 20_000
_TAIL_SECONDS = (2, 8, 32, 128, 512, 2048, 8192, 32768)
# Containers round and pad their durations; more than this missing at the end means cut off.
_CUT_OFF_SECONDS = 1.0


@dataclass(slots=True)
class Scan:
    """Times in ticks of the stream's time base, as the packets have them."""

    first_frame: VideoFrame | None = None
    starts: set[int] = field(default_factory=set)  # a hidden reference frame shares its start with the next frame
    keyframes: list[int] = field(default_factory=list)
    num_packets: int = 0
    num_bytes: int = 0
    end: int | None = None
    complete: bool = False  # the whole file was read
    bad_reason: str = ""
    last_decode_time: int | None = None
    restarted: int = 0  # what a clock that started anew was set back by, in all


def scan_start(container: InputContainer, stream: VideoStream, problems: list[str]) -> Scan:
    """Read until the first good frame and the spacing are known; to the end where nothing tells the duration."""
    scan = Scan()
    no_end = claimed_end(container, stream) is None
    read_all = no_end or _may_restart(container)
    patience_seconds = _RESTART_SCAN_SECONDS if read_all and not no_end else _SCAN_SECONDS
    deadline = time.monotonic() + patience_seconds
    enough = _HEAD_PACKETS if len(_index_keyframes(stream)) > 1 else _HEAD_PACKETS_WITHOUT_INDEX
    for packet in resilient_packets(container, stream, problems):
        _note(scan, packet, container, stream)
        if scan.first_frame is None:
            _decode(scan, packet, stream)
        elif not read_all and (scan.num_packets >= enough or scan.num_bytes >= _HEAD_BYTES):
            return scan
        if time.monotonic() > deadline:
            if no_end:
                problems.append(f"its end was not reached in {patience_seconds:.0f} s of reading: the rest is left out")
            return scan
    scan.complete = True
    return scan


def claimed_end(container: InputContainer, stream: VideoStream) -> int | None:
    """Where the header says that the video ends, in ticks; not to be trusted."""
    if stream.time_base is None:
        return None
    if stream.duration:
        return (stream.start_time or 0) + stream.duration
    if container.duration:
        micros = Fraction((container.start_time or 0) + container.duration, av.time_base)
        return round(micros / stream.time_base)
    return None


def find_end(
    container: InputContainer,
    stream: VideoStream,
    scan: Scan,
    ticks_per_second: Fraction,
    interval: int,
    problems: list[str],
) -> int:
    """The end of the last frame that is really there. Moves the container."""
    claimed = claimed_end(container, stream)
    if scan.complete or claimed is None:
        video_end = file_end = scan.end if scan.end is not None else scan.num_packets * interval
    else:
        tail = _scan_tail(container, stream, claimed, ticks_per_second, interval)
        if tail is None:
            return claimed
        video_end, file_end = tail
    if claimed is not None and scan.restarted == 0:
        # Some containers count their duration from 0, others from their start: only what both lack is missing.
        lead = 0 if stream.duration else round(max(0, container.start_time or 0) * ticks_per_second / av.time_base)
        if claimed - lead - file_end > _CUT_OFF_SECONDS * ticks_per_second:
            first = min(scan.starts, default=0)
            problems.append(
                f"the file is cut off: it should last {clock(float((claimed - lead - first) / ticks_per_second))}, "
                f"but its pictures end at {clock(float((video_end - first) / ticks_per_second))}"
            )
    return video_end


def keyframe_spacing(stream: VideoStream, scan: Scan) -> int | None:
    """Usual distance of key frames in ticks; None if only one is known."""
    known = max(_index_keyframes(stream), scan.keyframes, key=len)
    return round(statistics.median(_gaps(known))) if len(known) > 1 else None


def is_variable(stream: VideoStream, scan: Scan) -> bool:
    """Whether more than one in a hundred frames stays on screen clearly longer or shorter than is usual."""
    entries = stream.index_entries
    # Only MP4 and the like index every frame. Elsewhere the first packets must do, less those with unread neighbours.
    stamps = {entry.timestamp for entry in entries[:_MAX_INDEX_ENTRIES]}
    if len(stamps) < len(scan.starts):
        unread = 0 if scan.complete else stream.codec_context.reorder_depth + 1
        stamps = set(sorted(scan.starts)[: len(scan.starts) - unread])
    gaps = _gaps(stamps)
    if len(gaps) < 2:
        return False
    usual = statistics.median(gaps)
    odd = sum(abs(gap - usual) > max(0.2 * usual, 2) for gap in gaps)
    return odd > len(gaps) / 100


def measured_rate(scan: Scan, ticks_per_second: Fraction) -> float | None:
    """Frames per second over the packets that were read."""
    if len(scan.starts) < 2:
        return None
    return float((len(scan.starts) - 1) * ticks_per_second / (max(scan.starts) - min(scan.starts)))


def _may_restart(container: InputContainer) -> bool:
    return container.format.name in RESTARTING_CONTAINERS and container.size <= _READ_THROUGH_BYTES


def _note(scan: Scan, packet: "Packet[Any]", container: InputContainer, stream: VideoStream) -> None:
    if not packet.size or packet.is_discard:
        return
    scan.num_packets += 1
    scan.num_bytes += packet.size
    stamp = packet.pts if packet.pts is not None else packet.dts
    if stamp is None:
        return
    decode_time = packet.dts if packet.dts is not None else stamp
    base = stream.time_base or Fraction(1)
    if scan.last_decode_time is not None and container.format.name in RESTARTING_CONTAINERS:
        back = scan.last_decode_time - decode_time
        if back * base > RESTART_SECONDS:
            scan.restarted += back + (packet.duration or 0)
    scan.last_decode_time = decode_time
    stamp += scan.restarted
    scan.starts.add(stamp)
    scan.end = max(scan.end or stamp, stamp + (packet.duration or 0))
    if packet.is_keyframe:
        scan.keyframes.append(stamp)


def _decode(scan: Scan, packet: "Packet[Any]", stream: VideoStream) -> None:
    try:
        frames = stream.codec_context.decode(packet)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        scan.bad_reason = reason(error)
        return
    scan.first_frame = next((frame for frame in frames if not frame.is_corrupt), None)


def _scan_tail(
    container: InputContainer, stream: VideoStream, claimed: int, ticks_per_second: Fraction, interval: int
) -> tuple[int, int] | None:
    """Ends of the last video packet and of the last packet of any kind, looking ever further back for one."""
    deadline = time.monotonic() + _SCAN_SECONDS
    for tail_seconds in _TAIL_SECONDS:
        start = claimed - round(tail_seconds * ticks_per_second)
        try:
            container.seek(max(start, stream.start_time or 0), stream=stream, any_frame=True)
        except (av.error.FFmpegError, OSError):
            return None
        video_end = file_end = None
        for packet in resilient_packets(container, None, []):
            stamp = packet.pts if packet.pts is not None else packet.dts
            if not packet.size or stamp is None or packet.time_base is None:
                continue
            end = round((stamp + (packet.duration or 0)) * packet.time_base * ticks_per_second)
            file_end = max(file_end or end, end)
            if packet.stream_index == stream.index:
                video_end = max(video_end or 0, end, stamp + (packet.duration or interval))
            if time.monotonic() > deadline:
                return None
        if video_end is not None and file_end is not None:
            return video_end, file_end
        if start <= (stream.start_time or 0):
            break
    return None


def _index_keyframes(stream: VideoStream) -> list[int]:
    return [entry.timestamp for entry in stream.index_entries[:_MAX_INDEX_ENTRIES] if entry.is_keyframe]


def _gaps(stamps: Iterable[int]) -> list[int]:
    ordered = sorted(stamps)
    return [later - earlier for earlier, later in pairwise(ordered)]
