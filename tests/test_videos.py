"""Which videos a folder holds: the order, what is passed over, and what is told instead of lost."""

import os
import socket
import subprocess
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from vamba_cli.videos import FoundVideo, find_videos


def make(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"video")


def names(found: Iterator[FoundVideo]) -> list[str]:
    items = list(found)
    assert not [item for item in items if item.problem]
    return [item.name for item in items]


def problems(found: Iterator[FoundVideo]) -> dict[str, str]:
    return {item.path.name: item.problem for item in found if item.problem}


def test_natural_order_files_before_folders(tmp_path: Path) -> None:
    make(tmp_path, "part 10.mp4", "Part 2.mkv", "part 1.MOV", "week 10/a.mp4", "week 9/b.webm", "week 9/day 1/c.avi")
    assert names(find_videos([tmp_path])) == [
        "part 1.MOV", "Part 2.mkv", "part 10.mp4", "week 9/b.webm", "week 9/day 1/c.avi", "week 10/a.mp4",
    ]  # fmt: skip


def test_order_does_not_depend_on_the_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "a.mp4", "A.mp4", "a01.mp4", "a1.mp4", "a001.mp4")
    expected = names(find_videos([tmp_path]))
    listed = os.scandir

    class Backwards:
        def __init__(self, folder: Path) -> None:
            with listed(folder) as entries:
                self.entries = sorted(entries, key=lambda entry: entry.name)

        def __enter__(self) -> Iterator[os.DirEntry[str]]:
            return iter(self.entries)

        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(os, "scandir", Backwards)
    assert names(find_videos([tmp_path])) == expected


def test_only_videos_of_a_folder_but_any_file_that_is_named(tmp_path: Path) -> None:
    make(tmp_path, "a.mp4", "notes.txt", "b.bin", ".hidden.mp4", ".vamba/c.mp4", "mp4")
    assert names(find_videos([tmp_path])) == ["a.mp4"]
    assert names(find_videos([tmp_path / "b.bin", str(tmp_path / ".hidden.mp4")])) == ["b.bin", ".hidden.mp4"]


def test_not_recursive(tmp_path: Path) -> None:
    make(tmp_path, "a.mp4", "inner/b.mp4")
    assert names(find_videos([tmp_path], recursive=False)) == ["a.mp4"]


def test_source_code_is_no_transport_stream(tmp_path: Path) -> None:
    (tmp_path / "main.ts").write_text("import x from 'y';\n")
    (tmp_path / "empty.ts").touch()
    (tmp_path / "recording.ts").write_bytes(b"G" + bytes(187))
    (tmp_path / "bluray.mts").write_bytes(bytes(4) + b"G" + bytes(187))
    assert names(find_videos([tmp_path])) == ["bluray.mts", "empty.ts", "recording.ts"]


def test_odd_names(tmp_path: Path) -> None:
    odd = ["two\nlines.mp4", os.fsdecode(b"caf\xe9.mp4"), "-x.mp4", "$(reboot).mp4", "日本.mp4", "²３.mp4"]
    for name in odd:
        (tmp_path / name).touch()
    found = list(find_videos([tmp_path]))
    assert {item.name for item in found} == set(odd)
    assert all(item.path.exists() for item in found)


def test_loops_of_links_end_and_every_folder_is_entered_once(tmp_path: Path) -> None:
    make(tmp_path, "a/1.mp4", "b/2.mp4")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "a" / "b").symlink_to(tmp_path / "b")
    (tmp_path / "b" / "self").symlink_to("self")
    assert names(find_videos([tmp_path])) == ["a/1.mp4", "a/b/2.mp4"]


def test_links_to_nothing_are_told(tmp_path: Path) -> None:
    (tmp_path / "gone.mp4").symlink_to(tmp_path / "nowhere")
    (tmp_path / "self.mp4").symlink_to("self.mp4")
    (tmp_path / "gone.txt").symlink_to(tmp_path / "nowhere")
    make(tmp_path, "real/a.mp4")
    (tmp_path / "linked.mp4").symlink_to(tmp_path / "real" / "a.mp4")
    found = list(find_videos([tmp_path]))
    assert [(item.name, item.problem) for item in found] == [
        ("gone.mp4", "is a link to nothing"),
        ("linked.mp4", ""),
        ("self.mp4", "is a link to nothing"),
        ("real/a.mp4", ""),
    ]


def test_what_is_missing_or_no_file_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    make(tmp_path, "a.mp4")
    os.mkfifo(tmp_path / "pipe.mp4")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s.mp4"))
        assert names(find_videos([tmp_path])) == ["a.mp4"]
    found = list(find_videos([tmp_path / "missing", tmp_path / "pipe.mp4", "nul\0.mp4", tmp_path / "a.mp4"]))
    assert found[0].problem == "does not exist"
    assert found[1].problem == "is neither a file nor a folder"
    assert found[2].problem.startswith("cannot be read")
    assert (found[3].name, found[3].problem) == ("a.mp4", "")


def test_an_empty_name_is_not_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "a.mp4")
    monkeypatch.chdir(tmp_path)
    found = list(find_videos(["", "a.mp4"]))
    assert [(item.place, item.problem) for item in found] == [("''", "the name is empty"), ("a.mp4", "")]


def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "a/1.mp4", "b/2.mp4", "c/3.mp4")
    listed = os.scandir

    def scandir(folder: Path) -> Any:  # root may read everything
        if folder.name == "b":
            raise PermissionError(13, "Permission denied", str(folder))
        return listed(folder)

    monkeypatch.setattr(os, "scandir", scandir)
    found = list(find_videos([tmp_path]))
    assert [item.name for item in found] == ["a/1.mp4", "b", "c/3.mp4"]
    assert problems(iter(found)) == {"b": "cannot be read (Permission denied)"}


def test_a_tree_deeper_than_pythons_stack(tmp_path: Path) -> None:
    folder, handle = tmp_path, os.open(tmp_path, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=handle)
        inner = os.open("d", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle, folder = inner, folder / "d"
    os.close(os.open("deep.mp4", os.O_CREAT | os.O_WRONLY, dir_fd=handle))
    os.close(handle)
    assert names(find_videos([tmp_path]))[-1].endswith("d/deep.mp4")
    subprocess.run(["rm", "-r", tmp_path / "d"], check=True)  # too deep for who clears the folders of tests


def test_folders_are_read_as_they_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "a/1.mp4", "b/2.mp4", "c/3.mp4")
    listed: list[str] = []
    original = os.scandir

    def scandir(folder: Path) -> Any:
        listed.append(folder.name)
        return original(folder)

    monkeypatch.setattr(os, "scandir", scandir)
    assert [item.name for item in islice(find_videos([tmp_path]), 1)] == ["a/1.mp4"]
    assert listed == [tmp_path.name, "a"]


def test_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "a/1.mp4")
    monkeypatch.chdir(tmp_path)
    assert [item.name for item in find_videos(["."])] == ["a/1.mp4"]
