"""Weights in 8 and 4 bits: how far they are off, what keeps its bits, and what loading them takes."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from tests.peak_memory import in_fresh_process, needs_peak_memory, peak_growth_bytes
from tests.tinynet import SMALL
from vamba_cli.engine.verify import relative_error
from vamba_cli.errors import ModelError
from vamba_cli.kernels import plain
from vamba_cli.model.vamba import Vamba
from vamba_cli.train.export import export
from vamba_cli.weights import parts
from vamba_cli.weights.load import fill, fill_randomly, load_model, random_model, read_config, skeleton
from vamba_cli.weights.quantise import ROUNDED_NUMBERS, QuantisedLinear, kind_of, stored_bytes, to_int4, to_int8

CPU = torch.device("cpu")


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def quantised(
    weight: Tensor, kind: str, bias: Tensor | None = None, dtype: torch.dtype = torch.float32
) -> QuantisedLinear:
    linear = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None, device="meta")
    if bias is not None:
        linear.bias = nn.Parameter(bias, requires_grad=False)
    layer = QuantisedLinear(linear, kind, CPU, dtype)
    layer.store(0, weight[:5])
    layer.store(5, weight[5:])
    return layer


def test_int8_is_off_by_half_a_step() -> None:
    weight = normal(7, 100) * torch.logspace(-4, 3, 7)[:, None]
    weight[3] = 0
    codes, scale = to_int8(weight, torch.float32)
    assert (codes.abs().amax(1) == torch.tensor([127] * 3 + [0] + [127] * 3)).all()
    assert ((codes * scale[:, None] - weight).abs() <= 0.501 * scale[:, None]).all()


def test_int4_is_off_by_half_a_step_of_its_group() -> None:
    weight = normal(6, 192)
    weight[:, 64:128] = weight[:, 64:128] * 100 + 1000  # a group far from zero needs its own lowest value
    weight[2, :64] = 0.25
    data, scale, low = to_int4(weight, torch.float32)
    assert data.shape == (6, 96) and data.dtype == torch.uint8 and scale.shape == low.shape == (6, 3)
    off = (plain.dense_int4(data, scale, low) - weight).abs().unflatten(1, (3, 64))
    assert (off <= 0.51 * scale[..., None] + 1e-4).all()
    assert (plain.dense_int4(data, scale, low)[2, :64] == 0.25).all()


@pytest.mark.parametrize(
    ("kind", "least", "most"), [("int8", 0.003, 0.012), ("int4", 0.05, 0.11), ("fp8", 0.015, 0.035)]
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_error_of_a_product(kind: str, least: float, most: float, dtype: torch.dtype) -> None:
    """Of normal weights; scales are rounded to the dtype before the codes are chosen, so they add nothing."""
    weight, bias, x = normal(130, 256), normal(130, seed=1), normal(2, 9, 256, seed=2)
    layer = quantised(weight, kind, bias.to(dtype), dtype)
    found = layer(x.to(dtype)).float()
    assert least < relative_error(found, F.linear(x, weight, bias)) < most
    dense = F.linear(x, layer.weight.float(), bias)
    assert relative_error(found, dense) < (1e-5 if dtype == torch.float32 else 8e-3)


def test_blocks_of_rows_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    weight, x = normal(130, 128), normal(3, 128, seed=1)
    layers = [quantised(weight, kind) for kind in ("int8", "int4", "fp8")]
    whole = [layer(x) for layer in layers]
    monkeypatch.setattr(plain, "DENSE_NUMBERS", 128 * 9)
    for layer, expected in zip(layers, whole, strict=True):
        torch.testing.assert_close(layer(x), expected, rtol=1e-5, atol=1e-5)


WIDE = replace(
    SMALL, hidden_size=128, intermediate_size=192,
    vision=replace(SMALL.vision, out_dim=128), mixer=replace(SMALL.mixer, d_model=128),
)  # fmt: skip


@pytest.mark.parametrize("weights", ["int8", "int4"])
def test_what_is_quantised(weights: str) -> None:
    model = random_model(WIDE, device="cpu", dtype=torch.float32, weights=weights)
    kinds = {name: m.kind for name, m in model.named_modules() if isinstance(m, QuantisedLinear)}
    dense = {name.removesuffix(".weight") for name, p in model.named_parameters() if p.ndim == 2}
    assert dense == {"embed_tokens", "vision.patch_embed"}
    assert kinds["lm_head"] == kinds["layers.0.mixer.mixer.in_proj"] == kinds["vision.blocks.1.fc2"] == "int8"
    assert kinds["layers.0.cross_attn.k_proj"] == "int8"
    assert kinds["layers.2.mlp.down_proj"] == kinds["layers.1.self_attn.o_proj"] == weights
    for name, parameter in model.named_parameters():
        assert parameter.dtype == torch.float32, name
    assert kind_of("layers.0.mlp.up_proj.weight", 96, "int4") == "int8"  # its rows do not divide into groups
    assert kind_of("layers.0.mlp.up_proj.weight", 128, "full") == "full"


def test_fp8_is_for_what_encodes() -> None:
    model = random_model(WIDE, device="cpu", dtype=torch.float32, weights="fp8")
    layers = {name: m for name, m in model.named_modules() if isinstance(m, QuantisedLinear)}
    assert {layer.kind for layer in layers.values()} == {"fp8"}
    assert {name.rpartition(".")[0] for name in layers} == {
        *(f"layers.{i}.mixer.mixer" for i in range(WIDE.num_layers - 1)),
        *(f"vision.blocks.{i}" for i in range(WIDE.vision.depth)),
    }
    assert all(layer.scale.dtype == torch.float32 and layer.multiplies_codes for layer in layers.values())


def test_fp8_in_float16_stays_finite() -> None:
    """Codes reach 448: their sums would not fit into float16 before they are scaled."""
    weight, x = 0.01 + 0.01 * normal(64, 5120), 2 + normal(3, 5120, seed=1)
    found = quantised(weight, "fp8", normal(64, seed=2).half(), torch.float16)(x.half())
    assert found.dtype == torch.float16 and relative_error(found.float(), F.linear(x, weight)) < 0.1


@pytest.mark.parametrize("kind", ["full", "int8", "int4", "fp8"])
def test_stored_bytes(kind: str) -> None:
    layer = nn.Linear(128, 24, bias=False) if kind == "full" else quantised(normal(24, 128), kind)
    tensors = (*layer.parameters(), *layer.buffers())
    assert stored_bytes(kind, 24, 128, 4) == sum(t.nbytes for t in tensors)


def dense_twin(model: Vamba) -> Vamba:
    """The same network with every quantised layer made dense."""
    twin = skeleton(model.config)
    for name, module in model.named_modules():
        if isinstance(module, QuantisedLinear):
            linear = twin.get_submodule(name)
            assert isinstance(linear, nn.Linear)
            linear.weight = nn.Parameter(module.weight, requires_grad=False)
            linear.register_parameter("bias", module.bias)
    for name, parameter in model.named_parameters():
        path, _, leaf = name.rpartition(".")
        setattr(twin.get_submodule(path), leaf, parameter)
    return twin


@torch.inference_mode()
def run(model: Vamba) -> list[Tensor]:
    """Keys and values of a little video, and logits behind a text that reads them."""
    tokens = model.vision(normal(4, 24, model.config.vision.patch_dim), 4, 6).flatten(0, 1)[None]
    memory: list[tuple[Tensor, Tensor]] = []
    model.encode_chunk(tokens, model.empty_states(), lambda _layer, k, v: memory.append((k, v)))
    logits = model.logits(model.decode(torch.arange(9)[None], memory.__getitem__))
    return [*(t for pair in memory for t in pair), logits]


@pytest.mark.parametrize("weights", ["int8", "int4", "fp8"])
def test_a_quantised_network_is_its_dense_twin(weights: str) -> None:
    model = random_model(WIDE, device="cpu", dtype=torch.float32, weights=weights)
    for ours, theirs in zip(run(model), run(dense_twin(model)), strict=True):
        assert relative_error(ours, theirs) < 1e-5


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    export(random_model(WIDE, device="cpu", dtype=torch.float32, seed=3), tmp_path, torch.float32)
    return tmp_path


@pytest.mark.parametrize("weights", ["int8", "int4", "fp8"])
def test_loaded_and_drawn_alike(folder: Path, weights: str) -> None:
    """From a file or at random, whole or in parts: the same values."""
    config, _ = read_config(folder)
    loaded = load_model(folder, config, weights=weights)
    drawn = random_model(WIDE, device="cpu", dtype=torch.float32, seed=3, weights=weights)
    for ours, theirs in zip(run(loaded), run(drawn), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("weights", ["full", "int8"])
@pytest.mark.parametrize("random", [False, True])
def test_one_part_after_the_other(folder: Path, weights: str, random: bool) -> None:
    """Encode with the video part, drop it, read with the text part: what the whole network says, to the last bit."""
    model = skeleton(WIDE)

    def enter(part: str) -> None:
        if random:
            fill_randomly(model, device="cpu", dtype=torch.float32, seed=3, weights=weights, part=part)
        else:
            fill(model, folder, device="cpu", dtype=torch.float32, weights=weights, part=part)

    def held() -> set[str]:
        names = (*model.named_parameters(), *model.named_buffers())
        return {parts.part_of(name) for name, tensor in names if tensor.device.type != "meta"}

    *expected, logits = run(load_model(folder, WIDE, weights=weights))
    for _ in range(2):  # and back again
        enter(parts.VIDEO)
        assert held() == {parts.VIDEO, parts.BOTH} and model.device == CPU
        memory: list[tuple[Tensor, Tensor]] = []
        with torch.inference_mode():
            tokens = model.vision(normal(4, 24, WIDE.vision.patch_dim), 4, 6).flatten(0, 1)[None]
            model.encode_chunk(tokens, model.empty_states(), lambda _layer, k, v, m=memory: m.append((k, v)))  # type: ignore[misc]
        parts.drop(model, parts.VIDEO)
        enter(parts.TEXT)
        assert held() == {parts.TEXT, parts.BOTH}
        with torch.inference_mode():
            said = model.logits(model.decode(torch.arange(9)[None], memory.__getitem__))
        parts.drop(model, parts.TEXT)
        for ours, theirs in zip([*(t for pair in memory for t in pair), said], [*expected, logits], strict=True):
            assert torch.equal(ours, theirs)


BIG = replace(SMALL, vocab_size=4000, hidden_size=512, intermediate_size=16_384, num_layers=4,
              vision=replace(SMALL.vision, out_dim=512), mixer=replace(SMALL.mixer, d_model=512))  # fmt: skip


def filling_growth(weights: str) -> tuple[int, int]:
    """Bytes by which filling a network raises the peak, and bytes that stay."""
    kept = [random_model(BIG, device="cpu", dtype=torch.float32, weights=weights)]  # what torch's first use brings
    kept.clear()
    fill_it = partial(random_model, BIG, device="cpu", dtype=torch.float32, weights=weights)
    grown = peak_growth_bytes(lambda: kept.append(fill_it()))
    return grown, sum(t.nbytes for t in (*kept[0].parameters(), *kept[0].buffers()))


@needs_peak_memory
def test_the_dense_weights_are_never_held() -> None:
    """Above what stays: a block of rows in float32, and what rounding makes of it; no matrix, let alone all of them.

    At random, because the pages of a file that is read count as memory, too, although nobody holds them.
    """
    grown, held = in_fresh_process(filling_growth, "int8")
    dense = 4 * sum(p.numel() for p in skeleton(BIG).parameters())
    assert dense > 3 * held
    assert 0.98 * held < grown < held + 5 * 4 * ROUNDED_NUMBERS < dense / 2


def test_a_missing_tensor_of_a_quantised_layer_is_named(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(ModelError, match=r"'layers\.1\.mlp\.up_proj\.weight' \(our name\) first"):
        load_model(folder, WIDE, weights="int8")
