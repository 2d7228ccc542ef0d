"""Each poster shows the picture of its moment, upright and small, whatever state the file is in."""

import io
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.media.conftest import LONG, Make
from tests.media.synthetic import Recipe, constant, read_index
from tests.paths import MEDIA
from vamba_cli.media.frames import FrameChunk, FrameReader
from vamba_cli.media.posters import posters
from vamba_cli.media.probe import probe

IRREGULAR = Recipe((0, 40, 80, 1000, 1040, 1085, 3000, 3500, 3517, 6000), Fraction(1, 1000), ".mkv", num_b_frames=2)


def pixels(poster: bytes) -> NDArray[np.uint8]:
    picture = Image.open(io.BytesIO(poster))
    assert picture.format == "JPEG"
    return np.asarray(picture.convert("RGB"))


def indices(files: tuple[bytes, ...]) -> list[int]:
    return [read_index(pixels(poster)) for poster in files]


@pytest.mark.parametrize("times", [[0.0], [1.0, 7.5, 23.9], [0.0, 0.0, 12.34, 12.38], [0.48 * i for i in range(21)]])
def test_the_right_moments(long_video: Path, times: list[float]) -> None:
    assert indices(posters(probe(long_video), times)) == [LONG.shown_at(time) for time in times]


def test_any_order_and_variable_rate(make: Make) -> None:
    times = [5.9, 0.0, 3.2, 1.06, -1.0]
    assert indices(posters(probe(make(IRREGULAR)), times)) == [IRREGULAR.shown_at(max(0.0, t)) for t in times]


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_upright_and_bounded(degrees: int, make: Make) -> None:
    recipe = Recipe(constant(30), width=480, height=288, rotation_degrees=degrees, mirrored=degrees == 90)
    (poster,) = posters(probe(make(recipe)), [0.5])
    assert pixels(poster).shape == ((320, 192, 3) if degrees in (90, 270) else (192, 320, 3))
    assert read_index(pixels(poster)) == recipe.shown_at(0.5)


def test_neither_enlarged_nor_longer_than_asked_for(make: Make) -> None:
    info = probe(make(Recipe(constant(8), width=160, height=96)))
    assert pixels(posters(info, [0.0])[0]).shape == (96, 160, 3)
    assert pixels(posters(info, [0.0], width=80)[0]).shape == (48, 80, 3)
    tall = probe(make(Recipe(constant(8), width=96, height=160)))
    assert pixels(posters(tall, [0.0], width=80)[0]).shape == (80, 48, 3)


def test_what_is_missing_shows_the_poster_before(long_video: Path, tmp_path: Path) -> None:
    path = tmp_path / "growing.mp4"
    path.write_bytes(long_video.read_bytes())
    info = probe(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert indices(posters(info, [0.0, 5.0, 20.0, 23.0])) == [LONG.shown_at(time) for time in (0.0, 5.0, 5.0, 5.0)]


def test_a_file_without_a_picture_gets_grey_ones(long_video: Path, tmp_path: Path) -> None:
    info = replace(probe(long_video), path=tmp_path / "gone.mp4")
    files = posters(info, [0.0, 3.0])
    assert len(files) == 2
    for poster in files:
        assert pixels(poster).shape == (96, 160, 3)
        assert np.abs(pixels(poster).astype(int) - 128).max() <= 1


def test_no_moments() -> None:
    class NoInfo: ...

    assert posters(NoInfo(), []) == ()  # type: ignore[arg-type]


def test_memory_does_not_grow_with_the_number(long_video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    plain = FrameReader.__next__

    def measured(reader: FrameReader) -> FrameChunk:
        chunk = plain(reader)
        sizes.append(len(chunk.frames))
        return chunk

    monkeypatch.setattr(FrameReader, "__next__", measured)
    assert len(posters(probe(long_video), [i * 0.05 for i in range(201)])) == 201
    assert max(sizes) <= 8


@pytest.mark.parametrize("path", sorted(MEDIA.glob("*.*m*")) or [MEDIA / "absent.mp4"], ids=lambda path: path.name)
def test_awkward_files(path: Path) -> None:
    if not path.is_file():
        pytest.skip("needs the shared videos")
    info = probe(path)
    part = info.duration_seconds / 4
    files = posters(info, [0.0, part, 2 * part, 3 * part])
    assert len(files) == 4
    for poster in files:
        height, width = pixels(poster).shape[:2]
        assert max(height, width) <= 320
        assert width / height == pytest.approx(info.width / info.height, rel=0.02)
        assert np.abs(pixels(poster).astype(int) - 128).max() > 3  # not the grey one of a file without pictures
        assert len(poster) < 60_000
