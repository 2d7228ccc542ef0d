"""What a memory says of times and sizes."""

import pytest
import torch

from tests.tinynet import SMALL, looks
from vamba_cli.model.memory import Looks, VideoMemory


def memory_at(times: list[float], end_seconds: float = 30.0) -> VideoMemory:
    """A memory of frames that came on screen at these times."""
    pairs = len(times) // 2
    memory = VideoMemory.allocate(
        SMALL, pairs, 2, end_seconds=end_seconds, device=torch.device("cpu"), dtype=torch.float16
    )
    memory.advance(pairs, lambda: looks(times))
    return memory


def starts(memory: VideoMemory) -> list[float]:
    return [memory.pair_start_seconds(pair) for pair in range(memory.num_pairs + 1)]


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([0, 1, 2, 3, 4, 5], [0, 2, 4, 30]),
        ([0.5, 1.5, 2.5, 3.5], [0.5, 2.5, 30]),
        # pictures that stand for long: the third pair shows the first picture once more, and then the second
        ([0, 0, 0, 0, 0, 9, 9, 9, 9, 9, 9, 21], [0, 0, 9, 9, 9, 21, 30]),
        ([0, 9, 9, 9, 21, 21], [0, 9, 21, 30]),
        ([7, 7], [7, 30]),
        ([], [30]),
    ],
)
def test_a_pair_starts_when_its_picture_comes(times: list[float], expected: list[float]) -> None:
    memory = memory_at(times)
    assert starts(memory) == expected


def test_a_picture_that_comes_with_the_second_frame_of_a_pair() -> None:
    memory = memory_at([0, 2, 4, 6, 8, 10, 12, 14])
    memory.looks = looks(memory.looks.times_seconds, changes=[torch.inf, 1, 1, 90, 1, 1, 90, 90])
    assert starts(memory) == [0, 6, 8, 12, 30]


def test_rows_are_views_and_stop_at_what_is_written() -> None:
    memory = VideoMemory.allocate(SMALL, 5, 2, end_seconds=1.0, device=torch.device("cpu"), dtype=torch.float16)
    memory.advance(3, lambda: looks(torch.zeros(6)))
    keys, values = memory.rows(1, 1, 3)
    assert keys.shape == values.shape == (4, 2, 16)
    assert keys.data_ptr() == memory.keys[1][2].data_ptr()
    assert len(memory.rows(0, 2, 99)[0]) == 2  # of five pairs, three are there
    assert memory.num_pairs == 3 and memory.num_bytes == 3 * 2 * (2 * 3 * 2 * 16) * 2


def test_looks_are_asked_for_when_they_are_read_and_in_order() -> None:
    memory = VideoMemory.allocate(SMALL, 3, 2, end_seconds=9.0, device=torch.device("cpu"), dtype=torch.float16)
    asked: list[float] = []

    def notice(seconds: float) -> Looks:
        asked.append(seconds)
        return looks([seconds, seconds])

    memory.advance(1, lambda: notice(0.0))
    assert memory.num_pairs == 1 and not asked
    memory.advance(1, lambda: notice(3.0))
    assert asked == [0.0]  # a GPU is done with the rows before the last ones
    memory.advance(1, lambda: notice(6.0))
    assert memory.num_pairs == 3 and asked == [0.0, 3.0]
    assert memory.looks.times_seconds.tolist() == [0, 0, 3, 3, 6, 6]
    assert memory.looks is memory.looks and asked == [0.0, 3.0, 6.0]
