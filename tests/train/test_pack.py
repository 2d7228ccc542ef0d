"""Packing what a training run draws from: what can be had is there, what cannot is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vamba_cli.train import pack
from vamba_cli.train.fonts import DEBIAN_PACKAGES, NPM_PACKAGES


def _photo(path: Path, width: int, height: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(width).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)


def test_photographs_are_made_small_and_icons_left_out(tmp_path: Path) -> None:
    _photo(tmp_path / "in" / "large.jpg", 1600, 900)
    _photo(tmp_path / "in" / "nested" / "tall.png", 300, 900)
    _photo(tmp_path / "in" / "icon.png", 16, 16)
    (tmp_path / "in" / "notes.txt").write_text("x" * 100_000)
    pack.shrink_photos(tmp_path / "in", tmp_path / "out")
    sizes = []
    for path in (tmp_path / "out").iterdir():
        with Image.open(path) as image:
            sizes.append(image.size)
    assert sorted(sizes) == [(253, 760), (760, 428)]


def test_what_is_there_already_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(pack, "unpack_debian", lambda packages, _root: asked.extend(packages))
    monkeypatch.setattr(pack, "unpack_npm", lambda packages, _root: asked.extend(packages))
    monkeypatch.setattr("vamba_cli.train.fonts.collect", lambda out, _folders: (out / "photos").mkdir(parents=True))
    monkeypatch.setattr("vamba_cli.train.word_list.build", lambda out, _folder: out.write_bytes(b"words"))
    pack.pack(tmp_path, None)
    assert asked == [*DEBIAN_PACKAGES, *NPM_PACKAGES, *pack.WORD_PACKAGES]  # photographs were there
    asked.clear()
    pack.pack(tmp_path, None)
    assert asked == []


def test_without_npm_its_faces_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    pack.unpack_npm(["@fontsource/lato"], tmp_path)
    assert "left out @fontsource/lato" in capsys.readouterr().out
