"""Predictions from sizes alone, against networks that were built."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import vamba_cli.weights
from tests.paths import GOLDENS
from tests.tinynet import SMALL, looks
from vamba_cli.engine.budget import GIB, Workload, num_parameters, pairs_that_fit, predict, weight_bytes
from vamba_cli.errors import MemoryBudgetError
from vamba_cli.model.config import VambaConfig
from vamba_cli.model.memory import VideoMemory
from vamba_cli.model.vamba import Vamba
from vamba_cli.weights.load import random_model, read_config, skeleton
from vamba_cli.weights.parts import part_of
from vamba_cli.weights.quantise import kind_of, stored_bytes

WEIGHTS = Path(vamba_cli.weights.__file__).parent
RELEASED, _ = read_config(WEIGHTS / "released")
TINY, _ = read_config(WEIGHTS / "tiny")
WORK = Workload(
    num_pairs=512, tokens_per_pair=299, chunk_pairs=16, forward_pairs=16, weight_element_bytes=2, memory_element_bytes=2
)
VARIANTS = {
    "small": SMALL,
    "tiny": TINY,
    "released": RELEASED,
    "tied": replace(SMALL, tie_word_embeddings=True),
    "without alpha": replace(SMALL, use_alpha_balancing=False),
    "one layer": replace(SMALL, num_layers=1),
    "other mixer": replace(SMALL, mixer=replace(SMALL.mixer, expand=3, d_conv=3, num_groups=4, d_state=5)),
    "other vision": replace(SMALL, vision=replace(SMALL.vision, embed_dim=48, mlp_dim=80, depth=3)),
}


@pytest.mark.parametrize("name", [*VARIANTS, "groups of 64"])
@pytest.mark.parametrize("weights", ["full", "int8", "int4", "fp8"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_bytes_of_the_weights_equal_the_network(name: str, weights: str, dtype: torch.dtype) -> None:
    """To the byte, part by part, as `kind_of` says; the released sizes by arithmetic only."""
    groups = replace(
        SMALL, hidden_size=128, intermediate_size=192,
        vision=replace(SMALL.vision, out_dim=128), mixer=replace(SMALL.mixer, d_model=128),
    )  # fmt: skip
    config = {**VARIANTS, "groups of 64": groups}[name]
    found = weight_bytes(config, weights, dtype.itemsize)
    if config is RELEASED:  # too large to build: from the shapes of its parameters
        held = dict.fromkeys(found, 0)
        for key, p in skeleton(config).named_parameters():
            element = 4 if key.endswith(("A_log", "dt_bias", "mixer.D")) else dtype.itemsize
            kind, (rows, width) = kind_of(key, p.shape[-1], weights), (p.numel() // p.shape[-1], p.shape[-1])
            held["text" if key == "norm.weight" else part_of(key)] += stored_bytes(kind, rows, width, element)
        assert found == held
        return
    model = random_model(config, device="cpu", dtype=dtype, weights=weights)
    held = dict.fromkeys(found, 0)
    for key, tensor in (*model.named_parameters(), *model.named_buffers()):
        if key != "norm.weight":  # held by both parts, counted with the text
            held[part_of(key)] += tensor.nbytes
    held["text"] += model.norm.weight.nbytes
    assert found == held


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def check_counts(config: VambaConfig) -> None:
    with torch.device("meta"):
        model, whole = Vamba(config), Vamba(config, last_mixer=True)
    vision, mixer, text = num_parameters(config)
    assert vision == count(model.vision)
    assert text + vision + (config.num_layers - 1) * mixer == count(model)
    assert text + vision + config.num_layers * mixer == count(whole)
    assert predict(config, replace(WORK, weight_element_bytes=4)).weight_bytes == 4 * count(model)


@pytest.mark.parametrize("name", VARIANTS)
def test_parameters_equal_the_network(name: str) -> None:
    check_counts(VARIANTS[name])


@pytest.mark.parametrize("name", ["a", "b", "c", "d"])
@pytest.mark.skipif(not GOLDENS.is_dir(), reason="the reference goldens are not beside this checkout")
def test_parameters_of_the_goldens(name: str) -> None:
    check_counts(read_config(GOLDENS / name)[0])


def test_the_released_sizes_are_the_published_ones() -> None:
    """MODEL sections 2 and 8: 11.31 B parameters, 57,344 bytes of K/V per token, 1.62 PFLOP and 8.2 GiB."""
    vision, mixer, text = num_parameters(RELEASED)
    assert vision / 1e9 == pytest.approx(0.68, abs=0.005)
    assert 28 * mixer / 1e9 == pytest.approx(2.20, abs=0.005)
    assert (vision + 28 * mixer + text) / 1e9 == pytest.approx(11.31, abs=0.005)
    cost = predict(RELEASED, WORK)
    assert cost.memory_bytes == 57_344 * 512 * 299
    assert cost.memory_bytes / GIB == pytest.approx(8.2, abs=0.05)
    assert cost.encode_flops == pytest.approx(1.62e15, rel=0.03)
    assert cost.encode_peak_bytes == cost.weight_bytes + cost.memory_bytes + cost.chunk_bytes
    assert cost.answer_peak_bytes == cost.weight_bytes + cost.memory_bytes + cost.answer_bytes
    assert cost.peak_bytes == max(cost.encode_peak_bytes, cost.answer_peak_bytes)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_memory_bytes_equal_what_is_allocated(dtype: torch.dtype) -> None:
    work = replace(WORK, num_pairs=7, tokens_per_pair=6, memory_element_bytes=dtype.itemsize)
    memory = VideoMemory.allocate(SMALL, 7, 6, end_seconds=1.0, device=torch.device("cpu"), dtype=dtype)
    allocated = sum(t.numel() * t.element_size() for t in (*memory.keys, *memory.values))
    assert predict(SMALL, work).memory_bytes == allocated
    memory.advance(7, lambda: looks(torch.zeros(14)))
    assert memory.num_bytes == allocated


@pytest.mark.parametrize(("num_frames", "measured_gib"), [(1024, 30.127), (4096, 54.654), (6846, 76.611)])
def test_what_an_h100_measured(num_frames: int, measured_gib: float) -> None:
    """Peaks of benchmarks/results/gpu-h100-kernels-2026-11-22.json: predicted within 5 %, and never below."""
    work = replace(WORK, num_pairs=num_frames // 2, chunk_pairs=32, forward_pairs=16, fast=True)
    predicted_gib = predict(RELEASED, work).peak_bytes / GIB
    assert measured_gib <= predicted_gib <= 1.05 * measured_gib


def test_kernels_need_less_memory_than_plain_pytorch() -> None:
    plain, fast = predict(RELEASED, WORK), predict(RELEASED, replace(WORK, fast=True))
    assert fast.chunk_bytes < plain.chunk_bytes
    assert (fast.weight_bytes, fast.memory_bytes) == (plain.weight_bytes, plain.memory_bytes)


def test_more_costs_more() -> None:
    costs = [predict(TINY, replace(WORK, num_pairs=pairs)) for pairs in (1, 10, 100)]
    assert all(a.memory_bytes < b.memory_bytes and a.encode_flops < b.encode_flops for a, b in pairwise(costs))
    assert len({(cost.chunk_bytes, cost.weight_bytes) for cost in costs}) == 1  # the length of a video costs K/V only
    chunks = [predict(TINY, replace(WORK, chunk_pairs=pairs, forward_pairs=pairs)).chunk_bytes for pairs in (1, 4, 16)]
    assert chunks == sorted(set(chunks))
    wide = predict(TINY, replace(WORK, weight_element_bytes=4)).weight_bytes
    assert wide == pytest.approx(2 * costs[0].weight_bytes, rel=1e-3)  # the recurrence has float32 in both


@given(st.floats(0.0, 1.5), st.sampled_from([SMALL, TINY, RELEASED]), st.booleans(), st.sampled_from(["full", "int8"]))
def test_the_most_pairs_that_fit(share: float, config: VambaConfig, split: bool, kv: str) -> None:
    work = replace(WORK, split=split, kv=kv)
    limit = int(share * predict(config, work).peak_bytes)
    if limit < predict(config, replace(work, num_pairs=1)).peak_bytes:
        with pytest.raises(MemoryBudgetError):
            pairs_that_fit(config, work, limit)
        return
    fitting = pairs_that_fit(config, work, limit)
    assert 1 <= fitting <= WORK.num_pairs
    assert predict(config, replace(work, num_pairs=fitting)).peak_bytes <= limit
    assert fitting == WORK.num_pairs or predict(config, replace(work, num_pairs=fitting + 1)).peak_bytes > limit


@pytest.mark.parametrize("limit", [0, GIB, 20 * GIB])
def test_too_little_memory_says_what_is_needed(limit: int) -> None:
    with pytest.raises(MemoryBudgetError, match=r"this model needs 2\d\.\d GiB .* may use \d+\.0 GiB: use a smaller"):
        pairs_that_fit(RELEASED, WORK, limit)
