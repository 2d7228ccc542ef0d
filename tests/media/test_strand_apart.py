"""Decoders in processes of their own: the same frames, the same remarks, and no process left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.media.conftest import Make
from tests.media.test_damage import scribble
from tests.media.test_strands import MANY_GOPS, plan_of
from vamba_cli.errors import MediaError
from vamba_cli.media import strands
from vamba_cli.media.frames import FrameReader
from vamba_cli.media.strand_apart import StrandApart
from vamba_cli.media.strands import Strands


@pytest.fixture
def path(make: Make, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(strands, "num_cores", lambda: 3)
    monkeypatch.setattr(strands, "_LEAST_FRAMES_APART", 60)
    return make(MANY_GOPS)


def processes(several: Strands) -> list[StrandApart]:
    return [strand for strand in several._strands if isinstance(strand, StrandApart)]


def read(path: Path, *, apart: bool) -> tuple[bytes, bytes, int, list[str]]:
    """Frames, times, damaged frames and warnings of a file; and whether other processes found them."""
    with FrameReader(*plan_of(path), chunk_frames=8, apart=apart) as reader:
        chunks = list(reader)
        assert reader._strands is not None
        assert len(processes(reader._strands)) == (3 if apart else 0)
    frames, times = (
        np.concatenate(parts) for parts in zip(*((c.frames, c.times_seconds) for c in chunks), strict=True)
    )
    assert reader.num_decoded_frames >= 60
    return frames.tobytes(), times.tobytes(), reader.num_bad_frames, reader.warnings


def test_the_same_frames(path: Path) -> None:
    assert read(path, apart=True) == read(path, apart=False)


def test_the_same_remarks_on_damage(path: Path, tmp_path: Path) -> None:
    damaged = scribble(path, 0.5, 3000, tmp_path)
    there, here = read(damaged, apart=True), read(damaged, apart=False)
    assert there[2] > 0 and there[3]
    assert there == here


def test_a_short_plan_is_read_here(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strands, "_LEAST_FRAMES_APART", 61)
    several = Strands(*plan_of(path), apart=True)
    assert len(list(several.find())) == 60
    assert processes(several) == []
    several.close()


def test_where_no_process_may_be_started(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_options: object) -> None:
        raise BlockingIOError("Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    several = Strands(*plan_of(path), apart=True)
    assert len(list(several.find())) == 60
    assert processes(several) == []
    several.close()


def test_errors_are_raised_here(path: Path, tmp_path: Path) -> None:
    gone = tmp_path / "gone.mp4"
    gone.write_bytes(path.read_bytes())
    strand = StrandApart(*plan_of(gone))
    gone.unlink()
    with pytest.raises(MediaError, match=r"gone\.mp4.*does not exist"):
        list(strand.find(range(2)))
    strand.close()


def test_closing_ends_all_processes(path: Path) -> None:
    with FrameReader(*plan_of(path), chunk_frames=2, apart=True) as reader:
        next(reader)
    assert reader._strands is not None
    assert all(strand._process.returncode is not None for strand in processes(reader._strands))
    assert list(reader) == []


def test_a_process_that_is_killed(path: Path) -> None:
    strand = StrandApart(*plan_of(path))
    assert len(list(strand.find(range(2)))) == 2
    os.kill(strand._process.pid, signal.SIGKILL)
    with pytest.raises(MediaError, match=r"the process that decodes it was ended \(signal 9\)"):
        list(strand.find(range(2, 4)))
    strand.close()


def test_a_process_ends_with_the_one_that_asks(path: Path) -> None:
    lines = (
        "import os, signal, sys",
        "from pathlib import Path",
        "from tests.media.test_strand_apart import StrandApart, plan_of",
        "strand = StrandApart(*plan_of(Path(sys.argv[1])))",
        "list(strand.find(range(2)))",
        "print(strand._process.pid, flush=True)",
        "os.kill(os.getpid(), signal.SIGKILL)",
    )
    command = [sys.executable, "-c", "\n".join(lines), str(path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    pid = int(done.stdout)
    ends_at = time.monotonic() + 10
    while _runs(pid) and time.monotonic() < ends_at:
        time.sleep(0.02)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
