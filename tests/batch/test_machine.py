"""How many workers a machine gets, and what they find in their environment."""

import pytest

from vamba_cli.batch import machine
from vamba_cli.batch.jobs import Work
from vamba_cli.settings import Settings

GIB = 2**30


def work(task: str = "chapters", **settings: object) -> Work:
    return Work(task, Settings(**settings), {}, "m")  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight cores, 64 GiB, no GPU."""
    monkeypatch.setattr(machine, "_num_cores", lambda: 8)
    monkeypatch.setattr(machine, "_free_bytes", lambda: 64 * GIB)
    monkeypatch.setattr(machine, "_gpus", lambda environ: environ.get("CUDA_VISIBLE_DEVICES", "").split())


@pytest.mark.parametrize(("cores", "workers", "threads"), [(1, 1, None), (2, 2, "1"), (3, 2, "1"), (8, 4, "2")])
def test_cores(cores: int, workers: int, threads: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_num_cores", lambda: cores)
    found = machine.environments(work(), None, {})
    assert len(found) == workers and {one.get("OMP_NUM_THREADS") for one in found} == {threads}


def test_memory_has_the_last_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_free_bytes", lambda: 5 * GIB)
    assert len(machine.environments(work(), None, {})) == 2
    monkeypatch.setattr(machine, "weights_bytes", lambda _settings: 22 * GIB)
    monkeypatch.setattr(machine, "_free_bytes", lambda: 64 * GIB)
    assert len(machine.environments(work(), None, {})) == 1
    assert len(machine.environments(work(), 3, {})) == 3  # who says how many is heeded
    assert len(machine.environments(work(random_weights=True), None, {})) == 1


def test_nothing_is_known_of_a_task_of_ones_own() -> None:
    assert len(machine.environments(work("mine:run"), None, {})) == 1


def test_gpus() -> None:
    two = {"CUDA_VISIBLE_DEVICES": "3 5"}
    assert machine.environments(work(), None, two) == [{"CUDA_VISIBLE_DEVICES": "3"}, {"CUDA_VISIBLE_DEVICES": "5"}]
    assert [one["CUDA_VISIBLE_DEVICES"] for one in machine.environments(work(), 3, two)] == ["3", "5", "3"]
    assert len(machine.environments(work(device="cpu"), None, two)) == 4


def test_threads_that_the_user_chose_stay() -> None:
    found = machine.environments(work(), None, {"OMP_NUM_THREADS": "3", "OMP_WAIT_POLICY": "active"})
    assert found == [{"OMP_WAIT_POLICY": "active"}] * 4


def test_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert machine._num_cores() >= 1 and machine._free_bytes() > GIB // 8
