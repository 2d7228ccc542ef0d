"""Real files with awkward properties: each gives frames or a clear error, soon, silently, and in little memory."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.media.conftest import Make
from tests.media.reading import read
from tests.media.synthetic import Recipe, constant
from tests.paths import MEDIA, ROOT
from vamba_cli.media.frames import FrameReader
from vamba_cli.media.plan import Sampling, plan_frames
from vamba_cli.media.probe import probe

MANIFEST = MEDIA / "manifest.json"
ENTRIES: list[dict[str, Any]] = json.loads(MANIFEST.read_text()) if MANIFEST.exists() else []
NAMES = [entry["file"] for entry in ENTRIES]
needs_media = pytest.mark.skipif(not ENTRIES, reason=f"{MANIFEST} is not there")
# What the manifest has of the first frame that is decoded, and what it has not.
DAMAGED = {"corrupted.mp4"}


@needs_media
@pytest.mark.parametrize("entry", ENTRIES, ids=NAMES)
def test_every_file_is_what_its_manifest_says(entry: dict[str, Any]) -> None:
    info = probe(MEDIA / entry["file"])
    turned = info.rotation_degrees in (90, 270)
    assert sorted((info.width, info.height), reverse=turned) == sorted((entry["w"], entry["h"]), reverse=turned)
    assert info.hdr == ("hdr" in entry["file"])
    assert info.rotation_degrees == (-(entry["rot"] or 0)) % 360
    if entry["t0"] is not None:
        interval = 1 / info.frame_rate
        assert info.start_seconds == pytest.approx(entry["t0"], abs=2e-3)
        assert info.duration_seconds == pytest.approx(entry["t1"] - entry["t0"] + interval, abs=0.1 * interval + 2e-3)
        assert info.num_frames == pytest.approx(entry["frames"], abs=1)


@needs_media
@pytest.mark.parametrize("name", NAMES)
def test_every_file_gives_frames(name: str) -> None:
    """By each way the same ones."""
    info = probe(MEDIA / name)
    sampling = Sampling(num_frames=6, longest_edge=640)
    plan = plan_frames(info, sampling)
    one_pass = read(MEDIA / name, sampling, "sequential")
    by_seeks = read(MEDIA / name, sampling, "seek")
    np.testing.assert_array_equal(one_pass.times_seconds, by_seeks.times_seconds)
    np.testing.assert_array_equal(one_pass.frames, by_seeks.frames)
    assert len(one_pass.frames) == len(plan.times_seconds)
    late = np.array(plan.times_seconds) - one_pass.times_seconds
    assert (late > -1e-3).all()
    assert (late < (3 if name in DAMAGED else 1.1) / info.frame_rate).all()
    assert (one_pass.num_bad_frames > 0) == (name in DAMAGED)
    assert len(read(MEDIA / name, Sampling(keyframes_only=True, longest_edge=64)).frames) >= 2


@needs_media
def test_rotation_matches_the_upright_sibling() -> None:
    upright = read(MEDIA / "nasa_13013.mp4", Sampling(fps=29.97, end_seconds=0.5))
    turned = read(MEDIA / "nasa_rotated.mp4", Sampling(fps=29.97, end_seconds=0.5))
    assert upright.info.height == turned.info.width
    np.testing.assert_array_equal(np.rot90(upright.frames, axes=(1, 2)), turned.frames)


@needs_media
def test_burnt_in_frame_counter() -> None:
    """The pictures count 0, 1, 2, ...: all differ, and a part of them is that part of all of them."""
    every = read(MEDIA / "counter.mp4", Sampling(fps=10, longest_edge=480))
    some = read(MEDIA / "counter.mp4", Sampling(fps=5, start_seconds=1.0, longest_edge=480), "seek")
    np.testing.assert_array_equal(some.frames, every.frames[10::2])
    assert all(np.abs(a.astype(int) - b).max() > 100 for a, b in zip(every.frames, every.frames[1:], strict=False))


READ_ALL = """
import sys
from pathlib import Path
from vamba_cli.errors import MediaError
from vamba_cli.media.frames import FrameReader
from vamba_cli.media.plan import Sampling, plan_frames
from vamba_cli.media.probe import probe

num_frames = 0
for path in map(Path, sys.argv[2:]):
    try:
        info = probe(path)
        plan = plan_frames(info, eval(sys.argv[1]))
        with FrameReader(info, plan, chunk_frames=8) as reader:
            num_frames += sum(len(chunk.frames) for chunk in reader)
    except MediaError as error:
        assert str(path) in str(error)
status = Path("/proc/self/status").read_text() if sys.platform == "linux" else "VmHWM: 0"
peak = int(status.split("VmHWM:")[1].split()[0])
assert "torch" not in sys.modules
print(num_frames, peak)
"""


def in_a_process(sampling: str, *paths: Path) -> tuple[int, int, str]:
    """Frames, peak memory in KiB, and what FFmpeg said on the terminal."""
    command = [sys.executable, "-W", "error", "-c", READ_ALL, sampling, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    num_frames, peak = map(int, done.stdout.split())
    return num_frames, peak, done.stderr


def test_nothing_is_written_to_the_terminal(make: Make, tmp_path: Path) -> None:
    data = bytearray(make(Recipe(constant(200))).read_bytes())
    data[3000:6000] = bytes(3000)
    (tmp_path / "broken.mp4").write_bytes(data)
    (tmp_path / "junk.mp4").write_bytes(b"junk" * 1000)
    paths = [tmp_path / "broken.mp4", tmp_path / "junk.mp4", *[MEDIA / name for name in NAMES]]
    num_frames, _, said = in_a_process("Sampling(num_frames=4, longest_edge=320)", *paths)
    assert num_frames >= 4 * len(NAMES)
    assert said == ""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("sampling", ["Sampling(fps=12.5)", "Sampling(fps=1)", "Sampling(keyframes_only=True)"])
def test_memory_does_not_grow_with_the_length(sampling: str, make: Make) -> None:
    short, long = (
        make(Recipe(constant(num_frames), codec="mpeg4", gop=20, width=320, height=240)) for num_frames in (800, 6400)
    )
    num_short, peak_short, _ = in_a_process(sampling, short)
    num_long, peak_long, _ = in_a_process(sampling, long)
    assert num_long == pytest.approx(8 * num_short, abs=8)
    assert peak_long < 1.1 * peak_short


def test_importing_does_nothing() -> None:
    code = "import sys, vamba_cli.media.plan; assert 'av' not in sys.modules and 'numpy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_a_reader_that_is_dropped_closes_its_file(make: Make) -> None:
    info = probe(make(Recipe(constant(100))))
    folder = Path("/proc/self/fd")
    if not folder.exists():
        pytest.skip("reads /proc")
    before = len(list(folder.iterdir()))
    for _ in range(20):
        with FrameReader(info, plan_frames(info, Sampling(fps=5)), chunk_frames=2) as reader:
            next(reader)
    assert len(list(folder.iterdir())) == before
