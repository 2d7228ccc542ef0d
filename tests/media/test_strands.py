"""Several decoders on one video: in order, no further ahead than agreed, and ended by errors and by closing."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.media.conftest import LONG, Make
from tests.media.synthetic import read_index
from vamba_cli.errors import MediaError
from vamba_cli.media import strands
from vamba_cli.media.decode import Threads
from vamba_cli.media.frames import FrameReader
from vamba_cli.media.info import VideoInfo
from vamba_cli.media.plan import FramePlan
from vamba_cli.media.probe import probe
from vamba_cli.media.strand import Found, Strand
from vamba_cli.media.strands import Strands

_GOP = 20
MANY_GOPS = replace(LONG, gop=_GOP)
TIMES = tuple(index * 0.4 for index in range(60))  # two for each of thirty key frames


@pytest.fixture
def path(make: Make, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(strands, "num_cores", lambda: 4)
    return make(MANY_GOPS)


def plan_of(path: Path) -> tuple[VideoInfo, FramePlan]:
    info = probe(path)
    return info, FramePlan(TIMES, 0.4, info.width, info.height, "seek", ())


def vamba_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("vamba-decode")]


def test_pictures_come_in_order_from_several_decoders(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest, both = Strand.find, threading.Barrier(2, timeout=10)

    def find(self: Strand, wanted: range) -> Iterator[Found]:
        if wanted.start in (0, 2):
            both.wait()  # fails unless two are at work at the same time
        return honest(self, wanted)

    monkeypatch.setattr(Strand, "find", find)
    several = Strands(*plan_of(path))
    found = [read_index(each.picture) for each in several.find()]
    assert found == [10 * index for index in range(60)]
    assert 1 < len(several._strands) <= 4
    several.close()


def test_no_decoder_runs_far_ahead(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[range] = []
    honest = Strand.find

    def find(self: Strand, wanted: range) -> Iterator[Found]:
        begun.append(wanted)
        return honest(self, wanted)

    monkeypatch.setattr(Strand, "find", find)
    several = Strands(*plan_of(path))
    for number, _ in enumerate(several.find()):
        assert len(begun) <= number // 2 + 1 + 5
    assert len(begun) == 30
    several.close()


def test_an_error_comes_in_its_turn(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Strand.find

    def find(self: Strand, wanted: range) -> Iterator[Found]:
        if wanted.start == 10:
            raise MediaError("the disk has gone")
        return honest(self, wanted)

    monkeypatch.setattr(Strand, "find", find)
    frames = 0
    with FrameReader(*plan_of(path), chunk_frames=2) as reader, pytest.raises(MediaError, match="the disk has gone"):
        for chunk in reader:
            frames += len(chunk.frames)
    assert frames == 10
    assert vamba_threads() == []


def test_a_file_that_goes_away_under_way(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first decoder has it open; those that come later cannot open it."""
    monkeypatch.setattr(strands, "num_cores", lambda: 4)
    path = tmp_path / "video.mp4"
    path.write_bytes(make(MANY_GOPS).read_bytes())
    several = Strands(*plan_of(path))
    path.unlink()
    honest_find, honest_init, another = Strand.find, Strand.__init__, threading.Event()

    def find(self: Strand, wanted: range) -> Iterator[Found]:
        another.wait(10)
        return honest_find(self, wanted)

    def init(self: Strand, info: VideoInfo, plan: FramePlan, threads: Threads) -> None:
        another.set()
        honest_init(self, info, plan, threads)

    monkeypatch.setattr(Strand, "find", find)
    monkeypatch.setattr(Strand, "__init__", init)
    with pytest.raises(MediaError, match="does not exist"):
        list(several.find())
    several.close()


def test_closing_ends_all_of_them(path: Path) -> None:
    with FrameReader(*plan_of(path), chunk_frames=2) as reader:
        next(reader)
        assert vamba_threads()
    assert vamba_threads() == []
    assert list(reader) == []


@pytest.mark.parametrize(
    ("cores", "pixels", "most"), [(1, 1, 1), (2, 1, 2), (64, 1, 10), (64, 640 * 360, 10), (64, 4000 * 3000, 1)]
)
def test_how_many(cores: int, pixels: int, most: int, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as there are cores, a third of the runs, and no more than the memory allows."""
    monkeypatch.setattr(strands, "num_cores", lambda: cores)
    info, plan = plan_of(make(MANY_GOPS))
    several = Strands(info, replace(plan, width=pixels, height=1))
    assert several._num_strands == most
    several.close()


def test_long_videos_have_fewer(path: Path) -> None:
    """Each decoder holds a table of all frames."""
    info, plan = plan_of(path)
    for hours, most in ((1, 4), (8, 2), (100, 1)):
        several = Strands(replace(info, num_frames=hours * 86_400), plan)
        assert several._num_strands == most
        several.close()


def test_untimed_containers_have_one(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strands, "num_cores", lambda: 4)
    recipe = replace(LONG, suffix=".avi", codec="mpeg4", gop=_GOP, num_b_frames=0, container_options={})
    several = Strands(*plan_of(make(recipe)))
    assert several._num_strands == 1
    several.close()
