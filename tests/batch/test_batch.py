"""`vamba batch` from end to end: what runs, what runs again, what a failure costs, and how it ends."""

import importlib.resources
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest

from tests.batch.conftest import Archive, children_of, claimed, ended, kill, wait_until
from tests.paths import ROOT

SCHEMA = json.loads((importlib.resources.files("vamba_cli") / "schemas" / "batch.json").read_text("utf-8"))


def check(lines: list[dict[str, object]]) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    for line in lines:
        jsonschema.validate(line, SCHEMA, cls=jsonschema.Draft202012Validator)


# results and records


def test_results_records_and_lines_agree(archive: Archive) -> None:
    archive.put(a="steady 0 one", b="steady 0 two")
    archive.write("week 1/c.mp4", "steady 0 three")
    ran = archive.run()
    assert ran.code == 0
    check(ran.lines)
    assert ran.statuses() == {"a.mp4": "done", "b.mp4": "done", "c.mp4": "done"}
    assert sorted(archive.results()) == ["in/a.mp4.play.json", "in/b.mp4.play.json", "in/week 1/c.mp4.play.json"]
    for line in ran.lines:
        result = json.loads(Path(line["output"]).read_text())
        record = archive.records()[line["name"]]
        assert result["video"] == {"path": line["path"]} and "timing" not in result
        assert record["fingerprint"] == line["fingerprint"] and record["timing"]["play_seconds"] > 0
        assert record["output_bytes"] == Path(line["output"]).stat().st_size
        assert record["attempts"] == 1 and record["error"] is None
    assert archive.leftovers() == []


def test_the_worker_cannot_spoil_stdout(archive: Archive) -> None:
    archive.put(a="noise", b="steady 0")
    ran = archive.run("--log-file", str(archive.out.parent / "log"))
    assert ran.statuses() == {"a.mp4": "done", "b.mp4": "done"}
    assert "libnative" not in ran.err
    assert "libnative 1.0" in (archive.out.parent / "log").read_text()


def test_done_is_skipped_without_starting_a_worker(archive: Archive) -> None:
    archive.put(a="steady 0", b="steady 0")
    first = archive.run()
    before = archive.results()
    again = archive.run("--log-file", str(archive.out.parent / "log"))
    assert again.code == 0
    check(again.lines)
    assert set(again.statuses().values()) == {"skipped"}
    assert [line["fingerprint"] for line in again.lines] == [line["fingerprint"] for line in first.lines]
    assert archive.results() == before
    assert "process" not in (archive.out.parent / "log").read_text().replace("process_", "")


def test_the_parent_never_loads_torch(archive: Archive) -> None:
    archive.put(a="steady 0", b="broken")
    probe = "import sys; from vamba_cli.cli.app import main; main(sys.argv[1:]); sys.exit('torch' in sys.modules)"
    command = [sys.executable, "-c", probe, *archive.command()[3:]]
    assert subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False).returncode == 0
    assert len(archive.records()) == 2


# what runs again


def test_changed_settings_run_again_and_immaterial_ones_do_not(archive: Archive) -> None:
    archive.put(a="steady 0")
    archive.run()
    assert archive.run("--device", "cpu", "--no-cache").statuses() == {"a.mp4": "skipped"}
    assert archive.run("--fps", "0.5").statuses() == {"a.mp4": "done"}
    assert archive.run("--fps", "0.5").statuses() == {"a.mp4": "skipped"}
    assert archive.run().statuses() == {"a.mp4": "done"}


def test_changed_content_runs_again_and_a_touched_file_does_not(archive: Archive) -> None:
    archive.put(a="steady 0 one", b="steady 0 two")
    archive.run()
    (archive.folder / "a.mp4").touch()
    archive.put(b="steady 0 six")
    ran = archive.run()
    assert ran.statuses() == {"a.mp4": "skipped", "b.mp4": "done"}
    assert ran.line("a.mp4")["reason"] == "same content"
    assert archive.run().line("a.mp4")["reason"] == "done"  # the new time was noted
    assert b"six" in archive.results()["in/b.mp4.play.json"]


def test_checksum_finds_a_change_that_kept_size_and_time(archive: Archive) -> None:
    path = archive.write("a.mp4", "steady 0 one")
    archive.run()
    facts = path.stat()
    path.write_text("steady 0 two\n")
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert archive.run().statuses() == {"a.mp4": "skipped"}
    assert archive.run("--checksum").statuses() == {"a.mp4": "done"}
    assert archive.run("--checksum").statuses() == {"a.mp4": "skipped"}


def test_a_lost_or_cut_result_is_made_again(archive: Archive) -> None:
    archive.put(a="steady 0", b="steady 0")
    archive.run()
    before = archive.results()
    (archive.out / "results/in/a.mp4.play.json").unlink()
    (archive.out / "results/in/b.mp4.play.json").write_bytes(b"{")
    assert set(archive.run().statuses().values()) == {"done"}
    assert archive.results() == before


def test_a_moved_archive_keeps_its_results(archive: Archive) -> None:
    archive.put(a="steady 0")
    archive.run()
    archive.folder.rename(archive.folder.parent / "elsewhere")
    (archive.folder.parent / "elsewhere").rename(archive.folder.parent / "more")
    (archive.folder.parent / "place").mkdir()
    (archive.folder.parent / "more").rename(archive.folder.parent / "place" / "in")
    moved = Archive(archive.folder.parent / "place" / "in", archive.out)
    assert moved.run().line("a.mp4")["reason"] == "same content"


def test_retry_failed_and_force(archive: Archive) -> None:
    archive.put(a="steady 0", b="broken")
    assert archive.run().code == 3
    ran = archive.run()
    check(ran.lines)
    assert ran.code == 3
    assert ran.statuses() == {"a.mp4": "skipped", "b.mp4": "failed"}
    assert ran.line("b.mp4")["reason"] == "failed before" and ran.line("b.mp4")["attempts"] == 1
    assert archive.run("--retry-failed").line("b.mp4")["attempts"] == 2
    assert archive.run("--force").statuses() == {"a.mp4": "done", "b.mp4": "failed"}


def test_another_version_runs_again_unless_told(archive: Archive) -> None:
    archive.put(a="steady 0")
    archive.run()
    (record,) = (archive.out / ".vamba" / "records").rglob("*.json")
    record.write_text(record.read_text().replace('"version":"', '"version":"0.0.0-'))
    assert archive.run("--any-version").statuses() == {"a.mp4": "skipped"}
    ran = archive.run()
    assert ran.statuses() == {"a.mp4": "done"} and "--any-version keeps" in ran.err


# what a failure costs


def test_one_attempt_each_not_the_run(archive: Archive) -> None:
    archive.put(a="abort", b="hang", c="bug", d="broken", e="steady 0", f="steady 0")
    ran = archive.run("--timeout", "1.5")
    assert ran.code == 3
    check(ran.lines)
    assert {name for name, status in ran.statuses().items() if status == "done"} == {"e.mp4", "f.mp4"}
    kinds = {name: (record["error"] or {}).get("kind") for name, record in archive.records().items()}
    assert kinds == {
        "in/a.mp4": "Crashed", "in/b.mp4": "Timeout", "in/c.mp4": "KeyError", "in/d.mp4": "MediaError",
        "in/e.mp4": None, "in/f.mp4": None,
    }  # fmt: skip
    assert {record["attempts"] for record in archive.records().values()} == {1}
    assert "SIGABRT" in ran.line("a.mp4")["error"]["message"]
    assert "native code: assertion failed" in ran.line("a.mp4")["error"]["message"]
    assert archive.leftovers() == []


def test_a_crash_before_the_first_word_is_the_videos_too(archive: Archive) -> None:
    archive.put(a="exit", b="exit", c="exit", d="exit", e="steady 0")
    ran = archive.run("-j", "1")
    assert ran.code == 3
    assert ran.statuses() == {**dict.fromkeys(("a.mp4", "b.mp4", "c.mp4", "d.mp4"), "failed"), "e.mp4": "done"}
    assert ran.line("a.mp4")["error"] == {
        "kind": "Crashed", "message": "the worker process ended by itself (exit code 7)"
    }  # fmt: skip
    assert {record["attempts"] for record in archive.records().values()} == {1}


def test_workers_that_do_not_come_up_are_no_fault_of_a_video(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.put(a="steady 0")
    (tmp_path / "stillborn.py").write_text("import os\n\nos._exit(7)\n")
    monkeypatch.syspath_prepend(tmp_path)
    ran = archive.run(task="stillborn:play")
    assert ran.code == 6 and "workers cannot be started" in ran.err and "exit code 7" in ran.err
    assert archive.records() == {} and archive.leftovers() == []


def test_a_result_that_is_no_json_is_a_failure_of_its_video(archive: Archive) -> None:
    archive.put(a="nan", b="steady 0")
    ran = archive.run()
    assert ran.statuses() == {"a.mp4": "failed", "b.mp4": "done"}
    assert "not JSON" in ran.line("a.mp4")["error"]["message"]


def test_a_task_of_ones_own_may_give_any_json(archive: Archive) -> None:
    given = {
        "a": [1, 2], "b": 3.5, "c": "words", "d": [{"timing": 1}], "e": False,
        "f": {"items": 5, "warnings": 5, "num_frames": "many", "timing": 2.5},
        "g": {"items": {"x": 1}, "warnings": None, "num_frames": None, "timing": [1]},
    }  # fmt: skip
    archive.put(**{name: repr(value) for name, value in given.items()})
    ran = archive.run(task="tests.batch.doubles:listed")
    assert ran.code == 0, ran.err
    assert {name[3]: json.loads(data) for name, data in archive.results().items()} == given
    assert set(archive.run(task="tests.batch.doubles:listed").statuses().values()) == {"skipped"}


def test_what_json_cannot_hold_is_told_in_plain_words(archive: Archive) -> None:
    archive.put(a="{1, 2}", b="{(1, 2): 3}", c="None", d="{'timing': {'x': {1}}}", e="[1]")
    ran = archive.run(task="tests.batch.doubles:listed")
    assert ran.code == 3 and ran.line("e.mp4")["status"] == "done"
    errors = [ran.line(f"{name}.mp4")["error"] for name in "abcd"]
    assert {error["kind"] for error in errors} == {"ResultError"}
    messages = [error["message"] for error in errors]
    assert messages[0] == "what the task returned is not JSON: Object of type set is not JSON serializable"
    assert messages[1].startswith("what the task returned is not JSON: keys must be str")
    assert messages[2].startswith("the task returned None")
    assert "not JSON" in messages[3]


def test_a_process_that_cuda_spoilt_is_replaced(archive: Archive) -> None:
    archive.put(a="poison", b="steady 0", c="steady 0")
    ran = archive.run()
    assert ran.statuses() == {"a.mp4": "failed", "b.mp4": "done", "c.mp4": "done"}
    assert "illegal memory access" in ran.line("a.mp4")["error"]["message"]


def test_nothing_that_was_found_is_an_error(archive: Archive) -> None:
    """As where an archive is not mounted: cron has to hear of it."""
    for options in ((), ("--quiet",), ("--dry-run",), ("--order", "size"), ("--shard", "1/2")):
        ran = archive.run(*options)
        assert (ran.code, ran.lines) == (4, []), options
        assert ran.err.startswith(f"error: no video was found in {archive.folder}: "), options
    ran = archive.run(paths=("-",))
    assert (ran.code, ran.lines) == (4, []) and "no video was found in the list on stdin" in ran.err


def test_an_empty_part_is_no_error(archive: Archive) -> None:
    archive.put(a="steady 0")
    parts = [archive.run("--shard", f"{index}/2") for index in (1, 2)]
    assert [ran.code for ran in parts] == [0, 0]
    (empty,) = (ran for ran in parts if not ran.lines)
    assert "no videos belong to this part" in empty.err
    assert archive.run("--quiet").code == 0  # all is done


def test_attempts_for_crashes(archive: Archive) -> None:
    archive.put(a="abort", b="broken")
    archive.run("--attempts", "3")
    assert [archive.records()[f"in/{name}.mp4"]["attempts"] for name in "ab"] == [3, 1]


def test_out_of_memory_lowers_the_chunk_then_the_frames(archive: Archive) -> None:
    archive.put(a="memory 1", b="memory 2", c="memory 3")
    ran = archive.run()
    check(ran.lines)
    assert ran.statuses() == {"a.mp4": "done", "b.mp4": "done", "c.mp4": "failed"}
    assert ran.line("a.mp4")["reduced"] == ["half of the chunk"]
    assert ran.line("b.mp4")["reduced"] == ["half of the chunk", "half of the frames"]
    assert archive.records()["in/b.mp4"]["attempts"] == 3
    assert ran.line("c.mp4")["error"]["kind"] == "OutOfMemory"
    assert archive.run().statuses()["b.mp4"] == "skipped"


def test_max_failures_begins_no_more(archive: Archive) -> None:
    archive.put(**{f"v{index}": "broken" for index in range(6)})
    ran = archive.run("--max-failures", "2")
    assert ran.code == 3
    assert len(ran.lines) == 2 and "2 videos failed (--max-failures)" in ran.err
    assert "1 video failed (--max-failures)" in archive.run("--max-failures", "1").err


def test_a_missing_model_is_no_fault_of_a_video(archive: Archive) -> None:
    archive.put(a="model", b="steady 0")
    ran = archive.run()
    assert ran.code == 6 and "pull them again" in ran.err
    assert archive.records() == {} and archive.leftovers() == []
    assert archive.run("--model", "nobody/knows").code == 6


def test_a_task_that_is_not_there(archive: Archive) -> None:
    archive.put(a="steady 0")
    ran = archive.run(task="tests.batch.doubles:nothing")
    assert ran.code == 6 and "cannot be loaded" in ran.err
    assert archive.run(task="dance").code == 2


# how it ends


def test_ctrl_c_finishes_what_is_under_way(archive: Archive) -> None:
    archive.put(a="steady 1.5", b="steady 0", c="steady 0")
    process = archive.start()
    wait_until(lambda: claimed(archive))
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    ran = ended(process)
    assert ran.code == 130
    assert ran.statuses() == {"a.mp4": "done"}
    assert "finishing 1 video under way" in ran.err
    assert "the same command goes on with the rest" in ran.err
    assert archive.leftovers() == []
    assert archive.run().statuses() == {"a.mp4": "skipped", "b.mp4": "done", "c.mp4": "done"}


@pytest.mark.parametrize(
    ("signals", "code"),
    [
        ((signal.SIGINT, signal.SIGINT), 130),
        ((signal.SIGTERM,), 143),
        ((signal.SIGINT, signal.SIGTERM), 143),
    ],
)
def test_leaving_at_once_gives_claims_back(archive: Archive, signals: tuple[signal.Signals, ...], code: int) -> None:
    archive.put(a="hang")
    process = archive.start()
    wait_until(lambda: claimed(archive))
    time.sleep(0.3)
    began = time.monotonic()
    for number in signals:
        process.send_signal(number)
        time.sleep(0.4)
    ran = ended(process)
    assert ran.code == code and time.monotonic() - began < 5
    assert ran.lines == [] and archive.records() == {} and archive.leftovers() == []
    if signals == (signal.SIGTERM,):
        assert "1 video given up" in ran.err


def test_who_ends_the_workers_first_ends_the_run_all_the_same(archive: Archive) -> None:
    """As Slurm does: every process of a job is sent SIGTERM."""
    archive.put(a="hang")
    process = archive.start()
    wait_until(lambda: claimed(archive) and children_of(process.pid))
    time.sleep(0.3)
    for number in (*children_of(process.pid), process.pid):
        kill(number, signal.SIGTERM)
    ran = ended(process)
    assert ran.code == 143 and "1 video given up" in ran.err
    assert ran.lines == [] and archive.records() == {} and archive.leftovers() == []


def test_lock(archive: Archive) -> None:
    archive.put(a="steady 2")
    first = archive.start("--lock")
    wait_until(lambda: claimed(archive) == 2)  # the run, and its video
    second = archive.run("--lock")
    assert second.code == 75 and "another run is under way" in second.err
    assert ended(first).code == 0
    assert archive.run("--lock").code == 0


def test_quiet_is_silent_when_nothing_is_wrong(archive: Archive) -> None:
    archive.put(a="steady 0")
    ran = archive.run("--quiet")
    assert (ran.code, ran.lines, ran.err) == (0, [], "")
    archive.put(b="broken")
    ran = archive.run("--quiet")
    assert ran.code == 3 and ran.statuses() == {"b.mp4": "failed"} and "there is no picture" in ran.err


def test_dry_run_writes_nothing(archive: Archive) -> None:
    archive.put(a="steady 0", b="steady 0")
    archive.run()
    archive.put(c="steady 0")
    before = sorted(str(path) for path in archive.out.rglob("*"))
    ran = archive.run("--dry-run", "--fps", "1")
    check(ran.lines)
    assert set(ran.statuses().values()) == {"planned"} and "2 other settings" in ran.err
    ran = archive.run("--dry-run")
    assert ran.statuses() == {"c.mp4": "planned"} and "would run" in ran.err
    assert sorted(str(path) for path in archive.out.rglob("*")) == before
    assert not Archive(archive.folder, archive.out.parent / "none").run("-n").lines[0].get("error")
    assert not (archive.out.parent / "none").exists()


def test_usage(archive: Archive) -> None:
    archive.put(a="steady 0")
    for options in (("--shard", "0/3"), ("--order", "colour"), ("--backend", "moon"), ("--workers", "0"), ("-q", "x")):
        assert archive.run(*options).code == 2, options
    for flag in ("--max-failures", "--attempts"):
        ran = archive.run(flag, "0")
        assert ran.code == 2 and f"{flag} 0 is not allowed: it must be 1 or more" in ran.err
    assert archive.run(paths=()).code == 2
    assert archive.run(task="ask").code == 2  # no question


def test_report(archive: Archive) -> None:
    archive.put(a="steady 0", b="memory 1")
    archive.write("<script>alert(1)</script>.mp4", "broken")
    archive.run()
    page = (archive.out / "report.html").read_text("utf-8")
    assert "<script>" not in page and "&lt;script&gt;" in page
    assert "<b>2</b>done" in page and "<b>1</b>failed" in page
    assert "there is no picture in it" in page and "half of the chunk" in page
    assert "tests.batch.doubles:play 3" in page
