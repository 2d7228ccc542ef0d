"""What goes wrong around a batch: other runs, disks, files that move, odd names, kills."""

import json
import os
import random
import resource
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.batch.conftest import Archive, Ran, children_of, claimed, ended, kill, wait_until
from vamba_cli.batch.claims import Claim, Claims
from vamba_cli.batch.owners import Owner


def times_done(*runs: Ran) -> Counter[str]:
    return Counter(line["name"] for ran in runs for line in ran.lines if line["status"] == "done")


@pytest.fixture
def quiet(archive: Archive) -> Iterator[Archive]:
    """A second output folder over the same videos, for a run without trouble to compare with."""
    yield Archive(archive.folder, archive.out.parent / "quiet")


# beside each other


def test_two_parents_share_a_folder(archive: Archive) -> None:
    archive.put(**{f"v{index:02}": "steady 0.05" for index in range(24)})
    runs = [ended(process) for process in [archive.start("-j", "2") for _ in range(2)]]
    assert [ran.code for ran in runs] == [0, 0]
    done = times_done(*runs)
    assert len(done) == 24 and set(done.values()) == {1}
    assert all(len(ran.lines) == 24 for ran in runs)  # each tells of every video, done by whom it may
    assert len(archive.results()) == 24 and archive.leftovers() == []


def test_a_parent_waits_for_what_others_have_under_way(archive: Archive) -> None:
    archive.put(a="steady 1.5")
    first = archive.start()
    wait_until(lambda: claimed(archive))
    second = archive.run()
    assert (second.code, second.statuses()) == (0, {"a.mp4": "skipped"})
    assert ended(first).statuses() == {"a.mp4": "done"}


def test_what_another_did_just_now_is_not_done_again(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    archive.put(a="steady 0")
    taken, others = Claims.take, list[Ran]()

    def late(self: Claims, key: str) -> Claim | Owner:
        if not others:  # between the look at the record and the claim
            others.append(ended(archive.start()))
        return taken(self, key)

    monkeypatch.setattr(Claims, "take", late)
    assert archive.run().statuses() == {"a.mp4": "skipped"}
    assert others[0].statuses() == {"a.mp4": "done"}


def test_who_lost_its_claim_does_not_publish(archive: Archive) -> None:
    archive.put(a="steady 1.5")
    process = archive.start("--claim-expiry", "2")
    wait_until(lambda: claimed(archive))
    (claim,) = (path for path in (archive.out / ".vamba" / "claims").iterdir() if path.name[0] != ".")
    (file,) = claim.iterdir()
    file.rename(claim / str(Owner("far", "there", 1, "1", "x")))  # that one never says a word again
    ran = ended(process)
    assert ran.code == 0 and "taken over by another process" in ran.err
    assert [line["status"] for line in ran.lines] == ["done"]
    assert archive.leftovers() == []


def test_three_shards_share_a_folder(archive: Archive, quiet: Archive) -> None:
    archive.put(**{f"v{index:02}": f"steady 0 {index}" for index in range(15)})
    runs = [archive.run("--shard", f"{index}/3") for index in (1, 2, 3)]
    done = times_done(*runs)
    assert len(done) == 15 and set(done.values()) == {1} and all(ran.code == 0 and ran.lines for ran in runs)
    quiet.run()
    assert archive.results() == quiet.results()
    assert set(archive.run().statuses().values()) == {"skipped"}


# disks


def test_a_full_disk_ends_the_run_and_space_lets_it_go_on(archive: Archive) -> None:
    archive.out.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", archive.out], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("a small file system cannot be mounted here")
    try:
        archive.put(**{f"v{index}": "steady 0 " + "word " * 4000 for index in range(8)})
        ran = archive.run()
        assert ran.code == 2 and "No space left" in ran.err
        done = set(archive.records())
        assert 0 < len(done) < 8
        check_whole(archive)
        assert archive.leftovers() == []
        subprocess.run(["mount", "-o", "remount,size=8m", archive.out], check=True)
        again = archive.run()
        assert again.code == 0
        assert {line["name"] for line in again.lines if line["status"] == "skipped"} == done
        check_whole(archive)
    finally:
        subprocess.run(["umount", archive.out], check=True)


def test_a_file_that_may_not_grow_ends_the_run(archive: Archive) -> None:
    """As a full disk, where none can be mounted: the limit is the process's own."""
    archive.put(a="steady 0 short", b="steady 0 " + "word " * 4000, c="steady 0 short")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        ran = archive.run()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert ran.code == 2 and "nothing can be written: File too large" in ran.err
    assert list(archive.records()) == ["in/a.mp4"] and archive.leftovers() == []
    check_whole(archive)
    assert archive.run().statuses() == {"a.mp4": "skipped", "b.mp4": "done", "c.mp4": "done"}


def check_whole(archive: Archive) -> None:
    """Every result can be read, and no record tells of one that is not there."""
    for data in archive.results().values():
        json.loads(data)
    for record in archive.records().values():
        assert (archive.out / record["output"]).stat().st_size == record["output_bytes"]


def test_a_folder_that_cannot_be_written_is_refused_before_the_work(archive: Archive, tmp_path: Path) -> None:
    archive.put(a="steady 0")
    archive.out.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "ro,size=64k", "tmpfs", archive.out], capture_output=True, check=False
    )
    if mounted.returncode == 0:
        try:
            ran = archive.run()
        finally:
            subprocess.run(["umount", archive.out], check=True)
        assert ran.code == 2 and "Read-only file system" in ran.err and ran.lines == []
    file = tmp_path / "file"
    file.touch()
    ran = Archive(archive.folder, file / "out").run()
    assert ran.code == 2 and "cannot be written" in ran.err and ran.lines == []


# files


def test_a_growing_file_fails_and_runs_again_when_it_rests(archive: Archive) -> None:
    archive.put(a="grow", b="steady 0")
    ran = archive.run()
    assert ran.code == 3 and ran.statuses() == {"a.mp4": "failed", "b.mp4": "done"}
    assert ran.line("a.mp4")["error"]["kind"] == "ChangedError"
    archive.put(a="steady 0")
    assert archive.run().statuses() == {"a.mp4": "done", "b.mp4": "skipped"}


def test_a_vanishing_file(archive: Archive) -> None:
    archive.put(a="vanish", b="steady 0")
    ran = archive.run()
    assert ran.code == 3 and "the file is gone" in ran.line("a.mp4")["error"]["message"]
    assert archive.run().statuses() == {"b.mp4": "skipped"}


def test_a_link_to_nothing_and_a_missing_path_are_told(archive: Archive) -> None:
    archive.put(a="steady 0")
    (archive.folder / "dead.mp4").symlink_to("nowhere")
    (archive.folder / "loop").symlink_to(archive.folder)
    ran = archive.run(paths=(str(archive.folder), "/no/such/folder"))
    assert ran.code == 3
    assert ran.statuses() == {"a.mp4": "done", "dead.mp4": "failed", "folder": "failed"}
    assert "  /no/such/folder  does not exist" in ran.err


def test_odd_names(archive: Archive) -> None:
    odd = ["two\nlines.mp4", os.fsdecode(b"caf\xe9.mp4"), "-x.mp4", "日本 [1].mp4", "é" * 120 + ".mp4", 'q"\\.mp4']
    for name in odd:
        archive.write(name, "steady 0")
    ran = archive.run("--log-file", str(archive.out.parent / "log"))
    assert ran.code == 0 and ran.statuses() == dict.fromkeys(odd, "done")
    assert all(Path(line["output"]).exists() for line in ran.lines)
    assert archive.run().statuses() == dict.fromkeys(odd, "skipped")
    assert len((archive.out.parent / "log").read_text("utf-8").splitlines()) == 1 + len(odd)


def test_two_videos_of_one_name_are_not_confused(archive: Archive, tmp_path: Path) -> None:
    archive.put(a="steady 0 one", c="steady 0 same")
    other = Archive(tmp_path / "other" / "in", archive.out)
    other.put(a="steady 0 two", b="steady 0", c="steady 0 same")
    archive.run()
    before = archive.results()
    ran = other.run("--force")
    assert ran.code == 3 and ran.statuses() == {"a.mp4": "failed", "b.mp4": "done", "c.mp4": "skipped"}
    assert "--root" in ran.line("a.mp4")["error"]["message"]
    assert {name: data for name, data in archive.results().items() if name in before} == before
    assert set(archive.run().statuses().values()) == {"skipped"}
    both = archive.run(paths=(str(archive.folder), str(other.folder)))
    assert Counter(line["status"] for line in both.lines) == {"skipped": 4, "failed": 1}


def test_a_video_named_twice_runs_once(archive: Archive) -> None:
    archive.put(a="steady 0.3", b="broken")
    ran = archive.run("-j", "2", paths=(str(archive.folder), str(archive.folder)))
    assert Counter(line["status"] for line in ran.lines) == {"done": 1, "skipped": 1, "failed": 2}
    assert archive.records()["in/b.mp4"]["attempts"] == 1


def test_a_damaged_record_costs_one_run_more(archive: Archive) -> None:
    archive.put(a="steady 0")
    archive.run()
    (record,) = (archive.out / ".vamba" / "records").rglob("*.json")
    for damage in (b"", b"{}", b"\xff\xfe", b"[1]", b'{"name": 1}'):
        record.write_bytes(damage)
        assert archive.run().statuses() == {"a.mp4": "done"}


# kills


def test_workers_end_with_a_killed_parent(archive: Archive) -> None:
    archive.put(a="hang")
    process = archive.start()
    wait_until(lambda: claimed(archive) and children_of(process.pid))
    time.sleep(1.0)
    workers = children_of(process.pid)
    assert len(workers) == 1
    process.kill()
    process.communicate()
    limit = time.monotonic() + 5
    while Path(f"/proc/{workers[0]}/task").exists() and time.monotonic() < limit:
        time.sleep(0.05)
    assert not Path(f"/proc/{workers[0]}/task").exists()
    archive.put(a="steady 0")
    assert archive.run().statuses() == {"a.mp4": "done"}  # the claim of the dead is no hindrance
    assert archive.leftovers() == []


def test_a_worker_killed_from_outside_is_no_fault_of_the_video(archive: Archive) -> None:
    archive.put(a="steady 2")
    process = archive.start()
    wait_until(lambda: claimed(archive) and children_of(process.pid))
    time.sleep(0.3)
    for worker in children_of(process.pid):
        kill(worker)
    ran = ended(process)
    assert ran.code == 0 and ran.line("a.mp4")["attempts"] == 2


def test_chaos(archive: Archive, quiet: Archive) -> None:
    """Parents and workers are killed at random moments; in the end it is as if nothing had happened."""
    archive.put(**{f"v{index:02}": f"steady 0.03 {index}" for index in range(40)})
    assert quiet.run("-j", "2").code == 0
    draw = random.Random(4)
    runs: list[Ran] = []
    for _ in range(6):
        process = archive.start("-j", "2", "--retry-failed")
        for _ in range(draw.randrange(3)):
            time.sleep(draw.uniform(0.3, 0.8))
            for worker in children_of(process.pid)[: draw.randrange(1, 3)]:
                kill(worker)
        time.sleep(draw.uniform(0.2, 0.8))
        process.kill()
        runs.append(ended(process))
        assert runs[-1].code in (-signal.SIGKILL, 0)
    runs.append(archive.run("-j", "2", "--retry-failed"))
    assert runs[-1].code == 0 and len(runs[-1].lines) == 40
    assert all(count == 1 for count in times_done(*runs).values())
    assert {record["status"] for record in archive.records().values()} == {"done"} and len(archive.records()) == 40
    assert archive.results() == quiet.results()
    assert archive.leftovers() == []
