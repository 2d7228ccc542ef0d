"""Frames that nobody asked for are left out, and what comes is what one plain pass over all frames gives."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.container import InputContainer
from av.video.stream import VideoStream
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.media.conftest import LONG, Make
from tests.media.synthetic import constant, read_index
from tests.media.test_damage import KINDS, cut, scribble
from tests.media.test_frames import RECIPES
from tests.media.test_seeking import OPEN_X264
from tests.media.test_seeking import RECIPES as SEEKING
from tests.media.test_shared_media import DAMAGED, NAMES, needs_media
from tests.paths import MEDIA
from vamba_cli.media.frames import FrameReader
from vamba_cli.media.info import VideoInfo
from vamba_cli.media.picture import Orientation, Picture, PictureMaker
from vamba_cli.media.plan import FramePlan, Sampling, Strategy, plan_frames
from vamba_cli.media.probe import probe
from vamba_cli.media.source import video_stream

PYRAMID = {"x264-params": "b-adapt=0:b-pyramid=normal:scenecut=0"}
FIELDS = {"x264-params": "interlaced=1:tff=1:scenecut=0"}
HIERARCHY = replace(LONG, num_b_frames=7, options=PYRAMID)
LEFT_OUT = {
    "B-frames": LONG,
    "B-frames of B-frames": HIERARCHY,
    "in Matroska": replace(HIERARCHY, suffix=".mkv", container_options={}),
    "open GOPs": replace(LONG, num_b_frames=3, options=OPEN_X264),
    "fragments": replace(HIERARCHY, container_options={"movflags": "frag_keyframe+empty_moov"}),
    "variable rate": replace(HIERARCHY, ticks=[7 * i + i * i % 5 for i in range(600)]),
    "starts late": replace(HIERARCHY, suffix=".mkv", ticks=constant(600, start=5000), container_options={}),
    "10 bits": replace(HIERARCHY, pixel_format="yuv420p10le"),
    "rotated": replace(HIERARCHY, rotation_degrees=90),
    "slices": replace(HIERARCHY, options=PYRAMID | {"slices": "4"}),
    "many B-frames, times rounded": replace(
        LONG,
        ticks=range(0, 600 * 1001, 1001),
        time_base=Fraction(1, 30000),
        suffix=".mkv",
        num_b_frames=16,
        container_options={},
        options={"x264-params": "b-adapt=0:b-pyramid=none:scenecut=0"},
    ),
    "a very short GOP": replace(HIERARCHY, gop=3),
}
NOT_LEFT_OUT = {
    "fields": replace(LONG, options=FIELDS),
    "TS": SEEKING["ts"],
    "HEVC": SEEKING["open GOPs in HEVC"],
    "VP9": SEEKING["webm"],
}
Given = list[tuple[float, Picture]]


def packets(container: InputContainer, stream: VideoStream) -> Iterator["av.Packet[Any]"]:
    try:
        yield from container.demux(stream)
    except av.FFmpegError:  # the end of a file that was cut off
        return


def plain_frames(path: Path) -> Iterator[tuple[float, av.VideoFrame]]:
    """All good frames and their times, by PyAV alone."""
    with av.open(str(path)) as container:
        stream = video_stream(container, path)
        base, stream.codec_context.thread_count = stream.time_base, 1
        assert base is not None
        for packet in packets(container, stream):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                continue
            for frame in frames:
                assert isinstance(frame, av.VideoFrame)
                if not frame.is_corrupt and frame.pts is not None:
                    yield float(frame.pts * base), frame


def plain_pass(path: Path, info: VideoInfo, size: tuple[int, int], moments: list[float] | None = None) -> Given:
    """The reference for everything here; with moments, the pictures of other frames are left empty to save time."""
    maker = PictureMaker(*size, Orientation(info.mirrored, info.rotation_degrees))
    shown = list[tuple[float, Picture]]()
    for (seconds, frame), (end, _) in pairwise(chain(plain_frames(path), [(float("inf"), None)])):
        start = seconds - info.start_seconds
        wanted = moments is None or any(start - 0.01 < m < end - info.start_seconds + 0.01 for m in moments)
        shown.append((start, maker.picture(frame).copy() if wanted and frame else np.empty(0, np.uint8)))
    return shown


def shown_at(times_seconds: list[float], wanted: float, ticks_per_second: float) -> int:
    """The last frame that begins by then; as the reader does, half a tick or half a millisecond is granted."""
    grace = min(0.5 / ticks_per_second, 5e-4) + 1e-6 / ticks_per_second
    return max(0, int(np.searchsorted(times_seconds, wanted + grace + 1e-9, side="right")) - 1)


def ticks_per_second(path: Path) -> float:
    with av.open(str(path)) as container:
        base = video_stream(container, path).time_base
        assert base is not None
        return float(1 / base)


def read_at(
    info: VideoInfo, moments: list[float], size: tuple[int, int], strategy: Strategy
) -> tuple[Given, FrameReader]:
    plan = FramePlan(tuple(moments), 0.1, *size, strategy, ())
    with FrameReader(info, plan, chunk_frames=4) as reader:
        given_frames = [
            (float(seconds), frame)
            for chunk in reader
            for seconds, frame in zip(chunk.times_seconds, chunk.frames, strict=True)
        ]
    return given_frames, reader


def assert_same(
    found: Given, moments: list[float], plain: Given, path: Path, concealed: Callable[[float], bool] = lambda _: False
) -> None:
    """The same times and the same pixels. Pixels that FFmpeg makes up after damage depend on its threads."""
    times, rate = [seconds for seconds, _ in plain], ticks_per_second(path)
    for wanted, (seconds, picture) in zip(moments, found, strict=True):
        expected_seconds, expected = plain[shown_at(times, wanted, rate)]
        assert seconds == pytest.approx(expected_seconds, abs=1e-6), f"at {wanted}"
        if not concealed(seconds):
            np.testing.assert_array_equal(picture, expected, f"at {wanted}")


def random_moments(rng: random.Random, end_seconds: float) -> list[float]:
    """Sparse, dense, in clusters or at the same place: an even number, rising."""
    count = rng.choice([2, 4, 10, 40, 150])
    spread = rng.choice([0.02, 0.3, 1.0])
    start = rng.uniform(0, end_seconds * (1 - spread))
    return sorted(start + rng.random() * spread * end_seconds for _ in range(count))


@pytest.mark.parametrize("cores", [1, 3])
@pytest.mark.parametrize("name", [*LEFT_OUT, *NOT_LEFT_OUT])
def test_random_moments(name: str, cores: int, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vamba_cli.media.strands.num_cores", lambda: cores)
    path = make((LEFT_OUT | NOT_LEFT_OUT)[name])
    info = probe(path)
    size = info.width, info.height
    plain = plain_pass(path, info, size)

    @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.randoms(use_true_random=False), st.sampled_from(["seek", "sequential"]))
    def check(rng: random.Random, strategy: Strategy) -> None:
        moments = random_moments(rng, info.duration_seconds - 0.05)
        found, reader = read_at(info, moments, size, strategy)
        assert_same(found, moments, plain, info.path)
        assert (reader.num_bad_frames, reader.warnings) == (0, [])

    check()


@pytest.mark.parametrize("strategy", ["seek", "sequential"])
@pytest.mark.parametrize("name", LEFT_OUT)
def test_work_is_saved(name: str, strategy: Strategy, make: Make) -> None:
    path = make(LEFT_OUT[name])
    info = probe(path)
    every_second = [float(second) for second in range(int(info.duration_seconds) // 2 * 2)]
    _, reader = read_at(info, every_second, (info.width, info.height), strategy)
    assert reader.num_decoded_frames < 600 * 0.75


@pytest.mark.parametrize("name", ["fields", "HEVC"])
def test_where_it_is_not_certain_nothing_is_left_out(name: str, make: Make) -> None:
    path = make(NOT_LEFT_OUT[name])
    info = probe(path)
    _, reader = read_at(info, [0.0, info.duration_seconds - 0.06], (info.width, info.height), "sequential")
    assert reader.num_decoded_frames >= 600 - 2


@pytest.mark.parametrize("cores", [1, 3])
@pytest.mark.parametrize("name", RECIPES)
def test_every_kind_of_file(name: str, cores: int, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vamba_cli.media.strands.num_cores", lambda: cores)
    info = probe(make(RECIPES[name]))
    every = plan_frames(info, Sampling(fps=1000))
    size = every.width, every.height
    plain, _ = read_at(info, list(every.times_seconds), size, "sequential")
    rng = random.Random(name)
    for strategy in ("seek", "sequential"):
        moments = random_moments(rng, info.duration_seconds - 0.01)
        found, _ = read_at(info, moments, size, strategy)
        assert_same(found, moments, plain, info.path)


def begins_later(path: Path, folder: Path, num_frames: int) -> Path:
    """The same packets under an edit list that hides the first frames: they are decoded, not shown."""
    target = folder / "edited.mp4"
    options = {"avoid_negative_ts": "disabled"}
    with av.open(str(path)) as source, av.open(str(target), "w", options=options) as copy:
        stream = source.streams.video[0]
        written = copy.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.pts is not None and packet.dts is not None:
                packet.pts, packet.dts = packet.pts - 512 * num_frames, packet.dts - 512 * num_frames
                packet.stream = written
                copy.mux(packet)
    return target


@pytest.mark.parametrize("cores", [1, 3])
@pytest.mark.parametrize("num_frames", [7, 130])
def test_edit_lists(num_frames: int, cores: int, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vamba_cli.media.strands.num_cores", lambda: cores)
    path = begins_later(make(HIERARCHY), tmp_path, num_frames)
    info = probe(path)
    assert info.duration_seconds == pytest.approx(24 - num_frames / 25, abs=0.1)
    size = info.width, info.height
    plain = plain_pass(path, info, size)
    assert read_index(plain[0][1]) == num_frames
    rng = random.Random(num_frames)
    for strategy in ("seek", "sequential"):
        for _ in range(6):
            moments = random_moments(rng, info.duration_seconds - 0.05)
            found, _ = read_at(info, moments, size, strategy)
            assert_same(found, moments, plain, path)


def damaged(kind: str, how: int, make: Make, folder: Path) -> Path:
    path = make(KINDS[kind])
    return cut(path, 0.6, folder) if how == 0 else scribble(path, 0.2 + 0.15 * how, 40 * how**2, folder)


@pytest.mark.parametrize("cores", [1, 3])
@pytest.mark.parametrize("how", range(5))
@pytest.mark.parametrize("kind", [".mp4", ".mkv"])
def test_damage(kind: str, how: int, cores: int, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The frame before a lost one stands in for it, also if nobody else asked for it."""
    monkeypatch.setattr("vamba_cli.media.strands.num_cores", lambda: cores)
    path = damaged(kind, how, make, tmp_path)
    info = probe(path)
    size = info.width, info.height
    plain = plain_pass(path, info, size)
    every = [seconds + 1e-3 for seconds, _ in plain]
    broken_gops = {index // 100 for index in set(range(600)) - {round(25 * seconds) for seconds, _ in plain}}
    _, all_of_it = read_at(info, every[: len(every) // 2 * 2], size, "sequential")
    rng = random.Random(how)
    for strategy in ("seek", "sequential"):
        for _ in range(6):
            moments = [m for m in random_moments(rng, info.duration_seconds - 0.05) if m < every[-1]]
            moments = moments[: len(moments) // 2 * 2]
            found, reader = read_at(info, moments, size, strategy)
            assert_same(found, moments, plain, path, lambda seconds: round(25 * seconds) // 100 in broken_gops)
            assert reader.num_bad_frames <= all_of_it.num_bad_frames


@needs_media
@pytest.mark.parametrize("name", NAMES)
def test_shared_files(name: str) -> None:
    info = probe(MEDIA / name)
    size = max(2, info.width // 4), max(2, info.height // 4)
    rng = random.Random(name)
    ways: tuple[Strategy, ...] = ("seek", "sequential")
    tries = {way: random_moments(rng, info.duration_seconds - 0.1) for way in ways}
    plain = plain_pass(MEDIA / name, info, size, [*chain(*tries.values())])
    for way, moments in tries.items():
        found, _ = read_at(info, moments, size, way)
        assert_same(found, moments, plain, info.path, lambda _: name in DAMAGED)
