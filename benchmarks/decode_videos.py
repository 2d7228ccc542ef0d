"""The two long videos that `benchmarks/decode.py` reads: a part is encoded once, and its packets are repeated."""

import itertools
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.video.frame import PictureType, VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from av.video.stream import VideoStream

_X264 = {"preset": "veryfast", "crf": "23"}  # 3 B-frames, of which the middle one is a reference


def make_film(path: Path, source: Path) -> None:
    """Ten minutes of 1280x720 at 25 frames a second that always move, a key frame every 10 s."""
    frames = itertools.cycle(list(_frames(source, 1280, 720)))
    options = {"x264-params": "keyint=250:min-keyint=250:scenecut=0"}
    _write(path, itertools.islice(frames, 1500), 25, options, times=10)


def make_lecture(path: Path, source: Path) -> None:
    """An hour of 640x360 slides at 24 frames a second, key frames where x264 sets them."""
    slides = itertools.islice(_frames(source, 640, 360), 900 * 6)  # the lectures have 6 frames a second
    _write(path, itertools.chain.from_iterable(itertools.repeat(slide, 4) for slide in slides), 24, {}, times=4)


def _frames(path: Path, width: int, height: int) -> Iterator[VideoFrame]:
    scaler = VideoReformatter()
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "AUTO"
        for frame in container.decode(video=0):
            scaled = scaler.reformat(frame, width, height, "yuv420p", interpolation=Interpolation.BICUBIC)
            scaled.pict_type = PictureType.NONE  # else x264 would repeat the source's kinds of frames
            yield scaled


def _write(path: Path, frames: Iterable[VideoFrame], rate: int, options: dict[str, str], times: int) -> None:
    """Encode the frames once, then copy their packets so often, one after the other."""
    part = path.with_suffix(".part.mp4")
    with av.open(str(part), "w") as container:
        stream = container.add_stream("libx264", rate=rate)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 0, 0, "yuv420p"
        stream.codec_context.options = _X264 | options
        for index, frame in enumerate(frames):
            if index == 0:
                stream.width, stream.height = frame.width, frame.height
            frame.pts, frame.time_base = index, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with av.open(str(part)) as source, av.open(str(path), "w", options={"movflags": "faststart"}) as target:
        read = source.streams.video[0]
        written = target.add_stream_from_template(read)
        assert read.duration is not None
        for repeat in range(times):
            source.seek(0, stream=read)
            for packet in source.demux(read):
                if packet.dts is None or packet.pts is None:
                    continue
                packet.pts += repeat * read.duration
                packet.dts += repeat * read.duration
                packet.stream = written
                target.mux(packet)
    part.unlink()
