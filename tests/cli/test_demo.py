"""The demo's lecture: drawn from a seed, written as a video, judged against its own truth."""

import resource
import shutil
from itertools import pairwise
from pathlib import Path

import av
import pytest

from tests.cli.conftest import FakeApi, Vamba
from vamba_cli.cli.demo import SLIDES, WANTED, Shown, agrees, timetable
from vamba_cli.errors import MediaError, UsageError
from vamba_cli.media.slideshow import write_slideshow
from vamba_cli.results import Evidence


@pytest.mark.parametrize("seed", range(20))
def test_timetable(seed: int) -> None:
    shown = timetable(seed)
    assert sorted(slide.path for slide in shown) == sorted(SLIDES.glob("*.png"))
    assert shown[0].start_seconds == 0 and shown[0].path.stem != WANTED
    assert all(a.end_seconds == b.start_seconds for a, b in pairwise(shown))
    assert 70 <= shown[-1].end_seconds <= 182
    assert timetable(seed) == shown


def test_seeds_differ() -> None:
    assert len({tuple(slide.path.stem for slide in timetable(seed)) for seed in range(20)}) > 15


@pytest.mark.parametrize(
    ("start", "end", "right"),
    [(87, 103, True), (88, 90, True), (80, 103, True), (60, 110, False), (103, 110, False), (0, 200, False)],
)
def test_agrees(start: float, end: float, right: bool) -> None:
    truth = Shown(Path("x.png"), 87, 103)
    assert agrees((Evidence(start, end, 0.9), Evidence(87, 103, 0.1)), truth) is right
    assert not agrees((), truth)


def test_slideshow_shows_each_slide_for_its_time(tmp_path: Path) -> None:
    slides, path = sorted(SLIDES.glob("*.png"))[:3], tmp_path / "show.mp4"
    write_slideshow(path, slides, [2.0, 1.0, 3.0], fps=4)
    with av.open(str(path)) as container:
        frames = [(float(f.time or 0), f.to_ndarray(format="gray")) for f in container.decode(video=0)]
    wanted = []
    for slide in slides:
        with av.open(str(slide)) as container:
            wanted.append(next(container.decode(video=0)).to_ndarray(format="gray"))
    assert [seconds for seconds, _ in frames] == [index / 4 for index in range(24)]
    for seconds, picture in frames:
        nearest = min(range(3), key=lambda index: abs(picture.astype(int) - wanted[index].astype(int)).mean())
        assert nearest == (0 if seconds < 2 else 1 if seconds < 3 else 2)


def test_slideshow_that_cannot_be_written(tmp_path: Path) -> None:
    slides = sorted(SLIDES.glob("*.png"))[:1]
    with pytest.raises(UsageError, match="cannot be written: no such file or directory; choose"):
        write_slideshow(tmp_path / "no" / "show.mp4", slides, [1.0])
    with pytest.raises(MediaError, match="cannot be read as a picture"):
        write_slideshow(tmp_path / "show.mp4", [tmp_path / "no.png"], [1.0])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no disk that is always full")
def test_a_full_disk_is_a_place_that_cannot_be_written(vamba: Vamba, api: FakeApi) -> None:
    ran = vamba("demo", "-o", "/dev/full")
    assert ran.code == 2 and "Errno" not in ran.err
    assert ran.err == "error: /dev/full cannot be written: no space left on device; choose another place\n"


def test_a_slideshow_that_finds_no_room_leaves_nothing_behind(tmp_path: Path) -> None:
    slides = sorted(SLIDES.glob("*.png"))[:1]
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
        with pytest.raises(UsageError, match="cannot be written"):
            write_slideshow(tmp_path / "show.mp4", slides, [2.0])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not (tmp_path / "show.mp4").exists()


def test_a_right_answer(vamba: Vamba, api: FakeApi, tmp_path: Path) -> None:
    truth = next(slide for slide in timetable(7) if slide.path.stem == WANTED)
    api.evidence = (Evidence(truth.start_seconds, truth.end_seconds, 0.9),)
    video = tmp_path / "lecture.mp4"
    ran = vamba("demo", "--seed", "7", "--out", str(video))
    assert ran.code == 0 and "the answer is right" in ran.out and f"vamba ask {video}" in ran.out
    assert api.asked == ["when is backpropagation introduced?"] and video.stat().st_size > 10_000
    shutil.rmtree(tmp_path / "cache", ignore_errors=True)


def test_a_wrong_answer_is_exit_1(vamba: Vamba, api: FakeApi) -> None:
    api.evidence = (Evidence(0.0, 5.0, 0.9),)
    ran = vamba("demo")
    assert ran.code == 1 and "the answer is wrong" in ran.out
    assert "error: the model found 0:00 - 0:05" in ran.err and "--debug" not in ran.err
    assert not api.video.exists()
