"""How much frames differ: the same numbers from NumPy and from the device that holds the frames."""

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.tinynet import SMALL, small_model
from vamba_cli.engine.encode import Encoder
from vamba_cli.engine.novelty import changes_of_pairs, novelty, novelty_on_device
from vamba_cli.model.config import PixelConfig
from vamba_cli.model.memory import Looks, VideoMemory

PAIRS, TOKENS = 8, 6
Frames = npt.NDArray[np.uint8]


def random_frames(seed: int, num: int, height: int = 56, width: int = 84) -> Frames:
    return np.random.default_rng(seed).integers(0, 256, (num, height, width, 3), dtype=np.uint8)


@given(seed=st.integers(0, 50), size=st.sampled_from([(56, 84), (90, 161), (33, 40), (16, 20), (7, 5)]))
def test_the_device_finds_what_numpy_finds(seed: int, size: tuple[int, int]) -> None:
    before, after = random_frames(seed, 3, *size), random_frames(seed + 1000, 3, *size)
    after[0] = before[0]
    after[1, : size[0] // 2] = before[1, : size[0] // 2]
    found = novelty_on_device(torch.from_numpy(before), torch.from_numpy(after))
    np.testing.assert_allclose(found.numpy(), novelty(before, after), rtol=1e-6)


def test_each_pair_is_compared_with_the_one_before() -> None:
    frames = random_frames(3, 6)
    found = changes_of_pairs(torch.from_numpy(frames), None)
    assert found[0, :2].tolist() == [torch.inf, torch.inf]
    later = changes_of_pairs(torch.from_numpy(frames[2:]), torch.from_numpy(frames[:2]))
    assert torch.equal(later, found[1:])
    for pair in (1, 2):
        key, here = frames[2 * pair - 2 : 2 * pair], frames[2 * pair : 2 * pair + 2]
        expected = [novelty(key, here).max(), novelty(key[1:], here[:1]).item(), novelty(here[:1], here[1:]).item()]
        assert found[pair].tolist() == pytest.approx(expected)


def looks(frames: Frames, chunks: list[int], on_device: bool) -> Looks:
    memory = VideoMemory.allocate(
        SMALL, PAIRS, TOKENS, end_seconds=float(PAIRS), device=torch.device("cpu"), dtype=torch.float32
    )  # fmt: skip
    encoder = Encoder(small_model(), PixelConfig(), memory)
    encoder._looks_itself = on_device
    first = 0
    for pairs in chunks:
        encoder.push(frames[2 * first : 2 * (first + pairs)], np.arange(2.0 * first, 2.0 * (first + pairs)))
        first += pairs
    encoder.finish()
    return memory.looks


@pytest.mark.parametrize("chunks", [[8], [1, 2, 3, 2], [3, 1, 1, 3]])
def test_an_encoder_that_compares_on_its_device_notices_the_same(chunks: list[int]) -> None:
    """Repeated pairs, whole chunks of them too, and a change in the middle of a pair."""
    frames = random_frames(5, 2 * PAIRS)
    for pair in (2, 3, 4):
        frames[2 * pair : 2 * pair + 2] = frames[2:4]
    frames[12] = frames[11]
    expected, found = (looks(frames, chunks, on_device) for on_device in (False, True))
    torch.testing.assert_close(found.novelty, expected.novelty, rtol=1e-6, atol=0)
    torch.testing.assert_close(found.changes, expected.changes, rtol=1e-6, atol=0)
    assert torch.equal(found.times_seconds, expected.times_seconds)
