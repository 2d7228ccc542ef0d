"""The planner: what it chooses at the released sizes, that it never does more than is needed, and what it says."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import vamba_cli.weights
from vamba_cli.engine.budget import GIB, Workload, predict
from vamba_cli.engine.saving import Fixed, economise
from vamba_cli.presets import apply_presets
from vamba_cli.settings import Settings
from vamba_cli.weights.load import read_config

RELEASED, _ = read_config(Path(vamba_cli.weights.__file__).parent / "released")
WORK = Workload(512, 299, 32, 16, 2, 2, fast=True)  # 1024 frames of 644x364
PROMISED = {"8gb": 256, "12gb": 512, "16gb": 768, "24gb": 1024, "40gb": 1536, "80gb": 6144}
HOST = 64 * GIB


def chosen(limit_gib: float, fixed: Fixed = Fixed(), work: Workload = WORK) -> tuple[Workload, str | None]:  # noqa: B008
    return economise(RELEASED, work, int(limit_gib * GIB), fixed, host_bytes=HOST)


def as_fixed(settings: Settings) -> Fixed:
    auto = {"auto": None}
    return Fixed(
        settings.chunk_frames and settings.chunk_frames // 2,
        auto.get(settings.weight_dtype, settings.weight_dtype), auto.get(settings.kv_dtype, settings.kv_dtype),
        settings.token_keep, settings.kv_offload, settings.split,
    )  # fmt: skip


@pytest.mark.parametrize("name", PROMISED)
def test_presets_keep_what_they_promise(name: str) -> None:
    """So many frames of 644x364, all of their tokens, without offload, and below what such a card has."""
    settings = apply_presets(Settings(), [name])
    limit = settings.memory_limit_gib
    assert limit is not None and limit <= 0.96 * int(name.removesuffix("gb")) and settings.longest_edge == 644
    assert settings.max_frames == PROMISED[name]
    work = replace(WORK, num_pairs=PROMISED[name] // 2)
    found, note = chosen(limit, as_fixed(settings), work)
    assert predict(RELEASED, found).peak_bytes <= limit * GIB
    assert note is None and found.token_keep == 1 and not found.offload and found.chunk_pairs >= 8
    automatic, _ = chosen(limit, work=work)  # and without the preset the planner comes to the same
    assert (automatic.weights, automatic.kv, automatic.token_keep) == (found.weights, found.kv, 1.0)


def test_peaks_of_the_presets_are_those_of_arithmetic() -> None:
    """24gb: 8.33 B text parameters in 16 bits, 153,088 tokens of 28 x (8 x 128 + 8 scales of 2 bytes), and 1 GiB."""
    settings = apply_presets(Settings(), ["24gb"])
    found, _ = chosen(22.5, as_fixed(settings))
    cost = predict(RELEASED, found)
    assert cost.weight_bytes == pytest.approx(2 * 8.34e9, rel=2e-3)
    assert cost.memory_bytes == 153_088 * 28 * (8 * 128 + 8 * 2)
    assert cost.peak_bytes == cost.weight_bytes + cost.memory_bytes + cost.answer_bytes
    assert 0.9 < cost.answer_bytes / GIB < 1.05  # a sixteenth of the tokens, dense, is most of it


@pytest.mark.parametrize(
    ("name", "measured_gib"), [("24gb", 20.4739), ("16gb", 11.9798), ("12gb", 10.8041), ("8gb", 6.7331)]
)
def test_peaks_of_the_presets_as_a_gpu_measured_them(name: str, measured_gib: float) -> None:
    """benchmarks/results/gpu-h200-2026-11-29d.json, predicted within 5 % and never below."""
    settings = apply_presets(Settings(), [name])
    limit = settings.memory_limit_gib
    assert limit is not None
    work = replace(WORK, num_pairs=PROMISED[name] // 2, chunk_pairs=28, forward_pairs=28)
    found, _ = chosen(limit, as_fixed(settings), work)
    assert measured_gib < predict(RELEASED, found).peak_bytes / GIB < 1.05 * measured_gib


@pytest.mark.parametrize(
    ("limit_gib", "expected"),
    [
        (40.0, {}),
        (31.0, {}),
        (29.2, {"split": True}),
        (22.0, {"split": True, "kv": "int8"}),
        (14.0, {"split": True, "kv": "int8", "weights": "int8"}),
        (11.2, {"split": True, "kv": "int8", "weights": "int8", "token_keep": 0.5}),
        (9.5, {"split": True, "weights": "int8", "offload": True}),  # which is exact, so the rest was for nothing
    ],
)
def test_the_order_of_least_harm(limit_gib: float, expected: dict[str, object]) -> None:
    found, note = chosen(limit_gib)
    assert predict(RELEASED, found).peak_bytes <= limit_gib * GIB
    wanted = {"split": False, "kv": "full", "weights": "full", "token_keep": 1.0, "offload": False} | expected
    assert {name: getattr(found, name) for name in wanted} == wanted
    if not expected:
        assert note is None
        return
    assert note is not None and f"to stay within {limit_gib:.3g} GiB: " in note
    flags = {
        "split": "--no-split", "kv": "--kv-dtype full", "weights": "--weight-dtype full",
        "token_keep": "--token-keep 1", "offload": "--no-kv-offload",
    }  # fmt: skip
    assert [f"({flag} forbids it)" in note for name, flag in flags.items()] == [name in expected for name in flags]


def test_smaller_chunks_come_first_and_in_silence() -> None:
    whole = predict(RELEASED, WORK).peak_bytes
    found, note = chosen((whole - 1) / GIB)
    assert found == replace(WORK, chunk_pairs=16) and note is None
    fixed, note = chosen((whole - 1) / GIB, Fixed(chunk_pairs=32))
    assert fixed.chunk_pairs == 32 and fixed.split and note is not None


def test_what_is_fixed_is_never_touched() -> None:
    fixed = Fixed(chunk_pairs=32, weights="full", kv="fp8", token_keep=0.7, offload=False, split=False)
    found, note = chosen(1.0, fixed)
    assert (found.weights, found.kv, found.token_keep) == ("full", "fp8", 0.7)
    assert (found.chunk_pairs, found.offload, found.split, note) == (32, False, False, None)


def test_savings_that_are_not_needed_go_again() -> None:
    """Of a short video the weights are what is large: half of its tokens would be lost for nothing."""
    found, note = chosen(6.6, work=replace(WORK, num_pairs=32))
    assert found.weights == "int4" and found.split and found.token_keep == 1 and not found.offload
    assert note is not None and "--weight-dtype int8 forbids it" in note


def test_offload_only_beside_a_gpu_and_only_into_memory_that_is_there() -> None:
    small, _ = economise(RELEASED, WORK, 9 * GIB, Fixed(), host_bytes=GIB)
    assert not small.offload
    none, _ = economise(RELEASED, WORK, 9 * GIB, Fixed(offload=True), host_bytes=None)
    assert not none.offload


@given(st.floats(1.0, 60.0), st.integers(1, 4000))
def test_it_fits_or_everything_was_tried(limit_gib: float, num_pairs: int) -> None:
    found, _ = chosen(limit_gib, work=replace(WORK, num_pairs=num_pairs))
    if predict(RELEASED, found).peak_bytes > limit_gib * GIB:
        assert (found.weights, found.kv, found.split, found.token_keep) == ("int4", "int8", True, 0.5)
        assert found.offload and found.chunk_pairs == 4
        return
    for name, plain in (("weights", "full"), ("kv", "full"), ("split", False), ("token_keep", 1.0), ("offload", False)):
        if getattr(found, name) != plain:  # each alone is needed
            changed: dict[str, Any] = {name: plain, "chunk_pairs": 4, "forward_pairs": 4}
            without = replace(found, **changed)
            cost = predict(RELEASED, without)
            too_much = cost.peak_bytes > limit_gib * GIB or (without.offload and cost.memory_bytes > HOST)
            assert too_much or found.weights == "int4"
    assert {f.name for f in fields(Fixed)} == {"chunk_pairs", "weights", "kv", "token_keep", "offload", "split"}
