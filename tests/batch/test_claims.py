"""Claims: one holder at any time, whatever dies, hangs or comes late."""

import multiprocessing
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from vamba_cli.batch.claims import Claim, Claims
from vamba_cli.batch.owners import Owner

LONG_SECONDS = 600.0


def claims(folder: Path, lease_seconds: float = LONG_SECONDS) -> Claims:
    return Claims(folder, Owner.this_process(), lease_seconds)


def held(folder: Path, key: str, owner: Owner, age_seconds: float = 0.0) -> Path:
    """A claim that somebody else holds."""
    file = folder / key / str(owner)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    moment = time.time() - age_seconds
    os.utime(file, (moment, moment))
    return file


@pytest.fixture
def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_one_holds_until_it_lets_go(tmp_path: Path) -> None:
    first, second = claims(tmp_path), claims(tmp_path)
    claim = first.take("a")
    assert isinstance(claim, Claim)
    assert second.take("a") == first.owner
    assert first.take("a") == first.owner  # not even twice by the same
    assert isinstance(second.take("b"), Claim)
    first.let_go(claim)
    assert isinstance(second.take("a"), Claim)
    first.close()
    second.close()
    assert list(tmp_path.iterdir()) == []


def test_the_dead_of_this_machine_hold_nothing(tmp_path: Path, dead_pid: int) -> None:
    mine = claims(tmp_path)
    held(tmp_path, "a", replace(mine.owner, pid=dead_pid, nonce="x"))
    assert isinstance(mine.take("a"), Claim)
    held(tmp_path, "b", replace(mine.owner, start="12345", nonce="x"))  # its number was given to another process
    assert isinstance(mine.take("b"), Claim)
    living = replace(mine.owner, nonce="x")
    held(tmp_path, "c", living)
    assert mine.take("c") == living
    mine.close()


def test_other_hosts_are_believed_until_they_are_silent(tmp_path: Path, dead_pid: int) -> None:
    mine = claims(tmp_path, 10.0)
    far = Owner("far", "there", dead_pid, "1", "x")
    held(tmp_path, "a", far, age_seconds=8)
    assert mine.take("a") == far
    held(tmp_path, "b", far, age_seconds=12)
    assert isinstance(mine.take("b"), Claim)
    container = replace(mine.owner, machine="another", pid=dead_pid)  # same host name, other process numbers
    held(tmp_path, "c", container)
    assert mine.take("c") == container
    mine.close()


def test_time_is_the_file_servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    far = Owner("far", "there", 1, "1", "x")
    mine = claims(tmp_path, 10.0)
    held(tmp_path, "a", far)
    monkeypatch.setattr(time, "time", lambda: 4e9)  # this host's clock is wrong by decades
    assert mine.take("a") == far
    mine.close()


def test_the_living_keep_their_claims(tmp_path: Path) -> None:
    mine, other = claims(tmp_path, 0.6), Claims(tmp_path, Owner("far", "there", 1, "1", "x"), 0.6)
    claim = mine.take("a")
    assert isinstance(claim, Claim)
    time.sleep(1.5)
    assert other.take("a") == mine.owner and mine.confirm(claim)
    mine.close()
    other.close()


def test_who_was_silent_for_too_long_has_lost(tmp_path: Path) -> None:
    late, other = claims(tmp_path), claims(tmp_path, 10.0)
    claim = late.take("a")
    assert isinstance(claim, Claim)
    os.utime(claim.file, (0, 0))  # as if it had slept
    taken = other.take("a")
    assert isinstance(taken, Claim)
    assert not late.confirm(claim)
    late.let_go(claim)  # takes nothing from the new owner
    assert other.confirm(taken) and late.take("a") == other.owner
    late.close()
    other.close()


def test_what_was_taken_over_is_young(tmp_path: Path) -> None:
    held(tmp_path, "a", Owner("far", "there", 1, "1", "x"), age_seconds=3000)
    mine, other = claims(tmp_path), Claims(tmp_path, Owner("elsewhere", "there", 1, "1", "y"), LONG_SECONDS)
    held(tmp_path, "b", Owner("far", "there", 1, "1", "x"), age_seconds=3000)
    assert isinstance(mine.take("b"), Claim)
    assert other.take("b") == mine.owner
    mine.close()
    other.close()


def test_a_claim_that_changes_hands_meanwhile_is_not_stolen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, fast = Owner("far", "there", 1, "1", "x"), Owner("far", "there", 2, "2", "y")
    mine = claims(tmp_path)
    file = held(tmp_path, "a", old, age_seconds=3000)
    judged = Claims._is_abandoned

    def slow(self: Claims, path: Path, holder: Owner) -> bool:
        found = judged(self, path, holder)
        if holder == old and file.exists():  # another takes it over between the look and the act
            os.utime(file)
            file.rename(file.with_name(str(fast)))
        return found

    monkeypatch.setattr(Claims, "_is_abandoned", slow)
    assert mine.take("a") == fast
    assert [path.name for path in (tmp_path / "a").iterdir()] == [str(fast)]
    mine.close()


def test_what_the_killed_left_is_no_hindrance(tmp_path: Path, dead_pid: int) -> None:
    gone = replace(Owner.this_process(), pid=dead_pid)
    (tmp_path / "a").mkdir()  # letting go was cut short
    (tmp_path / f".new-{gone}").mkdir()
    (tmp_path / f".new-{gone}" / str(gone)).touch()
    (tmp_path / f".clock-{gone}").touch()
    held(tmp_path, "b", gone)
    living = held(tmp_path, "c", Owner("far", "there", 1, "1", "x"))
    mine = claims(tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.name[0] != "."] == ["c"] and living.exists()
    living.unlink()
    assert isinstance(mine.take("a"), Claim)
    mine.close()
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def test_owners_survive_as_names() -> None:
    owner = Owner("host~with/odd name", "m", 7, "99", "ab")
    assert Owner.parse(str(owner)) == owner and "/" not in str(owner)
    with pytest.raises(ValueError, match="values to unpack"):
        Owner.parse("lost+found")


def race(folder: Path, keys: int, log: Path, start: float, stale: bool) -> None:
    """Take every claim that can be had, note it, and keep it (or let go, so that others take it again)."""
    mine = Claims(folder, Owner.this_process(), 5.0)
    time.sleep(max(0.0, start - time.time()))
    for key in range(keys):
        if isinstance(mine.take(f"{key}"), Claim):
            with log.open("a") as file:
                file.write(f"{key}\n")
    time.sleep(1.0)
    os._exit(0)


@pytest.mark.parametrize("stale", [False, True], ids=["free", "abandoned"])
def test_many_race_and_each_claim_has_one_winner(tmp_path: Path, stale: bool) -> None:
    folder, keys = tmp_path / "claims", 60
    folder.mkdir()
    if stale:
        for key in range(keys):
            held(folder, f"{key}", Owner("far", "there", 1, "1", "x"), age_seconds=60)
    context = multiprocessing.get_context("spawn")
    start = time.time() + 3
    racers = [
        context.Process(target=race, args=(folder, keys, tmp_path / f"log{index}", start, stale)) for index in range(4)
    ]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(60)
    won = Counter(key for log in tmp_path.glob("log*") for key in log.read_text().split())
    assert len(won) == keys and set(won.values()) == {1}
