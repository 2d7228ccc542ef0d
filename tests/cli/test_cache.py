"""`vamba cache` against a store of two saved memories."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Vamba
from vamba_cli.folders import config_folder, memory_folder


@pytest.fixture
def memories(tmp_path: Path) -> Path:
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    folder = tmp_path / "cache" / "vamba" / "memories"
    folder.mkdir(parents=True)
    for name in ("lecture", "film"):
        notes = {"video_path": f"/videos/{name}.mp4", "model": "tiny", "created_seconds": "1700000000.0"}
        tensors = {"keys.0": torch.zeros(1000)}
        if name == "film":  # the other one does not say which part it is
            notes["end_seconds"] = "125.0"
            tensors["times_seconds"] = torch.arange(60.0, 124.0, 2.0)
        save_file(tensors, folder / f"{name}.safetensors", notes)
    return folder


def test_list(vamba: Vamba, memories: Path) -> None:
    listed = json.loads(vamba("cache", "list", "--json").out)
    assert {entry["video_path"] for entry in listed["entries"]} == {"/videos/lecture.mp4", "/videos/film.mp4"}
    assert listed["folder"] == str(memories) and listed["limit_bytes"] == 20 * 2**30
    text = vamba("cache", "list").out
    assert "2 videos" in text
    rows = {line.split()[-1]: line.split() for line in text.splitlines() if "/videos/" in line}
    assert rows["/videos/film.mp4"][-3:-1] == ["1:00–2:05", "32"] and rows["/videos/lecture.mp4"][-3:-1] == ["?", "?"]
    (film,) = (entry for entry in listed["entries"] if entry["video_path"] == "/videos/film.mp4")
    assert (film["start_seconds"], film["end_seconds"], film["num_frames"]) == (60.0, 125.0, 32)


def test_clear_one(vamba: Vamba, memories: Path) -> None:
    ran = vamba("cache", "clear", "lecture")
    assert ran.code == 0 and ran.out.startswith("1 of 2 encoded videos removed, 4.")
    assert [path.stem for path in memories.iterdir()] == ["film"]
    assert "\n1 video, " in vamba("cache", "list").out


def test_clear_nothing_is_said(vamba: Vamba, memories: Path) -> None:
    ran = vamba("cache", "clear", "zebra")
    assert ran.code == 0 and "0 of 2" in ran.out and "vamba cache list" in ran.err


@pytest.mark.parametrize("text", ["", " "])
def test_an_empty_text_does_not_clear_all(vamba: Vamba, memories: Path, text: str) -> None:
    ran = vamba("cache", "clear", text)
    assert ran.code == 2 and "the text is empty" in ran.err and len(list(memories.iterdir())) == 2


def test_clear_all(vamba: Vamba, memories: Path) -> None:
    assert "2 of 2" in vamba("cache", "clear", "--all").out
    assert vamba("cache", "list").out.startswith("0 videos")


def test_folders_follow_xdg() -> None:
    assert memory_folder({"XDG_CACHE_HOME": "/c"}) == Path("/c/vamba/memories")
    assert config_folder({"XDG_CONFIG_HOME": "/e"}) == Path("/e/vamba")
    assert memory_folder({"XDG_CACHE_HOME": "relative"}) == memory_folder({})
    assert memory_folder({}).is_absolute()
