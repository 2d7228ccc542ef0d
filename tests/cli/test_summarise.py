"""`vamba summarise`: the words on stdout, the documents elsewhere."""

import csv
import json
import os
from pathlib import Path

import pytest

from tests.cli.conftest import FakeApi, Vamba
from tests.cli.test_contract import check_schema
from vamba_cli.cli.render import summary
from vamba_cli.errors import MediaError, MemoryBudgetError, ModelError
from vamba_cli.output.formats import SUMMARY_FORMATS
from vamba_cli.results import Timing, VideoSummary, VideoSummaryText

FORMATS = [entry.name for entry in SUMMARY_FORMATS]
BEGINNINGS = {
    "json": '{\n  "schema_version": 1',
    "md": "# lecture.mp4\n",
    "csv": "path,number,start_seconds",
    "srt": "1\n00:00:00,000 --> 00:01:05,000\nOpening\n",
    "webvtt": "WEBVTT\n",
}
OUTLINE = "   0:00  Opening\n   1:05  The chain rule\n1:00:00  (no title, until 1:02:05)\n"


@pytest.fixture
def lecture() -> Path:
    path = Path("lecture.mp4")
    path.touch()
    return path


@pytest.fixture
def folder() -> Path:
    """Three videos, two of them of one name."""
    for name in ("v/2.mp4", "v/10.mkv", "v/part/2.mp4"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    return Path("v")


def test_the_summary_and_the_outline_are_on_stdout(vamba: Vamba, api: FakeApi, lecture: Path) -> None:
    ran = vamba("summarise", "lecture.mp4")
    assert ran.code == 0 and ran.err == "encoding 1024 frames\n"
    assert ran.out == f"A lecture about the chain rule.\n\n{OUTLINE}"
    assert vamba("summarize", "lecture.mp4").out == ran.out


def test_style_and_length_reach_the_library(vamba: Vamba, api: FakeApi, lecture: Path) -> None:
    for style in ("paragraph", "bullets", "outline"):
        for length in ("short", "medium", "long"):
            ran = vamba("summarise", "lecture.mp4", "--style", style, "--length", length)
            assert ran.code == 0 and (api.wishes.style, api.wishes.length) == (style, length)
            assert ran.out.endswith(OUTLINE)


def test_an_outline_that_is_the_summary_is_shown_once(vamba: Vamba, api: FakeApi, lecture: Path) -> None:
    api.summary = "   0:00  Opening\n   1:05  The chain rule\n1:00:00  1:00:00–1:02:05"
    assert vamba("summarise", "lecture.mp4", "--style", "outline").out == OUTLINE


def test_bullets_are_wrapped_beside_themselves() -> None:
    video = VideoSummary("a.mp4", 9.0, 640, 360)
    item = VideoSummaryText(video, "- one two three four five six", (), 2, 2, False, (), Timing(0, 0, 0))
    assert summary(item, with_name=False, columns=24).plain == "- one two three four\n  five six"


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_goes_to_stdout_a_file_and_a_folder(vamba: Vamba, api: FakeApi, lecture: Path, name: str) -> None:
    plain = vamba("summarise", "lecture.mp4", "--format", name)
    assert plain.code == 0 and plain.out.startswith(BEGINNINGS[name])
    assert vamba("summarise", "lecture.mp4", "--format", name, "-o", "-").out == plain.out
    (entry,) = (entry for entry in SUMMARY_FORMATS if entry.name == name)
    for place in (f"one{entry.suffix}", "site/"):  # by the name of the file alone, and as a folder's
        named = () if place != "site/" else ("-f", name)
        ran = vamba("summarise", "lecture.mp4", *named, "-o", place)
        assert ran.code == 0 and ran.out == ""
    assert Path(f"one{entry.suffix}").read_text("utf-8") == plain.out
    assert Path(f"site/lecture.summary{entry.suffix}").read_text("utf-8") == plain.out


def test_several_formats_become_files_of_a_folder(vamba: Vamba, api: FakeApi, lecture: Path) -> None:
    every = [word for name in FORMATS for word in ("--format", name)]
    assert vamba("summarise", "lecture.mp4", *every, "--out", "site").code == 0
    assert len(list(Path("site").iterdir())) == len(FORMATS)


def test_json_follows_its_schema(vamba: Vamba, api: FakeApi, lecture: Path) -> None:
    api.warnings = ("2 frames are damaged",)
    ran = vamba("summarise", "lecture.mp4", "--json", "-p", "lecture")
    document = check_schema("summarise", ran.out)
    (item,) = document["items"]
    assert [entry["start_seconds"] for entry in item["outline"]] == [0.0, 65.0, 3600.0]
    assert document["preset"] == ["lecture"] and document["failures"] == []
    assert ran.err.splitlines()[-1] == "note: 2 frames are damaged"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--style", "poem"), "--style = 'poem' is not known: choose paragraph, bullets, outline"),
        (("--length", "tiny"), "--length = 'tiny' is not known: choose short, medium, long"),
        (("--format", "html"), "there is no format 'html'"),
        (("--format", "sr"), "did you mean 'srt'?"),
        (("--format", "srt", "--format", "md"), "srt and md do not go into one place (stdout)"),
        (("--out", "summary.doc"), "the ending of 'summary.doc' belongs to no format"),
        (("--out", "lecture.mp4", "--format", "md"), "lecture.mp4 is the video itself"),
        (("--out", "lecture.mp4/site/"), "cannot be made"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_usage_errors(vamba: Vamba, api: FakeApi, lecture: Path, options: tuple[str, ...], said: str) -> None:
    ran = vamba("summarise", "lecture.mp4", *options)
    assert ran.code == 2 and ran.out == ""
    assert ran.err.startswith("error: ") and said in ran.err and len(ran.err.splitlines()) == 1
    assert api.worked == [] and lecture.read_bytes() == b""


@pytest.mark.parametrize(
    ("error", "code"), [(MediaError("not a video"), 4), (MemoryBudgetError("too much"), 5), (ModelError("none"), 6)]
)
def test_a_single_bad_file_is_the_error(vamba: Vamba, api: FakeApi, lecture: Path, error: Exception, code: int) -> None:
    api.trouble["lecture.mp4"] = error
    ran = vamba("summarise", "lecture.mp4", "--json")
    assert ran.code == code and ran.out == "" and ran.err.splitlines()[-1] == f"error: {error}"
    assert vamba("summarise", "gone.mp4").code == 4
    assert vamba("summarise").code == 2


def test_a_folder_to_the_terminal_and_to_one_document(vamba: Vamba, api: FakeApi, folder: Path) -> None:
    ran = vamba("summarise", "v")
    assert ran.code == 0 and ran.out.count(OUTLINE) == 3
    assert ran.out.startswith("v/2.mp4\nA lecture about") and "\n\nv/10.mkv\n" in ran.out
    assert vamba("summarise", "v", "--out", "all.csv").code == 0
    rows = list(csv.DictReader(Path("all.csv").read_text("utf-8").splitlines()))
    assert list(dict.fromkeys(row["path"] for row in rows)) == ["v/2.mp4", "v/10.mkv", "v/part/2.mp4"]
    text = vamba("summarise", "v", "--format", "md").out
    assert [line for line in text.splitlines() if line.startswith("# ")] == [
        "# v/2.mp4",
        "# v/10.mkv",
        "# v/part/2.mp4",
    ]


@pytest.mark.parametrize("name", ["srt", "webvtt"])
def test_formats_of_one_video_refuse_several(vamba: Vamba, api: FakeApi, folder: Path, name: str) -> None:
    ran = vamba("summarise", "v", "--format", name)
    assert ran.code == 2 and f"a document in {name} holds one video, and there are 3" in ran.err
    assert vamba("summarise", "v", "--format", name, "--out", "docs").code == 0
    assert sorted(path.relative_to("docs").parts[0] for path in Path("docs").glob("*"))[-1] == "part"


def test_a_bad_file_does_not_stop_the_others(vamba: Vamba, api: FakeApi, folder: Path) -> None:
    api.trouble["10.mkv"] = MediaError("v/10.mkv is no video: check it")
    ran = vamba("summarise", "v", "--out", "all.json")
    assert ran.code == 3 and ran.out == ""
    assert ran.err.splitlines()[-2:] == ["error: 1 of 3 videos failed:", "  v/10.mkv is no video: check it"]
    document = check_schema("summarise", Path("all.json").read_text())
    assert len(document["items"]) == 2 and document["failures"][0]["path"] == "v/10.mkv"


def test_an_interrupt_keeps_what_is_done(vamba: Vamba, api: FakeApi, folder: Path) -> None:
    api.trouble["10.mkv"] = KeyboardInterrupt()
    assert vamba("summarise", "v", "--out", "all.json").code == 130
    (item,) = json.loads(Path("all.json").read_text())["items"]
    assert item["video"]["path"] == "v/2.mp4"


@pytest.mark.parametrize("name", [b"two\nlines.mp4", b"no\xff\xfeutf8.mp4"])
def test_hostile_names(vamba: Vamba, api: FakeApi, name: bytes) -> None:
    Path(os.fsdecode(name)).touch()
    for format_name in FORMATS:
        assert vamba("summarise", os.fsdecode(name), "--format", format_name).code == 0
    assert vamba("summarise", ".").out.count("\n") == 7
