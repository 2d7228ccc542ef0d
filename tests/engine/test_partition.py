"""Exact streaming: any split of a video gives the memory and states of one go."""

import itertools
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import fields

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.tinynet import SMALL, small_model
from vamba_cli.engine.encode import Encoder
from vamba_cli.engine.workers import AtOnce, two_cores
from vamba_cli.model.config import PixelConfig
from vamba_cli.model.memory import Looks, VideoMemory
from vamba_cli.model.sparse import kept_places, num_kept
from vamba_cli.model.vamba import Vamba
from vamba_cli.weights.load import random_model

PAIRS, TOKENS = 12, 6


def video(pairs: int = PAIRS, seed: int = 0) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (2 * pairs, 56, 84, 3), dtype=np.uint8)


def slides(runs: list[int]) -> npt.NDArray[np.uint8]:
    """One picture after the other, each for some frames, with a little noise as compression leaves it."""
    random = np.random.default_rng(1)
    pictures = random.integers(8, 248, (len(runs), 56, 84, 3))
    frames = np.concatenate([np.repeat(picture[None], run, 0) for picture, run in zip(pictures, runs, strict=True)])
    return (frames + random.integers(-1, 2, frames.shape)).astype(np.uint8)


def encode(
    model: Vamba,
    frames: npt.NDArray[np.uint8],
    cuts: list[int],
    tolerance: float = 0.0,
    workers: Executor | None = None,
) -> Encoder:
    pairs = len(frames) // 2
    memory = VideoMemory.allocate(
        model.config, pairs, TOKENS, end_seconds=float(pairs), device=torch.device("cpu"), dtype=model.dtype
    )
    encoder = Encoder(model, PixelConfig(), memory, tolerance, workers=workers)
    edges = [0, *cuts, pairs]
    times = np.arange(len(frames)) / 2.0
    for first, stop in itertools.pairwise(edges):
        if first < stop:
            encoder.push(frames[2 * first : 2 * stop], times[2 * first : 2 * stop])
    encoder.finish()
    return encoder


def largest_error(ours: Encoder, reference: Encoder) -> float:
    pairs = list(
        zip(ours.memory.keys + ours.memory.values, reference.memory.keys + reference.memory.values, strict=True)
    )
    for mine, other in zip(ours.states, reference.states, strict=True):
        pairs += [(mine.conv, other.conv), (mine.ssm, other.ssm)]
    return max(float((a - b).norm() / b.norm()) for a, b in pairs)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
def test_any_split_equals_one_go(dtype: torch.dtype, tolerance: float) -> None:
    model, frames = small_model(dtype), video()
    whole = encode(model, frames, [])

    @settings(deadline=None, max_examples=15)
    @given(cuts=st.lists(st.integers(0, PAIRS), max_size=PAIRS).map(sorted))
    def check(cuts: list[int]) -> None:
        split = encode(model, frames, cuts)
        assert largest_error(split, whole) <= tolerance
        for field in fields(Looks):
            ours, theirs = getattr(split.memory.looks, field.name), getattr(whole.memory.looks, field.name)
            torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-3)

    check()
    assert largest_error(encode(model, frames, list(range(1, PAIRS))), whole) <= tolerance  # single pairs


def test_a_state_dropped_between_chunks_is_seen() -> None:
    model, frames = small_model(), video()
    whole = encode(model, frames, [])
    second = encode(model, frames[12:], [])
    start = 6 * TOKENS
    error = (second.memory.keys[2] - whole.memory.keys[2][start:]).norm() / whole.memory.keys[2][start:].norm()
    assert float(error) > 1e-3


def test_repeated_pictures_skip_the_vit_and_change_nothing() -> None:
    model = small_model()
    frames = video()
    frames[2:10] = np.concatenate([frames[:2]] * 4)
    passed: list[int] = []
    hook = model.vision.register_forward_hook(lambda _m, args, _out: passed.append(len(args[0])))
    encoder = encode(model, frames, [3])
    hook.remove()
    assert sum(passed) == PAIRS - 4
    assert (encoder.memory.looks.novelty[1:5] == 0).all()
    fresh = [encode(model, frames[2 * i : 2 * i + 2], []).memory.keys[0] for i in range(PAIRS)]
    torch.testing.assert_close(encoder.memory.keys[0], torch.cat(fresh), rtol=1e-5, atol=1e-5)


def passes(model: Vamba, frames: npt.NDArray[np.uint8], tolerance: float) -> tuple[Encoder, int]:
    """The encoder, and how many pairs went through the ViT."""
    passed: list[int] = []
    hook = model.vision.register_forward_hook(lambda _m, args, _out: passed.append(len(args[0])))
    encoder = encode(model, frames, [3], tolerance)
    hook.remove()
    return encoder, sum(passed)


def test_a_picture_that_comes_in_the_middle_of_a_pair_passes_the_vit_once() -> None:
    model, frames = small_model(), slides([3, 6, 1, 2, 7, 5])
    encoder, passed = passes(model, frames, 6.0)
    doubled = encoder.memory.looks.doubled
    assert doubled.nonzero().flatten().tolist() == [1, 4, 9]  # frames 3, 9 and 19; 10 and 12 begin pairs
    assert passed == 6
    # 10 and 12 begin a pair, but 10 and 11 are one picture: nothing is lost of any
    stills = [np.repeat(frames[i : i + 1], 2, 0) for i in (3, 9, 19)]
    wanted = torch.cat([encode(model, still, []).memory.keys[0] for still in stills])
    rows = [encoder.memory.rows(0, pair, pair + 1)[0] for pair in (1, 4, 9)]
    torch.testing.assert_close(torch.cat(rows), wanted, rtol=1e-5, atol=1e-5)
    looks = encoder.memory.looks
    assert (looks.changes > 6).nonzero().flatten().tolist() == [0, 3, 9, 10, 12, 19]  # the frames, not the pairs


def test_nothing_is_doubled_where_repeated_pictures_must_be_equal_or_all_moves() -> None:
    model, frames = small_model(), slides([3, 6, 1, 2, 7, 5])
    encoder, passed = passes(model, frames, 0.0)
    assert passed == PAIRS and not encoder.memory.looks.doubled.any()
    film = video()
    encoder, passed = passes(model, film, 6.0)
    assert passed == PAIRS and not encoder.memory.looks.doubled.any()
    assert largest_error(encoder, encode(model, film, [])) <= 1e-5


@torch.inference_mode()
def test_what_repeats_is_projected_once_and_changes_nothing() -> None:
    model = small_model(torch.float64)
    tokens, order = torch.randn(1, 9, 64, dtype=torch.float64), torch.tensor([3, 4, 5, 3, 4, 5, 0, 1, 2, 6, 7, 8, 6])
    projected: list[int] = []
    norm = next(iter(model.decoder_layers())).mixer.norm  # type: ignore[union-attr]
    norm.register_forward_hook(lambda _m, _args, out: projected.append(out.shape[1]))

    def everything(video: Tensor, order: Tensor | None) -> list[Tensor]:
        found: list[Tensor] = []
        emit = lambda _layer, keys, values: found.extend((keys, values))  # noqa: E731
        states = model.encode_chunk(video, model.empty_states(), emit, order=order)
        return found + [part for state in states for part in state]

    expected, found = everything(tokens[:, order], None), everything(tokens, order)
    assert projected == [len(order), 9]
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


@torch.inference_mode()
@pytest.mark.parametrize("weights", ["full", "int8"])
def test_keys_and_values_are_written_where_there_is_room(weights: str) -> None:
    """What is handed out lies in the memory after all; in fewer bits there is no room, and it is handed out."""
    model = random_model(SMALL, device="cpu", dtype=torch.float32, weights=weights)
    tokens = torch.randn(1, 2 * TOKENS, SMALL.hidden_size)
    wanted: list[tuple[Tensor, Tensor]] = []
    model.encode_chunk(tokens.clone(), model.empty_states(), lambda _layer, k, v: wanted.append((k, v)))
    whole, packed = (
        VideoMemory.allocate(SMALL, 3, TOKENS, end_seconds=1.0, device=torch.device("cpu"), dtype=dtype)
        for dtype in (torch.float32, torch.int8)
    )
    for memory in (whole, packed):
        handed: list[int] = []
        model.encode_chunk(
            tokens.clone(), model.empty_states(), lambda layer, _k, _v, to=handed: to.append(layer),  # type: ignore[misc]
            room=lambda layer, of=memory: of.room(layer, TOKENS, 2 * TOKENS, tokens),  # type: ignore[misc]
        )  # fmt: skip
        assert handed == ([] if memory is whole else list(range(SMALL.num_layers)))
    for layer, pair in enumerate(wanted):
        for kept, found in zip((whole.keys[layer], whole.values[layer]), pair, strict=True):
            torch.testing.assert_close(kept[TOKENS:], found[0], rtol=1e-5, atol=1e-6)


def test_any_split_of_slides_equals_one_go() -> None:
    model = small_model(torch.float64)

    @settings(deadline=None, max_examples=15)
    @given(runs=st.lists(st.integers(1, 6), min_size=4, max_size=8), data=st.data())
    def check(runs: list[int], data: st.DataObject) -> None:
        frames = slides([*runs, 2 - sum(runs) % 2])
        cuts = data.draw(st.lists(st.integers(0, len(frames) // 2), max_size=PAIRS).map(sorted))
        whole, split = encode(model, frames, [], 6.0), encode(model, frames, cuts, 6.0)
        assert largest_error(split, whole) <= 1e-10
        assert torch.equal(split.memory.looks.doubled, whole.memory.looks.doubled)

    check()


def test_two_threads_make_the_same_memory() -> None:
    model = small_model(torch.float64)
    frames = np.concatenate([slides([3, 6, 1, 2, 7, 5]), video(), slides([1, 9, 2])])
    whole = encode(model, frames, [], 6.0)
    with ThreadPoolExecutor(2) as pool:
        beside = encode(model, frames, [2, 4, 5, 9, 11, 12, 18, 20], 6.0, pool)
    assert largest_error(beside, whole) <= 1e-10
    for field in fields(Looks):
        assert getattr(beside.memory.looks, field.name).shape == getattr(whole.memory.looks, field.name).shape
    torch.testing.assert_close(beside.memory.looks.changes, whole.memory.looks.changes)
    assert torch.equal(beside.memory.looks.doubled, whole.memory.looks.doubled)
    assert beside.memory.num_pairs == len(frames) // 2


def test_what_fails_in_a_thread_fails_here() -> None:
    model = small_model()
    model.vision.register_forward_pre_hook(lambda _m, _args: (_ for _ in ()).throw(MemoryError("no room")))
    with ThreadPoolExecutor(2) as pool, pytest.raises(MemoryError, match="no room"):
        encode(model, video(), [4, 8], workers=pool)


@pytest.mark.parametrize(("num_threads", "beside"), [(1, False), (2, True), (3, False)])
def test_threads_of_their_own_on_two_cores_only(num_threads: int, beside: bool) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(num_threads)
    try:
        with two_cores(torch.device("cpu")) as workers:
            assert isinstance(workers, AtOnce) != beside
            assert workers.submit(torch.get_num_threads).result() == (1 if beside else num_threads)
        assert torch.get_num_threads() == num_threads
    finally:
        torch.set_num_threads(before)


def test_each_frame_is_compared_with_the_one_before() -> None:
    model, frames = small_model(), video()
    frames[2:6] = frames[1]
    frames[6:] = frames[6]
    looks = encode(model, frames, [2]).memory.looks
    assert (looks.changes > 0).tolist() == [True, True, False, False, False, False, True] + [False] * (len(frames) - 7)
    assert torch.isinf(looks.changes[:1]).all() and torch.isfinite(looks.changes[1:]).all()
    assert looks.features.shape == (PAIRS, model.config.vision.out_dim)


def thinned(model: Vamba, frames: npt.NDArray[np.uint8], cuts: list[int], room: int) -> VideoMemory:
    """The memory of a video of which `room` tokens of each pair are kept."""
    memory = VideoMemory.allocate(
        model.config, PAIRS, room, end_seconds=1.0, device=torch.device("cpu"), dtype=model.dtype
    )
    encoder = Encoder(model, PixelConfig(), memory)
    for first, stop in itertools.pairwise([0, *cuts, PAIRS]):
        if first < stop:
            encoder.push(frames[2 * first : 2 * stop], np.arange(2.0 * first, 2.0 * stop))
    assert memory.num_tokens == PAIRS * room
    return memory


@pytest.mark.parametrize("room", [1, 3, 5])
def test_any_split_keeps_the_same_tokens(room: int) -> None:
    """Which tokens are dropped depends on the number of the pair in the video, not in the chunk."""
    model, frames = small_model(torch.float64), video()
    whole = thinned(model, frames, [], room)

    @settings(deadline=None, max_examples=10)
    @given(cuts=st.lists(st.integers(0, PAIRS), max_size=PAIRS).map(sorted))
    def check(cuts: list[int]) -> None:
        split = thinned(model, frames, cuts, room)
        for ours, theirs in zip(split.keys + split.values, whole.keys + whole.values, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)

    check()
    # the first layer sees no mixer: its keys are those of the tokens kept, in their order
    first, every = whole.keys[0].unflatten(0, (PAIRS, room)), encode(model, frames, []).memory.keys[0]
    places = kept_places(2, 3, room, range(PAIRS), torch.device("cpu"))
    assert torch.allclose(first, every.unflatten(0, (PAIRS, TOKENS))[torch.arange(PAIRS)[:, None], places])


@pytest.mark.parametrize(("rows", "columns"), [(13, 23), (8, 16), (34, 21), (1, 40)])
def test_tokens_are_kept_evenly_over_the_frame_and_over_time(rows: int, columns: int) -> None:
    num = num_kept(rows * columns, 0.5)
    places = kept_places(rows, columns, num, range(8), torch.device("cpu"))
    assert places.shape == (8, num) and (places.diff(dim=1) > 0).all()
    kept = torch.zeros(8, rows * columns).scatter_(1, places, 1.0)
    assert (kept.sum(0) >= 2).all() and (kept.sum(0) <= 6).all()  # no place is always seen, none never
    for grid in kept.unflatten(1, (rows, columns)):
        if rows > 3:
            quarters = torch.nn.functional.avg_pool2d(grid[None, None], (rows // 2, columns // 2))
            assert ((quarters > 0.4) & (quarters < 0.6)).all()
    assert num_kept(7, 0.01) == 1 and num_kept(299, 1.0) == 299
