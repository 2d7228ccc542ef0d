"""WebVTT, SubRip and FFmpeg's metadata, read back by FFmpeg and pysubs2; Matroska's XML by mkvmerge."""

import html
import io
import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import av
import pysubs2
import pytest
from hypothesis import given, settings

from tests.media.synthetic import Recipe, constant, write
from tests.output.made import HOSTILE_TITLES, adjacent, chaptered, hostile_items, hostile_outlines, summarised
from vamba_cli.output.times import whole_units
from vamba_cli.output.titles import one_line, title_of
from vamba_cli.output.to_ffmetadata import to_ffmetadata
from vamba_cli.output.to_matroska import to_matroska
from vamba_cli.output.to_srt import summary_to_srt
from vamba_cli.output.to_webvtt import summary_to_webvtt, to_webvtt
from vamba_cli.results import OutlineEntry, VideoChapters

Cue = tuple[int, int, str]  # milliseconds and text

ALL_TITLES = chaptered(adjacent([(0.0004 if i == 3 else 1001 / 30, title) for i, title in enumerate(HOSTILE_TITLES)]))
MANY = chaptered(adjacent([(7.7, f"Chapter {i}") for i in range(500)]))
DAY_AND_A_HALF = chaptered(adjacent([(36 * 3600.0, "Long"), (1.5, "End")]))


def expected(item: VideoChapters) -> list[Cue]:
    return [(*times, title_of(c)) for times, c in zip(whole_units(item.chapters, 1000), item.chapters, strict=True)]


def read_cues(text: str, container_format: str) -> list[Cue]:
    """Cues as FFmpeg demuxes them, before any decoding."""
    with av.open(io.BytesIO(text.encode()), "r", format=container_format) as container:
        return [
            (packet.pts, packet.pts + (packet.duration or 0), bytes(packet).decode())
            for packet in container.demux()
            if packet.pts is not None
        ]


def read_webvtt(text: str) -> list[Cue]:
    """By FFmpeg, after what the specification asks for and FFmpeg would forgive."""
    assert text.startswith("WEBVTT\n")
    for block in text.removesuffix("\n").split("\n\n")[1:]:
        number, times, *payload = block.split("\n")
        assert number.isdigit()
        assert re.fullmatch(r"\d{2,}:[0-5]\d:[0-5]\d\.\d{3} --> \d{2,}:[0-5]\d:[0-5]\d\.\d{3}", times)
        assert len(payload) == 1
        assert not re.search(r"-->|<|>|&(?!amp;|lt;|gt;)", payload[0])
    return [(start, end, html.unescape(escaped)) for start, end, escaped in read_cues(text, "webvtt")]


def read_ffmetadata(text: str) -> list[Cue]:
    with av.open(io.BytesIO(text.encode()), format="ffmetadata") as container:
        assert container.metadata == {}
        chapters = container.chapters()
    return [(c["start"], c["end"], c["metadata"].get("title", "")) for c in chapters]


def read_matroska(text: str) -> list[tuple[int, int, str]]:
    """Nanoseconds and titles."""
    root = ElementTree.fromstring(text.encode())
    assert [child.tag for child in root] == ["EditionEntry"]
    found = []
    for atom in root[0]:
        assert atom.findtext("ChapterDisplay/ChapterLanguage") == "und"
        times = [atom.findtext(f"ChapterTime{which}") or "" for which in ("Start", "End")]
        assert all(re.fullmatch(r"\d{2,}:[0-5]\d:[0-5]\d\.\d{9}", time) for time in times)
        nanoseconds = [
            (int(h) * 3600 + int(m) * 60) * 10**9 + round(float(s) * 10**9)
            for h, m, s in (time.split(":") for time in times)
        ]
        found.append((nanoseconds[0], nanoseconds[1], atom.findtext("ChapterDisplay/ChapterString") or ""))
    return found


def check_all(item: VideoChapters) -> None:
    assert read_webvtt(to_webvtt(item)) == expected(item)
    assert [(start, end, title.removesuffix(" ")) for start, end, title in read_ffmetadata(to_ffmetadata(item))] == (
        expected(item)
    )
    titles = [title_of(chapter) for chapter in item.chapters]
    assert [(start, end) for start, end, _ in read_matroska(to_matroska(item))] == whole_units(item.chapters, 10**9)
    assert [title for *_, title in read_matroska(to_matroska(item))] == titles


@pytest.mark.parametrize("item", [ALL_TITLES, MANY, DAY_AND_A_HALF], ids=["hostile", "many", "long"])
def test_chapters_come_back(item: VideoChapters) -> None:
    check_all(item)


@given(hostile_items)
@settings(max_examples=60)
def test_any_chapters_come_back(item: VideoChapters) -> None:
    check_all(item)


@given(hostile_outlines)
@settings(max_examples=60)
def test_any_outline_comes_back(outline: tuple[OutlineEntry, ...]) -> None:
    item = summarised(outline)
    said = [entry for entry in outline if one_line(entry.text)]
    times = whole_units(said, 1000)
    cues = read_webvtt(summary_to_webvtt(item))
    assert cues == [(*span, one_line(entry.text)) for span, entry in zip(times, said, strict=True)]
    lines = [one_line(e.text).replace("<", "‹").replace(">", "›").replace("{", "(").replace("}", ")") for e in said]
    assert read_cues(summary_to_srt(item), "srt") == [(*span, line) for span, line in zip(times, lines, strict=True)]


def test_subrip_in_another_reader() -> None:
    outline = tuple(
        OutlineEntry(i * 9.5, (i + 1) * 9.5, text) for i, text in enumerate(["a <b>", "{\\an8}x", "42", "ש"])
    )
    read = pysubs2.SSAFile.from_string(summary_to_srt(summarised(outline)), format_="srt")
    assert [event.plaintext for event in read] == ["a ‹b›", "(\\an8)x", "42", "ש"]
    assert [(event.start, event.end) for event in read] == whole_units(outline, 1000)


def test_webvtt_of_one_chapter_letter_by_letter() -> None:
    text = to_webvtt(chaptered(adjacent([(3661.5, "a --> b & <i>")])))
    assert text == "WEBVTT\n\n1\n00:00:00.000 --> 01:01:01.500\na --&gt; b &amp; &lt;i&gt;\n"


def test_ffmetadata_of_one_chapter_letter_by_letter() -> None:
    text = to_ffmetadata(chaptered(adjacent([(0.0004, "a=b;c#d\\e\nf")])))
    assert text == ";FFMETADATA1\n\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1\ntitle=a\\=b\\;c\\#d\\\\e f\n"


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_ffmpeg_itself_reads_its_metadata() -> None:
    command = ["ffmpeg", "-v", "error", "-f", "ffmetadata", "-i", "-", "-f", "ffmetadata", "-"]
    text = to_ffmetadata(ALL_TITLES)
    done = subprocess.run(command, input=text.encode(), capture_output=True, check=True)
    assert done.stderr == b""
    assert re.findall(r"(?m)^(START|END|title)=(.*)$", done.stdout.decode()) == re.findall(
        r"(?m)^(START|END|title)=(.*)$", text
    )


@pytest.mark.skipif(shutil.which("mkvmerge") is None, reason="mkvtoolnix is not installed")
def test_mkvmerge_takes_the_xml(tmp_path: Path) -> None:
    xml, video = tmp_path / "chapters.xml", tmp_path / "chapters.mkv"
    xml.write_text(to_matroska(ALL_TITLES), encoding="utf-8")
    plain = write(Recipe(constant(5)), tmp_path)
    subprocess.run(["mkvmerge", "-q", "-o", video, "--chapters", xml, plain], check=True)
    with av.open(str(video)) as container:
        chapters = container.chapters()
    assert [c["metadata"]["title"] for c in chapters] == [title_of(c) for c in ALL_TITLES.chapters]
    assert [(c["start"], c["end"]) for c in chapters] == whole_units(ALL_TITLES.chapters, 10**9)
