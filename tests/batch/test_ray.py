"""Ray as the backend: actors that are killed and nodes that go away cost attempts, not videos."""

import importlib.util
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.batch.conftest import Archive, Ran, ended, kill, wait_until
from tests.paths import ROOT

needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")


def test_without_ray_it_says_what_to_install(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    archive.put(a="steady 0")
    monkeypatch.setitem(sys.modules, "ray", None)
    ran = archive.run("--backend", "ray")
    assert ran.code == 6 and "pip install 'vamba[ray]'" in ran.err and ran.lines == []
    assert archive.leftovers() == []


@pytest.fixture
def cluster() -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.batch.ray_cluster"], cwd=ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    yield process
    assert process.stdin and process.stderr
    process.stdin.close()
    process.stderr.close()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def word(process: "subprocess.Popen[str]", wanted: str) -> str:
    """The first line of stderr that begins with it."""
    assert process.stderr
    for line in process.stderr:
        if line.startswith(wanted):
            return line.strip()
    raise AssertionError(f"the cluster ended before it said {wanted!r}")


def actors() -> list[int]:
    """Processes of actors of this cluster, wherever its daemons put them."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "cmdline").read_bytes().startswith(b"ray::Actor"):
                found.append(int(folder.name))
        except OSError:
            continue
    return found


@needs_ray
def test_a_cluster_loses_an_actor_and_a_node_and_finishes(archive: Archive, cluster: "subprocess.Popen[str]") -> None:
    archive.put(**{f"v{index:02}": f"steady 0.3 {index}" for index in range(40)})
    quiet = Archive(archive.folder, archive.out.parent / "quiet")
    quiet.run("-j", "2")
    address = word(cluster, "address").removeprefix("address ")
    process = archive.start("--backend", "ray", "--ray-address", address)
    records = archive.out / ".vamba" / "records"
    wait_until(lambda: records.exists() and len(list(records.rglob("*.json"))) >= 6)
    mine = actors()
    assert mine
    kill(mine[0])
    time.sleep(1.0)
    assert cluster.stdin
    cluster.stdin.write("lose\n")
    cluster.stdin.flush()
    word(cluster, "lost")
    ran: Ran = ended(process)
    assert ran.code == 0, ran.err
    assert len(ran.lines) == 40 and {line["status"] for line in ran.lines} == {"done"}
    assert archive.results() == quiet.results()
    assert archive.leftovers() == []


@needs_ray
def test_no_cluster_there(archive: Archive) -> None:
    archive.put(a="steady 0")
    ran = ended(archive.start("--backend", "ray", "--ray-address", "127.0.0.1:1"))
    assert ran.code == 6 and "no cluster of Ray answers" in ran.err and ran.lines == []
