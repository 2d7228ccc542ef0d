"""Copies with chapters: the streams unchanged to the last bit, the chapters as other readers see them."""

import hashlib
import resource
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.stream import AudioStream
from av.packet import Packet
from av.stream import AttachmentStream, Disposition
from av.video.stream import VideoStream

from tests.media.synthetic import Recipe, constant, picture, write
from tests.paths import MEDIA
from vamba_cli.errors import MediaError, UsageError
from vamba_cli.media import embed
from vamba_cli.media.embed import copy_suffix, embed_chapters
from vamba_cli.media.probe import probe
from vamba_cli.results import Chapter

THREE = (Chapter(0.0, 0.5, "Intro"), Chapter(0.5, 1.25, "שלום 👩‍👩‍👧"), Chapter(1.25, 2.0, "a=b;#\\ <x> & -->"))
PLAIN = Recipe(constant(50), num_b_frames=2)

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")


def packets(path: Path) -> dict[tuple[str, int], tuple[str, list[int | None]]]:
    """A hash of all packets and their times in microseconds, by the stream's type and its place among these."""
    with av.open(str(path)) as container:
        names = {
            stream.index: (kind, place)
            for kind, streams in (
                ("video", container.streams.video),
                ("audio", container.streams.audio),
                ("subtitle", container.streams.subtitles),
            )
            for place, stream in enumerate(streams)
        }
        hashes: defaultdict[tuple[str, int], hashlib._Hash] = defaultdict(hashlib.md5)
        times: defaultdict[tuple[str, int], list[int | None]] = defaultdict(list)
        for packet in container.demux([container.streams[index] for index in names]):
            if packet.dts is not None or packet.size:
                name = names[packet.stream_index]
                hashes[name].update(bytes(packet))
                times[name].append(None if packet.pts is None else round(packet.pts * packet.time_base * 1_000_000))
    return {name: (hashes[name].hexdigest(), times[name]) for name in hashes}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def listed(path: Path) -> list[tuple[float, float, str]]:
    """Start, end and title of the chapters inside a file, in milliseconds' precision."""
    with av.open(str(path)) as container:
        return [
            (
                round(float(chapter["start"] * chapter["time_base"]), 3),
                round(float(chapter["end"] * chapter["time_base"]), 3),
                chapter["metadata"]["title"],
            )
            for chapter in container.chapters()
            if chapter["time_base"]
        ]


def expected(chapters: Sequence[Chapter], start_seconds: float = 0.0) -> list[tuple[float, float, str]]:
    return [
        (round(c.start_seconds + start_seconds, 3), round(c.end_seconds + start_seconds, 3), c.title) for c in chapters
    ]


def write_film(path: Path, num_frames: int = 50) -> Path:
    """Two seconds with B-frames, sound, a title, and what the container takes of: cover, subtitles, attached file."""
    with av.open(str(path), "w") as film:
        film.metadata.update({"title": "My film", "artist": "me"})
        video = film.add_stream("libx264", rate=25)
        sound = film.add_stream("aac", rate=8000, layout="mono")
        assert isinstance(video, VideoStream)
        assert isinstance(sound, AudioStream)
        video.width, video.height, video.pix_fmt = 160, 96, "yuv420p"
        video.codec_context.max_b_frames = 2
        sound.metadata["language"] = "deu"
        if path.suffix == ".mkv":
            text = film.add_mux_stream("subrip")
            text.disposition = Disposition.forced
            film.add_attachment("notes.txt", "text/plain", b"keep me")
            film.add_attachment("front.jpg", "image/jpeg", jpeg())
        else:
            cover = film.add_stream("mjpeg", rate=1)
            assert isinstance(cover, VideoStream)
            cover.width, cover.height, cover.pix_fmt = 64, 64, "yuvj420p"
            cover.disposition = Disposition.attached_pic
            still = av.VideoFrame.from_ndarray(picture(1, 64, 64), format="rgb24")
            still.pts = 0
            film.mux(cover.encode(still))
            film.mux(cover.encode())
        for index in range(num_frames):
            frame = av.VideoFrame.from_ndarray(picture(index, 160, 96), format="rgb24")
            frame.pts = index
            film.mux(video.encode(frame))
        film.mux(video.encode())
        samples = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.int16), format="s16", layout="mono")
        samples.sample_rate, samples.pts = 8000, 0
        resampler = av.AudioResampler(format=sound.format.name, frame_size=sound.codec_context.frame_size or 0)
        for heard in [*resampler.resample(samples), None]:
            film.mux(sound.encode(heard))
        if path.suffix == ".mkv":
            line = Packet(b"hello")
            line.stream, line.time_base = text, Fraction(1, 1000)
            line.pts = line.dts = 300
            line.duration = 900
            film.mux(line)
    return path


def jpeg() -> bytes:
    """A picture that FFmpeg takes for a cover."""
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 64, 64, "yuvj420p", Fraction(1)
    pictures = (av.VideoFrame.from_ndarray(picture(1, 64, 64), format="rgb24"), None)
    return b"".join(bytes(packet) for frame in pictures for packet in encoder.encode(frame))


@pytest.fixture(scope="module", params=[".mp4", ".mov", ".mkv"])
def film(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(tmp_path_factory.mktemp("film") / f"film{request.param}")


def test_every_stream_goes_over(film: Path, tmp_path: Path) -> None:
    original = film.read_bytes()
    target = tmp_path / film.name
    assert embed_chapters(film, THREE, target) == ()
    assert film.read_bytes() == original
    assert packets(target) == packets(film)
    assert listed(target) == expected(THREE)
    assert names(tmp_path) == [film.name]
    assert target.stat().st_mode == film.stat().st_mode
    with av.open(str(film)) as before, av.open(str(target)) as after:
        assert after.metadata == before.metadata
        assert "My film" in after.metadata.values()
        kept = [s for s in after.streams if s.type != "data"]
        assert [(s.type, s.disposition, s.metadata) for s in kept] == [
            (s.type, s.disposition, s.metadata) for s in before.streams
        ]
        assert after.streams.video[0].average_rate == before.streams.video[0].average_rate
        assert film.suffix != ".mp4" or after.streams.audio[0].metadata["language"] == "deu"
        if film.suffix == ".mkv":
            found = {s.name: s.data for s in after.streams if isinstance(s, AttachmentStream)}
            assert found["notes.txt"] == b"keep me"


def test_a_second_time_replaces_the_first(film: Path, tmp_path: Path) -> None:
    once, twice = tmp_path / f"once{film.suffix}", tmp_path / f"twice{film.suffix}"
    embed_chapters(film, THREE, once)
    assert embed_chapters(once, (replace(THREE[0], title="New", end_seconds=2.0),), twice) == ()
    assert listed(twice) == [(0.0, 2.0, "New")]
    with av.open(str(once)) as first, av.open(str(twice)) as second:
        assert [s.type for s in second.streams] == [s.type for s in first.streams]
    assert packets(twice) == packets(film)


def test_an_mp4_begins_with_its_index(long_video: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.mp4"
    embed_chapters(long_video, THREE, target)
    assert target.read_bytes().index(b"moov") < target.read_bytes().index(b"mdat")


def test_the_brand_of_the_old_container_is_no_title_of_the_new(long_video: Path, tmp_path: Path) -> None:
    embed_chapters(long_video, THREE, tmp_path / "copy.mkv")
    with av.open(str(tmp_path / "copy.mkv")) as copy:
        assert {key.lower() for key in copy.metadata} == {"encoder"}


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".ts"])
def test_chapters_begin_where_the_pictures_do(suffix: str, tmp_path: Path) -> None:
    source = write(Recipe(constant(50, start=1000), suffix=suffix), tmp_path)
    target = tmp_path / f"copy{copy_suffix(source)}"
    embed_chapters(source, THREE, target)
    start_seconds = probe(source).start_seconds
    assert start_seconds >= 40
    assert probe(target).start_seconds == pytest.approx(start_seconds, abs=0.001)
    found, wanted = listed(target), expected(THREE, start_seconds)
    if suffix == ".mp4":  # whose chapters fill the time before the first
        wanted[0] = (0.0, *wanted[0][1:])
    assert found == wanted


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize(
    "recipe",
    [replace(PLAIN, rotation_degrees=90), replace(PLAIN, mirrored=True), replace(PLAIN, pixel_aspect=Fraction(4, 3))],
    ids=["rotated", "mirrored", "oblong"],
)
def test_pictures_are_shown_as_before(recipe: Recipe, suffix: str, tmp_path: Path) -> None:
    source, target = write(replace(recipe, suffix=suffix), tmp_path), tmp_path / f"copy{suffix}"
    embed_chapters(source, THREE, target)
    before, after = probe(source), probe(target)
    assert (before.width, before.height) != (160, 96) or before.mirrored
    assert replace(after, path=source, size_bytes=before.size_bytes) == before


def test_the_name_of_the_codec_stays(tmp_path: Path) -> None:
    """Of codecs with several names in MP4 and QuickTime, players take some only: ProRes by its quality, `hvc1`."""
    recipe = Recipe(constant(5), suffix=".mov", codec="prores_ks", pixel_format="yuv422p10le", options={"profile": "1"})
    source, target = write(recipe, tmp_path), tmp_path / "copy.mov"
    embed_chapters(source, THREE, target)
    tags = []
    for path in (source, target):
        with av.open(str(path)) as container:
            tags.append(container.streams.video[0].codec_context.codec_tag)
    assert tags == ["apcs", "apcs"]


def test_matroska_says_how_long_a_frame_lasts(tmp_path: Path) -> None:
    source, target = write(Recipe(constant(50), suffix=".webm", codec="libvpx"), tmp_path), tmp_path / "copy.webm"
    embed_chapters(source, THREE, target)
    default_duration = b"\x23\xe3\x83\x84" + (40_000_000).to_bytes(4, "big")  # EBML: name, size, nanoseconds
    assert default_duration in source.read_bytes()
    assert default_duration in target.read_bytes()


def test_streams_of_data_stay_behind_and_it_is_said(tmp_path: Path) -> None:
    source, target = tmp_path / "flight.ts", tmp_path / "copy.mkv"
    with av.open(str(source), "w") as flight:
        video = flight.add_stream("libx264", rate=25)
        assert isinstance(video, VideoStream)
        video.width, video.height, video.pix_fmt = 160, 96, "yuv420p"
        data = flight.add_data_stream("klv")
        for index in range(50):
            frame = av.VideoFrame.from_ndarray(picture(index, 160, 96), format="rgb24")
            frame.pts = index
            flight.mux(video.encode(frame))
            note = Packet(b"where the drone is")
            note.stream, note.time_base, note.pts, note.dts = data, Fraction(1, 25), index, index
            flight.mux(note)
        flight.mux(video.encode())
    assert embed_chapters(source, THREE, target) == ("its data stream 1 (klv) is not in the copy",)
    assert len(listed(target)) == 3


@needs_ffmpeg
def test_a_shape_that_would_be_lost_is_refused(tmp_path: Path) -> None:
    """Matroska keeps the shape of pixels outside of the stream, where av writes none."""
    source = tmp_path / "oblong.webm"
    test_picture = ["-f", "lavfi", "-i", "testsrc2=s=160x96:r=25:d=1"]
    subprocess.run(["ffmpeg", "-v", "error", *test_picture, "-aspect", "16:9", "-c:v", "libvpx", source], check=True)
    with pytest.raises(MediaError, match=r"shows 171x96.* would show 160x96.*--format matroska"):
        embed_chapters(source, THREE, tmp_path / "copy.webm")
    assert names(tmp_path) == ["oblong.webm"]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_many_and_long_titles(suffix: str, tmp_path: Path) -> None:
    chapters = tuple(Chapter(i / 250, (i + 1) / 250, f"{i} " + "ß" * i) for i in range(500))
    target = tmp_path / f"copy{suffix}"
    embed_chapters(write(replace(PLAIN, suffix=suffix), tmp_path), chapters, target)
    titles = [title for *_, title in listed(target)]
    assert titles[:120] == [chapter.title for chapter in chapters[:120]]
    assert len(titles) == 500
    assert all(title.startswith(f"{i} ß") and title.endswith("ß…") for i, title in enumerate(titles) if i > 200)
    assert all(len(title.encode()) <= 255 for title in titles)


def test_an_avi_goes_into_a_matroska_file(tmp_path: Path) -> None:
    source = write(Recipe(constant(50), suffix=".avi", codec="mpeg4"), tmp_path)
    assert copy_suffix(source) == ".mkv"
    target = tmp_path / "copy.mkv"
    embed_chapters(source, THREE, target)
    assert packets(target)["video", 0][0] == packets(source)["video", 0][0]
    assert listed(target) == expected(THREE)


def test_pictures_without_times_are_not_guessed(tmp_path: Path) -> None:
    source = write(Recipe(constant(50), suffix=".avi", codec="mpeg4", num_b_frames=2), tmp_path)
    with pytest.raises(MediaError, match=r"video\.avi does not say when its pictures are shown.*--format matroska"):
        embed_chapters(source, THREE, tmp_path / "copy.mkv")
    assert names(tmp_path) == ["video.avi"]


@pytest.mark.parametrize("name", ["copy.avi", "copy.ts", "copy"])
def test_containers_without_chapters(name: str, long_video: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=rf"{name} cannot hold chapters: .*\.mkv.*; name it copy\.mkv"):
        embed_chapters(long_video, THREE, tmp_path / name)
    assert names(tmp_path) == []


def test_the_video_itself_is_refused(tmp_path: Path) -> None:
    source = write(PLAIN, tmp_path)
    (tmp_path / "link.mp4").symlink_to(source)
    (tmp_path / "hard.mp4").hardlink_to(source)
    for target in (source, tmp_path / ".." / tmp_path.name / "video.mp4", tmp_path / "link.mp4", tmp_path / "hard.mp4"):
        with pytest.raises(UsageError, match="is the video itself, which is never changed"):
            embed_chapters(source, THREE, target)


def test_an_old_copy_is_replaced_whole_or_not_at_all(
    long_video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "copy.mp4"
    target.write_bytes(b"old")

    def interrupt(*args: object) -> None:
        assert len(names(tmp_path)) == 2
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(embed, "_copy_packets", interrupt)
        with pytest.raises(KeyboardInterrupt):
            embed_chapters(long_video, THREE, target)
    assert names(tmp_path) == ["copy.mp4"]
    assert target.read_bytes() == b"old"
    embed_chapters(long_video, THREE, target)
    assert packets(target) == packets(long_video)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_full_disk(suffix: str, long_video: Path, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (long_video.stat().st_size // 2, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            embed_chapters(long_video, THREE, tmp_path / f"copy{suffix}")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert names(tmp_path) == []


def test_half_a_video_gives_what_there_is(long_video: Path, tmp_path: Path) -> None:
    source, target = tmp_path / "cut.mp4", tmp_path / "copy.mp4"
    source.write_bytes(long_video.read_bytes()[: long_video.stat().st_size // 2])
    embed_chapters(source, THREE, target)
    assert packets(target) == packets(source)
    assert probe(target).warnings == ()


@pytest.mark.parametrize("name", ["-.mp4", "concat:a|b.mp4", "a%03d.mp4", "ä 文.mp4", "x" * 251 + ".mp4"])
def test_odd_names(name: str, long_video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    embed_chapters(long_video, THREE, Path(name))
    assert listed(tmp_path / name) == expected(THREE)


SHARED = sorted(path for path in MEDIA.glob("*.*") if path.suffix not in (".json", ".vtt"))


@pytest.mark.parametrize("source", SHARED, ids=lambda path: path.name)
def test_shared_media(source: Path, tmp_path: Path) -> None:
    duration_seconds = probe(source).duration_seconds
    chapters = tuple(
        replace(
            c, start_seconds=c.start_seconds * duration_seconds / 2, end_seconds=c.end_seconds * duration_seconds / 2
        )
        for c in THREE
    )
    target = tmp_path / f"copy{copy_suffix(source)}"
    assert embed_chapters(source, chapters, target) == ()
    before, after = packets(source), packets(target)
    assert {name: digest for name, (digest, _) in before.items()} == {
        name: digest for name, (digest, _) in after.items()
    }
    if source.suffix == target.suffix:
        assert before == after
    assert [title for *_, title in listed(target)] == [chapter.title for chapter in chapters]


@pytest.mark.skipif(not SHARED, reason="no shared media beside this checkout")
def test_subtitles_that_the_other_container_does_not_take(tmp_path: Path) -> None:
    with pytest.raises(
        MediaError, match=r"copy\.mkv cannot hold the subtitle stream 2 \(mov_text\).*keep the ending \.mp4"
    ):
        embed_chapters(MEDIA / "mov_text.mp4", THREE, tmp_path / "copy.mkv")
    assert names(tmp_path) == []


@needs_ffmpeg
def test_what_stays_behind_is_said(tmp_path: Path) -> None:
    """A QuickTime file keeps its time code, which the muxer writes anew; MP4's cover has no place in it."""
    plain, coded = write_film(tmp_path / "film.mp4"), tmp_path / "coded.mov"
    subprocess.run(["ffmpeg", "-v", "error", "-i", plain, "-c", "copy", "-timecode", "01:00:00:00", coded], check=True)
    assert embed_chapters(coded, THREE, tmp_path / "copy.mov") == ()
    with av.open(str(tmp_path / "copy.mov")) as copy:
        assert [s.metadata.get("timecode") for s in copy.streams if s.type == "data"] == [None, "01:00:00:00"]
    (warning,) = embed_chapters(plain, THREE, tmp_path / "film.mov")
    assert warning == "its cover picture is not in the copy: QuickTime files hold none"


@needs_ffmpeg
def test_ffmpeg_finds_the_same_streams(film: Path, tmp_path: Path) -> None:
    target = tmp_path / film.name
    embed_chapters(film, THREE, target)
    hashes = [
        subprocess.run(
            [
                "ffmpeg",
                "-v",
                "error",
                "-i",
                path,
                *"-map 0:v -map 0:a -map 0:s? -c copy -f streamhash -hash md5 -".split(),
            ],
            check=True,
            capture_output=True,
        ).stdout
        for path in (film, target)
    ]
    assert hashes[0] == hashes[1] != b""


@pytest.mark.skipif(shutil.which("mkvmerge") is None, reason="mkvtoolnix is not installed")
def test_mkvmerge_lists_the_chapters(film: Path, tmp_path: Path) -> None:
    target = tmp_path / film.name
    embed_chapters(film, THREE, target)
    said = subprocess.run(["mkvmerge", "--identify", target], check=True, capture_output=True, text=True).stdout
    assert "Chapters: 3 entries" in said
