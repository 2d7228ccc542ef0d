"""The plan is arithmetic: its properties hold for every video and every wish."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from vamba_cli.errors import UsageError
from vamba_cli.media.info import VideoInfo
from vamba_cli.media.plan import Sampling, limit_edges, plan_frames

HOUR = VideoInfo(
    path=Path("hour.mp4"),
    size_bytes=1,
    container="mov,mp4",
    codec="h264",
    pixel_format="yuv420p",
    width=1280,
    height=720,
    rotation_degrees=0,
    duration_seconds=3600.0,
    start_seconds=0.0,
    frame_rate=25.0,
    num_frames=90_000,
    keyframe_seconds=10.0,
    hdr=False,
    variable_frame_rate=False,
    audio_streams=1,
    subtitle_streams=0,
    is_image=False,
    warnings=(),
)

rates = st.floats(0.01, 120)
infos = st.builds(
    replace,
    st.just(HOUR),
    duration_seconds=st.floats(0.02, 1e5),
    frame_rate=rates,
    keyframe_seconds=st.floats(0.02, 1e5),
    variable_frame_rate=st.booleans(),
    is_image=st.booleans(),
)
wishes = st.fixed_dictionaries(
    {},
    optional={
        "start_seconds": st.floats(0, 1e5),
        "end_seconds": st.floats(0, 1e5, exclude_min=True),
        "max_frames": st.integers(2, 5000),
        "keyframes_only": st.booleans(),
        "longest_edge": st.integers(1, 4000),
    },
)
amounts: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.builds(dict),
    st.builds(dict, fps=rates),
    st.builds(dict, num_frames=st.integers(1, 5000)),
    st.builds(dict, fps=rates),
)


@given(info=infos, wish=wishes, amount=amounts)
@settings(max_examples=300, deadline=None)
def test_every_plan(info: VideoInfo, wish: dict[str, Any], amount: dict[str, Any]) -> None:
    assume(wish.get("end_seconds", 1e9) > wish.get("start_seconds", 0))
    assume(info.is_image or wish.get("start_seconds", 0) < info.duration_seconds)
    assume(info.duration_seconds * amount.get("fps", 1) < 50_000 or "max_frames" in wish)
    sampling = Sampling(**wish, **amount)
    plan = plan_frames(info, sampling)
    times = plan.times_seconds
    assert len(times) >= 2
    assert len(times) % 2 == 0
    start_seconds = 0 if info.is_image else sampling.start_seconds
    end_seconds = info.duration_seconds if info.is_image else min(info.duration_seconds, sampling.end_seconds or 1e9)
    assert times[0] == start_seconds
    assert times[-1] < end_seconds
    distinct = times[:-1] if times[-1] == times[-2] else times  # the last of an odd number stands twice
    assert all(earlier < later for earlier, later in pairwise(distinct))
    assert times[-1] + plan.step_seconds >= end_seconds * (1 - 1e-6) - 1e-6  # nothing is left out at the end
    assert len(times) <= max(2, sampling.max_frames or 10**9)
    assert len(times) <= max(2, sampling.num_frames or 10**9)
    assert plan.step_seconds > 0
    if sampling.max_frames and len(times) > 2:
        assert plan.notes or len(times) <= sampling.max_frames


@given(width=st.integers(1, 10_000), height=st.integers(1, 10_000), longest=st.integers(1, 5000))
def test_edges_never_grow_by_the_longest_edge(width: int, height: int, longest: int) -> None:
    new_width, new_height = limit_edges(width, height, longest, None)
    assert max(new_width, new_height) == min(max(width, height), longest)
    assert min(new_width, new_height) >= 1
    assert new_width <= new_height or width >= height
    assert new_height <= new_width or height >= width


@pytest.mark.parametrize(
    ("size", "longest", "shortest", "result"),
    [
        ((1280, 720), 560, 256, (560, 315)),
        ((720, 1280), 560, 256, (315, 560)),
        ((640, 360), 560, 320, (560, 320)),  # the shortest edge enlarges, and bends the aspect, as the reference does
        ((100, 50), 560, 256, (256, 256)),
        ((480, 270), 560, None, (480, 270)),
        ((480, 270), None, None, (480, 270)),
        ((1000, 1), 100, None, (100, 1)),
        ((854, 480), 427, None, (427, 240)),
    ],
)
def test_edges(size: tuple[int, int], longest: int | None, shortest: int | None, result: tuple[int, int]) -> None:
    assert limit_edges(*size, longest, shortest) == result


@pytest.mark.parametrize(
    ("sampling", "num_frames", "first", "last", "step"),
    [
        (Sampling(), 3600, 0, 3599, 1),
        (Sampling(fps=0.5), 1800, 0, 3598, 2),
        (Sampling(num_frames=512), 512, 0, 3592.96875, 7.03125),
        (Sampling(num_frames=7), 6, 0, 3000, 600),
        (Sampling(fps=2, start_seconds=60, end_seconds=62), 4, 60, 61.5, 0.5),
        (Sampling(fps=1, end_seconds=3), 4, 0, 2, 1),
        (Sampling(fps=1, end_seconds=7, max_frames=7), 6, 0, 7 - 7 / 6, 7 / 6),  # the eighth would be one too many
        (Sampling(fps=1, max_frames=1000), 1000, 0, 3596.4, 3.6),
        (Sampling(fps=1, max_frames=7), 6, 0, 3000, 600),
        (Sampling(fps=100, end_seconds=1), 26, 0, 0.96, 0.04),
        (Sampling(keyframes_only=True), 360, 0, 3590, 10),
        (Sampling(keyframes_only=True, fps=1), 360, 0, 3590, 10),
        (Sampling(num_frames=1), 2, 0, 0, 3600),
    ],
    ids=str,
)
def test_examples(sampling: Sampling, num_frames: int, first: float, last: float, step: float) -> None:
    plan = plan_frames(HOUR, sampling)
    assert len(plan.times_seconds) == num_frames
    assert (plan.times_seconds[0], plan.times_seconds[-1]) == pytest.approx((first, last))
    assert plan.step_seconds == pytest.approx(step)


def test_what_was_changed_is_said() -> None:
    assert plan_frames(HOUR, Sampling(fps=1)).notes == ()
    assert "would be 3,600, more than the allowed 100" in plan_frames(HOUR, Sampling(fps=1, max_frames=100)).notes[0]
    assert "one frame every 0.04 s" in plan_frames(HOUR, Sampling(fps=50)).notes[0]
    assert "one key frame every 10 s" in plan_frames(HOUR, Sampling(fps=1, keyframes_only=True)).notes[0]


def test_a_variable_rate_may_be_sampled_more_densely_than_on_average() -> None:
    slides = replace(HOUR, frame_rate=0.5, variable_frame_rate=True)
    assert len(plan_frames(slides, Sampling(fps=4, end_seconds=10)).times_seconds) == 40


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"fps": 0}, "fps 0 is not allowed"),
        ({"fps": float("nan")}, "fps nan is not allowed"),
        ({"fps": float("inf")}, "fps inf is not allowed"),
        ({"fps": 1, "num_frames": 2}, "exclude each other"),
        ({"num_frames": 0}, "num_frames 0 is not allowed: it must be 1 or more"),
        ({"max_frames": 1}, "max_frames 1 is not allowed: it must be 2 or more"),
        ({"longest_edge": 0}, "longest_edge 0 "),
        ({"longest_edge": 100, "shortest_edge": 200}, "longest_edge 100 is below shortest_edge 200"),
        ({"start_seconds": -1}, "start -1 is not allowed"),
        ({"start_seconds": float("nan")}, "start nan is not allowed"),
        ({"start_seconds": 5, "end_seconds": 5}, "end 5 s is not after start 5 s"),
        ({"end_seconds": float("nan")}, "end nan s is not after"),
    ],
)
def test_wishes_that_make_no_sense(wish: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Sampling(**wish)


def test_a_start_behind_the_end() -> None:
    with pytest.raises(UsageError, match=r"start 3600 s is not inside the video, which lasts 3600\.00 s \(1:00:00\)"):
        plan_frames(HOUR, Sampling(start_seconds=3600))
