"""Questions typed one after the other: on a terminal, and through a pipe."""

import io
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import FakeApi, Vamba
from vamba_cli.errors import UsageError

PROGRAM = """
import fcntl, os, sys, termios, time, vamba_cli
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from tests.cli.conftest import FakeApi, FakeVideo
fake = FakeApi()
def ask(self, questions, on_event, right=FakeVideo.ask):
    if questions[0] == "long?":
        os.write(1, b"<asked>")
        while True:
            time.sleep(0.05)  # a signal between two of them is noticed after the next
    return right(self, questions, on_event)
FakeVideo.ask = ask
sys.modules["vamba_cli.api"] = vamba_cli.api = fake.as_module()
from vamba_cli.cli.app import main
sys.exit(main())
"""
PROMPT = "? "


@pytest.fixture
def video(tmp_path: Path) -> str:
    path = tmp_path / "v.mp4"
    path.touch()
    return str(path)


def test_each_line_of_a_pipe_is_answered(
    vamba: Vamba, api: FakeApi, video: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("first?\n\n  \nsecond?"))
    ran = vamba("chat", video)
    assert ran.code == 0 and api.asked == ["first?", "second?"]
    assert ran.out.count("Backpropagation is introduced at 1:27.") == 2 and "1:27 - 1:43" in ran.out
    assert ran.out.startswith("first?\n") and "\nsecond?\n" in ran.out  # so that a script knows which is which
    assert "Ctrl" not in ran.err and "\n? " not in ran.out


def test_help_is_no_question(vamba: Vamba, api: FakeApi, video: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("/help\n"))
    ran = vamba("chat", video)
    assert ran.code == 0 and api.asked == [] and ran.out == ""
    assert "what is on screen at 12:30?" in ran.err


def test_a_pipe_may_say_goodbye(vamba: Vamba, api: FakeApi, video: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("first?\nQuit\nsecond?\n"))
    assert vamba("chat", video).code == 0 and api.asked == ["first?"]


def test_a_bad_question_does_not_end_it(
    vamba: Vamba, api: FakeApi, video: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.ask_error = UsageError("a question has 9000 characters; at most 4000 are allowed")
    monkeypatch.setattr(sys, "stdin", io.StringIO("one?\ntwo?\n"))
    ran = vamba("chat", video)
    assert ran.code == 0 and api.asked == ["one?", "two?"]
    assert ran.err.count("at most 4000 are allowed") == 2 and ran.out == ""


def test_ctrl_c_at_the_prompt_says_what_ends_it_and_quit_does(
    vamba: Vamba, api: FakeApi, video: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal of its own it may come between prompt and waiting: Python's input() then notices it too late."""
    keys: list[str | BaseException] = [KeyboardInterrupt(), "one?", "/quit", "two?"]
    typed = iter(keys)

    def read_line(prompt: str) -> str:
        line = next(typed)
        if isinstance(line, BaseException):
            raise line
        return line

    monkeypatch.setattr(sys, "stdin", io.StringIO())
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr("builtins.input", read_line)
    ran = vamba("chat", video)
    assert ran.code == 0 and api.asked == ["one?"] and "(Ctrl-D ends)" in ran.err


def test_a_missing_video_is_no_chat(vamba: Vamba, api: FakeApi) -> None:
    ran = vamba("chat", "absent.mp4")
    assert ran.code == 4 and "absent.mp4 does not exist" in ran.err and ran.out == ""


def _read_until(master: int, *wanted: str) -> None:
    """Read what a terminal shows until all of it came, one after the other."""
    deadline, shown = time.monotonic() + 60, ""
    for text in wanted:
        while text not in shown:
            assert time.monotonic() < deadline, f"{text!r} did not come: {shown!r}"
            if select.select([master], [], [], 0.2)[0]:
                shown += os.read(master, 65536).decode("utf-8", "replace")
        shown = shown.split(text, 1)[1]


def test_on_a_terminal_ctrl_c_stops_an_answer_and_ctrl_d_ends(tmp_path: Path, video: str) -> None:
    master, slave = pty.openpty()
    environ = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80"}
    command = [sys.executable, "-c", PROGRAM, "chat", video]
    with subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, cwd=tmp_path, env=environ, start_new_session=True,
    ) as process:  # fmt: skip
        os.close(slave)
        try:
            _read_until(master, "Ctrl-D ends.", PROMPT)
            os.write(master, b"long?\n")
            _read_until(master, "<asked>")
            os.write(master, b"\x03")
            _read_until(master, "stopped", PROMPT)
            os.write(master, b"short?\n")
            _read_until(master, "[short?]", PROMPT)
            os.write(master, b"\x04")
            assert process.wait(timeout=20) == 0
        finally:
            process.kill()  # or a failure would wait for it
    os.close(master)
