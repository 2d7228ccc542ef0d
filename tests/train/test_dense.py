"""Dense targets on characters placed by hand."""

from __future__ import annotations

import torch

from vamba_cli.train.alphabet import ALPHABET, encode
from vamba_cli.train.dense import cell_codes


def _grid(text: str, places: list[tuple[float, float]], rows: int = 2, columns: int = 2) -> torch.Tensor:
    """Codes of one page beside an empty one, padded with no characters as pages are."""
    codes = torch.zeros(2, len(text) + 2, dtype=torch.uint8)
    centres = torch.zeros(2, len(text) + 2, 2)
    codes[1, 1:-1] = torch.from_numpy(encode(text))
    centres[1, 1:-1] = torch.tensor(places).reshape(-1, 2)
    grid = cell_codes(codes, centres, rows, columns)
    assert grid.shape == (2, rows * columns, 8) and not grid[0].any()
    return grid[1]


def _cell(text: str, places: list[tuple[float, float]]) -> list[str]:
    return ["".join(ALPHABET[code] for code in cell if code) for cell in _grid(text, places).tolist()]


def test_each_cell_gets_the_characters_whose_centre_it_holds() -> None:
    assert _cell("abcd", [(5, 5), (27.9, 5), (28, 5), (30, 40)]) == ["ab", "c", "", "d"]


def test_characters_are_read_line_by_line_even_if_drawn_in_another_order() -> None:
    # "xy" stands above "pq"; a wobble of less than a line's height does not break a line.
    places = [(20.0, 18.0), (4.0, 6.0), (3.0, 18.5), (12.0, 4.5)]
    assert _cell("qxpy", places)[0] == "xypq"


def test_spaces_and_unknown_characters_are_left_out_and_a_ninth_does_not_fit() -> None:
    text = "ab\u4e00cdefghij"
    places = [(2.0 * index, 10.0) for index in range(len(text))]
    assert _cell(text, places)[0] == "abcdefgh"


def test_characters_outside_the_grid_are_nobodys() -> None:
    assert _cell("abc", [(-1, 5), (5, 57), (60, 5)]) == ["", "", "", ""]


def test_no_characters() -> None:
    assert _cell("", []) == ["", "", "", ""]


def test_the_grid_of_a_real_frame_size() -> None:
    assert _grid("a", [(640, 363)], 13, 23)[12 * 23 + 22, 0] == encode("a")[0]


def test_lines_that_are_closer_than_a_line_are_one() -> None:
    assert _cell("ab", [(9.0, 6.0), (4.0, 9.75)])[0] == "ba"
    assert _cell("ab", [(9.0, 6.0), (4.0, 10.5)])[0] == "ab"
