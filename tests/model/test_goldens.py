"""The network against what the public reference implementation computed (../shared/goldens)."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from tests.paths import GOLDENS
from vamba_cli.kernels.plain import resample
from vamba_cli.model.patches import bicubic_taps, resize, smart_resize, to_patches
from vamba_cli.weights.load import load_model, read_config

pytestmark = pytest.mark.skipif(not GOLDENS.is_dir(), reason="the reference goldens are not beside this checkout")


def relative_error(ours: Tensor, reference: Tensor) -> float:
    return float((ours.double() - reference.double()).norm() / reference.double().norm())


@pytest.fixture(params=["a", "b", "c", "d"])
def golden(request: pytest.FixtureRequest) -> Path:
    return GOLDENS / str(request.param)


def test_patches(golden: Path) -> None:
    config, pixels = read_config(golden)
    expected = load_file(golden / "expected.safetensors")
    frames = expected["frames"][: len(expected["frames"]) // 2 * 2]
    height, width = smart_resize(frames.shape[1], frames.shape[2], pixels)
    assert [len(frames) // 2, height // 14, width // 14] == expected["video_grid_thw"][0].tolist()
    reference = expected["pixel_values_videos"]
    ours = to_patches(resize(frames, height, width), config.vision, pixels, torch.float32).flatten(0, 1)
    levels = (ours - reference).abs() * 255 * torch.tensor(pixels.std).repeat_interleave(2 * 14 * 14)
    assert relative_error(ours, reference) <= 8e-3
    assert float((levels > 1.01).float().mean()) <= 0.005


@pytest.mark.parametrize(("size", "new_size"), [((36, 64), (28, 56)), ((90, 160), (56, 84)), ((20, 30), (28, 56))])
def test_resize_by_products_equals_the_cpu_path(size: tuple[int, int], new_size: tuple[int, int]) -> None:
    """What GPUs without kernels compute is equal to the last bit."""
    frames = torch.randint(0, 256, (2, *size, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    ours = frames
    for dim in (2, 1):
        ours = resample(ours, *bicubic_taps(size[dim - 1], new_size[dim - 1], frames.device), dim=dim)
    assert torch.equal(ours, resize(frames, *new_size))


def test_video_stream_and_text(golden: Path) -> None:
    config, _ = read_config(golden)
    model = load_model(golden, config, last_mixer=True)
    expected = load_file(golden / "expected.safetensors")
    pairs, rows, columns = expected["video_grid_thw"][0].tolist()
    errors: dict[str, float] = {}
    memory: list[tuple[Tensor, Tensor]] = []

    def emit(layer: int, keys: Tensor, values: Tensor) -> None:
        memory.append((keys, values))
        errors[f"key {layer}"] = relative_error(keys.flatten(2), expected[f"cross_key.{layer}"])
        errors[f"value {layer}"] = relative_error(values.flatten(2), expected[f"cross_value.{layer}"])

    def observe(layer: int, video: Tensor) -> None:
        errors[f"mixer {layer}"] = relative_error(video, expected[f"mixer.{layer}"])

    with torch.inference_mode():
        patches = expected["pixel_values_videos"].reshape(pairs, rows * columns, -1)
        visual = model.vision(patches, rows, columns).flatten(0, 1)
        errors["visual"] = relative_error(visual, expected["visual"])
        model.encode_chunk(visual[None], model.empty_states(), emit, observe)
        ids = expected["input_ids"]
        errors["logits"] = relative_error(model.logits(model.decode(ids, memory.__getitem__)), expected["logits"])
        cache = model.text_cache(1, ids.shape[1] + 16)
        tokens = []
        for _ in range(16):
            hidden = model.decode(ids, memory.__getitem__, cache)
            cache = cache.advanced(ids.shape[1])
            ids = model.logits(hidden[:, -1:]).argmax(-1)
            tokens.append(int(ids))
    assert len(errors) == 2 + 3 * config.num_layers
    assert {name: error for name, error in errors.items() if not error <= 1e-5} == {}
    assert tokens == expected["generated_ids"][0].tolist()
