"""Scenes and changes of pictures from what the encoder noticed."""

import pytest
import torch

from tests.tinynet import looks
from vamba_cli.engine.scenes import Scene, beginnings, find_scenes, picture_change
from vamba_cli.model.memory import Looks, VideoMemory

STILL, NEW = 1.0, 90.0


def memory_of(seen: Looks, end_seconds: float) -> VideoMemory:
    pairs = len(seen.novelty)
    rows = (torch.zeros(pairs, 1, 1),)
    return VideoMemory(rows, rows, 1, seen, end_seconds, num_tokens=pairs)


def seen(changes: list[float], cuts: list[int] | None = None, doubled: list[int] | None = None) -> Looks:
    """A frame every two seconds."""
    marks = [i in (cuts or []) for i in range(len(changes))]
    alone = [i in (doubled or []) for i in range(len(changes) // 2)]
    times = [2.0 * i for i in range(len(changes))]
    return looks(times, changes=[torch.inf, *changes[1:]], cuts=marks, doubled=alone)


def test_slides_become_scenes_at_the_frame_that_changes() -> None:
    changes = [NEW, STILL, STILL, NEW, STILL, STILL, STILL, STILL, NEW, STILL]
    scenes = find_scenes(memory_of(seen(changes), 19.5), 6.0)
    assert scenes == [Scene(0, 3, 0.0, 6.0), Scene(3, 8, 6.0, 16.0), Scene(8, 10, 16.0, 19.5)]
    # the pair of frames 2 and 3 shows a bit of two slides and belongs to neither
    assert [scene.pairs for scene in scenes] == [(0, 1), (2, 4), (4, 5)]
    assert all(scene.still for scene in scenes)


def test_a_pair_that_shows_its_second_frame_twice_belongs_to_the_scene_that_begins() -> None:
    changes = [NEW, STILL, STILL, NEW, NEW, STILL, STILL, STILL, STILL, NEW]
    scenes = find_scenes(memory_of(seen(changes, doubled=[1, 4]), 20.0), 6.0)
    assert [(scene.first, scene.stop) for scene in scenes] == [(0, 3), (3, 4), (4, 9), (9, 10)]
    assert [scene.pairs for scene in scenes] == [(0, 1), (1, 2), (2, 4), (4, 5)]


def test_a_scene_without_a_pair_of_its_own() -> None:
    scenes = find_scenes(memory_of(seen([NEW, STILL, STILL, NEW, NEW, STILL]), 12.0), 6.0)
    assert [(scene.first, scene.stop) for scene in scenes] == [(0, 3), (3, 4), (4, 6)]
    assert [scene.pairs for scene in scenes] == [(0, 1), None, (2, 3)]


def test_motion_begins_and_ends_a_scene_and_only_cuts_divide_it() -> None:
    changes = [NEW, STILL, NEW, NEW, NEW, NEW, NEW, STILL]
    assert beginnings(seen(changes), 6.0) == [2, 6]  # where it begins to move, and where it stands again
    assert beginnings(seen(changes, cuts=[4]), 6.0) == [2, 4, 6]
    assert beginnings(seen(changes, cuts=[1]), 6.0) == [2, 6]  # a cut that changed nothing is none
    scenes = find_scenes(memory_of(seen(changes), 16.0), 6.0)
    assert [scene.still for scene in scenes] == [True, False, True]


def test_the_first_frame_begins_nothing_and_two_are_enough() -> None:
    assert beginnings(seen([NEW]), 6.0) == []
    assert beginnings(seen([NEW, STILL]), 6.0) == []
    assert beginnings(seen([NEW, NEW]), 6.0) == [1]


@pytest.mark.parametrize("num_pairs", [1, 3, 5])
def test_pictures_change_where_the_scene_does(num_pairs: int) -> None:
    generator = torch.Generator().manual_seed(0)
    one, other = torch.eye(16)[0], torch.eye(16)[1]
    features = torch.stack([one] * 10 + [other] * 10) + 0.05 * torch.randn(20, 16, generator=generator)
    change = picture_change(looks([0.0] * 40, features=features), num_pairs)
    assert change.shape == (20,) and float(change[0]) == 0.0
    assert int(change.argmax()) == 10
    assert 1.5 < float(change[10]) < 2.1  # two unlike halves: twice the difference of two pictures at random
    assert float(change[[5, 15]].max()) < 0.4 / num_pairs


def test_an_unchanging_view_has_no_chapters_in_it() -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.eye(16)[:1] + 0.002 * torch.randn(20, 16, generator=generator)
    assert float(picture_change(looks([0.0] * 40, features=features), 3).max()) < 0.1
