"""Checkpoint folders: what is read, what is refused and how it is said, and how much memory it takes."""

import json
import math
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.paths import ROOT
from tests.peak_memory import MIB, in_fresh_process, needs_peak_memory, peak_growth_bytes
from tests.tinynet import SMALL, small_model
from vamba_cli.errors import ModelError
from vamba_cli.model.vamba import Vamba
from vamba_cli.train.export import export
from vamba_cli.weights.load import load_model, random_model, read_config, weight_files
from vamba_cli.weights.names import our_name, reference_name

WIDE = ("A_log", "dt_bias", "mixer.D")
LAST_MIXER = "model.layers.2.vision_mixer."
Change = Callable[[dict[str, Tensor]], object]


@pytest.fixture(scope="module")
def model() -> Vamba:
    return small_model()


@pytest.fixture
def folder(tmp_path: Path, model: Vamba) -> Path:
    """A whole checkpoint in float32."""
    export(model, tmp_path / "model", torch.float32)
    return tmp_path / "model"


def load(folder: Path, dtype: torch.dtype = torch.float32) -> Vamba:
    config, _ = read_config(folder)
    return load_model(folder, config, dtype=dtype)


def rewrite(folder: Path, change: Change) -> None:
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")


# --- what comes out is what went in


def same(ours: Vamba, theirs: Vamba) -> bool:
    left, right = dict(ours.named_parameters()), dict(theirs.named_parameters())
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def test_export_and_load_is_the_same_network(folder: Path, model: Vamba) -> None:
    loaded = load(folder)
    assert loaded.config == SMALL
    assert same(model, loaded)
    assert not loaded.training and not any(p.requires_grad for p in loaded.parameters())


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("alpha", [False, True])
def test_variants_there_and_back(tmp_path: Path, tied: bool, alpha: bool) -> None:
    config = replace(SMALL, tie_word_embeddings=tied, use_alpha_balancing=alpha)
    model = random_model(config, device="cpu", dtype=torch.float32)
    export(model, tmp_path, torch.float32)
    names = load_file(tmp_path / "model.safetensors").keys()
    assert ("lm_head.weight" in names) != tied
    assert any("alpha" in name for name in names) == alpha
    assert same(model, load(tmp_path))


def test_a_tied_checkpoint_may_repeat_its_embeddings(tmp_path: Path) -> None:
    export(random_model(replace(SMALL, tie_word_embeddings=True), device="cpu", dtype=torch.float32), tmp_path)
    rewrite(tmp_path, lambda t: t.update({"lm_head.weight": t["model.embed_tokens.weight"].clone()}))
    assert load(tmp_path).lm_head is None


def test_names_table_goes_both_ways() -> None:
    names = [name for name, _ in Vamba(SMALL, last_mixer=True).named_parameters()]
    assert [our_name(reference_name(name)) for name in names] == names
    assert len({reference_name(name) for name in names}) == len(names)
    assert reference_name("layers.1.mixer.mixer.A_log") == "model.layers.1.vision_mixer.mixer.A_log"
    assert reference_name("vision.patch_embed.weight") == "visual.patch_embed.proj.weight"
    with pytest.raises(ModelError, match=r"'optimizer\.state' is not a parameter"):
        reference_name("optimizer.state")
    with pytest.raises(ModelError, match=r"unknown tensor 'model\.layers\.0\.router\.weight'"):
        our_name("model.layers.0.router.weight")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_dtype_is_applied_but_to_the_recurrence(folder: Path, dtype: torch.dtype) -> None:
    exact = dict(load(folder).named_parameters())
    for name, parameter in load(folder, dtype).named_parameters():
        wide = torch.promote_types(dtype, torch.float32) if name.endswith(WIDE) else dtype
        assert parameter.dtype == wide, name
        assert torch.equal(parameter, exact[name].to(wide)), name


def test_the_last_mixer_may_be_absent_or_present(folder: Path) -> None:
    names = load_file(folder / "model.safetensors").keys()
    assert not any(name.startswith(LAST_MIXER) for name in names)  # small_model has none, and it was loaded above
    spare = {
        name.replace("layers.1.", "layers.2."): torch.zeros(1) for name in names if "layers.1.vision_mixer" in name
    }
    rewrite(folder, lambda t: t.update(spare))
    assert load(folder).layers[2].mixer is None
    config, _ = read_config(folder)
    with pytest.raises(ModelError, match=r"vision_mixer\S* has shape \(1,\)"):  # unread above, read here
        load_model(folder, config, last_mixer=True)


def test_last_mixer_is_needed_where_it_is_asked_for(folder: Path) -> None:
    config, _ = read_config(folder)
    with pytest.raises(ModelError, match=r"lacks 9 of \d+ tensors, 'layers\.2\.mixer\."):
        load_model(folder, config, last_mixer=True)


# --- tensors that do not fit


def test_missing_tensor_is_named(folder: Path) -> None:
    rewrite(folder, lambda t: t.pop("model.layers.1.cross_attn.k_proj.bias"))
    with pytest.raises(ModelError, match=r"lacks 1 of \d+ tensors, 'layers\.1\.cross_attn\.k_proj\.bias'"):
        load(folder)


def test_unknown_tensor_is_named(folder: Path) -> None:
    rewrite(folder, lambda t: t.update({"model.layers.1.router.weight": torch.zeros(2)}))
    with pytest.raises(ModelError, match=r"unknown tensor 'model\.layers\.1\.router\.weight'"):
        load(folder)


@pytest.mark.parametrize(
    "name", ["model.layers.3.input_layernorm.weight", "model.layers.0.alpha.weight", "visual.blocks.2.norm1.bias"]
)
def test_a_tensor_without_a_place_is_named(folder: Path, name: str) -> None:
    rewrite(folder, lambda t: t.update({name: torch.zeros(64)}))
    with pytest.raises(ModelError, match=name.replace(".", r"\.")):
        load(folder)


def test_alpha_without_its_flag_is_refused(folder: Path) -> None:
    values = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**values, "use_alpha_balancing": False}))
    with pytest.raises(ModelError, match=r"'model\.layers\.0\.alpha', for which config\.json has no place"):
        load(folder)


@pytest.mark.parametrize("name", ["model.norm.weight", "visual.patch_embed.proj.weight", "lm_head.weight"])
def test_wrong_shape_is_named_with_both_shapes(folder: Path, name: str) -> None:
    rewrite(folder, lambda t: t.update({name: t[name].flatten()[:-1].clone()}))
    with pytest.raises(ModelError, match=rf"{name} has shape \(\d+,\), config\.json needs \("):
        load(folder)


def test_a_transposed_tensor_is_refused(folder: Path) -> None:
    name = "model.layers.0.mlp.gate_proj.weight"
    rewrite(folder, lambda t: t.update({name: t[name].T.contiguous()}))
    with pytest.raises(ModelError, match=r"has shape \(64, 96\), config\.json needs \(96, 64\)"):
        load(folder)


# --- files


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_truncated_file_is_named(folder: Path, share: float) -> None:
    file = folder / "model.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ModelError, match=r"model\.safetensors is damaged or incomplete .*download it again"):
        load(folder)


def test_a_folder_without_weights_says_that_pickles_are_not_read(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"no model\.safetensors .*pickled weights are never read"):
        load(folder)


def shard(folder: Path) -> dict[str, str]:
    """Split the weights over two files with an index; returns its weight_map."""
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    weight_map = {name: f"model-{number % 2 + 1}.safetensors" for number, name in enumerate(tensors)}
    for file in set(weight_map.values()):
        save_file({name: tensors[name] for name in tensors if weight_map[name] == file}, folder / file)
    write_index(folder, weight_map)
    return weight_map


def write_index(folder: Path, weight_map: object) -> None:
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))


def test_shards_are_one_network(folder: Path) -> None:
    whole = load(folder).state_dict()
    shard(folder)
    assert [path.name for path in weight_files(folder)] == ["model-1.safetensors", "model-2.safetensors"]
    assert all(torch.equal(tensor, whole[name]) for name, tensor in load(folder).state_dict().items())


def test_missing_shard_is_named(folder: Path) -> None:
    shard(folder)
    (folder / "model-2.safetensors").unlink()
    with pytest.raises(ModelError, match=r"lacks the shard model-2\.safetensors \(1 of 2 missing\)"):
        load(folder)


@pytest.mark.parametrize("name", ["../model.safetensors", "/etc/passwd", "sub/model.safetensors", "..", "."])
def test_an_index_may_not_leave_its_folder(folder: Path, name: str) -> None:
    write_index(folder, {**shard(folder), "lm_head.weight": name})
    (folder.parent / "model.safetensors").write_bytes(b"elsewhere")
    with pytest.raises(ModelError, match=r"outside of its folder|lacks the shard"):
        load(folder)


def test_a_tensor_in_two_shards_is_refused(folder: Path) -> None:
    shard(folder)
    norm = {"model.norm.weight": torch.ones(64)}
    for file in ("model-1.safetensors", "model-2.safetensors"):
        save_file({**load_file(folder / file), **norm}, folder / file)
    with pytest.raises(ModelError, match=r"'model\.norm\.weight' for a second time"):
        load(folder)


@pytest.mark.parametrize("weight_map", [{}, None, ["model-1.safetensors"]])
def test_an_index_without_a_map_is_refused(folder: Path, weight_map: object) -> None:
    shard(folder)
    write_index(folder, weight_map)
    with pytest.raises(ModelError, match="has no weight_map"):
        load(folder)


@pytest.mark.parametrize("content", [b"{", b"[1, 2]", b"\xff\xfe", b""])
def test_unreadable_json_is_named(folder: Path, content: bytes) -> None:
    (folder / "config.json").write_bytes(content)
    with pytest.raises(ModelError, match=r"config\.json (cannot be read|must hold a JSON object)"):
        load(folder)


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json"])
def test_missing_json_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ModelError, match=f"not a model folder: it has no {name}"):
        load(folder)


# --- memory

BIG = replace(
    SMALL, vocab_size=36_000, hidden_size=1024, intermediate_size=64, num_layers=1,
    vision=replace(SMALL.vision, out_dim=1024), mixer=replace(SMALL.mixer, d_model=1024, head_dim=64),
)  # fmt: skip


def loading_growth(warm_up: Path, cases: Sequence[tuple[Path, torch.dtype]]) -> list[tuple[int, int]]:
    """For each folder: bytes by which loading and touching every weight raise the peak, and bytes of the weights."""
    torch.set_num_threads(1)
    load(warm_up)  # what the first use of torch brings along is not the checkpoint's
    sizes: list[int] = []

    def work(folder: Path, dtype: torch.dtype) -> Vamba:
        model = load(folder, dtype)
        sizes.append(sum(p.numel() * p.element_size() for p in model.parameters()))
        assert all(math.isfinite(float(p.view(-1)[::512].double().sum())) for p in model.parameters())
        return model

    grown = [peak_growth_bytes(partial(work, folder, dtype)) for folder, dtype in cases]
    return list(zip(grown, sizes, strict=True))


@needs_peak_memory
def test_loading_holds_no_second_copy(tmp_path: Path, folder: Path) -> None:
    with torch.device("meta"):
        model = Vamba(BIG)
    model = model.to_empty(device="cpu")
    for parameter in model.parameters():
        parameter.data.fill_(0.5)
    full, half = (
        export(model, tmp_path / name, dtype) for name, dtype in (("full", torch.float32), ("half", torch.bfloat16))
    )
    cases = [(full.parent, torch.float32), (half.parent, torch.bfloat16), (half.parent, torch.float32)]
    (same, same_size), (narrow, narrow_size), (widened, wide_size) = in_fresh_process(loading_growth, folder, cases)
    assert same_size == wide_size == pytest.approx(2 * narrow_size, rel=1e-3)
    assert narrow_size > 150 * MIB
    assert same_size < same < 1.3 * same_size
    assert narrow_size < narrow < 1.3 * narrow_size
    # The file is mapped. Where it is converted, its pages count beside the new tensors, though the kernel takes them
    # back as soon as anybody needs the memory.
    assert wide_size < widened < 1.3 * wide_size + half.stat().st_size


def test_a_network_is_built_without_torchs_compiler() -> None:
    """To import it takes longer than to read the bundled weights."""
    code = (
        "import sys, torch; from vamba_cli.model.vamba import Vamba; from tests.tinynet import SMALL\n"
        "with torch.device('meta'): Vamba(SMALL)\n"
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
