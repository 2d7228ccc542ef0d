"""Real pages as slides: titles put together again, text boxes that follow the picture."""

from __future__ import annotations

import json
import random
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.paths import SHARED
from vamba_cli.train.alphabet import ALPHABET
from vamba_cli.train.pages import PageRenderer, augment, is_validation, pack, read_pages, to_slide

SIZE = (644, 364)


def _write(folder: Path, rows: list[dict[str, object]]) -> None:
    for row in rows:
        Image.new("RGB", (800, 600), "white").save(folder / str(row["image"]))
    (folder / "pages.jsonl").write_text("\n".join(map(json.dumps, rows)))


def _row(title: str, lines: list[list[object]], source: str = "a/b:c.pdf", image: str = "1.webp") -> dict[str, object]:
    return {"image": image, "source": source, "title": title, "lines": lines}


def test_a_title_broken_in_two_is_joined_and_is_no_line(tmp_path: Path) -> None:
    title = [["Support vector", 0.1, 0.05, 0.6, 0.12], ["machines", 0.1, 0.13, 0.4, 0.2]]
    body = [["● Eﬃcient", 0.1, 0.4, 0.4, 0.44], ["7", 0.9, 0.95, 0.92, 0.98]]
    _write(tmp_path, [_row("Support vector", [*title, *body])])
    (slide,) = (to_slide(page, SIZE) for page in read_pages(tmp_path))
    assert slide.title == "Support vector machines"
    assert slide.lines == ("Efficient",)
    assert slide.image.shape == (364, 644, 3)
    assert "".join(ALPHABET[code] for code in slide.glyph_codes) == "SupportvectormachinesEfficient7"


def test_a_narrow_page_stands_between_bars_and_its_text_moves_along(tmp_path: Path) -> None:
    _write(tmp_path, [_row("iiii", [["iiii", 0.0, 0.4, 1.0, 0.6]])])
    (slide,) = (to_slide(page, SIZE) for page in read_pages(tmp_path))
    width = 364 * 800 / 600
    left = (644 - width) / 2
    assert slide.image[:, : int(left) - 2].max() == 0
    assert slide.image[182, 322].min() > 250
    np.testing.assert_allclose(slide.glyph_centres[:, 0], left + width * np.array([1, 3, 5, 7]) / 8, atol=1)
    np.testing.assert_allclose(slide.glyph_centres[:, 1], 182, atol=1)


@pytest.mark.parametrize(
    ("title", "lines"),
    [
        ("Ось", [["Ось", 0.1, 0.1, 0.4, 0.2]]),
        ("missing", [["other", 0.1, 0.1, 0.4, 0.2]]),
        ("axis", [["Heading", 0.1, 0.05, 0.4, 0.15], ["axis", 0.3, 0.6, 0.4, 0.7]]),
    ],
)
def test_pages_with_a_doubtful_title_are_left_out(tmp_path: Path, title: str, lines: list[list[object]]) -> None:
    _write(tmp_path, [_row(title, lines)])
    assert read_pages(tmp_path) == []


def test_augmenting_moves_characters_with_the_picture(tmp_path: Path) -> None:
    image = np.zeros((364, 644, 3), np.uint8)
    image[176:188, 400:412] = 255
    _write(tmp_path, [_row("x", [["x", 0.1, 0.1, 0.2, 0.2]])])
    (slide,) = (to_slide(page, SIZE) for page in read_pages(tmp_path))
    marked = type(slide)(image, "x", (), slide.glyph_codes[:1], np.array([[406, 182]], np.float32))
    for seed in range(12):
        moved = augment(marked, random.Random(seed))
        x, y = moved.glyph_centres[0].round().astype(int)
        ground = moved.image[y - 30 : y + 31, x - 30 : x + 31].astype(int).mean(axis=2)
        contrast = abs(ground - np.median(ground))
        rows, columns = np.nonzero(contrast > 0.5 * contrast.max())
        assert abs(rows.mean() - 30) < 2.5
        assert abs(columns.mean() - 30) < 2.5


def test_validation_is_one_whole_repository(tmp_path: Path) -> None:
    line: list[list[object]] = [["Title", 0.1, 0.1, 0.4, 0.2]]
    rows = [_row("Title", line), _row("Title", line, "slds-lmu/lecture_sl:x.pdf", "2.webp")]
    _write(tmp_path, rows)
    assert [is_validation(page.source) for page in read_pages(tmp_path)] == [False, True]


def test_a_page_without_a_title_is_not_trained_on(tmp_path: Path) -> None:
    line: list[list[object]] = [["Title", 0.1, 0.1, 0.4, 0.2]]
    _write(tmp_path, [_row("", line), _row("Title", line)])
    pages = read_pages(tmp_path)
    assert len(pages) == 2
    renderer = PageRenderer(pages, 1, SIZE)
    assert {renderer().title for _ in range(12)} == {"Title"}


def test_pages_of_a_deck_often_follow_each_other(tmp_path: Path) -> None:
    _write(tmp_path, [_row(f"Page {number}", [[f"Page {number}", 0.1, 0.1, 0.5, 0.2]]) for number in range(10, 50)])
    renderer = PageRenderer(read_pages(tmp_path), 1, SIZE)
    slides = [renderer() for _ in range(90)]
    numbers = [int(slide.title.split()[1]) for slide in slides]
    steps = [(then - now) % 40 for now, then in pairwise(numbers)]
    assert 60 < steps.count(1) < 88 and len(set(steps)) > 5
    stays = [then.deck == now.deck for now, then in pairwise(slides)]
    assert stays.count(True) <= steps.count(1) and all(
        step == 1 for step, same in zip(steps, stays, strict=True) if same
    )
    frames = [tuple(slide.image[0, :8].ravel()) for slide in slides]  # a bit of the border, which stays with the look
    assert len(set(frames)) < 0.6 * len(frames)


def test_dots_with_spaces_are_an_ellipsis(tmp_path: Path) -> None:
    _write(tmp_path, [_row("Step by step. . . (2)", [["Step by step. . . (2)", 0.1, 0.1, 0.4, 0.2]])])
    (slide,) = (to_slide(page, SIZE) for page in read_pages(tmp_path))
    assert slide.title == "Step by step... (2)"


def test_a_packed_copy_reads_the_same(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    _write(tmp_path / "full", [_row("Title", [["Title", 0.1, 0.1, 0.4, 0.2]])])
    pack(tmp_path / "full", tmp_path / "small")
    (slide,) = (to_slide(page, SIZE) for page in read_pages(tmp_path / "small"))
    assert slide.title == "Title"


def test_the_shared_pages_have_titles() -> None:
    if not (SHARED / "slides").is_dir():
        pytest.skip("no shared slides beside this checkout")
    pages = read_pages(SHARED / "slides")
    assert len(pages) > 2000
    assert sum(bool(page.title) for page in pages) > 0.9 * len(pages)
    assert 200 < sum(is_validation(page.source) for page in pages) < 400
