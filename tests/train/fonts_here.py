"""Font files for the tests of drawn slides: the collected ones, else whatever the system has."""

from __future__ import annotations

from pathlib import Path

import pytest

from vamba_cli.train.fonts import find_fonts

_COLLECTED = Path(__file__).parents[2] / ".train" / "fonts"
_PLAIN = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSansMono", "LiberationSans-Regular", "LiberationMono-Regular")


def some_fonts() -> tuple[Path, ...]:
    """A handful of fonts; skips the test where there is none."""
    fonts = find_fonts([_COLLECTED] if _COLLECTED.is_dir() else [Path("/usr/share/fonts")])
    chosen = tuple(font for font in fonts if font.stem in _PLAIN)
    if not chosen:
        pytest.skip("none of the DejaVu and Liberation fonts is installed")
    return chosen
