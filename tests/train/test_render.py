"""Drawn slides: the same for a seed, readable where they claim to be, and honest about their text."""

from __future__ import annotations

import gzip
from difflib import SequenceMatcher
from itertools import combinations, islice, pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.train.fonts_here import some_fonts
from vamba_cli.train import render
from vamba_cli.train.alphabet import ALPHABET, is_readable
from vamba_cli.train.render import FULL_SIZE, SMALL_SIZE, Slide, SlideRenderer
from vamba_cli.train.words import WordSource, has_held_out


def _draw(count: int, seed: int, size: tuple[int, int] = FULL_SIZE, clean: bool = False) -> list[Slide]:
    renderer = SlideRenderer(some_fonts(), WordSource(seed), seed, size, clean)
    return [renderer() for _ in range(count)]


def test_a_seed_always_draws_the_same_slides() -> None:
    first, second, other = _draw(3, 7), _draw(3, 7), _draw(3, 8)
    for one, two in zip(first, second, strict=True):
        assert one.title == two.title
        assert one.lines == two.lines
        np.testing.assert_array_equal(one.image, two.image)
        np.testing.assert_array_equal(one.glyph_centres, two.glyph_centres)
    assert any((one.image != two.image).any() for one, two in zip(first, other, strict=True))


def test_slides_of_a_deck_look_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "_KINDS", {"content": 1.0})
    stays, alike = {}, {}
    for share in (0.0, 0.9):
        renderer = SlideRenderer(some_fonts(), WordSource(5), 5, clean=True, same_look_share=share)
        pairs = list(pairwise(renderer() for _ in range(24)))
        stays[share] = sum(one.deck == then.deck for one, then in pairs)
        alike[share] = sum(_most_frequent(one) == _most_frequent(then) for one, then in pairs)
    assert stays[0.0] == 0 and 14 < stays[0.9] <= 23
    assert alike[0.9] > alike[0.0] + 4  # gradients and pictures behind the text differ


def _most_frequent(slide: Slide) -> tuple[int, ...]:
    """The colour of most pixels."""
    colours, numbers = np.unique(slide.image.reshape(-1, 3), axis=0, return_counts=True)
    return tuple(colours[numbers.argmax()].tolist())


@pytest.mark.parametrize("size", [FULL_SIZE, SMALL_SIZE])
def test_slides_have_the_size_asked_for_and_text_inside_it(size: tuple[int, int]) -> None:
    for slide in _draw(6, 1, size):
        assert slide.image.shape == (size[1], size[0], 3)
        assert slide.image.dtype == np.uint8
        assert len(slide.glyph_codes) == len(slide.glyph_centres)
        assert (slide.glyph_centres >= 0).all()
        assert (slide.glyph_centres < np.array(size)).all()


def test_characters_are_where_the_ink_is() -> None:
    """Around nearly every centre brightness varies; half a line away from the text it often does not."""
    at_text, beside = [], []
    for slide in _draw(12, 3, clean=True):
        grey = np.pad(slide.image.astype(np.float32).mean(axis=2), 40, mode="edge")
        for x, y in slide.glyph_centres.astype(int) + 40:
            at_text.append(np.ptp(grey[y - 4 : y + 5, x - 3 : x + 4]) > 25)
            beside.append(np.ptp(grey[y + 8 : y + 17, x - 3 : x + 4]) > 25)
    assert len(at_text) > 500
    assert np.mean(at_text) > 0.97
    assert np.mean(beside) < np.mean(at_text) - 0.2


def test_the_title_and_lines_are_among_the_characters_drawn() -> None:
    for slide in _draw(12, 5):
        drawn = [ALPHABET[code] for code in slide.glyph_codes]
        for text in (slide.title, *slide.lines):
            letters = text.replace(" ", "")
            assert is_readable(letters)
            assert all(drawn.count(letter) >= letters.count(letter) for letter in set(letters))


def test_most_slides_have_a_title_and_some_have_none() -> None:
    titles = [slide.title for slide in _draw(40, 2, SMALL_SIZE)]
    assert 2 <= titles.count("") <= 16


@pytest.mark.parametrize("kind", ["screen", "untitled", "camera"])
def test_what_is_no_slide_with_a_title_has_none(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "_KINDS", {kind: 1.0})
    slides = _draw(12, 4)
    assert {slide.title for slide in slides} == {""}
    lines = sum(len(slide.lines) for slide in slides)
    assert lines > 100 if kind == "screen" else lines < 100  # labels and words on pictures


def test_photographs_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("RGB", (64, 48), (255, 0, 255)).save(tmp_path / "pink.webp", lossless=True)
    monkeypatch.setattr(render, "_KINDS", {"camera": 1.0})
    renderer = SlideRenderer(some_fonts(), WordSource(1), 1, clean=True, photos=(tmp_path / "pink.webp",))
    pink = [(renderer().image == (255, 0, 255)).all(axis=2).mean() for _ in range(20)]
    assert sum(share > 0.5 for share in pink) > 6


def test_some_titles_have_a_subtitle(monkeypatch: pytest.MonkeyPatch) -> None:
    """A smaller line below a title is a line of the slide, no part of the title."""
    monkeypatch.setattr(render, "_KINDS", {"content": 1.0})
    monkeypatch.setattr(render, "_CONTENT", {"nothing": 1.0})
    slides = _draw(250, 6, SMALL_SIZE)
    assert 4 < sum(len(slide.lines) == 1 for slide in slides) < 40
    assert all(len(slide.lines) <= 1 for slide in slides)


def test_held_out_words_are_seen_in_evaluation_only() -> None:
    training, evaluation = WordSource(1), WordSource(1, held_out=True)
    assert all(has_held_out(evaluation.title()) for _ in range(200))
    terms = [training.term() for _ in range(400)]
    assert not any(has_held_out(term) for term in terms if not term.isalpha() or term in training._english)


def test_titles_in_training_come_in_series_and_those_of_the_evaluation_do_not() -> None:
    """Decks have them: "Step by step (2)" behind "Step by step (1)"."""
    training, evaluation = (WordSource(1, held_out=held_out) for held_out in (False, True))
    alike = {}
    for words in (training, evaluation):
        titles = [words.title() for _ in range(400)]
        alike[words.held_out] = sum(SequenceMatcher(None, *two).ratio() > 0.7 for two in pairwise(titles))
    assert alike[False] > 60 and alike[True] < 12


def test_titles_of_a_deck_share_terms() -> None:
    """Whoever reads by a few letters in a row goes on in the wrong title there."""
    words = WordSource(4)

    def share_of_common_words() -> float:
        """Of the pairs of titles among 7 that have a long word in common, over many decks."""
        pairs = []
        for _ in range(60):
            words.new_deck()
            titles = [{word.strip("():,").lower() for word in words.title().split() if len(word) > 5} for _ in range(7)]
            pairs += [bool(one & other) for one, other in combinations(titles, 2)]
        return sum(pairs) / len(pairs)

    shared = share_of_common_words()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vamba_cli.train.words._SUBJECT_SHARE", 0.0)
        assert shared > 1.4 * share_of_common_words()


def test_titles_of_some_decks_come_again() -> None:
    """As "Outline" does, with others between."""
    words = WordSource(6)

    def share_of_decks() -> float:
        again = 0
        for _ in range(300):
            words.new_deck()
            titles = [words.title() for _ in range(7)]
            again += any(one in titles[at + 2 :] and one != titles[at + 1] for at, one in enumerate(titles))
        return again / 300

    some = share_of_decks()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vamba_cli.train.words._NARROW_SHARE", 0.0)
        assert 0.05 < some < 0.5 and some > 1.5 * share_of_decks()


def test_some_pages_speak_other_languages(tmp_path: Path) -> None:
    file = tmp_path / "words.txt.gz"
    lines = ["en\tplain", "de\tÜbung", "de\tHaus", "fr\tété", "es\taño", "phrase\tSome words"]
    file.write_bytes(gzip.compress("\n".join(lines).encode()))
    words = WordSource(1, path=file)
    pages = []
    for _ in range(300):
        words.new_page()
        pages.append({words.word() for _ in range(12)})
    foreign = [page for page in pages if any(not word.isascii() for word in page)]
    assert 0.1 < len(foreign) / len(pages) < 0.3
    assert all(not page & {"Übung", "Haus"} or not page & {"été", "año"} for page in pages)  # one language a page
    assert sum("Übung" in page for page in pages) > 5


def test_some_titles_are_long_and_some_are_addresses() -> None:
    words = WordSource(2)
    titles = [words.title() for _ in range(1500)]
    assert 0.05 < sum(len(title) > 45 for title in titles) / len(titles) < 0.3
    assert max(map(len, titles)) <= 100
    assert sum(title.startswith(("http", "www.", "/", "~/", "C:/")) for title in titles) > 15


def test_lines_of_programs_come_in_stretches_that_differ_in_a_word() -> None:
    lines = list(islice(WordSource(3).code_lines(), 400))
    alike = [SequenceMatcher(None, one.split(), other.split()).ratio() for one, other in pairwise(lines)]
    assert 0.2 < sum(0.4 < share < 1 for share in alike) / len(alike) < 0.8
    assert WordSource(1).varied("==>") == "==>"
    counted = {WordSource(seed).varied("09") for seed in range(40)}
    assert "10" in counted and len(counted) > 10 and {len(number) for number in counted} == {2}
    words = {WordSource(seed).varied("Read CHAPTER").split()[0] for seed in range(20)}
    assert all(word[0].isupper() for word in words) and len(words) > 5


def test_a_renderer_without_fonts_says_so() -> None:
    with pytest.raises(ValueError, match="no fonts"):
        SlideRenderer((), WordSource(1), 1)
