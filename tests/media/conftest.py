"""Videos that several tests read, each made once."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.media.synthetic import Recipe, constant, write

LONG = Recipe(constant(600), gop=100, num_b_frames=2, container_options={"movflags": "faststart"})

Make = Callable[[Recipe], Path]


@pytest.fixture(scope="session")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Encode a recipe, or give the file that was made of it before: not to be changed."""
    made: dict[str, Path] = {}

    def make_once(recipe: Recipe) -> Path:
        key = repr(recipe)
        if key not in made:
            made[key] = write(recipe, tmp_path_factory.mktemp("video"))
        return made[key]

    return make_once


@pytest.fixture(scope="session")
def long_video(make: Make) -> Path:
    """24 s with a key frame every 4 s, its index at the front."""
    return make(LONG)
