"""Small pictures of moments of a video, as JPEG files."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace

from vamba_cli.errors import MediaError
from vamba_cli.media.frames import FrameReader
from vamba_cli.media.info import VideoInfo
from vamba_cli.media.picture import Picture
from vamba_cli.media.plan import FramePlan, limit_edges

# The quantiser of 2 (best) to 31: at 3, a slide of 320 x 180 takes 5 to 15 kB and its headings can be read.
_QUANTISER = 3
# Full chroma: text in colour stays sharp, for a quarter more bytes.
_PIXEL_FORMAT = "yuv444p"
_GREY = 128
_CHUNK_FRAMES = 8


def posters(info: VideoInfo, times_seconds: Sequence[float], width: int = 320) -> tuple[bytes, ...]:
    """One upright JPEG file per moment, none of its edges longer than `width` pixels.

    Where a picture cannot be decoded the poster before it stands in, or a grey one where there is none: a damaged file
    has posters, too.
    """
    if not times_seconds:
        return ()
    width, height = limit_edges(info.width, info.height, longest_edge=width, shortest_edge=None)
    order = sorted(range(len(times_seconds)), key=lambda index: times_seconds[index])  # the reader goes forward
    rising = tuple(max(0.0, times_seconds[index]) for index in order)
    files: list[bytes] = []
    plan = FramePlan(rising + rising[-1:] * (len(rising) % 2), 0.0, width, height, "seek", ())
    try:
        with FrameReader(info, plan, chunk_frames=_CHUNK_FRAMES) as reader:
            for chunk in reader:
                files += map(_jpeg, chunk.frames)
    except MediaError:
        pass  # not one picture is there, or the file has gone
    if not files:
        files = [_jpeg(np.full((height, width, 3), _GREY, np.uint8))]
    files += files[-1:] * (len(rising) - len(files))
    placed = dict(zip(order, files, strict=False))
    return tuple(placed[index] for index in range(len(times_seconds)))


def _jpeg(picture: Picture) -> bytes:
    """A picture (height, width, 3) as a file of its own."""
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24").reformat(
        format=_PIXEL_FORMAT, dst_colorspace=Colorspace.ITU601, dst_color_range=ColorRange.JPEG
    )
    frame.pts = 0
    encoder = VideoCodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, _PIXEL_FORMAT
    encoder.time_base, encoder.color_range = Fraction(1), ColorRange.JPEG
    encoder.qmin = encoder.qmax = _QUANTISER
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])
