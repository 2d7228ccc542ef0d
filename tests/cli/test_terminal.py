"""Writing results: whole files, and colour only where a person wants it."""

import fcntl
import os
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from tests.cli.test_contract import FAKE_PROGRAM
from vamba_cli.cli.render import one_line
from vamba_cli.cli.terminal import json_text, write_atomically


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "answer.json"
    write_atomically(target, "old")
    assert target.stat().st_mode & 0o777 == 0o666 & ~_umask()

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(target, "new")
    assert target.read_text() == "old" and not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_json_refuses_what_json_does_not_know() -> None:
    with pytest.raises(ValueError, match="Out of range float"):
        json_text({"score": float("nan")})
    assert json_text({"a": "ü"}) == '{\n  "a": "ü"\n}\n' and "\\u00fc" in json_text({"a": "ü"}, ascii_only=True)


@pytest.mark.parametrize("no_color", [False, True])
def test_no_color(no_color: bool) -> None:
    """stdout and stderr are one terminal of 60 columns."""
    master, slave = os.openpty()
    environ = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "60", **({"NO_COLOR": "1"} if no_color else {})}
    command = [sys.executable, "-c", FAKE_PROGRAM.format(body="pass"), "ask", "v.mp4", "what?", "--quiet"]
    subprocess.run(command, stdout=slave, stderr=slave, env=environ, check=True)
    os.close(slave)
    shown = os.read(master, 65536).decode()
    os.close(master)
    assert "Backpropagation is introduced at 1:27." in shown
    assert (("\x1b[36m" in shown) or ("\x1b[32m" in shown)) is not no_color


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_file_name_takes_one_line() -> None:
    assert one_line("two\nlines\tof a\x1b[2Jname.mp4") == "two?lines?of a[2Jname.mp4"


@pytest.mark.parametrize(("columns", "whole"), [(30, False), (0, True), (None, True)])
def test_errors_break_at_words_on_a_terminal(columns: int | None, whole: bool) -> None:
    """A file, and a terminal that does not know how wide it is, have them in one line."""
    ends = os.openpty() if columns is not None else os.pipe()
    if columns:
        fcntl.ioctl(ends[1], termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    command = [sys.executable, "-m", "vamba_cli", "info", "/no/such/folder-of-films/lecture.mp4"]
    ran = subprocess.run(command, stderr=ends[1], check=False, timeout=60)
    shown = os.read(ends[0], 4096).decode().replace("\r", "")
    for end in ends:
        os.close(end)
    message = "error: /no/such/folder-of-films/lecture.mp4 does not exist: check the name"
    assert ran.returncode == 4 and " ".join(shown.split()) == message
    lines = shown.splitlines()
    assert lines == ([message] if whole else ["error:", message.split()[1], "does not exist: check the name"])
