"""Dense targets on characters placed by hand."""

from __future__ import annotations

import numpy as np

from vamba_cli.train.alphabet import ALPHABET, encode
from vamba_cli.train.dense import dense_targets


def _cell(text: str, places: list[tuple[float, float]], size: tuple[int, int] = (56, 56)) -> list[str]:
    grid = dense_targets(encode(text), np.array(places, np.float32).reshape(-1, 2), size)
    assert grid.dtype == np.uint8
    assert grid.shape == (size[1] // 28, size[0] // 28, 8)
    return ["".join(ALPHABET[code] for code in cell if code) for cell in grid.reshape(-1, 8)]


def test_each_cell_gets_the_characters_whose_centre_it_holds() -> None:
    assert _cell("abcd", [(5, 5), (27.9, 5), (28, 5), (30, 40)]) == ["ab", "c", "", "d"]


def test_characters_are_read_line_by_line_even_if_drawn_in_another_order() -> None:
    # "xy" stands above "pq"; a wobble of less than a line's height does not break a line.
    places = [(20.0, 18.0), (4.0, 6.0), (3.0, 18.5), (12.0, 4.5)]
    assert _cell("qxpy", places)[0] == "xypq"


def test_spaces_and_unknown_characters_are_left_out_and_a_ninth_does_not_fit() -> None:
    text = "a b\u4e00cdefghij"
    places = [(2.0 * index, 10.0) for index in range(len(text))]
    assert _cell(text, places)[0] == "abcdefgh"


def test_characters_outside_the_grid_are_nobodys() -> None:
    assert _cell("abc", [(-1, 5), (5, 57), (60, 5)]) == ["", "", "", ""]


def test_no_characters() -> None:
    assert _cell("", []) == ["", "", "", ""]


def test_the_grid_of_a_real_frame_size_ignores_what_is_cut_off_below() -> None:
    assert dense_targets(encode("a"), np.array([[640, 363]], np.float32), (644, 364))[12, 22, 0] == encode("a")[0]
