"""The split of font families, and text that a font can draw."""

from __future__ import annotations

from pathlib import Path

from tests.train.fonts_here import some_fonts
from vamba_cli.train.faces import FontBook
from vamba_cli.train.fonts import NUM_HELD_OUT_FAMILIES, family_of, split_fonts


def test_families_are_split_whole_and_always_alike() -> None:
    fonts = [Path(f"Family{number}-{style}.ttf") for number in range(60) for style in ("Regular", "Bold", "Italic")]
    train, held_out = split_fonts(fonts)
    assert len(train) + len(held_out) == len(fonts)
    assert not {family_of(font) for font in train} & {family_of(font) for font in held_out}
    assert len({family_of(font) for font in held_out}) == NUM_HELD_OUT_FAMILIES
    assert split_fonts(fonts[::-1])[1] == held_out[::-1]


def test_widths_are_one_family() -> None:
    assert family_of(Path("DejaVuSansCondensed-Bold.ttf")) == family_of(Path("DejaVuSans.ttf"))
    assert family_of(Path("fira-sans-latin-400-normal.ttf")) == "firasans"


def test_what_a_font_lacks_is_spelt_plainly() -> None:
    book = FontBook(some_fonts())
    face = book.face(book.body[0], 20)
    assert face.typeface.clean("naïve – “β”") == "naïve – “β”"
    assert "\u4e00" not in face.typeface.clean("a\u4e00b")


def test_centres_run_from_left_to_right_within_the_width() -> None:
    book = FontBook(some_fonts())
    width, centres = book.face(book.body[0], 30).centres("Wide iii text")
    assert (centres[1:] > centres[:-1]).all()
    assert 0 < centres[0] < centres[-1] < width
