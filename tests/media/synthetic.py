"""Small videos whose every picture says which one it is."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.stream import Disposition
from av.video.stream import VideoStream
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

_BLOCKS = 4  # a side: the corners show which way is up, the other 12 are the bits of the index
_CORNERS = {(0, 0): 1, (0, 3): 0, (3, 0): 0, (3, 3): 0}
_BIT_BLOCKS = [(row, column) for row in range(_BLOCKS) for column in range(_BLOCKS) if (row, column) not in _CORNERS]


def picture(index: int, width: int, height: int) -> Picture:
    """A black and white pattern: upright, its top left block is white."""
    blocks = np.zeros((_BLOCKS, _BLOCKS), dtype=np.uint8)
    blocks[0, 0] = 1
    for bit, (row, column) in enumerate(_BIT_BLOCKS):
        blocks[row, column] = index >> bit & 1
    rows = np.arange(height) * _BLOCKS // height
    columns = np.arange(width) * _BLOCKS // width
    gray = 20 + 215 * blocks[rows][:, columns]
    return np.repeat(gray[..., None], 3, axis=2).astype(np.uint8)


def read_index(frame: Picture) -> int:
    """Which picture this is; fails if it is not upright or not clear."""
    height, width = frame.shape[:2]
    gray = frame.mean(axis=2)
    index = 0
    for row in range(_BLOCKS):
        for column in range(_BLOCKS):
            y, x = (2 * row + 1) * height // (2 * _BLOCKS), (2 * column + 1) * width // (2 * _BLOCKS)
            level = float(gray[y - 1 : y + 2, x - 1 : x + 2].mean())
            assert level < 80 or level > 170, f"block {row},{column} is {level:.0f}: neither black nor white"
            bit = int(level > 128)
            if (row, column) in _CORNERS:
                assert bit == _CORNERS[row, column], f"corner {row},{column} is {bit}: the picture is not upright"
            else:
                index |= bit << _BIT_BLOCKS.index((row, column))
    return index


@dataclass(frozen=True)
class Recipe:
    """A video to make. `ticks` are the frames' PTS in `time_base`; frame i shows picture i."""

    ticks: Sequence[int]
    time_base: Fraction = Fraction(1, 25)
    suffix: str = ".mp4"
    codec: str = "libx264"
    pixel_format: str = "yuv420p"
    width: int = 160
    height: int = 96
    gop: int = 25
    num_b_frames: int = 0
    options: dict[str, str] = field(default_factory=dict)
    container_options: dict[str, str] = field(default_factory=dict)
    rotation_degrees: int = 0  # clockwise, that a player has to apply
    mirrored: bool = False  # a player has to swap left and right before rotating
    pixel_aspect: Fraction | None = None

    @property
    def rate(self) -> Fraction:
        """What the encoder is told: the spacing of the first two frames."""
        return 1 / ((self.ticks[1] - self.ticks[0]) * self.time_base) if len(self.ticks) > 1 else Fraction(25)

    @property
    def times_seconds(self) -> NDArray[np.float64]:
        """When each frame is shown, after the first."""
        return np.array([float((tick - self.ticks[0]) * self.time_base) for tick in self.ticks])

    def shown_at(self, time_seconds: float, grace_seconds: float = 1e-6) -> int:
        """The frame on screen: the last that begins by then."""
        return max(0, int(np.searchsorted(self.times_seconds, time_seconds + grace_seconds, side="right")) - 1)


def constant(num_frames: int, start: int = 0) -> range:
    """Ticks of a constant rate."""
    return range(start, start + num_frames)


def write(recipe: Recipe, folder: Path, name: str = "video") -> Path:
    """Encode a recipe."""
    path = folder / f"{name}{recipe.suffix}"
    with av.open(str(path), "w", options=recipe.container_options) as container:
        stream = container.add_stream(recipe.codec, rate=recipe.rate)
        assert isinstance(stream, VideoStream)
        _configure(stream, recipe)
        for index, tick in enumerate(recipe.ticks):
            frame = av.VideoFrame.from_ndarray(stored_picture(recipe, index), format="rgb24")
            frame.pts, frame.time_base = tick, recipe.time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def stored_picture(recipe: Recipe, index: int) -> Picture:
    """The picture that becomes upright when a player turns it as told."""
    swapped = recipe.rotation_degrees in (90, 270)
    width, height = (recipe.height, recipe.width) if swapped else (recipe.width, recipe.height)
    turned = np.rot90(picture(index, width, height), recipe.rotation_degrees // 90)
    return np.ascontiguousarray(turned[:, ::-1] if recipe.mirrored else turned)


def _configure(stream: VideoStream, recipe: Recipe) -> None:
    context = stream.codec_context
    stream.width, stream.height, stream.pix_fmt = recipe.width, recipe.height, recipe.pixel_format
    stream.time_base = context.time_base = recipe.time_base
    context.gop_size = recipe.gop
    context.max_b_frames = recipe.num_b_frames
    context.thread_count = 1  # the same bytes on every machine
    quality = {
        "libx264": {"preset": "veryfast", "crf": "12", "sc_threshold": "0"},
        "mpeg4": {"qscale": "2"},
        "libvpx-vp9": {"cpu-used": "8"},
    }
    context.options = quality.get(recipe.codec, {}) | recipe.options
    if recipe.pixel_aspect is not None:
        context.sample_aspect_ratio = recipe.pixel_aspect
    if recipe.rotation_degrees or recipe.mirrored:
        # av counts counter-clockwise and mirrors after the rotation.
        degrees = recipe.rotation_degrees if recipe.mirrored else -recipe.rotation_degrees
        stream.set_display_rotation(degrees, hflip=recipe.mirrored)


def write_sound(path: Path, codec: str, num_seconds: int = 1, cover: bool = False) -> Path:
    """A file with sound alone, or with a cover picture."""
    with av.open(str(path), "w") as container:
        sound = container.add_stream(codec, rate=8000, layout="mono")
        assert isinstance(sound, AudioStream)
        sound.codec_context.open()  # for its frame size
        if cover:
            art = container.add_stream("mjpeg", rate=1)
            assert isinstance(art, VideoStream)
            art.width, art.height, art.pix_fmt = 64, 64, "yuvj420p"
            art.disposition = Disposition.attached_pic
            still = av.VideoFrame.from_ndarray(picture(1, 64, 64), format="rgb24")
            still.pts = 0
            container.mux(art.encode(still))
            container.mux(art.encode())
        samples = av.AudioFrame.from_ndarray(np.zeros((1, 8000 * num_seconds), np.int16), format="s16", layout="mono")
        samples.sample_rate, samples.pts = 8000, 0
        resampler = av.AudioResampler(format=sound.format.name, frame_size=sound.codec_context.frame_size or 0)
        for frame in [*resampler.resample(samples), None]:
            container.mux(sound.encode(frame))
    return path
