"""A video from still pictures, each shown for some seconds."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from vamba_cli.errors import MediaError, UsageError
from vamba_cli.media.source import reason

_ENCODERS = (("libx264", {"preset": "veryfast", "crf": "20", "tune": "stillimage"}), ("mpeg4", {"qscale": "3"}))


def write_slideshow(path: Path, slides: Sequence[Path], seconds: Sequence[float], fps: int = 6) -> None:
    """Write an MP4 in which each slide stands for its seconds, rounded to whole frames.

    Raises:
        MediaError: a slide cannot be read.
        UsageError: the file cannot be written.
    """
    pictures = [_picture(slide) for slide in slides]
    try:
        with av.open(str(path), "w", format="mp4") as container:
            name, options = next((name, options) for name, options in _ENCODERS if name in av.codecs_available)
            stream = cast(VideoStream, container.add_stream(name, rate=fps, options=options))
            stream.width, stream.height, stream.pix_fmt = pictures[0].width, pictures[0].height, "yuv420p"
            stream.codec_context.gop_size = 10 * fps
            number = 0
            for picture, shown_seconds in zip(pictures, seconds, strict=True):
                for _ in range(round(shown_seconds * fps)):
                    picture.pts, picture.time_base = number, Fraction(1, fps)
                    container.mux(stream.encode(picture))
                    number += 1
            container.mux(stream.encode())
    except (av.error.FFmpegError, OSError) as error:
        if path.is_file():  # what is half written
            path.unlink()
        raise UsageError(f"{path} cannot be written: {reason(error)}; choose another place") from error


def _picture(path: Path) -> VideoFrame:
    try:
        with av.open(str(path), format="png_pipe") as container:
            picture = next(container.decode(video=0)).reformat(format="yuv420p")
    except (av.error.FFmpegError, OSError) as error:
        raise MediaError(f"{path} cannot be read as a picture: {reason(error)}") from error
    picture.pict_type = PictureType.NONE  # as decoded from a PNG every copy would be forced to be a key frame
    return picture
