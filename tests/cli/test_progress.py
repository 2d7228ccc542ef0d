"""Events as plain lines, and the words for sizes and times."""

import io

import pytest
from rich.console import Console

from vamba_cli.cli.progress import LiveBar, PlainLines, _bars
from vamba_cli.cli.render import bytes_text, doctor, flops_text, table
from vamba_cli.cli.terminal import Terminal, printable
from vamba_cli.engine.events import AnswerText, EncodeProgress, Notice, Stage, WindowsProgress
from vamba_cli.results import Check, DoctorResult


def test_plain_lines_come_at_stages_and_every_ten_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    now_seconds = 0.0
    lines = PlainLines(lambda: now_seconds)
    lines(Stage("load", "tiny"))
    lines(Stage("encode", "lecture.mp4"))
    for second in range(60):
        now_seconds = float(second)
        lines(EncodeProgress(second * 30, 1800, 30.0, second * 2**20))
    lines(Notice("a frame is damaged"))
    lines(Stage("search", ""))
    lines(WindowsProgress(1, 8))
    lines(AnswerText(0, "not shown here"))
    shown = capsys.readouterr().err.splitlines()
    assert shown[:3] == [
        "loading tiny",
        "encoding lecture.mp4",
        "  300 of 1800 frames, 0:50 left, 30 frames/s, 10.0 MiB kept",
    ]
    assert len(shown) == 2 + 5 + 2 and shown[-2:] == ["note: a frame is damaged", "searching"]


def test_a_bar_never_stands_still() -> None:
    """A task that is done has no spinner: a new stage, and what is done, are of unknown length."""
    with _bars(Console(file=io.StringIO(), force_terminal=True, width=80)) as live:
        bar = LiveBar(live, Terminal())
        bar(Stage("encode", "8 frames"))
        bar(EncodeProgress(4, 8, 30.0, 2**20))
        assert (live.tasks[-1].completed, live.tasks[-1].total) == (4, 8)
        bar(EncodeProgress(8, 8, 30.0, 2**20))
        assert live.tasks[-1].description == "encoding"
        assert live.tasks[-1].total is None and not live.tasks[-1].finished
        bar(Stage("read", "the headings"))
        assert (live.tasks[-1].description, live.tasks[-1].total) == ("reading", None)
        assert len(live.tasks) == 2


def test_speed_zero_is_no_division(capsys: pytest.CaptureFixture[str]) -> None:
    now_seconds = 0.0
    lines = PlainLines(lambda: now_seconds)
    now_seconds = 100.0
    lines(EncodeProgress(0, 10, 0.0, 0))
    assert "0 of 10" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("num_bytes", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (150 * 2**20, "150 MiB"),
        (21.1 * 2**30, "21.1 GiB"),
        (2**50, "1024 TiB"),
    ],
)
def test_bytes_text(num_bytes: float, text: str) -> None:
    assert bytes_text(num_bytes) == text


def test_flops_text() -> None:
    assert [flops_text(value) for value in (1.62e15, 3e12, 5e8)] == ["1.6 PFLOP", "3.0 TFLOP", "0.5 GFLOP"]


def test_table_wraps_its_last_column_to_the_terminal() -> None:
    rows = [("one", "a text that is longer than the terminal is wide")]
    assert table(("N", "WHAT"), rows, 30).plain.splitlines() == [
        "N    WHAT",
        "one  a text that is longer",
        "     than the terminal is wide",
    ]
    assert max(map(len, table(("N", "WHAT"), rows, None).plain.splitlines())) > 40


def test_doctor_shows_advice_only_where_something_is_wrong() -> None:
    text = doctor(DoctorResult("1", (Check("a", "ok", "fine", "hidden"), Check("b", "fail", "gone", "do this")))).plain
    assert "do this" in text and "hidden" not in text and "1 of 2 checks failed" in text


def test_printable() -> None:
    assert printable("a\x1b[1mb\rc\nd\te\u202ef\udcffg é 漢") == "a[1mbc\nd\tef?g é 漢"
