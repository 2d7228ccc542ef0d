"""New titles on real pages: what is painted over is gone, what is set there is what the page says, all else stays."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.train.fonts_here import some_fonts
from vamba_cli.train.canvas import Box, Colour
from vamba_cli.train.faces import Face, FontBook
from vamba_cli.train.pages import Line, Page, PageRenderer, fitted, picture_of
from vamba_cli.train.retitle import Retitler
from vamba_cli.train.words import WordSource

WIDTH, HEIGHT = 640, 360
PAPER, INK = (20, 30, 90), (250, 240, 200)


def a_page(title: str = "Old title", left: float = 0.1, num_lines: int = 1, seed: int = 0) -> tuple[Image.Image, Page]:
    """A page with lines of title on a bar, and a body; its own file is not needed."""
    image = Image.new("RGB", (WIDTH, HEIGHT), (255, 255, 255))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, WIDTH, 100), fill=PAPER)
    title_lines = []
    for number in range(num_lines):
        box = Box(left, 0.05 + 0.11 * number, left + 0.3, 0.14 + 0.11 * number)
        rows = slice(round(box.top * HEIGHT) + 3, round(box.bottom * HEIGHT) - 3)
        columns = slice(round(box.left * WIDTH), round(box.right * WIDTH))
        pixels = np.array(image)
        pixels[rows, columns][:, ::4] = INK
        image = Image.fromarray(pixels)
        title_lines.append(Line(f"{title} {number}", box))
    body = Line("what the body says", Box(0.1, 0.5, 0.6, 0.56))
    noise = np.random.default_rng(seed).integers(0, 256, (40, 300, 3), dtype=np.uint8)
    image.paste(Image.fromarray(noise), (64, 180))
    return image, Page("a/b:c.pdf", b"", tuple(title_lines), (*title_lines, body))


@pytest.fixture(scope="module")
def retitler() -> Retitler:
    return Retitler(some_fonts(), WordSource(3))


def ink_rows(image: Image.Image, colour: Colour = INK) -> np.ndarray:
    """Where a picture is nearer to ink than to paper."""
    pixels = np.asarray(image).astype(int)
    return np.abs(pixels - np.array(colour)).sum(-1) < np.abs(pixels - np.array(PAPER)).sum(-1)


@pytest.mark.parametrize("num_lines", [1, 2])
def test_another_title_stands_where_the_old_one_stood(retitler: Retitler, num_lines: int) -> None:
    for seed in range(12):
        image, page = a_page(num_lines=num_lines, seed=seed)
        kept = np.array(image)
        changed, new = retitler(image, page, str(seed))
        assert new is not page and 1 <= len(new.title) <= num_lines
        assert np.array_equal(np.array(image), kept)  # the old picture is left alone
        assert np.array_equal(np.array(changed)[101:], kept[101:])  # and all that is not the title
        assert new.lines == (*new.title, page.lines[-1]) and new.source == page.source
        found = ink_rows(changed)[:100]
        for line in new.title:
            left, right = round(line.box.left * WIDTH), round(line.box.right * WIDTH)
            top, bottom = round(line.box.top * HEIGHT), round(line.box.bottom * HEIGHT)
            assert 0 <= left < right <= WIDTH and found[top:bottom, left:right].any()
            found[max(0, top - 7) : bottom + 4, max(0, left - 3) : right + 3] = False
        assert not found.any()  # ink stands in the lines of the title only, and in accents on them
        slide = fitted(changed, new, (644, 364))
        assert slide.title == " ".join(line.text for line in new.title) and "Old title" not in slide.title


def test_some_looks_have_titles_as_small_as_the_text(retitler: Retitler) -> None:
    image, page = a_page()
    small = replace(page.lines[-1], box=Box(0.1, 0.5, 0.6, 0.54))
    page = replace(page, lines=(*page.title, small))
    heights = [retitler(image, page, str(look))[1].title[0].box.height for look in range(40)]
    assert 4 <= sum(height < 1.2 * 0.04 for height in heights) <= 25
    alone = replace(page, lines=page.title)
    assert min(retitler(image, alone, str(look))[1].title[0].box.height for look in range(40)) > 1.2 * 0.04 * 0.85


def test_titles_stay_where_they_cannot_be_painted_over(retitler: Retitler) -> None:
    image, page = a_page()
    assert retitler(image, replace(page, title=()), "1") == (image, replace(page, title=()))
    pixels = np.array(image)
    pixels[:100] = np.random.default_rng(1).integers(0, 256, (100, WIDTH, 3), dtype=np.uint8)
    photo = Image.fromarray(pixels)
    assert retitler(photo, page, "1") == (photo, page)  # on a photograph
    near = Line("right below it", Box(0.1, 0.13, 0.4, 0.2))
    crowded = replace(page, lines=(*page.lines, near))
    assert retitler(image, crowded, "1") == (image, crowded)  # something else would be painted over
    blank = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    assert retitler(blank, page, "1") == (blank, page)  # nothing to be seen there


def test_a_look_has_one_typeface(retitler: Retitler, monkeypatch: pytest.MonkeyPatch) -> None:
    used: dict[str, set[object]] = {"a": set(), "b": set(), "c": set(), "d": set()}
    face = FontBook.face

    def noted(self: FontBook, typeface: object, *rest: object) -> Face:
        used[look].add(typeface)
        return face(self, typeface, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(FontBook, "face", noted)
    for look in used:
        for seed in range(4):
            retitler(*a_page(seed=seed), look)
    assert all(len(one) == 1 for one in used.values()) and len(set.union(*used.values())) > 1


def test_most_pages_that_are_drawn_have_another_title(retitler: Retitler) -> None:
    image, page = a_page()
    file = io.BytesIO()
    image.save(file, "PNG")
    pages = [replace(page, picture=file.getvalue())]
    assert picture_of(pages[0]).size == (WIDTH, HEIGHT)
    renderer = PageRenderer(pages, 1, (WIDTH, HEIGHT), retitler)
    old = sum(renderer().title == "Old title 0" for _ in range(60))
    assert 5 <= old <= 27  # a quarter


def test_titles_of_one_look_are_about_one_subject() -> None:
    words = WordSource(3)
    begun: list[list[str]] = []
    retitler = Retitler(some_fonts(), words)
    image, page = a_page()
    for look in ("one", "one", "one", "other", "other"):
        retitler(image, page, look)
        begun.append(words._subject)
    assert begun[0] is begun[1] is begun[2] and begun[3] is begun[4] and begun[2] is not begun[3]
