"""The built-in tasks with the bundled model over real, short videos: the documents are those of the commands."""

import importlib.resources
import json
import re
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.batch.conftest import Archive, Ran
from tests.paths import MEDIA

TASKS = {
    "ask": ("-q", "what is shown?"),
    "chapters": ("--count", "1"),
    "summarise": ("--style", "bullets"),
}
TIMING = {"load_seconds": 0.0, "encode_seconds": 0.0, "answer_seconds": 0.0}


def completed(document: dict[str, Any]) -> dict[str, Any]:
    """With what a result leaves to its record, so that equal results are equal files."""
    for part in document.get("items", [document]):
        part |= {"timing": TIMING, "from_cache": False}
    return document


@pytest.mark.parametrize("task", TASKS)
def test_built_in_tasks(archive: Archive, task: str) -> None:
    if not (MEDIA / "counter.mp4").exists():
        pytest.skip("the shared media are not here")
    for name in ("counter.mp4", "fades.mp4"):
        shutil.copy(MEDIA / name, archive.folder)
    archive.put(broken="this is no video")
    ran = archive.run("--no-cache", *TASKS[task], task=task)
    assert ran.code == 3
    assert ran.statuses() == {"broken.mp4": "failed", "counter.mp4": "done", "fades.mp4": "done"}
    assert ran.line("broken.mp4")["error"]["kind"] == "MediaError"
    schema_file = importlib.resources.files("vamba_cli") / "schemas" / f"{task}.json"
    schema = json.loads(schema_file.read_text("utf-8"))
    for name in ("counter.mp4", "fades.mp4"):
        document = json.loads(Path(ran.line(name)["output"]).read_text("utf-8"))
        jsonschema.validate(completed(document), schema, cls=jsonschema.Draft202012Validator)
        record = archive.records()[f"in/{name}"]
        assert record["num_frames"] >= 2 and record["timing"]["encode_seconds"] > 0
    before = archive.results()
    archive.run("--no-cache", "--force", *TASKS[task], task=task)
    assert archive.results() == before  # to the byte


def test_wishes_that_cannot_be_fulfilled_are_told_once(archive: Archive) -> None:
    archive.put(a="x", b="x")
    ran = archive.run("--style", "haiku", task="summarise")
    assert (ran.code, ran.lines) == (2, []) and "haiku" in ran.err
    assert archive.run("--style", "bullets", task="chapters").code == 2


def test_a_subtitle_file_that_comes_later_is_seen_by_checksum(archive: Archive) -> None:
    if not (MEDIA / "counter.mp4").exists():
        pytest.skip("the shared media are not here")
    shutil.copy(MEDIA / "counter.mp4", archive.folder)
    archive.run(task="chapters")
    (archive.folder / "counter.srt").write_text("1\n00:00:00,000 --> 00:00:02,000\nHello\n")
    assert archive.run(task="chapters").statuses() == {"counter.mp4": "skipped"}
    assert archive.run("--checksum", task="chapters").statuses() == {"counter.mp4": "done"}
    assert archive.run("--checksum", "--no-subs", task="chapters").statuses() == {"counter.mp4": "done"}


def kibibytes(ran: Ran) -> float:
    """Of the room that a dry run foretells."""
    found = re.search(r"disk +([\d.]+) KiB", ran.err)
    assert found is not None
    return float(found[1])


def test_dry_run_looks_into_real_videos(archive: Archive) -> None:
    if not (MEDIA / "counter.mp4").exists():
        pytest.skip("the shared media are not here")
    shutil.copy(MEDIA / "counter.mp4", archive.folder)
    archive.put(broken="this is no video")
    ran = archive.run("--dry-run", task="chapters")
    assert ran.code == 0 and ran.line("counter.mp4")["num_frames"] >= 2
    assert ran.line("broken.mp4")["error"]["kind"] == "MediaError"
    for row in ("frames", "tokens", "memory", "time", "disk"):
        assert f"\n  {row} " in ran.err, row
    assert "1 of 2 looked into cannot be read" in ran.err and "roughly" in ran.err
    room = kibibytes(ran)
    archive.run(task="chapters")
    again = Archive(archive.folder, archive.out.parent / "again").run("--dry-run", task="chapters")
    assert kibibytes(again) < room / 10  # what lies in the cache takes no more
    assert "speed of earlier videos" in archive.run("--dry-run", "--force", task="chapters").err
