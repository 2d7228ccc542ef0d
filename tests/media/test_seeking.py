"""Whatever way leads to a frame, it is the same frame."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from av.packet import Packet
from av.video.frame import VideoFrame

from tests.media.conftest import LONG, Make
from tests.media.reading import assert_right_frames, read
from tests.media.synthetic import Recipe, constant
from vamba_cli.media.decode import Decoder
from vamba_cli.media.plan import Sampling, plan_frames
from vamba_cli.media.probe import probe

OPEN_X264 = {"x264-params": "open-gop=1:keyint=100:min-keyint=100:scenecut=0"}
OPEN_X265 = {"x265-params": "log-level=none:open-gop=1:keyint=100:min-keyint=100:scenecut=0"}
RECIPES = {
    "mp4": LONG,
    "mkv": replace(LONG, suffix=".mkv", container_options={}),
    "webm": replace(LONG, suffix=".webm", codec="libvpx-vp9", num_b_frames=0, container_options={}),
    "ts": replace(LONG, suffix=".ts", container_options={}),
    "avi": replace(LONG, suffix=".avi", codec="mpeg4", num_b_frames=0, container_options={}),
    "programme stream": replace(LONG, suffix=".mpg", codec="mpeg2video", container_options={}),
    "flv": replace(LONG, suffix=".flv", container_options={}),
    "open GOPs": replace(LONG, num_b_frames=3, options=OPEN_X264),
    "open GOPs in TS": replace(LONG, suffix=".ts", num_b_frames=3, options=OPEN_X264, container_options={}),
    "open GOPs in HEVC": replace(LONG, codec="libx265", num_b_frames=3, options=OPEN_X265),
    "starts late": replace(LONG, suffix=".mkv", ticks=constant(600, start=5000), container_options={}),
}
NOT_SEEKABLE = ("programme stream",)


@pytest.mark.parametrize("name", RECIPES)
def test_seeking_gives_what_decoding_all_gives(name: str, make: Make) -> None:
    recipe = RECIPES[name]
    path = make(recipe)
    for sampling in (Sampling(num_frames=6), Sampling(num_frames=10, start_seconds=2.9), Sampling(fps=1.3)):
        reading = read(path, sampling, "seek")
        assert_right_frames(reading, recipe)
        assert (reading.num_bad_frames, reading.warnings) == (0, [])
        one_pass = read(path, sampling, "sequential")
        np.testing.assert_array_equal(reading.frames, one_pass.frames)
        np.testing.assert_array_equal(reading.times_seconds, one_pass.times_seconds)


@pytest.mark.parametrize("name", [name for name in RECIPES if name not in NOT_SEEKABLE])
def test_seeking_saves_work(name: str, make: Make) -> None:
    path = make(RECIPES[name])
    few = Sampling(num_frames=2, start_seconds=20.1, end_seconds=20.5)
    assert read(path, few, "seek").num_decoded_frames < 250
    assert read(path, few, "sequential").num_decoded_frames < 250, "the way to the start is a seek, too"


def test_the_plan_chooses_by_the_distance_of_key_frames(long_video: Path) -> None:
    info = probe(long_video)
    assert info.keyframe_seconds == pytest.approx(4)
    assert plan_frames(info, Sampling(fps=5)).strategy == "sequential"
    assert plan_frames(info, Sampling(fps=0.5)).strategy == "seek"
    assert plan_frames(info, Sampling(keyframes_only=True)).strategy == "keyframes"


def test_one_key_frame_is_never_sought(make: Make) -> None:
    info = probe(make(Recipe(constant(100), gop=1000)))
    assert info.keyframe_seconds == info.duration_seconds
    assert plan_frames(info, Sampling(num_frames=2)).strategy == "sequential"


@pytest.mark.parametrize("name", ["mp4", "mkv", "ts", "open GOPs in HEVC", "webm", "programme stream"])
def test_key_frames_only(name: str, make: Make) -> None:
    recipe = RECIPES[name]
    reading = read(make(recipe), Sampling(keyframes_only=True))
    assert reading.warnings == []
    assert reading.num_decoded_frames <= 600 / 12
    shown = [recipe.shown_at(float(time), grace_seconds=5e-4) for time in reading.times_seconds]
    assert reading.indices == shown, "a picture has another frame's time"
    if name not in NOT_SEEKABLE:  # its encoder sets other key frames
        assert reading.indices == [0, 100, 200, 300, 400, 500]
        later = read(reading.info.path, Sampling(keyframes_only=True, start_seconds=9.0, fps=0.2))
        assert later.indices == [200, 300, 400, 400]


@pytest.mark.parametrize("cores", [1, 2])
def test_a_container_that_seeks_wrongly(cores: int, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every seek lands at the end of the file: the reader notices by the times, goes back, and gives up seeking."""
    monkeypatch.setattr("vamba_cli.media.strands.num_cores", lambda: cores)
    recipe = replace(LONG, gop=25)
    path = make(recipe)
    calls = []
    honest = Decoder.seek

    def too_far(self: Decoder, ticks: int) -> bool:
        calls.append(ticks)
        return honest(self, ticks + round(99 * self.ticks_per_second))

    monkeypatch.setattr(Decoder, "seek", too_far)
    reading = read(path, Sampling(fps=1), "seek")
    assert_right_frames(reading, recipe)
    assert len(calls) < 12 * cores
    assert reading.num_decoded_frames < 2 * 600 * cores, "it started from the beginning too often"


def test_stale_frames_after_a_seek(long_video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A decoder that gives out an old frame first, after a seek that went one GOP too far: it must not serve."""
    fresh: list[bool] = []
    last: list[VideoFrame] = []
    honest_seek, honest_decode = Decoder.seek, Decoder._decode

    def seek(self: Decoder, ticks: int) -> bool:
        fresh.append(True)
        return honest_seek(self, ticks + round(4 * self.ticks_per_second))

    def decode(self: Decoder, packet: "Packet[Any]") -> list[VideoFrame]:
        frames = honest_decode(self, packet)
        stale = last[-1:] if fresh and frames else []
        if frames:
            fresh.clear()
            last[:] = frames
        return stale + frames

    monkeypatch.setattr(Decoder, "seek", seek)
    monkeypatch.setattr(Decoder, "_decode", decode)
    reading = read(long_video, Sampling(num_frames=4), "seek")
    assert reading.num_decoded_frames < 600
    assert_right_frames(reading, LONG)


def test_a_container_that_cannot_seek(long_video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Decoder, "seek", lambda self, ticks: False)
    reading = read(long_video, Sampling(num_frames=12), "seek")
    assert_right_frames(reading, LONG)
    assert reading.num_decoded_frames < 4 * 600
