"""Subtitles of a video: the file that is wanted, one beside it, a stream in it; their notes and errors."""

from fractions import Fraction
from pathlib import Path

import av
import pytest
from av.subtitles.subtitle import SubtitleSet

from tests.media.conftest import Make
from tests.media.synthetic import Recipe, constant
from tests.paths import MEDIA
from vamba_cli.errors import UsageError
from vamba_cli.media.probe import probe
from vamba_cli.media.subtitles import load_subtitles, sidecars
from vamba_cli.subtitles import NO_SUBTITLES, Line, Subtitles

SRT = "1\n00:00:01,000 --> 00:00:02,000\nHello\n\n2\n00:00:03,000 --> 00:00:04,500\nthere\n"
VTT = "WEBVTT\n\n00:01.000 --> 00:02.000\nHallo\n"
HELLO = (Line(1.0, 2.0, "Hello"), Line(3.0, 4.5, "there"))
TEN_SECONDS = Recipe(constant(250), gop=250)
needs_media = pytest.mark.skipif(not MEDIA.exists(), reason=f"{MEDIA} is not there")


@pytest.fixture
def video(make: Make, tmp_path: Path) -> Path:
    """Ten seconds in a folder of its own, whose name is awkward."""
    folder = tmp_path / "ein [Ordner]*?"
    folder.mkdir()
    path = folder / "lec[tu]re.v2.mp4"
    path.write_bytes(make(TEN_SECONDS).read_bytes())
    return path


def load(video: Path, wanted: Path | None = None) -> Subtitles:
    return load_subtitles(probe(video), wanted)


def beside(video: Path, ending: str, text: str | bytes = SRT) -> Path:
    path = video.with_name(video.stem + ending)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


# --- which one


def test_none() -> None:
    assert NO_SUBTITLES.lines == () and NO_SUBTITLES.between(0, 9) == ()


def test_nothing_is_found_where_nothing_is(video: Path) -> None:
    assert load(video) == NO_SUBTITLES


@pytest.mark.parametrize(
    "ending", [".srt", ".SRT", ".en.srt", ".en-US.srt", ".de.srt", ".en.sdh.srt", ".eng.forced.srt"]
)
def test_a_file_beside_the_video_is_found(video: Path, ending: str) -> None:
    path = beside(video, ending)
    assert load(video) == Subtitles(HELLO, path.name)


@pytest.mark.parametrize("ending", ["2.srt", ".part2.srt", ".srt.bak", ".txt", "-en.srt", ".en.notes.srt", ".json"])
def test_files_of_other_videos_are_left_alone(video: Path, ending: str) -> None:
    beside(video, ending)
    assert load(video) == NO_SUBTITLES


def test_of_several_the_choice_is_stable_and_said(video: Path) -> None:
    for ending in (".fr.srt", ".en.forced.srt", ".en.vtt", ".ass", ".vtt", ".en.srt", ".srt", ".de.srt"):
        beside(video, ending)
    beside(video, ".it.srt").unlink()
    video.with_name(video.stem + ".pl.srt").mkdir()
    endings = [path.name.removeprefix(video.stem) for path in sidecars(video)]
    assert endings == [".srt", ".vtt", ".ass", ".en.srt", ".en.vtt", ".de.srt", ".fr.srt", ".en.forced.srt"]
    found = load(video)
    assert found.source == video.stem + ".srt" and found.lines == HELLO
    (note,) = found.notes
    assert ".srt is used, not" in note and ".de.srt" in note and "--subs" in note


def test_a_relative_path(video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beside(video, ".srt")
    monkeypatch.chdir(video.parent)
    assert load(Path(video.name)).lines == HELLO


def test_a_broken_file_is_passed_over_with_a_note(video: Path) -> None:
    beside(video, ".srt", "not a subtitle")
    found = load(video)
    assert found.lines == () and found.source == ""
    assert "cannot be read as subtitles" in found.notes[0] and found.notes[0].endswith("it is left out")
    beside(video, ".de.vtt", VTT)
    found = load(video)
    assert found.lines == (Line(1.0, 2.0, "Hallo"),) and len(found.notes) == 1


def test_a_wanted_file_goes_before_all(video: Path, tmp_path: Path) -> None:
    beside(video, ".srt")
    wanted = tmp_path / "of another name.vtt"
    wanted.write_text(VTT)
    assert load(video, wanted) == Subtitles((Line(1.0, 2.0, "Hallo"),), wanted.name)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no such file"), (b"", "in no format"), (b"\x89PNG\r\n\x1a\n\0\0\0", "it is not text"),
        (b"hi", "in no format"), (b"WEBVTT\n\nNOTE nothing\n", "hold not one line"),
    ],
)  # fmt: skip
def test_a_wanted_file_that_is_none_is_an_error(video: Path, tmp_path: Path, content: bytes | None, said: str) -> None:
    wanted = tmp_path / "wanted.srt"
    if content is not None:
        wanted.write_bytes(content)
    with pytest.raises(UsageError, match=said) as caught:
        load(video, wanted)
    assert "wanted.srt" in str(caught.value) and "give an .srt" in str(caught.value)


def test_a_folder_and_a_huge_file_are_errors(video: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a directory"):
        load(video, tmp_path)
    huge = tmp_path / "huge.srt"
    with huge.open("wb") as file:
        file.truncate(33 * 2**20)
    with pytest.raises(UsageError, match="more than 32 MiB"):
        load(video, huge)


# --- how it is read


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_encodings_that_say_what_they_are(video: Path, encoding: str) -> None:
    text = SRT.replace("Hello", "Größe – ∑")
    data = text.encode(encoding)
    beside(video, ".srt", b"\xfe\xff" + data if encoding == "utf-16-be" else data)
    found = load(video)
    assert found.lines[0].text == "Größe – ∑" and found.notes == ()


def test_an_old_encoding_is_guessed_and_said(video: Path) -> None:
    beside(video, ".srt", SRT.replace("Hello", "Größe – “so”").encode("cp1252"))
    found = load(video)
    assert found.lines[0].text == "Größe – “so”"
    assert "not in UTF-8" in found.notes[0]
    beside(video, ".srt", SRT.replace("Hello", "\x81é").encode("latin-1"))  # a byte that cp1252 does not know
    assert "é" in load(video).lines[0].text


def test_lines_are_cut_to_the_video(video: Path) -> None:
    late = "\n3\n00:00:09,000 --> 00:00:30,000\nlast\n\n4\n00:10:00,000 --> 00:10:01,000\nbehind the end\n"
    beside(video, ".srt", SRT + late)
    found = load(video)
    assert found.lines == (*HELLO, Line(9.0, 10.0, "last"))
    (note,) = found.notes
    assert note.startswith("1 of 4 lines") and "0:10" in note


# --- streams in the video


def add_stream(video: Path, target: Path, *subtitles: Path, offset_seconds: float = 0.0) -> Path:
    """A copy of the video with text streams, whose times (and the video's) start at an offset."""
    with av.open(str(target), "w") as out, av.open(str(video)) as source:
        inputs = [source, *(av.open(str(path)) for path in subtitles)]
        streams = [out.add_stream_from_template(item.streams[0]) for item in inputs]
        for item, stream in zip(inputs, streams, strict=True):
            for packet in item.demux(item.streams[0]):
                if packet.pts is None:
                    continue
                shift = round(offset_seconds / packet.time_base)
                packet.pts += shift
                packet.dts = None if packet.dts is None else packet.dts + shift
                packet.stream = stream
                out.mux(packet)
        for item in inputs[1:]:
            item.close()
    return target


@pytest.mark.parametrize("suffix", [".srt", ".vtt", ".ass"])
def test_a_text_stream_is_read(video: Path, tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"lines{suffix}"
    ass = (
        "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name, Fontname\nStyle: Default,Arial\n\n[Events]\n"
        "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
        "Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\\b1}Hello{\\b0}\n"
        "Dialogue: 0,0:00:03.00,0:00:04.50,Default,,0,0,0,,there\n"
    )
    vtt = "WEBVTT\n\n00:01.000 --> 00:02.000\n<b>Hello</b>\n\n00:03.000 --> 00:04.500\nthere\n"
    file.write_text({".srt": SRT.replace("Hello", "<b>Hello</b>"), ".vtt": vtt, ".ass": ass}[suffix])
    found = load(add_stream(video, tmp_path / "with.mkv", file))
    assert found.lines == HELLO
    assert found.source.startswith("subtitle stream 1 (") and found.notes == ()


def test_times_of_a_stream_are_relative_to_the_first_frame(video: Path, tmp_path: Path) -> None:
    file = tmp_path / "lines.srt"
    file.write_text(SRT)
    path = add_stream(video, tmp_path / "late.mkv", file, offset_seconds=20.0)
    assert probe(path).start_seconds == pytest.approx(20, abs=0.1)
    assert [line.start_seconds for line in load(path).lines] == pytest.approx([1.0, 3.0], abs=0.1)


def test_of_several_streams_one_is_used_and_said(video: Path, tmp_path: Path) -> None:
    files = [tmp_path / "a.srt", tmp_path / "b.srt"]
    for file in files:
        file.write_text(SRT)
    found = load(add_stream(video, tmp_path / "two.mkv", *files))
    assert found.lines == HELLO
    assert "of several subtitle streams 1 (" in found.notes[0] and "not 2 (" in found.notes[0]


def test_a_file_beside_goes_before_a_stream(video: Path, tmp_path: Path) -> None:
    file = tmp_path / "lines.srt"
    file.write_text(SRT)
    path = add_stream(video, tmp_path / "with.mkv", file)
    beside(path, ".vtt", VTT)
    assert [line.text for line in load(path).lines] == ["Hallo"]


def test_subtitles_that_are_pictures_are_said_to_be(video: Path, tmp_path: Path) -> None:
    path = tmp_path / "dvd.mkv"
    with av.open(str(path), "w") as out, av.open(str(video)) as source:
        copy = out.add_stream_from_template(source.streams.video[0])
        out.add_stream("dvd_subtitle")
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = copy
                out.mux(packet)
    found = load(path)
    assert found.lines == () and "pictures, not text (dvd" in found.notes[0]


def test_mov_text(video: Path, tmp_path: Path) -> None:
    path = tmp_path / "text.mp4"
    with av.open(str(path), "w") as out, av.open(str(video)) as source:
        copy = out.add_stream_from_template(source.streams.video[0])
        stream = out.add_stream("mov_text")
        stream.codec_context.subtitle_header = ASS_HEADER
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = copy
                out.mux(packet)
        said = SubtitleSet.create(b"0,0,Default,,0,0,0,,Hello\\Nthere", start=0, end=1500, pts=1_000_000)
        text = stream.codec_context.encode_subtitle(said)
        text.stream, text.time_base, text.pts, text.dts, text.duration = stream, Fraction(1, 1000), 1000, 1000, 1500
        out.mux(text)
    assert load(path).lines == (Line(1.0, 2.5, "Hello there"),)


ASS_HEADER = (
    b"[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name, Fontname\nStyle: Default,Arial\n\n[Events]\n"
    b"Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
)


@needs_media
def test_real_files() -> None:
    friday = load(MEDIA / "friday.mp4")
    assert friday.source == "friday.vtt" and friday.notes == ()
    assert friday.lines[2] == Line(1.5, 2.999, "Tell me, is the lord of the universe in?")
    assert friday.lines[-1] == Line(4.3, 6.0, "Somebody must've stolen the crown jewels")
    embedded = load(MEDIA / "mov_text.mp4")
    assert [line.text for line in embedded.lines] == ["oop", "boop"]
    assert embedded.source == "subtitle stream 2 (mov_text)"
