"""What a file is said to be, and what is refused, each with its own reason."""

import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.media.reading import read
from tests.media.synthetic import Recipe, constant, picture, read_index, write, write_sound
from tests.media.test_frames import IRREGULAR, MILLI
from vamba_cli.errors import MediaError
from vamba_cli.media import source
from vamba_cli.media.plan import Sampling
from vamba_cli.media.probe import probe


def test_all_fields(long_video: Path) -> None:
    info = probe(long_video)
    assert info.path == long_video
    assert info.size_bytes == long_video.stat().st_size
    assert "mp4" in info.container
    assert (info.codec, info.pixel_format, info.width, info.height) == ("h264", "yuv420p", 160, 96)
    assert info.duration_seconds == pytest.approx(24)
    assert (info.start_seconds, info.frame_rate, info.num_frames) == (0, 25, 600)
    assert info.keyframe_seconds == pytest.approx(4)
    assert not (info.hdr or info.variable_frame_rate or info.is_image or info.mirrored)
    assert (info.audio_streams, info.subtitle_streams, info.rotation_degrees, info.warnings) == (0, 0, 0, ())


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_variable_rate(suffix: str, tmp_path: Path) -> None:
    info = probe(write(Recipe(IRREGULAR, MILLI, suffix), tmp_path))
    assert info.variable_frame_rate
    assert info.num_frames == len(IRREGULAR)
    assert info.duration_seconds == pytest.approx(6.06, abs=0.1)


def test_a_last_frame_that_stays_counts_as_long_as_it_stays(tmp_path: Path) -> None:
    recipe = Recipe([0, 25, 50], suffix=".mp4")
    assert probe(write(recipe, tmp_path)).duration_seconds == pytest.approx(2.04, abs=1)


def test_decoding_times_are_not_mistaken_for_an_earlier_end(tmp_path: Path) -> None:
    recipe = Recipe(constant(50), suffix=".avi", num_b_frames=2)
    assert probe(write(recipe, tmp_path)).duration_seconds == pytest.approx(2)


@pytest.mark.parametrize("suffix", [".ts", ".mkv"])
def test_start_other_than_zero(suffix: str, tmp_path: Path) -> None:
    info = probe(write(Recipe(constant(50, start=1000), suffix=suffix), tmp_path))
    assert info.start_seconds == pytest.approx(40, abs=0.01)
    assert info.duration_seconds == pytest.approx(2, abs=0.01)
    assert info.warnings == ()


@pytest.mark.parametrize("suffix", [".mkv", ".webm"])
def test_duration_unknown_to_the_container(suffix: str, tmp_path: Path) -> None:
    """As a browser records: to a pipe, where the header cannot be completed at the end."""
    codec = "libvpx-vp9" if suffix == ".webm" else "libx264"
    recipe = Recipe(constant(100), suffix=suffix, codec=codec, container_options={"live": "1"})
    info = probe(write(recipe, tmp_path))
    assert info.duration_seconds == pytest.approx(4, abs=0.01)
    assert info.num_frames == 100
    assert info.keyframe_seconds == pytest.approx(1, abs=0.01)


def test_the_tail_is_checked_not_believed(long_video: Path, tmp_path: Path) -> None:
    data = long_video.read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(data[: len(data) // 2])
    info = probe(path)
    assert 6 < info.duration_seconds < 16
    assert any("cut off" in warning for warning in info.warnings)


@pytest.mark.parametrize(
    ("name", "codec", "cover"),
    [("a.wav", "pcm_s16le", False), ("a.m4a", "aac", False), ("a.mp3", "libmp3lame", True), ("a.mkv", "flac", False)],
)
def test_sound_alone(name: str, codec: str, cover: bool, tmp_path: Path) -> None:
    message = (
        "has no video stream" + (r" \(its cover picture is not one\)" if cover else "") + ": it holds 1 audio stream;"
    )
    with pytest.raises(MediaError, match=message):
        probe(write_sound(tmp_path / name, codec, cover=cover))


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"none\.mp4 does not exist: check the name"):
        probe(tmp_path / "none.mp4")
    (tmp_path / "link.mp4").symlink_to(tmp_path / "gone.mp4")
    with pytest.raises(MediaError, match="a link whose target is gone"):
        probe(tmp_path / "link.mp4")


def test_an_address_is_not_fetched() -> None:
    with pytest.raises(MediaError, match=r"^https://youtu\.be/abc looks like an address, and nothing is fetched"):
        probe(Path("https://youtu.be/abc"))


def test_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="is a folder"):
        probe(tmp_path)
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(MediaError, match="not a regular file"):
        probe(tmp_path / "pipe.mp4")
    with pytest.raises(MediaError, match="not a regular file"):
        probe(Path("/dev/zero"))


def test_empty(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(MediaError, match=r"empty\.mp4 is empty \(0 bytes\)"):
        probe(tmp_path / "empty.mp4")


def test_not_allowed(long_video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, *args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(MediaError, match=r"video\.mp4 may not be read by this user"):
        probe(long_video)


@pytest.mark.parametrize("name", ["a\0b", "x" * 300])
def test_impossible_names(name: str, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="cannot be read"):
        probe(tmp_path / name)


@pytest.mark.parametrize(
    "content", [b"hello " * 500, bytes(5000), os.urandom(5000), b"\0\0\0\x18ftypmp42" + bytes(500)]
)
def test_not_a_video(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "text.mp4"
    path.write_bytes(content)
    with pytest.raises(MediaError, match=r"text\.mp4"):
        probe(path)


PLAYLISTS = {
    "list.m3u8": (
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile://{0}\n#EXT-X-ENDLIST\n",
        "an HLS or M3U playlist",
    ),
    "list.mp4": ("ffconcat version 1.0\nfile {0}\n", "an FFmpeg concat list"),
    "list.mpd": (
        '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT10S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period>'
        '<AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1"><BaseURL>{0}</BaseURL>'
        "</Representation></AdaptationSet></Period></MPD>",
        "a DASH manifest",
    ),
    "list.sdp": (
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns={0}\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
        "a=rtpmap:96 H264/90000\n",
        "an SDP session description",
    ),
}


@pytest.mark.parametrize("name", PLAYLISTS)
@pytest.mark.parametrize("target", ["a video", "/etc/passwd", "http://127.0.0.1:9/video.mp4"])
def test_playlists_are_refused(
    name: str, target: str, long_video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, kind = PLAYLISTS[name]
    path = tmp_path / name
    path.write_text(text.format(long_video if target == "a video" else target))
    with pytest.raises(MediaError, match=f"is {kind}: it points to other files or servers"):
        probe(path)
    # Not by its first line alone: FFmpeg itself is forbidden to follow one.
    monkeypatch.setattr(source, "_refuse_playlist", lambda path, head: None)
    with pytest.raises(MediaError, match=r"in no format that vamba reads|cannot be opened"):
        probe(path)


@pytest.mark.parametrize(
    "name", ["-", "concat:a|b", "a%03d.mp4", "http:x.mp4", "data:,x", "*.mp4", "ä 文.mp4", "a?b#c"]
)
def test_odd_names_are_plain_files(
    name: str, long_video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).write_bytes(long_video.read_bytes())
    monkeypatch.chdir(tmp_path)
    assert read(Path(name), Sampling(num_frames=2)).indices == [0, 300]


IMAGES = ["a.png", "a.jpg", "a.webp", "a.gif", "a.bmp", "a.tiff", "page%d.png", "a*.jpg", "no suffix.png"]


@pytest.mark.parametrize("name", IMAGES)
def test_images_are_one_frame(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    Image.fromarray(picture(77, 161, 97)).save(path)
    if name == "no suffix.png":
        path = path.rename(tmp_path / "no suffix")
    for sampling in (Sampling(), Sampling(num_frames=64, start_seconds=5), Sampling(keyframes_only=True)):
        reading = read(path, sampling)
        assert reading.info.is_image
        assert reading.indices == [77, 77]
    assert (reading.info.width, reading.info.height) == (161, 97)


@pytest.mark.parametrize("exif_orientation", [1, 3, 6, 8])
def test_photographs_are_turned_upright(exif_orientation: int, tmp_path: Path) -> None:
    """Pillow says how it should look."""
    upright = Image.fromarray(picture(77, 160, 96))
    exif = Image.Exif()
    exif[0x0112] = exif_orientation
    undo = {6: 8, 8: 6}.get(exif_orientation, exif_orientation)
    stored = upright.copy()
    stored.getexif()[0x0112] = undo
    ImageOps.exif_transpose(stored, in_place=True)
    path = tmp_path / "photo.jpg"
    stored.save(path, exif=exif, quality=95)
    assert read_index(np.asarray(ImageOps.exif_transpose(Image.open(path)))) == 77
    reading = read(path, Sampling())
    assert reading.indices == [77, 77]
    assert (reading.info.width, reading.info.height) == (160, 96)


def test_transparency_is_ignored(tmp_path: Path) -> None:
    rgba = np.dstack([picture(9, 160, 96), np.full((96, 160), 128, np.uint8)])
    Image.fromarray(rgba).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read(tmp_path / "a.png", Sampling()).frames[0], rgba[..., :3])


def test_a_moving_gif_is_a_video(tmp_path: Path) -> None:
    pictures = [Image.fromarray(picture(index, 160, 96)) for index in range(5)]
    pictures[0].save(tmp_path / "a.gif", save_all=True, append_images=pictures[1:], duration=[100, 300, 100, 500, 200])
    reading = read(tmp_path / "a.gif", Sampling(fps=10))
    assert not reading.info.is_image
    assert reading.indices == [0, 1, 1, 1, 2, 3, 3, 3, 3, 3, 4, 4]


def test_a_moving_webp_is_refused_with_advice(tmp_path: Path) -> None:
    pictures = [Image.fromarray(picture(index, 160, 96)) for index in range(5)]
    pictures[0].save(tmp_path / "a.webp", save_all=True, append_images=pictures[1:], duration=100)
    with pytest.raises(MediaError, match="animated WebP is not supported"):
        probe(tmp_path / "a.webp")


def test_a_picture_bomb_is_refused(tmp_path: Path) -> None:
    Image.new("1", (20_000, 10_000)).save(tmp_path / "bomb.png")
    with pytest.raises(MediaError, match="20000x10000, more than the"):
        probe(tmp_path / "bomb.png")


def test_the_files_own_rate_is_exact(tmp_path: Path) -> None:
    recipe = Recipe(range(0, 60 * 1001, 1001), Fraction(1, 30000))
    assert probe(write(recipe, tmp_path)).frame_rate == pytest.approx(30000 / 1001, rel=1e-6)
