"""Files that are cut off, scribbled over, joined, or hold no picture: something sensible comes, and it is said."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.media.conftest import LONG, Make
from tests.media.reading import Reading, assert_right_frames, read
from tests.media.synthetic import Recipe, constant, read_index, write
from vamba_cli.errors import MediaError
from vamba_cli.media.frames import FrameReader
from vamba_cli.media.plan import Sampling, Strategy, plan_frames
from vamba_cli.media.probe import probe

KINDS = {
    ".mp4": LONG,
    ".mkv": replace(LONG, suffix=".mkv", container_options={}),
    ".webm": replace(LONG, suffix=".webm", codec="libvpx-vp9", num_b_frames=0, container_options={}),
    ".ts": replace(LONG, suffix=".ts", container_options={}),
    ".avi": replace(LONG, suffix=".avi", codec="mpeg4", num_b_frames=0, container_options={}),
    ".mpg": replace(LONG, suffix=".mpg", codec="mpeg2video", container_options={}),
}


def without_last(reading: Reading) -> Reading:
    """At a cut, frames can be missing that are stored after, but shown before, one that is there."""
    return replace(reading, frames=reading.frames[:-1], times_seconds=reading.times_seconds[:-1])


def cut(path: Path, part: float, folder: Path) -> Path:
    """Only the first part of a file."""
    target = folder / f"cut{path.suffix}"
    target.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    return target


def scribble(path: Path, start: float, num_bytes: int, folder: Path) -> Path:
    """Noise over a part of a file."""
    data = bytearray(path.read_bytes())
    offset = int(len(data) * start)
    data[offset : offset + num_bytes] = np.random.default_rng(0).integers(0, 256, num_bytes, dtype=np.uint8).tobytes()
    target = folder / f"scribbled{path.suffix}"
    target.write_bytes(data)
    return target


@pytest.mark.parametrize("strategy", ["sequential", "seek"])
@pytest.mark.parametrize("suffix", KINDS)
def test_cut_off(suffix: str, strategy: Strategy, make: Make, tmp_path: Path) -> None:
    path = cut(make(KINDS[suffix]), 0.6, tmp_path)
    reading = read(path, Sampling(fps=2), strategy)
    assert 9 < reading.info.duration_seconds < 19
    assert len(reading.frames) == pytest.approx(2 * reading.info.duration_seconds, abs=2)
    assert_right_frames(without_last(reading), KINDS[suffix])
    if suffix in (".mp4", ".mkv", ".webm"):  # the others do not say how long they should be
        assert any("cut off: it should last 0:24" in warning for warning in reading.info.warnings)


def test_cut_off_after_it_was_probed(long_video: Path, tmp_path: Path) -> None:
    path = tmp_path / "growing.mp4"
    path.write_bytes(long_video.read_bytes())
    info = probe(path)
    path.write_bytes(cut(path, 0.6, tmp_path).read_bytes())
    with FrameReader(info, plan_frames(info, Sampling(fps=2))) as reader:
        frames = [frame for chunk in reader for frame in chunk.frames]
    assert [read_index(frame) for frame in frames[:-1]] == [LONG.shown_at(i / 2) for i in range(len(frames) - 1)]
    assert 18 < len(frames) < 48
    assert any("the pictures end before 0:" in warning for warning in reader.warnings)


def test_cut_off_before_the_index(tmp_path: Path) -> None:
    path = cut(write(Recipe(constant(100)), tmp_path), 0.5, tmp_path)
    with pytest.raises(MediaError, match=r"cut\.mp4 cannot be opened as a video: its index \(the 'moov' part"):
        probe(path)


@pytest.mark.parametrize("strategy", ["sequential", "seek"])
@pytest.mark.parametrize("suffix", KINDS)
def test_scribbled(suffix: str, strategy: Strategy, make: Make, tmp_path: Path) -> None:
    recipe = KINDS[suffix]
    reading = read(scribble(make(recipe), 0.45, 400, tmp_path), Sampling(fps=2), strategy)
    assert len(reading.frames) == 48
    assert reading.num_bad_frames < 110
    right = [_shows(frame, recipe.shown_at(index / 2)) for index, frame in enumerate(reading.frames)]
    assert reading.warnings or all(right), "the damage is not mentioned"  # what nobody asked for is not looked at
    assert right[:8] == [True] * 8, "frames of the first GOP, before the damage"
    if suffix != ".avi":  # which has no times, so that lost frames shift all later ones
        assert right[-16:] == [True] * 16, "frames of the last two GOPs, after the damage"


def test_a_lost_frame_has_a_stand_in(tmp_path: Path) -> None:
    """Single packets of a video without references are made unreadable; exactly those moments show the frame before."""
    recipe = Recipe(constant(50), suffix=".avi", codec="mjpeg", pixel_format="yuvj420p")
    path = write(recipe, tmp_path)
    data = bytearray(path.read_bytes())
    starts = [i for i in range(len(data)) if data[i : i + 3] == b"\xff\xd8\xff"]
    for lost in (20, 21, 40):
        data[starts[lost] : starts[lost] + 200] = bytes(200)
    path.write_bytes(data)
    reading = read(path, Sampling(fps=25))
    assert reading.num_bad_frames == 3
    assert reading.indices == [{20: 19, 21: 19, 40: 39}.get(index, index) for index in range(50)]
    assert reading.times_seconds[20:23] == pytest.approx([0.76, 0.76, 0.88])
    assert "3 of 50 wanted frames are missing: the picture before stands in" in reading.warnings


def test_a_bad_beginning(tmp_path: Path) -> None:
    """What comes before the first good picture does not count: time starts with it."""
    recipe = Recipe(constant(50), suffix=".mkv", codec="mjpeg", pixel_format="yuvj420p")
    path = write(recipe, tmp_path)
    data = bytearray(path.read_bytes())
    start = data.find(b"\xff\xd8\xff")
    data[start : start + 200] = bytes(200)
    path.write_bytes(data)
    reading = read(path, Sampling(fps=25))
    assert reading.info.start_seconds == pytest.approx(0.04)
    assert reading.indices == [*range(1, 50), 49]


def test_joined_recordings_whose_clock_starts_anew(tmp_path: Path) -> None:
    """Each lasts 4 s, with a second in its middle in which the picture stands still."""
    recipe = Recipe([*range(50), *range(75, 100)], suffix=".ts", num_b_frames=2)
    path = write(recipe, tmp_path)
    path.write_bytes(path.read_bytes() * 3)
    reading = read(path, Sampling(fps=5))
    assert reading.info.duration_seconds == pytest.approx(12, abs=0.2)
    assert len(reading.frames) == pytest.approx(60, abs=2)
    expected = [recipe.shown_at(index / 5 % 4) for index in range(len(reading.frames))]
    assert all(abs(found - right) <= 1 for found, right in zip(reading.indices, expected, strict=True))
    assert (np.diff(reading.times_seconds) >= 0).all()


def test_not_one_picture_decodes(long_video: Path, tmp_path: Path) -> None:
    data = long_video.read_bytes()
    start = data.index(b"mdat") + 4
    path = tmp_path / "zeros.mp4"
    path.write_bytes(data[:start] + bytes(len(data) - start))
    with pytest.raises(
        MediaError, match=r"zeros\.mp4: not one picture of its h264 video could be decoded \(invalid data"
    ):
        probe(path)


def test_not_one_picture_decodes_any_more(long_video: Path, tmp_path: Path) -> None:
    data = long_video.read_bytes()
    start = data.index(b"mdat") + 4
    path = tmp_path / "broken.mp4"
    path.write_bytes(data)
    info = probe(path)
    path.write_bytes(data[:start] + bytes(len(data) - start))
    for sampling in (Sampling(fps=1), Sampling(num_frames=4), Sampling(keyframes_only=True)):
        why = "there is no key frame" if sampling.keyframes_only else "invalid data"
        message = rf"broken\.mp4: not one of \d+ wanted frames could be decoded \({why}"
        with FrameReader(info, plan_frames(info, sampling)) as reader, pytest.raises(MediaError, match=message):
            next(reader)


def test_not_one_picture_in_the_span(long_video: Path, tmp_path: Path) -> None:
    data = bytearray(long_video.read_bytes())
    path = tmp_path / "half.mp4"
    path.write_bytes(data[: len(data) * 2 // 5] + bytes(len(data) * 3 // 5))
    info = probe(path)
    reading = read(path, Sampling(fps=1, start_seconds=20))
    assert set(reading.indices) <= set(range(300)), "the last good picture stands in"
    assert f"{len(reading.frames)} of 4 wanted frames are missing" in " ".join(reading.warnings)
    assert info.duration_seconds == pytest.approx(24, abs=0.1)


def test_random_damage_never_hangs_or_crashes(long_video: Path, tmp_path: Path) -> None:
    data = np.frombuffer(long_video.read_bytes(), dtype=np.uint8)
    for seed in range(30):
        rng = np.random.default_rng(seed)
        broken = data.copy()
        broken[rng.integers(0, len(data), 1 + seed)] = rng.integers(0, 256, 1 + seed)
        path = tmp_path / "broken.mp4"
        path.write_bytes(broken.tobytes())
        try:
            reading: Reading = read(path, Sampling(num_frames=8))
        except MediaError as error:
            assert str(path) in str(error)
        else:
            assert len(reading.frames) >= 2


def _shows(frame: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], index: int) -> bool:
    try:
        return read_index(frame) == index
    except AssertionError:
        return False
