"""`verify_folder`: reference results pass, a wrong weight does not, and what is absent is said."""

import math
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.paths import GOLDENS
from vamba_cli.engine.verify import relative_error, verify_folder
from vamba_cli.errors import ModelError
from vamba_cli.results import VerifyResult

pytestmark = pytest.mark.skipif(not GOLDENS.is_dir(), reason="the reference goldens are not beside this checkout")
Change = Callable[[dict[str, Tensor]], object]


def changed(folder: Path, file: str, change: Change) -> Path:
    """A copy of golden d (the smallest) with one of its files changed."""
    copy = folder / "d"
    if not copy.exists():
        copy.mkdir()
        for path in (GOLDENS / "d").iterdir():
            shutil.copyfile(path, copy / path.name)
    tensors = load_file(copy / file)
    change(tensors)
    save_file(tensors, copy / file)
    return copy


def failed(result: VerifyResult) -> set[str]:
    return {row.name for row in result.failed}


def scale(name: str, factor: float) -> Change:
    return lambda tensors: tensors.update({name: tensors[name] * factor})


@pytest.mark.parametrize("name", ["a", "b", "c", "d"])
def test_reference_results_pass(name: str) -> None:
    result = verify_folder(GOLDENS / name)
    assert result.ok and not result.failed and not result.skipped
    layers = 3 if name in "ad" else 4
    wanted = ["pixel_values_videos", "visual", "logits", "generated_ids"]
    for layer in range(layers):
        wanted += [f"mixer.{layer}", f"cross_key.{layer}", f"cross_value.{layer}"]
    assert sorted(row.name for row in result.rows) == sorted(wanted)
    assert all(
        row.error is not None and row.tolerance is not None and row.error <= row.tolerance for row in result.rows
    )
    assert result.folder == str(GOLDENS / name) and result.seconds > 0


@pytest.mark.parametrize(
    ("weight", "first_wrong", "still_right"),
    [
        ("visual.blocks.1.mlp.fc1.weight", "visual", "pixel_values_videos"),
        ("model.layers.1.vision_mixer.mixer.out_proj.weight", "mixer.1", "mixer.0"),
        ("model.layers.0.vision_mixer.mixer.A_log", "mixer.0", "cross_key.0"),
        ("model.layers.2.cross_attn.v_proj.weight", "cross_value.2", "cross_key.2"),
        ("lm_head.weight", "logits", "mixer.2"),
    ],
)
def test_a_slightly_scaled_weight_fails(tmp_path: Path, weight: str, first_wrong: str, still_right: str) -> None:
    result = verify_folder(changed(tmp_path, "model.safetensors", scale(weight, 1.01)))
    assert not result.ok
    assert first_wrong in failed(result)
    assert still_right not in failed(result)


def test_other_pixels_fail(tmp_path: Path) -> None:
    folder = changed(tmp_path, "expected.safetensors", lambda t: t.update({"frames": t["frames"].flip(1)}))
    assert failed(verify_folder(folder)) == {"pixel_values_videos"}


def test_other_tokens_fail_and_are_counted(tmp_path: Path) -> None:
    def change(tensors: dict[str, Tensor]) -> None:
        tensors["generated_ids"][0, -2:] += 1

    result = verify_folder(changed(tmp_path, "expected.safetensors", change))
    (row,) = result.failed
    assert (row.name, row.error, row.detail) == ("generated_ids", 2.0, "14 of 16 tokens equal")


def test_another_shape_is_an_infinite_error(tmp_path: Path) -> None:
    folder = changed(tmp_path, "expected.safetensors", lambda t: t.update({"visual": t["visual"][:-1].clone()}))
    (row,) = verify_folder(folder).failed
    assert row.name == "visual" and row.error == math.inf


@pytest.mark.parametrize("name", ["visual", "mixer.1", "cross_key.0", "frames", "logits", "generated_ids", "input_ids"])
def test_what_is_absent_is_skipped_and_said(tmp_path: Path, name: str) -> None:
    result = verify_folder(changed(tmp_path, "expected.safetensors", lambda t: t.pop(name)))
    wanted = {"frames": {"pixel_values_videos"}, "input_ids": {"logits", "generated_ids"}}.get(name, {name})
    assert {row.name for row in result.skipped} == wanted
    assert all("skipped" in row.detail and row.status == "skipped" for row in result.skipped)
    assert result.ok  # the rest was compared


@pytest.mark.parametrize("name", ["pixel_values_videos", "video_grid_thw"])
def test_without_the_input_nothing_can_be_compared(tmp_path: Path, name: str) -> None:
    folder = changed(tmp_path, "expected.safetensors", lambda t: t.pop(name))
    with pytest.raises(ModelError, match=r"lacks pixel_values_videos or video_grid_thw"):
        verify_folder(folder)


def test_a_folder_without_results_or_with_damaged_ones(tmp_path: Path) -> None:
    folder = changed(tmp_path, "expected.safetensors", lambda t: None)
    file = folder / "expected.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ModelError, match=r"expected\.safetensors is damaged or incomplete"):
        verify_folder(folder)
    file.unlink()
    with pytest.raises(ModelError, match=r"no expected\.safetensors: there is nothing to verify against"):
        verify_folder(folder)


def test_relative_error() -> None:
    one = torch.tensor([3.0, 4.0])
    assert relative_error(one, one) == 0
    assert relative_error(one * 1.1, one) == pytest.approx(0.1)
    assert relative_error(one, one[None]) == relative_error(one * torch.nan, one) == math.inf


@pytest.mark.skipif(not GOLDENS.is_dir(), reason="the reference goldens are not beside this checkout")
@pytest.mark.parametrize(
    ("weights", "kv", "least", "most"), [("full", "int8", 3e-3, 1e-2), ("int8", "full", 1e-2, 5e-2)]
)
def test_fewer_bits_are_measured(weights: str, kv: str, least: float, most: float) -> None:
    """The errors of keys and values are those of rounding, and stand in the rows with a wide limit."""
    rows = {row.name: row for row in verify_folder(GOLDENS / "b", weights, kv).rows}
    error = max(row.error or 0 for name, row in rows.items() if name.startswith("cross_"))
    assert least < error < most and all(row.ok is not False for row in rows.values())
    assert rows["cross_key.1"].tolerance == 0.1
