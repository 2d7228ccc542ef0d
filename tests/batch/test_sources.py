"""Which videos a batch works on, what they are called, and in which order."""

import os
from collections import Counter
from pathlib import Path

import pytest

from tests.batch.conftest import Archive
from vamba_cli.batch.jobs import Work, in_shard, output_of
from vamba_cli.batch.sources import Sources, parse_shard
from vamba_cli.errors import UsageError
from vamba_cli.settings import Settings


def names(*paths: Path | str, **more: object) -> list[str]:
    sources = Sources(tuple(map(str, paths)), **more)  # type: ignore[arg-type]
    return [entry.name for entry in sources.entries()]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for index, name in enumerate(("lectures/part 10.mp4", "lectures/part 2.mp4", "lectures/week/a.mkv", "other/a.mkv")):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * (10 - index))
        os.utime(path, (1000 + index % 2 * 100 + index, 1000 + index % 2 * 100 + index))
    return tmp_path


def test_names_begin_with_the_folder_that_was_given(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = ["lectures/part 2.mp4", "lectures/part 10.mp4", "lectures/week/a.mkv"]
    assert names(tree / "lectures") == expected
    assert names(f"{tree}/lectures/") == expected
    assert names(tree / "lectures", tree / "other")[3:] == ["other/a.mkv"]
    monkeypatch.chdir(tree / "lectures")
    assert names(".") == expected
    assert names("part 2.mp4", "../other") == ["lectures/part 2.mp4", "other/a.mkv"]


def test_root(tree: Path) -> None:
    assert names(tree / "lectures", root=tree / "lectures") == ["part 2.mp4", "part 10.mp4", "week/a.mkv"]
    assert names(tree / "other", root=tree / "lectures") == [str(tree / "other" / "a.mkv").lstrip("/")]


def test_globs_give_the_names_of_a_walk(tree: Path) -> None:
    assert names(tree / "lectures" / "*.mp4") == ["lectures/part 2.mp4", "lectures/part 10.mp4"]
    assert names(tree / "lectures" / "**" / "*.mkv") == ["lectures/week/a.mkv"]
    (entry,) = Sources((str(tree / "*.avi"),)).entries()
    assert entry.problem == "matches nothing"
    (tree / "[odd].mp4").touch()
    assert [Path(name).name for name in names(tree / "[odd].mp4")] == ["[odd].mp4"]


def test_lists(tree: Path, tmp_path: Path) -> None:
    files = [tree / "lectures/part 2.mp4", tree / "other/a.mkv"]
    plain, nul = tmp_path / "list", tmp_path / "list0"
    plain.write_text("\n".join(map(str, files)))  # the last line has no end
    odd = tree / "two\nlines.mp4"
    odd.touch()
    nul.write_bytes(b"\0".join(os.fsencode(path) for path in [odd, *files]) + b"\0")
    whole = [str(path).lstrip("/") for path in files]
    assert names(lists=(str(plain),)) == whole
    assert names(lists=(str(nul),), nul_separated=True) == [str(odd).lstrip("/"), *whole]
    assert names(lists=(str(plain),), root=tree) == ["lectures/part 2.mp4", "other/a.mkv"]
    with pytest.raises(UsageError, match="cannot be read"):
        names(lists=(str(tmp_path / "none"),))


def test_lists_on_stdin(archive: Archive) -> None:
    first, second = archive.write("a\nb.mp4", "steady 0"), archive.write(os.fsdecode(b"caf\xe9.mp4"), "steady 0")
    ran = archive.run("-0", paths=("-",), stdin=os.fsencode(first) + b"\0" + os.fsencode(second))
    assert ran.code == 0
    assert [os.fsencode(line["path"]) for line in ran.lines] == [os.fsencode(first), os.fsencode(second)]
    missing = archive.run(paths=("-",), stdin=b"/no/such.mp4\n" + os.fsencode(second))
    assert missing.code == 3
    assert missing.statuses() == {"such.mp4": "failed", os.fsdecode(b"caf\xe9.mp4"): "skipped"}


def test_orders(tree: Path) -> None:
    by = {
        order: [Path(name).name for name in names(tree, order=order)] for order in ("name", "size", "mtime", "random")
    }
    assert by["name"] == ["part 2.mp4", "part 10.mp4", "a.mkv", "a.mkv"]
    assert by["size"] == ["a.mkv", "a.mkv", "part 2.mp4", "part 10.mp4"]
    assert by["mtime"] == ["part 10.mp4", "a.mkv", "part 2.mp4", "a.mkv"]
    assert sorted(by["random"]) == sorted(by["name"])
    assert names(tree, order="random", seed=3) == names(tree, order="random", seed=3)


def test_shards_cover_all_once_and_stay_when_files_come() -> None:
    old = [f"week {index}/lecture.mp4" for index in range(300)]
    shards = [{name for name in old if in_shard(name, index, 3)} for index in (1, 2, 3)]
    assert Counter(name for shard in shards for name in shard) == Counter(old)
    assert all(70 < len(shard) < 130 for shard in shards)
    # the parts of a name depend on the name alone: these figures may never change, or archives run again
    assert [in_shard("lectures/a.mp4", index, 8) for index in range(1, 9)].index(True) == 3


def test_shard_options() -> None:
    assert parse_shard("2/8") == (2, 8)
    for text in ("2", "a/b", "/3", "1/"):
        with pytest.raises(UsageError):
            parse_shard(text)
    for shard in ((0, 3), (4, 3)):
        with pytest.raises(UsageError, match="count from 1"):
            Sources(("x",), shard=shard)


def test_names_of_results() -> None:
    work = Work("chapters", Settings(), {}, "m")
    assert output_of("week/a.mp4", work) == "results/week/a.mp4.chapters.json"
    long = output_of("week/" + "é" * 125 + ".mp4", work)
    other = output_of("week/" + "é" * 125 + ".mkv", work)
    assert long != other and len(os.fsencode(Path(long).name)) == 255
    assert output_of("a.mp4", Work("my.tasks:count_slides", Settings(), {}, "m")) == "results/a.mp4.count_slides.json"


def test_the_work_is_told_by_what_changes_results() -> None:
    base = Work("ask", Settings(), {"questions": ["a"]}, "m")
    same = Work("ask", Settings(device="cpu", chunk_frames=8, cache=False), {"questions": ["a"]}, "m")
    others = (
        Work("chapters", Settings(), {"questions": ["a"]}, "m"), Work("ask", Settings(), {"questions": ["b"]}, "m"),
        Work("ask", Settings(), {"questions": ["a"]}, "n"), Work("ask", Settings(fps=2.0), {"questions": ["a"]}, "m"),
        Work("ask", Settings(presets=("fast",)), {"questions": ["a"]}, "m"),
    )  # fmt: skip
    assert same.digest == base.digest
    assert len({base.digest, *(work.digest for work in others)}) == 1 + len(others)
