"""Clips of slides: the ring keeps pictures and words together, and batches say what they hold."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from vamba_cli.train.clips import Batch, ClipMaker, SlideRing
from vamba_cli.train.questions import SlideText
from vamba_cli.weights.tokenizer import ByteTokenizer, decode

CPU = torch.device("cpu")
PAIRS, QUESTIONS, LENGTH = 4, 7, 96


def slides(first: int, num: int) -> tuple[Tensor, Tensor, list[SlideText]]:
    """Slides whose picture, dense targets and words all say their number."""
    numbers = torch.arange(first, first + num) % 250
    images = numbers.to(torch.uint8)[:, None, None, None].expand(num, 28, 56, 3)
    dense = numbers.to(torch.uint8)[:, None, None, None].expand(num, 1, 2, 8)
    return images, dense, [SlideText(f"Slide {number}", (f"line of {number}",)) for number in numbers.tolist()]


def full_ring(num: int = 20) -> SlideRing:
    ring = SlideRing(num, 56, 28, CPU)
    ring.add(*slides(0, num))
    return ring


@given(st.integers(1, 9), st.lists(st.integers(0, 25), max_size=8))
def test_the_ring_keeps_the_newest_together(capacity: int, sizes: list[int]) -> None:
    ring, total = SlideRing(capacity, 56, 28, CPU), 0
    for size in sizes:
        ring.add(*slides(total, size))
        total += size
        assert len(ring) == min(total, capacity)
        for place, text in enumerate(ring.texts):
            number = int(text.title.split()[1])
            assert bool((ring.images[place] == number).all())
            assert bool((ring.dense[place] == number).all())
        held = {text.title for text in ring.texts}
        assert held == {f"Slide {number % 250}" for number in range(max(0, total - capacity), total)}
    assert ring.images.shape == (capacity, 28, 56, 3) and ring.dense.shape == (capacity, 1, 2, 8)


def batch_of(clips: int, seed: int = 0) -> Batch:
    return ClipMaker(seed, PAIRS, QUESTIONS, LENGTH)(full_ring(), clips)


def test_shapes_and_types() -> None:
    batch = batch_of(5).to(CPU)
    assert batch.frames.shape == (5, PAIRS, 2) and batch.pure.shape == (5, PAIRS)
    assert batch.ids.shape == batch.weights.shape == (5, QUESTIONS, LENGTH)
    assert batch.windows.shape == (5, QUESTIONS, 2)
    assert batch.ids.dtype == batch.frames.dtype == torch.int64
    assert batch.weights.dtype == torch.float32 and batch.pure.dtype == torch.bool


def test_clips_show_slides_of_the_ring_and_change_now_and_then() -> None:
    batch = batch_of(200)
    assert int(batch.frames.min()) >= 0 and int(batch.frames.max()) < 20
    assert torch.equal(batch.pure, batch.frames[..., 0] == batch.frames[..., 1])
    assert 0.8 < float(batch.pure.float().mean()) < 0.95  # some pairs hold a change
    stays = batch.frames[:, 1:, 0] == batch.frames[:, :-1, 1]
    assert 0.15 < float(stays.float().mean()) < 0.5


def test_only_answers_are_learnt() -> None:
    batch, end = batch_of(40), ByteTokenizer.end_id
    for ids, weights in zip(batch.ids.flatten(0, 1), batch.weights.flatten(0, 1), strict=True):
        start = ids.tolist().index(ByteTokenizer.start_id) + 1
        stop = ids.tolist().index(end) + 1
        assert bool((weights[:start] == 0).all()) and bool((weights[stop:] == 0).all())
        assert bool((weights[start:stop] == weights[start]).all()) and float(weights[start]) in (1.0, 3.0)
        assert bool((ids[stop:] == 0).all())


def test_windows_lie_in_the_clip_and_titles_in_the_window() -> None:
    batch = batch_of(60)
    titles = 0
    for clip in range(60):
        for ids, (first, stop) in zip(batch.ids[clip].tolist(), batch.windows[clip].tolist(), strict=True):
            assert 0 <= first < stop <= PAIRS
            start = ids.index(ByteTokenizer.start_id) + 1
            prompt, answer = decode(ByteTokenizer(), ids[:start]), decode(ByteTokenizer(), ids[start:])
            if prompt == "title?":
                shown = {f"Slide {number}" for number in batch.frames[clip, first:stop].flatten().tolist()}
                assert {answer.rstrip("\0")} == shown
                titles += 1
    assert titles > 20


def test_a_seed_repeats_its_clips() -> None:
    same, other = batch_of(3, seed=1), batch_of(3, seed=2)
    assert all(torch.equal(a, b) for a, b in zip(batch_of(3, seed=1), same, strict=True))
    assert not torch.equal(same.frames, other.frames)
