"""The table, and the names of files."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.output.made import adjacent, chaptered, of, summaries, summarised
from vamba_cli.errors import UsageError
from vamba_cli.output.files import document_path, document_stems, embedded_path
from vamba_cli.output.formats import (
    CHAPTER_FORMATS,
    SUMMARY_FORMATS,
    format_of_file,
    formats_named,
    help_text,
    single_results,
)
from vamba_cli.results import OutlineEntry

ITEM = chaptered(adjacent([(20.0, "A"), (20.0, "B"), (20.0, "C")]))


def test_names_to_formats() -> None:
    found = formats_named(["csv", "youtube", "csv"], CHAPTER_FORMATS)
    assert [entry.name for entry in found] == ["csv", "youtube"]


@pytest.mark.parametrize(
    ("name", "message"),
    [("yuotube", "did you mean 'youtube'"), ("vtt", "did you mean 'webvtt'"), ("zzz", "known are json, youtube")],
)
def test_unknown_names(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=rf"there is no format '{name}': {message}"):
        formats_named([name], CHAPTER_FORMATS)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("chapters.json", "json"),
        ("a.chapters.podcast.json", "podcast"),
        ("A.VTT", "webvtt"),
        ("a.csv", "csv"),
        ("a.md", "md"),
        ("a.html", "html"),
        ("a.xml", "matroska"),
        ("a.txt", "youtube"),
        ("a.b.ffmetadata", "ffmetadata"),
    ],
)
def test_endings_to_formats(file: str, name: str) -> None:
    assert format_of_file(file, CHAPTER_FORMATS).name == name


def test_every_format_is_found_by_its_own_files() -> None:
    for entry in CHAPTER_FORMATS:
        assert format_of_file(document_path(Path("a"), "chapters", entry).name, CHAPTER_FORMATS) is entry
    for summary in SUMMARY_FORMATS:
        assert format_of_file(document_path(Path("a"), "summary", summary).name, SUMMARY_FORMATS) is summary


@pytest.mark.parametrize("file", ["a", "a.mp4", "json", "a.json.gz"])
def test_unknown_endings(file: str) -> None:
    with pytest.raises(UsageError, match=r"belongs to no format: give --format, or .*\.json \(json\), .*\.txt \(you"):
        format_of_file(file, CHAPTER_FORMATS)


def test_every_format_writes_one_video_and_some_several() -> None:
    for entry in CHAPTER_FORMATS:
        if entry.write is None:
            assert entry.name == "html"
            continue
        text = entry.write(of(ITEM))
        assert text.endswith("\n")
        assert entry.warnings(of(ITEM)) == ()
        if entry.several:
            assert len(entry.write(of(ITEM, ITEM))) > len(text)
    summary = summarised((OutlineEntry(0.0, 5.0, "A"),))
    for other in SUMMARY_FORMATS:
        assert other.write is not None
        assert "A" in other.write(summaries(summary))


def test_warnings_name_the_video() -> None:
    (youtube,) = formats_named(["youtube"], CHAPTER_FORMATS)
    short = chaptered(adjacent([(20.0, "A"), (2.0, "b"), (20.0, "B"), (20.0, "C")]))
    (warning,) = youtube.warnings(of(ITEM, short))
    assert warning.startswith("talks/lecture.mp4: 1 chapter shorter")


def test_help_names_every_format() -> None:
    assert all(f"{entry.name} (" in help_text(CHAPTER_FORMATS) for entry in CHAPTER_FORMATS)


def test_single_results() -> None:
    assert single_results(of(ITEM, ITEM)) == (of(ITEM), of(ITEM))


def test_document_names() -> None:
    names = [document_path(Path("a/lecture"), "chapters", entry).name for entry in CHAPTER_FORMATS]
    endings = "json youtube.txt vtt ffmetadata podcast.json xml csv md html".split()
    assert names == [f"lecture.chapters.{ending}" for ending in endings]
    assert [document_path(Path("x.y"), "summary", entry).name for entry in SUMMARY_FORMATS] == [
        f"x.y.summary.{ending}" for ending in "json md csv srt vtt".split()
    ]
    assert embedded_path(Path("a/lecture"), ".mkv") == Path("a/lecture.chapters.mkv")


@pytest.mark.parametrize(
    ("videos", "roots", "stems"),
    [
        (["lecture.mp4"], [], ["lecture"]),
        (["/x/lecture.mp4"], ["/x/lecture.mp4"], ["lecture"]),
        (["v/a/one.mp4", "v/b/one.mp4", "v/two.mp4"], ["v"], ["a/one", "b/one", "two"]),
        (["v/lecture.mp4", "v/lecture.mkv", "v/other.mkv"], ["v"], ["lecture.mp4", "lecture.mkv", "other"]),
        (["v/Lecture.mp4", "v/lecture.MP4"], ["v"], ["Lecture.mp4", "lecture.MP4 (2)"]),
        (["a/x.mp4", "b/x.mp4"], [], ["x.mp4", "x.mp4 (2)"]),
        (["a/b/x.mp4"], ["a", "a/b"], ["x"]),
        (["v.old/x.mp4"], ["v"], ["x"]),
        (["../v/x.mp4"], [".."], ["v/x"]),
        (["v/.mp4", "v/a.b.mp4"], ["v"], [".mp4", "a.b"]),
    ],
)
def test_stems(videos: list[str], roots: list[str], stems: list[str]) -> None:
    assert document_stems([Path(v) for v in videos], [Path(r) for r in roots]) == tuple(Path(s) for s in stems)


names = st.lists(st.sampled_from(["x", "X", "x (2)", "x.mp4", "y"]), min_size=1, max_size=3)


@given(st.lists(st.tuples(names, st.sampled_from([".mp4", ".mkv", ".MP4", ""])), unique_by=str, max_size=8))
def test_stems_never_collide(parts: list[tuple[list[str], str]]) -> None:
    videos = [Path("/v", *folders).with_name(folders[-1] + suffix) for folders, suffix in parts]
    stems = document_stems(videos, [Path("/v")])
    assert len({str(stem).casefold() for stem in stems}) == len(videos)
    assert all(stem.parent == video.parent.relative_to("/v") for stem, video in zip(stems, videos, strict=True))
