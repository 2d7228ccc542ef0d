"""The split of font families, and text that a font can draw."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from tests.train.fonts_here import some_fonts
from vamba_cli.train import faces
from vamba_cli.train.alphabet import ALPHABET
from vamba_cli.train.canvas import Box, Canvas, Run
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


def test_ligatures_are_drawn_and_still_read_as_their_letters() -> None:
    """`efﬁcient` is what a shaping engine draws; whoever reads it reads the letters."""
    book = FontBook(some_fonts())
    typeface = next(face for face in book.any_text if face.path.stem == "DejaVuSans")
    shaped, plain = book.face(typeface, 40, shaped=True), book.face(typeface, 40)
    assert shaped.drawn("office fly fi ff") == "oﬃce ﬂy ﬁ ﬀ" and plain.drawn("office") == "office"
    assert book.face(book.mono[0], 40, shaped=True).drawn("office") == "office"
    width, centres = shaped.centres("office")
    assert len(centres) == 6 and (centres[1:] > centres[:-1]).all() and centres[-1] < width
    canvas = Canvas(Image.new("RGB", (400, 100), "white"), Box(0, 0, 400, 100), 1.0)
    assert canvas.text(10, 60, [Run(shaped, "office", (0, 0, 0))])
    assert canvas.lines == ["office"]
    assert "".join(ALPHABET[code] for code in canvas.glyphs()[0]) == "office"
    other = Canvas(Image.new("RGB", (400, 100), "white"), Box(0, 0, 400, 100), 1.0)
    assert other.text(10, 60, [Run(plain, "office", (0, 0, 0))])
    assert canvas.image.tobytes() != other.image.tobytes()


def test_a_font_without_ligatures_draws_the_letters() -> None:
    book = FontBook(some_fonts())
    face = book.face(book.body[0], 40, shaped=True)
    face.typeface._ligatures = []
    try:
        assert face.drawn("office") == "office"
    finally:
        faces._typeface.cache_clear()
