"""What people see of a batch: on a terminal, in a log that is read line by line, in a log file."""

import os
import re
import subprocess
import threading
from pathlib import Path

import pytest

from tests.batch.conftest import Archive
from tests.paths import ROOT
from vamba_cli.batch.events import Began, Ended, Lived
from vamba_cli.cli import batch_log
from vamba_cli.cli.batch_watch import Lines, PlainWatch
from vamba_cli.cli.terminal import Terminal


def on_terminal(archive: Archive, *options: str, columns: int = 250) -> str:
    """What a terminal gets, with what is drawn over."""
    master, slave = os.openpty()
    shown: list[bytes] = []

    def read() -> None:  # while it is written: the terminal holds little
        try:
            while data := os.read(master, 65536):
                shown.append(data)
        except OSError:  # the last who could write has gone
            pass

    reader = threading.Thread(target=read)
    reader.start()
    environ = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(columns)}
    subprocess.run(archive.command(*options), cwd=ROOT, stdout=slave, stderr=slave, env=environ, check=False)
    os.close(slave)
    reader.join()
    os.close(master)
    return b"".join(shown).decode()


def test_a_terminal_gets_words_and_no_json(archive: Archive) -> None:
    archive.put(a="steady 0.3", b="broken")
    shown = on_terminal(archive)
    assert "looking for videos" in shown  # what is drawn after that depends on how quick the workers are
    assert "done: in/a.mp4" in shown and f"failed: {archive.folder}/b.mp4: there is no picture in it" in shown
    assert '"status"' not in shown
    assert "report.html" in shown


def test_a_plan_on_a_terminal_is_short(archive: Archive) -> None:
    archive.put(**{f"v{index:02}": "steady 0" for index in range(23)})
    shown = on_terminal(archive, "--dry-run")
    assert "in/v00.mp4: new" in shown and "in/v19.mp4: new" in shown and "in/v20.mp4" not in shown
    assert "and 3 more" in shown and '"status"' not in shown and "would run" in shown


def test_a_narrow_terminal_breaks_no_word(archive: Archive) -> None:
    archive.put(a="broken", b="steady 0")
    for options, told in ((("--dry-run",), "none of the videos could be looked into"), ((), "no picture in it")):
        shown = re.sub("\x1b\\[[0-9;?]*[A-Za-z]", "", on_terminal(archive, *options, columns=30))
        lines = shown.replace("\r", "\n").splitlines()
        assert max(map(len, lines)) <= 30, lines
        assert told in " ".join(shown.split())


def test_the_path_does_not_stand_twice(archive: Archive) -> None:
    missing = str(archive.folder / "gone.mp4")
    ran = archive.run(paths=(missing,))
    assert ran.code == 3 and ran.line("gone.mp4")["error"]["message"] == f"{missing} does not exist"
    assert f"\n  {missing}  does not exist" in ran.err


def test_a_log_that_is_read_gets_counts_twice_a_minute(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    watch = PlainWatch(Lines(), Terminal(), lambda: now[0])
    for second in range(70):
        now[0] = float(second)
        watch(Began(0, "a.mp4"))
        watch(Lived(0, "encode 1/9"))
        watch(Ended({"name": "a.mp4", "path": "a.mp4", "status": "done", "wall_seconds": 1.0}, 0))
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == 70
    assert shown.err.splitlines() == ["30 done, 0 failed, 0 skipped", "60 done, 0 failed, 0 skipped"]


def test_the_log_file_begins_anew_and_old_ones_are_kept(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    archive.put(**{f"v{index:02}": "steady 0" for index in range(40)})
    monkeypatch.setattr(batch_log, "_LOG_BYTES", 200)
    log = archive.out.parent / "logs" / "log"
    assert archive.run("--log-file", str(log)).code == 2  # there is no such folder
    log.parent.mkdir()
    assert archive.run("--log-file", str(log)).code == 0
    kept = sorted(log.parent.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    assert {path.name for path in kept} == {"log", *(f"log.{index}" for index in range(1, 6))}
    assert all(path.stat().st_size <= 200 for path in kept)
    assert "done in/v39.mp4" in Path(log).read_text()


def test_a_log_that_cannot_be_written_is_told_once(archive: Archive) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no device that is always full")
    archive.put(a="steady 0", b="broken", c="steady 0")
    ran = archive.run("--log-file", "/dev/full")
    assert ran.code == 3 and ran.statuses() == {"a.mp4": "done", "b.mp4": "failed", "c.mp4": "done"}
    assert ran.err.count("/dev/full cannot be written: No space left on device") == 1
    assert "Traceback" not in ran.err
    quiet = archive.run("--force", "--quiet", "--log-file", "/dev/full")
    assert "the run goes on without it" in quiet.err
