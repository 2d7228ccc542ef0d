"""Each picture encodes its own number, so these tests read back which frame came."""

import threading
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.media.conftest import LONG, Make
from tests.media.reading import assert_right_frames, read
from tests.media.synthetic import Recipe, constant, picture, read_index, write
from vamba_cli.errors import MediaError, UsageError
from vamba_cli.media.frames import FrameChunk, FrameReader
from vamba_cli.media.plan import Sampling, Strategy, plan_frames
from vamba_cli.media.probe import probe

MILLI = Fraction(1, 1000)
IRREGULAR = (0, 40, 80, 1000, 1040, 1085, 1120, 3000, 3500, 3517, 3540, 3561, 3580, 6000, 6040)
QUIET_X265 = {"x265-params": "log-level=none"}

RECIPES = {
    "constant rate with B-frames": Recipe(constant(60), num_b_frames=2),
    "variable rate in Matroska": Recipe(IRREGULAR, MILLI, ".mkv", num_b_frames=2),
    "variable rate in MP4": Recipe(IRREGULAR, MILLI, ".mp4", num_b_frames=2),
    "WebM": Recipe(constant(50), suffix=".webm", codec="libvpx-vp9"),
    "AVI, a tick a frame": Recipe(constant(50), suffix=".avi", codec="mpeg4"),
    "AVI with B-frames, which it has no times for": Recipe(
        constant(50), suffix=".avi", codec="libx264", num_b_frames=2
    ),
    "starts at 10 s in MPEG-TS": Recipe(constant(60, start=250), suffix=".ts", num_b_frames=2),
    "starts at 4 s in Matroska": Recipe(constant(60, start=100), suffix=".mkv", num_b_frames=2),
    "programme stream": Recipe(constant(60), suffix=".mpg", codec="mpeg2video", num_b_frames=2),
    "no times at all": Recipe(constant(60), suffix=".h264", num_b_frames=2),
    "GIF": Recipe(constant(10), suffix=".gif", codec="gif", pixel_format="rgb8"),
    "odd size": Recipe(constant(30), suffix=".mkv", codec="ffv1", width=161, height=97),
    "10 bits": Recipe(constant(30), pixel_format="yuv420p10le"),
    "10 bits HEVC": Recipe(constant(30), codec="libx265", pixel_format="yuv420p10le", options=QUIET_X265),
    "full range": Recipe(constant(30), suffix=".avi", codec="mjpeg", pixel_format="yuvj420p"),
    "29.97": Recipe(range(0, 60 * 1001, 1001), Fraction(1, 30000)),
    "29.97 rounded to milliseconds": Recipe(range(0, 60 * 1001, 1001), Fraction(1, 30000), ".mkv"),
    "one frame": Recipe([0]),
}


@pytest.mark.parametrize("sampling", [Sampling(fps=50), Sampling(num_frames=14), Sampling(fps=3)], ids=str)
@pytest.mark.parametrize("name", RECIPES)
def test_the_right_frames_come(name: str, sampling: Sampling, make: Make) -> None:
    recipe = RECIPES[name]
    reading = read(make(recipe), sampling)
    assert_right_frames(reading, recipe)
    assert len(reading.frames) == len(reading.plan.times_seconds)
    assert (reading.num_bad_frames, reading.warnings) == (0, [])


@pytest.mark.parametrize("name", ["constant rate with B-frames", "29.97", "29.97 rounded to milliseconds", "10 bits"])
def test_at_the_native_rate_every_frame_comes_once(name: str, make: Make) -> None:
    recipe = RECIPES[name]
    reading = read(make(recipe), Sampling(fps=1000))
    assert reading.indices == list(range(len(recipe.ticks)))


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_rotation(degrees: int, mirrored: bool, make: Make) -> None:
    recipe = Recipe(constant(4), rotation_degrees=degrees, mirrored=mirrored)
    reading = read(make(recipe), Sampling(fps=25))
    upright = (96, 160) if degrees in (90, 270) else (160, 96)
    assert (reading.info.width, reading.info.height) == upright
    assert (reading.info.rotation_degrees, reading.info.mirrored) == (degrees, mirrored)
    assert_right_frames(reading, recipe)


@pytest.mark.parametrize(
    ("aspect", "degrees", "size"),
    [
        (Fraction(16, 11), 0, (233, 96)),
        (Fraction(1, 2), 0, (80, 96)),
        (Fraction(16, 11), 90, (96, 233)),
        (Fraction(224, 225), 0, (160, 96)),  # next to square: not worth the blur
        (Fraction(1, 100), 0, (160, 96)),  # absurd
    ],
)
def test_pixel_aspect(aspect: Fraction, degrees: int, size: tuple[int, int], make: Make) -> None:
    recipe = Recipe(constant(4), pixel_aspect=aspect, rotation_degrees=degrees)
    reading = read(make(recipe), Sampling(fps=25))
    assert (reading.info.width, reading.info.height) == size
    assert_right_frames(reading, recipe)


def test_edge_limits_scale_the_frames(make: Make) -> None:
    recipe = Recipe(constant(4), width=320, height=192)
    reading = read(make(recipe), Sampling(fps=25, longest_edge=100))
    assert reading.frames.shape == (4, 60, 100, 3)
    assert_right_frames(reading, recipe)


@pytest.mark.parametrize("strategy", ["sequential", "seek"])
@pytest.mark.parametrize(
    ("sampling", "num_frames"),
    [
        (Sampling(fps=2, start_seconds=9.3, end_seconds=15.3), 12),
        (Sampling(num_frames=8, start_seconds=22.0), 8),
        (Sampling(fps=25, start_seconds=23.9), 4),  # three are left, the last stands twice
        (Sampling(fps=25, end_seconds=0.01), 2),
        (Sampling(fps=1, end_seconds=100), 24),
        (Sampling(fps=25, max_frames=11), 10),
    ],
    ids=str,
)
def test_spans_and_limits(sampling: Sampling, num_frames: int, strategy: Strategy, long_video: Path) -> None:
    reading = read(long_video, sampling, strategy)
    assert len(reading.frames) == num_frames
    assert_right_frames(reading, LONG)


def test_a_lone_frame_stands_twice(make: Make) -> None:
    reading = read(make(Recipe(constant(10))), Sampling(num_frames=1))
    assert reading.indices == [0, 0]
    assert reading.times_seconds.tolist() == [0, 0]


def test_chunks_do_not_share_memory(long_video: Path) -> None:
    info = probe(long_video)
    with FrameReader(info, plan_frames(info, Sampling(num_frames=12)), chunk_frames=4) as reader:
        first = next(reader)
        before = first.frames.copy()
        list(reader)
    np.testing.assert_array_equal(first.frames, before)


def test_large_pictures_come_in_smaller_chunks(make: Make) -> None:
    info = probe(make(Recipe(constant(12), width=64, height=64)))
    plan = plan_frames(info, Sampling(fps=25, shortest_edge=6000))
    with FrameReader(info, plan, chunk_frames=32) as reader:
        assert next(reader).frames.shape == (2, 6000, 6000, 3)


def test_another_thread_may_read_and_close(long_video: Path) -> None:
    info = probe(long_video)
    chunks: list[FrameChunk] = []
    with FrameReader(info, plan_frames(info, Sampling(fps=25)), chunk_frames=2) as reader:
        thread = threading.Thread(target=lambda: chunks.extend(reader))
        thread.start()
        while not chunks:
            thread.join(0.001)
    thread.join(10)
    assert not thread.is_alive()
    assert 0 < len(chunks) < 300
    assert [read_index(frame) for frame in chunks[0].frames] == [0, 1]


def test_a_closed_reader_is_empty(long_video: Path) -> None:
    info = probe(long_video)
    reader = FrameReader(info, plan_frames(info, Sampling(num_frames=4)))
    reader.close()
    reader.close()
    assert list(reader) == []


def test_a_file_that_went_away(tmp_path: Path) -> None:
    path = write(Recipe(constant(4)), tmp_path)
    info = probe(path)
    path.unlink()
    with FrameReader(info, plan_frames(info, Sampling())) as reader, pytest.raises(MediaError, match="does not exist"):
        next(reader)


@pytest.mark.parametrize("chunk_frames", [0, 1, 3])
def test_odd_chunks_are_refused(chunk_frames: int, long_video: Path) -> None:
    info = probe(long_video)
    with pytest.raises(UsageError, match=f"chunk_frames {chunk_frames} "):
        FrameReader(info, plan_frames(info, Sampling()), chunk_frames=chunk_frames)


def test_the_helper_can_fail() -> None:
    with pytest.raises(AssertionError, match="not upright"):
        read_index(picture(5, 160, 96)[:, ::-1])
