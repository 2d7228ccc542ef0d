"""`vamba chapters`: what lands on stdout, in files and in folders, and what is said when something fails."""

import csv
import errno
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest

from tests.cli.conftest import FakeApi, Vamba
from tests.cli.test_contract import check_schema
from tests.media.synthetic import Recipe, constant, write
from vamba_cli.errors import MediaError, MemoryBudgetError, ModelError
from vamba_cli.output.formats import CHAPTER_FORMATS
from vamba_cli.results import NOT_LOOKED_AT, Chapter

FORMATS = [entry.name for entry in CHAPTER_FORMATS]
SEVERAL = [entry.name for entry in CHAPTER_FORMATS if entry.several]
LONG = (Chapter(0.0, 65.0, "Opening"), Chapter(65.0, 300.0, "Middle"), Chapter(300.0, 400.0, "End"))
as_root = pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")


@pytest.fixture
def lecture() -> Path:
    path = Path("lecture.mp4")
    path.touch()
    return path


@pytest.fixture
def folder() -> Path:
    """Three videos, two of them of one name."""
    for name in ("v/2.mp4", "v/10.mkv", "v/part/2.mp4", "v/notes.txt"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    return Path("v")


def beginning_of(name: str) -> str:
    """How a document of this format begins."""
    return {
        "json": '{\n  "schema_version": 1',
        "youtube": "0:00 Opening\n",
        "webvtt": "WEBVTT\n",
        "ffmetadata": ";FFMETADATA1\n",
        "podcast": '{\n  "version": "1.2.0"',
        "matroska": "<?xml",
        "csv": "path,number,start_seconds",
        "md": "# lecture.mp4\n",
        "html": "<!doctype html>",
    }[name]


# one video


def test_the_list_alone_is_on_stdout(vamba: Vamba, api: FakeApi, lecture: Path) -> None:
    ran = vamba("chapters", "lecture.mp4")
    assert ran.code == 0
    assert ran.out == (
        "   0:00  Opening\n"
        "   1:05  The chain rule\n"
        "         Shows: how errors go backwards through a network.\n"
        "1:00:00  (no title, until 1:02:05)\n"
    )
    assert ran.err == "encoding 1024 frames\n"


def test_what_was_not_looked_at_is_no_part_without_a_title(vamba: Vamba, api: FakeApi, lecture: Path) -> None:
    api.found = (
        Chapter(0.0, 240.0, NOT_LOOKED_AT, "unseen"),
        Chapter(240.0, 300.0, "Heaps"),
        Chapter(300.0, 340.0, "Trees"),
    )
    begin = "0:00  (not looked at, until 4:00)\n4:00  Heaps\n"
    assert vamba("chapters", "lecture.mp4").out.startswith(begin)
    assert vamba("summarise", "lecture.mp4").out.endswith(f"\n\n{begin}5:00  Trees\n")
    assert vamba("chapters", "lecture.mp4", "--format", "youtube").out.startswith("0:00 (not looked at)\n4:00 Heaps\n")
    (item,) = check_schema("chapters", vamba("chapters", "lecture.mp4", "--json").out)["items"]
    assert item["chapters"][0]["title_source"] == "unseen"


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_goes_to_stdout_a_file_and_a_folder(vamba: Vamba, api: FakeApi, lecture: Path, name: str) -> None:
    plain = vamba("chapters", "lecture.mp4", "--format", name)
    assert plain.code == 0 and plain.out.lower().startswith(beginning_of(name).lower())
    assert vamba("chapters", "lecture.mp4", "--format", name, "-o", "-").out == plain.out
    in_file = vamba("chapters", "lecture.mp4", "--format", name, "--out", "one.document")
    assert in_file.code == 0 and in_file.out == ""
    assert Path("one.document").read_text("utf-8").startswith(plain.out[:15])
    assert vamba("chapters", "lecture.mp4", "-f", name, "-o", "site/").out == ""
    (written,) = Path("site").iterdir()
    (entry,) = (entry for entry in CHAPTER_FORMATS if entry.name == name)
    assert written.name == f"lecture.chapters{entry.suffix}"
    if name != "html":  # it links to the video, which stands elsewhere
        assert written.read_text("utf-8") == plain.out


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("a.json", "json"), ("a.txt", "youtube"), ("a.vtt", "webvtt"), ("a.ffmetadata", "ffmetadata"),
        ("a.podcast.json", "podcast"), ("a.XML", "matroska"), ("a.csv", "csv"), ("a.md", "md"), ("a.html", "html"),
    ],
)  # fmt: skip
def test_the_name_of_the_file_decides(vamba: Vamba, api: FakeApi, lecture: Path, file: str, name: str) -> None:
    assert vamba("chapters", "lecture.mp4", "--out", file).code == 0
    assert Path(file).read_text("utf-8").lower().startswith(beginning_of(name).lower())


def test_several_formats_become_files_of_a_folder(vamba: Vamba, api: FakeApi, lecture: Path) -> None:
    ran = vamba("chapters", "lecture.mp4", "--format", "webvtt", "--format", "csv", "--format", "csv", "--out", "site")
    assert ran.code == 0 and ran.out == ""
    assert sorted(path.name for path in Path("site").iterdir()) == ["lecture.chapters.csv", "lecture.chapters.vtt"]
    assert "written: site/lecture.chapters.vtt" in ran.err


def test_a_name_without_ending_is_a_folder_for_json(vamba: Vamba, api: FakeApi, lecture: Path, folder: Path) -> None:
    assert vamba("chapters", "lecture.mp4", "v", "--out", "docs").code == 0
    assert sorted(path.relative_to("docs").as_posix() for path in Path("docs").rglob("*.*")) == [
        "10.chapters.json",
        "2.chapters.json",
        "lecture.chapters.json",
        "part/2.chapters.json",
    ]


def test_json_follows_its_schema(vamba: Vamba, api: FakeApi, lecture: Path) -> None:
    api.warnings = ("2 frames are damaged",)
    document = check_schema("chapters", vamba("chapters", "lecture.mp4", "--json", "-q", "when?", "-p", "lecture").out)
    (item,) = document["items"]
    chapters = item["chapters"]
    assert [chapter["title_source"] for chapter in chapters] == ["model", "model", "time"]
    assert all(one["end_seconds"] == other["start_seconds"] for one, other in pairwise(chapters))
    assert "summary" in chapters[1] and "summary" not in chapters[0]
    assert item["curves"][0]["question"] == "when?" and document["preset"] == ["lecture"]
    assert "curves" not in check_schema("chapters", vamba("chapters", "lecture.mp4", "--json").out)["items"][0]


def test_wishes_reach_the_library(vamba: Vamba, api: FakeApi, lecture: Path) -> None:
    vamba("chapters", "lecture.mp4", "--min-length", "1:30", "--max-chapters", "9", "--summaries", "--fps", "0.5")
    wishes = api.wishes
    assert (wishes.min_length_seconds, wishes.max_chapters, wishes.count, wishes.summaries) == (90.0, 9, None, True)
    assert api.settings.fps == 0.5
    vamba("chapters", "lecture.mp4", "--count", "4", "-q", "one?", "-q", "two?", "--format", "html")
    assert api.wishes.count == 4 and api.wishes.questions == ("one?", "two?")


def test_warnings_are_said_unless_they_were_heard(vamba: Vamba, api: FakeApi, lecture: Path) -> None:
    api.warnings = ("the picture is odd",)
    assert vamba("chapters", "lecture.mp4").err.splitlines()[-1] == "note: the picture is odd"
    assert vamba("chapters", "lecture.mp4", "--quiet").err == ""


def test_youtube_says_what_it_joined(vamba: Vamba, api: FakeApi, lecture: Path) -> None:
    api.found = (*LONG, Chapter(400.0, 403.0, "Thanks"))
    ran = vamba("chapters", "lecture.mp4", "--format", "youtube")
    assert ran.code == 0 and "Thanks" not in ran.out and "1 chapter shorter than 10 seconds" in ran.err


def test_too_few_chapters_for_youtube(vamba: Vamba, api: FakeApi, lecture: Path) -> None:
    api.found = LONG[:1]
    ran = vamba("chapters", "lecture.mp4", "--format", "youtube")
    assert ran.code == 2 and ran.out == "" and "at least 3" in ran.err
    ran = vamba("chapters", "lecture.mp4", "--format", "youtube", "--format", "csv", "--out", "site")
    assert ran.code == 3 and [path.name for path in Path("site").iterdir()] == ["lecture.chapters.csv"]
    assert ran.err.splitlines()[-1].startswith("error: lecture.mp4: YouTube shows")


# what is refused


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--count", "0"), "--count = 0 is not allowed: it must be 1 or more"),
        (("--max-chapters", "-2"), "--max-chapters = -2 is not allowed"),
        (("--min-length", "-1"), "'--min-length': time '-1' is not allowed"),
        (("--min-length", "soon"), "'--min-length': time 'soon' is not understood"),
        (("--count", "3", "--max-chapters", "4"), "--count (3) and --max-chapters (4): give one of them"),
        (("--format", "yuotube"), "did you mean 'youtube'?"),
        (("--format", "json", "--format", "csv"), "json and csv do not go into one place (stdout)"),
        (("--out", "chapters.doc"), "the ending of 'chapters.doc' belongs to no format"),
        (("--out", ""), "--out is empty"),
        (("--out", "no/such/chapters.json"), "no/such does not exist"),
        (("--out", "lecture.mp4", "--format", "json"), "lecture.mp4 is the video itself"),
        (("--out", "lecture.mp4/", "--format", "json"), "lecture.mp4 is a file"),
        (("--out", "lecture.mp4/site/"), "the folder lecture.mp4/site cannot be made"),
        (("--question", "when?"), "--question is answered in html and json alone"),
        (("--question", "when?", "--format", "csv"), "--question is answered in html and json alone"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_usage_errors(vamba: Vamba, api: FakeApi, lecture: Path, options: tuple[str, ...], said: str) -> None:
    ran = vamba("chapters", "lecture.mp4", *options)
    assert ran.code == 2 and ran.out == ""
    assert ran.err.startswith("error: ") and said in ran.err and len(ran.err.splitlines()) == 1
    assert api.worked == [] and lecture.read_bytes() == b""


@pytest.mark.parametrize("name", sorted(set(FORMATS) - set(SEVERAL)))
def test_formats_of_one_video_refuse_several(vamba: Vamba, api: FakeApi, folder: Path, name: str) -> None:
    for place in ((), ("--out", "-")):
        ran = vamba("chapters", "v", "--format", name, *place)
        assert ran.code == 2 and ran.out == ""
        assert f"a document in {name} holds one video, and there are 3: name a folder" in ran.err
    assert vamba("chapters", "v", "--format", name, "--out", "documents").code == 0
    assert len([path for path in Path("documents").rglob("*") if path.is_file()]) == 3


@pytest.mark.parametrize(
    ("video", "formats", "out", "said"),
    [
        ("v", "--format webvtt", "one.vtt", "a document in webvtt holds one video, and there are 3: name a folder"),
        ("v", "--format youtube", "list.TXT", "a document in youtube holds one video"),
        ("lecture.mp4", "--format csv --format html", "o.csv", "do not go into one place (o.csv): name a folder"),
    ],
)
def test_a_name_of_a_document_is_no_folder(
    vamba: Vamba, api: FakeApi, lecture: Path, folder: Path, video: str, formats: str, out: str, said: str
) -> None:
    ran = vamba("chapters", video, *formats.split(), "--out", out)
    assert ran.code == 2 and said in ran.err and not api.worked and not Path(out).exists()
    assert vamba("chapters", video, *formats.split(), "--out", f"{out}/").code == 0 and Path(out).is_dir()


@as_root
def test_a_place_that_is_not_ours(vamba: Vamba, api: FakeApi, lecture: Path) -> None:
    Path("locked").mkdir(mode=0o500)
    for place in ("locked/", "locked/a.json", "locked/new/"):
        ran = vamba("chapters", "lecture.mp4", "--out", place)
        assert ran.code == 2 and "choose another place" in ran.err and api.worked == []


def test_paths_without_a_video(vamba: Vamba, api: FakeApi) -> None:
    assert vamba("chapters").code == 2
    ran = vamba("chapters", "gone.mp4")
    assert ran.code == 4 and ran.err == "error: gone.mp4 does not exist: check the name\n"
    Path("empty").mkdir()
    ran = vamba("chapters", "empty", "--json")
    assert ran.code == 4 and ran.out == "" and "no video was found in empty" in ran.err


def test_an_empty_name_among_others(vamba: Vamba, api: FakeApi, lecture: Path) -> None:
    ran = vamba("chapters", "", "lecture.mp4")
    assert ran.code == 3 and "  '': the name is empty" in ran.err and api.worked == ["lecture.mp4"]


@pytest.mark.parametrize(
    ("error", "code"), [(MediaError("not a video"), 4), (MemoryBudgetError("too much"), 5), (ModelError("none"), 6)]
)
@pytest.mark.parametrize("place", [(), ("--json",), ("--out", "old.json")])
def test_a_single_bad_file_is_the_error(
    vamba: Vamba, api: FakeApi, lecture: Path, error: Exception, code: int, place: tuple[str, ...]
) -> None:
    Path("old.json").write_text("of earlier")
    api.trouble["lecture.mp4"] = error
    ran = vamba("chapters", "lecture.mp4", *place)
    assert ran.code == code and ran.out == ""
    assert ran.err.splitlines()[-1] == f"error: {error}"
    assert Path("old.json").read_text() == "of earlier"


# folders


def test_a_folder_in_natural_order(vamba: Vamba, api: FakeApi, folder: Path) -> None:
    ran = vamba("chapters", "v")
    assert ran.code == 0 and api.worked == ["2.mp4", "10.mkv", "2.mp4"]
    assert [line for line in ran.out.splitlines() if line.startswith("v/")] == ["v/2.mp4", "v/10.mkv", "v/part/2.mp4"]
    assert ran.out.startswith("v/2.mp4\n   0:00  Opening\n") and "\n\nv/10.mkv\n" in ran.out
    assert [line for line in ran.err.splitlines() if line.startswith("video ")] == [
        "video 1 of 3: v/2.mp4",
        "video 2 of 3: v/10.mkv",
        "video 3 of 3: v/part/2.mp4",
    ]


@pytest.mark.parametrize("name", SEVERAL)
def test_one_document_of_many_videos(vamba: Vamba, api: FakeApi, folder: Path, name: str) -> None:
    assert vamba("chapters", "v", "--format", name, "--out", "all.document").code == 0
    text = Path("all.document").read_text("utf-8")
    assert vamba("chapters", "v", "--format", name).out == text
    if name == "json":
        paths = [item["video"]["path"] for item in check_schema("chapters", text)["items"]]
    elif name == "csv":
        paths = list(dict.fromkeys(row["path"] for row in csv.DictReader(text.splitlines())))
    else:
        paths = [line[2:] for line in text.splitlines() if line.startswith("# ")]
    assert paths == ["v/2.mp4", "v/10.mkv", "v/part/2.mp4"]


def test_equal_names_keep_their_folders(vamba: Vamba, api: FakeApi, folder: Path) -> None:
    assert vamba("chapters", "v", "--out", "docs", "--format", "md", "--format", "json").code == 0
    written = sorted(path.relative_to("docs").as_posix() for path in Path("docs").rglob("*.json"))
    assert written == ["10.chapters.json", "2.chapters.json", "part/2.chapters.json"]
    video = json.loads(Path("docs/part/2.chapters.json").read_text())["items"][0]["video"]
    assert video["path"] == "v/part/2.mp4"


def test_a_bad_file_does_not_stop_the_others(vamba: Vamba, api: FakeApi, folder: Path) -> None:
    api.trouble["10.mkv"] = MediaError("v/10.mkv is no video: check it")
    ran = vamba("chapters", "v", "gone.mp4", "--json")
    assert ran.code == 3 and api.worked == ["2.mp4", "2.mp4"]
    document = check_schema("chapters", ran.out)
    assert [(one["path"], one["kind"]) for one in document["failures"]] == [
        ("gone.mp4", "NotFound"),
        ("v/10.mkv", "MediaError"),
    ]
    assert "failed: v/10.mkv is no video: check it" in ran.err
    assert ran.err.splitlines()[-3:] == [
        "error: 2 of 4 videos failed:",
        "  gone.mp4: does not exist",
        "  v/10.mkv is no video: check it",
    ]
    quiet = vamba("chapters", "v", "--quiet")
    assert quiet.code == 3 and quiet.err.startswith("error: 1 of 3 videos failed:\n")


def test_all_bad_is_no_crash(vamba: Vamba, api: FakeApi, folder: Path) -> None:
    api.trouble = dict.fromkeys(("2.mp4", "10.mkv"), RuntimeError("a bug\nin two lines"))
    ran = vamba("chapters", "v", "--out", "all.json")
    assert ran.code == 3 and "  v/10.mkv: a bug in two lines" in ran.err.splitlines()
    document = check_schema("chapters", Path("all.json").read_text())
    assert document["items"] == [] and len(document["failures"]) == 3


def test_a_model_that_is_missing_ends_it(vamba: Vamba, api: FakeApi, folder: Path) -> None:
    Path("all.json").write_text("of earlier")
    ran = vamba("chapters", "v", "--model", "absent", "--out", "all.json")
    assert ran.code == 6 and ran.out == "" and Path("all.json").read_text() == "of earlier"


def test_too_few_for_youtube_in_a_folder_leaves_the_rest(vamba: Vamba, api: FakeApi, folder: Path) -> None:
    api.found = LONG[:2]
    ran = vamba("chapters", "v", "--format", "youtube", "--format", "csv", "--out", "docs")
    assert ran.code == 3 and len(list(Path("docs").rglob("*.csv"))) == 3 and not list(Path("docs").rglob("*.txt"))
    assert "error: 3 of 3 videos failed, in part or as a whole:" in ran.err


def test_a_name_that_is_too_long_is_one_failure(vamba: Vamba, api: FakeApi, folder: Path) -> None:
    long = "x" * 245 + ".mp4"
    Path(folder, long).touch()
    ran = vamba("chapters", "v", "--out", "docs", "--format", "podcast")
    assert ran.code == 3 and len(list(Path("docs").rglob("*.json"))) == 3
    assert "cannot be written: File name too long; choose another place" in ran.err and "bug" not in ran.err


@pytest.mark.parametrize("name", [b"two\nlines.mp4", b"no\xff\xfeutf8.mp4", b"esc\x1b[2J.mp4", "دم.mp4".encode()])
def test_hostile_names(vamba: Vamba, api: FakeApi, name: bytes) -> None:
    video = os.fsdecode(name)
    Path("odd").mkdir()
    Path("odd", video).touch()
    text = vamba("chapters", "odd")
    assert text.code == 0 and text.out.count("\n") == 6 and "\x1b" not in text.out + text.err
    check_schema("chapters", vamba("chapters", "odd", "--json").out)
    every = [word for format_name in FORMATS for word in ("--format", format_name)]
    assert vamba("chapters", "odd", *every, "--out", "docs").code == 0
    assert len(list(Path("docs").iterdir())) == len(FORMATS)
    Path("odd", video).unlink()
    api.trouble[video] = MediaError("broken")
    Path("odd", video).touch()
    assert vamba("chapters", "odd").err.splitlines()[-1].endswith(": broken")


# interrupted


def test_an_interrupt_keeps_what_is_done(vamba: Vamba, api: FakeApi, folder: Path) -> None:
    api.trouble["10.mkv"] = KeyboardInterrupt()
    ran = vamba("chapters", "v", "--out", "all.json")
    assert ran.code == 130 and ran.err.splitlines()[-1] == "written: all.json, with what is done: 1 video"
    document = check_schema("chapters", Path("all.json").read_text())
    assert [item["video"]["path"] for item in document["items"]] == ["v/2.mp4"]
    ran = vamba("chapters", "v", "--json")
    assert ran.code == 130 and len(check_schema("chapters", ran.out)["items"]) == 1
    assert vamba("chapters", "v", "--out", "docs", "--format", "csv").code == 130
    assert [path.name for path in Path("docs").iterdir()] == ["2.chapters.csv"]


def test_an_interrupt_at_once_leaves_the_old_document(vamba: Vamba, api: FakeApi, folder: Path) -> None:
    Path("all.json").write_text("of earlier")
    api.trouble["2.mp4"] = KeyboardInterrupt()
    assert vamba("chapters", "v", "--out", "all.json").code == 130
    assert Path("all.json").read_text() == "of earlier"
    ran = vamba("chapters", "v", "--json")
    assert ran.code == 130 and ran.out == ""


PROGRAM = """
import sys, time, vamba_cli
from pathlib import Path
from tests.cli.conftest import FakeApi
fake = FakeApi()
chapters = fake._chapters
def slow(video, on_event):
    result = chapters(video, on_event)
    if video.name == "10.mkv":
        {body}
    return result
fake._chapters = slow
sys.modules["vamba_cli.api"] = vamba_cli.api = fake.as_module()
from vamba_cli.cli.app import main
sys.exit(main())
"""


def program(body: str, *arguments: str) -> list[str]:
    """A process of its own that works through videos as the stand-in does, and does this at `10.mkv`."""
    return [sys.executable, "-c", PROGRAM.format(body=body), "chapters", *arguments]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_keep_what_is_done(folder: Path, number: int, code: int) -> None:
    command = program('Path("ready").touch(); time.sleep(30)', "v", "--out", "all.json")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 30
        while not Path("ready").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
    assert process.returncode == code and out == "" and "Traceback" not in err
    document = check_schema("chapters", Path("all.json").read_text())
    assert [item["video"]["path"] for item in document["items"]] == ["v/2.mp4"]


# copies with chapters


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """Two real videos of two seconds in a folder of their own."""
    films = Path("films")
    (films / "sub").mkdir(parents=True)
    write(Recipe(constant(50)), films, "a")
    write(Recipe(constant(50)), films / "sub", "a")
    return films


@pytest.fixture
def short(api: FakeApi) -> FakeApi:
    api.found = (Chapter(0.0, 1.0, "Opening"), Chapter(1.0, 2.0, "End"))
    return api


def titles_in(path: Path) -> list[Any]:
    with av.open(str(path)) as container:
        return [chapter["metadata"].get("title") for chapter in container.chapters()]


def test_embed_beside_the_video(vamba: Vamba, short: FakeApi, real: Path) -> None:
    before = (real / "a.mp4").read_bytes()
    ran = vamba("chapters", "films/a.mp4", "--embed")
    assert ran.code == 0 and ran.out.startswith("0:00  Opening\n")
    assert ran.err.splitlines()[-1] == "written: films/a.chapters.mp4"
    assert titles_in(real / "a.chapters.mp4") == ["Opening", "End"]
    assert (real / "a.mp4").read_bytes() == before and len(list(real.iterdir())) == 3


def test_embed_into_a_folder(vamba: Vamba, short: FakeApi, real: Path) -> None:
    assert vamba("chapters", "films", "--embed", "--out", "out", "--format", "json").code == 0
    written = sorted(path.relative_to("out").as_posix() for path in Path("out").rglob("*.*"))
    assert written == ["a.chapters.json", "a.chapters.mp4", "sub/a.chapters.json", "sub/a.chapters.mp4"]
    assert not list(real.rglob("*.chapters.*"))


def test_copies_are_not_worked_on_again(vamba: Vamba, short: FakeApi, real: Path) -> None:
    for _ in range(2):
        short.worked.clear()
        assert vamba("chapters", "films", "--embed").code == 0
        assert short.worked == ["a.mp4", "a.mp4"]
    assert sorted(path.name for path in real.rglob("*.mp4")) == ["a.chapters.mp4"] * 2 + ["a.mp4"] * 2
    assert vamba("chapters", "films/a.chapters.mp4").code == 0 and short.worked[-1] == "a.chapters.mp4"
    (real / "a.mp4").unlink()
    (real / "sub" / "a.mp4").unlink()
    ran = vamba("chapters", "films")
    assert ran.code == 4 and "but 2 with chapters inside, written by --embed" in ran.err


def test_a_copy_that_cannot_be_written(vamba: Vamba, short: FakeApi, real: Path) -> None:
    (real / "a.chapters.mp4").mkdir()
    ran = vamba("chapters", "films/a.mp4", "--embed")
    assert ran.code == 2 and "films/a.chapters.mp4 cannot be written" in ran.err and "bug" not in ran.err
    ran = vamba("chapters", "films", "--embed")
    assert ran.code == 3 and (real / "sub" / "a.chapters.mp4").is_file()
    assert "error: 1 of 2 videos failed, in part or as a whole:" in ran.err


def test_a_folder_for_copies_that_cannot_be_written_is_refused_first(
    vamba: Vamba, short: FakeApi, real: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path).name != "sub")  # root may write everywhere else
    for video in ("films/sub/a.mp4", "films"):
        ran = vamba("chapters", video, "--embed")
        assert ran.code == 2 and short.worked == []
        assert ran.err.startswith("error: films/sub/a.chapters.mp4 cannot be written: films/sub is not yours to write")
    assert vamba("chapters", "films", "--embed", "--out", "out/").code == 0
    ran = vamba("chapters", "films/sub/gone.mp4", "--embed")
    assert ran.code == 4 and "does not exist" in ran.err


def test_a_full_disk_is_told_with_the_name_of_the_copy(
    vamba: Vamba, short: FakeApi, real: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_source: Path, _chapters: object, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(target.with_name(".vamba-embed-x.mp4")))

    monkeypatch.setattr("vamba_cli.media.embed.embed_chapters", full)
    ran = vamba("chapters", "films/a.mp4", "--embed")
    assert ran.code == 2 and "No space left on device (films/a.chapters.mp4)" in ran.err


def test_a_file_that_is_no_video_has_no_copy(vamba: Vamba, short: FakeApi, lecture: Path) -> None:
    ran = vamba("chapters", "lecture.mp4", "--embed")
    assert ran.code == 4 and list(Path().glob("*.mp4")) == [lecture]


def test_one_file_of_subtitles_belongs_to_one_video(vamba: Vamba, short: FakeApi, real: Path) -> None:
    Path("said.srt").write_text("")
    ran = vamba("chapters", "films", "--subs", "said.srt")
    assert ran.code == 2 and "--subs said.srt belongs to one video, and there are 2" in ran.err
    assert vamba("chapters", "films/a.mp4", "--subs", "said.srt").code == 0


# on a terminal


def on_a_terminal(command: list[str], columns: int = 80, code: int = 0) -> tuple[bytes, bytes]:
    """What a command writes to its stdout, a pipe, and to its stderr, a terminal."""
    master, slave = os.openpty()
    shown = bytearray()

    def read() -> None:  # while the command runs: a terminal holds a few kilobytes, then who writes to it waits
        with suppress(OSError):  # its end, on Linux
            while chunk := os.read(master, 65536):
                shown.extend(chunk)

    reader = threading.Thread(target=read)
    reader.start()
    environ = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(columns)}
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=slave, env=environ, check=False, timeout=60)
    finally:
        os.close(slave)
        reader.join()
        os.close(master)
    assert done.returncode == code
    return done.stdout, bytes(shown)


def test_two_bars_for_many_videos_and_one_for_one(folder: Path) -> None:
    out, shown = on_a_terminal(program("time.sleep(0.3)", "v"))
    assert b"\x1b" not in out and out.count(b"Opening") == 3
    assert b"2/3 10.mkv" in shown and b"512/1024 frames, 0:12 left, 40 frames/s" in shown
    assert max(map(len, lines_of(shown))) <= 77  # a terminal's ^C has room
    out, shown = on_a_terminal(program("time.sleep(0.3)", "v/10.mkv"))
    assert out.count(b"Opening") == 1
    assert b"videos" not in shown and b"512/1024 frames" in shown


def test_notes_stand_above_the_bars(folder: Path) -> None:
    """Lines of a console of its own would begin within a bar and be erased with it."""
    body = 'raise ValueError("broken")'
    _, shown = on_a_terminal([*program(body, "v", "--out", "docs/", "--verbose")], code=3)
    noted = [line for line in lines_of(shown) if line.startswith(("written: ", "failed: "))]
    assert noted == [
        "written: docs/2.chapters.json",
        "failed: v/10.mkv: broken",
        "written: docs/part/2.chapters.json",
    ]


def lines_of(shown: bytes) -> list[str]:
    """What stood on the terminal, one line after the other, without colours."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", re.sub(r"\r(?!\n)", "\n", shown.decode())).splitlines()
