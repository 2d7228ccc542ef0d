"""What a file is: its header, checked against its first and last packets and its first frame."""

from fractions import Fraction
from pathlib import Path

from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vamba_cli.errors import MediaError
from vamba_cli.media.info import VideoInfo
from vamba_cli.media.picture import HDR_TRANSFERS, Orientation, displayed_size, orientation
from vamba_cli.media.scan import Scan, find_end, is_variable, keyframe_spacing, measured_rate, scan_start
from vamba_cli.media.source import open_container, video_stream

__all__ = ["VideoInfo", "probe"]

# 16K pictures pass; beyond, one frame takes gigabytes, and a few bytes of file can ask for it.
_MAX_PIXELS = 15_360 * 8_640
_MAX_RATE = 1000
_FALLBACK_RATE = 25.0
_IMAGE_CODECS = ("png", "apng", "mjpeg", "gif", "webp", "bmp", "tiff", "jpegxl", "av1", "hevc")


def probe(path: Path) -> VideoInfo:
    """Read what a video file says of itself and check it.

    Raises:
        MediaError: it is not a local file with pictures that can be decoded; the message says why and what to do.
    """
    path = Path(path)
    with open_container(path) as container:
        stream = video_stream(container, path)
        problems: list[str] = []
        scan = scan_start(container, stream, problems)
        if scan.first_frame is None:
            raise MediaError(_nothing_decodes(path, stream, scan))
        info = _describe(path, container, stream, scan, scan.first_frame, problems)
    if info.width * info.height > _MAX_PIXELS:
        raise MediaError(
            f"{path} has pictures of {info.width}x{info.height}, more than the {_MAX_PIXELS:,} pixels that are read: "
            "scale it down first"
        )
    return info


def _describe(
    path: Path, container: InputContainer, stream: VideoStream, scan: Scan, frame: VideoFrame, problems: list[str]
) -> VideoInfo:
    ticks_per_second = 1 / (stream.time_base or Fraction(1, 1000))
    frame_rate = _frame_rate(stream, scan, ticks_per_second)
    first = _first(frame, scan)
    interval = max(1, round(float(ticks_per_second) / frame_rate))
    end = find_end(container, stream, scan, ticks_per_second, interval, problems)
    # Where only decoding times are known, those of packets run ahead of those of frames.
    begin = first if frame.pts is not None else min(scan.starts, default=first)
    duration_seconds = max(float((end - begin) / ticks_per_second), 1 / frame_rate)
    keyframe_ticks = keyframe_spacing(stream, scan)
    turn = orientation(frame)
    if turn is None:
        problems.append("its rotation is not a quarter turn and is not applied")
        turn = Orientation(mirrored=False, rotation_degrees=0)
    width, height = displayed_size(frame.width, frame.height, stream.sample_aspect_ratio, turn)
    if len(container.streams.video) > 1:
        problems.append(
            f"it has {len(container.streams.video)} video streams: stream {stream.index} ({width}x{height}) is used"
        )
    return VideoInfo(
        path=path,
        size_bytes=path.stat().st_size,
        container=container.format.name,
        codec=stream.codec_context.codec.canonical_name,
        pixel_format=frame.format.name,
        width=width,
        height=height,
        rotation_degrees=turn.rotation_degrees,
        duration_seconds=duration_seconds,
        start_seconds=float(first / ticks_per_second),
        frame_rate=frame_rate,
        num_frames=_num_frames(stream, scan, duration_seconds * frame_rate),
        keyframe_seconds=float(keyframe_ticks / ticks_per_second) if keyframe_ticks else duration_seconds,
        hdr=frame.color_trc in HDR_TRANSFERS,
        variable_frame_rate=is_variable(stream, scan),
        audio_streams=len(container.streams.audio),
        subtitle_streams=len(container.streams.subtitles),
        is_image=scan.complete and scan.num_packets == 1 and stream.codec_context.codec.canonical_name in _IMAGE_CODECS,
        warnings=tuple(dict.fromkeys(problems)),
        mirrored=turn.mirrored,
    )


def _first(frame: VideoFrame, scan: Scan) -> int:
    """The first frame's PTS in ticks; broken files may lack it."""
    stamps = [stamp for stamp in (frame.pts, frame.dts, *sorted(scan.starts)[:1]) if stamp is not None]
    return stamps[0] if stamps else 0


def _num_frames(stream: VideoStream, scan: Scan, expected: float) -> int:
    if scan.complete:
        return len(scan.starts) or scan.num_packets
    return stream.frames or max(1, round(expected))


def _frame_rate(stream: VideoStream, scan: Scan, ticks_per_second: Fraction) -> float:
    """The rate that the header gives or implies, unless reading the whole file showed another."""
    # An average over the file is off even at a constant rate where the last frame stays longer.
    variable = is_variable(stream, scan)
    claims = (stream.average_rate,) if variable else (stream.guessed_rate, stream.average_rate, stream.base_rate)
    claimed = next((float(claim) for claim in claims if claim and 0 < claim <= _MAX_RATE), None)
    measured = measured_rate(scan, ticks_per_second)
    if measured is None or not 0 < measured <= _MAX_RATE:
        return claimed or _FALLBACK_RATE
    wrong = claimed is None or (scan.complete and abs(measured / claimed - 1) > 0.02)
    return measured if claimed is None or wrong else claimed


def _nothing_decodes(path: Path, stream: VideoStream, scan: Scan) -> str:
    if scan.num_packets == 0:
        return f"{path} has a video stream without a single picture: it was cut off; get the whole file"
    codec = stream.codec_context.codec.canonical_name
    why = scan.bad_reason or "no picture comes out"
    hint = (
        "animated WebP is not supported; convert it to MP4 or GIF" if codec == "webp" else "it is damaged or encrypted"
    )
    return f"{path}: not one picture of its {codec} video could be decoded ({why}): {hint}"
